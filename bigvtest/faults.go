package bigvtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
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
	// Match is for whatever Method and Path cannot say. The body has been
	// read when it is called.
	Match func(*http.Request) bool

	// Skip lets so many matching requests through first.
	Skip int
	// Times is how many requests go wrong: 0 means one, -1 all of them.
	Times int

	// Delay holds the request up, in real time, before anything else.
	Delay time.Duration
	// Hang never answers: the request ends when the client gives up or the
	// server closes. The work is not done.
	Hang bool
	// DropBefore closes the connection without doing the work.
	DropBefore bool
	// DropAfter does the work and closes the connection without an answer.
	DropAfter bool
	// CutBodyAt does the work, and closes the connection after so many bytes
	// of the body of the answer; -1 cuts it right after the header.
	CutBodyAt int

	// Status, Body, Header and ContentType make up an answer given instead
	// of doing the work. Without Status that is 200; without ContentType,
	// text/plain.
	Status      int
	Body        string
	Header      http.Header
	ContentType string
	// AfterWork does the work before giving that answer.
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

func (f *Fault) answers() bool {
	return f.Status != 0 || f.Body != "" || f.ContentType != "" || f.Header != nil
}

// loses reports whether the client does not get the answer the work had.
func (f *Fault) loses() bool {
	return f != nil && (f.Hang || f.DropBefore || f.DropAfter || f.CutBodyAt != 0 || f.answers())
}

// works reports whether the work is done.
func (f *Fault) works() bool {
	return f == nil || !(f.Hang || f.DropBefore || f.answers() && !f.AfterWork)
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
	case f.Hang:
		words = append(words, "hang")
	case f.DropBefore:
		words = append(words, "drop before")
	case f.DropAfter:
		words = append(words, "drop after")
	case f.answers():
		word := fmt.Sprintf("status %d", orDefault(f.Status, http.StatusOK))
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

func (f *Fault) matches(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Path != "" && !pathMatches(f.Path, r.URL.EscapedPath()) {
		return false
	}
	return f.Match == nil || f.Match(r)
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

// faults are those waiting for requests. Guarded by Server.mu.
type faults struct {
	planned []*plannedFault
	random  []*randomFaults
}

type plannedFault struct {
	Fault
	skip, times int
}

type randomFaults struct {
	rng  *rand.Rand
	rate float64
	of   []Fault
}

// Inject has something go wrong with requests to come. Several faults are
// tried in the order in which they were injected, and the first that matches
// is the one. The function returned takes the fault back.
func (s *Server) Inject(f Fault) (remove func()) {
	p := &plannedFault{f, f.Skip, orDefault(f.Times, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.planned = append(s.faults.planned, p)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.times = 0
	}
}

// InjectRandom has requests go wrong at random, at a rate between 0 and 1,
// each time with one of the faults, whose Skip and Times do not count.
// Without faults it picks from refusals by service and proxy and from
// connections lost before, during and after the work. The same seed gives
// the same faults to the same sequence of requests. The function returned
// makes an end of it.
func (s *Server) InjectRandom(seed uint64, rate float64, of ...Fault) (stop func()) {
	if len(of) == 0 {
		of = []Fault{Unavailable(), BadGateway(), {DropBefore: true}, {DropAfter: true}, {CutBodyAt: 1}}
	}
	r := &randomFaults{rand.New(rand.NewPCG(seed, seed)), rate, of}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.random = append(s.faults.random, r)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.rate = 0
	}
}

// pick finds what goes wrong with a request, nil if nothing does.
func (fs *faults) pick(r *http.Request) *Fault {
	for _, p := range fs.planned {
		if p.times == 0 || !p.matches(r) {
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
		if f := &random.of[random.rng.IntN(len(random.of))]; f.matches(r) {
			return f
		}
	}
	return nil
}

// hold keeps a request waiting, and reports whether it may go on.
func (s *Server) hold(r *http.Request, f *Fault) bool {
	if f == nil {
		return true
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return false
		case <-s.stop:
			return false
		}
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-s.stop:
		}
		return false
	}
	return !f.DropBefore
}
