package bigv_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// s3ssion is a token with what a URL must escape.
const s3ssion, s3ssionURL = "s3ss/10n?a=b", "/session/s3ss%2F10n%3Fa=b"

func TestSessions(t *testing.T) {
	t.Parallel()
	create := func(session bigv.SessionCreate) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			token, err := c.Sessions.Create(ctx, session)
			return token.Reveal(), err
		}
	}
	get := func(token string) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return c.Sessions.Get(ctx, bigv.NewSecret(token))
		}
	}
	impersonate := func(token, username string) func(context.Context, *bigv.Client) (any, error) {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			session, err := c.Sessions.Impersonate(ctx, bigv.NewSecret(token), username)
			return session.Reveal(), err
		}
	}
	alice := bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")}
	with := func(change func(*bigv.SessionCreate)) bigv.SessionCreate {
		session := alice
		change(&session)
		return session
	}
	const login = `POST /session {"password":"0pensesame","username":"alice"}`
	read := bigv.Session{Username: "alice", Factors: []string{"password", "google-auth"}, GroupMemberships: []string{"staff"}}

	for _, row := range []serviceRow{
		{name: "create", call: create(alice), answers: map[string]string{"POST /session": "n3wsession"}, sent: []string{login}, want: "n3wsession"},
		{name: "create in the flat style", opts: flat, call: create(alice), answers: map[string]string{"POST /session": "201 n3wsession"}, sent: []string{login}, want: "n3wsession"},
		{name: "space around the token is none of it", call: create(alice), answers: map[string]string{"POST /session": " \r\nn3wsession\n\n"}, sent: []string{login}, want: "n3wsession"},
		{
			name: "a YubiKey and a validity are strings", want: "n3wsession", answers: map[string]string{"POST /session": "n3wsession"},
			call: create(with(func(s *bigv.SessionCreate) {
				s.Yubikey, s.Validity = bigv.NewSecret("cccc"), 30*time.Minute+time.Millisecond
			})),
			sent: []string{`POST /session {"password":"0pensesame","username":"alice","validity":"1800","yubikey":"cccc"}`},
		},
		{
			name: "a code", want: "n3wsession", answers: map[string]string{"POST /session": "n3wsession"},
			call: create(with(func(s *bigv.SessionCreate) { s.TwoFactor = bigv.NewSecret("012345") })),
			sent: []string{`POST /session {"2fa":"012345","password":"0pensesame","username":"alice"}`},
		},
		{name: "an empty answer", call: create(alice), answers: map[string]string{"POST /session": " \n"}, sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse, bigv.ErrOutcomeUnknown, "not a session ID"}},
		{name: "an answer in JSON", call: create(alice), answers: map[string]string{"POST /session": `{"session":"n3wsession"}`}, sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse}},
		{name: "an answer that is a web page", call: create(alice), answers: map[string]string{"POST /session": `<html>`}, sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse, "web page"}},
		{name: "an answer that no header can hold", call: create(alice), answers: map[string]string{"POST /session": "n3w\x01session"}, sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse}},
		{name: "wrong credentials", call: create(alice), answers: map[string]string{"POST /session": "403 "}, sent: []string{login}, wantErr: []any{bigv.ErrForbidden, bigv.ErrUnauthorized, "log in alice: 403", "check the user name, the password and the second factor [POST /session]"}},
		{name: "a second factor is missing", call: create(alice), answers: map[string]string{"POST /session": "400 Missing 2FA"}, sent: []string{login}, wantErr: []any{bigv.ErrBadRequest, "Missing 2FA"}},
		{name: "what is echoed is removed", call: create(alice), answers: map[string]string{"POST /session": "400 alice:0pensesame"}, sent: []string{login}, wantErr: []any{bigv.ErrBadRequest, "alice:[redacted]"}},
		{name: "create is never sent again", call: create(alice), answers: map[string]string{"POST /session": "502 "}, sent: []string{login}, wantErr: []any{bigv.ErrOutcomeUnknown}},

		{name: "get", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: "@session.json"}, sent: []string{"GET " + s3ssionURL}, want: read},
		{name: "get in the flat style", opts: flat, call: get("t0ken"), answers: map[string]string{"GET /session/t0ken": `{"username":"alice","factors":[],"group_memberships":null}`}, sent: []string{"GET /session/t0ken"}, want: bigv.Session{Username: "alice", Factors: []string{}}},
		{name: "get of none", call: get(s3ssion), sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrNotFound, "[GET /session/{session}]"}},
		{name: "get is sent again", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: "500 " + s3ssion + s3ssionURL}, sent: []string{"GET " + s3ssionURL, "GET " + s3ssionURL}, wantErr: []any{bigv.ErrServer}},
		{name: "get with an empty answer", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: ""}, sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse, "it is empty"}},
		{name: "get with an empty object", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: "{}"}, sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse, "it is empty"}},
		{name: "get with null", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: "null"}, sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse, "it is empty"}},
		{name: "get with an answer of a wrong type", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: `{"username":["` + s3ssion + `"]}`}, sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse}},
		{name: "get with an answer that ends too early", call: get(s3ssion), answers: map[string]string{"GET " + s3ssionURL: `{"username":"` + s3ssion}, sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse}},

		{name: "impersonate", call: impersonate(s3ssion, "bob"), answers: map[string]string{"POST " + s3ssionURL: "n3wsession\n"}, sent: []string{"POST " + s3ssionURL + ` {"username":"bob"}`}, want: "n3wsession"},
		{name: "impersonate of none", call: impersonate(s3ssion, "bob"), answers: map[string]string{"POST " + s3ssionURL: "403 " + s3ssion}, sent: []string{"POST " + s3ssionURL + ` {"username":"bob"}`}, wantErr: []any{bigv.ErrForbidden, "impersonate user bob", "[redacted]"}},
		{name: "impersonate is never sent again", call: impersonate(s3ssion, "bob"), answers: map[string]string{"POST " + s3ssionURL: "500 "}, sent: []string{"POST " + s3ssionURL + ` {"username":"bob"}`}, wantErr: []any{bigv.ErrOutcomeUnknown}},

		{name: "no user name", call: create(with(func(s *bigv.SessionCreate) { s.Username = "" })), wantErr: []any{"needs a user name and a password", "nothing was sent"}},
		{name: "no password", call: create(with(func(s *bigv.SessionCreate) { s.Password = bigv.Secret{} })), wantErr: []any{"needs a user name and a password", "nothing was sent"}},
		{name: "two second factors", call: create(with(func(s *bigv.SessionCreate) { s.Yubikey, s.TwoFactor = bigv.NewSecret("cccc"), bigv.NewSecret("012345") })), wantErr: []any{"one second factor", "nothing was sent"}},
		{name: "a validity below a second", call: create(with(func(s *bigv.SessionCreate) { s.Validity = time.Millisecond })), wantErr: []any{"validity of 1ms", "nothing was sent"}},
		{name: "a validity below zero", call: create(with(func(s *bigv.SessionCreate) { s.Validity = -time.Hour })), wantErr: []any{"validity of -1h0m0s", "nothing was sent"}},
		{name: "get of no token", call: get(""), wantErr: []any{"the token is empty", "nothing was sent"}},
		{name: "get of an API key", call: get("apikey.s3ss10n"), wantErr: []any{"an API key has no session", "nothing was sent"}},
		{name: "get of a token with a space", call: get("s3ss 10n"), wantErr: []any{"holds a space", "nothing was sent"}},
		{name: "get of a token that would climb", call: get(".."), wantErr: []any{"none of a session", "nothing was sent"}},
		{name: "impersonate with no token", call: impersonate("", "bob"), wantErr: []any{"the token is empty", "nothing was sent"}},
		{name: "impersonate with an API key", call: impersonate("apikey.s3ss10n", "bob"), wantErr: []any{"an API key has no session", "nothing was sent"}},
		{name: "impersonate nobody", call: impersonate(s3ssion, ""), wantErr: []any{"the user name is empty", "nothing was sent"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d, client := newDesk(t, row.answers, row.opts...)
			got, err := row.call(t.Context(), client)
			checkOutcome(t, row, d, got, err)
			secretsIn(t, err, "s3ss", "0pensesame", "n3wsession", "cccc", "012345")
			for i, header := range d.headers {
				accept := "text/plain"
				if d.requests[i][:3] == "GET" {
					accept = "application/json"
				}
				assert.Equal(t, accept, header.Get("Accept"))
				assert.Equal(t, "application/json", header.Get("Content-Type"))
				assert.NotContains(t, header, "Authorization")
				assert.Equal(t, "bigv-go/"+bigv.Version, header.Get("User-Agent"))
			}
		})
	}
}

