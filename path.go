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

// AccountPath names an account: by name, or by ID if it is all digits. The zero
// AccountPath names nothing; in list options it is no filter.
type AccountPath string

// DefaultAccount stands for the client's default account, which WithAccount or
// BIGV_ACCOUNT sets. With none set, a call on it is an error and sends nothing.
const DefaultAccount AccountPath = "@default"

// DefaultGroupName is the name of the group that every account starts with.
const DefaultGroupName = "default"

// UserPath names a user: by user name, or by ID if it is all digits.
type UserPath string

// GroupPath names a group: by account and name or ID, or by an ID alone. Make
// one with AccountPath.Group, GroupID or ParseGroupPath. It is comparable; the
// zero GroupPath names nothing, and in list options is no filter.
type GroupPath struct {
	account AccountPath
	group   string
	bare    bool // an ID alone, as against an account that is empty by mistake
}

// VirtualMachinePath names a virtual machine: by group and name or ID, or by an
// ID alone. Make one with GroupPath.VirtualMachine, VirtualMachineID or
// ParseVirtualMachinePath. It is comparable; the zero VirtualMachinePath names
// nothing, and in list options is no filter.
type VirtualMachinePath struct {
	group   GroupPath
	machine string
	bare    bool
}

// DiscPath names a disc: by virtual machine and label or ID, or by an ID alone.
// Make one with VirtualMachinePath.Disc, DiscID or ParseDiscPath. It is
// comparable; the zero DiscPath names nothing.
type DiscPath struct {
	machine VirtualMachinePath
	disc    string
	bare    bool
}

// NICPath names a network interface: by virtual machine and ID, or by an ID
// alone. Make one with VirtualMachinePath.NIC or NICID. It is comparable.
type NICPath struct {
	machine VirtualMachinePath
	nic     string
	bare    bool
}

// BackupPath names a backup of a disc: by disc and label or ID, or by an ID
// alone. Make one with DiscPath.Backup or BackupID. It is comparable.
type BackupPath struct {
	disc   DiscPath
	backup string
	bare   bool
}

// AccountID is the path of the account with this ID.
func AccountID(id int) AccountPath { return AccountPath(strconv.Itoa(id)) }

// UserID is the path of the user with this ID.
func UserID(id int) UserPath { return UserPath(strconv.Itoa(id)) }

// GroupID is the path of the group with this ID, its account unknown.
func GroupID(id int) GroupPath { return bareGroup(strconv.Itoa(id)) }

// VirtualMachineID is the path of the virtual machine with this ID, its group
// and account unknown.
func VirtualMachineID(id int) VirtualMachinePath {
	return bareMachine(strconv.Itoa(id))
}

// DiscID is the path of the disc with this ID, its virtual machine unknown.
func DiscID(id int) DiscPath { return bareDisc(strconv.Itoa(id)) }

// NICID is the path of the network interface with this ID, its virtual machine
// unknown.
func NICID(id int) NICPath { return NICPath{nic: strconv.Itoa(id), bare: true} }

// BackupID is the path of the backup with this ID, its disc unknown.
func BackupID(id int) BackupPath { return BackupPath{backup: strconv.Itoa(id), bare: true} }

func bareGroup(id string) GroupPath            { return GroupPath{group: id, bare: true} }
func bareMachine(id string) VirtualMachinePath { return VirtualMachinePath{machine: id, bare: true} }
func bareDisc(id string) DiscPath              { return DiscPath{disc: id, bare: true} }

// Group is the path of a group of this account, by name or ID.
func (p AccountPath) Group(nameOrID string) GroupPath {
	return GroupPath{account: p, group: nameOrID}
}

// DefaultGroup is the path of the group that every account starts with.
func (p AccountPath) DefaultGroup() GroupPath { return p.Group(DefaultGroupName) }

// VirtualMachine is the path of a virtual machine of this group, by name or ID.
func (p GroupPath) VirtualMachine(nameOrID string) VirtualMachinePath {
	return VirtualMachinePath{group: p, machine: nameOrID}
}

// Disc is the path of a disc of this virtual machine, by label or ID.
func (p VirtualMachinePath) Disc(labelOrID string) DiscPath {
	return DiscPath{machine: p, disc: labelOrID}
}

