package bigvtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRequestBody limits the size of a request body.
const maxRequestBody = 4 << 20

// ServeHTTP handles one request: it applies the injected fault, if any, and processes the request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.beginRequest() {
		http.Error(w, "Service temporarily unavailable", http.StatusServiceUnavailable)
		return
	}
	defer s.endRequest()
	began := time.Now()
	body, readErr := io.ReadAll(io.LimitReader(r.Body, maxRequestBody+1))
	var fault *Fault
	if readErr == nil {
		fault = s.faults.choose(r, body)
	}
	e := &entry{
		method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery, header: r.Header.Clone(),
		request: body, fault: fault.String(), call: r.Header.Get(callHeader), credentials: r.Header.Get("Authorization"),
	}
	e.header.Del(callHeader)
	s.withLock(func() {
		e.time = s.state.clock.now
		s.journal.begin(e)
	})
	var raw rawResponse
	switch {
	case readErr != nil:
		// The client may still be connected, for example if the chunked encoding is malformed.
		raw = response{status: http.StatusBadRequest, body: "The body of the request cannot be read"}.encode()
		s.withLock(func() { s.journal.end(e, raw, "", false) })
	case s.delay(r, fault):
		raw = s.serve(r, body, fault, e)
	}
	if fault != nil && fault.Hang {
		s.hang(r)
	}
	if s.settings.logger != nil {
		s.settings.logger.LogAttrs(r.Context(), slog.LevelInfo, e.method+" "+e.redactedPath(), slog.String("query", e.query),
			slog.Int("status", raw.status), slog.Duration("duration", time.Since(began)), slog.String("fault", e.fault))
	}
	if raw.status == 0 {
		panic(http.ErrAbortHandler) // closes the connection or resets the stream
	}
	raw.write(w)
}

// serve processes the request unless the fault prevents that, records the exchange, and returns the
// response to send.
func (s *Server) serve(r *http.Request, body []byte, fault *Fault, e *entry) (raw rawResponse) {
	s.withLock(func() {
		key := ""
		if fault.processesRequest() {
			raw = s.process(r, body)
			e.done = raw.status < 300
			key = nonIdempotentKey(r, body)
		}
		if fault != nil {
			raw = fault.apply(raw)
		}
		s.journal.end(e, raw, key, raw.status == 0 || raw.truncated || fault != nil && fault.replacesResponse())
	})
	return raw
}

// rawResponse is an encoded response. Status 0 means that no response is sent.
type rawResponse struct {
	status    int
	header    http.Header
	body      []byte
	length    int  // of the complete body
	truncated bool // the body is shorter than length
}

func (raw rawResponse) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), raw.header)
	bodiless := raw.status == http.StatusNoContent || raw.status == http.StatusNotModified || raw.status < 200
	if !bodiless {
		w.Header().Set("Content-Length", strconv.Itoa(raw.length))
	}
	w.WriteHeader(raw.status)
	if bodiless {
		return
	}
	_, _ = w.Write(raw.body)
	if raw.truncated {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// apply returns the response as changed by the fault.
func (f *Fault) apply(raw rawResponse) rawResponse {
	if f.Hang || f.DropBefore || f.DropAfter {
		return rawResponse{}
	}
	if f.replacesResponse() {
		header := http.Header{"Content-Type": {cmp.Or(f.ContentType, "text/plain; charset=utf-8")}}
		for name, values := range f.Header {
			header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
		raw = rawResponse{status: cmp.Or(f.Status, http.StatusOK), header: header, body: []byte(f.Body), length: len(f.Body)}
	}
	if at := max(f.CutBodyAt, 0); f.CutBodyAt != 0 && at < len(raw.body) {
		raw.body, raw.truncated = raw.body[:at], true
	}
	return raw
}

// process processes a request and encodes the response.
func (s *Server) process(r *http.Request, body []byte) rawResponse {
	a, err := s.dispatch(r, body)
	var apiErr *apiError
	if errors.As(err, &apiErr) {
		a = response{status: apiErr.status, body: apiErr.body}
	} else if err != nil {
		a = response{status: http.StatusInternalServerError, body: err.Error()}
	}
	return a.encode()
}

// encode encodes the body as text if it is a string and as JSON otherwise.
func (a response) encode() rawResponse {
	raw := rawResponse{status: a.status, header: http.Header{}}
	maps.Copy(raw.header, a.header)
	switch value := a.body.(type) {
	case nil:
	case string:
		raw.body = []byte(value)
		raw.header.Set("Content-Type", "text/plain; charset=utf-8")
	default:
		var encoded bytes.Buffer
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			raw.status = http.StatusInternalServerError
		}
		raw.body = bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))
		raw.header.Set("Content-Type", "application/json")
	}
	raw.length = len(raw.body)
	return raw
}

