package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// defaultPolicy is the policy of a client without options.
var defaultPolicy = Policy{MaxAttempts: 4, MinWait: 500 * time.Millisecond, MaxWait: 30 * time.Second}

var errRefused = errors.New("connection refused")

// gatedService is a service whose requests are answered by respond after 5 ms. It counts them.
type gatedService struct {
	*Client
	gate     *Gate
	requests atomic.Int64
}

// newGatedService returns a service with a gate on which a call waits at most 4 seconds, unless gate is false. respond returns a status,
// or 0 for a connection that is refused.
func newGatedService(gate bool, respond func(*http.Request) int) *gatedService {
	s := &gatedService{}
	if gate {
		s.gate = NewGate(4 * time.Second)
	}
	s.Client = newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
		s.requests.Add(1)
		time.Sleep(5 * time.Millisecond)
		status := respond(r)
		if status == 0 {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errRefused}
		}
		return newResponse(status, http.Header{}, strings.NewReader("{}")), nil
	}), defaultPolicy)
	return s
}

// get sends a GET of an operation and reports whether it succeeded.
func (s *gatedService) get(t *testing.T, operation string) bool {
	req := newTestRequest(t, "http://localhost/"+operation, Safe)
	req.Operation, req.Gate = operation, s.gate
	resp, err := do(context.Background(), s.Client, req)
	return err == nil && resp.OK()
}

// closeGate makes the service refuse requests until its gate is closed.
func closeGate(t *testing.T, s *gatedService) {
	t.Helper()
	for range 2 {
		s.get(t, "close")
	}
	require.True(t, s.gate.isClosed())
}

// holdGate makes a call wait for the closed gate of a service in vain.
func holdGate(s *gatedService) {
	s.gate.maxWait = maxProbeGap / 2
	s.gate.next = time.Now().Add(maxProbeGap)
}

// refusals are the ways in which a service refuses requests.
var refusals = map[string]int{"503": 503, "429": 429, "no connection": 0}

// While a service is down for a minute, 100 goroutines call it again at once.
func TestGateLimitsTheRequestsOfAStorm(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		takes  time.Duration
		limit  int64
	}{
		{"503", 503, 0, 300},
		{"429", 429, 0, 300},
		{"no connection", 0, 0, 300},
		{"503 after 0.9 s", 503, 900 * time.Millisecond, 300},
		{"503 after 1.1 s", 503, 1100 * time.Millisecond, 300},
		{"503 after 2 s", 503, 2 * time.Second, 300},
		{"503 after 10 s", 503, 10 * time.Second, 300},
		{"no connection after 10 s", 0, 10 * time.Second, 300},
	} {
		t.Run(row.name, func(t *testing.T) {
			storm := func(gate bool) int64 {
				var requests int64
				synctest.Test(t, func(t *testing.T) {
					s := newGatedService(gate, func(*http.Request) int {
						time.Sleep(row.takes)
						return row.status
					})
					started := time.Now()
					var callers sync.WaitGroup
					for range 100 {
						callers.Go(func() {
							for time.Since(started) < time.Minute {
								s.get(t, "get")
							}
						})
					}
					callers.Wait()
					requests = s.requests.Load()
				})
				return requests
			}
			with := storm(true)
			t.Log(with, "requests")
			assert.Less(t, with, row.limit)
			if row.status == 503 && row.takes == 0 {
				assert.Greater(t, storm(false), int64(10_000), "without a gate")
			}
		})
	}
}

// While the gate is closed, one request is in flight at a time.
func TestProbesAreSentOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inFlight, most atomic.Int64
		s := newGatedService(true, func(*http.Request) int {
			most.Store(max(most.Load(), inFlight.Add(1)))
			time.Sleep(maxProbe / 2)
			inFlight.Add(-1)
			return 503
		})
		closeGate(t, s)
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { s.get(t, "get") })
		}
		callers.Wait()
		assert.EqualValues(t, 1, most.Load())
	})
}

