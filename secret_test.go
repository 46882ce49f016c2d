package bigv_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// canary is a secret, with a part that JSON escapes.
const canary = `C4nary-"T0k3n"`

// sings reports whether text shows the canary, in any of the ways in which a
// value is printed.
func sings(text string) bool {
	for _, form := range []string{
		canary, `C4nary-\"T0k3n`, `C4nary-\u0022T0k3n`, `C4nary-&#34;T0k3n`, "C4nary-%22T0k3n",
		hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))),
		strings.Trim(fmt.Sprint([]byte(canary)), "[]"), strings.Trim(fmt.Sprintf("%#v", []byte(canary)), "[]byte{}"),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

var verbs = []string{
	"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%e", "%g", "%t", "%T", "%p", "%w",
	"%10v", "%-10s", "%.3s", "%#q", "%+q", "%z", "%!",
}

// prints is everything that prints v, with these verbs of fmt.
func prints(v any, verbs ...string) map[string]string {
	out := map[string]string{}
	for _, verb := range verbs {
		out["fmt "+verb] = fmt.Sprintf(verb, v)
	}
	out["fmt.Sprint"] = fmt.Sprint(v, []any{v}, map[string]any{"x": v})
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var lines bytes.Buffer
		logger := slog.New(handler(&lines))
		logger.With("with", v).WithGroup("g").Info("message", "it", v, "list", []any{v}, slog.Group("group", "it", v))
		out["slog "+name] = lines.String()
	}
	for name, codec := range codecs {
		body, _ := codec.marshal(v)
		out[name] = string(body)
		body, _ = codec.marshal(map[string]any{"it": v})
		out[name+" in a map"] = string(body)
	}
	if body, err := xml.Marshal(v); err == nil {
		out["xml"] = string(body)
	}
	var stream bytes.Buffer
	_ = gob.NewEncoder(&stream).Encode(v)
	out["gob"] = stream.String()
	out["reflection"] = dump(reflect.ValueOf(v), map[unsafe.Pointer]bool{}, 0)
	return out
}

// dump looks into everything that reflection reaches, exported or not, as
// debuggers and dumpers do.
func dump(v reflect.Value, seen map[unsafe.Pointer]bool, depth int) string {
	if !v.IsValid() || depth > 40 {
		return ""
	}
	if pkg := v.Type().PkgPath(); strings.HasPrefix(pkg, "net/http") || strings.HasPrefix(pkg, "crypto/") {
		return "" // connections, which others are working on
	}
	var out strings.Builder
	switch v.Kind() {
	case reflect.String:
		out.WriteString(v.String() + "\n")
	case reflect.Pointer:
		if v.IsNil() || seen[v.UnsafePointer()] {
			return ""
		}
		seen[v.UnsafePointer()] = true
		out.WriteString(dump(v.Elem(), seen, depth+1))
	case reflect.Interface:
		out.WriteString(dump(v.Elem(), seen, depth+1))
	case reflect.Struct:
		for i := range v.NumField() {
			out.WriteString(dump(v.Field(i), seen, depth+1))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			return string(v.Bytes()) + "\n"
		}
		for i := range v.Len() {
			out.WriteString(dump(v.Index(i), seen, depth+1))
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			out.WriteString(dump(entry.Key(), seen, depth+1) + dump(entry.Value(), seen, depth+1))
		}
	}
	return out.String()
}

func assertSilent(t *testing.T, name string, v any) {
	t.Helper()
	for how, text := range prints(v, verbs...) {
		assert.False(t, sings(text), "%s, %s: %s", name, how, text)
	}
}

// open hides nothing.
type open struct{ Text string }

func TestSecretsDoNotPrint(t *testing.T) {
	secret := bigv.NewSecret(canary)
	type holder struct {
		Name     string
		Secret   bigv.Secret
		Pointer  *bigv.Secret
		hidden   bigv.Secret
		List     []bigv.Secret
		Map      map[string]bigv.Secret
		Any      any
		Nullable bigv.Nullable[bigv.Secret]
	}
	held := holder{"x", secret, &secret, secret, []bigv.Secret{secret}, map[string]bigv.Secret{"k": secret}, secret, bigv.Set(secret)}
	require.True(t, sings(held.hidden.Reveal()))
	for name, v := range map[string]any{
		"secret": secret, "pointer": &secret, "holder": held, "pointer to a holder": &held, "list": []holder{held},
		"image":   bigv.Image{Distribution: "stretch", RootPassword: secret, FirstbootScript: secret},
		"machine": bigv.VirtualMachineCreate{Name: "www1", Image: &bigv.Image{RootPassword: secret}},
		"error":   fmt.Errorf("with a secret: %v, %w", secret, fmt.Errorf("%+v", held)),
	} {
		assertSilent(t, name, v)
	}
	// The canary does sing where it is let.
	for _, how := range []string{"fmt %v", "fmt %+v", "fmt %#v", "fmt %s", "fmt %q", "fmt %x", "fmt %X", "slog text", "slog JSON", "encoding/json", "encoding/json/v2", "xml", "gob", "reflection"} {
		assert.True(t, sings(prints(open{canary}, verbs...)[how]), "%s prints what it is given", how)
	}
}

