// Package bigvtest provides an in-memory implementation of Bytemark's Cloud Servers API for tests. It
// covers accounts, groups, virtual machines, discs, backups, privileges and the authentication
// service.
//
// The recommended way is a test in a [testing/synctest] bubble: it needs no port, and what takes
// minutes in the service takes milliseconds, while the program under test waits as usual.
//
//	synctest.Test(t, func(t *testing.T) {
//		srv := bigvtest.NewServer(t)
//		vm := srv.Account("acme").Group("web").VirtualMachine("www1")
//		// Run the code under test with srv.Client().
//		if !vm.State().PoweredOn {
//			t.Error("the machine is off")
//		}
//	})
//
// A server that is started in a bubble is connected with [Server.Client] and [Server.HTTPClient] in
// memory, and its clock is that of the bubble. The server and its clients must be used in that bubble
// only. A transport of your own can wrap that of [Server.HTTPClient].
//
// Outside a bubble, the server listens on a port of the local host, which programs in other processes
// can use with [Server.URL] and [Server.Token].
//
// A new server contains the account acme with the groups default and web, the user alice (password
// alice-password), who is an account_admin of acme, and the user bob (password bob-password), who has
// no privileges. Use [WithEmpty] to start a server without them.
//
// Operations that take time in the real service take time on the server's clock: for example, a new
// virtual machine is provisioned after [ProvisioningTime]. Outside a bubble, the clock stands still
// until [Server.Advance] moves it; [WithAutoAdvance] and [WithSpeed] make it move by itself.
package bigvtest

