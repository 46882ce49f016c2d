// Package bigvtest is Bytemark's Cloud Servers API in memory: the whole
// service, with accounts, machines, privileges and the auth service, to test
// programs against.
//
//	srv := bigvtest.NewServer(t)
//	vm := srv.Account("acme").Group("web").VirtualMachine("www1")
//	// point the program under test at srv.URL() with srv.Token(), then
//	if vm.State().PoweredOn { … }
//
// A new server holds the account acme with the groups default and web, the
// user alice (password alice-password), who administers acme, and the user
// bob (password bob-password), who may do nothing. See [WithEmpty] for one
// that holds nothing.
//
// Time stands still unless the test moves it with [Server.Advance], or one of
// [WithAutoAdvance] and [WithSpeed] does. A new machine is provisioned after
// [ProvisioningTime], and so on: what takes time at Bytemark takes time here.
package bigvtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// How long things take on the server's clock.
const (
	ProvisioningTime = 90 * time.Second // until a new machine is up
	PowerdownTime    = 10 * time.Second // until a machine obeys a powerdown
	RestartTime      = 5 * time.Second  // until a machine with autoreboot_on is noticed to be off
	BackupTime       = 30 * time.Second // until a backup has reached iceberg
	RestoreTime      = 60 * time.Second // until a restored disc is back on its own grade

	SessionTime        = 5 * time.Minute // life of a session after its last use
	LongestSessionTime = time.Hour       // the most that "validity" can ask for
)

// Server is one fake service. Make one with [NewServer] or [Start]. Its
// methods may be called from several goroutines at once.
type Server struct {
	mu      sync.Mutex
	state   *state
	faults  faults
	journal journal

	settings settings
	t        testing.TB
	routes   *node
	listener net.Listener
	http     *http.Server
	cert     *x509.Certificate

	admin, adminKey string

	handling sync.WaitGroup
	life     sync.Mutex // guards closed, and handling against it
	closed   bool
	stop     chan struct{} // closed by Close, lets go of requests that hang
	served   chan struct{}
}

type settings struct {
	empty        bool
	start        time.Time
	speed        float64
	autoAdvance  time.Duration
	address      string
	tls          bool
	logger       *slog.Logger
	postStatus   int
	journalLimit int
}

// Option changes how a [Server] starts.
type Option func(*settings)

// WithEmpty starts the server without accounts and users. Its Token and
// APIKey are empty.
func WithEmpty() Option { return func(s *settings) { s.empty = true } }

// WithClock sets the time the server's clock shows at the start. Without it
// that is noon on 4 March 2019, or, with [WithSpeed], the time of day.
func WithClock(start time.Time) Option { return func(s *settings) { s.start = start } }

// WithSpeed lets the server's clock run by itself, times as fast as real
// time. [Server.Advance] moves it on top of that.
func WithSpeed(times float64) Option { return func(s *settings) { s.speed = times } }

// WithAutoAdvance moves the server's clock by d at each GET of a machine or
// a disc, so that a program that polls gets somewhere.
func WithAutoAdvance(d time.Duration) Option { return func(s *settings) { s.autoAdvance = d } }

// WithListenAddress sets where the server listens, which otherwise is a free
// port of 127.0.0.1.
func WithListenAddress(address string) Option { return func(s *settings) { s.address = address } }

// WithTLS serves HTTPS with a certificate made for the occasion. See
// [Server.Certificate] and [Server.HTTPClient] for ways to trust it.
func WithTLS() Option { return func(s *settings) { s.tls = true } }

// WithLogger logs one line for each request.
func WithLogger(logger *slog.Logger) Option { return func(s *settings) { s.logger = logger } }

// WithPostStatus sets the status that answers a POST where the service's
// documentation does not settle it: accounts, users, discs, privileges,
// backups, backup schedules, API keys and VM defaults. It is 201 otherwise;
// older clients expect 200.
func WithPostStatus(status int) Option { return func(s *settings) { s.postStatus = status } }

// WithJournalLimit has the journal keep the last n exchanges, 0 for none. It
// is 10,000 otherwise. Fewer are kept if their bodies are larger than 64 MiB
// together.
func WithJournalLimit(n int) Option { return func(s *settings) { s.journalLimit = n } }

