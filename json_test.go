package bigv_test

import (
	"encoding/json"
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
	bigv.IP{}, bigv.IPCreate{}, bigv.IPUpdate{}, bigv.Backup{}, bigv.APIKey{},
	bigv.Session{}, // a VMDefault, which has no addresses, is written by hand: TestVMDefaultJSON
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

func TestTypesUnderBothJSONs(t *testing.T) {
	for _, example := range jsonTypes {
		kind := reflect.TypeOf(example)
		for name, value := range map[string]any{"filled": filled(kind).Interface(), "zero": example} {
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
				assert.Equal(t, texts[0], texts[1], "the versions write the same")
			})
		}
	}
}

// What a service answers reads the same under both.
func TestFixturesUnderBothJSONs(t *testing.T) {
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
