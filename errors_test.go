package bigv_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds are all that errors.Is may be asked for.
var kinds = []error{
	bigv.ErrBadRequest, bigv.ErrUnauthorized, bigv.ErrForbidden, bigv.ErrNotFound, bigv.ErrServer, bigv.ErrUnavailable, bigv.ErrRateLimited,
	bigv.ErrNoCredential, bigv.ErrSessionExpired, bigv.ErrOutcomeUnknown, bigv.ErrInvalidResponse, bigv.ErrFilterIgnored, bigv.ErrRedirect, bigv.ErrTooLarge,
}

// assertKinds asserts what an error is, and that it is nothing else.
func assertKinds(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, kind := range kinds {
		assert.Equal(t, slices.Contains(want, kind), errors.Is(err, kind), "errors.Is %v", kind)
	}
	assert.NotErrorIs(t, err, nil)
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// typed are the types that errors.As tells apart, and what each is of.
var typed = map[string]func(error) bool{
	"400": is[*bigv.BadRequestError], "401": is[*bigv.UnauthorizedError], "403": is[*bigv.ForbiddenError], "404": is[*bigv.NotFoundError], "5xx": is[*bigv.ServerError],
}

func TestErrorsByStatus(t *testing.T) {
	const page = "<html><head><title>502 Bad Gateway</title></head></html>"
	for _, row := range []struct {
		status int
		body   string
		typed  string
		get    []error // what a GET ends in
		start  []error // what a PUT that may be repeated ends in
		reset  []error // what a POST ends in
	}{
		{400, "Group is not empty", "400", []error{bigv.ErrBadRequest}, []error{bigv.ErrBadRequest}, []error{bigv.ErrBadRequest}},
		{401, "", "401", []error{bigv.ErrUnauthorized}, []error{bigv.ErrUnauthorized}, []error{bigv.ErrUnauthorized}},
		{403, "no", "403", []error{bigv.ErrForbidden}, []error{bigv.ErrForbidden}, []error{bigv.ErrForbidden}},
		{404, "no such thing", "404", []error{bigv.ErrNotFound}, []error{bigv.ErrNotFound}, []error{bigv.ErrNotFound}},
		{405, "", "", nil, nil, nil},
		{409, "busy", "", nil, nil, nil},
		{415, "", "", nil, nil, nil},
		{418, `{"i":"am a teapot"}`, "", nil, nil, nil},
		{429, "slower", "", []error{bigv.ErrRateLimited}, []error{bigv.ErrRateLimited}, []error{bigv.ErrRateLimited}},
		{500, "oops", "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
		{501, "", "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
		{502, page, "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
		{503, "later", "5xx", []error{bigv.ErrServer, bigv.ErrUnavailable}, []error{bigv.ErrServer, bigv.ErrUnavailable}, []error{bigv.ErrServer, bigv.ErrUnavailable}},
		{504, "", "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
	} {
		for _, call := range []struct {
			name, operation, method, suffix string
			kinds                           []error
		}{
			{"VirtualMachines.Get", "get virtual machine", http.MethodGet, "", row.get},
			{"VirtualMachines.Start", "start virtual machine", http.MethodPut, "", row.start},
			{"VirtualMachines.Reset", "reset virtual machine", http.MethodPost, "/signal", row.reset},
		} {
			t.Run(fmt.Sprint(row.status, " ", call.name), func(t *testing.T) {
				t.Parallel()
				_, err := invoke(t.Context(), start(t, replying(row.status, row.body), tryOnce), call.name, www1)
				assertKinds(t, err, call.kinds...)
				for kind, matches := range typed {
					assert.Equal(t, kind == row.typed, matches(err), "errors.As %s: %T", kind, err)
				}
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok, "%T", err)
				assert.Equal(t, row.status, e.StatusCode)
				assert.Equal(t, call.operation, e.Operation)
				assert.Equal(t, "www1.web.acme", e.Subject)
				assert.Equal(t, call.method, e.Method)
				assert.Equal(t, "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"+call.suffix, e.Route)
				assert.True(t, strings.HasPrefix(e.URL, "http://127.0.0.1:") && strings.HasSuffix(e.URL, www1URL+call.suffix), e.URL)
				assert.Equal(t, 1, e.Attempts)
				assert.Equal(t, row.body, e.Body)
				assert.Zero(t, e.RetryAfter)
			})
		}
	}
}

// The status is of the last attempt, and all of them are counted.
func TestErrorsTellOfAttempts(t *testing.T) {
	client := start(t, replying(http.StatusServiceUnavailable, "later", "Retry-After", "0"))
	var meta bigv.Response
	_, err := client.VirtualMachines.Get(t.Context(), www1, bigv.WithResponse(&meta))
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, quick.MaxAttempts, e.Attempts)
	assert.Equal(t, quick.MaxAttempts, meta.Attempts)
	assert.Equal(t, http.StatusServiceUnavailable, meta.StatusCode)
	assertSays(t, err, " (after 3 attempts); ")

	_, err = start(t, replying(http.StatusTooManyRequests, "", "Retry-After", "7"), tryOnce).VirtualMachines.Get(t.Context(), www1)
	e, ok = errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
}

// Each error of each service can be told from the rest by what its operation,
// subject and route are.
func TestErrorsNameTheirOperation(t *testing.T) {
	for _, row := range []struct {
		name string
		args args
		want string // operation, subject and route
	}{
		{"Accounts.List", args{bigv.AccountListOptions{}}, "list accounts||/accounts"},
		{"Accounts.Get", args{acme}, "get account|acme|/accounts/{account}"},
		{"Accounts.Delete", args{acme}, "delete account|acme|/accounts/{account}"},
		{"Groups.List", args{bigv.GroupListOptions{Account: acme}}, "list groups|acme|/accounts/{account}/groups"},
		{"Groups.Get", args{web}, "get group|web.acme|/accounts/{account}/groups/{group}"},
		{"Groups.Get by ID", args{bigv.GroupID(78)}, "get group|#78|/groups/{ID}"},
		{"Groups.Rename", args{web, "db"}, "rename group|web.acme|/accounts/{account}/groups/{group}"},
		{"Groups.Delete", args{web}, "delete group|web.acme|/accounts/{account}/groups/{group}"},
		{"VirtualMachines.List", args{bigv.VirtualMachineListOptions{Group: web}}, "list virtual machines|web.acme|/accounts/{account}/groups/{group}/virtual_machines"},
		{"VirtualMachines.List of an account", args{bigv.VirtualMachineListOptions{Account: acme}}, "list virtual machines|acme|/virtual_machines"},
		{"VirtualMachines.Get by ID", args{bigv.VirtualMachineID(5012)}, "get virtual machine|#5012|/virtual_machines/{ID}"},
		{"VirtualMachines.Update", args{www1, bigv.VirtualMachineUpdate{}}, "update virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Rename", args{www1, "www2"}, "rename virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Move", args{www1, bigv.GroupID(79)}, "move virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Stop", args{www1}, "stop virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Restart", args{www1}, "restart virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Rescue", args{www1}, "boot virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.PowerDown", args{www1}, "power down virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/signal"},
		{"VirtualMachines.SendKeys", args{www1, []string{"esc"}}, "send keys to virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/signal"},
		{"VirtualMachines.Reimage", args{www1, bigv.Image{Distribution: "stretch"}}, "reimage virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/reimage"},
		{"VirtualMachines.Delete", args{www1}, "delete virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Undelete", args{www1}, "undelete virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"VirtualMachines.Purge", args{www1}, "purge virtual machine|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"},
		{"Discs.List", args{bigv.DiscListOptions{VirtualMachine: www1}}, "list discs|www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/discs"},
		{"Discs.Get", args{root}, "get disc|root.www1.web.acme|/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}/discs/{disc}"},
		{"Discs.Purge by ID", args{bigv.DiscID(900)}, "purge disc|#900|/discs/{disc}"},
		{"Users.Get", args{"alice"}, "get user|alice|/users/{user}"},
		{"Users.Update", args{"alice", bigv.UserUpdate{}}, "update user|alice|/users/{user}"},
		{"Privileges.List", args{bigv.PrivilegeListOptions{User: "bob"}}, "list privileges|bob|/users/{user}/privileges"},
		{"Privileges.Get", args{31}, "get privilege|31|/privileges/{privilege}"},
		{"Privileges.Revoke", args{31}, "revoke privilege|31|/privileges/{privilege}"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := invoke(t.Context(), start(t, replying(http.StatusForbidden, ""), tryOnce), row.name, row.args...)
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok, "%v", err)
			operation, rest, _ := strings.Cut(row.want, "|")
			subject, route, _ := strings.Cut(rest, "|")
			assert.Equal(t, []string{operation, subject, route}, []string{e.Operation, e.Subject, e.Route})
		})
	}
}

// The whole message, without the address of the server: it alone tells what was
// being done, to what, what the service said, and what to try.
func TestMessages(t *testing.T) {
	for _, row := range []struct {
		name   string // the method and the fact
		status int
		body   string
		args   args
		want   string
	}{
		{"VirtualMachines.Update to bad values", 400, `{"memory":["is not included in the list","is not a number"],"cores":"is too many"}`, args{www1, bigv.VirtualMachineUpdate{}},
			"bigv: update virtual machine www1.web.acme: 400 Bad Request: cores is too many; memory is not included in the list, is not a number [PUT " + www1URL + "]"},
		{"VirtualMachines.Reset that is refused", 400, "The machine\n is not on\n", args{www1},
			"bigv: reset virtual machine www1.web.acme: 400 Bad Request: The machine is not on [POST " + www1URL + "/signal]"},
		{"Groups.Delete of one that is not empty", 400, "Group is not empty", args{web},
			"bigv: delete group web.acme: 400 Bad Request: Group is not empty [DELETE " + webURL + "]"},
		{"VirtualMachines.Get with a bad token", 401, "", args{www1},
			"bigv: get virtual machine www1.web.acme: 401 Unauthorized; check the token or API key, or log in again: it is wrong, revoked or expired, as a session is five minutes after its last use [GET " + www1URL + "]"},
		{"VirtualMachines.Start by one who may not", 403, "", args{www1},
			"bigv: start virtual machine www1.web.acme: 403 Forbidden; you can see it but may not do this: ask for a higher privilege on it [PUT " + www1URL + "]"},
		{"Discs.Get of what is not there", 404, "Not found", args{root},
			`bigv: get disc root.www1.web.acme: 404 Not Found: "Not found"; it does not exist, or you may not see it: check the name, whose credentials these are, and the base URL [GET ` + rootURL + "]"},
		{"VirtualMachines.List of a group that is not there", 404, "", args{bigv.VirtualMachineListOptions{Group: web}},
			"bigv: list virtual machines of web.acme: 404 Not Found; it does not exist, or you may not see it: check the name, whose credentials these are, and the base URL [GET " + webURL + "/virtual_machines]"},
		{"VirtualMachines.Reset too often", 429, "", args{www1},
			"bigv: reset virtual machine www1.web.acme: 429 Too Many Requests; it was not done: try again later, and less often [POST " + www1URL + "/signal]"},
		{"VirtualMachines.Reset whose fate is unknown", 500, "", args{www1},
			"bigv: reset virtual machine www1.web.acme: 500 Internal Server Error; it may have been done, and may not: look before doing it again [POST " + www1URL + "/signal]"},
		{"VirtualMachines.Reset at a bad time", 503, "", args{www1},
			"bigv: reset virtual machine www1.web.acme: 503 Service Unavailable; it was not done: try again in a few seconds [POST " + www1URL + "/signal]"},
		{"VirtualMachines.Start answered by a proxy", 502, "<html><body>Bad gateway</body></html>", args{www1},
			"bigv: start virtual machine www1.web.acme: 502 Bad Gateway: the answer is a web page, perhaps of a proxy; it may have been done, and may not: look before doing it again [PUT " + www1URL + "]"},
		{"VirtualMachines.Get answered by a network that wants a login", 200, "<html>Welcome to the train</html>", args{www1},
			"bigv: get virtual machine www1.web.acme: 200 OK: reading the answer: the answer is a web page, perhaps of a proxy or a login page: is the base URL right? [GET " + www1URL + "]"},
		{"VirtualMachines.Get answered by nothing", 200, "", args{www1},
			"bigv: get virtual machine www1.web.acme: 200 OK: reading the answer: it is empty [GET " + www1URL + "]"},
		{"VirtualMachines.Rename answered unreadably", 200, "[]", args{www1, "www2"},
			"bigv: rename virtual machine www1.web.acme: 200 OK: reading the answer: it is a list, where an object belongs" +
				"; it may have been done, and may not: look before doing it again [PUT " + www1URL + "]"},
		{"VirtualMachines.List whose filter is ignored", 200, `[{"id":1,"group_id":79}]`, args{bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}},
			"bigv: list virtual machines of #78: 200 OK: reading the answer: the service ignored group_id: the list holds what it excludes [GET /virtual_machines?group_id=78]"},
		{"VirtualMachines.Get answered with what would make a mess of a terminal", 404, "\x1b[2J\x00gone\r\nfor good\u202e", args{www1},
			"bigv: get virtual machine www1.web.acme: 404 Not Found: \"\ufffd[2J\ufffdgone for good\ufffd\"; it does not exist, or you may not see it: check the name, whose credentials these are, and the base URL [GET " + www1URL + "]"},
		{"VirtualMachines.Update without a name", 400, "no", args{bigv.VirtualMachinePath{}, bigv.VirtualMachineUpdate{}},
			"bigv: update virtual machine: the path names nothing: nothing was sent"},
		{"Groups.Rename to nothing", 400, "no", args{web, ""},
			"bigv: rename group web.acme: the group's name is empty: nothing was sent"},
		{"Groups.Delete of a group of no account", 400, "no", args{bigv.AccountPath("").Group("web")},
			"bigv: delete group web.: account is empty: nothing was sent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := invoke(t.Context(), start(t, replying(row.status, row.body), tryOnce), row.name, row.args...)
			require.Error(t, err)
			message := err.Error()
			if e, ok := errors.AsType[*bigv.Error](err); ok {
				host, _, _ := strings.Cut(strings.TrimPrefix(e.URL, "http://"), "/")
				message = strings.Replace(message, "http://"+host, "", 1)
			}
			assert.Equal(t, row.want, message)
		})
	}
}

