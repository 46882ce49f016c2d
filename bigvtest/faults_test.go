package bigvtest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

// protocols maps HTTP protocols to the options of a server that uses them.
var protocols = map[string][]bigvtest.Option{"HTTP/1.1": nil, "HTTP/2.0": {bigvtest.WithTLS()}}

func TestFaults(t *testing.T) {
	const whole = `{"id":73,"account_id":41,"name":"made"}`
	for name, row := range map[string]struct {
		fault       bigvtest.Fault
		status      int    // 0 if there is no response
		body        string // the part that arrives
		cut         bool   // the body ends early
		contentType string
		done        bool
		faultName   string
	}{
		"a status and a body": {
			fault: bigvtest.Fault{Status: 500, Body: "oops"}, status: 500, body: "oops", contentType: "text/plain; charset=utf-8",
			faultName: "status 500",
		},
		"Unavailable": {
			fault: bigvtest.Unavailable(), status: 503, body: "Service temporarily unavailable", contentType: "text/plain; charset=utf-8",
			faultName: "status 503",
		},
		"BadGateway": {
			fault: bigvtest.BadGateway(), status: 502, contentType: "text/html; charset=utf-8", faultName: "status 502",
			body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n",
		},
		"a body without a status": {
			fault: bigvtest.Fault{Body: "{", ContentType: "application/json"}, status: 200, body: "{", contentType: "application/json",
			faultName: "status 200",
		},
		"a response after processing": {
			fault: bigvtest.Fault{Status: 504, AfterWork: true}, status: 504, contentType: "text/plain; charset=utf-8", done: true,
			faultName: "status 504 after work",
		},
		"a response without a body": {
			fault: bigvtest.Fault{Status: 204, AfterWork: true}, status: 204, contentType: "text/plain; charset=utf-8", done: true,
			faultName: "status 204 after work",
		},
		"a replaced response cut short": {
			fault: bigvtest.Fault{Status: 500, Body: "oops", CutBodyAt: 2}, status: 500, body: "oo", cut: true,
			contentType: "text/plain; charset=utf-8",
			faultName:   "status 500, cut body at 2",
		},
		"dropped before processing": {fault: bigvtest.Fault{DropBefore: true}, faultName: "drop before"},
		"dropped after processing":  {fault: bigvtest.Fault{DropAfter: true}, done: true, faultName: "drop after"},
		"body cut short": {
			fault: bigvtest.Fault{CutBodyAt: 5}, status: 200, body: whole[:5], cut: true, contentType: "application/json", done: true,
			faultName: "cut body at 5",
		},
		"body cut after the header": {
			fault: bigvtest.Fault{CutBodyAt: -1}, status: 200, cut: true, contentType: "application/json", done: true,
			faultName: "cut body at 0",
		},
		"body cut before the last byte": {
			fault: bigvtest.Fault{CutBodyAt: len(whole) - 1}, status: 200, body: whole[:len(whole)-1], cut: true,
			contentType: "application/json", done: true,
			faultName: "cut body at 38",
		},
		"body cut at its end is complete": {
			fault: bigvtest.Fault{CutBodyAt: len(whole)}, status: 200, body: whole, contentType: "application/json", done: true,
			faultName: "cut body at 39",
		},
		"delayed": {
			fault: bigvtest.Fault{Delay: 20 * time.Millisecond}, status: 200, body: whole, contentType: "application/json", done: true,
			faultName: "delay 20ms",
		},
		"delayed and dropped": {
			fault: bigvtest.Fault{Delay: 20 * time.Millisecond, DropBefore: true}, faultName: "delay 20ms, drop before",
		},
	} {
		for protocol, opts := range protocols {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				srv := bigvtest.NewServer(t, opts...)
				srv.Inject(row.fault)
				client := srv.HTTPClient()
				defer client.CloseIdleConnections()
				began := time.Now()
				r, err := http.NewRequestWithContext(
					t.Context(), http.MethodPost, srv.URL()+"/accounts/acme/groups", strings.NewReader(`{"name":"made"}`),
				)
				require.NoError(t, err)
				r.Header = http.Header{"Authorization": {"Bearer " + srv.Token()}, "Content-Type": {"application/json"}}
				resp, err := client.Do(r)
				if row.status == 0 {
					assert.Error(t, err)
				} else {
					require.NoError(t, err)
					body, err := io.ReadAll(resp.Body)
					assert.NoError(t, resp.Body.Close())
					assert.Equal(t, row.cut, err != nil, "body error: %v", err)
					assert.Equal(t, row.status, resp.StatusCode)
					assert.Equal(t, row.body, string(body))
					assert.Equal(t, row.contentType, resp.Header.Get("Content-Type"))
					assert.Equal(t, protocol, resp.Proto)
				}
				assert.GreaterOrEqual(t, time.Since(began), row.fault.Delay)
				assert.Equal(t, row.done, slices.Contains(srv.Account("acme").GroupNames(), "made"))

				journal := srv.Journal()
				require.Len(t, journal, 1)
				assert.Equal(t, row.faultName, journal[0].Fault)
				assert.Equal(t, row.done, journal[0].Done)
				assert.Equal(t, row.status, journal[0].Status)
				assert.Equal(t, row.body, journal[0].ResponseBody)
				assert.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET /accounts/acme", "").status, "the fault applies only once")
			})
		}
	}
}

