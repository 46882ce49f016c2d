package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Option configures a Client. NewClient and With return the errors of all options together.
type Option func(*config) error

// URLStyle selects which of the two URL styles of the API the client uses to read full paths.
type URLStyle int

const (
	// NestedURLs selects URLs such as /accounts/acme/groups/web/virtual_machines/www1. It is the
	// default.
	NestedURLs URLStyle = iota
	// FlatURLs selects URLs such as /virtual_machines?account_name=acme&group_name=web. It affects
	// reads only. A read by name then reads the whole list that contains the resource, and often its
	// parents too, so it costs more than NestedURLs. It is worth it where a proxy or a deployment of the
	// service has only flat URLs; paths with an ID alone and lists of several groups are flat anyway.
	FlatURLs
)

// RetryPolicy limits how many attempts are made to send a request, and how long the waits between
// them are. Whether a failed request is retried at all depends on the operation and the failure;
// see the package documentation. A field that is 0 has its default.
type RetryPolicy struct {
	MaxAttempts int           // attempts with one token; default 4; 1 disables retries
	MinWait     time.Duration // upper limit of the first random wait; doubles with each attempt; default 500 ms, or MaxWait if that is less
	// MaxWait is the upper limit of every wait, to which up to a tenth of a Retry-After is added;
	// default 30 seconds, or MinWait if that is more. If Retry-After is longer, the call fails at once.
	MaxWait time.Duration
}

// withDefaults returns the policy with defaults for the fields that are 0.
func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MinWait == 0 && p.MaxWait > 0 {
		p.MinWait = min(defaultRetryPolicy.MinWait, p.MaxWait)
	}
	p.MaxAttempts = cmp.Or(p.MaxAttempts, defaultRetryPolicy.MaxAttempts)
	p.MinWait = cmp.Or(p.MinWait, defaultRetryPolicy.MinWait)
	p.MaxWait = cmp.Or(p.MaxWait, max(p.MinWait, defaultRetryPolicy.MaxWait))
	return p
}

var (
	defaultRetryPolicy = RetryPolicy{MaxAttempts: 4, MinWait: 500 * time.Millisecond, MaxWait: 30 * time.Second}
	defaultTimeouts    = Timeouts{Header: 2 * time.Minute, Idle: 30 * time.Second}
)

// Timeouts limits how long a call waits for the server to make progress. The duration of the whole
// call is limited by its context. A field that is 0 has its default.
//
// An attempt that exceeds Header has no response, and one that exceeds Idle has an incomplete body.
// Whether it is retried depends on the operation; see the package documentation.
type Timeouts struct {
	Header time.Duration // from the start of an attempt, including connecting, to the headers of its response; default 2 minutes
	Idle   time.Duration // for each read of a response body; default 30 seconds
}

// WithBaseURL sets the base URL of the API, instead of DefaultBaseURL.
func WithBaseURL(address string) Option {
	return func(c *config) (err error) {
		c.baseURL, err = parseURL("base URL", address)
		c.set.gate = true
		return err
	}
}

// WithAuthURL sets the URL of the authentication service, instead of DefaultAuthURL.
func WithAuthURL(address string) Option {
	return func(c *config) (err error) {
		c.authURL, err = parseURL("authentication URL", address)
		c.set.authURL, c.set.gate = true, true
		return err
	}
}

// WithInsecureHTTP allows plain http URLs for hosts other than the local one. Anyone who can read
// the traffic can then read the credentials.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecureHTTP = true
		return nil
	}
}

// WithHTTPClient sets the HTTP client whose transport, timeout and cookie jar are used. The client
// is copied and not changed. Its timeout limits each attempt. Its CheckRedirect is replaced, so
// that redirects cannot lead to another origin. If its transport is nil, a NewTransport is used.
// See WithTransport on idle connections. WithHTTPClient and WithTransport cannot be combined.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error {
		if client == nil {
			return errors.New("HTTP client is nil")
		}
		if client.Transport != nil && isNil(client.Transport) || client.Jar != nil && isNil(client.Jar) {
			return errors.New("the transport or the cookie jar of the HTTP client is a nil pointer")
		}
		c.userClient, c.set.httpClient, c.set.connection, c.set.gate = client, true, true, true
		return nil
	}
}

