package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/bigv-go/bigv/internal/route"
)

// Flat URLs filter lists by query parameters. The service ignores parameters that it does not know,
// so the functions in this file verify each element of a flat list against the filter. If that needs
// a lookup, it is done once for the whole list.

// errAccountsDiffer is returned for list options with an account and a group of another account.
var errAccountsDiffer = errors.New("Account and the account of Group differ: set only one of them")

// filterError is the error of a list with an element that its filter excludes.
type filterError struct{ parameter string }

// Error returns a message with the parameter that the service has ignored.
func (e *filterError) Error() string {
	return "the service ignored " + e.parameter + ": the list contains an element that does not match"
}

// Is reports whether target is ErrFilterIgnored.
func (e *filterError) Is(target error) bool { return target == ErrFilterIgnored }

// verificationError is the error of a request that the verification of a filter needs.
type verificationError struct {
	filter string
	err    error
}

// Error returns what was verified, and why it could not be.
func (e *verificationError) Error() string {
	return "verifying the filter by " + e.filter + ": " + withoutPrefix(e.err)
}

// Unwrap returns the error of the request.
func (e *verificationError) Unwrap() error { return e.err }

// lookUpOnce returns a function that does a lookup for a filter once, and one that only returns its
// error.
func lookUpOnce[T any](filter string, get func() (T, error)) (lookUp func() (T, error), prepare func() error) {
	lookUp = sync.OnceValues(func() (T, error) {
		found, err := get()
		if err != nil {
			err = &verificationError{filter, err}
		}
		return found, err
	})
	return lookUp, func() error {
		_, err := lookUp()
		return err
	}
}

// filterMismatch returns the error of an element that does not match a filter by ID or by name, or err
// if that is why it cannot be verified.
func filterMismatch(err error, filter string, byID bool) error {
	if err != nil {
		return err
	}
	if byID {
		return &filterError{filter + "_id"}
	}
	return &filterError{filter + "_name"}
}

// accountQuery filters by account.
type accountQuery struct {
	AccountID   string `url:"account_id,omitempty"`
	AccountName string `url:"account_name,omitempty"`
}

func newAccountQuery(account AccountPath) accountQuery {
	if account.isID() {
		return accountQuery{AccountID: string(account)}
	}
	return accountQuery{AccountName: string(account)}
}

// groupQuery filters by group and account.
type groupQuery struct {
	accountQuery
	GroupID   string `url:"group_id,omitempty"`
	GroupName string `url:"group_name,omitempty"`
}

// newGroupQuery returns the filter by a group, which may be zero.
func (c *Client) newGroupQuery(group GroupPath) (q groupQuery, err error) {
	if group.IsZero() {
		return q, nil
	}
	if group.isID() {
		q.GroupID = group.group
	} else {
		q.GroupName = group.group
	}
	account, err := c.resolveDefaultAccount(group.account)
	if err != nil {
		return q, err
	}
	if account != "" {
		q.accountQuery = newAccountQuery(account)
	} else if !group.idOnly {
		return q, fmt.Errorf("account %w", route.ErrEmpty)
	}
	return q, nil
}

// virtualMachineQuery filters by virtual machine, group and account.
type virtualMachineQuery struct {
	groupQuery
	VMID   string `url:"vm_id,omitempty"`
	VMName string `url:"vm_name,omitempty"`
}

// userQuery filters by user.
type userQuery struct {
	UserID   string `url:"user_id,omitempty"`
	UserName string `url:"user_name,omitempty"`
}

// privilegeIDQuery filters by privilege.
type privilegeIDQuery struct {
	PrivilegeID int `url:"privilege_id,omitempty"`
}

// virtualMachineListQuery is the query of a list of virtual machines.
type virtualMachineListQuery struct {
	groupQuery
	View           View `url:"view,omitempty"`
	IncludeDeleted bool `url:"include_deleted,omitempty"`
}

