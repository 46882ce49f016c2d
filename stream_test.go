package bigv_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endless writes piece until the client has gone, and tells so.
func endless(status int, piece string, gone chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		for {
			if _, err := io.WriteString(w, piece); err != nil {
				gone <- struct{}{}
				return
			}
		}
	}
}

// counting counts what is written.
type counting struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// bomb is a little that becomes much.
func bomb(t *testing.T, size int64) http.HandlerFunc {
	t.Helper()
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	_, err := io.CopyN(pack, blanks{}, size)
	require.NoError(t, err)
	require.NoError(t, pack.Close())
	return replying(200, packed.String(), "Content-Encoding", "gzip")
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

func TestAnswersWithoutEnd(t *testing.T) {
	page := strings.Repeat(" ", 16<<10)
	gone := make(chan struct{}, 64)
	await := func() { <-gone }
	for _, row := range []struct {
		name  string
		fault http.HandlerFunc
		after func()
	}{
		{"endless", endless(200, page, gone), await},
		{"a length of 10 GiB", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", fmt.Sprint(10<<30))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, nil},
		{"a compressed bomb", bomb(t, 1<<20), nil},
	} {
		for _, d := range deeds {
			if d.name == "all" {
				continue // has no limit
			}
			t.Run(row.name+"/"+d.name, func(t *testing.T) {
				var sent, fetched atomic.Int64
				client := start(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method != d.method {
						fetched.Add(1)
						answerWell(w, r)
						return
					}
					sent.Add(1)
					row.fault(w, r)
				}, bigv.WithMaxResponseSize(64<<10))
				err := d.call(t.Context(), client)
				if row.after != nil {
					row.after()
				}
				assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
				if d.class == repeatable {
					assert.NoError(t, err)
					assert.Equal(t, !d.blind, fetched.Load() == 1)
					return
				}
				assert.ErrorIs(t, err, bigv.ErrTooLarge)
				assert.NotErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.ErrorContains(t, err, "the answer is larger than the limit of 65536 bytes")
				assert.Equal(t, d.class == once, errors.Is(err, bigv.ErrOutcomeUnknown))
			})
		}
	}
	t.Run("an endless error", func(t *testing.T) {
		var sent atomic.Int64
		client := start(t, func(w http.ResponseWriter, r *http.Request) {
			endless(500, "0123456789abcdef", gone)(counting{w, &sent}, r)
		})
		err := create(t.Context(), client)
		await()
		assert.Less(t, sent.Load(), int64(32<<20), "an error is not worth reading to the limit of an answer")
		e, ok := errors.AsType[*bigv.ServerError](err)
		require.True(t, ok, "%v", err)
		assert.Len(t, e.Body, 4<<10)
		assert.Less(t, len(err.Error()), 1000)
		assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	})
	t.Run("64 MiB by default", func(t *testing.T) {
		client := start(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(64<<20+1))
			_ = http.NewResponseController(w).Flush()
		})
		err := get(t.Context(), client)
		assert.ErrorIs(t, err, bigv.ErrTooLarge)
		assert.ErrorContains(t, err, "67108864 bytes")
	})
}

func listAll(ctx context.Context, c *bigv.Client) (count int, err error) {
	for _, err = range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
		if err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// group is one of size bytes.
func group(size int) string {
	const start, end = `{"id":7,"name":"`, `"}`
	return start + strings.Repeat("x", size-len(start)-len(end)) + end
}

func TestAllHasNoTotalLimit(t *testing.T) {
	const elements, size = 1024, 32 << 10
	element := group(size)
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
	assert.Less(t, most, int64(8<<20), "32 MiB pass in constant memory")

	_, err := client.Groups.List(t.Context(), bigv.GroupListOptions{Account: acme})
	assert.ErrorIs(t, err, bigv.ErrTooLarge, "a whole answer has a limit")
}

func TestAllLimitsItsElements(t *testing.T) {
	gone := make(chan struct{}, 64)
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		count   int
		is      error
		says    string
	}{
		{"4 MiB are allowed", replying(200, "["+group(32)+","+group(4<<20)+"]"), 2, nil, ""},
		{"5 MiB are not", replying(200, "["+group(32)+","+group(5<<20)+","+group(32)+"]"), 1, bigv.ErrTooLarge, "(after 1 elements)"},
		{"an element without end", endless(200, `[{"name":"`, gone), 0, bigv.ErrInvalidResponse, ""},
		{"a number without end", endless(200, "["+strings.Repeat("1", 64<<10), gone), 0, bigv.ErrInvalidResponse, ""},
		{"nothing but brackets", endless(200, "[", gone), 0, bigv.ErrInvalidResponse, ""},
		{"blanks without end", endless(200, strings.Repeat(" ", 16<<10), gone), 0, bigv.ErrTooLarge, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			client := start(t, row.handler)
			count, err := listAll(t.Context(), client)
			assert.Equal(t, row.count, count)
			if row.is == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, row.is)
			assert.ErrorContains(t, err, row.says)
		})
	}
}

