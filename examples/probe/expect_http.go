package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bigv-go/bigv"
)

// httpExpectations are about headers and bodies of successes.
var httpExpectations = []expectation{
	{"A success is JSON, also by its Content-Type", "call.go looksLikeService", false, checkContentType},
	{"Definitions need no token", "definitions.go Get", false, checkDefinitionsArePublic},
	{"A read is not redirected", "internal/transport/transport.go checkRedirect", false, checkRedirects},
	{"A list is a bare array, without pages", "list.go list", false, checkNoPages},
	{"An empty list is []", "internal/jsonwire/stream.go readNothing", false, checkEmptyList},
	{"Unknown query parameters are ignored", "filter.go filterMismatch", false, checkUnknownParameter},
	{"A response has no encoding but gzip", "internal/transport/body.go gunzip", false, checkCompression},
	{"The largest list is within the client's limit", "options.go WithMaxResponseSize", false, checkLargestList},
}

// errorExpectations are about errors of reads.
var errorExpectations = []expectation{
	{"A wrong token gets 401", "auth.go fetchToken", false, func(ctx context.Context, p *probe) (string, error) {
		return p.expectStatus(ctx, call{method: http.MethodGet, route: "/accounts"}.with(wrongToken), 401)
	}},
	{"A missing token gets 401", "errors.go ErrUnauthorized", false, func(ctx context.Context, p *probe) (string, error) {
		return p.expectStatus(ctx, call{method: http.MethodGet, route: "/accounts"}.with(noToken), 401)
	}},
	{"The body of a 401 is a short text", "api/openapi.yaml: No source states the body", false,
		func(ctx context.Context, p *probe) (string, error) {
			return p.expectShortText(ctx, call{method: http.MethodGet, route: "/accounts"}.with(wrongToken), 401)
		}},
	{"An unknown object gets 404", "errors.go statusKinds", false, func(ctx context.Context, p *probe) (string, error) {
		return p.expectStatus(ctx, call{method: http.MethodGet, route: "/accounts/{account}", args: []string{p.name}}, 404)
	}},
	{"An unknown path gets 404", "errors.go statusKinds", false, func(ctx context.Context, p *probe) (string, error) {
		return p.expectStatus(ctx, call{method: http.MethodGet, route: "/probe/{name}", args: []string{p.name}}, 404)
	}},
	{"The body of a 404 is a short text", "api/openapi.yaml: No source states the body", false,
		func(ctx context.Context, p *probe) (string, error) {
			return p.expectShortText(ctx, call{method: http.MethodGet, route: "/accounts/{account}", args: []string{p.name}}, 404)
		}},
	{"An unknown session gets 404", "sessions.go Get", false, func(ctx context.Context, p *probe) (string, error) {
		x, err := p.session(ctx, p.name)
		if err != nil {
			return "", err
		}
		return expectStatus(x, 404)
	}},
}

var (
	wrongToken = http.Header{"Authorization": {"Bearer wrong"}}
	noToken    = http.Header{"Authorization": nil}
)

// connectionExpectations are about connections. They come after the other reads, because one of them waits.
var connectionExpectations = []expectation{
	{"The service speaks HTTP/2", "internal/transport/transport.go New", false, checkHTTP2},
	{"A connection is used again", "internal/transport/transport.go New", false, checkKeepAlive},
	{"An idle connection outlives the client's limit", "internal/transport/transport.go IdleConnTimeout", false, checkIdle},
}

// lastExpectations are about all responses.
var lastExpectations = []expectation{
	{"Retry-After is a number of seconds or a date", "internal/retry/policy.go RetryAfter", false, checkRetryAfter},
}

// expectStatus sends a request and checks the status of the response.
func (p *probe) expectStatus(ctx context.Context, c call, statuses ...int) (string, error) {
	x, err := p.do(ctx, c)
	if err != nil {
		return "", err
	}
	return expectStatus(x, statuses...)
}

func expectStatus(x *roundTrip, statuses ...int) (string, error) {
	var want []string
	for _, status := range statuses {
		if x.status == status {
			return fmt.Sprintf("status %d, %s", x.status, x.mediaType()), nil
		}
		want = append(want, strconv.Itoa(status))
	}
	return "", differs("status %d instead of %s", x.status, strings.Join(want, " or "))
}

