package bigv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/route"
)

// Session represents a session at the authentication service. Unless it was requested with a longer
// validity, it ends five minutes after its last use: an API call with its token, or Sessions.Get.
type Session struct {
	Username string `json:"username"` // user it belongs to
	// Factors lists what the session was opened with: password, yubikey, 2fa, google-auth,
	// impersonated. There may be others.
	Factors []string `json:"factors,omitempty"`
	// GroupMemberships lists the user's groups at the authentication service, such as staff. They
	// are unrelated to groups of virtual machines.
	GroupMemberships []string `json:"group_memberships,omitempty"`
}

// SessionCreate holds the values for a login.
type SessionCreate struct {
	Username  string        // required
	Password  Secret        // required
	Yubikey   Secret        // one-time password of a YubiKey; zero if not used
	TwoFactor Secret        // code of an authenticator app; zero if not used
	Validity  time.Duration // in whole seconds; 0 means five minutes after the last use; limited by the service
}

// validate returns an error if the login is incomplete or contradictory.
func (s SessionCreate) validate() error {
	switch {
	case s.Username == "" || s.Password.IsZero():
		return errors.New("a login needs a user name and a password")
	case !s.Yubikey.IsZero() && !s.TwoFactor.IsZero():
		return errors.New("a login needs only one second factor, but two are set")
	case s.Validity < 0 || s.Validity > 0 && s.Validity < time.Second:
		return fmt.Errorf("session validity must be at least 1s, got %s", s.Validity)
	}
	return nil
}

// sessionBody is the body of a login. All its values are strings.
type sessionBody struct {
	TwoFactor Secret `json:"2fa,omitzero"`
	Password  Secret `json:"password,omitzero"`
	Username  string `json:"username"`
	Validity  string `json:"validity,omitzero"`
	Yubikey   Secret `json:"yubikey,omitzero"`
}

// SessionsService opens and reads sessions of the authentication service. A client with
// WithCredentials opens its own session.
type SessionsService struct{ client *Client }

const sessionsRoute = "/session"

// sessionEndpoint returns an endpoint of the authentication service. Requests to it have no
// Authorization header; their arguments and bodies are secrets.
func sessionEndpoint(route string, args ...string) endpoint {
	e := fixed(route, args...)
	e.auth, e.anonymous, e.confidential = true, true, true
	return e
}

// tokenEndpoint returns an endpoint that responds with the token of a new session.
func tokenEndpoint(route string, args ...string) endpoint {
	e := sessionEndpoint(route, args...)
	e.accept = "text/plain"
	return e
}

// Create logs in and returns the token of the session, for WithToken: POST /session of the
// authentication service. If the credentials are wrong, the error matches ErrUnauthorized.
//
// Create is not idempotent, since a one-time password works only once, so it is never retried once
// the service may have processed it.
func (s *SessionsService) Create(ctx context.Context, session SessionCreate, opts ...CallOption) (Secret, error) {
	return clientOf(s).logIn(ctx, session, false, opts)
}

// Get returns the session of a token, and extends it: GET /session/{session} of the authentication
// service.
//
// The error matches ErrNotFound if the session does not exist or has ended. An API key has no
// session, so Get returns an error for one without sending anything.
func (s *SessionsService) Get(ctx context.Context, token Secret, opts ...CallOption) (Session, error) {
	if err := checkSessionToken(token); err != nil {
		return Session{}, notSent("get session", "", err)
	}
	op := reading("get session", sessionEndpoint(sessionsRoute+"/{session}", token.Reveal()))
	return get[Session](ctx, clientOf(s), op, opts)
}

// Impersonate opens a session as another user with the token of the caller's own session, and
// returns the token of the new one: POST /session/{session} of the authentication service. Only
// staff may do this.
//
// Impersonate is not idempotent, so it is never retried once the service may have processed it.
func (s *SessionsService) Impersonate(ctx context.Context, token Secret, username string, opts ...CallOption) (Secret, error) {
	err := checkSessionToken(token)
	if err == nil && username == "" {
		err = errors.New("user name is empty")
	}
	if err != nil {
		return Secret{}, notSent("impersonate user", username, err)
	}
	e := tokenEndpoint(sessionsRoute+"/{session}", token.Reveal()).about(username)
	return clientOf(s).openSession(ctx, posting("impersonate user", e, sessionBody{Username: username}), opts)
}

