package bigv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bigv-go/bigv/internal/roundtrip"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Kinds of errors, for errors.Is.
var (
	ErrBadRequest      = errors.New("bad request")              // 400: an attribute has a bad value, or the action was refused
	ErrUnauthorized    = errors.New("unauthorized")             // 401: no token, or a bad or expired one
	ErrForbidden       = errors.New("forbidden")                // 403: visible, but not yours to change
	ErrNotFound        = errors.New("not found")                // 404: absent, or hidden from you: the API does not say which
	ErrServer          = errors.New("server error")             // 5xx
	ErrUnavailable     = errors.New("service unavailable")      // 503: not done, try again later
	ErrRateLimited     = errors.New("rate limited")             // 429: not done, try again later
	ErrNoCredential    = errors.New("no credentials are set")   // nothing was sent
	ErrFilterIgnored   = errors.New("filter was ignored")       // a list held what the filter excludes
	ErrRedirect        = roundtrip.ErrRedirect                  // an answer led elsewhere, where credentials must not go
	ErrInvalidResponse = errors.New("answer cannot be read")    // a 2xx answer that is not what the API promises
	ErrTooLarge        = errors.New("answer is over the limit") // see WithMaxResponseSize

	// ErrSessionExpired: the session ended and there is no way to log in again,
	// because a one-time code would have to be used twice.
	ErrSessionExpired = errors.New("session expired")

	// ErrOutcomeUnknown: the write may have been carried out, and may not: it
	// was sent and its answer was lost. Look before doing it again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Error is what a call ends in that was sent and did not succeed: every answer
// that is not 2xx, every 2xx answer that cannot be read, and every answer that
// never came. It never holds the request's body or credentials, and what the
// answer echoes of the request's secrets is removed from Body.
type Error struct {
	Operation  string        // what was being done, such as "update virtual machine"
	Subject    string        // to what, such as "www1.web.acme"; may be empty
	Method     string        // of the last request
	Route      string        // its path with names in place of values: a good metric label
	URL        string        // its URL; the Route alone where the URL is a secret
	StatusCode int           // 0 when no answer came
	Attempts   int           // how often the request was sent or tried
	RetryAfter time.Duration // what the service asked to wait, or 0
	Body       string        // the first 4 KiB of the answer's body
	Err        error         // the cause, where there is one besides the status

	unknown bool
	login   bool // of a call that nothing was sent of: its status is not the call's
	kind    error
	fields  map[string][]string
}

// maxErrorBody is how much of an answer an Error keeps.
const maxErrorBody = 4 << 10

// Error says what was being done, to what, what the service said, and what to
// try.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("bigv: ")
	b.WriteString(describe(e.Operation, e.Subject))
	if e.StatusCode != 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf(": %d %s", e.StatusCode, http.StatusText(e.StatusCode)), " "))
	}
	if said := e.said(); said != "" {
		b.WriteString(": " + said)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	if hint := e.hint(); hint != "" {
		b.WriteString("; " + hint)
	}
	fmt.Fprintf(&b, " [%s %s]", e.Method, e.URL)
	return b.String()
}

// describe joins an operation and its subject to a phrase.
func describe(operation, subject string) string {
	if subject == "" {
		return operation
	}
	if strings.HasPrefix(operation, "list ") {
		return operation + " of " + subject
	}
	return operation + " " + subject
}

// said is the service's own word on what is wrong, in one line.
func (e *Error) said() string {
	if e.isPage() {
		return "the answer is a web page, perhaps of a proxy"
	}
	if len(e.fields) > 0 {
		var parts []string
		for i, field := range slices.Sorted(maps.Keys(e.fields)) {
			if i == maxFieldsSaid {
				parts = append(parts, fmt.Sprintf("and %d attributes more", len(e.fields)-i))
				break
			}
			part := strings.Join(e.fields[field], ", ")
			if field != "" {
				part = field + " " + part
			}
			parts = append(parts, oneLine(part))
		}
		return strings.Join(parts, "; ")
	}
	if e.StatusCode >= 200 && e.StatusCode < 300 || e.Body == "" {
		return ""
	}
	return strconv.Quote(oneLine(e.Body))
}

// maxFieldsSaid is how many attributes an error's message speaks of.
const maxFieldsSaid = 12

// oneLine shortens what a service said to what a line of a log holds, and a
// terminal shows.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "..."
	}
	return s
}

