package bigv_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
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

func TestEveryMethodHasARouteInBigvtest(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(m method) {
		srv := bigvtest.NewServer(t)
		group := srv.Account("acme").Group("web")
		group.VirtualMachine("www1").Disc("root", 25600)
		group.VirtualMachine("www2")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		endWait := bigv.WaitOptions{OnPoll: func(bigv.Poll) { cancel() }}
		var sent attemptLog
		args := m.exampleArgs(t, endWait, bigv.ShutdownOptions{Wait: endWait}, bigv.NewSecret(srv.Token()))
		if m.name == "Sessions.KeepAlive" {
			time.AfterFunc(20*time.Millisecond, cancel)
		}
		_, err := m.call(ctx, srv.Client(sent.option(), bigv.WithRetryPolicy(quick)), args...)
		if !strings.HasSuffix(m.name, ".Resolve") { // of full paths, which need no request
			require.NotEmpty(t, srv.Journal(), "%s sent nothing: %v", m.name, err)
		}
		for _, e := range srv.Journal() {
			if !hasRoute(t, srv, e) {
				t.Errorf("bigvtest/routes.go: add a route for %s: %s %s", m.name, e.Method, e.Path)
			}
		}
	})
}

// hasRoute reports whether bigvtest has a route for a request that it received. It responds 405 to an unknown method, and 404 to an
// unknown path; but 404 may also mean that the object does not exist, so the request is repeated without a token: bigvtest looks for
// the route first, and then responds 401.
func hasRoute(t *testing.T, srv *bigvtest.Server, e bigvtest.Exchange) bool {
	t.Helper()
	if e.Status != http.StatusNotFound || strings.HasPrefix(e.Path, "/session") {
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

// readTypes are the types that responses are decoded into, and the files of bigvtest that write them.
var readTypes = map[reflect.Type]string{
	reflect.TypeFor[bigv.Account]():        "accounts.go",
	reflect.TypeFor[bigv.Group]():          "groups.go",
	reflect.TypeFor[bigv.VirtualMachine](): "virtual_machines.go",
	reflect.TypeFor[bigv.Disc]():           "discs.go",
	reflect.TypeFor[bigv.NIC]():            "nics.go",
	reflect.TypeFor[bigv.IP]():             "nics.go",
	reflect.TypeFor[bigv.Backup]():         "discs.go",
	reflect.TypeFor[bigv.BackupSchedule](): "backup_schedules.go",
	reflect.TypeFor[bigv.User]():           "users.go",
	reflect.TypeFor[bigv.Privilege]():      "privileges.go",
	reflect.TypeFor[bigv.APIKey]():         "users.go",
	reflect.TypeFor[bigv.Definitions]():    "definitions.go",
	reflect.TypeFor[bigv.Session]():        "auth.go",
	reflect.TypeFor[bigv.VMDefault]():      "vm_defaults.go",
}

// notServed are the members that bigvtest does not write, and why.
var notServed = map[string]string{
	"Account.type":            "only embedded objects have a type, and nothing embeds an account",
	"Disc.migration_progress": "staff detail of a migration, which bigvtest does not simulate",
	"Disc.migration_eta":      "staff detail of a migration, which bigvtest does not simulate",
	"Disc.migration_speed":    "staff detail of a migration, which bigvtest does not simulate",
	"Disc.resource_name":      "staff detail of a migration, which bigvtest does not simulate",
}

// TestEveryMemberAppearsInAResponseOfBigvtest compares the JSON members of the types that responses are decoded into with the
// responses of a server in which every attribute has a value.
func TestEveryMemberAppearsInAResponseOfBigvtest(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(m method) {
		isPath := strings.HasSuffix(m.result.Name(), "Path")
		if m.result.Kind() == reflect.Struct && strings.HasSuffix(m.result.PkgPath(), "/bigv") && !isPath &&
			m.result != reflect.TypeFor[bigv.Secret]() && readTypes[m.result] == "" {
			t.Fatalf("contract_test.go: add %s, the result of %s, to readTypes", m.result, m.name)
		}
	})
	seen := membersOfBigvtest(t)
	for kind, file := range readTypes {
		for member := range membersOf(t, kind) {
			name := kind.Name() + "." + member
			switch reason := notServed[name]; {
			case !seen[name] && reason == "":
				t.Errorf("bigvtest/%s: no response has the member %s of bigv.%s: add it, and a request for it to contract_test.go",
					file, member, kind.Name())
			case seen[name] && reason != "":
				t.Errorf("contract_test.go: remove %s from notServed: bigvtest has it", name)
			}
		}
	}
}

// membersOf returns the names of the JSON members of a type.
func membersOf(t *testing.T, kind reflect.Type) map[string]json.RawMessage {
	t.Helper()
	text, err := json.Marshal(filled(t, kind).Interface())
	require.NoError(t, err)
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &members))
	switch kind {
	case reflect.TypeFor[bigv.APIKey](): // filled sets no secrets
		members["api_key"] = nil
	case reflect.TypeFor[bigv.Backup](): // which has the members of a disc too
		for member := range membersOf(t, reflect.TypeFor[bigv.Disc]()) {
			delete(members, member)
		}
	}
	return members
}

