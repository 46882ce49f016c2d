package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// environment lists the variables that NewClientFromEnv reads.
var environment = []string{
	"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
	"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
}

// configure makes the example use srv. If srv is nil, it unsets all of the configuration.
func configure(t *testing.T, srv *bigvtest.Server) {
	for _, name := range environment {
		t.Setenv(name, "")
	}
	if srv != nil {
		t.Setenv("BIGV_ENDPOINT", srv.URL())
		t.Setenv("BIGV_TOKEN", srv.Token())
	}
}

const (
	laptop = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o alice@laptop"
	desk   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFaYX0tOy5g2tJ8f3cPdmq1c9S4BqHvE7uNwZr0kLxTd alice@desk"
)

// newServer starts a server on which bob is vm_admin of www1 and alice has an SSH key.
func newServer(t *testing.T) *bigvtest.Server {
	srv := bigvtest.NewServer(t)
	www1 := srv.Account("acme").Group("web").VirtualMachine("www1")
	srv.User("bob").Grant(bigv.VirtualMachineAdmin, www1)
	srv.User("bob").APIKey("deploy")
	srv.User("alice").SetAuthorizedKeys(desk)
	srv.User("carol")
	configure(t, srv)
	return srv
}

// writeFile writes text to a new file and returns the file's name.
func writeFile(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "list.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// privileges returns "user:level" for each privilege on www1, its group and its account. It omits those of API keys.
func privileges(t *testing.T, srv *bigvtest.Server) (all []string) {
	web := srv.Account("acme").Group("web")
	for _, options := range []bigv.PrivilegeListOptions{
		{Account: "acme"}, {Group: web.Path()}, {VirtualMachine: web.VirtualMachine("www1").Path()},
	} {
		list, err := srv.Client().Privileges.List(t.Context(), options)
		require.NoError(t, err)
		for _, p := range list {
			if p.APIKeyID == 0 {
				all = append(all, p.Username+":"+string(p.Level))
			}
		}
	}
	return all
}

const unchanged = "account: acme\nusers:\n  bob:\n    privileges:\n      - {level: vm_admin, virtual_machine: www1.web.acme}\n"

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		list       string
		want       []string // the changes, in order
		privileges []string
		keys       string
	}{
		"no changes": {list: unchanged, privileges: []string{"bob:vm_admin"}, keys: desk},
		"a new privilege": {
			list:       unchanged + "  carol:\n    privileges: [{level: group_admin, group: web.acme}]\n",
			want:       []string{"+ carol: group_admin on group web.acme"},
			privileges: []string{"carol:group_admin", "bob:vm_admin"}, keys: desk,
		},
		"a different level": {
			list:       strings.Replace(unchanged, "vm_admin", "vm_console", 1),
			want:       []string{"+ bob: vm_console on virtual machine www1.web.acme", "- bob: vm_admin on virtual machine www1.web.acme"},
			privileges: []string{"bob:vm_console"}, keys: desk,
		},
		"a user who is not listed": {
			list: "account: acme\n",
			want: []string{"- bob: vm_admin on virtual machine www1.web.acme"}, keys: desk,
		},
		"a privilege listed twice": {
			list:       unchanged + "  carol:\n    privileges:\n" + strings.Repeat("      - {level: group_admin, group: web.acme}\n", 2),
			want:       []string{"+ carol: group_admin on group web.acme"},
			privileges: []string{"carol:group_admin", "bob:vm_admin"}, keys: desk,
		},
		"a replaced key": {
			list: unchanged + "  alice:\n    keys:\n      - ' " + laptop + "'\n",
			want: []string{
				"+ alice: key ssh-ed25519 SHA256:FzNIwDlYnFzUiT5nVYbrNGNJVHI6QdqoI4nLv/vI0ww alice@laptop",
				"- alice: key ssh-ed25519 SHA256:DESK alice@desk",
			},
			privileges: []string{"bob:vm_admin"}, keys: laptop,
		},
		"an empty list of keys": {
			list: unchanged + "  alice:\n    keys: []\n", want: []string{"- alice: key ssh-ed25519 SHA256:DESK alice@desk"},
			privileges: []string{"bob:vm_admin"},
		},
		"a list in JSON": {
			list: `{"account": "acme", "users": {"carol": {"privileges": [
				{"level": "vm_console", "virtual_machine": "www1.web.acme"}]}}}`,
			want: []string{
				"+ carol: vm_console on virtual machine www1.web.acme",
				"- bob: vm_admin on virtual machine www1.web.acme",
			},
			privileges: []string{"carol:vm_console"}, keys: desk,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			name := writeFile(t, tt.list)
			diff := strings.ReplaceAll(strings.Join(tt.want, "\n  "), "SHA256:DESK", strings.Fields(describeKey(desk))[1])

			// Without -yes, the changes are only shown.
			srv.ClearJournal()
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), []string{name}, &out, io.Discard))
			if diff == "" {
				assert.Contains(t, out.String(), "Nothing to change.")
			} else {
				assert.Contains(t, out.String(), "Changes:\n  "+diff+"\n\nNothing was changed.")
			}
			for _, x := range srv.Journal() {
				assert.Equal(t, http.MethodGet, x.Method, "only reads may be sent without -yes")
			}

			// With -yes, they are applied.
			out.Reset()
			require.NoError(t, run(t.Context(), []string{"-yes", name}, &out, io.Discard))
			assert.Equal(t, len(tt.want), strings.Count(out.String(), ": done\n"))
			assert.Equal(t, tt.privileges, privileges(t, srv))
			assert.Equal(t, tt.keys, srv.User("alice").AuthorizedKeys())
			www1 := srv.Account("acme").Group("web").VirtualMachine("www1")
			list, err := srv.Client().Privileges.List(t.Context(), bigv.PrivilegeListOptions{VirtualMachine: www1.Path()})
			require.NoError(t, err)
			assert.True(t, slices.ContainsFunc(list, func(p bigv.Privilege) bool { return p.APIKeyID != 0 }),
				"the privilege of the API key is not revoked")

			// A second run finds nothing to change.
			out.Reset()
			require.NoError(t, run(t.Context(), []string{"-yes", name}, &out, io.Discard))
			assert.Contains(t, out.String(), "Nothing to change.")
		})
	}
}

