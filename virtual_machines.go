package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// HardwareProfile is the set of virtual hardware that a virtual machine is given. The service may
// offer profiles that have no constant here; Definitions lists the current ones.
type HardwareProfile string

// Hardware profiles that the service is known to offer.
const (
	Virtio2013        HardwareProfile = "virtio2013"        // virtio devices of 2013
	Virtio2018        HardwareProfile = "virtio2018"        // virtio devices of 2018
	Compatibility2013 HardwareProfile = "compatibility2013" // for systems that lack virtio drivers
)

// VirtualMachine represents a virtual machine as the service reports it.
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

// answered records the status of the response that the machine was read from.
func (vm *VirtualMachine) answered(status int) { vm.Provisioning = status == 202 }

// Path returns a path that identifies the machine by its ID, in its group by ID and its account by
// name.
//
// The path stays valid when the machine or its group is renamed. It becomes invalid when the
// machine is moved to another group; VirtualMachineID(vm.ID) stays valid then too.
func (vm VirtualMachine) Path() VirtualMachinePath {
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

// VirtualMachineCreate holds the attributes of a new virtual machine. A field with its zero value
// is not sent, and the service uses its default.
type VirtualMachineCreate struct {
	// Name is required. It has at least 3 letters, digits and hyphens, and is not all digits.
	Name  string `json:"name,omitzero"`
	Cores int    `json:"cores,omitzero"` // 0 means the service's default
	// Memory is in MiB. The service accepts multiples of 1024, and few other sizes; 0 means its
	// default.
	Memory       int   `json:"memory,omitzero"`
	PowerOn      *bool `json:"power_on,omitzero"`      // whether to start it
	AutorebootOn *bool `json:"autoreboot_on,omitzero"` // true starts it now and whenever it goes off
	// CDROMURL is the URL of an ISO image. A URL that the service cannot use yields a ServerError
	// with status 500.
	CDROMURL              string          `json:"cdrom_url,omitzero"`
	Keymap                string          `json:"keymap,omitzero"`                  // keyboard layout of the console
	HardwareProfile       HardwareProfile `json:"hardware_profile,omitzero"`        // empty means the current default
	HardwareProfileLocked *bool           `json:"hardware_profile_locked,omitzero"` // true turns automatic upgrades off
	ZoneName              string          `json:"zone_name,omitzero"`               // where to run it; cannot be changed later
	// Discs needs at least one element for Create. The machine boots from the first.
	Discs []DiscCreate       `json:"discs,omitempty"`
	Image *Image             `json:"reimage,omitzero"` // for the first disc; nil leaves it empty
	IPs   *VirtualMachineIPs `json:"ips,omitzero"`     // in a private VLAN only; otherwise nil
}

// check returns an error if the attributes are invalid for a new machine.
func (vm VirtualMachineCreate) check() error {
	return cmp.Or(checkNewName("the virtual machine's name", vm.Name), vm.checkSettings())
}

// checkSettings returns an error if the attributes other than the name are invalid, for a machine
// or a template.
func (vm VirtualMachineCreate) checkSettings() error {
	if vm.Cores < 0 || vm.Memory < 0 {
		return fmt.Errorf("%d cores and %d MiB of memory: neither may be below zero", vm.Cores, vm.Memory)
	}
	for i, disc := range vm.Discs {
		if err := disc.check(); err != nil {
			return fmt.Errorf("discs[%d]: %w", i, err)
		}
	}
	if vm.Image != nil {
		return vm.Image.check()
	}
	return nil
}

// VirtualMachineIPs holds the first addresses of a new virtual machine in a private VLAN.
type VirtualMachineIPs struct {
	IPv4 netip.Addr `json:"ipv4,omitzero"` // zero lets the service choose
	IPv6 netip.Addr `json:"ipv6,omitzero"` // zero lets the service choose
}

// Image describes an operating system to install on the first disc of a virtual machine.
type Image struct {
	Distribution    string `json:"distribution"`              // required, such as "stretch"; see Definitions
	RootPassword    Secret `json:"root_password,omitzero"`    // zero lets the service choose a password, which it does not return
	SSHPublicKey    string `json:"ssh_public_key,omitzero"`   // root's authorized_keys, one key per line; not for Windows
	FirstbootScript Secret `json:"firstboot_script,omitzero"` // script, with its #! line, run at the first boot; not for Windows
}

// check returns an error if the image has no distribution.
func (i Image) check() error {
	if i.Distribution == "" {
		return errors.New("the image has no distribution")
	}
	return nil
}

// createBody is the request body of vm_create.
type createBody struct {
	VirtualMachine VirtualMachineCreate `json:"virtual_machine"`
	Discs          []DiscCreate         `json:"discs"`
	Image          *Image               `json:"reimage,omitzero"`
	IPs            *VirtualMachineIPs   `json:"ips,omitzero"`
}

// newCreateBody returns the request body that creates vm.
func newCreateBody(vm VirtualMachineCreate) createBody {
	body := createBody{VirtualMachine: vm, Discs: vm.Discs, Image: vm.Image, IPs: vm.IPs}
	body.VirtualMachine.Discs, body.VirtualMachine.Image, body.VirtualMachine.IPs = nil, nil, nil
	return body
}

// check returns an error if the service would refuse the body.
func (b createBody) check() error {
	whole := b.VirtualMachine
	whole.Discs, whole.Image = b.Discs, b.Image
	if err := whole.check(); err != nil {
		return err
	}
	if len(b.Discs) == 0 {
		return errors.New("a virtual machine needs at least one disc")
	}
	if b.IPs != nil && !b.IPs.IPv4.IsValid() && !b.IPs.IPv6.IsValid() {
		return errors.New("the IPs hold no address: leave them nil for the service's own")
	}
	return nil
}

// createAnswer is the response body of vm_create. Most deployments wrap the machine in an object;
// some return the machine itself.
type createAnswer struct {
	Wrapped *VirtualMachine `json:"virtual_machine"`
	VirtualMachine
}

// VirtualMachineUpdate holds the changes to a virtual machine. A field that is nil or unset is not
// sent, and the attribute keeps its value. Changes to Cores, Memory and HardwareProfile take effect
// at the next power cycle.
type VirtualMachineUpdate struct {
	Cores  *int `json:"cores,omitzero"`  // CPU cores, at least 1
	Memory *int `json:"memory,omitzero"` // MiB, above zero
	// PowerOn turns the machine on or off; prefer Start and Stop. With autoreboot on, false is a
	// restart.
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

// Appliance is a system, provided by the service, that a virtual machine boots over the network
// instead of from its discs.
type Appliance struct {
	Name      string `json:"name"`      // required, such as "rescue"
	Permanent bool   `json:"permanent"` // true boots it at every start, false at the next start only
}

// check returns an error if the service would refuse the update.
func (u VirtualMachineUpdate) check() error {
	if u.Appliance != nil && u.Appliance.Name == "" {
		return errors.New("the appliance has no name")
	}
	if u.Cores != nil && *u.Cores <= 0 || u.Memory != nil && *u.Memory <= 0 {
		return errors.New("cores and memory must be above zero")
	}
	return nil
}

// once reports whether sending the update twice may have a different effect than sending it once:
// turning the power off with autoreboot on is a restart, and an appliance may be booted a second
// time.
func (u VirtualMachineUpdate) once() bool {
	return u.Appliance != nil || u.PowerOn != nil && !*u.PowerOn && (u.AutorebootOn == nil || *u.AutorebootOn)
}

// VirtualMachineListOptions selects the virtual machines to list, and how much of each is returned.
// The zero value lists every machine that the caller can see, without deleted ones.
type VirtualMachineListOptions struct {
	Account        AccountPath // zero means all accounts
	Group          GroupPath   // zero means all groups; its account must match Account if both are set
	View           View        // Overview embeds discs and network interfaces
	IncludeDeleted bool        // whether to list deleted machines too
}

// machineListQuery holds the query parameters of a list of virtual machines.
type machineListQuery struct {
	machineQuery
	View           View `url:"view,omitempty"`
	IncludeDeleted bool `url:"include_deleted,omitempty"`
}

// VirtualMachinesService creates, changes, controls and deletes virtual machines.
type VirtualMachinesService struct{ client *Client }

const machinesRoute = "/virtual_machines"

// List returns the virtual machines that the options select: GET {group}/virtual_machines.
//
// It calls GET /virtual_machines if the options name no group or a group by its ID alone, or if the
// client uses FlatURLs.
func (s *VirtualMachinesService) List(ctx context.Context, options VirtualMachineListOptions,
	opts ...CallOption) ([]VirtualMachine, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list virtual machines", t.subject(), err)
	}
	return list(ctx, s.client, "list virtual machines", t, believe, opts)
}

// All returns an iterator over the virtual machines that the options select. It calls the endpoint
// of List and yields each machine as it arrives, so that memory use does not grow with the length
// of the list.
//
// If the call fails, before or after the first machine, the iterator yields a zero VirtualMachine
// with the error and stops. Machines yielded before the error are valid.
func (s *VirtualMachinesService) All(ctx context.Context, options VirtualMachineListOptions,
	opts ...CallOption) iter.Seq2[VirtualMachine, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[VirtualMachine](notSent("list virtual machines", t.subject(), err))
	}
	return all(ctx, s.client, "list virtual machines", t, believe, opts)
}

