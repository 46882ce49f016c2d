package bigv_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds are all errors that errors.Is may be used with.
var kinds = []error{
	bigv.ErrBadRequest, bigv.ErrUnauthorized, bigv.ErrForbidden, bigv.ErrNotFound, bigv.ErrServer, bigv.ErrUnavailable, bigv.ErrRateLimited,
	bigv.ErrNoCredential, bigv.ErrSessionExpired, bigv.ErrOutcomeUnknown, bigv.ErrInvalidResponse, bigv.ErrFilterIgnored,
	bigv.ErrRedirect, bigv.ErrTooLarge,
}

// assertKinds asserts that an error matches the wanted kinds and no others.
func assertKinds(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, kind := range kinds {
		assert.Equal(t, slices.Contains(want, kind), errors.Is(err, kind), "errors.Is %v", kind)
	}
	assert.NotErrorIs(t, err, nil)
}

// errorTypes are functions that report whether an error has the type for a status.
var errorTypes = map[string]func(error) bool{
	"400": is[*bigv.BadRequestError], "401": is[*bigv.UnauthorizedError], "403": is[*bigv.ForbiddenError], "404": is[*bigv.NotFoundError],
	"5xx": is[*bigv.ServerError],
}

func TestErrorsByStatus(t *testing.T) {
	const page = "<html><head><title>502 Bad Gateway</title></head></html>"
	for _, tt := range []struct {
		status    int
		body      string
		errorType string
		get       []error // of a GET
		start     []error // of an idempotent PUT
		reset     []error // of a POST
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
		{500, "oops", "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown},
			[]error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
		{501, "", "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown},
			[]error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
		{502, page, "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown},
			[]error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
		{503, "later", "5xx", []error{bigv.ErrServer, bigv.ErrUnavailable}, []error{bigv.ErrServer, bigv.ErrUnavailable},
			[]error{bigv.ErrServer, bigv.ErrUnavailable}},
		{504, "", "5xx", []error{bigv.ErrServer}, []error{bigv.ErrServer, bigv.ErrOutcomeUnknown},
			[]error{bigv.ErrServer, bigv.ErrOutcomeUnknown}},
	} {
		for _, call := range []struct {
			operation, method, suffix string
			do                        func(*bigv.Client) error
			kinds                     []error
		}{
			{"get virtual machine", "GET", "", func(c *bigv.Client) error {
				return errorOf(c.VirtualMachines.Get(t.Context(), www1))
			}, tt.get},
			{"start virtual machine", "PUT", "", func(c *bigv.Client) error {
				return errorOf(c.VirtualMachines.Start(t.Context(), www1))
			}, tt.start},
			{"reset virtual machine", "POST", "/signal", func(c *bigv.Client) error {
				return c.VirtualMachines.Reset(t.Context(), www1)
			}, tt.reset},
		} {
			t.Run(fmt.Sprint(tt.status, " ", call.operation), func(t *testing.T) {
				t.Parallel()
				err := call.do(start(t, fakeserver.Respond(tt.status, tt.body), once))
				assertKinds(t, err, call.kinds...)
				for kind, matches := range errorTypes {
					assert.Equal(t, kind == tt.errorType, matches(err), "errors.As %s: %T", kind, err)
				}
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok, "%T", err)
				assert.Equal(t, tt.status, e.StatusCode)
				assert.Equal(t, call.operation, e.Operation)
				assert.Equal(t, "www1.web.acme", e.Subject)
				assert.Equal(t, call.method, e.Method)
				assert.Equal(t, "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"+call.suffix, e.Route)
				assert.True(t, strings.HasPrefix(e.URL, "http://127.0.0.1:") && strings.HasSuffix(e.URL, www1URL+call.suffix), e.URL)
				assert.Equal(t, 1, e.Attempts)
				assert.Equal(t, tt.body, e.Body)
				assert.Zero(t, e.RetryAfter)
			})
		}
	}
}

// An error has the status of the last attempt, and the number of all attempts.
func TestErrorsReportAttempts(t *testing.T) {
	client := start(t, fakeserver.Respond(http.StatusServiceUnavailable, "later", "Retry-After", "0"))
	var response bigv.Response
	_, err := client.VirtualMachines.Get(t.Context(), www1, bigv.WithResponse(&response))
	e, ok := errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, quick.MaxAttempts, e.Attempts)
	assert.Equal(t, quick.MaxAttempts, response.Attempts)
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.ErrorContains(t, err, " (after 3 attempts); ")

	err = get(t.Context(), start(t, fakeserver.Respond(http.StatusTooManyRequests, "", "Retry-After", "7"), once))
	e, ok = errors.AsType[*bigv.Error](err)
	require.True(t, ok)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.ErrorContains(t, err, "; try again in 7s [")
}

// An error names the operation, its subject and its route.
func TestErrorsNameTheirOperation(t *testing.T) {
	const (
		groupRoute = "/accounts/{account}/groups/{group}"
		vmRoute    = groupRoute + "/virtual_machines/{virtual machine}"
		discRoute  = vmRoute + "/discs/{disc}"
	)
	for _, tt := range []struct {
		operation, subject, route string
		call                      func(*bigv.Client) error
	}{
		{"list accounts", "", "/accounts", func(c *bigv.Client) error {
			return errorOf(c.Accounts.List(t.Context(), bigv.AccountListOptions{}))
		}},
		{"get account", "acme", "/accounts/{account}", func(c *bigv.Client) error {
			return errorOf(c.Accounts.Get(t.Context(), acme))
		}},
		{"delete account", "acme", "/accounts/{account}", func(c *bigv.Client) error {
			return c.Accounts.Delete(t.Context(), acme)
		}},
		{"list groups", "acme", "/accounts/{account}/groups", func(c *bigv.Client) error {
			return errorOf(c.Groups.List(t.Context(), bigv.GroupListOptions{Account: acme}))
		}},
		{"get group", "web.acme", groupRoute, func(c *bigv.Client) error {
			return errorOf(c.Groups.Get(t.Context(), web))
		}},
		{"get group", "#78", "/groups/{ID}", func(c *bigv.Client) error {
			return errorOf(c.Groups.Get(t.Context(), bigv.GroupID(78)))
		}},
		{"rename group", "web.acme", groupRoute, func(c *bigv.Client) error {
			return errorOf(c.Groups.Rename(t.Context(), web, "db"))
		}},
		{"delete group", "web.acme", groupRoute, func(c *bigv.Client) error {
			return c.Groups.Delete(t.Context(), web)
		}},
		{"list virtual machines", "web.acme", groupRoute + "/virtual_machines", func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: web}))
		}},
		{"list virtual machines", "acme", "/virtual_machines", func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Account: acme}))
		}},
		{"get virtual machine", "#5012", "/virtual_machines/{ID}", func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Get(t.Context(), bigv.VirtualMachineID(5012)))
		}},
		{"update virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Update(t.Context(), www1, bigv.VirtualMachineUpdate{Cores: new(2)}))
		}},
		{"rename virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Rename(t.Context(), www1, "www2"))
		}},
		{"move virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Move(t.Context(), www1, bigv.GroupID(79)))
		}},
		{"stop virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Stop(t.Context(), www1))
		}},
		{"restart virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Restart(t.Context(), www1))
		}},
		{"boot virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Rescue(t.Context(), www1))
		}},
		{"power down virtual machine", "www1.web.acme", vmRoute + "/signal", func(c *bigv.Client) error {
			return c.VirtualMachines.PowerDown(t.Context(), www1)
		}},
		{"send keys to virtual machine", "www1.web.acme", vmRoute + "/signal", func(c *bigv.Client) error {
			return c.VirtualMachines.SendKeys(t.Context(), www1, []string{"esc"})
		}},
		{"reimage virtual machine", "www1.web.acme", vmRoute + "/reimage", func(c *bigv.Client) error {
			return c.VirtualMachines.Reimage(t.Context(), www1, bigv.Image{Distribution: "stretch"})
		}},
		{"delete virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return c.VirtualMachines.Delete(t.Context(), www1)
		}},
		{"undelete virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Undelete(t.Context(), www1))
		}},
		{"purge virtual machine", "www1.web.acme", vmRoute, func(c *bigv.Client) error {
			return c.VirtualMachines.Purge(t.Context(), www1)
		}},
		{"list discs", "www1.web.acme", vmRoute + "/discs", func(c *bigv.Client) error {
			return errorOf(c.Discs.List(t.Context(), bigv.DiscListOptions{VirtualMachine: www1}))
		}},
		{"get disc", "root.www1.web.acme", discRoute, func(c *bigv.Client) error {
			return errorOf(c.Discs.Get(t.Context(), root))
		}},
		{"purge disc", "#900", "/discs/{disc}", func(c *bigv.Client) error {
			return c.Discs.Purge(t.Context(), bigv.DiscID(900))
		}},
		{"get user", "alice", "/users/{user}", func(c *bigv.Client) error {
			return errorOf(c.Users.Get(t.Context(), "alice"))
		}},
		{"update user", "alice", "/users/{user}", func(c *bigv.Client) error {
			return errorOf(c.Users.Update(t.Context(), "alice", bigv.UserUpdate{AuthorizedKeys: new("")}))
		}},
		{"list privileges", "bob", "/users/{user}/privileges", func(c *bigv.Client) error {
			return errorOf(c.Privileges.List(t.Context(), bigv.PrivilegeListOptions{User: "bob"}))
		}},
		{"get privilege", "31", "/privileges/{privilege}", func(c *bigv.Client) error {
			return errorOf(c.Privileges.Get(t.Context(), 31))
		}},
		{"revoke privilege", "31", "/privileges/{privilege}", func(c *bigv.Client) error {
			return c.Privileges.Revoke(t.Context(), 31)
		}},
	} {
		t.Run(tt.operation, func(t *testing.T) {
			t.Parallel()
			err := tt.call(start(t, fakeserver.Respond(http.StatusForbidden, ""), once))
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.operation, e.Operation)
			assert.Equal(t, tt.subject, e.Subject)
			assert.Equal(t, tt.route, e.Route)
		})
	}
}

