package jsonwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
)

// collect returns the IDs of the elements that StreamArray yields.
func collect(r io.Reader, limit int64) (ids []int, err error) {
	err = StreamArray(r, limit, func(o object) bool {
		ids = append(ids, o.ID)
		return true
	})
	return ids, err
}

// chunkReader reads at most n bytes at a time.
type chunkReader struct {
	r io.Reader
	n int
}

func (c chunkReader) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

// The result does not depend on how the body is split into reads.
func TestStreamArray(t *testing.T) {
	const limit = 1000
	nested := strings.Repeat(`{"child":`, 90) + `{"id":2}` + strings.Repeat("}", 90)
	atLimit := `{"id":2,"name":"` + strings.Repeat("x", limit-18) + `"}`
	aboveLimit := `{"id":2,"name":"` + strings.Repeat("x", limit-17) + `"}`
	for _, row := range []struct {
		name, body string
		ids        []int
		is         error  // matches the error
		text       string // part of the error's text; if both are empty, there is no error
	}{
		{"empty array", "[]", nil, nil, ""},
		{"white space", " \n[\t] \r\n", nil, nil, ""},
		{"three elements", `[{"id":1}, {"id":2} ,{"id":3}]`, []int{1, 2, 3}, nil, ""},
		{"unknown members", `[{"id":1,"more":[[{"x":null}]]}]`, []int{1}, nil, ""},
		{"nested objects", `[{"id":1},` + nested + `]`, []int{1, 0}, nil, ""},
		{"null elements are zero", `[null,{"id":1}]`, []int{0, 1}, nil, ""},
		{"members do not carry over to the next element", `[{"id":1},{}]`, []int{1, 0}, nil, ""},
		{"numbers as strings", `[{"id":"1","parent":"2","sizes":["3",4],"by":{"x":"5"},"name":"6"}]`, []int{1}, nil, ""},
		{"numbers as strings after others", `[{"id":1},{"id":"2"},{"id":3}]`, []int{1, 2, 3}, nil, ""},
		{"element at the limit", `[{"id":1}, ` + atLimit + `]`, []int{1, 2}, nil, ""},
		{"element above the limit", `[{"id":1},` + aboveLimit + `,{"id":3}]`, []int{1}, ErrElementTooLarge, ""},
		{"duplicate members", `[{"id":1},{"id":2,"id":3}]`, []int{1}, nil, "duplicate"},
		{"duplicate nested members", `[{"child":{"id":2,"id":3}}]`, nil, nil, "duplicate"},
		{"duplicate unknown members", `[{"x":2,"x":3}]`, nil, nil, "duplicate"},
		{"invalid UTF-8", "[{\"name\":\"\xff\"}]", nil, nil, "UTF-8"},
		{"half a surrogate pair", `[{"name":"\ud800"}]`, nil, nil, "surrogate"},
		{"array instead of a number", `[{"id":1},{"id":[]}]`, []int{1}, nil, "/1/id is an array, want an integer"},
		{"word instead of a number", `[{"id":"seven"}]`, nil, nil, "/0/id is a string, want an integer"},
		{"empty string instead of a number", `[{"sizes":[""]}]`, nil, nil, "/0/sizes/0 is a string, want an integer"},
		{"word after numbers as strings",
			`[{"id":1},{"id":"2"},{"sizes":["x"]}]`, []int{1, 2}, nil, "/2/sizes/0 is a string, want an integer"},
		{"number after numbers as strings", `[{"id":1},{"id":"2"},7]`, []int{1, 2}, nil, "/2 is a number, want an object"},
		{"number instead of an object", `[{"id":1},7]`, []int{1}, nil, "/1 is a number, want an object"},
		{"data after the end", `[{"id":1}]x`, []int{1}, nil, "invalid character 'x'"},
		{"array after the end", `[{"id":1}] [ ]`, []int{1}, nil, "data after the end of the array"},
		{"missing comma", `[{"id":1} {"id":2}]`, []int{1}, nil, "invalid character '{'"},
		{"trailing comma", `[{"id":1},]`, []int{1}, nil, "invalid character ','"},
		{"object", `{"things":[]}`, nil, nil, "the body is an object, want an array"},
		{"string", `"[]"`, nil, nil, "the body is a string, want an array"},
		{"HTML", `<html>`, nil, nil, "invalid character '<'"},
		{"empty body", ``, nil, ErrEmpty, ""},
		{"white space only", " \n ", nil, ErrEmpty, ""},
		{"null", ` null`, nil, nil, ""},
		{"null and more", `null null`, nil, nil, "data after the end"},
		{"truncated before an element", `[`, nil, ErrTruncated, ""},
		{"truncated within an element", `[{"id":1},{"id":`, []int{1}, ErrTruncated, ""},
		{"truncated after an element", `[{"id":1}`, []int{1}, ErrTruncated, ""},
		{"truncated after a comma", `[{"id":1},`, []int{1}, ErrTruncated, ""},
		{"truncated within null", `nul`, nil, ErrTruncated, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 64, 1 << 20} {
				for name, reader := range map[string]io.Reader{
					"EOF after the data": chunkReader{strings.NewReader(row.body), size},
					"EOF with the data":  iotest.DataErrReader(chunkReader{strings.NewReader(row.body), size}),
				} {
					ids, err := collect(reader, limit)
					at := fmt.Sprintf("%d bytes at a time, %s", size, name)
					assert.Equal(t, row.ids, ids, at)
					switch {
					case row.is == ErrTruncated:
						assert.ErrorIs(t, err, ErrTruncated, at)
						assert.ErrorIs(t, err, io.ErrUnexpectedEOF, at)
					case row.is != nil:
						assert.ErrorIs(t, err, row.is, at)
					case row.text != "":
						assert.ErrorContains(t, err, row.text, at)
						assert.NotErrorIs(t, err, ErrTruncated, at)
					default:
						assert.NoError(t, err, at)
					}
				}
			}
		})
	}
}

