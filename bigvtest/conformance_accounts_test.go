package bigvtest_test

import "testing"

func TestConformanceAccounts(t *testing.T) {
	staff := func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }
	runScenarios(t, []scenario{
		{"reading", func(f *fixture) { www1(f); f.srv.Account("secret") }, []step{
			{
				"the list contains the visible accounts", "alice", "GET /accounts", "", 200,
				`[{"id":<acme>,"name":"acme","suspended":false,"groups":"$absent","type":"$absent"}]`,
			},
			{
				"an account is an object", "alice", "GET /accounts/acme", "", 200,
				`{"id":<acme>,"name":"acme","suspended":false,"groups":"$absent"}`,
			},
			{"the list is empty without privileges", "bob", "GET /accounts", "", 200, `[]`},
			{"an invisible account is not found", "alice", "GET /accounts/secret", "", 404, ""},
			{"an invisible account is not found by PUT", "alice", "PUT /accounts/secret", `{"name":"x"}`, 404, ""},
			{"an invisible account is not found by DELETE", "bob", "DELETE /accounts/acme", "", 404, ""},
			{
				"overview embeds groups", "alice", "GET /accounts/acme?view=overview", "", 200,
				`{"id":<acme>,"groups":[{"type":"application/vnd.bigv.group","id":<default>,"account_id":<acme>,"name":"default",
					"virtual_machines":[]},{"type":"application/vnd.bigv.group","id":<web>,"account_id":<acme>,"name":"web",
					"virtual_machines":[{"type":"application/vnd.bigv.virtual-machine","id":<www1>}]}]}`,
			},
			{
				"overview embeds discs and network interfaces of machines", "alice", "GET /accounts/acme?view=overview", "", 200,
				`{"groups":[{},{"virtual_machines":[{"name":"www1","group_id":<web>,"discs":[{"type":"application/vnd.bigv.disc",
					"id":<www1disc>}],"network_interfaces":[{"type":"application/vnd.bigv.network-interface"}]}]}]}`,
			},
			{
				"overview works for the list", "alice", "GET /accounts?view=overview", "", 200,
				`[{"name":"acme","groups":[{"name":"default"},{"name":"web","virtual_machines":[{"name":"www1"}]}]}]`,
			},
			{"an unknown view is ignored", "alice", "GET /accounts/acme?view=everything", "", 200, `{"groups":"$absent"}`},
		}},
		{"deleted machines", func(f *fixture) { www1(f); f.machine("web", "www2").SetDeleted(true) }, []step{
			{
				"overview omits deleted machines", "alice", "GET /accounts/acme?view=overview", "", 200,
				`{"groups":[{},{"virtual_machines":[{"name":"www1"}]}]}`,
			},
			{
				"include_deleted includes them", "alice", "GET /accounts/acme?view=overview&include_deleted=true", "", 200,
				`{"groups":[{},{"virtual_machines":[{"name":"www1","deleted":false},{"name":"www2","deleted":true}]}]}`,
			},
			{
				"include_deleted includes them in the list", "alice", "GET /accounts?view=overview&include_deleted=true", "", 200,
				`[{"groups":[{},{"virtual_machines":[{"name":"www1"},{"name":"www2"}]}]}]`,
			},
			{
				"include_deleted must be exactly true", "alice", "GET /accounts/acme?view=overview&include_deleted=false", "", 200,
				`{"groups":[{},{"virtual_machines":[{"name":"www1"}]}]}`,
			},
		}},
		{"writing", staff, []step{
			{"suspended cannot be set", "alice", "PUT /accounts/acme", `{"suspended":true}`, 200, `{"suspended":false}`},
			{"the name cannot be changed", "alice", "PUT /accounts/acme", `{"name":"emca"}`, 200, `{"name":"acme"}`},
			{"an account_admin cannot delete the account", "alice", "DELETE /accounts/acme", "", 403, ""},
			{
				"an account is created", "staff", "POST /accounts", `{"name":"fresh","suspended":true}`, 201,
				`{"id":"$int","name":"fresh","suspended":false}`,
			},
			{"a new account contains the group default", "staff", "GET /accounts/fresh/groups", "", 200, `[{"name":"default"}]`},
			{"an account name is required", "staff", "POST /accounts", `{}`, 400, `{"name":["can't be blank"]}`},
			{"an account name must be unique", "staff", "POST /accounts", `{"name":"fresh"}`, 400, `{"name":["has already been taken"]}`},
			{"staff can delete an account", "staff", "DELETE /accounts/fresh", "", 204, ""},
			{"afterwards it is not found", "staff", "GET /accounts/fresh", "", 404, ""},
		}},
		{"suspended", func(f *fixture) {
			www1(f)
			f.machine("web", "www2").SetPower(false)
			f.srv.Account("acme").SetSuspended(true)
		}, []step{
			{"the attribute suspended is true", "alice", "GET /accounts/acme", "", 200, `{"suspended":true}`},
			{"machines can be read", "alice", "GET " + vm1, "", 200, `{"name":"www1"}`},
			{"discs can be read", "alice", "GET " + vm1 + "/discs", "", 200, `[{}]`},
			{"a group cannot be created", "alice", "POST /accounts/acme/groups", `{"name":"db"}`, 403, ""},
			{"a group cannot be changed", "alice", "PUT " + web, `{"name":"db"}`, 403, ""},
			{
				"a machine cannot be created", "alice", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, 403, "",
			},
			{"a machine cannot be changed", "alice", "PUT " + vm1, `{"cores":2}`, 403, ""},
			{"a machine cannot be deleted", "alice", "DELETE " + vm1, "", 403, ""},
			{"a signal cannot be sent", "alice", "POST " + vm1 + "/signal", `{"signal":"reset"}`, 403, ""},
			{"a machine cannot be reimaged", "alice", "POST " + vm2 + "/reimage", `{"distribution":"jessie"}`, 403, ""},
			{"a disc cannot be created", "alice", "POST " + vm2 + "/discs", `{"size":100}`, 403, ""},
			{"a disc cannot be changed", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 403, ""},
			{"a backup cannot be created", "alice", "POST " + vm1 + "/discs/disc-1/backups", "", 403, ""},
		}},
	})
}

