package bigv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bigv-go/bigv/internal/roundtrip"
	"github.com/bigv-go/bigv/internal/route"
	"github.com/bigv-go/bigv/internal/wire"
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

// SessionCreate holds what a login needs.
type SessionCreate struct {
	Username  string        // required
	Password  Secret        // required
	Yubikey   Secret        // one-time password of a YubiKey; zero if not used
	TwoFactor Secret        // code of an authenticator app; zero if not used
	Validity  time.Duration // in whole seconds; 0 means five minutes after the last use; limited by the service
}

// check returns an error if the login is incomplete or contradictory.
func (s SessionCreate) check() error {
	switch {
	case s.Username == "" || s.Password.IsZero():
		return errors.New("a login needs a user name and a password")
	case !s.Yubikey.IsZero() && !s.TwoFactor.IsZero():
		return errors.New("a login takes one second factor, and two are given")
	case s.Validity < 0 || s.Validity > 0 && s.Validity < time.Second:
		return fmt.Errorf("a session validity of %s: at least a second is needed", s.Validity)
	}
	return nil
}

// sessionBody is the request body of a login, in which every value is a string.
type sessionBody struct {
	TwoFactor Secret `json:"2fa,omitzero"`
	Password  Secret `json:"password,omitzero"`
	Username  string `json:"username"`
	Validity  string `json:"validity,omitzero"`
	Yubikey   Secret `json:"yubikey,omitzero"`
}

// SessionsService opens and reads sessions at the authentication service. A client with
// WithCredentials opens its own session and does not need it.
type SessionsService struct{ client *Client }

const sessionsRoute = "/session"

// Create logs in and returns the token of the new session, for WithToken: POST /session at the
// authentication service.
//
// If the credentials are wrong, the error matches ErrUnauthorized. Create is never retried once the
// service may have processed it, since a one-time password can be used only once.
func (s *SessionsService) Create(ctx context.Context, session SessionCreate, opts ...CallOption) (Secret, error) {
	return s.client.openSession(ctx, session, false, opts)
}

// Get returns the session of a token and extends it: GET /session/{session} at the authentication
// service. If the session does not exist or has ended, the error matches ErrNotFound. For an API
// key, which has no session, Get returns an error and sends nothing.
func (s *SessionsService) Get(ctx context.Context, token Secret, opts ...CallOption) (Session, error) {
	op := reading("get session")
	t, err := oneSession(token)
	if err != nil {
		return Session{}, notSent(op.name, "", err)
	}
	resp, x, err := s.client.askAuth(ctx, op, t, "application/json", nil, false, opts)
	if err != nil {
		return Session{}, err
	}
	var session Session
	switch {
	case resp.Cut != nil:
		err = resp.Cut
	case wire.IsNothing(resp.Body):
		err = wire.ErrNothing
	default:
		err = wire.Unmarshal(resp.Body, &session)
	}
	if err != nil {
		return Session{}, x.unreadable(resp, err)
	}
	return session, nil
}

// Impersonate opens a session as another user and returns its token: POST /session/{session} at the
// authentication service. token is that of the caller's own session. Only staff can do this.
// Impersonate is never retried once the service may have processed it.
func (s *SessionsService) Impersonate(ctx context.Context, token Secret, username string, opts ...CallOption) (Secret, error) {
	op := posting("impersonate user")
	t, err := oneSession(token)
	if err == nil && username == "" {
		err = errors.New("the user name is empty")
	}
	if err != nil {
		return Secret{}, notSent(op.name, username, err)
	}
	return s.client.askToken(ctx, op, t.of(username), sessionBody{Username: username}, false, opts)
}

// oneSession returns the endpoint of the session of a token, or an error if it cannot be the token
// of a session.
func oneSession(token Secret) (target, error) {
	text := token.Reveal()
	err := checkToken("the token", text)
	switch {
	case err != nil:
	case strings.HasPrefix(text, apiKeyPrefix):
		err = errors.New("an API key has no session")
	case route.Check(text) != nil:
		err = errors.New("the token is none of a session") // the error of Check contains the token
	}
	return under(sessionsRoute+"/{session}", text), err
}

