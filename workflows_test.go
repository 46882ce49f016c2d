package bigv_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindOrCreate(t *testing.T) {
	findOrCreate := func(t *testing.T, c *bigv.Client) (bigv.VirtualMachine, bool, error) {
		return c.VirtualMachines.FindOrCreate(t.Context(), web, newMachine("www1"), pollQuickly(nil))
	}
	// ofCreate makes a fault one of the request that creates the machine.
	ofCreate := func(f bigvtest.Fault) bigvtest.Fault {
		f.Method, f.Path = http.MethodPost, "/accounts/acme/groups/web/vm_create"
		return f
	}
	for _, tt := range []struct {
		name    string
		setUp   func(*bigvtest.Server)
		created bool
		message string
	}{
		{name: "does not exist", created: true},
		{name: "exists", setUp: func(srv *bigvtest.Server) { srv.Account("acme").Group("web").VirtualMachine("www1") }},
		{name: "the response to the create is lost",
			setUp: func(srv *bigvtest.Server) { srv.Inject(ofCreate(bigvtest.Fault{DropAfter: true})) }, created: true},
		{name: "the response to the create is truncated",
			setUp: func(srv *bigvtest.Server) { srv.Inject(ofCreate(bigvtest.Fault{CutBodyAt: 5})) }, created: true},
		{name: "the response to the create is lost by a proxy", setUp: func(srv *bigvtest.Server) {
			srv.Inject(ofCreate(bigvtest.Fault{Status: 502, AfterWork: true}))
		}, created: true},
		{name: "is created by somebody else in between", setUp: func(srv *bigvtest.Server) {
			srv.Inject(bigvtest.Fault{Method: http.MethodGet, Status: 404})
			srv.Account("acme").Group("web").VirtualMachine("www1")
		}},
		{name: "the service is unavailable twice", setUp: func(srv *bigvtest.Server) {
			unavailable := ofCreate(bigvtest.Unavailable())
			unavailable.Times = 2
			srv.Inject(unavailable)
		}, created: true},
		{name: "the service is unavailable after the work was done", setUp: func(srv *bigvtest.Server) {
			srv.Inject(ofCreate(bigvtest.Fault{Status: 503, AfterWork: true}))
		}, created: true},
		{name: "the service limits the rate", setUp: func(srv *bigvtest.Server) {
			srv.Inject(ofCreate(bigvtest.Fault{Status: 429}))
		}, created: true},
		{name: "the service remains unavailable", setUp: func(srv *bigvtest.Server) {
			unavailable := ofCreate(bigvtest.Unavailable())
			unavailable.Times = -1
			srv.Inject(unavailable)
		}, message: "503"},
		{name: "the service reports a conflict with another status", setUp: func(srv *bigvtest.Server) {
			srv.Inject(bigvtest.Fault{Method: http.MethodGet, Status: 404})
			srv.Inject(ofCreate(bigvtest.Fault{Status: 409, Body: "exists"}))
			srv.Account("acme").Group("web").VirtualMachine("www1")
		}},
		{name: "a value is refused", setUp: func(srv *bigvtest.Server) { srv.Inject(ofCreate(bigvtest.Fault{Status: 400})) },
			message: "400"},
		{name: "the create is forbidden", setUp: func(srv *bigvtest.Server) { srv.Inject(ofCreate(bigvtest.Fault{Status: 403})) },
			message: "403"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			if tt.setUp != nil {
				tt.setUp(srv)
			}
			vm, created, err := findOrCreate(t, srv.Client())
			if tt.message != "" {
				require.ErrorContains(t, err, tt.message)
				assert.False(t, created)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.created, created)
			assert.Equal(t, "www1", vm.Name)
			again, created, err := findOrCreate(t, srv.Client())
			require.NoError(t, err)
			assert.False(t, created, "the second call finds it")
			assert.Equal(t, vm.ID, again.ID)
			assert.Equal(t, []string{"www1"}, srv.Account("acme").Group("web").VirtualMachineNames())
			assert.Empty(t, srv.DoneTwice())
		})
	}
}