// Who makes many things at once wants to know which of them the error is of.
func TestMessagesNameWhatWasWanted(t *testing.T) {
	for _, row := range []struct {
		name string
		args args
		says string
	}{
		{"Accounts.Create", args{bigv.AccountCreate{Name: "heron"}}, "heron"},
		{"Groups.Create", args{acme, bigv.GroupCreate{Name: "db"}}, "db"},
		{"VirtualMachines.Create", args{web, bigv.VirtualMachineCreate{Name: "smtp", Discs: least.Discs}}, "smtp"},
		{"VirtualMachines.CreateBare", args{web, bigv.VirtualMachineCreate{Name: "smtp"}}, "smtp"},
		{"Discs.Create", args{www1, bigv.DiscCreate{Label: "spool", Size: 50}}, "spool"},
		{"Users.Create", args{bigv.UserCreate{Username: "ottoline"}}, "ottoline"},
		{"Privileges.Grant", args{"bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}}, "group_admin"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := invoke(t.Context(), start(t, replying(http.StatusForbidden, ""), tryOnce), row.name, row.args...)
			assertSays(t, err, row.says)
		})
	}
}

// Whatever happened, there is something to try.
func TestMessagesSayWhatToTry(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 409, 418, 429, 500, 502, 503, 504} {
		for _, name := range []string{"VirtualMachines.Get", "VirtualMachines.Start", "VirtualMachines.Reset"} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				t.Parallel()
				_, err := invoke(t.Context(), start(t, replying(status, ""), tryOnce), name, www1)
				assertSays(t, err, "; ")
			})
		}
	}
}

