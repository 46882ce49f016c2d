package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// job is the number of requests of a common job in each style, with a path by names and by an ID alone.
type job struct {
	Name     string    `json:"job"`
	Requests [4]string `json:"requests"`
	Why      string    `json:"why,omitempty"` // why it takes more than one
}

// measureRequests measures P12 and P13, and counts the requests of common jobs. It runs the tests of package requests, because
// testing/synctest needs a test.
func measureRequests(ctx context.Context, env *environment) ([]result, error) {
	out, err := output(ctx, "", "go", "test", "-count", "1", "-v", modulePath+"/benchmarks/requests")
	if err != nil {
		return nil, err
	}
	figures := map[string]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case fields[0] == "figure" && len(fields) == 3:
			if figures[fields[1]], err = strconv.ParseFloat(fields[2], 64); err != nil {
				return nil, err
			}
		case fields[0] == "job" && len(fields) == 7:
			env.jobs = append(env.jobs, job{fields[1], [4]string(fields[2:6]), fields[6]})
		}
	}
	var results []result
	for _, r := range []result{
		{ID: "P12", Measure: "requests, 503 for 1 min, 100 goroutines", Target: 300, Bigv: "storm", Baseline: "storm without gate"},
		{ID: "P12", Measure: "failed of 2,000 jobs, 503 for 3 s", Bigv: "jobs", Baseline: "jobs without gate"},
		{ID: "P13", Measure: "requests, waiting 90 s for 100 machines", Target: 130, Bigv: "WaitAll", Baseline: "Wait"},
	} {
		figure, ok := figures[r.Bigv]
		baseline, ok2 := figures[r.Baseline]
		if !ok || !ok2 {
			return nil, fmt.Errorf("%s was not measured:\n%s", r.Bigv, out)
		}
		if r.Target == 0 { // no more than without the gate
			r.Target = baseline
		}
		r.Bigv, r.Baseline, r.Figure = fmt.Sprint(figure), fmt.Sprint(baseline), figure
		results = append(results, r)
	}
	return results, nil
}

// printJobs prints the requests of common jobs.
func printJobs(w io.Writer, jobs []job) error {
	head := []string{"requests of a job", "nested", "nested, ID alone", "flat", "flat, ID alone", "of these"}
	return printTable(w, head, apply(jobs, func(j job) []string { return append(append([]string{j.Name}, j.Requests[:]...), j.Why) }))
}
