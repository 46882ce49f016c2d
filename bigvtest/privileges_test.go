package bigvtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// serverWithEveryLevel returns a server with two accounts and a user for each level: nobody, console, vm, group and
// account (in acme), cluster and su.
func serverWithEveryLevel(t *testing.T) *bigvtest.Server {
	srv := bigvtest.NewServer(t)
	acme := srv.Account("acme")
	web := acme.Group("web")
	www1 := web.VirtualMachine("www1")
	www1.SetPower(false).Disc("data", 1000)
	web.VirtualMachine("www2")
	acme.Group("db").VirtualMachine("db1")
	acme.Group("empty")
	srv.Account("other").Group("default").VirtualMachine("else1")
	srv.User("nobody")
	srv.User("console").Grant(bigv.VirtualMachineConsole, www1)
	srv.User("vm").Grant(bigv.VirtualMachineAdmin, www1)
	srv.User("group").Grant(bigv.GroupAdmin, web)
	srv.User("account").Grant(bigv.AccountAdmin, acme)
	srv.User("cluster").Grant(bigv.ClusterAdmin, nil)
	srv.User("su").Grant(bigv.ClusterSU, nil)
	return srv
}

var levels = []string{"nobody", "console", "vm", "group", "account", "cluster"}

func TestAuthorizationByLevel(t *testing.T) {
	newMachine := `{"virtual_machine":{"name":"new1"},"discs":[{"size":50}]}`
	// The status for each level is 404 if the object is not visible, and 403 if it is visible but the caller may not
	// change it.
	for _, row := range []struct {
		request, body string
		want          [6]int // nobody, console, vm, group, account, cluster
	}{
		{"GET /accounts/acme", "", [6]int{404, 200, 200, 200, 200, 200}},
		{"PUT /accounts/acme", "{}", [6]int{404, 403, 403, 403, 200, 200}},
		{"DELETE /accounts/other", "", [6]int{404, 404, 404, 404, 404, 400}}, // the account is not empty
		{"DELETE /accounts/acme", "", [6]int{404, 403, 403, 403, 403, 400}},
		{"GET /accounts/other", "", [6]int{404, 404, 404, 404, 404, 200}},
		{"POST /accounts/acme/groups", `{"name":"new"}`, [6]int{404, 403, 403, 403, 200, 200}},
		{"GET " + inWeb, "", [6]int{404, 200, 200, 200, 200, 200}},
		{"PUT " + inWeb, `{"name":"new"}`, [6]int{404, 403, 403, 403, 200, 200}},
		{"GET /accounts/acme/groups/empty", "", [6]int{404, 404, 404, 404, 200, 200}},
		{"DELETE /accounts/acme/groups/empty", "", [6]int{404, 404, 404, 404, 204, 204}},
		{"POST " + inWeb + "/vm_create", newMachine, [6]int{404, 403, 403, 202, 202, 202}},
		{"POST " + inWeb + "/virtual_machines", `{"name":"new1"}`, [6]int{404, 403, 403, 202, 202, 202}},
		{"POST /accounts/acme/groups/db/vm_create", newMachine, [6]int{404, 404, 404, 404, 202, 202}},
		{"GET " + onWWW1, "", [6]int{404, 200, 200, 200, 200, 200}},
		{"GET /virtual_machines/www1", "", [6]int{404, 200, 200, 200, 200, 200}},
		{"GET /virtual_machines/www2", "", [6]int{404, 404, 404, 200, 200, 200}},
		{"PUT " + inWeb + "/virtual_machines/www2", `{"cores":2}`, [6]int{404, 404, 404, 200, 200, 200}},
		{"PUT " + onWWW1, `{"cores":2}`, [6]int{404, 403, 200, 200, 200, 200}},
		{"PUT " + onWWW1, `{"group_id":73}`, [6]int{404, 403, 400, 400, 200, 200}}, // the group db is visible to account and above
		{"DELETE " + onWWW1, "", [6]int{404, 403, 403, 204, 204, 204}},
		{"DELETE " + onWWW1 + "?purge=true", "", [6]int{404, 403, 403, 204, 204, 204}},
		{"POST " + inWeb + "/virtual_machines/www2/signal", `{"signal":"reset"}`, [6]int{404, 404, 404, 200, 200, 200}},
		{"POST " + onWWW1 + "/signal", `{"signal":"reset"}`, [6]int{404, 403, 400, 400, 400, 400}}, // the machine is off
		{"POST " + onWWW1 + "/reimage", `{"distribution":"jessie"}`, [6]int{404, 403, 200, 200, 200, 200}},
		{"GET " + onWWW1 + "/discs/data", "", [6]int{404, 200, 200, 200, 200, 200}},
		{"POST " + onWWW1 + "/discs", `{"size":50}`, [6]int{404, 403, 201, 201, 201, 201}},
		{"PUT " + onWWW1 + "/discs/data", `{"size":2000}`, [6]int{404, 403, 200, 200, 200, 200}},
		{"DELETE " + onWWW1 + "/discs/data?purge=true", "", [6]int{404, 403, 204, 204, 204, 204}},
		{"DELETE /discs/9002?purge=true", "", [6]int{404, 403, 204, 204, 204, 204}},
		{"GET /discs/9002", "", [6]int{404, 200, 200, 200, 200, 200}},
		{"POST " + onWWW1 + "/discs/data/backups", "", [6]int{404, 403, 201, 201, 201, 201}},
		{"POST " + onWWW1 + "/discs/data/backup_schedules", `{"interval_seconds":60}`, [6]int{404, 403, 201, 201, 201, 201}},
		{"GET /nics/6001", "", [6]int{404, 200, 200, 200, 200, 200}},
		{"POST " + onWWW1 + "/nics/6001/ip_create", `{"addresses":1,"family":"ipv4","reason":"x"}`, [6]int{404, 403, 200, 200, 200, 200}},
		{"GET /ips/198.18.0.1", "", [6]int{404, 200, 200, 200, 200, 200}},
		{"PUT /ips/198.18.0.1", `{"rdns":"a.example"}`, [6]int{404, 403, 200, 200, 200, 200}},
		{"POST /users/bob/privileges", `{"level":"vm_console","virtual_machine_id":5001}`, [6]int{400, 403, 201, 201, 201, 201}},
		{"POST /users/bob/privileges", `{"level":"vm_admin","virtual_machine_id":5001}`, [6]int{400, 403, 403, 201, 201, 201}},
		{"POST /users/bob/privileges", `{"level":"group_admin","group_id":72}`, [6]int{400, 403, 403, 403, 201, 201}},
		{"POST /users/bob/privileges", `{"level":"account_admin","account_id":41}`, [6]int{400, 403, 403, 403, 403, 201}},
		{"POST /users/bob/privileges", `{"level":"cluster_admin"}`, [6]int{403, 403, 403, 403, 403, 403}},
		{"GET /users/alice/privileges", "", [6]int{404, 404, 404, 404, 404, 200}},
		{"GET /privileges?user_name=alice", "", [6]int{404, 404, 404, 404, 404, 200}},
		{"GET /users/alice", "", [6]int{404, 404, 404, 404, 404, 200}},
		{"PUT /users/alice", `{"authorized_keys":null}`, [6]int{404, 404, 404, 404, 404, 200}},
		// a level is visible to the levels above it
		{
			"PUT /users/console", `{"authorized_keys":null}`, [6]int{404, 200, 403, 403, 403, 200},
		},
		{"DELETE /users/console", "", [6]int{404, 403, 403, 403, 403, 204}},
		{"POST /vm_defaults", `{"account_id":41,"name":"x","public":false,"server_settings":{}}`, [6]int{400, 403, 403, 403, 201, 201}},
		{"POST /vm_defaults", `{"account_id":41,"name":"x","public":true,"server_settings":{}}`, [6]int{400, 403, 403, 403, 403, 201}},
	} {
		for i, level := range levels {
			t.Run(level+"/"+row.request+" "+row.body, func(t *testing.T) {
				srv := serverWithEveryLevel(t)
				got := send(t, srv, srv.User(level).Token(), row.request, row.body)
				assert.Equal(t, row.want[i], got.status, got.body)
			})
		}
	}
}

