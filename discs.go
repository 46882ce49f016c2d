package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/bigv-go/bigv/internal/route"
)

// StorageGrade is a kind of storage. The service may know others: see
// Definitions.
type StorageGrade string

// Known storage grades.
const (
	SATA    StorageGrade = "sata" // the default
	SSD     StorageGrade = "ssd"
	Archive StorageGrade = "archive"
	SAS     StorageGrade = "sas"     // older discs only
	Iceberg StorageGrade = "iceberg" // backups only: in cold storage
)

// Disc is a disc of a virtual machine, or a backup of one.
type Disc struct {
	ID               int          `json:"id"`                 // never changes
	Label            string       `json:"label"`              // unique in its virtual machine, such as disc-1
	Size             int          `json:"size"`               // MiB
	StorageGrade     StorageGrade `json:"storage_grade"`      // what it is made of; see NewStorageGrade while it moves
	StoragePool      string       `json:"storage_pool"`       // where it is kept, such as tail3-sata1
	VirtualMachineID int          `json:"virtual_machine_id"` // of the machine it belongs to

	BackupCount     int              `json:"backup_count"`               // how many backups of it there are
	BackupsEnabled  bool             `json:"backups_enabled"`            // whether schedules are carried out
	BackupSchedules []BackupSchedule `json:"backup_schedules,omitempty"` // empty is none
	IOPSLimit       int              `json:"iops_limit,omitzero"`        // 0 is none

	// Where it goes while a restore or a migration runs; empty otherwise.
	NewStorageGrade StorageGrade `json:"new_storage_grade,omitzero"`
	NewStoragePool  string       `json:"new_storage_pool,omitzero"`

	// Detail for the service's staff; zero when not told.
	MigrationProgress int    `json:"migration_progress,omitzero"`
	MigrationETA      int    `json:"migration_eta,omitzero"`
	MigrationSpeed    int    `json:"migration_speed,omitzero"`
	ResourceName      string `json:"resource_name,omitzero"`

	Type string `json:"type,omitzero"` // with Overview only
}

// Path is the disc by ID.
func (d Disc) Path() DiscPath { return DiscID(d.ID) }

// DiscCreate is what a new disc is made of.
type DiscCreate struct {
	// Label is any text that does not look like a device, such as vda, and is
	// not all digits. Empty leaves it to the service: disc-1, disc-2, ...
	Label        string       `json:"label,omitzero"`
	Size         int          `json:"size"`                   // MiB, at least 50
	StorageGrade StorageGrade `json:"storage_grade,omitzero"` // empty is SATA
	// BackupSchedules are taken with a new virtual machine only.
	BackupSchedules []BackupSchedule `json:"backup_schedules,omitempty"`
}

func (d DiscCreate) check() error {
	if d.Size <= 0 {
		return fmt.Errorf("a disc of %d MiB: its size must be above zero", d.Size)
	}
	for i, schedule := range d.BackupSchedules {
		if err := schedule.check(); err != nil {
			return fmt.Errorf("backup_schedules[%d]: %w", i, err)
		}
	}
	if d.Label == "" {
		return nil
	}
	return checkNewName("the disc's label", d.Label)
}

// DiscUpdate is what is changed of a disc; nil is left as it is. Relabel and
// Move change the rest.
type DiscUpdate struct {
	Size         *int          `json:"size,omitzero"`          // MiB; discs grow and do not shrink
	StorageGrade *StorageGrade `json:"storage_grade,omitzero"` // ignored unless you are staff
	IOPSLimit    *int          `json:"iops_limit,omitzero"`    // ignored unless you are staff
}

func (d DiscUpdate) check() error {
	if d.Size != nil && *d.Size <= 0 {
		return fmt.Errorf("a disc of %d MiB: its size must be above zero", *d.Size)
	}
	return nil
}

// DiscListOptions says which discs to list.
type DiscListOptions struct {
	VirtualMachine VirtualMachinePath // zero is all discs you can see
}

// DiscsService manages discs.
type DiscsService struct{ client *Client }

