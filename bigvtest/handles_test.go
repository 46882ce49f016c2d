package bigvtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func TestHandlesByID(t *testing.T) {
	srv := bigvtest.NewServer(t)
	acme := srv.Account("acme")
	web := acme.Group("web")
	vm := web.VirtualMachine("www1")
	disc := vm.Disc("data", 100)
	bob := srv.User("bob")
	assert.Equal(t, acme.ID(), srv.Account(fmt.Sprint(acme.ID())).ID())
	assert.Equal(t, web.ID(), acme.Group(fmt.Sprint(web.ID())).ID())
	assert.Equal(t, vm.ID(), web.VirtualMachine(fmt.Sprint(vm.ID())).ID())
	assert.Equal(t, disc.ID(), vm.Disc(fmt.Sprint(disc.ID()), 100).ID())
	assert.Equal(t, bob.ID(), srv.User(fmt.Sprint(bob.ID())).ID())
	assert.Equal(t, []string{"www1"}, web.VirtualMachineNames(), "nothing is created")
	assert.Len(t, vm.State().Discs, 2)
	assert.NotEqual(t, vm.ID(), acme.Group("default").VirtualMachine(fmt.Sprint(vm.ID())).ID(), "it belongs to another group")
}

// removedObjects are handles of objects that have been removed, and of a target that still exists.
type removedObjects struct {
	srv     *bigvtest.Server
	account *bigvtest.Account
	group   *bigvtest.Group
	vm      *bigvtest.VirtualMachine // purged
	early   *bigvtest.VirtualMachine // purged while it was being provisioned
	disc    *bigvtest.Disc
	user    *bigvtest.User
}

