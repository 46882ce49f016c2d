package bigvtest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func TestStartAndClose(t *testing.T) {
	srv, err := bigvtest.Start()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(srv.URL(), "http://127.0.0.1:"), srv.URL())
	assert.Equal(t, srv.URL(), srv.AuthURL())
	assert.Nil(t, srv.Certificate())
	assert.Equal(t, 200, send(t, srv, "", "GET /definitions", "").status)
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(srv.Close) // concurrently and more than once
	}
	closing.Wait()
	client := srv.HTTPClient()
	_, err = sendWith(t, client, srv.URL(), "", "GET /definitions", "")
	assert.Error(t, err)
	recorder := httptest.NewRecorder()
	srv.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/definitions", nil))
	assert.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames(), "the state can be read after Close")
}

func TestNewServerClosesAfterTest(t *testing.T) {
	var srv *bigvtest.Server
	t.Run("inner", func(t *testing.T) { srv = bigvtest.NewServer(t) })
	_, err := sendWith(t, srv.HTTPClient(), srv.URL(), "", "GET /definitions", "")
	assert.Error(t, err)
}

func TestListenAddress(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:0"} {
		srv, err := bigvtest.Start(bigvtest.WithListenAddress(address))
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(srv.URL(), "http://127.0.0.1:"), "%s is %s", address, srv.URL())
		assert.Equal(t, 200, send(t, srv, "", "GET /definitions", "").status)
		taken := strings.TrimPrefix(srv.URL(), "http://")
		_, err = bigvtest.Start(bigvtest.WithListenAddress(taken))
		assert.ErrorContains(t, err, "listening")
		srv.Close()
	}
}

func TestTLS(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithTLS())
	assert.True(t, strings.HasPrefix(srv.URL(), "https://127.0.0.1:"))
	assert.Equal(t, 200, send(t, srv, srv.Token(), "GET /accounts", "").status)
	_, err := sendWith(t, &http.Client{Transport: &http.Transport{}}, srv.URL(), "", "GET /definitions", "")
	assert.ErrorContains(t, err, "certificate", "other clients do not trust it")
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	for _, name := range []string{"localhost", "127.0.0.1"} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL(), "https://"), &tls.Config{RootCAs: pool, ServerName: name})
		require.NoError(t, err, name)
		assert.NoError(t, conn.Close())
	}
}

func TestServeHTTPOnAnotherServer(t *testing.T) {
	srv := bigvtest.NewServer(t)
	own := httptest.NewServer(srv)
	defer own.Close()
	client := own.Client()
	got, err := sendWith(t, client, own.URL, srv.Token(), "GET /accounts/acme", "")
	require.NoError(t, err)
	assert.Equal(t, 200, got.status)
	got, err = sendWith(t, client, own.URL, "", "POST /session", loginBob)
	require.NoError(t, err)
	assert.Equal(t, 200, got.status)
	srv.Inject(bigvtest.Fault{DropAfter: true})
	_, err = sendWith(t, client, own.URL, srv.Token(), "POST /accounts/acme/groups", `{"name":"new"}`)
	assert.Error(t, err)
	assert.Len(t, srv.Journal(), 3)

	srv.Inject(bigvtest.Fault{Hang: true})
	srv.Inject(bigvtest.Fault{Delay: time.Hour})
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() {
			_, err := sendWith(t, client, own.URL, "", "POST /session", loginBob)
			assert.Error(t, err)
		})
	}
	require.Eventually(t, func() bool { return len(srv.Journal()) == 5 }, 10*time.Second, time.Millisecond)
	srv.Close() // releases both requests although the listener stays open
	waiting.Wait()
}

func TestLogger(t *testing.T) {
	var log bytes.Buffer
	srv := bigvtest.NewServer(t, bigvtest.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
	id := send(t, srv, "", "POST /session", loginBob).body
	send(t, srv, "", "GET /session/"+id, "")
	srv.Inject(bigvtest.Fault{Status: 503})
	send(t, srv, srv.Token(), "GET /accounts?view=overview", "")
	srv.Close()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 3)
	assert.Contains(t, lines[0], `"msg":"POST /session","query":"","status":200`)
	assert.Contains(t, lines[1], `"msg":"GET /session/[redacted]"`)
	assert.Contains(t, lines[2], `"msg":"GET /accounts","query":"view=overview","status":503`)
	assert.Contains(t, lines[2], `"fault":"status 503"`)
	for _, secret := range []string{id, "bob-password", srv.Token()} {
		assert.NotContains(t, log.String(), secret)
	}
}

