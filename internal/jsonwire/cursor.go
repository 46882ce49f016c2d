package jsonwire

import (
	"bytes"
	"net/netip"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A cursor decodes a JSON value whose syntax and UTF-8 have been checked, but not
// whether members are duplicate. It is faster than the library, since it looks at each
// byte once and follows a table of the Go type.
//
// It either decodes a value as the library would, or reports false, and then the
// library decodes the same bytes: what is unusual or wrong needs no code here, and
// errors have the texts of the library. Its methods begin at the first byte of a value
// and end after its last one. They decode into zero values only, so that null needs
// nothing to be done.
type cursor struct {
	data    []byte
	pos     int
	left    int64    // memory that may still be allocated; less than 0 if it is used up
	counted int      // bytes of long arrays that were looked at to count their elements
	unknown [][]byte // names of unknown members of the objects around pos
	memory  *memory  // nil if data is short
}

// maxUnknown is the number of unknown members of an object up to which a cursor
// compares their names.
const maxUnknown = 64

// decode decodes the value into v, which is zero. It reports false if the library must
// decode it, or if c.left is less than 0.
func (c *cursor) decode(t *table, data []byte, v reflect.Value) bool {
	c.data, c.pos, c.counted, c.unknown = data, 0, 0, c.unknown[:0]
	c.space()
	return c.value(t, v) && c.left >= 0
}

// allocate reports whether n bytes may be allocated.
func (c *cursor) allocate(n int) bool {
	c.left -= int64(n)
	return c.left >= 0
}

// value decodes a value.
func (c *cursor) value(t *table, v reflect.Value) (ok bool) {
	if t.kind == libraryKind {
		return c.library(t, v)
	}
	if c.data[c.pos] == 'n' {
		c.pos += len("null")
		return true
	}
	switch t.kind {
	case textKind:
		var text string
		if text, ok = c.text(); ok {
			v.SetString(text)
		}
	case intKind:
		var n int
		if n, ok = c.integer(); ok {
			v.SetInt(int64(n))
		}
	case boolKind:
		ok = c.boolean(v)
	case addrKind:
		*v.Addr().Interface().(*netip.Addr), ok = c.address()
	case addrMapKind:
		ok = c.addressMap(v.Addr().Interface().(*map[netip.Addr]netip.Addr))
	case structKind:
		ok = c.object(t, v)
	case sliceKind:
		ok = c.array(t, v)
	case pointerKind:
		if ok = c.allocate(int(t.elem.typ.Size())); ok {
			v.Set(reflect.New(t.elem.typ))
			ok = c.value(t.elem, v.Elem())
		}
	}
	return ok
}

// object decodes an object into a struct.
func (c *cursor) object(t *table, v reflect.Value) bool {
	if c.data[c.pos] != '{' {
		return false
	}
	c.pos++
	if c.space(); c.data[c.pos] == '}' {
		c.pos++
		return true
	}
	var seen uint64 // a bit for each field
	outer, order, last := len(c.unknown), c.memory.orderOf(t), 0
	for more := true; more; more = c.next() == ',' {
		c.space()
		i := last
		if order != nil {
			i = int(order[last])
		}
		name, ok := c.name(t, &i)
		if !ok {
			return false
		}
		c.next() // the colon
		c.space()
		if name != nil {
			ok = c.unknownMember(name, outer)
		} else {
			f, bit := &t.fields[i], uint64(1)<<i
			ok = seen&bit == 0 && c.value(f.table, f.of(v))
			seen |= bit
			if order != nil {
				order[last] = uint8(i)
			}
			last = i + 1
		}
		if !ok {
			return false
		}
	}
	c.unknown = c.unknown[:outer]
	return true
}

// of returns the field of a struct.
func (f *field) of(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		v = v.Field(i)
	}
	return v
}

// name reads the name of a member. It sets i to the field of this name, or returns the
// name if it is unknown. At first it compares the name of the field i.
func (c *cursor) name(t *table, i *int) (unknown []byte, ok bool) {
	rest := c.data[c.pos:]
	if *i < len(t.fields) {
		if quoted := t.fields[*i].quoted; len(rest) > len(quoted) && string(rest[:len(quoted)]) == quoted {
			c.pos += len(quoted)
			return nil, true
		}
	}
	name, ok := c.raw()
	if !ok {
		return nil, false
	}
	known, isKnown := t.index[string(name)]
	if !isKnown {
		return name, true
	}
	*i = known
	return nil, true
}

// unknownMember skips the value of an unknown member. It reports false if the member,
// or one within it, may be duplicate. The names of the object are in c.unknown from
// outer on.
func (c *cursor) unknownMember(name []byte, outer int) bool {
	for _, other := range c.unknown[outer:] {
		if bytes.Equal(other, name) {
			return false
		}
	}
	if len(c.unknown)-outer == maxUnknown {
		return false
	}
	c.unknown = append(c.unknown, name)
	value := c.skip()
	if value[0] != '{' && value[0] != '[' {
		return true
	}
	return c.count(&typeSizes{}, value) && jsontext.Value(value).IsValid()
}

