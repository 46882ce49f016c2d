package bigvtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Exchange is one request and its response, as recorded by the journal. Secrets are replaced by
// "[redacted]".
type Exchange struct {
	// Time is the time of the server's clock when the request arrived.
	Time time.Time
	// Method is the HTTP method of the request.
	Method string
	// Path is the path of the request as it was sent, with its percent-encoding.
	Path string
	// RawQuery is the encoded query of the request, without the question mark.
	RawQuery string
	// Header is the header of the request, without Authorization and other credentials.
	Header http.Header
	// RequestBody is the body of the request.
	RequestBody string
	// Status is the status of the response. It is 0 if there is no response yet, or if the connection
	// was closed without one.
	Status int
	// ResponseBody is the body of the response. If the body was cut short, it is the part that was sent.
	ResponseBody string
	// Done reports whether the service processed the request successfully, even if the client received
	// no response.
	Done bool
	// Fault describes the injected fault. It is empty if there was none.
	Fault string
}

// maxJournalBytes limits the total size of the bodies in the journal, so that a long test does not
// exhaust the memory.
const maxJournalBytes = 64 << 20

// averageEntryBytes raises the limit of maxJournalBytes if WithJournalLimit asks for many exchanges.
const averageEntryBytes = 4 << 10

// journal records exchanges, including their secrets. It is guarded by Server.mu.
type journal struct {
	limit   int
	size    int // total size of the bodies in bytes
	entries []*entry

	doneCalls map[string]bool // IDs of the calls of which a non-idempotent request was processed
	// lost holds the unmarked non-idempotent requests that were processed but whose response was lost, by
	// the credentials that they were sent with.
	lost      map[string]map[string]bool
	doneTwice []string
}

// entry is an exchange before redaction.
type entry struct {
	time              time.Time
	method            string
	path, query       string
	header            http.Header
	status            int
	request, response []byte
	done              bool
	fault             string
	call              string // ID of the client's call; empty if the request is not marked
	credentials       string
	discarded         bool
}

// begin records a request that has arrived.
func (j *journal) begin(e *entry) {
	j.entries = append(j.entries, e)
	j.size += len(e.request)
	j.trim()
}

// end records the response to a request. key is the result of nonIdempotentKey, and responseLost
// reports whether the client did not get the response.
func (j *journal) end(e *entry, raw rawResponse, key string, responseLost bool) {
	e.status, e.response = raw.status, raw.body
	if !e.discarded {
		j.size += len(raw.body)
		j.trim()
	}
	switch {
	case e.method == http.MethodGet && !responseLost:
		delete(j.lost, e.credentials)
	case key == "" || !e.done:
	case e.call != "":
		if j.doneCalls[e.call] {
			j.doneTwice = append(j.doneTwice, e.method+" "+e.path)
		}
		put(&j.doneCalls, e.call, true)
	default:
		lost := j.lost[e.credentials]
		if lost[key] {
			j.doneTwice = append(j.doneTwice, e.method+" "+e.path)
		}
		if responseLost {
			put(&lost, key, true)
			put(&j.lost, e.credentials, lost)
		}
	}
}

// put sets an element of a map, and creates the map if it is nil.
func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

// trim discards the oldest entries until the journal is within its limits.
func (j *journal) trim() {
	for len(j.entries) > j.limit || j.size > max(maxJournalBytes, j.limit*averageEntryBytes) {
		e := j.entries[0]
		j.size -= len(e.request) + len(e.response)
		e.discarded = true
		j.entries[0] = nil
		j.entries = j.entries[1:]
	}
}

// Journal returns the recorded exchanges in the order in which the requests arrived. See
// [WithJournalLimit] for how many are kept.
func (s *Server) Journal() []Exchange {
	s.mu.Lock()
	entries := make([]entry, len(s.journal.entries))
	for i, e := range s.journal.entries {
		entries[i] = *e
	}
	s.mu.Unlock()
	list := make([]Exchange, len(entries))
	for i := range entries {
		list[i] = entries[i].redacted() // outside the lock, because redaction is slow
	}
	return list
}

