package bigvtest_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConformanceIDsAndNames(t *testing.T) {
	runScenarios(t, []scenario{
		{"segments", func(f *fixture) {
			www1(f)
			f.machine("web", "www2")
			f.machine("default", "www1")
			f.saved["first"] = f.srv.Account("acme").Group("web").VirtualMachine("www1").ID()
		}, []step{
			{"an account is found by name", "alice", "GET /accounts/acme", "", 200, `{"id":<acme>}`},
			{"an account is found by ID", "alice", "GET /accounts/<acme>", "", 200, `{"name":"acme"}`},
			{"a group is found by name", "alice", "GET /accounts/acme/groups/web", "", 200, `{"id":<web>}`},
			{"a group is found by ID", "alice", "GET /accounts/<acme>/groups/<web>", "", 200, `{"name":"web"}`},
			{"the default group is found as default", "alice", "GET /accounts/acme/groups/default", "", 200, `{"id":<default>}`},
			{"a group is found by flat path and ID", "alice", "GET /groups/<web>", "", 200, `{"name":"web"}`},
			{"a machine is found by nested path and name", "alice", "GET " + web + "/virtual_machines/www2", "", 200, `{"id":<www2>}`},
			{
				"a machine is found by nested path and ID", "alice", "GET /accounts/<acme>/groups/<web>/virtual_machines/<www2>", "", 200,
				`{"name":"www2"}`,
			},
			{"a machine is found by flat path and ID", "alice", "GET /virtual_machines/<www2>", "", 200, `{"name":"www2"}`},
			{"a machine is found by flat path and name", "alice", "GET /virtual_machines/www2", "", 200, `{"id":<www2>}`},
			{"an ambiguous name selects the lowest ID", "alice", "GET /virtual_machines/www1", "", 200, `{"id":<first>}`},
			{"a machine is not found in another group", "alice", "GET /accounts/acme/groups/default/virtual_machines/www2", "", 404, ""},
			{
				"a machine is not found in another group by ID", "alice", "GET /accounts/acme/groups/default/virtual_machines/<www2>", "",
				404, "",
			},
			{"a disc is found by label", "alice", "GET " + vm2 + "/discs/disc-1", "", 200, `{"id":<www2disc>}`},
			{"a disc is found by ID", "alice", "GET " + vm2 + "/discs/<www2disc>", "", 200, `{"label":"disc-1"}`},
			{"a disc is not found on another machine", "alice", "GET " + vm1 + "/discs/<www2disc>", "", 404, ""},
			{"a user is found by name", "alice", "GET /users/alice", "", 200, `{"id":<alice>}`},
			{"a user is found by ID", "alice", "GET /users/<alice>", "", 200, `{"username":"alice"}`},
			{"an unknown account is not found", "alice", "GET /accounts/nowhere", "", 404, ""},
			{"an unknown account by ID is not found", "alice", "GET /accounts/999999", "", 404, ""},
			{"an unknown group is not found", "alice", "GET /accounts/acme/groups/nowhere", "", 404, ""},
			{"an unknown machine is not found", "alice", "GET " + web + "/virtual_machines/nothing", "", 404, ""},
			{"an unknown disc is not found", "alice", "GET " + vm1 + "/discs/nothing", "", 404, ""},
			{"an unknown machine is not found by PUT", "alice", "PUT " + web + "/virtual_machines/nothing", `{"cores":1}`, 404, ""},
			{"an unknown machine is not found by DELETE", "alice", "DELETE " + web + "/virtual_machines/nothing", "", 404, ""},
			{"an unknown group is not found by POST", "alice", "POST /accounts/acme/groups/nowhere/vm_create", `{}`, 404, ""},
			{"a privilege is not found by level", "alice", "GET /privileges/account_admin", "", 404, ""},
			{"a network interface is not found by name", "alice", "GET /nics/eth0", "", 404, ""},
			{"an API key is not found by label", "alice", "DELETE /api_keys/bigvtest", "", 404, ""},
			{"a percent-encoded segment is decoded", "alice", "GET /accounts/%61cme", "", 200, `{"id":<acme>}`},
		}},
		{"an ID takes precedence over a name", func(f *fixture) {
			vm := f.srv.Account("acme").Group("web").VirtualMachine("www1")
			f.saved["www1"] = vm.ID()
			f.machine("web", fmt.Sprint(vm.ID())) // its name is the ID of www1
		}, []step{
			{"digits select the machine with that ID", "alice", "GET " + web + "/virtual_machines/<www1>", "", 200, `{"id":<www1>}`},
		}},
		{"colons", func(f *fixture) {
			vm := f.machine("web", "www1")
			address := vm.State().IPs[1].String()
			f.saved["raw"], f.saved["encoded"] = address, url.QueryEscape(address)
		}, []step{
			{"an IPv6 address with raw colons is found", "alice", "GET /ips/<raw>", "", 200, `{"address":"<raw>"}`},
			{"an IPv6 address with encoded colons is found", "alice", "GET /ips/<encoded>", "", 200, `{"address":"<raw>"}`},
			{
				"an IPv6 address with encoded colons can be updated", "alice", "PUT /ips/<encoded>", `{"rdns":"www.example.org"}`, 200,
				`{"address":"<raw>","rdns":"www.example.org"}`,
			},
		}},
	})
}

