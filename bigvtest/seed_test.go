package bigvtest_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func TestDefaultSeed(t *testing.T) {
	srv := bigvtest.NewServer(t)
	assert.Equal(t, []any{"acme"}, send(t, srv, srv.Token(), "GET /accounts", "").values(t, "name"))
	assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames())
	for name, want := range map[string]string{"alice": "account_admin", "bob": ""} {
		login := send(t, srv, "", "POST /session", `{"username":"`+name+`","password":"`+name+`-password"}`)
		require.Equal(t, http.StatusOK, login.status)
		body := send(t, srv, login.body, "GET /privileges", "").body
		if want == "" {
			assert.Equal(t, "[]", body)
		} else {
			assert.Contains(t, body, want)
		}
	}
	assert.Equal(t, http.StatusOK, send(t, srv, "apikey."+srv.APIKey(), "GET /accounts/acme", "").status)

	empty := bigvtest.NewServer(t, bigvtest.WithEmpty())
	assert.Empty(t, empty.Token())
	assert.Empty(t, empty.APIKey())
	empty.User("root").Grant(bigv.ClusterAdmin, nil)
	assert.Equal(t, "[]", send(t, empty, empty.User("root").Token(), "GET /accounts", "").body)
	assert.Equal(t, []any{"root"}, send(t, empty, empty.User("root").Token(), "GET /users", "").values(t, "username"))
}

func TestSeedingReturnsExisting(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("Acme").Group("WEB")
	vm := web.VirtualMachine("www1")
	assert.Equal(t, srv.Account("acme").ID(), srv.Account("ACME").ID())
	assert.Equal(t, web.ID(), srv.Account("acme").Group("web").ID())
	assert.Equal(t, vm.ID(), web.VirtualMachine("WWW1").ID())
	assert.Equal(t, vm.Disc("data", 100).ID(), vm.Disc("data", 200).ID())
	assert.Equal(t, 100, vm.Disc("data", 200).State().Size)
	assert.Equal(t, srv.User("carol").ID(), srv.User("Carol").ID())

	other := srv.Account("other")
	assert.Equal(t, []string{"default"}, other.GroupNames())
	assert.Equal(t, other.Group("default").ID(), other.Group("Default").ID())
	assert.NotEqual(t, vm.ID(), other.Group("default").VirtualMachine("www1").ID())
	assert.Equal(t, []string{"www1"}, web.VirtualMachineNames())
}

func TestSeededStateIsServed(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web").SetPrivateVLAN(9)
	vm := web.VirtualMachine("www1").SetCores(4).SetMemory(8192)
	data := vm.Disc("data", 51200)
	srv.User("carol").SetPassword("c").SetAuthorizedKeys("ssh-rsa one").Grant(bigv.VirtualMachineAdmin, vm)

	got := send(t, srv, srv.User("carol").Token(), "GET "+onWWW1+"?view=overview", "").object(t)
	for key, want := range map[string]any{"id": vm.ID(), "cores": 4, "memory": 8192, "power_on": true, "group_id": web.ID()} {
		assert.EqualValues(t, want, got[key], key)
	}
	assert.Len(t, got["discs"], 2)
	assert.EqualValues(t, data.ID(), got["discs"].([]any)[1].(map[string]any)["id"])
	assert.EqualValues(t, 9, got["network_interfaces"].([]any)[0].(map[string]any)["vlan_num"])
	assert.Equal(t, 200, send(t, srv, "", "POST /session", `{"username":"carol","password":"c"}`).status)
	user := send(t, srv, srv.User("carol").Token(), "GET /users/carol", "").object(t)
	assert.Equal(t, "ssh-rsa one", user["authorized_keys"])
	require.Equal(t, 200, send(t, srv, srv.User("carol").Token(), "PUT /users/carol", `{"authorized_keys":""}`).status)
	assert.Empty(t, srv.User("carol").AuthorizedKeys())
}

