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
	web     = bigv.AccountPath("acme").Group("web")
	www1    = web.VirtualMachine("www1")
	missing = web.VirtualMachine("missing")
)

// repeat returns a function that calls f n times and stops at the first error.
func repeat(n int, f func() error) func() error {
	return func() error {
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}
}

// concurrently returns a function in which goroutines call f n times in total.
func concurrently(goroutines, n int, f func() error) func() error {
	return func() error {
		var wg sync.WaitGroup
		errs := make([]error, goroutines)
		for i := range goroutines {
			wg.Go(func() { errs[i] = repeat(n/goroutines, f)() })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// getMachine returns a function that gets a virtual machine with bigv.
func getMachine(ctx context.Context, client *bigv.Client, vm bigv.VirtualMachinePath) func() error {
	return func() error {
		_, err := client.VirtualMachines.Get(ctx, vm)
		return err
	}
}

// getMachine returns a function that gets a virtual machine with the baseline.
func (b *baseline) getMachine(ctx context.Context, group, name string) func() error {
	return func() error {
		_, err := b.machine(ctx, group, name)
		return err
	}
}

// measureGet measures P1 and P2: the GET of one virtual machine on an open connection.
func measureGet(ctx context.Context, env *environment) (results []result, err error) {
	const calls = 20
	for _, protocol := range protocols {
		comp := &comparison{rounds: most, operations: calls, bigv: side{run: repeat(calls, getMachine(ctx, env.bigv[protocol], www1))}}
		for _, b := range env.baselines[protocol] {
			comp.baselines = append(comp.baselines, side{name: b.name, run: repeat(calls, b.getMachine(ctx, "web", "www1"))})
		}
		if err := comp.measure(); err != nil {
			return nil, err
		}
		elapsed := comp.result(result{
			ID: "P1", Measure: "GET of one VM: time", Protocol: protocol, Target: 1.05, Unit: "x", decimals: 2,
		}, seconds, ratio, duration)
		count := comp.result(result{
			ID: "P2", Measure: "GET of one VM: allocations above the baseline", Protocol: protocol, Target: byRelease(-8, 1),
		}, allocs, difference, number)
		results = append(results, elapsed, count)
	}
	return results, nil
}

// measureConnections measures P3: how many connections are opened by many goroutines after each has already opened
// one. The result is a median, because net/http closes connections if the computer stalls for 50 ms.
func measureConnections(ctx context.Context, env *environment) (results []result, err error) {
	const passes, calls = 5, 1000
	for _, protocol := range protocols {
		for _, goroutines := range goroutineCounts {
			var opened []float64
			for range passes {
				n, err := env.openedConnections(ctx, protocol, goroutines, calls)
				if err != nil {
					return nil, err
				}
				opened = append(opened, float64(n))
			}
			results = append(results, result{
				ID: "P3", Measure: fmt.Sprintf("%d goroutines: new connections per 1,000 requests", goroutines), Protocol: protocol,
				Figure: median(opened), Low: slices.Min(opened), High: slices.Max(opened),
			})
		}
	}
	return results, nil
}

// openedConnections returns how many connections concurrent calls open after a warm-up in which all of the goroutines
// were active at the same time.
func (env *environment) openedConnections(ctx context.Context, protocol string, goroutines, calls int) (int64, error) {
	client := env.bigv[protocol]
	barrier := web.VirtualMachine(fmt.Sprintf("barrier%d", goroutines))
	if err := concurrently(goroutines, goroutines, getMachine(ctx, client, barrier))(); err != nil {
		return 0, err
	}
	before, err := env.server.connections(protocol)
	if err != nil {
		return 0, err
	}
	if err := concurrently(goroutines, calls, getMachine(ctx, client, www1))(); err != nil {
		return 0, err
	}
	after, err := env.server.connections(protocol)
	return after - before, err
}

// startWorkers starts goroutines that call f n times in total whenever run is called, until stop is called. New
// goroutines would have to grow their stacks in each round, which would distort short rounds.
func startWorkers(goroutines, n int, f func() error) (run func() error, stop func()) {
	begin, done := make([]chan struct{}, goroutines), make(chan error)
	for i := range begin {
		begin[i] = make(chan struct{})
		go func() {
			for range begin[i] {
				done <- repeat(n/goroutines, f)()
			}
		}()
	}
	run = func() (err error) {
		for i := range begin {
			begin[i] <- struct{}{}
		}
		for range begin {
			err = errors.Join(err, <-done)
		}
		return err
	}
	return run, func() {
		for i := range begin {
			close(begin[i])
		}
	}
}

// measureThroughput measures P4: requests per second of 32 goroutines.
func measureThroughput(ctx context.Context, env *environment) (results []result, err error) {
	const goroutines, calls = 32, 3200
	for _, protocol := range protocols {
		runBigv, stopBigv := startWorkers(goroutines, calls, getMachine(ctx, env.bigv[protocol], www1))
		comp := &comparison{rounds: some, operations: calls, bigv: side{run: runBigv}}
		stops := []func(){stopBigv}
		for _, b := range env.baselines[protocol] {
			run, stop := startWorkers(goroutines, calls, b.getMachine(ctx, "web", "www1"))
			comp.baselines, stops = append(comp.baselines, side{name: b.name, run: run}), append(stops, stop)
		}
		err := comp.measure()
		for _, stop := range stops {
			stop()
		}
		if err != nil {
			return nil, err
		}
		results = append(results, comp.result(result{
			ID: "P4", Measure: "32 goroutines: throughput", Protocol: protocol, Target: 0.97, Minimum: true, Unit: "x", decimals: 2,
		}, seconds, inverse, perSecond))
	}
	return results, nil
}

// perSecond formats a rate, given the seconds for one.
func perSecond(seconds float64) string { return fmt.Sprintf("%.0f/s", 1/seconds) }

// measureNotFound measures P10: a 404 compared with a successful response of the same length.
func measureNotFound(ctx context.Context, env *environment) (results []result, err error) {
	const calls = 20
	for _, protocol := range protocols {
		client := env.bigv[protocol]
		comp := &comparison{
			rounds:     most,
			operations: calls,
			bigv: side{run: repeat(calls, func() error {
				_, err := client.VirtualMachines.Get(ctx, missing)
				if !errors.Is(err, bigv.ErrNotFound) {
					return fmt.Errorf("expected a 404, got: %v", err)
				}
				return nil
			})},
			baselines: []side{{run: repeat(calls, getMachine(ctx, client, www1))}},
		}
		if err := comp.measure(); err != nil {
			return nil, err
		}
		results = append(results, comp.result(result{
			ID: "P10", Measure: "404 compared with a success of bigv: time", Protocol: protocol, Target: 1.1, Unit: "x", decimals: 2,
		}, seconds, ratio, duration))
	}
	return results, nil
}
