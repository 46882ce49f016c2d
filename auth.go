package bigv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bigv-go/bigv/internal/redact"
	"github.com/bigv-go/bigv/internal/retry"
)

// apiKeyPrefix precedes an API key in the Authorization header. The service shows keys without it,
// but some tools print it.
const apiKeyPrefix = "apikey."

// Factor is a kind of second factor.
type Factor string

// The second factors that the authentication service accepts.
const (
	Yubikey   Factor = "yubikey" // a one-time password of a YubiKey
	TwoFactor Factor = "2fa"     // a code of an authenticator app
)

// credentials are the values for a login.
type credentials struct {
	username string
	password Secret
	factor   Factor
	code     func(context.Context) (Secret, error)
	validity time.Duration
	// newSession is newLoginSession, which a program without the options for a login does not contain.
	newSession func(credentials) tokenFunc
}

// errCodeUsed is returned when a session that was opened with oneCode has ended.
var errCodeUsed = fmt.Errorf("%w: the one-time code has been used, and there is no other: "+
	"set a source of codes with WithSecondFactor, or use an API key", ErrSessionExpired)

// oneCode returns a second factor for a single login: it never returns the code twice.
func oneCode(code string) func(context.Context) (Secret, error) {
	var used atomic.Bool
	return func(context.Context) (Secret, error) {
		if used.Swap(true) {
			return Secret{}, errCodeUsed
		}
		return NewSecret(code), nil
	}
}

// rejectReplay returns a second factor that fails if code returns the same code twice in a row. An
// authenticator app shows each code for 30 seconds, and the service accepts it only once.
func rejectReplay(code func(context.Context) (Secret, error)) func(context.Context) (Secret, error) {
	var last Secret
	return func(ctx context.Context) (Secret, error) {
		next, err := code(ctx)
		switch {
		case err != nil:
			return Secret{}, err
		case next.IsZero():
			return Secret{}, errors.New("the second factor returned no code")
		case next.Equal(last):
			return Secret{}, fmt.Errorf("%w: the second factor returned the code of the last login; "+
				"try again when it shows the next", ErrSessionExpired)
		}
		last = next
		return next, nil
	}
}

// abandonable returns a second factor that calls code, and that returns when its context ends even
// if code is still waiting, for example for a person. It calls code again only after the previous
// call has returned.
func abandonable(code func(context.Context) (Secret, error)) func(context.Context) (Secret, error) {
	running := newSemaphore(1)
	return func(ctx context.Context) (Secret, error) {
		if err := running.acquire(ctx); err != nil {
			return Secret{}, err
		}
		next, err := callWithContext(ctx, func() (Secret, error) {
			defer running.release()
			return code(ctx)
		})
		if err != nil && ctx.Err() != nil {
			err = retry.ContextError(ctx, err)
		}
		return next, err
	}
}

// callWithContext calls f in a goroutine and waits for it until ctx ends. If f panics,
// callWithContext panics in the goroutine of the caller, which can recover.
func callWithContext(ctx context.Context, f func() (Secret, error)) (Secret, error) {
	type result struct {
		secret   Secret
		err      error
		panicked any
	}
	results := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panicked = recover()
			results <- r
		}()
		r.secret, r.err = f()
	}()
	select {
	case r := <-results:
		if r.panicked != nil {
			panic(r.panicked)
		}
		return r.secret, r.err
	case <-ctx.Done():
		return Secret{}, ctx.Err()
	}
}

// fetchToken returns the token for a call. rejected, unless zero, is the token to which the service
// has just responded with 401; fetchToken returns it again if there is no other.
func (c *Client) fetchToken(ctx context.Context, rejected Secret) (Secret, error) {
	switch {
	case c.http == nil:
		return Secret{}, errZeroClient
	case c.loginSession != nil:
		return c.loginSession(ctx, c, rejected)
	case c.tokens != nil:
		return c.tokens(ctx, c, rejected)
	}
	return Secret{}, fmt.Errorf("%w: use WithAPIKey, WithToken or WithCredentials, "+
		"or NewClientFromEnv with BIGV_API_KEY, BIGV_TOKEN, or BIGV_USERNAME and BIGV_PASSWORD", ErrNoCredential)
}

// tokenFunc implements fetchToken for a kind of credentials. The options set functions, so that a program
// contains only the kinds that it uses.
type tokenFunc func(ctx context.Context, c *Client, rejected Secret) (Secret, error)

// fixedToken returns a function that returns the same token for each call.
func fixedToken(text string) tokenFunc {
	token := NewSecret(text)
	return func(context.Context, *Client, Secret) (Secret, error) { return token, nil }
}

