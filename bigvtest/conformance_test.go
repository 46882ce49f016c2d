package bigvtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/exchange"
)

// The conformance tests compare the server with the documented behaviour of the real service, using nothing but HTTP. A
// scenario runs its steps in order on a new server. A step is one request and the expected response. It is named for
// the behaviour that it checks; a step without a name prepares the next one.
type scenario struct {
	name  string
	setup func(*fixture)
	steps []step
}

// step is a request and the expected response. A placeholder <name> in as, request, body and want is replaced by the
// saved value of that name.
type step struct {
	name    string
	as      string // user name, "key" for alice's API key, "nobody" for no credentials, or an Authorization header
	request string // such as "GET /accounts", or "ADVANCE 90s" to advance the clock
	body    string // JSON, or empty
	status  int    // a status, oneOf(a, b) or anyError
	want    string // expected body, see fixture.check and fixture.differences
}

// oneOf returns a step status that accepts either of two statuses.
func oneOf(a, b int) int { return a*1000 + b }

// anyError is a step status that accepts 400, 403, 404, 405 and 500, for errors whose status is not documented.
const anyError = -1

// anyBody is an expected body that accepts everything, for responses whose body is not documented.
const anyBody = "anything"

// fixture is a server with the values saved from its responses and the tokens of its users.
type fixture struct {
	srv    *bigvtest.Server
	client *http.Client
	saved  map[string]any
	tokens map[string]string
}

func newFixture(t *testing.T, opts ...bigvtest.Option) *fixture {
	srv := bigvtest.NewServer(t, opts...)
	client := srv.HTTPClient()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(client.CloseIdleConnections)
	acme := srv.Account("acme")
	return &fixture{srv: srv, client: client, tokens: map[string]string{"alice": srv.Token()}, saved: map[string]any{
		"acme": acme.ID(), "default": acme.Group("default").ID(), "web": acme.Group("web").ID(),
		"alice": srv.User("alice").ID(), "bob": srv.User("bob").ID(), "key": srv.APIKey(),
	}}
}

func runScenarios(t *testing.T, scenarios []scenario, opts ...bigvtest.Option) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, opts...)
			if s.setup != nil {
				s.setup(f)
			}
			for _, r := range s.steps {
				if r.name == "" {
					f.runStep(t, r)
					continue
				}
				t.Run(r.name, func(t *testing.T) { f.runStep(t, r) })
			}
		})
	}
}

func (f *fixture) runStep(t *testing.T, r step) {
	t.Helper()
	method, path, _ := strings.Cut(f.fillPlaceholders(r.request), " ")
	if method == "ADVANCE" {
		d, err := time.ParseDuration(path)
		require.NoError(t, err)
		f.srv.Advance(d)
		return
	}
	f.check(t, r, f.do(t, method, path, f.fillPlaceholders(r.body), f.headers(r.as)))
}

// requestResult is a request and its response, with the body read.
type requestResult struct {
	request   string
	status    int
	mediaType string
	body      string
}

func (f *fixture) headers(as string) map[string]string {
	headers := map[string]string{"Accept": "application/json", "Content-Type": "application/json"}
	as = f.fillPlaceholders(as)
	switch {
	case as == "nobody":
	case as == "key":
		headers["Authorization"] = "Bearer apikey." + f.srv.APIKey()
	case strings.Contains(as, " "):
		headers["Authorization"] = as
	default:
		if f.tokens[as] == "" {
			f.tokens[as] = f.srv.User(as).Token()
		}
		headers["Authorization"] = "Bearer " + f.tokens[as]
	}
	return headers
}

func (f *fixture) do(t *testing.T, method, path, body string, headers map[string]string) requestResult {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.srv.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := f.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	exchange.Record(t, exchange.Exchange{
		Method: method, URL: path, Header: req.Header, Body: body,
		Status: resp.StatusCode, ResponseHeader: resp.Header, ResponseBody: string(got),
	})
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusBadRequest && media == "application/json" {
		checkErrorShape(t, string(got))
	}
	return requestResult{request: method + " " + path + " " + body, status: resp.StatusCode, mediaType: media, body: string(got)}
}

