package bigv_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// callResult is the result of a call whose first attempt failed.
type callResult int

const (
	retries  callResult = iota // the call is retried and succeeds
	fails                      // the call fails, and the write was not done
	unknown                    // the call fails, and the outcome is unknown
	readBack                   // the call succeeds, and the object is read with a GET
)

// retryCase is a failure and its result for operations of each class.
type retryCase struct {
	name    string
	failure http.HandlerFunc
	status  int   // of the error
	kind    error // what the error matches, if not nil

	safe, idempotent, nonIdempotent callResult

	unknownAtLast bool // when the attempts are used up, the outcome of a write is unknown
	truncated     bool // a 2xx response that does not arrive whole
	http2         bool // tested with HTTP/2 as well
	notJSON       bool // also where the response is discarded
}

// result returns the result for an operation.
func (c retryCase) result(op operation) callResult {
	if op.discardResponse && c.status/100 == 2 && !c.notJSON && !(c.truncated && op.class == nonIdempotent) {
		return readBack // without a read, since nothing is decoded
	}
	switch op.class {
	case safe:
		return c.safe
	case idempotent:
		return c.idempotent
	}
	return c.nonIdempotent
}

const farFuture = "Fri, 31 Dec 2999 23:59:59 GMT"

// retryCases is the table of what is retried once the request has arrived. For failures before that see TestConnectionFailures,
// for contexts that end TestCancellation, and for services that stop responding TestTimeouts.
var retryCases = []retryCase{
	{name: "connection closed after the work was done", failure: closeConnection,
		safe: retries, idempotent: retries, nonIdempotent: unknown, unknownAtLast: true, http2: true},
	{name: "429", failure: fakeserver.Respond(429, "slow down"), status: 429, kind: bigv.ErrRateLimited,
		safe: retries, idempotent: retries, nonIdempotent: fails, http2: true},
	{name: "429 Retry-After: 0", failure: fakeserver.Respond(429, "", "Retry-After", "0"), status: 429, kind: bigv.ErrRateLimited,
		safe: retries, idempotent: retries, nonIdempotent: retries},
	{name: "503", failure: fakeserver.Respond(503, "down"), status: 503, kind: bigv.ErrUnavailable,
		safe: retries, idempotent: retries, nonIdempotent: fails, http2: true},
	{name: "503 Retry-After in seconds, above the maximum", failure: fakeserver.Respond(503, "", "Retry-After", "7200"), status: 503,
		kind: bigv.ErrUnavailable, safe: fails, idempotent: fails, nonIdempotent: fails, http2: true},
	{name: "503 Retry-After out of range", failure: fakeserver.Respond(503, "", "Retry-After", "99999999999999999999"), status: 503,
		kind: bigv.ErrUnavailable, safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "503 Retry-After negative", failure: fakeserver.Respond(503, "", "Retry-After", "-5"), status: 503,
		kind: bigv.ErrUnavailable, safe: retries, idempotent: retries, nonIdempotent: retries},
	{name: "503 Retry-After as a date, above the maximum", failure: fakeserver.Respond(503, "", "Retry-After", farFuture), status: 503,
		kind: bigv.ErrUnavailable, safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "503 Retry-After as a date in the past", failure: fakeserver.Respond(503, "", "Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"),
		status: 503, kind: bigv.ErrUnavailable, safe: retries, idempotent: retries, nonIdempotent: retries},
	{name: "503 Retry-After not valid", failure: fakeserver.Respond(503, "", "Retry-After", "soon"), status: 503, kind: bigv.ErrUnavailable,
		safe: retries, idempotent: retries, nonIdempotent: fails},
	{name: "500", failure: fakeserver.Respond(500, "oops"), status: 500, kind: bigv.ErrServer,
		safe: retries, idempotent: unknown, nonIdempotent: unknown, http2: true},
	{name: "501", failure: fakeserver.Respond(501, "what?"), status: 501, kind: bigv.ErrServer,
		safe: fails, idempotent: unknown, nonIdempotent: unknown},
	{name: "522 of a gateway", failure: fakeserver.Respond(522, ""), status: 522, kind: bigv.ErrServer,
		safe: retries, idempotent: retries, nonIdempotent: unknown, unknownAtLast: true},
	{name: "528", failure: fakeserver.Respond(528, ""), status: 528, kind: bigv.ErrServer,
		safe: fails, idempotent: unknown, nonIdempotent: unknown},
	{name: "502", failure: fakeserver.Respond(502, "<html>bad gateway</html>"), status: 502, kind: bigv.ErrServer,
		safe: retries, idempotent: retries, nonIdempotent: unknown, unknownAtLast: true, http2: true},
	{name: "504", failure: fakeserver.Respond(504, ""), status: 504, kind: bigv.ErrServer,
		safe: retries, idempotent: retries, nonIdempotent: unknown, unknownAtLast: true},
	{name: "400", failure: fakeserver.Respond(400, `{"name":["is invalid"]}`), status: 400, kind: bigv.ErrBadRequest,
		safe: fails, idempotent: fails, nonIdempotent: fails, http2: true},
	{name: "401", failure: fakeserver.Respond(401, ""), status: 401, kind: bigv.ErrUnauthorized,
		safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "403", failure: fakeserver.Respond(403, ""), status: 403, kind: bigv.ErrForbidden,
		safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "404", failure: fakeserver.Respond(404, ""), status: 404, kind: bigv.ErrNotFound,
		safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "405", failure: fakeserver.Respond(405, ""), status: 405, safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "408", failure: fakeserver.Respond(408, ""), status: 408, safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "409", failure: fakeserver.Respond(409, ""), status: 409, safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "422", failure: fakeserver.Respond(422, ""), status: 422, safe: fails, idempotent: fails, nonIdempotent: fails},
	{name: "304", failure: fakeserver.Respond(304, ""), status: 304, safe: fails, idempotent: unknown, nonIdempotent: unknown},
	{name: "2xx shorter than its Content-Length", failure: truncate("Content-Length", "1000"), status: 200, kind: bigv.ErrInvalidResponse,
		safe: retries, idempotent: readBack, nonIdempotent: unknown, truncated: true, http2: true},
	{name: "2xx without its last chunk", failure: truncate(), status: 200, kind: bigv.ErrInvalidResponse,
		safe: retries, idempotent: readBack, nonIdempotent: unknown, truncated: true, http2: true},
	{name: "2xx with the connection reset", failure: resetConnection, status: 200, kind: bigv.ErrInvalidResponse,
		safe: retries, idempotent: readBack, nonIdempotent: unknown, truncated: true},
	{name: "2xx of the wrong type", failure: fakeserver.Respond(200, `"done"`), status: 200, kind: bigv.ErrInvalidResponse,
		safe: fails, idempotent: readBack, nonIdempotent: unknown, http2: true},
	{name: "2xx that is not JSON", failure: fakeserver.Respond(201, "done"), status: 201, kind: bigv.ErrInvalidResponse,
		safe: fails, idempotent: unknown, nonIdempotent: unknown, notJSON: true},
	{name: "2xx empty", failure: fakeserver.Respond(200, ""), status: 200, kind: bigv.ErrInvalidResponse,
		safe: fails, idempotent: readBack, nonIdempotent: readBack, http2: true},
	{name: "204", failure: fakeserver.Respond(204, ""), status: 204, kind: bigv.ErrInvalidResponse,
		safe: fails, idempotent: readBack, nonIdempotent: readBack},
	{name: "2xx {}", failure: fakeserver.Respond(200, " { }\n"), status: 200, kind: bigv.ErrInvalidResponse,
		safe: fails, idempotent: readBack, nonIdempotent: readBack},
}

