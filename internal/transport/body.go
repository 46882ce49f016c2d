package transport

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ErrTooLarge is wrapped by the error of a response whose body exceeds its limit.
var ErrTooLarge = errors.New("response is larger than the limit")

// ErrTruncated is wrapped by the error of a response whose body ended early.
var ErrTruncated = errors.New("response was cut short")

// gunzip arranges for the body of resp to be decompressed as it is read, if it is
// compressed. net/http does this itself only if it has added the Accept-Encoding
// header.
func gunzip(resp *http.Response) {
	encoding := resp.Header["Content-Encoding"]
	if len(encoding) != 1 || !strings.EqualFold(encoding[0], "gzip") {
		return
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &gzipBody{ReadCloser: resp.Body}
}

// gzipBody is a compressed body that is decompressed as it is read.
type gzipBody struct {
	io.ReadCloser
	decompressed *gzip.Reader
}

// Read implements [io.Reader].
func (b *gzipBody) Read(p []byte) (n int, err error) {
	if b.decompressed == nil {
		if b.decompressed, err = gzip.NewReader(b.ReadCloser); err != nil {
			return 0, err
		}
	}
	return b.decompressed.Read(p)
}

// maxErrorBody is how much is read of the body of a response that is not 2xx.
const maxErrorBody = 1 << 20

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
		size = length + 1
	}
	// A bytes.Buffer would allocate up to twice the limit.
	body := make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			size := min(max(2*int64(cap(body)), 4096), limit) + 1 // one byte more than the limit shows that it is exceeded
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

// tooLarge returns the error of a body that exceeds limit.
func tooLarge(limit int64) error { return fmt.Errorf("%w of %d bytes", ErrTooLarge, limit) }

// truncated wraps the error that ended a body early.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", ErrTruncated, err)
}
