package sim

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// link is the proxy between the two ends of one connection. It terminates TLS.
type link struct {
	network *network
	raw     *conn    // to the client
	client  net.Conn // raw, or TLS over it
	server  *conn

	// greeted is closed when the client has received the first frame of the server, which must be SETTINGS.
	greeted chan struct{}

	delay   [2]time.Duration
	segment [2]bool

	mu        sync.Mutex
	used      bool            // a response has begun
	inRequest bool            // HTTP/1.1: a request has begun, and its response has not
	dead      map[uint32]bool // HTTP/2: streams whose frames are dropped
	held      []frame         // HTTP/2: frames that are not forwarded yet
	highest   uint32          // HTTP/2: the last stream that was forwarded to the server
	last      uint32          // HTTP/2: streams above it are excluded by GOAWAY, if there was one
	goneAway  bool            // HTTP/2: GOAWAY was sent
}

// run forwards in both directions until the connection ends.
func (l *link) run(upstream *conn) {
	defer l.end((*conn).Close)
	if l.network.tls != nil {
		secure := tls.Server(l.raw, l.network.tls)
		if secure.Handshake() != nil {
			return
		}
		l.client = secure
	}
	if l.network.upstream.connect(upstream) != nil {
		return
	}
	forward := l.copyBytes
	if l.network.tls != nil {
		forward = l.copyFrames
	}
	var both sync.WaitGroup
	both.Go(func() { forward(ToServer, l.server, l.client) })
	both.Go(func() { forward(ToClient, l.client, l.server) })
	both.Wait()
}

// end ends both connections.
func (l *link) end(how func(*conn) error) {
	_ = how(l.raw)
	_ = how(l.server)
}

// copyBytes forwards HTTP/1.1.
func (l *link) copyBytes(dir Direction, to, from net.Conn) {
	defer l.end((*conn).Close)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			l.observe(dir, buf[:n])
			if l.forward(dir, to, buf[:n]) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// observe records the progress of a request over HTTP/1.1.
func (l *link) observe(dir Direction, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if dir == ToServer && !l.inRequest && !bytes.HasPrefix(p, []byte("GET ")) {
		l.network.expose(1)
	}
	l.inRequest = dir == ToServer
	l.used = l.used || dir == ToClient
}

// errEnded is returned after a fault that ends the connection.
var errEnded = errors.New("the fault ended the connection")

// forward forwards bytes, with the faults at their positions.
func (l *link) forward(dir Direction, to net.Conn, p []byte) error {
	for len(p) > 0 {
		n, f, ok := l.network.nextBytes(dir, len(p))
		if err := l.send(dir, to, p[:n]); err != nil {
			return err
		}
		p = p[n:]
		if ok {
			if err := l.inject(dir, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// send writes bytes, late or one by one if an earlier fault says so.
func (l *link) send(dir Direction, to net.Conn, p []byte) error {
	time.Sleep(l.delay[dir])
	for len(p) > 0 {
		n := len(p)
		if l.segment[dir] {
			n = 1
			time.Sleep(time.Microsecond) // until the receiver has read the byte before
		}
		if _, err := to.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// inject carries out a fault at a byte.
func (l *link) inject(dir Direction, f Fault) error {
	if f.Kind == EndContext || l.network.tls != nil {
		l.network.expose(1) // the client may have sent a request that the proxy has not seen
	}
	switch f.Kind {
	case Cut:
		l.end((*conn).Close)
		return errEnded
	case Reset:
		l.end(func(c *conn) error {
			c.reset()
			return nil
		})
		return errEnded
	case Stall:
		time.Sleep(f.For)
	case Delay:
		l.delay[dir] = f.For
	case Segment:
		l.segment[dir] = true
	case EndContext:
		l.network.endContexts()
		time.Sleep(time.Millisecond) // until the client has noticed
	}
	return nil
}

// closeIdle resets the connection before the client's next write, if a fault says so.
func (l *link) closeIdle(near *conn) error {
	l.mu.Lock()
	idle := l.used && !l.inRequest
	l.mu.Unlock()
	if !idle {
		return nil
	}
	if _, ok := l.network.take(func(f Fault) bool { return f.Kind == CloseIdle }); ok {
		near.reset()
		return errPipe
	}
	return nil
}
