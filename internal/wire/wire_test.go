package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type thing struct {
	ID     int            `json:"id"`
	Parent *int           `json:"parent"`
	Sizes  []int          `json:"sizes"`
	By     map[string]int `json:"by"`
	Name   string         `json:"name"`
	Child  *thing         `json:"child"`
}

func collect(r io.Reader, limit int64) (ids []int, err error) {
	err = Elements(r, limit, func(t thing) bool {
		ids = append(ids, t.ID)
		return true
	})
	return ids, err
}

// chunks reads at most n bytes at a time.
type chunks struct {
	r io.Reader
	n int
}

func (c chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

func TestElementsHoweverTheyArrive(t *testing.T) {
	const limit = 1000
	deep := strings.Repeat(`{"child":`, 90) + `{"id":2}` + strings.Repeat("}", 90)
	for _, row := range []struct {
		name, body string
		ids        []int
		is         error  // of the error
		says       string // of the error; with neither there is none
	}{
		{"none", "[]", nil, nil, ""},
		{"blanks", " \n[\t] \r\n", nil, nil, ""},
		{"some", `[{"id":1}, {"id":2} ,{"id":3}]`, []int{1, 2, 3}, nil, ""},
		{"other members", `[{"id":1,"more":[[{"x":null}]]}]`, []int{1}, nil, ""},
		{"nesting", `[{"id":1},` + deep + `]`, []int{1, 0}, nil, ""},
		{"null elements are zero", `[null,{"id":1}]`, []int{0, 1}, nil, ""},
		{"numbers as strings", `[{"id":"1","parent":"2","sizes":["3",4],"by":{"x":"5"},"name":"6"}]`, []int{1}, nil, ""},
		{"an element at the limit", `[{"id":1,"name":"` + strings.Repeat("x", limit-18) + `"}]`, []int{1}, nil, ""},
		{"an element above the limit", `[{"id":1},{"id":2,"name":"` + strings.Repeat("x", limit-17) + `"},{"id":3}]`, []int{1}, ErrElementTooLong, ""},
		{"duplicate members", `[{"id":1},{"id":2,"id":3}]`, []int{1}, nil, "duplicate"},
		{"duplicate members within", `[{"child":{"id":2,"id":3}}]`, nil, nil, "duplicate"},
		{"duplicate members that are not known", `[{"x":2,"x":3}]`, nil, nil, "duplicate"},
		{"invalid UTF-8", "[{\"name\":\"\xff\"}]", nil, nil, "UTF-8"},
		{"half a surrogate", `[{"name":"\ud800"}]`, nil, nil, "surrogate"},
		{"the wrong type", `[{"id":1},{"id":[]}]`, []int{1}, nil, "belongs"},
		{"text for a number", `[{"id":"seven"}]`, nil, nil, "belongs"},
		{"text that is no number for a number in a list", `[{"sizes":[""]}]`, nil, nil, "belongs"},
		{"an element that is no object", `[{"id":1},7]`, []int{1}, nil, "belongs"},
		{"more after the end", `[{"id":1}]x`, []int{1}, nil, "invalid character 'x'"},
		{"a list after the end", `[{"id":1}] [ ]`, []int{1}, nil, "found more after the end of the list"},
		{"no commas", `[{"id":1} {"id":2}]`, []int{1}, nil, "invalid character '{'"},
		{"a comma too many", `[{"id":1},]`, []int{1}, nil, "invalid character ','"},
		{"an object", `{"things":[]}`, nil, nil, "expected a list, found"},
		{"text", `"[]"`, nil, nil, "expected a list, found"},
		{"a web page", `<html>`, nil, nil, "invalid character '<'"},
		{"nothing", ``, nil, ErrNothing, ""},
		{"blanks alone", " \n ", nil, ErrNothing, ""},
		{"null", ` null`, nil, ErrNothing, ""},
		{"cut before an element", `[`, nil, ErrCut, ""},
		{"cut within an element", `[{"id":1},{"id":`, []int{1}, ErrCut, ""},
		{"cut after an element", `[{"id":1}`, []int{1}, ErrCut, ""},
		{"cut after a comma", `[{"id":1},`, []int{1}, ErrCut, ""},
		{"cut within null", `nul`, nil, ErrCut, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 64, 1 << 20} {
				for name, reader := range map[string]io.Reader{
					"ends afterwards": chunks{strings.NewReader(row.body), size},
					"ends with data":  iotest.DataErrReader(chunks{strings.NewReader(row.body), size}),
				} {
					ids, err := collect(reader, limit)
					assert.Equal(t, row.ids, ids, "%d bytes at a time, %s", size, name)
					switch {
					case row.is != nil:
						assert.ErrorIs(t, err, row.is, "%d bytes at a time, %s", size, name)
						if row.is == ErrCut {
							assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
						}
					case row.says != "":
						assert.ErrorContains(t, err, row.says, "%d bytes at a time, %s", size, name)
						assert.NotErrorIs(t, err, ErrCut)
					default:
						assert.NoError(t, err, "%d bytes at a time, %s", size, name)
					}
				}
			}
		})
	}
}

