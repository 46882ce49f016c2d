// Package wire is the JSON of the API: what is sent and how an answer is read.
package wire

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Marshal encodes a request body. The marshalers, which may be nil, go before
// the methods of the types: they reveal secrets, which nothing else may.
func Marshal(v any, marshalers *json.Marshalers) ([]byte, error) {
	if marshalers == nil {
		return json.Marshal(v)
	}
	return json.Marshal(v, json.WithMarshalers(marshalers))
}

// Unmarshal decodes an answer: duplicate members, invalid UTF-8 and anything
// after the value are errors; unknown members are not.
func Unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil || !isTypeError(err) {
		return err
	}
	// Some deployments write numbers as strings. Only an answer that does not
	// read otherwise pays for looking.
	if json.Unmarshal(data, v, json.WithUnmarshalers(lenientInt())) == nil {
		return nil
	}
	return explain(err)
}

// explain words the error of a value that does not fit. The decoder's own wording
// speaks of Go, and is not the same every day.
func explain(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok || semantic.GoType == nil || semantic.JSONKind == 0 {
		return err
	}
	where := cmp.Or(string(semantic.JSONPointer), "it")
	belongs := map[reflect.Kind]string{
		reflect.Int: "a whole number", reflect.String: "a text", reflect.Bool: "true or false",
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "a list",
	}[semantic.GoType.Kind()]
	text := fmt.Sprintf("%s is %s, where %s belongs", where, kinds[semantic.JSONKind], cmp.Or(belongs, "something else"))
	if semantic.Err != nil {
		text += ": " + semantic.Err.Error()
	}
	return &mismatch{text, err}
}

// kinds are the words for JSON's kinds of values.
var kinds = map[jsontext.Kind]string{
	'n': "null", 'f': "false", 't': "true", '"': "a text", '0': "a number", '{': "an object", '[': "a list",
}

type mismatch struct {
	text string
	err  error
}

func (e *mismatch) Error() string { return e.text }
func (e *mismatch) Unwrap() error { return e.err }

func isTypeError(err error) bool {
	_, ok := errors.AsType[*json.SemanticError](err)
	return ok
}

func lenientInt() *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, n *int) error {
		if dec.PeekKind() != '"' {
			return errors.ErrUnsupported
		}
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		*n, err = strconv.Atoi(token.String())
		return err
	})
}

// MapStrings gives each string of a JSON value, names of members included, to f
// and writes the value anew. It reports false if f changed none of them, or if
// data is no JSON value.
func MapStrings(data []byte, f func(string) string) ([]byte, bool) {
	lax := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	dec := jsontext.NewDecoder(bytes.NewReader(data), lax...)
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out, lax...)
	changed := false
	for {
		token, err := dec.ReadToken()
		if err == io.EOF && dec.StackDepth() == 0 {
			return bytes.TrimSpace(out.Bytes()), changed
		}
		if err != nil {
			return nil, false
		}
		if token.Kind() == '"' {
			text := token.String()
			mapped := f(text)
			changed = changed || mapped != text
			token = jsontext.String(mapped)
		}
		if enc.WriteToken(token) != nil {
			return nil, false
		}
	}
}

