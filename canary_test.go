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
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stem begins every canary. No usual escape changes it.
const stem = "C4nary"

// leaks are the places in which text shows a canary or a part of one, also as
// base64, hexadecimal digits or JSON's numbers.
func leaks(text string) (found []string) {
	lower := strings.ToLower(text)
	for _, form := range stemForms {
		if at := strings.Index(lower, form); at >= 0 {
			found = append(found, text[max(0, at-60):min(len(text), at+60)])
		}
	}
	return found
}

// stemForms are how the stem looks in lower case. Base64 has three, by what
// comes before.
var stemForms = func() []string {
	forms := []string{strings.ToLower(stem), hex.EncodeToString([]byte(stem)), strings.Trim(fmt.Sprint([]byte(stem)), "[]")}
	for before := range 3 {
		text := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", before) + stem))
		forms = append(forms, strings.ToLower(text[(before*8+5)/6:len(text)-1]))
	}
	return append(forms, strings.ToLower(asNumbers(stem)))
}()

// asNumbers escapes every character as JSON may.
func asNumbers(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

func TestLeaksAreSeen(t *testing.T) {
	for _, text := range []string{
		stem, strings.ToLower(stem), url.QueryEscape(`"` + stem), hex.EncodeToString([]byte(stem)), asNumbers("a" + stem), fmt.Sprint([]byte(stem)),
		base64.StdEncoding.EncodeToString([]byte("alice:" + stem + "-x")), base64.URLEncoding.EncodeToString([]byte("bob1:" + stem + "-x")), base64.StdEncoding.EncodeToString([]byte("me:bo" + stem + "-x")),
	} {
		assert.NotEmpty(t, leaks("before "+text+" after"), text)
	}
	assert.Empty(t, leaks("a canary, [redacted]"))
}

// everyService calls f with the name and type of every exported method of every
// service that a client has.
func everyService(t *testing.T, f func(name string, kind reflect.Type)) {
	t.Helper()
	client, count := reflect.TypeFor[bigv.Client](), 0
	for field := range client.Fields() {
		if !field.IsExported() || field.Type.Kind() != reflect.Pointer || !strings.HasSuffix(field.Type.Elem().Name(), "Service") {
			continue
		}
		for i := range field.Type.NumMethod() {
			f(field.Name+"."+field.Type.Method(i).Name, field.Type.Method(i).Type)
			count++
		}
	}
	require.Greater(t, count, 60, "methods of services")
}

// briefArgs are good arguments with which nothing is waited for long.
func briefArgs(name string, kind reflect.Type) args {
	wait := bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: 2 * time.Millisecond, Timeout: 20 * time.Millisecond}
	list := goodArgs(name, kind)
	for i := range list {
		if strings.HasSuffix(name, ".Resolve") { // of a full path nothing need be asked
			list[i] = map[reflect.Type]any{
				reflect.TypeOf(web): bigv.GroupID(78), reflect.TypeOf(www1): bigv.VirtualMachineID(5012), reflect.TypeOf(root): bigv.DiscID(900),
				reflect.TypeFor[bigv.NICPath](): bigv.NICID(6100), reflect.TypeFor[bigv.BackupPath](): bigv.DiscID(900).Backup("nightly"),
			}[kind.In(i+2)]
		}
		switch kind.In(i + 2) {
		case reflect.TypeFor[bigv.WaitOptions]():
			list[i] = wait
		case reflect.TypeFor[bigv.VMDefaultCreate](): // a name would be looked up first
			list[i] = bigv.VMDefaultCreate{Account: bigv.AccountID(41), Name: "small"}
		case reflect.TypeFor[bigv.ShutdownOptions]():
			list[i] = bigv.ShutdownOptions{Wait: wait, ForceAfter: 5 * time.Millisecond}
		}
	}
	return list
}

// invokeBriefly is invoke, but ends a session's being kept alive, which only its
// context does.
func invokeBriefly(ctx context.Context, c *bigv.Client, name string, args ...any) (any, error) {
	if name == "Sessions.KeepAlive" {
		brief, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		ctx = brief
	}
	return invoke(ctx, c, name, args...)
}

