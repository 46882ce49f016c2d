package bigv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bigv-go/bigv/internal/roundtrip"
)

// VirtualMachineCondition says whether a virtual machine is in the state that is waited for.
// An error ends the wait: this will never come true. A machine that does not
// exist is zero.
type VirtualMachineCondition func(VirtualMachine) (bool, error)

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

// DiscCondition says whether a disc is in the state that is waited for. An error
// ends the wait: this will never come true. A disc that does not exist is zero.
type DiscCondition func(Disc) (bool, error)

// Restored waits until a disc is back where it was, after a backup has been
// restored to it or it has been migrated.
func Restored(disc Disc) (bool, error) {
	return disc.ID != 0 && disc.NewStorageGrade == "" && disc.StorageGrade != Iceberg, nil
}

// Poll is one look at what is waited for.
type Poll struct {
	Number  int           // 1 is the first
	Elapsed time.Duration // since the wait began
	// State is what was last seen, in words for a person: "off, being
	// provisioned". It is "not seen" before it was.
	State string
	// What was last seen: the one that is waited for. The others are zero.
	VirtualMachine VirtualMachine
	Disc           Disc
	Err            error         // why this look failed, if it did; the wait goes on
	Next           time.Duration // until the next look
}

// WaitOptions says how to wait. Zero is what suits most.
type WaitOptions struct {
	OnPoll      func(Poll)    // told of each look that did not end the wait, for a person's screen
	MinInterval time.Duration // between the first looks; 1 second if 0
	MaxInterval time.Duration // between the later ones; 10 seconds if 0
	Timeout     time.Duration // of the whole wait, beside the context; 30 minutes if 0
	// NotFoundGrace is how long a thing may be missing before it was first seen: a
	// new one may not be found at once. 30 seconds if 0.
	NotFoundGrace time.Duration
}

func (o WaitOptions) withDefaults() WaitOptions {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.MinInterval, time.Second}, {&o.MaxInterval, 10 * time.Second}, {&o.Timeout, 30 * time.Minute}, {&o.NotFoundGrace, 30 * time.Second},
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
	Subject string // what was waited for
	Last    Poll   // what was seen last, after how many looks and how long
	Err     error  // why: the context's cause, the condition's error or the last look's
}

// Error says what was waited for, for how long, and what was seen last.
func (e *WaitError) Error() string {
	return fmt.Sprintf("bigv: wait for %s: %v (after %s and %d %s; last seen: %s)",
		e.Subject, e.Err, e.Last.Elapsed.Round(time.Millisecond), e.Last.Number, map[bool]string{true: "look", false: "looks"}[e.Last.Number == 1], e.Last.State)
}

// Unwrap is why the wait ended.
func (e *WaitError) Unwrap() error { return e.Err }

var errWaitTimeout = fmt.Errorf("the wait's time is over: %w", context.DeadlineExceeded)

// maxFailedLooks is how many looks in a row may fail before a wait gives up,
// each with the client's retries.
const maxFailedLooks = 10

// WaitFor calls look at once and then at growing, jittered intervals until its
// result satisfies until, which may also say with an error that it never will.
// subject names what is waited for in errors. Passing server errors are put up
// with, and so is ErrNotFound shortly after the beginning; a thing that is not
// found is zero. What was last seen is returned, also with an error, which is a
// *WaitError. The methods called Wait stand on this.
func WaitFor[T any](ctx context.Context, subject string, look func(context.Context) (T, error), until func(T) (bool, error), options WaitOptions) (T, error) {
	return wait(ctx, subject, look, until, options, func(T, *Poll) {})
}

