package bigvtest

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault describes a failure and the requests that it affects. Method, Path and Match select the
// requests; a field with its zero value matches every request. Failures can be combined, for
// example a Delay with DropAfter.
type Fault struct {
	// Method is the HTTP method of the requests to match.
	Method string
	// Path is the path of the requests to match, as it is sent, with its percent-encoding. It may be a
	// pattern of [path.Match], in which * matches one segment. A pattern that ends in /** matches all
	// paths below its root.
	Path string
	// Match reports whether a request matches. It is called only if Method and Path match. It may read
	// the body of the request, wait, and use the server and its clients; other requests are handled
	// meanwhile. If it sends requests that the fault may match, it is called for these too.
	Match func(*http.Request) bool

	// Skip is the number of matching requests that are processed normally before the first failure.
	Skip int
	// Times is the number of requests that fail: 0 means one, and -1 means all that match.
	Times int

	// Delay is how long the request is delayed, in real time, before anything else happens.
	Delay time.Duration
	// Hang leaves the request without a response until the client gives up or the server closes. The
	// request is not processed unless AfterWork is set.
	Hang bool
	// DropBefore closes the connection without processing the request. With HTTP/2, DropBefore,
	// DropAfter and CutBodyAt reset the stream instead of closing the connection.
	DropBefore bool
	// DropAfter processes the request and closes the connection without sending a response. With
	// Status, Body, Header or ContentType, the request is processed only if AfterWork is set.
	DropAfter bool
	// CutBodyAt processes the request and closes the connection after this many bytes of the response
	// body; -1 closes it immediately after the header. A shorter body is sent completely.
	CutBodyAt int

	// Status is the status of a response that is sent instead of processing the request. If it is 0
	// and Body, Header or ContentType is set, the status is 200.
	Status int
	// Body is the body of the response that is sent instead of processing the request.
	Body string
	// Header is the header of the response that is sent instead of processing the request. A
	// Content-Type in it overrides ContentType; the Content-Length is always that of Body.
	Header http.Header
	// ContentType is the content type of the response that is sent instead of processing the request.
	// The default is text/plain.
	ContentType string
	// AfterWork processes the request before that response is sent, or before the request hangs.
	// Clients assume that a request with status 503 or 429 was not processed, and may repeat it, so
	// AfterWork should not be combined with these.
	AfterWork bool
}

// Unavailable returns a [Fault] that responds with status 503 without processing the request.
func Unavailable() Fault {
	return Fault{Status: http.StatusServiceUnavailable, Body: "Service temporarily unavailable"}
}

// BadGateway returns a [Fault] that responds with status 502 and an HTML page without processing the
// request, as a proxy in front of the service does.
func BadGateway() Fault {
	return Fault{
		Status: http.StatusBadGateway, ContentType: "text/html; charset=utf-8",
		Body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n",
	}
}

func (f *Fault) replacesResponse() bool {
	return f.Status != 0 || f.Body != "" || f.ContentType != "" || f.Header != nil
}

// processesRequest reports whether the request is processed in spite of the fault.
func (f *Fault) processesRequest() bool {
	return f == nil || !f.DropBefore && (f.AfterWork || !f.Hang && !f.replacesResponse())
}

// String returns a short description of the fault, as it appears in the journal.
func (f *Fault) String() string {
	if f == nil {
		return ""
	}
	var words []string
	if f.Delay > 0 {
		words = append(words, "delay "+f.Delay.String())
	}
	switch {
	case f.Hang && f.AfterWork:
		words = append(words, "hang after work")
	case f.Hang:
		words = append(words, "hang")
	case f.DropBefore:
		words = append(words, "drop before")
	case f.DropAfter:
		words = append(words, "drop after")
	case f.replacesResponse():
		word := fmt.Sprintf("status %d", cmp.Or(f.Status, http.StatusOK))
		if f.AfterWork {
			word += " after work"
		}
		words = append(words, word)
	}
	if f.CutBodyAt != 0 {
		words = append(words, fmt.Sprintf("cut body at %d", max(f.CutBodyAt, 0)))
	}
	return strings.Join(words, ", ")
}