func TestFieldsOfABadRequest(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)
	for _, row := range []struct {
		name, body string
		want       map[string][]string
	}{
		{"a list of messages each", `{"name":["is invalid","is too short (minimum is 3 characters)"],"memory":["is not a number"]}`,
			map[string][]string{"name": {"is invalid", "is too short (minimum is 3 characters)"}, "memory": {"is not a number"}}},
		{"one message each", `{"interval_seconds":"Missing interval_seconds parameter"}`, map[string][]string{"interval_seconds": {"Missing interval_seconds parameter"}}},
		{"by position, and nothing of the good ones", `{"discs":[{},{"size":["must be greater than or equal to 50"]}]}`, map[string][]string{"discs[1].size": {"must be greater than or equal to 50"}}},
		{"a machine's own beside its discs'", `{"name":["is invalid"],"hardware_profile":["is not included in the list"],"discs":[{"label":["is invalid"],"size":"is small"},{},{"storage_grade":["is not included in the list"]}]}`,
			map[string][]string{"name": {"is invalid"}, "hardware_profile": {"is not included in the list"}, "discs[0].label": {"is invalid"}, "discs[0].size": {"is small"}, "discs[2].storage_grade": {"is not included in the list"}}},
		{"nested objects", `{"reimage":{"root_password":["is too short"],"more":{"deeper":"still"}}}`, map[string][]string{"reimage.root_password": {"is too short"}, "reimage.more.deeper": {"still"}}},
		{"schedules of discs", `{"discs":[{"backup_schedules":[{},{"interval_seconds":["must be greater than 0"]}]}]}`, map[string][]string{"discs[0].backup_schedules[1].interval_seconds": {"must be greater than 0"}}},
		{"other kinds of values are kept as they came", `{"memory":[512, true],"cores":null,"x":1.50}`, map[string][]string{"memory": {"512", "true"}, "cores": {"null"}, "x": {"1.50"}}},
		{"no messages", `{"memory":[]}`, map[string][]string{}},
		{"of no attribute in particular", `{"":["is refused"],"base":"is so too"}`, map[string][]string{"": {"is refused"}, "base": {"is so too"}}},
		{"unicode", `{"name":["n\u00fcll ✓"]}`, map[string][]string{"name": {"nüll ✓"}}},
		{"text", " Group is not empty\n", map[string][]string{"": {"Group is not empty"}}},
		{"a JSON text", `"Group is not empty"`, map[string][]string{"": {"Group is not empty"}}},
		{"a JSON list", `["one"]`, map[string][]string{"": {`["one"]`}}},
		{"cut in the middle", `{"name":["is inv`, map[string][]string{"": {`{"name":["is inv`}}},
		{"an attribute twice", `{"name":["a"],"name":["b"]}`, map[string][]string{"": {`{"name":["a"],"name":["b"]}`}}},
		{"invalid UTF-8", "{\"name\":[\"\xff\"]}", map[string][]string{"": {"{\"name\":[\"\xff\"]}"}}},
		{"empty", "", map[string][]string{}},
		{"null", "null", map[string][]string{"": {"null"}}},
		{"an empty object", "{}", map[string][]string{}},
		{"a web page", "<html></html>", map[string][]string{"": {"<html></html>"}}},
		{"nested without end", deep, map[string][]string{"a.a.a.a.a.a.a.a.a": {deep[9*len(`{"a":`) : len(deep)-9]}}},
	} {
		for _, kind := range []string{"application/json", "text/plain"} {
			t.Run(row.name+" as "+kind, func(t *testing.T) {
				t.Parallel()
				_, err := start(t, replying(400, row.body, "Content-Type", kind), tryOnce).VirtualMachines.Create(t.Context(), web, least)
				bad, ok := errors.AsType[*bigv.BadRequestError](err)
				require.True(t, ok)
				assert.Equal(t, row.want, bad.Fields())
				for field, messages := range row.want {
					assert.Equal(t, messages, bad.Field(field))
				}
				assert.Nil(t, bad.Field("nothing"))
				assert.Less(t, len(err.Error()), 1000)
				assert.Equal(t, strings.ToValidUTF8(row.body[:min(len(row.body), 4096)], ""), bad.Body)
			})
		}
	}
}

