package retry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hangUp closes the connection of a request without a response.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// A transport may send requests of its own under the context of a request, such as to fetch a token. What happens to them says nothing
// about the request.
func TestTransportThatFetchesAToken(t *testing.T) {
	for _, row := range []struct {
		name   string
		tokens http.HandlerFunc
	}{
		{"that is refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }},
		{"whose response is lost", hangUp},
		{"whose response is cut short", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "t0k")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			tokens := httptest.NewServer(row.tokens)
			defer tokens.Close()
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
			defer server.Close()
			base := transport.New()
			defer base.CloseIdleConnections()
			client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
				fetch, err := http.NewRequestWithContext(r.Context(), http.MethodPost, tokens.URL, strings.NewReader("grant_type=x"))
				require.NoError(t, err)
				resp, err := base.RoundTrip(fetch)
				if err != nil {
					return nil, err
				}
				defer resp.Body.Close()
				if token, err := io.ReadAll(resp.Body); err != nil || len(token) == 0 {
					return nil, errors.Join(errors.New("no token"), err)
				}
				return base.RoundTrip(r)
			}), quick)
			for _, idempotency := range []Idempotency{Idempotent, NonIdempotent} {
				resp, err := do(t.Context(), client, newTestRequest(t, server.URL, idempotency))
				assert.Error(t, err)
				assert.False(t, resp.OutcomeUnknown)
				assert.Equal(t, quick.MaxAttempts, resp.Attempts)
			}
			assert.Zero(t, requests.Load())
		})
	}
}

// With digest authentication, a transport sends the request, gets a 401, and sends it again.
func TestTransportThatSendsTwoRequests(t *testing.T) {
	var requests atomic.Int64
	var second http.HandlerFunc
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		if requests.Add(1); r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		second(w, r)
	}))
	defer server.Close()
	base := transport.New()
	defer base.CloseIdleConnections()
	client := newTestClient(roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		send := func(authorization string) (*http.Response, error) {
			again := r.Clone(r.Context())
			again.Body = io.NopCloser(strings.NewReader(string(body)))
			again.Header.Set("Authorization", authorization)
			return base.RoundTrip(again)
		}
		resp, err := send("")
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		return send("Digest x")
	}), quick)
	for _, row := range []struct {
		name    string
		second  http.HandlerFunc
		unknown bool
	}{
		{"the second succeeds", func(http.ResponseWriter, *http.Request) {}, false},
		{"the second is not found", http.NotFound, false},
		{"the response to the second is lost", hangUp, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			requests.Store(0)
			second = row.second
			resp, err := do(t.Context(), client, newTestRequest(t, server.URL, NonIdempotent))
			assert.Equal(t, row.unknown, err != nil, "%v", err)
			assert.Equal(t, row.unknown, resp.OutcomeUnknown)
			assert.EqualValues(t, 2, requests.Load())
		})
	}
}

// A body that is refused after the attempt cannot be sent in the background.
func TestRefusedBody(t *testing.T) {
	var state bodyState
	state.state.Store(bodyUnread)
	body := &requestBody{Reader: *bytes.NewReader([]byte("{}")), state: &state}
	assert.True(t, state.refuse())
	assert.True(t, state.refuse())
	_, err := body.Read(make([]byte, 2))
	assert.ErrorIs(t, err, errAttemptEnded)
	_, err = body.WriteTo(io.Discard)
	assert.ErrorIs(t, err, errAttemptEnded)

	state.state.Store(bodyUnread)
	body = &requestBody{Reader: *bytes.NewReader([]byte("{}")), state: &state}
	n, err := body.WriteTo(io.Discard)
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
	assert.False(t, state.refuse())

	var none bodyState
	assert.False(t, none.refuse())
}

// http.Client adds the cookies of its jar to the header of each request.
func TestCookiesAreSentOnce(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	var cookies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, strings.Join(r.Header["Cookie"], "|"))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	base := transport.New()
	defer base.CloseIdleConnections()
	client := NewClient(transport.NewClient(&http.Client{Jar: jar}, base, transport.Timeouts{Header: time.Minute, Idle: time.Minute}),
		quick, 1<<20)
	req := newTestRequest(t, server.URL, Idempotent)
	for range 2 {
		_, err = do(t.Context(), client, req)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"", "a=1", "a=1", "a=1", "a=1", "a=1"}, cookies)
	assert.Empty(t, req.Header["Cookie"], "the header of the caller is not changed")
}

// A transport must not change a request, but some do. Neither the next attempt nor http.Client depends on it.
func TestTransportThatChangesTheRequest(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(r *http.Request)
		want   []string // host, path and cookie of each request
	}{
		{"nothing", func(*http.Request) {}, []string{"api.example / a=1", "api.example / a=1", "api.example /moved a=1"}},
		{"the context", func(r *http.Request) { *r = *r.WithContext(context.Background()) },
			[]string{"api.example / a=1", "api.example / a=1", "api.example /moved a=1"}},
		{"the path", func(r *http.Request) { r.URL = r.URL.JoinPath("x") },
			[]string{"api.example /x a=1", "api.example /x a=1", "api.example /moved/x a=1"}},
		{"the host", func(r *http.Request) { r.Host = "other.example" },
			[]string{"other.example / a=1", "other.example / a=1", "other.example /moved a=1"}},
		{"a value of the header", func(r *http.Request) { r.Header["Accept"][0] = "text/html" },
			[]string{"api.example / a=1", "api.example / a=1", "api.example /moved a=1"}},
		{"the header", func(r *http.Request) { r.Header = http.Header{"Cookie": {"b=2"}} },
			[]string{"api.example / b=2", "api.example / b=2", "api.example /moved b=2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = append(got, r.Host+" "+r.URL.Path+" "+strings.Join(r.Header["Cookie"], "|"))
				switch len(got) {
				case 1:
					w.WriteHeader(http.StatusServiceUnavailable)
				case 2:
					http.Redirect(w, r, "http://api.example/moved", http.StatusFound)
				}
			}))
			defer server.Close()
			base := transport.New()
			defer base.CloseIdleConnections()
			custom := roundTripper(func(r *http.Request) (*http.Response, error) {
				row.change(r)
				r.URL.Host = strings.TrimPrefix(server.URL, "http://")
				return base.RoundTrip(r)
			})
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			jar.SetCookies(&url.URL{Scheme: "http", Host: "api.example"}, []*http.Cookie{{Name: "a", Value: "1", Path: "/"}})
			client := NewClient(transport.NewClient(&http.Client{Jar: jar}, custom,
				transport.Timeouts{Header: time.Minute, Idle: time.Minute}), quick, 1<<20)
			req := newTestRequest(t, "http://api.example/", Safe)
			req.Header = http.Header{"Accept": {"application/json"}}
			resp, err := do(t.Context(), client, req)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Equal(t, row.want, got)
			assert.Equal(t, http.Header{"Accept": {"application/json"}}, req.Header)
			assert.Equal(t, "http://api.example/", req.URL.String())
		})
	}
}
