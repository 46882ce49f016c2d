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

// chunk is the size of each read. The decoder by itself reads a sixteenth of it.
const chunk = 64 << 10

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

	count   int   // elements decoded so far
	resumed bool  // an element stands for those that were decoded before restart
	skipped int   // how many there were, minus that element
	shift   int64 // the offset in the array of the first byte

	typ     reflect.Type // of an element
	left    int64        // memory that decoding may still allocate: for the element, or for the array if whole is set
	whole   bool
	library bool   // elements are decoded by the library, which does not count what it allocates
	sizer   *sizer // nil if no element was large
	sized   int64  // offset up to which sizer has seen the element
}

// newElementReader returns a reader of an array with elements of type T.
func newElementReader[T any](r io.Reader, limit int64) *elementReader {
	return &elementReader{r: r, limit: limit, typ: reflect.TypeFor[T]()}
}

// Read implements [io.Reader].
func (e *elementReader) Read(p []byte) (int, error) {
	if e.read == len(e.buf) && e.err == nil {
		if int64(len(e.element())) > e.limit+chunk {
			return 0, ErrElementTooLarge
		}
		if err := e.checkMemory(e.base + int64(len(e.buf))); err != nil {
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

// checkMemory counts the current element up to an offset. It returns an error if the
// library might allocate too much memory for it.
func (e *elementReader) checkMemory(end int64) error {
	if !e.library || !e.whole && isSmall(end-e.start, e.limit) {
		return nil
	}
	if e.sizer == nil {
		e.sizer = &sizer{types: newTypeSizes(e.typ)}
	}
	if e.sized < e.start {
		*e.sizer, e.sized = sizer{types: e.sizer.types}, e.start
	}
	e.sizer.left = e.left
	err := e.sizer.add(e.buf[e.sized-e.base : end-e.base])
	e.sized, e.left = end, e.sizer.left
	return err
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

// position returns the offset in the array at which the current element begins.
func (e *elementReader) position() int64 { return e.start + e.shift }

// restart makes the reader begin again with the current element, in an array in which
// one element stands for all those before.
func (e *elementReader) restart() {
	prefix := "["
	if e.resumed = e.count > 0; e.resumed {
		prefix, e.skipped = "[0", e.count-1
	}
	e.shift += e.start - int64(len(prefix))
	element := e.element()
	e.buf = append(e.buf, prefix...)
	e.buf = e.buf[:len(prefix)+copy(e.buf[len(prefix):], element)]
	copy(e.buf, prefix)
	e.start, e.base, e.read, e.sized = 0, 0, 0, 0
}

// locate corrects the position in an error of the library after restart.
func (e *elementReader) locate(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		semantic.JSONPointer = shiftIndex(semantic.JSONPointer, e.skipped)
		semantic.ByteOffset += e.shift
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		syntactic.JSONPointer = shiftIndex(syntactic.JSONPointer, e.skipped)
		syntactic.ByteOffset += e.shift
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
	first = "/" + strconv.Itoa(index+n)
	if nested {
		first += "/" + rest
	}
	return jsontext.Pointer(first)
}
