package bigvtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bigv-go/bigv"
)

// VirtualMachine is a virtual machine of the server. Its methods bypass permission checks.
type VirtualMachine struct {
	s *Server
	m *machine
}

// VirtualMachine returns the group's virtual machine with the given name or ID. If there is none, it
// creates one that is provisioned and powered on, with 1 core, 1024 MiB of memory, a disc "disc-1" of 25600
// MiB, and a network interface with one IPv4 and one IPv6 address.
func (g *Group) VirtualMachine(name string) (found *VirtualMachine) {
	g.s.withLock(func() {
		g.s.checkExists("group", g.g.name, g.g.purged)
		m := g.s.state.findMachine(g.g, name)
		if m == nil {
			g.s.checkName("virtual machine", name, 3)
			m = g.s.state.seedMachine(g.g, name)
			g.s.state.addDisc(m, &disc{label: "disc-1", size: 25600, grade: storageGrades[0]})
		}
		found = &VirtualMachine{g.s, m}
	})
	return found
}

// AddVirtualMachines creates n virtual machines like those that VirtualMachine creates, with an
// additional second disc. Each name is the prefix followed by a number of five digits. Names that
// exist already are skipped.
func (g *Group) AddVirtualMachines(prefix string, n int) {
	g.s.withLock(func() {
		g.s.checkExists("group", g.g.name, g.g.purged)
		for i := range n {
			name := fmt.Sprintf("%s%05d", prefix, i)
			if g.g.byName[strings.ToLower(name)] != nil {
				continue
			}
			m := g.s.state.seedMachine(g.g, name)
			g.s.state.addDisc(m, &disc{label: "disc-1", size: 25600, grade: storageGrades[0]})
			g.s.state.addDisc(m, &disc{label: "disc-2", size: 51200, grade: "archive"})
		}
	})
}

// seedMachine creates a virtual machine that is provisioned and powered on, without discs.
func (st *state) seedMachine(g *group, name string) *machine {
	m := &machine{
		group: g, name: name, cores: 1, memory: 1024, profile: hardwareProfiles[0], zone: zoneNames[0],
		autoreboot: true, lastImaged: &distributions[0],
	}
	st.addMachine(m)
	st.addNIC(m)
	st.powerOn(m)
	return m
}

// ID returns the virtual machine's ID.
func (vm *VirtualMachine) ID() int { return vm.m.id }

// Path returns a path that identifies the virtual machine by its current names.
func (vm *VirtualMachine) Path() (path bigv.VirtualMachinePath) {
	vm.s.withLock(func() {
		path = bigv.AccountPath(vm.m.group.account.name).Group(vm.m.group.name).VirtualMachine(vm.m.name)
	})
	return path
}

// set changes the virtual machine, unless it was purged.
func (vm *VirtualMachine) set(change func(*machine)) *VirtualMachine {
	vm.s.withLock(func() {
		if !vm.m.purged {
			change(vm.m)
		}
	})
	return vm
}

// SetCores sets the number of cores.
func (vm *VirtualMachine) SetCores(n int) *VirtualMachine {
	return vm.set(func(m *machine) { m.cores = n })
}

// SetMemory sets the memory in MiB.
func (vm *VirtualMachine) SetMemory(mib int) *VirtualMachine {
	return vm.set(func(m *machine) { m.memory = mib })
}

// SetPower powers the virtual machine on or off. It sets autoreboot_on to the same value, so that the
// machine stays in that state. A deleted machine stays off.
func (vm *VirtualMachine) SetPower(on bool) *VirtualMachine {
	return vm.set(func(m *machine) {
		m.autoreboot = on
		vm.s.state.setPower(m, on)
	})
}

// SetDeleted deletes the virtual machine as a DELETE request without purge does, or undeletes it. A
// machine that was deleted is off afterwards.
func (vm *VirtualMachine) SetDeleted(deleted bool) *VirtualMachine {
	return vm.set(func(m *machine) {
		if m.deleted = deleted; deleted {
			vm.s.state.softDelete(m)
		}
	})
}

func (vm *VirtualMachine) setTarget(p *privilege) {
	vm.s.checkExists("virtual machine", vm.m.name, vm.m.purged)
	p.machine = vm.m
}

// VirtualMachineState describes a virtual machine at one moment.
type VirtualMachineState struct {
	// Exists reports whether the virtual machine still exists. A deleted machine exists until it is
	// purged.
	Exists bool
	// Deleted reports whether the virtual machine is deleted; it can be undeleted or purged.
	Deleted bool
	// Provisioning reports whether the virtual machine is still being provisioned.
	Provisioning bool
	// PoweredOn reports whether the virtual machine is powered on.
	PoweredOn bool
	// AutorebootOn reports whether the virtual machine is started again when it powers off.
	AutorebootOn bool

	// Name is the current name.
	Name string
	// Hostname is the current fully qualified host name.
	Hostname string
	// Cores is the number of cores.
	Cores int
	// Memory is the memory in MiB.
	Memory int
	// CDROMURL is the URL of the inserted CD-ROM image. It is empty if there is none.
	CDROMURL string
	// Keymap is the keymap of the console. It is empty if none is set.
	Keymap string
	// HardwareProfile is the hardware profile, such as virtio2013.
	HardwareProfile string
	// ZoneName is the zone in which the virtual machine runs.
	ZoneName string
	// Discs lists the discs. The first is the boot disc.
	Discs []DiscState
	// IPs lists the primary IP addresses.
	IPs []netip.Addr
	// ExtraIPs lists the additional IP addresses in ascending order.
	ExtraIPs []netip.Addr

	// LastImagedWith is the distribution of the last image. It is empty if there was none.
	LastImagedWith string
	// RootPassword is the root password set with the last image.
	RootPassword string
	// SSHPublicKey is the SSH public key set with the last image.
	SSHPublicKey string
	// FirstbootScript is the first-boot script set with the last image.
	FirstbootScript string

	// Starts is how many times the virtual machine has been powered on.
	Starts int
	// Resets is how many times the virtual machine has been reset.
	Resets int
	// KeysSent lists the key combinations sent with the signal sendkey.
	KeysSent []string
	// Appliance is the appliance that the virtual machine was booted from. It is empty if it was
	// booted from its disc or is off.
	Appliance string
}

// State returns the current state of the virtual machine.
func (vm *VirtualMachine) State() (state VirtualMachineState) {
	vm.s.withLock(func() {
		m := vm.m
		state = VirtualMachineState{
			Exists: !m.purged, Deleted: m.deleted, Provisioning: m.provisioning, PoweredOn: m.powerOn, AutorebootOn: m.autoreboot,
			Name: m.name, Hostname: m.hostname(), Cores: m.cores, Memory: m.memory,
			CDROMURL: stringOrEmpty(m.cdrom), Keymap: stringOrEmpty(m.keymap),
			HardwareProfile: m.profile, ZoneName: m.zone, LastImagedWith: stringOrEmpty(m.lastImaged), RootPassword: m.image.RootPassword,
			SSHPublicKey: m.image.SSHPublicKey, FirstbootScript: m.image.FirstbootScript, Starts: m.starts, Resets: m.resets,
			KeysSent: slices.Clone(m.sentKeys), Appliance: m.runningAppliance,
		}
		for _, d := range m.discs {
			state.Discs = append(state.Discs, d.state())
		}
		for _, n := range m.nics {
			state.IPs = append(state.IPs, n.ips...)
			for addr := range n.extra {
				state.ExtraIPs = append(state.ExtraIPs, addr)
			}
		}
		slices.SortFunc(state.ExtraIPs, netip.Addr.Compare)
	})
	return state
}

func stringOrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
