package bigv_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tryOnce is for what is looked at attempt by attempt.
var tryOnce = bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1})

// What the fixtures tell of.
var (
	smtp = bigv.VirtualMachine{
		ID: 7301, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 3, Memory: 6144, PowerOn: true, AutorebootOn: true, Deleted: true,
		CDROMURL: "https://iso.example/rescue.iso", Keymap: "de", HardwareProfile: bigv.Virtio2018, HardwareProfileLocked: true, ZoneName: "manchester",
		ManagementAddress: netip.MustParseAddr("203.0.113.77"), Head: "head9", LastImagedWith: "stretch",
	}
	smtpOfNulls  = bigv.VirtualMachine{ID: 7301, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 3, Memory: 6144}
	smtpOverview = bigv.VirtualMachine{
		ID: 7301, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 3, Memory: 6144, PowerOn: true,
		HardwareProfile: bigv.Virtio2018, ZoneName: "manchester", ManagementAddress: netip.MustParseAddr("2001:db8:77::1"), Head: "head9", LastImagedWith: "stretch",
		Type: "application/vnd.bigv.virtual-machine",
		Discs: []bigv.Disc{
			{ID: 8801, Label: "spool", Size: 40960, StorageGrade: bigv.SSD, StoragePool: "tail2-ssd4", VirtualMachineID: 7301, BackupCount: 5, BackupsEnabled: true, Type: "application/vnd.bigv.disc",
				BackupSchedules: []bigv.BackupSchedule{
					{ID: 411, StartAt: "2021-06-01T03:30:00+01:00", IntervalSeconds: 86400, Capacity: 5},
					{ID: 412, StartAt: "2021-06-06T00:00:00Z", IntervalSeconds: 604800, Capacity: 2},
				}},
			{ID: 8802, Label: "vdb", Size: 102400, StorageGrade: "moondust", StoragePool: "tail7-moon1", VirtualMachineID: 7301, Type: "application/vnd.bigv.disc", BackupSchedules: []bigv.BackupSchedule{}},
		},
		NetworkInterfaces: []bigv.NIC{
			{ID: 8901, MAC: "fe:ff:00:00:77:01", IPs: addrs("203.0.113.20", "2001:db8:77::20"), VLANNum: 12, VirtualMachineID: 7301, Type: "application/vnd.bigv.network-interface",
				ExtraIPs: map[netip.Addr]netip.Addr{netip.MustParseAddr("203.0.113.31"): netip.MustParseAddr("203.0.113.20"), netip.MustParseAddr("203.0.113.32"): netip.MustParseAddr("203.0.113.20")}},
			{ID: 8902, Label: "inside", MAC: "fe:ff:00:00:77:02", IPs: []netip.Addr{}, ExtraIPs: map[netip.Addr]netip.Addr{}, VLANNum: 4001, VirtualMachineID: 7301, Type: "application/vnd.bigv.network-interface"},
		},
	}
	accountsOverview = []bigv.Account{
		{ID: 317, Name: "heron", Type: "application/vnd.bigv.account", Groups: []bigv.Group{
			{ID: 640, AccountID: 317, Name: "default", Type: "application/vnd.bigv.group", VirtualMachines: []bigv.VirtualMachine{}},
			{ID: 641, AccountID: 317, Name: "mail", Type: "application/vnd.bigv.group", VirtualMachines: []bigv.VirtualMachine{
				{ID: 7301, GroupID: 641, Name: "smtp", Hostname: "smtp.mail.heron.uk0.bigv.io", Cores: 3, Memory: 6144, Type: "application/vnd.bigv.virtual-machine",
					Discs:             []bigv.Disc{{ID: 8801, Label: "spool", Size: 40960, Type: "application/vnd.bigv.disc"}},
					NetworkInterfaces: []bigv.NIC{{ID: 8901, VLANNum: 12, Type: "application/vnd.bigv.network-interface"}}},
			}},
		}},
		{ID: 318, Name: "egret", Suspended: true, Type: "application/vnd.bigv.account", Groups: []bigv.Group{}},
	}
	spool = bigv.Disc{
		ID: 8801, Label: "spool", Size: 40960, StorageGrade: bigv.Iceberg, StoragePool: "tail9-iceberg2", VirtualMachineID: 7301, BackupCount: 1, BackupsEnabled: true,
		IOPSLimit: 750, NewStorageGrade: bigv.SSD, NewStoragePool: "tail2-ssd4", MigrationProgress: 37, MigrationETA: 95, MigrationSpeed: 8100, ResourceName: "res-8801",
	}
	ottoline  = bigv.User{ID: 93, Username: "ottoline", Email: "ottoline@example.org", AuthorizedKeys: "ssh-ed25519 AAAAC3Nz barge\nssh-rsa AAAAB3Nz lock keeper\n\n"}
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

// Every answer, whole, under every status and content type that it may come with.
func TestAnswers(t *testing.T) {
	grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(641)}
	for _, row := range []struct {
		name string // the method and the fact
		args args
		body string // @ stands before a fixture's name
		want any
	}{
		{"Accounts.Get with members that are new", args{acme}, "@account.json", bigv.Account{ID: 317, Name: "heron", Suspended: true}},
		{"Accounts.Get with most members missing", args{acme}, `{"id":317}`, bigv.Account{ID: 317}},
		{"Accounts.List with all below", args{bigv.AccountListOptions{}}, "@accounts_overview.json", accountsOverview},
		{"Accounts.All with all below", args{bigv.AccountListOptions{}}, "@accounts_overview.json", accountsOverview},
		{"Accounts.List of none", args{bigv.AccountListOptions{}}, "[]", []bigv.Account{}},
		{"Accounts.Create", args{bigv.AccountCreate{Name: "heron"}}, "@account.json", bigv.Account{ID: 317, Name: "heron", Suspended: true}},
		{"Groups.Get", args{web}, "@group.json", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}},
		{"Groups.Get with most members missing", args{web}, `{"name":"mail"}`, bigv.Group{Name: "mail"}},
		{"Groups.Get with numbers as text", args{web}, `{"id":"641","account_id":"317","name":"mail"}`, bigv.Group{ID: 641, AccountID: 317, Name: "mail"}},
		{"Groups.List of none", args{bigv.GroupListOptions{}}, " [ ] \n", []bigv.Group{}},
		{"Groups.Create", args{acme, bigv.GroupCreate{Name: "mail"}}, "@group.json", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}},
		{"Groups.Rename", args{web, "mail"}, "@group.json", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}},
		{"VirtualMachines.Get", args{www1}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Get whose nulls are zero", args{www1}, "@virtual_machine_nulls.json", smtpOfNulls},
		{"VirtualMachines.Get with most members missing", args{www1}, `{"id":7301}`, bigv.VirtualMachine{ID: 7301}},
		{"VirtualMachines.Get with all below", args{www1}, "@virtual_machine_overview.json", smtpOverview},
		{"VirtualMachines.Get with numbers as text", args{www1}, `{"id":"7301","cores":"3","memory":6144,"discs":[{"size":"50"}]}`,
			bigv.VirtualMachine{ID: 7301, Cores: 3, Memory: 6144, Discs: []bigv.Disc{{Size: 50}}}},
		{"VirtualMachines.List with numbers as text", args{bigv.VirtualMachineListOptions{}}, `[{"id":"7301"},{"id":7302}]`, []bigv.VirtualMachine{{ID: 7301}, {ID: 7302}}},
		{"VirtualMachines.All with numbers as text", args{bigv.VirtualMachineListOptions{}}, `[{"id":"7301"},{"id":7302}]`, []bigv.VirtualMachine{{ID: 7301}, {ID: 7302}}},
		{"VirtualMachines.All of none", args{bigv.VirtualMachineListOptions{}}, "[]", []bigv.VirtualMachine{}},
		{"VirtualMachines.Update", args{www1, bigv.VirtualMachineUpdate{}}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Rename", args{www1, "smtp"}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Move", args{www1, bigv.GroupID(641)}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Start", args{www1}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Stop", args{www1}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Restart", args{www1}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Rescue", args{www1}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Undelete", args{www1}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Create answered with the machine in its wrapping", args{web, least}, "@virtual_machine_created.json", bigv.VirtualMachine{
			ID: 7302, Name: "imap", Hostname: "imap.mail.heron.uk0.bigv.io", GroupID: 641, Cores: 1, Memory: 1024, AutorebootOn: true,
			HardwareProfile: bigv.Virtio2013, ZoneName: "york", ManagementAddress: netip.MustParseAddr("203.0.113.78")}},
		{"VirtualMachines.Create answered with the machine alone", args{web, least}, "@virtual_machine.json", smtp},
		{"VirtualMachines.Create with numbers as text", args{web, least}, `{"virtual_machine":{"id":"7301","cores":"3"}}`, bigv.VirtualMachine{ID: 7301, Cores: 3}},
		{"VirtualMachines.CreateBare answered with the machine alone", args{web, bigv.VirtualMachineCreate{Name: "smtp"}}, "@virtual_machine.json", smtp},
		{"Discs.Get", args{root}, "@disc.json", spool},
		{"Discs.Get with most members missing", args{root}, `{"id":8801}`, bigv.Disc{ID: 8801}},
		{"Discs.List", args{bigv.DiscListOptions{}}, "[@disc.json]", []bigv.Disc{spool}},
		{"Discs.Create", args{www1, bigv.DiscCreate{Size: 50}}, "@disc.json", spool},
		{"Discs.Resize", args{root, 50}, "@disc.json", spool},
		{"Discs.Relabel", args{root, "spool"}, "@disc.json", spool},
		{"Discs.Move", args{root, bigv.VirtualMachineID(7301)}, "@disc.json", spool},
		{"Users.Get", args{"ottoline"}, "@user.json", ottoline},
		{"Users.Get without keys or email", args{"ottoline"}, `{"id":93,"username":"ottoline","authorized_keys":null}`, bigv.User{ID: 93, Username: "ottoline"}},
		{"Users.List", args{}, "[@user.json]", []bigv.User{ottoline}},
		{"Users.Update", args{"ottoline", bigv.UserUpdate{}}, "@user.json", ottoline},
		{"Users.Create", args{bigv.UserCreate{Username: "ottoline"}}, "@user.json", ottoline},
		{"Privileges.Get", args{551}, "@privilege.json", mailAdmin},
		{"Privileges.Get whose nulls are zero, but for the age", args{551}, "@privilege_nulls.json", bigv.Privilege{
			ID: 552, Username: "wilf", Level: bigv.AccountAdmin, AccountID: 317, AccountName: "heron", YubikeyOTPMaxAge: bigv.Null[int](), IPRestrictions: json.RawMessage("null"), APIKeyID: 77}},
		{"Privileges.Get with most members missing", args{551}, `{"id":551,"level":"moon_admin"}`, bigv.Privilege{ID: 551, Level: "moon_admin"}},
		{"Privileges.Get whose age is zero", args{551}, `{"id":551,"yubikey_otp_max_age":0}`, bigv.Privilege{ID: 551, YubikeyOTPMaxAge: bigv.Set(0)}},
		{"Privileges.Get with numbers as text", args{551}, `{"id":"551","yubikey_otp_max_age":"900"}`, bigv.Privilege{ID: 551, YubikeyOTPMaxAge: bigv.Set(900)}},
		{"Privileges.List", args{bigv.PrivilegeListOptions{}}, "[@privilege.json]", []bigv.Privilege{mailAdmin}},
		{"Privileges.Grant", args{"wilf", grant}, "@privilege.json", mailAdmin},
		{"Privileges.Update", args{551, bigv.PrivilegeUpdate{}}, "@privilege.json", mailAdmin},
	} {
		body := row.body
		if before, name, ok := strings.Cut(body, "@"); ok {
			name, after, _ := strings.Cut(name, ".json")
			body = before + fixture(t, name+".json") + after
		}
		for status, kind := range map[int]string{200: "application/json", 201: "application/vnd.bigv.thing+json; charset=utf-8", 202: "text/plain"} {
			t.Run(fmt.Sprint(row.name, " ", status, " ", kind), func(t *testing.T) {
				t.Parallel()
				got, err := invoke(t.Context(), start(t, replying(status, body, "Content-Type", kind)), row.name, row.args...)
				require.NoError(t, err)
				want := row.want
				if vm, ok := want.(bigv.VirtualMachine); ok {
					vm.Provisioning = status == 202 // it is still being made
					want = vm
				}
				assert.Equal(t, want, got)
			})
		}
	}
}

