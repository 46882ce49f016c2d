package jsonwire

import (
	"bytes"
	"net/netip"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A cursor decodes a JSON value. It is faster than the library, since it looks at each
// byte once and follows a table of the Go type.
//
// It either decodes a value as the library would, or reports false, and then the
// library decodes the same bytes: what is unusual or wrong needs no code here, and
// errors have the texts of the library. So every method checks what it reads, and
// reports false for anything that it does not expect, such as the end of the data. Methods
// that read a value begin at its first byte and end after its last one. They decode into
// zero values only, so that null needs nothing to be done.
type cursor struct {
	data    []byte
	pos     int
	left    int64    // memory that may still be allocated; less than 0 if it is used up
	counted int      // bytes of long arrays that were looked at to count their elements
	depth   int      // of pos
	unknown [][]byte // names of unknown members of the objects around pos
	memory  *memory
}

// maxUnknown is the number of unknown members of an object up to which a cursor
// compares their names.
const maxUnknown = 64

// maxCursorDepth is the depth of values up to which a cursor decodes them.
const maxCursorDepth = 1000

// decode decodes data into v, which is zero. It reports false if the library must
// decode it, or if c.left is less than 0.
func (c *cursor) decode(t *table, data []byte, v reflect.Value) bool {
	c.begin(data)
	if c.space(); !c.value(t, v) {
		return false
	}
	c.space()
	return c.pos == len(data)
}

// begin makes the cursor begin with other data.
func (c *cursor) begin(data []byte) {
	c.data, c.pos, c.counted, c.depth, c.unknown = data, 0, 0, 0, c.unknown[:0]
}

// allocate reports whether n bytes may be allocated. n is an int64 because it may exceed
// the int of a 32-bit platform.
func (c *cursor) allocate(n int64) bool {
	c.left -= n
	return c.left >= 0
}

// value decodes a value.
func (c *cursor) value(t *table, v reflect.Value) (ok bool) {
	if t.kind == libraryKind {
		return c.library(t, v)
	}
	if c.peek() == 'n' {
		return c.literal("null")
	}
	if c.depth++; c.depth > maxCursorDepth {
		return false
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
		if ok = c.allocate(int64(t.elem.typ.Size())); ok {
			v.Set(reflect.New(t.elem.typ))
			ok = c.value(t.elem, v.Elem())
		}
	}
	c.depth--
	return ok
}

// object decodes an object into a struct.
func (c *cursor) object(t *table, v reflect.Value) bool {
	m := c.memory.structOf(t)
	if m.inUse { // this object is within another one of its type
		m = newStructMemory(t)
	}
	m.inUse = true
	ok := c.members(t, m)
	if ok {
		v.Set(m.value)
	}
	m.value.SetZero()
	m.inUse = false
	return ok
}

// members decodes an object into m.value.
func (c *cursor) members(t *table, m *structMemory) bool {
	if c.peek() != '{' {
		return false
	}
	c.pos++
	if c.space(); c.peek() == '}' {
		c.pos++
		return true
	}
	var seen uint64 // a bit for each field
	outer, last := len(c.unknown), 0
	for end := byte(','); end != '}'; end = c.next() {
		if end != ',' {
			return false
		}
		c.space()
		i := int(m.order[last])
		name, ok := c.name(t, &i)
		if !ok {
			return false
		}
		c.space()
		if name != nil {
			ok = c.unknownMember(name, outer)
		} else {
			bit := uint64(1) << i
			ok = seen&bit == 0 && c.value(t.fields[i].table, m.fields[i])
			seen |= bit
			m.order[last] = uint8(i)
			last = i + 1
		}
		if !ok {
			return false
		}
	}
	c.unknown = c.unknown[:outer]
	return true
}

// name reads the name of a member and the colon after it. It sets i to the field of this
// name, or returns the name if it is unknown. At first it compares the name of the field i.
func (c *cursor) name(t *table, i *int) (unknown []byte, ok bool) {
	rest := c.data[c.pos:]
	if *i < len(t.fields) {
		if start := t.fields[*i].start; len(rest) > len(start) && string(rest[:len(start)]) == start {
			c.pos += len(start)
			return nil, true
		}
	}
	name, ok := c.raw()
	if !ok || c.next() != ':' {
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
	if c.peek() == '"' {
		if _, ok := c.raw(); ok {
			return true
		}
	}
	value, ok := c.skip()
	return ok && c.count(&typeSizes{}, value) && jsontext.Value(value).IsValid()
}

// array decodes an array into a slice.
func (c *cursor) array(t *table, v reflect.Value) bool {
	if c.peek() != '[' {
		return false
	}
	c.pos++
	if c.space(); c.peek() == ']' {
		c.pos++
		v.Set(t.empty)
		return true
	}
	size := int(t.elem.typ.Size())
	for n, end := 0, byte(','); end != ']'; end = c.next() {
		if end != ',' {
			return false
		}
		if n == v.Cap() {
			more := max(n, 1, smallSlice/max(size, 1))
			if n >= manyElements && c.counted <= 4*len(c.data) {
				more = c.countElements()
			}
			if !c.allocate(int64(n+more) * int64(size)) {
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
	for more := true; more; n++ {
		ahead.space()
		_, more = ahead.skip()
		more = ahead.next() == ',' && more
	}
	c.counted += ahead.pos - c.pos
	return n
}

// boolean decodes true or false.
func (c *cursor) boolean(v reflect.Value) bool {
	if c.peek() != 't' {
		return c.literal("false")
	}
	v.SetBool(true)
	return c.literal("true")
}

// integer decodes an integer, which may be written as a string.
func (c *cursor) integer() (n int, ok bool) {
	start := c.pos
	if c.peek() == '"' {
		raw, ok := c.raw()
		if !ok {
			return 0, false
		}
		n, err := strconv.Atoi(string(raw))
		return n, err == nil
	}
	negative := c.peek() == '-'
	if negative {
		start++
	}
	for c.pos = start; c.pos < len(c.data) && isDigit(c.data[c.pos]); c.pos++ {
		n = 10*n + int(c.data[c.pos]-'0')
	}
	const safe = strconv.IntSize/4 + strconv.IntSize/32 // digits that cannot overflow: 18 or 9
	digits := c.pos - start
	ok = digits == 1 || digits > 1 && digits <= safe && c.data[start] != '0'
	if negative {
		n = -n
	}
	return n, ok && isDelimiter(c.peek()) && c.pos < len(c.data)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// text decodes a string.
func (c *cursor) text() (string, bool) {
	raw, ok := c.raw()
	if !ok { // perhaps there is an escape
		if c.peek() != '"' {
			return "", false
		}
		quoted, ok := c.skip()
		if !ok {
			return "", false
		}
		raw, err := jsontext.AppendUnquote(nil, quoted)
		return string(raw), err == nil && c.allocate(2*int64(len(raw)))
	}
	if len(raw) <= maxText {
		return c.memory.text(raw), c.allocate(int64(len(raw)))
	}
	return string(raw), c.allocate(int64(len(raw)))
}

// address decodes an address, or the empty string.
func (c *cursor) address() (netip.Addr, bool) {
	raw, ok := c.raw()
	if !ok || len(raw) == 0 {
		return netip.Addr{}, ok
	}
	return parseAddr(raw)
}

// addressMap decodes an object whose names and values are addresses.
func (c *cursor) addressMap(m *map[netip.Addr]netip.Addr) bool {
	const size, entry = 512, 3 * 48 // a map grows by doubling
	if c.peek() != '{' || !c.allocate(size) {
		return false
	}
	*m = map[netip.Addr]netip.Addr{}
	c.pos++
	if c.space(); c.peek() == '}' {
		c.pos++
		return true
	}
	for end := byte(','); end != '}'; end = c.next() {
		if end != ',' {
			return false
		}
		c.space()
		key, ok := c.address()
		if _, twice := (*m)[key]; !ok || twice || !c.allocate(entry) || c.next() != ':' {
			return false
		}
		c.space()
		var value netip.Addr
		if c.peek() == 'n' {
			ok = c.literal("null")
		} else {
			value, ok = c.address()
		}
		if !ok {
			return false
		}
		(*m)[key] = value
	}
	return true
}

// library decodes a value with the library.
func (c *cursor) library(t *table, v reflect.Value) bool {
	value, ok := c.skip()
	return ok && c.count(t.sizes, value) && unmarshalByLibrary(value, v.Addr().Interface()) == nil
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
