package bigvtest

import (
	"net/http"
	"strings"
)

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
		if q.who.seesGroup(g) {
			views = append(views, q.groupView(g))
		}
	}
	return views
}

// findGroup finds a group of an account by ID or name.
func (st *state) findGroup(a *account, segment string) *group {
	if id, is := isID(segment); is {
		if g := st.groups.get(id); g != nil && g.account == a {
			return g
		}
	}
	return a.groupNamed(segment)
}

// groupNamed finds a group by name. The default group answers to "default" even
// when it has been renamed.
func (a *account) groupNamed(name string) *group {
	if strings.EqualFold(name, "default") {
		return a.first
	}
	return a.byName[strings.ToLower(name)]
}

// group is the group in the path.
func (q *request) group() (*group, error) {
	a, err := q.account()
	if err != nil {
		return nil, err
	}
	g := q.findGroup(a, q.args[1])
	if g == nil || !q.who.seesGroup(g) {
		return nil, errNotFound
	}
	return g, nil
}

var errAmbiguous = refuse(http.StatusBadRequest, "The name is ambiguous: name its parents too, or use its ID")

// filterGroup is the group that group_id or group_name asks for, in the account
// a unless that is nil. It is nil if neither is there.
func (q *request) filterGroup(a *account) (found *group, err error) {
	for _, parameter := range []string{"group_id", "group_name"} {
		if !q.query.Has(parameter) {
			continue
		}
		g, err := q.namedGroup(a, q.query.Get(parameter))
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

// namedGroup finds a group that is seen by ID or name, in one account or in all.
func (q *request) namedGroup(a *account, name string) (found *group, err error) {
	if id, is := isID(name); is {
		if g := q.groups.get(id); g != nil && q.who.seesGroup(g) && (a == nil || g.account == a) {
			return g, nil
		}
	}
	for other := range q.accounts.all() {
		if a != nil && other != a {
			continue
		}
		switch g := q.findGroup(other, name); {
		case g == nil || !q.who.seesGroup(g):
		case found != nil:
			return nil, errAmbiguous
		default:
			found = g
		}
	}
	if found == nil {
		return nil, errNotFound
	}
	return found, nil
}

func listGroups(q *request) (answer, error) {
	a, err := q.account()
	if err != nil {
		return answer{}, err
	}
	return ok(q.groupViews(a.groups))
}

func listAllGroups(q *request) (answer, error) {
	a, err := q.filterAccount()
	if err != nil {
		return answer{}, err
	}
	if a != nil {
		return ok(q.groupViews(a.groups))
	}
	var list []*group
	for g := range q.groups.all() {
		list = append(list, g)
	}
	return ok(q.groupViews(list))
}

func getGroup(q *request) (answer, error) {
	g, err := q.group()
	if err != nil {
		return answer{}, err
	}
	return ok(q.groupView(g))
}

// getFlatGroup finds a group by ID, or by name where that tells which.
func getFlatGroup(q *request) (answer, error) {
	g, err := q.namedGroup(nil, q.args[0])
	if err != nil {
		return answer{}, err
	}
	return ok(q.groupView(g))
}

func (f *form) groupName(a *account, itself *group, name *string) {
	if !f.text("name", name) {
		return
	}
	f.name("name", *name, 1)
	if g := a.groupNamed(*name); g != nil && g != itself {
		f.bad.add("name", "has already been taken")
	}
}

func createGroup(q *request) (answer, error) {
	a, err := q.account()
	if err != nil {
		return answer{}, err
	}
	if err := q.may(q.who.onAccount(a), AccountAdmin, a); err != nil {
		return answer{}, err
	}
	f, name := newForm(q.in), ""
	f.required("name")
	f.groupName(a, nil, &name)
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	return ok(q.groupView(q.addGroup(a, name)))
}

func updateGroup(q *request) (answer, error) {
	g, err := q.group()
	if err != nil {
		return answer{}, err
	}
	if err := q.may(q.who.onAccount(g.account), AccountAdmin, g.account); err != nil {
		return answer{}, err
	}
	f, name := newForm(q.in), g.name
	f.groupName(g.account, g, &name)
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	delete(g.account.byName, strings.ToLower(g.name))
	g.name = name
	g.account.byName[strings.ToLower(name)] = g
	return ok(q.groupView(g))
}

func deleteGroup(q *request) (answer, error) {
	g, err := q.group()
	if err != nil {
		return answer{}, err
	}
	if err := q.may(q.who.onAccount(g.account), AccountAdmin, g.account); err != nil {
		return answer{}, err
	}
	switch {
	case len(g.machines) > 0:
		return answer{}, refuse(http.StatusBadRequest, "Group is not empty")
	case g == g.account.first:
		return answer{}, refuse(http.StatusBadRequest, "The default group cannot be deleted")
	}
	q.dropGroup(g)
	return gone, nil
}

func (st *state) addGroup(a *account, name string) *group {
	g := st.groups.add(func(id int) *group {
		return &group{id: id, account: a, name: name, byName: map[string]*machine{}}
	})
	a.groups = insert(a.groups, g)
	a.byName[strings.ToLower(name)] = g
	return g
}

func (st *state) dropGroup(g *group) {
	for _, m := range append([]*machine(nil), g.machines...) {
		st.purge(m)
	}
	st.revokeAll(func(p *privilege) bool { return p.group == g })
	g.account.groups = remove(g.account.groups, g)
	delete(g.account.byName, strings.ToLower(g.name))
	st.groups.drop(g.id)
	g.gone = true
}
