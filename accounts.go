package bigv

import (
	"context"
	"errors"
	"iter"
	"strings"
)

// Account represents a customer account, which contains groups.
type Account struct {
	ID        int     `json:"id"`               // unique at the service, never changes
	Name      string  `json:"name"`             // unique at the service, never changes
	Suspended bool    `json:"suspended"`        // whether the account is suspended: it can be read but not changed
	Groups    []Group `json:"groups,omitempty"` // set only with Overview
	Type      string  `json:"type,omitzero"`    // media type; set only with Overview
}

// Path returns a path that identifies the account by its ID.
func (a Account) Path() AccountPath { return AccountID(a.ID) }

// AccountCreate holds the attributes of a new account.
type AccountCreate struct {
	Name string `json:"name"` // required: letters, digits and hyphens, not all digits
}

// check returns an error if the name is invalid.
func (a AccountCreate) check() error { return checkNewName("the account's name", a.Name) }

// AccountListOptions selects how much of each account a list returns.
type AccountListOptions struct {
	View           View `url:"view,omitempty"`            // Overview embeds groups and everything in them
	IncludeDeleted bool `url:"include_deleted,omitempty"` // whether an Overview contains deleted virtual machines
}

// AccountsService reads accounts.
type AccountsService struct{ client *Client }

// List returns the accounts that the caller can see: GET /accounts.
func (s *AccountsService) List(ctx context.Context, options AccountListOptions, opts ...CallOption) ([]Account, error) {
	return list[Account](ctx, s.client, "list accounts", under("/accounts").with(options), nil, opts)
}

// All returns an iterator over the accounts that the caller can see: GET /accounts. It yields each
// account as it arrives. If the call fails, the iterator yields a zero Account with the error and
// stops.
func (s *AccountsService) All(ctx context.Context, options AccountListOptions, opts ...CallOption) iter.Seq2[Account, error] {
	return all[Account](ctx, s.client, "list accounts", under("/accounts").with(options), nil, opts)
}

// Get returns an account: GET /accounts/{account}. WithView(Overview) embeds its groups. If the
// account does not exist, or the caller may not see it, the error matches ErrNotFound.
func (s *AccountsService) Get(ctx context.Context, account AccountPath, opts ...CallOption) (Account, error) {
	return read[Account](ctx, s.client, "get account", at(account, ""), opts)
}

// Create creates an account: POST /accounts. It is not idempotent, so it is never retried once the
// service may have processed it.
//
// Deprecated: The service no longer documents this endpoint. Accounts are created by signing up
// with Bytemark, outside this API; find them with List.
func (s *AccountsService) Create(ctx context.Context, account AccountCreate, opts ...CallOption) (Account, error) {
	return call(ctx, s.client, posting("create account"), under("/accounts").of(account.Name), account,
		func(ctx context.Context) (Account, error) {
			return s.Get(ctx, AccountPath(account.Name))
		}, opts)
}

// Delete deletes an account: DELETE /accounts/{account}. It needs more permissions than the owner
// of an account has.
//
// Deprecated: The service no longer documents this endpoint. Delete the contents of the account
// with VirtualMachines.Purge and Groups.Delete, and ask Bytemark to close it.
func (s *AccountsService) Delete(ctx context.Context, account AccountPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete account"), at(account, ""), nil, opts)
}

func (p AccountPath) nested() (template string, depth int) { return accountTemplate, accountDepth }
func (p AccountPath) flat() string                         { return "" }
func (p AccountPath) text() string                         { return string(p) }
func (p AccountPath) parents(context.Context, *Client) (place, error) {
	return p, nil
}

// accountFilter returns a function that reports whether an element of a flat list belongs to
// account. The element has the ID or the name of its account, and the caller gave one of the two;
// where they differ in kind, the account is read once.
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

// ignored returns the error for a list that contains elements which the query parameter excludes.
func ignored(parameter string) error {
	return &filterError{parameter}
}

// filterError is an ErrFilterIgnored that names the query parameter.
type filterError struct{ parameter string }

// Error returns a message with the query parameter.
func (e *filterError) Error() string {
	return "the service ignored " + e.parameter + ": the list holds what it excludes"
}

// Is reports whether target is ErrFilterIgnored.
func (e *filterError) Is(target error) bool { return target == ErrFilterIgnored }

var errDisagree = errors.New("the account and the group's account are not the same")

func (a Account) identity() int { return a.ID }
