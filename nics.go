package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
)

// NIC represents a network interface of a virtual machine.
type NIC struct {
	ID    int    `json:"id"`    // never changes; paths identify the interface by it
	Label string `json:"label"` // may be empty
	MAC   string `json:"mac"`   // such as "fe:ff:00:00:12:ab"
	// IPs holds the machine's own addresses: the primary IPv4 address first, if there is one, then
	// the IPv6 address.
	IPs []netip.Addr `json:"ips,omitempty"`
	// ExtraIPs maps each additional address to the address it is routed to.
	ExtraIPs         map[netip.Addr]netip.Addr `json:"extra_ips,omitempty"`
	VLANNum          int                       `json:"vlan_num"`           // number of its VLAN
	VirtualMachineID int                       `json:"virtual_machine_id"` // ID of the machine it belongs to
	Type             string                    `json:"type,omitzero"`      // media type; set only with Overview
}

// Path returns a path that identifies the network interface by its ID, and its virtual machine by
// ID.
func (n NIC) Path() NICPath {
	if n.VirtualMachineID > 0 {
		return VirtualMachineID(n.VirtualMachineID).NIC(n.ID)
	}
	return NICID(n.ID)
}

// NICListOptions selects the network interfaces to list.
type NICListOptions struct {
	VirtualMachine VirtualMachinePath // zero means all network interfaces that the caller can see
}

// IPFamily is a version of the Internet Protocol.
type IPFamily string

// Address families.
const (
	IPv4 IPFamily = "ipv4" // the default for additional addresses
	IPv6 IPFamily = "ipv6" // the service refuses it for additional addresses
)

// IPCreate describes the additional addresses to create.
type IPCreate struct {
	Addresses  int      `json:"addresses"`  // 1 to 4; a virtual machine can have 4 in total
	Family     IPFamily `json:"family"`     // empty means IPv4
	Reason     string   `json:"reason"`     // required: what the addresses are for
	Contiguous bool     `json:"contiguous"` // not implemented by the service; leave it false
}

// validate returns an error if the number of addresses is out of range or the reason is empty.
func (c IPCreate) validate() error {
	switch {
	case c.Addresses < 1 || c.Addresses > maxExtraIPs:
		return fmt.Errorf("addresses must be 1 to %d, got %d", maxExtraIPs, c.Addresses)
	case c.Reason == "":
		return errors.New("reason is required")
	}
	return nil
}

// maxExtraIPs is the number of additional addresses that a virtual machine can have.
const maxExtraIPs = 4

// ipCreateResponse is the response body of ip_create.
type ipCreateResponse struct {
	IPs []netip.Addr `json:"ips"`
}

// NICsService reads network interfaces and adds IP addresses to them. The interfaces themselves are
// created and destroyed with their virtual machine.
type NICsService struct{ client *Client }

const nicsRoute = "/nics"

// List returns the network interfaces that the options select: GET {virtual machine}/nics.
//
// It calls GET /nics if the options name no virtual machine or one by its ID alone, or if the
// client uses FlatURLs.
func (s *NICsService) List(ctx context.Context, options NICListOptions, opts ...CallOption) ([]NIC, error) {
	e, verify, err := s.listEndpoint(ctx, options)
	if err != nil {
		return nil, notSent("list network interfaces", e.describe(), err)
	}
	return list(ctx, clientOf(s), listing("list network interfaces", e), verify, opts)
}

// All returns an iterator over the network interfaces that the options select. It calls the
// endpoint of List and yields each interface as it arrives. If the call fails, the iterator yields
// a zero NIC with the error and stops.
func (s *NICsService) All(ctx context.Context, options NICListOptions, opts ...CallOption) iter.Seq2[NIC, error] {
	e, verify, err := s.listEndpoint(ctx, options)
	if err != nil {
		return errSeq[NIC](notSent("list network interfaces", e.describe(), err))
	}
	return all(ctx, clientOf(s), listing("list network interfaces", e), verify, opts)
}