// What is read tells where it lives.
func TestPathsOfAnswers(t *testing.T) {
	assert.Equal(t, bigv.AccountPath("317"), bigv.Account{ID: 317, Name: "heron"}.Path())
	assert.Equal(t, "641.317", bigv.Group{ID: 641, AccountID: 317, Name: "mail"}.Path().String())
	assert.Equal(t, "#641", bigv.Group{ID: 641}.Path().String())
	assert.Equal(t, "7301.641.heron", smtp.Path().String())
	assert.Equal(t, "#7301", bigv.VirtualMachine{ID: 7301, GroupID: 641}.Path().String())
	assert.Equal(t, "#7301", bigv.VirtualMachine{ID: 7301, Hostname: "smtp.mail.heron.uk0.bigv.io"}.Path().String())
	assert.Equal(t, "#7301", bigv.VirtualMachine{ID: 7301, GroupID: 641, Hostname: "smtp"}.Path().String())
	assert.Equal(t, "#8801", spool.Path().String())
	assert.Equal(t, "#8901", bigv.NIC{ID: 8901}.Path().String())
	assert.Equal(t, bigv.UserPath("93"), ottoline.Path())
	assert.Equal(t, []string{"ssh-ed25519 AAAAC3Nz barge", "ssh-rsa AAAAB3Nz lock keeper"}, ottoline.Keys())
}

