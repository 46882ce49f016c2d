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

// PrivilegeLevel is the set of actions that a privilege allows.
type PrivilegeLevel string

// Privilege levels, from the highest to the lowest. A user can grant, change and revoke the levels
// below their own.
const (
	ClusterSU             PrivilegeLevel = "cluster_su"    // all of the service; staff only
	ClusterAdmin          PrivilegeLevel = "cluster_admin" // all of the service; staff only
	AccountAdmin          PrivilegeLevel = "account_admin" // groups and virtual machines of an account
	GroupAdmin            PrivilegeLevel = "group_admin"   // virtual machines of a group
	VirtualMachineAdmin   PrivilegeLevel = "vm_admin"      // one virtual machine and its console
	VirtualMachineConsole PrivilegeLevel = "vm_console"    // the console of one virtual machine
)

// Privilege represents a permission of a user on an account, a group or a virtual machine.
type Privilege struct {
	ID       int            `json:"id"`       // unique at the service, never changes
	Username string         `json:"username"` // user who has the privilege
	Level    PrivilegeLevel `json:"level"`    // what it allows

	AccountID          int    `json:"account_id,omitzero"`           // for AccountAdmin; otherwise 0
	GroupID            int    `json:"group_id,omitzero"`             // for GroupAdmin; otherwise 0
	VirtualMachineID   int    `json:"virtual_machine_id,omitzero"`   // for the VirtualMachine levels; otherwise 0
	AccountName        string `json:"account_name,omitzero"`         // for AccountAdmin; may be empty
	GroupName          string `json:"group_name,omitzero"`           // for GroupAdmin; may be empty
	VirtualMachineName string `json:"virtual_machine_name,omitzero"` // for the VirtualMachine levels; may be empty

	PasswordRequired bool `json:"password_required"` // usually true; false for a privilege of an API key
	YubikeyRequired  bool `json:"yubikey_required"`  // whether using it needs a session opened with a YubiKey
	// YubikeyOTPMaxAge is the time, in seconds, for which a YubiKey's one-time password remains
	// valid. Null means no limit; 0 requires a new one for each use.
	YubikeyOTPMaxAge Nullable[int]   `json:"yubikey_otp_max_age,omitzero"`
	IPRestrictions   json.RawMessage `json:"ip_restrictions,omitempty"`  // raw JSON of an undocumented form; null if there are none
	APIKeyID         int             `json:"api_key_id,omitzero"`        // 0 if the privilege is not limited to one API key
	CreatingUsername string          `json:"creating_username,omitzero"` // user who granted it; may be empty
}

// PrivilegeGrant describes a privilege to grant.
//
// Exactly one of Account, Group and VirtualMachine must be set, the one that fits Level; none for
// the Cluster levels. If its path has no ID, it is looked up first.
type PrivilegeGrant struct {
	Level          PrivilegeLevel     `json:"level"`                    // required: must be below the caller's own level
	Account        AccountPath        `json:"account,omitzero"`         // for AccountAdmin
	Group          GroupPath          `json:"group,omitzero"`           // for GroupAdmin
	VirtualMachine VirtualMachinePath `json:"virtual_machine,omitzero"` // for VirtualMachineAdmin and VirtualMachineConsole

	// PasswordRequired defaults to true if it is nil, or to false if APIKeyID is set.
	PasswordRequired *bool                     `json:"password_required,omitzero"`
	YubikeyRequired  *bool                     `json:"yubikey_required,omitzero"`    // nil means false; must not be true with APIKeyID
	YubikeyOTPMaxAge Nullable[int]             `json:"yubikey_otp_max_age,omitzero"` // seconds, not negative; see Privilege
	IPRestrictions   Nullable[json.RawMessage] `json:"ip_restrictions,omitzero"`     // raw JSON of an undocumented form
	APIKeyID         int                       `json:"api_key_id,omitzero"`          // limits it to this API key; 0 means no limit
}

// privilegeBody is the request body of Grant.
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

// on returns the path that the privilege applies to, for error messages.
func (g PrivilegeGrant) on() string {
	return cmp.Or(string(g.Account), g.Group.String(), g.VirtualMachine.String(), "nothing")
}

// check returns an error if the service would refuse the grant.
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

// PrivilegeUpdate holds the changes to a privilege. A field that is nil or unset is not sent, and
// the attribute keeps its value. To change the level or the target, revoke the privilege and grant
// another.
type PrivilegeUpdate struct {
	YubikeyRequired  *bool                     `json:"yubikey_required,omitzero"`    // whether using it needs a YubiKey
	YubikeyOTPMaxAge Nullable[int]             `json:"yubikey_otp_max_age,omitzero"` // seconds, not negative; Null removes the limit
	IPRestrictions   Nullable[json.RawMessage] `json:"ip_restrictions,omitzero"`     // raw JSON of an undocumented form; Null removes them
}

