package fakeserver_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// send sends a request and returns "status body".
func send(t *testing.T, srv *fakeserver.Server, method, path, body string, headers ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := srv.HTTPClient().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.Status[:3] + " " + string(text)
}

func TestRequestsAreRecordedExactly(t *testing.T) {
	srv := fakeserver.New(t, nil)
	assert.Nil(t, srv.Sent())
	send(t, srv, "GET", "/groups/a%2Fb/c%20d?x=1%202&y", "")
	send(t, srv, "PUT", "/discs/900", `{"label": "data"}`, "X-Trace", "7")
	assert.Equal(t, []string{"GET /groups/a%2Fb/c%20d?x=1%202&y", `PUT /discs/900 {"label": "data"}`}, srv.Sent())
	assert.Equal(t, "7", srv.Requests()[1].Header.Get("X-Trace"))
	assert.Len(t, srv.Reset(), 2)
	assert.Nil(t, srv.Sent())
}

func TestStringsOfARequest(t *testing.T) {
	srv := fakeserver.New(t, nil)
	send(t, srv, "POST", "/users/a%2Fb", `{"name":"\u0061x","list":[{"deep":"y"},1]}`, "Authorization", "Bearer t0ken")
	assert.ElementsMatch(t, []string{"users", "a/b", "t0ken", "ax", "y"}, srv.Requests()[0].Strings())
}

func TestTable(t *testing.T) {
	srv := fakeserver.New(t, fakeserver.Table(t, fakeserver.Responses{
		"GET /a%2Fb": "plain",
		"GET /seq":   fakeserver.Sequence("503", "201 two"),
		"PUT":        "204",
		"PUT /named": "200 @file.txt",
	}))
	assert.Equal(t, "200 plain", send(t, srv, "GET", "/a%2Fb?ignored=1", ""))
	assert.Equal(t, "503 ", send(t, srv, "GET", "/seq", ""))
	assert.Equal(t, "201 two", send(t, srv, "GET", "/seq", ""))
	assert.Equal(t, "201 two", send(t, srv, "GET", "/seq", ""), "the last response is repeated")
	assert.Equal(t, "204 ", send(t, srv, "PUT", "/anything", ""))
	assert.Equal(t, "200 content\n", send(t, srv, "PUT", "/named", ""))
	assert.Equal(t, "200 []", send(t, srv, "GET", "/groups", ""), "Service responds to the rest")
}

func TestService(t *testing.T) {
	srv := fakeserver.New(t, fakeserver.Service)
	for request, want := range map[string]string{
		"GET /accounts":                         "200 []",
		"GET /accounts/acme":                    `200 {"id":41,"name":"acme"}`,
		"GET /virtual_machines/5012":            "200 " + fakeserver.VirtualMachine5012,
		"GET /accounts/acme/groups/web":         `200 {"id":1}`,
		"GET /users/12":                         `200 {"id":12}`,
		"PUT /virtual_machines/7":               `200 {"id":7}`,
		"POST /accounts/acme/groups":            `201 {"id":1}`,
		"POST /session":                         "200 s3ss10n",
		"DELETE /accounts/acme/groups/web/anyt": "204 ",
	} {
		method, path, _ := strings.Cut(request, " ")
		assert.Equal(t, want, send(t, srv, method, path, ""), request)
	}
}

func TestRespond(t *testing.T) {
	srv := fakeserver.New(t, fakeserver.Respond(418, "tea", "Retry-After", "7"))
	resp, err := srv.HTTPClient().Get(srv.URL())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 418, resp.StatusCode)
	assert.Equal(t, "7", resp.Header.Get("Retry-After"))
}

func TestSharedServersAreSeparate(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		shared := fakeserver.NewShared(t, http2)
		proto := ""
		one := shared.New(func(w http.ResponseWriter, r *http.Request) {
			proto = r.Proto
			_, _ = io.WriteString(w, r.URL.EscapedPath())
		})
		two := shared.New(nil)
		assert.Equal(t, "200 /a%2Fb", send(t, one, "GET", "/a%2Fb", ""), "the handler does not see the prefix")
		assert.Equal(t, "204 ", send(t, two, "DELETE", "/x", ""))
		assert.Equal(t, []string{"GET /a%2Fb"}, one.Sent())
		assert.Equal(t, []string{"DELETE /x"}, two.Sent())
		assert.Equal(t, http2, proto == "HTTP/2.0")
		resp, err := one.HTTPClient().Get(strings.TrimSuffix(one.URL(), "/1") + "/9/x")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusTeapot, resp.StatusCode, "a prefix that no server has")
	}
}

func TestAuth(t *testing.T) {
	auth := fakeserver.NewAuth(nil)
	srv := fakeserver.New(t, auth.ServeHTTP)
	get := func(token string) string { return send(t, srv, "GET", "/groups", "", "Authorization", "Bearer "+token) }

	assert.Equal(t, "401 invalid session", get(""), "before the first login")
	assert.Equal(t, "200  session-1\r\n", send(t, srv, "POST", "/session", `{"username":"alice","validity":5}`))
	assert.Equal(t, "200 []", get("session-1"))
	stale := 0
	auth.Expire(func() { stale++ })
	assert.Equal(t, "401 invalid session", get("session-1"))
	assert.Equal(t, 1, stale)
	assert.Equal(t, []string{"Bearer session-1"}, auth.Authorizations(), "since the session expired")

	auth.RefuseLogins(fakeserver.Respond(403, "no"))
	assert.Equal(t, "403 no", send(t, srv, "POST", "/session", `{"username":"bob"}`))
	auth.RefuseLogins(nil)
	assert.Equal(t, "200  session-3\r\n", send(t, srv, "POST", "/session", ""))
	assert.Equal(t, "401 invalid session", get("session-1"))
	assert.Equal(t, "200 []", get("session-3"))
	assert.Equal(t, []map[string]string{{"username": "alice"}, {"username": "bob"}, {}}, auth.LoginFields())
}
