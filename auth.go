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

// TokenSource provides the tokens that calls are authenticated with. It must be safe for concurrent
// use. A call waits for it until the call's context ends or Timeouts.Header has passed.
type TokenSource interface {
	// Token returns a token. If rejected is not zero, the service has just responded with 401 to that
	// token: Token should return another one, or rejected itself if there is none. Token should
	// return when ctx ends; the call does in any case.
	Token(ctx context.Context, rejected Secret) (Secret, error)
}

// TokenSourceFunc is a function that implements TokenSource.
type TokenSourceFunc func(ctx context.Context, rejected Secret) (Secret, error)

// Token calls the function.
func (f TokenSourceFunc) Token(ctx context.Context, rejected Secret) (Secret, error) {
	return f(ctx, rejected)
}

// staticToken is a TokenSource that always returns the same token.
type staticToken struct{ token Secret }

// Token returns the token.
func (s staticToken) Token(context.Context, Secret) (Secret, error) { return s.token, nil }

// apiKeyPrefix precedes an API key in the Authorization header. The service returns keys without
// it; some tools print it.
const apiKeyPrefix = "apikey."

// Factor is a kind of second factor for a login.
type Factor string

// Second factors that the authentication service accepts.
const (
	Yubikey   Factor = "yubikey" // one-time password of a YubiKey
	TwoFactor Factor = "2fa"     // code of an authenticator app
)

// credentials holds what a login needs.
type credentials struct {
	username string
	password Secret
	factor   Factor
	code     func(context.Context) (Secret, error)
	validity time.Duration
}

// errCodeUsed is returned when a session that was opened with oneCode has ended.
var errCodeUsed = fmt.Errorf("%w: the one-time code has been used and there is no way to get another: set one with WithSecondFactor, or use an API key", ErrSessionExpired)

// oneCode returns a second factor for a single login. It returns the code once, then errCodeUsed.
func oneCode(code string) func(context.Context) (Secret, error) {
	var once sync.Mutex
	return func(context.Context) (Secret, error) {
		if !once.TryLock() {
			return Secret{}, errCodeUsed
		}
		return NewSecret(code), nil
	}
}

// freshCode wraps code and rejects a code that equals the previous one. An authenticator app shows
// the same code for half a minute, and using a code twice looks like an attack.
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
			return Secret{},
				fmt.Errorf("%w: the second factor gave the code of the last login again: try again when it shows the next",
					ErrSessionExpired)
		}
		last = next
		return next, nil
	}
}

// leaving wraps code so that a call returns when its context ends, even if code ignores the
// context, for example while it waits for user input. code is not called again until it has
// returned.
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

// session is the token source for credentials. All goroutines share one login.
type session struct {
	credentials credentials
	turn        turns // held while logging in
	mu          sync.Mutex
	token       Secret
	// err is set when the service has refused the credentials. They are not sent again, since the
	// service might lock the user out.
	err error
}

// newSession returns a session that logs in with c when a token is first needed.
func newSession(c credentials) *session {
	if c.code != nil {
		c.code = leaving(freshCode(c.code))
	}
	return &session{credentials: c, turn: make(turns, 1)}
}

// state returns the current token, and the error if the credentials have been refused.
func (s *session) state() (Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.err
}

// get returns the current token, or logs in if there is none or it equals rejected. Concurrent
// callers share one login.
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

// usable reports whether token is set and is not the rejected one.
func usable(token, rejected Secret) bool {
	return !token.IsZero() && (rejected.IsZero() || !token.Equal(rejected))
}

// refused reports whether err means that the service rejected the credentials, rather than that it
// could not be reached.
func refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return errors.Is(err, errCodeUsed) || ok && e.StatusCode >= 400 && e.StatusCode < 500 && e.StatusCode != http.StatusTooManyRequests
}

// login logs in at the authentication service and returns the token.
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

// maxToken is the longest token that is accepted, in bytes. No real token is that long.
const maxToken = 4 << 10

// checkToken returns an error if token cannot be sent in a header. what names it in errors.
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
