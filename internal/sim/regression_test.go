package sim

import "testing"

// Schedules that TestRandomSchedules has found, each reduced.
func TestRegressions(t *testing.T) {
	for _, test := range []struct {
		name string
		scenario
	}{
		{"a DELETE is repeated by net/http before it reports the first one as written", scenario{
			http2: true, warm: true, jobs: []string{"Do DELETE"}, faults: []Fault{
				{Kind: ResetStream, After: true, Code: 7},
				{Kind: SlowWrite, At: 1},
			},
		}},
		{"a DELETE that net/http repeats gets a response that is about the repetition", scenario{
			http2: true, warm: true, jobs: []string{"Do DELETE"}, faults: []Fault{
				{Kind: ResetStream, After: true, Code: 7},
				{Kind: Respond, At: 1, Status: 408},
			},
		}},
		{"a DELETE that net/http repeats had an informational response", scenario{
			http2: true, warm: true, jobs: []string{"IPs.Release"}, faults: []Fault{
				{Kind: ResetStream, Dir: ToClient, At: 1, Code: 1},
				{Kind: Informational, Status: 102},
			},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if problem := test.fails(t, 50); problem != "" {
				t.Error(problem)
			}
		})
	}
}
