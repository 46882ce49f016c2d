package bigv_test

import (
	"context"
	"slices"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
)

// Groups returns the rows of GroupsService.
func (wireRows) Groups() []wireRow { return slices.Concat(groupRows(), groupRefusedRows()) }

func groupRows() []wireRow {
	rows := inAllVariants(accountPathVariants(), []variantRow[bigv.AccountPath]{
		{
			"Groups.Create", func(p bigv.AccountPath) callFunc { return groupsCreate(p, bigv.GroupCreate{Name: "db"}) },
			`POST {}/groups {"name":"db"}`,
		},
	})
	rows = append(rows, inAllVariants(groupPathVariants(), []variantRow[bigv.GroupPath]{
		{"Groups.Rename", func(p bigv.GroupPath) callFunc { return groupsRename(p, "db") }, `PUT {} {"name":"db"}`},
		{"Groups.Delete", groupsDelete, "DELETE {}"},
	})...)
	webInList := responses{"GET /groups": `[{"id":77,"account_id":41,"name":"default"},{"id":78,"account_id":41,"name":"Web"}]`}
	group := bigv.Group{ID: 78, AccountID: 41, Name: "web"}
	return append(rows, []wireRow{
		{
			name: "Groups.List of an account is nested", call: groupsList(bigv.GroupListOptions{Account: acme}),
			all: groupsAll(bigv.GroupListOptions{Account: acme}), sent: []string{"GET /accounts/acme/groups"},
		},
		{
			name: "Groups.List of an account by ID is nested", call: groupsList(bigv.GroupListOptions{Account: bigv.AccountID(41)}),
			all: groupsAll(bigv.GroupListOptions{Account: bigv.AccountID(41)}), sent: []string{"GET /accounts/41/groups"},
		},
		{
			name: "Groups.List of the default account", opts: acmeDefault,
			call: groupsList(bigv.GroupListOptions{Account: bigv.DefaultAccount}),
			all:  groupsAll(bigv.GroupListOptions{Account: bigv.DefaultAccount}), sent: []string{"GET /accounts/acme/groups"},
		},
		{
			name: "Groups.List of all is flat", call: groupsList(bigv.GroupListOptions{}), all: groupsAll(bigv.GroupListOptions{}),
			sent: []string{"GET /groups"},
		},
		{
			name: "Groups.List of all is not that of the default account", opts: acmeDefault, call: groupsList(bigv.GroupListOptions{}),
			all: groupsAll(bigv.GroupListOptions{}), sent: []string{"GET /groups"},
		},
		{
			name: "Groups.List of an account by name, flat", opts: flat, call: groupsList(bigv.GroupListOptions{Account: acme}),
			all: groupsAll(bigv.GroupListOptions{Account: acme}), sent: []string{"GET /groups?account_name=acme"},
			allFirst: []string{"GET /accounts/acme"},
		},
		{
			name: "Groups.List of an account by ID, flat", opts: flat,
			call: groupsList(bigv.GroupListOptions{Account: bigv.AccountID(41)}),
			all:  groupsAll(bigv.GroupListOptions{Account: bigv.AccountID(41)}), sent: []string{"GET /groups?account_id=41"},
		},
		{
			name: "Groups.List of the default account, flat", opts: flatDefault,
			call: groupsList(bigv.GroupListOptions{Account: bigv.DefaultAccount}),
			all:  groupsAll(bigv.GroupListOptions{Account: bigv.DefaultAccount}), sent: []string{"GET /groups?account_name=acme"},
			allFirst: []string{"GET /accounts/acme"},
		},
		{
			name: "Groups.List by name, flat, is verified by the account's ID", opts: flat,
			call: groupsList(bigv.GroupListOptions{Account: acme}), all: groupsAll(bigv.GroupListOptions{Account: acme}),
			responses: responses{"GET /groups": `[{"id":78,"account_id":41,"name":"web"},{"id":77,"account_id":41,"name":"default"}]`},
			sent:      []string{"GET /groups?account_name=acme", "GET /accounts/acme"},
			allFirst:  []string{"GET /accounts/acme"},
			want:      []bigv.Group{group, {ID: 77, AccountID: 41, Name: "default"}},
		},
		{
			name: "Groups.List by ID, flat, is verified without another request", opts: flat,
			call:      groupsList(bigv.GroupListOptions{Account: bigv.AccountID(41)}),
			all:       groupsAll(bigv.GroupListOptions{Account: bigv.AccountID(41)}),
			responses: responses{"GET /groups": `[{"id":78,"account_id":41,"name":"web"}]`}, sent: []string{"GET /groups?account_id=41"},
			want: []bigv.Group{group},
		},

		{name: "Groups.Get by name", call: groupsGet(web), sent: []string{"GET " + webURL}},
		{
			name: "Groups.Get by ID in an account by ID", call: groupsGet(bigv.AccountID(41).Group("78")),
			sent: []string{"GET /accounts/41/groups/78"},
		},
		{
			name: "Groups.Get with an overview", call: groupsGet(web, bigv.WithView(bigv.Overview)),
			sent: []string{"GET " + webURL + "?view=overview"},
		},
		{
			name: "Groups.Get with an overview and deleted machines",
			call: groupsGet(web, bigv.WithView(bigv.Overview), bigv.WithDeleted()),
			sent: []string{"GET " + webURL + "?include_deleted=true&view=overview"},
		},
		{
			name: "Groups.Get of the default group of the default account", opts: acmeDefault,
			call: groupsGet(bigv.DefaultAccount.DefaultGroup()), sent: []string{"GET /accounts/acme/groups/default"},
		},
		{
			name: "Groups.Get by ID alone is flat", call: groupsGet(bigv.GroupID(78), bigv.WithView(bigv.Overview)),
			sent: []string{"GET /groups/78?view=overview"}, want: group,
		},
		{
			name: "Groups.Get by name, flat, finds it in the list", opts: flat, call: groupsGet(web, bigv.WithView(bigv.Overview)),
			responses: webInList, sent: []string{"GET /groups?account_name=acme&view=overview", "GET /accounts/acme"},
			want: bigv.Group{ID: 78, AccountID: 41, Name: "Web"},
		},
		{
			name: "Groups.Get by name in an account by ID, flat", opts: flat, call: groupsGet(bigv.AccountID(41).Group("web")),
			responses: webInList, sent: []string{"GET /groups?account_id=41"}, want: bigv.Group{ID: 78, AccountID: 41, Name: "Web"},
		},
		{
			name: "Groups.Get by IDs, flat, is verified by the account", opts: flat, call: groupsGet(bigv.AccountID(41).Group("78")),
			sent: []string{"GET /groups/78"}, want: group,
		},
		{
			name: "Groups.Get by ID in an account by name, flat", opts: flat, call: groupsGet(acme.Group("78")),
			sent: []string{"GET /groups/78", "GET /accounts/acme"}, want: group,
		},

		{
			name: "Groups.Create returns the new group", call: groupsCreate(acme, bigv.GroupCreate{Name: "db"}),
			responses: responses{"POST /accounts/acme/groups": `{"id":79,"account_id":41,"name":"db"}`},
			sent:      []string{`POST /accounts/acme/groups {"name":"db"}`}, want: bigv.Group{ID: 79, AccountID: 41, Name: "db"},
		},
		{
			name: "Groups.FindOrCreate finds", call: groupsFindOrCreate(acme, bigv.GroupCreate{Name: "web"}),
			responses: responses{"GET " + webURL: `{"id":78,"account_id":41,"name":"web"}`}, sent: []string{"GET " + webURL},
			want: foundOrCreated{group, false},
		},
		{
			name: "Groups.FindOrCreate creates", call: groupsFindOrCreate(acme, bigv.GroupCreate{Name: "web"}),
			responses: responses{"GET " + webURL: "404"}, sent: []string{"GET " + webURL, `POST /accounts/acme/groups {"name":"web"}`},
			want: foundOrCreated{bigv.Group{ID: 1}, true},
		},
		{
			name: "Groups.FindOrCreate finds a group that was created in between",
			call: groupsFindOrCreate(acme, bigv.GroupCreate{Name: "web"}),
			responses: responses{
				"GET " + webURL:              fakeserver.Sequence("404", `{"id":78,"account_id":41,"name":"web"}`),
				"POST /accounts/acme/groups": `400 {"name":["has already been taken"]}`,
			},
			sent: []string{"GET " + webURL, `POST /accounts/acme/groups {"name":"web"}`, "GET " + webURL},
			want: foundOrCreated{group, false},
		},
		{name: "Groups.Resolve of a full path", call: groupsResolve(web), want: web},
		{
			name: "Groups.Resolve by ID alone", call: groupsResolve(bigv.GroupID(78)), sent: []string{"GET /groups/78"},
			want: bigv.AccountID(41).Group("78"),
		},
	}...)
}

