package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// configure has the example work on a server of the test's. Nil configures
// nothing.
func configure(t *testing.T, srv *bigvtest.Server) {
	for _, name := range []string{"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_API_KEY", "BIGV_TOKEN", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA", "BIGV_ACCOUNT"} {
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

// newServer has bob as vm_admin of www1 and alice with a key.
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

// file is a list in a file.
func file(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "list.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// rights are the privileges on www1, the group and the account, without those of
// API keys, a word each.
func rights(t *testing.T, srv *bigvtest.Server) (all []string) {
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

const asItIs = "account: acme\nusers:\n  bob:\n    privileges:\n      - {level: vm_admin, virtual_machine: www1.web.acme}\n"

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		list   string
		want   []string // what would change, in this order
		rights []string
		keys   string
	}{
		"as it is": {list: asItIs, rights: []string{"bob:vm_admin"}, keys: desk},
		"a privilege more": {
			list:   asItIs + "  carol:\n    privileges: [{level: group_admin, group: web.acme}]\n",
			want:   []string{"+ carol: group_admin on group web.acme"},
			rights: []string{"carol:group_admin", "bob:vm_admin"}, keys: desk,
		},
		"another level": {
			list:   strings.Replace(asItIs, "vm_admin", "vm_console", 1),
			want:   []string{"+ bob: vm_console on virtual machine www1.web.acme", "- bob: vm_admin on virtual machine www1.web.acme"},
			rights: []string{"bob:vm_console"}, keys: desk,
		},
		"who is not listed has nothing": {
			list: "account: acme\n",
			want: []string{"- bob: vm_admin on virtual machine www1.web.acme"}, keys: desk,
		},
		"a privilege that is listed twice is granted once": {
			list:   asItIs + "  carol:\n    privileges: [{level: group_admin, group: web.acme}, {level: group_admin, group: web.acme}]\n",
			want:   []string{"+ carol: group_admin on group web.acme"},
			rights: []string{"carol:group_admin", "bob:vm_admin"}, keys: desk,
		},
		"another key": {
			list: asItIs + "  alice:\n    keys:\n      - ' " + laptop + "'\n",
			want: []string{
				"+ alice: key ssh-ed25519 SHA256:FzNIwDlYnFzUiT5nVYbrNGNJVHI6QdqoI4nLv/vI0ww alice@laptop",
				"- alice: key ssh-ed25519 SHA256:DESK alice@desk",
			},
			rights: []string{"bob:vm_admin"}, keys: laptop,
		},
		"no key": {
			list: asItIs + "  alice:\n    keys: []\n", want: []string{"- alice: key ssh-ed25519 SHA256:DESK alice@desk"},
			rights: []string{"bob:vm_admin"},
		},
		"the same list as JSON": {
			list:   `{"account": "acme", "users": {"carol": {"privileges": [{"level": "vm_console", "virtual_machine": "www1.web.acme"}]}}}`,
			want:   []string{"+ carol: vm_console on virtual machine www1.web.acme", "- bob: vm_admin on virtual machine www1.web.acme"},
			rights: []string{"carol:vm_console"}, keys: desk,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			list := file(t, tt.list)
			diff := strings.ReplaceAll(strings.Join(tt.want, "\n  "), "SHA256:DESK", strings.Fields(keyName(desk))[1])

			// Shown, and nothing sent.
			srv.ClearJournal()
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), []string{list}, &out, io.Discard))
			if diff == "" {
				assert.Contains(t, out.String(), "All is as the list has it.")
			} else {
				assert.Contains(t, out.String(), "To be as the list has it:\n  "+diff+"\n\nNothing was changed")
			}
			for _, x := range srv.Journal() {
				assert.Equal(t, http.MethodGet, x.Method, "nothing may be changed without -yes")
			}

			// Done.
			out.Reset()
			require.NoError(t, run(t.Context(), []string{"-yes", list}, &out, io.Discard))
			assert.Equal(t, len(tt.want), strings.Count(out.String(), ": done\n"))
			assert.Equal(t, tt.rights, rights(t, srv))
			assert.Equal(t, tt.keys, srv.User("alice").AuthorizedKeys())
			key, err := srv.Client().Privileges.List(t.Context(), bigv.PrivilegeListOptions{VirtualMachine: srv.Account("acme").Group("web").VirtualMachine("www1").Path()})
			require.NoError(t, err)
			assert.NotZero(t, key[0].APIKeyID+key[len(key)-1].APIKeyID, "the API key's privilege is left alone")

			// Again: nothing to do.
			out.Reset()
			require.NoError(t, run(t.Context(), []string{"-yes", list}, &out, io.Discard))
			assert.Contains(t, out.String(), "All is as the list has it.")
		})
	}
}