// listEndpoint returns the endpoint of a list, and a function that verifies that an interface in
// the response matches the options.
func (s *NICsService) listEndpoint(ctx context.Context, options NICListOptions) (endpoint, func(NIC) error, error) {
	machineID := func(n NIC) int { return n.VirtualMachineID }
	return machineList(ctx, clientOf(s), options.VirtualMachine, nicsRoute, machineID)
}

// Get returns a network interface: GET {virtual machine}/nics/{network interface}, or GET
// /nics/{ID} for a path with an ID alone. If it does not exist, or the caller may not see it, the
// error matches ErrNotFound.
//
// With FlatURLs, or if the path names the virtual machine by its ID alone, Get calls GET /nics/{ID}
// too; if the interface belongs to another machine, the error matches ErrNotFound. The response
// contains only the ID of the machine, so a machine by name is read too, as VirtualMachines.Get
// does; use a path with its ID to save that request.
func (s *NICsService) Get(ctx context.Context, nic NICPath, opts ...CallOption) (NIC, error) {
	const operation = "get network interface"
	if nic.idOnly || clientOf(s).style == NestedURLs && !nic.lacksParents() {
		return get[NIC](ctx, clientOf(s), reading(operation, resource(nic)), opts)
	}
	_, verify, err := s.listEndpoint(ctx, NICListOptions{VirtualMachine: nic.machine})
	if err = cmp.Or(checkPath(nic), err); err != nil {
		return NIC{}, notSent(operation, nic.display(), err)
	}
	op := reading(operation, below(NICPath{nic: nic.nic, idOnly: true}, "").about(nic.display()))
	return getVerified(ctx, clientOf(s), op, verify, opts)
}

// CreateIPs adds addresses to the virtual machine of a network interface and returns them: POST
// {network interface}/ip_create.
//
// The addresses are billed from this moment until IPs.Release. They work at once, are routed to the
// machine's primary address and appear in NIC.ExtraIPs.
//
// CreateIPs is not idempotent, so it is never retried once the service may have processed it. If
// the error matches ErrOutcomeUnknown, check NIC.ExtraIPs before calling it again. If the error
// matches ErrInvalidResponse but not ErrOutcomeUnknown, the addresses were created and the response
// did not contain them; read them with Get.
func (s *NICsService) CreateIPs(ctx context.Context, nic NICPath, ips IPCreate, opts ...CallOption) ([]netip.Addr, error) {
	const operation = "create IPs on network interface"
	ips.Family = cmp.Or(ips.Family, IPv4)
	created, err := write[ipCreateResponse](ctx, clientOf(s), posting(operation, below(nic, "/ip_create"), ips), nil, opts)
	if err == nil && len(created.IPs) == 0 {
		err = missingResult(operation, nic.display(), "the response does not contain the addresses; get the network interface to see them")
	}
	return created.IPs, err
}

// Resolve returns the full path of a network interface, with its virtual machine, group and
// account. It reads what the path does not contain; a path that is full already is returned
// unchanged and nothing is sent.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
func (s *NICsService) Resolve(ctx context.Context, nic NICPath, opts ...CallOption) (NICPath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(nic)); err != nil {
		return NICPath{}, notSent("resolve network interface", nic.display(), err)
	}
	if isComplete(nic) {
		return nic, nil
	}
	vm := nic.machine
	if nic.idOnly {
		n, err := s.Get(ctx, nic, opts...)
		if err != nil {
			return NICPath{}, err
		}
		if n.VirtualMachineID <= 0 {
			return NICPath{}, missingParent("resolve network interface", nic.display(), "virtual machine")
		}
		vm = VirtualMachineID(n.VirtualMachineID)
	}
	vm, err := clientOf(s).VirtualMachines.Resolve(ctx, vm, opts...)
	if err != nil {
		return NICPath{}, err
	}
	return NICPath{machine: vm, nic: nic.nic}, nil
}

// resolveParents implements [childPath].
func (p NICPath) resolveParents(ctx context.Context, c *Client) (resourcePath, error) {
	return c.NICs.Resolve(ctx, p)
}

// objectID implements [identified].
func (n NIC) objectID() int { return n.ID }
