package jsonwire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"

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
	return compact(decodeArray(r, limit, target[T]{
		next: func(_ int64, left *int64) *T {
			element, *left = zero, memoryLimit(limit)
			return &element
		},
		decoded: func() bool { return yield(element) },
	}))
}

// ReadArray decodes a JSON array of at most limit bytes, or null for an empty one, as it
// arrives. size is its length in bytes, or less than 0 if that is unknown. ReadArray
// returns ErrDecodedTooLarge if decoding could allocate more than about three times the
// limit.
func ReadArray[T any](r io.Reader, size, limit int64) ([]T, error) {
	list := []T{}
	err := decodeArray(r, limit, target[T]{
		next: func(position int64, left *int64) *T {
			if len(list) == 0 {
				*left = memoryLimit(limit)
			}
			if len(list) == cap(list) {
				list = grow(list, position, size, left)
			}
			return &list[:len(list)+1][len(list)]
		},
		decoded: func() bool {
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
	// next returns the zero value to decode the next element into, which begins at a
	// position. It sets or reduces the memory that may still be allocated.
	next    func(position int64, left *int64) *T
	decoded func() bool // is called when the element is decoded; false ends decoding
}

// decodeArray decodes an array. It reads each element first, which checks its syntax, and
// then decodes the bytes with a cursor, or else with the library.
func decodeArray[T any](r io.Reader, limit int64, to target[T]) error {
	elements := &elementReader{r: bufio.NewReaderSize(r, chunk), limit: limit}
	err := decodeElements(elements, to)
	if err != nil && elements.err != nil {
		return elements.err // without a position, since it is not an error of syntax
	}
	return err
}

// decodeElements implements decodeArray.
func decodeElements[T any](elements *elementReader, to target[T]) error {
	dec := jsontext.NewDecoder(elements, jsontext.AllowDuplicateNames(true))
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
	d := decoder{table: tableOf(reflect.TypeFor[T]())}
	for index := 0; ; index++ {
		elements.start = dec.InputOffset()
		if dec.PeekKind() == ']' {
			break
		}
		value, err := dec.ReadValue()
		if err != nil {
			return truncated(err)
		}
		end := dec.InputOffset()
		if int64(len(value)) > elements.limit { // the reader passes a little more than the limit
			return ErrElementTooLarge
		}
		element := to.next(elements.start, &d.left)
		if d.memory == nil {
			d.memory = newMemory(end)
		}
		if err := d.decode(value, reflect.ValueOf(element)); err != nil {
			return explain(locate(err, index, end-int64(len(value))))
		}
		if !to.decoded() {
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

// chunk is the size of each read. The decoder by itself reads a sixteenth of it.
const chunk = 64 << 10

// elementReader is a reader of an array that returns an error when an element exceeds
// the limit.
type elementReader struct {
	r     io.Reader
	limit int64
	start int64 // offset of the current element
	read  int64 // offset of the end of what has been read
	err   error // other than io.EOF
}

// Read implements [io.Reader].
func (e *elementReader) Read(p []byte) (int, error) {
	if e.read-e.start > e.limit+chunk {
		e.err = ErrElementTooLarge
	}
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.r.Read(p)
	e.read += int64(n)
	if err != nil && err != io.EOF {
		e.err = fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	return n, err
}

// locate corrects the position in an error of the library, which has decoded an element
// as a value of its own: the element has an index, and begins at an offset.
func locate(err error, index int, offset int64) error {
	element := jsontext.Pointer("/" + strconv.Itoa(index))
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		semantic.JSONPointer = element + semantic.JSONPointer
		semantic.ByteOffset += offset
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		syntactic.JSONPointer = element + syntactic.JSONPointer
		syntactic.ByteOffset += offset
	}
	return err
}
