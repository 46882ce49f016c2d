package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endlessly writes piece until nobody reads it any more.
func endlessly(piece string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
		}
	}
}

// endlessHeaders writes headers until nobody reads them any more.
func endlessHeaders(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	for text := "HTTP/1.1 200 OK\r\n"; err == nil; text = "X-A: " + strings.Repeat("a", 32<<10) + "\r\n" {
		_, err = io.WriteString(conn, text)
	}
}

// TestHostileAnswers holds every method against answers that are meant to hurt.
// Each call ends soon, in an error that names the trouble, or well where the
// answer does not matter.
func TestHostileAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		says   []string // one of which each error says
	}{
		{"a length of 10 GiB", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(10<<30))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, []string{"larger than the limit", "cut short", "unexpected EOF"}},
		{"a body without end", endlessly(strings.Repeat(" ", 16<<10)), []string{"larger than the limit", "too long", "longer", "limit"}},
		{"a gzip bomb", bomb(t, 8<<20), []string{"larger than the limit", "limit", "longer"}},
		{"lists 100,000 deep", replying(200, strings.Repeat("[", 100_000)), []string{"depth", "a list", "larger"}},
		{"objects 100,000 deep", replying(200, strings.Repeat(`{"x":`, 100_000)), []string{"depth", "an object", "expected a list", "larger"}},
		{"duplicate names", replying(200, `{"id":1,"id":2}`), []string{"duplicate", "an object", "expected a list"}},
		{"duplicate names in a list", replying(200, `[{"id":1,"id":2}]`), []string{"duplicate", "a list", "a text"}},
		{"wrong types", replying(200, `{"id":true,"name":7}`), []string{"true", "an object", "expected a list"}},
		{"wrong types in a list", replying(200, `[true]`), []string{"true", "a list", "a text"}},
		{"invalid UTF-8", replying(200, "{\"id\":1,\"name\":\"\xff\"}"), []string{"UTF-8", "an object", "expected a list"}},
		{"a number out of range", replying(200, `{"id":99999999999999999999}`), []string{"range", "an object", "expected a list"}},
		{"a web page", replying(200, "<html>log in</html>"), []string{"web page"}},
		{"cut JSON", replying(200, `{"id":1,`), []string{"EOF", "an object", "expected a list"}},
		{"a cut list", replying(200, `[{"id":1`), []string{"EOF", "a list", "a text"}},
		{"headers without end", endlessHeaders, []string{"header"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var asked atomic.Int64
			errs := 0
			client := start(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				row.answer(w, r)
			}, bigv.WithMaxResponseSize(1<<20), tryOnce)
			everyService(t, func(name string, kind reflect.Type) {
				before := asked.Load()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := invokeBriefly(ctx, client, name, briefArgs(name, kind)...)
				require.NoError(t, ctx.Err(), "%s did not end", name)
				assert.Greater(t, asked.Load(), before, "%s asked nothing: %v", name, err)
				if err == nil || name == "Sessions.KeepAlive" && errors.Is(err, context.DeadlineExceeded) {
					return // it puts up with what may pass
				}
				errs++
				assert.NotContains(t, err.Error(), "panicked", name)
				assert.Less(t, len(err.Error()), 4<<10, name)
				named := false
				for _, words := range append(row.says, "nothing was sent", "not found", "time is over", "not a session ID", "names no addresses") {
					named = named || strings.Contains(err.Error(), words)
				}
				assert.True(t, named, "%s does not name the trouble: %v", name, err)
			})
			assert.Greater(t, errs, 5, "calls that the answer matters to")
		})
	}
}

// TestHostileAnswerMemory holds the peak of a call whose answer has no end
// against the limit of an answer.
func TestHostileAnswerMemory(t *testing.T) {
	const limit = 8 << 20 // much more than what the server and the runtime take besides
	client := start(t, endlessly(strings.Repeat(" ", 16<<10)), bigv.WithMaxResponseSize(limit), tryOnce)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := client.VirtualMachines.Get(t.Context(), www1)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, bigv.ErrTooLarge)
	used := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d KiB allocated in all, for a limit of %d KiB", used>>10, limit>>10)
	assert.Less(t, used, uint64(3*limit), "what was allocated in all bounds the peak")
}
