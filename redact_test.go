package bigv_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// marker begins every secret of these tests. No usual encoding changes it.
	marker = "C4nary"
	// markedSecret is a secret with a part that JSON escapes, markedToken one that is valid in a header.
	markedSecret = marker + `-"T0k3n"`
	markedToken  = marker + "-T0k3n"
)

// findMarkers returns the places where a text shows a marked secret or a part of one, also in base64, hexadecimal or as numbers.
func findMarkers(text string) (found []string) {
	lower := strings.ToLower(text)
	for _, form := range markerForms {
		if at := strings.Index(lower, form); at >= 0 {
			found = append(found, text[max(0, at-60):min(len(text), at+60)])
		}
	}
	return found
}

// markerForms are the encodings of the marker, in lower case.
var markerForms = func() []string {
	bytes := []byte(marker)
	forms := []string{
		marker, hex.EncodeToString(bytes), fmt.Sprintf("% x", bytes), escapeAsNumbers(marker),
		strings.Trim(fmt.Sprint(bytes), "[]"), strings.Trim(fmt.Sprintf("%#v", bytes), "[]byte{}"),
	}
	for before := range 3 { // base64 depends on the position
		text := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", before) + marker))
		forms = append(forms, text[(before*8+5)/6:len(text)-1])
	}
	for i := range forms {
		forms[i] = strings.ToLower(forms[i])
	}
	return forms
}()

// escapeAsNumbers escapes every character of a JSON string.
func escapeAsNumbers(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

func TestFindMarkers(t *testing.T) {
	for _, text := range []string{
		marker, strings.ToLower(marker), url.QueryEscape(`"` + marker), hex.EncodeToString([]byte(marker)), escapeAsNumbers("a" + marker),
		fmt.Sprint([]byte(marker)), fmt.Sprintf("%#v", []byte(marker)), fmt.Sprintf("% X", marker),
		base64.StdEncoding.EncodeToString([]byte("alice:" + marker + "-x")),
		base64.URLEncoding.EncodeToString([]byte("bob1:" + marker + "-x")),
		base64.StdEncoding.EncodeToString([]byte("me:bo" + marker + "-x")),
	} {
		assert.NotEmpty(t, findMarkers("before "+text+" after"), text)
	}
	assert.Empty(t, findMarkers("a canary, [redacted]"))
}

// markSecrets returns a copy of an argument in which every secret is marked, also those behind nil pointers. It adds the secrets to
// marked, by where they are.
func markSecrets(arg any, marked map[string]string) any {
	if arg == nil {
		return nil
	}
	value := reflect.New(reflect.TypeOf(arg)).Elem()
	value.Set(reflect.ValueOf(arg))
	markSecretsIn(value, value.Type().Name(), marked)
	return value.Interface()
}

// markSecretsIn reports whether v holds a secret.
func markSecretsIn(v reflect.Value, where string, marked map[string]string) (found bool) {
	switch {
	case v.Type() == reflect.TypeFor[bigv.Secret]():
		text := marker + `-"` + where + "\"\\<&>/é"
		switch {
		case where == "Secret": // a token, in which fewer characters are valid
			text = marker + `-"Sess10n"&<`
		case where == "SessionCreate.TwoFactor": // only one second factor is valid
			return false
		case strings.HasSuffix(where, "Script"):
			text += "\n" + text
		}
		marked[where] = text
		v.Set(reflect.ValueOf(bigv.NewSecret(text)))
		return true
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				found = markSecretsIn(v.Field(i), where+"."+v.Type().Field(i).Name, marked) || found
			}
		}
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		} else if example, ok := exampleValues[v.Type().Elem()]; ok {
			fresh.Elem().Set(reflect.ValueOf(example))
		}
		if found = markSecretsIn(fresh.Elem(), where, marked); found {
			v.Set(fresh)
		}
	}
	return found
}

// echo is a way in which a service repeats the secrets that it was sent.
type echo struct {
	name    string
	respond func(w http.ResponseWriter, r *http.Request, secrets []string)
}