// openSession logs in. login reports whether another call needs the token.
func (c *Client) openSession(ctx context.Context, session SessionCreate, login bool, opts []CallOption) (Secret, error) {
	op := posting("log in")
	if err := session.check(); err != nil {
		return Secret{}, notSent(op.name, session.Username, err)
	}
	body := sessionBody{Username: session.Username, Password: session.Password, Yubikey: session.Yubikey, TwoFactor: session.TwoFactor}
	if session.Validity > 0 {
		body.Validity = strconv.FormatInt(int64(session.Validity/time.Second), 10)
	}
	return c.askToken(ctx, op, under(sessionsRoute).of(session.Username), body, login, opts)
}

// askToken sends a request to the authentication service and returns the token in the response.
func (c *Client) askToken(ctx context.Context, op operation, t target, body sessionBody, login bool, opts []CallOption) (Secret, error) {
	resp, x, err := c.askAuth(ctx, op, t, "text/plain", body, login, opts)
	if err != nil {
		return Secret{}, err
	}
	token := strings.TrimSpace(string(resp.Body))
	x.secrets = append(x.secrets, token)
	switch {
	case resp.Cut != nil:
		return Secret{}, x.unreadable(resp, fmt.Errorf("it is not a session ID: %w", resp.Cut))
	case checkToken("", token) != nil || strings.ContainsAny(token, `<{"`):
		return Secret{}, x.unreadable(resp, errors.New("it is not a session ID"))
	}
	return NewSecret(token), nil
}

// askAuth sends a request to the authentication service, without the client's token. The path of
// such a request may contain a token, so errors contain only the route and the subject of the
// target.
func (c *Client) askAuth(ctx context.Context, op operation, t target, accept string, body any, login bool,
	opts []CallOption) (*roundtrip.Response, *exchange, error) {
	auth := &Client{config: c.config, http: c.http, header: c.header}
	auth.baseURL = c.authURL
	x, err := auth.prepare(ctx, op, t, body, opts)
	x.target, x.url, x.login, x.anonymous = target{about: t.about}, x.route, login, true
	if err != nil {
		return nil, x, notSent(op.name, x.what(), err)
	}
	for _, token := range t.args {
		x.secrets = append(x.secrets, token, url.PathEscape(token))
	}
	x.request.Header["Accept"] = []string{accept}
	resp, err := auth.send(ctx, x)
	return resp, x, err
}

// KeepAlive keeps the client's session from expiring until ctx ends, by reading it every two
// minutes: GET /session/{session} at the authentication service. Run it in its own goroutine in a
// program that is idle for minutes and cannot log in again by itself, because it was given a token
// or its user has a second factor.
//
// Transient errors are tolerated. KeepAlive returns the error of the context, or the reason why the
// session cannot be kept: it has ended (ErrNotFound), or there is none, as with an API key. A
// client with WithCredentials logs in if necessary, and KeepAlive continues with the session of the
// next login when one has ended.
func (s *SessionsService) KeepAlive(ctx context.Context) error {
	return s.keepAlive(ctx, keepAliveInterval)
}

// keepAliveInterval is well below the five minutes for which an unused session lasts.
const keepAliveInterval = 2 * time.Minute

// keepAlive implements KeepAlive with the given interval.
func (s *SessionsService) keepAlive(ctx context.Context, interval time.Duration) error {
	if ctx == nil {
		return notSent("keep session alive", "", errNilContext)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		token, err := s.client.token(ctx, Secret{})
		if err == nil {
			_, err = s.Get(ctx, token)
		}
		again := s.client.session != nil && errors.Is(err, ErrNotFound)
		switch {
		case ctx.Err() != nil:
			return roundtrip.Interrupted(ctx, nil)
		case err != nil && !again && !passing(err):
			return fmt.Errorf("bigv: keep session alive: %w", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return roundtrip.Interrupted(ctx, nil)
		}
	}
}
