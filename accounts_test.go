package bigv_test

import (
	"context"
	"slices"

	"github.com/bigv-go/bigv"
)

// Accounts returns the rows of AccountsService.
func (wireRows) Accounts() []wireRow { return slices.Concat(accountRows(), accountRefusedRows()) }

func accountRows() []wireRow {
	rows := inAllVariants(accountPathVariants(), []variantRow[bigv.AccountPath]{
		{"Accounts.Get", func(p bigv.AccountPath) callFunc { return accountsGet(p) }, "GET {}"},
		{
			"Accounts.Get with an overview", func(p bigv.AccountPath) callFunc { return accountsGet(p, bigv.WithView(bigv.Overview)) },
			"GET {}?view=overview",
		},
		{
			"Accounts.Get with an overview and deleted machines",
			func(p bigv.AccountPath) callFunc {
				return accountsGet(p, bigv.WithView(bigv.Overview), bigv.WithDeleted())
			},
			"GET {}?include_deleted=true&view=overview",
		},
		{"Accounts.Delete", accountsDelete, "DELETE {}"},
	})
	return append(rows, []wireRow{
		{
			name: "Accounts.List", call: accountsList(bigv.AccountListOptions{}), all: accountsAll(bigv.AccountListOptions{}),
			sent: []string{"GET /accounts"},
		},
		{
			name: "Accounts.List in the flat style", opts: flat, call: accountsList(bigv.AccountListOptions{}),
			all: accountsAll(bigv.AccountListOptions{}), sent: []string{"GET /accounts"},
		},
		{
			name: "Accounts.List with an overview", call: accountsList(bigv.AccountListOptions{View: bigv.Overview}),
			all: accountsAll(bigv.AccountListOptions{View: bigv.Overview}), sent: []string{"GET /accounts?view=overview"},
		},
		{
			name: "Accounts.List with an overview and deleted machines",
			call: accountsList(bigv.AccountListOptions{View: bigv.Overview, IncludeDeleted: true}),
			all:  accountsAll(bigv.AccountListOptions{View: bigv.Overview, IncludeDeleted: true}),
			sent: []string{"GET /accounts?include_deleted=true&view=overview"},
		},
		{
			name: "Accounts.List returns the accounts", call: accountsList(bigv.AccountListOptions{}),
			all:       accountsAll(bigv.AccountListOptions{}),
			responses: responses{"GET /accounts": `[{"id":41,"name":"acme"},{"id":42,"name":"other","suspended":true}]`},
			sent:      []string{"GET /accounts"}, want: []bigv.Account{{ID: 41, Name: "acme"}, {ID: 42, Name: "other", Suspended: true}},
		},
		{
			name: "Accounts.Create", call: accountsCreate(bigv.AccountCreate{Name: "new"}),
			responses: responses{"POST /accounts": `201 {"id":43,"name":"new"}`}, sent: []string{`POST /accounts {"name":"new"}`},
			want: bigv.Account{ID: 43, Name: "new"},
		},
	}...)
}

// accountRefusedRows returns rows of calls that are refused before anything is sent.
func accountRefusedRows() []wireRow {
	return []wireRow{
		{name: "Accounts.Create with a name of digits", call: accountsCreate(bigv.AccountCreate{Name: "77"}), wantErr: []any{"all digits"}},
		{
			name: "Accounts.Get of the default account, if none is set", call: accountsGet(bigv.DefaultAccount),
			wantErr: []any{"no default account is set: use WithAccount or BIGV_ACCOUNT"},
		},
	}
}

// The functions below return a call of the AccountsService method in their name, for rows.

func accountsList(options bigv.AccountListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Accounts.List(ctx, options) }
}

func accountsAll(options bigv.AccountListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return collect(c.Accounts.All(ctx, options)) }
}

func accountsGet(account bigv.AccountPath, opts ...bigv.CallOption) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Accounts.Get(ctx, account, opts...) }
}

func accountsCreate(account bigv.AccountCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Accounts.Create(ctx, account) }
}

func accountsDelete(account bigv.AccountPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Accounts.Delete(ctx, account) }
}