// List returns discs: GET {virtual machine}/discs, or GET /discs for an ID
// alone, for all of them, and with FlatURLs.
func (s *DiscsService) List(ctx context.Context, options DiscListOptions, opts ...CallOption) ([]Disc, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list discs", t.subject(), err)
	}
	return list(ctx, s.client, "list discs", t, believe, opts)
}

// All hands out discs one at a time, as they arrive. It calls what List calls.
func (s *DiscsService) All(ctx context.Context, options DiscListOptions, opts ...CallOption) iter.Seq2[Disc, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[Disc](notSent("list discs", t.subject(), err))
	}
	return all(ctx, s.client, "list discs", t, believe, opts)
}

func (s *DiscsService) listing(ctx context.Context, options DiscListOptions) (target, func(Disc) error, error) {
	return ofMachine(ctx, s.client, options.VirtualMachine, "/discs", func(d Disc) int { return d.VirtualMachineID })
}

// Get returns a disc: GET {virtual machine}/discs/{disc}, or GET /discs/{ID} for
// an ID alone.
//
// With FlatURLs, and on a virtual machine by its ID alone, a label is looked for in
// the list of its machine, GET /discs?vm_id=5012, which is read whole; no disc of
// that label is ErrNotFound. An ID is read by GET /discs/{ID}, and is ErrNotFound
// if it is of another machine. Discs tell their machine by ID only, so a machine by
// name is looked up too, as VirtualMachines.Get does it: give its ID to save that.
func (s *DiscsService) Get(ctx context.Context, disc DiscPath, opts ...CallOption) (Disc, error) {
	const operation = "get disc"
	if disc.bare || s.client.style == NestedURLs && (disc.IsZero() || isFull(disc)) {
		return read[Disc](ctx, s.client, operation, at(disc, ""), opts)
	}
	t, believe, err := s.listing(ctx, DiscListOptions{VirtualMachine: disc.machine})
	if err = cmp.Or(checkPath(disc), err); err != nil {
		return Disc{}, notSent(operation, disc.String(), err)
	}
	if disc.isID() {
		return readHeld(ctx, s.client, operation, disc, at(bareDisc(disc.disc), ""), believe, opts)
	}
	return match(ctx, s.client, operation, disc, t, believe, func(d Disc) bool { return d.Label == disc.disc }, opts)
}

// Create adds a disc to a virtual machine: POST {virtual machine}/discs. It is
// billed from then on. The machine sees it after its next start; it has room for
// 8. The call is never sent again after it may have been carried out.
func (s *DiscsService) Create(ctx context.Context, vm VirtualMachinePath, disc DiscCreate, opts ...CallOption) (Disc, error) {
	if len(disc.BackupSchedules) > 0 {
		return Disc{}, notSent("create disc", vm.Disc(disc.Label).String(), errors.New("its backup schedules would be dropped: they are taken with a new virtual machine only"))
	}
	op, t := posting("create disc"), at(vm, "/discs")
	var again func(context.Context) (Disc, error)
	if disc.Label == "" {
		op.name = "create disc on virtual machine" // it has no name of its own yet
	} else {
		t = t.of(vm.Disc(disc.Label).String())
		again = func(ctx context.Context) (Disc, error) { return s.Get(ctx, vm.Disc(disc.Label)) }
	}
	return call(ctx, s.client, op, t, disc, again, opts)
}

// Update changes a disc: PUT {virtual machine}/discs/{disc}.
func (s *DiscsService) Update(ctx context.Context, disc DiscPath, update DiscUpdate, opts ...CallOption) (Disc, error) {
	return call(ctx, s.client, putting("update disc"), at(disc, ""), update, func(ctx context.Context) (Disc, error) {
		return s.Get(ctx, disc)
	}, opts)
}

// Resize makes a disc this large, in MiB. Discs grow and do not shrink. The file
// system on it does not grow along, and the price does.
func (s *DiscsService) Resize(ctx context.Context, disc DiscPath, size int, opts ...CallOption) (Disc, error) {
	return s.Update(ctx, disc, DiscUpdate{Size: &size}, opts...)
}

