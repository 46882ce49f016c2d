package bigvtest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// bodyAttributes lists the attributes of an object in a request body. Each has a kind (text, integer, boolean, object, objects or any)
// and a rule for null and "":
//
//   - optional: they count as missing
//   - required: they are errors, and so is a missing attribute
//   - cleared: they clear the attribute, while a missing attribute is left alone
//   - refused: they are errors, while a missing attribute is left alone
//   - stored: they are stored as they are
type bodyAttributes struct {
	request, body string
	at            string // path of the object in the body: "discs.0"
	attributes    map[string]string
	of            any // type of the SDK whose JSON members must all be listed
	as            string
}

const fullCreate = `{"virtual_machine":{"name":"new1"},"discs":[{"size":50,"backup_schedules":[{"interval_seconds":60}]}],
	"reimage":{"distribution":"jessie"},"ips":{"ipv4":"10.0.0.9","ipv6":"fd00::9"}}`

var requestBodies = map[string]bodyAttributes{
	"vm_create": {
		"POST " + inWeb + "/vm_create", fullCreate, "",
		map[string]string{
			"virtual_machine": "object required", "discs": "objects required", "reimage": "object optional", "ips": "object optional",
		},
		nil, "",
	},
	"vm_create virtual_machine": {
		"POST " + inWeb + "/vm_create", fullCreate, "virtual_machine",
		map[string]string{
			"name": "text required", "cores": "integer optional", "memory": "integer optional", "power_on": "boolean optional",
			"autoreboot_on": "boolean optional", "cdrom_url": "text optional", "keymap": "text optional",
			"hardware_profile": "text optional", "hardware_profile_locked": "boolean optional", "zone_name": "text optional",
		},
		bigv.VirtualMachineCreate{}, "",
	},
	"vm_create disc": {
		"POST " + inWeb + "/vm_create", fullCreate, "discs.0",
		map[string]string{
			"label": "text optional", "size": "integer required", "storage_grade": "text optional", "backup_schedules": "objects optional",
		},
		bigv.DiscCreate{}, "",
	},
	"vm_create schedule": {
		"POST " + inWeb + "/vm_create", fullCreate, "discs.0.backup_schedules.0",
		map[string]string{"start_at": "text optional", "interval_seconds": "integer required", "capacity": "integer optional"},
		bigv.BackupSchedule{}, "",
	},
	"vm_create reimage": {
		"POST " + inWeb + "/vm_create", fullCreate, "reimage",
		map[string]string{
			"distribution": "text required", "root_password": "text optional", "ssh_public_key": "text optional",
			"firstboot_script": "text optional",
		},
		bigv.Image{}, "",
	},
	"vm_create ips": {
		"POST " + inWeb + "/vm_create", fullCreate, "ips", map[string]string{"ipv4": "text optional", "ipv6": "text optional"},
		bigv.VirtualMachineIPs{}, "",
	},
	"bare machine": {
		"POST " + inWeb + "/virtual_machines", `{"name":"new1"}`, "",
		map[string]string{
			"name": "text required", "cores": "integer optional", "memory": "integer optional", "power_on": "boolean optional",
			"autoreboot_on": "boolean optional", "cdrom_url": "text optional", "keymap": "text optional",
			"hardware_profile": "text optional", "hardware_profile_locked": "boolean optional", "zone_name": "text optional",
		},
		bigv.VirtualMachineCreate{}, "",
	},
	"machine update": {
		"PUT " + onWWW1, `{}`, "",
		map[string]string{
			"name": "text refused", "group_id": "integer refused", "cores": "integer refused", "memory": "integer refused",
			"power_on": "boolean refused", "autoreboot_on": "boolean refused", "cdrom_url": "text cleared", "keymap": "text cleared",
			"hardware_profile": "text optional", "hardware_profile_locked": "boolean refused", "deleted": "boolean refused",
			"appliance": "object optional",
		},
		bigv.VirtualMachineUpdate{}, "",
	},
	"appliance": {
		"PUT " + onWWW1, `{"appliance":{"name":"rescue"}}`, "appliance",
		map[string]string{"name": "text required", "permanent": "boolean optional"}, bigv.Appliance{}, "",
	},
	"signal":  {"POST " + onWWW1 + "/signal", `{"signal":"reset"}`, "", map[string]string{"signal": "text required"}, nil, ""},
	"sendkey": {"POST " + onWWW1 + "/signal", `{"signal":"sendkey","data":"f1"}`, "", map[string]string{"data": "text required"}, nil, ""},
	"reimage": {
		"POST " + inWeb + "/virtual_machines/off1/reimage", `{"distribution":"jessie"}`, "",
		map[string]string{
			"distribution": "text required", "root_password": "text optional", "ssh_public_key": "text optional",
			"firstboot_script": "text optional",
		},
		bigv.Image{}, "",
	},
	"disc": {
		"POST " + onWWW1 + "/discs", `{"size":50}`, "",
		map[string]string{"label": "text optional", "size": "integer required", "storage_grade": "text optional"}, nil, "",
	},
	"disc update": {
		"PUT " + onWWW1 + "/discs/data", `{}`, "",
		map[string]string{
			"label": "text refused", "size": "integer refused", "storage_grade": "text refused", "iops_limit": "integer refused",
			"virtual_machine_id": "integer refused",
		},
		bigv.DiscUpdate{}, "root",
	},
	"backup restore": {
		"PUT " + onDisc + "/backups/9005", `{}`, "", map[string]string{"restore": "boolean refused"}, nil, "",
	},
	"schedule": {
		"POST " + onDisc + "/backup_schedules", `{"interval_seconds":60}`, "",
		map[string]string{"start_at": "text optional", "interval_seconds": "integer required", "capacity": "integer optional"},
		bigv.BackupSchedule{}, "",
	},
	"ip_create": {
		"POST " + onWWW1 + "/nics/6001/ip_create", `{"addresses":1,"reason":"x"}`, "",
		map[string]string{
			"addresses": "integer required", "family": "text optional", "reason": "text required", "contiguous": "boolean optional",
		},
		bigv.IPCreate{}, "",
	},
	"ip update": {"PUT /ips/198.18.0.1", `{}`, "", map[string]string{"rdns": "text cleared"}, bigv.IPUpdate{}, ""},
	"ip swap": {
		"POST /ips/swap_virtual_machine_ips", `{"virtual_machine_1_id":5002,"virtual_machine_2_id":5003}`, "",
		map[string]string{
			"virtual_machine_1_id": "integer required", "virtual_machine_2_id": "integer required",
			"move_additional_ips": "boolean optional",
		},
		nil, "",
	},
	"account": {"POST /accounts", `{"name":"new1"}`, "", map[string]string{"name": "text required"}, bigv.AccountCreate{}, ""},
	"group": {
		"POST /accounts/acme/groups", `{"name":"new1"}`, "", map[string]string{"name": "text required"}, bigv.GroupCreate{}, "",
	},
	"group update": {"PUT " + inWeb, `{}`, "", map[string]string{"name": "text refused"}, nil, ""},
	"user": {
		"POST /users", `{"username":"new1","password":"p"}`, "",
		map[string]string{
			"username": "text required", "password": "text required", "email": "text optional", "authorized_keys": "text optional",
			"account_name": "text optional",
		},
		bigv.UserCreate{}, "",
	},
	"user update": {
		"PUT /users/alice", `{}`, "", map[string]string{"authorized_keys": "text cleared", "password": "text optional"}, nil, "",
	},
	"API key": {
		"POST /api_keys", `{"user_id":11,"label":"x"}`, "",
		map[string]string{"user_id": "integer required", "label": "text required", "expires_at": "text optional"}, nil, "",
	},
	"privilege": {
		"POST /users/bob/privileges", `{"level":"group_admin","group_id":72}`, "",
		map[string]string{
			"level": "text required", "group_id": "integer required", "account_id": "integer optional",
			"virtual_machine_id": "integer optional", "password_required": "boolean optional", "yubikey_required": "boolean optional",
			"yubikey_otp_max_age": "integer optional", "ip_restrictions": "any optional", "api_key_id": "integer optional",
		},
		nil, "",
	},
	"privilege update": {
		"PUT /privileges/33", `{}`, "",
		map[string]string{
			"yubikey_required": "boolean refused", "yubikey_otp_max_age": "integer cleared", "ip_restrictions": "any cleared",
		},
		bigv.PrivilegeUpdate{}, "",
	},
	"VM default": {
		"POST /vm_defaults", `{"account_id":41,"name":"x","server_settings":{"virtual_machine":{}}}`, "",
		map[string]string{
			"account_id": "integer required", "name": "text required", "public": "boolean optional", "server_settings": "object required",
		},
		nil, "",
	},
	"VM default settings": {
		"POST /vm_defaults", `{"account_id":41,"name":"x","server_settings":{"discs":[{"backup_schedules":[]}]}}`, "server_settings",
		map[string]string{"virtual_machine": "object optional", "discs": "objects optional", "reimage": "object optional"}, nil, "",
	},
	"VM default disc": {
		"POST /vm_defaults", `{"account_id":41,"name":"x","server_settings":{"discs":[{}]}}`, "server_settings.discs.0",
		map[string]string{"backup_schedules": "objects stored"}, nil, "",
	},
}

