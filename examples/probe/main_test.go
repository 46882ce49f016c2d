package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
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

// configure makes the example use srv, with a session if it is not to use a key. If srv is nil, it unsets all of the
// configuration.
func configure(t *testing.T, srv *bigvtest.Server) {
	for _, name := range environment {
		t.Setenv(name, "")
	}
	if srv != nil {
		t.Setenv("BIGV_ENDPOINT", srv.URL())
		t.Setenv("BIGV_AUTH_ENDPOINT", srv.AuthURL())
		t.Setenv("BIGV_TOKEN", srv.Token())
	}
}

// result is what a run of the program printed.
type result struct {
	out, stderr string
	err         error
}

func runProbe(ctx context.Context, in string, args ...string) result {
	var out, stderr bytes.Buffer
	err := run(ctx, context.Background(), append([]string{"-idle", "1ms"}, args...), strings.NewReader(in), &out, &stderr)
	return result{out.String(), stderr.String(), err}
}

func TestRunInMemory(t *testing.T) {
	configure(t, nil)
	r := runProbe(t.Context(), "")
	require.NoError(t, r.err)
	assert.True(t, strings.HasPrefix(r.out, "| Result | Expectation |"), r.out)
	assert.NotContains(t, r.out, "\n| differs")
	assert.Regexp(t, `\n\n[0-9]+ hold, 0 differ, 1 not tested\. bigv 0.*in-memory server\.\n$`, r.out)
	assert.Contains(t, r.stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.\n")
	assert.Contains(t, r.stderr, "Removed everything that was created.\n")
}

func TestJSON(t *testing.T) {
	configure(t, nil)
	r := runProbe(t.Context(), "", "-json", "-run", "unknown|retry-after")
	require.NoError(t, r.err)
	var got report
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	assert.Equal(t, 1, got.NotTested)
	assert.Equal(t, len(got.Findings), got.Holds+got.NotTested)
	assert.NotEmpty(t, got.Findings[0].Requests)
	assert.NotContains(t, r.out, `"details"`)
}

func TestInvalidArguments(t *testing.T) {
	configure(t, nil)
	for want, args := range map[string][]string{
		"-nope": {"-nope"}, `unexpected argument "acme"`: {"acme"}, "error parsing regexp": {"-run", "("},
		"no expectation matches": {"-run", "nothing like this"},
	} {
		assert.ErrorContains(t, runProbe(t.Context(), "", args...).err, want)
	}
	r := runProbe(t.Context(), "", "-h")
	require.NoError(t, r.err)
	assert.Contains(t, r.stderr, "Usage of probe:\n")
}

// If any variable is set, the user means a real service, and the in-memory server must not replace it.
func TestIncompleteConfigurationIsAnError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for _, name := range environment {
		configure(t, nil)
		t.Setenv(name, "http://127.0.0.1:1")
		r := runProbe(cancelled, "")
		assert.Error(t, r.err, name)
		assert.Empty(t, r.stderr, name)
	}
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

func TestRunOnlyReadsWithoutWrite(t *testing.T) {
	srv := bigvtest.NewServer(t)
	require.NoError(t, seed(t.Context(), srv, srv.Client()))
	srv.ClearJournal()
	configure(t, srv)
	r := runProbe(t.Context(), "")
	require.NoError(t, r.err, r.out)
	assert.Contains(t, r.out, "| not tested | The service speaks HTTP/2 | plain http |")
	assert.Contains(t, r.out, "| not tested | vm_create gets 202 | needs -write |")
	assert.Empty(t, r.stderr)
	assert.Empty(t, writes(srv))
}

func TestWriteAsks(t *testing.T) {
	srv := bigvtest.NewServer(t)
	configure(t, srv)
	for in, want := range map[string]string{
		"": "nothing was created: no confirmation: EOF (use -yes to skip it)", "no\n": `nothing was created: got "no", want "yes"`,
	} {
		r := runProbe(t.Context(), in, "-write", "-run", "group gets 200")
		assert.EqualError(t, r.err, want)
		assert.Contains(t, r.stderr, "The machine and its discs are billed until then.")
		assert.Empty(t, writes(srv))
		srv.ClearJournal()
	}
	for _, r := range []result{
		runProbe(t.Context(), "yes\n", "-write", "-run", "group gets 200"),
		runProbe(t.Context(), "", "-write", "-yes", "-run", "group gets 200"),
	} {
		require.NoError(t, r.err)
		assert.Contains(t, r.out, "| holds      | POST of a group gets 200 or 201 |")
	}
	assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames())
}

