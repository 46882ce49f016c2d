package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// environment lists the variables that NewClientFromEnv reads.
var environment = []string{
	"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
	"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
}

// configure makes the example use srv. If srv is nil, it unsets all of the configuration.
func configure(t *testing.T, srv *bigvtest.Server) {
	for _, name := range environment {
		t.Setenv(name, "")
	}
	if srv != nil {
		t.Setenv("BIGV_ENDPOINT", srv.URL())
		t.Setenv("BIGV_API_KEY", srv.APIKey())
	}
}

// newGroup starts a server with a group of four machines, one of them deleted.
func newGroup(t *testing.T) (*bigvtest.Server, *bigvtest.Group) {
	srv := bigvtest.NewServer(t)
	group := srv.Account("acme").Group("old")
	for _, name := range []string{"www1", "www2", "www3"} {
		group.VirtualMachine(name)
	}
	group.VirtualMachine("www4").SetDeleted(true)
	srv.Account("acme").Group("web").VirtualMachine("bystander")
	configure(t, srv)
	return srv, group
}

// purgeOf returns a function that reports whether a request purges vm.
func purgeOf(vm *bigvtest.VirtualMachine) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, fmt.Sprintf("/%d", vm.ID()))
	}
}

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		input string
		want  string // part of the error, or empty if there is none
	}{
		"confirmed":                     {args: []string{"old.acme"}, input: "old.acme\n"},
		"confirmed without a newline":   {args: []string{"old.acme"}, input: "old.acme"},
		"without confirmation":          {args: []string{"-yes", "old.acme"}},
		"one at a time":                 {args: []string{"-yes", "-at-once", "1", "old.acme"}},
		"more at a time than there are": {args: []string{"-yes", "-at-once", "64", "old.acme"}},
		"another name is typed": {
			args: []string{"old.acme"}, input: "web.acme\n", want: `nothing was purged: got "web.acme", want "old.acme"`,
		},
		"an empty line":           {args: []string{"old.acme"}, input: "\n", want: "nothing was purged"},
		"yes instead of the name": {args: []string{"old.acme"}, input: "yes\n", want: "nothing was purged"},
		"no input":                {args: []string{"old.acme"}, want: "nothing was purged: no confirmation"},
		"no group":                {want: "give exactly one group"},
		"two groups":              {args: []string{"-yes", "old.acme", "web.acme"}, want: "give exactly one group"},
		"zero at a time":          {args: []string{"-yes", "-at-once", "0", "old.acme"}, want: "-at-once must be at least 1, got 0"},
		"an invalid group":        {args: []string{"-yes", "a.b.c.d"}, want: "a.b.c.d"},
		"an unknown group":        {args: []string{"-yes", "odl.acme"}, want: "odl.acme: 404"},
		"an unknown flag":         {args: []string{"-force", "old.acme"}, want: "-force"},
		"a flag after the group":  {args: []string{"old.acme", "-yes"}, want: "give exactly one group"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, group := newGroup(t)
			var out bytes.Buffer
			err := run(t.Context(), tt.args, strings.NewReader(tt.input), &out, io.Discard)
			if tt.want != "" {
				assert.ErrorContains(t, err, tt.want)
				assert.Len(t, group.VirtualMachineNames(), 4)
				assert.True(t, group.Exists())
				return
			}
			require.NoError(t, err)
			assert.False(t, group.Exists())
			assert.Empty(t, group.VirtualMachineNames())
			assert.Contains(t, out.String(), "Purged 4 of 4 machines.\nDeleted group old.acme.\n")
			assert.Equal(t, []string{"bystander"}, srv.Account("acme").Group("web").VirtualMachineNames())

			// In a second run the group no longer exists.
			assert.ErrorIs(t, run(t.Context(), tt.args, strings.NewReader(tt.input), &out, io.Discard), bigv.ErrNotFound)
		})
	}
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, strings.NewReader(""), &out, &stderr))
	assert.Contains(t, out.String(), "No input: continuing")
	assert.Contains(t, out.String(), "Deleted group old-web.acme.")
	assert.Equal(t, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n", stderr.String())
}

