package bigv_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deed is an operation of one of the three classes.
type deed struct {
	name   string
	class  int
	method string
	call   func(context.Context, *bigv.Client, ...bigv.CallOption) error
	blind  bool // its answer does not matter
}

const (
	safe = iota
	repeatable
	once
)

var deeds = []deed{
	{name: "get", class: safe, method: "GET", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Get(ctx, www1, opts...)
		return err
	}},
	{name: "list", class: safe, method: "GET", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.Groups.List(ctx, bigv.GroupListOptions{Account: acme}, opts...)
		return err
	}},
	{name: "all", class: safe, method: "GET", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}, opts...) {
			return err
		}
		return nil
	}},
	{name: "update", class: repeatable, method: "PUT", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(4096)}, opts...)
		return err
	}},
	{name: "delete", class: repeatable, method: "DELETE", blind: true, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		return c.VirtualMachines.Delete(ctx, www1, opts...)
	}},
	{name: "create", class: once, method: "POST", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}, opts...)
		return err
	}},
	{name: "rename", class: once, method: "PUT", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Rename(ctx, www1, "www2", opts...)
		return err
	}},
	{name: "restart", class: once, method: "PUT", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Restart(ctx, www1, opts...)
		return err
	}},
	{name: "reset", class: once, method: "POST", blind: true, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		return c.VirtualMachines.Reset(ctx, www1, opts...)
	}},
	{name: "do", class: once, method: "PUT", blind: true, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		return c.Do(ctx, "PUT", "/ips/192.0.2.1", map[string]string{"rdns": "www1"}, nil, opts...)
	}},
}

// outcome is what becomes of a call whose first attempt went wrong.
type outcome int

const (
	again    outcome = iota // it is sent again, and succeeds
	fails                   // it fails, and was not done
	unknown                 // it fails, and nobody knows
	readBack                // it succeeds, and the object is fetched by GET
)

// Ways to go wrong once the request has arrived.

