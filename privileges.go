package bigv

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// PrivilegeLevel is how much a privilege allows.
type PrivilegeLevel string

// The levels, the highest first. You may grant, change and revoke those below
// your own.
const (
	ClusterSU             PrivilegeLevel = "cluster_su"    // staff
	ClusterAdmin          PrivilegeLevel = "cluster_admin" // staff
	AccountAdmin          PrivilegeLevel = "account_admin" // groups and virtual machines of an account
	GroupAdmin            PrivilegeLevel = "group_admin"   // virtual machines of a group
	VirtualMachineAdmin   PrivilegeLevel = "vm_admin"      // one virtual machine and its console
	VirtualMachineConsole PrivilegeLevel = "vm_console"    // the console of one virtual machine
)

// Privilege allows a user something on an account, a group or a virtual machine.
type Privilege struct {
	ID       int            `json:"id"`       // never changes
	Username string         `json:"username"` // of the user who has it
	Level    PrivilegeLevel `json:"level"`    // what it allows

	// What it is on: the one that the level's name says, and zero for the rest.
	AccountID          int    `json:"account_id,omitzero"`
	GroupID            int    `json:"group_id,omitzero"`
	VirtualMachineID   int    `json:"virtual_machine_id,omitzero"`
	AccountName        string `json:"account_name,omitzero"` // not always told
	GroupName          string `json:"group_name,omitzero"`
	VirtualMachineName string `json:"virtual_machine_name,omitzero"`

	PasswordRequired bool            `json:"password_required"`            // true as a rule; false for an API key's
	YubikeyRequired  bool            `json:"yubikey_required"`             // it takes a session with a YubiKey to use it
	YubikeyOTPMaxAge Nullable[int]   `json:"yubikey_otp_max_age,omitzero"` // seconds; null is no limit, 0 is a fresh one each time
	IPRestrictions   json.RawMessage `json:"ip_restrictions,omitempty"`    // as the service writes them; null is none
	APIKeyID         int             `json:"api_key_id,omitzero"`          // if not 0, the privilege is that key's only
	CreatingUsername string          `json:"creating_username,omitzero"`   // who granted it; empty is not told
}

// PrivilegeGrant is a privilege to grant.
type PrivilegeGrant struct {
	Level PrivilegeLevel `json:"level"` // what it allows; below your own level
	// What it is on: exactly the one that the level's name says. A name is
	// looked up first, since the service takes IDs only.
	Account        AccountPath        `json:"account,omitzero"`
	Group          GroupPath          `json:"group,omitzero"`
	VirtualMachine VirtualMachinePath `json:"virtual_machine,omitzero"`

	// PasswordRequired is true if nil, and false for an API key's privilege.
	PasswordRequired *bool                     `json:"password_required,omitzero"`
	YubikeyRequired  *bool                     `json:"yubikey_required,omitzero"`    // not with APIKeyID
	YubikeyOTPMaxAge Nullable[int]             `json:"yubikey_otp_max_age,omitzero"` // seconds
	IPRestrictions   Nullable[json.RawMessage] `json:"ip_restrictions,omitzero"`
	APIKeyID         int                       `json:"api_key_id,omitzero"` // if not 0, only that key of the user's has it
}

// privilegeBody is a grant as it travels.
type privilegeBody struct {
	Level            PrivilegeLevel            `json:"level"`
	AccountID        int                       `json:"account_id,omitzero"`
	GroupID          int                       `json:"group_id,omitzero"`
	VirtualMachineID int                       `json:"virtual_machine_id,omitzero"`
	PasswordRequired *bool                     `json:"password_required,omitzero"`
	YubikeyRequired  *bool                     `json:"yubikey_required,omitzero"`
	YubikeyOTPMaxAge Nullable[int]             `json:"yubikey_otp_max_age,omitzero"`
	IPRestrictions   Nullable[json.RawMessage] `json:"ip_restrictions,omitzero"`
	APIKeyID         int                       `json:"api_key_id,omitzero"`
}

// on is what the privilege is to be on, in words.
func (g PrivilegeGrant) on() string {
	return cmp.Or(string(g.Account), g.Group.String(), g.VirtualMachine.String(), "nothing")
}

