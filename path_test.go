package bigv_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	properties "testing/quick"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pathText is a path that has a text form.
type pathText interface {
	fmt.Stringer
	comparable
	MarshalText() ([]byte, error)
	IsZero() bool
}

// pathCase is a text and the path that it is parsed as.
type pathCase struct {
	text      string
	want      any
	canonical string // the text of the path, if it is not text
}

var pathCases = []pathCase{
	{"acme", acme, ""},
	{"41", bigv.AccountID(41), ""},
	{"#41", bigv.AccountID(41), "41"},
	{"acme.uk0.bigv.io", acme, "acme"},
	{"@default", bigv.DefaultAccount, ""},
	{"web.acme", web, ""},
	{"78.41", bigv.AccountID(41).Group("78"), ""},
	{"web.acme.uk0.bigv.io", web, "web.acme"},
	{".acme", acme.DefaultGroup(), "default.acme"},
	{".acme.uk0.bigv.io", acme.DefaultGroup(), "default.acme"},
	{"#78", bigv.GroupID(78), ""},
	{"default.@default", bigv.DefaultAccount.DefaultGroup(), ""},
	{"a%2Eb.acme", acme.Group("a.b"), ""},
	{"a%2Fb.acme", acme.Group("a/b"), ""},
	{"%23a.acme", acme.Group("#a"), ""},
	{"%232.acme", acme.Group("#2"), ""},
	{"100%25.acme", acme.Group("100%"), ""},
	{"a%252Fb.acme", acme.Group("a%2Fb"), ""},
	{"a%20b.acme", acme.Group("a b"), ""},
	{"a b.acme", acme.Group("a b"), "a%20b.acme"},
	{"n%C3%BCl.acme", acme.Group("nül"), ""},
	{"nül.acme", acme.Group("nül"), "n%C3%BCl.acme"},
	{"uk0.bigv", bigv.AccountPath("bigv").Group("uk0"), ""},

	{"www1.web.acme", www1, ""},
	{"www1.web.acme.uk0.bigv.io", www1, "www1.web.acme"},
	{"5012.78.41", bigv.AccountID(41).Group("78").VirtualMachine("5012"), ""},
	{"www1..acme", acme.DefaultGroup().VirtualMachine("www1"), "www1.default.acme"},
	{"www1..acme.uk0.bigv.io", acme.DefaultGroup().VirtualMachine("www1"), "www1.default.acme"},
	{"#5012", bigv.VirtualMachineID(5012), ""},
	{"www1.#78", bigv.GroupID(78).VirtualMachine("www1"), ""},
	{"5012.#78", bigv.GroupID(78).VirtualMachine("5012"), ""},
	{"uk0.bigv.io", bigv.AccountPath("io").Group("bigv").VirtualMachine("uk0"), ""},

	{"root.www1.web.acme", root, ""},
	{"root.www1..acme", acme.DefaultGroup().VirtualMachine("www1").Disc("root"), "root.www1.default.acme"},
	{"root.www1.web.acme.uk0.bigv.io", root, "root.www1.web.acme"},
	{"#9001", bigv.DiscID(9001), ""},
	{"root.#5012", bigv.VirtualMachineID(5012).Disc("root"), ""},
	{"root.www1.#78", bigv.GroupID(78).VirtualMachine("www1").Disc("root"), ""},
	{"a%2Eb%2E.www1.web.acme", www1.Disc("a.b."), ""},

	{"6100.www1.web.acme", www1.NIC(6100), ""},
	{"#6100", bigv.NICID(6100), ""},
	{"6100.#5012", bigv.VirtualMachineID(5012).NIC(6100), ""},
	{"nightly.root.www1.web.acme", root.Backup("nightly"), ""},
	{"#9100", bigv.BackupID(9100), ""},
	{"9100.#9001", bigv.DiscID(9001).Backup("9100"), ""},
	{"nightly.root.#5012", bigv.VirtualMachineID(5012).Disc("root").Backup("nightly"), ""},
}

// parsePath parses the text of a path of the same type as kind.
func parsePath(kind any, text string) (any, error) {
	switch kind.(type) {
	case bigv.AccountPath:
		return bigv.ParseAccountPath(text)
	case bigv.GroupPath:
		return bigv.ParseGroupPath(text)
	case bigv.VirtualMachinePath:
		return bigv.ParseVirtualMachinePath(text)
	case bigv.DiscPath:
		return bigv.ParseDiscPath(text)
	case bigv.NICPath:
		return bigv.ParseNICPath(text)
	}
	return bigv.ParseBackupPath(text)
}

