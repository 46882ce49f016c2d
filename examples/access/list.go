package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bigv-go/bigv"
)

// accessList is the content of the file.
type accessList struct {
	Account bigv.AccountPath             `yaml:"account"`
	Users   map[bigv.UserPath]userAccess `yaml:"users"`
}

// userAccess holds the privileges and keys that a user should have.
type userAccess struct {
	Privileges []privilege `yaml:"privileges"`
	Keys       []string    `yaml:"keys"` // nil leaves the keys unchanged
}

// privilege is a level on a virtual machine or a group, or on the account if both are zero. An attribute that is nil
// keeps its value.
type privilege struct {
	Level            bigv.PrivilegeLevel     `yaml:"level"`
	Group            bigv.GroupPath          `yaml:"group"`
	VirtualMachine   bigv.VirtualMachinePath `yaml:"virtual_machine"`
	YubikeyRequired  *bool                   `yaml:"yubikey_required"`
	YubikeyOTPMaxAge *int                    `yaml:"yubikey_otp_max_age"` // seconds
}

// valid reports whether the level can be granted on what the privilege is on.
func (p privilege) valid() bool {
	group, machine := !p.Group.IsZero(), !p.VirtualMachine.IsZero()
	switch p.Level {
	case bigv.AccountAdmin:
		return !group && !machine
	case bigv.GroupAdmin:
		return group && !machine
	case bigv.VirtualMachineAdmin, bigv.VirtualMachineConsole:
		return machine && !group
	}
	return false
}

// String describes the privilege, for errors.
func (p privilege) String() string {
	switch {
	case !p.VirtualMachine.IsZero():
		return fmt.Sprintf("%s on virtual machine %s", p.Level, p.VirtualMachine)
	case !p.Group.IsZero():
		return fmt.Sprintf("%s on group %s", p.Level, p.Group)
	}
	return fmt.Sprintf("%s on the account", p.Level)
}

// readFile reads a YAML file, or the embedded access.yaml if file is empty.
func readFile(file string) (l accessList, err error) {
	text := sample
	if file == "" {
		file = "access.yaml"
	} else if text, err = os.ReadFile(file); err != nil {
		return l, err
	}
	if err := decode(text, &l); err != nil {
		return l, fmt.Errorf("reading %s: %w", file, err)
	}
	var errs []error
	if l.Account == "" {
		errs = append(errs, errors.New("account is required"))
	}
	for user, access := range l.Users {
		for _, p := range access.Privileges {
			if !p.valid() {
				errs = append(errs, fmt.Errorf("%s: %s is not a privilege: use account_admin without a target, group_admin with a "+
					"group, or vm_admin or vm_console with a virtual_machine", user, p))
			}
		}
		for i, key := range access.Keys {
			if err := checkKey(key); err != nil {
				errs = append(errs, fmt.Errorf("%s: keys[%d] %w", user, i, err))
			}
			access.Keys[i] = strings.TrimSpace(key)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return l, fmt.Errorf("reading %s: %w", file, err)
	}
	return l, nil
}

// resolve replaces the user names and IDs in the list with user names as the service writes them.
func (l accessList) resolve(ctx context.Context, client *bigv.Client, current *state) (map[string]userAccess, error) {
	users := map[string]userAccess{}
	for path, access := range l.Users {
		path = bigv.UserPath(strings.TrimPrefix(string(path), "#")) // an ID as bigv writes those of groups and machines
		user, err := client.Users.Get(ctx, path)
		name := user.Username
		switch {
		case err == nil:
		case !errors.Is(err, bigv.ErrNotFound), strings.Trim(string(path), "0123456789") == "":
			return nil, fmt.Errorf("looking up user %s: %w", path, err)
		default: // not visible to the caller: perhaps the user has no privileges yet
			name = current.userName(string(path))
		}
		if _, ok := users[name]; ok {
			return nil, fmt.Errorf("user %s is listed twice, the second time as %s", name, path)
		}
		users[name] = access
	}
	return users, nil
}
