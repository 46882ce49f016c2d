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
	"net"
	"net/http"
	"strconv"
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

	settings   settings
	t          testing.TB
	routes     *node
	listener   net.Listener
	httpServer *http.Server
	cert       *x509.Certificate

	token, apiKey string

	inFlight  sync.WaitGroup
	closeMu   sync.Mutex // guards closed, and handling against it
	closed    bool
	stop      chan struct{} // closed by Close, lets go of requests that hang
	serveDone chan struct{}
}

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
	cfg := settings{address: "127.0.0.1:0", postStatus: http.StatusCreated, journalLimit: 10_000}
	for _, opt := range opts {
		opt(&cfg)
	}
	s := &Server{
		state: newState(), settings: cfg, t: t, routes: newRouteTree(),
		stop: make(chan struct{}), serveDone: make(chan struct{}),
	}
	s.journal.limit = cfg.journalLimit
	clock := &s.state.clock
	clock.base, clock.speed, clock.startedAt = cfg.start, cfg.speed, time.Now()
	switch {
	case !cfg.start.IsZero():
	case cfg.speed > 0:
		clock.base = time.Now()
	default:
		clock.base = time.Date(2019, 3, 4, 12, 0, 0, 0, time.UTC)
	}
	clock.runDue()

	listener, err := net.Listen("tcp", cfg.address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.listener = listener
	s.httpServer = &http.Server{
		Handler:           s,
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return context.Background() },
	}
	if cfg.tls {
		pair, cert, err := makeCertificate(listener.Addr())
		if err != nil {
			_ = listener.Close()
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		s.cert = cert
		s.httpServer.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if !cfg.empty {
		s.seed()
	}
	go func() {
		defer close(s.serveDone)
		if cfg.tls {
			_ = s.httpServer.ServeTLS(listener, "", "")
		} else {
			_ = s.httpServer.Serve(listener)
		}
	}()
	return s, nil
}

// Close stops the server, lets go of requests that hang and waits until
// every request is done with. Closing twice does no harm.
func (s *Server) Close() {
	s.closeMu.Lock()
	first := !s.closed
	s.closed = true
	if first {
		close(s.stop)
	}
	s.closeMu.Unlock()
	if first {
		_ = s.httpServer.Close()
	}
	<-s.serveDone
	s.inFlight.Wait()
}

// enter counts a request in, unless the server is closed.
func (s *Server) beginRequest() bool {
	s.closeMu.Lock()
	defer s.closeMu.Unlock()
	if s.closed {
		return false
	}
	s.inFlight.Add(1)
	return true
}

// URL is the base URL of the API. A server that listens on all addresses says
// 127.0.0.1.
func (s *Server) URL() string {
	scheme := "http"
	if s.settings.tls {
		scheme = "https"
	}
	host := s.listener.Addr().String()
	if at, ok := s.listener.Addr().(*net.TCPAddr); ok && at.IP.IsUnspecified() {
		host = "127.0.0.1:" + strconv.Itoa(at.Port)
	}
	return scheme + "://" + host
}

// AuthURL is the base URL of the auth service.
func (s *Server) AuthURL() string { return s.URL() }

// Token is the ID of a session of alice that time does not end. Only
// [Server.ExpireSessions] does. It is empty if the server started [WithEmpty].
func (s *Server) Token() string { return s.token }

// APIKey is an API key of alice, without the prefix, that has all her rights
// and never expires: it is no session, so [Server.ExpireSessions] leaves it. It is
// empty if the server started [WithEmpty].
func (s *Server) APIKey() string { return s.apiKey }

// Certificate is what the server identifies itself with, nil without
// [WithTLS].
func (s *Server) Certificate() *x509.Certificate { return s.cert }

// Now is what the server's clock shows.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clock.read()
}

// Advance moves the server's clock forward, and with it everything that is
// under way: machines come up, backups arrive, sessions expire.
func (s *Server) Advance(d time.Duration) {
	s.withLock(func() { s.advance(d) })
}

func (s *Server) advance(d time.Duration) {
	s.state.clock.offset += max(d, 0)
	s.state.clock.runDue()
}

// autoAdvance moves the clock as WithAutoAdvance asks.
func (s *Server) autoAdvance() {
	if d := s.settings.autoAdvance; d > 0 {
		s.advance(d)
	}
}

// locked runs f on a state in which everything that is due has happened.
func (s *Server) withLock(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.clock.runDue()
	f()
}

// misuse reports a mistake of the program that seeds the server.
func (s *Server) fatalf(format string, args ...any) {
	message := "bigvtest: " + fmt.Sprintf(format, args...)
	if s.t != nil {
		s.t.Helper()
		s.t.Fatal(message)
	}
	panic(message)
}
