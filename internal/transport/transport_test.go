package transport

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewReturnsSeparateTransports(t *testing.T) {
	a, b := New(), New()
	assert.NotSame(t, a, b)
	assert.NotSame(t, a.TLSClientConfig, b.TLSClientConfig)
	assert.Equal(t, uint16(tls.VersionTLS12), a.TLSClientConfig.MinVersion)
	assert.True(t, a.ForceAttemptHTTP2)
	assert.GreaterOrEqual(t, a.MaxIdleConnsPerHost, 100, "idle connections for 100 goroutines that call one host")
	assert.Equal(t, 15*time.Second, a.IdleConnTimeout)
	assert.NotNil(t, a.Proxy)
	assert.Less(t, a.HTTP2.SendPingTimeout+a.HTTP2.PingTimeout, 30*time.Second, "until a peer that has vanished is noticed")
	assert.Positive(t, a.HTTP2.SendPingTimeout)
}

func TestNewClientKeepsTheSettingsOfItsTemplate(t *testing.T) {
	base := New()
	template := &http.Client{Timeout: time.Minute, Transport: New()}
	client := NewClient(template, base, Timeouts{})
	assert.Equal(t, time.Minute, client.Timeout)
	assert.Same(t, base, client.Transport.(*timeoutTransport).base)
	assert.NotNil(t, client.CheckRedirect)
	assert.Nil(t, template.CheckRedirect, "the template is not modified")
	assert.IsType(t, &http.Transport{}, template.Transport, "the template is not modified")
	assert.Zero(t, NewClient(nil, base, Timeouts{}).Timeout)
}

// The connections may be shared with other clients, and retryablehttp closes idle connections whenever a call fails.
func TestClientDoesNotCloseIdleConnections(t *testing.T) {
	client := NewClient(nil, New(), Timeouts{})
	_, ok := client.Transport.(interface{ CloseIdleConnections() })
	assert.False(t, ok)
}

func TestCheckRedirect(t *testing.T) {
	via := func(n int, method, rawURL string) []*http.Request {
		u, err := url.Parse(rawURL)
		require.NoError(t, err)
		requests := make([]*http.Request, n)
		for i := range requests {
			requests[i] = &http.Request{Method: method, URL: u}
		}
		return requests
	}
	const origin = "https://api.example/accounts"
	for _, row := range []struct {
		name, to string
		via      []*http.Request
		want     string // part of the error's text; empty if the redirect is followed
	}{
		{"the same origin", "https://api.example/elsewhere?x=y", via(1, "GET", origin), ""},
		{"the default port", "https://api.example:443/elsewhere", via(1, "GET", origin), ""},
		{"the default port left out", "https://api.example/elsewhere", via(1, "GET", "https://api.example:443/"), ""},
		{"the default port of http", "http://api.example:80/elsewhere", via(1, "GET", "http://api.example/"), ""},
		{"other letter case", "HTTPS://API.Example/elsewhere", via(1, "GET", origin), ""},
		{"the default port of the other scheme", "https://api.example:80/", via(1, "GET", origin), "another origin"},
		{"HEAD", "https://api.example/elsewhere", via(1, "HEAD", origin), ""},
		{"the ninth redirect", "https://api.example/9", via(9, "GET", origin), ""},
		{"the tenth redirect", "https://api.example/10", via(10, "GET", origin), "stopped after 10 redirects: check the base URL"},
		{"POST", "https://api.example/s3cret", via(1, "POST", origin), "the response to a POST redirects to https://api.example"},
		{"PUT", "https://api.example/", via(1, "PUT", origin), "the response to a PUT"},
		{"DELETE", "https://api.example/", via(1, "DELETE", origin), "the response to a DELETE"},
		{"another host", "https://evil.example/s3cret", via(1, "GET", origin), "another origin than https://api.example"},
		{"another port", "https://api.example:444/", via(1, "GET", origin), "another origin"},
		{"another scheme", "http://api.example/", via(1, "GET", origin), "another origin"},
		{"neither http nor https", "mailto:s3cret@evil.example", via(1, "GET", origin), "to a URL that is not http or https"},
		{"another origin after the same", "https://evil.example/", via(3, "GET", origin), "another origin"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := checkRedirect(&http.Request{URL: via(1, "GET", row.to)[0].URL}, row.via)
			if row.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, ErrRedirect)
			assert.ErrorContains(t, err, row.want)
			assert.NotContains(t, err.Error(), "s3cret", "the rest of the URL may be secret")
		})
	}
}

// A redirect within the origin is followed, and one that leaves it ends in an error before anything is sent there.
func TestClientFollowsRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect to another origin was followed")
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/within":
			http.Redirect(w, r, "/target", http.StatusFound)
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/malformed":
			w.Header().Set("Location", "http://[s3cret")
			w.WriteHeader(http.StatusFound)
		default:
			fmt.Fprint(w, "found")
		}
	}))
	defer server.Close()
	base := New()
	defer base.CloseIdleConnections()
	client := NewClient(nil, base, Timeouts{Header: time.Minute, Idle: time.Minute})

	resp, err := client.Get(server.URL + "/within")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "found", string(body))

	_, err = client.Get(server.URL + "/away")
	assert.ErrorIs(t, err, ErrRedirect)

	_, err = client.Post(server.URL+"/within", "text/plain", strings.NewReader("x"))
	assert.ErrorIs(t, err, ErrRedirect)

	resp, err = client.Get(server.URL + "/malformed")
	require.NoError(t, err, "http.Client would print the Location")
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusFound, resp.StatusCode)
}

func TestOrigin(t *testing.T) {
	for rawURL, want := range map[string]string{
		"https://user:s3cret@api.example:8443/path?query#fragment": "https://api.example:8443",
		"http://api.example": "http://api.example",
		"ftp://api.example":  "a URL that is not http or https",
		"/path":              "a URL that is not http or https",
	} {
		u, err := url.Parse(rawURL)
		require.NoError(t, err)
		assert.Equal(t, want, Origin(u), rawURL)
	}
}
