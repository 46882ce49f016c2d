package bigv

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/bigv-go/bigv/internal/route"
)

// Backup represents a backup of a disc. A backup is a disc itself: Size, StoragePool and Label are
// its own, and VirtualMachineID is that of the disc that was backed up.
type Backup struct {
	// Disc holds the attributes that a backup shares with discs. StorageGrade is Iceberg once the
	// backup is in cold storage.
	Disc
	ParentDiscID int  `json:"parent_disc_id"` // ID of the disc that was backed up
	Manual       bool `json:"manual"`         // whether it was taken by Create instead of a schedule
}

// Path returns a path that identifies the backup by its ID, on its disc and virtual machine by
// their IDs as far as the backup contains them.
func (b Backup) Path() BackupPath {
	switch {
	case b.ParentDiscID <= 0:
		return BackupID(b.ID)
	case b.VirtualMachineID <= 0:
		return DiscID(b.ParentDiscID).Backup(strconv.Itoa(b.ID))
	}
	return VirtualMachineID(b.VirtualMachineID).Disc(strconv.Itoa(b.ParentDiscID)).Backup(strconv.Itoa(b.ID))
}

// BackupCondition reports whether a backup is in the state that Wait waits for. If it returns an
// error, the wait ends with that error, since the state can no longer be reached. For a backup that
// does not exist it is called with the zero Backup.
type BackupCondition func(Backup) (bool, error)

// InColdStorage reports whether a backup is in cold storage, where it no longer depends on its
// disc.
func InColdStorage(backup Backup) (bool, error) { return backup.StorageGrade == Iceberg, nil }

// BackupsService takes, restores and destroys backups of discs.
//
// The service has no endpoint for a backup without its disc. Every method therefore needs a path
// with the disc, and returns an error for the result of BackupID without sending anything.
type BackupsService struct{ client *Client }

const backupsRoute = "/backups"

// List returns the backups of a disc: GET {disc}/backups.
func (s *BackupsService) List(ctx context.Context, disc DiscPath, opts ...CallOption) ([]Backup, error) {
	return list[Backup](ctx, s.client, "list backups", at(disc, backupsRoute), nil, opts)
}

// Get returns a backup. The service has no endpoint for a single one, so Get finds it by ID or
// label in the list of its disc: GET {disc}/backups. If it is not in the list, the error matches
// ErrNotFound.
func (s *BackupsService) Get(ctx context.Context, backup BackupPath, opts ...CallOption) (Backup, error) {
	const operation = "get backup"
	t, err := at(backup.disc, backupsRoute), checkPath(backup)
	if err == nil && backup.bare {
		err = errNoDisc
	}
	if err != nil {
		return Backup{}, notSent(operation, backup.String(), err)
	}
	return match(ctx, s.client, operation, backup, t, nil, func(b Backup) bool {
		if backup.isID() {
			return strconv.Itoa(b.ID) == backup.backup
		}
		return b.Label == backup.backup
	}, opts)
}

// Create takes a backup of a disc: POST {disc}/backups.
//
// The backup is billed from this moment. Create returns before the backup is in cold storage; Wait
// for InColdStorage. If the response of the service has no body, the result is the zero Backup;
// find it with List.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, list the backups before calling Create again.
func (s *BackupsService) Create(ctx context.Context, disc DiscPath, opts ...CallOption) (Backup, error) {
	return call[Backup](ctx, s.client, posting("create backup of disc"), at(disc, backupsRoute), nil, nil, opts)
}

// Restore restores a disc to the state of a backup: PUT {disc}/backups/{backup}.
//
// Data written to the disc since the backup was taken is lost from the disc; the service takes a
// backup of the current state first. Restore returns before the disc is restored; use Discs.Wait
// with Restored. Restore is never retried once the service may have processed it.
func (s *BackupsService) Restore(ctx context.Context, backup BackupPath, opts ...CallOption) error {
	return do(ctx, s.client, puttingOnce("restore backup"), at(backup, ""), restoreBody{Restore: true}, opts)
}

// restoreBody is the request body of Restore.
type restoreBody struct {
	Restore bool `json:"restore"`
}

// Purge destroys a backup: DELETE {disc}/backups/{backup}?purge=true. It cannot be undone: backups
// have no other kind of deletion.
func (s *BackupsService) Purge(ctx context.Context, backup BackupPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("purge backup"), at(backup, "").with(purging), nil, opts)
}

// Wait polls a backup until the condition holds: GET {disc}/backups. It polls at growing intervals,
// and handles errors, as VirtualMachines.Wait does.
func (s *BackupsService) Wait(ctx context.Context, backup BackupPath, until BackupCondition, options WaitOptions,
	opts ...CallOption) (Backup, error) {
	look := func(ctx context.Context) (Backup, error) { return s.Get(ctx, backup, opts...) }
	return wait(ctx, "backup "+backup.String(), look, until, options, func(b Backup, p *Poll) {
		p.Disc, p.State = b.Disc, b.state()
	})
}

// Resolve returns the full path of a backup, with its virtual machine, group and account. The path
// must contain the disc.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
func (s *BackupsService) Resolve(ctx context.Context, backup BackupPath, opts ...CallOption) (BackupPath, error) {
	err := cmp.Or(checkContext(ctx), checkPath(backup))
	if err == nil && backup.bare {
		err = errNoDisc
	}
	if err != nil {
		return BackupPath{}, notSent("resolve backup", backup.String(), err)
	}
	if isFull(backup) {
		return backup, nil
	}
	disc, err := s.client.Discs.Resolve(ctx, backup.disc, opts...)
	return disc.Backup(backup.backup), err
}

var errNoDisc = errors.New("the service finds a backup by its disc only: give the path of the disc too, as Backup.Path does")

// isID reports whether the path names the backup by ID rather than by label.
func (p BackupPath) isID() bool { return route.IsID(p.backup) }

func (p BackupPath) nested() (template string, depth int) { return backupTemplate, backupDepth }
func (p BackupPath) flat() string                         { return "" }
func (p BackupPath) text() string                         { return p.String() }
func (p BackupPath) parents(ctx context.Context, c *Client) (place, error) {
	return c.Backups.Resolve(ctx, p)
}

func (b Backup) identity() int { return b.ID }
