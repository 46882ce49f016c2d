package retry

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// reply is how a server ends one attempt: with a status, or by closing the connection.
type reply struct {
	status     int // 0 closes the connection
	retryAfter string
	body       string
	truncated  bool
}

func (r reply) write(w http.ResponseWriter) {
	if r.status == 0 {
		panic(http.ErrAbortHandler)
	}
	if r.retryAfter != "" {
		w.Header().Set("Retry-After", r.retryAfter)
	}
	if r.truncated {
		w.Header().Set("Content-Length", fmt.Sprint(len(r.body)+1))
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}

// newServer returns the URL of a server that sends one reply after another, a client for it, and the number of requests it has
// read.
func newServer(t *testing.T, policy Policy, replies ...reply) (string, *Client, *atomic.Int64) {
	t.Helper()
	requests := new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		if r.Method != http.MethodGet {
			assert.Equal(t, `{"x":1}`, string(body), "each attempt sends the whole body")
		}
		n := requests.Add(1)
		if n > int64(len(replies)) {
			t.Errorf("request %d is one too many", n)
			n = int64(len(replies))
		}
		replies[n-1].write(w)
	}))
	base := transport.New()
	base.DisableKeepAlives = true // net/http repeats a GET by itself if a connection that it reuses is closed
	t.Cleanup(server.Close)
	return server.URL, newTestClient(base, policy), requests
}

func TestDo(t *testing.T) {
	ok, closed := reply{status: 200, body: "ok"}, reply{}
	truncated := reply{status: 200, body: "o", truncated: true}
	unavailable, limited := reply{status: 503, body: "busy"}, reply{status: 429, retryAfter: "0"}
	for _, row := range []struct {
		name        string
		idempotency Idempotency
		replies     []reply
		status      int
		body        string
		unknown     bool
		err, read   bool
	}{
		{"success", Safe, []reply{ok}, 200, "ok", false, false, false},
		{"retried after 503", Safe, []reply{unavailable, ok}, 200, "ok", false, false, false},
		{"503 until the attempts are used up", Safe, []reply{unavailable, unavailable, unavailable}, 503, "busy", false, false, false},
		{"retried after a closed connection", Safe, []reply{closed, ok}, 200, "ok", false, false, false},
		{"closed until the attempts are used up", Safe, []reply{closed, closed, closed}, 0, "", false, true, false},
		{"a truncated body, then a whole one", Safe, []reply{truncated, ok}, 200, "ok", false, false, false},
		{"the last response is returned", Safe, []reply{unavailable, {status: 404, body: "none"}}, 404, "none", false, false, false},
		{"the last response is none", Safe, []reply{unavailable, closed, closed}, 0, "", false, true, false},
		{"too large is not retried", Safe, []reply{{status: 200, body: strings.Repeat("x", 1001)}}, 200, "", false, false, true},
		{"a 404 cut short is not retried", Safe, []reply{{status: 404, body: "n", truncated: true}}, 404, "n", false, false, true},
		{"idempotent, retried after a closed connection", Idempotent, []reply{closed, ok}, 200, "ok", true, false, false},
		{"idempotent, unknown in spite of a 404", Idempotent, []reply{closed, {status: 404}}, 404, "", true, false, false},
		{"idempotent, 503", Idempotent, []reply{unavailable, ok}, 200, "ok", false, false, false},
		{"idempotent, 500", Idempotent, []reply{{status: 500}}, 500, "", true, false, false},
		{"idempotent, applied and truncated", Idempotent, []reply{truncated}, 200, "o", false, false, true},
		{"not idempotent, closed connection", NonIdempotent, []reply{closed}, 0, "", true, true, false},
		{"not idempotent, 503", NonIdempotent, []reply{unavailable}, 503, "busy", false, false, false},
		{"not idempotent, Retry-After", NonIdempotent, []reply{limited, limited, ok}, 200, "ok", false, false, false},
		{"not idempotent, Retry-After three times", NonIdempotent, []reply{limited, limited, limited}, 429, "", false, false, false},
		{"not idempotent, Retry-After and then lost", NonIdempotent, []reply{limited, closed}, 0, "", true, true, false},
		{"not idempotent, 500", NonIdempotent, []reply{{status: 500}}, 500, "", true, false, false},
		{"not idempotent, 504", NonIdempotent, []reply{{status: 504}}, 504, "", true, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			url, client, requests := newServer(t, quick, row.replies...)
			req := newTestRequest(t, url, row.idempotency)
			resp := &Response{Attempts: 2, StatusCode: 401, Body: []byte("expired"), ReadErr: errors.New("cut short")}
			err := client.Do(t.Context(), req, resp)
			assert.Equal(t, row.err, err != nil, "%v", err)
			assert.Equal(t, row.status, resp.StatusCode)
			assert.Equal(t, row.status >= 200 && row.status < 300, resp.OK())
			assert.Equal(t, row.body, string(resp.Body))
			assert.Equal(t, row.read, resp.ReadErr != nil, "%v", resp.ReadErr)
			assert.Equal(t, row.unknown, resp.OutcomeUnknown)
			assert.EqualValues(t, len(row.replies), requests.Load())
			assert.Equal(t, 2+len(row.replies), resp.Attempts, "the prior attempts are counted in, not against the policy")
		})
	}
}

