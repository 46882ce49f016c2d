package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// result is how a simulated call ended.
type result struct {
	err      error
	applied  int      // how often the write was applied
	twice    []string // non-idempotent writes that were applied twice
	exposed  int      // writes that may have been processed, as far as the client can know
	bytes    [2]int   // forwarded in each direction
	frames   [2]int
	requests int
	happened int // faults
}

// try simulates a call of an operation with these faults. See connect for warm.
func try(t *testing.T, c config, op operation, warm bool, faults []Fault) (r result) {
	t.Helper()
	simulate(t, c, func(w *world) {
		call := op.prepare(w)
		w.connect(warm)
		r.err = call(w.begin(faults))
		done := w.writes()
		r.twice = repeated(done)
		if op.counts != nil {
			done = slices.DeleteFunc(done, func(e bigvtest.Exchange) bool { return !op.counts(e) })
		}
		r.applied, r.exposed = len(done), w.exposure()
		w.mu.Lock()
		defer w.mu.Unlock()
		r.bytes, r.frames = w.bytes, w.frames
		r.requests, r.happened = w.requests, len(w.happened)
	})
	return r
}

// What the oracle says of an error.
const (
	notApplied     = "no error, but it was not applied"
	appliedInSpite = "the error says that it was not applied, but it was"
	appliedInVain  = "the error says that it was applied, but it was not"
	needlessDoubt  = "outcome unknown, but no request can have been processed"
)

// lasting returns the problem that run returns. Over HTTP/2 it repeats a run with a needless doubt, which may depend on the order of
// goroutines: if the transport writes a frame of its own, such as an acknowledgement, to a connection that then fails, the client cannot
// distinguish it from the request. A doubt that the fault causes is there each time.
func lasting(http2 bool, run func() string) string {
	problem := run()
	for i := 0; i < 3 && http2 && strings.HasPrefix(problem, needlessDoubt); i++ {
		problem = run()
	}
	return problem
}

// violation returns which promise a call has broken, with its error, or "" if it has kept all.
func (r result) violation(op operation) string {
	problem := r.problem(op)
	if problem != "" && r.err != nil {
		problem += ": " + r.err.Error()
	}
	return problem
}

func (r result) problem(op operation) string {
	unknown := errors.Is(r.err, bigv.ErrOutcomeUnknown)
	switch {
	case len(r.twice) > 0:
		return "applied twice: " + strings.Join(r.twice, ", ")
	case !op.idempotent && r.applied > 1:
		return fmt.Sprintf("applied %d times", r.applied)
	case r.err == nil && r.applied == 0:
		return notApplied
	case unknown && r.exposed == 0:
		return needlessDoubt
	case r.err != nil && !unknown && !succeeded(r.err) && r.applied > 0:
		return appliedInSpite
	case succeeded(r.err) && r.applied == 0 && op.counts == nil: // otherwise it may be about an earlier write
		return appliedInVain
	}
	return ""
}

// succeeded reports whether an error says that the write was applied, and that only its result is missing.
func succeeded(err error) bool {
	return err != nil && strings.Contains(err.Error(), "the request succeeded, but")
}

func TestLasting(t *testing.T) {
	for _, row := range []struct {
		name  string
		http2 bool
		runs  []string
		want  string
	}{
		{"no problem", true, []string{""}, ""},
		{"a doubt once", true, []string{needlessDoubt, ""}, ""},
		{"a doubt each time", true, []string{needlessDoubt, needlessDoubt, needlessDoubt, needlessDoubt}, needlessDoubt},
		{"a doubt over HTTP/1.1", false, []string{needlessDoubt}, needlessDoubt},
		{"another problem", true, []string{appliedInSpite}, appliedInSpite},
	} {
		t.Run(row.name, func(t *testing.T) {
			runs := row.runs
			problem := lasting(row.http2, func() string {
				problem := runs[0]
				runs = runs[1:]
				return problem
			})
			if problem != row.want || len(runs) > 0 {
				t.Errorf("got %q, want %q; %d runs left", problem, row.want, len(runs))
			}
		})
	}
}
