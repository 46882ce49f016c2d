package bigv_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startTLS starts a server of HTTPS that counts the requests. It does not log handshakes that fail.
func startTLS(t *testing.T, config *tls.Config) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var arrived atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		fakeserver.Service(w, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = config
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv, &arrived
}

// rootsOf returns the certificates by which a server is trusted.
func rootsOf(srv *httptest.Server) *x509.CertPool {
	return srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
}

// TestConnectionFailures tests failures before the service has read a request. The first connections go to a bad address, the
// following ones to a good server.
func TestConnectionFailures(t *testing.T) {
	good, arrived := startTLS(t, nil)
	roots := rootsOf(good)
	outdated, _ := startTLS(t, &tls.Config{MaxVersion: tls.VersionTLS11})
	plain := fakeserver.New(t, nil)
	plainAddress := strings.TrimPrefix(plain.URL(), "http://")

	for _, tt := range []struct {
		name          string
		badAddress    func(*testing.T) string
		host          string // in the base URL, unless it is 127.0.0.1
		plainHTTP     bool   // the good server is the one without TLS
		roots         *x509.CertPool
		nonIdempotent callResult
		others        callResult
		unknownAtLast bool
	}{
		{name: "connection refused", roots: roots, badAddress: func(*testing.T) string { return "127.0.0.1:1" }},
		{name: "TLS handshake failed", roots: roots, badAddress: func(*testing.T) string { return outdated.Listener.Addr().String() }},
		{name: "connection closed in the TLS handshake", roots: roots,
			badAddress: func(t *testing.T) string { return listen(t, func(net.Conn) {}) }},
		{name: "connection closed before the request was read", plainHTTP: true, nonIdempotent: unknown, unknownAtLast: true,
			badAddress: func(t *testing.T) string {
				return listen(t, func(conn net.Conn) {
					_, _ = conn.Read(make([]byte, 1)) // the rest is lost with the connection
				})
			}},
		{name: "unknown certificate", nonIdempotent: fails, others: fails,
			badAddress: func(*testing.T) string { return good.Listener.Addr().String() }},
		{name: "certificate of another host", roots: roots, host: "localhost.localdomain", nonIdempotent: fails, others: fails,
			badAddress: func(*testing.T) string { return good.Listener.Addr().String() }},
		{name: "plain HTTP instead of TLS", roots: roots, nonIdempotent: fails, others: fails,
			badAddress: func(*testing.T) string { return plainAddress }},
	} {
		for _, op := range operations {
			want := tt.others
			if op.class == nonIdempotent {
				want = tt.nonIdempotent
			}
			for _, failures := range []int64{1, int64(quick.MaxAttempts)} {
				t.Run(fmt.Sprintf("%s/%s/%d failures", tt.name, op.name, failures), func(t *testing.T) {
					host := "127.0.0.1"
					if tt.host != "" {
						host = tt.host
					}
					goodAddress, url := good.Listener.Addr().String(), "https://"+host
					if tt.plainHTTP {
						goodAddress, url = plainAddress, "http://"+host
					}
					badAddress := tt.badAddress(t)
					var dials atomic.Int64
					dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
						address := goodAddress
						if dials.Add(1) <= failures {
							address = badAddress
						}
						return (&net.Dialer{}).DialContext(ctx, network, address)
					}
					transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: tt.roots}, DialContext: dial}
					var log attemptLog
					client := clientFor(t, url, bigv.WithToken("t0ken"), bigv.WithTransport(transport), log.option())
					arrived.Store(0)
					plain.Reset()
					err := op.call(t.Context(), client)
					attempts := 1
					switch {
					case want == retries && failures == 1:
						require.NoError(t, err)
						log.assertRetries(t, 2)
						return
					case want == retries:
						attempts = quick.MaxAttempts
					}
					require.Error(t, err)
					assert.Zero(t, arrived.Load()+int64(len(plain.Requests())), "requests that arrived")
					wantUnknown := (want == unknown || tt.unknownAtLast) && op.class != safe
					assert.Equal(t, wantUnknown, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
					wantNotDone := op.class != safe && !wantUnknown
					assert.Equal(t, wantNotDone, strings.Contains(err.Error(), notDoneText), "%v", err)
					e, ok := errors.AsType[*bigv.Error](err)
					require.True(t, ok)
					assert.Equal(t, attempts, e.Attempts)
					assert.Zero(t, e.StatusCode)
					log.assertRetries(t, attempts)
				})
			}
		}
	}
}

// If the response to a request over TLS is not TLS, the connection was lost. The server must not be taken for one of plain HTTP.
func TestPlainTextAfterTLSRequest(t *testing.T) {
	srv, _ := startTLS(t, nil)
	address := listen(t, func(conn net.Conn) {
		secure := tls.Server(conn, &tls.Config{Certificates: srv.TLS.Certificates})
		request, err := http.ReadRequest(bufio.NewReader(secure))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	})
	for _, op := range operations {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: rootsOf(srv)}}
		client := clientFor(t, "https://"+address, bigv.WithToken("t0ken"), bigv.WithTransport(transport))
		err := op.call(t.Context(), client)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, op.name)
		attempts := quick.MaxAttempts
		if op.class == nonIdempotent {
			attempts = 1
		}
		assert.Equal(t, attempts, e.Attempts, op.name)
		assert.Equal(t, op.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "%s: %v", op.name, err)
	}
}

// countConnections starts a server that counts the connections made to it.
func countConnections(t *testing.T, handler http.HandlerFunc) (url string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL, connections
}
