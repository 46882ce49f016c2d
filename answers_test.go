package bigv_test

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answersWith starts a server that gives every request the same answer, and makes
// a client that does not try twice.
func answersWith(t *testing.T, status int, contentType, body string, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	client, err := bigv.NewClient(append([]bigv.Option{
		bigv.WithBaseURL(srv.URL), bigv.WithToken("t0ken"), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(data)
}

func disc9001() bigv.Disc {
	return bigv.Disc{
		ID: 9001, Label: "disc-1", Size: 25600, StorageGrade: bigv.SATA, StoragePool: "tail3-sata1", VirtualMachineID: 5012,
		BackupCount: 2, BackupsEnabled: true, Type: "application/vnd.bigv.disc",
	}
}

// asAny calls a method and hides the type of its value.
func asAny[T any](call func(context.Context, *bigv.Client) (T, error)) func(context.Context, *bigv.Client) (any, error) {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return call(ctx, c) }
}

func TestAnswers(t *testing.T) {
	disc := disc9001()
	disc.BackupSchedules = nil
	getVM := asAny(func(ctx context.Context, c *bigv.Client) (bigv.VirtualMachine, error) {
		return c.VirtualMachines.Get(ctx, www1)
	})
	off := bigv.VirtualMachine{
		ID: 5012, Name: "web1", Hostname: "web1.default.acme.uk0.bigv.io", GroupID: 77, Cores: 1, Memory: 2048,
		HardwareProfile: "virtio2099", ZoneName: "york", ManagementAddress: netip.MustParseAddr("192.0.2.9"),
	}
	provisioning := off
	provisioning.Provisioning = true
	for _, row := range []struct {
		name, fixture string
		status        int
		contentType   string
		call          func(context.Context, *bigv.Client) (any, error)
		want          any
	}{
		{"an account with all below", "account_overview.json", 200, "application/json",
			asAny(func(ctx context.Context, c *bigv.Client) (bigv.Account, error) { return c.Accounts.Get(ctx, acme) }),
			bigv.Account{ID: 41, Name: "acme", Groups: []bigv.Group{{ID: 77, AccountID: 41, Name: "default", Type: "application/vnd.bigv.group",
				VirtualMachines: []bigv.VirtualMachine{{ID: 5012, GroupID: 77, Name: "web1", Hostname: "web1.default.acme.uk0.bigv.io", Type: "application/vnd.bigv.virtual-machine",
					Discs: []bigv.Disc{}, NetworkInterfaces: []bigv.NIC{}}}}}}},
		{"a group, of a vendor type", "group.json", 200, "application/vnd.bigv.group+json",
			asAny(func(ctx context.Context, c *bigv.Client) (bigv.Group, error) { return c.Groups.Get(ctx, web) }),
			bigv.Group{ID: 78, AccountID: 41, Name: "web"}},
		{"a machine whose nulls read as zero and whose profile is new", "virtual_machine.json", 200, "application/json", getVM, off},
		{"a machine answered with 202 is being provisioned", "virtual_machine.json", 202, "text/plain", getVM, provisioning},
		{"a created machine comes out of its wrapping, being provisioned", "virtual_machine_created.json", 202, "application/json",
			asAny(func(ctx context.Context, c *bigv.Client) (bigv.VirtualMachine, error) {
				return c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "web2", Discs: []bigv.DiscCreate{{Size: 25600}}})
			}),
			bigv.VirtualMachine{ID: 5013, GroupID: 78, Name: "web2", Hostname: "web2.web.acme.uk0.bigv.io", Cores: 1, Memory: 1024, AutorebootOn: true,
				HardwareProfile: bigv.Virtio2013, ZoneName: "york", ManagementAddress: netip.MustParseAddr("192.0.2.10"), Provisioning: true}},
		{"a disc that is being restored", "disc_restoring.json", 201, "application/json",
			asAny(func(ctx context.Context, c *bigv.Client) (bigv.Disc, error) { return c.Discs.Get(ctx, root) }),
			bigv.Disc{ID: 9001, Label: "disc-1", Size: 25600, StorageGrade: bigv.Iceberg, StoragePool: "tail3-iceberg1", VirtualMachineID: 5012, BackupCount: 1,
				BackupsEnabled: true, IOPSLimit: 500, NewStorageGrade: bigv.SATA, NewStoragePool: "tail3-sata1", MigrationProgress: 40, MigrationETA: 120,
				MigrationSpeed: 9000, ResourceName: "r1"}},
		{"a user", "user.json", 200, "application/json",
			asAny(func(ctx context.Context, c *bigv.Client) (bigv.User, error) { return c.Users.Get(ctx, "alice") }),
			bigv.User{ID: 12, Username: "alice", Email: "alice@example.org", AuthorizedKeys: "ssh-ed25519 AAAAC3 laptop\nssh-rsa AAAAB3 desk\n\n"}},
		{"a privilege", "privilege.json", 200, "application/json",
			asAny(func(ctx context.Context, c *bigv.Client) (bigv.Privilege, error) { return c.Privileges.Get(ctx, 31) }),
			bigv.Privilege{ID: 31, Username: "bob", Level: bigv.GroupAdmin, GroupID: 78, GroupName: "web", PasswordRequired: true, YubikeyRequired: true,
				YubikeyOTPMaxAge: bigv.Set(0), IPRestrictions: stdjson.RawMessage(`["192.0.2.0/24"]`), CreatingUsername: "alice"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := row.call(t.Context(), answersWith(t, row.status, row.contentType, fixture(t, row.fixture)))
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

func TestOverviewOfAMachine(t *testing.T) {
	vm, err := answersWith(t, 200, "application/json", fixture(t, "virtual_machine_overview.json")).VirtualMachines.Get(t.Context(), www1, bigv.WithView(bigv.Overview))
	require.NoError(t, err)
	require.Len(t, vm.Discs, 1)
	require.Len(t, vm.Discs[0].BackupSchedules, 1)
	assert.Equal(t, 86400, vm.Discs[0].BackupSchedules[0].IntervalSeconds)
	assert.Equal(t, 3, vm.Discs[0].BackupSchedules[0].Capacity)
	disc := vm.Discs[0]
	disc.BackupSchedules = nil
	assert.Equal(t, disc9001(), disc)
	assert.Equal(t, []bigv.NIC{{
		ID: 6100, MAC: "fe:ff:00:00:12:ab", IPs: []netip.Addr{netip.MustParseAddr("192.0.2.20"), netip.MustParseAddr("2001:db8:1::20")},
		ExtraIPs: map[netip.Addr]netip.Addr{netip.MustParseAddr("192.0.2.31"): netip.MustParseAddr("192.0.2.20")},
		VLANNum:  7, VirtualMachineID: 5012, Type: "application/vnd.bigv.network-interface",
	}}, vm.NetworkInterfaces)
	assert.Equal(t, "acme", string(vm.Path().Group().Account()))
	assert.Equal(t, "5012.77.acme", vm.Path().String())
	assert.True(t, vm.Deleted)
	assert.True(t, vm.HardwareProfileLocked)
	assert.Equal(t, "http://iso.example/x.iso", vm.CDROMURL)
}

// Every shape that an answer to a read can have without being what was promised.
func TestAnswersThatAreNone(t *testing.T) {
	for _, row := range []struct{ name, body, says string }{
		{"empty", "", "it is empty"},
		{"null", "null", "it is empty"},
		{"an empty object", "{}", "it is empty"},
		{"a list for an object", `[{"id":1}]`, "reading the answer"},
		{"a text for an object", `"www1"`, "reading the answer"},
		{"a text for a number", `{"id":"many"}`, "id"},
		{"a number out of range", `{"id":99999999999999999999}`, "id"},
		{"a fraction for an integer", `{"memory":1.5}`, "memory"},
		{"a number for a text", `{"name":7}`, "name"},
		{"a member twice", `{"id":1,"id":2}`, "duplicate"},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", "UTF-8"},
		{"cut in the middle", `{"id":1,`, "unexpected EOF"},
		{"more after the end", `{"id":1} {"id":2}`, "after top-level value"},
		{"a web page", "<!DOCTYPE html><html><body>Log in to the network</body></html>", "web page"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			client := answersWith(t, 200, "application/json", row.body)
			_, err := client.VirtualMachines.Get(t.Context(), www1)
			require.ErrorIs(t, err, bigv.ErrAnswer)
			assert.ErrorContains(t, err, row.says)
			assert.ErrorContains(t, err, "get virtual machine www1.web.acme: 200 OK")
			assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, 200, e.StatusCode)

			if err := client.VirtualMachines.Reset(t.Context(), www1); row.says == "web page" {
				require.ErrorIs(t, err, bigv.ErrOutcomeUnknown, "it may have come from a gate that the request never passed")
			} else {
				require.NoError(t, err, "what it says does not matter")
			}
		})
	}
}

func TestNumbersWrittenAsText(t *testing.T) {
	client := answersWith(t, 200, "application/json", `{"id":"5012","memory":"2048","cores":2}`)
	vm, err := client.VirtualMachines.Get(t.Context(), www1)
	require.NoError(t, err)
	assert.Equal(t, []int{5012, 2048, 2}, []int{vm.ID, vm.Memory, vm.Cores})

	client = answersWith(t, 200, "application/json", `[{"id":"5012"},{"id":5013}]`)
	vms, err := client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: web})
	require.NoError(t, err)
	var ids []int
	for vm, err := range client.VirtualMachines.All(t.Context(), bigv.VirtualMachineListOptions{Group: web}) {
		require.NoError(t, err)
		ids = append(ids, vm.ID)
	}
	assert.Equal(t, []int{vms[0].ID, vms[1].ID}, ids)
}

