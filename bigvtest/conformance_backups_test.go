package bigvtest_test

import (
	"testing"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestConformanceBackups(t *testing.T) {
	const disc = vm1 + "/discs/disc-1"
	runScenarios(t, []scenario{
		{"backups", www1, []step{
			{"a disc without backups has an empty list", "alice", "GET " + disc + "/backups", "", 200, `[]`},
			{"a backup is made with an empty body", "alice", "POST " + disc + "/backups", "", 201, `{"type":"application/vnd.bigv.disc","id":"$keep id","label":"$match -backup-[0-9]{14}$","size":25600,"storage_grade":"sata","storage_pool":"$string","virtual_machine_id":<www1>,"parent_disc_id":<www1disc>,"manual":true}`},
			{"it is on its disc's grade at first", "alice", "GET " + disc + "/backups", "", 200, `[{"id":<id>,"storage_grade":"sata","label":"$keep label"}]`},
			{"it is counted", "alice", "GET " + disc, "", 200, `{"backup_count":1}`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"after a while it is on iceberg", "alice", "GET " + disc + "/backups", "", 200, `[{"id":<id>,"storage_grade":"iceberg"}]`},
			{"a backup is no disc of the machine", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>}]`},
			{"a restore is begun", "alice", "PUT " + disc + "/backups/<id>", `{"restore":true}`, 200, anyBody},
			{"the disc is on iceberg meanwhile", "alice", "GET " + disc, "", 200, `{"storage_grade":"iceberg","new_storage_grade":"sata"}`},
			{"its present state is backed up first", "alice", "GET " + disc + "/backups", "", 200, `[{"id":<id>},{"parent_disc_id":<www1disc>}]`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"then the disc is back", "alice", "GET " + disc, "", 200, `{"storage_grade":"sata","new_storage_grade":"$absent","new_storage_pool":"$absent","backup_count":2}`},
			{"a PUT without restore does nothing", "alice", "PUT " + disc + "/backups/<id>", `{"restore":false}`, 200, anyBody},
			{"", "alice", "GET " + disc, "", 200, `{"storage_grade":"sata","backup_count":2}`},
			{"a backup goes by label", "alice", "PUT " + disc + "/backups/<label>", `{"restore":true}`, 200, anyBody},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"a delete without purge is refused", "alice", "DELETE " + disc + "/backups/<id>", "", anyError, anyBody},
			{"a backup is purged", "alice", "DELETE " + disc + "/backups/<id>?purge=true", "", 204, ""},
			{"it is gone", "alice", "GET " + disc + "/backups", "", 200, `{"$lacks":[{"id":<id>}]}`},
			{"a backup that is not is not found", "alice", "PUT " + disc + "/backups/<id>", `{"restore":true}`, 404, ""},
			{"a backup that is not is not found to delete", "alice", "DELETE " + disc + "/backups/<id>?purge=true", "", 404, ""},
			{"backups of a disc not to be seen are not found", "bob", "GET " + disc + "/backups", "", 404, ""},
			{"a backup of a disc not to be seen is not made", "bob", "POST " + disc + "/backups", "", 404, ""},
			{"a disc of another ID is not found", "alice", "GET " + vm1 + "/discs/999999/backups", "", 404, ""},
			{"a disc goes by ID", "alice", "GET " + vm1 + "/discs/<www1disc>/backups", "", 200, `[{},{}]`},
		}},
		{"a backup keeps its disc's size", www1, []step{
			{"", "alice", "POST " + disc + "/backups", "", 201, `{"id":"$keep id"}`},
			{"", "alice", "PUT " + disc, `{"size":51200}`, 200, ""},
			{"a later growth leaves it", "alice", "GET " + disc + "/backups", "", 200, `[{"id":<id>,"size":25600}]`},
		}},
	})
}

func TestConformanceBackupSchedules(t *testing.T) {
	const disc = vm1 + "/discs/disc-1"
	runScenarios(t, []scenario{
		{"schedules", www1, []step{
			{"a schedule is made", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":86400,"capacity":3}`, 201, `{"id":"$keep id","start_at":"$time","interval_seconds":86400,"capacity":3}`},
			{"the disc shows it", "alice", "GET " + disc, "", 200, `{"backup_schedules":[{"id":<id>,"start_at":"$time","interval_seconds":86400,"capacity":3}]}`},
			{"a missing interval is one message", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00"}`, 400, `{"interval_seconds":"Missing interval_seconds parameter"}`},
			{"an interval is not negative", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":-1}`, 400, `{"interval_seconds":"$messages"}`},
			{"an interval is not zero", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":0}`, 400, `{"interval_seconds":"$messages"}`},
			{"an interval is a number", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":"daily"}`, 400, `{"interval_seconds":"$messages"}`},
			{"a start is a time", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"tea time","interval_seconds":86400}`, 400, `{"start_at":"$messages"}`},
			{"a start without a zone is British winter time", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"2019-12-01 12:00:00","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-12-01T12:00:00Z"}`},
			{"a start without a zone is British summer time", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"2019-07-01 12:00:00","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-07-01T11:00:00Z"}`},
			{"a start has a zone by name", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"2019-07-01 12:00:00 GMT","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-07-01T12:00:00Z"}`},
			{"a start is ISO 8601", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"2019-07-01T12:00:00+02:00","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-07-01T10:00:00Z"}`},
			{"a capacity of 0 is 1", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":86400,"capacity":0}`, 201, `{"capacity":1}`},
			{"no capacity is 1", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":86400}`, 201, `{"capacity":1}`},
			{"a schedule is deleted without purge", "alice", "DELETE " + disc + "/backup_schedules/<id>", "", 204, ""},
			{"the disc shows it no more", "alice", "GET " + disc, "", 200, `{"backup_schedules":{"$lacks":[{"id":<id>}]}}`},
			{"a schedule that is not is not found", "alice", "DELETE " + disc + "/backup_schedules/<id>", "", 404, ""},
			{"a disc not to be seen gets no schedule", "bob", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":86400}`, 404, ""},
		}},
		{"in time", www1, []step{
			{"", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"2019-03-04T13:00:00Z","interval_seconds":3600,"capacity":2}`, 201, ""},
			{"before the start there is no backup", "alice", "GET " + disc + "/backups", "", 200, `[]`},
			{"", "", "ADVANCE 61m", "", 0, ""},
			{"the start makes the first", "alice", "GET " + disc + "/backups", "", 200, `[{"id":"$keep first","manual":false,"parent_disc_id":<www1disc>}]`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"the interval makes the second", "alice", "GET " + disc + "/backups", "", 200, `[{"id":<first>,"storage_grade":"iceberg"},{"manual":false}]`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"the capacity drops the oldest", "alice", "GET " + disc + "/backups", "", 200, `{"$lacks":[{"id":<first>}]}`},
			{"and keeps two", "alice", "GET " + disc, "", 200, `{"backup_count":2}`},
			{"", "", "ADVANCE 720h", "", 0, ""},
			{"a month later there are two", "alice", "GET " + disc + "/backups", "", 200, `[{"manual":false},{"manual":false}]`},
			{"", "alice", "POST " + disc + "/backups", "", 201, `{"id":"$keep own"}`},
			{"", "", "ADVANCE 24h", "", 0, ""},
			{"one made by hand is not dropped", "alice", "GET " + disc + "/backups", "", 200, `{"$has":[{"id":<own>,"manual":true}]}`},
		}},
	})
}

func TestConformanceDefinitions(t *testing.T) {
	const get = "GET /definitions"
	has := func(id, values string) string { return `{"$has":[{"id":"` + id + `","data":{"$has":` + values + `}}]}` }
	runScenarios(t, []scenario{
		{"definitions", nil, []step{
			{"distributions", "nobody", get, "", 200, has("distributions", `["jessie","stretch","symbiosis","wheezy","centos7","trusty"]`)},
			{"storage grades", "nobody", get, "", 200, has("storage_grades", `["sata","ssd","archive"]`)},
			{"iceberg is no storage grade to choose", "nobody", get, "", 200, `{"$lacks":[{"id":"storage_grades","data":{"$has":["iceberg"]}}]}`},
			{"zone names", "nobody", get, "", 200, has("zone_names", `["york","manchester"]`)},
			{"hardware profiles", "nobody", get, "", 200, has("hardware_profiles", `["virtio2013","compatibility2013"]`)},
			{"keymaps", "nobody", get, "", 200, has("keymaps", `["ar","da","de","de-ch","en-gb","en-us","es","et","fi","fo","fr","fr-be","fr-ca","fr-ch","hr","hu","is","it","ja","lt","lv","mk","nl","nl-be","no","pl","pt","pt-br","ru","sl","sv","th","tr"]`)},
			{"keys", "nobody", get, "", 200, has("sendkeys", `["a","z","0","9","f1","f12","shift","shift_r","alt","alt_r","altgr","ctrl","ctrl_r","menu","esc","minus","equal","backspace","tab","ret","comma","dot","slash","asterisk","spc","caps_lock","num_lock","scroll_lock","kp_0","kp_9","kp_divide","kp_multiply","kp_subtract","kp_add","kp_enter","kp_decimal","sysrq","<","print","home","pgup","pgdn","end","left","up","down","right","insert","delete"]`)},
			{"descriptions of distributions are an object", "nobody", get, "", 200, `{"$has":[{"id":"distribution_descriptions","data":{"jessie":"$string"}}]}`},
			{"descriptions of storage grades are an object", "nobody", get, "", 200, `{"$has":[{"id":"storage_grade_descriptions","data":{"sata":"$string"}}]}`},
			{"a token does no harm", "alice", get, "", 200, has("zone_names", `["york"]`)},
			{"definitions are for reading", "alice", "POST /definitions", `{}`, 405, ""},
		}},
	})
}

func TestConformanceVMDefaults(t *testing.T) {
	const settings = `"server_settings":{"virtual_machine":{"cores":1,"memory":1024},"discs":[{"size":25600,"storage_grade":"sata"}],"reimage":{"distribution":"jessie"}}`
	runScenarios(t, []scenario{
		{"templates", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{"a template is made", "alice", "POST /vm_defaults", `{"account_id":<acme>,"name":"small-blog","public":false,` + settings + `}`, 201, `{"id":"$int","account_id":<acme>,"name":"small-blog","public":false,` + settings + `}`},
			{"a public one is the work of staff", "alice", "POST /vm_defaults", `{"account_id":<acme>,"name":"shared","public":true,` + settings + `}`, oneOf(400, 403), anyBody},
			{"staff make a public one", "staff", "POST /vm_defaults", `{"account_id":<acme>,"name":"shared","public":true,` + settings + `}`, 201, `{"public":true}`},
			{"an account is needed", "alice", "POST /vm_defaults", `{"name":"none",` + settings + `}`, 400, `{"account_id":["can't be blank"]}`},
			{"a name is needed", "alice", "POST /vm_defaults", `{"account_id":<acme>,` + settings + `}`, 400, `{"name":["can't be blank"]}`},
			{"an account not to be seen gets none", "bob", "POST /vm_defaults", `{"account_id":<acme>,"name":"mine",` + settings + `}`, anyError, anyBody},
			{"unknown attributes are dropped", "alice", "POST /vm_defaults", `{"account_id":<acme>,"name":"red","colour":"red",` + settings + `}`, 201, `{"colour":"$absent"}`},
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
