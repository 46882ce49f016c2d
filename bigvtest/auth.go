package bigvtest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// sessionRoutes lists the endpoints of sessions.
var sessionRoutes = map[string]handler{
	"POST /session":      postSession,
	"GET /session/{id}":  getSession,
	"POST /session/{id}": impersonate,
}

type session struct {
	user      *user
	factors   []string
	startedAt time.Time
	expires   time.Time // zero if the session does not expire
}

// newSecret returns a random secret.
func newSecret() string {
	var raw [20]byte
	_, _ = rand.Read(raw[:]) // never returns an error
	return hex.EncodeToString(raw[:])
}

// apiKeyPrefix distinguishes an API key from a session ID in a bearer token.
const apiKeyPrefix = "apikey."

// authenticate returns the permissions of the caller and extends the caller's session.
func (st *state) authenticate(r *http.Request) (*permissions, error) {
	if name, password, ok := r.BasicAuth(); ok {
		return st.authenticateBasic(name, password, r.Header.Get("X-Yubikey-Otp"))
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, errUnauthorized
	}
	if secret, isKey := strings.CutPrefix(token, apiKeyPrefix); isKey {
		key := st.secrets[secret]
		if key == nil || key.expires != nil && !st.clock.now.Before(*key.expires) {
			return nil, errUnauthorized
		}
		return st.permissionsOf(key.user, key, nil), nil
	}
	session := st.sessions[token]
	if session == nil {
		return nil, errUnauthorized
	}
	st.extendSession(session)
	return st.permissionsOf(session.user, nil, session), nil
}

// authenticateBasic authenticates with HTTP Basic, as older clients do: each request carries the
// password and, if the user has one, a YubiKey code, which remains valid.
func (st *state) authenticateBasic(name, password, code string) (*permissions, error) {
	u := st.userNames[strings.ToLower(name)]
	if u == nil || u.password == "" || u.password != password {
		return nil, errUnauthorized
	}
	session := &session{user: u, factors: []string{"password"}, startedAt: st.clock.now}
	if u.secondFactor != "" {
		if u.secondFactor != "yubikey" || !slices.Contains(u.codes, code) {
			return nil, errUnauthorized
		}
		session.factors = append(session.factors, u.secondFactor)
	}
	return st.permissionsOf(u, nil, session), nil
}

// extendSession extends a session that has been used.
func (st *state) extendSession(session *session) {
	if until := st.clock.now.Add(SessionTime); !session.expires.IsZero() && session.expires.Before(until) {
		session.expires = until
	}
}

// openSession creates a session and returns its ID. It ends when it has not been used for the given
// lifetime; with 0 it does not expire.
func (st *state) openSession(u *user, factors []string, lifetime time.Duration) (id string) {
	id = newSecret()
	s := &session{user: u, factors: factors, startedAt: st.clock.now}
	st.sessions[id] = s
	if lifetime > 0 {
		s.expires = st.clock.now.Add(lifetime)
		st.endSession(id, s)
	}
	return id
}

// endSession removes a session when it expires.
func (st *state) endSession(id string, s *session) {
	st.clock.at(s.expires, func() {
		if s.expires.After(st.clock.now) { // it has been extended
			st.endSession(id, s)
			return
		}
		delete(st.sessions, id)
	})
}

// Clients distinguish these errors by their texts.
var (
	errBadCredentials   = newAPIError(http.StatusForbidden, "Bad login credentials")
	errMissing2FA       = newAPIError(http.StatusForbidden, "Missing 2FA")
	errBadSecondFactor  = newAPIError(http.StatusForbidden, "Authentication failed")
	errMalformedSession = newAPIError(http.StatusBadRequest, "Badly-formed parameters")
)

// postSession logs a user in. It accepts JSON and, for older clients, form data.
func postSession(q *request) (response, error) {
	fields, err := q.credentials()
	if err != nil {
		return response{}, err
	}
	if fields["username"] == "" || fields["password"] == "" {
		return response{}, errMalformedSession
	}
	u := q.userNames[strings.ToLower(fields["username"])]
	if u == nil || u.password == "" || u.password != fields["password"] {
		return response{}, errBadCredentials
	}
	factors := []string{"password"}
	if u.secondFactor != "" {
		code := fields[u.secondFactor]
		if code == "" && u.secondFactor == "2fa" {
			return response{}, errMissing2FA
		}
		i := slices.Index(u.codes, code)
		if i < 0 {
			return response{}, errBadSecondFactor
		}
		u.codes = slices.Delete(u.codes, i, i+1) // a code is valid for one login
		factors = append(factors, u.secondFactor)
	}
	lifetime := SessionTime
	if validity, err := strconv.Atoi(fields["validity"]); err == nil && validity > 0 {
		lifetime = min(seconds(validity), LongestSessionTime)
	}
	return okResponse(q.openSession(u, factors, lifetime))
}

// credentials decodes the body of a login. Values may be strings or numbers.
func (q *request) credentials() (map[string]string, error) {
	kind, _, _ := mime.ParseMediaType(q.header.Get("Content-Type"))
	fields := map[string]string{}
	switch kind {
	case "application/json":
		decoder := json.NewDecoder(bytes.NewReader(q.body))
		decoder.UseNumber()
		var members map[string]any
		if !json.Valid(q.body) || decoder.Decode(&members) != nil {
			return nil, errMalformedSession
		}
		for name, value := range members {
			switch value := value.(type) {
			case nil:
			case string:
				fields[name] = value
			case json.Number:
				fields[name] = value.String()
			default:
				return nil, errMalformedSession
			}
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(q.body))
		if err != nil {
			return nil, errMalformedSession
		}
		for name := range values {
			fields[name] = values.Get(name)
		}
	default:
		return nil, errMalformedSession
	}
	return fields, nil
}

type sessionView struct {
	Username string   `json:"username"`
	Factors  []string `json:"factors"`
	Groups   []string `json:"group_memberships"`
}

func getSession(q *request) (response, error) {
	session := q.sessions[q.args[0]]
	if session == nil {
		return response{}, errNotFound
	}
	q.extendSession(session)
	return okResponse(sessionView{session.user.name, emptyIfNil(session.factors), []string{}})
}

// impersonate opens a session for another user. The caller must be staff.
func impersonate(q *request) (response, error) {
	session := q.sessions[q.args[0]]
	if session == nil || q.permissionsOf(session.user, nil, session).clusterRank < levelRanks[bigv.ClusterAdmin] {
		return response{}, errBadCredentials
	}
	fields, err := q.credentials()
	if err != nil {
		return response{}, err
	}
	if fields["username"] == "" {
		return response{}, errMalformedSession
	}
	u := q.userNames[strings.ToLower(fields["username"])]
	if u == nil {
		return response{}, errBadCredentials
	}
	q.extendSession(session)
	return okResponse(q.openSession(u, []string{"impersonated"}, SessionTime))
}

func emptyIfNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
