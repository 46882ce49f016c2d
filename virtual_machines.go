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

// HardwareProfile is the kind of hardware a virtual machine sees. The service
// may know others: see Definitions.
type HardwareProfile string

// Known hardware profiles.
const (
	Virtio2013        HardwareProfile = "virtio2013"
	Virtio2018        HardwareProfile = "virtio2018"
	Compatibility2013 HardwareProfile = "compatibility2013"
)

// VirtualMachine is a virtual machine.
type VirtualMachine struct {
	ID       int    `json:"id"`       // never changes
	Name     string `json:"name"`     // unique in its group
	Hostname string `json:"hostname"` // name.group.account.uk0.bigv.io; follows renames and moves
	GroupID  int    `json:"group_id"` // of its group: see Move

	Cores  int `json:"cores"`  // as set; the running system may have others until it is restarted
	Memory int `json:"memory"` // MiB

	PowerOn bool `json:"power_on"` // whether it is on
	// AutorebootOn: the service starts it again when it goes off.
	AutorebootOn bool `json:"autoreboot_on"`
	// Provisioning: the service answered 202, so it is still being made.
	Provisioning bool `json:"-"`
	// Deleted: it can be undeleted for a while, or purged. It keeps its name and
	// addresses until then.
	Deleted bool `json:"deleted"`

	CDROMURL              string          `json:"cdrom_url"`               // empty is no CD
	Keymap                string          `json:"keymap"`                  // of the console; empty is the service's own
	HardwareProfile       HardwareProfile `json:"hardware_profile"`        // what kind of hardware its system sees
	HardwareProfileLocked bool            `json:"hardware_profile_locked"` // true is no automatic upgrade of the profile
	ZoneName              string          `json:"zone_name"`               // where it runs: never changes
	ManagementAddress     netip.Addr      `json:"management_address"`      // of its console, over SSH
	Head                  string          `json:"head"`                    // the physical host; empty when it runs on none
	LastImagedWith        string          `json:"last_imaged_with"`        // a distribution; empty is none

	Discs             []Disc `json:"discs,omitempty"`              // with Overview only
	NetworkInterfaces []NIC  `json:"network_interfaces,omitempty"` // with Overview only
	Type              string `json:"type,omitzero"`                // with Overview only
}

func (vm *VirtualMachine) answered(status int) { vm.Provisioning = status == 202 }

// Path is the machine by ID, in its group by ID and its account by name: it goes
// on naming the same machine after a rename. After a move to another group it
// does not: its ID alone, VirtualMachineID, does.
func (vm VirtualMachine) Path() VirtualMachinePath {
	if _, account, ok := vm.parents(); ok && vm.GroupID > 0 {
		return AccountPath(account).Group(strconv.Itoa(vm.GroupID)).VirtualMachine(strconv.Itoa(vm.ID))
	}
	return VirtualMachineID(vm.ID)
}

// parents are the names of its group and account, which its host name tells.
func (vm VirtualMachine) parents() (group, account string, ok bool) {
	labels := strings.Split(strings.TrimSuffix(vm.Hostname, clusterSuffix), ".")
	if len(labels) < 3 || labels[1] == "" || labels[2] == "" {
		return "", "", false
	}
	return labels[1], labels[2], true
}

// VirtualMachineCreate is what a new virtual machine is made of. Zero leaves an
// attribute to the service.
type VirtualMachineCreate struct {
	Name                  string             `json:"name,omitzero"`                    // 3 letters, digits and hyphens or more; not all digits
	Cores                 int                `json:"cores,omitzero"`                   // 1 or more
	Memory                int                `json:"memory,omitzero"`                  // MiB, from a list of the service's: multiples of 1024 are on it
	PowerOn               *bool              `json:"power_on,omitzero"`                // whether to start it
	AutorebootOn          *bool              `json:"autoreboot_on,omitzero"`           // whether to start it, and again when it goes off
	CDROMURL              string             `json:"cdrom_url,omitzero"`               // an ISO image; one that cannot be used is a ServerError
	Keymap                string             `json:"keymap,omitzero"`                  // of the console
	HardwareProfile       HardwareProfile    `json:"hardware_profile,omitzero"`        // empty is the current default
	HardwareProfileLocked *bool              `json:"hardware_profile_locked,omitzero"` // true is no automatic upgrade
	ZoneName              string             `json:"zone_name,omitzero"`               // cannot be changed later
	Discs                 []DiscCreate       `json:"discs,omitempty"`                  // at least one for Create; the first is booted from
	Image                 *Image             `json:"reimage,omitzero"`                 // nil leaves the first disc empty
	IPs                   *VirtualMachineIPs `json:"ips,omitzero"`                     // in a private VLAN only; nil otherwise
}

