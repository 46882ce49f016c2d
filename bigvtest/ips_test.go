package bigvtest_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestAdditionalIPs(t *testing.T) {
	srv := bigvtest.NewServer(t)
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	const create = "POST " + onWWW1 + "/nics/6001/ip_create"
	first := send(t, srv, srv.Token(), create, `{"addresses":3,"family":"ipv4","reason":"x","contiguous":false}`)
	require.Equal(t, http.StatusOK, first.status, first.body)
	assert.Equal(t, []any{"198.18.0.2", "198.18.0.3", "198.18.0.4"}, first.object(t)["ips"])
	assert.Equal(t, http.StatusBadRequest, send(t, srv, srv.Token(), create, `{"addresses":2,"reason":"x"}`).status, "five in total")
	nic := send(t, srv, srv.Token(), "GET /nics/6001", "").object(t)
	assert.Equal(t, []any{"198.18.0.1", "2001:db8:1::1"}, nic["ips"])
	assert.Equal(t, map[string]any{"198.18.0.2": "198.18.0.1", "198.18.0.3": "198.18.0.1", "198.18.0.4": "198.18.0.1"}, nic["extra_ips"])

	require.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "PUT /ips/198.18.0.2", `{"rdns":"mx.example.org"}`).status)
	require.Equal(t, http.StatusNoContent, send(t, srv, srv.Token(), "DELETE /ips/198.18.0.2", "").status)
	assert.Equal(t, http.StatusNotFound, send(t, srv, srv.Token(), "GET /ips/198.18.0.2", "").status)
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("198.18.0.3"), netip.MustParseAddr("198.18.0.4")}, vm.State().ExtraIPs)
	for _, path := range []string{"/ips/2001:db8:1::1", "/ips/2001%3Adb8%3A1%3A%3A1", "/ips/2001:0DB8:1:0:0:0:0:1"} {
		got := send(t, srv, srv.Token(), "GET "+path, "")
		assert.JSONEq(t, `{"address":"2001:db8:1::1","rdns":null}`, got.body, path)
	}
}

func TestSwapIPs(t *testing.T) {
	for name, row := range map[string]struct {
		more string
		// additional addresses of the second machine after the swap
		extra []netip.Addr
	}{
		"the primary ones": {"false", nil},
		"all":              {"true", []netip.Addr{netip.MustParseAddr("198.18.0.3")}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			web := srv.Account("acme").Group("web")
			one, two := web.VirtualMachine("www1").SetPower(false), web.VirtualMachine("www2").SetPower(false)
			require.Equal(t, 200, send(t, srv, srv.Token(), "POST "+onWWW1+"/nics/6001/ip_create", `{"addresses":1,"reason":"x"}`).status)
			before := one.State()
			other := two.State()
			got := send(t, srv, srv.Token(), "POST /ips/swap_virtual_machine_ips",
				fmt.Sprintf(`{"virtual_machine_1_id":%d,"virtual_machine_2_id":%d,"move_additional_ips":%s}`, one.ID(), two.ID(), row.more))
			require.Equal(t, http.StatusOK, got.status, got.body)
			assert.Equal(t, other.IPs, one.State().IPs)
			assert.Equal(t, before.IPs, two.State().IPs)
			assert.Equal(t, row.extra, two.State().ExtraIPs)
			require.Equal(t, 204, send(t, srv, srv.Token(), "DELETE "+onWWW1+"?purge=true", "").status)
			assert.Equal(
				t, 404, send(t, srv, srv.Token(), "GET /ips/"+other.IPs[0].String(), "").status,
				"a purge releases the addresses of the machine",
			)
			assert.Equal(t, 200, send(t, srv, srv.Token(), "GET /ips/"+before.IPs[0].String(), "").status)
		})
	}
}

// Additional addresses are IPv4 addresses and are routed to an IPv4 address, never to an IPv6 one.
func TestSwapIPsWithoutIPv4(t *testing.T) {
	const extra = `{"addresses":1,"reason":"x"}`
	for name, row := range map[string]struct {
		first, second string // requested addresses; the first machine has an additional address
		moveExtra     bool
		status        int
		extraOf       int // 0 if the additional address belongs to the first machine afterwards, 1 if to the second
		routedTo      string
	}{
		"IPv6 only, additional addresses moved": {
			`{"ipv4":"10.0.0.1","ipv6":"fd00::1"}`, `{"ipv6":"fd00::2"}`, true, 200, 1, "10.0.0.1",
		},
		"IPv6 only, additional addresses kept": {
			`{"ipv4":"10.0.0.1","ipv6":"fd00::1"}`, `{"ipv6":"fd00::2"}`, false, 400, 0, "10.0.0.1",
		},
		"both have IPv4, additional addresses moved": {
			`{"ipv4":"10.0.0.1"}`, `{"ipv4":"10.0.0.2","ipv6":"fd00::2"}`, true, 200, 1, "10.0.0.1",
		},
		"both have IPv4, additional addresses kept": {
			`{"ipv4":"10.0.0.1"}`, `{"ipv4":"10.0.0.2","ipv6":"fd00::2"}`, false, 200, 0, "10.0.0.2",
		},
	} {
		for _, reversed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reversed %v", name, reversed), func(t *testing.T) {
				srv := bigvtest.NewServer(t)
				web := srv.Account("acme").Group("web").SetPrivateVLAN(9)
				var machines [2]*bigvtest.VirtualMachine
				for i, ips := range []string{row.first, row.second} {
					body := fmt.Sprintf(`{"virtual_machine":{"name":"www%d"},"discs":[{"size":50}],"ips":%s}`, i, ips)
					require.Equal(t, 202, send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", body).status)
					machines[i] = web.VirtualMachine(fmt.Sprint("www", i))
				}
				srv.Advance(bigvtest.ProvisioningTime)
				made := send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines/www0/nics/6001/ip_create", extra)
				require.Equal(t, 200, made.status, made.body)
				before := []bigvtest.VirtualMachineState{machines[0].State(), machines[1].State()}
				a, b := machines[0].ID(), machines[1].ID()
				if reversed {
					a, b = b, a
				}
				got := send(t, srv, srv.Token(), "POST /ips/swap_virtual_machine_ips",
					fmt.Sprintf(`{"virtual_machine_1_id":%d,"virtual_machine_2_id":%d,"move_additional_ips":%v}`, a, b, row.moveExtra))
				assert.Equal(t, row.status, got.status, got.body)
				if row.status == 200 {
					before[0].IPs, before[1].IPs = before[1].IPs, before[0].IPs
				}
				assert.Equal(t, before[0].IPs, machines[0].State().IPs)
				assert.Equal(t, before[1].IPs, machines[1].State().IPs)
				nic := send(t, srv, srv.Token(), fmt.Sprint("GET /nics/", 6001+row.extraOf), "").object(t)
				assert.Equal(t, map[string]any{"198.18.0.1": row.routedTo}, nic["extra_ips"])
				other := send(t, srv, srv.Token(), fmt.Sprint("GET /nics/", 6002-row.extraOf), "").object(t)
				assert.Equal(t, map[string]any{}, other["extra_ips"])
			})
		}
	}
}

