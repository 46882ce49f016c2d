package bigvtest

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// discRoutes lists the endpoints of discs.
var discRoutes = map[string]handler{
	"GET " + machineTemplate + "/discs":  listDiscs,
	"POST " + machineTemplate + "/discs": createDisc,
	"GET /discs":                         listAllDiscs,
	"GET /discs/{d}":                     getFlatDisc,
	"DELETE /discs/{d}":                  deleteFlatDisc,
	"GET " + discTemplate:                getDisc,
	"PUT " + discTemplate:                updateDisc,
	"DELETE " + discTemplate:             deleteDisc,
}

type disc struct {
	id           int
	machine      *machine
	label        string
	size         int
	grade        string
	pool         string
	newGrade     string
	newPool      string
	iops         int
	purged       bool
	restoredFrom int // ID of the backup it was last restored from
	schedules    []*schedule
	backups      []*disc          // ordered by ID
	backupLabels map[string]*disc // backups by label
	sameSecond   map[string]int   // number of further backups whose label is numbered

	parent   *disc // nil unless this is a backup
	manual   bool
	schedule *schedule
	created  time.Time
}

func (d *disc) rowID() int { return d.id }

const (
	minDiscSize = 50        // in MiB
	maxDiscSize = 2 << 20   // in MiB
	maxDiscs    = 8         // per virtual machine
	iceberg     = "iceberg" // storage grade of completed backups
)

type discView struct {
	Type            string         `json:"type,omitempty"`
	ID              int            `json:"id"`
	Label           string         `json:"label"`
	Size            int            `json:"size"`
	StorageGrade    string         `json:"storage_grade"`
	StoragePool     string         `json:"storage_pool"`
	MachineID       int            `json:"virtual_machine_id"`
	BackupCount     int            `json:"backup_count"`
	BackupsEnabled  bool           `json:"backups_enabled"`
	BackupSchedules []scheduleView `json:"backup_schedules"`
	IOPSLimit       int            `json:"iops_limit,omitempty"`
	NewStorageGrade string         `json:"new_storage_grade,omitempty"`
	NewStoragePool  string         `json:"new_storage_pool,omitempty"`
	ParentDiscID    int            `json:"parent_disc_id,omitempty"`
	Manual          *bool          `json:"manual,omitempty"`
}

func (d *disc) view(typed bool) discView {
	v := discView{
		ID: d.id, Label: d.label, Size: d.size, StorageGrade: d.grade, StoragePool: d.pool, MachineID: d.machine.id,
		BackupCount: len(d.backups), BackupsEnabled: d.parent == nil, BackupSchedules: []scheduleView{},
		IOPSLimit: d.iops, NewStorageGrade: d.newGrade, NewStoragePool: d.newPool,
	}
	for _, s := range d.schedules {
		v.BackupSchedules = append(v.BackupSchedules, s.view())
	}
	if d.parent != nil {
		v.ParentDiscID, v.Manual = d.parent.id, &d.manual
	}
	if typed || d.parent != nil {
		v.Type = "application/vnd.bigv.disc"
	}
	return v
}

func discViews(list []*disc, typed bool) []discView {
	views := make([]discView, 0, len(list))
	for _, d := range list {
		views = append(views, d.view(typed))
	}
	return views
}

// findDisc returns the disc of a virtual machine with the given ID or label, or nil.
func (st *state) findDisc(m *machine, segment string) *disc {
	if id, ok := parseID(segment); ok {
		if d := st.discs.get(id); d != nil && d.machine == m && d.parent == nil {
			return d
		}
	}
	return m.discByLabel(segment)
}

func (m *machine) discByLabel(label string) *disc {
	for _, d := range m.discs {
		if d.label == label {
			return d
		}
	}
	return nil
}

// disc returns the disc in the path.
func (q *request) disc() (*disc, error) {
	m, err := q.machine()
	if err != nil {
		return nil, err
	}
	d := q.findDisc(m, q.args[3])
	if d == nil {
		return nil, errNotFound
	}
	return d, nil
}

// authorizeMachineUpdate returns an error if the caller may not change the virtual machine and its
// discs, or if it is deleted.
func (q *request) authorizeMachineUpdate(m *machine) error {
	if err := q.authorize(q.caller.machineRank(m), bigv.VirtualMachineAdmin, m.group.account); err != nil {
		return err
	}
	if m.deleted {
		return newAPIError(http.StatusBadRequest, "Virtual machine is deleted")
	}
	return nil
}

// discForUpdate returns the disc in the path if the caller may change it.
func (q *request) discForUpdate() (*disc, error) {
	d, err := q.disc()
	if err != nil {
		return nil, err
	}
	return d, q.authorizeMachineUpdate(d.machine)
}

