package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// runYes runs the program with -yes and returns its output.
func runYes(t *testing.T, list string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(t.Context(), append(append([]string{"-yes"}, args...), writeFile(t, list)), &out, io.Discard)
	return out.String(), err
}

func TestEmptyListsChangeNothing(t *testing.T) {
	for name, tt := range map[string]struct{ list, note string }{
		"no users":            {"account: acme\n", "the file has no privileges"},
		"an empty mapping":    {"account: acme\nusers: {}\n", "the file has no privileges"},
		"users without lists": {"account: acme\nusers: {bob: {}, carol: {privileges: []}}\n", "the file has no privileges"},
		"only keys":           {"account: acme\nusers: {alice: {keys: ['" + desk + "']}}\n", "the file has no privileges"},
		"one user without privileges": {
			"account: acme\nusers: {bob: {privileges: []}, alice: {privileges: [{level: account_admin}]}}\n",
			"the file has the user without privileges",
		},
		"no keys": {unchanged + "  alice: {keys: []}\n", "the keys of alice are not removed"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			output, err := runYes(t, tt.list)
			require.NoError(t, err)
			assert.Contains(t, output, tt.note)
			assert.Contains(t, output, "Nothing to change.")
			assert.Equal(t, []string{"bob:vm_admin"}, privileges(t, srv))
			assert.Equal(t, desk, srv.User("alice").AuthorizedKeys())
		})
	}
}

func TestNothingIsRemovedWhoseReplacementFailed(t *testing.T) {
	const list = "account: acme\nusers:\n  bob: {privileges: [{level: group_admin, group: web.acme}]}\n" +
		"  alice: {keys: ['" + laptop + "']}\n"
	for name, tt := range map[string]struct {
		fault      bigvtest.Fault
		privileges []string
		keys       string
		want       string
	}{
		"the grant is refused": {bigvtest.Fault{Method: http.MethodPost, Status: 403}, []string{"bob:vm_admin"}, laptop,
			"- bob: vm_admin on virtual machine www1.web.acme: SKIPPED, because another change to the privileges of bob failed\n"},
		"the response to the grant is lost": {bigvtest.Fault{Method: http.MethodPost, DropAfter: true},
			[]string{"bob:group_admin", "bob:vm_admin"}, laptop, "SKIPPED"},
		"the key is refused": {bigvtest.Fault{Method: http.MethodPut, Status: 403}, []string{"bob:group_admin"}, desk,
			"because another change to the keys of alice failed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			srv.Inject(tt.fault)
			output, err := runYes(t, list, "-own")
			assert.EqualError(t, err, "1 of 4 changes failed, 1 skipped")
			assert.Contains(t, output, tt.want)
			assert.Equal(t, tt.privileges, privileges(t, srv))
			assert.Equal(t, tt.keys, srv.User("alice").AuthorizedKeys())

			_, err = runYes(t, list, "-own")
			require.NoError(t, err)
			assert.Equal(t, []string{"bob:group_admin"}, privileges(t, srv))
			assert.Equal(t, laptop, srv.User("alice").AuthorizedKeys())
			output, err = runYes(t, list, "-own")
			require.NoError(t, err)
			assert.Contains(t, output, "Nothing to change.")
		})
	}
}