// noAnswer is what an answer can be without being what was promised, and what is
// said of it.
type noAnswer struct{ name, body, says string }

var noObjects = []noAnswer{
	{"empty", "", "it is empty"},
	{"white space", " \n", "it is empty"},
	{"null", "null", "it is empty"},
	{"an empty object", "{}", "it is empty"},
	{"a list", `[{"id":1}]`, ""},
	{"a text", `"www1"`, ""},
	{"a text for a number", `{"id":"many"}`, "id"},
	{"an empty text for a number", `{"id":""}`, "id"},
	{"a number out of range", `{"id":99999999999999999999}`, "id"},
	{"a fraction for an integer", `{"id":1.5}`, "id"},
	{"a list for a number", `{"id":[1]}`, "id"},
	{"a member twice", `{"id":1,"id":2}`, `duplicate object member name "id"`},
	{"a member of no interest twice", `{"id":1,"x":1,"x":2}`, `duplicate object member name "x"`},
	{"invalid UTF-8", "{\"id\":1,\"x\":\"\xff\"}", "UTF-8"},
	{"cut in the middle", `{"id":1,`, "unexpected EOF"},
	{"more after the end", `{"id":1} {"id":2}`, "after top-level value"},
	{"no JSON", "OK", ""},
	{"a web page", "\n<!DOCTYPE html><html><body>Log in to the network</body></html>", "web page"},
}