func hangUp(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

func cutShort(headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		replying(http.StatusOK, `[{"id":50`, headers...)(w, r)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// resetMidBody ends the connection with an RST. HTTP/1.1 only.
func resetMidBody(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{\"id\":50")
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

type cell struct {
	name                   string
	fault                  http.HandlerFunc
	status                 int   // of the error
	kind                   error // of the error, or nil
	safe, repeatable, once outcome
	lost                   bool // if the attempts are used up, the outcome is unknown
	cut                    bool // a 2xx was cut short
	h2                     bool // over HTTP/2 too
}

func (c cell) of(d deed) outcome {
	if d.blind && c.status/100 == 2 && !(c.cut && d.class == once) {
		return readBack
	}
	return [...]outcome{c.safe, c.repeatable, c.once}[d.class]
}

const farFuture = "Fri, 31 Dec 2999 23:59:59 GMT"

// The table of what may be sent again. What goes wrong before the request has
// arrived is TestNothingWritten, what the caller's context ends TestInterrupted,
// and silence TestSilence.
var cells = []cell{
	{name: "connection closed after the work was done", fault: hangUp, safe: again, repeatable: again, once: unknown, lost: true, h2: true},
	{name: "429", fault: replying(429, "slow down"), status: 429, kind: bigv.ErrRateLimited, safe: again, repeatable: again, once: fails, h2: true},
	{name: "429 Retry-After: 0", fault: replying(429, "", "Retry-After", "0"), status: 429, kind: bigv.ErrRateLimited, safe: again, repeatable: again, once: again},
	{name: "503", fault: replying(503, "down"), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: fails, h2: true},
	{name: "503 Retry-After in seconds, above the cap", fault: replying(503, "", "Retry-After", "7200"), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: again, h2: true},
	{name: "503 Retry-After, absurdly long", fault: replying(503, "", "Retry-After", "99999999999999999999"), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: again},
	{name: "503 Retry-After, negative", fault: replying(503, "", "Retry-After", "-5"), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: again},
	{name: "503 Retry-After, a date above the cap", fault: replying(503, "", "Retry-After", farFuture), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: again},
	{name: "503 Retry-After, a date that is over", fault: replying(503, "", "Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: again},
	{name: "503 Retry-After, garbage", fault: replying(503, "", "Retry-After", "soon"), status: 503, kind: bigv.ErrUnavailable, safe: again, repeatable: again, once: fails},
	{name: "500", fault: replying(500, "oops"), status: 500, kind: bigv.ErrServer, safe: again, repeatable: fails, once: unknown, h2: true},
	{name: "501", fault: replying(501, "what?"), status: 501, kind: bigv.ErrServer, safe: again, repeatable: fails, once: unknown},
	{name: "502", fault: replying(502, "<html>bad gateway</html>"), status: 502, kind: bigv.ErrServer, safe: again, repeatable: again, once: unknown, lost: true, h2: true},
	{name: "504", fault: replying(504, ""), status: 504, kind: bigv.ErrServer, safe: again, repeatable: again, once: unknown, lost: true},
	{name: "400", fault: replying(400, `{"name":["is invalid"]}`), status: 400, kind: bigv.ErrBadRequest, safe: fails, repeatable: fails, once: fails, h2: true},
	{name: "401", fault: replying(401, ""), status: 401, kind: bigv.ErrUnauthorized, safe: fails, repeatable: fails, once: fails},
	{name: "403", fault: replying(403, ""), status: 403, kind: bigv.ErrForbidden, safe: fails, repeatable: fails, once: fails},
	{name: "404", fault: replying(404, ""), status: 404, kind: bigv.ErrNotFound, safe: fails, repeatable: fails, once: fails},
	{name: "405", fault: replying(405, ""), status: 405, safe: fails, repeatable: fails, once: fails},
	{name: "408", fault: replying(408, ""), status: 408, safe: fails, repeatable: fails, once: fails},
	{name: "409", fault: replying(409, ""), status: 409, safe: fails, repeatable: fails, once: fails},
	{name: "422", fault: replying(422, ""), status: 422, safe: fails, repeatable: fails, once: fails},
	{name: "304", fault: replying(304, ""), status: 304, safe: fails, repeatable: fails, once: fails},
	{name: "2xx cut short of its length", fault: cutShort("Content-Length", "1000"), status: 200, kind: bigv.ErrInvalidResponse, safe: again, repeatable: readBack, once: unknown, cut: true, h2: true},
	{name: "2xx cut short of its last chunk", fault: cutShort(), status: 200, kind: bigv.ErrInvalidResponse, safe: again, repeatable: readBack, once: unknown, cut: true, h2: true},
	{name: "2xx reset within", fault: resetMidBody, status: 200, kind: bigv.ErrInvalidResponse, safe: again, repeatable: readBack, once: unknown, cut: true},
	{name: "2xx of the wrong type", fault: replying(200, `"done"`), status: 200, kind: bigv.ErrInvalidResponse, safe: fails, repeatable: readBack, once: unknown, h2: true},
	{name: "2xx that is no JSON", fault: replying(201, "done"), status: 201, kind: bigv.ErrInvalidResponse, safe: fails, repeatable: readBack, once: unknown},
	{name: "2xx empty", fault: replying(200, ""), status: 200, kind: bigv.ErrInvalidResponse, safe: fails, repeatable: readBack, once: readBack, h2: true},
	{name: "204", fault: replying(204, ""), status: 204, kind: bigv.ErrInvalidResponse, safe: fails, repeatable: readBack, once: readBack},
	{name: "2xx {}", fault: replying(200, " { }\n"), status: 200, kind: bigv.ErrInvalidResponse, safe: fails, repeatable: readBack, once: readBack},
	{name: "2xx null", fault: replying(200, "null"), status: 200, kind: bigv.ErrInvalidResponse, safe: fails, repeatable: readBack, once: readBack},
}

func TestRetries(t *testing.T) {
	for _, version := range []struct {
		name  string
		http2 bool
	}{{"HTTP/1.1", false}, {"HTTP/2", true}} {
		t.Run(version.name, func(t *testing.T) {
			stage := newStage(t, version.http2)
			for _, row := range cells {
				if version.http2 && !row.h2 {
					continue
				}
				for _, d := range deeds {
					t.Run(row.name+"/"+d.name, func(t *testing.T) { retried(t, stage, row, d) })
				}
			}
		})
	}
}

// retried looks at one cell: what becomes of a call whose first attempt goes
// wrong, and of one whose every attempt does.
func retried(t *testing.T, stage *stage, row cell, d deed) {
	want := row.of(d)
	for _, times := range []int{1, quick.MaxAttempts} {
		var sent, fetched atomic.Int64
		var seen watch
		client := stage.play(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != d.method {
				fetched.Add(1)
			} else if int(sent.Add(1)) <= times {
				row.fault(w, r)
				return
			}
			answerWell(w, r)
		}, seen.option())
		var meta bigv.Response
		err := d.call(t.Context(), client, bigv.WithResponse(&meta))
		switch {
		case want == readBack:
			require.NoError(t, err)
			assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
			assert.Equal(t, !d.blind, fetched.Load() == 1, "%d reads", fetched.Load())
			assert.Equal(t, 1, meta.Attempts)
			return
		case want == again && times == 1:
			require.NoError(t, err)
			assert.EqualValues(t, 2, sent.Load(), "requests that arrived")
			assert.Equal(t, 2, meta.Attempts)
			seen.inOrder(t, 2)
			continue
		}
		attempts := 1
		if want == again {
			attempts = quick.MaxAttempts
		}
		require.Error(t, err)
		assert.EqualValues(t, attempts, sent.Load(), "requests that arrived")
		assert.Zero(t, fetched.Load(), "reads")
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, attempts, e.Attempts)
		assert.Equal(t, attempts, meta.Attempts)
		assert.Equal(t, row.status, e.StatusCode)
		assert.Equal(t, row.status, meta.StatusCode)
		assert.Equal(t, want == unknown || row.lost && d.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
		if row.kind != nil {
			assert.ErrorIs(t, err, row.kind)
		}
		assert.Equal(t, row.status == 404, errors.Is(err, bigv.ErrNotFound))
		assert.Equal(t, row.status >= 500, errors.Is(err, bigv.ErrServer))
		assertTyped(t, err, row.status)
		seen.inOrder(t, attempts)
		if want != again {
			return
		}
	}
}

// assertTyped asserts that an error has the type of its status, and no other.
func assertTyped(t *testing.T, err error, status int) {
	t.Helper()
	_, bad := errors.AsType[*bigv.BadRequestError](err)
	_, unauthorized := errors.AsType[*bigv.UnauthorizedError](err)
	_, forbidden := errors.AsType[*bigv.ForbiddenError](err)
	_, missing := errors.AsType[*bigv.NotFoundError](err)
	_, server := errors.AsType[*bigv.ServerError](err)
	assert.Equal(t, [...]bool{status == 400, status == 401, status == 403, status == 404, status >= 500},
		[...]bool{bad, unauthorized, forbidden, missing, server})
}

// ending is a context that ends when it is told to, with the error it is told.
type ending struct {
	context.Context
	done chan struct{}
	err  atomic.Value
}

func (e *ending) Done() <-chan struct{} { return e.done }
func (e *ending) Err() error {
	err, _ := e.err.Load().(error)
	return err
}

func (e *ending) end(err error) {
	e.err.Store(err)
	close(e.done)
}

type causeOfEnd struct{}

func (causeOfEnd) Error() string { return "the user pressed a key" }

// ends are the ways in which a context ends: the context, what ends it, and
// what an error must be.
var ends = []struct {
	name string
	make func(context.Context) (context.Context, func())
	are  []error
}{
	{"cancelled", func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel
	}, []error{context.Canceled}},
	{"cancelled with a cause", func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		return ctx, func() { cancel(causeOfEnd{}) }
	}, []error{context.Canceled, causeOfEnd{}}},
	{"its time is over", func(ctx context.Context) (context.Context, func()) {
		e := &ending{Context: ctx, done: make(chan struct{})}
		return e, func() { e.end(context.DeadlineExceeded) }
	}, []error{context.DeadlineExceeded}},
}

// scene is what the moments in which a context ends have in common.
type scene struct {
	*testing.T
	end     func()        // ends the context
	over    chan struct{} // closed when the test is
	arrived atomic.Int64  // requests
}

func (s *scene) start(handler http.HandlerFunc, opts ...bigv.Option) *bigv.Client {
	return start(s.T, func(w http.ResponseWriter, r *http.Request) {
		s.arrived.Add(1)
		handler(w, r)
	}, opts...)
}

// hold keeps a request waiting.
func (s *scene) hold(r *http.Request) {
	select {
	case <-s.over:
	case <-r.Context().Done():
	}
}

// listen calls serve with each connection to the address that it returns.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// large is more than narrow holds, of which a server reads nothing.
var large = bigv.UserUpdate{AuthorizedKeys: new(strings.Repeat("k", 2<<20))}

func narrow(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(16 << 10)
	}
	return conn, err
}

var largeDeeds = []deed{
	{name: "large update", class: repeatable, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.Users.Update(ctx, "alice", large, opts...)
		return err
	}},
	{name: "large post", class: once, call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		return c.Do(ctx, "POST", "/large", large, nil, opts...)
	}},
}

