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

// Where the service lives.
const (
	DefaultBaseURL = "https://uk0.bigv.io"
	DefaultAuthURL = "https://auth.bytemark.co.uk"
)

// Version is the version of this package.
const Version = "0.1.0"

// Client talks to the service. It is immutable and safe for concurrent use by
// any number of goroutines; one serves a whole program. Make one with NewClient
// or NewClientFromEnv, and variants of one with With.
type Client struct {
	Accounts        *AccountsService        // what groups belong to, and who is billed
	Groups          *GroupsService          // what virtual machines are sorted into
	VirtualMachines *VirtualMachinesService // their making, power, hardware and end
	Discs           *DiscsService           // of virtual machines: size, label, owner
	Users           *UsersService           // who logs in, and their SSH keys
	Privileges      *PrivilegesService      // who may do what on which thing
	NICs            *NICsService            // network interfaces, and additional IP addresses
	IPs             *IPsService             // reverse DNS, release and swapping of addresses
	Backups         *BackupsService         // of discs: taken, restored, purged
	BackupSchedules *BackupSchedulesService // when backups are taken by themselves
	APIKeys         *APIKeysService         // what programs log in with
	Definitions     *DefinitionsService     // the values that the service knows; needs no credentials
	VMDefaults      *VMDefaultsService      // templates that panels fill their forms from
	Sessions        *SessionsService        // of the authentication service: opened, read, kept alive

	config
	http *roundtrip.Sender
	// base is the transport below http, without our limits.
	base http.RoundTripper
	// header is what every request has in its own: made once, and copied in one go.
	header     http.Header
	lastBearer atomic.Pointer[bearer]
}

// config is what options set. A Client never changes its own.
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
	createTurns      turns // of vm_create
	keyTurn          turns // of reading and writing back a user's keys

	tokens      TokenSource  // what gives the tokens, unless credentials do
	credentials *credentials // what session logs in with, or nil
	session     *session

	// set says what the options at hand have set, for what depends on it.
	set struct {
		auth                           []string // the kinds of credentials: two of them contradict
		login, factor, authURL         bool
		httpClient, transport, carrier bool
	}
}

// turns lets so many callers in at a time as it has room for.
type turns chan struct{}

// take waits for a turn. Whoever got one gives it back.
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

func (t turns) give() { <-t }

var errNilContext = errors.New("the context is nil")

// Option sets up a Client. The errors of all options given to NewClient or With
// are reported together.
type Option func(*config) error

// URLStyle says which of the API's two styles of URL full paths are read by.
type URLStyle int

const (
	// NestedURLs are /accounts/acme/groups/web/virtual_machines/www1.
	NestedURLs URLStyle = iota
	// FlatURLs are /virtual_machines?account_name=acme&group_name=web. Writes
	// are nested all the same, where the API has no flat ones.
	FlatURLs
)

// RetryPolicy bounds how often a call is sent again. Whether it may be sent
// again at all depends on what happened and on the operation: see the package
// documentation.
type RetryPolicy struct {
	MaxAttempts int           // at least 1; 1 is no retries
	MinWait     time.Duration // the first wait is between 0 and this, and doubles
	MaxWait     time.Duration // no wait is longer, even if the service asks
}

// Timeouts are the longest silences of the service that a call endures. They
// do not limit how long a call takes in all: its context does.
type Timeouts struct {
	Header time.Duration // from the start of an attempt to the headers of its answer
	Idle   time.Duration // waiting for more of an answer's body
}

// Attempt is what WithAttemptHook is told of each sending of a request.
type Attempt struct {
	Operation  string        // such as "update virtual machine"
	Method     string        // such as "PUT"
	Route      string        // its path with names in place of values: a metric label
	Number     int           // 1 is the first
	StatusCode int           // 0 when no answer came
	Err        error         // why no answer came, or was cut short
	Duration   time.Duration // from sending to the end of the answer, which with All is the end of the loop
	Retry      bool          // whether another attempt follows
	Wait       time.Duration // before that attempt
}

// WithBaseURL sets where the API is, instead of DefaultBaseURL.
func WithBaseURL(address string) Option {
	return func(c *config) (err error) {
		c.baseURL, err = parseURL("base URL", address)
		return err
	}
}

// WithAuthURL sets where the authentication service is, instead of
// DefaultAuthURL.
func WithAuthURL(address string) Option {
	return func(c *config) (err error) {
		c.authURL, err = parseURL("authentication URL", address)
		c.set.authURL = true
		return err
	}
}

// WithInsecureHTTP allows plain http to hosts other than this one. Whoever
// listens on the way can then take the credentials.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecureHTTP = true
		return nil
	}
}

// WithHTTPClient sets the HTTP client whose transport, timeout and cookies are
// used. It is copied, not changed. Its redirects are limited to the same origin.
// What WithTransport says of idle connections goes for its transport too; where it
// is nil, a NewTransport serves.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error {
		if client == nil {
			return errors.New("the HTTP client is nil")
		}
		c.httpClient, c.set.httpClient, c.set.carrier = client, true, true
		return nil
	}
}

