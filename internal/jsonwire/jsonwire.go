// Package jsonwire encodes the JSON bodies of requests and decodes those of
// responses, whole or element by element.
//
// A response is decoded by a cursor (cursor.go, and scan.go for its tokens), which
// follows a table of the Go type (table.go) that is made from its struct tags: a new
// attribute of a resource needs nothing here. What a cursor does not expect, valid or not,
// is decoded by the library github.com/go-json-experiment/json, which is encoding/json/v2:
// the same bytes, so the same value or error as without a cursor. TestDecode and FuzzDecode
// test that. To make a further kind of value fast, add a tableKind and a method of cursor for
// it, and values of it to the seeds of both tests.
//
// Arrays are decoded as they arrive (stream.go). The memory of a decoded response is
// limited: a cursor counts what it allocates, and size.go estimates what the library may.
package jsonwire

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

// Marshal encodes a request body. The marshalers, which may be nil, take
// precedence over the methods of the types: they reveal secrets, which nothing
// else may.
func Marshal(v any, marshalers *json.Marshalers) ([]byte, error) {
	if marshalers == nil {
		return json.Marshal(v)
	}
	return json.Marshal(v, json.WithMarshalers(marshalers))
}

// Unmarshal decodes a response body into v, a pointer. Duplicate members, invalid
// UTF-8 and data after the value are errors; unknown members are ignored. An
// integer may be written as a string.
func Unmarshal(data []byte, v any) error { return unmarshal(data, v, unlimited, isZero(v)) }

// UnmarshalLimited decodes data of at most limit bytes as Unmarshal does. It returns
// ErrDecodedTooLarge if the decoded value could take more than about three times the limit.
func UnmarshalLimited(data []byte, v any, limit int64) error {
	return unmarshalLimited(data, v, limit, isZero(v))
}

// UnmarshalZero decodes data as UnmarshalLimited does, into a value that must be zero, which
// is slow to check for a large struct.
func UnmarshalZero(data []byte, v any, limit int64) error {
	return unmarshalLimited(data, v, limit, true)
}

// unmarshalLimited implements UnmarshalLimited and UnmarshalZero. zero says that v is known
// to point to a zero value.
func unmarshalLimited(data []byte, v any, limit int64, zero bool) error {
	left := memoryLimit(limit)
	if isSmall(int64(len(data)), limit) {
		left = unlimited
	}
	return compact(unmarshal(data, v, left, zero))
}

// isZero reports whether v is a pointer to a zero value.
func isZero(v any) bool {
	target := reflect.ValueOf(v)
	return target.Kind() == reflect.Pointer && !target.IsNil() && target.Elem().IsZero()
}

// unmarshal implements Unmarshal. It may allocate about left bytes. zero says that v is known
// to point to a zero value.
func unmarshal(data []byte, v any, left int64, zero bool) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return json.Unmarshal(data, v) // which is an error
	}
	d := decoder{table: tableOf(target.Type().Elem())}
	d.left = left
	if d.table.kind != libraryKind && zero {
		d.memory = memories.Get().(*memory)
		defer memories.Put(d.memory)
		return explain(d.decode(data, target))
	}
	return explain(d.decodeByLibrary(data, target))
}

// A decoder decodes values of one type.
type decoder struct {
	table *table
	cursor
}

// decode decodes a value into the zero value to which v points.
func (d *decoder) decode(data []byte, v reflect.Value) error {
	left := d.left
	if d.cursor.decode(d.table, data, v.Elem()) {
		return nil
	}
	if v.Elem().SetZero(); d.left < 0 {
		return ErrDecodedTooLarge
	}
	d.left = left // what is decoded again is not allocated twice
	return d.decodeByLibrary(data, v)
}

// decodeByLibrary decodes a value of any kind. It returns ErrDecodedTooLarge if there may
// not be enough memory left.
func (d *decoder) decodeByLibrary(data []byte, v reflect.Value) error {
	if isLimited(d.left) && !d.count(newTypeSizes(d.table.typ), data) {
		return ErrDecodedTooLarge
	}
	return unmarshalByLibrary(data, v.Interface())
}