func TestFaultsThatBlock(t *testing.T) {
	for name, row := range map[string]struct {
		fault bigvtest.Fault
		done  bool
	}{
		"hang":                    {fault: bigvtest.Fault{Hang: true}},
		"hang after processing":   {fault: bigvtest.Fault{Hang: true, AfterWork: true}, done: true},
		"a long delay":            {fault: bigvtest.Fault{Delay: time.Hour}},
		"a long delay before 503": {fault: bigvtest.Fault{Delay: time.Hour, Status: 503}},
	} {
		for protocol, opts := range protocols {
			for _, endedBy := range []string{"client", "server"} {
				t.Run(protocol+"/"+name+" until the "+endedBy+" ends it", func(t *testing.T) {
					srv := bigvtest.NewServer(t, opts...)
					srv.Inject(row.fault)
					client := srv.HTTPClient()
					defer client.CloseIdleConnections()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					r, err := http.NewRequestWithContext(
						ctx, http.MethodPost, srv.URL()+"/accounts/acme/groups", strings.NewReader(`{"name":"made"}`),
					)
					require.NoError(t, err)
					r.Header = http.Header{"Authorization": {"Bearer " + srv.Token()}, "Content-Type": {"application/json"}}
					result := make(chan error, 1)
					go func() {
						resp, err := client.Do(r)
						if err == nil {
							_ = resp.Body.Close()
						}
						result <- err
					}()
					require.Eventually(t, func() bool {
						journal := srv.Journal()
						return len(journal) == 1 && journal[0].Done == row.done
					}, 10*time.Second, time.Millisecond, "the journal must contain the hanging request")
					select {
					case err := <-result:
						t.Fatalf("the request did not hang: %v", err)
					default:
					}
					if endedBy == "client" {
						cancel()
						assert.ErrorIs(t, <-result, context.Canceled)
					}
					srv.Close()
					if endedBy == "server" {
						err := <-result
						require.Error(t, err)
						assert.False(t, errors.Is(err, context.Canceled))
					}
					assert.Equal(t, row.done, slices.Contains(srv.Account("acme").GroupNames(), "made"))
					assert.Zero(t, srv.Journal()[0].Status)
				})
			}
		}
	}
}

func TestFaultMatching(t *testing.T) {
	for name, row := range map[string]struct {
		fault   bigvtest.Fault
		request string
		matches bool
	}{
		"zero fault":                        {bigvtest.Fault{}, "GET /definitions", true},
		"same method":                       {bigvtest.Fault{Method: "GET"}, "GET /definitions", true},
		"other method":                      {bigvtest.Fault{Method: "PUT"}, "GET /definitions", false},
		"same path":                         {bigvtest.Fault{Path: "/definitions"}, "GET /definitions", true},
		"other path":                        {bigvtest.Fault{Path: "/definition"}, "GET /definitions", false},
		"* matches a segment":               {bigvtest.Fault{Path: "/accounts/*"}, "GET /accounts/acme", true},
		"* does not match two segments":     {bigvtest.Fault{Path: "/accounts/*"}, "GET /accounts/acme/groups", false},
		"* matches a segment in the middle": {bigvtest.Fault{Path: "/accounts/*/groups"}, "GET /accounts/acme/groups", true},
		"/** matches all paths below":       {bigvtest.Fault{Path: "/accounts/**"}, "GET /accounts/acme/groups/web", true},
		"/** does not match its root":       {bigvtest.Fault{Path: "/accounts/**"}, "GET /accounts", false},
		"/** after a pattern":               {bigvtest.Fault{Path: "/accounts/*/groups/**"}, "GET /accounts/acme/groups/web", true},
		"/** matches every path":            {bigvtest.Fault{Path: "/**"}, "GET /accounts/acme", true},
		"the query is ignored":              {bigvtest.Fault{Path: "/accounts"}, "GET /accounts?view=overview", true},
		"percent-encoded path":              {bigvtest.Fault{Path: "/ips/2001%3Adb8::1"}, "GET /ips/2001%3Adb8::1", true},
		"Match": {
			bigvtest.Fault{Match: func(r *http.Request) bool { return r.URL.Query().Get("view") == "overview" }},
			"GET /accounts?view=overview", true,
		},
		"Match and other method": {bigvtest.Fault{Method: "PUT", Match: func(*http.Request) bool { return true }}, "GET /accounts", false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			row.fault.Status = 599
			srv.Inject(row.fault)
			assert.Equal(t, row.matches, send(t, srv, srv.Token(), row.request, "").status == 599)
		})
	}
}

