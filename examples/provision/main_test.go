package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	for _, name := range append(environment, "ROOT_PASSWORD") {
		t.Setenv(name, "")
	}
	if srv != nil {
		t.Setenv("BIGV_ENDPOINT", srv.URL())
		t.Setenv("BIGV_API_KEY", srv.APIKey())
	}
}

// newServer makes a machine in as long as it takes to look at it.
func newServer(t *testing.T) *bigvtest.Server {
	srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
	configure(t, srv)
	return srv
}

func file(t *testing.T, name, text string) string {
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// provision runs the example on a spec, and returns what it said.
func provision(ctx context.Context, t *testing.T, spec string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // what waits too long fails
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, append(args, file(t, "spec.yaml", spec)), &out, io.Discard)
	return out.String(), err
}

// writes returns the requests in the journal that are not reads.
func writes(srv *bigvtest.Server) (list []string) {
	for _, x := range srv.Journal() {
		if x.Method != http.MethodGet {
			list = append(list, x.Method+" "+x.Path)
		}
	}
	return list
}

func www2(srv *bigvtest.Server) *bigvtest.VirtualMachine {
	return srv.Account("acme").Group("web").VirtualMachine("www2")
}

const ssh = "\n  ssh root@www2.web.acme.uk0.bigv.io\n"

func TestAMachineIsMadeOnce(t *testing.T) {
	asJSON := `{"group": "web.acme", "name": "www2", "cores": 2, "memory": 4096, "distribution": "stretch",
		"ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o alice@laptop"],
		"discs": [{"label": "root", "size": 25600, "storage_grade": "ssd", "backups": [{"every": "24h", "start_at": "03:00", "keep": 7}, {"every": "168h", "start_at": "04:00", "keep": 4}]},
			{"label": "data", "size": 51200, "storage_grade": "sata"}]}`
	for name, spec := range map[string]string{"YAML": string(sample), "JSON": asJSON} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			said, err := provision(t.Context(), t, spec)
			require.NoError(t, err)
			assert.Contains(t, said, "Made www2.web.acme. It is billed from now on.\n")
			assert.Contains(t, said, ssh)
			assert.Equal(t, []string{"POST /accounts/acme/groups/web/vm_create"}, writes(srv))

			state := www2(srv).State()
			assert.True(t, state.PoweredOn && state.AutorebootOn)
			assert.Equal(t, 2, state.Cores)
			assert.Equal(t, 4096, state.Memory)
			assert.Equal(t, "stretch", state.LastImagedWith)
			assert.Equal(t, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o alice@laptop", state.SSHPublicKey)
			assert.Greater(t, len(state.RootPassword), 20)
			assert.NotContains(t, said, state.RootPassword)
			require.Len(t, state.Discs, 2)
			root, data := state.Discs[0], state.Discs[1]
			assert.Equal(t, bigvtest.DiscState{Exists: true, ID: root.ID, Label: "root", Size: 25600, StorageGrade: "ssd", Schedules: 2}, root)
			assert.Equal(t, bigvtest.DiscState{Exists: true, ID: data.ID, Label: "data", Size: 51200, StorageGrade: "sata"}, data)

			srv.ClearJournal()
			said, err = provision(t.Context(), t, spec)
			require.NoError(t, err)
			assert.Contains(t, said, "www2.web.acme is there already.\n")
			assert.Contains(t, said, ssh)
			assert.Empty(t, writes(srv))
		})
	}
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &stderr))
	assert.Contains(t, out.String(), ssh)
	assert.Equal(t, "No BIGV_ variable is set: using an in-memory server.\n", stderr.String())
}

