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
)

// The conformance tests hold the fake to the service with nothing but HTTP. A
// scenario is a server and the rows that are walked on it in order; a row is one
// request and what must come of it, named for the fact it stands for. Rows
// without a fact prepare the next one.
type scenario struct {
	name  string
	setup func(*world)
	rows  []row
}

// row is a request and its answer. <name> in as, call, body and want is what was
// kept under that name.
type row struct {
	fact   string
	as     string // a user by name, "key" for alice's API key, "nobody", or a whole Authorization header
	call   string // "GET /accounts", or "ADVANCE 90s" to let that much time pass
	body   string // JSON, empty for none
	status int    // see also either
	want   string // the answer, see world.compare
}

// either is the status of an answer that may have one of two.
func either(a, b int) int { return a*1000 + b }

// refused is the status where nothing is known but that it must not work.
const refused = -1

// anything is the body where nothing is known.
const anything = "anything"

// world is a server, what was kept of its answers, and who asks.
type world struct {
	srv    *bigvtest.Server
	client *http.Client
	kept   map[string]any
	tokens map[string]string
}

func newWorld(t *testing.T, opts ...bigvtest.Option) *world {
	srv := bigvtest.NewServer(t, opts...)
	client := srv.HTTPClient()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(client.CloseIdleConnections)
	acme := srv.Account("acme")
	return &world{srv: srv, client: client, tokens: map[string]string{"alice": srv.Token()}, kept: map[string]any{
		"acme": acme.ID(), "default": acme.Group("default").ID(), "web": acme.Group("web").ID(),
		"alice": srv.User("alice").ID(), "bob": srv.User("bob").ID(), "key": srv.APIKey(),
	}}
}

func walk(t *testing.T, scenarios []scenario, opts ...bigvtest.Option) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, opts...)
			if s.setup != nil {
				s.setup(w)
			}
			for _, r := range s.rows {
				if r.fact == "" {
					w.walk(t, r)
					continue
				}
				t.Run(r.fact, func(t *testing.T) { w.walk(t, r) })
			}
		})
	}
}

func (w *world) walk(t *testing.T, r row) {
	t.Helper()
	method, path, _ := strings.Cut(w.fill(r.call), " ")
	if method == "ADVANCE" {
		d, err := time.ParseDuration(path)
		require.NoError(t, err)
		w.srv.Advance(d)
		return
	}
	w.check(t, r, w.do(t, method, path, w.fill(r.body), w.headers(r.as)))
}

// answer is a response that was read to its end.
type answer struct {
	call   string
	status int
	media  string
	body   string
}

func (w *world) headers(as string) map[string]string {
	headers := map[string]string{"Accept": "application/json", "Content-Type": "application/json"}
	switch as = w.fill(as); {
	case as == "nobody":
	case as == "key":
		headers["Authorization"] = "Bearer apikey." + w.srv.APIKey()
	case strings.Contains(as, " "):
		headers["Authorization"] = as
	default:
		if w.tokens[as] == "" {
			w.tokens[as] = w.srv.User(as).Token()
		}
		headers["Authorization"] = "Bearer " + w.tokens[as]
	}
	return headers
}

func (w *world) do(t *testing.T, method, path, body string, headers map[string]string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.srv.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := w.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return answer{call: method + " " + path + " " + body, status: resp.StatusCode, media: media, body: string(got)}
}

// check holds an answer to its row. Without a body wanted, one of 204 is empty,
// one of 2xx is JSON, and the others are short texts.
func (w *world) check(t *testing.T, r row, got answer) {
	t.Helper()
	about := fmt.Sprintf("%s\n-> %d %s %s", got.call, got.status, got.media, got.body)
	switch {
	case r.status == refused:
		assert.Contains(t, []int{400, 403, 404, 405, 500}, got.status, about)
	case r.status > 1000:
		assert.Contains(t, []int{r.status / 1000, r.status % 1000}, got.status, about)
	default:
		assert.Equal(t, r.status, got.status, about)
	}
	want := w.fill(r.want)
	name, keep := strings.CutPrefix(want, "keep ")
	text, exact := strings.CutPrefix(want, "text ")
	switch {
	case want == anything:
	case want == "empty" || want == "" && got.status == 204:
		assert.Empty(t, got.body, about)
	case want == "text" || want == "" && got.status >= 400:
		assert.Equal(t, "text/plain", got.media, about)
		assert.NotEmpty(t, got.body, about)
		assert.Less(t, len(got.body), 300, about)
	case exact:
		assert.Equal(t, "text/plain", got.media, about)
		assert.Equal(t, text, strings.TrimSpace(got.body), about)
	case keep:
		assert.Equal(t, "text/plain", got.media, about)
		assert.NotEmpty(t, strings.TrimSpace(got.body), about)
		w.kept[name] = strings.TrimSpace(got.body)
	default:
		assert.Regexp(t, `^application/(vnd\.bigv\.[\w-]+\+)?json$`, got.media, about)
		var have, wanted any
		if assert.NoError(t, json.Unmarshal([]byte(got.body), &have), about) && want != "" {
			require.NoError(t, json.Unmarshal([]byte(want), &wanted), want)
			for _, complaint := range w.compare("", wanted, have, true) {
				assert.Fail(t, complaint, about)
			}
		}
	}
}

