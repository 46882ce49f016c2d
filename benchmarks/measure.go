package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// pace is how often two sides are measured in turn.
type pace struct {
	rounds  int
	collect bool // garbage before each, so that no side pays for the other's
}

var (
	// many short rounds see through whatever else the machine does.
	many = pace{rounds: 301}
	// most see differences of a hundredth, which a target may be about.
	most = pace{rounds: 1001}
	// some are for rounds in which many calls are made at once.
	some = pace{rounds: 101}
	// few are for calls that are long by themselves.
	few = pace{rounds: 31, collect: true}
)

// cost is what one round of a side took, per operation.
type cost struct {
	seconds, allocs, bytes float64
}

func seconds(c cost) float64   { return c.seconds }
func allocs(c cost) float64    { return c.allocs }
func allocated(c cost) float64 { return c.bytes }

// costOf measures a function that does so many operations. Allocations are those
// of the whole process, and the server is another: what a transport does in its
// own goroutines counts.
func costOf(operations int, f func() error) (cost, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	started := time.Now()
	err := f()
	elapsed := time.Since(started)
	runtime.ReadMemStats(&after)
	n := float64(operations)
	return cost{
		seconds: elapsed.Seconds() / n,
		allocs:  float64(after.Mallocs-before.Mallocs) / n,
		bytes:   float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, err
}

// sides are two ways of doing the same number of operations, and what they cost,
// round by round.
type sides struct {
	pace       pace
	operations int // in each round
	bigv       func() error
	floor      func() error

	bigvCosts, floorCosts []cost
}

// measure lets the sides take turns, each beginning every other round, after one
// round that does not count.
func (s *sides) measure() error {
	for round := range s.pace.rounds + 1 {
		order := []struct {
			run   func() error
			costs *[]cost
		}{{s.bigv, &s.bigvCosts}, {s.floor, &s.floorCosts}}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, side := range order {
			if s.pace.collect {
				runtime.GC()
			}
			c, err := costOf(s.operations, side.run)
			if err != nil {
				return err
			}
			if round > 0 {
				*side.costs = append(*side.costs, c)
			}
		}
	}
	return nil
}

// medians are those of a dimension of both sides.
func (s *sides) medians(of func(cost) float64) (bigv, floor float64) {
	return median(each(s.bigvCosts, of)), median(each(s.floorCosts, of))
}

// compare is how a dimension of the sides compares: the median and the quartiles
// of what single rounds say. Within a round both met the same machine, whatever
// else it did; over many rounds they did not.
func (s *sides) compare(of func(cost) float64, against func(bigv, floor float64) float64) (figure, low, high float64) {
	single := make([]float64, len(s.bigvCosts))
	for i := range single {
		single[i] = against(of(s.bigvCosts[i]), of(s.floorCosts[i]))
	}
	slices.Sort(single)
	return median(single), single[len(single)/4], single[len(single)-1-len(single)/4]
}

func ratio(bigv, floor float64) float64      { return bigv / floor }
func inverse(bigv, floor float64) float64    { return floor / bigv }
func difference(bigv, floor float64) float64 { return bigv - floor }

func each[S, T any](from []S, f func(S) T) []T {
	to := make([]T, len(from))
	for i, s := range from {
		to[i] = f(s)
	}
	return to
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

func duration(seconds float64) string {
	switch {
	case seconds < 1e-3:
		return fmt.Sprintf("%.0f us", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.1f ms", seconds*1e3)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

func size(bytes float64) string {
	switch {
	case bytes < 1e3:
		return fmt.Sprintf("%.0f B", bytes)
	case bytes < 1e6:
		return fmt.Sprintf("%.1f kB", bytes/1e3)
	}
	return fmt.Sprintf("%.1f MB", bytes/1e6)
}
