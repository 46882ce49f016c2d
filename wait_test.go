package bigv_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quickly looks as often as a test can wait for.
func quickly(onPoll func(bigv.Poll)) bigv.WaitOptions {
	return bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: 2 * time.Millisecond, OnPoll: onPoll}
}

func newMachine(name string) bigv.VirtualMachineCreate {
	return bigv.VirtualMachineCreate{Name: name, PowerOn: new(true), AutorebootOn: new(true), Discs: []bigv.DiscCreate{{Label: "root", Size: 25600}}}
}

func TestWaitFollowsAMachineUp(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	made, err := client.VirtualMachines.Create(t.Context(), web, newMachine("www1"))
	require.NoError(t, err)
	require.True(t, made.Provisioning)
	var states []string
	vm, err := client.VirtualMachines.Wait(t.Context(), made.Path(), bigv.PoweredOn, quickly(func(p bigv.Poll) {
		states = append(states, p.State)
		assert.Equal(t, len(states), p.Number)
		assert.Equal(t, made.ID, p.VirtualMachine.ID)
		assert.NoError(t, p.Err)
		assert.Positive(t, p.Next)
		srv.Advance(bigvtest.ProvisioningTime / 2)
	}))
	require.NoError(t, err)
	assert.True(t, vm.PowerOn)
	assert.Equal(t, []string{"off, autoreboot on, being provisioned", "off, autoreboot on, being provisioned"}, states)
}

func TestWaitPutsUpWithWhatPasses(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault bigvtest.Fault
	}{
		{"a server error", bigvtest.Fault{Status: 500}},
		{"unavailable", bigvtest.Unavailable()},
		{"a proxy's page", bigvtest.BadGateway()},
		{"not found just after it was made", bigvtest.Fault{Status: 404}},
		{"a lost connection", bigvtest.Fault{DropBefore: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			row.fault.Method, row.fault.Times = http.MethodGet, 2
			srv.Inject(row.fault)
			failed := 0
			seen, err := srv.Client(bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1})).VirtualMachines.Wait(t.Context(), vm.Path(), bigv.PoweredOn, quickly(func(p bigv.Poll) {
				failed++
				assert.Error(t, p.Err)
				assert.Equal(t, "not seen", p.State)
			}))
			require.NoError(t, err)
			assert.Equal(t, vm.ID(), seen.ID)
			assert.Equal(t, 2, failed)
		})
	}
}

func TestWaitThatCannotEndWell(t *testing.T) {
	stop := errors.New("the user went home")
	for _, row := range []struct {
		name   string
		set    func(*bigvtest.Server, *bigvtest.VirtualMachine)
		until  bigv.VirtualMachineCondition
		wait   bigv.WaitOptions
		cancel bool
		is     []error
		says   string
	}{
		{name: "time is up", until: bigv.PoweredOn, set: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetPower(false) },
			wait: bigv.WaitOptions{Timeout: 20 * time.Millisecond, MinInterval: time.Millisecond}, is: []error{context.DeadlineExceeded}, says: "last seen: off"},
		{name: "cancelled with a cause", until: bigv.PoweredOn, set: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetPower(false) },
			cancel: true, is: []error{context.Canceled, stop}, says: "the user went home"},
		{name: "it will not stay off", until: bigv.PoweredOff, is: nil, says: "autoreboot is on"},
		{name: "it is deleted", until: bigv.PoweredOn, set: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetDeleted(true) }, says: "it has been deleted"},
		{name: "the caller knows better", until: func(bigv.VirtualMachine) (bool, error) { return false, stop }, is: []error{stop}, says: "will not come true"},
		{name: "the token is bad", until: bigv.PoweredOn, set: func(srv *bigvtest.Server, _ *bigvtest.VirtualMachine) { srv.ExpireSessions() }, is: []error{bigv.ErrUnauthorized}, says: "401"},
		{name: "it never was there", until: bigv.PoweredOn, set: func(srv *bigvtest.Server, _ *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: "GET", Status: 404, Times: -1})
		}, wait: bigv.WaitOptions{NotFoundGrace: 10 * time.Millisecond, MinInterval: time.Millisecond}, is: []error{bigv.ErrNotFound}, says: "last seen: not seen"},
		{name: "the service is down for good", until: bigv.PoweredOn, set: func(srv *bigvtest.Server, _ *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: "GET", Status: 500, Times: -1})
		}, is: []error{bigv.ErrServer}, says: "10 looks"},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			if row.set != nil {
				row.set(srv, vm)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			options := row.wait
			if options.MinInterval == 0 {
				options = quickly(nil)
			}
			if row.cancel {
				options.OnPoll = func(bigv.Poll) { cancel(stop) }
			}
			seen, err := srv.Client(bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1})).VirtualMachines.Wait(ctx, vm.Path(), row.until, options)
			failure, ok := errors.AsType[*bigv.WaitError](err)
			require.True(t, ok, "%v", err)
			assert.ErrorContains(t, err, row.says)
			assert.ErrorContains(t, err, "wait for virtual machine www1.web.acme")
			for _, kind := range row.is {
				assert.ErrorIs(t, err, kind)
			}
			assert.Equal(t, failure.Last.VirtualMachine, seen, "what was seen last comes back")
		})
	}
}

