package bigv_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The values of the fixtures in testdata.
var (
	smtp = bigv.VirtualMachine{
		ID: 7301, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 3, Memory: 6144, PowerOn: true,
		AutorebootOn: true, Deleted: true,
		CDROMURL: "https://iso.example/rescue.iso", Keymap: "de", HardwareProfile: bigv.Virtio2018, HardwareProfileLocked: true,
		ZoneName:          "manchester",
		ManagementAddress: netip.MustParseAddr("203.0.113.77"), Head: "head9", LastImagedWith: "stretch",
	}
	smtpOfNulls = bigv.VirtualMachine{
		ID: 7301, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 3, Memory: 6144,
	}
	smtpOverview = bigv.VirtualMachine{
		ID: 7301, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 3, Memory: 6144, PowerOn: true,
		HardwareProfile: bigv.Virtio2018, ZoneName: "manchester", ManagementAddress: netip.MustParseAddr("2001:db8:77::1"), Head: "head9",
		LastImagedWith: "stretch",
		Type:           "application/vnd.bigv.virtual-machine",
		Discs: []bigv.Disc{
			{
				ID: 8801, Label: "spool", Size: 40960, StorageGrade: bigv.SSD, StoragePool: "tail2-ssd4", VirtualMachineID: 7301,
				BackupCount: 5, BackupsEnabled: true, Type: "application/vnd.bigv.disc",
				BackupSchedules: []bigv.BackupSchedule{
					{ID: 411, StartAt: "2021-06-01T03:30:00+01:00", Interval: 24 * time.Hour, Capacity: 5},
					{ID: 412, StartAt: "2021-06-06T00:00:00Z", Interval: 7 * 24 * time.Hour, Capacity: 2},
				}},
			{
				ID: 8802, Label: "vdb", Size: 102400, StorageGrade: "moondust", StoragePool: "tail7-moon1", VirtualMachineID: 7301,
				Type: "application/vnd.bigv.disc", BackupSchedules: []bigv.BackupSchedule{},
			},
		},
		NetworkInterfaces: []bigv.NIC{
			{
				ID: 8901, MAC: "fe:ff:00:00:77:01", IPs: addrs("203.0.113.20", "2001:db8:77::20"), VLANNum: 12, VirtualMachineID: 7301,
				Type: "application/vnd.bigv.network-interface",
				ExtraIPs: map[netip.Addr]netip.Addr{
					netip.MustParseAddr("203.0.113.31"): netip.MustParseAddr("203.0.113.20"),
					netip.MustParseAddr("203.0.113.32"): netip.MustParseAddr("203.0.113.20"),
				},
			},
			{
				ID: 8902, Label: "inside", MAC: "fe:ff:00:00:77:02", IPs: []netip.Addr{}, ExtraIPs: map[netip.Addr]netip.Addr{},
				VLANNum: 4001, VirtualMachineID: 7301, Type: "application/vnd.bigv.network-interface",
			},
		},
	}
	accountsOverview = []bigv.Account{
		{ID: 317, Name: "heron", Type: "application/vnd.bigv.account", Groups: []bigv.Group{
			{ID: 640, AccountID: 317, Name: "default", Type: "application/vnd.bigv.group", VirtualMachines: []bigv.VirtualMachine{}},
			{ID: 641, AccountID: 317, Name: "mail", Type: "application/vnd.bigv.group", VirtualMachines: []bigv.VirtualMachine{
				{
					ID: 7301, GroupID: 641, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", Cores: 3, Memory: 6144,
					Type:              "application/vnd.bigv.virtual-machine",
					Discs:             []bigv.Disc{{ID: 8801, Label: "spool", Size: 40960, Type: "application/vnd.bigv.disc"}},
					NetworkInterfaces: []bigv.NIC{{ID: 8901, VLANNum: 12, Type: "application/vnd.bigv.network-interface"}}},
			}},
		}},
		{ID: 318, Name: "egret", Suspended: true, Type: "application/vnd.bigv.account", Groups: []bigv.Group{}},
	}
	spool = bigv.Disc{
		ID: 8801, Label: "spool", Size: 40960, StorageGrade: bigv.Iceberg, StoragePool: "tail9-iceberg2", VirtualMachineID: 7301,
		BackupCount: 1, BackupsEnabled: true,
		IOPSLimit: 750, NewStorageGrade: bigv.SSD, NewStoragePool: "tail2-ssd4", MigrationProgress: 37, MigrationETA: 95,
		MigrationSpeed: 8100, ResourceName: "res-8801",
	}
	ottoline = bigv.User{
		ID: 93, Username: "ottoline", Email: "ottoline@example.org",
		AuthorizedKeys: "ssh-ed25519 AAAAC3Nz barge\nssh-rsa AAAAB3Nz lock keeper\n\n",
	}
	mailAdmin = bigv.Privilege{
		ID: 551, Username: "wilf", Level: bigv.GroupAdmin, GroupID: 641, GroupName: "mail", PasswordRequired: true, YubikeyRequired: true,
		YubikeyOTPMaxAge: bigv.Set(900), IPRestrictions: json.RawMessage(`["203.0.113.0/24"]`), CreatingUsername: "ottoline",
	}
)