func TestParsePath(t *testing.T) {
	for _, tt := range pathCases {
		t.Run(fmt.Sprintf("%T %s", tt.want, tt.text), func(t *testing.T) {
			path, err := parsePath(tt.want, tt.text)
			require.NoError(t, err)
			assert.Equal(t, tt.want, path)
			assert.Equal(t, cmp.Or(tt.canonical, tt.text), fmt.Sprint(path))
			switch path := path.(type) {
			case bigv.AccountPath:
				assertTextMarshaling(t, path, tt.text)
			case bigv.GroupPath:
				assertTextMarshaling(t, path, tt.text)
			case bigv.VirtualMachinePath:
				assertTextMarshaling(t, path, tt.text)
			case bigv.DiscPath:
				assertTextMarshaling(t, path, tt.text)
			case bigv.NICPath:
				assertTextMarshaling(t, path, tt.text)
			case bigv.BackupPath:
				assertTextMarshaling(t, path, tt.text)
			}
		})
	}
}

// assertTextMarshaling asserts that a path survives encoding/json of both versions, as a value and as a key, and package flag. text is
// any text that is parsed as the path.
func assertTextMarshaling[P pathText](t *testing.T, path P, text string) {
	t.Helper()
	type config struct {
		Path P       `json:"path"`
		By   map[P]P `json:"by"`
	}
	original := config{path, map[P]P{path: path}}
	v1, err := json.Marshal(original)
	require.NoError(t, err)
	v2, err := jsonv2.Marshal(original)
	require.NoError(t, err)
	want, err := json.Marshal(map[string]any{"path": path.String(), "by": map[string]string{path.String(): path.String()}})
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(v1))
	assert.JSONEq(t, string(want), string(v2))
	var decoded1, decoded2 config
	require.NoError(t, json.Unmarshal(v1, &decoded1))
	require.NoError(t, jsonv2.Unmarshal(v2, &decoded2))
	assert.Equal(t, original, decoded1)
	assert.Equal(t, original, decoded2)
	assert.False(t, path.IsZero())

	var flagged P
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.TextVar(any(&flagged).(interface {
		UnmarshalText([]byte) error
	}), "path", path, "")
	require.NoError(t, flags.Parse([]string{"-path", text}))
	assert.Equal(t, path, flagged)
	assert.Equal(t, path.String(), flags.Lookup("path").DefValue)
	require.Error(t, flags.Parse([]string{"-path", "a.b.c.d.e.f.g"}))
	assert.Equal(t, path, flagged, "an invalid text leaves the path unchanged")
}

func TestAccountPathIsEscaped(t *testing.T) {
	path := bigv.AccountPath("a.b/c")
	assert.Equal(t, "a%2Eb%2Fc", path.String())
	parsed, err := bigv.ParseAccountPath(path.String())
	require.NoError(t, err)
	assert.Equal(t, path, parsed)
}

