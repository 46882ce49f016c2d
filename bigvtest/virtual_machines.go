package bigvtest

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/bigv-go/bigv"
)

// virtualMachineRoutes lists the endpoints of virtual machines.
var virtualMachineRoutes = map[string]handler{
	"GET " + groupTemplate + "/virtual_machines":  listMachines,
	"POST " + groupTemplate + "/virtual_machines": createBareMachine,
	"POST " + groupTemplate + "/vm_create":        createMachine,
	"GET /virtual_machines":                       listAllMachines,
	"GET /virtual_machines/{v}":                   getFlatMachine,
	"GET " + machineTemplate:                      getMachine,
	"PUT " + machineTemplate:                      updateMachine,
	"DELETE " + machineTemplate:                   deleteMachine,
	"POST " + machineTemplate + "/signal":         signalMachine,
	"POST " + machineTemplate + "/reimage":        reimageMachine,
}

type machine struct {
	id                       int
	group                    *group
	name                     string
	cores                    int
	memory                   int
	powerOn                  bool
	autoreboot               bool
	powerOnAfterProvisioning bool // power on when provisioning completes
	cdrom                    *string
	keymap                   *string
	profile                  string
	profileLocked            bool
	zone                     string
	deleted                  bool
	purged                   bool
	provisioning             bool
	managementAddress        string
	head                     string
	lastImaged               *string
	image                    image
	requestedIPs             []netip.Addr

	appliance        *appliance // for the next start
	runningAppliance string     // name of the appliance it was started from
	starts, resets   int
	sentKeys         []string

	discs        []*disc
	nics         []*nic
	pendingEvent *event // end of provisioning, of a powerdown or of a restart
}

func (m *machine) rowID() int { return m.id }

func (m *machine) hostname() string {
	return m.name + "." + m.group.name + "." + m.group.account.name + ".uk0.bigv.io"
}

type image struct {
	Distribution    string `json:"distribution,omitempty"`
	RootPassword    string `json:"root_password,omitempty"`
	SSHPublicKey    string `json:"ssh_public_key,omitempty"`
	FirstbootScript string `json:"firstboot_script,omitempty"`
}

type appliance struct {
	Name      string
	Permanent bool
}

type machineView struct {
	Type              string      `json:"type,omitempty"`
	ID                int         `json:"id"`
	GroupID           int         `json:"group_id"`
	Name              string      `json:"name"`
	Hostname          string      `json:"hostname"`
	Cores             int         `json:"cores"`
	Memory            int         `json:"memory"`
	PowerOn           bool        `json:"power_on"`
	AutorebootOn      bool        `json:"autoreboot_on"`
	CDROMURL          *string     `json:"cdrom_url"`
	Keymap            *string     `json:"keymap"`
	HardwareProfile   string      `json:"hardware_profile"`
	ProfileLocked     bool        `json:"hardware_profile_locked"`
	ZoneName          string      `json:"zone_name"`
	Deleted           bool        `json:"deleted"`
	ManagementAddress string      `json:"management_address"`
	Head              *string     `json:"head"`
	LastImagedWith    *string     `json:"last_imaged_with"`
	Discs             *[]discView `json:"discs,omitempty"`
	NICs              *[]nicView  `json:"network_interfaces,omitempty"`
}

func (q *request) machineView(m *machine) machineView {
	v := m.view()
	if q.overview() {
		v.Type = "application/vnd.bigv.virtual-machine"
		v.Discs, v.NICs = new(discViews(m.discs, true)), new(nicViews(m.nics, true))
	}
	return v
}

// view returns the virtual machine without its discs and network interfaces.
func (m *machine) view() machineView {
	v := machineView{
		ID: m.id, GroupID: m.group.id, Name: m.name, Hostname: m.hostname(), Cores: m.cores, Memory: m.memory,
		PowerOn: m.powerOn, AutorebootOn: m.autoreboot, CDROMURL: m.cdrom, Keymap: m.keymap, HardwareProfile: m.profile,
		ProfileLocked: m.profileLocked, ZoneName: m.zone, Deleted: m.deleted, ManagementAddress: m.managementAddress,
		LastImagedWith: m.lastImaged,
	}
	if m.powerOn {
		v.Head = &m.head
	}
	return v
}