func TestTruncatedRequestBody(t *testing.T) {
	srv := bigvtest.NewServer(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL(), "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(
		conn,
		"POST /accounts/acme/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{}",
		srv.Token(),
	)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool {
		journal := srv.Journal()
		return len(journal) == 1 && journal[0].Status == 400
	}, 30*time.Second, time.Millisecond, "the truncated request is recorded")
	recorded := srv.Journal()[0]
	assert.Equal(t, "{}", recorded.RequestBody, "the part that arrived")
	assert.False(t, recorded.Done)
	assert.Equal(t, 200, send(t, srv, srv.Token(), "GET /accounts", "").status)
}

// TestConcurrentClients lets 100 clients use all of the API at the same time, with faults, while the state is read and
// the clock advances. It is meant to be run with the race detector.
func TestConcurrentClients(t *testing.T) {
	const clients = 100
	srv := bigvtest.NewServer(t, bigvtest.WithTLS(), bigvtest.WithJournalLimit(200))
	srv.Inject(bigvtest.Fault{Path: "/definitions", Times: -1, Delay: 1})
	stop := srv.InjectRandom(1, 0.05)
	client := srv.HTTPClient()
	defer client.CloseIdleConnections()
	var working sync.WaitGroup
	for n := range clients {
		working.Go(func() {
			name := fmt.Sprintf("vm%03d", n)
			token := srv.User(fmt.Sprintf("user%d", n)).Token()
			vm := srv.Account("acme").Group("seeded").VirtualMachine(name)
			srv.User(fmt.Sprintf("user%d", n)).Grant(bigv.VirtualMachineAdmin, vm)
			for _, request := range []string{
				"GET /accounts?view=overview", "POST " + inWeb + "/vm_create", "GET /virtual_machines",
				"GET " + inWeb + "/virtual_machines/" + name + "?view=overview",
				"GET /definitions", "POST /session", "GET /privileges", "PUT " + inWeb + "/virtual_machines/" + name,
				"POST " + inWeb + "/virtual_machines/" + name + "/discs", "DELETE " + inWeb + "/virtual_machines/" + name,
				"POST " + inWeb + "/virtual_machines/" + name + "/discs/disc-1/backup_schedules",
			} {
				body := `{"virtual_machine":{"name":"` + name + `"},"discs":[{"size":50}],"size":50,"cores":2,
					"interval_seconds":3600,"username":"bob","password":"bob-password"}`
				_, _ = sendWith(t, client, srv.URL(), srv.Token(), request, body)
				_, _ = sendWith(t, client, srv.URL(), token, request, body)
			}
			vm.SetPower(false).State()
			srv.Advance(bigvtest.ProvisioningTime / 10)
			srv.DoneTwice()
			srv.Account("acme").Group("web").VirtualMachineNames()
			srv.Inject(bigvtest.Fault{Method: http.MethodOptions})()
			if n%10 == 0 {
				srv.Journal()
			}
		})
	}
	working.Wait()
	stop()
	for n := range clients {
		name := fmt.Sprintf("vm%03d", n)
		// creates those that a fault prevented
		_ = send(
			t, srv, srv.Token(), "POST "+inWeb+"/vm_create", `{"virtual_machine":{"name":"`+name+`"},"discs":[{"size":50}]}`,
		)
	}
	assert.Len(t, srv.Account("acme").Group("web").VirtualMachineNames(), clients)
	assert.Len(t, srv.Account("acme").Group("seeded").VirtualMachineNames(), clients)
}

// roundTripper is a function that implements [http.RoundTripper].
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A program may replace the default transport with one of another type.
func TestDefaultTransportIsNotUsed(t *testing.T) {
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	http.DefaultTransport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("not this one") })
	srv := bigvtest.NewServer(t)
	client := srv.HTTPClient()
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL() + "/definitions")
	require.NoError(t, err)
	assert.NoError(t, resp.Body.Close())
	_, err = srv.Client().Accounts.List(t.Context(), bigv.AccountListOptions{})
	assert.NoError(t, err)
}