func addrs(texts ...string) (addrs []netip.Addr) {
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs
}

// Each response is decoded completely, with every status and content type that it may come with.
func TestResponsesAreDecoded(t *testing.T) {
	t.Parallel()
	grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(641)}
	kinds := map[int]string{200: "application/json", 201: "application/vnd.bigv.thing+json; charset=utf-8", 202: "text/plain"}
	shared := fakeserver.NewShared(t, false)
	for _, row := range []struct {
		name string
		call callFunc
		body string // with @ before the name of a file of testdata
		want any
	}{
		{
			"Accounts.Get with unknown members", accountsGet(acme), "@account.json",
			bigv.Account{ID: 317, Name: "heron", Suspended: true},
		},
		{"Accounts.Get with most members missing", accountsGet(acme), `{"id":317}`, bigv.Account{ID: 317}},
		{"Accounts.List with an overview", accountsList(bigv.AccountListOptions{}), "@accounts_overview.json", accountsOverview},
		{"Accounts.All with an overview", accountsAll(bigv.AccountListOptions{}), "@accounts_overview.json", accountsOverview},
		{"Accounts.List of none", accountsList(bigv.AccountListOptions{}), "[]", []bigv.Account{}},
		{
			"Accounts.Create", accountsCreate(bigv.AccountCreate{Name: "heron"}), "@account.json",
			bigv.Account{ID: 317, Name: "heron", Suspended: true},
		},
		{"Groups.Get", groupsGet(web), "@group.json", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}},
		{"Groups.Get with most members missing", groupsGet(web), `{"id":641}`, bigv.Group{ID: 641}},
		{
			"Groups.Get with numbers as strings", groupsGet(web), `{"id":"641","account_id":"317","name":"mail"}`,
			bigv.Group{ID: 641, AccountID: 317, Name: "mail"},
		},
		{"Groups.List of none", groupsList(bigv.GroupListOptions{}), " [ ] \n", []bigv.Group{}},
		{
			"Groups.Create", groupsCreate(acme, bigv.GroupCreate{Name: "mail"}), "@group.json",
			bigv.Group{ID: 641, AccountID: 317, Name: "mail"},
		},
		{"Groups.Rename", groupsRename(web, "mail"), "@group.json", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}},
		{"VirtualMachines.Get", vmsGet(www1), "@virtual_machine.json", smtp},
		{"VirtualMachines.Get whose nulls are zero", vmsGet(www1), "@virtual_machine_nulls.json", smtpOfNulls},
		{"VirtualMachines.Get with most members missing", vmsGet(www1), `{"id":7301}`, bigv.VirtualMachine{ID: 7301}},
		{"VirtualMachines.Get with an overview", vmsGet(www1), "@virtual_machine_overview.json", smtpOverview},
		{
			"VirtualMachines.Get with numbers as strings", vmsGet(www1), `{"id":"7301","cores":"3","memory":6144,"discs":[{"size":"50"}]}`,
			bigv.VirtualMachine{ID: 7301, Cores: 3, Memory: 6144, Discs: []bigv.Disc{{Size: 50}}},
		},
		{
			"VirtualMachines.List with numbers as strings", vmsList(bigv.VirtualMachineListOptions{}), `[{"id":"7301"},{"id":7302}]`,
			[]bigv.VirtualMachine{{ID: 7301}, {ID: 7302}},
		},
		{
			"VirtualMachines.All with numbers as strings", vmsAll(bigv.VirtualMachineListOptions{}), `[{"id":"7301"},{"id":7302}]`,
			[]bigv.VirtualMachine{{ID: 7301}, {ID: 7302}},
		},
		{"VirtualMachines.All of none", vmsAll(bigv.VirtualMachineListOptions{}), "[]", []bigv.VirtualMachine{}},
		{"VirtualMachines.Update", vmsUpdate(www1, bigv.VirtualMachineUpdate{Cores: new(2)}), "@virtual_machine.json", smtp},
		{"VirtualMachines.Rename", vmsRename(www1, "smtp"), "@virtual_machine.json", smtp},
		{"VirtualMachines.Move", vmsMove(www1, bigv.GroupID(641)), "@virtual_machine.json", smtp},
		{"VirtualMachines.Start", vmsStart(www1), "@virtual_machine.json", smtp},
		{"VirtualMachines.Stop", vmsStop(www1), "@virtual_machine.json", smtp},
		{"VirtualMachines.Restart", vmsRestart(www1), "@virtual_machine.json", smtp},
		{"VirtualMachines.Rescue", vmsRescue(www1), "@virtual_machine.json", smtp},
		{"VirtualMachines.Undelete", vmsUndelete(www1), "@virtual_machine.json", smtp},
		{
			"VirtualMachines.Create with the machine as a member", vmsCreate(web, least), "@virtual_machine_created.json",
			bigv.VirtualMachine{
				ID: 7302, Name: "imap", Hostname: "imap.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 1, Memory: 1024, AutorebootOn: true,
				HardwareProfile: bigv.Virtio2013, ZoneName: "york", ManagementAddress: netip.MustParseAddr("203.0.113.78")},
		},
		{"VirtualMachines.Create with the machine as it is", vmsCreate(web, least), "@virtual_machine.json", smtp},
		{
			"VirtualMachines.Create with numbers as strings", vmsCreate(web, least), `{"virtual_machine":{"id":"7301","cores":"3"}}`,
			bigv.VirtualMachine{ID: 7301, Cores: 3},
		},
		{
			"VirtualMachines.CreateBare with the machine as it is", vmsCreateBare(web, bigv.VirtualMachineCreate{Name: "smtp"}),
			"@virtual_machine.json", smtp,
		},
		{"Discs.Get", discsGet(root), "@disc.json", spool},
		{"Discs.Get with most members missing", discsGet(root), `{"id":8801}`, bigv.Disc{ID: 8801}},
		{"Discs.List", discsList(bigv.DiscListOptions{}), "[@disc.json]", []bigv.Disc{spool}},
		{"Discs.Create", discsCreate(www1, bigv.DiscCreate{Size: 50}), "@disc.json", spool},
		{"Discs.Resize", discsResize(root, 50), "@disc.json", spool},
		{"Discs.Relabel", discsRelabel(root, "spool"), "@disc.json", spool},
		{"Discs.Move", discsMove(root, bigv.VirtualMachineID(7301)), "@disc.json", spool},
		{"Users.Get", usersGet("ottoline"), "@user.json", ottoline},
		{
			"Users.Get without keys or email", usersGet("ottoline"), `{"id":93,"username":"ottoline","authorized_keys":null}`,
			bigv.User{ID: 93, Username: "ottoline"},
		},
		{"Users.List", usersList(), "[@user.json]", []bigv.User{ottoline}},
		{"Users.Update", usersUpdate("ottoline", bigv.UserUpdate{AuthorizedKeys: new("")}), "@user.json", ottoline},
		{"Users.Create", usersCreate(bigv.UserCreate{Username: "ottoline"}), "@user.json", ottoline},
		{"Privileges.Get", privilegesGet(551), "@privilege.json", mailAdmin},
		{
			"Privileges.Get whose nulls are zero, except for the age", privilegesGet(551), "@privilege_nulls.json",
			bigv.Privilege{
				ID: 552, Username: "wilf", Level: bigv.AccountAdmin, AccountID: 317, AccountName: "heron",
				YubikeyOTPMaxAge: bigv.Null[int](), IPRestrictions: json.RawMessage("null"), APIKeyID: 77,
			},
		},
		{
			"Privileges.Get with most members missing", privilegesGet(551), `{"id":551,"level":"moon_admin"}`,
			bigv.Privilege{ID: 551, Level: "moon_admin"},
		},
		{
			"Privileges.Get whose age is zero", privilegesGet(551), `{"id":551,"yubikey_otp_max_age":0}`,
			bigv.Privilege{ID: 551, YubikeyOTPMaxAge: bigv.Set(0)},
		},
		{
			"Privileges.Get with numbers as strings", privilegesGet(551), `{"id":"551","yubikey_otp_max_age":"900"}`,
			bigv.Privilege{ID: 551, YubikeyOTPMaxAge: bigv.Set(900)},
		},
		{"Privileges.List", privilegesList(bigv.PrivilegeListOptions{}), "[@privilege.json]", []bigv.Privilege{mailAdmin}},
		{"Privileges.Grant", privilegesGrant("wilf", grant), "@privilege.json", mailAdmin},
		{"Privileges.Update", privilegesUpdate(551, bigv.PrivilegeUpdate{YubikeyRequired: new(true)}), "@privilege.json", mailAdmin},
	} {
		body := row.body
		if before, name, ok := strings.Cut(body, "@"); ok {
			name, after, _ := strings.Cut(name, ".json")
			body = before + fixture(t, name+".json") + after
		}
		for status, kind := range kinds {
			t.Run(fmt.Sprint(row.name, " ", status, " ", kind), func(t *testing.T) {
				t.Parallel()
				srv := shared.New(fakeserver.Respond(status, body, "Content-Type", kind))
				got, err := row.call(t.Context(), newClient(t, srv))
				require.NoError(t, err)
				want := row.want
				if vm, ok := want.(bigv.VirtualMachine); ok {
					vm.Provisioning = status == 202
					want = vm
				}
				assert.Equal(t, want, got)
			})
		}
	}
}