// unmarshalByLibrary decodes any value into any type. It does not explain errors.
func unmarshalByLibrary(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil || !isTypeError(err) {
		return err
	}
	// Some deployments write numbers as strings. Only a body that cannot be decoded
	// otherwise pays for the second try.
	if json.Unmarshal(data, v, json.WithUnmarshalers(lenientInt())) == nil {
		return nil
	}
	return err
}

// explain rewords the error of a JSON value that does not fit its Go type. The
// decoder's own text names Go types, and varies from run to run on purpose.
func explain(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok || semantic.GoType == nil || semantic.JSONKind == 0 {
		return err
	}
	where := cmp.Or(string(semantic.JSONPointer), "the body")
	want := cmp.Or(typeNames[semantic.GoType.Kind()], "another type")
	text := fmt.Sprintf("%s is %s, want %s", where, kindNames[semantic.JSONKind], want)
	if semantic.Err != nil {
		text += ": " + semantic.Err.Error()
	}
	return &typeError{text, err}
}

// kindNames are the names of the kinds of JSON values.
var kindNames = map[jsontext.Kind]string{
	'n': "null", 'f': "false", 't': "true", '"': "a string", '0': "a number", '{': "an object", '[': "an array",
}

// typeNames are the JSON names of what Go types are decoded from.
var typeNames = map[reflect.Kind]string{
	reflect.Int: "an integer", reflect.Int64: "an integer", reflect.String: "a string", reflect.Bool: "a boolean",
	reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array",
}

// typeError is the error of a JSON value that does not fit its Go type.
type typeError struct {
	text string
	err  error
}

// Error returns the reworded text.
func (e *typeError) Error() string { return e.text }

// Unwrap returns the decoder's error.
func (e *typeError) Unwrap() error { return e.err }

// maxErrorText is the length to which the text of an error is cut.
const maxErrorText = 8 << 10

// compact returns an error of the decoder without the parts of the JSON text that it
// holds, which may be large.
func compact(err error) error {
	if _, ok := errors.AsType[*jsontext.SyntacticError](err); !ok && !isTypeError(err) {
		return err
	}
	var cause error
	for _, known := range []error{io.ErrUnexpectedEOF, ErrElementTooLarge, ErrDecodedTooLarge, ErrTruncated} {
		if errors.Is(err, known) {
			cause = known
		}
	}
	text := err.Error()
	return &typeError{strings.Clone(text[:min(len(text), maxErrorText)]), cause}
}

// isTypeError reports whether err is that of a JSON value that does not fit its Go
// type.
func isTypeError(err error) bool {
	_, ok := errors.AsType[*json.SemanticError](err)
	return ok
}

// lenientInt returns unmarshalers that accept integers written as strings.
func lenientInt() *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, n *int) error {
		if dec.PeekKind() != '"' {
			// Not errors.ErrUnsupported, which encoding/json/v2 of Go 1.26 does not know.
			return json.UnmarshalDecode(dec, n, json.WithUnmarshalers(nil))
		}
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if *n, err = strconv.Atoi(token.String()); err != nil {
			return &json.SemanticError{JSONKind: '"', GoType: reflect.TypeFor[int]()} // json adds the position
		}
		return nil
	})
}

// space is the white space that JSON allows between tokens.
const space = " \t\r\n"

// IsEmpty reports whether a body holds no value: it has no bytes, or is {} or
// null, any of which the service may return for a write.
func IsEmpty(body []byte) bool {
	if len(body) > 1 && body[0] == '{' && body[1] == '"' { // the usual object
		return false
	}
	text := bytes.Trim(body, space)
	if inner, ok := bytes.CutPrefix(text, []byte("{")); ok {
		return string(bytes.TrimLeft(inner, space)) == "}"
	}
	return len(text) == 0 || string(text) == "null"
}

// IsValid reports whether a body is a JSON value.
func IsValid(body []byte) bool {
	return jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// LooksValid reports whether a body is a JSON value, or begins like an object or an array.
func LooksValid(body []byte) bool {
	start := bytes.TrimLeft(body, space)
	return len(start) > 0 && (start[0] == '{' || start[0] == '[') || IsValid(body)
}

// ErrEmpty is the error of a body that should hold a value and is empty, {} or
// null.
var ErrEmpty = errors.New("the body is empty")
