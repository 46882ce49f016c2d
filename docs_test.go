package bigv_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docBlock is a block of Go code in a page, and the output that the page shows for it.
type docBlock struct {
	name, code string
	at         string // page:line of the first line of code
	output     string // the text block right below; empty if the page shows none
}

// docFence matches the blocks that are run. A block marked "go theirs" is not: it is code for another client.
var docFence = regexp.MustCompile("(?ms)^```go\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?")

// docBlocks returns the blocks of a page.
func docBlocks(page, text string) (blocks []docBlock) {
	for _, m := range docFence.FindAllStringSubmatchIndex(text, -1) {
		b := docBlock{code: text[m[2]:m[3]]}
		line := strings.Count(text[:m[2]], "\n") + 1
		b.name, b.at = fmt.Sprintf("%s_line_%d", page, line), fmt.Sprintf("%s:%d", page, line)
		if m[4] >= 0 {
			b.output = text[m[4]:m[5]]
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// docMain is a program that runs the snippet that its argument names.
const docMain = `package main

import (
	"context"
	"log"
	"os"

	"github.com/bigv-go/bigv"
)

var snippets = map[string]func(context.Context, *bigv.Client){}

func main() {
	client, err := bigv.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	snippets[os.Args[1]](context.Background(), client)
}
`

// docSnippet surrounds a block that is not a whole program.
const docSnippet = `package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

var _, _, _, _, _ = errors.Is, fmt.Println, log.Fatal, os.Getenv, time.Second
var _, _, _ = bytes.NewReader, slog.Default, strings.Contains

func init() {
	snippets[%q] = func(ctx context.Context, client *bigv.Client) {
		_, _ = ctx, client
//line %s
%s
	}
}
`

// TestDocumentedGoRuns compiles and runs every block of Go in the pages: a whole program or test unchanged, anything else in a
// function with the parameters ctx and client. Each block gets its own service in memory; for a whole program it is
// examples/fakeserver. With -short, the blocks are only type-checked.
func TestDocumentedGoRuns(t *testing.T) {
	t.Parallel()
	var blocks []docBlock
	for _, page := range []string{"README.md", "MIGRATION.md"} {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		found := docBlocks(page, string(text))
		require.NotEmpty(t, found, "%s has no Go code", page)
		blocks = append(blocks, found...)
	}
	m := newDocModule(t, blocks)
	if testing.Short() {
		out, err := m.vet()
		require.NoError(t, err, out)
		return
	}
	out, err := m.build()
	require.NoError(t, err, out)
	for _, b := range blocks {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			out, err := m.try(t, b)
			require.NoError(t, err, out)
			if b.output != "" {
				assert.Equal(t, b.output, out)
			}
		})
	}
}

// TestBrokenDocsAreDetected checks that a block fails TestDocumentedGoRuns if it does not compile, fails, or prints something else.
func TestBrokenDocsAreDetected(t *testing.T) {
	t.Parallel()
	const page = "```go\nfmt.Println(\"a\")\n```\n\n```text\na\n```\n" +
		"```go theirs\nignored\n```\n" +
		"```go\nlog.Fatal(\"no\")\n```\n" +
		"```go\nclient.Nonsense()\n```\n"
	blocks := docBlocks("page", page)
	require.Len(t, blocks, 3)
	assert.Equal(t, docBlock{"page_line_2", "fmt.Println(\"a\")\n", "page:2", "a\n"}, blocks[0])

	out, err := newDocModule(t, blocks).vet()
	require.Error(t, err, "a block that does not compile")
	assert.Contains(t, out, "page:15: client.Nonsense undefined")
	if testing.Short() {
		return
	}

	runs := newDocModule(t, blocks[:2])
	out, err = runs.build()
	require.NoError(t, err, out)
	out, err = runs.try(t, blocks[0])
	require.NoError(t, err, out)
	assert.Equal(t, blocks[0].output, out)
	out, err = runs.try(t, blocks[1])
	require.Error(t, err, "a block that fails")
	assert.Contains(t, out, "no\n")
}

// docModule is a directory with a module that depends on this checkout.
type docModule struct{ dir string }

// newDocModule creates a module with one package for each whole program or test, and one for all other blocks.
func newDocModule(t *testing.T, blocks []docBlock) docModule {
	t.Helper()
	here, err := os.Getwd()
	require.NoError(t, err)
	m := docModule{t.TempDir()}
	ours, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	m.write(t, "go.mod", regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(ours), "module example.org/user")+
		"\nrequire github.com/bigv-go/bigv v0.0.0\n\nreplace github.com/bigv-go/bigv => "+here+"\n")
	sums, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	m.write(t, "go.sum", string(sums))
	m.write(t, ".ssh/id_ed25519.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJjD5bhhGDVbpqXuwhoVbTgAjHWMbyUEaEPuhUsFQmJ alice\n")
	m.write(t, "snippets/main.go", docMain)
	for _, b := range blocks {
		switch {
		case b.isTest():
			m.write(t, b.name+"/block_test.go", b.code)
		case b.isProgram():
			m.write(t, b.name+"/main.go", b.code)
		default:
			m.write(t, "snippets/"+b.name+".go", fmt.Sprintf(docSnippet, b.name, b.at, b.code))
		}
	}
	return m
}

