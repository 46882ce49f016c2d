package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// escapeAll returns text as JSON with each character escaped, with hexadecimal digits as format prints them.
func escapeAll(text, format string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, format, unit)
	}
	return b.String()
}

// mixCase changes the case of every other hexadecimal digit.
func mixCase(text string) string {
	mixed := []byte(text)
	for i := range mixed {
		if i%2 == 0 && mixed[i] >= 'a' && mixed[i] <= 'f' {
			mixed[i] -= 'a' - 'A'
		}
	}
	return string(mixed)
}

// percentEncode returns text with each byte percent-encoded.
func percentEncode(text, format string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, format, text[i])
	}
	return b.String()
}

// encodeJSON returns a JSON string without its quotation marks.
func encodeJSON(text string, escapeHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if err := enc.Encode(text); err != nil {
		panic(err)
	}
	return b.String()[1 : b.Len()-2]
}

// htmlNumeric returns text with each character as a numeric HTML entity.
func htmlNumeric(text, format string) string {
	var b strings.Builder
	for _, char := range text {
		fmt.Fprintf(&b, format, char)
	}
	return b.String()
}

// encodings are the ways in which a secret may be encoded.
var encodings = map[string]func(string) string{
	"plain":                 func(s string) string { return s },
	"Go quoted":             func(s string) string { q := strconv.Quote(s); return q[1 : len(q)-1] },
	"Go quoted, ASCII":      func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
	"query":                 url.QueryEscape,
	"query, lower case":     func(s string) string { return lowerHex(url.QueryEscape(s)) },
	"path":                  url.PathEscape,
	"path, lower case":      func(s string) string { return lowerHex(url.PathEscape(s)) },
	"all percent-encoded":   func(s string) string { return percentEncode(s, "%%%02x") },
	"all percent, capitals": func(s string) string { return percentEncode(s, "%%%02X") },
	"JSON":                  func(s string) string { return encodeJSON(s, false) },
	"JSON for HTML":         func(s string) string { return encodeJSON(s, true) },
	"JSON with slashes":     func(s string) string { return strings.ReplaceAll(encodeJSON(s, false), "/", `\/`) },
	"JSON in ASCII":         func(s string) string { return escapeAll(s, `\u%04x`) },
	"JSON in capitals":      func(s string) string { return escapeAll(s, `\u%04X`) },
	"JSON in mixed case":    func(s string) string { return mixCase(escapeAll(s, `\u%04x`)) },
	"HTML":                  html.EscapeString,
	"HTML, decimal":         func(s string) string { return htmlNumeric(s, "&#%d;") },
	"HTML, hexadecimal":     func(s string) string { return htmlNumeric(s, "&#x%x;") },
	"HTML, named": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;", "/", "&sol;",
		"ä", "&auml;").Replace,
	"URL in JSON":          func(s string) string { return encodeJSON(url.QueryEscape(s), true) },
	"JSON in JSON":         func(s string) string { return encodeJSON(encodeJSON(s, true), true) },
	"JSON in ASCII, in Go": func(s string) string { return strings.ReplaceAll(escapeAll(s, `\u%04x`), `\`, `\\`) },
	"JSON in HTML":         func(s string) string { return html.EscapeString(encodeJSON(s, false)) },
	"JSON in a URL":        func(s string) string { return url.QueryEscape(encodeJSON(s, false)) },
}

// lowerHex returns text with the digits of its percent-encoding in lower case.
func lowerHex(text string) string {
	for i := 0; i+2 < len(text); i++ {
		if text[i] == '%' {
			text = text[:i] + strings.ToLower(text[i:i+3]) + text[i+3:]
		}
	}
	return text
}

// secrets are examples of secrets, each of which is changed by some encoding.
var secrets = []string{
	"hunter2", "p4ss", "correct horse", `quote"back\slash`, "a/b+c=d?e&f", "<script>'x'</script>", "two\nlines\r\n\tand more",
	"pässwörd", "emoji\U0001F600\U0001F601", "100%41", `\u0041bcd`, "&amp;&lt;", "%2Fetc%2F", `C:\new\table`, "[redacted]", "redacted",
	"\x01\x02\x1b\x7f", "\u2028\ufffd", "aaaa", "abab",
}

func TestStringRemovesSecretsInAllEncodings(t *testing.T) {
	for name, encode := range encodings {
		for _, secret := range secrets {
			for _, context := range []string{"%s", `{"error":"%s","more":1}`, "<p>%s</p>", "x=%s&y", "xy%sz", "+%s+"} {
				before, after, _ := strings.Cut(context, "%s")
				encoded := encode(secret)
				want := before + Placeholder + after
				assert.Equal(t, want, New(secret).String(before+encoded+after), "%s of %q", name, secret)
			}
		}
	}
}

func TestString(t *testing.T) {
	for _, row := range []struct {
		name    string
		secrets []string
		text    string
		want    string
	}{
		{"no secrets", nil, "hunter2", "hunter2"},
		{"short secrets are ignored", []string{"", "abc"}, "abc abc", "abc abc"},
		{"four bytes", []string{"abcd"}, "xabcdx", "x[redacted]x"},
		{"empty text", []string{"abcd"}, "", ""},
		{"several occurrences", []string{"abcd"}, "abcd abcdabcd", "[redacted] [redacted][redacted]"},
		{"a secret within a secret", []string{"horse", "correct horse battery"}, "correct horse battery, horse", "[redacted], [redacted]"},
		{"secrets that overlap", []string{"abcdef", "defghi"}, "xabcdefghix", "x[redacted]x"},
		{"a secret that overlaps with itself", []string{"ababa"}, "abababa", "[redacted]ba"},
		{"the same secret twice", []string{"abcd", "abcd"}, "abcd", "[redacted]"},
		{"a part of the placeholder", []string{"hunter2", "redacted"}, "hunter2", "[redacted]"},
		{"the name of a member", []string{"hunter2"}, `{"hunter2":{"\u0068unter2":1}}`, `{"[redacted]":{"[redacted]":1}}`},
		{"duplicate members", []string{"hunter2"}, `{"a":"\u0068unter2","a":"hunter2"}`, `{"a":"[redacted]","a":"[redacted]"}`},
		{"the rest is unchanged", []string{"hunter2"}, `{ "a" : "\u0041\/%41&amp;+" , "b":"\u0068unter2"}`,
			`{ "a" : "\u0041\/%41&amp;+" , "b":"[redacted]"}`},
		{"half escaped", []string{"hunter2"}, `hu\u006eter2 h%75nter2 h&#117;nter2 \x68unter2 \U00000068unter2`,
			"[redacted] [redacted] [redacted] [redacted] [redacted]"},
		{"escapes of several languages", []string{"hunter2"}, `\u0068%75nte&#114;2`, "[redacted]"},
		{"after a backslash", []string{"nunter2"}, `\nunter2 \\nunter2 \\u006eunter2`, `\[redacted] \\[redacted] [redacted]`},
		{"invalid escapes", []string{"hunter2"}, `\u00zz %zz &zz; \xz \U0000 &#; \q % \ hunter2`,
			`\u00zz %zz &zz; \xz \U0000 &#; \q % \ [redacted]`},
		{"unpaired surrogates", []string{"hunter2"}, `\ud83d\u0068unter2 \ud83dxxxxxxx \ude00`, `\ud83d[redacted] \ud83dxxxxxxx \ude00`},
		{"no surrogate pair", []string{"\U0001F600"}, `\ud83dxxde00 \ud83d\u0061de00`, `\ud83dxxde00 \ud83d\u0061de00`},
		{"an ampersand before an entity", []string{"hunter2"}, `&&#104;unter2`, "&[redacted]"},
		{"plus signs for spaces", []string{"correct horse"}, "q=correct+horse", "q=[redacted]"},
		{"plus signs in the secret", []string{"c0rr/ect+horse"}, "q=c0rr%2fect+horse", "q=[redacted]"},
		{"invalid UTF-8, replaced", []string{"pass\xffword"}, "pass\ufffdword pass\\ufffdword", "[redacted] [redacted]"},
		{"a part of a character", []string{"abc\xe2", "\xacdef"}, `abc\u20acdef`, "[redacted][redacted]"},
		{"several parts of a character", []string{"abc\xf0", "\x80def"}, `abc\ud83d\ude00def`, "[redacted][redacted]"},
		{"the middle of a character", []string{"abc\xe2", "\x89\x82\xcc\xb8"}, `abc&NotEqualTilde;def`, "[redacted]def"},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.want, New(row.secrets...).String(row.text))
			assert.Equal(t, row.want, New(row.secrets...).String(row.text))
		})
	}
	assert.Equal(t, "hunter2", new(Redactor).String("hunter2"), "the zero Redactor removes nothing")
}

