package bigvtest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// nicRoutes lists the endpoints of network interfaces.
var nicRoutes = map[string]handler{
	"GET " + machineTemplate + "/nics":                listNICs,
	"GET " + machineTemplate + "/nics/{n}":            getNIC,
	"POST " + machineTemplate + "/nics/{n}/ip_create": createIPs,
	"GET /nics":     listAllNICs,
	"GET /nics/{n}": getFlatNIC,
}

type nic struct {
	id      int
	machine *machine
	label   *string
	mac     string
	vlan    int
	ips     []netip.Addr
	extra   map[netip.Addr]netip.Addr
}

func (n *nic) rowID() int { return n.id }

// maxExtraIPs is the maximum number of additional IP addresses per virtual machine.
const maxExtraIPs = 4

type nicView struct {
	Type      string                    `json:"type,omitempty"`
	ID        int                       `json:"id"`
	Label     *string                   `json:"label"`
	MAC       string                    `json:"mac"`
	IPs       []netip.Addr              `json:"ips"`
	ExtraIPs  map[netip.Addr]netip.Addr `json:"extra_ips"`
	VLANNum   int                       `json:"vlan_num"`
	MachineID int                       `json:"virtual_machine_id"`
}

func nicViews(list []*nic, typed bool) []nicView {
	views := make([]nicView, 0, len(list))
	for _, n := range list {
		views = append(views, n.view(typed))
	}
	return views
}

func (n *nic) view(typed bool) nicView {
	v := nicView{ID: n.id, Label: n.label, MAC: n.mac, IPs: emptyIfNil(n.ips), ExtraIPs: n.extra, VLANNum: n.vlan, MachineID: n.machine.id}
	if typed {
		v.Type = "application/vnd.bigv.network-interface"
	}
	return v
}

// addNIC adds a network interface to a virtual machine, with the requested or newly allocated addresses.
func (st *state) addNIC(m *machine) {
	n := st.nics.add(func(id int) *nic {
		return &nic{
			id: id, machine: m, mac: fmt.Sprintf("fe:ff:00:%02x:%02x:%02x", id>>16&255, id>>8&255, id&255),
			vlan: cmp.Or(m.group.vlan, 7), extra: map[netip.Addr]netip.Addr{},
		}
	})
	m.nics = append(m.nics, n)
	n.ips = m.requestedIPs
	if len(n.ips) == 0 {
		for _, family := range []string{"ipv4", "ipv6"} {
			if addr, present := st.allocateAddress(family); present {
				n.ips = append(n.ips, addr)
			}
		}
	}
	for _, addr := range n.ips {
		st.ips[addr] = &ip{addr: addr, nic: n}
	}
}

func (st *state) removeNIC(n *nic) {
	for _, addr := range n.ips {
		st.releaseAddress(addr)
	}
	for addr := range n.extra {
		st.releaseAddress(addr)
	}
	n.machine.nics = without(n.machine.nics, n)
	st.nics.remove(n.id)
}

func listNICs(q *request) (response, error) {
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	return okResponse(nicViews(m.nics, false))
}

func listAllNICs(q *request) (response, error) {
	var list []*nic
	err := q.forEachMachine(func(m *machine) { list = append(list, m.nics...) })
	if err != nil {
		return response{}, err
	}
	slices.SortFunc(list, compareIDs)
	return okResponse(nicViews(list, false))
}

// findNIC returns the network interface with the given ID. If m is not nil, the interface must belong
// to it.
func (q *request) findNIC(segment string, m *machine) (*nic, error) {
	id, err := strconv.Atoi(segment)
	if err != nil {
		return nil, errNotFound
	}
	n := q.nics.get(id)
	if n == nil || m != nil && n.machine != m || !q.caller.canSeeMachine(n.machine) {
		return nil, errNotFound
	}
	return n, nil
}

func getNIC(q *request) (response, error) {
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	n, err := q.findNIC(q.args[3], m)
	if err != nil {
		return response{}, err
	}
	return okResponse(n.view(false))
}

func getFlatNIC(q *request) (response, error) {
	n, err := q.findNIC(q.args[0], nil)
	if err != nil {
		return response{}, err
	}
	return okResponse(n.view(false))
}

type newIPsView struct {
	Addresses  int          `json:"addresses"`
	Family     string       `json:"family"`
	Reason     string       `json:"reason"`
	Contiguous bool         `json:"contiguous"`
	IPs        []netip.Addr `json:"ips"`
}

func createIPs(q *request) (response, error) {
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	n, err := q.findNIC(q.args[3], m)
	if err != nil {
		return response{}, err
	}
	if err := q.authorizeMachineUpdate(m); err != nil {
		return response{}, err
	}
	f, v := q.newForm(), newIPsView{Addresses: 1, Family: "ipv4", IPs: []netip.Addr{}}
	f.require("addresses", "reason")
	if f.integer("addresses", &v.Addresses) && (v.Addresses < 1 || v.Addresses > maxExtraIPs) {
		f.addError("addresses", "must be in 1..%d", maxExtraIPs)
	}
	if f.text("family", &v.Family) {
		f.checkOneOf("family", v.Family, []string{"ipv4"}) // the service offers no additional IPv6 addresses
	}
	f.text("reason", &v.Reason)
	f.boolean("contiguous", &v.Contiguous)
	if v.Contiguous {
		f.addError("contiguous", "is not implemented")
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	extra := 0
	for _, other := range m.nics {
		extra += len(other.extra)
	}
	if extra+v.Addresses > maxExtraIPs {
		text := fmt.Sprintf("A virtual machine has at most %d additional IP addresses", maxExtraIPs)
		return response{}, newAPIError(http.StatusBadRequest, text)
	}
	to, present := firstIPv4(n.ips)
	if !present {
		return response{}, errNoIPv4
	}
	for range v.Addresses {
		addr, present := q.allocateAddress("ipv4")
		if !present {
			return response{}, newAPIError(http.StatusBadRequest, "No more addresses are free")
		}
		n.extra[addr] = to
		q.ips[addr] = &ip{addr: addr, nic: n}
		v.IPs = append(v.IPs, addr)
	}
	return okResponse(v)
}
