package transport

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// contextPool has the contexts of all attempts, and the timer that checks them.
//
// One timer is enough for all: a timer of each attempt, reset at each read, would be
// expensive. So would a new context for each attempt: it registers with the context of
// the call, and that of net/http with it. Programs make most calls with the same context,
// so contexts derived from the last one are kept and used again.
//
// In a testing/synctest bubble each context has a timer of its own and is used once. Timers
// and channels end with their bubble, and the next bubble begins at the same time.
type contextPool struct {
	timeouts Timeouts
	epoch    time.Time    // the times below are measured from it
	due      atomic.Int64 // when the timer fires, or noTimer; set with the lock
	inBubble func(now time.Duration) bool

	mu      sync.Mutex
	timerID int // of the current timer; others are ignored
	all     []*Context
	free    []*Context      // those of all that are not in use
	parent  context.Context // that of those in free
}

// noTimer is the due time while no timer runs. It is always in the past.
const noTimer = -1

// notInPool is the index of a context that is not in a pool.
const notInPool = -1

// maxFree is how many contexts are kept: as many as connections.
const maxFree = maxIdleConns

// newContextPool returns a pool of contexts with these timeouts.
func newContextPool(timeouts Timeouts) *contextPool {
	p := &contextPool{timeouts: timeouts, epoch: time.Now()}
	p.due.Store(noTimer)
	p.inBubble = bubbleDetector(p.epoch)
	return p
}

// bubbleDetector returns a function that reports whether a time since the epoch was read
// from the clock of a testing/synctest bubble, which begins in 2000.
func bubbleDetector(epoch time.Time) func(now time.Duration) bool {
	const decade = 10 * 365 * 24 * time.Hour
	epochIsFake := epoch.Year() < 2020
	return func(now time.Duration) bool { return epochIsFake != (now.Abs() > decade) }
}

// reusableParents names the types of contexts from which others are derived without a
// goroutine for each, which would look like a leak. A context with values may hide a
// context of any type.
var reusableParents = []string{
	"*context.cancelCtx", "*signal.signalCtx", "context.backgroundCtx", "*context.timerCtx",
}

// get returns a context derived from ctx, for an attempt that begins now.
func (p *contextPool) get(ctx context.Context) *Context {
	now := p.now()
	ownTimer := p.inBubble(now)
	var c *Context
	if !ownTimer {
		c = p.take(ctx)
	}
	if c == nil {
		reusable := !ownTimer && slices.Contains(reusableParents, reflect.TypeOf(ctx).String())
		c = &Context{pool: p, index: notInPool, ownTimer: ownTimer}
		c.Context, c.cancel = context.WithCancelCause(ctx)
		if reusable {
			c.parent = ctx
		}
		if ownTimer {
			c.checkAfter(p.shortest())
		} else {
			p.add(c)
		}
	}
	c.started = now
	c.startWaiting(now, 0)
	return c
}

// take returns a context derived from ctx that was used before, or nil.
func (p *contextPool) take(ctx context.Context) *Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 || p.parent != ctx { // does not panic, since the types of reusableParents are comparable
		return nil
	}
	c := p.free[last]
	p.free[last], p.free = nil, p.free[:last]
	return c
}

// put keeps a context for another attempt. It reports false if that is not possible.
func (p *contextPool) put(c *Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.parent == nil || c.Err() != nil { // the timer cancels a context with the lock
		return false
	}
	if p.parent != c.parent {
		p.clear()
		p.parent = c.parent
	}
	if len(p.free) == maxFree {
		return false
	}
	p.free = append(p.free, c)
	return true
}

// clear cancels and removes the contexts that are not in use. The caller holds the lock.
func (p *contextPool) clear() {
	for _, c := range p.free {
		p.delete(c)
		c.cancel(nil)
	}
	clear(p.free)
	p.free, p.parent = p.free[:0], nil
}

// add adds a context that is in use.
func (p *contextPool) add(c *Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.index = len(p.all)
	p.all = append(p.all, c)
}

// remove removes a context that is in use, if it is in the pool. The timer keeps running,
// since the next attempt usually follows soon.
func (p *contextPool) remove(c *Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delete(c)
}

// delete implements remove. The caller holds the lock.
func (p *contextPool) delete(c *Context) {
	if c.index == notInPool {
		return
	}
	last := len(p.all) - 1
	p.all[c.index] = p.all[last]
	p.all[c.index].index = c.index
	p.all[last], p.all = nil, p.all[:last]
	c.index = notInPool
}

// now returns the time since the epoch.
func (p *contextPool) now() time.Duration { return time.Since(p.epoch) }

// limit returns the limit of a wait: for the headers, or within one read of the body if
// kind is reading.
func (p *contextPool) limit(kind int64) time.Duration {
	if kind == reading {
		return p.timeouts.Idle
	}
	return p.timeouts.Header
}

// shortest returns the time after which a wait that begins now can exceed a timeout, or
// less if the timeouts are so long that a time after them could overflow.
func (p *contextPool) shortest() time.Duration {
	return min(p.timeouts.Header, p.timeouts.Idle, time.Hour)
}

// startTimer starts the timer if none runs, or if it is about to fire.
func (p *contextPool) startTimer(now time.Duration) {
	if now < time.Duration(p.due.Load()) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now >= time.Duration(p.due.Load()) { // no other attempt has started it meanwhile
		p.check(now)
	}
}

// check cancels the contexts of attempts that have waited for too long, and starts a timer
// for the others in place of the current one. The caller holds the lock.
func (p *contextPool) check(now time.Duration) {
	p.timerID++
	if len(p.all) == len(p.free) {
		p.due.Store(noTimer)
		p.clear() // so that the context of the last call is not kept
		return
	}
	next := p.shortest()
	for _, c := range p.all {
		next = min(next, c.check(now))
	}
	p.due.Store(int64(now + next))
	id := p.timerID
	time.AfterFunc(next, func() { p.expire(id) })
}

// expire checks the contexts when a timer fires.
func (p *contextPool) expire(timerID int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if timerID == p.timerID {
		p.check(p.now())
	}
}