// A long secret, such as a script, is removed from its first to its last character.
func TestStringRemovesLongSecrets(t *testing.T) {
	script := "#!/bin/sh\n" + strings.Repeat("echo \"hello\" & exit\n", 200) + "password=hunter2"
	r := New(script)
	for name, encode := range encodings {
		assert.Equal(t, "<x>"+Placeholder+"</x>", r.String("<x>"+encode(script)+"</x>"), name)
	}
}

func TestTruncated(t *testing.T) {
	for name, encode := range encodings {
		if name == "JSON in HTML" || name == "JSON in a URL" { // an escape sequence in an escape sequence
			continue
		}
		for _, secret := range secrets[:9] { // the others look escaped themselves
			encoded := encode(secret)
			for n := range len(encoded) {
				text := "<p>" + encoded[:n]
				got := New(secret).Truncated(text)
				if got == text {
					assert.Less(t, len(longestPrefix(text, secret)), minLength, "%s of %q, %d bytes: %s", name, secret, n, got)
				} else {
					assert.Equal(t, "<p>"+Placeholder, got, "%s of %q, %d bytes", name, secret, n)
				}
			}
		}
	}
}

// longestPrefix returns the longest prefix of secret that text, decoded in some way, ends with.
func longestPrefix(text, secret string) string {
	for n := len(secret); n > 0; n-- {
		decoded := text
		for range 2 {
			if strings.Contains(decoded, secret[:n]) {
				return secret[:n]
			}
			decoded = decode(decoded, escapes)
		}
	}
	return ""
}

