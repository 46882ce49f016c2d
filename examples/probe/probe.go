package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bigv-go/bigv"
)

// expectation is something about the service that the package, or the description of the API, relies on.
type expectation struct {
	name string
	// neededBy is what depends on it: a file and a name in it.
	neededBy string
	write    bool // whether it changes something
	// check makes the requests. It returns what was seen, or an error of differs or skip. Neither contains names,
	// addresses, IDs or secrets.
	check func(ctx context.Context, p *probe) (seen string, err error)
}

// probe holds the state that the checks share.
type probe struct {
	client *bigv.Client
	rec    *recorder
	base   *http.Transport
	idle   time.Duration // how long an idle connection must live
	limit  int           // size of a response that the client accepts, in bytes
	write  bool
	wait   bigv.WaitOptions
	notify func(format string, args ...any) // prints a line for the user
	name   string                           // of everything that is created; random

	exchanges []*exchange          // of the current check
	cache     map[string]*exchange // successful reads by their path, until something is changed
	account   string               // of the first machine, or the first account
	results   map[string]*exchange // of the writes, by what they do
	lost      map[string]bool      // the writes whose responses were lost
	created   bool                 // whether a group may have been created
	keyed     bool                 // whether an API key may have been created
}

// newProbe returns a probe that sends the requests of client through base.
func newProbe(client *bigv.Client, base *http.Transport) (*probe, error) {
	rec := &recorder{base: base}
	client, err := client.With(bigv.WithTransport(rec))
	if err != nil {
		return nil, err
	}
	return &probe{
		client: client, rec: rec, base: base, idle: 16 * time.Second, limit: 64 << 20, notify: func(string, ...any) {},
		cache: map[string]*exchange{}, results: map[string]*exchange{}, lost: map[string]bool{}, name: randomName(),
	}, nil
}

// Results of an expectation.
const (
	holds      = "holds"
	isOther    = "differs"
	isUntested = "not tested"
)

// difference is the error of an expectation that the service does not meet.
type difference struct{ text string }

func (d *difference) Error() string { return d.text }

// differs returns the error of an expectation that the service does not meet.
func differs(format string, args ...any) error { return &difference{fmt.Sprintf(format, args...)} }

// notTested is the error of an expectation that cannot be tested.
type notTested struct {
	text  string
	cause error // shown only with -verbose; may be nil
}

func (n *notTested) Error() string { return n.text }

func (n *notTested) Unwrap() error { return n.cause }

// skip returns the error of an expectation that cannot be tested, because there is no such object for example.
func skip(format string, args ...any) error { return &notTested{text: fmt.Sprintf(format, args...)} }

// finding is the result of one expectation.
type finding struct {
	Expectation string   `json:"expectation"`
	Result      string   `json:"result"`
	Requests    []string `json:"requests"` // without names and IDs
	Seen        string   `json:"seen"`
	NeededBy    string   `json:"needed_by"`
	Details     []string `json:"details,omitempty"` // only with -verbose
}

// test tests one expectation.
func (p *probe) test(ctx context.Context, e expectation, verbose bool) finding {
	p.exchanges = nil
	f := finding{Expectation: e.name, NeededBy: e.neededBy, Result: holds, Requests: []string{}}
	seen, err := "", error(nil)
	if e.write && !p.write {
		err = skip("needs -write")
	} else {
		seen, err = e.check(ctx, p)
	}
	f.Seen = clean(seen)
	if err != nil {
		f.Result, f.Seen = isUntested, "failed"
		if d, ok := errors.AsType[*difference](err); ok {
			f.Result, f.Seen = isOther, clean(d.text)
		} else if n, ok := errors.AsType[*notTested](err); ok {
			f.Seen = clean(n.text)
		}
		if cause := errors.Unwrap(err); verbose && cause != nil {
			f.Details = append(f.Details, clean(cause.Error()))
		}
	}
	seenRequests := map[string]bool{}
	for _, x := range p.exchanges {
		if line := x.method + " " + x.route; !seenRequests[line] {
			seenRequests[line] = true
			f.Requests = append(f.Requests, line)
		}
		if verbose {
			f.Details = append(f.Details, p.describe(x))
		}
	}
	return f
}

// run tests all expectations whose names match, and calls report with each result.
func (p *probe) run(ctx context.Context, all []expectation, verbose bool, report func(finding)) error {
	for _, e := range all {
		f := p.test(ctx, e, verbose)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		report(f)
	}
	return nil
}

// expectations returns all expectations, in the order in which they are tested.
func expectations() []expectation {
	var all []expectation
	for _, list := range [][]expectation{
		httpExpectations, errorExpectations, listExpectations, filterExpectations, idExpectations, shapeExpectations(),
		valueExpectations, connectionExpectations, writeExpectations, refusalExpectations, removalExpectations,
		lastExpectations,
	} {
		all = append(all, list...)
	}
	return all
}
