package bigv_test

import (
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

// pathRow is a text and the path that it reads as.
type pathRow struct {
	text string
	want any
	// prints is the text that the path prints as, unless that is text.
	prints string
}

var pathRows = []pathRow{
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

// parsePath reads the text form of a path of a kind.
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

func TestPathsAsText(t *testing.T) {
	for _, row := range pathRows {
		t.Run(fmt.Sprintf("%T %s", row.want, row.text), func(t *testing.T) {
			path, err := parsePath(row.want, row.text)
			require.NoError(t, err)
			assert.Equal(t, row.want, path)
			prints := row.prints
			if prints == "" {
				prints = row.text
			}
			assert.Equal(t, prints, fmt.Sprint(path))
			switch path := path.(type) {
			case bigv.AccountPath:
				assertTextual(t, path, row.text)
			case bigv.GroupPath:
				assertTextual(t, path, row.text)
			case bigv.VirtualMachinePath:
				assertTextual(t, path, row.text)
			case bigv.DiscPath:
				assertTextual(t, path, row.text)
			case bigv.NICPath:
				assertTextual(t, path, row.text)
			case bigv.BackupPath:
				assertTextual(t, path, row.text)
			}
		})
	}
}

// assertTextual asserts that a path is text to encoding, JSON of both versions
// and flags, and that it reads as itself from all of them. text is another text
// of it.
func assertTextual[P pathText](t *testing.T, path P, text string) {
	t.Helper()
	type config struct {
		Path P       `json:"path"`
		By   map[P]P `json:"by"`
	}
	was := config{path, map[P]P{path: path}}
	v1, err := json.Marshal(was)
	require.NoError(t, err)
	v2, err := jsonv2.Marshal(was)
	require.NoError(t, err)
	want, err := json.Marshal(map[string]any{"path": path.String(), "by": map[string]string{path.String(): path.String()}})
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(v1))
	assert.JSONEq(t, string(want), string(v2))
	var is1, is2 config
	require.NoError(t, json.Unmarshal(v1, &is1))
	require.NoError(t, jsonv2.Unmarshal(v2, &is2))
	assert.Equal(t, was, is1)
	assert.Equal(t, was, is2)
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
	assert.Equal(t, path, flagged, "a text that cannot be read changes nothing")
}

// Beside encoding/json's map keys, which are the strings that they are.
func TestAccountPathsAreEscaped(t *testing.T) {
	path := bigv.AccountPath("a.b/c")
	assert.Equal(t, "a%2Eb%2Fc", path.String())
	read, err := bigv.ParseAccountPath(path.String())
	require.NoError(t, err)
	assert.Equal(t, path, read)
}

func TestPathsThatCannotBeRead(t *testing.T) {
	account, group, vm, disc, nic, backup := bigv.AccountPath(""), bigv.GroupPath{}, bigv.VirtualMachinePath{}, bigv.DiscPath{}, bigv.NICPath{}, bigv.BackupPath{}
	for _, row := range []struct {
		kind       any
		text, says string
	}{
		{account, "", "is empty"},
		{account, "web.acme", "2 parts, and 1 are enough: account"},
		{account, "..", "parts"},
		{account, "%2E%2E", "another endpoint"},
		{account, "#acme", "# must be followed by an ID"},
		{account, "0", "not an ID"},
		{group, "", "is empty"},
		{group, "acme", "1 of 2 parts: write group.account, or # and an ID alone"},
		{group, "www1.web.acme", "3 parts, and 2 are enough: group.account"},
		{group, "web.acme.uk1.bigv.io", "5 parts"},
		{group, "#web", "# must be followed by an ID"},
		{group, "#0", "not an ID"},
		{group, "#-1", "# must be followed by an ID"},
		{group, "#", "# must be followed by an ID"},
		{group, "web.#41", "here none is"},
		{group, "web.", "part 2 is empty"},
		{group, ".", "is empty"},
		{group, "%2E.acme", "another endpoint"},
		{group, "%2e%2e.acme", "another endpoint"},
		{group, "a%00.acme", "control character"},
		{group, "a\n.acme", "control character"},
		{group, "a%zz.acme", "%zz"},
		{group, "a%ff.acme", "UTF-8"},
		{group, "0.acme", "not an ID"},
		{vm, "www1", "1 of 3 parts: write machine.group.account, or # and an ID alone"},
		{vm, "www1.web", "2 of 3 parts"},
		{vm, "root.www1.web.acme", "4 parts, and 3 are enough"},
		{vm, ".web.acme", "part 1 is empty"},
		{vm, "www1.web.", "part 3 is empty"},
		{vm, "www1.#web", "# must be followed by an ID"},
		{vm, "www1.web.#41", "here none is"},
		{vm, "www1.#78.acme", ""},
		{vm, "#5012.web.acme", ""},
		{disc, "root", "1 of 4 parts: write disc.machine.group.account"},
		{disc, "root.www1.web", "3 of 4 parts"},
		{disc, "a.root.www1.web.acme", "5 parts"},
		{disc, "..web.acme", "is empty"},
		{nic, "eth0.www1.web.acme", "a network interface has an ID and no name"},
		{nic, "6100", "1 of 4 parts: write nic.machine.group.account"},
		{backup, "root.www1.web.acme", "4 of 5 parts: write backup.disc.machine.group.account"},
	} {
		t.Run(fmt.Sprintf("%T %q", row.kind, row.text), func(t *testing.T) {
			path, err := parsePath(row.kind, row.text)
			require.Error(t, err)
			assert.Zero(t, path)
			assertSays(t, err, row.says)
			assertSays(t, err, fmt.Sprintf("path %q: ", row.text))
			assertSays(t, err, "bigv: parsing ")
		})
	}
}

// A path that names nothing is empty text, and empty text is a path that names
// nothing.
func TestPathsThatNameNothing(t *testing.T) {
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

// A path tells its parents, and nothing where an ID alone does not.
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
	assert.NotEqual(t, bigv.GroupID(78), bigv.AccountPath("").Group("78"), "an account that is empty by mistake is not an ID alone")
	assert.Equal(t, bigv.AccountPath("acme").Group("web"), web, "paths are comparable")
}

// anySegment is text that may stand in a path.
type anySegment string

func (anySegment) Generate(r *rand.Rand, size int) reflect.Value {
	const of = "abcXYZ019.-_~%#/?&=+: @!$'()*,;[]{}|\\^`\"<>éß日🐙\u202e"
	letters := []rune(of)
	for {
		var b strings.Builder
		for range r.Intn(size%12+1) + 1 {
			b.WriteRune(letters[r.Intn(len(letters))])
		}
		switch text := b.String(); {
		case text == ".", text == "..", strings.Trim(text, "0") == "", strings.HasPrefix(text, "-") && strings.Trim(text[1:], "0123456789") == "":
		default:
			return reflect.ValueOf(anySegment(text))
		}
	}
}

// Every path that may be sent reads back as it was printed.
func TestPathsReadAsTheyPrint(t *testing.T) {
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
			read, err := parsePath(path, text)
			if err != nil || read != path || strings.ContainsAny(text, " \t\n/?\"\\<>") {
				t.Logf("%#v printed %q, which reads %#v, %v", path, text, read, err)
				return false
			}
		}
		return true
	}
	require.NoError(t, properties.Check(property, config))
}

// Whatever text there is: what can be read prints as text that reads the same.
func TestTextReadsAsItPrints(t *testing.T) {
	property := func(a, b, c, d anySegment, n uint8) bool {
		text := strings.Join([]string{string(a), string(b), string(c), string(d)}[:n%4+1], ".")
		for _, kind := range []any{bigv.AccountPath(""), bigv.GroupPath{}, bigv.VirtualMachinePath{}, bigv.DiscPath{}, bigv.NICPath{}, bigv.BackupPath{}} {
			path, err := parsePath(kind, text)
			if err != nil {
				continue
			}
			again, err := parsePath(kind, fmt.Sprint(path))
			if err != nil || again != path {
				t.Logf("%q reads as %#v, and that as %#v, %v", text, path, again, err)
				return false
			}
		}
		return true
	}
	require.NoError(t, properties.Check(property, &properties.Config{MaxCount: 3000}))
}