var noLists = []noAnswer{
	{"empty", "", ""},
	{"white space", " \n", ""},
	{"null", "null", ""},
	{"an object", `{"id":1}`, ""},
	{"an empty object", "{}", ""},
	{"a text", `"www1"`, ""},
	{"texts", `["www1"]`, ""},
	{"a text for a number", `[{"id":"many"}]`, "id"},
	{"a fraction for an integer", `[{"id":1.5}]`, "id"},
	{"a member twice", `[{"id":1,"id":2}]`, `duplicate object member name "id"`},
	{"invalid UTF-8", "[{\"id\":1,\"x\":\"\xff\"}]", "UTF-8"},
	{"cut between two elements", `[{"id":1},`, "unexpected EOF"},
	{"cut before its end", `[{"id":1}`, "unexpected EOF"},
	{"cut within an element", `[{"id":1`, "unexpected EOF"},
	{"more after the end", `[] []`, "after"},
	{"no JSON", "OK", ""},
	{"a web page", "\n<!DOCTYPE html><html><body>Log in to the network</body></html>", "web page"},
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, read := range []struct {
		name    string
		args    args
		says    string
		answers []noAnswer
	}{
		{"Accounts.Get", args{acme}, "get account acme", noObjects},
		{"Groups.Get", args{web}, "get group web.acme", noObjects},
		{"VirtualMachines.Get", args{www1}, "get virtual machine www1.web.acme", noObjects},
		{"Discs.Get", args{root}, "get disc root.www1.web.acme", noObjects},
		{"Users.Get", args{"alice"}, "get user alice", noObjects},
		{"Privileges.Get", args{31}, "get privilege 31", noObjects},
		{"Accounts.List", args{bigv.AccountListOptions{}}, "list accounts", noLists},
		{"Groups.List", args{bigv.GroupListOptions{}}, "list groups", noLists},
		{"VirtualMachines.List", args{bigv.VirtualMachineListOptions{}}, "list virtual machines", noLists},
		{"Discs.List", args{bigv.DiscListOptions{}}, "list discs", noLists},
		{"Users.List", args{}, "list users", noLists},
		{"Privileges.List", args{bigv.PrivilegeListOptions{}}, "list privileges", noLists},
		{"Accounts.All", args{bigv.AccountListOptions{}}, "list accounts", noLists},
		{"Groups.All", args{bigv.GroupListOptions{}}, "list groups", noLists},
		{"VirtualMachines.All", args{bigv.VirtualMachineListOptions{}}, "list virtual machines", noLists},
		{"Discs.All", args{bigv.DiscListOptions{}}, "list discs", noLists},
		{"Privileges.All", args{bigv.PrivilegeListOptions{}}, "list privileges", noLists},
	} {
		for _, answer := range read.answers {
			t.Run(read.name+" "+answer.name, func(t *testing.T) {
				t.Parallel()
				_, err := invoke(t.Context(), start(t, replying(200, answer.body), tryOnce), read.name, read.args...)
				require.ErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assertSays(t, err, "bigv: "+read.says+": 200 OK: reading the answer: ")
				assertSays(t, err, answer.says)
				e, ok := errors.AsType[*bigv.Error](err)
				require.True(t, ok)
				assert.Equal(t, 200, e.StatusCode)
			})
		}
	}
}

