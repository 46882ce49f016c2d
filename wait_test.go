package bigv_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pollQuickly returns options to poll every millisecond or two.
func pollQuickly(onPoll func(bigv.Poll)) bigv.WaitOptions {
	return bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: 2 * time.Millisecond, OnPoll: onPoll}
}

// newMachine returns the machine that most tests create.
func newMachine(name string) bigv.VirtualMachineCreate {
	return bigv.VirtualMachineCreate{Name: name, PowerOn: new(true), AutorebootOn: new(true),
		Discs: []bigv.DiscCreate{{Label: "root", Size: 25600}}}
}

func TestWaitForPoweredOn(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	created, err := client.VirtualMachines.Create(t.Context(), web, newMachine("www1"))
	require.NoError(t, err)
	require.True(t, created.Provisioning)
	var states []string
	vm, err := client.VirtualMachines.Wait(t.Context(), created.Path(), bigv.PoweredOn, pollQuickly(func(p bigv.Poll) {
		states = append(states, p.State)
		assert.Equal(t, len(states), p.Number)
		assert.Equal(t, created.ID, p.VirtualMachine.ID)
		assert.NoError(t, p.Err)
		assert.Positive(t, p.Next)
		srv.Advance(bigvtest.ProvisioningTime / 2)
	}))
	require.NoError(t, err)
	assert.True(t, vm.PowerOn)
	assert.Equal(t, []string{"off, autoreboot on, being provisioned", "off, autoreboot on, being provisioned"}, states)
}

func TestWaitToleratesTransientErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault bigvtest.Fault
	}{
		{"a server error", bigvtest.Fault{Status: 500}},
		{"unavailable", bigvtest.Unavailable()},
		{"an HTML page of a proxy", bigvtest.BadGateway()},
		{"not found just after it was created", bigvtest.Fault{Status: 404}},
		{"connection lost", bigvtest.Fault{DropBefore: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			tt.fault.Method, tt.fault.Times = http.MethodGet, 2
			srv.Inject(tt.fault)
			polls := 0
			options := pollQuickly(func(p bigv.Poll) {
				polls++
				assert.Error(t, p.Err)
				assert.Equal(t, "not seen", p.State)
			})
			seen, err := srv.Client(once).VirtualMachines.Wait(t.Context(), vm.Path(), bigv.PoweredOn, options)
			require.NoError(t, err)
			assert.Equal(t, vm.ID(), seen.ID)
			assert.Equal(t, 2, polls)
		})
	}
}

// A response to a poll that is cut short is tolerated, however it is framed.
func TestWaitToleratesTruncatedResponses(t *testing.T) {
	const start, whole = `{"id":5012,"na`, fakeserver.VirtualMachine5012
	for name, response := range map[string]string{
		"known length":  "Content-Length: 1000\r\n\r\n" + start,
		"chunked":       "Transfer-Encoding: chunked\r\n\r\n5\r\n" + start[:5] + "\r\n",
		"until closed":  "\r\n" + start,
		"compressed":    "Content-Encoding: gzip\r\n\r\n" + string(compress(t, whole)[:20]),
		"headers only":  "Content-Length: 1000\r\n\r\n",
		"a whole chunk": "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			cut := respondRaw("HTTP/1.1 200 OK\r\n" + response)
			srv := fakeserver.New(t, sequence(cut, cut, fakeserver.Service))
			polls := 0
			seen, err := newClient(t, srv, once).VirtualMachines.Wait(t.Context(), www1, bigv.Provisioned, pollQuickly(func(p bigv.Poll) {
				polls++
				assert.ErrorIs(t, p.Err, bigv.ErrInvalidResponse)
			}))
			require.NoError(t, err)
			assert.NotZero(t, seen.ID)
			assert.Equal(t, 2, polls)
		})
	}
}

