package bigv_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The service ignores parameters that it does not know. A flat list with an element that its filter excludes is an error.
func TestIgnoredFilters(t *testing.T) {
	t.Parallel()
	const (
		inWeb   = `{"id":1,"name":"a","group_id":78,"hostname":"a.web.acme.uk0.bigv.io"}`
		inDB    = `{"id":2,"name":"b","group_id":79,"hostname":"b.db.acme.uk0.bigv.io"}`
		inOther = `{"id":3,"name":"c","group_id":78,"hostname":"c.web.other.uk0.bigv.io"}`
		unknown = `{"id":4,"name":"d"}`
	)
	machines := func(elements ...string) responses {
		return responses{"GET /virtual_machines": "[" + strings.Join(elements, ",") + "]"}
	}
	for _, row := range []struct {
		name      string
		list, all callFunc
		responses responses
		parameter string
	}{
		{
			"VirtualMachines.List by group ID: an element of another group",
			vmsList(bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}),
			vmsAll(bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}), machines(inWeb, inDB), "group_id",
		},
		{
			"VirtualMachines.List by group ID: an element without a group",
			vmsList(bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}),
			vmsAll(bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}), machines(unknown), "group_id",
		},
		{
			"VirtualMachines.List by group name: an element of another group", vmsList(bigv.VirtualMachineListOptions{Group: web}),
			vmsAll(bigv.VirtualMachineListOptions{Group: web}), machines(inWeb, inDB), "group_name",
		},
		{
			"VirtualMachines.List by group name: an element without a group", vmsList(bigv.VirtualMachineListOptions{Group: web}),
			vmsAll(bigv.VirtualMachineListOptions{Group: web}), machines(unknown), "group_name",
		},
		{
			"VirtualMachines.List by group name: an element of a group of that name in another account",
			vmsList(bigv.VirtualMachineListOptions{Group: web}),
			vmsAll(bigv.VirtualMachineListOptions{Group: web}), machines(inWeb, inOther), "account_name",
		},
		{
			"VirtualMachines.List by group ID and account: an element in another account",
			vmsList(bigv.VirtualMachineListOptions{Group: acme.Group("78")}),
			vmsAll(bigv.VirtualMachineListOptions{Group: acme.Group("78")}), machines(inOther), "account_name",
		},
		{
			"VirtualMachines.List by account name: an element of another account", vmsList(bigv.VirtualMachineListOptions{Account: acme}),
			vmsAll(bigv.VirtualMachineListOptions{Account: acme}), machines(inDB, inOther), "account_name",
		},
		{
			"VirtualMachines.List by account name: an element without an account", vmsList(bigv.VirtualMachineListOptions{Account: acme}),
			vmsAll(bigv.VirtualMachineListOptions{Account: acme}), machines(unknown), "account_name",
		},
		{
			"VirtualMachines.List by account ID: an element of another account",
			vmsList(bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}),
			vmsAll(bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}), machines(inWeb, inOther), "account_id",
		},
		{
			"VirtualMachines.List by account ID: an element without an account",
			vmsList(bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}),
			vmsAll(bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}), machines(unknown), "account_id",
		},
		{
			"Groups.List by account ID: an element of another account", groupsList(bigv.GroupListOptions{Account: bigv.AccountID(41)}),
			groupsAll(bigv.GroupListOptions{Account: bigv.AccountID(41)}),
			responses{"GET /groups": `[{"id":1,"account_id":41},{"id":2,"account_id":42}]`}, "account_id",
		},
		{
			"Groups.List by account name: an element of another account", groupsList(bigv.GroupListOptions{Account: acme}),
			groupsAll(bigv.GroupListOptions{Account: acme}), responses{"GET /groups": `[{"id":1,"account_id":42}]`}, "account_name",
		},
		{
			"Groups.List by account name: an element without an account", groupsList(bigv.GroupListOptions{Account: acme}),
			groupsAll(bigv.GroupListOptions{Account: acme}), responses{"GET /groups": `[{"id":1}]`}, "account_name",
		},
		{
			"Discs.List by machine ID: an element of another machine",
			discsList(bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}),
			discsAll(bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}),
			responses{"GET /discs": `[` + fakeserver.Disc900 + `,{"id":1,"virtual_machine_id":5013}]`}, "vm_id",
		},
		{
			"Discs.List by machine ID: an element without a machine",
			discsList(bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}),
			discsAll(bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}), responses{"GET /discs": `[{"id":1}]`}, "vm_id",
		},
		{
			"Discs.List by machine name: an element of another machine", discsList(bigv.DiscListOptions{VirtualMachine: www1}),
			discsAll(bigv.DiscListOptions{VirtualMachine: www1}),
			responses{"GET /discs": `[{"id":1,"virtual_machine_id":5013}]`, "GET /virtual_machines": "[" + vm5012 + "]"}, "vm_name",
		},
		{
			"Privileges.List by user name: an element of another user", privilegesList(bigv.PrivilegeListOptions{User: "bob"}),
			privilegesAll(bigv.PrivilegeListOptions{User: "bob"}),
			responses{"GET /privileges": `[{"id":1,"username":"bob"},{"id":2,"username":"alice"}]`}, "user_name",
		},
		{
			"Privileges.List by user ID: an element of another user", privilegesList(bigv.PrivilegeListOptions{User: bigv.UserID(13)}),
			privilegesAll(bigv.PrivilegeListOptions{User: bigv.UserID(13)}),
			responses{"GET /privileges": `[{"id":1,"username":"alice"}]`, "GET /users/13": `{"id":13,"username":"bob"}`}, "user_id",
		},
		{
			"Privileges.List by privilege ID: another privilege", privilegesList(bigv.PrivilegeListOptions{PrivilegeID: 31}),
			privilegesAll(bigv.PrivilegeListOptions{PrivilegeID: 31}), responses{"GET /privileges": `[{"id":31},{"id":32}]`},
			"privilege_id",
		},
	} {
		for name, call := range map[string]callFunc{row.name: row.list, strings.Replace(row.name, ".List", ".All", 1): row.all} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, err := call(t.Context(), start(t, fakeserver.Table(t, row.responses), flat...))
				require.ErrorIs(t, err, bigv.ErrFilterIgnored)
				assert.ErrorContains(t, err, "the service ignored "+row.parameter)
				assert.NotErrorIs(t, err, bigv.ErrNotFound)
			})
		}
	}
}

