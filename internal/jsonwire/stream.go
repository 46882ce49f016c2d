package jsonwire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"

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
	return compact(decodeArray(r, limit, reflect.TypeFor[T](), target{
		next: func(_ int64, left *int64) any {
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
	err := decodeArray(r, limit, reflect.TypeFor[T](), target{
		next: func(position int64, left *int64) any {
			if len(list) == 0 {
				*left = memoryLimit(limit)
			}
			if len(list) == cap(list) {
				list = grow(list, position, size, left)
			}
			if *left < 0 {
				return nil
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
// additional memory from left, and does not allocate it if that is not enough.
func grow[T any](list []T, position, size int64, left *int64) []T {
	n := int64(len(list))
	room := max(2*n, 1)
	elementSize := int64(reflect.TypeFor[T]().Size())
	if n > 0 && size > position {
		estimate := n + min(size-position, math.MaxInt64/n)*n/position + n/64 + 1
		if n < manyElements {
			estimate = min(estimate, manyElements)
		}
		estimate = min(estimate, max(4*n, maxAhead/max(elementSize, 1)))
		if estimate*elementSize <= *left/2 {
			room = estimate
		}
	}
	*left -= (room-n)*elementSize + n*elementSize/4 // the copy that is left may not be collected at once
	if *left < 0 {
		return list
	}
	return append(make([]T, 0, room), list...)
}

// manyElements is the number of elements from which on it matters how much room a slice
// has, and whose lengths show how many are still to come.
const manyElements = 64

// maxAhead is how much memory is allocated for the elements that a length announces, or for
// four times as many as have been read if that is more: the server may not send them.
const maxAhead = 8 << 20

// target is what the elements of an array are decoded into. It has no type parameter, as
// code for each type would make programs larger.
type target struct {
	// next returns a pointer to the zero value to decode the next element into, which
	// begins at a position. It sets or reduces the memory that may still be allocated, and
	// returns nil if that is not enough.
	next    func(position int64, left *int64) any
	decoded func() bool // is called when the element is decoded; false ends decoding
}

// decodeArray decodes an array. It begins with a cursor. From the first element on that
// the cursor cannot decode, it uses the library.
func decodeArray(r io.Reader, limit int64, t reflect.Type, to target) error {
	source := &source{r: r}
	buffered := bufio.NewReaderSize(source, chunk)
	d := &decoder{table: tableOf(t)}
	d.memory = memories.Get().(*memory)
	defer memories.Put(d.memory)
	count, offset, done, err := decodeBuffered(buffered, limit, d, to)
	if done || err != nil {
		return err
	}
	rest := &elementReader{r: buffered, limit: limit}
	if count > 0 {
		rest.prefix = resumption
		offset -= int64(len(resumption))
	}
	err = decodeElements(rest, d, to, offset)
	switch {
	case err == nil:
		return nil
	case rest.tooLarge:
		return ErrElementTooLarge
	case source.err != nil && source.err != io.EOF:
		return source.err // without a position, since it is not an error of syntax
	case count > 0:
		err = locate(err, func(p jsontext.Pointer) jsontext.Pointer { return shiftIndex(p, count-1) }, offset)
	}
	return explain(err)
}

// resumption is what the library reads instead of the elements that are decoded already. It
// ends in a string, since the bytes after it could be the rest of a number.
const resumption = `[""`

// maxTries is how often an element is decoded that is not yet in the buffer whole, before
// it is left to the library.
const maxTries = 8

// decodeBuffered decodes the elements at the beginning of an array, as long as they fit
// into the buffer of r and a cursor can decode them. It returns how many there were and
// the offset behind them, or done if no more are to be decoded.
func decodeBuffered(r *bufio.Reader, limit int64, d *decoder, to target) (count int, offset int64, done bool, err error) {
	if d.table.kind == libraryKind {
		return 0, 0, false, nil
	}
	for tries := 0; tries < maxTries; {
		data, _ := r.Peek(r.Buffered())
		d.begin(data)
		d.depth = 1 // of the elements
		if before := d.next(); count == 0 && before == '[' || count > 0 && before == ',' {
			d.space()
			start := d.pos
			element := to.next(offset, &d.left)
			if element == nil {
				return 0, 0, false, ErrDecodedTooLarge
			}
			v, left := reflect.ValueOf(element).Elem(), d.left
			if d.value(d.table, v) && int64(d.pos-start) <= limit {
				_, _ = r.Discard(d.pos)
				offset += int64(d.pos)
				count++
				if tries = 0; !to.decoded() {
					return 0, 0, true, nil
				}
				continue
			}
			if v.SetZero(); d.left < 0 {
				return 0, 0, false, ErrDecodedTooLarge
			}
			d.left = left // what is decoded again is not allocated twice
		}
		if d.pos < len(data) {
			break
		}
		if _, err := r.Peek(len(data) + 1); err != nil {
			break
		}
		tries++
	}
	return count, offset, false, nil
}

// decodeElements decodes an array. It reads each element first, which checks its syntax,
// and then decodes its bytes. The elements begin at an offset in the array, before which
// others have been decoded already.
func decodeElements(elements *elementReader, d *decoder, to target, offset int64) error {
	resumed := elements.prefix != ""
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
	for index := 0; ; index++ {
		elements.start = dec.InputOffset()
		if dec.PeekKind() == ']' {
			break
		}
		value, err := dec.ReadValue()
		if err != nil {
			return truncated(err)
		}
		if resumed && index == 0 {
			continue
		}
		if int64(len(value)) > elements.limit { // the reader passes a little more than the limit
			return ErrElementTooLarge
		}
		end := dec.InputOffset()
		element := to.next(offset+elements.start, &d.left)
		if element == nil {
			return ErrDecodedTooLarge
		}
		if err := d.decode(value, reflect.ValueOf(element)); err != nil {
			place := jsontext.Pointer("/" + strconv.Itoa(index))
			return locate(err, func(p jsontext.Pointer) jsontext.Pointer { return place + p }, end-int64(len(value)))
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

// source is the reader of an array. It is not read any more after an error.
type source struct {
	r   io.Reader
	err error
}

// Read implements [io.Reader].
func (s *source) Read(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if n, s.err = s.r.Read(p); s.err != nil && s.err != io.EOF {
		s.err = fmt.Errorf("%w: %w", ErrTruncated, s.err)
	}
	return n, s.err
}

// elementReader is a reader of a prefix and an array. It returns an error when an element
// exceeds the limit.
type elementReader struct {
	prefix   string
	r        io.Reader
	limit    int64
	start    int64 // offset of the current element
	read     int64 // offset of the end of what has been read
	tooLarge bool
}

// Read implements [io.Reader].
func (e *elementReader) Read(p []byte) (n int, err error) {
	if e.tooLarge = e.read-e.start-chunk > e.limit; e.tooLarge {
		return 0, ErrElementTooLarge
	}
	if e.prefix != "" {
		n = copy(p, e.prefix)
		e.prefix = e.prefix[n:]
	} else {
		n, err = e.r.Read(p)
	}
	e.read += int64(n)
	return n, err
}

// locate moves the position in an error of the library.
func locate(err error, move func(jsontext.Pointer) jsontext.Pointer, offset int64) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		semantic.JSONPointer = move(semantic.JSONPointer)
		semantic.ByteOffset += offset
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		syntactic.JSONPointer = move(syntactic.JSONPointer)
		syntactic.ByteOffset += offset
	}
	return err
}

// shiftIndex adds n to the index with which a pointer begins.
func shiftIndex(pointer jsontext.Pointer, n int) jsontext.Pointer {
	first, rest, nested := strings.Cut(strings.TrimPrefix(string(pointer), "/"), "/")
	index, err := strconv.Atoi(first)
	if err != nil {
		return pointer
	}
	if first = "/" + strconv.Itoa(index+n); nested {
		first += "/" + rest
	}
	return jsontext.Pointer(first)
}