// compare says where what there is is not what is wanted. An object may have
// more members than are wanted, an array not more elements, unless it is wanted
// as {"$has":[…]} or {"$lacks":[…]}. Strings that begin with $ are classes of
// values.
func (w *world) compare(at string, want, have any, present bool) (complaints []string) {
	complain := func(format string, args ...any) []string {
		return append(complaints, strings.TrimPrefix(at, ".")+": "+fmt.Sprintf(format, args...))
	}
	if class, ok := want.(string); ok && strings.HasPrefix(class, "$") {
		if !w.classed(class, have, present) {
			return complain("%v is not %s", have, class)
		}
		return nil
	}
	if !present {
		return complain("is missing")
	}
	switch want := want.(type) {
	case map[string]any:
		for _, rule := range []string{"$has", "$lacks"} {
			if wanted, ok := want[rule].([]any); ok {
				list, isList := have.([]any)
				if !isList {
					return complain("%v is not a list", have)
				}
				for _, element := range wanted {
					if found := w.among(element, list); found != (rule == "$has") {
						complaints = complain("%s %v in %v", rule, element, list)
					}
				}
				return complaints
			}
		}
		object, ok := have.(map[string]any)
		if !ok {
			return complain("%v is not an object", have)
		}
		for name, wanted := range want {
			value, present := object[name]
			complaints = append(complaints, w.compare(at+"."+name, wanted, value, present)...)
		}
		return complaints
	case []any:
		list, ok := have.([]any)
		if !ok || len(list) != len(want) {
			return complain("%v is not a list of %d", have, len(want))
		}
		for i := range want {
			complaints = append(complaints, w.compare(fmt.Sprintf("%s[%d]", at, i), want[i], list[i], true)...)
		}
		return complaints
	default:
		if !reflect.DeepEqual(want, have) {
			return complain("%v is not %v", have, want)
		}
		return nil
	}
}

func (w *world) among(want any, list []any) bool {
	for _, have := range list {
		if len(w.compare("", want, have, true)) == 0 {
			return true
		}
	}
	return false
}

// classed reports whether a value is of a class.
func (w *world) classed(class string, have any, present bool) bool {
	class, arg, _ := strings.Cut(class, " ")
	text, isText := have.(string)
	number, isNumber := have.(float64)
	switch class {
	case "$any":
		return present
	case "$absent":
		return !present
	case "$empty": // null, absent and "" say the same
		return have == nil || have == ""
	case "$string":
		return isText && text != ""
	case "$int":
		return isNumber && number == float64(int(number))
	case "$above": // a number that was kept
		kept, ok := w.kept[arg].(float64)
		return isNumber && ok && number > kept
	case "$messages": // what is wrong with an attribute
		list, isList := have.([]any)
		return isText && text != "" || isList && len(list) > 0
	case "$match":
		return isText && regexp.MustCompile(arg).MatchString(text)
	case "$time": // an instant, whatever its zone
		at, err := time.Parse(time.RFC3339, text)
		wanted, werr := time.Parse(time.RFC3339, arg)
		return err == nil && (arg == "" || werr == nil && wanted.Equal(at))
	case "$keep":
		w.kept[arg] = have
		return present && have != nil
	default:
		panic("no class " + class)
	}
}

var placeholder = regexp.MustCompile(`<\w+>`)

