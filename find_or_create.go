package bigv

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv/internal/retry"
)

// The methods in this file find a resource, and create it if it does not exist. They are safe to run
// again, and create nothing twice:
//
//   - If the outcome of the creation is unknown, they look for the resource, at the intervals of the
//     wait options, until NotFoundGrace or Timeout has passed. If it appears, it is returned with
//     created true, even if another program has created it. Otherwise the error of the creation is
//     returned.
//   - If the service was unavailable (503) or limits the rate (429), it has not created the resource.
//     They look for it, and create it if it still does not exist, as often as the retry policy allows.
//   - If the service refuses the creation, for example because another program has just created the
//     resource, they look for it once.

// FindOrCreate returns the group with this name, and creates it with Create if it does not exist.
// created reports whether it did.
//
// If the response to the creation is lost, FindOrCreate does not create the group again, but looks
// for it until options.NotFoundGrace has passed, 30 seconds by default. If the group appears, it is
// returned with created true, even if another program has created it; otherwise the error matches
// ErrOutcomeUnknown. If the service is unavailable or limits the rate, FindOrCreate looks for the
// group, and creates it if it still does not exist, as often as the retry policy allows.
func (s *GroupsService) FindOrCreate(ctx context.Context, account AccountPath, group GroupCreate, options WaitOptions,
	opts ...CallOption) (g Group, created bool, err error) {
	path := account.Group(group.Name)
	return finder[Group]{
		"find or create group " + path.display(),
		func(ctx context.Context) (Group, error) { return s.Get(ctx, path, opts...) },
		func(ctx context.Context) (Group, error) { return s.Create(ctx, account, group, opts...) },
	}.findOrCreate(ctx, clientOf(s), group.validate(), options)
}

// FindOrCreate returns the virtual machine with this name, unchanged, and creates it with Create if
// it does not exist. created reports whether it did. A machine that is created is billed from this
// moment, and is usually still being provisioned.
//
// If the response to the creation is lost, FindOrCreate does not create the machine again, but
// looks for it until options.NotFoundGrace has passed, 30 seconds by default. If the machine appears,
// it is returned with created true, even if another program has created it; otherwise the error
// matches ErrOutcomeUnknown. If the service is unavailable or limits the rate, FindOrCreate looks for
// the machine, and creates it if it still does not exist, as often as the retry policy allows. If the
// context ends during the creation, the machine may still be created later; see ErrOutcomeUnknown.
//
// A deleted machine keeps its name. For such a machine the error is a *DeletedError, which matches
// ErrDeleted and contains the machine; undelete or purge it first.
func (s *VirtualMachinesService) FindOrCreate(ctx context.Context, group GroupPath, vm VirtualMachineCreate, options WaitOptions,
	opts ...CallOption) (m VirtualMachine, created bool, err error) {
	const operation = "find or create virtual machine"
	path := group.VirtualMachine(vm.Name)
	ctx = contextWithSecrets(ctx, bodySecrets(vm, encodeBody))
	m, created, err = finder[VirtualMachine]{
		operation + " " + path.display(),
		func(ctx context.Context) (VirtualMachine, error) {
			return s.Get(ctx, path, slices.Concat(opts, []CallOption{WithDeleted()})...)
		},
		func(ctx context.Context) (VirtualMachine, error) { return s.Create(ctx, group, vm, opts...) },
	}.findOrCreate(ctx, clientOf(s), newCreateBody(vm).validate(), options)
	if err == nil && m.Deleted {
		err = newDeletedError(operation, path, m)
	}
	return m, created, err
}

// newDeletedError returns the error of a call that found a deleted virtual machine.
func newDeletedError(operation string, path VirtualMachinePath, vm VirtualMachine) error {
	return &DeletedError{&Error{
		Operation: operation, Subject: path.display(), Method: http.MethodGet, Route: machineTemplate, URL: machineTemplate,
		StatusCode: http.StatusOK, Attempts: 1, kind: ErrDeleted,
		Err: fmt.Errorf("virtual machine #%d is deleted and keeps its name: undelete or purge it, or choose another name", vm.ID),
	}, vm}
}

// FindOrCreate returns the disc of a virtual machine with the label of disc, unchanged, and creates
// it with Create if it does not exist. created reports whether it did. A disc that is created is
// billed from this moment. The label is required.
//
// Lost responses and an unavailable service are handled as by VirtualMachines.FindOrCreate.
func (s *DiscsService) FindOrCreate(ctx context.Context, vm VirtualMachinePath, disc DiscCreate, options WaitOptions,
	opts ...CallOption) (d Disc, created bool, err error) {
	path := vm.Disc(disc.Label)
	invalid := disc.validate()
	if disc.Label == "" {
		invalid = errors.New("label is required: it identifies the disc")
	} else if len(disc.BackupSchedules) > 0 {
		invalid = errSchedulesOfDisc
	}
	return finder[Disc]{
		"find or create disc " + path.display(),
		func(ctx context.Context) (Disc, error) { return s.Get(ctx, path, opts...) },
		func(ctx context.Context) (Disc, error) { return s.Create(ctx, vm, disc, opts...) },
	}.findOrCreate(ctx, clientOf(s), invalid, options)
}

