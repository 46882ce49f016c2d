package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/jsonwire"
)

// overviewOf returns options for listing the virtual machines of a group with their discs and network interfaces.
func overviewOf(group string) bigv.VirtualMachineListOptions {
	return bigv.VirtualMachineListOptions{Group: bigv.AccountPath("acme").Group(group), View: bigv.Overview}
}

// checkCount returns err, or an error if the number of machines is wrong.
func checkCount(want, got int, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %d machines, want %d", got, want)
	}
	return err
}

// measureList measures P5: List of 10,000 machines with their discs and network interfaces.
func measureList(ctx context.Context, env *environment) (results []result, err error) {
	for _, protocol := range protocols {
		client, baselines := env.bigv[protocol], env.baselines[protocol]
		comp := &comparison{
			rounds:     few,
			operations: 1,
			bigv: side{run: func() error {
				vms, err := client.VirtualMachines.List(ctx, overviewOf("long"))
				return checkCount(listLength, len(vms), err)
			}},
			limit: side{run: func() error { return baselines[0].tokens(ctx, "long") }},
		}
		for _, b := range baselines {
			comp.baselines = append(comp.baselines, side{name: b.name, run: func() error {
				vms, err := b.overview(ctx, "long")
				return checkCount(listLength, len(vms), err)
			}})
		}
		if err := comp.measure(); err != nil {
			return nil, err
		}
		elapsed := comp.result(result{
			ID: "P5", Measure: "overview of 10,000 VMs: time", Protocol: protocol, Target: byRelease(0.45, 0.7), Unit: "x", decimals: 2,
		}, seconds, ratio, duration)
		memory := comp.result(result{
			ID: "P5", Measure: "overview of 10,000 VMs: bytes allocated", Protocol: protocol, Target: 0.48, Unit: "x", decimals: 2,
		}, allocated, ratio, size)
		memory.Limit = "" // reading tokens allocates nothing of note
		results = append(results, elapsed, memory)
	}
	return results, nil
}

// measureDecoding measures P11: decoding the list of P5 without a network, compared with reading its tokens.
func measureDecoding(context.Context, *environment) ([]result, error) {
	body := slices.Concat(listBody(elements(listLength), 1)...)
	comp := &comparison{
		rounds:     few,
		operations: listLength,
		bigv: side{run: func() error {
			vms, err := jsonwire.ReadArray[bigv.VirtualMachine](bytes.NewReader(body), int64(len(body)), 64<<20)
			return checkCount(listLength, len(vms), err)
		}},
		baselines: []side{{run: func() error { return readTokens(bytes.NewReader(body)) }}},
	}
	if err := comp.measure(); err != nil {
		return nil, err
	}
	return []result{
		comp.result(result{
			ID: "P11", Measure: "decoding a list compared with reading its tokens: time per VM", Target: 1.75, Unit: "x", decimals: 2,
		}, seconds, ratio, duration),
		{ID: "P11", Measure: "decoding a list: allocations per VM", Figure: comp.bigv.median(allocs), Target: 11, decimals: 1},
	}, nil
}

// count returns the number of machines that All yields.
func count(ctx context.Context, client *bigv.Client, group string) (n int, err error) {
	for _, err := range client.VirtualMachines.All(ctx, overviewOf(group)) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// measureAll measures P6: the time and the live heap of All for lists of two lengths.
func measureAll(ctx context.Context, env *environment) (results []result, err error) {
	for _, protocol := range protocols {
		client, baselines := env.bigv[protocol], env.baselines[protocol]
		comp := &comparison{
			rounds:     few,
			operations: listLength,
			bigv: side{run: func() error {
				n, err := count(ctx, client, "long")
				return checkCount(listLength, n, err)
			}},
			limit: side{run: func() error { return baselines[0].tokens(ctx, "long") }},
		}
		for _, b := range baselines {
			comp.baselines = append(comp.baselines, side{name: b.name, run: func() error {
				n := 0
				err := b.each(ctx, "long", func(machine) { n++ })
				return checkCount(listLength, n, err)
			}})
		}
		if err := comp.measure(); err != nil {
			return nil, err
		}
		results = append(results, comp.result(result{
			ID: "P6", Measure: "All over 10,000 VMs: time per VM", Protocol: protocol, Target: byRelease(0.42, 0.6), Unit: "x", decimals: 2,
		}, seconds, ratio, duration))

		var peaks [2]float64
		for i, list := range []struct {
			group  string
			length int
		}{{"long", listLength}, {"longer", 10 * listLength}} {
			n := 0
			if n, peaks[i], err = peakHeap(ctx, client, list.group, list.length/100); err != nil {
				return nil, err
			}
			if err := checkCount(list.length, n, nil); err != nil {
				return nil, err
			}
			results = append(results, result{
				ID: "P6", Measure: fmt.Sprintf("All over %d,000 VMs: live heap above idle", list.length/1000), Protocol: protocol,
				Figure: peaks[i] / 1e6, Target: 4, Unit: " MB", decimals: 2,
			})
		}
		results = append(results, result{
			ID: "P6", Measure: "All: growth of the live heap from 10,000 to 100,000 VMs", Protocol: protocol,
			Figure: (peaks[1] - peaks[0]) / 1e6, Target: heapTolerance, Unit: " MB", decimals: 2,
		})
	}
	return results, nil
}

// heapTolerance is how much two peaks of the same heap may differ in MB, because they are sampled.
const heapTolerance = 0.25

// peakHeap iterates over All and returns the number of machines and the largest live heap, in bytes above that before
// the call. It takes a sample at each multiple of interval, after giving the transport time to read ahead.
func peakHeap(ctx context.Context, client *bigv.Client, group string, interval int) (n int, highest float64, err error) {
	liveHeap() // A sync.Pool is emptied only by the second garbage collection.
	idle := liveHeap()
	for _, err := range client.VirtualMachines.All(ctx, overviewOf(group)) {
		if err != nil {
			return n, 0, err
		}
		if n++; n%interval == 0 {
			time.Sleep(5 * time.Millisecond)
			highest = max(highest, liveHeap()-idle)
		}
	}
	return n, highest, nil
}

// liveHeap collects garbage and returns the size of the live heap in bytes.
func liveHeap() float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}

// measureFirstMachine measures P7: how much of the body the server has sent when All yields the first machine. The
// server sends one element per millisecond until it is asked for the number of bytes sent.
func measureFirstMachine(ctx context.Context, env *environment) (results []result, err error) {
	for _, protocol := range protocols {
		sent, n := int64(0), 0
		for _, err := range env.bigv[protocol].VirtualMachines.All(ctx, overviewOf("slow")) {
			if err != nil {
				return nil, err
			}
			if n++; n == 1 {
				if sent, err = env.server.number("/sent"); err != nil {
					return nil, err
				}
			}
		}
		if n != listLength {
			return nil, checkCount(listLength, n, nil)
		}
		body := float64(len(elements(listLength)) + len("[]"))
		results = append(results, result{
			ID: "P7", Measure: fmt.Sprintf("first VM of All: bytes sent by then, of %s", size(body)), Protocol: protocol,
			Bigv: size(float64(sent)), Figure: float64(sent) / body * 100, Target: 1, Unit: " %", decimals: 2,
		})
	}
	return results, nil
}
