package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
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

	// The service does not document the units of the three Migration fields, so they have the values that it
	// sends: show them, but do not calculate with them. They are 0 unless the caller is staff.

	MigrationProgress int    `json:"migration_progress,omitzero"` // how far the migration is; unit unknown
	MigrationETA      int    `json:"migration_eta,omitzero"`      // time until its end; unit unknown
	MigrationSpeed    int    `json:"migration_speed,omitzero"`    // its speed; unit unknown
	ResourceName      string `json:"resource_name,omitzero"`      // empty unless the caller is staff

	Type string `json:"type,omitzero"` // media type; set only with Overview
}

// Path returns a path that identifies the disc by its ID, and its virtual machine by ID.
//
// The path stays valid when the disc is relabelled or the machine is renamed or moved. It becomes
// invalid when the disc is moved to another machine; DiscID(d.ID) stays valid then too. Errors show
// the label, as in root.#5012; String returns the ID, as in 9001.#5012.
func (d Disc) Path() DiscPath {
	path := DiscID(d.ID)
	if d.VirtualMachineID > 0 {
		path = VirtualMachineID(d.VirtualMachineID).Disc(strconv.Itoa(d.ID))
		path.name = d.Label
	}
	return path
}

// DiscCreate holds the attributes of a new disc.
type DiscCreate struct {
	// Label is any text that is not all digits and does not look like a device name, such as "vda".
	// If it is empty, the service chooses one.
	Label        string       `json:"label,omitzero"`
	Size         int          `json:"size"`                   // required: MiB, at least 50
	StorageGrade StorageGrade `json:"storage_grade,omitzero"` // empty means SATA
	// BackupSchedules are accepted for the discs of VirtualMachines.Create only. For other discs
	// use BackupSchedules.Create.
	BackupSchedules []BackupSchedule `json:"backup_schedules,omitempty"`
}

// validate returns an error if the attributes are invalid for a new disc.
func (d DiscCreate) validate() error {
	if d.Size <= 0 {
		return fmt.Errorf("size must be positive, got %d MiB", d.Size)
	}
	for i, schedule := range d.BackupSchedules {
		if err := schedule.validate(); err != nil {
			return fmt.Errorf("backup_schedules[%d]: %w", i, err)
		}
	}
	if d.Label == "" {
		return nil
	}
	return checkNewName("label", d.Label)
}

// DiscUpdate holds the changes to a disc. A nil field is not sent, and the attribute keeps its
// value; at least one must be set. Use Relabel and Move to change the label and the virtual machine.
type DiscUpdate struct {
	Size         *int          `json:"size,omitzero"`          // MiB; must not be less than the current size
	StorageGrade *StorageGrade `json:"storage_grade,omitzero"` // ignored unless the caller is staff
	IOPSLimit    *int          `json:"iops_limit,omitzero"`    // ignored unless the caller is staff
}

// validate returns an error if the size is not positive.
func (d DiscUpdate) validate() error {
	if d.Size != nil && *d.Size <= 0 {
		return fmt.Errorf("size must be positive, got %d MiB", *d.Size)
	}
	return nil
}

// DiscListOptions selects the discs to list.
type DiscListOptions struct {
	VirtualMachine VirtualMachinePath // zero means all discs that the caller can see
}

// DiscsService creates, changes, moves and destroys discs of virtual machines.
type DiscsService struct{ client *Client }

const discsRoute = "/discs"

// List returns the discs that the options select: GET {virtual machine}/discs.
//
// It calls GET /discs if the options name no virtual machine or one by its ID alone, or if the
// client uses FlatURLs.
func (s *DiscsService) List(ctx context.Context, options DiscListOptions, opts ...CallOption) ([]Disc, error) {
	e, verify, err := s.listEndpoint(ctx, options)
	if err != nil {
		return nil, notSent("list discs", e.describe(), err)
	}
	return list(ctx, clientOf(s), listing("list discs", e), verify, opts)
}

