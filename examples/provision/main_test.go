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
	"sync"
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

// newServer starts a server on which provisioning is complete by the next request.
func newServer(t *testing.T) *bigvtest.Server {
	srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
	configure(t, srv)
	return srv
}

// writeFile writes text to a file in a new directory and returns its path.
func writeFile(t *testing.T, name, text string) string {
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// provision runs the program with a spec and returns its output.
func provision(ctx context.Context, t *testing.T, spec string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // a wait that never ends fails the test
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, append(args, writeFile(t, "spec.yaml", spec)), &out, io.Discard)
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

const sshCommand = "\n  ssh root@www2.web.acme.uk0.bigv.io\n"

func TestMachineIsCreatedOnce(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o alice@laptop"
	asJSON := `{"group": "web.acme", "name": "www2", "cores": 2, "memory": 4096, "distribution": "stretch",
		"ssh_keys": ["` + key + `"],
		"discs": [
			{"label": "root", "size": 25600, "storage_grade": "ssd", "backups": [
				{"every": "24h", "start_at": "03:00", "keep": 7}, {"every": "168h", "start_at": "04:00", "keep": 4}]},
			{"label": "data", "size": 51200, "storage_grade": "sata"}
		]}`
	for name, spec := range map[string]string{"YAML": string(sample), "JSON": asJSON} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			output, err := provision(t.Context(), t, spec)
			require.NoError(t, err)
			assert.Contains(t, output, "Created www2.web.acme. It is billed from now on.\n")
			assert.Contains(t, output, sshCommand)
			assert.Equal(t, []string{"POST /accounts/acme/groups/web/vm_create"}, writes(srv))

			state := www2(srv).State()
			assert.True(t, state.PoweredOn && state.AutorebootOn)
			assert.Equal(t, 2, state.Cores)
			assert.Equal(t, 4096, state.Memory)
			assert.Equal(t, "stretch", state.LastImagedWith)
			assert.Equal(t, key, state.SSHPublicKey)
			assert.Greater(t, len(state.RootPassword), 20)
			assert.NotContains(t, output, state.RootPassword)
			require.Len(t, state.Discs, 2)
			root, data := state.Discs[0], state.Discs[1]
			assert.Equal(t, bigvtest.DiscState{
				Exists: true, ID: root.ID, Label: "root", Size: 25600, StorageGrade: "ssd", Schedules: 2,
			}, root)
			assert.Equal(t, bigvtest.DiscState{
				Exists: true, ID: data.ID, Label: "data", Size: 51200, StorageGrade: "sata",
			}, data)

			srv.ClearJournal()
			output, err = provision(t.Context(), t, spec)
			require.NoError(t, err)
			assert.Contains(t, output, "www2.web.acme already exists.\n")
			assert.Contains(t, output, sshCommand)
			assert.Empty(t, writes(srv))
		})
	}
}

// What is about to be created is printed before the request is sent.
func TestChangesAreShownFirst(t *testing.T) {
	srv := newServer(t)
	www2(srv).SetCores(2).SetMemory(4096).Disc("root", 25600)
	spec := strings.NewReplacer("stretch", "jessie", "storage_grade: ssd", "storage_grade: sata").Replace(string(sample))
	for spec, want := range map[string]string{
		spec: "Adding disc data with 51200 MiB.\n",
		strings.Replace(string(sample), "www2", "www3", 1): "Creating www3.web.acme with stretch, cores: 2, memory: 4096 MiB",
	} {
		var mu sync.Mutex
		var output, before strings.Builder
		remove := srv.Inject(bigvtest.Fault{Method: http.MethodPost, Match: func(r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasSuffix(r.URL.Path, "/discs") || strings.HasSuffix(r.URL.Path, "/vm_create") {
				before.WriteString(output.String())
			}
			return false
		}})
		out := writer(func(p []byte) {
			mu.Lock()
			defer mu.Unlock()
			output.Write(p)
		})
		require.NoError(t, run(t.Context(), []string{writeFile(t, "spec.yaml", spec)}, out, io.Discard))
		remove()
		assert.Contains(t, before.String(), want)
	}
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &stderr))
	assert.Contains(t, out.String(), sshCommand)
	assert.Equal(t, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n", stderr.String())
}

