package bigvtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bigv-go/bigv"
)

// accountRoutes lists the endpoints of accounts.
var accountRoutes = map[string]handler{
	"GET /accounts":        listAccounts,
	"POST /accounts":       createAccount,
	"GET /accounts/{a}":    getAccount,
	"PUT /accounts/{a}":    updateAccount,
	"DELETE /accounts/{a}": deleteAccount,
}

type account struct {
	id           int
	name         string
	suspended    bool
	purged       bool
	defaultGroup *group
	groups       []*group
	byName       map[string]*group
}

type accountView struct {
	Type      string       `json:"type,omitempty"`
	ID        int          `json:"id"`
	Name      string       `json:"name"`
	Suspended bool         `json:"suspended"`
	Groups    *[]groupView `json:"groups,omitempty"`
}

func (q *request) accountView(a *account) accountView {
	v := accountView{ID: a.id, Name: a.name, Suspended: a.suspended}
	if q.overview() {
		v.Groups = new(q.groupViews(a.groups))
	}
	return v
}

// parseID parses a path segment that consists of digits.
func parseID(segment string) (int, bool) {
	id, err := strconv.Atoi(segment)
	return id, err == nil && id >= 0 && segment[0] != '+'
}

// findAccount returns the account with the given ID or name, or nil.
func (st *state) findAccount(segment string) *account {
	if id, ok := parseID(segment); ok {
		if a := st.accounts.get(id); a != nil {
			return a
		}
	}
	return st.accountNames[strings.ToLower(segment)]
}

// account returns the account in the path.
func (q *request) account() (*account, error) {
	a := q.findAccount(q.args[0])
	if a == nil || !q.caller.canSeeAccount(a) {
		return nil, errNotFound
	}
	return a, nil
}

// filterAccount returns the account selected by account_id or account_name, or nil without these
// parameters.
func (q *request) filterAccount() (found *account, err error) {
	for _, parameter := range []string{"account_id", "account_name"} {
		if !q.query.Has(parameter) {
			continue
		}
		a := q.findAccount(q.query.Get(parameter))
		if a == nil || !q.caller.canSeeAccount(a) || found != nil && found != a {
			return nil, errNotFound
		}
		found = a
	}
	return found, nil
}

func listAccounts(q *request) (response, error) {
	views := []accountView{}
	for a := range q.accounts.all() {
		if q.caller.canSeeAccount(a) {
			views = append(views, q.accountView(a))
		}
	}
	return okResponse(views)
}

func getAccount(q *request) (response, error) {
	a, err := q.account()
	if err != nil {
		return response{}, err
	}
	return okResponse(q.accountView(a))
}

// createAccount creates an account and grants the caller account_admin on it. It is a legacy endpoint.
func createAccount(q *request) (response, error) {
	if q.caller.apiKey != nil {
		return response{}, errForbidden // an API key cannot gain privileges
	}
	f, name := q.newForm(), ""
	f.require("name")
	if f.text("name", &name) {
		f.checkHostnameLabel("name", name, 1)
		if q.accountNames[strings.ToLower(name)] != nil {
			f.addError("name", "has already been taken")
		}
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	a := q.addAccount(name)
	q.grant(&privilege{user: q.caller.user, level: bigv.AccountAdmin, account: a, passwordRequired: true})
	return q.createdResponse(q.accountView(a))
}

// updateAccount changes nothing: an account has no writable attributes.
func updateAccount(q *request) (response, error) {
	a, err := q.account()
	if err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.accountRank(a), bigv.AccountAdmin, a); err != nil {
		return response{}, err
	}
	return okResponse(q.accountView(a))
}

func deleteAccount(q *request) (response, error) {
	a, err := q.account()
	if err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.accountRank(a), bigv.ClusterAdmin, a); err != nil {
		return response{}, err
	}
	for _, g := range a.groups {
		if len(g.machines) > 0 {
			return response{}, newAPIError(http.StatusBadRequest, "Account is not empty")
		}
	}
	q.removeAccount(a)
	return noContent, nil
}

func (st *state) addAccount(name string) *account {
	a := st.accounts.add(func(id int) *account {
		return &account{id: id, name: name, byName: map[string]*group{}}
	})
	st.accountNames[strings.ToLower(name)] = a
	a.defaultGroup = st.addGroup(a, "default")
	return a
}

func (st *state) removeAccount(a *account) {
	for _, g := range slices.Clone(a.groups) {
		st.removeGroup(g)
	}
	st.revokeAll(func(p *privilege) bool { return p.account == a })
	st.accounts.remove(a.id)
	a.purged = true
	delete(st.accountNames, strings.ToLower(a.name))
}
