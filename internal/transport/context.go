package transport

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Context is the context of an attempt to send a request. It ends with the context of
// the call, when a timeout of the attempt is exceeded, or when it is cancelled.
type Context struct {
	context.Context
	Started time.Time // when the attempt began

	cancel context.CancelCauseFunc
	pool   *contextPool
	parent context.Context // nil if the context cannot be used again
}

// NewContext returns the context of an attempt that begins now and is to be sent with
// client, one of NewClient. Either Cancel or Release ends it.
func NewContext(ctx context.Context, client *http.Client) *Context {
	return client.Transport.(*timeoutTransport).contexts.get(ctx)
}

// Cancel ends the context with a cause.
func (c *Context) Cancel(cause error) { c.cancel(cause) }

// Release ends the use of the context by an attempt to which net/http does not refer
// any more. It may be used again by another attempt.
func (c *Context) Release() {
	if c.parent == nil || c.Err() != nil {
		c.cancel(nil)
	} else {
		c.pool.put(c)
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

// contextPool keeps contexts that were not cancelled, since making one for each attempt
// is the most expensive part of the timeouts: it registers with the context of the
// call, and that of net/http with it. Programs make most calls with the same context, so
// only the contexts derived from the last one are kept.
type contextPool struct {
	isFake func(now time.Time) bool // isFake, except in tests

	mu     sync.Mutex
	parent context.Context
	free   []*Context // derived from parent
}

// reusableParents names the types of contexts from which others are derived without a
// goroutine for each, which would look like a leak. A context with values may hide a
// context of any type.
var reusableParents = []string{
	"*context.cancelCtx", "*signal.signalCtx", "context.backgroundCtx", "*context.timerCtx", "context.todoCtx",
}

// maxFree is how many contexts are kept: as many as connections.
const maxFree = maxIdleConns

// get returns a context derived from ctx.
func (p *contextPool) get(ctx context.Context) *Context {
	now := time.Now()
	// In a testing/synctest bubble none is used again, since its channel belongs to the
	// bubble.
	reusable := !p.isFake(now) && slices.Contains(reusableParents, reflect.TypeOf(ctx).String())
	if reusable {
		if c := p.take(ctx); c != nil {
			c.Started = now
			return c
		}
	}
	c := &Context{Started: now, pool: p}
	c.Context, c.cancel = context.WithCancelCause(ctx)
	if reusable {
		c.parent = ctx
	}
	return c
}

// take returns a context derived from ctx that was used before, or nil.
func (p *contextPool) take(ctx context.Context) *Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 || p.parent != ctx {
		return nil
	}
	c := p.free[last]
	p.free[last], p.free = nil, p.free[:last]
	return c
}

// put keeps a context for another attempt.
func (p *contextPool) put(c *Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parent != c.parent {
		p.cancelAll()
		p.parent = c.parent
	}
	if len(p.free) == maxFree {
		c.cancel(nil)
		return
	}
	p.free = append(p.free, c)
}

// clear cancels the contexts that are kept.
func (p *contextPool) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelAll()
}

// cancelAll implements clear. The caller holds the lock.
func (p *contextPool) cancelAll() {
	for _, c := range p.free {
		c.cancel(nil)
	}
	clear(p.free)
	p.free, p.parent = p.free[:0], nil
}