// WithTransport sets what carries requests: a proxy, a recorder, tracing. One
// that wraps another should wrap a NewTransport, which is made for this service.
// A certificate authority to trust goes into one, too:
//
//	transport := bigv.NewTransport()
//	transport.TLSClientConfig.RootCAs = pool
//	client, err := bigv.NewClient(bigv.WithTransport(transport))
//
// A transport of another make should have an IdleConnTimeout of 15 seconds at the
// most, as a NewTransport has. The service may have closed a connection that was
// idle for longer, and what must not be done twice, such as a create, then ends in
// ErrOutcomeUnknown.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("the transport is nil")
		}
		c.transport, c.set.transport, c.set.carrier = transport, true, true
		return nil
	}
}

// WithUserAgent adds the name of your program to this package's in the
// User-Agent header: "deploy/1.4".
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

// WithLogger logs one line a request at debug level, and retries at warn level.
// No body, header or credential is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return errors.New("the logger is nil")
		}
		c.logger = logger
		return nil
	}
}

// WithAttemptHook calls hook after each sending of a request, in the goroutine
// of the call: for metrics and traces.
func WithAttemptHook(hook func(context.Context, Attempt)) Option {
	return func(c *config) error {
		if hook == nil {
			return errors.New("the attempt hook is nil")
		}
		c.onAttemptHook = hook
		return nil
	}
}

// WithRetryPolicy sets how often calls are sent again. The default is 4 attempts
// with waits of up to 500 ms, 1 s and 2 s, none above 30 s.
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

// WithTimeouts sets how long the service may keep silent. The default is 2
// minutes to headers, since the service answers most writes when they are done,
// and 30 seconds within a body.
func WithTimeouts(limits Timeouts) Option {
	return func(c *config) error {
		if limits.Header <= 0 || limits.Idle <= 0 {
			return fmt.Errorf("the time limits %s and %s must both be above zero", limits.Header, limits.Idle)
		}
		c.limits, c.set.carrier = limits, true
		return nil
	}
}

// WithMaxResponseSize sets how many bytes an answer may have that is read whole; the
// default is 64 MiB. Larger ones are ErrTooLarge. All reads lists of any length.
func WithMaxResponseSize(bytes int64) Option {
	return func(c *config) error {
		if bytes <= 0 {
			return fmt.Errorf("a largest answer of %d bytes", bytes)
		}
		c.maxAnswer = bytes
		return nil
	}
}

// WithConcurrentCreates sets how many virtual machines this client, and those
// derived from it, may create at a time. The default is 1, since the service
// has been seen to deadlock under more.
func WithConcurrentCreates(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("%d concurrent creates", n)
		}
		c.createTurns = make(turns, n)
		return nil
	}
}

// WithAccount sets what DefaultAccount stands for.
func WithAccount(nameOrID string) Option {
	return func(c *config) (err error) {
		c.account, err = ParseAccountPath(nameOrID)
		if err == nil && c.account == DefaultAccount {
			err = errors.New("the default account must be a name or an ID")
		}
		return err
	}
}

// WithURLStyle sets how full paths are read. The default is NestedURLs.
func WithURLStyle(style URLStyle) Option {
	return func(c *config) error {
		if style != NestedURLs && style != FlatURLs {
			return fmt.Errorf("URL style %d is neither NestedURLs nor FlatURLs", style)
		}
		c.style = style
		return nil
	}
}

// WithToken sends this session ID with every call. It is not renewed: a session
// ends five minutes after its last use.
func WithToken(token string) Option {
	return func(c *config) error {
		c.authenticateBy("a token", staticToken{NewSecret(token)})
		return checkToken("the token", token)
	}
}

// WithAPIKey sends this API key with every call, with or without "apikey."
// before it.
func WithAPIKey(key string) Option {
	key = strings.TrimPrefix(key, apiKeyPrefix)
	return func(c *config) error {
		c.authenticateBy("an API key", staticToken{NewSecret(apiKeyPrefix + key)})
		return checkToken("the API key", key)
	}
}

// WithCredentials logs in at the authentication service when the first call
// needs it, and again when the session has expired. One login serves all
// goroutines. Credentials that the service refuses are not sent again, so that
// nobody is locked out: every later call ends in the same error.
func WithCredentials(username, password string) Option {
	return func(c *config) error {
		if username == "" || password == "" {
			return errors.New("the credentials need a user name and a password")
		}
		c.authenticateBy("a user name and password", nil)
		login := c.login()
		login.username, login.password = username, NewSecret(password)
		if !c.set.factor {
			login.factor, login.code = "", nil // another user's
		}
		return nil
	}
}

// WithSecondFactor asks code for a fresh one-time code at each login of
// WithCredentials. The same code twice in a row is ErrSessionExpired, and is not
// sent.
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

// WithSessionValidity asks for sessions that last this long, in whole seconds,
// instead of five minutes after their last use. The service has a maximum of its
// own and does not say when it applies it.
func WithSessionValidity(d time.Duration) Option {
	return func(c *config) error {
		if d < time.Second {
			return fmt.Errorf("a session validity of %s: at least a second is needed", d)
		}
		c.login().validity = d
		return nil
	}
}

