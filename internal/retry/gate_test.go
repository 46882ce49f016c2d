package retry

import (
	"context"
	"errors"
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
	for name, status := range refusals {
		t.Run(name, func(t *testing.T) {
			storm := func(gate bool) int64 {
				var requests int64
				synctest.Test(t, func(t *testing.T) {
					s := newGatedService(gate, func(*http.Request) int { return status })
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
			assert.Less(t, storm(true), int64(300))
			if status == 503 {
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
			for range 20 {
				callers.Go(func() {
					for range 500 {
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
	assert.Less(t, with, without+70) // 81 are expected, with a standard deviation of 9
	assert.Less(t, took, tookWithout*13/10)
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

// A service that refuses only some operations delays the others, and they succeed.
func TestGateWithASingleOperationRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGatedService(true, func(r *http.Request) int {
			if strings.HasPrefix(r.URL.Path, "/broken") {
				return 503
			}
			return 200
		})
		started := time.Now()
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				for time.Since(started) < time.Minute {
					s.get(t, "broken"+string(rune('a'+i%3)))
				}
			})
		}
		var slowest time.Duration
		for time.Since(started) < time.Minute {
			began := time.Now()
			assert.True(t, s.get(t, "healthy"))
			slowest = max(slowest, time.Since(began))
			time.Sleep(500 * time.Millisecond)
		}
		callers.Wait()
		t.Logf("slowest call: %s, %d requests", slowest, s.requests.Load())
		assert.Less(t, slowest, 4*time.Second)
	})
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
			g := NewGate(time.Second)
			for range 2 * gateRefusals {
				g.leave("get", 0, row.result, false)
			}
			assert.Equal(t, row.closes, g.isClosed())
			for range gateRefusals {
				g.leave("get", 0, result{status: 503}, false)
			}
			g.leave("get", 0, row.result, false)
			assert.Equal(t, !row.opens, g.isClosed())
		})
	}
	g := NewGate(time.Second)
	for range 2 * gateRefusals {
		g.leave("get", 0, result{err: &net.OpError{Op: "dial", Err: context.Canceled}}, true)
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
	g := NewGate(time.Second)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, probe, _ := g.enter(t.Context(), "get", 0)
		g.leave("get", probe, result{status: 200}, false)
	}))
	assert.Nil(t, NewGate(0), "no gate")
}
