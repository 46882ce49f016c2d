package bigv_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clearEnv unsets what NewClientFromEnv reads.
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

func TestMistakesInOptions(t *testing.T) {
	noToken := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.Secret{}, nil })
	for _, row := range []struct {
		name string
		opts []bigv.Option
		says []string
	}{
		{"nil", []bigv.Option{nil}, []string{"an option is nil"}},
		{"base URL: another scheme", []bigv.Option{bigv.WithBaseURL("ftp://host")}, []string{`the base URL "ftp://host" must look like https://host`}},
		{"base URL: no scheme", []bigv.Option{bigv.WithBaseURL("uk0.bigv.io")}, []string{"must look like https://host"}},
		{"base URL: empty", []bigv.Option{bigv.WithBaseURL("")}, []string{"must look like https://host"}},
		{"base URL: no host", []bigv.Option{bigv.WithBaseURL("https://")}, []string{"must look like https://host"}},
		{"base URL: nothing but a port", []bigv.Option{bigv.WithBaseURL("https://:443")}, []string{"must look like https://host"}},
		{"base URL: a query", []bigv.Option{bigv.WithBaseURL("https://host?x=1")}, []string{"must have no query"}},
		{"base URL: an empty query", []bigv.Option{bigv.WithBaseURL("https://host?")}, []string{"must have no query"}},
		{"base URL: a fragment", []bigv.Option{bigv.WithBaseURL("https://host#x")}, []string{"must have no query or fragment"}},
		{"base URL: not one", []bigv.Option{bigv.WithBaseURL("https://host:port")}, []string{"the base URL cannot be read"}},
		{"base URL: a password", []bigv.Option{bigv.WithBaseURL("https://alice:sesame@host")}, []string{"the base URL holds a user name or password: use WithCredentials"}},
		{"base URL: a password without a scheme", []bigv.Option{bigv.WithBaseURL("alice:sesame@host")}, []string{"the base URL holds a user name or password"}},
		{"authentication URL: the same", []bigv.Option{bigv.WithAuthURL("host")}, []string{`the authentication URL "host" must look like https://host`}},
		{"plain http", []bigv.Option{bigv.WithBaseURL("http://uk0.bigv.io")}, []string{"http://uk0.bigv.io is plain http", "WithInsecureHTTP"}},
		{"plain http to an address", []bigv.Option{bigv.WithBaseURL("http://192.0.2.1:80")}, []string{"plain http"}},
		{"plain http to what looks like this host", []bigv.Option{bigv.WithBaseURL("http://localhost.evil.example")}, []string{"plain http"}},
		{"plain http for logging in", []bigv.Option{bigv.WithAuthURL("http://auth.bytemark.co.uk")}, []string{"http://auth.bytemark.co.uk is plain http"}},
		{"HTTP client", []bigv.Option{bigv.WithHTTPClient(nil)}, []string{"the HTTP client is nil"}},
		{"transport", []bigv.Option{bigv.WithTransport(nil)}, []string{"the transport is nil"}},
		{"both", []bigv.Option{bigv.WithHTTPClient(http.DefaultClient), bigv.WithTransport(http.DefaultTransport)}, []string{"an HTTP client and a transport are both set"}},
		{"user agent: empty", []bigv.Option{bigv.WithUserAgent("")}, []string{"the user agent is empty"}},
		{"user agent: another header", []bigv.Option{bigv.WithUserAgent("x\r\nAuthorization: Bearer y")}, []string{"the user agent", "a character that a header cannot"}},
		{"user agent: more than ASCII", []bigv.Option{bigv.WithUserAgent("ä")}, []string{"the user agent"}},
		{"logger", []bigv.Option{bigv.WithLogger(nil)}, []string{"the logger is nil"}},
		{"attempt hook", []bigv.Option{bigv.WithAttemptHook(nil)}, []string{"the attempt hook is nil"}},
		{"retries: none at all", []bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{})}, []string{"0 attempts, and at least 1"}},
		{"retries: a wait below zero", []bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1, MinWait: -1})}, []string{"waits from -1ns"}},
		{"retries: the longest is the shortest", []bigv.Option{bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1, MinWait: 2, MaxWait: 1})}, []string{"waits from 2ns to 1ns"}},
		{"time limits", []bigv.Option{bigv.WithTimeouts(bigv.Timeouts{Header: time.Second})}, []string{"the time limits 1s and 0s must both be above zero"}},
		{"largest answer", []bigv.Option{bigv.WithMaxResponseSize(0)}, []string{"a largest answer of 0 bytes"}},
		{"concurrent creates", []bigv.Option{bigv.WithConcurrentCreates(0)}, []string{"0 concurrent creates"}},
		{"account: empty", []bigv.Option{bigv.WithAccount("")}, []string{"account"}},
		{"account: two dots", []bigv.Option{bigv.WithAccount("..")}, []string{`parsing account path ".."`}},
		{"account: the default is no default", []bigv.Option{bigv.WithAccount(string(bigv.DefaultAccount))}, []string{"the default account must be a name or an ID"}},
		{"URL style", []bigv.Option{bigv.WithURLStyle(7)}, []string{"URL style 7 is neither NestedURLs nor FlatURLs"}},
		{"token: empty", []bigv.Option{bigv.WithToken("")}, []string{"the token is empty"}},
		{"token: another header", []bigv.Option{bigv.WithToken("t\r\nX: y")}, []string{"the token holds a space or a character that no token has"}},
		{"token: a space", []bigv.Option{bigv.WithToken("t t")}, []string{"was it copied whole?"}},
		{"token: a space at its end", []bigv.Option{bigv.WithToken("t ")}, []string{"ends with a space or a line break"}},
		{"token: a whole page", []bigv.Option{bigv.WithToken(strings.Repeat("t", 5000))}, []string{"has 5000 characters"}},
		{"token: more than ASCII", []bigv.Option{bigv.WithToken("tä")}, []string{"the token holds"}},
		{"API key: empty", []bigv.Option{bigv.WithAPIKey("")}, []string{"the API key is empty"}},
		{"API key: nothing but its prefix", []bigv.Option{bigv.WithAPIKey("apikey.")}, []string{"the API key is empty"}},
		{"API key: another header", []bigv.Option{bigv.WithAPIKey("k\nX: y")}, []string{"the API key holds"}},
		{"credentials: no user", []bigv.Option{bigv.WithCredentials("", "sesame")}, []string{"the credentials need a user name and a password"}},
		{"credentials: no password", []bigv.Option{bigv.WithCredentials("alice", "")}, []string{"the credentials need a user name and a password"}},
		{"token source", []bigv.Option{bigv.WithTokenSource(nil)}, []string{"the token source is nil"}},
		{"second factor: of no kind", []bigv.Option{alice, bigv.WithSecondFactor("pigeon", someCode)}, []string{`the second factor "pigeon"`}},
		{"second factor: no function", []bigv.Option{alice, bigv.WithSecondFactor(bigv.Yubikey, nil)}, []string{`the second factor "yubikey"`}},
		{"second factor of nobody", []bigv.Option{bigv.WithSecondFactor(bigv.Yubikey, someCode)}, []string{"set without WithCredentials"}},
		{"second factor of a token", []bigv.Option{bigv.WithToken("t"), bigv.WithSecondFactor(bigv.Yubikey, someCode)}, []string{"set without WithCredentials"}},
		{"session validity: none", []bigv.Option{alice, bigv.WithSessionValidity(time.Second - 1)}, []string{"a session validity of 999.999999ms: at least a second"}},
		{"session validity of nobody", []bigv.Option{bigv.WithSessionValidity(time.Hour)}, []string{"set without WithCredentials"}},
		{"a token and an API key", []bigv.Option{bigv.WithToken("t"), bigv.WithAPIKey("k")}, []string{"a token and an API key are both set: use one"}},
		{"credentials and a token source", []bigv.Option{alice, bigv.WithTokenSource(noToken)}, []string{"a user name and password and a token source are both set: use one"}},
		{"several at once", []bigv.Option{bigv.WithLogger(nil), bigv.WithBaseURL("x"), bigv.WithToken(""), nil, bigv.WithMaxResponseSize(-1), bigv.WithAPIKey("k")}, []string{
			"the logger is nil", `the base URL "x"`, "the token is empty", "an option is nil", "a largest answer of -1 bytes", "are both set",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			client, err := bigv.NewClient(row.opts...)
			assert.Nil(t, client)
			parent, parentErr := bigv.NewClient()
			require.NoError(t, parentErr)
			_, derivedErr := parent.With(row.opts...)
			for _, says := range row.says {
				assert.ErrorContains(t, err, says)
				assert.ErrorContains(t, derivedErr, says)
			}
			assert.ErrorContains(t, err, "bigv: new client")
			assert.NotContains(t, err.Error(), "sesame")
		})
	}
}