func TestSecret(t *testing.T) {
	secret, none := bigv.NewSecret(canary), bigv.NewSecret("")
	assert.Equal(t, canary, secret.Reveal())
	assert.Empty(t, none.Reveal())
	assert.False(t, secret.IsZero())
	assert.True(t, none.IsZero())
	assert.True(t, bigv.Secret{}.IsZero())
	assert.True(t, secret.Equal(bigv.NewSecret(canary)))
	assert.True(t, none.Equal(bigv.Secret{}))
	assert.False(t, secret.Equal(none))
	assert.False(t, secret.Equal(bigv.NewSecret(canary+"x")))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "[redacted]", fmt.Sprintf(verb, secret), verb)
		assert.Empty(t, fmt.Sprintf(verb, none), verb)
	}
	text, err := secret.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "[redacted]", string(text))
	require.NoError(t, none.UnmarshalText([]byte("x")))
	assert.Equal(t, "x", none.Reveal())

	type holder struct {
		Secret bigv.Secret `json:"secret,omitzero"`
	}
	for name, codec := range codecs {
		var h holder
		require.NoError(t, codec.unmarshal([]byte(`{"secret":"a\"b"}`), &h), name)
		assert.Equal(t, `a"b`, h.Secret.Reveal(), name)
		body, err := codec.marshal(h)
		require.NoError(t, err, name)
		assert.Equal(t, `{"secret":"[redacted]"}`, string(body), name)
		require.NoError(t, codec.unmarshal([]byte(`{"secret":null}`), &h), name)
		assert.True(t, h.Secret.IsZero(), name)
		body, err = codec.marshal(h)
		require.NoError(t, err, name)
		assert.Equal(t, `{}`, string(body), name)
		err = codec.unmarshal([]byte(`{"secret":{"C4nary":1}}`), &h)
		assert.ErrorContains(t, err, "a secret that is not a string", name)
		assert.NotContains(t, err.Error(), "C4nary", name)
	}
}

// echo answers with what it was sent, and with status.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "you sent %s with %s", body, r.Header)
	}
}

const token = "C4nary-T0k3n" // as a header can hold it

func singsToo(text string) bool { return sings(text) || strings.Contains(text, "C4nary") }

func TestClientsAndErrorsShowNoSecret(t *testing.T) {
	var told []any
	var lines bytes.Buffer
	watching := []bigv.Option{
		bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) { told = append(told, a) }),
		bigv.WithLogger(slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}))),
	}
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.NewSecret(token), nil })
	credentials := bigv.WithCredentials("alice", canary)
	factor := bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) {
		return bigv.NewSecret(fmt.Sprint(canary, time.Now().UnixNano())), nil
	})
	image := &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret(canary), FirstbootScript: bigv.NewSecret("#!/bin/sh\necho " + canary)}
	vm := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}, Image: image}
	for name, opts := range map[string][]bigv.Option{
		"token":       {bigv.WithToken(token)},
		"API key":     {bigv.WithAPIKey(token)},
		"source":      {bigv.WithTokenSource(source)},
		"credentials": {credentials, factor},
	} {
		for _, status := range []int{200, 400, 401, 403, 404, 418, 500, 503} {
			t.Run(fmt.Sprintf("%s/%d", name, status), func(t *testing.T) {
				told = nil
				lines.Reset()
				base := start(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/session" && status < 500 {
						replying(200, token)(w, r)
						return
					}
					echo(status)(w, r)
				}, watching...)
				client, err := base.With(opts...)
				require.NoError(t, err)
				_, createErr := client.VirtualMachines.Create(t.Context(), web, vm)
				require.Error(t, createErr)
				_, getErr := client.VirtualMachines.Get(t.Context(), www1)
				doErr := client.Do(t.Context(), "POST", "/x", image, nil)
				for what, v := range map[string]any{
					"client": client, "service": client.VirtualMachines, "options": opts,
					"create": createErr, "get": getErr, "do": doErr, "attempts": told,
				} {
					verbs := verbs
					if what == "service" {
						verbs = verbs[:3] // others print all that pointers lead to, connections at work included
					}
					for how, text := range prints(v, verbs...) {
						assert.False(t, singsToo(text), "%s, %s: %s", what, how, text)
					}
				}
				for _, err := range []error{createErr, getErr, doErr} {
					for ; err != nil; err = errors.Unwrap(err) {
						assert.False(t, singsToo(fmt.Sprintf("%v %+v %#v", err, err, err)), "%#v", err)
					}
				}
				assert.False(t, singsToo(lines.String()), "log: %s", lines.String())
			})
		}
	}
	for name, opt := range map[string]bigv.Option{
		"token": bigv.WithToken(canary + "\n"), "API key": bigv.WithAPIKey(canary + "\n"), "credentials": bigv.WithCredentials("", canary),
		"base URL": bigv.WithBaseURL("https://alice:C4nary@host:x/"), "base URL without a scheme": bigv.WithBaseURL("alice:C4nary@host"),
	} {
		_, err := bigv.NewClient(opt)
		require.Error(t, err, name)
		assert.False(t, singsToo(err.Error()), "%s: %v", name, err)
	}
}

func TestClientNamesItsEndpoint(t *testing.T) {
	client, err := bigv.NewClient(bigv.WithToken("t"))
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		assert.Equal(t, "bigv.Client(https://uk0.bigv.io)", fmt.Sprintf(verb, client), verb)
	}
}