func TestParseInvalidPath(t *testing.T) {
	account, group, vm, disc, nic, backup := bigv.AccountPath(""), bigv.GroupPath{}, bigv.VirtualMachinePath{}, bigv.DiscPath{},
		bigv.NICPath{}, bigv.BackupPath{}
	for _, tt := range []struct {
		kind          any
		text, message string
	}{
		{account, "", "is empty"},
		{account, "web.acme", "want 1 part, got 2: write account"},
		{account, "..", "want"},
		{account, "%2E%2E", "is not allowed"},
		{account, "#acme", "# must be followed by an ID"},
		{account, "0", "not an ID"},
		{group, "", "is empty"},
		{group, "acme", "want 2 parts, got 1: write group.account, or # and an ID"},
		{group, "www1.web.acme", "want 2 parts, got 3: write group.account"},
		{group, "web.acme.uk1.bigv.io", "got 5"},
		{group, "#web", "# must be followed by an ID"},
		{group, "#0", "not an ID"},
		{group, "#-1", "# must be followed by an ID"},
		{group, "#", "# must be followed by an ID"},
		{group, "web.#41", "an ID with # has no parents"},
		{group, "web.", "part 2 is empty"},
		{group, ".", "is empty"},
		{group, "%2E.acme", "is not allowed"},
		{group, "%2e%2e.acme", "is not allowed"},
		{group, "a%00.acme", "control character"},
		{group, "a\n.acme", "control character"},
		{group, "a%zz.acme", "%zz"},
		{group, "a%ff.acme", "UTF-8"},
		{group, "0.acme", "not an ID"},
		{vm, "www1", "want 3 parts, got 1: write machine.group.account, or # and an ID"},
		{vm, "www1.web", "want 3 parts, got 2"},
		{vm, "root.www1.web.acme", "want 3 parts, got 4"},
		{vm, ".web.acme", "part 1 is empty"},
		{vm, "www1.web.", "part 3 is empty"},
		{vm, "www1.#web", "# must be followed by an ID"},
		{vm, "www1.web.#41", "an ID with # has no parents"},
		{vm, "www1.#78.acme", ""},
		{vm, "#5012.web.acme", ""},
		{disc, "root", "want 4 parts, got 1: write disc.machine.group.account"},
		{disc, "root.www1.web", "want 4 parts, got 3"},
		{disc, "a.root.www1.web.acme", "got 5"},
		{disc, "..web.acme", "is empty"},
		{nic, "eth0.www1.web.acme", "a network interface has an ID and no name"},
		{nic, "eth0", "want 4 parts, got 1: write nic.machine.group.account"},
		{vm, " www1.web.acme", "part 1 \" www1\" begins or ends with a space"},
		{vm, "www1.web.acme ", "part 3 \"acme \" begins or ends with a space"},
		{vm, "www1.web.acme/", "part 3 \"acme/\" ends with a slash"},
		{vm, "www1.5012", "want 3 parts, got 2"},
		{vm, "0", "0 is not an ID"},
		{backup, "root.www1.web.acme", "want 5 parts, got 4: write backup.disc.machine.group.account"},
	} {
		t.Run(fmt.Sprintf("%T %q", tt.kind, tt.text), func(t *testing.T) {
			path, err := parsePath(tt.kind, tt.text)
			require.Error(t, err)
			assert.Zero(t, path)
			assert.ErrorContains(t, err, tt.message)
			assert.ErrorContains(t, err, fmt.Sprintf("path %q: ", tt.text))
			assert.ErrorContains(t, err, "bigv: parsing ")
		})
	}
}

// The text of a zero path is empty, and empty text is decoded as a zero path.
func TestZeroPaths(t *testing.T) {
	var paths struct {
		Group  bigv.GroupPath          `json:"group"`
		VM     bigv.VirtualMachinePath `json:"vm"`
		Disc   bigv.DiscPath           `json:"disc"`
		NIC    bigv.NICPath            `json:"nic"`
		Backup bigv.BackupPath         `json:"backup"`
		Left   bigv.GroupPath          `json:"left,omitzero"`
	}
	text, err := json.Marshal(paths)
	require.NoError(t, err)
	assert.Equal(t, `{"group":"","vm":"","disc":"","nic":"","backup":""}`, string(text))
	paths.Group, paths.VM, paths.Disc, paths.NIC, paths.Backup = web, www1, root, bigv.NICID(1), bigv.BackupID(1)
	require.NoError(t, json.Unmarshal(text, &paths))
	assert.Zero(t, paths)
	assert.True(t, paths.Group.IsZero() && paths.VM.IsZero() && paths.Disc.IsZero() && paths.NIC.IsZero() && paths.Backup.IsZero())
}

// A path returns its parent, and a zero path if it consists of an ID alone.
func TestParentsOfPaths(t *testing.T) {
	backup := root.Backup("nightly")
	assert.Equal(t, root, backup.Disc())
	assert.Equal(t, www1, backup.Disc().VirtualMachine())
	assert.Equal(t, web, www1.Group())
	assert.Equal(t, acme, web.Account())
	assert.Equal(t, www1, www1.NIC(6100).VirtualMachine())
	assert.True(t, bigv.BackupID(1).Disc().IsZero())
	assert.True(t, bigv.DiscID(1).VirtualMachine().IsZero())
	assert.True(t, bigv.NICID(1).VirtualMachine().IsZero())
	assert.True(t, bigv.VirtualMachineID(1).Group().IsZero())
	assert.Empty(t, bigv.GroupID(1).Account())
	assert.NotEqual(t, bigv.GroupID(78), acme.Group("78"))
	assert.NotEqual(t, bigv.GroupID(78), bigv.AccountPath("").Group("78"), "a path whose account is empty by mistake")
	assert.Equal(t, bigv.AccountPath("acme").Group("web"), web, "paths are comparable")
}

