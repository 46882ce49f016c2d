package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
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
//
// All attempts share one timer. A timer of each attempt, reset at each read, would be
// expensive. In a testing/synctest bubble each attempt has its own: a timer ends with
// its bubble, and the next bubble begins at the same time.
type timeoutTransport struct {
	base     http.RoundTripper
	timeouts Timeouts
	epoch    time.Time // the times below are measured from it
	contexts contextPool

	mu       sync.Mutex
	attempts []*attempt
	due      time.Duration // when the timer fires, or noTimer
	timerID  int           // of the current timer; others are ignored

	decompressors sync.Pool // of *gzip.Reader
}

// newTimeoutTransport returns a transport that sends requests through base with
// these timeouts.
func newTimeoutTransport(base http.RoundTripper, timeouts Timeouts) *timeoutTransport {
	return &timeoutTransport{base: base, timeouts: timeouts, epoch: time.Now(), contexts: contextPool{isFake: isFake}, due: noTimer}
}

// noTimer is the due time while no timer runs. It is always in the past.
const noTimer time.Duration = -1

// isFake reports whether now comes from the clock of a testing/synctest bubble,
// which begins in 2000.
func isFake(now time.Time) bool { return now.Year() < 2020 }

// IsNetHTTP reports whether a client of NewClient sends requests with the transport of
// net/http. That calls the functions of httptrace, does not change the header of a
// request, and sends nothing after a response. A custom transport may do otherwise.
func IsNetHTTP(client *http.Client) bool {
	t, ok := client.Transport.(*timeoutTransport)
	if !ok {
		return false
	}
	_, ok = t.base.(*http.Transport)
	return ok && runtime.GOOS != "js" // fetch reports nothing
}

// RoundTrip implements [http.RoundTripper]. A request whose context is not one of
// NewContext gets one, which ends with its body.
func (t *timeoutTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, &NotSentError{err}
	}
	a := &attempt{transport: t}
	if a.ctx, _ = req.Context().Value(contextKey{}).(*Context); a.ctx == nil {
		a.ctx, a.ownContext = t.contexts.get(req.Context()), true
		req = req.WithContext(a.ctx)
	}
	t.add(a)
	returned := false
	defer func() {
		if !returned { // the base transport panicked
			t.remove(a)
		}
	}()
	resp, err := t.base.RoundTrip(refuseRedirects(t.base, req))
	returned = true
	if err == nil {
		err = checkResponse(req, resp)
	}
	if err != nil {
		err = a.cause(err)
		t.remove(a)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a custom transport may leave it nil
	}
	a.stopWaiting() // before body is set, or the wait for the headers would count as a read
	t.mu.Lock()
	a.body = resp.Body
	t.mu.Unlock()
	resp.Body = a
	t.gunzip(resp)
	return resp, nil
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

// add starts the timeouts of an attempt, which waits for its headers.
func (t *timeoutTransport) add(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := a.startWaiting()
	if a.ownTimer = t.contexts.isFake(a.ctx.Started); a.ownTimer {
		a.checkAfter(t.shortest())
		return
	}
	a.index = len(t.attempts)
	t.attempts = append(t.attempts, a)
	if now >= t.due { // no timer runs, or it is about to fire
		t.check(now)
	}
}

// remove ends the timeouts of an attempt, and its context if it is its own. The timer
// keeps running, since the next attempt usually follows soon.
func (t *timeoutTransport) remove(a *attempt) {
	t.mu.Lock()
	if last := len(t.attempts) - 1; !a.ended && !a.ownTimer {
		t.attempts[a.index] = t.attempts[last]
		t.attempts[a.index].index = a.index
		t.attempts[last] = nil
		t.attempts = t.attempts[:last]
	}
	a.ended = true
	t.mu.Unlock()
	if a.ownContext {
		a.ctx.Cancel(nil)
	}
}

// shortest returns the time after which a wait that begins now can exceed a
// timeout.
func (t *timeoutTransport) shortest() time.Duration { return min(t.timeouts.Header, t.timeouts.Idle) }

// check cancels the attempts that have waited for too long, and starts a timer for
// the others in place of the current one. The caller holds the lock.
func (t *timeoutTransport) check(now time.Duration) {
	t.timerID++
	if len(t.attempts) == 0 {
		t.due = noTimer
		t.contexts.clear() // so that the context of the last call is not kept
		return
	}
	next := t.shortest()
	for _, a := range t.attempts {
		next = min(next, a.check(now))
	}
	id := t.timerID
	t.due = now + next
	time.AfterFunc(next, func() { t.expire(id) })
}

// expire checks the attempts when a timer fires.
func (t *timeoutTransport) expire(timerID int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if timerID == t.timerID {
		t.check(time.Since(t.epoch))
	}
}

// attempt is one request under way, and the body of its response.
type attempt struct {
	transport    *timeoutTransport
	ctx          *Context
	ownContext   bool          // ctx ends with the attempt
	body         io.ReadCloser // nil until the headers have arrived
	waitingSince atomic.Int64  // when the current wait began; 0 between waits
	ownTimer     bool          // not in transport.attempts
	index        int           // in transport.attempts, until ended
	ended        bool
}

// startWaiting records that a wait for the server begins now, and returns the time
// since the epoch of the transport.
func (a *attempt) startWaiting() time.Duration {
	since := time.Since(a.transport.epoch) | 1 // never 0
	a.waitingSince.Store(int64(since))
	return since
}

// check cancels the attempt if it has waited for too long, and returns after which
// time it may have to be cancelled. The caller holds the lock of the transport.
func (a *attempt) check(now time.Duration) time.Duration {
	limit, what := a.transport.timeouts.Header, "the server did not begin to respond"
	if a.body != nil {
		limit, what = a.transport.timeouts.Idle, "the server sent no more of the response"
	}
	since := a.waitingSince.Load()
	if since == 0 {
		return a.transport.shortest()
	}
	left := limit - (now - time.Duration(since))
	if left <= 0 {
		a.ctx.Cancel(&TimeoutError{What: what, Limit: limit})
		return a.transport.shortest()
	}
	return min(left, a.transport.shortest())
}

// checkAfter starts a timer that checks the attempt until it has ended.
func (a *attempt) checkAfter(wait time.Duration) {
	time.AfterFunc(wait, func() {
		a.transport.mu.Lock()
		defer a.transport.mu.Unlock()
		if !a.ended {
			a.checkAfter(a.check(time.Since(a.transport.epoch)))
		}
	})
}

// stopWaiting records that the server has made progress.
func (a *attempt) stopWaiting() { a.waitingSince.Store(0) }

// cause returns the timeout that ended the attempt, or err if none did.
func (a *attempt) cause(err error) error {
	if timeout, ok := errors.AsType[*TimeoutError](context.Cause(a.ctx)); ok {
		return timeout
	}
	if header, ok := err.(tls.RecordHeaderError); ok && header.Conn == nil {
		// This is not the first record, so the server speaks TLS. Unwrapped, the error
		// would make http.Client report that it does not.
		return fmt.Errorf("within the response: %w", err)
	}
	return err
}

// Read implements [io.Reader].
func (a *attempt) Read(p []byte) (int, error) {
	a.startWaiting()
	n, err := a.body.Read(p)
	a.stopWaiting()
	if err != nil && err != io.EOF {
		err = a.cause(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (a *attempt) Close() error {
	err := a.body.Close()
	a.transport.remove(a)
	return err
}
