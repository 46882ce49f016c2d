package bigvtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

const loginBob = `{"username":"bob","password":"bob-password"}`

func TestLogin(t *testing.T) {
	const jsonKind = "application/json"
	for name, row := range map[string]struct {
		contentType string
		body        string
		status      int
		wantBody    string // with status 200, "" means a session ID
	}{
		"name and password":             {jsonKind, loginBob, 200, ""},
		"names are not case sensitive":  {jsonKind, `{"username":"BOB","password":"bob-password"}`, 200, ""},
		"a form, as old clients send":   {"application/x-www-form-urlencoded", "username=bob&password=bob-password", 200, ""},
		"validity as a string":          {jsonKind, `{"username":"bob","password":"bob-password","validity":"1800"}`, 200, ""},
		"validity as a number":          {jsonKind, `{"username":"bob","password":"bob-password","validity":1800}`, 200, ""},
		"validity that is none":         {jsonKind, `{"username":"bob","password":"bob-password","validity":"long"}`, 200, ""},
		"what is not known is dropped":  {jsonKind, `{"username":"bob","password":"bob-password","colour":"red"}`, 200, ""},
		"a wrong password":              {jsonKind, `{"username":"bob","password":"wrong"}`, 403, ""},
		"a user that is not there":      {jsonKind, `{"username":"eve","password":"bob-password"}`, 403, ""},
		"no password":                   {jsonKind, `{"username":"bob"}`, 400, "Badly-formed parameters"},
		"no name":                       {jsonKind, `{"password":"bob-password"}`, 400, "Badly-formed parameters"},
		"no JSON":                       {jsonKind, `username=bob`, 400, "Badly-formed parameters"},
		"a list":                        {jsonKind, `[]`, 400, "Badly-formed parameters"},
		"a form that is none":           {"application/x-www-form-urlencoded", "%zz", 400, "Badly-formed parameters"},
		"text":                          {"text/plain", loginBob, 400, "Badly-formed parameters"},
		"nothing said of what it is":    {"", loginBob, 400, "Badly-formed parameters"},
		"no second factor":              {jsonKind, `{"username":"carol","password":"carol-password"}`, 403, "Missing 2FA"},
		"a wrong second factor":         {jsonKind, `{"username":"carol","password":"carol-password","2fa":"000000"}`, 403, "Authentication failed"},
		"another kind of second factor": {jsonKind, `{"username":"carol","password":"carol-password","yubikey":"123456"}`, 403, "Missing 2FA"},
		"no password and a code":        {jsonKind, `{"username":"carol","password":"wrong","2fa":"123456"}`, 403, ""},
		"the second factor":             {jsonKind, `{"username":"carol","password":"carol-password","2fa":"123456"}`, 200, ""},
		"no yubikey":                    {jsonKind, `{"username":"dave","password":"dave-password"}`, 403, "Authentication failed"},
		"the yubikey":                   {jsonKind, `{"username":"dave","password":"dave-password","yubikey":"cccccc"}`, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			srv.User("carol").SetSecondFactor("2fa", "123456")
			srv.User("dave").SetSecondFactor("yubikey", "cccccc")
			client := srv.HTTPClient()
			defer client.CloseIdleConnections()
			login := func() response {
				r, err := http.NewRequest(http.MethodPost, srv.AuthURL()+"/session", strings.NewReader(row.body))
				require.NoError(t, err)
				r.Header = http.Header{"Accept": {"text/plain"}}
				if row.contentType != "" {
					r.Header.Set("Content-Type", row.contentType)
				}
				resp, err := client.Do(r)
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return response{resp.StatusCode, resp.Header.Get("Content-Type"), string(body), resp.Header}
			}
			got := login()
			require.Equal(t, row.status, got.status, got.body)
			if row.status != 200 {
				assert.Equal(t, row.wantBody, got.body)
				return
			}
			assert.Equal(t, "text/plain; charset=utf-8", got.contentType)
			assert.NotContains(t, got.body, "\n")
			session := send(t, srv, "", "GET /session/"+got.body, "")
			assert.Equal(t, http.StatusOK, session.status)
			assert.NotContains(t, session.body, got.body)
			assert.Equal(t, http.StatusOK, send(t, srv, got.body, "GET /accounts", "").status)
			if strings.Contains(row.body, "2fa") || strings.Contains(row.body, "yubikey") {
				assert.Equal(t, http.StatusForbidden, login().status, "a code is good for one login")
			}
		})
	}
}

func TestGetSession(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("carol").SetSecondFactor("2fa", "123456")
	id := send(t, srv, "", "POST /session", `{"username":"carol","password":"carol-password","2fa":"123456"}`).body
	assert.JSONEq(t, `{"username":"carol","factors":["password","2fa"],"group_memberships":[]}`, send(t, srv, "", "GET /session/"+id, "").body)
	assert.Equal(t, http.StatusNotFound, send(t, srv, "", "GET /session/"+id+"0", "").status)
	assert.Equal(t, http.StatusNotFound, send(t, srv, "", "GET /session/apikey."+srv.APIKey(), "").status, "an API key has no session")
}

