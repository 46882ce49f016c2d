package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialPipe returns a counting connection and its other end, which discards what it reads.
func dialPipe(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	dial := CountWrites(func(context.Context, string, string) (net.Conn, error) { return near, nil })
	conn, err := dial(t.Context(), "tcp", "host:80")
	require.NoError(t, err)
	return conn.(*Conn), far
}

func TestCountWritesReturnsTheErrorOfTheDial(t *testing.T) {
	want := errors.New("no route")
	conn, err := CountWrites(func(context.Context, string, string) (net.Conn, error) { return nil, want })(t.Context(), "tcp", "host:80")
	assert.Nil(t, conn)
	assert.Equal(t, want, err)
}

func TestFindConn(t *testing.T) {
	conn, far := dialPipe(t)
	found, limit := FindConn(conn)
	assert.Same(t, conn, found)
	assert.Zero(t, limit)
	found, limit = FindConn(tls.Client(conn, &tls.Config{}))
	assert.Same(t, conn, found)
	assert.EqualValues(t, maxAlert, limit)
	found, _ = FindConn(far)
	assert.Nil(t, found)
	found, _ = FindConn(tls.Client(far, &tls.Config{}))
	assert.Nil(t, found)
}

func TestEndWithin(t *testing.T) {
	for _, row := range []struct {
		name    string
		earlier int // bytes of earlier requests
		written int // bytes since
		secure  bool
		want    bool
	}{
		{"nothing written", 0, 0, false, true},
		{"nothing written since an earlier request", 100, 0, false, true},
		{"one byte", 0, 1, false, false},
		{"one byte since an earlier request", 100, 1, false, false},
		{"an alert of TLS", 100, maxAlert, true, true},
		{"more than an alert of TLS", 100, maxAlert + 1, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn, far := dialPipe(t)
			go func() { _, _ = far.Read(make([]byte, row.earlier+row.written+1)) }()
			write := func(n int) {
				if n > 0 {
					_, err := conn.Write([]byte(strings.Repeat("x", n)))
					require.NoError(t, err)
					go func() { _, _ = far.Read(make([]byte, row.earlier+row.written+1)) }()
				}
			}
			write(row.earlier)
			var outer net.Conn = conn
			if row.secure {
				outer = tls.Client(conn, &tls.Config{})
			}
			found, limit := FindConn(outer)
			write(row.written)
			assert.Equal(t, row.want, found.EndWithin(limit))
			if row.want {
				_, err := conn.Write([]byte("x"))
				assert.Error(t, err, "the connection is closed")
				assert.True(t, found.EndWithin(limit), "a write that failed does not count")
			}
		})
	}
}

// A write counts from its begin, since its bytes may arrive before it returns.
func TestEndWithinCountsAWriteThatHasNotReturned(t *testing.T) {
	conn, far := dialPipe(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Write([]byte("xy"))
	}()
	_, err := far.Read(make([]byte, 1))
	require.NoError(t, err)
	assert.False(t, conn.EndWithin(0))
	conn.Close()
	<-done
	assert.False(t, conn.EndWithin(0), "one byte has arrived")
}

// The alert with which TLS ends a connection does not count as a request.
func TestMaxAlert(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		raw, err := CountWrites(new(net.Dialer).DialContext)(t.Context(), "tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		conn := tls.Client(raw, &tls.Config{RootCAs: roots, ServerName: "example.com", MaxVersion: version})
		require.NoError(t, conn.Handshake())
		found, limit := FindConn(conn)
		require.NoError(t, conn.CloseWrite()) // sends the alert
		assert.Greater(t, found.written.Load(), limit-maxAlert, tls.VersionName(version))
		assert.True(t, found.EndWithin(limit), tls.VersionName(version))
	}
}
