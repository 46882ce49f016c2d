package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// The operations in this file need several calls. Each can be cancelled, and repeated after a crash:
// it reads the current state first and does what remains.

// CreateAndWait creates a virtual machine with Create and waits until it is on, or only until it is
// provisioned if the service does not start it; see VirtualMachineCreate.PowerOn. The call options
// apply to the creation only.
//
// If the creation fails, the error is that of Create. If the wait fails, the machine exists and is
// billed: CreateAndWait returns it with the error, which is a *WaitError.
func (s *VirtualMachinesService) CreateAndWait(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
	if err := options.validate(); err != nil {
		return VirtualMachine{}, notSent("create virtual machine", group.VirtualMachine(vm.Name).display(), err)
	}
	ctx = contextWithSecrets(ctx, bodySecrets(vm, encodeBody))
	created, err := s.Create(ctx, group, vm, opts...)
	if err != nil && !isReread(err) {
		return created, err
	}
	until := Provisioned
	if vm.startsWhenCreated() {
		until = PoweredOn
	}
	path := group.VirtualMachine(vm.Name)
	name := path.display() + ", which was created and is billed"
	if created.ID != 0 {
		path = created.Path()
	}
	seen, err := s.wait(ctx, name, path, until, options, nil)
	if seen.ID == 0 {
		seen = created
	}
	return seen, err
}

// ShutdownOptions configures the shutdown of a virtual machine. With the zero value, the machine is
// never forced off.
type ShutdownOptions struct {
	// ForceAfter is how long to wait for the system to shut down. After that, the machine is turned
	// off with Stop, and data that the system has not written to disc is lost. If ForceAfter is 0,
	// the machine is never forced off, and the call fails when Wait.Timeout has passed. A negative
	// value is an error, and nothing is sent.
	ForceAfter time.Duration
	// Wait configures the waits until the machine is off and, if it is started again, on.
	Wait WaitOptions
}

// validate returns an error if a duration is negative.
func (o ShutdownOptions) validate() error {
	if o.ForceAfter < 0 {
		return fmt.Errorf("ForceAfter must not be negative, got %s", o.ForceAfter)
	}
	return o.Wait.validate()
}

// States in which ShutdownAndWait and UpdateAndRestart leave a virtual machine if they fail.
const (
	leftUnchanged    = "unchanged"
	leftNoAutoreboot = "without autoreboot"
	leftShuttingDown = "without autoreboot and with a shutdown requested, which may still happen"
	leftOff          = "off, without autoreboot"
	leftStarted      = "started, with autoreboot"
)

// stateAfter returns the state of a virtual machine after a request with the given error, if the
// request changes the state from before to after.
func stateAfter(err error, before, after string) string {
	switch {
	case err == nil || isReread(err):
		return after
	case errors.Is(err, ErrOutcomeUnknown):
		return before + ", or possibly " + after
	}
	return before
}

// withState adds to the error of a workflow in which state the virtual machine was left.
func withState(err error, state string) error {
	if err == nil || state == leftUnchanged {
		return err
	}
	if state == leftShuttingDown && errors.Is(err, errWaitTimeout) {
		state += ": wait longer, or use Stop"
	}
	return fmt.Errorf("%w; the machine was left %s", err, state)
}

// ShutdownAndWait shuts a virtual machine down and waits until it is off: it turns autoreboot off,
// calls PowerDown and, if options.ForceAfter is set and has passed, Stop. If the machine is being
// provisioned, it first waits until that has finished. A machine that is already off stays off.
//
// ShutdownAndWait returns the machine as last seen, even with an error. The text of the error says
// in which state the machine was left, unless nothing was changed: autoreboot stays off if a later
// step fails. An error that ends one of the waits wraps a *WaitError.
func (s *VirtualMachinesService) ShutdownAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions,
	opts ...CallOption) (seen VirtualMachine, err error) {
	_, seen, err = s.shutDownAndWait(ctx, vm, options, opts)
	return seen, err
}

// shutDownAndWait implements ShutdownAndWait. It also returns the path to use for further writes.
func (s *VirtualMachinesService) shutDownAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions,
	opts []CallOption) (VirtualMachinePath, VirtualMachine, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(vm), options.validate()); err != nil {
		return vm, VirtualMachine{}, notSent("shut down virtual machine", vm.display(), err)
	}
	seen, err := s.Get(ctx, vm, opts...)
	if err == nil && !isComplete(vm) { // once for all calls below, and from what was read if possible
		if path := seen.Path(); isComplete(path) {
			vm = path.group.VirtualMachine(vm.machine)
		} else if path, err = s.Resolve(ctx, vm); err == nil {
			vm = path
		}
	}
	if err != nil {
		return vm, seen, notSent("shut down virtual machine", vm.display(), err)
	}
	seen, err = s.shutDownFrom(ctx, seen, vm, options, opts)
	return vm, seen, err
}