func TestInterrupted(t *testing.T) {
	for _, when := range []struct {
		name     string
		client   func(*scene) *bigv.Client
		deeds    []deed
		arrived  int
		attempts int  // 0: nothing was sent, and the error says so
		status   int  // of the error
		lost     bool // nobody knows what became of a write
	}{
		{name: "before the call", client: func(s *scene) *bigv.Client {
			s.end()
			return s.start(answerWell)
		}},
		{name: "while waiting for a token", client: func(s *scene) *bigv.Client {
			client, err := s.start(answerWell).With(bigv.WithTokenSource(bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) {
				s.end()
				<-s.over
				return bigv.Secret{}, nil
			})))
			require.NoError(s, err)
			return client
		}},
		{name: "while dialing", attempts: 1, client: func(s *scene) *bigv.Client {
			return s.start(answerWell, bigv.WithTransport(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				s.end()
				<-s.over
				return nil, errors.New("over")
			}}))
		}},
		{name: "in the TLS handshake", attempts: 1, client: func(s *scene) *bigv.Client {
			return clientFor(s.T, "https://"+listen(s.T, func(net.Conn) {
				s.end()
				<-s.over
			}), bigv.WithToken("t0ken"))
		}},
		{name: "while writing the body", attempts: 1, arrived: 1, lost: true, deeds: largeDeeds, client: func(s *scene) *bigv.Client {
			return s.start(func(_ http.ResponseWriter, r *http.Request) {
				s.end()
				s.hold(r)
				panic(http.ErrAbortHandler) // instead of waiting for the rest of the body
			}, bigv.WithTransport(&http.Transport{DialContext: narrow}))
		}},
		{name: "while waiting for the headers", attempts: 1, arrived: 1, lost: true, client: func(s *scene) *bigv.Client {
			return s.start(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				s.end()
				s.hold(r)
			})
		}},
		{name: "while waiting for the headers of a second attempt", attempts: 2, arrived: 2, lost: true, client: func(s *scene) *bigv.Client {
			return s.start(func(w http.ResponseWriter, r *http.Request) {
				if s.arrived.Load() == 1 {
					replying(503, "", "Retry-After", "0")(w, r)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				s.end()
				s.hold(r)
			})
		}},
		{name: "before another attempt after 503", attempts: 1, arrived: 1, status: 503, client: func(s *scene) *bigv.Client {
			return s.start(replying(503, "", "Retry-After", "3600"), endsBeforeRetry(s), patient)
		}},
		{name: "before another attempt after nothing was written", attempts: 1, client: func(s *scene) *bigv.Client {
			return s.start(answerWell, endsBeforeRetry(s), patient, bigv.WithTransport(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("no route")
			}}))
		}},
	} {
		for _, how := range ends {
			if when.deeds == nil {
				when.deeds = deeds
			}
			for _, d := range when.deeds {
				t.Run(when.name+"/"+how.name+"/"+d.name, func(t *testing.T) {
					ctx, end := how.make(t.Context())
					s := &scene{T: t, end: sync.OnceFunc(end), over: make(chan struct{})}
					client := when.client(s)
					t.Cleanup(func() { close(s.over) })
					t.Cleanup(s.end)
					var meta bigv.Response
					err := d.call(ctx, client, bigv.WithResponse(&meta))
					require.Error(t, err)
					for _, is := range how.are {
						assert.ErrorIs(t, err, is)
					}
					assert.EqualValues(t, when.arrived, s.arrived.Load(), "requests that arrived")
					assert.Equal(t, when.lost && d.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
					e, ok := errors.AsType[*bigv.Error](err)
					if when.attempts == 0 {
						assert.False(t, ok, "%v", err)
						assert.ErrorContains(t, err, "nothing was sent")
						return
					}
					require.True(t, ok, "%v", err)
					assert.Equal(t, when.attempts, e.Attempts)
					assert.Equal(t, when.attempts, meta.Attempts)
					if d.class == safe && when.attempts == 2 {
						assert.Equal(t, 503, e.StatusCode, "what was last seen")
					} else {
						assert.Equal(t, when.status, e.StatusCode)
					}
					assert.Equal(t, e.StatusCode == 503, errors.Is(err, bigv.ErrUnavailable), "%v", err)
				})
			}
		}
	}
}

