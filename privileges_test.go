package bigv_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/require"
)

// Privileges returns the rows of PrivilegesService.
func (wireRows) Privileges() []wireRow { return slices.Concat(privilegeRows(), privilegeRefusedRows()) }

func privilegeRows() []wireRow {
	list := func(name string, o bigv.PrivilegeListOptions, opts []bigv.Option, sent ...string) wireRow {
		row := wireRow{name: "Privileges.List " + name, call: privilegesList(o), all: privilegesAll(o), opts: opts, sent: sent}
		if sent[0] == "GET /privileges?user_id=13" {
			row.allFirst, row.responses = []string{"GET /users/13"}, responses{"GET /users/13": `{"id":13,"username":"bob"}`}
		}
		return row
	}
	var rows []wireRow
	for _, v := range accountPathVariants() {
		rows = append(rows, list("on an account "+v.name, bigv.PrivilegeListOptions{Account: v.path}, v.opts,
			append(v.lookups, "GET "+v.url+"/privileges")...))
	}
	for _, v := range groupPathVariants() {
		rows = append(rows, list("on a group "+v.name, bigv.PrivilegeListOptions{Group: v.path}, v.opts,
			append(v.lookups, "GET "+v.url+"/privileges")...))
	}
	for _, v := range vmPathVariants() {
		rows = append(rows, list("on a machine "+v.name, bigv.PrivilegeListOptions{VirtualMachine: v.path}, v.opts,
			append(v.lookups, "GET "+v.url+"/privileges")...))
	}
	grant := func(name string, g bigv.PrivilegeGrant, sent ...string) wireRow {
		return wireRow{
			name: "Privileges.Grant " + name, call: privilegesGrant("bob", g), sent: sent,
			responses: responses{"GET " + webURL: `{"id":78}`, "GET " + www1URL: `{"id":5012}`},
		}
	}
	update := func(name string, u bigv.PrivilegeUpdate, body string) wireRow {
		return wireRow{name: "Privileges.Update " + name, call: privilegesUpdate(31, u), sent: []string{"PUT /privileges/31 " + body}}
	}
	onGroup := func(change func(*bigv.PrivilegeGrant)) bigv.PrivilegeGrant {
		g := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}
		change(&g)
		return g
	}
	const groupAdmin = `POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":true`
	return append(rows,
		list("without a filter", bigv.PrivilegeListOptions{}, nil, "GET /privileges"),
		list("without a filter, flat", bigv.PrivilegeListOptions{}, flat, "GET /privileges"),
		list("of a user is nested", bigv.PrivilegeListOptions{User: "bob"}, nil, "GET /users/bob/privileges"),
		list("of a user by ID is nested", bigv.PrivilegeListOptions{User: bigv.UserID(13)}, nil, "GET /users/13/privileges"),
		list("of a user by name, flat", bigv.PrivilegeListOptions{User: "bob"}, flat, "GET /privileges?user_name=bob"),
		list("of a user by ID, flat", bigv.PrivilegeListOptions{User: bigv.UserID(13)}, flat, "GET /privileges?user_id=13"),
		list("by the privilege's ID", bigv.PrivilegeListOptions{PrivilegeID: 31}, nil, "GET /privileges?privilege_id=31"),
		wireRow{
			name: "Privileges.List of a user by ID, flat, is verified by the user's name", opts: flat,
			call: privilegesList(bigv.PrivilegeListOptions{User: bigv.UserID(13)}),
			all:  privilegesAll(bigv.PrivilegeListOptions{User: bigv.UserID(13)}),
			responses: responses{
				"GET /privileges": `[{"id":31,"username":"bob"},{"id":32,"username":"Bob"}]`, "GET /users/13": `{"id":13,"username":"bob"}`,
			},
			sent: []string{"GET /privileges?user_id=13", "GET /users/13"}, allFirst: []string{"GET /users/13"},
			want: []bigv.Privilege{{ID: 31, Username: "bob"}, {ID: 32, Username: "Bob"}},
		},
		wireRow{
			name: "Privileges.Get", call: privilegesGet(31), responses: responses{"GET /privileges/31": `{"id":31,"level":"vm_console"}`},
			sent: []string{"GET /privileges/31"}, want: bigv.Privilege{ID: 31, Level: bigv.VirtualMachineConsole},
		},
		wireRow{name: "Privileges.Get in the flat style", opts: flat, call: privilegesGet(31), sent: []string{"GET /privileges/31"}},

		grant("on an account by ID", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: bigv.AccountID(41)},
			`POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`),
		grant("on an account by name looks up its ID", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: acme},
			"GET /accounts/acme", `POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`),
		grant("on a group by ID alone", onGroup(func(g *bigv.PrivilegeGrant) {}), groupAdmin+"}"),
		grant("on a group by ID in an account", onGroup(func(g *bigv.PrivilegeGrant) { g.Group = acme.Group("78") }), groupAdmin+"}"),
		grant("on a group by name looks up its ID", onGroup(func(g *bigv.PrivilegeGrant) { g.Group = web }), "GET "+webURL, groupAdmin+"}"),
		grant("on a machine by ID alone", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: bigv.VirtualMachineID(5012)},
			`POST /users/bob/privileges {"level":"vm_admin","virtual_machine_id":5012,"password_required":true}`),
		grant("on a machine by name looks up its ID", bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, VirtualMachine: www1},
			"GET "+www1URL, `POST /users/bob/privileges {"level":"vm_console","virtual_machine_id":5012,"password_required":true}`),
		grant("of a cluster level has no target", bigv.PrivilegeGrant{Level: bigv.ClusterAdmin},
			`POST /users/bob/privileges {"level":"cluster_admin","password_required":true}`),
		grant("of an unknown level", bigv.PrivilegeGrant{Level: "moon_admin"},
			`POST /users/bob/privileges {"level":"moon_admin","password_required":true}`),
		grant("without a password", onGroup(func(g *bigv.PrivilegeGrant) { g.PasswordRequired = new(false) }),
			`POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":false}`),
		grant("with a YubiKey", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyRequired = new(true) }),
			groupAdmin+`,"yubikey_required":true}`),
		grant("with an explicit false for the YubiKey", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyRequired = new(false) }),
			groupAdmin+`,"yubikey_required":false}`),
		grant("with a YubiKey code for each request", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyOTPMaxAge = bigv.Set(0) }),
			groupAdmin+`,"yubikey_otp_max_age":0}`),
		grant("with a YubiKey code of any age", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyOTPMaxAge = bigv.Null[int]() }),
			groupAdmin+`,"yubikey_otp_max_age":null}`),
		grant("from one network",
			onGroup(func(g *bigv.PrivilegeGrant) { g.IPRestrictions = bigv.Set(json.RawMessage(`["192.0.2.0/24"]`)) }),
			groupAdmin+`,"ip_restrictions":["192.0.2.0/24"]}`),
		grant("to an API key needs no password", onGroup(func(g *bigv.PrivilegeGrant) { g.APIKeyID, g.YubikeyRequired = 9, new(false) }),
			`POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":false,`+
				`"yubikey_required":false,"api_key_id":9}`),
		wireRow{
			name: "Privileges.Grant to a user by ID", call: privilegesGrant(bigv.UserID(13), onGroup(func(*bigv.PrivilegeGrant) {})),
			responses: responses{"POST /users/13/privileges": `{"id":31}`},
			sent:      []string{`POST /users/13/privileges {"level":"group_admin","group_id":78,"password_required":true}`},
			want:      bigv.Privilege{ID: 31},
		},
		wireRow{
			name: "Privileges.Grant by name, flat, finds its ID in the list", opts: flat,
			call:      privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: www1}),
			responses: responses{"GET /virtual_machines": "[" + vm5012 + "]"},
			sent: []string{
				"GET /virtual_machines?account_name=acme&group_name=web",
				`POST /users/bob/privileges {"level":"vm_admin","virtual_machine_id":5012,"password_required":true}`,
			},
		},
		wireRow{
			name: "Privileges.Grant on the default account looks up its ID", opts: acmeDefault,
			call: privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: bigv.DefaultAccount}),
			sent: []string{
				"GET /accounts/acme", `POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`,
			},
		},

		wireRow{
			name:      "Privileges.FindOrGrant finds the privilege of a user by ID",
			call:      privilegesFindOrGrant(bigv.UserID(13), bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}),
			responses: responses{"GET /users/13": `{"id":13,"username":"bob"}`, "GET " + webURL + "/privileges": groupPrivileges},
			sent:      []string{"GET /users/13", "GET " + webURL + "/privileges"},
			want:      foundOrCreated{bigv.Privilege{ID: 33, Username: "Bob", Level: bigv.GroupAdmin}, false},
		},
		wireRow{
			name:      "Privileges.FindOrGrant grants",
			call:      privilegesFindOrGrant("carol", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: acme.Group("78")}),
			responses: responses{"GET /accounts/acme/groups/78/privileges": groupPrivileges},
			sent: []string{
				"GET /accounts/acme/groups/78/privileges",
				`POST /users/carol/privileges {"level":"group_admin","group_id":78,"password_required":true}`,
			},
			want: foundOrCreated{bigv.Privilege{ID: 1}, true},
		},

		update("to need a YubiKey", bigv.PrivilegeUpdate{YubikeyRequired: new(true)}, `{"yubikey_required":true}`),
		update("to need no YubiKey", bigv.PrivilegeUpdate{YubikeyRequired: new(false)}, `{"yubikey_required":false}`),
		update("of the age", bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Set(600)}, `{"yubikey_otp_max_age":600}`),
		update("of the age to zero", bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Set(0)}, `{"yubikey_otp_max_age":0}`),
		update("of the age to null", bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Null[int]()}, `{"yubikey_otp_max_age":null}`),
		update("of the networks", bigv.PrivilegeUpdate{IPRestrictions: bigv.Set(json.RawMessage(`["2001:db8::/32"]`))},
			`{"ip_restrictions":["2001:db8::/32"]}`),
		update("of the networks to null", bigv.PrivilegeUpdate{IPRestrictions: bigv.Null[json.RawMessage]()}, `{"ip_restrictions":null}`),
		wireRow{name: "Privileges.Revoke", call: privilegesRevoke(31), sent: []string{"DELETE /privileges/31"}},
		wireRow{
			name: "Privileges.Revoke with a 200 response", call: privilegesRevoke(31),
			responses: responses{"DELETE /privileges/31": `200 {"id":31}`}, sent: []string{"DELETE /privileges/31"},
		},
	)
}