func TestWaitErrors(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	for _, tt := range []struct {
		name                   string
		setUp                  func(*bigvtest.Server, *bigvtest.VirtualMachine)
		until                  bigv.VirtualMachineCondition
		timeout, notFoundGrace time.Duration
		cancel                 bool
		is                     []error
		message                string
	}{
		{name: "timeout", until: bigv.PoweredOn, setUp: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetPower(false) },
			timeout: 300 * time.Millisecond, is: []error{context.DeadlineExceeded}, message: "last seen: off"},
		{name: "cancelled with a cause", until: bigv.PoweredOn,
			setUp:  func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetPower(false) },
			cancel: true, is: []error{context.Canceled, stop}, message: "stop"},
		{name: "autoreboot will turn it on again", until: bigv.PoweredOff, is: nil, message: "autoreboot is on"},
		{name: "deleted", until: bigv.PoweredOn, setUp: func(_ *bigvtest.Server, vm *bigvtest.VirtualMachine) { vm.SetDeleted(true) },
			message: "the machine is deleted"},
		{name: "the condition returns an error", until: func(bigv.VirtualMachine) (bool, error) { return false, stop }, is: []error{stop},
			message: "the condition can no longer be met"},
		{name: "unauthorized", until: bigv.PoweredOn,
			setUp: func(srv *bigvtest.Server, _ *bigvtest.VirtualMachine) { srv.ExpireSessions() }, is: []error{bigv.ErrUnauthorized},
			message: "401"},
		{name: "never found", until: bigv.PoweredOn, setUp: func(srv *bigvtest.Server, _ *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: "GET", Status: 404, Times: -1})
		}, notFoundGrace: 10 * time.Millisecond, is: []error{bigv.ErrNotFound}, message: "last seen: not seen"},
		{name: "every poll fails", until: bigv.PoweredOn, setUp: func(srv *bigvtest.Server, _ *bigvtest.VirtualMachine) {
			srv.Inject(bigvtest.Fault{Method: "GET", Status: 500, Times: -1})
		}, is: []error{bigv.ErrServer}, message: "10 polls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			if tt.setUp != nil {
				tt.setUp(srv, vm)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			options := pollQuickly(nil)
			options.Timeout, options.NotFoundGrace = tt.timeout, tt.notFoundGrace
			if tt.cancel {
				options.OnPoll = func(bigv.Poll) { cancel(stop) }
			}
			seen, err := srv.Client(once).VirtualMachines.Wait(ctx, vm.Path(), tt.until, options)
			failure, ok := errors.AsType[*bigv.WaitError](err)
			require.True(t, ok, "%v", err)
			assert.ErrorContains(t, err, tt.message)
			assert.ErrorContains(t, err, "wait for virtual machine www1.web.acme")
			for _, kind := range tt.is {
				assert.ErrorIs(t, err, kind)
			}
			assert.Equal(t, failure.Last.VirtualMachine, seen, "the machine as last seen is returned, too")
		})
	}
}

func TestWaitForDeleted(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	require.NoError(t, client.VirtualMachines.Delete(t.Context(), vm.Path()))
	seen, err := client.VirtualMachines.Wait(t.Context(), vm.Path(), bigv.Deleted, pollQuickly(nil))
	require.NoError(t, err)
	assert.True(t, seen.Deleted)
	require.NoError(t, client.VirtualMachines.Purge(t.Context(), vm.Path()))
	_, err = client.VirtualMachines.Wait(t.Context(), bigv.VirtualMachineID(vm.ID()), bigv.Deleted, pollQuickly(nil))
	require.NoError(t, err)
}

func TestWaitFor(t *testing.T) {
	polls := 0
	got, err := bigv.WaitFor(t.Context(), "the backup", func(context.Context) (int, error) {
		polls++
		return polls, nil
	}, func(n int) (bool, error) { return n == 3, nil }, pollQuickly(nil))
	require.NoError(t, err)
	assert.Equal(t, 3, got)
	_, err = bigv.WaitFor[int](t.Context(), "the backup", nil, nil, bigv.WaitOptions{})
	assert.ErrorContains(t, err, "wait for the backup")
}

func TestDiscWait(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 25600)
	seen, err := srv.Client().Discs.Wait(t.Context(), disc.Path(), bigv.Restored, pollQuickly(nil))
	require.NoError(t, err)
	assert.Equal(t, disc.ID(), seen.ID)
}