func TestFailedPurgeDoesNotStopTheOthers(t *testing.T) {
	srv, group := newGroup(t)
	srv.Inject(bigvtest.Fault{Match: purgeOf(group.VirtualMachine("www2")), Status: 403, Body: "not this one"})
	srv.Inject(bigvtest.Fault{Match: purgeOf(group.VirtualMachine("www4")), Status: 400, Body: "nor this"})
	var out bytes.Buffer
	err := run(t.Context(), []string{"-yes", "old.acme"}, nil, &out, io.Discard)
	assert.EqualError(t, err, "2 of 4 machines failed; group old.acme was not deleted")
	assert.Regexp(t, `www2 +NOT purged: .*not this one`, out.String())
	assert.Regexp(t, `www4 +NOT purged: .*nor this`, out.String())
	assert.Contains(t, out.String(), "Purged 2 of 4 machines.\n")
	assert.Equal(t, []string{"www2", "www4"}, group.VirtualMachineNames())

	// The second run purges the rest.
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, &out, io.Discard))
	assert.Contains(t, out.String(), "Purged 2 of 2 machines.\nDeleted group old.acme.\n")
}

func TestGroupIsDeletedInASecondRun(t *testing.T) {
	srv, group := newGroup(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodDelete, Path: "/accounts/acme/groups/old", Status: 403})
	assert.ErrorIs(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, io.Discard, io.Discard), bigv.ErrForbidden)
	assert.Empty(t, group.VirtualMachineNames())
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, io.Discard, io.Discard))
	assert.False(t, group.Exists())
}

// reader is an io.Reader that returns the result of the function.
type reader func() string

func (r reader) Read(p []byte) (int, error) { return copy(p, r()), io.EOF }

func TestMachineIsPurgedByAnotherClient(t *testing.T) {
	srv, group := newGroup(t)
	var purgeErr error
	confirmation := reader(func() string {
		purgeErr = srv.Client().VirtualMachines.Purge(context.Background(), group.Path().VirtualMachine("www3"))
		return ""
	})
	input := io.MultiReader(confirmation, strings.NewReader("old.acme\n"))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"old.acme"}, input, &out, io.Discard))
	require.NoError(t, purgeErr)
	assert.Regexp(t, `www3 +no longer exists in this group`, out.String())
	assert.Contains(t, out.String(), "Purged 3 of 4 machines.\nDeleted group old.acme.\n")
}

var errInterrupted = errors.New("interrupt signal received")

func TestInterruptDuringConfirmation(t *testing.T) {
	_, group := newGroup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	input, inputWriter := io.Pipe()
	defer inputWriter.Close()
	out := writer(func(p []byte) {
		if bytes.Contains(p, []byte("Type old.acme")) {
			cancel(errInterrupted)
		}
	})
	err := run(ctx, []string{"old.acme"}, input, out, io.Discard)
	assert.ErrorIs(t, err, errInterrupted)
	assert.ErrorContains(t, err, "nothing was purged")
	assert.Len(t, group.VirtualMachineNames(), 4)
}

// writer is an io.Writer that calls the function with what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestInterruptWaitsForPurgesInProgress(t *testing.T) {
	srv, group := newGroup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	// The interrupt arrives during the purge of www2.
	purgesWWW2 := purgeOf(group.VirtualMachine("www2"))
	srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
		if !purgesWWW2(r) {
			return false
		}
		cancel(errInterrupted)
		return true
	}, Delay: 50 * time.Millisecond})
	var out bytes.Buffer
	err := run(ctx, []string{"-yes", "-at-once", "1", "old.acme"}, nil, &out, io.Discard)
	assert.ErrorIs(t, err, errInterrupted)
	assert.ErrorContains(t, err, "0 of 4 machines failed, 2 not started; group old.acme was not deleted")
	assert.Regexp(t, `www2 +purged`, out.String())
	assert.Contains(t, out.String(), "  www3             not started\n  www4             not started\nPurged 2 of 4 machines.\n")
	assert.Equal(t, []string{"www3", "www4"}, group.VirtualMachineNames())
	assert.True(t, group.Exists())
}

