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
		{"JSON is read", "application/json", 200},
		{"JSON with a character set is read", "application/json; charset=utf-8", 200},
		{"plain text is refused", "text/plain", 415},
		{"a form is refused", "application/x-www-form-urlencoded", 415},
		{"a vendor type is refused", "application/vnd.bigv.virtual-machine+json", 415},
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
			{"nothing of a malformed body is done", "alice", "GET " + vm1, "", 200, `{"cores":1}`},
			{"malformed JSON is a bad request of POST too", "alice", "POST /accounts/acme/groups", `{"name":"x"`, 400, "text"},
			{"only what is supplied changes on PUT", "alice", "PUT " + vm1, `{"cores":2}`, 200, `{"cores":2,"memory":1024,"power_on":true,"autoreboot_on":true,"name":"www1"}`},
			{"an empty PUT changes nothing", "alice", "PUT " + vm1, `{}`, 200, `{"cores":2,"memory":1024,"power_on":true}`},
			{"false is a value", "alice", "PUT " + vm1, `{"autoreboot_on":false}`, 200, `{"autoreboot_on":false,"power_on":true}`},
			{"unknown attributes are dropped on PUT", "alice", "PUT " + vm1, `{"colour":"red","cores":3,"type":"application/vnd.bigv.virtual-machine","_links":{}}`, 200, `{"cores":3,"colour":"$absent","type":"$absent"}`},
			{"unknown attributes are dropped on POST", "alice", "POST /accounts/acme/groups", `{"name":"db","colour":"red","type":"x"}`, oneOf(200, 201), `{"name":"db","colour":"$absent","type":"$absent"}`},
			{"numbers may be strings", "alice", "PUT " + vm1, `{"cores":"4","memory":"2048"}`, 200, `{"cores":4,"memory":2048}`},
			{"a bad number among good ones changes nothing", "alice", "PUT " + vm1, `{"cores":5,"memory":1}`, 400, `{"memory":["is not included in the list"],"cores":"$absent"}`},
			{"and the good ones are left", "alice", "GET " + vm1, "", 200, `{"cores":4,"memory":2048}`},
			{"an empty list is a list", "bob", "GET /accounts", "", 200, `[]`},
		}},
		{"attributes that cannot be set", func(f *fixture) { www1(f); f.machine("web", "www2") }, []step{
			{"", "alice", "GET " + vm1, "", 200, `{"management_address":"$keep address","head":"$keep head"}`},
			{"an ID is dropped on PUT", "alice", "PUT " + vm1, `{"id":<www2>}`, 200, `{"id":<www1>}`},
			{"a host name is dropped", "alice", "PUT " + vm1, `{"hostname":"a.b.c"}`, 200, `{"hostname":"www1.web.acme.uk0.bigv.io"}`},
			{"a head is dropped", "alice", "PUT " + vm1, `{"head":"elsewhere"}`, 200, `{"head":"<head>"}`},
			{"a management address is dropped", "alice", "PUT " + vm1, `{"management_address":"192.0.2.1"}`, 200, `{"management_address":"<address>"}`},
			{"the last image is dropped", "alice", "PUT " + vm1, `{"last_imaged_with":"x"}`, 200, `{"last_imaged_with":"$match ^[^x]"}`},
			{"a zone is dropped on PUT", "alice", "PUT " + vm1, `{"zone_name":"manchester"}`, 200, `{"zone_name":"york"}`},
			{"a zone that does not exist is dropped on PUT too", "alice", "PUT " + vm1, `{"zone_name":"mars"}`, 200, `{"zone_name":"york"}`},
			{"", "alice", "PUT " + vm1, `{"deleted":true}`, oneOf(200, 400), anyBody},
			{"PUT does not delete", "alice", "GET " + vm1, "", 200, `{"deleted":false}`},
			{"discs are dropped on PUT", "alice", "PUT " + vm1, `{"discs":[]}`, 200, `{"discs":"$absent"}`},
			{"and are left", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>}]`},
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
		{"flat paths are for reading", www1, wrong(
			"POST /groups", "PUT /groups/<web>", "DELETE /groups/<web>",
			"POST /virtual_machines", "PUT /virtual_machines/<www1>", "DELETE /virtual_machines/<www1>?purge=true",
			"POST /discs", "PUT /discs/<www1disc>", "POST /nics",
		)},
		{"network interfaces are for reading", func(f *fixture) { www1(f) }, []step{
			{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":"$keep nic"}]`},
			{"none can be made", "alice", "POST " + vm1 + "/nics", `{}`, 405, ""},
			{"none can be changed", "alice", "PUT " + vm1 + "/nics/<nic>", `{"label":"x"}`, 405, ""},
			{"none can be deleted", "alice", "DELETE " + vm1 + "/nics/<nic>", "", 405, ""},
		}},
		{"paths that there are not", www1, []step{
			{"an unknown resource is not found", "alice", "GET /zeppelins", "", 404, ""},
			{"an unknown resource of a machine is not found", "alice", "GET " + vm1 + "/zeppelins", "", 404, ""},
			{"users are never nested", "alice", "GET /accounts/acme/users", "", 404, ""},
			{"API keys are never nested", "alice", "GET /users/alice/api_keys", "", 404, ""},
			{"backups have no flat list", "alice", "GET /backups", "", 404, ""},
		}},
	})
}

func TestConformancePostStatus(t *testing.T) {
	runScenarios(t, []scenario{
		{"switched to 200", www1Off, []step{
			{"of discs", "alice", "POST " + vm1 + "/discs", `{"size":100}`, 200, `{"size":100}`},
			{"of privileges", "alice", "POST /users/bob/privileges", `{"level":"vm_console","virtual_machine_id":<www1>}`, 200, `{"id":"$int"}`},
			{"of machines it stays", "alice", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, 202, ""},
		}},
	}, bigvtest.WithPostStatus(200))
}