func TestRetries(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(protocolName(http2), func(t *testing.T) {
			shared := fakeserver.NewShared(t, http2)
			for _, tt := range retryCases {
				if http2 && !tt.http2 {
					continue
				}
				for _, op := range operations {
					t.Run(tt.name+"/"+op.name, func(t *testing.T) { testRetries(t, shared, tt, op) })
				}
			}
		})
	}
}

func protocolName(http2 bool) string {
	if http2 {
		return "HTTP/2"
	}
	return "HTTP/1.1"
}

// testRetries tests a call whose first attempt fails, and one whose attempts all fail.
func testRetries(t *testing.T, shared *fakeserver.Shared, tt retryCase, op operation) {
	want := tt.result(op)
	for _, failures := range []int{1, quick.MaxAttempts} {
		var sent, read atomic.Int64
		var log attemptLog
		client := newClient(t, shared.New(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != op.method {
				read.Add(1)
			} else if int(sent.Add(1)) <= failures {
				tt.failure(w, r)
				return
			}
			fakeserver.Service(w, r)
		}), log.option())
		var response bigv.Response
		err := op.call(t.Context(), client, bigv.WithResponse(&response))
		switch {
		case want == readBack:
			require.NoError(t, err)
			assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
			assert.Equal(t, !op.discardResponse, read.Load() == 1, "the object is read back: %d reads", read.Load())
			assert.Equal(t, 1, response.Attempts)
			return
		case want == retries && failures == 1:
			require.NoError(t, err)
			assert.EqualValues(t, 2, sent.Load(), "requests that arrived")
			assert.Equal(t, 2, response.Attempts)
			log.assertRetries(t, 2)
			continue
		}
		attempts := 1
		if want == retries {
			attempts = quick.MaxAttempts
		}
		require.Error(t, err)
		assert.EqualValues(t, attempts, sent.Load(), "requests that arrived")
		assert.Zero(t, read.Load(), "reads")
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, attempts, e.Attempts)
		assert.Equal(t, attempts, response.Attempts)
		assert.Equal(t, tt.status, e.StatusCode)
		assert.Equal(t, tt.status, response.StatusCode)
		wantUnknown := want == unknown || tt.unknownAtLast && op.class != safe
		assert.Equal(t, wantUnknown, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
		if tt.kind != nil {
			assert.ErrorIs(t, err, tt.kind)
		}
		assert.Equal(t, tt.status == 404, errors.Is(err, bigv.ErrNotFound))
		assert.Equal(t, tt.status >= 500, errors.Is(err, bigv.ErrServer))
		assertErrorType(t, err, tt.status)
		log.assertRetries(t, attempts)
		if want != retries {
			return
		}
	}
}

