package redact

import (
	"encoding/base64"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// kinds are examples of what the client sends that is secret.
var kinds = map[string]string{
	"session token":     "3f1c9a52-7d44-4b0e-9a61-52d1c0e7b8aa",
	"API key":           "Zk9-x_7Qm2LrT0vWc4bN8sYhJ1dPfGeA",
	"password":          `gR7#"kq/Vz&1<m>`,
	"short password":    "hunter2",
	"one-time code":     "492817",
	"Yubikey code":      "cccccckdvvulgjvtkjdhtlrbjjctggdihuevikehtlil",
	"password, newline": "gR7kqVz1m\n",
	"firstboot script":  firstbootScript,
	"private key":       privateKey,
}

// firstbootScript is a script with secrets in short and long lines.
var firstbootScript = "#!/bin/sh\nset -e\nPW=tr0ub4dor\nexport DB_URL=postgres://app:s3cr3tpw@db.example/app\n" +
	"cat > /etc/app.conf <<E\n\tkey = \"9f8e7d6c5b4a\"\n  token: 'qwertzuiop+/='\nE\n" +
	strings.Repeat("useradd -m \"deploy & co\"\n", 25) + "exit 0\n"

// privateKey looks like an SSH private key, which is longer than 512 bytes.
var privateKey = func() string {
	data := make([]byte, 1200)
	for i := range data {
		data[i] = byte(i*i*7 + i*13)
	}
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	b.WriteString("-----BEGIN OPENSSH PRIVATE KEY-----\n")
	for len(text) > 0 {
		n := min(70, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String() + "-----END OPENSSH PRIVATE KEY-----\n"
}()

// echoes are ways in which a service may repeat a secret, changed or in part. Each returns the parts to put into a text.
var echoes = map[string]func(secret string) []string{
	"without the final newline": func(s string) []string { return []string{strings.TrimSpace(s)} },
	"with CRLF":                 func(s string) []string { return []string{strings.ReplaceAll(s, "\n", "\r\n")} },
	"on one line":               func(s string) []string { return []string{strings.Join(strings.Fields(s), " ")} },
	"the beginning":             func(s string) []string { return prefixes(s) },
	"the end":                   func(s string) []string { return suffixes(s) },
	"each line":                 lines,
	"after 512 bytes": func(s string) []string {
		if len(s) < 12 {
			return nil
		}
		return []string{s[min(512, len(s)/4):]}
	},
	"entities in JSON":         func(s string) []string { return []string{encodeJSON(html.EscapeString(s), true)} },
	"decimal entities in JSON": func(s string) []string { return []string{encodeJSON(htmlNumeric(s, "&#%d;"), true)} },
	"hexadecimal entities":     func(s string) []string { return []string{encodeJSON(htmlNumeric(s, "&#x%X;"), false)} },
	"a URL in lower case":      func(s string) []string { return []string{lowerHex(url.QueryEscape(s)), lowerHex(url.PathEscape(s))} },
	"a URL, each byte":         func(s string) []string { return []string{percentEncode(s, "%%%02x")} },
	"base64": func(s string) (all []string) {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				text := "alice:"[:before] + s
				all = append(all, encoding.EncodeToString([]byte(text)), encoding.EncodeToString([]byte(text+"~~")))
			}
		}
		return all
	},
	"base64 in JSON and in a URL": func(s string) []string {
		text := base64.StdEncoding.EncodeToString([]byte("bob:" + s))
		return []string{strings.ReplaceAll(text, "/", `\/`), url.QueryEscape(text)}
	},
	"base64 of the beginning": func(s string) (all []string) {
		for _, part := range prefixes(s) {
			all = append(all, base64.StdEncoding.EncodeToString([]byte(part)))
		}
		return all
	},
	"JSON":                  func(s string) []string { return []string{encodeJSON(s, false), encodeJSON(s, true)} },
	"each character in hex": func(s string) []string { return []string{escapeAll(s, `\u%04x`)} },
	"hex line breaks":       func(s string) []string { return []string{strings.ReplaceAll(s, "\n", `\u000a`)} },
}

// prefixes returns beginnings of a secret that are long enough to be recognized.
func prefixes(s string) (all []string) {
	for _, n := range []int{len(s) * 3 / 4, 64, 600} {
		if n >= 8 && n <= len(s) {
			all = append(all, s[:n])
		}
	}
	return all
}

// suffixes returns ends of a secret that are long enough to be recognized.
func suffixes(s string) (all []string) {
	for _, part := range prefixes(s) {
		all = append(all, s[len(s)-len(part):])
	}
	return all
}

// lines returns the lines of a secret that are long enough to be recognized.
func lines(s string) (all []string) {
	if !strings.Contains(s, "\n") {
		return nil
	}
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimSpace(line); len(line) >= 8 {
			all = append(all, line)
		}
	}
	return all
}

