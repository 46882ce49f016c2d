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

// VirtualMachineCondition reports whether a virtual machine is in the state that Wait waits for. If
// it returns an error, the wait ends with that error, since the state can no longer be reached. For
// a machine that does not exist it is called with the zero VirtualMachine.
type VirtualMachineCondition func(VirtualMachine) (bool, error)

// Provisioned reports whether the service has finished creating the machine. It returns an error if
// the machine is deleted.
func Provisioned(vm VirtualMachine) (bool, error) {
	return vm.ID != 0 && !vm.Provisioning, notDeleted(vm)
}

// PoweredOn reports whether the machine is provisioned and on. It returns an error if the machine
// is deleted. Its system usually needs another minute or two until it accepts SSH connections.
func PoweredOn(vm VirtualMachine) (bool, error) {
	return vm.PowerOn && !vm.Provisioning, notDeleted(vm)
}

// PoweredOff reports whether the machine is off. It returns an error if the machine is on with
// autoreboot on: such a machine does not stay off, so a wait might miss the moment.
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

// Deleted reports whether the machine is deleted or does not exist.
func Deleted(vm VirtualMachine) (bool, error) { return vm.ID == 0 || vm.Deleted, nil }

// notDeleted returns an error if the machine is deleted.
func notDeleted(vm VirtualMachine) error {
	if vm.Deleted {
		return errors.New("it has been deleted")
	}
	return nil
}

// DiscCondition reports whether a disc is in the state that Wait waits for. If it returns an error,
// the wait ends with that error, since the state can no longer be reached. For a disc that does not
// exist it is called with the zero Disc.
type DiscCondition func(Disc) (bool, error)

// Restored reports whether a disc is in its final place, after a backup has been restored to it or
// it has been migrated.
func Restored(disc Disc) (bool, error) {
	return disc.ID != 0 && disc.NewStorageGrade == "" && disc.StorageGrade != Iceberg, nil
}

// Poll describes one poll of a wait.
type Poll struct {
	Number  int           // counted from 1
	Elapsed time.Duration // time since the wait began
	// State describes what was last seen, for display: "off, being provisioned". It is "not seen"
	// until the first successful poll.
	State          string
	VirtualMachine VirtualMachine // as last seen; zero unless the wait is for a virtual machine
	Disc           Disc           // as last seen; zero unless the wait is for a disc or a backup
	Err            error          // error of this poll, or nil; the wait continues
	Next           time.Duration  // time until the next poll
}

// WaitOptions configures a wait. The zero value uses the defaults.
type WaitOptions struct {
	OnPoll      func(Poll)    // called after each poll that does not end the wait; may be nil
	MinInterval time.Duration // interval between the first polls; default 1 second
	MaxInterval time.Duration // limit of the growing interval; default 10 seconds
	Timeout     time.Duration // limit of the whole wait, in addition to the context; default 30 minutes
	// NotFoundGrace is the time after the start of the wait during which ErrNotFound is ignored, as
	// a new resource may not be visible at once; default 30 seconds. After a successful poll,
	// ErrNotFound ends the wait.
	NotFoundGrace time.Duration
}

// withDefaults returns the options with defaults for the fields that are not set.
func (o WaitOptions) withDefaults() WaitOptions {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.MinInterval, time.Second}, {&o.MaxInterval, 10 * time.Second}, {&o.Timeout, 30 * time.Minute},
		{&o.NotFoundGrace, 30 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	o.MaxInterval = max(o.MaxInterval, o.MinInterval)
	return o
}

// WaitError is returned when a wait ends before its condition holds.
type WaitError struct {
	Subject string // what was waited for, such as "virtual machine www1.web.acme"
	Last    Poll   // the last poll
	Err     error  // cause: of the context, the condition or the last poll
}

// Error returns a message with the subject, the cause, the duration and the last state.
func (e *WaitError) Error() string {
	return fmt.Sprintf("bigv: wait for %s: %v (after %s and %d %s; last seen: %s)",
		e.Subject, e.Err, e.Last.Elapsed.Round(time.Millisecond), e.Last.Number, map[bool]string{true: "look",
			false: "looks"}[e.Last.Number == 1], e.Last.State)
}