func TestMissingDiscsAndBackupsAreAdded(t *testing.T) {
	srv := newServer(t)
	www2(srv).SetCores(2).SetMemory(4096).Disc("root", 25600)
	spec := strings.NewReplacer("stretch", "jessie", "storage_grade: ssd", "storage_grade: sata").Replace(string(sample))

	// The first run adds the backup schedules and fails to add the disc.
	srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/discs")
	}, Status: 403})
	output, err := provision(t.Context(), t, spec)
	require.ErrorIs(t, err, bigv.ErrForbidden)
	assert.NotContains(t, output, "ssh root@")
	assert.Len(t, www2(srv).State().Discs, 2)

	// The second run adds the disc and does not change disc-1, which is not in the spec.
	output, err = provision(t.Context(), t, spec)
	require.NoError(t, err)
	assert.Contains(t, output, "Adding disc data with 51200 MiB.\nAdded disc data.")
	assert.Contains(t, output, sshCommand)
	state := www2(srv).State()
	require.Len(t, state.Discs, 3)
	for i, want := range []struct {
		label     string
		schedules int
	}{{"disc-1", 0}, {"root", 2}, {"data", 0}} {
		assert.Equal(t, want.label, state.Discs[i].Label)
		assert.Equal(t, want.schedules, state.Discs[i].Schedules, want.label)
	}

	// The third run changes nothing.
	srv.ClearJournal()
	_, err = provision(t.Context(), t, spec)
	require.NoError(t, err)
	assert.Empty(t, writes(srv))
}

func TestDifferencesAreReported(t *testing.T) {
	for name, tt := range map[string]struct {
		from, to string // replaced in the spec after the machine is created
		power    bool
		want     []string
	}{
		"cores and memory": {
			"cores: 2\nmemory: 4096", "cores: 4\nmemory: 8192", true,
			[]string{"cores: got 2, want 4", "memory: got 4096, want 8192"},
		},
		"zone":            {"cores: 2", "zone: manchester", true, []string{"zone: got york, want manchester"}},
		"distribution":    {"stretch", "jessie", true, []string{"distribution: got stretch, want jessie"}},
		"size of a disc":  {"51200", "102400", true, []string{"size of disc data: got 51200, want 102400"}},
		"storage grade":   {"grade: ssd", "grade: archive", true, []string{"storage grade of disc root: got ssd, want archive"}},
		"backups content": {"keep: 7", "keep: 14", true, []string{"backups of disc root every 24h0m0s: got 7, want 14"}},
		"power":           {"", "", false, []string{"power: got off, want on"}},
		"a missing disc is not added": {
			"  - label: data\n    size: 51200", "  - {label: more, size: 25600}\n  - label: data\n    size: 102400", true,
			[]string{"size of disc data: got 51200, want 102400"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			_, err := provision(t.Context(), t, string(sample))
			require.NoError(t, err)
			www2(srv).SetPower(tt.power)
			srv.ClearJournal()
			output, err := provision(t.Context(), t, strings.Replace(string(sample), tt.from, tt.to, 1))
			assert.EqualError(t, err, "www2.web.acme differs from the file and was not changed:\n  "+strings.Join(tt.want, "\n  "))
			assert.NotContains(t, output, "ssh root@")
			assert.Empty(t, writes(srv))
		})
	}
}

func TestDeletedMachineIsReported(t *testing.T) {
	srv := newServer(t)
	www2(srv).SetDeleted(true)
	_, err := provision(t.Context(), t, string(sample))
	assert.ErrorContains(t, err, "undelete or purge it")
	assert.Empty(t, writes(srv))
}

var errInterrupted = errors.New("interrupt signal received")

// afterCreate returns a Fault.Match function that matches nothing and calls f for each GET after the first POST.
func afterCreate(f func()) func(*http.Request) bool {
	created := false
	return func(r *http.Request) bool {
		if created && r.Method == http.MethodGet {
			f()
		}
		created = created || r.Method == http.MethodPost
		return false
	}
}