// an HTML page with status 200 comes from a proxy or a login page, not from the service.
func TestWebPageIsNotAResponse(t *testing.T) {
	shared := fakeserver.NewShared(t, false)
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			var sent atomic.Int64
			client := newClient(t, shared.New(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != op.method {
					fakeserver.Service(w, r) // reading the object would not show whether the write was done
					return
				}
				sent.Add(1)
				fakeserver.Respond(http.StatusOK, "\n<!DOCTYPE html>\n<title>Log in to our Wi-Fi</title>")(w, r)
			}))
			err := op.call(t.Context(), client)
			assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
			assert.ErrorContains(t, err, "an HTML page")
			assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Contains(t, e.Body, "Wi-Fi")
			assert.Equal(t, op.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
		})
	}
}

func TestDeleteNotFoundAfterRetry(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first http.HandlerFunc // nil: the first attempt gets 404
		done  bool
	}{
		{"on the first attempt", nil, false},
		{"after a lost connection", closeConnection, true},
		{"after 502", fakeserver.Respond(502, ""), true},
		{"after 504", fakeserver.Respond(504, ""), true},
		{"after 503", fakeserver.Respond(503, ""), false},
		{"after 429", fakeserver.Respond(429, ""), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			notFound := fakeserver.Respond(404, "")
			handler := notFound
			if tt.first != nil {
				handler = sequence(tt.first, notFound)
			}
			err := start(t, handler).VirtualMachines.Delete(t.Context(), www1)
			assert.Equal(t, tt.done, err == nil, "%v", err)
			assert.Equal(t, !tt.done, errors.Is(err, bigv.ErrNotFound), "%v", err)
			assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)

			handler = notFound
			if tt.first != nil {
				handler = sequence(tt.first, notFound)
			}
			_, err = start(t, handler).VirtualMachines.Update(t.Context(), www1, bigv.VirtualMachineUpdate{Memory: new(1024)})
			assert.ErrorIs(t, err, bigv.ErrNotFound, "an update needs the machine, unlike a delete")
		})
	}
}

