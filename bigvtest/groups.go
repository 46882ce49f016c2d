package bigvtest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bigv-go/bigv"
)

// groupRoutes lists the endpoints of groups.
var groupRoutes = map[string]handler{
	"GET /accounts/{a}/groups":  listGroups,
	"POST /accounts/{a}/groups": createGroup,
	"GET /groups":               listAllGroups,
	"GET /groups/{g}":           getFlatGroup,
	"GET " + groupTemplate:      getGroup,
	"PUT " + groupTemplate:      updateGroup,
	"DELETE " + groupTemplate:   deleteGroup,
}

type group struct {
	id       int
	account  *account
	name     string
	vlan     int // private VLAN; 0 means none
	purged   bool
	machines []*machine
	byName   map[string]*machine
}

func (g *group) rowID() int { return g.id }

type groupView struct {
	Type      string         `json:"type,omitempty"`
	ID        int            `json:"id"`
	AccountID int            `json:"account_id"`
	Name      string         `json:"name"`
	Machines  *[]machineView `json:"virtual_machines,omitempty"`
}

func (q *request) groupView(g *group) groupView {
	v := groupView{ID: g.id, AccountID: g.account.id, Name: g.name}
	if q.overview() {
		v.Type = "application/vnd.bigv.group"
		v.Machines = new(q.machineViews(g.machines))
	}
	return v
}

func (q *request) groupViews(list []*group) []groupView {
	views := []groupView{}
	for _, g := range list {
		if q.caller.canSeeGroup(g) {
			views = append(views, q.groupView(g))
		}
	}
	return views
}

// findGroup returns the group of an account with the given ID or name, or nil.
func (st *state) findGroup(a *account, segment string) *group {
	if id, ok := parseID(segment); ok {
		if g := st.groups.get(id); g != nil && g.account == a {
			return g
		}
	}
	return a.groupNamed(segment)
}

// groupNamed returns the group with the given name, or nil. "default" always identifies the default
// group, even after a rename.
func (a *account) groupNamed(name string) *group {
	if strings.EqualFold(name, "default") {
		return a.defaultGroup
	}
	return a.byName[strings.ToLower(name)]
}

// group returns the group in the path.
func (q *request) group() (*group, error) {
	a, err := q.account()
	if err != nil {
		return nil, err
	}
	g := q.findGroup(a, q.args[1])
	if g == nil || !q.caller.canSeeGroup(g) {
		return nil, errNotFound
	}
	return g, nil
}

var errAmbiguous = newAPIError(http.StatusBadRequest, "The name is ambiguous: name its parents too, or use its ID")

// filterGroup returns the group selected by group_id or group_name, or nil without these parameters.
// If a is not nil, the group must belong to it.
func (q *request) filterGroup(a *account) (found *group, err error) {
	for _, parameter := range []string{"group_id", "group_name"} {
		if !q.query.Has(parameter) {
			continue
		}
		g, err := q.lookUpGroup(a, q.query.Get(parameter))
		if err != nil || found != nil && found != g {
			return nil, orNotFound(err)
		}
		found = g
	}
	return found, nil
}

func orNotFound(err error) error {
	if err == nil {
		return errNotFound
	}
	return err
}

// lookUpGroup returns the visible group with the given ID or name, in the account a or, if a is nil,
// in any account.
func (q *request) lookUpGroup(a *account, name string) (found *group, err error) {
	if id, ok := parseID(name); ok {
		if g := q.groups.get(id); g != nil && q.caller.canSeeGroup(g) && (a == nil || g.account == a) {
			return g, nil
		}
	}
	for other := range q.accounts.all() {
		if a != nil && other != a {
			continue
		}
		g := q.findGroup(other, name)
		if g == nil || !q.caller.canSeeGroup(g) {
			continue
		}
		if found != nil {
			return nil, errAmbiguous
		}
		found = g
	}
	if found == nil {
		return nil, errNotFound
	}
	return found, nil
}

func listGroups(q *request) (response, error) {
	a, err := q.account()
	if err != nil {
		return response{}, err
	}
	return okResponse(q.groupViews(a.groups))
}

func listAllGroups(q *request) (response, error) {
	a, err := q.filterAccount()
	if err != nil {
		return response{}, err
	}
	if a != nil {
		return okResponse(q.groupViews(a.groups))
	}
	var list []*group
	for g := range q.groups.all() {
		list = append(list, g)
	}
	return okResponse(q.groupViews(list))
}

func getGroup(q *request) (response, error) {
	g, err := q.group()
	if err != nil {
		return response{}, err
	}
	return okResponse(q.groupView(g))
}

// getFlatGroup returns a group by ID, or by name if the name is unambiguous.
func getFlatGroup(q *request) (response, error) {
	g, err := q.lookUpGroup(nil, q.args[0])
	if err != nil {
		return response{}, err
	}
	return okResponse(q.groupView(g))
}

func (f *form) readGroupName(a *account, itself *group, name *string) {
	if !f.text("name", name) {
		return
	}
	f.checkHostnameLabel("name", *name, 1)
	if g := a.groupNamed(*name); g != nil && g != itself {
		f.addError("name", "has already been taken")
	}
}

func createGroup(q *request) (response, error) {
	a, err := q.account()
	if err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.accountRank(a), bigv.AccountAdmin, a); err != nil {
		return response{}, err
	}
	f, name := q.newForm(), ""
	f.require("name")
	f.readGroupName(a, nil, &name)
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	return okResponse(q.groupView(q.addGroup(a, name)))
}

func updateGroup(q *request) (response, error) {
	g, err := q.group()
	if err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.accountRank(g.account), bigv.AccountAdmin, g.account); err != nil {
		return response{}, err
	}
	f, name := q.newForm(), g.name
	f.readGroupName(g.account, g, &name)
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	delete(g.account.byName, strings.ToLower(g.name))
	g.name = name
	g.account.byName[strings.ToLower(name)] = g
	return okResponse(q.groupView(g))
}

func deleteGroup(q *request) (response, error) {
	g, err := q.group()
	if err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.accountRank(g.account), bigv.AccountAdmin, g.account); err != nil {
		return response{}, err
	}
	switch {
	case len(g.machines) > 0:
		return response{}, newAPIError(http.StatusBadRequest, "Group is not empty")
	case g == g.account.defaultGroup:
		return response{}, newAPIError(http.StatusBadRequest, "The default group cannot be deleted")
	}
	q.removeGroup(g)
	return noContent, nil
}

func (st *state) addGroup(a *account, name string) *group {
	g := st.groups.add(func(id int) *group {
		return &group{id: id, account: a, name: name, byName: map[string]*machine{}}
	})
	a.groups = insertByID(a.groups, g)
	a.byName[strings.ToLower(name)] = g
	return g
}

func (st *state) removeGroup(g *group) {
	for _, m := range slices.Clone(g.machines) {
		st.purge(m)
	}
	st.revokeAll(func(p *privilege) bool { return p.group == g })
	g.account.groups = removeByID(g.account.groups, g)
	delete(g.account.byName, strings.ToLower(g.name))
	st.groups.remove(g.id)
	g.purged = true
}