func TestSessionsAreExtendedByUse(t *testing.T) {
	const soon = bigvtest.SessionTime - time.Second
	for name, row := range map[string]struct {
		validity string
		use      string // request that is sent three times, just before the session would expire
		want     int    // status afterwards
	}{
		"left alone":                {"", "", 401},
		"used":                      {"", "GET /accounts", 200},
		"used in vain":              {"", "GET /accounts/hidden", 200},
		"asked for":                 {"", "GET /session/", 200},
		"used without being needed": {"", "GET /definitions", 200},
		"long from the start":       {"1200", "", 200},
		"long, and used":            {"1200", "GET /accounts", 200},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			id := send(t, srv, "", "POST /session", `{"username":"bob","password":"bob-password","validity":"`+row.validity+`"}`).body
			for range 3 {
				srv.Advance(soon)
				if request := row.use; request != "" {
					if strings.HasSuffix(request, "/session/") {
						request += id
					}
					send(t, srv, id, request, "")
				}
			}
			assert.Equal(t, row.want, send(t, srv, id, "GET /accounts", "").status)
			srv.Advance(bigvtest.LongestSessionTime)
			assert.Equal(t, http.StatusUnauthorized, send(t, srv, id, "GET /accounts", "").status)
			assert.Equal(t, http.StatusNotFound, send(t, srv, "", "GET /session/"+id, "").status)
		})
	}
}

func TestSessionExpiry(t *testing.T) {
	srv := bigvtest.NewServer(t)
	for name, row := range map[string]struct {
		validity string
		lasts    time.Duration
	}{
		"five minutes": {"", bigvtest.SessionTime}, "as asked": {"1800", 30 * time.Minute}, "the longest": {"7200", bigvtest.LongestSessionTime},
	} {
		t.Run(name, func(t *testing.T) {
			for after, want := range map[time.Duration]int{row.lasts + justBefore: 200, row.lasts: 401} {
				id := send(t, srv, "", "POST /session", `{"username":"bob","password":"bob-password","validity":"`+row.validity+`"}`).body
				send(t, srv, id, "GET /accounts", "") // must not shorten a long session
				srv.Advance(after)
				assert.Equal(t, want, send(t, srv, id, "GET /accounts", "").status, after)
			}
		})
	}
}

func TestImpersonation(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("root").Grant(bigv.ClusterAdmin, nil)
	staff := srv.User("root").Token()
	as := send(t, srv, "", "POST /session/"+staff, `{"username":"alice"}`)
	require.Equal(t, http.StatusOK, as.status)
	assert.JSONEq(t, `{"username":"alice","factors":["impersonated"],"group_memberships":[]}`, send(t, srv, "", "GET /session/"+as.body, "").body)
	assert.Equal(t, http.StatusOK, send(t, srv, as.body, "GET /accounts/acme", "").status)
	for name, row := range map[string]struct {
		session, body string
		status        int
	}{
		"not by a customer":      {srv.Token(), `{"username":"bob"}`, 403},
		"not of nobody":          {staff, `{"username":"eve"}`, 403},
		"not with no session":    {"nonsense", `{"username":"bob"}`, 403},
		"not without parameters": {staff, `username`, 400},
		"not by who is alice":    {as.body, `{"username":"root"}`, 403},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.status, send(t, srv, "", "POST /session/"+row.session, row.body).status)
		})
	}
}

func TestAuthentication(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("dave").SetSecondFactor("yubikey", "cccccc")
	srv.User("carol").SetSecondFactor("2fa", "123456")
	basic := func(name, password string) string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(name, password)
		return r.Header.Get("Authorization")
	}
	for name, row := range map[string]struct {
		authorization, otp string
		status             int
	}{
		"a session":                        {"Bearer " + srv.Token(), "", 200},
		"the scheme in small letters":      {"bearer " + srv.Token(), "", 200},
		"an API key":                       {"Bearer apikey." + srv.APIKey(), "", 200},
		"an API key without its prefix":    {"Bearer " + srv.APIKey(), "", 401},
		"a session with the prefix":        {"Bearer apikey." + srv.Token(), "", 401},
		"nothing":                          {"", "", 401},
		"no token":                         {"Bearer ", "", 401},
		"a token without a scheme":         {srv.Token(), "", 401},
		"another scheme":                   {"Token token=" + srv.Token(), "", 401},
		"an unknown session":               {"Bearer 0123", "", 401},
		"a password, of old":               {basic("bob", "bob-password"), "", 200},
		"a wrong password, of old":         {basic("bob", "wrong"), "", 401},
		"nobody's password, of old":        {basic("eve", ""), "", 401},
		"a password and a code, of old":    {basic("dave", "dave-password"), "cccccc", 200},
		"the same code again, of old":      {basic("dave", "dave-password"), "cccccc", 200},
		"a password without a code":        {basic("dave", "dave-password"), "", 401},
		"an authenticator's code, in vain": {basic("carol", "carol-password"), "123456", 401},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, srv.URL()+"/accounts", nil)
			require.NoError(t, err)
			r.Header = http.Header{"Authorization": {row.authorization}, "X-Yubikey-Otp": {row.otp}}
			client := srv.HTTPClient()
			defer client.CloseIdleConnections()
			resp, err := client.Do(r)
			require.NoError(t, err)
			assert.NoError(t, resp.Body.Close())
			assert.Equal(t, row.status, resp.StatusCode)
		})
	}
}

