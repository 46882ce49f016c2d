package bigv

import (
	"context"
	"iter"
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

// validate returns an error if the name is invalid.
func (a AccountCreate) validate() error { return checkNewName("name", a.Name) }

// AccountListOptions selects how much of each account a list returns.
type AccountListOptions struct {
	View           View `url:"view,omitempty"`            // Overview embeds groups and everything in them
	IncludeDeleted bool `url:"include_deleted,omitempty"` // whether an Overview contains deleted virtual machines
}

// AccountsService reads accounts.
type AccountsService struct{ client *Client }

// List returns the accounts that the caller can see: GET /accounts.
func (s *AccountsService) List(ctx context.Context, options AccountListOptions, opts ...CallOption) ([]Account, error) {
	return list[Account](ctx, clientOf(s), listing("list accounts", fixed("/accounts").withQuery(options)), nil, opts)
}

// All returns an iterator over the accounts that the caller can see: GET /accounts. It yields each
// account as it arrives. If the call fails, the iterator yields a zero Account with the error and
// stops.
func (s *AccountsService) All(ctx context.Context, options AccountListOptions, opts ...CallOption) iter.Seq2[Account, error] {
	return all[Account](ctx, clientOf(s), listing("list accounts", fixed("/accounts").withQuery(options)), nil, opts)
}

// Get returns an account: GET /accounts/{account}. WithView(Overview) embeds its groups. If the
// account does not exist, or the caller may not see it, the error matches ErrNotFound.
func (s *AccountsService) Get(ctx context.Context, account AccountPath, opts ...CallOption) (Account, error) {
	return get[Account](ctx, clientOf(s), reading("get account", resource(account)), opts)
}

// Create creates an account: POST /accounts.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, look the account up by name before calling Create again.
//
// Deprecated: The service no longer documents this endpoint. Accounts are created by signing up
// with Bytemark, outside this API; find them with List.
func (s *AccountsService) Create(ctx context.Context, account AccountCreate, opts ...CallOption) (Account, error) {
	op := posting("create account", fixed("/accounts").about(account.Name), account)
	reread := func(ctx context.Context) (Account, error) { return s.Get(ctx, AccountPath(account.Name)) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// Delete deletes an account: DELETE /accounts/{account}. It needs more permissions than the owner
// of an account has. Delete is idempotent, so it is retried.
//
// Deprecated: The service no longer documents this endpoint. Delete the contents of the account
// with VirtualMachines.Purge and Groups.Delete, and ask Bytemark to close it.
func (s *AccountsService) Delete(ctx context.Context, account AccountPath, opts ...CallOption) error {
	return execute(ctx, clientOf(s), deleting("delete account", resource(account)), opts)
}

// id returns the ID of an account. It reads the account if the path has only its name.
func (s *AccountsService) id(ctx context.Context, account AccountPath) (int, error) {
	account, err := clientOf(s).resolveDefaultAccount(account)
	if err != nil {
		return 0, err
	}
	if err := checkPath(account); err != nil {
		return 0, err
	}
	if account.isID() {
		return parseID(string(account))
	}
	found, err := s.Get(ctx, account)
	return responseID(found.ID, err)
}

// objectID implements [identified].
func (a Account) objectID() int { return a.ID }