// A list that is cut at any byte is an error, and what was whole was handed out.
func TestElementsCutAnywhere(t *testing.T) {
	const body = ` [{"id":1,"name":"a\"]b"},{"id":2,"sizes":[1,2]} , {"id":3}] `
	broken := errors.New("the connection is gone")
	for n := range len(body) {
		ids, err := collect(strings.NewReader(body[:n]), 100)
		brokenIDs, brokenErr := collect(io.MultiReader(strings.NewReader(body[:n]), iotest.ErrReader(broken)), 100)
		assert.Equal(t, ids, brokenIDs)
		assert.ErrorIs(t, brokenErr, broken, "%d bytes", n)
		assert.ErrorIs(t, brokenErr, ErrCut, "%d bytes", n)
		whole := strings.Count(body[:n], "}")
		assert.Len(t, ids, whole, "%d bytes", n)
		switch {
		case strings.TrimSpace(body[:n]) == "":
			assert.ErrorIs(t, err, ErrNothing, "%d bytes", n)
		case n == len(body)-1:
			assert.NoError(t, err)
		default:
			assert.ErrorIs(t, err, ErrCut, "%d bytes", n)
		}
	}
}

// Numbers that are written as strings hide neither the end nor what brought it.
func TestElementsCutWithinLenientOnes(t *testing.T) {
	broken := errors.New("the connection is gone")
	for body, whole := range map[string]int{`[{"id":"1","name":"xx`: 0, `[{"id":1},{"id":"2","name":"xx`: 1, `[{"id":"1"},{"id":"2"`: 1} {
		ids, err := collect(strings.NewReader(body), 100)
		assert.Len(t, ids, whole, body)
		assert.ErrorIs(t, err, ErrCut, body)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, body)
		for name, r := range map[string]io.Reader{
			"after what came": io.MultiReader(strings.NewReader(body), iotest.ErrReader(broken)),
			"with it":         iotest.DataErrReader(io.MultiReader(strings.NewReader(body), iotest.ErrReader(broken))),
		} {
			_, err = collect(r, 100)
			assert.ErrorIs(t, err, ErrCut, "%s, %s", body, name)
			assert.ErrorIs(t, err, broken, "%s, %s", body, name)
			assert.Equal(t, 1, strings.Count(err.Error(), ErrCut.Error()), "%s, %s: %v", body, name, err)
		}
	}
	_, err := collect(strings.NewReader(`[{"id":1},{"id":"two"}]`), 100)
	assert.ErrorContains(t, err, "/1/id is a text, where a whole number belongs")
}

// counter counts what is read of an answer without end.
type counter struct {
	piece []byte
	read  int64
}

func (c *counter) Read(p []byte) (int, error) {
	n := copy(p, c.piece)
	c.read += int64(n)
	return n, nil
}

