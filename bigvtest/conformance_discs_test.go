package bigvtest_test

import (
	"fmt"
	"testing"
)

func TestConformanceDiscs(t *testing.T) {
	discs := "POST " + vm1 + "/discs"
	runScenarios(t, []scenario{
		{"reading", www1, []step{
			{
				"a machine's discs are a list", "alice", "GET " + vm1 + "/discs", "", 200,
				`[{"id":<www1disc>,"label":"disc-1","size":25600,"storage_grade":"sata","storage_pool":"$string",
					"virtual_machine_id":<www1>,"backup_count":0,"backups_enabled":"$any","backup_schedules":[],"type":"$absent"}]`,
			},
			{
				"a disc is an object", "alice", "GET " + vm1 + "/discs/disc-1", "", 200,
				`{"id":<www1disc>,"new_storage_grade":"$absent","new_storage_pool":"$absent"}`,
			},
			{"a disc is found by flat path", "alice", "GET /discs/<www1disc>", "", 200, `{"id":<www1disc>,"virtual_machine_id":<www1>}`},
			{"discs are a flat list", "alice", "GET /discs?vm_id=<www1>", "", 200, `[{"id":<www1disc>}]`},
			{"an invisible disc is not found", "bob", "GET /discs/<www1disc>", "", 404, ""},
			{"an invisible disc is not found by nested path", "bob", "GET " + vm1 + "/discs/disc-1", "", 404, ""},
			{"the list of discs is empty without privileges", "bob", "GET /discs", "", 200, `[]`},
		}},
		{"creating", www1Off, []step{
			{
				"a disc is created", "alice", discs, `{"label":"data","size":51200,"storage_grade":"archive"}`, 201,
				`{"id":"$save data","label":"data","size":51200,"storage_grade":"archive","storage_pool":"$string",
					"virtual_machine_id":<www1>}`,
			},
			{"it can be read", "alice", "GET /discs/<data>", "", 200, `{"label":"data","size":51200}`},
			{
				"a label and a grade have defaults", "alice", discs, `{"size":100}`, 201,
				`{"label":"$match ^disc-[0-9]+$","storage_grade":"sata"}`,
			},
			{
				"read-only and unknown attributes are ignored", "alice", discs,
				`{"label":"misc","size":100,"id":1,"storage_pool":"mine","virtual_machine_id":1,"colour":"red"}`, 201,
				`{"virtual_machine_id":<www1>,"storage_pool":"$match ^[^m]","colour":"$absent"}`,
			},
			{"size is required", "alice", discs, `{"label":"none"}`, 400, `{"size":["can't be blank"]}`},
			{"the minimum size is 50", "alice", discs, `{"size":49}`, 400, `{"size":["must be greater than or equal to 50"]}`},
			{"a size of 50 is accepted", "alice", discs, `{"size":50}`, 201, `{"size":50}`},
			{"size must be a number", "alice", discs, `{"size":"huge"}`, 400, `{"size":{"$has":["is not a number"]}}`},
			{"the maximum size is 2 TiB", "alice", discs, `{"size":2097153}`, 400, `{"size":"$messages"}`},
			{
				"a size of 2 TiB is accepted", "alice", discs, `{"size":2097152,"storage_grade":"ssd"}`, 201,
				`{"size":2097152,"storage_grade":"ssd"}`,
			},
			{
				"an unknown storage grade is rejected", "alice", discs, `{"size":100,"storage_grade":"tape"}`, 400,
				`{"storage_grade":["is not included in the list"]}`,
			},
			{
				"iceberg is rejected", "alice", discs, `{"size":100,"storage_grade":"iceberg"}`, 400,
				`{"storage_grade":["is not included in the list"]}`,
			},
			{"a label cannot be a device name such as vda", "alice", discs, `{"label":"vda","size":100}`, 400, `{"label":"$messages"}`},
			{"a label cannot be a device name such as sdb", "alice", discs, `{"label":"sdb","size":100}`, 400, `{"label":"$messages"}`},
			{"a label cannot be a device name such as hdz", "alice", discs, `{"label":"hdz","size":100}`, 400, `{"label":"$messages"}`},
			{
				"a label can be any other string", "alice", discs, `{"label":"my vda, and more","size":100}`, 201,
				`{"label":"my vda, and more"}`,
			},
			{
				"the list is ordered by ID", "alice", "GET " + vm1 + "/discs", "", 200,
				`[{"label":"disc-1"},{"id":<data>},{},{"label":"misc"},{"size":50},{"size":2097152},{"label":"my vda, and more"}]`,
			},
		}},
		{"limit of eight discs", www1Off, createEightDiscs(discs)},
		{"running", www1, []step{
			{"a disc can be added to a running machine", "alice", discs, `{"label":"data","size":100}`, 201, `{"id":"$save data"}`},
			{"a disc of a running machine can grow", "alice", "PUT " + vm1 + "/discs/data", `{"size":200}`, 200, `{"size":200}`},
			{"a disc of a running machine cannot be deleted", "alice", "DELETE " + vm1 + "/discs/data?purge=true", "", 400, "text"},
			{"it cannot be deleted by flat path either", "alice", "DELETE /discs/<data>?purge=true", "", 400, "text"},
			{"it can be read", "alice", "GET /discs/<data>", "", 200, ""},
		}},
		{"changing", www1Off, []step{
			{
				"a disc can grow", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 200,
				`{"id":<www1disc>,"size":51200,"label":"disc-1"}`,
			},
			{"a disc can be updated to its own size", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 200, `{"size":51200}`},
			{"a disc cannot shrink", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":25600}`, 400, `{"size":"$messages"}`},
			{"the maximum size is 2 TiB", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":2097153}`, 400, `{"size":"$messages"}`},
			{
				"a label can be changed", "alice", "PUT " + vm1 + "/discs/disc-1", `{"label":"root"}`, 200,
				`{"id":<www1disc>,"label":"root"}`,
			},
			{"the old label is not found", "alice", "GET " + vm1 + "/discs/disc-1", "", 404, ""},
			{"a disc can be changed by ID", "alice", "PUT " + vm1 + "/discs/<www1disc>", `{"label":"disc-1"}`, 200, `{"label":"disc-1"}`},
			{
				"a label cannot be a device name such as vda", "alice", "PUT " + vm1 + "/discs/disc-1", `{"label":"vdb"}`, 400,
				`{"label":"$messages"}`,
			},
			{
				"read-only and unknown attributes are ignored", "alice", "PUT " + vm1 + "/discs/disc-1",
				`{"id":1,"storage_pool":"mine","backup_count":9,"colour":"red","new_storage_grade":"ssd"}`, 200,
				`{"id":<www1disc>,"storage_pool":"$match ^[^m]","backup_count":0,"colour":"$absent","new_storage_grade":"$absent"}`,
			},
			{
				"schedules cannot be changed with the disc", "alice", "PUT " + vm1 + "/discs/disc-1",
				`{"backup_schedules":[{"interval_seconds":86400}]}`, 200, `{"backup_schedules":[]}`,
			},
		}},
		{"order", func(f *fixture) {
			f.machine("web", "www1").SetPower(false)
			f.machine("web", "www2").SetPower(false)
			f.saved["data"] = f.srv.Account("acme").Group("web").VirtualMachine("www1").Disc("data", 100).ID()
		}, []step{
			{"the flat list is ordered by ID", "alice", "GET /discs", "", 200, `[{"id":<www1disc>},{"id":<www2disc>},{"id":<data>}]`},
		}},
		{"deleting", www1Off, []step{
			{"", "alice", discs, `{"label":"data","size":100}`, 201, `{"id":"$save data"}`},
			{"", "alice", discs, `{"label":"more","size":100}`, 201, `{"id":"$save more"}`},
			{"a DELETE without purge is an internal error", "alice", "DELETE " + vm1 + "/discs/data", "", 500, anyBody},
			{"a DELETE by flat path without purge is an internal error", "alice", "DELETE /discs/<data>", "", 500, anyBody},
			{"purge must be true", "alice", "DELETE " + vm1 + "/discs/data?purge=false", "", 500, anyBody},
			{"the disc still exists", "alice", "GET /discs/<data>", "", 200, ""},
			{"a disc is purged", "alice", "DELETE " + vm1 + "/discs/data?purge=true", "", 204, ""},
			{"afterwards it is not found", "alice", "GET /discs/<data>", "", 404, ""},
			{"a disc is purged by flat path", "alice", "DELETE /discs/<more>?purge=true", "", 204, ""},
			{"afterwards it is not in the list", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>}]`},
			{"IDs are not reused", "alice", discs, `{"size":100}`, 201, `{"id":"$above more"}`},
			{"an unknown disc is not found", "alice", "DELETE /discs/<more>?purge=true", "", 404, ""},
			{"an invisible disc is not found", "bob", "DELETE /discs/<www1disc>?purge=true", "", 404, ""},
		}},
		{"moving", func(f *fixture) {
			f.machine("web", "www1")
			f.machine("web", "www2").SetPower(false)
			f.saved["data"] = f.srv.Account("acme").Group("web").VirtualMachine("www1").Disc("data", 100).ID()
		}, []step{
			{
				"a disc cannot be moved from a running machine", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":<www2>}`,
				400, anyBody,
			},
			{"", "alice", "PUT " + vm1, `{"power_on":false,"autoreboot_on":false}`, 200, ""},
			{"", "alice", "PUT " + vm2, `{"power_on":true}`, 200, ""},
			{
				"a disc cannot be moved to a running machine", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":<www2>}`, 400,
				anyBody,
			},
			{"", "alice", "PUT " + vm2, `{"power_on":false,"autoreboot_on":false}`, 200, ""},
			{
				"a disc cannot be moved to an unknown machine", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":999999}`,
				anyError, anyBody,
			},
			{"", "alice", "PUT " + vm1 + "/discs/disc-1", `{"label":"root"}`, 200, ""},
			{"the boot disc cannot be moved", "alice", "PUT " + vm1 + "/discs/root", `{"virtual_machine_id":<www2>}`, 400, anyBody},
			{"a rejected move changes nothing", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>},{"id":<data>}]`},
			{
				"a disc is moved", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":<www2>}`, 200,
				`{"id":<data>,"virtual_machine_id":<www2>}`,
			},
			{"it is not found in the old place", "alice", "GET " + vm1 + "/discs/<data>", "", 404, ""},
			{"it is found in the new place", "alice", "GET " + vm2 + "/discs/data", "", 200, `{"id":<data>,"virtual_machine_id":<www2>}`},
		}},
	})
}

// createEightDiscs returns steps that add discs to a virtual machine with one disc until it has the maximum of eight.
func createEightDiscs(discs string) (rows []step) {
	for i := 2; i <= 8; i++ {
		rows = append(rows, step{"", "alice", discs, `{"size":100}`, 201, fmt.Sprintf(`{"label":"disc-%d"}`, i)})
	}
	return append(rows,
		step{"a ninth disc is rejected", "alice", discs, `{"size":100}`, 400, anyBody},
		step{"the ninth disc was not created", "alice", "GET " + vm1 + "/discs", "", 200, `[{},{},{},{},{},{},{},{"label":"disc-8"}]`},
	)
}
