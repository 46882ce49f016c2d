package bigv

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/bigv-go/bigv/internal/route"
)

// What the flat style needs: the API ignores parameters that it does not know,
// so an answer is held against what was asked for.

func (p AccountPath) isID() bool        { return route.IsID(string(p)) }
func (p UserPath) isID() bool           { return route.IsID(string(p)) }
func (p GroupPath) isID() bool          { return route.IsID(p.group) }
func (p VirtualMachinePath) isID() bool { return route.IsID(p.machine) }
func (p DiscPath) isID() bool           { return route.IsID(p.disc) }

// checkPath refuses a path with a segment that could never be sent, and names
// it.
func checkPath(p place) error {
	segments := p.segments()
	if segments.n == 0 {
		return errNoPath
	}
	for i, segment := range segments.list[:segments.n] {
		if err := route.Check(segment); err != nil {
			template, _ := p.nested()
			names := placeholder.FindAllString(template, -1)
			return fmt.Errorf("%s %w", strings.Trim(names[len(names)-1-i], "{}"), err)
		}
	}
	return nil
}

var (
	placeholder = regexp.MustCompile(`\{[^}]*\}`)
	errNoPath   = errors.New("the path names nothing")
)

// orIgnored is err, or the error of a filter that was ignored.
func orIgnored(err error, filter string, isID bool) error {
	switch {
	case err != nil:
		return fmt.Errorf("checking the filter by %s: %w", filter, err)
	case isID:
		return ignored(filter + "_id")
	}
	return ignored(filter + "_name")
}

type ofMachineQuery struct {
	machineQuery
	VMID   string `url:"vm_id,omitempty"`
	VMName string `url:"vm_name,omitempty"`
}

// ofMachine is where a virtual machine's discs, or the like, are listed: all
// there are, if it names none. It also gives what holds the elements of a flat
// list against the machine; machineID is what an element tells of it.
func ofMachine[T any](ctx context.Context, c *Client, vm VirtualMachinePath, collection string, machineID func(T) int) (target, func(T) error, error) {
	switch {
	case vm.IsZero():
		return under(collection), nil, nil
	case isFull(vm) && c.style == NestedURLs:
		return at(vm, collection), nil, nil
	}
	t, query := under(collection).of(vm.String()), ofMachineQuery{VMID: vm.machine}
	if !vm.isID() {
		var err error
		if query.machineQuery, err = c.machineQuery(vm.group); err != nil {
			return t, nil, err
		}
		query.VMID, query.VMName = "", vm.machine
	}
	id := query.VMID
	return t.with(query), func(element T) error {
		if id == "" {
			found, err := c.VirtualMachines.Get(ctx, vm, WithDeleted())
			if err != nil {
				return orIgnored(err, "vm", false)
			}
			id = strconv.Itoa(found.ID)
		}
		if strconv.Itoa(machineID(element)) != id {
			return orIgnored(nil, "vm", vm.isID())
		}
		return nil
	}, checkPath(vm)
}

// match reads a flat list and returns the one element that a name stands for.
func match[T any](ctx context.Context, c *Client, operation string, p place, t target, believe func(T) error, matches func(T) bool, opts []CallOption) (T, error) {
	var zero T
	elements, err := list(ctx, c, operation, t.of(p.text()), believe, opts)
	if err != nil {
		return zero, err
	}
	for _, element := range elements {
		if matches(element) {
			return element, nil
		}
	}
	return zero, absent(operation, p, t.suffix)
}

// readHeld reads a thing by its ID alone, and holds it against the path that it
// was asked for by: elsewhere it is not found.
func readHeld[T any](ctx context.Context, c *Client, operation string, p place, t target, believe func(T) error, opts []CallOption) (T, error) {
	element, err := read[T](ctx, c, operation, t.of(p.text()), opts)
	if err == nil && believe != nil {
		if err = believe(element); errors.Is(err, ErrFilterIgnored) {
			err = absent(operation, p, t.place.flat()+"/{ID}")
		}
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return element, nil
}

// absent is the error of what a flat answer does not hold.
func absent(operation string, p place, route string) error {
	return (&Error{
		Operation: operation, Subject: p.text(), Method: http.MethodGet, Route: route, URL: route,
		StatusCode: http.StatusNotFound, Attempts: 1,
	}).typed()
}

// untold is the error of a write that was done, and whose answer lacks what it
// was done for.
func untold(operation, subject, why string) error {
	return fmt.Errorf("bigv: %s: it was done, but its %w: %s", describe(operation, subject), ErrInvalidResponse, why)
}

// failed is the iterator of a list that cannot be asked for.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}

// The ID that a path stands for: some requests take IDs only.

func (s *AccountsService) id(ctx context.Context, account AccountPath) (int, error) {
	account, err := s.client.named(account)
	if err == nil {
		err = checkPath(account)
	}
	if err != nil || account.isID() {
		return idOf(string(account), err)
	}
	a, err := s.Get(ctx, account)
	return idSaid(a.ID, err)
}

func (s *GroupsService) id(ctx context.Context, group GroupPath) (int, error) {
	if err := checkPath(group); err != nil || group.isID() {
		return idOf(group.group, err)
	}
	g, err := s.Get(ctx, group)
	return idSaid(g.ID, err)
}

func (s *VirtualMachinesService) id(ctx context.Context, vm VirtualMachinePath) (int, error) {
	if err := checkPath(vm); err != nil || vm.isID() {
		return idOf(vm.machine, err)
	}
	m, err := s.Get(ctx, vm)
	return idSaid(m.ID, err)
}

func (s *UsersService) id(ctx context.Context, user UserPath) (int, error) {
	if err := checkPath(user); err != nil || user.isID() {
		return idOf(string(user), err)
	}
	u, err := s.Get(ctx, user)
	return idSaid(u.ID, err)
}

// idSaid is the ID that a service said a thing has.
func idSaid(id int, err error) (int, error) {
	if err == nil && id <= 0 {
		err = fmt.Errorf("%w: it has no ID", ErrInvalidResponse)
	}
	return id, err
}

func idOf(digits string, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	id, err := strconv.Atoi(digits)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%s is not an ID", digits)
	}
	return id, nil
}
