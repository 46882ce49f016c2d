package bigvtest

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/bigv-go/bigv"
)

// The levels of privileges, the highest first. VMAdmin and VMConsole are named for
// the words of the API, vm_admin and vm_console; the others as in package bigv.
const (
	ClusterSU    = bigv.ClusterSU
	ClusterAdmin = bigv.ClusterAdmin
	AccountAdmin = bigv.AccountAdmin
	GroupAdmin   = bigv.GroupAdmin
	VMAdmin      = bigv.VirtualMachineAdmin
	VMConsole    = bigv.VirtualMachineConsole
)

// rank orders the levels; 0 is none.
type rank int

var rankOf = map[bigv.PrivilegeLevel]rank{
	VMConsole: 1, VMAdmin: 2, GroupAdmin: 3, AccountAdmin: 4, ClusterAdmin: 5, ClusterSU: 6,
}

// sight is what somebody sees and may, by the privileges that count at the
// moment.
type sight struct {
	user *user
	key  *apiKey

	everywhere rank
	accounts   map[*account]rank
	groups     map[*group]rank
	machines   map[*machine]rank
	// What holds something that is seen is seen too.
	parentAccounts map[*account]bool
	parentGroups   map[*group]bool
}

// look gathers what a user may with a session, or with an API key.
func (st *state) look(u *user, key *apiKey, session *session) *sight {
	s := &sight{user: u, key: key}
	for _, p := range u.privileges {
		if p.key != key || !st.counts(p, session) {
			continue
		}
		r := rankOf[p.level]
		switch {
		case p.machine != nil:
			raise(&s.machines, p.machine, r)
			mark(&s.parentGroups, p.machine.group)
			mark(&s.parentAccounts, p.machine.group.account)
		case p.group != nil:
			raise(&s.groups, p.group, r)
			mark(&s.parentAccounts, p.group.account)
		case p.account != nil:
			raise(&s.accounts, p.account, r)
		default:
			s.everywhere = max(s.everywhere, r)
		}
	}
	return s
}

// counts reports whether the session has what a privilege requires.
func (st *state) counts(p *privilege, session *session) bool {
	if session == nil {
		return !p.passwordRequired && !p.yubikeyRequired
	}
	if slices.Contains(session.factors, "impersonated") {
		return true
	}
	if p.yubikeyRequired && !slices.Contains(session.factors, "yubikey") {
		return false
	}
	if age := p.yubikeyMaxAge; p.yubikeyRequired && age != nil && st.clock.instant.Sub(session.began) > seconds(*age) {
		return false
	}
	return !p.passwordRequired || slices.Contains(session.factors, "password")
}

func raise[K comparable](ranks *map[K]rank, on K, r rank) {
	if *ranks == nil {
		*ranks = map[K]rank{}
	}
	(*ranks)[on] = max((*ranks)[on], r)
}

func mark[K comparable](set *map[K]bool, on K) {
	if *set == nil {
		*set = map[K]bool{}
	}
	(*set)[on] = true
}

func (s *sight) onAccount(a *account) rank { return max(s.everywhere, s.accounts[a]) }

func (s *sight) onGroup(g *group) rank { return max(s.onAccount(g.account), s.groups[g]) }

func (s *sight) onMachine(m *machine) rank { return max(s.onGroup(m.group), s.machines[m]) }

func (s *sight) seesAccount(a *account) bool { return s.onAccount(a) > 0 || s.parentAccounts[a] }

func (s *sight) seesGroup(g *group) bool { return s.onGroup(g) > 0 || s.parentGroups[g] }

func (s *sight) seesMachine(m *machine) bool { return s.onMachine(m) > 0 }

func (s *sight) staff() bool { return s.everywhere >= rankOf[ClusterAdmin] }

// isOrRules reports whether a user's own things may be changed: by the user, and
// by staff. An API key is not its user.
func (s *sight) isOrRules(u *user) bool { return u == s.user && s.key == nil || s.staff() }

// on is the rank on what a privilege is on.
func (s *sight) on(p *privilege) rank {
	switch {
	case p.machine != nil:
		return s.onMachine(p.machine)
	case p.group != nil:
		return s.onGroup(p.group)
	case p.account != nil:
		return s.onAccount(p.account)
	}
	return s.everywhere
}

// seesUser: oneself, those who have privileges on what one administers, and for
// staff all.
func (s *sight) seesUser(u *user) bool {
	if u == s.user || s.staff() {
		return true
	}
	return slices.ContainsFunc(u.privileges, func(p *privilege) bool { return s.on(p) > rankOf[p.level] })
}

