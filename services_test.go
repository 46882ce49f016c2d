package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serviceRow is one call: what the service answers, every request that must
// have reached it, in order, and what the call must end in.
type serviceRow struct {
	name    string
	opts    []bigv.Option
	answers map[string]string // by "METHOD /path", as parseAnswer reads them; 404 for others
	call    func(context.Context, *bigv.Client) (any, error)
	sent    []string // "METHOD /path?query body"
	want    any
	wantErr []any // an error for errors.Is, a string that the message holds, or both
}

// answer is what a desk says to one request.
type answer struct {
	status int
	body   string
}

// parseAnswer reads "body", "201 body" and "@file", a file of testdata.
func parseAnswer(t *testing.T, text string) answer {
	a := answer{http.StatusOK, text}
	if status, body, ok := strings.Cut(text, " "); ok && len(status) == 3 {
		if code, err := strconv.Atoi(status); err == nil {
			a = answer{code, body}
		}
	}
	if file, ok := strings.CutPrefix(a.body, "@"); ok {
		content, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		a.body = string(content)
	}
	return a
}

// desk answers as it was told to, and remembers what it was asked.
type desk struct {
	answers map[string]answer

	mu       sync.Mutex
	requests []string
	headers  []http.Header
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	request := r.Method + " " + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		request += "?" + r.URL.RawQuery
	}
	if len(body) > 0 {
		request += " " + string(body)
	}
	d.mu.Lock()
	d.requests = append(d.requests, request)
	d.headers = append(d.headers, r.Header.Clone())
	d.mu.Unlock()
	said, ok := d.answers[r.Method+" "+r.URL.EscapedPath()]
	if !ok {
		said = answer{http.StatusNotFound, "no such thing"}
	}
	w.Header().Set("Content-Type", "application/vnd.bigv.thing+json")
	w.WriteHeader(said.status)
	_, _ = io.WriteString(w, said.body)
}

// newDesk starts a desk and makes a client of it, which tries twice.
func newDesk(t *testing.T, answers map[string]string, opts ...bigv.Option) (*desk, *bigv.Client) {
	t.Helper()
	d := &desk{answers: map[string]answer{}}
	for request, text := range answers {
		d.answers[request] = parseAnswer(t, text)
	}
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	client, err := bigv.NewClient(append([]bigv.Option{
		bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken"), bigv.WithAccount("acme"),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 2, MinWait: time.Nanosecond, MaxWait: time.Nanosecond}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return d, client
}

// runServiceRows runs rows of a service of the API, whose requests all carry the
// API's headers.
func runServiceRows(t *testing.T, rows []serviceRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d, client := newDesk(t, row.answers, row.opts...)
			got, err := row.call(t.Context(), client)
			checkOutcome(t, row, d, got, err)
			for _, header := range d.headers {
				assert.Equal(t, "application/json", header.Get("Accept"))
				assert.Equal(t, "application/json", header.Get("Content-Type"))
				assert.Equal(t, "Bearer t0ken", header.Get("Authorization"))
				assert.Equal(t, "bigv-go/"+bigv.Version, header.Get("User-Agent"))
			}
		})
	}
}

func checkOutcome(t *testing.T, row serviceRow, d *desk, got any, err error) {
	t.Helper()
	assert.Equal(t, row.sent, d.requests)
	if row.wantErr == nil {
		require.NoError(t, err)
	} else {
		require.Error(t, err)
	}
	for _, want := range row.wantErr {
		switch want := want.(type) {
		case error:
			assert.ErrorIs(t, err, want)
		case string:
			assert.ErrorContains(t, err, want)
		default:
			assert.Fail(t, "an expected error must be an error or a string", "%T", want)
		}
	}
	if row.wantErr == nil || row.want != nil {
		assert.Equal(t, row.want, got)
	}
}

// none is the call of a method that returns an error alone.
func none(call func(context.Context, *bigv.Client) error) func(context.Context, *bigv.Client) (any, error) {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, call(ctx, c) }
}

// What a machine by ID is asked for to find its parents.
const (
	askMachine    = "GET /virtual_machines/5012?include_deleted=true"
	nestedMachine = "/accounts/acme/groups/77/virtual_machines/5012"
)

// machineAnswers are the answers to those questions, and more.
func machineAnswers(more map[string]string) map[string]string {
	answers := map[string]string{
		"GET /virtual_machines/5012": `{"id":5012,"group_id":77,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"}`,
		"GET /virtual_machines": `[{"id":5012,"group_id":77,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"},
			{"id":5013,"group_id":77,"name":"www2","hostname":"www2.web.acme.uk0.bigv.io"}]`,
		"GET " + www1URL:  `{"id":5012,"group_id":77,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"}`,
		"GET /discs/9001": `{"id":9001,"label":"root","virtual_machine_id":5012}`,
		"GET /discs":      `[{"id":9001,"label":"root","virtual_machine_id":5012}]`,
	}
	for request, text := range more {
		answers[request] = text
	}
	return answers
}

// errEnough ends a context when a test has seen enough.
var errEnough = errors.New("enough")

// noAccount is a client without a default account.
func noAccount(t *testing.T) *bigv.Client {
	t.Helper()
	client, err := bigv.NewClient(bigv.WithToken("t0ken"), bigv.WithBaseURL("http://127.0.0.1:1"))
	require.NoError(t, err)
	return client
}

// secretsIn fails the test if the text of an error, at any depth, holds a secret.
func secretsIn(t *testing.T, err error, secrets ...string) {
	t.Helper()
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, secret := range secrets {
				assert.NotContains(t, text, secret)
			}
		}
		switch wrapped := err.(type) {
		case interface{ Unwrap() error }:
			walk(wrapped.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range wrapped.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
}