func TestWhatIsMissingIsAdded(t *testing.T) {
	srv := newServer(t)
	www2(srv).SetCores(2).SetMemory(4096).Disc("root", 25600)
	spec := strings.NewReplacer("stretch", "jessie", "storage_grade: ssd", "storage_grade: sata").Replace(string(sample))

	// The first try ends in the middle.
	srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/discs")
	}, Status: 403})
	said, err := provision(t.Context(), t, spec)
	require.ErrorIs(t, err, bigv.ErrForbidden)
	assert.NotContains(t, said, "ssh root@")
	assert.Len(t, www2(srv).State().Discs, 2)

	// The second does the rest, and leaves alone what the spec does not name.
	said, err = provision(t.Context(), t, spec)
	require.NoError(t, err)
	assert.Contains(t, said, "Added disc data of 51200 MiB")
	assert.Contains(t, said, ssh)
	state := www2(srv).State()
	require.Len(t, state.Discs, 3)
	for i, want := range []struct {
		label     string
		schedules int
	}{{"disc-1", 0}, {"root", 2}, {"data", 0}} {
		assert.Equal(t, want.label, state.Discs[i].Label)
		assert.Equal(t, want.schedules, state.Discs[i].Schedules, want.label)
	}

	// The third does nothing.
	srv.ClearJournal()
	_, err = provision(t.Context(), t, spec)
	require.NoError(t, err)
	assert.Empty(t, writes(srv))
}

func TestContradictionsAreReportedAndNothingIsChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		from, to string // in the spec, after the machine was made
		power    bool
		want     []string
	}{
		"cores and memory": {"cores: 2\nmemory: 4096", "cores: 4\nmemory: 8192", true, []string{"cores: it is 2, and the spec has 4", "memory: it is 4096, and the spec has 8192"}},
		"zone":             {"cores: 2", "zone: manchester", true, []string{"zone: it is york, and the spec has manchester"}},
		"distribution":     {"stretch", "jessie", true, []string{"distribution: it is stretch, and the spec has jessie"}},
		"size of a disc":   {"51200", "102400", true, []string{"size of disc data: it is 51200, and the spec has 102400"}},
		"storage grade":    {"storage_grade: ssd", "storage_grade: archive", true, []string{"storage grade of disc root: it is ssd, and the spec has archive"}},
		"backups kept":     {"keep: 7", "keep: 14", true, []string{"backups of disc root every 24h0m0s: it is 7, and the spec has 14"}},
		"it is off":        {"", "", false, []string{"power: it is off, and the spec has on"}},
		"none is changed before another": {"  - label: data\n    size: 51200", "  - {label: more, size: 25600}\n  - label: data\n    size: 102400", true,
			[]string{"size of disc data: it is 51200, and the spec has 102400"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			_, err := provision(t.Context(), t, string(sample))
			require.NoError(t, err)
			www2(srv).SetPower(tt.power)
			srv.ClearJournal()
			said, err := provision(t.Context(), t, strings.Replace(string(sample), tt.from, tt.to, 1))
			assert.EqualError(t, err, "www2.web.acme is not as the spec has it, and was left as it is:\n  "+strings.Join(tt.want, "\n  "))
			assert.NotContains(t, said, "ssh root@")
			assert.Empty(t, writes(srv))
		})
	}
}

func TestADeletedMachineIsReported(t *testing.T) {
	srv := newServer(t)
	www2(srv).SetDeleted(true)
	_, err := provision(t.Context(), t, string(sample))
	assert.ErrorContains(t, err, "undelete or purge it")
	assert.Empty(t, writes(srv))
}

var errCtrlC = errors.New("interrupt signal received")

// afterTheCreation matches nothing, and calls f when somebody looks after it.
func afterTheCreation(f func()) func(*http.Request) bool {
	created := false
	return func(r *http.Request) bool {
		if created && r.Method == http.MethodGet {
			f()
		}
		created = created || r.Method == http.MethodPost
		return false
	}
}

func TestAfterCtrlCItIsWaitedFor(t *testing.T) {
	srv := bigvtest.NewServer(t)
	configure(t, srv)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	// Ctrl-C comes while it is being made.
	remove := srv.Inject(bigvtest.Fault{Match: afterTheCreation(func() { cancel(errCtrlC) })})
	said, err := provision(ctx, t, string(sample))
	assert.ErrorIs(t, err, errCtrlC)
	assert.ErrorContains(t, err, "wait for virtual machine www2.web.acme: ")
	assert.Contains(t, said, "Made www2.web.acme")
	assert.NotContains(t, said, "ssh root@")
	assert.True(t, www2(srv).State().Provisioning)
	remove()

	// The second run finds it in the making. It is made meanwhile.
	srv.ClearJournal()
	var out bytes.Buffer
	progress := writer(func(line []byte) {
		if bytes.Contains(line, []byte("Waiting")) {
			srv.Advance(bigvtest.ProvisioningTime)
		}
	})
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	require.NoError(t, run(ctx, []string{file(t, "spec.yaml", string(sample))}, io.MultiWriter(&out, progress), io.Discard))
	assert.Contains(t, out.String(), "is there already.\nWaiting")
	assert.Contains(t, out.String(), ssh)
	assert.Empty(t, writes(srv))
}