func TestConditionsAreKept(t *testing.T) {
	srv := newServer(t)
	www1 := srv.Account("acme").Group("web").VirtualMachine("www1").Path()
	grant := bigv.PrivilegeGrant{
		Level: bigv.VirtualMachineConsole, VirtualMachine: www1, YubikeyRequired: new(true), YubikeyOTPMaxAge: bigv.Set(60),
		IPRestrictions: bigv.Set(json.RawMessage(`["192.0.2.1"]`)),
	}
	_, err := srv.Client().Privileges.Grant(t.Context(), "carol", grant)
	require.NoError(t, err)

	// A higher level on the same machine, then on its group.
	for _, p := range []string{"{level: vm_admin, virtual_machine: www1.web.acme}", "{level: group_admin, group: web.acme}"} {
		list := unchanged + "  carol: {privileges: [" + p + "]}\n"
		output, err := runYes(t, list)
		require.NoError(t, err)
		assert.Contains(t, output, `, with a YubiKey, YubiKey code at most 60 seconds old, only from ["192.0.2.1"]: done`)
		output, err = runYes(t, list)
		require.NoError(t, err)
		assert.Contains(t, output, "Nothing to change.")
	}
	list, err := srv.Client().Privileges.List(t.Context(), bigv.PrivilegeListOptions{Group: srv.Account("acme").Group("web").Path()})
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.True(t, list[0].YubikeyRequired)
	assert.Equal(t, bigv.Set(60), list[0].YubikeyOTPMaxAge)
	assert.JSONEq(t, `["192.0.2.1"]`, string(list[0].IPRestrictions))

	// The file can remove a condition.
	output, err := runYes(t, unchanged+"  carol: {privileges: [{level: group_admin, group: web.acme, yubikey_required: false}]}\n")
	require.NoError(t, err)
	assert.Contains(t, output, "~ carol: group_admin on group web.acme, without a YubiKey")
	list, err = srv.Client().Privileges.List(t.Context(), bigv.PrivilegeListOptions{Group: srv.Account("acme").Group("web").Path()})
	require.NoError(t, err)
	assert.False(t, list[0].YubikeyRequired)
}

func TestOwnPrivilegesAreKept(t *testing.T) {
	srv := newServer(t)
	srv.User("alice").Grant(bigv.VirtualMachineConsole, srv.Account("acme").Group("web").VirtualMachine("www1"))
	output, err := runYes(t, unchanged)
	require.NoError(t, err)
	assert.Contains(t, output, "Note: alice: vm_console on virtual machine www1.web.acme is not revoked: it is your own; see -own.\n"+
		"Nothing to change.")
	assert.Contains(t, privileges(t, srv), "alice:vm_console")

	_, err = runYes(t, unchanged, "-own")
	require.NoError(t, err)
	assert.NotContains(t, privileges(t, srv), "alice:vm_console")
}

// A condition that the caller cannot meet would lock the caller out.
func TestConditionsOfOwnPrivilegesAreKept(t *testing.T) {
	const console = "vm_console, virtual_machine: www1.web.acme"
	for name, tt := range map[string]struct {
		level string
		args  []string
		want  string
	}{
		"without -own": {console, nil, "Note: alice: vm_console on virtual machine www1.web.acme is not changed: " +
			"it is your own; see -own.\nNothing to change."},
		"with -own": {console, []string{"-own"}, "~ alice: vm_console on virtual machine www1.web.acme, with a YubiKey: done\n"},
		"the caller's level": {"account_admin", []string{"-own"},
			"Note: alice: account_admin on the account is not changed: it is not below your own level.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			id := srv.User("alice").Grant(bigv.VirtualMachineConsole, srv.Account("acme").Group("web").VirtualMachine("www1"))
			list := unchanged + "  alice: {privileges: [{yubikey_required: true, level: " + tt.level + "}]}\n"
			if tt.level != console {
				srv.User("alice").Revoke(id)
			}
			output, err := runYes(t, list, tt.args...)
			require.NoError(t, err)
			assert.Contains(t, output, tt.want)
			required := 0
			for _, p := range srv.User("alice").Privileges() {
				if p.YubikeyRequired {
					required++
				}
			}
			assert.Equal(t, strings.Count(tt.want, ": done"), required)
		})
	}
}

// If the conditions of a privilege cannot be changed, the user keeps the other privileges.
func TestNothingIsRevokedIfAnUpdateFailed(t *testing.T) {
	srv := newServer(t)
	srv.User("bob").Grant(bigv.VirtualMachineConsole, srv.Account("acme").Group("web").VirtualMachine("www1"))
	list := strings.Replace(unchanged, "{level", "{yubikey_otp_max_age: 60, level", 1)
	srv.Inject(bigvtest.Fault{Method: http.MethodPut, Path: "/privileges/*", Status: 403})
	output, err := runYes(t, list)
	require.EqualError(t, err, "1 of 2 changes failed, 1 skipped")
	assert.Contains(t, output, "- bob: vm_console on virtual machine www1.web.acme: SKIPPED")
	assert.ElementsMatch(t, []string{"bob:vm_admin", "bob:vm_console"}, privileges(t, srv))

	_, err = runYes(t, list)
	require.NoError(t, err)
	assert.Equal(t, []string{"bob:vm_admin"}, privileges(t, srv))
}

