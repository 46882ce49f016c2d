package bigvtest

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/bigv-go/bigv"
)

// privilegeRoutes lists the endpoints of privileges.
var privilegeRoutes = map[string]handler{
	"GET /privileges":                        listPrivileges,
	"GET /privileges/{p}":                    getPrivilege,
	"PUT /privileges/{p}":                    updatePrivilege,
	"DELETE /privileges/{p}":                 deletePrivilege,
	"GET /users/{u}/privileges":              listUserPrivileges,
	"POST /users/{u}/privileges":             createPrivilege,
	"GET /accounts/{a}/privileges":           listAccountPrivileges,
	"GET " + groupTemplate + "/privileges":   listGroupPrivileges,
	"GET " + machineTemplate + "/privileges": listMachinePrivileges,
}

type privilege struct {
	id               int
	user             *user
	level            bigv.PrivilegeLevel
	account          *account
	group            *group
	machine          *machine
	apiKey           *apiKey
	creator          *user
	passwordRequired bool
	yubikeyRequired  bool
	yubikeyMaxAge    *int
	ipRestrictions   json.RawMessage
}

func (p *privilege) rowID() int { return p.id }

type privilegeView struct {
	ID               int                 `json:"id"`
	Level            bigv.PrivilegeLevel `json:"level"`
	AccountID        int                 `json:"account_id,omitempty"`
	AccountName      string              `json:"account_name,omitempty"`
	GroupID          int                 `json:"group_id,omitempty"`
	GroupName        string              `json:"group_name,omitempty"`
	MachineID        int                 `json:"virtual_machine_id,omitempty"`
	MachineName      string              `json:"virtual_machine_name,omitempty"`
	Username         string              `json:"username"`
	CreatingUsername *string             `json:"creating_username"`
	PasswordRequired bool                `json:"password_required"`
	YubikeyRequired  bool                `json:"yubikey_required"`
	YubikeyMaxAge    *int                `json:"yubikey_otp_max_age"`
	IPRestrictions   json.RawMessage     `json:"ip_restrictions"`
	APIKeyID         int                 `json:"api_key_id,omitempty"`
	Links            map[string]link     `json:"_links"`
}

type link struct {
	Href  string `json:"href"`
	Title string `json:"title,omitempty"`
}

func (p *privilege) view() privilegeView {
	v := privilegeView{
		ID: p.id, Level: p.level, Username: p.user.name, PasswordRequired: p.passwordRequired,
		YubikeyRequired: p.yubikeyRequired, YubikeyMaxAge: p.yubikeyMaxAge, IPRestrictions: p.ipRestrictions,
		Links: map[string]link{
			"self": {Href: "/privileges/" + strconv.Itoa(p.id)},
			"user": {Href: "/users/" + strconv.Itoa(p.user.id)},
		},
	}
	if v.IPRestrictions == nil {
		v.IPRestrictions = json.RawMessage("null")
	}
	if p.creator != nil {
		v.CreatingUsername = &p.creator.name
	}
	if p.apiKey != nil {
		v.APIKeyID = p.apiKey.id
	}
	switch {
	case p.machine != nil:
		v.MachineID, v.MachineName = p.machine.id, p.machine.name
		v.Links["virtual_machine"] = link{"/virtual_machines/" + strconv.Itoa(p.machine.id), "Virtual machine " + p.machine.name}
	case p.group != nil:
		v.GroupID, v.GroupName = p.group.id, p.group.name
		v.Links["group"] = link{"/groups/" + strconv.Itoa(p.group.id), "Group " + p.group.name}
	case p.account != nil:
		v.AccountID, v.AccountName = p.account.id, p.account.name
		v.Links["account"] = link{"/accounts/" + strconv.Itoa(p.account.id), "Account " + p.account.name}
	}
	return v
}

func privilegeViews(list []*privilege) []privilegeView {
	views := []privilegeView{}
	for _, p := range list {
		views = append(views, p.view())
	}
	return views
}

// listPrivilegesBelow returns the matching privileges whose level is below the caller's rank, ordered
// by ID.
func (q *request) listPrivilegesBelow(match func(*privilege) bool) (response, error) {
	var list []*privilege
	for p := range q.privileges.all() {
		if match(p) && levelRanks[p.level] < q.caller.rankOver(p) {
			list = append(list, p)
		}
	}
	return okResponse(privilegeViews(list))
}