// listing returns the endpoint of a list, and a function that verifies that a machine of the
// response matches the options; it is nil where the URL itself names the group.
func (s *VirtualMachinesService) listing(ctx context.Context,
	options VirtualMachineListOptions) (target, func(VirtualMachine) error, error) {
	query := machineListQuery{View: options.View, IncludeDeleted: options.IncludeDeleted}
	group, account := options.Group, options.Account
	if group.account != "" && account != "" && !s.client.sameAccount(group.account, account) {
		return at(group, machinesRoute), nil, errDisagree
	}
	if group.bare && account != "" {
		group = account.Group(group.group)
	}
	if !group.IsZero() && isFull(group) && s.client.style == NestedURLs {
		return at(group, machinesRoute).with(query), nil, nil
	}
	t := under(machinesRoute).of(cmp.Or(group.String(), string(account)))
	var err error
	if query.machineQuery, err = s.client.machineQuery(group); err != nil {
		return t, nil, err
	}
	if group.IsZero() && account != "" {
		if account, err = s.client.named(account); err != nil {
			return t, nil, err
		}
		query.accountQuery = account.query()
	} else if account, err = s.client.named(group.account); err != nil {
		return t, nil, err
	}
	if !group.IsZero() {
		err = checkPath(group)
	} else if account != "" {
		err = checkPath(account)
	}
	return t.with(query), s.within(ctx, account, group), err
}

