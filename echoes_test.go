package bigv_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/require"
)

// markedScript is a script of more than 512 bytes, each line of which has a marked secret.
var markedScript = func() string {
	script := "#!/bin/sh\n"
	for i := range 40 {
		script += fmt.Sprintf("\texport X%d=%s%d; # <&> \"é\"\n", i, marker, i)
	}
	return script
}()

// sentSecret is a kind of secret that a call sends.
type sentSecret struct {
	name   string
	secret string
	opts   []bigv.Option
	call   func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error
}

// sentSecrets returns the kinds of secrets.
func sentSecrets() []sentSecret {
	const token, password = marker + "-52d1c0e7b8aa-" + marker, marker + `/kq+Vz&1<m>"` + marker
	login := func(c bigv.SessionCreate) func(context.Context, *bigv.Client, bigv.Secret) error {
		return func(ctx context.Context, client *bigv.Client, secret bigv.Secret) error {
			for _, field := range []*bigv.Secret{&c.Password, &c.TwoFactor, &c.Yubikey} {
				if !field.IsZero() {
					*field = secret
				}
			}
			if c.Password.IsZero() {
				c.Password = bigv.NewSecret("pw")
			}
			return errorOf(client.Sessions.Create(ctx, c))
		}
	}
	some := bigv.NewSecret("x")
	getGroup := func(ctx context.Context, c *bigv.Client, _ bigv.Secret) error { return errorOf(c.Groups.Get(ctx, web)) }
	renewed := bigv.TokenSourceFunc(func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
		if rejected.IsZero() {
			return bigv.NewSecret(token), nil
		}
		return bigv.NewSecret("an0ther-t0ken"), nil
	})
	return []sentSecret{
		{"token", token, []bigv.Option{bigv.WithToken(token)}, getGroup},
		{"API key", token, []bigv.Option{bigv.WithAPIKey(token)}, getGroup},
		{"rejected token", token, []bigv.Option{bigv.WithTokenSource(renewed)}, getGroup},
		{"password", password, nil, login(bigv.SessionCreate{Username: "alice", Password: some})},
		{"second factor", marker, nil, login(bigv.SessionCreate{Username: "alice", TwoFactor: some})},
		{"Yubikey code", token, nil, login(bigv.SessionCreate{Username: "alice", Yubikey: some})},
		{"session token", token, nil, func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error {
			return errorOf(c.Sessions.Get(ctx, secret))
		}},
		{"root password", password, nil, func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error {
			vm := least
			vm.Image = &bigv.Image{Distribution: "stretch", RootPassword: secret}
			return errorOf(c.VirtualMachines.Create(ctx, web, vm))
		}},
		{"firstboot script", markedScript, nil, func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error {
			return c.VirtualMachines.Reimage(ctx, www1, bigv.Image{Distribution: "stretch", FirstbootScript: secret})
		}},
		{"user's password", password + "\n", nil, func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error {
			return errorOf(c.Users.Update(ctx, "alice", bigv.UserUpdate{Password: secret}))
		}},
		{"private key in a body of Do", markedScript, nil, func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error {
			return c.Do(ctx, "POST", "/keys", map[string]any{"key": bigv.Set(&secret)}, nil)
		}},
		{"password of a CD-ROM URL", "https://alice:" + marker + "@images.example/a.iso", nil,
			func(ctx context.Context, c *bigv.Client, secret bigv.Secret) error {
				vm := least
				vm.CDROMURL = secret.Reveal()
				return errorOf(c.VirtualMachines.Create(ctx, web, vm))
			}},
	}
}

// changes are ways in which a service may change or shorten a secret that it repeats.
var changes = map[string]func(secret string) []string{
	"verbatim":                  func(s string) []string { return []string{s} },
	"without the final newline": func(s string) []string { return []string{strings.TrimSpace(s)} },
	"with CRLF":                 func(s string) []string { return []string{strings.ReplaceAll(s, "\n", "\r\n")} },
	"the first 64 bytes":        func(s string) []string { return []string{s[:min(64, len(s))]} },
	"the last 64 bytes":         func(s string) []string { return []string{s[max(0, len(s)-64):]} },
	"after 512 bytes":           func(s string) []string { return []string{s[min(len(s)/4, 512):]} },
	"lines":                     func(s string) []string { return strings.Split(s, "\n") },
	"entities":                  func(s string) []string { return []string{html.EscapeString(s)} },
	"decimal entities":          func(s string) []string { return []string{eachRune(s, "&#%d;")} },
	"hexadecimal entities":      func(s string) []string { return []string{eachRune(s, "&#x%x;")} },
	"a URL in lower case": func(s string) []string {
		return []string{lowerCaseEscapes.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower)}
	},
	"escaped line breaks": func(s string) []string { return []string{strings.ReplaceAll(s, "\n", `\u000a`)} },
	"escaped as numbers":  func(s string) []string { return []string{escapeAsNumbers(s)} },
	"base64": func(s string) (all []string) {
		for before := range 3 {
			text := []byte("bob:"[:before] + s)
			all = append(all, base64.StdEncoding.EncodeToString(text), base64.RawURLEncoding.EncodeToString(text))
		}
		return all
	},
}

