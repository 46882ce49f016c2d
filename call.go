package bigv

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/bigv-go/bigv/internal/redact"
	"github.com/bigv-go/bigv/internal/retry"
	"github.com/google/go-querystring/query"
)

// A call has three steps: newRequest checks and encodes an operation, send sends it, and decode
// decodes a 2xx response. The service methods use get, write, execute and, in list.go, list and all,
// which combine the steps.

// request is an operation that is ready to be sent. It is immutable once newRequest has returned
// it.
type request struct {
	operation
	config    callConfig // set by the options of the call
	route     string     // the template of the path
	url       url.URL
	encoded   []byte   // the body
	inherited []string // secrets of the write that this read follows
}

// newRequest checks an operation and encodes its request. If the path is an ID alone, it sends
// requests to look up the parents.
func (c *Client) newRequest(ctx context.Context, op *operation, opts []CallOption) (*request, error) {
	req := &request{operation: *op}
	if err := req.prepare(ctx, c, opts); err != nil {
		return nil, notSent(op.name, op.endpoint.describe(), err)
	}
	return req, nil
}

// prepare implements newRequest.
func (req *request) prepare(ctx context.Context, c *Client, opts []CallOption) error {
	if err := checkContext(ctx); err != nil {
		return err
	}
	if c.http == nil {
		return errZeroClient
	}
	config := &req.config
	err := config.apply(opts)
	if config.response != nil {
		*config.response = Response{}
	}
	if err != nil {
		return err
	}
	if body, ok := req.body.(validator); ok {
		if err := body.validate(); err != nil {
			return err
		}
	}
	if req.body == nil && req.idempotency == retry.NonIdempotent {
		// net/http repeats a request without a body by itself when its connection is lost.
		req.encoded = []byte("{}")
	} else if req.body != nil {
		if req.encoded, err = req.encode(req.body, nil); err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
	}
	if req.method == http.MethodPut && req.idempotency == retry.Idempotent && string(req.encoded) == "{}" {
		return errEmptyUpdate
	}
	if secrets, ok := ctx.Value(secretsKey{}).(func() []string); ok {
		req.inherited = secrets()
	}
	var path string
	if req.route, path, err = c.resolveEndpoint(ctx, &req.operation); err != nil {
		return err
	}
	values := config.query
	if req.endpoint.query != nil {
		if values, err = query.Values(req.endpoint.query); err != nil {
			return err
		}
		for name, more := range config.query {
			values[name] = append(values[name], more...)
		}
	}
	base := c.baseURL
	if req.endpoint.auth {
		base = c.authURL
	}
	if err := joinURL(&req.url, base, path, values.Encode()); err != nil {
		return err
	}
	return req.checkNoPlaceholder()
}

// errEmptyUpdate is the error of an update that would change nothing.
var errEmptyUpdate = errors.New("the update is empty: set at least one attribute")

// checkContext returns an error if no call can begin with ctx.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	if ctx.Err() != nil {
		return retry.ContextError(ctx, nil)
	}
	return nil
}

// joinURL sets u to the base URL with an escaped path and a query appended.
func joinURL(u, base *url.URL, path, rawQuery string) error {
	*u = *base
	u.RawQuery = rawQuery
	if !strings.Contains(path, "%") && u.RawPath == "" {
		u.Path += path
		return nil
	}
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	u.RawPath = u.EscapedPath() + path
	u.Path += unescaped
	return nil
}

// newHeader returns the header of a request. Most requests share one: nothing changes it.
func (c *Client) newHeader(resp *response) http.Header {
	req, header := resp.request, c.header
	if resp.bearer != nil {
		header = resp.bearer.header()
	}
	if !req.large && req.config.query == nil && req.config.header == nil && req.endpoint.accept == "" {
		return header
	}
	header = maps.Clone(header)
	if req.large || req.config.query != nil {
		header["Accept-Encoding"] = gzipEncoding
	}
	if accept := req.endpoint.accept; accept != "" {
		header["Accept"] = []string{accept}
	}
	for name, values := range req.config.header {
		header[name] = values
	}
	return header
}

// gzipEncoding is the Accept-Encoding header of a request whose response may be large.
var gzipEncoding = []string{"gzip"}

// subject returns what the call is about, as the caller wrote it.
func (req *request) subject() string { return req.endpoint.describe() }

