package bigvtest_test

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// Ranks that operations need.
var (
	machineAdmin = rank(bigv.VirtualMachineAdmin)
	groupAdmin   = rank(bigv.GroupAdmin)
	accountAdmin = rank(bigv.AccountAdmin)
)

var notInList = []any{"is not included in the list"}

// rarely reports true in one of n cases.
func (m *model) rarely(n int) bool { return m.choose(n) == n-1 }

func (m *model) newName(prefix string) string {
	m.names++
	return fmt.Sprintf("%s%d", prefix, m.names)
}

// anyGroup returns a random group.
func (m *model) anyGroup() *modelGroup { return one(m, m.groups...) }

// anyMachine returns a random machine, or nil if there is none.
func (m *model) anyMachine() *modelMachine {
	if len(m.machines) == 0 {
		return nil
	}
	return one(m, m.machines...)
}

// onMachine returns an operation on a random machine, if there is one.
func (m *model) onMachine(operation func(*modelMachine)) func() {
	return func() {
		if vm := m.anyMachine(); vm != nil {
			operation(vm)
		}
	}
}

// name adds a name to a request, and what is wrong with it to errs. Names are few, so that they repeat in other groups.
func (m *model) name(body, errs object, prefix string, taken []string) string {
	name := fmt.Sprint(prefix, m.choose(12))
	if m.rarely(20) {
		name, errs["name"] = "bad_name", []any{"is invalid"}
	} else if slices.Contains(taken, name) {
		errs["name"] = []any{"has already been taken"}
	}
	body["name"] = name
	return name
}

func (m *model) createGroup() {
	if len(m.groups) == 5 {
		return
	}
	body, errs := object{}, object{}
	name := m.name(body, errs, "group", m.groupNames(nil))
	if m.rarely(20) {
		body, errs = object{}, object{"name": []any{"can't be blank"}}
	}
	want, refused := refuses(m.sees(nil), m.rank(nil, nil), accountAdmin)
	if !refused && len(errs) > 0 {
		want = expected{400, errs}
	} else if !refused {
		g := &modelGroup{id: m.newID("group", true), name: name}
		m.groups = append(m.groups, g)
		want = expected{200, g.view(m)}
	}
	m.request(http.MethodPost, "/accounts/acme/groups", body, want)
}

func (m *model) groupNames(except *modelGroup) (names []string) {
	for _, g := range m.groups {
		if g != except {
			names = append(names, g.name)
		}
	}
	return names
}

func (m *model) renameGroup() {
	g := one(m, m.groups[1:]...) // not the default group
	body, errs, path := object{"type": "ignored"}, object{}, g.path(m)
	name := m.name(body, errs, "group", m.groupNames(g))
	want, refused := refuses(m.sees(g), m.rank(nil, nil), accountAdmin)
	if !refused && len(errs) > 0 {
		want = expected{400, errs}
	} else if !refused {
		g.name = name
		want = expected{200, g.view(m)}
	}
	m.request(http.MethodPut, path, body, want)
}

func (m *model) deleteGroup() {
	if len(m.groups) == 2 {
		return
	}
	g := one(m, m.groups[1:]...)
	path := g.path(m)
	want, refused := refuses(m.sees(g), m.rank(nil, nil), accountAdmin)
	if !refused && slices.ContainsFunc(m.machines, func(vm *modelMachine) bool { return vm.group == g }) {
		want = expected{400, "Group is not empty"}
	} else if !refused {
		m.groups = slices.DeleteFunc(m.groups, func(other *modelGroup) bool { return other == g })
		m.privileges = slices.DeleteFunc(m.privileges, func(p *modelPrivilege) bool { return p.group == g })
		want = expected{204, nil}
	}
	m.request(http.MethodDelete, path, nil, want)
}