// If a rename was done and its response lost, the old name is not found any more. That must not be reported as not found.
func TestRenameIsNeverNotFound(t *testing.T) {
	for name, failure := range map[string]http.HandlerFunc{
		"connection lost": closeConnection, "500": fakeserver.Respond(500, ""), "502": fakeserver.Respond(502, ""),
		"504": fakeserver.Respond(504, ""), "truncated": truncate(),
	} {
		t.Run(name, func(t *testing.T) {
			client := start(t, sequence(failure, fakeserver.Respond(404, "")))
			_, err := client.VirtualMachines.Rename(t.Context(), www1, "www2")
			assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
			assert.NotErrorIs(t, err, bigv.ErrNotFound)

			client = start(t, sequence(failure, fakeserver.Respond(404, "")))
			_, err = client.Groups.Rename(t.Context(), web, "web2")
			assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
			assert.NotErrorIs(t, err, bigv.ErrNotFound)
		})
	}
}

// A call that would have to wait beyond its deadline fails at once.
func TestNoRetryBeyondDeadline(t *testing.T) {
	for _, name := range []string{"get", "update", "create"} {
		t.Run(name, func(t *testing.T) {
			var log attemptLog
			srv := fakeserver.New(t, fakeserver.Respond(503, "closed on Mondays", "Retry-After", "86400"))
			policy := bigv.RetryPolicy{MaxAttempts: 3, MinWait: time.Nanosecond, MaxWait: 48 * time.Hour}
			client := newClient(t, srv, log.option(), bigv.WithRetryPolicy(policy))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			err := operationNamed(t, name).call(ctx, client)
			assert.ErrorIs(t, err, bigv.ErrUnavailable)
			assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
			assert.NotErrorIs(t, err, context.DeadlineExceeded, "the deadline has not been reached")
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, 24*time.Hour, e.RetryAfter)
			assert.Equal(t, "closed on Mondays", e.Body)
			assert.Len(t, srv.Requests(), 1)
			log.assertRetries(t, 1)
		})
	}
}

func TestSingleAttemptPolicy(t *testing.T) {
	srv := fakeserver.New(t, fakeserver.Respond(503, "", "Retry-After", "0"))
	client := newClient(t, srv, once)
	for _, op := range operations {
		assert.ErrorIs(t, op.call(t.Context(), client), bigv.ErrUnavailable, op.name)
		assert.Len(t, srv.Reset(), 1, op.name)
	}
}

// Each attempt is judged by itself: that the previous one was written, or got a response, does not count.
func TestEachAttemptIsJudgedSeparately(t *testing.T) {
	for _, tt := range []struct {
		name     string
		second   error // of the attempt after a 503
		unknown  bool
		attempts int
	}{
		{"not written", errDial, false, 3},
		{"may have been written", errors.New("lost"), true, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			var attempts atomic.Int64
			custom := roundTripper(func(r *http.Request) (*http.Response, error) {
				if attempts.Add(1) == 1 {
					return transport.RoundTrip(r)
				}
				return nil, tt.second
			})
			client := start(t, fakeserver.Respond(503, "", "Retry-After", "0"), bigv.WithTransport(custom))
			err := create(t.Context(), client)
			assert.Equal(t, tt.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			assert.NotErrorIs(t, err, bigv.ErrUnavailable, "the error is that of the last attempt")
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, tt.attempts, e.Attempts)
		})
	}
}
