// Telemetry shows how to instrument a program: an OpenTelemetry span for each request, Prometheus metrics for each
// attempt, and a capture file with requests and responses for support cases.
//
//	go -C examples/telemetry run .
//	go -C examples/telemetry run . -capture /tmp/capture
//
// The program uses an in-memory server whose first response is a 503, and prints the trace and the metrics. In
// production, replace stdouttrace with the exporter for your collector and serve the metrics with promhttp.Handler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "telemetry:", err)
		stop()
		os.Exit(1)
	}
}

// withTracing returns an option that records a span for each request. A span is named after the method and the
// route, such as "GET /accounts/{account}", so that there are few different names. Requests for sessions are not
// recorded, because a span contains the URL and theirs can contain a session ID.
func withTracing(provider *trace.TracerProvider, transport http.RoundTripper) bigv.Option {
	return bigv.WithTransport(otelhttp.NewTransport(transport,
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string {
			call, _ := bigv.CallFromContext(r.Context())
			return call.Method + " " + call.Route
		}),
		otelhttp.WithFilter(func(r *http.Request) bool {
			call, ok := bigv.CallFromContext(r.Context())
			return ok && !strings.HasPrefix(call.Route, "/session")
		}),
	))
}

// withMetrics returns an option that measures each attempt. The labels have few different values, because operations
// and routes contain no names or IDs.
func withMetrics(registry prometheus.Registerer) bigv.Option {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "bigv_attempt_duration_seconds", Help: "Duration of attempts to send a request.", Buckets: []float64{.1, 1, 10, 60},
	}, []string{"operation", "route", "status", "retried"})
	registry.MustRegister(seconds)
	return bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		status := strconv.Itoa(a.StatusCode)
		if a.NotSent {
			status = "not sent"
		}
		seconds.WithLabelValues(a.Operation, a.Route, status, strconv.FormatBool(a.Retry)).Observe(a.Duration.Seconds())
	})
}

func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("telemetry", flag.ContinueOnError)
	capture := flags.String("capture", "", "`file` to create and to write requests and responses to, without secrets")
	flags.SetOutput(io.Discard) // Parse would print its error, and so does main.
	err := flags.Parse(args)
	flags.SetOutput(stderr)
	if err != nil {
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	srv, err := bigvtest.Start()
	if err != nil {
		return err
	}
	defer srv.Close()
	srv.Account("acme").Group("web").VirtualMachine("www1")
	srv.Inject(bigvtest.Unavailable())

	exporter, err := stdouttrace.New(stdouttrace.WithWriter(out))
	if err != nil {
		return err
	}
	provider := trace.NewTracerProvider(trace.WithSyncer(exporter))
	registry := prometheus.NewRegistry()
	transport := bigv.NewTransport()
	defer transport.CloseIdleConnections()

	opts := append(srv.ClientOptions(), withTracing(provider, transport), withMetrics(registry))
	if *capture != "" {
		// Only the owner may read the file: it contains names and addresses.
		file, err := os.OpenFile(*capture, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		opts = append(opts, bigv.WithCapture(file))
	}
	client, err := bigv.NewClient(opts...)
	if err != nil {
		return err
	}
	err = resize(ctx, client, provider)
	// Print the trace and the metrics also after an error.
	return errors.Join(err, provider.Shutdown(context.WithoutCancel(ctx)), printMetrics(registry, out))
}

func printMetrics(registry prometheus.Gatherer, out io.Writer) error {
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(out, family); err != nil {
			return err
		}
	}
	return nil
}

// resize gives a virtual machine more memory. Its span is the parent of the spans of the requests.
func resize(ctx context.Context, client *bigv.Client, provider *trace.TracerProvider) error {
	ctx, span := provider.Tracer("example").Start(ctx, "resize www1")
	defer span.End()
	www1 := bigv.AccountPath("acme").Group("web").VirtualMachine("www1")
	vm, err := client.VirtualMachines.Get(ctx, www1) // the first response is the 503
	if err != nil {
		return err
	}
	_, err = client.VirtualMachines.Update(ctx, vm.Path(), bigv.VirtualMachineUpdate{Memory: new(2048)})
	return err
}
