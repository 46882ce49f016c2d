package bigv_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// s3ssion is a token with characters that must be escaped in a URL.
const s3ssion, s3ssionURL = "s3ss/10n?a=b", "/session/s3ss%2F10n%3Fa=b"

// Sessions returns the rows of SessionsService.
func (wireRows) Sessions() []wireRow {
	create := func(session bigv.SessionCreate) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			token, err := c.Sessions.Create(ctx, session)
			return token.Reveal(), err
		}
	}
	get := func(token string) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			return c.Sessions.Get(ctx, bigv.NewSecret(token))
		}
	}
	impersonate := func(token, username string) callFunc {
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

	return []wireRow{
		{
			name: "Sessions.Create", call: create(alice), responses: responses{"POST /session": "n3wsession"}, sent: []string{login},
			want: "n3wsession",
		},
		{
			name: "Sessions.Create in the flat style", opts: flat, call: create(alice),
			responses: responses{"POST /session": "201 n3wsession"}, sent: []string{login}, want: "n3wsession",
		},
		{
			name: "Sessions.Create trims white space around the token", call: create(alice),
			responses: responses{"POST /session": " \r\nn3wsession\n\n"}, sent: []string{login}, want: "n3wsession",
		},
		{
			name: "Sessions.Create sends the YubiKey code and the validity as strings", want: "n3wsession",
			responses: responses{"POST /session": "n3wsession"},
			call: create(with(func(s *bigv.SessionCreate) {
				s.Yubikey, s.Validity = bigv.NewSecret("yubik3ycode"), 30*time.Minute+time.Millisecond
			})),
			sent: []string{`POST /session {"password":"0pensesame","username":"alice","validity":"1800","yubikey":"yubik3ycode"}`},
		},
		{
			name: "Sessions.Create with a code of an authenticator app", want: "n3wsession",
			responses: responses{"POST /session": "n3wsession"},
			call:      create(with(func(s *bigv.SessionCreate) { s.TwoFactor = bigv.NewSecret("app-c0de") })),
			sent:      []string{`POST /session {"2fa":"app-c0de","password":"0pensesame","username":"alice"}`},
		},
		{
			name: "Sessions.Create: an empty response", call: create(alice), responses: responses{"POST /session": " \n"},
			sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse, bigv.ErrOutcomeUnknown, "not a session ID"},
		},
		{
			name: "Sessions.Create: a response in JSON", call: create(alice),
			responses: responses{"POST /session": `{"session":"n3wsession"}`}, sent: []string{login},
			wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "Sessions.Create: an HTML page", call: create(alice), responses: responses{"POST /session": `<html>`},
			sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse, "an HTML page"},
		},
		{
			name: "Sessions.Create: a response that cannot be a header", call: create(alice),
			responses: responses{"POST /session": "n3w\x01session"}, sent: []string{login}, wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "Sessions.Create: wrong credentials", call: create(alice), responses: responses{"POST /session": "403 "},
			sent: []string{login},
			wantErr: []any{
				bigv.ErrForbidden, bigv.ErrUnauthorized, "log in alice: 403",
				"check the user name, the password and the second factor [POST /session]",
			},
		},
		{
			name: "Sessions.Create: a second factor is missing", call: create(alice),
			responses: responses{"POST /session": "400 Missing 2FA"}, sent: []string{login},
			wantErr: []any{bigv.ErrBadRequest, "Missing 2FA"},
		},
		{
			name: "Sessions.Create redacts the password in an error", call: create(alice),
			responses: responses{"POST /session": "400 alice:0pensesame"}, sent: []string{login},
			wantErr: []any{bigv.ErrBadRequest, "alice:[redacted]"},
		},
		{
			name: "Sessions.Create is not retried", call: create(alice), responses: responses{"POST /session": "502 "},
			sent: []string{login}, wantErr: []any{bigv.ErrOutcomeUnknown},
		},

		{
			name: "Sessions.Get", call: get(s3ssion), responses: responses{"GET " + s3ssionURL: "@session.json"},
			sent: []string{"GET " + s3ssionURL}, want: read,
		},
		{
			name: "Sessions.Get in the flat style", opts: flat, call: get("t0ken"),
			responses: responses{"GET /session/t0ken": `{"username":"alice","factors":[],"group_memberships":null}`},
			sent:      []string{"GET /session/t0ken"}, want: bigv.Session{Username: "alice", Factors: []string{}},
		},
		{
			name: "Sessions.Get: not found", call: get(s3ssion), responses: responses{"GET " + s3ssionURL: "404 no such thing"},
			sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrNotFound, "[GET /session/{session}]"},
		},
		{
			name: "Sessions.Get is retried", call: get(s3ssion),
			responses: responses{"GET " + s3ssionURL: "500 " + s3ssion + s3ssionURL},
			sent:      []string{"GET " + s3ssionURL, "GET " + s3ssionURL}, wantErr: []any{bigv.ErrServer},
		},
		{
			name: "Sessions.Get with an empty response", call: get(s3ssion), responses: responses{"GET " + s3ssionURL: ""},
			sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse, "the body is empty"},
		},
		{
			name: "Sessions.Get with an empty object", call: get(s3ssion), responses: responses{"GET " + s3ssionURL: "{}"},
			sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse, "the body is empty"},
		},
		{
			name: "Sessions.Get with null", call: get(s3ssion), responses: responses{"GET " + s3ssionURL: "null"},
			sent: []string{"GET " + s3ssionURL}, wantErr: []any{bigv.ErrInvalidResponse, "the body is empty"},
		},
		{
			name: "Sessions.Get with a response of a wrong type", call: get(s3ssion),
			responses: responses{"GET " + s3ssionURL: `{"username":["` + s3ssion + `"]}`}, sent: []string{"GET " + s3ssionURL},
			wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "Sessions.Get with a truncated response", call: get(s3ssion),
			responses: responses{"GET " + s3ssionURL: `{"username":"` + s3ssion}, sent: []string{"GET " + s3ssionURL},
			wantErr: []any{bigv.ErrInvalidResponse},
		},

		{
			name: "Sessions.Impersonate", call: impersonate(s3ssion, "bob"), responses: responses{"POST " + s3ssionURL: "n3wsession\n"},
			sent: []string{"POST " + s3ssionURL + ` {"username":"bob"}`}, want: "n3wsession",
		},
		{
			name: "Sessions.Impersonate: not found", call: impersonate(s3ssion, "bob"),
			responses: responses{"POST " + s3ssionURL: "403 " + s3ssion}, sent: []string{"POST " + s3ssionURL + ` {"username":"bob"}`},
			wantErr: []any{bigv.ErrForbidden, "impersonate user bob", "[redacted]"},
		},
		{
			name: "Sessions.Impersonate is not retried", call: impersonate(s3ssion, "bob"),
			responses: responses{"POST " + s3ssionURL: "500 "}, sent: []string{"POST " + s3ssionURL + ` {"username":"bob"}`},
			wantErr: []any{bigv.ErrOutcomeUnknown},
		},

		{
			name: "Sessions.Create without a user name", call: create(with(func(s *bigv.SessionCreate) { s.Username = "" })),
			wantErr: []any{"needs a user name and a password"},
		},
		{
			name: "Sessions.Create without a password", call: create(with(func(s *bigv.SessionCreate) { s.Password = bigv.Secret{} })),
			wantErr: []any{"needs a user name and a password"},
		},
		{
			name: "Sessions.Create with two second factors",
			call: create(
				with(func(s *bigv.SessionCreate) {
					s.Yubikey, s.TwoFactor = bigv.NewSecret("yubik3ycode"), bigv.NewSecret("app-c0de")
				}),
			),
			wantErr: []any{"one second factor"},
		},
		{
			name:    "Sessions.Create with a validity below a second",
			call:    create(with(func(s *bigv.SessionCreate) { s.Validity = time.Millisecond })),
			wantErr: []any{"session validity must be at least 1s, got 1ms"},
		},
		{
			name: "Sessions.Create with a negative validity", call: create(with(func(s *bigv.SessionCreate) { s.Validity = -time.Hour })),
			wantErr: []any{"session validity must be at least 1s, got -1h0m0s"},
		},
		{name: "Sessions.Get without a token", call: get(""), wantErr: []any{"token is empty"}},
		{
			name: "Sessions.Get of an API key", call: get("apikey.s3ss10n"),
			wantErr: []any{"an API key has no session"},
		},
		{name: "Sessions.Get of a token with a space", call: get("s3ss 10n"), wantErr: []any{"contains a space"}},
		{name: "Sessions.Get of a token that is a path segment", call: get(".."), wantErr: []any{"not the token of a session"}},
		{
			name: "Sessions.Impersonate without a token", call: impersonate("", "bob"),
			wantErr: []any{"token is empty"},
		},
		{
			name: "Sessions.Impersonate with an API key", call: impersonate("apikey.s3ss10n", "bob"),
			wantErr: []any{"an API key has no session"},
		},
		{
			name: "Sessions.Impersonate without a user name", call: impersonate(s3ssion, ""),
			wantErr: []any{"user name is empty"},
		},
	}
}