// mediaType returns the media type of the response for a report.
func (x *roundTrip) mediaType() string {
	kind := x.contentType()
	switch {
	case len(x.content) == 0 && kind == "":
		return "no body"
	case kind == "":
		return "no Content-Type"
	case len(kind) > 80 || !mediaTypes.MatchString(kind):
		return "an unusual Content-Type"
	}
	return kind
}

var mediaTypes = regexp.MustCompile(`^[a-z]+/[a-z0-9.+-]+$`)

func (x *roundTrip) isJSON() bool {
	kind := x.contentType()
	return kind == "application/json" || strings.HasPrefix(kind, "application/vnd.bigv.") && strings.HasSuffix(kind, "+json")
}

// maxErrorBody is how much of the body of an error the client keeps.
const maxErrorBody = 4 << 10

// expectShortText checks that an error has a body that can be shown to a user: text, or JSON, and not a page.
func (p *probe) expectShortText(ctx context.Context, c call, status int) (string, error) {
	x, err := p.do(ctx, c)
	if err != nil {
		return "", err
	}
	return checkErrorBody(x, status)
}

func checkErrorBody(x *roundTrip, status int) (string, error) {
	if _, err := expectStatus(x, status); err != nil {
		return "", err
	}
	seen := fmt.Sprintf("status %d, %s, %d bytes", x.status, x.mediaType(), len(x.content))
	isText := len(x.content) == 0 || x.isJSON() || x.contentType() == "text/plain"
	if !isText || len(x.content) > maxErrorBody || !utf8.Valid(x.content) || bytes.HasPrefix(bytes.TrimSpace(x.content), []byte("<")) {
		return "", differs("%s", seen)
	}
	return seen, nil
}

func checkContentType(ctx context.Context, p *probe) (string, error) {
	kinds := []string{}
	for _, route := range []string{
		"/accounts", "/groups", "/virtual_machines", "/discs", "/nics", "/users", "/privileges", "/definitions",
	} {
		x, err := p.get(ctx, route)
		if err != nil {
			return "", err
		}
		if _, err := x.value(); err != nil {
			return "", err
		}
		if !x.isJSON() {
			return "", differs("%s of %s", x.mediaType(), route)
		}
		kinds = append(kinds, x.mediaType())
	}
	return joined(kinds), nil
}

func checkDefinitionsArePublic(ctx context.Context, p *probe) (string, error) {
	return p.expectStatus(ctx, call{method: http.MethodGet, route: "/definitions"}.with(noToken), 200)
}

func checkRedirects(ctx context.Context, p *probe) (string, error) {
	for _, route := range []string{"/accounts", "/virtual_machines"} {
		x, err := p.do(ctx, call{method: http.MethodGet, route: route})
		if err != nil {
			return "", err
		}
		if x.status >= 300 && x.status < 400 {
			return "", differs("status %d of %s", x.status, route)
		}
	}
	return "none", nil
}

func checkNoPages(ctx context.Context, p *probe) (string, error) {
	for _, route := range []string{"/accounts", "/groups", "/virtual_machines", "/discs", "/nics"} {
		x, err := p.get(ctx, route)
		if err != nil {
			return "", err
		}
		if _, err := x.list(); err != nil {
			return "", err
		}
		for name := range x.received {
			lower := strings.ToLower(name)
			if lower == "link" || strings.Contains(lower, "page") || strings.Contains(lower, "total") {
				return "", differs("%s has a header for pages", route)
			}
		}
	}
	return "arrays without headers for pages", nil
}

func checkEmptyList(ctx context.Context, p *probe) (string, error) {
	discs, err := p.list(ctx, "/discs")
	if err != nil {
		return "", err
	}
	for _, disc := range discs {
		if text(disc, "backup_count") != "0" {
			continue
		}
		machine, err := p.parents(ctx, text(disc, "virtual_machine_id"))
		if err != nil {
			return "", err
		}
		backups, err := p.list(ctx, discRoute+"/backups", append(machine, text(disc, "id"))...)
		if err != nil {
			return "", err
		}
		if len(backups) > 0 {
			return "", differs("a disc with a backup_count of 0 has %s", counted(len(backups)))
		}
		return "[]", nil
	}
	return "", skip("no disc without a backup")
}