// check compares a response with the expectation of a step. The expected body is one of these:
//
//   - JSON, see differences
//   - anyBody, for any body
//   - "empty", for no body
//   - "text", for a short text
//   - "text X", for exactly the text X
//   - "save X", for a text that is saved as the value X
//   - "", for no body if the status is 204, JSON if it is another 2xx, and a short text otherwise
func (f *fixture) check(t *testing.T, r step, got requestResult) {
	t.Helper()
	message := fmt.Sprintf("%s\n-> %d %s %s", got.request, got.status, got.mediaType, got.body)
	switch {
	case r.status == anyError:
		assert.Contains(t, []int{400, 403, 404, 405, 500}, got.status, message)
	case r.status > 1000:
		assert.Contains(t, []int{r.status / 1000, r.status % 1000}, got.status, message)
	default:
		assert.Equal(t, r.status, got.status, message)
	}
	want := f.fillPlaceholders(r.want)
	name, save := strings.CutPrefix(want, "save ")
	text, exact := strings.CutPrefix(want, "text ")
	switch {
	case want == anyBody:
	case want == "empty" || want == "" && got.status == 204:
		assert.Empty(t, got.body, message)
	case want == "text" || want == "" && got.status >= 400:
		assert.Equal(t, "text/plain", got.mediaType, message)
		assert.NotEmpty(t, got.body, message)
		assert.Less(t, len(got.body), 300, message)
	case exact:
		assert.Equal(t, "text/plain", got.mediaType, message)
		assert.Equal(t, text, strings.TrimSpace(got.body), message)
	case save:
		assert.Equal(t, "text/plain", got.mediaType, message)
		assert.NotEmpty(t, strings.TrimSpace(got.body), message)
		f.saved[name] = strings.TrimSpace(got.body)
	default:
		assert.Regexp(t, `^application/(vnd\.bigv\.[\w-]+\+)?json$`, got.mediaType, message)
		var have, wanted any
		if assert.NoError(t, json.Unmarshal([]byte(got.body), &have), message) && want != "" {
			require.NoError(t, json.Unmarshal([]byte(want), &wanted), want)
			for _, difference := range f.differences("", wanted, have, true) {
				assert.Fail(t, difference, message)
			}
		}
	}
}

// differences compares two JSON values and describes each difference. An object may have additional members. A list
// must have the same elements, unless the expectation is {"$has":[…]} or {"$lacks":[…]}. An expected string that starts
// with $ is a class of values, see matchesClass.
func (f *fixture) differences(at string, want, have any, present bool) (differences []string) {
	differ := func(format string, args ...any) []string {
		return append(differences, strings.TrimPrefix(at, ".")+": "+fmt.Sprintf(format, args...))
	}
	if class, ok := want.(string); ok && strings.HasPrefix(class, "$") {
		if !f.matchesClass(class, have, present) {
			return differ("%v is not %s", have, class)
		}
		return nil
	}
	if !present {
		return differ("is missing")
	}
	switch want := want.(type) {
	case map[string]any:
		for _, rule := range []string{"$has", "$lacks"} {
			if wanted, ok := want[rule].([]any); ok {
				list, isList := have.([]any)
				if !isList {
					return differ("%v is not a list", have)
				}
				for _, element := range wanted {
					if found := f.contains(element, list); found != (rule == "$has") {
						differences = differ("%s %v in %v", rule, element, list)
					}
				}
				return differences
			}
		}
		object, ok := have.(map[string]any)
		if !ok {
			return differ("%v is not an object", have)
		}
		for name, wanted := range want {
			value, present := object[name]
			differences = append(differences, f.differences(at+"."+name, wanted, value, present)...)
		}
		return differences
	case []any:
		list, ok := have.([]any)
		if !ok || len(list) != len(want) {
			return differ("%v is not a list of %d", have, len(want))
		}
		for i := range want {
			differences = append(differences, f.differences(fmt.Sprintf("%s[%d]", at, i), want[i], list[i], true)...)
		}
		return differences
	default:
		if !reflect.DeepEqual(want, have) {
			return differ("%v is not %v", have, want)
		}
		return nil
	}
}

func (f *fixture) contains(want any, list []any) bool {
	for _, have := range list {
		if len(f.differences("", want, have, true)) == 0 {
			return true
		}
	}
	return false
}

// matchesClass reports whether a value belongs to a class.
func (f *fixture) matchesClass(class string, have any, present bool) bool {
	class, arg, _ := strings.Cut(class, " ")
	text, isText := have.(string)
	number, isNumber := have.(float64)
	switch class {
	case "$any":
		return present
	case "$absent":
		return !present
	case "$empty": // null, missing or ""
		return have == nil || have == ""
	case "$string":
		return isText && text != ""
	case "$int":
		return isNumber && number == float64(int(number))
	case "$above": // a number above a saved number
		saved, ok := f.saved[arg].(float64)
		return isNumber && ok && number > saved
	case "$messages": // the error messages for an attribute
		list, isList := have.([]any)
		return isText && text != "" || isList && len(list) > 0
	case "$match":
		return isText && regexp.MustCompile(arg).MatchString(text)
	case "$time": // a time, in any time zone
		at, err := time.Parse(time.RFC3339, text)
		wanted, werr := time.Parse(time.RFC3339, arg)
		return err == nil && (arg == "" || werr == nil && wanted.Equal(at))
	case "$save":
		f.saved[arg] = have
		return present && have != nil
	default:
		panic("no class " + class)
	}
}

