package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// HardwareProfile is the name of a set of virtual hardware. The service may offer profiles that
// have no constant here; Definitions lists the current ones.
type HardwareProfile string

// Hardware profiles that the service is known to offer.
const (
	Virtio2013        HardwareProfile = "virtio2013"        // virtio devices of 2013
	Virtio2018        HardwareProfile = "virtio2018"        // virtio devices of 2018
	Compatibility2013 HardwareProfile = "compatibility2013" // for systems that lack virtio drivers
)

// VirtualMachine represents a virtual machine as the service reports it. Its JSON has the attributes of
// the service, so it does not contain Provisioning, which is the status of a response: a program that
// stores a machine as JSON and reads it back loses it.
type VirtualMachine struct {
	ID       int    `json:"id"`       // unique at the service, never changes
	Name     string `json:"name"`     // unique in its group
	Hostname string `json:"hostname"` // name.group.account.uk0.bigv.io; changes when the machine is renamed or moved
	GroupID  int    `json:"group_id"` // ID of its group; see Move

	Cores  int `json:"cores"`  // CPU cores; a change takes effect at the next power cycle
	Memory int `json:"memory"` // MiB; a change takes effect at the next power cycle

	PowerOn bool `json:"power_on"` // whether the machine is on
	// AutorebootOn reports whether the service starts the machine again when it goes off.
	AutorebootOn bool `json:"autoreboot_on"`
	// Provisioning reports whether the machine is still being created. It is set when the service
	// responds with 202 to a request for this machine, and is always false in lists.
	Provisioning bool `json:"-"`
	// Deleted reports whether the machine has been deleted. A deleted machine keeps its name and
	// addresses. It can be restored with Undelete for a limited time, or destroyed with Purge.
	Deleted bool `json:"deleted"`

	CDROMURL              string          `json:"cdrom_url"`               // ISO image in the CD drive; empty if there is none
	Keymap                string          `json:"keymap"`                  // keyboard layout of the console; empty is the default
	HardwareProfile       HardwareProfile `json:"hardware_profile"`        // virtual hardware; changes at the next power cycle
	HardwareProfileLocked bool            `json:"hardware_profile_locked"` // whether automatic upgrades of the profile are off
	ZoneName              string          `json:"zone_name"`               // where the machine runs; never changes
	ManagementAddress     netip.Addr      `json:"management_address"`      // address of the console server (SSH)
	Head                  string          `json:"head"`                    // physical host; empty if the machine runs on none
	LastImagedWith        string          `json:"last_imaged_with"`        // distribution installed last; empty if none

	Discs             []Disc `json:"discs,omitempty"`              // its discs; set only with Overview
	NetworkInterfaces []NIC  `json:"network_interfaces,omitempty"` // its network interfaces; set only with Overview
	Type              string `json:"type,omitzero"`                // media type; set only with Overview
}

// setStatus implements [statusReader].
func (vm *VirtualMachine) setStatus(status int) { vm.Provisioning = status == http.StatusAccepted }

// Path returns a path that identifies the machine by its ID, in its group by ID and its account by
// name.
//
// The path stays valid when the machine or its group is renamed. It becomes invalid when the
// machine is moved to another group; VirtualMachineID(vm.ID) stays valid then too. Errors show the
// names that vm has, as in www1.web.acme; String returns the IDs, as in 5012.78.acme.
func (vm VirtualMachine) Path() VirtualMachinePath {
	path := vm.idPath()
	if !path.idOnly {
		path.group.name, _, _ = vm.parents()
		path.name = vm.Name
	}
	return path
}

// idPath returns the path of the machine without the names for display.
func (vm VirtualMachine) idPath() VirtualMachinePath {
	if _, account, ok := vm.parents(); ok && vm.GroupID > 0 {
		return AccountPath(account).Group(strconv.Itoa(vm.GroupID)).VirtualMachine(strconv.Itoa(vm.ID))
	}
	return VirtualMachineID(vm.ID)
}

