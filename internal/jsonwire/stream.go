package jsonwire

import (
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrTruncated is wrapped by the error of an array that ended early.
var ErrTruncated = errors.New("response was cut short")

// ErrElementTooLarge is the error of an element that exceeds the limit.
var ErrElementTooLarge = errors.New("one element of the array is larger than the limit")

// StreamArray decodes a JSON array, or null for an empty one, and calls yield with each element as soon as it
// has been read. It holds one element at a time, of at most limit bytes. It stops
// without an error when yield returns false.
func StreamArray[T any](r io.Reader, limit int64, yield func(T) bool) error {
	var element, zero T // all elements are decoded into one variable, and yielded as copies
	return compact(decodeArray(newElementReader[T](r, limit), target[T]{
		next: func(left *int64) *T {
			element, *left = zero, memoryLimit(limit)
			return &element
		},
		yield: func() bool { return yield(element) },
	}))
}

// ReadArray decodes a JSON array of at most limit bytes, or null for an empty one. size
// is its length in bytes, or less than 0 if that is unknown. It returns
// ErrDecodedTooLarge if decoding could allocate more than about three times the limit.
func ReadArray[T any](r io.Reader, size, limit int64) ([]T, error) {
	list := []T{}
	e := newElementReader[T](r, limit)
	e.whole, e.left = true, memoryLimit(limit)
	err := decodeArray(e, target[T]{
		next: func(left *int64) *T {
			if len(list) == cap(list) {
				list = grow(list, e.position(), size, left)
			}
			return &list[:len(list)+1][len(list)]
		},
		yield: func() bool {
			list = list[:len(list)+1]
			return true
		},
	})
	if err != nil {
		return nil, compact(err)
	}
	return list, nil
}

// grow returns the list with room for more elements: for those in the bytes still to
// come, if they are as long as the ones so far, or for twice as many. It subtracts the
// additional memory from left.
func grow[T any](list []T, position, size int64, left *int64) []T {
	n := int64(len(list))
	room := max(2*n, 1)
	elementSize := int64(reflect.TypeFor[T]().Size())
	if n > 0 && size > position {
		estimate := n + (size-position)*n/position + n/64 + 1
		if n < manyElements {
			estimate = min(estimate, manyElements)
		}
		if estimate*elementSize <= *left/2 {
			room = estimate
		}
	}
	*left -= (room - n) * elementSize
	if *left < 0 {
		room = n + 1 // the caller returns an error
	}
	return append(make([]T, 0, room), list...)
}

// manyElements is the number of elements from which on it matters how much room a slice
// has, and whose lengths show how many are still to come.
const manyElements = 64

// target is what the elements of an array are decoded into.
type target[T any] struct {
	next  func(left *int64) *T // returns the zero value to decode the next element into
	yield func() bool          // is called when it is decoded; false ends decoding
}

// decodeArray decodes an array with a cursor. From the first element on that a cursor
// cannot decode, it uses the library.
func decodeArray[T any](e *elementReader, to target[T]) error {
	if t := tableOf(e.typ); t.kind != libraryKind {
		c := &cursor{}
		fast := func(dec *jsontext.Decoder, element *T) error { return decodeFast(dec, c, t, e, element) }
		if err := decodeElements(e, fast, to, jsontext.AllowDuplicateNames(true)); err != errUnusual {
			return err
		}
		e.restart()
	}
	e.library = true
	strict := func(dec *jsontext.Decoder, element *T) error { return json.UnmarshalDecode(dec, element) }
	err := e.locate(decodeElements(e, strict, to))
	if !isTypeError(err) {
		return err
	}
	// Integers may be written as strings, as in Unmarshal: try again from this
	// element on, which is slower.
	count := e.count
	options := json.WithUnmarshalers(lenientInt())
	lenient := func(dec *jsontext.Decoder, element *T) error { return json.UnmarshalDecode(dec, element, options) }
	e.restart()
	lenientErr := e.locate(decodeElements(e, lenient, to))
	if e.count == count && isTypeError(lenientErr) {
		return explain(err)
	}
	return explain(lenientErr)
}

// errUnusual is the error of an element that the library must decode.
var errUnusual = errors.New("unusual element")

// decodeFast decodes an element with a cursor.
func decodeFast(dec *jsontext.Decoder, c *cursor, t *table, e *elementReader, element any) error {
	value, err := dec.ReadValue()
	if errors.Is(err, ErrElementTooLarge) {
		return err
	}
	if err != nil {
		return errUnusual
	}
	if c.memory == nil {
		c.memory = newMemory(dec.InputOffset())
	}
	c.left = e.left
	ok := c.decode(t, value, reflect.ValueOf(element).Elem())
	if e.left = c.left; e.left < 0 {
		return ErrDecodedTooLarge
	}
	if !ok {
		return errUnusual
	}
	return nil
}

// decodeElements decodes an array whose elements decode decodes.
func decodeElements[T any](
	e *elementReader, decode func(*jsontext.Decoder, *T) error, to target[T], options ...json.Options,
) error {
	dec := jsontext.NewDecoder(e, options...)
	token, err := dec.ReadToken()
	if err == io.EOF {
		return ErrEmpty
	}
	if err == nil && token.Kind() == 'n' {
		return readNothing(dec)
	}
	if err != nil {
		return truncated(err)
	}
	if token.Kind() != '[' {
		return fmt.Errorf("the body is %s, want an array", kindNames[token.Kind()])
	}
	if e.resumed {
		_, _ = dec.ReadToken() // in the place of the elements before
	}
	for {
		e.start = dec.InputOffset()
		if dec.PeekKind() == ']' {
			break
		}
		element := to.next(&e.left)
		if e.left < 0 {
			return ErrDecodedTooLarge
		}
		if err := decode(dec, element); err != nil {
			*element = *new(T)
			return truncated(err)
		}
		end := dec.InputOffset()
		if end-e.start > e.limit && e.length(end) > e.limit {
			return ErrElementTooLarge // the reader passes a little more than the limit
		}
		if e.whole {
			if err := e.checkMemory(end); err != nil {
				return err
			}
		}
		e.count++
		if !to.yield() {
			return nil
		}
	}
	return readEnd(dec)
}

// readEnd reads the end of the array, after which nothing may follow.
func readEnd(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return truncated(err)
	}
	return readNothing(dec)
}

// readNothing returns an error if anything follows.
func readNothing(dec *jsontext.Decoder) error {
	_, err := dec.ReadToken()
	if err == nil {
		return errors.New("data after the end of the array")
	}
	if err != io.EOF {
		return err
	}
	return nil
}

// truncated wraps the error of an array that ended early.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrTruncated, io.ErrUnexpectedEOF)
	}
	return err
}
