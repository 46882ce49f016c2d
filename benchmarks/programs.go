package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const modulePath = "github.com/bigv-go/bigv"

// output runs a command and returns what it printed.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w\n%s%s", command, err, out, failed.Stderr)
	}
	return string(out), err
}

// buildLine is a line of BenchmarkBuildRequest.
var buildLine = regexp.MustCompile(`(?m)^BenchmarkBuildRequest/(\w+?)(?:-\d+)?\s.*\s(\d+) allocs/op`)

// building is P8: the package's own benchmark, since a request that is not sent
// cannot be seen from outside.
func building(ctx context.Context, _ *bench) (rows []row, err error) {
	dir, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", modulePath)
	if err != nil {
		return nil, err
	}
	out, err := output(ctx, strings.TrimSpace(dir), "go", "test", "-run", "^$", "-bench", "^BenchmarkBuildRequest$", "-benchmem", "-benchtime", "20000x", ".")
	if err != nil {
		return nil, err
	}
	figures := map[string]float64{}
	for _, match := range buildLine.FindAllStringSubmatch(out, -1) {
		if figures[match[1]], err = strconv.ParseFloat(match[2], 64); err != nil {
			return nil, err
		}
	}
	for _, kind := range []struct {
		name, measure string
		target        float64
	}{
		{"read", "building a GET: allocations", 20},
		{"write", "building a PUT with a body: allocations", 20},
		{"query", "building a GET with a query: allocations", 40},
	} {
		figure, ok := figures[kind.name]
		if !ok {
			return nil, fmt.Errorf("BenchmarkBuildRequest/%s did not run:\n%s", kind.name, out)
		}
		rows = append(rows, row{ID: "P8", Measure: kind.measure, Figure: figure, Target: kind.target})
	}
	return rows, nil
}

// minimalPrograms is P9: two programs that do the same GET, built as go build
// builds them.
func minimalPrograms(ctx context.Context, _ *bench) ([]row, error) {
	dir, err := os.MkdirTemp("", "bigv-benchmarks-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var sizes [2]float64
	var modules int
	for i, name := range []string{"withbigv", "withnethttp"} {
		program := filepath.Join(dir, name)
		if _, err := output(ctx, "", "go", "build", "-o", program, modulePath+"/benchmarks/minimal/"+name); err != nil {
			return nil, err
		}
		info, err := os.Stat(program)
		if err != nil {
			return nil, err
		}
		sizes[i] = float64(info.Size())
		if name != "withbigv" {
			continue
		}
		listed, err := output(ctx, "", "go", "version", "-m", program)
		if err != nil {
			return nil, err
		}
		modules = modulesBeside(listed)
	}
	return []row{
		{ID: "P9", Measure: "a minimal program: modules besides bigv", Figure: float64(modules), Target: 4},
		{
			ID: "P9", Measure: "a minimal program: size", Bigv: size(sizes[0]), Floor: size(sizes[1]),
			Figure: sizes[0] / sizes[1], Target: 1.25, Unit: "x", decimals: 2,
		},
	}, nil
}

// modulesBeside counts the modules that go version -m lists besides bigv.
func modulesBeside(listed string) (n int) {
	lines := bufio.NewScanner(bytes.NewBufferString(listed))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && fields[0] == "dep" && fields[1] != modulePath {
			n++
		}
	}
	return n
}