// parents returns the names of the machine's group and account, taken from its host name.
func (vm VirtualMachine) parents() (group, account string, ok bool) {
	labels := strings.Split(strings.TrimSuffix(vm.Hostname, clusterSuffix), ".")
	if len(labels) < 3 || labels[1] == "" || labels[2] == "" {
		return "", "", false
	}
	return labels[1], labels[2], true
}

// PrimaryIP returns the address that users and reverse DNS mean by the machine: the first IPv4 address
// of its first network interface that has one, or else the first IPv6 address. Additional addresses are
// not considered. It is the zero Addr, which is not valid, if vm has no network interfaces: they are
// read only with Overview, and a machine has no address until it has been provisioned.
func (vm VirtualMachine) PrimaryIP() netip.Addr {
	var primary netip.Addr
	for _, nic := range vm.NetworkInterfaces {
		for _, ip := range nic.IPs {
			if ip.Unmap().Is4() {
				return ip
			}
			if !primary.IsValid() {
				primary = ip
			}
		}
	}
	return primary
}

// VirtualMachineUpdate holds the changes to a virtual machine. A field that is nil or unset is not
// sent, and the attribute keeps its value; at least one must be set. Changes to Cores, Memory and
// HardwareProfile take effect at the next power cycle.
type VirtualMachineUpdate struct {
	Cores  *int `json:"cores,omitzero"`  // CPU cores, at least 1
	Memory *int `json:"memory,omitzero"` // MiB, above zero
	// PowerOn turns the machine on or off; prefer Start and Stop. With autoreboot on, false restarts
	// the machine.
	PowerOn      *bool `json:"power_on,omitzero"`
	AutorebootOn *bool `json:"autoreboot_on,omitzero"` // whether to restart it when it goes off
	// CDROMURL is the URL of an ISO image; Null ejects it. A URL that the service cannot use yields
	// a ServerError with status 500.
	CDROMURL              Nullable[string] `json:"cdrom_url,omitzero"`
	Keymap                Nullable[string] `json:"keymap,omitzero"`                  // Null restores the service's default
	HardwareProfile       *HardwareProfile `json:"hardware_profile,omitzero"`        // see Definitions
	HardwareProfileLocked *bool            `json:"hardware_profile_locked,omitzero"` // true turns automatic upgrades off
	// Appliance is the system to boot from at the next start. Set PowerOn to true with it, or use
	// Boot.
	Appliance *Appliance `json:"appliance,omitzero"`
}

// validate returns an error if the service would refuse the update.
func (u VirtualMachineUpdate) validate() error {
	if u.Appliance != nil && u.Appliance.Name == "" {
		return errors.New("appliance has no name")
	}
	if u.Cores != nil && *u.Cores <= 0 {
		return fmt.Errorf("cores must be positive, got %d", *u.Cores)
	}
	if u.Memory != nil && *u.Memory <= 0 {
		return fmt.Errorf("memory must be positive, got %d MiB", *u.Memory)
	}
	return nil
}

// advice implements [adviser].
func (u VirtualMachineUpdate) advice(status int) string {
	if url, _ := u.CDROMURL.Get(); url != "" && status == http.StatusInternalServerError {
		return hintCDROM
	}
	return ""
}

// isIdempotent reports whether sending the update twice has the same effect as sending it once.
// Turning the power off with autoreboot on is a restart, and an appliance may be booted twice.
func (u VirtualMachineUpdate) isIdempotent() bool {
	restarts := u.PowerOn != nil && !*u.PowerOn && (u.AutorebootOn == nil || *u.AutorebootOn)
	return u.Appliance == nil && !restarts
}

// VirtualMachineListOptions selects the virtual machines to list, and how much of each is returned.
// The zero value lists every machine that the caller can see, without deleted ones.
type VirtualMachineListOptions struct {
	Account        AccountPath // zero means all accounts
	Group          GroupPath   // zero means all groups; its account must match Account if both are set
	View           View        // Overview embeds discs and network interfaces
	IncludeDeleted bool        // whether to list deleted machines too
}