// echoes returns all ways to repeat secrets, in bodies, redirects, headers and responses that are not valid HTTP.
func echoes() (all []echo) {
	asJSON := func(v any) string {
		text, _ := json.Marshal(v)
		return string(text)
	}
	for _, body := range []struct {
		name string
		text func(secrets []string) string
	}{
		{"as text", func(secrets []string) string { return "you sent " + strings.Join(secrets, " and ") }},
		{"in an HTML page", func(secrets []string) string { return "<html>" + strings.Join(secrets, "<br>") }},
		{"in JSON", func(secrets []string) string { return `{"id":5012,"said":` + asJSON(secrets) + `}` }},
		{"as values of the wrong type", func(secrets []string) string { return `[{"id":` + asJSON(secrets) + `}]` }},
		{"as a value of the wrong type", func(secrets []string) string {
			text := asJSON(strings.Join(secrets, " "))
			return `{"id":` + text + `,"power_on":` + text + `}`
		}},
		{"as JSON names", func(secrets []string) string {
			text := asJSON(strings.Join(secrets, " "))
			return `{` + text + `:["is unknown"],` + text + `:1}`
		}},
		{"escaped as numbers",
			func(secrets []string) string {
				return `{"password":["` + escapeAsNumbers(strings.Join(secrets, " ")) + `"]}`
			}},
		{"in truncated JSON", func(secrets []string) string { return `{"said":` + asJSON(secrets) }},
	} {
		for _, status := range []int{200, 400, 401, 404, 500} {
			all = append(all, echo{fmt.Sprint(status, " ", body.name), func(w http.ResponseWriter, r *http.Request, secrets []string) {
				fakeserver.Respond(status, body.text(secrets))(w, r)
			}})
		}
	}
	for _, location := range []struct {
		name string
		url  func(secret string) string
	}{
		{"to a query", func(secret string) string { return "https://elsewhere.example/?x=" + url.QueryEscape(secret) }},
		{"to a path", func(secret string) string { return "/moved/" + url.PathEscape(secret) }},
		{"to a user", func(secret string) string {
			return "https://" + url.UserPassword("me", secret).String() + "@elsewhere.example/"
		}},
		{"to a host", func(secret string) string { return "https://" + secret + ".example/" }},
		{"to a scheme", func(secret string) string { return secret + "://x" }},
		{"to an invalid URL", func(secret string) string { return "https://[" + secret }},
	} {
		for _, status := range []int{302, 307} {
			all = append(all, echo{fmt.Sprint(status, " ", location.name), func(w http.ResponseWriter, _ *http.Request, secrets []string) {
				to := ""
				for _, secret := range singleLines(secrets) {
					to = location.url(secret)
				}
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}})
		}
	}
	for _, status := range []int{200, 401, 503} {
		all = append(all, echo{fmt.Sprint(status, " with headers"), func(w http.ResponseWriter, _ *http.Request, secrets []string) {
			for _, name := range []string{"X-Echo", "Content-Type", "Retry-After", "Www-Authenticate", "Set-Cookie", "Warning"} {
				w.Header().Set(name, strings.Join(singleLines(secrets), ";"))
			}
			w.WriteHeader(status)
		}})
	}
	for _, raw := range []struct{ name, start string }{
		{"in place of a status line", ""},
		{"in an invalid header", "HTTP/1.1 200 OK\r\n"},
		{"in an invalid Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: "},
	} {
		all = append(all, echo{raw.name, func(w http.ResponseWriter, _ *http.Request, secrets []string) {
			if conn, ok := hijack(w); ok {
				_, _ = io.WriteString(conn, raw.start+strings.Join(singleLines(secrets), " ")+"\r\n\r\n")
				_ = conn.Close()
			}
		}})
	}
	return all
}

// singleLines returns the secrets that are valid in a header.
func singleLines(secrets []string) []string {
	return slices.DeleteFunc(slices.Clone(secrets), func(secret string) bool { return strings.Contains(secret, "\n") })
}

const grantedSession = marker + "-Se55ion"

// echoHandler returns a handler that repeats the secrets of a call by an echo. Only a login with a second factor succeeds. What came
// before the last login is not repeated, since the authentication service does not know it. All secrets that arrive are added to
// arrived.
func echoHandler(requests func() []fakeserver.Request, e echo, arrived *sync.Map) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var secrets []string
		granted := false
		for _, request := range requests() {
			login := request.Method == http.MethodPost && request.Path == "/session"
			if login || granted {
				secrets = nil
			}
			for _, text := range request.Strings() {
				if strings.Contains(text, marker) {
					secrets = append(secrets, text, strings.TrimPrefix(text, "apikey."))
					arrived.Store(text, true)
					arrived.Store(strings.TrimPrefix(text, "apikey."), true)
				}
			}
			secrets = slices.Compact(secrets)
			granted = login && len(secrets) == 2
		}
		if granted {
			fakeserver.Respond(200, grantedSession)(w, r)
			return
		}
		e.respond(w, r, secrets)
	}
}

