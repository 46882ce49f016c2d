package retry

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	gateRefusals = 5                      // refusals in a row that close the gate
	minProbeGap  = 250 * time.Millisecond // from the end of a probe to the next
	maxProbeGap  = time.Second
	headStart    = minProbeGap / 8        // of operations, and of targets, that have not failed lately
	maxProbe     = time.Second            // a probe that takes longer does not keep others from probing
	maxQuick     = 32                     // quick probes of one outage; see nextProbe
	minMemory    = 4                      // probes after which failures are forgotten for the first time in an outage
	maxMemory    = 64                     // probes after which they are forgotten at last
	maxTargets   = 128                    // failed targets that are remembered: late refusals of other attempts count too
	gatePoll     = 100 * time.Millisecond // how often a waiting attempt looks at the gate
)

// Gate limits what is sent to a service that refuses requests. A refusal is a 503, a
// 429 or the failure to connect. After several refusals in a row, the gate closes: one
// attempt at a time is sent, as a probe, and the others wait. If a probe takes longer than
// maxProbe, others are sent meanwhile. The first response that is neither a refusal nor of
// a gateway opens the gate. An attempt that has waited too long is not sent.
//
// A circuit breaker differs in that attempts fail at once while it is open. Callers
// then repeat their calls sooner than if they wait.
//
// The requests themselves are sent without a lock. Attempts poll the gate while they
// wait: a channel or a timer that they share could not be used in several bubbles of
// testing/synctest. A nil Gate never closes.
type Gate struct {
	maxWait  time.Duration // of one call
	seed     maphash.Seed
	refusals atomic.Int64 // in a row

	// The following are used only while the gate is closed.
	mu         sync.Mutex
	closed     time.Time
	next       time.Time // when the next probe may be sent
	probe      int64     // the number of the last probe
	probing    bool      // the last probe has not ended
	quick      int       // quick probes since the gate closed
	memory     int       // after how many probes failures are forgotten
	age        int       // probes since they were forgotten
	operations []string  // those that have failed since
	targets    []uint64  // those that have failed since
	last       rejection
}

// rejection is how the service refused a request.
type rejection struct {
	status     int // 0 if there was no connection
	retryAfter time.Duration
	err        error // why there was no connection; may be nil
}

// NewGate returns an open gate. A call waits at most maxWait for it; if that is 0, NewGate
// returns nil.
func NewGate(maxWait time.Duration) *Gate {
	if maxWait <= 0 {
		return nil
	}
	return &Gate{maxWait: maxWait, seed: maphash.MakeSeed()}
}

// GateError is the error of an attempt that was not sent because the gate was closed.
type GateError struct {
	Refusals   int64         // in a row
	StatusCode int           // of the last refusal; 0 if there was no connection
	RetryAfter time.Duration // of the last refusal
	Waited     time.Duration // for the gate, by the whole call
	Again      bool          // the call has sent an attempt before
	Err        error         // why there was no connection, or how the last attempt of the call failed; may be nil
}