// patient waits between attempts for as long as it is asked to.
var patient = bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 3, MinWait: 24 * time.Hour, MaxWait: 24 * time.Hour})

func endsBeforeRetry(s *scene) bigv.Option {
	return bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		if a.Retry {
			s.end()
		}
	})
}

// The context ends when the headers have come, and the body has not.
func TestInterruptedWithinTheAnswer(t *testing.T) {
	for _, how := range ends {
		for _, d := range deeds {
			t.Run(how.name+"/"+d.name, func(t *testing.T) {
				ctx, end := how.make(t.Context())
				end = sync.OnceFunc(end)
				t.Cleanup(end)
				transport := &http.Transport{}
				t.Cleanup(transport.CloseIdleConnections)
				var arrived atomic.Int64
				client := start(t, func(w http.ResponseWriter, r *http.Request) {
					arrived.Add(1)
					replying(http.StatusOK, `[{"id":50`)(w, r)
					_ = http.NewResponseController(w).Flush()
					<-r.Context().Done()
				}, bigv.WithTransport(carrier(func(r *http.Request) (*http.Response, error) {
					defer end()
					return transport.RoundTrip(r)
				})))
				err := d.call(ctx, client)
				assert.EqualValues(t, 1, arrived.Load(), "requests that arrived")
				if d.class == repeatable && d.blind {
					assert.NoError(t, err, "its answer was a 2xx, and that is all that matters")
					return
				}
				for _, is := range how.are {
					assert.ErrorIs(t, err, is)
				}
				assert.Equal(t, d.class == once, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
				if d.class == repeatable {
					assert.ErrorContains(t, err, "it was done, but reading it back failed")
				}
			})
		}
	}
}

// A web page with a 200 is not the service's answer, whatever was asked.
func TestWebPage(t *testing.T) {
	stage := newStage(t, false)
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			var sent atomic.Int64
			client := stage.play(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != d.method {
					answerWell(w, r) // what is read back tells nothing of the write
					return
				}
				sent.Add(1)
				replying(http.StatusOK, "\n<!DOCTYPE html>\n<title>Log in to our Wi-Fi</title>")(w, r)
			})
			err := d.call(t.Context(), client)
			assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
			assert.ErrorContains(t, err, "web page")
			assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Contains(t, e.Body, "Wi-Fi")
			assert.Equal(t, d.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
		})
	}
}

