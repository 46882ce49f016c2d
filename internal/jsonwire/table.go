package jsonwire

import (
	"encoding"
	"net/netip"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// A table says how a cursor decodes one Go type. It is made once for each type, from
// its struct tags, and does not change afterwards.
type table struct {
	kind   tableKind
	typ    reflect.Type
	elem   *table         // of a slice or a pointer
	empty  reflect.Value  // of a slice
	fields []field        // of a struct
	index  map[string]int // the fields by their names
	sizes  *typeSizes     // of what the library decodes
}

// field is a field of a struct.
type field struct {
	start string // of a member: the name in quotes, and a colon
	index []int  // more than one if it is promoted from an embedded struct
	*table
}

// tableKind is a way of decoding. The zero kind leaves a value to the library: that is
// right for every type, so only what is frequent in responses has a kind of its own.
type tableKind uint8

const (
	libraryKind tableKind = iota
	textKind
	intKind
	boolKind
	addrKind    // netip.Addr
	addrMapKind // map[netip.Addr]netip.Addr
	structKind
	sliceKind
	pointerKind
)

// maxFields is the number of bits with which a cursor finds duplicate members.
const maxFields = 64

var (
	intType, addrType = reflect.TypeFor[int](), reflect.TypeFor[netip.Addr]()
	addrMapType       = reflect.TypeFor[map[netip.Addr]netip.Addr]()
	methodTypes       = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[encoding.TextUnmarshaler](),
	}
)

// tables has the table of each type that was decoded. It is a cache: a table depends on
// nothing but its type.
var tables sync.Map

// tableOf returns the table of a type.
func tableOf(t reflect.Type) *table {
	if known, ok := tables.Load(t); ok {
		return known.(*table)
	}
	made, _ := tables.LoadOrStore(t, newTable(t, map[reflect.Type]*table{}))
	return made.(*table)
}

// newTable makes the table of a type. made has those of the types around it, which may
// contain themselves.
func newTable(t reflect.Type, made map[reflect.Type]*table) *table {
	if known := made[t]; known != nil {
		return known
	}
	n := &table{typ: t}
	made[t] = n
	switch {
	case t == addrType:
		n.kind = addrKind
	case t == addrMapType:
		n.kind = addrMapKind
	case hasMethods(t):
	case t == intType:
		n.kind = intKind
	case t.Kind() == reflect.String:
		n.kind = textKind
	case t.Kind() == reflect.Bool:
		n.kind = boolKind
	case t.Kind() == reflect.Pointer:
		n.kind, n.elem = pointerKind, newTable(t.Elem(), made)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8: // bytes are written in base64
		n.kind, n.elem, n.empty = sliceKind, newTable(t.Elem(), made), reflect.MakeSlice(t, 0, 0)
	case t.Kind() == reflect.Struct:
		n.index = map[string]int{}
		if n.addFields(t, nil, made) && len(n.fields) > 0 && len(n.fields) <= maxFields {
			n.kind = structKind
		}
	}
	if n.kind == libraryKind {
		n.sizes = newTypeSizes(t)
	}
	return n
}

// hasMethods reports whether a type decodes itself.
func hasMethods(t reflect.Type) bool {
	for _, method := range methodTypes {
		if t.Implements(method) || reflect.PointerTo(t).Implements(method) {
			return true
		}
	}
	return false
}

// addFields adds the fields of a struct, and those of the structs embedded in it. It
// reports false if the library must decode the struct, since its tags are unusual.
func (n *table) addFields(t reflect.Type, outer []int, made map[reflect.Type]*table) bool {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		index := append(outer[:len(outer):len(outer)], f.Index...)
		if f.Anonymous {
			if tagged || f.Type.Kind() != reflect.Struct || hasMethods(f.Type) || !n.addFields(f.Type, index, made) {
				return false
			}
			continue
		}
		if tag == "-" || !tagged && !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		_, twice := n.index[name]
		if twice || !f.IsExported() || !isPlainName(name) || options != "" && options != "omitzero" && options != "omitempty" {
			return false
		}
		n.index[name] = len(n.fields)
		n.fields = append(n.fields, field{start: `"` + name + `":`, index: index, table: newTable(f.Type, made)})
	}
	return true
}

// isPlainName reports whether a name needs no quotes in a tag and no escapes in JSON.
func isPlainName(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && name != ""
}
