package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

// newGroup is a group of four machines, one of them deleted.
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

// purges matches the purge of a machine.
func purges(vm *bigvtest.VirtualMachine) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, fmt.Sprintf("/%d", vm.ID()))
	}
}

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		args    []string
		answers string
		want    string // of the error; empty is success
	}{
		"its name is typed":              {args: []string{"old.acme"}, answers: "old.acme\n"},
		"its name without end of line":   {args: []string{"old.acme"}, answers: "old.acme"},
		"no question":                    {args: []string{"-yes", "old.acme"}},
		"one at a time":                  {args: []string{"-yes", "-at-once", "1", "old.acme"}},
		"more at once than there are":    {args: []string{"-yes", "-at-once", "64", "old.acme"}},
		"another name is typed":          {args: []string{"old.acme"}, answers: "web.acme\n", want: `nothing was purged: "web.acme" is not its name`},
		"an empty line":                  {args: []string{"old.acme"}, answers: "\n", want: "nothing was purged"},
		"yes is not its name":            {args: []string{"old.acme"}, answers: "yes\n", want: "nothing was purged"},
		"nobody answers":                 {args: []string{"old.acme"}, want: "nothing was purged: no answer"},
		"no group":                       {want: "which group?"},
		"two groups":                     {args: []string{"-yes", "old.acme", "web.acme"}, want: "which group?"},
		"none at once":                   {args: []string{"-yes", "-at-once", "0", "old.acme"}, want: "-at-once 0"},
		"a group that cannot be":         {args: []string{"-yes", "a.b.c.d"}, want: "a.b.c.d"},
		"a group that is not there":      {args: []string{"-yes", "odl.acme"}, want: "odl.acme: 404"},
		"an unknown flag":                {args: []string{"-force", "old.acme"}, want: "-force"},
		"a flag behind the group's name": {args: []string{"old.acme", "-yes"}, want: "which group?"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, group := newGroup(t)
			var out bytes.Buffer
			err := run(t.Context(), tt.args, strings.NewReader(tt.answers), &out, io.Discard)
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

			// The second run has nothing to do, and says so.
			assert.ErrorIs(t, run(t.Context(), tt.args, strings.NewReader(tt.answers), &out, io.Discard), bigv.ErrNotFound)
		})
	}
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, strings.NewReader(""), &out, &stderr))
	assert.Contains(t, out.String(), "going ahead")
	assert.Contains(t, out.String(), "Deleted group old-web.acme.")
	assert.Equal(t, "No BIGV_ variable is set: using an in-memory server.\n", stderr.String())
}

func TestFailuresStandBesideTheirMachines(t *testing.T) {
	srv, group := newGroup(t)
	srv.Inject(bigvtest.Fault{Match: purges(group.VirtualMachine("www2")), Status: 403, Body: "not this one"})
	srv.Inject(bigvtest.Fault{Match: purges(group.VirtualMachine("www4")), Status: 400, Body: "nor this"})
	var out bytes.Buffer
	err := run(t.Context(), []string{"-yes", "old.acme"}, nil, &out, io.Discard)
	assert.EqualError(t, err, "2 of 4 machines failed; group old.acme is still there")
	assert.Regexp(t, `www2 +NOT purged: .*not this one`, out.String())
	assert.Regexp(t, `www4 +NOT purged: .*nor this`, out.String())
	assert.Contains(t, out.String(), "Purged 2 of 4 machines.\n")
	assert.Equal(t, []string{"www2", "www4"}, group.VirtualMachineNames())

	// The second run does the rest.
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, &out, io.Discard))
	assert.Contains(t, out.String(), "Purged 2 of 2 machines.\nDeleted group old.acme.\n")
}

func TestAGroupThatCannotBeDeleted(t *testing.T) {
	srv, group := newGroup(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodDelete, Path: "/accounts/acme/groups/old", Status: 403})
	assert.ErrorIs(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, io.Discard, io.Discard), bigv.ErrForbidden)
	assert.Empty(t, group.VirtualMachineNames())
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, io.Discard, io.Discard))
	assert.False(t, group.Exists())
}

// answer types an answer, after something has happened.
type answer func() string

func (a answer) Read(p []byte) (int, error) { return copy(p, a()), io.EOF }

func TestAMachineThatSomebodyElsePurges(t *testing.T) {
	srv, group := newGroup(t)
	var failed error
	meanwhile := answer(func() string {
		failed = srv.Client().VirtualMachines.Purge(context.Background(), group.Path().VirtualMachine("www3"))
		return "old.acme\n"
	})
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"old.acme"}, meanwhile, &out, io.Discard))
	require.NoError(t, failed)
	assert.Regexp(t, `www3 +is here no more`, out.String())
	assert.Contains(t, out.String(), "Purged 3 of 4 machines.\nDeleted group old.acme.\n")
}

var errCtrlC = errors.New("interrupt signal received")

func TestCtrlCAtTheQuestion(t *testing.T) {
	_, group := newGroup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	never, end := io.Pipe()
	defer end.Close()
	asked := writer(func(p []byte) {
		if bytes.Contains(p, []byte("Type old.acme")) {
			cancel(errCtrlC)
		}
	})
	err := run(ctx, []string{"old.acme"}, never, asked, io.Discard)
	assert.ErrorIs(t, err, errCtrlC)
	assert.ErrorContains(t, err, "nothing was purged")
	assert.Len(t, group.VirtualMachineNames(), 4)
}

// writer is an io.Writer that calls the function with what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestCtrlCSeesThroughWhatHasBegun(t *testing.T) {
	srv, group := newGroup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	// www2 has begun when Ctrl-C comes, and is not done yet.
	isIt := purges(group.VirtualMachine("www2"))
	srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
		if !isIt(r) {
			return false
		}
		cancel(errCtrlC)
		return true
	}, Delay: 50 * time.Millisecond})
	var out bytes.Buffer
	err := run(ctx, []string{"-yes", "-at-once", "1", "old.acme"}, nil, &out, io.Discard)
	assert.ErrorIs(t, err, errCtrlC)
	assert.ErrorContains(t, err, "0 of 4 machines failed, 2 not begun; group old.acme is still there")
	assert.Regexp(t, `www2 +purged`, out.String())
	assert.Contains(t, out.String(), "Purged 2 of 4 machines.\n")
	assert.Equal(t, []string{"www3", "www4"}, group.VirtualMachineNames())
	assert.True(t, group.Exists())
}

func TestSeveralAtATimeAndNoMore(t *testing.T) {
	srv, group := newGroup(t)
	group.AddVirtualMachines("more", 20)
	const atOnce = 3
	var inFlight, most atomic.Int32
	tooMany := make(chan struct{})
	together := sync.OnceFunc(func() {
		select { // there is room for another now, and it should not come
		case <-tooMany:
		case <-time.After(200 * time.Millisecond):
		}
	})
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/virtual_machines/") {
			now := inFlight.Add(1)
			defer inFlight.Add(-1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			if now == atOnce+1 {
				close(tooMany)
			}
			together()
		}
		srv.ServeHTTP(w, r)
	}))
	defer counting.Close()
	t.Setenv("BIGV_ENDPOINT", counting.URL)
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
	assert.Contains(t, stderr.String(), "Usage of clearout:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, nil, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of clearout:\n")
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

func TestOneIsNotMany(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("old").VirtualMachine("www1")
	configure(t, srv)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-yes", "old.acme"}, nil, &out, io.Discard))
	assert.Contains(t, out.String(), "Group old.acme holds 1 machine:\n  www1             on       1 disc, 25 GiB\n")
	assert.Contains(t, out.String(), "Purged 1 of 1 machine.\n")
}