var statusHints = map[int]string{
	http.StatusUnauthorized:        "check the token or API key, or log in again: it is wrong, revoked or expired, as a session is five minutes after its last use",
	http.StatusForbidden:           "you can see it but may not do this: ask for a higher privilege on it",
	http.StatusNotFound:            "it does not exist, or you may not see it: check the name, whose credentials these are, and the base URL",
	http.StatusServiceUnavailable:  "it was not done: try again in a few seconds",
	http.StatusTooManyRequests:     "it was not done: try again later, and less often",
	http.StatusBadGateway:          "the service cannot be reached at present: try again later",
	http.StatusGatewayTimeout:      "the service cannot be reached at present: try again later",
	http.StatusBadRequest:          "an attribute is wrong, or it is refused as things stand",
	http.StatusInternalServerError: "it failed, as it does for some values that the service cannot use, such as a CD-ROM URL: check them, or try again later",
}

// loginHints are the statusHints of logging in. Nothing else was sent.
var loginHints = map[int]string{
	http.StatusUnauthorized: "check the user name, the password and the second factor",
	http.StatusForbidden:    "check the user name, the password and the second factor",
	http.StatusNotFound:     "check the authentication URL",
}

// refusesLogin reports whether the status speaks of the credentials of a login,
// be it another call's or asked for.
func (e *Error) refusesLogin() bool {
	return e.login || e.Route == sessionsRoute && loginHints[e.StatusCode] != ""
}

// pageHint is what to try where a web page was answered, whatever its status.
const pageHint = "is the base URL right, or is a proxy in the way?"

// isPage reports whether a page was answered, and so by somebody else.
func (e *Error) isPage() bool {
	return e.StatusCode >= 300 && isPage([]byte(e.Body))
}

// wrongPlace are words of errors that come of a wrong base URL.
var wrongPlace = []string{"no such host", "connection refused", "server gave HTTP response to HTTPS client", "first record does not look like a TLS handshake", "certificate", "HTTP request to an HTTPS server"}

