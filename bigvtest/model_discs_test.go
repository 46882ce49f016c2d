package bigvtest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/bigv-go/bigv/bigvtest"
)

// messages matches a list of error messages.
var messages matcher = func(got any) string {
	if list, ok := got.([]any); !ok || len(list) == 0 {
		return "is not a list of messages"
	}
	return ""
}

// positional matches the errors of discs: a list of objects.
var positional matcher = func(got any) string {
	list, ok := got.([]any)
	for _, element := range list {
		_, isObject := element.(object)
		ok = ok && isObject
	}
	if !ok || len(list) == 0 {
		return "is not a list of objects"
	}
	return ""
}

// newDisc adds a disc to a machine. It returns the attributes to send, and what is wrong with them.
func (m *model) newDisc(vm *modelMachine) (body, errs object) {
	d := &modelDisc{
		id: m.newID("disc", true), pool: &learned{check: like(".+")}, poolAfter: &learned{check: like(".+")}, vm: vm, grade: "sata",
		label: &learned{check: like(`disc-\d+`)}, size: 1000 + m.choose(100),
	}
	body, errs = object{"size": one[any](m, d.size, fmt.Sprint(d.size))}, object{}
	if m.rarely(2) {
		d.label = m.newName("data")
		body["label"] = d.label
	}
	if m.rarely(3) {
		d.grade = one(m, "ssd", "archive")
		body["storage_grade"] = d.grade
	}
	switch m.choose(40) {
	case 39:
		body["size"], errs["size"] = 10, []any{"must be greater than or equal to 50"}
	case 38:
		delete(body, "size")
		errs["size"] = []any{"can't be blank"}
	case 37:
		body["storage_grade"], errs["storage_grade"] = "paper", notInList
	case 36:
		body["label"], errs["label"] = one(m, "vda", "sdb"), []any{"is invalid"}
	}
	vm.attach(d)
	return body, errs
}

// newDiscs adds the discs of a new machine.
func (m *model) newDiscs(vm *modelMachine, errs object) []any {
	bodies, wrong := []any{}, []any{}
	failed := false
	for range 1 + m.choose(3) {
		body, errs := m.newDisc(vm)
		bodies, wrong = append(bodies, body), append(wrong, errs)
		failed = failed || len(errs) > 0
	}
	if failed {
		errs["discs"] = wrong
	}
	if m.rarely(30) {
		bodies, errs["discs"] = []any{}, positional
	}
	return bodies
}

// attach adds a disc. The first is the boot disc, and the others are ordered by ID; a disc without an ID is new.
func (vm *modelMachine) attach(d *modelDisc) {
	i := len(vm.discs)
	for i > 1 && d.id.value != nil && vm.discs[i-1].id.value.(float64) > d.id.value.(float64) {
		i--
	}
	vm.discs = slices.Insert(vm.discs, i, d)
}

func (vm *modelMachine) detach(d *modelDisc) {
	vm.discs = slices.DeleteFunc(slices.Clone(vm.discs), func(other *modelDisc) bool { return other == d })
}

// labelText returns a label that has been learned.
func (d *modelDisc) labelText() string {
	if l, ok := d.label.(*learned); ok {
		return fmt.Sprint(l.value)
	}
	return d.label.(string)
}

func (vm *modelMachine) hasLabel(label string) bool {
	return slices.ContainsFunc(vm.discs, func(d *modelDisc) bool { return d.labelText() == label })
}

// change returns the response to a change of the discs or addresses of a machine, if it is refused.
func (m *model) change(vm *modelMachine) (expected, bool) {
	want, refused := refuses(m.rankOnMachine(vm) > 0, m.rankOnMachine(vm), machineAdmin)
	if !refused && vm.deleted {
		return expected{400, refusalText}, true
	}
	return want, refused
}

func (m *model) createDisc(vm *modelMachine) {
	if len(vm.discs) > 3 && !m.rarely(4) {
		return
	}
	before := vm.discs
	vm.discs = slices.Clone(before)
	body, errs := m.newDisc(vm)
	d := vm.discs[len(vm.discs)-1]
	if len(before) > 0 && len(errs) == 0 && m.rarely(10) {
		body["label"], errs["label"] = before[0].labelText(), []any{"has already been taken"}
	}
	want, refused := m.change(vm)
	switch {
	case refused:
	case len(before) == 8 && len(errs) > 0:
		want = expected{400, anything}
	case len(errs) > 0:
		want = expected{400, errs}
	case len(before) == 8:
		want = expected{400, refusalText}
	default:
		want = expected{201, d.view(m, false)}
	}
	if want.status != 201 {
		vm.discs = before
	}
	m.request(http.MethodPost, vm.path(m)+"/discs", body, want)
}

// onDisc returns an operation on a random disc to which no backup is being restored.
func (m *model) onDisc(operation func(*modelDisc)) func() {
	return m.onMachine(func(vm *modelMachine) {
		if len(vm.discs) == 0 {
			return
		}
		if d := one(m, vm.discs...); !d.isRestoring(m) {
			operation(d)
		}
	})
}