func TestVisibilityByLevel(t *testing.T) {
	for request, row := range map[string]struct {
		key  string
		want [6]string // nobody, console, vm, group, account, cluster
	}{
		"GET /accounts": {"name", [6]string{"", "acme", "acme", "acme", "acme", "acme other"}},
		"GET /groups": {
			"name", [6]string{"", "web", "web", "web", "default web db empty", "default web db empty default"},
		},
		"GET /groups?account_name=acme": {
			"name", [6]string{"404", "web", "web", "web", "default web db empty", "default web db empty"},
		},
		"GET /accounts/acme/groups": {
			"name", [6]string{"404", "web", "web", "web", "default web db empty", "default web db empty"},
		},
		"GET /virtual_machines": {
			"name", [6]string{"", "www1", "www1", "www1 www2", "www1 www2 db1", "www1 www2 db1 else1"},
		},
		"GET " + inWeb + "/virtual_machines": {"name", [6]string{"404", "www1", "www1", "www1 www2", "www1 www2", "www1 www2"}},
		"GET /discs": {
			"id", [6]string{"", "9001 9002", "9001 9002", "9001 9002 9003", "9001 9002 9003 9004", "9001 9002 9003 9004 9005"},
		},
		"GET /nics": {
			"id", [6]string{"", "6001", "6001", "6001 6002", "6001 6002 6003", "6001 6002 6003 6004"},
		},
		"GET /users": {
			"username",
			[6]string{
				"nobody", "console", "console vm", "console vm group", "console vm group account",
				"alice bob nobody console vm group account cluster su",
			},
		},
		"GET /privileges":               {"username", [6]string{"", "console", "vm", "group", "account", "cluster"}},
		"GET " + onWWW1 + "/privileges": {"username", [6]string{"404", "", "console", "console vm", "console vm", "console vm"}},
		"GET " + inWeb + "/privileges":  {"username", [6]string{"404", "", "", "", "group", "group"}},
		// alice and her API key
		"GET /accounts/acme/privileges": {
			"username", [6]string{"404", "", "", "", "", "alice alice account"},
		},
		"GET /virtual_machines?account_id=41&group_id=72": {
			"name", [6]string{"404", "www1", "www1", "www1 www2", "www1 www2", "www1 www2"},
		},
		"GET /virtual_machines?group_name=db": {"name", [6]string{"404", "404", "404", "404", "db1", "db1"}},
		"GET /discs?vm_name=db1":              {"id", [6]string{"404", "404", "404", "404", "9004", "9004"}},
		"GET /nics?account_name=acme&unknown=parameter": {
			"id", [6]string{"404", "6001", "6001", "6001 6002", "6001 6002 6003", "6001 6002 6003"},
		},
		"GET /virtual_machines?group_id=72&account_name=x": {"name", [6]string{"404", "404", "404", "404", "404", "404"}},
	} {
		srv := serverWithEveryLevel(t)
		for i, level := range levels {
			t.Run(level+"/"+request, func(t *testing.T) {
				got := send(t, srv, srv.User(level).Token(), request, "")
				if row.want[i] == "404" {
					assert.Equal(t, http.StatusNotFound, got.status)
					return
				}
				require.Equal(t, http.StatusOK, got.status, got.body)
				var seen []string
				for _, member := range got.values(t, row.key) {
					seen = append(seen, fmt.Sprint(member))
				}
				assert.Equal(t, row.want[i], strings.Join(seen, " "))
			})
		}
	}
}