func TestSessionsGoToTheAuthenticationService(t *testing.T) {
	t.Parallel()
	auth := fakeserver.New(t, fakeserver.Table(t, responses{"POST /auth/session": "n3wsession"}))
	api := fakeserver.New(t, nil)
	client := newClient(t, api, bigv.WithAuthURL(auth.URL()+"/auth/"))
	var response bigv.Response
	token, err := client.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")},
		bigv.WithResponse(&response), bigv.WithHeader("X-Trace", "1"))
	require.NoError(t, err)
	assert.Equal(t, "n3wsession", token.Reveal())
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, "1", auth.Requests()[0].Header.Get("X-Trace"))
	assert.Empty(t, api.Sent())
}

func TestTruncatedSessionResponseIsAnError(t *testing.T) {
	t.Parallel()
	client := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "n3wsess")
	})
	token, err := client.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")})
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.True(t, token.IsZero())
	_, err = client.Sessions.Get(t.Context(), bigv.NewSecret(s3ssion))
	assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// The token is part of the URL of its session. It must not reach errors and hooks, neither in the errors of the HTTP client nor in
// the target of a redirect.
func TestSessionTokensDoNotLeakFromURLs(t *testing.T) {
	t.Parallel()
	redirecting := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.EscapedPath()+"/", http.StatusTemporaryRedirect)
	})
	var log attemptLog
	for _, url := range []string{redirecting.URL(), "http://127.0.0.1:1"} {
		client := clientFor(t, url, log.option(), bigv.WithToken("t0ken"))
		_, getErr := client.Sessions.Get(t.Context(), bigv.NewSecret(s3ssion))
		_, postErr := client.Sessions.Impersonate(t.Context(), bigv.NewSecret(s3ssion), "bob")
		for _, err := range []error{getErr, postErr} {
			require.Error(t, err)
			assertNoSecrets(t, err, "s3ss")
		}
		if url == redirecting.URL() {
			assert.ErrorIs(t, postErr, bigv.ErrRedirect)
		}
	}
	require.NotEmpty(t, log.all())
	for _, a := range log.all() {
		assert.Equal(t, "/session/{session}", a.Route)
		assertNoSecrets(t, a.Err, "s3ss")
	}
}

