package jsonwire

import (
	"encoding/binary"
	"reflect"
	"sync"
)

// memory is what a cursor keeps from one object for the next, since objects resemble
// each other.
type memory struct {
	texts   [256]string // the last text of each hash
	structs map[*table]*structMemory
}

// structMemory is what a memory keeps for a struct type.
type structMemory struct {
	// order has the fields in the order of the members of the last object: for each field
	// plus 1 the field that followed, and at 0 the first one.
	order [maxFields + 1]uint8
	// Objects are decoded into value and copied, since reflect.Value.Field would take
	// longer. value is zero between two objects.
	value  reflect.Value
	fields []reflect.Value // of value
	inUse  bool
}

// maxText is the length of the longest text that is kept.
const maxText = 48

// memories has memories that are not in use. The pools of the library keep texts too.
var memories = sync.Pool{New: func() any { return &memory{structs: map[*table]*structMemory{}} }}

// text returns a text as a string. A text that is repeated needs no memory of its own.
func (m *memory) text(text []byte) string {
	kept := &m.texts[hash(text)]
	if *kept != string(text) {
		*kept = string(text)
	}
	return *kept
}

// hash returns a hash of the length and of the first and last eight bytes of a text.
func hash(text []byte) uint8 {
	var first, last uint64
	if n := len(text); n >= 8 {
		first, last = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[n-8:])
	} else {
		for _, b := range text {
			first = first<<8 | uint64(b)
		}
	}
	const odd1, odd2 = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f // of which the multiples have random bits at the top
	return uint8(((first^uint64(len(text)))*odd1 ^ last) * odd2 >> 56)
}

// structOf returns what is kept for a struct type.
func (m *memory) structOf(t *table) *structMemory {
	known := m.structs[t]
	if known == nil {
		known = newStructMemory(t)
		m.structs[t] = known
	}
	return known
}

// newStructMemory returns what is kept for a struct type before the first object.
func newStructMemory(t *table) *structMemory {
	m := &structMemory{value: reflect.New(t.typ).Elem(), fields: make([]reflect.Value, len(t.fields))}
	for i := range t.fields {
		m.fields[i] = m.value.FieldByIndex(t.fields[i].index)
	}
	return m
}