// An earlier request of the same call may have been applied, whatever a later one does.
func TestOutcomeUnknownOfAnEarlierRequestIsKept(t *testing.T) {
	url, client, _ := newServer(t, quick, reply{status: 404})
	resp := &Response{Attempts: 1, OutcomeUnknown: true}
	require.NoError(t, client.Do(t.Context(), newTestRequest(t, url, NonIdempotent), resp))
	assert.Equal(t, 404, resp.StatusCode)
	assert.True(t, resp.OutcomeUnknown)
}

// A call that ends before its request was sent does not return the response to an earlier one.
func TestResponseToAnEarlierRequestIsNotReturned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	resp := &Response{Attempts: 1, StatusCode: 401, Header: http.Header{}, Body: []byte("expired"), ReadErr: errors.New("truncated")}
	err := newTestClient(nil, quick).Do(ctx, newTestRequest(t, "http://127.0.0.1:1", NonIdempotent), resp)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, &Response{Attempts: 2}, resp)
}

func TestInfo(t *testing.T) {
	var got any
	client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
		got = Info(r.Context())
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}), quick)
	req := newTestRequest(t, "http://127.0.0.1:1", NonIdempotent)
	req.Info = "create"
	_, err := do(t.Context(), client, req)
	require.NoError(t, err)
	assert.Equal(t, "create", got)
	assert.Nil(t, Info(t.Context()))
}

func TestPolicyOfOneAttemptDoesNotRetry(t *testing.T) {
	for _, policy := range []Policy{{MaxAttempts: 1}, {}} {
		url, client, _ := newServer(t, policy, reply{status: 503})
		var last Attempt
		req := newTestRequest(t, url, Safe)
		req.OnAttempt = func(a Attempt) { last = a }
		resp, err := do(t.Context(), client, req)
		require.NoError(t, err)
		assert.Equal(t, 1, resp.Attempts)
		assert.False(t, last.Retry)
		assert.Zero(t, last.Wait)
	}
}

// A request that never reached a server is retried whatever it is, and its outcome is known.
func TestUnsentRequestsAreRetried(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	req := newTestRequest(t, "http://"+ln.Addr().String(), NonIdempotent)
	resp, err := do(t.Context(), newTestClient(transport.New(), quick), req)
	assert.ErrorContains(t, err, "connect")
	assert.NotContains(t, err.Error(), "http://", "the URL may be a secret")
	assert.Equal(t, 3, resp.Attempts)
	assert.False(t, resp.OutcomeUnknown)
}

func TestPermanentErrorsAreNotRetried(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for _, idempotency := range []Idempotency{Safe, Idempotent, NonIdempotent} {
		resp, err := do(t.Context(), newTestClient(transport.New(), quick), newTestRequest(t, server.URL, idempotency))
		assert.ErrorContains(t, err, "certificate")
		assert.Equal(t, 1, resp.Attempts)
		assert.False(t, resp.OutcomeUnknown)
	}
}