func TestPlainHTTP(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:1", "http://127.8.8.8", "http://[::1]:1", "http://[::ffff:127.0.0.1]", "http://localhost:1"} {
		_, err := bigv.NewClient(bigv.WithBaseURL(address), bigv.WithAuthURL(address))
		assert.NoError(t, err, address)
	}
	client, err := bigv.NewClient(bigv.WithBaseURL("http://uk0.bigv.io"), bigv.WithAuthURL("http://auth.bytemark.co.uk"), bigv.WithInsecureHTTP())
	require.NoError(t, err)
	_, err = client.With(bigv.WithToken("t"))
	assert.NoError(t, err, "what was allowed stays so")
}

func TestEnvironment(t *testing.T) {
	type env map[string]string
	for _, row := range []struct {
		name string
		env  env
		opts []bigv.Option
		says []string // of the error; none: there is none
		text string   // of the client
	}{
		{name: "nothing is set", env: env{}, text: "bigv.Client(https://uk0.bigv.io)"},
		{name: "BIGV_TOKEN", env: env{"BIGV_TOKEN": "t"}},
		{name: "BIGV_API_KEY", env: env{"BIGV_API_KEY": "apikey.k"}},
		{name: "BIGV_USERNAME and BIGV_PASSWORD", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame"}},
		{name: "with BIGV_YUBIKEY", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_YUBIKEY": "c"}},
		{name: "with BIGV_2FA", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_2FA": "1"}},
		{name: "BIGV_ENDPOINT", env: env{"BIGV_ENDPOINT": "https://other.example/api/"}, text: "bigv.Client(https://other.example/api)"},
		{name: "BIGV_AUTH_ENDPOINT and BIGV_ACCOUNT", env: env{"BIGV_AUTH_ENDPOINT": "https://auth.example", "BIGV_ACCOUNT": "acme"}},
		{name: "options go after it", env: env{"BIGV_ENDPOINT": "https://other.example"}, opts: []bigv.Option{bigv.WithBaseURL("https://third.example")}, text: "bigv.Client(https://third.example)"},
		{name: "a bad BIGV_ENDPOINT", env: env{"BIGV_ENDPOINT": "x"}, says: []string{`BIGV_ENDPOINT: the base URL "x"`}},
		{name: "plain http in BIGV_ENDPOINT", env: env{"BIGV_ENDPOINT": "http://x"}, says: []string{"plain http"}},
		{name: "a bad BIGV_AUTH_ENDPOINT", env: env{"BIGV_AUTH_ENDPOINT": "x"}, says: []string{`BIGV_AUTH_ENDPOINT: the authentication URL "x"`}},
		{name: "a bad BIGV_ACCOUNT", env: env{"BIGV_ACCOUNT": ".."}, says: []string{"BIGV_ACCOUNT: "}},
		{name: "a bad BIGV_TOKEN", env: env{"BIGV_TOKEN": "t\n"}, says: []string{"BIGV_TOKEN: the token begins or ends with"}},
		{name: "a bad BIGV_API_KEY", env: env{"BIGV_API_KEY": "apikey."}, says: []string{"BIGV_API_KEY: the API key is empty"}},
		{name: "a user without a password", env: env{"BIGV_USERNAME": "alice"}, says: []string{"BIGV_USERNAME and BIGV_PASSWORD need each other"}},
		{name: "a password without a user", env: env{"BIGV_PASSWORD": "sesame"}, says: []string{"BIGV_USERNAME and BIGV_PASSWORD need each other"}},
		{name: "two second factors", env: env{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_YUBIKEY": "c", "BIGV_2FA": "1"}, says: []string{"BIGV_YUBIKEY and BIGV_2FA are both set"}},
		{name: "a second factor of nobody", env: env{"BIGV_2FA": "1"}, says: []string{"BIGV_YUBIKEY and BIGV_2FA go with BIGV_USERNAME and BIGV_PASSWORD"}},
		{name: "a second factor with a token", env: env{"BIGV_TOKEN": "t", "BIGV_YUBIKEY": "c"}, says: []string{"BIGV_YUBIKEY and BIGV_2FA go with"}},
		{name: "a token and an API key", env: env{"BIGV_TOKEN": "t", "BIGV_API_KEY": "k"}, says: []string{"a token and an API key are both set"}},
		{name: "a token and credentials", env: env{"BIGV_TOKEN": "t", "BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame"}, says: []string{"a token and a user name and password are both set"}},
		{name: "all three", env: env{"BIGV_TOKEN": "t", "BIGV_API_KEY": "k", "BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame"}, says: []string{"a token and an API key and a user name and password are both set"}},
		{name: "a token here and a key there", env: env{"BIGV_TOKEN": "t"}, opts: []bigv.Option{bigv.WithAPIKey("k")}, says: []string{"a token and an API key are both set"}},
		{name: "several mistakes", env: env{"BIGV_ENDPOINT": "x", "BIGV_USERNAME": "alice", "BIGV_ACCOUNT": "."}, opts: []bigv.Option{bigv.WithLogger(nil)}, says: []string{
			"BIGV_ENDPOINT: ", "BIGV_ACCOUNT: ", "BIGV_USERNAME and BIGV_PASSWORD need each other", "the logger is nil",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			clearEnv(t)
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			client, err := bigv.NewClientFromEnv(row.opts...)
			for _, says := range row.says {
				assert.ErrorContains(t, err, says)
			}
			if len(row.says) > 0 {
				assert.Nil(t, client)
				assert.NotContains(t, err.Error(), "sesame")
				return
			}
			require.NoError(t, err)
			if row.text != "" {
				assert.Equal(t, row.text, client.String())
			}
		})
	}
}

func TestEnvironmentIsUsed(t *testing.T) {
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		if r.URL.Path == "/auth/session" {
			body, _ := io.ReadAll(r.Body)
			seen = append(seen, string(body))
			replying(200, "session-1")(w, r)
			return
		}
		answerWell(w, r)
	}))
	t.Cleanup(srv.Close)
	for _, row := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"token", map[string]string{"BIGV_TOKEN": "t"}, []string{"GET /api/accounts/acme Bearer t"}},
		{"API key", map[string]string{"BIGV_API_KEY": "k"}, []string{"GET /api/accounts/acme Bearer apikey.k"}},
		{"credentials", map[string]string{"BIGV_USERNAME": "alice", "BIGV_PASSWORD": "sesame", "BIGV_2FA": "123"}, []string{
			"POST /auth/session ", `{"2fa":"123","password":"sesame","username":"alice"}`, "GET /api/accounts/acme Bearer session-1",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			clearEnv(t)
			t.Setenv("BIGV_ENDPOINT", srv.URL+"/api")
			t.Setenv("BIGV_AUTH_ENDPOINT", srv.URL+"/auth")
			t.Setenv("BIGV_ACCOUNT", "acme")
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			seen = nil
			client, err := bigv.NewClientFromEnv()
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			_, err = client.Accounts.Get(t.Context(), bigv.DefaultAccount)
			require.NoError(t, err)
			if len(seen) > 1 { // the order of members is not promised
				assert.JSONEq(t, row.want[1], seen[1])
				seen[1] = row.want[1]
			}
			assert.Equal(t, row.want, seen)
		})
	}
}

