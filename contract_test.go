package bigv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests check that bigvtest serves every method and every attribute of bigv. See also TestEveryMethodHasAWireRow.

// contractServer is a server of bigvtest, with a client of its user alice.
type contractServer struct {
	srv    *bigvtest.Server
	client *bigv.Client
	nic    bigv.NIC // of www1
}

// newContractServer returns a server that has the account acme, the group web, the virtual machines www1 and www2, and the disc root
// of www1.
func newContractServer(t *testing.T) contractServer {
	t.Helper()
	srv := bigvtest.NewServer(t)
	group := srv.Account("acme").Group("web")
	group.VirtualMachine("www1").Disc("root", 25600)
	group.VirtualMachine("www2")
	client := srv.Client(bigv.WithRetryPolicy(quick))
	nics, err := client.NICs.List(t.Context(), bigv.NICListOptions{VirtualMachine: www1})
	require.NoError(t, err)
	return contractServer{srv, client, nics[0]}
}

// fullServer is a server in which every attribute of every resource has a value. Its methods are named for the services and are in the
// test files of their resources: Discs in discs_test.go. Each adds what its service reads and a contractServer does not have.
type fullServer struct{ contractServer }

// newFullServer returns a server on which all methods of fullServer were called, in alphabetical order. It finds them by reflection.
func newFullServer(t *testing.T) fullServer {
	t.Helper()
	s := fullServer{newContractServer(t)}
	methods := reflect.ValueOf(s)
	for i := range methods.NumMethod() {
		name := methods.Type().Method(i).Name
		create, ok := methods.Method(i).Interface().(func(*testing.T))
		if !ok {
			t.Fatalf("%s_test.go: the signature must be: func (fullServer) %s(t *testing.T)", snakeCase(name), name)
		}
		create(t)
	}
	return s
}

// call calls a method with valid arguments and returns the requests that it sent. Waits end after the first poll.
func (s contractServer) call(t *testing.T, m method) []bigvtest.Exchange {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if m.name == "Sessions.KeepAlive" { // which sends its first request at once, and returns when ctx is done
		time.AfterFunc(200*time.Millisecond, cancel)
	}
	endWait := bigv.WaitOptions{OnPoll: func(bigv.Poll) { cancel() }}
	s.srv.ClearJournal()
	_, err := m.call(ctx, s.client, m.exampleArgs(
		t, endWait, bigv.ShutdownOptions{Wait: endWait}, bigv.NewSecret(s.srv.Token()), www1.NIC(s.nic.ID), s.nic.IPs[0],
		bigv.AccountListOptions{View: bigv.Overview}, bigv.APIKeyListOptions{View: bigv.Overview},
	)...)
	sent := s.srv.Journal()
	if len(sent) == 0 && !strings.HasSuffix(m.name, ".Resolve") { // of a full path, which needs no request
		t.Errorf("%s sent nothing: %v", m.name, err)
	}
	return sent
}

func TestEveryMethodHasARouteInBigvtest(t *testing.T) {
	t.Parallel()
	reported := map[string]bool{}
	eachMethod(t, func(m method) {
		s := newContractServer(t)
		for _, e := range s.call(t, m) {
			if hasRoute(t, s.srv, e) {
				continue
			}
			if message := missingRoute(t, m, e); !reported[message] {
				t.Error(message)
				reported[message] = true
			}
		}
	})
}

// bigvtestFiles are the files of bigvtest for services that do not have a file of their own.
var bigvtestFiles = map[string]string{"APIKeys": "users", "IPs": "nics", "Sessions": "auth"}

// bigvtestFile returns the file of bigvtest that serves a service.
func bigvtestFile(service string) string {
	name := bigvtestFiles[service]
	if name == "" {
		name = snakeCase(service)
	}
	return "bigvtest/" + name + ".go"
}

var routesDecl = regexp.MustCompile(`(?m)^var (\w+Routes) = `)

// missingRoute returns a message that says where to add a route.
func missingRoute(t *testing.T, m method, e bigvtest.Exchange) string {
	t.Helper()
	file := bigvtestFile(m.service())
	source, err := os.ReadFile(file)
	declared := routesDecl.FindSubmatch(source)
	if err != nil || declared == nil {
		return fmt.Sprintf("%s: declare a map of routes, like discRoutes, with a route for %s: %s %s", file, m.name, e.Method, e.Path)
	}
	tree, err := os.ReadFile("bigvtest/routes.go")
	require.NoError(t, err)
	if routes := string(declared[1]); !strings.Contains(string(tree), routes) {
		return fmt.Sprintf("bigvtest/routes.go: add %s to newRouteTree", routes)
	}
	return fmt.Sprintf("%s: add a route for %s to %s: %s %s", file, m.name, declared[1], e.Method, e.Path)
}

// hasRoute reports whether bigvtest has a route for a request that it received. It responds 405 to an unknown method, and 404 to an
// unknown path; but 404 may also mean that the object does not exist, so the request is repeated without a token: bigvtest looks for
// the route first, and then responds 401. The sessions in these tests exist.
func hasRoute(t *testing.T, srv *bigvtest.Server, e bigvtest.Exchange) bool {
	t.Helper()
	if e.Status != http.StatusNotFound {
		return e.Status != http.StatusMethodNotAllowed
	}
	r, err := http.NewRequestWithContext(t.Context(), e.Method, srv.URL()+e.Path, http.NoBody)
	require.NoError(t, err)
	resp, err := srv.HTTPClient().Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode != http.StatusNotFound
}

