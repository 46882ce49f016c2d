package bigvtest_test

import (
	"testing"
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
