package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is one end of a connection.
type conn struct {
	in, out *stream
	addr    addr
}

// newConns returns the two ends of a connection.
func (l *Listener) newConns() (a, b *conn) {
	ab, ba := newStream(), newStream()
	return &conn{ba, ab, l.addr}, &conn{ab, ba, l.addr}
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if err != nil && err != io.EOF {
		err = &net.OpError{Op: "read", Net: c.addr.Network(), Addr: c.addr, Err: err}
	}
	return n, err
}

// Write implements [net.Conn]. It never blocks.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	if err != nil {
		err = &net.OpError{Op: "write", Net: c.addr.Network(), Addr: c.addr, Err: err}
	}
	return n, err
}

// Close closes both directions. The other end can read what has been written, and then reads EOF.
func (c *conn) Close() error {
	c.in.end(net.ErrClosed, io.ErrClosedPipe, true)
	c.out.end(io.EOF, net.ErrClosed, false)
	return nil
}

func (c *conn) LocalAddr() net.Addr                { return c.addr }
func (c *conn) RemoteAddr() net.Addr               { return c.addr }
func (c *conn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(_ time.Time) error { return nil }

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

// stream is one direction of a connection: a buffer of unlimited size.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	buf      []byte
	readErr  error // after the buffer has been read
	writeErr error
	deadline time.Time // of reads
	timer    *time.Timer
}

func newStream() *stream {
	s := &stream{}
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readErr == net.ErrClosed: // by this end
			return 0, s.readErr
		case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(s.buf) > 0 || len(p) == 0:
			n := copy(p, s.buf)
			s.buf = s.buf[n:]
			return n, nil
		case s.readErr != nil:
			return 0, s.readErr
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	s.buf = append(s.buf, p...)
	s.changed.Broadcast()
	return len(p), nil
}

// end makes reads fail with readErr and writes with writeErr. discard empties the buffer.
func (s *stream) end(readErr, writeErr error, discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil || readErr == net.ErrClosed {
		s.readErr = readErr
	}
	if s.writeErr == nil || writeErr == net.ErrClosed {
		s.writeErr = writeErr
	}
	if discard {
		s.buf = nil
	}
	s.stopTimer()
	s.changed.Broadcast()
}

// setDeadline sets the deadline of reads. The zero time removes it.
func (s *stream) setDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.stopTimer()
	if wait := time.Until(t); wait > 0 && s.readErr == nil {
		s.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
	}
	s.changed.Broadcast()
}

func (s *stream) stopTimer() {
	if s.timer != nil {
		s.timer.Stop()
	}
}