func TestDefaultAccount(t *testing.T) {
	var path string
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		answerWell(w, r)
	})
	_, err := base.VirtualMachines.Get(t.Context(), bigv.DefaultAccount.Group("web").VirtualMachine("www1"))
	assert.ErrorContains(t, err, "no default account is set: use WithAccount or BIGV_ACCOUNT: nothing was sent")
	assert.Empty(t, path)
	for _, account := range []string{"acme", "41"} {
		client, err := base.With(bigv.WithAccount(account))
		require.NoError(t, err)
		_, err = client.VirtualMachines.Get(t.Context(), bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1"))
		require.NoError(t, err)
		assert.Equal(t, "/accounts/"+account+"/groups/default/virtual_machines/www1", path)
	}
}

// counted is a server that counts the connections made to it.
func counted(t *testing.T, handler http.HandlerFunc) (url string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL, connections
}

func TestConnections(t *testing.T) {
	url, connections := counted(t, answerWell)
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
	assert.EqualValues(t, 2, connections.Load(), "the first was closed")

	own := derive(bigv.WithHTTPClient(&http.Client{Transport: &http.Transport{}}))
	require.NoError(t, get(t.Context(), own))
	require.NoError(t, get(t.Context(), client))
	assert.EqualValues(t, 3, connections.Load(), "another HTTP client has connections of its own")

	// A failed call leaves the connections of others alone, and its own.
	require.ErrorIs(t, get(t.Context(), derive(bigv.WithBaseURL("http://127.0.0.1:1"), bigv.WithToken("t"))), syscallRefused(t))
	require.NoError(t, get(t.Context(), client))
	assert.EqualValues(t, 3, connections.Load())

	// What cannot close connections is asked to all the same.
	derive(bigv.WithTransport(carrier(http.DefaultTransport.RoundTrip))).CloseIdleConnections()
}

