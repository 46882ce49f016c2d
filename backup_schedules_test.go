package bigv_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// BackupSchedules returns the rows of BackupSchedulesService.
func (wireRows) BackupSchedules() []wireRow {
	list := func(disc bigv.DiscPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.BackupSchedules.List(ctx, disc) }
	}
	create := func(disc bigv.DiscPath, schedule bigv.BackupSchedule) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return c.BackupSchedules.Create(ctx, disc, schedule)
		}
	}
	remove := func(disc bigv.DiscPath, id int) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return nil, c.BackupSchedules.Delete(ctx, disc, id)
		}
	}
	daily := bigv.BackupSchedule{StartAt: "00:00", Interval: 24 * time.Hour, Capacity: 3}
	made := bigv.BackupSchedule{ID: 324, StartAt: "2019-03-04T00:00:00+00:00", Interval: 24 * time.Hour, Capacity: 3}
	two := []bigv.BackupSchedule{made, {ID: 325, StartAt: "2017-06-01T00:00:00+01:00", Interval: 7 * 24 * time.Hour}}
	const schedules, dailyBody = rootURL + "/backup_schedules", ` {"start_at":"00:00","interval_seconds":86400,"capacity":3}`

	return []wireRow{
		{
			name: "BackupSchedules.List returns the schedules of the disc", call: list(root), want: two,
			responses: responses{"GET " + rootURL: "@disc_with_schedules.json"}, sent: []string{"GET " + rootURL},
		},
		{
			name: "BackupSchedules.List by the disc's ID is flat", call: list(bigv.DiscID(9001)), want: two,
			responses: responses{lookupDisc: "@disc_with_schedules.json"}, sent: []string{lookupDisc},
		},
		{
			name: "BackupSchedules.List in the flat style", opts: flat, call: list(root), want: []bigv.BackupSchedule{},
			responses: withVM(nil), sent: []string{lookupFlatDisc, lookupFlatVM},
		},
		{
			name: "BackupSchedules.List: a disc without schedules", call: list(root), want: []bigv.BackupSchedule{},
			responses: responses{"GET " + rootURL: `{"id":9001,"backup_schedules":[]}`}, sent: []string{"GET " + rootURL},
		},
		{
			name: "BackupSchedules.List of a disc that is not found", call: list(root),
			responses: responses{"GET " + rootURL: "404 no such thing"}, sent: []string{"GET " + rootURL},
			wantErr: []any{bigv.ErrNotFound},
		},
		{
			name: "BackupSchedules.List: a schedule of a wrong type", call: list(root), sent: []string{"GET " + rootURL},
			responses: responses{"GET " + rootURL: `{"id":9001,"backup_schedules":[{"id":324,"start_at":0}]}`},
			wantErr:   []any{bigv.ErrInvalidResponse},
		},
		{
			name: "BackupSchedules.List: numbers as strings", call: list(root), sent: []string{"GET " + rootURL},
			responses: responses{"GET " + rootURL: `{"id":9001,"backup_schedules":[{"id":"324","start_at":null,"capacity":null}]}`},
			want:      []bigv.BackupSchedule{{ID: 324}},
		},

		{
			name: "BackupSchedules.Create", call: create(root, daily), want: made,
			responses: responses{"POST " + schedules: "201 @backup_schedule.json"}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "BackupSchedules.Create in the flat style", opts: flat, call: create(root, daily), want: made,
			responses: responses{"POST " + schedules: "@backup_schedule.json"}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "BackupSchedules.Create by the disc's ID", call: create(bigv.DiscID(9001), daily), want: made,
			responses: withVM(responses{"POST " + nestedDisc + "/backup_schedules": "@backup_schedule.json"}),
			sent:      []string{lookupDisc, lookupVM, "POST " + nestedDisc + "/backup_schedules" + dailyBody},
		},
		{
			name: "BackupSchedules.Create: a response with start_date", call: create(root, daily),
			want:      bigv.BackupSchedule{ID: 9, StartAt: "2017-06-01T00:00:00+01:00", Interval: 24 * time.Hour},
			responses: responses{"POST " + schedules: `{"id":9,"start_date":"2017-06-01T00:00:00+01:00","interval_seconds":86400}`},
			sent:      []string{"POST " + schedules + dailyBody},
		},
		{
			name: "BackupSchedules.Create sends capacity 1 by default, and neither an ID nor an empty start", want: made,
			call:      create(root, bigv.BackupSchedule{ID: 7, Interval: 7 * 24 * time.Hour}),
			responses: responses{"POST " + schedules: "@backup_schedule.json"},
			sent:      []string{"POST " + schedules + ` {"interval_seconds":604800,"capacity":1}`},
		},
		{
			name: "BackupSchedules.Create sends the start unchanged", want: made,
			call:      create(root, bigv.BackupSchedule{StartAt: "2019-03-04 00:00:00 GMT", Interval: time.Minute, Capacity: 1}),
			responses: responses{"POST " + schedules: "@backup_schedule.json"},
			sent:      []string{"POST " + schedules + ` {"start_at":"2019-03-04 00:00:00 GMT","interval_seconds":60,"capacity":1}`},
		},
		{
			name: "BackupSchedules.Create with an empty response returns zero", call: create(root, daily), want: bigv.BackupSchedule{},
			responses: responses{"POST " + schedules: "null"}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "BackupSchedules.Create is not retried", call: create(root, daily), wantErr: []any{bigv.ErrOutcomeUnknown},
			responses: responses{"POST " + schedules: "502 "}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "BackupSchedules.Create: a 400 response with a single string", call: create(root, daily),
			sent:      []string{"POST " + schedules + dailyBody},
			responses: responses{"POST " + schedules: `400 {"interval_seconds":"Missing interval_seconds parameter"}`},
			wantErr:   []any{bigv.ErrBadRequest, "interval_seconds Missing interval_seconds parameter"},
		},

		{
			name: "BackupSchedules.Delete", call: remove(root, 324), responses: responses{"DELETE " + schedules + "/324": "204 "},
			sent: []string{"DELETE " + schedules + "/324"},
		},
		{
			name: "BackupSchedules.Delete in the flat style", opts: flat, call: remove(root, 324),
			responses: responses{"DELETE " + schedules + "/324": "200 {}"}, sent: []string{"DELETE " + schedules + "/324"},
		},
		{
			name: "BackupSchedules.Delete by the disc's ID", call: remove(bigv.DiscID(9001), 324),
			responses: withVM(responses{"DELETE " + nestedDisc + "/backup_schedules/324": "204 "}),
			sent:      []string{lookupDisc, lookupVM, "DELETE " + nestedDisc + "/backup_schedules/324"},
		},
		{
			name: "BackupSchedules.Delete: not found", call: remove(root, 324),
			responses: responses{"DELETE " + schedules + "/324": "404 no such thing"}, sent: []string{"DELETE " + schedules + "/324"},
			wantErr: []any{bigv.ErrNotFound, "delete backup schedule 324 of root.www1.web.acme"},
		},

		{
			name: "BackupSchedules.Create without an interval", call: create(root, bigv.BackupSchedule{StartAt: "00:00"}),
			wantErr: []any{"interval_seconds must be positive"},
		},
		{
			name:    "BackupSchedules.Create with a negative interval",
			call:    create(bigv.DiscID(9001), bigv.BackupSchedule{Interval: -time.Second}),
			wantErr: []any{"interval_seconds must be positive, got -1s"},
		},
		{
			name:    "BackupSchedules.Create with half a second",
			call:    create(bigv.DiscID(9001), bigv.BackupSchedule{Interval: 1500 * time.Millisecond}),
			wantErr: []any{"interval_seconds must be a whole number of seconds, got 1.5s"},
		},
		{
			name:    "BackupSchedules.Create with a negative capacity",
			call:    create(root, bigv.BackupSchedule{Interval: time.Second, Capacity: -1}),
			wantErr: []any{"capacity must not be negative, got -1"},
		},
		{
			name: "BackupSchedules.Create on nothing", call: create(bigv.DiscPath{}, daily),
			wantErr: []any{"path is empty"},
		},
		{
			name: "BackupSchedules.List of a zero path", call: list(bigv.DiscPath{}),
			wantErr: []any{"path is empty"},
		},
		{
			name: "BackupSchedules.Delete of ID 0", call: remove(root, 0),
			wantErr: []any{"backup schedule 0 is not an ID"},
		},
		{
			name: "VirtualMachines.Create with a backup schedule without an interval",
			call: func(ctx context.Context, c *bigv.Client) (any, error) {
				_, err := c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{
					Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600, BackupSchedules: []bigv.BackupSchedule{daily, {}}}},
				})
				return nil, err
			},
			wantErr: []any{"discs[0]: backup_schedules[1]", "interval_seconds must be positive"},
		},
	}
}

func TestBackupScheduleJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(bigv.BackupSchedule{ID: 1, StartAt: "00:00", Interval: 2 * time.Second, Capacity: 3})
	require.NoError(t, err)
	assert.Equal(t, `{"id":1,"start_at":"00:00","interval_seconds":2,"capacity":3}`, string(text))
	var back bigv.BackupSchedule
	require.NoError(t, json.NewDecoder(strings.NewReader(`{"start_date":"x","start_at":""}`)).Decode(&back))
	assert.Equal(t, bigv.BackupSchedule{StartAt: "x"}, back)
	assert.Error(t, json.Unmarshal([]byte(`{"id":[]}`), &back))
	require.NoError(t, json.Unmarshal([]byte(`{"interval_seconds":604800}`), &back))
	assert.Equal(t, 7*24*time.Hour, back.Interval)
	require.NoError(t, json.Unmarshal([]byte(`{"interval_seconds":9223372036854775807}`), &back))
	assert.Positive(t, back.Interval)
}

// BackupSchedules adds a schedule to the disc.
func (s fullServer) BackupSchedules(t *testing.T) {
	schedule := bigv.BackupSchedule{StartAt: "00:00", Interval: 24 * time.Hour, Capacity: 2}
	require.NoError(t, just(s.client.BackupSchedules.Create(t.Context(), root, schedule)))
}
