package bigv

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv/internal/retry"
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
// is deleted. The system of the machine usually needs another minute or two until it accepts SSH
// connections.
func PoweredOn(vm VirtualMachine) (bool, error) {
	return vm.PowerOn && !vm.Provisioning, notDeleted(vm)
}

// PoweredOff reports whether the machine is off. It returns an error if the machine is on with
// autoreboot on: such a machine does not stay off, so a wait could miss the time when it is off.
func PoweredOff(vm VirtualMachine) (bool, error) {
	switch {
	case vm.ID == 0 || vm.Provisioning:
		return false, nil
	case !vm.PowerOn || vm.Deleted:
		return true, nil
	case vm.AutorebootOn:
		return false, errors.New("autoreboot is on, so the machine does not stay off: use Shutdown or Stop")
	}
	return false, nil
}

// Deleted reports whether the machine is deleted or does not exist.
func Deleted(vm VirtualMachine) (bool, error) { return vm.ID == 0 || vm.Deleted, nil }

// notDeleted returns an error if the machine is deleted.
func notDeleted(vm VirtualMachine) error {
	if vm.Deleted {
		return errMachineDeleted
	}
	return nil
}

var errMachineDeleted = fmt.Errorf("the machine is %w: use Undelete to restore it", ErrDeleted)

// DiscCondition reports whether a disc is in the state that Wait waits for. If it returns an error,
// the wait ends with that error, since the state can no longer be reached. For a disc that does not
// exist it is called with the zero Disc.
type DiscCondition func(Disc) (bool, error)

// Restored reports whether no restore or migration of a disc is running: the disc is on its own
// storage grade.
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
	Disc           Disc           // as last seen, also the Disc of a backup; zero unless the wait is for a disc or a backup
	Err            error          // error of this poll, or nil
	Next           time.Duration  // time until the next poll; with WaitAll, it may be later
}

// WaitOptions configures a wait. A field that is 0 has its default; a negative one is an error, and
// nothing is sent.
type WaitOptions struct {
	OnPoll      func(Poll)    // called after each poll that does not end the wait; may be nil
	MinInterval time.Duration // upper limit of the first interval between polls; default 1 second, or MaxInterval if that is less
	MaxInterval time.Duration // upper limit of every interval; default 10 seconds, and at least MinInterval
	Timeout     time.Duration // limit of the whole wait, in addition to the context; default 30 minutes
	// NotFoundGrace is the time after the start of the wait during which ErrNotFound does not end
	// it, since a new resource may not be visible at once; default 30 seconds. After a successful
	// poll, ErrNotFound ends the wait.
	NotFoundGrace time.Duration
}

// validate returns an error if a field is negative.
func (o WaitOptions) validate() error {
	if o.MinInterval < 0 || o.MaxInterval < 0 || o.Timeout < 0 || o.NotFoundGrace < 0 {
		return fmt.Errorf("MinInterval, MaxInterval, Timeout and NotFoundGrace must not be negative, got %s, %s, %s and %s",
			o.MinInterval, o.MaxInterval, o.Timeout, o.NotFoundGrace)
	}
	return nil
}

// withDefaults returns the options with defaults for the fields that are 0.
func (o WaitOptions) withDefaults() WaitOptions {
	if o.MinInterval == 0 {
		o.MinInterval = min(time.Second, cmp.Or(o.MaxInterval, time.Second))
	}
	o.MaxInterval = max(cmp.Or(o.MaxInterval, 10*time.Second), o.MinInterval)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Minute)
	o.NotFoundGrace = cmp.Or(o.NotFoundGrace, 30*time.Second)
	return o
}

// WaitError is returned when a wait ends before its condition holds. If the wait has timed out, it
// matches context.DeadlineExceeded.
type WaitError struct {
	Subject string // what was waited for, such as "virtual machine www1.web.acme"
	Last    Poll   // the last poll
	Err     error  // cause: the error of the context, of the condition or of the last poll
}

// Error returns a message with the subject, the cause, the duration and the last state.
func (e *WaitError) Error() string {
	polls := fmt.Sprintf("%d polls", e.Last.Number)
	if e.Last.Number == 1 {
		polls = "1 poll"
	}
	return errorText(fmt.Sprintf("bigv: wait for %s: %s", e.Subject, withoutPrefix(e.Err)),
		fmt.Sprintf(" (after %s and %s; last seen: %s)", e.Last.Elapsed.Round(time.Millisecond), polls, e.Last.State))
}