func TestPathsOfDecodedValues(t *testing.T) {
	t.Parallel()
	assert.Equal(t, bigv.AccountPath("317"), bigv.Account{ID: 317, Name: "heron"}.Path())
	assert.Equal(t, "641.317", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}.Path().String())
	assert.Equal(t, "#641", bigv.Group{ID: 641}.Path().String())
	assert.Equal(t, "7301.641.heron", smtp.Path().String())
	assert.Equal(t, "#7301", bigv.VirtualMachine{ID: 7301, GroupID: 641}.Path().String())
	assert.Equal(t, "#7301", bigv.VirtualMachine{ID: 7301, Hostname: "smtp.mail.heron.uk0.bigv.io"}.Path().String())
	assert.Equal(t, "#7301", bigv.VirtualMachine{ID: 7301, GroupID: 641, Hostname: "smtp"}.Path().String())
	assert.Equal(t, "8801.#7301", spool.Path().String())
	assert.Equal(t, "#8801", bigv.Disc{ID: 8801}.Path().String())
	parsed, err := bigv.ParseDiscPath("8801.#7301")
	require.NoError(t, err)
	assert.Equal(t, spool.Path().String(), parsed.String())
	assert.Equal(t, "#8901", bigv.NIC{ID: 8901}.Path().String())
	assert.Equal(t, bigv.UserPath("93"), ottoline.Path())
	assert.Equal(t, []string{"ssh-ed25519 AAAAC3Nz barge", "ssh-rsa AAAAB3Nz lock keeper"}, ottoline.Keys())
}