func (g PrivilegeGrant) check() error {
	targets := 0
	for _, set := range []bool{g.Account != "", !g.Group.IsZero(), !g.VirtualMachine.IsZero()} {
		if set {
			targets++
		}
	}
	prefix, _, _ := strings.Cut(string(g.Level), "_")
	fits := map[string]bool{
		"account": g.Account != "", "group": !g.Group.IsZero(), "vm": !g.VirtualMachine.IsZero(), "cluster": targets == 0,
	}
	switch ok, known := fits[prefix]; {
	case g.Level == "":
		return errors.New("the level is empty")
	case targets > 1:
		return errors.New("a privilege is on one thing: account, group or virtual machine")
	case known && !ok:
		return fmt.Errorf("the level %s says what it is on, and that is not what is given", g.Level)
	case belowZero(g.YubikeyOTPMaxAge):
		return errOTPMaxAge
	case g.APIKeyID < 0:
		return fmt.Errorf("%d is not the ID of an API key", g.APIKeyID)
	case g.APIKeyID != 0 && g.YubikeyRequired != nil && *g.YubikeyRequired:
		return errors.New("an API key has no YubiKey: yubikey_required must be false with api_key_id")
	}
	return nil
}

// PrivilegeUpdate is what is changed of a privilege; unset is left as it is. The
// level and what it is on cannot be changed: revoke it and grant another.
type PrivilegeUpdate struct {
	YubikeyRequired  *bool                     `json:"yubikey_required,omitzero"`    // whether it needs a session with a YubiKey
	YubikeyOTPMaxAge Nullable[int]             `json:"yubikey_otp_max_age,omitzero"` // seconds
	IPRestrictions   Nullable[json.RawMessage] `json:"ip_restrictions,omitzero"`     // raw JSON, whose form the service does not document; null clears
}

func (u PrivilegeUpdate) check() error {
	if belowZero(u.YubikeyOTPMaxAge) {
		return errOTPMaxAge
	}
	return nil
}

var errOTPMaxAge = errors.New("the age of a YubiKey's one-time password is below zero")

func belowZero(n Nullable[int]) bool {
	value, ok := n.Get()
	return ok && value < 0
}

// PrivilegeListOptions says which privileges to list: those of a user, or those
// on an account, a group or a virtual machine that are below your own level.
// Give one of them; none lists your own.
type PrivilegeListOptions struct {
	User           UserPath           // zero is no filter; others than yourself are for the service's staff
	Account        AccountPath        // zero is no filter
	Group          GroupPath          // zero is no filter
	VirtualMachine VirtualMachinePath // zero is no filter
	PrivilegeID    int                // one privilege by ID, as a list
}

type privilegeQuery struct {
	UserID      string `url:"user_id,omitempty"`
	UserName    string `url:"user_name,omitempty"`
	PrivilegeID int    `url:"privilege_id,omitempty"`
}

// PrivilegesService manages privileges.
type PrivilegesService struct{ client *Client }

const privilegesRoute = "/privileges"

// List returns privileges: GET /privileges for your own, GET
// /users/{user}/privileges (with FlatURLs GET /privileges?user_name=) for a
// user's, which only staff may ask of others, and GET .../privileges below an
// account, a group or a virtual machine.
func (s *PrivilegesService) List(ctx context.Context, options PrivilegeListOptions, opts ...CallOption) ([]Privilege, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list privileges", t.subject(), err)
	}
	return list(ctx, s.client, "list privileges", t, believe, opts)
}

// All hands out privileges one at a time, as they arrive. It calls what List
// calls.
func (s *PrivilegesService) All(ctx context.Context, options PrivilegeListOptions, opts ...CallOption) iter.Seq2[Privilege, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[Privilege](notSent("list privileges", t.subject(), err))
	}
	return all(ctx, s.client, "list privileges", t, believe, opts)
}

