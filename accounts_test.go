package bigv_test

import (
	"testing"

	"github.com/bigv-go/bigv"
)

func accountRows() []wireRow {
	rows := inAllWays(accountWays(),
		write{"Accounts.Get", nil, "GET {}"}, // which has one style
		write{"Accounts.Get with all below", args{bigv.WithView(bigv.Overview)}, "GET {}?view=overview"},
		write{"Accounts.Get with all below, deleted machines too", args{bigv.WithView(bigv.Overview), bigv.WithDeleted()}, "GET {}?include_deleted=true&view=overview"},
		write{"Accounts.Delete", nil, "DELETE {}"},
	)
	return append(rows, []wireRow{
		{name: "Accounts.List", args: args{bigv.AccountListOptions{}}, sends: sends{"GET /accounts"}},
		{name: "Accounts.List has one style", opts: flat, args: args{bigv.AccountListOptions{}}, sends: sends{"GET /accounts"}},
		{name: "Accounts.List with all below", args: args{bigv.AccountListOptions{View: bigv.Overview}}, sends: sends{"GET /accounts?view=overview"}},
		{name: "Accounts.List with all below, deleted machines too", args: args{bigv.AccountListOptions{View: bigv.Overview, IncludeDeleted: true}},
			sends: sends{"GET /accounts?include_deleted=true&view=overview"}},
		{name: "Accounts.List returns what is on the list", args: args{bigv.AccountListOptions{}},
			answers: answers{"GET /accounts": `[{"id":41,"name":"acme"},{"id":42,"name":"other","suspended":true}]`},
			sends:   sends{"GET /accounts"},
			want:    []bigv.Account{{ID: 41, Name: "acme"}, {ID: 42, Name: "other", Suspended: true}}},
		{name: "Accounts.Create", args: args{bigv.AccountCreate{Name: "new"}},
			answers: answers{"POST /accounts": `201 {"id":43,"name":"new"}`},
			sends:   sends{`POST /accounts {"name":"new"}`},
			want:    bigv.Account{ID: 43, Name: "new"}},
	}...)
}

func TestAccountsOnTheWire(t *testing.T) { runWire(t, accountRows()) }