func TestAtOnceLimitsConcurrentPurges(t *testing.T) {
	srv, group := newGroup(t)
	group.AddVirtualMachines("more", 20)
	const atOnce = 3
	var inFlight, most atomic.Int32
	tooMany := make(chan struct{})
	waitForAnother := sync.OnceFunc(func() {
		select { // a purge above the limit would arrive now
		case <-tooMany:
		case <-time.After(200 * time.Millisecond):
		}
	})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/virtual_machines/") {
			now := inFlight.Add(1)
			defer inFlight.Add(-1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			if now == atOnce+1 {
				close(tooMany)
			}
			waitForAnother()
		}
		srv.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	t.Setenv("BIGV_ENDPOINT", proxy.URL)
	require.NoError(t, run(t.Context(), []string{"-yes", "-at-once", "3", "old.acme"}, nil, io.Discard, io.Discard))
	assert.EqualValues(t, atOnce, most.Load())
	assert.False(t, group.Exists())
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, nil, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of clearout [flags] group.account:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, nil, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of clearout [flags] group.account:\n")
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, []string{"-yes", "old-web.acme"}, nil, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}

func TestSingularNouns(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("old").VirtualMachine("www1")
	configure(t, srv)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, &out, io.Discard))
	assert.Contains(t, out.String(), "Group old.acme contains 1 machine:\n  www1             on       1 disc, 25 GiB\n")
	assert.Contains(t, out.String(), "Purged 1 of 1 machine.\n")
}

// The confirmation is one line. What follows it in standard input is for the next program.
func TestRestOfTheInputIsLeft(t *testing.T) {
	for name, tt := range map[string]struct{ input, rest, want string }{
		"the name":            {"old.acme\nnext line\nlast", "next line\nlast", ""},
		"the name on Windows": {"old.acme\r\nnext line\n", "next line\n", ""},
		"a wrong name":        {"web.acme\nold.acme\n", "old.acme\n", `got "web.acme", want "old.acme"`},
		"an empty line":       {"\nold.acme\n", "old.acme\n", "nothing was purged"},
		"the end of input":    {"", "", "no confirmation"},
		"a line without end":  {strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20-1024), "nothing was purged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, group := newGroup(t)
			file, err := os.Create(filepath.Join(t.TempDir(), "input"))
			require.NoError(t, err)
			defer file.Close()
			_, err = file.WriteString(tt.input)
			require.NoError(t, err)
			_, err = file.Seek(0, io.SeekStart)
			require.NoError(t, err)
			err = run(t.Context(), []string{"old.acme"}, file, io.Discard, io.Discard)
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
			assert.Equal(t, tt.want != "", group.Exists())
			rest, err := io.ReadAll(file)
			require.NoError(t, err)
			assert.Equal(t, tt.rest, string(rest))
		})
	}
}

func TestYesReadsNoInput(t *testing.T) {
	newGroup(t)
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, reader(func() string {
		t.Error("standard input was read")
		return ""
	}), io.Discard, io.Discard))
}

func TestTextOfTheServiceIsCleaned(t *testing.T) {
	srv, _ := newGroup(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodGet, ContentType: "application/json",
		Body: `[{"id":5001,"name":"ww\u202ew1\n\u001b[2J","group_id":1,"virtual_machine_id":5001}]`})
	var out bytes.Buffer
	require.Error(t, run(t.Context(), []string{"old.acme"}, strings.NewReader(""), &out, io.Discard))
	assert.Contains(t, out.String(), "  ww\uFFFDw1\uFFFD\uFFFD[2J")
}

func TestErrorsAreCleaned(t *testing.T) {
	var out bytes.Buffer
	printError(&out, "clearout", errors.New("a\u202eb\x1b[2J\nc"))
	assert.Equal(t, "clearout: a\uFFFDb\uFFFD[2J\nclearout: c\n", out.String())
}