// NewServer starts a server that closes itself when the test is over.
func NewServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s, err := start(t, opts)
	if err != nil {
		t.Fatalf("bigvtest: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server for a program that has no [testing.TB]. The caller
// closes it.
func Start(opts ...Option) (*Server, error) { return start(nil, opts) }

func start(t testing.TB, opts []Option) (*Server, error) {
	set := settings{address: "127.0.0.1:0", postStatus: http.StatusCreated, journalLimit: 10_000}
	for _, opt := range opts {
		opt(&set)
	}
	s := &Server{
		state: newState(), settings: set, t: t, routes: routeTree(),
		stop: make(chan struct{}), served: make(chan struct{}),
	}
	s.journal.limit = set.journalLimit
	clock := &s.state.clock
	clock.base, clock.speed, clock.began = set.start, set.speed, time.Now()
	switch {
	case !set.start.IsZero():
	case set.speed > 0:
		clock.base = time.Now()
	default:
		clock.base = time.Date(2019, 3, 4, 12, 0, 0, 0, time.UTC)
	}
	clock.settle()

	listener, err := net.Listen("tcp", set.address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.listener = listener
	s.http = &http.Server{
		Handler:           s,
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return context.Background() },
	}
	if set.tls {
		pair, cert, err := makeCertificate(listener.Addr())
		if err != nil {
			_ = listener.Close()
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		s.cert = cert
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if !set.empty {
		s.seed()
	}
	go func() {
		defer close(s.served)
		if set.tls {
			_ = s.http.ServeTLS(listener, "", "")
		} else {
			_ = s.http.Serve(listener)
		}
	}()
	return s, nil
}

// Close stops the server, lets go of requests that hang and waits until
// every request is done with. Closing twice does no harm.
func (s *Server) Close() {
	s.life.Lock()
	first := !s.closed
	s.closed = true
	if first {
		close(s.stop)
	}
	s.life.Unlock()
	if first {
		_ = s.http.Close()
	}
	<-s.served
	s.handling.Wait()
}

// enter counts a request in, unless the server is closed.
func (s *Server) enter() bool {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return false
	}
	s.handling.Add(1)
	return true
}

// Handler is the service as an [http.Handler], for programs that bring their
// own listener: the API at / and the auth service at /session.
func (s *Server) Handler() http.Handler { return s }

// URL is the base URL of the API. A server that listens on all addresses says
// 127.0.0.1.
func (s *Server) URL() string {
	scheme := "http"
	if s.settings.tls {
		scheme = "https"
	}
	host := s.listener.Addr().String()
	if at, ok := s.listener.Addr().(*net.TCPAddr); ok && at.IP.IsUnspecified() {
		host = "127.0.0.1:" + itoa(at.Port)
	}
	return scheme + "://" + host
}

// AuthURL is the base URL of the auth service.
func (s *Server) AuthURL() string { return s.URL() }

// Token is the ID of a session of alice that time does not end. Only
// [Server.ExpireSessions] does. It is empty if the server started [WithEmpty].
func (s *Server) Token() string { return s.admin }

// APIKey is an API key of alice, without the prefix, that has all her rights
// and never expires: it is no session, so [Server.ExpireSessions] leaves it. It is
// empty if the server started [WithEmpty].
func (s *Server) APIKey() string { return s.adminKey }

// Certificate is what the server identifies itself with, nil without
// [WithTLS].
func (s *Server) Certificate() *x509.Certificate { return s.cert }

// transport trusts the server's certificate.
func (s *Server) transport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.MaxIdleConnsPerHost = nil, 128
	if s.cert != nil {
		pool := x509.NewCertPool()
		pool.AddCert(s.cert)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return transport
}

// Now is what the server's clock shows.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clock.read()
}

// Advance moves the server's clock forward, and with it everything that is
// under way: machines come up, backups arrive, sessions expire.
func (s *Server) Advance(d time.Duration) {
	s.locked(func() { s.advance(d) })
}

func (s *Server) advance(d time.Duration) {
	s.state.clock.offset += max(d, 0)
	s.state.clock.settle()
}

// autoAdvance moves the clock as WithAutoAdvance asks.
func (s *Server) autoAdvance() {
	if d := s.settings.autoAdvance; d > 0 {
		s.advance(d)
	}
}

// locked runs f on a state in which everything that is due has happened.
func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.clock.settle()
	f()
}

// misuse reports a mistake of the program that seeds the server.
func (s *Server) misuse(format string, args ...any) {
	message := "bigvtest: " + fmt.Sprintf(format, args...)
	if s.t != nil {
		s.t.Helper()
		s.t.Fatal(message)
	}
	panic(message)
}
