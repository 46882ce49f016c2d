package bigv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"syscall"
	"testing"
	"unsafe"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hidingError is an error of a transport whose text does not show the error that it wraps.
type hidingError struct{ err error }

func (e hidingError) Error() string { return "the transport failed" }

func (e hidingError) Unwrap() error { return e.err }

// hidingErrors is a hidingError that wraps several errors.
type hidingErrors []error

func (e hidingErrors) Error() string { return "the transport failed" }

func (e hidingErrors) Unwrap() []error { return e }

// No secret can be reached through a redacted error, by reflection or by unwrapping. errors.Is and errors.As find what callers
// distinguish.
func TestRedactedErrors(t *testing.T) {
	timeout := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	for _, tt := range []struct {
		name    string
		cause   error
		is      error
		timeout bool // errors.As finds a net.Error that is a timeout
		net     bool // errors.As finds a net.Error
	}{
		{"any error", fmt.Errorf("rejected %s", markedToken), nil, false, false},
		{"a wrapped error", fmt.Errorf("failed: %w", fmt.Errorf("rejected %s", markedToken)), nil, false, false},
		{"an error that hides another", hidingError{fmt.Errorf("rejected %s", markedToken)}, nil, false, false},
		{"an error that hides one of several", hidingErrors{io.EOF, errors.New(markedToken)}, nil, false, false},
		{"a timeout", fmt.Errorf("sending %s: %w", markedToken, timeout), nil, true, true},
		{"a network error", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Name: markedToken, Err: "no such host"}},
			nil, false, true},
		{"an error of the system", fmt.Errorf("sending %s: %w", markedToken, &net.OpError{Op: "read", Err: syscall.EINVAL}),
			syscall.EINVAL, false, true},
		{"an error of a URL", &url.Error{Op: "Get", URL: "https://x/?t=" + markedToken, Err: timeout}, nil, true, true},
		{"a URL with a password", &url.Error{Op: "Get", URL: "https://me:" + marker + "@proxy", Err: io.EOF}, nil, false, true},
		{"an unexpected end", fmt.Errorf("%w after %s", io.ErrUnexpectedEOF, markedToken), io.ErrUnexpectedEOF, false, false},
		{"a cancellation", fmt.Errorf("%s: %w", markedToken, context.Canceled), context.Canceled, false, false},
		{"a deadline", fmt.Errorf("%s: %w", markedToken, context.DeadlineExceeded), context.DeadlineExceeded, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var attempts attemptLog
			failing := roundTripper(func(*http.Request) (*http.Response, error) { return nil, tt.cause })
			client := clientFor(t, "http://127.0.0.1", bigv.WithToken(markedToken), bigv.WithTransport(failing), once, attempts.option())
			err := client.VirtualMachines.Reset(t.Context(), www1)
			require.Error(t, err)
			for where, err := range map[string]error{"call": err, "hook": attempts.all()[0].Err} {
				assertRedacted(t, where, err)
				for e := err; e != nil; e = errors.Unwrap(e) {
					assert.Empty(t, findMarkers(e.Error()+dump(reflect.ValueOf(e), map[unsafe.Pointer]bool{}, 0)), where)
				}
				if tt.is != nil {
					assert.ErrorIs(t, err, tt.is, where)
				}
				netError, ok := errors.AsType[net.Error](err)
				assert.Equal(t, tt.net, ok, "%s is a net.Error", where)
				if ok {
					assert.Equal(t, tt.timeout, netError.Timeout(), where)
				}
			}
		})
	}
}

// Both tokens are redacted when the service rejects one, and repeats it when it rejects the other.
func TestRedactionAfterRenewal(t *testing.T) {
	const first, second = marker + "-first-t0ken", marker + "-second-t0ken"
	for _, last := range []int{200, 401, 403, 500} {
		for name, source := range map[string]bigv.TokenSourceFunc{
			"another token": func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
				if rejected.IsZero() {
					return bigv.NewSecret(first), nil
				}
				return bigv.NewSecret(second), nil
			},
			"no other token": func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
				if rejected.IsZero() {
					return bigv.NewSecret(first), nil
				}
				return bigv.Secret{}, fmt.Errorf("no token but %s", rejected.Reveal())
			},
		} {
			var captured bytes.Buffer
			var attempts attemptLog
			client := start(t, sequence(fakeserver.Respond(401, "rejected "+first), fakeserver.Respond(last, "<p>"+first+" and "+second)))
			client, err := client.With(bigv.WithTokenSource(source), once, bigv.WithCapture(&captured), attempts.option())
			require.NoError(t, err)
			err = get(t.Context(), client)
			require.Error(t, err)
			assert.Empty(t, findMarkers(printedError(err)+captured.String()+printedValues(attempts.all())), "%s, %d", name, last)
		}
	}
}