// printedValues returns what programs print of values, and their JSON.
func printedValues(values ...any) string {
	var b strings.Builder
	for _, v := range values {
		asJSON, _ := json.Marshal(v)
		fmt.Fprintf(&b, "%v\n%+v\n%#v\n%s\n%q\n%s\n", v, v, v, v, v, asJSON)
	}
	return b.String()
}

// printedError returns what programs print of an error and of all errors that it wraps.
func printedError(err error) string {
	if err == nil {
		return ""
	}
	text := printedValues(err)
	if e, ok := err.(*bigv.BadRequestError); ok {
		text += printedValues(e.Fields())
	}
	if e, ok := err.(*bigv.Error); ok {
		text += printedValues(*e) + e.Body
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, inner := range many.Unwrap() {
			text += printedError(inner)
		}
	}
	return text + printedError(errors.Unwrap(err))
}

// credential is a way to authenticate, with secrets that are marked.
type credential struct {
	name    string
	options []bigv.Option
	secrets []string
}

func markedCredentials() []credential {
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) {
		return bigv.NewSecret(marker + "-S0urce"), nil
	})
	code := func(context.Context) (bigv.Secret, error) { return bigv.NewSecret(marker + `-"C0de"<&>`), nil }
	return []credential{
		{"token", []bigv.Option{bigv.WithToken(marker + `-T0ken"&<`)}, []string{marker + `-T0ken"&<`}},
		{"token without special characters", []bigv.Option{bigv.WithToken(marker + "-T0ken")}, []string{marker + "-T0ken"}},
		{"API key", []bigv.Option{bigv.WithAPIKey(marker + "-Key")}, []string{marker + "-Key"}},
		{"token source", []bigv.Option{bigv.WithTokenSource(source)}, []string{marker + "-S0urce"}},
		{"password", []bigv.Option{bigv.WithCredentials("alice", marker+`-"Passw0rd\<&>é`)}, []string{marker + `-"Passw0rd\<&>é`}},
		{"second factor", []bigv.Option{bigv.WithCredentials("alice", marker+"-Passw0rd"), bigv.WithSecondFactor(bigv.TwoFactor, code)},
			[]string{marker + "-Passw0rd", marker + `-"C0de"<&>`, grantedSession}},
	}
}

// TestRedaction calls every method with secrets that a hostile service repeats in every way, and looks for them in everything that can
// be printed. By default each method is called once for each way, with one of the credentials.
func TestRedaction(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 8
	}
	picked := newSample(t, step)
	credentials := markedCredentials()
	var arrived, marked sync.Map // secrets
	var failures atomic.Int64
	t.Run("echoes", func(t *testing.T) {
		for number, e := range echoes() {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				r := newRedactionRun(t, e, &arrived)
				eachMethod(t, func(m method) {
					if number++; !picked.includes(number) {
						return
					}
					for _, i := range picked.choose(number/8, len(credentials)) {
						if r.call(t, m, credentials[i]) != nil {
							failures.Add(1)
						}
					}
				})
				for where, secret := range r.marked {
					marked.Store(where, secret)
				}
			})
		}
	})
	assert.Positive(t, failures.Load(), "calls that failed")
	arguments := 0
	marked.Range(func(where, secret any) bool {
		arguments++
		_, ok := arrived.Load(secret)
		assert.True(t, ok, "the secret of %s never arrived", where)
		return true
	})
	assert.GreaterOrEqual(t, arguments, 5, "arguments that hold secrets")
	for _, c := range credentials {
		for _, secret := range c.secrets {
			_, ok := arrived.Load(secret)
			assert.True(t, ok, "%s of %s never arrived", secret, c.name)
		}
	}
}

// redactionRun calls methods of clients that log, report and capture everything, on a server that echoes in one way.
type redactionRun struct {
	echo          echo
	shared        *fakeserver.Shared
	base          *bigv.Client
	arrived       *sync.Map
	marked        map[string]string
	log, captured bytes.Buffer
}

