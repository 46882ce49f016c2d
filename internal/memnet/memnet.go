// Package memnet connects a client and a server in one process, without ports. A goroutine that waits for such a
// connection is durably blocked in the sense of [testing/synctest], so time advances in a bubble that contains both ends.
package memnet

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Listener is a [net.Listener] whose connections are made by Dial.
type Listener struct {
	addr   addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen returns a new listener. host is its address.
func Listen(host string) *Listener {
	return &Listener{addr: addr(host), conns: make(chan net.Conn), closed: make(chan struct{})}
}

var errRefused = errors.New("connection refused")

// Dial returns the client's end of a new connection, after Accept has returned the other end.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	client, server := l.newConns()
	var err error
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		err = errRefused
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, &net.OpError{Op: "dial", Net: l.addr.Network(), Addr: l.addr, Err: err}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. It does not close connections.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return l.addr }

// addr is the address of a listener, and of both ends of its connections.
type addr string

func (a addr) Network() string { return "memory" }
func (a addr) String() string  { return string(a) }