// settings adds attributes of a machine to a request. It sets those of vm that are valid, and adds the others to errs.
func (m *model) settings(vm *modelMachine, body, errs object) {
	if m.rarely(3) {
		vm.cores = 1 + m.choose(4)
		body["cores"] = one[any](m, vm.cores, fmt.Sprint(vm.cores))
		if m.rarely(10) {
			body["cores"], errs["cores"] = 0, []any{"must be greater than or equal to 1"}
		}
	}
	if m.rarely(3) {
		vm.memory = 1024 * (1 + m.choose(4))
		body["memory"] = vm.memory
		if m.rarely(10) {
			body["memory"], errs["memory"] = "much", []any{"is not included in the list", "is not a number"}
		}
	}
	if m.rarely(4) {
		vm.keymap = one[any](m, "en-gb", "de", nil)
		body["keymap"] = vm.keymap
		if m.rarely(10) {
			body["keymap"], errs["keymap"] = "xx", notInList
		}
	}
	if m.rarely(4) {
		vm.profile = one(m, "virtio2013", "compatibility2013")
		body["hardware_profile"] = vm.profile
		if m.rarely(10) {
			body["hardware_profile"], errs["hardware_profile"] = "vacuum1913", notInList
		}
	}
	if m.rarely(4) {
		vm.locked = m.rarely(2)
		body["hardware_profile_locked"] = vm.locked
	}
	if m.rarely(6) {
		vm.cdrom = one[any](m, "http://example.org/cd.iso", nil)
		body["cdrom_url"] = vm.cdrom
		if vm.cdrom == nil && m.rarely(2) {
			body["cdrom_url"] = ""
		}
	}
}

// createMachine creates a machine, with discs or bare.
func (m *model) createMachine() {
	if len(m.machines) == 6 {
		return
	}
	g, bare := m.anyGroup(), m.rarely(6)
	vm := &modelMachine{
		id: m.newID("machine", true), address: &learned{check: like("[0-9a-f.:]+")}, group: g, cores: 1, memory: 1024,
		profile: "virtio2013", zone: "york",
	}
	in, errs := object{"group": "ignored"}, object{}
	vm.name = m.name(in, errs, "vm", m.machineNames(g, nil))
	if m.rarely(20) {
		in["name"], errs["name"] = "b", []any{"is too short (minimum is 3 characters)"}
	}
	m.settings(vm, in, errs)
	if m.rarely(4) {
		vm.zone = "manchester"
		in["zone_name"] = vm.zone
	}
	path, body, want := g.path(m)+"/virtual_machines", in, object{}
	if !bare {
		path, body = g.path(m)+"/vm_create", object{"virtual_machine": in, "discs": m.newDiscs(vm, errs)}
	}
	if m.rarely(10) {
		body["ips"] = nil // as if it were not given
	}
	if !bare && m.rarely(2) {
		vm.image = one[any](m, "jessie", "stretch")
		body["reimage"] = object{"distribution": vm.image, "root_password": "s3cretpass", "ssh_public_key": ""}
		want["reimage"] = object{"distribution": vm.image, "root_password": "s3cretpass"}
	}
	on, autoreboot := one[any](m, nil, true, false), one[any](m, nil, true, false)
	for key, value := range map[string]any{"power_on": on, "autoreboot_on": autoreboot} {
		if value != nil || m.rarely(5) {
			in[key] = value
		}
	}
	vm.autoreboot = autoreboot == true
	vm.willBeOn = on == true || vm.autoreboot || on == nil && autoreboot == nil && vm.image != nil

	response, refused := refuses(m.sees(g), m.rank(g, nil), groupAdmin)
	if !refused && len(errs) > 0 {
		response = expected{400, errs}
	} else if !refused {
		vm.provision(m)
		m.machines = append(m.machines, vm)
		want["virtual_machine"], want["discs"] = vm.view(m, false), vm.discList(m, false)
		if bare {
			want = vm.view(m, false)
		}
		response = expected{202, want}
	}
	m.request(http.MethodPost, path, body, response)
}

// machineNames returns the names in a group, including those of deleted machines.
func (m *model) machineNames(g *modelGroup, except *modelMachine) (names []string) {
	for _, vm := range m.machines {
		if vm.group == g && vm != except {
			names = append(names, vm.name)
		}
	}
	return names
}