func listDiscs(q *request) (response, error) {
	q.server.autoAdvance()
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	return okResponse(discViews(m.discs, false))
}

func listAllDiscs(q *request) (response, error) {
	q.server.autoAdvance()
	var list []*disc
	err := q.forEachMachine(func(m *machine) { list = append(list, m.discs...) })
	if err != nil {
		return response{}, err
	}
	slices.SortFunc(list, func(a, b *disc) int {
		return cmp.Or(cmp.Compare(a.listKey(), b.listKey()), cmp.Compare(b.id, a.id))
	})
	return okResponse(discViews(list, false))
}

// listKey orders the discs of several virtual machines by ID, but the boot disc of each before its
// other discs.
func (d *disc) listKey() int {
	if all := d.machine.discs; all[0] == d && len(all) > 1 {
		return min(d.id, all[1].id)
	}
	return d.id
}

// forEachMachine calls f with each visible virtual machine that matches the query.
func (q *request) forEachMachine(f func(*machine)) error {
	one, a, g, err := q.filterMachine()
	if err != nil {
		return err
	}
	if one != nil {
		f(one)
		return nil
	}
	for m := range q.machines.all() {
		if !m.deleted && q.caller.canSeeMachine(m) && (a == nil || m.group.account == a) && (g == nil || m.group == g) {
			f(m)
		}
	}
	return nil
}

func getDisc(q *request) (response, error) {
	q.server.autoAdvance()
	d, err := q.disc()
	if err != nil {
		return response{}, err
	}
	return okResponse(d.view(false))
}

// flatDisc returns the disc whose ID or label is in a flat path.
func (q *request) flatDisc() (*disc, error) {
	if id, ok := parseID(q.args[0]); ok {
		if d := q.discs.get(id); d != nil && d.parent == nil && q.caller.canSeeMachine(d.machine) {
			return d, nil
		}
	}
	var ofDeleted *disc // found only if no other disc has the label
	for m := range q.machines.all() {
		d := m.discByLabel(q.args[0])
		switch {
		case d == nil || !q.caller.canSeeMachine(m):
		case !m.deleted:
			return d, nil
		case ofDeleted == nil:
			ofDeleted = d
		}
	}
	if ofDeleted == nil {
		return nil, errNotFound
	}
	return ofDeleted, nil
}

func getFlatDisc(q *request) (response, error) {
	q.server.autoAdvance()
	d, err := q.flatDisc()
	if err != nil {
		return response{}, err
	}
	return okResponse(d.view(false))
}

var deviceName = regexp.MustCompile(`^[vsh]d[a-z]+$`)

// readLabel reads and validates a disc label. taken reports whether another disc has the label.
func (f *form) readLabel(label *string, taken func(string) bool) {
	if !f.text("label", label) {
		return
	}
	switch {
	case strings.TrimSpace(*label) == "":
		f.addError("label", "can't be blank")
	case deviceName.MatchString(*label):
		f.addError("label", "is invalid")
	case taken(*label):
		f.addError("label", "has already been taken")
	}
}

func (f *form) readSize(size *int) {
	if !f.integer("size", size) {
		return
	}
	f.checkMinimum("size", *size, minDiscSize)
	if *size > maxDiscSize {
		f.addError("size", "must be less than or equal to %d", maxDiscSize)
	}
}

// readDisc reads and validates a new disc. nth is its position on the virtual machine, used for the
// default label.
func (q *request) readDisc(f *form, nth int, taken func(string) bool) *disc {
	d := &disc{grade: storageGrades[0]}
	f.readLabel(&d.label, taken)
	for ; !f.has("label") && (d.label == "" || taken(d.label)); nth++ {
		d.label = fmt.Sprintf("disc-%d", nth)
	}
	f.require("size")
	f.readSize(&d.size)
	if f.text("storage_grade", &d.grade) {
		f.checkOneOf("storage_grade", d.grade, storageGrades)
	}
	return d
}

func createDisc(q *request) (response, error) {
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	if err := q.authorizeMachineUpdate(m); err != nil {
		return response{}, err
	}
	f := q.newForm()
	d := q.readDisc(f, len(m.discs)+1, func(label string) bool { return m.discByLabel(label) != nil })
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if len(m.discs) >= maxDiscs {
		return response{}, newAPIError(http.StatusBadRequest, fmt.Sprintf("A virtual machine has at most %d discs", maxDiscs))
	}
	q.addDisc(m, d)
	return q.createdResponse(d.view(false))
}

