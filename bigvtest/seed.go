package bigvtest

import (
	"strings"

	"github.com/bigv-go/bigv"
)

// seed is what a new server holds.
func (s *Server) seed() {
	acme := s.state.addAccount("acme")
	s.state.addGroup(acme, "web")
	alice := s.state.addUser("alice", "alice-password")
	alice.email = "alice@example.org"
	s.state.addUser("bob", "bob-password").email = "bob@example.org"
	s.state.grant(&privilege{user: alice, level: bigv.AccountAdmin, account: acme, passwordRequired: true})
	s.token = s.state.openSession(alice, []string{"password"}, 0)
	key := &apiKey{user: alice, label: "bigvtest"}
	s.state.addKey(key)
	s.state.grant(&privilege{user: alice, level: bigv.AccountAdmin, account: acme, apiKey: key})
	s.apiKey = key.secret
}

// Account is an account of the server. Its methods look and change directly,
// with nobody's privileges in the way.
type Account struct {
	s *Server
	a *account
}

// Account finds the account of this name, or makes it.
func (s *Server) Account(name string) (found *Account) {
	s.withLock(func() {
		a := s.state.accountNames[strings.ToLower(name)]
		if a == nil {
			s.checkName("account", name, 1)
			a = s.state.addAccount(name)
		}
		found = &Account{s, a}
	})
	return found
}

// checkName ends a test that seeds a name which the service would refuse.
func (s *Server) checkName(what, name string, shortest int) {
	f := newForm(nil)
	f.checkHostnameLabel("name", name, shortest)
	if message := messageList(f.errors["name"]); message != nil {
		s.fatalf("%s %q %s", what, name, strings.Join(message, ", "))
	}
}

// ID is the account's ID.
func (a *Account) ID() int { return a.a.id }

// Path is the account by name.
func (a *Account) Path() bigv.AccountPath { return bigv.AccountPath(a.a.name) }

// SetSuspended suspends the account, or ends that. Nothing in a suspended account
// can be changed.
func (a *Account) SetSuspended(suspended bool) *Account {
	a.s.withLock(func() { a.a.suspended = suspended })
	return a
}

func (a *Account) setTarget(p *privilege) { p.account = a.a }

// Group is a group of an account.
type Group struct {
	s *Server
	g *group
}

// Group finds the account's group of this name, or makes it.
func (a *Account) Group(name string) (found *Group) {
	a.s.withLock(func() {
		g := a.s.state.findGroup(a.a, name)
		if g == nil {
			a.s.checkName("group", name, 1)
			g = a.s.state.addGroup(a.a, name)
		}
		found = &Group{a.s, g}
	})
	return found
}

// GroupNames are the names of the groups that there are, in the order of IDs.
func (a *Account) GroupNames() (names []string) {
	a.s.withLock(func() {
		for _, g := range a.a.groups {
			names = append(names, g.name)
		}
	})
	return names
}

// ID is the group's ID.
func (g *Group) ID() int { return g.g.id }

// Path is the group by its present name.
func (g *Group) Path() (path bigv.GroupPath) {
	g.s.withLock(func() { path = bigv.AccountPath(g.g.account.name).Group(g.g.name) })
	return path
}

// Exists reports whether the group has not been deleted.
func (g *Group) Exists() (exists bool) {
	g.s.withLock(func() { exists = !g.g.purged })
	return exists
}

// VirtualMachineNames are the names of the machines that there are, deleted ones
// included, in the order of IDs.
func (g *Group) VirtualMachineNames() (names []string) {
	g.s.withLock(func() {
		for _, m := range g.g.machines {
			names = append(names, m.name)
		}
	})
	return names
}

// SetPrivateVLAN puts the group's new machines into a private VLAN, in which
// their addresses may be chosen. 0 is none.
func (g *Group) SetPrivateVLAN(number int) *Group {
	g.s.withLock(func() { g.g.vlan = number })
	return g
}

func (g *Group) setTarget(p *privilege) { p.group = g.g }

// ExpireSessions ends all sessions, as five minutes without a call do, and those
// that time does not end too: of [Server.Token] and [User.Token]. A client that
// [Server.Client] or [User.Client] has made with no other credentials is of no use
// afterwards: its calls are ErrUnauthorized. One that is given bigv.WithAPIKey goes
// on, and one that is given bigv.WithCredentials logs in again.
func (s *Server) ExpireSessions() {
	s.withLock(func() { clear(s.state.sessions) })
}
