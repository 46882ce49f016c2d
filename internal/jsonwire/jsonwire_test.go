package jsonwire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// object is what the tests decode.
type object struct {
	ID     int            `json:"id"`
	Parent *int           `json:"parent"`
	Sizes  []int          `json:"sizes"`
	By     map[string]int `json:"by"`
	Name   string         `json:"name"`
	Child  *object        `json:"child"`
}

func TestUnmarshal(t *testing.T) {
	const want = "want an integer"
	for _, row := range []struct {
		name, body string
		want       object
		err        string // part of the error's text
	}{
		{"unknown members are ignored", `{"id":1,"parent":2,"name":"x","more":true}`, object{ID: 1, Parent: new(2), Name: "x"}, ""},
		{"numbers as strings, at every depth", `{"id":"1","parent":"2","sizes":["3","-4"],"by":{"a":"5"},"child":{"id":"6"}}`,
			object{ID: 1, Parent: new(2), Sizes: []int{3, -4}, By: map[string]int{"a": 5}, Child: &object{ID: 6}}, ""},
		{"strings of digits remain strings", `{"id":"1","name":"2"}`, object{ID: 1, Name: "2"}, ""},
		{"null", `{"id":null,"parent":null,"sizes":null}`, object{}, ""},
		{"word instead of a number", `{"id":"seven"}`, object{}, "/id is a string, want an integer"},
		{"empty string instead of a number", `{"id":""}`, object{}, want},
		{"number out of range", `{"id":99999999999999999999}`, object{}, "/id is a number, want an integer: "},
		{"number out of range, as a string", `{"id":"99999999999999999999"}`, object{}, want},
		{"fraction", `{"id":1.5}`, object{}, want},
		{"number as a string, and another error", `{"id":"1","name":7}`, object{}, "/id is a string, want an integer"},
		{"number instead of a string", `{"name":7}`, object{}, "/name is a number, want a string"},
		{"array instead of an object", `[]`, object{}, "the body is an array, want an object"},
		{"boolean instead of an array", `{"sizes":true}`, object{}, "/sizes is true, want an array"},
		{"duplicate members", `{"id":1,"id":1}`, object{}, "duplicate"},
		{"truncated", `{"id":1`, object{}, "unexpected EOF"},
		{"two values", `{"id":1}{}`, object{}, "after top-level value"},
		{"empty body", ``, object{}, "EOF"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got object
			err := Unmarshal([]byte(row.body), &got)
			if row.err != "" {
				assert.ErrorContains(t, err, row.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

// What the body does not have remains as it is, as in encoding/json.
func TestUnmarshalIntoAValueThatIsNotZero(t *testing.T) {
	type pair struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	for name, unmarshal := range map[string]func(data []byte, v any) error{
		"Unmarshal":        Unmarshal,
		"UnmarshalLimited": func(data []byte, v any) error { return UnmarshalLimited(data, v, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			got := pair{ID: 1, Name: "x"}
			require.NoError(t, unmarshal([]byte(`{"id":2}`), &got))
			assert.Equal(t, pair{ID: 2, Name: "x"}, got)
		})
	}
}

func TestUnmarshalErrorKeepsItsCause(t *testing.T) {
	var got struct {
		Size float64 `json:"size"`
	}
	err := Unmarshal([]byte(`{"size":"large"}`), &got)
	assert.EqualError(t, err, "/size is a string, want another type")
	var cause *json.SemanticError
	assert.ErrorAs(t, err, &cause)
}

// An error that is not about the body, such as of a type that cannot be decoded, is not reworded.
func TestUnmarshalIntoAnUnsupportedType(t *testing.T) {
	err := Unmarshal([]byte(`1`), new(chan int))
	assert.ErrorContains(t, err, "chan int")
}

func TestIsEmpty(t *testing.T) {
	for _, body := range []string{"", " \r\n\t", "{}", " { \n } ", "null", " null\n", strings.Repeat(" ", 1<<16) + "{}"} {
		assert.True(t, IsEmpty([]byte(body)), "%.20q", body)
	}
	for _, body := range []string{
		"[]", "{}{}", "{} x", "nulls", "nul", `""`, "0", "false", "\f{}", "{\u00a0}", "\u00a0", "n u l l", `{"a":1}`, "nullnull", "{",
	} {
		assert.False(t, IsEmpty([]byte(body)), "%.20q", body)
	}
}

func TestMarshal(t *testing.T) {
	body, err := Marshal(map[string]any{"name": "<a&b>"}, nil)
	require.NoError(t, err)
	assert.Equal(t, `{"name":"<a&b>"}`, string(body), "HTML is not escaped")
	upper := json.MarshalFunc(func(s string) ([]byte, error) { return fmt.Appendf(nil, "%q", strings.ToUpper(s)), nil })
	body, err = Marshal([]string{"a"}, upper)
	require.NoError(t, err)
	assert.Equal(t, `["A"]`, string(body))
	_, err = Marshal(make(chan int), nil)
	assert.Error(t, err)
}