func TestOverviewVisibility(t *testing.T) {
	srv := serverWithEveryLevel(t)
	body := send(t, srv, srv.User("vm").Token(), "GET /accounts?view=overview", "").body
	assert.Contains(t, body, `"name":"www1"`)
	for _, hidden := range []string{"www2", "db1", "default", "empty", "else1"} {
		assert.NotContains(t, body, `"name":"`+hidden+`"`)
	}
}

func TestPrivilegeLevelsThatCanBeChanged(t *testing.T) {
	for name, row := range map[string]struct {
		user  string
		level bigv.PrivilegeLevel
		on    func(*bigvtest.Server) bigvtest.Target
		want  int // status of GET, PUT and DELETE
	}{
		"higher level":                        {"group", bigv.AccountAdmin, accountTarget, 404},
		"same level":                          {"group", bigv.GroupAdmin, groupTarget, 404},
		"lower level":                         {"group", bigv.VirtualMachineAdmin, machineTarget, 200},
		"much lower level":                    {"account", bigv.VirtualMachineConsole, machineTarget, 200},
		"lower level on an invisible machine": {"vm", bigv.VirtualMachineConsole, machineInOtherGroup, 404},
		"cluster_admin and account_admin":     {"cluster", bigv.AccountAdmin, accountTarget, 200},
		"cluster_admin and cluster_admin":     {"cluster", bigv.ClusterAdmin, noTarget, 404},
		"cluster_su and cluster_admin":        {"su", bigv.ClusterAdmin, noTarget, 200},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serverWithEveryLevel(t)
			one := fmt.Sprint("/privileges/", srv.User("bob").Grant(row.level, row.on(srv)))
			token := srv.User(row.user).Token()
			assert.Equal(t, row.want, send(t, srv, token, "GET "+one, "").status)
			assert.Equal(t, row.want, send(t, srv, token, "PUT "+one, `{"yubikey_otp_max_age":60}`).status)
			deleted := send(t, srv, token, "DELETE "+one, "").status
			assert.Equal(t, row.want, deleted)
			if row.want == 200 {
				assert.Equal(t, 404, send(t, srv, srv.User("bob").Token(), "GET "+one, "").status)
			} else {
				assert.Equal(t, 200, send(t, srv, srv.User("bob").Token(), "GET "+one, "").status)
			}
			own := send(t, srv, token, "GET /privileges", "").values(t, "id")[0]
			assert.Equal(
				t, 403, send(t, srv, token, fmt.Sprint("DELETE /privileges/", own), "").status,
				"the user's own privilege is visible but cannot be revoked",
			)
		})
	}
}