func TestAListIsNeverNil(t *testing.T) {
	vms, err := answersWith(t, 200, "application/json", "[]").VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: web})
	require.NoError(t, err)
	assert.Equal(t, []bigv.VirtualMachine{}, vms)
}

// A write is believed by its status; what it changed is read back where the
// answer does not tell.
func TestWritesAnsweredOddly(t *testing.T) {
	update := func(ctx context.Context, c *bigv.Client) error {
		return just(c.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(4096)}))
	}
	rename := func(ctx context.Context, c *bigv.Client) error {
		return just(c.VirtualMachines.Rename(ctx, www1, "www2"))
	}
	for _, row := range []struct {
		name, body string
		call       func(context.Context, *bigv.Client) error
		requests   int
		unknown    bool
	}{
		{"an update answered in full", `{"id":1}`, update, 1, false},
		{"an update answered by nothing is read back", "", update, 2, false},
		{"an update answered by {} is read back", "{}", update, 2, false},
		{"an update answered by null is read back", "null", update, 2, false},
		{"an update answered by rubbish is read back", "<html>", update, 2, false},
		{"a rename answered by nothing is read back", "", rename, 2, false},
		{"a rename answered by rubbish may or may not have been", "[1", rename, 1, true},
	} {
		for _, status := range []int{200, 201, 202, 204} {
			if status == 204 && row.body != "" {
				continue // 204 has no body
			}
			t.Run(row.name+" "+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				rec, client := newRecorder(t, map[string]string{"PUT " + www1URL: row.body})
				rec.status = status
				err := row.call(t.Context(), client)
				assert.Len(t, rec.requests, row.requests)
				if row.unknown {
					require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
					assert.NotErrorIs(t, err, bigv.ErrNotFound)
				} else if status != 204 {
					require.NoError(t, err)
				}
			})
		}
	}
}

