package bigvtest

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/bigv-go/bigv/internal/memnet"
)

type settings struct {
	empty        bool
	start        time.Time
	speed        float64
	autoAdvance  time.Duration
	address      string
	synctest     bool
	tls          bool
	logger       *slog.Logger
	postStatus   int
	journalLimit int
}

// Option configures a [Server].
type Option func(*settings)

// WithEmpty starts the server without accounts and users. [Server.Token] and [Server.APIKey] return "".
func WithEmpty() Option { return func(s *settings) { s.empty = true } }

// WithClock sets the initial time of the server's clock. The default is noon UTC on 4 March 2019, or
// the current time if [WithSpeed] is used.
func WithClock(start time.Time) Option { return func(s *settings) { s.start = start } }

// WithSpeed makes the server's clock run by itself, at the given multiple of real time.
// [Server.Advance] still moves it forward.
func WithSpeed(times float64) Option { return func(s *settings) { s.speed = times } }

// WithAutoAdvance advances the server's clock by d on each GET of a virtual machine or a disc, so that
// a program that polls makes progress.
func WithAutoAdvance(d time.Duration) Option { return func(s *settings) { s.autoAdvance = d } }

// WithListenAddress sets the address that the server listens on. The default is a free port of
// 127.0.0.1.
func WithListenAddress(address string) Option { return func(s *settings) { s.address = address } }

// WithSynctest makes a server for a test inside a [testing/synctest] bubble. The server must be started
// inside the bubble. It needs no port: [Server.Client] and [Server.HTTPClient] connect to it in memory.
// Its clock is that of the bubble, so a call that waits until a machine has been provisioned returns
// after [ProvisioningTime] for the program, and within milliseconds of real time. [WithSpeed] and
// [Server.Advance] work as usual. A transport of your own can wrap that of [Server.HTTPClient].
func WithSynctest() Option { return func(s *settings) { s.synctest = true } }

// memoryHost is the host in the URL of a server with WithSynctest. It cannot be resolved (RFC 6761).
const memoryHost = "bigvtest.invalid"

// listen returns the listener of the server.
func (s *settings) listen() (net.Listener, error) {
	now := time.Now()
	inBubble := now == now.Round(0) // the times in a bubble have no monotonic clock reading
	switch {
	case s.synctest && s.address != "":
		return nil, errors.New("WithListenAddress and WithSynctest cannot be combined")
	case s.synctest:
		return memnet.Listen(memoryHost), nil
	case inBubble:
		return nil, errors.New("a server inside a synctest bubble needs the option WithSynctest")
	}
	return net.Listen("tcp", cmp.Or(s.address, "127.0.0.1:0"))
}

// WithTLS serves HTTPS with a new self-signed certificate. Use [Server.HTTPClient] or
// [Server.Certificate] to trust it.
func WithTLS() Option { return func(s *settings) { s.tls = true } }

// WithLogger logs one line for each request, without secrets.
func WithLogger(logger *slog.Logger) Option { return func(s *settings) { s.logger = logger } }

// WithPostStatus sets the status of successful POST requests for which the service's documentation
// does not specify one: accounts, users, discs, privileges, backups, backup schedules, API keys and VM
// defaults. The default is 201; some older clients expect 200. A status that is not a success, from
// 200 to 299, fails the test, or is an error of [Start].
func WithPostStatus(status int) Option { return func(s *settings) { s.postStatus = status } }

// WithJournalLimit sets how many exchanges the journal keeps; 0 keeps none. The default is 10,000. The
// oldest exchanges are discarded earlier if all bodies together exceed 64 MiB, or 4 KiB for each
// exchange of the limit if that is more.
func WithJournalLimit(n int) Option { return func(s *settings) { s.journalLimit = n } }
