package bigvtest

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
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
	// The ID sequences start at different values, so that an ID of one type is unlikely to be a valid
	// ID of another.
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