func (q *request) machineViews(list []*machine) []machineView {
	views := []machineView{}
	deleted := q.flag("include_deleted")
	for _, m := range list {
		if (deleted || !m.deleted) && q.caller.canSeeMachine(m) {
			views = append(views, q.machineView(m))
		}
	}
	return views
}

// findMachine returns the virtual machine of a group with the given ID or name, including deleted
// ones, or nil.
func (st *state) findMachine(g *group, segment string) *machine {
	if id, ok := parseID(segment); ok {
		if m := st.machines.get(id); m != nil && m.group == g {
			return m
		}
	}
	return g.byName[strings.ToLower(segment)]
}

// machine returns the virtual machine in the path.
func (q *request) machine() (*machine, error) {
	g, err := q.group()
	if err != nil {
		return nil, err
	}
	m := q.findMachine(g, q.args[2])
	if m == nil || !q.caller.canSeeMachine(m) {
		return nil, errNotFound
	}
	return m, nil
}

// machineForUpdate returns the virtual machine in the path if the caller may change it. If live is
// true, it must not be deleted.
func (q *request) machineForUpdate(live bool) (*machine, error) {
	m, err := q.machine()
	if err != nil {
		return nil, err
	}
	if err := q.authorize(q.caller.machineRank(m), bigv.VirtualMachineAdmin, m.group.account); err != nil {
		return nil, err
	}
	if live && m.deleted {
		return nil, newAPIError(http.StatusBadRequest, "Virtual machine is deleted")
	}
	return m, nil
}

// filterMachine returns the virtual machine, account and group selected by the query. Each is nil if
// no parameter selects it.
func (q *request) filterMachine() (found *machine, a *account, g *group, err error) {
	if a, err = q.filterAccount(); err != nil {
		return nil, nil, nil, err
	}
	if g, err = q.filterGroup(a); err != nil {
		return nil, nil, nil, err
	}
	for _, parameter := range []string{"vm_id", "vm_name"} {
		if !q.query.Has(parameter) {
			continue
		}
		m, ambiguous, err := q.lookUpMachine(a, g, q.query.Get(parameter))
		switch {
		case err != nil || found != nil && found != m:
			return nil, nil, nil, orNotFound(err)
		case ambiguous:
			return nil, nil, nil, errAmbiguous
		}
		found = m
	}
	return found, a, g, nil
}

// lookUpMachine returns the visible virtual machine with the given ID or name. If a or g is not nil,
// it must belong to it. If several have the name, ambiguous is true and first is the one with the
// lowest ID. A deleted machine is found by name only if no other has the name.
func (q *request) lookUpMachine(a *account, g *group, name string) (first *machine, ambiguous bool, err error) {
	matches := func(m *machine) bool {
		return m != nil && q.caller.canSeeMachine(m) && (a == nil || m.group.account == a) && (g == nil || m.group == g)
	}
	if id, ok := parseID(name); ok {
		if m := q.machines.get(id); matches(m) {
			return m, false, nil
		}
	}
	for other := range q.groups.all() {
		m := other.byName[strings.ToLower(name)]
		switch {
		case !matches(m):
		case first == nil || first.deleted && !m.deleted:
			first, ambiguous = m, false
		case first.deleted == m.deleted:
			ambiguous = true
			if m.id < first.id {
				first = m
			}
		}
	}
	if first == nil {
		return nil, false, errNotFound
	}
	return first, ambiguous, nil
}

func listMachines(q *request) (response, error) {
	g, err := q.group()
	if err != nil {
		return response{}, err
	}
	q.server.autoAdvance()
	return okResponse(q.machineViews(g.machines))
}

func listAllMachines(q *request) (response, error) {
	q.server.autoAdvance()
	one, a, g, err := q.filterMachine()
	switch {
	case err != nil:
		return response{}, err
	case one != nil:
		return okResponse(q.machineViews([]*machine{one}))
	case g != nil:
		return okResponse(q.machineViews(g.machines))
	}
	var list []*machine
	for m := range q.machines.all() {
		if a == nil || m.group.account == a {
			list = append(list, m)
		}
	}
	return okResponse(q.machineViews(list))
}

