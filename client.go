package bigv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/transport"
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
// with other options with With. The methods of a Client that was created otherwise return an error.
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
	http       *retry.Client
	httpClient *http.Client      // what http sends requests with
	base       http.RoundTripper // the transport of httpClient, without the timeouts
	header     http.Header       // the headers of every request; not changed
	lastBearer atomic.Pointer[bearer]
}

// config holds the values that options set. The config of a Client never changes.
type config struct {
	baseURL, authURL *url.URL
	insecureHTTP     bool
	userClient       *http.Client // of WithHTTPClient
	transport        http.RoundTripper
	userAgent        string
	attemptHook      func(context.Context, Attempt)
	retry            RetryPolicy
	timeouts         Timeouts
	maxResponseSize  int64
	account          AccountPath
	style            URLStyle
	gateWait         time.Duration // of WithGate; 0 disables the gates
	gate, authGate   *retry.Gate   // of the API and of the authentication service
	creates          semaphore     // limits concurrent creates of virtual machines
	keyEdits         semaphore     // serializes changes of users' keys, which are read and written back

	// Functions that options set, so that a program without these options does not contain them.
	capture    func(*response, retry.Attempt)
	logAttempt func(context.Context, *response, retry.Attempt, error)

	tokens       tokenFunc    // of WithToken, WithAPIKey or WithTokenSource, or nil
	credentials  *credentials // of loginSession, or nil
	loginSession tokenFunc    // logs in with the credentials

	// set records what the options of the current NewClient or With have set.
	set struct {
		auth                   []string // the kinds of credentials, of which only one is allowed
		login, factor, authURL bool
		httpClient, transport  bool
		connection             bool // anything that needs another HTTP client
		gate                   bool // WithGate, or anything that leads to another service
	}
}

// clientOf returns the client of a service, or a zero client if the service has none because its
// client was not made by NewClient.
func clientOf[S ~struct{ client *Client }](service *S) *Client {
	if service == nil || struct{ client *Client }(*service).client == nil {
		return new(Client)
	}
	return struct{ client *Client }(*service).client
}

var errZeroClient = errors.New("the client is a zero Client: create it with NewClient")

// semaphore limits how many callers do something at a time.
type semaphore chan struct{}

func newSemaphore(n int) semaphore { return make(semaphore, n) }

// acquire waits until the semaphore has room, or returns an error when ctx ends. The caller must
// call release afterwards.
func (s semaphore) acquire(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	if s == nil {
		return errZeroClient
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return retry.ContextError(ctx, nil)
	}
}

// release makes room for another caller.
func (s semaphore) release() { <-s }

var errNilContext = errors.New("context is nil")

const defaultUserAgent = "bigv-go/" + Version

// NewClient returns a client with the given options. It sends no request. If options are invalid or
// contradict each other, it returns an error that describes all of them.
//
// Without credentials, the client can only call Definitions and Sessions.Create, Sessions.Get and
// Sessions.Impersonate; other calls return an error that matches ErrNoCredential.
func NewClient(opts ...Option) (*Client, error) {
	c := config{
		userAgent:       defaultUserAgent,
		retry:           defaultRetryPolicy,
		timeouts:        defaultTimeouts,
		maxResponseSize: 64 << 20,
		gateWait:        4 * time.Second,
		creates:         newSemaphore(1),
		keyEdits:        newSemaphore(1),
	}
	c.baseURL, _ = url.Parse(DefaultBaseURL)
	c.authURL, _ = url.Parse(DefaultAuthURL)
	return c.client(nil, opts)
}

// With returns a copy of the client to which the given options are applied. Both clients can be
// used at the same time. They share connections, the session, the gate and the limit of concurrent
// creates, unless an option replaces them. The errors are those of NewClient.
func (c *Client) With(opts ...Option) (*Client, error) {
	if c.http == nil {
		return nil, fmt.Errorf("bigv: new client: %w", errZeroClient)
	}
	return c.config.client(c, opts)
}

