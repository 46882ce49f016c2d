package bigvtest_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestConformanceContentType(t *testing.T) {
	rows := []struct {
		name        string
		contentType string
		status      int
	}{
		{"JSON is accepted", "application/json", 200},
		{"JSON with a character set is accepted", "application/json; charset=utf-8", 200},
		{"plain text is rejected", "text/plain", 415},
		{"form data is rejected", "application/x-www-form-urlencoded", 415},
		{"a vendor type is rejected", "application/vnd.bigv.virtual-machine+json", 415},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			f := newFixture(t)
			www1(f)
			headers := maps.Clone(f.headers("alice"))
			headers["Content-Type"] = r.contentType
			got := f.do(t, "PUT", vm1, `{"cores":3}`, headers)
			assert.Equal(t, r.status, got.status)
			cores := f.srv.Account("acme").Group("web").VirtualMachine("www1").State().Cores
			if r.status == http.StatusOK {
				assert.Equal(t, 3, cores)
			} else {
				assert.Equal(t, "text/plain", got.mediaType)
				assert.Equal(t, 1, cores)
			}
		})
	}
}

func TestConformanceBodies(t *testing.T) {
	runScenarios(t, []scenario{
		{"bodies", www1, []step{
			{"malformed JSON is a bad request", "alice", "PUT " + vm1, `{"cores":`, 400, "text"},
			{"two documents are a bad request", "alice", "PUT " + vm1, `{"cores":2}{"cores":3}`, 400, "text"},
			{"a list is a bad request", "alice", "PUT " + vm1, `[1]`, 400, "text"},
			{"a malformed body changes nothing", "alice", "GET " + vm1, "", 200, `{"cores":1}`},
			{"malformed JSON is a bad request for POST", "alice", "POST /accounts/acme/groups", `{"name":"x"`, 400, "text"},
			{
				"PUT changes only the given attributes", "alice", "PUT " + vm1, `{"cores":2}`, 200,
				`{"cores":2,"memory":1024,"power_on":true,"autoreboot_on":true,"name":"www1"}`,
			},
			{"an empty PUT changes nothing", "alice", "PUT " + vm1, `{}`, 200, `{"cores":2,"memory":1024,"power_on":true}`},
			{"false is set", "alice", "PUT " + vm1, `{"autoreboot_on":false}`, 200, `{"autoreboot_on":false,"power_on":true}`},
			{
				"unknown attributes are ignored by PUT", "alice", "PUT " + vm1,
				`{"colour":"red","cores":3,"type":"application/vnd.bigv.virtual-machine","_links":{}}`, 200,
				`{"cores":3,"colour":"$absent","type":"$absent"}`,
			},
			{
				"unknown attributes are ignored by POST", "alice", "POST /accounts/acme/groups", `{"name":"db","colour":"red","type":"x"}`,
				oneOf(200, 201), `{"name":"db","colour":"$absent","type":"$absent"}`,
			},
			{"numbers can be strings", "alice", "PUT " + vm1, `{"cores":"4","memory":"2048"}`, 200, `{"cores":4,"memory":2048}`},
			{
				"one invalid attribute rejects the whole update", "alice", "PUT " + vm1, `{"cores":5,"memory":1}`, 400,
				`{"memory":["is not included in the list"],"cores":"$absent"}`,
			},
			{"the valid attributes were not changed", "alice", "GET " + vm1, "", 200, `{"cores":4,"memory":2048}`},
			{"an empty list is []", "bob", "GET /accounts", "", 200, `[]`},
		}},
		{"read-only attributes", func(f *fixture) { www1(f); f.machine("web", "www2") }, []step{
			{"", "alice", "GET " + vm1, "", 200, `{"management_address":"$save address","head":"$save head"}`},
			{"id is ignored by PUT", "alice", "PUT " + vm1, `{"id":<www2>}`, 200, `{"id":<www1>}`},
			{"hostname is ignored", "alice", "PUT " + vm1, `{"hostname":"a.b.c"}`, 200, `{"hostname":"www1.web.acme.uk0.bigv.io"}`},
			{"head is ignored", "alice", "PUT " + vm1, `{"head":"elsewhere"}`, 200, `{"head":"<head>"}`},
			{
				"management_address is ignored", "alice", "PUT " + vm1, `{"management_address":"192.0.2.1"}`, 200,
				`{"management_address":"<address>"}`,
			},
			{"last_imaged_with is ignored", "alice", "PUT " + vm1, `{"last_imaged_with":"x"}`, 200, `{"last_imaged_with":"$match ^[^x]"}`},
			{"zone_name is ignored by PUT", "alice", "PUT " + vm1, `{"zone_name":"manchester"}`, 200, `{"zone_name":"york"}`},
			{"an unknown zone_name is ignored by PUT", "alice", "PUT " + vm1, `{"zone_name":"mars"}`, 200, `{"zone_name":"york"}`},
			{"", "alice", "PUT " + vm1, `{"deleted":true}`, oneOf(200, 400), anyBody},
			{"PUT does not delete", "alice", "GET " + vm1, "", 200, `{"deleted":false}`},
			{"discs are ignored by PUT", "alice", "PUT " + vm1, `{"discs":[]}`, 200, `{"discs":"$absent"}`},
			{"the discs were not changed", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>}]`},
		}},
	})
}

func TestConformanceMethods(t *testing.T) {
	wrong := func(calls ...string) (rows []step) {
		for _, call := range calls {
			rows = append(rows, step{call, "alice", call, "{}", 405, "text"})
		}
		return rows
	}
	runScenarios(t, []scenario{
		{"a wrong method on a known path is not allowed", www1, wrong(
			"DELETE /accounts", "PUT /accounts", "PUT /accounts/acme/groups", "POST "+web, "DELETE "+web+"/virtual_machines", "POST "+vm1,
			"GET "+web+"/vm_create", "GET "+vm1+"/signal", "PUT "+vm1+"/reimage", "DELETE "+vm1+"/discs", "POST "+vm1+"/discs/disc-1",
			"PUT "+vm1+"/nics", "POST /definitions", "GET /vm_defaults", "PUT /vm_defaults", "GET /ips/swap_virtual_machine_ips",
			"PUT /users", "POST /users/alice", "POST /privileges", "DELETE /api_keys",
		)},
		{"flat paths are read-only", www1, wrong(
			"POST /groups", "PUT /groups/<web>", "DELETE /groups/<web>",
			"POST /virtual_machines", "PUT /virtual_machines/<www1>", "DELETE /virtual_machines/<www1>?purge=true",
			"POST /discs", "PUT /discs/<www1disc>", "POST /nics",
		)},
		{"network interfaces are read-only", func(f *fixture) { www1(f) }, []step{
			{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":"$save nic"}]`},
			{"a network interface cannot be created", "alice", "POST " + vm1 + "/nics", `{}`, 405, ""},
			{"a network interface cannot be changed", "alice", "PUT " + vm1 + "/nics/<nic>", `{"label":"x"}`, 405, ""},
			{"a network interface cannot be deleted", "alice", "DELETE " + vm1 + "/nics/<nic>", "", 405, ""},
		}},
		{"unknown paths", www1, []step{
			{"an unknown resource is not found", "alice", "GET /zeppelins", "", 404, ""},
			{"an unknown resource of a machine is not found", "alice", "GET " + vm1 + "/zeppelins", "", 404, ""},
			{"users have no nested path", "alice", "GET /accounts/acme/users", "", 404, ""},
			{"API keys have no nested path", "alice", "GET /users/alice/api_keys", "", 404, ""},
			{"backups have no flat list", "alice", "GET /backups", "", 404, ""},
		}},
	})
}

func TestConformancePostStatus(t *testing.T) {
	runScenarios(t, []scenario{
		{"switched to 200", www1Off, []step{
			{"the status for discs changes", "alice", "POST " + vm1 + "/discs", `{"size":100}`, 200, `{"size":100}`},
			{
				"the status for privileges changes", "alice", "POST /users/bob/privileges",
				`{"level":"vm_console","virtual_machine_id":<www1>}`, 200, `{"id":"$int"}`,
			},
			{
				"the status for machines stays", "alice", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, 202, "",
			},
		}},
	}, bigvtest.WithPostStatus(200))
}
