package bigv_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/exchange"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wireRow is one call of a method, every request that the service must receive for it, and what it must return.
//
// The rows of a service are in the test file of its resource: see wireRows. A new method needs at least one.
type wireRow struct {
	name      string // begins with the method that is called: "Groups.Get by ID alone is flat"
	opts      []bigv.Option
	call      callFunc
	all       callFunc  // of a List row: the same list through All, which must send and return the same
	allFirst  []string  // lookups that All sends before it opens the list; List sends them after it, if it is not empty
	responses responses // fakeserver.Service responds to the rest
	sent      []string  // each request as "METHOD path?query body"
	want      any       // the result; not compared if it is nil
	wantErr   []any     // each an error for errors.Is, or a string that the error's text contains
}

type (
	// callFunc calls a method and returns its first result. A method that returns only an error has the result nil.
	callFunc func(context.Context, *bigv.Client) (any, error)
	// responses are those of the service: see fakeserver.Responses.
	responses = fakeserver.Responses
)

// runRows runs rows. A row that is refused before anything is sent runs in both URL styles.
func runRows(t *testing.T, rows []wireRow) {
	t.Helper()
	t.Parallel()
	shared := fakeserver.NewShared(t, false)
	for _, row := range rows {
		run := func(name string, call callFunc, opts ...bigv.Option) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				row.run(t, shared, call, opts)
			})
		}
		run(row.name, row.call, row.opts...)
		if row.all != nil {
			row := row
			row.sent = slices.Concat(row.allFirst, without(row.sent, row.allFirst))
			t.Run(strings.Replace(row.name, ".List", ".All", 1), func(t *testing.T) {
				t.Parallel()
				row.run(t, shared, row.all, row.opts)
			})
		}
		if row.isRefused() {
			run(row.name+", flat", row.call, slices.Concat(flat, row.opts)...)
		}
	}
}

