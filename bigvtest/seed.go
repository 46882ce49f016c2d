package bigvtest

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// seed is what a new server holds.
func (s *Server) seed() {
	acme := s.state.addAccount("acme")
	s.state.addGroup(acme, "web")
	alice := s.state.addUser("alice", "alice-password")
	alice.email = "alice@example.org"
	s.state.addUser("bob", "bob-password").email = "bob@example.org"
	s.state.grant(&privilege{user: alice, level: AccountAdmin, account: acme, passwordRequired: true})
	s.admin = s.state.open(alice, []string{"password"}, 0)
	key := &apiKey{user: alice, label: "bigvtest"}
	s.state.addKey(key)
	s.state.grant(&privilege{user: alice, level: AccountAdmin, account: acme, key: key})
	s.adminKey = key.secret
}

// ClientOptions are what a bigv client needs to talk to this server as alice:
// where it is, its certificate, her token, and retries that hardly wait.
func (s *Server) ClientOptions() []bigv.Option {
	return append(s.clientOptions(), bigv.WithToken(s.admin))
}

func (s *Server) clientOptions() []bigv.Option {
	opts := []bigv.Option{
		bigv.WithBaseURL(s.URL()), bigv.WithAuthURL(s.AuthURL()), bigv.WithInsecureHTTP(),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 4, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond}),
	}
	if s.cert != nil {
		opts = append(opts, bigv.WithHTTPClient(s.HTTPClient()))
	}
	return opts
}

// Client is a client that talks to this server as alice, with further options.
// Options that set other credentials take the place of her token, which
// [Server.ExpireSessions] ends. A mistake in the options ends the test, or panics
// where there is none: programs that want the error call bigv.NewClient with
// ClientOptions.
func (s *Server) Client(opts ...bigv.Option) *bigv.Client {
	return s.client(bigv.WithToken(s.admin), opts)
}

func (s *Server) client(credentials bigv.Option, opts []bigv.Option) *bigv.Client {
	client, err := bigv.NewClient(append(s.clientOptions(), credentials)...)
	if err == nil && len(opts) > 0 {
		client, err = client.With(opts...)
	}
	if err != nil {
		s.misuse("%v", err)
	}
	if s.t != nil {
		s.t.Cleanup(client.CloseIdleConnections)
	}
	return client
}

// Account is an account of the server. Its methods look and change directly,
// with nobody's privileges in the way.
type Account struct {
	s *Server
	a *account
}