// check returns an error if the age is negative.
func (u PrivilegeUpdate) check() error {
	if belowZero(u.YubikeyOTPMaxAge) {
		return errOTPMaxAge
	}
	return nil
}

var errOTPMaxAge = errors.New("the age of a YubiKey's one-time password is below zero")

// belowZero reports whether n has a value that is below zero.
func belowZero(n Nullable[int]) bool {
	value, ok := n.Get()
	return ok && value < 0
}

// PrivilegeListOptions selects the privileges to list. At most one field may be set; the zero value
// lists the caller's own privileges.
//
// A list by account, group or virtual machine contains the privileges on it that are below the
// caller's own level.
type PrivilegeListOptions struct {
	User           UserPath           // privileges of this user; only staff can list those of others
	Account        AccountPath        // privileges on this account
	Group          GroupPath          // privileges on this group
	VirtualMachine VirtualMachinePath // privileges on this virtual machine
	PrivilegeID    int                // the privilege with this ID; 0 means no filter
}

// privilegeQuery holds the query parameters of a flat list of privileges.
type privilegeQuery struct {
	UserID      string `url:"user_id,omitempty"`
	UserName    string `url:"user_name,omitempty"`
	PrivilegeID int    `url:"privilege_id,omitempty"`
}

// PrivilegesService grants, changes and revokes privileges.
type PrivilegesService struct{ client *Client }

const privilegesRoute = "/privileges"

// List returns the privileges that the options select:
//
//   - the caller's own: GET /privileges
//   - those of a user: GET /users/{user}/privileges, or GET /privileges?user_name= with FlatURLs
//   - those on an account, group or virtual machine: GET {account, group or virtual
//     machine}/privileges
//   - a single one by ID: GET /privileges?privilege_id=
func (s *PrivilegesService) List(ctx context.Context, options PrivilegeListOptions, opts ...CallOption) ([]Privilege, error) {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return nil, notSent("list privileges", t.subject(), err)
	}
	return list(ctx, s.client, "list privileges", t, believe, opts)
}

// All returns an iterator over the privileges that the options select. It calls the endpoint of
// List and yields each privilege as it arrives. If the call fails, the iterator yields a zero
// Privilege with the error and stops.
func (s *PrivilegesService) All(ctx context.Context, options PrivilegeListOptions, opts ...CallOption) iter.Seq2[Privilege, error] {
	t, believe, err := s.listing(ctx, options)
	if err != nil {
		return failed[Privilege](notSent("list privileges", t.subject(), err))
	}
	return all(ctx, s.client, "list privileges", t, believe, opts)
}

// listing returns the endpoint of a list, and a function that verifies that a privilege of the
// response matches the options.
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

// ofUser returns a function that returns an error if a privilege is not one of user's. A privilege
// contains only the name of its user, so a user by ID is read once.
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

// Get returns a privilege: GET /privileges/{ID}. If it does not exist, or the caller may not see
// it, the error matches ErrNotFound.
func (s *PrivilegesService) Get(ctx context.Context, id int, opts ...CallOption) (Privilege, error) {
	return read[Privilege](ctx, s.client, "get privilege", onePrivilege(id), opts)
}

// onePrivilege returns the endpoint of a privilege.
func onePrivilege(id int) target { return under("/privileges/{privilege}", strconv.Itoa(id)) }

// Grant grants a privilege to a user: POST /users/{user}/privileges. If the level is not below the
// caller's own, the error matches ErrForbidden.
//
// Grant is not idempotent: a user can have several privileges on one target. It is therefore never
// retried once the service may have processed it. If the error matches ErrOutcomeUnknown, list the
// privileges on the target before calling Grant again.
func (s *PrivilegesService) Grant(ctx context.Context, user UserPath, grant PrivilegeGrant, opts ...CallOption) (Privilege, error) {
	subject := fmt.Sprintf("%s on %s to %s", grant.Level, grant.on(), user)
	err := checkPath(user) // check before sending any lookup
	var body privilegeBody
	if err == nil {
		body, err = s.body(ctx, grant)
	}
	if err != nil {
		return Privilege{}, notSent("grant privilege", subject, err)
	}
	return call[Privilege](ctx, s.client, posting("grant privilege"), at(user, privilegesRoute).of(subject), body, nil, opts)
}

// body returns the request body for a grant, after looking up the ID of its target.
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

// Update changes a privilege: PUT /privileges/{ID}. Only the fields that are set are sent.
func (s *PrivilegesService) Update(ctx context.Context, id int, update PrivilegeUpdate, opts ...CallOption) (Privilege, error) {
	return call(ctx, s.client, putting("update privilege"), onePrivilege(id), update, func(ctx context.Context) (Privilege, error) {
		return s.Get(ctx, id)
	}, opts)
}

// Revoke removes a privilege: DELETE /privileges/{ID}.
func (s *PrivilegesService) Revoke(ctx context.Context, id int, opts ...CallOption) error {
	return do(ctx, s.client, deleting("revoke privilege"), onePrivilege(id), nil, opts)
}