// within returns a function that reports, as an error, that a machine is outside account or group.
// A zero path matches everything.
func (s *VirtualMachinesService) within(ctx context.Context, account AccountPath, group GroupPath) func(VirtualMachine) error {
	var inAccount func(int, string) (bool, error)
	if account != "" {
		inAccount = s.client.accountFilter(ctx, account)
	}
	isDefault := s.client.isDefaultGroup(ctx, group)
	return func(vm VirtualMachine) error {
		groupName, accountName, _ := vm.parents()
		switch {
		case group.IsZero():
		case group.isID() && strconv.Itoa(vm.GroupID) != group.group:
			return ignored("group_id")
		case !group.isID() && !equalNames(groupName, group.group):
			if ok, err := isDefault(vm.GroupID); !ok {
				return orIgnored(err, "group", false)
			}
		}
		if inAccount != nil {
			if ok, err := inAccount(0, accountName); !ok {
				return orIgnored(err, "account", account.isID())
			}
		}
		return nil
	}
}

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
	const operation = "get virtual machine"
	whole := at(vm, "")
	if vm.bare || s.client.style == NestedURLs && (vm.IsZero() || isFull(whole.place)) {
		return read[VirtualMachine](ctx, s.client, operation, whole, opts)
	}
	t, believe, err := s.listing(ctx, VirtualMachineListOptions{Group: vm.group})
	if err = cmp.Or(checkPath(vm), err); err != nil {
		return VirtualMachine{}, notSent(operation, vm.String(), err)
	}
	if vm.isID() {
		return readHeld(ctx, s.client, operation, vm, at(bareMachine(vm.machine), ""), believe, opts)
	}
	return match(ctx, s.client, operation, vm, t, believe, func(m VirtualMachine) bool { return equalNames(m.Name, vm.machine) }, opts)
}