func TestVirtualMachineState(t *testing.T) {
	srv := bigvtest.NewServer(t)
	require.Equal(t, 202, send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", `{
		"virtual_machine":{"name":"www1","cores":2,"memory":2048,"autoreboot_on":true,
			"cdrom_url":"http://example.org/a.iso","keymap":"de","zone_name":"manchester"},
		"discs":[{"label":"root","size":1000,"storage_grade":"ssd","backup_schedules":[{"interval_seconds":86400,"start_at":"00:00"}]}],
		"reimage":{"distribution":"stretch","root_password":"s3cret","ssh_public_key":"ssh-rsa one",
			"firstboot_script":"#!/bin/sh"}}`).status)
	srv.Advance(bigvtest.ProvisioningTime)
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	send(t, srv, srv.Token(), "POST "+onWWW1+"/signal", `{"signal":"reset"}`)
	send(t, srv, srv.Token(), "POST "+onWWW1+"/signal", `{"signal":"sendkey","data":"ctrl-alt-del"}`)
	want := bigvtest.VirtualMachineState{
		Exists: true, PoweredOn: true, AutorebootOn: true, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io", Cores: 2, Memory: 2048,
		CDROMURL: "http://example.org/a.iso", Keymap: "de", HardwareProfile: "virtio2013", ZoneName: "manchester",
		Discs:          []bigvtest.DiscState{{Exists: true, ID: 9001, Label: "root", Size: 1000, StorageGrade: "ssd", Schedules: 1}},
		IPs:            []netip.Addr{netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("2001:db8:1::1")},
		LastImagedWith: "stretch", RootPassword: "s3cret", SSHPublicKey: "ssh-rsa one", FirstbootScript: "#!/bin/sh",
		Starts: 1, Resets: 1, KeysSent: []string{"ctrl-alt-del"},
	}
	assert.Equal(t, want, vm.State())

	vm.SetDeleted(true)
	assert.True(t, vm.State().Deleted)
	assert.False(t, vm.State().PoweredOn)
	assert.Equal(t, 404, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)
	vm.SetDeleted(false)
	assert.Equal(t, 200, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)

	send(t, srv, srv.Token(), "DELETE "+onWWW1+"?purge=true", "")
	assert.False(t, vm.State().Exists)
	assert.NotEqual(t, vm.ID(), srv.Account("acme").Group("web").VirtualMachine("www1").ID(), "the name can be reused")
}

func TestPathsAfterRenameAndMove(t *testing.T) {
	srv := bigvtest.NewServer(t)
	acme := srv.Account("acme")
	web, db := acme.Group("web"), acme.Group("db")
	vm := web.VirtualMachine("www1").SetPower(false)
	data := vm.Disc("data", 100)
	require.Equal(t, 200, send(t, srv, srv.Token(), "PUT "+onWWW1, fmt.Sprintf(`{"name":"db1","group_id":%d}`, db.ID())).status)
	require.Equal(t, 200, send(t, srv, srv.Token(), "PUT /accounts/acme/groups/db", `{"name":"sql"}`).status)
	assert.Equal(t, "db1.sql.acme", vm.Path().String())
	assert.Equal(t, bigv.AccountPath("acme").Group("sql").VirtualMachine("db1").Disc("data"), data.Path())
	assert.Equal(t, bigv.AccountPath("acme").Group("sql"), db.Path())
	assert.Equal(t, bigv.AccountPath("acme"), acme.Path())
	assert.Equal(t, bigv.UserPath("alice"), srv.User("alice").Path())
	assert.Equal(t, 404, send(t, srv, srv.Token(), "GET "+onWWW1, "").status, "the old path is not found")

	require.Equal(t, 204, send(t, srv, srv.Token(), "DELETE "+inWeb, "").status)
	assert.False(t, web.Exists())
	assert.True(t, db.Exists())
	require.Equal(t, 204, send(t, srv, srv.Token(), fmt.Sprintf("DELETE /discs/%d?purge=true", data.ID()), "").status)
	assert.False(t, data.State().Exists)
}

func TestSetPowerDuringProvisioning(t *testing.T) {
	for on, autoreboot := range map[bool]string{true: "false", false: "true"} {
		srv := bigvtest.NewServer(t)
		require.Equal(t, 202, send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create",
			`{"virtual_machine":{"name":"www1","autoreboot_on":`+autoreboot+`},"discs":[{"size":50}]}`).status)
		vm := srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(on)
		assert.True(t, vm.State().Provisioning)
		assert.False(t, vm.State().PoweredOn)
		srv.Advance(bigvtest.ProvisioningTime)
		assert.False(t, vm.State().Provisioning)
		assert.Equal(t, on, vm.State().PoweredOn)
	}
}

func TestExpireSessions(t *testing.T) {
	srv := bigvtest.NewServer(t)
	carol := srv.User("carol").Token()
	srv.ExpireSessions()
	for _, token := range []string{srv.Token(), carol} {
		assert.Equal(t, http.StatusUnauthorized, send(t, srv, token, "GET /accounts", "").status)
	}
	assert.Equal(t, http.StatusOK, send(t, srv, "apikey."+srv.APIKey(), "GET /accounts", "").status)
	assert.Equal(t, http.StatusOK, send(t, srv, srv.User("carol").Token(), "GET /accounts", "").status)
}

func TestClients(t *testing.T) {
	for protocol, opts := range protocols {
		t.Run(protocol, func(t *testing.T) {
			srv := bigvtest.NewServer(t, opts...)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			got, err := srv.Client().VirtualMachines.Get(t.Context(), vm.Path())
			require.NoError(t, err)
			assert.Equal(t, vm.ID(), got.ID)
			_, err = srv.User("bob").Client().VirtualMachines.Get(t.Context(), vm.Path())
			assert.ErrorIs(t, err, bigv.ErrNotFound)
			_, err = srv.Client(bigv.WithCredentials("bob", "bob-password")).VirtualMachines.Get(t.Context(), vm.Path())
			assert.ErrorIs(t, err, bigv.ErrNotFound, "other credentials replace alice's token")

			client, err := bigv.NewClient(srv.ClientOptions()...)
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			_, err = client.With(bigv.WithAPIKey(srv.APIKey()))
			require.NoError(t, err)
			_, err = client.Accounts.Get(t.Context(), "acme")
			assert.NoError(t, err)
		})
	}
}

func TestInvalidSeeding(t *testing.T) {
	srv, err := bigvtest.Start()
	require.NoError(t, err)
	defer srv.Close()
	acme := srv.Account("acme")
	for name, mistake := range map[string]func(){
		"account name with a dot":        func() { srv.Account("a.b") },
		"group without a name":           func() { acme.Group("") },
		"machine name too short":         func() { acme.Group("web").VirtualMachine("w") },
		"user name with a hyphen":        func() { srv.User("mary-ann") },
		"group_admin on an account":      func() { srv.User("bob").Grant(bigv.GroupAdmin, acme) },
		"cluster_admin on an account":    func() { srv.User("bob").Grant(bigv.ClusterAdmin, acme) },
		"account_admin without a target": func() { srv.User("bob").Grant(bigv.AccountAdmin, nil) },
		"unknown level":                  func() { srv.User("bob").Grant("vm_king", acme.Group("web").VirtualMachine("www1")) },
		"invalid client options":         func() { srv.Client(bigv.WithToken("")) },
	} {
		t.Run(name, func(t *testing.T) {
			assert.Panics(t, mistake)
			assert.Equal(t, 200, send(t, srv, srv.Token(), "GET /accounts", "").status, "the server must still work")
		})
	}
}

func TestTenThousandMachines(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").AddVirtualMachines("vm", 10_000)
	all := send(t, srv, srv.Token(), "GET /virtual_machines?view=overview", "").body
	assert.Equal(t, 10_000, strings.Count(all, `"hostname":"vm`))
	last := send(t, srv, srv.Token(), "GET /virtual_machines/vm09999?view=overview", "").object(t)
	assert.Len(t, last["discs"], 2)
	assert.Len(t, last["network_interfaces"], 1)
	assert.Equal(t, []any{"198.18.39.16", "2001:db8:1::2710"}, last["network_interfaces"].([]any)[0].(map[string]any)["ips"])
	srv.Account("acme").Group("web").AddVirtualMachines("vm", 10_001)
	assert.Len(t, srv.Account("acme").Group("web").VirtualMachineNames(), 10_001, "existing machines are kept")
}

// Seeding 10,000 machines should take well under two seconds.
func BenchmarkTenThousandMachines(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		srv := bigvtest.NewServer(b)
		srv.Account("acme").Group("web").AddVirtualMachines("vm", 10_000)
	}
}

// panicOnFatal is a testing.TB whose Fatal method panics.
type panicOnFatal struct{ testing.TB }

func (f panicOnFatal) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func TestInvalidNameFailsTest(t *testing.T) {
	srv := bigvtest.NewServer(panicOnFatal{t})
	assert.PanicsWithValue(t, `bigvtest: account "a.b" is invalid`, func() { srv.Account("a.b") })
}