// What the answer to a write tells of the thing, or does not.
func TestWritesAnsweredOddly(t *testing.T) {
	const (
		look        = "GET " + www1URL + "?include_deleted=true"
		repeatable  = false
		once        = true
		noReadBack  = ""
		groupList   = "GET /virtual_machines?group_id=79&include_deleted=true"
		machineList = "GET /discs?vm_id=5013"
	)
	for _, row := range []struct {
		name     string
		args     args
		readBack string
		once     bool
		answers  answers // to the reading back, where it is a list
	}{
		{"Accounts.Create", args{bigv.AccountCreate{Name: "heron"}}, "GET /accounts/heron", once, nil},
		{"Groups.Create", args{acme, bigv.GroupCreate{Name: "db"}}, "GET /accounts/acme/groups/db", once, nil},
		{"Groups.Rename", args{web, "db"}, "GET /accounts/acme/groups/db", once, nil},
		{"Groups.Rename by ID", args{acme.Group("78"), "db"}, "GET /accounts/acme/groups/78", once, nil},
		{"VirtualMachines.Create", args{web, least}, "GET " + www1URL, once, nil},
		{"VirtualMachines.CreateBare", args{web, bigv.VirtualMachineCreate{Name: "www1"}}, "GET " + www1URL, once, nil},
		{"VirtualMachines.Update", args{www1, bigv.VirtualMachineUpdate{Memory: new(1024)}}, look, repeatable, nil},
		{"VirtualMachines.Update to on", args{www1, bigv.VirtualMachineUpdate{PowerOn: new(true)}}, look, repeatable, nil},
		{"VirtualMachines.Update to off for good", args{www1, bigv.VirtualMachineUpdate{PowerOn: new(false), AutorebootOn: new(false)}}, look, repeatable, nil},
		{"VirtualMachines.Update to off, which may be a restart", args{www1, bigv.VirtualMachineUpdate{PowerOn: new(false)}}, look, once, nil},
		{"VirtualMachines.Update to off and on, a restart", args{www1, bigv.VirtualMachineUpdate{PowerOn: new(false), AutorebootOn: new(true)}}, look, once, nil},
		{"VirtualMachines.Update to boot from an appliance", args{www1, bigv.VirtualMachineUpdate{Appliance: &bigv.Appliance{Name: "rescue"}}}, look, once, nil},
		{"VirtualMachines.Rename", args{www1, "www2"}, "GET " + webURL + "/virtual_machines/www2?include_deleted=true", once, nil},
		{"VirtualMachines.Rename by ID", args{web.VirtualMachine("5012"), "www2"}, "GET " + webURL + "/virtual_machines/5012?include_deleted=true", once, nil},
		{"VirtualMachines.Move", args{www1, acme.Group("79")}, "GET /accounts/acme/groups/79/virtual_machines/www1?include_deleted=true", once, nil},
		{"VirtualMachines.Move to a group by ID alone", args{www1, bigv.GroupID(79)}, groupList, once, answers{"GET /virtual_machines": `[{"id":1,"name":"www1","group_id":79}]`}},
		{"VirtualMachines.Start", args{www1}, look, repeatable, nil},
		{"VirtualMachines.Stop", args{www1}, look, repeatable, nil},
		{"VirtualMachines.Restart", args{www1}, look, once, nil},
		{"VirtualMachines.Boot", args{www1, "netinst"}, look, once, nil},
		{"VirtualMachines.Rescue", args{www1}, look, once, nil},
		{"VirtualMachines.Undelete", args{www1}, look, repeatable, nil},
		{"Discs.Create", args{www1, bigv.DiscCreate{Label: "data", Size: 50}}, "GET " + www1URL + "/discs/data", once, nil},
		{"Discs.Create without a label", args{www1, bigv.DiscCreate{Size: 50}}, noReadBack, once, nil},
		{"Discs.Update", args{root, bigv.DiscUpdate{Size: new(100)}}, "GET " + rootURL, repeatable, nil},
		{"Discs.Resize", args{root, 100}, "GET " + rootURL, repeatable, nil},
		{"Discs.Relabel", args{root, "system"}, "GET " + www1URL + "/discs/system", once, nil},
		{"Discs.Relabel by ID", args{www1.Disc("900"), "system"}, "GET " + www1URL + "/discs/900", once, nil},
		{"Discs.Move", args{root, web.VirtualMachine("5013")}, "GET " + webURL + "/virtual_machines/5013/discs/root", once, nil},
		{"Discs.Move to a machine by ID alone", args{root, bigv.VirtualMachineID(5013)}, machineList, once, answers{"GET /discs": `[{"id":1,"label":"root","virtual_machine_id":5013}]`}},
		{"Users.Update", args{"alice", bigv.UserUpdate{AuthorizedKeys: new("")}}, "GET /users/alice", repeatable, nil},
		{"Users.Create", args{bigv.UserCreate{Username: "carol"}}, "GET /users/carol", once, nil},
		{"Privileges.Grant", args{"bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}}, noReadBack, once, nil},
		{"Privileges.Update", args{31, bigv.PrivilegeUpdate{}}, "GET /privileges/31", repeatable, nil},
	} {
		for _, answer := range []struct {
			text     string
			readable bool
		}{
			{"200 ", true}, {"201 \r\n", true}, {"200 {}", true}, {"201  { } ", true}, {"202 null", true}, {"204 ", true},
			{"200 [1", false}, {`201 {"id":1,"id":2}`, false}, {"202 OK", false}, {"200 <html>", false},
		} {
			t.Run(row.name+" "+answer.text, func(t *testing.T) {
				t.Parallel()
				rec, client := newRecorder(t, row.answers)
				rec.everyWrite = answer.text
				got, err := invoke(t.Context(), client, row.name, row.args...)
				sent := rec.sent()
				if (row.once || answer.text == "200 <html>") && !answer.readable {
					require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
					require.ErrorIs(t, err, bigv.ErrInvalidResponse)
					assert.Len(t, sent, 1)
					return
				}
				require.NoError(t, err)
				if row.readBack == noReadBack {
					assert.Len(t, sent, 1)
					assert.Zero(t, got)
					return
				}
				require.Len(t, sent, 2)
				assert.Equal(t, row.readBack, sent[1])
				want := 1
				if last, err := strconv.Atoi(path.Base(strings.TrimSuffix(row.readBack, "?include_deleted=true"))); err == nil {
					want = last
				}
				assert.EqualValues(t, want, reflect.ValueOf(got).FieldByName("ID").Int(), "what was read back")
			})
		}
	}
}

// Deletes and signals want no more of an answer than its status.
func TestWritesWhoseAnswerIsNotRead(t *testing.T) {
	for _, row := range []struct {
		name string
		args args
	}{
		{"Accounts.Delete", args{acme}},
		{"Groups.Delete", args{web}},
		{"VirtualMachines.Delete", args{www1}},
		{"VirtualMachines.Purge", args{www1}},
		{"VirtualMachines.Reset", args{www1}},
		{"VirtualMachines.PowerDown", args{www1}},
		{"VirtualMachines.SendKeys", args{www1, []string{"esc"}}},
		{"VirtualMachines.Reimage", args{www1, bigv.Image{Distribution: "stretch"}}},
		{"Discs.Purge", args{root}},
		{"Users.Delete", args{"alice"}},
		{"Privileges.Revoke", args{31}},
	} {
		for _, answer := range []string{"200 ", "200 {}", "200 null", `200 {"signal":"reset"}`, "200 OK", `201 {"id":1}`, "202 ", "204"} {
			t.Run(row.name+" "+answer, func(t *testing.T) {
				t.Parallel()
				rec, client := newRecorder(t, nil)
				rec.everyWrite = answer
				_, err := invoke(t.Context(), client, row.name, row.args...)
				require.NoError(t, err)
				assert.Len(t, rec.sent(), 1)
			})
		}
		t.Run(row.name+" answered by a web page", func(t *testing.T) {
			t.Parallel()
			_, err := invoke(t.Context(), start(t, replying(http.StatusOK, "<html>Log in to the network</html>")), row.name, row.args...)
			require.ErrorIs(t, err, bigv.ErrInvalidResponse)
			require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
		})
	}
}

// What was done and could not be read back was done: the error says so.
func TestReadingBackThatFails(t *testing.T) {
	_, client := newRecorder(t, answers{"PUT " + www1URL: "200 ", "GET " + www1URL: "403 no"})
	_, err := client.VirtualMachines.Start(t.Context(), www1)
	require.ErrorIs(t, err, bigv.ErrForbidden)
	assertSays(t, err, "bigv: start virtual machine www1.web.acme: it was done, but reading it back failed: bigv: get virtual machine www1.web.acme: 403 Forbidden")
}

// A flat list that holds what its filter excludes is no result, whole or in part.
func TestFiltersThatAreIgnored(t *testing.T) {
	const (
		inWeb   = `{"id":1,"name":"a","group_id":78,"hostname":"a.web.acme.uk0.bigv.io"}`
		inDB    = `{"id":2,"name":"b","group_id":79,"hostname":"b.db.acme.uk0.bigv.io"}`
		inOther = `{"id":3,"name":"c","group_id":78,"hostname":"c.web.other.uk0.bigv.io"}`
		untold  = `{"id":4,"name":"d"}`
	)
	machines := func(elements ...string) answers {
		return answers{"GET /virtual_machines": "[" + strings.Join(elements, ",") + "]"}
	}
	group := func(g bigv.GroupPath) args { return args{bigv.VirtualMachineListOptions{Group: g}} }
	account := func(a bigv.AccountPath) args { return args{bigv.VirtualMachineListOptions{Account: a}} }
	for _, row := range []struct {
		name      string
		args      args
		answers   answers
		parameter string
	}{
		{"VirtualMachines.List of another group by ID", group(bigv.GroupID(78)), machines(inWeb, inDB), "group_id"},
		{"VirtualMachines.List of no group by ID", group(bigv.GroupID(78)), machines(untold), "group_id"},
		{"VirtualMachines.List of another group by name", group(web), machines(inWeb, inDB), "group_name"},
		{"VirtualMachines.List of no group by name", group(web), machines(untold), "group_name"},
		{"VirtualMachines.List of the group's name in another account", group(web), machines(inWeb, inOther), "account_name"},
		{"VirtualMachines.List of the group's ID in another account", group(acme.Group("78")), machines(inOther), "account_name"},
		{"VirtualMachines.List of another account by name", account(acme), machines(inDB, inOther), "account_name"},
		{"VirtualMachines.List of no account by name", account(acme), machines(untold), "account_name"},
		{"VirtualMachines.List of another account by ID", account(bigv.AccountID(41)), machines(inWeb, inOther), "account_id"},
		{"VirtualMachines.List of no account by ID", account(bigv.AccountID(41)), machines(untold), "account_id"},
		{"Groups.List of another account by ID", args{bigv.GroupListOptions{Account: bigv.AccountID(41)}}, answers{"GET /groups": `[{"id":1,"account_id":41},{"id":2,"account_id":42}]`}, "account_id"},
		{"Groups.List of another account by name", args{bigv.GroupListOptions{Account: acme}}, answers{"GET /groups": `[{"id":1,"account_id":42}]`}, "account_name"},
		{"Groups.List of no account", args{bigv.GroupListOptions{Account: acme}}, answers{"GET /groups": `[{"id":1}]`}, "account_name"},
		{"Discs.List of another machine by ID", args{bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}}, answers{"GET /discs": `[` + disc900 + `,{"id":1,"virtual_machine_id":5013}]`}, "vm_id"},
		{"Discs.List of no machine", args{bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}}, answers{"GET /discs": `[{"id":1}]`}, "vm_id"},
		{"Discs.List of another machine by name", args{bigv.DiscListOptions{VirtualMachine: www1}}, answers{"GET /discs": `[{"id":1,"virtual_machine_id":5013}]`, "GET /virtual_machines": "[" + vm5012 + "]"}, "vm_name"},
		{"Privileges.List of another user by name", args{bigv.PrivilegeListOptions{User: "bob"}}, answers{"GET /privileges": `[{"id":1,"username":"bob"},{"id":2,"username":"alice"}]`}, "user_name"},
		{"Privileges.List of another user by ID", args{bigv.PrivilegeListOptions{User: bigv.UserID(13)}}, answers{"GET /privileges": `[{"id":1,"username":"alice"}]`, "GET /users/13": `{"id":13,"username":"bob"}`}, "user_id"},
		{"Privileges.List of another privilege", args{bigv.PrivilegeListOptions{PrivilegeID: 31}}, answers{"GET /privileges": `[{"id":31},{"id":32}]`}, "privilege_id"},
	} {
		for _, name := range []string{row.name, strings.Replace(row.name, ".List", ".All", 1)} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, client := newRecorder(t, row.answers, flat...)
				_, err := invoke(t.Context(), client, name, row.args...)
				require.ErrorIs(t, err, bigv.ErrFilterIgnored)
				assertSays(t, err, "the service ignored "+row.parameter)
				assert.NotErrorIs(t, err, bigv.ErrNotFound)
			})
		}
	}
}

