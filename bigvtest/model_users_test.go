package bigvtest_test

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/bigv-go/bigv"
)

// onNIC returns an operation on a random machine that has a network interface, after the model has seen it.
func (m *model) onNIC(operation func(*modelMachine)) func() {
	return m.onMachine(func(vm *modelMachine) {
		if vm.nic == nil {
			return
		}
		by := m.actor
		m.actor = m.actors[0]
		m.get(vm.path(m)+"/nics", "/nics?vm_id="+vm.id.id(), expected{200, vm.nicList(false)})
		m.actor = by
		operation(vm)
	})
}

func (m *model) addAddresses(vm *modelMachine) {
	count := 1 + m.choose(3)
	body := object{"addresses": count, "family": "ipv4", "reason": "tls site", "contiguous": false}
	want, refused := m.change(vm)
	switch {
	case refused:
	case m.rarely(6):
		body["addresses"], want = 5, expected{400, anything}
	case m.rarely(6):
		delete(body, "reason")
		want = expected{400, anything}
		if count+len(vm.nic.extra) <= 4 {
			want = expected{400, object{"reason": []any{"can't be blank"}}}
		}
	case count+len(vm.nic.extra) > 4:
		want = expected{400, anything}
	default:
		list := []any{}
		for range count {
			address := &learned{check: like(`[0-9.]+`)}
			vm.nic.extra, list = append(vm.nic.extra, address), append(list, address)
		}
		want = expected{200, object{"addresses": count, "family": "ipv4", "reason": "tls site", "contiguous": false, "ips": list}}
	}
	m.request(http.MethodPost, vm.path(m)+"/nics/"+vm.nic.id.id()+"/ip_create", body, want)
}

// forgetAddresses forgets the reverse DNS of a machine's addresses, which other machines can get.
func (m *model) forgetAddresses(vm *modelMachine) {
	if vm.nic == nil {
		return
	}
	for _, address := range append(vm.nic.extra, vm.nic.v4, vm.nic.v6) {
		if address.value != nil {
			delete(m.rdns, address.id())
		}
	}
}

func (m *model) deleteAddress(vm *modelMachine) {
	address := one(m, append(slices.Clone(vm.nic.extra), vm.nic.v4, vm.nic.v6)...)
	want, refused := m.change(vm)
	switch {
	case refused:
	case !slices.Contains(vm.nic.extra, address):
		want = expected{400, anything}
	default:
		vm.nic.extra = slices.DeleteFunc(vm.nic.extra, func(other *learned) bool { return other == address })
		delete(m.rdns, address.id())
		want = expected{204, nil}
	}
	m.request(http.MethodDelete, "/ips/"+url.PathEscape(address.id()), nil, want)
	if want.status == 204 {
		m.get("/ips/"+address.id(), "", expected{404, refusalText})
	}
}

// nameAddress sets the reverse DNS of an address, and reads it.
func (m *model) nameAddress(vm *modelMachine) {
	address := one(m, append(slices.Clone(vm.nic.extra), vm.nic.v4, vm.nic.v6)...)
	path, name := "/ips/"+one(m, address.id(), url.QueryEscape(address.id())), one[any](m, "mx.example.org", nil)
	want, refused := m.change(vm)
	if !refused {
		m.rdns[address.id()] = name
		want = expected{200, object{"address": address, "rdns": name}}
	}
	m.request(http.MethodPut, path, object{"rdns": name, "address": "ignored"}, want)
	if m.rankOnMachine(vm) > 0 && !vm.deleted {
		m.get(path, "", expected{200, object{"address": address, "rdns": m.rdns[address.id()]}})
	}
}

func (m *model) swapAddresses(vm *modelMachine) {
	other := m.anyMachine()
	if other == vm || other.nic == nil || other.deleted || vm.deleted || min(m.rankOnMachine(vm), m.rankOnMachine(other)) < machineAdmin {
		return
	}
	move := m.rarely(2)
	want := expected{400, refusalText}
	if !vm.on && !other.on {
		a, b := vm.nic, other.nic
		a.v4, a.v6, b.v4, b.v6 = b.v4, b.v6, a.v4, a.v6
		if move {
			a.extra, b.extra = b.extra, a.extra
		}
		want = expected{200, anything}
	}
	m.request(http.MethodPost, "/ips/swap_virtual_machine_ips", object{
		"virtual_machine_1_id": vm.id.value, "virtual_machine_2_id": other.id.value, "move_additional_ips": move,
	}, want)
}

