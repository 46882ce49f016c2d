package bigv

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bigv-go/bigv/internal/roundtrip"
)

// Default endpoints.
const (
	DefaultBaseURL = "https://uk0.bigv.io"         // base URL of the API; see WithBaseURL
	DefaultAuthURL = "https://auth.bytemark.co.uk" // URL of the authentication service; see WithAuthURL
)

// Version is the version of this package.
const Version = "0.1.0"

// Client is a client of the Cloud Servers API. It is immutable and safe for concurrent use; a
// program usually needs only one. Create it with NewClient or NewClientFromEnv, and derive clients
// with other options with With.
type Client struct {
	Accounts        *AccountsService        // customer accounts
	Groups          *GroupsService          // groups of virtual machines
	VirtualMachines *VirtualMachinesService // virtual machines: creation, power, hardware, deletion
	Discs           *DiscsService           // discs of virtual machines
	Users           *UsersService           // users and their SSH keys
	Privileges      *PrivilegesService      // permissions of users
	NICs            *NICsService            // network interfaces and additional IP addresses
	IPs             *IPsService             // reverse DNS, release and swap of IP addresses
	Backups         *BackupsService         // backups of discs
	BackupSchedules *BackupSchedulesService // schedules that take backups
	APIKeys         *APIKeysService         // API keys of users
	Definitions     *DefinitionsService     // values that the service accepts; needs no credentials
	VMDefaults      *VMDefaultsService      // templates of virtual machines
	Sessions        *SessionsService        // sessions of the authentication service

	config
	http *roundtrip.Sender
	// base is the transport that http uses, without the timeouts.
	base http.RoundTripper
	// header holds the headers of every request, which are copied for each.
	header     http.Header
	lastBearer atomic.Pointer[bearer]
}

// config holds the values that options set. The config of a Client never changes.
type config struct {
	baseURL, authURL *url.URL
	insecureHTTP     bool
	httpClient       *http.Client
	transport        http.RoundTripper
	userAgent        string
	logger           *slog.Logger
	onAttemptHook    func(context.Context, Attempt)
	capture          *capture
	retry            RetryPolicy
	limits           Timeouts
	maxAnswer        int64
	account          AccountPath
	style            URLStyle
	createTurns      turns // limits concurrent vm_create calls
	keyTurn          turns // serializes changes of a user's keys

	tokens      TokenSource  // source of tokens; nil if credentials is set
	credentials *credentials // of session, or nil
	session     *session

	// set records what the current options have set, for checks that involve several options.
	set struct {
		auth                           []string // kinds of credentials; at most one is allowed
		login, factor, authURL         bool
		httpClient, transport, carrier bool
	}
}

// turns is a semaphore. Its capacity is the number of callers that can hold it at a time.
type turns chan struct{}

// take acquires the semaphore, or returns an error when ctx ends. The caller must call give
// afterwards.
func (t turns) take(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return roundtrip.Interrupted(ctx, nil)
	}
}

// give releases the semaphore.
func (t turns) give() { <-t }

var errNilContext = errors.New("the context is nil")

// Option configures a Client. NewClient and With report the errors of all options together.
type Option func(*config) error

// URLStyle selects which of the two URL styles of the API the client uses to read full paths.
type URLStyle int

const (
	// NestedURLs selects URLs such as /accounts/acme/groups/web/virtual_machines/www1. It is the
	// default.
	NestedURLs URLStyle = iota
	// FlatURLs selects URLs such as /virtual_machines?account_name=acme&group_name=web. Writes use
	// nested URLs regardless, where the API has no flat ones.
	FlatURLs
)

// RetryPolicy limits how often, and after which waits, a request is sent. Whether a failed request
// is retried at all depends on the operation and the failure; see the package documentation.
type RetryPolicy struct {
	MaxAttempts int           // total attempts, at least 1; 1 disables retries
	MinWait     time.Duration // upper limit of the first random wait; doubles with each attempt
	MaxWait     time.Duration // upper limit of every wait, also if Retry-After is longer
}

