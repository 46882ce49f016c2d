package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// readmeStart is the text of the README before the figures.
const readmeStart = `# Benchmarks

The program in this directory compares bigv with hand-written code, the baseline, on the same responses in the same run, and exits
with status 1 if bigv misses a target. [Its comment](main.go) says how it measures. It has written the figures below, for each Go
release those of the last run:

` + "```sh" + `
cd benchmarks
go run .                                   # all targets
go run . -only P5,P6                       # some of them
go run . -peers -write                     # also measure clients of other providers, and write this file
GOTOOLCHAIN=go1.27.3 go run . -peers -write
` + "```" + `

- The baseline is what a good engineer writes for that Go release: net/http with enough idle connections, no retries, hooks or
  timeouts; a whole body is read into a buffer of the size of its Content-Length, and a stream through a buffer of 64 KiB. On Go 1.27
  there are two baselines, with encoding/json and with encoding/json/v2, and a figure compares bigv with the better one, whose name
  stands next to its figure.
- Each round of the start-up in P9 is a new process. Its first GET includes the connection and the TLS handshake.
- In P10 the baseline is a successful call of bigv, in P11 reading the tokens of the list.
- "Tokens only" is the time for reading the tokens of the same response with jsontext, and in brackets bigv's time as a multiple of
  it: a decoder that reads tokens cannot be faster.
- A figure with an x is a ratio to the baseline in the same round. Ratios hold on any machine; times do not, and a busy machine
  spreads both. The spread is the interquartile range of the rounds.
`

// writeReadme writes the figures of this Go release into the README of this directory, and keeps those of other releases.
func writeReadme(path string, figures []byte) error {
	sections := map[string]string{}
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	_, rest, _ := strings.Cut(string(old), "\n## ")
	var order []string
	for section := range strings.SplitSeq(rest, "\n## ") {
		if title, text, ok := strings.Cut(section, "\n"); ok {
			order, sections[title] = append(order, title), text
		}
	}
	title := releaseName()
	if _, known := sections[title]; !known {
		order = append(order, title)
	}
	sections[title] = "\n```text\n" + string(bytes.TrimSpace(figures)) + "\n```\n"
	var text strings.Builder
	text.WriteString(readmeStart)
	for _, title := range order {
		text.WriteString("\n## " + title + "\n" + strings.TrimRight(sections[title], "\n") + "\n")
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

// releaseName returns the name of the Go release without its patch level, such as Go 1.27.
func releaseName() string {
	parts := strings.SplitN(strings.TrimPrefix(runtime.Version(), "go"), ".", 3)
	return "Go " + strings.Join(parts[:min(len(parts), 2)], ".")
}

// machineName describes the computer.
func machineName() string {
	name := fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return name
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return name + " (" + strings.TrimSpace(value) + ")"
		}
	}
	return name
}
