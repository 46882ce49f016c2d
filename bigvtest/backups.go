package bigvtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func listBackups(q *request) (answer, error) {
	q.server.autoAdvance()
	d, err := q.disc()
	if err != nil {
		return answer{}, err
	}
	return ok(discViews(d.backups, true))
}

func createBackup(q *request) (answer, error) {
	d, err := q.discFor()
	if err != nil {
		return answer{}, err
	}
	return q.created(q.backUp(d, nil).view(true)), nil
}

// backUp takes a backup of a disc, on demand or for a schedule. It begins on the
// disc's own grade and travels to cold storage.
func (st *state) backUp(d *disc, for_ *schedule) *disc {
	b := &disc{
		machine: d.machine, size: d.size, grade: d.grade, pool: d.pool, parent: d, manual: for_ == nil, schedule: for_,
		created: st.clock.instant,
	}
	label := d.label + "-backup-" + st.clock.instant.UTC().Format("20060102150405")
	b.label = label
	for n := 2; d.backupLabelled(b.label) != nil; n++ {
		b.label = fmt.Sprintf("%s-%d", label, n)
	}
	st.discs.add(func(id int) *disc {
		b.id = id
		return b
	})
	d.backups = append(d.backups, b)
	st.clock.after(BackupTime, func() { b.grade, b.pool = iceberg, pool(b.id, iceberg) })
	return b
}

func (d *disc) backupLabelled(label string) *disc {
	for _, b := range d.backups {
		if b.label == label {
			return b
		}
	}
	return nil
}

// backup is the backup in the path, by ID or label.
func (q *request) backup() (*disc, error) {
	d, err := q.disc()
	if err != nil {
		return nil, err
	}
	if id, is := isID(q.args[4]); is {
		if b := q.discs.get(id); b != nil && b.parent == d {
			return b, nil
		}
	}
	if b := d.backupLabelled(q.args[4]); b != nil {
		return b, nil
	}
	return nil, errNotFound
}

// backupFor is the backup in the path, to be changed.
func (q *request) backupFor() (*disc, error) {
	b, err := q.backup()
	if err != nil {
		return nil, err
	}
	return b, q.mayAlter(b.machine)
}

func getBackup(q *request) (answer, error) {
	q.server.autoAdvance()
	b, err := q.backup()
	if err != nil {
		return answer{}, err
	}
	return ok(b.view(true))
}

// updateBackup restores: nothing else can be done to a backup.
func updateBackup(q *request) (answer, error) {
	b, err := q.backupFor()
	if err != nil {
		return answer{}, err
	}
	f, restore := newForm(q.in), false
	f.boolean("restore", &restore)
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	if !restore {
		return ok(b.view(true))
	}
	d := b.parent
	switch {
	case b.grade != iceberg:
		return answer{}, refuse(http.StatusBadRequest, "The backup is still being taken")
	case d.newGrade != "":
		return answer{}, refuse(http.StatusBadRequest, "The disc is being restored or migrated")
	}
	q.backUp(d, nil) // what was there before
	d.restored = b.id
	d.newGrade, d.newPool = d.grade, d.pool
	d.grade, d.pool = iceberg, b.pool
	q.clock.after(RestoreTime, func() {
		d.grade, d.pool = d.newGrade, d.newPool
		d.newGrade, d.newPool = "", ""
	})
	return ok(b.view(true))
}

func deleteBackup(q *request) (answer, error) {
	b, err := q.backupFor()
	if err != nil {
		return answer{}, err
	}
	if !q.flag("purge") {
		return answer{}, errPurge
	}
	q.dropBackup(b)
	return gone, nil
}

func (st *state) dropBackup(b *disc) {
	b.parent.backups = without(b.parent.backups, b)
	st.discs.drop(b.id)
	b.gone = true
}

type scheduleView struct {
	ID       int    `json:"id"`
	StartAt  string `json:"start_at"`
	Interval int    `json:"interval_seconds"`
	Capacity int    `json:"capacity"`
}

func (s *schedule) view() scheduleView {
	return scheduleView{s.id, s.start.Format("2006-01-02T15:04:05-07:00"), int(s.interval / time.Second), s.capacity}
}

