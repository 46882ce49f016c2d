package bigv_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// isTimeout reports whether an error in the chain of err reports a timeout.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

// TestTimeouts tests services that stop responding, once before the headers of the first response and once within its body.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	var running sync.WaitGroup
	defer running.Wait()
	for _, tt := range []struct {
		name                            string
		withinBody                      bool
		safe, idempotent, nonIdempotent callResult
		timeouts                        bigv.Timeouts
		message                         string
	}{
		{"no headers", false, retries, retries, unknown, bigv.Timeouts{Header: limit, Idle: time.Minute},
			"the server did not begin to respond within 1s"},
		{"no more of the body", true, retries, readBack, unknown, bigv.Timeouts{Header: time.Minute, Idle: limit},
			"the server sent no more of the response within 1s"},
	} {
		for _, http2 := range []bool{false, true} {
			shared := fakeserver.NewShared(t, http2)
			for _, name := range []string{"get", "all", "update", "delete", "create", "reset"} {
				op := operationNamed(t, name)
				test := func(t *testing.T) {
					var sent, read atomic.Int64
					finished := make(chan struct{})
					client := newClient(t, shared.New(func(w http.ResponseWriter, r *http.Request) {
						if r.Method != op.method {
							read.Add(1)
						} else if sent.Add(1) == 1 {
							if tt.withinBody {
								_, _ = io.WriteString(w, `[{"id":50`)
								flush(w)
							}
							select {
							case <-finished:
							case <-r.Context().Done():
							}
							return
						}
						fakeserver.Service(w, r)
					}), bigv.WithTimeouts(tt.timeouts))
					t.Cleanup(func() { close(finished) })
					err := op.call(t.Context(), client)
					row := retryCase{safe: tt.safe, idempotent: tt.idempotent, nonIdempotent: tt.nonIdempotent}
					if tt.withinBody {
						row.status, row.truncated = http.StatusOK, true
					}
					switch row.result(op) {
					case retries:
						require.NoError(t, err)
						assert.EqualValues(t, 2, sent.Load(), "requests that arrived")
					case readBack:
						require.NoError(t, err)
						assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
						assert.Equal(t, !op.discardResponse, read.Load() == 1, "the object is read back")
					default:
						assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
						assert.ErrorContains(t, err, tt.message)
						assert.NotErrorIs(t, err, context.DeadlineExceeded, "the context of the caller has not ended")
						assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
					}
				}
				// They all wait for the timeout at the same time.
				running.Go(func() { t.Run(tt.name+"/"+protocolName(http2)+"/"+op.name, test) })
			}
		}
	}
}

// If there is a connection and the headers of the request were written in part, that part may still arrive.
func TestTimeoutWhileWritingHeaders(t *testing.T) {
	t.Parallel()
	finished := make(chan struct{})
	address := listen(t, func(net.Conn) { <-finished })
	t.Cleanup(func() { close(finished) })
	client := clientFor(t, "http://"+address, bigv.WithToken("t0ken"), bigv.WithTransport(&http.Transport{DialContext: dialNarrow}),
		bigv.WithTimeouts(bigv.Timeouts{Header: 500 * time.Millisecond, Idle: time.Minute}))
	err := client.VirtualMachines.Reset(t.Context(), www1, bigv.WithHeader("X-Large", strings.Repeat("x", 2<<20)))
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 1, e.Attempts)
	assert.True(t, isTimeout(err), "%v", err)
}

func TestTimeoutOfHTTPClient(t *testing.T) {
	t.Parallel()
	client := start(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		bigv.WithHTTPClient(&http.Client{Transport: &http.Transport{}, Timeout: 500 * time.Millisecond}))
	_, err := client.VirtualMachines.Restart(t.Context(), www1)
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	assert.True(t, isTimeout(err), "%v", err)
}

// A client may be used inside and outside of bubbles of testing/synctest, each of which has a clock of its own.
func TestTimeoutsInSynctestBubbles(t *testing.T) {
	hang := false
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		if hang {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		body := io.NopCloser(strings.NewReader(`{"id":41,"name":"acme"}`))
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body, ContentLength: -1, Request: r}, nil
	})
	client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(transport), once,
		bigv.WithTimeouts(bigv.Timeouts{Header: 100 * time.Millisecond, Idle: time.Second}))
	getAccount := func() error {
		_, err := client.Accounts.Get(context.Background(), acme)
		return err
	}
	inBubble := func(f func()) { synctest.Test(t, func(*testing.T) { f() }) }
	succeeds := func() { require.NoError(t, getAccount()) }
	timesOut := func() { assert.ErrorContains(t, getAccount(), "did not begin to respond within 100ms") }

	succeeds()
	hang = true
	inBubble(timesOut)
	timesOut()
	hang = false
	inBubble(succeeds)
	hang = true
	timesOut()
	inBubble(timesOut)
}