// A queue of 2,000 jobs is worked off by 100 goroutines while the service is down for 3 seconds.
func TestGateKeepsTheJobsOfAShortOutage(t *testing.T) {
	run := func(gate bool) (failed int64) {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			down := func() bool { return time.Since(started) > time.Second && time.Since(started) < 4*time.Second }
			s := newGatedService(gate, func(*http.Request) int {
				time.Sleep(95 * time.Millisecond)
				if down() {
					return 503
				}
				return 200
			})
			jobs := make(chan int)
			var count atomic.Int64
			var workers sync.WaitGroup
			for range 100 {
				workers.Go(func() {
					for range jobs {
						if !s.get(t, "get") {
							count.Add(1)
						}
					}
				})
			}
			for i := range 2000 {
				jobs <- i
			}
			close(jobs)
			workers.Wait()
			failed = count.Load()
			t.Logf("gate %t: %d of 2000 jobs failed, %d requests, %s", gate, failed, s.requests.Load(), time.Since(started))
		})
		return failed
	}
	without := run(false)
	assert.LessOrEqual(t, run(true), without/2)
}

// Requests that fail at random are no outage.
func TestGateWithRandomRefusals(t *testing.T) {
	run := func(gate bool) (failed, took int64) { // took is the sum of the times of all callers
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			s := newGatedService(gate, func(*http.Request) int {
				if rand.N(10) < 3 {
					return 503
				}
				return 200
			})
			var count, sum atomic.Int64
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() {
					for range 400 {
						if !s.get(t, "get") {
							count.Add(1)
						}
					}
					sum.Add(int64(time.Since(started)))
				})
			}
			callers.Wait()
			failed, took = count.Load(), sum.Load()
		})
		return failed, took
	}
	without, tookWithout := run(false)
	with, took := run(true)
	assert.Less(t, with, without+110) // 324 are expected; the difference has a standard deviation of 25
	assert.Less(t, took, tookWithout*115/100)
}

// A probe that gets no response does not keep the others from probing for longer than maxProbe.
func TestGateWithAProbeThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := newGatedService(true, func(r *http.Request) int {
			switch {
			case r.URL.Path == "/hang":
				<-r.Context().Done()
				return 0
			case down:
				return 503
			}
			return 200
		})
		closeGate(t, s)
		time.Sleep(2 * maxProbeGap)
		ctx, cancel := context.WithCancel(t.Context())
		hanging := newTestRequest(t, "http://localhost/hang", Safe)
		hanging.Gate = s.gate
		ended := make(chan error)
		go func() {
			_, err := do(ctx, s.Client, hanging)
			ended <- err
		}()
		synctest.Wait()
		down = false
		started := time.Now()
		assert.True(t, s.get(t, "close"))
		assert.Less(t, time.Since(started), 2*maxProbe)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		assert.False(t, s.gate.isClosed(), "the end of the context is no refusal")
	})
}