func (vm VirtualMachineCreate) check() error {
	return cmp.Or(checkNewName("the virtual machine's name", vm.Name), vm.checkSettings())
}

// checkSettings refuses what no machine can have, and no template of one.
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

// VirtualMachineIPs are the first addresses of a machine in a private VLAN.
type VirtualMachineIPs struct {
	IPv4 netip.Addr `json:"ipv4,omitzero"` // zero leaves it to the service
	IPv6 netip.Addr `json:"ipv6,omitzero"` // zero leaves it to the service
}

// Image is an operating system to put on the first disc.
type Image struct {
	Distribution    string `json:"distribution"`              // such as "stretch": see Definitions
	RootPassword    Secret `json:"root_password,omitzero"`    // zero is not sent: the service decides, and you are not told
	SSHPublicKey    string `json:"ssh_public_key,omitzero"`   // root's authorized_keys, a key a line; not on Windows
	FirstbootScript Secret `json:"firstboot_script,omitzero"` // a whole script, run once; not on Windows
}

func (i Image) check() error {
	if i.Distribution == "" {
		return errors.New("the image has no distribution")
	}
	return nil
}

// createBody is a vm_create as it travels.
type createBody struct {
	VirtualMachine VirtualMachineCreate `json:"virtual_machine"`
	Discs          []DiscCreate         `json:"discs"`
	Image          *Image               `json:"reimage,omitzero"`
	IPs            *VirtualMachineIPs   `json:"ips,omitzero"`
}

func newCreateBody(vm VirtualMachineCreate) createBody {
	body := createBody{VirtualMachine: vm, Discs: vm.Discs, Image: vm.Image, IPs: vm.IPs}
	body.VirtualMachine.Discs, body.VirtualMachine.Image, body.VirtualMachine.IPs = nil, nil, nil
	return body
}

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

// createAnswer is the answer to vm_create: wrapped, or as some deployments have
// it, the machine itself.
type createAnswer struct {
	Wrapped *VirtualMachine `json:"virtual_machine"`
	VirtualMachine
}

// VirtualMachineUpdate is what is changed of a virtual machine; unset is left as
// it is. Cores, memory and hardware profile count from the next power cycle.
type VirtualMachineUpdate struct {
	Cores                 *int             `json:"cores,omitzero"`                   // 1 or more
	Memory                *int             `json:"memory,omitzero"`                  // MiB
	PowerOn               *bool            `json:"power_on,omitzero"`                // see Start and Stop; false with autoreboot is a restart
	AutorebootOn          *bool            `json:"autoreboot_on,omitzero"`           // start it again when it goes off
	CDROMURL              Nullable[string] `json:"cdrom_url,omitzero"`               // null ejects; a URL that cannot be used is a ServerError
	Keymap                Nullable[string] `json:"keymap,omitzero"`                  // null is the service's own
	HardwareProfile       *HardwareProfile `json:"hardware_profile,omitzero"`        // what kind of hardware its system sees: see Definitions
	HardwareProfileLocked *bool            `json:"hardware_profile_locked,omitzero"` // true is no automatic upgrade
	Appliance             *Appliance       `json:"appliance,omitzero"`               // to boot from; set PowerOn to true along, or use Boot
}

// Appliance is a system of the service's that a virtual machine boots from over
// the network instead of from its discs.
type Appliance struct {
	Name      string `json:"name"`      // such as rescue
	Permanent bool   `json:"permanent"` // not for the next start only
}

func (u VirtualMachineUpdate) check() error {
	if u.Appliance != nil && u.Appliance.Name == "" {
		return errors.New("the appliance has no name")
	}
	if u.Cores != nil && *u.Cores <= 0 || u.Memory != nil && *u.Memory <= 0 {
		return errors.New("cores and memory must be above zero")
	}
	return nil
}

// once reports whether another such update would do something again: a power-off
// with autoreboot on is a restart, and an appliance may have been booted from.
func (u VirtualMachineUpdate) once() bool {
	return u.Appliance != nil || u.PowerOn != nil && !*u.PowerOn && (u.AutorebootOn == nil || *u.AutorebootOn)
}

