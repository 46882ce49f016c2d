package bigv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostileNames would change a request if they were put into it unescaped. Each stands for a kind of them.
var hostileNames = []string{
	"a/b", "a?b=c", "..%2f", "%2e%2e", "a#b", "a b+c", "a&purge=true", "nül🐙", `"\`, "{account}", "vm_create",
}

// moreHostileNames are tried with a few methods only.
var moreHostileNames = []string{
	"/a", "//evil.example", "?", "a%b", "%", "%2F", "%00", "#5012", "+", "a=b", "a;b", "a:b", "::1", "a@b", "@default @", "a,b", "<b>",
	"日本語", "a\u202eb", "-", "--", "...", ".a", "a.", "www1.web.acme", "signal", "definitions", "{}", "a%{b}",
}

// plain is the name that the hostile names are compared with.
const plain = "plainname"

// argsWithName returns arguments that have a name wherever there is room for one. A wait calls onPoll.
func (m method) argsWithName(t *testing.T, name string, onPoll func(bigv.Poll)) []any {
	t.Helper()
	account, user := bigv.AccountPath(name), bigv.UserPath(name)
	vm := account.Group(name).VirtualMachine(name)
	disc := bigv.DiscCreate{Label: name, Size: 50}
	values := []any{
		account, user, account.Group(name), vm, vm.Disc(name), vm.NIC(6100), vm.Disc(name).Backup(name),
		bigv.GroupListOptions{Account: account}, bigv.VirtualMachineListOptions{Group: account.Group(name)},
		bigv.DiscListOptions{VirtualMachine: vm}, bigv.NICListOptions{VirtualMachine: vm}, bigv.PrivilegeListOptions{User: user},
		bigv.APIKeyListOptions{User: user}, bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: account.Group(name)},
		bigv.VirtualMachineRelocate{Name: name, Group: account.Group(name)}, bigv.AccountCreate{Name: name}, bigv.GroupCreate{Name: name},
		bigv.UserCreate{Username: name}, disc,
		bigv.VirtualMachineCreate{Name: name, Discs: []bigv.DiscCreate{disc}}, bigv.VMDefaultCreate{Account: account, Name: name},
		bigv.IPCreate{Addresses: 1, Reason: name}, bigv.APIKeyCreate{Label: name},
		bigv.IPSwap{VirtualMachine1: vm, VirtualMachine2: www1},
		bigv.SessionCreate{Username: name, Password: bigv.NewSecret("0pensesame")},
		[]bigv.VirtualMachinePath{vm}, []bigv.DiscPath{vm.Disc(name)},
		bigv.WaitOptions{OnPoll: onPoll}, bigv.ShutdownOptions{Wait: bigv.WaitOptions{OnPoll: onPoll}},
	}
	if !strings.HasPrefix(m.name, "Users.") { // whose strings are keys
		values = append(values, name)
	}
	return m.exampleArgs(t, values...)
}

// sentWithName returns the requests of a method that is called with a name wherever there is room for one. The service's responses
// to writes are empty, so that what was written is read back by name, and a wait ends after the first poll.
func sentWithName(t *testing.T, shared *fakeserver.Shared, m method, name string, opts []bigv.Option) []fakeserver.Request {
	t.Helper()
	post := "200 {}"
	if strings.Contains(m.name, ".FindOr") { // otherwise it polls for the new object
		post = `200 {"id":1}`
	}
	srv := shared.New(fakeserver.Table(t, responses{"POST": post, "PUT": "200 {}", "DELETE": "200 {}"}))
	client := newClient(t, srv, slices.Concat([]bigv.Option{tryOnce}, opts)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, _ = m.call(ctx, client, m.argsWithName(t, name, func(bigv.Poll) { cancel() })...)
	return srv.Requests()
}

// A hostile name is one segment of the path, one value of the query, or one string of the body. Otherwise the request is the same as
// for a plain name.
func TestHostileNamesAreEscaped(t *testing.T) {
	t.Parallel()
	shared := fakeserver.NewShared(t, false)
	for style, opts := range map[string][]bigv.Option{"nested": nil, "flat": flat} {
		eachMethod(t, func(m method) {
			if strings.HasSuffix(m.name, ".Resolve") || !m.takesName() { // Resolve sends nothing for a full path
				return
			}
			t.Run(style+" "+m.name, func(t *testing.T) {
				t.Parallel()
				want := sentWithName(t, shared, m, plain, opts)
				if !strings.Contains(fmt.Sprint(want), plain) {
					t.Fatalf("escaping_test.go: add to argsWithName a value of a parameter of %s that has a name", m.name)
				}
				names := hostileNames
				switch m.name {
				case "VirtualMachines.Get", "VirtualMachines.Purge", "VirtualMachines.List", "Discs.Relabel", "Privileges.List":
					names = slices.Concat(names, moreHostileNames)
				}
				for _, name := range names {
					got := sentWithName(t, shared, m, name, opts)
					require.Len(t, got, len(want), "%q", name)
					for i := range want {
						assertSameBut(t, want[i], got[i], name)
					}
				}
			})
		})
	}
}

// takesName reports whether the method has a parameter for text: a string, a path, or a struct that contains one.
func (m method) takesName() bool { return slices.ContainsFunc(m.params, holdsName) }

func holdsName(kind reflect.Type) bool {
	switch {
	case kind == reflect.TypeFor[string](), strings.HasSuffix(kind.Name(), "Path"):
		return true
	case kind.Kind() == reflect.Slice:
		return holdsName(kind.Elem())
	case kind.Kind() == reflect.Struct:
		return slices.ContainsFunc(reflect.VisibleFields(kind), func(f reflect.StructField) bool {
			return f.IsExported() && holdsName(f.Type)
		})
	}
	return false
}

// assertSameBut asserts that two requests are the same except for a name in the place of the plain one, after they are parsed as a
// service parses them.
func assertSameBut(t *testing.T, want, got fakeserver.Request, name string) {
	t.Helper()
	assert.Equal(t, want.Method, got.Method)
	wantSegments, gotSegments := strings.Split(want.Path, "/"), strings.Split(got.Path, "/")
	require.Len(t, gotSegments, len(wantSegments), "%q in %s", name, got.Path)
	for i, segment := range wantSegments {
		decoded, err := url.PathUnescape(gotSegments[i])
		require.NoError(t, err)
		assert.Equal(t, replacePlain(segment, name), decoded, "in %s", got.Path)
	}
	wantQuery, err := url.ParseQuery(want.Query)
	require.NoError(t, err)
	gotQuery, err := url.ParseQuery(got.Query)
	require.NoError(t, err)
	for _, values := range wantQuery {
		values[0] = replacePlain(values[0], name)
	}
	assert.Equal(t, wantQuery, gotQuery, "in %s", got.Query)
	if want.Body == "" {
		assert.Empty(t, got.Body)
		return
	}
	var wantBody, gotBody any
	require.NoError(t, json.Unmarshal([]byte(want.Body), &wantBody))
	require.NoError(t, json.Unmarshal([]byte(got.Body), &gotBody))
	assert.Equal(t, replaceIn(wantBody, name), gotBody)
}

// replacePlain replaces a text that is the plain name.
func replacePlain(text, name string) string {
	if text == plain {
		return name
	}
	return text
}

// replaceIn replaces the plain name in a JSON value, in place.
func replaceIn(value any, name string) any {
	switch v := value.(type) {
	case string:
		return replacePlain(v, name)
	case []any:
		for i := range v {
			v[i] = replaceIn(v[i], name)
		}
	case map[string]any:
		for member := range v {
			v[member] = replaceIn(v[member], name)
		}
	}
	return value
}

func TestNamesOnTheWire(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a/b": "a%2Fb", "..%2f": "..%252f", "%2F": "%252F", "a?b=c": "a%3Fb=c", "a#b": "a%23b", "a b": "a%20b", "100%": "100%25",
		"nül": "n%C3%BCl", `a\b`: "a%5Cb", "...": "...",
	} {
		srv := fakeserver.New(t, nil)
		client := newClient(t, srv)
		require.NoError(t, client.VirtualMachines.Purge(t.Context(), bigv.AccountPath(name).Group(name).VirtualMachine(name)))
		assert.Equal(t, []string{"DELETE /accounts/" + want + "/groups/" + want + "/virtual_machines/" + want + "?purge=true"}, srv.Sent())
	}
	srv := fakeserver.New(t, nil)
	options := bigv.VirtualMachineListOptions{Group: bigv.AccountPath("a&b").Group("c=d e+f%#?/é")}
	_, err := newClient(t, srv, flat...).VirtualMachines.List(t.Context(), options)
	require.NoError(t, err)
	assert.Equal(t, []string{"GET /virtual_machines?account_name=a%26b&group_name=c%3Dd+e%2Bf%25%23%3F%2F%C3%A9"}, srv.Sent())
}