func TestPrivilegeTable(t *testing.T) {
	srv := newServer(t)
	_, err := srv.Client().Privileges.Grant(t.Context(), "carol", bigv.PrivilegeGrant{
		Level: bigv.GroupAdmin, Group: srv.Account("acme").Group("default").Path(), YubikeyRequired: new(true),
	})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{writeFile(t, unchanged)}, &out, io.Discard))
	assert.Regexp(t, `^USER    LEVEL         ON                              CREDENTIALS
bob     vm_admin      virtual machine www1.web.acme   password
bob     vm_admin      virtual machine www1.web.acme   API key \d+ only
carol   group_admin   group default.acme              password and YubiKey
`, out.String())
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	for _, args := range [][]string{nil, {"-yes"}} {
		var out, stderr bytes.Buffer
		require.NoError(t, run(t.Context(), args, &out, &stderr))
		assert.Contains(t, out.String(), "+ bob: group_admin on group web.acme")
		assert.Equal(t, "No BIGV_ variable is set: using an in-memory server.\n", stderr.String())
		assert.Equal(t, len(args)*6, strings.Count(out.String(), ": done\n"))
	}
}

func TestInvalidLists(t *testing.T) {
	for name, tt := range map[string]struct{ list, want string }{
		"empty":              {"", "EOF"},
		"no account":         {"users: {}\n", "account is required"},
		"a misspelled key":   {"account: acme\nusers:\n  bob:\n    privilege: []\n", "privilege"},
		"a user twice":       {"account: acme\nusers:\n  bob: {}\n  bob: {}\n", "bob"},
		"an unknown account": {"account: nowhere\n", "nowhere"},
		"an unknown level": {
			strings.Replace(unchanged, "vm_admin", "vm_root", 1), "bob: vm_root on virtual machine www1.web.acme: invalid privilege",
		},
		"a level for a group on a machine": {strings.Replace(unchanged, "vm_admin", "group_admin", 1), "invalid privilege"},
		"a level without a target":         {strings.Replace(unchanged, ", virtual_machine: www1.web.acme", "", 1), "invalid privilege"},
		"an unknown machine":               {strings.Replace(unchanged, "www1", "www9", 1), "not found in account acme"},
		"a group of another account": {
			"account: acme\nusers: {bob: {privileges: [{level: group_admin, group: web.other}]}}\n", "not found in account acme",
		},
		"an invalid path": {strings.Replace(unchanged, "www1.web.acme", "a.b.c.d", 1), "a.b.c.d"},
		"an unknown user": {"account: acme\nusers: {nobody: {keys: []}}\n", "the keys of nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			srv.ClearJournal()
			assert.ErrorContains(t, run(t.Context(), []string{"-yes", writeFile(t, tt.list)}, new(bytes.Buffer), io.Discard), tt.want)
			for _, x := range srv.Journal() {
				assert.Equal(t, http.MethodGet, x.Method)
			}
		})
	}
}