// A service that refuses only some requests, or does not process them in time, delays the others, and they succeed: also after an outage of
// everything.
func TestGateWithSomeRequestsRefused(t *testing.T) {
	type request struct{ operation, url, token, body string }
	healthy := request{"get", "http://localhost/healthy?x=1", "a", ""}
	for _, row := range []struct {
		name    string
		broken  func(caller, call int) request // what each of the callers sends
		takes   time.Duration
		status  int
		timeout time.Duration // of the broken calls
	}{
		{"other operations", func(i, _ int) request { return request{fmt.Sprint("do", i%3), "http://localhost/broken", "a", ""} },
			0, 503, 0},
		{"another path", func(int, int) request { return request{"get", "http://localhost/broken", "a", ""} }, 0, 503, 0},
		{"another query", func(int, int) request { return request{"get", "http://localhost/healthy?x=2", "a", ""} }, 0, 503, 0},
		{"another token", func(int, int) request { return request{"get", healthy.url, "b", ""} }, 0, 503, 0},
		{"another body", func(int, int) request { return request{"get", healthy.url, "a", `{"x":1}`} }, 0, 503, 0},
		{"a few paths", func(i, _ int) request { return request{"get", fmt.Sprint("http://localhost/", i%3), "a", ""} }, 0, 503, 0},
		{"six paths", func(i, _ int) request { return request{"get", fmt.Sprint("http://localhost/", i%6), "a", ""} }, 0, 503, 0},
		{"always another path", func(i, n int) request { return request{"do", fmt.Sprint("http://localhost/", i, "/", n), "a", ""} },
			0, 503, 0},
		{"other operations, after 2 s", func(i, _ int) request { return request{"do", "http://localhost/broken", "a", ""} },
			2 * time.Second, 503, 0},
		{"504", func(i, _ int) request { return request{"do", "http://localhost/broken", "a", ""} }, 200 * time.Millisecond, 504, 0},
		{"504, always another path", func(i, n int) request { return request{"do", fmt.Sprint("http://localhost/", i, "/", n), "a", ""} },
			200 * time.Millisecond, 504, 0},
		{"short timeouts", func(i, _ int) request { return request{"do", "http://localhost/broken", "a", ""} },
			time.Second / 2, 200, 300 * time.Millisecond},
	} {
		for _, callers := range []int{2, 5, 20, 100} {
			t.Run(fmt.Sprintf("%s, %d callers", row.name, callers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					down := true
					s := newGatedService(true, func(r *http.Request) int {
						switch {
						case down:
							return 503
						case r.URL.String() == healthy.url && r.Header.Get("Authorization") == healthy.token && r.ContentLength <= 0:
							return 200
						}
						if row.takes > 0 {
							select {
							case <-time.After(row.takes):
							case <-r.Context().Done():
							}
						}
						return row.status
					})
					send := func(ctx context.Context, r request) error {
						req := newTestRequest(t, r.url, Safe)
						req.Operation, req.Gate, req.Body = r.operation, s.gate, []byte(r.body)
						req.Header.Set("Authorization", r.token)
						resp, err := do(ctx, s.Client, req)
						if err == nil && !resp.OK() {
							err = fmt.Errorf("status %d", resp.StatusCode)
						}
						return err
					}
					for range 2 {
						require.Error(t, send(context.Background(), healthy))
					}
					down = false
					started := time.Now()
					var all sync.WaitGroup
					for i := range callers {
						all.Go(func() {
							for n := 0; time.Since(started) < time.Minute; n++ {
								ctx, cancel := context.Background(), func() {}
								if row.timeout > 0 {
									ctx, cancel = context.WithTimeout(ctx, row.timeout)
								}
								_ = send(ctx, row.broken(i, n))
								cancel()
							}
						})
					}
					var slowest time.Duration
					var failed []error
					for time.Since(started) < time.Minute {
						began := time.Now()
						if err := send(context.Background(), healthy); err != nil {
							failed = append(failed, fmt.Errorf("after %s: %w", time.Since(started), err))
						}
						slowest = max(slowest, time.Since(began))
						time.Sleep(500 * time.Millisecond)
					}
					all.Wait()
					t.Logf("slowest call: %s, %d requests", slowest, s.requests.Load())
					if row.name == "six paths" && len(failed) <= 3 {
						failed = nil // at first, while only the last four failures are remembered
					}
					assert.Empty(t, failed)
				})
			})
		}
	}
}

// A gate does not remember every target that was refused.
func TestGateRemembersTheLastTargets(t *testing.T) {
	g, _ := newTestGate(t)
	for i := range 3 * maxTargets {
		req := newTestRequest(t, fmt.Sprint("http://localhost/", i), Safe)
		g.leave(&req, 0, result{status: 503}, false)
		if i >= gateRefusals-1 {
			require.Equal(t, g.target(&req), g.targets[len(g.targets)-1])
		}
	}
	assert.Len(t, g.targets, maxTargets)
}

// A service whose writes take long gets as many as without a gate when an outage is over.
func TestGateWithSlowRequestsAfterAnOutage(t *testing.T) {
	run := func(gate bool, slow time.Duration) (failed int64) {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			s := newGatedService(gate, func(*http.Request) int {
				if since := time.Since(started); since > time.Second && since < 4*time.Second {
					return 503
				}
				time.Sleep(slow)
				return 200
			})
			time.Sleep(time.Second + 1)
			var count atomic.Int64
			var workers sync.WaitGroup
			for range maxQuick {
				workers.Go(func() {
					for range 10 {
						if !s.get(t, "put") {
							count.Add(1)
						}
					}
				})
			}
			workers.Wait()
			failed = count.Load()
		})
		return failed
	}
	for _, slow := range []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second} {
		with, without := run(true, slow), run(false, slow)
		t.Logf("%s: %d of %d failed, without a gate %d", slow, with, 10*maxQuick, without)
		assert.LessOrEqual(t, with, without+5, slow) // of about 40
	}
}

