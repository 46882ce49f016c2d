package bigv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Condition says whether a virtual machine is in the state that is waited for.
// An error ends the wait: this will never come true. A machine that does not
// exist is zero.
type Condition func(VirtualMachine) (bool, error)

// Provisioned waits until the service has finished making the machine.
func Provisioned(vm VirtualMachine) (bool, error) {
	return vm.ID != 0 && !vm.Provisioning, notDeleted(vm)
}

// PoweredOn waits until the machine has been made and is on. Its system takes a
// minute or two more until it answers SSH.
func PoweredOn(vm VirtualMachine) (bool, error) {
	return vm.PowerOn && !vm.Provisioning, notDeleted(vm)
}

// PoweredOff waits until the machine is off. A machine with autoreboot on does
// not stay so, and the wait may miss it: that is an error at once.
func PoweredOff(vm VirtualMachine) (bool, error) {
	switch {
	case vm.ID == 0 || vm.Provisioning:
		return false, nil
	case !vm.PowerOn || vm.Deleted:
		return true, nil
	case vm.AutorebootOn:
		return false, errors.New("its autoreboot is on, so it will not stay off: use Shutdown or Stop")
	}
	return false, nil
}

// Deleted waits until the machine is deleted or gone.
func Deleted(vm VirtualMachine) (bool, error) { return vm.ID == 0 || vm.Deleted, nil }

func notDeleted(vm VirtualMachine) error {
	if vm.Deleted {
		return errors.New("it has been deleted")
	}
	return nil
}

// Poll is one look at what is waited for.
type Poll struct {
	Number         int            // 1 is the first
	Elapsed        time.Duration  // since the wait began
	VirtualMachine VirtualMachine // as it was last seen; zero if it never was
	Err            error          // why this look failed, if it did; the wait goes on
	Next           time.Duration  // until the next look, at most
}

// WaitOptions says how to wait. Zero is what suits most.
type WaitOptions struct {
	OnPoll      func(Poll)    // told of each look that did not end the wait, for a person's screen
	MinInterval time.Duration // between the first looks; 1 second if 0
	MaxInterval time.Duration // between the later ones; 10 seconds if 0
	Timeout     time.Duration // of the whole wait, beside the context; 30 minutes if 0
	// NotFound is how long a machine may be missing before it was first seen: a
	// new one may not be found at once. 30 seconds if 0.
	NotFound time.Duration
}

func (o WaitOptions) withDefaults() WaitOptions {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.MinInterval, time.Second}, {&o.MaxInterval, 10 * time.Second}, {&o.Timeout, 30 * time.Minute}, {&o.NotFound, 30 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	o.MaxInterval = max(o.MaxInterval, o.MinInterval)
	return o
}

// WaitError is what a wait ends in that did not see its condition come true.
type WaitError struct {
	Subject        string         // the path that was waited on
	VirtualMachine VirtualMachine // as it was last seen; zero if it never was
	Polls          int
	Elapsed        time.Duration
	Err            error // why: the context's cause, the condition's error or the last look's
}

// Error says what was waited for, for how long, and what was seen last.
func (e *WaitError) Error() string {
	seen := "it was never seen"
	if vm := e.VirtualMachine; vm.ID != 0 {
		seen = fmt.Sprintf("last seen with power_on %t, autoreboot_on %t", vm.PowerOn, vm.AutorebootOn)
		if vm.Provisioning {
			seen += ", being provisioned"
		}
		if vm.Deleted {
			seen += ", deleted"
		}
	}
	return fmt.Sprintf("bigv: wait for virtual machine %s: %v after %s and %d looks (%s)",
		e.Subject, e.Err, e.Elapsed.Round(time.Millisecond), e.Polls, seen)
}

// Unwrap is why the wait ended.
func (e *WaitError) Unwrap() error { return e.Err }

var errWaitTimeout = fmt.Errorf("the wait's time is over: %w", context.DeadlineExceeded)

// Wait looks at a virtual machine until a condition comes true, at once and then
// at growing intervals: GET {virtual machine}. It puts up with passing server
// errors and with a machine that is not found just after it was created. It
// returns the machine as last seen, also with an error, which is a *WaitError.
func (s *VirtualMachinesService) Wait(ctx context.Context, vm VirtualMachinePath, until Condition, options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
	if ctx == nil || until == nil {
		return VirtualMachine{}, notSent("wait for virtual machine", vm.String(), errors.New("the context or the condition is nil"))
	}
	options = options.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	opts = append(opts[:len(opts):len(opts)], WithDeleted())
	started, interval := time.Now(), options.MinInterval
	poll := Poll{}
	for {
		seen, err := s.Get(ctx, vm, opts...)
		poll.Number, poll.Elapsed, poll.Err = poll.Number+1, time.Since(started), err
		missing := errors.Is(err, ErrNotFound)
		if err == nil {
			poll.VirtualMachine = seen
		}
		if err == nil || missing {
			done, never := until(seen)
			switch {
			case never != nil:
				return poll.VirtualMachine, poll.failure(vm, fmt.Errorf("it will not come true: %w", never))
			case done:
				return seen, nil
			case missing && (poll.VirtualMachine.ID != 0 || poll.Elapsed > options.NotFound):
				return poll.VirtualMachine, poll.failure(vm, err)
			}
		} else if ctx.Err() == nil && !passing(err) {
			return poll.VirtualMachine, poll.failure(vm, err)
		}
		// Jitter keeps a fleet that was started together from asking together.
		poll.Next = interval/2 + rand.N(interval/2+1)
		if ctx.Err() == nil && options.OnPoll != nil {
			options.OnPoll(poll)
		}
		timer := time.NewTimer(poll.Next)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			poll.Elapsed = time.Since(started)
			return poll.VirtualMachine, poll.failure(vm, context.Cause(ctx))
		}
		interval = min(interval*3/2, options.MaxInterval)
	}
}

// passing reports whether an error is likely to be gone at the next look.
func passing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.StatusCode >= 500 || e.StatusCode == 429 || e.StatusCode == 0)
}

func (p Poll) failure(vm VirtualMachinePath, err error) error {
	return &WaitError{Subject: vm.String(), VirtualMachine: p.VirtualMachine, Polls: p.Number, Elapsed: p.Elapsed, Err: err}
}
