package bigv_test

import (
	"encoding/json"
	"testing"

	"github.com/bigv-go/bigv"
)

func privilegeRows() []wireRow {
	list := func(fact string, o bigv.PrivilegeListOptions, opts []bigv.Option, sends ...string) wireRow {
		return wireRow{name: "Privileges.List " + fact, args: args{o}, opts: opts, sends: sends}
	}
	var rows []wireRow
	for _, w := range accountWays() {
		rows = append(rows, list("on an account "+w.fact, bigv.PrivilegeListOptions{Account: w.path}, w.opts, append(w.finds, "GET "+w.url+"/privileges")...))
	}
	for _, w := range groupWays() {
		rows = append(rows, list("on a group "+w.fact, bigv.PrivilegeListOptions{Group: w.path}, w.opts, append(w.finds, "GET "+w.url+"/privileges")...))
	}
	for _, w := range machineWays() {
		rows = append(rows, list("on a machine "+w.fact, bigv.PrivilegeListOptions{VirtualMachine: w.path}, w.opts, append(w.finds, "GET "+w.url+"/privileges")...))
	}
	grant := func(fact string, g bigv.PrivilegeGrant, sends ...string) wireRow {
		return wireRow{name: "Privileges.Grant " + fact, args: args{"bob", g}, sends: sends,
			answers: answers{"GET " + webURL: `{"id":78}`, "GET " + www1URL: `{"id":5012}`}}
	}
	update := func(fact string, u bigv.PrivilegeUpdate, body string) wireRow {
		return wireRow{name: "Privileges.Update " + fact, args: args{31, u}, sends: sends{"PUT /privileges/31 " + body}}
	}
	onGroup := func(change func(*bigv.PrivilegeGrant)) bigv.PrivilegeGrant {
		g := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}
		change(&g)
		return g
	}
	const groupAdmin = `POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":true`
	return append(rows,
		list("of one's own", bigv.PrivilegeListOptions{}, nil, "GET /privileges"),
		list("of one's own, flat", bigv.PrivilegeListOptions{}, flat, "GET /privileges"),
		list("of a user is nested", bigv.PrivilegeListOptions{User: "bob"}, nil, "GET /users/bob/privileges"),
		list("of a user by ID is nested", bigv.PrivilegeListOptions{User: bigv.UserID(13)}, nil, "GET /users/13/privileges"),
		list("of a user by name, flat", bigv.PrivilegeListOptions{User: "bob"}, flat, "GET /privileges?user_name=bob"),
		list("of a user by ID, flat", bigv.PrivilegeListOptions{User: bigv.UserID(13)}, flat, "GET /privileges?user_id=13"),
		list("of one by ID", bigv.PrivilegeListOptions{PrivilegeID: 31}, nil, "GET /privileges?privilege_id=31"),
		wireRow{name: "Privileges.List of a user by ID, flat, is held against the user's name", opts: flat, args: args{bigv.PrivilegeListOptions{User: bigv.UserID(13)}},
			answers: answers{"GET /privileges": `[{"id":31,"username":"bob"},{"id":32,"username":"Bob"}]`, "GET /users/13": `{"id":13,"username":"bob"}`},
			sends:   sends{"GET /privileges?user_id=13", "GET /users/13"},
			want:    []bigv.Privilege{{ID: 31, Username: "bob"}, {ID: 32, Username: "Bob"}}},
		wireRow{name: "Privileges.Get", args: args{31}, answers: answers{"GET /privileges/31": `{"id":31,"level":"vm_console"}`}, sends: sends{"GET /privileges/31"},
			want: bigv.Privilege{ID: 31, Level: bigv.VirtualMachineConsole}},
		wireRow{name: "Privileges.Get has one style", opts: flat, args: args{31}, sends: sends{"GET /privileges/31"}},

		grant("on an account by ID", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: bigv.AccountID(41)},
			`POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`),
		grant("on an account by name looks its ID up", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: acme},
			"GET /accounts/acme", `POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`),
		grant("on a group by ID alone", onGroup(func(g *bigv.PrivilegeGrant) {}), groupAdmin+"}"),
		grant("on a group by ID in an account", onGroup(func(g *bigv.PrivilegeGrant) { g.Group = acme.Group("78") }), groupAdmin+"}"),
		grant("on a group by name looks its ID up", onGroup(func(g *bigv.PrivilegeGrant) { g.Group = web }), "GET "+webURL, groupAdmin+"}"),
		grant("on a machine by ID alone", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: bigv.VirtualMachineID(5012)},
			`POST /users/bob/privileges {"level":"vm_admin","virtual_machine_id":5012,"password_required":true}`),
		grant("on a machine by name looks its ID up", bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, VirtualMachine: www1},
			"GET "+www1URL, `POST /users/bob/privileges {"level":"vm_console","virtual_machine_id":5012,"password_required":true}`),
		grant("on the cluster is on nothing", bigv.PrivilegeGrant{Level: bigv.ClusterAdmin}, `POST /users/bob/privileges {"level":"cluster_admin","password_required":true}`),
		grant("of a level that is new", bigv.PrivilegeGrant{Level: "moon_admin"}, `POST /users/bob/privileges {"level":"moon_admin","password_required":true}`),
		grant("without a password", onGroup(func(g *bigv.PrivilegeGrant) { g.PasswordRequired = new(false) }), `POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":false}`),
		grant("with a YubiKey", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyRequired = new(true) }), groupAdmin+`,"yubikey_required":true}`),
		grant("without a YubiKey, said aloud", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyRequired = new(false) }), groupAdmin+`,"yubikey_required":false}`),
		grant("with a YubiKey code for each request", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyOTPMaxAge = bigv.Set(0) }), groupAdmin+`,"yubikey_otp_max_age":0}`),
		grant("with a YubiKey code of any age", onGroup(func(g *bigv.PrivilegeGrant) { g.YubikeyOTPMaxAge = bigv.Null[int]() }), groupAdmin+`,"yubikey_otp_max_age":null}`),
		grant("from one network", onGroup(func(g *bigv.PrivilegeGrant) { g.IPRestrictions = bigv.Set(json.RawMessage(`["192.0.2.0/24"]`)) }), groupAdmin+`,"ip_restrictions":["192.0.2.0/24"]}`),
		grant("to an API key needs no password", onGroup(func(g *bigv.PrivilegeGrant) { g.APIKeyID, g.YubikeyRequired = 9, new(false) }),
			`POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":false,"yubikey_required":false,"api_key_id":9}`),
		wireRow{name: "Privileges.Grant to a user by ID", args: args{bigv.UserID(13), onGroup(func(*bigv.PrivilegeGrant) {})}, answers: answers{"POST /users/13/privileges": `{"id":31}`},
			sends: sends{`POST /users/13/privileges {"level":"group_admin","group_id":78,"password_required":true}`}, want: bigv.Privilege{ID: 31}},
		wireRow{name: "Privileges.Grant by name, flat, looks its ID up on the list", opts: flat, args: args{"bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: www1}},
			answers: answers{"GET /virtual_machines": "[" + vm5012 + "]"},
			sends:   sends{"GET /virtual_machines?account_name=acme&group_name=web", `POST /users/bob/privileges {"level":"vm_admin","virtual_machine_id":5012,"password_required":true}`}},
		wireRow{name: "Privileges.Grant on the default account looks its ID up", opts: acmeDefault, args: args{"bob", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: bigv.DefaultAccount}},
			sends: sends{"GET /accounts/acme", `POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`}},

		update("of nothing", bigv.PrivilegeUpdate{}, `{}`),
		update("to need a YubiKey", bigv.PrivilegeUpdate{YubikeyRequired: new(true)}, `{"yubikey_required":true}`),
		update("to need no YubiKey", bigv.PrivilegeUpdate{YubikeyRequired: new(false)}, `{"yubikey_required":false}`),
		update("of the age", bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Set(600)}, `{"yubikey_otp_max_age":600}`),
		update("of the age to zero", bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Set(0)}, `{"yubikey_otp_max_age":0}`),
		update("of the age to null", bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Null[int]()}, `{"yubikey_otp_max_age":null}`),
		update("of the networks", bigv.PrivilegeUpdate{IPRestrictions: bigv.Set(json.RawMessage(`["2001:db8::/32"]`))}, `{"ip_restrictions":["2001:db8::/32"]}`),
		update("of the networks to null", bigv.PrivilegeUpdate{IPRestrictions: bigv.Null[json.RawMessage]()}, `{"ip_restrictions":null}`),
		wireRow{name: "Privileges.Revoke", args: args{31}, sends: sends{"DELETE /privileges/31"}},
		wireRow{name: "Privileges.Revoke answered with 200", args: args{31}, answers: answers{"DELETE /privileges/31": `200 {"id":31}`}, sends: sends{"DELETE /privileges/31"}},
	)
}

func TestPrivilegesOnTheWire(t *testing.T) { runWire(t, privilegeRows()) }