// The # of an ID alone is optional, and Name returns the last segment.
func TestParseBareIDAndName(t *testing.T) {
	for _, tt := range []struct {
		path fmt.Stringer
		name string
	}{
		{bigv.AccountPath("41"), "41"}, {bigv.GroupID(78), "78"}, {bigv.VirtualMachineID(5012), "5012"}, {bigv.DiscID(9001), "9001"},
		{bigv.NICID(6100), "6100"}, {bigv.BackupID(9100), "9100"},
	} {
		parsed, err := parsePath(tt.path, tt.name)
		assert.NoError(t, err, "%T", tt.path)
		assert.Equal(t, tt.path, parsed)
		assert.Equal(t, tt.name, tt.path.(interface{ Name() string }).Name())
	}
	assert.Equal(t, "acme", acme.Name())
	assert.Equal(t, "web", web.Name())
	assert.Equal(t, "www1", www1.Name())
	assert.Equal(t, "root", root.Name())
	assert.Equal(t, "nightly", root.Backup("nightly").Name())
	assert.Equal(t, "6100", www1.NIC(6100).Name())
	assert.Equal(t, "alice", bigv.UserPath("alice").Name())
	assert.Empty(t, bigv.GroupPath{}.Name())
}

// Errors show the names of a machine, group, disc or backup whose path was taken from a response. The path itself, and its text,
// have the IDs.
func TestPathsKeepNamesForDisplay(t *testing.T) {
	vm := bigv.VirtualMachine{ID: 5012, GroupID: 78, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io"}.Path()
	group := bigv.Group{ID: 78, AccountID: 41, Name: "web"}.Path()
	assert.Equal(t, "5012.78.acme", vm.String())
	assert.Equal(t, "78.41", group.String())
	srv := fakeserver.New(t, fakeserver.Respond(403, ""))
	client := newClient(t, srv)
	vms, negative := client.VirtualMachines, bigv.ShutdownOptions{ForceAfter: -1}
	inGroup := bigv.VirtualMachineListOptions{Group: group}
	disc := bigv.Disc{ID: 900, Label: "data", VirtualMachineID: 5012}.Path()
	backup := bigv.Backup{Disc: bigv.Disc{ID: 9100, Label: "nightly", VirtualMachineID: 5012}, ParentDiscID: 900}.Path()
	ofDisc := bigv.Backup{Disc: bigv.Disc{ID: 9100, Label: "nightly"}, ParentDiscID: 900}.Path()
	alone := bigv.Disc{ID: 900, Label: "data"}.Path()
	for want, err := range map[string]error{
		"bigv: purge backup nightly.#900: ":                         client.Backups.Purge(t.Context(), ofDisc),
		"bigv: get disc #900: 403":                                  errorOf(client.Discs.Get(t.Context(), alone)),
		"bigv: update disc data.#5012: ":                            errorOf(client.Discs.Resize(t.Context(), disc, 50)),
		"bigv: purge backup nightly.900.#5012: ":                    client.Backups.Purge(t.Context(), backup),
		"bigv: start virtual machine www1.web.acme: 403":            errorOf(vms.Start(t.Context(), vm)),
		"bigv: wait for virtual machine www1.web.acme: ":            errorOf(vms.Wait(t.Context(), vm, bigv.PoweredOn, bigv.WaitOptions{})),
		"bigv: update disc root.www1.web.acme: 403":                 errorOf(client.Discs.Resize(t.Context(), vm.Disc("root"), 50)),
		"bigv: purge backup b.root.www1.web.acme: 403":              client.Backups.Purge(t.Context(), vm.Disc("root").Backup("b")),
		"bigv: get network interface 6100.www1.web.acme: 403":       errorOf(client.NICs.Get(t.Context(), vm.NIC(6100))),
		"bigv: delete group web.41: 403":                            client.Groups.Delete(t.Context(), group),
		"bigv: list virtual machines of web.41: 403":                errorOf(vms.List(t.Context(), inGroup)),
		"bigv: create virtual machine www3.web.41: 403":             errorOf(vms.Create(t.Context(), group, newMachine("www3"))),
		"bigv: boot virtual machine www1.web.acme: not sent: ":      errorOf(vms.Boot(t.Context(), vm, "")),
		"bigv: shut down virtual machine www1.web.acme: not sent: ": errorOf(vms.ShutdownAndWait(t.Context(), vm, negative)),
	} {
		assert.ErrorContains(t, err, want)
	}
	for _, request := range srv.Sent() {
		assert.NotContains(t, request, "www1")
		assert.NotContains(t, request, "web")
		assert.NotContains(t, request, "nightly")
	}
	assert.True(t, vm.Group() != bigv.GroupPath{} && !vm.IsZero())
}

// anySegment is a random valid segment of a path.
type anySegment string

func (anySegment) Generate(r *rand.Rand, size int) reflect.Value {
	const letters = "abcXYZ019.-_~%#/?&=+: @!$'()*,;[]{}|\\^`\"<>éß日🐙\u202e"
	runes := []rune(letters)
	for {
		var b strings.Builder
		for range r.Intn(size%12+1) + 1 {
			b.WriteRune(runes[r.Intn(len(runes))])
		}
		text := b.String()
		isDots := text == "." || text == ".."
		isZeroID := strings.Trim(text, "0") == ""
		isNegativeID := strings.HasPrefix(text, "-") && strings.Trim(text[1:], "0123456789") == ""
		isTrimmed := strings.TrimSpace(text) == text && !strings.HasSuffix(text, "/")
		if !isDots && !isZeroID && !isNegativeID && isTrimmed {
			return reflect.ValueOf(anySegment(text))
		}
	}
}

// The text of every valid path is parsed as the same path.
func TestParsePathText(t *testing.T) {
	config := &properties.Config{MaxCount: 3000}
	property := func(account, group, vm, disc, backup anySegment, id uint16, kind uint8) bool {
		ids := int(id) + 1
		groupPath := []bigv.GroupPath{bigv.AccountPath(account).Group(string(group)), bigv.GroupID(ids)}[kind&1]
		vmPath := []bigv.VirtualMachinePath{groupPath.VirtualMachine(string(vm)), bigv.VirtualMachineID(ids)}[kind>>1&1]
		discPath := []bigv.DiscPath{vmPath.Disc(string(disc)), bigv.DiscID(ids)}[kind>>2&1]
		nicPath := []bigv.NICPath{vmPath.NIC(ids), bigv.NICID(ids)}[kind>>3&1]
		backupPath := []bigv.BackupPath{discPath.Backup(string(backup)), bigv.BackupID(ids)}[kind>>4&1]
		for _, path := range []fmt.Stringer{bigv.AccountPath(account), groupPath, vmPath, discPath, nicPath, backupPath} {
			text := path.String()
			parsed, err := parsePath(path, text)
			if err != nil || parsed != path || strings.ContainsAny(text, " \t\n/?\"\\<>") {
				t.Logf("the text of %#v is %q, which is parsed as %#v, %v", path, text, parsed, err)
				return false
			}
		}
		return true
	}
	require.NoError(t, properties.Check(property, config))
}

// A path that was parsed from any text is the path that its own text is parsed as.
func TestParseAnyText(t *testing.T) {
	property := func(a, b, c, d anySegment, n uint8) bool {
		text := strings.Join([]string{string(a), string(b), string(c), string(d)}[:n%4+1], ".")
		for _, kind := range []any{
			bigv.AccountPath(""), bigv.GroupPath{}, bigv.VirtualMachinePath{}, bigv.DiscPath{}, bigv.NICPath{}, bigv.BackupPath{},
		} {
			path, err := parsePath(kind, text)
			if err != nil {
				continue
			}
			again, err := parsePath(kind, fmt.Sprint(path))
			if err != nil || again != path {
				t.Logf("%q is parsed as %#v, and the text of that as %#v, %v", text, path, again, err)
				return false
			}
		}
		return true
	}
	require.NoError(t, properties.Check(property, &properties.Config{MaxCount: 3000}))
}