// groupList returns the endpoint of a list of groups and the verification of its elements, which
// may be nil.
func (c *Client) groupList(ctx context.Context, options GroupListOptions) (endpoint, func(Group) error, error) {
	account, err := c.resolveDefaultAccount(options.Account)
	switch {
	case err != nil || account == "":
		return fixed(groupsRoute), nil, err
	case c.style == NestedURLs:
		return below(account, groupsRoute), nil, nil
	}
	inAccount, lookUp := c.inAccount(ctx, account)
	if account.isID() {
		lookUp = nil // groups have the ID
	}
	verify := func(g Group) error {
		if ok, err := inAccount(g.AccountID, ""); !ok {
			return filterMismatch(err, "account", account.isID())
		}
		return nil
	}
	e := fixed(groupsRoute).withQuery(newAccountQuery(account)).about(string(account)).withLookUp(lookUp)
	return e, verify, checkPath(account)
}

// virtualMachineList returns the endpoint of a list of virtual machines and the verification of its
// elements, which may be nil.
func (c *Client) virtualMachineList(
	ctx context.Context, options VirtualMachineListOptions,
) (endpoint, func(VirtualMachine) error, error) {
	query := virtualMachineListQuery{View: options.View, IncludeDeleted: options.IncludeDeleted}
	group, account := options.Group, options.Account
	if group.account != "" && account != "" && !c.sameAccount(group.account, account) {
		return below(group, virtualMachinesRoute), nil, errAccountsDiffer
	}
	if group.idOnly && account != "" {
		group = account.Group(group.group)
	}
	if !group.IsZero() && isComplete(group) && c.style == NestedURLs {
		return below(group, virtualMachinesRoute).withQuery(query), nil, nil
	}
	e := fixed(virtualMachinesRoute).about(cmp.Or(group.display(), string(account)))
	var err error
	if query.groupQuery, err = c.newGroupQuery(group); err != nil {
		return e, nil, err
	}
	if !group.IsZero() {
		account = group.account
	}
	if account, err = c.resolveDefaultAccount(account); err != nil {
		return e, nil, err
	}
	if !group.IsZero() {
		err = checkPath(group)
	} else if account != "" {
		query.accountQuery = newAccountQuery(account)
		err = checkPath(account)
	}
	verify, lookUp := c.inScope(ctx, account, group)
	return e.withQuery(query).withLookUp(lookUp), verify, err
}

// inScope returns a function that verifies that a virtual machine belongs to an account and a
// group, and the lookup that it may need. A zero path matches everything.
func (c *Client) inScope(
	ctx context.Context, account AccountPath, group GroupPath,
) (verify func(VirtualMachine) error, lookUp func() error) {
	inAccount, lookUpAccount := c.inAccount(ctx, account)
	isDefaultGroup, lookUpGroup := c.isDefaultGroup(ctx, group)
	verify = func(vm VirtualMachine) error {
		groupName, accountName, _ := vm.parents()
		if group.isID() {
			if strconv.Itoa(vm.GroupID) != group.group {
				return filterMismatch(nil, "group", true)
			}
		} else if !group.IsZero() && !strings.EqualFold(groupName, group.group) {
			if ok, err := isDefaultGroup(vm.GroupID); !ok {
				return filterMismatch(err, "group", false)
			}
		}
		if account == "" {
			return nil
		}
		if ok, err := inAccount(0, accountName); !ok {
			return filterMismatch(err, "account", account.isID())
		}
		return nil
	}
	lookUp = func() error {
		if account.isID() { // the machines have the name
			if err := lookUpAccount(); err != nil {
				return err
			}
		}
		return lookUpGroup()
	}
	return verify, lookUp
}

