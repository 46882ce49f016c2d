package bigvtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
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
	// is 0 if the connection was dropped, and a body cut short is cut here.
	Status       int
	ResponseBody string
	// Done says that the service carried the request out with success,
	// whether or not the client was told.
	Done bool
	// Fault names the injected fault, and is empty if there was none.
	Fault string
}

// journal holds exchanges as they were, secrets included. Guarded by
// Server.mu.
type journal struct {
	limit   int
	entries []*entry
}

type entry struct {
	Exchange
	once string // identifies the operation, if it must not be done twice
	lost bool   // the client did not get the answer
}

func (j *journal) add(e *entry) {
	if j.limit <= 0 {
		return
	}
	if len(j.entries) >= 2*j.limit {
		j.entries = append([]*entry(nil), j.entries[len(j.entries)-j.limit+1:]...)
	}
	j.entries = append(j.entries, e)
}

func (j *journal) kept() []*entry {
	return j.entries[max(0, len(j.entries)-j.limit):]
}

// Journal returns every request so far, in the order in which they came in.
func (s *Server) Journal() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.journal.kept()
	list := make([]Exchange, len(kept))
	for i, e := range kept {
		list[i] = e.redacted()
	}
	return list
}

// ClearJournal forgets the requests so far.
func (s *Server) ClearJournal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.entries = nil
}

// DoneTwice returns what a client did twice that it may not repeat: an
// operation that creates, moves, renames, restarts, restores or swaps, was
// carried out while its answer got lost to a fault, and was then carried out
// a second time. A correct client leaves this empty, whatever the faults.
func (s *Server) DoneTwice() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := map[string]bool{}
	var twice []string
	for _, e := range s.journal.kept() {
		if !e.Done || e.once == "" {
			continue
		}
		if lost[e.once] {
			twice = append(twice, e.Method+" "+e.Path)
		}
		lost[e.once] = lost[e.once] || e.lost
	}
	return twice
}

// onceKey identifies a request that must not be carried out twice, and is
// empty for one that may be.
func onceKey(r *http.Request, body []byte) string {
	escaped := r.URL.EscapedPath()
	switch r.Method {
	case http.MethodPost:
		if strings.HasPrefix(escaped, "/session") {
			return ""
		}
	case http.MethodPut:
		in, err := parseAttributes(body)
		if err != nil || !changesOnce(in) {
			return ""
		}
	default:
		return ""
	}
	return fmt.Sprintf("%s %s %x", r.Method, escaped, sha256.Sum256(body))
}

func changesOnce(in attributes) bool {
	for _, key := range []string{"name", "group_id", "virtual_machine_id", "appliance", "restore"} {
		if _, there := in[key]; there {
			return true
		}
	}
	return string(in["power_on"]) == "false" && string(in["autoreboot_on"]) == "true"
}

const redacted = "[redacted]"

var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Yubikey-Otp"}

var (
	secretMember = regexp.MustCompile(
		`("(?:password|root_password|firstboot_script|yubikey|2fa|api_key)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s",{}\[\]]+)`)
	secretMembers = []string{"password", "root_password", "firstboot_script", "yubikey", "2fa", "api_key"}
)

// redacted is a copy of the exchange that holds no secrets.
func (e *entry) redacted() Exchange {
	x := e.Exchange
	x.Header = x.Header.Clone()
	for _, name := range secretHeaders {
		x.Header.Del(name)
	}
	x.RequestBody = redactBody(x.RequestBody, x.Header.Get("Content-Type"))
	x.ResponseBody = redactBody(x.ResponseBody, "")
	if x.Path == "/session" || strings.HasPrefix(x.Path, "/session/") {
		// The answer to a login is the session's ID and nothing else.
		if x.Method == http.MethodPost && x.Status < 300 && x.ResponseBody != "" {
			x.ResponseBody = redacted
		}
		if len(x.Path) > len("/session/") {
			x.Path = "/session/" + redacted
		}
	}
	return x
}

func redactBody(body, contentType string) string {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		values, err := url.ParseQuery(body)
		if err != nil {
			return redacted
		}
		for _, key := range secretMembers {
			if values.Has(key) {
				values.Set(key, redacted)
			}
		}
		return values.Encode()
	}
	value, _ := json.Marshal(redacted)
	return secretMember.ReplaceAllString(body, "${1}"+string(value))
}
