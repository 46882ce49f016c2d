package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countGroups iterates over all groups of an account and returns their number.
func countGroups(ctx context.Context, c *bigv.Client) (count int, err error) {
	for _, err = range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
		if err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// groupOfSize returns the JSON of a group of a number of bytes.
func groupOfSize(size int) string {
	const start, end = `{"id":7,"name":"`, `"}`
	return start + strings.Repeat("x", size-len(start)-len(end)) + end
}

// WithMaxResponseSize limits what is held in memory, and All holds one element at a time.
func TestAllHasNoTotalSizeLimit(t *testing.T) {
	const elements, size = 1024, 32 << 10
	element := groupOfSize(size)
	client := start(t, func(w http.ResponseWriter, _ *http.Request) {
		sep := "["
		for range elements {
			_, _ = io.WriteString(w, sep+element)
			sep = ","
		}
		_, _ = io.WriteString(w, "]")
	}, bigv.WithMaxResponseSize(1<<20))
	heap := func() int64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	count, before, most := 0, heap(), int64(0)
	for _, err := range client.Groups.All(t.Context(), bigv.GroupListOptions{Account: acme}) {
		require.NoError(t, err)
		if count++; count%32 == 0 {
			most = max(most, heap()-before)
		}
	}
	assert.Equal(t, elements, count)
	assert.Less(t, most, int64(8<<20), "memory used to read 32 MiB")

	_, err := client.Groups.List(t.Context(), bigv.GroupListOptions{Account: acme})
	assert.ErrorIs(t, err, bigv.ErrTooLarge, "List holds the whole response in memory")
}

func TestAllElementSizeLimit(t *testing.T) {
	closed := make(chan struct{}, 64)
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		count   int
		is      error
		message string
	}{
		{"an element of 4 MiB", fakeserver.Respond(200, "["+groupOfSize(32)+","+groupOfSize(4<<20)+"]"), 2, nil, ""},
		{"an element of 5 MiB", fakeserver.Respond(200, "["+groupOfSize(32)+","+groupOfSize(5<<20)+","+groupOfSize(32)+"]"), 1,
			bigv.ErrTooLarge, "(after 1 elements)"},
		{"an endless element", respondEndlessly(200, `[{"name":"`, closed), 0, bigv.ErrInvalidResponse, ""},
		{"an endless number", respondEndlessly(200, "["+strings.Repeat("1", 64<<10), closed), 0, bigv.ErrInvalidResponse, ""},
		{"endless brackets", respondEndlessly(200, "[", closed), 0, bigv.ErrInvalidResponse, ""},
		{"endless blanks", respondEndlessly(200, strings.Repeat(" ", 16<<10), closed), 0, bigv.ErrTooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := start(t, tt.handler)
			count, err := countGroups(t.Context(), client)
			assert.Equal(t, tt.count, count)
			if tt.is == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, tt.is)
			assert.ErrorContains(t, err, tt.message)
		})
	}
}

// A loop that ends early releases the connection, however it ends.
func TestAllReleasesConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		shared := fakeserver.NewShared(t, http2)
		for _, tt := range []struct {
			name string
			loop func(*testing.T, context.Context, context.CancelCauseFunc, *bigv.Client)
		}{
			{"break", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, c *bigv.Client) {
				for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
					require.NoError(t, err)
					break
				}
			}},
			{"panic", func(t *testing.T, ctx context.Context, _ context.CancelCauseFunc, c *bigv.Client) {
				assert.PanicsWithValue(t, "oh", func() {
					for range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
						panic("oh")
					}
				})
			}},
			{"the context ends", func(t *testing.T, ctx context.Context, cancel context.CancelCauseFunc, c *bigv.Client) {
				elements, errs := 0, 0
				for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
					if err == nil {
						elements++
						cancel(errKeyPressed)
						continue
					}
					errs++
					assert.ErrorIs(t, err, context.Canceled)
					assert.ErrorIs(t, err, errKeyPressed)
					assert.ErrorContains(t, err, "(after 1 elements)")
				}
				assert.Equal(t, 1, elements, "elements that have arrived are not yielded after the context has ended")
				assert.Equal(t, 1, errs, "the loop ends with a single error")
			}},
		} {
			t.Run(protocolName(http2)+"/"+tt.name, func(t *testing.T) {
				closed := make(chan struct{})
				client := newClient(t, shared.New(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, `[{"id":1},{"id":2},{"id":3},`)
					flush(w)
					<-r.Context().Done()
					close(closed)
				}))
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				tt.loop(t, ctx, cancel, client)
				<-closed // before the context ends
			})
		}
	}
}

