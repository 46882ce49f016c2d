package retry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"testing"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	errLost := errors.New("connection reset")
	retryAfter := http.Header{"Retry-After": {"1"}}
	type outcome struct{ retry, unknown bool }
	yes, no := outcome{retry: true}, outcome{}
	unknown, retryUnknown := outcome{unknown: true}, outcome{retry: true, unknown: true}
	for _, row := range []struct {
		name                            string
		result                          result
		safe, idempotent, nonIdempotent outcome
	}{
		{"refused redirect", result{status: 302, err: transport.ErrRedirect}, no, unknown, unknown},
		{"permanent error", result{err: errLost, permanent: true}, no, no, no},
		{"not sent", result{err: errLost}, yes, yes, yes},
		{"sent, and no response", result{err: errLost, maybeApplied: true}, yes, retryUnknown, unknown},
		{"429", result{status: 429}, yes, yes, no},
		{"429 with Retry-After", result{status: 429, header: retryAfter}, yes, yes, yes},
		{"503", result{status: 503}, yes, yes, no},
		{"503 with Retry-After", result{status: 503, header: retryAfter}, yes, yes, yes},
		{"502", result{status: 502}, yes, retryUnknown, unknown},
		{"502 with Retry-After", result{status: 502, header: retryAfter}, yes, retryUnknown, unknown},
		{"504", result{status: 504}, yes, retryUnknown, unknown},
		{"500", result{status: 500}, yes, unknown, unknown},
		{"501", result{status: 501}, no, unknown, unknown},
		{"519", result{status: 519}, no, unknown, unknown},
		{"520", result{status: 520}, yes, retryUnknown, unknown},
		{"527", result{status: 527}, yes, retryUnknown, unknown},
		{"528", result{status: 528}, no, unknown, unknown},
		{"599", result{status: 599}, no, unknown, unknown},
		{"500 with a body that is cut short", result{status: 500, readErr: errLost, rereadable: true}, yes, unknown, unknown},
		{"200", result{status: 200}, no, no, no},
		{"200 with Retry-After", result{status: 200, header: retryAfter}, no, no, no},
		{"200 with a body that is cut short", result{status: 200, readErr: errLost, rereadable: true}, yes, no, no},
		{"200 with a body that is too large", result{status: 200, readErr: errLost}, no, no, no},
		{"404 with a body that is cut short", result{status: 404, readErr: errLost, rereadable: true}, no, no, no},
		{"300", result{status: 300}, no, unknown, unknown},
		{"302", result{status: 302}, no, unknown, unknown},
		{"399", result{status: 399}, no, unknown, unknown},
		{"400", result{status: 400}, no, no, no},
		{"408", result{status: 408}, no, no, no},
		{"409", result{status: 409}, no, no, no},
		{"499", result{status: 499}, no, no, no},
	} {
		wants := map[Idempotency]outcome{Safe: row.safe, Idempotent: row.idempotent, NonIdempotent: row.nonIdempotent}
		for idempotency, want := range wants {
			retry, outcomeUnknown := idempotency.classify(row.result)
			assert.Equal(t, want, outcome{retry, outcomeUnknown}, "%s, idempotency %d", row.name, idempotency)
		}
	}
}

// timeout is an error of this side's timeouts.
type timeout struct{}

func (timeout) Error() string { return "timeout" }
func (timeout) Timeout() bool { return true }