// WithTokenSource asks source for the token of each call.
func WithTokenSource(source TokenSource) Option {
	return func(c *config) error {
		if source == nil {
			return errors.New("the token source is nil")
		}
		c.authenticateBy("a token source", source)
		return nil
	}
}

// authenticateBy notes one kind of credentials. source is nil if they log in.
func (c *config) authenticateBy(kind string, source TokenSource) {
	c.tokens = source
	c.set.auth = append(c.set.auth, kind)
}

// login is the credentials that the options at hand make, those of the client
// they are applied to before.
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

// NewClient makes a client. Without an option that sets credentials it can only
// read Definitions. It sends nothing.
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

// NewClientFromEnv is NewClient with what the environment says, before opts:
// one of BIGV_TOKEN, BIGV_API_KEY, or BIGV_USERNAME and BIGV_PASSWORD with
// BIGV_YUBIKEY or BIGV_2FA if the user has a second factor; BIGV_ENDPOINT and
// BIGV_AUTH_ENDPOINT for other places than Bytemark's; BIGV_ACCOUNT for the
// default account. Two kinds of credentials at once are an error.
func NewClientFromEnv(opts ...Option) (*Client, error) {
	return NewClient(append(envOptions(os.Getenv), opts...)...)
}

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

// With makes a client like this one with other options. Both may be used; they
// share connections, session and the queue of creates, unless an option says
// otherwise.
func (c *Client) With(opts ...Option) (*Client, error) {
	return c.config.client(c, opts)
}

// client applies options to the config and makes a client of it. parent is the
// client the config was taken from, or nil.
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
		c.transport = nil // the new client's own serves
	}
	client := &Client{config: c, header: http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {c.userAgent},
		"Accept-Encoding": {"identity"}, // packing one thing costs both sides more than it saves
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

// contradictions are the errors of options that do not go together.
func (c *config) contradictions() (errs []error) {
	if len(c.set.auth) > 1 {
		errs = append(errs, fmt.Errorf("%s are both set: use one", strings.Join(c.set.auth, " and ")))
	}
	for _, u := range []*url.URL{c.baseURL, c.authURL} {
		if u != nil && u.Scheme == "http" && !c.insecureHTTP && !isLoopback(u.Hostname()) {
			errs = append(errs, fmt.Errorf("%s is plain http, which would show the credentials to whoever listens: use https, or WithInsecureHTTP", u))
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

// CloseIdleConnections closes the connections that no call uses at the moment.
// Idle connections of a NewTransport close by themselves after 15 seconds.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String names the client's endpoint and nothing secret.
func (c *Client) String() string { return "bigv.Client(" + c.baseURL.String() + ")" }

// Format prints String under every verb, so that no dump shows a credential.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

func parseURL(what, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the %s cannot be read: %w", what, errors.Unwrap(err))
	case strings.Contains(address, "@"): // even where it is not read as one: it would be shown below
		return nil, fmt.Errorf("the %s holds a user name or password: use WithCredentials", what)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("the %s %q must look like https://host", what, address)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("the %s %q must have no query or fragment", what, address)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// newHTTPClient makes the client that all calls go through, and the transport
// below it: the caller's, if there is one.
func (c *config) newHTTPClient(parent *Client) (*roundtrip.Sender, http.RoundTripper) {
	client := &http.Client{}
	base := c.transport
	if c.httpClient != nil {
		*client = *c.httpClient
		base = cmp.Or(base, client.Transport)
	}
	if base == nil && parent != nil && !c.set.httpClient {
		base = parent.base // other limits share the connections
	}
	if base == nil {
		base = NewTransport()
	}
	client.Transport, client.CheckRedirect = base, sameOrigin
	return roundtrip.NewSender(client, roundtrip.Limits(c.limits)), base
}

// NewTransport is a new one of the transports that clients have unless they are
// given another, to change or to wrap:
//
//	bigv.WithTransport(otelhttp.NewTransport(bigv.NewTransport()))
//
// It is made for a program with 100 goroutines and one host, and closes
// connections that are idle for 15 seconds. Whoever makes one may close its idle
// connections: its client does so only where the transport that it was given can.
func NewTransport() *http.Transport {
	return &http.Transport{
		MaxResponseHeaderBytes: 1 << 20, // the default of 10 MiB is much to read for an error
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    128,
		// A connection idle for longer may have been closed by the other side;
		// a write sent on it would be lost without a word.
		IdleConnTimeout: 15 * time.Second,
		// What the service sends ahead of a reader that takes its time, as one of
		// All's may, waits in memory.
		HTTP2:               &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20},
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
}

// sameOrigin lets a GET be led elsewhere on the same host, and nothing else:
// credentials go where the caller said, and a write is not repeated at another
// place than the one it was meant for.
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

// origin is what an error tells of where a redirect leads. The rest of it may
// repeat a secret, in an escaped form that is not recognized.
func origin(u *url.URL) string {
	if u.Scheme != "http" && u.Scheme != "https" {
		return "what is no web address"
	}
	return u.Scheme + "://" + u.Host
}
