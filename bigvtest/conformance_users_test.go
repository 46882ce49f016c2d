package bigvtest_test

import "testing"

func TestConformanceUsers(t *testing.T) {
	runScenarios(t, []scenario{
		{"users", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{"the list contains the user itself", "bob", "GET /users", "", 200, `[{"id":<bob>,"username":"bob"}]`},
			{
				"a user is an object", "bob", "GET /users/bob", "", 200,
				`{"id":<bob>,"username":"bob","authorized_keys":null,"password":"$absent"}`,
			},
			{"another user is not found", "bob", "GET /users/alice", "", 404, ""},
			{"another user is not found by PUT", "bob", "PUT /users/alice", `{"authorized_keys":"x"}`, 404, ""},
			{"another user is not found by ID", "bob", "GET /users/<alice>", "", 404, ""},
			{"an unknown user is not found", "bob", "GET /users/nobody", "", 404, ""},
			{
				"SSH keys are set", "bob", "PUT /users/bob", `{"authorized_keys":"ssh-ed25519 AAAA laptop\nssh-rsa BBBB desk\n\n"}`, 200,
				`{"id":<bob>,"username":"bob","authorized_keys":"$match ^ssh-ed25519 AAAA laptop\nssh-rsa BBBB desk"}`,
			},
			{"they are kept", "bob", "GET /users/bob", "", 200, `{"authorized_keys":"$match laptop\nssh-rsa BBBB desk"}`},
			{"an empty PUT does not change them", "bob", "PUT /users/bob", `{}`, 200, `{"authorized_keys":"$match laptop"}`},
			{"an empty string removes them", "bob", "PUT /users/bob", `{"authorized_keys":""}`, 200, `{"authorized_keys":"$empty"}`},
			{"", "bob", "PUT /users/<bob>", `{"authorized_keys":"ssh-rsa BBBB desk"}`, 200, `{"authorized_keys":"ssh-rsa BBBB desk"}`},
			{"null removes them", "bob", "PUT /users/bob", `{"authorized_keys":null}`, 200, `{"authorized_keys":null}`},
			{"a user name is ignored", "bob", "PUT /users/bob", `{"username":"robert","id":1}`, 200, `{"id":<bob>,"username":"bob"}`},
			{"an email address is ignored", "bob", "PUT /users/bob", `{"email":"x@example.org"}`, 200, `{"email":"$match ^[^x]"}`},
			{
				"staff can see all users", "staff", "GET /users", "", 200,
				`{"$has":[{"username":"alice"},{"username":"bob"},{"username":"staff"}]}`,
			},
			{"staff can see another user", "staff", "GET /users/bob", "", 200, `{"username":"bob"}`},
		}},
		{"legacy", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{
				"a user is created", "staff", "POST /users", `{"username":"dora","email":"dora@example.org","password":"pass-of-dora"}`,
				201, `{"id":"$int","username":"dora","password":"$absent"}`,
			},
			{"a new user can log in", "nobody", "POST /session", `{"username":"dora","password":"pass-of-dora"}`, 200, "save session"},
			{"a new user has no privileges", "Bearer <session>", "GET /accounts", "", 200, `[]`},
			{
				"a user name must be unique", "staff", "POST /users", `{"username":"dora","password":"x"}`, 400,
				`{"username":["has already been taken"]}`,
			},
			{
				"a user name can contain only letters and digits", "staff", "POST /users", `{"username":"do-ra","password":"x"}`, 400,
				`{"username":["is invalid"]}`,
			},
			{"username is required", "staff", "POST /users", `{"password":"x"}`, 400, `{"username":["can't be blank"]}`},
			{"staff can delete a user", "staff", "DELETE /users/dora", "", 204, ""},
			{"afterwards the user is not found", "staff", "GET /users/dora", "", 404, ""},
		}},
		{"changing the password", nil, []step{
			{"", "bob", "PUT /users/bob", `{"password":"new-password"}`, 200, `{"password":"$absent"}`},
			{"the old password is rejected", "nobody", "POST /session", `{"username":"bob","password":"bob-password"}`, 403, anyBody},
			{
				"the new password is accepted", "nobody", "POST /session", `{"username":"bob","password":"new-password"}`, 200,
				"save session",
			},
		}},
	})
}

