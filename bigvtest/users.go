package bigvtest

import (
	"regexp"
	"strings"
	"time"
)

type userView struct {
	ID             int     `json:"id"`
	Username       string  `json:"username"`
	Email          string  `json:"email,omitempty"`
	AuthorizedKeys *string `json:"authorized_keys"`
}

func (u *user) view() userView { return userView{u.id, u.name, u.email, u.keys} }

// findUser finds a user by ID or name.
func (st *state) findUser(segment string) *user {
	if id, is := isID(segment); is {
		if u := st.users.get(id); u != nil {
			return u
		}
	}
	return st.userNames[strings.ToLower(segment)]
}

// userInPath is the user in the path, if they are seen.
func (q *request) userInPath() (*user, error) {
	u := q.findUser(q.args[0])
	if u == nil || !q.who.seesUser(u) {
		return nil, errNotFound
	}
	return u, nil
}

func listUsers(q *request) (answer, error) {
	views := []userView{}
	for u := range q.users.all() {
		if q.who.seesUser(u) {
			views = append(views, u.view())
		}
	}
	return ok(views)
}

func getUser(q *request) (answer, error) {
	u, err := q.userInPath()
	if err != nil {
		return answer{}, err
	}
	return ok(u.view())
}

// updateUser changes keys and password, of oneself or for staff.
func updateUser(q *request) (answer, error) {
	u, err := q.userInPath()
	if err != nil {
		return answer{}, err
	}
	if !q.who.isOrRules(u) {
		return answer{}, errForbidden
	}
	f, next := newForm(q.in), *u
	f.nullable("authorized_keys", &next.keys)
	if f.has("password") && f.text("password", &next.password) && next.password == "" {
		f.bad.add("password", "can't be blank")
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	*u = next
	return ok(u.view())
}

var userName = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// createUser is of old: it needs no token, and may make an account along.
func createUser(q *request) (answer, error) {
	f, u, account := newForm(q.in), user{}, ""
	f.required("username", "password")
	if f.text("username", &u.name) {
		switch {
		case u.name == "":
			f.bad.add("username", "can't be blank")
		case !userName.MatchString(u.name):
			f.bad.add("username", "is invalid")
		case q.userNames[strings.ToLower(u.name)] != nil:
			f.bad.add("username", "has already been taken")
		}
	}
	if f.text("password", &u.password) && u.password == "" {
		f.bad.add("password", "can't be blank")
	}
	if f.has("email") {
		f.text("email", &u.email)
	}
	f.nullable("authorized_keys", &u.keys)
	if f.has("account_name") && f.text("account_name", &account) {
		f.name("account_name", account, 1)
		if q.accountNames[strings.ToLower(account)] != nil {
			f.bad.add("account_name", "has already been taken")
		}
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	added := q.addUser(u.name, u.password)
	added.email, added.keys = u.email, u.keys
	if account != "" {
		q.grant(&privilege{user: added, level: AccountAdmin, account: q.addAccount(account), passwordRequired: true})
	}
	return q.created(added.view()), nil
}

func deleteUser(q *request) (answer, error) {
	u, err := q.userInPath()
	if err != nil {
		return answer{}, err
	}
	if !q.who.staff() {
		return answer{}, errForbidden
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
		q.dropKey(k)
	}
	q.users.drop(u.id)
	delete(q.userNames, strings.ToLower(u.name))
	return gone, nil
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
			if p.key == k {
				list = append(list, p)
			}
		}
		v.Privileges = new(privilegeViews(list))
	}
	return v
}

func listAPIKeys(q *request) (answer, error) {
	views := []keyView{}
	for k := range q.keys.all() {
		if k.user == q.who.user || q.who.staff() {
			views = append(views, q.keyView(k))
		}
	}
	return ok(views)
}

func createAPIKey(q *request) (answer, error) {
	f, k := newForm(q.in), &apiKey{user: q.who.user}
	f.required("user_id", "label")
	if id := 0; f.integer("user_id", &id) {
		if k.user = q.users.get(id); k.user == nil || !q.who.seesUser(k.user) {
			f.bad.add("user_id", "is invalid")
		}
	}
	if f.text("label", &k.label) && strings.TrimSpace(k.label) == "" {
		f.bad.add("label", "can't be blank")
	}
	if text := ""; f.has("expires_at") && f.text("expires_at", &text) && text != "" {
		at, is := parseTime(text, q.clock.instant)
		if !is {
			f.bad.add("expires_at", "is invalid")
		}
		k.expires = &at
	}
	if err := f.bad.err(); err != nil {
		return answer{}, err
	}
	if !q.who.isOrRules(k.user) {
		return answer{}, errForbidden
	}
	q.addKey(k)
	v := q.keyView(k)
	v.APIKey = k.secret
	return q.created(v), nil
}

func (st *state) addKey(k *apiKey) {
	k.secret = newSecret()
	st.keys.add(func(id int) *apiKey {
		k.id = id
		return k
	})
	st.secrets[k.secret] = k
}

func (st *state) dropKey(k *apiKey) {
	st.revokeAll(func(p *privilege) bool { return p.key == k })
	delete(st.secrets, k.secret)
	st.keys.drop(k.id)
}

// apiKey is the API key in the path.
func (q *request) apiKey() (*apiKey, error) {
	id, is := isID(q.args[0])
	k := q.keys.get(id)
	if !is || k == nil || k.user != q.who.user && !q.who.staff() {
		return nil, errNotFound
	}
	return k, nil
}

func getAPIKey(q *request) (answer, error) {
	k, err := q.apiKey()
	if err != nil {
		return answer{}, err
	}
	return ok(q.keyView(k))
}

func deleteAPIKey(q *request) (answer, error) {
	k, err := q.apiKey()
	if err != nil {
		return answer{}, err
	}
	if !q.who.isOrRules(k.user) {
		return answer{}, errForbidden
	}
	q.dropKey(k)
	return gone, nil
}