// TestMessages tests whole messages, without the address of the server. A message alone must say what was being done to what, what the
// service said, and what to try.
func TestMessages(t *testing.T) {
	const (
		unknown  = "outcome unknown: the request may or may not have been applied; check before retrying"
		proxy    = "check the base URL, and whether a proxy is in the way"
		notFound = "it does not exist, or you lack permission to see it: check the name, the credentials and the base URL"
		badToken = "check the token or API key, or log in again: it is wrong, revoked or expired; " +
			"a session expires five minutes after its last use"
		webPage = "the response is an HTML page, perhaps of a proxy"
	)
	getVM := func(c *bigv.Client) error { return errorOf(c.VirtualMachines.Get(t.Context(), www1)) }
	startVM := func(c *bigv.Client) error { return errorOf(c.VirtualMachines.Start(t.Context(), www1)) }
	resetVM := func(c *bigv.Client) error { return c.VirtualMachines.Reset(t.Context(), www1) }
	listVMs := func(group bigv.GroupPath) func(*bigv.Client) error {
		return func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: group}))
		}
	}
	update := func(vm bigv.VirtualMachinePath) func(*bigv.Client) error {
		return func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Update(t.Context(), vm, bigv.VirtualMachineUpdate{Cores: new(2)}))
		}
	}
	deleteGroup := func(group bigv.GroupPath) func(*bigv.Client) error {
		return func(c *bigv.Client) error { return c.Groups.Delete(t.Context(), group) }
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		call   func(*bigv.Client) error
		want   string
	}{
		{"invalid values", 400, `{"memory":["is not included in the list","is not a number"],"cores":"is too many"}`, update(www1),
			"bigv: update virtual machine www1.web.acme: 400 Bad Request: " +
				"cores is too many; memory is not included in the list, is not a number [PUT " + www1URL + "]"},
		{"refused", 400, "The machine\n is not on\n", resetVM,
			"bigv: reset virtual machine www1.web.acme: 400 Bad Request: The machine is not on [POST " + www1URL + "/signal]"},
		{"not empty", 400, "Group is not empty", deleteGroup(web),
			"bigv: delete group web.acme: 400 Bad Request: Group is not empty [DELETE " + webURL + "]"},
		{"bad token", 401, "", getVM,
			"bigv: get virtual machine www1.web.acme: 401 Unauthorized; " + badToken + " [GET " + www1URL + "]"},
		{"forbidden", 403, "", startVM,
			"bigv: start virtual machine www1.web.acme: 403 Forbidden; " +
				"you lack permission to do this: ask for a higher privilege [PUT " + www1URL + "]"},
		{"not found", 404, "Not found", func(c *bigv.Client) error { return errorOf(c.Discs.Get(t.Context(), root)) },
			`bigv: get disc root.www1.web.acme: 404 Not Found: "Not found"; ` + notFound + " [GET " + rootURL + "]"},
		{"list of a group that is not found", 404, "", listVMs(web),
			"bigv: list virtual machines of web.acme: 404 Not Found; " + notFound + " [GET " + webURL + "/virtual_machines]"},
		{"rate limited", 429, "", resetVM,
			"bigv: reset virtual machine www1.web.acme: 429 Too Many Requests; " +
				"the request was not applied: try again later, and less often [POST " + www1URL + "/signal]"},
		{"outcome unknown", 500, "", resetVM,
			"bigv: reset virtual machine www1.web.acme: 500 Internal Server Error; " + unknown + " [POST " + www1URL + "/signal]"},
		{"unavailable", 503, "", resetVM,
			"bigv: reset virtual machine www1.web.acme: 503 Service Unavailable; " +
				"the request was not applied: try again in a few seconds [POST " + www1URL + "/signal]"},
		{"an HTML page of a proxy", 502, "<html><body>Bad gateway</body></html>", startVM,
			"bigv: start virtual machine www1.web.acme: 502 Bad Gateway: " + webPage + "; " + unknown + " [PUT " + www1URL + "]"},
		{"login page of a network", 200, "<html>Welcome to the train</html>", getVM,
			"bigv: get virtual machine www1.web.acme: 200 OK: reading the response: " +
				"the body is an HTML page, perhaps of a proxy or a login page; " + proxy + " [GET " + www1URL + "]"},
		{"empty response", 200, "", getVM,
			"bigv: get virtual machine www1.web.acme: 200 OK: reading the response: the body is empty; " +
				proxy + " [GET " + www1URL + "]"},
		{"response of the wrong type", 200, "[]",
			func(c *bigv.Client) error { return errorOf(c.VirtualMachines.Rename(t.Context(), www1, "www2")) },
			"bigv: rename virtual machine www1.web.acme: 200 OK: reading the response: the body is an array, want an object; " +
				unknown + "; " + proxy + " [PUT " + www1URL + "]"},
		{"filter ignored", 200, `[{"id":1,"group_id":79}]`, listVMs(bigv.GroupID(78)),
			"bigv: list virtual machines of #78: 200 OK: reading the response: " +
				"the service ignored group_id: the list contains an element that does not match; " +
				"use a path with the names of all parents [GET /virtual_machines?group_id=78]"},
		{"terminal control characters", 404, "\x1b[2J\x00gone\r\nfor good\u202e", getVM,
			"bigv: get virtual machine www1.web.acme: 404 Not Found: \"\ufffd[2J\ufffdgone for good\ufffd\"; " +
				"it does not exist or is deleted" + strings.TrimPrefix(notFound, "it does not exist") + " [GET " + www1URL + "]"},
		{"empty path", 400, "no", update(bigv.VirtualMachinePath{}),
			"bigv: update virtual machine: not sent: virtual machine path is empty: it identifies no resource"},
		{"empty name", 400, "no", func(c *bigv.Client) error { return errorOf(c.Groups.Rename(t.Context(), web, "")) },
			"bigv: rename group web.acme: not sent: name is empty"},
		{"empty account", 400, "no", deleteGroup(bigv.AccountPath("").Group("web")),
			"bigv: delete group web.: not sent: account is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.call(start(t, fakeserver.Respond(tt.status, tt.body), once))
			require.Error(t, err)
			message := err.Error()
			if e, ok := errors.AsType[*bigv.Error](err); ok {
				host, _, _ := strings.Cut(strings.TrimPrefix(e.URL, "http://"), "/")
				message = strings.Replace(message, "http://"+host, "", 1)
			}
			assert.Equal(t, tt.want, message)
		})
	}
}

