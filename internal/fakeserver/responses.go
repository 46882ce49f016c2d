package fakeserver

import (
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Responses maps requests to responses for Table.
//
// A key is "METHOD path", with the path as it is escaped on the wire and without the query, or "METHOD" alone, for the paths
// that no key names. A value is a body, or a status and a body: `{"id":1}`, `201 {"id":1}`, `404`. A body "@name" is the
// content of the file testdata/name. Sequence makes a value of several responses.
type Responses map[string]string

const separator = "\x00"

// Sequence returns a value for Responses whose responses are sent one after the other, and the last one from then on.
func Sequence(responses ...string) string { return strings.Join(responses, separator) }

// Table returns a handler that responds from a table, and like Service where the table has no entry. It fails the test at once
// if a file that the table names cannot be read.
func Table(t testing.TB, responses Responses) http.HandlerFunc {
	t.Helper()
	entries := map[string][]response{}
	for request, text := range responses {
		for one := range strings.SplitSeq(text, separator) {
			entries[request] = append(entries[request], parseResponse(t, one))
		}
	}
	var mu sync.Mutex
	count := map[string]int{} // the responses sent, by the key of the table
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.Method + " " + r.URL.EscapedPath()
		if _, ok := entries[key]; !ok {
			key = r.Method
		}
		sequence, ok := entries[key]
		if !ok {
			Service(w, r)
			return
		}
		mu.Lock()
		next := sequence[min(count[key], len(sequence)-1)]
		count[key]++
		mu.Unlock()
		next.write(w)
	}
}

// Respond returns a handler that always sends the same response. Headers are names and values by turns.
func Respond(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for pair := range slices.Chunk(headers, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// What Service knows.
const (
	VirtualMachine5012 = `{"id":5012,"group_id":78,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","power_on":true}`
	Disc900            = `{"id":900,"label":"root","virtual_machine_id":5012,"size":25600}`
)

// Service responds like a well-behaved service: 204 to a DELETE, 201 and an object with the ID 1 to a POST, an
// empty list to a GET of a list, a session ID to a login, and otherwise an object with an ID: the last segment of the path if
// that is a number, or 1. It knows account 41 "acme", its group 78 "web", virtual machine 5012 "www1" in it, and disc 900 of that.
func Service(w http.ResponseWriter, r *http.Request) {
	serviceResponse(r.Method, r.URL.EscapedPath()).write(w)
}

func serviceResponse(method, escapedPath string) response {
	last := path.Base(escapedPath)
	switch {
	case method == http.MethodDelete:
		return response{status: http.StatusNoContent}
	case method == http.MethodPost && last == "session":
		return response{status: http.StatusOK, body: "s3ss10n"}
	case method == http.MethodPost:
		return response{status: http.StatusCreated, body: `{"id":1}`}
	case method == http.MethodGet && isList(last):
		return response{status: http.StatusOK, body: `[]`}
	}
	if body, ok := serviceObjects[method+" "+escapedPath]; ok {
		return response{status: http.StatusOK, body: body}
	}
	if id, err := strconv.Atoi(last); err == nil && id > 0 {
		return response{status: http.StatusOK, body: `{"id":` + strconv.Itoa(id) + `}`}
	}
	return response{status: http.StatusOK, body: `{"id":1}`}
}

var serviceObjects = map[string]string{
	"GET /accounts/acme":         `{"id":41,"name":"acme"}`,
	"GET /accounts/41":           `{"id":41,"name":"acme"}`,
	"GET /groups/78":             `{"id":78,"account_id":41,"name":"web"}`,
	"GET /virtual_machines/5012": VirtualMachine5012,
	"GET /discs/900":             Disc900,
}

// isList reports whether a GET of a path that ends in this segment is a list.
func isList(last string) bool {
	switch last {
	case "accounts", "groups", "virtual_machines", "discs", "backups", "nics", "users", "privileges", "api_keys", "definitions":
		return true
	}
	return false
}

// response is a parsed value of Responses.
type response struct {
	status int
	body   string
}

func parseResponse(t testing.TB, text string) response {
	t.Helper()
	parsed := response{http.StatusOK, text}
	digits, body, _ := strings.Cut(text, " ")
	if status, err := strconv.Atoi(digits); err == nil && len(digits) == 3 {
		parsed = response{status, body}
	}
	if name, ok := strings.CutPrefix(parsed.body, "@"); ok {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatalf("fakeserver: response %q: %v", text, err)
		}
		parsed.body = string(content)
	}
	return parsed
}

func (r response) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}