// plant gives every secret of an argument a canary, also those behind pointers
// that are nil.
func plant(arg any, planted map[string]string) any {
	if arg == nil {
		return nil
	}
	value := reflect.New(reflect.TypeOf(arg)).Elem()
	value.Set(reflect.ValueOf(arg))
	plantIn(value, value.Type().Name(), planted)
	return value.Interface()
}

// plantIn says whether it found a place for one.
func plantIn(v reflect.Value, where string, planted map[string]string) (found bool) {
	switch {
	case v.Type() == reflect.TypeFor[bigv.Secret]():
		text := stem + `-"` + where + "\"\\<&>/é"
		switch {
		case where == "Secret": // a token, which is of fewer characters
			text = stem + `-"Sess10n"&<`
		case where == "SessionCreate.TwoFactor": // beside the other factor it would be refused
			return false
		case strings.HasSuffix(where, "Script"):
			text += "\n" + text
		}
		planted[where] = text
		v.Set(reflect.ValueOf(bigv.NewSecret(text)))
		return true
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				found = plantIn(v.Field(i), where+"."+v.Type().Field(i).Name, planted) || found
			}
		}
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		} else if example, ok := good[v.Type().Elem()]; ok {
			fresh.Elem().Set(reflect.ValueOf(example))
		}
		if found = plantIn(fresh.Elem(), where, planted); found {
			v.Set(fresh)
		}
	}
	return found
}

// parrot remembers all that it was sent in a call, and lets answer repeat it.
type parrot struct {
	mu       sync.Mutex
	call     int // how many there were, which is where this one goes
	requests int
	words    []string        // of this call, each as it was before it was escaped
	heard    map[string]bool // ever
	answer   func(w http.ResponseWriter, r *http.Request, words []string)
}

func (p *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	call, path, _ := strings.Cut(r.URL.Path[1:], "/")
	r.URL.Path = "/" + path
	p.mu.Lock()
	if call != strconv.Itoa(p.call) { // it was given up, and comes late
		p.mu.Unlock()
		return
	}
	p.requests++
	var sent any
	_ = json.Unmarshal(body, &sent)
	if r.URL.Path == "/session" {
		p.words = nil // a login knows nothing of the calls before it
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, word := range append(texts(sent), token, strings.TrimPrefix(r.URL.Path, "/session/"), strings.TrimPrefix(token, "apikey.")) {
		if strings.Contains(word, stem) && !p.heard[word] {
			p.heard[word] = true
		}
		if strings.Contains(word, stem) {
			p.words = append(p.words, word)
		}
	}
	words := append([]string{}, p.words...)
	p.mu.Unlock()
	if r.URL.Path == "/session" && len(words) == 2 { // with a second factor; without one it repeats the password
		p.mu.Lock()
		p.words = nil
		p.mu.Unlock()
		replying(200, stem+"-Se55ion")(w, r)
		return
	}
	p.answer(w, r, words)
}

// count is how many requests this call has made.
func (p *parrot) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// begin forgets the last call, and is where the next goes.
func (p *parrot) begin() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call++
	p.requests, p.words = 0, nil
	return "/" + strconv.Itoa(p.call)
}

// texts are the strings of a JSON value.
func texts(v any) (list []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			list = append(list, texts(item)...)
		}
	case map[string]any:
		for _, item := range v {
			list = append(list, texts(item)...)
		}
	}
	return list
}

