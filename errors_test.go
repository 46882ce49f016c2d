package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorsByStatus(t *testing.T) {
	kinds := []error{
		bigv.ErrBadRequest, bigv.ErrUnauthorized, bigv.ErrForbidden, bigv.ErrNotFound, bigv.ErrServer, bigv.ErrUnavailable, bigv.ErrRateLimited,
		bigv.ErrSessionExpired, bigv.ErrOutcomeUnknown, bigv.ErrAnswer, bigv.ErrIgnored, bigv.ErrRedirect, bigv.ErrTooLarge,
	}
	for _, row := range []struct {
		status int
		typed  func(error) bool
		kinds  []error
	}{
		{400, is[*bigv.BadRequestError], []error{bigv.ErrBadRequest}},
		{401, is[*bigv.UnauthorizedError], []error{bigv.ErrUnauthorized}},
		{403, is[*bigv.ForbiddenError], []error{bigv.ErrForbidden}},
		{404, is[*bigv.NotFoundError], []error{bigv.ErrNotFound}},
		{405, is[*bigv.Error], nil},
		{409, is[*bigv.Error], nil},
		{418, is[*bigv.Error], nil},
		{429, is[*bigv.Error], []error{bigv.ErrRateLimited}},
		{500, is[*bigv.ServerError], []error{bigv.ErrServer}},
		{501, is[*bigv.ServerError], []error{bigv.ErrServer}},
		{502, is[*bigv.ServerError], []error{bigv.ErrServer}},
		{503, is[*bigv.ServerError], []error{bigv.ErrServer, bigv.ErrUnavailable}},
		{504, is[*bigv.ServerError], []error{bigv.ErrServer}},
	} {
		t.Run(fmt.Sprint(row.status), func(t *testing.T) {
			t.Parallel()
			client := answersWith(t, row.status, "text/plain", "what the service said")
			_, err := client.VirtualMachines.Get(t.Context(), www1)
			assert.True(t, row.typed(err), "%T", err)
			for _, kind := range kinds {
				wanted := false
				for _, want := range row.kinds {
					wanted = wanted || want == kind
				}
				assert.Equal(t, wanted, errors.Is(err, kind), "errors.Is %v", kind)
			}
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, row.status, e.StatusCode)
			assert.Equal(t, "get virtual machine", e.Operation)
			assert.Equal(t, "www1.web.acme", e.Subject)
			assert.Equal(t, http.MethodGet, e.Method)
			assert.Equal(t, "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}", e.Route)
			assert.True(t, strings.HasSuffix(e.URL, www1URL), e.URL)
			assert.Equal(t, 1, e.Attempts)
			assert.Equal(t, "what the service said", e.Body)
		})
	}
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// The message alone tells what was being done, to what, what the service said,
// and what to try.
func TestMessages(t *testing.T) {
	get := func(ctx context.Context, c *bigv.Client) error { return just(c.VirtualMachines.Get(ctx, www1)) }
	start := func(ctx context.Context, c *bigv.Client) error { return just(c.VirtualMachines.Start(ctx, www1)) }
	reset := func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Reset(ctx, www1) }
	create := func(ctx context.Context, c *bigv.Client) error {
		return just(c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 50}}}))
	}
	for _, row := range []struct {
		name   string
		status int
		body   string
		call   func(context.Context, *bigv.Client) error
		want   string // without the address of the server
	}{
		{"bad attributes", 400, `{"memory":["is not included in the list","is not a number"],"discs":[{},{"size":["must be greater than or equal to 50"]}]}`, create,
			"bigv: create virtual machine www1.web.acme: 400 Bad Request: discs[1].size must be greater than or equal to 50; memory is not included in the list, is not a number [POST /accounts/acme/groups/web/vm_create]"},
		{"an action that is refused", 400, "Group is not empty\n", reset,
			"bigv: reset virtual machine www1.web.acme: 400 Bad Request: Group is not empty [POST " + www1URL + "/signal]"},
		{"a bad token", 401, "", get,
			"bigv: get virtual machine www1.web.acme: 401 Unauthorized; check the token or API key, or log in again: it is wrong, revoked or expired [GET " + www1URL + "]"},
		{"forbidden", 403, "", start,
			"bigv: start virtual machine www1.web.acme: 403 Forbidden; you can see it but may not do this: ask for a higher privilege on it [PUT " + www1URL + "]"},
		{"absent", 404, "Not found", get,
			`bigv: get virtual machine www1.web.acme: 404 Not Found: "Not found"; it does not exist, or you may not see it: check the name and whose credentials these are [GET ` + www1URL + "]"},
		{"too many", 429, "", reset,
			"bigv: reset virtual machine www1.web.acme: 429 Too Many Requests; it was not done: try again later, and less often [POST " + www1URL + "/signal]"},
		{"a mistake that the service answers with 500", 500, "bad cdrom_url", start,
			`bigv: start virtual machine www1.web.acme: 500 Internal Server Error: "bad cdrom_url"; it failed, as it does for some values that the service cannot use, such as a CD-ROM URL: check them, or try again later [PUT ` + www1URL + "]"},
		{"a write whose fate is unknown", 500, "", reset,
			"bigv: reset virtual machine www1.web.acme: 500 Internal Server Error; it may have been done, and may not: look before doing it again [POST " + www1URL + "/signal]"},
		{"unavailable", 503, "", reset,
			"bigv: reset virtual machine www1.web.acme: 503 Service Unavailable; it was not done: try again in a few seconds [POST " + www1URL + "/signal]"},
		{"a proxy's page", 502, "<html><body>Bad gateway</body></html>", get,
			"bigv: get virtual machine www1.web.acme: 502 Bad Gateway: the answer is a web page, perhaps of a proxy; the service cannot be reached at present: try again later [GET " + www1URL + "]"},
		{"what would make a mess of a terminal", 404, "\x1b[2J\x00gone\r\nfor good", get,
			`bigv: get virtual machine www1.web.acme: 404 Not Found: "�[2J�gone for good"; it does not exist, or you may not see it: check the name and whose credentials these are [GET ` + www1URL + "]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.call(t.Context(), answersWith(t, row.status, "text/plain", row.body))
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			host, _, _ := strings.Cut(strings.TrimPrefix(e.URL, "http://"), "/")
			assert.Equal(t, row.want, strings.Replace(err.Error(), "http://"+host, "", 1))
		})
	}
}

