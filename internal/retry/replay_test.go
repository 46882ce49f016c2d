package retry

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Types and flags of HTTP/2 frames (RFC 9113, section 6), and the length of their headers.
const (
	frameData      = 0
	frameHeaders   = 1
	frameReset     = 3
	frameSettings  = 4
	frameGoAway    = 7
	flagAck        = 1 // of frameSettings
	flagEndStream  = 1
	flagEndHeaders = 4
	frameHeader    = 9
)

// writeFrame writes an HTTP/2 frame.
func writeFrame(w io.Writer, kind, flags byte, stream uint32, payload ...byte) {
	frame := []byte{0, 0, byte(len(payload)), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(frame[5:], stream)
	_, _ = w.Write(append(frame, payload...))
}

// serveHTTP2 reads HTTP/2 requests from conn and calls respond when one has been read whole.
func serveHTTP2(conn net.Conn, respond func(stream uint32)) {
	if _, err := io.ReadFull(conn, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	writeFrame(conn, frameSettings, 0, 0)
	for {
		header := make([]byte, frameHeader)
		if _, err := io.ReadFull(conn, header); err != nil {
			return
		}
		payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		switch kind, flags := header[3], header[4]; {
		case kind == frameSettings && flags&flagAck == 0:
			writeFrame(conn, frameSettings, flagAck, 0)
		case (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
			respond(binary.BigEndian.Uint32(header[5:]))
		}
	}
}

// newResettingServer returns the URL of an HTTP/2 server that resets its first stream with code and responds 200 to the others, and
// a transport for it. requests counts the requests it has read whole.
func newResettingServer(t *testing.T, code byte, requests *atomic.Int64) (string, *http.Transport) {
	t.Helper()
	return newFailingServer(t, requests, 1, func(conn net.Conn, stream uint32) { writeFrame(conn, frameReset, 0, stream, 0, 0, 0, code) })
}

// newFailingServer returns the URL of an HTTP/2 server that calls fail for the request with this number, counted from 1, and responds
// 200 to the others, and a transport for it. requests counts the requests it has read whole.
func newFailingServer(t *testing.T, requests *atomic.Int64, number int64, fail func(net.Conn, uint32)) (string, *http.Transport) {
	t.Helper()
	certified := httptest.NewUnstartedServer(http.NotFoundHandler())
	certified.StartTLS()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	base := transport.New()
	base.TLSClientConfig = certified.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	base.TLSClientConfig.ServerName = "example.com"
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				<-done
				conn.Close()
			})
			wg.Go(func() {
				serveHTTP2(conn, func(stream uint32) {
					if requests.Add(1) == number {
						fail(conn, stream)
						return
					}
					const status200 = 0x88
					writeFrame(conn, frameHeaders, flagEndHeaders|flagEndStream, stream, status200)
				})
			})
		}
	})
	t.Cleanup(func() {
		base.CloseIdleConnections()
		close(done)
		ln.Close()
		certified.Close()
		wg.Wait()
	})
	return "https://" + ln.Addr().String(), base
}

// net/http repeats some requests over HTTP/2 by itself. A request that is not idempotent is sent once all the same.
func TestRequestsThatNetHTTPWouldRepeat(t *testing.T) {
	const protocolError, internalError, refusedStream = 1, 2, 7
	for _, code := range []byte{protocolError, internalError, refusedStream} {
		for _, body := range []string{"", `{"x":1}`} {
			t.Run(fmt.Sprintf("code %d, body %q", code, body), func(t *testing.T) {
				var requests atomic.Int64
				url, base := newResettingServer(t, code, &requests)
				req := newTestRequest(t, url, NonIdempotent)
				req.Body = []byte(body)
				resp, err := do(t.Context(), newTestClient(base, quick), req)
				assert.Error(t, err)
				assert.True(t, resp.OutcomeUnknown)
				assert.Equal(t, 1, resp.Attempts)
				assert.EqualValues(t, 1, requests.Load())
				if code == protocolError {
					assert.NotContains(t, err.Error(), "GetBody")
				}
			})
		}
	}
}

// With GOAWAY a server says which requests it does not process. This pins the text by which net/http reports it. The text is the same
// for a GOAWAY with an error code, unless the request is the first of its connection.
func TestGoAway(t *testing.T) {
	const requestStream = 3 // after another request
	for _, row := range []struct {
		name        string
		first       bool // the request is the first of its connection
		lastStream  byte
		code        byte
		idempotency Idempotency
		attempts    int
		unknown     bool
	}{
		{"excluded by a shutdown, safe", false, requestStream - 2, 0, Safe, 1, false}, // net/http repeats it
		{"excluded by a shutdown, idempotent", false, requestStream - 2, 0, Idempotent, 2, false},
		{"excluded by a shutdown, non-idempotent", false, requestStream - 2, 0, NonIdempotent, 2, false},
		{"excluded by a shutdown, first request", true, 0, 0, NonIdempotent, 2, false},
		{"excluded by an error", false, requestStream - 2, 1, NonIdempotent, 2, false},
		{"excluded by an error, first request", true, 0, 1, NonIdempotent, 1, true},
		{"included in a shutdown", false, requestStream, 0, NonIdempotent, 1, true},
		{"included in an error", false, requestStream, 2, NonIdempotent, 1, true},
		{"included in a shutdown, first request", true, 1, 0, NonIdempotent, 1, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			var requests atomic.Int64
			number := int64(2)
			if row.first {
				number = 1
			}
			url, base := newFailingServer(t, &requests, number, func(conn net.Conn, _ uint32) {
				writeFrame(conn, frameGoAway, 0, 0, 0, 0, 0, row.lastStream, 0, 0, 0, row.code)
				conn.Close()
			})
			client := newTestClient(base, Policy{MaxAttempts: 3, MinWait: time.Hour, MaxWait: time.Hour})
			if !row.first {
				_, err := do(t.Context(), client, newTestRequest(t, url, Safe))
				require.NoError(t, err)
			}
			req := newTestRequest(t, url, row.idempotency)
			if row.idempotency != Safe {
				req.Body = []byte("{}")
			}
			resp, err := do(t.Context(), client, req)
			assert.Equal(t, row.unknown, err != nil, "%v", err)
			assert.Equal(t, row.unknown, resp.OutcomeUnknown)
			assert.Equal(t, row.attempts, resp.Attempts)
			want := number + 1
			if row.unknown {
				want = number
			}
			assert.Equal(t, want, requests.Load(), "requests sent")
		})
	}
}

func TestIdempotentRequestsAreRepeated(t *testing.T) {
	for _, idempotency := range []Idempotency{Safe, Idempotent} {
		var requests atomic.Int64
		url, base := newResettingServer(t, 1, &requests)
		resp, err := do(t.Context(), newTestClient(base, quick), newTestRequest(t, url, idempotency))
		require.NoError(t, err)
		assert.Equal(t, 200, resp.StatusCode)
		assert.EqualValues(t, 2, requests.Load())
	}
}
