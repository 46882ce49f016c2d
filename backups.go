package bigv

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/bigv-go/bigv/internal/route"
)

// Backup is a backup of a disc, which is a disc itself: its size, place and label
// are those of the backup. VirtualMachineID is the machine of the disc that it is
// of.
type Backup struct {
	// A backup has all that a disc has; its StorageGrade is Iceberg once it is safe.
	Disc
	ParentDiscID int  `json:"parent_disc_id"` // the disc that it is of
	Manual       bool `json:"manual"`         // taken by Create, and not by a schedule
}

// Path is the backup by ID, with as much as it tells of the disc that it is of.
func (b Backup) Path() BackupPath {
	switch {
	case b.ParentDiscID <= 0:
		return BackupID(b.ID)
	case b.VirtualMachineID <= 0:
		return DiscID(b.ParentDiscID).Backup(strconv.Itoa(b.ID))
	}
	return VirtualMachineID(b.VirtualMachineID).Disc(strconv.Itoa(b.ParentDiscID)).Backup(strconv.Itoa(b.ID))
}

// BackupCondition says whether a backup is in the state that is waited for. An
// error ends the wait: this will never come true. A backup that does not exist is
// zero.
type BackupCondition func(Backup) (bool, error)

// InColdStorage waits until a backup is in cold storage, safe from what happens
// to its disc.
func InColdStorage(backup Backup) (bool, error) { return backup.StorageGrade == Iceberg, nil }

// BackupsService manages backups of discs. There is no flat form of them: a path
// must say the disc, so BackupID alone is an error, and nothing is sent.
type BackupsService struct{ client *Client }

const backupsRoute = "/backups"

// List returns the backups of a disc: GET {disc}/backups.
func (s *BackupsService) List(ctx context.Context, disc DiscPath, opts ...CallOption) ([]Backup, error) {
	return list[Backup](ctx, s.client, "list backups", at(disc, backupsRoute), nil, opts)
}

// Get returns a backup. The service has no endpoint for one, so it is the one of
// its ID or label in GET {disc}/backups.
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

// Create takes a backup of a disc now: POST {disc}/backups. It is billed from
// then on. It comes back at once, still on the disc's own grade: Wait for
// InColdStorage. The call is never sent again after it may have been carried out.
// The backup is zero if the service does not tell it: see List.
func (s *BackupsService) Create(ctx context.Context, disc DiscPath, opts ...CallOption) (Backup, error) {
	return call[Backup](ctx, s.client, posting("create backup of disc"), at(disc, backupsRoute), nil, nil, opts)
}

// Restore puts a disc back to the state of a backup: PUT {disc}/backups/{backup}.
// What was written since is gone from the disc, but the service takes a backup of
// its present state first. It comes back at once: Discs.Wait for Restored on the
// disc. It is never sent again by itself.
func (s *BackupsService) Restore(ctx context.Context, backup BackupPath, opts ...CallOption) error {
	return do(ctx, s.client, puttingOnce("restore backup"), at(backup, ""), restoreBody{Restore: true}, opts)
}

type restoreBody struct {
	Restore bool `json:"restore"`
}

// Purge destroys a backup for good: DELETE {disc}/backups/{backup}?purge=true.
// Backups have no other delete.
func (s *BackupsService) Purge(ctx context.Context, backup BackupPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("purge backup"), at(backup, "").with(purging), nil, opts)
}

// Wait looks at a backup until a condition comes true, as VirtualMachines.Wait
// does: GET {disc}/backups.
func (s *BackupsService) Wait(ctx context.Context, backup BackupPath, until BackupCondition, options WaitOptions, opts ...CallOption) (Backup, error) {
	look := func(ctx context.Context) (Backup, error) { return s.Get(ctx, backup, opts...) }
	return wait(ctx, "backup "+backup.String(), look, until, options, func(b Backup, p *Poll) {
		p.Disc, p.State = b.Disc, b.state()
	})
}

// Resolve finds the virtual machine, group and account of a backup whose path
// says the disc, and returns its full path.
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

func (p BackupPath) isID() bool { return route.IsID(p.backup) }

func (p BackupPath) nested() (template string, depth int) { return backupTemplate, backupDepth }
func (p BackupPath) flat() string                         { return "" }
func (p BackupPath) text() string                         { return p.String() }
func (p BackupPath) parents(ctx context.Context, c *Client) (place, error) {
	return c.Backups.Resolve(ctx, p)
}

func (b Backup) identity() int { return b.ID }