// A failed create names the object to be created, although the path is that of its parent.
func TestMessagesNameTheNewObject(t *testing.T) {
	for _, tt := range []struct {
		name string
		call func(*bigv.Client) error
		want string
	}{
		{"Accounts.Create", func(c *bigv.Client) error {
			return errorOf(c.Accounts.Create(t.Context(), bigv.AccountCreate{Name: "heron"}))
		}, "heron"},
		{"Groups.Create", func(c *bigv.Client) error {
			return errorOf(c.Groups.Create(t.Context(), acme, bigv.GroupCreate{Name: "db"}))
		}, "db"},
		{"VirtualMachines.Create", func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Create(t.Context(), web, bigv.VirtualMachineCreate{Name: "smtp", Discs: least.Discs}))
		}, "smtp"},
		{"VirtualMachines.CreateBare", func(c *bigv.Client) error {
			return errorOf(c.VirtualMachines.CreateBare(t.Context(), web, bigv.VirtualMachineCreate{Name: "smtp"}))
		}, "smtp"},
		{"Discs.Create", func(c *bigv.Client) error {
			return errorOf(c.Discs.Create(t.Context(), www1, bigv.DiscCreate{Label: "spool", Size: 50}))
		}, "spool"},
		{"Users.Create", func(c *bigv.Client) error {
			return errorOf(c.Users.Create(t.Context(), bigv.UserCreate{Username: "ottoline"}))
		}, "ottoline"},
		{"Privileges.Grant", func(c *bigv.Client) error {
			return errorOf(c.Privileges.Grant(t.Context(), "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}))
		}, "group_admin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.call(start(t, fakeserver.Respond(http.StatusForbidden, ""), once))
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

// Every message says after a semicolon what to do.
func TestMessagesSayWhatToDo(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 409, 418, 429, 500, 502, 503, 504} {
		for _, name := range []string{"get", "update", "reset"} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				t.Parallel()
				err := operationNamed(t, name).call(t.Context(), start(t, fakeserver.Respond(status, ""), once))
				assert.ErrorContains(t, err, "; ")
			})
		}
	}
}