func TestTable(t *testing.T) {
	srv := newServer(t)
	_, err := srv.Client().Privileges.Grant(t.Context(), "carol", bigv.PrivilegeGrant{
		Level: bigv.GroupAdmin, Group: srv.Account("acme").Group("default").Path(), YubikeyRequired: new(true),
	})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{file(t, asItIs)}, &out, io.Discard))
	assert.Regexp(t, `^USER    LEVEL         ON                              BY
bob     vm_admin      virtual machine www1.web.acme   password
bob     vm_admin      virtual machine www1.web.acme   API key \d+ alone
carol   group_admin   group default.acme              password and YubiKey
`, out.String())
}

func TestRunWithNothingConfigured(t *testing.T) {
	configure(t, nil)
	for _, args := range [][]string{nil, {"-yes"}} {
		var out, stderr bytes.Buffer
		require.NoError(t, run(t.Context(), args, &out, &stderr))
		assert.Contains(t, out.String(), "+ bob: group_admin on group web.acme")
		assert.Equal(t, "Nothing is configured: this is a service in memory.\n", stderr.String())
		assert.Equal(t, len(args)*6, strings.Count(out.String(), ": done\n"))
	}
}

func TestListsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ list, want string }{
		"empty":                        {"", "EOF"},
		"no account":                   {"users: {}\n", "which account"},
		"a misspelt word":              {"account: acme\nusers:\n  bob:\n    privilege: []\n", "privilege"},
		"a user twice":                 {"account: acme\nusers:\n  bob: {}\n  bob: {}\n", "bob"},
		"an account that is not there": {"account: nowhere\n", "nowhere"},
		"an unknown level":             {strings.Replace(asItIs, "vm_admin", "vm_root", 1), "bob: vm_root on virtual machine www1.web.acme: there is no such privilege"},
		"a level for something else":   {strings.Replace(asItIs, "vm_admin", "group_admin", 1), "no such privilege"},
		"a level without a target":     {strings.Replace(asItIs, ", virtual_machine: www1.web.acme", "", 1), "no such privilege"},
		"a machine that is not there":  {strings.Replace(asItIs, "www1", "www9", 1), "no such thing in the account acme"},
		"a group of another account":   {"account: acme\nusers: {bob: {privileges: [{level: group_admin, group: web.other}]}}\n", "no such thing"},
		"a path that is none":          {strings.Replace(asItIs, "www1.web.acme", "a.b.c.d", 1), "a.b.c.d"},
		"a user that is not there":     {"account: acme\nusers: {nobody: {keys: []}}\n", "the keys of nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			srv.ClearJournal()
			assert.ErrorContains(t, run(t.Context(), []string{"-yes", file(t, tt.list)}, new(bytes.Buffer), io.Discard), tt.want)
			for _, x := range srv.Journal() {
				assert.Equal(t, http.MethodGet, x.Method)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	newServer(t)
	for want, args := range map[string][]string{"which list?": nil, "Give one file": {"a", "b"}, "no such file": {"-yes", "/nowhere/list.yaml"}, "-purge": {"-purge"}} {
		assert.ErrorContains(t, run(t.Context(), args, new(bytes.Buffer), io.Discard), want)
	}
}

// carolToo is a list with two changes: carol gets something and bob loses what he
// has.
const carolToo = "account: acme\nusers: {carol: {privileges: [{level: group_admin, group: web.acme}]}}\n"

func TestFailuresStandBesideTheirChanges(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, Path: "/users/carol/privileges", Status: 403})
	var out bytes.Buffer
	err := run(t.Context(), []string{"-yes", file(t, carolToo)}, &out, io.Discard)
	assert.EqualError(t, err, "1 of 2 changes failed")
	assert.Regexp(t, `\+ carol: group_admin on group web.acme: FAILED: .*403`, out.String())
	assert.Contains(t, out.String(), "- bob: vm_admin on virtual machine www1.web.acme: done\n")

	// The second run does the rest, and that only.
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-yes", file(t, carolToo)}, &out, io.Discard))
	assert.Equal(t, 1, strings.Count(out.String(), ": done\n"))
	assert.Equal(t, []string{"carol:group_admin"}, rights(t, srv))
}

