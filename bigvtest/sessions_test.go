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
		"user name and password":  {jsonKind, loginBob, 200, ""},
		"user name in upper case": {jsonKind, `{"username":"BOB","password":"bob-password"}`, 200, ""},
		"form data":               {"application/x-www-form-urlencoded", "username=bob&password=bob-password", 200, ""},
		"validity as a string":    {jsonKind, `{"username":"bob","password":"bob-password","validity":"1800"}`, 200, ""},
		"validity as a number":    {jsonKind, `{"username":"bob","password":"bob-password","validity":1800}`, 200, ""},
		"invalid validity":        {jsonKind, `{"username":"bob","password":"bob-password","validity":"long"}`, 200, ""},
		"unknown member":          {jsonKind, `{"username":"bob","password":"bob-password","colour":"red"}`, 200, ""},
		"wrong password":          {jsonKind, `{"username":"bob","password":"wrong"}`, 403, "Bad login credentials"},
		"unknown user":            {jsonKind, `{"username":"eve","password":"bob-password"}`, 403, "Bad login credentials"},
		"password missing":        {jsonKind, `{"username":"bob"}`, 400, "Badly-formed parameters"},
		"user name missing":       {jsonKind, `{"password":"bob-password"}`, 400, "Badly-formed parameters"},
		"null password":           {jsonKind, `{"username":"bob","password":null}`, 400, "Badly-formed parameters"},
		"empty user name":         {jsonKind, `{"username":"","password":"bob-password"}`, 400, "Badly-formed parameters"},
		"user name as a list":     {jsonKind, `{"username":["bob"],"password":"bob-password"}`, 400, "Badly-formed parameters"},
		"password as an object":   {jsonKind, `{"username":"bob","password":{"a":1}}`, 400, "Badly-formed parameters"},
		"validity as a boolean": {
			jsonKind, `{"username":"bob","password":"bob-password","validity":true}`, 400, "Badly-formed parameters",
		},
		"2fa as a list": {
			jsonKind, `{"username":"carol","password":"carol-password","2fa":["123456"]}`, 400, "Badly-formed parameters",
		},
		"2fa as a number":       {jsonKind, `{"username":"carol","password":"carol-password","2fa":123456}`, 200, ""},
		"validity null":         {jsonKind, `{"username":"bob","password":"bob-password","validity":null}`, 200, ""},
		"two JSON values":       {jsonKind, loginBob + loginBob, 400, "Badly-formed parameters"},
		"malformed JSON":        {jsonKind, `username=bob`, 400, "Badly-formed parameters"},
		"JSON list":             {jsonKind, `[]`, 400, "Badly-formed parameters"},
		"malformed form data":   {"application/x-www-form-urlencoded", "%zz", 400, "Badly-formed parameters"},
		"text/plain":            {"text/plain", loginBob, 400, "Badly-formed parameters"},
		"Content-Type missing":  {"", loginBob, 400, "Badly-formed parameters"},
		"second factor missing": {jsonKind, `{"username":"carol","password":"carol-password"}`, 403, "Missing 2FA"},
		"wrong second factor": {
			jsonKind, `{"username":"carol","password":"carol-password","2fa":"000000"}`, 403, "Authentication failed",
		},
		"other second factor": {jsonKind, `{"username":"carol","password":"carol-password","yubikey":"123456"}`, 403, "Missing 2FA"},
		"wrong password with a code": {
			jsonKind, `{"username":"carol","password":"wrong","2fa":"123456"}`, 403, "Bad login credentials",
		},
		"second factor": {jsonKind, `{"username":"carol","password":"carol-password","2fa":"123456"}`, 200, ""},
		"wrong YubiKey code": {
			jsonKind, `{"username":"dave","password":"dave-password","yubikey":"dddddd"}`, 403, "Authentication failed",
		},
		"YubiKey code missing": {jsonKind, `{"username":"dave","password":"dave-password"}`, 403, "Authentication failed"},
		"blank optional members": {
			jsonKind, `{"username":"bob","password":"bob-password","validity":"","yubikey":"","2fa":""}`, 200, "",
		},
		"null optional members": {
			jsonKind, `{"username":"bob","password":"bob-password","validity":null,"yubikey":null,"2fa":null}`, 200, "",
		},
		"blank optional members in form data": {
			"application/x-www-form-urlencoded", "username=bob&password=bob-password&validity=&yubikey=&2fa=", 200, "",
		},
		"blank second factor":   {jsonKind, `{"username":"carol","password":"carol-password","2fa":""}`, 403, "Missing 2FA"},
		"null second factor":    {jsonKind, `{"username":"carol","password":"carol-password","2fa":null}`, 403, "Missing 2FA"},
		"blank YubiKey code":    {jsonKind, `{"username":"dave","password":"dave-password","yubikey":""}`, 403, "Authentication failed"},
		"null YubiKey code":     {jsonKind, `{"username":"dave","password":"dave-password","yubikey":null}`, 403, "Authentication failed"},
		"validity as a list":    {jsonKind, `{"username":"bob","password":"bob-password","validity":[]}`, 400, "Badly-formed parameters"},
		"validity as an object": {jsonKind, `{"username":"bob","password":"bob-password","validity":{}}`, 400, "Badly-formed parameters"},
		"YubiKey code as an object": {
			jsonKind, `{"username":"dave","password":"dave-password","yubikey":{}}`, 400, "Badly-formed parameters",
		},
		"YubiKey code": {jsonKind, `{"username":"dave","password":"dave-password","yubikey":"cccccc"}`, 200, ""},
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
			if !strings.Contains(strings.ToLower(row.body), "bob") {
				assert.Equal(t, http.StatusForbidden, login().status, "a code is valid for one login")
			}
		})
	}
}