// The error of a base URL that cannot be parsed shows no password, which may look like a port.
func TestPasswordInBaseURL(t *testing.T) {
	for _, address := range []string{
		"https://alice:" + marker + "@host", "https://alice:" + marker + "/x@host", "https://alice:" + marker + "#x@host",
		"https://alice:" + marker + "?@host", "https://alice:" + marker + "%zz@host", "https://alice:" + marker + " x@host",
		"https://alice:" + marker + "%40host", "https://alice:" + marker + "\x7f@host",
		"https://" + marker + "@host", "alice:" + marker + "@host",
	} {
		for name, option := range map[string]func(string) bigv.Option{
			"base URL": bigv.WithBaseURL, "authentication URL": bigv.WithAuthURL,
		} {
			_, err := bigv.NewClient(option(address))
			require.ErrorContains(t, err, name+" contains a user name or password: use WithCredentials", address)
			assert.Empty(t, findMarkers(printedError(err)), address)
		}
	}
	_, err := bigv.NewClient(bigv.WithBaseURL("https://host/a%40b"))
	assert.NoError(t, err, "an escaped path")
}

// The context that hooks and transports get for the read that follows a write shows no secret of the write.
func TestContextShowsNoSecret(t *testing.T) {
	var shown []string
	responses := fakeserver.Responses{"PUT /users/alice": "200", "GET /users/alice": `{"id":7,"username":"alice"}`}
	client := start(t, fakeserver.Table(t, responses),
		bigv.WithAttemptHook(func(ctx context.Context, _ bigv.Attempt) {
			shown = append(shown, fmt.Sprintf("%v %+v %#v", ctx, ctx, ctx)+dump(reflect.ValueOf(ctx), map[unsafe.Pointer]bool{}, 0))
		}))
	ctx := context.WithoutCancel(t.Context()) // a cancellable one refers to contexts that net/http is changing
	_, err := client.Users.Update(ctx, "alice", bigv.UserUpdate{Password: bigv.NewSecret(markedSecret)})
	require.NoError(t, err)
	require.Len(t, shown, 2, "attempts")
	for _, text := range shown {
		assert.Empty(t, findMarkers(text))
	}
}

// A secret that the client knows is redacted from the URL of a request, in which the caller has put it.
func TestRedactionOfURLs(t *testing.T) {
	var log, captured bytes.Buffer
	client := start(t, fakeserver.Respond(409, "no"), bigv.WithCapture(&captured), bigv.WithLogger(slog.New(slog.NewTextHandler(&log,
		&slog.HandlerOptions{Level: slog.LevelDebug}))))
	client, err := client.With(bigv.WithToken(markedToken))
	require.NoError(t, err)
	err = client.Do(t.Context(), "GET", "/x?token="+markedToken, nil, nil)
	require.ErrorContains(t, err, "/x?token=[redacted]")
	assert.Empty(t, findMarkers(printedError(err)))
	assert.Contains(t, log.String(), "/x?token=[redacted]")
	assert.Empty(t, findMarkers(log.String()))
	assert.Contains(t, captured.String(), "/x?token=[redacted]")
	assert.Empty(t, findMarkers(captured.String()))
}

// The reads that follow a creation may repeat its only secret.
func TestOnlySecretOfACreationIsRedactedFromReads(t *testing.T) {
	vm := newMachine("www1")
	vm.Image = &bigv.Image{Distribution: "trusty", RootPassword: bigv.NewSecret(markedSecret)}
	for name, call := range map[string]func(*bigv.Client) error{
		"FindOrCreate": func(c *bigv.Client) error {
			_, _, err := c.VirtualMachines.FindOrCreate(t.Context(), web, vm, pollQuickly(nil))
			return err
		},
		"CreateAndWait": func(c *bigv.Client) error {
			_, err := c.VirtualMachines.CreateAndWait(t.Context(), web, vm, pollQuickly(nil))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			srv.Account("acme").Group("web")
			refused := bigvtest.Fault{Method: http.MethodGet, Times: -1, Status: http.StatusForbidden, Body: "no " + markedSecret}
			if name == "FindOrCreate" {
				refused.Skip = 1
				srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
			}
			srv.Inject(refused)
			err := call(srv.Client())
			require.ErrorContains(t, err, "[redacted]")
			assert.Empty(t, findMarkers(printedError(err)))
		})
	}
}