// bearer is what requests with a token share. It is in closures, so that printing a Client does not
// reveal the token.
type bearer struct {
	token    Secret
	header   func() http.Header      // the header of the client with the token; not changed
	redactor func() *redact.Redactor // of the token alone
}

// bearer returns what requests with a token share. It keeps the last one, since most calls use the
// same token.
func (c *Client) bearer(token Secret) *bearer {
	last := c.lastBearer.Load()
	if last == nil || last.token.Reveal() != token.Reveal() {
		header := maps.Clone(c.header)
		header["Authorization"] = []string{"Bearer " + token.Reveal()}
		last = &bearer{
			token, func() http.Header { return header },
			sync.OnceValue(func() *redact.Redactor { return redact.New(withoutAPIKeyPrefix(token)) }),
		}
		c.lastBearer.Store(last)
	}
	return last
}

// withoutAPIKeyPrefix returns the text of a token, or the API key that it consists of.
func withoutAPIKeyPrefix(token Secret) string {
	return strings.TrimPrefix(token.Reveal(), apiKeyPrefix)
}

// loginSession holds the session of a client with credentials. All goroutines share one login.
type loginSession struct {
	credentials credentials
	login       semaphore

	mu      sync.Mutex
	current Secret
	// refusal is the error with which the service refused the credentials. They are not sent again,
	// since the service would refuse them again and could lock the user out.
	refusal error
}

// newLoginSession returns a function that returns the token of the session, for which it logs in.
func newLoginSession(c credentials) tokenFunc {
	if c.code != nil {
		c.code = abandonable(rejectReplay(c.code))
	}
	return (&loginSession{credentials: c, login: newSemaphore(1)}).token
}

// token returns the token of the session. It logs in if there is none, or if it is the rejected
// one. Concurrent callers wait for one login.
func (s *loginSession) token(ctx context.Context, c *Client, rejected Secret) (Secret, error) {
	if token, err, ok := s.usable(rejected); ok {
		return token, err
	}
	if err := s.login.acquire(ctx); err != nil {
		return Secret{}, err
	}
	defer s.login.release()
	if token, err, ok := s.usable(rejected); ok {
		return token, err
	}
	token, err := c.openLoginSession(ctx, s.credentials)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = token
	if err != nil && refusesCredentials(err) {
		s.refusal = err
	}
	return token, err
}

// usable returns the current token, or the error with which the service refused the credentials. It
// reports false if a login is needed.
func (s *loginSession) usable(rejected Secret) (token Secret, err error, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal != nil {
		return s.current, s.refusal, true
	}
	ok = !s.current.IsZero() && (rejected.IsZero() || !s.current.Equal(rejected))
	return s.current, nil, ok
}

// refusesCredentials reports whether err means that the service has refused the credentials, as
// opposed to a failure to reach the service.
func refusesCredentials(err error) bool {
	if errors.Is(err, errCodeUsed) {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.isHTML() { // an HTML page is not the service's
		return false
	}
	return e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden
}

// openLoginSession logs in with the credentials of the client, on behalf of another call.
func (c *Client) openLoginSession(ctx context.Context, creds credentials) (Secret, error) {
	session := SessionCreate{Username: creds.username, Password: creds.password, Validity: creds.validity}
	if creds.code != nil {
		code, err := creds.code(ctx)
		if err != nil {
			return Secret{}, &callError{"log in: getting the second factor", err}
		}
		if creds.factor == Yubikey {
			session.Yubikey = code
		} else {
			session.TwoFactor = code
		}
	}
	return c.logIn(ctx, session, true, nil)
}

// maxToken is the maximum length of a token, in bytes. A longer text is not a token.
const maxToken = 4 << 10

// checkToken returns an error for a token that cannot be sent in a header. what describes the token
// in the error.
func checkToken(what, token string) error {
	switch {
	case token == "":
		return fmt.Errorf("%s is empty", what)
	case strings.Contains(token, redact.Placeholder):
		return fmt.Errorf("%s is %s, which is what a Secret prints as: use the result of its Reveal method", what, redact.Placeholder)
	case len(token) > maxToken:
		return fmt.Errorf("%s is too long: %d bytes, at most 4096 are allowed", what, len(token))
	case strings.TrimSpace(token) != token:
		return fmt.Errorf("%s begins or ends with a space or a line break: remove it", what)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return fmt.Errorf("%s contains a space or another invalid character: check that it was copied completely and correctly", what)
		}
	}
	return nil
}