// A changed or shortened secret is removed wherever it is, and the text around it stays.
func TestEchoesAreRemoved(t *testing.T) {
	for kind, secret := range kinds {
		r := New("another-secret", secret)
		for how, echo := range echoes {
			for _, part := range echo(secret) {
				for _, around := range []string{"the value ~%s~ is wrong", `{"errors":{"value":["~%s~ is wrong"]}}`, "<p>~%s~</p>"} {
					before, after, _ := strings.Cut(around, "%s")
					for name, got := range map[string]string{
						"String": r.String(before + part + after), "Truncated": r.Truncated(before + part + after),
						"cut": r.Truncated(before + part),
					} {
						got = strings.TrimSuffix(got, after)
						rest := strings.TrimPrefix(got, before)
						assert.NotEqual(t, got, rest, "%s, %s, %s: the text before is gone: %q", kind, how, name, got)
						left := decode(decode(strings.ReplaceAll(rest, Placeholder, ""), escapes), escapes)
						assert.LessOrEqual(t, len(strings.Trim(left, "=\r\n\t +")), 2,
							"%s, %s, %s of %.60q leaves %.200q", kind, how, name, part, rest)
					}
				}
			}
		}
	}
}

// hostileTexts returns texts of at least n bytes that take long to search, given the secret.
func hostileTexts(secret string, n int) map[string]string {
	texts := map[string]string{}
	for name, part := range map[string]string{
		"the secret": secret, "its JSON": encodeJSON(secret, true), "its base64": base64.StdEncoding.EncodeToString([]byte(secret)),
		"one letter": "a", "words": "lorem ipsum dolor sit amet ", "backslashes": `\`, "escapes": `\u0061`, "percent signs": "%61",
		"nested percent signs": "%25252561", "ampersands": "&", "entities": "&#97;", "no entities": "&a;",
		"URLs": "://", "user names": "://a@",
		"halves of the secret": secret[:len(secret)/2] + "~", "nearly parts of the secret": secret[:15] + "~", "spaces": " ",
		"sparse escapes": "%25252541" + strings.Repeat("x", 1000), "JSON": `["\u0041",""]`,
	} {
		texts[name] = strings.Repeat(part, n/len(part)+1)
	}
	return texts
}

// The time to redact a text grows with its length, not with that of the secret or with what the text repeats.
func TestTimeIsLinear(t *testing.T) {
	script := strings.Repeat(firstbootScript, 30)[:16<<10]
	r := New("3f1c9a52-7d44-4b0e-9a61-52d1c0e7b8aa", script)
	fastest := func(text string) time.Duration {
		best := time.Hour
		for range 2 {
			began := time.Now()
			r.Truncated(text)
			best = min(best, time.Since(began))
		}
		return best
	}
	quarter := hostileTexts(script, 1<<18)
	for name, text := range hostileTexts(script, 1<<20) {
		whole, part := fastest(text), fastest(quarter[name])
		t.Logf("%s: %s, a quarter %s", name, whole.Round(time.Millisecond/10), part.Round(time.Millisecond/10))
		assert.Less(t, whole, max(10*part, time.Second), name)
	}
}

// Texts that have a few words in common with a secret stay as they are.
func TestOrdinaryTextsStay(t *testing.T) {
	const page = "<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n" +
		"<center><h1>502 Bad Gateway</h1></center>\n<hr><center>nginx/1.18.0 (Ubuntu)</center>\n" +
		"                <!-- a padding to disable MSIE -->\n<!-- ================ -->\n</body>\n</html>\n"
	texts := []string{
		page, `{"root_password":["is too short (minimum is 8 characters)"],"memory":["must be a multiple of 1024"]}`,
		"group name is not unique", "You are not permitted to perform shutdown on the virtual machine www1.web.acme",
		"0000000000000000 ---------------- ================", "https://uk0.bigv.io/accounts/acme: a@example.com",
		`{"hostname":"www1.web.acme.uk0.bigv.io","discs":[{"label":"root","size":25600,"storage_grade":"sata"}]}`,
	}
	for kind, secret := range kinds {
		for _, text := range texts {
			assert.Equal(t, text, New(secret).String(text), kind)
			assert.Equal(t, text, New(secret).Truncated(text), kind)
		}
	}
	script := "#!/bin/sh\n# " + strings.Repeat("-", 60) + "\nreboot\ncat <<E\n                <p>\n" + strings.Repeat("=", 16) + "\nE\n"
	for _, text := range texts {
		assert.Equal(t, text, New(script, "0000").String(strings.ReplaceAll(text, "0000", "1111")), "a script with lines of signs")
		break
	}
}

// A part of a secret is removed if it has at least half of the bytes of the secret, and eight, or if it has 16 or is a line.
func TestLengthsOfParts(t *testing.T) {
	for _, row := range []struct{ name, secret, text, want string }{
		{"half", "abcdefghijklmnopqrst", "x abcdefghij y", "x [redacted] y"},
		{"less than half", "abcdefghijklmnopqrst", "x abcdefghi y", "x abcdefghi y"},
		{"the end", "abcdefghijklmnopqrst", "x klmnopqrst y", "x [redacted] y"},
		{"the middle", "abcdefghijklmnopqrst", "xefghijklmnopy", "x[redacted]y"},
		{"eight of nine bytes", "abcdefghi", "abcdefgh", "[redacted]"},
		{"seven of nine bytes", "abcdefghi", "abcdefg", "abcdefg"},
		{"eight bytes", "abcdefgh", "xabcdefghx abcdefg", "x[redacted]x abcdefg"},
		{"16 bytes of many", strings.Repeat("0123456789abcdef,", 9), "x0123456789abcdefx", "x[redacted]x"},
		{"15 bytes of many", strings.Repeat("0123456789abcdef,", 9), "x123456789abcdefx", "x123456789abcdefx"},
		{"a line", "a first line of text\n  pw=xyz12\nthe last", "b\npw=xyz12,\tb:the last", "b[redacted],\tb:[redacted]"},
		{"a part of a line", "a first line of text\n  pw=xyz12\nthe last", "pw=xyz1", "pw=xyz1"},
		{"a short line", "a first line of text\nroot\nthe last", "root", "root"},
		{"two parts", "abcdefghijklmnopqrst", "abcdefghij klmnopqrst", "[redacted] [redacted]"},
		{"twice", "abcdefghij", "abcdefghijabcdefghij", "[redacted][redacted]"},
		{"short, without its final newline", "hunter2\n", "x hunter2 y", "x [redacted] y"},
		{"short, with a space for its plus sign", "pw+1", "x pw 1 y", "x [redacted] y"},
		{"encoded four times", "hunter2", "%25252568unter2", "[redacted]"},
		{"few letters", "aaaaaaaaaaab", "x aaaaaaaaaaab aaaaaaaaa", "x [redacted] aaaaaaaaa"},
		{"only one letter", "aaaaaaaaaaaa", "aaaaaaaaaaaa aaaaaaaaaaa", "[redacted] aaaaaaaaaaa"},
		{"a script in a script", "one two three\nfour five six\n", "one two  three\r\n\tfour+five six!", "[redacted]!"},
		{"a zero byte", "ab\x00\x00\x00\x00\x00\x00\x00cde", "x\x00cdex ab\x00\x00\x00\x00\x00\x00\x00cde", "x\x00cdex [redacted]"},
	} {
		assert.Equal(t, row.want, New(row.secret).String(row.text), row.name)
	}
}

func TestBase64(t *testing.T) {
	for _, row := range []struct{ name, secret, text, want string }{
		{"with a path before it", "hunter2", "/session/aHVudGVyMg==", "[redacted]=="},
		{"Basic", "hunter2", "Authorization: Basic YWxpY2U6aHVudGVyMg==", "Authorization: Basic [redacted]=="},
		{"the only one of several", "hunter2", "Zm9vYmFy aHVudGVyMg Zm9vYmFy", "Zm9vYmFy [redacted] Zm9vYmFy"},
		{"several", "hunter2", "aHVudGVyMg aHVudGVyMg", "[redacted] [redacted]"},
		{"too short", "hunter2", "aHVudGVy", "aHVudGVy"},
		{"escaped", "hunter2", `{"a":"aHVudG\u0056yMg=="}`, `{"a":"[redacted]=="}`},
		{"in lines", "abcdefghijklmno", "YWJjZGVmZ2hp\namtsbW5v, Z2hpamts", "[redacted]\n[redacted], Z2hpamts"},
		{"a part of it", "abcdefghijklmno", "ZGVmZ2hpamts", "[redacted]"},
		{"in pieces that are too short", "hunter2", "aHVu dGVyMg", "aHVu dGVyMg"},
		{"of text that is not a secret", "hunter2", "aHVudGVyMw==", "aHVudGVyMw=="},
	} {
		assert.Equal(t, row.want, New(row.secret).String(row.text), row.name)
	}
	assert.Equal(t, "[redacted]", New("hunter2").Truncated("aHVudGVy"), "the beginning, at the end of a truncated text")
	assert.Equal(t, "aHVudGVy.", New("hunter2").Truncated("aHVudGVy."), "the beginning, not at the end of a truncated text")
}

func TestUserNamesAndPasswordsOfURLsAreRemoved(t *testing.T) {
	for text, want := range map[string]string{
		"GET https://me:pw@host/x@y":               "GET https://[redacted]@host/x@y",
		`{"cdrom_url":"http://me:p%40w@host/a"}`:   `{"cdrom_url":"http://[redacted]@host/a"}`,
		`{"cdrom_url":"http:\/\/me:pw@host\/a"}`:   `{"cdrom_url":"http:\/\/[redacted]@host\/a"}`,
		"http%3A%2F%2Fme%3Apw%40host":              "http%3A%2F%2F[redacted]%40host",
		"ftp://a@b://c@d ://e":                     "ftp://[redacted]@b://[redacted]@d ://e",
		"https://host/me:pw@x, mail me@host://":    "https://host/me:pw@x, mail me@host://",
		"https://host:8080 is not alice@example.x": "https://host:8080 is not alice@example.x",
	} {
		assert.Equal(t, want, new(Redactor).String(text))
	}
}

// In a text that is too long to decode each language by itself, a secret is found that contains escape sequences itself.
func TestLongTexts(t *testing.T) {
	padding := strings.Repeat("words ", maxCombinations/6+1)
	assert.Equal(t, padding+Placeholder, New("pass<%41").String(padding+"pass&lt;%41"))
	assert.Equal(t, padding+Placeholder, New(`pass\u0041<`).String(padding+`pass\u0041&lt;`))
}
