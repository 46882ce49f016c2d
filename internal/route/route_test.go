package route

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpand(t *testing.T) {
	for _, row := range []struct {
		name, template string
		args           []string
		want, says     string
	}{
		{"nothing to fill in", "/definitions", nil, "/definitions", ""},
		{"one", "/accounts/{account}", []string{"acme"}, "/accounts/acme", ""},
		{"three", "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}", []string{"acme", "web", "5012"}, "/accounts/acme/groups/web/virtual_machines/5012", ""},
		{"text behind", "/users/{user}/privileges", []string{"bob"}, "/users/bob/privileges", ""},
		{"a slash", "/{a}", []string{"a/b"}, "/a%2Fb", ""},
		{"a query", "/{a}", []string{"a?b=c&d"}, "/a%3Fb=c&d", ""},
		{"a fragment", "/{a}", []string{"a#b"}, "/a%23b", ""},
		{"a percent sign", "/{a}", []string{"%2e%2e"}, "/%252e%252e", ""},
		{"a blank", "/{a}", []string{"a b"}, "/a%20b", ""},
		{"a placeholder", "/{a}/{b}", []string{"{b}", "x"}, "/%7Bb%7D/x", ""},
		{"an address keeps its colons", "/ips/{address}", []string{"2001:db8::1"}, "/ips/2001:db8::1", ""},
		{"three dots are a name", "/{a}", []string{"..."}, "/...", ""},
		{"more than ASCII", "/{a}", []string{"ä"}, "/%C3%A4", ""},
		{"too few", "/{a}/{b}", []string{"x"}, "", "has more placeholders than arguments"},
		{"too many", "/{a}", []string{"x", "y"}, "", "has fewer placeholders than arguments"},
		{"no end", "/{a", []string{"x"}, "", "a placeholder without an end"},
		{"an end before the beginning", "/a}/{b}", []string{"x"}, "", "a placeholder without an end"},
		{"what is refused is named", "/accounts/{account}/groups/{group}", []string{"acme", ""}, "", "group is empty"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Expand(row.template, row.args...)
			if row.says != "" {
				assert.ErrorContains(t, err, row.says)
				assert.Empty(t, got)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

func TestCheck(t *testing.T) {
	for segment, says := range map[string]string{
		"": "is empty", ".": "another endpoint", "..": "another endpoint",
		"0": "not an ID", "000": "not an ID", "-1": "not an ID", "-0": "not an ID",
		"\x00": "control", "a\nb": "control", "\x7f": "control", "\u0085": "control", "\xff": "UTF-8", "a\xc3": "UTF-8",
		"a": "", "1": "", "007": "", "...": "", "..a": "", "-": "", "-a": "", "1-": "", "--1": "", "a/b": "", "%": "", " ": "", "٣": "", "99999999999999999999": "",
	} {
		if err := Check(segment); says == "" {
			assert.NoError(t, err, "%q", segment)
		} else {
			assert.ErrorContains(t, err, says, "%q", segment)
		}
	}
	assert.ErrorIs(t, Check(""), ErrEmpty)
}

func TestIsID(t *testing.T) {
	for segment, want := range map[string]bool{"": false, "7": true, "007": true, "7a": false, "-7": false, "+7": false, "7 ": false, "٣": false, "/": false, ":": false} {
		assert.Equal(t, want, IsID(segment), "%q", segment)
	}
}

// hostile makes strings of what could matter in a URL.
func hostile(random *rand.Rand) string {
	pieces := []string{"a", "0", "7", "/", ".", "..", "%", "%2e", "%2f", "?", "#", "&", "=", "+", " ", ":", ";", "@", "\\", "{", "}", "\x00", "\r\n", "ä", "\u2028", "\xff", "\x80", "-", "~", "//", "http://x"}
	var s strings.Builder
	for range random.IntN(6) {
		s.WriteString(pieces[random.IntN(len(pieces))])
	}
	return s.String()
}

func checkExpansion(t *testing.T, a, b string) {
	t.Helper()
	path, err := Expand("/accounts/{account}/groups/{group}/virtual_machines", a, b)
	if Check(a) != nil || Check(b) != nil {
		require.Error(t, err, "%q %q", a, b)
		return
	}
	require.NoError(t, err, "%q %q", a, b)
	segments := strings.Split(path, "/")
	require.Len(t, segments, 6, "%q %q: each is one segment", a, b)
	require.Equal(t, []string{"", "accounts", "groups", "virtual_machines"}, []string{segments[0], segments[1], segments[3], segments[5]})
	for i, want := range map[int]string{2: a, 4: b} {
		got, err := url.PathUnescape(segments[i])
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.NotContains(t, []string{"", ".", ".."}, got)
	}
	// As a server and everything between reads it.
	read, err := url.ParseRequestURI(path + "?x=1")
	require.NoError(t, err)
	require.Equal(t, path, read.EscapedPath())
	require.Empty(t, read.Host)
	require.Equal(t, "x=1", read.RawQuery)
	require.Equal(t, path, read.JoinPath().EscapedPath(), "cleaning it changes nothing")
	for _, r := range path {
		require.True(t, r > ' ' && r < 0x7f, "%q holds %q", path, r)
	}
}

func TestNoNameChangesTheEndpoint(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		checkExpansion(t, hostile(random), hostile(random))
	}
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"acme", "..", "a/../b", "%2e%2e", "0", "\x00", "\xff", "a?b#c"} {
		f.Add(seed, "web")
	}
	f.Fuzz(func(t *testing.T, a, b string) { checkExpansion(t, a, b) })
}

func FuzzCheck(f *testing.F) {
	f.Add("acme")
	f.Add("..")
	f.Fuzz(func(t *testing.T, segment string) {
		bad := segment == "" || segment == "." || segment == ".." || !utf8.ValidString(segment) || strings.ContainsFunc(segment, unicode.IsControl)
		if bad {
			require.Error(t, Check(segment))
		} else if strings.ContainsFunc(segment, func(r rune) bool { return r != '-' && (r < '0' || r > '9') }) {
			require.NoError(t, Check(segment))
		}
	})
}