func TestElementsWithoutEnd(t *testing.T) {
	const limit = 100 << 10
	for name, start := range map[string]string{"text": `[{"name":"`, "blanks": ` `, "blanks in a list": `[ `, "blanks after it": `[] `, "members": `[{"a":[`} {
		endless := &counter{piece: bytes.Repeat([]byte{start[len(start)-1]}, 1<<10)}
		if name == "text" {
			endless.piece = bytes.Repeat([]byte("x"), 1<<10)
		}
		if name == "members" {
			endless.piece = bytes.Repeat([]byte("1,"), 1<<9)
		}
		_, err := collect(io.MultiReader(strings.NewReader(start), endless), limit)
		assert.ErrorIs(t, err, ErrElementTooLong, name)
		assert.LessOrEqual(t, endless.read, int64(limit+2*slack), "%s: what was read of it", name)
	}
}

func TestElementsStopsWhenAsked(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`[{"id":1},{"id":2}`), iotest.ErrReader(errors.New("read on")))
	var ids []int
	err := Elements(endless, 100, func(t thing) bool {
		ids = append(ids, t.ID)
		return len(ids) < 2
	})
	assert.NoError(t, err)
	assert.Equal(t, []int{1, 2}, ids)
}

func TestUnmarshal(t *testing.T) {
	for _, row := range []struct {
		name, body string
		want       thing
		says       string
	}{
		{"what is known", `{"id":1,"parent":2,"name":"x","more":true}`, thing{ID: 1, Parent: new(2), Name: "x"}, ""},
		{"numbers as strings, at every depth", `{"id":"1","parent":"2","sizes":["3","-4"],"by":{"a":"5"},"child":{"id":"6"}}`,
			thing{ID: 1, Parent: new(2), Sizes: []int{3, -4}, By: map[string]int{"a": 5}, Child: &thing{ID: 6}}, ""},
		{"text stays text", `{"id":"1","name":"2"}`, thing{ID: 1, Name: "2"}, ""},
		{"null", `{"id":null,"parent":null,"sizes":null}`, thing{}, ""},
		{"text for a number says what it is", `{"id":"seven"}`, thing{}, "/id is a text, where a whole number belongs"},
		{"no number", `{"id":""}`, thing{}, "belongs"},
		{"more than a number holds", `{"id":99999999999999999999}`, thing{}, "belongs"},
		{"more than a number holds, as a string", `{"id":"99999999999999999999"}`, thing{}, "belongs"},
		{"a fraction", `{"id":1.5}`, thing{}, "belongs"},
		{"a number as a string, and another mistake", `{"id":"1","name":7}`, thing{}, "belongs"},
		{"duplicates", `{"id":1,"id":1}`, thing{}, "duplicate"},
		{"cut", `{"id":1`, thing{}, "unexpected EOF"},
		{"more", `{"id":1}{}`, thing{}, "after top-level value"},
		{"nothing", ``, thing{}, "EOF"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got thing
			err := Unmarshal([]byte(row.body), &got)
			if row.says != "" {
				assert.ErrorContains(t, err, row.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

func TestIsNothing(t *testing.T) {
	for body, want := range map[string]bool{
		"": true, " \r\n\t": true, "{}": true, " { \n } ": true, "null": true, " null\n": true,
		"[]": false, "{}{}": false, "{} x": false, "nulls": false, "nul": false, `""`: false, "0": false, "false": false,
		"\f{}": false, "{\u00a0}": false, "\u00a0": false, "n u l l": false,
		`{"a":1}`: false, "nullnull": false, strings.Repeat(" ", 1<<16) + "{}": true,
	} {
		assert.Equal(t, want, IsNothing([]byte(body)), "%.20q", body)
	}
}

func TestMarshal(t *testing.T) {
	body, err := Marshal(map[string]any{"name": "<a&b>"}, nil)
	require.NoError(t, err)
	assert.Equal(t, `{"name":"<a&b>"}`, string(body))
	loud := json.MarshalFunc(func(s string) ([]byte, error) { return fmt.Appendf(nil, "%q", strings.ToUpper(s)), nil })
	body, err = Marshal([]string{"a"}, loud)
	require.NoError(t, err)
	assert.Equal(t, `["A"]`, string(body))
	_, err = Marshal(make(chan int), nil)
	assert.Error(t, err)
}
