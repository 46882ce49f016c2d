package bigv_test

import (
	"net/http"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The error of a write matches ErrConflict if a name is taken, and ErrDeleted if the machine is deleted, whatever the status and the
// text are.
func TestConflictAndDeleted(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		kind   error
		isGet  bool
		why    string
	}{
		{400, `{"name":["has already been taken"]}`, bigv.ErrConflict, false, ""},
		{400, `{"name":"is already in use"}`, bigv.ErrConflict, false, ""},
		{400, `{"label":["is invalid","already exists"]}`, bigv.ErrConflict, false, ""},
		{400, `{"discs":[{},{"label":["has already been taken"]}]}`, bigv.ErrConflict, false, ""},
		{400, `{"username":["must be unique"]}`, bigv.ErrConflict, false, ""},
		{400, "A virtual machine of this name already exists", bigv.ErrConflict, false, ""},
		{409, "", bigv.ErrConflict, false, ""},
		{409, "no", bigv.ErrConflict, false, ""},
		{409, "<html>", bigv.ErrConflict, false, ""},
		{422, `{"name":["has already been taken"]}`, bigv.ErrConflict, false, ""},
		{422, `{"name":["is invalid"]}`, nil, false, ""},
		{400, `{"name":["is invalid"]}`, nil, false, ""},
		{400, `{"ips":{"ipv4":["has already been taken"]}}`, nil, false, "an address is no name"},
		{400, `{"memory":["is not included in the list"]}`, nil, false, ""},
		{400, "Virtual machine is deleted", bigv.ErrDeleted, false, ""},
		{409, "Virtual machine has been deleted", bigv.ErrDeleted, false, ""},
		{400, `{"power_on":["is not possible while the virtual machine is deleted"]}`, bigv.ErrDeleted, false, ""},
		{400, `{"name":["has already been taken"]}`, nil, true, "a read takes no name"},
		{404, "taken", nil, false, ""},
		{500, `{"name":["has already been taken"]}`, nil, false, "the outcome of a 500 is unknown"},
	} {
		client := start(t, fakeserver.Respond(tt.status, tt.body), once)
		err := errorOf(client.VirtualMachines.Rename(t.Context(), www1, "www2"))
		if tt.isGet {
			err = get(t.Context(), client)
		}
		require.Error(t, err)
		for _, kind := range []error{bigv.ErrConflict, bigv.ErrDeleted} {
			if kind == tt.kind {
				assert.ErrorIs(t, err, kind, "%d %s %s", tt.status, tt.body, tt.why)
			} else {
				assert.NotErrorIs(t, err, kind, "%d %s %s", tt.status, tt.body, tt.why)
			}
		}
		if tt.status == http.StatusBadRequest {
			assert.ErrorIs(t, err, bigv.ErrBadRequest)
		}
	}
}

// Every way to take a name that another resource has is a conflict.
func TestConflictsOfTheService(t *testing.T) {
	srv := bigvtest.NewServer(t)
	group := srv.Account("acme").Group("web")
	srv.Account("acme").Group("db").VirtualMachine("www1")
	vm := group.VirtualMachine("www1").SetPower(false)
	group.VirtualMachine("www2")
	vm.Disc("root", 100)
	vm.Disc("data", 100)
	c := srv.Client()
	ctx := t.Context()
	for name, err := range map[string]error{
		"create machine": errorOf(c.VirtualMachines.Create(ctx, web, newMachine("www1"))),
		"rename machine": errorOf(c.VirtualMachines.Rename(ctx, www1, "www2")),
		"move machine":   errorOf(c.VirtualMachines.Move(ctx, www1, acme.Group("db"))),
		"create group":   errorOf(c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "web"})),
		"rename group":   errorOf(c.Groups.Rename(ctx, web, "db")),
		"create disc":    errorOf(c.Discs.Create(ctx, www1, bigv.DiscCreate{Label: "root", Size: 100})),
		"relabel disc":   errorOf(c.Discs.Relabel(ctx, root, "data")),
	} {
		assert.ErrorIs(t, err, bigv.ErrConflict, name)
	}
	require.NoError(t, c.VirtualMachines.Delete(ctx, www1))
	assert.ErrorIs(t, errorOf(c.VirtualMachines.Create(ctx, web, newMachine("www1"))), bigv.ErrConflict, "a deleted machine keeps its name")
	for name, err := range map[string]error{
		"start":     errorOf(c.VirtualMachines.Start(ctx, www1)),
		"resize":    errorOf(c.Discs.Resize(ctx, root, 200)),
		"wait":      errorOf(c.VirtualMachines.Wait(ctx, www1, bigv.PoweredOn, pollQuickly(nil))),
		"shut down": c.VirtualMachines.PowerDown(ctx, www1),
	} {
		assert.ErrorIs(t, err, bigv.ErrDeleted, name)
	}
}
