package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

var (
	exhaustive = flag.Bool("exhaustive", false, "run all cases instead of a sample")
	seed       = flag.Uint64("seed", uint64(time.Now().UnixNano()), "the seed of samples and of random schedules")
)

// sampleSize is the number of cases of each operation in a sample.
var sampleSize = 5

// Without faults, each operation succeeds, so that it is tested with them.
func TestOperationsSucceedWithoutFaults(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for _, op := range operations() {
			r := try(t, config{http2: http2}, op, true, nil)
			if problem := r.violation(op); r.err != nil || problem != "" || r.exposed == 0 {
				t.Errorf("%s: %v, %s, %d writes", op.name, r.err, problem, r.exposed)
			}
		}
	}
}

// runCases simulates each operation with each of the faults that cases returns for it, given a call without faults; or with a sample
// of them.
func runCases(t *testing.T, c config, warm bool, cases func(c config, calm result) []Fault) {
	t.Helper()
	began := time.Now()
	var ran, all, idle atomic.Int64
	t.Run("operations", func(t *testing.T) {
		for i, op := range operations() {
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				faults := cases(c, try(t, c, op, warm, nil))
				all.Add(int64(len(faults)))
				if !*exhaustive {
					rng := rand.New(rand.NewPCG(*seed, uint64(i)))
					rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
					faults = faults[:min(len(faults), sampleSize)]
				}
				for _, f := range faults {
					ran.Add(1)
					var r result
					problem := lasting(c.http2, func() string {
						r = try(t, c, op, warm, []Fault{f})
						return r.violation(op)
					})
					if r.happened == 0 {
						idle.Add(1)
					}
					if problem != "" && !isKnown(problem, []Fault{f}) {
						t.Errorf("%s (applied %d times, %d writes exposed)\n%s", problem, r.applied, r.exposed, f)
					}
				}
			})
		}
	})
	fmt.Printf("%s: %d of %d cases in %s, -seed %d; the fault did not happen in %d\n",
		t.Name(), ran.Load(), all.Load(), time.Since(began).Round(time.Millisecond), *seed, idle.Load())
}

func TestEachByteOfHTTP1(t *testing.T)       { runCases(t, config{}, false, byteFaults) }
func TestEachByteOfHTTP1Reused(t *testing.T) { runCases(t, config{}, true, byteFaults) }
func TestEachByteOfHTTP2(t *testing.T)       { runCases(t, config{http2: true}, true, byteFaults) }

// TestEachFrame resets the stream with each error code, and sends each kind of GOAWAY, before and after each frame.
func TestEachFrame(t *testing.T) { runCases(t, config{http2: true}, true, frameFaults) }

// TestEachRequest lets the proxy misbehave at each request.
func TestEachRequestOfHTTP1(t *testing.T) { runCases(t, config{}, false, requestFaults) }
func TestEachRequestOfHTTP2(t *testing.T) { runCases(t, config{http2: true}, false, requestFaults) }

// TestIdleConnection breaks a connection at the moment at which it is used again.
func TestIdleConnectionOfHTTP1(t *testing.T) { runCases(t, config{}, true, idleFaults) }
func TestIdleConnectionOfHTTP2(t *testing.T) { runCases(t, config{http2: true}, true, idleFaults) }

// TestSecondConnection sends each kind of GOAWAY on the first of two connections while the second is slow or fails. net/http dials a
// second connection for a second request, and may then send the requests of one on the other.
func TestSecondConnection(t *testing.T) {
	second := []Fault{
		{Kind: SlowDial, At: 1, For: time.Second}, {Kind: SlowDial, At: 1, For: 20 * time.Second},
		{Kind: RefuseDial, At: 1}, {Kind: FailHandshake, At: 1}, {Kind: FailHandshake, At: 1, After: true},
	}
	began, ran := time.Now(), 0
	for _, f := range second {
		for _, goAway := range frameFaults(config{}, result{frames: [2]int{6, 6}}) {
			if !*exhaustive && goAway.Code != 1 {
				continue
			}
			if ran++; !*exhaustive && ran%10 != 0 {
				continue
			}
			s := scenario{http2: true, jobs: []string{"grant", "grant", "list"}, faults: []Fault{f, goAway}}
			if problem := s.fails(t, 1); problem != "" {
				t.Errorf("%s\n%s", problem, s)
			}
		}
	}
	fmt.Printf("%s: %d cases in %s\n", t.Name(), ran, time.Since(began).Round(time.Millisecond))
}
