package bigv_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clearEnv unsets the variables that NewClientFromEnv reads.
func clearEnv(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	} {
		t.Setenv(name, "")
	}
}

func someCode(context.Context) (bigv.Secret, error) { return bigv.NewSecret("1"), nil }

func TestInvalidOptions(t *testing.T) {
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.Secret{}, nil })
	for _, tt := range []struct {
		name     string
		opts     []bigv.Option
		messages []string
	}{
		{"nil", []bigv.Option{nil}, []string{"option is nil"}},
		{"base URL: another scheme", []bigv.Option{bigv.WithBaseURL("ftp://host")},
			[]string{`base URL "ftp://host" must look like https://host`}},
		{"base URL: no scheme", []bigv.Option{bigv.WithBaseURL("uk0.bigv.io")}, []string{"must look like https://host"}},
		{"base URL: empty", []bigv.Option{bigv.WithBaseURL("")}, []string{"must look like https://host"}},
		{"base URL: no host", []bigv.Option{bigv.WithBaseURL("https://")}, []string{"must look like https://host"}},
		{"base URL: only a port", []bigv.Option{bigv.WithBaseURL("https://:443")}, []string{"must look like https://host"}},
		{"base URL: a query", []bigv.Option{bigv.WithBaseURL("https://host?x=1")}, []string{"must not have a query"}},
		{"base URL: an empty query", []bigv.Option{bigv.WithBaseURL("https://host?")}, []string{"must not have a query"}},
		{"base URL: a fragment", []bigv.Option{bigv.WithBaseURL("https://host#x")}, []string{"must not have a query or fragment"}},
		{"base URL: an escape that is not valid", []bigv.Option{bigv.WithBaseURL("https://host/%zz")},
			[]string{"base URL cannot be parsed"}},
		{"base URL: not valid", []bigv.Option{bigv.WithBaseURL("https://host:port")}, []string{"base URL cannot be parsed"}},
		{"base URL: a password", []bigv.Option{bigv.WithBaseURL("https://alice:sesame@host")},
			[]string{"base URL contains a user name or password: use WithCredentials"}},
		{"base URL: a password without a scheme", []bigv.Option{bigv.WithBaseURL("alice:sesame@host")},
			[]string{"base URL contains a user name or password"}},
		{"authentication URL: no scheme", []bigv.Option{bigv.WithAuthURL("host")},
			[]string{`authentication URL "host" must look like https://host`}},
		{"plain http for the base URL", []bigv.Option{bigv.WithBaseURL("http://uk0.bigv.io")},
			[]string{"http://uk0.bigv.io is plain http", "WithInsecureHTTP"}},
		{"plain http to an address", []bigv.Option{bigv.WithBaseURL("http://192.0.2.1:80")}, []string{"plain http"}},
		{"plain http to a name that begins with localhost", []bigv.Option{bigv.WithBaseURL("http://localhost.evil.example")},
			[]string{"plain http"}},
		{"plain http for the authentication URL", []bigv.Option{bigv.WithAuthURL("http://auth.bytemark.co.uk")},
			[]string{"http://auth.bytemark.co.uk is plain http"}},
		{"HTTP client: nil", []bigv.Option{bigv.WithHTTPClient(nil)}, []string{"HTTP client is nil"}},
		{"transport: nil", []bigv.Option{bigv.WithTransport(nil)}, []string{"transport is nil"}},
		{"transport: a nil pointer", []bigv.Option{bigv.WithTransport((*http.Transport)(nil))}, []string{"transport is nil"}},
		{"transport: a nil function", []bigv.Option{bigv.WithTransport(roundTripper(nil))}, []string{"transport is nil"}},
		{"HTTP client: a transport that is a nil pointer",
			[]bigv.Option{bigv.WithHTTPClient(&http.Client{Transport: (*http.Transport)(nil)})}, []string{"is a nil pointer"}},
		{"HTTP client: a cookie jar that is a nil pointer",
			[]bigv.Option{bigv.WithHTTPClient(&http.Client{Jar: (*cookiejar.Jar)(nil)})}, []string{"is a nil pointer"}},
		{"capture: a nil pointer", []bigv.Option{bigv.WithCapture((*os.File)(nil))}, []string{"writer of WithCapture is nil"}},
		{"an HTTP client and a transport", []bigv.Option{bigv.WithHTTPClient(http.DefaultClient),
			bigv.WithTransport(http.DefaultTransport)}, []string{"WithHTTPClient and WithTransport are both set"}},
		{"user agent: empty", []bigv.Option{bigv.WithUserAgent("")}, []string{"user agent is empty"}},
		{"user agent: another header", []bigv.Option{bigv.WithUserAgent("x\r\nAuthorization: Bearer y")},
			[]string{"user agent", "a character that is not allowed in a header"}},
		{"user agent: more than ASCII", []bigv.Option{bigv.WithUserAgent("ä")}, []string{"user agent"}},
		{"logger: nil", []bigv.Option{bigv.WithLogger(nil)}, []string{"logger is nil"}},
		{"attempt hook: nil", []bigv.Option{bigv.WithAttemptHook(nil)}, []string{"attempt hook is nil"}},
		{"retries: negative attempts", []bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: -1})},
			[]string{"must not be negative, got -1, 0s and 0s"}},
		{"retries: a negative minimum", []bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{MinWait: -1})},
			[]string{"must not be negative, got 0, -1ns and 0s"}},
		{"retries: a negative maximum", []bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{MaxWait: -1})},
			[]string{"must not be negative, got 0, 0s and -1ns"}},
		{"retries: the maximum is less than the minimum",
			[]bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1, MinWait: 2, MaxWait: 1})},
			[]string{"got MinWait 2ns and MaxWait 1ns"}},
		{"timeouts: a negative header", []bigv.Option{bigv.WithTimeouts(bigv.Timeouts{Header: -1})},
			[]string{"timeouts must not be negative, got Header -1ns and Idle 0s"}},
		{"timeouts: a negative idle time", []bigv.Option{bigv.WithTimeouts(bigv.Timeouts{Idle: -1})},
			[]string{"timeouts must not be negative, got Header 0s and Idle -1ns"}},
		{"response size: zero", []bigv.Option{bigv.WithMaxResponseSize(0)}, []string{"response limit must be positive, got 0 bytes"}},
		{"concurrent creates: zero", []bigv.Option{bigv.WithConcurrentCreates(0)}, []string{"concurrent creates must be at least 1"}},
		{"account: empty", []bigv.Option{bigv.WithAccount("")}, []string{"account"}},
		{"account: two dots", []bigv.Option{bigv.WithAccount("..")}, []string{`parsing account path ".."`}},
		{"account: the placeholder of the default account", []bigv.Option{bigv.WithAccount(string(bigv.DefaultAccount))},
			[]string{"the default account must be a name or an ID"}},
		{"URL style: unknown", []bigv.Option{bigv.WithURLStyle(7)}, []string{"URL style 7 is unknown: use NestedURLs or FlatURLs"}},
		{"token: empty", []bigv.Option{bigv.WithToken("")}, []string{"token is empty"}},
		{"token: another header", []bigv.Option{bigv.WithToken("t\r\nX: y")},
			[]string{"token contains a space or another invalid character"}},
		{"token: a space", []bigv.Option{bigv.WithToken("t t")}, []string{"check that it was copied completely and correctly"}},
		{"token: a space at its end", []bigv.Option{bigv.WithToken("t ")}, []string{"ends with a space or a line break"}},
		{"token: too long", []bigv.Option{bigv.WithToken(strings.Repeat("t", 5000))}, []string{"is too long: 5000 bytes"}},
		{"token: more than ASCII", []bigv.Option{bigv.WithToken("tä")}, []string{"token contains"}},
		{"API key: empty", []bigv.Option{bigv.WithAPIKey("")}, []string{"API key is empty"}},
		{"API key: only its prefix", []bigv.Option{bigv.WithAPIKey("apikey.")}, []string{"API key is empty"}},
		{"API key: another header", []bigv.Option{bigv.WithAPIKey("k\nX: y")}, []string{"API key contains"}},
		{"credentials: no user", []bigv.Option{bigv.WithCredentials("", "sesame")},
			[]string{"credentials need a user name and a password"}},
		{"credentials: no password", []bigv.Option{bigv.WithCredentials("alice", "")},
			[]string{"credentials need a user name and a password"}},
		{"token source: nil", []bigv.Option{bigv.WithTokenSource(nil)}, []string{"token source is nil"}},
		{"token source: a nil function", []bigv.Option{bigv.WithTokenSource(bigv.TokenSourceFunc(nil))},
			[]string{"token source is nil"}},
		{"second factor: unknown kind", []bigv.Option{asAlice, bigv.WithSecondFactor("pigeon", someCode)},
			[]string{"second factor must be Yubikey or TwoFactor"}},
		{"second factor: no function", []bigv.Option{asAlice, bigv.WithSecondFactor(bigv.Yubikey, nil)},
			[]string{"code of WithSecondFactor is nil"}},
		{"second factor without credentials", []bigv.Option{bigv.WithSecondFactor(bigv.Yubikey, someCode)},
			[]string{"set without WithCredentials"}},
		{"second factor with a token", []bigv.Option{bigv.WithToken("t"), bigv.WithSecondFactor(bigv.Yubikey, someCode)},
			[]string{"set without WithCredentials"}},
		{"session validity: too short", []bigv.Option{asAlice, bigv.WithSessionValidity(time.Second - 1)},
			[]string{"session validity must be at least 1s, got 999.999999ms"}},
		{"session validity without credentials", []bigv.Option{bigv.WithSessionValidity(time.Hour)},
			[]string{"set without WithCredentials"}},
		{"a token and an API key", []bigv.Option{bigv.WithToken("t"), bigv.WithAPIKey("k")},
			[]string{"a token and an API key are both set: use only one"}},
		{"credentials and a token source", []bigv.Option{asAlice, bigv.WithTokenSource(source)},
			[]string{"a user name and password and a token source are both set: use only one"}},
		{"several mistakes", []bigv.Option{bigv.WithLogger(nil), bigv.WithBaseURL("x"), bigv.WithToken(""), nil,
			bigv.WithMaxResponseSize(-1), bigv.WithAPIKey("k")}, []string{
			"logger is nil", `base URL "x"`, "token is empty", "option is nil", "response limit must be positive, got -1 bytes",
			"are both set",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, err := bigv.NewClient(tt.opts...)
			assert.Nil(t, client)
			parent, parentErr := bigv.NewClient()
			require.NoError(t, parentErr)
			_, derivedErr := parent.With(tt.opts...)
			for _, message := range tt.messages {
				assert.ErrorContains(t, err, message)
				assert.ErrorContains(t, derivedErr, message)
			}
			assert.ErrorContains(t, err, "bigv: new client")
			assert.NotContains(t, err.Error(), "sesame")
		})
	}
}