func TestConformanceGroups(t *testing.T) {
	runScenarios(t, []scenario{
		{"reading", func(f *fixture) { www1(f); f.machine("web", "www2").SetDeleted(true) }, []step{
			{
				"the groups of an account are ordered by ID", "alice", "GET /accounts/acme/groups", "", 200,
				`[{"id":<default>,"account_id":<acme>,"name":"default","virtual_machines":"$absent","type":"$absent"},{"id":<web>,
					"account_id":<acme>,"name":"web"}]`,
			},
			{"all groups are a list", "alice", "GET /groups", "", 200, `[{"name":"default"},{"name":"web"}]`},
			{
				"a group is an object", "alice", "GET " + web, "", 200,
				`{"id":<web>,"account_id":<acme>,"name":"web","virtual_machines":"$absent","type":"$absent"}`,
			},
			{
				"overview embeds machines", "alice", "GET " + web + "?view=overview", "", 200,
				`{"type":"application/vnd.bigv.group","virtual_machines":[{"type":"application/vnd.bigv.virtual-machine","id":<www1>,
					"discs":[{}],"network_interfaces":[{}]}]}`,
			},
			{
				"overview embeds deleted machines with include_deleted", "alice", "GET " + web + "?view=overview&include_deleted=true", "",
				200, `{"virtual_machines":[{"deleted":false},{"id":<www2>,"deleted":true}]}`,
			},
			{
				"overview works for a flat group", "alice", "GET /groups/<web>?view=overview", "", 200,
				`{"type":"application/vnd.bigv.group","virtual_machines":[{"id":<www1>}]}`,
			},
			{"an invisible group is not found", "bob", "GET " + web, "", 404, ""},
			{"an invisible group is not found by flat path", "bob", "GET /groups/<web>", "", 404, ""},
			{"the list of groups is empty without privileges", "bob", "GET /groups", "", 200, `[]`},
			{"the groups of an invisible account are not found", "bob", "GET /accounts/acme/groups", "", 404, ""},
		}},
		{"writing", www1, []step{
			{
				"a group is created", "alice", "POST /accounts/acme/groups", `{"name":"db"}`, 200,
				`{"id":"$save db","account_id":<acme>,"name":"db"}`,
			},
			{"it can be read", "alice", "GET /accounts/acme/groups/db", "", 200, `{"id":<db>}`},
			{
				"the ID and account of a group cannot be chosen", "alice", "POST /accounts/acme/groups",
				`{"name":"db2","id":9999,"account_id":9999}`, 200, `{"account_id":<acme>,"name":"db2"}`,
			},
			{"a group name is required", "alice", "POST /accounts/acme/groups", `{}`, 400, `{"name":["can't be blank"]}`},
			{"a group name cannot be blank", "alice", "POST /accounts/acme/groups", `{"name":""}`, 400, `{"name":"$messages"}`},
			{
				"a group name must be unique in the account", "alice", "POST /accounts/acme/groups", `{"name":"db"}`, 400,
				`{"name":["has already been taken"]}`,
			},
			{"a group name cannot contain dots", "alice", "POST /accounts/acme/groups", `{"name":"a.b"}`, 400, `{"name":["is invalid"]}`},
			{"a group is renamed", "alice", "PUT " + web, `{"name":"www"}`, 200, `{"id":<web>,"name":"www"}`},
			{"the old name is not found", "alice", "GET " + web, "", 404, ""},
			{
				"a rename changes the host names of its machines", "alice", "GET /accounts/acme/groups/www/virtual_machines/www1", "", 200,
				`{"hostname":"www1.www.acme.uk0.bigv.io"}`,
			},
			{
				"a group cannot be renamed to a name in use", "alice", "PUT /accounts/acme/groups/www", `{"name":"db"}`, 400,
				`{"name":["has already been taken"]}`,
			},
			{"a group can be renamed to its own name", "alice", "PUT /accounts/acme/groups/www", `{"name":"www"}`, 200, `{"name":"www"}`},
			{
				"the account of a group cannot be changed", "alice", "PUT /accounts/acme/groups/www", `{"account_id":9999}`, 200,
				`{"account_id":<acme>}`,
			},
			{"a group with a machine cannot be deleted", "alice", "DELETE /accounts/acme/groups/www", "", 400, "text Group is not empty"},
			{"", "alice", "DELETE /accounts/acme/groups/www/virtual_machines/www1", "", 204, ""},
			{
				"a group with a deleted machine cannot be deleted", "alice", "DELETE /accounts/acme/groups/www", "", 400,
				"text Group is not empty",
			},
			{"", "alice", "DELETE /accounts/acme/groups/www/virtual_machines/www1?purge=true", "", 204, ""},
			{"an empty group is deleted", "alice", "DELETE /accounts/acme/groups/www", "", 204, ""},
			{"afterwards it is not found", "alice", "GET /groups/<web>", "", 404, ""},
			{"its name can be reused", "alice", "POST /accounts/acme/groups", `{"name":"www"}`, 200, `{"name":"www"}`},
			{
				"the default group may be renamed", "alice", "PUT /accounts/acme/groups/default", `{"name":"main"}`, 200,
				`{"id":<default>,"name":"main"}`,
			},
			{
				"default still identifies the default group", "alice", "GET /accounts/acme/groups/default", "", 200,
				`{"id":<default>,"name":"main"}`,
			},
			{"", "alice", "PUT /accounts/acme/groups/main", `{"name":"default"}`, 200, `{"id":<default>}`},
			{"a group cannot be created in an invisible account", "bob", "POST /accounts/acme/groups", `{"name":"x1"}`, 404, ""},
			{
				"IDs only grow", "alice", "GET /accounts/acme/groups", "", 200,
				`[{"name":"default"},{"name":"db"},{"name":"db2"},{"name":"www"}]`,
			},
		}},
	})
}