// NIC is the path of a network interface of this virtual machine.
func (p VirtualMachinePath) NIC(id int) NICPath {
	return NICPath{machine: p, nic: strconv.Itoa(id)}
}

// Backup is the path of a backup of this disc, by label or ID.
func (p DiscPath) Backup(labelOrID string) BackupPath {
	return BackupPath{disc: p, backup: labelOrID}
}

// Account is the account of this path, and zero if the path does not say.
func (p GroupPath) Account() AccountPath { return p.account }

// Group is the group of this path, and zero if the path does not say.
func (p VirtualMachinePath) Group() GroupPath { return p.group }

// VirtualMachine is the virtual machine of this path, and zero if the path does
// not say.
func (p DiscPath) VirtualMachine() VirtualMachinePath { return p.machine }

// VirtualMachine is the virtual machine of this path, and zero if the path does
// not say.
func (p NICPath) VirtualMachine() VirtualMachinePath { return p.machine }

// Disc is the disc of this path, and zero if the path does not say.
func (p BackupPath) Disc() DiscPath { return p.disc }

// words are the segments of a path, the child first: a value, since every call
// makes some.
type words struct {
	n    int
	list [backupDepth]string
}

func (w *words) add(word string) {
	w.list[w.n] = word
	w.n++
}

// segments are the path's own words, the child first. The parents of a bare ID
// are left out; those that are empty by mistake are not, so that they are
// refused.
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

// addTo adds the words of a path as they are. One that names nothing is an empty
// word for each of its levels.
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

// IsZero reports whether the path names nothing.
func (p AccountPath) IsZero() bool { return p == "" }

// IsZero reports whether the path names nothing.
func (p GroupPath) IsZero() bool { return p == GroupPath{} }

// IsZero reports whether the path names nothing.
func (p VirtualMachinePath) IsZero() bool { return p == VirtualMachinePath{} }

// IsZero reports whether the path names nothing.
func (p DiscPath) IsZero() bool { return p == DiscPath{} }

// IsZero reports whether the path names nothing.
func (p NICPath) IsZero() bool { return p == NICPath{} }

// IsZero reports whether the path names nothing.
func (p BackupPath) IsZero() bool { return p == BackupPath{} }

// The templates of nested URLs.
const (
	accountTemplate = "/accounts/{account}"
	groupTemplate   = accountTemplate + "/groups/{group}"
	machineTemplate = groupTemplate + "/virtual_machines/{virtual machine}"
	nicTemplate     = machineTemplate + "/nics/{network interface}"
	discTemplate    = machineTemplate + "/discs/{disc}"
	backupTemplate  = discTemplate + "/backups/{backup}"
)

// The depth of each kind of path: the number of words in a full one.
const (
	accountDepth = iota + 1
	groupDepth
	machineDepth
	discDepth
	backupDepth
	nicDepth  = discDepth
	userDepth = accountDepth
)

// String is the text form, acme or 41, which ParseAccountPath reads.
func (p AccountPath) String() string { return formatPath(p.segments(), accountDepth) }

// String is the text form, web.acme or #78, which ParseGroupPath reads.
func (p GroupPath) String() string { return formatPath(p.segments(), groupDepth) }

// String is the text form, www1.web.acme or #5012, which
// ParseVirtualMachinePath reads.
func (p VirtualMachinePath) String() string { return formatPath(p.segments(), machineDepth) }

// String is the text form, root.www1.web.acme or #9001, which ParseDiscPath
// reads.
func (p DiscPath) String() string { return formatPath(p.segments(), discDepth) }

// String is the text form, 6100.www1.web.acme or #6100, which ParseNICPath
// reads.
func (p NICPath) String() string { return formatPath(p.segments(), nicDepth) }

// String is the text form, nightly.root.www1.web.acme or #9100, which
// ParseBackupPath reads.
func (p BackupPath) String() string { return formatPath(p.segments(), backupDepth) }

// formatPath writes the words of a path, the child first. The word of a path
// whose parents are not known carries a #, so that it reads back as it was.
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

// escapeWord hides from the parser what has a meaning of its own in the text
// form, and what would be lost in a line of text.
func escapeWord(segment string) string {
	escaped := url.PathEscape(segment)
	if !strings.Contains(escaped, ".") {
		return escaped
	}
	return strings.ReplaceAll(escaped, ".", "%2E")
}

