package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), t.Context(), nil, &out, &stderr, false))
	assert.Contains(t, out.String(), "www1 now has 4096 MiB of memory\n")
	assert.Contains(t, out.String(), "update virtual machine www1.tour-")
	assert.NotRegexp(t, `[0-9]+\.[0-9]+\.acme`, out.String(), "errors contain names and not IDs")
	assert.Contains(t, out.String(), "\n  Field(\"memory\") returns [is not included in the list]\n")
	assert.Contains(t, out.String(), "\npurged the machine and deleted group tour-")
	assert.Equal(t, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n", stderr.String())
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), t.Context(), []string{"-nope"}, io.Discard, &stderr, false)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of tour:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), t.Context(), []string{"-h"}, io.Discard, &stderr, false))
	assert.Contains(t, stderr.String(), "Usage of tour:\n")
}

func TestUnexpectedArgumentIsAnError(t *testing.T) {
	configure(t, nil)
	assert.ErrorContains(t, run(t.Context(), t.Context(), []string{"acme"}, io.Discard, io.Discard, false), `unexpected argument "acme"`)
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, cancelled, nil, io.Discard, &stderr, false), name)
		assert.Empty(t, stderr.String(), name)
	}
}

// writes returns the requests in the journal that are not reads.
func writes(srv *bigvtest.Server) (list []string) {
	for _, x := range srv.Journal() {
		if x.Method != http.MethodGet {
			list = append(list, x.Method+" "+x.Path)
		}
	}
	return list
}

func TestRunOnlyReadsWithoutWrite(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").VirtualMachine("www8")
	srv.Account("acme").Group("web").VirtualMachine("www9").SetCores(2).Disc("data", 51200)
	configure(t, srv)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), t.Context(), nil, &out, &stderr, false))
	assert.Contains(t, out.String(), "    www8         1 core, 1024 MiB, 1 disc, on\n    www9         2 cores, 1024 MiB, 2 discs, on\n")
	assert.Contains(t, out.String(), "Use -write to create a machine.\n")
	assert.Empty(t, stderr.String())
	assert.Empty(t, writes(srv))
}

var errInterrupted = errors.New("interrupt signal received")

func TestInterruptCleansUp(t *testing.T) {
	srv := bigvtest.NewServer(t)
	before := srv.Account("acme").GroupNames()
	configure(t, srv)
	for name, tt := range map[string]struct {
		created bool   // whether the machine is provisioned before the interrupt
		want    string // part of the error
	}{
		"during provisioning": {false, "creating www1.tour-"},
		"during shutdown":     {true, "wait for virtual machine www1.tour-"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			shutDown := false
			remove := srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
				shutDown = shutDown || strings.HasSuffix(r.URL.Path, "/signal")
				switch {
				case r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/virtual_machines/"):
				case !tt.created || shutDown:
					cancel(errInterrupted)
				default:
					srv.Advance(bigvtest.ProvisioningTime)
				}
				return false
			}})
			defer remove()
			err := run(ctx, t.Context(), []string{"-write"}, io.Discard, io.Discard, false)
			assert.ErrorIs(t, err, errInterrupted)
			assert.ErrorContains(t, err, tt.want)
			assert.Equal(t, before, srv.Account("acme").GroupNames())
		})
	}
}

func TestTextOfTheServiceIsCleaned(t *testing.T) {
	srv := bigvtest.NewServer(t)
	configure(t, srv)
	srv.Inject(bigvtest.Fault{Path: "/accounts", ContentType: "application/json",
		Body: `[{"id":1,"name":"acme\u001b]0;title\u0007","groups":[{"id":2,"name":"we\u202eb\nNothing was changed."}]}]`})
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), t.Context(), nil, &out, io.Discard, false))
	assert.Contains(t, out.String(), "account acme\uFFFD]0;title\uFFFD\n  group we\uFFFDb\uFFFDNothing was changed.\n")
}

func TestErrorsAreCleaned(t *testing.T) {
	var out bytes.Buffer
	printError(&out, "tour", errors.New("a\u202eb\x1b[2J\nc"))
	assert.Equal(t, "tour: a\uFFFDb\uFFFD[2J\ntour: c\n", out.String())
}