func TestConformanceFilters(t *testing.T) {
	runScenarios(t, []scenario{
		{"filters", func(f *fixture) {
			www1(f)
			f.machine("default", "db1").SetPower(false)
			other := f.srv.Account("other")
			f.saved["other"] = other.ID()
			f.saved["app"] = other.Group("app").ID()
			vm := other.Group("app").VirtualMachine("app1")
			f.saved["app1"] = vm.ID()
			f.srv.User("carol").Grant("account_admin", f.srv.Account("acme"))
			f.srv.User("carol").Grant("account_admin", other)
			secret := f.srv.Account("secret")
			f.saved["secret"] = secret.ID()
			f.saved["hidden"] = secret.Group("default").ID()
			f.saved["hiddenvm"] = secret.Group("default").VirtualMachine("sec1").ID()
			f.saved["carol"] = f.srv.User("carol").ID()
			f.srv.User("staff").Grant("cluster_admin", nil)
			double := f.srv.Account("double")
			f.srv.User("dora").Grant("account_admin", double)
			f.saved["twin"] = double.Group("default").VirtualMachine("twin").ID()
			f.saved["twin2"] = double.Group("second").VirtualMachine("twin").ID()
			f.saved["g2"] = double.Group("second").ID()
		}, []step{
			{
				"all visible groups", "carol", "GET /groups", "", 200,
				`[{"name":"default"},{"name":"web"},{"name":"default"},{"name":"app"}]`,
			},
			{"groups by account ID", "carol", "GET /groups?account_id=<other>", "", 200, `[{"name":"default"},{"id":<app>}]`},
			{"groups by account name", "carol", "GET /groups?account_name=other", "", 200, `[{"name":"default"},{"id":<app>}]`},
			{"groups of an unknown account are not found", "carol", "GET /groups?account_id=999999", "", 404, ""},
			{"groups of an unknown account name are not found", "carol", "GET /groups?account_name=nowhere", "", 404, ""},
			{"groups of an invisible account are not found", "carol", "GET /groups?account_id=<secret>", "", 404, ""},
			{
				"all visible machines", "carol", "GET /virtual_machines", "", 200,
				`[{"name":"www1"},{"name":"db1"},{"name":"app1"}]`,
			},
			{"machines by account ID", "carol", "GET /virtual_machines?account_id=<acme>", "", 200, `[{"name":"www1"},{"name":"db1"}]`},
			{"machines by account name", "carol", "GET /virtual_machines?account_name=other", "", 200, `[{"name":"app1"}]`},
			{"machines by group ID", "carol", "GET /virtual_machines?group_id=<web>", "", 200, `[{"id":<www1>}]`},
			{"machines by group name", "carol", "GET /virtual_machines?group_name=app", "", 200, `[{"id":<app1>}]`},
			{
				"machines by account name and group name", "carol", "GET /virtual_machines?account_name=acme&group_name=default", "", 200,
				`[{"name":"db1"}]`,
			},
			{
				"machines by account ID and group name", "carol", "GET /virtual_machines?account_id=<other>&group_name=default", "", 200,
				`[]`,
			},
			{
				"contradicting filters select nothing or are an error", "carol", "GET /virtual_machines?account_id=<acme>&group_id=<app>",
				"",
				oneOf(200, 404), anyBody,
			},
			{"machines of an unknown group are not found", "carol", "GET /virtual_machines?group_id=999999", "", 404, ""},
			{"machines of an invisible group are not found", "carol", "GET /virtual_machines?group_id=<hidden>", "", 404, ""},
			{"an ambiguous machine name is an error", "dora", "GET /discs?vm_name=twin", "", oneOf(400, 404), anyBody},
			{
				"with group and account names it is found", "dora", "GET /discs?vm_name=twin&group_name=default&account_name=double", "",
				200, `[{"virtual_machine_id":<twin>}]`,
			},
			{"with a group ID it is found", "dora", "GET /nics?vm_name=twin&group_id=<g2>", "", 200, `[{"virtual_machine_id":<twin2>}]`},
			{
				"account_id and account_name can be combined", "carol", "GET /virtual_machines?account_id=<acme>&account_name=acme", "",
				200, `[{"name":"www1"},{"name":"db1"}]`,
			},
			{"filters can select nothing", "carol", "GET /virtual_machines?account_name=other&group_name=default", "", 200, `[]`},
			{
				"unknown parameters are ignored", "carol", "GET /virtual_machines?group_id=<web>&colour=red&page=2", "", 200,
				`[{"id":<www1>}]`,
			},
			{"discs by machine ID", "carol", "GET /discs?vm_id=<www1>", "", 200, `[{"virtual_machine_id":<www1>}]`},
			{"discs by machine name", "carol", "GET /discs?vm_name=app1", "", 200, `[{"virtual_machine_id":<app1>}]`},
			{
				"discs by machine name and its parents", "carol", "GET /discs?account_name=acme&group_name=web&vm_name=www1", "", 200,
				`[{"virtual_machine_id":<www1>}]`,
			},
			{
				"all visible discs", "carol", "GET /discs", "", 200,
				`[{"virtual_machine_id":<www1>},{"virtual_machine_id":<db1>},{"virtual_machine_id":<app1>}]`,
			},
			{"discs of an unknown machine are not found", "carol", "GET /discs?vm_id=999999", "", 404, ""},
			{"discs of an invisible machine are not found", "carol", "GET /discs?vm_id=<hiddenvm>", "", 404, ""},
			{"network interfaces by machine ID", "carol", "GET /nics?vm_id=<db1>", "", 200, `[{"virtual_machine_id":<db1>}]`},
			{"network interfaces by machine name", "carol", "GET /nics?vm_name=www1", "", 200, `[{"virtual_machine_id":<www1>}]`},
			{
				"all visible network interfaces", "carol", "GET /nics", "", 200,
				`[{"virtual_machine_id":<www1>},{"virtual_machine_id":<db1>},{"virtual_machine_id":<app1>}]`,
			},
			{"network interfaces of an unknown machine are not found", "carol", "GET /nics?vm_name=nothing", "", 404, ""},
			{"privileges by user ID", "carol", "GET /privileges?user_id=<carol>", "", 200, `[{"username":"carol"},{"username":"carol"}]`},
			{
				"privileges by user name", "carol", "GET /privileges?user_name=carol", "", 200,
				`[{"username":"carol","account_id":<acme>},{"username":"carol","account_id":<other>}]`,
			},
			{
				"another user's privileges by user ID, for staff", "staff", "GET /privileges?user_id=<carol>", "", 200,
				`[{"username":"carol"},{"username":"carol"}]`,
			},
			{
				"another user's privileges by user name, for staff", "staff", "GET /privileges?user_name=dora", "", 200,
				`[{"username":"dora"}]`,
			},
			{"privileges of an unknown user are not found", "carol", "GET /privileges?user_name=nobody", "", 404, ""},
			{"privileges of an invisible user are not found", "carol", "GET /privileges?user_name=dora", "", 404, ""},
			{
				"privileges of two users are not found", "staff", "GET /privileges?user_id=<carol>&user_name=dora", "", 404, "",
			},
			{
				"a nested list contains only machines of the group", "carol", "GET /accounts/acme/groups/web/virtual_machines", "", 200,
				`[{"id":<www1>}]`,
			},
			{
				"a nested list contains only groups of the account", "carol", "GET /accounts/other/groups", "", 200,
				`[{"name":"default"},{"name":"app"}]`,
			},
			{
				"a nested list contains only discs of the machine", "carol", "GET " + vm1 + "/discs", "", 200,
				`[{"virtual_machine_id":<www1>}]`,
			},
			{
				"a nested list contains only network interfaces of the machine", "carol", "GET " + vm1 + "/nics", "", 200,
				`[{"virtual_machine_id":<www1>}]`,
			},
		}},
	})
}

