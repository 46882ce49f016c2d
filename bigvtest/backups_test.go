package bigvtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestBackupAndRestore(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
	taken := send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "")
	require.Equal(t, http.StatusCreated, taken.status, taken.body)
	b := taken.object(t)
	assert.Equal(t, "disc-1-backup-20190304120000", b["label"])
	assert.Equal(t, "sata", b["storage_grade"])
	assert.Equal(t, true, b["manual"])
	one := fmt.Sprint(onDisc, "/backups/", b["id"])

	srv.Advance(bigvtest.BackupTime + justBefore)
	assert.Equal(t, "sata", send(t, srv, srv.Token(), "GET "+one, "").object(t)["storage_grade"])
	assert.Equal(
		t, http.StatusBadRequest, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status, "the backup is still being taken",
	)
	srv.Advance(-justBefore)
	assert.Equal(t, "iceberg", send(t, srv, srv.Token(), "GET "+one, "").object(t)["storage_grade"])

	require.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status)
	got := send(t, srv, srv.Token(), "GET "+onDisc, "").object(t)
	assert.Equal(t, "iceberg", got["storage_grade"])
	assert.Equal(t, "sata", got["new_storage_grade"])
	assert.EqualValues(t, 2, got["backup_count"], "the current contents are backed up first")
	assert.Equal(t, http.StatusBadRequest, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status, "a restore is in progress")
	srv.Advance(bigvtest.RestoreTime + justBefore)
	assert.Contains(t, send(t, srv, srv.Token(), "GET "+onDisc, "").object(t), "new_storage_grade")
	srv.Advance(-justBefore)
	got = send(t, srv, srv.Token(), "GET "+onDisc, "").object(t)
	assert.Equal(t, "sata", got["storage_grade"])
	assert.NotContains(t, got, "new_storage_grade")
	assert.EqualValues(t, b["id"], disc.State().RestoredFrom)
}

// While a disc is being restored, it cannot be backed up, neither on request nor by a schedule.
func TestNoBackupDuringRestore(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
	one := fmt.Sprint(onDisc, "/backups/", disc.AddBackup(srv.Now()))
	require.Equal(t, 200, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status)
	require.Len(t, disc.Backups(), 2, "the current contents are backed up first")
	schedule := `{"interval_seconds":86400,"start_at":"2019-03-04T12:00:30Z","capacity":5}`
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", schedule).status)
	srv.Advance(bigvtest.RestoreTime + justBefore)
	got := send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "")
	assert.Equal(t, 400, got.status)
	assert.Equal(t, "The disc is being restored or migrated", got.body)
	assert.Len(t, disc.Backups(), 2)
	srv.Advance(-justBefore)
	assert.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "").status)
	srv.Advance(24 * time.Hour)
	assert.Len(t, disc.Backups(), 4, "the schedule continues")
}

// Backups that are due at the same instant are taken in the order in which their schedules were created.
func TestBackupsAtTheSameInstant(t *testing.T) {
	srv := bigvtest.NewServer(t)
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	var discs []*bigvtest.Disc
	for _, n := range []int{5, 2, 7, 1, 3, 6, 4} {
		label := fmt.Sprint("data", n)
		discs = append(discs, vm.Disc(label, 100))
		schedule := `{"interval_seconds":3600,"start_at":"2019-03-04T13:00:00Z","capacity":3}`
		require.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onWWW1+"/discs/"+label+"/backup_schedules", schedule).status)
	}
	srv.Advance(3 * time.Hour)
	for round := range 3 {
		last := 0
		for i, disc := range discs {
			backups := disc.Backups()
			require.Len(t, backups, 3)
			assert.Greater(t, backups[round].ID, last, "round %d, disc %d", round, i)
			last = backups[round].ID
		}
	}
}

func TestBackupsAndTheirTimes(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("data", 100)
	assert.Empty(t, disc.Backups())
	at := time.Date(2018, 12, 24, 18, 0, 0, 0, time.UTC)
	id := disc.AddBackup(at)
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onWWW1+"/discs/data/backups", "").status)
	schedule := `{"interval_seconds":86400,"start_at":"2019-03-05T00:00:00Z"}`
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST "+onWWW1+"/discs/data/backup_schedules", schedule).status)
	srv.Advance(12 * time.Hour)
	assert.Equal(t, []bigvtest.BackupState{
		{ID: id, Label: "data-backup-20181224180000", Size: 100, StorageGrade: "iceberg", Manual: true, Time: at},
		{
			ID: id + 1, Label: "data-backup-20190304120000", Size: 100, StorageGrade: "iceberg", Manual: true,
			Time: time.Date(2019, 3, 4, 12, 0, 0, 0, time.UTC),
		},
		{
			ID: id + 2, Label: "data-backup-20190305000000", Size: 100, StorageGrade: "sata",
			Time: time.Date(2019, 3, 5, 0, 0, 0, 0, time.UTC),
		},
	}, disc.Backups())
	restored := send(t, srv, srv.Token(), fmt.Sprint("PUT ", onWWW1, "/discs/data/backups/", id), `{"restore":true}`)
	assert.Equal(t, 200, restored.status, "an added backup is complete")
	assert.Equal(t, id, disc.State().RestoredFrom)
	require.Equal(t, 204, send(t, srv, srv.Token(), fmt.Sprint("DELETE ", onWWW1, "/discs/data/backups/", id, "?purge=true"), "").status)
	assert.Len(t, disc.Backups(), 3)
}

