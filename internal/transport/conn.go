package transport

import (
	"context"
	"net"
	"sync/atomic"
)

// Conn is a connection that counts the bytes written to it.
type Conn struct {
	net.Conn
	written atomic.Int64
}

// DialFunc establishes a connection, as in [http.Transport.DialContext].
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// CountWrites returns a dial function whose connections have the type *Conn.
func CountWrites(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &Conn{Conn: conn}, nil
	}
}

// FindConn returns the Conn below a connection that a transport has got, and the
// count of written bytes that it exceeds as soon as a request is written to it. It
// returns nil if there is no Conn.
func FindConn(conn net.Conn) (counting *Conn, limit int64) {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn, limit = secure.NetConn(), maxAlert
	}
	if counting, _ = conn.(*Conn); counting != nil {
		limit += counting.written.Load()
	}
	return counting, limit
}

// maxAlert is more than the size of the alert with which TLS ends a connection, and
// less than the size of any request over TLS.
const maxAlert = 31

// Write implements [io.Writer].
func (c *Conn) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p))) // before they are written, so that no byte is missed
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

// HasExceeded reports whether more than limit bytes have been written to the connection.
func (c *Conn) HasExceeded(limit int64) bool { return c.written.Load() > limit }

// EndWithin closes the connection if at most limit bytes have been written to it, and
// reports whether that is so. It is called after a request has failed, when net/http
// does not use the connection any more.
func (c *Conn) EndWithin(limit int64) bool {
	if c.HasExceeded(limit) {
		return false
	}
	_ = c.Close() // a write that has not begun cannot succeed now
	return !c.HasExceeded(limit)
}
