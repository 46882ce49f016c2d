package bigv

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/bigv-go/bigv/internal/jsonwire"
)

// BackupSchedule describes when backups of a disc are taken, and how many are kept.
type BackupSchedule struct {
	ID int `json:"id,omitzero"` // assigned by the service; ignored by Create
	// StartAt is the time of the first backup: 00:00, 2019-03-04 00:00:00 GMT or ISO 8601, in UK
	// time if it has no zone. The service returns it with a date.
	StartAt Timestamp `json:"start_at,omitzero"`
	// Interval is the time from one backup to the next. It is required, in whole seconds: 24*time.Hour
	// is daily, 7*24*time.Hour weekly. In JSON it is a number of seconds.
	Interval time.Duration `json:"interval_seconds,omitzero"`
	Capacity int           `json:"capacity,omitzero"` // number of backups to keep; 0 means 1
}

// scheduleJSON is the JSON form of a BackupSchedule.
type scheduleJSON struct {
	ID              int       `json:"id,omitzero"`
	StartAt         Timestamp `json:"start_at,omitzero"`
	StartDate       Timestamp `json:"start_date,omitzero"`
	IntervalSeconds int64     `json:"interval_seconds,omitzero"`
	Capacity        int       `json:"capacity,omitzero"`
}

// MarshalJSON implements json.Marshaler.
func (s BackupSchedule) MarshalJSON() ([]byte, error) {
	return jsonwire.Marshal(scheduleJSON{
		ID: s.ID, StartAt: s.StartAt, IntervalSeconds: int64(s.Interval / time.Second), Capacity: s.Capacity,
	}, nil)
}

// UnmarshalJSON implements json.Unmarshaler. It also accepts start_date, which some deployments
// send instead of start_at.
func (s *BackupSchedule) UnmarshalJSON(data []byte) error {
	var read scheduleJSON
	if err := jsonwire.Unmarshal(data, &read); err != nil {
		return err
	}
	interval := time.Duration(min(read.IntervalSeconds, maxSeconds)) * time.Second
	*s = BackupSchedule{ID: read.ID, StartAt: cmp.Or(read.StartAt, read.StartDate), Interval: interval, Capacity: read.Capacity}
	return nil
}

// maxSeconds is the number of seconds of the longest duration.
const maxSeconds = int64(math.MaxInt64 / time.Second)

// validate returns an error if the interval or the capacity is out of range.
func (s BackupSchedule) validate() error {
	switch {
	case s.Interval <= 0:
		return fmt.Errorf("interval_seconds must be positive, got %s: set Interval, daily is 24*time.Hour", s.Interval)
	case s.Interval%time.Second != 0:
		return fmt.Errorf("interval_seconds must be a whole number of seconds, got %s", s.Interval)
	case s.Capacity < 0:
		return fmt.Errorf("capacity must not be negative, got %d", s.Capacity)
	}
	return nil
}

// sent returns the schedule in the form of a request.
func (s BackupSchedule) sent() BackupSchedule {
	s.ID, s.Capacity = 0, cmp.Or(s.Capacity, 1)
	return s
}

// BackupSchedulesService manages the backup schedules of discs. A schedule cannot be changed;
// create a new one and delete the old one.
type BackupSchedulesService struct{ client *Client }

const backupSchedulesRoute = "/backup_schedules"

// List returns the backup schedules of a disc. The service has no list of schedules, so List reads
// the disc: GET {disc}, or GET /discs/{ID} for a path with an ID alone.
func (s *BackupSchedulesService) List(ctx context.Context, disc DiscPath, opts ...CallOption) ([]BackupSchedule, error) {
	d, err := clientOf(s).Discs.Get(ctx, disc, opts...)
	if err == nil && d.BackupSchedules == nil {
		return []BackupSchedule{}, nil
	}
	return d.BackupSchedules, err
}

// Create creates a backup schedule for a disc: POST {disc}/backup_schedules. The backups that it
// keeps are billed.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, list the schedules before calling Create again. If the service
// responds without a body, the result is the zero BackupSchedule; find it with List.
func (s *BackupSchedulesService) Create(ctx context.Context, disc DiscPath, schedule BackupSchedule,
	opts ...CallOption) (BackupSchedule, error) {
	op := posting("create backup schedule of disc", below(disc, backupSchedulesRoute), schedule.sent())
	return write[BackupSchedule](ctx, clientOf(s), op, nil, opts)
}

// Delete deletes a backup schedule: DELETE {disc}/backup_schedules/{ID}. Whether the backups that it
// has taken are kept is not documented. Delete is idempotent, so it is retried.
func (s *BackupSchedulesService) Delete(ctx context.Context, disc DiscPath, id int, opts ...CallOption) error {
	e := below(disc, backupSchedulesRoute+"/{backup schedule}", strconv.Itoa(id)).about(strconv.Itoa(id) + " of " + disc.display())
	return execute(ctx, clientOf(s), deleting("delete backup schedule", e), opts)
}

// objectID implements [identified].
func (s BackupSchedule) objectID() int { return s.ID }