// An object that does not exist and one that the caller may not see must get the same response. Otherwise the response
// would reveal which objects exist.
func TestConformanceInvisibleIsNotFound(t *testing.T) {
	rows := []struct{ name, hidden, unknown string }{
		{"an account", "/accounts/acme", "/accounts/none"},
		{"an account by ID", "/accounts/<acme>", "/accounts/99"},
		{"a group", web, "/accounts/none/groups/web"},
		{"a machine", vm1, "/accounts/acme/groups/web/virtual_machines/none"},
		{"a machine by ID", "/virtual_machines/<www1>", "/virtual_machines/9999"},
		{"a disc", "/discs/<www1disc>", "/discs/9999"},
		{"a user", "/users/alice", "/users/nobody"},
		{"a privilege", "/privileges/<privilege>", "/privileges/99"},
		{"a filter", "/virtual_machines?account_id=<acme>", "/virtual_machines?account_id=99"},
	}
	methods := []string{"GET", "PUT", "POST", "DELETE"}
	f := newFixture(t)
	www1(f)
	f.saved["privilege"] = f.srv.User("greg").Grant("group_admin", f.srv.Account("acme").Group("web"))
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			for _, method := range methods {
				hidden := f.do(t, method, f.fillPlaceholders(r.hidden), `{}`, f.headers("bob"))
				unknown := f.do(t, method, f.fillPlaceholders(r.unknown), `{}`, f.headers("bob"))
				if method == "GET" {
					assert.Equal(t, 404, hidden.status)
				}
				assert.GreaterOrEqual(t, hidden.status, 400)
				assert.Equal(t, unknown.status, hidden.status, method)
				assert.Equal(t, unknown.mediaType, hidden.mediaType, method)
				assert.Equal(t, unknown.body, hidden.body, method)
			}
		})
	}
}
