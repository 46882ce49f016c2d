package bigvtest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const (
	smallestDisc = 50        // MiB
	largestDisc  = 2 << 20   // MiB
	mostDiscs    = 8         // of one machine
	iceberg      = "iceberg" // the grade of backups in cold storage
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

// findDisc finds a disc of a machine by ID or label.
func (st *state) findDisc(m *machine, segment string) *disc {
	if id, is := isID(segment); is {
		if d := st.discs.get(id); d != nil && d.machine == m && d.parent == nil {
			return d
		}
	}
	return m.discLabelled(segment)
}

func (m *machine) discLabelled(label string) *disc {
	for _, d := range m.discs {
		if d.label == label {
			return d
		}
	}
	return nil
}

// disc is the disc in the path.
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

// mayAlter refuses to change the disc of a machine that is deleted, or that the
// asker has no say in.
func (q *request) mayAlter(m *machine) error {
	if err := q.may(q.who.onMachine(m), VMAdmin, m.group.account); err != nil {
		return err
	}
	if m.deleted {
		return refuse(http.StatusBadRequest, "Virtual machine is deleted")
	}
	return nil
}

// discFor is the disc in the path, to be changed.
func (q *request) discFor() (*disc, error) {
	d, err := q.disc()
	if err != nil {
		return nil, err
	}
	return d, q.mayAlter(d.machine)
}

func listDiscs(q *request) (answer, error) {
	q.server.autoAdvance()
	m, err := q.machine()
	if err != nil {
		return answer{}, err
	}
	return ok(discViews(m.discs, false))
}

func listAllDiscs(q *request) (answer, error) {
	q.server.autoAdvance()
	var list []*disc
	err := q.eachMachine(func(m *machine) { list = append(list, m.discs...) })
	if err != nil {
		return answer{}, err
	}
	slices.SortFunc(list, byNumber)
	return ok(discViews(list, false))
}

// eachMachine calls f with the machines that the query asks for.
func (q *request) eachMachine(f func(*machine)) error {
	one, a, g, err := q.filterMachine()
	if err != nil {
		return err
	}
	if one != nil {
		f(one)
		return nil
	}
	for m := range q.machines.all() {
		if !m.deleted && q.who.seesMachine(m) && (a == nil || m.group.account == a) && (g == nil || m.group == g) {
			f(m)
		}
	}
	return nil
}

func getDisc(q *request) (answer, error) {
	q.server.autoAdvance()
	d, err := q.disc()
	if err != nil {
		return answer{}, err
	}
	return ok(d.view(false))
}

// flatDisc is the disc that an ID in a flat path stands for, or a label.
func (q *request) flatDisc() (*disc, error) {
	if id, is := isID(q.args[0]); is {
		if d := q.discs.get(id); d != nil && d.parent == nil && q.who.seesMachine(d.machine) {
			return d, nil
		}
	}
	for m := range q.machines.all() {
		if d := m.discLabelled(q.args[0]); d != nil && q.who.seesMachine(m) {
			return d, nil
		}
	}
	return nil, errNotFound
}

func getFlatDisc(q *request) (answer, error) {
	q.server.autoAdvance()
	d, err := q.flatDisc()
	if err != nil {
		return answer{}, err
	}
	return ok(d.view(false))
}

var deviceName = regexp.MustCompile(`^[vsh]d[a-z]+$`)

// label reads a disc's label, which must be free among the others.
func (f *form) label(label *string, taken func(string) bool) {
	if !f.text("label", label) {
		return
	}
	switch {
	case strings.TrimSpace(*label) == "":
		f.bad.add("label", "can't be blank")
	case deviceName.MatchString(*label):
		f.bad.add("label", "is invalid")
	case taken(*label):
		f.bad.add("label", "has already been taken")
	}
}

func (f *form) size(size *int) {
	if !f.integer("size", size) {
		return
	}
	f.atLeast("size", *size, smallestDisc)
	if *size > largestDisc {
		f.bad.add("size", "must be less than or equal to %d", largestDisc)
	}
}

// newDisc reads a disc to be made, the nth of its machine.
func (q *request) newDisc(in attributes, nth int, taken func(string) bool) (*disc, problems) {
	f, d := newForm(in), &disc{grade: storageGrades[0]}
	if f.has("label") {
		f.label(&d.label, taken)
	}
	for ; d.label == "" || f.bad["label"] == nil && !f.has("label") && taken(d.label); nth++ {
		d.label = fmt.Sprintf("disc-%d", nth)
	}
	f.required("size")
	f.size(&d.size)
	if f.has("storage_grade") && f.text("storage_grade", &d.grade) {
		f.oneOf("storage_grade", d.grade, storageGrades)
	}
	return d, f.bad
}

// newDiscs reads the discs of a machine to be made. What is wrong with them
// stands by position, {} where nothing is.
func (q *request) newDiscs(outer *form) (discs []*disc, errs []problems) {
	list, there := outer.objects("discs")
	if len(list) == 0 {
		if there || !outer.has("discs") {
			outer.bad.add("discs", "can't be blank")
		}
		return nil, nil
	}
	if len(list) > mostDiscs {
		outer.bad.add("discs", "is too long (maximum is %d)", mostDiscs)
		return nil, nil
	}
	labels := map[string]bool{}
	wrong := false
	for i, in := range list {
		d, bad := q.newDisc(in, i+1, func(label string) bool { return labels[label] })
		labels[d.label] = true
		inner := newForm(in)
		if schedules, there := inner.objects("backup_schedules"); there {
			if wrong := q.newSchedules(schedules, d); wrong != nil {
				bad["backup_schedules"] = wrong
			}
		}
		for key, message := range inner.bad {
			bad[key] = message
		}
		wrong = wrong || len(bad) > 0
		discs, errs = append(discs, d), append(errs, bad)
	}
	if !wrong {
		errs = nil
	}
	return discs, errs
}

// newSchedules reads the schedules of a disc to be made. What is wrong with them
// stands by position too.
func (q *request) newSchedules(list []attributes, d *disc) (wrong []problems) {
	errs, any := make([]problems, len(list)), false
	for i, in := range list {
		f := newForm(in)
		d.schedules = append(d.schedules, q.newSchedule(f, d))
		errs[i], any = f.bad, any || len(f.bad) > 0
	}
	if any {
		return errs
	}
	return nil
}

func createDisc(q *request) (answer, error) {
	m, err := q.machine()
	if err != nil {
		return answer{}, err
	}
	if err := q.mayAlter(m); err != nil {
		return answer{}, err
	}
	d, bad := q.newDisc(q.in, len(m.discs)+1, func(label string) bool { return m.discLabelled(label) != nil })
	if err := bad.err(); err != nil {
		return answer{}, err
	}
	if len(m.discs) >= mostDiscs {
		return answer{}, refuse(http.StatusBadRequest, fmt.Sprintf("A virtual machine has at most %d discs", mostDiscs))
	}
	q.addDisc(m, d)
	return q.created(d.view(false)), nil
}

// addDisc gives a disc its ID and its machine. Discs of a machine stay in the
// order in which they came to it: the first is booted from.
func (st *state) addDisc(m *machine, d *disc) {
	d.machine = m
	st.discs.add(func(id int) *disc {
		d.id = id
		return d
	})
	d.pool, d.created = pool(d.id, d.grade), st.clock.instant
	m.discs = append(m.discs, d)
}

func pool(id int, grade string) string { return fmt.Sprintf("tail%d-%s1", 1+id%6, grade) }

func updateDisc(q *request) (answer, error) {
	d, err := q.discFor()
	if err != nil {
		return answer{}, err
	}
	f, next := newForm(q.in), *d
	f.label(&next.label, func(label string) bool {
		other := d.machine.discLabelled(label)
		return other != nil && other != d
	})
	f.size(&next.size)
	if f.bad["size"] == nil {
		f.atLeast("size", next.size, d.size) // discs grow
	}
	if q.who.staff() {
		if f.text("storage_grade", &next.grade) {
			f.oneOf("storage_grade", next.grade, storageGrades)
			next.pool = pool(d.id, next.grade)
		}
		if f.integer("iops_limit", &next.iops) {
			f.atLeast("iops_limit", next.iops, 1)
		}
	}
	to := d.machine
	if id := 0; f.integer("virtual_machine_id", &id) && id != to.id {
		if to = q.machines.get(id); to == nil || to.deleted || !q.who.seesMachine(to) {
			return answer{}, invalid("virtual_machine_id", "is invalid")
		}
		if err := q.mayAlter(to); err != nil {
			return answer{}, err
		}
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	if to != d.machine {
		switch from := d.machine; {
		case from.powerOn || to.powerOn || from.provisioning || to.provisioning:
			return answer{}, refuse(http.StatusBadRequest, "Both virtual machines must be powered off")
		case from.discs[0] == d:
			return answer{}, refuse(http.StatusBadRequest, "The first disc of a virtual machine cannot be moved")
		case len(to.discs) >= mostDiscs:
			return answer{}, refuse(http.StatusBadRequest, fmt.Sprintf("A virtual machine has at most %d discs", mostDiscs))
		case to.discLabelled(next.label) != nil:
			return answer{}, invalid("label", "has already been taken")
		}
		d.machine.discs = without(d.machine.discs, d)
		to.discs = append(to.discs, d)
		next.machine = to
		for _, b := range d.backups {
			b.machine = to
		}
	}
	*d = next
	return ok(d.view(false))
}

// without is list less one element, in a new slice.
func without[T comparable](list []T, element T) []T {
	var left []T
	for _, other := range list {
		if other != element {
			left = append(left, other)
		}
	}
	return left
}

func deleteDisc(q *request) (answer, error) {
	d, err := q.discFor()
	if err != nil {
		return answer{}, err
	}
	return q.purgeDisc(d)
}

func deleteFlatDisc(q *request) (answer, error) {
	d, err := q.flatDisc()
	if err != nil {
		return answer{}, err
	}
	if err := q.mayAlter(d.machine); err != nil {
		return answer{}, err
	}
	return q.purgeDisc(d)
}

// errPurge is what a DELETE without purge=true meets where there is no other.
var errPurge = refuse(http.StatusInternalServerError, "Internal server error")

func (q *request) purgeDisc(d *disc) (answer, error) {
	switch {
	case !q.flag("purge"):
		return answer{}, errPurge
	case d.machine.powerOn || d.machine.provisioning:
		return answer{}, refuse(http.StatusBadRequest, "Virtual machine must be powered off")
	}
	q.dropDisc(d)
	return gone, nil
}

// dropDisc makes an end of a disc, its backups and its schedules.
func (st *state) dropDisc(d *disc) {
	for _, s := range append([]*schedule(nil), d.schedules...) {
		st.dropSchedule(s)
	}
	for _, b := range append([]*disc(nil), d.backups...) {
		st.dropBackup(b)
	}
	d.machine.discs = without(d.machine.discs, d)
	st.discs.drop(d.id)
	d.gone = true
}