func TestReverseDNS(t *testing.T) {
	srv := bigvtest.NewServer(t)
	state := srv.Account("acme").Group("web").VirtualMachine("www1").State()
	for _, addr := range state.IPs {
		assert.Empty(t, srv.RDNS(addr))
		srv.SetRDNS(addr, "mx.example.org")
		assert.Equal(t, "mx.example.org", srv.RDNS(addr))
		got := send(t, srv, srv.Token(), "GET /ips/"+addr.String(), "")
		assert.JSONEq(t, fmt.Sprintf(`{"address":"%v","rdns":"mx.example.org"}`, addr), got.body)
		require.Equal(t, 200, send(t, srv, srv.Token(), "PUT /ips/"+addr.String(), `{"rdns":"www.example.org"}`).status)
		assert.Equal(t, "www.example.org", srv.RDNS(addr))
		srv.SetRDNS(addr, "")
		assert.Empty(t, srv.RDNS(addr))
	}
	assert.Empty(t, srv.RDNS(netip.MustParseAddr("203.0.113.1")), "not assigned")
	program, err := bigvtest.Start()
	require.NoError(t, err)
	defer program.Close()
	assert.Panics(t, func() { program.SetRDNS(netip.MustParseAddr("203.0.113.1"), "a.example") })
	vm := program.Account("acme").Group("web").VirtualMachine("www1")
	assert.Panics(t, func() { program.SetRDNS(vm.State().IPs[0], "a b") })
}

// An address can be added only to a network interface of the machine in the path.
func TestAdditionalIPsOnOtherInterface(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	web.VirtualMachine("www1")
	web.VirtualMachine("www2")
	for nic, want := range map[string]int{"6001": 200, "6002": 404, "999999": 404, "0": 404, "x": 404} {
		got := send(t, srv, srv.Token(), "POST "+onWWW1+"/nics/"+nic+"/ip_create", `{"addresses":1,"family":"ipv4","reason":"x"}`)
		assert.Equal(t, want, got.status, nic)
		if want == 404 {
			assert.Equal(t, "Not found", got.body, nic)
		}
	}
	assert.Len(t, web.VirtualMachine("www1").State().ExtraIPs, 1)
	assert.Empty(t, web.VirtualMachine("www2").State().ExtraIPs)
}

func TestRequestedIPsInPrivateVLAN(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").SetPrivateVLAN(42)
	create := func(name, ips string) response {
		body := `{"virtual_machine":{"name":"` + name + `"},"discs":[{"size":50}],"ips":` + ips + `}`
		return send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", body)
	}
	got := create("new0", `{"ipv4":"fd00::1","ipv6":"10.0.0.1"}`)
	assert.Equal(t, `{"ips.ipv4":["is invalid"],"ips.ipv6":["is invalid"]}`, got.body)
	require.Equal(t, http.StatusAccepted, create("new1", `{"ipv4":"10.0.0.1","ipv6":"fd00::1"}`).status)
	got = create("new2", `{"ipv4":"10.0.0.1"}`)
	assert.Equal(t, `{"ips.ipv4":["has already been taken"]}`, got.body, "it is reserved for new1")
	assert.Equal(t, http.StatusNotFound, send(t, srv, srv.Token(), "GET /ips/10.0.0.1", "").status, "it is not assigned yet")
	srv.Advance(bigvtest.ProvisioningTime)
	nics := send(t, srv, srv.Token(), "GET /nics", "").list(t)
	require.Len(t, nics, 1)
	assert.Equal(t, []any{"10.0.0.1", "fd00::1"}, nics[0]["ips"])
	assert.EqualValues(t, 42, nics[0]["vlan_num"])

	require.Equal(t, http.StatusAccepted, create("new3", `{"ipv4":"10.0.0.3"}`).status)
	require.Equal(t, http.StatusNoContent, send(t, srv, srv.Token(), "DELETE "+inWeb+"/virtual_machines/new3?purge=true", "").status)
	assert.Equal(t, http.StatusAccepted, create("new4", `{"ipv4":"10.0.0.3"}`).status, "the purge released the reservation")
}
