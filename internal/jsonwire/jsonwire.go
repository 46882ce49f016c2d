// Package jsonwire encodes the JSON bodies of requests and decodes those of
// responses, whole or element by element.
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
func Unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil || !isTypeError(err) {
		return err
	}
	// Some deployments write numbers as strings. Only a body that cannot be decoded
	// otherwise pays for the second try.
	if json.Unmarshal(data, v, json.WithUnmarshalers(lenientInt())) == nil {
		return nil
	}
	return explain(err)
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
	reflect.Int: "an integer", reflect.String: "a string", reflect.Bool: "a boolean",
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
	text := bytes.Trim(body, space)
	if inner, ok := bytes.CutPrefix(text, []byte("{")); ok {
		return string(bytes.TrimLeft(inner, space)) == "}"
	}
	return len(text) == 0 || string(text) == "null"
}

// IsNull reports whether a body is null.
func IsNull(body []byte) bool { return string(bytes.Trim(body, space)) == "null" }

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
