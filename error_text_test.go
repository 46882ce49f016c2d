package bigv_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertOneLine asserts that the texts of an error and of its causes are single lines of at most 1 KiB that a terminal can show.
func assertOneLine(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		assert.LessOrEqual(t, len(text), 1<<10, "%.200q", text)
		assert.True(t, utf8.ValidString(text), "%.200q", text)
		for _, r := range text {
			if !unicode.IsPrint(r) {
				assert.Fail(t, "a character that does not print", "%q in %.200q", r, text)
				break
			}
		}
	}
}

// unprintable has characters that must not reach a terminal or a log: of control, of direction, line separators, invisible ones, and
// invalid UTF-8.
const unprintable = "\x1b[2J\r\n\x00\x7f\u0085\u009b\u00ad\u061c\u200b\u200d\u200e\u202e\u2028\u2029\u2060\u2066\u2069" +
	"\ufeff\U000e0041\xff\xc3"

// respondRaw responds with these bytes.
func respondRaw(response string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, ok := hijack(w)
		if !ok {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, response)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

// Whatever the server sends, and wherever, errors are short and in one line.
func TestErrorTextsAreShortLines(t *testing.T) {
	long := strings.Repeat("long ", 100<<10)
	quoted := strings.ToValidUTF8(strings.NewReplacer("\x00", `\u0000`, "\x1b", `\u001b`, "\r", `\r`, "\n", `\n`).Replace(unprintable), "")
	for name, text := range map[string]string{
		"unprintable": unprintable, "long": long, "both": strings.Repeat(unprintable, 1000), "escaped": quoted,
		"one long word": strings.Repeat("x", 600<<10),
	} {
		value := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text[:min(len(text), 100<<10)]) // may be in a header
		for what, handler := range map[string]http.HandlerFunc{
			"text":                  fakeserver.Respond(400, text),
			"field":                 fakeserver.Respond(400, `{"`+text+`":["`+text+`"]}`),
			"many fields":           fakeserver.Respond(400, `{"a":{"`+text+`":["`+text+`","x"],"b":[{"`+text+`":7}]}}`),
			"server error":          fakeserver.Respond(500, text),
			"page":                  fakeserver.Respond(502, "<"+text),
			"not JSON":              fakeserver.Respond(200, text),
			"page with status 200":  fakeserver.Respond(200, "<"+text),
			"name in another type":  fakeserver.Respond(200, `{"id":1,"discs":{"`+text+`":1}}`),
			"name in a list":        fakeserver.Respond(200, `[{"id":1,"discs":[{"id":{"`+text+`":1}}]}]`),
			"duplicate name":        fakeserver.Respond(200, `{"`+text+`":1,"`+text+`":2}`),
			"nested duplicate name": fakeserver.Respond(200, `{"id":1,"x":{"`+text+`":{"a":1,"a":2}}}`),
			"number":                fakeserver.Respond(200, `{"id":`+strings.Repeat("9", len(text))+`}`),
			"token":                 fakeserver.Respond(200, text),
			"reason":                respondRaw("HTTP/1.1 499 " + value + "\r\nContent-Length: 0\r\n\r\n"),
			"status line":           respondRaw(value + "\r\n\r\n"),
			"status":                respondRaw("HTTP/1.1 " + value + " OK\r\n\r\n"),
			"header":                respondRaw("HTTP/1.1 200 OK\r\n" + value + "\r\n\r\n"),
			"header value":          respondRaw("HTTP/1.1 200 OK\r\nX-A: " + value + "\r\nContent-Length: " + value + "\r\n\r\n"),
			"transfer encoding":     respondRaw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + value + "\r\n\r\n"),
			"content encoding":      respondRaw("HTTP/1.1 200 OK\r\nContent-Encoding: " + value + "\r\nContent-Length: 1\r\n\r\n?"),
			"location":              respondRaw("HTTP/1.1 302 Found\r\nLocation: " + value + "\r\nContent-Length: 0\r\n\r\n"),
			"host of a location":    respondRaw("HTTP/1.1 302 Found\r\nLocation: https://" + value + "/\r\nContent-Length: 0\r\n\r\n"),
			"chunk":                 respondRaw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + value + "\r\n"),
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				var log attemptLog
				srv := fakeserver.New(t, handler)
				client := newClient(t, srv, once, log.option())
				for _, op := range operations {
					if err := op.call(t.Context(), client); err != nil {
						assertOneLine(t, err)
					}
				}
				withLogin, err := client.With(bigv.WithCredentials("alice", "0pensesame"))
				require.NoError(t, err)
				assertOneLine(t, get(t.Context(), withLogin))
				_, err = client.VirtualMachines.Wait(t.Context(), www1, bigv.Deleted,
					bigv.WaitOptions{MinInterval: 1, MaxInterval: 1, Timeout: time.Second})
				assertOneLine(t, err)
				for _, a := range log.all() {
					assertOneLine(t, a.Err)
				}
			})
		}
	}
}