// Create creates a virtual machine with its discs and image in one transaction: POST
// {group}/vm_create.
//
// The machine is billed from this moment. Create returns as soon as the service has accepted the
// request, usually while the machine is still being provisioned (VirtualMachine.Provisioning); use
// CreateAndWait, or Wait for PoweredOn.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, look the machine up by name before calling Create again, or use
// FindOrCreate.
//
// By default a client runs one Create at a time; see WithConcurrentCreates.
func (s *VirtualMachinesService) Create(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	opts ...CallOption) (VirtualMachine, error) {
	const operation = "create virtual machine"
	body, path := newCreateBody(vm), group.VirtualMachine(vm.Name)
	err := body.check() // before waiting for other creates
	if err == nil {
		err = s.client.createTurns.take(ctx)
	}
	if err != nil {
		return VirtualMachine{}, notSent(operation, path.String(), err)
	}
	defer s.client.createTurns.give()
	answer, err := call(ctx, s.client, posting(operation), at(group, "/vm_create").of(path.String()), body,
		func(ctx context.Context) (createAnswer, error) {
			made, err := s.Get(ctx, path)
			return createAnswer{VirtualMachine: made}, err
		}, opts)
	made := answer.VirtualMachine
	if answer.Wrapped != nil {
		made = *answer.Wrapped
		made.Provisioning = answer.Provisioning
	}
	if err == nil && made.ID == 0 && made.Name == "" { // the wrapper is empty
		if made, err = s.Get(withSecretsOf(ctx, body), path); err != nil {
			err = &readBackError{describe(operation, path.String()), err}
		}
	}
	return made, err
}

// CreateBare creates a virtual machine without discs and image: POST {group}/virtual_machines.
// Current deployments of the service refuse it; use Create instead. Discs, Image and IPs of vm must
// be empty.
//
// CreateBare returns as soon as the service has accepted the request; Wait for Provisioned. It is
// not idempotent, so it is never retried once the service may have processed it; if the error
// matches ErrOutcomeUnknown, look the machine up by name.
func (s *VirtualMachinesService) CreateBare(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	opts ...CallOption) (VirtualMachine, error) {
	if len(vm.Discs) > 0 || vm.Image != nil || vm.IPs != nil {
		return VirtualMachine{}, notSent("create bare virtual machine", group.VirtualMachine(vm.Name).String(),
			errors.New("a bare machine has no discs, image or IPs: use Create"))
	}
	return call(ctx, s.client, posting("create bare virtual machine"),
		at(group, machinesRoute).of(group.VirtualMachine(vm.Name).String()), vm,
		func(ctx context.Context) (VirtualMachine, error) {
			return s.Get(ctx, group.VirtualMachine(vm.Name))
		}, opts)
}

// Update changes a virtual machine: PUT {virtual machine}. Only the fields that are set are sent.
// The result does not contain discs and network interfaces.
//
// An update is idempotent, and retried, unless it sets Appliance, or sets PowerOn to false without
// setting AutorebootOn to false. Those are never retried once the service may have processed them.
func (s *VirtualMachinesService) Update(ctx context.Context, vm VirtualMachinePath, update VirtualMachineUpdate,
	opts ...CallOption) (VirtualMachine, error) {
	op := putting("update virtual machine")
	if update.once() {
		op = puttingOnce(op.name)
	}
	return s.put(ctx, op, vm, update, opts)
}

// put sends a change of a virtual machine. If the response has no body, it reads the machine.
func (s *VirtualMachinesService) put(ctx context.Context, op operation, vm VirtualMachinePath, body any,
	opts []CallOption) (VirtualMachine, error) {
	return call(ctx, s.client, op, at(vm, ""), body, func(ctx context.Context) (VirtualMachine, error) {
		return s.Get(ctx, vm, WithDeleted())
	}, opts)
}

// Rename changes the name of a virtual machine: PUT {virtual machine}.
//
// Its host name changes too. Calls with a path that contains the old name return ErrNotFound
// afterwards. Rename is never retried once the service may have processed it.
func (s *VirtualMachinesService) Rename(ctx context.Context, vm VirtualMachinePath, name string,
	opts ...CallOption) (VirtualMachine, error) {
	return call(ctx, s.client, puttingOnce("rename virtual machine"), at(vm, ""), renameMachine{name},
		func(ctx context.Context) (VirtualMachine, error) {
			if vm.isID() {
				return s.Get(ctx, vm, WithDeleted())
			}
			return s.Get(ctx, vm.group.VirtualMachine(name), WithDeleted())
		}, opts)
}

// renameMachine is the request body of Rename.
type renameMachine struct {
	Name string `json:"name"`
}

// check returns an error if the name is invalid.
func (r renameMachine) check() error { return checkNewName("the virtual machine's name", r.Name) }