// VirtualMachineListOptions says which virtual machines to list, and how.
type VirtualMachineListOptions struct {
	Account        AccountPath // zero is all accounts you can see
	Group          GroupPath   // zero is all groups; its account must be Account, if both are given
	View           View        // Overview embeds discs and network interfaces
	IncludeDeleted bool        // deleted ones too
}

type machineListQuery struct {
	machineQuery
	View           View `url:"view,omitempty"`
	IncludeDeleted bool `url:"include_deleted,omitempty"`
}

// VirtualMachinesService manages virtual machines.
type VirtualMachinesService struct{ client *Client }

const machinesRoute = "/virtual_machines"

// List returns virtual machines: GET {group}/virtual_machines, or GET
// /virtual_machines for a group's ID alone, for an account, for all of them, and
// with FlatURLs.
func (s *VirtualMachinesService) List(ctx context.Context, options VirtualMachineListOptions, opts ...CallOption) ([]VirtualMachine, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list virtual machines", t.subject(), err)
	}
	return list(ctx, s.client, "list virtual machines", t, believe, opts)
}

// All hands out virtual machines one at a time, as they arrive, however many
// there are. It calls what List calls. If that fails, now or in the middle, the
// last pair is a zero virtual machine and the error.
func (s *VirtualMachinesService) All(ctx context.Context, options VirtualMachineListOptions, opts ...CallOption) iter.Seq2[VirtualMachine, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[VirtualMachine](notSent("list virtual machines", t.subject(), err))
	}
	return all(ctx, s.client, "list virtual machines", t, believe, opts)
}