// wait is WaitFor. note writes what was seen into a Poll.
func wait[T any](ctx context.Context, subject string, look func(context.Context) (T, error), until func(T) (bool, error), options WaitOptions, note func(T, *Poll)) (last T, err error) {
	if ctx == nil || look == nil || until == nil {
		return last, notSent("wait for", subject, whichNil(ctx, look == nil))
	}
	options = options.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	poll := Poll{State: "not seen"}
	fail := func(err error) (T, error) { return last, &WaitError{Subject: subject, Last: poll, Err: err} }
	seenOnce, failed := false, 0
	started, interval := time.Now(), options.MinInterval
	for {
		seen, err := look(ctx)
		poll.Number, poll.Elapsed, poll.Err = poll.Number+1, time.Since(started), err
		missing := errors.Is(err, ErrNotFound)
		switch {
		case err == nil:
			last, seenOnce, failed, poll.State = seen, true, 0, "seen"
			note(seen, &poll)
		case missing:
			var none T
			seen, failed = none, 0
		default:
			failed++
		}
		if err == nil || missing {
			done, never := until(seen)
			switch {
			case never != nil:
				return fail(fmt.Errorf("it will not come true: %w", never))
			case done:
				return seen, nil
			case missing && (seenOnce || poll.Elapsed > options.NotFoundGrace):
				return fail(err)
			}
		} else if ctx.Err() == nil && (!passing(err) || failed >= maxFailedLooks) {
			return fail(err)
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
			return fail(roundtrip.Interrupted(ctx, context.Cause(ctx)))
		}
		interval = min(interval*3/2, options.MaxInterval)
	}
}

// whichNil says what of a wait is nil.
func whichNil(ctx context.Context, look bool) error {
	switch {
	case ctx == nil:
		return errNilContext
	case look:
		return errors.New("the look is nil")
	}
	return errors.New("the condition is nil")
}

// passing reports whether an error is likely to be gone at the next look.
func passing(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	e, ok := errors.AsType[*Error](err)
	return ok && (e.StatusCode >= 500 || e.StatusCode == 429 || e.StatusCode == 0)
}

// Wait looks at a virtual machine until a condition comes true, at once and then
// at growing intervals: GET {virtual machine}. It puts up with passing server
// errors and with a machine that is not found just after it was created. It
// returns the machine as last seen, also with an error, which is a *WaitError.
func (s *VirtualMachinesService) Wait(ctx context.Context, vm VirtualMachinePath, until VirtualMachineCondition, options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
	return s.wait(ctx, vm.String(), vm, until, options, opts)
}

// wait is Wait for a machine that the caller knows by another name.
func (s *VirtualMachinesService) wait(ctx context.Context, name string, vm VirtualMachinePath, until VirtualMachineCondition, options WaitOptions, opts []CallOption) (VirtualMachine, error) {
	path, byName := vm, s.client.style == FlatURLs && !vm.isID()
	look := func(ctx context.Context) (VirtualMachine, error) {
		all := append(opts[:len(opts):len(opts)], WithDeleted())
		seen, err := s.Get(ctx, path, all...)
		if err == nil && byName { // found on a list, which does not tell what is being provisioned
			path, byName = VirtualMachineID(seen.ID), false
			seen, err = s.Get(ctx, path, all...)
		}
		return seen, err
	}
	return wait(ctx, "virtual machine "+name, look, until, options, func(vm VirtualMachine, p *Poll) {
		p.VirtualMachine, p.State = vm, vm.state()
	})
}

// state is the machine's state in words.
func (vm VirtualMachine) state() string {
	words := []string{map[bool]string{true: "on", false: "off"}[vm.PowerOn]}
	if vm.AutorebootOn {
		words = append(words, "autoreboot on")
	}
	if vm.Provisioning {
		words = append(words, "being provisioned")
	}
	if vm.Deleted {
		words = append(words, "deleted")
	}
	return strings.Join(words, ", ")
}

// Wait looks at a disc until a condition comes true, as VirtualMachines.Wait
// does: GET {disc}.
func (s *DiscsService) Wait(ctx context.Context, disc DiscPath, until DiscCondition, options WaitOptions, opts ...CallOption) (Disc, error) {
	look := func(ctx context.Context) (Disc, error) { return s.Get(ctx, disc, opts...) }
	return wait(ctx, "disc "+disc.String(), look, until, options, func(d Disc, p *Poll) {
		p.Disc, p.State = d, d.state()
	})
}

// state is the disc's place in words.
func (d Disc) state() string {
	if d.NewStorageGrade == "" {
		return "on " + string(d.StorageGrade)
	}
	return fmt.Sprintf("on %s, on its way to %s", d.StorageGrade, d.NewStorageGrade)
}
