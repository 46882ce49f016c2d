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

// Exchange is one request and what became of it. Secrets are replaced by
// "[redacted]" wherever they appear.
type Exchange struct {
	// Time is what the server's clock showed when the request came in.
	Time time.Time
	// Method and Path (as sent, escaped), RawQuery and Header are the
	// request's; Header is without Authorization and other credentials.
	Method   string
	Path     string
	RawQuery string
	Header   http.Header
	// RequestBody is what was sent.
	RequestBody string
	// Status and ResponseBody are the answer, as far as there was one: Status
	// is 0 if the connection was dropped or there is no answer yet, and a body
	// cut short is cut here.
	Status       int
	ResponseBody string
	// Done says that the service carried the request out with success,
	// whether or not the client was told.
	Done bool
	// Fault names the injected fault, and is empty if there was none.
	Fault string
}

// mostJournalled is how much of bodies the journal holds, so that a long run
// does not fill the memory.
const maxJournalBytes = 64 << 20

// meanJournalled is how much of bodies an exchange may have on average for
// WithJournalLimit to be the limit that counts.
const averageEntryBytes = 4 << 10

// journal holds exchanges as they were, secrets included. Guarded by
// Server.mu.
type journal struct {
	limit   int
	size    int // of the bodies, in bytes
	entries []*entry

	doneWithoutResponse map[string]bool // what was done once, and its answer lost
	doneTwice           []string
}

// entry is an exchange as it was.
type entry struct {
	time              time.Time
	method            string
	path, query       string
	header            http.Header
	status            int
	request, response []byte
	done              bool
	fault             string
	discarded         bool
}

// begin notes that a request has come in.
func (j *journal) begin(e *entry) {
	j.entries = append(j.entries, e)
	j.size += len(e.request)
	j.trim()
}

// end notes how a request was answered. An operation that must not be done twice
// has a key; it is lost if the client did not get the answer to it.
func (j *journal) end(e *entry, raw rawResponse, key string, responseLost bool) {
	e.status, e.response = raw.status, raw.body
	if !e.discarded {
		j.size += len(raw.body)
		j.trim()
	}
	if key == "" || !e.done {
		return
	}
	if j.doneWithoutResponse[key] {
		j.doneTwice = append(j.doneTwice, e.method+" "+e.path)
	}
	if responseLost {
		if j.doneWithoutResponse == nil {
			j.doneWithoutResponse = map[string]bool{}
		}
		j.doneWithoutResponse[key] = true
	}
}

// trim forgets the oldest exchanges, of which there are too many or too large
// ones.
func (j *journal) trim() {
	for len(j.entries) > j.limit || j.size > max(maxJournalBytes, j.limit*averageEntryBytes) {
		e := j.entries[0]
		j.size -= len(e.request) + len(e.response)
		e.discarded = true
		j.entries[0] = nil
		j.entries = j.entries[1:]
	}
}

// Journal returns every request so far, in the order in which they came in. See
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
		list[i] = entries[i].redacted() // not under the lock, since it takes its time
	}
	return list
}

// ClearJournal forgets the requests so far, for [Server.DoneTwice] too.
func (s *Server) ClearJournal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.journal.entries {
		e.discarded = true
	}
	s.journal = journal{limit: s.journal.limit}
}

// DoneTwice returns what a client did twice that it may not repeat: an
// operation that creates, moves, renames, restarts, restores or swaps, was
// carried out while its answer got lost to a fault, and was then carried out
// a second time. A correct client leaves this empty, whatever the faults. It
// does not depend on how much the journal keeps.
func (s *Server) DoneTwice() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal.doneTwice)
}

// onceKey identifies a request that must not be carried out twice, and is
// empty for one that may be.
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

// redactedPath is the path without the ID of a session.
func (e *entry) redactedPath() string {
	if e.isAuthService() && len(e.path) > len("/session/") {
		return "/session/" + redacted
	}
	return e.path
}

// redacted is the exchange without its secrets.
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
		x.ResponseBody = redacted // the session's ID and nothing else
	default:
		x.ResponseBody = redactBody(e.response, false)
	}
	return x
}

// redactBody takes the secrets out of JSON. All of a login that is something else
// may be one.
func redactBody(body []byte, login bool) string {
	if login && len(body) > 0 && !json.Valid(body) {
		return redacted
	}
	// Most bodies hold none, which is found out much faster than by the expression.
	if !slices.ContainsFunc(secretNames, func(name string) bool { return bytes.Contains(body, []byte(`"`+name+`"`)) }) {
		return string(body)
	}
	return secretMember.ReplaceAllString(string(body), `${1}"`+redacted+`"`)
}
