package bigv_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	ip20  = netip.MustParseAddr("192.0.2.20")
	ip31  = netip.MustParseAddr("192.0.2.31")
	ip32  = netip.MustParseAddr("192.0.2.32")
	ip620 = netip.MustParseAddr("2001:db8:1::20")
	ip64  = netip.MustParseAddr("2001:db8:2::4")

	nic6100 = bigv.NIC{
		ID: 6100, MAC: "fe:ff:00:00:12:ab", IPs: []netip.Addr{ip20, ip620}, ExtraIPs: map[netip.Addr]netip.Addr{ip31: ip20},
		VLANNum: 7, VirtualMachineID: 5012,
	}
	nic6101 = bigv.NIC{
		ID: 6101, Label: "private", MAC: "fe:ff:00:00:12:ac", IPs: []netip.Addr{ip64}, ExtraIPs: map[netip.Addr]netip.Addr{},
		VLANNum: 1001, VirtualMachineID: 5012, Type: "application/vnd.bigv.network-interface",
	}
	bothNICs = []bigv.NIC{nic6100, nic6101}
)

// NICs returns the rows of NICsService.
func (wireRows) NICs() []wireRow {
	list := func(vm bigv.VirtualMachinePath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return c.NICs.List(ctx, bigv.NICListOptions{VirtualMachine: vm})
		}
	}
	all := func(vm bigv.VirtualMachinePath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return collect(c.NICs.All(ctx, bigv.NICListOptions{VirtualMachine: vm}))
		}
	}
	get := func(nic bigv.NICPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.NICs.Get(ctx, nic) }
	}
	create := func(nic bigv.NICPath, ips bigv.IPCreate) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.NICs.CreateIPs(ctx, nic, ips) }
	}
	resolve := func(nic bigv.NICPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.NICs.Resolve(ctx, nic) }
	}
	resolved := acme.Group("77").VirtualMachine("5012").NIC(6100)
	two := bigv.IPCreate{Addresses: 2, Reason: "tls site"}
	const twoBody = ` {"addresses":2,"family":"ipv4","reason":"tls site","contiguous":false}`
	flatNIC := responses{"GET /nics/6100": "@nic.json", "GET /nics": "@nics.json"}

	return []wireRow{
		{
			name: "NICs.List by path is nested", call: list(www1), want: bothNICs,
			responses: responses{"GET " + www1URL + "/nics": "@nics.json"}, sent: []string{"GET " + www1URL + "/nics"},
		},
		{
			name: "NICs.All by path is nested", call: all(www1), want: bothNICs,
			responses: responses{"GET " + www1URL + "/nics": "@nics.json"}, sent: []string{"GET " + www1URL + "/nics"},
		},
		{
			name: "NICs.List without a machine is flat", call: list(bigv.VirtualMachinePath{}), want: bothNICs, responses: flatNIC,
			sent: []string{"GET /nics"},
		},
		{
			name: "NICs.List by ID alone is flat", call: list(bigv.VirtualMachineID(5012)), want: bothNICs, responses: flatNIC,
			sent: []string{"GET /nics?vm_id=5012"},
		},
		{
			name: "NICs.All by ID alone is flat", call: all(bigv.VirtualMachineID(5012)), want: bothNICs, responses: flatNIC,
			sent: []string{"GET /nics?vm_id=5012"},
		},
		{
			name: "NICs.List by path in the flat style is verified by the machine's ID", opts: flat, call: list(www1), want: bothNICs,
			responses: withVM(flatNIC),
			sent: []string{
				"GET /nics?account_name=acme&group_name=web&vm_name=www1",
				"GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true",
			},
		},
		{
			name: "NICs.List by IDs in the flat style", opts: flat, want: bothNICs,
			call: list(bigv.AccountID(41).Group("77").VirtualMachine("5012")), responses: flatNIC, sent: []string{"GET /nics?vm_id=5012"},
		},
		{
			name: "NICs.List of a machine in a group by ID", call: list(bigv.GroupID(77).VirtualMachine("www1")), want: bothNICs,
			responses: withVM(flatNIC),
			sent:      []string{"GET /nics?group_id=77&vm_name=www1", "GET /virtual_machines?group_id=77&include_deleted=true"},
		},
		{
			name: "NICs.List in the default account", opts: acmeDefault,
			call: list(bigv.DefaultAccount.Group("web").VirtualMachine("www1")), want: bothNICs,
			responses: responses{"GET " + www1URL + "/nics": "@nics.json"}, sent: []string{"GET " + www1URL + "/nics"},
		},
		{
			name: "NICs.List: an ignored vm_id is an error", call: list(bigv.VirtualMachineID(5013)), responses: flatNIC,
			sent:    []string{"GET /nics?vm_id=5013"},
			wantErr: []any{bigv.ErrFilterIgnored, "the service ignored vm_id", "list network interfaces of #5013"},
		},
		{
			name: "NICs.All: an ignored vm_id ends the iterator", call: all(bigv.VirtualMachineID(5013)), responses: flatNIC,
			sent: []string{"GET /nics?vm_id=5013"}, wantErr: []any{bigv.ErrFilterIgnored},
		},
		{
			name: "NICs.List: an ignored vm_name is an error", opts: flat, call: list(web.VirtualMachine("www2")),
			responses: withVM(flatNIC),
			sent: []string{
				"GET /nics?account_name=acme&group_name=web&vm_name=www2",
				"GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true",
			},
			wantErr: []any{bigv.ErrFilterIgnored, "the service ignored vm_name"},
		},
		{
			name: "NICs.List: an empty list", call: list(www1), want: []bigv.NIC{},
			responses: responses{"GET " + www1URL + "/nics": "[]"}, sent: []string{"GET " + www1URL + "/nics"},
		},
		{
			name: "NICs.List: a null list is empty", call: list(www1), want: []bigv.NIC{},
			responses: responses{"GET " + www1URL + "/nics": "null"}, sent: []string{"GET " + www1URL + "/nics"},
		},
		{
			name: "NICs.List: a truncated list", call: list(www1),
			responses: responses{"GET " + www1URL + "/nics": `[{"id":6100}`}, sent: []string{"GET " + www1URL + "/nics"},
			wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "NICs.List: an invalid address", call: list(www1),
			responses: responses{"GET " + www1URL + "/nics": `[{"id":6100,"ips":["here"]}]`}, sent: []string{"GET " + www1URL + "/nics"},
			wantErr: []any{bigv.ErrInvalidResponse},
		},

		{
			name: "NICs.Get by path is nested", call: get(www1.NIC(6100)), want: nic6100,
			responses: responses{"GET " + www1URL + "/nics/6100": "@nic.json"}, sent: []string{"GET " + www1URL + "/nics/6100"},
		},
		{
			name: "NICs.Get by ID alone is flat", call: get(bigv.NICID(6100)), want: nic6100, responses: flatNIC,
			sent: []string{"GET /nics/6100"},
		},
		{
			name: "NICs.Get by path in the flat style is verified by the machine", opts: flat, call: get(www1.NIC(6100)), want: nic6100,
			responses: withVM(flatNIC),
			sent:      []string{"GET /nics/6100", "GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true"},
		},
		{
			name: "NICs.Get in a machine by ID", call: get(bigv.VirtualMachineID(5012).NIC(6100)), want: nic6100, responses: flatNIC,
			sent: []string{"GET /nics/6100"},
		},
		{
			name: "NICs.Get of another machine's interface is not found", call: get(bigv.VirtualMachineID(5013).NIC(6100)),
			responses: flatNIC,
			sent:      []string{"GET /nics/6100"}, wantErr: []any{bigv.ErrNotFound, "get network interface 6100.#5013"},
		},
		{
			name: "NICs.Get: not found", call: get(bigv.NICID(6109)), responses: responses{"GET /nics/6109": "404 no such thing"},
			sent: []string{"GET /nics/6109"}, wantErr: []any{bigv.ErrNotFound, "no such thing"},
		},
		{
			name: "NICs.Get: null and missing members are zero", call: get(bigv.NICID(6100)), want: bigv.NIC{ID: 6100},
			responses: responses{"GET /nics/6100": `{"id":6100,"label":null,"ips":null,"extra_ips":null,"_links":{}}`},
			sent:      []string{"GET /nics/6100"},
		},
		{
			name: "NICs.Get: numbers as strings", call: get(bigv.NICID(6100)), want: bigv.NIC{ID: 6100, VLANNum: 7},
			responses: responses{"GET /nics/6100": `{"id":"6100","vlan_num":"7"}`}, sent: []string{"GET /nics/6100"},
		},
		{
			name: "NICs.Get: a wrong type", call: get(bigv.NICID(6100)), sent: []string{"GET /nics/6100"},
			responses: responses{"GET /nics/6100": `{"id":6100,"extra_ips":["192.0.2.31"]}`},
			wantErr:   []any{bigv.ErrInvalidResponse, "extra_ips"},
		},
		{
			name: "NICs.Get: an empty response", call: get(bigv.NICID(6100)), sent: []string{"GET /nics/6100"},
			responses: responses{"GET /nics/6100": ""}, wantErr: []any{bigv.ErrInvalidResponse, "the body is empty"},
		},
		{
			name: "NICs.Get: an empty object", call: get(bigv.NICID(6100)), sent: []string{"GET /nics/6100"},
			responses: responses{"GET /nics/6100": "{}"}, wantErr: []any{bigv.ErrInvalidResponse},
		},

		{
			name: "NICs.CreateIPs by path", call: create(www1.NIC(6100), two), want: []netip.Addr{ip31, ip32},
			responses: responses{"POST " + www1URL + "/nics/6100/ip_create": "@ip_create.json"},
			sent:      []string{"POST " + www1URL + "/nics/6100/ip_create" + twoBody},
		},
		{
			name: "NICs.CreateIPs is nested in the flat style too", opts: flat, call: create(www1.NIC(6100), two),
			want: []netip.Addr{ip31, ip32}, responses: responses{"POST " + www1URL + "/nics/6100/ip_create": "@ip_create.json"},
			sent: []string{"POST " + www1URL + "/nics/6100/ip_create" + twoBody},
		},
		{
			name: "NICs.CreateIPs by ID alone looks up the parents first", call: create(bigv.NICID(6100), two),
			want: []netip.Addr{ip31, ip32},
			responses: withVM(responses{
				"GET /nics/6100": "@nic.json", "POST " + nestedVM + "/nics/6100/ip_create": "@ip_create.json",
			}),
			sent: []string{"GET /nics/6100", lookupVM, "POST " + nestedVM + "/nics/6100/ip_create" + twoBody},
		},
		{
			name: "NICs.CreateIPs in a machine by ID", call: create(bigv.VirtualMachineID(5012).NIC(6100), two),
			want:      []netip.Addr{ip31, ip32},
			responses: withVM(responses{"POST " + nestedVM + "/nics/6100/ip_create": "@ip_create.json"}),
			sent:      []string{lookupVM, "POST " + nestedVM + "/nics/6100/ip_create" + twoBody},
		},
		{
			name: "NICs.CreateIPs with IPv6 and contiguous addresses", want: []netip.Addr{ip64},
			call:      create(www1.NIC(6100), bigv.IPCreate{Addresses: 4, Family: bigv.IPv6, Reason: "x", Contiguous: true}),
			responses: responses{"POST " + www1URL + "/nics/6100/ip_create": `{"ips":["2001:db8:2::4"]}`},
			sent:      []string{"POST " + www1URL + `/nics/6100/ip_create {"addresses":4,"family":"ipv6","reason":"x","contiguous":true}`},
		},
		{
			name: "NICs.CreateIPs: the response does not name the parents", call: create(bigv.NICID(6100), two),
			sent:      []string{"GET /nics/6100"},
			responses: responses{"GET /nics/6100": `{"id":6100}`},
			wantErr:   []any{"looking up the parents of #6100", "the ID of its virtual machine is missing"},
		},
		{
			name: "NICs.CreateIPs: the interface is not found", call: create(bigv.NICID(6100), two),
			responses: responses{"GET /nics/6100": "404 no such thing"}, sent: []string{"GET /nics/6100"},
			wantErr: []any{bigv.ErrNotFound, "looking up the parents of #6100"},
		},
		{
			name: "NICs.CreateIPs: a response without addresses means that they were created", call: create(www1.NIC(6100), two),
			responses: responses{"POST " + www1URL + "/nics/6100/ip_create": "{}"},
			sent:      []string{"POST " + www1URL + "/nics/6100/ip_create" + twoBody},
			wantErr: []any{
				bigv.ErrInvalidResponse, "create IPs on network interface 6100.www1.web.acme: the request succeeded, but",
				"the response does not contain the addresses",
			},
		},
		{
			name: "NICs.CreateIPs: a response that cannot be decoded", call: create(www1.NIC(6100), two),
			responses: responses{"POST " + www1URL + "/nics/6100/ip_create": `{"ips":"192.0.2.31"}`},
			sent:      []string{"POST " + www1URL + "/nics/6100/ip_create" + twoBody},
			wantErr:   []any{bigv.ErrInvalidResponse, bigv.ErrOutcomeUnknown},
		},
		{
			name: "NICs.CreateIPs is not retried", call: create(www1.NIC(6100), two),
			responses: responses{"POST " + www1URL + "/nics/6100/ip_create": "502 "},
			sent:      []string{"POST " + www1URL + "/nics/6100/ip_create" + twoBody}, wantErr: []any{bigv.ErrOutcomeUnknown},
		},
		{
			name: "NICs.CreateIPs: a validation error", call: create(www1.NIC(6100), two),
			responses: responses{"POST " + www1URL + "/nics/6100/ip_create": `400 {"addresses":["must be less than 2"]}`},
			sent:      []string{"POST " + www1URL + "/nics/6100/ip_create" + twoBody},
			wantErr:   []any{bigv.ErrBadRequest, "addresses must be less than 2"},
		},

		{
			name: "NICs.CreateIPs of 0 addresses", call: create(bigv.NICID(6100), bigv.IPCreate{Reason: "x"}),
			wantErr: []any{"addresses must be 1 to 4, got 0"},
		},
		{
			name: "NICs.CreateIPs of 5 addresses", call: create(bigv.NICID(6100), bigv.IPCreate{Addresses: 5, Reason: "x"}),
			wantErr: []any{"addresses must be 1 to 4, got 5"},
		},
		{
			name: "NICs.CreateIPs without a reason", call: create(bigv.NICID(6100), bigv.IPCreate{Addresses: 1}),
			wantErr: []any{"reason is required"},
		},
		{
			name: "NICs.CreateIPs on a zero path", call: create(bigv.NICPath{}, two),
			wantErr: []any{"path is empty: it identifies no resource"},
		},
		{
			name: "NICs.CreateIPs on a negative ID", call: create(bigv.NICID(-1), two),
			wantErr: []any{"-1 is not an ID"},
		},
		{
			name: "NICs.CreateIPs without the machine's name", call: create(web.VirtualMachine("").NIC(6100), two),
			wantErr: []any{"virtual machine is empty"},
		},
		{name: "NICs.Get of a zero path", call: get(bigv.NICPath{}), wantErr: []any{"path is empty: it identifies no resource"}},
		{name: "NICs.Get of ID 0", call: get(bigv.NICID(0)), wantErr: []any{"0 is not an ID"}},
		{
			name: "NICs.Get of ID 0 in the flat style", opts: flat, call: get(www1.NIC(0)),
			wantErr: []any{"0 is not an ID"},
		},
		{
			name: "NICs.Get without a machine in the flat style", opts: flat, call: get(bigv.VirtualMachinePath{}.NIC(6100)),
			wantErr: []any{"is empty"},
		},
		{
			name: "NICs.Get without the group's name", call: get(acme.Group("").VirtualMachine("www1").NIC(6100)),
			wantErr: []any{"group is empty"},
		},
		{
			name: "NICs.Get without the group's name in the flat style", opts: flat,
			call: get(acme.Group("").VirtualMachine("www1").NIC(6100)), wantErr: []any{"is empty"},
		},
		{
			name: "NICs.List without the group's name in the flat style", opts: flat, call: list(acme.Group("").VirtualMachine("www1")),
			wantErr: []any{"is empty"},
		},
		{
			name: "NICs.All without the group's name in the flat style", opts: flat, call: all(acme.Group("").VirtualMachine("www1")),
			wantErr: []any{"is empty"},
		},
		{
			name: "NICs.List without the account's name in the flat style", opts: flat,
			call: list(bigv.AccountPath("").Group("web").VirtualMachine("www1")), wantErr: []any{"account is empty"},
		},
		{
			name: "NICs.List in the default account, if none is set",
			call: list(bigv.DefaultAccount.Group("web").VirtualMachine("www1")), wantErr: []any{"no default account is set"},
		},
		{
			name: "NICs.List of a machine called ..", call: list(web.VirtualMachine("..")),
			wantErr: []any{"is not allowed"},
		},
		{
			name: "NICs.List of a machine called .. in the flat style", opts: flat, call: list(web.VirtualMachine("..")),
			wantErr: []any{"is not allowed"},
		},

		{name: "NICs.Resolve of a full path sends nothing", call: resolve(resolved), want: resolved},
		{
			name: "NICs.Resolve by ID alone", call: resolve(bigv.NICID(6100)),
			responses: withVM(responses{"GET /nics/6100": "@nic.json"}), sent: []string{"GET /nics/6100", lookupVM}, want: resolved,
		},
	}
}