// WithTransport sets the transport that sends requests, for example for a proxy, a recorder or
// tracing. A transport that wraps another should wrap a NewTransport. To trust another certificate
// authority, change a NewTransport:
//
//	transport := bigv.NewTransport()
//	transport.TLSClientConfig.RootCAs = pool
//	client, err := bigv.NewClient(bigv.WithTransport(transport))
//
// A custom transport should have an IdleConnTimeout of at most 15 seconds, like a NewTransport. The
// service may already have closed a connection that was idle for longer, and the error of a request
// that is not idempotent, such as a create, then matches ErrOutcomeUnknown.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if isNil(transport) {
			return errors.New("transport is nil")
		}
		c.transport, c.set.transport, c.set.connection, c.set.gate = transport, true, true, true
		return nil
	}
}

// WithUserAgent appends the name of the program, such as "deploy/1.4", to the User-Agent header,
// which otherwise contains only the name and version of this package.
func WithUserAgent(program string) Option {
	return func(c *config) error {
		for _, r := range program {
			if r < ' ' || r > '~' {
				return fmt.Errorf("user agent %q contains a character that is not allowed in a header", program)
			}
		}
		if program == "" {
			return errors.New("user agent is empty")
		}
		c.userAgent = defaultUserAgent + " " + program
		return nil
	}
}

// WithLogger logs each attempt to send a request: at level Warn if a retry follows or the request was
// not sent (see WithGate), otherwise at level Debug. Bodies, headers and credentials are not logged. URLs are, with the names and IDs
// that they contain.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return errors.New("logger is nil")
		}
		c.logAttempt = (&attemptLogger{logger}).log
		return nil
	}
}

// WithAttemptHook calls hook after each attempt to send a request, with the context and in the
// goroutine of the call, which waits until hook returns. Logins of WithCredentials are reported
// too. Use it for metrics and traces.
func WithAttemptHook(hook func(context.Context, Attempt)) Option {
	return func(c *config) error {
		if hook == nil {
			return errors.New("attempt hook is nil")
		}
		c.attemptHook = hook
		return nil
	}
}

// WithRetryPolicy sets the retry policy. The default is 4 attempts, with random waits of up to 500
// ms, 1 s and 2 s. If the response has a Retry-After header above 0, the wait is the requested one and
// up to a tenth more instead. If the requested wait is longer than MaxWait, which is 30 s by default, the call
// fails at once, and RetryAfter of the Error has the requested wait.
//
// A field that is 0 has its default; a negative one is an error. MinWait must not be longer than
// MaxWait. Tests can set MinWait and MaxWait to a nanosecond, so that they do not wait.
func WithRetryPolicy(policy RetryPolicy) Option {
	return func(c *config) error {
		if policy.MaxAttempts < 0 || policy.MinWait < 0 || policy.MaxWait < 0 {
			return fmt.Errorf("retry policy: MaxAttempts, MinWait and MaxWait must not be negative, got %d, %s and %s",
				policy.MaxAttempts, policy.MinWait, policy.MaxWait)
		}
		policy := policy.withDefaults()
		if policy.MaxWait < policy.MinWait {
			return fmt.Errorf("retry policy: MinWait must not be longer than MaxWait, got MinWait %s and MaxWait %s",
				policy.MinWait, policy.MaxWait)
		}
		c.retry = policy
		return nil
	}
}

// WithGate sets how long a call waits for the gate. The default is 4 seconds; 0 disables the gate.
//
// The gate protects a service that refuses requests: with 503, with 429 or by accepting no TCP
// connection. After five refusals in a row, this client and the clients derived from it send one
// request at a time as a probe, at intervals of 250 ms to 1 s, and requests unlike those that have
// failed first, in case the service refuses only some. After a probe that takes longer than a second,
// others are sent before it ends, the first 32 of an outage quickly. The remaining requests wait, and
// continue when the service responds to one with anything but 429, 502, 503, 504 or 520 to 527. A call
// whose context ends, or that has waited for maxWait in all, fails without being sent (again): its
// error matches ErrUnavailable, or ErrRateLimited after a 429, and says that the request was not sent.
// The API and the authentication service have a gate each.
//
// It is like a circuit breaker, whose calls would fail at once.
func WithGate(maxWait time.Duration) Option {
	return func(c *config) error {
		if maxWait < 0 {
			return fmt.Errorf("wait for the gate must not be negative, got %s", maxWait)
		}
		c.gateWait, c.set.gate = maxWait, true
		return nil
	}
}