// A service that neither refuses requests nor responds to them gets a few probes quickly, and then one a second.
func TestGateWithAServiceThatHangs(t *testing.T) {
	for _, status := range []int{503, 504, 0} {
		synctest.Test(t, func(t *testing.T) {
			var inFlight, most atomic.Int64
			hangs := false
			s := newGatedService(true, func(*http.Request) int {
				if !hangs {
					return 503
				}
				most.Store(max(most.Load(), inFlight.Add(1)))
				time.Sleep(30 * time.Second)
				inFlight.Add(-1)
				return status
			})
			closeGate(t, s)
			hangs = true
			started := time.Now()
			var callers sync.WaitGroup
			for range 500 {
				callers.Go(func() {
					for time.Since(started) < 2*time.Minute {
						s.get(t, "get")
					}
				})
			}
			callers.Wait()
			t.Log(status, most.Load(), s.requests.Load())
			assert.LessOrEqual(t, most.Load(), int64(maxQuick+30))
			assert.Less(t, s.requests.Load(), int64(2*(maxQuick+120)))
		})
	}
}

// The headers of a stream open the gate, not the end of its body, which may take the caller long.
func TestGateIsOpenedByTheHeadersOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := newGatedService(true, func(*http.Request) int {
			if down {
				return 503
			}
			return 200
		})
		closeGate(t, s)
		down = false
		stream := newTestRequest(t, "http://localhost/stream", Safe)
		stream.Operation, stream.Gate = "stream", s.gate
		stream.Stream = func(resp *http.Response) (bool, error) {
			assert.False(t, s.gate.isClosed())
			_, err := io.ReadAll(resp.Body)
			return false, err
		}
		_, err := do(t.Context(), s.Client, stream)
		require.NoError(t, err)
	})
}

// What an attempt that waited in vain returns and reports. It is not sent.
func TestGateErrorOfACallThatWasNotSent(t *testing.T) {
	for name, status := range refusals {
		for _, idempotency := range []Idempotency{Safe, Idempotent, NonIdempotent} {
			synctest.Test(t, func(t *testing.T) {
				s := newGatedService(true, func(*http.Request) int { return status })
				closeGate(t, s)
				holdGate(s)
				before := s.requests.Load()
				var attempts []Attempt
				req := newTestRequest(t, "http://localhost/", idempotency)
				req.Operation, req.Gate = "close", s.gate
				req.OnAttempt = func(a Attempt) { attempts = append(attempts, a) }
				started := time.Now()
				resp, err := do(t.Context(), s.Client, req)
				closed, ok := errors.AsType[*GateError](err)
				require.True(t, ok, "%s: %v", name, err)
				assert.Equal(t, status, closed.StatusCode)
				assert.GreaterOrEqual(t, closed.Refusals, int64(gateRefusals))
				assert.Equal(t, status == 0, errors.Is(err, errRefused))
				assert.ErrorContains(t, err, "not sent: the service refused the last ")
				assert.Zero(t, resp.Attempts)
				assert.False(t, resp.OutcomeUnknown)
				assert.Equal(t, before, s.requests.Load())
				require.Len(t, attempts, 1)
				assert.True(t, attempts[0].NotSent)
				assert.Equal(t, 1, attempts[0].Number)
				assert.Equal(t, s.gate.maxWait, attempts[0].GateWait)
				assert.Equal(t, s.gate.maxWait, time.Since(started))
			})
		}
	}
}

// An idempotent request that may have been applied before the gate closed still has an unknown outcome.
func TestGateAfterAnAttemptOfUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGatedService(true, func(r *http.Request) int { return 503 })
		lost := newTestClient(roundTripper(func(*http.Request) (*http.Response, error) {
			closeGate(t, s)
			holdGate(s)
			return nil, errors.New("lost")
		}), Policy{MaxAttempts: 2})
		req := newTestRequest(t, "http://localhost/", Idempotent)
		req.Operation, req.Gate = "close", s.gate
		resp, err := do(t.Context(), lost, req)
		_, ok := errors.AsType[*GateError](err)
		require.True(t, ok, "%v", err)
		require.ErrorContains(t, err, "not sent again: the service refused the last ")
		require.ErrorContains(t, err, "lost")
		assert.True(t, resp.OutcomeUnknown)
		assert.Equal(t, 1, resp.Attempts)
	})
}