func TestFaultMatchCanReadBody(t *testing.T) {
	srv := bigvtest.NewServer(t)
	holds := func(word string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			body, _ := io.ReadAll(r.Body)
			srv.Now() // Match may call methods of the server
			return strings.Contains(string(body), word)
		}
	}
	srv.Inject(bigvtest.Fault{Match: holds("unrelated"), Status: 598})
	srv.Inject(bigvtest.Fault{Match: holds("made"), Status: 599})
	assert.Equal(t, 599, send(t, srv, srv.Token(), "POST /accounts/acme/groups", `{"name":"made"}`).status)
	assert.Equal(t, 200, send(t, srv, srv.Token(), "POST /accounts/acme/groups", `{"name":"made"}`).status)
}

// Match may wait, and may use the server and its clients, while other requests are handled.
func TestFaultMatchDoesNotBlockOtherRequests(t *testing.T) {
	for name, inject := range map[string]func(*bigvtest.Server, bigvtest.Fault) func(){
		"Inject": (*bigvtest.Server).Inject,
		"InjectRandom": func(srv *bigvtest.Server, f bigvtest.Fault) func() {
			return srv.InjectRandom(1, 1, f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			client := srv.Client()
			waiting, proceed := make(chan struct{}), make(chan struct{})
			inject(srv, bigvtest.Fault{Method: http.MethodPost, Status: 599, Match: func(r *http.Request) bool {
				close(waiting)
				<-proceed
				srv.Advance(time.Second)
				srv.Account("acme").Group("app")
				srv.Inject(bigvtest.Fault{Path: "/users", Status: 598})()
				srv.InjectRandom(1, 0)()
				_ = srv.Journal()
				_, err := client.Accounts.Get(r.Context(), "acme")
				return assert.NoError(t, err)
			}})
			slow := make(chan int, 1)
			go func() {
				slow <- send(t, srv, srv.Token(), "POST /accounts/acme/groups", `{"name":"made"}`).status
			}()
			<-waiting
			assert.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET /accounts", "").status, "while Match waits")
			close(proceed)
			assert.Equal(t, 599, <-slow)
			assert.Equal(t, []string{"default", "web", "app"}, srv.Account("acme").GroupNames())
		})
	}
}

// However many requests Match is called for at the same time, a fault applies as often as it says.
func TestFaultAppliesAsOftenAsItSays(t *testing.T) {
	srv := bigvtest.NewServer(t)
	const requests = 20
	var together sync.WaitGroup
	together.Add(requests)
	srv.Inject(bigvtest.Fault{Skip: 2, Times: 3, Status: 599, Match: func(*http.Request) bool {
		together.Done()
		together.Wait()
		return true
	}})
	codes := make(chan int, requests)
	for range requests {
		go func() { codes <- send(t, srv, "", "GET /definitions", "").status }()
	}
	failed := 0
	for range requests {
		if <-codes == 599 {
			failed++
		}
	}
	assert.Equal(t, 3, failed)
}

// A fault that is removed while Match runs does not apply.
func TestFaultRemovedDuringMatch(t *testing.T) {
	srv := bigvtest.NewServer(t)
	var remove func()
	remove = srv.Inject(bigvtest.Fault{Times: -1, Status: 599, Match: func(*http.Request) bool {
		remove()
		return true
	}})
	assert.Equal(t, http.StatusOK, send(t, srv, "", "GET /definitions", "").status)
}