// Timeouts limits how long a call waits for the server to make progress. The duration of the whole
// call is limited by its context.
type Timeouts struct {
	Header time.Duration // from the start of an attempt to the headers of its response
	Idle   time.Duration // waiting for more of a response body
}

// Attempt describes one attempt to send a request.
type Attempt struct {
	Operation  string        // what the call does, such as "update virtual machine"
	Method     string        // HTTP method, such as "PUT"
	Route      string        // path template without names and IDs, usable as a metric label
	Number     int           // counted from 1
	StatusCode int           // HTTP status; 0 if no response arrived
	Err        error         // why no response arrived or its body is incomplete, or nil
	Duration   time.Duration // until the end of the response body; for All, until the end of the loop
	Retry      bool          // whether another attempt follows
	Wait       time.Duration // wait before the next attempt; 0 if none follows
}

// WithBaseURL sets the base URL of the API, instead of DefaultBaseURL.
func WithBaseURL(address string) Option {
	return func(c *config) (err error) {
		c.baseURL, err = parseURL("base URL", address)
		return err
	}
}

// WithAuthURL sets the URL of the authentication service, instead of DefaultAuthURL.
func WithAuthURL(address string) Option {
	return func(c *config) (err error) {
		c.authURL, err = parseURL("authentication URL", address)
		c.set.authURL = true
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
// is copied and not changed; its CheckRedirect is replaced, so that redirects cannot lead to
// another origin. If its transport is nil, a NewTransport is used. See WithTransport on idle
// connections. WithHTTPClient and WithTransport cannot be combined.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error {
		if client == nil {
			return errors.New("the HTTP client is nil")
		}
		c.httpClient, c.set.httpClient, c.set.carrier = client, true, true
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
// service may already have closed a connection that was idle for longer, and a request that is not
// idempotent, such as a create, then fails with ErrOutcomeUnknown.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("the transport is nil")
		}
		c.transport, c.set.transport, c.set.carrier = transport, true, true
		return nil
	}
}

// WithUserAgent adds the name of the program, such as "deploy/1.4", to the User-Agent header after
// the name of this package.
func WithUserAgent(program string) Option {
	return func(c *config) error {
		for _, r := range program {
			if r < ' ' || r > '~' {
				return fmt.Errorf("the user agent %q holds a character that a header cannot", program)
			}
		}
		if program == "" {
			return errors.New("the user agent is empty")
		}
		c.userAgent = defaultUserAgent + " " + program
		return nil
	}
}

// WithLogger logs each request at debug level and each retry at warn level. It logs no bodies,
// headers or credentials.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return errors.New("the logger is nil")
		}
		c.logger = logger
		return nil
	}
}

// WithAttemptHook calls hook after each attempt to send a request, in the goroutine of the call.
// Use it for metrics and traces.
func WithAttemptHook(hook func(context.Context, Attempt)) Option {
	return func(c *config) error {
		if hook == nil {
			return errors.New("the attempt hook is nil")
		}
		c.onAttemptHook = hook
		return nil
	}
}

// WithRetryPolicy sets the retry policy. The default is 4 attempts, with random waits of up to 500
// ms, 1 s and 2 s; a longer Retry-After is followed up to 30 s.
func WithRetryPolicy(policy RetryPolicy) Option {
	return func(c *config) error {
		if policy.MaxAttempts < 1 {
			return fmt.Errorf("the retry policy has %d attempts, and at least 1 is needed", policy.MaxAttempts)
		}
		if policy.MinWait < 0 || policy.MaxWait < policy.MinWait {
			return fmt.Errorf("the retry policy waits from %s to %s", policy.MinWait, policy.MaxWait)
		}
		c.retry = policy
		return nil
	}
}

// WithTimeouts sets how long calls wait for the server to make progress. The default is 2 minutes
// until the headers, since the service responds to most writes only when they are done, and 30
// seconds within a body. Both must be positive.
func WithTimeouts(limits Timeouts) Option {
	return func(c *config) error {
		if limits.Header <= 0 || limits.Idle <= 0 {
			return fmt.Errorf("the time limits %s and %s must both be above zero", limits.Header, limits.Idle)
		}
		c.limits, c.set.carrier = limits, true
		return nil
	}
}