// Relabel gives a disc another label: PUT {virtual machine}/discs/{disc}. Paths
// with the old label are ErrNotFound from then on. It is never sent again by
// itself.
func (s *DiscsService) Relabel(ctx context.Context, disc DiscPath, label string, opts ...CallOption) (Disc, error) {
	return call(ctx, s.client, puttingOnce("relabel disc"), at(disc, ""), relabel{label}, func(ctx context.Context) (Disc, error) {
		if disc.isID() {
			return s.Get(ctx, disc)
		}
		return s.Get(ctx, disc.machine.Disc(label))
	}, opts)
}

type relabel struct {
	Label string `json:"label"`
}

func (r relabel) check() error { return checkNewName("the disc's label", r.Label) }

// Move gives a disc to another virtual machine: PUT {virtual machine}/discs/{disc}.
// Both must be off, and the first disc of a machine cannot be moved. It is never
// sent again by itself.
func (s *DiscsService) Move(ctx context.Context, disc DiscPath, to VirtualMachinePath, opts ...CallOption) (Disc, error) {
	err := checkPath(disc) // before the machine is looked up
	id := 0
	if err == nil {
		id, err = s.client.VirtualMachines.id(ctx, to)
	}
	if err != nil {
		return Disc{}, notSent("move disc", disc.String(), err)
	}
	return call(ctx, s.client, puttingOnce("move disc"), at(disc, ""), moveDisc{id}, func(ctx context.Context) (Disc, error) {
		return s.Get(ctx, to.Disc(disc.disc))
	}, opts)
}

type moveDisc struct {
	VirtualMachineID int `json:"virtual_machine_id"`
}

// Purge destroys a disc and all that is on it, for good: DELETE {virtual
// machine}/discs/{disc}?purge=true, or DELETE /discs/{ID}?purge=true for an ID
// alone. Discs have no other delete. The machine must be off.
func (s *DiscsService) Purge(ctx context.Context, disc DiscPath, opts ...CallOption) error {
	t := at(disc, "")
	if disc.bare {
		t = under("/discs/{disc}", disc.disc).of(disc.String())
	}
	return do(ctx, s.client, deleting("purge disc"), t.with(purging), nil, opts)
}

type purgeQuery struct {
	Purge bool `url:"purge,omitempty"`
}

var purging = purgeQuery{Purge: true}

// Resolve finds the virtual machine, group and account of a disc that is named
// by ID alone, and returns its full path.
func (s *DiscsService) Resolve(ctx context.Context, disc DiscPath, opts ...CallOption) (DiscPath, error) {
	if err := cmp.Or(checkContext(ctx), checkPath(disc)); err != nil {
		return DiscPath{}, notSent("resolve disc", disc.String(), err)
	}
	if isFull(disc) {
		return disc, nil
	}
	vm := disc.machine
	if disc.bare {
		d, err := s.Get(ctx, disc, opts...)
		if err != nil {
			return DiscPath{}, err
		}
		if d.VirtualMachineID <= 0 {
			return DiscPath{}, errors.New("the service does not say which virtual machine the disc belongs to")
		}
		vm = VirtualMachineID(d.VirtualMachineID)
	}
	vm, err := s.client.VirtualMachines.Resolve(ctx, vm, opts...)
	return vm.Disc(disc.disc), err
}

func (p DiscPath) nested() (template string, depth int) { return discTemplate, discDepth }
func (p DiscPath) flat() string                         { return "/discs" }
func (p DiscPath) text() string                         { return p.String() }
func (p DiscPath) parents(ctx context.Context, c *Client) (place, error) {
	return c.Discs.Resolve(ctx, p)
}

// machineQuery names a group and its account as the flat lists want them.
type machineQuery struct {
	accountQuery
	GroupID   string `url:"group_id,omitempty"`
	GroupName string `url:"group_name,omitempty"`
}

func (c *Client) machineQuery(group GroupPath) (q machineQuery, err error) {
	if group.IsZero() {
		return q, nil
	}
	if route.IsID(group.group) {
		q.GroupID = group.group
	} else {
		q.GroupName = group.group
	}
	account, err := c.named(group.account)
	if account != "" {
		q.accountQuery = account.query()
	}
	if err == nil && account == "" && !group.bare {
		err = fmt.Errorf("account %w", route.ErrEmpty)
	}
	return q, err
}

func equalNames(a, b string) bool { return strings.EqualFold(a, b) }

func (d Disc) identity() int { return d.ID }