func TestRunAgainAfterInterrupt(t *testing.T) {
	srv := bigvtest.NewServer(t)
	configure(t, srv)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	// The interrupt arrives while the machine is being provisioned.
	remove := srv.Inject(bigvtest.Fault{Match: afterCreate(func() { cancel(errInterrupted) })})
	output, err := provision(ctx, t, string(sample))
	assert.ErrorIs(t, err, errInterrupted)
	assert.ErrorContains(t, err, "wait for virtual machine www2.web.acme: ")
	assert.Contains(t, output, "Created www2.web.acme")
	assert.NotContains(t, output, "ssh root@")
	assert.True(t, www2(srv).State().Provisioning)
	remove()

	// The second run waits for the machine, which is provisioned meanwhile.
	srv.ClearJournal()
	var out bytes.Buffer
	progress := writer(func(line []byte) {
		if bytes.Contains(line, []byte("Waiting")) {
			srv.Advance(bigvtest.ProvisioningTime)
		}
	})
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	require.NoError(t, run(ctx, []string{writeFile(t, "spec.yaml", string(sample))}, io.MultiWriter(&out, progress), io.Discard))
	assert.Contains(t, out.String(), "already exists.\nWaiting")
	assert.Contains(t, out.String(), sshCommand)
	assert.Empty(t, writes(srv))
}

// writer is an io.Writer that calls the function with what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestCreateIsNotRepeatedAfterALostResponse(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
	output, err := provision(t.Context(), t, string(sample))
	require.NoError(t, err)
	assert.Contains(t, output, sshCommand)
	assert.Len(t, writes(srv), 1)
	assert.Empty(t, srv.DoneTwice())
}

func TestCreateFails(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodPost, Status: 400, Body: `{"memory":["is not included in the list"]}`})
	output, err := provision(t.Context(), t, string(sample))
	assert.ErrorIs(t, err, bigv.ErrBadRequest)
	assert.ErrorContains(t, err, "is not included in the list")
	assert.NotContains(t, output, "Created")
}

func TestRootPassword(t *testing.T) {
	withoutKeys := string(sample[:bytes.Index(sample, []byte("ssh_keys"))]) + string(sample[bytes.Index(sample, []byte("discs:")):])
	t.Run("no SSH keys and no password", func(t *testing.T) {
		srv := newServer(t)
		_, err := provision(t.Context(), t, withoutKeys)
		assert.ErrorContains(t, err, "no way to log in")
		assert.Empty(t, srv.Journal())
	})
	t.Run("from the environment", func(t *testing.T) {
		srv := newServer(t)
		t.Setenv("ROOT_PASSWORD", "correct horse")
		output, err := provision(t.Context(), t, withoutKeys)
		require.NoError(t, err)
		assert.Equal(t, "correct horse", www2(srv).State().RootPassword)
		assert.NotContains(t, output, "correct horse")
	})
	t.Run("the file takes precedence over the environment", func(t *testing.T) {
		srv := newServer(t)
		t.Setenv("ROOT_PASSWORD", "not this one")
		_, err := provision(t.Context(), t, withoutKeys, "-password-file", writeFile(t, "password", "battery staple\n"))
		require.NoError(t, err)
		assert.Equal(t, "battery staple", www2(srv).State().RootPassword)
	})
	t.Run("a new file is written before the machine is created and used by the next run", func(t *testing.T) {
		srv := newServer(t)
		name := filepath.Join(t.TempDir(), "password")
		fileExists := false
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, Match: func(*http.Request) bool {
			_, err := os.Stat(name)
			fileExists = err == nil
			return true
		}, Status: 403})
		_, err := provision(t.Context(), t, withoutKeys, "-password-file", name)
		require.ErrorIs(t, err, bigv.ErrForbidden)
		assert.True(t, fileExists)
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		output, err := provision(t.Context(), t, withoutKeys, "-password-file", name)
		require.NoError(t, err)
		password := www2(srv).State().RootPassword
		assert.Equal(t, password+"\n", string(content))
		assert.Greater(t, len(password), 20)
		assert.NotContains(t, output, password)
	})
	t.Run("an empty file", func(t *testing.T) {
		srv := newServer(t)
		_, err := provision(t.Context(), t, withoutKeys, "-password-file", writeFile(t, "password", "\n"))
		assert.ErrorContains(t, err, "is empty")
		assert.Empty(t, srv.Journal())
	})
	t.Run("a file that cannot be created", func(t *testing.T) {
		srv := newServer(t)
		_, err := provision(t.Context(), t, withoutKeys, "-password-file", filepath.Join(t.TempDir(), "nowhere", "password"))
		assert.Error(t, err)
		assert.Empty(t, writes(srv))
	})
}

