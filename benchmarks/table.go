package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// row is one figure and what it should be.
type row struct {
	ID       string  `json:"id"`
	Measure  string  `json:"measure"`
	Over     string  `json:"over,omitempty"`  // the protocol, where it matters
	Bigv     string  `json:"bigv,omitempty"`  // what stands behind the figure: medians
	Floor    string  `json:"floor,omitempty"` // and what it is held against
	Figure   float64 `json:"figure"`
	Low      float64 `json:"low,omitempty"`  // the lower quartile of single rounds
	High     float64 `json:"high,omitempty"` // the upper one
	Target   float64 `json:"target"`
	AtLeast  bool    `json:"at_least,omitempty"` // the target is a minimum, not a maximum
	Unit     string  `json:"unit,omitempty"`     // of figure and target: x is a ratio to the floor
	Passed   bool    `json:"passed"`
	decimals int
}

// judged is the row, and whether it reached its target. What is judged is what is
// printed: a figure that reads as its target has reached it.
func (r row) judged() row {
	scale := math.Pow10(r.decimals)
	r.Figure = math.Round(r.Figure*scale) / scale
	r.Passed = r.Figure <= r.Target
	if r.AtLeast {
		r.Passed = r.Figure >= r.Target
	}
	return r
}

func (r row) number(n float64) string { return r.bare(n) + r.Unit }

func (r row) bare(n float64) string {
	text := fmt.Sprintf("%.*f", r.decimals, n)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

func (r row) cells() []string {
	sign, verdict, spread := "<= ", "short", ""
	if r.AtLeast {
		sign = ">= "
	}
	if r.Passed {
		verdict = "pass"
	}
	if r.Low != 0 || r.High != 0 {
		spread = r.bare(r.Low) + " to " + r.bare(r.High)
	}
	return []string{r.ID, r.Measure, r.Over, r.Bigv, r.Floor, r.number(r.Figure), spread, sign + r.number(r.Target), verdict}
}

// printTable writes lines of cells, aligned.
func printTable(w io.Writer, head []string, lines [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{head}, lines...) {
		fmt.Fprintln(table, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return table.Flush()
}

func printRows(w io.Writer, rows []row) error {
	head := []string{"#", "measure", "over", "bigv", "floor", "figure", "spread", "target", ""}
	return printTable(w, head, each(rows, row.cells))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