func (s *PrivilegesService) listing(ctx context.Context, options PrivilegeListOptions) (target, func(Privilege) error, error) {
	var targets []target
	if options.Account != "" {
		targets = append(targets, at(options.Account, privilegesRoute))
	}
	if !options.Group.IsZero() {
		targets = append(targets, at(options.Group, privilegesRoute))
	}
	if !options.VirtualMachine.IsZero() {
		targets = append(targets, at(options.VirtualMachine, privilegesRoute))
	}
	user := options.User
	if user != "" && s.client.style == NestedURLs {
		targets = append(targets, at(user, privilegesRoute))
	}
	var believe func(Privilege) error
	if user != "" && s.client.style == FlatURLs {
		t, query := under(privilegesRoute), privilegeQuery{UserName: string(user)}
		if user.isID() {
			query = privilegeQuery{UserID: string(user)}
		}
		if err := checkPath(user); err != nil {
			return t.of(string(user)), nil, err
		}
		targets = append(targets, t.with(query).of(string(user)))
		believe = s.ofUser(ctx, user)
	}
	if id := options.PrivilegeID; id != 0 {
		targets = append(targets, under(privilegesRoute).with(privilegeQuery{PrivilegeID: id}))
		believe = func(p Privilege) error {
			if p.ID != id {
				return ignored("privilege_id")
			}
			return nil
		}
		if id < 0 {
			return targets[0], nil, fmt.Errorf("%d is not the ID of a privilege", id)
		}
	}
	switch len(targets) {
	case 0:
		return under(privilegesRoute), nil, nil
	case 1:
		return targets[0], believe, nil
	}
	return targets[0], nil, errors.New("more than one of user, account, group, virtual machine and privilege are given")
}

// ofUser tells whether a privilege is a user's. Privileges tell names only.
func (s *PrivilegesService) ofUser(ctx context.Context, user UserPath) func(Privilege) error {
	name := ""
	return func(p Privilege) error {
		if name == "" {
			if name = string(user); user.isID() {
				u, err := s.client.Users.Get(ctx, user)
				if err != nil {
					return orIgnored(err, "user", true)
				}
				name = u.Username
			}
		}
		if !equalNames(p.Username, name) {
			return orIgnored(nil, "user", user.isID())
		}
		return nil
	}
}

// Get returns a privilege: GET /privileges/{ID}.
func (s *PrivilegesService) Get(ctx context.Context, id int, opts ...CallOption) (Privilege, error) {
	return read[Privilege](ctx, s.client, "get privilege", onePrivilege(id), opts)
}

func onePrivilege(id int) target { return under("/privileges/{privilege}", strconv.Itoa(id)) }

// Grant gives a user a privilege: POST /users/{user}/privileges. You may grant
// levels below your own, else it is ErrForbidden. It is never sent again after
// it may have been carried out: several privileges of one user on one thing may
// exist beside each other.
func (s *PrivilegesService) Grant(ctx context.Context, user UserPath, grant PrivilegeGrant, opts ...CallOption) (Privilege, error) {
	subject := fmt.Sprintf("%s on %s to %s", grant.Level, grant.on(), user)
	err := checkPath(user) // before anything is looked up
	var body privilegeBody
	if err == nil {
		body, err = s.body(ctx, grant)
	}
	if err != nil {
		return Privilege{}, notSent("grant privilege", subject, err)
	}
	return call[Privilege](ctx, s.client, posting("grant privilege"), at(user, privilegesRoute).of(subject), body, nil, opts)
}

// body looks up the ID of what a grant is on.
func (s *PrivilegesService) body(ctx context.Context, grant PrivilegeGrant) (privilegeBody, error) {
	body := privilegeBody{
		Level: grant.Level, PasswordRequired: grant.PasswordRequired, YubikeyRequired: grant.YubikeyRequired,
		YubikeyOTPMaxAge: grant.YubikeyOTPMaxAge, IPRestrictions: grant.IPRestrictions, APIKeyID: grant.APIKeyID,
	}
	if body.PasswordRequired == nil {
		body.PasswordRequired = new(grant.APIKeyID == 0)
	}
	err := grant.check()
	switch {
	case err != nil:
	case grant.Account != "":
		body.AccountID, err = s.client.Accounts.id(ctx, grant.Account)
	case !grant.Group.IsZero():
		body.GroupID, err = s.client.Groups.id(ctx, grant.Group)
	case !grant.VirtualMachine.IsZero():
		body.VirtualMachineID, err = s.client.VirtualMachines.id(ctx, grant.VirtualMachine)
	}
	return body, err
}

// Update changes a privilege: PUT /privileges/{ID}.
func (s *PrivilegesService) Update(ctx context.Context, id int, update PrivilegeUpdate, opts ...CallOption) (Privilege, error) {
	return call(ctx, s.client, putting("update privilege"), onePrivilege(id), update, func(ctx context.Context) (Privilege, error) {
		return s.Get(ctx, id)
	}, opts)
}

// Revoke takes a privilege away: DELETE /privileges/{ID}.
func (s *PrivilegesService) Revoke(ctx context.Context, id int, opts ...CallOption) error {
	return do(ctx, s.client, deleting("revoke privilege"), onePrivilege(id), nil, opts)
}