func TestConformanceAPIKeys(t *testing.T) {
	runScenarios(t, []scenario{
		{"keys", www1, []step{
			{
				"an API key is created", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"ci","expires_at":"2030-01-01T00:00:00Z"}`,
				201, `{"id":"$save id","user_id":<alice>,"label":"ci","api_key":"$save secret","expires_at":"$time 2030-01-01T00:00:00Z"}`,
			},
			{
				"the list omits its secret", "alice", "GET /api_keys", "", 200,
				`{"$has":[{"id":<id>,"label":"ci","user_id":<alice>,"api_key":"$absent"}]}`,
			},
			{"reading by ID omits its secret", "alice", "GET /api_keys/<id>", "", 200, `{"id":<id>,"label":"ci","api_key":"$absent"}`},
			{
				"the overview omits its secret", "alice", "GET /api_keys?view=overview", "", 200,
				`{"$has":[{"id":<id>,"api_key":"$absent","privileges":[]}]}`,
			},
			{"the list omits the privileges", "alice", "GET /api_keys", "", 200, `{"$has":[{"id":<id>,"privileges":"$absent"}]}`},
			{"a new API key authenticates but has no privileges", "Bearer apikey.<secret>", "GET /accounts", "", 200, `[]`},
			{"a new API key does not see a machine", "Bearer apikey.<secret>", "GET " + vm1, "", 404, ""},
			{"the secret without its prefix is rejected", "Bearer <secret>", "GET /accounts", "", 401, ""},
			{
				"a privilege is granted to the API key", "alice", "POST /users/alice/privileges",
				`{"level":"vm_admin","virtual_machine_id":<www1>,"api_key_id":<id>}`, 201,
				`{"id":"$save privilege","api_key_id":<id>,"password_required":false,"yubikey_required":false}`,
			},
			{
				"the overview contains the privilege", "alice", "GET /api_keys?view=overview", "", 200,
				`{"$has":[{"id":<id>,"privileges":[{"id":<privilege>,"level":"vm_admin"}]}]}`,
			},
			{"the API key can use the privilege", "Bearer apikey.<secret>", "PUT " + vm1, `{"cores":2}`, 200, `{"cores":2}`},
			{
				"the API key has no further permissions", "Bearer apikey.<secret>", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, oneOf(403, 404), "",
			},
			{"an API key is deleted", "alice", "DELETE /api_keys/<id>", "", oneOf(200, 204), anyBody},
			{"a deleted API key is unauthorized", "Bearer apikey.<secret>", "GET /accounts", "", 401, ""},
			{"the list omits it", "alice", "GET /api_keys", "", 200, `{"$lacks":[{"id":<id>}]}`},
			{"afterwards it is not found by DELETE", "alice", "DELETE /api_keys/<id>", "", 404, ""},
		}},
		{"attributes", nil, []step{
			{"user_id is required", "alice", "POST /api_keys", `{"label":"ci"}`, 400, `{"user_id":["can't be blank"]}`},
			{
				"without expires_at the key does not expire", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"never"}`, 201,
				`{"label":"never","expires_at":"$empty"}`,
			},
			{
				"with null the key does not expire", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"null","expires_at":null}`, 201,
				`{"expires_at":"$empty"}`,
			},
			{"a label need not be unique", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"never"}`, 201, `{"label":"never"}`},
			{
				"expires_at can have a numeric time zone", "alice", "POST /api_keys",
				`{"user_id":<alice>,"label":"zone","expires_at":"2030-01-01T00:00:00-0700"}`, 201,
				`{"expires_at":"$time 2030-01-01T07:00:00Z"}`,
			},
			{
				"expires_at can have a fraction of a second", "alice", "POST /api_keys",
				`{"user_id":<alice>,"label":"fraction","expires_at":"2030-01-01T00:24:45.0312Z"}`, 201, `{"expires_at":"$string"}`,
			},
			{
				"expires_at can be a time of day", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"time","expires_at":"18:30:00"}`,
				201, `{"expires_at":"$time"}`,
			},
			{
				"an invalid expires_at is a bad request", "alice", "POST /api_keys",
				`{"user_id":<alice>,"label":"bad","expires_at":"soon"}`, 400, `{"expires_at":"$messages"}`,
			},
			{
				"the secret cannot be chosen", "alice", "POST /api_keys",
				`{"user_id":<alice>,"label":"mine","api_key":"chosen","privileges":[{"level":"cluster_su"}]}`, 201,
				`{"api_key":"$match ^[^c]|^c[^h]"}`,
			},
			{
				"an API key for another user cannot be created", "bob", "POST /api_keys", `{"user_id":<alice>,"label":"theft"}`, anyError,
				anyBody,
			},
			{"the list omits the API keys of other users", "bob", "GET /api_keys", "", 200, `[]`},
		}},
		{"another user's key", nil, []step{
			{"", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"ci"}`, 201, `{"id":"$save id"}`},
			{"is not found", "bob", "GET /api_keys/<id>", "", 404, ""},
			{"is not found by DELETE", "bob", "DELETE /api_keys/<id>", "", 404, ""},
		}},
		{"expiry", nil, []step{
			{
				"", "alice", "POST /api_keys", `{"user_id":<alice>,"label":"short","expires_at":"2019-03-04T13:00:00Z"}`, 201,
				`{"api_key":"$save secret"}`,
			},
			{"an API key works until it expires", "Bearer apikey.<secret>", "GET /accounts", "", 200, `[]`},
			{"", "", "ADVANCE 61m", "", 0, ""},
			{"an expired API key is unauthorized", "Bearer apikey.<secret>", "GET /accounts", "", 401, ""},
			{"a key without expires_at is still valid", "key", "GET /accounts", "", 200, `[{}]`},
		}},
		{"staff", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{"staff can see all API keys", "staff", "GET /api_keys", "", 200, `{"$has":[{"user_id":<alice>}]}`},
		}},
	})
}
