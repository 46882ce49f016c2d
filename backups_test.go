package bigv_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
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
	nestedDisc = nestedVM + "/discs/9001"
	lookupDisc = "GET /discs/9001"
	// The requests for a disc by path in the flat style, and for its machine.
	lookupFlatDisc = "GET /discs?account_name=acme&group_name=web&vm_name=www1"
	lookupFlatVM   = "GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true"
)

// Backups returns the rows of BackupsService.
func (wireRows) Backups() []wireRow {
	list := func(disc bigv.DiscPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.List(ctx, disc) }
	}
	get := func(backup bigv.BackupPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.Get(ctx, backup) }
	}
	create := func(disc bigv.DiscPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.Create(ctx, disc) }
	}
	restore := func(backup bigv.BackupPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Backups.Restore(ctx, backup) }
	}
	purge := func(backup bigv.BackupPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Backups.Purge(ctx, backup) }
	}
	resolve := func(backup bigv.BackupPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Backups.Resolve(ctx, backup) }
	}
	wait := func(backup bigv.BackupPath) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return c.Backups.Wait(ctx, backup, bigv.InColdStorage, quickWait)
		}
	}
	resolved := acme.Group("77").VirtualMachine("5012").Disc("9001").Backup("9100")
	const alone = "path has no disc"
	nightly := root.Backup("nightly")
	byDiscID := bigv.DiscID(9001).Backup("9100")
	byMachineID := bigv.VirtualMachineID(5012).Disc("9001").Backup("9100")

	return []wireRow{
		{
			name: "Backups.List by path", call: list(root), want: bothBackups,
			responses: responses{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "Backups.List has no flat form", opts: flat, call: list(root), want: bothBackups,
			responses: responses{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "Backups.List by the disc's ID looks up the parents first", call: list(bigv.DiscID(9001)), want: bothBackups,
			responses: withVM(responses{"GET " + nestedDisc + "/backups": "@backups.json"}),
			sent:      []string{lookupDisc, lookupVM, "GET " + nestedDisc + "/backups"},
		},
		{
			name: "Backups.List: an empty list", call: list(root), want: []bigv.Backup{},
			responses: responses{"GET " + rootURL + "/backups": "[]"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "Backups.List: a truncated list", call: list(root), sent: []string{"GET " + rootURL + "/backups"},
			responses: responses{"GET " + rootURL + "/backups": `[{"id":9100},`}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "Backups.List: a wrong type", call: list(root), sent: []string{"GET " + rootURL + "/backups"},
			responses: responses{"GET " + rootURL + "/backups": `[{"id":9100,"manual":"yes"}]`},
			wantErr:   []any{bigv.ErrInvalidResponse, "manual"},
		},
		{
			name: "Backups.List: null and missing members are zero", call: list(root), want: []bigv.Backup{{Disc: bigv.Disc{ID: 9100}}},
			responses: responses{"GET " + rootURL + "/backups": `[{"id":9100,"label":null,"manual":null,"parent_disc_id":null}]`},
			sent:      []string{"GET " + rootURL + "/backups"},
		},

		{
			name: "Backups.Get by label, from the list", call: get(root.Backup("root-backup-20190303000000")), want: backup9101,
			responses: responses{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "Backups.Get by ID, from the list", call: get(root.Backup("9101")), want: backup9101,
			responses: responses{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
		},
		{
			name: "Backups.Get by IDs", call: get(byDiscID), want: backup9100,
			responses: withVM(responses{"GET " + nestedDisc + "/backups": "@backups.json"}),
			sent:      []string{lookupDisc, lookupVM, "GET " + nestedDisc + "/backups"},
		},
		{
			name: "Backups.Get: not found", call: get(root.Backup("nightly")), sent: []string{"GET " + rootURL + "/backups"},
			responses: responses{"GET " + rootURL + "/backups": "@backups.json"},
			wantErr:   []any{bigv.ErrNotFound, "get backup nightly.root.www1.web.acme"},
		},

		{
			name: "Backups.Create sends no body", call: create(root), want: backup9100,
			responses: responses{"POST " + rootURL + "/backups": "201 @backup.json"}, sent: []string{"POST " + rootURL + "/backups {}"},
		},
		{
			name: "Backups.Create in the flat style", opts: flat, call: create(root), want: backup9100,
			responses: responses{"POST " + rootURL + "/backups": "@backup.json"}, sent: []string{"POST " + rootURL + "/backups {}"},
		},
		{
			name: "Backups.Create by the disc's ID", call: create(bigv.DiscID(9001)), want: backup9100,
			responses: withVM(responses{"POST " + nestedDisc + "/backups": "@backup.json"}),
			sent:      []string{lookupDisc, lookupVM, "POST " + nestedDisc + "/backups {}"},
		},
		{
			name: "Backups.Create with an empty response returns zero", call: create(root), want: bigv.Backup{},
			responses: responses{"POST " + rootURL + "/backups": "204 "}, sent: []string{"POST " + rootURL + "/backups {}"},
		},
		{
			name: "Backups.Create is not retried", call: create(root),
			wantErr:   []any{bigv.ErrOutcomeUnknown, "create backup of disc root.www1.web.acme"},
			responses: responses{"POST " + rootURL + "/backups": "500 "}, sent: []string{"POST " + rootURL + "/backups {}"},
		},

		{
			name: "Backups.Restore", call: restore(nightly), responses: responses{"PUT " + rootURL + "/backups/nightly": "{}"},
			sent: []string{"PUT " + rootURL + `/backups/nightly {"restore":true}`},
		},
		{
			name: "Backups.Restore does not decode the response", opts: flat, call: restore(nightly),
			responses: responses{"PUT " + rootURL + "/backups/nightly": "202 [7]"},
			sent:      []string{"PUT " + rootURL + `/backups/nightly {"restore":true}`},
		},
		{
			name: "Backups.Restore by IDs", call: restore(byDiscID),
			responses: withVM(responses{"PUT " + nestedDisc + "/backups/9100": "null"}),
			sent:      []string{lookupDisc, lookupVM, "PUT " + nestedDisc + `/backups/9100 {"restore":true}`},
		},
		{
			name: "Backups.Restore by IDs of the machine, disc and backup", call: restore(byMachineID),
			responses: withVM(responses{"PUT " + nestedDisc + "/backups/9100": "null"}),
			sent:      []string{lookupVM, "PUT " + nestedDisc + `/backups/9100 {"restore":true}`},
		},
		{
			name: "Backups.Restore is not retried", call: restore(nightly), wantErr: []any{bigv.ErrOutcomeUnknown},
			responses: responses{"PUT " + rootURL + "/backups/nightly": "502 "},
			sent:      []string{"PUT " + rootURL + `/backups/nightly {"restore":true}`},
		},

		{
			name: "Backups.Purge", call: purge(nightly), responses: responses{"DELETE " + rootURL + "/backups/nightly": "204 "},
			sent: []string{"DELETE " + rootURL + "/backups/nightly?purge=true"},
		},
		{
			name: "Backups.Purge in the flat style", opts: flat, call: purge(nightly),
			responses: responses{"DELETE " + rootURL + "/backups/nightly": "200 {}"},
			sent:      []string{"DELETE " + rootURL + "/backups/nightly?purge=true"},
		},
		{
			name: "Backups.Purge by IDs", call: purge(byDiscID),
			responses: withVM(responses{"DELETE " + nestedDisc + "/backups/9100": "204 "}),
			sent:      []string{lookupDisc, lookupVM, "DELETE " + nestedDisc + "/backups/9100?purge=true"},
		},
		{
			name: "Backups.Purge is retried", call: purge(nightly), wantErr: []any{bigv.ErrServer},
			responses: responses{"DELETE " + rootURL + "/backups/nightly": "502 "},
			sent:      []string{"DELETE " + rootURL + "/backups/nightly?purge=true", "DELETE " + rootURL + "/backups/nightly?purge=true"},
		},
		{
			name: "Backups.Purge: a hostile label is one segment", call: purge(root.Backup("a/../b?purge=false")),
			responses: responses{"DELETE " + rootURL + "/backups/a%2F..%2Fb%3Fpurge=false": "204 "},
			sent:      []string{"DELETE " + rootURL + "/backups/a%2F..%2Fb%3Fpurge=false?purge=true"},
		},

		{name: "Backups.Get by ID alone", call: get(bigv.BackupID(9100)), wantErr: []any{alone}},
		{name: "Backups.Restore by ID alone", call: restore(bigv.BackupID(9100)), wantErr: []any{"#9100", alone}},
		{name: "Backups.Purge by ID alone", opts: flat, call: purge(bigv.BackupID(9100)), wantErr: []any{alone}},
		{name: "Backups.Get of a zero path", call: get(bigv.BackupPath{}), wantErr: []any{"path is empty"}},
		{
			name: "Backups.Restore of a zero path", call: restore(bigv.BackupPath{}),
			wantErr: []any{"path is empty"},
		},
		{name: "Backups.Purge of a zero path", call: purge(bigv.BackupPath{}), wantErr: []any{"path is empty"}},
		{name: "Backups.List of a zero path", call: list(bigv.DiscPath{}), wantErr: []any{"path is empty"}},
		{name: "Backups.Create of a zero path", call: create(bigv.DiscPath{}), wantErr: []any{"path is empty"}},
		{name: "Backups.Get without a label", call: get(root.Backup("")), wantErr: []any{"is empty"}},
		{name: "Backups.Purge without a label", call: purge(root.Backup("")), wantErr: []any{"backup is empty"}},
		{
			name: "Backups.Purge without the disc's label", call: purge(www1.Disc("").Backup("nightly")),
			wantErr: []any{"disc is empty"},
		},
		{
			name: "Backups.Restore of a backup called ..", call: restore(root.Backup("..")),
			wantErr: []any{"is not allowed"},
		},
		{
			name: "Backups.Restore of a backup called .. by the disc's ID", call: restore(bigv.DiscID(9001).Backup("..")),
			wantErr: []any{"is not allowed"},
		},

		{name: "Backups.Resolve of a full path sends nothing", call: resolve(resolved), want: resolved},
		{
			name: "Backups.Resolve of the path of a backup", call: resolve(backup9100.Path()), responses: withVM(nil),
			sent: []string{lookupVM}, want: resolved,
		},
		{name: "Backups.Resolve by ID alone", call: resolve(bigv.BackupID(9100)), wantErr: []any{alone}},
		{
			name: "Backups.Wait polls at once", call: wait(root.Backup("9101")),
			responses: responses{"GET " + rootURL + "/backups": "@backups.json"}, sent: []string{"GET " + rootURL + "/backups"},
			want: backup9101,
		},
		{
			name: "Backups.Wait polls until the condition holds", call: wait(root.Backup("9100")),
			responses: responses{
				"GET " + rootURL + "/backups": fakeserver.Sequence("@backups.json", `[{"id":9100,"storage_grade":"iceberg"}]`),
			},
			sent: []string{"GET " + rootURL + "/backups", "GET " + rootURL + "/backups"},
			want: bigv.Backup{Disc: bigv.Disc{ID: 9100, StorageGrade: bigv.Iceberg}},
		},
	}
}

func TestBackupPath(t *testing.T) {
	t.Parallel()
	assert.Equal(t, bigv.VirtualMachineID(5012).Disc("9001").Backup("9100").String(), backup9100.Path().String())
	assert.Equal(t, bigv.DiscID(9001).Backup("9100"), bigv.Backup{Disc: bigv.Disc{ID: 9100}, ParentDiscID: 9001}.Path())
	assert.Equal(t, bigv.BackupID(9100), bigv.Backup{Disc: bigv.Disc{ID: 9100}}.Path())
}

func TestBackupJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(backup9100)
	require.NoError(t, err)
	var back bigv.Backup
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, backup9100, back)
}

func TestBackupsWaitIsCancelled(t *testing.T) {
	t.Parallel()
	client := start(t, fakeserver.Table(t, responses{"GET " + rootURL + "/backups": "@backups.json"}))
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

// Backups takes a backup of the disc, and starts to restore it.
func (s fullServer) Backups(t *testing.T) {
	backup, err := s.client.Backups.Create(t.Context(), root)
	require.NoError(t, err)
	s.srv.Advance(24 * time.Hour) // until it is in cold storage
	require.NoError(t, s.client.Backups.Restore(t.Context(), root.Backup(backup.Label)))
}

// The time of a backup is that in its label, if it has one.
func TestBackupTakenAt(t *testing.T) {
	for label, want := range map[string]string{
		"root-backup-20190304120000": "2019-03-04T12:00:00Z", "a-backup-b-backup-20200229235959": "2020-02-29T23:59:59Z",
		"root-backup-20190231120000": "", "root-backup-2019": "", "nightly": "", "20190304120000": "", "": "", "x-backup-": "",
	} {
		taken, ok := bigv.Backup{Disc: bigv.Disc{Label: label}}.TakenAt()
		assert.Equal(t, want != "", ok, label)
		if ok {
			assert.Equal(t, want, taken.Format(time.RFC3339))
		}
	}
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").VirtualMachine("www1").Disc("root", 100)
	backup, err := srv.Client().Backups.Create(t.Context(), root)
	require.NoError(t, err)
	taken, ok := backup.TakenAt()
	assert.True(t, ok)
	assert.WithinDuration(t, srv.Now(), taken, time.Second)
}
