package bigv_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// peakMemory calls f and returns by how many bytes the heap grew at most. That includes garbage which is not collected yet.
func peakMemory(f func()) int64 {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	read := func() int64 {
		metrics.Read(heap)
		return int64(heap[0].Value.Uint64())
	}
	runtime.GC()
	before, most := read(), int64(0)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			most = max(most, read()-before)
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return most
}

// largeBody is a response that needs much more memory when it is decoded, or costs much to look at.
type largeBody struct{ name, start, repeat, end string }

// compress returns the body with so many repetitions that it has a number of bytes, in gzip. A repetition with verbs gets two numbers,
// which differ from those of the others.
func (b largeBody) compress(t *testing.T, size int) []byte {
	t.Helper()
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.WriteString(w, b.start)
	require.NoError(t, err)
	for n, i := len(b.start), 1<<16; ; i++ {
		repeat := b.repeat
		if strings.Contains(repeat, "%") {
			repeat = fmt.Sprintf(repeat, i>>16, i&0xffff)
		}
		if n += len(repeat); n > size-len(b.end) {
			break
		}
		_, err = io.WriteString(w, repeat)
		require.NoError(t, err)
	}
	_, err = io.WriteString(w, b.end)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return compressed.Bytes()
}

var largeBodies = []largeBody{
	{"empty objects", `[{}`, `,{}`, `]`},
	{"objects", `[{"id":1}`, `,{"id":1}`, `]`},
	{"numbers in quotes", `[{"id":"1"}`, `,{"id":"1"}`, `]`},
	{"longer objects", `[{"id":1}`, `,{"id":1,"x":"` + strings.Repeat("x", 40) + `"}`, `]`},
	{"objects of 100 bytes", `[{"id":1}`, `,{"id":1,"x":"` + strings.Repeat("x", 80) + `"}`, `]`},
	{"objects of 200 bytes", `[{"id":1}`, `,{"id":1,"x":"` + strings.Repeat("x", 180) + `"}`, `]`},
	{"nulls", `[null`, `,null`, `]`},
	{"empty lists", `[[]`, `,[]`, `]`},
	{"empty strings", `[""`, `,""`, `]`},
	{"numbers", `[1`, `,1`, `]`},
	{"discs of a virtual machine", `{"id":5012,"name":"www1","discs":[{}`, `,{}`, `]}`},
	{"discs that are null", `{"id":5012,"name":"www1","discs":[null`, `,null`, `]}`},
	{"longer discs", `{"id":5012,"name":"www1","discs":[{}`, `,{"x":"` + strings.Repeat("x", 200) + `"}`, `]}`},
	{"discs that are decoded twice", `{"id":5012,"discs":[{}`, `,{"label":"` + strings.Repeat("x", 300) + `"}`, `],"\u006eame":"www1"}`},
	{"escaped discs that are decoded twice",
		`{"id":5012,"discs":[{}`, `,{"label":"` + strings.Repeat(`\"`, 150) + `"}`, `],"\u006eame":"www1"}`},
	{"a list that is decoded twice", `[{"discs":[{}`, `,{"label":"` + strings.Repeat("x", 300) + `"}`, `],"\u006eame":"www1"}]`},
	{"network interfaces", `{"id":5012,"name":"www1","network_interfaces":[{"id":1}`, `,{"id":1}`, `]}`},
	{"addresses", `{"id":6100,"ips":["::"`, `,"::"`, `]}`},
	{"additional addresses", `{"id":6100,"extra_ips":{"::":"::"`, `,"::%x:%x":"::"`, `}}`},
	{"factors of a session", `{"username":"alice","factors":[""`, `,""`, `]}`},
	{"virtual machines of a group", `{"id":78,"virtual_machines":[{}`, `,{}`, `]}`},
	{"groups of an account", `{"id":41,"groups":[{"id":1}`, `,{"id":1}`, `]}`},
	{"discs of many virtual machines", `[{"id":1}`, `,{"id":1,"discs":[{},{}]}`, `]`},
	{"an overview", `[{"id":41,"groups":[{"id":78}`, `,{"id":78,"virtual_machines":[{"discs":[{},{}]},{}]}`, `]}]`},
	{"discs of a VM default", `{"id":12,"server_settings":{"discs":[{}`, `,{}`, `]}}`},
	{"definitions", `[{"id":"distributions","data":[""`, `,""`, `]}]`},
	{"descriptions", `[{"id":"distribution_descriptions","data":{"":""`, `,"%x%x":""`, `}}]`},
	{"kinds of definitions", `[{}`, `,{"id":"x"}`, `]`},
	{"members", `{"id":5012`, `,"%x%x":0`, `}`},
	{"members of an element", `[{"id":5012`, `,"%x%x":0`, `}]`},
	{"nested members", `{"` + strings.Repeat("n", 1000) + `":{`, `"%x%x":["",{}],`, `"":{}}`},
	{"a long name", `{"id":5012,"name":"`, `x`, `"}`},
	{"a long name of a member", `{"id":5012,"`, `x`, `":1}`},
	{"a long escaped name of a member", `{"id":5012,"`, `\u0001`, `":1}`},
	{"a long number", `{"id":5012,"size":1`, `1`, `}`},
	{"a string", `"`, `x`, `"`},
	{"an escaped string", `"`, `\u0001`, `"`},
	{"white space", ``, ` `, ``},
	{"brackets", ``, `[`, ``},
	{"objects in objects", `{"id":1,"x":`, `{"x":`, ``},
	{"objects in a list in objects", `[{"id":1,"x":`, `[{"x":`, ``},
	{"an HTML page", `<html>`, `<p>no</p>`, ``},
	{"the token", ``, `t0ken`, ``},
}

// callDiscarding calls a method like callThatEnds, and does not keep the elements of a sequence.
func callDiscarding(ctx context.Context, cancel func(), m method, c *bigv.Client, args []any) error {
	if !strings.HasSuffix(m.name, ".All") {
		return callThatEnds(ctx, cancel, m, c, &attemptLog{}, args...)
	}
	for _, err := range m.invoke(ctx, c, args...)[0].Seq2() {
		if err, ok := reflect.TypeAssert[error](err); ok {
			return err
		}
	}
	return nil
}

// TestPeakMemory calls every method with responses that are within the limit. The heap never grows by more than 8 times the limit, and
// errors remain short.
func TestPeakMemory(t *testing.T) {
	const limit = 4 << 20
	picked := newSample(t, 300)
	if *exhaustive { // all would take twenty minutes
		picked = sample{offset: rand.IntN(30), step: 30}
	}
	number := 0
	for _, body := range largeBodies {
		t.Run(body.name, func(t *testing.T) {
			compressed := body.compress(t, limit)
			for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Encoding", "gzip")
					w.WriteHeader(status)
					_, _ = w.Write(compressed)
				}))
				t.Cleanup(srv.Close)
				client := clientFor(t, srv.URL, bigv.WithToken("t0ken"), bigv.WithMaxResponseSize(limit), once)
				eachMethod(t, func(m method) {
					if number++; !picked.includes(number) {
						return
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					args := argsThatEnd(t, m, cancel)
					var err error
					peak := peakMemory(func() { err = callDiscarding(ctx, cancel, m, client, args) })
					for range 2 { // when the garbage of a busy machine is collected, varies
						if peak >= 8*limit {
							peak = min(peak, peakMemory(func() { err = callDiscarding(ctx, cancel, m, client, args) }))
						}
					}
					assert.Less(t, peak, int64(8*limit), "%s, status %d: %v", m.name, status, err)
					if err != nil {
						assertOneLine(t, err)
					}
				})
			}
		})
	}
}
