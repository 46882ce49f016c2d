package bigv

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// CallOption configures one call. The options of a method apply to the request that the method
// documents, not to lookups of parents and IDs. Unless their documentation says otherwise, methods
// that wait, or that combine several calls, apply them to each of the calls.
type CallOption func(*callConfig) error

// callConfig holds the values that the options of a call set.
type callConfig struct {
	header   http.Header
	query    url.Values
	response *Response
}

// apply applies options and joins their errors.
func (c *callConfig) apply(opts []CallOption) (err error) {
	for _, opt := range opts {
		if opt != nil {
			err = errors.Join(err, opt(c))
		}
	}
	return err
}

// Response holds what WithResponse returns of the last response of a call.
type Response struct {
	StatusCode int         // HTTP status of the response; 0 if there was none
	Header     http.Header // headers of the response; nil if there was none
	Attempts   int         // number of attempts to send the request; 1 means no retries
}

// WithResponse sets *response when the call has ended, whether it succeeded or not; for All, when
// the loop has ended. If the call sends several requests, response describes the last one.
func WithResponse(response *Response) CallOption {
	return func(c *callConfig) error {
		if response == nil {
			return errors.New("response of WithResponse is nil")
		}
		c.response = response
		return nil
	}
}

// WithQuery adds a parameter to the query of the request. The values of a parameter that the
// request already has are kept.
func WithQuery(name, value string) CallOption {
	return func(c *callConfig) error {
		if c.query == nil {
			c.query = url.Values{}
		}
		c.query.Add(name, value)
		return nil
	}
}

// View selects how much of an object a response contains.
type View string

// Overview embeds the children of an object: groups in accounts, virtual machines
// in groups, discs and network interfaces in virtual machines.
const Overview View = "overview"

// WithView requests another view of an object. Overview embeds its children; the empty View is the
// default.
func WithView(view View) CallOption { return WithQuery("view", string(view)) }

// WithDeleted includes deleted virtual machines in the response.
func WithDeleted() CallOption { return WithQuery("include_deleted", "true") }

// reservedHeaders are the headers that the client sets itself. Another value would break the
// request or change its destination.
var reservedHeaders = []string{
	"Authorization", "Host", "Content-Length", "Content-Type", "Accept", "Accept-Encoding", "Transfer-Encoding", "Expect",
}

// replayHeaders make net/http repeat a request, whatever its method, when its connection is lost.
// The service does not know these headers and would process the request twice.
var replayHeaders = []string{"Idempotency-Key", "X-Idempotency-Key"}

// WithHeader adds a header to the request. The call returns an error for a header that the client
// sets itself, such as Authorization, and for Idempotency-Key: the service ignores it, and net/http
// would repeat the request because of it.
func WithHeader(name, value string) CallOption {
	return func(c *callConfig) error {
		matches := func(other string) bool { return strings.EqualFold(name, other) }
		if i := slices.IndexFunc(reservedHeaders, matches); i >= 0 {
			return fmt.Errorf("header %s is set by the client and cannot be changed", reservedHeaders[i])
		}
		if i := slices.IndexFunc(replayHeaders, matches); i >= 0 {
			return fmt.Errorf("header %s is refused: the service ignores it, and net/http would repeat the request because of it",
				replayHeaders[i])
		}
		if name == "" || strings.ContainsFunc(name, isInvalidInToken) {
			return fmt.Errorf("header name %q is invalid", name)
		}
		if strings.ContainsFunc(value, isInvalidInHeader) {
			return fmt.Errorf("value of header %s contains a control character", name)
		}
		if c.header == nil {
			c.header = http.Header{}
		}
		c.header.Add(name, value)
		return nil
	}
}

// isInvalidInToken reports whether r is not allowed in the name of a header.
func isInvalidInToken(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// isInvalidInHeader reports whether r is not allowed in the value of a header.
func isInvalidInHeader(r rune) bool { return r != '\t' && unicode.IsControl(r) }