func TestOwnKeysAreKept(t *testing.T) {
	for name, tt := range map[string]struct {
		list, changes string
		args          []string
		without, with string // -own: the caller's keys
	}{
		"a replaced key": {
			"  alice: {keys: ['" + laptop + "']}\n", "Changes:\n  + alice: key", nil, desk + "\n" + laptop, laptop,
		},
		"an empty list": {"  alice: {keys: []}\n", "Nothing to change.", []string{"-allow-empty"}, desk, ""},
		"a name in another case": {
			"  ALICE: {keys: ['" + laptop + "']}\n", "Changes:\n  + alice: key", nil, desk + "\n" + laptop, laptop,
		},
		"the ID": {"  11: {keys: ['" + laptop + "']}\n", "Changes:\n  + alice: key", nil, desk + "\n" + laptop, laptop},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			require.Equal(t, 11, srv.User("alice").ID())
			note := "Note: alice: key " + describeKey(desk) + " is not removed: it is your own; see -own.\n"
			output, err := runYes(t, unchanged+tt.list, tt.args...)
			require.NoError(t, err)
			assert.Contains(t, output, note+tt.changes)
			assert.Equal(t, tt.without, srv.User("alice").AuthorizedKeys())

			output, err = runYes(t, unchanged+tt.list, tt.args...)
			require.NoError(t, err)
			assert.Contains(t, output, note+"Nothing to change.")

			_, err = runYes(t, unchanged+tt.list, append(tt.args, "-own")...)
			require.NoError(t, err)
			assert.Equal(t, tt.with, srv.User("alice").AuthorizedKeys())
		})
	}
}

func TestOwnLevelDoesNotFailForEver(t *testing.T) {
	srv := newServer(t)
	web := srv.Account("acme").Group("web")
	srv.User("dave").Grant(bigv.AccountAdmin, srv.Account("acme"))
	srv.User("erin").Grant(bigv.GroupAdmin, web)
	srv.ClearJournal()
	output, err := runYes(t, unchanged+"  erin: {privileges: [{level: group_admin, group: web.acme}]}\n"+
		"  alice: {privileges: [{level: account_admin}]}\n  dave: {privileges: [{level: account_admin}]}\n")
	require.NoError(t, err)
	assert.Contains(t, output, "Note: dave: account_admin on the account is not granted: only Bytemark's staff")
	assert.Contains(t, output, "Nothing to change.")

	// A group administrator applies a list in which they are themselves.
	t.Setenv("BIGV_TOKEN", srv.User("erin").Token())
	output, err = runYes(t, unchanged+"  erin: {privileges: [{level: group_admin, group: web.acme}]}\n"+
		"  carol: {privileges: [{level: vm_admin, virtual_machine: www1.web.acme}]}\n")
	require.NoError(t, err)
	assert.Contains(t, output, "Changes:\n  + carol: vm_admin on virtual machine www1.web.acme\n\n")
}

func TestTextOfTheServiceIsCleaned(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Path: "/accounts/acme/groups/web/privileges", ContentType: "application/json", Times: -1,
		Body: `[{"id":1,"level":"group_admin","group_id":2,"username":"mal\u202elory\nroot\u001b[2J\u009b1m\u200b",` +
			`"ip_restrictions":"\u202e"}]`})
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{writeFile(t, unchanged)}, &out, io.Discard))
	assert.Contains(t, out.String(), "mal\uFFFDlory\uFFFDroot\uFFFD[2J\uFFFD1m\uFFFD")
	assert.False(t, strings.ContainsAny(out.String(), "\x1b\u009b\u202e\u200b"))
}

// The service may hide other users from the caller, although it lists their privileges.
func TestNameOfAHiddenUserInAnotherCase(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Path: "/users/BOB", Status: 404, Times: -1})
	output, err := runYes(t, strings.Replace(unchanged, "bob", "BOB", 1))
	require.NoError(t, err)
	assert.Contains(t, output, "Nothing to change.")
}

func TestErrorsAreCleaned(t *testing.T) {
	var out bytes.Buffer
	printError(&out, "access", errors.New("a\u202eb\x1b[2J\nc"))
	assert.Equal(t, "access: a\uFFFDb\uFFFD[2J\naccess: c\n", out.String())
}
