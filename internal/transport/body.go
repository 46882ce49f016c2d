package transport

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// ErrTooLarge is wrapped by the error of a response whose body exceeds its limit.
var ErrTooLarge = errors.New("response is larger than the limit")

// ErrTruncated is wrapped by the error of a response whose body ended early.
var ErrTruncated = errors.New("response was cut short")

// gunzip arranges for the body of resp to be decompressed as it is read, if it is
// compressed. The client requests compression itself, because net/http would read
// without end a body that decompresses to nothing.
func (t *timeoutTransport) gunzip(resp *http.Response) {
	encoding := resp.Header["Content-Encoding"]
	if len(encoding) != 1 || !strings.EqualFold(encoding[0], "gzip") {
		return
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &gzipBody{ReadCloser: resp.Body, pool: &t.decompressors, allowed: maxOverhead}
}

// gzipBody is a compressed body that is decompressed as it is read.
type gzipBody struct {
	io.ReadCloser
	pool         *sync.Pool   // of *gzip.Reader
	decompressed *gzip.Reader // nil before the first Read and after Close
	allowed      int64        // bytes that may be read of the compressed body
}

// A compressed body may have this many bytes without content, and this many for each
// byte of its content. One that is flushed after each element of a list has about one.
const maxOverhead, maxExpansion = 256 << 10, 8

var errNoContent = errors.New("gzip: the compressed data is much larger than its content")

// Read implements [io.Reader].
func (b *gzipBody) Read(p []byte) (n int, err error) {
	if b.decompressed == nil {
		if b.decompressed, _ = b.pool.Get().(*gzip.Reader); b.decompressed == nil {
			b.decompressed = new(gzip.Reader)
		}
		if err = b.decompressed.Reset(compressedReader{b}); err != nil {
			return 0, err
		}
	}
	n, err = b.decompressed.Read(p)
	b.allowed += maxExpansion * int64(n)
	return n, err
}

// Close implements [io.Closer].
func (b *gzipBody) Close() error {
	if b.decompressed != nil {
		_ = b.decompressed.Reset(http.NoBody) // so that the pool does not keep the response
		b.pool.Put(b.decompressed)
		b.decompressed = nil
	}
	return b.ReadCloser.Close()
}

// compressedReader reads the compressed body of a gzipBody, as much as is allowed.
type compressedReader struct{ body *gzipBody }

// Read implements [io.Reader].
func (r compressedReader) Read(p []byte) (int, error) {
	if r.body.allowed <= 0 {
		return 0, errNoContent
	}
	n, err := r.body.ReadCloser.Read(p)
	r.body.allowed -= int64(n)
	return n, err
}

// maxErrorBody is how much is read of the body of a response that is not 2xx.
const maxErrorBody = 1 << 20

// maxAhead is how much memory is allocated for a body because of its announced length, or
// four times what has been read if that is more: the server may not send it.
const maxAhead = 8 << 20

// ReadBody reads the body of resp, at most limit bytes of it. With an error it
// returns what could be read. The error wraps ErrTooLarge or ErrTruncated.
func ReadBody(resp *http.Response, limit int64) ([]byte, error) {
	success := resp.StatusCode < 300
	if !success {
		limit = min(limit, maxErrorBody)
	}
	length, size := resp.ContentLength, min(limit, 4096)
	if length > limit && success { // the beginning of an error is worth having
		return nil, tooLarge(limit)
	}
	// The byte after the body is requested too, since a connection is reused only if
	// the end of its body has been seen. A custom transport may leave the length 0.
	if length >= 0 && length <= limit {
		size = min(length, maxAhead) + 1
	}
	// A bytes.Buffer would allocate up to twice the limit.
	body := make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			size := max(2*int64(cap(body)), 4096)
			if length >= int64(cap(body)) {
				size = min(length, 4*int64(cap(body)))
			}
			size = min(size, limit) + 1 // one byte more than the limit shows that it is exceeded
			body = append(make([]byte, 0, size), body...)
		}
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return body[:limit], tooLarge(limit)
		case err == io.EOF && int64(len(body)) < length:
			return body, truncated(err)
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, truncated(err)
		}
	}
}

// BodyReader reads the body of a response as it arrives, at most a number of bytes of
// it. Its errors are those of ReadBody.
type BodyReader struct {
	resp  *http.Response
	limit int64
	left  int64
	err   error
}

// NewBodyReader returns a reader of at most limit bytes of the body of a 2xx response.
func NewBodyReader(resp *http.Response, limit int64) *BodyReader {
	r := &BodyReader{resp: resp, limit: limit, left: limit}
	if resp.ContentLength > limit {
		r.err = tooLarge(limit)
	}
	return r
}

// Read implements [io.Reader].
func (r *BodyReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	// One byte more shows that the limit is exceeded. It is added last, since the limit may be the largest number.
	n, err := r.resp.Body.Read(p[:min(int64(len(p))-1, r.left)+1])
	r.left -= int64(n)
	switch {
	case r.left < 0:
		n, r.err = n-1, tooLarge(r.limit)
		return n, r.err
	case err == io.EOF && r.limit-r.left >= r.resp.ContentLength:
		return n, err
	case err != nil:
		r.err = truncated(err)
	}
	return n, r.err
}

// Err returns the error of reading, other than io.EOF.
func (r *BodyReader) Err() error { return r.err }

// tooLarge returns the error of a body that exceeds limit.
func tooLarge(limit int64) error { return fmt.Errorf("%w of %d bytes", ErrTooLarge, limit) }

// truncated wraps the error that ended a body early.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", ErrTruncated, err)
}
