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
			{"a login answers a session in plain text", "nobody", "POST /session", login, 200, "keep session"},
			{"the session says who it is", "nobody", "GET /session/<session>", "", 200, `{"username":"alice","factors":["password"],"group_memberships":[]}`},
			{"the session authorises calls", "Bearer <session>", "GET /accounts", "", 200, `[{"name":"acme"}]`},
			{"a second login is another session", "nobody", "POST /session", login, 200, "keep second"},
			{"the first session lives on", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"a wrong password is forbidden", "nobody", "POST /session", `{"username":"alice","password":"bob-password"}`, 403, anyBody},
			{"an unknown user is forbidden", "nobody", "POST /session", `{"username":"mallory","password":"x"}`, 403, anyBody},
			{"a login without a password does not work", "nobody", "POST /session", `{"username":"alice"}`, oneOf(400, 403), anyBody},
			{"an empty password does not work", "nobody", "POST /session", `{"username":"alice","password":""}`, oneOf(400, 403), anyBody},
			{"an unreadable body is a bad request", "nobody", "POST /session", `{"username":`, 400, anyBody},
			{"a body that is no object is a bad request", "nobody", "POST /session", `["alice"]`, 400, anyBody},
			{"an unknown session is not found", "nobody", "GET /session/no-such-session", "", 404, anyBody},
			{"an API key is no session", "nobody", "GET /session/apikey.<key>", "", 404, anyBody},
			{"an unknown session impersonates nobody", "nobody", "POST /session/no-such-session", `{"username":"bob"}`, 403, anyBody},
		}},
		{"lifetime", nil, []step{
			{"", "nobody", "POST /session", login, 200, "keep session"},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"a session lives five minutes", "nobody", "GET /session/<session>", "", 200, `{"username":"alice"}`},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"asking for a session gives it another five minutes", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"an authorised call gives it another five minutes", "Bearer <session>", "GET /accounts/nowhere", "", 404, ""},
			{"", "", "ADVANCE 4m59s", "", 0, ""},
			{"so does a call that finds nothing", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"", "", "ADVANCE 5m1s", "", 0, ""},
			{"an expired session authorises nothing", "Bearer <session>", "GET /accounts", "", 401, ""},
			{"an expired session is not found", "nobody", "GET /session/<session>", "", 404, anyBody},
			{"asking for an expired session does not revive it", "Bearer <session>", "GET /accounts", "", 401, ""},
		}},
		{"calls without the session do not extend it", nil, []step{
			{"", "nobody", "POST /session", login, 200, "keep session"},
			{"", "", "ADVANCE 4m", "", 0, ""},
			{"", "nobody", "GET /definitions", "", 200, ""},
			{"", "nobody", "POST /session", login, 200, "keep second"},
			{"", "", "ADVANCE 2m", "", 0, ""},
			{"another session's use does not extend this one", "Bearer <session>", "GET /accounts", "", 401, ""},
			{"the other one lives", "Bearer <second>", "GET /accounts", "", 200, ""},
		}},
		{"validity", nil, []step{
			{"validity is a number in a string", "nobody", "POST /session", `{"username":"alice","password":"alice-password","validity":"1800"}`, 200, "keep session"},
			{"", "nobody", "POST /session", `{"username":"alice","password":"alice-password","validity":"999999999"}`, 200, "keep greedy"},
			{"", "", "ADVANCE 29m", "", 0, ""},
			{"validity asks for a longer session", "Bearer <session>", "GET /accounts", "", 200, ""},
			{"", "", "ADVANCE " + bigvtest.LongestSessionTime.String(), "", 0, ""},
			{"too long a validity is silently cut to the longest", "Bearer <greedy>", "GET /accounts", "", 401, ""},
		}},
		{"second factor", func(f *fixture) {
			f.srv.User("carol").SetSecondFactor("2fa", "111111", "222222")
			f.srv.User("dave").SetSecondFactor("yubikey", "cccccc")
		}, []step{
			{"a login without the second factor says that it is missing", "nobody", "POST /session", `{"username":"carol","password":"carol-password"}`, 403, "text Missing 2FA"},
			{"a wrong password does not say that a factor is missing", "nobody", "POST /session", `{"username":"carol","password":"wrong"}`, 403, anyBody},
			{"a wrong code is forbidden", "nobody", "POST /session", `{"username":"carol","password":"carol-password","2fa":"999999"}`, 403, anyBody},
			{"the second factor logs in", "nobody", "POST /session", `{"username":"carol","password":"carol-password","2fa":"111111"}`, 200, "keep session"},
			{"the session names both factors", "nobody", "GET /session/<session>", "", 200, `{"username":"carol","factors":["password","2fa"]}`},
			{"a yubikey logs in", "nobody", "POST /session", `{"username":"dave","password":"dave-password","yubikey":"cccccc"}`, 200, "keep yubi"},
			{"the session names the yubikey", "nobody", "GET /session/<yubi>", "", 200, `{"username":"dave","factors":["password","yubikey"]}`},
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
			{"no token is unauthorised", "nobody", "GET /accounts", "", 401, ""},
			{"an unknown token is unauthorised", "Bearer no-such-session", "GET /accounts", "", 401, ""},
			{"an empty token is unauthorised", "Bearer ", "GET /accounts", "", 401, ""},
			{"an unknown API key is unauthorised", "Bearer apikey.nothing", "GET /accounts", "", 401, ""},
			{"an unknown token is unauthorised before anything is looked for", "Bearer x", "GET /accounts/nowhere", "", 401, ""},
			{"no token is unauthorised to write", "nobody", "PUT " + vm1, `{"cores":2}`, 401, ""},
			{"an API key authorises calls", "key", "GET /accounts", "", 200, `[{"name":"acme"}]`},
			{"an API key does what its privileges allow", "key", "PUT " + vm1, `{"cores":2}`, 200, `{"cores":2}`},
			{"definitions need no token", "nobody", "GET /definitions", "", 200, ""},
		}},
		{"every endpoint wants a token", www1, requireAuthentication(
			"GET /accounts", "GET /accounts/acme", "POST /accounts", "PUT /accounts/acme", "DELETE /accounts/acme",
			"GET /accounts/acme/groups", "GET /groups", "GET /groups/<web>", "GET "+web, "POST /accounts/acme/groups", "PUT "+web, "DELETE "+web,
			"GET "+web+"/virtual_machines", "GET /virtual_machines", "GET /virtual_machines/<www1>", "GET "+vm1,
			"POST "+web+"/vm_create", "POST "+web+"/virtual_machines", "PUT "+vm1, "DELETE "+vm1, "POST "+vm1+"/reimage", "POST "+vm1+"/signal",
			"GET "+vm1+"/discs", "GET /discs", "GET /discs/<www1disc>", "GET "+vm1+"/discs/disc-1", "POST "+vm1+"/discs", "PUT "+vm1+"/discs/disc-1",
			"DELETE "+vm1+"/discs/disc-1?purge=true", "DELETE /discs/<www1disc>?purge=true",
			"GET "+vm1+"/discs/disc-1/backups", "POST "+vm1+"/discs/disc-1/backups", "PUT "+vm1+"/discs/disc-1/backups/1", "DELETE "+vm1+"/discs/disc-1/backups/1?purge=true",
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
