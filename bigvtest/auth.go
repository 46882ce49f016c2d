package bigvtest

import (
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
)

func itoa(n int) string { return strconv.Itoa(n) }

// newSecret is an unguessable word.
func newSecret() string {
	var raw [20]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// apiKeyPrefix stands before an API key where a session's ID could stand too.
const apiKeyPrefix = "apikey."

// identify finds out who sends a request, and gives their session another five
// minutes.
func (st *state) identify(r *http.Request) (*sight, error) {
	if name, password, is := r.BasicAuth(); is {
		return st.identifyBasic(name, password, r.Header.Get("X-Yubikey-Otp"))
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, errUnauthorized
	}
	if secret, isKey := strings.CutPrefix(token, apiKeyPrefix); isKey {
		key := st.secrets[secret]
		if key == nil || key.expires != nil && !st.clock.instant.Before(*key.expires) {
			return nil, errUnauthorized
		}
		return st.look(key.user, key, nil), nil
	}
	session := st.session(token)
	if session == nil {
		return nil, errUnauthorized
	}
	st.touch(session)
	return st.look(session.user, nil, session), nil
}

// identifyBasic is how clients of old identify themselves: with the password on
// each request, and a YubiKey's code that is good for many.
func (st *state) identifyBasic(name, password, code string) (*sight, error) {
	u := st.userNames[strings.ToLower(name)]
	if u == nil || u.password == "" || u.password != password {
		return nil, errUnauthorized
	}
	session := &session{user: u, factors: []string{"password"}, began: st.clock.instant}
	if u.second != "" {
		if u.second != "yubikey" || !slices.Contains(u.codes, code) {
			return nil, errUnauthorized
		}
		session.factors = append(session.factors, u.second)
	}
	return st.look(u, nil, session), nil
}

// session is the session with this ID, unless it has expired.
func (st *state) session(id string) *session {
	session := st.sessions[id]
	if session == nil {
		return nil
	}
	if !session.expires.IsZero() && !st.clock.instant.Before(session.expires) {
		delete(st.sessions, id)
		return nil
	}
	return session
}

// touch pushes the end of a session out.
func (st *state) touch(session *session) {
	if until := st.clock.instant.Add(SessionTime); !session.expires.IsZero() && session.expires.Before(until) {
		session.expires = until
	}
}

// open begins a session that lasts so long without being used, or for ever if
// that is zero.
func (st *state) open(u *user, factors []string, lasts time.Duration) (id string) {
	id = newSecret()
	s := &session{user: u, factors: factors, began: st.clock.instant}
	if lasts > 0 {
		s.expires = st.clock.instant.Add(lasts)
	}
	st.sessions[id] = s
	return id
}

var errCredentials = &refusal{http.StatusForbidden, nil}

// postSession logs in. Some old clients send a form instead of JSON.
func postSession(q *request) (answer, error) {
	fields, err := q.credentials()
	if err != nil {
		return answer{}, err
	}
	if fields["username"] == "" || fields["password"] == "" {
		return answer{}, refuse(http.StatusBadRequest, "Badly-formed parameters")
	}
	u := q.userNames[strings.ToLower(fields["username"])]
	if u == nil || u.password == "" || u.password != fields["password"] {
		return answer{}, errCredentials
	}
	factors := []string{"password"}
	if u.second != "" {
		code := fields[u.second]
		switch i := slices.Index(u.codes, code); {
		case code == "" && u.second == "2fa":
			return answer{}, refuse(http.StatusForbidden, "Missing 2FA")
		case i < 0:
			return answer{}, refuse(http.StatusForbidden, "Authentication failed")
		default:
			u.codes = slices.Delete(u.codes, i, i+1) // a code opens one session
		}
		factors = append(factors, u.second)
	}
	lasts := SessionTime
	if asked, err := strconv.Atoi(fields["validity"]); err == nil && asked > 0 {
		lasts = min(time.Duration(min(asked, 1<<30))*time.Second, LongestSessionTime)
	}
	return ok(q.open(u, factors, lasts))
}

// credentials reads the body of a login: values are strings, or numbers.
func (q *request) credentials() (map[string]string, error) {
	kind, _, _ := mime.ParseMediaType(q.header.Get("Content-Type"))
	fields := map[string]string{}
	switch kind {
	case "application/json":
		var members map[string]any
		if json.Unmarshal(q.body, &members) != nil {
			return nil, refuse(http.StatusBadRequest, "Badly-formed parameters")
		}
		for name, value := range members {
			switch value := value.(type) {
			case string:
				fields[name] = value
			case float64:
				fields[name] = strconv.Itoa(int(value))
			}
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(q.body))
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "Badly-formed parameters")
		}
		for name := range values {
			fields[name] = values.Get(name)
		}
	default:
		return nil, refuse(http.StatusBadRequest, "Badly-formed parameters")
	}
	return fields, nil
}

type sessionView struct {
	Username string   `json:"username"`
	Factors  []string `json:"factors"`
	Groups   []string `json:"group_memberships"`
}

func getSession(q *request) (answer, error) {
	session := q.session(q.args[0])
	if session == nil {
		return answer{}, errNotFound
	}
	q.touch(session)
	return ok(sessionView{session.user.name, orEmpty(session.factors), orEmpty(session.user.groups)})
}

// impersonate opens a session of somebody else, for staff.
func impersonate(q *request) (answer, error) {
	session := q.session(q.args[0])
	if session == nil || q.look(session.user, nil, session).everywhere < rankOf[ClusterAdmin] {
		return answer{}, errCredentials
	}
	fields, err := q.credentials()
	if err != nil {
		return answer{}, err
	}
	u := q.userNames[strings.ToLower(fields["username"])]
	if u == nil {
		return answer{}, errCredentials
	}
	q.touch(session)
	return ok(q.open(u, []string{"impersonated"}, SessionTime))
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