// echoes are the ways in which a service repeats what it was sent.
func echoes() map[string]func(http.ResponseWriter, *http.Request, []string) {
	ways := map[string]func(http.ResponseWriter, *http.Request, []string){}
	bodies := map[string]func([]string) string{
		"as text":   func(words []string) string { return "you sent " + strings.Join(words, " and ") },
		"as a page": func(words []string) string { return "<html>" + strings.Join(words, "<br>") },
		"as JSON": func(words []string) string {
			text, _ := json.Marshal(words)
			return `{"id":5012,"said":` + string(text) + `}`
		},
		"as wrong values": func(words []string) string { text, _ := json.Marshal(words); return `[{"id":` + string(text) + `}]` },
		"as a wrong value": func(words []string) string {
			text, _ := json.Marshal(strings.Join(words, " "))
			return `{"id":` + string(text) + `,"power_on":` + string(text) + `}`
		},
		"as names": func(words []string) string {
			text, _ := json.Marshal(strings.Join(words, " "))
			return `{` + string(text) + `:["is unknown"],` + string(text) + `:1}`
		},
		"in numbers": func(words []string) string { return `{"password":["` + asNumbers(strings.Join(words, " ")) + `"]}` },
		"cut":        func(words []string) string { text, _ := json.Marshal(words); return `{"said":` + string(text) },
	}
	for how, body := range bodies {
		for _, status := range []int{200, 400, 401, 404, 500} {
			ways[fmt.Sprintf("%d %s", status, how)] = func(w http.ResponseWriter, r *http.Request, words []string) {
				replying(status, body(words))(w, r)
			}
		}
	}
	locations := map[string]func(word string) string{
		"to a query": func(word string) string { return "https://elsewhere.example/?x=" + url.QueryEscape(word) },
		"to a path":  func(word string) string { return "/moved/" + url.PathEscape(word) },
		"to a user": func(word string) string {
			return "https://" + url.UserPassword("me", word).String() + "@elsewhere.example/"
		},
		"to a host":   func(word string) string { return "https://" + word + ".example/" },
		"to a scheme": func(word string) string { return word + "://x" },
		"to no URL":   func(word string) string { return "https://[" + word },
	}
	for how, location := range locations {
		for _, status := range []int{302, 307} {
			ways[fmt.Sprintf("%d %s", status, how)] = func(w http.ResponseWriter, r *http.Request, words []string) {
				to := ""
				for _, word := range ofOneLine(words) {
					to = location(word)
				}
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}
		}
	}
	for _, status := range []int{200, 401, 503} {
		ways[fmt.Sprintf("%d in headers", status)] = func(w http.ResponseWriter, r *http.Request, words []string) {
			for _, name := range []string{"X-Echo", "Content-Type", "Retry-After", "Www-Authenticate", "Set-Cookie", "Warning"} {
				w.Header().Set(name, strings.Join(ofOneLine(words), ";"))
			}
			w.WriteHeader(status)
		}
	}
	for how, start := range map[string]string{"in a status line": "", "in a broken header": "HTTP/1.1 200 OK\r\n", "in a bad length": "HTTP/1.1 200 OK\r\nContent-Length: "} {
		ways[how] = func(w http.ResponseWriter, _ *http.Request, words []string) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(conn, start+strings.Join(ofOneLine(words), " ")+"\r\n\r\n")
				_ = conn.Close()
			}
		}
	}
	return ways
}

// ofOneLine are those that a header can hold.
func ofOneLine(words []string) []string {
	return slices.DeleteFunc(words, func(word string) bool { return strings.Contains(word, "\n") })
}

// printed is all that programs print of a value, and JSON.
func printed(values ...any) string {
	var b strings.Builder
	for _, v := range values {
		asJSON, _ := json.Marshal(v)
		fmt.Fprintf(&b, "%v\n%+v\n%#v\n%s\n%q\n%s\n", v, v, v, v, v, asJSON)
	}
	return b.String()
}

// printedError prints an error and all that it wraps.
func printedError(err error) string {
	if err == nil {
		return ""
	}
	text := printed(err)
	if e, ok := err.(*bigv.BadRequestError); ok {
		text += printed(e.Fields())
	}
	if e, ok := err.(*bigv.Error); ok {
		text += printed(*e)
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, inner := range many.Unwrap() {
			text += printedError(inner)
		}
	}
	return text + printedError(errors.Unwrap(err))
}