// All returns an iterator over the discs that the options select. It calls the endpoint of List and
// yields each disc as it arrives. If the call fails, the iterator yields a zero Disc with the error
// and stops.
func (s *DiscsService) All(ctx context.Context, options DiscListOptions, opts ...CallOption) iter.Seq2[Disc, error] {
	e, verify, err := s.listEndpoint(ctx, options)
	if err != nil {
		return errSeq[Disc](notSent("list discs", e.describe(), err))
	}
	return all(ctx, clientOf(s), listing("list discs", e), verify, opts)
}

// listEndpoint returns the endpoint of a list, and a function that verifies that a disc in the
// response matches the options.
func (s *DiscsService) listEndpoint(ctx context.Context, options DiscListOptions) (endpoint, func(Disc) error, error) {
	machineID := func(d Disc) int { return d.VirtualMachineID }
	return machineList(ctx, clientOf(s), options.VirtualMachine, discsRoute, machineID)
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
	if disc.idOnly || clientOf(s).style == NestedURLs && !disc.lacksParents() {
		return get[Disc](ctx, clientOf(s), reading(operation, resource(disc)), opts)
	}
	e, verify, err := s.listEndpoint(ctx, DiscListOptions{VirtualMachine: disc.machine})
	if err = cmp.Or(checkPath(disc), err); err != nil {
		return Disc{}, notSent(operation, disc.display(), err)
	}
	if disc.isID() {
		op := reading(operation, resource(discIDOnly(disc.disc)).about(disc.display()))
		return getVerified(ctx, clientOf(s), op, verify, opts)
	}
	hasLabel := func(d Disc) bool { return d.Label == disc.disc }
	return findByName(ctx, clientOf(s), listing(operation, e.about(disc.display())), verify, hasLabel, opts)
}

// Create adds a disc to a virtual machine: POST {virtual machine}/discs.
//
// The disc is billed from this moment. A virtual machine can have up to 8 discs. Its system sees
// the disc after the next start.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, list the discs of the machine before calling Create again. If
// disc.Label is empty and the service responds without a body, the result is the zero Disc; find it
// with List.
func (s *DiscsService) Create(ctx context.Context, vm VirtualMachinePath, disc DiscCreate, opts ...CallOption) (Disc, error) {
	if len(disc.BackupSchedules) > 0 {
		return Disc{}, notSent("create disc", vm.Disc(disc.Label).display(),
			errSchedulesOfDisc)
	}
	if disc.Label == "" { // the service chooses the label
		op := posting("create disc on virtual machine", below(vm, discsRoute), disc)
		return write[Disc](ctx, clientOf(s), op, nil, opts)
	}
	path := vm.Disc(disc.Label)
	op := posting("create disc", below(vm, discsRoute).about(path.display()), disc)
	reread := func(ctx context.Context) (Disc, error) { return s.Get(ctx, path) }
	return write(ctx, clientOf(s), op, reread, opts)
}

var errSchedulesOfDisc = errors.New("backup_schedules is accepted for the discs of a new virtual machine only: use BackupSchedules.Create")

