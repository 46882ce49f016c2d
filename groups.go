package bigv

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
)

// Group represents a group of virtual machines in an account. Every account starts with a group
// called "default".
type Group struct {
	ID              int              `json:"id"`                         // unique at the service, never changes
	AccountID       int              `json:"account_id"`                 // ID of the account it belongs to
	Name            string           `json:"name"`                       // unique in its account
	VirtualMachines []VirtualMachine `json:"virtual_machines,omitempty"` // set only with Overview
	Type            string           `json:"type,omitzero"`              // media type; set only with Overview
}

// Path returns a path that identifies the group by its ID, in its account by ID. The path stays
// valid when the group is renamed. Errors show its name; String returns the IDs.
func (g Group) Path() GroupPath {
	if g.AccountID == 0 {
		return GroupID(g.ID)
	}
	path := AccountID(g.AccountID).Group(strconv.Itoa(g.ID))
	path.name = g.Name
	return path
}

// GroupCreate holds the attributes of a new group.
type GroupCreate struct {
	Name string `json:"name"` // required: letters, digits and hyphens, not all digits; unique in its account
}

// validate returns an error if the name is invalid.
func (g GroupCreate) validate() error { return checkNewName("name", g.Name) }

// GroupListOptions selects the groups to list.
type GroupListOptions struct {
	Account AccountPath // zero means the groups of all accounts that the caller can see
}

// GroupsService creates, renames and deletes groups.
type GroupsService struct{ client *Client }

const groupsRoute = "/groups"

// List returns the groups that the options select: GET /accounts/{account}/groups.
//
// It calls GET /groups if the options name no account, or if the client uses FlatURLs.
func (s *GroupsService) List(ctx context.Context, options GroupListOptions, opts ...CallOption) ([]Group, error) {
	e, verify, err := clientOf(s).groupList(ctx, options)
	if err != nil {
		return nil, notSent("list groups", e.describe(), err)
	}
	return list(ctx, clientOf(s), listing("list groups", e), verify, opts)
}

// All returns an iterator over the groups that the options select. It calls the endpoint of List
// and yields each group as it arrives. If the call fails, the iterator yields a zero Group with the
// error and stops.
func (s *GroupsService) All(ctx context.Context, options GroupListOptions, opts ...CallOption) iter.Seq2[Group, error] {
	e, verify, err := clientOf(s).groupList(ctx, options)
	if err != nil {
		return errSeq[Group](notSent("list groups", e.describe(), err))
	}
	return all(ctx, clientOf(s), listing("list groups", e), verify, opts)
}

// Get returns a group: GET /accounts/{account}/groups/{group}, or GET /groups/{ID} for a path with
// an ID alone. WithView(Overview) embeds its virtual machines.
//
// If the group does not exist, or the caller may not see it, the error matches ErrNotFound.
//
// With FlatURLs, Get finds a group by name in the list of its account: GET
// /groups?account_name=acme, which is read completely. A group by ID is read with GET /groups/{ID};
// if it is in another account, the error matches ErrNotFound. The response contains only the ID of
// the account, so an account by name is read too: GET /accounts/{account}.
func (s *GroupsService) Get(ctx context.Context, group GroupPath, opts ...CallOption) (Group, error) {
	const operation = "get group"
	if clientOf(s).style == NestedURLs || group.idOnly {
		return get[Group](ctx, clientOf(s), reading(operation, resource(group)), opts)
	}
	e, verify, err := clientOf(s).groupList(ctx, GroupListOptions{Account: group.account})
	if err = cmp.Or(checkPath(group), err); err != nil {
		return Group{}, notSent(operation, group.display(), err)
	}
	if group.isID() {
		op := reading(operation, resource(groupIDOnly(group.group)).about(group.display()))
		return getVerified(ctx, clientOf(s), op, verify, opts)
	}
	hasName := func(g Group) bool { return strings.EqualFold(g.Name, group.group) }
	g, err := findByName(ctx, clientOf(s), listing(operation, e.about(group.display())), verify, hasName, opts)
	if errors.Is(err, ErrNotFound) && group.group == DefaultGroupName {
		// The default group may have been renamed. Only the nested URL still finds it by this name.
		return get[Group](ctx, clientOf(s), reading(operation, resource(group)), opts)
	}
	return g, err
}

// Create creates a group: POST /accounts/{account}/groups. Groups cost nothing.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, look the group up by name before calling Create again, or use
// FindOrCreate.
func (s *GroupsService) Create(ctx context.Context, account AccountPath, group GroupCreate, opts ...CallOption) (Group, error) {
	op := posting("create group", below(account, groupsRoute).about(account.Group(group.Name).display()), group)
	reread := func(ctx context.Context) (Group, error) { return s.Get(ctx, account.Group(group.Name)) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// Rename changes the name of a group: PUT /accounts/{account}/groups/{group}.
//
// The host names of its virtual machines change too. Afterwards, calls with a path that contains
// the old name return an error that matches ErrNotFound. Rename is not idempotent, so it is never
// retried once the service may have processed it.
func (s *GroupsService) Rename(ctx context.Context, group GroupPath, name string, opts ...CallOption) (Group, error) {
	op := puttingOnce("rename group", resource(group), GroupCreate{Name: name})
	reread := func(ctx context.Context) (Group, error) {
		if group.isID() {
			return s.Get(ctx, group)
		}
		return s.Get(ctx, group.account.Group(name))
	}
	return write(ctx, clientOf(s), op, reread, opts)
}

// Delete deletes a group: DELETE /accounts/{account}/groups/{group}. While the group contains
// virtual machines, including deleted ones, the error matches ErrBadRequest; purge them first.
// Delete is idempotent, so it is retried.
func (s *GroupsService) Delete(ctx context.Context, group GroupPath, opts ...CallOption) error {
	op := deleting("delete group", resource(group)).refusedIf("the group must be empty: purge its machines, also the deleted ones")
	return execute(ctx, clientOf(s), op, opts)
}

// Resolve returns the full path of a group, with its account. It reads the group if the path is an
// ID alone; a path that is full already is returned unchanged and nothing is sent.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
func (s *GroupsService) Resolve(ctx context.Context, group GroupPath, opts ...CallOption) (GroupPath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(group)); err != nil {
		return GroupPath{}, notSent("resolve group", group.display(), err)
	}
	if isComplete(group) {
		return group, nil
	}
	g, err := s.Get(ctx, group, opts...)
	if err != nil {
		return GroupPath{}, err
	}
	g.Name = "" // the path is for requests, not for display
	return g.Path(), nil
}

// id returns the ID of a group for a write. It reads the group if the path has only its name, with
// the nested URL, as writes do: a flat list would be longer, and verifying it needs another request.
func (s *GroupsService) id(ctx context.Context, group GroupPath) (int, error) {
	if err := checkPath(group); err != nil {
		return 0, err
	}
	if group.isID() {
		return parseID(group.group)
	}
	found, err := get[Group](ctx, clientOf(s), reading("get group", resource(group)), nil)
	return responseID(found.ID, err)
}

// resolveParents implements [childPath].
func (p GroupPath) resolveParents(ctx context.Context, c *Client) (resourcePath, error) {
	return c.Groups.Resolve(ctx, p)
}

// objectID implements [identified].
func (g Group) objectID() int { return g.ID }