// privilegeRefusedRows returns rows of calls that are refused before anything is sent.
func privilegeRefusedRows() []wireRow {
	group78 := bigv.GroupID(78)
	return []wireRow{
		{
			name: "Privileges.Grant without a level", call: privilegesGrant("bob", bigv.PrivilegeGrant{Account: bigv.AccountID(41)}),
			wantErr: []any{"level is required"},
		},
		{
			name: "Privileges.Grant without a target", call: privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin}),
			wantErr: []any{" is set"},
		},
		{
			name:    "Privileges.Grant of a group level on an account",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Account: bigv.AccountID(41)}),
			wantErr: []any{" is set"},
		},
		{
			name:    "Privileges.Grant of a machine level on a group",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, Group: group78}),
			wantErr: []any{" is set"},
		},
		{
			name:    "Privileges.Grant of an account level on a machine",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, VirtualMachine: bigv.VirtualMachineID(5012)}),
			wantErr: []any{" is set"},
		},
		{
			name: "Privileges.Grant of a cluster level on a group",
			call: privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.ClusterSU, Group: group78}), wantErr: []any{" is set"},
		},
		{
			name:    "Privileges.Grant on a group and an account",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, Account: bigv.AccountID(41)}),
			wantErr: []any{"only one of Account, Group and VirtualMachine may be set"},
		},
		{
			name:    "Privileges.Grant on a group and a machine",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, VirtualMachine: www1}),
			wantErr: []any{"only one of Account, Group and VirtualMachine may be set"},
		},
		{
			name: "Privileges.Grant to an API key with a YubiKey",
			call: privilegesGrant(
				"bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, APIKeyID: 9, YubikeyRequired: new(true)},
			),
			wantErr: []any{"YubiKey"},
		},
		{
			name:    "Privileges.Grant to an API key with a negative ID",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, APIKeyID: -9}),
			wantErr: []any{"api_key_id must not be negative"},
		},
		{
			name:    "Privileges.Grant with a negative age",
			call:    privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, YubikeyOTPMaxAge: bigv.Set(-1)}),
			wantErr: []any{"must not be negative"},
		},
		{
			name: "Privileges.Update to a negative age",
			call: privilegesUpdate(31, bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Set(-1)}), wantErr: []any{"must not be negative"},
		},
		{
			name: "Privileges.List with two filters", call: privilegesList(bigv.PrivilegeListOptions{Account: acme, Group: web}),
			all:     privilegesAll(bigv.PrivilegeListOptions{Account: acme, Group: web}),
			wantErr: []any{"only one of User, Account, Group, VirtualMachine and PrivilegeID may be set"},
		},
		{
			name:    "Privileges.List of a user and a machine",
			call:    privilegesList(bigv.PrivilegeListOptions{User: "bob", VirtualMachine: www1}),
			all:     privilegesAll(bigv.PrivilegeListOptions{User: "bob", VirtualMachine: www1}),
			wantErr: []any{"only one of User, Account, Group, VirtualMachine and PrivilegeID may be set"},
		},
		{
			name:    "Privileges.List of a user and a privilege",
			call:    privilegesList(bigv.PrivilegeListOptions{User: "bob", PrivilegeID: 31}),
			all:     privilegesAll(bigv.PrivilegeListOptions{User: "bob", PrivilegeID: 31}),
			wantErr: []any{"only one of User, Account, Group, VirtualMachine and PrivilegeID may be set"},
		},
	}
}

