// Command benchmarks compares package bigv with a baseline, hand-written code that uses net/http and the JSON packages
// of the Go release, and prints whether bigv reaches its performance targets, and the requests of common jobs. It exits
// with status 1 if it misses a target.
//
//	go run .         # print a table
//	go run . -json   # print JSON
//	go run . -peers  # also measure Go clients of other providers
//	go run . -write  # also write the table into README.md
//
// Both sides get the same responses from a server in a separate process on the loopback interface, so that the time
// and memory of the server are not measured. The two sides alternate in many rounds. A figure is the median of the
// rounds, and its spread is the interquartile range. Ratios are comparable between computers; times are not.
//
//go:debug x509usefallbackroots=1
package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// token is sent by both sides. The server ignores it.
const token = "0123456789abcdef0123456789abcdef"

// environment holds the server and a client of each kind per protocol.
type environment struct {
	server *server
	bigv   map[string]*bigv.Client
	// baselines has one for each JSON package of the Go release. A figure compares bigv with the better one.
	baselines map[string][]*baseline
	jobs      []job // of measureRequests
}

// measurements lists the functions that measure, in the order of the table.
var measurements = []struct {
	ids string // of the results
	run func(context.Context, *environment) ([]result, error)
}{
	{"P1 P2", measureGet},
	{"P3", measureConnections},
	{"P4", measureThroughput},
	{"P5", measureList},
	{"P6", measureAll},
	{"P7", measureFirstMachine},
	{"P8", measureBuildRequest},
	{"P9", measureMinimalProgram},
	{"P9", measureStartUp},
	{"P10", measureNotFound},
	{"P11", measureDecoding},
	{"P12 P13", measureRequests},
}

var protocols = []string{http1, http2}

func main() {
	if len(os.Args) == 2 && os.Args[1] == serveArgument {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == startUpArgument {
		if err := printStartUp(context.Background(), os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	asJSON := flag.Bool("json", false, "print JSON")
	withPeers := flag.Bool("peers", false, "also measure Go clients of other providers")
	only := flag.String("only", "", "measure only these `IDs`, such as P1,P10")
	write := flag.Bool("write", false, "also write the table into README.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	passed, err := run(ctx, *asJSON, *withPeers, *write, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !passed {
		stop()
		os.Exit(1)
	}
}

// report is the output of -json.
type report struct {
	Go      string   `json:"go"`
	Machine string   `json:"machine"`
	Seconds int      `json:"seconds"`
	Results []result `json:"results"`
	Jobs    []job    `json:"jobs,omitempty"`
	Peers   []peer   `json:"peers,omitempty"`
}

func run(ctx context.Context, asJSON, withPeers, write bool, only string) (passed bool, err error) {
	started := time.Now()
	env := &environment{bigv: map[string]*bigv.Client{}, baselines: map[string][]*baseline{}}
	if env.server, err = startServer(); err != nil {
		return false, err
	}
	defer env.server.stop()
	for _, protocol := range protocols {
		base := env.server.BaseURLs[protocol]
		if env.bigv[protocol], err = newBigv(base); err != nil {
			return false, err
		}
		env.baselines[protocol] = newBaselines(base)
	}
	r := report{Go: runtime.Version(), Machine: machineName()}
	passed = true
	for _, m := range measurements {
		if !selected(m.ids, only) {
			continue
		}
		results, err := m.run(ctx, env)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.ids, err)
		}
		for _, res := range results {
			res = res.evaluate()
			passed = passed && res.Passed
			r.Results = append(r.Results, res)
		}
	}
	slices.SortStableFunc(r.Results, func(a, b result) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	if withPeers {
		if r.Peers, err = measurePeers(ctx, env); err != nil {
			return false, fmt.Errorf("peers: %w", err)
		}
	}
	r.Jobs = env.jobs
	r.Seconds = int(time.Since(started).Seconds())
	if asJSON {
		return passed, printJSON(os.Stdout, r)
	}
	var table bytes.Buffer
	fmt.Fprintf(&table, "%s, %s, %d s; medians of %d to %d rounds, spread is the interquartile range\n\n",
		r.Go, r.Machine, r.Seconds, few.count, most.count)
	if err := printResults(&table, r.Results); err != nil {
		return passed, err
	}
	if len(r.Jobs) > 0 {
		fmt.Fprintln(&table)
		if err := printJobs(&table, r.Jobs); err != nil {
			return passed, err
		}
	}
	if withPeers {
		fmt.Fprintln(&table)
		if err := printPeers(&table, r.Peers); err != nil {
			return passed, err
		}
	}
	if _, err := os.Stdout.Write(table.Bytes()); err != nil || !write {
		return passed, err
	}
	return passed, writeReadme("README.md", table.Bytes())
}

// selected reports whether any of ids, separated by spaces, is in only, separated by commas, or only is empty.
func selected(ids, only string) bool {
	if only == "" {
		return true
	}
	for id := range strings.FieldsSeq(ids) {
		for want := range strings.SplitSeq(only, ",") {
			if id == want {
				return true
			}
		}
	}
	return false
}

// newBigv returns a client with typical options: an API key, the default retries and timeouts, and a hook.
func newBigv(base string) (*bigv.Client, error) {
	return bigv.NewClient(
		bigv.WithBaseURL(base),
		bigv.WithAPIKey(token),
		bigv.WithAttemptHook(func(context.Context, bigv.Attempt) {}),
	)
}
