package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/bigv-go/bigv"
)

// overviewOf asks for the machines of a group with their children.
func overviewOf(group string) bigv.VirtualMachineListOptions {
	return bigv.VirtualMachineListOptions{Group: bigv.AccountPath("acme").Group(group), View: bigv.Overview}
}

func expect(n, got int, err error) error {
	if err == nil && got != n {
		err = fmt.Errorf("expected %d machines, got %d", n, got)
	}
	return err
}

// wholeOverview is P5: 10,000 machines in one slice.
func wholeOverview(ctx context.Context, b *bench) (rows []row, err error) {
	for _, protocol := range protocols {
		client, floor := b.bigv[protocol], b.floor[protocol]
		s := &sides{
			pace:       few,
			operations: 1,
			bigv: func() error {
				vms, err := client.VirtualMachines.List(ctx, overviewOf("long"))
				return expect(long, len(vms), err)
			},
			floor: func() error {
				vms, err := floor.overview(ctx, "long")
				return expect(long, len(vms), err)
			},
		}
		if err := s.measure(); err != nil {
			return nil, err
		}
		elapsed := row{ID: "P5", Measure: "overview of 10,000 VMs: time", Over: protocol, Target: 0.65, Unit: "x", decimals: 2}
		elapsed.Figure, elapsed.Low, elapsed.High = s.compare(seconds, ratio)
		ours, theirs := s.medians(seconds)
		elapsed.Bigv, elapsed.Floor = duration(ours), duration(theirs)
		memory := row{ID: "P5", Measure: "overview of 10,000 VMs: bytes allocated", Over: protocol, Target: 0.75, Unit: "x", decimals: 2}
		memory.Figure, memory.Low, memory.High = s.compare(allocated, ratio)
		ours, theirs = s.medians(allocated)
		memory.Bigv, memory.Floor = size(ours), size(theirs)
		rows = append(rows, elapsed, memory)
	}
	return rows, nil
}

// count counts the machines that All hands out.
func count(ctx context.Context, client *bigv.Client, group string) (n int, err error) {
	for _, err := range client.VirtualMachines.All(ctx, overviewOf(group)) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// streamedOverview is P6: All over lists of two lengths.
func streamedOverview(ctx context.Context, b *bench) (rows []row, err error) {
	for _, protocol := range protocols {
		client, floor := b.bigv[protocol], b.floor[protocol]
		s := &sides{
			pace:       few,
			operations: long,
			bigv: func() error {
				n, err := count(ctx, client, "long")
				return expect(long, n, err)
			},
			floor: func() error {
				n := 0
				err := floor.each(ctx, "long", func(machine) { n++ })
				return expect(long, n, err)
			},
		}
		if err := s.measure(); err != nil {
			return nil, err
		}
		r := row{ID: "P6", Measure: "All over 10,000 VMs: time per VM", Over: protocol, Target: 0.6, Unit: "x", decimals: 2}
		r.Figure, r.Low, r.High = s.compare(seconds, ratio)
		ours, theirs := s.medians(seconds)
		r.Bigv, r.Floor = duration(ours), duration(theirs)
		rows = append(rows, r)

		var peaks [2]float64
		for i, list := range []struct {
			group  string
			length int
		}{{"long", long}, {"longer", 10 * long}} {
			n := 0
			if n, peaks[i], err = peak(ctx, client, list.group, list.length/100); err != nil {
				return nil, err
			}
			if err := expect(list.length, n, nil); err != nil {
				return nil, err
			}
			rows = append(rows, row{
				ID: "P6", Measure: fmt.Sprintf("All over %d,000 VMs: live heap above idle", list.length/1000), Over: protocol,
				Figure: peaks[i] / 1e6, Target: 4, Unit: " MB", decimals: 2,
			})
		}
		rows = append(rows, row{
			ID: "P6", Measure: "All: growth of the live heap from 10,000 to 100,000 VMs", Over: protocol,
			Figure: (peaks[1] - peaks[0]) / 1e6, Target: sameHeap, Unit: " MB", decimals: 2,
		})
	}
	return rows, nil
}

// sameHeap is how far two peaks in MB may lie apart by the luck of when they
// were sampled.
const sameHeap = 0.25

// peak stops All at every so many machines, gives the transport the time to read
// ahead as far as it will, and returns the most memory that was then found
// alive, in bytes above idle.
func peak(ctx context.Context, client *bigv.Client, group string, every int) (n int, highest float64, err error) {
	live() // pools let go of what they hold at the second collection
	idle := live()
	for _, err := range client.VirtualMachines.All(ctx, overviewOf(group)) {
		if err != nil {
			return n, 0, err
		}
		if n++; n%every == 0 {
			time.Sleep(5 * time.Millisecond)
			highest = max(highest, live()-idle)
		}
	}
	return n, highest, nil
}

// live collects garbage and returns how many bytes were found alive.
func live() float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}

// firstMachine is P7: what the server had sent when All handed out the first
// machine. It sends an element a millisecond until it is asked.
func firstMachine(ctx context.Context, b *bench) (rows []row, err error) {
	for _, protocol := range protocols {
		sent, n := int64(0), 0
		for _, err := range b.bigv[protocol].VirtualMachines.All(ctx, overviewOf("paced")) {
			if err != nil {
				return nil, err
			}
			if n++; n == 1 {
				if sent, err = b.server.ask("/sent"); err != nil {
					return nil, err
				}
			}
		}
		if n != long {
			return nil, expect(long, n, nil)
		}
		body := float64(len(elements(long)) + len("[]"))
		rows = append(rows, row{
			ID: "P7", Measure: fmt.Sprintf("first VM of All: sent by then, of %s", size(body)), Over: protocol,
			Bigv: size(float64(sent)), Figure: float64(sent) / body * 100, Target: 1, Unit: " %", decimals: 2,
		})
	}
	return rows, nil
}
