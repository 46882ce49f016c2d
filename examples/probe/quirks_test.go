package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// reply is a response that a quirk can change.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// quirk makes a server behave in another way.
type quirk struct {
	request  func(r *http.Request, body []byte) []byte // changes the request; returns its body
	response func(r *http.Request, a *reply)           // changes the response
	server   func(ts *httptest.Server)
	probe    func(p *probe)
}

// newQuirkyProbe returns a probe of an in-memory server, with the quirk in front of it. The machine that it creates is
// provisioned after the first read.
func newQuirkyProbe(t *testing.T, srv *bigvtest.Server, q quirk) *probe {
	require.NoError(t, seed(t.Context(), srv, srv.Client()))
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if q.request != nil {
			body = q.request(r, body)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorded := httptest.NewRecorder()
		srv.ServeHTTP(recorded, r)
		a := &reply{recorded.Code, recorded.Header(), recorded.Body.Bytes()}
		if q.response != nil {
			q.response(r, a)
		}
		a.header.Del("Content-Length")
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	}))
	ts.EnableHTTP2 = true
	if q.server != nil {
		q.server(ts)
	}
	ts.StartTLS()
	t.Cleanup(ts.Close)
	base := ts.Client().Transport.(*http.Transport)
	t.Cleanup(base.CloseIdleConnections)
	client, err := bigv.NewClient(append(srv.ClientOptions(), bigv.WithBaseURL(ts.URL), bigv.WithAuthURL(ts.URL))...)
	require.NoError(t, err)
	p, err := newProbe(client, base)
	require.NoError(t, err)
	p.write, p.idle = true, 1
	p.wait.OnPoll = func(bigv.Poll) { srv.Advance(bigvtest.ProvisioningTime) }
	p.wait.MinInterval, p.wait.MaxInterval = 1, 2
	if q.probe != nil {
		q.probe(p)
	}
	return p
}

// on returns a quirk of the responses to requests that match, as method, path and query.
func on(pattern string, change func(*reply)) quirk {
	re := regexp.MustCompile(pattern)
	return quirk{response: func(r *http.Request, a *reply) {
		if re.MatchString(r.Method + " " + r.URL.RequestURI()) {
			change(a)
		}
	}}
}

// sent returns a quirk of requests that match, which are changed before the server gets them.
func sent(pattern string, change func(r *http.Request, body object)) quirk {
	re := regexp.MustCompile(pattern)
	return quirk{request: func(r *http.Request, body []byte) []byte {
		if !re.MatchString(r.Method + " " + r.URL.RequestURI()) {
			return body
		}
		var o object
		_ = json.Unmarshal(body, &o)
		change(r, o)
		if o == nil {
			return body
		}
		encoded, _ := json.Marshal(o)
		return encoded
	}}
}

// query returns a quirk that changes the query of requests that match.
func query(pattern string, change func(url.Values)) quirk {
	return sent(pattern, func(r *http.Request, _ object) {
		values := r.URL.Query()
		change(values)
		r.URL.RawQuery = values.Encode()
	})
}

func without(names ...string) func(url.Values) {
	return func(values url.Values) {
		for _, name := range names {
			values.Del(name)
		}
	}
}

// Changes of responses.

func status(n int) func(*reply) { return func(a *reply) { a.status = n } }

func header(name, value string) func(*reply) { return func(a *reply) { a.header.Set(name, value) } }

func page(a *reply) {
	a.header.Set("Content-Type", "text/html")
	a.body = []byte("<html><body>Not here</body></html>")
}

// plain replaces the response.
func plain(n int, text string) func(*reply) {
	return func(a *reply) {
		a.status, a.body = n, []byte(text)
		a.header.Set("Content-Type", "application/json")
	}
}

// edit changes the JSON of a response.
func edit(change func(any) any) func(*reply) {
	return func(a *reply) {
		var value any
		decoder := json.NewDecoder(bytes.NewReader(a.body))
		decoder.UseNumber()
		if decoder.Decode(&value) == nil {
			a.body, _ = json.Marshal(change(value))
		}
	}
}

// set sets a member of every object that has it, at any depth.
func set(name string, value any) func(*reply) {
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, element := range v {
				walk(element)
			}
		case map[string]any:
			if _, present := v[name]; present {
				v[name] = value
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	return edit(func(v any) any { walk(v); return v })
}

// add sets a member of the object at the top, or of all objects of a list.
func add(name string, value any) func(*reply) {
	return edit(func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			v[name] = value
		case []any:
			for _, element := range v {
				element.(map[string]any)[name] = value
			}
		}
		return v
	})
}

// lastRemoved removes the last element of a list.
var lastRemoved = edit(func(v any) any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list[:len(list)-1]
	}
	return v
})

// reversed reverses a list.
var reversed = edit(func(v any) any {
	list, _ := v.([]any)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return v
})

// noLists removes embedded lists.
var noLists = edit(func(v any) any {
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, element := range v {
				walk(element)
			}
		case map[string]any:
			for _, name := range []string{"discs", "network_interfaces"} {
				delete(v, name)
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(v)
	return v
})

func hasText(text string) func(*reply) bool {
	return func(a *reply) bool { return strings.Contains(string(a.body), text) }
}

// only returns a change that applies if the condition holds.
func only(condition func(*reply) bool, change func(*reply)) func(*reply) {
	return func(a *reply) {
		if condition(a) {
			change(a)
		}
	}
}

func hasStatus(n int) func(*reply) bool { return func(a *reply) bool { return a.status == n } }
