package bigvtest_test

import (
	"net/http"
)

// writes returns the operations that change something. Some occur several times, since they are wanted more often.
func (m *model) writes() []func() {
	return []func(){
		m.advance, m.advance, m.advance, m.advance,
		m.createGroup, m.renameGroup, m.deleteGroup,
		m.createMachine, m.createMachine, m.createMachine,
		m.onMachine(m.updateMachine), m.onMachine(m.updateMachine), m.onMachine(m.updateMachine), m.onMachine(m.insertUnusableCD),
		m.onMachine(m.deleteMachine), m.onMachine(m.signal), m.onMachine(m.signal), m.onMachine(m.reimage),
		m.onMachine(m.createDisc), m.onMachine(m.createDisc), m.onDisc(m.updateDisc), m.onDisc(m.moveDisc), m.onDisc(m.moveDisc),
		m.onDisc(m.deleteDisc), m.onMachine(m.createBackup), m.onMachine(m.createBackup), m.onBackup(m.restore), m.onBackup(m.deleteBackup),
		m.onDisc(m.createSchedule), m.onDisc(m.deleteSchedule),
		m.onNIC(m.addAddresses), m.onNIC(m.deleteAddress), m.onNIC(m.nameAddress), m.onNIC(m.swapAddresses),
		m.setKeys, m.grant, m.grant, m.onPrivilege(m.updatePrivilege), m.onPrivilege(m.revoke),
		m.unauthorized,
	}
}

// reads returns the operations that compare a part of the state in both URL styles.
func (m *model) reads() []func() {
	return []func(){
		m.getAccount, m.getGroups, m.getGroup, m.getMachines, m.getMachines, m.onMachine(m.getMachine), m.onMachine(m.getMachine),
		m.onMachine(m.getDiscs), m.onMachine(m.getDisc), m.onMachine(m.getBackups), m.onMachine(m.getNICs), m.getUser, m.getPrivileges,
		m.onPrivilege(m.getPrivilege), m.getHidden,
	}
}

// unauthorized sends a request with a token that does not exist.
func (m *model) unauthorized() {
	by := m.actor
	m.actor = &actor{name: "nobody", token: "unknown"}
	method := one(m, http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete)
	m.request(method, m.anyGroup().path(m), object{}, expected{401, refusalText})
	m.actor = by
}

// query adds a random view and include_deleted to a path.
func (m *model) query(nested, flat string) (nestedQuery, flatQuery string, overview, deleted bool) {
	query := ""
	if overview = m.rarely(2); overview {
		query += "&view=overview"
	}
	if deleted = m.rarely(2); deleted {
		query += "&include_deleted=true"
	}
	separator := "?"
	for i := range flat {
		if flat[i] == '?' {
			separator = "&"
		}
	}
	if query == "" {
		return nested, flat, false, false
	}
	return nested + "?" + query[1:], flat + separator + query[1:], overview, deleted
}

func (m *model) getAccount() {
	path, _, overview, deleted := m.query("/accounts/"+one(m, "acme", m.accountID.id()), "")
	if !m.sees(nil) {
		m.get(path, "", expected{404, refusalText})
		return
	}
	v := object{"id": m.accountID, "name": "acme", "suspended": false}
	if overview {
		groups := []any{}
		for _, g := range m.groups {
			if m.sees(g) {
				groups = append(groups, g.overview(m, deleted))
			}
		}
		v["groups"] = groups
	}
	m.get(path, "", expected{200, v})
}

func (m *model) getGroups() {
	nested, flat, overview, deleted := m.query("/accounts/acme/groups", "/groups?account_name=acme")
	if !m.sees(nil) {
		m.get(nested, flat, expected{404, refusalText})
		return
	}
	list := []any{}
	for _, g := range m.groups {
		switch {
		case !m.sees(g):
		case overview:
			list = append(list, g.overview(m, deleted))
		default:
			list = append(list, g.view(m))
		}
	}
	m.get(nested, flat, expected{200, list})
}

func (m *model) getGroup() {
	g := m.anyGroup()
	nested, flat, overview, deleted := m.query(g.path(m), "/groups/"+g.id.id())
	switch {
	case !m.sees(g):
		m.get(nested, flat, expected{404, refusalText})
	case overview:
		m.get(nested, flat, expected{200, g.overview(m, deleted)})
	default:
		m.get(nested, flat, expected{200, g.view(m)})
	}
}