func TestAPIKeys(t *testing.T) {
	srv := bigvtest.NewServer(t)
	acme := srv.Account("acme")
	acme.Group("web").VirtualMachine("www1")
	alice := srv.User("alice")
	made := send(t, srv, srv.Token(), "POST /api_keys", fmt.Sprintf(`{"user_id":%d,"label":"ci","expires_at":"2019-03-04T13:00:00Z"}`, alice.ID()))
	require.Equal(t, http.StatusCreated, made.status, made.body)
	key := "apikey." + made.object(t)["api_key"].(string)
	id := fmt.Sprint(made.object(t)["id"])

	assert.Equal(t, "[]", send(t, srv, key, "GET /accounts", "").body, "a new key may do nothing")
	assert.Equal(t, 404, send(t, srv, key, "GET "+onWWW1, "").status)
	for request, body := range map[string]string{
		"PUT /users/alice": `{"authorized_keys":"ssh-rsa mine"}`, "DELETE /api_keys/" + id: "", "POST /accounts": `{"name":"new"}`,
		"POST /api_keys": fmt.Sprintf(`{"user_id":%d,"label":"another"}`, alice.ID()),
	} {
		assert.Equal(t, 403, send(t, srv, key, request, body).status, "%s: a key is not its user", request)
	}
	grant := fmt.Sprintf(`{"level":"group_admin","group_id":%d,"api_key_id":%s}`, acme.Group("web").ID(), id)
	assert.Equal(t, 400, send(t, srv, key, "POST /users/alice/privileges", grant).status, "it does not see the group")
	useless := strings.TrimSuffix(grant, "}") + `,"password_required":true}`
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST /users/alice/privileges", useless).status)
	assert.Equal(t, 404, send(t, srv, key, "GET "+onWWW1, "").status, "no password comes with a key")
	granted := send(t, srv, srv.Token(), "POST /users/alice/privileges", grant)
	require.Equal(t, 201, granted.status, granted.body)
	assert.Equal(t, false, granted.object(t)["password_required"])
	assert.Equal(t, 200, send(t, srv, key, "PUT "+onWWW1, `{"cores":2}`).status)
	assert.Equal(t, 403, send(t, srv, key, "POST /accounts/acme/groups", `{"name":"new"}`).status, "it may do what it was granted")
	assert.Equal(t, []any{"default", "web"}, send(t, srv, srv.Token(), "GET /groups", "").values(t, "name"))
	assert.Equal(t, []any{"web"}, send(t, srv, key, "GET /groups", "").values(t, "name"))

	shown := send(t, srv, srv.Token(), "GET /api_keys/"+id+"?view=overview", "").object(t)
	assert.NotContains(t, shown, "api_key", "it is shown once")
	assert.Len(t, shown["privileges"], 2)

	assert.Equal(t, 200, send(t, srv, srv.User("alice").Token(), "GET "+onWWW1, "").status)
	bobs := srv.User("bob").Token()
	assert.Equal(t, "[]", send(t, srv, bobs, "GET /api_keys", "").body)
	assert.Equal(t, 404, send(t, srv, bobs, "DELETE /api_keys/"+id, "").status)
	assert.Equal(t, 404, send(t, srv, bobs, "GET /api_keys/"+id, "").status)

	srv.Advance(time.Hour + justBefore)
	assert.Equal(t, 200, send(t, srv, key, "GET /accounts", "").status)
	srv.Advance(-justBefore)
	assert.Equal(t, 401, send(t, srv, key, "GET /accounts", "").status, "it has expired")
	assert.Equal(t, 200, send(t, srv, "apikey."+srv.APIKey(), "GET /accounts", "").status)

	seeded := alice.APIKey("seeded")
	assert.Equal(t, 200, send(t, srv, "apikey."+seeded, "POST /accounts/acme/groups", `{"name":"new"}`).status, "a seeded key may what its user may")
	list := send(t, srv, srv.Token(), "GET /api_keys", "").list(t)
	last := list[len(list)-1]
	assert.Equal(t, "seeded", last["label"])
	require.Equal(t, 204, send(t, srv, srv.Token(), fmt.Sprint("DELETE /api_keys/", last["id"]), "").status)
	assert.Equal(t, 401, send(t, srv, "apikey."+seeded, "GET /accounts", "").status, "it is revoked")
}
