package bigv_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDoPaths(t *testing.T) {
	var uri string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uri = r.RequestURI
		replying(200, "{}")(w, r)
	}))
	t.Cleanup(srv.Close)
	for _, base := range []string{"", "/gate", "/ga%20te"} {
		client := clientFor(t, srv.URL+base+"/", bigv.WithToken("t0ken"))
		for _, row := range []struct{ name, path, sent string }{
			{"plain", "/accounts/acme", "/accounts/acme"},
			{"an escaped slash stays one", "/accounts/a%2Fb", "/accounts/a%2Fb"},
			{"what is not escaped is", "/accounts/a b", "/accounts/a%20b"},
			{"what is escaped in part is escaped", "/accounts/a%2Fb c", "/accounts/a%2Fb%20c"},
			{"nothing climbs", "/accounts/..%2F..%2Fadmin x", "/accounts/..%2F..%2Fadmin%20x"},
			{"a question mark in a segment", "/accounts/a%3Fb=c", "/accounts/a%3Fb=c"},
			{"a percent sign in a segment", "/accounts/50%25", "/accounts/50%25"},
			{"a hash is no fragment", "/accounts/a#b", "/accounts/a%23b"},
			{"braces are no placeholders", "/accounts/{account}", "/accounts/%7Baccount%7D"},
			{"an IPv6 address keeps its colons", "/ips/2001:db8::1", "/ips/2001:db8::1"},
			{"more than ASCII", "/accounts/ä", "/accounts/%C3%A4"},
			{"a query", "/discs?vm_id=7&view=a%26b", "/discs?view=a%26b&vm_id=7"},
			{"a query without a value", "/discs/7?purge", "/discs/7?purge="},
			{"an empty query", "/discs?", "/discs"},
		} {
			t.Run(base+" "+row.name, func(t *testing.T) {
				uri = ""
				require.NoError(t, client.Do(t.Context(), "POST", row.path, nil, nil))
				assert.Equal(t, base+row.sent, uri)
			})
		}
		require.NoError(t, client.Do(t.Context(), "POST", "/discs?vm_id=7", nil, nil, bigv.WithQuery("vm_id", "8"), bigv.WithView(bigv.Overview), bigv.WithDeleted()))
		assert.Equal(t, base+"/discs?include_deleted=true&view=overview&vm_id=8&vm_id=7", uri)
	}
}

func TestDoRefuses(t *testing.T) {
	var arrived atomic.Int64
	client := start(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	for _, row := range []struct{ name, method, path, says string }{
		{"no path", "GET", "", "must begin with /"},
		{"a relative path", "GET", "accounts", "must begin with /"},
		{"another host", "GET", "https://evil.example/accounts", "must begin with /"},
		{"another host without a scheme", "GET", "//evil.example/accounts", "is empty"},
		{"a user and another host", "GET", "@evil.example/accounts", "must begin with /"},
		{"nothing but a slash", "GET", "/", "is empty"},
		{"an empty segment", "GET", "/accounts//groups", "is empty"},
		{"a slash at the end", "GET", "/accounts/", "is empty"},
		{"a dot", "GET", "/./accounts", "another endpoint"},
		{"two dots", "GET", "/accounts/..", "another endpoint"},
		{"two dots, escaped", "GET", "/accounts/%2e%2E/admin", "another endpoint"},
		{"a NUL", "GET", "/accounts/%00", "control character"},
		{"a line break", "GET", "/accounts/a\nb", "control character"},
		{"a bad escape", "GET", "/accounts/%zz", "%zz"},
		{"invalid UTF-8", "GET", "/accounts/%ff", "UTF-8"},
		{"an ID of zero", "GET", "/discs/0", "greater than zero"},
		{"an ID below zero", "GET", "/discs/-5", "greater than zero"},
		{"a bad escape in the query", "GET", "/discs?a=%zz", "%zz"},
		{"a semicolon in the query", "GET", "/discs?a;b", "semicolon"},
		{"another method", "PATCH", "/discs/7", "none of GET, POST, PUT and DELETE"},
		{"HEAD", "HEAD", "/discs/7", "none of"},
		{"no method", "", "/discs/7", "none of"},
		{"a method in lower case", "get", "/discs/7", "none of"},
		{"a method that is a request", "GET / HTTP/1.1\r\n", "/discs/7", "none of"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := client.Do(t.Context(), row.method, row.path, nil, nil)
			assert.ErrorContains(t, err, row.says)
			assert.ErrorContains(t, err, "nothing was sent")
		})
	}
	for name, body := range map[string]any{"a channel": make(chan int), "a function": func() {}, "invalid UTF-8": "\xff"} {
		assert.ErrorContains(t, client.Do(t.Context(), "POST", "/discs", body, nil), "nothing was sent", name)
	}
	assert.ErrorContains(t, client.Do(t.Context(), "POST", "/discs", bigv.GroupCreate{}, nil), "nothing was sent", "a body is checked as it is elsewhere")
	assert.Zero(t, arrived.Load())
}