func TestRefusedRedirectReturnsItsResponse(t *testing.T) {
	client := newTestClient(roundTripper(func(*http.Request) (*http.Response, error) {
		return newResponse(302, http.Header{"Location": {"http://elsewhere.example/"}}, http.NoBody), nil
	}), quick)
	resp, err := do(t.Context(), client, newTestRequest(t, "http://127.0.0.1:1", NonIdempotent))
	assert.ErrorIs(t, err, transport.ErrRedirect)
	assert.Equal(t, 302, resp.StatusCode)
	assert.Equal(t, 1, resp.Attempts)
	assert.True(t, resp.OutcomeUnknown)
}

// A timeout ends one attempt, not the call.
func TestTimeoutsAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		httpClient := transport.NewClient(nil, base, transport.Timeouts{Header: time.Second, Idle: time.Second})
		resp, err := do(t.Context(), NewClient(httpClient, quick, 1000), newTestRequest(t, "http://127.0.0.1:1", Idempotent))
		_, ok := errors.AsType[*transport.TimeoutError](err)
		assert.True(t, ok, "%v", err)
		assert.Equal(t, 3, resp.Attempts)
		assert.True(t, resp.OutcomeUnknown)
		time.Sleep(time.Minute) // the timer ends
	})
}

func TestOnAttempt(t *testing.T) {
	var events []string
	bodies := []reply{{status: 503, retryAfter: "7", body: "busy"}, {}, {status: 200, body: "ok"}}
	synctest.Test(t, func(t *testing.T) {
		n := 0
		client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
			now := bodies[n]
			n++
			events = append(events, fmt.Sprintf("request %d", n))
			time.Sleep(2 * time.Second)
			if now.status == 0 {
				return nil, errors.New("connection reset")
			}
			header := http.Header{}
			if now.retryAfter != "" {
				header.Set("Retry-After", now.retryAfter)
			}
			return newResponse(now.status, header, strings.NewReader(now.body)), nil
		}), quick)
		req := newTestRequest(t, "http://127.0.0.1:1", Safe)
		client.policy.MaxWait = 7 * time.Second
		start := time.Now()
		req.OnAttempt = func(a Attempt) {
			assert.Equal(t, req.URL, a.Request.URL)
			assert.Equal(t, 2*time.Second, a.Duration)
			events = append(events, fmt.Sprintf("attempt %d: %d %q %q %v, retry %t in %s, after %s", a.Number, a.StatusCode,
				a.Header.Get("Retry-After"), a.Body, a.Err, a.Retry, a.Wait.Truncate(time.Second), time.Since(start).Truncate(time.Second)))
		}
		require.NoError(t, client.Do(t.Context(), req, &Response{Attempts: 1}))
		time.Sleep(10 * time.Minute) // the timer of the timeouts ends
	})
	assert.Equal(t, []string{
		"request 1",
		`attempt 2: 503 "7" "busy" <nil>, retry true in 7s, after 2s`,
		"request 2",
		`attempt 3: 0 "" "" connection reset, retry true in 0s, after 11s`,
		"request 3",
		`attempt 4: 200 "" "ok" <nil>, retry false in 0s, after 13s`,
	}, events)
}

// A streamed body is retried only if the reader says so, which it does if the caller has used nothing of it.
func TestStream(t *testing.T) {
	errTruncated := errors.New("truncated")
	for _, row := range []struct {
		name        string
		idempotency Idempotency
		retryable   bool
		attempts    int
	}{
		{"nothing used", Safe, true, 3},
		{"a part used", Safe, false, 1},
		{"not safe", Idempotent, true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			abc := reply{status: 200, body: "abc"}
			url, client, _ := newServer(t, quick, abc, abc, abc)
			req := newTestRequest(t, url, row.idempotency)
			var errs []error
			req.OnAttempt = func(a Attempt) {
				assert.Nil(t, a.Body)
				errs = append(errs, a.Err)
			}
			req.Stream = func(resp *http.Response) (bool, error) {
				text, err := io.ReadAll(resp.Body)
				assert.NoError(t, err)
				assert.Equal(t, "abc", string(text))
				return row.retryable, errTruncated
			}
			resp, err := do(t.Context(), client, req)
			require.NoError(t, err)
			assert.ErrorIs(t, resp.ReadErr, errTruncated)
			assert.Nil(t, resp.Body)
			assert.Equal(t, row.attempts, resp.Attempts)
			require.Len(t, errs, row.attempts)
			for _, err := range errs {
				assert.ErrorIs(t, err, errTruncated)
			}
		})
	}
}