// fill puts what was kept into a text.
func (w *world) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		switch value := w.kept[strings.Trim(name, "<>")].(type) {
		case float64:
			return strconv.Itoa(int(value))
		case nil:
			return name
		default:
			return fmt.Sprint(value)
		}
	})
}

// machine has a running machine in a group of acme, and keeps its ID.
func (w *world) machine(group, name string) *bigvtest.VirtualMachine {
	vm := w.srv.Account("acme").Group(group).VirtualMachine(name)
	w.kept[name] = vm.ID()
	w.kept[name+"disc"] = vm.State().Discs[0].ID
	return vm
}

// www1 has a running machine in web.
func www1(w *world) { w.machine("web", "www1") }

// www1Off has a machine in web that is off.
func www1Off(w *world) { w.machine("web", "www1").SetPower(false) }

const (
	web = "/accounts/acme/groups/web"
	vm1 = "/accounts/acme/groups/web/virtual_machines/www1"
	vm2 = "/accounts/acme/groups/web/virtual_machines/www2"
)

// The rows are worth what the comparison is worth.
func TestConformanceCompare(t *testing.T) {
	rows := []struct {
		fact, want, have string
		alike            bool
	}{
		{"an object may have more", `{"a":1}`, `{"a":1,"b":2}`, true},
		{"an object may not lack anything", `{"a":1,"b":2}`, `{"a":1}`, false},
		{"null is not what is missing", `{"a":null}`, `{}`, false},
		{"false is not null", `{"a":false}`, `{"a":null}`, false},
		{"values differ", `{"a":1}`, `{"a":2}`, false},
		{"kinds differ", `{"a":1}`, `{"a":"1"}`, false},
		{"an array may not have more", `[1]`, `[1,2]`, false},
		{"an array is in order", `[1,2]`, `[2,1]`, false},
		{"an object is no array", `[{}]`, `{}`, false},
		{"an empty array is one", `[]`, `[]`, true},
		{"an object in an array may have more", `[{"a":1}]`, `[{"a":1,"b":2}]`, true},
		{"has in any order", `{"$has":[3,1]}`, `[1,2,3]`, true},
		{"has what is not there", `{"$has":[4]}`, `[1,2,3]`, false},
		{"lacks what is not there", `{"$lacks":[4]}`, `[1,2,3]`, true},
		{"lacks what is there", `{"$lacks":[1]}`, `[1,2,3]`, false},
		{"lacks is about arrays", `{"$lacks":[1]}`, `{}`, false},
		{"absent", `{"a":"$absent"}`, `{}`, true},
		{"not absent", `{"a":"$absent"}`, `{"a":null}`, false},
		{"empty is null", `{"a":"$empty"}`, `{"a":null}`, true},
		{"empty is absent", `{"a":"$empty"}`, `{}`, true},
		{"empty is not zero", `{"a":"$empty"}`, `{"a":0}`, false},
		{"any is present", `{"a":"$any"}`, `{}`, false},
		{"an integer", `{"a":"$int"}`, `{"a":1.5}`, false},
		{"a string", `{"a":"$string"}`, `{"a":""}`, false},
		{"a match", `{"a":"$match ^x$"}`, `{"a":"xy"}`, false},
		{"an instant in another zone", `{"a":"$time 2019-07-01T11:00:00Z"}`, `{"a":"2019-07-01T12:00:00+01:00"}`, true},
		{"another instant", `{"a":"$time 2019-07-01T11:00:00Z"}`, `{"a":"2019-07-01T12:00:00Z"}`, false},
		{"messages in a list", `{"a":"$messages"}`, `{"a":["is invalid"]}`, true},
		{"no messages", `{"a":"$messages"}`, `{"a":[]}`, false},
		{"more than was kept", `{"a":"$above n"}`, `{"a":8}`, true},
		{"no more than was kept", `{"a":"$above n"}`, `{"a":7}`, false},
		{"kept is present", `{"a":"$keep x"}`, `{}`, false},
	}
	for _, r := range rows {
		t.Run(r.fact, func(t *testing.T) {
			w := &world{kept: map[string]any{"n": 7.0}}
			var want, have any
			require.NoError(t, json.Unmarshal([]byte(r.want), &want))
			require.NoError(t, json.Unmarshal([]byte(r.have), &have))
			assert.Equal(t, r.alike, len(w.compare("", want, have, true)) == 0)
		})
	}
}
