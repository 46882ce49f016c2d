package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bigv-go/bigv"
)

// target identifies what a privilege is on by IDs: a virtual machine in a group, a group if machine is 0, or the
// account if both are 0.
type target struct{ group, machine int }

// overlaps reports whether one of the targets contains the other.
func (t target) overlaps(other target) bool {
	return t.group == 0 || other.group == 0 ||
		t.group == other.group && (t.machine == 0 || other.machine == 0 || t.machine == other.machine)
}

// userPrivilege is a privilege as the service returned it.
type userPrivilege struct {
	bigv.Privilege
	on target
}

// state holds the privileges in an account.
type state struct {
	account    bigv.Account
	targets    map[target]string // the account, groups and virtual machines, with their descriptions
	own        []bigv.Privilege  // those of the caller, here and elsewhere
	privileges []userPrivilege
}

// readState reads the privileges on an account and on everything in it. The service lists privileges for one
// account, group or virtual machine at a time, and only those below the caller's own level.
func readState(ctx context.Context, client *bigv.Client, path bigv.AccountPath) (*state, error) {
	account, err := client.Accounts.Get(ctx, path, bigv.WithView(bigv.Overview))
	if err != nil {
		return nil, err
	}
	s := &state{account: account, targets: map[target]string{}}
	if s.own, err = client.Privileges.List(ctx, bigv.PrivilegeListOptions{}); err != nil {
		return nil, err
	}
	add := func(on target, description string, options bigv.PrivilegeListOptions) error {
		s.targets[on] = description
		list, err := client.Privileges.List(ctx, options)
		for _, p := range list {
			s.privileges = append(s.privileges, userPrivilege{p, on})
		}
		for _, p := range s.own {
			isOn := p.VirtualMachineID == on.machine && (on.machine != 0 || p.GroupID == on.group) &&
				(on != target{} || p.AccountID == account.ID)
			if isOn && !slices.ContainsFunc(list, func(other bigv.Privilege) bool { return other.ID == p.ID }) {
				s.privileges = append(s.privileges, userPrivilege{p, on})
			}
		}
		return err
	}
	accountPath := bigv.AccountPath(account.Name)
	if err := add(target{}, "the account", bigv.PrivilegeListOptions{Account: accountPath}); err != nil {
		return nil, err
	}
	for _, g := range account.Groups {
		group := accountPath.Group(g.Name)
		if err := add(target{group: g.ID}, "group "+group.String(), bigv.PrivilegeListOptions{Group: group}); err != nil {
			return nil, err
		}
		for _, vm := range g.VirtualMachines {
			machine := group.VirtualMachine(vm.Name)
			err := add(target{g.ID, vm.ID}, "virtual machine "+machine.String(), bigv.PrivilegeListOptions{VirtualMachine: machine})
			if err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(s.privileges, func(a, b userPrivilege) int { return cmp.Compare(a.Username, b.Username) })
	return s, nil
}

// userName returns the name of a user as the service writes it. The service ignores the case of letters.
func (s *state) userName(name string) string {
	for _, p := range s.privileges {
		if strings.EqualFold(p.Username, name) {
			return p.Username
		}
	}
	return name
}

// isCaller reports whether the name is that of the caller.
func (s *state) isCaller(user string) bool { return len(s.own) > 0 && s.own[0].Username == user }

// canChange reports whether the caller may grant and revoke a level on a target: those below the caller's own.
func (s *state) canChange(level bigv.PrivilegeLevel, on target) bool {
	levels := []bigv.PrivilegeLevel{
		bigv.VirtualMachineConsole, bigv.VirtualMachineAdmin, bigv.GroupAdmin, bigv.AccountAdmin, bigv.ClusterAdmin, bigv.ClusterSU,
	}
	highest := -1
	for _, p := range s.own {
		covers := p.AccountID == s.account.ID && p.AccountID != 0 || p.GroupID == on.group && p.GroupID != 0 ||
			p.VirtualMachineID == on.machine && p.VirtualMachineID != 0 || p.AccountID+p.GroupID+p.VirtualMachineID == 0
		if covers {
			highest = max(highest, slices.Index(levels, p.Level))
		}
	}
	return highest < 0 || slices.Index(levels, level) < highest
}

// find returns what a privilege in the file is on. It asks the service about a path that has IDs or another spelling.
func (s *state) find(ctx context.Context, client *bigv.Client, p privilege) (on target, err error) {
	for t, description := range s.targets {
		if strings.HasSuffix(p.String(), " on "+description) {
			return t, nil
		}
	}
	if !p.VirtualMachine.IsZero() {
		var vm bigv.VirtualMachine
		vm, err = client.VirtualMachines.Get(ctx, p.VirtualMachine)
		on = target{vm.GroupID, vm.ID}
	} else {
		var group bigv.Group
		group, err = client.Groups.Get(ctx, p.Group)
		on = target{group: group.ID}
	}
	if err != nil && !errors.Is(err, bigv.ErrNotFound) {
		return on, err
	}
	if _, ok := s.targets[on]; !ok || err != nil {
		return on, fmt.Errorf("not found in account %s", s.account.Name)
	}
	return on, nil
}

// describe describes a privilege. It identifies the privileges that are the same but for their conditions.
func (s *state) describe(user string, level bigv.PrivilegeLevel, on target) string {
	return fmt.Sprintf("%s: %s on %s", user, level, s.targets[on])
}

// print writes the privileges as a table.
func (s *state) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "USER\tLEVEL\tON\tCREDENTIALS")
	for _, p := range s.privileges {
		credentials := "password"
		switch {
		case p.APIKeyID != 0:
			credentials = fmt.Sprintf("API key %d only", p.APIKeyID)
		case p.YubikeyRequired:
			credentials = "password and YubiKey"
		}
		credentials += conditions{maxAge: p.YubikeyOTPMaxAge, ipRestrictions: p.IPRestrictions}.String()
		printf(table, "%s\t%s\t%s\t%s\n", p.Username, p.Level, s.targets[p.on], credentials)
	}
	return table.Flush()
}
