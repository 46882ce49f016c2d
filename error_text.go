package bigv

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bigv-go/bigv/internal/transport"
)

// maxErrorBody is the number of bytes of a response body that an Error keeps.
const maxErrorBody = 4 << 10

// maxErrorText is the maximum length of the text of an error, in bytes. It is less than 1 KiB, so that
// there is room for the texts of errors that wrap it.
const maxErrorText = 960

// Error returns one line with the operation and its subject, the status, the message of the
// service, and advice on what to do. It has at most 1 KiB and no control characters.
func (e *Error) Error() string {
	var b, end strings.Builder
	b.WriteString("bigv: ")
	b.WriteString(describe(e.Operation, e.Subject))
	if e.StatusCode != 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf(": %d %s", e.StatusCode, http.StatusText(e.StatusCode)), " "))
	}
	if message := e.serviceMessage(); message != "" {
		b.WriteString(": " + message)
	}
	if e.Err != nil {
		b.WriteString(": " + withoutPrefix(e.Err))
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&end, " (after %d attempts)", e.Attempts)
	}
	if hint := e.hint(); hint != "" {
		end.WriteString("; " + hint)
	}
	fmt.Fprintf(&end, " [%s %s]", e.Method, oneLine(e.URL, 300))
	text := errorText(b.String(), end.String())
	if e.auth {
		text = strings.ReplaceAll(text, hintBaseURL, "check the authentication URL")
	}
	return text
}

// errorText returns the text of an error, which ends with end. If it is too long, the part before end
// is cut short.
func errorText(text, end string) string {
	return oneLine(text, max(maxErrorText-len(end), maxMessage)) + end
}

// describe joins the name of an operation and its subject.
func describe(operation, subject string) string {
	if subject == "" {
		return operation
	}
	if strings.HasPrefix(operation, "list ") {
		return operation + " of " + subject
	}
	return operation + " " + subject
}

// maxMessageFields is the number of attributes of a 400 that an error message lists.
const maxMessageFields = 12

// serviceMessage returns the error message of the service, in one line.
func (e *Error) serviceMessage() string {
	if e.isHTML() {
		return "the response is an HTML page, perhaps of a proxy"
	}
	if len(e.fields) > 0 {
		var parts []string
		for i, field := range slices.Sorted(maps.Keys(e.fields)) {
			if i == maxMessageFields {
				parts = append(parts, fmt.Sprintf("and %d more attributes", len(e.fields)-i))
				break
			}
			part := strings.Join(e.fields[field], ", ")
			if field != "" {
				part = field + " " + part
			}
			parts = append(parts, oneLine(part, maxMessage))
		}
		return strings.Join(parts, "; ")
	}
	if e.StatusCode >= 200 && e.StatusCode < 300 || e.Body == "" {
		return ""
	}
	return strconv.Quote(oneLine(e.Body, maxMessage))
}

// maxMessage is the maximum length of one message of the service in the text of an error, in bytes.
const maxMessage = 300

// oneLine returns a text in one line of at most n bytes, without control characters, invisible ones,
// and those that change the direction of the text.
func oneLine(s string, n int) string {
	cut := len(s) > 4*n // the rest cannot matter, and may be long
	if cut {
		s = truncateText(s, 4*n)
	}
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if cut || len(s) > n {
		s = truncateText(s, n-len("...")) + "..."
	}
	return s
}

// isHTML reports whether a body looks like an HTML page. The service sends none, so such a body
// comes from a proxy or another server.
func isHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body[:min(len(body), maxErrorBody)]), []byte("<"))
}

// isHTML reports whether the response is an HTML page.
func (e *Error) isHTML() bool { return e.StatusCode >= 300 && isHTML([]byte(e.Body)) }

const (
	hintHTML       = "check the base URL, and whether a proxy is in the way"
	hintUnknown    = "outcome unknown: the request may or may not have been applied; check before retrying"
	hintNotApplied = "the request was not applied"
	hintBaseURL    = "check the base URL"
	hintAuthority  = hintBaseURL + ", or trust the authority of the certificate: see WithTransport"
	hintLater      = "try again later"
	hintTimeouts   = hintLater + ", or allow more time: see WithTimeouts"
	hintSize       = "allow more: see WithMaxResponseSize"
	hintFullPath   = "use a path with the names of all parents"
	hintUseHTTPS   = "use https in the base URL"
	hintUndefined  = "the API does not document this status; " + hintBaseURL
	hintServer     = "the service failed: try again later"
	hintCDROM      = "the service also responds with 500 to a CD-ROM URL that it cannot use: check CDROMURL"
	hintAPIKey     = "check the API key: it is wrong, revoked or expired"
	hintConflict   = "choose another name, or use the resource that has this one"
	hintUnseen     = ", or you lack permission to see it: check the name, the credentials and the base URL"
	hintMissing    = "does not exist" + hintUnseen
	hintLogin      = "check the user name, the password and the second factor"
)

// statusHints maps the status of a response to advice on what to do.
var statusHints = map[int]string{
	http.StatusUnauthorized: "check the token or API key, or log in again: it is wrong, revoked or expired; " +
		"a session expires five minutes after its last use",
	http.StatusForbidden:           "you lack permission to do this: ask for a higher privilege",
	http.StatusNotFound:            "it " + hintMissing,
	http.StatusProxyAuthRequired:   "a proxy requires credentials: check the settings of the proxy",
	http.StatusServiceUnavailable:  hintNotApplied + ": try again in a few seconds",
	http.StatusTooManyRequests:     hintNotApplied + ": try again later, and less often",
	http.StatusBadGateway:          "the service cannot be reached at present: try again later",
	http.StatusGatewayTimeout:      "the service cannot be reached at present: try again later",
	http.StatusBadRequest:          "an attribute is invalid, or the state of the resource does not allow this",
	http.StatusInternalServerError: hintServer,
}