// What goes wrong before the service has read anything. The first dials lead to
// a bad place, the others to a good one.
func TestBeforeTheRequestArrives(t *testing.T) {
	var arrived atomic.Int64
	good := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		answerWell(w, r)
	}))
	good.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail on purpose
	good.StartTLS()
	t.Cleanup(good.Close)
	roots := good.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	old := httptest.NewUnstartedServer(nil)
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	plain := httptest.NewServer(http.HandlerFunc(answerWell))
	t.Cleanup(plain.Close)

	for _, row := range []struct {
		name   string
		bad    func(*testing.T) string // the address of the bad place
		plain  bool                    // the good place speaks plain http
		roots  *x509.CertPool
		once   outcome
		others outcome
		lost   bool
	}{
		{name: "dial refused", roots: roots, bad: func(*testing.T) string { return "127.0.0.1:1" }},
		{name: "TLS handshake failed", roots: roots, bad: func(*testing.T) string { return old.Listener.Addr().String() }},
		{name: "connection closed in the TLS handshake", roots: roots, bad: func(t *testing.T) string { return listen(t, func(net.Conn) {}) }},
		{name: "connection closed before the request was read", plain: true, once: unknown, lost: true, bad: func(t *testing.T) string {
			return listen(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1)) // the rest is lost with the connection
			})
		}},
		{name: "certificate unknown", once: fails, others: fails, bad: func(*testing.T) string { return good.Listener.Addr().String() }},
		{name: "certificate of another host", roots: roots, once: fails, others: fails, bad: func(*testing.T) string { return "another" }},
		{name: "plain http where TLS was meant", roots: roots, once: fails, others: fails, bad: func(*testing.T) string { return plain.Listener.Addr().String() }},
	} {
		for _, d := range deeds {
			want := row.others
			if d.class == once {
				want = row.once
			}
			for _, times := range []int64{1, int64(quick.MaxAttempts)} {
				t.Run(fmt.Sprintf("%s/%s/%d times", row.name, d.name, times), func(t *testing.T) {
					bad, host := row.bad(t), "127.0.0.1"
					if bad == "another" {
						bad, host = good.Listener.Addr().String(), "localhost.localdomain"
					}
					address, url := good.Listener.Addr().String(), "https://"+host
					if row.plain {
						address, url = plain.Listener.Addr().String(), "http://"+host
					}
					var dials atomic.Int64
					transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: row.roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
						to := address
						if dials.Add(1) <= times {
							to = bad
						}
						return (&net.Dialer{}).DialContext(ctx, network, to)
					}}
					var seen watch
					client := clientFor(t, url, bigv.WithToken("t0ken"), bigv.WithTransport(transport), seen.option())
					arrived.Store(0)
					err := d.call(t.Context(), client)
					attempts := 1
					switch {
					case want == again && times == 1:
						require.NoError(t, err)
						seen.inOrder(t, 2)
						return
					case want == again:
						attempts = quick.MaxAttempts
					}
					require.Error(t, err)
					assert.Zero(t, arrived.Load(), "requests that arrived")
					assert.Equal(t, (want == unknown || row.lost) && d.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), "outcome unknown: %v", err)
					e, ok := errors.AsType[*bigv.Error](err)
					require.True(t, ok)
					assert.Equal(t, attempts, e.Attempts)
					assert.Zero(t, e.StatusCode)
					assert.Equal(t, d.class != safe && want != unknown && !row.lost, strings.Contains(err.Error(), "it was not done"), "%v", err)
					seen.inOrder(t, attempts)
				})
			}
		}
	}
}