func TestPlainHTTP(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:1", "http://127.8.8.8", "http://[::1]:1", "http://[::ffff:127.0.0.1]",
		"http://localhost:1"} {
		_, err := bigv.NewClient(bigv.WithBaseURL(address), bigv.WithAuthURL(address))
		assert.NoError(t, err, address)
	}
	client, err := bigv.NewClient(bigv.WithBaseURL("http://uk0.bigv.io"), bigv.WithAuthURL("http://auth.bytemark.co.uk"),
		bigv.WithInsecureHTTP())
	require.NoError(t, err)
	_, err = client.With(bigv.WithToken("t"))
	assert.NoError(t, err, "derived clients may use it, too")
}

func TestEnvironment(t *testing.T) {
	type env map[string]string
	for _, tt := range []struct {
		name     string
		env      env
		opts     []bigv.Option
		messages []string // of the error; nil if there is none
		text     string   // of the client
	}{
		{name: "no variables", env: env{}, text: "bigv.Client(https://uk0.bigv.io)"},
		{name: "BIGV_TOKEN", env: env{"BIGV_TOKEN": "t"}},
		{name: "BIGV_API_KEY", env: env{"BIGV_API_KEY": "apikey.k"}},
		{name: "BIGV_USERNAME and BIGV_PASSWORD", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame"}},
		{name: "with BIGV_YUBIKEY", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_YUBIKEY": "c"}},
		{name: "with BIGV_2FA", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_2FA": "1"}},
		{name: "BIGV_ENDPOINT", env: env{"BIGV_ENDPOINT": "https://other.example/api/"}, text: "bigv.Client(https://other.example/api)"},
		{name: "BIGV_AUTH_ENDPOINT and BIGV_ACCOUNT", env: env{"BIGV_AUTH_ENDPOINT": "https://auth.example", "BIGV_ACCOUNT": "acme"}},
		{name: "options override variables", env: env{"BIGV_ENDPOINT": "https://other.example"},
			opts: []bigv.Option{bigv.WithBaseURL("https://third.example")}, text: "bigv.Client(https://third.example)"},
		{name: "a bad BIGV_ENDPOINT", env: env{"BIGV_ENDPOINT": "x"}, messages: []string{`BIGV_ENDPOINT: base URL "x"`}},
		{name: "plain http in BIGV_ENDPOINT", env: env{"BIGV_ENDPOINT": "http://x"}, messages: []string{"plain http"}},
		{name: "a bad BIGV_AUTH_ENDPOINT", env: env{"BIGV_AUTH_ENDPOINT": "x"},
			messages: []string{`BIGV_AUTH_ENDPOINT: authentication URL "x"`}},
		{name: "a bad BIGV_ACCOUNT", env: env{"BIGV_ACCOUNT": ".."}, messages: []string{"BIGV_ACCOUNT: "}},
		{name: "a bad BIGV_TOKEN", env: env{"BIGV_TOKEN": "t\n"}, messages: []string{"BIGV_TOKEN: token begins or ends with"}},
		{name: "a bad BIGV_API_KEY", env: env{"BIGV_API_KEY": "apikey."}, messages: []string{"BIGV_API_KEY: API key is empty"}},
		{name: "a user without a password", env: env{"BIGV_USERNAME": "alice"},
			messages: []string{"BIGV_USERNAME and BIGV_PASSWORD must be set together"}},
		{name: "a password without a user", env: env{"BIGV_PASSWORD": "sesame"},
			messages: []string{"BIGV_USERNAME and BIGV_PASSWORD must be set together"}},
		{name: "two second factors", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_YUBIKEY": "c", "BIGV_2FA": "1"},
			messages: []string{"BIGV_YUBIKEY and BIGV_2FA are both set"}},
		{name: "a second factor without credentials", env: env{"BIGV_2FA": "1"},
			messages: []string{"BIGV_YUBIKEY and BIGV_2FA need BIGV_USERNAME and BIGV_PASSWORD"}},
		{name: "a second factor with a token", env: env{"BIGV_TOKEN": "t", "BIGV_YUBIKEY": "c"},
			messages: []string{"BIGV_YUBIKEY and BIGV_2FA need"}},
		{name: "a token and an API key", env: env{"BIGV_TOKEN": "t", "BIGV_API_KEY": "k"},
			messages: []string{"a token and an API key are both set"}},
		{name: "a token and credentials", env: env{"BIGV_TOKEN": "t", "BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame"},
			messages: []string{"a token and a user name and password are both set"}},
		{name: "a token, an API key and credentials",
			env:      env{"BIGV_TOKEN": "t", "BIGV_API_KEY": "k", "BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame"},
			messages: []string{"a token and an API key and a user name and password are both set"}},
		{name: "a token and an option for an API key", env: env{"BIGV_TOKEN": "t"}, opts: []bigv.Option{bigv.WithAPIKey("k")},
			messages: []string{"a token and an API key are both set"}},
		{name: "several mistakes", env: env{"BIGV_ENDPOINT": "x", "BIGV_USERNAME": "alice", "BIGV_ACCOUNT": "."},
			opts: []bigv.Option{bigv.WithLogger(nil)}, messages: []string{
				"BIGV_ENDPOINT: ", "BIGV_ACCOUNT: ", "BIGV_USERNAME and BIGV_PASSWORD must be set together", "logger is nil",
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clearEnv(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			client, err := bigv.NewClientFromEnv(tt.opts...)
			for _, message := range tt.messages {
				assert.ErrorContains(t, err, message)
			}
			if len(tt.messages) > 0 {
				assert.Nil(t, client)
				assert.NotContains(t, err.Error(), "sesame")
				return
			}
			require.NoError(t, err)
			if tt.text != "" {
				assert.Equal(t, tt.text, client.String())
			}
		})
	}
}

// TestEnvironmentIsUsed tests that a client sends what the variables say, to where they say.
func TestEnvironmentIsUsed(t *testing.T) {
	srv := fakeserver.New(t, nil)
	for _, tt := range []struct {
		name  string
		env   map[string]string
		login string // the body
		auth  string // the Authorization of the request that follows
	}{
		{"token", map[string]string{"BIGV_TOKEN": "t"}, "", "Bearer t"},
		{"API key", map[string]string{"BIGV_API_KEY": "k"}, "", "Bearer apikey.k"},
		{"credentials", map[string]string{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_2FA": "123"},
			`{"2fa":"123","password":"sesame","username":"alice"}`, "Bearer s3ss10n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clearEnv(t)
			t.Setenv("BIGV_ENDPOINT", srv.URL()+"/api")
			t.Setenv("BIGV_AUTH_ENDPOINT", srv.URL()+"/auth")
			t.Setenv("BIGV_ACCOUNT", "acme")
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			client, err := bigv.NewClientFromEnv()
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			_, err = client.Accounts.Get(t.Context(), bigv.DefaultAccount)
			require.NoError(t, err)
			requests := srv.Reset()
			if tt.login != "" {
				require.Len(t, requests, 2)
				assert.Equal(t, "POST /auth/session", requests[0].Method+" "+requests[0].Path)
				assert.JSONEq(t, tt.login, requests[0].Body)
				requests = requests[1:]
			}
			require.Len(t, requests, 1)
			assert.Equal(t, "GET /api/accounts/acme", requests[0].String())
			assert.Equal(t, tt.auth, requests[0].Header.Get("Authorization"))
		})
	}
}

func TestDefaultAccount(t *testing.T) {
	srv := fakeserver.New(t, nil)
	base := newClient(t, srv)
	_, err := base.VirtualMachines.Get(t.Context(), bigv.DefaultAccount.Group("web").VirtualMachine("www1"))
	assert.ErrorContains(t, err, "no default account is set: use WithAccount or BIGV_ACCOUNT")
	assert.Empty(t, srv.Requests())
	for _, account := range []string{"acme", "41"} {
		client, err := base.With(bigv.WithAccount(account))
		require.NoError(t, err)
		_, err = client.VirtualMachines.Get(t.Context(), bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1"))
		require.NoError(t, err)
		assert.Equal(t, "/accounts/"+account+"/groups/default/virtual_machines/www1", srv.Reset()[0].Path)
	}
}

func TestConnections(t *testing.T) {
	url, connections := countConnections(t, fakeserver.Service)
	client := clientFor(t, url, bigv.WithToken("t"))
	derive := func(opts ...bigv.Option) *bigv.Client {
		derived, err := client.With(opts...)
		require.NoError(t, err)
		t.Cleanup(derived.CloseIdleConnections)
		return derived
	}
	for range 3 {
		for _, c := range []*bigv.Client{
			client, derive(), derive(bigv.WithAPIKey("k")), derive(bigv.WithUserAgent("x")),
			derive(bigv.WithTimeouts(bigv.Timeouts{Header: time.Minute, Idle: time.Minute})),
		} {
			require.NoError(t, get(t.Context(), c))
		}
	}
	assert.EqualValues(t, 1, connections.Load(), "derived clients share connections")
	derive(bigv.WithUserAgent("x")).CloseIdleConnections()
	require.NoError(t, get(t.Context(), client))
	assert.EqualValues(t, 2, connections.Load(), "the idle connection was closed")

	own := derive(bigv.WithHTTPClient(&http.Client{Transport: &http.Transport{}}))
	require.NoError(t, get(t.Context(), own))
	require.NoError(t, get(t.Context(), client))
	assert.EqualValues(t, 3, connections.Load(), "another HTTP client has connections of its own")

	// A failed call does not close idle connections.
	refused := get(t.Context(), derive(bigv.WithBaseURL("http://127.0.0.1:1"), bigv.WithToken("t")))
	require.True(t, is[*net.OpError](refused), "the cause can be found: %v", refused)
	require.NoError(t, get(t.Context(), client))
	assert.EqualValues(t, 3, connections.Load())

	// A transport that cannot close its connections is left alone.
	derive(bigv.WithTransport(roundTripper(http.DefaultTransport.RoundTrip))).CloseIdleConnections()
}

// TestArgumentsAreNotModified tests that a client changes neither the HTTP client nor the slice of options that it is given.
func TestArgumentsAreNotModified(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	srv := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sticky", Value: "1"})
		fakeserver.Service(w, r)
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	httpClient := &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute}
	before := *httpClient
	opts := make([]bigv.Option, 3, 8)
	opts[0], opts[1], opts[2] = bigv.WithBaseURL(srv.URL()), bigv.WithHTTPClient(httpClient), bigv.WithToken("t")
	client, err := bigv.NewClient(opts...)
	require.NoError(t, err)
	_, err = client.With(opts[:1]...)
	require.NoError(t, err)
	clearEnv(t)
	_, err = bigv.NewClientFromEnv(opts...)
	require.NoError(t, err)
	require.NoError(t, get(t.Context(), client))
	require.NoError(t, get(t.Context(), client))
	requests := srv.Requests()
	require.Len(t, requests, 2)
	assert.Empty(t, requests[0].Header.Get("Cookie"))
	assert.Equal(t, "sticky=1", requests[1].Header.Get("Cookie"), "the cookie jar of the HTTP client is used")
	assert.Equal(t, before, *httpClient)
	assert.Nil(t, httpClient.CheckRedirect)
	for _, opt := range opts[:8][3:] {
		assert.Nil(t, opt)
	}
	assert.Zero(t, *http.DefaultClient)
}

func TestWith(t *testing.T) {
	srv := fakeserver.New(t, nil)
	base := newClient(t, srv, bigv.WithUserAgent("first/1"))
	// list returns the user agent, the authorization and the URL of a request.
	list := func(c *bigv.Client) [3]string {
		_, err := c.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: web})
		require.NoError(t, err)
		request := srv.Reset()[0]
		return [3]string{request.Header.Get("User-Agent"), request.Header.Get("Authorization"), request.String()}
	}
	const agent = "bigv-go/" + bigv.Version
	nested := "GET /accounts/acme/groups/web/virtual_machines"
	assert.Equal(t, [3]string{agent + " first/1", "Bearer t0ken", nested}, list(base))
	derived, err := base.With(bigv.WithUserAgent("second/2"), bigv.WithToken("other"), bigv.WithURLStyle(bigv.FlatURLs))
	require.NoError(t, err)
	flatURL := "GET /virtual_machines?account_name=acme&group_name=web"
	assert.Equal(t, [3]string{agent + " second/2", "Bearer other", flatURL}, list(derived))
	again, err := derived.With(bigv.WithURLStyle(bigv.NestedURLs))
	require.NoError(t, err)
	assert.Equal(t, [3]string{agent + " second/2", "Bearer other", nested}, list(again))
	assert.Equal(t, [3]string{agent + " first/1", "Bearer t0ken", nested}, list(base), "the first client has not changed")

	used := 0
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		used++
		return http.DefaultTransport.RoundTrip(r)
	})
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	withTransport, err := base.With(bigv.WithTransport(transport))
	require.NoError(t, err)
	list(withTransport)
	withTimeouts, err := withTransport.With(bigv.WithTimeouts(bigv.Timeouts{Header: time.Minute, Idle: time.Minute}))
	require.NoError(t, err)
	list(withTimeouts)
	assert.Equal(t, 2, used, "other timeouts keep the transport")
	withHTTPClient, err := withTransport.With(bigv.WithHTTPClient(&http.Client{}))
	require.NoError(t, err)
	t.Cleanup(withHTTPClient.CloseIdleConnections)
	list(withHTTPClient)
	assert.Equal(t, 2, used, "an HTTP client replaces the transport")
	back, err := withHTTPClient.With(bigv.WithTransport(transport))
	require.NoError(t, err)
	list(back)
	assert.Equal(t, 3, used, "a transport replaces the HTTP client")

	_, err = derived.With(bigv.WithSessionValidity(time.Hour))
	assert.ErrorContains(t, err, "without WithCredentials", "a token has no login")
}