// A loop that is left frees the connection, however it is left.
func TestAllFreesItsConnection(t *testing.T) {
	for _, version := range []bool{false, true} {
		for _, row := range []struct {
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
			{"the end of the context", func(t *testing.T, ctx context.Context, cancel context.CancelCauseFunc, c *bigv.Client) {
				count, ends := 0, 0
				for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
					if err == nil {
						count++
						cancel(causeOfEnd{})
						continue
					}
					ends++
					assert.ErrorIs(t, err, context.Canceled)
					assert.ErrorIs(t, err, causeOfEnd{})
					assert.ErrorContains(t, err, "(after 1 elements)")
				}
				assert.Equal(t, 1, count, "what has arrived is not handed out after the end")
				assert.Equal(t, 1, ends, "one error ends the loop")
			}},
		} {
			t.Run(fmt.Sprintf("%s/HTTP2 %t", row.name, version), func(t *testing.T) {
				gone := make(chan struct{})
				client := newStage(t, version).play(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, `[{"id":1},{"id":2},{"id":3},`)
					_ = http.NewResponseController(w).Flush()
					<-r.Context().Done()
					close(gone)
				})
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				row.loop(t, ctx, cancel, client)
				<-gone // before the context ends
			})
		}
	}
}

func TestAllHandsOutWhatHasArrived(t *testing.T) {
	seen := make(chan struct{})
	client := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"id":1}`)
		_ = http.NewResponseController(w).Flush()
		<-seen // the rest is sent when the first has been handed out
		_, _ = io.WriteString(w, `,{"id":2}]`)
	})
	var ids []int
	for g, err := range client.Groups.All(t.Context(), bigv.GroupListOptions{Account: acme}) {
		require.NoError(t, err)
		if ids = append(ids, g.ID); len(ids) == 1 {
			close(seen)
		}
	}
	assert.Equal(t, []int{1, 2}, ids)
}

// What All and List make of an answer is the same, but for where they notice.
func TestListsAndAll(t *testing.T) {
	for _, row := range []struct {
		name, body string
		ids        []int // that All hands out
		is         error // nil: List returns ids
		says       string
	}{
		{"none", "[]", []int{}, nil, ""},
		{"some, with blanks", " [ {\"id\":1} ,\n{\"id\":2,\"more\":[{}]} ] \n", []int{1, 2}, nil, ""},
		{"numbers that are strings", `[{"id":"1"},{"id":2},{"id":"3","account_id":"41"}]`, []int{1, 2, 3}, nil, ""},
		{"a number that is none", `[{"id":1},{"id":"x"}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"a number out of range", `[{"id":1},{"id":99999999999999999999}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"a fraction", `[{"id":1.5}]`, nil, bigv.ErrInvalidResponse, ""},
		{"duplicate members", `[{"id":1},{"id":2,"id":3}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"invalid UTF-8", "[{\"id\":1},{\"name\":\"\xff\"}]", []int{1}, bigv.ErrInvalidResponse, ""},
		{"something after the end", `[{"id":1}] x`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"another list after the end", `[{"id":1}][]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"no comma", `[{"id":1}{"id":2}]`, []int{1}, bigv.ErrInvalidResponse, ""},
		{"the end is missing", `[{"id":1},{"id":2}`, []int{1, 2}, bigv.ErrInvalidResponse, ""},
		{"a list in a list", `[[{"id":1}]]`, nil, bigv.ErrInvalidResponse, ""},
		{"an object", `{"groups":[]}`, nil, bigv.ErrInvalidResponse, ""},
		{"an empty object", `{}`, nil, bigv.ErrInvalidResponse, ""},
		{"null", `null`, nil, bigv.ErrInvalidResponse, "it is empty"},
		{"nothing", ``, nil, bigv.ErrInvalidResponse, "it is empty"},
		{"text", `"groups"`, nil, bigv.ErrInvalidResponse, ""},
		{"very deep", strings.Repeat("[", 20_000), nil, bigv.ErrInvalidResponse, ""},
		{"a web page", "<!DOCTYPE html>", nil, bigv.ErrInvalidResponse, "web page"},
	} {
		t.Run(row.name, func(t *testing.T) {
			client := start(t, replying(200, row.body))
			var ids []int
			var end error
			for g, err := range client.Groups.All(t.Context(), bigv.GroupListOptions{Account: acme}) {
				require.NoError(t, end, "one error ends the loop")
				if end = err; err == nil {
					ids = append(ids, g.ID)
				}
			}
			assert.ElementsMatch(t, row.ids, ids)
			groups, err := client.Groups.List(t.Context(), bigv.GroupListOptions{Account: acme})
			if row.is == nil {
				require.NoError(t, end)
				require.NoError(t, err)
				require.NotNil(t, groups)
				listed := []int{}
				for _, g := range groups {
					listed = append(listed, g.ID)
				}
				assert.Equal(t, row.ids, listed)
				return
			}
			for _, err := range []error{err, end} {
				assert.ErrorIs(t, err, row.is)
				assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assert.ErrorContains(t, err, row.says)
			}
			assert.Nil(t, groups)
		})
	}
}

func TestAllThatIsCutShortSaysWhere(t *testing.T) {
	var arrived atomic.Int64
	var seen watch
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		replying(200, `[{"id":1},{"id":2},{"id":`, "Content-Length", "100")(w, r)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, seen.option())
	count, err := listAll(t.Context(), client)
	assert.Equal(t, 2, count)
	assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.ErrorContains(t, err, "(after 2 elements)")
	assert.EqualValues(t, 1, arrived.Load(), "what has been handed out is not fetched again")
	seen.inOrder(t, 1)
	assert.ErrorIs(t, seen.attempts[0].Err, io.ErrUnexpectedEOF)
}

// The attempts of a list that is cut short before its first element are those of
// the policy, whatever became of each.
func TestAllBeginsAgainWithinThePolicy(t *testing.T) {
	var arrived atomic.Int64
	var seen watch
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		if arrived.Add(1)%2 == 1 {
			replying(503, "")(w, r)
			return
		}
		cutShort()(w, r)
	}, seen.option(), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 5}))
	_, err := listAll(t.Context(), client)
	assert.ErrorIs(t, err, bigv.ErrUnavailable)
	assert.EqualValues(t, 5, arrived.Load())
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 5, e.Attempts)
	seen.inOrder(t, 5)
}

func TestAllEndsWhileWaitingToBeginAgain(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	client := start(t, cutShort(), patient, bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		if a.Retry {
			cancel(causeOfEnd{})
		}
	}))
	_, err := listAll(ctx, client)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, causeOfEnd{})
	assert.ErrorContains(t, err, "cut short")
}

func TestRedirects(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	var arrived atomic.Int64
	var auth []string
	var handler http.HandlerFunc
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		auth = append(auth, r.Header.Get("Authorization"))
		handler(w, r)
	}))
	srv.StartTLS()
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "https://")
	client := clientFor(t, srv.URL, bigv.WithToken("t0ken"), bigv.WithHTTPClient(srv.Client()))

	moved := func(status int, to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				replying(200, machineAnswer)(w, r)
				return
			}
			replying(status, "", "Location", to)(w, r)
		}
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, row := range []struct{ name, to, says string }{
			{"to the same place", srv.URL + "/moved", ""},
			{"to a path", "/moved", ""},
			{"to another host", "https://localhost.localdomain/moved", "to https://localhost.localdomain, another place than " + srv.URL},
			{"to another port", other.URL + "/moved", "another place"},
			{"to plain http", "http://" + host + "/moved", "to http://" + host + ", another place than " + srv.URL},
			{"to a user of another host", "https://t0ken@localhost.localdomain/", "another place"},
			{"to no place", "//", "10 in a row"},
			{"without end", "/again", "10 in a row"},
		} {
			t.Run(fmt.Sprintf("%d %s", status, row.name), func(t *testing.T) {
				handler = moved(status, row.to)
				for _, d := range deeds {
					arrived.Store(0)
					auth = nil
					err := d.call(t.Context(), client)
					if d.class == safe && row.says == "" && d.name == "get" {
						assert.NoError(t, err)
						assert.Equal(t, []string{"Bearer t0ken", "Bearer t0ken"}, auth)
						continue
					}
					if d.class == safe && row.says == "" {
						continue // an object is no list
					}
					assert.ErrorIs(t, err, bigv.ErrRedirect, d.name)
					assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown, d.name)
					e, ok := errors.AsType[*bigv.Error](err)
					require.True(t, ok)
					assert.Equal(t, 1, e.Attempts, "another attempt leads to the same place")
					if d.class == safe {
						assert.ErrorContains(t, err, row.says)
					} else {
						assert.EqualValues(t, 1, arrived.Load(), "%s: a write is not led elsewhere", d.name)
						assert.ErrorContains(t, err, "a "+d.method+" was answered with one")
					}
				}
			})
		}
	}
	assert.Zero(t, elsewhere.Load(), "nothing goes to another place")

	handler = replying(302, "no location")
	e, ok := errors.AsType[*bigv.Error](get(t.Context(), client))
	require.True(t, ok)
	assert.Equal(t, 302, e.StatusCode)
	handler = replying(302, "", "Location", "https://[::1")
	assert.Error(t, get(t.Context(), client), "a location that is no URL")
}