func TestFieldsOfABadRequest(t *testing.T) {
	for _, row := range []struct {
		name, body string
		want       map[string][]string
	}{
		{"a list of messages each", `{"name":["is invalid","is too short (minimum is 3 characters)"],"memory":["is not a number"]}`,
			map[string][]string{"name": {"is invalid", "is too short (minimum is 3 characters)"}, "memory": {"is not a number"}}},
		{"one message each", `{"interval_seconds":"Missing interval_seconds parameter"}`, map[string][]string{"interval_seconds": {"Missing interval_seconds parameter"}}},
		{"by position, and nothing of the good ones", `{"discs":[{},{"size":["must be greater than or equal to 50"]}]}`, map[string][]string{"discs[1].size": {"must be greater than or equal to 50"}}},
		{"nested objects", `{"virtual_machine":{"name":["is invalid"]}}`, map[string][]string{"virtual_machine.name": {"is invalid"}}},
		{"a list in a list", `{"discs":[[{"size":"bad"}]]}`, map[string][]string{"discs[0][0].size": {"bad"}}},
		{"what is no message is kept as it came", `{"memory":[512,true],"cores":null}`, map[string][]string{"memory": {"512", "true"}, "cores": {"null"}}},
		{"text", "Group is not empty", map[string][]string{"": {"Group is not empty"}}},
		{"a JSON text", `"Group is not empty"`, map[string][]string{"": {"Group is not empty"}}},
		{"a JSON list", `["one"]`, map[string][]string{"": {`["one"]`}}},
		{"cut in the middle", `{"name":["is inv`, map[string][]string{"": {`{"name":["is inv`}}},
		{"an attribute twice", `{"name":["a"],"name":["b"]}`, map[string][]string{"": {`{"name":["a"],"name":["b"]}`}}},
		{"empty", "", map[string][]string{}},
		{"null", "null", map[string][]string{"": {"null"}}},
		{"an empty object", "{}", map[string][]string{}},
		{"a web page", "<html></html>", map[string][]string{"": {"<html></html>"}}},
		{"nested without end", strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000), map[string][]string{"a.a.a.a.a.a.a.a.a": {strings.Repeat(`{"a":`, 1991) + "1" + strings.Repeat("}", 1991)}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			client := answersWith(t, 400, "application/json", row.body)
			err := client.Groups.Delete(t.Context(), web)
			bad, ok := errors.AsType[*bigv.BadRequestError](err)
			require.True(t, ok)
			assert.Equal(t, row.want, bad.Fields())
			for field, messages := range row.want {
				assert.Equal(t, messages, bad.Field(field))
			}
			assert.Nil(t, bad.Field("nothing"))
			assert.Less(t, len(err.Error()), 5000)
		})
	}
}

// What a service says back of a request's secrets is in no error.
func TestEchoedSecretsAreRemoved(t *testing.T) {
	for _, status := range []int{200, 400, 404, 500} {
		client := answersWith(t, status, "application/json", `{"root_password":["s3cr\"et is too short"],"token":"t0ken", "x": s3cr\"et`)
		_, err := client.VirtualMachines.Create(t.Context(), web, bigv.VirtualMachineCreate{
			Name: "www1", Discs: []bigv.DiscCreate{{Size: 50}}, Image: &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret(`s3cr"et`)},
		})
		require.Error(t, err)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok)
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), fmt.Sprintf("%+v %#v", e, *e), e.Body} {
			assert.NotContains(t, text, "s3cr")
			assert.NotContains(t, text, "t0ken")
		}
	}
}
