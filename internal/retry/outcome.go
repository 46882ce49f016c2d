package retry

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/bigv-go/bigv/internal/transport"
)

// Idempotency classifies a request by the effect of repeating it (RFC 9110,
// section 9.2).
type Idempotency int

const (
	// Safe requests change nothing: GET.
	Safe Idempotency = iota
	// Idempotent requests have the same effect however often they are processed: a
	// PUT of absolute values, a DELETE.
	Idempotent
	// NonIdempotent requests must never be processed twice.
	NonIdempotent
)

// result is how one attempt ended.
type result struct {
	status       int         // 0 if there was no response
	header       http.Header // of the response
	body         []byte      // of the response, unless it was streamed
	err          error       // why there was no response, or why a redirect was refused
	readErr      error       // why the body could not be read
	rereadable   bool        // the body may be readable in another attempt
	permanent    bool        // err came before anything was sent, and would come again
	maybeApplied bool        // the server may have processed the request, as far as the transport knows
	excluded     bool        // the server has said with GOAWAY that it does not process the request
}

// classify reports whether a request of this idempotency may be retried after an
// attempt with this result, and whether the outcome of the attempt is unknown: the
// server may or may not have applied the request.
func (i Idempotency) classify(r result) (retry, outcomeUnknown bool) {
	switch {
	case r.status >= 300 && r.status < 400: // a redirect that was not followed
		return false, i != Safe
	case r.permanent:
		return false, false
	case r.err != nil:
		return !r.maybeApplied || i != NonIdempotent, r.maybeApplied && i != Safe
	case r.status == http.StatusTooManyRequests, r.status == http.StatusServiceUnavailable: // not applied
		_, requested := RetryAfter(r.header)
		return i != NonIdempotent || requested, false
	case isGatewayError(r.status):
		return i != NonIdempotent, i != Safe
	case r.status >= 500:
		return i == Safe && r.status == http.StatusInternalServerError, i != Safe
	case r.status < 300 && r.readErr != nil:
		return i == Safe && r.rereadable, false
	}
	return false, false
}

// isGatewayError reports whether a status is that of a gateway whose request to the
// service failed: 502, 504, and 520 to 527 of Cloudflare.
func isGatewayError(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status >= 520 && status <= 527
}

// progress records how far the transport has come with an attempt. The goroutines
// of net/http write to it.
type progress struct {
	netHTTP        bool        // see transport.IsNetHTTP
	traced         atomic.Bool // the transport reports its progress at all
	connected      atomic.Bool
	headersWritten atomic.Bool
	requestWritten atomic.Bool // and there is no response yet
	awaiting       atomic.Bool // the headers were written, and there is no response yet
	repeated       atomic.Bool // net/http has sent the request more than once
	body           bodyState
	conn           atomic.Pointer[transport.Conn] // nil if the connection does not count the bytes
	writeLimit     atomic.Int64                   // conn exceeds it as soon as the request is written
}

// newProgress returns the progress of an attempt that has not begun. netHTTP says
// that the transport is that of net/http, so that it reports its progress: an attempt
// of which it has reported nothing, such as one whose proxy function failed, has not
// been sent.
func newProgress(netHTTP bool) *progress {
	p := &progress{netHTTP: netHTTP}
	p.traced.Store(netHTTP)
	return p
}

// withTrace returns a context in which the transport records its progress.
//
// net/http retries some requests by itself over HTTP/2, also after the server has
// processed them, such as after RST_STREAM(PROTOCOL_ERROR). It begins by getting a
// connection. cancel, unless nil, is called when that happens to a request that
// has been written and has no response. After a response, it is a custom transport
// that sends more than one request, such as for digest authentication. That of
// net/http sends none then, and reports a 1xx as a response too.
func (p *progress) withTrace(ctx context.Context, cancel func(cause error)) context.Context {
	trace := &httptrace.ClientTrace{
		GetConn: func(string) {
			p.traced.Store(true)
			if p.isSent() {
				p.repeated.Store(true)
			}
			if cancel != nil && p.requestWritten.Load() {
				cancel(errReplayed)
			}
		},
		GotConn: p.gotConn,
		WroteHeaders: func() {
			p.headersWritten.Store(true)
			p.awaiting.Store(true)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) { p.requestWritten.Store(info.Err == nil) },
	}
	if !p.netHTTP {
		trace.GotFirstResponseByte = func() {
			p.awaiting.Store(false)
			p.requestWritten.Store(false)
		}
	}
	return httptrace.WithClientTrace(ctx, trace)
}

// isSent reports whether the request has been sent and has no response yet. Both must
// be so: over HTTP/1.1 the transport reports the headers as written when they are in
// its buffer, and over HTTP/2 other requests are written to the connection too.
func (p *progress) isSent() bool {
	conn := p.conn.Load()
	return p.awaiting.Load() && (conn == nil || conn.HasExceeded(p.writeLimit.Load()))
}

