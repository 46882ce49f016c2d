package bigvtest

import (
	"cmp"
	"encoding/json"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/bigv-go/bigv"
)

// state is the complete state of the service. It is guarded by Server.mu.
type state struct {
	clock clock

	accounts   table[account]
	groups     table[group]
	machines   table[machine]
	discs      table[disc] // discs and backups share one ID sequence
	schedules  table[schedule]
	nics       table[nic]
	users      table[user]
	privileges table[privilege]
	keys       table[apiKey]
	defaults   table[vmDefault]

	accountNames map[string]*account
	userNames    map[string]*user
	secrets      map[string]*apiKey
	sessions     map[string]*session
	ips          map[netip.Addr]*ip
	pools        map[string]*addressPool
}

func newState() *state {
	st := &state{
		accountNames: map[string]*account{},
		userNames:    map[string]*user{},
		secrets:      map[string]*apiKey{},
		sessions:     map[string]*session{},
		ips:          map[netip.Addr]*ip{},
		pools: map[string]*addressPool{
			"ipv4": {next: netip.MustParseAddr("198.18.0.1"), prefix: netip.MustParsePrefix("198.18.0.0/15")},
			"ipv6": {next: netip.MustParseAddr("2001:db8:1::1"), prefix: netip.MustParsePrefix("2001:db8:1::/48")},
		},
	}
	// The ID sequences start at different values, so that an ID of one type is unlikely to be a valid ID of another.
	st.accounts.last = 40
	st.groups.last = 70
	st.machines.last = 5000
	st.discs.last = 9000
	st.schedules.last = 300
	st.nics.last = 6000
	st.users.last = 10
	st.privileges.last = 30
	st.keys.last = 8
	st.defaults.last = 20
	return st
}

// table holds all objects of one type, ordered by ID.
type table[T any] struct {
	rows map[int]*T
	ids  []int
	last int
}

func (t *table[T]) add(newRow func(id int) *T) *T {
	t.last++
	row := newRow(t.last)
	if t.rows == nil {
		t.rows = map[int]*T{}
	}
	t.rows[t.last] = row
	t.ids = append(t.ids, t.last)
	return row
}

func (t *table[T]) get(id int) *T { return t.rows[id] }

func (t *table[T]) remove(id int) {
	if i, found := slices.BinarySearch(t.ids, id); found {
		t.ids = slices.Delete(t.ids, i, i+1)
	}
	delete(t.rows, id)
}

func (t *table[T]) all() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, id := range t.ids {
			if !yield(t.rows[id]) {
				return
			}
		}
	}
}

type rowWithID interface{ rowID() int }

func compareIDs[T rowWithID](a, b T) int { return cmp.Compare(a.rowID(), b.rowID()) }

func compareToID[T rowWithID](row T, id int) int { return cmp.Compare(row.rowID(), id) }

// insertByID inserts row into a list ordered by ID.
func insertByID[T rowWithID](list []T, row T) []T {
	i, _ := slices.BinarySearchFunc(list, row.rowID(), compareToID[T])
	return slices.Insert(list, i, row)
}

// removeByID removes row from a list ordered by ID.
func removeByID[T rowWithID](list []T, row T) []T {
	if i, found := slices.BinarySearchFunc(list, row.rowID(), compareToID[T]); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

type account struct {
	id           int
	name         string
	suspended    bool
	defaultGroup *group
	groups       []*group
	byName       map[string]*group
}

type group struct {
	id       int
	account  *account
	name     string
	vlan     int // private VLAN; 0 means none
	purged   bool
	machines []*machine
	byName   map[string]*machine
}

func (g *group) rowID() int { return g.id }

type machine struct {
	id                       int
	group                    *group
	name                     string
	cores                    int
	memory                   int
	powerOn                  bool
	autoreboot               bool
	powerOnAfterProvisioning bool // power on when provisioning completes
	cdrom                    *string
	keymap                   *string
	profile                  string
	profileLocked            bool
	zone                     string
	deleted                  bool
	purged                   bool
	provisioning             bool
	managementAddress        string
	head                     string
	lastImaged               *string
	image                    image
	requestedIPs             []netip.Addr

	appliance        *appliance // for the next start
	runningAppliance string     // name of the appliance it was started from
	starts, resets   int
	sentKeys         []string

	discs        []*disc
	nics         []*nic
	pendingEvent *event // end of provisioning, of a powerdown or of a restart
}

func (m *machine) rowID() int { return m.id }

func (m *machine) hostname() string {
	return m.name + "." + m.group.name + "." + m.group.account.name + ".uk0.bigv.io"
}

type image struct {
	Distribution    string `json:"distribution,omitempty"`
	RootPassword    string `json:"root_password,omitempty"`
	SSHPublicKey    string `json:"ssh_public_key,omitempty"`
	FirstbootScript string `json:"firstboot_script,omitempty"`
}

type appliance struct {
	Name      string
	Permanent bool
}

type disc struct {
	id           int
	machine      *machine
	label        string
	size         int
	grade        string
	pool         string
	newGrade     string
	newPool      string
	iops         int
	purged       bool
	restoredFrom int // ID of the backup it was last restored from
	schedules    []*schedule
	backups      []*disc

	parent   *disc // nil unless this is a backup
	manual   bool
	schedule *schedule
	created  time.Time
}

func (d *disc) rowID() int { return d.id }

type schedule struct {
	id       int
	disc     *disc
	start    time.Time
	interval time.Duration
	capacity int
	next     *event
}

type nic struct {
	id      int
	machine *machine
	label   *string
	mac     string
	vlan    int
	ips     []netip.Addr
	extra   map[netip.Addr]netip.Addr
}

func (n *nic) rowID() int { return n.id }

type ip struct {
	addr netip.Addr
	nic  *nic // nil while the virtual machine is being provisioned
	rdns *string
}

// addressPool allocates addresses. Released addresses are reused only when no others are left.
type addressPool struct {
	next     netip.Addr
	prefix   netip.Prefix
	released []netip.Addr
}

type user struct {
	id             int
	name           string
	email          string
	authorizedKeys *string
	password       string
	secondFactor   string   // "2fa", "yubikey" or "" for none
	codes          []string // unused one-time codes
	privileges     []*privilege
}

type privilege struct {
	id               int
	user             *user
	level            bigv.PrivilegeLevel
	account          *account
	group            *group
	machine          *machine
	apiKey           *apiKey
	creator          *user
	passwordRequired bool
	yubikeyRequired  bool
	yubikeyMaxAge    *int
	ipRestrictions   json.RawMessage
}

func (p *privilege) rowID() int { return p.id }

type apiKey struct {
	id      int
	user    *user
	label   string
	secret  string
	expires *time.Time
}

type session struct {
	user      *user
	factors   []string
	startedAt time.Time
	expires   time.Time // zero if the session does not expire
}

type vmDefault struct {
	id       int
	account  *account
	name     string
	public   bool
	settings map[string]json.RawMessage
}