// For a deleted machine, the error contains the machine, and is an Error like others.
func TestFindOrCreateDeletedMachine(t *testing.T) {
	srv := bigvtest.NewServer(t)
	deleted := srv.Account("acme").Group("web").VirtualMachine("www1").SetDeleted(true)
	_, created, err := srv.Client().VirtualMachines.FindOrCreate(t.Context(), web, newMachine("www1"), pollQuickly(nil))
	assert.False(t, created)
	require.ErrorIs(t, err, bigv.ErrDeleted)
	assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
	found, ok := errors.AsType[*bigv.DeletedError](err)
	require.True(t, ok)
	assert.Equal(t, deleted.ID(), found.VirtualMachine.ID)
	_, ok = errors.AsType[*bigv.Error](err)
	assert.True(t, ok)
	assert.ErrorContains(t, err, "bigv: find or create virtual machine www1.web.acme: 200 OK: virtual machine #")
	assert.ErrorContains(t, err, "undelete or purge it")
}

// The options limit how long a resource is looked for after its creation was lost.
func TestFindOrCreateLooksAsLongAsTheOptionsSay(t *testing.T) {
	for name, options := range map[string]bigv.WaitOptions{
		"NotFoundGrace": {NotFoundGrace: 20 * time.Millisecond, MaxInterval: time.Millisecond},
		"Timeout":       {Timeout: 20 * time.Millisecond, MaxInterval: time.Millisecond},
	} {
		srv := bigvtest.NewServer(t)
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropBefore: true, Times: -1})
		started := time.Now()
		_, _, err := srv.Client().VirtualMachines.FindOrCreate(t.Context(), web, newMachine("www1"), options)
		require.ErrorIs(t, err, bigv.ErrOutcomeUnknown, name)
		assert.Less(t, time.Since(started), 25*time.Second, name)
		assert.Equal(t, 1, countRequests(srv, http.MethodPost), name)
	}
}

// FindOrCreate of discs and FindOrGrant are safe to run again, whatever happens to the first request.
func TestFindOrCreateOthers(t *testing.T) {
	grant := bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: www1}
	for name, call := range map[string]func(*bigv.Client) (int, bool, error){
		"disc": func(c *bigv.Client) (int, bool, error) {
			disc, created, err := c.Discs.FindOrCreate(t.Context(), www1, bigv.DiscCreate{Label: "data", Size: 100}, pollQuickly(nil))
			return disc.ID, created, err
		},
		"privilege": func(c *bigv.Client) (int, bool, error) {
			p, created, err := c.Privileges.FindOrGrant(t.Context(), "bob", grant, pollQuickly(nil))
			return p.ID, created, err
		},
	} {
		for fault, f := range map[string]bigvtest.Fault{
			"no fault": {}, "lost": {DropAfter: true}, "cut": {CutBodyAt: 5}, "bad gateway": {Status: 502, AfterWork: true},
			"unavailable": bigvtest.Unavailable(), "empty": {Status: 200, Body: " ", AfterWork: true},
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				srv := bigvtest.NewServer(t)
				srv.User("bob")
				srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(false)
				if fault != "no fault" {
					f.Method = http.MethodPost
					srv.Inject(f)
				}
				id, created, err := call(srv.Client())
				require.NoError(t, err)
				assert.True(t, created)
				again, created, err := call(srv.Client())
				require.NoError(t, err)
				assert.False(t, created)
				if fault != "empty" {
					assert.Equal(t, id, again)
				}
				assert.Empty(t, srv.DoneTwice())
			})
		}
	}
}

