package bigvtest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// A program may do the same thing again, with a new call, even if the response to the first call was lost.
func TestDoneTwiceAllowsNewCalls(t *testing.T) {
	ctx := context.Background()
	web := bigv.AccountPath("acme").Group("web")
	machine := web.VirtualMachine("www1")
	disc := machine.Disc("disc-1")
	findOrCreate := func(c *bigv.Client) error {
		create := bigv.VirtualMachineCreate{Name: "new1", Discs: []bigv.DiscCreate{{Size: 50}}}
		_, _, err := c.VirtualMachines.FindOrCreate(ctx, web, create, bigv.WaitOptions{})
		return err
	}
	purge := func(c *bigv.Client) error { return c.VirtualMachines.Purge(ctx, web.VirtualMachine("new1")) }
	restart := func(c *bigv.Client) error {
		_, err := c.VirtualMachines.Restart(ctx, machine)
		return err
	}
	powerDown := func(c *bigv.Client) error { return c.VirtualMachines.PowerDown(ctx, machine) }
	backUp := func(c *bigv.Client) error {
		_, err := c.Backups.Create(ctx, disc)
		return err
	}
	rename := func(name string) func(*bigv.Client) error {
		return func(c *bigv.Client) error {
			vm, err := c.VirtualMachines.Get(ctx, web.VirtualMachine("www1"))
			if err != nil {
				if vm, err = c.VirtualMachines.Get(ctx, web.VirtualMachine("www2")); err != nil {
					return err
				}
			}
			_, err = c.VirtualMachines.Rename(ctx, vm.Path(), name)
			return err
		}
	}
	rescue := func(c *bigv.Client) error {
		update := bigv.VirtualMachineUpdate{
			PowerOn: new(true), AutorebootOn: new(true), Appliance: &bigv.Appliance{Name: "rescue"},
		}
		_, err := c.VirtualMachines.Update(ctx, machine, update)
		return err
	}
	grant := func(c *bigv.Client) error {
		_, err := c.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: machine})
		return err
	}
	for _, row := range []struct {
		name  string
		calls []func(*bigv.Client) error
	}{
		{"FindOrCreate, Purge, FindOrCreate", []func(*bigv.Client) error{findOrCreate, purge, findOrCreate}},
		{"restart", []func(*bigv.Client) error{restart, restart}},
		{"powerdown", []func(*bigv.Client) error{powerDown, powerDown}},
		{"backup", []func(*bigv.Client) error{backUp, backUp}},
		{"rename back and forth", []func(*bigv.Client) error{rename("www2"), rename("www1"), rename("www2")}},
		{"rescue", []func(*bigv.Client) error{rescue, rescue}},
		{"grant", []func(*bigv.Client) error{grant, grant}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, lost := range map[string][]bigvtest.Fault{
				"responses arrive": nil,
				"responses are lost": {
					{Method: http.MethodPost, DropAfter: true}, {Method: http.MethodPut, Status: 502, AfterWork: true},
				},
			} {
				srv := bigvtest.NewServer(t)
				srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 25600)
				for _, fault := range lost {
					srv.Inject(fault)
				}
				client := srv.Client()
				for i, call := range row.calls {
					if err := call(client); lost == nil || i > 0 {
						require.NoError(t, err, name)
					}
				}
				assert.Empty(t, srv.DoneTwice(), name)
				done := map[string]int{}
				for _, x := range srv.Journal() {
					if x.Done && (x.Method == http.MethodPost || x.Method == http.MethodPut) {
						done[x.Method+x.Path+x.RequestBody]++
					}
				}
				repeated := 0
				for _, n := range done {
					if n > 1 {
						repeated++
					}
				}
				assert.Positive(t, repeated, "%s: the test must do the same thing twice", name)
			}
		})
	}
}

