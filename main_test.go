package bigv_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is still running after the tests. A connection that was not closed has two. It does not start the tests
// if the methods of the services cannot be called, because many tests would fail for this one reason.
func TestMain(m *testing.M) {
	if reason := checkMethods(); reason != "" {
		fmt.Println(reason)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent")) // of js/wasm
}

// quick is a retry policy with short waits.
var quick = bigv.RetryPolicy{MaxAttempts: 3, MinWait: 50 * time.Microsecond, MaxWait: time.Millisecond}

// start starts a server with a handler and returns a client of it: see newClient. A nil handler is fakeserver.Service.
func start(t *testing.T, handler http.HandlerFunc, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	return newClient(t, fakeserver.New(t, handler), opts...)
}

// newClient returns a client that calls a fake server and logs in there, with the token t0ken and quick retries.
func newClient(t *testing.T, srv *fakeserver.Server, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	defaults := []bigv.Option{bigv.WithToken("t0ken")}
	if strings.HasPrefix(srv.URL(), "https:") {
		defaults = append(defaults, bigv.WithHTTPClient(srv.HTTPClient()))
	}
	return clientFor(t, srv.URL(), append(defaults, opts...)...)
}

// clientFor returns a client of the server at a URL, for the API and for logging in, without credentials and with quick retries.
func clientFor(t *testing.T, url string, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	client, err := bigv.NewClient(
		append([]bigv.Option{bigv.WithBaseURL(url), bigv.WithAuthURL(url), bigv.WithRetryPolicy(quick)}, opts...)...,
	)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// attemptLog records the attempts that a client reports to its hook.
type attemptLog struct {
	mu       sync.Mutex
	attempts []bigv.Attempt
}

// option returns the option that makes a client report to the log.
func (l *attemptLog) option() bigv.Option {
	return bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.attempts = append(l.attempts, a)
	})
}

// all returns the attempts so far.
func (l *attemptLog) all() []bigv.Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]bigv.Attempt(nil), l.attempts...)
}

// assertRetries asserts that n attempts of one call were reported, each once and in order, and all but the last as retried.
func (l *attemptLog) assertRetries(t *testing.T, n int) {
	t.Helper()
	attempts := l.all()
	if !assert.Len(t, attempts, n, "reported attempts") {
		return
	}
	for i, a := range attempts {
		assert.Equal(t, i+1, a.Number, "number of the attempt")
		assert.Equal(t, i+1 < n, a.Retry, "attempt %d is retried", i+1)
		assert.Positive(t, a.Duration)
		assert.NotEmpty(t, a.Operation)
		assert.NotEmpty(t, a.Method)
		assert.NotEmpty(t, a.Route)
	}
}
