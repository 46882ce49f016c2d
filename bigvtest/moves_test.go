package bigvtest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func TestADiscMovesWithItsBackups(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	from, to := web.VirtualMachine("www1").SetPower(false), web.VirtualMachine("www2").SetPower(false)
	data := from.Disc("data", 1000)
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onWWW1+"/discs/data/backups", "").status)
	moved := send(t, srv, srv.Token(), "PUT "+onWWW1+"/discs/data", fmt.Sprintf(`{"virtual_machine_id":%d,"label":"more"}`, to.ID()))
	require.Equal(t, 200, moved.status, moved.body)
	assert.EqualValues(t, to.ID(), moved.object(t)["virtual_machine_id"])
	assert.Equal(t, 404, send(t, srv, srv.Token(), "GET "+onWWW1+"/discs/data", "").status)
	assert.Len(t, from.State().Discs, 1)
	assert.Len(t, to.State().Discs, 2)
	assert.Equal(t, "more.www2.web.acme", data.Path().String())
	backups := send(t, srv, srv.Token(), "GET "+inWeb+"/virtual_machines/www2/discs/more/backups", "")
	assert.Equal(t, []any{float64(to.ID())}, backups.values(t, "virtual_machine_id"))

	require.Equal(t, 204, send(t, srv, srv.Token(), fmt.Sprintf("DELETE /discs/%d?purge=true", data.ID()), "").status)
	assert.Len(t, send(t, srv, srv.Token(), "GET /discs", "").list(t), 2)
}