// The password file must not contain a password that the machine does not have, and a password that is set must not
// be lost.
func TestPasswordFileOfAnExistingMachine(t *testing.T) {
	spec := strings.Replace(string(sample), "stretch", "jessie", 1)
	matchSpec := func(srv *bigvtest.Server) { www2(srv).SetCores(2).SetMemory(4096) }
	t.Run("is not created", func(t *testing.T) {
		srv := newServer(t)
		matchSpec(srv)
		name := filepath.Join(t.TempDir(), "password")
		output, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		assert.Contains(t, output, "www2.web.acme already exists.\n"+name+" was not created: the machine keeps its root password.\n")
		assert.NoFileExists(t, name)
	})
	t.Run("is not created if the machine is deleted", func(t *testing.T) {
		srv := newServer(t)
		www2(srv).SetDeleted(true)
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.ErrorContains(t, err, "undelete or purge it")
		assert.NoFileExists(t, name)
	})
	t.Run("is not created if the machine cannot be read", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Status: 403})
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.ErrorIs(t, err, bigv.ErrForbidden)
		assert.NoFileExists(t, name)
	})
	t.Run("is not changed by a run after an interrupted one", func(t *testing.T) {
		srv := bigvtest.NewServer(t)
		configure(t, srv)
		name := filepath.Join(t.TempDir(), "password")
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		remove := srv.Inject(bigvtest.Fault{Match: afterCreate(func() { cancel(errInterrupted) })})
		_, err := provision(ctx, t, spec, "-password-file", name)
		require.ErrorIs(t, err, errInterrupted)
		remove()
		srv.Advance(bigvtest.ProvisioningTime)
		output, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		assert.Contains(t, output, name+" was not used: the machine may have been created with a different root password.\n")
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, www2(srv).State().RootPassword+"\n", string(content))
	})
	t.Run("contains the password if the response to the create is lost", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropAfter: true})
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, www2(srv).State().RootPassword+"\n", string(content))
	})
	t.Run("is reported as unused if another client creates the machine first", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Method: http.MethodPost, Match: func(*http.Request) bool {
			matchSpec(srv)
			return false
		}})
		name := filepath.Join(t.TempDir(), "password")
		output, err := provision(t.Context(), t, spec, "-password-file", name)
		require.NoError(t, err)
		assert.Contains(t, output, "www2.web.acme already exists.\n"+
			name+" was not used: the machine may have been created with a different root password.\n")
		assert.FileExists(t, name)
	})
	t.Run("is not overwritten if another run creates it", func(t *testing.T) {
		srv := newServer(t)
		name := filepath.Join(t.TempDir(), "password")
		srv.Inject(bigvtest.Fault{Method: http.MethodGet, Match: func(*http.Request) bool {
			return os.WriteFile(name, []byte("other password\n"), 0o600) != nil
		}})
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.ErrorIs(t, err, fs.ErrExist)
		assert.Empty(t, writes(srv))
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, "other password\n", string(content))
	})
	t.Run("nothing is created if the machine disappears between two requests", func(t *testing.T) {
		srv := newServer(t)
		matchSpec(srv)
		reads := 0
		srv.Inject(bigvtest.Fault{Method: http.MethodGet, Match: func(r *http.Request) bool {
			reads++
			return reads > 1
		}, Status: 404, Times: -1})
		name := filepath.Join(t.TempDir(), "password")
		_, err := provision(t.Context(), t, spec, "-password-file", name)
		require.Error(t, err)
		assert.Empty(t, writes(srv))
		assert.NoFileExists(t, name)
	})
}