func TestDoAnswers(t *testing.T) {
	type thing struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	for _, row := range []struct {
		name, method string
		handler      http.HandlerFunc
		want         thing
		is           error
		unknown      bool
	}{
		{"an object", "GET", replying(200, `{"id":7,"name":"x","more":true}`), thing{7, "x"}, nil, false},
		{"a number that is a string", "POST", replying(201, `{"id":"7"}`), thing{7, "kept"}, nil, false},
		{"nothing after a write leaves the answer as it was", "PUT", replying(200, " {}"), thing{1, "kept"}, nil, false},
		{"no content", "DELETE", replying(204, ""), thing{1, "kept"}, nil, false},
		{"nothing after a read", "GET", replying(200, ""), thing{}, bigv.ErrInvalidResponse, false},
		{"duplicate members", "GET", replying(200, `{"id":7,"id":8}`), thing{}, bigv.ErrInvalidResponse, false},
		{"invalid UTF-8", "GET", replying(200, "{\"name\":\"\xff\"}"), thing{}, bigv.ErrInvalidResponse, false},
		{"something after the end", "GET", replying(200, "{} {}"), thing{}, bigv.ErrInvalidResponse, false},
		{"the wrong type", "POST", replying(200, `[]`), thing{}, bigv.ErrInvalidResponse, true},
		{"cut short", "PUT", cutShort("Content-Length", "100"), thing{}, bigv.ErrInvalidResponse, true},
		{"404", "GET", replying(404, ""), thing{}, bigv.ErrNotFound, false},
		{"500", "POST", replying(500, ""), thing{}, bigv.ErrServer, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			client := start(t, row.handler)
			answer := thing{1, "kept"}
			err := client.Do(t.Context(), row.method, "/things/7", nil, &answer)
			if row.is != nil {
				assert.ErrorIs(t, err, row.is)
				assert.Equal(t, row.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, answer)
		})
	}
}

func TestDoClasses(t *testing.T) {
	for method, attempts := range map[string]int64{"GET": 2, "DELETE": 2, "PUT": 1, "POST": 1} {
		var arrived atomic.Int64
		client := start(t, func(w http.ResponseWriter, r *http.Request) {
			if arrived.Add(1) == 1 {
				hangUp(w, r)
			}
			// A DELETE that was carried out the first time.
			replying(map[string]int{"DELETE": 404}[r.Method]+map[string]int{"GET": 200}[r.Method], "{}")(w, r)
		})
		err := client.Do(t.Context(), method, "/things/7", nil, nil)
		assert.Equal(t, attempts, arrived.Load(), method)
		assert.Equal(t, attempts == 1, errors.Is(err, bigv.ErrOutcomeUnknown), method)
		assert.Equal(t, attempts == 2, err == nil, "%s: %v", method, err)
	}
}