func TestDeletedIsGoneOrDeleted(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	require.NoError(t, client.VirtualMachines.Delete(t.Context(), vm.Path()))
	seen, err := client.VirtualMachines.Wait(t.Context(), vm.Path(), bigv.Deleted, quickly(nil))
	require.NoError(t, err)
	assert.True(t, seen.Deleted)
	require.NoError(t, client.VirtualMachines.Purge(t.Context(), vm.Path()))
	_, err = client.VirtualMachines.Wait(t.Context(), bigv.VirtualMachineID(vm.ID()), bigv.Deleted, quickly(nil))
	require.NoError(t, err)
}

func TestWaitForAnythingElse(t *testing.T) {
	looks := 0
	got, err := bigv.WaitFor(t.Context(), "the cows", func(context.Context) (int, error) {
		looks++
		return looks, nil
	}, func(n int) (bool, error) { return n == 3, nil }, quickly(nil))
	require.NoError(t, err)
	assert.Equal(t, 3, got)
	_, err = bigv.WaitFor[int](t.Context(), "the cows", nil, nil, bigv.WaitOptions{})
	assert.ErrorContains(t, err, "wait for the cows")
}

func TestFindOrCreate(t *testing.T) {
	create := func(c *bigv.Client, t *testing.T) (bigv.VirtualMachine, bool, error) {
		return c.VirtualMachines.FindOrCreate(t.Context(), web, newMachine("www1"))
	}
	vmCreate := func(f bigvtest.Fault) bigvtest.Fault {
		f.Method, f.Path = http.MethodPost, "/accounts/acme/groups/web/vm_create"
		return f
	}
	for _, row := range []struct {
		name    string
		set     func(*bigvtest.Server)
		created bool
		says    string
	}{
		{name: "makes it", created: true},
		{name: "finds it", set: func(srv *bigvtest.Server) { srv.Account("acme").Group("web").VirtualMachine("www1") }},
		{name: "finds it when the answer was lost", set: func(srv *bigvtest.Server) { srv.Inject(vmCreate(bigvtest.Fault{DropAfter: true})) }, created: true},
		{name: "finds it when the answer was cut", set: func(srv *bigvtest.Server) { srv.Inject(vmCreate(bigvtest.Fault{CutBodyAt: 5})) }, created: true},
		{name: "finds it when a proxy lost the answer", set: func(srv *bigvtest.Server) {
			srv.Inject(vmCreate(bigvtest.Fault{Status: 502, AfterWork: true}))
		}, created: true},
		{name: "finds what another made in between", set: func(srv *bigvtest.Server) {
			srv.Inject(bigvtest.Fault{Method: http.MethodGet, Status: 404})
			srv.Account("acme").Group("web").VirtualMachine("www1")
		}},
		{name: "a deleted one keeps its name", set: func(srv *bigvtest.Server) {
			srv.Account("acme").Group("web").VirtualMachine("www1").SetDeleted(true)
		}, says: "undelete or purge it"},
		{name: "a refusal is told", set: func(srv *bigvtest.Server) { srv.Inject(vmCreate(bigvtest.Fault{Status: 403})) }, says: "403"},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			if row.set != nil {
				row.set(srv)
			}
			vm, created, err := create(srv.Client(), t)
			if row.says != "" {
				require.ErrorContains(t, err, row.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.created, created)
			assert.Equal(t, "www1", vm.Name)
			again, created, err := create(srv.Client(), t)
			require.NoError(t, err)
			assert.False(t, created, "a second run finds it")
			assert.Equal(t, vm.ID, again.ID)
			assert.Equal(t, []string{"www1"}, srv.Account("acme").Group("web").VirtualMachineNames())
			assert.Empty(t, srv.DoneTwice())
		})
	}

	srv := bigvtest.NewServer(t)
	group, created, err := srv.Client().Groups.FindOrCreate(t.Context(), acme, bigv.GroupCreate{Name: "db"})
	require.NoError(t, err)
	assert.True(t, created)
	found, created, err := srv.Client().Groups.FindOrCreate(t.Context(), acme, bigv.GroupCreate{Name: "db"})
	require.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, group.ID, found.ID)
	_, _, err = srv.Client().Groups.FindOrCreate(t.Context(), acme, bigv.GroupCreate{Name: "77"})
	assert.ErrorContains(t, err, "nothing was sent")
}

