package bigvtest_test

import "testing"

func TestConformancePrivileges(t *testing.T) {
	const grant = "POST /users/bob/privileges"
	runScenarios(t, []scenario{
		{"granting", www1, []step{
			{"a privilege is granted", "alice", grant, `{"level":"group_admin","group_id":<web>,"password_required":true,"yubikey_required":false}`, 201,
				`{"id":"$keep id","level":"group_admin","group_id":<web>,"username":"bob","creating_username":"alice","password_required":true,"yubikey_required":false,"yubikey_otp_max_age":null,"ip_restrictions":null,
				"account_id":"$empty","virtual_machine_id":"$empty","api_key_id":"$empty"}`},
			{"it links to itself, its user and its target", "alice", "GET /privileges/<id>", "", 200, `{"_links":{"self":{"href":"/privileges/<id>"},"user":{"href":"/users/<bob>"},"group":{"href":"/groups/<web>"}}}`},
			{"its user sees it", "bob", "GET /privileges/<id>", "", 200, `{"id":<id>,"username":"bob","level":"group_admin","group_id":<web>}`},
			{"its user sees it in the list", "bob", "GET /privileges", "", 200, `[{"id":<id>}]`},
			{"its user sees it among its own", "bob", "GET /users/bob/privileges", "", 200, `[{"id":<id>}]`},
			{"its user sees it by filter", "bob", "GET /privileges?user_id=<bob>", "", 200, `[{"id":<id>}]`},
			{"its granter sees it on the group", "alice", "GET " + web + "/privileges", "", 200, `[{"id":<id>,"username":"bob"}]`},
			{"it is not on another group", "alice", "GET /accounts/acme/groups/default/privileges", "", 200, `[]`},
			{"it is not on a machine of the group", "alice", "GET " + vm1 + "/privileges", "", 200, `{"$lacks":[{"id":<id>,"group_id":"$empty"}]}`},
			{"its granter does not see a user's privileges", "alice", "GET /users/bob/privileges", "", oneOf(403, 404), ""},
			{"a privilege is on a machine", "alice", grant, `{"level":"vm_admin","virtual_machine_id":<www1>}`, 201, `{"id":"$keep admin","level":"vm_admin","virtual_machine_id":<www1>,"password_required":true,"yubikey_required":false}`},
			{"another one for the same user and machine coexists", "alice", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"id":"$keep console"}`},
			{"even the same", "alice", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"id":"$keep again"}`},
			{"the list is by ID", "bob", "GET /privileges", "", 200, `[{"id":<id>},{"id":<admin>},{"id":<console>},{"id":<again>}]`},
			{"a user goes by ID", "alice", "POST /users/<bob>/privileges", `{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"username":"bob"}`},
			{"the user comes from the path", "alice", grant, `{"username":"alice","level":"vm_console","virtual_machine_id":<www1>,"colour":"red","id":1}`, 201, `{"username":"bob","colour":"$absent"}`},
			{"a level is needed", "alice", grant, `{"group_id":<web>}`, 400, `{"level":["can't be blank"]}`},
			{"an unknown level is not included", "alice", grant, `{"level":"king","group_id":<web>}`, 400, `{"level":["is not included in the list"]}`},
			{"a level needs its target", "alice", grant, `{"level":"group_admin"}`, 400, `{"group_id":["can't be blank"]}`},
			{"a level needs the target of its own kind", "alice", grant, `{"level":"vm_admin","group_id":<web>}`, 400, `{}`},
			{"a target that is not is none", "alice", grant, `{"level":"group_admin","group_id":999999}`, anyError, anyBody},
			{"a yubikey is asked for", "alice", grant, `{"level":"group_admin","group_id":<web>,"yubikey_required":true,"yubikey_otp_max_age":60,"ip_restrictions":"192.0.2.0/24"}`, 201, `{"yubikey_required":true,"yubikey_otp_max_age":60,"ip_restrictions":"192.0.2.0/24"}`},
		}},
		{"changing", www1, []step{
			{"", "alice", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"id":"$keep id"}`},
			{"a yubikey is asked for", "alice", "PUT /privileges/<id>", `{"yubikey_required":true,"yubikey_otp_max_age":900,"ip_restrictions":"192.0.2.0/24"}`, 200, `{"id":<id>,"yubikey_required":true,"yubikey_otp_max_age":900,"ip_restrictions":"192.0.2.0/24"}`},
			{"an empty PUT leaves it", "alice", "PUT /privileges/<id>", `{}`, 200, `{"yubikey_required":true,"yubikey_otp_max_age":900}`},
			{"false and null clear it", "alice", "PUT /privileges/<id>", `{"yubikey_required":false,"yubikey_otp_max_age":null,"ip_restrictions":null}`, 200, `{"yubikey_required":false,"yubikey_otp_max_age":null,"ip_restrictions":null}`},
			{"a level is dropped", "alice", "PUT /privileges/<id>", `{"level":"vm_admin"}`, 200, `{"level":"vm_console"}`},
			{"a target is dropped", "alice", "PUT /privileges/<id>", `{"virtual_machine_id":null,"group_id":<web>}`, 200, `{"virtual_machine_id":<www1>,"group_id":"$empty"}`},
			{"a user is dropped", "alice", "PUT /privileges/<id>", `{"username":"alice","creating_username":"bob"}`, 200, `{"username":"bob","creating_username":"alice"}`},
			{"password_required is dropped", "alice", "PUT /privileges/<id>", `{"password_required":false}`, 200, `{"password_required":true}`},
			{"an age is a number", "alice", "PUT /privileges/<id>", `{"yubikey_otp_max_age":"old"}`, 400, `{"yubikey_otp_max_age":"$messages"}`},
			{"a privilege is deleted", "alice", "DELETE /privileges/<id>", "", oneOf(200, 204), anyBody},
			{"it is gone", "alice", "GET /privileges/<id>", "", 404, ""},
			{"and does nothing any more", "bob", "GET " + vm1, "", 404, ""},
			{"a privilege that is not is not found", "alice", "DELETE /privileges/<id>", "", 404, ""},
		}},
		{"levels below one's own", func(f *fixture) {
			www1(f)
			acme := f.srv.Account("acme")
			f.saved["account_admin"] = f.srv.User("ann").Grant("account_admin", acme)
			f.saved["group_admin"] = f.srv.User("greg").Grant("group_admin", acme.Group("web"))
			f.saved["group_admin2"] = f.srv.User("gina").Grant("group_admin", acme.Group("web"))
			f.saved["vm_admin"] = f.srv.User("vera").Grant("vm_admin", acme.Group("web").VirtualMachine("www1"))
			f.saved["vm_console"] = f.srv.User("carl").Grant("vm_console", acme.Group("web").VirtualMachine("www1"))
			f.srv.User("staff").Grant("cluster_admin", nil)
		}, []step{
			{"an account_admin does not make an account_admin", "alice", grant, `{"level":"account_admin","account_id":<acme>}`, 403, anyBody},
			{"an account_admin makes no staff", "alice", grant, `{"level":"cluster_admin"}`, oneOf(400, 403), anyBody},
			{"an account_admin does not change another", "alice", "PUT /privileges/<account_admin>", `{"yubikey_required":true}`, oneOf(403, 404), ""},
			{"an account_admin does not delete another", "alice", "DELETE /privileges/<account_admin>", "", oneOf(403, 404), ""},
			{"an account_admin does not delete its own", "ann", "DELETE /privileges/<account_admin>", "", 403, ""},
			{"an account_admin does not change its own", "ann", "PUT /privileges/<account_admin>", `{"yubikey_required":true}`, 403, ""},
			{"an account_admin changes a group_admin", "alice", "PUT /privileges/<group_admin>", `{"yubikey_otp_max_age":60}`, 200, `{"yubikey_otp_max_age":60}`},
			{"a group_admin does not make a group_admin", "greg", grant, `{"level":"group_admin","group_id":<web>}`, 403, anyBody},
			{"a group_admin makes a vm_admin", "greg", grant, `{"level":"vm_admin","virtual_machine_id":<www1>}`, 201, `{"creating_username":"greg"}`},
			{"a group_admin does not delete another", "greg", "DELETE /privileges/<group_admin2>", "", oneOf(403, 404), ""},
			{"a group_admin sees a vm_console", "greg", "GET /privileges/<vm_console>", "", 200, `{"username":"carl"}`},
			{"a vm_admin makes a vm_console", "vera", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"creating_username":"vera"}`},
			{"a vm_admin does not make a vm_admin", "vera", grant, `{"level":"vm_admin","virtual_machine_id":<www1>}`, 403, anyBody},
			{"a vm_console makes nothing", "carl", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 403, anyBody},
			{"a vm_console does not delete its own", "carl", "DELETE /privileges/<vm_console>", "", 403, ""},
			{"who has no privilege makes nothing", "nils", "POST /users/bob/privileges", `{"level":"vm_console","virtual_machine_id":<www1>}`, anyError, anyBody},
			{"a privilege not to be seen is not found", "nils", "GET /privileges/<group_admin>", "", 404, ""},
			{"nor to change", "carl", "PUT /privileges/<group_admin>", `{"yubikey_required":true}`, 404, ""},
			{"an account shows none of its own level", "alice", "GET /accounts/acme/privileges", "", 200, `{"$lacks":[{"level":"account_admin"}]}`},
			{"a group shows those below one's level", "alice", "GET " + web + "/privileges", "", 200, `{"$has":[{"username":"greg","level":"group_admin"},{"username":"gina"}]}`},
			{"a group shows none of its own level", "greg", "GET " + web + "/privileges", "", 200, `{"$lacks":[{"level":"group_admin"}]}`},
			{"a machine shows those below one's level", "greg", "GET " + vm1 + "/privileges", "", 200, `{"$has":[{"username":"vera","level":"vm_admin"},{"username":"carl","level":"vm_console"}]}`},
			{"a vm_admin sees who has the console", "vera", "GET " + vm1 + "/privileges", "", 200, `{"$has":[{"username":"carl","level":"vm_console"}]}`},
			{"but no vm_admin", "vera", "GET " + vm1 + "/privileges", "", 200, `{"$lacks":[{"level":"vm_admin"}]}`},
			{"a group not to be seen has no list", "nils", "GET " + web + "/privileges", "", 404, ""},
			{"staff see a user's privileges", "staff", "GET /users/greg/privileges", "", 200, `{"$has":[{"id":<group_admin>}]}`},
			{"staff make an account_admin", "staff", grant, `{"level":"account_admin","account_id":<acme>}`, 201, `{"level":"account_admin","account_id":<acme>}`},
			{"which then works", "bob", "GET /accounts/acme", "", 200, `{"name":"acme"}`},
		}},
		{"what levels allow", func(f *fixture) {
			www1(f)
			f.machine("web", "www2")
			acme := f.srv.Account("acme")
			acme.Group("web").VirtualMachine("www1").Disc("data", 100)
			f.machine("default", "db1")
			f.srv.User("greg").Grant("group_admin", acme.Group("web"))
			f.srv.User("vera").Grant("vm_admin", acme.Group("web").VirtualMachine("www1"))
			f.srv.User("carl").Grant("vm_console", acme.Group("web").VirtualMachine("www1"))
		}, []step{
			{"a group_admin sees the group", "greg", "GET " + web, "", 200, `{"id":<web>}`},
			{"a group_admin's groups are filtered", "greg", "GET /groups", "", 200, `[{"id":<web>}]`},
			{"a group_admin does not see another group", "greg", "GET /groups/<default>", "", 404, ""},
			{"a group_admin does not see another group's machine", "greg", "GET /virtual_machines/<db1>", "", 404, ""},
			{"a group_admin's machines are filtered", "greg", "GET /virtual_machines", "", 200, `[{"id":<www1>},{"id":<www2>}]`},
			{"a group_admin makes a machine", "greg", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"www3"},"discs":[{"size":100}]}`, 202, ""},
			{"a group_admin deletes a machine", "greg", "DELETE " + web + "/virtual_machines/www3?purge=true", "", 204, ""},
			{"a group_admin changes a machine", "greg", "PUT " + vm2, `{"cores":2}`, 200, `{"cores":2}`},
			{"a group_admin does not rename the group", "greg", "PUT " + web, `{"name":"www"}`, 403, ""},
			{"a group_admin does not delete the group", "greg", "DELETE " + web, "", 403, ""},
			{"a group_admin makes no group", "greg", "POST /accounts/acme/groups", `{"name":"mine"}`, oneOf(403, 404), ""},
			{"a group_admin moves no machine to a group that is not its own", "greg", "PUT " + vm1, `{"group_id":<default>}`, anyError, anyBody},
			{"a vm_admin sees the machine", "vera", "GET " + vm1, "", 200, `{"id":<www1>}`},
			{"a vm_admin sees the machine flat", "vera", "GET /virtual_machines/<www1>", "", 200, `{"id":<www1>}`},
			{"a vm_admin's machines are filtered", "vera", "GET /virtual_machines", "", 200, `[{"id":<www1>}]`},
			{"a vm_admin's machines are filtered in the group", "vera", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www1>}]`},
			{"a vm_admin does not see another machine", "vera", "GET " + vm2, "", 404, ""},
			{"a vm_admin does not change another machine", "vera", "PUT " + vm2, `{"cores":2}`, 404, ""},
			{"a vm_admin's discs are filtered", "vera", "GET /discs", "", 200, `[{"virtual_machine_id":<www1>},{"virtual_machine_id":<www1>}]`},
			{"a vm_admin changes the machine", "vera", "PUT " + vm1, `{"cores":3}`, 200, `{"cores":3}`},
			{"a vm_admin signals the machine", "vera", "POST " + vm1 + "/signal", `{"signal":"reset"}`, 200, ""},
			{"a vm_admin does not delete the machine", "vera", "DELETE " + vm1, "", 403, ""},
			{"a vm_admin does not purge the machine", "vera", "DELETE " + vm1 + "?purge=true", "", 403, ""},
			{"a vm_admin makes a disc", "vera", "POST " + vm1 + "/discs", `{"label":"vera","size":100}`, 201, `{"id":"$keep vdisc"}`},
			{"a vm_admin changes a disc", "vera", "PUT " + vm1 + "/discs/vera", `{"size":200}`, 200, `{"size":200}`},
			{"a vm_admin makes a backup", "vera", "POST " + vm1 + "/discs/vera/backups", "", 201, `{"parent_disc_id":<vdisc>}`},
			{"a vm_admin makes no machine", "vera", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"www3"},"discs":[{"size":100}]}`, oneOf(403, 404), ""},
			{"a vm_console sees the machine", "carl", "GET " + vm1, "", 200, `{"id":<www1>}`},
			{"a vm_console sees its discs", "carl", "GET " + vm1 + "/discs", "", 200, `[{"label":"disc-1"},{"label":"data"},{"label":"vera"}]`},
			{"a vm_console does not change the machine", "carl", "PUT " + vm1, `{"cores":4}`, 403, ""},
			{"a vm_console does not delete the machine", "carl", "DELETE " + vm1, "", 403, ""},
			{"a vm_console does not reset the machine", "carl", "POST " + vm1 + "/signal", `{"signal":"reset"}`, 403, ""},
			{"a vm_console makes no image", "carl", "POST " + vm1 + "/reimage", `{"distribution":"jessie"}`, 403, ""},
			{"a vm_console changes no disc", "carl", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 403, ""},
			{"a vm_console makes no disc", "carl", "POST " + vm1 + "/discs", `{"size":51200}`, 403, ""},
			{"a vm_console deletes no disc", "carl", "DELETE /discs/<www1disc>?purge=true", "", 403, ""},
			{"a vm_console makes no backup", "carl", "POST " + vm1 + "/discs/disc-1/backups", "", 403, ""},
			{"permission comes before what is wrong with the attributes", "carl", "PUT " + vm1, `{"memory":1}`, 403, ""},
			{"nothing refused was done", "alice", "GET " + vm1, "", 200, `{"cores":3,"deleted":false}`},
		}},
		{"API keys", www1, []step{
			{"", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"ci"}`, 201, `{"id":"$keep id","api_key":"$keep secret"}`},
			{"a privilege for a key asks for no yubikey", "alice", "POST /users/alice/privileges", `{"level":"group_admin","group_id":<web>,"api_key_id":<id>,"yubikey_required":true}`, 400, `{"yubikey_required":"$messages"}`},
			{"a key gets no account_admin from one", "alice", "POST /users/alice/privileges", `{"level":"account_admin","account_id":<acme>,"api_key_id":<id>}`, 403, anyBody},
			{"a key that is not gets nothing", "alice", "POST /users/alice/privileges", `{"level":"group_admin","group_id":<web>,"api_key_id":999999}`, anyError, anyBody},
			{"", "alice", "POST /users/alice/privileges", `{"level":"group_admin","group_id":<web>,"api_key_id":<id>}`, 201, `{"id":"$keep privilege"}`},
			{"a privilege of a key is usable with that key", "Bearer apikey.<secret>", "GET " + vm1, "", 200, ""},
			{"a key's privileges do not go beyond it", "Bearer apikey.<secret>", "GET /groups", "", 200, `[{"id":<web>}]`},
			{"", "alice", "DELETE /privileges/<privilege>", "", oneOf(200, 204), anyBody},
			{"without it the key sees nothing", "Bearer apikey.<secret>", "GET " + vm1, "", 404, ""},
		}},
	})
}