// listPrivileges lists the caller's privileges, those of the user in the query, or the privilege with
// the ID in the query.
func listPrivileges(q *request) (response, error) {
	u, filtered, err := q.filterUser()
	if err != nil {
		return response{}, err
	}
	if !filtered {
		u = q.caller.user
	}
	id, err := q.filterID("privilege_id")
	if err != nil {
		return response{}, err
	}
	if id != 0 {
		p := q.privileges.get(id)
		if p == nil || !q.canSeePrivilege(p) {
			return response{}, errNotFound
		}
		if filtered && p.user != u {
			return okResponse([]privilegeView{})
		}
		return okResponse(privilegeViews([]*privilege{p}))
	}
	return q.privilegesOf(u)
}

func (q *request) privilegesOf(u *user) (response, error) {
	if u != q.caller.user && !q.caller.isStaff() {
		return response{}, errNotFound // 404, as for any object that the caller cannot see
	}
	return okResponse(privilegeViews(u.privileges))
}

func (q *request) canSeePrivilege(p *privilege) bool {
	return p.user == q.caller.user || q.caller.rankOver(p) > levelRanks[p.level]
}

// filterUser returns the user selected by user_id or user_name.
func (q *request) filterUser() (u *user, filtered bool, err error) {
	for _, parameter := range []string{"user_id", "user_name"} {
		if !q.query.Has(parameter) {
			continue
		}
		found := q.findUser(q.query.Get(parameter))
		if found == nil || !q.caller.canSeeUser(found) || u != nil && u != found {
			return nil, true, errNotFound
		}
		u, filtered = found, true
	}
	return u, filtered, nil
}

// filterID returns the ID in a query parameter, or 0 if the parameter is missing.
func (q *request) filterID(parameter string) (int, error) {
	if !q.query.Has(parameter) {
		return 0, nil
	}
	id, err := strconv.Atoi(q.query.Get(parameter))
	if err != nil || id <= 0 {
		return 0, errNotFound
	}
	return id, nil
}

func listUserPrivileges(q *request) (response, error) {
	u := q.findUser(q.args[0])
	if u == nil || !q.caller.canSeeUser(u) {
		return response{}, errNotFound
	}
	return q.privilegesOf(u)
}

func listAccountPrivileges(q *request) (response, error) {
	a, err := q.account()
	if err != nil {
		return response{}, err
	}
	return q.listPrivilegesBelow(func(p *privilege) bool { return p.account == a })
}

func listGroupPrivileges(q *request) (response, error) {
	g, err := q.group()
	if err != nil {
		return response{}, err
	}
	return q.listPrivilegesBelow(func(p *privilege) bool { return p.group == g })
}

func listMachinePrivileges(q *request) (response, error) {
	m, err := q.machine()
	if err != nil {
		return response{}, err
	}
	return q.listPrivilegesBelow(func(p *privilege) bool { return p.machine == m })
}

func (q *request) privilege() (*privilege, error) {
	id, err := strconv.Atoi(q.args[0])
	if err != nil {
		return nil, errNotFound
	}
	p := q.privileges.get(id)
	if p == nil || !q.canSeePrivilege(p) {
		return nil, errNotFound
	}
	return p, nil
}

func getPrivilege(q *request) (response, error) {
	p, err := q.privilege()
	if err != nil {
		return response{}, err
	}
	return okResponse(p.view())
}

// authorizePrivilege returns an error unless the level of the privilege is below the caller's own.
func (q *request) authorizePrivilege(p *privilege) error {
	has := q.caller.rankOver(p)
	if levelRanks[p.level] >= has {
		return errForbidden
	}
	return q.authorize(has, bigv.VirtualMachineAdmin, p.owningAccount())
}

// targetAttribute returns the attribute that names what the privilege applies to, "" for the cluster.
func (p *privilege) targetAttribute() string {
	switch {
	case p.account != nil:
		return "account_id"
	case p.group != nil:
		return "group_id"
	case p.machine != nil:
		return "virtual_machine_id"
	}
	return ""
}

// owningAccount returns the account that contains the target of the privilege, or nil for a cluster
// privilege.
func (p *privilege) owningAccount() *account {
	switch {
	case p.machine != nil:
		return p.machine.group.account
	case p.group != nil:
		return p.group.account
	}
	return p.account
}

