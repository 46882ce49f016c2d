package bigvtest_test

import "testing"

func TestConformancePrivileges(t *testing.T) {
	const grant = "POST /users/bob/privileges"
	runScenarios(t, []scenario{
		{"granting", www1, []step{
			{
				"a privilege is granted", "alice", grant,
				`{"level":"group_admin","group_id":<web>,"password_required":true,"yubikey_required":false}`, 201,
				`{"id":"$save id","level":"group_admin","group_id":<web>,"username":"bob","creating_username":"alice",
					"password_required":true,"yubikey_required":false,"yubikey_otp_max_age":null,"ip_restrictions":null,
					"account_id":"$empty","virtual_machine_id":"$empty","api_key_id":"$empty"}`,
			},
			{
				"it links to itself, its user and its target", "alice", "GET /privileges/<id>", "", 200,
				`{"_links":{"self":{"href":"/privileges/<id>"},"user":{"href":"/users/<bob>"},"group":{"href":"/groups/<web>"}}}`,
			},
			{
				"the user can see the privilege", "bob", "GET /privileges/<id>", "", 200,
				`{"id":<id>,"username":"bob","level":"group_admin","group_id":<web>}`,
			},
			{"the user can see it in the list", "bob", "GET /privileges", "", 200, `[{"id":<id>}]`},
			{"the user can see it in the user's privileges", "bob", "GET /users/bob/privileges", "", 200, `[{"id":<id>}]`},
			{"the user can see it with a filter", "bob", "GET /privileges?user_id=<bob>", "", 200, `[{"id":<id>}]`},
			{"the granter can see it on the group", "alice", "GET " + web + "/privileges", "", 200, `[{"id":<id>,"username":"bob"}]`},
			{"another group does not list it", "alice", "GET /accounts/acme/groups/default/privileges", "", 200, `[]`},
			{
				"a machine of the group does not list it", "alice", "GET " + vm1 + "/privileges", "", 200,
				`{"$lacks":[{"id":<id>,"group_id":"$empty"}]}`,
			},
			{"the granter cannot list the user's privileges", "alice", "GET /users/bob/privileges", "", oneOf(403, 404), ""},
			{
				"a privilege is granted on a machine", "alice", grant, `{"level":"vm_admin","virtual_machine_id":<www1>}`, 201,
				`{"id":"$save admin","level":"vm_admin","virtual_machine_id":<www1>,"password_required":true,"yubikey_required":false}`,
			},
			{
				"a second privilege for the same user and machine is granted", "alice", grant,
				`{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"id":"$save console"}`,
			},
			{
				"the same privilege is granted twice", "alice", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201,
				`{"id":"$save again"}`,
			},
			{
				"the list is ordered by ID", "bob", "GET /privileges", "", 200,
				`[{"id":<id>},{"id":<admin>},{"id":<console>},{"id":<again>}]`,
			},
			{
				"a user is found by ID", "alice", "POST /users/<bob>/privileges", `{"level":"vm_console","virtual_machine_id":<www1>}`, 201,
				`{"username":"bob"}`,
			},
			{
				"the user in the path takes precedence", "alice", grant,
				`{"username":"alice","level":"vm_console","virtual_machine_id":<www1>,"colour":"red","id":1}`, 201,
				`{"username":"bob","colour":"$absent"}`,
			},
			{"level is required", "alice", grant, `{"group_id":<web>}`, 400, `{"level":["can't be blank"]}`},
			{
				"an unknown level is rejected", "alice", grant, `{"level":"king","group_id":<web>}`, 400,
				`{"level":["is not included in the list"]}`,
			},
			{"a level requires its target", "alice", grant, `{"level":"group_admin"}`, 400, `{"group_id":["can't be blank"]}`},
			{"a level requires a target of its kind", "alice", grant, `{"level":"vm_admin","group_id":<web>}`, 400, `{}`},
			{"an unknown target is rejected", "alice", grant, `{"level":"group_admin","group_id":999999}`, anyError, anyBody},
			{
				"a YubiKey can be required", "alice", grant,
				`{"level":"group_admin","group_id":<web>,"yubikey_required":true,"yubikey_otp_max_age":60,
					"ip_restrictions":"192.0.2.0/24"}`,
				201, `{"yubikey_required":true,"yubikey_otp_max_age":60,"ip_restrictions":"192.0.2.0/24"}`,
			},
		}},
		{"changing", www1, []step{
			{"", "alice", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201, `{"id":"$save id"}`},
			{
				"a YubiKey can be required", "alice", "PUT /privileges/<id>",
				`{"yubikey_required":true,"yubikey_otp_max_age":900,"ip_restrictions":"192.0.2.0/24"}`, 200,
				`{"id":<id>,"yubikey_required":true,"yubikey_otp_max_age":900,"ip_restrictions":"192.0.2.0/24"}`,
			},
			{
				"an empty PUT changes nothing", "alice", "PUT /privileges/<id>", `{}`, 200,
				`{"yubikey_required":true,"yubikey_otp_max_age":900}`,
			},
			{
				"false and null clear the conditions", "alice", "PUT /privileges/<id>",
				`{"yubikey_required":false,"yubikey_otp_max_age":null,"ip_restrictions":null}`, 200,
				`{"yubikey_required":false,"yubikey_otp_max_age":null,"ip_restrictions":null}`,
			},
			{"level is ignored", "alice", "PUT /privileges/<id>", `{"level":"vm_admin"}`, 200, `{"level":"vm_console"}`},
			{
				"the target is ignored", "alice", "PUT /privileges/<id>", `{"virtual_machine_id":null,"group_id":<web>}`, 200,
				`{"virtual_machine_id":<www1>,"group_id":"$empty"}`,
			},
			{
				"the user is ignored", "alice", "PUT /privileges/<id>", `{"username":"alice","creating_username":"bob"}`, 200,
				`{"username":"bob","creating_username":"alice"}`,
			},
			{
				"password_required is ignored", "alice", "PUT /privileges/<id>", `{"password_required":false}`, 200,
				`{"password_required":true}`,
			},
			{
				"yubikey_otp_max_age must be a number", "alice", "PUT /privileges/<id>", `{"yubikey_otp_max_age":"old"}`, 400,
				`{"yubikey_otp_max_age":"$messages"}`,
			},
			{"a privilege is deleted", "alice", "DELETE /privileges/<id>", "", oneOf(200, 204), anyBody},
			{"afterwards it is not found", "alice", "GET /privileges/<id>", "", 404, ""},
			{"a deleted privilege has no effect", "bob", "GET " + vm1, "", 404, ""},
			{"an unknown privilege is not found", "alice", "DELETE /privileges/<id>", "", 404, ""},
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
			{"an account_admin cannot grant account_admin", "alice", grant, `{"level":"account_admin","account_id":<acme>}`, 403, anyBody},
			{"an account_admin cannot grant a cluster level", "alice", grant, `{"level":"cluster_admin"}`, oneOf(400, 403), anyBody},
			{
				"an account_admin cannot change another account_admin", "alice", "PUT /privileges/<account_admin>",
				`{"yubikey_required":true}`, oneOf(403, 404), "",
			},
			{
				"an account_admin cannot revoke another account_admin", "alice", "DELETE /privileges/<account_admin>", "", oneOf(403, 404),
				"",
			},
			{"an account_admin cannot revoke its own privilege", "ann", "DELETE /privileges/<account_admin>", "", 403, ""},
			{
				"an account_admin cannot change its own privilege", "ann", "PUT /privileges/<account_admin>", `{"yubikey_required":true}`,
				403, "",
			},
			{
				"an account_admin can change a group_admin", "alice", "PUT /privileges/<group_admin>", `{"yubikey_otp_max_age":60}`, 200,
				`{"yubikey_otp_max_age":60}`,
			},
			{"a group_admin cannot grant group_admin", "greg", grant, `{"level":"group_admin","group_id":<web>}`, 403, anyBody},
			{
				"a group_admin can grant vm_admin", "greg", grant, `{"level":"vm_admin","virtual_machine_id":<www1>}`, 201,
				`{"creating_username":"greg"}`,
			},
			{"a group_admin cannot revoke another group_admin", "greg", "DELETE /privileges/<group_admin2>", "", oneOf(403, 404), ""},
			{"a group_admin can see a vm_console", "greg", "GET /privileges/<vm_console>", "", 200, `{"username":"carl"}`},
			{
				"a vm_admin can grant vm_console", "vera", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 201,
				`{"creating_username":"vera"}`,
			},
			{"a vm_admin cannot grant vm_admin", "vera", grant, `{"level":"vm_admin","virtual_machine_id":<www1>}`, 403, anyBody},
			{"a vm_console cannot grant anything", "carl", grant, `{"level":"vm_console","virtual_machine_id":<www1>}`, 403, anyBody},
			{"a vm_console cannot revoke its own privilege", "carl", "DELETE /privileges/<vm_console>", "", 403, ""},
			{
				"a user without privileges cannot grant anything", "nils", "POST /users/bob/privileges",
				`{"level":"vm_console","virtual_machine_id":<www1>}`, anyError, anyBody,
			},
			{"an invisible privilege is not found", "nils", "GET /privileges/<group_admin>", "", 404, ""},
			{"an invisible privilege is not found by PUT", "carl", "PUT /privileges/<group_admin>", `{"yubikey_required":true}`, 404, ""},
			{
				"the privileges of an account exclude the caller's own level", "alice", "GET /accounts/acme/privileges", "", 200,
				`{"$lacks":[{"level":"account_admin"}]}`,
			},
			{
				"the privileges of a group include the levels below the caller's", "alice", "GET " + web + "/privileges", "", 200,
				`{"$has":[{"username":"greg","level":"group_admin"},{"username":"gina"}]}`,
			},
			{
				"the privileges of a group exclude the caller's own level", "greg", "GET " + web + "/privileges", "", 200,
				`{"$lacks":[{"level":"group_admin"}]}`,
			},
			{
				"the privileges of a machine include the levels below the caller's", "greg", "GET " + vm1 + "/privileges", "", 200,
				`{"$has":[{"username":"vera","level":"vm_admin"},{"username":"carl","level":"vm_console"}]}`,
			},
			{
				"a vm_admin can see a vm_console", "vera", "GET " + vm1 + "/privileges", "", 200,
				`{"$has":[{"username":"carl","level":"vm_console"}]}`,
			},
			{"a vm_admin cannot see a vm_admin", "vera", "GET " + vm1 + "/privileges", "", 200, `{"$lacks":[{"level":"vm_admin"}]}`},
			{"the privileges of an invisible group are not found", "nils", "GET " + web + "/privileges", "", 404, ""},
			{"staff can see the privileges of a user", "staff", "GET /users/greg/privileges", "", 200, `{"$has":[{"id":<group_admin>}]}`},
			{
				"staff can grant account_admin", "staff", grant, `{"level":"account_admin","account_id":<acme>}`, 201,
				`{"level":"account_admin","account_id":<acme>}`,
			},
			{"the granted privilege takes effect", "bob", "GET /accounts/acme", "", 200, `{"name":"acme"}`},
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
			{"a group_admin can see the group", "greg", "GET " + web, "", 200, `{"id":<web>}`},
			{"a group_admin's groups are filtered", "greg", "GET /groups", "", 200, `[{"id":<web>}]`},
			{"a group_admin cannot see another group", "greg", "GET /groups/<default>", "", 404, ""},
			{"a group_admin cannot see a machine of another group", "greg", "GET /virtual_machines/<db1>", "", 404, ""},
			{"a group_admin's machines are filtered", "greg", "GET /virtual_machines", "", 200, `[{"id":<www1>},{"id":<www2>}]`},
			{
				"a group_admin can create a machine", "greg", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"www3"},"discs":[{"size":100}]}`, 202, "",
			},
			{"a group_admin can delete a machine", "greg", "DELETE " + web + "/virtual_machines/www3?purge=true", "", 204, ""},
			{"a group_admin can change a machine", "greg", "PUT " + vm2, `{"cores":2}`, 200, `{"cores":2}`},
			{"a group_admin cannot rename the group", "greg", "PUT " + web, `{"name":"www"}`, 403, ""},
			{"a group_admin cannot delete the group", "greg", "DELETE " + web, "", 403, ""},
			{"a group_admin cannot create a group", "greg", "POST /accounts/acme/groups", `{"name":"mine"}`, oneOf(403, 404), ""},
			{"a group_admin cannot move a machine to another group", "greg", "PUT " + vm1, `{"group_id":<default>}`, anyError, anyBody},
			{"a vm_admin can see the machine", "vera", "GET " + vm1, "", 200, `{"id":<www1>}`},
			{"a vm_admin can see the machine by flat path", "vera", "GET /virtual_machines/<www1>", "", 200, `{"id":<www1>}`},
			{"a vm_admin's machines are filtered", "vera", "GET /virtual_machines", "", 200, `[{"id":<www1>}]`},
			{"a vm_admin's machines are filtered in the group", "vera", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www1>}]`},
			{"a vm_admin cannot see another machine", "vera", "GET " + vm2, "", 404, ""},
			{"a vm_admin cannot change another machine", "vera", "PUT " + vm2, `{"cores":2}`, 404, ""},
			{
				"a vm_admin's discs are filtered", "vera", "GET /discs", "", 200,
				`[{"virtual_machine_id":<www1>},{"virtual_machine_id":<www1>}]`,
			},
			{"a vm_admin can change the machine", "vera", "PUT " + vm1, `{"cores":3}`, 200, `{"cores":3}`},
			{"a vm_admin can send a signal", "vera", "POST " + vm1 + "/signal", `{"signal":"reset"}`, 200, ""},
			{"a vm_admin cannot delete the machine", "vera", "DELETE " + vm1, "", 403, ""},
			{"a vm_admin cannot purge the machine", "vera", "DELETE " + vm1 + "?purge=true", "", 403, ""},
			{"a vm_admin can create a disc", "vera", "POST " + vm1 + "/discs", `{"label":"vera","size":100}`, 201, `{"id":"$save vdisc"}`},
			{"a vm_admin can change a disc", "vera", "PUT " + vm1 + "/discs/vera", `{"size":200}`, 200, `{"size":200}`},
			{"a vm_admin can create a backup", "vera", "POST " + vm1 + "/discs/vera/backups", "", 201, `{"parent_disc_id":<vdisc>}`},
			{
				"a vm_admin cannot create a machine", "vera", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"www3"},"discs":[{"size":100}]}`, oneOf(403, 404), "",
			},
			{"a vm_console can see the machine", "carl", "GET " + vm1, "", 200, `{"id":<www1>}`},
			{
				"a vm_console can see its discs", "carl", "GET " + vm1 + "/discs", "", 200,
				`[{"label":"disc-1"},{"label":"data"},{"label":"vera"}]`,
			},
			{"a vm_console cannot change the machine", "carl", "PUT " + vm1, `{"cores":4}`, 403, ""},
			{"a vm_console cannot delete the machine", "carl", "DELETE " + vm1, "", 403, ""},
			{"a vm_console cannot reset the machine", "carl", "POST " + vm1 + "/signal", `{"signal":"reset"}`, 403, ""},
			{"a vm_console cannot reimage the machine", "carl", "POST " + vm1 + "/reimage", `{"distribution":"jessie"}`, 403, ""},
			{"a vm_console cannot change a disc", "carl", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 403, ""},
			{"a vm_console cannot create a disc", "carl", "POST " + vm1 + "/discs", `{"size":51200}`, 403, ""},
			{"a vm_console cannot delete a disc", "carl", "DELETE /discs/<www1disc>?purge=true", "", 403, ""},
			{"a vm_console cannot create a backup", "carl", "POST " + vm1 + "/discs/disc-1/backups", "", 403, ""},
			{"permissions are checked before attributes", "carl", "PUT " + vm1, `{"memory":1}`, 403, ""},
			{"rejected requests changed nothing", "alice", "GET " + vm1, "", 200, `{"cores":3,"deleted":false}`},
		}},
		{"API keys", www1, []step{
			{"", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"ci"}`, 201, `{"id":"$save id","api_key":"$save secret"}`},
			{
				"a privilege of an API key cannot require a YubiKey", "alice", "POST /users/alice/privileges",
				`{"level":"group_admin","group_id":<web>,"api_key_id":<id>,"yubikey_required":true}`, 400,
				`{"yubikey_required":"$messages"}`,
			},
			{
				"an account_admin cannot grant account_admin to an API key", "alice", "POST /users/alice/privileges",
				`{"level":"account_admin","account_id":<acme>,"api_key_id":<id>}`, 403, anyBody,
			},
			{
				"an unknown API key is rejected", "alice", "POST /users/alice/privileges",
				`{"level":"group_admin","group_id":<web>,"api_key_id":999999}`, anyError, anyBody,
			},
			{
				"", "alice", "POST /users/alice/privileges", `{"level":"group_admin","group_id":<web>,"api_key_id":<id>}`, 201,
				`{"id":"$save privilege"}`,
			},
			{"a privilege of an API key takes effect", "Bearer apikey.<secret>", "GET " + vm1, "", 200, ""},
			{"an API key has only its own privileges", "Bearer apikey.<secret>", "GET /groups", "", 200, `[{"id":<web>}]`},
			{"", "alice", "DELETE /privileges/<privilege>", "", oneOf(200, 204), anyBody},
			{"without privileges the API key sees nothing", "Bearer apikey.<secret>", "GET " + vm1, "", 404, ""},
		}},
	})
}