func accountTarget(srv *bigvtest.Server) bigvtest.Target { return srv.Account("acme") }

func groupTarget(srv *bigvtest.Server) bigvtest.Target { return srv.Account("acme").Group("web") }

func machineTarget(srv *bigvtest.Server) bigvtest.Target {
	return srv.Account("acme").Group("web").VirtualMachine("www1")
}

func machineInOtherGroup(srv *bigvtest.Server) bigvtest.Target {
	return srv.Account("acme").Group("db").VirtualMachine("db1")
}

func noTarget(*bigvtest.Server) bigvtest.Target { return nil }

func TestPrivilegesThatRequireYubikey(t *testing.T) {
	srv := serverWithEveryLevel(t)
	srv.User("group").SetSecondFactor("yubikey", "one", "two")
	privilege := send(t, srv, srv.User("group").Token(), "GET /privileges", "").values(t, "id")[0]
	one := fmt.Sprint("PUT /privileges/", privilege)
	login := func(code string) string {
		return send(t, srv, "", "POST /session", `{"username":"group","password":"group-password","yubikey":"`+code+`"}`).body
	}
	with := login("one")
	require.Equal(t, 200, send(t, srv, srv.Token(), one, `{"yubikey_required":true,"yubikey_otp_max_age":120}`).status)
	assert.Equal(t, 200, send(t, srv, with, "GET "+inWeb, "").status)
	srv.Advance(120 * time.Second)
	assert.Equal(t, 200, send(t, srv, with, "GET "+inWeb, "").status, "at the maximum age")
	srv.Advance(time.Second)
	assert.Equal(t, 404, send(t, srv, with, "GET "+inWeb, "").status, "the YubiKey code is too old")
	assert.Equal(t, 200, send(t, srv, login("two"), "GET "+inWeb, "").status)
	require.Equal(t, 200, send(t, srv, srv.Token(), one, `{"yubikey_otp_max_age":null}`).status)
	assert.Equal(t, 200, send(t, srv, with, "GET "+inWeb, "").status, "without a maximum age the session is sufficient")

	srv.User("vm")
	vms := send(t, srv, srv.User("vm").Token(), "GET /privileges", "").values(t, "id")[0]
	require.Equal(t, 200, send(t, srv, srv.Token(), fmt.Sprint("PUT /privileges/", vms), `{"yubikey_required":true}`).status)
	assert.Equal(t, 404, send(t, srv, srv.User("vm").Token(), "GET "+onWWW1, "").status, "the session has no YubiKey code")
}

