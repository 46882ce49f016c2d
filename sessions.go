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

// Session is a login at the authentication service. It ends five minutes after
// its last use, unless it was asked to last longer; a use is a call with its
// token, and Get.
type Session struct {
	Username string `json:"username"` // whose it is
	// Factors are what it was opened with: password, yubikey, 2fa, google-auth,
	// impersonated. The service may know others.
	Factors          []string `json:"factors,omitempty"`
	GroupMemberships []string `json:"group_memberships,omitempty"` // groups of users, such as staff; nothing to do with groups of machines
}

// SessionCreate is what a login needs.
type SessionCreate struct {
	Username  string        // must be given
	Password  Secret        // must be given
	Yubikey   Secret        // a YubiKey's one-time password; zero is none
	TwoFactor Secret        // a code of an authenticator app; zero is none
	Validity  time.Duration // in whole seconds; 0 is the service's five minutes, and it has a maximum
}

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

// sessionBody is a login as it travels: strings only.
type sessionBody struct {
	TwoFactor Secret `json:"2fa,omitzero"`
	Password  Secret `json:"password,omitzero"`
	Username  string `json:"username"`
	Validity  string `json:"validity,omitzero"`
	Yubikey   Secret `json:"yubikey,omitzero"`
}

// SessionsService opens and reads sessions at the authentication service. A
// client with WithCredentials opens its own.
type SessionsService struct{ client *Client }

const sessionsRoute = "/session"

// Create logs in and returns the session's token, for WithToken: POST /session of
// the authentication service. It is never sent again after it may have been
// carried out: a one-time password works once. Wrong credentials are
// ErrUnauthorized.
func (s *SessionsService) Create(ctx context.Context, session SessionCreate, opts ...CallOption) (Secret, error) {
	return s.client.openSession(ctx, session, false, opts)
}

// Get reads the session of a token, and puts its end off: GET /session/{session}
// of the authentication service. It is ErrNotFound if there is none, or it has
// ended. API keys have no session: one is an error, and nothing is sent.
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

// Impersonate opens a session as another user with your own session's token, and
// returns the new one's, which only staff may: POST /session/{session} of the
// authentication service. It is never sent again after it may have been carried
// out.
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

// oneSession is the route of a token's session.
func oneSession(token Secret) (target, error) {
	text := token.Reveal()
	err := checkToken("the token", text)
	switch {
	case err != nil:
	case strings.HasPrefix(text, apiKeyPrefix):
		err = errors.New("an API key has no session")
	case route.Check(text) != nil:
		err = errors.New("the token is none of a session") // what Check says shows it
	}
	return under(sessionsRoute+"/{session}", text), err
}

// openSession logs in, for its own sake or for another call's.
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

// askToken asks the authentication service for the token of a new session.
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

// askAuth carries out one exchange with the authentication service, without the
// client's own token. The arguments of its routes are tokens, so no error tells
// more of them than the route and what the target says it is about.
func (c *Client) askAuth(ctx context.Context, op operation, t target, accept string, body any, login bool, opts []CallOption) (*roundtrip.Response, *exchange, error) {
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

// KeepAlive keeps the client's own session from ending, until ctx ends: it reads
// it every two minutes. Run it in a goroutine of its own in a program that makes
// no call for minutes and cannot log in again by itself, because its token was
// given to it, or its user has a second factor. It puts up with passing errors,
// and returns the context's error, or why the session cannot be kept: it has ended
// (ErrNotFound), or there is none, as with an API key. A client with credentials
// logs in if it has not yet, and goes on with the session of its next login when
// one has ended.
func (s *SessionsService) KeepAlive(ctx context.Context) error {
	return s.keepAlive(ctx, keepAliveInterval)
}

// keepAliveInterval is well below the five minutes that a session lasts unused.
const keepAliveInterval = 2 * time.Minute

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
