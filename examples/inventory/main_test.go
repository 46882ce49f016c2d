package main

import (
	"bytes"
	"context"
	"errors"
	"io"
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
		t.Setenv("BIGV_API_KEY", srv.APIKey())
	}
}

func newServer(t *testing.T) *bigvtest.Server {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").VirtualMachine("www1").SetCores(2).SetMemory(4096).Disc("data", 512)
	srv.Account("acme").Group("web").VirtualMachine("gone").SetDeleted(true)
	srv.Account("other").Group("web").VirtualMachine("www1")
	srv.User("alice").Grant(bigv.GroupAdmin, srv.Account("other").Group("web"))
	configure(t, srv)
	t.Setenv("BIGV_API_KEY", srv.User("alice").APIKey("inventory"))
	return srv
}

const header = "machine,id,state,cores,memory_mib,discs,storage_mib,zone,distribution,addresses\n"

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"tree": {nil, `acme                     2 groups
├─ default               0 machines
└─ web                   1 machine
   └─ www1               on      2 cores    4 GiB   jessie
      ├─ disc-1          sata              25 GiB
      ├─ data            sata             512 MiB
      ├─ 198.18.0.1      fe:ff:00:00:17:71
      └─ 2001:db8:1::1   fe:ff:00:00:17:71
other                    1 group
└─ web                   1 machine
   └─ www1               on       1 core    1 GiB   jessie
      ├─ disc-1          sata              25 GiB
      ├─ 198.18.0.3      fe:ff:00:00:17:73
      └─ 2001:db8:1::3   fe:ff:00:00:17:73
`},
		"tree of one account with deleted machines": {[]string{"-account", "acme", "-deleted"}, `acme                     2 groups
├─ default               0 machines
└─ web                   2 machines
   ├─ www1               on      2 cores    4 GiB   jessie
   │  ├─ disc-1          sata              25 GiB
   │  ├─ data            sata             512 MiB
   │  ├─ 198.18.0.1      fe:ff:00:00:17:71
   │  └─ 2001:db8:1::1   fe:ff:00:00:17:71
   └─ gone               deleted  1 core    1 GiB   jessie
      ├─ disc-1          sata              25 GiB
      ├─ 198.18.0.2      fe:ff:00:00:17:72
      └─ 2001:db8:1::2   fe:ff:00:00:17:72
`},
		"csv": {[]string{"-format", "csv"}, header +
			"www1.web.acme,5001,on,2,4096,2,26112,york,jessie,198.18.0.1 2001:db8:1::1\n" +
			"www1.web.other,5003,on,1,1024,1,25600,york,jessie,198.18.0.3 2001:db8:1::3\n"},
		"json": {[]string{"-format", "json", "-account", "other"},
			`{"machine":"www1.web.other","id":5003,"state":"on","cores":1,"memory_mib":1024,"discs":1,"storage_mib":25600,` +
				`"zone":"york","distribution":"jessie","addresses":["198.18.0.3","2001:db8:1::3"]}` + "\n"},
		"csv with deleted machines": {[]string{"-format", "csv", "-account", "acme", "-deleted"}, header +
			"www1.web.acme,5001,on,2,4096,2,26112,york,jessie,198.18.0.1 2001:db8:1::1\n" +
			"gone.web.acme,5002,deleted,1,1024,1,25600,york,jessie,198.18.0.2 2001:db8:1::2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			newServer(t)
			for range 2 { // a second run prints the same
				var out bytes.Buffer
				require.NoError(t, run(t.Context(), tt.args, &out, io.Discard))
				assert.Equal(t, tt.want, out.String())
			}
		})
	}
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	var out, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &stderr))
	assert.Contains(t, out.String(), "db-primary")
	assert.Equal(t, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n", stderr.String())
}

func TestRunWithoutAccounts(t *testing.T) {
	srv := bigvtest.NewServer(t)
	configure(t, srv)
	t.Setenv("BIGV_API_KEY", srv.User("carol").APIKey("inventory"))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, io.Discard))
	assert.Equal(t, "No accounts are visible with these credentials.\n", out.String())
}

func TestRunErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx     context.Context
		args    []string
		fault   bigvtest.Fault
		want    error
		message string
	}{
		"an unknown format":           {ctx: t.Context(), args: []string{"-format", "xml"}, message: `invalid format "xml"`},
		"an unknown flag":             {ctx: t.Context(), args: []string{"-purge"}, message: "-purge"},
		"an unknown account":          {ctx: t.Context(), args: []string{"-account", "none"}, want: bigv.ErrNotFound, message: "none"},
		"an unknown account with csv": {ctx: t.Context(), args: []string{"-account", "none", "-format", "csv"}, want: bigv.ErrNotFound},
		"permission denied":           {ctx: t.Context(), fault: bigvtest.Fault{Status: 403, Times: -1}, want: bigv.ErrForbidden},
		"interrupted":                 {ctx: cancelled, want: context.Canceled},
		"interrupted with json":       {ctx: cancelled, args: []string{"-format", "json"}, want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			if tt.fault.Status != 0 {
				srv.Inject(tt.fault)
			}
			var out bytes.Buffer
			err := run(tt.ctx, tt.args, &out, io.Discard)
			require.Error(t, err)
			assert.ErrorContains(t, err, tt.message)
			if tt.want != nil {
				assert.ErrorIs(t, err, tt.want)
			}
		})
	}
}

// Rows that arrive before the connection is lost are written.
func TestRowsAreWrittenAsTheyArrive(t *testing.T) {
	srv := newServer(t)
	srv.Account("acme").Group("web").AddVirtualMachines("many", 1000)
	srv.Inject(bigvtest.Fault{Path: "/virtual_machines", CutBodyAt: 500_000, Times: -1})
	var out bytes.Buffer
	err := run(t.Context(), []string{"-format", "csv"}, &out, io.Discard)
	require.Error(t, err)
	lines := strings.Count(out.String(), "\n")
	assert.Greater(t, lines, 100)
	assert.Less(t, lines, 1000)
	assert.Contains(t, out.String(), "many00000.web.acme")
}

func TestWriteErrorIsReturned(t *testing.T) {
	newServer(t)
	for _, format := range []string{"csv", "json", "tree"} {
		assert.ErrorIs(t, run(t.Context(), []string{"-format", format}, fullDisc{}, io.Discard), errFull, format)
	}
}

var errFull = errors.New("no space left on device")

// fullDisc is an io.Writer on a full disc.
type fullDisc struct{}

func (fullDisc) Write([]byte) (int, error) { return 0, errFull }

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	configure(t, nil)
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of inventory:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of inventory:\n")
}

func TestUnexpectedArgumentIsAnError(t *testing.T) {
	configure(t, nil)
	assert.ErrorContains(t, run(t.Context(), []string{"acme"}, io.Discard, io.Discard), `unexpected argument "acme"`)
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		var stderr bytes.Buffer
		assert.Error(t, run(cancelled, nil, io.Discard, &stderr), name)
		assert.Empty(t, stderr.String(), name)
	}
}

func TestTextOfTheServiceIsCleaned(t *testing.T) {
	const vm = `{"id":3,"name":"ww\u202ew\nroot","hostname":"ww\u202ew\u001b[2J","zone_name":"yo\u001brk","last_imaged_with":"x\u009b1m"}`
	for _, format := range []string{"tree", "csv", "json"} {
		srv := newServer(t)
		srv.Inject(bigvtest.Fault{Path: "/virtual_machines", ContentType: "application/json", Body: "[" + vm + "]"})
		srv.Inject(bigvtest.Fault{Path: "/accounts", ContentType: "application/json",
			Body: `[{"id":1,"name":"ac\u001b[1mme","groups":[{"id":2,"name":"we\tb","virtual_machines":[` + vm + `]}]}]`})
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), []string{"-format", format}, &out, io.Discard))
		assert.Contains(t, out.String(), "ww\uFFFDw\uFFFD", format)
		assert.False(t, strings.ContainsAny(out.String(), "\x1b\u009b\u202e\t"), "%s: %q", format, out.String())
	}
}

func TestErrorsAreCleaned(t *testing.T) {
	var out bytes.Buffer
	printError(&out, "inventory", errors.New("a\u202eb\x1b[2J\nc"))
	assert.Equal(t, "inventory: a\uFFFDb\uFFFD[2J\ninventory: c\n", out.String())
}
