package bigv_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wireRow is one call, every request that must be on the wire for it, and what
// it returns.
type wireRow struct {
	// name begins with the method that is called: "Groups.Get of an ID alone".
	name    string
	args    args
	opts    []bigv.Option
	answers answers
	sends   sends // each as "METHOD path?query body"
	want    any   // unless nil
}

type (
	// args are a method's arguments behind the context.
	args []any
	// answers are what a service says, by "METHOD path", each as "body" or as
	// "201 body"; then separates what it says one after the other.
	answers map[string]string
	// sends are requests.
	sends []string
)

const then = "\x00"

// exchange is a request as it was on the wire.
type exchange struct {
	method, path, query, body string
	header                    http.Header
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

// recorder is a service that says what it was told to, or else what any service
// might, and remembers what it was sent.
type recorder struct {
	answers    answers
	everyWrite string // what it says to each request but GET, unless empty

	mu       sync.Mutex
	requests []exchange
	asked    map[string]int
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, exchange{req.Method, req.URL.EscapedPath(), req.URL.RawQuery, string(body), req.Header.Clone()})
	status, answer := r.answer(req.Method + " " + req.URL.EscapedPath())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func (r *recorder) answer(request string) (int, string) {
	text, ok := r.answers[request]
	switch {
	case r.everyWrite != "" && !strings.HasPrefix(request, "GET "):
		text = r.everyWrite
	case !ok:
		text = usualAnswer(request)
	}
	turns := strings.Split(text, then)
	text = turns[min(r.asked[request], len(turns)-1)]
	r.asked[request]++
	digits, body, _ := strings.Cut(text, " ")
	if status, err := strconv.Atoi(digits); err == nil && len(digits) == 3 {
		return status, body
	}
	return http.StatusOK, text
}

// usualAnswer is what a service without surprises says to "METHOD path".
func usualAnswer(request string) string {
	method, path, _ := strings.Cut(request, " ")
	switch {
	case method == http.MethodDelete:
		return "204"
	case method == http.MethodPost:
		return `201 {"id":1}`
	case method == http.MethodGet && isCollection(path):
		return `[]`
	case request == "GET /accounts/acme", request == "GET /accounts/41":
		return `{"id":41,"name":"acme"}`
	case request == "GET /groups/78":
		return `{"id":78,"account_id":41,"name":"web"}`
	case request == "GET /virtual_machines/5012":
		return vm5012
	case request == "GET /discs/900":
		return disc900
	}
	if id, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:]); err == nil && id > 0 {
		return fmt.Sprintf(`{"id":%d}`, id)
	}
	return `{"id":1}`
}

const (
	vm5012  = `{"id":5012,"group_id":78,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","power_on":true}`
	disc900 = `{"id":900,"label":"root","virtual_machine_id":5012,"size":25600}`
)

// isCollection reports whether a GET of a path is answered with a list.
func isCollection(escaped string) bool {
	switch path.Base(escaped) {
	case "accounts", "groups", "virtual_machines", "discs", "users", "privileges":
		return true
	}
	return false
}

// sent is what was on the wire.
func (r *recorder) sent() (requests sends) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, request := range r.requests {
		requests = append(requests, request.String())
	}
	return requests
}

// forget gives the requests, and begins anew.
func (r *recorder) forget() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.requests
	r.requests = nil
	clear(r.asked)
	return requests
}

// newRecorder starts a recorder and makes a client of it, which tries once.
func newRecorder(t *testing.T, answers answers, opts ...bigv.Option) (*recorder, *bigv.Client) {
	t.Helper()
	rec := &recorder{answers: answers, asked: map[string]int{}}
	srv := httptest.NewServer(rec)
	t.Cleanup(srv.Close)
	client, err := bigv.NewClient(append([]bigv.Option{
		bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken"),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return rec, client
}

// method is the method of the client's services that a row's name begins with.
func method(c *bigv.Client, name string) reflect.Value {
	name, _, _ = strings.Cut(name, " ")
	service, name, _ := strings.Cut(name, ".")
	return reflect.ValueOf(c).Elem().FieldByName(service).MethodByName(name)
}

// invoke calls the method that a row's name begins with. A nil argument is the
// zero value, and text is a path where one is wanted. It returns the method's
// first result, the elements of a sequence as a slice. A panic is an error, so
// that one row does not end all.
func invoke(ctx context.Context, c *bigv.Client, name string, args ...any) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s panicked: %v", name, r)
		}
	}()
	f := method(c, name)
	in := make([]reflect.Value, 0, len(args)+1)
	for i, arg := range append([]any{ctx}, args...) {
		value := reflect.ValueOf(arg)
		if i < f.Type().NumIn() {
			want := f.Type().In(i)
			switch {
			case !value.IsValid():
				value = reflect.Zero(want)
			case value.Kind() == reflect.String && want.Kind() == reflect.String:
				value = value.Convert(want)
			}
		}
		in = append(in, value)
	}
	out := f.Call(in)
	if out[0].Kind() == reflect.Func {
		return drain(out[0])
	}
	err, _ = out[len(out)-1].Interface().(error)
	return out[0].Interface(), err
}

