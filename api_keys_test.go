package bigv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shown is an API key whose secret can be compared.
type shown struct {
	id, userID           int
	username, label, key string
	expires              bigv.Timestamp
	privileges           []bigv.Privilege
}

// show reveals the secret of a key.
func show(k bigv.APIKey) shown {
	return shown{k.ID, k.UserID, k.Username, k.Label, k.Key.Reveal(), k.ExpiresAt, k.Privileges}
}

// APIKeys returns the rows of APIKeysService.
func (wireRows) APIKeys() []wireRow {
	list := func(options bigv.APIKeyListOptions) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			keys, err := c.APIKeys.List(ctx, options)
			if keys == nil {
				return nil, err
			}
			all := []shown{}
			for _, k := range keys {
				all = append(all, show(k))
			}
			return all, err
		}
	}
	find := func(user bigv.UserPath, label string) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			k, err := c.APIKeys.Find(ctx, user, label)
			return show(k), err
		}
	}
	create := func(user bigv.UserPath, key bigv.APIKeyCreate) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			k, err := c.APIKeys.Create(ctx, user, key)
			return show(k), err
		}
	}
	remove := func(id int) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.APIKeys.Delete(ctx, id) }
	}
	ci := shown{id: 9, userID: 12, label: "ci", expires: "2020-01-01T00:00:00Z"}
	bobs := shown{id: 10, userID: 13, username: "bob", label: "ci", expires: "2018-05-06T00:24:45.0312Z"}
	backup := shown{id: 11, userID: 12, username: "alice", label: "backup", key: "apikey.s3cretkey", expires: "2018-05-06T07:08:09-0700"}
	ever := shown{id: 12, userID: 12, label: "ever"}
	made := ci
	made.key = "b7f3s3cretkey"
	newYear := bigv.APIKeyCreate{Label: "ci", ExpiresAt: time.Date(2020, 1, 1, 1, 0, 0, 5, time.FixedZone("", 3600))}
	const keys, newYearBody = "GET /api_keys", `POST /api_keys {"user_id":12,"label":"ci","expires_at":"2020-01-01T00:00:00Z"}`
	listed := responses{keys: "@api_keys.json", "GET /users/alice": `{"id":12,"username":"alice"}`}

	return []wireRow{
		{
			name: "APIKeys.List", call: list(bigv.APIKeyListOptions{}), responses: listed, sent: []string{keys},
			want: []shown{ci, bobs, backup, ever},
		},
		{
			name: "APIKeys.List in the flat style", opts: flat, call: list(bigv.APIKeyListOptions{}), responses: listed,
			sent: []string{keys}, want: []shown{ci, bobs, backup, ever},
		},
		{
			name: "APIKeys.List with an overview", call: list(bigv.APIKeyListOptions{View: bigv.Overview}),
			responses: responses{keys: "@api_keys_overview.json"}, sent: []string{keys + "?view=overview"},
			want: []shown{
				{
					id: 9, userID: 12, label: "ci",
					privileges: []bigv.Privilege{{ID: 31, Username: "alice", Level: bigv.GroupAdmin, GroupID: 78, APIKeyID: 9}},
				},
			},
		},
		{
			name: "APIKeys.List of a user by ID omits the keys of others", call: list(bigv.APIKeyListOptions{User: "12"}),
			responses: listed,
			sent:      []string{keys}, want: []shown{ci, backup, ever},
		},
		{
			name: "APIKeys.List of a user by name looks up the ID",
			call: list(bigv.APIKeyListOptions{User: "alice", View: bigv.Overview}), responses: listed,
			sent: []string{"GET /users/alice", keys + "?view=overview"}, want: []shown{ci, backup, ever},
		},
		{
			name: "APIKeys.List of a user without keys", call: list(bigv.APIKeyListOptions{User: bigv.UserID(14)}), responses: listed,
			sent: []string{keys}, want: []shown{},
		},
		{
			name: "APIKeys.List of a user who is not found", call: list(bigv.APIKeyListOptions{User: "carol"}),
			responses: responses{"GET /users/carol": "404"}, sent: []string{"GET /users/carol"},
			wantErr: []any{bigv.ErrNotFound, "list API keys of carol: this request was not sent, because another one failed: " +
				"looking up the user: get user carol: 404"},
		},
		{
			name: "APIKeys.List of a user whose response has no ID", call: list(bigv.APIKeyListOptions{User: "alice"}),
			responses: responses{"GET /users/alice": `{"username":"alice"}`}, sent: []string{"GET /users/alice"},
			wantErr: []any{"the ID is missing"},
		},
		{
			name: "APIKeys.List: an empty list", call: list(bigv.APIKeyListOptions{}), responses: responses{keys: "[]"},
			sent: []string{keys}, want: []shown{},
		},
		{
			name: "APIKeys.List: a truncated list", call: list(bigv.APIKeyListOptions{}), responses: responses{keys: "["},
			sent: []string{keys}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "APIKeys.List: a truncated list of a user", call: list(bigv.APIKeyListOptions{User: "12"}),
			responses: responses{keys: "["}, sent: []string{keys}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "APIKeys.List: a wrong type", call: list(bigv.APIKeyListOptions{}),
			responses: responses{keys: `[{"id":9,"expires_at":5}]`}, sent: []string{keys},
			wantErr: []any{bigv.ErrInvalidResponse, "expires_at"},
		},

		{name: "APIKeys.Find by label", call: find("12", "ci"), responses: listed, sent: []string{keys}, want: ci},
		{
			name: "APIKeys.Find by label and the user's name", call: find("alice", "backup"), responses: listed,
			sent: []string{"GET /users/alice", keys}, want: backup,
		},
		{name: "APIKeys.Find among all users", call: find("", "ever"), responses: listed, sent: []string{keys}, want: ever},
		{
			name: "APIKeys.Find: not found", call: find("12", "CI"), responses: listed, sent: []string{keys},
			wantErr: []any{bigv.ErrNotFound, `find API key "CI" of user 12`},
		},
		{
			name: "APIKeys.Find: two keys have the label", call: find("", "ci"), responses: listed, sent: []string{keys},
			wantErr: []any{`find API key "ci": 2 keys have this label`},
		},
		{
			name: "APIKeys.Find: forbidden", call: find("12", "ci"), responses: responses{keys: "403 no"}, sent: []string{keys},
			wantErr: []any{bigv.ErrForbidden, "find API key"},
		},

		{
			name: "APIKeys.Create by the user's ID", call: create("12", newYear),
			responses: responses{"POST /api_keys": "201 @api_key.json"}, sent: []string{newYearBody}, want: made,
		},
		{
			name: "APIKeys.Create by the user's name looks up the ID", opts: flat, call: create("alice", newYear),
			responses: responses{"GET /users/alice": `{"id":12,"username":"alice"}`, "POST /api_keys": "@api_key.json"},
			sent:      []string{"GET /users/alice", newYearBody}, want: made,
		},
		{
			name: "APIKeys.Create without an expiry", call: create("12", bigv.APIKeyCreate{Label: "ci"}),
			responses: responses{"POST /api_keys": "@api_key.json"}, sent: []string{`POST /api_keys {"user_id":12,"label":"ci"}`},
			want: made,
		},
		{
			name: "APIKeys.Create: a response without the key means that it was created", call: create("12", newYear), want: shown{id: 9},
			responses: responses{"POST /api_keys": `{"id":9}`}, sent: []string{newYearBody},
			wantErr: []any{
				bigv.ErrInvalidResponse, "create API key for user 12: the request succeeded, but", "the response does not contain the key",
			},
		},
		{
			name: "APIKeys.Create: an empty response means that it was created", call: create("12", newYear),
			responses: responses{"POST /api_keys": "204 "},
			sent:      []string{newYearBody}, wantErr: []any{bigv.ErrInvalidResponse, "the request succeeded"},
		},
		{
			name: "APIKeys.Create is not retried", call: create("12", newYear), responses: responses{"POST /api_keys": "502 "},
			sent: []string{newYearBody}, wantErr: []any{bigv.ErrOutcomeUnknown},
		},
		{
			name: "APIKeys.Create: a validation error", call: create("12", newYear),
			responses: responses{"POST /api_keys": `400 {"expires_at":["is invalid"]}`}, sent: []string{newYearBody},
			wantErr: []any{bigv.ErrBadRequest, "expires_at is invalid"},
		},

		{
			name: "APIKeys.Delete", call: remove(9), responses: responses{"DELETE /api_keys/9": "204 "},
			sent: []string{"DELETE /api_keys/9"},
		},
		{
			name: "APIKeys.Delete with a 200 response", opts: flat, call: remove(9),
			responses: responses{"DELETE /api_keys/9": `200 {"id":9}`}, sent: []string{"DELETE /api_keys/9"},
		},
		{
			name: "APIKeys.Delete: not found", call: remove(9), responses: responses{"DELETE /api_keys/9": "404 no such thing"},
			sent: []string{"DELETE /api_keys/9"}, wantErr: []any{bigv.ErrNotFound, "delete API key 9"},
		},

		{
			name: "APIKeys.Create without a label", call: create("alice", bigv.APIKeyCreate{Label: " "}),
			wantErr: []any{"label is required"},
		},
		{name: "APIKeys.Create without a user", call: create("", newYear), wantErr: []any{"path is empty: it identifies no resource"}},
		{name: "APIKeys.Create for ID 0", call: create("0", newYear), wantErr: []any{"0 is not an ID"}},
		{
			name: "APIKeys.Create for a user called ..", call: create("..", newYear),
			wantErr: []any{"is not allowed"},
		},
		{name: "APIKeys.List of ID 0", call: list(bigv.APIKeyListOptions{User: "0"}), wantErr: []any{"0 is not an ID"}},
		{
			name: "APIKeys.List of a user called ..", call: list(bigv.APIKeyListOptions{User: ".."}),
			wantErr: []any{"is not allowed"},
		},
		{name: "APIKeys.Delete of ID 0", call: remove(0), wantErr: []any{"API key 0 is not an ID"}},
		{name: "APIKeys.Delete of a negative ID", call: remove(-9), wantErr: []any{"-9 is not an ID"}},
	}
}