// The body of an error is read whole, and not by Stream.
func TestStreamOfAnError(t *testing.T) {
	url, client, _ := newServer(t, quick, reply{status: 503, body: "busy"}, reply{status: 200, body: "abc"})
	req := newTestRequest(t, url, Safe)
	var streamed []string
	req.Stream = func(resp *http.Response) (bool, error) {
		text, err := io.ReadAll(resp.Body)
		streamed = append(streamed, string(text))
		return false, err
	}
	resp, err := do(t.Context(), client, req)
	require.NoError(t, err)
	assert.NoError(t, resp.ReadErr)
	assert.Equal(t, []string{"abc"}, streamed)
	assert.Equal(t, 2, resp.Attempts)
}

// A caller that stops early, or panics, leaves neither a connection nor a goroutine behind.
func TestStreamThatIsNotReadToItsEnd(t *testing.T) {
	for _, panics := range []bool{false, true} {
		before := goleak.IgnoreCurrent()
		var ctx context.Context
		client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
			ctx = r.Context()
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("abc"))}, nil
		}), quick)
		req := newTestRequest(t, "http://127.0.0.1:1", Safe)
		req.Stream = func(*http.Response) (bool, error) {
			assert.NoError(t, ctx.Err(), "the context lasts as long as the body is read")
			if panics {
				panic("boom")
			}
			return false, nil
		}
		if panics {
			assert.PanicsWithValue(t, "boom", func() { _, _ = do(t.Context(), client, req) })
		} else {
			_, err := do(t.Context(), client, req)
			assert.NoError(t, err)
		}
		assert.Error(t, ctx.Err(), "the body was closed")
		goleak.VerifyNone(t, before)
	}
}

// The context may end while the client waits for the next attempt. The call returns at once, with what it had.
func TestContextEndsDuringTheWait(t *testing.T) {
	errCause := errors.New("the user pressed a key")
	for _, row := range []struct {
		name    string
		respond func() (*http.Response, error)
		status  int
		err     string
	}{
		{"after a response", func() (*http.Response, error) {
			return newResponse(503, nil, strings.NewReader("busy")), nil
		}, 503, "context canceled: the user pressed a key"},
		{"after an error", func() (*http.Response, error) { return nil, errors.New("connection reset") }, 0,
			"context canceled: the user pressed a key (before that: connection reset)"},
		{"after a body that could not be read", func() (*http.Response, error) {
			return newResponse(200, nil, iotest.ErrReader(errors.New("connection reset"))), nil
		}, 200, "context canceled: the user pressed a key (before that: response was cut short: connection reset)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				client := newTestClient(roundTripper(func(*http.Request) (*http.Response, error) { return row.respond() }),
					Policy{MaxAttempts: 3, MinWait: time.Hour, MaxWait: time.Hour})
				time.AfterFunc(time.Nanosecond, func() { cancel(errCause) })
				start := time.Now()
				resp, err := do(ctx, client, newTestRequest(t, "http://127.0.0.1:1", Safe))
				assert.EqualError(t, err, row.err)
				assert.ErrorIs(t, err, context.Canceled)
				assert.ErrorIs(t, err, errCause)
				assert.Equal(t, row.status, resp.StatusCode)
				assert.Equal(t, 1, resp.Attempts)
				assert.Equal(t, time.Nanosecond, time.Since(start))
				time.Sleep(10 * time.Minute) // the timer of the timeouts ends
			})
		})
	}
}