// A service that keeps silent is left after the time limits.
func TestSilence(t *testing.T) {
	const limit = 250 * time.Millisecond
	for _, row := range []struct {
		name                   string
		body                   bool
		safe, repeatable, once outcome
		limits                 bigv.Timeouts
		says                   string
	}{
		{"no headers", false, again, again, unknown, bigv.Timeouts{Header: limit, Idle: time.Minute}, "the service did not begin to answer within 250ms"},
		{"no more of the body", true, again, readBack, unknown, bigv.Timeouts{Header: time.Minute, Idle: limit}, "the service sent no more of its answer within 250ms"},
	} {
		for _, http2 := range []bool{false, true} {
			stage := newStage(t, http2)
			for _, d := range deeds {
				if d.name == "list" || d.name == "rename" || d.name == "restart" || d.name == "do" {
					continue // as others are
				}
				t.Run(fmt.Sprintf("%s/HTTP2 %t/%s", row.name, http2, d.name), func(t *testing.T) {
					t.Parallel()
					var sent, fetched atomic.Int64
					over := make(chan struct{})
					client := stage.play(t, func(w http.ResponseWriter, r *http.Request) {
						if r.Method != d.method {
							fetched.Add(1)
						} else if sent.Add(1) == 1 {
							_, _ = io.Copy(io.Discard, r.Body)
							if row.body {
								_, _ = io.WriteString(w, `[{"id":50`)
								_ = http.NewResponseController(w).Flush()
							}
							select {
							case <-over:
							case <-r.Context().Done():
							}
							return
						}
						answerWell(w, r)
					}, bigv.WithTimeouts(row.limits))
					t.Cleanup(func() { close(over) })
					err := d.call(t.Context(), client)
					want := cell{safe: row.safe, repeatable: row.repeatable, once: row.once, status: 200, cut: row.body}.of(d)
					if !row.body {
						want = cell{safe: row.safe, repeatable: row.repeatable, once: row.once}.of(d)
					}
					switch want {
					case again:
						require.NoError(t, err)
						assert.EqualValues(t, 2, sent.Load())
					case readBack:
						require.NoError(t, err)
						assert.EqualValues(t, 1, sent.Load())
						assert.Equal(t, !d.blind, fetched.Load() == 1)
					default:
						assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
						assert.ErrorContains(t, err, row.says)
						assert.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's context that ended")
						assert.EqualValues(t, 1, sent.Load())
					}
				})
			}
		}
	}
}

