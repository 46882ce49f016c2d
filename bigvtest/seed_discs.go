package bigvtest

import (
	"time"

	"github.com/bigv-go/bigv"
)

// Disc is a disc of a virtual machine. Its methods bypass permission checks.
type Disc struct {
	s *Server
	d *disc
}

// Disc returns the virtual machine's disc with the given label or ID. If there is none, it creates one
// of the given size in MiB.
func (vm *VirtualMachine) Disc(label string, size int) (found *Disc) {
	vm.s.withLock(func() {
		vm.s.checkExists("virtual machine", vm.m.name, vm.m.purged)
		d := vm.s.state.findDisc(vm.m, label)
		if d == nil {
			d = &disc{label: label, size: size, grade: storageGrades[0]}
			vm.s.state.addDisc(vm.m, d)
		}
		found = &Disc{vm.s, d}
	})
	return found
}

// ID returns the disc's ID.
func (d *Disc) ID() int { return d.d.id }

// Path returns a path that identifies the disc by its current names.
func (d *Disc) Path() (path bigv.DiscPath) {
	d.s.withLock(func() {
		m := d.d.machine
		path = bigv.AccountPath(m.group.account.name).Group(m.group.name).VirtualMachine(m.name).Disc(d.d.label)
	})
	return path
}

// DiscState describes a disc at one moment.
type DiscState struct {
	// Exists reports whether the disc still exists.
	Exists bool
	// ID is the disc's ID. It never changes.
	ID int
	// Label is the current label.
	Label string
	// Size is the size in MiB.
	Size int
	// StorageGrade is the current storage grade. It is iceberg while a backup is being restored.
	StorageGrade string
	// Backups is the number of backups.
	Backups int
	// Schedules is the number of backup schedules.
	Schedules int
	// RestoredFrom is the ID of the backup that the disc was last restored from. It is 0 if there was
	// none.
	RestoredFrom int
}

// State returns the current state of the disc.
func (d *Disc) State() (state DiscState) {
	d.s.withLock(func() { state = d.d.state() })
	return state
}

func (d *disc) state() DiscState {
	return DiscState{
		Exists: !d.purged, ID: d.id, Label: d.label, Size: d.size, StorageGrade: d.grade,
		Backups: len(d.backups), Schedules: len(d.schedules), RestoredFrom: d.restoredFrom,
	}
}

// BackupState describes a backup at one moment.
type BackupState struct {
	// ID is the backup's ID. It never changes.
	ID int
	// Label is the backup's label.
	Label string
	// Size is the size in MiB.
	Size int
	// StorageGrade is iceberg once the backup is complete.
	StorageGrade string
	// Manual reports whether the backup was taken on request instead of by a schedule.
	Manual bool
	// Time is the time of the server's clock when the backup was taken.
	Time time.Time
}

// Backups returns the backups of the disc, ordered by ID.
func (d *Disc) Backups() (list []BackupState) {
	d.s.withLock(func() {
		for _, b := range d.d.backups {
			list = append(list, BackupState{b.id, b.label, b.size, b.grade, b.manual, b.created})
		}
	})
	return list
}

// AddBackup adds a complete backup, as if it had been taken on request at the given time, and returns its
// ID.
func (d *Disc) AddBackup(at time.Time) (id int) {
	d.s.withLock(func() {
		d.s.checkExists("disc", d.d.label, d.d.purged)
		b := d.s.state.addBackup(d.d, nil, at)
		b.moveToIceberg()
		id = b.id
	})
	return id
}