func TestNICPath(t *testing.T) {
	t.Parallel()
	assert.Equal(t, bigv.VirtualMachineID(5012).NIC(6100), nic6100.Path())
	assert.Equal(t, bigv.NICID(6100), bigv.NIC{ID: 6100}.Path())
}

func TestNICJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(nic6100)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":6100,"label":"","mac":"fe:ff:00:00:12:ab","ips":["192.0.2.20","2001:db8:1::20"],
		"extra_ips":{"192.0.2.31":"192.0.2.20"},"vlan_num":7,"virtual_machine_id":5012}`, string(text))
	var back bigv.NIC
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, nic6100, back)
}

// NICs adds an address to the interface.
func (s fullServer) NICs(t *testing.T) {
	require.NoError(t, just(s.client.NICs.CreateIPs(t.Context(), s.nic.Path(), bigv.IPCreate{Addresses: 1, Reason: "tls"})))
}

// The primary address is the first IPv4 address, or else the first IPv6 address, and never an additional one.
func TestPrimaryIP(t *testing.T) {
	nic := func(ips ...string) (n bigv.NIC) {
		for _, ip := range ips {
			n.IPs = append(n.IPs, netip.MustParseAddr(ip))
		}
		n.ExtraIPs = map[netip.Addr]netip.Addr{netip.MustParseAddr("192.0.2.99"): netip.MustParseAddr("192.0.2.20")}
		return n
	}
	for want, nics := range map[string][]bigv.NIC{
		"192.0.2.20":       {nic("192.0.2.20", "2001:db8::20")},
		"192.0.2.21":       {nic("2001:db8::20", "192.0.2.21"), nic("192.0.2.20")},
		"192.0.2.22":       {nic("2001:db8::20"), nic("192.0.2.22")},
		"2001:db8::23":     {nic(), nic("2001:db8::23")},
		"invalid IP":       nil,
		"::ffff:192.0.2.1": {nic("2001:db8::20", "::ffff:192.0.2.1")},
	} {
		assert.Equal(t, want, bigv.VirtualMachine{NetworkInterfaces: nics}.PrimaryIP().String())
	}
}