func TestCredentialsOfDerivedClients(t *testing.T) {
	auth, client := startAuth(t, asAlice, bigv.WithSecondFactor(bigv.TwoFactor, someCode), bigv.WithSessionValidity(time.Hour))
	for _, opts := range [][]bigv.Option{
		{bigv.WithSessionValidity(2 * time.Hour)},
		{bigv.WithCredentials("bob", "mellon")},
		{bigv.WithSecondFactor(bigv.Yubikey, someCode), bigv.WithCredentials("bob", "mellon")},
	} {
		derived, err := client.With(opts...)
		require.NoError(t, err)
		require.NoError(t, get(t.Context(), derived))
	}
	assert.Equal(t, []map[string]string{
		{"username": "alice", "password": "sesame", "2fa": "1", "validity": "7200"},
		{"username": "bob", "password": "mellon", "validity": "3600"},
		{"username": "bob", "password": "mellon", "validity": "3600", "yubikey": "1"},
	}, auth.LoginFields(), "another user has another second factor")
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.NewSecret("t0ken"), nil })
	for _, other := range []bigv.Option{bigv.WithToken("t0ken"), bigv.WithAPIKey("0123456789abcdef"), bigv.WithTokenSource(source)} {
		_, err := client.With(other, bigv.WithSecondFactor(bigv.TwoFactor, someCode))
		assert.ErrorContains(t, err, "without WithCredentials", "the credentials are replaced")
	}
}