// may refuses who has less than a level on something that they see. Nothing is
// changed in a suspended account but by staff.
func (q *request) may(has rank, level bigv.PrivilegeLevel, a *account) error {
	if has < rankOf[level] || a != nil && a.suspended && !q.who.staff() {
		return errForbidden
	}
	return nil
}

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
			"self": {Href: "/privileges/" + itoa(p.id)},
			"user": {Href: "/users/" + itoa(p.user.id)},
		},
	}
	if v.IPRestrictions == nil {
		v.IPRestrictions = json.RawMessage("null")
	}
	if p.creator != nil {
		v.CreatingUsername = &p.creator.name
	}
	if p.key != nil {
		v.APIKeyID = p.key.id
	}
	switch {
	case p.machine != nil:
		v.MachineID, v.MachineName = p.machine.id, p.machine.name
		v.Links["virtual_machine"] = link{"/virtual_machines/" + itoa(p.machine.id), "Virtual machine " + p.machine.name}
	case p.group != nil:
		v.GroupID, v.GroupName = p.group.id, p.group.name
		v.Links["group"] = link{"/groups/" + itoa(p.group.id), "Group " + p.group.name}
	case p.account != nil:
		v.AccountID, v.AccountName = p.account.id, p.account.name
		v.Links["account"] = link{"/accounts/" + itoa(p.account.id), "Account " + p.account.name}
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

// privilegesBelow are those on something that are below the asker's own level,
// in the order of IDs.
func (q *request) privilegesBelow(is func(*privilege) bool) (answer, error) {
	var list []*privilege
	for p := range q.privileges.all() {
		if is(p) && rankOf[p.level] < q.who.on(p) {
			list = append(list, p)
		}
	}
	return ok(privilegeViews(list))
}

// listPrivileges lists one's own, or a user's, or one by its ID.
func listPrivileges(q *request) (answer, error) {
	u, filtered, err := q.filterUser()
	if err != nil {
		return answer{}, err
	}
	if !filtered {
		u = q.who.user
	}
	id, err := q.filterID("privilege_id")
	if err != nil {
		return answer{}, err
	}
	if id != 0 {
		p := q.privileges.get(id)
		if p == nil || !q.seesPrivilege(p) {
			return answer{}, errNotFound
		}
		if filtered && p.user != u {
			return ok([]privilegeView{})
		}
		return ok(privilegeViews([]*privilege{p}))
	}
	return q.ofUser(u)
}

func (q *request) ofUser(u *user) (answer, error) {
	if u != q.who.user && !q.who.staff() {
		return answer{}, errNotFound // what may not be read is not there
	}
	return ok(privilegeViews(u.privileges))
}

func (q *request) seesPrivilege(p *privilege) bool {
	return p.user == q.who.user || q.who.on(p) > rankOf[p.level]
}

// filterUser is the user that user_id or user_name asks for.
func (q *request) filterUser() (u *user, filtered bool, err error) {
	for _, parameter := range []string{"user_id", "user_name"} {
		if !q.query.Has(parameter) {
			continue
		}
		found := q.findUser(q.query.Get(parameter))
		if found == nil || !q.who.seesUser(found) || u != nil && u != found {
			return nil, true, errNotFound
		}
		u, filtered = found, true
	}
	return u, filtered, nil
}

// filterID is the ID in a query parameter, 0 if it is not there.
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

func listUserPrivileges(q *request) (answer, error) {
	u := q.findUser(q.args[0])
	if u == nil || !q.who.seesUser(u) {
		return answer{}, errNotFound
	}
	return q.ofUser(u)
}

func listAccountPrivileges(q *request) (answer, error) {
	a, err := q.account()
	if err != nil {
		return answer{}, err
	}
	return q.privilegesBelow(func(p *privilege) bool { return p.account == a })
}

func listGroupPrivileges(q *request) (answer, error) {
	g, err := q.group()
	if err != nil {
		return answer{}, err
	}
	return q.privilegesBelow(func(p *privilege) bool { return p.group == g })
}

func listMachinePrivileges(q *request) (answer, error) {
	m, err := q.machine()
	if err != nil {
		return answer{}, err
	}
	return q.privilegesBelow(func(p *privilege) bool { return p.machine == m })
}

func (q *request) privilege() (*privilege, error) {
	id, err := strconv.Atoi(q.args[0])
	if err != nil {
		return nil, errNotFound
	}
	p := q.privileges.get(id)
	if p == nil || !q.seesPrivilege(p) {
		return nil, errNotFound
	}
	return p, nil
}

func getPrivilege(q *request) (answer, error) {
	p, err := q.privilege()
	if err != nil {
		return answer{}, err
	}
	return ok(p.view())
}

// mayPrivilege refuses to touch a privilege of one's own level or above.
func (q *request) mayPrivilege(p *privilege) error {
	has := q.who.on(p)
	if rankOf[p.level] >= has {
		return errForbidden
	}
	return q.may(has, VMAdmin, p.within())
}

// within is the account that holds what a privilege is on, nil for none.
func (p *privilege) within() *account {
	switch {
	case p.machine != nil:
		return p.machine.group.account
	case p.group != nil:
		return p.group.account
	}
	return p.account
}

// createPrivilege grants. The user need not be seen: one grants to whom one
// knows by name.
func createPrivilege(q *request) (answer, error) {
	u := q.findUser(q.args[0])
	if u == nil {
		return answer{}, errNotFound
	}
	f := newForm(q.in)
	p := &privilege{user: u, creator: q.who.user, passwordRequired: true}
	level := ""
	f.required("level")
	if f.text("level", &level) {
		if p.level = bigv.PrivilegeLevel(level); rankOf[p.level] == 0 {
			f.bad.add("level", "is not included in the list")
		}
	}
	target := map[bigv.PrivilegeLevel]string{
		AccountAdmin: "account_id", GroupAdmin: "group_id", VMAdmin: "virtual_machine_id", VMConsole: "virtual_machine_id",
	}[p.level]
	for _, key := range []string{"account_id", "group_id", "virtual_machine_id"} {
		id := 0
		switch {
		case !f.has(key) && key == target:
			f.bad.add(key, "can't be blank")
		case !f.has(key) || !f.integer(key, &id):
		case key != target:
			f.bad.add(key, "must be blank")
		case !q.aim(p, key, id):
			f.bad.add(key, "is invalid")
		}
	}
	if f.has("api_key_id") {
		id := 0
		if f.integer("api_key_id", &id) {
			if p.key = q.keys.get(id); p.key == nil || p.key.user != u {
				f.bad.add("api_key_id", "is invalid")
			}
		}
		p.passwordRequired = false
	}
	f.boolean("password_required", &p.passwordRequired)
	q.conditions(f, p)
	if p.key != nil && p.yubikeyRequired {
		f.bad.add("yubikey_required", "must be false with api_key_id")
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	if err := q.mayPrivilege(p); err != nil {
		return answer{}, err
	}
	q.grant(p)
	return q.created(p.view()), nil
}

// aim sets what a privilege is on, if the asker sees that.
func (q *request) aim(p *privilege, key string, id int) bool {
	switch key {
	case "account_id":
		p.account = q.accounts.get(id)
		return p.account != nil && q.who.seesAccount(p.account)
	case "group_id":
		p.group = q.groups.get(id)
		return p.group != nil && q.who.seesGroup(p.group)
	default:
		p.machine = q.machines.get(id)
		return p.machine != nil && q.who.seesMachine(p.machine)
	}
}

// conditions reads what may be changed of a privilege.
func (q *request) conditions(f *form, p *privilege) {
	f.boolean("yubikey_required", &p.yubikeyRequired)
	if f.null("yubikey_otp_max_age") {
		p.yubikeyMaxAge = nil
	} else if age := 0; f.integer("yubikey_otp_max_age", &age) {
		f.atLeast("yubikey_otp_max_age", age, 0)
		p.yubikeyMaxAge = &age
	}
	if raw, there := q.in["ip_restrictions"]; there {
		p.ipRestrictions = slices.Clone(raw)
	}
}

// grant gives a privilege its ID and its user.
func (st *state) grant(p *privilege) {
	st.privileges.add(func(id int) *privilege {
		p.id = id
		return p
	})
	p.user.privileges = insert(p.user.privileges, p)
}

func (st *state) revoke(p *privilege) {
	p.user.privileges = remove(p.user.privileges, p)
	st.privileges.drop(p.id)
}

func (st *state) revokeAll(is func(*privilege) bool) {
	var list []*privilege
	for p := range st.privileges.all() {
		if is(p) {
			list = append(list, p)
		}
	}
	for _, p := range list {
		st.revoke(p)
	}
}

func updatePrivilege(q *request) (answer, error) {
	p, err := q.privilege()
	if err != nil {
		return answer{}, err
	}
	if err := q.mayPrivilege(p); err != nil {
		return answer{}, err
	}
	f, next := newForm(q.in), *p
	q.conditions(f, &next)
	if next.key != nil && next.yubikeyRequired {
		f.bad.add("yubikey_required", "must be false with api_key_id")
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	*p = next
	return ok(p.view())
}

// deletePrivilege answers 200 and not 204, as the service was seen to do: there
// are clients that insist on it.
func deletePrivilege(q *request) (answer, error) {
	p, err := q.privilege()
	if err != nil {
		return answer{}, err
	}
	if err := q.mayPrivilege(p); err != nil {
		return answer{}, err
	}
	q.revoke(p)
	return ok(nil)
}
