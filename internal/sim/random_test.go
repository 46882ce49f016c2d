package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv/bigvtest"
)

var seeds = flag.Int("seeds", 300, "how many random schedules to simulate, from -seed on")

// scenario is a simulation of several jobs at once.
type scenario struct {
	http2  bool
	warm   bool // the jobs begin with a connection that has been used
	jobs   []string
	faults []Fault
}

// requests counts those of all scenarios.
var requests atomic.Int64

// run simulates the scenario and returns the promises that were broken.
func (s scenario) run(t *testing.T, wrap wrapper) (problems []string, happened []Fault) {
	t.Helper()
	simulate(t, config{http2: s.http2, wrap: wrap}, func(w *world) {
		tasks := make([]task, len(s.jobs))
		for i, name := range s.jobs {
			tasks[i] = findJob(name).prepare(w, fmt.Sprintf("job%dx", i))
		}
		w.connect(s.warm)
		ctx := w.begin(s.faults)
		judges := make([]func([]bigvtest.Exchange) string, len(tasks))
		var running sync.WaitGroup
		for i, start := range tasks {
			running.Go(func() { judges[i] = start(ctx) })
		}
		running.Wait()
		done := w.writes()
		for _, write := range repeated(done) {
			problems = append(problems, "applied twice: "+write)
		}
		for _, judge := range judges {
			if problem := judge(done); problem != "" {
				problems = append(problems, problem)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		happened = slices.Clone(w.happened)
		requests.Add(int64(w.requests))
	})
	return problems, happened
}

// newProblem runs the scenario and returns the first problem that is not a known one, or "".
func (s scenario) newProblem(t *testing.T, wrap wrapper) string {
	t.Helper()
	return lasting(s.http2, func() string {
		problems, happened := s.run(t, wrap)
		for _, problem := range problems {
			if !isKnown(problem, happened) {
				return problem
			}
		}
		return ""
	})
}

// fails runs the scenario several times, since the order of goroutines is not under control, and returns the first new problem, or "".
func (s scenario) fails(t *testing.T, times int) string {
	t.Helper()
	for range times {
		if problem := s.newProblem(t, nil); problem != "" {
			return problem
		}
	}
	return ""
}

// reduce returns the scenario with the fewest faults and jobs that still fails.
func (s scenario) reduce(t *testing.T) scenario {
	t.Helper()
	const repetitions = 5
	for i := 0; i < len(s.faults); {
		fewer := s
		fewer.faults = slices.Delete(slices.Clone(s.faults), i, i+1)
		if fewer.fails(t, repetitions) == "" {
			i++
		} else {
			s = fewer
		}
	}
	for i := 0; len(s.jobs) > 1 && i < len(s.jobs); {
		fewer := s
		fewer.jobs = slices.Delete(slices.Clone(s.jobs), i, i+1)
		if fewer.fails(t, repetitions) == "" {
			i++
		} else {
			s = fewer
		}
	}
	return s
}

// String returns the scenario as a regression test.
func (s scenario) String() string {
	return fmt.Sprintf("func TestRegression(t *testing.T) {\n\ts := scenario{http2: %t, warm: %t, jobs: %#v, faults: %s}\n"+
		"\tif problem := s.fails(t, 20); problem != \"\" {\n\t\tt.Error(problem)\n\t}\n}", s.http2, s.warm, s.jobs, schedule(s.faults))
}

// newScenario returns the scenario of a seed: one operation, or one to three jobs at once, with one to five faults.
func newScenario(seed uint64) scenario {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := scenario{http2: rng.IntN(2) == 0, warm: rng.IntN(2) == 0}
	length := 1 // requests in each direction, roughly
	if all := operations(); rng.IntN(2) == 0 {
		s.jobs = []string{all[rng.IntN(len(all))].name}
	} else {
		for range 1 + rng.IntN(3) {
			s.jobs = append(s.jobs, jobs[rng.IntN(len(jobs))].name)
			length += 4
		}
	}
	s.addFaults(rng, length)
	return s
}

// addFaults adds one to five random faults, for exchanges of this many requests.
func (s *scenario) addFaults(rng *rand.Rand, length int) {
	for range 1 + rng.IntN(5) {
		s.faults = append(s.faults, newFault(rng, s.http2, length))
	}
}

// newFault returns a random fault, for exchanges of this many requests.
func newFault(rng *rand.Rand, http2 bool, length int) Fault {
	f := Fault{Dir: Direction(rng.IntN(2)), After: rng.IntN(2) == 0}
	switch n := rng.IntN(10); {
	case n < 4:
		f.Kind = Kind(rng.IntN(int(EndContext) + 1))
		f.At = rng.IntN(600 * length)
		if f.Kind == Stall || f.Kind == Delay {
			f.For = []time.Duration{time.Millisecond, time.Second, 25 * time.Second, 3 * time.Minute, unbounded}[rng.IntN(5)]
		}
		if f.Kind == Delay {
			f.For = min(f.For, 25*time.Second)
		}
	case n < 6 && http2:
		place := Fault{Dir: f.Dir, At: rng.IntN(2 * length), After: f.After, Code: uint32(rng.IntN(lastErrorCode + 1))}
		all := framesAt(place)
		return all[rng.IntN(len(all))]
	case n < 9:
		groups := [][]Fault{proxyFaults, serverErrorsOf(500, 502, 504), serverErrors(), refusals(), redirects(), pages(), emptyResponses()}
		all := groups[rng.IntN(len(groups))]
		f = all[rng.IntN(len(all))]
		f.At = rng.IntN(length)
		if f.Status == http.StatusNotFound {
			f.Status = http.StatusForbidden // after a DELETE without a response, it says that there is nothing left to delete
		}
	default:
		f = Fault{Kind: RefuseDial + Kind(rng.IntN(int(SlowWrite-RefuseDial)+1)), At: rng.IntN(3), After: f.After}
		if f.Kind == SlowDial {
			f.For = time.Duration(1+rng.IntN(20)) * time.Second
		}
	}
	f.After = f.After && (f.isRequestwise() || f.Kind == FailHandshake)
	return f
}

func TestRandomSchedules(t *testing.T) {
	began, before := time.Now(), requests.Load()
	for i := range *seeds {
		s := newScenario(*seed + uint64(i))
		if problem := s.fails(t, 1); problem != "" {
			reduced := s.reduce(t)
			t.Errorf("-seeds 1 -seed %d: %s\nreduced: %s\n%s", *seed+uint64(i), problem, reduced.fails(t, 5), reduced)
		}
	}
	elapsed := time.Since(began)
	fmt.Printf("%s: %d seeds from -seed %d, %d requests in %s\n",
		t.Name(), *seeds, *seed, requests.Load()-before, elapsed.Round(time.Millisecond))
}
