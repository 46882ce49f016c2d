package transport

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newPool returns a pool of contexts with long timeouts.
func newPool() *contextPool { return newContextPool(Timeouts{Header: time.Hour, Idle: time.Hour}) }

type contextValue struct{}

// foreignContext is a context of a type that the package context does not know.
type foreignContext struct{ context.Context }

func (foreignContext) Done() <-chan struct{} { return make(chan struct{}) }

func TestContextsAreUsedAgain(t *testing.T) {
	background := context.Background() // that of t.Context is another type
	cancelCtx, cancel := context.WithCancel(background)
	defer cancel()
	timerCtx, cancel := context.WithTimeout(background, time.Hour)
	defer cancel()
	signalCtx, stop := signal.NotifyContext(background, os.Interrupt)
	defer stop()
	for _, row := range []struct {
		name  string
		ctx   context.Context
		again bool
	}{
		{"background", background, true},
		{"with cancel", cancelCtx, true},
		{"with a timeout", timerCtx, true},
		{"until a signal", signalCtx, true},
		{"of a test", t.Context(), true},
		{"with a value", context.WithValue(cancelCtx, contextValue{}, 1), false},
		{"of another type", foreignContext{background}, false},
		{"of a type that is not comparable", struct {
			context.Context
			_ []int
		}{background, nil}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			pool := newPool()
			for range 2 {
				first := pool.get(row.ctx)
				first.started = -time.Hour
				assert.Greater(t, first.Elapsed(), time.Hour)
				first.End(true)
				second := pool.get(row.ctx)
				assert.Equal(t, row.again, first == second)
				assert.Equal(t, !row.again, first.Err() != nil, "what is not used again is cancelled")
				assert.Less(t, second.Elapsed(), time.Minute)
				assert.NoError(t, second.Err())
				third := pool.get(row.ctx)
				assert.NotSame(t, second, third, "a context belongs to one attempt at a time")
				third.End(false)
				assert.Error(t, third.Err())
				second.End(true)
			}
			assert.Len(t, pool.all, len(pool.free))
			pool.clear()
			assert.Empty(t, pool.free)
			assert.Empty(t, pool.all)
		})
	}
}

func TestCancelledContextIsNotUsedAgain(t *testing.T) {
	pool := newPool()
	first := pool.get(t.Context())
	first.Cancel(io.ErrUnexpectedEOF)
	assert.Equal(t, io.ErrUnexpectedEOF, context.Cause(first))
	first.End(true)
	assert.NotSame(t, first, pool.get(t.Context()))
}

// The timer may cancel a context that an attempt has just finished with.
func TestContextThatIsCancelledWhileItIsReleased(t *testing.T) {
	pool := newPool()
	for range 200 {
		ctx := pool.get(t.Context())
		pool.mu.Lock()
		released := make(chan struct{})
		go func() {
			defer close(released)
			ctx.End(true)
		}()
		time.Sleep(50 * time.Microsecond) // it waits for the lock
		ctx.cancel(&TimeoutError{})
		pool.mu.Unlock()
		<-released
		require.Empty(t, pool.free)
	}
}

// A caller may set a timeout that is never exceeded.
func TestLongestTimeouts(t *testing.T) {
	pool := newContextPool(Timeouts{Header: math.MaxInt64, Idle: math.MaxInt64})
	for range 10 {
		ctx := pool.get(t.Context())
		for _, kind := range []int64{0, reading} {
			ctx.startWaiting(pool.now(), kind)
			ctx.check(pool.now() + 1000*time.Hour)
			assert.NoError(t, ctx.Err())
		}
		ctx.stopWaiting()
		ctx.End(true)
	}
	assert.Equal(t, 1, pool.timerID, "number of timers")
}

func TestContextOfAnotherCallIsNotUsedAgain(t *testing.T) {
	pool := newPool()
	a, cancelA := context.WithCancel(t.Context())
	b, cancelB := context.WithCancel(t.Context())
	defer cancelB()
	first, other := pool.get(a), pool.get(b)
	first.End(true)
	second := pool.get(b)
	assert.NotSame(t, first, second)
	other.End(true)
	assert.Error(t, first.Err(), "only contexts of the last parent are kept")
	cancelA()
	assert.NoError(t, second.Err())
	assert.Same(t, other, pool.get(b))
}

func TestContextEndsWithItsParent(t *testing.T) {
	pool := newPool()
	ctx, cancel := context.WithCancelCause(t.Context())
	pool.get(ctx).End(true)
	again := pool.get(ctx)
	cancel(io.ErrUnexpectedEOF)
	assert.Equal(t, io.ErrUnexpectedEOF, context.Cause(again))
	again.End(true)
	assert.Empty(t, pool.free)
}

func TestNumberOfKeptContextsIsLimited(t *testing.T) {
	pool := newPool()
	var contexts []*Context
	for range maxFree + 10 {
		contexts = append(contexts, pool.get(t.Context()))
	}
	for _, c := range contexts {
		c.End(true)
	}
	assert.Len(t, pool.free, maxFree)
	for i, c := range contexts {
		assert.Equal(t, i >= maxFree, c.Err() != nil)
	}
}

// The clock of a bubble shows a time before 2020, and its channels cannot be used outside.
func TestContextsAreNotSharedWithBubbles(t *testing.T) {
	pool, ctx := newPool(), context.Background() // which can be used in and outside a bubble
	outside := pool.get(ctx)
	outside.End(true)
	synctest.Test(t, func(t *testing.T) {
		inside := pool.get(ctx)
		assert.NotSame(t, outside, inside)
		inside.End(true)
		assert.Error(t, inside.Err())
		assert.NotSame(t, inside, pool.get(ctx))
	})
	assert.Same(t, outside, pool.get(ctx))
}