// TestCanaries calls every method of every service with secrets that a hostile
// service repeats in every way, and looks for them in all that can be printed.
func TestCanaries(t *testing.T) {
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) {
		return bigv.NewSecret(stem + "-S0urce"), nil
	})
	code := func(context.Context) (bigv.Secret, error) { return bigv.NewSecret(stem + `-"C0de"<&>`), nil }
	ways := map[string][]bigv.Option{
		"token":         {bigv.WithToken(stem + `-T0ken"&<`)},
		"plain token":   {bigv.WithToken(stem + "-T0ken")},
		"API key":       {bigv.WithAPIKey(stem + "-Key")},
		"source":        {bigv.WithTokenSource(source)},
		"password":      {bigv.WithCredentials("alice", stem+`-"Passw0rd\<&>é`)},
		"second factor": {bigv.WithCredentials("alice", stem+"-Passw0rd"), bigv.WithSecondFactor(bigv.TwoFactor, code)},
	}
	var mu sync.Mutex
	allHeard, allPlanted, errs := map[string]bool{}, map[string]string{}, 0
	t.Run("answers", func(t *testing.T) {
		for how, answer := range echoes() {
			t.Run(how, func(t *testing.T) {
				t.Parallel() // most of the time is spent waiting for sessions that are kept alive
				var log, captured bytes.Buffer
				var told []any
				debug := &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}
				watching := []bigv.Option{
					tryOnce,
					bigv.WithLogger(slog.New(slog.NewMultiHandler(slog.NewTextHandler(&log, debug), slog.NewJSONHandler(&log, debug)))),
					bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) { told = append(told, a) }),
					bigv.WithCapture(&captured),
				}
				heard, planted := map[string]bool{}, map[string]string{}
				bird := &parrot{heard: heard, answer: answer}
				t.Cleanup(func() {
					mu.Lock()
					defer mu.Unlock()
					maps.Copy(allHeard, heard)
					maps.Copy(allPlanted, planted)
				})
				srv := httptest.NewServer(bird)
				t.Cleanup(srv.Close)
				base := clientFor(t, srv.URL, append(watching, bigv.WithToken("t0ken"))...)
				for way, opts := range ways {
					everyService(t, func(name string, kind reflect.Type) {
						at := srv.URL + bird.begin()
						log.Reset()
						captured.Reset()
						told = nil
						client, err := base.With(append([]bigv.Option{bigv.WithBaseURL(at), bigv.WithAuthURL(at)}, opts...)...)
						require.NoError(t, err)
						list := briefArgs(name, kind)
						if name != "VirtualMachines.CreateBare" { // which takes no secrets
							for i := range list {
								list[i] = plant(list[i], planted)
							}
						}
						_, err = invokeBriefly(t.Context(), client, name, list...)
						if err != nil {
							mu.Lock()
							errs++
							mu.Unlock()
						}
						late := bird.count() == 0 && errors.Is(err, context.DeadlineExceeded) // a wait on a busy machine
						if !late && (name != "Sessions.KeepAlive" || way != "API key") {      // which has no session
							assert.Positive(t, bird.count(), "%s sent nothing: %v", name, err)
							assert.NotEmpty(t, told, name)
							assert.NotEmpty(t, log.String(), name)
						}
						for what, text := range map[string]string{
							"the log": log.String(), "the capture": captured.String(), "attempts": printed(told...), "the error": printedError(err),
							"arguments": printed(list...), "the client": printed(client, opts),
						} {
							assert.Empty(t, leaks(text), "%s with %s shows a secret in %s", name, way, what)
						}
						for _, a := range told {
							text := printedError(a.(bigv.Attempt).Err)
							assert.Empty(t, leaks(text), "%s with %s shows a secret in an attempt's error", name, way)
						}
					})
				}
			})
		}
	})
	assert.Positive(t, errs)
	assert.GreaterOrEqual(t, len(allPlanted), 5, "arguments that hold secrets")
	for where, text := range allPlanted {
		assert.True(t, allHeard[text], "%s never arrived", where)
	}
	for _, secret := range []string{`-T0ken"&<`, "-T0ken", "-Key", "-S0urce", `-"Passw0rd\<&>é`, "-Passw0rd", `-"C0de"<&>`, "-Se55ion"} {
		assert.True(t, allHeard[stem+secret], "%s never arrived", secret)
	}
}