func (s *VirtualMachinesService) listing(ctx context.Context, options VirtualMachineListOptions) (target, func(VirtualMachine) error, error) {
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

// within tells whether a machine is in an account and a group; zero is any.
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

// Get returns a virtual machine: GET {group}/virtual_machines/{virtual machine},
// or GET /virtual_machines/{ID} for an ID alone. WithView(Overview) embeds its
// discs and network interfaces; WithDeleted finds it when it is deleted.
//
// With FlatURLs, and in a group by its ID alone, a name is looked for in the list
// of its group, GET /virtual_machines?account_name=acme&group_name=web, which is
// read whole; no machine of that name is ErrNotFound. An ID is read by GET
// /virtual_machines/{ID}, and is ErrNotFound if it is in another group.
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

// Create makes a virtual machine with its discs and image in one go: POST
// {group}/vm_create. It is billed from then on. The machine comes back at once,
// still Provisioning: Wait for PoweredOn. It is never sent again after it may
// have been carried out; on ErrOutcomeUnknown, Get it by name before trying
// again. Creates of one client take turns: see WithConcurrentCreates.
func (s *VirtualMachinesService) Create(ctx context.Context, group GroupPath, vm VirtualMachineCreate, opts ...CallOption) (VirtualMachine, error) {
	const operation = "create virtual machine"
	body, path := newCreateBody(vm), group.VirtualMachine(vm.Name)
	err := body.check() // before waiting for a turn
	if err == nil {
		err = s.client.createTurns.take(ctx)
	}
	if err != nil {
		return VirtualMachine{}, notSent(operation, path.String(), err)
	}
	defer s.client.createTurns.give()
	answer, err := call(ctx, s.client, posting(operation), at(group, "/vm_create").of(path.String()), body, func(ctx context.Context) (createAnswer, error) {
		made, err := s.Get(ctx, path)
		return createAnswer{VirtualMachine: made}, err
	}, opts)
	made := answer.VirtualMachine
	if answer.Wrapped != nil {
		made = *answer.Wrapped
		made.Provisioning = answer.Provisioning
	}
	if err == nil && made.ID == 0 && made.Name == "" { // what was wrapped is nothing
		if made, err = s.Get(withSecretsOf(ctx, body), path); err != nil {
			err = &readBackError{describe(operation, path.String()), err}
		}
	}
	return made, err
}

// CreateBare makes a virtual machine without discs and image: POST
// {group}/virtual_machines. Current services refuse it: use Create. Discs, Image
// and IPs must be empty. The machine comes back at once, and is Provisioning while
// it is still being made: Wait for Provisioned. The call is never sent again after
// it may have been carried out.
func (s *VirtualMachinesService) CreateBare(ctx context.Context, group GroupPath, vm VirtualMachineCreate, opts ...CallOption) (VirtualMachine, error) {
	if len(vm.Discs) > 0 || vm.Image != nil || vm.IPs != nil {
		return VirtualMachine{}, notSent("create bare virtual machine", group.VirtualMachine(vm.Name).String(), errors.New("a bare machine has no discs, image or IPs: use Create"))
	}
	return call(ctx, s.client, posting("create bare virtual machine"), at(group, machinesRoute).of(group.VirtualMachine(vm.Name).String()), vm, func(ctx context.Context) (VirtualMachine, error) {
		return s.Get(ctx, group.VirtualMachine(vm.Name))
	}, opts)
}

// Update changes a virtual machine: PUT {virtual machine}. Only what is set is
// sent. The answer has no discs and network interfaces.
func (s *VirtualMachinesService) Update(ctx context.Context, vm VirtualMachinePath, update VirtualMachineUpdate, opts ...CallOption) (VirtualMachine, error) {
	op := putting("update virtual machine")
	if update.once() {
		op = puttingOnce(op.name)
	}
	return s.put(ctx, op, vm, update, opts)
}

func (s *VirtualMachinesService) put(ctx context.Context, op operation, vm VirtualMachinePath, body any, opts []CallOption) (VirtualMachine, error) {
	return call(ctx, s.client, op, at(vm, ""), body, func(ctx context.Context) (VirtualMachine, error) {
		return s.Get(ctx, vm, WithDeleted())
	}, opts)
}

// Rename gives a virtual machine another name: PUT {virtual machine}. Its host
// name changes along, and paths with the old name are ErrNotFound from then on.
// It is never sent again by itself.
func (s *VirtualMachinesService) Rename(ctx context.Context, vm VirtualMachinePath, name string, opts ...CallOption) (VirtualMachine, error) {
	return call(ctx, s.client, puttingOnce("rename virtual machine"), at(vm, ""), renameMachine{name}, func(ctx context.Context) (VirtualMachine, error) {
		if vm.isID() {
			return s.Get(ctx, vm, WithDeleted())
		}
		return s.Get(ctx, vm.group.VirtualMachine(name), WithDeleted())
	}, opts)
}

type renameMachine struct {
	Name string `json:"name"`
}

func (r renameMachine) check() error { return checkNewName("the virtual machine's name", r.Name) }

// Move puts a virtual machine into another group, of any account in which you
// may: PUT {virtual machine}. A group by name is looked up first. The host name
// changes along, and paths through the old group are ErrNotFound from then on.
// It is never sent again by itself.
func (s *VirtualMachinesService) Move(ctx context.Context, vm VirtualMachinePath, to GroupPath, opts ...CallOption) (VirtualMachine, error) {
	err := checkPath(vm) // before the group is looked up
	id := 0
	if err == nil {
		id, err = s.client.Groups.id(ctx, to)
	}
	if err != nil {
		return VirtualMachine{}, notSent("move virtual machine", vm.String(), err)
	}
	return call(ctx, s.client, puttingOnce("move virtual machine"), at(vm, ""), moveMachine{id}, func(ctx context.Context) (VirtualMachine, error) {
		return s.Get(ctx, to.VirtualMachine(vm.machine), WithDeleted())
	}, opts)
}

type moveMachine struct {
	GroupID int `json:"group_id"`
}

// powerBody is a change of power: both flags, always, since one without the
// other means something else.
type powerBody struct {
	AutorebootOn bool       `json:"autoreboot_on"`
	PowerOn      bool       `json:"power_on"`
	Appliance    *Appliance `json:"appliance,omitzero"`
}

// Start switches a virtual machine on, and has it started again whenever it goes
// off: PUT {virtual machine}.
func (s *VirtualMachinesService) Start(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, putting("start virtual machine"), vm, powerBody{AutorebootOn: true, PowerOn: true}, opts)
}

// Stop pulls the plug of a virtual machine, and it stays off: PUT {virtual
// machine}. What its programs have not written is lost; Shutdown asks them first.
func (s *VirtualMachinesService) Stop(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, putting("stop virtual machine"), vm, powerBody{}, opts)
}

// Restart pulls the plug of a virtual machine, and the service starts it again a
// little later, with its new cores, memory and profile: PUT {virtual machine}.
// It is never sent again by itself.
func (s *VirtualMachinesService) Restart(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, puttingOnce("restart virtual machine"), vm, powerBody{AutorebootOn: true}, opts)
}

