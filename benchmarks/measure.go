package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// rounds sets how often the two sides of a comparison are measured.
type rounds struct {
	count   int
	collect bool // collect garbage before each side runs, so that it does not pay for the other
}

var (
	few  = rounds{count: 61, collect: true} // for long operations
	some = rounds{count: 101}               // for rounds with many concurrent calls
	most = rounds{count: 1001}              // for targets that need a precision of 1 %
)

// cost holds the time and allocations of one round, per operation.
type cost struct {
	seconds, allocs, bytes float64
}

func seconds(c cost) float64   { return c.seconds }
func allocs(c cost) float64    { return c.allocs }
func allocated(c cost) float64 { return c.bytes }

// costOf measures a function that does a number of operations. It counts the allocations of the whole process, which
// includes the goroutines of the transport but not the server.
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

// side is one of the functions that a comparison measures.
type side struct {
	name  string
	run   func() error
	costs []cost // of each round
}

// comparison compares functions that do the same operations.
type comparison struct {
	rounds     rounds
	operations int // per round
	bigv       side
	baselines  []side
	limit      side // the least that there is to do, if it is measured
}

// sides returns all sides that are measured.
func (c *comparison) sides() []*side {
	sides := []*side{&c.bigv}
	for i := range c.baselines {
		sides = append(sides, &c.baselines[i])
	}
	if c.limit.run != nil {
		sides = append(sides, &c.limit)
	}
	return sides
}

// measure runs each side in each round, in alternating order. The first round is a warm-up and is not measured.
func (c *comparison) measure() error {
	sides := c.sides()
	for round := range c.rounds.count + 1 {
		slices.Reverse(sides)
		for _, side := range sides {
			if c.rounds.collect {
				runtime.GC()
			}
			cost, err := costOf(c.operations, side.run)
			if err != nil {
				return err
			}
			if round > 0 {
				side.costs = append(side.costs, cost)
			}
		}
	}
	return nil
}

// median returns the median of a metric.
func (s side) median(metric func(cost) float64) float64 { return median(apply(s.costs, metric)) }

// best returns the baseline that is best in a metric.
func (c *comparison) best(metric func(cost) float64) side {
	return slices.MinFunc(c.baselines, func(a, b side) int { return cmp.Compare(a.median(metric), b.median(metric)) })
}

// compareSides returns the median and the quartiles of a metric that combine compares in each round. It compares within
// rounds, because other load on the computer affects all sides of a round but not all rounds equally.
func compareSides(
	a, b side, metric func(cost) float64, combine func(a, b float64) float64,
) (figure, low, high float64) {
	values := make([]float64, len(a.costs))
	for i := range values {
		values[i] = combine(metric(a.costs[i]), metric(b.costs[i]))
	}
	slices.Sort(values)
	return median(values), values[len(values)/4], values[len(values)-1-len(values)/4]
}

// result returns r with its figures for a metric, whose medians format prints.
func (c *comparison) result(
	r result, metric func(cost) float64, combine func(bigv, baseline float64) float64, format func(float64) string,
) result {
	best := c.best(metric)
	r.Figure, r.Low, r.High = compareSides(c.bigv, best, metric, combine)
	r.Bigv, r.Baseline = format(c.bigv.median(metric)), format(best.median(metric))
	if len(c.baselines) > 1 {
		r.Best = best.name
	}
	if c.limit.run != nil {
		times, _, _ := compareSides(c.bigv, c.limit, metric, ratio)
		r.Limit = fmt.Sprintf("%s (%.2fx)", format(c.limit.median(metric)), times)
	}
	return r
}

func ratio(bigv, baseline float64) float64      { return bigv / baseline }
func inverse(bigv, baseline float64) float64    { return baseline / bigv }
func difference(bigv, baseline float64) float64 { return bigv - baseline }

// apply returns the results of f for each element.
func apply[S, T any](from []S, f func(S) T) []T {
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

// duration formats a time in seconds.
func duration(seconds float64) string {
	switch {
	case seconds < 1e-5:
		return fmt.Sprintf("%.1f us", seconds*1e6)
	case seconds < 1e-3:
		return fmt.Sprintf("%.0f us", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.1f ms", seconds*1e3)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

// size formats a number of bytes.
func size(bytes float64) string {
	switch {
	case bytes < 1e3:
		return fmt.Sprintf("%.0f B", bytes)
	case bytes < 1e6:
		return fmt.Sprintf("%.1f kB", bytes/1e3)
	}
	return fmt.Sprintf("%.1f MB", bytes/1e6)
}

// number formats a number of something.
func number(n float64) string { return fmt.Sprintf("%.0f", n) }