// VirtualMachinesService creates, changes, controls and deletes virtual machines.
type VirtualMachinesService struct{ client *Client }

const virtualMachinesRoute = "/virtual_machines"

// List returns the virtual machines that the options select: GET {group}/virtual_machines.
//
// It calls GET /virtual_machines if the options name no group or a group by its ID alone, or if the
// client uses FlatURLs.
func (s *VirtualMachinesService) List(ctx context.Context, options VirtualMachineListOptions,
	opts ...CallOption) ([]VirtualMachine, error) {
	e, verify, err := clientOf(s).virtualMachineList(ctx, options)
	if err != nil {
		return nil, notSent("list virtual machines", e.describe(), err)
	}
	return list(ctx, clientOf(s), listing("list virtual machines", e), verify, opts)
}

// All returns an iterator over the virtual machines that the options select. It calls the endpoint
// of List and yields each machine as it arrives, so that memory use does not grow with the length
// of the list.
//
// If the call fails, before or after the first machine, the iterator yields a zero VirtualMachine
// with the error and stops. Machines yielded before the error are valid. If the body of the loop is
// slow, use List: see the package documentation.
func (s *VirtualMachinesService) All(ctx context.Context, options VirtualMachineListOptions,
	opts ...CallOption) iter.Seq2[VirtualMachine, error] {
	e, verify, err := clientOf(s).virtualMachineList(ctx, options)
	if err != nil {
		return errSeq[VirtualMachine](notSent("list virtual machines", e.describe(), err))
	}
	return all(ctx, clientOf(s), listing("list virtual machines", e), verify, opts)
}

// getMachine is the name of the operation of Get.
const getMachine = "get virtual machine"

// Get returns a virtual machine: GET {group}/virtual_machines/{virtual machine}, or GET
// /virtual_machines/{ID} for a path with an ID alone. WithView(Overview) embeds its discs and
// network interfaces.
//
// If the machine does not exist, or the caller may not see it, the error matches ErrNotFound. A
// deleted machine is found only with WithDeleted.
//
// With FlatURLs, or if the path names the group by its ID alone, Get finds a machine by name in the
// list of its group: GET /virtual_machines?account_name=acme&group_name=web, which is read
// completely. A machine by ID is read with GET /virtual_machines/{ID}; if it is in another group,
// the error matches ErrNotFound.
func (s *VirtualMachinesService) Get(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	const operation = getMachine
	if vm.idOnly || clientOf(s).style == NestedURLs && !vm.lacksParents() {
		return get[VirtualMachine](ctx, clientOf(s), reading(operation, resource(vm)), opts)
	}
	e, verify, err := clientOf(s).virtualMachineList(ctx, VirtualMachineListOptions{Group: vm.group})
	if err = cmp.Or(checkPath(vm), err); err != nil {
		return VirtualMachine{}, notSent(operation, vm.display(), err)
	}
	if vm.isID() {
		op := reading(operation, resource(virtualMachineIDOnly(vm.machine)).about(vm.display()))
		return getVerified(ctx, clientOf(s), op, verify, opts)
	}
	hasName := func(m VirtualMachine) bool { return strings.EqualFold(m.Name, vm.machine) }
	return findByName(ctx, clientOf(s), listing(operation, e.about(vm.display())), verify, hasName, opts)
}

// Update changes a virtual machine: PUT {virtual machine}. Only the fields that are set are sent.
// The result does not contain discs and network interfaces.
//
// Update is idempotent, so it is retried, unless the update sets Appliance, or sets PowerOn to
// false without setting AutorebootOn to false. Such an update is never retried once the service may
// have processed it.
func (s *VirtualMachinesService) Update(ctx context.Context, vm VirtualMachinePath, update VirtualMachineUpdate,
	opts ...CallOption) (VirtualMachine, error) {
	op := putting("update virtual machine", resource(vm), update)
	if !update.isIdempotent() {
		op = puttingOnce(op.name, resource(vm), update)
	}
	return write(ctx, clientOf(s), op, s.reread(vm), opts)
}

