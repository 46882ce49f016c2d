package bigvtest

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

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

// view is the machine without its children.
func (m *machine) view() machineView {
	v := machineView{
		ID: m.id, GroupID: m.group.id, Name: m.name, Hostname: m.hostname(), Cores: m.cores, Memory: m.memory,
		PowerOn: m.powerOn, AutorebootOn: m.autoreboot, CDROMURL: m.cdrom, Keymap: m.keymap, HardwareProfile: m.profile,
		ProfileLocked: m.profileLocked, ZoneName: m.zone, Deleted: m.deleted, ManagementAddress: m.management,
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
		if (deleted || !m.deleted) && q.who.seesMachine(m) {
			views = append(views, q.machineView(m))
		}
	}
	return views
}

// findMachine finds a machine of a group by ID or name, deleted or not.
func (st *state) findMachine(g *group, segment string) *machine {
	if id, is := isID(segment); is {
		if m := st.machines.get(id); m != nil && m.group == g {
			return m
		}
	}
	return g.byName[strings.ToLower(segment)]
}

// machine is the machine in the path.
func (q *request) machine() (*machine, error) {
	g, err := q.group()
	if err != nil {
		return nil, err
	}
	m := q.findMachine(g, q.args[2])
	if m == nil || !q.who.seesMachine(m) {
		return nil, errNotFound
	}
	return m, nil
}

// machineFor is the machine in the path, if the asker has a level on it.
func (q *request) machineFor(live bool) (*machine, error) {
	m, err := q.machine()
	if err != nil {
		return nil, err
	}
	if err := q.may(q.who.onMachine(m), VMAdmin, m.group.account); err != nil {
		return nil, err
	}
	if live && m.deleted {
		return nil, refuse(http.StatusBadRequest, "Virtual machine is deleted")
	}
	return m, nil
}

// filterMachine is the machine that vm_id or vm_name asks for, in the group or
// account that the other parameters ask for. It is nil if neither is there.
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
		m, several, err := q.namedMachine(a, g, q.query.Get(parameter))
		switch {
		case err != nil || found != nil && found != m:
			return nil, nil, nil, orNotFound(err)
		case several:
			return nil, nil, nil, errAmbiguous
		}
		found = m
	}
	return found, a, g, nil
}

// namedMachine finds a machine by ID or name in a group, an account or in all,
// and of several that have the name the first.
func (q *request) namedMachine(a *account, g *group, name string) (first *machine, several bool, err error) {
	within := func(m *machine) bool {
		return m != nil && q.who.seesMachine(m) && (a == nil || m.group.account == a) && (g == nil || m.group == g)
	}
	if id, is := isID(name); is {
		if m := q.machines.get(id); within(m) {
			return m, false, nil
		}
	}
	for other := range q.groups.all() {
		m := other.byName[strings.ToLower(name)]
		if !within(m) {
			continue
		}
		several = first != nil
		if first == nil || m.id < first.id {
			first = m
		}
	}
	if first == nil {
		return nil, false, errNotFound
	}
	return first, several, nil
}

func listMachines(q *request) (answer, error) {
	g, err := q.group()
	if err != nil {
		return answer{}, err
	}
	q.server.autoAdvance()
	return ok(q.machineViews(g.machines))
}

func listAllMachines(q *request) (answer, error) {
	q.server.autoAdvance()
	one, a, g, err := q.filterMachine()
	switch {
	case err != nil:
		return answer{}, err
	case one != nil:
		return ok(q.machineViews([]*machine{one}))
	case g != nil:
		return ok(q.machineViews(g.machines))
	}
	var list []*machine
	for m := range q.machines.all() {
		if a == nil || m.group.account == a {
			list = append(list, m)
		}
	}
	return ok(q.machineViews(list))
}

func getMachine(q *request) (answer, error) {
	q.server.autoAdvance()
	m, err := q.machine()
	if err != nil {
		return answer{}, err
	}
	return q.showMachine(m)
}

func getFlatMachine(q *request) (answer, error) {
	q.server.autoAdvance()
	m, _, err := q.namedMachine(nil, nil, q.args[0])
	if err != nil {
		return answer{}, err
	}
	return q.showMachine(m)
}

func (q *request) showMachine(m *machine) (answer, error) {
	switch {
	case m.deleted && !q.flag("include_deleted"):
		return answer{}, errNotFound
	case m.provisioning:
		return accepted(q.machineView(m))
	}
	return ok(q.machineView(m))
}

// errCDROM is what the service says of a CD that it cannot use.
var errCDROM = refuse(http.StatusInternalServerError, "Internal server error: the CD-ROM image cannot be used")

