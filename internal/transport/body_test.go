package transport

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadBody(t *testing.T) {
	errReset := errors.New("connection reset")
	failAfter := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text), iotest.ErrReader(errReset))
	}
	long := strings.Repeat("abc", 10_000)
	for _, row := range []struct {
		name   string
		body   io.Reader
		length int64
		limit  int64
		want   string
		errs   []error
	}{
		{"known length", strings.NewReader("abc"), 3, 3, "abc", nil},
		{"empty", strings.NewReader(""), 0, 3, "", nil},
		{"empty, limit 0", strings.NewReader(""), -1, 0, "", nil},
		{"unknown length", strings.NewReader("abc"), -1, 3, "abc", nil},
		{"the largest limit", strings.NewReader("abc"), -1, math.MaxInt64, "abc", nil},
		{"length above the limit", strings.NewReader("abcd"), 4, 3, "", []error{ErrTooLarge}},
		{"above the limit", strings.NewReader("abcd"), -1, 3, "abc", []error{ErrTooLarge}},
		{"above the limit, with EOF", iotest.DataErrReader(strings.NewReader("abcd")), -1, 3, "abc", []error{ErrTooLarge}},
		{"at the limit, byte by byte", iotest.OneByteReader(strings.NewReader("abc")), -1, 3, "abc", nil},
		{"long, unknown length", iotest.HalfReader(strings.NewReader(long)), -1, 30_000, long, nil},
		{"longer than its length", strings.NewReader("abcd"), 3, 10, "abcd", nil},
		{"a length of 0 that is not set", strings.NewReader("abcd"), 0, 10, "abcd", nil},
		{"a length of 0 that is not set, long", iotest.HalfReader(strings.NewReader(long)), 0, 30_000, long, nil},
		{"a length of 0 that is not set, above the limit", strings.NewReader("abcd"), 0, 3, "abc", []error{ErrTooLarge}},
		{"shorter than its length", strings.NewReader("ab"), 3, 3, "ab", []error{ErrTruncated, io.ErrUnexpectedEOF}},
		{"empty in spite of its length", strings.NewReader(""), 3, 3, "", []error{ErrTruncated, io.ErrUnexpectedEOF}},
		{"read error, unknown length", failAfter("ab"), -1, 3, "ab", []error{ErrTruncated, errReset}},
		{"read error, known length", failAfter("ab"), 3, 3, "ab", []error{ErrTruncated, errReset}},
		{"read error after the last byte", failAfter("abc"), 3, 3, "abc", []error{ErrTruncated, errReset}},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(row.body), ContentLength: row.length}
			got, err := ReadBody(resp, row.limit)
			assert.Equal(t, row.want, string(got))
			if row.errs == nil {
				assert.NoError(t, err)
			}
			for _, target := range row.errs {
				assert.ErrorIs(t, err, target)
			}
		})
	}
}

// A length that the server announces costs little memory before the bytes arrive, and a true one costs little more than the body.
func TestReadBodyMemory(t *testing.T) {
	for _, row := range []struct {
		name         string
		size, length int64
		most         int64 // bytes allocated
	}{
		{"1 TB announced", 1000, 1e12, 2 * maxAhead},
		{"10 PB announced", 1000, 1e16, 2 * maxAhead},
		{"the largest number announced", 1000, math.MaxInt64, 2 * maxAhead},
		{"1 TB announced, and 9 MiB sent", 9 << 20, 1e12, 6 * maxAhead},
		{"true, short", 100_000, 100_000, 120_000},
		{"true, as long as is allocated ahead", maxAhead, maxAhead, maxAhead + 100_000},
		{"true, a little longer", maxAhead + 1, maxAhead + 1, 2*maxAhead + 100_000},
		{"true, 60 MiB", 60 << 20, 60 << 20, 102 << 20},
	} {
		var before, after runtime.MemStats
		body := io.LimitReader(zeros{}, row.size)
		resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body), ContentLength: row.length}
		runtime.ReadMemStats(&before)
		got, err := ReadBody(resp, math.MaxInt64)
		runtime.ReadMemStats(&after)
		assert.Len(t, got, int(row.size), row.name)
		if row.size < row.length {
			assert.ErrorIs(t, err, ErrTruncated, row.name)
		} else {
			assert.NoError(t, err, row.name)
		}
		assert.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(row.most), row.name)
	}
}