func TestFilterThatCannotBeVerified(t *testing.T) {
	t.Parallel()
	table := fakeserver.Table(t, responses{"GET /groups": `[{"id":1,"account_id":41}]`, "GET /accounts/acme": "403"})
	groups, err := start(t, table, flat...).Groups.List(t.Context(), bigv.GroupListOptions{Account: acme})
	assert.Nil(t, groups)
	assert.ErrorContains(t, err, "verifying the filter by account: get account acme: 403 Forbidden")
}

// An object that a flat list or a flat object does not match is reported as if the service had responded 404.
func TestNotFoundInTheFlatStyle(t *testing.T) {
	t.Parallel()
	elsewhere := responses{
		"GET /virtual_machines": "[" + vm5012 + "]", "GET /groups": `[{"id":78,"account_id":41,"name":"web"}]`,
		"GET /groups/79":             `{"id":79,"account_id":42,"name":"db"}`,
		"GET /discs":                 "[" + fakeserver.Disc900 + "]",
		"GET /virtual_machines/5013": `{"id":5013,"group_id":78,"hostname":"www1.web.other.uk0.bigv.io"}`,
		"GET /discs/901":             `{"id":901,"virtual_machine_id":5014}`,
	}
	for _, row := range []struct {
		name      string
		call      callFunc
		operation string
	}{
		{
			"VirtualMachines.Get by a name that is not in the list", vmsGet(web.VirtualMachine("www9")),
			"get virtual machine www9.web.acme",
		},
		{
			"VirtualMachines.Get by an ID in another account", vmsGet(web.VirtualMachine("5013")),
			"get virtual machine 5013.web.acme",
		},
		{
			"VirtualMachines.Get by an ID in another group", vmsGet(acme.Group("db").VirtualMachine("5012")),
			"get virtual machine 5012.db.acme",
		},
		{"Groups.Get by a name that is not in the list", groupsGet(acme.Group("db")), "get group db.acme"},
		{"Groups.Get by an ID in another account", groupsGet(acme.Group("79")), "get group 79.acme"},
		{"Discs.Get by a label that is not in the list", discsGet(www1.Disc("data")), "get disc data.www1.web.acme"},
		{"Discs.Get by an ID on another machine", discsGet(www1.Disc("901")), "get disc 901.www1.web.acme"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := row.call(t.Context(), start(t, fakeserver.Table(t, elsewhere), flat...))
			require.ErrorIs(t, err, bigv.ErrNotFound)
			assert.NotErrorIs(t, err, bigv.ErrFilterIgnored)
			_, ok := errors.AsType[*bigv.NotFoundError](err)
			assert.True(t, ok, "%T", err)
			assert.ErrorContains(t, err, "bigv: "+row.operation+": 404 Not Found")
		})
	}
}

// The error of a name that is not in a list is like that of the nested URL, which would have taken one attempt.
func TestNotInAListIsNotFound(t *testing.T) {
	client := start(t, fakeserver.Respond(200, `[]`), bigv.WithURLStyle(bigv.FlatURLs))
	_, err := client.VirtualMachines.Get(t.Context(), bigv.AccountID(41).Group("web").VirtualMachine("www1"))
	require.ErrorIs(t, err, bigv.ErrNotFound)
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 1, e.Attempts)
	assert.Equal(t, 404, e.StatusCode)
	assert.Equal(t, "/virtual_machines", e.Route)
}