// displayURL returns the URL of the request for errors and captures, or its route if
// the URL is a secret.
func (req *request) displayURL() string {
	if req.endpoint.confidential {
		return req.route
	}
	return req.url.String()
}

// response is the last response to a request.
type response struct {
	retry.Response
	request  *request
	token    Secret           // sent with the request
	rejected Secret           // sent before that, and rejected
	maxBody  int64            // the limit of the body
	bearer   *bearer          // of token; nil if that is zero
	cleaner  *redact.Redactor // nil until it is needed
}

// redactor returns a Redactor of the secrets of the request.
func (resp *response) redactor() *redact.Redactor {
	if resp.cleaner == nil {
		secrets := slices.Concat(bodySecrets(resp.request.body, resp.request.encode), resp.request.inherited)
		if resp.request.endpoint.confidential {
			secrets = append(secrets, resp.request.endpoint.args...)
		}
		if len(secrets) == 0 && resp.rejected.IsZero() && resp.bearer != nil {
			resp.cleaner = resp.bearer.redactor()
		} else {
			secrets = append(secrets, withoutAPIKeyPrefix(resp.token), withoutAPIKeyPrefix(resp.rejected))
			resp.cleaner = redact.New(secrets...)
		}
	}
	return resp.cleaner
}

// streamFunc reads the body of a streamed response: see [retry.Request].
type streamFunc func(resp *http.Response) (retryable bool, err error)

// send sends a request, with retries and one renewal of a rejected token. If the error is nil, the
// request succeeded: the response is a 2xx, whose body may be incomplete, or a 404 to a DELETE of
// which an earlier attempt may have been processed. stream is nil unless the body is to be
// streamed.
func (c *Client) send(ctx context.Context, req *request, stream streamFunc) (*response, error) {
	resp := &response{request: req, maxBody: c.maxResponseSize}
	if !req.endpoint.anonymous {
		var err error
		if resp.token, err = c.fetchToken(ctx, Secret{}); err != nil {
			return nil, notSent(req.name, req.subject(), fmt.Errorf("getting a token: %w", err))
		}
	}
	err := c.sendWithToken(ctx, resp, stream)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && !req.endpoint.anonymous {
		// The service has not processed the request, so it can be sent again even if it is
		// not idempotent.
		token, tokenErr := c.fetchToken(ctx, resp.token)
		if tokenErr != nil {
			err = fmt.Errorf("getting another token: %w", tokenErr)
		} else if !token.Equal(resp.token) {
			resp.token, resp.rejected, resp.cleaner = token, resp.token, nil
			err = c.sendWithToken(ctx, resp, stream)
		}
	}
	if metadata := req.config.response; metadata != nil {
		*metadata = Response{StatusCode: resp.StatusCode, Header: resp.Header, Attempts: resp.Attempts}
	}
	if err == nil && resp.OK() {
		return resp, nil
	}
	gone := err == nil && resp.StatusCode == http.StatusNotFound && req.method == http.MethodDelete
	if gone && resp.OutcomeUnknown {
		resp.Body, resp.ReadErr = nil, nil
		return resp, nil // it was deleted before, by a request whose response was lost
	}
	return nil, newStatusError(resp, err)
}

// sendWithToken sends a request with the token of resp, and stores the response in resp.
func (c *Client) sendWithToken(ctx context.Context, resp *response, stream streamFunc) error {
	req, gate := resp.request, c.gate
	if req.endpoint.auth {
		gate = c.authGate
	}
	if !resp.token.IsZero() {
		resp.bearer = c.bearer(resp.token)
	}
	return c.http.Do(ctx, retry.Request{
		Operation: req.name, Gate: gate,
		Method: req.method, URL: &req.url, Header: c.newHeader(resp), Body: req.encoded, Idempotency: req.idempotency,
		Stream: stream, Info: req, OnAttempt: c.onAttempt(ctx, resp),
	}, &resp.Response)
}