// zeros is a reader of zeros without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestBodyReader(t *testing.T) {
	errReset := errors.New("connection reset")
	for _, row := range []struct {
		name   string
		body   io.Reader
		length int64
		limit  int64
		want   string
		err    error
	}{
		{"known length", strings.NewReader("abc"), 3, 3, "abc", nil},
		{"unknown length", strings.NewReader("abc"), -1, 3, "abc", nil},
		{"the largest limit", strings.NewReader("abc"), -1, math.MaxInt64, "abc", nil},
		{"the largest limit and length", strings.NewReader("abc"), math.MaxInt64, math.MaxInt64, "abc", ErrTruncated},
		{"limit 0", strings.NewReader(""), -1, 0, "", nil},
		{"length above the limit", strings.NewReader("abcd"), 4, 3, "", ErrTooLarge},
		{"above the limit", strings.NewReader("abcd"), -1, 3, "abc", ErrTooLarge},
		{"above the limit, byte by byte", iotest.OneByteReader(strings.NewReader("abcd")), -1, 3, "abc", ErrTooLarge},
		{"shorter than its length", strings.NewReader("ab"), 3, 3, "ab", ErrTruncated},
		{"read error", io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(errReset)), -1, 3, "ab", errReset},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(row.body), ContentLength: row.length}
			r := NewBodyReader(resp, row.limit)
			n, _ := r.Read(nil)
			assert.Zero(t, n, "reading into no bytes")
			got, err := io.ReadAll(r)
			assert.Equal(t, row.want, string(got))
			assert.ErrorIs(t, err, row.err)
			assert.Equal(t, err, r.Err())
		})
	}
}

func TestReadBodyErrorTexts(t *testing.T) {
	resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("abcd")), ContentLength: -1}
	_, err := ReadBody(resp, 3)
	assert.EqualError(t, err, "response is larger than the limit of 3 bytes")
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader("ab")), 3
	_, err = ReadBody(resp, 3)
	assert.EqualError(t, err, "response was cut short: unexpected EOF")
}

// The beginning of an error's body is returned even if the server announces more than the limit, and at most 1 MiB of it is read.
func TestReadBodyOfAnErrorReturnsItsBeginning(t *testing.T) {
	for _, length := range []int64{-1, maxErrorBody + 1} {
		body := strings.NewReader(strings.Repeat("x", maxErrorBody+1))
		resp := &http.Response{StatusCode: http.StatusBadRequest, Body: io.NopCloser(body), ContentLength: length}
		got, err := ReadBody(resp, 10*maxErrorBody)
		assert.ErrorIs(t, err, ErrTooLarge)
		assert.Len(t, got, maxErrorBody)
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestGunzip(t *testing.T) {
	compressed := gzipped(t, "hello")
	for _, row := range []struct {
		name     string
		encoding []string
		body     []byte
		want     string
		wantErr  string
	}{
		{"gzip", []string{"gzip"}, compressed, "hello", ""},
		{"in capitals", []string{"GZIP"}, compressed, "hello", ""},
		{"no body", []string{"gzip"}, nil, "", ""},
		{"not compressed", nil, []byte("hello"), "hello", ""},
		{"another encoding", []string{"br"}, []byte("hello"), "hello", ""},
		{"two encodings", []string{"gzip", "gzip"}, compressed, string(compressed), ""},
		{"not gzip in spite of its header", []string{"gzip"}, []byte("hello, world"), "", "response was cut short: gzip: invalid header"},
		{"cut short", []string{"gzip"}, compressed[:len(compressed)-9], "hello", "response was cut short: unexpected EOF"},
		{"trailing data", []string{"gzip"}, append(bytes.Clone(compressed), "trailing data"...), "hello", "gzip: invalid header"},
	} {
		t.Run(row.name, func(t *testing.T) {
			header := http.Header{}
			for _, encoding := range row.encoding {
				header.Add("Content-Encoding", encoding)
			}
			header.Set("Content-Length", "99")
			body := io.NopCloser(bytes.NewReader(row.body))
			resp := &http.Response{StatusCode: http.StatusOK, Header: header, Body: body, ContentLength: 99}
			new(timeoutTransport).gunzip(resp)
			if len(row.encoding) == 1 && row.encoding[0] != "br" {
				assert.Empty(t, resp.Header, "headers that no longer apply are removed")
				assert.True(t, resp.Uncompressed)
				assert.EqualValues(t, -1, resp.ContentLength)
			} else {
				assert.EqualValues(t, 99, resp.ContentLength)
				resp.ContentLength = int64(len(row.body))
			}
			got, err := ReadBody(resp, 1000)
			assert.Equal(t, row.want, string(got))
			if row.wantErr == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, row.wantErr)
			}
		})
	}
}

// A small response that decompresses to a large one is limited by its decompressed size.
func TestReadBodyLimitsTheDecompressedSize(t *testing.T) {
	resp := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Encoding": {"gzip"}},
		Body: io.NopCloser(bytes.NewReader(gzipped(t, strings.Repeat("x", 100_000)))),
	}
	new(timeoutTransport).gunzip(resp)
	got, err := ReadBody(resp, 1000)
	assert.ErrorIs(t, err, ErrTooLarge)
	assert.Len(t, got, 1000)
}
