package bigvtest_test

import (
	"testing"
)

func TestConformanceBackups(t *testing.T) {
	const disc = vm1 + "/discs/disc-1"
	runScenarios(t, []scenario{
		{"backups", www1, []step{
			{"the list is empty for a disc without backups", "alice", "GET " + disc + "/backups", "", 200, `[]`},
			{
				"a backup is created with an empty body", "alice", "POST " + disc + "/backups", "", 201,
				`{"type":"application/vnd.bigv.disc","id":"$save id","label":"$match -backup-[0-9]{14}$","size":25600,
					"storage_grade":"sata","storage_pool":"$string","virtual_machine_id":<www1>,"parent_disc_id":<www1disc>,"manual":true}`,
			},
			{
				"the backup is first on the storage grade of its disc", "alice", "GET " + disc + "/backups", "", 200,
				`[{"id":<id>,"storage_grade":"sata","label":"$save label"}]`,
			},
			{"the backup is included in backup_count", "alice", "GET " + disc, "", 200, `{"backup_count":1}`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"later the backup is on iceberg", "alice", "GET " + disc + "/backups", "", 200, `[{"id":<id>,"storage_grade":"iceberg"}]`},
			{"a backup can be read", "alice", "GET " + disc + "/backups/<id>", "", 200, `{"id":<id>,"storage_grade":"iceberg"}`},
			{"a backup is not listed as a disc of the machine", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>}]`},
			{"a restore is started", "alice", "PUT " + disc + "/backups/<id>", `{"restore":true}`, 200, anyBody},
			{
				"during the restore the disc is on iceberg", "alice", "GET " + disc, "", 200,
				`{"storage_grade":"iceberg","new_storage_grade":"sata"}`,
			},
			{
				"the current contents are backed up first", "alice", "GET " + disc + "/backups", "", 200,
				`[{"id":<id>},{"parent_disc_id":<www1disc>}]`,
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"after the restore the disc is back on its own grade", "alice", "GET " + disc, "", 200,
				`{"storage_grade":"sata","new_storage_grade":"$absent","new_storage_pool":"$absent","backup_count":2}`,
			},
			{"a PUT without restore does nothing", "alice", "PUT " + disc + "/backups/<id>", `{"restore":false}`, 200, anyBody},
			{"", "alice", "GET " + disc, "", 200, `{"storage_grade":"sata","backup_count":2}`},
			{"a backup is found by label", "alice", "PUT " + disc + "/backups/<label>", `{"restore":true}`, 200, anyBody},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"a DELETE without purge is an error", "alice", "DELETE " + disc + "/backups/<id>", "", anyError, anyBody},
			{"a backup is purged", "alice", "DELETE " + disc + "/backups/<id>?purge=true", "", 204, ""},
			{"afterwards it is not found", "alice", "GET " + disc + "/backups", "", 200, `{"$lacks":[{"id":<id>}]}`},
			{"an unknown backup is not found", "alice", "PUT " + disc + "/backups/<id>", `{"restore":true}`, 404, ""},
			{"an unknown backup is not found by DELETE", "alice", "DELETE " + disc + "/backups/<id>?purge=true", "", 404, ""},
			{"the backups of an invisible disc are not found", "bob", "GET " + disc + "/backups", "", 404, ""},
			{"a backup of an invisible disc cannot be created", "bob", "POST " + disc + "/backups", "", 404, ""},
			{"a disc with an unknown ID is not found", "alice", "GET " + vm1 + "/discs/999999/backups", "", 404, ""},
			{"a disc is found by ID", "alice", "GET " + vm1 + "/discs/<www1disc>/backups", "", 200, `[{},{}]`},
		}},
		{"a backup keeps its disc's size", www1, []step{
			{"", "alice", "POST " + disc + "/backups", "", 201, `{"id":"$save id"}`},
			{"", "alice", "PUT " + disc, `{"size":51200}`, 200, ""},
			{
				"resizing the disc does not change the size of the backup", "alice", "GET " + disc + "/backups", "", 200,
				`[{"id":<id>,"size":25600}]`,
			},
		}},
	})
}

func TestConformanceBackupSchedules(t *testing.T) {
	const disc = vm1 + "/discs/disc-1"
	runScenarios(t, []scenario{
		{"schedules", www1, []step{
			{
				"a schedule is created", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"00:00","interval_seconds":86400,"capacity":3}`, 201,
				`{"id":"$save id","start_at":"$time","interval_seconds":86400,"capacity":3}`,
			},
			{
				"the disc contains the schedule", "alice", "GET " + disc, "", 200,
				`{"backup_schedules":[{"id":<id>,"start_at":"$time","interval_seconds":86400,"capacity":3}]}`,
			},
			{
				"the error for a missing interval is a single message", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"00:00"}`, 400, `{"interval_seconds":"Missing interval_seconds parameter"}`,
			},
			{
				"an interval cannot be negative", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"00:00","interval_seconds":-1}`, 400, `{"interval_seconds":"$messages"}`,
			},
			{
				"an interval cannot be zero", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":0}`,
				400, `{"interval_seconds":"$messages"}`,
			},
			{
				"an interval must be a number", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"00:00","interval_seconds":"daily"}`, 400, `{"interval_seconds":"$messages"}`,
			},
			{
				"a start must be a time", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"tea time","interval_seconds":86400}`,
				400, `{"start_at":"$messages"}`,
			},
			{
				"a start without a zone is British winter time", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"2019-12-01 12:00:00","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-12-01T12:00:00Z"}`,
			},
			{
				"a start without a zone is British summer time", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"2019-07-01 12:00:00","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-07-01T11:00:00Z"}`,
			},
			{
				"a start can have a time zone name", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"2019-07-01 12:00:00 GMT","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-07-01T12:00:00Z"}`,
			},
			{
				"a start can be in ISO 8601 format", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"2019-07-01T12:00:00+02:00","interval_seconds":86400}`, 201, `{"start_at":"$time 2019-07-01T10:00:00Z"}`,
			},
			{
				"a capacity of 0 means 1", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"00:00","interval_seconds":86400,"capacity":0}`, 201, `{"capacity":1}`,
			},
			{
				"the default capacity is 1", "alice", "POST " + disc + "/backup_schedules", `{"start_at":"00:00","interval_seconds":86400}`,
				201, `{"capacity":1}`,
			},
			{"a schedule is deleted without purge", "alice", "DELETE " + disc + "/backup_schedules/<id>", "", 204, ""},
			{"the disc no longer contains the schedule", "alice", "GET " + disc, "", 200, `{"backup_schedules":{"$lacks":[{"id":<id>}]}}`},
			{"an unknown schedule is not found", "alice", "DELETE " + disc + "/backup_schedules/<id>", "", 404, ""},
			{
				"a schedule for an invisible disc cannot be created", "bob", "POST " + disc + "/backup_schedules",
				`{"start_at":"00:00","interval_seconds":86400}`, 404, "",
			},
		}},
		{"in time", www1, []step{
			{
				"", "alice", "POST " + disc + "/backup_schedules",
				`{"start_at":"2019-03-04T13:00:00Z","interval_seconds":3600,"capacity":2}`, 201, "",
			},
			{"no backup is taken before the start", "alice", "GET " + disc + "/backups", "", 200, `[]`},
			{"", "", "ADVANCE 61m", "", 0, ""},
			{
				"the first backup is taken at the start", "alice", "GET " + disc + "/backups", "", 200,
				`[{"id":"$save first","manual":false,"parent_disc_id":<www1disc>}]`,
			},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{
				"the second backup is taken after the interval", "alice", "GET " + disc + "/backups", "", 200,
				`[{"id":<first>,"storage_grade":"iceberg"},{"manual":false}]`,
			},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{
				"the oldest backup beyond the capacity is removed", "alice", "GET " + disc + "/backups", "", 200,
				`{"$lacks":[{"id":<first>}]}`,
			},
			{"two backups are kept", "alice", "GET " + disc, "", 200, `{"backup_count":2}`},
			{"", "", "ADVANCE 720h", "", 0, ""},
			{"a month later two backups exist", "alice", "GET " + disc + "/backups", "", 200, `[{"manual":false},{"manual":false}]`},
			{"", "alice", "POST " + disc + "/backups", "", 201, `{"id":"$save own"}`},
			{"", "", "ADVANCE 24h", "", 0, ""},
			{"a manual backup is not removed", "alice", "GET " + disc + "/backups", "", 200, `{"$has":[{"id":<own>,"manual":true}]}`},
		}},
	})
}