// A client may be used in a bubble and outside, wherever it was created.
func TestClockOfABubbleIsRecognized(t *testing.T) {
	outside := newPool()
	var first *contextPool
	assert.False(t, outside.inBubble(outside.now()))
	for range 2 { // each bubble begins at the same time
		synctest.Test(t, func(t *testing.T) {
			if first == nil {
				first = newPool()
			}
			time.Sleep(time.Hour)
			inside := newPool()
			time.Sleep(24 * time.Hour)
			for _, pool := range []*contextPool{outside, first, inside} {
				assert.True(t, pool.inBubble(pool.now()))
			}
		})
		assert.False(t, first.inBubble(first.now()))
	}
}

// After a pause the transport does not refer to the context of the last call, which may hold much.
func TestContextOfTheLastCallIsForgotten(t *testing.T) {
	tr := newTimeoutTransport(respondWith(func(context.Context) io.ReadCloser { return http.NoBody }),
		Timeouts{Header: 20 * time.Millisecond, Idle: time.Hour})
	client := &http.Client{Transport: tr}
	attempt := NewContext(t.Context(), client)
	resp, err := tr.RoundTrip(newGet(t, "http://127.0.0.1:1").WithContext(attempt))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.NoError(t, attempt.Err(), "the context does not end with the body")
	attempt.End(true)
	assert.Len(t, tr.contexts.free, 1)
	assert.Eventually(t, func() bool {
		tr.contexts.mu.Lock()
		defer tr.contexts.mu.Unlock()
		return len(tr.contexts.free) == 0 && tr.contexts.parent == nil
	}, 10*time.Second, time.Millisecond)
	assert.Error(t, attempt.Err())
	for _, c := range tr.contexts.free[:cap(tr.contexts.free)] {
		assert.Nil(t, c)
	}
}

func TestContextsOfManyGoroutines(t *testing.T) {
	pool := newPool()
	shared, cancel := context.WithCancel(t.Context())
	defer cancel()
	var inUse sync.Map
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx := shared
			if i%8 == 0 {
				ctx = t.Context()
			}
			for range 500 {
				c := pool.get(ctx)
				_, used := inUse.LoadOrStore(c, true)
				assert.False(t, used, "two attempts have the same context")
				assert.NoError(t, c.Err())
				runtime.Gosched()
				inUse.Delete(c)
				c.End(i%7 != 0)
			}
		})
	}
	wg.Wait()
	assert.Len(t, pool.all, len(pool.free))
	for i, c := range pool.all {
		assert.Equal(t, i, c.index)
	}
}

func TestContextIsFoundInItsValues(t *testing.T) {
	c := newPool().get(context.WithValue(t.Context(), contextValue{}, "value"))
	type anotherKey struct{}
	ctx := context.WithValue(context.Context(c), anotherKey{}, 1)
	assert.Same(t, c, ctx.Value(contextKey{}))
	assert.Equal(t, "value", ctx.Value(contextValue{}))
	assert.Regexp(t, `^context\.[A-Za-z.]+\.WithValue\(.*\)\.WithCancel$`, fmt.Sprintf("%v", c), "no field of c is printed")
	c.End(true)
}

// http.Client sets some headers itself. It does not see the header of the attempt.
func TestHeaderOfAnAttempt(t *testing.T) {
	var received []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received = append(received, r.Header)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/found", http.StatusFound)
		}
	}))
	defer server.Close()
	serverURL, err := url.Parse(server.URL)
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	jar.SetCookies(serverURL, []*http.Cookie{{Name: "jar", Value: "1"}})
	base := New()
	defer base.CloseIdleConnections()
	for _, row := range []struct {
		name   string
		jar    http.CookieJar
		header http.Header
		want   map[string]string // of each request
	}{
		{"a header", nil, http.Header{"Authorization": {"Bearer a"}}, map[string]string{"Authorization": "Bearer a", "Cookie": ""}},
		{"a cookie of the caller", nil, http.Header{"Cookie": {"own=2"}}, map[string]string{"Cookie": "own=2"}},
		{"a cookie of the jar", jar, http.Header{"Accept": {"text/plain"}}, map[string]string{"Accept": "text/plain", "Cookie": "jar=1"}},
		{"both", jar, http.Header{"Cookie": {"own=2"}}, map[string]string{"Cookie": "own=2; jar=1"}},
	} {
		custom := roundTripper(func(r *http.Request) (*http.Response, error) {
			assert.Equal(t, serverURL.Host, r.Host, "a custom transport may need it")
			return base.RoundTrip(r)
		})
		for kind, used := range map[string]http.RoundTripper{"net/http": base, "custom": custom} {
			t.Run(row.name+", "+kind, func(t *testing.T) {
				received = nil
				before := row.header.Clone()
				client := NewClient(&http.Client{Jar: row.jar}, used, Timeouts{Header: time.Minute, Idle: time.Minute})
				ctx := NewContext(t.Context(), client)
				ctx.Header = row.header
				req := newGet(t, server.URL+"/moved")
				req.Host = ""
				resp, err := client.Do(req.WithContext(ctx))
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				ctx.End(true)
				assert.Nil(t, ctx.Header, "the next attempt has another header")
				require.Len(t, received, 2, "the request and its redirect")
				for _, header := range received {
					for name, value := range row.want {
						assert.Equal(t, value, strings.Join(header[name], "|"), name)
					}
				}
				assert.Equal(t, server.URL+"/moved", received[1].Get("Referer"))
				assert.Equal(t, before, row.header, "the header may be shared")
			})
		}
	}
}