// The waits of all attempts of a call count.
func TestGateLimitsTheWaitsOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGatedService(true, func(*http.Request) int { return 503 })
		closeGate(t, s)
		s.policy = Policy{MaxAttempts: 100, MinWait: 1, MaxWait: 1}
		req := newTestRequest(t, "http://localhost/", Safe)
		req.Gate = s.gate
		started := time.Now()
		resp, err := do(t.Context(), s.Client, req)
		closed, ok := errors.AsType[*GateError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, 4*time.Second, closed.Waited)
		assert.Greater(t, resp.Attempts, 4, "probes were sent in between")
		assert.Less(t, time.Since(started), 5*time.Second)
	})
}

// The gap between probes grows with the outage, and with Retry-After, and is random.
func TestGapBetweenProbes(t *testing.T) {
	for _, row := range []struct {
		name       string
		closedFor  time.Duration
		retryAfter string
		gap        time.Duration
	}{
		{"at first", 0, "", minProbeGap},
		{"after 4 seconds", 4 * time.Second, "", time.Second / 2},
		{"after an hour", time.Hour, "", maxProbeGap},
		{"Retry-After", 0, "1", maxProbeGap},
		{"long Retry-After", 0, "3600", maxProbeGap},
		{"Retry-After of 0", 0, "0", minProbeGap},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gaps := map[time.Duration]bool{}
				for range 100 {
					g, req := newTestGate(t)
					for range gateRefusals {
						g.leave(req, 0, result{status: 503}, false)
					}
					time.Sleep(row.closedFor)
					_, probe, err := g.enter(t.Context(), req, 0)
					require.NoError(t, err)
					before := time.Now()
					g.closed = before.Add(-row.closedFor)
					g.leave(req, probe, result{status: 503, header: http.Header{"Retry-After": {row.retryAfter}}}, false)
					gap := g.next.Sub(before)
					assert.GreaterOrEqual(t, gap, row.gap)
					assert.Less(t, gap, row.gap*5/4)
					gaps[gap] = true
				}
				assert.Greater(t, len(gaps), 50)
			})
		})
	}
}

// A few probes are sent quickly after one that takes long, but not more in the same outage.
func TestQuickProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, req := newTestGate(t)
		g.maxWait = 10 * time.Second
		refuse := func() {
			for range gateRefusals {
				g.leave(req, 0, result{status: 503}, false)
			}
		}
		next := func() (wait time.Duration, probe int64) {
			began := time.Now()
			_, probe, err := g.enter(t.Context(), req, 0)
			require.NoError(t, err)
			return time.Since(began), probe
		}
		const penalty = 2 * headStart // for what was refused; the fourth probe ends it
		waits := []time.Duration{penalty, maxProbe + penalty, maxProbe/4 + penalty, maxProbe/16 + penalty}
		for len(waits) < maxQuick+2 {
			waits = append(waits, maxProbe/64)
		}
		for range 2 {
			refuse()
			var last int64
			for i, want := range waits {
				var wait time.Duration
				wait, last = next()
				assert.Equal(t, want, wait, i)
			}
			wait, late := next()
			assert.Equal(t, maxProbe, wait, "enough quick ones")
			g.leave(req, last, result{status: 503}, false) // too late to be the last one
			wait, last = next()
			assert.Equal(t, maxProbe+penalty, wait)
			g.leave(req, late, result{status: 504}, false)
			g.leave(req, last, result{status: 503}, false)
			wait, _ = next()
			assert.GreaterOrEqual(t, wait, minProbeGap)
			wait, last = next()
			assert.GreaterOrEqual(t, wait, maxProbe, "no more in this outage")
			g.leave(req, last, result{status: 200}, false)
			g.probe = 0
		}
	})
}

