package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Context is the context of an attempt to send a request. It ends with the context of
// the call, when a timeout of the attempt is exceeded, or when it is cancelled.
type Context struct {
	context.Context
	// Header is the header of the request, which needs none of its own. http.Client would
	// copy it for each request, since it might be redirected. The transport adds it.
	Header http.Header

	cancel   context.CancelCauseFunc
	pool     *contextPool
	parent   context.Context // nil if the context cannot be used again
	ownTimer bool            // in a testing/synctest bubble
	started  time.Duration   // when the attempt began
	index    int             // in pool.all, or notInPool
	wait     atomic.Int64    // the current wait: see startWaiting
}

// NewContext returns the context of an attempt that begins now and is to be sent with
// client, one of NewClient. The wait for the headers begins with the attempt.
func NewContext(ctx context.Context, client *http.Client) *Context {
	return client.Transport.(*timeoutTransport).contexts.get(ctx)
}

// Elapsed returns the time since the attempt began.
func (c *Context) Elapsed() time.Duration { return c.pool.now() - c.started }

// Cancel cancels the context with a cause.
func (c *Context) Cancel(cause error) { c.cancel(cause) }

// End ends the use of the context. reusable says that nothing refers to it any more, so
// that it need not be cancelled and another attempt may use it.
func (c *Context) End(reusable bool) {
	c.Header = nil
	if !reusable || !c.pool.put(c) {
		c.pool.remove(c)
		c.cancel(nil)
	}
}

// contextKey is the key of the Context in its values.
type contextKey struct{}

// Value implements [context.Context].
func (c *Context) Value(key any) any {
	if _, ok := key.(contextKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// String returns the text of the context that net/http would get without timeouts. It
// shows nothing of the request, whose header has a token.
func (c *Context) String() string { return fmt.Sprint(c.Context) }

// The lowest two bits of Context.wait.
const (
	waiting  = 1
	reading  = 2 // the wait is within one read of the body; otherwise it is for the headers
	waitBits = waiting | reading
)

// startWaiting records that a wait for the server begins: for the headers, or within one
// read of the body if kind is reading. It stores when the wait began, and its kind.
func (c *Context) startWaiting(now time.Duration, kind int64) {
	c.wait.Store(int64(now)&^waitBits | waiting | kind)
	if !c.ownTimer {
		c.pool.startTimer(now)
	}
}

// isWaiting reports whether a wait has begun and not ended.
func (c *Context) isWaiting() bool { return c.wait.Load() != 0 }

// stopWaiting records that the server has made progress.
func (c *Context) stopWaiting() { c.wait.Store(0) }

// check cancels the context if its attempt has waited for too long, and returns after
// which time it may have to be cancelled.
func (c *Context) check(now time.Duration) time.Duration {
	wait := c.wait.Load()
	if wait == 0 {
		return c.pool.shortest()
	}
	kind := wait & reading
	limit := c.pool.limit(kind)
	left := limit - (now - time.Duration(wait&^waitBits))
	if left <= 0 {
		c.cancel(&TimeoutError{What: missing[kind], Limit: limit})
		return c.pool.shortest()
	}
	return min(left, c.pool.shortest())
}

// missing has what did not happen in a wait that was too long.
var missing = [...]string{0: "the server did not begin to respond", reading: "the server sent no more of the response"}

// checkAfter starts a timer that checks the context until it has ended.
func (c *Context) checkAfter(wait time.Duration) {
	time.AfterFunc(wait, func() {
		if c.Err() == nil {
			c.checkAfter(c.check(c.pool.now()))
		}
	})
}

// explain returns the timeout that ended the attempt, or err if none did.
func (c *Context) explain(err error) error {
	if timeout, ok := errors.AsType[*TimeoutError](context.Cause(c.Context)); ok {
		return timeout
	}
	if header, ok := err.(tls.RecordHeaderError); ok && header.Conn == nil {
		// This is not the first record, so the server speaks TLS. Unwrapped, the error
		// would make http.Client report that it does not.
		return fmt.Errorf("within the response: %w", err)
	}
	return err
}