// array decodes an array into a slice.
func (c *cursor) array(t *table, v reflect.Value) bool {
	if c.data[c.pos] != '[' {
		return false
	}
	c.pos++
	if c.space(); c.data[c.pos] == ']' {
		c.pos++
		v.Set(t.empty)
		return true
	}
	size := int(t.elem.typ.Size())
	for n, more := 0, true; more; more = c.next() == ',' {
		if n == v.Cap() {
			more := max(n, 1, smallSlice/max(size, 1))
			if n >= manyElements && c.counted <= 4*len(c.data) {
				more = c.countElements()
			}
			if !c.allocate((n + more) * size) {
				return false
			}
			v.Grow(more)
		}
		n++
		v.SetLen(n)
		if c.space(); !c.value(t.elem, v.Index(n-1)) {
			return false
		}
	}
	return true
}

// smallSlice is the size of the memory with which a slice begins, if its elements are
// smaller: two addresses.
const smallSlice = 48

// countElements returns the number of elements from pos to the end of the array.
func (c *cursor) countElements() (n int) {
	ahead := cursor{data: c.data, pos: c.pos}
	for more := true; more; more = ahead.next() == ',' {
		ahead.space()
		ahead.skip()
		n++
	}
	c.counted += ahead.pos - c.pos
	return n
}

// boolean decodes true or false.
func (c *cursor) boolean(v reflect.Value) bool {
	switch c.data[c.pos] {
	case 't':
		c.pos += len("true")
		v.SetBool(true)
	case 'f':
		c.pos += len("false")
	default:
		return false
	}
	return true
}

// integer decodes an integer, which may be written as a string.
func (c *cursor) integer() (n int, ok bool) {
	start := c.pos
	if c.data[start] == '"' {
		raw, ok := c.raw()
		if !ok {
			return 0, false
		}
		n, err := strconv.Atoi(string(raw))
		return n, err == nil
	}
	negative := c.data[start] == '-'
	if negative {
		start++
	}
	for c.pos = start; c.pos < len(c.data) && isDigit(c.data[c.pos]); c.pos++ {
		n = 10*n + int(c.data[c.pos]-'0')
	}
	const safe = strconv.IntSize/4 + strconv.IntSize/32 // digits that cannot overflow: 18 or 9
	digits := c.pos - start
	fraction := c.pos < len(c.data) && (c.data[c.pos] == '.' || c.data[c.pos] == 'e' || c.data[c.pos] == 'E')
	if negative {
		n = -n
	}
	return n, digits > 0 && digits <= safe && !fraction
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// text decodes a string.
func (c *cursor) text() (string, bool) {
	if c.data[c.pos] != '"' {
		return "", false
	}
	start := c.pos
	raw, ok := c.raw()
	if !ok { // there is an escape
		c.pos = start
		raw, err := jsontext.AppendUnquote(nil, c.skip())
		return string(raw), err == nil && c.allocate(2*len(raw))
	}
	if c.memory != nil && len(raw) <= maxText {
		return c.memory.text(raw), c.allocate(len(raw))
	}
	return string(raw), c.allocate(len(raw))
}

// address decodes an address, or the empty string.
func (c *cursor) address() (netip.Addr, bool) {
	if c.data[c.pos] != '"' {
		return netip.Addr{}, false
	}
	raw, ok := c.raw()
	if !ok || len(raw) == 0 {
		return netip.Addr{}, ok
	}
	return parseAddr(raw)
}

// addressMap decodes an object whose names and values are addresses.
func (c *cursor) addressMap(m *map[netip.Addr]netip.Addr) bool {
	const size, entry = 512, 3 * 48 // a map grows by doubling
	if c.data[c.pos] != '{' || !c.allocate(size) {
		return false
	}
	*m = map[netip.Addr]netip.Addr{}
	c.pos++
	if c.space(); c.data[c.pos] == '}' {
		c.pos++
		return true
	}
	for more := true; more; more = c.next() == ',' {
		c.space()
		key, ok := c.address()
		if _, twice := (*m)[key]; !ok || twice || !c.allocate(entry) {
			return false
		}
		c.next() // the colon
		c.space()
		var value netip.Addr
		if c.data[c.pos] == 'n' {
			c.pos += len("null")
		} else if value, ok = c.address(); !ok {
			return false
		}
		(*m)[key] = value
	}
	return true
}

// library has the library decode a value.
func (c *cursor) library(t *table, v reflect.Value) bool {
	value := c.skip()
	return c.count(t.sizes, value) && unmarshalByLibrary(value, v.Addr().Interface()) == nil
}

// count reports whether the library may decode a value into a type of these sizes. It
// counts the memory for that.
func (c *cursor) count(types *typeSizes, value []byte) bool {
	if isLimited(c.left) {
		s := sizer{types: types, left: c.left}
		_ = s.add(value)
		c.left = s.left
	}
	return c.left >= 0
}
