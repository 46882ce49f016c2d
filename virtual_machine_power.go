package bigv

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Appliance is a system, provided by the service, that a virtual machine boots over the network
// instead of from its discs.
type Appliance struct {
	Name      string `json:"name"`      // required, such as "rescue"
	Permanent bool   `json:"permanent"` // true boots it at every start, false at the next start only
}

// powerBody is the request body of a change of power. Both flags are always sent, since the effect
// of one depends on the other.
type powerBody struct {
	AutorebootOn bool       `json:"autoreboot_on"`
	PowerOn      bool       `json:"power_on"`
	Appliance    *Appliance `json:"appliance,omitzero"`
}

// Start turns a virtual machine and its autoreboot on: PUT {virtual machine}. From then on the
// service starts the machine again whenever it goes off.
//
// Start returns before the system of the machine has booted. Start is idempotent, so it is retried.
func (s *VirtualMachinesService) Start(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	op := putting("start virtual machine", resource(vm), powerBody{AutorebootOn: true, PowerOn: true})
	return write(ctx, clientOf(s), op, s.reread(vm), opts)
}

// Stop turns a virtual machine off at once, and its autoreboot too, so that it stays off: PUT
// {virtual machine}.
//
// Data that the system has not written to disc is lost, as in a power failure. Shutdown lets the
// system shut down first. Stop is idempotent, so it is retried.
func (s *VirtualMachinesService) Stop(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	op := putting("stop virtual machine", resource(vm), powerBody{})
	return write(ctx, clientOf(s), op, s.reread(vm), opts)
}

// Restart turns a virtual machine off at once, after which the service starts it again: PUT
// {virtual machine}. The new values of cores, memory and hardware profile take effect. Autoreboot
// is on afterwards. A machine that is off is started, since autoreboot is turned on.
//
// Data that the system has not written to disc is lost; RestartAndWait shuts the system down first.
// Restart returns before the machine is on again; Wait for PoweredOn. Restart is not idempotent, so
// it is never retried once the service may have processed it.
func (s *VirtualMachinesService) Restart(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) (VirtualMachine, error) {
	op := puttingOnce("restart virtual machine", resource(vm), powerBody{AutorebootOn: true})
	return write(ctx, clientOf(s), op, s.reread(vm), opts)
}

// Boot starts a virtual machine that is off from an appliance over the network, for this start
// only: PUT {virtual machine}. Autoreboot is on afterwards. Boot is not idempotent, so it is never
// retried once the service may have processed it.
func (s *VirtualMachinesService) Boot(ctx context.Context, vm VirtualMachinePath, applianceName string,
	opts ...CallOption) (VirtualMachine, error) {
	if applianceName == "" {
		return VirtualMachine{}, notSent("boot virtual machine", vm.display(), errors.New("appliance has no name"))
	}
	body := powerBody{AutorebootOn: true, PowerOn: true, Appliance: &Appliance{Name: applianceName}}
	op := puttingOnce("boot virtual machine", resource(vm), body)
	return write(ctx, clientOf(s), op, s.reread(vm), opts)
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
func (s *VirtualMachinesService) signal(
	ctx context.Context, name string, vm VirtualMachinePath, body signalBody, opts []CallOption,
) error {
	op := posting(name, below(vm, "/signal"), body).refusedIf("only a machine that is on receives a signal")
	return execute(ctx, clientOf(s), op, opts)
}

// Reset resets a virtual machine that is on, like the reset button of a computer: POST {virtual
// machine}/signal.
//
// Data that the system has not written to disc is lost. New values of cores, memory and hardware
// profile do not take effect; use Restart or RestartAndWait for that. Reset is not idempotent, so
// it is never retried once the service may have processed it.
func (s *VirtualMachinesService) Reset(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return s.signal(ctx, "reset virtual machine", vm, signalBody{Signal: "reset"}, opts)
}

// PowerDown asks the operating system of a virtual machine that is on to shut down, like the power
// button of a computer: POST {virtual machine}/signal.
//
// PowerDown returns before the machine is off. The operating system may ignore the signal. With
// autoreboot on, the service starts the machine again; use Shutdown to keep it off. PowerDown is
// not idempotent, so it is never retried once the service may have processed it.
func (s *VirtualMachinesService) PowerDown(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	return s.signal(ctx, "power down virtual machine", vm, signalBody{Signal: "powerdown"}, opts)
}

// SendKeys sends a combination of keys, such as "ctrl", "alt", "delete", to the keyboard of a
// virtual machine that is on: POST {virtual machine}/signal. Definitions lists the names of the
// keys. SendKeys is not idempotent, so it is never retried once the service may have processed it.
func (s *VirtualMachinesService) SendKeys(ctx context.Context, vm VirtualMachinePath, keys []string, opts ...CallOption) error {
	if len(keys) == 0 || slices.Contains(keys, "") {
		return notSent("send keys to virtual machine", vm.display(), errors.New("keys must not be empty"))
	}
	return s.signal(ctx, "send keys to virtual machine", vm, signalBody{Signal: "sendkey", Data: strings.Join(keys, "-")}, opts)
}

// Shutdown asks the operating system of a virtual machine that is on to shut down, and keeps the
// machine off: it turns autoreboot off with PUT {virtual machine}, then calls PowerDown.
//
// Shutdown returns before the machine is off; Wait for PoweredOff, or use ShutdownAndWait. The
// operating system may ignore the signal; Stop turns the machine off regardless. If the machine is off
// already, the service refuses the signal and the error matches ErrBadRequest; ShutdownAndWait succeeds.
// The second request is not idempotent, so it is never retried once the service may have processed it.
func (s *VirtualMachinesService) Shutdown(ctx context.Context, vm VirtualMachinePath, opts ...CallOption) error {
	path, err := s.Resolve(ctx, vm) // once for both calls below
	if err != nil {
		return notSent("shut down virtual machine", vm.display(), err)
	}
	if _, err := s.Update(ctx, path, VirtualMachineUpdate{AutorebootOn: new(false)}, opts...); err != nil {
		return err
	}
	return s.PowerDown(ctx, path, opts...)
}