func TestSessionsGoToTheAuthenticationService(t *testing.T) {
	t.Parallel()
	auth := &desk{answers: map[string]answer{"POST /auth/session": {200, "n3wsession"}}}
	srv := httptest.NewServer(auth)
	defer srv.Close()
	api, client := newDesk(t, nil, bigv.WithAuthURL(srv.URL+"/auth/"))
	var response bigv.Response
	token, err := client.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")},
		bigv.WithResponse(&response), bigv.WithHeader("X-Trace", "1"))
	require.NoError(t, err)
	assert.Equal(t, "n3wsession", token.Reveal())
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, "1", auth.headers[0].Get("X-Trace"))
	assert.Empty(t, api.requests)
}

// Half a token is no token.
func TestSessionsCutShort(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "n3wsess")
	}))
	defer srv.Close()
	_, client := newDesk(t, nil, bigv.WithAuthURL(srv.URL))
	token, err := client.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")})
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.True(t, token.IsZero())
	_, err = client.Sessions.Get(t.Context(), bigv.NewSecret(s3ssion))
	assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestSessionsOfAnEndedContext(t *testing.T) {
	t.Parallel()
	d, client := newDesk(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Sessions.Get(ctx, bigv.NewSecret(s3ssion))
	assert.ErrorIs(t, err, context.Canceled)
	secretsIn(t, err, "s3ss")
	var none context.Context
	_, err = client.Sessions.Create(none, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("x")})
	assert.ErrorContains(t, err, "the context is nil")
	assert.ErrorContains(t, client.Sessions.KeepAlive(none), "the context is nil")
	assert.Empty(t, d.requests)
}