// sendTwice returns a proxy that sends each write twice, and returns the second response.
func sendTwice(t *testing.T, srv *bigvtest.Server) string {
	t.Helper()
	upstream := srv.HTTPClient()
	t.Cleanup(upstream.CloseIdleConnections)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		times := 2
		if r.Method == http.MethodGet {
			times = 1
		}
		for i := range times {
			forward, err := http.NewRequestWithContext(r.Context(), r.Method, srv.URL()+r.URL.RequestURI(), bytes.NewReader(body))
			assert.NoError(t, err)
			forward.Header = r.Header.Clone()
			resp, err := upstream.Do(forward)
			if !assert.NoError(t, err) {
				return
			}
			if i == times-1 {
				w.WriteHeader(resp.StatusCode)
				_, _ = io.Copy(w, resp.Body)
			}
			resp.Body.Close()
		}
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func TestDoneTwiceByAProxy(t *testing.T) {
	srv := bigvtest.NewServer(t)
	machine := srv.Account("acme").Group("web").VirtualMachine("www1")
	client := srv.Client(bigv.WithBaseURL(sendTwice(t, srv)))
	_, err := client.VirtualMachines.Update(t.Context(), machine.Path(), bigv.VirtualMachineUpdate{Memory: new(4096)})
	require.NoError(t, err)
	assert.Empty(t, srv.DoneTwice(), "an idempotent write")
	require.NoError(t, client.VirtualMachines.Reset(t.Context(), machine.Path()))
	assert.Equal(t, 2, machine.State().Resets)
	assert.Equal(t, []string{"POST " + onWWW1 + "/signal"}, srv.DoneTwice())
	for _, exchange := range srv.Journal() {
		for name := range exchange.Header {
			assert.False(t, strings.HasPrefix(name, "Bigvtest"), name)
		}
	}
	srv.ClearJournal()
	assert.Empty(t, srv.DoneTwice())
}

// A write that the service refused the second time was done once.
func TestDoneTwiceNeedsTwoSuccesses(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client(bigv.WithBaseURL(sendTwice(t, srv)))
	_, err := client.Groups.Create(t.Context(), "acme", bigv.GroupCreate{Name: "db"})
	require.ErrorIs(t, err, bigv.ErrBadRequest)
	assert.Empty(t, srv.DoneTwice())
}

// A client that repeats a call whose response was lost is found, here one that takes any 401 for a request that was not processed.
func TestDoneTwiceByTheClient(t *testing.T) {
	srv := bigvtest.NewServer(t)
	machine := srv.Account("acme").Group("web").VirtualMachine("www1")
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, Path: "/accounts/**", Status: 401, AfterWork: true})
	options := append(srv.ClientOptions()[:5:5], bigv.WithCredentials("alice", "alice-password"))
	client, err := bigv.NewClient(options...)
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	require.NoError(t, client.VirtualMachines.Reset(t.Context(), machine.Path()))
	assert.Equal(t, []string{"POST " + onWWW1 + "/signal"}, srv.DoneTwice())
}

// Other clients have no calls that the server could recognize: they are expected to look before they repeat what may have been done.
func TestDoneTwiceByAnotherClient(t *testing.T) {
	const reset = "POST " + onWWW1 + "/signal"
	for _, row := range []struct {
		name string
		gap  string // request between the two
		bob  bool   // the request is bob's
		lose bool   // its response is lost
		want []string
	}{
		{name: "nothing in between", want: []string{reset}},
		{name: "a GET in between", gap: "GET " + onWWW1},
		{name: "a GET that fails in between", gap: "GET " + inWeb + "/virtual_machines/gone"},
		{name: "a GET whose response is lost", gap: "GET " + onWWW1, lose: true, want: []string{reset}},
		{name: "a GET of another user", gap: "GET " + onWWW1, bob: true, want: []string{reset}},
		{name: "another write", gap: "POST " + onWWW1 + "/discs", want: []string{reset}},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			bob := srv.User("bob")
			bob.Grant(bigv.VirtualMachineAdmin, srv.Account("acme").Group("web").VirtualMachine("www1"))
			client := srv.HTTPClient()
			client.Transport.(*http.Transport).DisableKeepAlives = true // on a reused connection, net/http would repeat a GET
			srv.Inject(bigvtest.Fault{DropAfter: true})
			_, err := sendWith(t, client, srv.URL(), srv.Token(), reset, `{"signal":"reset"}`)
			require.Error(t, err)
			if row.gap != "" {
				if row.lose {
					srv.Inject(bigvtest.Fault{DropAfter: true})
				}
				token := srv.Token()
				if row.bob {
					token = bob.Token()
				}
				_, _ = sendWith(t, client, srv.URL(), token, row.gap, `{"size":50}`)
			}
			_, err = sendWith(t, client, srv.URL(), srv.Token(), reset, `{"signal":"reset"}`)
			require.NoError(t, err)
			assert.Equal(t, row.want, srv.DoneTwice())
		})
	}
}
