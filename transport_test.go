package bigv_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// errDial is the error of a transport that could not connect.
var errDial = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route")}

// A custom transport need not support httptrace. Where it does not report how far a request came, the worst is assumed.
func TestCustomTransport(t *testing.T) {
	fail := func(err error) roundTripper {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	for _, tt := range []struct {
		name      string
		transport roundTripper
		attempts  int
		unknown   bool
		message   string
	}{
		{"an unknown error may come after the work was done", fail(errors.New("lost")), 1, true, "lost"},
		{"an error of dialing comes before", fail(errDial), 3, false, "no route"},
		{"a bad certificate comes before, and would come again", fail(x509.UnknownAuthorityError{}), 1, false, "unknown authority"},
		{"so does a first record that is not TLS", fail(tls.RecordHeaderError{Msg: "no TLS", Conn: &net.TCPConn{}}), 1, false, "no TLS"},
		{"a later record that is not TLS may come after", fail(tls.RecordHeaderError{Msg: "no TLS"}), 1, true, "no TLS"},
		{"neither a response nor an error", fail(nil), 1, true, "neither a response nor an error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int64
			counting := roundTripper(func(r *http.Request) (*http.Response, error) {
				calls.Add(1)
				return tt.transport(r)
			})
			client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(counting))
			err := client.VirtualMachines.Reset(t.Context(), www1)
			assert.ErrorContains(t, err, tt.message)
			assert.Equal(t, tt.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, tt.attempts, e.Attempts)
			assert.EqualValues(t, tt.attempts, calls.Load())
		})
	}
	t.Run("a response without a body", func(t *testing.T) {
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Request: r, ProtoMajor: 1}, nil
		})
		client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(transport))
		assert.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	})
}

func TestCallFromContext(t *testing.T) {
	var calls []bigv.Call
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		call, ok := bigv.CallFromContext(r.Context())
		if !ok {
			return nil, errors.New("the context has no call")
		}
		calls = append(calls, call)
		return http.DefaultTransport.RoundTrip(r)
	})
	client := start(t, nil, bigv.WithTransport(transport))
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	require.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	derived, err := client.With(bigv.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	require.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	require.NoError(t, derived.VirtualMachines.Reset(t.Context(), www1))
	want := bigv.Call{
		Operation: "reset virtual machine", Method: "POST",
		Route: "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/signal",
	}
	assert.Equal(t, []bigv.Call{want, want, want}, calls)
	_, ok := bigv.CallFromContext(t.Context())
	assert.False(t, ok, "a context that has no call")
}

// discardBody reads the body of a request. The server notices that the client has gone only after that.
func discardBody(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

// A final response has a status of 200 or more. After any other, nobody knows what was done.
func TestInvalidStatus(t *testing.T) {
	for _, statusLine := range []string{"101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade", "000 x", "099 x"} {
		for name, call := range map[string]func(context.Context, *bigv.Client) error{
			"read":  get,
			"write": func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Reset(ctx, www1) },
			"all": func(ctx context.Context, c *bigv.Client) error {
				for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{}) {
					return err
				}
				return nil
			},
			"login": func(ctx context.Context, c *bigv.Client) error {
				return errorOf(c.Sessions.Create(ctx, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")}))
			},
		} {
			t.Run(statusLine[:3]+" for a "+name, func(t *testing.T) {
				t.Parallel()
				finished := make(chan struct{})
				client := start(t, func(w http.ResponseWriter, _ *http.Request) {
					if conn, ok := hijack(w); ok {
						defer conn.Close()
						_, _ = io.WriteString(conn, "HTTP/1.1 "+statusLine+"\r\n\r\n")
						<-finished
					}
				}, once)
				t.Cleanup(func() { close(finished) })
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := call(ctx, client)
				require.NoError(t, ctx.Err(), "the call must not wait for more")
				assert.ErrorContains(t, err, "not a final status")
				assert.Equal(t, name == "write" || name == "login", errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			})
		}
	}
}

// Requests through the transport of net/http share a header. Others get one of their own, which they may change.
func TestCustomTransportMayChangeTheHeader(t *testing.T) {
	var seen [][]string
	base := bigv.NewTransport()
	t.Cleanup(base.CloseIdleConnections)
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Values("X-Call"))
		fakeserver.Respond(200, `{"id":41}`)(w, r)
	}, bigv.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
		req.Header.Add("X-Call", "1")
		return base.RoundTrip(req)
	})))
	for range 2 {
		_, err := client.Accounts.Get(t.Context(), bigv.AccountID(41))
		require.NoError(t, err)
	}
	assert.Equal(t, [][]string{{"1"}, {"1"}}, seen)
}
