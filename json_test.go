package bigv_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jsonTypes returns the types of request and response bodies: the parameters and results of all methods, and the structs in them.
func jsonTypes(t *testing.T) map[reflect.Type]bool {
	t.Helper()
	types := map[reflect.Type]bool{}
	include := func(kind reflect.Type) bool {
		return kind != reflect.TypeFor[bigv.VMDefault]() // which has no addresses in its JSON: see TestVMDefaultJSON
	}
	eachMethod(t, func(m method) {
		for _, kind := range append(m.params, m.result) {
			maps.Copy(types, structsIn(kind, include))
		}
	})
	require.Greater(t, len(types), 25)
	return types
}

// filled returns a value of a type in which every exported field is set, except secrets, which are not in JSON, and
// VirtualMachine.Provisioning, which comes from the status.
func filled(t *testing.T, kind reflect.Type) reflect.Value {
	t.Helper()
	value := reflect.New(kind).Elem()
	fill(t, value)
	return value
}

// fill sets a value: see filled.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch value := v.Addr().Interface().(type) {
	case *bigv.Secret:
		return
	case *json.RawMessage:
		*value = json.RawMessage(`["192.0.2.0/24"]`)
		return
	case *netip.Addr:
		*value = netip.MustParseAddr("192.0.2.7")
		return
	case *time.Duration:
		*value = 7 * time.Second
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
		v.Set(reflect.New(v.Type().Elem())) // to zero, which is not the same as unset
		if v.Type().Elem().Kind() == reflect.Struct {
			fill(t, v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		key, element := filled(t, v.Type().Key()), filled(t, v.Type().Elem())
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, element)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "Provisioning" {
				fill(t, v.Field(i))
			}
		}
	default:
		t.Fatalf("json_test.go: add a value of type %s to fill", v.Type())
	}
}

// Values read and write the same with both versions of encoding/json.
func TestTypesWithBothJSONPackages(t *testing.T) {
	t.Parallel()
	for kind := range jsonTypes(t) {
		for name, value := range map[string]any{"filled": filled(t, kind).Interface(), "zero": reflect.Zero(kind).Interface()} {
			t.Run(kind.Name()+" "+name, func(t *testing.T) {
				var texts []any
				for written, writer := range codecs {
					text, err := writer.marshal(value)
					require.NoError(t, err)
					var plain any
					require.NoError(t, json.Unmarshal(text, &plain))
					texts = append(texts, plain)
					for read, reader := range codecs {
						got := reflect.New(kind)
						require.NoError(t, reader.unmarshal(text, got.Interface()), "%s", text)
						assert.Equal(t, value, got.Elem().Interface(), "written by %s, read by %s: %s", written, read, text)
					}
				}
				assert.Equal(t, texts[0], texts[1], "both packages must write the same")
			})
		}
	}
}

// Responses of the service read the same with both versions of encoding/json.
func TestFixturesWithBothJSONPackages(t *testing.T) {
	t.Parallel()
	for name, example := range map[string]any{
		"account.json": bigv.Account{}, "accounts_overview.json": []bigv.Account{}, "group.json": bigv.Group{},
		"virtual_machine.json":       bigv.VirtualMachine{},
		"virtual_machine_nulls.json": bigv.VirtualMachine{}, "virtual_machine_overview.json": bigv.VirtualMachine{},
		"disc.json": bigv.Disc{}, "user.json": bigv.User{},
		"privilege.json": bigv.Privilege{}, "privilege_nulls.json": bigv.Privilege{},
	} {
		v1, v2 := reflect.New(reflect.TypeOf(example)), reflect.New(reflect.TypeOf(example))
		require.NoError(t, json.Unmarshal([]byte(fixture(t, name)), v1.Interface()), name)
		require.NoError(t, jsonv2.Unmarshal([]byte(fixture(t, name)), v2.Interface()), name)
		assert.Equal(t, v1.Interface(), v2.Interface(), name)
		assert.False(t, v1.Elem().IsZero(), name)
	}
}

func TestJSONMembersAreLowerCase(t *testing.T) {
	t.Parallel()
	for kind := range jsonTypes(t) {
		text, err := json.Marshal(filled(t, kind).Interface())
		require.NoError(t, err)
		var members map[string]any
		require.NoError(t, json.Unmarshal(text, &members))
		assert.NotEmpty(t, members)
		for member := range members {
			assert.Equal(t, strings.ToLower(member), member, "%s", kind)
		}
	}
}