// A privilege is found if it has the level, the target, the API key and the conditions of the grant.
func TestFindOrGrantMatchesConditions(t *testing.T) {
	base := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}
	for name, tt := range map[string]struct {
		change  func(*bigv.PrivilegeGrant)
		granted bool
	}{
		"the same":               {func(*bigv.PrivilegeGrant) {}, false},
		"conditions that it has": {func(g *bigv.PrivilegeGrant) { g.YubikeyRequired, g.PasswordRequired = new(false), new(true) }, false},
		"a YubiKey":              {func(g *bigv.PrivilegeGrant) { g.YubikeyRequired = new(true) }, true},
		"no password":            {func(g *bigv.PrivilegeGrant) { g.PasswordRequired = new(false) }, true},
		"an age":                 {func(g *bigv.PrivilegeGrant) { g.YubikeyOTPMaxAge = bigv.Set(60) }, true},
		"no age":                 {func(g *bigv.PrivilegeGrant) { g.YubikeyOTPMaxAge = bigv.Null[int]() }, false},
		"restrictions":           {func(g *bigv.PrivilegeGrant) { g.IPRestrictions = bigv.Set(json.RawMessage(`["192.0.2.1"]`)) }, true},
		"no restrictions":        {func(g *bigv.PrivilegeGrant) { g.IPRestrictions = bigv.Null[json.RawMessage]() }, false},
		"another target":         {func(g *bigv.PrivilegeGrant) { g.Group = acme.DefaultGroup() }, true},
		"the target by ID":       {func(g *bigv.PrivilegeGrant) { g.Group = bigv.GroupID(0) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			srv.User("bob")
			group := srv.Account("acme").Group("web")
			first, granted, err := srv.Client().Privileges.FindOrGrant(t.Context(), "bob", base, pollQuickly(nil))
			require.NoError(t, err)
			require.True(t, granted)
			grant := base
			tt.change(&grant)
			if grant.Group == bigv.GroupID(0) {
				grant.Group = bigv.GroupID(group.ID())
			}
			found, granted, err := srv.Client().Privileges.FindOrGrant(t.Context(), "bob", grant, pollQuickly(nil))
			require.NoError(t, err)
			assert.Equal(t, tt.granted, granted)
			assert.Equal(t, tt.granted, found.ID != first.ID)
		})
	}
}

func TestFindOrCreateGroup(t *testing.T) {
	srv := bigvtest.NewServer(t)
	group, created, err := srv.Client().Groups.FindOrCreate(t.Context(), acme, bigv.GroupCreate{Name: "db"}, pollQuickly(nil))
	require.NoError(t, err)
	assert.True(t, created)
	found, created, err := srv.Client().Groups.FindOrCreate(t.Context(), acme, bigv.GroupCreate{Name: "db"}, pollQuickly(nil))
	require.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, group.ID, found.ID)
	_, _, err = srv.Client().Groups.FindOrCreate(t.Context(), acme, bigv.GroupCreate{Name: "77"}, pollQuickly(nil))
	assert.ErrorContains(t, err, notSentText)
}

// If the outcome of the create is unknown and the machine is not found, it is not created a second time.
func TestFindOrCreateNeverCreatesTwice(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropBefore: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	created := false
	cancelAfterSearch := bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		switch {
		case a.Method == http.MethodPost:
			created = true
		case created:
			cancel()
		}
	})
	_, _, err := srv.Client(cancelAfterSearch).VirtualMachines.FindOrCreate(ctx, web, newMachine("www1"), pollQuickly(nil))
	require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	assert.NotErrorIs(t, err, bigv.ErrNotFound)
	assert.Equal(t, 1, countRequests(srv, http.MethodPost))
}

// countRequests returns how many requests with a method a server has received.
func countRequests(srv *bigvtest.Server, method string) int {
	count := 0
	for _, request := range srv.Journal() {
		if request.Method == method {
			count++
		}
	}
	return count
}

// advanceOnPoll returns options that advance the clock of the server with each poll.
func advanceOnPoll(srv *bigvtest.Server) bigv.WaitOptions {
	return pollQuickly(func(bigv.Poll) { srv.Advance(5 * time.Second) })
}

func TestCreateAndWait(t *testing.T) {
	srv := bigvtest.NewServer(t)
	vm, err := srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, newMachine("www1"), advanceOnPoll(srv))
	require.NoError(t, err)
	assert.True(t, vm.PowerOn)

	off := newMachine("www2")
	off.PowerOn, off.AutorebootOn = nil, new(false)
	vm, err = srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, off, advanceOnPoll(srv))
	require.NoError(t, err)
	assert.False(t, vm.PowerOn)
	assert.False(t, vm.Provisioning)

	options := pollQuickly(nil)
	options.Timeout = 20 * time.Millisecond
	vm, err = srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, newMachine("www3"), options)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, "www3", vm.Name, "the machine is returned although the wait failed")
	assert.Positive(t, vm.ID)
}