func (m *model) updateDisc(d *modelDisc) {
	body, errs, label, size := object{"storage_pool": "ignored"}, object{}, d.label, d.size
	if m.rarely(2) {
		label = m.newName("data")
		body["label"] = label
		if m.rarely(10) {
			body["label"], errs["label"] = "hda", []any{"is invalid"}
		}
	}
	if m.rarely(2) {
		size += m.choose(100)
		body["size"] = size
		if m.rarely(8) {
			body["size"], errs["size"] = d.size-1, messages
		}
	}
	want, refused := m.change(d.vm)
	if !refused && len(errs) > 0 {
		want = expected{400, errs}
	} else if !refused {
		d.label, d.size = label, size
		want = expected{200, d.view(m, false)}
	}
	m.request(http.MethodPut, d.path(m), body, want)
}

func (m *model) moveDisc(d *modelDisc) {
	from, to, path := d.vm, m.anyMachine(), d.path(m)
	if to == from || to.deleted || m.rankOnMachine(to) < machineAdmin {
		return
	}
	want, refused := m.change(from)
	switch {
	case refused:
	case from.on || to.on || from.provisioning || to.provisioning || from.discs[0] == d:
		want = expected{400, refusalText}
	case len(to.discs) == 8 || to.hasLabel(d.labelText()):
		want = expected{400, anything}
	default:
		from.detach(d)
		to.attach(d)
		d.vm = to
		for _, b := range d.backups {
			b.vm = to
		}
		want = expected{200, d.view(m, false)}
	}
	m.request(http.MethodPut, path, object{"virtual_machine_id": to.id.value}, want)
}

func (m *model) deleteDisc(d *modelDisc) {
	if d == d.vm.discs[0] || d.vm.provisioning {
		return
	}
	path := one(m, d.path(m), "/discs/"+d.id.id())
	want, refused := m.change(d.vm)
	switch {
	case !refused && !d.vm.on && m.rarely(4):
		want = expected{500, anything}
	case !refused && d.vm.on:
		path, want = path+"?purge=true", expected{400, refusalText}
	case !refused:
		d.vm.detach(d)
		path, want = path+"?purge=true", expected{204, nil}
	}
	m.request(http.MethodDelete, path, nil, want)
}

// newBackup adds a backup to a disc.
func (m *model) newBackup(d *modelDisc, response bool) *modelDisc {
	b := &modelDisc{
		id: m.newID("disc", response), label: &learned{check: like(regexp.QuoteMeta(d.labelText()) + `-backup-[0-9-]+`)}, pool: d.pool,
		poolAfter: &learned{check: like(".+")}, size: d.size, grade: d.grade, vm: d.vm, parent: d, takenAt: m.now,
	}
	d.backups = append(d.backups, b)
	return b
}

func (m *model) createBackup(vm *modelMachine) {
	if len(vm.discs) == 0 {
		return
	}
	d := one(m, vm.discs...)
	if len(d.backups) > 3 {
		return
	}
	want, refused := m.change(vm)
	if !refused && d.isRestoring(m) {
		want = expected{400, refusalText}
	} else if !refused {
		want = expected{201, m.newBackup(d, true).view(m, true)}
	}
	m.request(http.MethodPost, d.path(m)+"/backups", nil, want)
}

// onBackup returns an operation on a random backup that is complete, of a disc to which none is being restored.
func (m *model) onBackup(operation func(*modelDisc)) func() {
	return m.onDisc(func(d *modelDisc) {
		if len(d.backups) == 0 {
			return
		}
		if b := one(m, d.backups...); b.id.value != nil && m.now >= b.takenAt+bigvtest.BackupTime {
			operation(b)
		}
	})
}

func (m *model) restore(b *modelDisc) {
	path := b.path(m)
	want, refused := m.change(b.vm)
	if !refused {
		m.newBackup(b.parent, false) // of the current contents
		b.parent.restoredAt = m.now + bigvtest.RestoreTime
		want = expected{200, anything}
	}
	m.request(http.MethodPut, path, object{"restore": true}, want)
}

func (m *model) deleteBackup(b *modelDisc) {
	path := b.path(m)
	want, refused := m.change(b.vm)
	if !refused {
		b.parent.backups = slices.DeleteFunc(b.parent.backups, func(other *modelDisc) bool { return other == b })
		want = expected{204, nil}
	}
	m.request(http.MethodDelete, path+"?purge=true", nil, want)
}

func (m *model) createSchedule(d *modelDisc) {
	if len(d.schedules) == 3 {
		return
	}
	s := &modelSchedule{id: m.newID("schedule", true), interval: int(24 * time.Hour / time.Second), capacity: 1}
	body := object{"start_at": "2099-01-01T00:00:00Z", "interval_seconds": s.interval}
	switch m.choose(3) {
	case 1:
		s.capacity = 3
		body["capacity"] = 3
	case 2:
		body["capacity"] = 0 // as if it were not given
	}
	want, refused := m.change(d.vm)
	if !refused && m.rarely(6) {
		body["interval_seconds"] = -1
		want = expected{400, object{"interval_seconds": messages}}
	} else if !refused {
		d.schedules = append(d.schedules, s)
		want = expected{201, s.view()}
	}
	m.request(http.MethodPost, d.path(m)+"/backup_schedules", body, want)
}

func (m *model) deleteSchedule(d *modelDisc) {
	if len(d.schedules) == 0 {
		return
	}
	s := one(m, d.schedules...)
	want, refused := m.change(d.vm)
	if !refused {
		d.schedules = slices.DeleteFunc(d.schedules, func(other *modelSchedule) bool { return other == s })
		want = expected{204, nil}
	}
	m.request(http.MethodDelete, d.path(m)+"/backup_schedules/"+s.id.id(), nil, want)
}