// WithTimeouts sets how long calls wait for the server to make progress. The default is 2 minutes
// until the headers, since the service responds to most writes only when they are done, and 30
// seconds for each read of a body. A field that is 0 has its default; a negative one is an error.
func WithTimeouts(timeouts Timeouts) Option {
	return func(c *config) error {
		if timeouts.Header < 0 || timeouts.Idle < 0 {
			return fmt.Errorf("timeouts must not be negative, got Header %s and Idle %s", timeouts.Header, timeouts.Idle)
		}
		c.timeouts.Header = cmp.Or(timeouts.Header, defaultTimeouts.Header)
		c.timeouts.Idle = cmp.Or(timeouts.Idle, defaultTimeouts.Idle)
		c.set.connection = true
		return nil
	}
}

// WithMaxResponseSize limits the size of a response body that is read into memory, in bytes, after
// decompression. The default is 64 MiB. For a larger response the error matches ErrTooLarge, and also
// for one that would need more than about three times the limit when it is decoded, such as a list of
// empty objects. No response takes more than 8 times the limit of memory while it is read.
//
// The All methods read lists of any length. The limit applies to each element of such a list, which
// can have at most 4 MiB.
func WithMaxResponseSize(bytes int64) Option {
	return func(c *config) error {
		if bytes <= 0 {
			return fmt.Errorf("response limit must be positive, got %d bytes", bytes)
		}
		c.maxResponseSize = bytes
		return nil
	}
}

// WithConcurrentCreates sets how many calls of VirtualMachines.Create this client, together with
// the clients derived from it, makes at a time; other calls wait. The default is 1, since
// concurrent creates have caused deadlocks in the service. n must be at least 1.
func WithConcurrentCreates(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("concurrent creates must be at least 1, got %d", n)
		}
		c.creates = newSemaphore(n)
		return nil
	}
}

// WithAccount sets the account that DefaultAccount stands for.
func WithAccount(nameOrID string) Option {
	return func(c *config) (err error) {
		c.account, err = ParseAccountPath(nameOrID)
		if err == nil && c.account == DefaultAccount {
			err = errors.New("the default account must be a name or an ID")
		}
		return err
	}
}

// WithURLStyle sets the URL style for reading full paths. The default is NestedURLs.
func WithURLStyle(style URLStyle) Option {
	return func(c *config) error {
		if style != NestedURLs && style != FlatURLs {
			return fmt.Errorf("URL style %d is unknown: use NestedURLs or FlatURLs", style)
		}
		c.style = style
		return nil
	}
}

// WithToken authenticates every call with a session token. The token is not renewed: a session ends
// five minutes after its last use, unless it was requested with a longer validity. Calls then
// return an error that matches ErrUnauthorized.
func WithToken(token string) Option {
	return func(c *config) error {
		c.setAuth("a token", fixedToken(token))
		return checkToken("token", token)
	}
}

// WithAPIKey authenticates every call with an API key. The prefix "apikey." is optional.
func WithAPIKey(key string) Option {
	key = strings.TrimPrefix(key, apiKeyPrefix)
	return func(c *config) error {
		c.setAuth("an API key", fixedToken(apiKeyPrefix+key))
		return checkToken("API key", key)
	}
}

// WithCredentials logs in at the authentication service before the first call, and again when the
// session has ended. All goroutines share one session.
//
// If the service has refused the credentials, they are not sent again, so that the user is not
// locked out: every later call returns the same error.
func WithCredentials(username, password string) Option {
	return func(c *config) error {
		if username == "" || password == "" {
			return errors.New("credentials need a user name and a password")
		}
		c.setAuth("a user name and password", nil)
		login := c.login()
		login.username, login.password = username, NewSecret(password)
		if !c.set.factor {
			login.factor, login.code = "", nil // they belong to another user
		}
		return nil
	}
}

// WithSecondFactor calls code for a new one-time code at each login of WithCredentials. If code
// returns the code of the previous login, it is not sent and the error matches ErrSessionExpired. A
// call waits for code no longer than its context allows.
func WithSecondFactor(factor Factor, code func(context.Context) (Secret, error)) Option {
	return func(c *config) error {
		if factor != Yubikey && factor != TwoFactor {
			return fmt.Errorf("second factor must be Yubikey or TwoFactor, got %q", factor)
		}
		if code == nil {
			return errors.New("code of WithSecondFactor is nil")
		}
		login := c.login()
		login.factor, login.code = factor, code
		c.set.factor = true
		return nil
	}
}

// WithSessionValidity requests sessions of this length, in whole seconds, instead of five minutes
// after the last use. If it exceeds the maximum of the service, the service shortens it and does
// not report that. It needs WithCredentials.
func WithSessionValidity(d time.Duration) Option {
	return func(c *config) error {
		if d < time.Second {
			return fmt.Errorf("session validity must be at least 1s, got %s", d)
		}
		c.login().validity = d
		return nil
	}
}

