// Command benchmarks measures the bigv package against net/http and
// encoding/json used by hand, in one run and on the same answers, and prints
// whether it reaches its targets. It exits 1 if one is missed.
//
//	go run .         # the table
//	go run . -json   # the same as JSON
//	go run . -peers  # and how Go clients of other services do the same work
//
// The server is a process of its own on the loopback, so that its work and
// memory are not counted. The sides take turns; a figure is the median of what
// the rounds say, and its spread goes from quartile to quartile. Ratios hold on
// any machine, times on this one only.
//
//go:debug x509usefallbackroots=1
package main

import (
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

// token is what both sides send; the server does not look at it.
const token = "0123456789abcdef0123456789abcdef"

// bench is what the measures are made with.
type bench struct {
	server *server
	bigv   map[string]*bigv.Client // by protocol
	floor  map[string]*floor
}

// measures are the cases, in the order of the table.
var measures = []struct {
	id   string
	what func(context.Context, *bench) ([]row, error)
}{
	{"P1 P2", oneMachine},
	{"P3", newConnections},
	{"P4", throughput},
	{"P5", wholeOverview},
	{"P6", streamedOverview},
	{"P7", firstMachine},
	{"P8", building},
	{"P9", minimalPrograms},
	{"P10", notFound},
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
	asJSON := flag.Bool("json", false, "print JSON")
	withPeers := flag.Bool("peers", false, "measure Go clients of other services too")
	only := flag.String("only", "", "measure only these, such as P1,P10")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	passed, err := run(ctx, *asJSON, *withPeers, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !passed {
		stop()
		os.Exit(1)
	}
}

// report is what -json prints.
type report struct {
	Go      string `json:"go"`
	CPUs    int    `json:"cpus"`
	Seconds int    `json:"seconds"`
	Rows    []row  `json:"measures"`
	Peers   []peer `json:"peers,omitempty"`
}

func run(ctx context.Context, asJSON, withPeers bool, only string) (passed bool, err error) {
	started := time.Now()
	b := &bench{bigv: map[string]*bigv.Client{}, floor: map[string]*floor{}}
	if b.server, err = startServer(); err != nil {
		return false, err
	}
	defer b.server.stop()
	for _, protocol := range protocols {
		base := b.server.Bases[protocol]
		if b.bigv[protocol], err = newBigv(base); err != nil {
			return false, err
		}
		b.floor[protocol] = newFloor(base)
	}
	r := report{Go: runtime.Version(), CPUs: runtime.NumCPU()}
	passed = true
	for _, m := range measures {
		if !chosen(m.id, only) {
			continue
		}
		rows, err := m.what(ctx, b)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.id, err)
		}
		for _, row := range rows {
			row = row.judged()
			passed = passed && row.Passed
			r.Rows = append(r.Rows, row)
		}
	}
	slices.SortStableFunc(r.Rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	if withPeers {
		if r.Peers, err = measurePeers(ctx, b); err != nil {
			return false, fmt.Errorf("peers: %w", err)
		}
	}
	r.Seconds = int(time.Since(started).Seconds())
	if asJSON {
		return passed, printJSON(os.Stdout, r)
	}
	fmt.Printf("%s, %d CPUs, %d s; medians of %d to %d rounds, spread from quartile to quartile\n\n", r.Go, r.CPUs, r.Seconds, few.rounds, most.rounds)
	if err := printRows(os.Stdout, r.Rows); err != nil || !withPeers {
		return passed, err
	}
	fmt.Println()
	return passed, printPeers(os.Stdout, r.Peers)
}

// chosen reports whether one of the measures ids is among those asked for.
func chosen(ids, only string) bool {
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

// newBigv is a client as a program has it: with credentials, the default retries
// and limits, and a hook.
func newBigv(base string) (*bigv.Client, error) {
	return bigv.NewClient(
		bigv.WithBaseURL(base),
		bigv.WithAPIKey(token),
		bigv.WithAttemptHook(func(context.Context, bigv.Attempt) {}),
	)
}
