package bigv

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bigv-go/bigv/internal/route"
)

// AccountPath identifies an account: by name, or by ID if it is all digits. The zero AccountPath
// identifies no account; in list options it means no filter.
type AccountPath string

// DefaultAccount stands for the client's default account, which WithAccount or BIGV_ACCOUNT sets.
// If none is set, a call that uses it returns an error and sends nothing.
const DefaultAccount AccountPath = "@default"

// DefaultGroupName is the name of the group that every account starts with.
const DefaultGroupName = "default"

// UserPath identifies a user: by user name, or by ID if it is all digits.
type UserPath string

// GroupPath identifies a group: by account and by name or ID, or by an ID alone. Create it with
// AccountPath.Group, GroupID or ParseGroupPath. It is comparable. The zero GroupPath identifies no
// group; in list options it means no filter.
type GroupPath struct {
	account AccountPath
	group   string
	bare    bool // an ID alone, as opposed to an account that is empty by mistake
}

// VirtualMachinePath identifies a virtual machine: by group and by name or ID, or by an ID alone.
// Create it with GroupPath.VirtualMachine, VirtualMachineID or ParseVirtualMachinePath. It is
// comparable. The zero VirtualMachinePath identifies no machine; in list options it means no
// filter.
type VirtualMachinePath struct {
	group   GroupPath
	machine string
	bare    bool
}

// DiscPath identifies a disc: by virtual machine and by label or ID, or by an ID alone. Create it
// with VirtualMachinePath.Disc, DiscID or ParseDiscPath. It is comparable. The zero DiscPath
// identifies no disc.
type DiscPath struct {
	machine VirtualMachinePath
	disc    string
	bare    bool
}

// NICPath identifies a network interface: by virtual machine and ID, or by an ID alone. Create it
// with VirtualMachinePath.NIC, NICID or ParseNICPath. It is comparable. The zero NICPath identifies
// no network interface.
type NICPath struct {
	machine VirtualMachinePath
	nic     string
	bare    bool
}

// BackupPath identifies a backup: by disc and by label or ID, or by an ID alone. Create it with
// DiscPath.Backup, BackupID or ParseBackupPath. It is comparable. The zero BackupPath identifies no
// backup.
type BackupPath struct {
	disc   DiscPath
	backup string
	bare   bool
}

// AccountID returns the path of the account with this ID.
func AccountID(id int) AccountPath { return AccountPath(strconv.Itoa(id)) }

// UserID returns the path of the user with this ID.
func UserID(id int) UserPath { return UserPath(strconv.Itoa(id)) }

// GroupID returns the path of the group with this ID, without its account.
func GroupID(id int) GroupPath { return bareGroup(strconv.Itoa(id)) }

// VirtualMachineID returns the path of the virtual machine with this ID, without its group and
// account.
func VirtualMachineID(id int) VirtualMachinePath {
	return bareMachine(strconv.Itoa(id))
}

// DiscID returns the path of the disc with this ID, without its virtual machine.
func DiscID(id int) DiscPath { return bareDisc(strconv.Itoa(id)) }

// NICID returns the path of the network interface with this ID, without its virtual machine.
func NICID(id int) NICPath { return NICPath{nic: strconv.Itoa(id), bare: true} }

// BackupID returns the path of the backup with this ID, without its disc. The service cannot find a
// backup by such a path; see BackupsService.
func BackupID(id int) BackupPath { return BackupPath{backup: strconv.Itoa(id), bare: true} }

// bareGroup returns the path of a group with an ID alone.
func bareGroup(id string) GroupPath { return GroupPath{group: id, bare: true} }

// bareMachine returns the path of a virtual machine with an ID alone.
func bareMachine(id string) VirtualMachinePath { return VirtualMachinePath{machine: id, bare: true} }

// bareDisc returns the path of a disc with an ID alone.
func bareDisc(id string) DiscPath { return DiscPath{disc: id, bare: true} }

// Group returns the path of a group of this account, by name or ID.
func (p AccountPath) Group(nameOrID string) GroupPath {
	return GroupPath{account: p, group: nameOrID}
}

// DefaultGroup returns the path of the group that every account starts with.
func (p AccountPath) DefaultGroup() GroupPath { return p.Group(DefaultGroupName) }

// VirtualMachine returns the path of a virtual machine of this group, by name or ID.
func (p GroupPath) VirtualMachine(nameOrID string) VirtualMachinePath {
	return VirtualMachinePath{group: p, machine: nameOrID}
}