func TestFindOrCreateNeverMakesAnother(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropBefore: true})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, _, err := srv.Client().VirtualMachines.FindOrCreate(ctx, web, newMachine("www1"))
	require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	assert.NotErrorIs(t, err, bigv.ErrNotFound)
	posts := 0
	for _, exchange := range srv.Journal() {
		if exchange.Method == http.MethodPost {
			posts++
		}
	}
	assert.Equal(t, 1, posts)
}

// moving moves the clock at every look.
func moving(srv *bigvtest.Server) bigv.WaitOptions {
	return quickly(func(bigv.Poll) { srv.Advance(5 * time.Second) })
}

func TestCreateAndWait(t *testing.T) {
	srv := bigvtest.NewServer(t)
	vm, err := srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, newMachine("www1"), moving(srv))
	require.NoError(t, err)
	assert.True(t, vm.PowerOn)

	off := newMachine("www2")
	off.PowerOn, off.AutorebootOn = nil, new(false)
	vm, err = srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, off, moving(srv))
	require.NoError(t, err)
	assert.False(t, vm.PowerOn)
	assert.False(t, vm.Provisioning)

	options := quickly(nil)
	options.Timeout = 20 * time.Millisecond
	vm, err = srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, newMachine("www3"), options)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, "www3", vm.Name, "the machine comes back although the wait failed")
	assert.Positive(t, vm.ID)
}

func TestShutdownAndWait(t *testing.T) {
	for _, row := range []struct {
		name    string
		set     func(*bigvtest.Server, *bigvtest.VirtualMachine)
		plug    time.Duration
		says    string
		off     bool
		buttons int
	}{
		{name: "listens", off: true, buttons: 1},
		{name: "is off already", set: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetPower(false) }, off: true},
		{name: "the button's answer is lost", set: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
		}, off: true, buttons: 1},
		{name: "the button is lost, and the plug is pulled", set: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropBefore: true})
		}, plug: 20 * time.Millisecond, off: true, buttons: 1},
		{name: "the button is refused, and the plug is pulled", set: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400})
		}, plug: time.Millisecond, off: true, buttons: 1},
		{name: "the button is refused, and the plug is not to be pulled", set: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400})
		}, says: "400", buttons: 1},
		{name: "it may not", set: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPut, Status: 403})
		}, says: "403"},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			if row.set != nil {
				row.set(srv, vm)
			}
			seen, err := srv.Client().VirtualMachines.ShutdownAndWait(t.Context(), bigv.VirtualMachineID(vm.ID()), bigv.ShutdownOptions{ForceAfter: row.plug, Wait: moving(srv)})
			if row.says != "" {
				require.ErrorContains(t, err, row.says)
			} else {
				require.NoError(t, err)
				assert.False(t, seen.PowerOn)
			}
			assert.Equal(t, row.off, !vm.State().PoweredOn)
			srv.Advance(time.Hour)
			assert.Equal(t, row.off, !vm.State().PoweredOn, "it stays off")
			buttons := 0
			for _, exchange := range srv.Journal() {
				if exchange.Method == http.MethodPost {
					buttons++
				}
			}
			assert.Equal(t, row.buttons, buttons, "the button is pressed once")
		})
	}
}

func TestRestartAndUpdate(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	options := bigv.ShutdownOptions{Wait: moving(srv)}
	seen, err := client.VirtualMachines.UpdateAndRestart(t.Context(), vm.Path(), bigv.VirtualMachineUpdate{Memory: new(4096)}, options)
	require.NoError(t, err)
	assert.True(t, seen.PowerOn)
	assert.Equal(t, 4096, vm.State().Memory)
	assert.Equal(t, 2, vm.State().Starts)
	assert.True(t, vm.State().AutorebootOn)

	// A program that was stopped in between finds the machine off, and finishes.
	vm.SetPower(false)
	_, err = client.VirtualMachines.RestartAndWait(t.Context(), vm.Path(), options)
	require.NoError(t, err)
	assert.True(t, vm.State().PoweredOn)
	assert.Equal(t, 3, vm.State().Starts)
}

func TestDiscWait(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 25600)
	seen, err := srv.Client().Discs.Wait(t.Context(), disc.Path(), bigv.Restored, quickly(nil))
	require.NoError(t, err)
	assert.Equal(t, disc.ID(), seen.ID)
}
