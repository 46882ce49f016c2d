package bigvtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestConformanceSessions(t *testing.T) {
	const login = `{"username":"alice","password":"alice-password"}`
	runScenarios(t, []scenario{
		{"login", nil, []step{
			{"a login returns a session ID as plain text", "nobody", "POST /session", login, 200, "save session"},
			{
				"a session contains its user", "nobody", "GET /session/<session>", "", 200,
				`{"username":"alice","factors":["password"],"group_memberships":[]}`,
			},
			{"a session authenticates requests", "Bearer <session>", "GET /accounts", "", 200, `[{"name":"acme"}]`},
			{"a second login creates another session", "nobody", "POST /session", login, 200, "save second"},
			{"the first session remains valid", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"a wrong password is forbidden", "nobody", "POST /session", `{"username":"alice","password":"bob-password"}`, 403, anyBody},
			{"an unknown user is forbidden", "nobody", "POST /session", `{"username":"mallory","password":"x"}`, 403, anyBody},
			{"a login without a password is rejected", "nobody", "POST /session", `{"username":"alice"}`, oneOf(400, 403), anyBody},
			{"an empty password is rejected", "nobody", "POST /session", `{"username":"alice","password":""}`, oneOf(400, 403), anyBody},
			{"malformed JSON is a bad request", "nobody", "POST /session", `{"username":`, 400, anyBody},
			{"a body other than an object is a bad request", "nobody", "POST /session", `["alice"]`, 400, anyBody},
			{"an unknown session is not found", "nobody", "GET /session/no-such-session", "", 404, anyBody},
			{"an API key is not a session", "nobody", "GET /session/apikey.<key>", "", 404, anyBody},
			{"an unknown session cannot impersonate", "nobody", "POST /session/no-such-session", `{"username":"bob"}`, 403, anyBody},
		}},
		{"impersonation", func(f *fixture) {
			f.srv.User("staff").Grant("cluster_admin", nil)
			f.saved["session"] = f.srv.User("staff").Token()
		}, []step{
			{"staff can open a session of another user", "nobody", "POST /session/<session>", `{"username":"bob"}`, 200, "save other"},
			{
				"its factor is impersonated", "nobody", "GET /session/<other>", "", 200,
				`{"username":"bob","factors":["impersonated"],"group_memberships":[]}`,
			},
		}},
		{"lifetime", nil, []step{
			{"", "nobody", "POST /session", login, 200, "save session"},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"a session lasts five minutes", "nobody", "GET /session/<session>", "", 200, `{"username":"alice"}`},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"reading a session extends it", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"an authenticated request extends the session", "Bearer <session>", "GET /accounts/nowhere", "", 404, ""},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"a request with status 404 extends the session", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"", "", "ADVANCE 5m1s", "", 0, ""},
			{"an expired session does not authenticate", "Bearer <session>", "GET /accounts", "", 401, ""},
			{"an expired session is not found", "nobody", "GET /session/<session>", "", 404, anyBody},
			{"reading an expired session does not extend it", "Bearer <session>", "GET /accounts", "", 401, ""},
		}},
		{"requests without the session do not extend it", nil, []step{
			{"", "nobody", "POST /session", login, 200, "save session"},
			{"", "", "ADVANCE 4m", "", 0, ""},
			{"", "nobody", "GET /definitions", "", 200, ""},
			{"", "nobody", "POST /session", login, 200, "save second"},
			{"", "", "ADVANCE 2m", "", 0, ""},
			{"using another session does not extend this one", "Bearer <session>", "GET /accounts", "", 401, ""},
			{"the other session is still valid", "Bearer <second>", "GET /accounts", "", 200, ""},
		}},
		{"validity", nil, []step{
			{
				"validity can be a number in a string", "nobody", "POST /session",
				`{"username":"alice","password":"alice-password","validity":"1800"}`, 200, "save session",
			},
			{"", "nobody", "POST /session", `{"username":"alice","password":"alice-password","validity":"999999999"}`, 200, "save greedy"},
			{"", "", "ADVANCE 29m", "", 0, ""},
			{"validity extends the session", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"", "", "ADVANCE " + bigvtest.LongestSessionTime.String(), "", 0, ""},
			{"validity is limited to the maximum", "Bearer <greedy>", "GET /accounts", "", 401, ""},
		}},
		{"second factor", func(f *fixture) {
			f.srv.User("carol").SetSecondFactor("2fa", "111111", "222222")
			f.srv.User("dave").SetSecondFactor("yubikey", "cccccc")
		}, []step{
			{
				"a login without the second factor is rejected with Missing 2FA", "nobody", "POST /session",
				`{"username":"carol","password":"carol-password"}`, 403, "text Missing 2FA",
			},
			{
				"a wrong password is rejected without mentioning the second factor", "nobody", "POST /session",
				`{"username":"carol","password":"wrong"}`, 403, anyBody,
			},
			{
				"a wrong code is forbidden", "nobody", "POST /session", `{"username":"carol","password":"carol-password","2fa":"999999"}`,
				403, anyBody,
			},
			{
				"the second factor is accepted", "nobody", "POST /session",
				`{"username":"carol","password":"carol-password","2fa":"111111"}`, 200, "save session",
			},
			{
				"the session contains both factors", "nobody", "GET /session/<session>", "", 200,
				`{"username":"carol","factors":["password","2fa"]}`,
			},
			{
				"a YubiKey code is accepted", "nobody", "POST /session",
				`{"username":"dave","password":"dave-password","yubikey":"cccccc"}`, 200, "save yubi",
			},
			{
				"the session contains the YubiKey", "nobody", "GET /session/<yubi>", "", 200,
				`{"username":"dave","factors":["password","yubikey"]}`,
			},
		}},
	})
}

