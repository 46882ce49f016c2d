// Package wire is the JSON of the API: what is sent and how an answer is read.
package wire

import (
	"errors"
	"fmt"
	"io"
	"strconv"

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
	return err
}

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

// IsNothing reports whether a body that should hold an object holds none: it is
// empty, {} or null, which the service may answer to any write.
func IsNothing(body []byte) bool {
	var rest []byte
	for _, b := range body {
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			if len(rest) == len("null") {
				return false
			}
			rest = append(rest, b)
		}
	}
	return len(rest) == 0 || string(rest) == "{}" || string(rest) == "null"
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
	meter := &meter{r: r}
	dec := jsontext.NewDecoder(meter)
	meter.check = func() error {
		if meter.read-dec.InputOffset() > limit+slack {
			return ErrElementTooLong
		}
		return nil
	}
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
	for dec.PeekKind() != ']' {
		var element T
		value, err := dec.ReadValue()
		if err != nil {
			return truncated(err)
		}
		if int64(len(value)) > limit {
			return ErrElementTooLong // what the meter lets pass is a little more
		}
		if err := Unmarshal(value, &element); err != nil {
			return err
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

// meter stops a decoder from buffering an element without end: the decoder
// keeps what it has not finished, so the distance between what was read and
// what was consumed is the element's length.
type meter struct {
	r     io.Reader
	read  int64
	check func() error
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p[:min(len(p), slack)])
	m.read += int64(n)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrCut, err)
	}
	return n, err
}

// ErrCut is what Elements says of a list whose end did not come.
var ErrCut = errors.New("the answer was cut short")

func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrCut, io.ErrUnexpectedEOF)
	}
	return err
}