// In the flat URL style a machine is found in a list, which does not show whether it is being provisioned.
func TestWaitForProvisionedWithFlatURLs(t *testing.T) {
	srv := bigvtest.NewServer(t)
	path := srv.Account("acme").Group("web").Path()
	client := srv.Client(bigv.WithURLStyle(bigv.FlatURLs))
	create := bigv.VirtualMachineCreate{Name: "new1", Discs: []bigv.DiscCreate{{Size: 25600}}}
	vm, err := client.VirtualMachines.Create(t.Context(), path, create)
	require.NoError(t, err)
	require.True(t, vm.Provisioning)
	polls := 0
	options := pollQuickly(func(bigv.Poll) {
		if polls++; polls == 2 {
			srv.Advance(bigvtest.ProvisioningTime)
		}
	})
	_, err = client.VirtualMachines.Wait(t.Context(), path.VirtualMachine("new1"), bigv.Provisioned, options)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, polls, 2, "polls that found it being provisioned")
}

// A negative option of a wait is an error, and no method with options sends anything.
func TestNegativeWaitOptions(t *testing.T) {
	for name, options := range map[string]bigv.WaitOptions{
		"MinInterval": {MinInterval: -1}, "MaxInterval": {MaxInterval: -1}, "Timeout": {Timeout: -1}, "NotFoundGrace": {NotFoundGrace: -1},
	} {
		for method, call := range waitingMethods(options, bigv.ShutdownOptions{Wait: options}) {
			srv := bigvtest.NewServer(t)
			err := call(t.Context(), srv.Client())
			assert.ErrorContains(t, err, notSentText, "%s %s", method, name)
			assert.ErrorContains(t, err, name, "%s %s", method, name)
			assert.Empty(t, srv.Journal(), "%s %s", method, name)
		}
	}
	for method, call := range waitingMethods(bigv.WaitOptions{Timeout: -1}, bigv.ShutdownOptions{ForceAfter: -1}) {
		srv := bigvtest.NewServer(t)
		assert.ErrorContains(t, call(t.Context(), srv.Client()), "must not be negative", method)
		assert.Empty(t, srv.Journal(), method)
	}
}

// waitingMethods returns calls of the methods that wait, with options.
func waitingMethods(
	options bigv.WaitOptions, shutdown bigv.ShutdownOptions,
) map[string]func(context.Context, *bigv.Client) error {
	return map[string]func(context.Context, *bigv.Client) error{
		"WaitFor": func(ctx context.Context, _ *bigv.Client) error {
			return errorOf(bigv.WaitFor(ctx, "it", func(context.Context) (int, error) { return 1, nil },
				func(int) (bool, error) { return true, nil }, options))
		},
		"VirtualMachines.Wait": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Wait(ctx, www1, bigv.PoweredOn, options))
		},
		"Discs.Wait": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Discs.Wait(ctx, root, bigv.Restored, options))
		},
		"Backups.Wait": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Backups.Wait(ctx, root.Backup("nightly"), bigv.InColdStorage, options))
		},
		"CreateAndWait": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.CreateAndWait(ctx, web, least, options))
		},
		"ShutdownAndWait": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.ShutdownAndWait(ctx, www1, shutdown))
		},
		"ShutdownAndWait by ID": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.ShutdownAndWait(ctx, bigv.VirtualMachineID(5012), shutdown))
		},
		"RestartAndWait": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.RestartAndWait(ctx, www1, shutdown))
		},
		"UpdateAndRestart": func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.UpdateAndRestart(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(2048)}, shutdown))
		},
	}
}

// A wait does not poll before the time that the service has requested.
func TestWaitHonoursRetryAfter(t *testing.T) {
	srv := fakeserver.New(t, sequence(fakeserver.Respond(503, "", "Retry-After", "1"), fakeserver.Service))
	started := time.Now()
	_, err := newClient(t, srv).VirtualMachines.Wait(t.Context(), www1, bigv.Provisioned, pollQuickly(nil))
	require.NoError(t, err)
	assert.Len(t, srv.Requests(), 2)
	assert.GreaterOrEqual(t, time.Since(started), time.Second)
}
