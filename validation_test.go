package bigv_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests check what every method refuses before it sends anything: ended contexts and bad paths. What a single method refuses
// is in the rows of its resource, such as discRefusedRows.

// Without this, the tests below would accept any refusal.
func TestExampleArgsAreValid(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(m method) {
		if m.name == "Sessions.KeepAlive" || m.name == "Users.RemoveKey" { // KeepAlive does not return, and there is no key to remove
			return
		}
		// The machine is off at first, so that the restarting methods need no shutdown.
		client := start(t, fakeserver.Table(t, responses{
			"GET " + www1URL: fakeserver.Sequence(vmOff, vm5012), "GET " + rootURL + "/backups": `[{"id":1,"label":"nightly"}]`,
			"POST /api_keys": `{"id":1,"api_key":"k3y"}`, "GET /users/alice": `{"id":12,"authorized_keys":""}`,
			"GET " + webURL + "/virtual_machines/www2": `{"id":5013}`,
		}))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := m.call(ctx, client, m.exampleArgs(t, bigv.WaitOptions{OnPoll: func(bigv.Poll) { cancel() }})...)
		assert.False(t, err != nil && strings.Contains(err.Error(), "not sent"), "%s: %v", m.name, err)
	})
}

func TestEveryMethodRefusesAnEndedContext(t *testing.T) {
	t.Parallel()
	srv := fakeserver.New(t, nil)
	client := newClient(t, srv)
	var noContext context.Context
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user went home"))
	expired, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	eachMethod(t, func(m method) {
		_, err := m.call(noContext, client, m.exampleArgs(t)...)
		require.ErrorContains(t, err, "context", m.name)
		require.ErrorContains(t, err, "nil", m.name)
		_, err = m.call(cancelled, client, m.exampleArgs(t)...)
		require.ErrorIs(t, err, context.Canceled, m.name)
		require.ErrorContains(t, err, "the user went home", m.name)
		assertNoSecrets(t, err, rowSecrets...)
		_, err = m.call(expired, client, m.exampleArgs(t)...)
		require.ErrorIs(t, err, context.DeadlineExceeded, m.name)
	})
	assert.Empty(t, srv.Sent())
}

// badSegments are what no segment of a path may be.
var badSegments = []string{"", " www1", "www1 ", "www1/",
	".", "..", "a\x00b", "a\nb", "\t", "\x7f", "\u0085", "0", "00", "-1", "-0", "\xff"}