// Move moves a virtual machine to another group, in the same account or another one that the caller
// administers: PUT {virtual machine}. If the path of the group has no ID, the group is looked up
// first.
//
// The host name changes too. Calls with a path through the old group return ErrNotFound afterwards.
// Move is never retried once the service may have processed it.
func (s *VirtualMachinesService) Move(ctx context.Context, vm VirtualMachinePath, to GroupPath,
	opts ...CallOption) (VirtualMachine, error) {
	err := checkPath(vm) // check before sending the lookup of the group
	id := 0
	if err == nil {
		id, err = s.client.Groups.id(ctx, to)
	}
	if err != nil {
		return VirtualMachine{}, notSent("move virtual machine", vm.String(), err)
	}
	return call(ctx, s.client, puttingOnce("move virtual machine"), at(vm, ""), moveMachine{id},
		func(ctx context.Context) (VirtualMachine, error) {
			return s.Get(ctx, to.VirtualMachine(vm.machine), WithDeleted())
		}, opts)
}

// moveMachine is the request body of Move.
type moveMachine struct {
	GroupID int `json:"group_id"`
}

// powerBody is the request body of a change of power. Both flags are always sent, since the effect
// of each depends on the other.
type powerBody struct {
	AutorebootOn bool       `json:"autoreboot_on"`
	PowerOn      bool       `json:"power_on"`
	Appliance    *Appliance `json:"appliance,omitzero"`
}

// Start turns a virtual machine on, and its autoreboot too: PUT {virtual machine}. The service then
// starts the machine again whenever it goes off.
func (s *VirtualMachinesService) Start(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, putting("start virtual machine"), vm, powerBody{AutorebootOn: true, PowerOn: true}, opts)
}

// Stop turns a virtual machine off at once, and its autoreboot too, so that it stays off: PUT
// {virtual machine}.
//
// It is like pulling the plug: data that the system has not written to disc is lost. Shutdown lets
// the system shut down first.
func (s *VirtualMachinesService) Stop(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, putting("stop virtual machine"), vm, powerBody{}, opts)
}

// Restart turns a virtual machine off at once and has the service start it again: PUT {virtual
// machine}. The new values of cores, memory and hardware profile take effect. Autoreboot is on
// afterwards.
//
// Data that the system has not written to disc is lost; RestartAndWait shuts the system down first.
// Restart is never retried once the service may have processed it.
func (s *VirtualMachinesService) Restart(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, puttingOnce("restart virtual machine"), vm, powerBody{AutorebootOn: true}, opts)
}

// Boot starts a virtual machine that is off from an appliance over the network, for this start
// only: PUT {virtual machine}. Autoreboot is on afterwards. Boot is never retried once the service
// may have processed it.
func (s *VirtualMachinesService) Boot(ctx context.Context, vm VirtualMachinePath, applianceName string,
	opts ...CallOption) (VirtualMachine, error) {
	if applianceName == "" {
		return VirtualMachine{}, notSent("boot virtual machine", vm.String(), errors.New("the appliance has no name"))
	}
	body := powerBody{AutorebootOn: true, PowerOn: true, Appliance: &Appliance{Name: applianceName}}
	return s.put(ctx, puttingOnce("boot virtual machine"), vm, body, opts)
}

// Rescue boots a virtual machine that is off into the rescue system. It calls Boot with the
// appliance "rescue".
func (s *VirtualMachinesService) Rescue(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.Boot(ctx, vm, "rescue", opts...)
}

// signalBody is the request body of a signal.
type signalBody struct {
	Signal string `json:"signal"`
	Data   string `json:"data,omitzero"`
}

// signal sends a signal to a virtual machine: POST {virtual machine}/signal.
func (s *VirtualMachinesService) signal(ctx context.Context, name string, vm VirtualMachinePath, body signalBody, opts []CallOption) error {
	return do(ctx, s.client, posting(name), at(vm, "/signal"), body, opts)
}

// Reset presses the reset button of a virtual machine that is on: POST {virtual machine}/signal.
//
// Data that the system has not written to disc is lost. New values of cores, memory and hardware
// profile do not take effect; use Restart or RestartAndWait for that. Reset is never retried once
// the service may have processed it.
func (s *VirtualMachinesService) Reset(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return s.signal(ctx, "reset virtual machine", vm, signalBody{Signal: "reset"}, opts)
}

// PowerDown presses the power button of a virtual machine that is on: POST {virtual
// machine}/signal.
//
// It returns at once. The operating system decides how to react, and may ignore the button. With
// autoreboot on, the service starts the machine again; use Shutdown to keep it off. PowerDown is
// never retried once the service may have processed it.
func (s *VirtualMachinesService) PowerDown(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return s.signal(ctx, "power down virtual machine", vm, signalBody{Signal: "powerdown"}, opts)
}