// loginHints maps the status of a login to advice on what to do.
var loginHints = map[int]string{
	http.StatusBadRequest:   hintLogin,
	http.StatusUnauthorized: hintLogin,
	http.StatusForbidden:    hintLogin,
	http.StatusNotFound:     "check the authentication URL",
}

// connectionHints has advice on connection errors, by parts of their texts.
var connectionHints = []struct{ part, hint string }{
	{"no such host", hintBaseURL}, {"connection refused", hintBaseURL}, {"certificate", hintAuthority},
	{"server gave HTTP response to HTTPS client", hintBaseURL}, {"first record does not look like a TLS handshake", hintBaseURL},
	{"malformed HTTP response", hintBaseURL}, {"HTTP request to an HTTPS server", hintUseHTTPS},
}

// rejectsLogin reports whether the error is that of a login that was refused.
func (e *Error) rejectsLogin() bool { return e.login && loginHints[e.StatusCode] != "" }

// hint returns advice on what to do about the error, or "" if its message needs none.
func (e *Error) hint() string {
	switch {
	case e.isHTML() && e.StatusCode < 500:
		return hintHTML
	case e.rejectsLogin():
		return loginHints[e.StatusCode]
	case e.unknown && e.advice != "":
		return hintUnknown + "; " + e.advice
	case e.unknown:
		return hintUnknown
	case e.advice != "":
		return e.advice
	case e.StatusCode == 0:
		return e.connectionHint()
	case e.StatusCode == http.StatusBadRequest && strings.Contains(e.Body, "HTTP request to an HTTPS server"):
		return hintUseHTTPS
	case errors.Is(e.Err, ErrSessionExpired), errors.Is(e.Err, ErrRedirect), e.StatusCode < 300,
		e.StatusCode == http.StatusBadRequest && len(e.fields) > 0:
		return ""
	case e.StatusCode == http.StatusNotFound && e.Operation == getMachine && !strings.Contains(e.URL, "include_deleted"):
		return "it does not exist or is deleted" + hintUnseen
	}
	if hint, ok := statusHints[e.StatusCode]; ok {
		if e.RetryAfter > 0 && strings.HasPrefix(hint, hintNotApplied) {
			hint = fmt.Sprintf("%s: try again in %s", hintNotApplied, e.RetryAfter.Round(time.Second))
		}
		if !e.isWrite() {
			hint = strings.TrimPrefix(hint, hintNotApplied+": ")
		}
		return hint
	}
	if e.StatusCode >= 500 {
		return hintServer
	}
	return hintUndefined
}

// isWrite reports whether the request changes something that the caller has asked for.
func (e *Error) isWrite() bool { return e.Method != http.MethodGet && !e.implicit }

// givesName matches the body of a request that may fail because a name is taken.
var givesName = regexp.MustCompile(`"(name|label|username|account_name|group|group_id|virtual_machine_id)":`)

// advice returns what to do about an error of this operation and its attributes, or "" if there is only
// the advice for its status.
func (resp *response) advice(e *Error) string {
	op := &resp.request.operation
	if body, ok := op.body.(adviser); ok {
		if advice := body.advice(e.StatusCode); advice != "" {
			return advice
		}
	}
	switch {
	case errors.Is(e, ErrConflict) && !givesName.Match(resp.request.encoded):
		return "" // a 409 to a request that is not about a name
	case errors.Is(e, ErrConflict) && strings.Contains(op.name, "virtual machine"):
		return hintConflict + "; a deleted virtual machine keeps its name until it is purged"
	case errors.Is(e, ErrConflict):
		return hintConflict
	case errors.Is(e, ErrDeleted):
		return "undelete the virtual machine first"
	case e.StatusCode == http.StatusBadRequest && len(e.fields) == 0:
		return op.refusal
	case e.StatusCode == http.StatusNotFound && op.endpoint.auth && !e.login:
		return "the session has ended, or the token is wrong: log in again"
	case e.StatusCode == http.StatusUnauthorized && strings.HasPrefix(resp.token.Reveal(), apiKeyPrefix):
		return hintAPIKey
	case e.StatusCode == http.StatusNotFound && op.endpoint.path != nil && op.endpoint.route != "" && op.endpoint.subject != "":
		return op.endpoint.path.display() + " " + hintMissing // not the subject, which is to be created in it
	}
	return ""
}

// decodingAdvice returns what to do about a 2xx response that cannot be used, or "" if its outcome is
// unknown and there is no more to say.
func (e *Error) decodingAdvice() string {
	switch {
	case e.kind == ErrTooLarge:
		return hintSize
	case e.kind == ErrFilterIgnored:
		return hintFullPath
	case !e.truncated:
		return hintHTML
	case e.unknown:
		return ""
	}
	return hintLater
}

// connectionHint returns advice on what to do about an error without a response.
func (e *Error) connectionHint() string {
	var hints []string
	if e.isWrite() {
		hints = append(hints, hintNotApplied)
	}
	if e.Err == nil || isContextError(e.Err) || errors.Is(e.Err, ErrSessionExpired) {
		return strings.Join(hints, "; ")
	}
	text, hint := e.Err.Error(), hintLater
	if _, ok := errors.AsType[*transport.TimeoutError](e.Err); ok {
		hint = hintTimeouts
	}
	for _, known := range connectionHints {
		if strings.Contains(text, known.part) {
			hint = known.hint
			break
		}
	}
	return strings.Join(append(hints, hint), "; ")
}
