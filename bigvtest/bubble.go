package bigvtest

import (
	"cmp"
	"context"
	"errors"
	"net"
	"time"

	"github.com/bigv-go/bigv/internal/memnet"
	"github.com/bigv-go/bigv/internal/transport"
)

// memoryHost is the host in the URL of a server in a synctest bubble. It cannot be resolved (RFC 6761).
const memoryHost = "bigvtest.invalid"

// inBubble reports whether the caller runs in a synctest bubble, where times have no monotonic clock
// reading.
func inBubble() bool {
	now := time.Now()
	return now == now.Round(0)
}

// listen returns the listener of the server: in memory inside a synctest bubble, whose time would not
// advance while a goroutine waits for a connection of the operating system.
func (s *settings) listen() (net.Listener, error) {
	if !inBubble() {
		return net.Listen("tcp", cmp.Or(s.address, "127.0.0.1:0"))
	}
	if s.address != "" {
		return nil, errors.New("WithListenAddress cannot be used in a synctest bubble")
	}
	return memnet.Listen(memoryHost), nil
}

// dialFunc returns a function that connects to a listener in memory. It connects to other addresses
// with dial.
func dialFunc(memory *memnet.Listener, dial transport.DialFunc) transport.DialFunc {
	return transport.CountWrites(func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); host == memoryHost {
			return memory.Dial(ctx)
		}
		return dial(ctx, network, address)
	})
}