// without returns the elements of list that are not in others, or nil if there are none.
func without(list, others []string) (rest []string) {
	for _, s := range list {
		if !slices.Contains(others, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// method returns the name of the method that the row calls, such as "Discs.Get".
func (row wireRow) method() string { return row.name[:strings.IndexAny(row.name+" ", " :")] }

// isRefused reports whether the row expects that the call fails and nothing is sent.
func (row wireRow) isRefused() bool { return row.wantErr != nil && row.sent == nil }

// run runs a call of a row.
func (row wireRow) run(t *testing.T, shared *fakeserver.Shared, call callFunc, opts []bigv.Option) {
	srv := shared.New(fakeserver.Table(t, row.responses))
	client := newClient(t, srv, append([]bigv.Option{tryTwice}, opts...)...)
	got, err := call(t.Context(), client)
	assert.Equal(t, row.sent, srv.Sent())
	switch {
	case row.wantErr == nil:
		require.NoError(t, err)
	case row.isRefused():
		assertNotSent(t, err, "")
	default:
		require.Error(t, err)
	}
	for _, want := range row.wantErr {
		assertErr(t, err, want)
	}
	if row.want != nil {
		assert.Equal(t, row.want, got)
	}
	assertNoSecrets(t, err, rowSecrets...)
	for _, request := range srv.Requests() {
		assertHeaders(t, request)
		url := request.Path + "?" + request.Query
		exchange.Record(t, exchange.Exchange{Method: request.Method, URL: url, Header: request.Header, Body: request.Body})
	}
}

// assertErr asserts that err matches an error, or contains a text.
func assertErr(t *testing.T, err error, want any) {
	t.Helper()
	switch want := want.(type) {
	case error:
		assert.ErrorIs(t, err, want)
	case string:
		assert.ErrorContains(t, err, want)
	default:
		assert.Fail(t, "an expected error must be an error or a string", "%T", want)
	}
}

// assertNotSent asserts that a call failed before anything was sent. The arguments say which call, if the test's name does not.
func assertNotSent(t *testing.T, err error, format string, args ...any) {
	t.Helper()
	message := append([]any{format}, args...)
	if assert.Error(t, err, message...) {
		assert.Contains(t, err.Error(), "not sent", message...)
		assert.True(t, strings.HasPrefix(err.Error(), "bigv: "), message...)
		assert.False(t, is[*bigv.Error](err), "an Error describes a response, and there is none")
	}
}

// rowSecrets are what rows use as passwords, keys and tokens.
var rowSecrets = []string{
	"t0ken", "s3ss", "n3wsession", "0pensesame", "yubik3ycode", "app-c0de", "s3cretkey", "s3same", `ses"ame`, `ses\"ame`, "sesame",
}

// assertHeaders asserts the headers that every request has. Only logins accept text, and neither the authentication service nor
// the definitions get a token.
func assertHeaders(t *testing.T, request fakeserver.Request) {
	t.Helper()
	session := strings.HasPrefix(request.Path, "/session")
	accept := "application/json"
	if session && request.Method == "POST" {
		accept = "text/plain"
	}
	assert.Equal(t, []string{accept}, request.Header["Accept"])
	assert.Equal(t, []string{"application/json"}, request.Header["Content-Type"])
	assert.Equal(t, []string{"bigv-go/" + bigv.Version}, request.Header["User-Agent"])
	if session || request.Path == "/definitions" {
		assert.NotContains(t, request.Header, "Authorization")
	} else {
		assert.Equal(t, []string{"Bearer t0ken"}, request.Header["Authorization"])
	}
}

// wireRows has a method for each service, with the name of the service and in the test file of its resource: Discs in discs_test.go.
// The method returns the rows of the service. The tests below find these methods by reflection.
type wireRows struct{}

// rowsByService returns the rows of each service that wireRows has a method for.
func rowsByService(t *testing.T) map[string][]wireRow {
	t.Helper()
	services := map[string][]wireRow{}
	methods := reflect.ValueOf(wireRows{})
	for i := range methods.NumMethod() {
		name := methods.Type().Method(i).Name
		rows, ok := methods.Method(i).Interface().(func() []wireRow)
		if !ok {
			t.Fatalf("%s_test.go: the signature must be: func (wireRows) %s() []wireRow", snakeCase(name), name)
		}
		services[name] = rows()
	}
	return services
}

// TestWire runs all rows. The subtests are named for the service and the row: TestWire/Discs/Discs.Get_by_label.
func TestWire(t *testing.T) {
	t.Parallel()
	for service, rows := range rowsByService(t) {
		t.Run(service, func(t *testing.T) { runRows(t, rows) })
	}
}

func TestEveryMethodHasAWireRow(t *testing.T) {
	t.Parallel()
	services := rowsByService(t)
	tested := map[string]bool{"Sessions.KeepAlive": true} // it only returns an error: see TestKeepAlive
	files := map[string]string{}                          // of the rows, by method
	for service, rows := range services {
		for _, row := range rows {
			name := row.method()
			files[name] = snakeCase(service) + "_test.go"
			tested[name] = tested[name] || !row.isRefused()
			if row.all != nil {
				all := strings.Replace(name, ".List", ".All", 1)
				tested[all] = tested[all] || !row.isRefused()
			}
		}
	}
	eachMethod(t, func(m method) {
		file := snakeCase(m.service()) + "_test.go"
		if _, ok := services[m.service()]; !ok {
			t.Errorf("%s: add func (wireRows) %s() []wireRow, with a row for %s", file, m.service(), m.name)
		} else if !tested[m.name] {
			t.Errorf("%s: add a wire row for %s", file, m.name)
		}
		delete(tested, m.name)
	})
	for name := range tested {
		t.Errorf("%s: the name of a wire row begins with %s, which is not a method of a service", files[name], name)
	}
}

// notSent are the members of parameters that no request has, and why.
var notSent = map[string]string{
	"PrivilegeGrant.account":         "sent as account_id",
	"PrivilegeGrant.group":           "sent as group_id",
	"PrivilegeGrant.virtual_machine": "sent as virtual_machine_id",
}

// TestEveryRequestMemberHasAWireRow requires that each JSON member of a parameter is sent in a row of a method that has the parameter.
// Types that responses are decoded into as well, such as BackupSchedule, have members that are never sent.
func TestEveryRequestMemberHasAWireRow(t *testing.T) {
	t.Parallel()
	sent := map[string]string{} // by method
	for _, rows := range rowsByService(t) {
		for _, row := range rows {
			sent[row.method()] += strings.Join(row.sent, "\n")
		}
	}
	read, all := readTypes(t), func(reflect.Type) bool { return true }
	bodies, files := map[reflect.Type]string{}, map[reflect.Type]string{}
	eachMethod(t, func(m method) {
		for _, param := range m.params {
			for kind := range structsIn(param, all) {
				bodies[kind] += sent[m.name]
				files[kind] = snakeCase(m.service()) + "_test.go"
			}
		}
	})
	for kind, body := range bodies {
		for _, member := range membersOf(kind) {
			skip := read[kind] != "" || notSent[kind.Name()+"."+member] != ""
			if !skip && !strings.Contains(body, `"`+member+`":`) {
				t.Errorf("%s: add a wire row that sends %q of %s", files[kind], member, kind)
			}
		}
	}
}

// structsIn returns the structs with JSON members that a type is or contains, without those for which include returns false.
func structsIn(kind reflect.Type, include func(reflect.Type) bool) map[reflect.Type]bool {
	found := map[reflect.Type]bool{}
	var add func(reflect.Type)
	add = func(kind reflect.Type) {
		for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if len(membersOf(kind)) == 0 || found[kind] || !include(kind) {
			return
		}
		found[kind] = true
		for field := range kind.Fields() {
			add(field.Type)
		}
	}
	add(kind)
	return found
}

// Paths that rows use, and their URLs.
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
	flatDefault = slices.Concat(flat, acmeDefault)
	tryOnce     = bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1})
	tryTwice    = bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 2, MinWait: time.Nanosecond, MaxWait: time.Nanosecond})
)

