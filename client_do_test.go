package bigv_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDoPaths(t *testing.T) {
	srv := fakeserver.New(t, fakeserver.Respond(200, "{}"))
	for _, base := range []string{"", "/gate", "/ga%20te"} {
		client := clientFor(t, srv.URL()+base+"/", bigv.WithToken("t0ken"))
		for _, tt := range []struct{ name, path, want string }{
			{"no escapes", "/accounts/acme", "/accounts/acme"},
			{"an escaped slash", "/accounts/a%2Fb", "/accounts/a%2Fb"},
			{"a character to be escaped", "/accounts/a b", "/accounts/a%20b"},
			{"escaped in part", "/accounts/a%2Fb c", "/accounts/a%2Fb%20c"},
			{"escaped path traversal", "/accounts/..%2F..%2Fadmin x", "/accounts/..%2F..%2Fadmin%20x"},
			{"a question mark in a segment", "/accounts/a%3Fb=c", "/accounts/a%3Fb=c"},
			{"a percent sign in a segment", "/accounts/50%25", "/accounts/50%25"},
			{"a hash, which does not begin a fragment", "/accounts/a#b", "/accounts/a%23b"},
			{"braces, which are no placeholder", "/accounts/{account}", "/accounts/%7Baccount%7D"},
			{"an IPv6 address", "/ips/2001:db8::1", "/ips/2001:db8::1"},
			{"not ASCII", "/accounts/ä", "/accounts/%C3%A4"},
			{"a query", "/discs?vm_id=7&view=a%26b", "/discs?view=a%26b&vm_id=7"},
			{"a query without a value", "/discs/7?purge", "/discs/7?purge="},
			{"an empty query", "/discs?", "/discs"},
		} {
			t.Run(base+" "+tt.name, func(t *testing.T) {
				require.NoError(t, client.Do(t.Context(), "POST", tt.path, nil, nil))
				assert.Equal(t, "POST "+base+tt.want+" {}", srv.Reset()[0].String(), "a POST always has a body")
			})
		}
		err := client.Do(t.Context(), "POST", "/discs?vm_id=7", nil, nil,
			bigv.WithQuery("vm_id", "8"), bigv.WithView(bigv.Overview), bigv.WithDeleted())
		require.NoError(t, err)
		assert.Equal(t, "POST "+base+"/discs?include_deleted=true&view=overview&vm_id=8&vm_id=7 {}", srv.Reset()[0].String())
		require.NoError(t, client.Do(t.Context(), "PUT", "/discs/7", struct{}{}, nil))
		assert.Equal(t, "PUT "+base+"/discs/7 {}", srv.Reset()[0].String(), "an empty PUT may mean something to other endpoints")
	}
}

func TestDoRejectsInvalidRequests(t *testing.T) {
	srv := fakeserver.New(t, nil)
	client := newClient(t, srv)
	for _, tt := range []struct{ name, method, path, message string }{
		{"no path", "GET", "", "must begin with /"},
		{"a relative path", "GET", "accounts", "must begin with /"},
		{"another host", "GET", "https://evil.example/accounts", "must begin with /"},
		{"another host without a scheme", "GET", "//evil.example/accounts", "is empty"},
		{"a user name and another host", "GET", "@evil.example/accounts", "must begin with /"},
		{"only a slash", "GET", "/", "is empty"},
		{"an empty segment", "GET", "/accounts//groups", "is empty"},
		{"a slash at the end", "GET", "/accounts/", "is empty"},
		{"a dot", "GET", "/./accounts", "is not allowed"},
		{"two dots", "GET", "/accounts/..", "is not allowed"},
		{"two dots, escaped", "GET", "/accounts/%2e%2E/admin", "is not allowed"},
		{"a NUL", "GET", "/accounts/%00", "control character"},
		{"a line break", "GET", "/accounts/a\nb", "control character"},
		{"a bad escape", "GET", "/accounts/%zz", "%zz"},
		{"invalid UTF-8", "GET", "/accounts/%ff", "UTF-8"},
		{"ID zero", "GET", "/discs/0", "greater than zero"},
		{"a negative ID", "GET", "/discs/-5", "greater than zero"},
		{"a bad escape in the query", "GET", "/discs?a=%zz", "%zz"},
		{"a semicolon in the query", "GET", "/discs?a;b", "semicolon"},
		{"PATCH", "PATCH", "/discs/7", "not GET, POST, PUT or DELETE"},
		{"HEAD", "HEAD", "/discs/7", "not GET, POST, PUT or DELETE"},
		{"no method", "", "/discs/7", "not GET, POST, PUT or DELETE"},
		{"a lower-case method", "get", "/discs/7", "not GET, POST, PUT or DELETE"},
		{"a method that contains a request line", "GET / HTTP/1.1\r\n", "/discs/7", "not GET, POST, PUT or DELETE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := client.Do(t.Context(), tt.method, tt.path, nil, nil)
			assert.ErrorContains(t, err, tt.message)
			assert.ErrorContains(t, err, notSentText)
		})
	}
	for name, body := range map[string]any{"a channel": make(chan int), "a function": func() {}, "invalid UTF-8": "\xff"} {
		assert.ErrorContains(t, client.Do(t.Context(), "POST", "/discs", body, nil), notSentText, name)
	}
	assert.ErrorContains(t, client.Do(t.Context(), "POST", "/discs", bigv.GroupCreate{}, nil), notSentText,
		"a body is validated as it is by the services")
	//lint:ignore SA1012 a nil context must be rejected
	assert.ErrorContains(t, client.Do(nil, "GET", "/x", nil, nil), "context is nil")
	var nilGroup *bigv.Group
	for _, result := range []any{bigv.Group{}, nilGroup, map[string]any{}} {
		assert.ErrorContains(t, client.Do(t.Context(), "POST", "/x", nil, result), "result must be a non-nil pointer")
	}
	assert.Empty(t, srv.Requests())
}