// badPaths returns paths and IDs that are refused, by their type: each has one bad segment at one level, an ID that is not
// positive, or no segments at all.
func badPaths() map[reflect.Type][]any {
	var accounts []bigv.AccountPath
	var users []bigv.UserPath
	var groups []bigv.GroupPath
	var vms []bigv.VirtualMachinePath
	var discs []bigv.DiscPath
	var nics []bigv.NICPath
	var backups []bigv.BackupPath
	for _, bad := range badSegments {
		accounts = append(accounts, bigv.AccountPath(bad))
		users = append(users, bigv.UserPath(bad))
		groups = append(groups, acme.Group(bad), bigv.AccountPath(bad).Group("web"), bigv.AccountPath(bad).Group("78"))
		vms = append(vms, web.VirtualMachine(bad), bigv.GroupID(78).VirtualMachine(bad))
		discs = append(discs, www1.Disc(bad), bigv.VirtualMachineID(5012).Disc(bad), bigv.GroupID(78).VirtualMachine("www1").Disc(bad))
		backups = append(backups, root.Backup(bad), bigv.DiscID(9001).Backup(bad))
	}
	for _, id := range []int{0, -1, -5012} {
		accounts = append(accounts, bigv.AccountID(id))
		users = append(users, bigv.UserID(id))
		groups = append(groups, bigv.GroupID(id))
		vms = append(vms, bigv.VirtualMachineID(id))
		discs = append(discs, bigv.DiscID(id))
		nics = append(nics, bigv.NICID(id), www1.NIC(id), bigv.VirtualMachineID(5012).NIC(id))
		backups = append(backups, bigv.BackupID(id))
	}
	groups = append(groups, bigv.GroupPath{})
	for _, group := range groups {
		vms = append(vms, group.VirtualMachine("www1"), group.VirtualMachine("5012"))
	}
	vms = append(vms, bigv.VirtualMachinePath{})
	for _, vm := range vms {
		discs = append(discs, vm.Disc("root"), vm.Disc("900"))
		nics = append(nics, vm.NIC(6100))
	}
	discs = append(discs, bigv.DiscPath{}, bigv.AccountPath("").Group("").VirtualMachine("").Disc(""))
	for _, disc := range discs {
		backups = append(backups, disc.Backup("nightly"), disc.Backup("9100"))
	}
	nics = append(nics, bigv.NICPath{})
	backups = append(backups, bigv.BackupPath{}, bigv.BackupID(9100)) // a backup is found by its disc only

	byType := map[reflect.Type][]any{
		reflect.TypeFor[int]():        {0, -1},
		reflect.TypeFor[netip.Addr](): {netip.Addr{}, netip.MustParseAddr("fe80::1%eth0")},
	}
	addBad(byType, accounts)
	addBad(byType, users)
	addBad(byType, groups)
	addBad(byType, vms)
	addBad(byType, discs)
	addBad(byType, nics)
	addBad(byType, backups)
	return byType
}

func addBad[P any](byType map[reflect.Type][]any, paths []P) {
	for _, path := range paths {
		byType[reflect.TypeFor[P]()] = append(byType[reflect.TypeFor[P]()], path)
	}
}

// refusesBadPaths calls f in both URL styles, with a client that has a default account, which must not replace a missing account. It
// fails the test if anything was sent.
func refusesBadPaths(t *testing.T, f func(style string, c *bigv.Client)) {
	t.Helper()
	for style, opts := range map[string][]bigv.Option{"nested": acmeDefault, "flat": flatDefault} {
		srv := fakeserver.New(t, nil)
		f(style, newClient(t, srv, opts...))
		assert.Empty(t, srv.Sent(), style)
	}
}

func TestEveryMethodRefusesABadPath(t *testing.T) {
	t.Parallel()
	bad := badPaths()
	checked := 0
	refusesBadPaths(t, func(style string, c *bigv.Client) {
		eachMethod(t, func(m method) {
			args := m.exampleArgs(t)
			for i, arg := range args {
				for _, path := range bad[reflect.TypeOf(arg)] {
					if m.name == "APIKeys.Find" && path == bigv.UserPath("") {
						continue // which is any user
					}
					changed := slices.Clone(args)
					changed[i] = path
					_, err := m.call(t.Context(), c, changed...)
					requireNotSent(t, err, "%s, %s: %T %q", style, m.name, path, path)
					checked++
				}
			}
		})
	})
	assert.Greater(t, checked, 5000)
}

// requireNotSent does what assertNotSent does, and ends the test if it fails, so that a walk over all methods fails once.
func requireNotSent(t *testing.T, err error, format string, args ...any) {
	t.Helper()
	if assertNotSent(t, err, format, args...); t.Failed() {
		t.FailNow()
	}
}

func TestEveryListRefusesABadFilter(t *testing.T) {
	t.Parallel()
	bad := badPaths()
	filters := map[string]bool{}
	refusesBadPaths(t, func(style string, c *bigv.Client) {
		eachMethod(t, func(m method) {
			if !strings.HasSuffix(m.name, ".List") && !strings.HasSuffix(m.name, ".All") {
				return
			}
			if len(m.params) != 1 || m.params[0].Kind() != reflect.Struct || !strings.HasSuffix(m.params[0].Name(), "ListOptions") {
				return // which has no filter
			}
			for i := range m.params[0].NumField() {
				name := m.name + " " + m.params[0].Field(i).Name
				options := reflect.New(m.params[0]).Elem()
				for _, path := range bad[options.Field(i).Type()] {
					if options.Field(i).Set(reflect.ValueOf(path)); options.Field(i).IsZero() {
						continue // which is no filter
					}
					_, err := m.call(t.Context(), c, options.Interface())
					requireNotSent(t, err, "%s, %s: %T %q", style, name, path, path)
					filters[name] = true
				}
			}
		})
	})
	assert.Greater(t, len(filters), 15)
}