// writeRequest does what a transport does with a request that it writes.
func writeRequest(r *http.Request, trace *httptrace.ClientTrace) {
	trace.WroteHeaders()
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// A call that its context ends returns the response before, unless the request may have been applied since.
func TestContextEndsDuringAnAttempt(t *testing.T) {
	for _, row := range []struct {
		name        string
		idempotency Idempotency
		written     bool
		status      int
		unknown     bool
	}{
		{"safe", Safe, true, 503, false},
		{"idempotent, before it was written", Idempotent, false, 503, false},
		{"idempotent, after it was written", Idempotent, true, 0, true},
		{"not idempotent, before it was written", NonIdempotent, false, 503, false},
		{"not idempotent, after it was written", NonIdempotent, true, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
				if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
					trace.GetConn("127.0.0.1:1")
					if row.written || n == 0 {
						trace.GotConn(httptrace.GotConnInfo{})
						writeRequest(r, trace)
					}
				}
				if n++; n == 1 {
					return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {"0"}}, Body: http.NoBody}, nil
				}
				cancel()
				<-r.Context().Done()
				return nil, r.Context().Err()
			}), quick)
			resp, err := do(ctx, client, newTestRequest(t, "http://127.0.0.1:1", row.idempotency))
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, row.status, resp.StatusCode)
			assert.Equal(t, row.unknown, resp.OutcomeUnknown)
			assert.Equal(t, 2, resp.Attempts)
		})
	}
}

// A body that is being read when the context ends says why.
func TestContextEndsDuringTheBody(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	errCause := errors.New("the user pressed a key")
	client := newTestClient(roundTripper(func(*http.Request) (*http.Response, error) {
		body := io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(context.Canceled))
		cancel(errCause)
		return newResponse(200, nil, body), nil
	}), quick)
	resp, err := do(ctx, client, newTestRequest(t, "http://127.0.0.1:1", Safe))
	require.NoError(t, err)
	assert.Equal(t, 1, resp.Attempts)
	assert.Equal(t, "ab", string(resp.Body))
	assert.ErrorIs(t, resp.ReadErr, errCause)
	assert.ErrorIs(t, resp.ReadErr, context.Canceled)
}

// What the transport still records of one attempt does not count for the next.
func TestLateProgressOfAnEarlierAttempt(t *testing.T) {
	var first *httptrace.ClientTrace
	n := 0
	client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(r.Context())
		trace.GetConn("127.0.0.1:1")
		switch n++; n {
		case 1: // responds before it has read the request
			trace.GotConn(httptrace.GotConnInfo{})
			writeRequest(r, trace)
			first = trace
			return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {"0"}}, Body: http.NoBody}, nil
		case 2:
			first.WroteRequest(httptrace.WroteRequestInfo{})
			first.WroteHeaders()
			trace.GetConn("127.0.0.1:1")
			assert.NoError(t, r.Context().Err(), "the attempt is not mistaken for one that is repeated")
			return nil, errors.New("connection refused")
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}), quick)
	resp, err := do(t.Context(), client, newTestRequest(t, "http://127.0.0.1:1", NonIdempotent))
	require.NoError(t, err)
	assert.Equal(t, 3, resp.Attempts)
	assert.False(t, resp.OutcomeUnknown)
}

// An error that is usually permanent says nothing about a request that was written.
func TestPermanentErrorAfterTheHeaders(t *testing.T) {
	client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(r.Context())
		trace.GetConn("127.0.0.1:1")
		trace.GotConn(httptrace.GotConnInfo{})
		writeRequest(r, trace)
		return nil, x509.UnknownAuthorityError{}
	}), quick)
	resp, err := do(t.Context(), client, newTestRequest(t, "http://127.0.0.1:1", Idempotent))
	assert.Error(t, err)
	assert.Equal(t, 3, resp.Attempts)
	assert.True(t, resp.OutcomeUnknown)
}

// A transport may return the context's error rather than its cause.
func TestErrorOfARequestThatNetHTTPWouldRepeat(t *testing.T) {
	client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(r.Context())
		trace.GetConn("127.0.0.1:1")
		trace.GotConn(httptrace.GotConnInfo{})
		writeRequest(r, trace)
		trace.WroteRequest(httptrace.WroteRequestInfo{})
		trace.GetConn("127.0.0.1:1")
		return nil, r.Context().Err()
	}), quick)
	resp, err := do(t.Context(), client, newTestRequest(t, "http://127.0.0.1:1", NonIdempotent))
	assert.EqualError(t, err, "the server reset the request")
	assert.Equal(t, 1, resp.Attempts)
	assert.True(t, resp.OutcomeUnknown)
}

