package bigvtest

import (
	"net/netip"
	"strings"

	"github.com/bigv-go/bigv"
)

// seed adds the default accounts, groups and users.
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

// Account is an account of the server. Its methods read and change the server's state directly,
// without permission checks.
//
// An Account, Group, VirtualMachine, Disc or User always represents the same object, also after a
// rename. Once the object is removed, setters have no effect, and methods that add something to it fail
// the test, or panic if there is none: nothing brings it back.
type Account struct {
	s *Server
	a *account
}

// Account returns the account with the given name or ID and creates it if it does not exist.
func (s *Server) Account(name string) (found *Account) {
	s.withLock(func() {
		a := s.state.findAccount(name)
		if a == nil {
			s.checkName("account", name, 1)
			a = s.state.addAccount(name)
		}
		found = &Account{s, a}
	})
	return found
}

// checkName calls fatalf if the service would reject the name.
func (s *Server) checkName(what, name string, shortest int) {
	f := &form{errors: validationErrors{}}
	f.checkHostnameLabel("name", name, shortest)
	if message := messageList(f.errors["name"]); message != nil {
		s.fatalf("%s %q %s", what, name, strings.Join(message, ", "))
	}
}

// checkExists calls fatalf if an object to which something is to be added was removed.
func (s *Server) checkExists(what, name string, purged bool) {
	if purged {
		s.fatalf("%s %s does not exist any more", what, name)
	}
}

// ID returns the account's ID.
func (a *Account) ID() int { return a.a.id }

// Path returns a path that identifies the account by its name.
func (a *Account) Path() bigv.AccountPath { return bigv.AccountPath(a.a.name) }

// SetSuspended suspends the account or lifts the suspension. In a suspended account only staff can
// change anything.
func (a *Account) SetSuspended(suspended bool) *Account {
	a.s.withLock(func() { a.a.suspended = suspended })
	return a
}

func (a *Account) setTarget(p *privilege) {
	a.s.checkExists("account", a.a.name, a.a.purged)
	p.account = a.a
}

// Group is a group of an account. Its methods bypass permission checks.
type Group struct {
	s *Server
	g *group
}

// Group returns the account's group with the given name or ID and creates it if it does not exist.
func (a *Account) Group(name string) (found *Group) {
	a.s.withLock(func() {
		a.s.checkExists("account", a.a.name, a.a.purged)
		g := a.s.state.findGroup(a.a, name)
		if g == nil {
			a.s.checkName("group", name, 1)
			g = a.s.state.addGroup(a.a, name)
		}
		found = &Group{a.s, g}
	})
	return found
}

// GroupNames returns the names of the account's groups, ordered by ID.
func (a *Account) GroupNames() (names []string) {
	a.s.withLock(func() {
		for _, g := range a.a.groups {
			names = append(names, g.name)
		}
	})
	return names
}

// ID returns the group's ID.
func (g *Group) ID() int { return g.g.id }

// Path returns a path that identifies the group by its current name.
func (g *Group) Path() (path bigv.GroupPath) {
	g.s.withLock(func() { path = bigv.AccountPath(g.g.account.name).Group(g.g.name) })
	return path
}

// Exists reports whether the group still exists.
func (g *Group) Exists() (exists bool) {
	g.s.withLock(func() { exists = !g.g.purged })
	return exists
}

// VirtualMachineNames returns the names of the group's virtual machines, including deleted ones,
// ordered by ID.
func (g *Group) VirtualMachineNames() (names []string) {
	g.s.withLock(func() {
		for _, m := range g.g.machines {
			names = append(names, m.name)
		}
	})
	return names
}

// SetPrivateVLAN sets the private VLAN of virtual machines created in the group from now on; 0 means
// none. In a private VLAN a create request can choose the IP addresses.
func (g *Group) SetPrivateVLAN(number int) *Group {
	g.s.withLock(func() { g.g.vlan = number })
	return g
}

func (g *Group) setTarget(p *privilege) {
	g.s.checkExists("group", g.g.name, g.g.purged)
	p.group = g.g
}

// RDNS returns the host name for reverse DNS of an address. It is empty if there is none, or if the
// address is not assigned.
func (s *Server) RDNS(address netip.Addr) (name string) {
	s.withLock(func() {
		if found := s.state.ips[address.Unmap()]; found != nil {
			name = stringOrEmpty(found.rdns)
		}
	})
	return name
}

// SetRDNS sets the host name for reverse DNS of an address; "" removes it. If the address is not
// assigned to a network interface, or the name is not a host name, it fails the test, or panics if there
// is none.
func (s *Server) SetRDNS(address netip.Addr, name string) {
	s.withLock(func() {
		found := s.state.ips[address.Unmap()]
		switch {
		case found == nil || found.nic == nil:
			s.fatalf("address %v is not assigned", address)
		case name == "":
			found.rdns = nil
		case !hostName.MatchString(name):
			s.fatalf("%q is not a host name", name)
		default:
			found.rdns = &name
		}
	})
}

// ExpireSessions ends all sessions at once, including those of [Server.Token] and [User.Token], which
// do not expire by themselves.
//
// A client returned by [Server.Client] or [User.Client] without other credentials can no longer
// authenticate: its calls fail with bigv.ErrUnauthorized. A client that uses bigv.WithAPIKey is not
// affected, and one that uses bigv.WithCredentials logs in again.
func (s *Server) ExpireSessions() {
	s.withLock(func() { clear(s.state.sessions) })
}