var placeholder = regexp.MustCompile(`<\w+>`)

// fillPlaceholders replaces the placeholders in a text by the saved values.
func (f *fixture) fillPlaceholders(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		switch value := f.saved[strings.Trim(name, "<>")].(type) {
		case float64:
			return strconv.Itoa(int(value))
		case nil:
			return name
		default:
			return fmt.Sprint(value)
		}
	})
}

// machine adds a running virtual machine to a group of acme and saves its ID and the ID of its disc.
func (f *fixture) machine(group, name string) *bigvtest.VirtualMachine {
	vm := f.srv.Account("acme").Group(group).VirtualMachine(name)
	f.saved[name] = vm.ID()
	f.saved[name+"disc"] = vm.State().Discs[0].ID
	return vm
}

// www1 adds a running virtual machine to the group web.
func www1(f *fixture) { f.machine("web", "www1") }

// www1Off adds a virtual machine that is powered off to the group web.
func www1Off(f *fixture) { f.machine("web", "www1").SetPower(false) }

const (
	web = "/accounts/acme/groups/web"
	vm1 = "/accounts/acme/groups/web/virtual_machines/www1"
	vm2 = "/accounts/acme/groups/web/virtual_machines/www2"
)

// The conformance tests depend on this comparison.
func TestConformanceDifferences(t *testing.T) {
	rows := []struct {
		name, want, have string
		matches          bool
	}{
		{"an object may have more members", `{"a":1}`, `{"a":1,"b":2}`, true},
		{"a missing member differs", `{"a":1,"b":2}`, `{"a":1}`, false},
		{"a missing member is not null", `{"a":null}`, `{}`, false},
		{"false is not null", `{"a":false}`, `{"a":null}`, false},
		{"values differ", `{"a":1}`, `{"a":2}`, false},
		{"types differ", `{"a":1}`, `{"a":"1"}`, false},
		{"a longer list differs", `[1]`, `[1,2]`, false},
		{"the order of a list matters", `[1,2]`, `[2,1]`, false},
		{"an object is not a list", `[{}]`, `{}`, false},
		{"an empty list equals an empty list", `[]`, `[]`, true},
		{"an object in a list may have more members", `[{"a":1}]`, `[{"a":1,"b":2}]`, true},
		{"$has in any order", `{"$has":[3,1]}`, `[1,2,3]`, true},
		{"$has with a missing element", `{"$has":[4]}`, `[1,2,3]`, false},
		{"$lacks with a missing element", `{"$lacks":[4]}`, `[1,2,3]`, true},
		{"$lacks with a present element", `{"$lacks":[1]}`, `[1,2,3]`, false},
		{"$lacks with an object", `{"$lacks":[1]}`, `{}`, false},
		{"$absent with a missing member", `{"a":"$absent"}`, `{}`, true},
		{"$absent with null", `{"a":"$absent"}`, `{"a":null}`, false},
		{"$empty with null", `{"a":"$empty"}`, `{"a":null}`, true},
		{"$empty with a missing member", `{"a":"$empty"}`, `{}`, true},
		{"$empty with 0", `{"a":"$empty"}`, `{"a":0}`, false},
		{"$any with a missing member", `{"a":"$any"}`, `{}`, false},
		{"$int with a fraction", `{"a":"$int"}`, `{"a":1.5}`, false},
		{"$string with an empty string", `{"a":"$string"}`, `{"a":""}`, false},
		{"$match without a match", `{"a":"$match ^x$"}`, `{"a":"xy"}`, false},
		{"$time in another time zone", `{"a":"$time 2019-07-01T11:00:00Z"}`, `{"a":"2019-07-01T12:00:00+01:00"}`, true},
		{"$time with another time", `{"a":"$time 2019-07-01T11:00:00Z"}`, `{"a":"2019-07-01T12:00:00Z"}`, false},
		{"$messages with a list", `{"a":"$messages"}`, `{"a":["is invalid"]}`, true},
		{"$messages with an empty list", `{"a":"$messages"}`, `{"a":[]}`, false},
		{"$above with a greater number", `{"a":"$above n"}`, `{"a":8}`, true},
		{"$above with the same number", `{"a":"$above n"}`, `{"a":7}`, false},
		{"$save with a missing member", `{"a":"$save x"}`, `{}`, false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			f := &fixture{saved: map[string]any{"n": 7.0}}
			var want, have any
			require.NoError(t, json.Unmarshal([]byte(r.want), &want))
			require.NoError(t, json.Unmarshal([]byte(r.have), &have))
			assert.Equal(t, r.matches, len(f.differences("", want, have, true)) == 0)
		})
	}
}