// attributeServer returns a server with the objects that requestBodies mention.
func attributeServer(t *testing.T) *bigvtest.Server {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	web.VirtualMachine("www1").Disc("data", 1000)
	web.VirtualMachine("off1").SetPower(false)
	web.VirtualMachine("off2").SetPower(false)
	web.SetPrivateVLAN(9)
	srv.User("carol").Grant(bigv.GroupAdmin, web)
	srv.User("root").Grant(bigv.ClusterSU, nil)
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "").status)
	srv.Advance(bigvtest.BackupTime)
	return srv
}

// withAttribute returns the body with an attribute set to a JSON value, or removed if the value is "".
func withAttribute(t *testing.T, body, at, name, value string) string {
	t.Helper()
	var root any
	require.NoError(t, json.Unmarshal([]byte(body), &root))
	object := root
	for segment := range strings.SplitSeq(at, ".") {
		if list, ok := object.([]any); ok {
			i, err := strconv.Atoi(segment)
			require.NoError(t, err)
			object = list[i]
		} else if segment != "" {
			object = object.(map[string]any)[segment]
		}
	}
	if value == "" {
		delete(object.(map[string]any), name)
	} else {
		object.(map[string]any)[name] = json.RawMessage(value)
	}
	encoded, err := json.Marshal(root)
	require.NoError(t, err)
	return string(encoded)
}

