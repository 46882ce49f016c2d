package bigvtest_test

import (
	"fmt"
	"testing"
)

func TestConformanceDiscs(t *testing.T) {
	discs := "POST " + vm1 + "/discs"
	runScenarios(t, []scenario{
		{"reading", www1, []step{
			{"a machine's discs are a list", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>,"label":"disc-1","size":25600,"storage_grade":"sata","storage_pool":"$string","virtual_machine_id":<www1>,"backup_count":0,"backups_enabled":"$any","backup_schedules":[],"type":"$absent"}]`},
			{"a disc is an object", "alice", "GET " + vm1 + "/discs/disc-1", "", 200, `{"id":<www1disc>,"new_storage_grade":"$absent","new_storage_pool":"$absent"}`},
			{"a disc is found flat", "alice", "GET /discs/<www1disc>", "", 200, `{"id":<www1disc>,"virtual_machine_id":<www1>}`},
			{"discs are a flat list", "alice", "GET /discs?vm_id=<www1>", "", 200, `[{"id":<www1disc>}]`},
			{"a disc not to be seen is not found", "bob", "GET /discs/<www1disc>", "", 404, ""},
			{"a disc not to be seen is not found nested", "bob", "GET " + vm1 + "/discs/disc-1", "", 404, ""},
			{"nobody's discs are an empty list", "bob", "GET /discs", "", 200, `[]`},
		}},
		{"creating", www1Off, []step{
			{"a disc is made", "alice", discs, `{"label":"data","size":51200,"storage_grade":"archive"}`, 201, `{"id":"$keep data","label":"data","size":51200,"storage_grade":"archive","storage_pool":"$string","virtual_machine_id":<www1>}`},
			{"it is there", "alice", "GET /discs/<data>", "", 200, `{"label":"data","size":51200}`},
			{"a label and a grade have defaults", "alice", discs, `{"size":100}`, 201, `{"label":"$match ^disc-[0-9]+$","storage_grade":"sata"}`},
			{"what is not to be set is dropped", "alice", discs, `{"label":"misc","size":100,"id":1,"storage_pool":"mine","virtual_machine_id":1,"colour":"red"}`, 201, `{"virtual_machine_id":<www1>,"storage_pool":"$match ^[^m]","colour":"$absent"}`},
			{"a size is needed", "alice", discs, `{"label":"none"}`, 400, `{"size":["can't be blank"]}`},
			{"a size is at least 50", "alice", discs, `{"size":49}`, 400, `{"size":["must be greater than or equal to 50"]}`},
			{"50 is enough", "alice", discs, `{"size":50}`, 201, `{"size":50}`},
			{"a size is a number", "alice", discs, `{"size":"huge"}`, 400, `{"size":{"$has":["is not a number"]}}`},
			{"a size is no more than 2 TiB", "alice", discs, `{"size":2097153}`, 400, `{"size":"$messages"}`},
			{"2 TiB is not too much", "alice", discs, `{"size":2097152,"storage_grade":"ssd"}`, 201, `{"size":2097152,"storage_grade":"ssd"}`},
			{"an unknown grade is not included", "alice", discs, `{"size":100,"storage_grade":"tape"}`, 400, `{"storage_grade":["is not included in the list"]}`},
			{"iceberg is for backups only", "alice", discs, `{"size":100,"storage_grade":"iceberg"}`, 400, `{"storage_grade":["is not included in the list"]}`},
			{"a label does not look like vda", "alice", discs, `{"label":"vda","size":100}`, 400, `{"label":"$messages"}`},
			{"nor like sdb", "alice", discs, `{"label":"sdb","size":100}`, 400, `{"label":"$messages"}`},
			{"nor like hdz", "alice", discs, `{"label":"hdz","size":100}`, 400, `{"label":"$messages"}`},
			{"but may be any other string", "alice", discs, `{"label":"my vda, and more","size":100}`, 201, `{"label":"my vda, and more"}`},
			{"a list is by ID", "alice", "GET " + vm1 + "/discs", "", 200, `[{"label":"disc-1"},{"id":<data>},{},{"label":"misc"},{"size":50},{"size":2097152},{"label":"my vda, and more"}]`},
		}},
		{"eight", www1Off, createEightDiscs(discs)},
		{"running", www1, []step{
			{"a disc is made on a running machine", "alice", discs, `{"label":"data","size":100}`, 201, `{"id":"$keep data"}`},
			{"a running machine's disc grows", "alice", "PUT " + vm1 + "/discs/data", `{"size":200}`, 200, `{"size":200}`},
			{"a running machine's disc is not deleted", "alice", "DELETE " + vm1 + "/discs/data?purge=true", "", 400, "text"},
			{"nor by its flat path", "alice", "DELETE /discs/<data>?purge=true", "", 400, "text"},
			{"it is there", "alice", "GET /discs/<data>", "", 200, ""},
		}},
		{"changing", www1Off, []step{
			{"a disc grows", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 200, `{"id":<www1disc>,"size":51200,"label":"disc-1"}`},
			{"a disc may keep its size", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, 200, `{"size":51200}`},
			{"a disc does not shrink", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":25600}`, 400, `{"size":"$messages"}`},
			{"a size is no more than 2 TiB", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":2097153}`, 400, `{"size":"$messages"}`},
			{"a label is changed", "alice", "PUT " + vm1 + "/discs/disc-1", `{"label":"root"}`, 200, `{"id":<www1disc>,"label":"root"}`},
			{"the old label is not found", "alice", "GET " + vm1 + "/discs/disc-1", "", 404, ""},
			{"a disc goes by ID to be changed", "alice", "PUT " + vm1 + "/discs/<www1disc>", `{"label":"disc-1"}`, 200, `{"label":"disc-1"}`},
			{"a label does not look like vda", "alice", "PUT " + vm1 + "/discs/disc-1", `{"label":"vdb"}`, 400, `{"label":"$messages"}`},
			{"what is not to be set is dropped", "alice", "PUT " + vm1 + "/discs/disc-1", `{"id":1,"storage_pool":"mine","backup_count":9,"colour":"red","new_storage_grade":"ssd"}`, 200, `{"id":<www1disc>,"storage_pool":"$match ^[^m]","backup_count":0,"colour":"$absent","new_storage_grade":"$absent"}`},
			{"schedules are not changed with the disc", "alice", "PUT " + vm1 + "/discs/disc-1", `{"backup_schedules":[{"interval_seconds":86400}]}`, 200, `{"backup_schedules":[]}`},
		}},
		{"order", func(f *fixture) {
			f.machine("web", "www1").SetPower(false)
			f.machine("web", "www2").SetPower(false)
			f.saved["data"] = f.srv.Account("acme").Group("web").VirtualMachine("www1").Disc("data", 100).ID()
		}, []step{
			{"a flat list is by ID", "alice", "GET /discs", "", 200, `[{"id":<www1disc>},{"id":<www2disc>},{"id":<data>}]`},
		}},
		{"deleting", www1Off, []step{
			{"", "alice", discs, `{"label":"data","size":100}`, 201, `{"id":"$keep data"}`},
			{"", "alice", discs, `{"label":"more","size":100}`, 201, `{"id":"$keep more"}`},
			{"a delete without purge is an internal error", "alice", "DELETE " + vm1 + "/discs/data", "", 500, anyBody},
			{"a flat delete without purge is an internal error", "alice", "DELETE /discs/<data>", "", 500, anyBody},
			{"purge works with exactly true", "alice", "DELETE " + vm1 + "/discs/data?purge=false", "", 500, anyBody},
			{"and the disc is left", "alice", "GET /discs/<data>", "", 200, ""},
			{"a disc is purged", "alice", "DELETE " + vm1 + "/discs/data?purge=true", "", 204, ""},
			{"it is gone", "alice", "GET /discs/<data>", "", 404, ""},
			{"a disc is purged by its flat path", "alice", "DELETE /discs/<more>?purge=true", "", 204, ""},
			{"it is gone from the list", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>}]`},
			{"an ID is never used twice", "alice", discs, `{"size":100}`, 201, `{"id":"$above more"}`},
			{"a disc that is not is not found", "alice", "DELETE /discs/<more>?purge=true", "", 404, ""},
			{"a disc not to be seen is not found", "bob", "DELETE /discs/<www1disc>?purge=true", "", 404, ""},
		}},
		{"moving", func(f *fixture) {
			f.machine("web", "www1")
			f.machine("web", "www2").SetPower(false)
			f.saved["data"] = f.srv.Account("acme").Group("web").VirtualMachine("www1").Disc("data", 100).ID()
		}, []step{
			{"a disc does not move off a running machine", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":<www2>}`, 400, anyBody},
			{"", "alice", "PUT " + vm1, `{"power_on":false,"autoreboot_on":false}`, 200, ""},
			{"", "alice", "PUT " + vm2, `{"power_on":true}`, 200, ""},
			{"nor onto one", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":<www2>}`, 400, anyBody},
			{"", "alice", "PUT " + vm2, `{"power_on":false,"autoreboot_on":false}`, 200, ""},
			{"nor onto one that is not", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":999999}`, anyError, anyBody},
			{"", "alice", "PUT " + vm1 + "/discs/disc-1", `{"label":"root"}`, 200, ""},
			{"nor does the root disc", "alice", "PUT " + vm1 + "/discs/root", `{"virtual_machine_id":<www2>}`, 400, anyBody},
			{"a refused move moves nothing", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>},{"id":<data>}]`},
			{"a disc moves", "alice", "PUT " + vm1 + "/discs/data", `{"virtual_machine_id":<www2>}`, 200, `{"id":<data>,"virtual_machine_id":<www2>}`},
			{"it is not found where it was", "alice", "GET " + vm1 + "/discs/<data>", "", 404, ""},
			{"it is found where it is", "alice", "GET " + vm2 + "/discs/data", "", 200, `{"id":<data>,"virtual_machine_id":<www2>}`},
		}},
	})
}

// createEightDiscs returns steps that add discs to a virtual machine with one disc until it has the maximum of eight.
func createEightDiscs(discs string) (rows []step) {
	for i := 2; i <= 8; i++ {
		rows = append(rows, step{"", "alice", discs, `{"size":100}`, 201, fmt.Sprintf(`{"label":"disc-%d"}`, i)})
	}
	return append(rows,
		step{"a ninth disc is refused", "alice", discs, `{"size":100}`, 400, anyBody},
		step{"and not made", "alice", "GET " + vm1 + "/discs", "", 200, `[{},{},{},{},{},{},{},{"label":"disc-8"}]`},
	)
}
