package bigv

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
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
	// valid. The meaning of null is not documented; it is taken as no limit.
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

// advice implements [adviser].
func (b privilegeBody) advice(status int) string {
	known := []PrivilegeLevel{ClusterSU, ClusterAdmin, AccountAdmin, GroupAdmin, VirtualMachineAdmin, VirtualMachineConsole}
	if status != http.StatusBadRequest || slices.Contains(known, b.Level) {
		return ""
	}
	return fmt.Sprintf("the level %q may be unknown to the service: use %s, %s, %s or %s",
		oneLine(string(b.Level), 100), AccountAdmin, GroupAdmin, VirtualMachineAdmin, VirtualMachineConsole)
}

// target returns what the privilege applies to, for error messages; "" if that is the whole service.
func (g PrivilegeGrant) target() string {
	if target := cmp.Or(string(g.Account), g.Group.display(), g.VirtualMachine.display()); target != "" {
		return " on " + target
	}
	return ""
}

// subject describes the grant, for error messages.
func (g PrivilegeGrant) subject(user UserPath) string {
	return fmt.Sprintf("%s%s to %s", g.Level, g.target(), user)
}

// targets returns the names of the target fields that are set.
func (g PrivilegeGrant) targets() (names []string) {
	if g.Account != "" {
		names = append(names, "Account")
	}
	if !g.Group.IsZero() {
		names = append(names, "Group")
	}
	if !g.VirtualMachine.IsZero() {
		names = append(names, "VirtualMachine")
	}
	return names
}

// targetOfLevel maps the prefix of a level to the target field that it needs, empty for none.
var targetOfLevel = map[string]string{"account": "Account", "group": "Group", "vm": "VirtualMachine", "cluster": ""}

// validate returns an error if the service would refuse the grant.
func (g PrivilegeGrant) validate() error {
	if g.Level == "" {
		return errors.New("level is required")
	}
	set := strings.Join(g.targets(), ", ")
	prefix, _, _ := strings.Cut(string(g.Level), "_")
	want, known := targetOfLevel[prefix]
	switch {
	case len(g.targets()) > 1:
		return errors.New("only one of Account, Group and VirtualMachine may be set")
	case known && set != want:
		return fmt.Errorf("level %s needs %s, but %s is set", g.Level, cmp.Or(want, "no target"), cmp.Or(set, "none"))
	case isNegative(g.YubikeyOTPMaxAge):
		return errOTPMaxAge
	case g.APIKeyID < 0:
		return fmt.Errorf("api_key_id must not be negative, got %d", g.APIKeyID)
	case g.APIKeyID != 0 && g.YubikeyRequired != nil && *g.YubikeyRequired:
		return errors.New("yubikey_required must be false with api_key_id, since an API key has no YubiKey")
	}
	return nil
}

// PrivilegeUpdate holds the changes to a privilege. A field that is nil or unset is not sent, and
// the attribute keeps its value; at least one must be set. To change the level or the target, revoke the privilege and grant
// another.
type PrivilegeUpdate struct {
	YubikeyRequired  *bool                     `json:"yubikey_required,omitzero"`    // whether using it needs a YubiKey
	YubikeyOTPMaxAge Nullable[int]             `json:"yubikey_otp_max_age,omitzero"` // seconds, not negative; Null removes the limit
	IPRestrictions   Nullable[json.RawMessage] `json:"ip_restrictions,omitzero"`     // raw JSON of an undocumented form; Null removes them
}

// validate returns an error if the age is negative.
func (u PrivilegeUpdate) validate() error {
	if isNegative(u.YubikeyOTPMaxAge) {
		return errOTPMaxAge
	}
	return nil
}

var errOTPMaxAge = errors.New("yubikey_otp_max_age must not be negative")

// isNegative reports whether n has a negative value.
func isNegative(n Nullable[int]) bool {
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
	e, verify, err := clientOf(s).privilegeList(ctx, options)
	if err != nil {
		return nil, notSent("list privileges", e.describe(), err)
	}
	return list(ctx, clientOf(s), listing("list privileges", e), verify, opts)
}

// All returns an iterator over the privileges that the options select. It calls the endpoint of
// List and yields each privilege as it arrives. If the call fails, the iterator yields a zero
// Privilege with the error and stops.
func (s *PrivilegesService) All(ctx context.Context, options PrivilegeListOptions, opts ...CallOption) iter.Seq2[Privilege, error] {
	e, verify, err := clientOf(s).privilegeList(ctx, options)
	if err != nil {
		return errSeq[Privilege](notSent("list privileges", e.describe(), err))
	}
	return all(ctx, clientOf(s), listing("list privileges", e), verify, opts)
}

// Get returns a privilege: GET /privileges/{ID}. If it does not exist, or the caller may not see
// it, the error matches ErrNotFound.
func (s *PrivilegesService) Get(ctx context.Context, id int, opts ...CallOption) (Privilege, error) {
	return get[Privilege](ctx, clientOf(s), reading("get privilege", privilegeEndpoint(id)), opts)
}

