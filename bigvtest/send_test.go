package bigvtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

// response is a response with its body read.
type response struct {
	status      int
	contentType string
	body        string
	header      http.Header
}

// object decodes the body as a JSON object.
func (a response) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &object), a.body)
	return object
}

// list decodes the body as a JSON list of objects.
func (a response) list(t *testing.T) []map[string]any {
	t.Helper()
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &list), a.body)
	return list
}

// values returns one member of each object in the body.
func (a response) values(t *testing.T, key string) []any {
	t.Helper()
	members := []any{}
	for _, object := range a.list(t) {
		members = append(members, object[key])
	}
	return members
}

// send sends a request such as "GET /accounts" with a bearer token, or without one if it is "".
func send(t *testing.T, srv *bigvtest.Server, token, request, body string) response {
	t.Helper()
	client := srv.HTTPClient()
	defer client.CloseIdleConnections()
	a, err := sendWith(t, client, srv.URL(), token, request, body)
	require.NoError(t, err)
	return a
}

func sendWith(t *testing.T, client *http.Client, address, token, request, body string) (a response, err error) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusBadRequest && resp.Header.Get("Content-Type") == "application/json" {
		checkErrorShape(t, string(read))
	}
	return response{resp.StatusCode, resp.Header.Get("Content-Type"), string(read), resp.Header}, err
}

const (
	inWeb  = "/accounts/acme/groups/web"
	onWWW1 = inWeb + "/virtual_machines/www1"
)

// createWWW1 is the body of a vm_create request.
const createWWW1 = `{"virtual_machine":{"name":"www1","autoreboot_on":true},"discs":[{"label":"root","size":25600}],
	"reimage":{"distribution":"jessie","root_password":"s3cretpass"}}`
