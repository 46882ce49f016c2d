package sim

import (
	"regexp"
	"slices"
	"testing"
)

// knownViolation is a promise that the client is known to break. Remove an entry when its test says that it no longer occurs.
type knownViolation struct {
	name    string
	problem string           // a regular expression of what the oracle says
	matches func(Fault) bool // the fault that causes it
	// An example.
	http2, warm bool
	job         string
	earlier     []Fault // that prepare for the fault
	fault       Fault
}

var knownViolations = []knownViolation{
	{
		name: "null in the service's place is an empty list, as it is from the service", problem: "the list is incomplete",
		matches: func(f Fault) bool { return f.Kind == Respond && f.Status == 200 && f.Body == "null" },
		job:     "list", fault: Fault{Kind: Respond, Status: 200, Body: "null", After: true},
	},
}

// isKnown reports whether the client is known to break a promise in this way after one of these faults.
func isKnown(problem string, happened []Fault) bool {
	return slices.ContainsFunc(knownViolations, func(known knownViolation) bool {
		return known.describes(problem) && slices.ContainsFunc(happened, known.matches)
	})
}

// describes reports whether the oracle has found a violation of this kind.
func (k knownViolation) describes(problem string) bool {
	return regexp.MustCompile(k.problem).MatchString(problem)
}

func TestKnownViolationsStillOccur(t *testing.T) {
	for _, known := range knownViolations {
		t.Run(known.name, func(t *testing.T) {
			s := scenario{http2: known.http2, warm: known.warm, jobs: []string{known.job},
				faults: slices.Concat(known.earlier, []Fault{known.fault}),
			}
			problems, happened := s.run(t, nil)
			if !slices.ContainsFunc(problems, known.describes) {
				t.Errorf("the result is %q: remove the entry from knownViolations", problems)
			}
			if !slices.ContainsFunc(happened, known.matches) {
				t.Error("the entry does not match its example")
			}
		})
	}
}

// findOperation returns the operation with this name.
func findOperation(name string) operation {
	for _, op := range operations() {
		if op.name == name {
			return op
		}
	}
	panic("no operation " + name)
}
