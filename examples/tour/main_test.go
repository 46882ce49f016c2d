package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

// configure has the example work on a server of the test's. Nil configures
// nothing.
func configure(t *testing.T, srv *bigvtest.Server) {
	for _, name := range []string{"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_API_KEY", "BIGV_TOKEN", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA", "BIGV_ACCOUNT"} {
		t.Setenv(name, "")
	}
	if srv != nil {
		t.Setenv("BIGV_ENDPOINT", srv.URL())
		t.Setenv("BIGV_API_KEY", srv.APIKey())
	}
}

func TestRunWithNothingConfigured(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &stderr, false))
	assert.Contains(t, out.String(), "www1 has 4096 MiB now\n")
	assert.Contains(t, out.String(), ": nothing is left behind\n")
	assert.Equal(t, "Nothing is configured: this is a service in memory.\n", stderr.String())
}

func TestAWrongFlagIsNamedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr, false)
	assert.ErrorContains(t, err, "-nope") // main says it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of tour:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr, false))
	assert.Contains(t, stderr.String(), "Usage of tour:\n")
}

func TestArgumentsAreRefused(t *testing.T) {
	configure(t, nil)
	assert.ErrorContains(t, run(t.Context(), []string{"acme"}, io.Discard, io.Discard, false), `no arguments are taken, but there is "acme"`)
}

// Whoever has set something means a service of Bytemark's: what is made up must
// not pass for it.
func TestWhatIsConfiguredByHalfIsNotReplaced(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // nothing is sent anywhere
	for _, name := range []string{"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA", "BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT"} {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, nil, io.Discard, &stderr, false), name)
		assert.Empty(t, stderr.String(), name)
	}
}