// Error returns what happened before.
func (e *GateError) Error() string {
	sent := "not sent"
	if e.Again {
		sent = "not sent again"
	}
	text := fmt.Sprintf("%s: the service refused the last %d requests, and no probe has succeeded for %s",
		sent, e.Refusals, e.Waited.Round(time.Millisecond))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause, which may be nil.
func (e *GateError) Unwrap() error { return e.Err }

// isClosed reports whether attempts have to wait.
func (g *Gate) isClosed() bool { return g != nil && g.refusals.Load() >= gateRefusals }

// target identifies what a request asks for and as whom. The body of a login has its
// credentials.
func (g *Gate) target(req *Request) uint64 {
	return maphash.String(g.seed, req.URL.String()+" "+req.Header.Get("Authorization")+" "+string(req.Body))
}

// enter waits until an attempt of a request may be sent, and returns how long it has waited.
// probe is not 0 if the attempt is a probe. waitedBefore is what the call has waited for the
// gate before. The error is a *GateError.
func (g *Gate) enter(ctx context.Context, req *Request, waitedBefore time.Duration) (waited time.Duration, probe int64, err error) {
	if !g.isClosed() {
		return 0, 0, nil
	}
	started, target := time.Now(), g.target(req)
	for g.isClosed() {
		waited = time.Since(started)
		if ctx.Err() != nil {
			return waited, 0, g.error(waitedBefore + waited)
		}
		wait, probe := g.tryProbe(req.Operation, target)
		if probe != 0 {
			return waited, probe, nil
		}
		left := g.maxWait - waitedBefore - waited
		if left <= 0 {
			return waited, 0, g.error(waitedBefore + waited)
		}
		timer := time.NewTimer(min(wait, left, gatePoll))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return time.Since(started), 0, nil
}

// tryProbe returns the number of a probe, or how long to wait until the next one.
//
// Operations that have failed lately wait longer than others, and targets that have failed
// wait longest: a service that refuses only some operations, or only some resources or
// tokens, is soon found to accept another. What has failed is forgotten after a few probes,
// since it may have failed only because everything did, and later in an outage after more,
// since there may be many resources that fail.
func (g *Gate) tryProbe(operation string, target uint64) (wait time.Duration, probe int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.next.Sub(now) > 2*maxProbeGap { // it was set in another bubble of testing/synctest, which has its own clock
		g.next = now
	}
	wait = g.next.Sub(now)
	if slices.Contains(g.operations, operation) {
		wait += headStart
	}
	if slices.Contains(g.targets, target) {
		wait += headStart
	}
	if wait > 0 {
		return wait, 0
	}
	return 0, g.nextProbe(now)
}

// nextProbe returns the number of a probe that is sent now.
//
// A probe that takes long may be a write that the service executes. Some are therefore sent
// quickly after it: otherwise a service of slow writes would get one a second after an
// outage. Their number is limited, since a service that is down may also respond late.
func (g *Gate) nextProbe(now time.Time) int64 {
	gap := maxProbe
	if g.probing && g.quick < maxQuick {
		g.quick++
		gap >>= min(2*g.quick, 6)
	}
	g.next = now.Add(gap)
	g.probing = true
	g.probe++
	if g.age++; g.age >= g.memory {
		g.operations, g.targets, g.age = nil, nil, 0
		g.memory = min(2*g.memory, maxMemory)
	}
	return g.probe
}

// error returns the error of an attempt whose call has waited in vain.
func (g *Gate) error(waited time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return &GateError{
		Refusals: g.refusals.Load(), StatusCode: g.last.status, RetryAfter: g.last.retryAfter, Waited: waited, Err: g.last.err,
	}
}

// leave records the result of an attempt. Its body need not have been read. probe is the
// number that enter has returned.
func (g *Gate) leave(req *Request, probe int64, r result, interrupted bool) {
	if g == nil {
		return
	}
	refused := r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests
	if r.status != 0 && !refused && !isGatewayError(r.status) {
		if g.refusals.Load() != 0 {
			g.refusals.Store(0)
		}
		return
	}
	if r.status == 0 {
		refused = !interrupted && connectError(r.err) != nil
	}
	if !refused && probe == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if refused && g.refusals.Add(1) == gateRefusals {
		g.closed, g.next, g.probing, g.quick = now, now, false, 0
		g.operations, g.targets, g.age, g.memory = nil, nil, 0, minMemory
	}
	if refused {
		// Nothing else is kept, since other calls return it: a body may be about this request.
		retryAfter, _ := RetryAfter(r.header)
		g.last = rejection{r.status, retryAfter, connectError(r.err)}
	}
	if refused && g.isClosed() || probe != 0 {
		if !slices.Contains(g.operations, req.Operation) {
			g.operations = append(g.operations, req.Operation)
		}
		if target := g.target(req); !slices.Contains(g.targets, target) {
			g.targets = append(g.targets[max(0, len(g.targets)-maxTargets+1):], target)
		}
	}
	if probe != 0 && probe == g.probe { // not one that took longer than maxProbe
		g.probing = false
		gap := max(now.Sub(g.closed)/8, g.last.retryAfter, minProbeGap)
		gap = min(gap, maxProbeGap)
		g.next = now.Add(gap + rand.N(gap/4))
	}
}

// connectError returns the error of connecting to the service or to a proxy, or nil if an
// attempt failed otherwise.
func connectError(err error) error {
	if operation, ok := errors.AsType[*net.OpError](err); ok && (operation.Op == "dial" || operation.Op == "proxyconnect") {
		return operation
	}
	return nil
}
