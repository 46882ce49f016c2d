package sim

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// The texts are those of Linux; package syscall does not have these errors on every system.
var (
	errPipe    = errors.New("broken pipe")
	errReset   = errors.New("connection reset by peer")
	errRefused = errors.New("connection refused")
)

// stream is one direction of a connection: a buffer of unlimited size.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	buf      []byte
	readErr  error // after the buffer has been read
	writeErr error
	deadline time.Time
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
		case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(s.buf) > 0:
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

// end makes reads fail with readErr and writes with writeErr, unless they fail already. discard empties the buffer.
func (s *stream) end(readErr, writeErr error, discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil {
		s.readErr = readErr
	}
	if s.writeErr == nil {
		s.writeErr = writeErr
	}
	if discard {
		s.buf = nil
	}
	s.changed.Broadcast()
}

func (s *stream) setDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.changed.Broadcast()
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
	}
}

// conn is one end of an in-memory connection.
type conn struct {
	in, out *stream
	// onWrite, unless nil, is called before each write. With an error, the write fails and sends nothing.
	onWrite func() error
	// afterWrite, unless nil, is called after each write.
	afterWrite func()
}

// newConns returns the two ends of a connection.
func newConns() (a, b *conn) {
	ab, ba := newStream(), newStream()
	return &conn{in: ba, out: ab}, &conn{in: ab, out: ba}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if err != nil && err != io.EOF {
		err = &net.OpError{Op: "read", Net: "sim", Err: err}
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if c.onWrite != nil {
		if err := c.onWrite(); err != nil {
			return 0, &net.OpError{Op: "write", Net: "sim", Err: err}
		}
	}
	n, err := c.out.write(p)
	if err != nil {
		err = &net.OpError{Op: "write", Net: "sim", Err: err}
	}
	if c.afterWrite != nil {
		c.afterWrite()
	}
	return n, err
}

// Close closes the connection. The peer can read what has been written, and then reads EOF.
func (c *conn) Close() error {
	c.in.end(net.ErrClosed, errPipe, true)
	c.out.end(io.EOF, net.ErrClosed, false)
	return nil
}

// reset resets the connection: both ends lose what they have not read.
func (c *conn) reset() {
	for _, s := range []*stream{c.in, c.out} {
		s.end(errReset, errReset, true)
	}
}

func (c *conn) LocalAddr() net.Addr                { return address{} }
func (c *conn) RemoteAddr() net.Addr               { return address{} }
func (c *conn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(_ time.Time) error { return nil } // writes never block
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

// address is the address of both ends of a connection.
type address struct{}

func (address) Network() string { return "sim" }
func (address) String() string  { return "sim" }

// listener is a net.Listener for in-memory connections.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// connect passes a connection to Accept.
func (l *listener) connect(c net.Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.closed:
		return net.ErrClosed
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Addr() net.Addr { return address{} }

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}