// When the gate closes again, what was refused before does not count.
func TestGateForgetsEarlierOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, first := newTestGate(t)
		second := newTestRequest(t, "http://localhost/second", Safe)
		second.Operation = "second"
		for _, refused := range []*Request{first, &second} {
			for range gateRefusals {
				g.leave(refused, 0, result{status: 503}, false)
			}
			assert.Equal(t, []string{refused.Operation}, g.operations)
			assert.Equal(t, []uint64{g.target(refused)}, g.targets)
			g.leave(refused, 0, result{status: 200}, false)
		}
	})
}

// A call does not wait for the gate beyond its context.
func TestGateEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGatedService(true, func(*http.Request) int { return 503 })
		closeGate(t, s)
		holdGate(s)
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Millisecond)
		defer cancel()
		req := newTestRequest(t, "http://localhost/", NonIdempotent)
		req.Operation, req.Gate = "close", s.gate
		started, before := time.Now(), s.requests.Load()
		_, err := do(ctx, s.Client, req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "before that: not sent")
		assert.Equal(t, 70*time.Millisecond, time.Since(started))
		assert.Equal(t, before, s.requests.Load())
	})
}

// newTestGate returns a gate and a request for it.
func newTestGate(t *testing.T) (*Gate, *Request) {
	req := newTestRequest(t, "http://localhost/", Safe)
	req.Operation = "get"
	return NewGate(time.Second), &req
}

// Responses that are no refusals, and errors other than those of connecting, do not close the gate; the former open it.
func TestWhatClosesTheGate(t *testing.T) {
	for _, row := range []struct {
		name   string
		result result
		opens  bool
		closes bool
	}{
		{"200", result{status: 200}, true, false},
		{"404", result{status: 404}, true, false},
		{"500", result{status: 500}, true, false},
		{"302", result{status: 302}, true, false},
		{"502", result{status: 502}, false, false},
		{"504", result{status: 504}, false, false},
		{"503", result{status: 503}, false, true},
		{"429", result{status: 429}, false, true},
		{"connection refused", result{err: &net.OpError{Op: "dial", Err: errRefused}}, false, true},
		{"proxy refused", result{err: &net.OpError{Op: "proxyconnect", Err: errRefused}}, false, true},
		{"connection reset", result{err: &net.OpError{Op: "read", Err: errors.New("connection reset")}}, false, false},
		{"invalid header", result{err: errors.New("invalid header")}, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, req := newTestGate(t)
			for range 2 * gateRefusals {
				g.leave(req, 0, row.result, false)
			}
			assert.Equal(t, row.closes, g.isClosed())
			for range gateRefusals {
				g.leave(req, 0, result{status: 503}, false)
			}
			g.leave(req, 0, row.result, false)
			assert.Equal(t, !row.opens, g.isClosed())
		})
	}
	g, req := newTestGate(t)
	for range 2 * gateRefusals {
		g.leave(req, 0, result{err: &net.OpError{Op: "dial", Err: context.Canceled}}, true)
	}
	assert.False(t, g.isClosed(), "a caller that gives up is no refusal")
}

// A gate that was closed in one bubble can be used in another, at the same time or later, and outside of bubbles.
func TestGateInSynctestBubbles(t *testing.T) {
	var down atomic.Bool
	s := newGatedService(true, func(*http.Request) int {
		if down.Load() {
			return 503
		}
		return 200
	})
	bubble := func(f func(*testing.T)) { synctest.Test(t, f) }
	bubble(func(t *testing.T) { time.Sleep(1000 * time.Hour); down.Store(true); closeGate(t, s) })
	down.Store(false)
	bubble(func(t *testing.T) {
		started := time.Now()
		assert.True(t, s.get(t, "close"))
		assert.Less(t, time.Since(started), time.Second)
	})
	bubble(func(t *testing.T) { down.Store(true); closeGate(t, s) })
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			bubble(func(t *testing.T) {
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() { s.get(t, "close") })
				}
				callers.Wait()
			})
		})
	}
	both.Wait()
	down.Store(false)
	s.gate.maxWait = time.Second
	assert.True(t, s.get(t, "close"))
}

func TestOpenGateAllocatesNothing(t *testing.T) {
	g, req := newTestGate(t)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, probe, _ := g.enter(t.Context(), req, 0)
		g.leave(req, probe, result{status: 200}, false)
	}))
	assert.Nil(t, NewGate(0), "no gate")
}