// All yields an element as soon as it has arrived.
func TestAllYieldsImmediately(t *testing.T) {
	yielded := make(chan struct{})
	client := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"id":1}`)
		flush(w)
		<-yielded // the rest is sent after the first element has been yielded
		_, _ = io.WriteString(w, `,{"id":2}]`)
	})
	var ids []int
	for g, err := range client.Groups.All(t.Context(), bigv.GroupListOptions{Account: acme}) {
		require.NoError(t, err)
		if ids = append(ids, g.ID); len(ids) == 1 {
			close(yielded)
		}
	}
	assert.Equal(t, []int{1, 2}, ids)
}

// All and List accept the same responses, although All yields what comes before an error.
func TestListAndAllAgree(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		ids        []int // of the elements that All yields
		is         error // nil: List returns ids
		message    string
	}{
		{"an empty list", "[]", []int{}, nil, ""},
		{"white space", " [ {\"id\":1} ,\n{\"id\":2,\"more\":[{}]} ] \n", []int{1, 2}, nil, ""},
		{"numbers in quotes", `[{"id":"1"},{"id":2},{"id":"3","account_id":"41"}]`, []int{1, 2, 3}, nil, ""},
		{"text in place of a number", `[{"id":1},{"id":"x"}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"a number out of range", `[{"id":1},{"id":99999999999999999999}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"a fraction", `[{"id":1.5}]`, nil, bigv.ErrInvalidResponse, ""},
		{"duplicate names", `[{"id":1},{"id":2,"id":3}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"invalid UTF-8", "[{\"id\":1},{\"name\":\"\xff\"}]", []int{1}, bigv.ErrInvalidResponse, ""},
		{"data after the end", `[{"id":1}] x`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"a second list", `[{"id":1}][]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"no comma", `[{"id":1}{"id":2}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"no end", `[{"id":1},{"id":2}`, []int{1, 2}, bigv.ErrInvalidResponse, ""},
		{"a list in a list", `[[{"id":1}]]`, nil, bigv.ErrInvalidResponse, ""},
		{"an object", `{"groups":[]}`, nil, bigv.ErrInvalidResponse, ""},
		{"an empty object", `{}`, nil, bigv.ErrInvalidResponse, ""},
		{"null", `null`, []int{}, nil, ""},
		{"an element without an ID", `[{"id":1},{"name":"web"}]`, []int{1}, bigv.ErrInvalidResponse, "element 1: the ID is missing"},
		{"a null element", `[null]`, nil, bigv.ErrInvalidResponse, "element 0: the ID is missing"},
		{"no body", ``, nil, bigv.ErrInvalidResponse, "the body is empty"},
		{"a string", `"groups"`, nil, bigv.ErrInvalidResponse, ""},
		{"deeply nested", strings.Repeat("[", 20_000), nil, bigv.ErrInvalidResponse, ""},
		{"an HTML page", "<!DOCTYPE html>", nil, bigv.ErrInvalidResponse, "an HTML page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := start(t, fakeserver.Respond(200, tt.body))
			var ids []int
			var end error
			for g, err := range client.Groups.All(t.Context(), bigv.GroupListOptions{Account: acme}) {
				require.NoError(t, end, "the loop ends with a single error")
				if end = err; err == nil {
					ids = append(ids, g.ID)
				}
			}
			assert.ElementsMatch(t, tt.ids, ids)
			groups, err := client.Groups.List(t.Context(), bigv.GroupListOptions{Account: acme})
			if tt.is == nil {
				require.NoError(t, end)
				require.NoError(t, err)
				require.NotNil(t, groups)
				listed := []int{}
				for _, g := range groups {
					listed = append(listed, g.ID)
				}
				assert.Equal(t, tt.ids, listed)
				return
			}
			for _, err := range []error{err, end} {
				assert.ErrorIs(t, err, tt.is)
				assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assert.ErrorContains(t, err, tt.message)
			}
			assert.Nil(t, groups)
		})
	}
}

