package bigvtest_test

import "testing"

func TestConformanceUsers(t *testing.T) {
	runScenarios(t, []scenario{
		{"users", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{"a user sees itself in the list", "bob", "GET /users", "", 200, `[{"id":<bob>,"username":"bob"}]`},
			{"a user is an object", "bob", "GET /users/bob", "", 200, `{"id":<bob>,"username":"bob","authorized_keys":null,"password":"$absent"}`},
			{"another user is not found", "bob", "GET /users/alice", "", 404, ""},
			{"another user is not found to write", "bob", "PUT /users/alice", `{"authorized_keys":"x"}`, 404, ""},
			{"another user is not found by ID", "bob", "GET /users/<alice>", "", 404, ""},
			{"an unknown user is not found", "bob", "GET /users/nobody", "", 404, ""},
			{"SSH keys are set", "bob", "PUT /users/bob", `{"authorized_keys":"ssh-ed25519 AAAA laptop\nssh-rsa BBBB desk\n\n"}`, 200, `{"id":<bob>,"username":"bob","authorized_keys":"$match ^ssh-ed25519 AAAA laptop\nssh-rsa BBBB desk"}`},
			{"they stay", "bob", "GET /users/bob", "", 200, `{"authorized_keys":"$match laptop\nssh-rsa BBBB desk"}`},
			{"an empty PUT leaves them", "bob", "PUT /users/bob", `{}`, 200, `{"authorized_keys":"$match laptop"}`},
			{"an empty string removes them", "bob", "PUT /users/bob", `{"authorized_keys":""}`, 200, `{"authorized_keys":"$empty"}`},
			{"", "bob", "PUT /users/<bob>", `{"authorized_keys":"ssh-rsa BBBB desk"}`, 200, `{"authorized_keys":"ssh-rsa BBBB desk"}`},
			{"null removes them", "bob", "PUT /users/bob", `{"authorized_keys":null}`, 200, `{"authorized_keys":null}`},
			{"a user name is dropped", "bob", "PUT /users/bob", `{"username":"robert","id":1}`, 200, `{"id":<bob>,"username":"bob"}`},
			{"an email address is dropped", "bob", "PUT /users/bob", `{"email":"x@example.org"}`, 200, `{"email":"$match ^[^x]"}`},
			{"staff see everybody", "staff", "GET /users", "", 200, `{"$has":[{"username":"alice"},{"username":"bob"},{"username":"staff"}]}`},
			{"staff see another user", "staff", "GET /users/bob", "", 200, `{"username":"bob"}`},
		}},
		{"legacy", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{"a user is made", "staff", "POST /users", `{"username":"dora","email":"dora@example.org","password":"pass-of-dora"}`, 201, `{"id":"$int","username":"dora","password":"$absent"}`},
			{"a new user logs in", "nobody", "POST /session", `{"username":"dora","password":"pass-of-dora"}`, 200, "keep session"},
			{"a new user may do nothing", "Bearer <session>", "GET /accounts", "", 200, `[]`},
			{"a new user is called by a name of its own", "staff", "POST /users", `{"username":"dora","password":"x"}`, 400, `{"username":["has already been taken"]}`},
			{"a user name has letters and digits only", "staff", "POST /users", `{"username":"do-ra","password":"x"}`, 400, `{"username":["is invalid"]}`},
			{"a user name is needed", "staff", "POST /users", `{"password":"x"}`, 400, `{"username":["can't be blank"]}`},
		}},
		{"a password is changed by PUT", nil, []step{
			{"", "bob", "PUT /users/bob", `{"password":"new-password"}`, 200, `{"password":"$absent"}`},
			{"the old one is forbidden", "nobody", "POST /session", `{"username":"bob","password":"bob-password"}`, 403, anyBody},
			{"the new one logs in", "nobody", "POST /session", `{"username":"bob","password":"new-password"}`, 200, "keep session"},
		}},
	})
}

