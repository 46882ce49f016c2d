package bigv_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exchange is a request as it was on the wire.
type exchange struct {
	method, path, query, body string
	header                    http.Header
}

// recorder answers every request alike, or as answers say by "METHOD path", and
// remembers what it was sent.
type recorder struct {
	mu       sync.Mutex
	requests []exchange
	answers  map[string]string
	status   int
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, exchange{req.Method, req.URL.EscapedPath(), req.URL.RawQuery, string(body), req.Header.Clone()})
	answer, ok := r.answers[req.Method+" "+req.URL.EscapedPath()]
	if !ok {
		answer = "{}"
		if req.Method == http.MethodGet {
			answer = `{"id":1}`
		}
		if req.Method == http.MethodGet && collections[path.Base(req.URL.Path)] {
			answer = `[]`
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = io.WriteString(w, answer)
}

// collections are what a GET answers with a list.
var collections = map[string]bool{
	"accounts": true, "groups": true, "virtual_machines": true, "discs": true, "nics": true, "users": true, "privileges": true,
	"backups": true, "api_keys": true, "definitions": true,
}

// newRecorder starts a recorder and makes a client of it.
func newRecorder(t *testing.T, answers map[string]string, opts ...bigv.Option) (*recorder, *bigv.Client) {
	t.Helper()
	rec := &recorder{answers: answers}
	srv := httptest.NewServer(rec)
	t.Cleanup(srv.Close)
	client, err := bigv.NewClient(append([]bigv.Option{bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return rec, client
}

var (
	acme = bigv.AccountPath("acme")
	web  = acme.Group("web")
	www1 = web.VirtualMachine("www1")
	root = www1.Disc("root")
)

const (
	webURL  = "/accounts/acme/groups/web"
	www1URL = webURL + "/virtual_machines/www1"
)

// wireRow is one call and what must be on the wire for it, each request as
// "METHOD path?query body".
type wireRow struct {
	// name begins with the service and the method: "Groups.Get of an ID alone".
	name    string
	opts    []bigv.Option
	answers map[string]string
	call    func(context.Context, *bigv.Client) error
	want    []string
}

func (e exchange) String() string {
	text := e.method + " " + e.path
	if e.query != "" {
		text += "?" + e.query
	}
	if e.body != "" {
		text += " " + e.body
	}
	return text
}

// runWire runs rows, and holds every request against what all have in common.
func runWire(t *testing.T, rows []wireRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			rec, client := newRecorder(t, row.answers, row.opts...)
			require.NoError(t, row.call(t.Context(), client))
			var sent []string
			for _, request := range rec.requests {
				sent = append(sent, request.String())
				assert.Equal(t, "application/json", request.header.Get("Accept"))
				assert.Equal(t, "application/json", request.header.Get("Content-Type"))
				assert.Equal(t, "Bearer t0ken", request.header.Get("Authorization"))
				assert.Equal(t, "bigv-go/"+bigv.Version, request.header.Get("User-Agent"))
			}
			assert.Equal(t, row.want, sent)
		})
	}
}

// requireRows fails for an exported method of a service that no row is named
// after.
func requireRows(t *testing.T, service string, example any, rows []wireRow, elsewhere ...string) {
	t.Helper()
	seen := map[string]bool{}
	for _, row := range rows {
		method, _, _ := strings.Cut(row.name, " ")
		seen[method] = true
	}
	for _, method := range elsewhere {
		seen[service+"."+method] = true
	}
	kind := reflect.TypeOf(example)
	for i := range kind.NumMethod() {
		assert.True(t, seen[service+"."+kind.Method(i).Name], "no row for %s.%s", service, kind.Method(i).Name)
	}
}

// just drops the value of a call.
func just[T any](_ T, err error) error { return err }

// each drains what All hands out.
func each[T any](seq func(func(T, error) bool)) (err error) {
	for _, err = range seq {
		if err != nil {
			break
		}
	}
	return err
}

// flat and acmeDefault are options that rows share.
var (
	flat        = []bigv.Option{bigv.WithURLStyle(bigv.FlatURLs)}
	acmeDefault = []bigv.Option{bigv.WithAccount("acme")}
)

// What the parents of IDs are looked up by.
const (
	vm5012  = `{"id":5012,"group_id":78,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","power_on":true}`
	disc900 = `{"id":900,"label":"root","virtual_machine_id":5012,"size":25600}`
)

var parents = map[string]string{
	"GET /virtual_machines/5012": vm5012,
	"GET /discs/900":             disc900,
	"GET /groups/78":             `{"id":78,"account_id":41,"name":"web"}`,
}
