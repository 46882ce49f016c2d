package bigv

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// This file contains the operations that need several calls. Each can be cancelled, and called
// again after a crash: it reads the current state first and does what remains.

// FindOrCreate returns the group with this name, and creates it if it does not exist. created
// reports whether it did.
//
// It never creates the group twice. If the response to the creation is lost, it looks for the group
// for 30 seconds and returns it with created true; if it does not appear, the error matches
// ErrOutcomeUnknown.
func (s *GroupsService) FindOrCreate(ctx context.Context, account AccountPath, group GroupCreate,
	opts ...CallOption) (g Group, created bool, err error) {
	return findOrCreate(ctx, "find or create group "+account.Group(group.Name).String(), group.check(),
		func(ctx context.Context) (Group, error) { return s.Get(ctx, account.Group(group.Name), opts...) },
		func(ctx context.Context) (Group, error) { return s.Create(ctx, account, group, opts...) })
}

// FindOrCreate returns the virtual machine with this name, unchanged, and creates it with Create if
// it does not exist. created reports whether it did. A machine that is created is billed from this
// moment, and is usually still being provisioned.
//
// It never creates the machine twice. If the response to the creation is lost, it looks for the
// machine for 30 seconds and returns it with created true; if it does not appear, the error matches
// ErrOutcomeUnknown. A deleted machine keeps its name, so FindOrCreate returns an error for it;
// undelete or purge it first.
func (s *VirtualMachinesService) FindOrCreate(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	opts ...CallOption) (m VirtualMachine, created bool, err error) {
	path := group.VirtualMachine(vm.Name)
	what := "find or create virtual machine " + path.String()
	ctx = withSecretsOf(ctx, vm)
	m, created, err = findOrCreate(ctx, what, newCreateBody(vm).check(),
		func(ctx context.Context) (VirtualMachine, error) {
			return s.Get(ctx, path, append(opts[:len(opts):len(opts)], WithDeleted())...)
		},
		func(ctx context.Context) (VirtualMachine, error) { return s.Create(ctx, group, vm, opts...) })
	if err == nil && m.Deleted {
		err = fmt.Errorf("bigv: %s: it is deleted, and keeps its name: undelete or purge it", what)
	}
	return m, created, err
}

// findOrCreate calls get, and create if get returned ErrNotFound. It calls get again if the outcome
// of create is unknown, or if another program created the resource in the meantime.
func findOrCreate[T any](ctx context.Context, what string, check error, get, create func(context.Context) (T, error)) (T, bool, error) {
	var none T
	if check != nil {
		return none, false, fmt.Errorf("bigv: %s: %w: nothing was sent", what, check)
	}
	found, err := get(ctx)
	if !errors.Is(err, ErrNotFound) {
		return found, false, err
	}
	made, err := create(ctx)
	switch {
	case err == nil:
		return made, true, nil
	case errors.Is(err, ErrOutcomeUnknown), isReadBack(err):
		// The service may still be creating it: look for it for a while, and do not create another.
		there := false
		seen, lookErr := WaitFor(ctx, what, func(ctx context.Context) (T, error) {
			seen, err := get(ctx)
			there = err == nil
			return seen, err
		}, func(T) (bool, error) { return there, nil }, WaitOptions{NotFoundGrace: lookAfterLoss, Timeout: 2 * lookAfterLoss})
		if lookErr == nil {
			return seen, true, nil
		}
		return none, false, fmt.Errorf("%w; looking for it: %v", err, lookErr)
	case errors.Is(err, ErrBadRequest):
		if found, getErr := get(ctx); getErr == nil {
			return found, false, nil // created by another program in the meantime
		}
	}
	return none, false, err
}

// lookAfterLoss is the time to look for a resource when the response to its creation was lost.
const lookAfterLoss = 30 * time.Second

// CreateAndWait creates a virtual machine with Create and waits until it is on, or only until it is
// provisioned if neither PowerOn nor AutorebootOn is true.
//
// If the wait fails, the machine exists and is billed: CreateAndWait returns it with the error,
// which is a *WaitError.
func (s *VirtualMachinesService) CreateAndWait(ctx context.Context, group GroupPath, vm VirtualMachineCreate,
	options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
	ctx = withSecretsOf(ctx, vm)
	made, err := s.Create(ctx, group, vm, opts...)
	if err != nil && !isReadBack(err) {
		return made, err
	}
	until := Provisioned
	if isTrue(vm.PowerOn) || isTrue(vm.AutorebootOn) {
		until = PoweredOn
	}
	path := group.VirtualMachine(vm.Name)
	name := path.String() + ", which was made and is billed"
	if made.ID != 0 {
		path = made.Path()
	}
	seen, err := s.wait(ctx, name, path, until, options, nil)
	if seen.ID == 0 {
		seen = made
	}
	return seen, err
}

// isReadBack reports whether a creation succeeded, but reading the new resource failed.
func isReadBack(err error) bool {
	_, ok := errors.AsType[*readBackError](err)
	return ok
}

// isTrue reports whether b is set and true.
func isTrue(b *bool) bool { return b != nil && *b }

// ShutdownOptions configures the shutdown of a virtual machine. The zero value never forces the
// machine off.
type ShutdownOptions struct {
	// ForceAfter is the time that the system has to shut down. After it the machine is turned off
	// with Stop, and data that the system has not written to disc is lost. With 0 the machine is
	// never forced off, and the call fails when Wait.Timeout has passed.
	ForceAfter time.Duration
	// Wait configures the waits until the machine is off and, where it is started again, on.
	Wait WaitOptions
}

