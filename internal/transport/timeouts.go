package transport

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Timeouts limits how long an attempt waits for the server to make progress.
type Timeouts struct {
	Header time.Duration // from the start of an attempt to the headers of its response
	Idle   time.Duration // within one read of the response body
}

// TimeoutError is the error of an attempt that exceeded one of the Timeouts.
type TimeoutError struct {
	What  string // what did not happen in time
	Limit time.Duration
}

// Error describes what did not happen, and within which time.
func (e *TimeoutError) Error() string { return e.What + " within " + e.Limit.String() }

// Timeout returns true. It is a method of [net.Error].
func (e *TimeoutError) Timeout() bool { return true }

// Temporary returns true. It is a method of [net.Error].
func (e *TimeoutError) Temporary() bool { return true }

// NotSentError is the error of a request that was not passed to the base
// transport, because its context had already ended.
type NotSentError struct{ Err error }

// Error returns the text of the context's error.
func (e *NotSentError) Error() string { return e.Err.Error() }

// Unwrap returns the context's error.
func (e *NotSentError) Unwrap() error { return e.Err }

// timeoutTransport limits how long each attempt waits for the server. Only the
// time that the server needs is measured, never the time that the caller spends
// between two reads.
//
// It has no CloseIdleConnections: retryablehttp calls that whenever a call fails,
// and the connections may be shared.
type timeoutTransport struct {
	base          http.RoundTripper
	contexts      *contextPool
	decompressors sync.Pool // of *gzip.Reader
}

// newTimeoutTransport returns a transport that sends requests through base with
// these timeouts.
func newTimeoutTransport(base http.RoundTripper, timeouts Timeouts) *timeoutTransport {
	return &timeoutTransport{base: base, contexts: newContextPool(timeouts)}
}

// IsNetHTTP reports whether a client of NewClient sends requests with the transport of
// net/http. That calls the functions of httptrace, does not change the header of a
// request, and sends nothing after a response. A custom transport may do otherwise.
func IsNetHTTP(client *http.Client) bool {
	t, ok := client.Transport.(*timeoutTransport)
	return ok && isNetHTTP(t.base)
}

// isNetHTTP implements IsNetHTTP for the transport that the client uses.
func isNetHTTP(base http.RoundTripper) bool {
	_, ok := base.(*http.Transport)
	return ok && runtime.GOOS != "js" // fetch reports nothing
}

// RoundTrip implements [http.RoundTripper]. A request whose context is not one of
// NewContext gets one, which ends with its body.
func (t *timeoutTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, &NotSentError{err}
	}
	ctx, ok := req.Context().Value(contextKey{}).(*Context)
	if ok {
		header := ctx.Header
		if !isNetHTTP(t.base) { // a custom transport may change what http.Client and the next attempt use
			url := *req.URL // Clone would add the forms of net/http to each program, 11 KB
			req, header = req.WithContext(req.Context()), header.Clone()
			req.URL = &url
		}
		complete(req, header)
	} else {
		ctx = t.contexts.get(req.Context())
		req = req.WithContext(ctx)
	}
	b := &body{ctx: ctx, ownContext: !ok}
	defer func() {
		if b.ReadCloser == nil { // there is an error, or the base transport panicked
			b.end()
		}
	}()
	if !ctx.isWaiting() { // the response to the request before was a redirect
		ctx.startWaiting(t.contexts.now(), 0)
	}
	resp, err := t.base.RoundTrip(refuseRedirects(t.base, req))
	ctx.stopWaiting()
	if err == nil {
		err = checkResponse(req, resp)
	}
	if err != nil {
		return nil, ctx.explain(err)
	}
	if b.ReadCloser = resp.Body; resp.Body == nil {
		b.ReadCloser = http.NoBody // a custom transport may leave it nil
	}
	resp.Body = b
	t.gunzip(resp)
	return resp, nil
}

// complete sets the host and the header of a request whose context is one of NewContext. What
// http.Client has set, such as the cookies of a jar, is kept unless it is in the header.
//
// The transport of net/http gets the request itself and not a copy, which would cost more.
// http.Client reads its header before that, and the next attempt gets another.
func complete(req *http.Request, header http.Header) {
	if req.Host == "" { // it is left empty because http.Client copies the URL of a request with a host
		req.Host = req.URL.Host
	}
	client := req.Header
	req.Header = header
	if len(client) == 0 {
		return
	}
	req.Header = maps.Clone(client)
	maps.Copy(req.Header, header)
	if jar, own := client["Cookie"], header["Cookie"]; len(jar) > 0 && len(own) > 0 {
		req.Header["Cookie"] = []string{strings.Join(slices.Concat(own, jar), "; ")}
	}
}

// checkResponse returns an error for a response that net/http would misread, and
// removes a Location that http.Client cannot parse and would print.
func checkResponse(req *http.Request, resp *http.Response) error {
	if resp == nil {
		return errors.New("the transport returned neither a response nor an error")
	}
	if resp.StatusCode < 200 {
		// No upgrade was requested, and the connection of one ignores the context.
		if resp.Body != nil {
			resp.Body.Close()
		}
		return fmt.Errorf("status %d of the response is not a final status", resp.StatusCode)
	}
	if resp.Header["Location"] != nil {
		if _, err := req.URL.Parse(resp.Header.Get("Location")); err != nil {
			resp.Header.Del("Location")
		}
	}
	return nil
}

// body is the body of a response, with the timeouts of its attempt.
type body struct {
	io.ReadCloser
	ctx        *Context
	ownContext bool // ctx ends with the body
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	b.ctx.startWaiting(b.ctx.pool.now(), reading)
	n, err := b.ReadCloser.Read(p)
	b.ctx.stopWaiting()
	if err != nil && err != io.EOF {
		err = b.ctx.explain(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

// end ends the context of the attempt if it ends with the body.
func (b *body) end() {
	if b.ownContext {
		b.ctx.End(false)
	}
}
