package bigv_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
)

const (
	vmOff = `{"id":5012,"group_id":78,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","power_on":false}`
	// vm5012URL is where the machine goes on to be found by ID.
	vm5012URL = "/accounts/acme/groups/78/virtual_machines/5012"
)

var (
	// least is what a new machine needs, and everything what it can have.
	least      = bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}
	everything = bigv.VirtualMachineCreate{
		Name: "www1", Cores: 2, Memory: 4096, PowerOn: new(true), AutorebootOn: new(false), CDROMURL: "http://iso.example/x.iso", Keymap: "en-gb",
		HardwareProfile: bigv.Virtio2018, HardwareProfileLocked: new(true), ZoneName: "york",
		Discs: []bigv.DiscCreate{
			{Label: "root", Size: 25600, StorageGrade: bigv.SSD, BackupSchedules: []bigv.BackupSchedule{
				{StartAt: "00:00", IntervalSeconds: 86400, Capacity: 3}, {StartAt: "2019-03-04 00:00:00 GMT", IntervalSeconds: 604800, Capacity: 1},
			}},
			{Size: 51200, StorageGrade: bigv.Archive},
		},
		Image: &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("ses\"ame"), SSHPublicKey: "ssh-rsa AAAA one\nssh-rsa BBBB two", FirstbootScript: bigv.NewSecret("#!/bin/sh\ntouch /x")},
		IPs:   &bigv.VirtualMachineIPs{IPv4: netip.MustParseAddr("198.51.100.4"), IPv6: netip.MustParseAddr("2001:db8::4")},
	}
	atOnce    = bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: time.Millisecond, Timeout: 10 * time.Second}
	gracious  = bigv.ShutdownOptions{Wait: atOnce}
	impatient = bigv.ShutdownOptions{Wait: atOnce, ForceAfter: 20 * time.Millisecond}
)

const leastBody = `{"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`

func machineRows() []wireRow {
	overview := []any{bigv.WithView(bigv.Overview), bigv.WithDeleted()}
	rows := inAllWays(machineWays(),
		write{"VirtualMachines.Update", args{bigv.VirtualMachineUpdate{Memory: new(4096), AutorebootOn: new(false), CDROMURL: bigv.Null[string]()}}, `PUT {} {"memory":4096,"autoreboot_on":false,"cdrom_url":null}`},
		write{"VirtualMachines.Rename", args{"www2"}, `PUT {} {"name":"www2"}`},
		write{"VirtualMachines.Move", args{bigv.GroupID(79)}, `PUT {} {"group_id":79}`},
		write{"VirtualMachines.Start", nil, `PUT {} {"autoreboot_on":true,"power_on":true}`},
		write{"VirtualMachines.Stop", nil, `PUT {} {"autoreboot_on":false,"power_on":false}`},
		write{"VirtualMachines.Restart", nil, `PUT {} {"autoreboot_on":true,"power_on":false}`},
		write{"VirtualMachines.Boot", args{"netinst"}, `PUT {} {"autoreboot_on":true,"power_on":true,"appliance":{"name":"netinst","permanent":false}}`},
		write{"VirtualMachines.Rescue", nil, `PUT {} {"autoreboot_on":true,"power_on":true,"appliance":{"name":"rescue","permanent":false}}`},
		write{"VirtualMachines.Undelete", nil, `PUT {} {"deleted":false}`},
		write{"VirtualMachines.Reset", nil, `POST {}/signal {"signal":"reset"}`},
		write{"VirtualMachines.PowerDown", nil, `POST {}/signal {"signal":"powerdown"}`},
		write{"VirtualMachines.SendKeys", args{[]string{"ctrl", "alt", "delete"}}, `POST {}/signal {"signal":"sendkey","data":"ctrl-alt-delete"}`},
		write{"VirtualMachines.Reimage", args{bigv.Image{Distribution: "stretch"}}, `POST {}/reimage {"distribution":"stretch"}`},
		write{"VirtualMachines.Reimage with everything", args{*everything.Image},
			`POST {}/reimage {"distribution":"stretch","root_password":"ses\"ame","ssh_public_key":"ssh-rsa AAAA one\nssh-rsa BBBB two","firstboot_script":"#!/bin/sh\ntouch /x"}`},
		write{"VirtualMachines.Delete", nil, "DELETE {}"},
		write{"VirtualMachines.Purge", nil, "DELETE {}?purge=true"},
	)
	rows = append(rows, inAllWays(groupWays(),
		write{"VirtualMachines.Create with the least", args{least}, "POST {}/vm_create " + leastBody},
		write{"VirtualMachines.Create with everything", args{everything}, `POST {}/vm_create {"virtual_machine":{"name":"www1","cores":2,"memory":4096,"power_on":true,"autoreboot_on":false,` +
			`"cdrom_url":"http://iso.example/x.iso","keymap":"en-gb","hardware_profile":"virtio2018","hardware_profile_locked":true,"zone_name":"york"},` +
			`"discs":[{"label":"root","size":25600,"storage_grade":"ssd","backup_schedules":[` +
			`{"start_at":"00:00","interval_seconds":86400,"capacity":3},{"start_at":"2019-03-04 00:00:00 GMT","interval_seconds":604800,"capacity":1}]},` +
			`{"size":51200,"storage_grade":"archive"}],` +
			`"reimage":{"distribution":"stretch","root_password":"ses\"ame","ssh_public_key":"ssh-rsa AAAA one\nssh-rsa BBBB two","firstboot_script":"#!/bin/sh\ntouch /x"},` +
			`"ips":{"ipv4":"198.51.100.4","ipv6":"2001:db8::4"}}`},
		write{"VirtualMachines.CreateBare", args{bigv.VirtualMachineCreate{Name: "www1", Cores: 1, PowerOn: new(false)}}, `POST {}/virtual_machines {"name":"www1","cores":1,"power_on":false}`},
	)...)
	rows = append(rows, updateRows()...)
	rows = append(rows, machineReadRows(overview)...)
	return append(rows, machineWorkflowRows()...)
}