// A flat list that holds what its filter excludes is no result.
func TestFiltersThatAreIgnored(t *testing.T) {
	for _, row := range []struct {
		name      string
		answers   map[string]string
		call      func(context.Context, *bigv.Client) error
		parameter string
	}{
		{"group_id", map[string]string{"GET /virtual_machines": `[{"id":1,"group_id":78},{"id":2,"group_id":79}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}))
		}, "group_id"},
		{"group_name", map[string]string{"GET /virtual_machines": `[{"id":1,"group_id":78,"hostname":"a.db.acme.uk0.bigv.io"}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web}))
		}, "group_name"},
		{"account_name", map[string]string{"GET /virtual_machines": `[{"id":1,"group_id":78,"hostname":"a.web.other.uk0.bigv.io"}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Account: acme}))
		}, "account_name"},
		{"account_id", map[string]string{"GET /virtual_machines": `[{"id":1,"group_id":78,"hostname":"a.web.other.uk0.bigv.io"}]`, "GET /accounts/41": `{"id":41,"name":"acme"}`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}))
		}, "account_id"},
		{"account_id of groups", map[string]string{"GET /groups": `[{"id":1,"account_id":42}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{Account: bigv.AccountID(41)}))
		}, "account_id"},
		{"account_name of groups", map[string]string{"GET /groups": `[{"id":1,"account_id":42}]`, "GET /accounts/acme": `{"id":41,"name":"acme"}`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{Account: acme}))
		}, "account_name"},
		{"vm_id", map[string]string{"GET /discs": `[{"id":1,"virtual_machine_id":5013}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}))
		}, "vm_id"},
		{"vm_name", map[string]string{"GET /discs": `[{"id":1,"virtual_machine_id":5013}]`, "GET /virtual_machines": "[" + vm5012 + "]"}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: www1}))
		}, "vm_name"},
		{"user_name", map[string]string{"GET /privileges": `[{"id":1,"username":"alice"}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Privileges.List(ctx, bigv.PrivilegeListOptions{User: "bob"}))
		}, "user_name"},
		{"user_id", map[string]string{"GET /privileges": `[{"id":1,"username":"alice"}]`, "GET /users/13": `{"id":13,"username":"bob"}`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Privileges.List(ctx, bigv.PrivilegeListOptions{User: bigv.UserID(13)}))
		}, "user_id"},
		{"privilege_id", map[string]string{"GET /privileges": `[{"id":1,"username":"alice"}]`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Privileges.List(ctx, bigv.PrivilegeListOptions{PrivilegeID: 31}))
		}, "privilege_id"},
		{"group_id in All", map[string]string{"GET /virtual_machines": `[{"id":2,"group_id":79}]`}, func(ctx context.Context, c *bigv.Client) error {
			return each(c.VirtualMachines.All(ctx, bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}))
		}, "group_id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, client := newRecorder(t, row.answers, flat...)
			err := row.call(t.Context(), client)
			require.ErrorIs(t, err, bigv.ErrIgnored)
			assert.ErrorContains(t, err, "the service ignored "+row.parameter)
		})
	}
}

