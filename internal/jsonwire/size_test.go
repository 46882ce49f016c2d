package jsonwire

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// node is a recursive type, as a caller of Do may have.
type node struct {
	Children []node          `json:"children"`
	Parent   *node           `json:"parent"`
	ByName   map[string]node `json:"by_name"`
	More     any             `json:"more"`
}

// methodType decodes itself.
type methodType struct{ Items [][4]int }

func (m *methodType) UnmarshalJSON([]byte) error { return nil }

// filled returns start, repetitions of repeat up to a number of bytes, and end.
func filled(size int, start, repeat, end string) string {
	return start + strings.Repeat(repeat, (size-len(start)-len(end))/len(repeat)) + end
}

func TestUnmarshalLimited(t *testing.T) {
	const limit = 1 << 18
	object40 := `,{"id":123,"parent":41,"name":"default"}`
	for _, row := range []struct {
		name     string
		value    any
		body     string
		tooLarge bool
	}{
		{"long string", new(string), filled(limit, `"`, "x", `"`), false},
		{"long escaped string", new(string), filled(limit, `"`, `\"`, `"`), false},
		{"brackets in a string", new([]string), filled(limit, `["`, `[{,`, `"]`), false},
		{"list of ordinary objects", new([]object), filled(limit, `[{"id":1}`, object40, "]"), false},
		{"list of longer objects in a member", new(object),
			filled(limit, `{"child":{"sizes":[1`, `,123456789012345`, "]}}"), false},
		{"list that is decoded twice, since a cursor does not decode the last name", new(object),
			filled(limit, `{"sizes":[1`, `,1234567890123`, `],"\u0069d":1}`), false},
		{"numbers", new([]int), filled(limit, "[1", ",123456", "]"), false},
		{"white space", new([]object), filled(limit, "[", " ", "]"), false},
		{"unknown members", new(object), filled(limit, `{"id":1`, `,"x":{"a":"`+strings.Repeat("x", 200)+`"}`, "}"), false},
		{"few bytes", new([]object), filled(limit/160, "[{}", ",{}", "]"), false},
		{"empty objects", new([]object), filled(limit, "[{}", ",{}", "]"), true},
		{"null objects", new([]object), filled(limit, "[null", ",null", "]"), true},
		{"numbers in a member", new(object), filled(limit, `{"sizes":[1`, ",1", "]}"), strconv.IntSize == 64},
		{"names", new(object), filled(limit, `{"id":1`, `,"xx":0`, "}"), true},
		{"a long name", new(object), filled(limit, `{"`, `x`, `":1}`), false},
		{"a long name, escaped", new(object), filled(limit, `{"\n`, `x`, `":1}`), true},
		{"map", new(map[string]int), filled(limit, `{"x":1`, `,"xx":0`, "}"), true},
		{"interface", new(any), filled(limit, `[[]`, `,{}`, "]"), true},
		{"interface in a recursive type", new(node), filled(limit, `{"children":[{"more":[1`, `,1`, "]}]}"), true},
		{"recursive slices", new(node), filled(limit, `{"children":[{}`, `,{}`, "]}"), true},
		{"recursive maps", new(node), filled(limit, `{"by_name":{"x":{}`, `,"y":{}`, "}}"), true},
		{"a type that decodes itself", new([]methodType), filled(limit, `[{"x":[{"y":[1`, `,1`, "]}]}]"), true},
		{"below the known depth", new(any), strings.Repeat("[", 100) + filled(limit, "1", ",1", "") + strings.Repeat("]", 100), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := UnmarshalLimited([]byte(row.body), row.value, limit)
			if row.tooLarge {
				assert.ErrorIs(t, err, ErrDecodedTooLarge)
			} else {
				assert.NotErrorIs(t, err, ErrDecodedTooLarge)
			}
			for _, size := range []int{1, 1000} { // the text may come in parts
				whole, parts := newSizer(reflect.TypeOf(row.value).Elem()), newSizer(reflect.TypeOf(row.value).Elem())
				_ = whole.add([]byte(row.body))
				for rest := []byte(row.body); len(rest) > 0; rest = rest[min(size, len(rest)):] {
					_ = parts.add(rest[:min(size, len(rest))])
				}
				assert.Equal(t, whole.left, parts.left, "%d bytes at a time", size)
			}
		})
	}
}

// newSizer returns a sizer of a type without a limit.
func newSizer(t reflect.Type) *sizer { return &sizer{types: newTypeSizes(t), left: unlimited} }
