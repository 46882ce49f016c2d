package bigvtest_test

import "testing"

func TestConformanceAccounts(t *testing.T) {
	staff := func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }
	runScenarios(t, []scenario{
		{"reading", func(f *fixture) { www1(f); f.srv.Account("secret") }, []step{
			{"the list holds what there is to see", "alice", "GET /accounts", "", 200, `[{"id":<acme>,"name":"acme","suspended":false,"groups":"$absent","type":"$absent"}]`},
			{"an account is an object", "alice", "GET /accounts/acme", "", 200, `{"id":<acme>,"name":"acme","suspended":false,"groups":"$absent"}`},
			{"the list may be empty", "bob", "GET /accounts", "", 200, `[]`},
			{"an account not to be seen is not found", "alice", "GET /accounts/secret", "", 404, ""},
			{"an account not to be seen is not found to write either", "alice", "PUT /accounts/secret", `{"name":"x"}`, 404, ""},
			{"an account not to be seen is not found to delete either", "bob", "DELETE /accounts/acme", "", 404, ""},
			{"overview embeds groups", "alice", "GET /accounts/acme?view=overview", "", 200, `{"id":<acme>,"groups":[
				{"type":"application/vnd.bigv.group","id":<default>,"account_id":<acme>,"name":"default","virtual_machines":[]},
				{"type":"application/vnd.bigv.group","id":<web>,"account_id":<acme>,"name":"web","virtual_machines":[{"type":"application/vnd.bigv.virtual-machine","id":<www1>}]}]}`},
			{"overview embeds discs and network interfaces of machines", "alice", "GET /accounts/acme?view=overview", "", 200, `{"groups":[{},{"virtual_machines":[
				{"name":"www1","group_id":<web>,"discs":[{"type":"application/vnd.bigv.disc","id":<www1disc>}],"network_interfaces":[{"type":"application/vnd.bigv.network-interface"}]}]}]}`},
			{"overview works for the list", "alice", "GET /accounts?view=overview", "", 200, `[{"name":"acme","groups":[{"name":"default"},{"name":"web","virtual_machines":[{"name":"www1"}]}]}]`},
			{"another view is ignored", "alice", "GET /accounts/acme?view=everything", "", 200, `{"groups":"$absent"}`},
		}},
		{"deleted machines", func(f *fixture) { www1(f); f.machine("web", "www2").SetDeleted(true) }, []step{
			{"overview leaves deleted machines out", "alice", "GET /accounts/acme?view=overview", "", 200, `{"groups":[{},{"virtual_machines":[{"name":"www1"}]}]}`},
			{"include_deleted puts them in", "alice", "GET /accounts/acme?view=overview&include_deleted=true", "", 200, `{"groups":[{},{"virtual_machines":[{"name":"www1","deleted":false},{"name":"www2","deleted":true}]}]}`},
			{"include_deleted puts them in the list", "alice", "GET /accounts?view=overview&include_deleted=true", "", 200, `[{"groups":[{},{"virtual_machines":[{"name":"www1"},{"name":"www2"}]}]}]`},
			{"include_deleted works with exactly true", "alice", "GET /accounts/acme?view=overview&include_deleted=false", "", 200, `{"groups":[{},{"virtual_machines":[{"name":"www1"}]}]}`},
		}},
		{"writing", staff, []step{
			{"suspended cannot be set", "alice", "PUT /accounts/acme", `{"suspended":true}`, 200, `{"suspended":false}`},
			{"the name cannot be changed", "alice", "PUT /accounts/acme", `{"name":"emca"}`, 200, `{"name":"acme"}`},
			{"its administrator cannot delete an account", "alice", "DELETE /accounts/acme", "", 403, ""},
			{"an account is made", "staff", "POST /accounts", `{"name":"fresh","suspended":true}`, 201, `{"id":"$int","name":"fresh","suspended":false}`},
			{"it starts with the group default", "staff", "GET /accounts/fresh/groups", "", 200, `[{"name":"default"}]`},
			{"an account needs a name", "staff", "POST /accounts", `{}`, 400, `{"name":["can't be blank"]}`},
			{"an account's name is its own", "staff", "POST /accounts", `{"name":"fresh"}`, 400, `{"name":["has already been taken"]}`},
			{"staff delete an account", "staff", "DELETE /accounts/fresh", "", 204, ""},
			{"it is gone", "staff", "GET /accounts/fresh", "", 404, ""},
		}},
		{"suspended", func(f *fixture) {
			www1(f)
			f.machine("web", "www2").SetPower(false)
			f.srv.Account("acme").SetSuspended(true)
		}, []step{
			{"a suspended account says so", "alice", "GET /accounts/acme", "", 200, `{"suspended":true}`},
			{"its machines are read", "alice", "GET " + vm1, "", 200, `{"name":"www1"}`},
			{"its discs are read", "alice", "GET " + vm1 + "/discs", "", 200, `[{}]`},
			{"no group is made", "alice", "POST /accounts/acme/groups", `{"name":"db"}`, 403, ""},
			{"no group is changed", "alice", "PUT " + web, `{"name":"db"}`, 403, ""},
			{"no machine is made", "alice", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, 403, ""},
			{"no machine is changed", "alice", "PUT " + vm1, `{"cores":2}`, 403, ""},
			{"no machine is deleted", "alice", "DELETE " + vm1, "", 403, ""},
			{"no signal is sent", "alice", "POST " + vm1 + "/signal", `{"signal":"reset"}`, 403, ""},
			{"no image is made", "alice", "POST " + vm2 + "/reimage", `{"distribution":"jessie"}`, 403, ""},
			{"no disc is made", "alice", "POST " + vm2 + "/discs", `{"size":100}`, 403, ""},
			{"no disc is changed", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 403, ""},
			{"no backup is made", "alice", "POST " + vm1 + "/discs/disc-1/backups", "", 403, ""},
		}},
	})
}

