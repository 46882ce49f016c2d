package bigv_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain fails when a test has left a goroutine behind: every connection has
// two.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick are retries that nobody has to wait for.
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
	client, err := bigv.NewClient(append([]bigv.Option{bigv.WithBaseURL(url), bigv.WithAuthURL(url), bigv.WithRetryPolicy(quick)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// stage is one server for many tests, each of which has a prefix of its paths
// to itself. HTTP/2 handshakes cost too much to have a server a test.
type stage struct {
	srv    *httptest.Server
	opts   []bigv.Option
	next   atomic.Int64
	scenes sync.Map
}

// newStage starts a server of HTTP/1.1 or HTTP/2.
func newStage(t *testing.T, http2 bool) *stage {
	t.Helper()
	s := &stage{}
	s.srv = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if http2 {
		s.srv.EnableHTTP2 = true
		s.srv.StartTLS()
		s.opts = []bigv.Option{bigv.WithHTTPClient(s.srv.Client())}
	} else {
		s.srv.Start()
	}
	t.Cleanup(s.srv.Close)
	s.opts = append(s.opts, bigv.WithToken("t0ken"))
	return s
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	number, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	handler, ok := s.scenes.Load(number)
	if !ok {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	r.URL.Path = "/" + path
	handler.(http.HandlerFunc)(w, r)
}

// play makes a client whose requests the handler answers.
func (s *stage) play(t *testing.T, handler http.HandlerFunc, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	number := strconv.FormatInt(s.next.Add(1), 10)
	s.scenes.Store(number, handler)
	return clientFor(t, s.srv.URL+"/"+number, append(s.opts[:len(s.opts):len(s.opts)], opts...)...)
}

// machineAnswer is the machine that handlers tell of.
const machineAnswer = `{"id":5012,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","group_id":78}`

// answerWell is what a service does that has no trouble.
func answerWell(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && (strings.HasSuffix(r.URL.Path, "s") || strings.HasSuffix(r.URL.Path, "definitions")):
		_, _ = io.WriteString(w, "[]")
	default:
		_, _ = io.WriteString(w, machineAnswer)
	}
}

// replying answers always alike.
func replying(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
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

// watch remembers the attempts of a call.
type watch struct {
	mu       sync.Mutex
	attempts []bigv.Attempt
}

func (w *watch) option() bigv.Option {
	return bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.attempts = append(w.attempts, a)
	})
}

// inOrder asserts that n attempts were told of, each once, and that all but the
// last were followed by another.
func (w *watch) inOrder(t *testing.T, n int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !assert.Len(t, w.attempts, n, "attempts told of") {
		return
	}
	for i, a := range w.attempts {
		assert.Equal(t, i+1, a.Number, "number of the attempt")
		assert.Equal(t, i+1 < n, a.Retry, "attempt %d: another follows", i+1)
		assert.Positive(t, a.Duration)
		assert.NotEmpty(t, a.Operation)
		assert.NotEmpty(t, a.Method)
		assert.NotEmpty(t, a.Route)
	}
}