// setKeys sets the SSH keys of the actor, or of anybody if the actor is staff.
func (m *model) setKeys() {
	user := m.actor
	if user.staff {
		user = one(m, m.actors...)
	}
	keys := one[any](m, "ssh-ed25519 AAAA desk\nssh-rsa BBBB laptop", "ssh-rsa BBBB laptop", "", nil)
	user.keys = keys
	if keys == "" {
		user.keys = nil
	}
	m.request(http.MethodPut, "/users/"+one(m, user.name, user.id.id()), object{"authorized_keys": keys, "username": "ignored"},
		expected{200, user.view()})
}

func (m *model) listUsers() expected {
	list := []any{}
	for _, user := range []string{"alice", "bob", "root", "carol"} { // by ID
		i := slices.IndexFunc(m.actors, func(a *actor) bool { return a.name == user })
		list = append(list, m.actors[i].view())
	}
	return expected{200, list}
}

// rankOver returns the actor's rank on what a privilege applies to.
func (m *model) rankOver(p *modelPrivilege) int {
	if p.vm != nil {
		return m.rankOnMachine(p.vm)
	}
	return m.rank(p.group, nil)
}

// seesTarget reports whether the actor sees what a privilege applies to.
func (m *model) seesTarget(p *modelPrivilege) bool {
	if p.vm != nil {
		return m.rankOnMachine(p.vm) > 0
	}
	return m.sees(p.group)
}

func (m *model) grant() {
	if len(m.privileges) > 10 {
		return
	}
	p := &modelPrivilege{id: m.newID("privilege", true), user: one(m, m.actors[2:]...), creator: m.actor, level: one(m, allLevels[1:5]...)}
	body := object{"level": string(p.level), "yubikey_required": false}
	switch p.level {
	case bigv.AccountAdmin:
		body["account_id"] = m.accountID.value
	case bigv.GroupAdmin:
		p.group = m.anyGroup()
		body["group_id"] = p.group.id.value
	default:
		if p.vm = m.anyMachine(); p.vm == nil {
			return
		}
		body["virtual_machine_id"] = p.vm.id.value
	}
	if !m.seesTarget(p) {
		return
	}
	p.passwordRequired = m.rarely(2)
	body["password_required"] = p.passwordRequired
	if m.rarely(4) {
		p.yubikeyMaxAge = 900
		body["yubikey_otp_max_age"] = 900
	}
	want, refused := refuses(true, m.rankOver(p), max(rank(p.level)+1, machineAdmin))
	switch {
	case m.rarely(8):
		want = expected{400, object{"level": notInList}}
		body = object{"level": "emperor"}
	case !refused:
		m.privileges = append(m.privileges, p)
		want = expected{201, p.view(m)}
	}
	m.request(http.MethodPost, "/users/"+one(m, p.user.name, p.user.id.id())+"/privileges", body, want)
}

// onPrivilege returns an operation on a random privilege other than those of alice.
func (m *model) onPrivilege(operation func(*modelPrivilege)) func() {
	return func() {
		if len(m.privileges) > 2 {
			operation(one(m, m.privileges[2:]...))
		}
	}
}

// changePrivilege returns the response to an actor who may not change a privilege.
func (m *model) changePrivilege(p *modelPrivilege) (expected, bool) {
	has := m.rankOver(p)
	return refuses(p.user == m.actor || has > rank(p.level), has, max(rank(p.level)+1, machineAdmin))
}

func (m *model) updatePrivilege(p *modelPrivilege) {
	next, body := *p, object{"level": "ignored"}
	if m.rarely(2) {
		next.yubikeyRequired = m.rarely(2)
		body["yubikey_required"] = next.yubikeyRequired
	}
	if m.rarely(2) {
		next.yubikeyMaxAge = one[any](m, nil, 60)
		body["yubikey_otp_max_age"] = next.yubikeyMaxAge
	}
	want, refused := m.changePrivilege(p)
	if !refused {
		*p = next
		want = expected{200, p.view(m)}
	}
	m.request(http.MethodPut, "/privileges/"+p.id.id(), body, want)
}

func (m *model) revoke(p *modelPrivilege) {
	want, refused := m.changePrivilege(p)
	if !refused {
		m.privileges = slices.DeleteFunc(m.privileges, func(other *modelPrivilege) bool { return other == p })
		want = expected{200, nil} // not 204, as observed
	}
	m.request(http.MethodDelete, "/privileges/"+p.id.id(), nil, want)
}
