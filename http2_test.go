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
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The parts of HTTP/2 frames that the server below needs (RFC 9113, section 6).
const (
	frameData, frameHeaders, frameRSTStream, frameSettings, framePing = 0, 1, 3, 4, 6

	flagEndStream, flagAck, flagEndHeaders = 1, 1, 4
)

// http2Frame is a frame of HTTP/2.
type http2Frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (f http2Frame) write(w io.Writer) error {
	n := len(f.payload)
	header := []byte{byte(n >> 16), byte(n >> 8), byte(n), f.kind, f.flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(header[5:], f.stream)
	_, err := w.Write(append(header, f.payload...))
	return err
}

func readHTTP2Frame(r io.Reader) (http2Frame, error) {
	header := make([]byte, 9)
	if _, err := io.ReadFull(r, header); err != nil {
		return http2Frame{}, err
	}
	payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
	_, err := io.ReadFull(r, payload)
	return http2Frame{header[3], header[4], binary.BigEndian.Uint32(header[5:]) & 0x7fffffff, payload}, err
}

// http2Server serves HTTP/2 by hand: respond returns the frame to send for the n-th complete request, counted from 1. It returns the
// base URL and a transport that trusts the server.
func http2Server(t *testing.T, respond func(n int64, stream uint32) http2Frame) (string, *http.Transport) {
	t.Helper()
	certified, _ := startTLS(t, nil)
	config := &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}}
	var count atomic.Int64
	address := listen(t, func(plain net.Conn) {
		conn := tls.Server(plain, config)
		reader := bufio.NewReader(conn)
		if _, err := io.ReadFull(reader, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		err := http2Frame{kind: frameSettings}.write(conn)
		for err == nil {
			var frame http2Frame
			if frame, err = readHTTP2Frame(reader); err != nil {
				return
			}
			switch {
			case frame.kind == frameSettings && frame.flags&flagAck == 0:
				err = http2Frame{kind: frameSettings, flags: flagAck}.write(conn)
			case frame.kind == framePing && frame.flags&flagAck == 0:
				err = http2Frame{kind: framePing, flags: flagAck, payload: frame.payload}.write(conn)
			case (frame.kind == frameHeaders || frame.kind == frameData) && frame.flags&flagEndStream != 0:
				err = respond(count.Add(1), frame.stream).write(conn)
			}
		}
	})
	transport := certified.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	transport.TLSClientConfig.ServerName = "example.com"
	t.Cleanup(transport.CloseIdleConnections)
	return "https://" + address, transport
}

// net/http itself repeats some requests whose stream was reset, although the service may have done the work. No retry policy sees
// that, so the client must prevent it for requests that are not idempotent.
func TestHTTP2StreamReset(t *testing.T) {
	for _, code := range []byte{1, 2, 5, 7, 8} { // 1 is PROTOCOL_ERROR, 7 REFUSED_STREAM
		for name, call := range map[string]func(context.Context, *bigv.Client) error{
			"with a body":    func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Reset(ctx, www1) },
			"without a body": func(ctx context.Context, c *bigv.Client) error { return c.Do(ctx, "POST", "/x", nil, nil) },
		} {
			t.Run(fmt.Sprintf("%s/code %d", name, code), func(t *testing.T) {
				t.Parallel()
				var arrived atomic.Int64
				url, transport := http2Server(t, func(n int64, stream uint32) http2Frame {
					arrived.Add(1)
					if n == 1 {
						return http2Frame{kind: frameRSTStream, stream: stream, payload: []byte{0, 0, 0, code}}
					}
					const status200 = 0x88 // an index of the static table of HPACK
					return http2Frame{kind: frameHeaders, flags: flagEndStream | flagEndHeaders, stream: stream, payload: []byte{status200}}
				})
				client := clientFor(t, url, bigv.WithTransport(transport), bigv.WithToken("t0ken"))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := call(ctx, client)
				assert.EqualValues(t, 1, arrived.Load(), "requests that arrived")
				require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok)
				assert.Equal(t, 1, e.Attempts)
			})
		}
	}
}
