package roundtrip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits are the longest silences of the service that a call endures.
type Limits struct {
	Header time.Duration // from the start of an attempt to the headers of its answer
	Idle   time.Duration // within one read of the answer's body
}

// LimitError is the error of a call that met one of the Limits.
type LimitError struct {
	What  string
	Limit time.Duration
}

func (e *LimitError) Error() string { return e.What + " within " + e.Limit.String() }

// Timeout tells whoever asks for it that this is a timeout.
func (e *LimitError) Timeout() bool { return true }

// limit wraps a transport so that no attempt lasts beyond the limits. Only what
// the service keeps waiting is counted, never the time a caller takes between
// two reads. The result does not pass CloseIdleConnections on: retryablehttp
// calls it when it gives up, and the connections belong to others too.
func limit(base http.RoundTripper, limits Limits) *limited {
	return &limited{base: base, limits: limits, began: time.Now()}
}

// limited watches over all attempts with one timer. A timer for each, set anew
// for each read, is the dearest part of watching over them.
type limited struct {
	base   http.RoundTripper
	limits Limits
	began  time.Time // what waits are counted from

	mu      sync.Mutex
	watches []*watch
	// When the timer looks, in the past if nobody is watched, and which timer it
	// is: others are of no account.
	due   time.Duration
	timer int
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	w := &watch{limited: l}
	if req = w.claim(req); w.ctx.Err() != nil {
		w.cancel(nil)
		return nil, &withheldError{w.ctx.Err()}
	}
	l.begin(w)
	returned := false
	defer func() {
		if !returned { // it panicked
			l.end(w)
		}
	}()
	resp, err := l.base.RoundTrip(req)
	returned = true
	switch {
	case err != nil:
	case resp == nil:
		err = errors.New("the transport gave neither an answer nor an error")
	case resp.StatusCode < 200:
		// What was switched to is not asked for, and its connection heeds no context.
		if resp.Body != nil {
			resp.Body.Close()
		}
		err = fmt.Errorf("the status of the answer is %d, which is none that ends a call", resp.StatusCode)
	case resp.Header["Location"] != nil:
		if _, bad := req.URL.Parse(resp.Header.Get("Location")); bad != nil {
			resp.Header.Del("Location") // http.Client would print it, whatever it holds
		}
	}
	if err != nil {
		if header, ok := err.(tls.RecordHeaderError); ok && header.Conn == nil {
			// Not the first record, so this was TLS once. Bare, http.Client would take
			// it for a service that does not speak it.
			err = fmt.Errorf("within the answer: %w", err)
		}
		err = limitOr(w.ctx, err)
		l.end(w)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a transport of the caller's may be lax
	}
	w.waits(false) // first, or the wait for the headers would pass for a read
	l.mu.Lock()
	w.body = resp.Body
	l.mu.Unlock()
	resp.Body = w
	return resp, nil
}

// claim gives a watch the context that it ends, and returns the request that has
// it. That is the request itself, with the context that Send made for the attempt,
// unless http.Client made it: to follow a redirect, or for a timeout of its own.
func (w *watch) claim(req *http.Request) *http.Request {
	ctx := req.Context()
	c, ok := ctx.Value(callKey{}).(*call)
	if ok && ctx == c.attempt {
		if !c.taken {
			c.taken = true
			w.ctx, w.cancel = ctx, c.abandon
			return req
		}
		ctx = c.base // the attempt's has ended with the request that led here
	}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if ok {
		c.abandon = w.cancel
	}
	return req.WithContext(w.ctx)
}

// begin watches over an attempt, which waits for its headers.
func (l *limited) begin(w *watch) {
	now := w.waits(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	w.place = len(l.watches)
	l.watches = append(l.watches, w)
	// A timer that is late, or too far away, is of another time than ours: that of
	// a bubble of testing/synctest, which ends with the bubble. Goroutines that come
	// here out of order do not make it far.
	if now > l.due || l.due-now > 2*l.shortest() {
		l.arm(now, l.shortest())
	}
}

// arm sets another timer, in place of the one there was.
func (l *limited) arm(now, wait time.Duration) {
	l.timer++
	timer := l.timer
	l.due = now + wait
	time.AfterFunc(wait, func() { l.look(timer) })
}

// end lets go of an attempt. The timer is left to find out by itself: the next
// attempt may be near.
func (l *limited) end(w *watch) {
	l.mu.Lock()
	if last := len(l.watches) - 1; !w.ended {
		l.watches[w.place] = l.watches[last]
		l.watches[w.place].place = w.place
		l.watches[last] = nil
		l.watches = l.watches[:last]
		w.ended = true
	}
	l.mu.Unlock()
	w.cancel(nil)
}

// shortest is how soon a wait that begins now may have lasted too long.
func (l *limited) shortest() time.Duration { return min(l.limits.Header, l.limits.Idle) }

// look ends the attempts that have been kept waiting for too long, and looks
// again when the next may have been.
func (l *limited) look(timer int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if timer != l.timer {
		return
	}
	now, next := time.Since(l.began), l.shortest()
	for _, w := range l.watches {
		limit, what := l.limits.Header, "the service did not begin to answer"
		if w.body != nil {
			limit, what = l.limits.Idle, "the service sent no more of its answer"
		}
		since := w.since.Load()
		if since == 0 {
			continue
		}
		if left := limit - (now - time.Duration(since)); left > 0 {
			next = min(next, left)
		} else {
			w.cancel(&LimitError{What: what, Limit: limit})
		}
	}
	if len(l.watches) > 0 {
		l.arm(now, next)
	}
}

// withheldError is the end of a context before the request was handed on.
type withheldError struct{ err error }

func (e *withheldError) Error() string { return e.err.Error() }
func (e *withheldError) Unwrap() error { return e.err }

// limitOr is why we ended ctx, or err if we did not.
func limitOr(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if limit, ok := errors.AsType[*LimitError](cause); ok {
		return limit
	}
	if cause == errAgain {
		return cause
	}
	return err
}

// watch is an attempt that is watched over, and the body of its answer.
type watch struct {
	limited *limited
	ctx     context.Context
	cancel  context.CancelCauseFunc
	body    io.ReadCloser // nil until the headers are there
	since   atomic.Int64  // the beginning of the wait under way; 0 if nobody waits
	place   int           // among the watches, until it has ended
	ended   bool
}

// waits says whether somebody waits for the service from now on.
func (w *watch) waits(begins bool) (since time.Duration) {
	if begins {
		since = time.Since(w.limited.began) | 1 // for it to be no zero
	}
	w.since.Store(int64(since))
	return since
}

func (w *watch) Read(p []byte) (int, error) {
	w.waits(true)
	n, err := w.body.Read(p)
	w.waits(false)
	if err != nil && err != io.EOF {
		err = limitOr(w.ctx, err)
	}
	return n, err
}

func (w *watch) Close() error {
	err := w.body.Close()
	w.limited.end(w)
	return err
}