// Unwrap returns the cause.
func (e *WaitError) Unwrap() error { return e.Err }

var errWaitTimeout = fmt.Errorf("timed out: %w", context.DeadlineExceeded)

// maxFailedPolls is the number of consecutive failed polls after which a wait ends. Each poll
// includes the client's retries.
const maxFailedPolls = 10

// WaitFor calls poll until the condition until holds for its result: at once, and then at growing,
// random intervals, or after the Retry-After of a response if that is longer. If until returns an
// error, the wait ends with it. subject names the resource in errors.
//
// Transient errors of poll are tolerated until the tenth in a row: those of calls of this package
// with status 5xx or 429, without a response, or with one that was cut short. Any other error ends
// the wait, except one that matches ErrNotFound: until is then called with the zero value. If that
// does not satisfy it, the wait continues during NotFoundGrace, unless an earlier poll has succeeded.
//
// WaitFor returns the last successful result of poll, even with an error. The error is a
// *WaitError, unless ctx, poll or until is nil or an option is negative.
//
// The Wait methods are built on it.
func WaitFor[T any](ctx context.Context, subject string, poll func(context.Context) (T, error), until func(T) (bool, error),
	options WaitOptions) (T, error) {
	return wait(ctx, subject, poll, until, options, func(T, *Poll) {})
}

// wait implements WaitFor. note records the result of a poll in a Poll.
func wait[T any](ctx context.Context, subject string, poll func(context.Context) (T, error), until func(T) (bool, error),
	options WaitOptions, note func(T, *Poll)) (last T, err error) {
	if ctx == nil || poll == nil || until == nil {
		return last, notSent("wait for", subject, nilArgument(ctx, poll == nil))
	}
	if err := options.validate(); err != nil {
		return last, notSent("wait for", subject, err)
	}
	options = options.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	w := newWaiting(subject, until, options, note)
	for interval := options.MinInterval; ; interval = min(interval*3/2, options.MaxInterval) {
		seen, err := poll(ctx)
		if ended, err := w.observe(ctx, seen, err); ended {
			return w.last, err
		}
		deadline, _ := ctx.Deadline()
		pause := max(jitter(interval), requestedWait(err, deadline))
		w.report(ctx, pause)
		if !sleep(ctx, pause) {
			return w.last, w.interrupted(ctx)
		}
	}
}

// waiting is the state of waiting for one resource.
type waiting[T any] struct {
	subject string
	until   func(T) (bool, error)
	options WaitOptions
	note    func(T, *Poll)
	started time.Time

	last     T // what was last seen; the result if the condition holds
	poll     Poll
	seenOnce bool
	failed   int // failed polls in a row
}

// newWaiting returns the state at the beginning of a wait.
func newWaiting[T any](subject string, until func(T) (bool, error), options WaitOptions, note func(T, *Poll)) *waiting[T] {
	return &waiting[T]{subject: subject, until: until, options: options, note: note, started: time.Now(), poll: Poll{State: "not seen"}}
}

// observe records the result of a poll. It reports whether the wait has ended, and the error it has
// ended with.
func (w *waiting[T]) observe(ctx context.Context, seen T, err error) (ended bool, failure error) {
	w.poll.Number, w.poll.Elapsed, w.poll.Err = w.poll.Number+1, time.Since(w.started), err
	missing := errors.Is(err, ErrNotFound)
	switch {
	case err == nil:
		w.seenOnce, w.failed = true, 0
		w.see(seen)
	case missing:
		var none T
		seen, w.failed = none, 0
	default:
		w.failed++
	}
	if err != nil && !missing {
		if ctx.Err() == nil && (!isTransient(err) || w.failed >= maxFailedPolls) {
			return true, w.fail(err)
		}
		return false, nil
	}
	done, impossible := w.until(seen)
	switch {
	case impossible != nil:
		return true, w.fail(fmt.Errorf("the condition can no longer be met: %w", impossible))
	case done:
		w.last = seen
		return true, nil
	case missing && (w.seenOnce || w.poll.Elapsed > w.options.NotFoundGrace):
		return true, w.fail(err)
	}
	return false, nil
}

// see records what was seen.
func (w *waiting[T]) see(seen T) {
	w.last, w.poll.State = seen, "seen"
	w.note(seen, &w.poll)
}

// report calls OnPoll after a poll that has not ended the wait.
func (w *waiting[T]) report(ctx context.Context, next time.Duration) {
	w.poll.Next = next
	if ctx.Err() == nil && w.options.OnPoll != nil {
		w.options.OnPoll(w.poll)
	}
}

