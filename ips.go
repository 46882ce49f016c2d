package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// IP represents an IP address of a virtual machine.
type IP struct {
	Address netip.Addr `json:"address"` // IPv4 or IPv6
	RDNS    string     `json:"rdns"`    // host name for reverse DNS; empty if there is none
}

// IPUpdate holds the changes to an address. RDNS must be set; an update without it is
// not sent.
type IPUpdate struct {
	RDNS Nullable[string] `json:"rdns,omitzero"` // host name for reverse DNS; Null removes it
}

// IPSwap describes a swap of addresses between two virtual machines. Both must be off.
type IPSwap struct {
	// VirtualMachine1 and VirtualMachine2 are the machines that exchange addresses. If a path has no
	// ID, the machine is looked up first.
	VirtualMachine1, VirtualMachine2 VirtualMachinePath
	MoveAdditionalIPs                bool // whether to swap their additional addresses too
}

// ipSwapBody is the request body of Swap.
type ipSwapBody struct {
	VirtualMachine1ID int  `json:"virtual_machine_1_id"`
	VirtualMachine2ID int  `json:"virtual_machine_2_id"`
	MoveAdditionalIPs bool `json:"move_additional_ips"`
}

// validate returns an error if both machines are the same.
func (b ipSwapBody) validate() error {
	if b.VirtualMachine1ID == b.VirtualMachine2ID {
		return fmt.Errorf("VirtualMachine1 and VirtualMachine2 are the same virtual machine #%d", b.VirtualMachine1ID)
	}
	return nil
}

// IPsService manages IP addresses. The service has no list of addresses; find them in NIC.IPs and
// NIC.ExtraIPs.
type IPsService struct{ client *Client }

// ipEndpoint returns the endpoint of an address, or an error if the address is invalid.
func ipEndpoint(address netip.Addr) (endpoint, error) {
	e := fixed("/ips/{address}", address.Unmap().String())
	switch {
	case !address.IsValid():
		return endpoint{}, errors.New("address is not set")
	case address.Zone() != "":
		return e, fmt.Errorf("address must not have a zone, got %q", address.Zone())
	}
	return e, nil
}

// Get returns an address with its reverse DNS: GET /ips/{address}. If the address is not in use, or
// the caller may not see it, the error matches ErrNotFound.
func (s *IPsService) Get(ctx context.Context, address netip.Addr, opts ...CallOption) (IP, error) {
	e, err := ipEndpoint(address)
	if err != nil {
		return IP{}, notSent("get IP", e.describe(), err)
	}
	return get[IP](ctx, clientOf(s), reading("get IP", e), opts)
}

// Update changes an address: PUT /ips/{address}. Update is idempotent, so it is retried.
func (s *IPsService) Update(ctx context.Context, address netip.Addr, update IPUpdate, opts ...CallOption) (IP, error) {
	e, err := ipEndpoint(address)
	if err != nil {
		return IP{}, notSent("update IP", e.describe(), err)
	}
	op := putting("update IP", e, update)
	reread := func(ctx context.Context) (IP, error) { return s.Get(ctx, address) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// SetRDNS sets the host name for reverse DNS of an address: PUT /ips/{address}. An empty host
// removes it. SetRDNS is idempotent, so it is retried.
func (s *IPsService) SetRDNS(ctx context.Context, address netip.Addr, host string, opts ...CallOption) (IP, error) {
	rdns := Null[string]()
	if host != "" {
		rdns = Set(host)
	}
	return s.Update(ctx, address, IPUpdate{RDNS: rdns}, opts...)
}

// Release releases an additional address: DELETE /ips/{address}. It cannot be undone, since the
// address may soon be assigned to another customer. For the primary addresses of a machine, which
// cannot be released, the error matches ErrBadRequest. Release is idempotent, so it is retried.
func (s *IPsService) Release(ctx context.Context, address netip.Addr, opts ...CallOption) error {
	e, err := ipEndpoint(address)
	if err != nil {
		return notSent("release IP", e.describe(), err)
	}
	return execute(ctx, clientOf(s), deleting("release IP", e).refusedIf("only additional addresses can be released"), opts)
}

// Swap exchanges the primary addresses, IPv4 and IPv6, of two virtual machines: POST
// /ips/swap_virtual_machine_ips. Both must be off. If the path of a machine has no ID, the machine
// is looked up first.
//
// Swap is not idempotent, since a second swap undoes the first, so it is never retried once the
// service may have processed it. If the error matches ErrOutcomeUnknown, compare the addresses of
// the machines before calling Swap again.
func (s *IPsService) Swap(ctx context.Context, swap IPSwap, opts ...CallOption) error {
	const operation = "swap IPs of virtual machines"
	vm1, vm2 := swap.VirtualMachine1, swap.VirtualMachine2
	subject := vm1.display() + " and " + vm2.display()
	body := ipSwapBody{MoveAdditionalIPs: swap.MoveAdditionalIPs}
	err := cmp.Or(checkPath(vm1), checkPath(vm2)) // check before sending the lookups
	if err == nil && vm1 == vm2 {
		err = errors.New("VirtualMachine1 and VirtualMachine2 are the same")
	}
	if err == nil {
		body.VirtualMachine1ID, err = clientOf(s).VirtualMachines.id(ctx, vm1)
	}
	if err == nil {
		body.VirtualMachine2ID, err = clientOf(s).VirtualMachines.id(ctx, vm2)
	}
	if err != nil {
		return notSent(operation, subject, err)
	}
	op := posting(operation, fixed("/ips/swap_virtual_machine_ips").about(subject), body).refusedIf("both machines must be off")
	return execute(ctx, clientOf(s), op, opts)
}

// checkComplete implements [completer].
func (ip IP) checkComplete() error {
	if !ip.Address.IsValid() {
		return errors.New("the address is missing")
	}
	return nil
}