func TestBadPathsInValuesAreRefused(t *testing.T) {
	t.Parallel()
	bad := badPaths()
	refusesBadPaths(t, func(style string, c *bigv.Client) {
		grant := func(grant bigv.PrivilegeGrant) error { return just(c.Privileges.Grant(t.Context(), "bob", grant)) }
		for _, path := range bad[reflect.TypeFor[bigv.AccountPath]()] {
			account := path.(bigv.AccountPath)
			requireNotSent(t, grant(bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: account}), "%s: grant on %q", style, path)
			_, err := c.VMDefaults.Create(t.Context(), bigv.VMDefaultCreate{Account: account, Name: "small"})
			requireNotSent(t, err, "%s: template in %q", style, path)
		}
		for _, path := range bad[reflect.TypeFor[bigv.GroupPath]()] {
			group := path.(bigv.GroupPath)
			requireNotSent(t, grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group}), "%s: grant on %q", style, path)
		}
		for _, path := range bad[reflect.TypeFor[bigv.VirtualMachinePath]()] {
			vm := path.(bigv.VirtualMachinePath)
			requireNotSent(
				t, grant(bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: vm}), "%s: grant on %q", style, path,
			)
			for _, swap := range []bigv.IPSwap{{VirtualMachine1: vm, VirtualMachine2: www1}, {VirtualMachine1: www1, VirtualMachine2: vm}} {
				requireNotSent(t, c.IPs.Swap(t.Context(), swap), "%s: swap with %q", style, path)
			}
		}
	})
}

// An update without attributes would change nothing, so it is a mistake of the caller.
func TestEmptyUpdatesAreNotSent(t *testing.T) {
	client := start(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL) })
	for name, err := range map[string]error{
		"update virtual machine www1.web.acme": errorOf(client.VirtualMachines.Update(t.Context(), www1, bigv.VirtualMachineUpdate{})),
		"update disc root.www1.web.acme":       errorOf(client.Discs.Update(t.Context(), root, bigv.DiscUpdate{})),
		"update user alice":                    errorOf(client.Users.Update(t.Context(), "alice", bigv.UserUpdate{})),
		"update privilege 31":                  errorOf(client.Privileges.Update(t.Context(), 31, bigv.PrivilegeUpdate{})),
		"update IP 192.0.2.20":                 errorOf(client.IPs.Update(t.Context(), ip20, bigv.IPUpdate{})),
	} {
		assert.EqualError(t, err, "bigv: "+name+": not sent: the update is empty: set at least one attribute")
	}
	updates := 0
	eachMethod(t, func(m method) {
		args := m.exampleArgs(t)
		last := len(m.params) - 1
		if !strings.HasSuffix(m.name, ".Update") {
			return
		}
		updates++
		args[last] = reflect.Zero(m.params[last]).Interface()
		_, err := m.call(t.Context(), client, args...)
		assert.ErrorContains(t, err, ": not sent: the update is empty", m.name)
	})
	assert.GreaterOrEqual(t, updates, 5)
	// Neither are the lookups of the parents.
	_, err := client.VirtualMachines.Update(t.Context(), bigv.VirtualMachineID(5012), bigv.VirtualMachineUpdate{})
	assert.EqualError(t, err, "bigv: update virtual machine #5012: not sent: the update is empty: set at least one attribute")
}
