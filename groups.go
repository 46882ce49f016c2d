package bigv

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"
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
// valid when the group is renamed.
func (g Group) Path() GroupPath {
	if g.AccountID == 0 {
		return GroupID(g.ID)
	}
	return AccountID(g.AccountID).Group(strconv.Itoa(g.ID))
}

// GroupCreate holds the attributes of a new group.
type GroupCreate struct {
	Name string `json:"name"` // required: letters, digits and hyphens, not all digits; unique in its account
}

// check returns an error if the name is invalid.
func (g GroupCreate) check() error { return checkNewName("the group's name", g.Name) }

// GroupListOptions selects the groups to list.
type GroupListOptions struct {
	Account AccountPath // zero means the groups of all accounts that the caller can see
}

// accountQuery holds the query parameters that select an account in flat lists.
type accountQuery struct {
	AccountID   string `url:"account_id,omitempty"`
	AccountName string `url:"account_name,omitempty"`
}

// query returns the query parameters that select the account.
func (p AccountPath) query() (q accountQuery) {
	if p.isID() {
		q.AccountID = string(p)
	} else {
		q.AccountName = string(p)
	}
	return q
}

// GroupsService creates, renames and deletes groups.
type GroupsService struct{ client *Client }

// List returns the groups that the options select: GET /accounts/{account}/groups.
//
// It calls GET /groups if the options name no account, or if the client uses FlatURLs.
func (s *GroupsService) List(ctx context.Context, options GroupListOptions, opts ...CallOption) ([]Group, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list groups", t.subject(), err)
	}
	return list(ctx, s.client, "list groups", t, believe, opts)
}

// All returns an iterator over the groups that the options select. It calls the endpoint of List
// and yields each group as it arrives. If the call fails, the iterator yields a zero Group with the
// error and stops.
func (s *GroupsService) All(ctx context.Context, options GroupListOptions, opts ...CallOption) iter.Seq2[Group, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[Group](notSent("list groups", t.subject(), err))
	}
	return all(ctx, s.client, "list groups", t, believe, opts)
}

// listing returns the endpoint of a list, and a function that verifies that a group of the response
// matches the options.
func (s *GroupsService) listing(ctx context.Context, options GroupListOptions) (target, func(Group) error, error) {
	account, err := s.client.named(options.Account)
	switch {
	case err != nil || account == "":
		return under("/groups"), nil, err
	case s.client.style == NestedURLs:
		return at(account, "/groups"), nil, nil
	}
	belongs := s.client.accountFilter(ctx, account)
	return under("/groups").with(account.query()).of(string(account)), func(g Group) error {
		if ok, err := belongs(g.AccountID, ""); !ok {
			return orIgnored(err, "account", account.isID())
		}
		return nil
	}, checkPath(account)
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
	if s.client.style == NestedURLs || group.bare {
		return read[Group](ctx, s.client, operation, at(group, ""), opts)
	}
	t, believe, err := s.listing(ctx, GroupListOptions{Account: group.account})
	if err = cmp.Or(checkPath(group), err); err != nil {
		return Group{}, notSent(operation, group.String(), err)
	}
	if group.isID() {
		return readHeld(ctx, s.client, operation, group, at(bareGroup(group.group), ""), believe, opts)
	}
	g, err := match(ctx, s.client, operation, group, t, believe, func(g Group) bool { return equalNames(g.Name, group.group) }, opts)
	if errors.Is(err, ErrNotFound) && group.group == DefaultGroupName {
		// The default group may have been renamed. Only the nested URL still finds it by this name.
		return read[Group](ctx, s.client, operation, at(group, ""), opts)
	}
	return g, err
}

// isDefaultGroup returns a function that reports whether id is the ID of group, if group names the
// default group of an account. The service accepts the name "default" for that group even after it
// has been renamed.
func (c *Client) isDefaultGroup(ctx context.Context, group GroupPath) func(id int) (bool, error) {
	known := 0
	return func(id int) (bool, error) {
		if group.group != DefaultGroupName || group.account == "" {
			return false, nil
		}
		if known == 0 {
			g, err := read[Group](ctx, c, "get group", at(group, ""), nil)
			if err != nil {
				return false, err
			}
			known = g.ID
		}
		return id == known, nil
	}
}

// Create creates a group: POST /accounts/{account}/groups. Groups cost nothing.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, look the group up by name before calling Create again, or use
// FindOrCreate.
func (s *GroupsService) Create(ctx context.Context, account AccountPath, group GroupCreate, opts ...CallOption) (Group, error) {
	return call(ctx, s.client, posting("create group"), at(account, "/groups").of(account.Group(group.Name).String()), group,
		func(ctx context.Context) (Group, error) {
			return s.Get(ctx, account.Group(group.Name))
		}, opts)
}

// Rename changes the name of a group: PUT /accounts/{account}/groups/{group}.
//
// The host names of its virtual machines change too. Calls with a path that contains the old name
// return ErrNotFound afterwards. Rename is never retried once the service may have processed it.
func (s *GroupsService) Rename(ctx context.Context, group GroupPath, name string, opts ...CallOption) (Group, error) {
	return call(ctx, s.client, puttingOnce("rename group"), at(group, ""), GroupCreate{Name: name},
		func(ctx context.Context) (Group, error) {
			if group.isID() {
				return s.Get(ctx, group)
			}
			return s.Get(ctx, group.account.Group(name))
		}, opts)
}

// Delete deletes a group: DELETE /accounts/{account}/groups/{group}. While the group contains
// virtual machines, deleted ones included, the error matches ErrBadRequest; purge them first.
func (s *GroupsService) Delete(ctx context.Context, group GroupPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete group"), at(group, ""), nil, opts)
}

// Resolve returns the full path of a group, with its account. It reads the group if the path is an
// ID alone; a path that is full already is returned unchanged and nothing is sent.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
func (s *GroupsService) Resolve(ctx context.Context, group GroupPath, opts ...CallOption) (GroupPath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(group)); err != nil {
		return GroupPath{}, notSent("resolve group", group.String(), err)
	}
	if isFull(group) {
		return group, nil
	}
	g, err := s.Get(ctx, group, opts...)
	if err != nil {
		return GroupPath{}, err
	}
	return g.Path(), nil
}

func (p GroupPath) nested() (template string, depth int) { return groupTemplate, groupDepth }
func (p GroupPath) flat() string                         { return "/groups" }
func (p GroupPath) text() string                         { return p.String() }
func (p GroupPath) parents(ctx context.Context, c *Client) (place, error) {
	return c.Groups.Resolve(ctx, p)
}

func (g Group) identity() int { return g.ID }