func TestInvalidArguments(t *testing.T) {
	newServer(t)
	for args, want := range map[string]string{
		"":                        "give exactly one file",
		"a b":                     "give exactly one file",
		"-yes /nowhere/list.yaml": "no such file",
		"-purge":                  "-purge",
	} {
		assert.ErrorContains(t, run(t.Context(), strings.Fields(args), io.Discard, io.Discard), want, args)
	}
}

// replaceBob is a list that leads to two changes: carol gets a privilege and bob loses his.
const replaceBob = "account: acme\nusers: {carol: {privileges: [{level: group_admin, group: web.acme}]}}\n"

func TestFailedChangeDoesNotStopTheOthers(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, Path: "/users/carol/privileges", Status: 403})
	var out bytes.Buffer
	err := run(t.Context(), []string{"-yes", writeFile(t, replaceBob)}, &out, io.Discard)
	assert.EqualError(t, err, "1 of 2 changes failed")
	assert.Regexp(t, `\+ carol: group_admin on group web.acme: FAILED: .*403`, out.String())
	assert.Contains(t, out.String(), "- bob: vm_admin on virtual machine www1.web.acme: done\n")

	// The second run makes only the change that failed.
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-yes", writeFile(t, replaceBob)}, &out, io.Discard))
	assert.Equal(t, 1, strings.Count(out.String(), ": done\n"))
	assert.Equal(t, []string{"carol:group_admin"}, privileges(t, srv))
}

func TestErrorForASingleChange(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodDelete, Status: 403})
	err := run(t.Context(), []string{"-yes", writeFile(t, "account: acme\n")}, io.Discard, io.Discard)
	assert.EqualError(t, err, "1 of 1 change failed")
}

func TestLostResponseDoesNotGrantTwice(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
	var out bytes.Buffer
	assert.EqualError(t, run(t.Context(), []string{"-yes", writeFile(t, replaceBob)}, &out, io.Discard), "1 of 2 changes failed")
	assert.Contains(t, out.String(), "+ carol: group_admin on group web.acme: FAILED: ")
	require.NoError(t, run(t.Context(), []string{"-yes", writeFile(t, replaceBob)}, &out, io.Discard))
	assert.Contains(t, out.String(), "Nothing to change.")
	assert.Equal(t, []string{"carol:group_admin"}, privileges(t, srv))
	assert.Empty(t, srv.DoneTwice())
}

func TestUnreadablePrivilegesAreAnError(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Path: "/accounts/acme/groups/web/virtual_machines/www1/privileges", Status: 403})
	assert.ErrorIs(t, run(t.Context(), []string{"-yes", writeFile(t, replaceBob)}, new(bytes.Buffer), io.Discard), bigv.ErrForbidden)
	assert.Equal(t, []string{"bob:vm_admin"}, privileges(t, srv), "nothing is changed")
}

var errInterrupted = errors.New("interrupt signal received")

func TestInterrupt(t *testing.T) {
	srv := newServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	out := writer(func(p []byte) {
		if bytes.Contains(p, []byte("carol: group_admin on group web.acme: done")) {
			cancel(errInterrupted)
		}
	})
	err := run(ctx, []string{"-yes", writeFile(t, replaceBob)}, out, io.Discard)
	assert.ErrorIs(t, err, errInterrupted)
	assert.ErrorContains(t, err, "1 of 2 changes made, 0 failed")
	assert.Equal(t, []string{"carol:group_admin", "bob:vm_admin"}, privileges(t, srv), "removals come last")

	assert.ErrorIs(t, run(ctx, []string{writeFile(t, replaceBob)}, out, io.Discard), errInterrupted, "interrupted before the first request")
}

// writer is an io.Writer that calls the function with what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestPrivilegeOfAnAPIKeyIsNotOneOfItsUser(t *testing.T) {
	srv := newServer(t)
	id := srv.User("dave").Grant(bigv.VirtualMachineConsole, srv.Account("acme").Group("web").VirtualMachine("www1"))
	srv.User("dave").APIKey("ci")
	require.NoError(t, srv.Client().Privileges.Revoke(t.Context(), id))
	var out bytes.Buffer
	list := writeFile(t, unchanged+"  dave:\n    privileges: [{level: vm_console, virtual_machine: www1.web.acme}]\n")
	require.NoError(t, run(t.Context(), []string{list}, &out, io.Discard))
	assert.Contains(t, out.String(), "+ dave: vm_console on virtual machine www1.web.acme")
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of access:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of access:\n")
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, []string{"-yes", writeFile(t, unchanged)}, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}
