package bigv_test

import (
	"context"
	"net/netip"

	"github.com/bigv-go/bigv"
)

// IPs returns the rows of IPsService.
func (wireRows) IPs() []wireRow {
	get := func(address netip.Addr) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.Get(ctx, address) }
	}
	update := func(address netip.Addr, update bigv.IPUpdate) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.Update(ctx, address, update) }
	}
	rdns := func(address netip.Addr, host string) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.SetRDNS(ctx, address, host) }
	}
	release := func(address netip.Addr) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.IPs.Release(ctx, address) }
	}
	swap := func(swap bigv.IPSwap) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.IPs.Swap(ctx, swap) }
	}
	const one, swapping = "/ips/192.0.2.20", "POST /ips/swap_virtual_machine_ips"
	www := bigv.IP{Address: ip20, RDNS: "www.example.org"}
	ids := bigv.IPSwap{VirtualMachine1: bigv.VirtualMachineID(5012), VirtualMachine2: bigv.VirtualMachineID(5013)}
	const idsBody = `{"virtual_machine_1_id":5012,"virtual_machine_2_id":5013,"move_additional_ips":false}`

	return []wireRow{
		{name: "IPs.Get", call: get(ip20), responses: responses{"GET " + one: "@ip.json"}, sent: []string{"GET " + one}, want: www},
		{
			name: "IPs.Get in the flat style", opts: flat, call: get(ip20), responses: responses{"GET " + one: "@ip.json"},
			sent: []string{"GET " + one}, want: www,
		},
		{
			name: "IPs.Get of an IPv6 address", call: get(ip620), want: bigv.IP{Address: ip620},
			responses: responses{"GET /ips/2001:db8:1::20": `{"address":"2001:db8:1::20","rdns":null}`},
			sent:      []string{"GET /ips/2001:db8:1::20"},
		},
		{
			name: "IPs.Get of an IPv4-mapped IPv6 address is that of the IPv4 address",
			call: get(netip.MustParseAddr("::ffff:192.0.2.20")), want: www,
			responses: responses{"GET " + one: "@ip.json"}, sent: []string{"GET " + one},
		},
		{
			name: "IPs.Get: not found", call: get(ip20), responses: responses{"GET " + one: "404 no such thing"},
			sent: []string{"GET " + one}, wantErr: []any{bigv.ErrNotFound, "get IP 192.0.2.20"},
		},
		{
			name: "IPs.Get: an empty response", call: get(ip20), responses: responses{"GET " + one: "{}"}, sent: []string{"GET " + one},
			wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "IPs.Get: a truncated response", call: get(ip20), responses: responses{"GET " + one: `{"address":"192`},
			sent: []string{"GET " + one}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "IPs.Get: a wrong type", call: get(ip20), responses: responses{"GET " + one: `{"address":20}`},
			sent: []string{"GET " + one}, wantErr: []any{bigv.ErrInvalidResponse, "address"},
		},

		{
			name: "IPs.Update", call: update(ip20, bigv.IPUpdate{RDNS: bigv.Set("mx.example.org")}),
			want:      bigv.IP{Address: ip20, RDNS: "mx.example.org"},
			responses: responses{"PUT " + one: `{"address":"192.0.2.20","rdns":"mx.example.org"}`},
			sent:      []string{"PUT " + one + ` {"rdns":"mx.example.org"}`},
		},
		{
			name: "IPs.Update of the reverse DNS to null", call: update(ip20, bigv.IPUpdate{RDNS: bigv.Null[string]()}),
			want:      bigv.IP{Address: ip20},
			responses: responses{"PUT " + one: `{"address":"192.0.2.20","rdns":null}`}, sent: []string{"PUT " + one + ` {"rdns":null}`},
		},
		{
			name: "IPs.Update of the reverse DNS to an empty string", call: update(ip20, bigv.IPUpdate{RDNS: bigv.Set("")}),
			want:      bigv.IP{Address: ip20},
			responses: responses{"PUT " + one: `{"address":"192.0.2.20"}`}, sent: []string{"PUT " + one + ` {"rdns":""}`},
		},
		{
			name: "IPs.SetRDNS", call: rdns(ip620, "www.example.org"), want: bigv.IP{Address: ip620, RDNS: "www.example.org"},
			responses: responses{"PUT /ips/2001:db8:1::20": `{"address":"2001:db8:1::20","rdns":"www.example.org"}`},
			sent:      []string{`PUT /ips/2001:db8:1::20 {"rdns":"www.example.org"}`},
		},
		{
			name: "IPs.SetRDNS to an empty name sends null", call: rdns(ip20, ""), want: bigv.IP{Address: ip20},
			responses: responses{"PUT " + one: `{"address":"192.0.2.20","rdns":null}`}, sent: []string{"PUT " + one + ` {"rdns":null}`},
		},
		{
			name: "IPs.SetRDNS reads back after an empty response", call: rdns(ip20, "www.example.org"), want: www,
			responses: responses{"PUT " + one: "", "GET " + one: "@ip.json"},
			sent:      []string{"PUT " + one + ` {"rdns":"www.example.org"}`, "GET " + one},
		},
		{
			name: "IPs.SetRDNS is retried", call: rdns(ip20, "x"), wantErr: []any{bigv.ErrServer},
			responses: responses{"PUT " + one: "502 "}, sent: []string{"PUT " + one + ` {"rdns":"x"}`, "PUT " + one + ` {"rdns":"x"}`},
		},

		{
			name: "IPs.Release", call: release(ip31), responses: responses{"DELETE /ips/192.0.2.31": "204 "},
			sent: []string{"DELETE /ips/192.0.2.31"},
		},
		{
			name: "IPs.Release of an IPv6 address", call: release(ip620), responses: responses{"DELETE /ips/2001:db8:1::20": "200 {}"},
			sent: []string{"DELETE /ips/2001:db8:1::20"},
		},
		{
			name: "IPs.Release of a primary address", call: release(ip20),
			responses: responses{"DELETE " + one: "400 not an additional address"}, sent: []string{"DELETE " + one},
			wantErr: []any{bigv.ErrBadRequest, "release IP 192.0.2.20", "not an additional address"},
		},

		{name: "IPs.Swap by ID", call: swap(ids), responses: responses{swapping: "200 "}, sent: []string{swapping + " " + idsBody}},
		{
			name: "IPs.Swap by name looks up the IDs", responses: withVM(responses{swapping: "null"}),
			call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5013), MoveAdditionalIPs: true}),
			sent: []string{
				"GET " + www1URL, swapping + ` {"virtual_machine_1_id":5012,"virtual_machine_2_id":5013,"move_additional_ips":true}`,
			},
		},
		{
			name: "IPs.Swap by name in the flat style", opts: flat, responses: withVM(responses{swapping: "null"}),
			call: swap(bigv.IPSwap{VirtualMachine1: bigv.VirtualMachineID(5013), VirtualMachine2: www1}),
			sent: []string{
				"GET /virtual_machines?account_name=acme&group_name=web",
				swapping + ` {"virtual_machine_1_id":5013,"virtual_machine_2_id":5012,"move_additional_ips":false}`,
			},
		},
		{
			name: "IPs.Swap is not retried", call: swap(ids), responses: responses{swapping: "504 "},
			sent:    []string{swapping + " " + idsBody},
			wantErr: []any{bigv.ErrOutcomeUnknown, "swap IPs of virtual machines #5012 and #5013"},
		},
		{
			name:      "IPs.Swap of a machine that is not found",
			call:      swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5013)}),
			responses: responses{"GET " + www1URL: "404 no such thing"}, sent: []string{"GET " + www1URL},
			wantErr: []any{bigv.ErrNotFound},
		},
		{
			name:      "IPs.Swap of a machine whose response has no ID",
			call:      swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5013)}),
			responses: responses{"GET " + www1URL: `{"name":"www1"}`}, sent: []string{"GET " + www1URL},
			wantErr: []any{"the ID is missing"},
		},
		{
			name: "IPs.Swap of one machine under two names", responses: withVM(nil),
			call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: bigv.VirtualMachineID(5012)}),
			sent: []string{"GET " + www1URL}, wantErr: []any{"VirtualMachine1 and VirtualMachine2 are the same virtual machine #5012"},
		},

		{name: "IPs.Get of a zero address", call: get(netip.Addr{}), wantErr: []any{"address is not set"}},
		{
			name: "IPs.Update of a zero address", call: update(netip.Addr{}, bigv.IPUpdate{}),
			wantErr: []any{"address is not set"},
		},
		{name: "IPs.SetRDNS of a zero address", call: rdns(netip.Addr{}, "x"), wantErr: []any{"address is not set"}},
		{name: "IPs.Release of a zero address", call: release(netip.Addr{}), wantErr: []any{"address is not set"}},
		{
			name: "IPs.Get of an address with a zone", call: get(netip.MustParseAddr("fe80::1%eth0")),
			wantErr: []any{"must not have a zone"},
		},
		{
			name: "IPs.Update of an address with a zone", call: update(netip.MustParseAddr("fe80::1%eth0"), bigv.IPUpdate{}),
			wantErr: []any{"must not have a zone"},
		},
		{
			name: "IPs.Release of an address with a zone", call: release(netip.MustParseAddr("fe80::1%a/../b")),
			wantErr: []any{"must not have a zone"},
		},
		{
			name: "IPs.Swap without the second machine", call: swap(bigv.IPSwap{VirtualMachine1: www1}),
			wantErr: []any{"path is empty: it identifies no resource"},
		},
		{
			name: "IPs.Swap without the first machine", call: swap(bigv.IPSwap{VirtualMachine2: www1}),
			wantErr: []any{"path is empty: it identifies no resource"},
		},
		{
			name: "IPs.Swap with itself", call: swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: www1}),
			wantErr: []any{"VirtualMachine1 and VirtualMachine2 are the same"},
		},
		{
			name:    "IPs.Swap with a machine called ..",
			call:    swap(bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: web.VirtualMachine("..")}),
			wantErr: []any{"is not allowed"},
		},
	}
}
