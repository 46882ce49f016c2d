package jsonwire

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A list that is longer than the buffer, with an element in it that a cursor cannot decode, is decoded like any other, and errors have
// the position in the whole list.
func TestReadArrayBeyondTheBuffer(t *testing.T) {
	const n = 5000
	usual := func(i int) string { return fmt.Sprintf(`{"id":%d,"name":"%d-%s"}`, i, i, strings.Repeat("x", i%50)) }
	for _, row := range []struct {
		name, unusual string
		err           string // part of the text
	}{
		{"usual", usual(2000), ""},
		{"escaped name", `{"\u0069d":2000}`, ""},
		{"longer than the buffer", `{"id":2000,"name":"` + strings.Repeat("x", 3*chunk) + `"}`, ""},
		{"many unknown members", unknownMembers(2 * maxUnknown), ""},
		{"number instead of an object", `7`, "/2000 is a number, want an object"},
		{"word instead of a number", `{"id":"x"}`, "/2000/id is a string, want an integer"},
		{"duplicate unknown members", `{"x":{"y":1,"y":2}}`, `jsontext: duplicate object member name "y" within "/2000/x"`},
		{"missing comma", usual(2000) + " " + usual(2001), `invalid character '{' after array element`},
		{"nothing between commas", ``, `within "/2000"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			elements := make([]string, n)
			for i := range elements {
				if elements[i] = usual(i); i == 2000 {
					elements[i] = row.unusual
				}
			}
			body := "[" + strings.Join(elements, ",") + "]"
			var want []object
			wantErr := json.Unmarshal([]byte(body), &want)
			for _, size := range []int{1, 1000, 1 << 30} {
				for _, known := range []int64{-1, int64(len(body))} {
					list, err := ReadArray[object](chunkReader{strings.NewReader(body), size}, known, 1<<24)
					if row.err != "" {
						assert.ErrorContains(t, err, row.err)
						assert.Error(t, wantErr)
						if !isTypeError(wantErr) {
							assert.EqualError(t, err, wantErr.Error())
						}
						continue
					}
					require.NoError(t, err)
					require.NoError(t, wantErr)
					assert.True(t, assert.ObjectsAreEqual(want, list), "%d bytes at a time", size)
					if known > 0 {
						assert.LessOrEqual(t, 10*cap(list), 21*len(list), "room for elements")
					}
					if known > 0 && row.name == "usual" {
						assert.LessOrEqual(t, 10*cap(list), 12*len(list), "room for elements")
					}
				}
			}
		})
	}
}

// Whatever follows an element, an array is accepted only if the library accepts it, and the error is that of the library. What stands for
// the elements that are decoded already must not be completed by the next byte, as a number would be.
func TestReadArrayAnyByteAfterAnElement(t *testing.T) {
	starts := []string{`[{"id":1}`, `[null`, `[{"id":1},{"id":2,"name":"a"}`}
	ends := []string{`]`, `5]`, `-1]`, `+1,{"id":2}]`, `"]`, `{}]`, ``}
	for _, start := range starts {
		for b := range 256 {
			for _, end := range ends {
				body := start + string([]byte{byte(b)}) + end
				var want []object
				wantErr := json.Unmarshal([]byte(body), &want)
				for _, size := range []int{1, 1 << 20} {
					got, err := ReadArray[object](chunkReader{strings.NewReader(body), size}, int64(len(body)), 1<<20)
					streamed, streamErr := collect(chunkReader{strings.NewReader(body), size}, 1<<20)
					if wantErr == nil {
						assert.NoError(t, err, "%q", body)
						assert.NoError(t, streamErr, "%q", body)
						assert.Equal(t, want, got, "%q", body)
						assert.Len(t, streamed, len(want), "%q", body)
						continue
					}
					assert.Error(t, err, "%q", body)
					assert.Error(t, streamErr, "%q", body)
					if strings.Contains(wantErr.Error(), "after array element") {
						assert.EqualError(t, err, wantErr.Error(), "%q", body)
						assert.EqualError(t, streamErr, wantErr.Error(), "%q", body)
					}
				}
			}
		}
	}
}

// unknownMembers returns an object with n unknown members.
func unknownMembers(n int) string {
	var b strings.Builder
	b.WriteString(`{"id":2000`)
	for i := range n {
		fmt.Fprintf(&b, `,"unknown%d":[%d,{"x":null}]`, i, i)
	}
	return b.String() + "}"
}

// branch is an object with others in it, such as an account.
type branch struct {
	ID       int      `json:"id"`
	Name     string   `json:"name"`
	Children []branch `json:"children"`
}

// A list below the limit is decoded however it is split into reads: an element of which the first part has arrived is decoded more than
// once, but its memory is counted once. Elements of these lengths need several reads, or do not fit into the buffer.
func TestReadArrayBelowTheLimit(t *testing.T) {
	const limit = 1 << 19
	for _, row := range []struct {
		name, last string
		children   int
	}{
		{"elements of 2 KB", "", 30},
		{"elements of 34 KB", "", 500},
		{"elements of 60 KB", "", 880},
		{"elements of 200 KB", "", 3000},
		{"elements of 34 KB, and one that a cursor cannot decode", unknownMembers(2 * maxUnknown), 500},
	} {
		child := `{"id":123456,"name":"a virtual machine with a name","children":null}`
		element := `{"id":1,"children":[` + strings.Repeat(child+",", row.children-1) + child + `]}`
		for _, tenths := range []int{5, 9} {
			n := limit / 10 * tenths / (len(element) + 1)
			body := "[" + strings.Repeat(element+",", n-1) + element + "]"
			if row.last != "" {
				body = "[" + row.last + "," + body[1:len(body)-1] + "," + row.last + "]"
				n += 2
			}
			for _, size := range []int{1400, 4 << 10, 16 << 10, 1 << 30} {
				for _, known := range []int64{-1, int64(len(body))} {
					list, err := ReadArray[branch](chunkReader{strings.NewReader(body), size}, known, limit)
					assert.NoError(t, err, "%s, 0.%d of the limit, %d bytes at a time, length %d", row.name, tenths, size, known)
					assert.Len(t, list, n, "%s, 0.%d of the limit, %d bytes at a time, length %d", row.name, tenths, size, known)
				}
			}
		}
	}
}

// Elements are decoded from the buffer into one slice, whose size is known from the start.
func TestReadArrayAllocations(t *testing.T) {
	body := "[" + strings.Repeat(`{"id":1,"sizes":[1,2]},`, 9999) + `{"id":1,"sizes":[1,2]}]`
	allocs := testing.AllocsPerRun(5, func() {
		_, _ = ReadArray[object](strings.NewReader(body), int64(len(body)), 1<<24)
	})
	assert.Less(t, allocs, 10100.0, "one for each element, and a few")
}

// The length that the server announces costs little memory before the bytes arrive.
func TestReadArrayOfAFalseLength(t *testing.T) {
	for _, n := range []int{1, manyElements, manyElements + 1, 1000} {
		body := "[" + strings.Repeat(`{"id":1},`, n-1) + `{"id":1}]`
		for _, length := range []int64{1e9, 1e12, 1e16, math.MaxInt64 - 1, math.MaxInt64} {
			for _, limit := range []int64{1 << 40, math.MaxInt64 / 2, math.MaxInt64} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				list, err := ReadArray[object](strings.NewReader(body), length, limit)
				runtime.ReadMemStats(&after)
				assert.NoError(t, err)
				assert.Len(t, list, n)
				assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*maxAhead), "%d elements, length %d, limit %d", n, length, limit)
				empty, err := ReadArray[struct{}](strings.NewReader(body), length, limit)
				assert.NoError(t, err)
				assert.Len(t, empty, n, "elements without a size")
			}
		}
	}
}

