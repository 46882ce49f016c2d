package bigvtest

import (
	"encoding/json"
	"slices"

	"github.com/bigv-go/bigv"
)

// User is a user of the server. Its methods bypass permission checks.
type User struct {
	s *Server
	u *user
}

// User returns the user with the given name or ID. If there is none, it creates one without privileges
// whose password is the name followed by "-password".
func (s *Server) User(name string) (found *User) {
	s.withLock(func() {
		u := s.state.findUser(name)
		if u == nil {
			if !userName.MatchString(name) {
				s.fatalf("user name %q is invalid: only letters and digits are allowed", name)
			}
			u = s.state.addUser(name, name+"-password")
		}
		found = &User{s, u}
	})
	return found
}

func (u *User) checkExists() { u.s.checkExists("user", u.u.name, u.u.purged) }

// ID returns the user's ID.
func (u *User) ID() int { return u.u.id }

// Path returns a path that identifies the user by name.
func (u *User) Path() bigv.UserPath { return bigv.UserPath(u.u.name) }

// SetPassword sets the user's password.
func (u *User) SetPassword(password string) *User {
	u.s.withLock(func() { u.u.password = password })
	return u
}

// SetSecondFactor requires a one-time code at each login of the user. Each code is valid for one login.
func (u *User) SetSecondFactor(factor bigv.Factor, codes ...string) *User {
	u.s.withLock(func() { u.u.secondFactor, u.u.codes = string(factor), slices.Clone(codes) })
	return u
}

// SetAuthorizedKeys sets the user's SSH keys, one per line.
func (u *User) SetAuthorizedKeys(keys string) *User {
	u.s.withLock(func() { u.u.authorizedKeys = &keys })
	return u
}

// AuthorizedKeys returns the user's SSH keys, one per line.
func (u *User) AuthorizedKeys() (keys string) {
	u.s.withLock(func() { keys = stringOrEmpty(u.u.authorizedKeys) })
	return keys
}

// Target is the object that a privilege applies to: an [*Account], a [*Group] or a [*VirtualMachine].
type Target interface{ setTarget(*privilege) }

// Grant grants a privilege to the user and returns its ID. For the levels [bigv.ClusterSU] and
// [bigv.ClusterAdmin], which apply to the whole service, on must be nil.
func (u *User) Grant(level bigv.PrivilegeLevel, on Target) (id int) {
	u.s.withLock(func() {
		u.checkExists()
		p := &privilege{user: u.u, level: level, passwordRequired: true}
		if on != nil {
			on.setTarget(p)
		}
		if levelRanks[level] == 0 || levelTargets[level] != p.targetAttribute() {
			u.s.fatalf("privilege level %q cannot be granted on this target", level)
		}
		u.s.state.grant(p)
		id = p.id
	})
	return id
}

// Privileges returns the user's privileges, including those of the user's API keys, ordered by ID.
func (u *User) Privileges() (list []bigv.Privilege) {
	u.s.withLock(func() {
		encoded, err := json.Marshal(privilegeViews(u.u.privileges))
		if err == nil {
			err = json.Unmarshal(encoded, &list)
		}
		if err != nil {
			u.s.fatalf("privileges of %s: %v", u.u.name, err)
		}
	})
	return list
}

// Revoke revokes a privilege of the user. If the user does not have it, Revoke fails the test, or panics
// if there is none.
func (u *User) Revoke(id int) {
	u.s.withLock(func() {
		p := u.s.state.privileges.get(id)
		if p == nil || p.user != u.u {
			u.s.fatalf("user %s has no privilege %d", u.u.name, id)
		}
		u.s.state.revoke(p)
	})
}

// Token opens a session for the user and returns its ID. The session does not expire; only
// [Server.ExpireSessions] ends it.
func (u *User) Token() (token string) {
	u.s.withLock(func() {
		u.checkExists()
		factors := []string{"password"}
		if u.u.secondFactor != "" {
			factors = append(factors, u.u.secondFactor)
		}
		token = u.s.state.openSession(u.u, factors, 0)
	})
	return token
}

// APIKey creates an API key with a copy of the user's current privileges and returns it without the
// prefix "apikey.".
func (u *User) APIKey(label string) (key string) {
	u.s.withLock(func() {
		u.checkExists()
		k := &apiKey{user: u.u, label: label}
		u.s.state.addKey(k)
		for _, p := range slices.Clone(u.u.privileges) {
			if p.apiKey == nil {
				own := *p
				own.apiKey, own.passwordRequired, own.yubikeyRequired = k, false, false
				u.s.state.grant(&own)
			}
		}
		key = k.secret
	})
	return key
}

// Client returns a client that authenticates as the user. See [Server.Client].
func (u *User) Client(opts ...bigv.Option) *bigv.Client {
	return u.s.client(u.Token(), opts)
}
