package bigv

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What takes more than one call to do right. Each of these may be cancelled, and
// run again after a crash: it looks first, and does what is left to do.

// FindOrCreate returns the group of this name, and makes it if there is none. It
// reports whether it made it. It never makes it twice: where the answer to the
// creation is lost, it looks whether the group is there, and takes it for the one
// it made.
func (s *GroupsService) FindOrCreate(ctx context.Context, account AccountPath, group GroupCreate, opts ...CallOption) (g Group, created bool, err error) {
	return findOrCreate(ctx, "find or create group "+account.Group(group.Name).String(), group.check(),
		func(ctx context.Context) (Group, error) { return s.Get(ctx, account.Group(group.Name), opts...) },
		func(ctx context.Context) (Group, error) { return s.Create(ctx, account, group, opts...) })
}

// FindOrCreate returns the virtual machine of this name, as it is, and makes it
// if there is none. It reports whether it made it. It never makes it twice: where
// the answer to the creation is lost, it looks whether the machine is there, and
// if it is not to be seen after half a minute ends in ErrOutcomeUnknown. A
// deleted machine keeps its name, so it is an error that says so: undelete or
// purge it.
func (s *VirtualMachinesService) FindOrCreate(ctx context.Context, group GroupPath, vm VirtualMachineCreate, opts ...CallOption) (m VirtualMachine, created bool, err error) {
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

// findOrCreate gets a thing, or creates it, or gets it after all when somebody
// was quicker or the answer was lost.
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
		// It may be in the making: look for a while, but do not make another.
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
			return found, false, nil // somebody made it in between
		}
	}
	return none, false, err
}

// lookAfterLoss is how long a thing is looked for whose creation got no answer.
const lookAfterLoss = 30 * time.Second

// CreateAndWait is Create, and then Wait until the machine is on, or only until
// it is provisioned if neither PowerOn nor AutorebootOn asks for it to be on. Once
// the machine has been made it is returned also with an error, which is then a
// *WaitError: it exists and is billed.
func (s *VirtualMachinesService) CreateAndWait(ctx context.Context, group GroupPath, vm VirtualMachineCreate, options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
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

// isReadBack reports whether a creation was done, and only told nothing: where a
// new thing cannot be seen yet.
func isReadBack(err error) bool {
	_, ok := errors.AsType[*readBackError](err)
	return ok
}

func isTrue(b *bool) bool { return b != nil && *b }

// ShutdownOptions says how to shut a virtual machine down.
type ShutdownOptions struct {
	// ForceAfter is how long its system has to shut down before the plug is
	// pulled, and what it has not written is lost. 0 never pulls it: the wait's
	// Timeout ends the call, and the machine goes on as it pleases.
	ForceAfter time.Duration
	// Wait says how to wait for it to be off, and where it applies, on again.
	Wait WaitOptions
}

// ShutdownAndWait asks a virtual machine to shut down, waits until it is off, and
// sees that it stays off: autoreboot off, the power button, and where its system
// does not listen and options allow it, the plug. A machine that is off already
// is left so. It returns the machine as last seen, also with an error.
func (s *VirtualMachinesService) ShutdownAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions, opts ...CallOption) (VirtualMachine, error) {
	path, err := s.Resolve(ctx, vm) // once, for all the calls to come
	if err != nil {
		return VirtualMachine{}, notSent("shut down virtual machine", vm.String(), err)
	}
	vm = path
	seen, err := s.Get(ctx, vm, opts...)
	if err == nil && (seen.Provisioning || !seen.PowerOn && s.client.style == FlatURLs) {
		// What is being made cannot be shut down, and may come on when it has been.
		// The lists of the flat style do not tell it from what is off.
		seen, err = s.waitFrom(ctx, seen, vm, Provisioned, options.Wait, opts)
	}
	if err != nil || !seen.PowerOn && !seen.AutorebootOn {
		return seen, err
	}
	if _, err := s.Update(ctx, vm, VirtualMachineUpdate{AutorebootOn: new(false)}, opts...); err != nil {
		return seen, err
	}
	// The button is pressed once. Whether that was heard, or the machine has gone
	// off by itself, is seen by waiting.
	pressed := s.PowerDown(ctx, vm, opts...)
	if pressed != nil && !errors.Is(pressed, ErrOutcomeUnknown) && !errors.Is(pressed, ErrBadRequest) {
		return seen, pressed
	}
	gentle := options.Wait
	if options.ForceAfter > 0 {
		gentle.Timeout = options.ForceAfter
	}
	if errors.Is(pressed, ErrBadRequest) {
		// Refused: either it is off, or the button does nothing.
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

// waitFrom is Wait, and gives what was seen before where it sees nothing.
func (s *VirtualMachinesService) waitFrom(ctx context.Context, before VirtualMachine, vm VirtualMachinePath, until VirtualMachineCondition, options WaitOptions, opts []CallOption) (VirtualMachine, error) {
	seen, err := s.Wait(ctx, vm, until, options, opts...)
	if seen.ID == 0 {
		seen = before
	}
	return seen, err
}

// RestartAndWait shuts a virtual machine down as ShutdownAndWait does, starts it
// and waits until it is on: with its new cores, memory and hardware profile,
// which a Reset does not apply. Autoreboot is on afterwards. A machine that is off
// is started.
func (s *VirtualMachinesService) RestartAndWait(ctx context.Context, vm VirtualMachinePath, options ShutdownOptions, opts ...CallOption) (VirtualMachine, error) {
	return s.UpdateAndRestart(ctx, vm, VirtualMachineUpdate{}, options, opts...)
}

// UpdateAndRestart makes changes that count from the next power cycle, and goes
// through one: it shuts a virtual machine down as ShutdownAndWait does, updates
// it, starts it and waits until it is on. A machine that is off is updated and
// started, so that a program that was interrupted runs it again and gets there.
// The update may not set PowerOn or AutorebootOn, which is on afterwards.
func (s *VirtualMachinesService) UpdateAndRestart(ctx context.Context, vm VirtualMachinePath, update VirtualMachineUpdate, options ShutdownOptions, opts ...CallOption) (VirtualMachine, error) {
	if update.PowerOn != nil || update.AutorebootOn != nil {
		return VirtualMachine{}, notSent("update and restart virtual machine", vm.String(), errors.New("the update sets its power: it is on afterwards"))
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