// Update changes a disc: PUT {virtual machine}/discs/{disc}. Only the fields that are set are sent.
// A larger size costs more. Update is idempotent, so it is retried.
func (s *DiscsService) Update(ctx context.Context, disc DiscPath, update DiscUpdate, opts ...CallOption) (Disc, error) {
	op := putting("update disc", resource(disc), update)
	reread := func(ctx context.Context) (Disc, error) { return s.Get(ctx, disc) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// Resize sets the size of a disc, in MiB: PUT {virtual machine}/discs/{disc}. A disc can grow but
// not shrink; for a smaller size the error matches ErrBadRequest.
//
// The price grows with the size. The file system on the disc does not; resize it from inside the
// virtual machine. Resize is idempotent, so it is retried.
func (s *DiscsService) Resize(ctx context.Context, disc DiscPath, size int, opts ...CallOption) (Disc, error) {
	return s.Update(ctx, disc, DiscUpdate{Size: &size}, opts...)
}

// Relabel changes the label of a disc: PUT {virtual machine}/discs/{disc}. Afterwards, calls with a
// path that contains the old label return an error that matches ErrNotFound. Relabel is not
// idempotent, so it is never retried once the service may have processed it.
func (s *DiscsService) Relabel(ctx context.Context, disc DiscPath, label string, opts ...CallOption) (Disc, error) {
	op := puttingOnce("relabel disc", resource(disc), relabel{label})
	reread := func(ctx context.Context) (Disc, error) {
		if disc.isID() {
			return s.Get(ctx, disc)
		}
		return s.Get(ctx, disc.machine.Disc(label))
	}
	return write(ctx, clientOf(s), op, reread, opts)
}

// relabel is the request body of Relabel.
type relabel struct {
	Label string `json:"label"`
}

// validate returns an error if the label is invalid.
func (r relabel) validate() error { return checkNewName("label", r.Label) }

// Move moves a disc to another virtual machine: PUT {virtual machine}/discs/{disc}. If the path of
// that machine has no ID, the machine is looked up first.
//
// Both machines must be off, and the first disc of a machine cannot be moved. Move is not
// idempotent, so it is never retried once the service may have processed it.
func (s *DiscsService) Move(ctx context.Context, disc DiscPath, to VirtualMachinePath, opts ...CallOption) (Disc, error) {
	err := checkPath(disc) // check before sending the lookup of the machine
	id := 0
	if err == nil {
		id, err = clientOf(s).VirtualMachines.id(ctx, to)
	}
	if err != nil {
		return Disc{}, notSent("move disc", disc.display(), err)
	}
	op := puttingOnce("move disc", resource(disc), moveDisc{id}).refusedIf("both machines must be off")
	reread := func(ctx context.Context) (Disc, error) { return s.Get(ctx, to.Disc(disc.disc)) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// moveDisc is the request body of Move.
type moveDisc struct {
	VirtualMachineID int `json:"virtual_machine_id"`
}

// Purge destroys a disc: DELETE {virtual machine}/discs/{disc}?purge=true, or DELETE
// /discs/{ID}?purge=true for a path with an ID alone, of which it is not checked to which machine it
// belongs. The machine must be off.
//
// All data on the disc is lost. Purge cannot be undone: discs have no other kind of deletion. Purge
// is idempotent, so it is retried. If the disc does not exist, the error matches ErrNotFound.
func (s *DiscsService) Purge(ctx context.Context, disc DiscPath, opts ...CallOption) error {
	e := resource(disc)
	if disc.idOnly {
		e = fixed(discsRoute+"/{disc}", disc.disc).about(disc.display())
	}
	return execute(ctx, clientOf(s), deleting("purge disc", e.withQuery(purging)).refusedIf("the machine must be off"), opts)
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
		return DiscPath{}, notSent("resolve disc", disc.display(), err)
	}
	if isComplete(disc) {
		return disc, nil
	}
	vm := disc.machine
	if disc.idOnly {
		d, err := s.Get(ctx, disc, opts...)
		if err != nil {
			return DiscPath{}, err
		}
		if d.VirtualMachineID <= 0 {
			return DiscPath{}, missingParent("resolve disc", disc.display(), "virtual machine")
		}
		vm = VirtualMachineID(d.VirtualMachineID)
	}
	vm, err := clientOf(s).VirtualMachines.Resolve(ctx, vm, opts...)
	if err != nil {
		return DiscPath{}, err
	}
	return vm.Disc(disc.disc), nil
}

// resolveParents implements [childPath].
func (p DiscPath) resolveParents(ctx context.Context, c *Client) (resourcePath, error) {
	return c.Discs.Resolve(ctx, p)
}

// objectID implements [identified].
func (d Disc) objectID() int { return d.ID }
