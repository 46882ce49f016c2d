package jsonwire

import (
	"hash/maphash"
	"sync"
)

// memory is what a cursor keeps from one object for the next, since objects resemble
// each other.
type memory struct {
	seed   maphash.Seed
	texts  [256]string // the last text of each hash
	orders map[*table]*order
}

// order has the fields in the order of the members of the last object: for each field
// plus 1 the field that followed, and at 0 the first one.
type order [maxFields + 1]uint8

// maxText is the length of the longest text that is kept.
const maxText = 48

// memories has memories that are not in use. The pools of the library keep texts too.
var memories = sync.Pool{New: func() any { return &memory{seed: maphash.MakeSeed(), orders: map[*table]*order{}} }}

// text returns a text as a string. A text that is repeated needs no memory of its own.
func (m *memory) text(text []byte) string {
	kept := &m.texts[maphash.Bytes(m.seed, text)%uint64(len(m.texts))]
	if *kept != string(text) {
		*kept = string(text)
	}
	return *kept
}

// orderOf returns the order of the members of a struct.
func (m *memory) orderOf(t *table) *order {
	known := m.orders[t]
	if known == nil {
		known = new(order)
		m.orders[t] = known
	}
	return known
}