// The waits of a request do not grow with the attempts of an earlier one.
func TestBackoffAfterAnEarlierRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newTestClient(roundTripper(func(*http.Request) (*http.Response, error) {
			return newResponse(503, nil, http.NoBody), nil
		}), Policy{MaxAttempts: 3, MinWait: time.Millisecond, MaxWait: 1000 * time.Hour})
		start := time.Now()
		require.NoError(t, client.Do(t.Context(), newTestRequest(t, "http://127.0.0.1:1", Safe), &Response{Attempts: 40}))
		assert.Less(t, time.Since(start), 3*time.Millisecond)
		time.Sleep(10 * time.Minute) // the timer of the timeouts ends
	})
}

// foreignContext is a context of a type that package context does not know: it costs a goroutine for each context derived from it
// that is not ended.
type foreignContext struct {
	context.Context
	done chan struct{}
}

func (f foreignContext) Done() <-chan struct{} { return f.done }

func TestContextsOfNonIdempotentAttemptsEnd(t *testing.T) {
	before := goleak.IgnoreCurrent()
	client := newTestClient(roundTripper(func(*http.Request) (*http.Response, error) {
		return newResponse(503, http.Header{"Retry-After": {"0"}}, http.NoBody), nil
	}), quick)
	resp, err := do(foreignContext{t.Context(), make(chan struct{})}, client, newTestRequest(t, "http://127.0.0.1:1", NonIdempotent))
	require.NoError(t, err)
	assert.Equal(t, 3, resp.Attempts)
	goleak.VerifyNone(t, before)
}

// The context of an attempt ends when its response has been read, also after redirects and with a timeout of the http.Client.
func TestContextsOfAttemptsEnd(t *testing.T) {
	respond := func(status int, location string) roundTripper {
		return func(*http.Request) (*http.Response, error) {
			header := http.Header{}
			if location != "" {
				header.Set("Location", location)
			}
			return newResponse(status, header, strings.NewReader("[]")), nil
		}
	}
	found, moved, away := respond(200, ""), respond(302, "/elsewhere"), respond(302, "http://elsewhere.example/")
	lost := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") })
	silent := roundTripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for _, row := range []struct {
		name    string
		replies []roundTripper
		wantErr string
	}{
		{"success", []roundTripper{found}, ""},
		{"retried", []roundTripper{lost, respond(503, ""), found}, ""},
		{"lost three times", []roundTripper{lost, lost, lost}, "connection reset"},
		{"retried after a timeout", []roundTripper{silent, found}, ""},
		{"redirected", []roundTripper{moved, found}, ""},
		{"redirected, lost, redirected", []roundTripper{moved, moved, lost, moved, found}, ""},
		{"redirected, timeout, retried", []roundTripper{moved, silent, found}, ""},
		{"redirect refused", []roundTripper{away}, "redirect refused"},
	} {
		for _, timeout := range []time.Duration{0, time.Hour} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/timeout %s, stream %t", row.name, timeout, stream), func(t *testing.T) {
					before := goleak.IgnoreCurrent()
					var contexts []context.Context
					base := roundTripper(func(r *http.Request) (*http.Response, error) {
						assert.NoError(t, r.Context().Err())
						contexts = append(contexts, r.Context())
						return row.replies[len(contexts)-1](r)
					})
					timeouts := transport.Timeouts{Header: 50 * time.Millisecond, Idle: time.Hour}
					httpClient := transport.NewClient(&http.Client{Timeout: timeout}, base, timeouts)
					req := newTestRequest(t, "http://127.0.0.1:1/", Safe)
					var body []byte
					if stream {
						req.Stream = func(resp *http.Response) (_ bool, err error) {
							body, err = io.ReadAll(resp.Body)
							return false, err
						}
					}
					ctx := t.Context()
					if stream {
						ctx = foreignContext{t.Context(), make(chan struct{})}
					}
					resp, err := do(ctx, NewClient(httpClient, quick, 1000), req)
					if row.wantErr != "" {
						assert.ErrorContains(t, err, row.wantErr)
					} else {
						require.NoError(t, err)
						assert.Equal(t, "[]", string(append(body, resp.Body...)))
					}
					assert.Len(t, contexts, len(row.replies))
					for _, ctx := range contexts {
						assert.Error(t, ctx.Err())
					}
					goleak.VerifyNone(t, before)
				})
			}
		}
	}
}
