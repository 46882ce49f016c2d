package jsonwire

import (
	"errors"
	"math"
	"reflect"

	"github.com/go-json-experiment/json"
)

// ErrDecodedTooLarge is the error of a value that is small as JSON and would be much
// larger when decoded, such as [{},{},{}] for large elements.
var ErrDecodedTooLarge = errors.New("the response is much larger than the limit when decoded")

// isSmall reports whether n bytes of JSON are within the limit whatever they hold.
// The shortest object takes three bytes with its comma.
func isSmall(n, limit int64) bool { return n <= limit/160 }

// memoryLimit returns how much memory decoding may allocate if responses have at most
// limit bytes.
func memoryLimit(limit int64) int64 { return 3*min(limit, math.MaxInt64/4) + slack }

// slack is added to the limits, so that small ones allow an ordinary response.
const slack = 64 << 10

// unlimited is the memory that may be allocated if there is no limit.
const unlimited = math.MaxInt64

// isLimited reports whether the memory that may still be allocated is limited.
func isLimited(left int64) bool { return left < unlimited/2 }

// A sizer adds up the memory that the library may allocate to decode a JSON text into a
// type. It looks only at brackets, commas and strings, so it is much faster than
// decoding. It may be given the text in parts. A cursor needs no sizer: it counts what
// it allocates.
type sizer struct {
	types    *typeSizes
	left     int64 // memory that may still be allocated
	open     []int // for each open bracket, how many members it has so far, or -1 minus the elements
	inString bool
	escaped  bool // the last byte was a backslash in a string
	pending  bool // a value or a name begins next
	isName   bool // the current or last string is a name
	length   int  // of that name
}

// The decoder allocates some memory for the names in an object, to find duplicates and
// to compare them with those of a type. It matters if there are many or long ones.
const (
	manyMembers, memoryPerName     = 32, 96
	longName, memoryPerByteOfAName = 256, 8
)

// shortSlice is the number of elements up to which a slice grows by doubling. A longer
// one grows by a quarter.
const shortSlice = 256

// maxDepth is the depth that the library allows.
const maxDepth = 10_000

// add adds a part of the text. It returns an error if the limit is exceeded.
func (s *sizer) add(data []byte) error {
	for _, c := range data {
		if s.inString {
			s.inString = s.escaped || c != '"'
			s.escaped = !s.escaped && c == '\\'
			if s.isName {
				if s.length++; s.length > longName {
					s.left -= memoryPerByteOfAName
				}
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case ':':
			s.isName = false
			continue
		case ',':
			s.pending = true
			continue
		case ']', '}':
			s.pending = false
			s.open = s.open[:max(len(s.open)-1, 0)]
			continue
		}
		size := &s.types[min(len(s.open), maxTypeDepth-1)]
		if s.pending {
			s.pending = false
			s.addValue(size)
		}
		switch c {
		case '"':
			s.inString = true
		case '[', '{':
			if len(s.open) > maxDepth {
				break
			}
			s.left -= size.container
			count := 0
			if c == '[' {
				count = -1
			}
			s.open, s.pending = append(s.open, count), true
		}
	}
	if s.left < 0 {
		return ErrDecodedTooLarge
	}
	return nil
}

// addValue adds the element or the name that begins.
func (s *sizer) addValue(size *sizes) {
	last := len(s.open) - 1
	if last < 0 {
		return
	}
	if n := s.open[last]; n >= 0 {
		s.open[last]++
		s.left -= size.member
		s.isName, s.length = true, 0
		if n >= manyMembers {
			s.left -= memoryPerName
		}
	} else {
		s.open[last]--
		switch {
		case -n <= shortSlice:
			s.left -= 2 * size.element
		default:
			s.left -= 5 * size.element
		}
	}
}

// sizes are how much memory the values at one depth of a JSON text need at most, for
// any of the Go types that are decoded at this depth.
type sizes struct {
	element   int64 // of an array
	member    int64 // of an object
	container int64 // an array or an object, in addition
}

// maxTypeDepth is the depth below which all values are taken for equally large. The
// deepest type, an account with everything in it, has 12.
const maxTypeDepth = 16

// The memory of values that are decoded into an interface, and of those that are
// decoded by a method of their own.
var (
	sizesOfAny    = sizes{element: 48, member: 96, container: 288}
	sizesOfMethod = sizes{element: 64, member: 0, container: 64}
)

// typeSizes are the sizes at each depth of a JSON text that is decoded into a type.
type typeSizes [maxTypeDepth]sizes

// newTypeSizes returns the sizes of a type.
func newTypeSizes(t reflect.Type) *typeSizes {
	s := &typeSizes{}
	s.walk(t, 0, map[typeAt]bool{})
	return s
}

// raise makes the sizes at least as large as those of another.
func (s *sizes) raise(other sizes) {
	s.element, s.member = max(s.element, other.element), max(s.member, other.member)
	s.container = max(s.container, other.container)
}

// typeAt is a type that is decoded at a depth.
type typeAt struct {
	t     reflect.Type
	depth int
}

// walk raises the sizes at a depth for the values of a type, and those of the depths
// below it. seen has what it was called with before, since types may be recursive.
func (s *typeSizes) walk(t reflect.Type, depth int, seen map[typeAt]bool) {
	if depth >= maxTypeDepth || seen[typeAt{t, depth}] {
		return
	}
	seen[typeAt{t, depth}] = true
	below := s[depth+1:]
	switch t.Kind() {
	case reflect.Pointer:
		s[depth].raise(sizes{container: int64(t.Elem().Size())})
		s.walk(t.Elem(), depth, seen)
	case reflect.Slice, reflect.Array:
		raiseAll(below[:min(len(below), 1)], sizes{element: int64(t.Elem().Size())})
		s.walk(t.Elem(), depth+1, seen)
	case reflect.Map:
		s[depth].raise(sizes{container: sizesOfAny.container})
		raiseAll(below[:min(len(below), 1)], sizes{member: 3 * int64(t.Key().Size()+t.Elem().Size())})
		s.walk(t.Elem(), depth+1, seen)
	case reflect.Interface:
		s[depth].raise(sizes{element: sizesOfAny.element, container: sizesOfAny.container})
		raiseAll(below, sizesOfAny)
	case reflect.Struct:
		for field := range t.Fields() {
			if field.Anonymous {
				s.walk(field.Type, depth, seen)
			} else if field.IsExported() {
				s.walk(field.Type, depth+1, seen)
			}
		}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		largest := sizesOfMethod
		for _, size := range below { // the method may decode them at another depth
			largest.raise(size)
		}
		raiseAll(below, largest)
	}
}

// raiseAll raises the sizes of several depths.
func raiseAll(depths []sizes, other sizes) {
	for i := range depths {
		depths[i].raise(other)
	}
}