// privilegeEndpoint returns the endpoint of a privilege.
func privilegeEndpoint(id int) endpoint { return fixed("/privileges/{privilege}", strconv.Itoa(id)) }

// Grant grants a privilege to a user: POST /users/{user}/privileges. If the level is not below the
// caller's own, the error matches ErrForbidden.
//
// Grant is not idempotent, since a user can have several privileges on one target, so it is never
// retried once the service may have processed it. If the error matches ErrOutcomeUnknown, list the
// privileges on the target before calling Grant again. If the service responds without a body, the
// result is the zero Privilege.
func (s *PrivilegesService) Grant(ctx context.Context, user UserPath, grant PrivilegeGrant, opts ...CallOption) (Privilege, error) {
	subject := grant.subject(user)
	err := checkPath(user) // check before sending any lookup
	var body privilegeBody
	if err == nil {
		body, err = s.body(ctx, grant)
	}
	if err != nil {
		return Privilege{}, notSent("grant privilege", subject, err)
	}
	op := posting("grant privilege", below(user, privilegesRoute).about(subject), body)
	return write[Privilege](ctx, clientOf(s), op, nil, opts)
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
	err := grant.validate()
	switch {
	case err != nil:
	case grant.Account != "":
		body.AccountID, err = clientOf(s).Accounts.id(ctx, grant.Account)
	case !grant.Group.IsZero():
		body.GroupID, err = clientOf(s).Groups.id(ctx, grant.Group)
	case !grant.VirtualMachine.IsZero():
		body.VirtualMachineID, err = clientOf(s).VirtualMachines.id(ctx, grant.VirtualMachine)
	}
	return body, err
}

// Update changes a privilege: PUT /privileges/{ID}. Only the fields that are set are sent. Update
// is idempotent, so it is retried.
func (s *PrivilegesService) Update(ctx context.Context, id int, update PrivilegeUpdate, opts ...CallOption) (Privilege, error) {
	op := putting("update privilege", privilegeEndpoint(id), update)
	reread := func(ctx context.Context) (Privilege, error) { return s.Get(ctx, id) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// Revoke removes a privilege: DELETE /privileges/{ID}. Revoke is idempotent, so it is retried.
func (s *PrivilegesService) Revoke(ctx context.Context, id int, opts ...CallOption) error {
	return execute(ctx, clientOf(s), deleting("revoke privilege", privilegeEndpoint(id)), opts)
}

// objectID implements [identified].
func (p Privilege) objectID() int { return p.ID }

// privilegeList returns the endpoint of a list of privileges and the verification of its elements,
// which may be nil.
func (c *Client) privilegeList(ctx context.Context, options PrivilegeListOptions) (endpoint, func(Privilege) error, error) {
	var endpoints []endpoint
	if options.Account != "" {
		endpoints = append(endpoints, below(options.Account, privilegesRoute))
	}
	if !options.Group.IsZero() {
		endpoints = append(endpoints, below(options.Group, privilegesRoute))
	}
	if !options.VirtualMachine.IsZero() {
		endpoints = append(endpoints, below(options.VirtualMachine, privilegesRoute))
	}
	var verify func(Privilege) error
	var err error
	if user := options.User; user != "" && c.style == NestedURLs {
		endpoints = append(endpoints, below(user, privilegesRoute))
	} else if user != "" {
		query := userQuery{UserName: string(user)}
		if user.isID() {
			query = userQuery{UserID: string(user)}
		}
		var lookUp func() error
		verify, lookUp = c.hasUser(ctx, user)
		endpoints = append(endpoints, fixed(privilegesRoute).withQuery(query).about(string(user)).withLookUp(lookUp))
		err = checkPath(user)
	}
	if id := options.PrivilegeID; id != 0 {
		endpoints = append(endpoints, fixed(privilegesRoute).withQuery(privilegeIDQuery{id}))
		verify = func(p Privilege) error {
			if p.ID != id {
				return filterMismatch(nil, "privilege", true)
			}
			return nil
		}
		if id < 0 {
			err = fmt.Errorf("PrivilegeID must be positive, got %d", id)
		}
	}
	if len(endpoints) == 0 {
		return fixed(privilegesRoute), nil, nil
	}
	if len(endpoints) > 1 {
		err = cmp.Or(err, errors.New("only one of User, Account, Group, VirtualMachine and PrivilegeID may be set"))
	}
	return endpoints[0], verify, err
}

// hasUser returns a function that verifies that a privilege belongs to a user, and the lookup that it
// needs. Privileges contain the name of their user only.
func (c *Client) hasUser(ctx context.Context, user UserPath) (verify func(Privilege) error, prepare func() error) {
	lookUp, prepare := lookUpOnce("user", func() (string, error) {
		if !user.isID() {
			return string(user), nil
		}
		u, err := c.Users.Get(ctx, user)
		return u.Username, err
	})
	verify = func(p Privilege) error {
		if name, err := lookUp(); err != nil || !strings.EqualFold(p.Username, name) {
			return filterMismatch(err, "user", user.isID())
		}
		return nil
	}
	return verify, prepare
}