// updateRows are the attributes one by one: unset, a value, null, false and
// empty text are told apart.
func updateRows() (rows []wireRow) {
	for _, row := range []struct {
		fact   string
		update bigv.VirtualMachineUpdate
		body   string
	}{
		{"of nothing", bigv.VirtualMachineUpdate{}, `{}`},
		{"of cores", bigv.VirtualMachineUpdate{Cores: new(2)}, `{"cores":2}`},
		{"of memory", bigv.VirtualMachineUpdate{Memory: new(2048)}, `{"memory":2048}`},
		{"of power to on", bigv.VirtualMachineUpdate{PowerOn: new(true)}, `{"power_on":true}`},
		{"of power to off", bigv.VirtualMachineUpdate{PowerOn: new(false)}, `{"power_on":false}`},
		{"of autoreboot to on", bigv.VirtualMachineUpdate{AutorebootOn: new(true)}, `{"autoreboot_on":true}`},
		{"of autoreboot to off", bigv.VirtualMachineUpdate{AutorebootOn: new(false)}, `{"autoreboot_on":false}`},
		{"of the CD", bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("http://iso.example/?a=<b>&c")}, `{"cdrom_url":"http://iso.example/?a=<b>&c"}`},
		{"of the CD to null", bigv.VirtualMachineUpdate{CDROMURL: bigv.Null[string]()}, `{"cdrom_url":null}`},
		{"of the CD to empty text", bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("")}, `{"cdrom_url":""}`},
		{"of the keymap", bigv.VirtualMachineUpdate{Keymap: bigv.Set("en-gb")}, `{"keymap":"en-gb"}`},
		{"of the keymap to null", bigv.VirtualMachineUpdate{Keymap: bigv.Null[string]()}, `{"keymap":null}`},
		{"of the keymap to empty text", bigv.VirtualMachineUpdate{Keymap: bigv.Set("")}, `{"keymap":""}`},
		{"of the profile", bigv.VirtualMachineUpdate{HardwareProfile: new(bigv.Virtio2018)}, `{"hardware_profile":"virtio2018"}`},
		{"of the profile to one that is new", bigv.VirtualMachineUpdate{HardwareProfile: new(bigv.HardwareProfile("virtio2099"))}, `{"hardware_profile":"virtio2099"}`},
		{"of the profile to empty text", bigv.VirtualMachineUpdate{HardwareProfile: new(bigv.HardwareProfile(""))}, `{"hardware_profile":""}`},
		{"of the lock to on", bigv.VirtualMachineUpdate{HardwareProfileLocked: new(true)}, `{"hardware_profile_locked":true}`},
		{"of the lock to off", bigv.VirtualMachineUpdate{HardwareProfileLocked: new(false)}, `{"hardware_profile_locked":false}`},
		{"of the appliance", bigv.VirtualMachineUpdate{PowerOn: new(true), Appliance: &bigv.Appliance{Name: "rescue", Permanent: true}}, `{"power_on":true,"appliance":{"name":"rescue","permanent":true}}`},
		{"of everything", bigv.VirtualMachineUpdate{
			Cores: new(2), Memory: new(2048), PowerOn: new(false), AutorebootOn: new(false), CDROMURL: bigv.Null[string](),
			Keymap: bigv.Set("de"), HardwareProfile: new(bigv.Compatibility2013), HardwareProfileLocked: new(true),
		}, `{"cores":2,"memory":2048,"power_on":false,"autoreboot_on":false,"cdrom_url":null,"keymap":"de","hardware_profile":"compatibility2013","hardware_profile_locked":true}`},
	} {
		rows = append(rows, wireRow{name: "VirtualMachines.Update " + row.fact, args: args{www1, row.update}, sends: sends{"PUT " + www1URL + " " + row.body}})
	}
	return rows
}

