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

// StorageGrade is a class of storage. The service may offer grades that have no constant here;
// Definitions lists the current ones.
type StorageGrade string

// Storage grades that the service is known to offer.
const (
	SATA    StorageGrade = "sata"    // the default
	SSD     StorageGrade = "ssd"     // solid-state storage
	Archive StorageGrade = "archive" // archive storage
	SAS     StorageGrade = "sas"     // older discs only
	Iceberg StorageGrade = "iceberg" // cold storage, for backups only
)

// Disc represents a disc of a virtual machine, or a backup of one.
type Disc struct {
	ID               int          `json:"id"`                 // unique at the service, never changes
	Label            string       `json:"label"`              // unique in its virtual machine, such as "disc-1"
	Size             int          `json:"size"`               // MiB
	StorageGrade     StorageGrade `json:"storage_grade"`      // current grade; see NewStorageGrade
	StoragePool      string       `json:"storage_pool"`       // where it is stored, such as "tail3-sata1"
	VirtualMachineID int          `json:"virtual_machine_id"` // ID of the machine it belongs to

	BackupCount     int              `json:"backup_count"`               // number of backups it has
	BackupsEnabled  bool             `json:"backups_enabled"`            // whether its backup schedules are active
	BackupSchedules []BackupSchedule `json:"backup_schedules,omitempty"` // empty if it has none
	IOPSLimit       int              `json:"iops_limit,omitzero"`        // operations per second; 0 means no limit

	// NewStorageGrade is the grade that a running restore or migration moves the disc to; empty if
	// none is running.
	NewStorageGrade StorageGrade `json:"new_storage_grade,omitzero"`
	// NewStoragePool is the pool that a running restore or migration moves the disc to; empty if
	// none is running.
	NewStoragePool string `json:"new_storage_pool,omitzero"`

	MigrationProgress int    `json:"migration_progress,omitzero"` // reported to staff only; otherwise 0
	MigrationETA      int    `json:"migration_eta,omitzero"`      // reported to staff only; otherwise 0
	MigrationSpeed    int    `json:"migration_speed,omitzero"`    // reported to staff only; otherwise 0
	ResourceName      string `json:"resource_name,omitzero"`      // reported to staff only; otherwise empty

	Type string `json:"type,omitzero"` // media type; set only with Overview
}

// Path returns a path that identifies the disc by its ID.
func (d Disc) Path() DiscPath { return DiscID(d.ID) }

// DiscCreate holds the attributes of a new disc.
type DiscCreate struct {
	// Label is any text that is not all digits and does not look like a device name, such as "vda".
	// If it is empty, the service chooses one: disc-1, disc-2 and so on.
	Label        string       `json:"label,omitzero"`
	Size         int          `json:"size"`                   // required: MiB, at least 50
	StorageGrade StorageGrade `json:"storage_grade,omitzero"` // empty means SATA
	// BackupSchedules are accepted for the discs of VirtualMachines.Create only. For other discs
	// use BackupSchedules.Create.
	BackupSchedules []BackupSchedule `json:"backup_schedules,omitempty"`
}

// check returns an error if the attributes are invalid for a new disc.
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

// DiscUpdate holds the changes to a disc. A nil field is not sent, and the attribute keeps its
// value. Use Relabel and Move to change the label and the virtual machine.
type DiscUpdate struct {
	Size         *int          `json:"size,omitzero"`          // MiB; must not be less than the current size
	StorageGrade *StorageGrade `json:"storage_grade,omitzero"` // ignored unless the caller is staff
	IOPSLimit    *int          `json:"iops_limit,omitzero"`    // ignored unless the caller is staff
}

// check returns an error if the size is not above zero.
func (d DiscUpdate) check() error {
	if d.Size != nil && *d.Size <= 0 {
		return fmt.Errorf("a disc of %d MiB: its size must be above zero", *d.Size)
	}
	return nil
}

// DiscListOptions selects the discs to list.
type DiscListOptions struct {
	VirtualMachine VirtualMachinePath // zero means all discs that the caller can see
}

// DiscsService creates, changes, moves and destroys discs of virtual machines.
type DiscsService struct{ client *Client }

// List returns the discs that the options select: GET {virtual machine}/discs.
//
// It calls GET /discs if the options name no virtual machine or one by its ID alone, or if the
// client uses FlatURLs.
func (s *DiscsService) List(ctx context.Context, options DiscListOptions, opts ...CallOption) ([]Disc, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list discs", t.subject(), err)
	}
	return list(ctx, s.client, "list discs", t, believe, opts)
}

// All returns an iterator over the discs that the options select. It calls the endpoint of List and
// yields each disc as it arrives. If the call fails, the iterator yields a zero Disc with the error
// and stops.
func (s *DiscsService) All(ctx context.Context, options DiscListOptions, opts ...CallOption) iter.Seq2[Disc, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[Disc](notSent("list discs", t.subject(), err))
	}
	return all(ctx, s.client, "list discs", t, believe, opts)
}

// listing returns the endpoint of a list, and a function that verifies that a disc of the response
// matches the options.
func (s *DiscsService) listing(ctx context.Context, options DiscListOptions) (target, func(Disc) error, error) {
	return ofMachine(ctx, s.client, options.VirtualMachine, "/discs", func(d Disc) int { return d.VirtualMachineID })
}

