package bigv

import (
	"fmt"
	"strconv"

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
// AccountPath.Group, GroupID or ParseGroupPath. It is comparable, but a result of Group.Path contains
// the name too, for display: to compare groups, compare their IDs. The zero GroupPath identifies no
// group; in list options it means no filter.
type GroupPath struct {
	account AccountPath
	group   string
	name    string // if group is an ID, the name that errors show; may be empty
	idOnly  bool   // an ID alone, as opposed to an account that is empty by mistake
}

// VirtualMachinePath identifies a virtual machine: by group and by name or ID, or by an ID alone.
// Create it with GroupPath.VirtualMachine, VirtualMachineID or ParseVirtualMachinePath. It is
// comparable, but a result of VirtualMachine.Path contains the names too, for display: to compare
// machines, compare their IDs. The zero VirtualMachinePath identifies no machine; in list options it
// means no filter.
type VirtualMachinePath struct {
	group   GroupPath
	machine string
	name    string // if machine is an ID, the name that errors show; may be empty
	idOnly  bool
}

// DiscPath identifies a disc: by virtual machine and by label or ID, or by an ID alone. Create it
// with VirtualMachinePath.Disc, DiscID or ParseDiscPath. It is comparable, but a result of Disc.Path
// contains the label too, for display: to compare discs, compare their IDs. The zero DiscPath
// identifies no disc.
type DiscPath struct {
	machine VirtualMachinePath
	disc    string
	name    string // like that of a VirtualMachinePath
	idOnly  bool
}

// NICPath identifies a network interface: by virtual machine and ID, or by an ID alone. Create it
// with VirtualMachinePath.NIC, NICID or ParseNICPath. It is comparable. The zero NICPath identifies
// no network interface.
type NICPath struct {
	machine VirtualMachinePath
	nic     string
	idOnly  bool
}

// BackupPath identifies a backup: by disc and by label or ID, or by an ID alone. Create it with
// DiscPath.Backup, BackupID or ParseBackupPath. It is comparable, but a result of Backup.Path contains
// the label too, for display: to compare backups, compare their IDs. The zero BackupPath identifies no
// backup.
type BackupPath struct {
	disc   DiscPath
	backup string
	name   string // like that of a VirtualMachinePath
	idOnly bool
}

// AccountID returns the path of the account with this ID.
func AccountID(id int) AccountPath { return AccountPath(strconv.Itoa(id)) }

// UserID returns the path of the user with this ID.
func UserID(id int) UserPath { return UserPath(strconv.Itoa(id)) }

// GroupID returns the path of the group with this ID, without its account.
func GroupID(id int) GroupPath { return groupIDOnly(strconv.Itoa(id)) }

// VirtualMachineID returns the path of the virtual machine with this ID, without its group and
// account.
func VirtualMachineID(id int) VirtualMachinePath {
	return virtualMachineIDOnly(strconv.Itoa(id))
}

// DiscID returns the path of the disc with this ID, without its virtual machine.
func DiscID(id int) DiscPath { return discIDOnly(strconv.Itoa(id)) }

// NICID returns the path of the network interface with this ID, without its virtual machine.
func NICID(id int) NICPath { return NICPath{nic: strconv.Itoa(id), idOnly: true} }

// BackupID returns the path of the backup with this ID, without its disc. The service cannot find a
// backup by such a path; see BackupsService.
func BackupID(id int) BackupPath { return BackupPath{backup: strconv.Itoa(id), idOnly: true} }

// groupIDOnly returns the path of a group with an ID alone.
func groupIDOnly(id string) GroupPath { return GroupPath{group: id, idOnly: true} }

// virtualMachineIDOnly returns the path of a virtual machine with an ID alone.
func virtualMachineIDOnly(id string) VirtualMachinePath {
	return VirtualMachinePath{machine: id, idOnly: true}
}

// discIDOnly returns the path of a disc with an ID alone.
func discIDOnly(id string) DiscPath { return DiscPath{disc: id, idOnly: true} }

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

// Name returns the last segment of the path: the name or ID of the account.
func (p AccountPath) Name() string { return string(p) }

// Name returns the last segment of the path: the name or ID of the user.
func (p UserPath) Name() string { return string(p) }

// Name returns the last segment of the path: the name or ID of the group.
func (p GroupPath) Name() string { return p.group }

// Name returns the last segment of the path: the name or ID of the virtual machine.
func (p VirtualMachinePath) Name() string { return p.machine }

// Name returns the last segment of the path: the label or ID of the disc.
func (p DiscPath) Name() string { return p.disc }

// Name returns the last segment of the path: the ID of the network interface.
func (p NICPath) Name() string { return p.nic }

// Name returns the last segment of the path: the label or ID of the backup.
func (p BackupPath) Name() string { return p.backup }

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

// kind implements [resourcePath].
func (p AccountPath) kind() pathKind {
	return pathKind{template: accountTemplate, depth: accountDepth, inAccount: true}
}

// kind implements [resourcePath].
func (p UserPath) kind() pathKind {
	return pathKind{template: usersRoute + "/{user}", depth: userDepth}
}

// kind implements [resourcePath].
func (p GroupPath) kind() pathKind {
	return pathKind{template: groupTemplate, depth: groupDepth, collection: groupsRoute, inAccount: true}
}

// kind implements [resourcePath].
func (p VirtualMachinePath) kind() pathKind {
	return pathKind{template: machineTemplate, depth: machineDepth, collection: virtualMachinesRoute, inAccount: true}
}

// kind implements [resourcePath].
func (p DiscPath) kind() pathKind {
	return pathKind{template: discTemplate, depth: discDepth, collection: discsRoute, inAccount: true}
}

// kind implements [resourcePath].
func (p NICPath) kind() pathKind {
	return pathKind{template: nicTemplate, depth: nicDepth, collection: nicsRoute, inAccount: true}
}

// kind implements [resourcePath].
func (p BackupPath) kind() pathKind {
	return pathKind{template: backupTemplate, depth: backupDepth, inAccount: true}
}

// segments implements [resourcePath].
func (p AccountPath) segments() (s segments) {
	if !p.IsZero() {
		s.add(string(p))
	}
	return s
}

// segments implements [resourcePath].
func (p UserPath) segments() segments { return AccountPath(p).segments() }

// segments implements [resourcePath].
func (p GroupPath) segments() (s segments) {
	if !p.IsZero() {
		p.addTo(&s)
	}
	return s
}

// segments implements [resourcePath].
func (p VirtualMachinePath) segments() (s segments) {
	if !p.IsZero() {
		p.addTo(&s)
	}
	return s
}

// segments implements [resourcePath].
func (p DiscPath) segments() (s segments) {
	if !p.IsZero() {
		p.addTo(&s)
	}
	return s
}

// segments implements [resourcePath].
func (p NICPath) segments() (s segments) {
	if p.IsZero() {
		return s
	}
	s.add(p.nic)
	if !p.idOnly {
		p.machine.addTo(&s)
	}
	return s
}

// segments implements [resourcePath].
func (p BackupPath) segments() (s segments) {
	if p.IsZero() {
		return s
	}
	s.add(p.backup)
	if !p.idOnly {
		p.disc.addTo(&s)
	}
	return s
}

// addTo adds the segments of a path. The segments of a zero path are empty, so that the path is
// refused.
func (p GroupPath) addTo(s *segments) {
	s.add(p.group)
	if !p.idOnly {
		s.add(string(p.account))
	}
}

// addTo adds the segments of a path; those of a zero path are empty.
func (p VirtualMachinePath) addTo(s *segments) {
	s.add(p.machine)
	if !p.idOnly {
		p.group.addTo(s)
	}
}

// addTo adds the segments of a path; those of a zero path are empty.
func (p DiscPath) addTo(s *segments) {
	s.add(p.disc)
	if !p.idOnly {
		p.machine.addTo(s)
	}
}

// lacksParents reports whether a path, or that of one of its parents, is an ID alone.
func (p GroupPath) lacksParents() bool          { return p.idOnly }
func (p VirtualMachinePath) lacksParents() bool { return p.idOnly || p.group.lacksParents() }
func (p DiscPath) lacksParents() bool           { return p.idOnly || p.machine.lacksParents() }
func (p NICPath) lacksParents() bool            { return p.idOnly || p.machine.lacksParents() }
func (p BackupPath) lacksParents() bool         { return p.idOnly || p.disc.lacksParents() }

// isID reports whether the last segment of a path is an ID.
func (p AccountPath) isID() bool        { return route.IsID(string(p)) }
func (p UserPath) isID() bool           { return route.IsID(string(p)) }
func (p GroupPath) isID() bool          { return route.IsID(p.group) }
func (p VirtualMachinePath) isID() bool { return route.IsID(p.machine) }
func (p DiscPath) isID() bool           { return route.IsID(p.disc) }
func (p BackupPath) isID() bool         { return route.IsID(p.backup) }

// checkNewName returns an error if name is invalid, or is all digits, since the API would read it
// as an ID. what describes the name in errors.
func checkNewName(what, name string) error {
	if err := route.Check(name); err != nil {
		return fmt.Errorf("%s %w", what, err)
	}
	if route.IsID(name) {
		return fmt.Errorf("%s %q is all digits, which the API reads as an ID: use at least one letter", what, name)
	}
	return nil
}

// responseID returns the ID of an object that has been read, or an error if there is none.
func responseID(id int, err error) (int, error) {
	if err == nil && id <= 0 {
		err = fmt.Errorf("%w: the ID is missing", ErrInvalidResponse)
	}
	return id, err
}

// parseID parses a path segment that consists of digits.
func parseID(digits string) (int, error) {
	id, err := strconv.Atoi(digits)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%s is not an ID", digits)
	}
	return id, nil
}