// newSchedule reads a schedule to be made. The service words the problem of a
// missing interval in a way of its own.
func (q *request) newSchedule(f *form, d *disc) *schedule {
	s := &schedule{disc: d, start: q.clock.instant, capacity: 1}
	if text := ""; f.has("start_at") && f.text("start_at", &text) && text != "" {
		start, is := parseTime(text, q.clock.instant)
		if !is {
			f.bad.add("start_at", "is invalid")
		}
		s.start = start
	}
	n := 0
	switch {
	case !f.has("interval_seconds"):
		f.bad["interval_seconds"] = "Missing interval_seconds parameter"
	case f.integer("interval_seconds", &n) && n <= 0:
		f.bad.add("interval_seconds", "must be greater than 0")
	default:
		s.interval = seconds(min(n, 100*365*24*3600))
	}
	if f.has("capacity") && f.integer("capacity", &s.capacity) {
		f.atLeast("capacity", s.capacity, 0)
		s.capacity = max(s.capacity, 1)
	}
	return s
}

func createSchedule(q *request) (answer, error) {
	d, err := q.discFor()
	if err != nil {
		return answer{}, err
	}
	f := newForm(q.in)
	s := q.newSchedule(f, d)
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	d.schedules = append(d.schedules, s)
	q.addSchedule(s)
	return q.created(s.view()), nil
}

// addSchedule gives a schedule its ID, and has backups taken.
func (st *state) addSchedule(s *schedule) {
	st.schedules.add(func(id int) *schedule {
		s.id = id
		return s
	})
	first := s.start
	if first.Before(st.clock.instant) {
		// In seconds, since a Duration ends after 292 years.
		every := int64(s.interval / time.Second)
		missed := (st.clock.instant.Unix() - first.Unix() + every - 1) / every
		first = time.Unix(first.Unix()+missed*every, 0)
	}
	st.schedule(s, first)
}

// schedule has the next backup of a schedule taken.
func (st *state) schedule(s *schedule, at time.Time) {
	s.next = st.clock.at(at, func() {
		if !s.disc.machine.deleted {
			st.backUp(s.disc, s)
			st.prune(s)
		}
		next := at.Add(s.interval)
		// Of a long time that is lived through at once, only the last backups
		// would be kept: the others are not taken.
		if behind := st.clock.goal.Sub(next) / s.interval; int64(behind) > int64(s.capacity) {
			next = next.Add((behind - time.Duration(s.capacity)) * s.interval)
		}
		st.schedule(s, next)
	})
}

// prune drops the oldest backups of a schedule above its capacity.
func (st *state) prune(s *schedule) {
	var kept []*disc
	for _, b := range s.disc.backups {
		if b.schedule == s {
			kept = append(kept, b)
		}
	}
	for len(kept) > s.capacity {
		st.dropBackup(kept[0])
		kept = kept[1:]
	}
}

func deleteSchedule(q *request) (answer, error) {
	d, err := q.discFor()
	if err != nil {
		return answer{}, err
	}
	id, err := strconv.Atoi(q.args[4])
	s := q.schedules.get(id)
	if err != nil || s == nil || s.disc != d {
		return answer{}, errNotFound
	}
	q.dropSchedule(s)
	return gone, nil
}

func (st *state) dropSchedule(s *schedule) {
	s.next.cancel()
	s.disc.schedules = without(s.disc.schedules, s)
	st.schedules.drop(s.id)
}

type vmDefaultView struct {
	ID        int                        `json:"id"`
	AccountID int                        `json:"account_id"`
	Name      string                     `json:"name"`
	Public    bool                       `json:"public"`
	Settings  map[string]json.RawMessage `json:"server_settings"`
}

// createVMDefault keeps a template. Making one for everybody is for staff.
func createVMDefault(q *request) (answer, error) {
	f, d := newForm(q.in), &vmDefault{settings: map[string]json.RawMessage{}}
	f.required("account_id", "name", "server_settings")
	if id := 0; f.integer("account_id", &id) {
		if d.account = q.accounts.get(id); d.account == nil || !q.who.seesAccount(d.account) {
			f.bad.add("account_id", "is invalid")
		}
	}
	if f.text("name", &d.name) && strings.TrimSpace(d.name) == "" {
		f.bad.add("name", "can't be blank")
	}
	f.boolean("public", &d.public)
	if f.null("server_settings") {
		f.bad.add("server_settings", "can't be blank")
	}
	if in, there := f.object("server_settings"); there {
		for _, key := range []string{"virtual_machine", "discs", "reimage"} {
			if raw, there := in[key]; there {
				d.settings[key] = raw
			}
		}
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	if err := q.may(q.who.onAccount(d.account), AccountAdmin, d.account); err != nil {
		return answer{}, err
	}
	if d.public && !q.who.staff() {
		return answer{}, errForbidden
	}
	q.defaults.add(func(id int) *vmDefault {
		d.id = id
		return d
	})
	return q.created(vmDefaultView{d.id, d.account.id, d.name, d.public, d.settings}), nil
}