// What a caller does with the fields does not change the error.
func TestFieldsAreCopies(t *testing.T) {
	_, err := start(t, replying(400, `{"memory":["is odd"]}`)).VirtualMachines.Start(t.Context(), www1)
	bad, ok := errors.AsType[*bigv.BadRequestError](err)
	require.True(t, ok)
	bad.Field("memory")[0] = "x"
	bad.Fields()["memory"][0] = "x"
	bad.Fields()["cores"] = nil
	assert.Equal(t, map[string][]string{"memory": {"is odd"}}, bad.Fields())
}

// A line of a log is what a message may fill, however much the service said.
func TestLongAnswersAreShortened(t *testing.T) {
	var attributes []string
	for i := range 500 {
		attributes = append(attributes, fmt.Sprintf(`"attribute_%03d":["%s"]`, i, strings.Repeat("is wrong ", 50)))
	}
	for name, body := range map[string]string{
		"many attributes": "{" + strings.Join(attributes, ",") + "}", "a long text": strings.Repeat("è very long ", 10000), "a long word": strings.Repeat("x", 100000),
	} {
		_, err := start(t, replying(400, body)).VirtualMachines.Start(t.Context(), www1)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, name)
		assert.Less(t, len(e.Error()), 5000, name)
		assert.LessOrEqual(t, len(e.Body), 4096, name)
		assert.NotContains(t, e.Error(), "\ufffd", name)
	}
}