// groupRefusedRows returns rows of calls that are refused before anything is sent.
func groupRefusedRows() []wireRow {
	return []wireRow{
		{name: "Groups.Create with a name of digits", call: groupsCreate(acme, bigv.GroupCreate{Name: "77"}), wantErr: []any{"all digits"}},
		{name: "Groups.Create without a name", call: groupsCreate(acme, bigv.GroupCreate{}), wantErr: []any{"is empty"}},
		{
			name: "Groups.FindOrCreate with a name of digits", call: groupsFindOrCreate(acme, bigv.GroupCreate{Name: "77"}),
			wantErr: []any{"all digits"},
		},
		{name: "Groups.Rename to digits", call: groupsRename(web, "77"), wantErr: []any{"all digits"}},
		{name: "Groups.Rename to a control character", call: groupsRename(web, "a\x00"), wantErr: []any{"control character"}},
		{
			name: "Groups.List of the default account, if none is set",
			call: groupsList(bigv.GroupListOptions{Account: bigv.DefaultAccount}),
			all:  groupsAll(bigv.GroupListOptions{Account: bigv.DefaultAccount}), wantErr: []any{"no default account is set"},
		},
	}
}

// The functions below return a call of the GroupsService method in their name, for rows.

func groupsList(options bigv.GroupListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Groups.List(ctx, options) }
}

func groupsAll(options bigv.GroupListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return collect(c.Groups.All(ctx, options)) }
}

func groupsGet(group bigv.GroupPath, opts ...bigv.CallOption) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Groups.Get(ctx, group, opts...) }
}

func groupsCreate(account bigv.AccountPath, group bigv.GroupCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Groups.Create(ctx, account, group) }
}

func groupsRename(group bigv.GroupPath, name string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Groups.Rename(ctx, group, name) }
}

func groupsDelete(group bigv.GroupPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Groups.Delete(ctx, group) }
}

func groupsResolve(group bigv.GroupPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Groups.Resolve(ctx, group) }
}

func groupsFindOrCreate(account bigv.AccountPath, group bigv.GroupCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		g, created, err := c.Groups.FindOrCreate(ctx, account, group, quickWait)
		return foundOrCreated{g, created}, err
	}
}