// checkSessionToken returns an error if the token is not one of a session. The error does not
// contain the token.
func checkSessionToken(token Secret) error {
	text := token.Reveal()
	if err := checkToken("token", text); err != nil {
		return err
	}
	if strings.HasPrefix(text, apiKeyPrefix) {
		return errors.New("an API key has no session")
	}
	if route.Check(text) != nil { // the error of Check contains the token
		return errors.New("the token is not the token of a session")
	}
	return nil
}

// logIn opens a session. implicit reports whether the login precedes another call.
func (c *Client) logIn(ctx context.Context, session SessionCreate, implicit bool, opts []CallOption) (Secret, error) {
	body := sessionBody{Username: session.Username, Password: session.Password, Yubikey: session.Yubikey, TwoFactor: session.TwoFactor}
	if session.Validity > 0 {
		body.Validity = strconv.FormatInt(int64(session.Validity/time.Second), 10)
	}
	e := tokenEndpoint(sessionsRoute).about(session.Username)
	e.login = true
	op := posting("log in", e, body)
	op.implicit = implicit
	if err := session.validate(); err != nil {
		return Secret{}, notSent(op.name, session.Username, err)
	}
	return c.openSession(ctx, op, opts)
}

// openSession sends an operation that responds with the token of a new session, and returns it.
func (c *Client) openSession(ctx context.Context, op operation, opts []CallOption) (Secret, error) {
	req, err := c.newRequest(ctx, &op, opts)
	if err != nil {
		return Secret{}, err
	}
	resp, err := c.send(ctx, req, nil)
	if err != nil {
		return Secret{}, err
	}
	token := strings.TrimSpace(string(resp.Body))
	if resp.ReadErr != nil {
		return Secret{}, newDecodeError(resp, fmt.Errorf("the body is not a session ID: %w", resp.ReadErr))
	}
	if checkToken("", token) != nil || strings.ContainsAny(token, `<{"`) {
		return Secret{}, newDecodeError(resp, errors.New("the body is not a session ID"))
	}
	return NewSecret(token), nil
}

// KeepAlive keeps the session of the client from ending until ctx ends: it calls GET
// /session/{session} of the authentication service every two minutes. Run it in its own goroutine
// in a program that makes no call for minutes and cannot log in again by itself, because it has
// only a token or its user has a second factor.
//
// Transient errors are tolerated, as in WaitFor. KeepAlive returns the error of the context, or the
// reason why the session cannot be kept: it has ended (ErrNotFound), or there is none, as with an
// API key. A client with credentials logs in if it has not done so yet, and continues with a new
// session when one has ended.
func (s *SessionsService) KeepAlive(ctx context.Context) error {
	return s.keepAlive(ctx, keepAliveInterval)
}

// keepAliveInterval is well below the five minutes after which an unused session ends.
const keepAliveInterval = 2 * time.Minute

func (s *SessionsService) keepAlive(ctx context.Context, interval time.Duration) error {
	if ctx == nil {
		return notSent("keep session alive", "", errNilContext)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		token, err := clientOf(s).fetchToken(ctx, Secret{})
		if err == nil {
			_, err = s.Get(ctx, token)
		}
		if ctx.Err() != nil {
			return retry.ContextError(ctx, nil)
		}
		ended := clientOf(s).loginSession != nil && errors.Is(err, ErrNotFound) // the next call logs in
		if err != nil && !ended && !isTransient(err) {
			return &callError{"keep session alive", err}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return retry.ContextError(ctx, nil)
		}
	}
}

// checkComplete implements [completer].
func (s Session) checkComplete() error {
	if s.Username == "" {
		return errors.New("the user name is missing")
	}
	return nil
}
