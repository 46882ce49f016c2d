package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
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
		require.NoError(t, run(t.Context(), &out))

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
		work := spans[3]
		assert.Equal(t, "give www1 more memory", work.Name)
		for i, want := range []string{"GET " + machine, "GET " + machine, "PUT " + machine} {
			assert.Equal(t, want, spans[i].Name)
			assert.Equal(t, work.SpanContext.SpanID, spans[i].Parent.SpanID)
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

// watched is a client of a server that both are told of.
func watched(t *testing.T, srv *bigvtest.Server, opts ...bigv.Option) (*bigv.Client, *tracetest.InMemoryExporter, *prometheus.Registry) {
	spans, registry := tracetest.NewInMemoryExporter(), prometheus.NewRegistry()
	carrier := &http.Transport{}
	t.Cleanup(carrier.CloseIdleConnections)
	opts = append(opts, withTracing(trace.NewTracerProvider(trace.WithSyncer(spans)), carrier), withMetrics(registry))
	return srv.Client(opts...), spans, registry
}

func TestAFailureIsSeen(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client, spans, registry := watched(t, srv)
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

func TestNoSpanHoldsASession(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client, spans, registry := watched(t, srv, bigv.WithCredentials("alice", "alice-password"))
	_, err := client.Accounts.List(t.Context(), bigv.AccountListOptions{})
	require.NoError(t, err)
	require.Len(t, spans.GetSpans(), 1)
	assert.Equal(t, "GET /accounts", spans.GetSpans()[0].Name)
	var out bytes.Buffer
	require.NoError(t, printMetrics(registry, &out))
	assert.Contains(t, out.String(), `operation="log in"`, "metrics hold routes only, so logins are counted")
}

func TestCtrlC(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupt signal received")
	cancel(interrupted)
	var out bytes.Buffer
	assert.ErrorIs(t, run(ctx, &out), interrupted)
	assert.Contains(t, out.String(), "give www1 more memory", "the trace so far is shown")
}