// Disc returns the path of a disc of this virtual machine, by label or ID.
func (p VirtualMachinePath) Disc(labelOrID string) DiscPath {
	return DiscPath{machine: p, disc: labelOrID}
}

// NIC returns the path of a network interface of this virtual machine, by ID.
func (p VirtualMachinePath) NIC(id int) NICPath {
	return NICPath{machine: p, nic: strconv.Itoa(id)}
}

// Backup returns the path of a backup of this disc, by label or ID.
func (p DiscPath) Backup(labelOrID string) BackupPath {
	return BackupPath{disc: p, backup: labelOrID}
}

// Account returns the account of the path, or the zero path if it contains none.
func (p GroupPath) Account() AccountPath { return p.account }

// Group returns the group of the path, or the zero path if it contains none.
func (p VirtualMachinePath) Group() GroupPath { return p.group }

// VirtualMachine returns the virtual machine of the path, or the zero path if it contains none.
func (p DiscPath) VirtualMachine() VirtualMachinePath { return p.machine }

// VirtualMachine returns the virtual machine of the path, or the zero path if it contains none.
func (p NICPath) VirtualMachine() VirtualMachinePath { return p.machine }

// Disc returns the disc of the path, or the zero path if it contains none.
func (p BackupPath) Disc() DiscPath { return p.disc }

// words holds the segments of a path, the child first. It is a value, to avoid an allocation in
// each call.
type words struct {
	n    int
	list [backupDepth]string
}

// add appends a segment.
func (w *words) add(word string) {
	w.list[w.n] = word
	w.n++
}

// segments returns the segments of the path, the child first. The unknown parents of an ID alone
// are omitted. Parents that are empty by mistake are included, so that they are rejected.
func (p AccountPath) segments() (w words) {
	if !p.IsZero() {
		w.add(string(p))
	}
	return w
}

func (p UserPath) segments() words { return AccountPath(p).segments() }

func (p GroupPath) segments() (w words) {
	if !p.IsZero() {
		p.addTo(&w)
	}
	return w
}

func (p VirtualMachinePath) segments() (w words) {
	if !p.IsZero() {
		p.addTo(&w)
	}
	return w
}

func (p DiscPath) segments() (w words) {
	if !p.IsZero() {
		p.addTo(&w)
	}
	return w
}

func (p NICPath) segments() (w words) {
	if p.IsZero() {
		return w
	}
	w.add(p.nic)
	if !p.bare {
		p.machine.addTo(&w)
	}
	return w
}

func (p BackupPath) segments() (w words) {
	if p.IsZero() {
		return w
	}
	w.add(p.backup)
	if !p.bare {
		p.disc.addTo(&w)
	}
	return w
}

// addTo appends the segments of the path, empty ones included.
func (p GroupPath) addTo(w *words) {
	w.add(p.group)
	if !p.bare {
		w.add(string(p.account))
	}
}

func (p VirtualMachinePath) addTo(w *words) {
	w.add(p.machine)
	if !p.bare {
		p.group.addTo(w)
	}
}

func (p DiscPath) addTo(w *words) {
	w.add(p.disc)
	if !p.bare {
		p.machine.addTo(w)
	}
}

// IsZero reports whether p is the zero path.
func (p AccountPath) IsZero() bool { return p == "" }

// IsZero reports whether p is the zero path.
func (p GroupPath) IsZero() bool { return p == GroupPath{} }

// IsZero reports whether p is the zero path.
func (p VirtualMachinePath) IsZero() bool { return p == VirtualMachinePath{} }

// IsZero reports whether p is the zero path.
func (p DiscPath) IsZero() bool { return p == DiscPath{} }

// IsZero reports whether p is the zero path.
func (p NICPath) IsZero() bool { return p == NICPath{} }

// IsZero reports whether p is the zero path.
func (p BackupPath) IsZero() bool { return p == BackupPath{} }

// Templates of nested URLs.
const (
	accountTemplate = "/accounts/{account}"
	groupTemplate   = accountTemplate + "/groups/{group}"
	machineTemplate = groupTemplate + "/virtual_machines/{virtual machine}"
	nicTemplate     = machineTemplate + "/nics/{network interface}"
	discTemplate    = machineTemplate + "/discs/{disc}"
	backupTemplate  = discTemplate + "/backups/{backup}"
)