var randomSecret = regexp.MustCompile(`[0-9a-f]{40}`)

// eachAttribute runs f for each row of requestBodies.
func eachAttribute(t *testing.T, f func(t *testing.T, body bodyAttributes, name, kind, blank string)) {
	for what, body := range requestBodies {
		for name, description := range body.attributes {
			kind, blank, _ := strings.Cut(description, " ")
			t.Run(what+"/"+name, func(t *testing.T) {
				t.Parallel()
				f(t, body, name, kind, blank)
			})
		}
	}
}

// sendAttribute sends a body with one attribute changed to a new server, and returns the response and the state some time later.
func sendAttribute(t *testing.T, body bodyAttributes, name, value string) (got response, after string) {
	t.Helper()
	srv := attributeServer(t)
	token := srv.Token()
	if body.as != "" {
		token = srv.User(body.as).Token()
	}
	got = send(t, srv, token, body.request, withAttribute(t, body.body, body.at, name, value))
	srv.Advance(10 * time.Minute)
	return got, randomSecret.ReplaceAllString(got.body+"\n"+state(t, srv), "secret")
}

func TestBlankAttributes(t *testing.T) {
	t.Parallel()
	eachAttribute(t, func(t *testing.T, body bodyAttributes, name, _, blank string) {
		missing, withoutIt := sendAttribute(t, body, name, "")
		null, withNull := sendAttribute(t, body, name, "null")
		empty, withEmpty := sendAttribute(t, body, name, `""`)
		if blank == "required" {
			assert.Equal(t, 400, missing.status, missing.body)
		} else {
			assert.Less(t, missing.status, 300, missing.body)
		}
		if blank == "required" || blank == "refused" {
			assert.Equal(t, 400, null.status, null.body)
			assert.Equal(t, null.body, empty.body)
			return
		}
		assert.Less(t, null.status, 300, null.body)
		if blank == "stored" {
			assert.Less(t, empty.status, 300, empty.body)
			return
		}
		assert.Equal(t, withNull, withEmpty, `null and ""`)
		if blank == "optional" {
			assert.Equal(t, withoutIt, withNull, "missing and null")
		}
	})
}