// Privileges grants privileges on an account, a group and a virtual machine.
func (s fullServer) Privileges(t *testing.T) {
	s.srv.User("alice").Grant(bigv.AccountAdmin, s.srv.Account("acme")) // which only staff may do
	for _, grant := range []bigv.PrivilegeGrant{
		{Level: bigv.GroupAdmin, Group: web, YubikeyOTPMaxAge: bigv.Set(5)},
		{Level: bigv.VirtualMachineAdmin, VirtualMachine: www1, IPRestrictions: bigv.Set(json.RawMessage(`["192.0.2.0/24"]`))},
	} {
		require.NoError(t, just(s.client.Privileges.Grant(t.Context(), "alice", grant)))
	}
}

// The functions below return a call of the PrivilegesService method in their name, for rows.

func privilegesList(options bigv.PrivilegeListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Privileges.List(ctx, options) }
}

func privilegesAll(options bigv.PrivilegeListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return collect(c.Privileges.All(ctx, options)) }
}

func privilegesGet(id int) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Privileges.Get(ctx, id) }
}

func privilegesFindOrGrant(user bigv.UserPath, grant bigv.PrivilegeGrant) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		p, granted, err := c.Privileges.FindOrGrant(ctx, user, grant, quickWait)
		return foundOrCreated{p, granted}, err
	}
}

// groupPrivileges is a list of privileges on a group: one of another user, one of another level, one of an API key, and one that
// FindOrGrant finds.
const groupPrivileges = `[{"id":30,"username":"alice","level":"group_admin"},{"id":31,"username":"bob","level":"vm_admin"},
	{"id":32,"username":"bob","level":"group_admin","api_key_id":9},{"id":33,"username":"Bob","level":"group_admin"}]`

func privilegesGrant(user bigv.UserPath, grant bigv.PrivilegeGrant) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Privileges.Grant(ctx, user, grant) }
}

func privilegesUpdate(id int, update bigv.PrivilegeUpdate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Privileges.Update(ctx, id, update) }
}

func privilegesRevoke(id int) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Privileges.Revoke(ctx, id) }
}
