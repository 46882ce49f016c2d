package bigvtest

import (
	"regexp"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// userRoutes lists the endpoints of users and API keys.
var userRoutes = map[string]handler{
	"GET /users":            listUsers,
	"POST /users":           createUser,
	"GET /users/{u}":        getUser,
	"PUT /users/{u}":        updateUser,
	"DELETE /users/{u}":     deleteUser,
	"GET /api_keys":         listAPIKeys,
	"POST /api_keys":        createAPIKey,
	"GET /api_keys/{id}":    getAPIKey,
	"DELETE /api_keys/{id}": deleteAPIKey,
}

type user struct {
	id             int
	name           string
	email          string
	authorizedKeys *string
	password       string
	secondFactor   string   // "2fa", "yubikey" or "" for none
	codes          []string // unused one-time codes
	purged         bool
	privileges     []*privilege
}

type apiKey struct {
	id      int
	user    *user
	label   string
	secret  string
	expires *time.Time
}

type userView struct {
	ID             int     `json:"id"`
	Username       string  `json:"username"`
	Email          string  `json:"email,omitempty"`
	AuthorizedKeys *string `json:"authorized_keys"`
}

func (u *user) view() userView { return userView{u.id, u.name, u.email, u.authorizedKeys} }

// findUser returns the user with the given ID or name, or nil.
func (st *state) findUser(segment string) *user {
	if id, ok := parseID(segment); ok {
		if u := st.users.get(id); u != nil {
			return u
		}
	}
	return st.userNames[strings.ToLower(segment)]
}

// userInPath returns the user in the path.
func (q *request) userInPath() (*user, error) {
	u := q.findUser(q.args[0])
	if u == nil || !q.caller.canSeeUser(u) {
		return nil, errNotFound
	}
	return u, nil
}

func listUsers(q *request) (response, error) {
	views := []userView{}
	for u := range q.users.all() {
		if q.caller.canSeeUser(u) {
			views = append(views, u.view())
		}
	}
	return okResponse(views)
}

func getUser(q *request) (response, error) {
	u, err := q.userInPath()
	if err != nil {
		return response{}, err
	}
	return okResponse(u.view())
}

// updateUser changes the SSH keys and the password of a user. The caller must be the user or staff.
func updateUser(q *request) (response, error) {
	u, err := q.userInPath()
	if err != nil {
		return response{}, err
	}
	if !q.caller.ownsOrStaff(u) {
		return response{}, errForbidden
	}
	f, next := q.newForm(), *u
	f.nullable("authorized_keys", &next.authorizedKeys)
	if f.has("password") {
		f.text("password", &next.password)
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	*u = next
	return okResponse(u.view())
}

var userName = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// createUser creates a user and, on request, an account. It is a legacy endpoint that requires no
// authentication.
func createUser(q *request) (response, error) {
	f, u, account := q.newForm(), user{}, ""
	f.require("username", "password")
	if f.text("username", &u.name) {
		switch {
		case !userName.MatchString(u.name):
			f.addError("username", "is invalid")
		case q.userNames[strings.ToLower(u.name)] != nil:
			f.addError("username", "has already been taken")
		}
	}
	f.text("password", &u.password)
	f.text("email", &u.email)
	f.nullable("authorized_keys", &u.authorizedKeys)
	if f.text("account_name", &account) {
		f.checkHostnameLabel("account_name", account, 1)
		if q.accountNames[strings.ToLower(account)] != nil {
			f.addError("account_name", "has already been taken")
		}
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	added := q.addUser(u.name, u.password)
	added.email, added.authorizedKeys = u.email, u.authorizedKeys
	if account != "" {
		q.grant(&privilege{user: added, level: bigv.AccountAdmin, account: q.addAccount(account), passwordRequired: true})
	}
	return q.createdResponse(added.view())
}

func deleteUser(q *request) (response, error) {
	u, err := q.userInPath()
	if err != nil {
		return response{}, err
	}
	if !q.caller.isStaff() {
		return response{}, errForbidden
	}
	q.revokeAll(func(p *privilege) bool { return p.user == u })
	for id, session := range q.sessions {
		if session.user == u {
			delete(q.sessions, id)
		}
	}
	var keys []*apiKey
	for k := range q.keys.all() {
		if k.user == u {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		q.removeKey(k)
	}
	q.users.remove(u.id)
	u.purged = true
	delete(q.userNames, strings.ToLower(u.name))
	return noContent, nil
}

func (st *state) addUser(name, password string) *user {
	u := st.users.add(func(id int) *user { return &user{id: id, name: name, password: password} })
	st.userNames[strings.ToLower(name)] = u
	return u
}

type keyView struct {
	ID         int              `json:"id"`
	UserID     int              `json:"user_id"`
	Username   string           `json:"username"`
	Label      string           `json:"label"`
	APIKey     string           `json:"api_key,omitempty"`
	ExpiresAt  *string          `json:"expires_at"`
	Privileges *[]privilegeView `json:"privileges,omitempty"`
}

func (q *request) keyView(k *apiKey) keyView {
	v := keyView{ID: k.id, UserID: k.user.id, Username: k.user.name, Label: k.label}
	if k.expires != nil {
		v.ExpiresAt = new(k.expires.UTC().Format(time.RFC3339Nano))
	}
	if q.overview() {
		var list []*privilege
		for _, p := range k.user.privileges {
			if p.apiKey == k {
				list = append(list, p)
			}
		}
		v.Privileges = new(privilegeViews(list))
	}
	return v
}

func listAPIKeys(q *request) (response, error) {
	views := []keyView{}
	for k := range q.keys.all() {
		if k.user == q.caller.user || q.caller.isStaff() {
			views = append(views, q.keyView(k))
		}
	}
	return okResponse(views)
}

func createAPIKey(q *request) (response, error) {
	f, k := q.newForm(), &apiKey{user: q.caller.user}
	f.require("user_id", "label")
	if id := 0; f.integer("user_id", &id) {
		if k.user = q.users.get(id); k.user == nil || !q.caller.canSeeUser(k.user) {
			f.addError("user_id", "is invalid")
		}
	}
	if f.text("label", &k.label) && strings.TrimSpace(k.label) == "" {
		f.addError("label", "can't be blank")
	}
	if text := ""; f.text("expires_at", &text) {
		at, ok := parseTime(text, q.clock.now)
		if !ok {
			f.addError("expires_at", "is invalid")
		}
		k.expires = &at
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if !q.caller.ownsOrStaff(k.user) {
		return response{}, errForbidden
	}
	q.addKey(k)
	v := q.keyView(k)
	v.APIKey = k.secret
	return q.createdResponse(v)
}

func (st *state) addKey(k *apiKey) {
	k.secret = newSecret()
	st.keys.add(func(id int) *apiKey {
		k.id = id
		return k
	})
	st.secrets[k.secret] = k
}

func (st *state) removeKey(k *apiKey) {
	st.revokeAll(func(p *privilege) bool { return p.apiKey == k })
	delete(st.secrets, k.secret)
	st.keys.remove(k.id)
}

// apiKey returns the API key in the path.
func (q *request) apiKey() (*apiKey, error) {
	id, ok := parseID(q.args[0])
	k := q.keys.get(id)
	if !ok || k == nil || k.user != q.caller.user && !q.caller.isStaff() {
		return nil, errNotFound
	}
	return k, nil
}

func getAPIKey(q *request) (response, error) {
	k, err := q.apiKey()
	if err != nil {
		return response{}, err
	}
	return okResponse(q.keyView(k))
}

func deleteAPIKey(q *request) (response, error) {
	k, err := q.apiKey()
	if err != nil {
		return response{}, err
	}
	if !q.caller.ownsOrStaff(k.user) {
		return response{}, errForbidden
	}
	q.removeKey(k)
	return noContent, nil
}
