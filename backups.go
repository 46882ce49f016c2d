package bigv

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
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

// Path returns a path that identifies the backup, its disc and its virtual machine by their IDs.
// Parents whose ID is 0 are left out. Errors show the label of the backup; String returns its
// ID.
func (b Backup) Path() BackupPath {
	if b.ParentDiscID <= 0 {
		return BackupID(b.ID)
	}
	disc := DiscID(b.ParentDiscID)
	if b.VirtualMachineID > 0 {
		disc = VirtualMachineID(b.VirtualMachineID).Disc(strconv.Itoa(b.ParentDiscID))
	}
	path := disc.Backup(strconv.Itoa(b.ID))
	path.name = b.Label
	return path
}

// TakenAt returns when the backup was taken. It is not an attribute of the service: it is the time in
// UTC at the end of the label, such as root-backup-20190304120000. TakenAt reports false if the label
// has another form, as that of a backup that was relabelled may have.
func (b Backup) TakenAt() (time.Time, bool) {
	_, digits, found := cutLast(b.Label, "-backup-")
	taken, err := time.Parse("20060102150405", digits)
	return taken, found && err == nil
}

// cutLast cuts a text around the last separator; strings.Cut cuts it around the first.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
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

// List returns the backups of a disc: GET {disc}/backups. They are in the order of the response, which
// the service does not define; it is usually the order of their IDs, so the oldest is the first. Sort
// them by Backup.TakenAt or by ID where the order matters.
func (s *BackupsService) List(ctx context.Context, disc DiscPath, opts ...CallOption) ([]Backup, error) {
	return list[Backup](ctx, clientOf(s), listing("list backups", below(disc, backupsRoute)), nil, opts)
}

// Get returns a backup. The service has no endpoint for a single one, so Get finds it by ID or
// label in the list of its disc: GET {disc}/backups. If it is not in the list, the error matches
// ErrNotFound.
func (s *BackupsService) Get(ctx context.Context, backup BackupPath, opts ...CallOption) (Backup, error) {
	const operation = "get backup"
	e, err := below(backup.disc, backupsRoute), checkPath(backup)
	if err == nil && backup.idOnly {
		err = errNoDisc
	}
	if err != nil {
		return Backup{}, notSent(operation, backup.display(), err)
	}
	matches := func(b Backup) bool {
		if backup.isID() {
			return strconv.Itoa(b.ID) == backup.backup
		}
		return b.Label == backup.backup
	}
	return findByName(ctx, clientOf(s), listing(operation, e.about(backup.display())), nil, matches, opts)
}

// Create takes a backup of a disc: POST {disc}/backups. The result has its Type set, unlike that of
// other methods that create something.
//
// The backup is billed from this moment. Create returns before the backup is in cold storage; Wait
// for InColdStorage. If the service responds without a body, the result is the zero Backup; find it
// with List.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, list the backups before calling Create again.
func (s *BackupsService) Create(ctx context.Context, disc DiscPath, opts ...CallOption) (Backup, error) {
	op := posting("create backup of disc", below(disc, backupsRoute), nil)
	return write[Backup](ctx, clientOf(s), op, nil, opts)
}

// Restore restores a disc to the state of a backup: PUT {disc}/backups/{backup}.
//
// Data written to the disc since the backup was taken is lost from the disc; the service first
// takes a backup of the current state. Restore returns before the disc is restored; use Discs.Wait
// with Restored. Restore is not idempotent, so it is never retried once the service may have
// processed it.
func (s *BackupsService) Restore(ctx context.Context, backup BackupPath, opts ...CallOption) error {
	op := puttingOnce("restore backup", resource(backup), restoreBody{Restore: true})
	return execute(ctx, clientOf(s), op, opts)
}

// restoreBody is the request body of Restore.
type restoreBody struct {
	Restore bool `json:"restore"`
}

// Purge destroys a backup: DELETE {disc}/backups/{backup}?purge=true. It cannot be undone: backups
// have no other kind of deletion. Purge is idempotent, so it is retried. If the backup does not exist,
// the error matches ErrNotFound.
func (s *BackupsService) Purge(ctx context.Context, backup BackupPath, opts ...CallOption) error {
	return execute(ctx, clientOf(s), deleting("purge backup", resource(backup).withQuery(purging)), opts)
}

// Wait polls a backup until the condition holds: GET {disc}/backups. Intervals and errors are those
// of VirtualMachines.Wait.
func (s *BackupsService) Wait(ctx context.Context, backup BackupPath, until BackupCondition, options WaitOptions,
	opts ...CallOption) (Backup, error) {
	poll := func(ctx context.Context) (Backup, error) { return s.Get(ctx, backup, opts...) }
	return wait(ctx, describe("backup", backup.display()), poll, until, options, func(b Backup, p *Poll) {
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
	if err == nil && backup.idOnly {
		err = errNoDisc
	}
	if err != nil {
		return BackupPath{}, notSent("resolve backup", backup.display(), err)
	}
	if isComplete(backup) {
		return backup, nil
	}
	disc, err := clientOf(s).Discs.Resolve(ctx, backup.disc, opts...)
	if err != nil {
		return BackupPath{}, err
	}
	return disc.Backup(backup.backup), nil
}

var errNoDisc = errors.New("path has no disc: build it with DiscPath.Backup, or use Backup.Path")

// resolveParents implements [childPath].
func (p BackupPath) resolveParents(ctx context.Context, c *Client) (resourcePath, error) {
	return c.Backups.Resolve(ctx, p)
}