// WithMaxResponseSize limits the size of a response body that is read into memory, in bytes. The
// default is 64 MiB. For a larger response the error matches ErrTooLarge. The limit does not apply
// to the All methods, which read lists of any length.
func WithMaxResponseSize(bytes int64) Option {
	return func(c *config) error {
		if bytes <= 0 {
			return fmt.Errorf("a largest answer of %d bytes", bytes)
		}
		c.maxAnswer = bytes
		return nil
	}
}

// WithConcurrentCreates sets how many virtual machines this client, together with the clients
// derived from it, creates at a time. The default is 1, since concurrent creates have caused
// deadlocks in the service.
func WithConcurrentCreates(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("%d concurrent creates", n)
		}
		c.createTurns = make(turns, n)
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
			return fmt.Errorf("URL style %d is neither NestedURLs nor FlatURLs", style)
		}
		c.style = style
		return nil
	}
}

// WithToken authenticates every call with a session token. The token is not renewed: a session ends
// five minutes after its last use.
func WithToken(token string) Option {
	return func(c *config) error {
		c.authenticateBy("a token", staticToken{NewSecret(token)})
		return checkToken("the token", token)
	}
}

// WithAPIKey authenticates every call with an API key. The prefix "apikey." is optional.
func WithAPIKey(key string) Option {
	key = strings.TrimPrefix(key, apiKeyPrefix)
	return func(c *config) error {
		c.authenticateBy("an API key", staticToken{NewSecret(apiKeyPrefix + key)})
		return checkToken("the API key", key)
	}
}

// WithCredentials logs in at the authentication service before the first call, and again when the
// session has expired. All goroutines share one session.
//
// Credentials that the service has refused are not sent again, so that the user is not locked out:
// every later call returns the same error.
func WithCredentials(username, password string) Option {
	return func(c *config) error {
		if username == "" || password == "" {
			return errors.New("the credentials need a user name and a password")
		}
		c.authenticateBy("a user name and password", nil)
		login := c.login()
		login.username, login.password = username, NewSecret(password)
		if !c.set.factor {
			login.factor, login.code = "", nil // they belong to another user
		}
		return nil
	}
}

// WithSecondFactor calls code for a new one-time code at each login of WithCredentials. If code
// returns the code of the previous login, it is not sent and the error matches ErrSessionExpired.
func WithSecondFactor(factor Factor, code func(context.Context) (Secret, error)) Option {
	return func(c *config) error {
		if factor != Yubikey && factor != TwoFactor || code == nil {
			return fmt.Errorf("the second factor %q needs a kind, Yubikey or TwoFactor, and a function", factor)
		}
		login := c.login()
		login.factor, login.code = factor, code
		c.set.factor = true
		return nil
	}
}

// WithSessionValidity requests sessions of this length, in whole seconds, instead of five minutes
// after the last use. The service shortens it to its maximum without reporting it. It needs
// WithCredentials.
func WithSessionValidity(d time.Duration) Option {
	return func(c *config) error {
		if d < time.Second {
			return fmt.Errorf("a session validity of %s: at least a second is needed", d)
		}
		c.login().validity = d
		return nil
	}
}

// WithTokenSource authenticates each call with a token from source.
func WithTokenSource(source TokenSource) Option {
	return func(c *config) error {
		if source == nil {
			return errors.New("the token source is nil")
		}
		c.authenticateBy("a token source", source)
		return nil
	}
}

// authenticateBy records a kind of credentials. source is nil if the client logs in itself.
func (c *config) authenticateBy(kind string, source TokenSource) {
	c.tokens = source
	c.set.auth = append(c.set.auth, kind)
}

// login returns the credentials to which the current options apply. The first call copies those of
// the parent client.
func (c *config) login() *credentials {
	if !c.set.login {
		next := credentials{}
		if c.credentials != nil {
			next = *c.credentials
		}
		c.credentials, c.set.login = &next, true
	}
	return c.credentials
}

const defaultUserAgent = "bigv-go/" + Version

