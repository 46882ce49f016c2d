package bigv_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the database of time zones, which a system may not have

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTimestampWithoutZone compares times without a zone with the database of time zones, for each half hour around the changes.
func TestTimestampWithoutZone(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	require.NoError(t, err)
	const layout = "2006-01-02 15:04:05"
	for year := 1996; year < 2038; year++ {
		for _, month := range []time.Month{time.January, time.March, time.July, time.October} {
			for at := time.Date(year, month, 20, 0, 0, 0, 0, time.UTC); at.Day() >= 20; at = at.Add(30 * time.Minute) {
				want, err := time.ParseInLocation(layout, at.Format(layout), london)
				require.NoError(t, err)
				got, err := bigv.Timestamp(at.Format(layout)).Time()
				require.NoError(t, err)
				if !got.Equal(want) && !(month == time.March && at.Hour() == 1) { // an hour that does not exist
					require.Equal(t, want, got, at.Format(layout))
				}
			}
		}
	}
}

// TestNoTimeZones checks that no code of the package uses a time zone of the system, which may have none. It reads the code, since a
// test that calls it finds a database of time zones everywhere: in the system, in Go's own directory or, for the test above, in itself.
func TestNoTimeZones(t *testing.T) {
	t.Parallel()
	for _, p := range publicPackages {
		files, err := filepath.Glob(filepath.Join(p.dir, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ImportSpec:
					assert.NotEqual(t, `"time/tzdata"`, n.Path.Value, "%s imports 450 KB", file)
				case *ast.SelectorExpr:
					assert.NotContains(t, []string{"LoadLocation", "LoadLocationFromTZData", "Local"}, n.Sel.Name, file)
				}
				return true
			})
		}
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		text bigv.Timestamp
		want string // RFC 3339; empty is an error
	}{
		{"with Z", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"},
		{"with a fraction", "2019-03-04T00:24:45.0312Z", "2019-03-04T00:24:45.0312Z"},
		{"with an offset", "2019-03-04T00:00:00+01:00", "2019-03-03T23:00:00Z"},
		{"with an offset without a colon", "2018-05-06T07:08:09-0700", "2018-05-06T14:08:09Z"},
		{"with a fraction and an offset without a colon", "2018-05-06T07:08:09.5-0700", "2018-05-06T14:08:09.5Z"},
		{"with an offset of hours", "2018-05-06T07:08:09+02", "2018-05-06T05:08:09Z"},
		{"with a space", "2019-03-04 00:00:00Z", "2019-03-04T00:00:00Z"},
		{"with a space and an offset", "2019-03-04 00:00:00 +0000", "2019-03-04T00:00:00Z"},
		{"in GMT", "2019-03-04 00:00:00 GMT", "2019-03-04T00:00:00Z"},
		{"ISO 8601 in GMT", "2019-03-04T00:00:00 GMT", "2019-03-04T00:00:00Z"},
		{"in UTC", "2019-03-04 00:00:00 UTC", "2019-03-04T00:00:00Z"},
		{"in BST", "2019-07-04 00:00:00 BST", "2019-07-03T23:00:00Z"},
		{"without a zone in winter, which is GMT", "2019-03-04 12:00:00", "2019-03-04T12:00:00Z"},
		{"without a zone in summer, which is BST", "2019-07-04T12:00:00", "2019-07-04T11:00:00Z"},
		{"with white space around it", " 2020-01-01T00:00:00Z\n", "2020-01-01T00:00:00Z"},
		{"a time of day", "00:00", ""},
		{"a date", "2019-03-04", ""},
		{"another zone by name", "2019-03-04 00:00:00 EST", ""},
		{"a day that does not exist", "2019-02-30T00:00:00Z", ""},
		{"words", "next Tuesday", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			at, err := row.text.Time()
			if row.want == "" {
				require.ErrorContains(t, err, "is not a date and time")
				assert.True(t, at.IsZero())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, at.UTC().Format(time.RFC3339Nano))
		})
	}
	at, err := bigv.Timestamp("").Time()
	require.NoError(t, err)
	assert.True(t, at.IsZero())
	assert.Empty(t, bigv.NewTimestamp(time.Time{}))
	east := time.FixedZone("", 3600)
	assert.Equal(t, bigv.Timestamp("2019-12-31T23:00:00Z"), bigv.NewTimestamp(time.Date(2020, 1, 1, 0, 0, 0, 999, east)))
}