func TestFaultHeaders(t *testing.T) {
	for name, row := range map[string]struct {
		fault bigvtest.Fault
		want  string
	}{
		"neither":              {bigvtest.Fault{Status: 500}, "text/plain; charset=utf-8"},
		"ContentType":          {bigvtest.Fault{ContentType: "text/html"}, "text/html"},
		"Header":               {bigvtest.Fault{Header: http.Header{"Content-Type": {"text/css"}}}, "text/css"},
		"Header in lower case": {bigvtest.Fault{Header: http.Header{"content-type": {"text/css"}}}, "text/css"},
		"both": {
			bigvtest.Fault{ContentType: "a/b", Header: http.Header{"Content-Type": {"text/css"}}}, "text/css",
		},
		"Header without a Content-Type": {bigvtest.Fault{ContentType: "a/b", Header: http.Header{"Retry-After": {"1"}}}, "a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			row.fault.Body = "text"
			srv.Inject(row.fault)
			got := send(t, srv, "", "GET /definitions", "")
			assert.Equal(t, row.want, got.contentType)
			assert.Equal(t, "text", got.body)
			assert.Equal(t, row.fault.Header.Get("Retry-After"), got.header.Get("Retry-After"))
		})
	}
}

func TestFaultOrder(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Inject(bigvtest.Fault{Skip: 1, Times: 2, Status: 501})
	removeFault := srv.Inject(bigvtest.Fault{Times: -1, Status: 502})
	srv.Inject(bigvtest.Fault{Status: 503})
	var got []int
	next := func() { got = append(got, send(t, srv, "", "GET /definitions", "").status) }
	for range 5 {
		next()
	}
	removeFault()
	removeFault()
	next()
	next()
	assert.Equal(t, []int{502, 501, 501, 502, 502, 503, 200}, got)
}

func TestInvalidFaults(t *testing.T) {
	srv, err := bigvtest.Start()
	require.NoError(t, err)
	defer srv.Close()
	for name, fault := range map[string]bigvtest.Fault{
		"malformed path pattern": {Path: "/accounts/["},
		"status below 200":       {Status: 101},
		"status above 599":       {Status: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Panics(t, func() { srv.Inject(fault) })
			assert.Panics(t, func() { srv.InjectRandom(1, 1, fault) })
		})
	}
	assert.Equal(t, 200, send(t, srv, "", "GET /definitions", "").status)
}

func TestRandomFaults(t *testing.T) {
	// faultsOf60Requests sends 60 requests, each on its own connection, and returns the fault of each.
	faultsOf60Requests := func(t *testing.T, seed uint64, rate float64, of ...bigvtest.Fault) (faults []string) {
		srv := bigvtest.NewServer(t)
		stop := srv.InjectRandom(seed, rate, of...)
		client := srv.HTTPClient()
		client.Transport.(*http.Transport).DisableKeepAlives = true
		for range 60 {
			_, _ = sendWith(t, client, srv.URL(), "", "GET /definitions", "")
		}
		stop()
		for _, exchange := range srv.Journal() {
			faults = append(faults, exchange.Fault)
		}
		require.Len(t, faults, 60)
		assert.Equal(t, http.StatusOK, send(t, srv, "", "GET /definitions", "").status, "after stop")
		return faults
	}
	some := faultsOf60Requests(t, 1, 0.5)
	assert.Equal(t, some, faultsOf60Requests(t, 1, 0.5), "same seed")
	assert.NotEqual(t, some, faultsOf60Requests(t, 2, 0.5), "different seed")
	kinds := slices.Compact(slices.Sorted(slices.Values(some)))
	assert.Equal(t, []string{"", "cut body at 1", "drop after", "drop before", "status 502", "status 503"}, kinds)
	assert.Equal(t, []string{""}, slices.Compact(faultsOf60Requests(t, 1, 0)), "rate 0")
	assert.Equal(
		t, []string{"status 500"}, slices.Compact(faultsOf60Requests(t, 1, 1, bigvtest.Fault{Status: 500})), "rate 1 with one fault",
	)
	assert.Equal(
		t, []string{""}, slices.Compact(faultsOf60Requests(t, 1, 1, bigvtest.Fault{Method: "PUT", Status: 500})),
		"a fault that does not match",
	)
}