func TestInvalidSpecs(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, want string }{
		"a misspelled key":                   {"cores:", "core:", "line 5, column 1: unknown key \"core\""},
		"a password":                         {"cores: 2", "root_password: x", "line 5, column 1: unknown key \"root_password\""},
		"a key twice":                        {"memory:", "cores:", "line 6, column 1: duplicate key \"cores\""},
		"a key of a disc twice":              {"size: 51200", "size: 51200\n    size: 51200", "column 5: duplicate key \"size\""},
		"a second document":                  {"distribution:", "---\ndistribution:", "more than one document"},
		"a fraction":                         {"cores: 2", "cores: 2.5", "line 5, column 8: cores must be a whole number"},
		"a whole number with a fraction":     {"memory: 4096", "memory: 4096.0", "line 6, column 9: memory must be a whole number"},
		"a number with an exponent":          {"memory: 4096", "memory: 4e3", "memory must be a whole number"},
		"a number in octal":                  {"memory: 4096", "memory: 04096", "memory must be a whole number"},
		"a number in hexadecimal":            {"memory: 4096", "memory: 0x1000", "memory must be a whole number"},
		"a number that is too large":         {"memory: 4096", "memory: 99999999999999999999", "memory must be a whole number"},
		"a number in quotes":                 {"memory: 4096", "memory: \"4096\"", "memory must be a whole number"},
		"a number with a unit":               {"memory: 4096", "memory: 4GiB", "memory must be a whole number"},
		"a number without a value":           {"memory: 4096", "memory:", "line 6, column 8: memory has no value"},
		"a negative number":                  {"cores: 2", "cores: -2", "must not be negative"},
		"a boolean as a number":              {"cores: 2", "cores: true", "cores must be a whole number"},
		"a disc of size 0":                   {"size: 51200", "size: 0", "discs[1] needs a size in MiB"},
		"discs without a value":              {"discs:", "discs:\nzone:", "discs has no value"},
		"a boolean as a zone":                {"cores: 2", "zone: true", "line 5, column 7: zone must be a text"},
		"a fraction as a name":               {"www2", "2.5", "name must be a text"},
		"SSH keys as a text":                 {"ssh_keys:\n  -", "ssh_keys:", "ssh_keys must be a list"},
		"SSH keys without a value":           {"ssh_keys:\n  -", "ssh_keys:\n  #", "ssh_keys has no value"},
		"no name":                            {"name: www2\n", "", "group and name are required"},
		"no group":                           {"group: web.acme\n", "", "group and name are required"},
		"an invalid group":                   {"web.acme", "a.b.c.d", "line 3, column 8: group: bigv: parsing group path \"a.b.c.d\""},
		"no distribution":                    {"distribution: stretch\n", "", "distribution is required"},
		"a disc without a label":             {"label: data\n    ", "", "discs[1] needs a unique label"},
		"two discs with the same label":      {"label: data", "label: root", "discs[1] needs a unique label"},
		"a backup without an interval":       {"every: 24h, ", "", "discs[0].backups[0] needs a unique interval"},
		"two backups with the same interval": {"168h", "24h", "discs[0].backups[1] needs a unique interval"},
		"a schedule that keeps no backup":    {"keep: 7", "keep: 0", "discs[0].backups[0] must keep at least 1 backup"},
		"an interval without a unit":         {"24h", "24", "every must be a duration such as 24h"},
		"a numeric name":                     {"www2", "1234", "1234"},
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

func TestInvalidArguments(t *testing.T) {
	newServer(t)
	for args, want := range map[string]string{
		"":                   "give exactly one file",
		"a b":                "give exactly one file",
		"/nowhere/spec.yaml": "no such file",
		"-purge":             "-purge",
	} {
		assert.ErrorContains(t, run(t.Context(), strings.Fields(args), io.Discard, io.Discard), want, args)
	}
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of provision [flags] file:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of provision [flags] file:\n")
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, []string{writeFile(t, "spec.yaml", string(sample))}, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}
