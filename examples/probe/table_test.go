package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
)

// Each expectation names a file and something in it that depends on it, where that is declared or set.
func TestEachExpectationNamesWhatNeedsIt(t *testing.T) {
	for _, e := range expectations() {
		file, name, found := strings.Cut(e.neededBy, " ")
		file, isText := strings.CutSuffix(file, ":")
		require.True(t, found, e.neededBy)
		source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		require.NoError(t, err, e.name)
		// A function, a type, a constant, a field that is declared, or a field of a literal.
		pattern := `(?m)^(func (\([^)]*\) )?|type |const |var |\s*)NAME([\[(]| +\S|:)`
		if isText {
			pattern = "x-unverified-why: .*NAME"
		}
		pattern = strings.Replace(pattern, "NAME", regexp.QuoteMeta(name), 1)
		assert.True(t, regexp.MustCompile(pattern).Match(source), "%s: not found: %s", e.name, e.neededBy)
	}
}

// The members that are expected are those that the package reads, and a few that it ignores.
func TestMembersAreThoseOfThePackage(t *testing.T) {
	ignored := map[string][]string{
		"privilege": {"_links"}, "backup schedule": {"start_date"}, // the package reads it as start_at
	}
	types := map[string]reflect.Type{
		"account": reflect.TypeFor[bigv.Account](), "group": reflect.TypeFor[bigv.Group](),
		"virtual machine": reflect.TypeFor[bigv.VirtualMachine](), "disc": reflect.TypeFor[bigv.Disc](),
		"network interface": reflect.TypeFor[bigv.NIC](), "IP address": reflect.TypeFor[bigv.IP](), "user": reflect.TypeFor[bigv.User](),
		"privilege": reflect.TypeFor[bigv.Privilege](), "API key": reflect.TypeFor[bigv.APIKey](), "backup": reflect.TypeFor[bigv.Backup](),
		"backup schedule": reflect.TypeFor[bigv.BackupSchedule](), "session": reflect.TypeFor[bigv.Session](),
	}
	for _, k := range kinds {
		want := ignored[k.name]
		for _, f := range reflect.VisibleFields(types[k.name]) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		assert.Equal(t, want, slices.Sorted(maps.Keys(k.members)), "shapes.go: members of %s", article(k.name))
	}
}

func TestCompare(t *testing.T) {
	m := members{"id": "int", "name": "string!", "ips": "ips?", "note": "string?!"}
	wrong, nulls, unknown := m.compare(object{"id": nil, "ips": []any{"localhost"}, "note": nil, "colour": 1, "Bob's": 1})
	slices.Sort(wrong)
	slices.Sort(unknown)
	assert.Equal(t, []string{"ips is an array, expected ips", "name is missing"}, wrong)
	assert.Equal(t, []string{"id"}, nulls)
	assert.Equal(t, []string{"(an unusual name)", "colour"}, unknown)
}

func TestMediaType(t *testing.T) {
	for header, want := range map[string]string{
		"Application/vnd.bigv.disc+json; charset=utf-8": "application/vnd.bigv.disc+json", "": "no Content-Type",
		"text/html www1": "an unusual Content-Type", "www1": "an unusual Content-Type",
		"text/" + strings.Repeat("a", 100): "an unusual Content-Type",
	} {
		x := &roundTrip{received: http.Header{"Content-Type": {header}}, content: []byte("a")}
		assert.Equal(t, want, x.mediaType())
	}
}

func TestPath(t *testing.T) {
	c := call{route: "/ips/{address}?name={name}&view=overview", args: []string{"a/b c", "a&b c"}}
	assert.Equal(t, "/ips/a%2Fb%20c?name=a%26b+c&view=overview", c.path())
}