func TestBadRequestFields(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)
	for _, tt := range []struct {
		name, body string
		want       map[string][]string
	}{
		{"lists of messages", `{"name":["is invalid","is too short (minimum is 3 characters)"],"memory":["is not a number"]}`,
			map[string][]string{"name": {"is invalid", "is too short (minimum is 3 characters)"}, "memory": {"is not a number"}}},
		{"single messages", `{"interval_seconds":"Missing interval_seconds parameter"}`,
			map[string][]string{"interval_seconds": {"Missing interval_seconds parameter"}}},
		{"by position", `{"discs":[{},{"size":["must be greater than or equal to 50"]}]}`,
			map[string][]string{"discs[1].size": {"must be greater than or equal to 50"}}},
		{"of the list of discs as a whole", `{"discs":["can't be blank"]}`, map[string][]string{"discs": {"can't be blank"}}},
		{"of the list of discs, in an object", `{"discs":[{"base":["can't be blank"]}]}`,
			map[string][]string{"discs[0].base": {"can't be blank"}}},
		{"of a machine and its discs",
			`{"name":["is invalid"],"memory":["is small"],` +
				`"discs":[{"label":["is invalid"],"size":"is small"},{},{"storage_grade":["is not included in the list"]}]}`,
			map[string][]string{
				"name": {"is invalid"}, "memory": {"is small"}, "discs[0].label": {"is invalid"}, "discs[0].size": {"is small"},
				"discs[2].storage_grade": {"is not included in the list"},
			}},
		{"nested objects", `{"reimage":{"root_password":["is too short"],"more":{"deeper":"still"}}}`,
			map[string][]string{"reimage.root_password": {"is too short"}, "reimage.more.deeper": {"still"}}},
		{"names of nested attributes", `{"ips.ipv4":["is invalid"],"discs[0].backup_schedules[1].capacity":["is not a number"]}`,
			map[string][]string{"ips.ipv4": {"is invalid"}, "discs[0].backup_schedules[1].capacity": {"is not a number"}}},
		{"schedules of discs", `{"discs":[{"backup_schedules":[{},{"interval_seconds":["must be greater than 0"]}]}]}`,
			map[string][]string{"discs[0].backup_schedules[1].interval_seconds": {"must be greater than 0"}}},
		{"values that are not strings", `{"memory":[512, true],"cores":null,"x":1.50}`,
			map[string][]string{"memory": {"512", "true"}, "cores": {"null"}, "x": {"1.50"}}},
		{"no messages", `{"memory":[]}`, map[string][]string{}},
		{"of the object as a whole", `{"":["is refused"],"base":"is so too"}`,
			map[string][]string{"": {"is refused"}, "base": {"is so too"}}},
		{"unicode", `{"name":["n\u00fcll ✓"]}`, map[string][]string{"name": {"nüll ✓"}}},
		{"text", " Group is not empty\n", map[string][]string{"": {"Group is not empty"}}},
		{"a JSON string", `"Group is not empty"`, map[string][]string{"": {"Group is not empty"}}},
		{"a JSON list", `["one"]`, map[string][]string{"": {`["one"]`}}},
		{"truncated", `{"name":["is inv`, map[string][]string{"": {`{"name":["is inv`}}},
		{"duplicate names", `{"name":["a"],"name":["b"]}`, map[string][]string{"": {`{"name":["a"],"name":["b"]}`}}},
		{"invalid UTF-8", "{\"name\":[\"\xff\"]}", map[string][]string{"": {"{\"name\":[\"\xff\"]}"}}},
		{"empty", "", map[string][]string{}},
		{"null", "null", map[string][]string{"": {"null"}}},
		{"an empty object", "{}", map[string][]string{}},
		{"an HTML page", "<html></html>", map[string][]string{"": {"<html></html>"}}},
		{"deeply nested", deep, map[string][]string{"a.a.a.a.a.a.a.a.a": {deep[9*len(`{"a":`) : len(deep)-9]}}},
	} {
		for _, contentType := range []string{"application/json", "text/plain"} {
			t.Run(tt.name+" as "+contentType, func(t *testing.T) {
				t.Parallel()
				err := create(t.Context(), start(t, fakeserver.Respond(400, tt.body, "Content-Type", contentType), once))
				bad, ok := errors.AsType[*bigv.BadRequestError](err)
				require.True(t, ok)
				assert.Equal(t, tt.want, bad.Fields())
				for field, messages := range tt.want {
					assert.Equal(t, messages, bad.Field(field))
				}
				assert.Nil(t, bad.Field("nothing"))
				assert.Less(t, len(err.Error()), 1000)
				assert.Equal(t, strings.ToValidUTF8(tt.body[:min(len(tt.body), 4096)], ""), bad.Body)
			})
		}
	}
}