func checkUnknownParameter(ctx context.Context, p *probe) (string, error) {
	return p.sameList(ctx, "/virtual_machines", nil, "/virtual_machines?probe_unknown=1", nil)
}

func checkCompression(ctx context.Context, p *probe) (string, error) {
	x, err := p.do(ctx, call{method: http.MethodGet, route: allMachines}.with(http.Header{"Accept-Encoding": {"gzip"}}))
	if err == nil {
		err = checkReadable(x)
	}
	if err != nil {
		return "", err
	}
	encoding := strings.ToLower(strings.Join(x.received.Values("Content-Encoding"), ", "))
	if encoding != "" && encoding != "gzip" && encoding != "identity" {
		return "", differs("Content-Encoding has another value")
	}
	if x.err != nil {
		return "", differs("the body is not gzip")
	}
	if _, err := x.list(); err != nil {
		return "", err
	}
	if encoding == "gzip" {
		return "gzip", nil
	}
	return "not compressed", nil
}

func checkLargestList(ctx context.Context, p *probe) (string, error) {
	largest, elements := 0, 0
	for _, route := range []string{allMachines, "/accounts?view=overview", "/discs", "/nics"} {
		x, err := p.get(ctx, route)
		if err != nil {
			return "", err
		}
		list, err := x.list()
		if err != nil {
			return "", err
		}
		if len(x.content) > largest {
			largest, elements = len(x.content), len(list)
		}
	}
	seen := fmt.Sprintf("%d KiB, %s", (largest+1023)/1024, counted(elements))
	if largest > p.limit/2 {
		return "", differs("%s; the limit is %d KiB", seen, p.limit/1024)
	}
	return seen, nil
}

func checkHTTP2(ctx context.Context, p *probe) (string, error) {
	x, err := p.do(ctx, call{method: http.MethodGet, route: "/definitions"}.with(http.Header{"Accept": {"application/json"}}))
	if err != nil {
		return "", err
	}
	if !x.encrypted {
		return "", skip("plain http")
	}
	if x.proto != "HTTP/2.0" {
		return "", differs("%s", x.proto)
	}
	return x.proto, nil
}

func checkKeepAlive(ctx context.Context, p *probe) (string, error) {
	c := call{method: http.MethodGet, route: "/definitions"}.with(http.Header{"Accept": {"application/json"}})
	for range 2 {
		if _, err := p.do(ctx, c); err != nil {
			return "", err
		}
	}
	x, err := p.do(ctx, c)
	if err != nil {
		return "", err
	}
	if !x.reused {
		return "", differs("a new connection for each request")
	}
	return "used again", nil
}

// checkIdle uses a connection of its own, and again after the time for which the client keeps idle connections.
func checkIdle(ctx context.Context, p *probe) (string, error) {
	transport := p.base.Clone()
	transport.IdleConnTimeout = 0
	defer transport.CloseIdleConnections()
	client, err := p.client.With(bigv.WithTransport(&recorder{base: transport}))
	if err != nil {
		return "", err
	}
	other := &probe{client: client, cache: map[string]*roundTrip{}}
	c := call{method: http.MethodGet, route: "/definitions"}.with(http.Header{"Accept": {"application/json"}})
	if _, err := other.do(ctx, c); err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-time.After(p.idle):
	}
	x, err := other.do(ctx, c)
	p.roundTrips = append(p.roundTrips, other.roundTrips...)
	if err != nil {
		return "", err
	}
	if !x.reused {
		return "", differs("the connection was closed within %v", p.idle)
	}
	return fmt.Sprintf("used again after %v", p.idle), nil
}

func checkRetryAfter(_ context.Context, p *probe) (string, error) {
	p.rec.mu.Lock()
	defer p.rec.mu.Unlock()
	if len(p.rec.retryAfter) == 0 {
		return "", skip("no response had status 429 or 503")
	}
	for _, value := range p.rec.retryAfter {
		_, err := strconv.ParseUint(value, 10, 31)
		_, dateErr := http.ParseTime(value)
		if value != "" && err != nil && dateErr != nil {
			return "", differs("a Retry-After that is neither")
		}
	}
	return fmt.Sprintf("responses with status 429 or 503: %d", len(p.rec.retryAfter)), nil
}
