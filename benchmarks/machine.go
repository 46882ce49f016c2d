package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bigv-go/bigv"
)

var (
	web    = bigv.AccountPath("acme").Group("web")
	www1   = web.VirtualMachine("www1")
	absent = web.VirtualMachine("absent")
)

// times is f, so many times one after the other.
func times(n int, f func() error) func() error {
	return func() error {
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}
}

// atOnce is f, so many times in all by so many goroutines.
func atOnce(goroutines, n int, f func() error) func() error {
	return func() error {
		var wg sync.WaitGroup
		errs := make([]error, goroutines)
		for i := range goroutines {
			wg.Go(func() { errs[i] = times(n/goroutines, f)() })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

func getMachine(ctx context.Context, client *bigv.Client, vm bigv.VirtualMachinePath) func() error {
	return func() error {
		_, err := client.VirtualMachines.Get(ctx, vm)
		return err
	}
}

func (f *floor) getMachine(ctx context.Context, group, name string) func() error {
	return func() error {
		_, err := f.machine(ctx, group, name)
		return err
	}
}

// oneMachine is P1 and P2: the GET of one machine on a connection that is open.
func oneMachine(ctx context.Context, b *bench) (rows []row, err error) {
	const calls = 20
	for _, protocol := range protocols {
		s := &sides{
			pace:       most,
			operations: calls,
			bigv:       times(calls, getMachine(ctx, b.bigv[protocol], www1)),
			floor:      times(calls, b.floor[protocol].getMachine(ctx, "web", "www1")),
		}
		if err := s.measure(); err != nil {
			return nil, err
		}
		elapsed := row{ID: "P1", Measure: "GET of one VM: time", Over: protocol, Target: 1.05, Unit: "x", decimals: 2}
		elapsed.Figure, elapsed.Low, elapsed.High = s.compare(seconds, ratio)
		ours, theirs := s.medians(seconds)
		elapsed.Bigv, elapsed.Floor = duration(ours), duration(theirs)
		count := row{ID: "P2", Measure: "GET of one VM: allocations above the floor", Over: protocol, Target: 10}
		count.Figure, count.Low, count.High = s.compare(allocs, difference)
		ours, theirs = s.medians(allocs)
		count.Bigv, count.Floor = fmt.Sprintf("%.0f", ours), fmt.Sprintf("%.0f", theirs)
		rows = append(rows, elapsed, count)
	}
	return rows, nil
}

// newConnections is P3: connections opened while many goroutines work, after
// each has had one. It is a median too: net/http drops connections when the
// machine stands still for 50 ms.
func newConnections(ctx context.Context, b *bench) (rows []row, err error) {
	const passes, calls = 5, 1000
	for _, protocol := range protocols {
		for _, goroutines := range gatherings {
			var opened []float64
			for range passes {
				n, err := b.connectionsOf(ctx, protocol, goroutines, calls)
				if err != nil {
					return nil, err
				}
				opened = append(opened, float64(n))
			}
			rows = append(rows, row{
				ID: "P3", Measure: fmt.Sprintf("%d goroutines: new connections per 1,000 requests", goroutines), Over: protocol,
				Figure: median(opened), Low: slices.Min(opened), High: slices.Max(opened),
			})
		}
	}
	return rows, nil
}

// connectionsOf is how many connections so many calls open, by goroutines that
// have worked at once before.
func (b *bench) connectionsOf(ctx context.Context, protocol string, goroutines, calls int) (int64, error) {
	client := b.bigv[protocol]
	gathering := web.VirtualMachine(fmt.Sprintf("gathering%d", goroutines))
	if err := atOnce(goroutines, goroutines, getMachine(ctx, client, gathering))(); err != nil {
		return 0, err
	}
	before, err := b.server.connections(protocol)
	if err != nil {
		return 0, err
	}
	if err := atOnce(goroutines, calls, getMachine(ctx, client, www1))(); err != nil {
		return 0, err
	}
	after, err := b.server.connections(protocol)
	return after - before, err
}

// standing is f, so many times in all by so many goroutines that stay until they
// are dismissed: a goroutine's stack grows in its first call, and short rounds
// would measure that.
func standing(goroutines, n int, f func() error) (run func() error, dismiss func()) {
	begin, ended := make([]chan struct{}, goroutines), make(chan error)
	for i := range begin {
		begin[i] = make(chan struct{})
		go func() {
			for range begin[i] {
				ended <- times(n/goroutines, f)()
			}
		}()
	}
	run = func() (err error) {
		for i := range begin {
			begin[i] <- struct{}{}
		}
		for range begin {
			err = errors.Join(err, <-ended)
		}
		return err
	}
	return run, func() {
		for i := range begin {
			close(begin[i])
		}
	}
}

// throughput is P4: requests a second by 32 goroutines.
func throughput(ctx context.Context, b *bench) (rows []row, err error) {
	const goroutines, calls = 32, 3200
	for _, protocol := range protocols {
		bigv, dismissBigv := standing(goroutines, calls, getMachine(ctx, b.bigv[protocol], www1))
		floor, dismissFloor := standing(goroutines, calls, b.floor[protocol].getMachine(ctx, "web", "www1"))
		s := &sides{pace: some, operations: calls, bigv: bigv, floor: floor}
		err := s.measure()
		dismissBigv()
		dismissFloor()
		if err != nil {
			return nil, err
		}
		r := row{ID: "P4", Measure: "32 goroutines: throughput", Over: protocol, Target: 0.95, AtLeast: true, Unit: "x", decimals: 2}
		r.Figure, r.Low, r.High = s.compare(seconds, inverse)
		ours, theirs := s.medians(seconds)
		r.Bigv, r.Floor = fmt.Sprintf("%.0f/s", 1/ours), fmt.Sprintf("%.0f/s", 1/theirs)
		rows = append(rows, r)
	}
	return rows, nil
}

// notFound is P10: a 404 against a success that is as long.
func notFound(ctx context.Context, b *bench) (rows []row, err error) {
	const calls = 20
	for _, protocol := range protocols {
		client := b.bigv[protocol]
		s := &sides{
			pace:       many,
			operations: calls,
			bigv: times(calls, func() error {
				_, err := client.VirtualMachines.Get(ctx, absent)
				if !errors.Is(err, bigv.ErrNotFound) {
					return fmt.Errorf("expected a 404, got: %v", err)
				}
				return nil
			}),
			floor: times(calls, getMachine(ctx, client, www1)),
		}
		if err := s.measure(); err != nil {
			return nil, err
		}
		r := row{ID: "P10", Measure: "a 404 against a success of bigv's: time", Over: protocol, Target: 1.3, Unit: "x", decimals: 2}
		r.Figure, r.Low, r.High = s.compare(seconds, ratio)
		ours, theirs := s.medians(seconds)
		r.Bigv, r.Floor = duration(ours), duration(theirs)
		rows = append(rows, r)
	}
	return rows, nil
}
