package bigv

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"
)

// Group holds virtual machines of an account. Every account starts with one
// called default.
type Group struct {
	ID              int              `json:"id"`                         // never changes
	AccountID       int              `json:"account_id"`                 // of the account it belongs to
	Name            string           `json:"name"`                       // unique in its account
	VirtualMachines []VirtualMachine `json:"virtual_machines,omitempty"` // with Overview only
	Type            string           `json:"type,omitzero"`              // with Overview only
}

// Path is the group by ID in its account by ID: it stays true when the group is
// renamed.
func (g Group) Path() GroupPath {
	if g.AccountID == 0 {
		return GroupID(g.ID)
	}
	return AccountID(g.AccountID).Group(strconv.Itoa(g.ID))
}

// GroupCreate is what a new group is made of.
type GroupCreate struct {
	Name string `json:"name"` // letters, digits and hyphens; not all digits; unique in its account
}

func (g GroupCreate) check() error { return checkNewName("the group's name", g.Name) }

// GroupListOptions says which groups to list.
type GroupListOptions struct {
	Account AccountPath // zero is all accounts you can see
}

type accountQuery struct {
	AccountID   string `url:"account_id,omitempty"`
	AccountName string `url:"account_name,omitempty"`
}

func (p AccountPath) query() (q accountQuery) {
	if p.isID() {
		q.AccountID = string(p)
	} else {
		q.AccountName = string(p)
	}
	return q
}

// GroupsService manages groups.
type GroupsService struct{ client *Client }

// List returns groups: GET /accounts/{account}/groups, or GET /groups for all of
// them and with FlatURLs.
func (s *GroupsService) List(ctx context.Context, options GroupListOptions, opts ...CallOption) ([]Group, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list groups", t.subject(), err)
	}
	return list(ctx, s.client, "list groups", t, believe, opts)
}

// All hands out groups one at a time, as they arrive. It calls what List calls.
func (s *GroupsService) All(ctx context.Context, options GroupListOptions, opts ...CallOption) iter.Seq2[Group, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[Group](notSent("list groups", t.subject(), err))
	}
	return all(ctx, s.client, "list groups", t, believe, opts)
}

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

// Get returns a group: GET /accounts/{account}/groups/{group}, or GET
// /groups/{ID} for an ID alone. WithView(Overview) embeds its virtual machines.
//
// With FlatURLs a name is looked for in the list of its account, GET
// /groups?account_name=acme, which is read whole; no group of that name is
// ErrNotFound. An ID is read by GET /groups/{ID}, and is ErrNotFound if it is in
// another account. Groups tell their account by ID only, so an account by name is
// read too: GET /accounts/{account}.
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
	if errors.Is(err, ErrNotFound) && group.group == DefaultGroupName { // it has been renamed, and only the nested style knows it by this name
		return read[Group](ctx, s.client, operation, at(group, ""), opts)
	}
	return g, err
}

// isDefaultGroup tells whether an ID is that of the group that group names, if it
// names the default one: that goes by the name default whatever it is called.
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

// Create makes a group: POST /accounts/{account}/groups. It costs nothing. The
// call is never sent again after it may have been carried out.
func (s *GroupsService) Create(ctx context.Context, account AccountPath, group GroupCreate, opts ...CallOption) (Group, error) {
	return call(ctx, s.client, posting("create group"), at(account, "/groups").of(account.Group(group.Name).String()), group, func(ctx context.Context) (Group, error) {
		return s.Get(ctx, account.Group(group.Name))
	}, opts)
}

// Rename gives a group another name: PUT /accounts/{account}/groups/{group}.
// The host names of its virtual machines change with it, and paths with the old
// name are ErrNotFound from then on. It is never sent again by itself.
func (s *GroupsService) Rename(ctx context.Context, group GroupPath, name string, opts ...CallOption) (Group, error) {
	return call(ctx, s.client, puttingOnce("rename group"), at(group, ""), GroupCreate{Name: name}, func(ctx context.Context) (Group, error) {
		if group.isID() {
			return s.Get(ctx, group)
		}
		return s.Get(ctx, group.account.Group(name))
	}, opts)
}

// Delete removes a group: DELETE /accounts/{account}/groups/{group}. It is
// ErrBadRequest while the group holds virtual machines, deleted ones included:
// purge them first.
func (s *GroupsService) Delete(ctx context.Context, group GroupPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete group"), at(group, ""), nil, opts)
}

// Resolve finds the account of a group that is named by ID alone, and returns
// its full path. Writes do so by themselves; those who write often save the
// request. A full path is returned as it is.
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