// CreateAndWait waits until the machine is on if, and only if, the service starts it.
func TestCreateAndWaitForEachCombinationOfPowerFlags(t *testing.T) {
	image, none := &bigv.Image{Distribution: "jessie"}, &bigv.Image{Distribution: "none"}
	yes, no := new(true), new(false)
	for name, tt := range map[string]struct {
		image                 *bigv.Image
		powerOn, autorebootOn *bool
		on, autoreboot        bool
	}{
		"image":                                 {image, nil, nil, true, false},
		"image and power_on":                    {image, yes, nil, true, false},
		"image and autoreboot_on":               {image, nil, yes, true, true},
		"image and power_on false":              {image, no, nil, false, false},
		"image and autoreboot_on false":         {image, nil, no, false, false},
		"image and both false":                  {image, no, no, false, false},
		"image, power_on false, autoreboot_on":  {image, no, yes, true, true},
		"image, power_on, autoreboot_on false":  {image, yes, no, true, false},
		"no image":                              {nil, nil, nil, false, false},
		"no image and power_on":                 {nil, yes, nil, true, false},
		"no image and autoreboot_on":            {nil, nil, yes, true, true},
		"distribution none":                     {none, nil, nil, false, false},
		"distribution none and autoreboot_on":   {none, nil, yes, true, true},
		"distribution none and power_on false":  {none, no, nil, false, false},
		"no image and power_on false":           {nil, no, nil, false, false},
		"no image, both flags false explicitly": {nil, no, no, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			create := newMachine("www1")
			create.Image, create.PowerOn, create.AutorebootOn = tt.image, tt.powerOn, tt.autorebootOn
			vm, err := srv.Client().VirtualMachines.CreateAndWait(t.Context(), web, create, advanceOnPoll(srv))
			require.NoError(t, err)
			assert.Equal(t, tt.on, vm.PowerOn)
			assert.Equal(t, tt.autoreboot, vm.AutorebootOn)
			assert.False(t, vm.Provisioning)
			srv.Advance(time.Hour)
			state := srv.Account("acme").Group("web").VirtualMachine("www1").State()
			assert.Equal(t, tt.on, state.PoweredOn, "an hour later")
		})
	}
}

func TestShutdownAndWait(t *testing.T) {
	for _, tt := range []struct {
		name       string
		setUp      func(*bigvtest.Server, *bigvtest.VirtualMachine)
		forceAfter time.Duration
		message    string
		off        bool
		signals    int // of the power button that are sent
	}{
		{name: "shuts down", off: true, signals: 1},
		{name: "off already", setUp: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetPower(false) }, off: true},
		{name: "the response to the signal is lost", setUp: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
		}, off: true, signals: 1},
		{name: "the signal is lost, and ForceAfter is set", setUp: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropBefore: true})
		}, forceAfter: 20 * time.Millisecond, off: true, signals: 1},
		{name: "the signal is refused, and ForceAfter is set", setUp: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400})
		}, forceAfter: time.Millisecond, off: true, signals: 1},
		{name: "the signal is refused, and ForceAfter is not set", setUp: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400})
		}, message: "400", signals: 1},
		{name: "the signal is refused, and the machine cannot be read", setUp: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			signalled := false
			srv.Inject(bigvtest.Fault{Times: -1, Status: 403, Match: func(r *http.Request) bool {
				signalled = signalled || r.Method == http.MethodPost
				return signalled && r.Method == http.MethodGet
			}})
			srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400})
		}, message: "get virtual machine", signals: 1},
		{name: "forbidden", setUp: func(srv *bigvtest.Server, vm *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: http.MethodPut, Status: 403})
		}, message: "403"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			if tt.setUp != nil {
				tt.setUp(srv, vm)
			}
			options := bigv.ShutdownOptions{ForceAfter: tt.forceAfter, Wait: advanceOnPoll(srv)}
			seen, err := srv.Client().VirtualMachines.ShutdownAndWait(t.Context(), bigv.VirtualMachineID(vm.ID()), options)
			if tt.message != "" {
				require.ErrorContains(t, err, tt.message)
			} else {
				require.NoError(t, err)
				assert.False(t, seen.PowerOn)
			}
			assert.Equal(t, tt.off, !vm.State().PoweredOn)
			srv.Advance(time.Hour)
			assert.Equal(t, tt.off, !vm.State().PoweredOn, "the machine stays off")
			assert.Equal(t, tt.signals, countRequests(srv, http.MethodPost), "signals")
		})
	}
}