// Backups of the same second have different labels, also after one of them was removed, and are found by them.
func TestBackupLabels(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").VirtualMachine("www1")
	const label = "disc-1-backup-20190304120000"
	take := func() any { return send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "").object(t)["label"] }
	assert.Equal(t, []any{label, label + "-2", label + "-3"}, []any{take(), take(), take()})
	for _, name := range []string{label, label + "-2"} {
		assert.Equal(t, name, send(t, srv, srv.Token(), "GET "+onDisc+"/backups/"+name, "").object(t)["label"])
		require.Equal(t, 204, send(t, srv, srv.Token(), "DELETE "+onDisc+"/backups/"+name+"?purge=true", "").status)
		assert.Equal(t, 404, send(t, srv, srv.Token(), "GET "+onDisc+"/backups/"+name, "").status)
	}
	assert.Equal(t, []any{label + "-4", label + "-5"}, []any{take(), take()})
	srv.Advance(time.Second)
	assert.Equal(t, "disc-1-backup-20190304120001", take())
}

// Taking, reading and removing many backups takes time in proportion to their number.
func TestTenThousandBackups(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(0))
	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
	disc := vm.Disc("disc-1", 0)
	const n = 10_000
	began := time.Now()
	for range n {
		r := httptest.NewRequest(http.MethodPost, onDisc+"/backups", nil)
		r.Header = http.Header{"Authorization": {"Bearer " + srv.Token()}, "Content-Type": {"application/json"}}
		recorder := httptest.NewRecorder()
		srv.ServeHTTP(recorder, r)
		require.Equal(t, http.StatusCreated, recorder.Code)
	}
	taken := time.Since(began)
	assert.Equal(t, n, disc.State().Backups)
	send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"start_at":"00:00","interval_seconds":60,"capacity":5000}`)
	srv.Advance(10 * 24 * time.Hour)
	assert.Equal(t, n+5000, disc.State().Backups)
	require.Equal(t, 204, send(t, srv, srv.Token(), "DELETE "+onWWW1+"?purge=true", "").status)
	assert.Zero(t, disc.State().Backups)
	assert.Less(t, time.Since(began), 30*time.Second, "%v of it for the requests; quadratic time is minutes", taken)
}

func TestBackupSchedules(t *testing.T) {
	for name, row := range map[string]struct {
		schedule string
		advance  []time.Duration
		want     []string // times of the backups that are kept
	}{
		"before the start": {
			`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":3`, []time.Duration{12*time.Hour + justBefore}, nil,
		},
		"at the start": {
			`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":3`, []time.Duration{12 * time.Hour},
			[]string{"20190305000000"},
		},
		"at each interval, up to the capacity": {
			`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":3`, []time.Duration{5 * 24 * time.Hour},
			[]string{"20190307000000", "20190308000000", "20190309000000"},
		},
		"clock advanced in steps": {
			`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":2`,
			[]time.Duration{13 * time.Hour, 24 * time.Hour, time.Hour, 24 * time.Hour},
			[]string{"20190306000000", "20190307000000"},
		},
		"start in the past": {
			`"start_at":"2019-03-01T06:00:00Z","interval_seconds":86400`, []time.Duration{18 * time.Hour}, []string{"20190305060000"},
		},
		"start in the distant past": {
			`"start_at":"0001-01-01","interval_seconds":86400`, []time.Duration{12 * time.Hour}, []string{"20190305000000"},
		},
		"capacity 0 means 1": {
			`"start_at":"00:00","interval_seconds":86400,"capacity":0`, []time.Duration{72 * time.Hour}, []string{"20190307000000"},
		},
		"default start": {`"interval_seconds":604800`, []time.Duration{time.Second}, []string{"20190304120000"}},
		"clock advanced by a century": {
			`"start_at":"00:00","interval_seconds":1`, []time.Duration{100 * 365 * 24 * time.Hour}, []string{"21190208120000"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
			made := send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", "{"+row.schedule+"}")
			require.Equal(t, http.StatusCreated, made.status, made.body)
			for _, d := range row.advance {
				srv.Advance(d)
			}
			taken := []any{}
			for _, at := range row.want {
				taken = append(taken, "disc-1-backup-"+at)
			}
			list := send(t, srv, srv.Token(), "GET "+onDisc+"/backups", "")
			assert.Equal(t, taken, list.values(t, "label"))
			for _, manual := range list.values(t, "manual") {
				assert.Equal(t, false, manual)
			}
			assert.Equal(t, 1, disc.State().Schedules)

			one := fmt.Sprint("DELETE ", onDisc, "/backup_schedules/", made.object(t)["id"])
			require.Equal(t, http.StatusNoContent, send(t, srv, srv.Token(), one, "").status)
			srv.Advance(30 * 24 * time.Hour)
			assert.Equal(t, len(row.want), disc.State().Backups, "a deleted schedule takes no backups")
			assert.Zero(t, disc.State().Schedules)
		})
	}
}

func TestManualBackupsAreKept(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
	send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "")
	send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"start_at":"00:00","interval_seconds":3600,"capacity":2}`)
	srv.Advance(48 * time.Hour)
	assert.Equal(t, 3, disc.State().Backups)
	assert.Equal(t, []any{true, false, false}, send(t, srv, srv.Token(), "GET "+onDisc+"/backups", "").values(t, "manual"))
}