// writer is an io.Writer that calls the function with what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestACreationWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
	said, err := provision(t.Context(), t, string(sample))
	require.NoError(t, err)
	assert.Contains(t, said, ssh)
	assert.Len(t, writes(srv), 1)
	assert.Empty(t, srv.DoneTwice())
}

func TestACreationThatIsRefused(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400, Body: `{"memory":["is not included in the list"]}`})
	said, err := provision(t.Context(), t, string(sample))
	assert.ErrorIs(t, err, bigv.ErrBadRequest)
	assert.ErrorContains(t, err, "is not included in the list")
	assert.Empty(t, said)
}

func TestRootPassword(t *testing.T) {
	without := string(sample[:bytes.Index(sample, []byte("ssh_keys"))]) + string(sample[bytes.Index(sample, []byte("discs:")):])
	t.Run("without keys or a password nothing is sent", func(t *testing.T) {
		srv := newServer(t)
		_, err := provision(t.Context(), t, without)
		assert.ErrorContains(t, err, "nobody could log in")
		assert.Empty(t, srv.Journal())
	})
	t.Run("from the environment", func(t *testing.T) {
		srv := newServer(t)
		t.Setenv("ROOT_PASSWORD", "correct horse")
		said, err := provision(t.Context(), t, without)
		require.NoError(t, err)
		assert.Equal(t, "correct horse", www2(srv).State().RootPassword)
		assert.NotContains(t, said, "correct horse")
	})
	t.Run("from a file, before the environment", func(t *testing.T) {
		srv := newServer(t)
		t.Setenv("ROOT_PASSWORD", "not this one")
		_, err := provision(t.Context(), t, without, "-password-file", file(t, "password", "battery staple\n"))
		require.NoError(t, err)
		assert.Equal(t, "battery staple", www2(srv).State().RootPassword)
	})
	t.Run("into a file, before the creation is sent, and from it when run again", func(t *testing.T) {
		srv := newServer(t)
		name := filepath.Join(t.TempDir(), "password")
		there := false
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, Match: func(*http.Request) bool {
			_, err := os.Stat(name)
			there = err == nil
			return true
		}, Status: 403})
		_, err := provision(t.Context(), t, without, "-password-file", name)
		require.ErrorIs(t, err, bigv.ErrForbidden)
		assert.True(t, there)
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		said, err := provision(t.Context(), t, without, "-password-file", name)
		require.NoError(t, err)
		password := www2(srv).State().RootPassword
		assert.Equal(t, password+"\n", string(kept))
		assert.Greater(t, len(password), 20)
		assert.NotContains(t, said, password)
	})
	t.Run("an empty file", func(t *testing.T) {
		srv := newServer(t)
		_, err := provision(t.Context(), t, without, "-password-file", file(t, "password", "\n"))
		assert.ErrorContains(t, err, "is empty")
		assert.Empty(t, srv.Journal())
	})
	t.Run("a file that cannot be written", func(t *testing.T) {
		srv := newServer(t)
		_, err := provision(t.Context(), t, without, "-password-file", filepath.Join(t.TempDir(), "nowhere", "password"))
		assert.Error(t, err)
		assert.Empty(t, writes(srv))
	})
}