var wrongTypes = map[string][]string{
	"text":    {`5`, `1.5`, `true`, `[]`, `["x"]`, `{}`, `{"a":1}`},
	"integer": {`"x"`, `1.5`, `true`, `[]`, `[1]`, `{}`, `{"a":1}`},
	"boolean": {`"x"`, `1`, `[]`, `[true]`, `{}`, `{"a":true}`},
	"object":  {`"x"`, `"stretch"`, `5`, `true`, `[]`, `["x"]`, `[{}]`},
	"objects": {`"x"`, `5`, `true`, `{}`, `{"a":1}`, `["x"]`, `[5]`, `[true]`, `[[]]`, `[null]`, `[""]`},
}

func TestAttributesOfWrongType(t *testing.T) {
	t.Parallel()
	eachAttribute(t, func(t *testing.T, body bodyAttributes, name, kind, _ string) {
		srv := attributeServer(t)
		token := srv.Token()
		if body.as != "" {
			token = srv.User(body.as).Token()
		}
		before := state(t, srv)
		for _, value := range wrongTypes[kind] {
			got := send(t, srv, token, body.request, withAttribute(t, body.body, body.at, name, value))
			assert.Equal(t, 400, got.status, "%s: %s", value, got.body)
			assert.Equal(t, "application/json", got.contentType, value)
		}
		assert.Equal(t, before, state(t, srv), "the state must be unchanged")
	})
}

// TestEveryAttributeHasARow requires a row of requestBodies for each JSON member of the types that programs send.
func TestEveryAttributeHasARow(t *testing.T) {
	readOnly := []string{"id", "discs", "reimage", "ips"} // the last three have rows of vm_create
	for what, body := range requestBodies {
		if body.of == nil {
			continue
		}
		of := reflect.TypeOf(body.of)
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name != "" && !slices.Contains(readOnly, name) && body.attributes[name] == "" {
				t.Errorf("bigvtest/attributes_test.go: add %q of %v to requestBodies[%q], which has %q", name, of, what,
					slices.Sorted(maps.Keys(body.attributes)))
			}
		}
	}
}

// checkErrorShape checks that existing clients can decode the JSON body of a 400: they decode the member discs as a list of objects, whose
// members are lists of strings, and all other members as lists of strings. The exception is the single message for a missing interval.
func checkErrorShape(t *testing.T, body string) {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &members), body)
	for name, raw := range members {
		var to any = new([]string)
		switch {
		case name == "discs":
			to = new([]map[string][]string)
		case name == "interval_seconds" && raw[0] == '"':
			continue
		}
		require.NoError(t, json.Unmarshal(raw, to), "%s in %s", name, body)
	}
}

func TestBlankMeansNotGivenInVMCreate(t *testing.T) {
	for ips, want := range map[string]string{
		`{"ipv4":"10.0.0.9","ipv6":""}`:   `["10.0.0.9"]`,
		`{"ipv4":null,"ipv6":"fd00::9"}`:  `["fd00::9"]`,
		`{"ipv4":"","ipv6":null}`:         `["198.18.0.4","2001:db8:1::4"]`,
		`{}`:                              `["198.18.0.4","2001:db8:1::4"]`,
		`""`:                              `["198.18.0.4","2001:db8:1::4"]`,
		`{"ipv4":"10.0.0.9","colour":[]}`: `["10.0.0.9"]`,
	} {
		t.Run(ips, func(t *testing.T) {
			srv := attributeServer(t)
			got := send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", fmt.Sprintf(
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":50}],"ips":%s}`, ips))
			require.Equal(t, 202, got.status, got.body)
			srv.Advance(bigvtest.ProvisioningTime)
			nics := send(t, srv, srv.Token(), "GET "+inWeb+"/virtual_machines/new1/nics", "").values(t, "ips")
			have, err := json.Marshal(nics[0])
			require.NoError(t, err)
			assert.Equal(t, want, string(have))
		})
	}
}
