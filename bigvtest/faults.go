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

// Fault is something that goes wrong with the requests it matches. Of what
// to match and when, everything left zero matches. Of what goes wrong,
// several may be combined: a Delay before a DropAfter, say.
type Fault struct {
	// Method is the HTTP method to match.
	Method string
	// Path is what the path as sent (escaped) must be: exactly, or by a
	// pattern of [path.Match], in which * stands for one segment. A pattern
	// that ends in /** matches everything below.
	Path string
	// Match is for whatever Method and Path cannot say. It may read the body,
	// which is held in memory, but must not call Inject or InjectRandom.
	Match func(*http.Request) bool

	// Skip lets so many matching requests through first.
	Skip int
	// Times is how many requests go wrong: 0 means one, -1 all of them.
	Times int

	// Delay holds the request up, in real time, before anything else.
	Delay time.Duration
	// Hang never answers: the request ends when the client gives up or the
	// server closes. The work is not done, unless AfterWork says so.
	Hang bool
	// DropBefore closes the connection without doing the work. Over HTTP/2 it
	// resets the stream, as do the following.
	DropBefore bool
	// DropAfter does the work and closes the connection without an answer.
	DropAfter bool
	// CutBodyAt does the work, and closes the connection after so many bytes
	// of the body of the answer; -1 cuts it right after the header. A body
	// that is no longer than that arrives whole.
	CutBodyAt int

	// Status, Body, Header and ContentType make up an answer given instead
	// of doing the work. Without Status that is 200; without ContentType,
	// text/plain.
	Status      int
	Body        string
	Header      http.Header
	ContentType string
	// AfterWork does the work before giving that answer, or before it hangs.
	// Whoever is answered 503 or 429 takes the work for not done, so that
	// these together with AfterWork are a service that lies.
	AfterWork bool
}

// Unavailable is a [Fault] that answers 503 and does not do the work.
func Unavailable() Fault {
	return Fault{Status: http.StatusServiceUnavailable, Body: "Service temporarily unavailable"}
}

// BadGateway is a [Fault] that answers 502 with an HTML page, as a proxy in
// front of the service does.
func BadGateway() Fault {
	return Fault{
		Status: http.StatusBadGateway, ContentType: "text/html; charset=utf-8",
		Body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n",
	}
}

func (f *Fault) replacesResponse() bool {
	return f.Status != 0 || f.Body != "" || f.ContentType != "" || f.Header != nil
}

// works reports whether the work is done.
func (f *Fault) processesRequest() bool {
	return f == nil || !f.DropBefore && (f.AfterWork || !f.Hang && !f.replacesResponse())
}

// String names the fault as the journal does.
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

// faults are those waiting for requests.
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

// Inject has something go wrong with requests to come. Several faults are
// tried in the order in which they were injected, and the first that matches
// is the one. The function returned takes the fault back. A Path that is no
// pattern, or a Status that is none, ends the test, or panics without one.
func (s *Server) Inject(f Fault) (remove func()) {
	s.checkFault(f)
	p := &injectedFault{f, f.Skip, cmp.Or(f.Times, 1)}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.injected = append(s.faults.injected, p)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.injected = without(s.faults.injected, p)
	}
}

// InjectRandom has requests go wrong at random, at a rate between 0 and 1,
// each time with one of the faults, whose Skip and Times do not count.
// Without faults it picks from refusals by service and proxy and from
// connections lost before, during and after the work. The same seed gives
// the same faults to the same sequence of requests. The function returned
// makes an end of it.
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

// checkFault ends a test whose fault could not come about.
func (s *Server) checkFault(f Fault) {
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		s.fatalf("the fault's status %d is none of 200 to 599", f.Status)
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		s.fatalf("the fault's path %q: %v", f.Path, err)
	}
}

// pick finds what goes wrong with a request, nil if nothing does.
func (fs *faults) choose(r *http.Request, body []byte) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, p := range fs.injected {
		if p.times == 0 || !p.matches(r, body) {
			continue
		}
		if p.skip > 0 {
			p.skip--
			continue
		}
		if p.times > 0 {
			p.times--
		}
		return &p.Fault
	}
	for _, random := range fs.random {
		if random.rng.Float64() >= random.rate {
			continue
		}
		if f := &random.faults[random.rng.IntN(len(random.faults))]; f.matches(r, body) {
			return f
		}
	}
	return nil
}

// delay keeps a request waiting, and reports whether it may go on.
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

// hang keeps a request until the client or the server ends it.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.stop:
	}
}
