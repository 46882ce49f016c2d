// Package transport is the HTTP transport of the client: the default
// connection settings, the timeouts of one attempt, redirects, decompression and
// the size limits of responses. It knows nothing of retries.
package transport

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"
)

// maxIdleConns is how many idle connections to a host are kept.
const maxIdleConns = 128

// New returns a new HTTP transport with the client's default settings. They suit
// a program with about 100 goroutines and one host.
func New() *http.Transport {
	t := &http.Transport{
		MaxResponseHeaderBytes: 1 << 20, // the default of 10 MiB is much to read for an error
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            CountWrites((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext),
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    maxIdleConns,
		// The server may already have closed a connection that was idle for longer,
		// and a write sent on it would have an unknown outcome.
		IdleConnTimeout: 15 * time.Second,
		HTTP2: &http.HTTP2Config{
			// Data that arrives faster than the caller of a streamed list reads it is
			// buffered in memory, up to this much.
			MaxReceiveBufferPerStream: 1 << 20,
			// A peer that has vanished without closing the connection is noticed after
			// 25 seconds, and the calls after that use another connection.
			SendPingTimeout: 15 * time.Second,
			PingTimeout:     10 * time.Second,
		},
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
	if runtime.GOOS == "js" {
		t.DialContext = nil // with one, net/http does not use fetch, and a browser has no other network
	}
	return t
}

// NewClient returns an HTTP client that sends requests through base with these
// timeouts and follows redirects only within the same origin. It keeps the other
// settings of template, which may be nil and is not modified.
func NewClient(template *http.Client, base http.RoundTripper, timeouts Timeouts) *http.Client {
	client := &http.Client{}
	if template != nil {
		*client = *template
	}
	client.Transport = newTimeoutTransport(base, timeouts)
	client.CheckRedirect = checkRedirect
	return client
}

// ErrRedirect is wrapped by the error of a redirect that the client does not
// follow.
var ErrRedirect = errors.New("redirect refused")

// maxRedirects is the number of redirects in a row that are followed.
const maxRedirects = 10

// checkRedirect allows a GET to be redirected within the same origin. Any other
// redirect is refused: credentials are sent only to the configured origin, and a
// write is never repeated at another URL.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) >= maxRedirects:
		return fmt.Errorf("%w: stopped after %d redirects: check the base URL", ErrRedirect, maxRedirects)
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return refusedRedirect(first.Method, req.URL)
	case !sameOrigin(req.URL, first.URL):
		return fmt.Errorf("%w: to %s, another origin than %s: check the base URL", ErrRedirect, Origin(req.URL), Origin(first.URL))
	}
	return nil
}

// sameOrigin reports whether two URLs have the same origin (RFC 6454, section 5). The
// port may be left out if it is the default one.
func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// refusedRedirect returns the error of a write whose response redirects to another
// URL.
func refusedRedirect(method string, location *url.URL) error {
	return fmt.Errorf("%w: the response to a %s redirects to %s: check the base URL", ErrRedirect, method, Origin(location))
}

// RefusedRedirect returns the error of a response to a write that redirects, or nil
// if it does not redirect. http.Client returns some of these responses instead of
// calling CheckRedirect, because it cannot send the body again.
func RefusedRedirect(resp *http.Response) error {
	if resp.StatusCode < 300 || resp.StatusCode > 399 || resp.Header.Get("Location") == "" {
		return nil
	}
	location, err := resp.Location()
	if err != nil {
		return fmt.Errorf("%w: the response to a %s redirects", ErrRedirect, resp.Request.Method)
	}
	return refusedRedirect(resp.Request.Method, location)
}

// Origin returns the scheme and host of a URL, for error messages. The rest of a
// redirect's URL may repeat a secret in an encoding that is not recognized.
func Origin(u *url.URL) string {
	if u.Scheme != "http" && u.Scheme != "https" {
		return "a URL that is not http or https"
	}
	return u.Scheme + "://" + u.Host
}