func TestTruncatedExamples(t *testing.T) {
	for _, row := range []struct{ name, secret, text, want string }{
		{"a whole secret", "hunter2", "x hunter2", "x [redacted]"},
		{"a whole secret and more", "hunter2", "x hunter2 y", "x [redacted] y"},
		{"the beginning", "hunter2", "x hunt", "x [redacted]"},
		{"too little", "hunter2", "x hun", "x hun"},
		{"the middle", "hunter2", "x unter", "x unter"},
		{"the beginning, not at the end", "hunter2", "x hunte y", "x hunte y"},
		{"an incomplete \\u", "hunter2", `h\u0075nt\u00`, "[redacted]"},
		{"a backslash", "hunter2", `hunt\`, "[redacted]"},
		{"an incomplete percent sign", "hunter2", "hunt%6", "[redacted]"},
		{"an incomplete entity", "hunter2", "hunt&#x6", "[redacted]"},
		{"an incomplete name", `hunt"`, "hunt&quo", "[redacted]"},
		{"half of a surrogate pair", "pass\U0001F600", `p\u0061ss\ud83d`, "[redacted]"},
		{"a surrogate pair cut in its second half", "pass\U0001F600", `p\u0061ss\ud83d\ude`, "[redacted]"},
		{"another escape", "hunter2", `hunt\u00zz`, `hunt\u00zz`},
		{"a repeated beginning", "aaaab", "xaaaaa", "xa[redacted]"},
		{"text shorter than the secret", "hunter2", "hunte", "[redacted]"},
		{"empty", "hunter2", "", ""},
	} {
		assert.Equal(t, row.want, New(row.secret).Truncated(row.text), row.name)
	}
}

func TestSecrets(t *testing.T) {
	r := New("hunter2", "abc", "hunter2", "correct horse")
	got := r.Secrets()
	assert.ElementsMatch(t, []string{"hunter2", "correct horse"}, got)
	got[0], got[1] = "x", "y"
	assert.NotContains(t, r.Secrets(), "x", "the result is a copy")
}

func TestError(t *testing.T) {
	errIs := func(err, target error) bool { return target == io.EOF && errors.Is(err, target) }
	r := New("hunter2")
	assert.NoError(t, r.Error(nil, errIs))
	harmless := errors.New("connection reset")
	assert.Same(t, harmless, r.Error(harmless, errIs))

	secret := url.EscapeError("hunter2")
	err := r.Error(fmt.Errorf("reading %q: %w: %w", "hunter2", secret, io.EOF), errIs)
	assert.EqualError(t, err, `reading "[redacted]": invalid URL escape "[redacted]": EOF`)
	assert.ErrorIs(t, err, io.EOF)
	assert.NotErrorIs(t, err, secret, "matches decides")
	assert.Nil(t, errors.Unwrap(err))
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text := fmt.Sprintf(format, WithText("redacted", secret, errIs))
		assert.NotContains(t, text, "hunter2", format)
	}
}