// Nothing that identifies the user is printed without -verbose, and no secret even with it.
func TestNothingPrivateIsPrinted(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
	require.NoError(t, seed(t.Context(), srv, srv.Client()))
	id := srv.Account("acme").Group("web").VirtualMachine("www1").ID()
	configure(t, srv)
	secrets := []string{srv.Token(), srv.APIKey()}
	// A service that repeats what it was sent, and more, in its errors.
	srv.Inject(bigvtest.Fault{Path: "/discs", Status: 500, Times: -1, ContentType: "text/html www1",
		Body: "\x1b[2J\u202ewww1 192.0.2.1 " + srv.Token() + "\n| next line |"})
	for _, args := range [][]string{{}, {"-json"}, {"-verbose"}, {"-verbose", "-json"}} {
		r := runProbe(t.Context(), "", append(args, "-write", "-yes")...)
		assert.ErrorContains(t, r.err, "expectations differ")
		for _, x := range srv.Journal() {
			if key := regexp.MustCompile(`"api_key":"([^"]+)"`).FindStringSubmatch(x.ResponseBody); key != nil && key[1] != "[redacted]" {
				secrets = append(secrets, key[1])
			}
		}
		for _, secret := range secrets {
			assert.NotContains(t, r.out+r.stderr, secret)
		}
		assert.NotRegexp(t, "\x1b|\u202e|u001b", r.out)
		if len(args) > 0 && args[0] == "-verbose" {
			assert.Contains(t, r.out, "/accounts/acme")
			continue
		}
		private := regexp.MustCompile(`acme|www[0-9]|\balice\b|\bweb\b|\bprobe-[a-z2-7]{12}|192\.0\.2|2001:db8|\b` +
			strconv.Itoa(id) + `\b`)
		assert.NotRegexp(t, private, r.out)
	}
}

// keyOptions selects all keys.
var keyOptions = bigv.APIKeyListOptions{}

var errInterrupted = errors.New("interrupt signal received")

// Whatever ends the program, what it made is removed, or how to remove it is printed.
func TestWriteCleansUp(t *testing.T) {
	for name, tt := range map[string]struct {
		interruptAt string // the request during which the program is interrupted
		faults      []bigvtest.Fault
		left        bool
		want        string // part of the error
	}{
		"nothing":                      {},
		"an interrupt of the creation": {interruptAt: "vm_create", want: "interrupt"},
		"an interrupt of a wait":       {interruptAt: "/virtual_machines/probe1", want: "interrupt"},
		"an interrupt after the key":   {interruptAt: "/signal", want: "interrupt"},
		"a lost creation of the group": {faults: []bigvtest.Fault{{Method: "POST", Path: "/accounts/acme/groups", DropAfter: true}}},
		"a lost creation":              {faults: []bigvtest.Fault{{Path: "/accounts/*/groups/*/vm_create", DropAfter: true}}},
		"a lost key":                   {faults: []bigvtest.Fault{{Method: "POST", Path: "/api_keys", DropAfter: true}}},
		"deletions that are not done":  {faults: []bigvtest.Fault{{Method: "DELETE", Status: 403, Times: -1}}, left: true},
		"a deletion that is refused first": {want: "differ",
			faults: []bigvtest.Fault{{Method: "DELETE", Path: "/accounts/acme/groups/*", Status: 400, Times: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
			keys, err := srv.Client().APIKeys.List(t.Context(), keyOptions)
			require.NoError(t, err)
			configure(t, srv)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
				if tt.interruptAt != "" && strings.Contains(r.URL.Path, tt.interruptAt) {
					cancel(errInterrupted)
				}
				return false
			}})
			for _, f := range tt.faults {
				srv.Inject(f)
			}
			r := runProbe(ctx, "", "-write", "-yes", "-run", "POST|vm_create|signal|provisioned|repeated|refused|empty group|API key")
			if tt.want != "" {
				assert.ErrorContains(t, r.err, tt.want)
			}
			if tt.interruptAt != "" {
				assert.ErrorIs(t, r.err, errInterrupted)
			}
			assert.Contains(t, r.stderr, "go run ./examples/clearout -yes probe-")
			assert.Empty(t, srv.DoneTwice())
			if name == "a lost creation" {
				creations := slices.DeleteFunc(writes(srv), func(request string) bool { return !strings.HasSuffix(request, "/vm_create") })
				assert.Len(t, creations, 1, "it is not sent again")
			}
			after, err := srv.Client().APIKeys.List(t.Context(), keyOptions)
			require.NoError(t, err)
			if tt.left {
				assert.Len(t, srv.Account("acme").GroupNames(), 3)
				assert.ErrorContains(t, r.err, "go run ./examples/clearout -yes probe-")
				return
			}
			assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames(), r.stderr)
			assert.Equal(t, keys, after)
		})
	}
}

// A program whose output nobody reads stops, and removes what it made.
func TestClosedOutput(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
	configure(t, srv)
	reader, writer := io.Pipe()
	srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
		if strings.Contains(r.URL.Path, "vm_create") {
			reader.Close()
		}
		return false
	}})
	go io.Copy(io.Discard, reader)
	err := run(t.Context(), t.Context(), []string{"-write", "-yes", "-run", "POST|vm_create"}, strings.NewReader(""), writer, io.Discard)
	assert.ErrorContains(t, err, "printing: io: read/write on closed pipe")
	assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames())
}