// FindOrGrant returns a privilege of the user that has the level, the target, the API key and those
// conditions that grant sets, and grants it with Grant if there is none. granted reports whether it
// did. It searches the privileges on the target, and looks up the name of a user by ID first.
//
// A list contains only privileges below the caller's own level, like those that the caller can grant.
// Lost responses and an unavailable service are handled as by VirtualMachines.FindOrCreate.
func (s *PrivilegesService) FindOrGrant(ctx context.Context, user UserPath, grant PrivilegeGrant, options WaitOptions,
	opts ...CallOption) (p Privilege, granted bool, err error) {
	const operation = "find or grant privilege"
	subject := grant.subject(user)
	list := PrivilegeListOptions{Account: grant.Account, Group: grant.Group, VirtualMachine: grant.VirtualMachine}
	if len(grant.targets()) == 0 {
		list.User = user
	}
	invalid := cmp.Or(checkPath(user), grant.validate(), options.validate())
	name := string(user)
	if invalid == nil && user.isID() {
		u, err := clientOf(s).Users.Get(ctx, user)
		if err != nil {
			return Privilege{}, false, notSent(operation, subject, fmt.Errorf("looking up the user name: %w", err))
		}
		name = u.Username
	}
	return finder[Privilege]{
		operation + " " + subject,
		func(ctx context.Context) (Privilege, error) {
			privileges, err := s.List(ctx, list, opts...)
			i := slices.IndexFunc(privileges, func(p Privilege) bool {
				return strings.EqualFold(p.Username, name) && grant.matches(p)
			})
			if err == nil && i < 0 {
				err = notFoundError(operation, subject, privilegesRoute)
			}
			if err != nil {
				return Privilege{}, err
			}
			return privileges[i], nil
		},
		func(ctx context.Context) (Privilege, error) { return s.Grant(ctx, user, grant, opts...) },
	}.findOrCreate(ctx, clientOf(s), invalid, options)
}

// matches reports whether a privilege on the target of the grant is what the grant would create,
// apart from conditions that the grant does not set.
func (g PrivilegeGrant) matches(p Privilege) bool {
	age, ageSet := g.YubikeyOTPMaxAge.Get()
	has, hasAge := p.YubikeyOTPMaxAge.Get()
	restrictions, _ := g.IPRestrictions.Get()
	return p.Level == g.Level && p.APIKeyID == g.APIKeyID &&
		(g.PasswordRequired == nil || *g.PasswordRequired == p.PasswordRequired) &&
		(g.YubikeyRequired == nil || *g.YubikeyRequired == p.YubikeyRequired) &&
		(g.YubikeyOTPMaxAge.IsZero() || age == has && ageSet == hasAge) &&
		(g.IPRestrictions.IsZero() || bytes.Equal(compactJSON(restrictions), compactJSON(p.IPRestrictions)))
}

// compactJSON returns raw JSON without spaces. No JSON is null.
func compactJSON(raw json.RawMessage) []byte {
	var compact bytes.Buffer
	if len(raw) == 0 || json.Compact(&compact, raw) != nil {
		return []byte("null")
	}
	return compact.Bytes()
}

// finder finds and creates a resource.
type finder[T any] struct {
	what        string
	get, create func(context.Context) (T, error)
}

// findOrCreate calls get, and create if get returned ErrNotFound. What it does if create fails is
// described at the beginning of this file.
func (f finder[T]) findOrCreate(ctx context.Context, c *Client, invalid error, options WaitOptions) (found T, created bool, err error) {
	var none T
	if err := cmp.Or(invalid, options.validate()); err != nil {
		return none, false, notSent(f.what, "", err)
	}
	options = options.withDefaults()
	deadline := time.Now().Add(options.Timeout)
	found, err = f.get(ctx)
	if !errors.Is(err, ErrNotFound) {
		return found, false, err
	}
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	for attempt, interval := 1, options.MinInterval; ; attempt++ {
		created, err := f.create(ctx)
		switch {
		case err == nil && checkComplete(created) != nil: // the response is empty, and the object has no path to read it by
			return f.lookAfter(ctx, missingResult(f.what, "", "the response does not contain the result"), options)
		case err == nil:
			return created, true, nil
		case errors.Is(err, ErrOutcomeUnknown), isReread(err):
			return f.lookAfter(ctx, err, options)
		case errors.Is(err, ErrBadRequest), errors.Is(err, ErrConflict):
			if found, getErr := f.get(ctx); getErr == nil {
				return found, false, nil // created by another program in the meantime
			}
			return none, false, err
		case !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrRateLimited):
			return none, false, err
		}
		pause := max(jitter(interval), requestedWait(err, deadline))
		if attempt >= c.retry.MaxAttempts || time.Now().Add(pause).After(deadline) {
			return none, false, err
		}
		if !sleep(ctx, pause) {
			return none, false, retry.ContextError(ctx, err)
		}
		interval = min(interval*3/2, options.MaxInterval)
		if found, getErr := f.get(ctx); !errors.Is(getErr, ErrNotFound) {
			if getErr != nil {
				getErr = notFound(err, getErr)
			}
			return found, getErr == nil, getErr
		}
	}
}

// lookAfter looks for a resource after the response to its creation was lost with err.
func (f finder[T]) lookAfter(ctx context.Context, err error, options WaitOptions) (found T, created bool, _ error) {
	exists := false
	_, subject, _ := strings.Cut(strings.TrimPrefix(f.what, "find or "), " ") // without "create" or "grant"
	found, pollErr := WaitFor(ctx, subject, func(ctx context.Context) (T, error) {
		seen, err := f.get(ctx)
		exists = err == nil
		return seen, err
	}, func(T) (bool, error) { return exists, nil }, options)
	if pollErr != nil {
		var none T
		return none, false, notFound(err, pollErr)
	}
	return found, true, nil
}

// notFound adds to the error of a creation why the resource was not found afterwards.
func notFound(err, lookErr error) error {
	return fmt.Errorf("%w; looking for it failed: %s; repeat the call later: it looks first", err, withoutPrefix(lookErr))
}