// A maximum age of 0 needs a code at the same instant, and a huge one has no effect.
func TestYubikeyMaximumAgeAtItsLimits(t *testing.T) {
	for age, row := range map[string]struct {
		advance time.Duration
		want    int
	}{
		"0":          {0, 200},
		"0 ":         {time.Nanosecond, 404},
		"1":          {time.Second, 200},
		"1 ":         {time.Second + time.Nanosecond, 404},
		"2147483647": {24 * time.Hour, 200},
	} {
		t.Run(age, func(t *testing.T) {
			srv := serverWithEveryLevel(t)
			srv.User("group").SetSecondFactor("yubikey", "one")
			body := fmt.Sprintf(`{"yubikey_required":true,"yubikey_otp_max_age":%s}`, age)
			one := fmt.Sprint("PUT /privileges/", srv.User("group").Privileges()[0].ID)
			require.Equal(t, 200, send(t, srv, srv.Token(), one, body).status)
			token := srv.User("group").Token() // does not expire
			srv.Advance(row.advance)
			assert.Equal(t, row.want, send(t, srv, token, "GET "+inWeb, "").status)
		})
	}
}

// The privileges on an object, of a user or of an API key are revoked when it is removed.
func TestPrivilegesOfRemovedObjects(t *testing.T) {
	for request, removed := range map[string][]bigv.PrivilegeLevel{
		"DELETE " + onWWW1 + "?purge=true":   {bigv.VirtualMachineConsole, bigv.VirtualMachineAdmin},
		"DELETE " + inWeb:                    {bigv.VirtualMachineConsole, bigv.VirtualMachineAdmin, bigv.GroupAdmin},
		"DELETE /accounts/other":             {bigv.AccountAdmin},
		"DELETE /users/carol":                {bigv.VirtualMachineConsole, bigv.VirtualMachineAdmin, bigv.GroupAdmin, bigv.AccountAdmin},
		"DELETE " + onWWW1 + "?purge=false":  nil,
		"DELETE /accounts/acme/groups/empty": nil,
	} {
		t.Run(request, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			web := srv.Account("acme").Group("web")
			www1 := web.VirtualMachine("www1")
			srv.Account("acme").Group("empty")
			srv.User("root").Grant(bigv.ClusterSU, nil)
			root := srv.User("root").Token()
			carol := srv.User("carol")
			granted := map[bigv.PrivilegeLevel]int{
				bigv.VirtualMachineConsole: carol.Grant(bigv.VirtualMachineConsole, www1),
				bigv.VirtualMachineAdmin:   carol.Grant(bigv.VirtualMachineAdmin, www1),
				bigv.GroupAdmin:            carol.Grant(bigv.GroupAdmin, web),
				bigv.AccountAdmin:          carol.Grant(bigv.AccountAdmin, srv.Account("other")),
			}
			if strings.HasSuffix(request, inWeb) {
				require.Equal(t, 204, send(t, srv, root, "DELETE "+onWWW1+"?purge=true", "").status)
			}
			send(t, srv, root, request, "{}")
			for level, id := range granted {
				want := map[bool]int{true: 404, false: 200}[slices.Contains(removed, level)]
				assert.Equal(t, want, send(t, srv, root, fmt.Sprint("GET /privileges/", id), "").status, level)
				listed := slices.ContainsFunc(carol.Privileges(), func(p bigv.Privilege) bool { return p.ID == id })
				assert.Equal(t, want == 200, listed, level)
			}
		})
	}
	srv := bigvtest.NewServer(t)
	keys := send(t, srv, srv.Token(), "GET /api_keys", "").values(t, "id")
	assert.Len(t, srv.User("alice").Privileges(), 2)
	require.Equal(t, 204, send(t, srv, srv.Token(), fmt.Sprint("DELETE /api_keys/", keys[0]), "").status)
	assert.Len(t, srv.User("alice").Privileges(), 1)
}

