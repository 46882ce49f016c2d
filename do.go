package bigv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/route"
)

// Do calls any endpoint, for those that have no method, with the client's authentication, timeouts,
// retries and errors.
//
// The method is GET, POST, PUT or DELETE. The path begins with / and may have a query; its segments
// are percent-encoded. It is also the Route in errors, logs and metrics, so it contains names and
// IDs. body is encoded as JSON; if it is nil, a POST or PUT sends {}. The response is decoded into
// result, a pointer, unless result is nil or the response to a write is empty.
//
// Only GET and DELETE are retried after the service may have processed them. POST and PUT are
// treated as not idempotent, so if the response is lost, the error matches ErrOutcomeUnknown. Do
// never reads a resource to complete a response that cannot be decoded; the error then matches
// ErrInvalidResponse.
func (c *Client) Do(ctx context.Context, method, path string, body, result any, opts ...CallOption) error {
	op, pathOpts, err := rawOperation(method, path, body, result)
	if err != nil {
		return notSent("do", path, err)
	}
	req, err := c.newRequest(ctx, &op, slices.Concat(opts, pathOpts))
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, req, nil)
	if err != nil {
		return err
	}
	if result == nil {
		return resp.checkDiscarded()
	}
	err = resp.ReadErr
	if err == nil {
		if method != http.MethodGet && jsonwire.IsEmpty(resp.Body) {
			return nil
		}
		err = jsonwire.UnmarshalLimited(resp.Body, result, resp.maxBody)
	}
	if err != nil {
		return newDecodeError(resp, err)
	}
	return nil
}

// rawOperation returns the operation of a call of Do, and the query of its path as options.
func rawOperation(method, path string, body, result any) (operation, []CallOption, error) {
	op := operation{name: "do", method: method, idempotency: retry.NonIdempotent, body: body, encode: encodeBody, large: true}
	switch method {
	case http.MethodGet:
		op.idempotency = retry.Safe
	case http.MethodDelete:
		op.idempotency = retry.Idempotent
	case http.MethodPost, http.MethodPut:
	default:
		return op, nil, fmt.Errorf("method %q is not GET, POST, PUT or DELETE", method)
	}
	if kind := reflect.ValueOf(result); result != nil && (kind.Kind() != reflect.Pointer || kind.IsNil()) {
		return op, nil, fmt.Errorf("result must be a non-nil pointer, got %T", result)
	}
	escaped, rawQuery, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(rawQuery)
	if err == nil {
		escaped, err = normalizePath(escaped)
	}
	if err != nil {
		return op, nil, err
	}
	op.endpoint = fixed(escaped).about(escaped)
	op.endpoint.anonymous = escaped == definitionsRoute
	var opts []CallOption
	for name, all := range values {
		for _, value := range all {
			opts = append(opts, WithQuery(name, value))
		}
	}
	return op, opts, nil
}

// normalizePath decodes and encodes each segment of a path, so that its percent-encoding is
// unambiguous. It returns an error for a path that could lead to another host or to a parent
// directory.
func normalizePath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", errors.New("the path must begin with /")
	}
	var out strings.Builder
	for segment := range strings.SplitSeq(path[1:], "/") {
		text, err := url.PathUnescape(segment)
		if err == nil {
			err = route.Check(text)
		}
		if err != nil {
			return "", fmt.Errorf("path segment %w", err)
		}
		out.WriteString("/" + url.PathEscape(text))
	}
	return out.String(), nil
}
