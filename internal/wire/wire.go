// Package wire is the JSON of the API: what is sent and how an answer is read.
package wire

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
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

// IsNothing reports whether a body that should hold an object holds none: it is
// empty, {} or null, which the service may answer to any write.
func IsNothing(body []byte) bool {
	text := bytes.TrimSpace(body)
	if inner, ok := bytes.CutPrefix(text, []byte("{")); ok {
		return string(bytes.TrimSpace(inner)) == "}"
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
	rest := io.MultiReader(strings.NewReader("["), bytes.NewReader(bytes.TrimLeft(m.element(), ", \t\r\n")), r)
	again := &meter{r: rest, limit: limit}
	count := 0
	err2 := elements(again, func(element T) bool {
		count++
		return yield(element)
	}, json.WithUnmarshalers(lenientInt()))
	if count == 0 && err2 != nil {
		return explain(err)
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

// slack is what the decoder may have read ahead of the element it is in, and
// reads at a time.
const slack = 64 << 10

// meter stops a decoder from reading an element without end, and keeps what it
// has read since the element's start.
type meter struct {
	r           io.Reader
	limit       int64
	start, read int64
	kept        []byte
}

func (m *meter) Read(p []byte) (int, error) {
	if m.read-m.start > m.limit+slack {
		return 0, ErrElementTooLong
	}
	n, err := m.r.Read(p[:min(len(p), slack)])
	m.kept = append(m.element(), p[:n]...)
	m.read += int64(n)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrCut, err)
	}
	return n, err
}

// element is what was read since the start of the element.
func (m *meter) element() []byte {
	done := m.start - (m.read - int64(len(m.kept)))
	return m.kept[:copy(m.kept, m.kept[done:])]
}

// length is the length of the element that ends there, without the comma and the
// space before it.
func (m *meter) length(end int64) int64 {
	read := m.element()
	before := len(read) - len(bytes.TrimLeft(read, ", \t\r\n"))
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