func TestGetByNameInTheFlatStyle(t *testing.T) {
	answers := map[string]string{
		"GET /virtual_machines": "[" + vm5012 + "]", "GET /groups": `[{"id":78,"account_id":41,"name":"web"}]`,
		"GET /accounts/acme": `{"id":41,"name":"acme"}`, "GET /discs": "[" + disc900 + "]",
		"GET /virtual_machines/5012": `{"id":5012,"group_id":78,"hostname":"www1.web.other.uk0.bigv.io"}`,
	}
	_, client := newRecorder(t, answers, flat...)
	vm, err := client.VirtualMachines.Get(t.Context(), www1)
	require.NoError(t, err)
	assert.Equal(t, 5012, vm.ID)
	group, err := client.Groups.Get(t.Context(), web)
	require.NoError(t, err)
	assert.Equal(t, 78, group.ID)
	disc, err := client.Discs.Get(t.Context(), root)
	require.NoError(t, err)
	assert.Equal(t, 900, disc.ID)

	for name, err := range map[string]error{
		"a name that the list does not hold":  just(client.VirtualMachines.Get(t.Context(), web.VirtualMachine("www9"))),
		"an ID that is in another account":    just(client.VirtualMachines.Get(t.Context(), web.VirtualMachine("5012"))),
		"a group that the list does not hold": just(client.Groups.Get(t.Context(), acme.Group("db"))),
		"a disc that the list does not hold":  just(client.Discs.Get(t.Context(), www1.Disc("data"))),
	} {
		require.ErrorIs(t, err, bigv.ErrNotFound, name)
		_, ok := errors.AsType[*bigv.NotFoundError](err)
		assert.True(t, ok, name)
	}
}

// Exported types are the same under encoding/json and under the mirror of its
// second version.
func TestTypesUnderBothJSONs(t *testing.T) {
	for _, row := range []struct {
		name, body string
		value      any
	}{
		{"an update", `{"memory":4096,"autoreboot_on":false,"cdrom_url":null,"keymap":"en-gb"}`,
			bigv.VirtualMachineUpdate{Memory: new(4096), AutorebootOn: new(false), CDROMURL: bigv.Null[string](), Keymap: bigv.Set("en-gb")}},
		{"an update of nothing", `{}`, bigv.VirtualMachineUpdate{}},
		{"a disc to be made", `{"label":"data","size":50}`, bigv.DiscCreate{Label: "data", Size: 50}},
		{"a path", `"www1.web.acme"`, www1},
		{"an ID alone", `"#9001"`, bigv.DiscID(9001)},
		{"a secret", `"[redacted]"`, bigv.NewSecret("sesame")},
		{"no secret", `""`, bigv.Secret{}},
		{"an image", `{"distribution":"stretch","root_password":"[redacted]"}`, bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("sesame")}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v1, err := stdjson.Marshal(row.value)
			require.NoError(t, err)
			v2, err := json.Marshal(row.value)
			require.NoError(t, err)
			assert.Equal(t, row.body, string(v1))
			assert.Equal(t, row.body, string(v2))
		})
	}
	for _, name := range []string{"virtual_machine_overview.json", "virtual_machine.json"} {
		var v1, v2, again bigv.VirtualMachine
		require.NoError(t, stdjson.Unmarshal([]byte(fixture(t, name)), &v1))
		require.NoError(t, json.Unmarshal([]byte(fixture(t, name)), &v2))
		assert.Equal(t, v1, v2)
		text, err := stdjson.Marshal(v1)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &again))
		assert.Equal(t, v1, again)
	}
}