// Several goroutines may use an option at once.
func TestOptionsAreSafeForConcurrentUse(t *testing.T) {
	opts := []bigv.Option{
		bigv.WithBaseURL("http://127.0.0.1:1"), bigv.WithAuthURL("http://127.0.0.1:1"), bigv.WithInsecureHTTP(),
		bigv.WithTransport(http.DefaultTransport), bigv.WithUserAgent("deploy/1"), bigv.WithLogger(slog.Default()),
		bigv.WithAttemptHook(func(context.Context, bigv.Attempt) {}),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}), bigv.WithTimeouts(bigv.Timeouts{Header: 1, Idle: 1}),
		bigv.WithMaxResponseSize(1),
		bigv.WithConcurrentCreates(2), bigv.WithAccount("#41"), bigv.WithURLStyle(bigv.FlatURLs),
	}
	code := func(context.Context) (bigv.Secret, error) { return bigv.NewSecret("012345"), nil }
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.NewSecret("t0ken"), nil })
	for name, credentials := range map[string][]bigv.Option{
		"token": {bigv.WithToken("t0ken")}, "API key": {bigv.WithAPIKey("apikey.k3y")}, "source": {bigv.WithTokenSource(source)},
		"credentials": {bigv.WithCredentials("alice", "0pensesame"), bigv.WithSecondFactor(bigv.TwoFactor, code),
			bigv.WithSessionValidity(time.Minute)},
	} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := bigv.NewClient(append(credentials, opts...)...)
				assert.NoError(t, err, name)
			})
		}
		wg.Wait()
	}
}

