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

// output runs a command and returns its standard output.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w\n%s%s", command, err, out, failed.Stderr)
	}
	return string(out), err
}

// buildLine matches a line of the output of BenchmarkBuildRequest.
var buildLine = regexp.MustCompile(`(?m)^BenchmarkBuildRequest/(\w+?)(?:-\d+)?\s.*\s(\d+) allocs/op`)

// measureBuildRequest measures P8: the allocations for building a request. It runs a benchmark of package bigv, because
// the exported API cannot build a request without sending it.
func measureBuildRequest(ctx context.Context, _ *environment) (results []result, err error) {
	dir, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", modulePath)
	if err != nil {
		return nil, err
	}
	out, err := output(ctx, strings.TrimSpace(dir), "go", "test",
		"-run", "^$", "-bench", "^BenchmarkBuildRequest$", "-benchmem", "-benchtime", "20000x", ".")
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
		name, description string
		target            float64
	}{
		{"read", "building a GET: allocations", 12},
		{"write", "building a PUT with a body: allocations", 12},
		{"query", "building a GET with a query: allocations", 33},
	} {
		figure, ok := figures[kind.name]
		if !ok {
			return nil, fmt.Errorf("BenchmarkBuildRequest/%s did not run:\n%s", kind.name, out)
		}
		results = append(results, result{ID: "P8", Measure: kind.description, Figure: figure, Target: kind.target})
	}
	return results, nil
}

// measureMinimalProgram measures P9: the dependencies and the size of a program that gets one virtual machine. It
// compares the size with that of a program that uses net/http.
func measureMinimalProgram(ctx context.Context, _ *environment) ([]result, error) {
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
		modules = otherModules(listed)
	}
	return []result{
		{ID: "P9", Measure: "minimal program: modules besides bigv", Figure: float64(modules), Target: 4},
		{
			ID: "P9", Measure: "minimal program: size", Bigv: size(sizes[0]), Baseline: size(sizes[1]),
			Figure: sizes[0] / sizes[1], Target: byRelease(1.25, 1.15), Unit: "x", decimals: 2,
		},
	}, nil
}

// otherModules returns the number of modules in the output of go version -m, without bigv.
func otherModules(listed string) (n int) {
	lines := bufio.NewScanner(bytes.NewBufferString(listed))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && fields[0] == "dep" && fields[1] != modulePath {
			n++
		}
	}
	return n
}
