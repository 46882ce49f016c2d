package bigv

import (
	"cmp"
	"context"
	"errors"
)

// VirtualMachineRelocate is the new name and group of a virtual machine. A field that is zero keeps
// what the machine has; at least one must be set.
type VirtualMachineRelocate struct {
	Name  string    // the new name: at least 3 letters, digits and hyphens, not all digits
	Group GroupPath // the new group; if its path has no ID, it is looked up first
}

// Rename changes the name of a virtual machine: PUT {virtual machine}. Relocate renames and moves it
// in one request.
//
// Its host name changes too. Afterwards, calls with a path that contains the old name return an
// error that matches ErrNotFound. If another machine of the group has the name, the error matches
// ErrConflict. Rename is not idempotent, so it is never retried once the service may have processed it.
func (s *VirtualMachinesService) Rename(ctx context.Context, vm VirtualMachinePath, name string,
	opts ...CallOption) (VirtualMachine, error) {
	err := checkNewName("name", name)
	return s.relocate(ctx, "rename virtual machine", vm, VirtualMachineRelocate{Name: name}, err, opts)
}

// Move moves a virtual machine to another group, in the same account or another one that the caller
// administers: PUT {virtual machine}. If the path of the group has no ID, the group is looked up
// first. Relocate renames and moves it in one request.
//
// The host name changes too. Afterwards, calls with a path through the old group return an error
// that matches ErrNotFound. If a machine of the group has the name, the error matches ErrConflict.
// Move is not idempotent, so it is never retried once the service may have processed it.
func (s *VirtualMachinesService) Move(ctx context.Context, vm VirtualMachinePath, to GroupPath,
	opts ...CallOption) (VirtualMachine, error) {
	return s.relocate(ctx, "move virtual machine", vm, VirtualMachineRelocate{Group: to}, checkPath(to), opts)
}

// Relocate gives a virtual machine a new name and moves it to another group, in one request: PUT
// {virtual machine}. It is like Rename and Move: it is not idempotent, and the host name and the paths
// of the machine change.
func (s *VirtualMachinesService) Relocate(ctx context.Context, vm VirtualMachinePath, to VirtualMachineRelocate,
	opts ...CallOption) (VirtualMachine, error) {
	return s.relocate(ctx, "relocate virtual machine", vm, to, to.validate(), opts)
}

// validate returns an error if nothing is set, or something is invalid.
func (to VirtualMachineRelocate) validate() error {
	if to.Name == "" && to.Group.IsZero() {
		return errors.New("name and group are empty: set at least one")
	}
	if to.Name == "" {
		return nil
	}
	return checkNewName("name", to.Name)
}

// relocateBody is the request body of Rename, Move and Relocate.
type relocateBody struct {
	Name    string `json:"name,omitzero"`
	GroupID int    `json:"group_id,omitzero"`
}

// relocate implements Rename, Move and Relocate. invalid is the error of the arguments.
func (s *VirtualMachinesService) relocate(ctx context.Context, operation string, vm VirtualMachinePath, to VirtualMachineRelocate,
	invalid error, opts []CallOption) (VirtualMachine, error) {
	body := relocateBody{Name: to.Name}
	err := cmp.Or(checkPath(vm), invalid) // check before sending the lookup of the group
	if err == nil && !to.Group.IsZero() {
		body.GroupID, err = clientOf(s).Groups.id(ctx, to.Group)
	}
	if err != nil {
		return VirtualMachine{}, notSent(operation, vm.display(), err)
	}
	reread := func(ctx context.Context) (VirtualMachine, error) {
		if to.Group.IsZero() && vm.isID() {
			return s.Get(ctx, vm, WithDeleted())
		}
		group, name := vm.group, to.Name
		if !to.Group.IsZero() {
			group = to.Group
		}
		if vm.isID() {
			name = vm.machine
		}
		return s.Get(ctx, group.VirtualMachine(cmp.Or(name, vm.machine)), WithDeleted())
	}
	return write(ctx, clientOf(s), puttingOnce(operation, resource(vm), body), reread, opts)
}