// shutDownFrom shuts down a virtual machine that has been read.
func (s *VirtualMachinesService) shutDownFrom(ctx context.Context, before VirtualMachine, vm VirtualMachinePath,
	options ShutdownOptions, opts []CallOption) (seen VirtualMachine, err error) {
	seen = before
	if seen.Provisioning || !seen.PowerOn && s.byID(vm, seen) != vm {
		// A machine that is being provisioned cannot be shut down, and may be turned on when it is
		// ready. Flat lists do not show whether a machine is being provisioned or off.
		seen, err = s.waitFrom(ctx, seen, vm, Provisioned, options.Wait, opts)
	}
	if err != nil || !seen.PowerOn && !seen.AutorebootOn {
		return seen, err
	}
	state := leftUnchanged
	defer func() { err = withState(err, state) }()
	_, err = s.Update(ctx, vm, VirtualMachineUpdate{AutorebootOn: new(false)}, opts...)
	state = stateAfter(err, state, leftNoAutoreboot)
	if err != nil {
		return seen, err
	}
	// Send the signal only once. If the outcome is unknown, or the machine went off by itself, the
	// wait below finds out.
	signalled := s.PowerDown(ctx, vm, opts...)
	state = stateAfter(signalled, state, leftShuttingDown)
	if signalled != nil && !errors.Is(signalled, ErrOutcomeUnknown) && !errors.Is(signalled, ErrBadRequest) {
		return seen, signalled
	}
	gentle := options.Wait
	if options.ForceAfter > 0 {
		gentle.Timeout = options.ForceAfter
	}
	if errors.Is(signalled, ErrBadRequest) {
		// The service refused the signal: the machine is off, or cannot receive it.
		current, err := s.Get(ctx, s.byID(vm, seen), opts...)
		if err != nil {
			return seen, err
		}
		if seen = current; !seen.PowerOn {
			return seen, nil
		}
		if options.ForceAfter <= 0 {
			return seen, signalled
		}
	} else {
		seen, err = s.waitFrom(ctx, seen, vm, PoweredOff, gentle, opts)
		if err != nil && signalled != nil {
			err = fmt.Errorf("%w (before that: %w)", err, signalled)
		}
		if err == nil || options.ForceAfter <= 0 || ctx.Err() != nil || !errors.Is(err, errWaitTimeout) {
			return seen, err
		}
	}
	stopped, err := s.Stop(ctx, vm, opts...)
	state = stateAfter(err, state, leftOff)
	if err != nil {
		return seen, err
	}
	return s.waitFrom(ctx, stopped, vm, PoweredOff, options.Wait, opts)
}

// byID returns the path with which to read a virtual machine that was seen before: by its ID, where
// reading it by name needs a list.
func (s *VirtualMachinesService) byID(vm VirtualMachinePath, seen VirtualMachine) VirtualMachinePath {
	if clientOf(s).style == FlatURLs && !vm.isID() {
		return VirtualMachineID(seen.ID)
	}
	return vm
}

// waitFrom calls Wait, and returns before instead of the zero machine if no poll succeeded.
func (s *VirtualMachinesService) waitFrom(ctx context.Context, before VirtualMachine, vm VirtualMachinePath,
	until VirtualMachineCondition, options WaitOptions, opts []CallOption) (VirtualMachine, error) {
	seen, err := s.wait(ctx, vm.display(), s.byID(vm, before), until, options, opts)
	if seen.ID == 0 {
		seen = before
	}
	return seen, err
}

// RestartAndWait shuts a virtual machine down as ShutdownAndWait does, starts it and waits until it
// is on. New values of cores, memory and hardware profile take effect, unlike with Reset. A machine
// that is off is started. Autoreboot is on afterwards.
//
// If a step fails, the text of the error says in which state the machine was left, such as off. The
// call can be repeated.
func (s *VirtualMachinesService) RestartAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions,
	opts ...CallOption) (VirtualMachine, error) {
	return s.UpdateAndRestart(ctx, vm, VirtualMachineUpdate{}, options, opts...)
}

// UpdateAndRestart applies an update that takes effect at the next power cycle: it shuts a virtual
// machine down as ShutdownAndWait does, updates it, starts it and waits until it is on. Autoreboot
// is on afterwards. The update must not set PowerOn or AutorebootOn; an empty one is not sent.
//
// If the update or the start fails, the machine stays off. The text of the error of any step says in
// which state the machine was left, unless nothing was changed. The call can be repeated, since a
// machine that is off is updated and started.
func (s *VirtualMachinesService) UpdateAndRestart(ctx context.Context, vm VirtualMachinePath, update VirtualMachineUpdate,
	options ShutdownOptions, opts ...CallOption) (VirtualMachine, error) {
	if update.PowerOn != nil || update.AutorebootOn != nil {
		return VirtualMachine{}, notSent("update and restart virtual machine", vm.display(),
			errors.New("PowerOn and AutorebootOn must not be set: the machine is on afterwards"))
	}
	if err := cmp.Or(update.validate(), options.validate()); err != nil {
		return VirtualMachine{}, notSent("update and restart virtual machine", vm.display(), err)
	}
	vm, seen, err := s.shutDownAndWait(ctx, vm, options, opts)
	if err != nil {
		return seen, err
	}
	if update != (VirtualMachineUpdate{}) {
		updated, err := s.Update(ctx, vm, update, opts...)
		if err != nil {
			return seen, withState(err, leftOff)
		}
		seen = updated
	}
	started, err := s.Start(ctx, vm, opts...)
	state := stateAfter(err, leftOff, leftStarted)
	if err != nil {
		return seen, withState(err, state)
	}
	seen, err = s.waitFrom(ctx, started, vm, PoweredOn, options.Wait, opts)
	return seen, withState(err, state)
}