func TestAPIKeyHidesItsKey(t *testing.T) {
	t.Parallel()
	client := start(t, fakeserver.Table(t, responses{"POST /api_keys": "@api_key.json"}))
	key, err := client.APIKeys.Create(t.Context(), "12", bigv.APIKeyCreate{Label: "ci"})
	require.NoError(t, err)
	text, err := json.Marshal(key)
	require.NoError(t, err)
	for _, printed := range []string{string(text), fmt.Sprint(key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", key)} {
		assert.NotContains(t, printed, "s3cretkey")
	}
	assert.Equal(t, "b7f3s3cretkey", key.Key.Reveal())

	for _, response := range []string{
		`{"id":9,"api_key":7331733173}`,
		`{"id":9,"api_key":["b7f3s3cretkey"]}`,
		`{"id":9,"api_key":"b7f3s3cretkey","label":}`,
		`{"id":9,"api_key":"b7f3s3cretkey","api_key":"b7f3s3cretkey"}`,
		`"b7f3s3cretkey"`,
	} {
		client := start(t, fakeserver.Table(t, responses{"POST /api_keys": response}))
		_, err := client.APIKeys.Create(t.Context(), "12", bigv.APIKeyCreate{Label: "ci"})
		require.Error(t, err, response)
		assertNoSecrets(t, err, "s3cretkey", "7331733173")
	}
}

// APIKeys creates a key that expires, with a privilege.
func (s fullServer) APIKeys(t *testing.T) {
	key, err := s.client.APIKeys.Create(t.Context(), "alice", bigv.APIKeyCreate{Label: "ci", ExpiresAt: s.srv.Now().AddDate(1, 0, 0)})
	require.NoError(t, err)
	grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web, APIKeyID: key.ID, YubikeyOTPMaxAge: bigv.Set(5)}
	require.NoError(t, just(s.client.Privileges.Grant(t.Context(), "alice", grant)))
}
