package bigvtest

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/bigv-go/bigv/internal/retry"
)

// callHeader is the header in which a markingTransport sends the ID of the call that a request belongs to.
const callHeader = "Bigvtest-Call"

// markingTransport marks each write with the ID of the call of a [bigv.Client] that it belongs to. All
// attempts of a call have the same ID. So has a request that net/http or a proxy sends again, since that
// happens below.
type markingTransport struct {
	*http.Transport
	calls *calls
}

// RoundTrip implements [http.RoundTripper].
func (t *markingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	call := retry.Info(req.Context())
	if call == nil || req.Method == http.MethodGet {
		return t.Transport.RoundTrip(req)
	}
	marked := *req
	marked.Header = req.Header.Clone()
	marked.Header.Set(callHeader, t.calls.id(call))
	return t.Transport.RoundTrip(&marked)
}

// maxRecentCalls limits how many calls are remembered. Attempts of one call that are further apart get
// different IDs.
const maxRecentCalls = 10_000

// calls assigns IDs to the calls of all clients of a server.
type calls struct {
	mu     sync.Mutex
	last   int
	ids    map[any]string
	recent []any // in the order of their IDs
}

// id returns the ID of a call, and assigns one at its first attempt.
func (c *calls) id(call any) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := c.ids[call]; ok {
		return id
	}
	if c.ids == nil {
		c.ids = map[any]string{}
	}
	if len(c.recent) == maxRecentCalls {
		delete(c.ids, c.recent[0])
		c.recent[0] = nil
		c.recent = c.recent[1:]
	}
	c.last++
	c.ids[call] = strconv.Itoa(c.last)
	c.recent = append(c.recent, call)
	return c.ids[call]
}
