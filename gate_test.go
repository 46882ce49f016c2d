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
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errRefused = errors.New("connection refused")

// refusingService is a transport that refuses requests with a status, or with no connection if it is 0, while refuse is true for their
// URL path. Otherwise it responds with an account.
type refusingService struct {
	mu       sync.Mutex
	status   int
	refuse   func(path string) bool
	requests int
}

func (s *refusingService) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	status, body := 200, `{"id":41,"name":"acme"}`
	if strings.HasPrefix(r.URL.Path, "/session") {
		body = "t0ken"
	}
	if s.refuse(r.URL.Path) {
		if status, body = s.status, "secret of another call"; status == 0 {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errRefused}
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"7"}}, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(body))}, nil
}

func always(string) bool { return true }

// closeGate calls a service that refuses requests until the gate of the client has closed.
func closeGate(t *testing.T, client *bigv.Client) {
	t.Helper()
	for range 6 {
		_, err := client.Accounts.Get(t.Context(), acme)
		require.Error(t, err)
	}
}

// sendsNothing reports whether a call fails without sending a request, given 20 ms, and returns its error.
func sendsNothing(t *testing.T, s *refusingService, client *bigv.Client) (bool, error) {
	t.Helper()
	before := s.requests
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := client.VirtualMachines.Reset(ctx, www1)
	return s.requests == before, err
}

func TestGate(t *testing.T) {
	for _, tt := range []struct {
		status        int
		kind, notKind error
		text          string
	}{
		{503, bigv.ErrUnavailable, bigv.ErrRateLimited, "reset virtual machine www1.web.acme: 503 Service Unavailable: "},
		{429, bigv.ErrRateLimited, bigv.ErrUnavailable, "reset virtual machine www1.web.acme: 429 Too Many Requests: "},
		{0, bigv.ErrUnavailable, bigv.ErrRateLimited, "connection refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log attemptLog
			var lines, captured bytes.Buffer
			s := &refusingService{status: tt.status, refuse: always}
			client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(s), once, log.option(),
				bigv.WithLogger(slog.New(slog.NewTextHandler(&lines, nil))), bigv.WithCapture(&captured))
			closeGate(t, client)
			log.attempts = nil
			lines.Reset()
			captured.Reset()
			notSent, err := sendsNothing(t, s, client)
			assert.True(t, notSent)
			require.ErrorIs(t, err, tt.kind)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, tt.notKind)
			require.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
			require.ErrorContains(t, err, tt.text)
			require.ErrorContains(t, err, "not sent: the service refused the last 6 requests, and no probe has succeeded for 20ms")
			require.NotContains(t, err.Error(), "another call")
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Zero(t, e.Attempts)
			assert.Empty(t, e.Body)
			assert.Equal(t, tt.status != 0, e.RetryAfter == 7*time.Second)
			require.Len(t, log.all(), 1)
			attempt := log.all()[0]
			assert.True(t, attempt.NotSent)
			assert.Equal(t, 20*time.Millisecond, attempt.GateWait)
			assert.ErrorContains(t, attempt.Err, "not sent")
			assert.Contains(t, lines.String(), `level=WARN msg="bigv: request not sent"`)
			assert.Contains(t, lines.String(), "gate_wait=20ms")
			assert.Contains(t, captured.String(), "! not sent: ")
			assert.NotContains(t, captured.String(), "> POST")

			// A call that has time waits for the probe, and reports how long.
			s.refuse = func(string) bool { return false }
			log.attempts = nil
			_, err = client.Accounts.Get(t.Context(), acme)
			require.NoError(t, err)
			attempt = log.all()[0]
			assert.False(t, attempt.NotSent)
			assert.Positive(t, attempt.GateWait)
		})
	}
}