func (m docModule) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(m.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func (b docBlock) isTest() bool    { return strings.Contains(b.code, "\nfunc Test") }
func (b docBlock) isProgram() bool { return strings.HasPrefix(b.code, "package ") }

// vet type-checks all blocks.
func (m docModule) vet() (string, error) { return m.run(nil, "go", "vet", "./...") }

// build compiles all blocks except tests, and examples/fakeserver.
func (m docModule) build() (string, error) {
	return m.run(nil, "go", "build", "-ldflags=-s -w", "-o", "bin/", "./...", "github.com/bigv-go/bigv/examples/fakeserver")
}

// run runs a command in the module without network access. It returns its standard output, and its standard error too if it failed.
func (m docModule) run(env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}

// try runs a block that was built.
func (m docModule) try(t *testing.T, b docBlock) (string, error) {
	t.Helper()
	if b.isTest() {
		return m.run(nil, "go", "test", "-count=1", "./"+b.name)
	}
	env := []string{"BIGV_API_KEY=", "BIGV_TOKEN=", "BIGV_USERNAME=", "BIGV_PASSWORD=", "BIGV_YUBIKEY=", "BIGV_2FA=", "BIGV_ACCOUNT="}
	if b.isProgram() {
		address := m.startFakeserver(t)
		env = append(env, "BIGV_ENDPOINT="+address, "BIGV_AUTH_ENDPOINT="+address, "BIGV_USERNAME=alice", "BIGV_PASSWORD=alice-password")
		return m.run(env, filepath.Join(m.dir, "bin", b.name))
	}
	srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
	srv.Account("acme").Group("web").VirtualMachine("www1")
	env = append(env, "BIGV_ENDPOINT="+srv.URL(), "BIGV_AUTH_ENDPOINT="+srv.AuthURL(), "BIGV_TOKEN="+srv.Token(), "HOME="+m.dir)
	return m.run(env, filepath.Join(m.dir, "bin", "snippets"), b.name)
}

// startFakeserver runs examples/fakeserver until the end of the test, as README says, and returns its address.
func (m docModule) startFakeserver(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(m.dir, "bin", "fakeserver"))
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var ready struct{ API string }
	require.NoError(t, json.NewDecoder(stdout).Decode(&ready))
	return ready.API
}

// shellFence matches the blocks that a reader pastes into a shell.
var shellFence = regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n")

// TestREADMEIsShort checks the length of README.md, and that nothing in it needs to be edited before it is pasted into a shell.
func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(text)
	assert.LessOrEqual(t, strings.Count(readme, "\n"), 260, "lines")
	prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(readme, "")
	assert.LessOrEqual(t, len(strings.Fields(prose)), 1000, "words outside code blocks")
	for _, block := range shellFence.FindAllStringSubmatch(readme, -1) {
		code := strings.ReplaceAll(block[1], "./...", ".")
		assert.NotRegexp(t, `(?m)^\$ |^#|[<>…]|\.\.\.`, code, "a prompt, a comment or a placeholder")
	}
}

// TestREADMEQuotesBenchmarks checks that README.md quotes the heading and six figures of benchmarks/README.md, which the benchmarks
// write, and that these are current.
func TestREADMEQuotesBenchmarks(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	report, err := os.ReadFile("benchmarks/README.md")
	require.NoError(t, err)
	var lines []string // of the report, whose columns may have other widths
	for line := range strings.Lines(string(report)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	_, section, _ := strings.Cut(string(readme), "\n## Performance\n")
	quote := regexp.MustCompile("(?ms)^```text\n(.*?)^```\n").FindStringSubmatch(section)
	require.NotNil(t, quote)
	assert.True(t, strings.HasPrefix(quote[1], "#"), "the heading")
	assert.Len(t, regexp.MustCompile(`(?m)^P\d+ `).FindAllString(quote[1], -1), 6, "figures")
	assert.Equal(t, 7, strings.Count(quote[1], "\n"), "lines")
	for line := range strings.Lines(quote[1]) {
		assert.True(t, slices.Contains(lines, strings.Join(strings.Fields(line), " ")),
			"README.md: quote a line of benchmarks/README.md instead of: %s", line)
	}
}

// Each example is to be copied whole, so several contain a copy of the same file. A correction of one
// belongs in all of them.
func TestCopiesInExamplesAreEqual(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"keys.go", "signals.go", "signals_other.go", "text.go", "yaml.go"} {
		files, err := filepath.Glob(filepath.Join("examples", "*", name))
		require.NoError(t, err)
		require.Greater(t, len(files), 1, name)
		first, err := os.ReadFile(files[0])
		require.NoError(t, err)
		for _, file := range files[1:] {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(first), string(text), file)
		}
	}
}