// reread returns a function that reads a virtual machine after a write whose response does not
// contain it.
func (s *VirtualMachinesService) reread(vm VirtualMachinePath) func(context.Context) (VirtualMachine, error) {
	return func(ctx context.Context) (VirtualMachine, error) { return s.Get(ctx, vm, WithDeleted()) }
}

// Delete turns a virtual machine off and marks it as deleted: DELETE {virtual machine}.
//
// A deleted machine keeps its name and addresses. Undelete restores it, for a limited time that the
// service does not state; Purge destroys it. Delete is idempotent, so it is retried.
func (s *VirtualMachinesService) Delete(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return execute(ctx, clientOf(s), deleting("delete virtual machine", resource(vm)), opts)
}

// Undelete restores a deleted virtual machine: PUT {virtual machine}. The machine is off
// afterwards. Undelete is idempotent, so it is retried.
func (s *VirtualMachinesService) Undelete(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	op := putting("undelete virtual machine", resource(vm), undeleteMachine{})
	return write(ctx, clientOf(s), op, s.reread(vm), opts)
}

// undeleteMachine is the request body of Undelete.
type undeleteMachine struct {
	Deleted bool `json:"deleted"` // always false
}

// Purge destroys a virtual machine and its discs: DELETE {virtual machine}?purge=true. The machine
// need not be deleted first.
//
// All its data is lost, its addresses are released and its name becomes free. Purge cannot be
// undone. Purge is idempotent, so it is retried. If the machine does not exist, for example because
// it has been purged before, the error matches ErrNotFound; a program that wants it gone can ignore it.
func (s *VirtualMachinesService) Purge(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return execute(ctx, clientOf(s), deleting("purge virtual machine", resource(vm).withQuery(purging)), opts)
}

// Resolve returns the full path of a virtual machine, with its group and account. It reads the
// machine, deleted or not, if the path is an ID alone. A path that is already full is returned
// unchanged and nothing is sent.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
func (s *VirtualMachinesService) Resolve(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachinePath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(vm)); err != nil {
		return VirtualMachinePath{}, notSent("resolve virtual machine", vm.display(), err)
	}
	if isComplete(vm) {
		return vm, nil
	}
	group := vm.group
	if vm.idOnly {
		m, err := s.Get(ctx, vm, slices.Concat(opts, []CallOption{WithDeleted()})...)
		if err != nil {
			return VirtualMachinePath{}, err
		}
		if path := m.idPath(); isComplete(path) {
			return path, nil
		}
		if m.GroupID <= 0 {
			return VirtualMachinePath{}, missingParent("resolve virtual machine", vm.display(), "group")
		}
		group = GroupID(m.GroupID)
	}
	group, err := clientOf(s).Groups.Resolve(ctx, group, opts...)
	if err != nil {
		return VirtualMachinePath{}, err
	}
	return group.VirtualMachine(vm.machine), nil
}

// id returns the ID of a virtual machine. It reads the machine if the path has only its name.
func (s *VirtualMachinesService) id(ctx context.Context, vm VirtualMachinePath) (int, error) {
	if err := checkPath(vm); err != nil {
		return 0, err
	}
	if vm.isID() {
		return parseID(vm.machine)
	}
	found, err := s.Get(ctx, vm)
	return responseID(found.ID, err)
}

// resolveParents implements [childPath].
func (p VirtualMachinePath) resolveParents(ctx context.Context, c *Client) (resourcePath, error) {
	return c.VirtualMachines.Resolve(ctx, p)
}

// objectID implements [identified].
func (vm VirtualMachine) objectID() int { return vm.ID }