// Callers cannot modify an error through its fields.
func TestFieldsAreCopies(t *testing.T) {
	_, err := start(t, fakeserver.Respond(400, `{"memory":["is odd"]}`)).VirtualMachines.Start(t.Context(), www1)
	bad, ok := errors.AsType[*bigv.BadRequestError](err)
	require.True(t, ok)
	bad.Field("memory")[0] = "x"
	bad.Fields()["memory"][0] = "x"
	bad.Fields()["cores"] = nil
	assert.Equal(t, map[string][]string{"memory": {"is odd"}}, bad.Fields())
}

func TestLongMessagesAreShortened(t *testing.T) {
	var attributes []string
	for i := range 500 {
		attributes = append(attributes, fmt.Sprintf(`"attribute_%03d":["%s"]`, i, strings.Repeat("is wrong ", 50)))
	}
	for name, body := range map[string]string{
		"many attributes": "{" + strings.Join(attributes, ",") + "}", "a long text": strings.Repeat("è very long ", 10000),
		"a long word": strings.Repeat("x", 100000),
	} {
		_, err := start(t, fakeserver.Respond(400, body)).VirtualMachines.Start(t.Context(), www1)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, name)
		assert.Less(t, len(e.Error()), 5000, name)
		assert.LessOrEqual(t, len(e.Body), 4096, name)
		assert.NotContains(t, e.Error(), "\ufffd", name)
	}
}