// Boot starts a virtual machine from an appliance of the service's over the
// network, for its next start only: PUT {virtual machine}. See Rescue. It is
// never sent again by itself.
func (s *VirtualMachinesService) Boot(ctx context.Context, vm VirtualMachinePath, applianceName string, opts ...CallOption) (VirtualMachine, error) {
	if applianceName == "" {
		return VirtualMachine{}, notSent("boot virtual machine", vm.String(), errors.New("the appliance has no name"))
	}
	body := powerBody{AutorebootOn: true, PowerOn: true, Appliance: &Appliance{Name: applianceName}}
	return s.put(ctx, puttingOnce("boot virtual machine"), vm, body, opts)
}

// Rescue boots a virtual machine that is off into the rescue system.
func (s *VirtualMachinesService) Rescue(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.Boot(ctx, vm, "rescue", opts...)
}

type signalBody struct {
	Signal string `json:"signal"`
	Data   string `json:"data,omitzero"`
}

func (s *VirtualMachinesService) signal(ctx context.Context, name string, vm VirtualMachinePath, body signalBody, opts []CallOption) error {
	return do(ctx, s.client, posting(name), at(vm, "/signal"), body, opts)
}

// Reset presses the reset button of a virtual machine that is on: POST {virtual
// machine}/signal. It keeps its present cores, memory and profile.
func (s *VirtualMachinesService) Reset(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return s.signal(ctx, "reset virtual machine", vm, signalBody{Signal: "reset"}, opts)
}

// PowerDown presses the power button of a virtual machine that is on: POST
// {virtual machine}/signal. What its system makes of it is its own affair, and
// with autoreboot on it comes back. Shutdown is for staying off.
func (s *VirtualMachinesService) PowerDown(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return s.signal(ctx, "power down virtual machine", vm, signalBody{Signal: "powerdown"}, opts)
}

// SendKeys presses keys of a virtual machine's keyboard at once, such as "ctrl",
// "alt", "delete": POST {virtual machine}/signal. Definitions has their names.
func (s *VirtualMachinesService) SendKeys(ctx context.Context, vm VirtualMachinePath, keys []string, opts ...CallOption) error {
	if len(keys) == 0 || slices.Contains(keys, "") {
		return notSent("send keys to virtual machine", vm.String(), errors.New("no keys are given, or one without a name"))
	}
	return s.signal(ctx, "send keys to virtual machine", vm, signalBody{Signal: "sendkey", Data: strings.Join(keys, "-")}, opts)
}

// Shutdown asks a virtual machine that is on to shut down, and it stays off:
// autoreboot off, then PowerDown. It comes back once the machine has been asked:
// Wait for PoweredOff. Its system may not listen; Stop does not ask.
func (s *VirtualMachinesService) Shutdown(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	path, err := s.Resolve(ctx, vm) // once, for both
	if err != nil {
		return notSent("shut down virtual machine", vm.String(), err)
	}
	if _, err := s.Update(ctx, path, VirtualMachineUpdate{AutorebootOn: new(false)}, opts...); err != nil {
		return err
	}
	return s.PowerDown(ctx, path, opts...)
}

// Reimage wipes the first disc of a virtual machine that is off and puts an
// operating system on it: POST {virtual machine}/reimage. What was on the disc
// is lost. The machine is on afterwards, with autoreboot off.
func (s *VirtualMachinesService) Reimage(ctx context.Context, vm VirtualMachinePath, image Image, opts ...CallOption) error {
	return do(ctx, s.client, posting("reimage virtual machine"), at(vm, "/reimage"), image, opts)
}

// Delete takes a virtual machine down and hides it: DELETE {virtual machine}. It
// keeps its name and addresses, and can be undeleted for a while; Purge destroys
// it.
func (s *VirtualMachinesService) Delete(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete virtual machine"), at(vm, ""), nil, opts)
}

// Undelete brings a deleted virtual machine back, powered off: PUT {virtual
// machine}.
func (s *VirtualMachinesService) Undelete(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	return s.put(ctx, putting("undelete virtual machine"), vm, struct {
		Deleted bool `json:"deleted"`
	}{}, opts)
}

// Purge destroys a virtual machine, deleted or not, with its discs, and gives
// its name and addresses back, for good: DELETE {virtual machine}?purge=true.
func (s *VirtualMachinesService) Purge(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("purge virtual machine"), at(vm, "").with(purging), nil, opts)
}

// Resolve finds the group and account of a virtual machine that is named by ID
// alone, deleted or not, and returns its full path. Writes do so by themselves;
// those who write often save the request. A full path is returned as it is.
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