// drain is what a sequence of values and errors hands out, in a slice.
func drain(seq reflect.Value) (any, error) {
	elements := reflect.MakeSlice(reflect.SliceOf(seq.Type().In(0).In(0)), 0, 0)
	for element, e := range seq.Seq2() {
		if err, _ := e.Interface().(error); err != nil {
			return elements.Interface(), err
		}
		elements = reflect.Append(elements, element)
	}
	return elements.Interface(), nil
}

// runWire runs rows, each of a List also with All, and holds every request
// against what all have in common.
func runWire(t *testing.T, rows []wireRow) {
	t.Helper()
	for _, row := range withAll(rows) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			rec, client := newRecorder(t, row.answers, row.opts...)
			got, err := invoke(t.Context(), client, row.name, row.args...)
			require.NoError(t, err)
			assert.Equal(t, row.sends, rec.sent())
			if row.want != nil {
				assert.Equal(t, row.want, got)
			}
			for _, request := range rec.requests {
				assert.Equal(t, []string{"application/json"}, request.header["Accept"])
				assert.Equal(t, []string{"application/json"}, request.header["Content-Type"])
				assert.Equal(t, []string{"Bearer t0ken"}, request.header["Authorization"])
				assert.Equal(t, []string{"bigv-go/" + bigv.Version}, request.header["User-Agent"])
			}
		})
	}
}

// withAll adds to each row of a List one that All sends and returns the same.
func withAll(rows []wireRow) []wireRow {
	for _, row := range rows[:len(rows):len(rows)] {
		service, fact, ok := strings.Cut(row.name, ".List")
		if ok && service != "Users" { // a user sees few others
			row.name = service + ".All" + fact
			rows = append(rows, row)
		}
	}
	return rows
}

// services are the names of the client's services that this package's rows are of.
var services = []string{"Accounts", "Groups", "VirtualMachines", "Discs", "Users", "Privileges"}

// eachMethod calls f with the name of every exported method of the services.
func eachMethod(f func(name string, kind reflect.Type)) {
	client := reflect.TypeFor[bigv.Client]()
	for _, service := range services {
		field, _ := client.FieldByName(service)
		for i := range field.Type.NumMethod() {
			f(service+"."+field.Type.Method(i).Name, field.Type.Method(i).Type)
		}
	}
}

// Whoever adds a method adds a row: there is none that was not seen on the wire.
func TestEveryMethodHasARow(t *testing.T) {
	seen := map[string]bool{}
	for _, rows := range [][]wireRow{accountRows(), groupRows(), machineRows(), discRows(), userRows(), privilegeRows()} {
		for _, row := range withAll(rows) {
			name, _, _ := strings.Cut(row.name, " ")
			seen[name] = true
		}
	}
	count := 0
	eachMethod(func(name string, _ reflect.Type) {
		count++
		assert.True(t, seen[name], "no row calls %s", name)
	})
	assert.Greater(t, count, 50)
}

// What can be named, and how it is named on the wire.
var (
	acme = bigv.AccountPath("acme")
	web  = acme.Group("web")
	www1 = web.VirtualMachine("www1")
	root = www1.Disc("root")
)

const (
	acmeURL = "/accounts/acme"
	webURL  = acmeURL + "/groups/web"
	www1URL = webURL + "/virtual_machines/www1"
	rootURL = www1URL + "/discs/root"
)

// Options that rows share.
var (
	flat        = []bigv.Option{bigv.WithURLStyle(bigv.FlatURLs)}
	acmeDefault = []bigv.Option{bigv.WithAccount("acme")}
)