func TestUpdateAndRestart(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	options := bigv.ShutdownOptions{Wait: advanceOnPoll(srv)}
	seen, err := client.VirtualMachines.UpdateAndRestart(t.Context(), vm.Path(), bigv.VirtualMachineUpdate{Memory: new(4096)}, options)
	require.NoError(t, err)
	assert.True(t, seen.PowerOn)
	assert.Equal(t, 4096, vm.State().Memory)
	assert.Equal(t, 2, vm.State().Starts)
	assert.True(t, vm.State().AutorebootOn)

	// After a program was stopped in between, the machine is off. Another call completes the restart.
	vm.SetPower(false)
	_, err = client.VirtualMachines.RestartAndWait(t.Context(), vm.Path(), options)
	require.NoError(t, err)
	assert.True(t, vm.State().PoweredOn)
	assert.Equal(t, 3, vm.State().Starts)
}

// If the response to a create is empty, the machine is read, and may not be found at once.
func TestCreateWithEmptyResponse(t *testing.T) {
	for _, body := range []string{`{}`, `{"virtual_machine":null}`} {
		for name, create := range map[string]func(context.Context, *bigv.Client) (bigv.VirtualMachine, error){
			"CreateAndWait": func(ctx context.Context, c *bigv.Client) (bigv.VirtualMachine, error) {
				return c.VirtualMachines.CreateAndWait(ctx, web, least, pollQuickly(nil))
			},
			"FindOrCreate": func(ctx context.Context, c *bigv.Client) (bigv.VirtualMachine, error) {
				vm, created, err := c.VirtualMachines.FindOrCreate(ctx, web, least, pollQuickly(nil))
				assert.True(t, created)
				return vm, err
			},
		} {
			t.Run(name+" "+body, func(t *testing.T) {
				t.Parallel()
				srv := fakeserver.New(t, fakeserver.Table(t, fakeserver.Responses{
					"POST " + webURL + "/vm_create": "201 " + body,
					"GET " + www1URL:                fakeserver.Sequence("404", "404", fakeserver.VirtualMachine5012),
				}))
				vm, err := create(t.Context(), newClient(t, srv))
				require.NoError(t, err)
				assert.Equal(t, 5012, vm.ID)
				posts := 0
				for _, request := range srv.Sent() {
					if strings.HasPrefix(request, "POST ") {
						posts++
					}
				}
				assert.Equal(t, 1, posts)
			})
		}
		t.Run("Create "+body, func(t *testing.T) {
			t.Parallel()
			client := start(t, fakeserver.Table(t,
				fakeserver.Responses{"POST " + webURL + "/vm_create": "201 " + body, "GET " + www1URL: "404"}))
			_, err := client.VirtualMachines.Create(t.Context(), web, least)
			assert.ErrorContains(t, err, readBackText)
			assert.NotErrorIs(t, err, bigv.ErrNotFound, "the group that the create is for was found")
		})
	}
}

// A machine that is being provisioned is shut down as soon as it has been provisioned, and stays off.
func TestShutdownWhileProvisioning(t *testing.T) {
	for name, style := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime/4))
			group := srv.Account("acme").Group("web")
			client := srv.Client(bigv.WithURLStyle(style))
			_, err := client.VirtualMachines.Create(t.Context(), group.Path(), newMachine("new1"))
			require.NoError(t, err)
			options := bigv.ShutdownOptions{Wait: pollQuickly(nil)}
			vm, err := client.VirtualMachines.ShutdownAndWait(t.Context(), group.Path().VirtualMachine("new1"), options)
			require.NoError(t, err)
			assert.False(t, vm.PowerOn || vm.AutorebootOn || vm.Provisioning)
			srv.Advance(time.Hour)
			assert.False(t, group.VirtualMachine("new1").State().PoweredOn)
		})
	}
}

