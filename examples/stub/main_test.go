package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// The real service implements the interface.
var _ virtualMachines = (*bigv.VirtualMachinesService)(nil)

type machines = []bigv.VirtualMachine

// stub implements virtualMachines with fixed results.
type stub struct {
	vms         machines // as List returns them
	now         machines // as Get returns them, if that differs
	getErrs     map[bigv.VirtualMachinePath]error
	listErr     error
	startErrs   map[bigv.VirtualMachinePath]error
	listOptions bigv.VirtualMachineListOptions // of the last call of List
}

func (s *stub) List(_ context.Context, options bigv.VirtualMachineListOptions, _ ...bigv.CallOption) ([]bigv.VirtualMachine, error) {
	s.listOptions = options
	return s.vms, s.listErr
}

func (s *stub) Get(_ context.Context, path bigv.VirtualMachinePath, _ ...bigv.CallOption) (bigv.VirtualMachine, error) {
	for _, vm := range slices.Concat(s.now, s.vms) {
		if vm.Path() == path {
			return vm, s.getErrs[path]
		}
	}
	return bigv.VirtualMachine{}, bigv.ErrNotFound
}

func (s *stub) Start(_ context.Context, vm bigv.VirtualMachinePath, _ ...bigv.CallOption) (bigv.VirtualMachine, error) {
	return bigv.VirtualMachine{}, s.startErrs[vm]
}

func TestStartAll(t *testing.T) {
	var (
		on      = bigv.VirtualMachine{ID: 1, Name: "on", PowerOn: true}
		off     = bigv.VirtualMachine{ID: 2, Name: "off"}
		alsoOff = bigv.VirtualMachine{ID: 3, Name: "also-off"}
		failure = errors.New("no capacity")
	)
	for name, tt := range map[string]struct {
		stub stub
		want []string
		err  error
	}{
		"an empty group":        {},
		"machines that are off": {stub: stub{vms: machines{on, off, alsoOff}}, want: []string{"off", "also-off"}},
		"a machine that is being provisioned": {
			stub: stub{vms: machines{off, alsoOff}, now: machines{{ID: 2, Name: "off", Provisioning: true}}}, want: []string{"also-off"},
		},
		"a machine that is on by now": {
			stub: stub{vms: machines{off, alsoOff}, now: machines{{ID: 3, Name: "also-off", PowerOn: true}}}, want: []string{"off"},
		},
		"an error of Get": {
			stub: stub{vms: machines{off, alsoOff}, getErrs: map[bigv.VirtualMachinePath]error{off.Path(): failure}},
			want: []string{"also-off"}, err: failure,
		},
		"an error of List": {stub: stub{vms: machines{off}, listErr: bigv.ErrForbidden}, err: bigv.ErrForbidden},
		"an error of Start": {
			stub: stub{vms: machines{off, alsoOff}, startErrs: map[bigv.VirtualMachinePath]error{off.Path(): failure}},
			want: []string{"also-off"}, err: failure,
		},
	} {
		t.Run(name, func(t *testing.T) {
			group := bigv.AccountPath("acme").Group("web")
			started, err := startAll(t.Context(), &tt.stub, group)
			assert.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.want, started)
			assert.Equal(t, group, tt.stub.listOptions.Group)
		})
	}
}

// environment lists the variables that NewClientFromEnv reads.
var environment = []string{
	"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
	"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
}

// clearEnvironment unsets all of the configuration.
func clearEnvironment(t *testing.T) {
	for _, name := range environment {
		t.Setenv(name, "")
	}
}

// A stub behaves as its author expects. One test of the whole program with bigvtest shows that it also works with
// the behaviour of the service.
func TestRun(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	web.VirtualMachine("www1")
	www2 := web.VirtualMachine("www2").SetPower(false)
	www3 := web.VirtualMachine("www3").SetPower(false)
	clearEnvironment(t)
	t.Setenv("BIGV_ENDPOINT", srv.URL())
	t.Setenv("BIGV_API_KEY", srv.APIKey())
	srv.Inject(bigvtest.Fault{Method: "PUT", Path: "/accounts/acme/groups/*/virtual_machines/*", Status: 403})

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want string
		err  error
	}{
		{name: "interrupted", ctx: cancelled, err: context.Canceled},
		{name: "the first machine fails", ctx: t.Context(), want: "started www3\n", err: bigv.ErrForbidden},
		{name: "second run", ctx: t.Context(), want: "started www2\n"},
		{name: "third run", ctx: t.Context()},
	} {
		var out bytes.Buffer
		assert.ErrorIs(t, run(tt.ctx, []string{"-group", "web.acme"}, &out, io.Discard), tt.err, tt.name)
		assert.Equal(t, tt.want, out.String(), tt.name)
	}
	assert.True(t, www2.State().PoweredOn)
	assert.True(t, www3.State().PoweredOn)
}

