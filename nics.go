package bigv

import "net/netip"

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
