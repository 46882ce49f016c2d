package bigvtest

import (
	"math"
	"strconv"
	"time"
)

// backupScheduleRoutes lists the endpoints of backup schedules.
var backupScheduleRoutes = map[string]handler{
	"POST " + discTemplate + "/backup_schedules":        createSchedule,
	"DELETE " + discTemplate + "/backup_schedules/{id}": deleteSchedule,
}

type schedule struct {
	id       int
	disc     *disc
	start    time.Time
	interval time.Duration
	capacity int
	next     *event
	backups  []*disc // ordered by ID
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

// readSchedule reads and validates a new schedule.
func (q *request) readSchedule(f *form, d *disc) *schedule {
	s := &schedule{disc: d, start: q.clock.now, capacity: 1}
	if text := ""; f.text("start_at", &text) {
		start, ok := parseTime(text, q.clock.now)
		if !ok {
			f.addError("start_at", "is invalid")
		}
		s.start = start
	}
	n := 0
	switch {
	case !f.has("interval_seconds"):
		f.addError("interval_seconds", "Missing interval_seconds parameter")
	case f.integer("interval_seconds", &n) && n <= 0:
		f.addError("interval_seconds", "must be greater than 0")
	default:
		s.interval = min(seconds(n), 100*365*24*time.Hour)
	}
	if f.integer("capacity", &s.capacity) {
		f.checkMinimum("capacity", s.capacity, 0)
		s.capacity = max(s.capacity, 1)
	}
	return s
}

func createSchedule(q *request) (response, error) {
	d, err := q.discForUpdate()
	if err != nil {
		return response{}, err
	}
	f := q.newForm()
	s := q.readSchedule(f, d)
	if !f.has("interval_seconds") {
		// A single message rather than a list, as in the real service.
		f.errors["interval_seconds"] = "Missing interval_seconds parameter"
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	d.schedules = append(d.schedules, s)
	q.addSchedule(s)
	return q.createdResponse(s.view())
}

// addSchedule assigns an ID to a schedule and starts taking backups.
func (st *state) addSchedule(s *schedule) {
	st.schedules.add(func(id int) *schedule {
		s.id = id
		return s
	})
	first := s.start
	if first.Before(st.clock.now) {
		// Computed in seconds, because a Duration is limited to 292 years.
		interval := int64(s.interval / time.Second)
		missed := (st.clock.now.Unix() - first.Unix() + interval - 1) / interval
		first = time.Unix(first.Unix()+missed*interval, 0)
	}
	st.scheduleNextBackup(s, first)
}

// scheduleNextBackup takes a scheduled backup at the given time and then schedules the next one.
func (st *state) scheduleNextBackup(s *schedule, at time.Time) {
	s.next = st.clock.at(at, func() {
		if !s.disc.machine.deleted && !s.disc.isRestoring() {
			st.takeBackup(s.disc, s)
			st.prune(s)
		}
		next := at.Add(s.interval)
		// If the clock jumps far ahead, skip backups that would be removed again at once.
		if behind := st.clock.target.Sub(next) / s.interval; int64(behind) > int64(s.capacity) {
			next = next.Add((behind - time.Duration(s.capacity)) * s.interval)
		}
		st.scheduleNextBackup(s, next)
	})
}

// prune removes the oldest backups of a schedule that exceed its capacity.
func (st *state) prune(s *schedule) {
	for len(s.backups) > s.capacity {
		st.removeBackup(s.backups[0])
	}
}

func deleteSchedule(q *request) (response, error) {
	d, err := q.discForUpdate()
	if err != nil {
		return response{}, err
	}
	id, err := strconv.Atoi(q.args[4])
	s := q.schedules.get(id)
	if err != nil || s == nil || s.disc != d {
		return response{}, errNotFound
	}
	q.removeSchedule(s)
	return noContent, nil
}

func (st *state) removeSchedule(s *schedule) {
	s.next.cancel()
	s.disc.schedules = without(s.disc.schedules, s)
	st.schedules.remove(s.id)
}

// seconds returns n seconds, or the longest duration if that is shorter.
func seconds(n int) time.Duration {
	return time.Duration(min(int64(n), math.MaxInt64/int64(time.Second))) * time.Second
}
