package bigv_test

import (
	"testing"

	"github.com/bigv-go/bigv"
)

func groupRows() []wireRow {
	rows := inAllWays(accountWays(), write{"Groups.Create", args{bigv.GroupCreate{Name: "db"}}, `POST {}/groups {"name":"db"}`})
	rows = append(rows, inAllWays(groupWays(),
		write{"Groups.Rename", args{"db"}, `PUT {} {"name":"db"}`},
		write{"Groups.Delete", nil, "DELETE {}"},
	)...)
	webInList := answers{"GET /groups": `[{"id":77,"account_id":41,"name":"default"},{"id":78,"account_id":41,"name":"Web"}]`}
	group := bigv.Group{ID: 78, AccountID: 41, Name: "web"}
	return append(rows, []wireRow{
		{name: "Groups.List of an account is nested", args: args{bigv.GroupListOptions{Account: acme}}, sends: sends{"GET /accounts/acme/groups"}},
		{name: "Groups.List of an account by ID is nested", args: args{bigv.GroupListOptions{Account: bigv.AccountID(41)}}, sends: sends{"GET /accounts/41/groups"}},
		{name: "Groups.List of the default account", opts: acmeDefault, args: args{bigv.GroupListOptions{Account: bigv.DefaultAccount}}, sends: sends{"GET /accounts/acme/groups"}},
		{name: "Groups.List of all is flat", args: args{bigv.GroupListOptions{}}, sends: sends{"GET /groups"}},
		{name: "Groups.List of all is not that of the default account", opts: acmeDefault, args: args{bigv.GroupListOptions{}}, sends: sends{"GET /groups"}},
		{name: "Groups.List of an account by name, flat", opts: flat, args: args{bigv.GroupListOptions{Account: acme}}, sends: sends{"GET /groups?account_name=acme"}},
		{name: "Groups.List of an account by ID, flat", opts: flat, args: args{bigv.GroupListOptions{Account: bigv.AccountID(41)}}, sends: sends{"GET /groups?account_id=41"}},
		{name: "Groups.List of the default account, flat", opts: append(flat, acmeDefault...), args: args{bigv.GroupListOptions{Account: bigv.DefaultAccount}},
			sends: sends{"GET /groups?account_name=acme"}},
		{name: "Groups.List by name, flat, is held against the account's ID", opts: flat, args: args{bigv.GroupListOptions{Account: acme}},
			answers: answers{"GET /groups": `[{"id":78,"account_id":41,"name":"web"},{"id":77,"account_id":41,"name":"default"}]`},
			sends:   sends{"GET /groups?account_name=acme", "GET /accounts/acme"},
			want:    []bigv.Group{group, {ID: 77, AccountID: 41, Name: "default"}}},
		{name: "Groups.List by ID, flat, is held against it without another request", opts: flat, args: args{bigv.GroupListOptions{Account: bigv.AccountID(41)}},
			answers: answers{"GET /groups": `[{"id":78,"account_id":41,"name":"web"}]`},
			sends:   sends{"GET /groups?account_id=41"},
			want:    []bigv.Group{group}},

		{name: "Groups.Get by name", args: args{web}, sends: sends{"GET " + webURL}},
		{name: "Groups.Get by ID in an account by ID", args: args{bigv.AccountID(41).Group("78")}, sends: sends{"GET /accounts/41/groups/78"}},
		{name: "Groups.Get with its machines", args: args{web, bigv.WithView(bigv.Overview)}, sends: sends{"GET " + webURL + "?view=overview"}},
		{name: "Groups.Get with its machines, deleted ones too", args: args{web, bigv.WithView(bigv.Overview), bigv.WithDeleted()},
			sends: sends{"GET " + webURL + "?include_deleted=true&view=overview"}},
		{name: "Groups.Get of the default group of the default account", opts: acmeDefault, args: args{bigv.DefaultAccount.DefaultGroup()}, sends: sends{"GET /accounts/acme/groups/default"}},
		{name: "Groups.Get of an ID alone is flat", args: args{bigv.GroupID(78), bigv.WithView(bigv.Overview)}, sends: sends{"GET /groups/78?view=overview"}, want: group},
		{name: "Groups.Get by name, flat, finds it on the list", opts: flat, args: args{web, bigv.WithView(bigv.Overview)}, answers: webInList,
			sends: sends{"GET /groups?account_name=acme&view=overview", "GET /accounts/acme"}, want: bigv.Group{ID: 78, AccountID: 41, Name: "Web"}},
		{name: "Groups.Get by name in an account by ID, flat", opts: flat, args: args{bigv.AccountID(41).Group("web")}, answers: webInList,
			sends: sends{"GET /groups?account_id=41"}, want: bigv.Group{ID: 78, AccountID: 41, Name: "Web"}},
		{name: "Groups.Get by IDs, flat, is held against the account", opts: flat, args: args{bigv.AccountID(41).Group("78")}, sends: sends{"GET /groups/78"}, want: group},
		{name: "Groups.Get by ID in an account by name, flat", opts: flat, args: args{acme.Group("78")}, sends: sends{"GET /groups/78", "GET /accounts/acme"}, want: group},

		{name: "Groups.Create returns what it made", args: args{acme, bigv.GroupCreate{Name: "db"}}, answers: answers{"POST /accounts/acme/groups": `{"id":79,"account_id":41,"name":"db"}`},
			sends: sends{`POST /accounts/acme/groups {"name":"db"}`}, want: bigv.Group{ID: 79, AccountID: 41, Name: "db"}},
		{name: "Groups.FindOrCreate finds", args: args{acme, bigv.GroupCreate{Name: "web"}}, answers: answers{"GET " + webURL: `{"id":78,"account_id":41,"name":"web"}`},
			sends: sends{"GET " + webURL}, want: group},
		{name: "Groups.FindOrCreate creates", args: args{acme, bigv.GroupCreate{Name: "web"}}, answers: answers{"GET " + webURL: "404"},
			sends: sends{"GET " + webURL, `POST /accounts/acme/groups {"name":"web"}`}},
		{name: "Groups.FindOrCreate finds what somebody else made in between", args: args{acme, bigv.GroupCreate{Name: "web"}},
			answers: answers{"GET " + webURL: "404" + then + `{"id":78,"account_id":41,"name":"web"}`, "POST /accounts/acme/groups": `400 {"name":["has already been taken"]}`},
			sends:   sends{"GET " + webURL, `POST /accounts/acme/groups {"name":"web"}`, "GET " + webURL}, want: group},
		{name: "Groups.Resolve of a full path", args: args{web}, want: web},
		{name: "Groups.Resolve of an ID alone", args: args{bigv.GroupID(78)}, sends: sends{"GET /groups/78"}, want: bigv.AccountID(41).Group("78")},
	}...)
}

func TestGroupsOnTheWire(t *testing.T) { runWire(t, groupRows()) }