// By default only one create of a client and all derived from it is under way at a time, since the service has been seen to deadlock
// under more.
func TestConcurrentCreates(t *testing.T) {
	var arrived atomic.Int64
	duringFirst := func() {} // called while the service handles the first create
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && arrived.Add(1) == 1 {
			duringFirst()
		}
		fakeserver.Service(w, r)
	})
	derived, err := base.With(bigv.WithUserAgent("derived"))
	require.NoError(t, err)
	duringFirst = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		err := create(ctx, derived)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, notSentText)
		assert.EqualValues(t, 1, arrived.Load(), "creates that arrived")
	}
	require.NoError(t, create(t.Context(), base))
	require.NoError(t, create(t.Context(), derived), "after the first create another may be sent")
	assert.EqualValues(t, 2, arrived.Load(), "creates that arrived")

	arrived.Store(0)
	two, err := base.With(bigv.WithConcurrentCreates(2))
	require.NoError(t, err)
	duringFirst = func() { assert.NoError(t, create(context.Background(), two)) }
	require.NoError(t, create(t.Context(), two))
	assert.EqualValues(t, 2, arrived.Load(), "creates that arrived")

	const many = 16
	arrived.Store(1) // no first one any more
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() { assert.NoError(t, create(t.Context(), base)) })
	}
	wg.Wait()
	assert.EqualValues(t, 1+many, arrived.Load(), "creates that arrived")
}

