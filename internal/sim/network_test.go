package sim

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"
)

// network connects a client with a service, through a proxy that injects faults.
type network struct {
	tls      *tls.Config // of the proxy; nil means HTTP/1.1 without TLS
	upstream *listener   // of the service
	proxies  sync.WaitGroup
	// endContexts cancels the contexts of the calls.
	endContexts context.CancelFunc

	mu       sync.Mutex
	armed    bool
	faults   []Fault // that have not happened yet
	happened []Fault
	bytes    [2]int // forwarded in each direction
	frames   [2]int
	requests int
	conns    int
	open     []*conn
	// slowWrites says that a SlowWrite fault has happened.
	slowWrites bool
	exposed    int // writes that have been sent
	refused    int // writes to which the proxy has responded that they were not processed
}

// arm makes the faults happen from now on, and starts all counters.
func (n *network) arm(faults []Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.armed, n.faults = true, slices.Clone(faults)
	_, n.slowWrites = n.takeLocked(func(f Fault) bool { return f.Kind == SlowWrite })
}

// takeLocked implements take. The caller holds the lock.
func (n *network) takeLocked(match func(Fault) bool) (Fault, bool) {
	i := slices.IndexFunc(n.faults, match)
	if !n.armed || i < 0 {
		return Fault{}, false
	}
	f := n.faults[i]
	n.faults = slices.Delete(n.faults, i, i+1)
	n.happened = append(n.happened, f)
	return f, true
}

// take removes the first fault that match accepts, and returns it.
func (n *network) take(match func(Fault) bool) (Fault, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.takeLocked(match)
}

// expose adds to the number of writes that have been sent.
func (n *network) expose(writes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.armed {
		n.exposed += writes
	}
}

// refuse adds to the number of writes that the proxy has refused.
func (n *network) refuse() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused++
}

// exposure returns the number of writes that may have been processed, as far as a client can know. After a fault of the connection, it
// may not have received that a write was refused.
func (n *network) exposure() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	lossy := func(f Fault) bool { return !f.isRequestwise() && f.Kind != SlowWrite || f.Kind == Lose }
	if slices.ContainsFunc(n.happened, lossy) {
		return n.exposed
	}
	return n.exposed - n.refused
}

// nextBytes returns how many of size bytes to forward before the next fault, and that fault. It reports false if there is none.
func (n *network) nextBytes(dir Direction, size int) (forward int, f Fault, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.armed {
		return size, f, false
	}
	next := n.bytes[dir] + size
	for _, f := range n.faults {
		if f.isBytewise() && f.Dir == dir && f.At >= n.bytes[dir] {
			next = min(next, f.At)
		}
	}
	forward = next - n.bytes[dir]
	n.bytes[dir] = next
	f, ok = n.takeLocked(func(f Fault) bool { return f.isBytewise() && f.Dir == dir && f.At == next })
	return forward, f, ok
}

// nextFrame counts a frame and returns its index.
func (n *network) nextFrame(dir Direction) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.armed {
		return -1
	}
	n.frames[dir]++
	return n.frames[dir] - 1
}

// holds reports whether the proxy must not forward the frame with this index to the server yet, because it is about to promise that
// it will not.
func (n *network) holds(index int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.armed && slices.ContainsFunc(n.faults, func(f Fault) bool {
		return f.Kind == GoAway && f.Dir == ToServer && f.Last == Below && (f.At == index || f.At == index+1)
	})
}

// dial returns the client's end of a new connection.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	index := n.nextConn()
	fault, ok := n.take(func(f Fault) bool { return f.isConnectionwise() && f.At == index })
	if ok && fault.Kind == RefuseDial {
		return nil, &net.OpError{Op: "dial", Net: "sim", Err: errRefused}
	}
	if ok && fault.Kind == SlowDial {
		select {
		case <-time.After(fault.For):
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: "sim", Err: ctx.Err()}
		}
	}
	near, far := newConns()
	service, upstream := newConns()
	n.mu.Lock()
	n.open = append(n.open, far, service)
	n.mu.Unlock()
	if ok && fault.Kind == FailHandshake {
		n.proxies.Go(func() { n.failHandshake(far, fault) })
		return near, nil
	}
	l := &link{network: n, raw: far, client: far, server: service, dead: map[uint32]bool{}, greeted: make(chan struct{})}
	near.onWrite = func() error { return l.closeIdle(near) }
	near.afterWrite = n.yield
	n.proxies.Go(func() { l.run(upstream) })
	return near, nil
}

// yield lets other goroutines run, if writes are slow. It does not sleep, since the client may hold a mutex, and the time of a bubble
// stands still while a goroutine waits for one.
func (n *network) yield() {
	n.mu.Lock()
	slow := n.slowWrites
	n.mu.Unlock()
	if slow {
		for range 300 {
			runtime.Gosched()
		}
	}
}

// failHandshake ends a new connection.
func (n *network) failHandshake(far *conn, f Fault) {
	if n.tls == nil {
		n.expose(1) // the client can send a request before it notices
	} else if f.After {
		_ = tls.Server(far, &tls.Config{}).Handshake() // without a certificate
	}
	far.Close()
}

// nextConn counts a connection and returns its index.
func (n *network) nextConn() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.armed {
		return -1
	}
	n.conns++
	return n.conns - 1
}

// close closes all connections and waits until the proxy has stopped.
func (n *network) close() {
	n.mu.Lock()
	n.armed = false
	open := n.open
	n.mu.Unlock()
	for _, c := range open {
		c.reset()
	}
	n.proxies.Wait()
}

// duplicateHeader marks a request that the proxy has sent on its own account.
const duplicateHeader = "Sim-Duplicate"

// handler returns the service behind the part of the proxy that understands requests.
func (n *network) handler(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := n.nextRequest()
		if !ok {
			service.ServeHTTP(w, r)
			return
		}
		if f.Kind == Respond && !f.After && refuses(f.Status) && r.Method != http.MethodGet {
			n.refuse()
		}
		misbehave(f, service, w, r)
	})
}

// nextRequest counts a request and returns the fault that happens to it.
func (n *network) nextRequest() (Fault, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.armed {
		return Fault{}, false
	}
	n.requests++
	return n.takeLocked(func(f Fault) bool { return f.isRequestwise() && f.At == n.requests-1 })
}

// refuses reports whether a response with this status says that the request was not processed.
func refuses(status int) bool {
	return status >= 400 && status < 500 || status == http.StatusServiceUnavailable
}