// A shutdown that is cancelled returns the machine as last seen, and reports whether the signal may have been sent.
func TestShutdownCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	machine := fakeserver.Respond(200, fakeserver.VirtualMachine5012)
	client := start(t, sequence(machine, machine, func(_ http.ResponseWriter, r *http.Request) { // the third request is the signal
		cancel()
		<-r.Context().Done()
	}))
	vm, err := client.VirtualMachines.ShutdownAndWait(ctx, www1, bigv.ShutdownOptions{})
	assert.Equal(t, 5012, vm.ID)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
}

// The error of a workflow says in which state the machine was left, and keeps its kind.
func TestWorkflowErrorsSayTheState(t *testing.T) {
	forbidden := bigvtest.Fault{Status: 403}
	put := func(skip int, f bigvtest.Fault) bigvtest.Fault {
		f.Method, f.Skip = http.MethodPut, skip
		return f
	}
	signal := func(f bigvtest.Fault) bigvtest.Fault {
		f.Method = http.MethodPost
		return f
	}
	neverOff := bigvtest.Fault{Method: http.MethodGet, Skip: 1, Times: -1, Status: 403}
	const (
		noAutoreboot = "; the machine was left without autoreboot"
		requested    = noAutoreboot + " and with a shutdown requested, which may still happen"
		off          = "; the machine was left off, without autoreboot"
		started      = "; the machine was left started, with autoreboot"
	)
	const shutDown, restart, update = "ShutdownAndWait", "RestartAndWait", "UpdateAndRestart"
	calls := map[string]func(*bigv.Client, bigv.ShutdownOptions) (bigv.VirtualMachine, error){
		shutDown: func(c *bigv.Client, options bigv.ShutdownOptions) (bigv.VirtualMachine, error) {
			return c.VirtualMachines.ShutdownAndWait(t.Context(), www1, options)
		},
		restart: func(c *bigv.Client, options bigv.ShutdownOptions) (bigv.VirtualMachine, error) {
			return c.VirtualMachines.RestartAndWait(t.Context(), www1, options)
		},
		update: func(c *bigv.Client, options bigv.ShutdownOptions) (bigv.VirtualMachine, error) {
			return c.VirtualMachines.UpdateAndRestart(t.Context(), www1, bigv.VirtualMachineUpdate{Memory: new(4096)}, options)
		},
	}
	for _, tt := range []struct {
		call       string // empty means each
		name       string
		faults     []bigvtest.Fault
		off        bool // before the call
		forceAfter time.Duration
		suffix     string // of the error
		kind       error
	}{
		{name: "turning autoreboot off fails", faults: []bigvtest.Fault{put(0, forbidden)}, suffix: "]", kind: bigv.ErrForbidden},
		{name: "turning autoreboot off has an unknown outcome", faults: []bigvtest.Fault{put(0, bigvtest.Fault{Status: 500})},
			suffix: "; the machine was left unchanged, or possibly without autoreboot", kind: bigv.ErrOutcomeUnknown},
		{name: "the signal fails", faults: []bigvtest.Fault{signal(forbidden)}, suffix: noAutoreboot, kind: bigv.ErrForbidden},
		{name: "the signal is refused", faults: []bigvtest.Fault{signal(bigvtest.Fault{Status: 400})},
			suffix: noAutoreboot, kind: bigv.ErrBadRequest},
		{name: "the wait for the shutdown fails", faults: []bigvtest.Fault{neverOff}, suffix: requested, kind: bigv.ErrForbidden},
		{name: "the signal is lost, and the wait fails", faults: []bigvtest.Fault{neverOff, signal(bigvtest.Fault{DropBefore: true})},
			suffix: "; the machine was left without autoreboot, or possibly without autoreboot and with a shutdown requested, " +
				"which may still happen",
			kind: bigv.ErrOutcomeUnknown},
		{name: "forcing it off fails", forceAfter: time.Nanosecond, faults: []bigvtest.Fault{put(1, forbidden)},
			suffix: requested, kind: bigv.ErrForbidden},
		{name: "the wait after forcing it off fails", forceAfter: time.Nanosecond, faults: []bigvtest.Fault{
			signal(bigvtest.Fault{Status: 400}), {Method: http.MethodGet, Skip: 2, Times: -1, Status: 403},
		}, suffix: off, kind: bigv.ErrForbidden},
		{call: update, name: "the update fails", faults: []bigvtest.Fault{put(1, forbidden)}, suffix: off, kind: bigv.ErrForbidden},
		{call: update, name: "the update of a machine that was off fails", off: true, faults: []bigvtest.Fault{put(0, forbidden)},
			suffix: off, kind: bigv.ErrForbidden},
		{call: update, name: "the start fails", faults: []bigvtest.Fault{put(2, forbidden)}, suffix: off, kind: bigv.ErrForbidden},
		{call: update, name: "the start has an unknown outcome", faults: []bigvtest.Fault{put(2, bigvtest.Fault{Status: 500})},
			suffix: off + ", or possibly started, with autoreboot", kind: bigv.ErrOutcomeUnknown},
		{call: restart, name: "the start fails", faults: []bigvtest.Fault{put(1, forbidden)}, suffix: off, kind: bigv.ErrForbidden},
		{call: restart, name: "the start has an unknown outcome", faults: []bigvtest.Fault{put(1, bigvtest.Fault{Status: 500})},
			suffix: off + ", or possibly started, with autoreboot", kind: bigv.ErrOutcomeUnknown},
		{call: restart, name: "the wait for the start fails", off: true, faults: []bigvtest.Fault{neverOff},
			suffix: started, kind: bigv.ErrForbidden},
		{call: update, name: "the wait for the start fails", off: true, faults: []bigvtest.Fault{neverOff},
			suffix: started, kind: bigv.ErrForbidden},
	} {
		for name, call := range calls {
			if tt.call != "" && tt.call != name {
				continue
			}
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				srv := bigvtest.NewServer(t)
				vm := srv.Account("acme").Group("web").VirtualMachine("www1")
				vm.SetPower(!tt.off)
				for _, f := range tt.faults {
					srv.Inject(f)
				}
				seen, err := call(srv.Client(), bigv.ShutdownOptions{ForceAfter: tt.forceAfter, Wait: advanceOnPoll(srv)})
				require.ErrorIs(t, err, tt.kind)
				assert.True(t, strings.HasSuffix(err.Error(), tt.suffix), err.Error())
				assert.NotZero(t, seen.ID, "the machine as last seen")
			})
		}
	}
}