// A token is in the URL of its session, and so in what the HTTP client says when
// it fails and in where a redirect leads: neither may reach errors and hooks.
func TestSessionTokensDoNotLeakFromURLs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []bigv.Attempt
	hook := bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, a)
	})
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.EscapedPath()+"/", http.StatusTemporaryRedirect)
	}))
	defer redirecting.Close()
	for _, address := range []string{redirecting.URL, "http://127.0.0.1:1"} {
		_, client := newDesk(t, nil, bigv.WithAuthURL(address), hook)
		_, getErr := client.Sessions.Get(t.Context(), bigv.NewSecret(s3ssion))
		_, postErr := client.Sessions.Impersonate(t.Context(), bigv.NewSecret(s3ssion), "bob")
		for _, err := range []error{getErr, postErr} {
			require.Error(t, err)
			secretsIn(t, err, "s3ss")
		}
		if address == redirecting.URL {
			assert.ErrorIs(t, postErr, bigv.ErrRedirect)
		}
	}
	require.NotEmpty(t, told)
	for _, a := range told {
		assert.Equal(t, "/session/{session}", a.Route)
		secretsIn(t, a.Err, "s3ss")
	}
}

// The login of a client with credentials is the same call.
func TestCredentialsLogIn(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		opts []bigv.Option
		body string
	}{
		{"password", nil, `{"password":"0pensesame","username":"alice"}`},
		{"validity", []bigv.Option{bigv.WithSessionValidity(time.Hour)}, `{"password":"0pensesame","username":"alice","validity":"3600"}`},
		{"YubiKey", []bigv.Option{bigv.WithSecondFactor(bigv.Yubikey, func(context.Context) (bigv.Secret, error) {
			return bigv.NewSecret("cccc"), nil
		})}, `{"password":"0pensesame","username":"alice","yubikey":"cccc"}`},
		{"code", []bigv.Option{bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) {
			return bigv.NewSecret("012345"), nil
		})}, `{"2fa":"012345","password":"0pensesame","username":"alice"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := &desk{answers: map[string]answer{"POST /session": {200, "n3wsession"}, "GET /users": {200, "[]"}}}
			srv := httptest.NewServer(d)
			defer srv.Close()
			client, err := bigv.NewClient(append(row.opts, bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithCredentials("alice", "0pensesame"))...)
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			_, err = client.Users.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"POST /session " + row.body, "GET /users"}, d.requests)
			assert.Equal(t, "text/plain", d.headers[0].Get("Accept"))
			assert.Equal(t, "Bearer n3wsession", d.headers[1].Get("Authorization"))
		})
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		opts    []bigv.Option
		answers []answer // in turn, the last one again and again
		reads   int      // after which the context ends
		wantErr []any
	}{
		{"it reads until the context ends", nil, []answer{{200, `{"username":"alice"}`}}, 5, []any{errEnough}},
		{"passing errors are put up with", nil, []answer{{503, ""}, {500, "x"}, {200, `{"username":"alice"}`}}, 6, []any{errEnough}},
		{"a session that has ended", nil, []answer{{200, `{"username":"alice"}`}, {404, ""}}, 9, []any{bigv.ErrNotFound, "keep session alive"}},
		{"a session that can be opened again", []bigv.Option{bigv.WithCredentials("alice", "0pensesame")}, []answer{{404, ""}}, 4, []any{errEnough}},
		{"a session that could be opened again and is refused", []bigv.Option{bigv.WithCredentials("alice", "0pensesame")}, []answer{{403, ""}}, 9, []any{bigv.ErrForbidden}},
		{"an answer that is no session", nil, []answer{{200, "<html>"}}, 9, []any{bigv.ErrInvalidResponse}},
		{"a token that is refused", nil, []answer{{403, ""}}, 9, []any{bigv.ErrForbidden}},
		{"an API key", []bigv.Option{bigv.WithAPIKey("k3y")}, []answer{{404, ""}}, 1, []any{"an API key has no session"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			limited, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()
			ctx, cancel := context.WithCancelCause(limited)
			defer cancel(nil)
			reads := 0
			var mu sync.Mutex
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Method == http.MethodPost {
					_, _ = w.Write([]byte("t0ken"))
					return
				}
				said := row.answers[min(reads, len(row.answers)-1)]
				if reads++; reads == row.reads {
					cancel(errEnough)
				}
				if r.URL.Path != "/session/t0ken" {
					said = answer{400, r.URL.Path}
				}
				w.WriteHeader(said.status)
				_, _ = w.Write([]byte(said.body))
			}))
			defer srv.Close()
			opts := row.opts
			if opts == nil {
				opts = []bigv.Option{bigv.WithToken("t0ken")}
			}
			client, err := bigv.NewClient(append(opts, bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}))...)
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			err = bigv.KeepAliveEvery(client.Sessions, ctx, time.Millisecond)
			for _, want := range row.wantErr {
				if text, ok := want.(string); ok {
					assert.ErrorContains(t, err, text)
				} else {
					assert.ErrorIs(t, err, want.(error))
				}
			}
			secretsIn(t, err, "t0ken")
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, errEnough) {
				assert.Equal(t, row.reads, reads)
			}
		})
	}
}
