package bigvtest

import (
	"fmt"
	"net/http"
	"time"
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
	if d.isRestoring() {
		return response{}, errRestoring
	}
	return q.createdResponse(q.takeBackup(d, nil).view(true))
}

// takeBackup creates a backup of a disc. sched is nil for a manual backup. The backup starts on the
// disc's storage grade and moves to iceberg after BackupTime.
func (st *state) takeBackup(d *disc, sched *schedule) *disc {
	b := st.addBackup(d, sched, st.clock.now)
	st.clock.after(BackupTime, b.moveToIceberg)
	return b
}

// addBackup adds a backup of a disc that was taken at the given time.
func (st *state) addBackup(d *disc, sched *schedule, at time.Time) *disc {
	b := &disc{
		machine: d.machine, size: d.size, grade: d.grade, pool: d.pool, parent: d, manual: sched == nil, schedule: sched, created: at,
	}
	b.label = d.newBackupLabel(b.created)
	st.discs.add(func(id int) *disc {
		b.id = id
		return b
	})
	d.backups = append(d.backups, b)
	if d.backupLabels == nil {
		d.backupLabels = map[string]*disc{}
	}
	d.backupLabels[b.label] = b
	if sched != nil {
		sched.backups = append(sched.backups, b)
	}
	return b
}

func (d *disc) moveToIceberg() { d.grade, d.pool = iceberg, storagePoolName(d.id, iceberg) }

// newBackupLabel returns the label of a backup that is taken at the given time. Backups of the same
// second are numbered.
func (d *disc) newBackupLabel(at time.Time) string {
	label := d.label + "-backup-" + at.UTC().Format("20060102150405")
	if d.backupLabels[label] == nil && d.sameSecond[label] == 0 {
		return label
	}
	if d.sameSecond == nil {
		d.sameSecond = map[string]int{}
	}
	d.sameSecond[label]++
	return fmt.Sprintf("%s-%d", label, d.sameSecond[label]+1)
}

// isRestoring reports whether a backup is being restored to the disc. The disc cannot be backed up
// then.
func (d *disc) isRestoring() bool { return d.newGrade != "" }

var errRestoring = newAPIError(http.StatusBadRequest, "The disc is being restored or migrated")

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
	if b := d.backupLabels[q.args[4]]; b != nil {
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
	case d.isRestoring():
		return response{}, errRestoring
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
	b.parent.backups = removeByID(b.parent.backups, b)
	delete(b.parent.backupLabels, b.label)
	if b.schedule != nil {
		b.schedule.backups = removeByID(b.schedule.backups, b)
	}
	st.discs.remove(b.id)
	b.purged = true
}