// IsValid reports whether data is a JSON value.
func IsValid(data []byte) bool {
	return jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// space is what JSON allows between its tokens.
const space = " \t\r\n"

// IsNothing reports whether a body that should hold an object holds none: it is
// empty, {} or null, which the service may answer to any write.
func IsNothing(body []byte) bool {
	text := bytes.Trim(body, space)
	if inner, ok := bytes.CutPrefix(text, []byte("{")); ok {
		return string(bytes.TrimLeft(inner, space)) == "}"
	}
	return len(text) == 0 || string(text) == "null"
}

// ErrNothing is the error of an answer that should hold something and is empty,
// {} or null.
var ErrNothing = errors.New("it is empty")

// ErrElementTooLong is what Elements says of an element above its limit.
var ErrElementTooLong = errors.New("one element of the list is longer than the limit")

// Elements calls yield with each element of a JSON array as soon as it has been
// read, and holds one at a time. It stops without an error when yield returns
// false. An element may be limit bytes long.
func Elements[T any](r io.Reader, limit int64, yield func(T) bool) error {
	m := &meter{r: r, limit: limit}
	err := elements(m, yield)
	if !isTypeError(err) {
		return err
	}
	// Numbers may be written as strings, which Unmarshal finds out in a second
	// try as well: from this element on, and slower.
	again := &meter{r: m.rest(), limit: limit}
	count := 0
	err2 := elements(again, func(element T) bool {
		count++
		return yield(element)
	}, json.WithUnmarshalers(lenientInt()))
	if count == 0 && isTypeError(err2) {
		return explain(err) // which knows where in the list it is
	}
	return explain(err2)
}

func elements[T any](m *meter, yield func(T) bool, options ...json.Options) error {
	dec := jsontext.NewDecoder(m)
	token, err := dec.ReadToken()
	if err == io.EOF || err == nil && token.Kind() == 'n' {
		return ErrNothing
	}
	if err != nil {
		return truncated(err)
	}
	if token.Kind() != '[' {
		return fmt.Errorf("expected a list, found %s", token.Kind())
	}
	var element, zero T
	for {
		m.start = dec.InputOffset()
		if dec.PeekKind() == ']' {
			break
		}
		element = zero // all are decoded in one place, which is given out as a copy
		if err := json.UnmarshalDecode(dec, &element, options...); err != nil {
			return truncated(err)
		}
		if dec.InputOffset()-m.start > m.limit && m.length(dec.InputOffset()) > m.limit {
			return ErrElementTooLong // what the meter lets pass is a little more
		}
		if !yield(element) {
			return nil
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return truncated(err)
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		if err == nil {
			err = errors.New("found more after the end of the list")
		}
		return err
	}
	return nil
}

// slack is what is read at a time: as much as TLS hands out at once, and more than
// the buffers on the way to it hold. What the decoder reads by itself is a quarter.
const slack = 16 << 10

// meter stops a decoder from reading an element without end, and keeps what was
// read since the element's start.
type meter struct {
	r     io.Reader
	limit int64
	start int64  // of the element, in bytes of the list
	held  []byte // what was read, from base on
	base  int64
	given int // how much of held the decoder has
	err   error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.given == len(m.held) && m.err == nil {
		if int64(len(m.element())) > m.limit+slack {
			return 0, ErrElementTooLong
		}
		m.fill()
	}
	n := copy(p, m.held[m.given:])
	m.given += n
	if n == 0 {
		return 0, m.err
	}
	return n, nil
}

// fill reads on, and lets go of what was before the element.
func (m *meter) fill() {
	kept := copy(m.held, m.element())
	m.base, m.given = m.start, kept
	m.held = slices.Grow(m.held[:kept], slack)
	n, err := m.r.Read(m.held[kept : kept+slack])
	m.held = m.held[:kept+n]
	if err != nil && err != io.EOF && !errors.Is(err, ErrCut) {
		err = fmt.Errorf("%w: %w", ErrCut, err)
	}
	m.err = err
}

// element is what was read since the start of the element.
func (m *meter) element() []byte { return m.held[m.start-m.base:] }

// rest is the list from the element on.
func (m *meter) rest() io.Reader {
	after := m.r
	if m.err != nil {
		after = failing{m.err}
	}
	return io.MultiReader(strings.NewReader("["), bytes.NewReader(bytes.TrimLeft(m.element(), ","+space)), after)
}

// failing is a reader that has nothing but its error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// length is the length of the element that ends there, without the comma and the
// space before it.
func (m *meter) length(end int64) int64 {
	read := m.element()
	before := len(read) - len(bytes.TrimLeft(read, ","+space))
	return end - m.start - int64(before)
}

// ErrCut is what Elements says of a list whose end did not come.
var ErrCut = errors.New("the answer was cut short")

func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrCut, io.ErrUnexpectedEOF)
	}
	return err
}