// badBody is the body of a response that cannot be decoded, and a text that the error must contain.
type badBody struct{ name, body, wantText string }

var badObjects = []badBody{
	{"empty", "", "the body is empty"},
	{"white space", " \n", "the body is empty"},
	{"null", "null", "the body is empty"},
	{"an empty object", "{}", "the body is empty"},
	{"an object of something else", `{"error":"busy"}`, "is missing"},
	{"a list", `[{"id":1}]`, ""},
	{"a string", `"www1"`, ""},
	{"a string for a number", `{"id":"many"}`, "id"},
	{"an empty string for a number", `{"id":""}`, "id"},
	{"a number out of range", `{"id":99999999999999999999}`, "id"},
	{"a fraction for an integer", `{"id":1.5}`, "id"},
	{"a list for a number", `{"id":[1]}`, "id"},
	{"a member twice", `{"id":1,"id":2}`, `duplicate object member name "id"`},
	{"an unknown member twice", `{"id":1,"x":1,"x":2}`, `duplicate object member name "x"`},
	{"invalid UTF-8", "{\"id\":1,\"x\":\"\xff\"}", "UTF-8"},
	{"truncated", `{"id":1,`, "unexpected EOF"},
	{"more after the end", `{"id":1} {"id":2}`, "after top-level value"},
	{"not JSON", "OK", ""},
	{"an HTML page", "\n<!DOCTYPE html><html><body>Log in to the network</body></html>", "an HTML page"},
}

