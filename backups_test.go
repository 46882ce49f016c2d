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

var (
	backup9100 = bigv.Backup{
		Disc: bigv.Disc{
			ID: 9100, Label: "root-backup-20190304120000", Size: 25600, StorageGrade: bigv.SATA, StoragePool: "tail3-sata1",
			VirtualMachineID: 5012, Type: "application/vnd.bigv.disc",
		},
		ParentDiscID: 9001, Manual: true,
	}
	backup9101 = bigv.Backup{
		Disc: bigv.Disc{
			ID: 9101, Label: "root-backup-20190303000000", Size: 25600, StorageGrade: bigv.Iceberg, StoragePool: "ice1",
			VirtualMachineID: 5012, Type: "application/vnd.bigv.disc",
		},
		ParentDiscID: 9001,
	}
	bothBackups = []bigv.Backup{backup9100, backup9101}
)

const (
	nestedDisc = nestedMachine + "/discs/9001"
	askDisc    = "GET /discs/9001"
	// What a disc by path is asked for in the flat style, and its machine.
	askFlatDisc    = "GET /discs?account_name=acme&group_name=web&vm_name=www1"
	askFlatMachine = "GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true"
)

func TestBackups(t *testing.T) {
	t.Parallel()
	list := func(disc bigv.DiscPath) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.List(ctx, disc) }
	}
	get := func(backup bigv.BackupPath) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.Get(ctx, backup) }
	}
	create := func(disc bigv.DiscPath) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.Create(ctx, disc) }
	}
	restore := func(backup bigv.BackupPath) func(context.Context, *bigv.Client) (any, error) {
		return none(func(ctx context.Context, c *bigv.Client) error { return c.Backups.Restore(ctx, backup) })
	}
	purge := func(backup bigv.BackupPath) func(context.Context, *bigv.Client) (any, error) {
		return none(func(ctx context.Context, c *bigv.Client) error { return c.Backups.Purge(ctx, backup) })
	}
	const alone = "by its disc only"
	nightly := root.Backup("nightly")
	byDiscID := bigv.DiscID(9001).Backup("9100")
	byMachineID := bigv.VirtualMachineID(5012).Disc("9001").Backup("9100")

	runServiceRows(t, []serviceRow{
		{
			name: "list by path", call: list(root), want: bothBackups,
			answers: map[string]string{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "list has no flat form", opts: flat, call: list(root), want: bothBackups,
			answers: map[string]string{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "list by the disc's ID finds its parents first", call: list(bigv.DiscID(9001)), want: bothBackups,
			answers: machineAnswers(map[string]string{"GET " + nestedDisc + "/backups": "@backups.json"}),
			sent:    []string{askDisc, askMachine, "GET " + nestedDisc + "/backups"},
		},
		{
			name: "an empty list", call: list(root), want: []bigv.Backup{},
			answers: map[string]string{"GET " + rootURL + "/backups": "[]"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "a list that ends too early", call: list(root), sent: []string{"GET " + rootURL + "/backups"},
			answers: map[string]string{"GET " + rootURL + "/backups": `[{"id":9100},`}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "a wrong type", call: list(root), sent: []string{"GET " + rootURL + "/backups"},
			answers: map[string]string{"GET " + rootURL + "/backups": `[{"id":9100,"manual":"yes"}]`}, wantErr: []any{bigv.ErrInvalidResponse, "manual"},
		},
		{
			name: "null and missing members are zero", call: list(root), want: []bigv.Backup{{Disc: bigv.Disc{ID: 9100}}},
			answers: map[string]string{"GET " + rootURL + "/backups": `[{"id":9100,"label":null,"manual":null,"parent_disc_id":null}]`},
			sent:    []string{"GET " + rootURL + "/backups"},
		},

		{
			name: "get by label, from the list", call: get(root.Backup("root-backup-20190303000000")), want: backup9101,
			answers: map[string]string{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "get by ID, from the list", call: get(root.Backup("9101")), want: backup9101,
			answers: map[string]string{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "get by IDs", call: get(byDiscID), want: backup9100,
			answers: machineAnswers(map[string]string{"GET " + nestedDisc + "/backups": "@backups.json"}),
			sent:    []string{askDisc, askMachine, "GET " + nestedDisc + "/backups"},
		},
		{
			name: "get of none", call: get(root.Backup("nightly")), sent: []string{"GET " + rootURL + "/backups"},
			answers: map[string]string{"GET " + rootURL + "/backups": "@backups.json"},
			wantErr: []any{bigv.ErrNotFound, "get backup nightly.root.www1.web.acme"},
		},

		{
			name: "create sends no body", call: create(root), want: backup9100,
			answers: map[string]string{"POST " + rootURL + "/backups": "201 @backup.json"}, sent: []string{"POST " + rootURL + "/backups"},
		},
		{
			name: "create in the flat style", opts: flat, call: create(root), want: backup9100,
			answers: map[string]string{"POST " + rootURL + "/backups": "@backup.json"}, sent: []string{"POST " + rootURL + "/backups"},
		},
		{
			name: "create by the disc's ID", call: create(bigv.DiscID(9001)), want: backup9100,
			answers: machineAnswers(map[string]string{"POST " + nestedDisc + "/backups": "@backup.json"}),
			sent:    []string{askDisc, askMachine, "POST " + nestedDisc + "/backups"},
		},
		{
			name: "create without an answer", call: create(root), want: bigv.Backup{},
			answers: map[string]string{"POST " + rootURL + "/backups": "204 "}, sent: []string{"POST " + rootURL + "/backups"},
		},
		{
			name: "create is never sent again", call: create(root), wantErr: []any{bigv.ErrOutcomeUnknown, "create backup of disc root.www1.web.acme"},
			answers: map[string]string{"POST " + rootURL + "/backups": "500 "}, sent: []string{"POST " + rootURL + "/backups"},
		},

		{
			name: "restore", call: restore(nightly), answers: map[string]string{"PUT " + rootURL + "/backups/nightly": "{}"},
			sent: []string{"PUT " + rootURL + `/backups/nightly {"restore":true}`},
		},
		{
			name: "restore relies on no answer", opts: flat, call: restore(nightly), answers: map[string]string{"PUT " + rootURL + "/backups/nightly": "202 soon"},
			sent: []string{"PUT " + rootURL + `/backups/nightly {"restore":true}`},
		},
		{
			name: "restore by IDs", call: restore(byDiscID),
			answers: machineAnswers(map[string]string{"PUT " + nestedDisc + "/backups/9100": "null"}),
			sent:    []string{askDisc, askMachine, "PUT " + nestedDisc + `/backups/9100 {"restore":true}`},
		},
		{
			name: "restore by IDs from the machine's on", call: restore(byMachineID),
			answers: machineAnswers(map[string]string{"PUT " + nestedDisc + "/backups/9100": "null"}),
			sent:    []string{askMachine, "PUT " + nestedDisc + `/backups/9100 {"restore":true}`},
		},
		{
			name: "restore is never sent again", call: restore(nightly), wantErr: []any{bigv.ErrOutcomeUnknown},
			answers: map[string]string{"PUT " + rootURL + "/backups/nightly": "502 "}, sent: []string{"PUT " + rootURL + `/backups/nightly {"restore":true}`},
		},

		{
			name: "purge", call: purge(nightly), answers: map[string]string{"DELETE " + rootURL + "/backups/nightly": "204 "},
			sent: []string{"DELETE " + rootURL + "/backups/nightly?purge=true"},
		},
		{
			name: "purge in the flat style", opts: flat, call: purge(nightly), answers: map[string]string{"DELETE " + rootURL + "/backups/nightly": "200 {}"},
			sent: []string{"DELETE " + rootURL + "/backups/nightly?purge=true"},
		},
		{
			name: "purge by IDs", call: purge(byDiscID),
			answers: machineAnswers(map[string]string{"DELETE " + nestedDisc + "/backups/9100": "204 "}),
			sent:    []string{askDisc, askMachine, "DELETE " + nestedDisc + "/backups/9100?purge=true"},
		},
		{
			name: "purge is sent again", call: purge(nightly), wantErr: []any{bigv.ErrServer},
			answers: map[string]string{"DELETE " + rootURL + "/backups/nightly": "502 "},
			sent:    []string{"DELETE " + rootURL + "/backups/nightly?purge=true", "DELETE " + rootURL + "/backups/nightly?purge=true"},
		},
		{
			name: "a hostile label is one segment", call: purge(root.Backup("a/../b?purge=false")),
			answers: map[string]string{"DELETE " + rootURL + "/backups/a%2F..%2Fb%3Fpurge=false": "204 "},
			sent:    []string{"DELETE " + rootURL + "/backups/a%2F..%2Fb%3Fpurge=false?purge=true"},
		},

		{name: "get by ID alone", call: get(bigv.BackupID(9100)), wantErr: []any{alone, "nothing was sent"}},
		{name: "restore by ID alone", call: restore(bigv.BackupID(9100)), wantErr: []any{"#9100", alone, "nothing was sent"}},
		{name: "purge by ID alone", opts: flat, call: purge(bigv.BackupID(9100)), wantErr: []any{alone, "nothing was sent"}},
		{name: "get of nothing", call: get(bigv.BackupPath{}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "restore of nothing", call: restore(bigv.BackupPath{}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "purge of nothing", call: purge(bigv.BackupPath{}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "list of nothing", call: list(bigv.DiscPath{}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "create of nothing", call: create(bigv.DiscPath{}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "get without a label", call: get(root.Backup("")), wantErr: []any{"is empty", "nothing was sent"}},
		{name: "purge without a label", call: purge(root.Backup("")), wantErr: []any{"backup is empty", "nothing was sent"}},
		{name: "purge without the disc's label", call: purge(www1.Disc("").Backup("nightly")), wantErr: []any{"disc is empty", "nothing was sent"}},
		{name: "restore of a backup called ..", call: restore(root.Backup("..")), wantErr: []any{"would name another endpoint", "nothing was sent"}},
		{name: "restore of a backup called .. by the disc's ID", call: restore(bigv.DiscID(9001).Backup("..")), wantErr: []any{"would name another endpoint", "nothing was sent"}},
	})
}

func TestBackupPath(t *testing.T) {
	t.Parallel()
	assert.Equal(t, bigv.VirtualMachineID(5012).Disc("9001").Backup("9100"), backup9100.Path())
	assert.Equal(t, bigv.DiscID(9001).Backup("9100"), bigv.Backup{Disc: bigv.Disc{ID: 9100}, ParentDiscID: 9001}.Path())
	assert.Equal(t, bigv.BackupID(9100), bigv.Backup{Disc: bigv.Disc{ID: 9100}}.Path())

	_, client := newDesk(t, machineAnswers(nil))
	full, err := client.Backups.Resolve(t.Context(), backup9100.Path())
	require.NoError(t, err)
	assert.Equal(t, "9100.9001.5012.77.acme", full.String())
	same, err := client.Backups.Resolve(t.Context(), full)
	require.NoError(t, err)
	assert.Equal(t, full, same)
	_, err = client.Backups.Resolve(t.Context(), bigv.BackupID(9100))
	assert.ErrorContains(t, err, "by its disc only")
}

func TestBackupJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(backup9100)
	require.NoError(t, err)
	var back bigv.Backup
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, backup9100, back)
}

func TestBackupsWait(t *testing.T) {
	t.Parallel()
	d, client := newDesk(t, map[string]string{"GET " + rootURL + "/backups": "@backups.json"})
	stored, err := client.Backups.Wait(t.Context(), root.Backup("9101"), bigv.InColdStorage, bigv.WaitOptions{})
	require.NoError(t, err)
	assert.Equal(t, backup9101, stored)
	assert.Equal(t, []string{"GET " + rootURL + "/backups"}, d.requests)

	ctx, cancel := context.WithCancelCause(t.Context())
	var polls []bigv.Poll
	last, err := client.Backups.Wait(ctx, root.Backup("9100"), bigv.InColdStorage, bigv.WaitOptions{OnPoll: func(p bigv.Poll) {
		polls = append(polls, p)
		cancel(errEnough)
	}})
	assert.ErrorIs(t, err, errEnough)
	assert.ErrorContains(t, err, "wait for backup 9100.root.www1.web.acme")
	assert.ErrorContains(t, err, "last seen: on sata")
	assert.Equal(t, backup9100, last)
	require.Len(t, polls, 1)
	assert.Equal(t, backup9100.Disc, polls[0].Disc)
}

func TestBackupSchedules(t *testing.T) {
	t.Parallel()
	list := func(disc bigv.DiscPath) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.BackupSchedules.List(ctx, disc) }
	}
	create := func(disc bigv.DiscPath, schedule bigv.BackupSchedule) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return c.BackupSchedules.Create(ctx, disc, schedule)
		}
	}
	remove := func(disc bigv.DiscPath, id int) func(context.Context, *bigv.Client) (any, error) {
		return none(func(ctx context.Context, c *bigv.Client) error { return c.BackupSchedules.Delete(ctx, disc, id) })
	}
	daily := bigv.BackupSchedule{StartAt: "00:00", IntervalSeconds: 86400, Capacity: 3}
	made := bigv.BackupSchedule{ID: 324, StartAt: "2019-03-04T00:00:00+00:00", IntervalSeconds: 86400, Capacity: 3}
	two := []bigv.BackupSchedule{made, {ID: 325, StartAt: "2017-06-01T00:00:00+01:00", IntervalSeconds: 604800}}
	const schedules, dailyBody = rootURL + "/backup_schedules", ` {"start_at":"00:00","interval_seconds":86400,"capacity":3}`

	runServiceRows(t, []serviceRow{
		{
			name: "list is what the disc tells", call: list(root), want: two,
			answers: map[string]string{"GET " + rootURL: "@disc_with_schedules.json"}, sent: []string{"GET " + rootURL},
		},
		{
			name: "list by the disc's ID is flat", call: list(bigv.DiscID(9001)), want: two,
			answers: map[string]string{askDisc: "@disc_with_schedules.json"}, sent: []string{askDisc},
		},
		{
			name: "list in the flat style", opts: flat, call: list(root), want: []bigv.BackupSchedule{},
			answers: machineAnswers(nil), sent: []string{askFlatDisc, askFlatMachine},
		},
		{
			name: "a disc without schedules", call: list(root), want: []bigv.BackupSchedule{},
			answers: map[string]string{"GET " + rootURL: `{"id":9001,"backup_schedules":[]}`}, sent: []string{"GET " + rootURL},
		},
		{
			name: "list of a disc that is not there", call: list(root), sent: []string{"GET " + rootURL},
			wantErr: []any{bigv.ErrNotFound},
		},
		{
			name: "a schedule of a wrong type", call: list(root), sent: []string{"GET " + rootURL},
			answers: map[string]string{"GET " + rootURL: `{"id":9001,"backup_schedules":[{"id":324,"start_at":0}]}`}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "numbers as strings", call: list(root), sent: []string{"GET " + rootURL},
			answers: map[string]string{"GET " + rootURL: `{"id":9001,"backup_schedules":[{"id":"324","start_at":null,"capacity":null}]}`},
			want:    []bigv.BackupSchedule{{ID: 324}},
		},

		{
			name: "create", call: create(root, daily), want: made,
			answers: map[string]string{"POST " + schedules: "201 @backup_schedule.json"}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "create in the flat style", opts: flat, call: create(root, daily), want: made,
			answers: map[string]string{"POST " + schedules: "@backup_schedule.json"}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "create by the disc's ID", call: create(bigv.DiscID(9001), daily), want: made,
			answers: machineAnswers(map[string]string{"POST " + nestedDisc + "/backup_schedules": "@backup_schedule.json"}),
			sent:    []string{askDisc, askMachine, "POST " + nestedDisc + "/backup_schedules" + dailyBody},
		},
		{
			name: "a start called start_date", call: create(root, daily), want: bigv.BackupSchedule{ID: 9, StartAt: "2017-06-01T00:00:00+01:00", IntervalSeconds: 86400},
			answers: map[string]string{"POST " + schedules: `{"id":9,"start_date":"2017-06-01T00:00:00+01:00","interval_seconds":86400}`},
			sent:    []string{"POST " + schedules + dailyBody},
		},
		{
			name: "no capacity is sent as 1, an ID is not sent, nor is no start", want: made,
			call:    create(root, bigv.BackupSchedule{ID: 7, IntervalSeconds: 604800}),
			answers: map[string]string{"POST " + schedules: "@backup_schedule.json"},
			sent:    []string{"POST " + schedules + ` {"interval_seconds":604800,"capacity":1}`},
		},
		{
			name: "a start of another form", want: made,
			call:    create(root, bigv.BackupSchedule{StartAt: "2019-03-04 00:00:00 GMT", IntervalSeconds: 60, Capacity: 1}),
			answers: map[string]string{"POST " + schedules: "@backup_schedule.json"},
			sent:    []string{"POST " + schedules + ` {"start_at":"2019-03-04 00:00:00 GMT","interval_seconds":60,"capacity":1}`},
		},
		{
			name: "create without an answer", call: create(root, daily), want: bigv.BackupSchedule{},
			answers: map[string]string{"POST " + schedules: "null"}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "create is never sent again", call: create(root, daily), wantErr: []any{bigv.ErrOutcomeUnknown},
			answers: map[string]string{"POST " + schedules: "502 "}, sent: []string{"POST " + schedules + dailyBody},
		},
		{
			name: "a refusal in a single string", call: create(root, daily), sent: []string{"POST " + schedules + dailyBody},
			answers: map[string]string{"POST " + schedules: `400 {"interval_seconds":"Missing interval_seconds parameter"}`},
			wantErr: []any{bigv.ErrBadRequest, "interval_seconds Missing interval_seconds parameter"},
		},

		{
			name: "delete", call: remove(root, 324), answers: map[string]string{"DELETE " + schedules + "/324": "204 "},
			sent: []string{"DELETE " + schedules + "/324"},
		},
		{
			name: "delete in the flat style", opts: flat, call: remove(root, 324), answers: map[string]string{"DELETE " + schedules + "/324": "200 {}"},
			sent: []string{"DELETE " + schedules + "/324"},
		},
		{
			name: "delete by the disc's ID", call: remove(bigv.DiscID(9001), 324),
			answers: machineAnswers(map[string]string{"DELETE " + nestedDisc + "/backup_schedules/324": "204 "}),
			sent:    []string{askDisc, askMachine, "DELETE " + nestedDisc + "/backup_schedules/324"},
		},
		{
			name: "delete of none", call: remove(root, 324), sent: []string{"DELETE " + schedules + "/324"},
			wantErr: []any{bigv.ErrNotFound, "delete backup schedule 324 of root.www1.web.acme"},
		},

		{name: "no interval", call: create(root, bigv.BackupSchedule{StartAt: "00:00"}), wantErr: []any{"the interval must be above zero", "nothing was sent"}},
		{name: "an interval below zero", call: create(bigv.DiscID(9001), bigv.BackupSchedule{IntervalSeconds: -1}), wantErr: []any{"every -1 seconds", "nothing was sent"}},
		{name: "a capacity below zero", call: create(root, bigv.BackupSchedule{IntervalSeconds: 1, Capacity: -1}), wantErr: []any{"-1 backups", "nothing was sent"}},
		{name: "create on nothing", call: create(bigv.DiscPath{}, daily), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "list of nothing", call: list(bigv.DiscPath{}), wantErr: []any{"the path names nothing", "nothing was sent"}},
		{name: "delete of ID 0", call: remove(root, 0), wantErr: []any{"backup schedule 0 is not an ID", "nothing was sent"}},
		{
			name: "a machine's disc without an interval", call: none(func(ctx context.Context, c *bigv.Client) error {
				_, err := c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{
					Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600, BackupSchedules: []bigv.BackupSchedule{daily, {}}}},
				})
				return err
			}), wantErr: []any{"discs[0]: backup_schedules[1]", "the interval must be above zero", "nothing was sent"},
		},
	})
}

func TestBackupScheduleJSON(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 24*time.Hour, bigv.BackupSchedule{IntervalSeconds: 86400}.Interval())
	text, err := json.Marshal(bigv.BackupSchedule{ID: 1, StartAt: "00:00", IntervalSeconds: 2, Capacity: 3})
	require.NoError(t, err)
	assert.Equal(t, `{"id":1,"start_at":"00:00","interval_seconds":2,"capacity":3}`, string(text))
	var back bigv.BackupSchedule
	require.NoError(t, json.NewDecoder(strings.NewReader(`{"start_date":"x","start_at":""}`)).Decode(&back))
	assert.Equal(t, bigv.BackupSchedule{StartAt: "x"}, back)
	assert.Error(t, json.Unmarshal([]byte(`{"id":[]}`), &back))
}
