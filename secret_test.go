package bigv_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// verbs are verbs of package fmt, valid ones and others.
var verbs = []string{
	"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%e", "%g", "%t", "%T", "%p", "%w",
	"%10v", "%-10s", "%.3s", "%#q", "%+q", "%z", "%!",
}

// printed returns what the ways to print v make of it, by name: package fmt with these verbs, loggers, encoders and reflection.
func printed(v any, verbs ...string) map[string]string {
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

// dump returns all text that reflection reaches, exported or not, as debuggers and dumpers do.
func dump(v reflect.Value, seen map[unsafe.Pointer]bool, depth int) string {
	if !v.IsValid() || depth > 40 {
		return ""
	}
	if pkg := v.Type().PkgPath(); strings.HasPrefix(pkg, "net/http") || strings.HasPrefix(pkg, "crypto/") {
		return "" // other goroutines change connections
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

// assertRedacted asserts that no way to print v shows a marked secret.
func assertRedacted(t *testing.T, name string, v any) {
	t.Helper()
	for how, text := range printed(v, verbs...) {
		assert.Empty(t, findMarkers(text), "%s by %s", name, how)
	}
}

// plainText is a value that hides nothing.
type plainText struct{ Text string }

func TestSecretIsNeverPrinted(t *testing.T) {
	secret := bigv.NewSecret(markedSecret)
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
	require.NotEmpty(t, findMarkers(held.hidden.Reveal()))
	for name, v := range map[string]any{
		"secret": secret, "pointer": &secret, "holder": held, "pointer to a holder": &held, "list": []holder{held},
		"image":   bigv.Image{Distribution: "stretch", RootPassword: secret, FirstbootScript: secret},
		"machine": bigv.VirtualMachineCreate{Name: "www1", Image: &bigv.Image{RootPassword: secret}},
		"error":   fmt.Errorf("with a secret: %v, %w", secret, fmt.Errorf("%+v", held)),
	} {
		assertRedacted(t, name, v)
	}
	for _, how := range []string{
		"fmt %v", "fmt %+v", "fmt %#v", "fmt %s", "fmt %q", "fmt %x", "fmt %X", "fmt % x", "slog text", "slog JSON",
		"encoding/json", "encoding/json/v2", "xml", "gob", "reflection",
	} {
		assert.NotEmpty(t, findMarkers(printed(plainText{markedSecret}, verbs...)[how]), "a text that is not a secret, by %s", how)
	}
}

func TestSecret(t *testing.T) {
	secret, none := bigv.NewSecret(markedSecret), bigv.NewSecret("")
	assert.Equal(t, markedSecret, secret.Reveal())
	assert.Empty(t, none.Reveal())
	assert.False(t, secret.IsZero())
	assert.True(t, none.IsZero())
	assert.True(t, bigv.Secret{}.IsZero())
	assert.True(t, secret.Equal(bigv.NewSecret(markedSecret)))
	assert.True(t, none.Equal(bigv.Secret{}))
	assert.False(t, secret.Equal(none))
	assert.False(t, secret.Equal(bigv.NewSecret(markedSecret+"x")))
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
		err = codec.unmarshal([]byte(`{"secret":{"`+marker+`":1}}`), &h)
		assert.ErrorContains(t, err, "secret is not a JSON string", name)
		assert.NotContains(t, err.Error(), marker, name)
	}
}

func TestSecretUnmarshalJSONAcceptsTheStringsThatEncodingJSONAccepts(t *testing.T) {
	for _, text := range []string{
		`"a\"b"`, " \t\"a\"\n", `""`, `null`, ` null `, `"null"`, `"\u00e4\u0000"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00x"`,
		"\"\xff\xfe\"", "\"\u2028\"", ``, ` `, `5`, `true`, `{}`, `[]`, `["a"]`, `nul`, `'a'`, `"a`,
		`"a" "b"`, `"a",`, "\"\n\"", `"\x41"`, `"\u00g0"`, "\xef\xbb\xbf\"a\"",
	} {
		var want string
		wantErr := json.Unmarshal([]byte(text), &want)
		got := bigv.NewSecret("previous")
		err := got.UnmarshalJSON([]byte(text))
		if wantErr != nil {
			require.EqualError(t, err, "secret is not a JSON string", text)
			want = "previous"
		} else {
			require.NoError(t, err, text)
		}
		assert.Equal(t, want, got.Reveal(), text)
	}
}