// NewClient returns a client with the given options. It sends nothing. Without credentials, the
// client can only call Definitions and Sessions.
func NewClient(opts ...Option) (*Client, error) {
	c := config{
		userAgent:   defaultUserAgent,
		retry:       RetryPolicy{MaxAttempts: 4, MinWait: 500 * time.Millisecond, MaxWait: 30 * time.Second},
		limits:      Timeouts{Header: 2 * time.Minute, Idle: 30 * time.Second},
		maxAnswer:   64 << 20,
		createTurns: make(turns, 1),
		keyTurn:     make(turns, 1),
	}
	c.baseURL, _ = url.Parse(DefaultBaseURL)
	c.authURL, _ = url.Parse(DefaultAuthURL)
	return c.client(nil, opts)
}

// NewClientFromEnv returns a client that is configured by environment variables, and then by opts:
//
//   - BIGV_TOKEN, or BIGV_API_KEY, or BIGV_USERNAME and BIGV_PASSWORD: the credentials; two kinds
//     at once are an error
//   - BIGV_YUBIKEY or BIGV_2FA: the one-time code for a single login with BIGV_USERNAME
//   - BIGV_ENDPOINT and BIGV_AUTH_ENDPOINT: the URLs of the API and the authentication service
//   - BIGV_ACCOUNT: the default account
func NewClientFromEnv(opts ...Option) (*Client, error) {
	return NewClient(append(envOptions(os.Getenv), opts...)...)
}

// envOptions returns the options that the environment variables set.
func envOptions(getenv func(string) string) (opts []Option) {
	wrong := func(mistake string) {
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
		wrong("BIGV_USERNAME and BIGV_PASSWORD need each other, and one is not set")
	case yubikey != "" && code != "":
		wrong("BIGV_YUBIKEY and BIGV_2FA are both set: a login takes one")
	case username == "" && (yubikey != "" || code != ""):
		wrong("BIGV_YUBIKEY and BIGV_2FA go with BIGV_USERNAME and BIGV_PASSWORD, which are not set")
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

// With returns a copy of the client with other options. Both can be used at the same time. They
// share connections, the session and the limit of concurrent creates, unless an option replaces
// them.
func (c *Client) With(opts ...Option) (*Client, error) {
	return c.config.client(c, opts)
}

// client applies options to the config and returns a client with it. parent is the client that the
// config comes from, or nil.
func (c config) client(parent *Client, opts []Option) (*Client, error) {
	c.set = config{}.set
	var errs []error
	for _, opt := range opts {
		if opt == nil {
			errs = append(errs, errors.New("an option is nil"))
		} else if err := opt(&c); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, c.contradictions()...)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("bigv: new client: %w", err)
	}
	switch {
	case c.tokens != nil:
		c.credentials, c.session = nil, nil
	case c.credentials != nil && (c.set.login || c.set.authURL):
		c.session = newSession(*c.credentials)
	}
	if c.set.httpClient && !c.set.transport {
		c.transport = nil // use the transport of the new HTTP client
	}
	client := &Client{config: c, header: http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {c.userAgent},
		"Accept-Encoding": {"identity"}, // compressing a single object costs more than it saves
	}}
	if parent != nil && !c.set.carrier {
		client.http, client.base = parent.http, parent.base
	} else {
		client.http, client.base = c.newHTTPClient(parent)
	}
	client.Accounts = &AccountsService{client}
	client.Groups = &GroupsService{client}
	client.VirtualMachines = &VirtualMachinesService{client}
	client.Discs = &DiscsService{client}
	client.Users = &UsersService{client}
	client.Privileges = &PrivilegesService{client}
	client.NICs = &NICsService{client}
	client.IPs = &IPsService{client}
	client.Backups = &BackupsService{client}
	client.BackupSchedules = &BackupSchedulesService{client}
	client.APIKeys = &APIKeysService{client}
	client.Definitions = &DefinitionsService{client}
	client.VMDefaults = &VMDefaultsService{client}
	client.Sessions = &SessionsService{client}
	return client, nil
}

