package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// result is a figure and its target.
type result struct {
	ID       string  `json:"id"`
	Measure  string  `json:"measure"`            // what is measured
	Protocol string  `json:"protocol,omitempty"` // empty if it does not matter
	Bigv     string  `json:"bigv,omitempty"`     // the median for bigv
	Baseline string  `json:"baseline,omitempty"` // the median for the baseline
	Best     string  `json:"best,omitempty"`     // the JSON package of the baseline, which was better than the other
	Limit    string  `json:"limit,omitempty"`    // the median for reading the tokens, and bigv's as a multiple of it
	Figure   float64 `json:"figure"`
	Low      float64 `json:"low,omitempty"`  // the lower quartile of the rounds
	High     float64 `json:"high,omitempty"` // the upper quartile of the rounds
	Target   float64 `json:"target"`
	Minimum  bool    `json:"minimum,omitempty"` // whether the target is a minimum and not a maximum
	Unit     string  `json:"unit,omitempty"`    // of the figure and the target; x is a ratio to the baseline
	Passed   bool    `json:"passed"`
	decimals int
}

// evaluate returns r with the figure rounded as it is printed, and with Passed set.
func (r result) evaluate() result {
	scale := math.Pow10(r.decimals)
	r.Figure = math.Round(r.Figure*scale) / scale
	r.Passed = r.Figure <= r.Target
	if r.Minimum {
		r.Passed = r.Figure >= r.Target
	}
	return r
}

// format formats a number with the unit of r.
func (r result) format(n float64) string { return r.formatNumber(n) + r.Unit }

// formatNumber formats a number without its unit.
func (r result) formatNumber(n float64) string {
	text := fmt.Sprintf("%.*f", r.decimals, n)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

// cells returns the line of r in the table.
func (r result) cells() []string {
	sign, status, spread := "<= ", "fail", ""
	if r.Minimum {
		sign = ">= "
	}
	if r.Passed {
		status = "pass"
	}
	if r.Low != 0 || r.High != 0 {
		spread = r.formatNumber(r.Low) + " to " + r.formatNumber(r.High)
	}
	return []string{r.ID, r.Measure, r.Protocol, r.Bigv, strings.TrimSpace(r.Baseline + " " + r.Best), r.Limit, r.format(r.Figure), spread, sign + r.format(r.Target), status}
}

// printTable writes a table with aligned columns.
func printTable(w io.Writer, head []string, lines [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{head}, lines...) {
		fmt.Fprintln(table, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return table.Flush()
}

func printResults(w io.Writer, results []result) error {
	head := []string{"#", "measure", "protocol", "bigv", "baseline", "tokens only", "figure", "spread", "target", ""}
	return printTable(w, head, apply(results, result.cells))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
