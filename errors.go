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

// Errors that a call can match with errors.Is.
var (
	ErrBadRequest      = errors.New("bad request")              // 400: an attribute is invalid, or the service refuses the action
	ErrUnauthorized    = errors.New("unauthorized")             // 401: the token is missing, wrong or expired; or a login was refused
	ErrForbidden       = errors.New("forbidden")                // 403: the caller may see the resource but not do this to it
	ErrNotFound        = errors.New("not found")                // 404: the resource does not exist, or the caller may not see it
	ErrServer          = errors.New("server error")             // 5xx: see also ErrUnavailable
	ErrUnavailable     = errors.New("service unavailable")      // 503: not done; retry later
	ErrRateLimited     = errors.New("rate limited")             // 429: not done; retry later
	ErrNoCredential    = errors.New("no credentials are set")   // the client has no credentials; nothing was sent
	ErrFilterIgnored   = errors.New("filter was ignored")       // a list contains elements that its filter excludes
	ErrRedirect        = roundtrip.ErrRedirect                  // the response redirects to another origin, or redirects a write
	ErrInvalidResponse = errors.New("answer cannot be read")    // a 2xx response cannot be decoded, or lacks the result
	ErrTooLarge        = errors.New("answer is over the limit") // a 2xx response is too large; see WithMaxResponseSize

	// ErrSessionExpired means that the session has ended and the client cannot log in again,
	// because it would have to send a one-time code a second time.
	ErrSessionExpired = errors.New("session expired")

	// ErrOutcomeUnknown means that a write was sent and its response was lost, so the service may
	// or may not have applied it. Check the state of the resource before repeating the call.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Error is returned when a request was sent and failed: the status is not 2xx, the response cannot
// be decoded, or no response arrived.
//
// Error never contains the body or the credentials of the request. Secrets of the request that the
// response repeats are removed from Body.
type Error struct {
	Operation  string        // what the call does, such as "update virtual machine"
	Subject    string        // what it applies to, such as "www1.web.acme"; may be empty
	Method     string        // HTTP method of the last request
	Route      string        // path template without names and IDs, usable as a metric label
	URL        string        // URL of the last request; the Route if the URL contains a secret
	StatusCode int           // HTTP status; 0 if no response arrived
	Attempts   int           // number of attempts to send the request
	RetryAfter time.Duration // value of the Retry-After header, or 0
	Body       string        // first 4 KiB of the response body
	Err        error         // cause, if there is one in addition to the status; may be nil

	unknown bool
	login   bool // of a call that nothing was sent of: its status is not the call's
	kind    error
	fields  map[string][]string
}

// maxErrorBody is the number of bytes of a response body that an Error keeps.
const maxErrorBody = 4 << 10

// Error returns a message with the operation, the subject, the status, the message of the service
// and a hint.
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

// said returns the message of the service on one line, or "" if there is none.
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

// maxFieldsSaid is the number of attributes that an error message lists.
const maxFieldsSaid = 12

// oneLine joins s to one printable line of limited length, for logs and terminals.
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

// loginHints replaces statusHints for a login. The call itself was not sent.
var loginHints = map[int]string{
	http.StatusUnauthorized: "check the user name, the password and the second factor",
	http.StatusForbidden:    "check the user name, the password and the second factor",
	http.StatusNotFound:     "check the authentication URL",
}

// refusesLogin reports whether the service refused the credentials of a login, either on behalf of
// another call or of Sessions.Create.
func (e *Error) refusesLogin() bool {
	return e.login || e.Route == sessionsRoute && loginHints[e.StatusCode] != ""
}

// pageHint is the hint for a response that is a web page, whatever its status.
const pageHint = "is the base URL right, or is a proxy in the way?"

// isPage reports whether the response is a web page, and so does not come from the API.
func (e *Error) isPage() bool {
	return e.StatusCode >= 300 && isPage([]byte(e.Body))
}

// wrongPlace lists parts of the error messages that a wrong base URL causes.
var wrongPlace = []string{
	"no such host", "connection refused", "server gave HTTP response to HTTPS client",
	"first record does not look like a TLS handshake", "certificate", "HTTP request to an HTTPS server",
}

// hint returns a suggestion on what to do about the error, or "" if there is none.
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
		return "" // the message of the cause says what to do
	}
	hint, known := statusHints[e.StatusCode]
	switch {
	case e.StatusCode < 300 || e.StatusCode == http.StatusBadRequest && len(e.fields) > 0:
		return "" // the message of the service is enough
	case known:
		return hint
	case e.StatusCode >= 500:
		return statusHints[http.StatusInternalServerError]
	}
	return "the API documents no such answer: is the base URL right?"
}