// Unwrap returns the cause.
func (e *WaitError) Unwrap() error { return e.Err }

var errWaitTimeout = fmt.Errorf("the wait's time is over: %w", context.DeadlineExceeded)

// maxFailedLooks is the number of consecutive failed polls at which a wait gives up. Each poll
// includes the client's retries.
const maxFailedLooks = 10

// WaitFor calls look until the condition until holds for its result: at once, and then at growing,
// jittered intervals. If until returns an error, the wait ends with it. subject names the resource
// in errors.
//
// Transient server errors are tolerated; the wait ends at the tenth in a row. If the error of look
// matches ErrNotFound, until is called with the zero value. If that does not satisfy it, the wait
// goes on during NotFoundGrace, unless the resource has been seen before.
//
// WaitFor returns the last result of look, even with an error, which is a *WaitError.
//
// The Wait methods are built on it.
func WaitFor[T any](ctx context.Context, subject string, look func(context.Context) (T, error), until func(T) (bool, error),
	options WaitOptions) (T, error) {
	return wait(ctx, subject, look, until, options, func(T, *Poll) {})
}

// wait implements WaitFor. note records the result of a poll in a Poll.
func wait[T any](ctx context.Context, subject string, look func(context.Context) (T, error), until func(T) (bool, error),
	options WaitOptions, note func(T, *Poll)) (last T, err error) {
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
		// Jitter spreads the polls of programs that were started at the same time.
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

// whichNil returns the error for a nil argument of a wait.
func whichNil(ctx context.Context, look bool) error {
	switch {
	case ctx == nil:
		return errNilContext
	case look:
		return errors.New("the look is nil")
	}
	return errors.New("the condition is nil")
}

// passing reports whether err is transient, so that the next poll may succeed.
func passing(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	e, ok := errors.AsType[*Error](err)
	return ok && (e.StatusCode >= 500 || e.StatusCode == 429 || e.StatusCode == 0)
}

// Wait polls a virtual machine until the condition holds: GET {virtual machine}, at once and then
// at growing intervals.
//
// Transient server errors are tolerated, and so is ErrNotFound shortly after the start, since a new
// machine may not be visible at once. Wait returns the machine as last seen, even with an error,
// which is a *WaitError.
func (s *VirtualMachinesService) Wait(ctx context.Context, vm VirtualMachinePath, until VirtualMachineCondition,
	options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
	return s.wait(ctx, vm.String(), vm, until, options, opts)
}

// wait implements Wait. name identifies the machine in errors.
func (s *VirtualMachinesService) wait(ctx context.Context, name string, vm VirtualMachinePath, until VirtualMachineCondition,
	options WaitOptions, opts []CallOption) (VirtualMachine, error) {
	path, byName := vm, s.client.style == FlatURLs && !vm.isID()
	look := func(ctx context.Context) (VirtualMachine, error) {
		all := append(opts[:len(opts):len(opts)], WithDeleted())
		seen, err := s.Get(ctx, path, all...)
		if err == nil && byName { // lists do not show whether a machine is being provisioned
			path, byName = VirtualMachineID(seen.ID), false
			seen, err = s.Get(ctx, path, all...)
		}
		return seen, err
	}
	return wait(ctx, "virtual machine "+name, look, until, options, func(vm VirtualMachine, p *Poll) {
		p.VirtualMachine, p.State = vm, vm.state()
	})
}

// state describes the state of the machine, for display.
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

// Wait polls a disc until the condition holds: GET {disc}. It polls at growing intervals, and
// handles errors, as VirtualMachines.Wait does.
func (s *DiscsService) Wait(ctx context.Context, disc DiscPath, until DiscCondition, options WaitOptions,
	opts ...CallOption) (Disc, error) {
	look := func(ctx context.Context) (Disc, error) { return s.Get(ctx, disc, opts...) }
	return wait(ctx, "disc "+disc.String(), look, until, options, func(d Disc, p *Poll) {
		p.Disc, p.State = d, d.state()
	})
}

// state describes where the disc is stored, for display.
func (d Disc) state() string {
	if d.NewStorageGrade == "" {
		return "on " + string(d.StorageGrade)
	}
	return fmt.Sprintf("on %s, on its way to %s", d.StorageGrade, d.NewStorageGrade)
}
