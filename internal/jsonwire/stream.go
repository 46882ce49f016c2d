package jsonwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
	elements := &elementReader{r: r, limit: limit, typ: reflect.TypeFor[T]()}
	count := 0
	counted := func(element T) bool {
		count++
		return yield(element)
	}
	err := streamArray(elements, counted)
	if !isTypeError(err) {
		return compact(err)
	}
	// Integers may be written as strings, as in Unmarshal: try again from this
	// element on, which is slower.
	strict := count
	lenient := &elementReader{r: elements.rest(), limit: limit, typ: elements.typ}
	lenientErr := streamArray(lenient, counted, json.WithUnmarshalers(lenientInt()))
	if count == strict && isTypeError(lenientErr) {
		return compact(explain(err))
	}
	if semantic, ok := errors.AsType[*json.SemanticError](lenientErr); ok {
		semantic.JSONPointer = shiftIndex(semantic.JSONPointer, strict)
	}
	return compact(explain(lenientErr))
}

// shiftIndex adds n to the index with which a pointer begins.
func shiftIndex(pointer jsontext.Pointer, n int) jsontext.Pointer {
	first, rest, nested := strings.Cut(strings.TrimPrefix(string(pointer), "/"), "/")
	index, err := strconv.Atoi(first)
	if err != nil {
		return pointer
	}
	first = "/" + strconv.Itoa(index+n)
	if nested {
		first += "/" + rest
	}
	return jsontext.Pointer(first)
}

// streamArray decodes the array that r reads, and calls yield with each element.
func streamArray[T any](r *elementReader, yield func(T) bool, options ...json.Options) error {
	dec := jsontext.NewDecoder(r)
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
	var element, zero T
	for {
		r.start = dec.InputOffset()
		if dec.PeekKind() == ']' {
			break
		}
		element = zero // all elements are decoded into one variable, and yielded as copies
		if err := json.UnmarshalDecode(dec, &element, options...); err != nil {
			return truncated(err)
		}
		if dec.InputOffset()-r.start > r.limit && r.length(dec.InputOffset()) > r.limit {
			return ErrElementTooLarge // the reader passes a little more than the limit
		}
		if !yield(element) {
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

// chunk is the size of each read: that of the largest TLS record. The decoder by
// itself reads a quarter of it.
const chunk = 16 << 10

// elementReader is a reader of an array. It keeps the bytes of the current element,
// so that the element can be decoded again, and returns an error when the element
// exceeds the limit.
type elementReader struct {
	r     io.Reader
	limit int64
	start int64  // offset of the current element
	buf   []byte // what has been read, from offset base on
	base  int64
	read  int // bytes of buf that the decoder has read
	err   error

	typ   reflect.Type // of an element
	sizer *sizer       // of the current element; nil if that is small
	sized int64        // offset up to which sizer has seen the element
}

// Read implements [io.Reader].
func (e *elementReader) Read(p []byte) (int, error) {
	if e.read == len(e.buf) && e.err == nil {
		if int64(len(e.element())) > e.limit+chunk {
			return 0, ErrElementTooLarge
		}
		if err := e.checkSize(); err != nil {
			return 0, err
		}
		e.fill()
	}
	n := copy(p, e.buf[e.read:])
	e.read += n
	if n == 0 {
		return 0, e.err
	}
	return n, nil
}

// checkSize returns an error if the current element is too large when decoded.
func (e *elementReader) checkSize() error {
	element := e.element()
	if isSmall(int64(len(element)), e.limit) {
		return nil
	}
	if e.sizer == nil || e.sized < e.start {
		e.sizer, e.sized = newSizer(e.typ, e.limit), e.start
	}
	element = element[e.sized-e.start:]
	e.sized += int64(len(element))
	return e.sizer.add(element)
}

// fill reads the next chunk, and drops what is before the current element.
func (e *elementReader) fill() {
	kept := copy(e.buf, e.element())
	e.base, e.read = e.start, kept
	if e.buf = e.buf[:kept]; cap(e.buf) < kept+chunk {
		e.buf = append(make([]byte, 0, 2*kept+chunk), e.buf...) // slices.Grow would grow it by a quarter
	}
	n, err := e.r.Read(e.buf[kept : kept+chunk])
	e.buf = e.buf[:kept+n]
	if err != nil && err != io.EOF && !errors.Is(err, ErrTruncated) {
		err = fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	e.err = err
}

// element returns what has been read since the start of the current element.
func (e *elementReader) element() []byte { return e.buf[e.start-e.base:] }

// length returns the length of the element that ends at offset end, without the
// comma and the space before it.
func (e *elementReader) length(end int64) int64 {
	element := e.element()
	before := len(element) - len(bytes.TrimLeft(element, ","+space))
	return end - e.start - int64(before)
}

// rest returns an array of the current element and those after it.
func (e *elementReader) rest() io.Reader {
	after := e.r
	if e.err != nil {
		after = errorReader{e.err}
	}
	return io.MultiReader(strings.NewReader("["), bytes.NewReader(bytes.TrimLeft(e.element(), ","+space)), after)
}

// errorReader is a reader that returns its error only.
type errorReader struct{ err error }

// Read implements [io.Reader].
func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