func (m *model) getMachines() {
	g := m.anyGroup()
	filter := one(m, "group_id="+g.id.id(), "account_name=acme&group_name="+g.name)
	nested, flat, overview, deleted := m.query(g.path(m)+"/virtual_machines", "/virtual_machines?"+filter)
	if !m.sees(g) {
		m.get(nested, flat, expected{404, refusalText})
		return
	}
	m.get(nested, flat, expected{200, m.machineList(g, deleted, overview)})
	if m.sees(nil) {
		_, flat, overview, deleted = m.query("", "/virtual_machines?account_id="+m.accountID.id())
		m.get("", flat, expected{200, m.machineList(nil, deleted, overview)})
	}
}

func (m *model) getMachine(vm *modelMachine) {
	nested, flat, overview, deleted := m.query(vm.path(m), "/virtual_machines/"+vm.id.id())
	want := expected{200, vm.view(m, overview)}
	switch {
	case m.rankOnMachine(vm) == 0, vm.deleted && !deleted:
		want = expected{404, refusalText}
	case vm.provisioning:
		want.status = 202
	}
	m.get(nested, flat, want)
}

// getOf reads something that belongs to a machine.
func (m *model) getOf(vm *modelMachine, nested, flat string, body any) {
	if m.rankOnMachine(vm) == 0 {
		m.get(nested, flat, expected{404, refusalText})
		return
	}
	m.get(nested, flat, expected{200, body})
}

func (m *model) getDiscs(vm *modelMachine) {
	m.getOf(vm, vm.path(m)+"/discs", "/discs?vm_id="+vm.id.id(), vm.discList(m, false))
}

func (m *model) getDisc(vm *modelMachine) {
	if len(vm.discs) == 0 {
		return
	}
	d := one(m, vm.discs...)
	m.getOf(vm, vm.path(m)+"/discs/"+one(m, d.id.id(), d.labelText()), "/discs/"+d.id.id(), d.view(m, false))
}

func (m *model) getBackups(vm *modelMachine) {
	if len(vm.discs) == 0 {
		return
	}
	d := one(m, vm.discs...)
	list := []any{}
	for _, b := range d.backups {
		list = append(list, b.view(m, true))
	}
	m.getOf(vm, d.path(m)+"/backups", "", list)
	if len(d.backups) > 0 && d.backups[0].id.value != nil {
		m.getOf(vm, d.backups[0].path(m), "", d.backups[0].view(m, true))
	}
}

func (m *model) getNICs(vm *modelMachine) {
	m.getOf(vm, vm.path(m)+"/nics", "/nics?vm_id="+vm.id.id(), vm.nicList(false))
	if vm.nic != nil && vm.nic.id.value != nil {
		id := vm.nic.id.id()
		m.getOf(vm, vm.path(m)+"/nics/"+id, "/nics/"+id, vm.nicList(false)[0])
	}
}

func (m *model) getUser() {
	if m.actor.staff {
		m.get("/users", "", m.listUsers())
		return
	}
	m.get("/users/"+one(m, m.actor.name, m.actor.id.id()), "", expected{200, m.actor.view()})
}

func (m *model) getPrivileges() {
	list := func(match func(*modelPrivilege) bool) expected {
		list := []any{}
		for _, p := range m.privileges {
			if match(p) {
				list = append(list, p.view(m))
			}
		}
		return expected{200, list}
	}
	user := m.actor
	if user.staff {
		user = one(m, m.actors[1:]...)
	}
	m.get("/users/"+user.name+"/privileges", "/privileges?user_id="+user.id.id(),
		list(func(p *modelPrivilege) bool { return p.user == user }))
	if g := m.anyGroup(); m.sees(g) {
		m.get(g.path(m)+"/privileges", "", list(func(p *modelPrivilege) bool { return p.group == g && m.rankOver(p) > rank(p.level) }))
	}
	if vm := m.anyMachine(); vm != nil && m.rankOnMachine(vm) > 0 {
		m.get(vm.path(m)+"/privileges", "", list(func(p *modelPrivilege) bool { return p.vm == vm && m.rankOver(p) > rank(p.level) }))
	}
}

func (m *model) getPrivilege(p *modelPrivilege) {
	if p.user != m.actor && m.rankOver(p) <= rank(p.level) {
		m.get("/privileges/"+p.id.id(), "", expected{404, refusalText})
		return
	}
	m.get("/privileges/"+p.id.id(), "", expected{200, p.view(m)})
}

// getHidden reads and changes what does not exist, or what only staff see.
func (m *model) getHidden() {
	if m.actor.staff {
		return
	}
	path := one(m, "/accounts/hidden", "/accounts/hidden/groups/web", "/accounts/hidden/groups/web/virtual_machines/www1",
		"/accounts/absent", "/virtual_machines/99999", "/groups/99999", "/discs/99999", "/nics/99999", "/ips/192.0.2.250", "/users/nobody")
	m.request(http.MethodGet, path, nil, expected{404, refusalText})
}
