package bigvtest

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
)

// ipRoutes lists the endpoints of IP addresses.
var ipRoutes = map[string]handler{
	"GET /ips/{address}":                 getIP,
	"PUT /ips/{address}":                 updateIP,
	"DELETE /ips/{address}":              deleteIP,
	"POST /ips/swap_virtual_machine_ips": swapIPs,
}

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