// createPrivilege grants a privilege. The user need not be visible to the caller.
func createPrivilege(q *request) (response, error) {
	u := q.findUser(q.args[0])
	if u == nil {
		return response{}, errNotFound
	}
	f := q.newForm()
	p := &privilege{user: u, creator: q.caller.user, passwordRequired: true}
	level := ""
	f.require("level")
	if f.text("level", &level) {
		if p.level = bigv.PrivilegeLevel(level); levelRanks[p.level] == 0 {
			f.addError("level", "is not included in the list")
		}
	}
	target := levelTargets[p.level]
	for _, key := range []string{"account_id", "group_id", "virtual_machine_id"} {
		id := 0
		switch {
		case !f.has(key) && key == target:
			f.addError(key, "can't be blank")
		case !f.integer(key, &id):
		case key != target:
			f.addError(key, "must be blank")
		case !q.setTarget(p, key, id):
			f.addError(key, "is invalid")
		}
	}
	if id := 0; f.integer("api_key_id", &id) {
		if p.apiKey = q.keys.get(id); p.apiKey == nil || p.apiKey.user != u {
			f.addError("api_key_id", "is invalid")
		}
		p.passwordRequired = false
	}
	f.boolean("password_required", &p.passwordRequired)
	q.readConditions(f, p)
	if p.apiKey != nil && p.yubikeyRequired {
		f.addError("yubikey_required", "must be false with api_key_id")
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if err := q.authorizePrivilege(p); err != nil {
		return response{}, err
	}
	q.grant(p)
	return q.createdResponse(p.view())
}

// setTarget sets the target of a privilege. It reports whether the target exists and is visible to the
// caller.
func (q *request) setTarget(p *privilege, key string, id int) bool {
	switch key {
	case "account_id":
		p.account = q.accounts.get(id)
		return p.account != nil && q.caller.canSeeAccount(p.account)
	case "group_id":
		p.group = q.groups.get(id)
		return p.group != nil && q.caller.canSeeGroup(p.group)
	default:
		p.machine = q.machines.get(id)
		return p.machine != nil && q.caller.canSeeMachine(p.machine)
	}
}

// readConditions reads the attributes of a privilege that can be updated.
func (q *request) readConditions(f *form, p *privilege) {
	f.boolean("yubikey_required", &p.yubikeyRequired)
	if f.isCleared("yubikey_otp_max_age") {
		p.yubikeyMaxAge = nil
	} else if age := 0; f.integer("yubikey_otp_max_age", &age) {
		f.checkMinimum("yubikey_otp_max_age", age, 0)
		p.yubikeyMaxAge = &age
	}
	if f.isCleared("ip_restrictions") {
		p.ipRestrictions = nil
	} else if raw, present := f.value("ip_restrictions"); present {
		p.ipRestrictions = slices.Clone(raw)
	}
}

// grant assigns an ID to a privilege and adds it to its user.
func (st *state) grant(p *privilege) {
	st.privileges.add(func(id int) *privilege {
		p.id = id
		return p
	})
	p.user.privileges = insertByID(p.user.privileges, p)
}

func (st *state) revoke(p *privilege) {
	p.user.privileges = removeByID(p.user.privileges, p)
	st.privileges.remove(p.id)
}

func (st *state) revokeAll(match func(*privilege) bool) {
	var list []*privilege
	for p := range st.privileges.all() {
		if match(p) {
			list = append(list, p)
		}
	}
	for _, p := range list {
		st.revoke(p)
	}
}

func updatePrivilege(q *request) (response, error) {
	p, err := q.privilege()
	if err != nil {
		return response{}, err
	}
	if err := q.authorizePrivilege(p); err != nil {
		return response{}, err
	}
	f, next := q.newForm(), *p
	q.readConditions(f, &next)
	if next.apiKey != nil && next.yubikeyRequired {
		f.addError("yubikey_required", "must be false with api_key_id")
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	*p = next
	return okResponse(p.view())
}

// deletePrivilege responds with 200 rather than 204, as the real service does; some clients depend on
// it.
func deletePrivilege(q *request) (response, error) {
	p, err := q.privilege()
	if err != nil {
		return response{}, err
	}
	if err := q.authorizePrivilege(p); err != nil {
		return response{}, err
	}
	q.revoke(p)
	return okResponse(nil)
}
