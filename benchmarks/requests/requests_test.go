// Package requests counts requests. Its tests run in bubbles of testing/synctest, where a minute takes milliseconds, and
// print their figures for the program benchmarks.
package requests

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

var (
	acme = bigv.AccountPath("acme")
	web  = acme.Group("web")
)

// transport counts requests and passes them to a function, without a network. Each takes 5 ms.
type transport struct {
	mu       sync.Mutex
	requests int
	refused  int // requests to which the response was 503
	respond  func(*http.Request) *http.Response
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(5 * time.Millisecond)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	resp := t.respond(r)
	if resp.StatusCode == http.StatusServiceUnavailable {
		t.refused++
	}
	return resp, nil
}

// newClient returns a client with the default retries that sends its requests to t.
func newClient(tb testing.TB, t *transport, token string, opts ...bigv.Option) *bigv.Client {
	tb.Helper()
	client, err := bigv.NewClient(append(opts, bigv.WithToken(token), bigv.WithTransport(t))...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// newOutage returns a transport that responds with 503 to all requests before end, and otherwise with a machine.
func newOutage(end time.Time) *transport {
	return &transport{respond: func(r *http.Request) *http.Response {
		status, body := http.StatusOK, `{"id":5012,"name":"www1"}`
		if time.Now().Before(end) {
			status, body = http.StatusServiceUnavailable, ""
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, ContentLength: -1,
			Body: io.NopCloser(strings.NewReader(body))}
	}}
}

// variants are the clients that are compared: one with the defaults and one without the gate.
var variants = map[string][]bigv.Option{"": nil, " without gate": {bigv.WithGate(0)}}

// 100 goroutines call a service that is down for a minute, again at once after each error.
func TestStorm(t *testing.T) {
	for name, opts := range variants {
		synctest.Test(t, func(t *testing.T) {
			end := time.Now().Add(time.Minute)
			outage := newOutage(end)
			client := newClient(t, outage, "t0ken", opts...)
			inParallel(100, func() {
				for time.Now().Before(end) {
					_, _ = client.VirtualMachines.Get(t.Context(), bigv.VirtualMachineID(5012))
				}
			})
			printFigure("storm"+name, outage.refused)
		})
	}
}

// 100 goroutines work off 2,000 jobs of one request while the service is down for 3 seconds.
func TestJobs(t *testing.T) {
	for name, opts := range variants {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, newOutage(time.Now().Add(3*time.Second)), "t0ken", opts...)
			jobs := make(chan int, 2000)
			for i := range cap(jobs) {
				jobs <- i
			}
			close(jobs)
			var mu sync.Mutex
			failed := 0
			inParallel(100, func() {
				for range jobs {
					if _, err := client.VirtualMachines.Get(t.Context(), bigv.VirtualMachineID(5012)); err != nil {
						mu.Lock()
						failed++
						mu.Unlock()
					}
				}
			})
			printFigure("jobs"+name, failed)
		})
	}
}

// inParallel calls f in n goroutines and waits for them.
func inParallel(n int, f func()) {
	var running sync.WaitGroup
	for range n {
		running.Go(f)
	}
	running.Wait()
}

// 100 machines of one group are provisioned and come on after 90 seconds.
func TestWait(t *testing.T) {
	for _, name := range []string{"WaitAll", "Wait"} {
		server, err := bigvtest.Start() // a listener in the bubble would keep its time from advancing
		if err != nil {
			t.Fatal(err)
		}
		server.Account("acme").Group("web")
		synctest.Test(t, func(t *testing.T) {
			defer server.Close()
			last := time.Now()
			service := &transport{respond: func(r *http.Request) *http.Response {
				server.Advance(time.Since(last))
				last = time.Now()
				recorder := httptest.NewRecorder()
				if r = r.Clone(r.Context()); r.Body == nil {
					r.Body = http.NoBody
				}
				server.ServeHTTP(recorder, r)
				return recorder.Result()
			}}
			client := newClient(t, service, server.Token())
			var paths []bigv.VirtualMachinePath
			for i := range 100 {
				create := bigv.VirtualMachineCreate{Name: fmt.Sprint("node", i), PowerOn: new(true), AutorebootOn: new(true),
					Discs: []bigv.DiscCreate{{Size: 25600}}}
				vm, err := client.VirtualMachines.Create(t.Context(), web, create)
				if err != nil {
					t.Fatal(err)
				}
				paths = append(paths, vm.Path())
			}
			service.requests = 0
			if err := wait[name](t.Context(), client, paths); err != nil {
				t.Error(err)
			}
			printFigure(name, service.requests)
		})
	}
}

// wait has the two ways of waiting for many machines.
var wait = map[string]func(context.Context, *bigv.Client, []bigv.VirtualMachinePath) error{
	"WaitAll": func(ctx context.Context, client *bigv.Client, paths []bigv.VirtualMachinePath) error {
		for _, err := range client.VirtualMachines.WaitAll(ctx, paths, bigv.PoweredOn, bigv.WaitOptions{}) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Wait": func(ctx context.Context, client *bigv.Client, paths []bigv.VirtualMachinePath) error {
		errs := make(chan error, len(paths))
		for _, path := range paths {
			go func() {
				_, err := client.VirtualMachines.Wait(ctx, path, bigv.PoweredOn, bigv.WaitOptions{})
				errs <- err
			}()
		}
		for range paths {
			if err := <-errs; err != nil {
				return err
			}
		}
		return nil
	},
}

// printFigure prints a figure for the program benchmarks.
func printFigure(name string, n int) { fmt.Printf("figure\t%s\t%d\n", name, n) }