// settings reads what both POST and PUT may set of a machine.
func (q *request) machineSettings(f *form, m *machine) error {
	if f.integer("cores", &m.cores) {
		f.atLeast("cores", m.cores, 1)
	}
	if _, there := f.in["memory"]; there {
		// Memory that is no number is not in the list of allowed sizes either.
		if !f.integer("memory", &m.memory) || m.memory < 512 || m.memory%256 != 0 {
			f.bad["memory"] = append([]string{"is not included in the list"}, asList(f.bad["memory"])...)
		}
	}
	if f.nullable("cdrom_url", &m.cdrom) && m.cdrom != nil {
		if u, err := url.Parse(*m.cdrom); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ftp" {
			return errCDROM
		}
	}
	if f.nullable("keymap", &m.keymap) && m.keymap != nil {
		f.oneOf("keymap", *m.keymap, keymaps)
	}
	if f.has("hardware_profile") && f.text("hardware_profile", &m.profile) {
		f.oneOf("hardware_profile", m.profile, hardwareProfiles)
	}
	f.boolean("hardware_profile_locked", &m.profileLocked)
	return nil
}

func asList(messages any) []string {
	list, _ := messages.([]string)
	return list
}

// machineName reads a machine's name, which must be free in its group. A deleted
// machine keeps its name.
func (f *form) machineName(g *group, itself *machine, name *string) {
	if !f.text("name", name) {
		return
	}
	f.name("name", *name, 3)
	if m := g.byName[strings.ToLower(*name)]; m != nil && m != itself {
		f.bad.add("name", "has already been taken")
	}
}

// newMachine reads a machine to be made.
func (q *request) newMachine(g *group, in attributes) (*machine, *form, error) {
	f := newForm(in)
	m := &machine{group: g, cores: 1, memory: 1024, profile: hardwareProfiles[0], zone: zoneNames[0]}
	f.required("name")
	f.machineName(g, nil, &m.name)
	if err := q.machineSettings(f, m); err != nil {
		return nil, nil, err
	}
	if f.has("zone_name") && f.text("zone_name", &m.zone) {
		f.oneOf("zone_name", m.zone, zoneNames)
	}
	on := false
	f.boolean("power_on", &on)
	f.boolean("autoreboot_on", &m.autoreboot)
	m.wantPower = on || m.autoreboot
	return m, f, nil
}

// mayCreate is the group in the path, if the asker may make machines there.
func (q *request) mayCreate() (*group, error) {
	g, err := q.group()
	if err != nil {
		return nil, err
	}
	return g, q.may(q.who.onGroup(g), GroupAdmin, g.account)
}

func createBareMachine(q *request) (answer, error) {
	g, err := q.mayCreate()
	if err != nil {
		return answer{}, err
	}
	m, f, err := q.newMachine(g, q.in)
	if err == nil {
		err = f.bad.err()
	}
	if err != nil {
		return answer{}, err
	}
	q.provision(m)
	return accepted(m.view())
}

type createdView struct {
	Machine machineView `json:"virtual_machine"`
	Discs   []discView  `json:"discs"`
	Image   *image      `json:"reimage,omitempty"`
}

// createMachine makes a machine, its discs and its image, or none of them. What
// is wrong with the machine itself stands at the top of the refusal.
func createMachine(q *request) (answer, error) {
	g, err := q.mayCreate()
	if err != nil {
		return answer{}, err
	}
	outer := newForm(q.in)
	in, there := outer.object("virtual_machine")
	if !there && !outer.has("virtual_machine") {
		outer.bad.add("virtual_machine", "can't be blank")
	}
	m, f, err := q.newMachine(g, in)
	if err != nil {
		return answer{}, err
	}
	for key, message := range outer.bad {
		f.bad[key] = message
	}
	discs, errs := q.newDiscs(outer)
	if len(errs) > 0 {
		f.bad["discs"] = errs
	} else if message := asList(outer.bad["discs"]); message != nil {
		f.bad["discs"] = message
	}
	if in, there := outer.object("reimage"); there {
		inner := newForm(in)
		m.image = readImage(inner)
		for key, message := range inner.bad {
			f.bad[key] = message
		}
	}
	if in, there := outer.object("ips"); there {
		m.askedIPs = q.newIPs(f, g, in)
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	q.provision(m)
	for _, d := range discs {
		q.addDisc(m, d)
		for _, s := range d.schedules {
			q.addSchedule(s)
		}
	}
	view := createdView{Machine: m.view(), Discs: discViews(m.discs, false)}
	if m.image.Distribution != "" {
		view.Image = &m.image
	}
	return accepted(view)
}

// newIPs reads the addresses of a machine in a private VLAN.
func (q *request) newIPs(f *form, g *group, in attributes) []netip.Addr {
	if g.vlan == 0 {
		f.bad.add("ips", "may be given in a private VLAN only")
		return nil
	}
	var list []netip.Addr
	inner := newForm(in)
	for _, key := range []string{"ipv4", "ipv6"} {
		text := ""
		if !inner.has(key) || !inner.text(key, &text) {
			continue
		}
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil || addr.Is4() != (key == "ipv4") || addr.Is4In6() || addr.Zone() != "":
			inner.bad.add(key, "is invalid")
		case q.taken(addr):
			inner.bad.add(key, "has already been taken")
		default:
			list = append(list, addr)
		}
	}
	if len(inner.bad) > 0 {
		f.bad["ips"] = inner.bad
	}
	return list
}