func machineReadRows(overview args) []wireRow {
	list := func(fact string, o bigv.VirtualMachineListOptions, opts []bigv.Option, sends ...string) wireRow {
		return wireRow{name: "VirtualMachines.List " + fact, args: args{o}, opts: opts, sends: sends}
	}
	flatList := answers{"GET /virtual_machines": "[" + vm5012 + "]"}
	vm := bigv.VirtualMachine{ID: 5012, GroupID: 78, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io", PowerOn: true}
	both := append(flat, acmeDefault...)
	return []wireRow{
		list("of a group is nested", bigv.VirtualMachineListOptions{Group: web}, nil, "GET "+webURL+"/virtual_machines"),
		list("of a group by ID in an account by ID is nested", bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")}, nil, "GET /accounts/41/groups/78/virtual_machines"),
		list("of a group by ID alone, and an account, is nested", bigv.VirtualMachineListOptions{Account: acme, Group: bigv.GroupID(78)}, nil, "GET /accounts/acme/groups/78/virtual_machines"),
		list("of a group, and its account, is nested", bigv.VirtualMachineListOptions{Account: "ACME", Group: web}, nil, "GET "+webURL+"/virtual_machines"),
		list("of the default group of the default account", bigv.VirtualMachineListOptions{Group: bigv.DefaultAccount.DefaultGroup()}, acmeDefault, "GET /accounts/acme/groups/default/virtual_machines"),
		list("of a group, with all below", bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview}, nil, "GET "+webURL+"/virtual_machines?view=overview"),
		list("of a group, deleted ones too", bigv.VirtualMachineListOptions{Group: web, IncludeDeleted: true}, nil, "GET "+webURL+"/virtual_machines?include_deleted=true"),
		list("of a group by ID alone is flat", bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}, nil, "GET /virtual_machines?group_id=78"),
		list("of an account by name is flat", bigv.VirtualMachineListOptions{Account: acme}, nil, "GET /virtual_machines?account_name=acme"),
		list("of an account by ID is flat", bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}, nil, "GET /virtual_machines?account_id=41"),
		list("of the default account is flat", bigv.VirtualMachineListOptions{Account: bigv.DefaultAccount}, acmeDefault, "GET /virtual_machines?account_name=acme"),
		list("of all is flat", bigv.VirtualMachineListOptions{}, nil, "GET /virtual_machines"),
		list("of all is not that of the default account", bigv.VirtualMachineListOptions{}, acmeDefault, "GET /virtual_machines"),
		list("of all, with all below and deleted ones", bigv.VirtualMachineListOptions{View: bigv.Overview, IncludeDeleted: true}, nil, "GET /virtual_machines?include_deleted=true&view=overview"),
		list("of a group by names, flat", bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview, IncludeDeleted: true}, flat,
			"GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true&view=overview"),
		list("of a group by IDs, flat", bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")}, flat, "GET /virtual_machines?account_id=41&group_id=78"),
		list("of a group by name in an account by ID, flat", bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("web")}, flat, "GET /virtual_machines?account_id=41&group_name=web"),
		list("of a group by ID alone, and an account, flat", bigv.VirtualMachineListOptions{Account: acme, Group: bigv.GroupID(78)}, flat, "GET /virtual_machines?account_name=acme&group_id=78"),
		list("of a group of the default account, flat", bigv.VirtualMachineListOptions{Group: bigv.DefaultAccount.Group("web")}, both, "GET /virtual_machines?account_name=acme&group_name=web"),
		{name: "VirtualMachines.List of a group by names, flat, is held against the host name", opts: flat, args: args{bigv.VirtualMachineListOptions{Group: web}}, answers: flatList,
			sends: sends{"GET /virtual_machines?account_name=acme&group_name=web"}, want: []bigv.VirtualMachine{vm}},
		{name: "VirtualMachines.List of an account by ID is held against the account's name", args: args{bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}}, answers: flatList,
			sends: sends{"GET /virtual_machines?account_id=41", "GET /accounts/41"}, want: []bigv.VirtualMachine{vm}},
		{name: "VirtualMachines.List of a group by IDs, flat, is held against both", opts: flat, args: args{bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")}}, answers: flatList,
			sends: sends{"GET /virtual_machines?account_id=41&group_id=78", "GET /accounts/41"}, want: []bigv.VirtualMachine{vm}},

		{name: "VirtualMachines.Get by path", args: args{www1}, sends: sends{"GET " + www1URL}},
		{name: "VirtualMachines.Get by IDs in a path", args: append(args{bigv.AccountID(41).Group("78").VirtualMachine("5012")}, overview...),
			sends: sends{"GET /accounts/41/groups/78/virtual_machines/5012?include_deleted=true&view=overview"}},
		{name: "VirtualMachines.Get in the default account", opts: acmeDefault, args: args{bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1")}, sends: sends{"GET /accounts/acme/groups/default/virtual_machines/www1"}},
		{name: "VirtualMachines.Get of an ID alone is flat", args: append(args{bigv.VirtualMachineID(5012)}, overview...),
			sends: sends{"GET /virtual_machines/5012?include_deleted=true&view=overview"}, want: vm},
		{name: "VirtualMachines.Get by names, flat, finds it on the list", opts: flat, args: append(args{www1}, overview...), answers: flatList,
			sends: sends{"GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true&view=overview"}, want: vm},
		{name: "VirtualMachines.Get by names in the default account, flat", opts: both, args: args{bigv.DefaultAccount.Group("web").VirtualMachine("WWW1")}, answers: flatList,
			sends: sends{"GET /virtual_machines?account_name=acme&group_name=web"}, want: vm},
		{name: "VirtualMachines.Get by name in a group by ID alone finds it on the list", args: args{bigv.GroupID(78).VirtualMachine("www1")}, answers: flatList,
			sends: sends{"GET /virtual_machines?group_id=78"}, want: vm},
		{name: "VirtualMachines.Get by ID in a group by ID alone is held against it", args: args{bigv.GroupID(78).VirtualMachine("5012")}, sends: sends{"GET /virtual_machines/5012"}, want: vm},
		{name: "VirtualMachines.Get by ID in a path, flat, is held against the path", opts: flat, args: args{web.VirtualMachine("5012")}, sends: sends{"GET /virtual_machines/5012"}, want: vm},
		{name: "VirtualMachines.Get by IDs in a path, flat, is held against the account's name", opts: flat, args: args{bigv.AccountID(41).Group("78").VirtualMachine("5012")},
			sends: sends{"GET /virtual_machines/5012", "GET /accounts/41"}, want: vm},

		{name: "VirtualMachines.Resolve of a full path", args: args{www1}, want: www1},
		{name: "VirtualMachines.Resolve of an ID alone", args: args{bigv.VirtualMachineID(5012)}, sends: sends{"GET /virtual_machines/5012?include_deleted=true"}, want: acme.Group("78").VirtualMachine("5012")},
		{name: "VirtualMachines.Resolve below a group's ID alone", args: args{bigv.GroupID(78).VirtualMachine("www1")}, sends: sends{"GET /groups/78"}, want: bigv.AccountID(41).Group("78").VirtualMachine("www1")},
		{name: "VirtualMachines.Resolve of a machine that does not tell its host name asks its group", args: args{bigv.VirtualMachineID(5012)}, answers: answers{"GET /virtual_machines/5012": `{"id":5012,"group_id":78}`},
			sends: sends{"GET /virtual_machines/5012?include_deleted=true", "GET /groups/78"}, want: bigv.AccountID(41).Group("78").VirtualMachine("5012")},
	}
}

// machineWorkflowRows are the methods that take more than one call.
func machineWorkflowRows() []wireRow {
	made := answers{"POST " + webURL + "/vm_create": "202 " + vm5012}
	const (
		look       = "GET " + www1URL
		lookAgain  = look + "?include_deleted=true"
		create     = "POST " + webURL + "/vm_create " + leastBody
		stayOff    = "PUT " + www1URL + ` {"autoreboot_on":false}`
		button     = "POST " + www1URL + `/signal {"signal":"powerdown"}`
		plug       = "PUT " + www1URL + ` {"autoreboot_on":false,"power_on":false}`
		switchOn   = "PUT " + www1URL + ` {"autoreboot_on":true,"power_on":true}`
		findParent = "GET /virtual_machines/5012?include_deleted=true"
	)
	return []wireRow{
		{name: "VirtualMachines.Move to a group by name looks its ID up", args: args{www1, acme.Group("db")}, answers: answers{"GET /accounts/acme/groups/db": `{"id":79}`},
			sends: sends{"GET /accounts/acme/groups/db", "PUT " + www1URL + ` {"group_id":79}`}},
		{name: "VirtualMachines.Move to a group by name, flat, looks its ID up on the list", opts: flat, args: args{www1, acme.Group("db")}, answers: answers{"GET /groups": `[{"id":79,"account_id":41,"name":"db"}]`},
			sends: sends{"GET /groups?account_name=acme", "GET /accounts/acme", "PUT " + www1URL + ` {"group_id":79}`}},
		{name: "VirtualMachines.Move to a group by ID in another account", args: args{www1, bigv.AccountPath("other").Group("79")}, sends: sends{"PUT " + www1URL + ` {"group_id":79}`}},

		{name: "VirtualMachines.Shutdown keeps it off, then presses the button", args: args{www1}, sends: sends{stayOff, button}},
		{name: "VirtualMachines.Shutdown of an ID alone finds its parents once", args: args{bigv.VirtualMachineID(5012)},
			sends: sends{findParent, "PUT " + vm5012URL + ` {"autoreboot_on":false}`, "POST " + vm5012URL + `/signal {"signal":"powerdown"}`}},
		{name: "VirtualMachines.ShutdownAndWait leaves alone what is off", args: args{www1, gracious}, answers: answers{look: vmOff}, sends: sends{look}},
		{name: "VirtualMachines.ShutdownAndWait looks until it is off", args: args{www1, gracious}, answers: answers{look: vm5012 + then + vm5012 + then + vmOff},
			sends: sends{look, stayOff, button, lookAgain, lookAgain}},
		{name: "VirtualMachines.ShutdownAndWait of an ID alone finds its parents once", args: args{bigv.VirtualMachineID(5012), gracious},
			answers: answers{"GET " + vm5012URL: vm5012 + then + vmOff},
			sends: sends{findParent, "GET " + vm5012URL, "PUT " + vm5012URL + ` {"autoreboot_on":false}`, "POST " + vm5012URL + `/signal {"signal":"powerdown"}`,
				"GET " + vm5012URL + "?include_deleted=true"}},
		{name: "VirtualMachines.ShutdownAndWait pulls the plug where the button is refused", args: args{www1, impatient},
			answers: answers{look: vm5012 + then + vm5012 + then + vmOff, "POST " + www1URL + "/signal": "400 no"},
			sends:   sends{look, stayOff, button, look, plug, lookAgain}},
		{name: "VirtualMachines.RestartAndWait starts what is off", args: args{www1, gracious}, answers: answers{look: vmOff + then + vm5012}, sends: sends{look, switchOn, lookAgain}},
		{name: "VirtualMachines.RestartAndWait shuts down what is on, and starts it", args: args{www1, gracious}, answers: answers{look: vm5012 + then + vmOff + then + vm5012},
			sends: sends{look, stayOff, button, lookAgain, switchOn, lookAgain}},
		{name: "VirtualMachines.UpdateAndRestart changes it while it is off", args: args{www1, bigv.VirtualMachineUpdate{Memory: new(4096)}, gracious}, answers: answers{look: vm5012 + then + vmOff + then + vm5012},
			sends: sends{look, stayOff, button, lookAgain, "PUT " + www1URL + ` {"memory":4096}`, switchOn, lookAgain}},

		{name: "VirtualMachines.FindOrCreate finds", args: args{web, least}, answers: answers{look: vmOff}, sends: sends{lookAgain}},
		{name: "VirtualMachines.FindOrCreate creates", args: args{web, least}, answers: answers{look: "404"}, sends: sends{lookAgain, create}},
		{name: "VirtualMachines.FindOrCreate finds what somebody else made in between", args: args{web, least}, answers: answers{look: "404" + then + vmOff, "POST " + webURL + "/vm_create": "400 taken"},
			sends: sends{lookAgain, create, lookAgain}},
		{name: "VirtualMachines.CreateAndWait looks until it is provisioned", args: args{web, least, atOnce},
			answers: answers{"POST " + webURL + "/vm_create": "202 " + vmOff, "GET " + vm5012URL: "202 " + vmOff + then + vmOff},
			sends:   sends{create, "GET " + vm5012URL + "?include_deleted=true", "GET " + vm5012URL + "?include_deleted=true"}},
		{name: "VirtualMachines.CreateAndWait looks until it is on, where it is to be on",
			args:    args{web, bigv.VirtualMachineCreate{Name: "www1", AutorebootOn: new(true), Discs: least.Discs}, atOnce},
			answers: answers{"POST " + webURL + "/vm_create": "202 " + vmOff, "GET " + vm5012URL: vmOff + then + vm5012},
			sends: sends{strings.Replace(create, `"www1"`, `"www1","autoreboot_on":true`, 1),
				"GET " + vm5012URL + "?include_deleted=true", "GET " + vm5012URL + "?include_deleted=true"}},
		{name: "VirtualMachines.Create answers with the machine, being provisioned", args: args{web, least}, answers: made, sends: sends{create},
			want: bigv.VirtualMachine{ID: 5012, GroupID: 78, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io", PowerOn: true, Provisioning: true}},

		{name: "VirtualMachines.Wait looks at once, deleted or not", args: args{bigv.VirtualMachineID(5012), bigv.PoweredOn, bigv.WaitOptions{}}, sends: sends{findParent}},
		{name: "VirtualMachines.Wait looks again by its path", args: args{www1, bigv.PoweredOff, atOnce}, answers: answers{look: vm5012 + then + "503" + then + vmOff}, sends: sends{lookAgain, lookAgain, lookAgain}},
	}
}

func TestVirtualMachinesOnTheWire(t *testing.T) { runWire(t, machineRows()) }
