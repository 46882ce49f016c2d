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

// Option configures a [Server].
type Option func(*settings)

// WithEmpty starts the server without accounts and users. [Server.Token] and [Server.APIKey] return "".
func WithEmpty() Option { return func(s *settings) { s.empty = true } }

// WithClock sets the initial time of the server's clock. The default is noon UTC on 4 March 2019, or
// the current time if [WithSpeed] is used or the server runs in a synctest bubble.
func WithClock(start time.Time) Option { return func(s *settings) { s.start = start } }

// WithSpeed makes the server's clock run by itself, at the given multiple of real time, or of the time
// of the synctest bubble. [Server.Advance] still moves it forward.
func WithSpeed(times float64) Option { return func(s *settings) { s.speed = times } }

// WithAutoAdvance advances the server's clock by d on each GET of a virtual machine or a disc, so that
// a program that polls makes progress.
func WithAutoAdvance(d time.Duration) Option { return func(s *settings) { s.autoAdvance = d } }

// WithListenAddress sets the address that the server listens on. The default is a free port of
// 127.0.0.1. In a synctest bubble, the server cannot listen on an address.
func WithListenAddress(address string) Option { return func(s *settings) { s.address = address } }

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
