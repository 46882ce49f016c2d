package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// The real service satisfies the interface: if it no longer does, this does not
// compile.
var _ machines = (*bigv.VirtualMachinesService)(nil)

// stub is a service that has these machines, and these errors.
type stub struct {
	vms     []bigv.VirtualMachine
	listErr error
	failing map[bigv.VirtualMachinePath]error // what Start says
	asked   bigv.VirtualMachineListOptions
}

func (s *stub) List(_ context.Context, options bigv.VirtualMachineListOptions, _ ...bigv.CallOption) ([]bigv.VirtualMachine, error) {
	s.asked = options
	return s.vms, s.listErr
}

func (s *stub) Start(_ context.Context, vm bigv.VirtualMachinePath, _ ...bigv.CallOption) (bigv.VirtualMachine, error) {
	return bigv.VirtualMachine{}, s.failing[vm]
}

func TestWake(t *testing.T) {
	var (
		on      = bigv.VirtualMachine{ID: 1, Name: "on", PowerOn: true}
		off     = bigv.VirtualMachine{ID: 2, Name: "off"}
		alsoOff = bigv.VirtualMachine{ID: 3, Name: "also-off"}
		made    = bigv.VirtualMachine{ID: 4, Name: "made", Provisioning: true}
		broken  = errors.New("no head has room")
	)
	for name, tt := range map[string]struct {
		stub stub
		want []string
		err  error
	}{
		"an empty group":                     {},
		"those that are off":                 {stub: stub{vms: []bigv.VirtualMachine{on, off, alsoOff}}, want: []string{"off", "also-off"}},
		"not one that is being made":         {stub: stub{vms: []bigv.VirtualMachine{made}}},
		"a list that fails":                  {stub: stub{vms: []bigv.VirtualMachine{off}, listErr: bigv.ErrForbidden}, err: bigv.ErrForbidden},
		"one that fails leaves others alone": {stub: stub{vms: []bigv.VirtualMachine{off, alsoOff}, failing: map[bigv.VirtualMachinePath]error{off.Path(): broken}}, want: []string{"also-off"}, err: broken},
	} {
		t.Run(name, func(t *testing.T) {
			group := bigv.AccountPath("acme").Group("web")
			started, err := wake(t.Context(), &tt.stub, group)
			assert.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.want, started)
			assert.Equal(t, group, tt.stub.asked.Group)
		})
	}
}

func nothingConfigured(t *testing.T) {
	for _, name := range environment {
		t.Setenv(name, "")
	}
}

// A stub says what its author believes of the service. That the program works on
// one that behaves as the service does, one test of the whole shows.
func TestRun(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	web.VirtualMachine("www1")
	www2 := web.VirtualMachine("www2").SetPower(false)
	www3 := web.VirtualMachine("www3").SetPower(false)
	nothingConfigured(t)
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
		{name: "Ctrl-C", ctx: cancelled, err: context.Canceled},
		{name: "the first refuses", ctx: t.Context(), want: "started www3\n", err: bigv.ErrForbidden},
		{name: "again", ctx: t.Context(), want: "started www2\n"},
		{name: "and again", ctx: t.Context()},
	} {
		var out bytes.Buffer
		assert.ErrorIs(t, run(tt.ctx, []string{"-group", "web.acme"}, &out, io.Discard), tt.err, tt.name)
		assert.Equal(t, tt.want, out.String(), tt.name)
	}
	assert.True(t, www2.State().PoweredOn)
	assert.True(t, www3.State().PoweredOn)
}

func TestRunInMemory(t *testing.T) {
	nothingConfigured(t)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &stderr))
	assert.Equal(t, "started www2\n", out.String())
	assert.Equal(t, "No BIGV_ variable is set: using an in-memory server.\n", stderr.String())
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	nothingConfigured(t)
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
	nothingConfigured(t)
	assert.ErrorContains(t, run(t.Context(), []string{"acme"}, io.Discard, io.Discard), `unexpected argument "acme"`)
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		nothingConfigured(t)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, nil, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}