func newRedactionRun(t *testing.T, e echo, arrived *sync.Map) *redactionRun {
	r := &redactionRun{echo: e, shared: fakeserver.NewShared(t, false), arrived: arrived, marked: map[string]string{}}
	options := &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(&r.log, options), slog.NewJSONHandler(&r.log, options)))
	r.base = newClient(t, r.shared.New(nil), once, bigv.WithLogger(logger), bigv.WithCapture(&r.captured))
	return r
}

// call calls a method and asserts that nothing shows a secret. It returns the error of the method.
func (r *redactionRun) call(t *testing.T, m method, c credential) error {
	t.Helper()
	var srv *fakeserver.Server
	srv = r.shared.New(func(w http.ResponseWriter, req *http.Request) { echoHandler(srv.Requests, r.echo, r.arrived)(w, req) })
	client, err := r.base.With(append([]bigv.Option{bigv.WithBaseURL(srv.URL()), bigv.WithAuthURL(srv.URL())}, c.options...)...)
	require.NoError(t, err)
	r.log.Reset()
	r.captured.Reset()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := argsThatEnd(t, m, cancel)
	if m.name != "VirtualMachines.CreateBare" { // in which secrets are not valid
		for i := range args {
			args[i] = markSecrets(args[i], r.marked)
		}
	}
	var log attemptLog
	err = callThatEnds(ctx, cancel, m, client, &log, args...)
	attempts := log.all()
	if m.name != "Sessions.KeepAlive" || c.name != "API key" { // which has no session
		assert.NotEmpty(t, srv.Requests(), "requests of %s: %v", m.name, err)
		assert.NotEmpty(t, attempts, m.name)
		assert.NotEmpty(t, r.log.String(), m.name)
		assert.NotEmpty(t, r.captured.String(), m.name)
	}
	shown := map[string]string{
		"log": r.log.String(), "capture": r.captured.String(), "error": printedError(err),
		"arguments": printedValues(args...), "client": printedValues(client, c.options),
	}
	for i, a := range attempts {
		shown[fmt.Sprint("attempt ", i)] = printedValues(a) + printedError(a.Err)
	}
	for where, text := range shown {
		assert.Empty(t, findMarkers(text), "%s with %s shows a secret in: %s", m.name, c.name, where)
	}
	return err
}

// Everything that clients, services, options and errors print is free of secrets, in whichever way it is printed.
func TestRedactionOfPrintedValues(t *testing.T) {
	var attempts []any
	var lines bytes.Buffer
	observers := []bigv.Option{
		bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) { attempts = append(attempts, a) }),
		bigv.WithLogger(slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}))),
	}
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.NewSecret(markedToken), nil })
	code := bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) {
		return bigv.NewSecret(fmt.Sprint(markedSecret, time.Now().UnixNano())), nil
	})
	script := bigv.NewSecret("#!/bin/sh\necho " + markedSecret)
	image := &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret(markedSecret), FirstbootScript: script}
	vm := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}, Image: image}
	for name, opts := range map[string][]bigv.Option{
		"token":       {bigv.WithToken(markedToken)},
		"API key":     {bigv.WithAPIKey(markedToken)},
		"source":      {bigv.WithTokenSource(source)},
		"credentials": {bigv.WithCredentials("alice", markedSecret), code},
	} {
		for _, status := range []int{200, 400, 401, 403, 404, 418, 500, 503} {
			t.Run(fmt.Sprintf("%s/%d", name, status), func(t *testing.T) {
				attempts = nil
				lines.Reset()
				base := start(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/session" && status < 500 {
						fakeserver.Respond(200, markedToken)(w, r)
						return
					}
					body, _ := io.ReadAll(r.Body)
					fakeserver.Respond(status, fmt.Sprintf("you sent %s with %s", body, r.Header))(w, r)
				}, observers...)
				client, err := base.With(opts...)
				require.NoError(t, err)
				_, createErr := client.VirtualMachines.Create(t.Context(), web, vm)
				require.Error(t, createErr)
				getErr := get(t.Context(), client)
				doErr := client.Do(t.Context(), "POST", "/x", image, nil)
				for what, v := range map[string]any{
					"client": client, "options": opts, "create": createErr, "get": getErr, "do": doErr, "attempts": attempts,
				} {
					assertRedacted(t, what, v)
				}
				for how, text := range printed(client.VirtualMachines, verbs[:3]...) { // other verbs print connections that are in use
					assert.Empty(t, findMarkers(text), "service by %s", how)
				}
				for _, err := range []error{createErr, getErr, doErr} {
					assert.Empty(t, findMarkers(printedError(err)), "errors that %v wraps", err)
				}
				assert.Empty(t, findMarkers(lines.String()), "log")
			})
		}
	}
}