// Account finds the account of this name, or makes it.
func (s *Server) Account(name string) (found *Account) {
	s.locked(func() {
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
	f.name("name", name, shortest)
	if message := asList(f.bad["name"]); message != nil {
		s.misuse("%s %q %s", what, name, strings.Join(message, ", "))
	}
}

// ID is the account's ID.
func (a *Account) ID() int { return a.a.id }

// Path is the account by name.
func (a *Account) Path() bigv.AccountPath { return bigv.AccountPath(a.a.name) }

// SetSuspended suspends the account, or ends that. Nothing in a suspended account
// can be changed.
func (a *Account) SetSuspended(suspended bool) *Account {
	a.s.locked(func() { a.a.suspended = suspended })
	return a
}

func (a *Account) aim(p *privilege) { p.account = a.a }

// Group is a group of an account.
type Group struct {
	s *Server
	g *group
}

// Group finds the account's group of this name, or makes it.
func (a *Account) Group(name string) (found *Group) {
	a.s.locked(func() {
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
	a.s.locked(func() {
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
	g.s.locked(func() { path = bigv.AccountPath(g.g.account.name).Group(g.g.name) })
	return path
}

// Exists reports whether the group has not been deleted.
func (g *Group) Exists() (exists bool) {
	g.s.locked(func() { exists = !g.g.gone })
	return exists
}

// VirtualMachineNames are the names of the machines that there are, deleted ones
// included, in the order of IDs.
func (g *Group) VirtualMachineNames() (names []string) {
	g.s.locked(func() {
		for _, m := range g.g.machines {
			names = append(names, m.name)
		}
	})
	return names
}

// SetPrivateVLAN puts the group's new machines into a private VLAN, in which
// their addresses may be chosen. 0 is none.
func (g *Group) SetPrivateVLAN(number int) *Group {
	g.s.locked(func() { g.g.vlan = number })
	return g
}

func (g *Group) aim(p *privilege) { p.group = g.g }

// VirtualMachine is a machine of a group.
type VirtualMachine struct {
	s *Server
	m *machine
}

// VirtualMachine finds the group's machine of this name, or makes one that is up
// and running: 1 core, 1024 MiB, a disc "disc-1" of 25600 MiB, and a network
// interface with an IPv4 and an IPv6 address.
func (g *Group) VirtualMachine(name string) (found *VirtualMachine) {
	g.s.locked(func() {
		m := g.g.byName[strings.ToLower(name)]
		if m == nil {
			g.s.checkName("virtual machine", name, 3)
			m = g.s.state.seedMachine(g.g, name)
			g.s.state.addDisc(m, &disc{label: "disc-1", size: 25600, grade: storageGrades[0]})
		}
		found = &VirtualMachine{g.s, m}
	})
	return found
}

// seedMachine makes a machine that is up and running, without discs.
func (st *state) seedMachine(g *group, name string) *machine {
	m := &machine{
		group: g, name: name, cores: 1, memory: 1024, profile: hardwareProfiles[0], zone: zoneNames[0],
		autoreboot: true, lastImaged: &distributions[0],
	}
	st.addMachine(m)
	st.connect(m)
	st.powerOn(m)
	return m
}

// AddVirtualMachines makes n machines like those that VirtualMachine makes, with
// a second disc, called by the prefix and a number of five digits.
func (g *Group) AddVirtualMachines(prefix string, n int) {
	g.s.locked(func() {
		for i := range n {
			name := prefix + pad(i)
			if g.g.byName[strings.ToLower(name)] != nil {
				continue
			}
			m := g.s.state.seedMachine(g.g, name)
			g.s.state.addDisc(m, &disc{label: "disc-1", size: 25600, grade: storageGrades[0]})
			g.s.state.addDisc(m, &disc{label: "disc-2", size: 51200, grade: "archive"})
		}
	})
}

func pad(n int) string {
	text := itoa(n)
	return strings.Repeat("0", max(0, 5-len(text))) + text
}

// ID is the machine's ID.
func (vm *VirtualMachine) ID() int { return vm.m.id }

// Path is the machine by its present names.
func (vm *VirtualMachine) Path() (path bigv.VirtualMachinePath) {
	vm.s.locked(func() {
		path = bigv.AccountPath(vm.m.group.account.name).Group(vm.m.group.name).VirtualMachine(vm.m.name)
	})
	return path
}

// SetCores sets the number of cores.
func (vm *VirtualMachine) SetCores(n int) *VirtualMachine {
	vm.s.locked(func() { vm.m.cores = n })
	return vm
}

// SetMemory sets the memory, in MiB.
func (vm *VirtualMachine) SetMemory(mib int) *VirtualMachine {
	vm.s.locked(func() { vm.m.memory = mib })
	return vm
}

// SetPower switches the machine on or off, and autoreboot along: it stays off.
func (vm *VirtualMachine) SetPower(on bool) *VirtualMachine {
	vm.s.locked(func() {
		vm.m.autoreboot = on
		vm.s.state.setPower(vm.m, on)
	})
	return vm
}

// SetDeleted deletes the machine as DELETE does, or undeletes it.
func (vm *VirtualMachine) SetDeleted(deleted bool) *VirtualMachine {
	vm.s.locked(func() {
		if deleted {
			vm.s.state.softDelete(vm.m)
		} else {
			vm.m.deleted = false
		}
	})
	return vm
}

func (vm *VirtualMachine) aim(p *privilege) { p.machine = vm.m }

// VirtualMachineState is what a machine is like.
type VirtualMachineState struct {
	Exists       bool // it has not been purged
	Deleted      bool // it may be undeleted, or purged
	Provisioning bool // it is still being made
	PoweredOn    bool // it is on
	AutorebootOn bool // it is started again when it goes off

	Name            string       // as it is at present
	Hostname        string       // likewise
	Cores           int          // as set
	Memory          int          // MiB
	CDROMURL        string       // empty is no CD
	Keymap          string       // of its console; empty is none
	HardwareProfile string       // such as virtio2013
	ZoneName        string       // where it runs
	Discs           []DiscState  // the boot disc first
	IPs             []netip.Addr // its primary addresses
	ExtraIPs        []netip.Addr // its additional addresses

	// What the machine was last imaged with, secrets included.
	LastImagedWith  string
	RootPassword    string
	SSHPublicKey    string
	FirstbootScript string

	Starts    int      // how often it was switched on
	Resets    int      // how often it was reset
	KeysSent  []string // what was sent to its keyboard
	Appliance string   // what it was booted from, if not from its disc
}

// State is what the machine is like at the moment.
func (vm *VirtualMachine) State() (state VirtualMachineState) {
	vm.s.locked(func() {
		m := vm.m
		state = VirtualMachineState{
			Exists: !m.gone, Deleted: m.deleted, Provisioning: m.provisioning, PoweredOn: m.powerOn, AutorebootOn: m.autoreboot,
			Name: m.name, Hostname: m.hostname(), Cores: m.cores, Memory: m.memory, CDROMURL: valueOf(m.cdrom), Keymap: valueOf(m.keymap),
			HardwareProfile: m.profile, ZoneName: m.zone, LastImagedWith: valueOf(m.lastImaged), RootPassword: m.image.RootPassword,
			SSHPublicKey: m.image.SSHPublicKey, FirstbootScript: m.image.FirstbootScript, Starts: m.starts, Resets: m.resets,
			KeysSent: slices.Clone(m.keys), Appliance: m.running,
		}
		for _, d := range m.discs {
			state.Discs = append(state.Discs, d.state())
		}
		for _, n := range m.nics {
			state.IPs = append(state.IPs, n.ips...)
			for addr := range n.extra {
				state.ExtraIPs = append(state.ExtraIPs, addr)
			}
		}
		slices.SortFunc(state.ExtraIPs, netip.Addr.Compare)
	})
	return state
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Disc is a disc of a machine.
type Disc struct {
	s *Server
	d *disc
}

// Disc finds the machine's disc of this label, or adds one of this size in MiB.
func (vm *VirtualMachine) Disc(label string, size int) (found *Disc) {
	vm.s.locked(func() {
		d := vm.m.discLabelled(label)
		if d == nil {
			d = &disc{label: label, size: size, grade: storageGrades[0]}
			vm.s.state.addDisc(vm.m, d)
		}
		found = &Disc{vm.s, d}
	})
	return found
}

// ID is the disc's ID.
func (d *Disc) ID() int { return d.d.id }

// Path is the disc by its present names.
func (d *Disc) Path() (path bigv.DiscPath) {
	d.s.locked(func() {
		m := d.d.machine
		path = bigv.AccountPath(m.group.account.name).Group(m.group.name).VirtualMachine(m.name).Disc(d.d.label)
	})
	return path
}

// DiscState is what a disc is like.
type DiscState struct {
	Exists       bool   // it has not been purged
	ID           int    // never changes
	Label        string // as it is at present
	Size         int    // MiB
	StorageGrade string // what it is made of
	Backups      int    // how many there are
	Schedules    int    // how many there are
	RestoredFrom int    // the backup that it was last restored from, 0 is none
}

// State is what the disc is like at the moment.
func (d *Disc) State() (state DiscState) {
	d.s.locked(func() { state = d.d.state() })
	return state
}

func (d *disc) state() DiscState {
	return DiscState{
		Exists: !d.gone, ID: d.id, Label: d.label, Size: d.size, StorageGrade: d.grade,
		Backups: len(d.backups), Schedules: len(d.schedules), RestoredFrom: d.restored,
	}
}

// User is a user of the server.
type User struct {
	s *Server
	u *user
}

// User finds the user of this name, or makes one with no privileges, whose
// password is the name and "-password".
func (s *Server) User(name string) (found *User) {
	s.locked(func() {
		u := s.state.userNames[strings.ToLower(name)]
		if u == nil {
			if !userName.MatchString(name) {
				s.misuse("a user name has letters and digits only, and not %q", name)
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
	u.s.locked(func() { u.u.password = password })
	return u
}

// SetSecondFactor has logins need a one-time code as well. Each code is good for
// one login.
func (u *User) SetSecondFactor(factor bigv.Factor, codes ...string) *User {
	u.s.locked(func() { u.u.second, u.u.codes = string(factor), slices.Clone(codes) })
	return u
}

// SetAuthorizedKeys sets the user's SSH keys, one a line.
func (u *User) SetAuthorizedKeys(keys string) *User {
	u.s.locked(func() { u.u.keys = &keys })
	return u
}

// AuthorizedKeys are the user's SSH keys, one a line.
func (u *User) AuthorizedKeys() (keys string) {
	u.s.locked(func() { keys = valueOf(u.u.keys) })
	return keys
}

// Target is what a privilege can be on: an *Account, a *Group or a
// *VirtualMachine.
type Target interface{ aim(*privilege) }

// Grant gives the user a privilege and returns its ID. Levels of staff are on
// nothing: on is nil.
func (u *User) Grant(level bigv.PrivilegeLevel, on Target) (id int) {
	u.s.locked(func() {
		p := &privilege{user: u.u, level: level, passwordRequired: true}
		if on != nil {
			on.aim(p)
		}
		kind := map[bool]string{p.account != nil: "account", p.group != nil: "group", p.machine != nil: "vm"}[true]
		if prefix, _, _ := strings.Cut(string(level), "_"); rankOf[level] == 0 || prefix != cmp.Or(kind, "cluster") {
			u.s.misuse("a privilege %q cannot be on that", level)
		}
		u.s.state.grant(p)
		id = p.id
	})
	return id
}

// Token opens a session of the user's that time does not end, and returns its ID.
// Only [Server.ExpireSessions] ends it.
func (u *User) Token() (token string) {
	u.s.locked(func() {
		factors := []string{"password"}
		if u.u.second != "" {
			factors = append(factors, u.u.second)
		}
		token = u.s.state.open(u.u, factors, 0)
	})
	return token
}

// Client is a client that talks to this server as the user. See Server.Client.
func (u *User) Client(opts ...bigv.Option) *bigv.Client {
	return u.s.client(bigv.WithToken(u.Token()), opts)
}

// APIKey makes an API key of the user's, which has the user's privileges of the
// moment for its own, and returns it without its prefix.
func (u *User) APIKey(label string) (key string) {
	u.s.locked(func() {
		k := &apiKey{user: u.u, label: label}
		u.s.state.addKey(k)
		for _, p := range slices.Clone(u.u.privileges) {
			if p.key == nil {
				own := *p
				own.key, own.passwordRequired, own.yubikeyRequired = k, false, false
				u.s.state.grant(&own)
			}
		}
		key = k.secret
	})
	return key
}

// ExpireSessions ends all sessions, as five minutes without a call do, and those
// that time does not end too: of [Server.Token] and [User.Token]. A client that
// [Server.Client] or [User.Client] has made with no other credentials is of no use
// afterwards: its calls are ErrUnauthorized. One that is given bigv.WithAPIKey goes
// on, and one that is given bigv.WithCredentials logs in again.
func (s *Server) ExpireSessions() {
	s.locked(func() { clear(s.state.sessions) })
}

// HTTPClient is a new client that trusts the server's certificate. Close its
// idle connections when done.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: s.transport()}
}