// ClearJournal discards all recorded exchanges and resets [Server.DoneTwice].
func (s *Server) ClearJournal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.journal.entries {
		e.discarded = true
	}
	s.journal = journal{limit: s.journal.limit}
}

// DoneTwice returns the requests, each as method and path, that were processed although the same call of
// a client had been processed before. Only requests that are not idempotent count: those that create,
// move, rename, restart, restore or swap something. With a correct client the result is always empty,
// whatever faults are injected, and whatever the program repeats with a new call. It does not depend on
// [WithJournalLimit].
//
// Requests of the clients of [Server.Client] and [Server.ClientOptions] carry the ID of their call in a
// header, which a proxy forwards. Other clients, such as those with another transport or in another
// language, are judged by what they send: a request was done twice if its method, path, body and
// credentials are those of a request that was processed but whose response was lost because of a fault,
// and if the client has received no response to a GET in between. Such a client is expected to check
// before it repeats a request. If it got a response, repeating the request is a new call.
func (s *Server) DoneTwice() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal.doneTwice)
}

// nonIdempotentKey returns a key that identifies a non-idempotent request. It returns "" for requests
// that are safe to repeat.
func nonIdempotentKey(r *http.Request, body []byte) string {
	escaped := r.URL.EscapedPath()
	switch r.Method {
	case http.MethodPost:
		if strings.HasPrefix(escaped, "/session") {
			return ""
		}
	case http.MethodPut:
		in, err := parseAttributes(body)
		if err != nil || !isNonIdempotentUpdate(in) {
			return ""
		}
	default:
		return ""
	}
	return fmt.Sprintf("%s %s %x", r.Method, escaped, sha256.Sum256(body))
}

func isNonIdempotentUpdate(in attributes) bool {
	for _, key := range []string{"name", "group_id", "virtual_machine_id", "appliance", "restore"} {
		if _, present := in[key]; present {
			return true
		}
	}
	return string(in["power_on"]) == "false" && string(in["autoreboot_on"]) == "true"
}

const redacted = "[redacted]"

var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Yubikey-Otp"}

var (
	secretNames  = []string{"password", "root_password", "firstboot_script", "yubikey", "2fa", "api_key"}
	secretMember = regexp.MustCompile(
		`("(?:` + strings.Join(secretNames, "|") + `)"\s*:\s*)("(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|\{[^}]*\}?|[^\s",{}\[\]]+)`)
)

func (e *entry) isAuthService() bool {
	return e.path == "/session" || strings.HasPrefix(e.path, "/session/")
}

// redactedPath returns the path without a session ID.
func (e *entry) redactedPath() string {
	if e.isAuthService() && len(e.path) > len("/session/") {
		return "/session/" + redacted
	}
	return e.path
}

// redacted returns the exchange with its secrets replaced.
func (e *entry) redacted() Exchange {
	x := Exchange{
		Time: e.time, Method: e.method, Path: e.redactedPath(), RawQuery: e.query, Header: e.header.Clone(),
		Status: e.status, Done: e.done, Fault: e.fault,
	}
	for _, name := range secretHeaders {
		x.Header.Del(name)
	}
	x.RequestBody = redactBody(e.request, e.isAuthService())
	switch {
	case e.isAuthService() && e.method == http.MethodPost && e.status < 300 && len(e.response) > 0:
		x.ResponseBody = redacted // the body is the session ID
	default:
		x.ResponseBody = redactBody(e.response, false)
	}
	return x
}

// redactBody replaces the secrets in a JSON body. The body of a login that is not JSON is replaced
// completely.
func redactBody(body []byte, login bool) string {
	if login && len(body) > 0 && !json.Valid(body) {
		return redacted
	}
	// Most bodies contain no secrets; this check is much faster than the regular expression.
	if !slices.ContainsFunc(secretNames, func(name string) bool { return bytes.Contains(body, []byte(`"`+name+`"`)) }) {
		return string(body)
	}
	return secretMember.ReplaceAllString(string(body), `${1}"`+redacted+`"`)
}
