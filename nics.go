package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
)

// NIC is a network interface of a virtual machine.
type NIC struct {
	ID    int    `json:"id"`    // never changes; it has no other name in paths
	Label string `json:"label"` // may be empty
	MAC   string `json:"mac"`   // such as fe:ff:00:00:12:ab
	// IPs are the machine's own addresses, v4 and v6: the primary IPv4 first, if
	// there is one, then the IPv6.
	IPs []netip.Addr `json:"ips,omitempty"`
	// ExtraIPs are additional addresses, each with the one it is routed to.
	ExtraIPs         map[netip.Addr]netip.Addr `json:"extra_ips,omitempty"`
	VLANNum          int                       `json:"vlan_num"`           // of the VLAN it is on
	VirtualMachineID int                       `json:"virtual_machine_id"` // of the machine it belongs to
	Type             string                    `json:"type,omitzero"`      // with Overview only
}

// Path is the network interface by ID.
func (n NIC) Path() NICPath { return NICID(n.ID) }

// NICListOptions says which network interfaces to list.
type NICListOptions struct {
	VirtualMachine VirtualMachinePath // zero is all network interfaces you can see
}

// IPFamily is a version of the Internet Protocol.
type IPFamily string

// The families of addresses.
const (
	IPv4 IPFamily = "ipv4"
	IPv6 IPFamily = "ipv6" // refused for additional addresses
)

// IPCreate says which additional addresses to make.
type IPCreate struct {
	Addresses  int      `json:"addresses"`  // 1 to 4; a virtual machine has room for 4
	Family     IPFamily `json:"family"`     // empty is IPv4
	Reason     string   `json:"reason"`     // what they are for: the service wants to know
	Contiguous bool     `json:"contiguous"` // the service does not heed it: leave it false
}

func (c IPCreate) check() error {
	switch {
	case c.Addresses < 1 || c.Addresses > maxExtraIPs:
		return fmt.Errorf("%d addresses: at least 1 and at most %d can be had at a time", c.Addresses, maxExtraIPs)
	case c.Reason == "":
		return errors.New("the reason is empty, and the service wants one")
	}
	return nil
}

// maxExtraIPs is how many additional addresses a virtual machine has room for.
const maxExtraIPs = 4

// ipCreateAnswer is what the service tells of new addresses.
type ipCreateAnswer struct {
	IPs []netip.Addr `json:"ips"`
}

// NICsService reads network interfaces, and adds addresses to them. They come and
// go with their virtual machine.
type NICsService struct{ client *Client }

const nicsRoute = "/nics"

// List returns network interfaces: GET {virtual machine}/nics, or GET /nics for
// an ID alone, for all of them, and with FlatURLs.
func (s *NICsService) List(ctx context.Context, options NICListOptions, opts ...CallOption) ([]NIC, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list network interfaces", t.subject(), err)
	}
	return list(ctx, s.client, "list network interfaces", t, believe, opts)
}

// All hands out network interfaces one at a time, as they arrive. It calls what
// List calls.
func (s *NICsService) All(ctx context.Context, options NICListOptions, opts ...CallOption) iter.Seq2[NIC, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[NIC](notSent("list network interfaces", t.subject(), err))
	}
	return all(ctx, s.client, "list network interfaces", t, believe, opts)
}

func (s *NICsService) listing(ctx context.Context, options NICListOptions) (target, func(NIC) error, error) {
	return ofMachine(ctx, s.client, options.VirtualMachine, nicsRoute, func(n NIC) int { return n.VirtualMachineID })
}

// Get returns a network interface: GET {virtual machine}/nics/{network
// interface}, or GET /nics/{ID} for an ID alone.
//
// With FlatURLs, and on a virtual machine by its ID alone, it is GET /nics/{ID}
// too, and ErrNotFound if it is of another machine. Network interfaces tell their
// machine by ID only, so a machine by name is looked up too, as VirtualMachines.Get
// does it: give its ID to save that.
func (s *NICsService) Get(ctx context.Context, nic NICPath, opts ...CallOption) (NIC, error) {
	const operation = "get network interface"
	if nic.bare || s.client.style == NestedURLs && (nic.IsZero() || isFull(nic)) {
		return read[NIC](ctx, s.client, operation, at(nic, ""), opts)
	}
	_, believe, err := s.listing(ctx, NICListOptions{VirtualMachine: nic.machine})
	if err = cmp.Or(checkPath(nic), err); err != nil {
		return NIC{}, notSent(operation, nic.String(), err)
	}
	return readHeld(ctx, s.client, operation, nic, at(NICPath{nic: nic.nic, bare: true}, ""), believe, opts)
}

// CreateIPs adds addresses to the virtual machine of a network interface, which
// work at once, and returns them: POST {network interface}/ip_create. They are
// billed from then on, until IPs.Release. They are routed to the machine's primary
// address: NIC has them in ExtraIPs. The call is never sent again after it may
// have been carried out. If the service does not say which addresses it made, the
// error is ErrInvalidResponse, and they are there: look with Get.
func (s *NICsService) CreateIPs(ctx context.Context, nic NICPath, ips IPCreate, opts ...CallOption) ([]netip.Addr, error) {
	const operation = "create IPs on network interface"
	ips.Family = cmp.Or(ips.Family, IPv4)
	answer, err := call[ipCreateAnswer](ctx, s.client, posting(operation), at(nic, "/ip_create"), ips, nil, opts)
	if err == nil && len(answer.IPs) == 0 {
		err = untold(operation, nic.String(), "it names no addresses, look at the network interface")
	}
	return answer.IPs, err
}

// Resolve finds the virtual machine, group and account of a network interface
// that is named by ID alone, and returns its full path. Writes do so by
// themselves; those who write often save the requests. A full path is returned as
// it is.
func (s *NICsService) Resolve(ctx context.Context, nic NICPath, opts ...CallOption) (NICPath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(nic)); err != nil {
		return NICPath{}, notSent("resolve network interface", nic.String(), err)
	}
	if isFull(nic) {
		return nic, nil
	}
	vm := nic.machine
	if nic.bare {
		n, err := s.Get(ctx, nic, opts...)
		if err != nil {
			return NICPath{}, err
		}
		if n.VirtualMachineID <= 0 {
			return NICPath{}, errors.New("the service does not say which virtual machine the network interface belongs to")
		}
		vm = VirtualMachineID(n.VirtualMachineID)
	}
	vm, err := s.client.VirtualMachines.Resolve(ctx, vm, opts...)
	return NICPath{machine: vm, nic: nic.nic}, err
}

func (p NICPath) nested() (template string, depth int) { return nicTemplate, nicDepth }
func (p NICPath) flat() string                         { return nicsRoute }
func (p NICPath) text() string                         { return p.String() }
func (p NICPath) parents(ctx context.Context, c *Client) (place, error) {
	return c.NICs.Resolve(ctx, p)
}

func (n NIC) identity() int { return n.ID }