// WithTokenSource authenticates every call with a token from source.
func WithTokenSource(source TokenSource) Option {
	return func(c *config) error {
		if isNil(source) {
			return errors.New("token source is nil")
		}
		c.setAuth("a token source", (&sharedSource{source: source}).fetch)
		return nil
	}
}

// setAuth records a kind of credentials. tokens is nil if the client logs in itself.
func (c *config) setAuth(kind string, tokens tokenFunc) {
	c.tokens = tokens
	c.set.auth = append(c.set.auth, kind)
}

// login returns the credentials to which the current options apply. The first call copies those of
// the parent client.
func (c *config) login() *credentials {
	if !c.set.login {
		next := credentials{newSession: newLoginSession}
		if c.credentials != nil {
			next = *c.credentials
		}
		c.credentials, c.set.login = &next, true
	}
	return c.credentials
}

// NewClientFromEnv returns a client that is configured by environment variables, and then by opts:
//
//   - BIGV_TOKEN, or BIGV_API_KEY, or BIGV_USERNAME and BIGV_PASSWORD: the credentials
//   - BIGV_YUBIKEY or BIGV_2FA: the one-time code for a single login with BIGV_USERNAME
//   - BIGV_ENDPOINT and BIGV_AUTH_ENDPOINT: the URLs of the API and the authentication service
//   - BIGV_ACCOUNT: the default account
//
// Empty variables are ignored. Two kinds of credentials at once are an error, even if one of them
// is in opts.
func NewClientFromEnv(opts ...Option) (*Client, error) {
	return NewClient(slices.Concat(envOptions(os.Getenv), opts)...)
}

// envOptions returns the options that the environment variables set.
func envOptions(getenv func(string) string) (opts []Option) {
	fail := func(mistake string) {
		opts = append(opts, func(*config) error { return errors.New(mistake) })
	}
	for _, v := range []struct {
		name   string
		option func(string) Option
	}{
		{"BIGV_ENDPOINT", WithBaseURL},
		{"BIGV_AUTH_ENDPOINT", WithAuthURL},
		{"BIGV_ACCOUNT", WithAccount},
		{"BIGV_TOKEN", WithToken},
		{"BIGV_API_KEY", WithAPIKey},
	} {
		if value := getenv(v.name); value != "" {
			option := v.option(value)
			opts = append(opts, func(c *config) error {
				if err := option(c); err != nil {
					return fmt.Errorf("%s: %w", v.name, err)
				}
				return nil
			})
		}
	}
	username, password := getenv("BIGV_USERNAME"), getenv("BIGV_PASSWORD")
	yubikey, code := getenv("BIGV_YUBIKEY"), getenv("BIGV_2FA")
	switch {
	case (username == "") != (password == ""):
		fail("BIGV_USERNAME and BIGV_PASSWORD must be set together")
	case yubikey != "" && code != "":
		fail("BIGV_YUBIKEY and BIGV_2FA are both set: set only one")
	case username == "" && (yubikey != "" || code != ""):
		fail("BIGV_YUBIKEY and BIGV_2FA need BIGV_USERNAME and BIGV_PASSWORD, which are not set")
	case username != "":
		opts = append(opts, WithCredentials(username, password))
		if yubikey != "" {
			opts = append(opts, WithSecondFactor(Yubikey, oneCode(yubikey)))
		}
		if code != "" {
			opts = append(opts, WithSecondFactor(TwoFactor, oneCode(code)))
		}
	}
	return opts
}

// parseURL parses a base URL. what describes the URL in errors.
func parseURL(what, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case strings.Contains(address, "@"), err != nil && strings.Contains(address, "%40"):
		// Wherever it is: the errors below show the address, and url.Parse may take a password for a port.
		return nil, fmt.Errorf("%s contains a user name or password: use WithCredentials", what)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be parsed: %w", what, errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%s %q must look like https://host", what, address)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%s %q must not have a query or fragment", what, address)
	}
	u.Host = strings.TrimSuffix(u.Host, ":") // without a port after it
	escaped := strings.TrimRight(u.EscapedPath(), "/")
	if u.Path, err = url.PathUnescape(escaped); err != nil {
		return nil, fmt.Errorf("%s cannot be parsed: %w", what, err)
	}
	if u.RawPath = ""; u.EscapedPath() != escaped {
		u.RawPath = escaped
	}
	return u, nil
}

// isNil reports whether v is nil, or holds a nil pointer, function or map.
func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return value.IsNil()
	}
	return false
}

// isLoopback reports whether host is the local host.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