// decode decodes the body of a 2xx response into value, a pointer. It reports false without an
// error if the operation succeeded but the response has no value, or has one that cannot be decoded
// and is not needed: canReread says that the caller can read it with another request.
func (resp *response) decode(value any, canReread bool) (decoded bool, err error) {
	op := &resp.request.operation
	err = resp.ReadErr
	empty := err == nil && jsonwire.IsEmpty(resp.Body)
	if empty {
		err = jsonwire.ErrEmpty
	} else if err == nil {
		if err = jsonwire.UnmarshalZero(resp.Body, value, resp.maxBody); err == nil {
			err = checkComplete(value)
		}
	}
	if op.idempotency == retry.Safe {
		if err == nil {
			err = op.endpoint.checkID(value)
		}
		if err != nil {
			return false, newDecodeError(resp, err)
		}
	}
	if err == nil {
		if object, ok := value.(statusReader); ok {
			object.setStatus(resp.StatusCode)
		}
		return true, nil
	}
	if empty {
		return false, nil
	}
	carriedOut := op.idempotency == retry.Idempotent && resp.looksLikeService()
	if carriedOut && (canReread || op.method == http.MethodDelete) {
		return false, nil
	}
	return false, newDecodeError(resp, err)
}

// looksLikeService reports whether a 2xx response may be that of the service, although it cannot be
// decoded. What is not JSON comes from something else, such as the login page of a proxy. Of a body
// that was cut short before its first byte, the Content-Type decides.
func (resp *response) looksLikeService() bool {
	if resp.ReadErr == nil || len(bytes.TrimSpace(resp.Body)) > 0 {
		return jsonwire.LooksValid(resp.Body)
	}
	contentType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	contentType = strings.ToLower(strings.TrimSpace(contentType))
	return (contentType == "" || strings.HasSuffix(contentType, "json")) && !errors.Is(resp.ReadErr, gzip.ErrHeader)
}

// checkDiscarded checks a 2xx response whose value is not needed. It returns an error if the
// response does not show that the operation succeeded.
func (resp *response) checkDiscarded() error {
	switch {
	case resp.ReadErr != nil && (resp.request.idempotency == retry.NonIdempotent || !resp.looksLikeService()):
		return newDecodeError(resp, resp.ReadErr)
	case resp.ReadErr == nil && !jsonwire.IsEmpty(resp.Body) && !jsonwire.IsValid(resp.Body):
		return newDecodeError(resp, errors.New("the body is not JSON"))
	}
	return nil
}

// call sends a request and decodes the object of its response into value, as decode does.
func (c *Client) call(
	ctx context.Context, op *operation, value any, canReread bool, opts []CallOption,
) (resp *response, decoded bool, err error) {
	req, err := c.newRequest(ctx, op, opts)
	if err != nil {
		return nil, false, err
	}
	if resp, err = c.send(ctx, req, nil); err != nil {
		return nil, false, err
	}
	decoded, err = resp.decode(value, canReread)
	return resp, decoded, err
}

// get sends a GET and returns the object of its response.
func get[T any](ctx context.Context, c *Client, op operation, opts []CallOption) (T, error) {
	var value, zero T
	if _, _, err := c.call(ctx, &op, &value, false, opts); err != nil {
		return zero, err
	}
	return value, nil
}

// write sends a write and returns the object of its response. If the write succeeds and its
// response contains no object, write returns the result of reread, or the zero value if reread is
// nil.
func write[T any](
	ctx context.Context, c *Client, op operation, reread func(context.Context) (T, error), opts []CallOption,
) (T, error) {
	var value, zero T
	resp, decoded, err := c.call(ctx, &op, &value, reread != nil, opts)
	switch {
	case err != nil:
		return zero, err
	case decoded:
		return value, nil
	case reread == nil:
		return zero, nil
	}
	if value, err = reread(contextWithSecrets(ctx, resp.redactor().Secrets())); err != nil {
		return zero, &rereadError{describe(op.name, resp.request.subject()), err}
	}
	return value, nil
}

// execute sends a write whose response is not needed.
func execute(ctx context.Context, c *Client, op operation, opts []CallOption) error {
	req, err := c.newRequest(ctx, &op, opts)
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, req, nil)
	if err != nil {
		return err
	}
	return resp.checkDiscarded()
}

// secretsKey is the key of context values that return the secrets of a write, since the response to a
// read that follows the write may repeat them.
type secretsKey struct{}

// contextWithSecrets returns a context for calls whose responses may repeat these secrets.
func contextWithSecrets(ctx context.Context, secrets []string) context.Context {
	if ctx == nil || len(secrets) == 0 {
		return ctx
	}
	return context.WithValue(ctx, secretsKey{}, func() []string { return secrets }) // which printing ctx does not call
}
