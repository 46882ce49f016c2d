package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
)

// VirtualMachineCreate holds the attributes of a new virtual machine. A field with its zero value
// is not sent, and the service uses its default.
type VirtualMachineCreate struct {
	// Name is required: at least 3 letters, digits and hyphens, not all digits.
	Name  string `json:"name,omitzero"`
	Cores int    `json:"cores,omitzero"` // 0 means the service's default
	// Memory is in MiB. The service accepts the sizes of a list that is not published; clients use
	// multiples of 1024. 0 means the default.
	Memory int `json:"memory,omitzero"`
	// PowerOn is whether to start the machine. If PowerOn and AutorebootOn are both nil, the service
	// starts a machine with an image and leaves AutorebootOn off, as after Reimage; a machine without
	// an image stays off.
	PowerOn      *bool `json:"power_on,omitzero"`
	AutorebootOn *bool `json:"autoreboot_on,omitzero"` // true starts it now and whenever it goes off; see PowerOn for nil
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

// validate returns an error if the attributes are invalid for a new machine.
func (vm VirtualMachineCreate) validate() error {
	return cmp.Or(checkNewName("name", vm.Name), vm.checkSettings())
}

// checkSettings returns an error if the attributes other than the name are invalid, for a machine
// or a template.
func (vm VirtualMachineCreate) checkSettings() error {
	if vm.Cores < 0 || vm.Memory < 0 {
		return fmt.Errorf("cores and memory must not be negative, got %d cores and %d MiB", vm.Cores, vm.Memory)
	}
	for i, disc := range vm.Discs {
		if err := disc.validate(); err != nil {
			return fmt.Errorf("discs[%d]: %w", i, err)
		}
	}
	if vm.Image != nil {
		return vm.Image.validate()
	}
	return nil
}

// advice implements [adviser].
func (vm VirtualMachineCreate) advice(status int) string {
	if vm.CDROMURL != "" && status == http.StatusInternalServerError {
		return hintCDROM
	}
	return ""
}

// startsWhenCreated reports whether the service starts the new machine.
func (vm VirtualMachineCreate) startsWhenCreated() bool {
	if vm.PowerOn == nil && vm.AutorebootOn == nil {
		return vm.Image != nil && vm.Image.Distribution != noDistribution
	}
	return vm.PowerOn != nil && *vm.PowerOn || vm.AutorebootOn != nil && *vm.AutorebootOn
}

// noDistribution is a distribution that leaves the disc empty.
const noDistribution = "none"

// VirtualMachineIPs holds the first addresses of a new virtual machine in a private VLAN.
type VirtualMachineIPs struct {
	IPv4 netip.Addr `json:"ipv4,omitzero"` // zero lets the service choose
	IPv6 netip.Addr `json:"ipv6,omitzero"` // zero lets the service choose
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

// validate returns an error if the service would refuse the body.
func (b createBody) validate() error {
	whole := b.VirtualMachine
	whole.Discs, whole.Image = b.Discs, b.Image
	if err := whole.validate(); err != nil {
		return err
	}
	if len(b.Discs) == 0 {
		return errors.New("discs is empty: at least one is required")
	}
	if b.IPs != nil && !b.IPs.IPv4.IsValid() && !b.IPs.IPv6.IsValid() {
		return errors.New("ips contains no address: leave IPs nil to let the service choose")
	}
	return nil
}

// advice implements [adviser].
func (b createBody) advice(status int) string { return b.VirtualMachine.advice(status) }

// createResponse is the response body of vm_create. Most known clients read a machine wrapped in an
// object; one decodes the machine itself.
type createResponse struct {
	Wrapped Nullable[VirtualMachine] `json:"virtual_machine"`
	VirtualMachine
}

// checkComplete implements [completer]. A wrapper that is null is complete: the machine can be read.
func (r createResponse) checkComplete() error {
	vm, wrapped := r.Wrapped.Get()
	if !wrapped {
		vm = r.VirtualMachine
	}
	if vm.ID == 0 && !r.Wrapped.IsNull() {
		return errNoID
	}
	return nil
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
// FindOrCreate. See ErrOutcomeUnknown for requests whose context has ended.
//
// By default a client runs one Create at a time; see WithConcurrentCreates.
func (s *VirtualMachinesService) Create(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	opts ...CallOption) (VirtualMachine, error) {
	const operation = "create virtual machine"
	body, path := newCreateBody(vm), group.VirtualMachine(vm.Name)
	err := body.validate() // before waiting for other creates
	if err == nil {
		err = clientOf(s).creates.acquire(ctx)
	}
	if err != nil {
		return VirtualMachine{}, notSent(operation, path.display(), err)
	}
	defer clientOf(s).creates.release()
	op := posting(operation, below(group, "/vm_create").about(path.display()), body)
	reread := func(ctx context.Context) (createResponse, error) {
		vm, err := s.Get(ctx, path)
		return createResponse{VirtualMachine: vm}, err
	}
	response, err := write(ctx, clientOf(s), op, reread, opts)
	created := response.VirtualMachine
	if wrapped, ok := response.Wrapped.Get(); ok {
		created = wrapped
		created.Provisioning = response.Provisioning
	}
	if err == nil && response.Wrapped.IsNull() {
		if created, err = s.Get(contextWithSecrets(ctx, bodySecrets(body, encodeBody)), path); err != nil {
			err = &rereadError{describe(operation, path.display()), err}
		}
	}
	return created, err
}

// CreateBare creates a virtual machine without discs and image: POST {group}/virtual_machines.
// Current deployments of the service refuse it; use Create instead. Discs, Image and IPs of vm must
// be empty.
//
// CreateBare returns as soon as the service has accepted the request; Wait for Provisioned.
// CreateBare is not idempotent, so it is never retried once the service may have processed it. If
// the error matches ErrOutcomeUnknown, look the machine up by name before calling CreateBare again.
func (s *VirtualMachinesService) CreateBare(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	opts ...CallOption) (VirtualMachine, error) {
	if len(vm.Discs) > 0 || vm.Image != nil || vm.IPs != nil {
		return VirtualMachine{}, notSent("create bare virtual machine", group.VirtualMachine(vm.Name).display(),
			errors.New("discs, image and ips must not be set: use Create"))
	}
	path := group.VirtualMachine(vm.Name)
	op := posting("create bare virtual machine", below(group, virtualMachinesRoute).about(path.display()), vm)
	reread := func(ctx context.Context) (VirtualMachine, error) { return s.Get(ctx, path) }
	return write(ctx, clientOf(s), op, reread, opts)
}