func (s *Server) dispatch(r *http.Request, body []byte) (response, error) {
	found, args := s.routes.find(r.URL.EscapedPath())
	if found == nil || found.methods == nil {
		return response{}, errNotFound
	}
	q := &request{
		state: s.state, server: s, method: r.Method, args: args,
		query: r.URL.Query(), header: r.Header, body: body,
	}
	isAuthService := firstSegment(r.URL.Path) == "session"
	if !isAuthService {
		var err error
		if q.caller, err = s.state.authenticate(r); err != nil && !publicRoutes[r.Method+" "+r.URL.Path] {
			return response{}, err
		}
	}
	handle := found.methods[r.Method]
	switch {
	case handle == nil:
		allowed := strings.Join(slices.Sorted(maps.Keys(found.methods)), ", ")
		return response{
			status: http.StatusMethodNotAllowed, body: "Method not allowed: use " + allowed,
			header: http.Header{"Allow": {allowed}},
		}, nil
	case len(body) > maxRequestBody:
		return response{}, newAPIError(http.StatusRequestEntityTooLarge, "Request too large")
	case isAuthService || r.Method == http.MethodGet || r.Method == http.MethodDelete:
	default:
		if err := q.parseBody(); err != nil {
			return response{}, err
		}
	}
	return handle(q)
}

func firstSegment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// request is a request being processed.
type request struct {
	*state
	server     *Server
	method     string
	args       []string // values of the placeholders in the route
	query      url.Values
	header     http.Header
	body       []byte
	attributes attributes   // body of a POST or PUT
	caller     *permissions // nil if the request needs no authentication
}

// parseBody decodes the JSON body of a POST or PUT.
func (q *request) parseBody() (err error) {
	kind, _, err := mime.ParseMediaType(q.header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return newAPIError(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	if q.attributes, err = parseAttributes(q.body); err != nil {
		return newAPIError(http.StatusBadRequest, "Badly-formed JSON")
	}
	return nil
}

// flag reports whether a query parameter is "true", in any letter case: some clients send "True".
func (q *request) flag(name string) bool { return strings.EqualFold(q.query.Get(name), "true") }

func (q *request) overview() bool { return q.query.Get("view") == "overview" }

// response is the result of a handler. The body is sent as text if it is a string and as JSON
// otherwise; nil means no body.
type response struct {
	status int
	body   any
	header http.Header
}

func okResponse(body any) (response, error) { return response{status: http.StatusOK, body: body}, nil }

func acceptedResponse(body any) (response, error) {
	return response{status: http.StatusAccepted, body: body}, nil
}

// createdResponse returns a response to a POST for which the service's documentation specifies no
// status.
func (q *request) createdResponse(body any) (response, error) {
	return response{status: q.server.settings.postStatus, body: body}, nil
}

var noContent = response{status: http.StatusNoContent}

// apiError is an error response.
type apiError struct {
	status int
	body   any
}

func (r *apiError) Error() string { return http.StatusText(r.status) }

func newAPIError(status int, text string) error { return &apiError{status, text} }

// invalidAttribute returns a validation error for a single attribute.
func invalidAttribute(attribute, message string) error {
	return &apiError{http.StatusBadRequest, validationErrors{attribute: []string{message}}}
}

var (
	errUnauthorized = newAPIError(http.StatusUnauthorized, "Unauthorized")
	errForbidden    = newAPIError(http.StatusForbidden, "Forbidden")
	errNotFound     = newAPIError(http.StatusNotFound, "Not found")
)
