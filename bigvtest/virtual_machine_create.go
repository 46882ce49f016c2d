package bigvtest

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/bigv-go/bigv"
)

// readMachineSettings reads and validates the attributes that both POST and PUT accept.
func (q *request) readMachineSettings(f *form, m *machine) error {
	if f.integer("cores", &m.cores) {
		f.checkMinimum("cores", m.cores, 1)
	}
	if _, present := f.attributes["memory"]; present {
		// Memory that is not a number gets both error messages, as in the real service.
		if !f.integer("memory", &m.memory) || m.memory < 512 || m.memory%256 != 0 {
			f.errors["memory"] = append([]string{"is not included in the list"}, messageList(f.errors["memory"])...)
		}
	}
	if f.nullable("cdrom_url", &m.cdrom) && m.cdrom != nil {
		if u, err := url.Parse(*m.cdrom); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ftp" {
			return errUnusableCDROM
		}
	}
	if f.nullable("keymap", &m.keymap) && m.keymap != nil {
		f.checkOneOf("keymap", *m.keymap, keymaps)
	}
	if f.has("hardware_profile") && f.text("hardware_profile", &m.profile) {
		f.checkOneOf("hardware_profile", m.profile, hardwareProfiles)
	}
	f.boolean("hardware_profile_locked", &m.profileLocked)
	return nil
}

// errUnusableCDROM is returned for a CD-ROM image that cannot be used.
var errUnusableCDROM = newAPIError(http.StatusInternalServerError, "Internal server error: the CD-ROM image cannot be used")

func messageList(messages any) []string {
	list, _ := messages.([]string)
	return list
}

// readMachineName reads and validates the name of a virtual machine, which must be unique in its
// group. A deleted virtual machine keeps its name.
func (f *form) readMachineName(g *group, itself *machine, name *string) {
	if !f.text("name", name) {
		return
	}
	f.checkHostnameLabel("name", *name, 3)
	if m := g.byName[strings.ToLower(*name)]; m != nil && m != itself {
		f.errors.add("name", "has already been taken")
	}
}

// readMachine reads and validates a new virtual machine.
func (q *request) readMachine(g *group, in attributes) (*machine, *form, error) {
	f := newForm(in)
	m := &machine{group: g, cores: 1, memory: 1024, profile: hardwareProfiles[0], zone: zoneNames[0]}
	f.require("name")
	f.readMachineName(g, nil, &m.name)
	if err := q.readMachineSettings(f, m); err != nil {
		return nil, nil, err
	}
	if f.has("zone_name") && f.text("zone_name", &m.zone) {
		f.checkOneOf("zone_name", m.zone, zoneNames)
	}
	on := false
	f.boolean("power_on", &on)
	f.boolean("autoreboot_on", &m.autoreboot)
	m.powerOnAfterProvisioning = on || m.autoreboot
	return m, f, nil
}

// groupForCreate returns the group in the path if the caller may create virtual machines in it.
func (q *request) groupForCreate() (*group, error) {
	g, err := q.group()
	if err != nil {
		return nil, err
	}
	return g, q.authorize(q.caller.groupRank(g), bigv.GroupAdmin, g.account)
}

func createBareMachine(q *request) (response, error) {
	g, err := q.groupForCreate()
	if err != nil {
		return response{}, err
	}
	m, f, err := q.readMachine(g, q.attributes)
	if err == nil {
		err = f.errors.err()
	}
	if err != nil {
		return response{}, err
	}
	q.provision(m)
	return acceptedResponse(m.view())
}

type createdView struct {
	Machine machineView `json:"virtual_machine"`
	Discs   []discView  `json:"discs"`
	Image   *image      `json:"reimage,omitempty"`
}

// createMachine creates a virtual machine with its discs and image, or nothing if any of them is
// invalid. The validation errors of the virtual machine itself are at the top level of the response.
func createMachine(q *request) (response, error) {
	g, err := q.groupForCreate()
	if err != nil {
		return response{}, err
	}
	outer := newForm(q.attributes)
	in, present := outer.object("virtual_machine")
	if !present && !outer.has("virtual_machine") {
		outer.errors.add("virtual_machine", "can't be blank")
	}
	m, f, err := q.readMachine(g, in)
	if err != nil {
		return response{}, err
	}
	maps.Copy(f.errors, outer.errors)
	discs, errs := q.readDiscs(outer)
	if len(errs) > 0 {
		f.errors["discs"] = errs
	} else if message := messageList(outer.errors["discs"]); message != nil {
		f.errors["discs"] = message
	}
	if in, present := outer.object("reimage"); present {
		inner := newForm(in)
		m.image = readImage(inner)
		maps.Copy(f.errors, inner.errors)
	}
	if in, present := outer.object("ips"); present {
		m.requestedIPs = q.readRequestedIPs(f, g, in)
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
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
	return acceptedResponse(view)
}

// readRequestedIPs reads and validates the addresses requested for a virtual machine in a private VLAN.
func (q *request) readRequestedIPs(f *form, g *group, in attributes) []netip.Addr {
	if g.vlan == 0 {
		f.errors.add("ips", "may be given in a private VLAN only")
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
			inner.errors.add(key, "is invalid")
		case q.addressInUse(addr):
			inner.errors.add(key, "has already been taken")
		default:
			list = append(list, addr)
		}
	}
	if len(inner.errors) > 0 {
		f.errors["ips"] = inner.errors
	}
	return list
}

// readImage reads and validates the attributes of an image.
func readImage(f *form) image {
	var i image
	f.require("distribution")
	if f.text("distribution", &i.Distribution) && i.Distribution != "none" {
		f.checkOneOf("distribution", i.Distribution, distributions)
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

// provision creates a virtual machine, which is provisioned after ProvisioningTime.
func (st *state) provision(m *machine) {
	st.addMachine(m)
	m.provisioning = true
	for _, addr := range m.requestedIPs {
		st.ips[addr] = &ip{addr: addr} // reserved
	}
	m.pendingEvent = st.clock.after(ProvisioningTime, func() {
		m.pendingEvent, m.provisioning = nil, false
		st.addNIC(m)
		if m.image.Distribution != "" && m.image.Distribution != "none" {
			m.lastImaged = &m.image.Distribution
		}
		if m.powerOnAfterProvisioning {
			st.powerOn(m)
		}
	})
}

// addMachine assigns an ID to a virtual machine and adds it to its group.
func (st *state) addMachine(m *machine) {
	st.machines.add(func(id int) *machine {
		m.id = id
		return m
	})
	m.managementAddress = "192.0.2." + strconv.Itoa(1+m.id%250)
	m.head = "head" + strconv.Itoa(10+m.id%8)
	m.group.machines = insertByID(m.group.machines, m)
	m.group.byName[strings.ToLower(m.name)] = m
}