func (f *Fault) matches(r *http.Request, body []byte) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Path != "" && !pathMatches(f.Path, r.URL.EscapedPath()) {
		return false
	}
	if f.Match == nil {
		return true
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return f.Match(r)
}

func pathMatches(pattern, escaped string) bool {
	if pattern == escaped {
		return true
	}
	if root, below := strings.CutSuffix(pattern, "/**"); below {
		depth := strings.Count(root, "/") + 1
		segments := strings.SplitAfterN(escaped, "/", depth+1)
		if len(segments) <= depth {
			return false
		}
		pattern, escaped = root, strings.TrimSuffix(strings.Join(segments[:depth], ""), "/")
	}
	matched, err := path.Match(pattern, escaped)
	return err == nil && matched
}

// faults holds the active faults.
type faults struct {
	mu       sync.Mutex
	injected []*injectedFault
	random   []*randomFaults
}

type injectedFault struct {
	Fault
	skip, times int
}

type randomFaults struct {
	rng    *rand.Rand
	rate   float64
	faults []Fault
}

// Inject adds a fault for later requests. If several faults match a request, the one that was injected
// first applies. The returned function removes the fault. A malformed Path pattern or a Status outside
// 200 to 599 fails the test, or panics if there is none.
func (s *Server) Inject(f Fault) (remove func()) {
	s.checkFault(f)
	p := &injectedFault{f, f.Skip, cmp.Or(f.Times, 1)}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.injected = append(s.faults.injected, p)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.injected, p.times = without(s.faults.injected, p), 0
	}
}

// InjectRandom makes a random share of the requests fail, at a rate between 0 and 1. For each
// failure it chooses one of the given faults; their Skip and Times are ignored. Without faults it
// chooses from error responses of the service and of a proxy, and connections that are closed
// before, during and after the processing of the request. The same seed selects the same faults for
// the same sequence of requests. The returned function stops the failures.
func (s *Server) InjectRandom(seed uint64, rate float64, faults ...Fault) (stop func()) {
	if len(faults) == 0 {
		faults = []Fault{Unavailable(), BadGateway(), {DropBefore: true}, {DropAfter: true}, {CutBodyAt: 1}}
	}
	for _, f := range faults {
		s.checkFault(f)
	}
	r := &randomFaults{rand.New(rand.NewPCG(seed, seed)), rate, slices.Clone(faults)}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.random = append(s.faults.random, r)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.random = without(s.faults.random, r)
	}
}

// checkFault calls fatalf if the fault is invalid.
func (s *Server) checkFault(f Fault) {
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		s.fatalf("fault status %d is not between 200 and 599", f.Status)
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		s.fatalf("fault path %q: %v", f.Path, err)
	}
}

// choose returns the fault that applies to a request, or nil. It does not hold the lock while it calls
// Match, which may take long and use the server.
func (fs *faults) choose(r *http.Request, body []byte) *Fault {
	fs.mu.Lock()
	injected, random := slices.Clone(fs.injected), slices.Clone(fs.random)
	fs.mu.Unlock()
	for _, p := range injected {
		if fs.isActive(p) && p.matches(r, body) && fs.use(p) {
			return &p.Fault
		}
	}
	for _, some := range random {
		if f := fs.draw(some); f != nil && f.matches(r, body) {
			return f
		}
	}
	return nil
}

// draw returns one of the random faults, or nil if the request is to be spared.
func (fs *faults) draw(random *randomFaults) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if random.rng.Float64() >= random.rate {
		return nil
	}
	return &random.faults[random.rng.IntN(len(random.faults))]
}

// isActive reports whether an injected fault can still apply to a request.
func (fs *faults) isActive(p *injectedFault) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return p.times != 0
}

// use counts a request that an injected fault matches, and reports whether the fault applies to it.
func (fs *faults) use(p *injectedFault) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	switch {
	case p.times == 0: // removed, or used by another request in the meantime
		return false
	case p.skip > 0:
		p.skip--
		return false
	case p.times > 0:
		p.times--
	}
	return true
}

// delay waits for the fault's Delay. It reports false if the client or the server ended the request
// first.
func (s *Server) delay(r *http.Request, f *Fault) bool {
	if f == nil || f.Delay <= 0 {
		return true
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.stop:
	}
	return false
}

// hang waits until the client or the server ends the request.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.stop:
	}
}
