package bigvtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bigv-go/bigv"
)

// VirtualMachine is a machine of a group.
type VirtualMachine struct {
	s *Server
	m *machine
}

// VirtualMachine finds the group's machine of this name, or makes one that is up
// and running: 1 core, 1024 MiB, a disc "disc-1" of 25600 MiB, and a network
// interface with an IPv4 and an IPv6 address.
func (g *Group) VirtualMachine(name string) (found *VirtualMachine) {
	g.s.withLock(func() {
		m := g.g.byName[strings.ToLower(name)]
		if m == nil {
			g.s.checkName("virtual machine", name, 3)
			m = g.s.state.seedMachine(g.g, name)
			g.s.state.addDisc(m, &disc{label: "disc-1", size: 25600, grade: storageGrades[0]})
		}
		found = &VirtualMachine{g.s, m}
	})
	return found
}

// AddVirtualMachines makes n machines like those that VirtualMachine makes, with
// a second disc, called by the prefix and a number of five digits.
func (g *Group) AddVirtualMachines(prefix string, n int) {
	g.s.withLock(func() {
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

// seedMachine makes a machine that is up and running, without discs.
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

// ID is the machine's ID.
func (vm *VirtualMachine) ID() int { return vm.m.id }

// Path is the machine by its present names.
func (vm *VirtualMachine) Path() (path bigv.VirtualMachinePath) {
	vm.s.withLock(func() {
		path = bigv.AccountPath(vm.m.group.account.name).Group(vm.m.group.name).VirtualMachine(vm.m.name)
	})
	return path
}

// SetCores sets the number of cores.
func (vm *VirtualMachine) SetCores(n int) *VirtualMachine {
	vm.s.withLock(func() { vm.m.cores = n })
	return vm
}

// SetMemory sets the memory, in MiB.
func (vm *VirtualMachine) SetMemory(mib int) *VirtualMachine {
	vm.s.withLock(func() { vm.m.memory = mib })
	return vm
}

// SetPower switches the machine on or off, and autoreboot along: it stays off.
func (vm *VirtualMachine) SetPower(on bool) *VirtualMachine {
	vm.s.withLock(func() {
		vm.m.autoreboot = on
		vm.s.state.setPower(vm.m, on)
	})
	return vm
}

// SetDeleted deletes the machine as DELETE does, or undeletes it.
func (vm *VirtualMachine) SetDeleted(deleted bool) *VirtualMachine {
	vm.s.withLock(func() {
		if deleted {
			vm.s.state.softDelete(vm.m)
		} else {
			vm.m.deleted = false
		}
	})
	return vm
}

func (vm *VirtualMachine) setTarget(p *privilege) { p.machine = vm.m }

// VirtualMachineState is what a machine is like.
type VirtualMachineState struct {
	Exists       bool // it has not been purged
	Deleted      bool // it may be undeleted, or purged
	Provisioning bool // it is still being made
	PoweredOn    bool // it is on
	AutorebootOn bool // it is started again when it goes off

	Name            string       // as it is at present
	Hostname        string       // likewise
	Cores           int          // as set
	Memory          int          // MiB
	CDROMURL        string       // empty is no CD
	Keymap          string       // of its console; empty is none
	HardwareProfile string       // such as virtio2013
	ZoneName        string       // where it runs
	Discs           []DiscState  // the boot disc first
	IPs             []netip.Addr // its primary addresses
	ExtraIPs        []netip.Addr // its additional addresses

	// What the machine was last imaged with, secrets included.
	LastImagedWith  string
	RootPassword    string
	SSHPublicKey    string
	FirstbootScript string

	Starts    int      // how often it was switched on
	Resets    int      // how often it was reset
	KeysSent  []string // what was sent to its keyboard
	Appliance string   // what it was booted from, if not from its disc
}

// State is what the machine is like at the moment.
func (vm *VirtualMachine) State() (state VirtualMachineState) {
	vm.s.withLock(func() {
		m := vm.m
		state = VirtualMachineState{
			Exists: !m.purged, Deleted: m.deleted, Provisioning: m.provisioning, PoweredOn: m.powerOn, AutorebootOn: m.autoreboot,
			Name: m.name, Hostname: m.hostname(), Cores: m.cores, Memory: m.memory, CDROMURL: stringOrEmpty(m.cdrom), Keymap: stringOrEmpty(m.keymap),
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

// Disc is a disc of a machine.
type Disc struct {
	s *Server
	d *disc
}

// Disc finds the machine's disc of this label, or adds one of this size in MiB.
func (vm *VirtualMachine) Disc(label string, size int) (found *Disc) {
	vm.s.withLock(func() {
		d := vm.m.discByLabel(label)
		if d == nil {
			d = &disc{label: label, size: size, grade: storageGrades[0]}
			vm.s.state.addDisc(vm.m, d)
		}
		found = &Disc{vm.s, d}
	})
	return found
}

// ID is the disc's ID.
func (d *Disc) ID() int { return d.d.id }

// Path is the disc by its present names.
func (d *Disc) Path() (path bigv.DiscPath) {
	d.s.withLock(func() {
		m := d.d.machine
		path = bigv.AccountPath(m.group.account.name).Group(m.group.name).VirtualMachine(m.name).Disc(d.d.label)
	})
	return path
}

// DiscState is what a disc is like.
type DiscState struct {
	Exists       bool   // it has not been purged
	ID           int    // never changes
	Label        string // as it is at present
	Size         int    // MiB
	StorageGrade string // what it is made of
	Backups      int    // how many there are
	Schedules    int    // how many there are
	RestoredFrom int    // the backup that it was last restored from, 0 is none
}

// State is what the disc is like at the moment.
func (d *Disc) State() (state DiscState) {
	d.s.withLock(func() { state = d.d.state() })
	return state
}

func (d *disc) state() DiscState {
	return DiscState{
		Exists: !d.purged, ID: d.id, Label: d.label, Size: d.size, StorageGrade: d.grade,
		Backups: len(d.backups), Schedules: len(d.schedules), RestoredFrom: d.restoredFrom,
	}
}