// Unwrap returns the cause, which may be nil.
func (e *Error) Unwrap() error { return e.Err }

var statusKinds = map[int]error{
	http.StatusBadRequest:         ErrBadRequest,
	http.StatusUnauthorized:       ErrUnauthorized,
	http.StatusForbidden:          ErrForbidden,
	http.StatusNotFound:           ErrNotFound,
	http.StatusServiceUnavailable: ErrUnavailable,
	http.StatusTooManyRequests:    ErrRateLimited,
}

// Is reports whether target is one of the Err variables that describe this error.
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

// details is Error under another name. Embedding it does not give the typed errors a field named
// Error, which would hide the method.
type details = Error

// BadRequestError is an Error with status 400: an attribute is invalid, or the service refuses the
// action in the current state of the resource.
type BadRequestError struct{ *details }

// Unwrap returns the *Error.
func (e *BadRequestError) Unwrap() error { return e.details }

// Field returns the messages about one attribute, such as "memory" or "discs[1].size", or nil if
// there are none. The empty name selects the messages that are not about a single attribute.
func (e *BadRequestError) Field(name string) []string { return slices.Clone(e.fields[name]) }

// Fields returns all messages by attribute. The caller may change the map.
func (e *BadRequestError) Fields() map[string][]string {
	fields := make(map[string][]string, len(e.fields))
	for name, messages := range e.fields {
		fields[name] = slices.Clone(messages)
	}
	return fields
}

// UnauthorizedError is an Error with status 401: the token is missing, wrong, revoked or expired.
type UnauthorizedError struct{ *details }

// Unwrap returns the *Error.
func (e *UnauthorizedError) Unwrap() error { return e.details }

// ForbiddenError is an Error with status 403: the caller may see the resource but not do this to
// it.
type ForbiddenError struct{ *details }

// Unwrap returns the *Error.
func (e *ForbiddenError) Unwrap() error { return e.details }

// NotFoundError is an Error with status 404: the resource does not exist, or the caller may not see
// it. The service does not distinguish the two.
type NotFoundError struct{ *details }

// Unwrap returns the *Error.
func (e *NotFoundError) Unwrap() error { return e.details }

// ServerError is an Error with a 5xx status. The service also returns 500 for some invalid values,
// such as a CD-ROM URL that it cannot use.
type ServerError struct{ *details }

// Unwrap returns the *Error.
func (e *ServerError) Unwrap() error { return e.details }

// typed returns the error as the type for its status.
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

// notSent returns the error for a call that failed before anything was sent.
func notSent(operation, subject string, err error) error {
	return fmt.Errorf("bigv: %s: %w: nothing was sent", describe(operation, subject), err)
}

// parseFields parses the body of a 400 response in any of the forms that the service uses: an
// object of attributes with a message, a list of messages or, for lists, an object per element; or
// plain text.
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

// maxFieldDepth is the depth to which nested attributes are parsed; deeper values are kept as JSON
// text.
const maxFieldDepth = 8

// collect adds the messages of members to fields, with prefix before each name.
func collect(fields map[string][]string, prefix string, members map[string]jsontext.Value, depth int) {
	for name, value := range members {
		collectValue(fields, prefix+name, value, depth+1)
	}
}

// collectValue adds the messages in value to fields under name.
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

// isContextDone reports whether err results from the end of a context.
func isContextDone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