var lowerCaseEscapes = regexp.MustCompile(`%[0-9A-F]{2}`)

// eachRune formats each character of a text.
func eachRune(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

// places are where a response may repeat a text.
var places = map[string]func(w http.ResponseWriter, r *http.Request, text string){
	"400 in JSON": func(w http.ResponseWriter, r *http.Request, text string) {
		quoted, _ := json.Marshal(text)
		fakeserver.Respond(400, `{"value":[`+string(quoted)+`]}`)(w, r)
	},
	"400 as text": func(w http.ResponseWriter, r *http.Request, text string) {
		fakeserver.Respond(400, "cannot use "+text+" here")(w, r)
	},
	"401": func(w http.ResponseWriter, r *http.Request, text string) {
		fakeserver.Respond(401, "rejected: "+text)(w, r)
	},
	"200 with a page": func(w http.ResponseWriter, r *http.Request, text string) {
		fakeserver.Respond(200, "<html><p>"+text+"</p></html>")(w, r)
	},
	"200 with a value of the wrong type": func(w http.ResponseWriter, r *http.Request, text string) {
		quoted, _ := json.Marshal(text)
		fakeserver.Respond(200, `{"id":`+string(quoted)+`}`)(w, r)
	},
	"500, cut short": func(w http.ResponseWriter, r *http.Request, text string) {
		fakeserver.Respond(500, "failed: "+text[:len(text)-len(text)/5], "Content-Length", "100000")(w, r)
		flush(w)
		panic(http.ErrAbortHandler)
	},
	"headers": func(w http.ResponseWriter, r *http.Request, text string) {
		for _, name := range []string{"Cookie", "Set-Cookie", "Content-Location", "X-Session-Id", "Location", "Authorization",
			"Proxy-Authorization", "Authentication-Info", "Www-Authenticate", "Server", "Content-Type", "X-Request-Id"} {
			w.Header().Set(name, strings.NewReplacer("\r", "", "\n", " ").Replace(text))
		}
		w.WriteHeader(409)
	},
	"status line": func(w http.ResponseWriter, _ *http.Request, text string) {
		if conn, ok := hijack(w); ok {
			_, _ = io.WriteString(conn, "HTTP/1.1 "+strings.NewReplacer("\r", "", "\n", " ").Replace(text)+"\r\n\r\n")
			_ = conn.Close()
		}
	},
}

// TestEchoedSecrets looks for secrets that a service repeats, changed or in part, in everything that a program may print.
func TestEchoedSecrets(t *testing.T) {
	srv := fakeserver.NewShared(t, false)
	for _, kind := range sentSecrets() {
		if kind.opts == nil {
			kind.opts = []bigv.Option{bigv.WithToken("t0ken")}
		}
		t.Run(kind.name, func(t *testing.T) {
			for place, respond := range places {
				for change, parts := range changes {
					for _, text := range parts(kind.secret) {
						if len(text) < 8 {
							continue
						}
						handler := func(w http.ResponseWriter, r *http.Request) { respond(w, r, text) }
						var log, captured bytes.Buffer
						var attempts attemptLog
						logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
						opts := append(kind.opts, once, bigv.WithLogger(logger), bigv.WithCapture(&captured), attempts.option())
						client := clientFor(t, srv.New(handler).URL(), opts...)
						err := kind.call(t.Context(), client, bigv.NewSecret(kind.secret))
						for where, shown := range map[string]string{
							"error": printedError(err), "dump": dump(reflect.ValueOf(err), map[unsafe.Pointer]bool{}, 0),
							"log": log.String(), "capture": captured.String(),
							"hook": printedError(attempts.all()[0].Err) + fmt.Sprintf("%#v", attempts.all()),
						} {
							require.Empty(t, findMarkers(shown+html.UnescapeString(shown)), "%s, %s: %s", place, change, where)
						}
					}
				}
			}
		})
	}
}
