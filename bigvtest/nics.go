package bigvtest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// nicRoutes lists the endpoints of network interfaces and IP addresses.
var nicRoutes = map[string]handler{
	"GET " + machineTemplate + "/nics":                listNICs,
	"GET " + machineTemplate + "/nics/{n}":            getNIC,
	"POST " + machineTemplate + "/nics/{n}/ip_create": createIPs,
	"GET /nics":                          listAllNICs,
	"GET /nics/{n}":                      getFlatNIC,
	"GET /ips/{address}":                 getIP,
	"PUT /ips/{address}":                 updateIP,
	"DELETE /ips/{address}":              deleteIP,
	"POST /ips/swap_virtual_machine_ips": swapIPs,
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

type ip struct {
	addr netip.Addr
	nic  *nic // nil while the virtual machine is being provisioned
	rdns *string
}

// addressPool allocates addresses. Released addresses are reused only when no others are left.
type addressPool struct {
	next     netip.Addr
	prefix   netip.Prefix
	released []netip.Addr
}

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

// addressInUse reports whether an address is assigned or reserved.
func (st *state) addressInUse(addr netip.Addr) bool { return st.ips[addr] != nil }

// allocateAddress returns a free address.
func (st *state) allocateAddress(family string) (netip.Addr, bool) {
	p := st.pools[family]
	for p.prefix.Contains(p.next) {
		addr := p.next
		p.next = addr.Next()
		if !st.addressInUse(addr) {
			return addr, true
		}
	}
	for len(p.released) > 0 {
		addr := p.released[0]
		p.released = p.released[1:]
		if !st.addressInUse(addr) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// releaseAddress returns an address to its pool.
func (st *state) releaseAddress(addr netip.Addr) {
	delete(st.ips, addr)
	for _, p := range st.pools {
		if p.prefix.Contains(addr) {
			p.released = append(p.released, addr)
		}
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

var errNoIPv4 = newAPIError(http.StatusBadRequest, "The network interface has no IPv4 address to route to")

// firstIPv4 returns the address to which additional addresses are routed: they are IPv4 addresses.
func firstIPv4(ips []netip.Addr) (netip.Addr, bool) {
	i := slices.IndexFunc(ips, netip.Addr.Is4)
	if i < 0 {
		return netip.Addr{}, false
	}
	return ips[i], true
}

type ipView struct {
	Address netip.Addr `json:"address"`
	RDNS    *string    `json:"rdns"`
}

// ip returns the address in the path.
func (q *request) ip() (*ip, error) {
	addr, err := netip.ParseAddr(q.args[0])
	if err != nil {
		return nil, errNotFound
	}
	found := q.ips[addr]
	if found == nil || found.nic == nil || !q.caller.canSeeMachine(found.nic.machine) {
		return nil, errNotFound
	}
	return found, nil
}

// ipForUpdate returns the address in the path if the caller may change it.
func (q *request) ipForUpdate() (*ip, error) {
	found, err := q.ip()
	if err != nil {
		return nil, err
	}
	return found, q.authorizeMachineUpdate(found.nic.machine)
}

func getIP(q *request) (response, error) {
	found, err := q.ip()
	if err != nil {
		return response{}, err
	}
	return okResponse(ipView{found.addr, found.rdns})
}

var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.?$`)

func updateIP(q *request) (response, error) {
	found, err := q.ipForUpdate()
	if err != nil {
		return response{}, err
	}
	f, rdns := q.newForm(), found.rdns
	if f.nullable("rdns", &rdns) && rdns != nil && !hostName.MatchString(*rdns) {
		f.addError("rdns", "is invalid")
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	found.rdns = rdns
	return okResponse(ipView{found.addr, found.rdns})
}

func deleteIP(q *request) (response, error) {
	found, err := q.ipForUpdate()
	if err != nil {
		return response{}, err
	}
	if _, extra := found.nic.extra[found.addr]; !extra {
		return response{}, newAPIError(http.StatusBadRequest, "Only additional IP addresses can be deleted")
	}
	delete(found.nic.extra, found.addr)
	q.releaseAddress(found.addr)
	return noContent, nil
}

type swapView struct {
	First  int  `json:"virtual_machine_1_id"`
	Second int  `json:"virtual_machine_2_id"`
	Extra  bool `json:"move_additional_ips"`
}

// swapIPs swaps the primary addresses of two virtual machines and, on request, their additional
// addresses.
func swapIPs(q *request) (response, error) {
	f, v := q.newForm(), swapView{}
	var machines [2]*machine
	f.require("virtual_machine_1_id", "virtual_machine_2_id")
	machines[0] = q.readSwapMachine(f, "virtual_machine_1_id", &v.First)
	machines[1] = q.readSwapMachine(f, "virtual_machine_2_id", &v.Second)
	if machines[0] != nil && machines[0] == machines[1] {
		f.addError("virtual_machine_2_id", "is invalid")
	}
	f.boolean("move_additional_ips", &v.Extra)
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	for _, m := range machines {
		if err := q.authorizeMachineUpdate(m); err != nil {
			return response{}, err
		}
	}
	if machines[0].powerOn || machines[1].powerOn {
		return response{}, newAPIError(http.StatusBadRequest, "Both virtual machines must be powered off")
	}
	a, b := machines[0].nics[0], machines[1].nics[0]
	swap := func() {
		a.ips, b.ips = b.ips, a.ips
		if v.Extra {
			a.extra, b.extra = b.extra, a.extra
		}
	}
	swap()
	if a.hasUnroutable() || b.hasUnroutable() {
		swap()
		return response{}, errNoIPv4
	}
	for _, n := range []*nic{a, b} {
		to, _ := firstIPv4(n.ips)
		for _, addr := range n.ips {
			q.ips[addr].nic = n
		}
		for addr := range n.extra {
			q.ips[addr].nic = n
			n.extra[addr] = to
		}
	}
	return okResponse(v)
}

// hasUnroutable reports whether the network interface has additional addresses, but no address to
// which they can be routed.
func (n *nic) hasUnroutable() bool {
	_, present := firstIPv4(n.ips)
	return len(n.extra) > 0 && !present
}

// readSwapMachine reads the ID of a virtual machine whose addresses are to be swapped, and returns the
// machine.
func (q *request) readSwapMachine(f *form, key string, id *int) *machine {
	if !f.integer(key, id) {
		return nil
	}
	m := q.machines.get(*id)
	if m == nil || m.deleted || len(m.nics) == 0 || !q.caller.canSeeMachine(m) {
		f.addError(key, "is invalid")
		return nil
	}
	return m
}
