package bigv_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cancellation is one test of a call whose context ends at a certain moment.
type cancellation struct {
	*testing.T
	cancel   func()
	finished chan struct{} // closed when the test ends
	arrived  atomic.Int64  // requests
}

// start starts a server whose handler is called before the body of the request has been read.
func (c *cancellation) start(handler http.HandlerFunc, opts ...bigv.Option) *bigv.Client {
	return startUnbuffered(c.T, func(w http.ResponseWriter, r *http.Request) {
		c.arrived.Add(1)
		handler(w, r)
	}, opts...)
}

// block keeps a request waiting until the client has gone.
func (c *cancellation) block(r *http.Request) {
	select {
	case <-c.finished:
	case <-r.Context().Done():
	}
}

// cancelBeforeRetry cancels the context when a retry is announced.
func (c *cancellation) cancelBeforeRetry() bigv.Option {
	return bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		if a.Retry {
			c.cancel()
		}
	})
}

// dialBy returns a transport that connects with a function.
func dialBy(dial func(context.Context, string, string) (net.Conn, error)) bigv.Option {
	return bigv.WithTransport(&http.Transport{DialContext: dial})
}

// TestCancellation ends the context of calls at every moment at which a call can be.
func TestCancellation(t *testing.T) {
	withLargeBody := []operation{
		{name: "large update", class: idempotent, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
			_, err := c.Users.Update(ctx, "alice", largeUpdate(), opts...)
			return err
		}},
		{name: "large post", class: nonIdempotent, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
			return c.Do(ctx, "POST", "/large", largeUpdate(), nil, opts...)
		}},
	}
	for _, when := range []struct {
		name       string
		client     func(*cancellation) *bigv.Client
		operations []operation // if not the usual ones
		arrived    int         // requests
		attempts   int         // 0: not sent, and the error says so
		status     int         // of the error
		unknown    bool        // the outcome of a write is unknown
	}{
		{name: "before the call", client: func(c *cancellation) *bigv.Client {
			c.cancel()
			return c.start(fakeserver.Service)
		}},
		{name: "while waiting for a token", client: func(c *cancellation) *bigv.Client {
			source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) {
				c.cancel()
				<-c.finished
				return bigv.Secret{}, nil
			})
			client, err := c.start(fakeserver.Service).With(bigv.WithTokenSource(source))
			require.NoError(c, err)
			return client
		}},
		{name: "while dialing", attempts: 1, client: func(c *cancellation) *bigv.Client {
			return c.start(fakeserver.Service, dialBy(func(context.Context, string, string) (net.Conn, error) {
				c.cancel()
				<-c.finished
				return nil, errors.New("the test has ended")
			}))
		}},
		{name: "in the TLS handshake", attempts: 1, client: func(c *cancellation) *bigv.Client {
			address := listen(c.T, func(net.Conn) {
				c.cancel()
				<-c.finished
			})
			return clientFor(c.T, "https://"+address, bigv.WithToken("t0ken"))
		}},
		{name: "while writing the body", attempts: 1, arrived: 1, unknown: true, operations: withLargeBody,
			client: func(c *cancellation) *bigv.Client {
				return c.start(func(_ http.ResponseWriter, r *http.Request) {
					c.cancel()
					c.block(r)
					panic(http.ErrAbortHandler) // instead of waiting for the rest of the body
				}, dialBy(dialNarrow))
			}},
		{name: "while waiting for the headers", attempts: 1, arrived: 1, unknown: true, client: func(c *cancellation) *bigv.Client {
			return c.start(func(w http.ResponseWriter, r *http.Request) {
				discardBody(r)
				c.cancel()
				c.block(r)
			})
		}},
		{name: "while waiting for the headers of a second attempt", attempts: 2, arrived: 2, unknown: true,
			client: func(c *cancellation) *bigv.Client {
				return c.start(sequence(fakeserver.Respond(503, "", "Retry-After", "0"), func(_ http.ResponseWriter, r *http.Request) {
					discardBody(r)
					c.cancel()
					c.block(r)
				}))
			}},
		{name: "before the retry of a 503", attempts: 1, arrived: 1, status: 503, client: func(c *cancellation) *bigv.Client {
			return c.start(fakeserver.Respond(503, "", "Retry-After", "3600"), c.cancelBeforeRetry(), patient)
		}},
		{name: "before the retry of a request that was not written", attempts: 1, client: func(c *cancellation) *bigv.Client {
			return c.start(fakeserver.Service, c.cancelBeforeRetry(), patient,
				dialBy(func(context.Context, string, string) (net.Conn, error) {
					return nil, errors.New("no route")
				}))
		}},
	} {
		if when.operations == nil {
			when.operations = operations
		}
		for _, ending := range endings {
			for _, op := range when.operations {
				t.Run(when.name+"/"+ending.name+"/"+op.name, func(t *testing.T) {
					ctx, cancel := ending.make(t.Context())
					c := &cancellation{T: t, cancel: sync.OnceFunc(cancel), finished: make(chan struct{})}
					client := when.client(c)
					t.Cleanup(func() { close(c.finished) })
					t.Cleanup(c.cancel)
					var response bigv.Response
					err := op.call(ctx, client, bigv.WithResponse(&response))
					require.Error(t, err)
					for _, want := range ending.want {
						assert.ErrorIs(t, err, want)
					}
					assert.EqualValues(t, when.arrived, c.arrived.Load(), "requests that arrived")
					assert.Equal(t, when.unknown && op.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
					e, ok := errors.AsType[*bigv.Error](err)
					if when.attempts == 0 {
						assert.False(t, ok, "%v", err)
						assert.ErrorContains(t, err, notSentText)
						return
					}
					require.True(t, ok, "%v", err)
					assert.Equal(t, when.attempts, e.Attempts)
					assert.Equal(t, when.attempts, response.Attempts)
					if op.class == safe && when.attempts == 2 {
						assert.Equal(t, 503, e.StatusCode, "the last response that was received")
					} else {
						assert.Equal(t, when.status, e.StatusCode)
					}
					assert.Equal(t, e.StatusCode == 503, errors.Is(err, bigv.ErrUnavailable), "%v", err)
				})
			}
		}
	}
}

// TestCancellationWithinResponse ends the context when the headers of the response have arrived and its body has not.
func TestCancellationWithinResponse(t *testing.T) {
	for _, ending := range endings {
		for _, op := range operations {
			t.Run(ending.name+"/"+op.name, func(t *testing.T) {
				ctx, cancel := ending.make(t.Context())
				cancel = sync.OnceFunc(cancel)
				t.Cleanup(cancel)
				transport := &http.Transport{}
				t.Cleanup(transport.CloseIdleConnections)
				custom := roundTripper(func(r *http.Request) (*http.Response, error) {
					defer cancel()
					return transport.RoundTrip(r)
				})
				srv := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
					fakeserver.Respond(http.StatusOK, `[{"id":50`)(w, r)
					flush(w)
					<-r.Context().Done()
				})
				err := op.call(ctx, newClient(t, srv, bigv.WithTransport(custom)))
				assert.Len(t, srv.Requests(), 1)
				if op.class == idempotent && op.discardResponse {
					assert.NoError(t, err, "a 2xx status is all that matters")
					return
				}
				for _, want := range ending.want {
					assert.ErrorIs(t, err, want)
				}
				assert.Equal(t, op.class == nonIdempotent, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
				if op.class == idempotent {
					assert.ErrorContains(t, err, readBackText)
				}
			})
		}
	}
}
