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
		want, err      string
	}{
		{"no placeholder", "/definitions", nil, "/definitions", ""},
		{"one placeholder", "/accounts/{account}", []string{"acme"}, "/accounts/acme", ""},
		{"three placeholders", "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}", []string{"acme", "web", "5012"},
			"/accounts/acme/groups/web/virtual_machines/5012", ""},
		{"text after the placeholder", "/users/{user}/privileges", []string{"bob"}, "/users/bob/privileges", ""},
		{"slash", "/{a}", []string{"a/b"}, "/a%2Fb", ""},
		{"query", "/{a}", []string{"a?b=c&d"}, "/a%3Fb=c&d", ""},
		{"fragment", "/{a}", []string{"a#b"}, "/a%23b", ""},
		{"percent sign", "/{a}", []string{"%2e%2e"}, "/%252e%252e", ""},
		{"space", "/{a}", []string{"a b"}, "/a%20b", ""},
		{"placeholder in an argument", "/{a}/{b}", []string{"{b}", "x"}, "/%7Bb%7D/x", ""},
		{"colons of an address", "/ips/{address}", []string{"2001:db8::1"}, "/ips/2001:db8::1", ""},
		{"three dots", "/{a}", []string{"..."}, "/...", ""},
		{"not ASCII", "/{a}", []string{"ä"}, "/%C3%A4", ""},
		{"too few arguments", "/{a}/{b}", []string{"x"}, "", "route /{a}/{b} has more placeholders than arguments"},
		{"too many arguments", "/{a}", []string{"x", "y"}, "", "route /{a} has fewer placeholders than arguments"},
		{"missing brace", "/{a", []string{"x"}, "", "route /{a has a placeholder without an end"},
		{"braces in the wrong order", "/a}/{b}", []string{"x"}, "", "route /a}/{b} has a placeholder without an end"},
		{"the error names the argument", "/accounts/{account}/groups/{group}", []string{"acme", ""}, "", "group is empty"},
		{"the error shows the argument", "/groups/{group}", []string{".."}, "", `group ".." is not allowed`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Expand(row.template, row.args...)
			assert.Equal(t, row.want, got)
			if row.err != "" {
				assert.EqualError(t, err, row.err)
			} else {
				assert.NoError(t, err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for want, segments := range map[string][]string{
		"is empty":                     {""},
		"is not allowed":               {".", ".."},
		"is not an ID":                 {"0", "000", "-1", "-0"},
		"contains a control character": {"\x00", "a\nb", "\x7f", "\u0085"},
		"is not valid UTF-8":           {"\xff", "a\xc3"},
		"begins or ends with a space":  {" ", " a", "a ", "\u00a0a", "a\u2003"},
		"ends with a slash":            {"/", "a/", "a//"},
		"": {
			"a", "1", "007", "...", "..a", "-", "-a", "1-", "--1", "a/b", "/a", "%", "a b", "\u0663", "99999999999999999999",
		},
	} {
		for _, segment := range segments {
			if err := Check(segment); want == "" {
				assert.NoError(t, err, "%q", segment)
			} else {
				assert.ErrorContains(t, err, want, "%q", segment)
			}
		}
	}
	assert.ErrorIs(t, Check(""), ErrEmpty)
}

func TestIsID(t *testing.T) {
	for _, segment := range []string{"7", "007", "0", "99999999999999999999"} {
		assert.True(t, IsID(segment), "%q", segment)
	}
	for _, segment := range []string{"", "7a", "-7", "+7", "7 ", "\u0663", "/", ":"} {
		assert.False(t, IsID(segment), "%q", segment)
	}
}

// randomSegment returns a random sequence of texts that have a meaning in URLs.
func randomSegment(random *rand.Rand) string {
	texts := []string{
		"a", "0", "7", "/", ".", "..", "%", "%2e", "%2f", "?", "#", "&", "=", "+", " ", ":", ";", "@", "\\", "{", "}", "\x00", "\r\n",
		"ä", "\u2028", "\xff", "\x80", "-", "~", "//", "http://x",
	}
	var s strings.Builder
	for range random.IntN(6) {
		s.WriteString(texts[random.IntN(len(texts))])
	}
	return s.String()
}

// checkExpansion checks that a and b each become one segment, or are rejected.
func checkExpansion(t *testing.T, a, b string) {
	t.Helper()
	path, err := Expand("/accounts/{account}/groups/{group}/virtual_machines", a, b)
	if Check(a) != nil || Check(b) != nil {
		require.Error(t, err, "%q %q", a, b)
		return
	}
	require.NoError(t, err, "%q %q", a, b)
	segments := strings.Split(path, "/")
	require.Len(t, segments, 6, "%q %q: number of segments", a, b)
	fixed := []string{segments[0], segments[1], segments[3], segments[5]}
	require.Equal(t, []string{"", "accounts", "groups", "virtual_machines"}, fixed)
	for i, want := range map[int]string{2: a, 4: b} {
		got, err := url.PathUnescape(segments[i])
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.NotContains(t, []string{"", ".", ".."}, got)
	}
	// A server or a proxy reads the same path.
	read, err := url.ParseRequestURI(path + "?x=1")
	require.NoError(t, err)
	require.Equal(t, path, read.EscapedPath())
	require.Empty(t, read.Host)
	require.Equal(t, "x=1", read.RawQuery)
	require.Equal(t, path, read.JoinPath().EscapedPath(), "path.Clean does not change it")
	for _, r := range path {
		require.True(t, r > ' ' && r < 0x7f, "%q contains %q", path, r)
	}
}

// No argument can make a path name another endpoint.
func TestExpandRandomArguments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		checkExpansion(t, randomSegment(random), randomSegment(random))
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
		isDots := segment == "." || segment == ".."
		isNumber := !strings.ContainsFunc(segment, func(r rune) bool { return r != '-' && (r < '0' || r > '9') })
		switch {
		case segment == "", isDots, !utf8.ValidString(segment), strings.ContainsFunc(segment, unicode.IsControl),
			strings.TrimSpace(segment) != segment, strings.HasSuffix(segment, "/"):
			require.Error(t, Check(segment))
		case !isNumber:
			require.NoError(t, Check(segment))
		}
	})
}
