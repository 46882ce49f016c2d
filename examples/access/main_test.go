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
	"strconv"
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
		args       []string
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
			list: "account: acme\n", args: []string{"-allow-empty"},
			want: []string{"- bob: vm_admin on virtual machine www1.web.acme"}, keys: desk,
		},
		"a privilege listed twice": {
			list:       unchanged + "  carol:\n    privileges:\n" + strings.Repeat("      - {level: group_admin, group: web.acme}\n", 2),
			want:       []string{"+ carol: group_admin on group web.acme"},
			privileges: []string{"carol:group_admin", "bob:vm_admin"}, keys: desk,
		},
		"a replaced key": {
			list: unchanged + "  alice:\n    keys:\n      - ' " + laptop + "'\n", args: []string{"-own"},
			want: []string{
				"+ alice: key ssh-ed25519 SHA256:FzNIwDlYnFzUiT5nVYbrNGNJVHI6QdqoI4nLv/vI0ww alice@laptop",
				"- alice: key ssh-ed25519 SHA256:DESK alice@desk",
			},
			privileges: []string{"bob:vm_admin"}, keys: laptop,
		},
		"an empty list of keys": {
			list: unchanged + "  alice:\n    keys: []\n", args: []string{"-allow-empty", "-own"},
			want:       []string{"- alice: key ssh-ed25519 SHA256:DESK alice@desk"},
			privileges: []string{"bob:vm_admin"},
		},
		"a user name in another case": {
			list: strings.Replace(unchanged, "bob", "BOB", 1), privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"a user by ID, with a comment": {
			list: strings.Replace(unchanged, "bob:", "BOB_ID: # bob", 1), privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"a user by ID in its other form": {
			list: strings.Replace(unchanged, "bob:", "'#BOB_ID':", 1), privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"a machine by ID": {
			list: strings.Replace(unchanged, "www1.web.acme", "'#MACHINE_ID'", 1), privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"a machine by host name, in an account by ID": {
			list: strings.NewReplacer("www1.web.acme", "www1.web.acme.uk0.bigv.io", "account: acme", "account: ACCOUNT_ID").
				Replace(unchanged),
			privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"an anchor": {
			list:       strings.Replace(unchanged, "privileges:", "privileges: &ops", 1) + "  carol: {privileges: *ops}\n",
			want:       []string{"+ carol: vm_admin on virtual machine www1.web.acme"},
			privileges: []string{"bob:vm_admin", "carol:vm_admin"}, keys: desk,
		},
		"the caller's own level": {
			list: unchanged + "  Alice: {privileges: [{level: account_admin}]}\n", privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"the caller's level for another user": {
			list: unchanged + "  carol: {privileges: [{level: account_admin}]}\n", privileges: []string{"bob:vm_admin"}, keys: desk,
		},
		"a key twice": {
			list:       unchanged + "  alice: {keys: ['" + desk + "', '" + laptop + "', '" + laptop + " ']}\n",
			want:       []string{"+ alice: key ssh-ed25519 SHA256:FzNIwDlYnFzUiT5nVYbrNGNJVHI6QdqoI4nLv/vI0ww alice@laptop"},
			privileges: []string{"bob:vm_admin"}, keys: desk + "\n" + laptop,
		},
		"a condition": {
			list:       strings.Replace(unchanged, "{level", "{yubikey_required: true, yubikey_otp_max_age: 300, level", 1),
			want:       []string{"~ bob: vm_admin on virtual machine www1.web.acme, with a YubiKey, YubiKey code at most 300 seconds old"},
			privileges: []string{"bob:vm_admin"}, keys: desk,
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
			www1 := srv.Account("acme").Group("web").VirtualMachine("www1")
			args := append(tt.args, writeFile(t, strings.NewReplacer("BOB_ID", strconv.Itoa(srv.User("bob").ID()),
				"MACHINE_ID", strconv.Itoa(www1.ID()), "ACCOUNT_ID", strconv.Itoa(srv.Account("acme").ID())).Replace(tt.list)))
			diff := strings.ReplaceAll(strings.Join(tt.want, "\n  "), "SHA256:DESK", strings.Fields(describeKey(desk))[1])

			// Without -yes, the changes are only shown.
			srv.ClearJournal()
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), args, &out, io.Discard))
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
			require.NoError(t, run(t.Context(), append([]string{"-yes"}, args...), &out, io.Discard))
			assert.Equal(t, len(tt.want), strings.Count(out.String(), ": done\n"))
			assert.Equal(t, tt.privileges, privileges(t, srv))
			assert.Equal(t, tt.keys, srv.User("alice").AuthorizedKeys())
			list, err := srv.Client().Privileges.List(t.Context(), bigv.PrivilegeListOptions{VirtualMachine: www1.Path()})
			require.NoError(t, err)
			assert.True(t, slices.ContainsFunc(list, func(p bigv.Privilege) bool { return p.APIKeyID != 0 }),
				"the privilege of the API key is not revoked")

			// A second run finds nothing to change.
			out.Reset()
			require.NoError(t, run(t.Context(), append([]string{"-yes"}, args...), &out, io.Discard))
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
	assert.Regexp(t, `^USER    LEVEL           ON                              CREDENTIALS
alice   account_admin   the account                     password
alice   account_admin   the account                     API key \d+ only
bob     vm_admin        virtual machine www1.web.acme   password
bob     vm_admin        virtual machine www1.web.acme   API key \d+ only
carol   group_admin     group default.acme              password and YubiKey
`, out.String())
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	for _, args := range [][]string{nil, {"-yes"}} {
		var out, stderr bytes.Buffer
		require.NoError(t, run(t.Context(), args, &out, &stderr))
		assert.Contains(t, out.String(), "+ bob: group_admin on group web.acme")
		assert.Equal(t, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n", stderr.String())
		assert.Equal(t, len(args)*5, strings.Count(out.String(), ": done\n"))
	}
}

func TestInvalidLists(t *testing.T) {
	for name, tt := range map[string]struct{ list, want string }{
		"empty":                               {"", "the file is empty"},
		"only comments":                       {"# nobody\n", "the file is empty"},
		"null":                                {"null\n", "line 1, column 1: the document has no value"},
		"a list":                              {"- account: acme\n", "line 1, column 1: the document must be a mapping"},
		"two documents":                       {"account: acme\n---\n" + unchanged, "more than one document"},
		"two documents, the first one empty":  {"---\n# nobody\n---\n" + unchanged, "more than one document"},
		"a second document that is cut short": {unchanged + "---\nusers: [", "line 7"},
		"no account":                          {"users: {}\n", "account is required"},
		"an empty account":                    {"account: ''\n", "account is required"},
		"an account without a value":          {"account:\nusers: {}\n", "line 1, column 9: account has no value"},
		"users with comments only":            {"account: acme\nusers:\n  # nobody\n", "line 2, column 7: users has no value"},
		"users as a list":                     {"account: acme\nusers: [bob]\n", "line 2, column 8: users must be a mapping"},
		"a user without a value":              {"account: acme\nusers:\n  bob:\n", "line 3, column 7: bob has no value"},
		"privileges with comments only": {
			"account: acme\nusers:\n  bob:\n    privileges:\n    # none\n",
			"line 4, column 16: privileges has no value",
		},
		"privileges as a mapping": {
			"account: acme\nusers: {bob: {privileges: {level: x}}}\n", "line 2, column 27: privileges must be a list",
		},
		"a privilege as a text": {
			"account: acme\nusers: {bob: {privileges: [vm_admin]}}\n", "line 2, column 28: privileges[0] must be a mapping",
		},
		"keys as a text":       {"account: acme\nusers: {bob: {keys: " + desk + "}}\n", "line 2, column 21: keys must be a list"},
		"keys without a value": {"account: acme\nusers: {alice: {keys: }}\n", "keys has no value"},
		"a number as a level": {
			"account: acme\nusers: {bob: {privileges: [{level: 2.5}]}}\n", "line 2, column 36: level must be a text",
		},
		"a text as a condition": {
			strings.Replace(unchanged, "{level", "{yubikey_required: 'no', level", 1),
			"line 5, column 28: yubikey_required must be true or false",
		},
		"a fraction as an age": {
			strings.Replace(unchanged, "{level", "{yubikey_otp_max_age: 2.5, level", 1),
			"line 5, column 31: yubikey_otp_max_age must be a whole number",
		},
		"a misspelled key": {
			"account: acme\nusers:\n  bob:\n    privilege: []\n", "line 4, column 5: unknown key \"privilege\"",
		},
		"a user twice":                    {"account: acme\nusers:\n  bob: {}\n  bob: {}\n", "line 4, column 3: duplicate key \"bob\""},
		"a user twice in different cases": {"account: acme\nusers: {bob: {}, Bob: {}}\n", "user bob is listed twice"},
		"users twice":                     {unchanged + "users: {}\n", "line 6, column 1: duplicate key \"users\""},
		"a merge key": {
			"account: acme\nusers: {bob: &b {}, carol: {<<: *b}}\n", "line 2, column 29: merge keys are not supported",
		},
		"an alias of its own parent": {"account: acme\nusers: &u {bob: *u}\n", "line 2, column 12: unknown key \"bob\""},
		"an unknown user ID":         {"account: acme\nusers: {99999: {}}\n", "looking up user 99999"},
		"an empty key":               {"account: acme\nusers: {alice: {keys: ['']}}\n", "alice: keys[0] is empty or a comment"},
		"a private key": {
			"account: acme\nusers: {alice: {keys: ['-----BEGIN OPENSSH PRIVATE KEY-----']}}\n", "alice: keys[0] contains a private key",
		},
		"an unknown account": {"account: nowhere\n", "nowhere"},
		"an unknown level": {
			strings.Replace(unchanged, "vm_admin", "vm_root", 1), "bob: vm_root on virtual machine www1.web.acme is not a privilege",
		},
		"a level for a group on a machine": {strings.Replace(unchanged, "vm_admin", "group_admin", 1), "group_admin with a group"},
		"a level without a target": {
			strings.Replace(unchanged, ", virtual_machine: www1.web.acme", "", 1), "group_admin with a group",
		},
		"an unknown machine": {strings.Replace(unchanged, "www1", "www9", 1), "not found in account acme"},
		"a group of another account": {
			"account: acme\nusers: {bob: {privileges: [{level: group_admin, group: web.other}]}}\n", "not found in account acme",
		},
		"a privilege twice with different conditions": {
			unchanged + "  carol:\n    privileges:\n    - {level: group_admin, group: web.acme, yubikey_required: true}\n" +
				"    - {level: group_admin, group: Web.acme}\n",
			"carol: group_admin on group web.acme is listed twice, with different conditions",
		},
		"an invalid path": {strings.Replace(unchanged, "www1.web.acme", "a.b.c.d", 1), "a.b.c.d"},
		"an unknown user": {"account: acme\nusers: {nobody: {keys: ['" + desk + "']}}\n", "the keys of nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			srv.ClearJournal()
			err := run(t.Context(), []string{"-yes", "-allow-empty", writeFile(t, tt.list)}, io.Discard, io.Discard)
			assert.ErrorContains(t, err, tt.want)
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
	err := run(t.Context(), []string{"-yes", "-allow-empty", writeFile(t, "account: acme\n")}, io.Discard, io.Discard)
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
	var output strings.Builder
	out := writer(func(p []byte) {
		output.Write(p)
		if bytes.Contains(p, []byte("carol: group_admin on group web.acme: done")) {
			cancel(errInterrupted)
		}
	})
	err := run(ctx, []string{"-yes", writeFile(t, replaceBob)}, out, io.Discard)
	assert.ErrorIs(t, err, errInterrupted)
	assert.ErrorContains(t, err, "1 of 2 changes made, 0 failed")
	assert.Contains(t, output.String(), "- bob: vm_admin on virtual machine www1.web.acme: not started\n")
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
	assert.Contains(t, stderr.String(), "Usage of access [flags] file:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of access [flags] file:\n")
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