func newRemovedObjects(t *testing.T) removedObjects {
	srv, err := bigvtest.Start()
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	o := removedObjects{srv: srv, account: srv.Account("gone"), user: srv.User("carol")}
	acme := srv.Account("acme")
	o.group, o.vm = acme.Group("old"), acme.Group("web").VirtualMachine("www1")
	o.disc = o.vm.Disc("data", 100)
	create := `{"virtual_machine":{"name":"early1","power_on":true},"discs":[{"size":50}]}`
	require.Equal(t, 202, send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", create).status)
	o.early = acme.Group("web").VirtualMachine("early1")
	require.True(t, o.early.State().Provisioning)
	root := srv.User("root")
	root.Grant(bigv.ClusterSU, nil)
	for _, request := range []string{
		"/accounts/gone", "/accounts/acme/groups/old", onWWW1 + "?purge=true", inWeb + "/virtual_machines/early1?purge=true",
		"/users/carol",
	} {
		require.Equal(t, 204, send(t, srv, root.Token(), "DELETE "+request, "").status, request)
	}
	return o
}

// everything returns all that staff can see, some time later.
func (o removedObjects) everything(t *testing.T) (all string) {
	o.srv.Advance(time.Hour)
	token := o.srv.User("root").Token()
	for _, path := range []string{
		"/accounts?view=overview&include_deleted=true", "/groups", "/virtual_machines?include_deleted=true", "/discs", "/nics", "/users",
		"/privileges", "/users/bob/privileges", "/api_keys",
	} {
		got := send(t, o.srv, token, "GET "+path, "")
		require.Equal(t, 200, got.status, path)
		all += got.body + "\n"
	}
	return all
}

func TestHandlesOfRemovedObjectsDoNotBringThemBack(t *testing.T) {
	for name, row := range map[string]struct {
		use    func(removedObjects)
		panics bool // because there is nothing to return
	}{
		"power on":                          {func(o removedObjects) { o.vm.SetPower(true) }, false},
		"power off":                         {func(o removedObjects) { o.vm.SetPower(false) }, false},
		"delete":                            {func(o removedObjects) { o.vm.SetDeleted(true) }, false},
		"undelete":                          {func(o removedObjects) { o.vm.SetDeleted(false) }, false},
		"cores and memory":                  {func(o removedObjects) { o.vm.SetCores(2).SetMemory(2048) }, false},
		"power on what was provisioned":     {func(o removedObjects) { o.early.SetPower(true) }, false},
		"delete what was provisioned":       {func(o removedObjects) { o.early.SetDeleted(true) }, false},
		"undelete what was provisioned":     {func(o removedObjects) { o.early.SetDeleted(false) }, false},
		"add a backup":                      {func(o removedObjects) { o.disc.AddBackup(time.Time{}) }, true},
		"suspend an account":                {func(o removedObjects) { o.account.SetSuspended(true) }, false},
		"set a VLAN":                        {func(o removedObjects) { o.group.SetPrivateVLAN(9) }, false},
		"set a password":                    {func(o removedObjects) { o.user.SetPassword("x").SetAuthorizedKeys("y") }, false},
		"group of an account":               {func(o removedObjects) { o.account.Group("web") }, true},
		"default group of an account":       {func(o removedObjects) { o.account.Group("default") }, true},
		"machine of a group":                {func(o removedObjects) { o.group.VirtualMachine("www1") }, true},
		"machines of a group":               {func(o removedObjects) { o.group.AddVirtualMachines("vm", 2) }, true},
		"disc of a machine":                 {func(o removedObjects) { o.vm.Disc("more", 100) }, true},
		"disc of what was provisioned":      {func(o removedObjects) { o.early.Disc("more", 100) }, true},
		"token of a user":                   {func(o removedObjects) { o.user.Token() }, true},
		"API key of a user":                 {func(o removedObjects) { o.user.APIKey("x") }, true},
		"client of a user":                  {func(o removedObjects) { o.user.Client() }, true},
		"privilege of a user":               {func(o removedObjects) { o.user.Grant(bigv.AccountAdmin, o.srv.Account("acme")) }, true},
		"privilege on an account":           {func(o removedObjects) { o.srv.User("bob").Grant(bigv.AccountAdmin, o.account) }, true},
		"privilege on a group":              {func(o removedObjects) { o.srv.User("bob").Grant(bigv.GroupAdmin, o.group) }, true},
		"privilege on a machine":            {func(o removedObjects) { o.srv.User("bob").Grant(bigv.VirtualMachineAdmin, o.vm) }, true},
		"privilege on what was provisioned": {func(o removedObjects) { o.srv.User("bob").Grant(bigv.VirtualMachineAdmin, o.early) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newRemovedObjects(t)
			before := o.everything(t)
			if row.panics {
				assert.Panics(t, func() { row.use(o) })
			} else {
				row.use(o)
			}
			assert.Equal(t, before, o.everything(t))
			for _, vm := range []*bigvtest.VirtualMachine{o.vm, o.early} {
				state := vm.State()
				assert.False(t, state.Exists)
				assert.False(t, state.PoweredOn)
				assert.False(t, state.Provisioning)
				assert.Empty(t, state.Discs)
				assert.Empty(t, state.IPs)
			}
			assert.False(t, o.disc.State().Exists)
			assert.False(t, o.group.Exists())
		})
	}
}

// A deleted machine is never on, in whatever order it is deleted and powered on.
func TestDeletedMachinesAreOff(t *testing.T) {
	for name, change := range map[string]func(*bigvtest.VirtualMachine){
		"deleted, then on":            func(vm *bigvtest.VirtualMachine) { vm.SetDeleted(true).SetPower(true) },
		"on, then deleted":            func(vm *bigvtest.VirtualMachine) { vm.SetPower(true).SetDeleted(true) },
		"off, deleted, then on":       func(vm *bigvtest.VirtualMachine) { vm.SetPower(false).SetDeleted(true).SetPower(true) },
		"deleted twice":               func(vm *bigvtest.VirtualMachine) { vm.SetDeleted(true).SetPower(true).SetDeleted(true) },
		"deleted, on, then undeleted": func(vm *bigvtest.VirtualMachine) { vm.SetDeleted(true).SetPower(true).SetDeleted(false) },
	} {
		for _, provisioning := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, provisioning %v", name, provisioning), func(t *testing.T) {
				srv := bigvtest.NewServer(t)
				if provisioning {
					send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", createWWW1)
				}
				vm := srv.Account("acme").Group("web").VirtualMachine("www1")
				change(vm)
				for range 2 {
					assert.False(t, vm.State().PoweredOn)
					assert.False(t, vm.State().Provisioning)
					srv.Advance(time.Hour)
				}
				undeleted := strings.HasSuffix(name, "undeleted")
				assert.Equal(t, !undeleted, vm.State().Deleted)
				if undeleted {
					assert.True(t, vm.SetPower(true).State().PoweredOn)
				}
			})
		}
	}
}