func TestCallOptions(t *testing.T) {
	var header http.Header
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		replying(200, "{}", "X-Answer", "yes")(w, r)
	})
	t.Run("headers", func(t *testing.T) {
		for _, row := range []struct{ name, key, value, says string }{
			{"one more", "X-Request-Id", "7", ""},
			{"a tab", "X-Request-Id", "a\tb", ""},
			{"the token", "authorization", "Bearer other", "belongs to the client"},
			{"the host", "HOST", "evil.example", "belongs to the client"},
			{"the length", "Content-Length", "0", "belongs to the client"},
			{"the type", "Content-Type", "text/plain", "belongs to the client"},
			{"the encoding of the answer", "accept-encoding", "gzip", "belongs to the client"},
			{"what has net/http send it again", "idempotency-key", "1", "sent again"},
			{"what has net/http send it again, too", "X-Idempotency-Key", "1", "sent again"},
			{"a name with a space", "X Y", "1", "holds what a header cannot"},
			{"a name with a colon", "X:", "1", "holds what a header cannot"},
			{"a name that is a line", "X\r\nY", "1", "holds what a header cannot"},
			{"more than ASCII in a name", "Ä", "1", "holds what a header cannot"},
			{"no name", "", "1", "holds what a header cannot"},
			{"a value of two lines", "X", "1\r\nAuthorization: Bearer other", "holds what a header cannot"},
			{"a NUL in a value", "X", "\x00", "holds what a header cannot"},
		} {
			t.Run(row.name, func(t *testing.T) {
				header = nil
				err := client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithHeader(row.key, row.value))
				if row.says != "" {
					assert.ErrorContains(t, err, row.says)
					assert.ErrorContains(t, err, "nothing was sent")
					assert.NotContains(t, err.Error(), row.value+"x")
					assert.Nil(t, header)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, row.value, header.Get(row.key))
				assert.Equal(t, "Bearer t0ken", header.Get("Authorization"))
			})
		}
	})
	t.Run("mistakes are reported together, and nil is none", func(t *testing.T) {
		err := client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithResponse(nil), nil, bigv.WithHeader("", ""))
		assert.ErrorContains(t, err, "the response to fill in is nil")
		assert.ErrorContains(t, err, "holds what a header cannot")
		assert.NoError(t, client.Do(t.Context(), "POST", "/x", nil, nil, nil))
	})
	t.Run("the response of the last exchange", func(t *testing.T) {
		var meta bigv.Response
		require.NoError(t, client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithResponse(&meta)))
		assert.Equal(t, 200, meta.StatusCode)
		assert.Equal(t, 1, meta.Attempts)
		assert.Equal(t, "yes", meta.Header.Get("X-Answer"))
		require.Error(t, client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithResponse(&meta), bigv.WithHeader("", "")))
		assert.Zero(t, meta, "nothing was sent, and it says so")
	})
	t.Run("the caller's slice is left alone", func(t *testing.T) {
		opts := make([]bigv.CallOption, 1, 8)
		opts[0] = bigv.WithDeleted()
		require.NoError(t, client.Do(t.Context(), "GET", "/x?a=1&b=2", nil, nil, opts...))
		_, err := client.VirtualMachines.Resolve(t.Context(), bigv.VirtualMachineID(7), opts...)
		assert.Error(t, err)
		for _, opt := range opts[:8][1:] {
			assert.Nil(t, opt)
		}
	})
	//lint:ignore SA1012 a nil context is a mistake that is told
	assert.ErrorContains(t, client.Do(nil, "GET", "/x", nil, nil), "the context is nil")
	var noGroup *bigv.Group
	for _, answer := range []any{bigv.Group{}, noGroup, map[string]any{}} {
		assert.ErrorContains(t, client.Do(t.Context(), "POST", "/x", nil, answer), "give a pointer: nothing was sent")
	}
}