func TestConformanceSessionOmitsItsID(t *testing.T) {
	f := newFixture(t)
	session := f.do(t, "POST", "/session", `{"username":"alice","password":"alice-password"}`, f.headers("nobody")).body
	got := f.do(t, "GET", "/session/"+session, "", f.headers("nobody"))
	assert.NotEmpty(t, session)
	assert.NotContains(t, got.body, session)
}

func TestConformanceAuthentication(t *testing.T) {
	runScenarios(t, []scenario{
		{"credentials", www1, []step{
			{"no token is unauthorized", "nobody", "GET /accounts", "", 401, ""},
			{"an unknown token is unauthorized", "Bearer no-such-session", "GET /accounts", "", 401, ""},
			{"an empty token is unauthorized", "Bearer ", "GET /accounts", "", 401, ""},
			{"an unknown API key is unauthorized", "Bearer apikey.nothing", "GET /accounts", "", 401, ""},
			{"an unknown token is unauthorized even for an unknown object", "Bearer x", "GET /accounts/nowhere", "", 401, ""},
			{"no token is unauthorized for PUT", "nobody", "PUT " + vm1, `{"cores":2}`, 401, ""},
			{"an API key authenticates requests", "key", "GET /accounts", "", 200, `[{"name":"acme"}]`},
			{"an API key has its own privileges", "key", "PUT " + vm1, `{"cores":2}`, 200, `{"cores":2}`},
			{"definitions need no token", "nobody", "GET /definitions", "", 200, ""},
		}},
		{"every endpoint requires authentication", www1, requireAuthentication(
			"GET /accounts", "GET /accounts/acme", "POST /accounts", "PUT /accounts/acme", "DELETE /accounts/acme",
			"GET /accounts/acme/groups", "GET /groups", "GET /groups/<web>", "GET "+web, "POST /accounts/acme/groups", "PUT "+web,
			"DELETE "+web,
			"GET "+web+"/virtual_machines", "GET /virtual_machines", "GET /virtual_machines/<www1>", "GET "+vm1,
			"POST "+web+"/vm_create", "POST "+web+"/virtual_machines", "PUT "+vm1, "DELETE "+vm1, "POST "+vm1+"/reimage",
			"POST "+vm1+"/signal",
			"GET "+vm1+"/discs", "GET /discs", "GET /discs/<www1disc>", "GET "+vm1+"/discs/disc-1", "POST "+vm1+"/discs",
			"PUT "+vm1+"/discs/disc-1",
			"DELETE "+vm1+"/discs/disc-1?purge=true", "DELETE /discs/<www1disc>?purge=true",
			"GET "+vm1+"/discs/disc-1/backups", "POST "+vm1+"/discs/disc-1/backups", "PUT "+vm1+"/discs/disc-1/backups/1",
			"DELETE "+vm1+"/discs/disc-1/backups/1?purge=true",
			"POST "+vm1+"/discs/disc-1/backup_schedules", "DELETE "+vm1+"/discs/disc-1/backup_schedules/1",
			"GET "+vm1+"/nics", "GET /nics", "GET /nics/1", "GET "+vm1+"/nics/1", "POST "+vm1+"/nics/1/ip_create",
			"GET /ips/192.0.2.20", "PUT /ips/192.0.2.20", "DELETE /ips/192.0.2.20", "POST /ips/swap_virtual_machine_ips",
			"GET /users", "GET /users/alice", "PUT /users/alice", "GET /users/alice/privileges", "POST /users/bob/privileges",
			"GET /privileges", "GET /privileges/1", "PUT /privileges/1", "DELETE /privileges/1",
			"GET /accounts/acme/privileges", "GET "+web+"/privileges", "GET "+vm1+"/privileges",
			"GET /api_keys", "POST /api_keys", "DELETE /api_keys/1", "POST /vm_defaults",
		)},
	})
}

func requireAuthentication(calls ...string) (rows []step) {
	for _, call := range calls {
		rows = append(rows, step{call, "nobody", call, "", 401, ""})
	}
	return rows
}
