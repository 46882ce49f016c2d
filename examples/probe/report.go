package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/bigv-go/bigv"
)

// report is the result of all expectations. Without -verbose it contains no names, addresses, IDs or secrets.
type report struct {
	Version   string    `json:"version"`
	Go        string    `json:"go"`
	Service   string    `json:"service"`
	Holds     int       `json:"holds"`
	Differs   int       `json:"differs"`
	NotTested int       `json:"not_tested"`
	Findings  []finding `json:"findings"`
}

func newReport(service string) *report {
	return &report{Version: bigv.Version, Go: runtime.Version(), Service: service, Findings: []finding{}}
}

func (r *report) add(f finding) {
	switch f.Result {
	case holds:
		r.Holds++
	case isOther:
		r.Differs++
	default:
		r.NotTested++
	}
	r.Findings = append(r.Findings, f)
}

// summary returns one line about all results.
func (r *report) summary() string {
	return fmt.Sprintf("%d hold, %d differ, %d not tested. bigv %s, %s, %s.",
		r.Holds, r.Differs, r.NotTested, r.Version, r.Go, r.Service)
}

// printHeader prints the first lines of a table in Markdown.
func printHeader(out io.Writer) {
	fmt.Fprint(out, "| Result | Expectation | Seen | Requests | Needed by |\n|---|---|---|---|---|\n")
}

// printRow prints a finding as a row of a table, and its details, if there are any, below it.
func printRow(out io.Writer, f finding) {
	requests := f.Requests
	if others := len(requests) - 2; others > 0 { // the last ones matter most, the others look for an object
		requests = append(requests[others:len(requests):len(requests)], fmt.Sprintf("after %d more", others))
	}
	cells := []string{fmt.Sprintf("%-10s", f.Result), f.Expectation, f.Seen, strings.Join(requests, ", "), f.NeededBy}
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(clean(cell), "|", "/")
	}
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	for _, line := range f.Details {
		fmt.Fprintf(out, "    %s\n", clean(line))
	}
}

// printJSON prints the report as one object.
func (r *report) printJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// describe returns a line about an exchange, with names and IDs, but without secrets.
func (p *probe) describe(x *exchange) string {
	path := x.path()
	if strings.HasPrefix(x.route, "/session") {
		path = x.route // the ID of a session is a secret
	}
	line := fmt.Sprintf("%s %s: status %d, %s, %d bytes", x.method, path, x.status, x.mediaType(), len(x.content))
	if x.status < 400 || len(x.content) == 0 {
		return line
	}
	body := x.content
	p.rec.mu.Lock()
	token := p.rec.token
	p.rec.mu.Unlock()
	for _, secret := range []string{token, strings.TrimPrefix(token, "apikey.")} {
		if secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte("[redacted]"))
		}
	}
	return line + ": " + string(body[:min(len(body), 200)])
}
