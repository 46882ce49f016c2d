package bigv_test

import (
	"context"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostileNames are names that would change a request if they were put into it as
// they are: each stands for a kind of them.
var hostileNames = []string{"a/b", "a?b=c", "..%2f", "%2e%2e", "a#b", "a b+c", "a&purge=true", "nül🐙", `"\`, "{account}", "vm_create"}

// moreNames are looked at with a few methods only.
var moreNames = []string{
	"/", "//evil.example/", "?", "a%b", "%", "%2F", "%00", "#5012", " ", "+", "a=b", "a;b", "a:b", "::1", "a@b", "@default ", "a,b", "<b>", "日本語",
	"a\u202eb", "-", "--", "...", ".a", "a.", "www1.web.acme", "signal", "definitions", "{}", "a%{b}",
}

// plain stands where a hostile name will be.
const plain = "plainname"

// hostileArgs are arguments with a name wherever there is room for one. What
// waits is told to.
func hostileArgs(method string, kind reflect.Type, name string, onPoll func(bigv.Poll)) (args args) {
	account := bigv.AccountPath(name)
	vm := account.Group(name).VirtualMachine(name)
	byName := byType()
	for _, value := range []any{
		account, bigv.UserPath(name), account.Group(name), vm, vm.Disc(name),
		bigv.GroupListOptions{Account: account}, bigv.VirtualMachineListOptions{Group: account.Group(name)}, bigv.DiscListOptions{VirtualMachine: vm},
		bigv.PrivilegeListOptions{User: bigv.UserPath(name)}, bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: account.Group(name)},
		bigv.GroupCreate{Name: name}, bigv.AccountCreate{Name: name}, bigv.UserCreate{Username: name},
		bigv.VirtualMachineCreate{Name: name, Discs: []bigv.DiscCreate{{Label: name, Size: 50}}}, bigv.DiscCreate{Label: name, Size: 50},
		bigv.WaitOptions{OnPoll: onPoll}, bigv.ShutdownOptions{Wait: bigv.WaitOptions{OnPoll: onPoll}},
	} {
		byName[reflect.TypeOf(value)] = value
	}
	if !strings.HasPrefix(method, "Users.") { // whose texts are keys
		byName[reflect.TypeFor[string]()] = name
	}
	for i := 2; i < kind.NumIn()-1; i++ {
		args = append(args, byName[kind.In(i)])
	}
	return args
}

// sentWith is what a method sends that is called with a name wherever there is
// room for one. The service says nothing of use, so that names are what is read
// back and looked up by too, and what waits looks once.
func sentWith(t *testing.T, rec *recorder, client *bigv.Client, name, method string, kind reflect.Type) []exchange {
	t.Helper()
	rec.forget()
	rec.everyWrite = "200 {}"
	if strings.HasSuffix(method, ".FindOrCreate") { // it would look for what it has made for a while
		rec.everyWrite = `200 {"id":1}`
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	args := hostileArgs(method, kind, name, func(bigv.Poll) { cancel() })
	if method == "VirtualMachines.CreateBare" {
		args[1] = bigv.VirtualMachineCreate{Name: name}
	}
	_, _ = invoke(ctx, client, method, args...)
	return rec.forget()
}

// A hostile name changes nothing of a request but the one segment, value or text
// that it is: what is sent is what is sent for a plain name.
func TestHostileNamesStayInTheirPlace(t *testing.T) {
	for style, opts := range map[string][]bigv.Option{"nested": nil, "flat": flat} {
		eachMethod(func(method string, kind reflect.Type) {
			if takesNoName(method) {
				return
			}
			t.Run(style+" "+method, func(t *testing.T) {
				t.Parallel()
				rec, client := newRecorder(t, nil, opts...)
				want := sentWith(t, rec, client, plain, method, kind)
				require.NotEmpty(t, want)
				names := hostileNames
				switch method {
				case "VirtualMachines.Get", "VirtualMachines.Purge", "VirtualMachines.List", "Discs.Relabel", "Privileges.List":
					names = append(names, moreNames...)
				}
				for _, name := range names {
					got := sentWith(t, rec, client, name, method, kind)
					require.Len(t, got, len(want), "%q", name)
					for i := range want {
						assertSameBut(t, want[i], got[i], name)
					}
				}
			})
		})
	}
}

// takesNoName reports whether a method has no path, and nothing that has a name.
func takesNoName(method string) bool {
	switch method {
	case "Accounts.List", "Accounts.All", "Users.List", "Privileges.Get", "Privileges.Update", "Privileges.Revoke",
		"Groups.Resolve", "VirtualMachines.Resolve", "Discs.Resolve": // of full paths, which send nothing
		return true
	}
	return false
}

// assertSameBut asserts that two requests are the same but for a name in the
// place of the plain one, taken apart as a service takes them apart.
func assertSameBut(t *testing.T, want, got exchange, name string) {
	t.Helper()
	assert.Equal(t, want.method, got.method)
	wantSegments, gotSegments := strings.Split(want.path, "/"), strings.Split(got.path, "/")
	require.Len(t, gotSegments, len(wantSegments), "%q in %s", name, got.path)
	for i, segment := range wantSegments {
		decoded, err := url.PathUnescape(gotSegments[i])
		require.NoError(t, err)
		assert.Equal(t, replacePlain(segment, name), decoded, "in %s", got.path)
	}
	wantQuery, err := url.ParseQuery(want.query)
	require.NoError(t, err)
	gotQuery, err := url.ParseQuery(got.query)
	require.NoError(t, err)
	for _, values := range wantQuery {
		values[0] = replacePlain(values[0], name)
	}
	assert.Equal(t, wantQuery, gotQuery, "in %s", got.query)
	if want.body == "" {
		assert.Empty(t, got.body)
		return
	}
	var wantBody, gotBody any
	require.NoError(t, json.Unmarshal([]byte(want.body), &wantBody))
	require.NoError(t, json.Unmarshal([]byte(got.body), &gotBody))
	assert.Equal(t, replaceIn(wantBody, name), gotBody)
}

func replacePlain(text, name string) string {
	if text == plain {
		return name
	}
	return text
}

// replaceIn replaces the plain name in a JSON value.
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

// The bytes on the wire, for a few of them.
func TestHostileNamesAsTheyTravel(t *testing.T) {
	for name, want := range map[string]string{
		"a/b": "a%2Fb", "..%2f": "..%252f", "%2F": "%252F", "a?b=c": "a%3Fb=c", "a#b": "a%23b", "a b": "a%20b", "100%": "100%25", "nül": "n%C3%BCl", `a\b`: "a%5Cb", "...": "...",
	} {
		rec, client := newRecorder(t, nil)
		require.NoError(t, client.VirtualMachines.Purge(t.Context(), bigv.AccountPath(name).Group(name).VirtualMachine(name)))
		assertSent(t, rec, "DELETE /accounts/"+want+"/groups/"+want+"/virtual_machines/"+want+"?purge=true")
	}
	rec, client := newRecorder(t, nil, flat...)
	_, err := client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: bigv.AccountPath("a&b").Group("c=d e+f%#?/é")})
	require.NoError(t, err)
	assertSent(t, rec, "GET /virtual_machines?account_name=a%26b&group_name=c%3Dd+e%2Bf%25%23%3F%2F%C3%A9")
}