// clusterSuffix ends every host name of the service.
const clusterSuffix = ".uk0.bigv.io"

// parsePath reads the text form of a path with depth words.
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

// pathExample is what a path of a kind looks like.
func pathExample(kind string, depth int) string {
	parents := [...]string{accountDepth: "", groupDepth: ".account", machineDepth: ".group.account", discDepth: ".machine.group.account", backupDepth: ".disc.machine.group.account"}
	short := map[string]string{"virtual machine": "machine", "network interface": "nic"}
	return cmp.Or(short[kind], kind) + parents[depth]
}

// ParseAccountPath reads an account's name or ID; a # before an ID and the
// service's domain behind the name are tolerated.
func ParseAccountPath(text string) (AccountPath, error) {
	segments, err := parsePath("account", text, accountDepth)
	if err != nil {
		return "", err
	}
	return AccountPath(segments[0]), nil
}

// ParseGroupPath reads group.account, .account for the account's default group,
// or #78. The service's domain behind it is tolerated.
func ParseGroupPath(text string) (GroupPath, error) {
	segments, err := parsePath("group", text, groupDepth)
	return groupOf(segments), err
}

// ParseVirtualMachinePath reads machine.group.account, machine..account for the
// account's default group, or #5012. The service's domain behind it is
// tolerated, so that the Hostname of a VirtualMachine reads as its path.
func ParseVirtualMachinePath(text string) (VirtualMachinePath, error) {
	segments, err := parsePath("virtual machine", text, machineDepth)
	return machineOf(segments), err
}

// ParseDiscPath reads disc.machine.group.account or #9001.
func ParseDiscPath(text string) (DiscPath, error) {
	segments, err := parsePath("disc", text, discDepth)
	return discOf(segments), err
}

// ParseNICPath reads nic.machine.group.account or #6100.
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

// ParseBackupPath reads backup.disc.machine.group.account or #9100.
func ParseBackupPath(text string) (BackupPath, error) {
	segments, err := parsePath("backup", text, backupDepth)
	if err != nil {
		return BackupPath{}, err
	}
	return BackupPath{backup: segments[0], disc: discOf(segments[1:]), bare: len(segments) == 1}, nil
}

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

func machineOf(segments []string) (p VirtualMachinePath) {
	if len(segments) > 0 {
		p = VirtualMachinePath{machine: segments[0], group: groupOf(segments[1:]), bare: len(segments) == 1}
	}
	return p
}

func discOf(segments []string) (p DiscPath) {
	if len(segments) > 0 {
		p = DiscPath{disc: segments[0], machine: machineOf(segments[1:]), bare: len(segments) == 1}
	}
	return p
}

// MarshalText writes the text form; a path that names nothing is empty text.
func (p AccountPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the text form; a path that names nothing is empty text.
func (p GroupPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the text form; a path that names nothing is empty text.
func (p VirtualMachinePath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the text form; a path that names nothing is empty text.
func (p DiscPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the text form; a path that names nothing is empty text.
func (p NICPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the text form; a path that names nothing is empty text.
func (p BackupPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what ParseAccountPath reads; empty text names nothing.
func (p *AccountPath) UnmarshalText(text []byte) error {
	return unmarshalPath(p, text, ParseAccountPath)
}

// UnmarshalText reads what ParseGroupPath reads; empty text names nothing.
func (p *GroupPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseGroupPath) }

// UnmarshalText reads what ParseVirtualMachinePath reads; empty text names
// nothing.
func (p *VirtualMachinePath) UnmarshalText(text []byte) error {
	return unmarshalPath(p, text, ParseVirtualMachinePath)
}

// UnmarshalText reads what ParseDiscPath reads; empty text names nothing.
func (p *DiscPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseDiscPath) }

// UnmarshalText reads what ParseNICPath reads; empty text names nothing.
func (p *NICPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseNICPath) }

// UnmarshalText reads what ParseBackupPath reads; empty text names nothing.
func (p *BackupPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseBackupPath) }

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

// checkNewName refuses a name that the API would never find again: it reads all
// digits as an ID.
func checkNewName(what, name string) error {
	if err := route.Check(name); err != nil {
		return fmt.Errorf("%s %w", what, err)
	}
	if route.IsID(name) {
		return fmt.Errorf("%s %q is all digits, which the API reads as an ID: use at least one letter", what, name)
	}
	return nil
}