// Number of segments in a full path of each kind.
const (
	accountDepth = iota + 1
	groupDepth
	machineDepth
	discDepth
	backupDepth
	nicDepth  = discDepth
	userDepth = accountDepth
)

// String returns the text form, such as acme or 41, which ParseAccountPath parses.
func (p AccountPath) String() string { return formatPath(p.segments(), accountDepth) }

// String returns the text form, such as web.acme or #78, which ParseGroupPath parses.
func (p GroupPath) String() string { return formatPath(p.segments(), groupDepth) }

// String returns the text form, such as www1.web.acme or #5012, which ParseVirtualMachinePath
// parses.
func (p VirtualMachinePath) String() string { return formatPath(p.segments(), machineDepth) }

// String returns the text form, such as root.www1.web.acme or #9001, which ParseDiscPath parses.
func (p DiscPath) String() string { return formatPath(p.segments(), discDepth) }

// String returns the text form, such as 6100.www1.web.acme or #6100, which ParseNICPath parses.
func (p NICPath) String() string { return formatPath(p.segments(), nicDepth) }

// String returns the text form, such as nightly.root.www1.web.acme or #9100, which ParseBackupPath
// parses.
func (p BackupPath) String() string { return formatPath(p.segments(), backupDepth) }

// formatPath returns the text form of a path, the child first. If parents are missing, a # marks
// the last segment.
func formatPath(segments words, depth int) string {
	if segments.n == 0 {
		return ""
	}
	for i, segment := range segments.list[:segments.n] {
		segments.list[i] = escapeWord(segment)
	}
	if segments.n < depth {
		segments.list[segments.n-1] = "#" + segments.list[segments.n-1]
	}
	return strings.Join(segments.list[:segments.n], ".")
}

// escapeWord escapes the characters that have a meaning in the text form, and those that a line of
// text cannot contain.
func escapeWord(segment string) string {
	escaped := url.PathEscape(segment)
	if !strings.Contains(escaped, ".") {
		return escaped
	}
	return strings.ReplaceAll(escaped, ".", "%2E")
}

// clusterSuffix is the end of every host name of the service.
const clusterSuffix = ".uk0.bigv.io"

// parsePath parses the text form of a path with depth segments.
func parsePath(kind, text string, depth int) (segments []string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bigv: parsing %s path %q: %w", kind, text, err)
		}
	}()
	words := strings.Split(text, ".")
	if cut, ok := strings.CutSuffix(text, clusterSuffix); ok && len(words) == depth+3 {
		words = strings.Split(cut, ".")
	}
	last := words[len(words)-1]
	id, bare := strings.CutPrefix(last, "#")
	switch {
	case text == "":
		return nil, route.ErrEmpty
	case bare && len(words) >= depth && depth > accountDepth:
		return nil, errors.New("# stands before an ID whose parents are left out, and here none is")
	case slices.ContainsFunc(words[:len(words)-1], func(word string) bool { return strings.HasPrefix(word, "#") }):
		return nil, errors.New("# stands before an ID whose parents are left out, and so in the last part only")
	case bare && !route.IsID(id):
		return nil, errors.New("# must be followed by an ID")
	case !bare && len(words) < depth:
		return nil, fmt.Errorf("it has %d of %d parts: write %s, or # and an ID alone", len(words), depth, pathExample(kind, depth))
	case len(words) > depth:
		return nil, fmt.Errorf("it has %d parts, and %d are enough: %s", len(words), depth, pathExample(kind, depth))
	}
	if bare {
		words[len(words)-1] = id
	}
	segments = make([]string, len(words))
	for i, word := range words {
		if segments[i], err = url.PathUnescape(word); err != nil {
			return nil, err
		}
		if word == "" && depth-i == groupDepth && !bare {
			segments[i] = DefaultGroupName
		}
		if err := route.Check(segments[i]); err != nil {
			return nil, fmt.Errorf("part %d %w", i+1, err)
		}
	}
	return segments, nil
}

// pathExample returns an example of the text form for a kind of path.
func pathExample(kind string, depth int) string {
	parents := [...]string{accountDepth: "", groupDepth: ".account", machineDepth: ".group.account",
		discDepth: ".machine.group.account", backupDepth: ".disc.machine.group.account"}
	short := map[string]string{"virtual machine": "machine", "network interface": "nic"}
	return cmp.Or(short[kind], kind) + parents[depth]
}