// interrupted returns the error of a wait whose context has ended.
func (w *waiting[T]) interrupted(ctx context.Context) error {
	w.poll.Elapsed = time.Since(w.started)
	return w.fail(retry.ContextError(ctx, context.Cause(ctx)))
}

// fail returns the error of a wait that ends because of err.
func (w *waiting[T]) fail(err error) error {
	return &WaitError{Subject: w.subject, Last: w.poll, Err: err}
}

// jitter returns a random part of an interval, at least half of it. It spreads the polls of programs
// that were started at the same time.
func jitter(interval time.Duration) time.Duration { return interval/2 + rand.N(interval/2+1) }

// sleep waits for a duration, and reports false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// requestedWait returns the wait that the service has requested with an error, with jitter, or 0.
func requestedWait(err error, deadline time.Time) time.Duration {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return 0
	}
	if _, notSent := errors.AsType[*retry.GateError](err); notSent {
		return 0 // what the service has requested of another call
	}
	return retry.WithJitter(e.RetryAfter, deadline)
}

// nilArgument returns the error for a nil argument of a wait.
func nilArgument(ctx context.Context, pollIsNil bool) error {
	switch {
	case ctx == nil:
		return errNilContext
	case pollIsNil:
		return errors.New("poll is nil")
	}
	return errors.New("condition is nil")
}

// isTransient reports whether err may disappear by itself, so that the next poll may succeed.
func isTransient(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	e, ok := errors.AsType[*Error](err)
	return ok && (e.truncated || e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests || e.StatusCode == 0)
}

// Wait polls a virtual machine until the condition holds: GET {virtual machine}, at once and then
// at growing intervals. Deleted machines are included.
//
// Transient errors are tolerated, and so is ErrNotFound shortly after the start, since a new
// machine may not be visible at once; see WaitFor. Wait returns the machine as last seen, even with
// an error, which is a *WaitError.
func (s *VirtualMachinesService) Wait(ctx context.Context, vm VirtualMachinePath, until VirtualMachineCondition,
	options WaitOptions, opts ...CallOption) (VirtualMachine, error) {
	return s.wait(ctx, vm.display(), vm, until, options, opts)
}

// wait implements Wait. name identifies the machine in errors; it may differ from vm.
func (s *VirtualMachinesService) wait(ctx context.Context, name string, vm VirtualMachinePath, until VirtualMachineCondition,
	options WaitOptions, opts []CallOption) (VirtualMachine, error) {
	path, byName := vm, clientOf(s).style == FlatURLs && !vm.isID()
	withDeleted := slices.Concat(opts, []CallOption{WithDeleted()})
	poll := func(ctx context.Context) (VirtualMachine, error) {
		seen, err := s.Get(ctx, path, withDeleted...)
		if err == nil && byName { // lists do not show whether a machine is being provisioned
			path, byName = VirtualMachineID(seen.ID), false
			seen, err = s.Get(ctx, path, withDeleted...)
		}
		return seen, err
	}
	return wait(ctx, describe("virtual machine", name), poll, until, options, noteMachine)
}

// noteMachine records a machine in a Poll.
func noteMachine(vm VirtualMachine, p *Poll) { p.VirtualMachine, p.State = vm, vm.state() }

// state describes the state of the machine, for display.
func (vm VirtualMachine) state() string {
	words := []string{"off"}
	if vm.PowerOn {
		words[0] = "on"
	}
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

// Wait polls a disc until the condition holds: GET {disc}. Intervals and errors are those of
// VirtualMachines.Wait.
func (s *DiscsService) Wait(ctx context.Context, disc DiscPath, until DiscCondition, options WaitOptions,
	opts ...CallOption) (Disc, error) {
	poll := func(ctx context.Context) (Disc, error) { return s.Get(ctx, disc, opts...) }
	return wait(ctx, describe("disc", disc.display()), poll, until, options, noteDisc)
}

// noteDisc records a disc in a Poll.
func noteDisc(d Disc, p *Poll) { p.Disc, p.State = d, d.state() }

// state describes where the disc is stored, for display.
func (d Disc) state() string {
	if d.NewStorageGrade == "" {
		return oneLine("on "+string(d.StorageGrade), maxMessage)
	}
	return oneLine(fmt.Sprintf("on %s, moving to %s", d.StorageGrade, d.NewStorageGrade), maxMessage)
}