// A file that holds another password than the machine has is worse than none, and
// a password that is set and in no file worse still.
func TestThePasswordFileOfAMachineThatIsThere(t *testing.T) {
	spec := strings.Replace(string(sample), "stretch", "jessie", 1)
	asItIs := func(srv *bigvtest.Server) { www2(srv).SetCores(2).SetMemory(4096) }
	t.Run("is not written", func(t *testing.T) {
		srv := newServer(t)
		asItIs(srv)
		name := filepath.Join(t.TempDir(), "password")
		said, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		assert.Contains(t, said, "www2.web.acme is there already.\n"+name+" was not written: the machine has the password that it was made with.\n")
		assert.NoFileExists(t, name)
	})
	t.Run("is not written if it is deleted", func(t *testing.T) {
		srv := newServer(t)
		www2(srv).SetDeleted(true)
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.ErrorContains(t, err, "undelete or purge it")
		assert.NoFileExists(t, name)
	})
	t.Run("is not written if nobody can tell", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Status: 403})
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.ErrorIs(t, err, bigv.ErrForbidden)
		assert.NoFileExists(t, name)
	})
	t.Run("is left as it is, as after a run that was interrupted", func(t *testing.T) {
		srv := bigvtest.NewServer(t)
		configure(t, srv)
		name := filepath.Join(t.TempDir(), "password")
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		remove := srv.Inject(bigvtest.Fault{Match: afterTheCreation(func() { cancel(errCtrlC) })})
		_, err := provision(ctx, t, spec, "-password-file", name)
		require.ErrorIs(t, err, errCtrlC)
		remove()
		srv.Advance(bigvtest.ProvisioningTime)
		said, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		assert.Contains(t, said, name+" was not used: it holds root's password only if the machine was made with it.\n")
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, www2(srv).State().RootPassword+"\n", string(kept))
	})
	t.Run("holds the password of a creation whose answer is lost", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, www2(srv).State().RootPassword+"\n", string(kept))
	})
	t.Run("is told of if somebody is quicker", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, Match: func(*http.Request) bool {
			asItIs(srv)
			return false
		}})
		name := filepath.Join(t.TempDir(), "password")
		said, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		assert.Contains(t, said, "www2.web.acme is there already.\n"+name+" was not used: it holds root's password only if the machine was made with it.\n")
		assert.FileExists(t, name)
	})
	t.Run("is not overwritten by another run", func(t *testing.T) {
		srv := newServer(t)
		name := filepath.Join(t.TempDir(), "password")
		srv.Inject(bigvtest.Fault{Method: http.MethodGet, Match: func(*http.Request) bool {
			return os.WriteFile(name, []byte("of the other\n"), 0o600) != nil
		}})
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.ErrorIs(t, err, fs.ErrExist)
		assert.Empty(t, writes(srv))
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, "of the other\n", string(kept))
	})
	t.Run("a machine that goes away is not made with a password that is in no file", func(t *testing.T) {
		srv := newServer(t)
		asItIs(srv)
		looks := 0
		srv.Inject(bigvtest.Fault{Method: http.MethodGet, Match: func(r *http.Request) bool {
			looks++
			return looks > 1
		}, Status: 404, Times: -1})
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.Error(t, err)
		assert.Empty(t, writes(srv))
		assert.NoFileExists(t, name)
	})
}

func TestSpecsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, want string }{
		"a misspelt word":           {"cores:", "core:", "core"},
		"a password in it":          {"cores: 2", "root_password: x", "root_password"},
		"no name":                   {"name: www2\n", "", "group and name are needed"},
		"no group":                  {"group: web.acme\n", "", "group and name are needed"},
		"a group that is none":      {"web.acme", "a.b.c.d", "a.b.c.d"},
		"no distribution":           {"distribution: stretch\n", "", "a distribution is needed"},
		"a disc without a label":    {"label: data\n    ", "", "discs[1] needs a label of its own"},
		"two discs of one label":    {"label: data", "label: root", "discs[1] needs a label of its own"},
		"a backup that never is":    {"every: 24h, ", "", "discs[0].backups[0] needs an interval of its own"},
		"two backups of one rhythm": {"168h", "24h", "discs[0].backups[1] needs an interval of its own"},
		"a backup that keeps none":  {"keep: 7", "keep: 0", "discs[0].backups[0] must keep at least 1"},
		"an interval without unit":  {"24h", "24", "24"},
		"a name that is an ID":      {"www2", "1234", "1234"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			require.Contains(t, string(sample), tt.from)
			_, err := provision(t.Context(), t, strings.Replace(string(sample), tt.from, tt.to, 1))
			assert.ErrorContains(t, err, tt.want)
			assert.Empty(t, writes(srv))
		})
	}
}

func TestArguments(t *testing.T) {
	newServer(t)
	for want, args := range map[string][]string{"which machine?": nil, "Give one file": {"a", "b"}, "no such file": {"/nowhere/spec.yaml"}, "-purge": {"-purge"}} {
		assert.ErrorContains(t, run(t.Context(), args, io.Discard, io.Discard), want)
	}
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of provision:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of provision:\n")
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, []string{file(t, "spec.yaml", string(sample))}, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}