// Derived clients have the gate of their parent, unless they call another service or have an option for it.
func TestGateOfDerivedClients(t *testing.T) {
	s := &refusingService{status: 503, refuse: always}
	for _, tt := range []struct {
		name   string
		option bigv.Option
		shared bool
	}{
		{"another token", bigv.WithToken("other"), true},
		{"another retry policy", once, true},
		{"other timeouts", bigv.WithTimeouts(bigv.Timeouts{Header: time.Second, Idle: time.Second}), true},
		{"another base URL", bigv.WithBaseURL("http://127.0.0.1"), false},
		{"another transport", bigv.WithTransport(s), false},
		{"another wait", bigv.WithGate(time.Second), false},
		{"disabled", bigv.WithGate(0), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(s), once)
				closeGate(t, client)
				derived, err := client.With(tt.option, once)
				require.NoError(t, err)
				notSent, err := sendsNothing(t, s, derived)
				assert.Equal(t, tt.shared, notSent, "%v", err)
			})
		})
	}
	_, err := bigv.NewClient(bigv.WithGate(-1))
	assert.ErrorContains(t, err, "must not be negative")
}

// A client without a gate sends every request.
func TestDisabledGate(t *testing.T) {
	s := &refusingService{status: 503, refuse: always}
	client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(s), once, bigv.WithGate(0))
	for range 100 {
		_, err := client.Accounts.Get(t.Context(), acme)
		require.ErrorIs(t, err, bigv.ErrUnavailable)
	}
	assert.Equal(t, 100, s.requests)
}

// A login waits for a gate of its own, so that neither service is held responsible for the other.
func TestGateOfLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &refusingService{status: 503, refuse: func(path string) bool { return strings.HasPrefix(path, "/session") }}
		client := clientFor(t, "http://localhost", bigv.WithTransport(s), once, bigv.WithCredentials("alice", "passw0rd"))
		closeGate(t, client)
		before := s.requests
		logIn := func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := client.Accounts.Get(ctx, acme)
			require.ErrorContains(t, err, "get account acme: not sent: getting a token: log in")
			require.ErrorIs(t, err, bigv.ErrUnavailable)
			assert.Equal(t, before, s.requests)
		}
		logIn()

		withToken, err := client.With(bigv.WithToken("t0ken"))
		require.NoError(t, err)
		_, err = withToken.Accounts.Get(t.Context(), acme)
		require.NoError(t, err, "the API does not refuse requests")
		before = s.requests
		logIn() // the gate of the API is another one

		s.refuse = func(string) bool { return false }
		_, err = client.Accounts.Get(t.Context(), acme)
		require.NoError(t, err, "not being sent is no refusal of the credentials")
	})
}

// Many goroutines that create machines while the service is down create each machine once.
func TestGateNeverSendsACreateTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		var mu sync.Mutex
		processed := map[string]int{}
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(10 * time.Millisecond)
			status := 503
			if time.Since(started) > 3*time.Second {
				status = 201
				mu.Lock()
				processed[r.URL.Path]++
				mu.Unlock()
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, ContentLength: -1,
				Body: io.NopCloser(strings.NewReader(`{"id":1,"label":"x"}`))}, nil
		})
		client, err := bigv.NewClient(bigv.WithBaseURL("http://localhost"), bigv.WithToken("t0ken"), bigv.WithTransport(transport))
		require.NoError(t, err)
		succeeded := map[string]int{}
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				name := fmt.Sprint("vm", i)
				vm := acme.Group("web").VirtualMachine(name)
				_, err := client.Discs.Create(t.Context(), vm, bigv.DiscCreate{Label: "x", Size: 1024})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					succeeded["/accounts/acme/groups/web/virtual_machines/"+name+"/discs"]++
				} else {
					assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
				}
			})
		}
		callers.Wait()
		assert.Equal(t, processed, succeeded)
		assert.Greater(t, len(succeeded), 70, "those that waited for a probe succeed")
		for name, times := range processed {
			assert.Equal(t, 1, times, name)
		}
	})
}