// syscallRefused is the error of dialing a port where nobody listens.
func syscallRefused(t *testing.T) error {
	t.Helper()
	_, err := net.Dial("tcp", "127.0.0.1:1")
	op, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok, "%v", err)
	return errors.Unwrap(op.Err)
}

func TestCallersThingsAreLeftAlone(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	var cookies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "sticky", Value: "1"})
		answerWell(w, r)
	}))
	t.Cleanup(srv.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	theirs := &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute}
	before := *theirs
	opts := make([]bigv.Option, 3, 8)
	opts[0], opts[1], opts[2] = bigv.WithBaseURL(srv.URL), bigv.WithHTTPClient(theirs), bigv.WithToken("t")
	client, err := bigv.NewClient(opts...)
	require.NoError(t, err)
	_, err = client.With(opts[:1]...)
	require.NoError(t, err)
	clearEnv(t)
	_, err = bigv.NewClientFromEnv(opts...)
	require.NoError(t, err)
	require.NoError(t, get(t.Context(), client))
	require.NoError(t, get(t.Context(), client))
	assert.Equal(t, []string{"", "sticky=1"}, cookies, "cookies are the HTTP client's")
	assert.Equal(t, before, *theirs)
	assert.Nil(t, theirs.CheckRedirect)
	for _, opt := range opts[:8][3:] {
		assert.Nil(t, opt)
	}
	assert.Zero(t, *http.DefaultClient)
}

