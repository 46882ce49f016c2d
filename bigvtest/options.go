package bigvtest

import (
	"log/slog"
	"time"
)

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
