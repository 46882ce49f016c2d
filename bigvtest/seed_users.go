package bigvtest

import (
	"slices"
	"strings"

	"github.com/bigv-go/bigv"
)

// User is a user of the server.
type User struct {
	s *Server
	u *user
}

// User finds the user of this name, or makes one with no privileges, whose
// password is the name and "-password".
func (s *Server) User(name string) (found *User) {
	s.withLock(func() {
		u := s.state.userNames[strings.ToLower(name)]
		if u == nil {
			if !userName.MatchString(name) {
				s.fatalf("a user name has letters and digits only, and not %q", name)
			}
			u = s.state.addUser(name, name+"-password")
		}
		found = &User{s, u}
	})
	return found
}

// ID is the user's ID.
func (u *User) ID() int { return u.u.id }

// Path is the user by name.
func (u *User) Path() bigv.UserPath { return bigv.UserPath(u.u.name) }

// SetPassword sets the user's password.
func (u *User) SetPassword(password string) *User {
	u.s.withLock(func() { u.u.password = password })
	return u
}

// SetSecondFactor has logins need a one-time code as well. Each code is good for
// one login.
func (u *User) SetSecondFactor(factor bigv.Factor, codes ...string) *User {
	u.s.withLock(func() { u.u.secondFactor, u.u.codes = string(factor), slices.Clone(codes) })
	return u
}

// SetAuthorizedKeys sets the user's SSH keys, one a line.
func (u *User) SetAuthorizedKeys(keys string) *User {
	u.s.withLock(func() { u.u.authorizedKeys = &keys })
	return u
}

// AuthorizedKeys are the user's SSH keys, one a line.
func (u *User) AuthorizedKeys() (keys string) {
	u.s.withLock(func() { keys = stringOrEmpty(u.u.authorizedKeys) })
	return keys
}

// Target is what a privilege can be on: an *Account, a *Group or a
// *VirtualMachine.
type Target interface{ setTarget(*privilege) }

// Grant gives the user a privilege and returns its ID. Levels of staff are on
// nothing: on is nil.
func (u *User) Grant(level bigv.PrivilegeLevel, on Target) (id int) {
	u.s.withLock(func() {
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

// Token opens a session of the user's that time does not end, and returns its ID.
// Only [Server.ExpireSessions] ends it.
func (u *User) Token() (token string) {
	u.s.withLock(func() {
		factors := []string{"password"}
		if u.u.secondFactor != "" {
			factors = append(factors, u.u.secondFactor)
		}
		token = u.s.state.openSession(u.u, factors, 0)
	})
	return token
}

// APIKey makes an API key of the user's, which has the user's privileges of the
// moment for its own, and returns it without its prefix.
func (u *User) APIKey(label string) (key string) {
	u.s.withLock(func() {
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

// Client is a client that talks to this server as the user. See Server.Client.
func (u *User) Client(opts ...bigv.Option) *bigv.Client {
	return u.s.client(bigv.WithToken(u.Token()), opts)
}