// A limit near the largest number is one, and sums with it do not overflow.
func TestStreamArrayWithTheLargestLimits(t *testing.T) {
	const body = `[{"id":1},{"\u0069d":2},{"id":3}]`
	for _, limit := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - chunk, math.MaxInt64 / 2, math.MaxInt64 / 3} {
		ids, err := collect(strings.NewReader(body), limit)
		assert.NoError(t, err, "%d bytes", limit)
		assert.Equal(t, []int{1, 2, 3}, ids, "%d bytes", limit)
	}
}

// An array that is truncated anywhere is an error, and its complete elements are yielded.
func TestStreamArrayTruncatedAnywhere(t *testing.T) {
	const body = ` [{"id":1,"name":"a\"]b"},{"id":2,"sizes":[1,2]} , {"id":3}] `
	errReset := errors.New("connection reset")
	for n := range len(body) {
		ids, err := collect(strings.NewReader(body[:n]), 100)
		resetIDs, resetErr := collect(io.MultiReader(strings.NewReader(body[:n]), iotest.ErrReader(errReset)), 100)
		assert.Equal(t, ids, resetIDs)
		assert.ErrorIs(t, resetErr, errReset, "%d bytes", n)
		assert.ErrorIs(t, resetErr, ErrTruncated, "%d bytes", n)
		complete := strings.Count(body[:n], "}")
		assert.Len(t, ids, complete, "%d bytes", n)
		switch {
		case strings.TrimSpace(body[:n]) == "":
			assert.ErrorIs(t, err, ErrEmpty, "%d bytes", n)
		case n == len(body)-1:
			assert.NoError(t, err)
		default:
			assert.ErrorIs(t, err, ErrTruncated, "%d bytes", n)
		}
	}
}

// The second try, which accepts numbers as strings, keeps the error that ended the body, and wraps it once.
func TestStreamArrayTruncatedAfterNumbersAsStrings(t *testing.T) {
	errReset := errors.New("connection reset")
	bodies := map[string]int{`[{"id":"1","name":"xx`: 0, `[{"id":1},{"id":"2","name":"xx`: 1, `[{"id":"1"},{"id":"2"`: 1}
	for body, complete := range bodies {
		ids, err := collect(strings.NewReader(body), 100)
		assert.Len(t, ids, complete, body)
		assert.ErrorIs(t, err, ErrTruncated, body)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, body)
		for name, r := range map[string]io.Reader{
			"error after the data": io.MultiReader(strings.NewReader(body), iotest.ErrReader(errReset)),
			"error with the data":  iotest.DataErrReader(io.MultiReader(strings.NewReader(body), iotest.ErrReader(errReset))),
		} {
			_, err = collect(r, 100)
			assert.ErrorIs(t, err, ErrTruncated, "%s, %s", body, name)
			assert.ErrorIs(t, err, errReset, "%s, %s", body, name)
			assert.Equal(t, 1, strings.Count(err.Error(), ErrTruncated.Error()), "%s, %s: %v", body, name, err)
		}
	}
}

// endlessReader repeats a text for ever, and counts the bytes read.
type endlessReader struct {
	text []byte
	read int64
}

func (e *endlessReader) Read(p []byte) (int, error) {
	n := copy(p, e.text)
	e.read += int64(n)
	return n, nil
}

func TestStreamArrayOfAnEndlessBody(t *testing.T) {
	const limit = 100 << 10
	for _, row := range []struct{ name, start, repeat string }{
		{"string", `[{"name":"`, "x"},
		{"white space before the array", ` `, " "},
		{"white space in the array", `[ `, " "},
		{"white space after the array", `[] `, " "},
		{"nested array", `[{"a":[`, "1,"},
		{"opening brackets", `[`, "["},
	} {
		endless := &endlessReader{text: bytes.Repeat([]byte(row.repeat), 1<<9)}
		_, err := collect(io.MultiReader(strings.NewReader(row.start), endless), limit)
		assert.Error(t, err, row.name)
		switch row.repeat {
		case "[": // which exceeds the depth that the decoder allows
		default:
			assert.ErrorIs(t, err, ErrElementTooLarge, row.name)
		}
		assert.LessOrEqual(t, endless.read, int64(limit+2*chunk), "%s: bytes read", row.name)
	}
}

// onceReader returns an error once. It must not be read again.
type onceReader struct {
	t    *testing.T
	err  error
	done bool
}

func (o *onceReader) Read([]byte) (int, error) {
	if o.done {
		o.t.Error("read after an error")
	}
	o.done = true
	return 0, o.err
}

func TestStreamArrayDoesNotReadAfterAnError(t *testing.T) {
	errReset := errors.New("connection reset")
	for _, body := range []string{`[{"id":1`, `[{"id":"1"`, `[{"id":"1"},{"id":"2"`} {
		r := iotest.DataErrReader(io.MultiReader(strings.NewReader(body), &onceReader{t: t, err: errReset}))
		_, err := collect(r, 100)
		assert.ErrorIs(t, err, errReset)
	}
}

func TestStreamArrayStopsWhenYieldReturnsFalse(t *testing.T) {
	for _, body := range []string{`[{"id":1},{"id":2}`, `[{"id":1},{"id":"2"}`} {
		r := io.MultiReader(strings.NewReader(body), iotest.ErrReader(errors.New("read beyond the second element")))
		var ids []int
		err := StreamArray(r, 100, func(o object) bool {
			ids = append(ids, o.ID)
			return len(ids) < 2
		})
		assert.NoError(t, err)
		assert.Equal(t, []int{1, 2}, ids)
	}
}