func TestADiscDoesNotMove(t *testing.T) {
	for name, row := range map[string]struct {
		prepare  func(*bigvtest.Server, *bigvtest.VirtualMachine)
		status   int
		wantBody string
	}{
		"to where its label is taken": {
			func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) { to.Disc("data", 50) }, 400, `{"label":["has already been taken"]}`,
		},
		"to a ninth place": {func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) {
			for n := range 7 {
				to.Disc(fmt.Sprint("d", n), 50)
			}
		}, 400, "A virtual machine has at most 8 discs"},
		"to a deleted machine": {func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) { to.SetDeleted(true) }, 400, `{"virtual_machine_id":["is invalid"]}`},
		"to one that is on": {
			func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) { to.SetPower(true) }, 400, "Both virtual machines must be powered off",
		},
		"to one that may only be looked at": {
			func(srv *bigvtest.Server, to *bigvtest.VirtualMachine) {
				srv.User("carol").Grant(bigv.VirtualMachineConsole, to)
			}, 403, "Forbidden",
		},
		"to one that is hidden": {func(*bigvtest.Server, *bigvtest.VirtualMachine) {}, 400, `{"virtual_machine_id":["is invalid"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			web := srv.Account("acme").Group("web")
			from, to := web.VirtualMachine("www1").SetPower(false), web.VirtualMachine("www2").SetPower(false)
			from.Disc("data", 1000)
			token := srv.Token()
			if row.status == 403 || name == "to one that is hidden" {
				srv.User("carol").Grant(bigv.VirtualMachineAdmin, from)
				token = srv.User("carol").Token()
			}
			row.prepare(srv, to)
			got := send(t, srv, token, "PUT "+onWWW1+"/discs/data", fmt.Sprintf(`{"virtual_machine_id":%d}`, to.ID()))
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.wantBody, got.body)
			assert.Len(t, from.State().Discs, 2)
		})
	}
}

func TestAMachineMoves(t *testing.T) {
	srv := bigvtest.NewServer(t)
	acme, other := srv.Account("acme"), srv.Account("other")
	vm := acme.Group("web").VirtualMachine("www1")
	acme.Group("db").VirtualMachine("www1")
	carol := srv.User("carol")
	carol.Grant(bigv.GroupAdmin, acme.Group("web"))
	carol.Grant(bigv.VirtualMachineAdmin, other.Group("default").VirtualMachine("else1"))
	move := func(token string, body string) response {
		return send(t, srv, token, fmt.Sprintf("PUT /accounts/acme/groups/web/virtual_machines/%d", vm.ID()), body)
	}
	to := func(g *bigvtest.Group) string { return fmt.Sprintf(`{"group_id":%d}`, g.ID()) }
	assert.Equal(t, 403, move(carol.Token(), to(other.Group("default"))).status, "she sees it, and makes nothing there")
	assert.Equal(t, 200, move(carol.Token(), to(acme.Group("web"))).status, "it is there already")
	assert.Equal(t, `{"name":["has already been taken"]}`, move(srv.Token(), to(acme.Group("db"))).body)
	carol.Grant(bigv.GroupAdmin, other.Group("default"))
	other.SetSuspended(true)
	assert.Equal(t, 403, move(carol.Token(), to(other.Group("default"))).status, "it is suspended")
	other.SetSuspended(false)
	moved := move(carol.Token(), to(other.Group("default")))
	require.Equal(t, 200, moved.status, moved.body)
	assert.Equal(t, "www1.default.other.uk0.bigv.io", moved.object(t)["hostname"])
	assert.Equal(t, 404, send(t, srv, srv.Token(), fmt.Sprint("GET /virtual_machines/", vm.ID()), "").status, "alice has lost it")
	assert.Equal(t, 404, move(carol.Token(), `{}`).status, "and it is not where it was")
}

func TestADeletedMachine(t *testing.T) {
	srv := bigvtest.NewServer(t)
	vm := srv.Account("acme").Group("web").VirtualMachine("www1").SetDeleted(true)
	for request, row := range map[string]struct {
		body string
		want int
	}{
		"GET " + onWWW1: {"", 404},
		"GET " + onWWW1 + "?include_deleted=true":    {"", 200},
		"GET /virtual_machines/www1":                 {"", 404},
		"PUT " + onWWW1:                              {`{"power_on":true}`, 400},
		"POST " + onWWW1 + "/signal":                 {`{"signal":"reset"}`, 400},
		"POST " + onWWW1 + "/reimage":                {`{"distribution":"jessie"}`, 400},
		"POST " + onWWW1 + "/discs":                  {`{"size":50}`, 400},
		"POST " + onWWW1 + "/nics/6001/ip_create":    {`{"addresses":1,"reason":"x"}`, 400},
		"PUT /ips/198.18.0.1":                        {`{"rdns":null}`, 400},
		"DELETE " + inWeb:                            {"", 400},                // it blocks its group
		"POST " + inWeb + "/virtual_machines":        {`{"name":"www1"}`, 400}, // and keeps its name
		"DELETE /discs/9001?purge=true":              {"", 400},
		"GET /virtual_machines/www1?include_deleted": {"", 404}, // true, written exactly so
	} {
		assert.Equal(t, row.want, send(t, srv, srv.Token(), request, row.body).status, request)
	}
	assert.Equal(t, "[]", send(t, srv, srv.Token(), "GET "+inWeb+"/virtual_machines", "").body)
	assert.Equal(t, []any{true}, send(t, srv, srv.Token(), "GET /virtual_machines?include_deleted=true", "").values(t, "deleted"))
	assert.Equal(t, "[]", send(t, srv, srv.Token(), "GET /discs", "").body)
	require.Equal(t, http.StatusNoContent, send(t, srv, srv.Token(), "DELETE "+onWWW1+"?purge=true", "").status)
	assert.False(t, vm.State().Exists)
	assert.Equal(t, 204, send(t, srv, srv.Token(), "DELETE "+inWeb, "").status)
}

func TestAMachineDeletedWhileItIsBeingMade(t *testing.T) {
	srv := bigvtest.NewServer(t)
	require.Equal(t, 202, send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", createWWW1).status)
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	require.Equal(t, 204, send(t, srv, srv.Token(), "DELETE "+onWWW1, "").status)
	srv.Advance(bigvtest.ProvisioningTime)
	assert.False(t, vm.State().PoweredOn)
	assert.Len(t, vm.State().IPs, 2)
	assert.Equal(t, 200, send(t, srv, srv.Token(), "PUT "+onWWW1, `{"deleted":false,"power_on":true}`).status)
	assert.True(t, vm.State().PoweredOn)
}

func TestABareMachine(t *testing.T) {
	srv := bigvtest.NewServer(t)
	made := send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines", `{"name":"www1"}`)
	require.Equal(t, 202, made.status)
	assert.Equal(t, "www1", made.object(t)["name"], "it is not wrapped")
	srv.Advance(bigvtest.ProvisioningTime)
	got := send(t, srv, srv.Token(), "POST "+onWWW1+"/reimage", `{"distribution":"jessie"}`)
	assert.Equal(t, 400, got.status)
	assert.Equal(t, "Virtual machine has no disc", got.body)
}

func TestFlatDiscs(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	data := web.VirtualMachine("www1").Disc("data", 100)
	assert.EqualValues(t, data.ID(), send(t, srv, srv.Token(), "GET /discs/data", "").object(t)["id"])
	assert.Equal(t, 404, send(t, srv, srv.Token(), "GET /discs/none", "").status)
	assert.Equal(t, 404, send(t, srv, srv.User("bob").Token(), "GET /discs/data", "").status)
	backup := send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "").object(t)["id"]
	assert.Equal(t, 404, send(t, srv, srv.Token(), fmt.Sprint("GET /discs/", backup), "").status, "a backup is no disc")
}

func TestPrivilegesByID(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	below := srv.User("carol").Grant(bigv.GroupAdmin, web)
	above := srv.User("dave").Grant(bigv.AccountAdmin, srv.Account("acme"))
	for request, row := range map[string]struct {
		status int
		ids    []any
	}{
		fmt.Sprintf("privilege_id=%d", below):                 {200, []any{float64(below)}},
		fmt.Sprintf("privilege_id=%d&user_name=carol", below): {200, []any{float64(below)}},
		fmt.Sprintf("privilege_id=%d&user_name=alice", below): {200, []any{}},
		fmt.Sprintf("privilege_id=%d", above):                 {404, nil},
		"privilege_id=99999":                                  {404, nil},
		"privilege_id=x":                                      {404, nil},
	} {
		got := send(t, srv, srv.Token(), "GET /privileges?"+request, "")
		require.Equal(t, row.status, got.status, request)
		if row.ids != nil {
			assert.Equal(t, row.ids, got.values(t, "id"), request)
		}
	}
}

func TestAUserThatIsDeletedIsGone(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("root").Grant(bigv.ClusterAdmin, nil)
	carol := srv.User("carol")
	carol.Grant(bigv.GroupAdmin, srv.Account("acme").Group("web"))
	token, key := carol.Token(), "apikey."+carol.APIKey("ci")
	require.Equal(t, 200, send(t, srv, key, "GET "+inWeb, "").status)
	require.Equal(t, 204, send(t, srv, srv.User("root").Token(), "DELETE /users/carol", "").status)
	assert.Equal(t, 401, send(t, srv, token, "GET "+inWeb, "").status)
	assert.Equal(t, 401, send(t, srv, key, "GET "+inWeb, "").status)
	assert.Equal(t, "[]", send(t, srv, srv.Token(), "GET "+inWeb+"/privileges", "").body)
	assert.Equal(t, 403, send(t, srv, "", "POST /session", `{"username":"carol","password":"carol-password"}`).status)
}

func TestAnAccountOfOld(t *testing.T) {
	srv := bigvtest.NewServer(t)
	require.Equal(t, 201, send(t, srv, "", "POST /users", `{"username":"eve","password":"p","account_name":"evil","email":"e@example.org"}`).status)
	eve := send(t, srv, "", "POST /session", `{"username":"eve","password":"p"}`).body
	assert.Equal(t, []any{"evil"}, send(t, srv, eve, "GET /accounts", "").values(t, "name"))
	require.Equal(t, 201, send(t, srv, eve, "POST /accounts", `{"name":"more"}`).status)
	assert.Equal(t, 200, send(t, srv, eve, "POST /accounts/more/groups", `{"name":"web"}`).status, "she administers it")
	srv.User("root").Grant(bigv.ClusterAdmin, nil)
	assert.Equal(t, 204, send(t, srv, srv.User("root").Token(), "DELETE /accounts/more", "").status)
	assert.Equal(t, []any{"evil"}, send(t, srv, eve, "GET /accounts", "").values(t, "name"))
	assert.Len(t, send(t, srv, eve, "GET /privileges", "").list(t), 1)
	for body, says := range map[string]string{
		`{}`:                                `{"password":["can't be blank"],"username":["can't be blank"]}`,
		`{"username":"","password":""}`:     `{"password":["can't be blank"],"username":["can't be blank"]}`,
		`{"username":"a-b","password":"p"}`: `{"username":["is invalid"]}`,
		`{"username":"Eve","password":"p"}`: `{"username":["has already been taken"]}`,
		`{"username":"new","password":"p","account_name":"acme"}`: `{"account_name":["has already been taken"]}`,
	} {
		assert.Equal(t, says, send(t, srv, "", "POST /users", body).body)
	}
}

// failing is a test that says so by a panic.
type panicOnFatal struct{ testing.TB }

func (f panicOnFatal) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func TestAMistakeEndsTheTest(t *testing.T) {
	srv := bigvtest.NewServer(panicOnFatal{t})
	assert.PanicsWithValue(t, `bigvtest: account "a.b" is invalid`, func() { srv.Account("a.b") })
}
