package bigv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bigv-go/bigv/internal/roundtrip"
	"github.com/bigv-go/bigv/internal/wire"
)

// TokenSource gives the token that a call is sent with. It is used by many
// goroutines at once.
type TokenSource interface {
	// Token returns a token. If rejected is not zero, the service has just
	// answered 401 to it: return another, or rejected itself if there is none.
	// It must end when ctx ends.
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

// oneCode is a second factor for a single login: the code is never used twice.
func oneCode(code string) func(context.Context) (Secret, error) {
	var once sync.Mutex
	return func(context.Context) (Secret, error) {
		if !once.TryLock() {
			return Secret{}, fmt.Errorf("%w: the one-time code has been used and there is no way to get another: set one with WithSecondFactor, or use an API key", ErrSessionExpired)
		}
		return NewSecret(code), nil
	}
}

// session is the TokenSource of credentials: one login serves all goroutines.
type session struct {
	credentials credentials
	// turn holds a token: who has it may log in. A channel, because waiting for
	// it ends with the context.
	turn  chan struct{}
	mu    sync.Mutex
	token Secret
	// logins counts the logins that ended, so that those who waited for one
	// share what came of it.
	logins int
	err    error
}

func newSession(c credentials) *session {
	return &session{credentials: c, turn: make(chan struct{}, 1)}
}

func (s *session) state() (token Secret, logins int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.logins, s.err
}

// get is the session's token, and a new one if it was rejected.
func (s *session) get(ctx context.Context, c *Client, rejected Secret) (Secret, error) {
	token, before, err := s.state()
	if usable(token, rejected) {
		return token, nil
	}
	if err != nil && s.credentials.code == nil {
		return Secret{}, err // the same password would be refused again, and at last locked out
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Secret{}, context.Cause(ctx)
	}
	token, logins, err := s.state()
	switch {
	case usable(token, rejected):
		return token, nil
	case err != nil && logins != before:
		return Secret{}, err
	}
	token, err = c.login(ctx, s.credentials)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
	if s.err = nil; err != nil && refused(err) {
		s.err, s.logins = err, s.logins+1
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
	return errors.Is(err, ErrSessionExpired) || ok && e.StatusCode >= 400 && e.StatusCode < 500 && e.StatusCode != http.StatusTooManyRequests
}

// login asks the authentication service for a session.
func (c *Client) login(ctx context.Context, creds credentials) (Secret, error) {
	const operation = "log in"
	fields := map[string]Secret{"username": NewSecret(creds.username), "password": creds.password}
	if creds.validity > 0 {
		fields["validity"] = NewSecret(strconv.Itoa(int(creds.validity / time.Second)))
	}
	if creds.code != nil {
		code, err := creds.code(ctx)
		if err != nil {
			return Secret{}, fmt.Errorf("bigv: %s: getting the second factor: %w", operation, err)
		}
		fields[string(creds.factor)] = code
	}
	x := exchange{operation: operation, subject: creds.username, method: http.MethodPost, route: "/session", url: "/session"}
	body, err := wire.Marshal(fields, revealing(&x.secrets))
	if err != nil {
		return Secret{}, notSent(operation, creds.username, err)
	}
	url := *c.authURL
	url.Path += "/session"
	req := roundtrip.Request{
		Method: http.MethodPost, URL: &url, Body: body, Class: roundtrip.Once,
		Header: http.Header{
			"Accept":       {"text/plain"},
			"Content-Type": {"application/json"},
			"User-Agent":   {c.userAgent},
		},
	}
	req.OnAttempt = c.onAttempt(ctx, &x)
	resp, err := roundtrip.Send(ctx, c.http, c.policy(), req)
	if err != nil || !resp.OK() {
		return Secret{}, x.failure(resp, err)
	}
	token := strings.TrimSpace(string(resp.Body))
	x.secrets = append(x.secrets, token)
	if token == "" || resp.Cut != nil || strings.ContainsAny(token, " \t\r\n<{\"") {
		return Secret{}, x.unreadable(resp, errors.New("it is not a session ID"))
	}
	return NewSecret(token), nil
}

// checkToken refuses what could not travel in a header, or would add one.
func checkToken(what, token string) error {
	if token == "" {
		return fmt.Errorf("%s is empty", what)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return fmt.Errorf("%s holds a space or a character that no token has: was it copied whole?", what)
		}
	}
	return nil
}