func TestDeleteThatMeetsNotFound(t *testing.T) {
	for _, row := range []struct {
		name  string
		first http.HandlerFunc
		done  bool
	}{
		{"at once", nil, false},
		{"after the connection was lost", hangUp, true},
		{"after 502", replying(502, ""), true},
		{"after 504", replying(504, ""), true},
		{"after 503", replying(503, ""), false},
		{"after 429", replying(429, ""), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var arrived atomic.Int64
			client := start(t, func(w http.ResponseWriter, r *http.Request) {
				if arrived.Add(1) == 1 && row.first != nil {
					row.first(w, r)
				} else {
					replying(404, "")(w, r)
				}
			})
			err := client.VirtualMachines.Delete(t.Context(), www1)
			assert.Equal(t, row.done, err == nil, "%v", err)
			assert.Equal(t, !row.done, errors.Is(err, bigv.ErrNotFound), "%v", err)
			assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
			arrived.Store(0)
			_, err = client.VirtualMachines.Update(t.Context(), www1, bigv.VirtualMachineUpdate{Memory: new(1024)})
			assert.ErrorIs(t, err, bigv.ErrNotFound, "what is not deleted must be there")
		})
	}
}

// A rename that was carried out and whose answer was lost would not find the old
// name again.
func TestRenameIsNeverNotFound(t *testing.T) {
	for name, lose := range map[string]http.HandlerFunc{"connection lost": hangUp, "500": replying(500, ""), "502": replying(502, ""), "504": replying(504, ""), "cut short": cutShort()} {
		var renamed sync.Map
		client := start(t, func(w http.ResponseWriter, r *http.Request) {
			if _, again := renamed.LoadOrStore(r.URL.Path, true); again {
				replying(404, "")(w, r)
				return
			}
			lose(w, r)
		})
		_, err := client.VirtualMachines.Rename(t.Context(), www1, "www2")
		assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown, name)
		assert.NotErrorIs(t, err, bigv.ErrNotFound, name)
		_, err = client.Groups.Rename(t.Context(), web, "web2")
		assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown, name)
		assert.NotErrorIs(t, err, bigv.ErrNotFound, name)
	}
}