func TestTimeoutOfTheHTTPClientIsUsed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a client that has gone only then
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	client := clientFor(t, srv.URL, bigv.WithToken("t"), bigv.WithHTTPClient(&http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Millisecond}))
	_, err := client.VirtualMachines.Restart(t.Context(), www1)
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	timeout, ok := errors.AsType[net.Error](err)
	require.True(t, ok)
	assert.True(t, timeout.Timeout())
}

func TestWithOverrides(t *testing.T) {
	type arrival struct{ agent, auth, path string }
	var last arrival
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		last = arrival{r.Header.Get("User-Agent"), r.Header.Get("Authorization"), r.URL.RequestURI()}
		answerWell(w, r)
	}, bigv.WithUserAgent("first/1"))
	list := func(c *bigv.Client) arrival {
		_, err := c.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: web})
		require.NoError(t, err)
		return last
	}
	const us = "bigv-go/" + bigv.Version
	nested := "/accounts/acme/groups/web/virtual_machines"
	assert.Equal(t, arrival{us + " first/1", "Bearer t0ken", nested}, list(base))
	derived, err := base.With(bigv.WithUserAgent("second/2"), bigv.WithToken("other"), bigv.WithURLStyle(bigv.FlatURLs))
	require.NoError(t, err)
	assert.Equal(t, arrival{us + " second/2", "Bearer other", "/virtual_machines?account_name=acme&group_name=web"}, list(derived))
	again, err := derived.With(bigv.WithURLStyle(bigv.NestedURLs))
	require.NoError(t, err)
	assert.Equal(t, arrival{us + " second/2", "Bearer other", nested}, list(again))
	assert.Equal(t, arrival{us + " first/1", "Bearer t0ken", nested}, list(base), "the first is as it was")

	carried := 0
	carrying := carrier(func(r *http.Request) (*http.Response, error) {
		carried++
		return http.DefaultTransport.RoundTrip(r)
	})
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	byCarrier, err := base.With(bigv.WithTransport(carrying))
	require.NoError(t, err)
	list(byCarrier)
	limited, err := byCarrier.With(bigv.WithTimeouts(bigv.Timeouts{Header: time.Minute, Idle: time.Minute}))
	require.NoError(t, err)
	list(limited)
	assert.Equal(t, 2, carried, "a transport is kept with other limits")
	byClient, err := byCarrier.With(bigv.WithHTTPClient(&http.Client{}))
	require.NoError(t, err)
	t.Cleanup(byClient.CloseIdleConnections)
	list(byClient)
	assert.Equal(t, 2, carried, "an HTTP client takes the place of a transport")
	back, err := byClient.With(bigv.WithTransport(carrying))
	require.NoError(t, err)
	list(back)
	assert.Equal(t, 3, carried, "and the other way around")

	_, err = derived.With(bigv.WithSessionValidity(time.Hour))
	assert.ErrorContains(t, err, "without WithCredentials", "a token has no login")
}