func TestClientAsText(t *testing.T) {
	client, err := bigv.NewClient(bigv.WithToken("t"))
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		assert.Equal(t, "bigv.Client(https://uk0.bigv.io)", fmt.Sprintf(verb, client), verb)
	}
}

// The URLs of requests begin with the base URL as it was given.
func TestBaseURLs(t *testing.T) {
	for base, want := range map[string]string{
		"":             "/accounts/acme/groups/web",
		"/":            "/accounts/acme/groups/web",
		"/api//":       "/api/accounts/acme/groups/web",
		"/a%2Fb":       "/a%2Fb/accounts/acme/groups/web",
		"/a%2Fb/":      "/a%2Fb/accounts/acme/groups/web",
		"/a%2F/":       "/a%2F/accounts/acme/groups/web",
		"/a%20b":       "/a%20b/accounts/acme/groups/web",
		"/~a/b;c=d,e":  "/~a/b;c=d,e/accounts/acme/groups/web",
		"/caf%C3%A9/x": "/caf%C3%A9/x/accounts/acme/groups/web",
	} {
		srv := fakeserver.New(t, fakeserver.Respond(200, `{"id":78,"name":"web","account_id":41}`))
		client := clientFor(t, srv.URL()+base, bigv.WithToken("t0ken"))
		_, err := client.Groups.Get(t.Context(), web)
		require.NoError(t, err, base)
		_, err = client.Groups.Get(t.Context(), acme.Group("a/b"))
		require.NoError(t, err, base)
		requests := srv.Requests()
		require.Len(t, requests, 2)
		assert.Equal(t, want, requests[0].Path, base)
		assert.Equal(t, strings.TrimSuffix(want, "web")+"a%2Fb", requests[1].Path, base)
	}
	client, err := bigv.NewClient(bigv.WithBaseURL("HTTPS://Host.example:"))
	require.NoError(t, err)
	assert.Equal(t, "bigv.Client(https://Host.example)", client.String())
}
