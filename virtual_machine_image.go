package bigv

import (
	"context"
	"errors"
)

// Image describes an operating system to install on the first disc of a virtual machine.
type Image struct {
	Distribution    string `json:"distribution"`              // required, such as "stretch"; see Definitions
	RootPassword    Secret `json:"root_password,omitzero"`    // zero lets the service choose a password, which it does not return
	SSHPublicKey    string `json:"ssh_public_key,omitzero"`   // root's authorized_keys, one key per line; not for Windows
	FirstbootScript Secret `json:"firstboot_script,omitzero"` // script, with its #! line, run at the first boot; not for Windows
}

// validate returns an error if the image has no distribution, or a line of SSHPublicKey is no key:
// nobody could log into the machine.
func (i Image) validate() error {
	if i.Distribution == "" {
		return errors.New("image has no distribution")
	}
	return checkPublicKeys("ssh_public_key", i.SSHPublicKey)
}

// Reimage erases the first disc of a virtual machine and installs an operating system on it: POST
// {virtual machine}/reimage. The machine must be off.
//
// All data on the first disc is lost. The machine is on afterwards, with autoreboot off. Reimage is
// not idempotent, so it is never retried once the service may have processed it.
func (s *VirtualMachinesService) Reimage(ctx context.Context, vm VirtualMachinePath, image Image, opts ...CallOption) error {
	op := posting("reimage virtual machine", below(vm, "/reimage"), image).refusedIf("the machine must be off")
	return execute(ctx, clientOf(s), op, opts)
}
