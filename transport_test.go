package bigv_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// carrier is a transport of the caller's, of a type that cannot be compared.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// A transport may be anything: what it does not tell is taken for the worst.
func TestForeignTransport(t *testing.T) {
	for _, row := range []struct {
		name     string
		carry    carrier
		attempts int
		unknown  bool
		says     string
	}{
		{"an error without a trace may come after the work", func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") }, 1, true, "lost"},
		{"an error of dialing does not", func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route")}
		}, 3, false, "no route"},
		{"a bad certificate comes before anything is written, and again", func(*http.Request) (*http.Response, error) {
			return nil, x509.UnknownAuthorityError{}
		}, 1, false, "unknown authority"},
		{"so does a first record that is no TLS", func(*http.Request) (*http.Response, error) {
			return nil, tls.RecordHeaderError{Msg: "no TLS", Conn: &net.TCPConn{}}
		}, 1, false, "no TLS"},
		{"a later one may come after the work", func(*http.Request) (*http.Response, error) { return nil, tls.RecordHeaderError{Msg: "no TLS"} }, 1, true, "no TLS"},
		{"neither an answer nor an error", func(*http.Request) (*http.Response, error) { return nil, nil }, 1, true, "neither an answer nor an error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var carried atomic.Int64
			client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(carrier(func(r *http.Request) (*http.Response, error) {
				carried.Add(1)
				return row.carry(r)
			})))
			err := client.VirtualMachines.Reset(t.Context(), www1)
			assert.ErrorContains(t, err, row.says)
			assert.Equal(t, row.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, row.attempts, e.Attempts)
			assert.EqualValues(t, row.attempts, carried.Load())
		})
	}
	t.Run("an answer without a body", func(t *testing.T) {
		client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(carrier(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Request: r, ProtoMajor: 1}, nil
		})))
		assert.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	})
}

func TestTransportIsToldOfTheCall(t *testing.T) {
	var told []bigv.Call
	tell := carrier(func(r *http.Request) (*http.Response, error) {
		call, ok := bigv.CallFromContext(r.Context())
		if !ok {
			return nil, errors.New("not told")
		}
		told = append(told, call)
		return http.DefaultTransport.RoundTrip(r)
	})
	client := start(t, answerWell, bigv.WithTransport(tell))
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	require.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	byClient, err := client.With(bigv.WithHTTPClient(&http.Client{Transport: tell}))
	require.NoError(t, err)
	require.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	require.NoError(t, byClient.VirtualMachines.Reset(t.Context(), www1))
	want := bigv.Call{Operation: "reset virtual machine", Method: "POST", Route: "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/signal"}
	assert.Equal(t, []bigv.Call{want, want, want}, told)
	_, ok := bigv.CallFromContext(t.Context())
	assert.False(t, ok)
}

// A connection was made and the headers did not all go: what went may yet arrive.
func TestSilenceWithinTheHeaders(t *testing.T) {
	over := make(chan struct{})
	address := listen(t, func(net.Conn) { <-over })
	t.Cleanup(func() { close(over) })
	client := clientFor(t, "http://"+address, bigv.WithToken("t0ken"), bigv.WithTransport(&http.Transport{DialContext: narrow}),
		bigv.WithTimeouts(bigv.Timeouts{Header: time.Second, Idle: time.Minute}))
	err := client.VirtualMachines.Reset(t.Context(), www1, bigv.WithHeader("X-Large", strings.Repeat("x", 2<<20)))
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 1, e.Attempts)
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	require.True(t, ok, "%v", err)
	assert.True(t, timeout.Timeout())
}

// What is no TLS after the request is a connection that is lost, not a place
// that does not speak it.
func TestGarbageAfterTheRequest(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(answerWell))
	t.Cleanup(srv.Close)
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
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, d := range deeds {
		client := clientFor(t, "https://"+address, bigv.WithToken("t0ken"), bigv.WithTransport(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}))
		err := d.call(t.Context(), client)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, d.name)
		assert.Equal(t, map[int]int{safe: 3, repeatable: 3, once: 1}[d.class], e.Attempts, d.name)
		assert.Equal(t, d.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "%s: %v", d.name, err)
	}
}

// What the transport told of one attempt says nothing of the next.
func TestEachAttemptIsJudgedByItself(t *testing.T) {
	for _, row := range []struct {
		name    string
		second  error // of the attempt that follows a 503
		unknown bool
	}{
		{"nothing written", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route")}, false},
		{"nothing told", errors.New("lost"), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			transport := &http.Transport{}
			var attempts atomic.Int64
			client := start(t, replying(503, "", "Retry-After", "0"), bigv.WithTransport(carrier(func(r *http.Request) (*http.Response, error) {
				if attempts.Add(1) == 1 {
					return transport.RoundTrip(r)
				}
				return nil, row.second
			})))
			t.Cleanup(transport.CloseIdleConnections)
			err := create(t.Context(), client)
			assert.Equal(t, row.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			assert.NotErrorIs(t, err, bigv.ErrUnavailable, "the last attempt is what is told of")
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, map[bool]int{true: 2, false: 3}[row.unknown], e.Attempts)
		})
	}
}
