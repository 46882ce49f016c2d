package bigv

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/bigv-go/bigv/internal/transport"
)

// List and All decode the elements of a list while the response arrives: list collects them, and
// all yields them.

// list returns a list, which is decoded as it arrives. verify, unless nil, is called with each
// element; if it returns an error, the call fails.
func list[T any](ctx context.Context, c *Client, op operation, verify func(T) error, opts []CallOption) ([]T, error) {
	req, err := c.newRequest(ctx, &op, opts)
	if err != nil {
		return nil, err
	}
	var elements []T
	var head headReader
	stream := func(resp *http.Response) (retryable bool, err error) {
		body := transport.NewBodyReader(resp, c.maxResponseSize)
		head = headReader{r: body}
		if elements, err = jsonwire.ReadArray[T](&head, resp.ContentLength, c.maxResponseSize); err != nil {
			head.readPage()
		}
		if readErr := body.Err(); readErr != nil && err != nil {
			return !errors.Is(readErr, transport.ErrTooLarge), readErr
		}
		return false, err
	}
	if c.capture != nil {
		stream = nil // a capture has the body
	}
	resp, err := c.send(ctx, req, stream)
	if err != nil {
		return nil, err
	}
	err = resp.ReadErr
	if stream != nil {
		resp.Body = head.head // shows whether it is an HTML page
	} else if err == nil {
		elements, err = jsonwire.ReadArray[T](bytes.NewReader(resp.Body), int64(len(resp.Body)), c.maxResponseSize)
	}
	if err != nil {
		return nil, newDecodeError(resp, err)
	}
	for i := range elements {
		if err := verifyElement(&elements[i], i, verify); err != nil {
			return nil, newVerifyError(resp, err)
		}
	}
	return elements, nil
}

// all returns an iterator over the elements of a list, as they arrive. If the call fails, even in
// the middle of the list, the last pair has the error. A list that is cut short before the first
// element is requested again.
func all[T any](ctx context.Context, c *Client, op operation, verify func(T) error, opts []CallOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		req, err := c.newRequest(ctx, &op, opts)
		if err != nil {
			yield(zero, err)
			return
		}
		if lookUp := req.endpoint.lookUp; lookUp != nil {
			if err := lookUp(); err != nil {
				yield(zero, &callError{describe(req.name, req.subject()), err})
				return
			}
		}
		var head headReader
		var count int
		resp, err := c.send(ctx, req, func(resp *http.Response) (retryable bool, err error) {
			head = headReader{r: resp.Body}
			count, err = yieldElements(ctx, &head, min(maxElement, c.maxResponseSize), verify, yield)
			return count == 0 && errors.Is(err, jsonwire.ErrTruncated), err
		})
		if err != nil {
			yield(zero, err)
			return
		}
		if resp.ReadErr != nil {
			resp.Body = head.head // shows whether it is an HTML page
			yield(zero, newVerifyError(resp, fmt.Errorf("%w (after %d elements)", resp.ReadErr, count)))
		}
	}
}

// yieldElements yields the verified elements of a streamed list, of at most limit bytes each, and
// returns how many there were.
func yieldElements[T any](
	ctx context.Context, body io.Reader, limit int64, verify func(T) error, yield func(T, error) bool,
) (count int, err error) {
	var failed error
	var verified T // one variable for all elements, so that its address costs no allocation for each
	err = jsonwire.StreamArray(body, limit, func(element T) bool {
		// Elements that have arrived already are not yielded after the context ends.
		if failed = ctx.Err(); failed == nil {
			verified = element
			failed = verifyElement(&verified, count, verify)
		}
		if failed != nil {
			return false
		}
		count++
		return yield(element, nil)
	})
	return count, cmp.Or(failed, err)
}

// verifyElement returns an error if the element of a list at an index is incomplete, or does not
// pass verify, which may be nil.
func verifyElement[T any](element *T, index int, verify func(T) error) error {
	if err := checkComplete(element); err != nil {
		return fmt.Errorf("element %d: %w", index, err)
	}
	if verify == nil {
		return nil
	}
	return verify(*element)
}

// maxElement is the maximum size of one element of a list in All, in bytes, if responses may be as
// large.
const maxElement = 4 << 20

// headReader keeps the beginning of what it reads, unless that is an array.
type headReader struct {
	r    io.Reader
	head []byte
	done bool // the head is complete, or not needed
}

// Read implements [io.Reader].
func (h *headReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if h.done || n == 0 {
		return n, err
	}
	if h.done = len(h.head) == 0 && p[0] == '['; !h.done {
		h.head = append(h.head, p[:min(n, 2*maxErrorBody-len(h.head))]...)
		h.done = len(h.head) == 2*maxErrorBody
	}
	return n, err
}

// readPage reads the beginning of an HTML page, which is of use in an error.
func (h *headReader) readPage() {
	var err error
	for err == nil && !h.done && isHTML(h.head) {
		_, err = h.Read(make([]byte, 512))
	}
}