// A filter that cannot be checked is no result either.
func TestFiltersThatCannotBeChecked(t *testing.T) {
	_, client := newRecorder(t, answers{"GET /groups": `[{"id":1,"account_id":41}]`, "GET /accounts/acme": "403"}, flat...)
	groups, err := client.Groups.List(t.Context(), bigv.GroupListOptions{Account: acme})
	require.Error(t, err)
	assert.Nil(t, groups)
	assertSays(t, err, "checking the filter by account: bigv: get account acme: 403 Forbidden")
}

// What a flat answer does not hold is not found, as if the service had said so.
func TestAbsentInTheFlatStyle(t *testing.T) {
	elsewhere := answers{
		"GET /virtual_machines": "[" + vm5012 + "]", "GET /groups": `[{"id":78,"account_id":41,"name":"web"}]`, "GET /groups/79": `{"id":79,"account_id":42,"name":"db"}`,
		"GET /discs": "[" + disc900 + "]", "GET /virtual_machines/5013": `{"id":5013,"group_id":78,"hostname":"www1.web.other.uk0.bigv.io"}`,
		"GET /discs/901": `{"id":901,"virtual_machine_id":5014}`,
	}
	for _, row := range []struct {
		name string
		path any
		says string
	}{
		{"VirtualMachines.Get of a name that is not on the list", web.VirtualMachine("www9"), "get virtual machine www9.web.acme"},
		{"VirtualMachines.Get of an ID that is in another account", web.VirtualMachine("5013"), "get virtual machine 5013.web.acme"},
		{"VirtualMachines.Get of an ID that is in another group", acme.Group("db").VirtualMachine("5012"), "get virtual machine 5012.db.acme"},
		{"Groups.Get of a name that is not on the list", acme.Group("db"), "get group db.acme"},
		{"Groups.Get of an ID that is in another account", acme.Group("79"), "get group 79.acme"},
		{"Discs.Get of a label that is not on the list", www1.Disc("data"), "get disc data.www1.web.acme"},
		{"Discs.Get of an ID that is on another machine", www1.Disc("901"), "get disc 901.www1.web.acme"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, client := newRecorder(t, elsewhere, flat...)
			_, err := invoke(t.Context(), client, row.name, row.path)
			require.ErrorIs(t, err, bigv.ErrNotFound)
			assert.NotErrorIs(t, err, bigv.ErrFilterIgnored)
			_, ok := errors.AsType[*bigv.NotFoundError](err)
			assert.True(t, ok, "%T", err)
			assertSays(t, err, "bigv: "+row.says+": 404 Not Found")
		})
	}
}