// A wait that would outlast the deadline is not begun.
func TestDeadlineBeforeTheNextAttempt(t *testing.T) {
	for name, d := range map[string]deed{"get": deeds[0], "update": deeds[3], "create": deeds[5]} {
		var arrived atomic.Int64
		var seen watch
		client := start(t, func(w http.ResponseWriter, r *http.Request) {
			arrived.Add(1)
			replying(503, "closed on Mondays", "Retry-After", "86400")(w, r)
		}, seen.option(), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 3, MaxWait: 48 * time.Hour}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		err := d.call(ctx, client)
		cancel()
		assert.ErrorIs(t, err, bigv.ErrUnavailable, name)
		assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown, name)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "%s: it has not come", name)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, name)
		assert.Equal(t, 24*time.Hour, e.RetryAfter, name)
		assert.Equal(t, "closed on Mondays", e.Body, name)
		assert.EqualValues(t, 1, arrived.Load(), name)
		seen.inOrder(t, 1)
	}
}

func TestRetryPolicyOfOneAttempt(t *testing.T) {
	var arrived atomic.Int64
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		replying(503, "", "Retry-After", "0")(w, r)
	}, bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}))
	for _, d := range deeds {
		arrived.Store(0)
		assert.ErrorIs(t, d.call(t.Context(), client), bigv.ErrUnavailable, d.name)
		assert.EqualValues(t, 1, arrived.Load(), d.name)
	}
}

func TestLogger(t *testing.T) {
	var lines bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var arrived atomic.Int64
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch arrived.Add(1) {
		case 1:
			hangUp(w, r)
		case 2:
			replying(503, "down", "Retry-After", "0")(w, r)
		default:
			answerWell(w, r)
		}
	}, bigv.WithLogger(logger))
	_, err := client.VirtualMachines.Update(t.Context(), www1, bigv.VirtualMachineUpdate{Keymap: bigv.Set("en-gb")})
	require.NoError(t, err)
	type line struct {
		Level, Msg, Operation, Method, URL, Error string
		Status, Attempt                           int
		Duration, Wait                            time.Duration
	}
	var got []line
	for dec := json.NewDecoder(&lines); ; {
		var l line
		if err := dec.Decode(&l); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		assert.Positive(t, l.Duration)
		assert.Equal(t, "update virtual machine", l.Operation)
		assert.Equal(t, "PUT", l.Method)
		assert.Contains(t, l.URL, www1URL)
		l.Duration, l.Wait, l.Operation, l.Method, l.URL = 0, 0, "", "", ""
		got = append(got, l)
	}
	assert.Equal(t, []line{
		{Level: "WARN", Msg: "bigv: request will be sent again", Error: "EOF", Attempt: 1},
		{Level: "WARN", Msg: "bigv: request will be sent again", Status: 503, Attempt: 2},
		{Level: "DEBUG", Msg: "bigv: request", Status: 200, Attempt: 3},
	}, got)
}