func TestOneChangeThatFails(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodDelete, Status: 403})
	err := run(t.Context(), []string{"-yes", file(t, "account: acme\n")}, io.Discard, io.Discard)
	assert.EqualError(t, err, "1 of 1 change failed")
}

func TestAnAnswerThatIsLostGrantsNothingTwice(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
	var out bytes.Buffer
	assert.EqualError(t, run(t.Context(), []string{"-yes", file(t, carolToo)}, &out, io.Discard), "1 of 2 changes failed")
	assert.Contains(t, out.String(), "it may have been done, and may not")
	require.NoError(t, run(t.Context(), []string{"-yes", file(t, carolToo)}, &out, io.Discard))
	assert.Contains(t, out.String(), "All is as the list has it.")
	assert.Equal(t, []string{"carol:group_admin"}, rights(t, srv))
	assert.Empty(t, srv.DoneTwice())
}

func TestAListThatCannotBeRead(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Path: "/accounts/acme/groups/web/virtual_machines/www1/privileges", Status: 403})
	assert.ErrorIs(t, run(t.Context(), []string{"-yes", file(t, carolToo)}, new(bytes.Buffer), io.Discard), bigv.ErrForbidden)
	assert.Equal(t, []string{"bob:vm_admin"}, rights(t, srv), "what was not seen is not judged")
}

var errCtrlC = errors.New("interrupt signal received")

func TestCtrlC(t *testing.T) {
	srv := newServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	out := writer(func(p []byte) {
		if bytes.Contains(p, []byte("carol: group_admin on group web.acme: done")) {
			cancel(errCtrlC)
		}
	})
	err := run(ctx, []string{"-yes", file(t, carolToo)}, out, io.Discard)
	assert.ErrorIs(t, err, errCtrlC)
	assert.ErrorContains(t, err, "1 of 2 changes made, 0 failed")
	assert.Equal(t, []string{"carol:group_admin", "bob:vm_admin"}, rights(t, srv), "what takes away comes last")

	assert.ErrorIs(t, run(ctx, []string{file(t, carolToo)}, out, io.Discard), errCtrlC, "before anything is read")
}

// writer looks at what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestWhatAnAPIKeyMayItsUserMayNot(t *testing.T) {
	srv := newServer(t)
	id := srv.User("dave").Grant(bigv.VirtualMachineConsole, srv.Account("acme").Group("web").VirtualMachine("www1"))
	srv.User("dave").APIKey("ci")
	require.NoError(t, srv.Client().Privileges.Revoke(t.Context(), id))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{file(t, asItIs+"  dave:\n    privileges: [{level: vm_console, virtual_machine: www1.web.acme}]\n")}, &out, io.Discard))
	assert.Contains(t, out.String(), "+ dave: vm_console on virtual machine www1.web.acme")
}

func TestAWrongFlagIsNamedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main says it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of access:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of access:\n")
}

// Whoever has set something means a service of Bytemark's: what is made up must
// not pass for it.
func TestWhatIsConfiguredByHalfIsNotReplaced(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // nothing is sent anywhere
	for _, name := range []string{"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA", "BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT"} {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, []string{"-yes", file(t, asItIs)}, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}