func (e *Error) hint() string {
	if e.isPage() && e.StatusCode < 500 {
		return pageHint
	}
	if e.refusesLogin() {
		return loginHints[e.StatusCode]
	}
	if e.unknown {
		return "it may have been done, and may not: look before doing it again"
	}
	if e.StatusCode == 0 {
		var hints []string
		if e.Method != http.MethodGet {
			hints = append(hints, "it was not done")
		}
		if e.Err != nil && slices.ContainsFunc(wrongPlace, func(words string) bool { return strings.Contains(e.Err.Error(), words) }) {
			hints = append(hints, "is the base URL right?")
		}
		return strings.Join(hints, ": ")
	}
	if e.StatusCode == http.StatusBadRequest && strings.Contains(e.Body, "HTTP request to an HTTPS server") {
		return "use https in the base URL"
	}
	if errors.Is(e.Err, ErrSessionExpired) {
		return "" // which says what to do
	}
	hint, known := statusHints[e.StatusCode]
	switch {
	case e.StatusCode < 300 || e.StatusCode == http.StatusBadRequest && len(e.fields) > 0:
		return "" // what was said is all there is
	case known:
		return hint
	case e.StatusCode >= 500:
		return statusHints[http.StatusInternalServerError]
	}
	return "the API documents no such answer: is the base URL right?"
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

var statusKinds = map[int]error{
	http.StatusBadRequest:         ErrBadRequest,
	http.StatusUnauthorized:       ErrUnauthorized,
	http.StatusForbidden:          ErrForbidden,
	http.StatusNotFound:           ErrNotFound,
	http.StatusServiceUnavailable: ErrUnavailable,
	http.StatusTooManyRequests:    ErrRateLimited,
}

// Is reports whether target is the kind of this error.
func (e *Error) Is(target error) bool {
	switch target {
	case nil:
		return false
	case ErrOutcomeUnknown:
		return e.unknown
	case ErrServer:
		return e.StatusCode >= 500
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized || e.refusesLogin() && e.StatusCode == http.StatusForbidden
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound && !e.login
	}
	return target == statusKinds[e.StatusCode] || target == e.kind
}

// details is Error under a name that leaves the typed errors their Error method.
type details = Error

// BadRequestError is the Error of a 400: an attribute has a bad value, or the
// service refuses the action as things stand.
type BadRequestError struct{ *details }

// Unwrap is the Error it holds.
func (e *BadRequestError) Unwrap() error { return e.details }

// Field is what the service said of one attribute, such as "memory" or
// "discs[1].size", and nil if it said nothing of it. The empty name gives what
// it said of no attribute in particular.
func (e *BadRequestError) Field(name string) []string { return slices.Clone(e.fields[name]) }

// Fields is all that the service said, by attribute.
func (e *BadRequestError) Fields() map[string][]string {
	fields := make(map[string][]string, len(e.fields))
	for name, messages := range e.fields {
		fields[name] = slices.Clone(messages)
	}
	return fields
}

// UnauthorizedError is the Error of a 401: the token is missing, wrong, revoked
// or expired.
type UnauthorizedError struct{ *details }

// Unwrap is the Error it holds.
func (e *UnauthorizedError) Unwrap() error { return e.details }

// ForbiddenError is the Error of a 403: you can see the thing, and may not do
// this to it.
type ForbiddenError struct{ *details }

// Unwrap is the Error it holds.
func (e *ForbiddenError) Unwrap() error { return e.details }

// NotFoundError is the Error of a 404: the thing does not exist, or you may not
// see it. The API does not say which.
type NotFoundError struct{ *details }

// Unwrap is the Error it holds.
func (e *NotFoundError) Unwrap() error { return e.details }

// ServerError is the Error of a 5xx. The API answers 500 to some mistakes of
// its users too, such as a CD-ROM URL that it cannot use.
type ServerError struct{ *details }

// Unwrap is the Error it holds.
func (e *ServerError) Unwrap() error { return e.details }

// typed gives an Error the type of its status.
func (e *Error) typed() error {
	switch {
	case e.StatusCode == http.StatusBadRequest:
		return &BadRequestError{e}
	case e.StatusCode == http.StatusUnauthorized:
		return &UnauthorizedError{e}
	case e.StatusCode == http.StatusForbidden:
		return &ForbiddenError{e}
	case e.StatusCode == http.StatusNotFound && !e.login:
		return &NotFoundError{e}
	case e.StatusCode >= 500:
		return &ServerError{e}
	}
	return e
}

// notSent is the error of a call that was refused before anything was sent.
func notSent(operation, subject string, err error) error {
	return fmt.Errorf("bigv: %s: %w: nothing was sent", describe(operation, subject), err)
}

// parseFields reads the body of a 400, in any of the shapes the service uses:
// an object of attributes, each with a message, a list of them, or, for a list
// of things, an object a thing; or else text.
func parseFields(body string) map[string][]string {
	fields := map[string][]string{}
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(body), &members); err != nil || members == nil {
		if text := strings.TrimSpace(body); text != "" {
			var quoted string
			if text[0] == '"' && json.Unmarshal([]byte(text), &quoted) == nil {
				text = quoted
			}
			fields[""] = []string{text}
		}
		return fields
	}
	collect(fields, "", members, 0)
	return fields
}

// maxFieldDepth is how deep the attributes of a 400 nest at the most; what is
// below is kept as it came.
const maxFieldDepth = 8

func collect(fields map[string][]string, prefix string, members map[string]jsontext.Value, depth int) {
	for name, value := range members {
		collectValue(fields, prefix+name, value, depth+1)
	}
}

func collectValue(fields map[string][]string, name string, value jsontext.Value, depth int) {
	var (
		text    string
		members map[string]jsontext.Value
		items   []jsontext.Value
	)
	kind := value.Kind()
	if depth > maxFieldDepth && kind != '"' {
		kind = 0
	}
	switch kind {
	case '"':
		if json.Unmarshal(value, &text) == nil {
			fields[name] = append(fields[name], text)
		}
		return
	case '{':
		if json.Unmarshal(value, &members) == nil {
			collect(fields, name+".", members, depth)
			return
		}
	case '[':
		if json.Unmarshal(value, &items) == nil {
			for i, item := range items {
				field := name
				if kind := item.Kind(); kind == '{' || kind == '[' {
					field = fmt.Sprintf("%s[%d]", name, i)
				}
				collectValue(fields, field, item, depth+1)
			}
			return
		}
	}
	fields[name] = append(fields[name], string(value))
}

// isContextDone reports whether err is the end of the caller's context.
func isContextDone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