func (m *model) updateMachine(vm *modelMachine) {
	next, body, errs, path := *vm, object{"hostname": "ignored"}, object{}, vm.path(m)
	if m.rarely(6) && m.rank(nil, nil) >= accountAdmin {
		next.group = m.anyGroup()
		body["group_id"] = next.group.id.value
	}
	if m.rarely(4) {
		next.name = m.name(body, errs, "vm", m.machineNames(next.group, vm))
	} else if slices.Contains(m.machineNames(next.group, vm), next.name) {
		errs["name"] = []any{"has already been taken"}
	}
	m.settings(&next, body, errs)
	if m.rarely(3) {
		next.autoreboot = m.rarely(2)
		body["autoreboot_on"] = next.autoreboot
	}
	if m.rarely(2) {
		body["deleted"], next.deleted = false, false
	}
	power := one[any](m, nil, true, false)
	if power != nil && !vm.deleted {
		body["power_on"] = power
	}
	want, refused := refuses(m.rankOnMachine(vm) > 0, m.rankOnMachine(vm), machineAdmin)
	if !refused && len(errs) > 0 {
		want = expected{400, errs}
	} else if !refused {
		*vm = next
		m.setPower(vm, body["power_on"])
		want = expected{200, vm.view(m, false)}
	}
	m.request(http.MethodPut, path, body, want)
}

// setPower does what an update with power_on does.
func (m *model) setPower(vm *modelMachine, power any) {
	switch {
	case power == nil:
	case vm.provisioning:
		vm.willBeOn = power == true
	case power == true:
		vm.powerOn()
	default:
		vm.powerOff(m.now)
	}
}

// insertUnusableCD sends a URL that the service cannot use.
func (m *model) insertUnusableCD(vm *modelMachine) {
	want, refused := refuses(m.rankOnMachine(vm) > 0, m.rankOnMachine(vm), machineAdmin)
	if !refused {
		want = expected{500, refusalText}
	}
	m.request(http.MethodPut, vm.path(m), object{"cdrom_url": "nonsense"}, want)
}

func (m *model) deleteMachine(vm *modelMachine) {
	path, purge := vm.path(m), vm.provisioning || m.rarely(2)
	want, refused := refuses(m.rankOnMachine(vm) > 0, m.rank(vm.group, nil), groupAdmin)
	if !refused {
		want = expected{204, nil}
		vm.deleted, vm.on, vm.event = true, false, nil
	}
	if !refused && purge {
		m.machines = slices.DeleteFunc(m.machines, func(other *modelMachine) bool { return other == vm })
		m.privileges = slices.DeleteFunc(m.privileges, func(p *modelPrivilege) bool { return p.vm == vm })
		m.forgetAddresses(vm)
	}
	if purge {
		path += "?purge=true"
	}
	m.request(http.MethodDelete, path, nil, want)
}

func (m *model) signal(vm *modelMachine) {
	body := one(m, object{"signal": "powerdown"}, object{"signal": "reset"}, object{"signal": "sendkey", "data": "ctrl-alt-delete"})
	if vm.event != nil && vm.on {
		body = object{"signal": "reset"} // a powerdown is under way
	}
	want, refused := refuses(m.rankOnMachine(vm) > 0, m.rankOnMachine(vm), machineAdmin)
	switch {
	case refused:
	case vm.deleted || !vm.on:
		want = expected{400, refusalText}
	case m.rarely(8):
		body, want = object{"signal": "explode"}, expected{400, object{"signal": notInList}}
	case body["signal"] == "powerdown":
		vm.after(m.now, bigvtest.PowerdownTime, func() { vm.powerOff(vm.eventAt) })
		want = expected{200, body}
	default:
		want = expected{200, body}
	}
	m.request(http.MethodPost, vm.path(m)+"/signal", body, want)
}

func (m *model) reimage(vm *modelMachine) {
	if len(vm.discs) == 0 {
		return
	}
	body := object{"distribution": one(m, "jessie", "stretch"), "root_password": "s3cretpass"}
	want, refused := refuses(m.rankOnMachine(vm) > 0, m.rankOnMachine(vm), machineAdmin)
	switch {
	case refused:
	case vm.deleted || vm.on || vm.provisioning:
		want = expected{400, refusalText}
	case m.rarely(10):
		body["distribution"] = "beos"
		want = expected{400, object{"distribution": notInList}}
	default:
		vm.imaged, vm.autoreboot = body["distribution"], false
		vm.powerOn()
		want = expected{200, body}
	}
	m.request(http.MethodPost, vm.path(m)+"/reimage", body, want)
}