var badLists = []badBody{
	{"empty", "", ""},
	{"white space", " \n", ""},
	{"an element without an ID", `[{"name":"www1"}]`, "the ID is missing"},
	{"a null element", "[null]", "the ID is missing"},
	{"an object", `{"id":1}`, ""},
	{"an empty object", "{}", ""},
	{"a string", `"www1"`, ""},
	{"strings", `["www1"]`, ""},
	{"a string for a number", `[{"id":"many"}]`, "id"},
	{"a fraction for an integer", `[{"id":1.5}]`, "id"},
	{"a member twice", `[{"id":1,"id":2}]`, `duplicate object member name "id"`},
	{"invalid UTF-8", "[{\"id\":1,\"x\":\"\xff\"}]", "UTF-8"},
	{"truncated between two elements", `[{"id":1},`, "unexpected EOF"},
	{"truncated before its end", `[{"id":1}`, "unexpected EOF"},
	{"truncated within an element", `[{"id":1`, "unexpected EOF"},
	{"more after the end", `[] []`, "after"},
	{"not JSON", "OK", ""},
	{"an HTML page", "\n<!DOCTYPE html><html><body>Log in to the network</body></html>", "an HTML page"},
}

func TestResponsesThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	shared := fakeserver.NewShared(t, false)
	for _, row := range []struct {
		name      string
		call      callFunc
		operation string
		bodies    []badBody
	}{
		{"Accounts.Get", accountsGet(acme), "get account acme", badObjects},
		{"Groups.Get", groupsGet(web), "get group web.acme", badObjects},
		{"VirtualMachines.Get", vmsGet(www1), "get virtual machine www1.web.acme", badObjects},
		{"Discs.Get", discsGet(root), "get disc root.www1.web.acme", badObjects},
		{"Users.Get", usersGet("alice"), "get user alice", badObjects},
		{"Privileges.Get", privilegesGet(31), "get privilege 31", badObjects},
		{"Accounts.List", accountsList(bigv.AccountListOptions{}), "list accounts", badLists},
		{"Groups.List", groupsList(bigv.GroupListOptions{}), "list groups", badLists},
		{"VirtualMachines.List", vmsList(bigv.VirtualMachineListOptions{}), "list virtual machines", badLists},
		{"Discs.List", discsList(bigv.DiscListOptions{}), "list discs", badLists},
		{"Users.List", usersList(), "list users", badLists},
		{"Privileges.List", privilegesList(bigv.PrivilegeListOptions{}), "list privileges", badLists},
		{"Accounts.All", accountsAll(bigv.AccountListOptions{}), "list accounts", badLists},
		{"Groups.All", groupsAll(bigv.GroupListOptions{}), "list groups", badLists},
		{"VirtualMachines.All", vmsAll(bigv.VirtualMachineListOptions{}), "list virtual machines", badLists},
		{"Discs.All", discsAll(bigv.DiscListOptions{}), "list discs", badLists},
		{"Privileges.All", privilegesAll(bigv.PrivilegeListOptions{}), "list privileges", badLists},
	} {
		for _, bad := range row.bodies {
			t.Run(row.name+": "+bad.name, func(t *testing.T) {
				t.Parallel()
				srv := shared.New(fakeserver.Respond(200, bad.body))
				_, err := row.call(t.Context(), newClient(t, srv, tryOnce))
				require.ErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assert.ErrorContains(t, err, "bigv: "+row.operation+": 200 OK: reading the response: ")
				assert.ErrorContains(t, err, bad.wantText)
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok)
				assert.Equal(t, 200, e.StatusCode)
			})
		}
	}
}