// contradictions returns an error for each combination of options that is not allowed.
func (c *config) contradictions() (errs []error) {
	if len(c.set.auth) > 1 {
		errs = append(errs, fmt.Errorf("%s are both set: use one", strings.Join(c.set.auth, " and ")))
	}
	for _, u := range []*url.URL{c.baseURL, c.authURL} {
		if u != nil && u.Scheme == "http" && !c.insecureHTTP && !isLoopback(u.Hostname()) {
			errs = append(errs,
				fmt.Errorf("%s is plain http, which would show the credentials to whoever listens: use https, or WithInsecureHTTP", u))
		}
	}
	if c.set.httpClient && c.set.transport {
		errs = append(errs, errors.New("an HTTP client and a transport are both set: set the client's transport"))
	}
	if c.set.login && (c.tokens != nil || c.credentials.username == "") {
		errs = append(errs, errors.New("a second factor or a session validity is set without WithCredentials"))
	}
	return errs
}

// CloseIdleConnections closes the connections that no call is using. A NewTransport closes idle
// connections after 15 seconds by itself.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String returns the client's base URL. It contains no secret.
func (c *Client) String() string { return "bigv.Client(" + c.baseURL.String() + ")" }

// Format writes String for every verb, so that printing a client reveals no credentials.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// parseURL parses a base URL. what names it in errors.
func parseURL(what, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the %s cannot be read: %w", what, errors.Unwrap(err))
	case strings.Contains(address, "@"): // also outside the host, since the errors below show the address
		return nil, fmt.Errorf("the %s holds a user name or password: use WithCredentials", what)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("the %s %q must look like https://host", what, address)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("the %s %q must have no query or fragment", what, address)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// isLoopback reports whether host is the local host.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// newHTTPClient returns the HTTP client for all calls, and its transport, which is the caller's if
// one is set.
func (c *config) newHTTPClient(parent *Client) (*roundtrip.Sender, http.RoundTripper) {
	client := &http.Client{}
	base := c.transport
	if c.httpClient != nil {
		*client = *c.httpClient
		base = cmp.Or(base, client.Transport)
	}
	if base == nil && parent != nil && !c.set.httpClient {
		base = parent.base // share the connections
	}
	if base == nil {
		base = NewTransport()
	}
	client.Transport, client.CheckRedirect = base, sameOrigin
	return roundtrip.NewSender(client, roundtrip.Limits(c.limits)), base
}

// NewTransport returns a new transport with the client's defaults, to change or to wrap:
//
//	bigv.WithTransport(otelhttp.NewTransport(bigv.NewTransport()))
//
// It allows for 100 goroutines that call one host, and closes connections that are idle for 15
// seconds. Client.CloseIdleConnections does nothing if a wrapper lacks that method; close the
// connections of the transport itself then.
func NewTransport() *http.Transport {
	return &http.Transport{
		MaxResponseHeaderBytes: 1 << 20, // the default is 10 MiB
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    128,
		// The server may have closed a connection that was idle for longer; the outcome of a write
		// sent on it would be unknown.
		IdleConnTimeout: 15 * time.Second,
		// Limits the memory for data that arrives faster than it is read, as may happen with All.
		HTTP2:               &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20},
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
}

// sameOrigin allows a GET to be redirected within its origin, and refuses every other redirect:
// credentials must not reach another origin, and a write must not be repeated elsewhere.
func sameOrigin(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) >= 10:
		return fmt.Errorf("%w: 10 in a row", ErrRedirect)
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return fmt.Errorf("%w: a %s was answered with one to %s", ErrRedirect, first.Method, origin(req.URL))
	case req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host:
		return fmt.Errorf("%w: to %s, another place than %s: is the base URL right?", ErrRedirect, origin(req.URL), origin(first.URL))
	}
	return nil
}

// origin returns the scheme and host of a URL, for errors. The rest may contain a secret in an
// escaped form that is not recognized.
func origin(u *url.URL) string {
	if u.Scheme != "http" && u.Scheme != "https" {
		return "what is no web address"
	}
	return u.Scheme + "://" + u.Host
}