// gotConn records the connection of the attempt. If there are several, it records
// none: what was written to the last one is not all that was written.
func (p *progress) gotConn(info httptrace.GotConnInfo) {
	conn, limit := transport.FindConn(info.Conn)
	if p.connected.Swap(true) {
		conn = nil
	}
	p.writeLimit.Store(limit)
	p.conn.Store(conn)
}

// bodyState is whether a custom transport has read the body of a request. Other
// requests have none: net/http sends the headers in a packet of their own if the
// type of the body is not known to it.
type bodyState struct{ state atomic.Int32 }

const (
	bodyNone    = iota // it is not recorded whether it was read
	bodyUnread         // nothing has read it
	bodyRead           // it may have been read
	bodyRefused        // nothing has read it, and nothing will
)

// refuse reports whether nothing has read the body. Nothing can read it afterwards.
func (b *bodyState) refuse() bool {
	return b.state.CompareAndSwap(bodyUnread, bodyRefused) || b.state.Load() == bodyRefused
}

// requestBody is the body of a request in one attempt.
type requestBody struct {
	bytes.Reader
	state *bodyState
}

// Read implements [io.Reader].
func (b *requestBody) Read(p []byte) (int, error) {
	if !b.state.state.CompareAndSwap(bodyUnread, bodyRead) && b.state.state.Load() == bodyRefused {
		return 0, errAttemptEnded
	}
	return b.Reader.Read(p)
}

// WriteTo implements [io.WriterTo]. Without it, that of the Reader would be used.
func (b *requestBody) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}

// Close implements [io.Closer].
func (b *requestBody) Close() error { return nil }

// errAttemptEnded is the error of reading a body after the attempt has ended.
var errAttemptEnded = errors.New("the attempt has ended")

// errReplayed is the error of an attempt that was cancelled because net/http was
// about to repeat it.
var errReplayed = errors.New("the server reset the request")

// maybeApplied reports whether the server may have processed an attempt that ended
// with err. interrupted says that the context of the call has ended.
//
// The transport reports the headers as written before the last byte leaves, so the
// server cannot have processed a request whose headers it has not reported. It
// cannot have processed one either whose body nobody has read, whatever was sent:
// a transport may do work of its own first, such as to fetch a token. An attempt
// that was interrupted may still be written in the background, so a connection is
// enough there.
func (p *progress) maybeApplied(err error, interrupted bool) bool {
	if p == nil { // a safe request
		return !neverSent(err)
	}
	interrupted = interrupted || endedLocally(err)
	switch {
	case !p.traced.Load(): // a custom transport that ignores httptrace
		return !neverSent(err)
	case p.body.refuse():
		return false
	case p.headersWritten.Load():
		return p.repeated.Load() || !isExcluded(err) && (interrupted || !p.endUnused())
	}
	return p.connected.Load() && interrupted
}

// endUnused reports whether the connection failed before the request was written to
// it, and closes the connection in that case. net/http reports the headers as
// written when they are in its buffer.
func (p *progress) endUnused() bool {
	conn := p.conn.Load()
	return conn != nil && conn.EndWithin(p.writeLimit.Load())
}

// excludedText is the text of the error of net/http for a request of which the server
// has said with GOAWAY, such as when it is reloaded, that it neither has processed it
// nor will (RFC 9113, section 6.8). The error has no type of its own. If the text
// changes in a release of Go, the outcome of such a request becomes unknown.
const excludedText = "http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY] " +
	"after Request.Body was written; define Request.GetBody to avoid this error"

// isExcluded reports whether err says that the server does not process the request.
// It does not trust a reset of the stream that says so, REFUSED_STREAM: there are
// proxies that send it after the server behind them has processed the request.
func isExcluded(err error) bool { return err.Error() == excludedText }

// hasSentHeaders reports whether the transport has written the headers.
func (p *progress) hasSentHeaders() bool { return p != nil && p.headersWritten.Load() }

// wasRepeated reports whether net/http has sent the request more than once.
func (p *progress) wasRepeated() bool { return p != nil && p.repeated.Load() }

// withoutAdvice removes the advice to define Request.GetBody from an error of
// net/http: it is for the author of the request.
func withoutAdvice(err error) error {
	text, ok := strings.CutPrefix(err.Error(), "http2: Transport: cannot retry err [")
	if cause, _, found := strings.Cut(text, "] after Request.Body was written"); ok && found {
		return errors.New(cause)
	}
	return err
}

// neverSent reports whether err itself says that nothing was sent.
func neverSent(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	_, notSent := errors.AsType[*transport.NotSentError](err)
	return notSent || ok && operation.Op == "dial"
}

// endedLocally reports whether this side ended the attempt: the transport may
// still be at work on it.
func endedLocally(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
}

// isPermanent reports whether err, if it occurs before the request is sent, would
// occur in every attempt.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return header.Conn != nil // nil if it is not the first record: the server speaks TLS
	}
	return errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, transport.ErrRedirect)
}
