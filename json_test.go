package bigv_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jsonTypes are all that is sent and answered by the services.
var jsonTypes = []any{
	bigv.Account{}, bigv.AccountCreate{}, bigv.Group{}, bigv.GroupCreate{},
	bigv.VirtualMachine{}, bigv.VirtualMachineCreate{}, bigv.VirtualMachineUpdate{}, bigv.VirtualMachineIPs{}, bigv.Image{},
	bigv.Disc{}, bigv.DiscCreate{}, bigv.DiscUpdate{}, bigv.BackupSchedule{}, bigv.NIC{},
	bigv.User{}, bigv.UserCreate{}, bigv.UserUpdate{},
	bigv.Privilege{}, bigv.PrivilegeGrant{}, bigv.PrivilegeUpdate{}, bigv.Definitions{},
}

// filled is a value of a type with something in all that is exported, but for
// secrets, which JSON does not carry, and what only the status tells.
func filled(kind reflect.Type) reflect.Value {
	value := reflect.New(kind).Elem()
	fill(value)
	return value
}

func fill(v reflect.Value) {
	switch value := v.Addr().Interface().(type) {
	case *bigv.Secret:
		return
	case *json.RawMessage:
		*value = json.RawMessage(`["192.0.2.0/24"]`)
		return
	case *netip.Addr:
		*value = netip.MustParseAddr("192.0.2.7")
		return
	case *bigv.GroupPath:
		*value = web
		return
	case *bigv.VirtualMachinePath:
		*value = www1
		return
	case *bigv.Nullable[int]:
		*value = bigv.Set(0)
		return
	case *bigv.Nullable[string]:
		*value = bigv.Null[string]()
		return
	case *bigv.Nullable[json.RawMessage]:
		*value = bigv.Set(json.RawMessage(`["192.0.2.0/24"]`))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.String:
		v.SetString("<7> & \u2028 \"7\"")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem())) // to zero, which is not unset
		if v.Type().Elem().Kind() == reflect.Struct {
			fill(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		key, element := filled(v.Type().Key()), filled(v.Type().Elem())
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, element)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "Provisioning" {
				fill(v.Field(i))
			}
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

// versions are the two of JSON, and they are to make no difference.
var versions = []struct {
	name      string
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}{
	{"encoding/json", json.Marshal, json.Unmarshal},
	{"encoding/json/v2", func(v any) ([]byte, error) { return jsonv2.Marshal(v) }, func(data []byte, v any) error { return jsonv2.Unmarshal(data, v) }},
}

func TestTypesUnderBothJSONs(t *testing.T) {
	for _, example := range jsonTypes {
		kind := reflect.TypeOf(example)
		for name, value := range map[string]any{"filled": filled(kind).Interface(), "zero": example} {
			t.Run(kind.Name()+" "+name, func(t *testing.T) {
				var texts []any
				for _, writer := range versions {
					text, err := writer.marshal(value)
					require.NoError(t, err)
					var plain any
					require.NoError(t, json.Unmarshal(text, &plain))
					texts = append(texts, plain)
					for _, reader := range versions {
						got := reflect.New(kind)
						require.NoError(t, reader.unmarshal(text, got.Interface()), "%s", text)
						assert.Equal(t, value, got.Elem().Interface(), "written by %s, read by %s: %s", writer.name, reader.name, text)
					}
				}
				assert.Equal(t, texts[0], texts[1], "the versions write the same")
			})
		}
	}
}

// What a service answers reads the same under both.
func TestFixturesUnderBothJSONs(t *testing.T) {
	for name, example := range map[string]any{
		"account.json": bigv.Account{}, "accounts_overview.json": []bigv.Account{}, "group.json": bigv.Group{}, "virtual_machine.json": bigv.VirtualMachine{},
		"virtual_machine_nulls.json": bigv.VirtualMachine{}, "virtual_machine_overview.json": bigv.VirtualMachine{}, "disc.json": bigv.Disc{}, "user.json": bigv.User{},
		"privilege.json": bigv.Privilege{}, "privilege_nulls.json": bigv.Privilege{},
	} {
		v1, v2 := reflect.New(reflect.TypeOf(example)), reflect.New(reflect.TypeOf(example))
		require.NoError(t, json.Unmarshal([]byte(fixture(t, name)), v1.Interface()), name)
		require.NoError(t, jsonv2.Unmarshal([]byte(fixture(t, name)), v2.Interface()), name)
		assert.Equal(t, v1.Interface(), v2.Interface(), name)
		assert.False(t, v1.Elem().IsZero(), name)
	}
}

// An attribute's name is the API's: small letters, digits and underscores.
func TestNamesOfMembers(t *testing.T) {
	for _, example := range jsonTypes {
		text, err := json.Marshal(filled(reflect.TypeOf(example)).Interface())
		require.NoError(t, err)
		var members map[string]any
		require.NoError(t, json.Unmarshal(text, &members))
		assert.NotEmpty(t, members)
		for member := range members {
			assert.Equal(t, strings.ToLower(member), member, "%T", example)
		}
	}
}

// Unset, null, zero and a value are four things.
func TestNullable(t *testing.T) {
	type body struct {
		Text  bigv.Nullable[string]          `json:"text,omitzero"`
		Count bigv.Nullable[int]             `json:"count,omitzero"`
		List  bigv.Nullable[[]string]        `json:"list,omitzero"`
		Raw   bigv.Nullable[json.RawMessage] `json:"raw,omitzero"`
	}
	for _, row := range []struct {
		name string
		body body
		text string
	}{
		{"unset", body{}, `{}`},
		{"null", body{bigv.Null[string](), bigv.Null[int](), bigv.Null[[]string](), bigv.Null[json.RawMessage]()}, `{"text":null,"count":null,"list":null,"raw":null}`},
		{"zero", body{bigv.Set(""), bigv.Set(0), bigv.Set([]string{}), bigv.Set(json.RawMessage(`""`))}, `{"text":"","count":0,"list":[],"raw":""}`},
		{"values", body{bigv.Set("a"), bigv.Set(-1), bigv.Set([]string{"b"}), bigv.Set(json.RawMessage(`{"c":1}`))}, `{"text":"a","count":-1,"list":["b"],"raw":{"c":1}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, version := range versions {
				text, err := version.marshal(row.body)
				require.NoError(t, err)
				assert.Equal(t, row.text, string(text), version.name)
				var got body
				require.NoError(t, version.unmarshal(text, &got))
				assert.Equal(t, row.body, got, version.name)
			}
		})
	}
	value, ok := bigv.Set(7).Get()
	assert.True(t, ok)
	assert.Equal(t, 7, value)
	for _, none := range []bigv.Nullable[int]{{}, bigv.Null[int]()} {
		value, ok := none.Get()
		assert.False(t, ok)
		assert.Zero(t, value)
	}
	assert.True(t, bigv.Null[int]().IsNull() && !bigv.Null[int]().IsZero())
	assert.True(t, bigv.Nullable[int]{}.IsZero() && !bigv.Nullable[int]{}.IsNull())
	assert.True(t, !bigv.Set(0).IsZero() && !bigv.Set(0).IsNull())
	n := bigv.Set(7)
	require.Error(t, n.UnmarshalJSON([]byte(`"many"`)))
	assert.Equal(t, bigv.Set(7), n, "what cannot be read changes nothing")
	require.NoError(t, json.Unmarshal([]byte(" null "), &n))
	assert.Equal(t, bigv.Null[int](), n)
}

// A secret is written by neither JSON nor text, and read by both.
func TestSecretsUnderBothJSONs(t *testing.T) {
	for _, value := range []any{
		bigv.NewSecret("sesame"), *everything.Image, everything, bigv.UserCreate{Username: "carol", Password: bigv.NewSecret("sesame")},
		bigv.UserUpdate{Password: bigv.NewSecret("sesame")}, map[string]bigv.Secret{"password": bigv.NewSecret("sesame")},
	} {
		for _, version := range versions {
			text, err := version.marshal(value)
			require.NoError(t, err)
			assert.NotContains(t, string(text), "sesame")
			assert.NotContains(t, string(text), `ses\"ame`)
			assert.NotContains(t, string(text), "touch")
		}
	}
	for _, version := range versions {
		var user bigv.UserCreate
		require.NoError(t, version.unmarshal([]byte(`{"username":"carol","password":"sesame"}`), &user))
		assert.Equal(t, "sesame", user.Password.Reveal())
		require.NoError(t, version.unmarshal([]byte(`{"password":null}`), &user))
		assert.True(t, user.Password.IsZero())
		err := version.unmarshal([]byte(`{"password":["sesame"]}`), &user)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "sesame")
	}
	var _ encoding.TextUnmarshaler = new(bigv.Secret)
	text, err := bigv.NewSecret("sesame").MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "[redacted]", string(text))
	assert.Equal(t, "[redacted] [redacted] [redacted]", fmt.Sprintf("%v %+v %#v", bigv.NewSecret("sesame"), bigv.NewSecret("sesame"), bigv.NewSecret("sesame")))
}