// Staff see everything, but nothing can be granted on what does not exist.
func TestGrantOnUnknownObject(t *testing.T) {
	srv := serverWithEveryLevel(t)
	for _, level := range []string{"cluster", "su", "account"} {
		for target, privilege := range map[string]string{
			"account_id": "account_admin", "group_id": "group_admin", "virtual_machine_id": "vm_admin", "api_key_id": "group_admin",
		} {
			body := fmt.Sprintf(`{"level":%q,"%s":99999}`, privilege, target)
			if target == "api_key_id" {
				body = `{"level":"group_admin","group_id":72,"api_key_id":99999}`
			}
			got := send(t, srv, srv.User(level).Token(), "POST /users/bob/privileges", body)
			assert.Equal(t, 400, got.status, body)
			assert.Equal(t, fmt.Sprintf(`{"%s":["is invalid"]}`, target), got.body)
		}
		assert.Equal(t, 404, send(t, srv, srv.User(level).Token(), "POST /users/none/privileges", `{"level":"group_admin"}`).status)
	}
	assert.Empty(t, srv.User("bob").Privileges())
}

func TestPrivilegesOfUser(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	carol := srv.User("carol")
	assert.Empty(t, carol.Privileges())
	first := carol.Grant(bigv.GroupAdmin, web)
	second := carol.Grant(bigv.VirtualMachineConsole, web.VirtualMachine("www1"))
	require.Equal(t, 200, send(t, srv, srv.Token(), fmt.Sprint("PUT /privileges/", first), `{"yubikey_otp_max_age":60}`).status)
	got := carol.Privileges()
	listed, err := srv.User("carol").Client().Privileges.List(t.Context(), bigv.PrivilegeListOptions{})
	require.NoError(t, err)
	assert.Equal(t, listed, got, "they are those that the API returns")
	require.Len(t, got, 2)
	assert.Equal(t, []int{first, second}, []int{got[0].ID, got[1].ID})
	assert.Equal(t, bigv.Set(60), got[0].YubikeyOTPMaxAge)
	assert.Equal(t, web.ID(), got[0].GroupID)

	carol.Revoke(first)
	assert.Equal(t, []int{second}, []int{carol.Privileges()[0].ID})
	assert.Equal(t, 404, send(t, srv, srv.Token(), fmt.Sprint("GET /privileges/", first), "").status)

	program, err := bigvtest.Start()
	require.NoError(t, err)
	defer program.Close()
	assert.Panics(t, func() { program.User("bob").Revoke(first) })
	id := program.User("alice").Privileges()[0].ID
	assert.Panics(t, func() { program.User("bob").Revoke(id) }, "it is alice's")
	assert.Len(t, program.User("alice").Privileges(), 2)
}

