package jsonwire

import "hash/maphash"

// memory is what a cursor keeps from one object for the next, since the objects of a
// list are alike.
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

// newMemory returns a memory for a body of a length, or nil if the length is too short
// for that to be worthwhile.
func newMemory(length int64) *memory {
	if length < 4<<10 {
		return nil
	}
	return &memory{seed: maphash.MakeSeed(), orders: map[*table]*order{}}
}

// text returns a text as a string. A text that is repeated needs no memory of its own.
func (m *memory) text(text []byte) string {
	kept := &m.texts[maphash.Bytes(m.seed, text)%uint64(len(m.texts))]
	if *kept != string(text) {
		*kept = string(text)
	}
	return *kept
}

// orderOf returns the order of the members of a struct. It returns nil if m is nil.
func (m *memory) orderOf(t *table) *order {
	if m == nil {
		return nil
	}
	known := m.orders[t]
	if known == nil {
		known = new(order)
		m.orders[t] = known
	}
	return known
}