import (
	"cmp"
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

// Durations on the server's clock.
const (
	// ProvisioningTime is how long it takes to provision a new virtual machine.
	ProvisioningTime = 90 * time.Second
	// PowerdownTime is how long it takes until a virtual machine powers off after a powerdown signal.
	PowerdownTime = 10 * time.Second
	// RestartTime is how long it takes until a virtual machine with autoreboot_on is started again
	// after it has powered off.
	RestartTime = 5 * time.Second
	// BackupTime is how long it takes until a backup has moved to the storage grade iceberg.
	BackupTime = 30 * time.Second
	// RestoreTime is how long it takes until a restored disc is back on its own storage grade.
	RestoreTime = 60 * time.Second

	// SessionTime is how long a session lasts after its last use.
	SessionTime = 5 * time.Minute
	// LongestSessionTime is the maximum lifetime that a login can request with "validity".
	LongestSessionTime = time.Hour
)

// Server is an in-memory Cloud Servers API. Create one with [NewServer] or [Start].
//
// A Server is an [http.Handler], so it can also be served by another HTTP server: the API is at / and
// the authentication service at /session. Its methods are safe for concurrent use.
type Server struct {
	mu      sync.Mutex
	state   *state
	faults  faults
	journal journal

	settings   settings
	t          testing.TB
	routes     *node
	calls      calls
	listener   net.Listener
	httpServer *http.Server
	cert       *x509.Certificate

	token, apiKey string

	stop      chan struct{} // closed by Close; releases requests that hang or are delayed
	serveDone chan struct{}
	idle      chan struct{} // closed when no request is being handled after Close

	closeMu sync.Mutex // guards the fields below
	closed  bool
	active  int // number of requests being handled
	ended   bool
}

// NewServer starts a server and closes it when the test ends. If the server cannot be started, the
// test fails.
func NewServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s, err := start(t, opts)
	if err != nil {
		t.Fatalf("bigvtest: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server without a [testing.TB], for programs. The caller must call [Server.Close].
func Start(opts ...Option) (*Server, error) { return start(nil, opts) }

func start(t testing.TB, opts []Option) (*Server, error) {
	cfg := settings{postStatus: http.StatusCreated, journalLimit: 10_000}
	for _, opt := range opts {
		opt(&cfg)
	}
	if cfg.postStatus < 200 || cfg.postStatus > 299 {
		return nil, fmt.Errorf("status of successful POST requests must be from 200 to 299, got %d", cfg.postStatus)
	}
	if inBubble() {
		cfg.speed = cmp.Or(cfg.speed, 1)
	}
	s := &Server{
		state: newState(), settings: cfg, t: t, routes: newRouteTree(),
		stop: make(chan struct{}), serveDone: make(chan struct{}), idle: make(chan struct{}),
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

	listener, err := cfg.listen()
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.listener = listener
	s.httpServer = &http.Server{
		Handler:           s,
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return context.Background() },
		ConnState:         s.closeLateConn,
	}
	if cfg.tls {
		pair, cert, err := makeCertificate(listener.Addr())
		if err != nil {
			_ = listener.Close()
			return nil, fmt.Errorf("creating a certificate: %w", err)
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

// Close stops the server, releases the requests that hang, and waits until no request is being
// handled. Calls after the first only wait. A server that was started inside a synctest bubble must be
// closed inside it.
func (s *Server) Close() {
	s.closeMu.Lock()
	first, ended := !s.closed, s.ended
	if first {
		s.closed = true
		close(s.stop)
		s.checkIdle()
	}
	s.closeMu.Unlock()
	if ended { // the channels may belong to a synctest bubble that has ended
		return
	}
	if first {
		_ = s.httpServer.Close()
	}
	<-s.serveDone
	<-s.idle
	s.closeMu.Lock()
	s.ended = true
	s.closeMu.Unlock()
}

// beginRequest counts a request that is being handled. It reports false if the server is closed.
//
// A WaitGroup cannot count them: it panics if the requests are served inside a synctest bubble and
// Close is called outside.
func (s *Server) beginRequest() bool {
	s.closeMu.Lock()
	defer s.closeMu.Unlock()
	if s.closed {
		return false
	}
	s.active++
	return true
}

func (s *Server) endRequest() {
	s.closeMu.Lock()
	defer s.closeMu.Unlock()
	s.active--
	s.checkIdle()
}

// checkIdle closes s.idle after Close, when no request is being handled.
func (s *Server) checkIdle() {
	if s.closed && s.active == 0 {
		close(s.idle)
	}
}

// closeLateConn closes a connection that was accepted while the server was being closed.
func (s *Server) closeLateConn(conn net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	s.closeMu.Lock()
	defer s.closeMu.Unlock()
	if s.closed {
		_ = conn.Close()
	}
}

// URL returns the base URL of the API. If the server listens on all addresses, the URL contains
// 127.0.0.1. In a synctest bubble the host is bigvtest.invalid, which only the clients of the server
// can connect to.
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

// AuthURL returns the base URL of the authentication service.
func (s *Server) AuthURL() string { return s.URL() }

// Token returns the ID of a session of alice that does not expire; only [Server.ExpireSessions] ends
// it. It is empty if the server was started with [WithEmpty].
func (s *Server) Token() string { return s.token }

// APIKey returns an API key of alice, without the prefix "apikey.". The key has all privileges of
// alice and does not expire; [Server.ExpireSessions] does not affect it. It is empty if the server was
// started with [WithEmpty].
func (s *Server) APIKey() string { return s.apiKey }

// Certificate returns the server's TLS certificate, or nil without [WithTLS].
func (s *Server) Certificate() *x509.Certificate { return s.cert }

// Now returns the current time of the server's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clock.read()
}

// Advance moves the server's clock forward by d and carries out everything that becomes due:
// machines are provisioned, backups are taken, sessions expire. A negative duration is ignored.
func (s *Server) Advance(d time.Duration) {
	s.withLock(func() { s.advance(d) })
}

func (s *Server) advance(d time.Duration) {
	s.state.clock.base = s.state.clock.base.Add(max(d, 0))
	s.state.clock.runDue()
}

// autoAdvance advances the clock by the duration set with WithAutoAdvance.
func (s *Server) autoAdvance() {
	if d := s.settings.autoAdvance; d > 0 {
		s.advance(d)
	}
}

// withLock carries out the events that are due and then calls f, with s.mu held.
func (s *Server) withLock(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.clock.runDue()
	f()
}

// fatalf reports a mistake in the use of this package, such as an invalid name. It fails the test,
// or panics if there is none.
func (s *Server) fatalf(format string, args ...any) {
	message := "bigvtest: " + fmt.Sprintf(format, args...)
	if s.t != nil {
		s.t.Helper()
		s.t.Fatal(message)
	}
	panic(message)
}