func TestSuspendedAccountIsReadOnly(t *testing.T) {
	srv := serverWithEveryLevel(t)
	srv.Account("acme").SetSuspended(true)
	assert.Equal(t, true, send(t, srv, srv.Token(), "GET /accounts/acme", "").object(t)["suspended"])
	for request, body := range map[string]string{
		"POST /accounts/acme/groups":              `{"name":"new"}`,
		"PUT " + inWeb:                            `{"name":"new"}`,
		"POST " + inWeb + "/vm_create":            `{"virtual_machine":{"name":"new1"},"discs":[{"size":50}]}`,
		"PUT " + onWWW1:                           `{"cores":2}`,
		"DELETE " + onWWW1:                        "",
		"POST " + onWWW1 + "/discs":               `{"size":50}`,
		"PUT /ips/198.18.0.1":                     `{"rdns":null}`,
		"POST /users/bob/privileges":              `{"level":"group_admin","group_id":72}`,
		"POST " + onWWW1 + "/discs/data/backups":  "",
		"DELETE /discs/9002?purge=true":           "",
		"DELETE /accounts/acme/groups/empty":      "",
		"POST /ips/swap_virtual_machine_ips":      `{"virtual_machine_1_id":5001,"virtual_machine_2_id":5002}`,
		"POST " + onWWW1 + "/nics/6001/ip_create": `{"addresses":1,"reason":"x"}`,
	} {
		t.Run(request, func(t *testing.T) {
			assert.Equal(t, http.StatusForbidden, send(t, srv, srv.Token(), request, body).status)
		})
	}
	assert.Equal(t, 200, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)
	assert.Equal(t, 200, send(t, srv, srv.User("cluster").Token(), "PUT "+onWWW1, `{"cores":2}`).status, "staff are authorized")
	srv.Account("acme").SetSuspended(false)
	assert.Equal(t, 200, send(t, srv, srv.Token(), "PUT "+onWWW1, `{"cores":3}`).status)
}

func TestStaffOnlyAttributes(t *testing.T) {
	srv := serverWithEveryLevel(t)
	one := "PUT " + onWWW1 + "/discs/data"
	body := `{"iops_limit":100,"storage_grade":"ssd"}`
	assert.NotContains(t, send(t, srv, srv.Token(), one, body).object(t), "iops_limit", "the attribute is ignored")
	assert.Equal(t, "sata", send(t, srv, srv.Token(), one, body).object(t)["storage_grade"])
	got := send(t, srv, srv.User("cluster").Token(), one, body).object(t)
	assert.EqualValues(t, 100, got["iops_limit"])
	assert.Equal(t, "ssd", got["storage_grade"])
	assert.Equal(
		t, `{"iops_limit":["must be greater than or equal to 1"]}`, send(t, srv, srv.User("cluster").Token(), one, `{"iops_limit":0}`).body,
	)
}

func TestPrivilegesByID(t *testing.T) {
	srv := bigvtest.NewServer(t)
	web := srv.Account("acme").Group("web")
	below := srv.User("carol").Grant(bigv.GroupAdmin, web)
	above := srv.User("dave").Grant(bigv.AccountAdmin, srv.Account("acme"))
	for request, row := range map[string]struct {
		status int
		ids    []any
	}{
		fmt.Sprintf("privilege_id=%d", below):                 {200, []any{float64(below)}},
		fmt.Sprintf("privilege_id=%d&user_name=carol", below): {200, []any{float64(below)}},
		fmt.Sprintf("privilege_id=%d&user_name=alice", below): {200, []any{}},
		fmt.Sprintf("privilege_id=%d", above):                 {404, nil},
		"privilege_id=99999":                                  {404, nil},
		"privilege_id=x":                                      {404, nil},
	} {
		got := send(t, srv, srv.Token(), "GET /privileges?"+request, "")
		require.Equal(t, row.status, got.status, request)
		if row.ids != nil {
			assert.Equal(t, row.ids, got.values(t, "id"), request)
		}
	}
}
