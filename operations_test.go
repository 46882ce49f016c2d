package bigv_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idempotency classifies operations as the retries do.
type idempotency int

const (
	safe          idempotency = iota // GET
	idempotent                       // a PUT of absolute values, a DELETE
	nonIdempotent                    // everything else
)

// operation is a method of the client that stands for others like it.
type operation struct {
	name            string
	class           idempotency
	method          string
	call            func(context.Context, *bigv.Client, ...bigv.CallOption) error
	discardResponse bool // the call reads nothing from the body of the response
}

var operations = []operation{
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
	{name: "update", class: idempotent, method: "PUT", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(4096)}, opts...)
		return err
	}},
	{name: "delete", class: idempotent, method: "DELETE", discardResponse: true,
		call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
			return c.VirtualMachines.Delete(ctx, www1, opts...)
		}},
	{name: "create", class: nonIdempotent, method: "POST", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		create := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}
		_, err := c.VirtualMachines.Create(ctx, web, create, opts...)
		return err
	}},
	{name: "rename", class: nonIdempotent, method: "PUT", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Rename(ctx, www1, "www2", opts...)
		return err
	}},
	{name: "restart", class: nonIdempotent, method: "PUT", call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
		_, err := c.VirtualMachines.Restart(ctx, www1, opts...)
		return err
	}},
	{name: "reset", class: nonIdempotent, method: "POST", discardResponse: true,
		call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
			return c.VirtualMachines.Reset(ctx, www1, opts...)
		}},
	{name: "do", class: nonIdempotent, method: "PUT", discardResponse: true,
		call: func(ctx context.Context, c *bigv.Client, opts ...bigv.CallOption) error {
			return c.Do(ctx, "PUT", "/ips/192.0.2.1", map[string]string{"rdns": "www1"}, nil, opts...)
		}},
}

// operationNamed returns one of the operations.
func operationNamed(t *testing.T, name string) operation {
	t.Helper()
	for _, op := range operations {
		if op.name == name {
			return op
		}
	}
	require.Fail(t, "no such operation", name)
	return operation{}
}

func get(ctx context.Context, c *bigv.Client) error {
	_, err := c.VirtualMachines.Get(ctx, www1)
	return err
}

func create(ctx context.Context, c *bigv.Client) error {
	_, err := c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}})
	return err
}

// errorOf returns the error of a call that also returns a value.
func errorOf[T any](_ T, err error) error { return err }

// Parts of error messages that several tests expect.
const (
	notSentText  = "not sent"
	notDoneText  = "the request was not applied"
	readBackText = "the request succeeded, but reading the result failed"
)

// once makes a single attempt.
var once = bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1})

// patient waits for a day before each retry.
var patient = bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 3, MinWait: 24 * time.Hour, MaxWait: 24 * time.Hour})

// startUnbuffered starts a server like start does, but calls the handler before the body of the request has been read.
func startUnbuffered(t *testing.T, handler http.HandlerFunc, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return clientFor(t, srv.URL, append([]bigv.Option{bigv.WithToken("t0ken")}, opts...)...)
}

// Handlers whose response does not arrive whole.

// closeConnection closes the connection without a response.
func closeConnection(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// truncate closes the connection in the middle of a list.
func truncate(headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fakeserver.Respond(http.StatusOK, `[{"id":50`, headers...)(w, r)
		flush(w)
		panic(http.ErrAbortHandler)
	}
}

// resetConnection resets the connection in the middle of a list. It works with HTTP/1.1 only.
func resetConnection(w http.ResponseWriter, _ *http.Request) {
	conn, ok := hijack(w)
	if !ok {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{\"id\":50")
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// respondEndlessly writes text until the client has closed the connection, and then sends to closed if that is not nil.
func respondEndlessly(status int, text string, closed chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		for {
			if _, err := io.WriteString(w, text); err != nil {
				if closed != nil {
					closed <- struct{}{}
				}
				return
			}
		}
	}
}

// respondWithLength claims a body of 10 GiB and sends none.
func respondWithLength(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "10737418240")
	flush(w)
	panic(http.ErrAbortHandler)
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func hijack(w http.ResponseWriter) (net.Conn, bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	return conn, err == nil
}

// sequence passes the first request to the first handler and so on, and all that follow to the last.
func sequence(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	next := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		handler := handlers[min(next, len(handlers)-1)]
		next++
		mu.Unlock()
		handler(w, r)
	}
}

// listen calls serve with each connection to the address that it returns. It closes the connections when the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return listener.Addr().String()
}

// largeUpdate returns an update whose body does not fit into the buffers of a connection of dialNarrow.
func largeUpdate() bigv.UserUpdate {
	return bigv.UserUpdate{AuthorizedKeys: new("ssh-rsa AAAA " + strings.Repeat("k", 2<<20))}
}

// dialNarrow makes connections with a small write buffer.
func dialNarrow(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(16 << 10)
	}
	return conn, err
}

// roundTripper is a custom transport. Its type is not comparable.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// errKeyPressed is the cause with which tests cancel contexts.
var errKeyPressed = errors.New("the user pressed a key")

// endings are the ways in which a context can end: a context, the function that ends it, and what the error of a call must match.
var endings = []struct {
	name string
	make func(context.Context) (context.Context, func())
	want []error
}{
	{"cancelled", func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel
	}, []error{context.Canceled}},
	{"cancelled with a cause", func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		return ctx, func() { cancel(errKeyPressed) }
	}, []error{context.Canceled, errKeyPressed}},
	{"deadline exceeded", func(ctx context.Context) (context.Context, func()) {
		c := &manualDeadline{Context: ctx, done: make(chan struct{})}
		return c, c.expire
	}, []error{context.DeadlineExceeded}},
}

// manualDeadline is a context whose deadline is exceeded when expire is called.
type manualDeadline struct {
	context.Context
	done chan struct{}
}

func (c *manualDeadline) Done() <-chan struct{} { return c.done }

func (c *manualDeadline) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func (c *manualDeadline) expire() { close(c.done) }

// assertErrorType asserts that an error has the type for a status, and no other.
func assertErrorType(t *testing.T, err error, status int) {
	t.Helper()
	assert.Equal(t, status == 400, is[*bigv.BadRequestError](err), "BadRequestError")
	assert.Equal(t, status == 401, is[*bigv.UnauthorizedError](err), "UnauthorizedError")
	assert.Equal(t, status == 403, is[*bigv.ForbiddenError](err), "ForbiddenError")
	assert.Equal(t, status == 404, is[*bigv.NotFoundError](err), "NotFoundError")
	assert.Equal(t, status >= 500, is[*bigv.ServerError](err), "ServerError")
}

// is reports whether an error in the chain of err has the type T.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