// A creation whose response is empty has succeeded. What was created is looked for.
func TestFindOrGrantWithAnEmptyResponse(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithPostStatus(http.StatusNoContent))
	grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: srv.Account("acme").Group("web").Path()}
	p, granted, err := srv.Client().Privileges.FindOrGrant(t.Context(), "bob", grant, pollQuickly(nil))
	require.NoError(t, err)
	assert.True(t, granted)
	assert.Positive(t, p.ID)
}

// If the result of a creation cannot be found, the error says that the creation succeeded.
func TestFindOrGrantThatCannotReadItsResult(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithPostStatus(http.StatusNoContent))
	grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: srv.Account("acme").Group("web").Path()}
	srv.Inject(bigvtest.Fault{
		Method: http.MethodGet, Path: "/accounts/acme/groups/web/privileges", Skip: 1, Times: -1, Status: http.StatusForbidden,
	})
	_, granted, err := srv.Client().Privileges.FindOrGrant(t.Context(), "bob", grant, pollQuickly(nil))
	assert.False(t, granted)
	require.ErrorIs(t, err, bigv.ErrInvalidResponse)
	assert.NotErrorIs(t, err, bigv.ErrForbidden, "the grant was not refused")
	assert.ErrorContains(t, err, "find or grant privilege group_admin on web.acme to bob: "+
		"the request succeeded, but the response does not contain the result")
	assert.ErrorContains(t, err, "403")
}