func TestAWebPageAsABadRequest(t *testing.T) {
	_, err := start(t, replying(400, "<html><body>Your browser sent a request that this server could not understand.</body></html>")).VirtualMachines.Start(t.Context(), www1)
	assertSays(t, err, "400 Bad Request: the answer is a web page, perhaps of a proxy")
}

// What a service says back of a request's secrets is in no error, printed in
// whichever way.
func TestEchoedSecretsAreRemoved(t *testing.T) {
	const password, token, script = `s3cr"et<&>`, "t0ken", "#!/bin/sh\ncurl -u me:hush"
	escaped := func(s string) string { text, _ := json.Marshal(s); return string(text) }
	image := bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret(password), FirstbootScript: bigv.NewSecret(script)}
	calls := []struct {
		name string
		args args
	}{
		{"VirtualMachines.Create", args{web, bigv.VirtualMachineCreate{Name: "www1", Discs: least.Discs, Image: &image}}},
		{"VirtualMachines.Reimage", args{www1, image}},
		{"Users.Create", args{bigv.UserCreate{Username: "carol", Password: image.RootPassword}}},
		{"Users.Update", args{"alice", bigv.UserUpdate{Password: image.RootPassword}}},
	}
	for _, body := range []string{
		`{"root_password":[` + escaped(password) + `],"token":"Bearer t0ken"}`,
		`{"reimage":{"root_password":` + escaped(password) + `,"token":"t0ken"}`,
		`{"` + `s3cr\"et<&>` + `":["is no attribute"]}`,
		"the password " + password + " of Bearer " + token + " is no good",
		"<html>" + password + " " + token + "</html>",
	} {
		for _, status := range []int{200, 400, 404, 418, 500, 503} {
			for _, call := range calls {
				_, err := invoke(t.Context(), start(t, replying(status, body), tryOnce), call.name, call.args...)
				if err == nil {
					continue // a 200 whose body does not matter
				}
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok)
				var log strings.Builder
				slog.New(slog.NewJSONHandler(&log, nil)).Error("call", "err", err, "error", e)
				asJSON, _ := json.Marshal(e)
				for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), fmt.Sprintf("%+v %#v", e, *e), e.Body, log.String(), string(asJSON)} {
					for _, secret := range []string{"s3cr", "et<&>", "t0ken", "hush"} {
						assert.NotContains(t, text, secret, "%s: %d %s", call.name, status, body)
					}
				}
			}
		}
	}
}

// Whoever reads an error learns nothing of what was sent.
func TestErrorsHoldNothingThatWasSent(t *testing.T) {
	for _, status := range []int{400, 500} {
		_, err := start(t, replying(status, "no"), tryOnce).VirtualMachines.Create(t.Context(), web, everything)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok)
		text := fmt.Sprintf("%+v %#v %v", e, *e, err)
		for _, sent := range []string{"ame", "touch /x", "t0ken", "Bearer", "virtio2018"} {
			assert.NotContains(t, strings.ReplaceAll(text, "name", ""), sent)
		}
	}
}
