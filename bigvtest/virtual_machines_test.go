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

func TestMoveVirtualMachine(t *testing.T) {
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
	assert.Equal(
		t, 403, move(carol.Token(), to(other.Group("default"))).status, "a vm_admin of another machine cannot create machines there",
	)
	assert.Equal(t, 200, move(carol.Token(), to(acme.Group("web"))).status, "the machine is already in this group")
	assert.Equal(t, `{"name":["has already been taken"]}`, move(srv.Token(), to(acme.Group("db"))).body)
	carol.Grant(bigv.GroupAdmin, other.Group("default"))
	other.SetSuspended(true)
	assert.Equal(t, 403, move(carol.Token(), to(other.Group("default"))).status, "the account is suspended")
	other.SetSuspended(false)
	moved := move(carol.Token(), to(other.Group("default")))
	require.Equal(t, 200, moved.status, moved.body)
	assert.Equal(t, "www1.default.other.uk0.bigv.io", moved.object(t)["hostname"])
	assert.Equal(
		t, 404, send(t, srv, srv.Token(), fmt.Sprint("GET /virtual_machines/", vm.ID()), "").status, "alice has no privileges there",
	)
	assert.Equal(t, 404, move(carol.Token(), `{}`).status, "it is no longer in the old group")
}

func TestDeletedVirtualMachine(t *testing.T) {
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
		"DELETE " + inWeb:                            {"", 400},                // a deleted machine keeps its group from being deleted
		"POST " + inWeb + "/virtual_machines":        {`{"name":"www1"}`, 400}, // and its name from being reused
		"DELETE /discs/9001?purge=true":              {"", 400},
		"GET /virtual_machines/www1?include_deleted": {"", 404}, // the parameter must be exactly "true"
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

func TestDeleteDuringProvisioning(t *testing.T) {
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

func TestCreateWithoutDiscs(t *testing.T) {
	srv := bigvtest.NewServer(t)
	made := send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines", `{"name":"www1"}`)
	require.Equal(t, 202, made.status)
	assert.Equal(t, "www1", made.object(t)["name"], "the response is not wrapped")
	srv.Advance(bigvtest.ProvisioningTime)
	got := send(t, srv, srv.Token(), "POST "+onWWW1+"/reimage", `{"distribution":"jessie"}`)
	assert.Equal(t, 400, got.status)
	assert.Equal(t, "Virtual machine has no disc", got.body)
}