func TestRedactionOfInvalidOptions(t *testing.T) {
	for name, opt := range map[string]bigv.Option{
		"token": bigv.WithToken(markedSecret + "\n"), "API key": bigv.WithAPIKey(markedSecret + "\n"),
		"credentials": bigv.WithCredentials("", markedSecret), "base URL": bigv.WithBaseURL("https://alice:" + marker + "@host:x/"),
		"base URL without a scheme": bigv.WithBaseURL("alice:" + marker + "@host"),
	} {
		_, err := bigv.NewClient(opt)
		require.Error(t, err, name)
		assert.Empty(t, findMarkers(printedError(err)), name)
	}
}

// Errors show no secret that the service echoes, with any status and in any format.
func TestRedactionOfEchoedSecrets(t *testing.T) {
	const password, token, script = `s3cr"et<&>`, "t0ken", "#!/bin/sh\ncurl -u me:hush"
	escaped := func(s string) string { text, _ := json.Marshal(s); return string(text) }
	image := bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret(password), FirstbootScript: bigv.NewSecret(script)}
	for _, body := range []string{
		`{"root_password":[` + escaped(password) + `],"token":"Bearer t0ken"}`,
		`{"reimage":{"root_password":` + escaped(password) + `,"token":"t0ken"}`,
		`{"` + `s3cr\"et<&>` + `":["is no attribute"]}`,
		"the password " + password + " of Bearer " + token + " is no good",
		"<html>" + password + " " + token + "</html>",
	} {
		for _, status := range []int{200, 400, 404, 418, 500, 503} {
			client := start(t, fakeserver.Respond(status, body), once)
			create := bigv.VirtualMachineCreate{Name: "www1", Discs: least.Discs, Image: &image}
			for name, err := range map[string]error{
				"create":      errorOf(client.VirtualMachines.Create(t.Context(), web, create)),
				"reimage":     client.VirtualMachines.Reimage(t.Context(), www1, image),
				"create user": errorOf(client.Users.Create(t.Context(), bigv.UserCreate{Username: "carol", Password: image.RootPassword})),
				"update user": errorOf(client.Users.Update(t.Context(), "alice", bigv.UserUpdate{Password: image.RootPassword})),
			} {
				if err == nil {
					continue // a status of 200 where the body does not matter
				}
				var log strings.Builder
				slog.New(slog.NewJSONHandler(&log, nil)).Error("call", "err", err)
				for _, secret := range []string{"s3cr", "et<&>", "t0ken", "hush"} {
					assert.NotContains(t, printedError(err)+log.String(), secret, "%s: %d %s", name, status, body)
				}
			}
		}
	}
}

// Errors hold nothing of the request's body and credentials, secret or not.
func TestErrorsHoldNothingOfTheRequest(t *testing.T) {
	for _, status := range []int{400, 500} {
		_, err := start(t, fakeserver.Respond(status, "no"), once).VirtualMachines.Create(t.Context(), web, everything)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok)
		text := fmt.Sprintf("%+v %#v %v", e, *e, err)
		for _, sent := range []string{"ame", "touch /x", "t0ken", "Bearer", "virtio2018"} {
			assert.NotContains(t, strings.ReplaceAll(text, "name", ""), sent)
		}
	}
}

// longToken is long enough to be truncated somewhere.
const longToken = "T0kenThatIsVeryLongIndeedAndSecret"

// echoBody responds with the body of the request.
func echoBody(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fakeserver.Respond(status, string(body))(w, r)
	}
}

