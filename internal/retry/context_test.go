package retry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newSharedClient returns a client for a server, which sends requests with the transport of net/http.
func newSharedClient(
	t *testing.T, http2 bool, policy Policy, timeouts transport.Timeouts, handler http.HandlerFunc,
) (string, *Client, *http.Transport) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.StartTLS()
	base := transport.New()
	base.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	t.Cleanup(func() {
		base.CloseIdleConnections()
		server.Close()
	})
	return server.URL, NewClient(transport.NewClient(nil, base, timeouts), policy, 1000), base
}

// recordContexts returns a function that returns the contexts of the requests that base has been given since it was last called.
func recordContexts(base *http.Transport) func() []context.Context {
	var mu sync.Mutex
	var contexts []context.Context
	base.Proxy = func(r *http.Request) (*url.URL, error) {
		mu.Lock()
		defer mu.Unlock()
		contexts = append(contexts, r.Context())
		return nil, nil
	}
	return func() []context.Context {
		mu.Lock()
		defer mu.Unlock()
		recorded := contexts
		contexts = nil
		return recorded
	}
}

var minutes = transport.Timeouts{Header: time.Minute, Idle: time.Minute}

// respond200 responds with a body.
func respond200(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func TestWhichRequestsShareAContext(t *testing.T) {
	for _, row := range []struct {
		name        string
		idempotency Idempotency
		handler     http.HandlerFunc
		shared      bool
	}{
		{"safe", Safe, respond200, true},
		{"safe, not found", Safe, http.NotFound, true},
		{"idempotent", Idempotent, respond200, false},
		{"non-idempotent", NonIdempotent, respond200, false},
		{"safe, no response", Safe, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		{"safe, redirect refused", Safe, http.RedirectHandler("http://elsewhere.example", http.StatusFound).ServeHTTP, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			baseURL, client, base := newSharedClient(t, false, Policy{MaxAttempts: 1}, minutes, row.handler)
			recorded := recordContexts(base)
			req := newTestRequest(t, baseURL, row.idempotency)
			var first context.Context
			for i := range 3 {
				_, _ = do(t.Context(), client, req)
				contexts := recorded()
				require.Len(t, contexts, 1)
				ctx := contexts[0]
				assert.Equal(t, row.shared, ctx.Err() == nil, "an unshared context ends with its attempt")
				if i == 0 {
					first = ctx
				}
				assert.Equal(t, i == 0 || row.shared, first.Done() == ctx.Done())
			}
			other, cancel := context.WithCancel(t.Context())
			_, _ = do(other, client, req)
			assert.Error(t, first.Err(), "contexts are kept for one context of a caller")
			cancel()
		})
	}
}

// The context of an attempt after which the call ends without another one is not given to two calls.
func TestContextIsReleasedOnce(t *testing.T) {
	var unavailable atomic.Bool
	unavailable.Store(true)
	handler := func(w http.ResponseWriter, _ *http.Request) {
		if unavailable.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		time.Sleep(20 * time.Millisecond)
	}
	baseURL, client, base := newSharedClient(t, false, Policy{MaxAttempts: 2}, minutes, handler)
	recorded := recordContexts(base)
	req := newTestRequest(t, baseURL, Safe)
	req.Gate = NewGate(time.Nanosecond) // which refuses the last retries
	for range gateRefusals {
		_, err := do(t.Context(), client, req)
		if err != nil {
			assert.ErrorContains(t, err, "not sent")
		}
	}
	assert.NotEmpty(t, recorded())
	unavailable.Store(false)
	req.Gate = nil
	const calls = 8
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			_, err := do(t.Context(), client, req)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	channels := map[<-chan struct{}]bool{}
	for _, ctx := range recorded() {
		channels[ctx.Done()] = true
	}
	assert.Len(t, channels, calls)
}

// Calls with the same context do not end each other: neither by a timeout nor by the context of one of them.
func TestCallsWithTheSameContextAreIndependent(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
		}
		respond200(w, r)
	}
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %t", http2), func(t *testing.T) {
			timeouts := transport.Timeouts{Header: 2 * time.Second, Idle: time.Minute} // no other call takes as long on a busy machine
			baseURL, client, _ := newSharedClient(t, http2, Policy{MaxAttempts: 1}, timeouts, handler)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					_, err := do(ctx, client, newTestRequest(t, baseURL+"/hang", Safe))
					assert.EqualError(t, err, "the server did not begin to respond within 2s")
				})
			}
			hanging := make(chan struct{})
			go func() {
				wg.Wait()
				close(hanging)
			}()
			var others sync.WaitGroup
			for range 12 {
				others.Go(func() {
					for done := false; !done; {
						select {
						case <-hanging:
							done = true // after one more call
						default:
						}
						resp, err := do(ctx, client, newTestRequest(t, baseURL+"/found", Safe))
						if assert.NoError(t, err) {
							assert.Equal(t, "ok", string(resp.Body))
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			others.Wait()
			cancel()
			_, err := do(t.Context(), client, newTestRequest(t, baseURL+"/found", Safe))
			assert.NoError(t, err)
		})
	}
}

// A cancelled call ends at once, also with a context that was used before.
func TestContextThatWasUsedBeforeIsCancelled(t *testing.T) {
	reached := make(chan struct{}, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			reached <- struct{}{}
			<-r.Context().Done()
		}
		respond200(w, r)
	}
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %t", http2), func(t *testing.T) {
			baseURL, client, _ := newSharedClient(t, http2, quick, minutes, handler)
			ctx, cancel := context.WithCancelCause(t.Context())
			for range 3 {
				_, err := do(ctx, client, newTestRequest(t, baseURL, Safe))
				require.NoError(t, err)
			}
			go func() {
				<-reached
				cancel(io.ErrUnexpectedEOF)
			}()
			_, err := do(ctx, client, newTestRequest(t, baseURL+"/hang", Safe))
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		})
	}
}