// ParseAccountPath parses the name or ID of an account. A # before an ID and the domain of the
// service after the name are accepted.
func ParseAccountPath(text string) (AccountPath, error) {
	segments, err := parsePath("account", text, accountDepth)
	if err != nil {
		return "", err
	}
	return AccountPath(segments[0]), nil
}

// ParseGroupPath parses group.account, .account for the default group of the account, or #78. The
// domain of the service at the end is accepted.
func ParseGroupPath(text string) (GroupPath, error) {
	segments, err := parsePath("group", text, groupDepth)
	return groupOf(segments), err
}

// ParseVirtualMachinePath parses machine.group.account, machine..account for the default group of
// the account, or #5012. The domain of the service at the end is accepted, so
// VirtualMachine.Hostname can be parsed.
func ParseVirtualMachinePath(text string) (VirtualMachinePath, error) {
	segments, err := parsePath("virtual machine", text, machineDepth)
	return machineOf(segments), err
}

// ParseDiscPath parses disc.machine.group.account or #9001.
func ParseDiscPath(text string) (DiscPath, error) {
	segments, err := parsePath("disc", text, discDepth)
	return discOf(segments), err
}

// ParseNICPath parses nic.machine.group.account or #6100. The first part must be an ID.
func ParseNICPath(text string) (NICPath, error) {
	segments, err := parsePath("network interface", text, nicDepth)
	if err != nil || !route.IsID(segments[0]) {
		if err == nil {
			err = fmt.Errorf("bigv: parsing network interface path %q: a network interface has an ID and no name", text)
		}
		return NICPath{}, err
	}
	return NICPath{nic: segments[0], machine: machineOf(segments[1:]), bare: len(segments) == 1}, nil
}

// ParseBackupPath parses backup.disc.machine.group.account or #9100.
func ParseBackupPath(text string) (BackupPath, error) {
	segments, err := parsePath("backup", text, backupDepth)
	if err != nil {
		return BackupPath{}, err
	}
	return BackupPath{backup: segments[0], disc: discOf(segments[1:]), bare: len(segments) == 1}, nil
}

// groupOf returns the path for the parsed segments, which may be none.
func groupOf(segments []string) (p GroupPath) {
	switch len(segments) {
	case 0:
	case 1:
		p = bareGroup(segments[0])
	default:
		p = AccountPath(segments[1]).Group(segments[0])
	}
	return p
}

// machineOf returns the path for the parsed segments, which may be none.
func machineOf(segments []string) (p VirtualMachinePath) {
	if len(segments) > 0 {
		p = VirtualMachinePath{machine: segments[0], group: groupOf(segments[1:]), bare: len(segments) == 1}
	}
	return p
}

// discOf returns the path for the parsed segments, which may be none.
func discOf(segments []string) (p DiscPath) {
	if len(segments) > 0 {
		p = DiscPath{disc: segments[0], machine: machineOf(segments[1:]), bare: len(segments) == 1}
	}
	return p
}

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p AccountPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p GroupPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p VirtualMachinePath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p DiscPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p NICPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p BackupPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseAccountPath; empty
// text gives the zero path.
func (p *AccountPath) UnmarshalText(text []byte) error {
	return unmarshalPath(p, text, ParseAccountPath)
}

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseGroupPath; empty text
// gives the zero path.
func (p *GroupPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseGroupPath) }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseVirtualMachinePath;
// empty text gives the zero path.
func (p *VirtualMachinePath) UnmarshalText(text []byte) error {
	return unmarshalPath(p, text, ParseVirtualMachinePath)
}

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseDiscPath; empty text
// gives the zero path.
func (p *DiscPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseDiscPath) }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseNICPath; empty text
// gives the zero path.
func (p *NICPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseNICPath) }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseBackupPath; empty
// text gives the zero path.
func (p *BackupPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseBackupPath) }

// unmarshalPath sets p to the path that parse returns for text, or to the zero path for empty text.
func unmarshalPath[P any](p *P, text []byte, parse func(string) (P, error)) error {
	var path P
	if len(text) > 0 {
		var err error
		if path, err = parse(string(text)); err != nil {
			return err
		}
	}
	*p = path
	return nil
}

// checkNewName returns an error if name is invalid, or is all digits: the API would read it as an
// ID. what names it in errors.
func checkNewName(what, name string) error {
	if err := route.Check(name); err != nil {
		return fmt.Errorf("%s %w", what, err)
	}
	if route.IsID(name) {
		return fmt.Errorf("%s %q is all digits, which the API reads as an ID: use at least one letter", what, name)
	}
	return nil
}
