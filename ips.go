package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// IP is an IP address of a virtual machine.
type IP struct {
	Address netip.Addr `json:"address"` // IPv4 or IPv6
	RDNS    string     `json:"rdns"`    // the host name that a reverse lookup gives; empty is none
}

// IPUpdate is what is changed of an address; unset is left as it is.
type IPUpdate struct {
	RDNS Nullable[string] `json:"rdns,omitzero"` // a host name; null is none
}

// IPSwap says which virtual machines change addresses with each other.
type IPSwap struct {
	// The machines, both off. A name is looked up first, since the service takes
	// IDs only.
	VirtualMachine1, VirtualMachine2 VirtualMachinePath
	MoveAdditionalIPs                bool // their additional addresses too
}

// ipSwapBody is a swap as it travels.
type ipSwapBody struct {
	VirtualMachine1ID int  `json:"virtual_machine_1_id"`
	VirtualMachine2ID int  `json:"virtual_machine_2_id"`
	MoveAdditionalIPs bool `json:"move_additional_ips"`
}

func (b ipSwapBody) check() error {
	if b.VirtualMachine1ID == b.VirtualMachine2ID {
		return fmt.Errorf("both are virtual machine #%d", b.VirtualMachine1ID)
	}
	return nil
}

// IPsService manages IP addresses. The service has no list of them: network
// interfaces hold them, see NICs.
type IPsService struct{ client *Client }

// oneIP is the route of an address.
func oneIP(address netip.Addr) (target, error) {
	t := under("/ips/{address}", address.Unmap().String())
	switch {
	case !address.IsValid():
		return t, errors.New("the address is zero")
	case address.Zone() != "":
		return t, fmt.Errorf("the address has the zone %q, which means something on one host only", address.Zone())
	}
	return t, nil
}

// Get returns an address with its reverse DNS: GET /ips/{address}.
func (s *IPsService) Get(ctx context.Context, address netip.Addr, opts ...CallOption) (IP, error) {
	t, err := oneIP(address)
	if err != nil {
		return IP{}, notSent("get IP", t.subject(), err)
	}
	return read[IP](ctx, s.client, "get IP", t, opts)
}

// Update changes an address: PUT /ips/{address}.
func (s *IPsService) Update(ctx context.Context, address netip.Addr, update IPUpdate, opts ...CallOption) (IP, error) {
	t, err := oneIP(address)
	if err != nil {
		return IP{}, notSent("update IP", t.subject(), err)
	}
	return call(ctx, s.client, putting("update IP"), t, update, func(ctx context.Context) (IP, error) {
		return s.Get(ctx, address)
	}, opts)
}

// SetRDNS makes host the name that a reverse lookup of an address gives: PUT
// /ips/{address}. Empty removes it.
func (s *IPsService) SetRDNS(ctx context.Context, address netip.Addr, host string, opts ...CallOption) (IP, error) {
	rdns := Null[string]()
	if host != "" {
		rdns = Set(host)
	}
	return s.Update(ctx, address, IPUpdate{RDNS: rdns}, opts...)
}

// Release gives an additional address back: DELETE /ips/{address}. It may be
// another customer's soon after, so it cannot be undone. A machine's own
// addresses cannot be released: that is ErrBadRequest.
func (s *IPsService) Release(ctx context.Context, address netip.Addr, opts ...CallOption) error {
	t, err := oneIP(address)
	if err != nil {
		return notSent("release IP", t.subject(), err)
	}
	return do(ctx, s.client, deleting("release IP"), t, nil, opts)
}

// Swap gives each of two virtual machines the other's primary addresses, IPv4
// and IPv6: POST /ips/swap_virtual_machine_ips. Both must be off. It is never sent
// again after it may have been carried out: that would swap them back.
func (s *IPsService) Swap(ctx context.Context, swap IPSwap, opts ...CallOption) error {
	const operation = "swap IPs of virtual machines"
	vm1, vm2 := swap.VirtualMachine1, swap.VirtualMachine2
	subject := vm1.String() + " and " + vm2.String()
	body := ipSwapBody{MoveAdditionalIPs: swap.MoveAdditionalIPs}
	err := cmp.Or(checkPath(vm1), checkPath(vm2)) // before looking either up
	if err == nil && vm1 == vm2 {
		err = errors.New("both are the same virtual machine")
	}
	if err == nil {
		body.VirtualMachine1ID, err = s.client.VirtualMachines.id(ctx, vm1)
	}
	if err == nil {
		body.VirtualMachine2ID, err = s.client.VirtualMachines.id(ctx, vm2)
	}
	if err != nil {
		return notSent(operation, subject, err)
	}
	return do(ctx, s.client, posting(operation), under("/ips/swap_virtual_machine_ips").of(subject), body, opts)
}