func TestWebPageAsBadRequest(t *testing.T) {
	page := "<html><body>Your browser sent a request that this server could not understand.</body></html>"
	err := create(t.Context(), start(t, fakeserver.Respond(400, page)))
	assert.ErrorContains(t, err, "400 Bad Request: the response is an HTML page, perhaps of a proxy")
}

// The beginning of an error body that is too long is kept, whether its length is known or not.
func TestLongErrorBodies(t *testing.T) {
	body := `{"name":["has already been taken"],"x":"` + strings.Repeat("x", 2<<20) + `"}`
	for name, headers := range map[string][]string{"known length": {"Content-Length", strconv.Itoa(len(body))}, "unknown length": nil} {
		err := get(t.Context(), start(t, fakeserver.Respond(400, body, headers...), once))
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.True(t, strings.HasPrefix(e.Body, `{"name":["has already been taken"]`), name)
	}
}

// The message says so if the base URL is probably wrong.
func TestMessagesAboutWrongBaseURL(t *testing.T) {
	server := fakeserver.New(t, nil)
	closed := httptest.NewServer(nil)
	closed.Close()
	const proxyOrBaseURL = "check the base URL, and whether a proxy is in the way"
	for _, tt := range []struct {
		name    string
		url     string           // of the server, or
		handler http.HandlerFunc // of a server that runs
		message string
	}{
		{"nothing listens", closed.URL, nil, "check the base URL"},
		{"HTTPS to a port of plain HTTP", strings.Replace(server.URL(), "http:", "https:", 1), nil, "check the base URL"},
		{"plain HTTP to a port of HTTPS", "", fakeserver.Respond(400, "Client sent an HTTP request to an HTTPS server."),
			"use https in the base URL"},
		{"an HTML page with 403", "", fakeserver.Respond(403, "<html>no</html>"), proxyOrBaseURL},
		{"an HTML page with 404", "", fakeserver.Respond(404, "<html>no</html>"), proxyOrBaseURL},
		{"404 without an HTML page", "", fakeserver.Respond(404, "no"), "and the base URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := tt.url
			if tt.handler != nil {
				url = fakeserver.New(t, tt.handler).URL()
			}
			err := get(t.Context(), clientFor(t, url, bigv.WithToken("t0ken"), once))
			assert.ErrorContains(t, err, tt.message)
		})
	}
}