func TestCredentialsOfDerivedClients(t *testing.T) {
	g, client := guarded(t, alice, bigv.WithSecondFactor(bigv.TwoFactor, someCode), bigv.WithSessionValidity(time.Hour))
	for _, opts := range [][]bigv.Option{
		{bigv.WithSessionValidity(2 * time.Hour)},
		{bigv.WithCredentials("bob", "mellon")},
		{bigv.WithSecondFactor(bigv.Yubikey, someCode), bigv.WithCredentials("bob", "mellon")},
	} {
		derived, err := client.With(opts...)
		require.NoError(t, err)
		require.NoError(t, get(t.Context(), derived))
	}
	logins, _ := g.seen()
	assert.Equal(t, []map[string]string{
		{"username": "alice", "password": "sesame", "2fa": "1", "validity": "7200"},
		{"username": "bob", "password": "mellon", "validity": "3600"},
		{"username": "bob", "password": "mellon", "validity": "3600", "yubikey": "1"},
	}, logins, "another user has another second factor")
}

// An option is a value: any number of goroutines may use one at once.
func TestOptionsAreShared(t *testing.T) {
	opts := []bigv.Option{
		bigv.WithBaseURL("http://127.0.0.1:1"), bigv.WithAuthURL("http://127.0.0.1:1"), bigv.WithInsecureHTTP(),
		bigv.WithTransport(http.DefaultTransport), bigv.WithUserAgent("deploy/1"), bigv.WithLogger(slog.Default()), bigv.WithAttemptHook(func(context.Context, bigv.Attempt) {}),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}), bigv.WithTimeouts(bigv.Timeouts{Header: 1, Idle: 1}), bigv.WithMaxResponseSize(1),
		bigv.WithConcurrentCreates(2), bigv.WithAccount("#41"), bigv.WithURLStyle(bigv.FlatURLs),
	}
	code := func(context.Context) (bigv.Secret, error) { return bigv.NewSecret("012345"), nil }
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.NewSecret("t0ken"), nil })
	for name, ways := range map[string][]bigv.Option{
		"token": {bigv.WithToken("t0ken")}, "API key": {bigv.WithAPIKey("apikey.k3y")}, "source": {bigv.WithTokenSource(source)},
		"credentials": {bigv.WithCredentials("alice", "0pensesame"), bigv.WithSecondFactor(bigv.TwoFactor, code), bigv.WithSessionValidity(time.Minute)},
	} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := bigv.NewClient(append(ways, opts...)...)
				assert.NoError(t, err, name)
			})
		}
		wg.Wait()
	}
}