func TestGetSession(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("carol").SetSecondFactor("2fa", "123456")
	id := send(t, srv, "", "POST /session", `{"username":"carol","password":"carol-password","2fa":"123456"}`).body
	assert.JSONEq(
		t, `{"username":"carol","factors":["password","2fa"],"group_memberships":[]}`, send(t, srv, "", "GET /session/"+id, "").body,
	)
	assert.Equal(t, http.StatusNotFound, send(t, srv, "", "GET /session/"+id+"0", "").status)
	assert.Equal(t, http.StatusNotFound, send(t, srv, "", "GET /session/apikey."+srv.APIKey(), "").status, "an API key is not a session")
}

func TestSessionsAreExtendedByUse(t *testing.T) {
	const soon = bigvtest.SessionTime - time.Second
	for name, row := range map[string]struct {
		validity string
		use      string // request that is sent three times, just before the session would expire
		want     int    // status afterwards
	}{
		"unused":                                 {"", "", 401},
		"used":                                   {"", "GET /accounts", 200},
		"used with status 404":                   {"", "GET /accounts/hidden", 200},
		"read":                                   {"", "GET /session/", 200},
		"used where no authentication is needed": {"", "GET /definitions", 200},
		"long validity":                          {"1200", "", 200},
		"long validity, used":                    {"1200", "GET /accounts", 200},
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
		"five minutes": {
			"", bigvtest.SessionTime}, "requested validity": {"1800", 30 * time.Minute}, "maximum validity": {"7200",
			bigvtest.LongestSessionTime,
		},
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
	assert.JSONEq(
		t, `{"username":"alice","factors":["impersonated"],"group_memberships":[]}`, send(t, srv, "", "GET /session/"+as.body, "").body,
	)
	assert.Equal(t, http.StatusOK, send(t, srv, as.body, "GET /accounts/acme", "").status)
	for name, row := range map[string]struct {
		session, body string
		status        int
		wantBody      string
	}{
		"caller not staff":     {srv.Token(), `{"username":"bob"}`, 403, "Bad login credentials"},
		"unknown user":         {staff, `{"username":"eve"}`, 403, "Bad login credentials"},
		"unknown session":      {"nonsense", `{"username":"bob"}`, 403, "Bad login credentials"},
		"malformed body":       {staff, `username`, 400, "Badly-formed parameters"},
		"user name missing":    {staff, `{}`, 400, "Badly-formed parameters"},
		"impersonated session": {as.body, `{"username":"root"}`, 403, "Bad login credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, srv, "", "POST /session/"+row.session, row.body)
			assert.Equal(t, row.status, got.status)
			assert.Equal(t, row.wantBody, got.body)
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
		"session":                               {"Bearer " + srv.Token(), "", 200},
		"scheme in lower case":                  {"bearer " + srv.Token(), "", 200},
		"API key":                               {"Bearer apikey." + srv.APIKey(), "", 200},
		"API key without its prefix":            {"Bearer " + srv.APIKey(), "", 401},
		"session with the API key prefix":       {"Bearer apikey." + srv.Token(), "", 401},
		"no header":                             {"", "", 401},
		"empty token":                           {"Bearer ", "", 401},
		"token without a scheme":                {srv.Token(), "", 401},
		"other scheme":                          {"Token token=" + srv.Token(), "", 401},
		"unknown session":                       {"Bearer 0123", "", 401},
		"HTTP Basic":                            {basic("bob", "bob-password"), "", 200},
		"HTTP Basic with a wrong password":      {basic("bob", "wrong"), "", 401},
		"HTTP Basic with an unknown user":       {basic("eve", ""), "", 401},
		"HTTP Basic with a YubiKey code":        {basic("dave", "dave-password"), "cccccc", 200},
		"HTTP Basic with the same code again":   {basic("dave", "dave-password"), "cccccc", 200},
		"HTTP Basic without a YubiKey code":     {basic("dave", "dave-password"), "", 401},
		"HTTP Basic with an authenticator code": {basic("carol", "carol-password"), "123456", 401},
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
	made := send(
		t, srv, srv.Token(), "POST /api_keys", fmt.Sprintf(`{"user_id":%d,"label":"ci","expires_at":"2019-03-04T13:00:00Z"}`, alice.ID()),
	)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	key := "apikey." + made.object(t)["api_key"].(string)
	id := fmt.Sprint(made.object(t)["id"])

	assert.Equal(t, "[]", send(t, srv, key, "GET /accounts", "").body, "a new key has no privileges")
	assert.Equal(t, 404, send(t, srv, key, "GET "+onWWW1, "").status)
	for request, body := range map[string]string{
		"PUT /users/alice": `{"authorized_keys":"ssh-rsa mine"}`, "DELETE /api_keys/" + id: "", "POST /accounts": `{"name":"new"}`,
		"POST /api_keys": fmt.Sprintf(`{"user_id":%d,"label":"another"}`, alice.ID()),
	} {
		assert.Equal(t, 403, send(t, srv, key, request, body).status, "%s: a key cannot act as its user", request)
	}
	grant := fmt.Sprintf(`{"level":"group_admin","group_id":%d,"api_key_id":%s}`, acme.Group("web").ID(), id)
	assert.Equal(t, 400, send(t, srv, key, "POST /users/alice/privileges", grant).status, "the key cannot see the group")
	useless := strings.TrimSuffix(grant, "}") + `,"password_required":true}`
	require.Equal(t, 201, send(t, srv, srv.Token(), "POST /users/alice/privileges", useless).status)
	assert.Equal(t, 404, send(t, srv, key, "GET "+onWWW1, "").status, "a key cannot satisfy password_required")
	granted := send(t, srv, srv.Token(), "POST /users/alice/privileges", grant)
	require.Equal(t, 201, granted.status, granted.body)
	assert.Equal(t, false, granted.object(t)["password_required"])
	assert.Equal(t, 200, send(t, srv, key, "PUT "+onWWW1, `{"cores":2}`).status)
	assert.Equal(
		t, 403, send(t, srv, key, "POST /accounts/acme/groups", `{"name":"new"}`).status, "the key has only its granted privileges",
	)
	assert.Equal(t, []any{"default", "web"}, send(t, srv, srv.Token(), "GET /groups", "").values(t, "name"))
	assert.Equal(t, []any{"web"}, send(t, srv, key, "GET /groups", "").values(t, "name"))

	shown := send(t, srv, srv.Token(), "GET /api_keys/"+id+"?view=overview", "").object(t)
	assert.NotContains(t, shown, "api_key", "the secret is returned only once")
	assert.Len(t, shown["privileges"], 2)

	assert.Equal(t, 200, send(t, srv, srv.User("alice").Token(), "GET "+onWWW1, "").status)
	bobs := srv.User("bob").Token()
	assert.Equal(t, "[]", send(t, srv, bobs, "GET /api_keys", "").body)
	assert.Equal(t, 404, send(t, srv, bobs, "DELETE /api_keys/"+id, "").status)
	assert.Equal(t, 404, send(t, srv, bobs, "GET /api_keys/"+id, "").status)

	srv.Advance(time.Hour + justBefore)
	assert.Equal(t, 200, send(t, srv, key, "GET /accounts", "").status)
	srv.Advance(-justBefore)
	assert.Equal(t, 401, send(t, srv, key, "GET /accounts", "").status, "the key has expired")
	assert.Equal(t, 200, send(t, srv, "apikey."+srv.APIKey(), "GET /accounts", "").status)

	seeded := alice.APIKey("seeded")
	assert.Equal(
		t, 200, send(t, srv, "apikey."+seeded, "POST /accounts/acme/groups", `{"name":"new"}`).status,
		"a seeded key has the privileges of its user",
	)
	list := send(t, srv, srv.Token(), "GET /api_keys", "").list(t)
	last := list[len(list)-1]
	assert.Equal(t, "seeded", last["label"])
	require.Equal(t, 204, send(t, srv, srv.Token(), fmt.Sprint("DELETE /api_keys/", last["id"]), "").status)
	assert.Equal(t, 401, send(t, srv, "apikey."+seeded, "GET /accounts", "").status, "the key was deleted")
}