// membersOfBigvtest returns the members, as "Type.member", of the responses of a server in which every attribute has a value.
func membersOfBigvtest(t *testing.T) map[string]bool {
	t.Helper()
	srv := bigvtest.NewServer(t)
	client := srv.Client()
	ctx := t.Context()
	srv.Account("acme").Group("web").VirtualMachine("www1").Disc("root", 25600)
	schedule := bigv.BackupSchedule{StartAt: "00:00", IntervalSeconds: 86400, Capacity: 2}
	require.NoError(t, just(client.BackupSchedules.Create(ctx, root, schedule)))
	srv.User("carol").Grant(bigv.ClusterAdmin, nil)
	staff := srv.User("carol").Client()
	require.NoError(t, just(staff.Discs.Update(ctx, root, bigv.DiscUpdate{IOPSLimit: new(500)})))
	nics, err := client.NICs.List(ctx, bigv.NICListOptions{VirtualMachine: www1})
	require.NoError(t, err)
	require.NoError(t, just(client.NICs.CreateIPs(ctx, nics[0].Path(), bigv.IPCreate{Addresses: 1, Reason: "tls"})))
	key, err := client.APIKeys.Create(ctx, "alice", bigv.APIKeyCreate{Label: "ci", ExpiresAt: srv.Now().AddDate(1, 0, 0)})
	require.NoError(t, err)
	srv.User("alice").Grant(bigv.AccountAdmin, srv.Account("acme")) // which only staff may do
	for _, grant := range []bigv.PrivilegeGrant{
		{Level: bigv.GroupAdmin, Group: web, APIKeyID: key.ID, YubikeyOTPMaxAge: bigv.Set(5)},
		{Level: bigv.VirtualMachineAdmin, VirtualMachine: www1, IPRestrictions: bigv.Set(json.RawMessage(`["192.0.2.0/24"]`))},
	} {
		require.NoError(t, just(client.Privileges.Grant(ctx, "alice", grant)))
	}
	backup, err := client.Backups.Create(ctx, root)
	require.NoError(t, err)
	srv.Advance(24 * time.Hour)                                                // until it is in cold storage
	require.NoError(t, client.Backups.Restore(ctx, root.Backup(backup.Label))) // which takes a while

	seen := map[string]bool{}
	for _, read := range []struct {
		request string
		body    any
		kind    reflect.Type
	}{
		{"GET " + rootURL, nil, reflect.TypeFor[bigv.Disc]()},
		{"GET /accounts?view=overview", nil, reflect.TypeFor[[]bigv.Account]()},
		{"GET " + rootURL + "/backups", nil, reflect.TypeFor[[]bigv.Backup]()},
		{"GET /ips/" + nics[0].IPs[0].String(), nil, reflect.TypeFor[bigv.IP]()},
		{"GET /users/alice", nil, reflect.TypeFor[bigv.User]()},
		{"GET /users/alice/privileges", nil, reflect.TypeFor[[]bigv.Privilege]()},
		{"GET /api_keys?view=overview", nil, reflect.TypeFor[[]bigv.APIKey]()},
		{"POST /api_keys", map[string]any{"label": "new", "user_id": srv.User("alice").ID()}, reflect.TypeFor[bigv.APIKey]()},
		{"GET /definitions", nil, reflect.TypeFor[bigv.Definitions]()},
		{"GET /session/" + srv.Token(), nil, reflect.TypeFor[bigv.Session]()},
		{
			"POST /vm_defaults",
			map[string]any{"account_id": srv.Account("acme").ID(), "name": "small", "server_settings": map[string]any{}},
			reflect.TypeFor[bigv.VMDefault](),
		},
	} {
		method, path, _ := strings.Cut(read.request, " ")
		var value any
		require.NoError(t, client.Do(ctx, method, path, read.body, &value), read.request)
		addMembers(seen, value, read.kind)
	}
	return seen
}

// addMembers adds the members of a JSON value that is decoded into a type, and of the values in it.
func addMembers(seen map[string]bool, value any, kind reflect.Type) {
	list, isList := value.([]any)
	switch {
	case isList && kind.Kind() == reflect.Slice:
		for _, element := range list {
			addMembers(seen, element, kind.Elem())
		}
		return
	case isList && kind == reflect.TypeFor[bigv.Definitions](): // a list of {"id": kind, "data": list}
		for _, element := range list {
			id, _ := element.(map[string]any)["id"].(string)
			seen["Definitions."+id] = true
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
		if slices.Contains([]reflect.Kind{reflect.Slice, reflect.Struct}, field.Type.Kind()) && object[name] != nil {
			addMembers(seen, object[name], field.Type)
		}
	}
}
