package bigv

import (
	"context"
	"errors"
	"iter"
	"strings"
)

// Account owns groups. Its name never changes.
type Account struct {
	ID        int     `json:"id"`               // never changes
	Name      string  `json:"name"`             // unique at the service
	Suspended bool    `json:"suspended"`        // readable, but nothing in it can be changed
	Groups    []Group `json:"groups,omitempty"` // with Overview only
	Type      string  `json:"type,omitzero"`    // with Overview only
}

// Path is the account by ID.
func (a Account) Path() AccountPath { return AccountID(a.ID) }

// AccountCreate is what a new account is made of.
type AccountCreate struct {
	Name string `json:"name"` // letters, digits and hyphens
}

func (a AccountCreate) check() error { return checkNewName("the account's name", a.Name) }

// AccountListOptions says which accounts to list, and how.
type AccountListOptions struct {
	View           View `url:"view,omitempty"`            // Overview embeds groups, and all below them
	IncludeDeleted bool `url:"include_deleted,omitempty"` // deleted virtual machines too, in an Overview
}

// AccountsService reads accounts.
type AccountsService struct{ client *Client }

// List returns the accounts you can see: GET /accounts.
func (s *AccountsService) List(ctx context.Context, options AccountListOptions, opts ...CallOption) ([]Account, error) {
	return list[Account](ctx, s.client, "list accounts", under("/accounts").with(options), nil, opts)
}

// All hands out the accounts you can see one at a time, as they arrive.
func (s *AccountsService) All(ctx context.Context, options AccountListOptions, opts ...CallOption) iter.Seq2[Account, error] {
	return all[Account](ctx, s.client, "list accounts", under("/accounts").with(options), nil, opts)
}

// Get returns an account: GET /accounts/{account}. WithView(Overview) embeds its
// groups.
func (s *AccountsService) Get(ctx context.Context, account AccountPath, opts ...CallOption) (Account, error) {
	return read[Account](ctx, s.client, "get account", at(account, ""), opts)
}

// Create makes an account: POST /accounts. It is never sent again after it may
// have been carried out.
//
// Deprecated: the service documents it no longer. Sign up with Bytemark for an
// account, which is not a matter of this API, and find it with List.
func (s *AccountsService) Create(ctx context.Context, account AccountCreate, opts ...CallOption) (Account, error) {
	return call(ctx, s.client, posting("create account"), under("/accounts").of(account.Name), account, func(ctx context.Context) (Account, error) {
		return s.Get(ctx, AccountPath(account.Name))
	}, opts)
}

// Delete removes an account: DELETE /accounts/{account}. It needs more rights
// than an account's owner has.
//
// Deprecated: the service documents it no longer. Purge what is in the account,
// with VirtualMachines.Purge and Groups.Delete, and have Bytemark close it.
func (s *AccountsService) Delete(ctx context.Context, account AccountPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete account"), at(account, ""), nil, opts)
}

func (p AccountPath) nested() (template string, depth int) { return accountTemplate, accountDepth }
func (p AccountPath) flat() string                         { return "" }
func (p AccountPath) text() string                         { return string(p) }
func (p AccountPath) parents(context.Context, *Client) (place, error) {
	return p, nil
}

// accountFilter tells whether an element of a flat list belongs to an account,
// whichever of name and ID the element tells and the caller gave.
func (c *Client) accountFilter(ctx context.Context, account AccountPath) func(id int, name string) (bool, error) {
	var found *Account
	return func(id int, name string) (bool, error) {
		switch isID := account.isID(); {
		case isID && id != 0:
			return AccountID(id) == account, nil
		case !isID && name != "":
			return strings.EqualFold(name, string(account)), nil
		}
		if found == nil {
			read, err := c.Accounts.Get(ctx, account)
			if err != nil {
				return false, err
			}
			found = &read
		}
		if id != 0 {
			return id == found.ID, nil
		}
		return name != "" && strings.EqualFold(name, found.Name), nil
	}
}

// ignored is the error of an answer that does not bear its filter out.
func ignored(parameter string) error {
	return &filterError{parameter}
}

type filterError struct{ parameter string }

func (e *filterError) Error() string {
	return "the service ignored " + e.parameter + ": the list holds what it excludes"
}

func (e *filterError) Is(target error) bool { return target == ErrFilterIgnored }

var errDisagree = errors.New("the account and the group's account are not the same")

func (a Account) identity() int { return a.ID }