// Get returns a disc: GET {virtual machine}/discs/{disc}, or GET /discs/{ID} for a path with an ID
// alone.
//
// If the disc does not exist, or the caller may not see it, the error matches ErrNotFound.
//
// With FlatURLs, or if the path names the virtual machine by its ID alone, Get finds a disc by
// label in the list of its machine: GET /discs?vm_id=5012, which is read completely. A disc by ID
// is read with GET /discs/{ID}; if it belongs to another machine, the error matches ErrNotFound.
// The response contains only the ID of the machine, so a machine by name is read too, as
// VirtualMachines.Get does; use a path with its ID to save that request.
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

// Create adds a disc to a virtual machine: POST {virtual machine}/discs.
//
// The disc is billed from this moment. A virtual machine can have up to 8 discs. Its system sees
// the disc after the next start.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, list the discs of the machine before calling Create again.
func (s *DiscsService) Create(ctx context.Context, vm VirtualMachinePath, disc DiscCreate, opts ...CallOption) (Disc, error) {
	if len(disc.BackupSchedules) > 0 {
		return Disc{}, notSent("create disc", vm.Disc(disc.Label).String(),
			errors.New("its backup schedules would be dropped: they are taken with a new virtual machine only"))
	}
	op, t := posting("create disc"), at(vm, "/discs")
	var again func(context.Context) (Disc, error)
	if disc.Label == "" {
		op.name = "create disc on virtual machine" // the service chooses the label
	} else {
		t = t.of(vm.Disc(disc.Label).String())
		again = func(ctx context.Context) (Disc, error) { return s.Get(ctx, vm.Disc(disc.Label)) }
	}
	return call(ctx, s.client, op, t, disc, again, opts)
}

// Update changes a disc: PUT {virtual machine}/discs/{disc}. Only the fields that are set are sent.
func (s *DiscsService) Update(ctx context.Context, disc DiscPath, update DiscUpdate, opts ...CallOption) (Disc, error) {
	return call(ctx, s.client, putting("update disc"), at(disc, ""), update, func(ctx context.Context) (Disc, error) {
		return s.Get(ctx, disc)
	}, opts)
}

// Resize sets the size of a disc, in MiB: PUT {virtual machine}/discs/{disc}. A disc can grow but
// not shrink.
//
// The price grows with the size. The file system on the disc does not; resize it from inside the
// virtual machine.
func (s *DiscsService) Resize(ctx context.Context, disc DiscPath, size int, opts ...CallOption) (Disc, error) {
	return s.Update(ctx, disc, DiscUpdate{Size: &size}, opts...)
}

// Relabel changes the label of a disc: PUT {virtual machine}/discs/{disc}. Calls with a path that
// contains the old label return ErrNotFound afterwards. Relabel is never retried once the service
// may have processed it.
func (s *DiscsService) Relabel(ctx context.Context, disc DiscPath, label string, opts ...CallOption) (Disc, error) {
	return call(ctx, s.client, puttingOnce("relabel disc"), at(disc, ""), relabel{label}, func(ctx context.Context) (Disc, error) {
		if disc.isID() {
			return s.Get(ctx, disc)
		}
		return s.Get(ctx, disc.machine.Disc(label))
	}, opts)
}

// relabel is the request body of Relabel.
type relabel struct {
	Label string `json:"label"`
}

// check returns an error if the label is invalid.
func (r relabel) check() error { return checkNewName("the disc's label", r.Label) }

// Move moves a disc to another virtual machine: PUT {virtual machine}/discs/{disc}. If the path of
// that machine has no ID, the machine is looked up first.
//
// Both machines must be off, and the first disc of a machine cannot be moved. Move is never retried
// once the service may have processed it.
func (s *DiscsService) Move(ctx context.Context, disc DiscPath, to VirtualMachinePath, opts ...CallOption) (Disc, error) {
	err := checkPath(disc) // check before sending the lookup of the machine
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

// moveDisc is the request body of Move.
type moveDisc struct {
	VirtualMachineID int `json:"virtual_machine_id"`
}

// Purge destroys a disc: DELETE {virtual machine}/discs/{disc}?purge=true, or DELETE
// /discs/{ID}?purge=true for a path with an ID alone. The machine must be off.
//
// All data on the disc is lost. Purge cannot be undone: discs have no other kind of deletion.
func (s *DiscsService) Purge(ctx context.Context, disc DiscPath, opts ...CallOption) error {
	t := at(disc, "")
	if disc.bare {
		t = under("/discs/{disc}", disc.disc).of(disc.String())
	}
	return do(ctx, s.client, deleting("purge disc"), t.with(purging), nil, opts)
}

// purgeQuery holds the query parameter that makes a deletion final.
type purgeQuery struct {
	Purge bool `url:"purge,omitempty"`
}

var purging = purgeQuery{Purge: true}

// Resolve returns the full path of a disc, with its virtual machine, group and account. It reads
// what the path does not contain; a path that is full already is returned unchanged and nothing is
// sent.
//
// Calls that write resolve their path themselves. Resolve it once before several writes to save
// those requests.
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

// machineQuery holds the query parameters that select a group and its account in flat lists.
type machineQuery struct {
	accountQuery
	GroupID   string `url:"group_id,omitempty"`
	GroupName string `url:"group_name,omitempty"`
}

// machineQuery returns the query parameters that select group. It returns an error if its account
// is not known.
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

// equalNames reports whether two names are equal, ignoring case.
func equalNames(a, b string) bool { return strings.EqualFold(a, b) }

func (d Disc) identity() int { return d.ID }
