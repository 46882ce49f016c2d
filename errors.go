package bigv

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/bigv-go/bigv/internal/redact"
	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/transport"
)

// Kinds of errors. Use errors.Is to test whether the error of a call matches one of them.
var (
	ErrBadRequest      = errors.New("bad request")            // 400: an attribute is invalid, or the service refuses the action
	ErrUnauthorized    = errors.New("unauthorized")           // 401: the token is missing, wrong or expired; or a login was refused
	ErrForbidden       = errors.New("forbidden")              // 403: the caller may see the resource but not do this to it
	ErrNotFound        = errors.New("not found")              // 404: the resource does not exist, or the caller may not see it
	ErrConflict        = errors.New("name is taken")          // a write gives a resource a name that another one has; usually a 400 too
	ErrDeleted         = errors.New("deleted")                // the virtual machine is deleted; undelete or purge it
	ErrServer          = errors.New("server error")           // 5xx: see also ErrUnavailable
	ErrUnavailable     = errors.New("service unavailable")    // 503: not applied; retry later. Or not sent: see WithGate
	ErrRateLimited     = errors.New("rate limited")           // 429: not applied; retry later. Or not sent: see WithGate
	ErrNoCredential    = errors.New("no credentials are set") // the client has no credentials; nothing was sent
	ErrFilterIgnored   = errors.New("filter was ignored")     // a list contains elements that its filter excludes
	ErrRedirect        = transport.ErrRedirect                // 3xx: a redirect of a write, to another origin, or after ten others
	ErrInvalidResponse = errors.New("invalid response")       // a 2xx response cannot be decoded, or lacks the result
	ErrTooLarge        = errors.New("response too large")     // a 2xx response is too large; see WithMaxResponseSize

	// ErrSessionExpired means that the session has ended and the client cannot log in again,
	// because it would have to send a one-time code a second time.
	ErrSessionExpired = errors.New("session expired")

	// ErrOutcomeUnknown means that a write was sent, and that its response was lost or does not show
	// whether the service has applied it. Check the state of the resource before repeating the call.
	//
	// A request whose context ended may still reach the service later, even after later calls have
	// returned. One look at the resource immediately afterwards therefore does not prove that the
	// request was not applied.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Error is returned when a request was sent and failed: the status is not 2xx, the response cannot
// be decoded, or no response arrived. It is also returned if a list does not contain the resource
// to find; its status is then 404. And it is returned if the request was not sent because the service
// had refused the requests before it; its status is then that of the last refusal, see WithGate.
//
// Error never contains the body or the credentials of the request. Secrets of the request that the
// response repeats are removed from Body.
type Error struct {
	Operation  string        // what the call does, such as "update virtual machine"
	Subject    string        // what it applies to, such as "www1.web.acme"; may be empty
	Method     string        // HTTP method of the last request
	Route      string        // path template without names and IDs, usable as a metric label; for Do, the path
	URL        string        // URL of the request; the Route if the URL contains a secret, or for a resource missing from a list
	StatusCode int           // HTTP status; 0 if no response arrived
	Attempts   int           // number of attempts to send the request; 0 if it was not sent
	RetryAfter time.Duration // wait that the Retry-After header requests, of another call if the gate was closed; 0 if there is none
	Body       string        // first 4 KiB of the response body; empty for a 2xx, unless it is an HTML page
	Err        error         // cause, if there is one in addition to the status; may be nil

	unknown   bool   // the write may have been applied
	login     bool   // the request was a login
	auth      bool   // the request was to the authentication service
	implicit  bool   // the request was a login for another call, which was not sent
	truncated bool   // the body of a 2xx response was cut short
	kind      error  // another kind than that of the status, such as ErrInvalidResponse or ErrConflict; may be nil
	advice    string // what to do about this operation or attribute, instead of about the status; may be empty
	fields    map[string][]string
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
//
//go:noinline // the compiler would repeat it in the promoted method of each typed error, twice
func (e *Error) Is(target error) bool {
	switch target {
	case nil:
		return false
	case ErrOutcomeUnknown:
		return e.unknown
	case ErrServer:
		return e.StatusCode >= 500
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized || e.rejectsLogin() && e.StatusCode == http.StatusForbidden
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound && !e.implicit
	}
	return target == statusKinds[e.StatusCode] || target == e.kind
}

// details is another name of Error. The typed errors embed it by this name, since a field named
// Error would hide the Error method.
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

// UnauthorizedError is an Error with status 401: the token is missing, wrong, revoked or expired,
// or the service has refused a login.
type UnauthorizedError struct{ *details }

// Unwrap returns the *Error.
func (e *UnauthorizedError) Unwrap() error { return e.details }

// ForbiddenError is an Error with status 403: the caller may see the resource but not do this to
// it, or the authentication service has refused a login.
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

// DeletedError is returned by FindOrCreate for a virtual machine that is deleted and keeps its name. It
// matches ErrDeleted. Its status is 200, since the machine was found.
type DeletedError struct {
	*details
	VirtualMachine VirtualMachine // the deleted machine
}

// Unwrap returns the *Error.
func (e *DeletedError) Unwrap() error { return e.details }

// typed returns the error as the type for its status, or e itself if there is none.
func (e *Error) typed() error {
	switch {
	case e.StatusCode == http.StatusBadRequest:
		return &BadRequestError{e}
	case e.StatusCode == http.StatusUnauthorized:
		return &UnauthorizedError{e}
	case e.StatusCode == http.StatusForbidden:
		return &ForbiddenError{e}
	case e.StatusCode == http.StatusNotFound && !e.implicit:
		return &NotFoundError{e}
	case e.StatusCode >= 500:
		return &ServerError{e}
	}
	return e
}

// notSent returns the error for a call that failed before its request was sent: because of an
// argument, or of another request that the call needs, which err describes.
func notSent(operation, subject string, err error) error {
	problem := ": not sent"
	if e, ok := errors.AsType[*Error](err); ok && e.Attempts > 0 {
		problem = ": this request was not sent, because another one failed"
	}
	return &callError{describe(operation, subject) + problem, err}
}

// notChanged returns the error for a call that has read a resource and does not write it.
func notChanged(operation, subject string, err error) error {
	return &callError{describe(operation, subject) + ": nothing was changed", err}
}

// callError is the error of a call that failed because of another error.
type callError struct {
	what string
	err  error
}

// Error returns what failed, and why.
func (e *callError) Error() string { return errorText("bigv: "+e.what+": "+withoutPrefix(e.err), "") }

// Unwrap returns the cause.
func (e *callError) Unwrap() error { return e.err }

// withoutPrefix returns the text of an error without the name of this package, which the text of
// the outer error begins with.
func withoutPrefix(err error) string { return strings.ReplaceAll(err.Error(), "bigv: ", "") }

// newError returns an Error with the fields that all errors of a response share.
func newError(resp *response) *Error {
	req := resp.request
	return &Error{
		Operation: req.name, Subject: req.subject(), Method: req.method, Route: req.route, URL: resp.redactor().String(req.displayURL()),
		StatusCode: resp.StatusCode, Attempts: resp.Attempts, login: req.endpoint.login, auth: req.endpoint.auth,
		implicit: req.implicit,
	}
}

// newStatusError returns the error of a call whose response is not 2xx, or which got no response
// because of err.
func newStatusError(resp *response, err error) error {
	e := newError(resp)
	e.unknown = resp.OutcomeUnknown && e.isWrite()
	e.RetryAfter, _ = retry.RetryAfter(resp.Header)
	if closed, ok := errors.AsType[*retry.GateError](err); ok {
		e.kind = cmp.Or(statusKinds[closed.StatusCode], ErrUnavailable)
		if e.StatusCode == 0 { // the call has no response of its own
			e.StatusCode, e.RetryAfter = closed.StatusCode, closed.RetryAfter
		}
	}
	if err != nil {
		e.Err = resp.clean(err)
	} else {
		body := resp.Body[:min(len(resp.Body), maxRefusal)]
		if resp.ReadErr == nil && len(body) == len(resp.Body) {
			e.Body = resp.redactor().String(string(body))
		} else {
			e.Body = resp.redactor().Truncated(string(body))
		}
		switch e.StatusCode {
		case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
			e.fields = parseFields(e.Body)
			e.kind = e.refusalKind()
		}
		e.Body = truncateText(e.Body, maxErrorBody)
	}
	e.advice = resp.advice(e)
	return e.typed()
}

// maxRefusal is how much is used of the body of a response that is not a 2xx. Redacting takes
// several times its size.
const maxRefusal = 256 << 10

// newDecodeError returns the error of a 2xx response that is not what the API defines. It keeps the
// body only if that is an HTML page, since any other body may contain secrets.
func newDecodeError(resp *response, err error) error {
	e := newError(resp)
	e.unknown = e.isWrite()
	e.kind = ErrInvalidResponse
	if errors.Is(err, ErrFilterIgnored) {
		e.kind = ErrFilterIgnored
	} else if errors.Is(err, transport.ErrTooLarge) || errors.Is(err, jsonwire.ErrElementTooLarge) ||
		errors.Is(err, jsonwire.ErrDecodedTooLarge) {
		e.kind = ErrTooLarge
	}
	e.truncated = errors.Is(err, transport.ErrTruncated) || errors.Is(err, jsonwire.ErrTruncated) || errors.Is(err, io.ErrUnexpectedEOF)
	e.advice = e.decodingAdvice()
	clean := resp.redactor()
	if isHTML(resp.Body) {
		err = errors.New("the body is an HTML page, perhaps of a proxy or a login page")
		if resp.request.endpoint.confidential {
			e.Body = redact.Placeholder
		} else {
			start := bytes.TrimSpace(resp.Body)
			e.Body = clean.Truncated(string(start[:min(len(start), 2*maxErrorBody)]))
		}
		e.Body = truncateText(e.Body, maxErrorBody)
	}
	e.Err = redact.WithText(oneLine(clean.Truncated("reading the response: "+err.Error()), maxErrorText), err, matchesCause)
	return e
}

// clean returns an error without secrets and of one line.
func (resp *response) clean(err error) error {
	if err.Error() == io.EOF.Error() {
		err = fmt.Errorf("the server closed the connection without a response: %w", err)
	}
	err = resp.redactor().Error(err, matchesCause)
	if text := err.Error(); text != oneLine(text, maxErrorText) {
		return redact.WithText(oneLine(text, maxErrorText), err, matchesCause)
	}
	return err
}

// newVerifyError returns the error of a list that cannot be verified, or the newDecodeError of one
// that does not pass or cannot be read.
func newVerifyError(resp *response, err error) error {
	if _, ok := errors.AsType[*verificationError](err); ok {
		return &callError{describe(resp.request.name, resp.request.subject()), err}
	}
	return newDecodeError(resp, err)
}

// truncateText returns at most the first n bytes of a text, as valid UTF-8. It does not keep the rest in
// memory.
func truncateText(text string, n int) string {
	if len(text) > n {
		text = strings.Clone(text[:n])
	}
	return strings.ToValidUTF8(text, "")
}

// notFoundError returns the error of a resource that is not in a list.
func notFoundError(operation, subject, route string) error {
	return (&Error{
		Operation: operation, Subject: subject, Method: http.MethodGet, Route: route, URL: route,
		StatusCode: http.StatusNotFound, Attempts: 1,
	}).typed()
}

// missingResult returns the error of a write that succeeded, but whose response lacks its result.
func missingResult(operation, subject, problem string) error {
	return fmt.Errorf("bigv: %s: the request succeeded, but %s: %w", describe(operation, subject), problem, ErrInvalidResponse)
}

// missingParent returns the error of resolving a path whose object does not name its parent.
func missingParent(operation, subject, parent string) error {
	return fmt.Errorf("bigv: %s: %w: the ID of its %s is missing", describe(operation, subject), ErrInvalidResponse, parent)
}

// rereadError is the error of a write that was carried out without returning its object, if
// reading the object failed. It does not match the errors that mean for a write that it was not
// applied.
type rereadError struct {
	what string
	err  error
}

// Error returns the operation that succeeded, and why reading its result failed.
func (e *rereadError) Error() string {
	return errorText("bigv: "+e.what+": the request succeeded, but reading the result failed: "+withoutPrefix(e.err), "")
}

// Unwrap returns the error of reading the object, unless it says that the request was not applied.
func (e *rereadError) Unwrap() error {
	for _, notApplied := range []error{ErrNotFound, ErrRateLimited, ErrUnavailable, ErrNoCredential} {
		if errors.Is(e.err, notApplied) {
			return nil
		}
	}
	return e.err
}

// isReread reports whether err is a rereadError: a write succeeded, but reading its result failed.
func isReread(err error) bool {
	_, ok := errors.AsType[*rereadError](err)
	return ok
}

// errSeq returns the iterator of a list that cannot be requested. It yields only err.
func errSeq[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}