// SendKeys presses a combination of keys on the keyboard of a virtual machine that is on, such as
// "ctrl", "alt", "delete": POST {virtual machine}/signal. Definitions lists the names of the keys.
// SendKeys is never retried once the service may have processed it.
func (s *VirtualMachinesService) SendKeys(ctx context.Context, vm VirtualMachinePath, keys []string, opts ...CallOption) error {
	if len(keys) == 0 || slices.Contains(keys, "") {
		return notSent("send keys to virtual machine", vm.String(), errors.New("no keys are given, or one without a name"))
	}
	return s.signal(ctx, "send keys to virtual machine", vm, signalBody{Signal: "sendkey", Data: strings.Join(keys, "-")}, opts)
}

// Shutdown asks the system of a virtual machine that is on to shut down, and keeps the machine off:
// it turns autoreboot off with PUT {virtual machine}, then calls PowerDown.
//
// Shutdown returns before the machine is off; Wait for PoweredOff, or use ShutdownAndWait. The
// system may ignore the request; Stop turns the machine off regardless.
func (s *VirtualMachinesService) Shutdown(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	path, err := s.Resolve(ctx, vm) // once for both calls below
	if err != nil {
		return notSent("shut down virtual machine", vm.String(), err)
	}
	if _, err := s.Update(ctx, path, VirtualMachineUpdate{AutorebootOn: new(false)}, opts...); err != nil {
		return err
	}
	return s.PowerDown(ctx, path, opts...)
}

// Reimage erases the first disc of a virtual machine and installs an operating system on it: POST
// {virtual machine}/reimage. The machine must be off.
//
// All data on the first disc is lost. The machine is on afterwards, with autoreboot off. Reimage is
// never retried once the service may have processed it.
func (s *VirtualMachinesService) Reimage(ctx context.Context, vm VirtualMachinePath, image Image, opts ...CallOption) error {
	return do(ctx, s.client, posting("reimage virtual machine"), at(vm, "/reimage"), image, opts)
}

// Delete turns a virtual machine off and marks it as deleted: DELETE {virtual machine}.
//
// A deleted machine keeps its name and addresses. Undelete restores it, for a limited time that the
// service does not state; Purge destroys it.
func (s *VirtualMachinesService) Delete(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete virtual machine"), at(vm, ""), nil, opts)
}

// Undelete restores a deleted virtual machine: PUT {virtual machine}. The machine is off
// afterwards.
func (s *VirtualMachinesService) Undelete(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, putting("undelete virtual machine"), vm, struct {
		Deleted bool `json:"deleted"`
	}{}, opts)
}

// Purge destroys a virtual machine and its discs: DELETE {virtual machine}?purge=true. The machine
// need not be deleted first.
//
// All its data is lost, its addresses are released and its name becomes free. Purge cannot be
// undone.
func (s *VirtualMachinesService) Purge(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("purge virtual machine"), at(vm, "").with(purging), nil, opts)
}

// Resolve returns the full path of a virtual machine, with its group and account. It reads the
// machine if the path is an ID alone, deleted or not; a path that is full already is returned
// unchanged and nothing is sent.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
func (s *VirtualMachinesService) Resolve(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachinePath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(vm)); err != nil {
		return VirtualMachinePath{}, notSent("resolve virtual machine", vm.String(), err)
	}
	switch {
	case isFull(vm):
		return vm, nil
	case !vm.bare:
		group, err := s.client.Groups.Resolve(ctx, vm.group, opts...)
		return group.VirtualMachine(vm.machine), err
	}
	m, err := s.Get(ctx, vm, append(opts[:len(opts):len(opts)], WithDeleted())...)
	if err != nil {
		return VirtualMachinePath{}, err
	}
	path := m.Path()
	if !isFull(path) {
		if m.GroupID <= 0 {
			return VirtualMachinePath{}, errors.New("the service does not say which group the machine is in")
		}
		group, err := s.client.Groups.Resolve(ctx, GroupID(m.GroupID), opts...)
		return group.VirtualMachine(vm.machine), err
	}
	return path, nil
}

func (p VirtualMachinePath) nested() (template string, depth int) {
	return machineTemplate, machineDepth
}
func (p VirtualMachinePath) flat() string { return machinesRoute }
func (p VirtualMachinePath) text() string { return p.String() }
func (p VirtualMachinePath) parents(ctx context.Context, c *Client) (place, error) {
	return c.VirtualMachines.Resolve(ctx, p)
}

func (vm VirtualMachine) identity() int { return vm.ID }