// readImage reads the attributes of an image.
func readImage(f *form) image {
	var i image
	f.required("distribution")
	if f.text("distribution", &i.Distribution) && i.Distribution != "none" {
		f.oneOf("distribution", i.Distribution, distributions)
	}
	if f.has("root_password") {
		f.text("root_password", &i.RootPassword)
	}
	if f.has("ssh_public_key") {
		f.text("ssh_public_key", &i.SSHPublicKey)
	}
	if f.has("firstboot_script") {
		f.text("firstboot_script", &i.FirstbootScript)
	}
	return i
}

// provision makes a machine, which is up some time later.
func (st *state) provision(m *machine) {
	st.addMachine(m)
	m.provisioning = true
	for _, addr := range m.askedIPs {
		st.ips[addr] = &ip{addr: addr} // kept for it
	}
	m.pending = st.clock.after(ProvisioningTime, func() {
		m.pending, m.provisioning = nil, false
		st.connect(m)
		if m.image.Distribution != "" && m.image.Distribution != "none" {
			m.lastImaged = &m.image.Distribution
		}
		if m.wantPower {
			st.powerOn(m)
		}
	})
}

// addMachine gives a machine its ID and its group.
func (st *state) addMachine(m *machine) {
	st.machines.add(func(id int) *machine {
		m.id = id
		return m
	})
	m.management = "192.0.2." + itoa(1+m.id%250)
	m.head = "head" + itoa(10+m.id%8)
	m.group.machines = insert(m.group.machines, m)
	m.group.byName[strings.ToLower(m.name)] = m
}

// setPower makes a machine be on or off. One that is being provisioned will be
// when it is done.
func (st *state) setPower(m *machine, on bool) {
	switch {
	case m.provisioning:
		m.wantPower = on
	case on:
		st.powerOn(m)
	default:
		st.powerOff(m)
	}
}

func (st *state) powerOn(m *machine) {
	if m.powerOn {
		return // a shutdown under way goes on
	}
	m.pending.cancel()
	m.pending, m.powerOn = nil, true
	m.starts++
	m.running = ""
	if m.appliance != nil {
		m.running = m.appliance.Name
		if !m.appliance.Permanent {
			m.appliance = nil
		}
	}
}

// powerOff switches a machine off. With autoreboot on it comes back when that is
// noticed.
func (st *state) powerOff(m *machine) {
	m.pending.cancel()
	m.pending, m.powerOn, m.running = nil, false, ""
	if !m.autoreboot || m.deleted {
		return
	}
	m.pending = st.clock.after(RestartTime, func() {
		m.pending = nil
		if m.autoreboot {
			st.powerOn(m)
		}
	})
}

