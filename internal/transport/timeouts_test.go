package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// respondWith returns a transport that responds to each request with a body.
func respondWith(body func(context.Context) io.ReadCloser) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: body(r.Context()), Request: r}, nil
	}
}

// silent is a body or a transport that never responds.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}
func (s silent) Close() error { return nil }

func TestRequestIsNotSentAfterItsContextEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tr := newTimeoutTransport(roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, errors.New("sent")
	}), Timeouts{})
	_, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1").WithContext(ctx))
	assert.EqualError(t, err, "context canceled")
	assert.ErrorIs(t, err, context.Canceled)
	_, ok := errors.AsType[*NotSentError](err)
	assert.True(t, ok)
	assert.Empty(t, tr.contexts.all)
}

// inBubbles runs a test in bubbles of testing/synctest: with a timer of each attempt, and with the shared timer.
func inBubbles(t *testing.T, test func(*testing.T, func(http.RoundTripper, Timeouts) *timeoutTransport)) {
	for name, ownTimers := range map[string]bool{"own timers": true, "shared timer": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, func(base http.RoundTripper, timeouts Timeouts) *timeoutTransport {
					tr := newTimeoutTransport(base, timeouts)
					t.Cleanup(func() {
						tr.contexts.mu.Lock()
						defer tr.contexts.mu.Unlock()
						assert.Equal(t, ownTimers, tr.contexts.timerID == 0, "only one kind of timer is used")
					})
					assert.True(t, tr.contexts.inBubble(tr.contexts.now()))
					tr.contexts.inBubble = func(time.Duration) bool { return ownTimers }
					return tr
				})
			})
		})
	}
}

// hang is a base transport that never responds.
var hang = roundTripper(func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
})

func TestHeaderTimeout(t *testing.T) {
	inBubbles(t, func(t *testing.T, newTransport func(http.RoundTripper, Timeouts) *timeoutTransport) {
		tr := newTransport(hang, Timeouts{Header: 5 * time.Second, Idle: 3 * time.Second})
		start := time.Now()
		_, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
		assert.EqualError(t, err, "the server did not begin to respond within 5s")
		assert.InDelta(t, 5*time.Second, time.Since(start), float64(10*time.Millisecond))
		timeout, ok := errors.AsType[net.Error](&net.OpError{Op: "read", Err: err})
		require.True(t, ok)
		assert.True(t, timeout.Timeout())
		assert.Empty(t, tr.contexts.all)
		time.Sleep(time.Minute)
		synctest.Wait() // the timer ends by itself
	})
}

func TestIdleTimeout(t *testing.T) {
	inBubbles(t, func(t *testing.T, newTransport func(http.RoundTripper, Timeouts) *timeoutTransport) {
		tr := newTransport(respondWith(func(ctx context.Context) io.ReadCloser {
			return struct {
				io.Reader
				io.Closer
			}{io.MultiReader(strings.NewReader("abc"), silent{ctx}), silent{ctx}}
		}), Timeouts{Header: time.Second, Idle: 3 * time.Second})
		resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
		require.NoError(t, err)
		time.Sleep(time.Hour) // the time of the caller before the first read does not count
		buf := make([]byte, 3)
		_, err = io.ReadFull(resp.Body, buf)
		require.NoError(t, err)
		time.Sleep(time.Hour) // the time of the caller between two reads does not count
		start := time.Now()
		_, err = resp.Body.Read(buf)
		assert.EqualError(t, err, "the server sent no more of the response within 3s")
		assert.InDelta(t, 3*time.Second, time.Since(start), float64(10*time.Millisecond))
		assert.NoError(t, resp.Body.Close())
		assert.Empty(t, tr.contexts.all)
		time.Sleep(time.Minute)
	})
}

