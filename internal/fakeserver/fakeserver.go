// Package fakeserver provides HTTP servers on loopback for tests.
//
// A Server records every request exactly as it arrived and passes it to a handler. Handlers are ordinary http.HandlerFuncs; this
// package has those that most tests need: Respond (always the same response), Table (responses by method and path), Service
// (the responses of a well-behaved service) and Auth (logins and sessions). Only tests use it, and it does not import bigv.
package fakeserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Request is a request as it arrived.
type Request struct {
	Method string
	Path   string // as escaped by the client
	Query  string // as encoded by the client
	Body   string
	Header http.Header
}

// String returns the request as "METHOD path?query body", without the question mark or the body if there is none.
func (r Request) String() string {
	text := r.Method + " " + r.Path
	if r.Query != "" {
		text += "?" + r.Query
	}
	if r.Body != "" {
		text += " " + r.Body
	}
	return text
}

// Strings returns the decoded strings that the request carries: the segments of its path, the credential of its Authorization
// header, and the strings of its body if that is JSON. A handler that echoes what it was sent is built on it.
func (r Request) Strings() []string {
	var all []string
	for segment := range strings.SplitSeq(r.Path, "/") {
		if text, err := url.PathUnescape(segment); err == nil && text != "" {
			all = append(all, text)
		}
	}
	if _, credential, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		all = append(all, credential)
	}
	var body any
	if json.Unmarshal([]byte(r.Body), &body) == nil {
		all = appendStrings(all, body)
	}
	return all
}

// appendStrings appends the strings of a JSON value, without the names of members.
func appendStrings(all []string, value any) []string {
	switch value := value.(type) {
	case string:
		all = append(all, value)
	case []any:
		for _, element := range value {
			all = appendStrings(all, element)
		}
	case map[string]any:
		for _, member := range value {
			all = appendStrings(all, member)
		}
	}
	return all
}

// Server records requests and passes them to a handler.
type Server struct {
	url     string
	client  *http.Client
	handler http.HandlerFunc

	mu       sync.Mutex
	requests []Request
}

// New starts a server of HTTP/1.1, which is closed when the test ends. A nil handler is Service.
func New(t testing.TB, handler http.HandlerFunc) *Server {
	t.Helper()
	s := newServer(handler)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	s.url, s.client = listener.URL, listener.Client()
	return s
}

func newServer(handler http.HandlerFunc) *Server {
	if handler == nil {
		handler = Service
	}
	return &Server{handler: handler}
}

// URL returns the base URL of the server, without a slash at its end.
func (s *Server) URL() string { return s.url }

// HTTPClient returns an HTTP client that trusts the server's certificate, if it has one.
func (s *Server) HTTPClient() *http.Client { return s.client }

// ServeHTTP records the request and passes it to the handler, with the body to be read again. The whole body is read before the
// handler is called; a test of what happens before that needs a server of its own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	s.requests = append(s.requests, Request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Clone()})
	s.mu.Unlock()
	s.handler(w, r)
}

// Requests returns the requests that have arrived since the start or the last Reset, in order. A handler that calls it finds
// the request that it is handling there too.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Sent returns Requests as strings: see Request.String. It returns nil if there were none.
func (s *Server) Sent() []string {
	var sent []string
	for _, request := range s.Requests() {
		sent = append(sent, request.String())
	}
	return sent
}

// Reset returns the requests like Requests and forgets them.
func (s *Server) Reset() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// Shared is one listening server that is shared by many tests. Each test gets a Server with a path prefix of its own, so that tests
// run in parallel, late requests of an earlier test arrive nowhere, and the cost of listening and of TLS handshakes is paid once.
type Shared struct {
	listener *httptest.Server
	count    atomic.Int64
	servers  sync.Map // *Server by the first segment of the path
}

// NewShared starts a server of HTTP/1.1, or of HTTP/2 with TLS, which is closed when the test ends.
func NewShared(t testing.TB, http2 bool) *Shared {
	t.Helper()
	s := &Shared{}
	s.listener = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if http2 {
		s.listener.EnableHTTP2 = true
		s.listener.StartTLS()
	} else {
		s.listener.Start()
	}
	t.Cleanup(s.listener.Close)
	return s
}

// New returns a server with a path prefix of its own. The prefix is part of its URL, and neither recorded nor seen by the handler.
// A nil handler is Service.
func (s *Shared) New(handler http.HandlerFunc) *Server {
	server := newServer(handler)
	prefix := strconv.FormatInt(s.count.Add(1), 10)
	server.url, server.client = s.listener.URL+"/"+prefix, s.listener.Client()
	s.servers.Store(prefix, server)
	return server
}

func (s *Shared) serve(w http.ResponseWriter, r *http.Request) {
	prefix, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	server, ok := s.servers.Load(prefix)
	if !ok {
		http.Error(w, "fakeserver: no server has this prefix", http.StatusTeapot)
		return
	}
	http.StripPrefix("/"+prefix, server.(*Server)).ServeHTTP(w, r)
}