// inAccount returns a function that reports whether an element belongs to an account, and the lookup
// that it may need. The function is given the ID or the name of the element's account; 0 and empty
// mean unknown.
func (c *Client) inAccount(
	ctx context.Context, account AccountPath,
) (inAccount func(id int, name string) (bool, error), prepare func() error) {
	lookUp, prepare := lookUpOnce("account", func() (Account, error) { return c.Accounts.Get(ctx, account) })
	inAccount = func(id int, name string) (bool, error) {
		if account.isID() && id != 0 {
			return AccountID(id) == account, nil
		}
		if !account.isID() && name != "" {
			return strings.EqualFold(name, string(account)), nil
		}
		found, err := lookUp()
		if err != nil {
			return false, err
		}
		if id != 0 {
			return id == found.ID, nil
		}
		return name != "" && strings.EqualFold(name, found.Name), nil
	}
	return inAccount, prepare
}

// isDefaultGroup returns a function that reports whether an ID is that of the account's default
// group, and the lookup that it may need. It always reports false unless group has the name default,
// which in a path identifies the default group even after it has been renamed.
func (c *Client) isDefaultGroup(
	ctx context.Context, group GroupPath,
) (isDefault func(id int) (bool, error), prepare func() error) {
	if group.group != DefaultGroupName || group.account == "" {
		return func(int) (bool, error) { return false, nil }, func() error { return nil }
	}
	lookUp, prepare := lookUpOnce("group", func() (Group, error) {
		return get[Group](ctx, c, reading("get group", resource(group)), nil)
	})
	isDefault = func(id int) (bool, error) {
		found, err := lookUp()
		return err == nil && id == found.ID, err
	}
	return isDefault, prepare
}

// machineList returns the endpoint of a list of a virtual machine's discs or network interfaces, or
// of all of them if vm is zero, and the verification of its elements, which may be nil. machineID
// returns the ID of an element's virtual machine.
func machineList[T any](
	ctx context.Context, c *Client, vm VirtualMachinePath, collection string, machineID func(T) int,
) (endpoint, func(T) error, error) {
	if vm.IsZero() {
		return fixed(collection), nil, nil
	}
	if isComplete(vm) && c.style == NestedURLs {
		return below(vm, collection), nil, nil
	}
	e, query := fixed(collection).about(vm.display()), virtualMachineQuery{VMID: vm.machine}
	if !vm.isID() {
		var err error
		if query.groupQuery, err = c.newGroupQuery(vm.group); err != nil {
			return e, nil, err
		}
		query.VMID, query.VMName = "", vm.machine
	}
	lookUp, prepare := lookUpOnce("vm", func() (string, error) {
		if vm.isID() {
			return vm.machine, nil
		}
		found, err := c.VirtualMachines.Get(ctx, vm, WithDeleted())
		return strconv.Itoa(found.ID), err
	})
	verify := func(element T) error {
		if id, err := lookUp(); err != nil || strconv.Itoa(machineID(element)) != id {
			return filterMismatch(err, "vm", vm.isID())
		}
		return nil
	}
	return e.withQuery(query).withLookUp(prepare), verify, checkPath(vm)
}

// findByName requests the list of op and returns its first element that matches. If there is none,
// the error matches ErrNotFound.
func findByName[T any](
	ctx context.Context, c *Client, op operation, verify func(T) error, matches func(T) bool, opts []CallOption,
) (T, error) {
	var zero T
	elements, err := list(ctx, c, op, verify, opts)
	if err != nil {
		return zero, err
	}
	for _, element := range elements {
		if matches(element) {
			return element, nil
		}
	}
	return zero, notFoundError(op.name, op.endpoint.describe(), op.endpoint.template())
}

// getVerified returns the object that op reads by its ID alone. If verify reports that the object
// does not belong to the parents in the path of the caller, the error matches ErrNotFound.
func getVerified[T any](ctx context.Context, c *Client, op operation, verify func(T) error, opts []CallOption) (T, error) {
	var zero T
	element, err := get[T](ctx, c, op, opts)
	if err != nil || verify == nil {
		return element, err
	}
	if err := verify(element); errors.Is(err, ErrFilterIgnored) {
		return zero, notFoundError(op.name, op.endpoint.describe(), op.endpoint.path.kind().collection+"/{ID}")
	} else if err != nil {
		return zero, &callError{describe(op.name, op.endpoint.describe()), err}
	}
	return element, nil
}