// The service says only in the response to a GET of the machine that it is being provisioned.
func TestRunSkipsMachinesThatAreBeingProvisioned(t *testing.T) {
	srv := bigvtest.NewServer(t)
	_, err := srv.Client().VirtualMachines.Create(t.Context(), bigv.AccountPath("acme").Group("web"), bigv.VirtualMachineCreate{
		Name: "new1", PowerOn: new(false), Discs: []bigv.DiscCreate{{Size: 25600}},
	})
	require.NoError(t, err)
	srv.Account("acme").Group("web").VirtualMachine("www2").SetPower(false)
	clearEnvironment(t)
	t.Setenv("BIGV_ENDPOINT", srv.URL())
	t.Setenv("BIGV_API_KEY", srv.APIKey())
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-group", "web.acme"}, &out, io.Discard))
	assert.Equal(t, "started www2\n", out.String())
	srv.Advance(bigvtest.ProvisioningTime)
	assert.False(t, srv.Account("acme").Group("web").VirtualMachine("new1").State().PoweredOn, "it was to stay off")
}

func TestRunInMemory(t *testing.T) {
	clearEnvironment(t)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &stderr))
	assert.Equal(t, "started www2\n", out.String())
	assert.Equal(t, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n", stderr.String())
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	clearEnvironment(t)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of stub:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of stub:\n")
}

func TestUnexpectedArgumentIsAnError(t *testing.T) {
	clearEnvironment(t)
	assert.ErrorContains(t, run(t.Context(), []string{"acme"}, io.Discard, io.Discard), `unexpected argument "acme"`)
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		clearEnvironment(t)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, nil, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}

func TestTextOfTheServiceIsCleaned(t *testing.T) {
	srv := bigvtest.NewServer(t)
	www2 := srv.Account("acme").Group("web").VirtualMachine("www2").SetPower(false)
	clearEnvironment(t)
	t.Setenv("BIGV_ENDPOINT", srv.URL())
	t.Setenv("BIGV_API_KEY", srv.APIKey())
	// The first GET is of the list.
	srv.Inject(bigvtest.Fault{Method: "GET", Skip: 1, ContentType: "application/json",
		Body: fmt.Sprintf(`{"id":%d,"name":"ww\u202ew2\u001b[2J\n","group_id":72,"power_on":false}`, www2.ID())})
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, io.Discard))
	assert.Equal(t, "started ww\uFFFDw2\uFFFD[2J\uFFFD\n", out.String())
}

func TestErrorsAreCleaned(t *testing.T) {
	var out bytes.Buffer
	printError(&out, "stub", errors.New("a\u202eb\x1b[2J\nc"))
	assert.Equal(t, "stub: a\uFFFDb\uFFFD[2J\nstub: c\n", out.String())
}

// All examples that print text of the service clean it in this way: text.go is the same file in each.
func TestClean(t *testing.T) {
	for name, characters := range map[string]string{
		"control characters":              "\x00\a\b\t\n\v\f\r\x1b\x7f",
		"control characters of 8 bits":    "\u0080\u0085\u008d\u0090\u009b\u009d\u009f",
		"bytes that are no UTF-8":         "\x80\x9b\xff",
		"marks of the direction of text":  "\u061c\u200e\u200f",
		"embeddings and overrides of it":  "\u202a\u202b\u202c\u202d\u202e",
		"isolates of it":                  "\u2066\u2067\u2068\u2069",
		"characters without a width":      "\u00ad\u200b\u200c\u200d\u2060\ufeff",
		"separators of lines":             "\u2028\u2029",
		"spaces that look like a space":   "\u00a0\u2003\u3000",
		"tags and characters without use": "\U000e0041\ue000\uffff\U0010ffff",
	} {
		for c := range strings.SplitSeq(characters, "") {
			assert.Equal(t, "a\ufffdb", clean("a"+c+"b"), "%s: %q", name, c)
		}
	}
	const kept = "www1.web.acme 25 GiB: Größe, 名前, שם, é, 🚀 ~^|"
	assert.Equal(t, kept, clean(kept))
}
