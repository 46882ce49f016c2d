package bigv_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What net/http sends again by itself is not seen by a retry policy.

// frames serves HTTP/2 by hand: answer is told of each whole request, the first of
// which is 1, and sends frames. It returns the base URL and a transport for it.
func frames(t *testing.T, answer func(n int, stream uint32, frame func(typ, flags byte, stream uint32, payload []byte))) (string, *http.Transport) {
	t.Helper()
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.StartTLS() // for its certificate
	t.Cleanup(plain.Close)
	cfg := &tls.Config{Certificates: plain.TLS.Certificates, NextProtos: []string{"h2"}}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	var n atomic.Int64
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				preface := make([]byte, 24)
				if _, err := io.ReadFull(r, preface); err != nil {
					return
				}
				var wmu sync.Mutex
				frame := func(typ, flags byte, stream uint32, payload []byte) {
					wmu.Lock()
					defer wmu.Unlock()
					h := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), typ, flags, 0, 0, 0, 0}
					binary.BigEndian.PutUint32(h[5:], stream)
					_, _ = conn.Write(append(h, payload...))
				}
				frame(4, 0, 0, nil)
				for {
					h := make([]byte, 9)
					if _, err := io.ReadFull(r, h); err != nil {
						return
					}
					l := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
					p := make([]byte, l)
					if _, err := io.ReadFull(r, p); err != nil {
						return
					}
					stream := binary.BigEndian.Uint32(h[5:]) & 0x7fffffff
					switch {
					case h[3] == 4 && h[4]&1 == 0:
						frame(4, 1, 0, nil)
					case h[3] == 6 && h[4]&1 == 0:
						frame(6, 1, 0, p)
					case (h[3] == 1 || h[3] == 0) && h[4]&1 == 1: // END_STREAM
						answer(int(n.Add(1)), stream, frame)
					}
				}
			})
		}
	})
	tr := plain.Client().Transport.(*http.Transport).Clone()
	tr.ForceAttemptHTTP2 = true
	tr.TLSClientConfig.ServerName = "example.com"
	return "https://" + ln.Addr().String(), tr
}

// The service does what it is asked to, and resets the stream of its answer.
func TestResetStreams(t *testing.T) {
	for _, code := range []byte{1, 2, 5, 7, 8} { // 1 is a protocol error, 7 a refusal
		for name, op := range map[string]func(context.Context, *bigv.Client) error{
			"with a body":    func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Reset(ctx, www1) },
			"without a body": func(ctx context.Context, c *bigv.Client) error { return c.Do(ctx, "POST", "/x", nil, nil) },
		} {
			t.Run(fmt.Sprintf("%s, code %d", name, code), func(t *testing.T) {
				t.Parallel()
				var done atomic.Int64
				base, transport := frames(t, func(n int, stream uint32, frame func(byte, byte, uint32, []byte)) {
					done.Add(1)
					if n == 1 {
						frame(3, 0, stream, []byte{0, 0, 0, code})
						return
					}
					frame(1, 5, stream, []byte{0x88}) // 200, and the end
				})
				t.Cleanup(transport.CloseIdleConnections)
				client := clientFor(t, base, bigv.WithTransport(transport), bigv.WithToken("t0ken"))
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err := op(ctx, client)
				assert.EqualValues(t, 1, done.Load(), "times it was done")
				require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok)
				assert.Equal(t, 1, e.Attempts)
			})
		}
	}
}

// interim answers with a status line of its own, and then says nothing.
func interim(over <-chan struct{}, line string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 "+line+"\r\n\r\n")
		<-over
	}
}

// A status that ends no call ends this one, and nobody knows what was done.
func TestStatusesThatEndNoCall(t *testing.T) {
	for _, line := range []string{"101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade", "000 x", "099 x"} {
		for name, op := range map[string]func(context.Context, *bigv.Client) error{
			"read": func(ctx context.Context, c *bigv.Client) error {
				_, err := c.VirtualMachines.Get(ctx, www1)
				return err
			},
			"write": func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Reset(ctx, www1) },
			"all": func(ctx context.Context, c *bigv.Client) error {
				for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{}) {
					return err
				}
				return nil
			},
			"login": func(ctx context.Context, c *bigv.Client) error {
				_, err := c.Sessions.Create(ctx, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")})
				return err
			},
		} {
			t.Run(line[:3]+" to a "+name, func(t *testing.T) {
				t.Parallel()
				over := make(chan struct{})
				client := start(t, interim(over, line), tryOnce)
				t.Cleanup(func() { close(over) })
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err := op(ctx, client)
				require.NoError(t, ctx.Err(), "it did not end by itself")
				assert.ErrorContains(t, err, "none that ends a call")
				assert.Equal(t, name == "write" || name == "login", errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			})
		}
	}
}