// client applies options to the config and returns a client with it. parent is the client that the
// config comes from, or nil.
func (c config) client(parent *Client, opts []Option) (*Client, error) {
	c.set = config{}.set
	var errs []error
	for _, opt := range opts {
		if opt == nil {
			errs = append(errs, errors.New("option is nil"))
		} else if err := opt(&c); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, c.validate()...)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("bigv: new client: %w", err)
	}
	switch {
	case c.tokens != nil:
		c.credentials, c.loginSession = nil, nil
	case c.credentials != nil && (c.set.login || c.set.authURL):
		c.loginSession = c.credentials.newSession(*c.credentials)
	}
	if c.set.httpClient && !c.set.transport {
		c.transport = nil // use the transport of the new HTTP client
	}
	if parent == nil || c.set.gate {
		c.gate, c.authGate = retry.NewGate(c.gateWait), retry.NewGate(c.gateWait)
	}
	client := &Client{config: c, header: http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {c.userAgent},
		"Accept-Encoding": {"identity"}, // compressing a single object costs more than it saves
	}}
	if parent != nil && !c.set.connection {
		client.httpClient, client.base = parent.httpClient, parent.base
	} else {
		client.httpClient, client.base = c.newHTTPClient(parent)
	}
	client.http = retry.NewClient(client.httpClient, retry.Policy(c.retry), c.maxResponseSize)
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

// validate returns an error for each combination of options that is not allowed.
func (c *config) validate() (errs []error) {
	if len(c.set.auth) > 1 {
		errs = append(errs, fmt.Errorf("%s are both set: use only one", strings.Join(c.set.auth, " and ")))
	}
	for _, u := range []*url.URL{c.baseURL, c.authURL} {
		if u != nil && u.Scheme == "http" && !c.insecureHTTP && !isLoopback(u.Hostname()) {
			errs = append(errs,
				fmt.Errorf("%s is plain http, which exposes the credentials: use https, or WithInsecureHTTP", u))
		}
	}
	if c.set.httpClient && c.set.transport {
		errs = append(errs, errors.New("WithHTTPClient and WithTransport are both set: set the Transport of the HTTP client instead"))
	}
	if c.set.login && (c.tokens != nil || c.credentials.username == "") {
		errs = append(errs, errors.New("a second factor or a session validity is set without WithCredentials"))
	}
	return errs
}

// CloseIdleConnections closes the connections that no call is using. A transport of NewTransport
// closes idle connections by itself after 15 seconds.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String returns the client's base URL. It contains no secret.
func (c *Client) String() string {
	if c.baseURL == nil {
		return "bigv.Client()"
	}
	return "bigv.Client(" + c.baseURL.String() + ")"
}

// Format writes String for every verb, so that printing a client reveals no credentials.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// newHTTPClient returns the HTTP client for all calls, and its transport, which is the caller's if
// one is set.
func (c *config) newHTTPClient(parent *Client) (*http.Client, http.RoundTripper) {
	base := c.transport
	if c.userClient != nil {
		base = cmp.Or(base, c.userClient.Transport)
	}
	if base == nil && parent != nil && !c.set.httpClient {
		base = parent.base // share the connections
	}
	if base == nil {
		base = NewTransport()
	}
	return transport.NewClient(c.userClient, base, transport.Timeouts(c.timeouts)), base
}

// NewTransport returns a new transport with the client's defaults, to change or to wrap:
//
//	bigv.WithTransport(otelhttp.NewTransport(bigv.NewTransport()))
//
// It keeps enough connections for about 100 goroutines that call one host, and closes connections
// that are idle for 15 seconds. If a transport that wraps it has no method CloseIdleConnections,
// Client.CloseIdleConnections does nothing; call the method of the wrapped transport instead.
//
// With GOOS=js it uses fetch, which does not report how far a request has come: a write that fails
// without a response has an unknown outcome. Redirects fail.
func NewTransport() *http.Transport { return transport.New() }
