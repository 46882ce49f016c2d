package bigvtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

// TestValidationErrors checks the status and the exact text of error responses.
func TestValidationErrors(t *testing.T) {
	vm := func(machine, rest string) string {
		return `{"virtual_machine":{"name":"new1"` + machine + `},"discs":[{"size":50}]` + rest + `}`
	}
	const create = "POST " + inWeb + "/vm_create"
	nineDiscs := strings.TrimSuffix(strings.Repeat(`{"size":50},`, 9), ",")
	for name, row := range map[string]struct {
		request, body string
		status        int
		wantBody      string
	}{
		"virtual_machine missing": {
			create, `{"discs":[{"size":50}]}`, 400, `{"name":["can't be blank"],"virtual_machine":["can't be blank"]}`,
		},
		"discs missing": {create, `{"virtual_machine":{"name":"new1"}}`, 400, `{"discs":[{"base":["can't be blank"]}]}`},
		"empty list of discs": {
			create, `{"virtual_machine":{"name":"new1"},"discs":[]}`, 400, `{"discs":[{"base":["can't be blank"]}]}`,
		},
		"too many discs": {
			create, `{"virtual_machine":{"name":"new1"},"discs":[` + nineDiscs + `]}`, 400,
			`{"discs":[{},{},{},{},{},{},{},{},{"base":["is too many (maximum is 8)"]}]}`,
		},
		"discs not a list": {
			create, `{"virtual_machine":{"name":"new1"},"discs":{}}`, 400, `{"discs":[{"base":["is invalid"]}]}`,
		},
		"a disc not an object": {
			create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":50},"x"]}`, 400, `{"discs":[{},{"base":["is invalid"]}]}`,
		},
		"reimage not an object":   {create, vm("", `,"reimage":"stretch"`), 400, `{"reimage":["is invalid"]}`},
		"ips not an object":       {create, vm("", `,"ips":"10.0.0.9"`), 400, `{"ips":["is invalid"]}`},
		"appliance not an object": {"PUT " + onWWW1, `{"appliance":"rescue"}`, 400, `{"appliance":["is invalid"]}`},
		"virtual_machine not an object": {
			create, `{"virtual_machine":"new1","discs":[{"size":50}]}`, 400,
			`{"name":["can't be blank"],"virtual_machine":["is invalid"]}`,
		},
		"schedules not a list": {
			create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":50,"backup_schedules":{}}]}`, 400,
			`{"discs[0].backup_schedules":["is invalid"]}`,
		},
		"schedule not an object": {
			create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":50,"backup_schedules":["daily"]}]}`, 400,
			`{"discs[0].backup_schedules[0]":["is invalid"],` +
				`"discs[0].backup_schedules[0].interval_seconds":["Missing interval_seconds parameter"]}`,
		},
		"errors of the machine and of discs by position": {
			create, `{"virtual_machine":{"name":"x","memory":"much"},"discs":[{"size":50},{"size":49,"storage_grade":"tape"}]}`, 400,
			`{"discs":[{},{"size":["must be greater than or equal to 50"],"storage_grade":["is not included in the list"]}],` +
				`"memory":["is not included in the list","is not a number"],"name":["is too short (minimum is 3 characters)"]}`,
		},
		"errors of schedules by position": {
			create,
			`{"virtual_machine":{"name":"new1"},"discs":[{"size":50,"backup_schedules":[{"interval_seconds":60},{"capacity":-1}]}]}`, 400,
			`{"discs[0].backup_schedules[1].capacity":["must be greater than or equal to 0"],` +
				`"discs[0].backup_schedules[1].interval_seconds":["Missing interval_seconds parameter"]}`,
		},
		"two discs with the same label": {
			create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":50,"label":"a"},{"size":50,"label":"a"}]}`, 400,
			`{"discs":[{},{"label":["has already been taken"]}]}`,
		},
		"name in use":       {create, vm(`,"name":"WWW1"`, ""), 400, `{"name":["has already been taken"]}`},
		"name with dots":    {create, vm(`,"name":"a.b.c"`, ""), 400, `{"name":["is invalid"]}`},
		"name not a string": {create, vm(`,"name":5`, ""), 400, `{"name":["is invalid"]}`},
		"name too long": {
			create, vm(`,"name":"`+strings.Repeat("a", 64)+`"`, ""), 400, `{"name":["is too long (maximum is 63 characters)"]}`,
		},
		"zero cores":                   {create, vm(`,"cores":0`, ""), 400, `{"cores":["must be greater than or equal to 1"]}`},
		"fractional cores":             {create, vm(`,"cores":0.5`, ""), 400, `{"cores":["must be an integer"]}`},
		"memory not a multiple of 256": {create, vm(`,"memory":1000`, ""), 400, `{"memory":["is not included in the list"]}`},
		"memory too small":             {create, vm(`,"memory":256`, ""), 400, `{"memory":["is not included in the list"]}`},
		"memory null": {
			"PUT " + onWWW1, `{"memory":null}`, 400, `{"memory":["is not included in the list","can't be blank"]}`,
		},
		"unknown zone": {create, vm(`,"zone_name":"leeds"`, ""), 400, `{"zone_name":["is not included in the list"]}`},
		"unknown hardware profile": {
			create, vm(`,"hardware_profile":"new"`, ""), 400, `{"hardware_profile":["is not included in the list"]}`,
		},
		"unknown keymap": {create, vm(`,"keymap":"xx"`, ""), 400, `{"keymap":["is not included in the list"]}`},
		"unknown distribution": {
			create, vm("", `,"reimage":{"distribution":"hurd"}`), 400, `{"distribution":["is not included in the list"]}`,
		},
		"distribution missing": {create, vm("", `,"reimage":{}`), 400, `{"distribution":["can't be blank"]}`},
		"addresses without a private VLAN": {
			create, vm("", `,"ips":{"ipv4":"10.0.0.1"}`), 400, `{"ips":["may be given in a private VLAN only"]}`,
		},
		"unusable CD-ROM image": {
			"PUT " + onWWW1, `{"cdrom_url":"nonsense"}`, 500, `Internal server error: the CD-ROM image cannot be used`,
		},
		"deleted true by PUT":    {"PUT " + onWWW1, `{"deleted":true}`, 400, `{"deleted":["is invalid"]}`},
		"name null":              {"PUT " + onWWW1, `{"name":null}`, 400, `{"name":["can't be blank"]}`},
		"unknown group":          {"PUT " + onWWW1, `{"group_id":999}`, 400, `{"group_id":["is invalid"]}`},
		"power_on not a boolean": {"PUT " + onWWW1, `{"power_on":"maybe"}`, 400, `{"power_on":["is invalid"]}`},
		"appliance without a name": {
			"PUT " + onWWW1, `{"appliance":{"permanent":true}}`, 400, `{"appliance.name":["can't be blank"]}`,
		},
		"unknown signal": {
			"POST " + onWWW1 + "/signal", `{"signal":"shout"}`, 400, `{"signal":["is not included in the list"]}`,
		},
		"sendkey without keys": {"POST " + onWWW1 + "/signal", `{"signal":"sendkey"}`, 400, `{"data":["can't be blank"]}`},
		"sendkey with unknown keys": {
			"POST " + onWWW1 + "/signal", `{"signal":"sendkey","data":"ctrl-any"}`, 400, `{"data":["is invalid"]}`,
		},
		"signal while powered off": {
			"POST " + inWeb + "/virtual_machines/off1/signal", `{"signal":"reset"}`, 400, `Virtual machine is not powered on`,
		},
		"reimage while powered on": {
			"POST " + onWWW1 + "/reimage", `{"distribution":"jessie"}`, 400, `Virtual machine must be powered off`,
		},
		"a disc deleted from what's on": {
			"DELETE " + onWWW1 + "/discs/data?purge=true", "", 400, `Virtual machine must be powered off`,
		},
		"a disc not purged":    {"DELETE " + onWWW1 + "/discs/data", "", 500, `Internal server error`},
		"purge=1 is not true":  {"DELETE " + onWWW1 + "/discs/data?purge=1", "", 500, `Internal server error`},
		"purge=False":          {"DELETE " + onWWW1 + "/discs/data?purge=False", "", 500, `Internal server error`},
		"purge=":               {"DELETE " + onWWW1 + "/discs/data?purge=", "", 500, `Internal server error`},
		"a disc like a device": {"POST " + onWWW1 + "/discs", `{"label":"vda","size":50}`, 400, `{"label":["is invalid"]}`},
		"a disc of no size":    {"POST " + onWWW1 + "/discs", `{"label":"more"}`, 400, `{"size":["can't be blank"]}`},
		"a disc too large": {
			"POST " + onWWW1 + "/discs", `{"size":2097153}`, 400, `{"size":["must be less than or equal to 2097152"]}`,
		},
		"a disc in cold storage": {
			"POST " + onWWW1 + "/discs", `{"size":50,"storage_grade":"iceberg"}`, 400, `{"storage_grade":["is not included in the list"]}`,
		},
		"a disc that shrinks": {
			"PUT " + onWWW1 + "/discs/data", `{"size":999}`, 400, `{"size":["must be greater than or equal to 1000"]}`,
		},
		"label in use": {"PUT " + onWWW1 + "/discs/data", `{"label":"disc-1"}`, 400, `{"label":["has already been taken"]}`},
		"disc moved from a running machine": {
			"PUT " + onWWW1 + "/discs/data", `{"virtual_machine_id":5002}`, 400, `Both virtual machines must be powered off`,
		},
		"boot disc moved": {
			"PUT " + inWeb + "/virtual_machines/off1/discs/disc-1", `{"virtual_machine_id":5003}`, 400,
			`The first disc of a virtual machine cannot be moved`,
		},
		"disc moved to an unknown machine": {
			"PUT " + onWWW1 + "/discs/data", `{"virtual_machine_id":1}`, 400, `{"virtual_machine_id":["is invalid"]}`,
		},
		"interval missing": {
			"POST " + onDisc + "/backup_schedules", `{}`, 400, `{"interval_seconds":"Missing interval_seconds parameter"}`,
		},
		"negative interval": {
			"POST " + onDisc + "/backup_schedules", `{"interval_seconds":-1}`, 400, `{"interval_seconds":["must be greater than 0"]}`,
		},
		"too many addresses": {
			"POST " + onWWW1 + "/nics/6001/ip_create", `{"addresses":5,"reason":"x"}`, 400, `{"addresses":["must be in 1..4"]}`,
		},
		"IPv6 addresses": {
			"POST " + onWWW1 + "/nics/6001/ip_create", `{"addresses":1,"family":"ipv6","reason":"x"}`, 400,
			`{"family":["is not included in the list"]}`,
		},
		"reason empty": {
			"POST " + onWWW1 + "/nics/6001/ip_create", `{"addresses":1,"reason":""}`, 400, `{"reason":["can't be blank"]}`,
		},
		"invalid reverse DNS name": {"PUT /ips/198.18.0.1", `{"rdns":"a b"}`, 400, `{"rdns":["is invalid"]}`},
		"primary address deleted":  {"DELETE /ips/198.18.0.1", "", 400, `Only additional IP addresses can be deleted`},
		"swap with itself": {
			"POST /ips/swap_virtual_machine_ips", `{"virtual_machine_1_id":5002,"virtual_machine_2_id":5002}`, 400,
			`{"virtual_machine_2_id":["is invalid"]}`,
		},
		"swap with a running machine": {
			"POST /ips/swap_virtual_machine_ips", `{"virtual_machine_1_id":5002,"virtual_machine_2_id":5001}`, 400,
			`Both virtual machines must be powered off`,
		},
		"group name in use":     {"POST /accounts/acme/groups", `{"name":"Web"}`, 400, `{"name":["has already been taken"]}`},
		"group without a name":  {"POST /accounts/acme/groups", `{}`, 400, `{"name":["can't be blank"]}`},
		"rename to default":     {"PUT " + inWeb, `{"name":"default"}`, 400, `{"name":["has already been taken"]}`},
		"group not empty":       {"DELETE " + inWeb, "", 400, `Group is not empty`},
		"default group deleted": {"DELETE /accounts/acme/groups/default", "", 400, `The default group cannot be deleted`},
		"privilege with two targets": {
			"POST /users/bob/privileges", `{"level":"group_admin","group_id":72,"account_id":41}`, 400, `{"account_id":["must be blank"]}`,
		},
		"privilege without a target": {
			"POST /users/bob/privileges", `{"level":"group_admin"}`, 400, `{"group_id":["can't be blank"]}`,
		},
		"unknown privilege level": {
			"POST /users/bob/privileges", `{"level":"king"}`, 400, `{"level":["is not included in the list"]}`,
		},
		"API key without a label": {"POST /api_keys", `{"user_id":11}`, 400, `{"label":["can't be blank"]}`},
		"invalid expires_at": {
			"POST /api_keys", `{"user_id":11,"label":"a","expires_at":"never"}`, 400, `{"expires_at":["is invalid"]}`,
		},
		"ambiguous name": {
			"GET /discs?vm_name=www1", "", 400, `The name is ambiguous: name its parents too, or use its ID`,
		},
		"malformed JSON":             {"PUT " + onWWW1, `{`, 400, `Badly-formed JSON`},
		"JSON list":                  {"PUT " + onWWW1, `[]`, 400, `Badly-formed JSON`},
		"unsupported method":         {"PATCH " + onWWW1, `{}`, 405, `Method not allowed: use DELETE, GET, PUT`},
		"write to a flat path":       {"PUT /virtual_machines/5001", `{}`, 405, `Method not allowed: use GET`},
		"unknown path":               {"GET /nothing", "", 404, `Not found`},
		"path with an empty segment": {"GET /accounts//groups", "", 404, `Not found`},
		"body too large":             {"PUT " + onWWW1, `{"a":"` + strings.Repeat("x", 4<<20) + `"}`, 413, `Request too large`},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			web := srv.Account("acme").Group("web")
			web.VirtualMachine("www1").Disc("data", 1000)
			web.VirtualMachine("off1").SetPower(false)
			web.VirtualMachine("off2").SetPower(false)
			srv.Account("acme").Group("db").VirtualMachine("www1")
			before := state(t, srv)
			got := send(t, srv, srv.Token(), row.request, row.body)
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.wantBody, got.body)
			if strings.HasPrefix(row.wantBody, "{") {
				assert.Equal(t, "application/json", got.contentType)
			} else {
				assert.Equal(t, "text/plain; charset=utf-8", got.contentType)
			}
			if row.status == http.StatusMethodNotAllowed {
				assert.Equal(t, strings.TrimPrefix(row.wantBody, "Method not allowed: use "), got.header.Get("Allow"))
			}
			assert.Equal(t, before, state(t, srv), "the state must be unchanged")
		})
	}
}

// state returns everything that alice can see.
func state(t *testing.T, srv *bigvtest.Server) (all string) {
	for _, request := range []string{
		"/accounts?view=overview&include_deleted=true", "/privileges", "/api_keys", "/users", onDisc + "/backups", "/ips/198.18.0.1",
	} {
		got := send(t, srv, srv.Token(), "GET "+request, "")
		require.Equal(t, http.StatusOK, got.status, request)
		all += got.body + "\n"
	}
	return all
}
