package bigv_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This file keeps the helpers of tests that are not converted to internal/fakeserver yet. It is deleted with the last of them.

type (
	args    []any
	answers map[string]string
	sends   []string
)

const then = "\x00"

// exchange is a request as it was on the wire.
type exchange struct {
	method, path, query, body string
	header                    http.Header
}

func (e exchange) String() string {
	text := e.method + " " + e.path
	if e.query != "" {
		text += "?" + e.query
	}
	if e.body != "" {
		text += " " + e.body
	}
	return text
}

// recorder is a service that says what it was told to, or else what any service
// might, and remembers what it was sent.
type recorder struct {
	answers    answers
	everyWrite string // what it says to each request but GET, unless empty

	mu       sync.Mutex
	requests []exchange
	asked    map[string]int
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, exchange{req.Method, req.URL.EscapedPath(), req.URL.RawQuery, string(body), req.Header.Clone()})
	status, answer := r.answer(req.Method + " " + req.URL.EscapedPath())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func (r *recorder) answer(request string) (int, string) {
	text, ok := r.answers[request]
	switch {
	case r.everyWrite != "" && !strings.HasPrefix(request, "GET "):
		text = r.everyWrite
	case !ok:
		text = usualAnswer(request)
	}
	turns := strings.Split(text, then)
	text = turns[min(r.asked[request], len(turns)-1)]
	r.asked[request]++
	digits, body, _ := strings.Cut(text, " ")
	if status, err := strconv.Atoi(digits); err == nil && len(digits) == 3 {
		return status, body
	}
	return http.StatusOK, text
}

// usualAnswer is what a service without surprises says to "METHOD path".
func usualAnswer(request string) string {
	method, path, _ := strings.Cut(request, " ")
	switch {
	case method == http.MethodDelete:
		return "204"
	case method == http.MethodPost:
		return `201 {"id":1}`
	case method == http.MethodGet && isCollection(path):
		return `[]`
	case request == "GET /accounts/acme", request == "GET /accounts/41":
		return `{"id":41,"name":"acme"}`
	case request == "GET /groups/78":
		return `{"id":78,"account_id":41,"name":"web"}`
	case request == "GET /virtual_machines/5012":
		return vm5012
	case request == "GET /discs/900":
		return fakeserver.Disc900
	}
	if id, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:]); err == nil && id > 0 {
		return fmt.Sprintf(`{"id":%d}`, id)
	}
	return `{"id":1}`
}

// isCollection reports whether a GET of a path is answered with a list.
func isCollection(escaped string) bool {
	switch path.Base(escaped) {
	case "accounts", "groups", "virtual_machines", "discs", "users", "privileges":
		return true
	}
	return false
}

// sent is what was on the wire.
func (r *recorder) sent() (requests sends) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, request := range r.requests {
		requests = append(requests, request.String())
	}
	return requests
}

// forget gives the requests, and begins anew.
func (r *recorder) forget() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.requests
	r.requests = nil
	clear(r.asked)
	return requests
}

// newRecorder starts a recorder and makes a client of it, which tries once.
func newRecorder(t *testing.T, answers answers, opts ...bigv.Option) (*recorder, *bigv.Client) {
	t.Helper()
	rec := &recorder{answers: answers, asked: map[string]int{}}
	srv := httptest.NewServer(rec)
	t.Cleanup(srv.Close)
	client, err := bigv.NewClient(append([]bigv.Option{
		bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken"),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return rec, client
}

func legacyMethod(c *bigv.Client, name string) reflect.Value {
	name, _, _ = strings.Cut(name, " ")
	service, name, _ := strings.Cut(name, ".")
	return reflect.ValueOf(c).Elem().FieldByName(service).MethodByName(name)
}

// invoke calls the method that a row's name begins with. A nil argument is the
// zero value, and text is a path where one is wanted. It returns the method's
// first result, the elements of a sequence as a slice. A panic is an error, so
// that one row does not end all.
func invoke(ctx context.Context, c *bigv.Client, name string, args ...any) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s panicked: %v", name, r)
		}
	}()
	f := legacyMethod(c, name)
	in := make([]reflect.Value, 0, len(args)+1)
	for i, arg := range append([]any{ctx}, args...) {
		value := reflect.ValueOf(arg)
		if i < f.Type().NumIn() {
			want := f.Type().In(i)
			switch {
			case !value.IsValid():
				value = reflect.Zero(want)
			case value.Kind() == reflect.String && want.Kind() == reflect.String:
				value = value.Convert(want)
			}
		}
		in = append(in, value)
	}
	out := f.Call(in)
	if out[0].Kind() == reflect.Func {
		return collectValues(out[0])
	}
	err, _ = out[len(out)-1].Interface().(error)
	return out[0].Interface(), err
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

var good = exampleValues

func goodArgs(name string, kind reflect.Type) (args args) {
	if name == "VirtualMachines.CreateBare" {
		return append(args, web, bigv.VirtualMachineCreate{Name: "www1"})
	}
	for i := 2; i < kind.NumIn()-1; i++ {
		args = append(args, good[kind.In(i)])
	}
	return args
}

// assertSays asserts that there is an error, and that it says so.
func assertSays(t *testing.T, err error, words string) {
	t.Helper()
	if assert.Error(t, err) {
		assert.Contains(t, err.Error(), words)
	}
}
