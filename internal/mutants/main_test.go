package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each kind of change is found once, and changes the file.
func TestFindMutants(t *testing.T) {
	const code = `package p

func f(a, b int, c bool, err error) error {
	if !c {
		a = 1
	}
	for a < b {
		a++
	}
	return err
}
`
	file := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	mutants, err := findMutants(file)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range mutants {
		found = append(found, m.description)
		lines := strings.Split(string(m.content), "\n")
		different := 0
		for i, line := range strings.Split(strings.TrimSpace(code), "\n") {
			if i >= len(lines) || strings.TrimSpace(lines[i]) != strings.TrimSpace(line) {
				different++
			}
		}
		if different == 0 {
			t.Errorf("%s changes nothing:\n%s", m, m.content)
		}
	}
	want := []string{
		"the condition !c is always true", "the condition !c is always false", "! is removed before c",
		"without a = 1", "1 becomes 2", "< becomes <= in a < b", "< becomes >= in a < b", "without a++", "err becomes nil in return",
	}
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}