// An attempt that begins while the shared timer runs has its own limit: neither less nor much more.
func TestTimeoutsOfOverlappingAttempts(t *testing.T) {
	inBubbles(t, func(t *testing.T, newTransport func(http.RoundTripper, Timeouts) *timeoutTransport) {
		tr := newTransport(hang, Timeouts{Header: 10 * time.Second, Idle: time.Hour})
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Second)
				start := time.Now()
				_, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
				assert.Error(t, err)
				assert.InDelta(t, 10*time.Second, time.Since(start), float64(10*time.Millisecond))
			})
		}
		wg.Wait()
		time.Sleep(time.Minute)
		assert.Empty(t, tr.contexts.all)
	})
}

// An attempt may begin at the instant at which the timer of earlier ones fires.
func TestAttemptThatBeginsWhenTheTimerFires(t *testing.T) {
	inBubbles(t, func(t *testing.T, newTransport func(http.RoundTripper, Timeouts) *timeoutTransport) {
		tr := newTransport(hang, Timeouts{Header: 5 * time.Second, Idle: time.Hour})
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				time.Sleep(time.Duration(i/2) * 5 * time.Second)
				start := time.Now()
				_, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
				assert.Error(t, err)
				assert.Equal(t, 5*time.Second, time.Since(start).Round(time.Millisecond))
			})
		}
		wg.Wait()
	})
}

// A caller that does not read its body does not keep the timeouts of the others from being checked.
func TestTimeoutBesidePausedReader(t *testing.T) {
	inBubbles(t, func(t *testing.T, newTransport func(http.RoundTripper, Timeouts) *timeoutTransport) {
		paused := respondWith(func(context.Context) io.ReadCloser { return io.NopCloser(strings.NewReader("abc")) })
		tr := newTransport(paused, Timeouts{Header: 5 * time.Second, Idle: 5 * time.Second})
		resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
		require.NoError(t, err)
		tr.base = hang
		start := time.Now()
		_, err = tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
		assert.Error(t, err)
		assert.Equal(t, 5*time.Second, time.Since(start).Round(time.Millisecond))
		assert.NoError(t, resp.Body.Close())
	})
}

// The transport outlives the bubble in which its timer was created, whose clock starts in the year 2000.
func TestTimeoutsSurviveSynctestBubbles(t *testing.T) {
	tr := newTimeoutTransport(hang, Timeouts{Header: 20 * time.Millisecond, Idle: time.Hour})
	expire := func(t *testing.T) {
		_, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
		_, ok := errors.AsType[*TimeoutError](err)
		assert.True(t, ok, "%v", err)
		time.Sleep(50 * time.Millisecond) // the timer fires once more and ends
	}
	succeed := func(t *testing.T) {
		tr.base = respondWith(func(context.Context) io.ReadCloser { return http.NoBody })
		resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
		require.NoError(t, err)
		assert.NoError(t, resp.Body.Close())
		tr.base = hang
	}
	expire(t)
	synctest.Test(t, expire)
	synctest.Test(t, expire)
	synctest.Test(t, succeed) // while it runs, no timer fires
	synctest.Test(t, expire)  // it begins at the same time
	expire(t)
}

func TestPanicOfTheBaseTransportRemovesTheAttempt(t *testing.T) {
	tr := newTimeoutTransport(roundTripper(func(*http.Request) (*http.Response, error) { panic("boom") }),
		Timeouts{Header: time.Hour, Idle: time.Hour})
	for range 3 {
		assert.PanicsWithValue(t, "boom", func() { _, _ = tr.RoundTrip(newGet(t, "http://127.0.0.1:1")) })
	}
	assert.Empty(t, tr.contexts.all)
}

func TestAllAttemptsShareOneTimer(t *testing.T) {
	tr := newTimeoutTransport(respondWith(func(context.Context) io.ReadCloser { return http.NoBody }),
		Timeouts{Header: time.Hour, Idle: time.Hour})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 200 {
				resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
				if assert.NoError(t, err) {
					assert.NoError(t, resp.Body.Close())
					assert.NoError(t, resp.Body.Close(), "closing twice is allowed")
				}
			}
		})
	}
	wg.Wait()
	assert.Empty(t, tr.contexts.all)
	assert.Equal(t, 1, tr.contexts.timerID, "number of timers")
}

