package bigv_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client follows redirects of reads within its base URL, and no others.
func TestRedirects(t *testing.T) {
	other := fakeserver.New(t, nil)
	var respond http.HandlerFunc
	recorder := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) { respond(w, r) })
	srv := httptest.NewTLSServer(recorder)
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "https://")
	client := clientFor(t, srv.URL, bigv.WithToken("t0ken"), bigv.WithHTTPClient(srv.Client()))

	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, tt := range []struct{ name, location, message string }{
			{"to the same host", srv.URL + "/moved", ""},
			{"to a path", "/moved", ""},
			{"to another host", "https://localhost.localdomain/moved", "to https://localhost.localdomain, another origin than " + srv.URL},
			{"to another port", other.URL() + "/moved", "another origin"},
			{"to plain HTTP", "http://" + host + "/moved", "to http://" + host + ", another origin than " + srv.URL},
			{"to a user of another host", "https://t0ken@localhost.localdomain/", "another origin"},
			{"to an empty host", "//", "stopped after 10 redirects"},
			{"in a loop", "/again", "stopped after 10 redirects"},
		} {
			t.Run(fmt.Sprintf("%d %s", status, tt.name), func(t *testing.T) {
				respond = func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/moved" {
						fakeserver.Respond(200, fakeserver.VirtualMachine5012)(w, r)
						return
					}
					fakeserver.Respond(status, "", "Location", tt.location)(w, r)
				}
				for _, op := range operations {
					err := op.call(t.Context(), client)
					requests := recorder.Reset()
					if op.class == safe && tt.message == "" {
						if op.name == "get" { // the others want a list
							assert.NoError(t, err)
						}
						require.Len(t, requests, 2, op.name)
						assert.Equal(t, "Bearer t0ken", requests[1].Header.Get("Authorization"))
						continue
					}
					assert.ErrorIs(t, err, bigv.ErrRedirect, op.name)
					assert.Equal(t, op.class != safe, errors.Is(err, bigv.ErrOutcomeUnknown), op.name)
					e, ok := errors.AsType[*bigv.Error](err)
					require.True(t, ok)
					assert.Equal(t, 1, e.Attempts, "a retry would be redirected again")
					if op.class == safe {
						assert.ErrorContains(t, err, tt.message)
					} else {
						assert.Len(t, requests, 1, "redirects of writes are not followed: %s", op.name)
						assert.ErrorContains(t, err, "the response to a "+op.method+" redirects")
					}
				}
			})
		}
	}
	assert.Empty(t, other.Requests(), "requests to another port")

	respond = fakeserver.Respond(302, "no location")
	e, ok := errors.AsType[*bigv.Error](get(t.Context(), client))
	require.True(t, ok)
	assert.Equal(t, 302, e.StatusCode)
	respond = fakeserver.Respond(302, "", "Location", "https://[::1")
	assert.Error(t, get(t.Context(), client), "a location that is not a URL")
}
