package bigvtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestRenamedDefaultGroup(t *testing.T) {
	srv := bigvtest.NewServer(t)
	require.Equal(t, 200, send(t, srv, srv.Token(), "PUT /accounts/acme/groups/default", `{"name":"first"}`).status)
	for _, path := range []string{"/accounts/acme/groups/default", "/accounts/acme/groups/first", "/groups/default"} {
		assert.Equal(t, "first", send(t, srv, srv.Token(), "GET "+path, "").object(t)["name"], path)
	}
	assert.Equal(
		t, `{"name":["has already been taken"]}`, send(t, srv, srv.Token(), "POST /accounts/acme/groups", `{"name":"Default"}`).body,
	)
	assert.Equal(t, 200, send(t, srv, srv.Token(), "PUT /accounts/acme/groups/first", `{"name":"default"}`).status)
}

func TestLookupByNameAndID(t *testing.T) {
	srv := bigvtest.NewServer(t)
	acme := srv.Account("acme")
	web := acme.Group("web")
	vm := web.VirtualMachine("www1")
	numbered := web.VirtualMachine("5001") // the name is the ID of www1
	acme.Group("db").VirtualMachine("www1")
	for path, want := range map[string]int{
		fmt.Sprintf("/accounts/%d/groups/%d/virtual_machines/%d", acme.ID(), web.ID(), vm.ID()): vm.ID(),
		"/accounts/ACME/groups/Web/virtual_machines/WWW1":                                       vm.ID(),
		"/accounts/acme/groups/w%65b/virtual_machines/%77ww1":                                   vm.ID(),
		"/virtual_machines/www1":                        vm.ID(), // the lower ID of two with this name
		"/virtual_machines/5001":                        vm.ID(), // an ID takes precedence over a name
		fmt.Sprint("/virtual_machines/", numbered.ID()): numbered.ID(),
	} {
		assert.EqualValues(t, want, send(t, srv, srv.Token(), "GET "+path, "").object(t)["id"], path)
	}
	assert.Equal(t, 400, send(t, srv, srv.Token(), "GET /virtual_machines?vm_name=www1", "").status)
	got := send(t, srv, srv.Token(), "GET /virtual_machines?vm_name=www1&group_name=db", "")
	assert.Len(t, got.list(t), 1)
}