// way is one of the ways to name a thing in a write.
type way[P any] struct {
	fact  string
	opts  []bigv.Option
	path  P
	finds sends  // the requests that find its parents
	url   string // which is nested, whatever the style
}

func accountWays() []way[bigv.AccountPath] {
	return []way[bigv.AccountPath]{
		{"by name", nil, acme, nil, acmeURL},
		{"by ID", nil, bigv.AccountID(41), nil, "/accounts/41"},
		{"that is the default one", acmeDefault, bigv.DefaultAccount, nil, acmeURL},
		{"that is the default one by ID", []bigv.Option{bigv.WithAccount("41")}, bigv.DefaultAccount, nil, "/accounts/41"},
		{"in the flat style", flat, acme, nil, acmeURL},
	}
}

func groupWays() (ways []way[bigv.GroupPath]) {
	for _, w := range accountWays() {
		ways = append(ways, way[bigv.GroupPath]{"in an account " + w.fact, w.opts, w.path.Group("web"), w.finds, w.url + "/groups/web"})
	}
	return append(ways, []way[bigv.GroupPath]{
		{"that is the default one", nil, acme.DefaultGroup(), nil, acmeURL + "/groups/default"},
		{"by ID in an account", nil, acme.Group("78"), nil, acmeURL + "/groups/78"},
		{"by ID alone", nil, bigv.GroupID(78), sends{"GET /groups/78"}, "/accounts/41/groups/78"},
		{"by ID alone in the flat style", flat, bigv.GroupID(78), sends{"GET /groups/78"}, "/accounts/41/groups/78"},
	}...)
}

func machineWays() (ways []way[bigv.VirtualMachinePath]) {
	for _, w := range groupWays() {
		ways = append(ways, way[bigv.VirtualMachinePath]{"in a group " + w.fact, w.opts, w.path.VirtualMachine("www1"), w.finds, w.url + "/virtual_machines/www1"})
	}
	find := sends{"GET /virtual_machines/5012?include_deleted=true"}
	return append(ways, []way[bigv.VirtualMachinePath]{
		{"by ID in a group", nil, web.VirtualMachine("5012"), nil, webURL + "/virtual_machines/5012"},
		{"by ID alone", nil, bigv.VirtualMachineID(5012), find, "/accounts/acme/groups/78/virtual_machines/5012"},
		{"by ID alone in the flat style", flat, bigv.VirtualMachineID(5012), find, "/accounts/acme/groups/78/virtual_machines/5012"},
	}...)
}

func discWays() (ways []way[bigv.DiscPath]) {
	for _, w := range machineWays() {
		ways = append(ways, way[bigv.DiscPath]{"of a machine " + w.fact, w.opts, w.path.Disc("root"), w.finds, w.url + "/discs/root"})
	}
	return append(ways, []way[bigv.DiscPath]{
		{"by ID on a machine", nil, www1.Disc("900"), nil, www1URL + "/discs/900"},
		{"by ID alone", nil, bigv.DiscID(900), sends{"GET /discs/900", "GET /virtual_machines/5012?include_deleted=true"},
			"/accounts/acme/groups/78/virtual_machines/5012/discs/900"},
	}...)
}

// write is a row of a method that takes a path, for all ways to write it.
type write struct {
	name  string
	args  args   // behind the path
	sends string // with {} for the URL of the path
}

// inAllWays makes a row of each write and each way.
func inAllWays[P any](ways []way[P], writes ...write) (rows []wireRow) {
	for _, write := range writes {
		for _, way := range ways {
			rows = append(rows, wireRow{
				name:  write.name + " " + way.fact,
				opts:  way.opts,
				args:  append(args{way.path}, write.args...),
				sends: append(way.finds[:len(way.finds):len(way.finds)], strings.Replace(write.sends, "{}", way.url, 1)),
			})
		}
	}
	return rows
}

// just drops the value of a call.
func just[T any](_ T, err error) error { return err }

// fixture is a file of testdata.
func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(data)
}

// assertSent asserts what was on the wire.
func assertSent(t *testing.T, rec *recorder, want ...string) {
	t.Helper()
	assert.Equal(t, want, []string(rec.sent()))
}

// assertSays asserts that there is an error, and that it says so.
func assertSays(t *testing.T, err error, words string) {
	t.Helper()
	if assert.Error(t, err) {
		assert.Contains(t, err.Error(), words)
	}
}