func updateMachine(q *request) (answer, error) {
	m, err := q.machineFor(false)
	if err != nil {
		return answer{}, err
	}
	f, next := newForm(q.in), *m
	if id := 0; f.integer("group_id", &id) {
		to := q.groups.get(id)
		switch {
		case to == nil || !q.who.seesGroup(to):
			f.bad.add("group_id", "is invalid")
		case to == m.group:
		case min(q.who.onGroup(to), q.who.onGroup(m.group)) < rankOf[GroupAdmin] || to.account.suspended && !q.who.staff():
			return answer{}, errForbidden
		default:
			next.group = to
		}
	}
	f.machineName(next.group, m, &next.name)
	if taken := next.group.byName[strings.ToLower(next.name)]; taken != nil && taken != m && f.bad["name"] == nil {
		f.bad.add("name", "has already been taken")
	}
	if err := q.machineSettings(f, &next); err != nil {
		return answer{}, err
	}
	on := m.powerOn
	setsPower := f.boolean("power_on", &on)
	f.boolean("autoreboot_on", &next.autoreboot)
	deleted := m.deleted
	if f.boolean("deleted", &deleted) && deleted && !m.deleted {
		f.bad.add("deleted", "is invalid")
	}
	if in, there := f.object("appliance"); there {
		inner, a := newForm(in), appliance{}
		inner.required("name")
		inner.text("name", &a.Name)
		inner.boolean("permanent", &a.Permanent)
		if len(inner.bad) > 0 {
			f.bad["appliance"] = inner.bad
		}
		next.appliance = &a
	}
	if setsPower && on && deleted {
		f.bad.add("power_on", "is not possible while the virtual machine is deleted")
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	q.change(m, next)
	m.deleted = deleted
	if setsPower {
		q.setPower(m, on)
	}
	return ok(m.view())
}

// change gives a machine other attributes, and its name and group along.
func (st *state) change(m *machine, next machine) {
	delete(m.group.byName, strings.ToLower(m.name))
	m.group.machines = remove(m.group.machines, m)
	*m = next
	m.group.machines = insert(m.group.machines, m)
	m.group.byName[strings.ToLower(m.name)] = m
}

func deleteMachine(q *request) (answer, error) {
	m, err := q.machine()
	if err != nil {
		return answer{}, err
	}
	if err := q.may(q.who.onGroup(m.group), GroupAdmin, m.group.account); err != nil {
		return answer{}, err
	}
	if q.flag("purge") {
		q.purge(m)
		return gone, nil
	}
	q.softDelete(m)
	return gone, nil
}

func (st *state) softDelete(m *machine) {
	m.deleted = true
	st.powerOff(m)
	if m.provisioning {
		m.provisioning = false
		st.connect(m)
	}
}

// purge makes an end of a machine and all that belongs to it.
func (st *state) purge(m *machine) {
	m.pending.cancel()
	for _, d := range append([]*disc(nil), m.discs...) {
		st.dropDisc(d)
	}
	for _, n := range append([]*nic(nil), m.nics...) {
		st.dropNIC(n)
	}
	if m.provisioning {
		for _, addr := range m.askedIPs {
			st.release(addr)
		}
	}
	st.revokeAll(func(p *privilege) bool { return p.machine == m })
	m.group.machines = remove(m.group.machines, m)
	delete(m.group.byName, strings.ToLower(m.name))
	st.machines.drop(m.id)
	m.gone, m.powerOn = true, false
}

type signalView struct {
	Signal string `json:"signal"`
	Data   string `json:"data,omitempty"`
}

func signalMachine(q *request) (answer, error) {
	m, err := q.machineFor(true)
	if err != nil {
		return answer{}, err
	}
	f, v := newForm(q.in), signalView{}
	f.required("signal")
	if f.text("signal", &v.Signal) {
		f.oneOf("signal", v.Signal, []string{"powerdown", "reset", "sendkey"})
	}
	if v.Signal == "sendkey" {
		f.required("data")
		if f.text("data", &v.Data) && !areKeys(v.Data) {
			f.bad.add("data", "is invalid")
		}
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	if !m.powerOn {
		return answer{}, refuse(http.StatusBadRequest, "Virtual machine is not powered on")
	}
	switch v.Signal {
	case "reset":
		m.resets++
	case "sendkey":
		m.keys = append(m.keys, v.Data)
	case "powerdown":
		m.pending.cancel()
		m.pending = q.clock.after(PowerdownTime, func() {
			m.pending = nil
			q.state.powerOff(m)
		})
	}
	return ok(v)
}

// areKeys reports whether text is names of keys with dashes between. Old clients
// write del for delete.
func areKeys(text string) bool {
	for name := range strings.SplitSeq(text, "-") {
		if name != "del" && !slices.Contains(sendKeys, name) {
			return false
		}
	}
	return true
}

func reimageMachine(q *request) (answer, error) {
	m, err := q.machineFor(true)
	if err != nil {
		return answer{}, err
	}
	f := newForm(q.in)
	i := readImage(f)
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	switch {
	case m.powerOn || m.provisioning:
		return answer{}, refuse(http.StatusBadRequest, "Virtual machine must be powered off")
	case len(m.discs) == 0:
		return answer{}, refuse(http.StatusBadRequest, "Virtual machine has no disc")
	}
	m.image, m.lastImaged, m.autoreboot = i, &i.Distribution, false
	m.discs[0].restored = 0
	q.powerOn(m)
	return ok(image{Distribution: i.Distribution, RootPassword: i.RootPassword})
}