func TestConformanceGroups(t *testing.T) {
	runScenarios(t, []scenario{
		{"reading", func(f *fixture) { www1(f); f.machine("web", "www2").SetDeleted(true) }, []step{
			{"an account's groups are a list by ID", "alice", "GET /accounts/acme/groups", "", 200, `[{"id":<default>,"account_id":<acme>,"name":"default","virtual_machines":"$absent","type":"$absent"},{"id":<web>,"account_id":<acme>,"name":"web"}]`},
			{"all groups are a list", "alice", "GET /groups", "", 200, `[{"name":"default"},{"name":"web"}]`},
			{"a group is an object", "alice", "GET " + web, "", 200, `{"id":<web>,"account_id":<acme>,"name":"web","virtual_machines":"$absent","type":"$absent"}`},
			{"overview embeds machines", "alice", "GET " + web + "?view=overview", "", 200, `{"type":"application/vnd.bigv.group","virtual_machines":[{"type":"application/vnd.bigv.virtual-machine","id":<www1>,"discs":[{}],"network_interfaces":[{}]}]}`},
			{"overview embeds deleted machines with include_deleted", "alice", "GET " + web + "?view=overview&include_deleted=true", "", 200, `{"virtual_machines":[{"deleted":false},{"id":<www2>,"deleted":true}]}`},
			{"overview works for a flat group", "alice", "GET /groups/<web>?view=overview", "", 200, `{"type":"application/vnd.bigv.group","virtual_machines":[{"id":<www1>}]}`},
			{"a group not to be seen is not found", "bob", "GET " + web, "", 404, ""},
			{"a group not to be seen is not found flat", "bob", "GET /groups/<web>", "", 404, ""},
			{"nobody's groups are an empty list", "bob", "GET /groups", "", 200, `[]`},
			{"an account not to be seen has no list", "bob", "GET /accounts/acme/groups", "", 404, ""},
		}},
		{"writing", www1, []step{
			{"a group is made", "alice", "POST /accounts/acme/groups", `{"name":"db"}`, 200, `{"id":"$keep db","account_id":<acme>,"name":"db"}`},
			{"it is there", "alice", "GET /accounts/acme/groups/db", "", 200, `{"id":<db>}`},
			{"a group's ID and account are not to choose", "alice", "POST /accounts/acme/groups", `{"name":"db2","id":9999,"account_id":9999}`, 200, `{"account_id":<acme>,"name":"db2"}`},
			{"a group needs a name", "alice", "POST /accounts/acme/groups", `{}`, 400, `{"name":["can't be blank"]}`},
			{"a group's name is not blank", "alice", "POST /accounts/acme/groups", `{"name":""}`, 400, `{"name":"$messages"}`},
			{"a group's name is its own in the account", "alice", "POST /accounts/acme/groups", `{"name":"db"}`, 400, `{"name":["has already been taken"]}`},
			{"a group's name is a label without dots", "alice", "POST /accounts/acme/groups", `{"name":"a.b"}`, 400, `{"name":["is invalid"]}`},
			{"a group is renamed", "alice", "PUT " + web, `{"name":"www"}`, 200, `{"id":<web>,"name":"www"}`},
			{"the old name is not found", "alice", "GET " + web, "", 404, ""},
			{"a rename changes host names", "alice", "GET /accounts/acme/groups/www/virtual_machines/www1", "", 200, `{"hostname":"www1.www.acme.uk0.bigv.io"}`},
			{"a name that is taken cannot be had", "alice", "PUT /accounts/acme/groups/www", `{"name":"db"}`, 400, `{"name":["has already been taken"]}`},
			{"a group may keep its name", "alice", "PUT /accounts/acme/groups/www", `{"name":"www"}`, 200, `{"name":"www"}`},
			{"a group's account is not changed", "alice", "PUT /accounts/acme/groups/www", `{"account_id":9999}`, 200, `{"account_id":<acme>}`},
			{"a group with a machine is not deleted", "alice", "DELETE /accounts/acme/groups/www", "", 400, "text Group is not empty"},
			{"", "alice", "DELETE /accounts/acme/groups/www/virtual_machines/www1", "", 204, ""},
			{"nor is one with a deleted machine", "alice", "DELETE /accounts/acme/groups/www", "", 400, "text Group is not empty"},
			{"", "alice", "DELETE /accounts/acme/groups/www/virtual_machines/www1?purge=true", "", 204, ""},
			{"an empty group is deleted", "alice", "DELETE /accounts/acme/groups/www", "", 204, ""},
			{"it is not found", "alice", "GET /groups/<web>", "", 404, ""},
			{"its name is free", "alice", "POST /accounts/acme/groups", `{"name":"www"}`, 200, `{"name":"www"}`},
			{"the default group may be renamed", "alice", "PUT /accounts/acme/groups/default", `{"name":"main"}`, 200, `{"id":<default>,"name":"main"}`},
			{"default is still the default group", "alice", "GET /accounts/acme/groups/default", "", 200, `{"id":<default>,"name":"main"}`},
			{"", "alice", "PUT /accounts/acme/groups/main", `{"name":"default"}`, 200, `{"id":<default>}`},
			{"a group of an account not to be seen is not made", "bob", "POST /accounts/acme/groups", `{"name":"x1"}`, 404, ""},
			{"IDs only grow", "alice", "GET /accounts/acme/groups", "", 200, `[{"name":"default"},{"name":"db"},{"name":"db2"},{"name":"www"}]`},
		}},
	})
}