func TestConformanceAPIKeys(t *testing.T) {
	runScenarios(t, []scenario{
		{"keys", www1, []step{
			{"a key is made", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"ci","expires_at":"2030-01-01T00:00:00Z"}`, 201, `{"id":"$keep id","user_id":<alice>,"label":"ci","api_key":"$keep secret","expires_at":"$time 2030-01-01T00:00:00Z"}`},
			{"its secret is not read again", "alice", "GET /api_keys", "", 200, `{"$has":[{"id":<id>,"label":"ci","user_id":<alice>,"api_key":"$absent"}]}`},
			{"nor by its ID", "alice", "GET /api_keys/<id>", "", 200, `{"id":<id>,"label":"ci","api_key":"$absent"}`},
			{"nor in the overview", "alice", "GET /api_keys?view=overview", "", 200, `{"$has":[{"id":<id>,"api_key":"$absent","privileges":[]}]}`},
			{"the list has no privileges", "alice", "GET /api_keys", "", 200, `{"$has":[{"id":<id>,"privileges":"$absent"}]}`},
			{"a new key works and sees nothing", "Bearer apikey.<secret>", "GET /accounts", "", 200, `[]`},
			{"a new key finds no machine", "Bearer apikey.<secret>", "GET " + vm1, "", 404, ""},
			{"the secret without its prefix is no token", "Bearer <secret>", "GET /accounts", "", 401, ""},
			{"a key is given a privilege", "alice", "POST /users/alice/privileges", `{"level":"vm_admin","virtual_machine_id":<www1>,"api_key_id":<id>}`, 201, `{"id":"$keep privilege","api_key_id":<id>,"password_required":false,"yubikey_required":false}`},
			{"overview shows it", "alice", "GET /api_keys?view=overview", "", 200, `{"$has":[{"id":<id>,"privileges":[{"id":<privilege>,"level":"vm_admin"}]}]}`},
			{"the key does what it allows", "Bearer apikey.<secret>", "PUT " + vm1, `{"cores":2}`, 200, `{"cores":2}`},
			{"and no more", "Bearer apikey.<secret>", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, oneOf(403, 404), ""},
			{"a key is revoked", "alice", "DELETE /api_keys/<id>", "", oneOf(200, 204), anyBody},
			{"a revoked key is unauthorised", "Bearer apikey.<secret>", "GET /accounts", "", 401, ""},
			{"it is not in the list", "alice", "GET /api_keys", "", 200, `{"$lacks":[{"id":<id>}]}`},
			{"it is not found to delete", "alice", "DELETE /api_keys/<id>", "", 404, ""},
		}},
		{"attributes", nil, []step{
			{"a user is needed", "alice", "POST /api_keys", `{"label":"ci"}`, 400, `{"user_id":["can't be blank"]}`},
			{"without a date a key never expires", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"never"}`, 201, `{"label":"never","expires_at":"$empty"}`},
			{"nor with null", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"null","expires_at":null}`, 201, `{"expires_at":"$empty"}`},
			{"a label may occur twice", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"never"}`, 201, `{"label":"never"}`},
			{"a date has a numeric zone", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"zone","expires_at":"2030-01-01T00:00:00-0700"}`, 201, `{"expires_at":"$time 2030-01-01T07:00:00Z"}`},
			{"a date has a fraction", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"fraction","expires_at":"2030-01-01T00:24:45.0312Z"}`, 201, `{"expires_at":"$string"}`},
			{"a time of day is a date", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"time","expires_at":"18:30:00"}`, 201, `{"expires_at":"$time"}`},
			{"what is no date is a bad request", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"bad","expires_at":"soon"}`, 400, `{"expires_at":"$messages"}`},
			{"a secret is not chosen", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"mine","api_key":"chosen","privileges":[{"level":"cluster_su"}]}`, 201, `{"api_key":"$match ^[^c]|^c[^h]"}`},
			{"a key for another user is not made", "bob", "POST /api_keys", `{"user_id":<alice>,"label":"theft"}`, anyError, anyBody},
			{"another user's keys are not listed", "bob", "GET /api_keys", "", 200, `[]`},
		}},
		{"another user's key", nil, []step{
			{"", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"ci"}`, 201, `{"id":"$keep id"}`},
			{"is not found", "bob", "GET /api_keys/<id>", "", 404, ""},
			{"is not found to delete", "bob", "DELETE /api_keys/<id>", "", 404, ""},
		}},
		{"expiry", nil, []step{
			{"", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"short","expires_at":"2019-03-04T13:00:00Z"}`, 201, `{"api_key":"$keep secret"}`},
			{"a key works until it expires", "Bearer apikey.<secret>", "GET /accounts", "", 200, `[]`},
			{"", "", "ADVANCE 61m", "", 0, ""},
			{"and then is unauthorised", "Bearer apikey.<secret>", "GET /accounts", "", 401, ""},
			{"use does not extend the key that is forever", "key", "GET /accounts", "", 200, `[{}]`},
		}},
		{"staff", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{"staff see all keys", "staff", "GET /api_keys", "", 200, `{"$has":[{"user_id":<alice>}]}`},
		}},
	})
}