// Creates of a client and all derived from it take turns, since the service has
// been seen to deadlock under more than one.
func TestCreatesTakeTurns(t *testing.T) {
	var arrived atomic.Int64
	inside := func() {} // runs while the first create is being carried out
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && arrived.Add(1) == 1 {
			inside()
		}
		answerWell(w, r)
	})
	derived, err := base.With(bigv.WithUserAgent("derived"))
	require.NoError(t, err)
	inside = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		err := create(ctx, derived)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "nothing was sent")
		assert.EqualValues(t, 1, arrived.Load())
	}
	require.NoError(t, create(t.Context(), base))
	require.NoError(t, create(t.Context(), derived), "a turn is given back")
	assert.EqualValues(t, 2, arrived.Load())

	arrived.Store(0)
	wide, err := base.With(bigv.WithConcurrentCreates(2))
	require.NoError(t, err)
	inside = func() { assert.NoError(t, create(context.Background(), wide)) }
	require.NoError(t, create(t.Context(), wide))
	assert.EqualValues(t, 2, arrived.Load())

	// Many at once: each has a turn in the end.
	arrived.Store(1)
	var done sync.WaitGroup
	for range 16 {
		done.Go(func() { assert.NoError(t, create(t.Context(), base)) })
	}
	done.Wait()
	assert.EqualValues(t, 17, arrived.Load())
}

func TestMaxAnswerOfAnySize(t *testing.T) {
	chunked := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, machineAnswer[:9])
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, machineAnswer[9:])
	}
	for _, handler := range []http.HandlerFunc{chunked, replying(200, machineAnswer)} {
		client := start(t, handler, bigv.WithMaxResponseSize(math.MaxInt64))
		assert.NoError(t, get(t.Context(), client), "the largest limit does not overflow")
	}
	client := start(t, replying(200, machineAnswer), bigv.WithMaxResponseSize(int64(len(machineAnswer))))
	assert.NoError(t, get(t.Context(), client), "the limit itself is allowed")
	client = start(t, replying(200, machineAnswer), bigv.WithMaxResponseSize(int64(len(machineAnswer)-1)))
	err := get(t.Context(), client)
	assert.ErrorIs(t, err, bigv.ErrTooLarge)
	assert.Contains(t, err.Error(), "larger than the limit")
	assert.True(t, strings.Contains(err.Error(), "get virtual machine www1.web.acme"))
}
