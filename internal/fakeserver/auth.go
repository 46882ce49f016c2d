package fakeserver

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
)

// Auth is a handler for an API with an authentication service. POST /session grants a session: "session-1", "session-2", and so
// on. Only the last session granted is valid. Any other request is passed on if it carries that session as its bearer token, and
// gets 401 otherwise.
type Auth struct {
	api http.HandlerFunc

	mu             sync.Mutex
	session        string // empty is none
	logins         []Login
	authorizations []string
	refuse         http.HandlerFunc
	onStale        func()
}

// Login is a login request.
type Login struct {
	Fields map[string]string // the members of the body that are strings
	Header http.Header
}

// NewAuth returns a handler that passes authorized requests to api. A nil api is Service.
func NewAuth(api http.HandlerFunc) *Auth {
	if api == nil {
		api = Service
	}
	return &Auth{api: api}
}

// ServeHTTP implements http.Handler. Its method value is an http.HandlerFunc: New(t, auth.ServeHTTP).
func (a *Auth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/session" {
		a.login(w, r)
		return
	}
	authorization := r.Header.Get("Authorization")
	a.mu.Lock()
	a.authorizations = append(a.authorizations, authorization)
	valid := a.session != "" && authorization == "Bearer "+a.session
	onStale := a.onStale
	a.mu.Unlock()
	if valid {
		a.api(w, r)
		return
	}
	if onStale != nil {
		onStale()
	}
	Respond(http.StatusUnauthorized, "invalid session")(w, r)
}

func (a *Auth) login(w http.ResponseWriter, r *http.Request) {
	members := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&members)
	login := Login{map[string]string{}, r.Header.Clone()}
	for name, value := range members {
		if text, ok := value.(string); ok {
			login.Fields[name] = text
		}
	}
	a.mu.Lock()
	a.logins = append(a.logins, login)
	refuse := a.refuse
	if refuse == nil {
		a.session = fmt.Sprintf("session-%d", len(a.logins))
	}
	session := a.session
	a.mu.Unlock()
	if refuse != nil {
		refuse(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, " "+session+"\r\n") // the real service surrounds it with white space too
}

// RefuseLogins passes every further login to a handler instead of granting it. Nil grants logins again.
func (a *Auth) RefuseLogins(handler http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = handler
}

// Expire ends the session and forgets the Authorizations. If onStale is not nil, it is called for each further request that is
// refused, before the response.
func (a *Auth) Expire(onStale func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.session, a.authorizations, a.onStale = "", nil, onStale
}

// Logins returns the login requests, granted or not.
func (a *Auth) Logins() []Login {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Login(nil), a.logins...)
}

// LoginFields returns the fields of each login request. It returns an empty slice, not nil, if there were none.
func (a *Auth) LoginFields() []map[string]string {
	fields := []map[string]string{}
	for _, login := range a.Logins() {
		fields = append(fields, maps.Clone(login.Fields))
	}
	return fields
}

// Authorizations returns the Authorization headers of the requests other than logins, since the start or the last Expire.
func (a *Auth) Authorizations() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.authorizations...)
}