func TestMaybeApplied(t *testing.T) {
	errReset := errors.New("connection reset")
	dial, read := &net.OpError{Op: "dial", Err: errReset}, &net.OpError{Op: "read", Err: errReset}
	notSent := fmt.Errorf("wrapped: %w", &transport.NotSentError{Err: context.Canceled})
	for _, row := range []struct {
		name                              string
		traced, connected, headersWritten bool
		err                               error
		interrupted                       bool
		want                              bool
	}{
		{"headers written", true, true, true, errReset, false, true},
		{"headers written, then an error that usually comes before", true, true, true, dial, false, true},
		{"no connection", true, false, false, errReset, false, false},
		{"no connection when the context ended", true, false, false, context.Canceled, true, false},
		{"connected, and closed by the server", true, true, false, errReset, false, false},
		{"connected when the context ended", true, true, false, errReset, true, true},
		{"connected when the attempt was cancelled", true, true, false, context.Canceled, false, true},
		{"connected at the deadline", true, true, false, context.DeadlineExceeded, false, true},
		{"connected at a timeout", true, true, false, &transport.TimeoutError{}, false, true},
		{"connected at a wrapped timeout", true, true, false, fmt.Errorf("wrapped: %w", timeout{}), false, true},
		{"connected, and an error that is not a timeout", true, true, false, read, false, false},
		{"transport without httptrace", false, false, false, errReset, false, true},
		{"transport without httptrace, read error", false, false, false, read, false, true},
		{"transport without httptrace, dial error", false, false, false, dial, false, false},
		{"not passed to the transport", false, false, false, notSent, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var p progress
			p.traced.Store(row.traced)
			p.connected.Store(row.connected)
			p.headersWritten.Store(row.headersWritten)
			assert.Equal(t, row.want, p.maybeApplied(row.err, row.interrupted))
		})
	}
}

func TestProgressOfARepeatedRequest(t *testing.T) {
	for _, row := range []struct {
		name     string
		writeErr error
		want     error
	}{
		{"written", nil, errReplayed},
		{"not written whole", errors.New("connection reset"), nil},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		trace := httptrace.ContextClientTrace(new(progress).withTrace(ctx, cancel))
		trace.GetConn("127.0.0.1:1")
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: row.writeErr})
		assert.NoError(t, ctx.Err(), row.name)
		trace.GetConn("127.0.0.1:1")
		assert.Equal(t, row.want, context.Cause(ctx), row.name)
		cancel(nil)
	}
}

// When net/http gets another connection for a request, it repeats what has been sent.
func TestProgressRecordsARepetition(t *testing.T) {
	for _, row := range []struct {
		name     string
		netHTTP  bool
		counts   bool // the connection counts its bytes
		headers  bool // are reported as written
		bytes    bool // are written to the connection, perhaps of other requests
		response bool // has begun, perhaps a 1xx
		want     bool
	}{
		{"nothing sent", true, true, false, false, false, false},
		{"in the buffer of an idle connection that is closed", true, true, true, false, false, false},
		{"bytes of another request over HTTP/2", true, true, false, true, false, false},
		{"sent", true, true, true, true, false, true},
		{"sent on another connection", true, false, true, true, false, true},
		{"an informational response", true, true, true, true, true, true},
		{"a custom transport that sends another request after a response", false, true, true, true, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			conn := near
			if row.counts {
				dial := transport.CountWrites(func(context.Context, string, string) (net.Conn, error) { return near, nil })
				var err error
				conn, err = dial(t.Context(), "tcp", "host:80")
				require.NoError(t, err)
			}
			p := newProgress(row.netHTTP)
			trace := httptrace.ContextClientTrace(p.withTrace(t.Context(), nil))
			trace.GetConn("host:80")
			trace.GotConn(httptrace.GotConnInfo{Conn: conn})
			if row.bytes {
				_, err := conn.Write([]byte("DELETE"))
				require.NoError(t, err)
			}
			if row.headers {
				trace.WroteHeaders()
			}
			if row.response && trace.GotFirstResponseByte != nil {
				trace.GotFirstResponseByte()
			}
			assert.False(t, p.wasRepeated())
			trace.GetConn("host:80")
			assert.Equal(t, row.want, p.wasRepeated())
		})
	}
}

func TestIsPermanent(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want bool
	}{
		{"certificate", &tls.CertificateVerificationError{Err: errors.New("expired")}, true},
		{"unknown authority", fmt.Errorf("wrapped: %w", x509.UnknownAuthorityError{}), true},
		{"the server does not speak TLS", tls.RecordHeaderError{Conn: &net.TCPConn{}}, true},
		{"damaged TLS record", tls.RecordHeaderError{}, false},
		{"HTTP response to an HTTPS client", http.ErrSchemeMismatch, true},
		{"redirect", fmt.Errorf("%w: elsewhere", transport.ErrRedirect), true},
		{"connection refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errors.New("refused"))}, false},
		{"another error", errors.New("connection reset"), false},
	} {
		assert.Equal(t, row.want, isPermanent(row.err), row.name)
	}
}
