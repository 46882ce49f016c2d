package bigvtest_test

import (
	"slices"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

type modelGroup struct {
	id   *learned
	name string
}

type modelMachine struct {
	id, address, head *learned
	group             *modelGroup
	name              string
	cores, memory     int
	on, autoreboot    bool
	cdrom, keymap     any
	profile, zone     string
	locked, deleted   bool
	imaged            any
	nic               *modelNIC
	discs             []*modelDisc

	event   func() // end of provisioning, powerdown or restart; or nil
	eventAt time.Duration
	// While the machine is being provisioned:
	provisioning bool
	willBeOn     bool
	image        any
}

type modelNIC struct {
	id, mac, vlan *learned
	v4, v6        *learned
	extra         []*learned
}

type modelDisc struct {
	id, pool, poolAfter *learned // poolAfter is that of the grade iceberg
	label               any      // or a matcher
	size                int
	grade               string
	vm                  *modelMachine
	backups             []*modelDisc
	schedules           []*modelSchedule
	restoredAt          time.Duration // end of the restore under way; 0 if there is none

	parent  *modelDisc // of a backup
	takenAt time.Duration
}

type modelSchedule struct {
	id                 *learned
	interval, capacity int
}

type modelPrivilege struct {
	id               *learned
	user, creator    *actor
	level            bigv.PrivilegeLevel
	apiKey           any // ID of the API key that it belongs to; or nil
	group            *modelGroup
	vm               *modelMachine
	passwordRequired bool
	yubikeyRequired  bool
	yubikeyMaxAge    any
}

// runUntil carries out what happens to a machine until now.
func (vm *modelMachine) runUntil(now time.Duration) {
	for vm.event != nil && vm.eventAt <= now {
		event := vm.event
		vm.event = nil
		event()
	}
}

func (vm *modelMachine) after(start, d time.Duration, event func()) {
	vm.eventAt, vm.event = start+d, event
}

// provision begins to provision a machine.
func (vm *modelMachine) provision(m *model) {
	vm.provisioning = true
	vm.after(m.now, bigvtest.ProvisioningTime, func() {
		vm.provisioning, vm.imaged, vm.nic = false, vm.image, m.newNIC()
		if vm.willBeOn {
			vm.powerOn()
		}
	})
}

func (vm *modelMachine) powerOn() {
	if !vm.on && !vm.deleted {
		vm.on, vm.event, vm.head = true, nil, &learned{check: like(".+")}
	}
}

// powerOff powers a machine off at a time. With autoreboot_on, the service starts it again.
func (vm *modelMachine) powerOff(at time.Duration) {
	vm.on, vm.event = false, nil
	if vm.deleted || !vm.autoreboot {
		return
	}
	vm.after(at, bigvtest.RestartTime, func() {
		if vm.autoreboot {
			vm.powerOn()
		}
	})
}

func (m *model) newNIC() *modelNIC {
	return &modelNIC{
		id: m.newID("nic", false), mac: &learned{check: like("([0-9a-f]{2}:){5}[0-9a-f]{2}")}, vlan: &learned{},
		v4: &learned{check: like(`[0-9.]+`)}, v6: &learned{check: like("[0-9a-f:]+")},
	}
}

// path returns the nested path of a group, by name or ID.
func (g *modelGroup) path(m *model) string {
	return "/accounts/acme/groups/" + one(m, g.name, g.id.id())
}

// path returns the nested path of a machine, by name or ID.
func (vm *modelMachine) path(m *model) string {
	return vm.group.path(m) + "/virtual_machines/" + one(m, vm.name, vm.id.id())
}

// path returns the nested path of a disc or a backup, by ID.
func (d *modelDisc) path(m *model) string {
	if d.parent != nil {
		return d.parent.path(m) + "/backups/" + d.id.id()
	}
	return d.vm.path(m) + "/discs/" + d.id.id()
}

// allLevels orders the privilege allLevels.
var allLevels = []bigv.PrivilegeLevel{
	"", bigv.VirtualMachineConsole, bigv.VirtualMachineAdmin, bigv.GroupAdmin, bigv.AccountAdmin, bigv.ClusterAdmin, bigv.ClusterSU,
}

func rank(level bigv.PrivilegeLevel) int { return slices.Index(allLevels, level) }

// rank returns the actor's rank on a machine, on a group if vm is nil, or on the account if both are nil. All sessions began with a
// password, so a privilege that requires a YubiKey does not apply.
func (m *model) rank(g *modelGroup, vm *modelMachine) int {
	if m.actor.staff {
		return rank(bigv.ClusterSU)
	}
	highest := 0
	for _, p := range m.privileges {
		covers := p.group == nil && p.vm == nil || p.group != nil && p.group == g || p.vm != nil && p.vm == vm
		if p.user == m.actor && !p.yubikeyRequired && covers {
			highest = max(highest, rank(p.level))
		}
	}
	return highest
}

func (m *model) rankOnMachine(vm *modelMachine) int { return m.rank(vm.group, vm) }

// sees reports whether the actor sees a group, or the account if g is nil. The parents of a visible object are visible.
func (m *model) sees(g *modelGroup) bool {
	return m.rank(g, nil) > 0 || slices.ContainsFunc(m.privileges, func(p *modelPrivilege) bool {
		return p.user == m.actor && !p.yubikeyRequired && (g == nil || p.vm != nil && p.vm.group == g)
	})
}

// refuses returns the response to an actor who may not do something. It reports false if the actor may.
func refuses(visible bool, rank, needed int) (expected, bool) {
	switch {
	case !visible:
		return expected{404, refusalText}, true
	case rank < needed:
		return expected{403, refusalText}, true
	}
	return expected{}, false
}

// view returns the JSON of an actor.
func (a *actor) view() object {
	v := object{"id": a.id, "username": a.name, "authorized_keys": a.keys}
	if a.email != nil {
		v["email"] = a.email
	}
	return v
}

func (g *modelGroup) view(m *model) object {
	return object{"id": g.id, "account_id": m.accountID, "name": g.name}
}

// overview returns the JSON of a group with the machines that the actor sees.
func (g *modelGroup) overview(m *model, deleted bool) object {
	v := g.view(m)
	v["type"], v["virtual_machines"] = "application/vnd.bigv.group", m.machineList(g, deleted, true)
	return v
}

// machineList returns the JSON of the machines in a group that the actor sees, or in all groups if g is nil.
func (m *model) machineList(g *modelGroup, deleted, overview bool) []any {
	list := []any{}
	for _, vm := range m.machines {
		if (g == nil || vm.group == g) && (deleted || !vm.deleted) && m.rankOnMachine(vm) > 0 {
			list = append(list, vm.view(m, overview))
		}
	}
	return list
}

func (vm *modelMachine) view(m *model, overview bool) object {
	v := object{
		"id": vm.id, "group_id": vm.group.id, "name": vm.name, "hostname": vm.name + "." + vm.group.name + ".acme.uk0.bigv.io",
		"cores": vm.cores, "memory": vm.memory, "power_on": vm.on, "autoreboot_on": vm.autoreboot, "cdrom_url": vm.cdrom,
		"keymap": vm.keymap, "hardware_profile": vm.profile, "hardware_profile_locked": vm.locked, "zone_name": vm.zone,
		"deleted": vm.deleted, "management_address": vm.address, "head": nil, "last_imaged_with": vm.imaged,
	}
	if vm.on {
		v["head"] = vm.head
	}
	if overview {
		v["type"] = "application/vnd.bigv.virtual-machine"
		v["discs"], v["network_interfaces"] = vm.discList(m, true), vm.nicList(true)
	}
	return v
}

func (vm *modelMachine) discList(m *model, overview bool) []any {
	list := []any{}
	for _, d := range vm.discs {
		list = append(list, d.view(m, overview))
	}
	return list
}

func (vm *modelMachine) nicList(overview bool) []any {
	if vm.nic == nil {
		return []any{}
	}
	n, extra := vm.nic, object{}
	for _, address := range n.extra {
		extra[address.value.(string)] = n.v4
	}
	v := object{
		"id": n.id, "label": nil, "mac": n.mac, "ips": []any{n.v4, n.v6}, "extra_ips": extra, "vlan_num": n.vlan,
		"virtual_machine_id": vm.id,
	}
	if overview {
		v["type"] = "application/vnd.bigv.network-interface"
	}
	return []any{v}
}

// isRestoring reports whether a backup is being restored to the disc.
func (d *modelDisc) isRestoring(m *model) bool { return m.now < d.restoredAt }

// view returns the JSON of a disc or a backup.
func (d *modelDisc) view(m *model, overview bool) object {
	schedules := []any{}
	for _, s := range d.schedules {
		schedules = append(schedules, s.view())
	}
	v := object{
		"id": d.id, "label": d.label, "size": d.size, "storage_grade": d.grade, "storage_pool": d.pool, "virtual_machine_id": d.vm.id,
		"backup_count": len(d.backups), "backups_enabled": d.parent == nil, "backup_schedules": schedules,
	}
	if d.isRestoring(m) {
		v["storage_grade"], v["storage_pool"] = "iceberg", anything
		v["new_storage_grade"], v["new_storage_pool"] = d.grade, d.pool
	}
	if d.parent != nil {
		v["parent_disc_id"], v["manual"] = d.parent.id, true
		if m.now >= d.takenAt+bigvtest.BackupTime {
			v["storage_grade"], v["storage_pool"] = "iceberg", d.poolAfter
		}
	}
	if overview || d.parent != nil {
		v["type"] = "application/vnd.bigv.disc"
	}
	return v
}

func (s *modelSchedule) view() object {
	return object{"id": s.id, "start_at": "2099-01-01T00:00:00+00:00", "interval_seconds": s.interval, "capacity": s.capacity}
}

// view returns the JSON of a privilege.
func (p *modelPrivilege) view(m *model) object {
	target := func(href string) object { return object{"href": href, "title": like(".+")} }
	links := object{"self": object{"href": "/privileges/" + p.id.id()}, "user": object{"href": "/users/" + p.user.id.id()}}
	if p.id.value == nil {
		links["self"] = anything // its ID is being learned
	}
	v := object{
		"id": p.id, "level": string(p.level), "username": p.user.name, "creating_username": nil, "password_required": p.passwordRequired,
		"yubikey_required": p.yubikeyRequired, "yubikey_otp_max_age": p.yubikeyMaxAge, "ip_restrictions": nil, "_links": links,
	}
	if p.apiKey != nil {
		v["api_key_id"] = p.apiKey
	}
	if p.creator != nil {
		v["creating_username"] = p.creator.name
	}
	switch {
	case p.vm != nil:
		v["virtual_machine_id"], v["virtual_machine_name"] = p.vm.id, p.vm.name
		links["virtual_machine"] = target("/virtual_machines/" + p.vm.id.id())
	case p.group != nil:
		v["group_id"], v["group_name"] = p.group.id, p.group.name
		links["group"] = target("/groups/" + p.group.id.id())
	default:
		v["account_id"], v["account_name"] = m.accountID, "acme"
		links["account"] = target("/accounts/" + m.accountID.id())
	}
	return v
}