func TestDoResponses(t *testing.T) {
	type object struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	for _, tt := range []struct {
		name, method string
		handler      http.HandlerFunc
		want         object
		is           error
		unknown      bool
	}{
		{"an object", "GET", fakeserver.Respond(200, `{"id":7,"name":"x","more":true}`), object{7, "x"}, nil, false},
		{"a number in quotes", "POST", fakeserver.Respond(201, `{"id":"7"}`), object{7, "unchanged"}, nil, false},
		{"an empty object after a write", "PUT", fakeserver.Respond(200, " {}"), object{1, "unchanged"}, nil, false},
		{"no content after a write", "DELETE", fakeserver.Respond(204, ""), object{1, "unchanged"}, nil, false},
		{"no content after a read", "GET", fakeserver.Respond(200, ""), object{}, bigv.ErrInvalidResponse, false},
		{"duplicate names", "GET", fakeserver.Respond(200, `{"id":7,"id":8}`), object{}, bigv.ErrInvalidResponse, false},
		{"invalid UTF-8", "GET", fakeserver.Respond(200, "{\"name\":\"\xff\"}"), object{}, bigv.ErrInvalidResponse, false},
		{"data after the end", "GET", fakeserver.Respond(200, "{} {}"), object{}, bigv.ErrInvalidResponse, false},
		{"the wrong type", "POST", fakeserver.Respond(200, `[]`), object{}, bigv.ErrInvalidResponse, true},
		{"truncated", "PUT", truncate("Content-Length", "100"), object{}, bigv.ErrInvalidResponse, true},
		{"404", "GET", fakeserver.Respond(404, ""), object{}, bigv.ErrNotFound, false},
		{"500", "POST", fakeserver.Respond(500, ""), object{}, bigv.ErrServer, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result := object{1, "unchanged"}
			err := start(t, tt.handler).Do(t.Context(), tt.method, "/things/7", nil, &result)
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
				assert.Equal(t, tt.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, result)
		})
	}
}

// Do retries only GET and DELETE after the connection was lost.
func TestDoRetries(t *testing.T) {
	for _, tt := range []struct {
		method string
		second int // status of the second attempt
		retry  bool
	}{
		{"GET", 200, true},
		{"DELETE", 404, true}, // because the first attempt deleted it
		{"PUT", 200, false},
		{"POST", 200, false},
	} {
		t.Run(tt.method, func(t *testing.T) {
			srv := fakeserver.New(t, sequence(closeConnection, fakeserver.Respond(tt.second, "{}")))
			err := newClient(t, srv).Do(t.Context(), tt.method, "/things/7", nil, nil)
			if tt.retry {
				assert.NoError(t, err)
				assert.Len(t, srv.Requests(), 2)
				return
			}
			assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
			assert.Len(t, srv.Requests(), 1)
		})
	}
}
