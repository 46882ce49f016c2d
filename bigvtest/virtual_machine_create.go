package bigvtest

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
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
		f.addError("name", "has already been taken")
	}
}

// readMachine reads and validates a new virtual machine.
func (q *request) readMachine(g *group, f *form) (*machine, error) {
	m := &machine{group: g, cores: 1, memory: 1024, profile: hardwareProfiles[0], zone: zoneNames[0]}
	f.require("name")
	f.readMachineName(g, nil, &m.name)
	if err := q.readMachineSettings(f, m); err != nil {
		return nil, err
	}
	if f.text("zone_name", &m.zone) {
		f.checkOneOf("zone_name", m.zone, zoneNames)
	}
	on := false
	f.boolean("power_on", &on)
	f.boolean("autoreboot_on", &m.autoreboot)
	m.powerOnAfterProvisioning = on || m.autoreboot
	return m, nil
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
	f := q.newForm()
	m, err := q.readMachine(g, f)
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
	f := q.newForm()
	f.require("virtual_machine")
	in, _ := f.object("virtual_machine", "")
	m, err := q.readMachine(g, in)
	if err != nil {
		return response{}, err
	}
	discs := q.readDiscs(f)
	if in, present := f.object("reimage", ""); present {
		m.image = readImage(in)
	}
	if !in.has("power_on") && !in.has("autoreboot_on") {
		m.powerOnAfterProvisioning = m.image.Distribution != "" && m.image.Distribution != noImage // as after a reimage
	}
	if in, present := f.object("ips", "ips."); present {
		m.requestedIPs = q.readRequestedIPs(g, in)
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

// readDiscs reads and validates the discs of a new virtual machine. The errors are listed by position,
// with an empty object for each valid disc. An error of a disc as a whole has the name "base".
func (q *request) readDiscs(outer *form) (discs []*disc) {
	list, valid := outer.list("discs")
	var errs []validationErrors
	fail := func(message string) { errs = append(errs, validationErrors{"base": []string{message}}) }
	switch {
	case !valid:
		fail("is invalid")
	case len(list) == 0:
		fail("can't be blank")
	}
	labels := map[string]bool{}
	for i, raw := range list {
		if i == maxDiscs {
			fail(fmt.Sprintf("is too many (maximum is %d)", maxDiscs))
			break
		}
		f, isObject := (&form{errors: validationErrors{}}).nested("base", "", raw)
		errs = append(errs, f.errors)
		if !isObject {
			continue
		}
		d := q.readDisc(f, i+1, func(label string) bool { return labels[label] })
		labels[d.label] = true
		schedules := &form{attributes: f.attributes, errors: outer.errors, prefix: fmt.Sprintf("discs[%d].", i)}
		for _, in := range schedules.objects("backup_schedules") {
			d.schedules = append(d.schedules, q.readSchedule(in, d))
		}
		discs = append(discs, d)
	}
	if slices.ContainsFunc(errs, func(e validationErrors) bool { return len(e) > 0 }) {
		outer.errors["discs"] = errs
	}
	return discs
}

// readRequestedIPs reads and validates the addresses requested for a virtual machine in a private VLAN.
func (q *request) readRequestedIPs(g *group, f *form) (list []netip.Addr) {
	if g.vlan == 0 {
		f.errors.add("ips", "may be given in a private VLAN only")
		return nil
	}
	for _, key := range []string{"ipv4", "ipv6"} {
		text := ""
		if !f.text(key, &text) {
			continue
		}
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil || addr.Is4() != (key == "ipv4") || addr.Is4In6() || addr.Zone() != "":
			f.addError(key, "is invalid")
		case q.addressInUse(addr):
			f.addError(key, "has already been taken")
		default:
			list = append(list, addr)
		}
	}
	return list
}

// noImage is the distribution of a disc that is left empty.
const noImage = "none"

// readImage reads and validates the attributes of an image.
func readImage(f *form) image {
	var i image
	f.require("distribution")
	if f.text("distribution", &i.Distribution) && i.Distribution != noImage {
		f.checkOneOf("distribution", i.Distribution, distributions)
	}
	f.text("root_password", &i.RootPassword)
	f.text("ssh_public_key", &i.SSHPublicKey)
	f.text("firstboot_script", &i.FirstbootScript)
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
		if m.image.Distribution != "" && m.image.Distribution != noImage {
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