// addDisc assigns an ID to a disc and attaches it to a virtual machine.
func (st *state) addDisc(m *machine, d *disc) {
	d.machine = m
	st.discs.add(func(id int) *disc {
		d.id = id
		return d
	})
	d.pool, d.created = storagePoolName(d.id, d.grade), st.clock.now
	m.attach(d)
}

// attach adds a disc to a virtual machine. The first disc is the boot disc; the others are ordered by
// ID.
func (m *machine) attach(d *disc) {
	if len(m.discs) == 0 {
		m.discs = []*disc{d}
		return
	}
	m.discs = slices.Concat(m.discs[:1], insertByID(slices.Clone(m.discs[1:]), d))
}

func storagePoolName(id int, grade string) string { return fmt.Sprintf("tail%d-%s1", 1+id%6, grade) }

func updateDisc(q *request) (response, error) {
	d, err := q.discForUpdate()
	if err != nil {
		return response{}, err
	}
	f, next := q.newForm(), *d
	f.readLabel(&next.label, func(label string) bool {
		other := d.machine.discByLabel(label)
		return other != nil && other != d
	})
	f.readSize(&next.size)
	if !f.hasError("size") {
		f.checkMinimum("size", next.size, d.size) // a disc cannot shrink
	}
	if q.caller.isStaff() {
		if f.text("storage_grade", &next.grade) {
			f.checkOneOf("storage_grade", next.grade, storageGrades)
			next.pool = storagePoolName(d.id, next.grade)
		}
		if f.integer("iops_limit", &next.iops) {
			f.checkMinimum("iops_limit", next.iops, 1)
		}
	}
	to := d.machine
	if id := 0; f.integer("virtual_machine_id", &id) && id != to.id {
		if to = q.machines.get(id); to == nil || to.deleted || !q.caller.canSeeMachine(to) {
			return response{}, invalidAttribute("virtual_machine_id", "is invalid")
		}
		if err := q.authorizeMachineUpdate(to); err != nil {
			return response{}, err
		}
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if to != d.machine {
		if err := checkDiscMove(d, to, next.label); err != nil {
			return response{}, err
		}
		d.machine.discs = without(d.machine.discs, d)
		to.attach(d)
		next.machine = to
		for _, b := range d.backups {
			b.machine = to
		}
	}
	*d = next
	return okResponse(d.view(false))
}

// checkDiscMove returns an error if a disc cannot be moved to another virtual machine under the given
// label.
func checkDiscMove(d *disc, to *machine, label string) error {
	from := d.machine
	switch {
	case from.powerOn || to.powerOn || from.provisioning || to.provisioning:
		return newAPIError(http.StatusBadRequest, "Both virtual machines must be powered off")
	case from.discs[0] == d:
		return newAPIError(http.StatusBadRequest, "The first disc of a virtual machine cannot be moved")
	case len(to.discs) >= maxDiscs:
		return newAPIError(http.StatusBadRequest, fmt.Sprintf("A virtual machine has at most %d discs", maxDiscs))
	case to.discByLabel(label) != nil:
		return invalidAttribute("label", "has already been taken")
	}
	return nil
}

// without returns a copy of list without element.
func without[T comparable](list []T, element T) []T {
	var rest []T
	for _, other := range list {
		if other != element {
			rest = append(rest, other)
		}
	}
	return rest
}

func deleteDisc(q *request) (response, error) {
	d, err := q.discForUpdate()
	if err != nil {
		return response{}, err
	}
	return q.purgeDiscResponse(d)
}

func deleteFlatDisc(q *request) (response, error) {
	d, err := q.flatDisc()
	if err != nil {
		return response{}, err
	}
	if err := q.authorizeMachineUpdate(d.machine); err != nil {
		return response{}, err
	}
	return q.purgeDiscResponse(d)
}

// errPurgeRequired is returned for a DELETE without purge=true of an object that can only be purged.
var errPurgeRequired = newAPIError(http.StatusInternalServerError, "Internal server error")

func (q *request) purgeDiscResponse(d *disc) (response, error) {
	switch {
	case !q.flag("purge"):
		return response{}, errPurgeRequired
	case d.machine.powerOn || d.machine.provisioning:
		return response{}, newAPIError(http.StatusBadRequest, "Virtual machine must be powered off")
	}
	q.removeDisc(d)
	return noContent, nil
}

// removeDisc removes a disc with its backups and schedules.
func (st *state) removeDisc(d *disc) {
	for _, s := range slices.Clone(d.schedules) {
		st.removeSchedule(s)
	}
	for _, b := range slices.Backward(slices.Clone(d.backups)) {
		st.removeBackup(b)
	}
	d.machine.discs = without(d.machine.discs, d)
	st.discs.remove(d.id)
	d.purged = true
}