// pathVariant is one of the paths that identify the same resource.
type pathVariant[P any] struct {
	name    string
	opts    []bigv.Option
	path    P
	lookups []string // the requests that find its parents before a write
	url     string   // of a write, which is nested in both styles
}

func accountPathVariants() []pathVariant[bigv.AccountPath] {
	byID := []bigv.Option{bigv.WithAccount("41")}
	return []pathVariant[bigv.AccountPath]{
		{"by name", nil, acme, nil, acmeURL},
		{"by ID", nil, bigv.AccountID(41), nil, "/accounts/41"},
		{"that is the default one", acmeDefault, bigv.DefaultAccount, nil, acmeURL},
		{"that is the default one by ID", byID, bigv.DefaultAccount, nil, "/accounts/41"},
		{"in the flat style", flat, acme, nil, acmeURL},
	}
}

func groupPathVariants() []pathVariant[bigv.GroupPath] {
	lookup := []string{"GET /groups/78"}
	variants := []pathVariant[bigv.GroupPath]{
		{"that is the default one", nil, acme.DefaultGroup(), nil, acmeURL + "/groups/default"},
		{"by ID in an account", nil, acme.Group("78"), nil, acmeURL + "/groups/78"},
		{"by ID alone", nil, bigv.GroupID(78), lookup, "/accounts/41/groups/78"},
		{"by ID alone in the flat style", flat, bigv.GroupID(78), lookup, "/accounts/41/groups/78"},
	}
	for _, v := range accountPathVariants() {
		variants = append(variants, pathVariant[bigv.GroupPath]{
			"in an account " + v.name, v.opts, v.path.Group("web"), v.lookups, v.url + "/groups/web",
		})
	}
	return variants
}

