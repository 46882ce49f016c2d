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

const onDisc = onWWW1 + "/discs/disc-1"

func TestMoveDiscWithBackups(t *testing.T) {
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

func TestMoveDiscErrors(t *testing.T) {
	for name, row := range map[string]struct {
		user     string
		prepare  func(*bigvtest.Server, *bigvtest.VirtualMachine)
		status   int
		wantBody string
	}{
		"label in use": {
			"alice", func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) { to.Disc("data", 50) },
			400, `{"label":["has already been taken"]}`,
		},
		"too many discs": {
			"alice", func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) {
				for n := range 7 {
					to.Disc(fmt.Sprint("d", n), 50)
				}
			}, 400, "A virtual machine has at most 8 discs",
		},
		"deleted machine": {
			"alice", func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) { to.SetDeleted(true) },
			400, `{"virtual_machine_id":["is invalid"]}`,
		},
		"running machine": {
			"alice", func(_ *bigvtest.Server, to *bigvtest.VirtualMachine) { to.SetPower(true) },
			400, "Both virtual machines must be powered off",
		},
		"read-only machine": {
			"carol", func(srv *bigvtest.Server, to *bigvtest.VirtualMachine) {
				srv.User("carol").Grant(bigv.VirtualMachineConsole, to)
			}, 403, "Forbidden",
		},
		"invisible machine": {
			"carol", func(*bigvtest.Server, *bigvtest.VirtualMachine) {}, 400, `{"virtual_machine_id":["is invalid"]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			web := srv.Account("acme").Group("web")
			from, to := web.VirtualMachine("www1").SetPower(false), web.VirtualMachine("www2").SetPower(false)
			from.Disc("data", 1000)
			srv.User("carol").Grant(bigv.VirtualMachineAdmin, from)
			token := srv.User(row.user).Token()
			row.prepare(srv, to)
			got := send(t, srv, token, "PUT "+onWWW1+"/discs/data", fmt.Sprintf(`{"virtual_machine_id":%d}`, to.ID()))
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.wantBody, got.body)
			assert.Len(t, from.State().Discs, 2)
		})
	}
}

// The boot disc comes first in every list, whatever its ID, and the other discs are ordered by ID.
func TestBootDiscIsFirstInEveryList(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	one := web.VirtualMachine("www1").SetPower(false) // disc 9001
	one.Disc("a", 100)                                // 9002
	one.Disc("b", 100)                                // 9003
	web.VirtualMachine("www2")                        // 9004
	three := web.VirtualMachine("www3").SetPower(false)
	three.Disc("c", 100) // 9006, after the boot disc 9005
	require.Equal(t, 202, send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines", `{"name":"bare1"}`).status)
	srv.Advance(bigvtest.ProvisioningTime)
	bare := web.VirtualMachine("bare1")
	move := func(label string, to *bigvtest.VirtualMachine) {
		t.Helper()
		got := send(t, srv, srv.Token(), "PUT "+onWWW1+"/discs/"+label, fmt.Sprintf(`{"virtual_machine_id":%d}`, to.ID()))
		require.Equal(t, 200, got.status, got.body)
	}
	check := func(machine, flat []any) {
		t.Helper()
		path := inWeb + "/virtual_machines/www3"
		assert.Equal(t, machine, send(t, srv, srv.Token(), "GET "+path+"/discs", "").values(t, "id"), "nested")
		assert.Equal(t, machine, send(t, srv, srv.Token(), fmt.Sprint("GET /discs?vm_id=", three.ID()), "").values(t, "id"), "flat")
		assert.Equal(t, flat, send(t, srv, srv.Token(), "GET /discs", "").values(t, "id"), "all")
		var embedded []any
		for _, d := range send(t, srv, srv.Token(), "GET "+path+"?view=overview", "").object(t)["discs"].([]any) {
			embedded = append(embedded, d.(map[string]any)["id"])
		}
		assert.Equal(t, machine, embedded, "embedded")
		var state []any
		for _, d := range three.State().Discs {
			state = append(state, float64(d.ID))
		}
		assert.Equal(t, machine, state, "State")
	}
	check([]any{9005., 9006.}, []any{9001., 9002., 9003., 9004., 9005., 9006.})
	move("b", three)
	check([]any{9005., 9003., 9006.}, []any{9001., 9002., 9005., 9003., 9004., 9006.})
	move("a", three)
	check([]any{9005., 9002., 9003., 9006.}, []any{9001., 9005., 9002., 9003., 9004., 9006.})

	refused := send(t, srv, srv.Token(), "PUT "+inWeb+"/virtual_machines/www3/discs/9005",
		fmt.Sprintf(`{"virtual_machine_id":%d}`, bare.ID()))
	assert.Equal(t, 400, refused.status, "it is the boot disc")
	require.Equal(t, 204, send(t, srv, srv.Token(), "DELETE /discs/9005?purge=true", "").status)
	check([]any{9002., 9003., 9006.}, []any{9001., 9002., 9003., 9004., 9006.})
	require.Equal(t, 200, send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines/www3/reimage", `{"distribution":"jessie"}`).status)
}

func TestDiscLimit(t *testing.T) {
	srv := bigvtest.NewServer(t)
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	for n := 2; n <= 8; n++ {
		got := send(t, srv, srv.Token(), "POST "+onWWW1+"/discs", `{"size":50}`)
		require.Equal(t, http.StatusCreated, got.status)
		assert.Equal(t, fmt.Sprintf("disc-%d", n), got.object(t)["label"])
	}
	got := send(t, srv, srv.Token(), "POST "+onWWW1+"/discs", `{"size":50}`)
	assert.Equal(t, http.StatusBadRequest, got.status)
	assert.Equal(t, "A virtual machine has at most 8 discs", got.body)
	assert.Len(t, vm.State().Discs, 8)
}

func TestFlatDiscs(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	data := web.VirtualMachine("www1").Disc("data", 100)
	assert.EqualValues(t, data.ID(), send(t, srv, srv.Token(), "GET /discs/data", "").object(t)["id"])
	assert.Equal(t, 404, send(t, srv, srv.Token(), "GET /discs/none", "").status)
	assert.Equal(t, 404, send(t, srv, srv.User("bob").Token(), "GET /discs/data", "").status)
	backup := send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "").object(t)["id"]
	assert.Equal(t, 404, send(t, srv, srv.Token(), fmt.Sprint("GET /discs/", backup), "").status, "a backup is not a disc")
}