// Secrets are removed that are within another secret, escaped, or truncated.
func TestRedactionOfEscapedAndTruncatedSecrets(t *testing.T) {
	const password = `S3cr&t"ValueLongEnough`
	script := "#!/bin/sh\necho root:hunter2 | chpasswd\ncurl -H 'X-Vault: VAULTKEY99' https://x"
	updateUser := func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Users.Update(ctx, "alice", bigv.UserUpdate{Password: bigv.NewSecret(password)}))
	}
	getGroup := func(ctx context.Context, c *bigv.Client) error { return errorOf(c.Groups.Get(ctx, web)) }
	page := func(text string) http.HandlerFunc { return fakeserver.Respond(200, "<html>"+text) }
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		opts    []bigv.Option
		call    func(context.Context, *bigv.Client) error
		secret  string // or a part of it
	}{
		{"one within another", echoBody(400), nil, func(ctx context.Context, c *bigv.Client) error {
			vm := least
			vm.Image = &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("hunter2"),
				FirstbootScript: bigv.NewSecret(script)}
			return errorOf(c.VirtualMachines.Create(ctx, web, vm))
		}, "VAULTKEY99"},
		{"in a page, truncated at the size of an error's body", page(strings.Repeat("x", 4096-6-12) + password), nil, updateUser,
			`S3cr&t"Value`},
		{"in a page, truncated at twice that size", page(strings.Repeat("x", 8192-6-12) + password), nil, updateUser, `S3cr&t"Value`},
		{"escaped in a page", page(`<input value="S3cr&amp;t&#34;ValueLongEnough">`), nil, updateUser, "ValueLong"},
		{"escaped in the script of a page", page(`<script>x={"p":"S3cr\u0026t\"ValueLongEnough"}</script>`), nil, updateUser, "ValueLong"},
		{"in a page in place of an iterated list", page(strings.Repeat("x", 64-6-20) + longToken), []bigv.Option{bigv.WithToken(longToken)},
			func(ctx context.Context, c *bigv.Client) error {
				for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{}) {
					return err
				}
				return nil
			}, longToken[:8]},
		{"truncated by the service", func(w http.ResponseWriter, r *http.Request) {
			fakeserver.Respond(403, "bad token "+longToken[:20], "Content-Length", "1000")(w, r)
			flush(w)
			panic(http.ErrAbortHandler)
		}, []bigv.Option{bigv.WithToken(longToken)}, getGroup, longToken[:8]},
		{"truncated by the size limit", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			flush(w)
			_, _ = io.WriteString(w, "bad token "+longToken)
		}, []bigv.Option{bigv.WithToken(longToken), bigv.WithMaxResponseSize(30)}, getGroup, longToken[:8]},
		{"in an invalid Location", fakeserver.Respond(303, "", "Location", "https://[p%40ss%20w%2Frd%261"), nil,
			func(ctx context.Context, c *bigv.Client) error {
				return errorOf(c.Sessions.Create(ctx, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("p@ss w/rd&1")}))
			}, "p%40ss"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.opts == nil {
				tt.opts = []bigv.Option{bigv.WithToken("t0ken")}
			}
			client := clientFor(t, fakeserver.New(t, tt.handler).URL(), append(tt.opts, once)...)
			err := tt.call(t.Context(), client)
			require.Error(t, err)
			assert.NotContains(t, printedError(err), tt.secret)
		})
	}
}

// The error of a failed attempt is redacted, too, where the error of a context that ended later wraps it.
func TestRedactionOfWrappedErrors(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	srv := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := hijack(w); ok {
			_, _ = io.WriteString(conn, "HTTP/1.1 "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+"\r\n\r\n")
			_ = conn.Close()
		}
	})
	client := clientFor(t, srv.URL(), bigv.WithToken(longToken), patient, bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		if a.Retry {
			cancel(errKeyPressed)
		}
	}))
	_, err := client.Groups.Get(ctx, web)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errKeyPressed)
	assert.NotContains(t, printedError(err), longToken[:8])
}

// The time to redact a response must not grow with the product of its strings and the length of the secrets.
func TestRedactionOfManyStrings(t *testing.T) {
	vm := least
	script := "#!/bin/sh\n" + strings.Repeat("echo \"hello\"\n", 5000)
	vm.Image = &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("hunter2"), FirstbootScript: bigv.NewSecret(script)}
	client := start(t, fakeserver.Respond(400, `["\u0041"`+strings.Repeat(`,""`, 20_000)+"]"), once)
	began := time.Now()
	_, err := client.VirtualMachines.Create(t.Context(), web, vm)
	require.ErrorIs(t, err, bigv.ErrBadRequest)
	assert.Less(t, time.Since(began), 10*time.Second, "20,000 strings took 21 s when the secrets were escaped again for each")
}