// A long text is cut short where the advice and the URL remain.
func TestLongErrorTextsKeepTheirEnd(t *testing.T) {
	long := strings.Repeat(`"attribute":"is wrong",`, 1) + fmt.Sprintf(`"x":%q`, strings.Repeat("is wrong ", 200))
	for status, end := range map[int]string{
		400: "/signal]", 500: "outcome unknown: the request may or may not have been applied; check before retrying [POST http://",
	} {
		err := start(t, fakeserver.Respond(status, "{"+long+"}"), once).VirtualMachines.Reset(t.Context(), www1)
		assert.ErrorContains(t, err, end)
		assert.ErrorContains(t, err, "bigv: reset virtual machine www1.web.acme: ")
		assert.ErrorContains(t, err, "attribute")
	}
}

// An error that is kept does not keep the response.
func TestErrorsDoNotPinResponses(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"text":                fakeserver.Respond(400, strings.Repeat("text ", 200_000)),
		"fields":              fakeserver.Respond(400, `{"a":"b","x":"`+strings.Repeat("text ", 200_000)+`"}`),
		"many fields":         fakeserver.Respond(400, `{"a":["b"`+strings.Repeat(`,"xxxxxxxxx"`, 80_000)+`]}`),
		"server error":        fakeserver.Respond(500, strings.Repeat("text ", 200_000)),
		"page":                fakeserver.Respond(200, "<"+strings.Repeat("text ", 200_000)),
		"name of a member":    fakeserver.Respond(200, `{"id":1,"x":{"`+strings.Repeat("x", 1<<20)+`":{"a":1,"a":2}}}`),
		"duplicate name":      fakeserver.Respond(200, `{"`+strings.Repeat("x", 1<<20)+`":1,"`+strings.Repeat("x", 1<<20)+`":1}`),
		"number":              fakeserver.Respond(200, `{"id":`+strings.Repeat("1", 1<<20)+`}`),
		"string":              fakeserver.Respond(200, `{"id":"`+strings.Repeat("1", 1<<20)+`"}`),
		"address":             fakeserver.Respond(200, `{"id":1,"management_address":"`+strings.Repeat("1", 1<<20)+`"}`),
		"number in a list":    fakeserver.Respond(200, `[{"id":`+strings.Repeat("1", 1<<20)+`}]`),
		"a list cut short":    fakeserver.Respond(200, `[{"id":1,"x":"`+strings.Repeat("1", 1<<20)),
		"an object cut short": fakeserver.Respond(200, `{"id":1,"x":"`+strings.Repeat("1", 1<<20)),
	} {
		client := start(t, handler, once)
		for _, op := range operations[:3] {
			const number = 8
			var kept [number]error
			heap := func() int64 {
				client.CloseIdleConnections()
				runtime.GC()
				runtime.GC()
				var stats runtime.MemStats
				runtime.ReadMemStats(&stats)
				return int64(stats.HeapAlloc)
			}
			_ = op.call(t.Context(), client)
			before := heap()
			for i := range kept {
				kept[i] = op.call(t.Context(), client)
				require.Error(t, kept[i], "%s: %s", name, op.name)
			}
			each := (heap() - before) / number
			assert.Less(t, each, int64(300<<10), "%s: %s keeps bytes: %.100v", name, op.name, kept[0])
			runtime.KeepAlive(kept)
		}
	}
}