func TestHostileBodiesTakeBoundedTime(t *testing.T) {
	script := "#!/bin/sh\n" + strings.Repeat("echo \"hello\"\n", 5000)
	repeated := strings.Repeat("a", 60_000)
	r := New("hunter2", script, repeated, repeated+"b", strings.Repeat("ab", 30_000)+"c")
	for name, text := range map[string]string{
		"empty strings": `["\u0041"` + strings.Repeat(`,""`, 300_000) + "]",
		"one letter":    strings.Repeat("a", 1<<20),
		"two letters":   strings.Repeat("ab", 1<<19),
		"backslashes":   strings.Repeat(`\`, 1<<20),
		"escapes":       strings.Repeat(`\u0061`, 1<<17),
		"percent signs": strings.Repeat("%61", 1<<18),
		"double":        strings.Repeat("%2561", 1<<18),
		"ampersands":    strings.Repeat("&", 1<<20),
		"entities":      strings.Repeat("&#97;", 1<<18),
		"no entities":   strings.Repeat("&a;", 1<<18),
		"script":        strings.Repeat("echo \\\"hello\\\"\\n", 1<<16),
	} {
		began := time.Now()
		r.Truncated(text)
		assert.Less(t, time.Since(began), 5*time.Second, name)
	}
}

// standard are the encodings that are recognized even after an incomplete escape sequence, which changes the meaning of others.
var standard = []string{"plain", "Go quoted", "query", "path", "JSON"}

// checkRedacted checks that a text with the secret, encoded in some way, contains it only within the placeholders.
func checkRedacted(t *testing.T, secret, before, after string) {
	t.Helper()
	r := New(secret)
	for name, encode := range encodings {
		encoded := encode(secret)
		text := before + encoded + after
		lossless := utf8.ValidString(secret) && (!strings.HasPrefix(name, "HTML,") || html.UnescapeString(encoded) == secret)
		if !slices.Contains(standard, name) {
			text = before + `"` + encoded + `"` + after
		}
		for kind, got := range map[string]string{"String": r.String(text), "Truncated": r.Truncated(text)} {
			for part := range strings.SplitSeq(got, Placeholder) {
				require.NotContains(t, part, secret, "%s, %s of %q", kind, name, text)
				if lossless {
					require.NotContains(t, part, encoded, "%s, %s of %q", kind, name, text)
				}
			}
		}
	}
}

// randomText returns a random sequence of characters and escape sequences.
func randomText(random *rand.Rand, n int) string {
	texts := []string{
		"a", "b", "n", "u", "x", "0", "4", "1", "d", "\\", `\\`, `\"`, `\n`, `\u0061`, `\ud83d`, `\ude00`, "%", "%25", "%61", "&", "&amp;",
		";", "#", "+", " ", `"`, "/", "\n", "ä", "\U0001F600", "\x00", "[", "]",
	}
	var b strings.Builder
	for range random.IntN(n) {
		b.WriteString(texts[random.IntN(len(texts))])
	}
	return b.String()
}

func TestRandomSecretsAreRemoved(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		if secret := randomText(random, 8); len(secret) >= minLength {
			checkRedacted(t, secret, randomText(random, 4), randomText(random, 4))
		}
	}
}

func FuzzString(f *testing.F) {
	for _, secret := range secrets {
		f.Add(secret, `{"a":"`, `"}`)
		f.Add(secret, `\`, "%4")
	}
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) >= minLength && len(secret)+len(before)+len(after) < 1<<12 {
			checkRedacted(t, secret, before, after)
		}
	})
}
