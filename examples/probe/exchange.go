package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"

	"github.com/bigv-go/bigv"
)

// call describes a request. Each placeholder of the route, such as {account}, is replaced by the next argument.
type call struct {
	method, route string
	args          []string
	body          any         // encoded as JSON
	raw           string      // sent instead of body
	header        http.Header // replaces headers of the client; nil removes one
}

// path returns the route with its arguments, and a query.
func (c call) path() string {
	var out strings.Builder
	args, inQuery := c.args, false
	for rest := c.route; ; {
		before, after, found := strings.Cut(rest, "{")
		out.WriteString(before)
		inQuery = inQuery || strings.Contains(before, "?")
		if !found || len(args) == 0 {
			return out.String()
		}
		if inQuery {
			out.WriteString(url.QueryEscape(args[0]))
		} else {
			out.WriteString(url.PathEscape(args[0]))
		}
		_, rest, _ = strings.Cut(after, "}")
		args = args[1:]
	}
}

// exchange is a request and its response, as they were on the wire.
type exchange struct {
	call
	through bool // whether the client gets the response; otherwise it gets an empty success

	proto    string
	reused   bool // whether the connection had been used before
	status   int
	received http.Header
	content  []byte // decompressed
	err      error  // of the decompression
}

// contentType returns the media type of the response without its parameters.
func (x *exchange) contentType() string {
	kind, _, _ := strings.Cut(x.received.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// value decodes the body of the response. Numbers are of type json.Number.
func (x *exchange) value() (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(x.content))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return nil, differs("status %d, but the body is not JSON", x.status)
	}
	return value, nil
}

// object decodes the body of the response, which must be an object.
func (x *exchange) object() (object, error) {
	value, err := x.value()
	if err != nil {
		return nil, err
	}
	if o, ok := value.(map[string]any); ok {
		return o, nil
	}
	return nil, differs("status %d, but the body is not an object", x.status)
}

// list decodes the body of the response, which must be an array of objects.
func (x *exchange) list() ([]object, error) {
	value, err := x.value()
	if err != nil {
		return nil, err
	}
	return asList(value)
}

// maxContent limits how much of a response is read.
const maxContent = 512 << 20

type exchangeKey struct{}

// recorder is a transport that records the exchange in the context of a request. The client adds the token, and retries
// what could not be sent or was refused for the moment; everything else it does not get to see.
type recorder struct {
	base http.RoundTripper

	mu         sync.Mutex
	token      string   // the last that was sent
	retryAfter []string // of each response that asked to retry later
}

// RoundTrip sends a request and records the exchange.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		return r.base.RoundTrip(req)
	}
	if token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok {
		r.mu.Lock()
		r.token = token
		r.mu.Unlock()
	}
	req = req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { x.reused = info.Reused },
	}))
	for name, values := range x.header {
		if values == nil {
			req.Header.Del(name)
		} else {
			req.Header[name] = values
		}
	}
	if x.raw != "" {
		req.Body.Close()
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(x.raw)), int64(len(x.raw))
		req.GetBody = nil
	}
	resp, err := r.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxContent))
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	x.proto, x.status, x.received, x.content, x.err = resp.Proto, resp.StatusCode, resp.Header, raw, nil
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		x.content, x.err = gunzip(raw)
	}
	isLater := x.status == http.StatusTooManyRequests || x.status == http.StatusServiceUnavailable
	if isLater {
		r.mu.Lock()
		r.retryAfter = append(r.retryAfter, resp.Header.Get("Retry-After"))
		r.mu.Unlock()
	}
	_, ownToken := x.header["Authorization"]
	if x.through || isLater || x.status == http.StatusUnauthorized && !ownToken {
		resp.Body = io.NopCloser(bytes.NewReader(raw))
		return resp, nil
	}
	return &http.Response{
		Status: "204 No Content", StatusCode: http.StatusNoContent, Proto: resp.Proto, ProtoMajor: resp.ProtoMajor,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, nil
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxContent))
}

// sessionToken returns the ID of the client's session, or "" if it uses an API key.
func (r *recorder) sessionToken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.HasPrefix(r.token, "apikey.") {
		return ""
	}
	return r.token
}

// do sends a request and returns the exchange, whatever the status.
func (p *probe) do(ctx context.Context, c call) (*exchange, error) {
	x := &exchange{call: c}
	isRead := c.method == http.MethodGet && c.header == nil
	if isRead && p.cache[c.path()] != nil {
		x = p.cache[c.path()]
		p.exchanges = append(p.exchanges, x)
		return x, nil
	}
	p.exchanges = append(p.exchanges, x)
	ctx = context.WithValue(ctx, exchangeKey{}, x)
	if err := p.client.Do(ctx, c.method, c.path(), c.body, nil); err != nil && x.status == 0 {
		return nil, &notTested{"no response", err}
	}
	if isRead && x.status == http.StatusOK {
		p.cache[c.path()] = x
	} else if !isRead && c.method != http.MethodGet {
		clear(p.cache)
	}
	return x, nil
}

// get sends a GET and returns the exchange if it is a success.
func (p *probe) get(ctx context.Context, route string, args ...string) (*exchange, error) {
	x, err := p.do(ctx, call{method: http.MethodGet, route: route, args: args})
	if err != nil {
		return nil, err
	}
	return x, checkReadable(x)
}

// checkReadable returns an error unless the response is a success.
func checkReadable(x *exchange) error {
	switch x.status {
	case http.StatusOK, http.StatusAccepted:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return &notTested{text: fmt.Sprintf("status %d: no such object, or no permission", x.status)}
	}
	return differs("status %d instead of 200", x.status)
}

func (p *probe) list(ctx context.Context, route string, args ...string) ([]object, error) {
	x, err := p.get(ctx, route, args...)
	if err != nil {
		return nil, err
	}
	return x.list()
}

func (p *probe) object(ctx context.Context, route string, args ...string) (object, error) {
	x, err := p.get(ctx, route, args...)
	if err != nil {
		return nil, err
	}
	return x.object()
}

// with returns a copy of the call with other headers.
func (c call) with(header http.Header) call {
	c.header = maps.Clone(header)
	return c
}

// session reads a session from the authentication service.
func (p *probe) session(ctx context.Context, id string) (*exchange, error) {
	x := &exchange{call: call{method: http.MethodGet, route: "/session/{id}"}, through: true}
	p.exchanges = append(p.exchanges, x)
	_, err := p.client.Sessions.Get(context.WithValue(ctx, exchangeKey{}, x), bigv.NewSecret(id))
	if x.status == 0 {
		return nil, &notTested{"no response", errors.Join(err)}
	}
	return x, nil
}
