package bigvtest

import (
	"fmt"
	"net/http"
)

// backupRoutes lists the endpoints of backups.
var backupRoutes = map[string]handler{
	"GET " + discTemplate + "/backups":  listBackups,
	"POST " + discTemplate + "/backups": createBackup,
	"GET " + backupTemplate:             getBackup,
	"PUT " + backupTemplate:             updateBackup,
	"DELETE " + backupTemplate:          deleteBackup,
}

func listBackups(q *request) (response, error) {
	q.server.autoAdvance()
	d, err := q.disc()
	if err != nil {
		return response{}, err
	}
	return okResponse(discViews(d.backups, true))
}

func createBackup(q *request) (response, error) {
	d, err := q.discForUpdate()
	if err != nil {
		return response{}, err
	}
	return q.createdResponse(q.takeBackup(d, nil).view(true))
}

// takeBackup creates a backup of a disc. sched is nil for a manual backup. The backup starts on the
// disc's storage grade and moves to iceberg after BackupTime.
func (st *state) takeBackup(d *disc, sched *schedule) *disc {
	b := &disc{
		machine: d.machine, size: d.size, grade: d.grade, pool: d.pool, parent: d, manual: sched == nil, schedule: sched,
		created: st.clock.now,
	}
	label := d.label + "-backup-" + st.clock.now.UTC().Format("20060102150405")
	b.label = label
	for n := 2; d.backupByLabel(b.label) != nil; n++ {
		b.label = fmt.Sprintf("%s-%d", label, n)
	}
	st.discs.add(func(id int) *disc {
		b.id = id
		return b
	})
	d.backups = append(d.backups, b)
	st.clock.after(BackupTime, func() { b.grade, b.pool = iceberg, storagePoolName(b.id, iceberg) })
	return b
}

func (d *disc) backupByLabel(label string) *disc {
	for _, b := range d.backups {
		if b.label == label {
			return b
		}
	}
	return nil
}

// backup returns the backup in the path, by ID or label.
func (q *request) backup() (*disc, error) {
	d, err := q.disc()
	if err != nil {
		return nil, err
	}
	if id, ok := parseID(q.args[4]); ok {
		if b := q.discs.get(id); b != nil && b.parent == d {
			return b, nil
		}
	}
	if b := d.backupByLabel(q.args[4]); b != nil {
		return b, nil
	}
	return nil, errNotFound
}

// backupForUpdate returns the backup in the path if the caller may change it.
func (q *request) backupForUpdate() (*disc, error) {
	b, err := q.backup()
	if err != nil {
		return nil, err
	}
	return b, q.authorizeMachineUpdate(b.machine)
}

func getBackup(q *request) (response, error) {
	q.server.autoAdvance()
	b, err := q.backup()
	if err != nil {
		return response{}, err
	}
	return okResponse(b.view(true))
}

// updateBackup restores a backup. Other attributes cannot be changed.
func updateBackup(q *request) (response, error) {
	b, err := q.backupForUpdate()
	if err != nil {
		return response{}, err
	}
	f, restore := q.newForm(), false
	f.boolean("restore", &restore)
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if !restore {
		return okResponse(b.view(true))
	}
	d := b.parent
	switch {
	case b.grade != iceberg:
		return response{}, newAPIError(http.StatusBadRequest, "The backup is still being taken")
	case d.newGrade != "":
		return response{}, newAPIError(http.StatusBadRequest, "The disc is being restored or migrated")
	}
	q.takeBackup(d, nil) // the current contents
	d.restoredFrom = b.id
	d.newGrade, d.newPool = d.grade, d.pool
	d.grade, d.pool = iceberg, b.pool
	q.clock.after(RestoreTime, func() {
		d.grade, d.pool = d.newGrade, d.newPool
		d.newGrade, d.newPool = "", ""
	})
	return okResponse(b.view(true))
}

func deleteBackup(q *request) (response, error) {
	b, err := q.backupForUpdate()
	if err != nil {
		return response{}, err
	}
	if !q.flag("purge") {
		return response{}, errPurgeRequired
	}
	q.removeBackup(b)
	return noContent, nil
}

func (st *state) removeBackup(b *disc) {
	b.parent.backups = without(b.parent.backups, b)
	st.discs.remove(b.id)
	b.purged = true
}