// A timer that was replaced does nothing when it fires.
func TestReplacedTimerIsIgnored(t *testing.T) {
	pool := newPool()
	ctx := pool.get(t.Context())
	ctx.wait.Store(-int64(2*time.Hour)&^waitBits | waiting) // which began before the epoch
	pool.timerID = 2
	pool.expire(1)
	assert.NoError(t, ctx.Err())
	pool.expire(2)
	assert.EqualError(t, context.Cause(ctx), "the server did not begin to respond within 1h0m0s")
	ctx.End(true)
	assert.Empty(t, pool.all)
}

// The context of an attempt ends when the body is closed, not before.
func TestContextOfAnAttemptEndsWithItsBody(t *testing.T) {
	var ctx context.Context
	tr := newTimeoutTransport(respondWith(func(c context.Context) io.ReadCloser {
		ctx = c
		return io.NopCloser(strings.NewReader("abc"))
	}), Timeouts{Header: time.Hour, Idle: time.Hour})
	resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
	require.NoError(t, err)
	_, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.NoError(t, ctx.Err())
	require.NoError(t, resp.Body.Close())
	assert.Error(t, ctx.Err())
	assert.Empty(t, tr.contexts.all)
}

func TestContextOfAnAttemptEndsWithItsError(t *testing.T) {
	var ctx context.Context
	tr := newTimeoutTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		ctx = r.Context()
		return nil, errors.New("connection reset")
	}), Timeouts{Header: time.Hour, Idle: time.Hour})
	_, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
	assert.EqualError(t, err, "connection reset")
	assert.Error(t, ctx.Err())
	assert.Empty(t, tr.contexts.all)
}

// closeRecorder is a body that records whether it was closed.
type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error {
	c.closed = true
	return nil
}

func TestMisleadingResponses(t *testing.T) {
	for _, row := range []struct {
		name    string
		resp    *http.Response
		err     error
		wantErr string
	}{
		{"neither a response nor an error", nil, nil, "the transport returned neither a response nor an error"},
		{"an upgrade", &http.Response{StatusCode: 101, Body: http.NoBody}, nil, "status 101 of the response is not a final status"},
		{"an upgrade without a body", &http.Response{StatusCode: 101}, nil, "status 101"},
		{"status 0", &http.Response{}, nil, "status 0"},
		{"a TLS record error within the response", nil, tls.RecordHeaderError{Msg: "bad record"}, "within the response: tls: bad record"},
		{"no body", &http.Response{StatusCode: 200}, nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			tr := newTimeoutTransport(roundTripper(func(*http.Request) (*http.Response, error) { return row.resp, row.err }),
				Timeouts{Header: time.Hour, Idle: time.Hour})
			resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1"))
			if row.wantErr == "" {
				require.NoError(t, err)
				got, err := io.ReadAll(resp.Body)
				assert.NoError(t, err)
				assert.Empty(t, got)
				assert.NoError(t, resp.Body.Close())
			} else {
				assert.ErrorContains(t, err, row.wantErr)
			}
			assert.Empty(t, tr.contexts.all)
		})
	}
}

func TestUpgradedConnectionIsClosed(t *testing.T) {
	body := &closeRecorder{Reader: strings.NewReader("")}
	err := checkResponse(newGet(t, "http://127.0.0.1:1"), &http.Response{StatusCode: 101, Body: body})
	assert.Error(t, err)
	assert.True(t, body.closed)
}

// Only the first record says whether a server speaks TLS; http.Client recognizes that error by its type.
func TestFirstTLSRecordErrorIsKept(t *testing.T) {
	first := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake", Conn: &net.TCPConn{}}
	assert.Equal(t, first, (&Context{Context: t.Context()}).explain(first))
}

func TestLocationIsRemovedOnlyIfItIsMalformed(t *testing.T) {
	for location, keep := range map[string]bool{"/elsewhere": true, "http://[::1": false, "http://a\x7fb": false, "": true} {
		resp := &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {location}}}
		require.NoError(t, checkResponse(newGet(t, "http://127.0.0.1:1"), resp))
		assert.Equal(t, keep, resp.Header["Location"] != nil, "%q", location)
	}
}