func TestLoginSendsTheSameAsSessionsCreate(t *testing.T) {
	t.Parallel()
	factor := func(kind bigv.Factor, code string) []bigv.Option {
		return []bigv.Option{bigv.WithSecondFactor(kind, func(context.Context) (bigv.Secret, error) {
			return bigv.NewSecret(code), nil
		})}
	}
	for _, row := range []struct {
		name string
		opts []bigv.Option
		body string
	}{
		{"password", nil, `{"password":"0pensesame","username":"alice"}`},
		{
			"validity", []bigv.Option{bigv.WithSessionValidity(time.Hour)},
			`{"password":"0pensesame","username":"alice","validity":"3600"}`,
		},
		{"YubiKey", factor(bigv.Yubikey, "yubik3ycode"), `{"password":"0pensesame","username":"alice","yubikey":"yubik3ycode"}`},
		{"code", factor(bigv.TwoFactor, "app-c0de"), `{"2fa":"app-c0de","password":"0pensesame","username":"alice"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := fakeserver.New(t, fakeserver.Table(t, responses{"POST /session": "n3wsession"}))
			client := clientFor(t, srv.URL(), append(row.opts, bigv.WithCredentials("alice", "0pensesame"))...)
			_, err := client.Users.List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"POST /session " + row.body, "GET /users"}, srv.Sent())
			assert.Equal(t, "text/plain", srv.Requests()[0].Header.Get("Accept"))
			assert.Equal(t, "Bearer n3wsession", srv.Requests()[1].Header.Get("Authorization"))
		})
	}
}

// errEnough is the cause of a context that a test cancels after enough requests.
var errEnough = errors.New("enough")

// TestKeepAlive runs with synctest's clock and a service in memory, because KeepAlive waits for minutes.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	const alice = `{"username":"alice"}`
	credentials := bigv.WithCredentials("alice", "0pensesame")
	token := bigv.WithToken("t0ken")
	for _, row := range []struct {
		name    string
		auth    bigv.Option
		session string // the responses to reading it
		reads   int    // the context ends with this read
		wantErr []any
	}{
		{"reads the session until the context ends", token, alice, 5, []any{errEnough}},
		{"tolerates transient errors", token, fakeserver.Sequence("503", "500 x", alice), 6, []any{errEnough}},
		{"ends with a session", token, fakeserver.Sequence(alice, "404"), 9, []any{bigv.ErrNotFound, "keep session alive"}},
		{"goes on if the client can log in again", credentials, "404", 4, []any{errEnough}},
		{"ends if a session is refused", credentials, "403", 9, []any{bigv.ErrForbidden}},
		{"ends if the response is no session", token, "<html>", 9, []any{bigv.ErrInvalidResponse}},
		{"ends if a token is refused", token, "403", 9, []any{bigv.ErrForbidden}},
		{"does not work with an API key", bigv.WithAPIKey("k3y"), "404", 1, []any{"an API key has no session"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			table := fakeserver.Table(t, responses{"POST /session": "t0ken", "GET /session/t0ken": row.session, "GET": "400"})
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				reads, began := 0, time.Now()
				service := roundTripperFunc(func(r *http.Request) (*http.Response, error) {
					w := httptest.NewRecorder()
					table(w, r)
					if r.Method == http.MethodGet {
						assert.WithinDuration(t, began.Add(time.Duration(reads)*2*time.Minute), time.Now(), time.Second, "read %d", reads)
						if reads++; reads == row.reads {
							cancel(errEnough)
						}
					}
					return w.Result(), nil
				})
				client := clientFor(t, "https://session.example", row.auth, tryOnce, bigv.WithTransport(service))
				err := client.Sessions.KeepAlive(ctx)
				for _, want := range row.wantErr {
					assertErr(t, err, want)
				}
				assertNoSecrets(t, err, "t0ken")
				if errors.Is(err, errEnough) {
					assert.Equal(t, row.reads, reads)
				}
			})
		})
	}
}

// roundTripperFunc is an http.RoundTripper in memory.
type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