// A deleted machine keeps its name, but does not hide a machine of the same name in another group.
func TestDeletedNamesakes(t *testing.T) {
	for _, deletedGroup := range []string{"web", "db"} {
		for _, createdFirst := range []string{"web", "db"} {
			t.Run(fmt.Sprintf("deleted in %s, created first in %s", deletedGroup, createdFirst), func(t *testing.T) {
				srv := bigvtest.NewServer(t)
				acme := srv.Account("acme")
				other := map[string]string{"web": "db", "db": "web"}
				acme.Group("db")
				for _, group := range []string{createdFirst, other[createdFirst]} {
					acme.Group(group).VirtualMachine("www1").Disc("data", 100)
				}
				gone, live := acme.Group(deletedGroup).VirtualMachine("www1"), acme.Group(other[deletedGroup]).VirtualMachine("www1")
				gone.SetDeleted(true)
				checkNamesakes(t, srv, gone, live)
			})
		}
	}
}

func checkNamesakes(t *testing.T, srv *bigvtest.Server, gone, live *bigvtest.VirtualMachine) {
	t.Helper()
	for _, suffix := range []string{"", "?include_deleted=true"} {
		got := send(t, srv, srv.Token(), "GET /virtual_machines/www1"+suffix, "")
		require.Equal(t, http.StatusOK, got.status, got.body)
		assert.EqualValues(t, live.ID(), got.object(t)["id"])
	}
	for path, want := range map[string]any{
		"/virtual_machines?vm_name=www1": live.ID(),
		"/nics?vm_name=www1":             live.ID(),
		"/discs?vm_name=www1":            live.ID(),
	} {
		got := send(t, srv, srv.Token(), "GET "+path, "")
		require.Equal(t, http.StatusOK, got.status, got.body)
		key := map[bool]string{true: "id", false: "virtual_machine_id"}[strings.HasPrefix(path, "/virtual")]
		for _, id := range got.values(t, key) {
			assert.EqualValues(t, want, id, path)
		}
	}
	assert.EqualValues(t, live.ID(), send(t, srv, srv.Token(), "GET /discs/data", "").object(t)["virtual_machine_id"])
	require.NoError(t, srv.Client().VirtualMachines.Purge(t.Context(), gone.Path()))
	assert.False(t, gone.State().Exists)

	live.SetDeleted(true) // now it is the only one of this name
	got := send(t, srv, srv.Token(), "GET /virtual_machines/www1?include_deleted=true", "")
	assert.EqualValues(t, live.ID(), got.object(t)["id"])
	assert.Equal(t, 404, send(t, srv, srv.Token(), "GET /virtual_machines/www1", "").status)
}

func TestInvalidPostStatus(t *testing.T) {
	for status, valid := range map[int]bool{
		0: false, 100: false, 199: false, 200: true, 202: true, 204: true, 299: true, 300: false, 404: false,
	} {
		srv, err := bigvtest.Start(bigvtest.WithPostStatus(status))
		if valid {
			require.NoError(t, err, status)
			srv.Close()
			continue
		}
		assert.ErrorContains(t, err, fmt.Sprint("got ", status))
	}
}
