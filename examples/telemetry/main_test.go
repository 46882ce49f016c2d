package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

const machine = "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"

func TestRun(t *testing.T) {
	for range 2 {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), nil, &out, io.Discard))

		type span struct {
			Name                string
			SpanContext, Parent struct{ SpanID string }
		}
		var spans []span
		decoder := json.NewDecoder(strings.NewReader(out.String()))
		for range 4 {
			var s span
			require.NoError(t, decoder.Decode(&s))
			spans = append(spans, s)
		}
		resize := spans[3]
		assert.Equal(t, "resize www1", resize.Name)
		for i, want := range []string{"GET " + machine, "GET " + machine, "PUT " + machine} {
			assert.Equal(t, want, spans[i].Name)
			assert.Equal(t, resize.SpanContext.SpanID, spans[i].Parent.SpanID)
		}

		for _, labels := range []string{
			`operation="get virtual machine",retried="true",route="` + machine + `",status="503"`,
			`operation="get virtual machine",retried="false",route="` + machine + `",status="200"`,
			`operation="update virtual machine",retried="false",route="` + machine + `",status="200"`,
		} {
			assert.Contains(t, out.String(), "bigv_attempt_duration_seconds_count{"+labels+"} 1\n")
		}
	}
}

// newClient returns a client for srv with tracing and metrics, and where they are recorded.
func newClient(t *testing.T, srv *bigvtest.Server, opts ...bigv.Option) (*bigv.Client, *tracetest.InMemoryExporter, *prometheus.Registry) {
	spans, registry := tracetest.NewInMemoryExporter(), prometheus.NewRegistry()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	opts = append(opts, withTracing(trace.NewTracerProvider(trace.WithSyncer(spans)), transport), withMetrics(registry))
	return srv.Client(opts...), spans, registry
}

func TestFailureIsRecorded(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client, spans, registry := newClient(t, srv)
	srv.Inject(bigvtest.Fault{Status: 403})
	_, err := client.Accounts.List(t.Context(), bigv.AccountListOptions{})
	require.ErrorIs(t, err, bigv.ErrForbidden)
	require.Len(t, spans.GetSpans(), 1)
	assert.Equal(t, "GET /accounts", spans.GetSpans()[0].Name)
	assert.Equal(t, "Error", spans.GetSpans()[0].Status.Code.String())
	var out bytes.Buffer
	require.NoError(t, printMetrics(registry, &out))
	assert.Contains(t, out.String(), `{operation="list accounts",retried="false",route="/accounts",status="403"} 1`)
}

func TestSessionsAreNotTraced(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client, spans, registry := newClient(t, srv, bigv.WithCredentials("alice", "alice-password"))
	_, err := client.Accounts.List(t.Context(), bigv.AccountListOptions{})
	require.NoError(t, err)
	require.Len(t, spans.GetSpans(), 1)
	assert.Equal(t, "GET /accounts", spans.GetSpans()[0].Name)
	var out bytes.Buffer
	require.NoError(t, printMetrics(registry, &out))
	assert.Contains(t, out.String(), `operation="log in"`, "metrics contain only routes, so logins are counted")
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupt signal received")
	cancel(interrupted)
	var out bytes.Buffer
	assert.ErrorIs(t, run(ctx, nil, &out, io.Discard), interrupted)
	assert.Contains(t, out.String(), "resize www1", "the trace is printed")
}

func TestInvalidArguments(t *testing.T) {
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of telemetry:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of telemetry:\n")
	assert.Contains(t, stderr.String(), "-capture file")

	assert.ErrorContains(t, run(t.Context(), []string{"now"}, io.Discard, io.Discard), `unexpected argument "now"`)
}

func TestCapture(t *testing.T) {
	name := filepath.Join(t.TempDir(), "capture")
	require.NoError(t, run(t.Context(), []string{"-capture", name}, io.Discard, io.Discard))
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	const www1 = "/accounts/acme/groups/web/virtual_machines/www1"
	assert.Regexp(t, `(?s)^--- get virtual machine www1.web.acme, attempt 1, .*> GET http://[^\n]*`+www1+`\n.*< 503 .*`+
		`--- get virtual machine www1.web.acme, attempt 2, .*> GET http://[^\n]*`+www1+`\n.*< 200 OK\n.*"hostname":.*`+
		`--- update virtual machine .*, attempt 1, .*> PUT .*> {"memory":2048}\n< 200 OK\n`, string(text))
	assert.Len(t, regexp.MustCompile(`(?m)^--- `).FindAll(text, -1), 3)
	tokens := regexp.MustCompile(`(?m)^> Authorization: (.*)$`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, tokens, 3)
	for _, token := range tokens {
		assert.Equal(t, "[redacted]", token[1])
	}

	err = run(t.Context(), []string{"-capture", name}, io.Discard, io.Discard)
	assert.ErrorIs(t, err, fs.ErrExist, "an existing file is not overwritten")
}

func TestCaptureDoesNotContainTheToken(t *testing.T) {
	srv := bigvtest.NewServer(t)
	var capture bytes.Buffer
	client, _, _ := newClient(t, srv, bigv.WithCapture(&capture))
	_, err := client.Accounts.List(t.Context(), bigv.AccountListOptions{})
	require.NoError(t, err)
	assert.Contains(t, capture.String(), "Authorization: [redacted]")
	assert.NotContains(t, capture.String(), srv.Token())
}