// ShutdownAndWait shuts a virtual machine down and waits until it is off: it turns autoreboot off,
// presses the power button and, if options.ForceAfter is set and has passed, calls Stop. A machine
// that is off already stays off.
//
// It returns the machine as last seen, even with an error. An error that ends one of the waits is a
// *WaitError.
func (s *VirtualMachinesService) ShutdownAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions,
	opts ...CallOption) (VirtualMachine, error) {
	path, err := s.Resolve(ctx, vm) // once for all calls below
	if err != nil {
		return VirtualMachine{}, notSent("shut down virtual machine", vm.String(), err)
	}
	vm = path
	seen, err := s.Get(ctx, vm, opts...)
	if err == nil && (seen.Provisioning || !seen.PowerOn && s.client.style == FlatURLs) {
		// A machine that is being provisioned cannot be shut down, and may be turned on when it is
		// ready. Flat lists do not show whether a machine is being provisioned or off.
		seen, err = s.waitFrom(ctx, seen, vm, Provisioned, options.Wait, opts)
	}
	if err != nil || !seen.PowerOn && !seen.AutorebootOn {
		return seen, err
	}
	if _, err := s.Update(ctx, vm, VirtualMachineUpdate{AutorebootOn: new(false)}, opts...); err != nil {
		return seen, err
	}
	// Press the button once. If the outcome is unknown, or the machine went off by itself, the wait
	// below finds out.
	pressed := s.PowerDown(ctx, vm, opts...)
	if pressed != nil && !errors.Is(pressed, ErrOutcomeUnknown) && !errors.Is(pressed, ErrBadRequest) {
		return seen, pressed
	}
	gentle := options.Wait
	if options.ForceAfter > 0 {
		gentle.Timeout = options.ForceAfter
	}
	if errors.Is(pressed, ErrBadRequest) {
		// Refused: the machine is off, or the button has no effect.
		again, err := s.Get(ctx, vm, opts...)
		if err != nil {
			return seen, err
		}
		if seen = again; !seen.PowerOn {
			return seen, nil
		}
		if options.ForceAfter <= 0 {
			return seen, pressed
		}
	} else {
		seen, err = s.waitFrom(ctx, seen, vm, PoweredOff, gentle, opts)
		if err != nil && pressed != nil {
			err = fmt.Errorf("%w; before that: %w", err, pressed)
		}
		if err == nil || options.ForceAfter <= 0 || ctx.Err() != nil || !errors.Is(err, errWaitTimeout) {
			return seen, err
		}
	}
	stopped, err := s.Stop(ctx, vm, opts...)
	if err != nil {
		return seen, err
	}
	return s.waitFrom(ctx, stopped, vm, PoweredOff, options.Wait, opts)
}

// waitFrom calls Wait, and returns before if the wait did not see the machine.
func (s *VirtualMachinesService) waitFrom(ctx context.Context, before VirtualMachine, vm VirtualMachinePath,
	until VirtualMachineCondition, options WaitOptions, opts []CallOption) (VirtualMachine, error) {
	seen, err := s.Wait(ctx, vm, until, options, opts...)
	if seen.ID == 0 {
		seen = before
	}
	return seen, err
}

// RestartAndWait shuts a virtual machine down as ShutdownAndWait does, starts it and waits until it
// is on. New values of cores, memory and hardware profile take effect, unlike with Reset. A machine
// that is off is started. Autoreboot is on afterwards.
func (s *VirtualMachinesService) RestartAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions,
	opts ...CallOption) (VirtualMachine, error) {
	return s.UpdateAndRestart(ctx, vm, VirtualMachineUpdate{}, options, opts...)
}

// UpdateAndRestart applies an update that takes effect at the next power cycle: it shuts a virtual
// machine down as ShutdownAndWait does, updates it, starts it and waits until it is on. A machine
// that is off is updated and started, so an interrupted call can be repeated.
//
// The update must not set PowerOn or AutorebootOn. Autoreboot is on afterwards.
func (s *VirtualMachinesService) UpdateAndRestart(ctx context.Context, vm VirtualMachinePath, update VirtualMachineUpdate,
	options ShutdownOptions, opts ...CallOption) (VirtualMachine, error) {
	if update.PowerOn != nil || update.AutorebootOn != nil {
		return VirtualMachine{}, notSent("update and restart virtual machine", vm.String(),
			errors.New("the update sets its power: it is on afterwards"))
	}
	if err := update.check(); err != nil {
		return VirtualMachine{}, notSent("update and restart virtual machine", vm.String(), err)
	}
	path, err := s.Resolve(ctx, vm)
	if err != nil {
		return VirtualMachine{}, notSent("update and restart virtual machine", vm.String(), err)
	}
	vm = path
	seen, err := s.ShutdownAndWait(ctx, vm, options, opts...)
	if err != nil {
		return seen, err
	}
	if update != (VirtualMachineUpdate{}) {
		if seen, err = s.Update(ctx, vm, update, opts...); err != nil {
			return seen, err
		}
	}
	if seen, err = s.Start(ctx, vm, opts...); err != nil {
		return seen, err
	}
	return s.Wait(ctx, vm, PoweredOn, options.Wait, opts...)
}
