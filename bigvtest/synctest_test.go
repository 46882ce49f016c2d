package bigvtest_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// newWWW1 is a machine for tests that create one.
var newWWW1 = bigv.VirtualMachineCreate{Name: "www1", PowerOn: new(true), Discs: []bigv.DiscCreate{{Size: 25 * 1024}}}

// inBubble runs f in a bubble with a server, over HTTP/1.1 and over HTTP/2. A bubble fails the test if goroutines remain.
func inBubble(t *testing.T, f func(t *testing.T, srv *bigvtest.Server)) {
	for name, opts := range map[string][]bigvtest.Option{"HTTP/1.1": nil, "HTTP/2": {bigvtest.WithTLS()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, bigvtest.NewServer(t, opts...)) })
		})
	}
}

func TestSynctest(t *testing.T) {
	for name, style := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *bigvtest.Server) {
				began := time.Now()
				client, web := srv.Client(bigv.WithURLStyle(style)), srv.Account("acme").Group("web")
				vm, err := client.VirtualMachines.CreateAndWait(t.Context(), web.Path(), newWWW1, bigv.WaitOptions{})
				require.NoError(t, err)
				assert.True(t, vm.PowerOn)
				waited := time.Since(began)
				assert.True(t, waited >= bigvtest.ProvisioningTime && waited < 2*bigvtest.ProvisioningTime, waited)
				assert.WithinDuration(t, time.Now(), srv.Now(), 0)

				_, err = client.VirtualMachines.ShutdownAndWait(t.Context(), vm.Path(), bigv.ShutdownOptions{})
				require.NoError(t, err)
				list, err := client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: web.Path()})
				require.NoError(t, err)
				assert.Len(t, list, 1)
			})
		})
	}
}

// An HTTP client of the server reaches it too, although its host cannot be resolved.
func TestSynctestHTTPClient(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *bigvtest.Server) {
		scheme, _, _ := strings.Cut(srv.URL(), ":")
		assert.Equal(t, scheme+"://bigvtest.invalid", srv.URL())
		resp, err := srv.HTTPClient().Get(srv.URL() + "/definitions")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, map[string]int{"http": 1, "https": 2}[scheme], resp.ProtoMajor)
	})
}

// All clients of the server reach it, those of its users and those of its options too.
func TestSynctestClients(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *bigvtest.Server) {
		ofOptions, err := bigv.NewClient(srv.ClientOptions()...)
		require.NoError(t, err)
		defer ofOptions.CloseIdleConnections()
		for name, client := range map[string]*bigv.Client{
			"Client": srv.Client(), "User.Client": srv.User("alice").Client(), "ClientOptions": ofOptions,
			"Client that logs in": srv.Client(bigv.WithCredentials("alice", "alice-password")),
		} {
			account, err := client.Accounts.Get(t.Context(), "acme")
			require.NoError(t, err, name)
			assert.Equal(t, srv.Account("acme").ID(), account.ID, name)
		}
	})
}

// Faults, timeouts and the end of sessions take the time of the bubble.
func TestSynctestFaults(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *bigvtest.Server) {
		began := time.Now()
		client := srv.Client(bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 3, MinWait: time.Minute, MaxWait: time.Minute}))
		for _, fault := range []bigvtest.Fault{{Hang: true}, {Delay: time.Hour}, {DropBefore: true}, {CutBodyAt: 3}, {Status: 503}} {
			srv.Inject(fault)
			_, err := client.Accounts.Get(t.Context(), "acme")
			require.NoError(t, err, fault.String())
		}
		elapsed := time.Since(began)
		assert.True(t, elapsed > 4*time.Minute && elapsed < 30*time.Minute, elapsed)

		login, err := client.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "bob", Password: bigv.NewSecret("bob-password")})
		require.NoError(t, err)
		time.Sleep(bigvtest.SessionTime - time.Second)
		_, err = client.Sessions.Get(t.Context(), login)
		require.NoError(t, err)
		time.Sleep(bigvtest.SessionTime)
		_, err = client.Sessions.Get(t.Context(), login)
		assert.ErrorIs(t, err, bigv.ErrNotFound)
	})
}

// Close ends the requests under way, and all goroutines. Afterwards nothing can connect.
func TestSynctestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *bigvtest.Server) {
		client := srv.Client(bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}))
		srv.Inject(bigvtest.Fault{Hang: true})
		result := make(chan error)
		go func() {
			_, err := client.Accounts.Get(t.Context(), "acme")
			result <- err
		}()
		synctest.Wait()
		began := time.Now()
		srv.Close()
		assert.Error(t, <-result)
		assert.Zero(t, time.Since(began))
		_, err := client.Accounts.Get(t.Context(), "acme")
		dial, ok := errors.AsType[*net.OpError](err)
		assert.True(t, ok && dial.Op == "dial", err)
	})
}

// A server that is closed again after its bubble does not touch what belongs to the bubble.
func TestSynctestCloseAgainOutside(t *testing.T) {
	var srv *bigvtest.Server
	synctest.Test(t, func(t *testing.T) { srv = bigvtest.NewServer(t) })
	srv.Close()
}

// A server that was started outside a bubble can serve requests as an http.Handler inside one.
func TestCloseOutsideABubble(t *testing.T) {
	srv, err := bigvtest.Start()
	require.NoError(t, err)
	synctest.Test(t, func(*testing.T) {
		recorder := httptest.NewRecorder()
		srv.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/definitions", nil))
		assert.Equal(t, http.StatusOK, recorder.Code)
	})
	srv.Close()
}

func TestCloseInsideABubble(t *testing.T) {
	srv, err := bigvtest.Start()
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, send(t, srv, "", "GET /definitions", "").status)
	synctest.Test(t, func(*testing.T) { srv.Close() })
	srv.Close()
}

func TestSynctestOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := bigvtest.Start(bigvtest.WithListenAddress("127.0.0.1:0"))
		assert.ErrorContains(t, err, "cannot be used in a synctest bubble")

		start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		srv := bigvtest.NewServer(t, bigvtest.WithClock(start), bigvtest.WithSpeed(60))
		time.Sleep(time.Minute)
		srv.Advance(time.Minute)
		assert.Equal(t, start.Add(61*time.Minute), srv.Now())
	})
}
