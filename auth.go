package bigv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bigv-go/bigv/internal/roundtrip"
)

// TokenSource gives the token that a call is sent with. It is used by many
// goroutines at once. The time a call waits for it is limited by its context and
// by Timeouts.Header.
type TokenSource interface {
	// Token returns a token. If rejected is not zero, the service has just
	// answered 401 to it: return another, or rejected itself if there is none.
	// It should end when ctx ends; the call does in any case.
	Token(ctx context.Context, rejected Secret) (Secret, error)
}

// TokenSourceFunc is a function that serves as a TokenSource.
type TokenSourceFunc func(ctx context.Context, rejected Secret) (Secret, error)

// Token calls the function.
func (f TokenSourceFunc) Token(ctx context.Context, rejected Secret) (Secret, error) {
	return f(ctx, rejected)
}

// staticToken is a token that does not change.
type staticToken struct{ token Secret }

func (s staticToken) Token(context.Context, Secret) (Secret, error) { return s.token, nil }

// apiKeyPrefix stands before a key in the Authorization header. The service
// shows keys without it, but some tools print it along.
const apiKeyPrefix = "apikey."

// Factor is a kind of second factor.
type Factor string

// The second factors that the authentication service takes.
const (
	Yubikey   Factor = "yubikey" // a YubiKey's one-time password
	TwoFactor Factor = "2fa"     // a code of an authenticator app
)

// credentials are what a login needs.
type credentials struct {
	username string
	password Secret
	factor   Factor
	code     func(context.Context) (Secret, error)
	validity time.Duration
}

// errCodeUsed is the end of a session that oneCode opened.
var errCodeUsed = fmt.Errorf("%w: the one-time code has been used and there is no way to get another: set one with WithSecondFactor, or use an API key", ErrSessionExpired)

// oneCode is a second factor for a single login: the code is never used twice.
func oneCode(code string) func(context.Context) (Secret, error) {
	var once sync.Mutex
	return func(context.Context) (Secret, error) {
		if !once.TryLock() {
			return Secret{}, errCodeUsed
		}
		return NewSecret(code), nil
	}
}

// freshCode is code, held to giving another one each time: an authenticator
// shows the same for half a minute, and a code that is seen twice looks like a
// stolen one.
func freshCode(code func(context.Context) (Secret, error)) func(context.Context) (Secret, error) {
	var last Secret
	return func(ctx context.Context) (Secret, error) {
		next, err := code(ctx)
		switch {
		case err != nil:
			return Secret{}, err
		case next.IsZero():
			return Secret{}, errors.New("it gave no code")
		case next.Equal(last):
			return Secret{}, fmt.Errorf("%w: the second factor gave the code of the last login again: try again when it shows the next", ErrSessionExpired)
		}
		last = next
		return next, nil
	}
}

// leaving is code, left behind when its context ends: it may be waiting for a
// person, and not listen. It is not called again before it has returned.
func leaving(code func(context.Context) (Secret, error)) func(context.Context) (Secret, error) {
	turn := make(turns, 1)
	return func(ctx context.Context) (Secret, error) {
		if err := turn.take(ctx); err != nil {
			return Secret{}, err
		}
		next, err := ask(ctx, func() (Secret, error) {
			defer turn.give()
			return code(ctx)
		})
		if err != nil && ctx.Err() != nil {
			err = roundtrip.Interrupted(ctx, err)
		}
		return next, err
	}
}

// session is the TokenSource of credentials: one login serves all goroutines.
type session struct {
	credentials credentials
	turn        turns // of logging in
	mu          sync.Mutex
	token       Secret
	// err is what the service said when it refused the credentials. They are not
	// sent again: it would refuse them again, and at last lock the user out.
	err error
}

func newSession(c credentials) *session {
	if c.code != nil {
		c.code = leaving(freshCode(c.code))
	}
	return &session{credentials: c, turn: make(turns, 1)}
}

func (s *session) state() (Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.err
}

// get is the session's token, and a new one if it was rejected. One login serves
// all who wait for it.
func (s *session) get(ctx context.Context, c *Client, rejected Secret) (Secret, error) {
	if token, err := s.state(); err != nil || usable(token, rejected) {
		return token, err
	}
	if err := s.turn.take(ctx); err != nil {
		return Secret{}, err
	}
	defer s.turn.give()
	if token, err := s.state(); err != nil || usable(token, rejected) {
		return token, err
	}
	token, err := c.login(ctx, s.credentials)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
	if err != nil && refused(err) {
		s.err = err
	}
	return token, err
}

func usable(token, rejected Secret) bool {
	return !token.IsZero() && (rejected.IsZero() || !token.Equal(rejected))
}

// refused reports whether the service has judged the credentials, as against
// not having been reached.
func refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return errors.Is(err, errCodeUsed) || ok && e.StatusCode >= 400 && e.StatusCode < 500 && e.StatusCode != http.StatusTooManyRequests
}

// login asks the authentication service for a session.
func (c *Client) login(ctx context.Context, creds credentials) (Secret, error) {
	session := SessionCreate{Username: creds.username, Password: creds.password, Validity: creds.validity}
	if creds.code != nil {
		code, err := creds.code(ctx)
		if err != nil {
			return Secret{}, fmt.Errorf("bigv: log in: getting the second factor: %w", err)
		}
		if creds.factor == Yubikey {
			session.Yubikey = code
		} else {
			session.TwoFactor = code
		}
	}
	return c.openSession(ctx, session, true, nil)
}

// maxToken is more than any token has: what is longer came from something else.
const maxToken = 4 << 10

// checkToken refuses what could not travel in a header, or would add one.
func checkToken(what, token string) error {
	switch {
	case token == "":
		return fmt.Errorf("%s is empty", what)
	case len(token) > maxToken:
		return fmt.Errorf("%s has %d characters, and none has as many", what, len(token))
	case strings.TrimSpace(token) != token:
		return fmt.Errorf("%s begins or ends with a space or a line break: leave it out", what)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return fmt.Errorf("%s holds a space or a character that no token has: was it copied whole?", what)
		}
	}
	return nil
}
