package bigv_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResponseSizeLimit(t *testing.T) {
	blanks := strings.Repeat(" ", 16<<10)
	closed := make(chan struct{}, 64)
	for _, tt := range []struct {
		name       string
		respond    http.HandlerFunc
		awaitClose bool // the connection must be closed before the test goes on
	}{
		{"endless", respondEndlessly(200, blanks, closed), true},
		{"a length of 10 GiB", respondWithLength, false},
		{"compressed", gzipBomb(t, 1<<20), false},
	} {
		for _, op := range operations {
			if op.name == "all" {
				continue // its limit is for each element
			}
			t.Run(tt.name+"/"+op.name, func(t *testing.T) {
				var sent, read atomic.Int64
				client := start(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method != op.method {
						read.Add(1)
						fakeserver.Service(w, r)
						return
					}
					sent.Add(1)
					w.Header().Set("Content-Type", "application/json")
					tt.respond(w, r)
				}, bigv.WithMaxResponseSize(64<<10))
				err := op.call(t.Context(), client)
				if tt.awaitClose {
					<-closed
				}
				assert.EqualValues(t, 1, sent.Load(), "requests that arrived")
				if op.class == idempotent {
					assert.NoError(t, err)
					assert.Equal(t, !op.discardResponse, read.Load() == 1, "the object is read back")
					return
				}
				assert.ErrorIs(t, err, bigv.ErrTooLarge)
				assert.NotErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.ErrorContains(t, err, "response is larger than the limit of 65536 bytes")
				assert.Equal(t, op.class == nonIdempotent, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			})
		}
	}
}

// countingWriter counts the bytes of a body.
type countingWriter struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (w countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes.Add(int64(n))
	return n, err
}

// The body of an error is not read up to the limit of a response.
func TestErrorBodySizeLimit(t *testing.T) {
	var written atomic.Int64
	closed := make(chan struct{}, 1)
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		respondEndlessly(500, "0123456789abcdef", closed)(countingWriter{w, &written}, r)
	})
	err := create(t.Context(), client)
	<-closed
	assert.Less(t, written.Load(), int64(32<<20))
	e, ok := errors.AsType[*bigv.ServerError](err)
	require.True(t, ok, "%v", err)
	assert.Len(t, e.Body, 4<<10)
	assert.Less(t, len(err.Error()), 1000)
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
}

func TestDefaultResponseSizeLimit(t *testing.T) {
	client := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(64<<20+1))
		flush(w)
	})
	err := get(t.Context(), client)
	assert.ErrorIs(t, err, bigv.ErrTooLarge)
	assert.ErrorContains(t, err, "67108864 bytes")
}

func TestWithMaxResponseSize(t *testing.T) {
	const machine = fakeserver.VirtualMachine5012
	chunked := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, machine[:9])
		flush(w)
		_, _ = io.WriteString(w, machine[9:])
	}
	whole := fakeserver.Respond(200, machine)
	for _, handler := range []http.HandlerFunc{chunked, whole} {
		assert.NoError(t, get(t.Context(), start(t, handler, bigv.WithMaxResponseSize(math.MaxInt64))), "the largest limit")
		assert.NoError(t, get(t.Context(), start(t, handler, bigv.WithMaxResponseSize(int64(len(machine))))), "exactly the limit")
		err := get(t.Context(), start(t, handler, bigv.WithMaxResponseSize(int64(len(machine)-1))))
		assert.ErrorIs(t, err, bigv.ErrTooLarge, "one byte above the limit")
		assert.ErrorContains(t, err, "get virtual machine www1.web.acme")
		assert.ErrorContains(t, err, "larger than the limit")
	}
}

// Sums of a limit and something else do not overflow.
func TestLargestResponseSizes(t *testing.T) {
	const list = "[" + fakeserver.VirtualMachine5012 + `,{"id":1,"name":"\u0061"}]`
	for _, limit := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - 64<<10, math.MaxInt64 / 2, math.MaxInt64 / 8} {
		for _, known := range []bool{true, false} { // the length of the response
			client := start(t, func(w http.ResponseWriter, r *http.Request) {
				body := list
				if r.URL.Path != "/virtual_machines" {
					body = fakeserver.VirtualMachine5012
				}
				if known {
					w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				}
				_, _ = io.WriteString(w, body[:9])
				flush(w)
				_, _ = io.WriteString(w, body[9:])
			}, bigv.WithMaxResponseSize(limit), once)
			assert.NoError(t, get(t.Context(), client), "Get, %d bytes", limit)
			machines, err := client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{})
			assert.NoError(t, err, "List, %d bytes", limit)
			assert.Len(t, machines, 2, "List, %d bytes", limit)
			for _, err := range client.VirtualMachines.All(t.Context(), bigv.VirtualMachineListOptions{}) {
				assert.NoError(t, err, "All, %d bytes", limit)
			}
			assert.NoError(t, client.Do(t.Context(), "GET", "/virtual_machines", nil, &machines), "Do, %d bytes", limit)
			assert.Len(t, machines, 2, "Do, %d bytes", limit)
		}
	}
}

// A server that announces more than it sends, and more than there is memory, causes an error.
func TestFalseLengths(t *testing.T) {
	const machine = fakeserver.VirtualMachine5012
	for _, length := range []string{"1000000000000", "10000000000000000", strconv.Itoa(math.MaxInt)} {
		client := start(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", length)
			body := machine
			if r.URL.Path == "/virtual_machines" {
				body = "[" + strings.Repeat(machine+",", 100)
			}
			_, _ = io.WriteString(w, body)
		}, bigv.WithMaxResponseSize(math.MaxInt64), once)
		_, listErr := client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{})
		for _, err := range []error{
			get(t.Context(), client), listErr, client.Do(t.Context(), "GET", "/virtual_machines", nil, new([]bigv.VirtualMachine)),
		} {
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF, length)
		}
	}
}

// All that is allocated for a response without an end is bounded by the limit, and so is the peak.
func TestEndlessResponseMemory(t *testing.T) {
	const limit = 8 << 20 // much more than what the server and the runtime allocate
	closed := make(chan struct{}, 1)
	client := start(t, respondEndlessly(200, strings.Repeat(" ", 16<<10), closed), bigv.WithMaxResponseSize(limit), once)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	err := get(t.Context(), client)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, bigv.ErrTooLarge)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d KiB allocated for a limit of %d KiB", allocated>>10, limit>>10)
	assert.Less(t, allocated, uint64(3*limit))
	<-closed
}
