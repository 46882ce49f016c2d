package bigv_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/bigv-go/bigv"
)

func TestIPs(t *testing.T) {
	t.Parallel()
	get := func(address netip.Addr) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.Get(ctx, address) }
	}
	update := func(address netip.Addr, update bigv.IPUpdate) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.Update(ctx, address, update) }
	}
	rdns := func(address netip.Addr, host string) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.SetRDNS(ctx, address, host) }
	}
	release := func(address netip.Addr) func(context.Context, *bigv.Client) (any, error) {
		return none(func(ctx context.Context, c *bigv.Client) error { return c.IPs.Release(ctx, address) })
	}
	swap := func(swap bigv.IPSwap) func(context.Context, *bigv.Client) (any, error) {
		return none(func(ctx context.Context, c *bigv.Client) error { return c.IPs.Swap(ctx, swap) })
	}
	const one, swapping = "/ips/192.0.2.20", "POST /ips/swap_virtual_machine_ips"
	www := bigv.IP{Address: ip20, RDNS: "www.example.org"}
	ids := bigv.IPSwap{VirtualMachine1: bigv.VirtualMachineID(5012), VirtualMachine2: bigv.VirtualMachineID(5013)}
	const idsBody = `{"virtual_machine_1_id":5012,"virtual_machine_2_id":5013,"move_additional_ips":false}`

	runServiceRows(t, []serviceRow{
		{name: "get", call: get(ip20), answers: map[string]string{"GET " + one: "@ip.json"}, sent: []string{"GET " + one}, want: www},
		{name: "get is the same in the flat style", opts: flat, call: get(ip20), answers: map[string]string{"GET " + one: "@ip.json"}, sent: []string{"GET " + one}, want: www},
		{
			name: "get of an IPv6", call: get(ip620), want: bigv.IP{Address: ip620},
			answers: map[string]string{"GET /ips/2001:db8:1::20": `{"address":"2001:db8:1::20","rdns":null}`},
			sent:    []string{"GET /ips/2001:db8:1::20"},
		},
		{
			name: "an IPv4 in IPv6 is the IPv4", call: get(netip.MustParseAddr("::ffff:192.0.2.20")), want: www,
			answers: map[string]string{"GET " + one: "@ip.json"}, sent: []string{"GET " + one},
		},
		{name: "get of none", call: get(ip20), sent: []string{"GET " + one}, wantErr: []any{bigv.ErrNotFound, "get IP 192.0.2.20"}},
		{name: "an empty answer", call: get(ip20), answers: map[string]string{"GET " + one: "{}"}, sent: []string{"GET " + one}, wantErr: []any{bigv.ErrInvalidResponse}},
		{name: "an answer that ends too early", call: get(ip20), answers: map[string]string{"GET " + one: `{"address":"192`}, sent: []string{"GET " + one}, wantErr: []any{bigv.ErrInvalidResponse}},
		{name: "a wrong type", call: get(ip20), answers: map[string]string{"GET " + one: `{"address":20}`}, sent: []string{"GET " + one}, wantErr: []any{bigv.ErrInvalidResponse, "address"}},

		{
			name: "update", call: update(ip20, bigv.IPUpdate{RDNS: bigv.Set("mx.example.org")}), want: bigv.IP{Address: ip20, RDNS: "mx.example.org"},
			answers: map[string]string{"PUT " + one: `{"address":"192.0.2.20","rdns":"mx.example.org"}`},
			sent:    []string{"PUT " + one + ` {"rdns":"mx.example.org"}`},
		},
		{
			name: "null removes", call: update(ip20, bigv.IPUpdate{RDNS: bigv.Null[string]()}), want: bigv.IP{Address: ip20},
			answers: map[string]string{"PUT " + one: `{"address":"192.0.2.20","rdns":null}`}, sent: []string{"PUT " + one + ` {"rdns":null}`},
		},
		{
			name: "empty text is sent", call: update(ip20, bigv.IPUpdate{RDNS: bigv.Set("")}), want: bigv.IP{Address: ip20},
			answers: map[string]string{"PUT " + one: `{"address":"192.0.2.20"}`}, sent: []string{"PUT " + one + ` {"rdns":""}`},
		},
		{
			name: "unset is left", call: update(ip20, bigv.IPUpdate{}), want: www,
			answers: map[string]string{"PUT " + one: "@ip.json"}, sent: []string{"PUT " + one + ` {}`},
		},
		{
			name: "set rDNS", call: rdns(ip620, "www.example.org"), want: bigv.IP{Address: ip620, RDNS: "www.example.org"},
			answers: map[string]string{"PUT /ips/2001:db8:1::20": `{"address":"2001:db8:1::20","rdns":"www.example.org"}`},
			sent:    []string{`PUT /ips/2001:db8:1::20 {"rdns":"www.example.org"}`},
		},
		{
			name: "set rDNS to nothing", call: rdns(ip20, ""), want: bigv.IP{Address: ip20},
			answers: map[string]string{"PUT " + one: `{"address":"192.0.2.20","rdns":null}`}, sent: []string{"PUT " + one + ` {"rdns":null}`},
		},
		{
			name: "an empty answer is read back", call: rdns(ip20, "www.example.org"), want: www,
			answers: map[string]string{"PUT " + one: "", "GET " + one: "@ip.json"},
			sent:    []string{"PUT " + one + ` {"rdns":"www.example.org"}`, "GET " + one},
		},
		{
			name: "update is sent again", call: rdns(ip20, "x"), wantErr: []any{bigv.ErrServer},
			answers: map[string]string{"PUT " + one: "502 "}, sent: []string{"PUT " + one + ` {"rdns":"x"}`, "PUT " + one + ` {"rdns":"x"}`},
		},

		{name: "release", call: release(ip31), answers: map[string]string{"DELETE /ips/192.0.2.31": "204 "}, sent: []string{"DELETE /ips/192.0.2.31"}},
		{name: "release of an IPv6", call: release(ip620), answers: map[string]string{"DELETE /ips/2001:db8:1::20": "200 {}"}, sent: []string{"DELETE /ips/2001:db8:1::20"}},
		{
			name: "release of a primary address", call: release(ip20), answers: map[string]string{"DELETE " + one: "400 not an additional address"},
			sent: []string{"DELETE " + one}, wantErr: []any{bigv.ErrBadRequest, "release IP 192.0.2.20", "not an additional address"},
		},

		{name: "swap by ID", call: swap(ids), answers: map[string]string{swapping: "200 "}, sent: []string{swapping + " " + idsBody}},
		{
			name: "swap by name looks the IDs up", answers: machineAnswers(map[string]string{swapping: "null"}),
			call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5013), MoveAdditionalIPs: true}),
			sent: []string{"GET " + www1URL, swapping + ` {"virtual_machine_1_id":5012,"virtual_machine_2_id":5013,"move_additional_ips":true}`},
		},
		{
			name: "swap by name in the flat style", opts: flat, answers: machineAnswers(map[string]string{swapping: "null"}),
			call: swap(bigv.IPSwap{VirtualMachine1: bigv.VirtualMachineID(5013), VirtualMachine2: www1}),
			sent: []string{"GET /virtual_machines?account_name=acme&group_name=web", swapping + ` {"virtual_machine_1_id":5013,"virtual_machine_2_id":5012,"move_additional_ips":false}`},
		},
		{
			name: "swap is never sent again", call: swap(ids), answers: map[string]string{swapping: "504 "}, sent: []string{swapping + " " + idsBody},
			wantErr: []any{bigv.ErrOutcomeUnknown, "swap IPs of virtual machines #5012 and #5013"},
		},
		{
			name: "swap of a machine that is not there", call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5013)}),
			sent: []string{"GET " + www1URL}, wantErr: []any{bigv.ErrNotFound, "nothing was sent"},
		},
		{
			name: "swap of a machine whose ID is not told", call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5013)}),
			answers: map[string]string{"GET " + www1URL: `{"name":"www1"}`},
			sent:    []string{"GET " + www1URL}, wantErr: []any{"it has no ID", "nothing was sent"},
		},
		{
			name: "swap of one machine under two names", answers: machineAnswers(nil),
			call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5012)}),
			sent: []string{"GET " + www1URL}, wantErr: []any{"both are virtual machine #5012", "nothing was sent"},
		},

		{name: "get of no address", call: get(netip.Addr{}), wantErr: []any{"the address is zero", "nothing was sent"}},
		{name: "update of no address", call: update(netip.Addr{}, bigv.IPUpdate{}), wantErr: []any{"the address is zero", "nothing was sent"}},
		{name: "rDNS of no address", call: rdns(netip.Addr{}, "x"), wantErr: []any{"the address is zero", "nothing was sent"}},
		{name: "release of no address", call: release(netip.Addr{}), wantErr: []any{"the address is zero", "nothing was sent"}},
		{name: "get of an address with a zone", call: get(netip.MustParseAddr("fe80::1%eth0")), wantErr: []any{`the zone "eth0"`, "nothing was sent"}},
		{name: "update of an address with a zone", call: update(netip.MustParseAddr("fe80::1%eth0"), bigv.IPUpdate{}), wantErr: []any{`the zone "eth0"`, "nothing was sent"}},
		{name: "release of an address with a zone", call: release(netip.MustParseAddr("fe80::1%a/../b")), wantErr: []any{"the zone", "nothing was sent"}},
		{name: "swap with nothing", call: swap(bigv.IPSwap{VirtualMachine1: www1}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "swap of nothing", call: swap(bigv.IPSwap{VirtualMachine2: www1}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "swap with itself", call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: www1}), wantErr: []any{"both are the same virtual machine", "nothing was sent"}},
		{
			name: "swap with a machine called ..", call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: web.VirtualMachine("..")}),
			wantErr: []any{"would name another endpoint", "nothing was sent"},
		},
	})
}