func TestRequestsWithoutARouteAreSeen(t *testing.T) {
	t.Parallel()
	srv := bigvtest.NewServer(t)
	srv.Account("acme")
	for request, want := range map[string]bool{
		"GET /accounts/acme": true, "GET /accounts/other": true, "GET /accounts/acme/clones": false, "POST /accounts/acme": false,
	} {
		method, path, _ := strings.Cut(request, " ")
		srv.ClearJournal()
		_ = srv.Client().Do(t.Context(), method, path, nil, nil)
		assert.Equal(t, want, hasRoute(t, srv, srv.Journal()[0]), request)
	}
}

// notServed are the members that bigvtest does not write, and why.
var notServed = map[string]string{
	"Account.type":            "only embedded objects have a type, and nothing embeds an account",
	"Disc.migration_progress": "staff detail of a migration, which bigvtest does not simulate",
	"Disc.migration_eta":      "staff detail of a migration, which bigvtest does not simulate",
	"Disc.migration_speed":    "staff detail of a migration, which bigvtest does not simulate",
	"Disc.resource_name":      "staff detail of a migration, which bigvtest does not simulate",
}

// readTypes returns the types that responses are decoded into, and the service of each: the results of the methods, and the structs
// in them.
func readTypes(t *testing.T) map[reflect.Type]string {
	t.Helper()
	types := map[reflect.Type]string{}
	eachMethod(t, func(m method) {
		// A response may contain the attributes of a request, but bigvtest need not have all of them.
		isRead := func(kind reflect.Type) bool { return !strings.HasSuffix(kind.Name(), "Create") }
		for kind := range structsIn(m.result, isRead) {
			if own := m.service() == kind.Name() || m.service() == kind.Name()+"s"; own || types[kind] == "" {
				types[kind] = m.service()
			}
		}
	})
	return types
}

// membersOf returns the names of the JSON members of a struct of package bigv, without those of embedded structs.
func membersOf(kind reflect.Type) []string {
	if kind == reflect.TypeFor[bigv.VMDefault]() { // which has its own JSON form
		return []string{"id", "account_id", "name", "public", "server_settings"}
	}
	if kind.Kind() != reflect.Struct || kind.PkgPath() != reflect.TypeFor[bigv.Client]().PkgPath() {
		return nil
	}
	var members []string
	for field := range kind.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			members = append(members, name)
		}
	}
	return members
}

// TestEveryMemberAppearsInAResponseOfBigvtest compares the JSON members of the types that responses are decoded into with the
// responses of a server in which every attribute has a value.
func TestEveryMemberAppearsInAResponseOfBigvtest(t *testing.T) {
	t.Parallel()
	seen, unread := membersOfBigvtest(t)
	for kind, service := range readTypes(t) {
		if unread[kind] { // TestEveryMethodHasARouteInBigvtest reports it
			continue
		}
		test := snakeCase(service) + "_test.go"
		members := membersOf(kind)
		if !slices.ContainsFunc(members, func(member string) bool { return seen[kind.Name()+"."+member] }) {
			t.Errorf("%s: no response has a %s: add func (fullServer) %s(t *testing.T), which creates one, to %s",
				bigvtestFile(service), kind.Name(), service, test)
			continue
		}
		for _, member := range members {
			name := kind.Name() + "." + member
			switch reason := notServed[name]; {
			case !seen[name] && reason == "":
				file := bigvtestFile(service)
				if kind == reflect.TypeFor[bigv.Backup]() {
					file = "bigvtest/discs.go" // which writes backups as discs
				}
				t.Errorf("%s: add %q to the JSON of %s (if it is there, but empty: set it in func (fullServer) %s in %s)",
					file, member, kind, service, test)
			case seen[name] && reason != "":
				t.Errorf("contract_test.go: remove %s from notServed: bigvtest has it", name)
			}
		}
	}
}

// membersOfBigvtest returns the members, as "Type.member", of the responses to Get, List and Create, and the types for which bigvtest
// has no route.
func membersOfBigvtest(t *testing.T) (seen map[string]bool, unread map[reflect.Type]bool) {
	t.Helper()
	s := newFullServer(t)
	seen, unread = map[string]bool{}, map[reflect.Type]bool{}
	eachMethod(t, func(m method) {
		switch strings.TrimPrefix(m.name, m.service()+".") {
		case "Get", "List", "Create":
		default:
			return
		}
		sent := s.call(t, m)
		if len(sent) == 0 {
			return
		}
		last := sent[len(sent)-1] // after the lookups
		if !hasRoute(t, s.srv, last) {
			unread[m.result] = true
		}
		var value any
		if last.Status < http.StatusBadRequest && json.Unmarshal([]byte(last.ResponseBody), &value) == nil {
			addMembers(seen, value, m.result)
		}
	})
	return seen, unread
}

// addMembers adds the members of a JSON value, and of the values in it. The value is decoded into a type, or is a list of such values.
func addMembers(seen map[string]bool, value any, kind reflect.Type) {
	list, isList := value.([]any)
	switch {
	case isList && kind == reflect.TypeFor[bigv.Definitions](): // a list of {"id": kind, "data": list}
		for _, element := range list {
			id, _ := element.(map[string]any)["id"].(string)
			seen["Definitions."+id] = true
		}
		return
	case isList: // of kind
		for _, element := range list {
			addMembers(seen, element, kind)
		}
		return
	}
	object, ok := value.(map[string]any)
	if !ok || kind.Kind() != reflect.Struct {
		return
	}
	for member := range maps.Keys(object) {
		seen[kind.Name()+"."+member] = true
	}
	for field := range kind.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		element := field.Type
		if element.Kind() == reflect.Slice || element.Kind() == reflect.Pointer {
			element = element.Elem()
		}
		if object[name] != nil {
			addMembers(seen, object[name], element)
		}
	}
}