func vmPathVariants() []pathVariant[bigv.VirtualMachinePath] {
	lookup := []string{"GET /virtual_machines/5012?include_deleted=true"}
	variants := []pathVariant[bigv.VirtualMachinePath]{
		{"by ID in a group", nil, web.VirtualMachine("5012"), nil, webURL + "/virtual_machines/5012"},
		{"by ID alone", nil, bigv.VirtualMachineID(5012), lookup, vm5012URL},
		{"by ID alone in the flat style", flat, bigv.VirtualMachineID(5012), lookup, vm5012URL},
	}
	for _, v := range groupPathVariants() {
		variants = append(variants, pathVariant[bigv.VirtualMachinePath]{
			"in a group " + v.name, v.opts, v.path.VirtualMachine("www1"), v.lookups, v.url + "/virtual_machines/www1",
		})
	}
	return variants
}

// discPathVariantByIDAlone is not among the others because Discs.Purge sends DELETE /discs/900 for it.
var discPathVariantByIDAlone = pathVariant[bigv.DiscPath]{
	"by ID alone", nil, bigv.DiscID(900),
	[]string{"GET /discs/900", "GET /virtual_machines/5012?include_deleted=true"}, vm5012URL + "/discs/900",
}

func discPathVariants() []pathVariant[bigv.DiscPath] {
	variants := []pathVariant[bigv.DiscPath]{{"by ID on a machine", nil, www1.Disc("900"), nil, www1URL + "/discs/900"}}
	for _, v := range vmPathVariants() {
		variants = append(variants, pathVariant[bigv.DiscPath]{
			"of a machine " + v.name, v.opts, v.path.Disc("root"), v.lookups, v.url + "/discs/root",
		})
	}
	return variants
}

// variantRow is a row of a method that takes a path, for all variants of the path.
type variantRow[P any] struct {
	name string
	call func(P) callFunc
	sent string // with {} for the URL of the path
}

// inAllVariants returns a wire row for each variant row and each variant.
func inAllVariants[P any](variants []pathVariant[P], variantRows []variantRow[P]) []wireRow {
	var rows []wireRow
	for _, row := range variantRows {
		for _, v := range variants {
			rows = append(rows, wireRow{
				name: row.name + " " + v.name, opts: v.opts, call: row.call(v.path),
				sent: append(slices.Clone(v.lookups), strings.Replace(row.sent, "{}", v.url, 1)),
			})
		}
	}
	return rows
}

// foundOrCreated are the results of a FindOrCreate.
type foundOrCreated struct {
	value   any
	created bool
}

// just drops the value of a call.
func just[T any](_ T, err error) error { return err }

// fixture returns the content of a file of testdata.
func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(data)
}

// Requests that find the parents of a virtual machine with an ID alone, and the URL of a write to it afterwards.
const (
	lookupVM = "GET /virtual_machines/5012?include_deleted=true"
	nestedVM = "/accounts/acme/groups/77/virtual_machines/5012"
)

// withVM returns responses with two virtual machines and a disc in group 77, and more, which take precedence.
func withVM(more responses) responses {
	all := responses{
		"GET /virtual_machines/5012": `{"id":5012,"group_id":77,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"}`,
		"GET /virtual_machines": `[{"id":5012,"group_id":77,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"},
			{"id":5013,"group_id":77,"name":"www2","hostname":"www2.web.acme.uk0.bigv.io"}]`,
		"GET " + www1URL:  `{"id":5012,"group_id":77,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"}`,
		"GET /discs/9001": `{"id":9001,"label":"root","virtual_machine_id":5012}`,
		"GET /discs":      `[{"id":9001,"label":"root","virtual_machine_id":5012}]`,
	}
	for request, text := range more {
		all[request] = text
	}
	return all
}

// assertNoSecrets asserts that neither err nor any error that it wraps shows a secret when it is printed.
func assertNoSecrets(t *testing.T, err error, secrets ...string) {
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