func getMachine(q *request) (response, error) {
	q.server.autoAdvance()
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	return q.machineResponse(m)
}

func getFlatMachine(q *request) (response, error) {
	q.server.autoAdvance()
	m, _, err := q.lookUpMachine(nil, nil, q.args[0])
	if err != nil {
		return response{}, err
	}
	return q.machineResponse(m)
}

func (q *request) machineResponse(m *machine) (response, error) {
	switch {
	case m.deleted && !q.flag("include_deleted"):
		return response{}, errNotFound
	case m.provisioning:
		return acceptedResponse(q.machineView(m))
	}
	return okResponse(q.machineView(m))
}

func updateMachine(q *request) (response, error) {
	m, err := q.machineForUpdate(false)
	if err != nil {
		return response{}, err
	}
	f, next := q.newForm(), *m
	if id := 0; f.integer("group_id", &id) {
		to := q.groups.get(id)
		switch {
		case to == nil || !q.caller.canSeeGroup(to):
			f.addError("group_id", "is invalid")
		case to == m.group:
		case q.caller.groupRank(m.group) < levelRanks[bigv.GroupAdmin]:
			return response{}, errForbidden
		case q.authorize(q.caller.groupRank(to), bigv.GroupAdmin, to.account) != nil:
			return response{}, errForbidden
		default:
			next.group = to
		}
	}
	f.readMachineName(next.group, m, &next.name)
	if taken := next.group.byName[strings.ToLower(next.name)]; taken != nil && taken != m && !f.hasError("name") {
		f.addError("name", "has already been taken")
	}
	if err := q.readMachineSettings(f, &next); err != nil {
		return response{}, err
	}
	on := m.powerOn
	setsPower := f.boolean("power_on", &on)
	f.boolean("autoreboot_on", &next.autoreboot)
	deleted := m.deleted
	if f.boolean("deleted", &deleted) && deleted && !m.deleted {
		f.addError("deleted", "is invalid")
	}
	if in, present := f.object("appliance", "appliance."); present {
		next.appliance = &appliance{}
		in.require("name")
		in.text("name", &next.appliance.Name)
		in.boolean("permanent", &next.appliance.Permanent)
	}
	if setsPower && on && deleted {
		f.addError("power_on", "is not possible while the virtual machine is deleted")
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	q.replaceMachine(m, next)
	m.deleted = deleted
	if setsPower {
		q.setPower(m, on)
	}
	return okResponse(m.view())
}

// replaceMachine replaces the attributes of a virtual machine, including its name and group.
func (st *state) replaceMachine(m *machine, next machine) {
	delete(m.group.byName, strings.ToLower(m.name))
	m.group.machines = removeByID(m.group.machines, m)
	*m = next
	m.group.machines = insertByID(m.group.machines, m)
	m.group.byName[strings.ToLower(m.name)] = m
}

func deleteMachine(q *request) (response, error) {
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.groupRank(m.group), bigv.GroupAdmin, m.group.account); err != nil {
		return response{}, err
	}
	if q.flag("purge") {
		q.purge(m)
		return noContent, nil
	}
	q.softDelete(m)
	return noContent, nil
}

func (st *state) softDelete(m *machine) {
	m.deleted = true
	st.powerOff(m)
	if m.provisioning {
		m.provisioning = false
		st.addNIC(m)
	}
}

// purge removes a virtual machine and everything that belongs to it.
func (st *state) purge(m *machine) {
	m.pendingEvent.cancel()
	for _, d := range slices.Clone(m.discs) {
		st.removeDisc(d)
	}
	for _, n := range slices.Clone(m.nics) {
		st.removeNIC(n)
	}
	if m.provisioning {
		for _, addr := range m.requestedIPs {
			st.releaseAddress(addr)
		}
	}
	st.revokeAll(func(p *privilege) bool { return p.machine == m })
	m.group.machines = removeByID(m.group.machines, m)
	delete(m.group.byName, strings.ToLower(m.name))
	st.machines.remove(m.id)
	m.purged, m.powerOn, m.provisioning, m.runningAppliance = true, false, false, ""
}