// Memory is counted correctly where an int has 32 bits, even if the elements of an array would need more than 4 GiB.
func TestReadArrayOfManyLargeElements(t *testing.T) {
	type large struct {
		Numbers [1 << 13]int32 `json:"numbers"` // 32 KiB
	}
	type list struct {
		Large []large `json:"large"`
	}
	for _, n := range []int{1 << 16, 1<<17 - manyElements, 1 << 17, 3 << 16} { // some need a multiple of 4 GiB
		body := `[{"large":[` + strings.Repeat(`null,`, n-1) + `null]}]`
		_, err := ReadArray[list](strings.NewReader(body), int64(len(body)), 16<<20)
		assert.ErrorIs(t, err, ErrDecodedTooLarge, "%d elements", n)
		assert.ErrorIs(t, UnmarshalLimited([]byte(body), new([]list), 16<<20), ErrDecodedTooLarge, "%d elements", n)
	}
}

// A list of small elements that is too large when decoded costs no more than the memory that it may use: its slice is not copied again
// for each element after that.
func TestReadArrayStopsAtTheMemoryLimit(t *testing.T) {
	const limit = 1 << 20
	for _, body := range []string{
		filled(limit, "[{}", ",{}", "]"), filled(limit, "[null", ",null", "]"), filled(limit, `[{"\u0069d":1}`, ",{}", "]"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadArray[object](strings.NewReader(body), -1, limit)
		runtime.ReadMemStats(&after)
		assert.ErrorIs(t, err, ErrDecodedTooLarge)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*limit), "%.20s", body)
	}
}
