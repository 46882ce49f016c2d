package bigvtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func TestDeleteUser(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("root").Grant(bigv.ClusterAdmin, nil)
	carol := srv.User("carol")
	carol.Grant(bigv.GroupAdmin, srv.Account("acme").Group("web"))
	token, key := carol.Token(), "apikey."+carol.APIKey("ci")
	require.Equal(t, 200, send(t, srv, key, "GET "+inWeb, "").status)
	require.Equal(t, 204, send(t, srv, srv.User("root").Token(), "DELETE /users/carol", "").status)
	assert.Equal(t, 401, send(t, srv, token, "GET "+inWeb, "").status)
	assert.Equal(t, 401, send(t, srv, key, "GET "+inWeb, "").status)
	assert.Equal(t, "[]", send(t, srv, srv.Token(), "GET "+inWeb+"/privileges", "").body)
	assert.Equal(t, 403, send(t, srv, "", "POST /session", `{"username":"carol","password":"carol-password"}`).status)
}

func TestLegacyCreateUserAndAccount(t *testing.T) {
	srv := bigvtest.NewServer(t)
	require.Equal(
		t, 201, send(t, srv, "", "POST /users", `{"username":"eve","password":"p","account_name":"evil","email":"e@example.org"}`).status,
	)
	eve := send(t, srv, "", "POST /session", `{"username":"eve","password":"p"}`).body
	assert.Equal(t, []any{"evil"}, send(t, srv, eve, "GET /accounts", "").values(t, "name"))
	require.Equal(t, 201, send(t, srv, eve, "POST /accounts", `{"name":"more"}`).status)
	assert.Equal(t, 200, send(t, srv, eve, "POST /accounts/more/groups", `{"name":"web"}`).status, "the creator is an account_admin")
	srv.User("root").Grant(bigv.ClusterAdmin, nil)
	assert.Equal(t, 204, send(t, srv, srv.User("root").Token(), "DELETE /accounts/more", "").status)
	assert.Equal(t, []any{"evil"}, send(t, srv, eve, "GET /accounts", "").values(t, "name"))
	assert.Len(t, send(t, srv, eve, "GET /privileges", "").list(t), 1)
	for body, wantBody := range map[string]string{
		`{}`:                                `{"password":["can't be blank"],"username":["can't be blank"]}`,
		`{"username":"","password":""}`:     `{"password":["can't be blank"],"username":["can't be blank"]}`,
		`{"username":"a-b","password":"p"}`: `{"username":["is invalid"]}`,
		`{"username":"Eve","password":"p"}`: `{"username":["has already been taken"]}`,
		`{"username":"new","password":"p","account_name":"acme"}`: `{"account_name":["has already been taken"]}`,
	} {
		assert.Equal(t, wantBody, send(t, srv, "", "POST /users", body).body)
	}
}