// An error within a list says how many elements were yielded before.
func TestAllTruncated(t *testing.T) {
	var log attemptLog
	srv := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		fakeserver.Respond(200, `[{"id":1},{"id":2},{"id":`, "Content-Length", "100")(w, r)
		flush(w)
		panic(http.ErrAbortHandler)
	})
	count, err := countGroups(t.Context(), newClient(t, srv, log.option()))
	assert.Equal(t, 2, count)
	assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.ErrorContains(t, err, "(after 2 elements)")
	assert.Len(t, srv.Requests(), 1, "a list is not requested again after an element was yielded")
	log.assertRetries(t, 1)
	assert.ErrorIs(t, log.all()[0].Err, io.ErrUnexpectedEOF)
}

// A list that is truncated before its first element counts as a failed attempt like any other.
func TestAllRetriesWithinPolicy(t *testing.T) {
	var log attemptLog
	unavailable := fakeserver.Respond(503, "")
	srv := fakeserver.New(t, sequence(unavailable, truncate(), unavailable, truncate(), unavailable))
	client := newClient(t, srv, log.option(), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 5, MinWait: 1, MaxWait: 1}))
	_, err := countGroups(t.Context(), client)
	assert.ErrorIs(t, err, bigv.ErrUnavailable)
	assert.Len(t, srv.Requests(), 5)
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 5, e.Attempts)
	log.assertRetries(t, 5)
}

func TestAllCancelledBeforeRetry(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	client := start(t, truncate(), patient, bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		if a.Retry {
			cancel(errKeyPressed)
		}
	}))
	_, err := countGroups(ctx, client)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, errKeyPressed)
	assert.ErrorContains(t, err, "cut short")
}

// A transport may have one connection only. The lookups that verify a list are done before it is open.
func TestAllWithOneConnection(t *testing.T) {
	srv := bigvtest.NewServer(t)
	account := srv.Account("acme")
	for i := range 400 { // so that a list is longer than what is read at once
		account.Group(fmt.Sprint("group-", i, strings.Repeat("x", 50)))
		account.Group("web").VirtualMachine(fmt.Sprint("www", i))
		account.Group("default").VirtualMachine(fmt.Sprint("db", i))
	}
	httpClient := srv.HTTPClient()
	t.Cleanup(httpClient.CloseIdleConnections)
	base := httpClient.Transport.(*http.Transport)
	base.MaxConnsPerHost, base.ForceAttemptHTTP2 = 1, false
	client := srv.Client(bigv.WithTransport(base), bigv.WithURLStyle(bigv.FlatURLs),
		bigv.WithTimeouts(bigv.Timeouts{Header: 10 * time.Second, Idle: 10 * time.Second}))
	for _, path := range []bigv.AccountPath{account.Path(), bigv.AccountID(account.ID())} {
		assertYields(t, client.Groups.All(t.Context(), bigv.GroupListOptions{Account: path}))
		assertYields(t, client.VirtualMachines.All(t.Context(), bigv.VirtualMachineListOptions{Account: path}))
		assertYields(t, client.VirtualMachines.All(t.Context(), bigv.VirtualMachineListOptions{Group: path.Group("web")}))
		assertYields(t, client.VirtualMachines.All(t.Context(), bigv.VirtualMachineListOptions{Group: path.DefaultGroup()}))
		assertYields(t, client.Discs.All(t.Context(), bigv.DiscListOptions{VirtualMachine: path.Group("web").VirtualMachine("www1")}))
	}
}

// assertYields asserts that seq yields elements, and no error.
func assertYields[T any](t *testing.T, seq iter.Seq2[T, error]) {
	t.Helper()
	count := 0
	for _, err := range seq {
		assert.NoError(t, err)
		count++
	}
	assert.Positive(t, count)
}

// List keeps nothing of the response but what it returns, whether the length of the response is known or not.
func TestListIsDecodedAsItArrives(t *testing.T) {
	const elements = 5000
	body := "[" + strings.Repeat(`{"id":641,"more":"`+strings.Repeat("x", 1000)+`"},`, elements-1) + `{"id":641}]`
	for _, length := range []int{len(body), -1} {
		client := start(t, func(w http.ResponseWriter, _ *http.Request) {
			if length >= 0 {
				w.Header().Set("Content-Length", strconv.Itoa(length))
			}
			_, _ = io.WriteString(w, body)
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		groups, err := client.Groups.List(t.Context(), bigv.GroupListOptions{})
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		assert.Len(t, groups, elements)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(len(body)/2), "bytes allocated for a response of %d bytes", len(body))
	}
}
