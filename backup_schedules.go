package bigv

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bigv-go/bigv/internal/wire"
)

// BackupSchedule says when backups of a disc are taken, and how many are kept.
type BackupSchedule struct {
	ID int `json:"id,omitzero"` // told by the service
	// StartAt is when the first is taken: 00:00, 2019-03-04 00:00:00 GMT, or ISO
	// 8601; UK time if it has no zone. The service tells it with its date.
	StartAt         Timestamp `json:"start_at,omitzero"`
	IntervalSeconds int       `json:"interval_seconds,omitzero"` // above zero: 86400 is daily, 604800 weekly
	Capacity        int       `json:"capacity,omitzero"`         // backups kept, each as large as the disc; 0 is 1
}

// Interval is the time between two backups.
func (s BackupSchedule) Interval() time.Duration {
	return time.Duration(s.IntervalSeconds) * time.Second
}

// UnmarshalJSON reads a schedule. Some services call its start start_date.
func (s *BackupSchedule) UnmarshalJSON(data []byte) error {
	type plain BackupSchedule
	var read struct {
		plain
		StartDate Timestamp `json:"start_date"`
	}
	if err := wire.Unmarshal(data, &read); err != nil {
		return err
	}
	*s = BackupSchedule(read.plain)
	s.StartAt = cmp.Or(s.StartAt, read.StartDate)
	return nil
}

func (s BackupSchedule) check() error {
	switch {
	case s.IntervalSeconds <= 0:
		return fmt.Errorf("a backup every %d seconds: the interval must be above zero", s.IntervalSeconds)
	case s.Capacity < 0:
		return fmt.Errorf("%d backups to keep: the capacity must not be below zero", s.Capacity)
	}
	return nil
}

// sent is the schedule as it travels to the service.
func (s BackupSchedule) sent() BackupSchedule {
	s.ID, s.Capacity = 0, cmp.Or(s.Capacity, 1)
	return s
}

// BackupSchedulesService manages when backups of discs are taken. A schedule
// cannot be changed: make another, then delete it.
type BackupSchedulesService struct{ client *Client }

const backupSchedulesRoute = "/backup_schedules"

// List returns the backup schedules of a disc. The service has no list of them;
// the disc tells its own: GET {disc}, or GET /discs/{ID} for an ID alone.
func (s *BackupSchedulesService) List(ctx context.Context, disc DiscPath, opts ...CallOption) ([]BackupSchedule, error) {
	d, err := s.client.Discs.Get(ctx, disc, opts...)
	if err == nil && d.BackupSchedules == nil {
		return []BackupSchedule{}, nil
	}
	return d.BackupSchedules, err
}

// Create has backups of a disc taken from now on: POST
// {disc}/backup_schedules. What is kept of them is billed. The call is never sent
// again after it may have been carried out. Its ID is 0 if the service does not
// tell it: see List.
func (s *BackupSchedulesService) Create(ctx context.Context, disc DiscPath, schedule BackupSchedule, opts ...CallOption) (BackupSchedule, error) {
	return call[BackupSchedule](ctx, s.client, posting("create backup schedule of disc"), at(disc, backupSchedulesRoute), schedule.sent(), nil, opts)
}

// Delete ends a backup schedule: DELETE {disc}/backup_schedules/{ID}. The backups
// that were taken stay.
func (s *BackupSchedulesService) Delete(ctx context.Context, disc DiscPath, id int, opts ...CallOption) error {
	t := at(disc, backupSchedulesRoute+"/{backup schedule}", strconv.Itoa(id)).of(strconv.Itoa(id) + " of " + disc.String())
	return do(ctx, s.client, deleting("delete backup schedule"), t, nil, opts)
}
