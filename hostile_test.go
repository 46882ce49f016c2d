package bigv_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
)

// argsThatEnd returns example arguments with which the method soon ends, whatever the service responds. A wait calls cancel when a poll
// has succeeded without ending it, and it gives up by itself after ten polls that fail.
func argsThatEnd(t *testing.T, m method, cancel func()) []any {
	t.Helper()
	wait := bigv.WaitOptions{MinInterval: 1, MaxInterval: 1, NotFoundGrace: 1, OnPoll: func(p bigv.Poll) {
		if p.Err == nil {
			cancel()
		}
	}}
	overrides := []any{
		wait, bigv.ShutdownOptions{Wait: wait, ForceAfter: 1},
		bigv.VMDefaultCreate{Account: bigv.AccountID(41), Name: "small"}, // the account needs no lookup, which would fail first
	}
	if strings.HasSuffix(m.name, ".Resolve") { // which sends nothing for a path with names
		overrides = append(overrides, bigv.GroupID(78), bigv.VirtualMachineID(5012), bigv.DiscID(900), bigv.NICID(6100),
			bigv.DiscID(900).Backup("nightly"))
	}
	return m.exampleArgs(t, overrides...)
}

// callThatEnds calls a method with arguments of argsThatEnd and records its attempts. It cancels KeepAlive, which would go on, soon after
// its first attempt.
func callThatEnds(ctx context.Context, cancel func(), m method, c *bigv.Client, log *attemptLog, args ...any) error {
	c, err := c.With(bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		log.mu.Lock()
		defer log.mu.Unlock()
		log.attempts = append(log.attempts, a)
		if m.name == "Sessions.KeepAlive" {
			time.AfterFunc(2*time.Millisecond, cancel)
		}
	}))
	if err != nil {
		return err
	}
	return errorOf(m.call(ctx, c, args...))
}

// endlessHeaders writes headers until the client has closed the connection.
func endlessHeaders(w http.ResponseWriter, _ *http.Request) {
	conn, ok := hijack(w)
	if !ok {
		return
	}
	defer conn.Close()
	_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	for err == nil {
		_, err = io.WriteString(conn, "X-A: "+strings.Repeat("a", 32<<10)+"\r\n")
	}
}

// TestHostileResponses calls every method of a service whose responses are meant to do harm. Each call ends by itself. It returns an
// error that names the problem, or succeeds if the response does not matter.
func TestHostileResponses(t *testing.T) {
	const notAnObject, notAList, notAText = "want an object", "want an array", "not a session ID"
	for _, tt := range []struct {
		name     string
		respond  http.HandlerFunc
		endless  bool     // the response is larger than any limit
		problems []string // of which each error must contain one
	}{
		{"a length of 10 GiB", respondWithLength, true, []string{"larger than the limit", "cut short", "unexpected EOF"}},
		{"an endless body", respondEndlessly(200, strings.Repeat(" ", 16<<10), nil), true,
			[]string{"larger than the limit", "too long", "longer", "limit"}},
		{"a gzip bomb", gzipBomb(t, 8<<20), true, []string{"larger than the limit", "limit", "longer"}},
		{"100,000 nested lists", fakeserver.Respond(200, strings.Repeat("[", 100_000)), false,
			[]string{"depth", "want an array", notAnObject, "larger"}},
		{"100,000 nested objects", fakeserver.Respond(200, strings.Repeat(`{"x":`, 100_000)), false,
			[]string{"depth", notAnObject, notAList, "larger"}},
		{"duplicate names", fakeserver.Respond(200, `{"id":1,"id":2}`), false, []string{"duplicate", notAnObject, notAList}},
		{"duplicate names in a list", fakeserver.Respond(200, `[{"id":1,"id":2}]`), false,
			[]string{"duplicate", "want an array", notAnObject, notAText}},
		{"wrong types", fakeserver.Respond(200, `{"id":true,"name":7}`), false, []string{"true", notAnObject, notAList}},
		{"wrong types in a list", fakeserver.Respond(200, `[true]`), false, []string{"true", "want an array", notAnObject, notAText}},
		{"invalid UTF-8", fakeserver.Respond(200, "{\"id\":1,\"name\":\"\xff\"}"), false, []string{"UTF-8", notAnObject, notAList}},
		{"a number out of range", fakeserver.Respond(200, `{"id":99999999999999999999}`), false, []string{"range", notAnObject, notAList}},
		{"an HTML page", fakeserver.Respond(200, "<html>log in</html>"), false, []string{"an HTML page"}},
		{"truncated JSON", fakeserver.Respond(200, `{"id":1,`), false, []string{"EOF", notAnObject, notAList}},
		{"a truncated list", fakeserver.Respond(200, `[{"id":1`), false, []string{"EOF", "want an array", notAnObject, notAText}},
		{"endless headers", endlessHeaders, true, []string{"header"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			picked := sample{step: 1}
			if testing.Short() {
				picked = newSample(t, 4)
			}
			srv := fakeserver.New(t, tt.respond)
			limit := int64(1 << 20) // which holds the nested objects
			if tt.endless {
				limit = 64 << 10
			}
			client := newClient(t, srv, bigv.WithMaxResponseSize(limit), once)
			problems := append(tt.problems, notSentText, "not found", "context canceled", "not a session ID",
				"does not contain the addresses", "the body is not JSON", "is missing")
			number, errs := 0, 0
			eachMethod(t, func(m method) {
				if number++; !picked.includes(number) {
					return
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				watchdog := time.AfterFunc(time.Minute, func() {
					assert.Fail(t, "the call does not end", m.name)
					cancel()
				})
				defer watchdog.Stop()
				err := callThatEnds(ctx, cancel, m, client, &attemptLog{}, argsThatEnd(t, m, cancel)...)
				assert.NotEmpty(t, srv.Reset(), "requests of %s: %v", m.name, err)
				if err == nil {
					return
				}
				errs++
				assert.NotContains(t, err.Error(), "panicked", m.name)
				assert.Less(t, len(err.Error()), 4<<10, m.name)
				named := false
				for _, problem := range problems {
					named = named || strings.Contains(err.Error(), problem)
				}
				assert.True(t, named, "%s does not name the problem: %v", m.name, err)
			})
			assert.Positive(t, errs, "errors")
		})
	}
}

// A response about another object than the requested one is not used, and nothing is written to that object.
func TestResponseWithAnotherID(t *testing.T) {
	for name, style := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		t.Run(name, func(t *testing.T) {
			srv := fakeserver.New(t, fakeserver.Table(t, fakeserver.Responses{
				"GET /virtual_machines/5012": `{"id":6000,"name":"db1","hostname":"db1.prod.acme.uk0.bigv.io","group_id":99}`,
				"GET /groups/78":             `{"id":79,"account_id":41,"name":"db"}`,
				"GET /discs/900":             `{"id":901,"label":"root","virtual_machine_id":5012}`,
			}))
			client := newClient(t, srv, bigv.WithURLStyle(style))
			for _, err := range []error{
				client.VirtualMachines.Purge(t.Context(), bigv.VirtualMachineID(5012)),
				client.Groups.Delete(t.Context(), bigv.GroupID(78)),
				errorOf(client.Discs.Resize(t.Context(), bigv.DiscID(900), 50_000)),
				errorOf(client.VirtualMachines.Get(t.Context(), bigv.VirtualMachineID(5012))),
			} {
				assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.ErrorContains(t, err, "the response contains the object with ID")
			}
			for _, request := range srv.Requests() {
				assert.Equal(t, http.MethodGet, request.Method, "%s", request)
			}
		})
	}
}
