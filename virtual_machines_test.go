package bigv_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
)

const (
	vm5012 = fakeserver.VirtualMachine5012
	vmOff  = `{"id":5012,"group_id":78,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","power_on":false}`
	// vm5012URL is the nested URL of the virtual machine 5012 by IDs.
	vm5012URL = "/accounts/acme/groups/78/virtual_machines/5012"
)

var (
	// least has the attributes that a new machine needs, and everything has all that it can have.
	least      = bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}
	everything = bigv.VirtualMachineCreate{
		Name: "www1", Cores: 2, Memory: 4096, PowerOn: new(true), AutorebootOn: new(false), CDROMURL: "http://iso.example/x.iso",
		Keymap:          "en-gb",
		HardwareProfile: bigv.Virtio2018, HardwareProfileLocked: new(true), ZoneName: "york",
		Discs: []bigv.DiscCreate{
			{Label: "root", Size: 25600, StorageGrade: bigv.SSD, BackupSchedules: []bigv.BackupSchedule{
				{StartAt: "00:00", Interval: 24 * time.Hour, Capacity: 3},
				{StartAt: "2019-03-04 00:00:00 GMT", Interval: 7 * 24 * time.Hour, Capacity: 1},
			}},
			{Size: 51200, StorageGrade: bigv.Archive},
		},
		Image: &bigv.Image{
			Distribution: "stretch", RootPassword: bigv.NewSecret("ses\"ame"), SSHPublicKey: "ssh-rsa AAAA one\nssh-rsa BBBB two",
			FirstbootScript: bigv.NewSecret("#!/bin/sh\ntouch /x"),
		},
		IPs: &bigv.VirtualMachineIPs{IPv4: netip.MustParseAddr("198.51.100.4"), IPv6: netip.MustParseAddr("2001:db8::4")},
	}
	quickWait           = bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: time.Millisecond, Timeout: 10 * time.Second}
	quickShutdown       = bigv.ShutdownOptions{Wait: quickWait}
	quickForcedShutdown = bigv.ShutdownOptions{Wait: quickWait, ForceAfter: 20 * time.Millisecond}
)

const leastBody = `{"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`

// VirtualMachines returns the rows of VirtualMachinesService.
func (wireRows) VirtualMachines() []wireRow { return slices.Concat(vmRows(), vmRefusedRows()) }

func vmRows() []wireRow {
	overview := []bigv.CallOption{bigv.WithView(bigv.Overview), bigv.WithDeleted()}
	rows := inAllVariants(vmPathVariants(), []variantRow[bigv.VirtualMachinePath]{
		{
			"VirtualMachines.Update",
			func(p bigv.VirtualMachinePath) callFunc {
				return vmsUpdate(p, bigv.VirtualMachineUpdate{Memory: new(4096), AutorebootOn: new(false), CDROMURL: bigv.Null[string]()})
			},
			`PUT {} {"memory":4096,"autoreboot_on":false,"cdrom_url":null}`,
		},
		{"VirtualMachines.Rename", func(p bigv.VirtualMachinePath) callFunc { return vmsRename(p, "www2") }, `PUT {} {"name":"www2"}`},
		{
			"VirtualMachines.Move", func(p bigv.VirtualMachinePath) callFunc { return vmsMove(p, bigv.GroupID(79)) },
			`PUT {} {"group_id":79}`,
		},
		{
			"VirtualMachines.Relocate", func(p bigv.VirtualMachinePath) callFunc {
				return vmsRelocate(p, bigv.VirtualMachineRelocate{Name: "www2", Group: bigv.GroupID(79)})
			},
			`PUT {} {"name":"www2","group_id":79}`,
		},
		{"VirtualMachines.Start", vmsStart, `PUT {} {"autoreboot_on":true,"power_on":true}`},
		{"VirtualMachines.Stop", vmsStop, `PUT {} {"autoreboot_on":false,"power_on":false}`},
		{"VirtualMachines.Restart", vmsRestart, `PUT {} {"autoreboot_on":true,"power_on":false}`},
		{
			"VirtualMachines.Boot", func(p bigv.VirtualMachinePath) callFunc { return vmsBoot(p, "netinst") },
			`PUT {} {"autoreboot_on":true,"power_on":true,"appliance":{"name":"netinst","permanent":false}}`,
		},
		{
			"VirtualMachines.Rescue", vmsRescue,
			`PUT {} {"autoreboot_on":true,"power_on":true,"appliance":{"name":"rescue","permanent":false}}`,
		},
		{"VirtualMachines.Undelete", vmsUndelete, `PUT {} {"deleted":false}`},
		{"VirtualMachines.Reset", vmsReset, `POST {}/signal {"signal":"reset"}`},
		{"VirtualMachines.PowerDown", vmsPowerDown, `POST {}/signal {"signal":"powerdown"}`},
		{
			"VirtualMachines.SendKeys",
			func(p bigv.VirtualMachinePath) callFunc { return vmsSendKeys(p, []string{"ctrl", "alt", "delete"}) },
			`POST {}/signal {"signal":"sendkey","data":"ctrl-alt-delete"}`,
		},
		{
			"VirtualMachines.Reimage",
			func(p bigv.VirtualMachinePath) callFunc { return vmsReimage(p, bigv.Image{Distribution: "stretch"}) },
			`POST {}/reimage {"distribution":"stretch"}`,
		},
		{
			"VirtualMachines.Reimage with everything",
			func(p bigv.VirtualMachinePath) callFunc { return vmsReimage(p, *everything.Image) },
			`POST {}/reimage {"distribution":"stretch","root_password":"ses\"ame",` +
				`"ssh_public_key":"ssh-rsa AAAA one\nssh-rsa BBBB two","firstboot_script":"#!/bin/sh\ntouch /x"}`,
		},
		{"VirtualMachines.Delete", vmsDelete, "DELETE {}"},
		{"VirtualMachines.Purge", vmsPurge, "DELETE {}?purge=true"},
	})
	rows = append(rows, inAllVariants(groupPathVariants(), []variantRow[bigv.GroupPath]{
		{
			"VirtualMachines.Create with the least", func(p bigv.GroupPath) callFunc { return vmsCreate(p, least) },
			"POST {}/vm_create " + leastBody,
		},
		{
			"VirtualMachines.Create with everything", func(p bigv.GroupPath) callFunc { return vmsCreate(p, everything) },
			`POST {}/vm_create {"virtual_machine":{"name":"www1","cores":2,"memory":4096,"power_on":true,"autoreboot_on":false,` +
				`"cdrom_url":"http://iso.example/x.iso","keymap":"en-gb",` +
				`"hardware_profile":"virtio2018","hardware_profile_locked":true,"zone_name":"york"},` +
				`"discs":[{"label":"root","size":25600,"storage_grade":"ssd","backup_schedules":[` +
				`{"start_at":"00:00","interval_seconds":86400,"capacity":3},` +
				`{"start_at":"2019-03-04 00:00:00 GMT","interval_seconds":604800,"capacity":1}]},` +
				`{"size":51200,"storage_grade":"archive"}],` +
				`"reimage":{"distribution":"stretch","root_password":"ses\"ame",` +
				`"ssh_public_key":"ssh-rsa AAAA one\nssh-rsa BBBB two","firstboot_script":"#!/bin/sh\ntouch /x"},` +
				`"ips":{"ipv4":"198.51.100.4","ipv6":"2001:db8::4"}}`,
		},
		{
			"VirtualMachines.CreateBare",
			func(p bigv.GroupPath) callFunc {
				return vmsCreateBare(p, bigv.VirtualMachineCreate{Name: "www1", Cores: 1, PowerOn: new(false)})
			},
			`POST {}/virtual_machines {"name":"www1","cores":1,"power_on":false}`,
		},
	})...)
	rows = append(rows, vmUpdateRows()...)
	rows = append(rows, vmReadRows(overview)...)
	return append(rows, vmWorkflowRows()...)
}

// vmUpdateRows returns a row for each value of each attribute: unset, null, false and the empty string are different.
func vmUpdateRows() []wireRow {
	var rows []wireRow
	for _, row := range []struct {
		name   string
		update bigv.VirtualMachineUpdate
		body   string
	}{
		{"of cores", bigv.VirtualMachineUpdate{Cores: new(2)}, `{"cores":2}`},
		{"of memory", bigv.VirtualMachineUpdate{Memory: new(2048)}, `{"memory":2048}`},
		{"of power to on", bigv.VirtualMachineUpdate{PowerOn: new(true)}, `{"power_on":true}`},
		{"of power to off", bigv.VirtualMachineUpdate{PowerOn: new(false)}, `{"power_on":false}`},
		{"of autoreboot to on", bigv.VirtualMachineUpdate{AutorebootOn: new(true)}, `{"autoreboot_on":true}`},
		{"of autoreboot to off", bigv.VirtualMachineUpdate{AutorebootOn: new(false)}, `{"autoreboot_on":false}`},
		{
			"of the CD", bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("http://iso.example/?a=<b>&c")},
			`{"cdrom_url":"http://iso.example/?a=<b>&c"}`,
		},
		{"of the CD to null", bigv.VirtualMachineUpdate{CDROMURL: bigv.Null[string]()}, `{"cdrom_url":null}`},
		{"of the CD to an empty string", bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("")}, `{"cdrom_url":""}`},
		{"of the keymap", bigv.VirtualMachineUpdate{Keymap: bigv.Set("en-gb")}, `{"keymap":"en-gb"}`},
		{"of the keymap to null", bigv.VirtualMachineUpdate{Keymap: bigv.Null[string]()}, `{"keymap":null}`},
		{"of the keymap to an empty string", bigv.VirtualMachineUpdate{Keymap: bigv.Set("")}, `{"keymap":""}`},
		{"of the profile", bigv.VirtualMachineUpdate{HardwareProfile: new(bigv.Virtio2018)}, `{"hardware_profile":"virtio2018"}`},
		{
			"of the profile to one that is new", bigv.VirtualMachineUpdate{HardwareProfile: new(bigv.HardwareProfile("virtio2099"))},
			`{"hardware_profile":"virtio2099"}`,
		},
		{
			"of the profile to empty text", bigv.VirtualMachineUpdate{HardwareProfile: new(bigv.HardwareProfile(""))},
			`{"hardware_profile":""}`,
		},
		{"of the lock to on", bigv.VirtualMachineUpdate{HardwareProfileLocked: new(true)}, `{"hardware_profile_locked":true}`},
		{"of the lock to off", bigv.VirtualMachineUpdate{HardwareProfileLocked: new(false)}, `{"hardware_profile_locked":false}`},
		{
			"of the appliance",
			bigv.VirtualMachineUpdate{PowerOn: new(true), Appliance: &bigv.Appliance{Name: "rescue", Permanent: true}},
			`{"power_on":true,"appliance":{"name":"rescue","permanent":true}}`,
		},
		{"of everything", bigv.VirtualMachineUpdate{
			Cores: new(2), Memory: new(2048), PowerOn: new(false), AutorebootOn: new(false), CDROMURL: bigv.Null[string](),
			Keymap: bigv.Set("de"), HardwareProfile: new(bigv.Compatibility2013), HardwareProfileLocked: new(true),
		}, `{"cores":2,"memory":2048,"power_on":false,"autoreboot_on":false,"cdrom_url":null,"keymap":"de",` +
			`"hardware_profile":"compatibility2013","hardware_profile_locked":true}`},
	} {
		rows = append(
			rows,
			wireRow{
				name: "VirtualMachines.Update " + row.name, call: vmsUpdate(www1, row.update),
				sent: []string{"PUT " + www1URL + " " + row.body},
			},
		)
	}
	return rows
}

func vmReadRows(overview []bigv.CallOption) []wireRow {
	list := func(name string, o bigv.VirtualMachineListOptions, opts []bigv.Option, sent ...string) wireRow {
		row := wireRow{name: "VirtualMachines.List " + name, call: vmsList(o), all: vmsAll(o), opts: opts, sent: sent}
		if strings.Contains(sent[0], "?account_id=41") {
			row.allFirst = []string{"GET /accounts/41"}
		}
		return row
	}
	flatList := responses{"GET /virtual_machines": "[" + vm5012 + "]"}
	vm := bigv.VirtualMachine{ID: 5012, GroupID: 78, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io", PowerOn: true}
	return []wireRow{
		list("of a group is nested", bigv.VirtualMachineListOptions{Group: web}, nil, "GET "+webURL+"/virtual_machines"),
		list("of a group by ID in an account by ID is nested", bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")},
			nil, "GET /accounts/41/groups/78/virtual_machines"),
		list("of a group by ID alone, and an account, is nested",
			bigv.VirtualMachineListOptions{Account: acme, Group: bigv.GroupID(78)}, nil, "GET /accounts/acme/groups/78/virtual_machines"),
		list("of a group, and its account, is nested", bigv.VirtualMachineListOptions{Account: "ACME", Group: web}, nil,
			"GET "+webURL+"/virtual_machines"),
		list("of the default group of the default account", bigv.VirtualMachineListOptions{Group: bigv.DefaultAccount.DefaultGroup()},
			acmeDefault, "GET /accounts/acme/groups/default/virtual_machines"),
		list("of a group, with an overview", bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview}, nil,
			"GET "+webURL+"/virtual_machines?view=overview"),
		list("of a group and deleted machines", bigv.VirtualMachineListOptions{Group: web, IncludeDeleted: true}, nil,
			"GET "+webURL+"/virtual_machines?include_deleted=true"),
		list("of a group by ID alone is flat", bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}, nil,
			"GET /virtual_machines?group_id=78"),
		list("of an account by name is flat", bigv.VirtualMachineListOptions{Account: acme}, nil,
			"GET /virtual_machines?account_name=acme"),
		list("of an account by ID is flat", bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}, nil,
			"GET /virtual_machines?account_id=41"),
		list("of the default account is flat", bigv.VirtualMachineListOptions{Account: bigv.DefaultAccount}, acmeDefault,
			"GET /virtual_machines?account_name=acme"),
		list("of all is flat", bigv.VirtualMachineListOptions{}, nil, "GET /virtual_machines"),
		list("of all is not that of the default account", bigv.VirtualMachineListOptions{}, acmeDefault, "GET /virtual_machines"),
		list("of all, with an overview and deleted machines",
			bigv.VirtualMachineListOptions{View: bigv.Overview, IncludeDeleted: true}, nil,
			"GET /virtual_machines?include_deleted=true&view=overview"),
		list("of a group by names, flat", bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview, IncludeDeleted: true}, flat,
			"GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true&view=overview"),
		list("of a group by IDs, flat", bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")}, flat,
			"GET /virtual_machines?account_id=41&group_id=78"),
		list("of a group by name in an account by ID, flat", bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("web")},
			flat, "GET /virtual_machines?account_id=41&group_name=web"),
		list("of a group by ID alone, and an account, flat", bigv.VirtualMachineListOptions{Account: acme, Group: bigv.GroupID(78)},
			flat, "GET /virtual_machines?account_name=acme&group_id=78"),
		list("of a group of the default account, flat",
			bigv.VirtualMachineListOptions{Group: bigv.DefaultAccount.Group("web")}, flatDefault,
			"GET /virtual_machines?account_name=acme&group_name=web"),
		{
			name: "VirtualMachines.List of a group by names, flat, is verified by the host name", opts: flat,
			call: vmsList(bigv.VirtualMachineListOptions{Group: web}), all: vmsAll(bigv.VirtualMachineListOptions{Group: web}),
			responses: flatList, sent: []string{"GET /virtual_machines?account_name=acme&group_name=web"},
			want: []bigv.VirtualMachine{vm},
		},
		{
			name: "VirtualMachines.List of an account by ID is verified by the account's name",
			call: vmsList(bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}),
			all:  vmsAll(bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}), responses: flatList,
			sent: []string{"GET /virtual_machines?account_id=41", "GET /accounts/41"}, want: []bigv.VirtualMachine{vm},
			allFirst: []string{"GET /accounts/41"},
		},
		{
			name: "VirtualMachines.List of a group by IDs, flat, is verified by both", opts: flat,
			call: vmsList(bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")}),
			all:  vmsAll(bigv.VirtualMachineListOptions{Group: bigv.AccountID(41).Group("78")}), responses: flatList,
			sent: []string{"GET /virtual_machines?account_id=41&group_id=78", "GET /accounts/41"}, want: []bigv.VirtualMachine{vm},
			allFirst: []string{"GET /accounts/41"},
		},

		{name: "VirtualMachines.Get by path", call: vmsGet(www1), sent: []string{"GET " + www1URL}},
		{
			name: "VirtualMachines.Get by IDs in a path",
			call: vmsGet(bigv.AccountID(41).Group("78").VirtualMachine("5012"), overview...),
			sent: []string{"GET /accounts/41/groups/78/virtual_machines/5012?include_deleted=true&view=overview"},
		},
		{
			name: "VirtualMachines.Get in the default account", opts: acmeDefault,
			call: vmsGet(bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1")),
			sent: []string{"GET /accounts/acme/groups/default/virtual_machines/www1"},
		},
		{
			name: "VirtualMachines.Get by ID alone is flat", call: vmsGet(bigv.VirtualMachineID(5012), overview...),
			sent: []string{"GET /virtual_machines/5012?include_deleted=true&view=overview"}, want: vm,
		},
		{
			name: "VirtualMachines.Get by names, flat, finds it in the list", opts: flat, call: vmsGet(www1, overview...),
			responses: flatList,
			sent:      []string{"GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true&view=overview"}, want: vm,
		},
		{
			name: "VirtualMachines.Get by names in the default account, flat", opts: flatDefault,
			call: vmsGet(bigv.DefaultAccount.Group("web").VirtualMachine("WWW1")), responses: flatList,
			sent: []string{"GET /virtual_machines?account_name=acme&group_name=web"}, want: vm,
		},
		{
			name: "VirtualMachines.Get by name in a group by ID alone finds it in the list",
			call: vmsGet(bigv.GroupID(78).VirtualMachine("www1")), responses: flatList,
			sent: []string{"GET /virtual_machines?group_id=78"}, want: vm,
		},
		{
			name: "VirtualMachines.Get by ID in a group by ID alone is verified by the group",
			call: vmsGet(bigv.GroupID(78).VirtualMachine("5012")), sent: []string{"GET /virtual_machines/5012"}, want: vm,
		},
		{
			name: "VirtualMachines.Get by ID in a path, flat, is verified by the path", opts: flat,
			call: vmsGet(web.VirtualMachine("5012")), sent: []string{"GET /virtual_machines/5012"}, want: vm,
		},
		{
			name: "VirtualMachines.Get by IDs in a path, flat, is verified by the account's name", opts: flat,
			call: vmsGet(bigv.AccountID(41).Group("78").VirtualMachine("5012")),
			sent: []string{"GET /virtual_machines/5012", "GET /accounts/41"}, want: vm,
		},

		{name: "VirtualMachines.Resolve of a full path", call: vmsResolve(www1), want: www1},
		{
			name: "VirtualMachines.Resolve by ID alone", call: vmsResolve(bigv.VirtualMachineID(5012)),
			sent: []string{"GET /virtual_machines/5012?include_deleted=true"}, want: acme.Group("78").VirtualMachine("5012"),
		},
		{
			name: "VirtualMachines.Resolve below a group's ID alone", call: vmsResolve(bigv.GroupID(78).VirtualMachine("www1")),
			sent: []string{"GET /groups/78"}, want: bigv.AccountID(41).Group("78").VirtualMachine("www1"),
		},
		{
			name:      "VirtualMachines.Resolve of a machine without a host name looks up its group",
			call:      vmsResolve(bigv.VirtualMachineID(5012)),
			responses: responses{"GET /virtual_machines/5012": `{"id":5012,"group_id":78}`},
			sent:      []string{"GET /virtual_machines/5012?include_deleted=true", "GET /groups/78"},
			want:      bigv.AccountID(41).Group("78").VirtualMachine("5012"),
		},
	}
}

// vmWorkflowRows returns rows of the methods that send more than one request.
func vmWorkflowRows() []wireRow {
	made := responses{"POST " + webURL + "/vm_create": "202 " + vm5012}
	off := bigv.VirtualMachine{ID: 5012, GroupID: 78, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io"}
	const (
		get           = "GET " + www1URL
		poll          = get + "?include_deleted=true"
		create        = "POST " + webURL + "/vm_create " + leastBody
		autorebootOff = "PUT " + www1URL + ` {"autoreboot_on":false}`
		powerDown     = "POST " + www1URL + `/signal {"signal":"powerdown"}`
		powerOff      = "PUT " + www1URL + ` {"autoreboot_on":false,"power_on":false}`
		powerOn       = "PUT " + www1URL + ` {"autoreboot_on":true,"power_on":true}`
		machines      = "GET " + webURL + "/virtual_machines"
		www2On        = `{"id":5013,"name":"www2","power_on":true}`
		www2Off       = `{"id":5013,"name":"www2"}`
	)
	downByID := []string{
		"PUT " + vm5012URL + ` {"autoreboot_on":false}`, "POST " + vm5012URL + `/signal {"signal":"powerdown"}`,
		"GET " + vm5012URL + "?include_deleted=true",
	}
	return []wireRow{
		{
			name: "VirtualMachines.Move to a group by name looks up its ID", call: vmsMove(www1, acme.Group("db")),
			responses: responses{"GET /accounts/acme/groups/db": `{"id":79}`},
			sent:      []string{"GET /accounts/acme/groups/db", "PUT " + www1URL + ` {"group_id":79}`},
		},
		{
			name: "VirtualMachines.Move to a group by name, flat, looks up its ID with the nested URL", opts: flat,
			call: vmsMove(www1, acme.Group("db")), responses: responses{"GET /accounts/acme/groups/db": `{"id":79}`},
			sent: []string{"GET /accounts/acme/groups/db", "PUT " + www1URL + ` {"group_id":79}`},
		},
		{
			name: "VirtualMachines.Move to a group by ID in another account", call: vmsMove(www1, bigv.AccountPath("other").Group("79")),
			sent: []string{"PUT " + www1URL + ` {"group_id":79}`},
		},

		{
			name:      "VirtualMachines.Relocate to a group by name looks up its ID",
			call:      vmsRelocate(www1, bigv.VirtualMachineRelocate{Name: "db1", Group: acme.Group("db")}),
			responses: responses{"GET /accounts/acme/groups/db": `{"id":79}`},
			sent:      []string{"GET /accounts/acme/groups/db", "PUT " + www1URL + ` {"name":"db1","group_id":79}`},
		},
		{
			name: "VirtualMachines.Relocate with a name alone", call: vmsRelocate(www1, bigv.VirtualMachineRelocate{Name: "www2"}),
			sent: []string{"PUT " + www1URL + ` {"name":"www2"}`},
		},
		{
			name: "VirtualMachines.Relocate with an empty response reads the machine at its new place",
			call: vmsRelocate(www1, bigv.VirtualMachineRelocate{Name: "db1", Group: acme.Group("79")}),
			responses: responses{
				"PUT " + www1URL: "204", "GET /accounts/acme/groups/79/virtual_machines/db1": `{"id":5012,"name":"db1"}`,
			},
			sent: []string{
				"PUT " + www1URL + ` {"name":"db1","group_id":79}`,
				"GET /accounts/acme/groups/79/virtual_machines/db1?include_deleted=true",
			},
			want: bigv.VirtualMachine{ID: 5012, Name: "db1"},
		},
		{
			name: "VirtualMachines.Shutdown turns autoreboot off, then signals powerdown", call: vmsShutdown(www1),
			sent: []string{autorebootOff, powerDown},
		},
		{
			name: "VirtualMachines.Shutdown by ID alone looks up the parents once", call: vmsShutdown(bigv.VirtualMachineID(5012)),
			sent: []string{
				lookupVM, "PUT " + vm5012URL + ` {"autoreboot_on":false}`, "POST " + vm5012URL + `/signal {"signal":"powerdown"}`,
			},
		},
		{
			name: "VirtualMachines.ShutdownAndWait does nothing if the machine is off", call: vmsShutdownAndWait(www1, quickShutdown),
			responses: responses{get: vmOff}, sent: []string{get},
		},
		{
			name: "VirtualMachines.ShutdownAndWait polls until the machine is off", call: vmsShutdownAndWait(www1, quickShutdown),
			responses: responses{get: fakeserver.Sequence(vm5012, vm5012, vmOff)},
			sent:      []string{get, autorebootOff, powerDown, poll, poll},
		},
		{
			name:      "VirtualMachines.ShutdownAndWait by ID alone reads the machine and its parents with one request",
			call:      vmsShutdownAndWait(bigv.VirtualMachineID(5012), quickShutdown),
			responses: responses{"GET " + vm5012URL: vmOff},
			sent:      slices.Concat([]string{"GET /virtual_machines/5012"}, downByID),
		},
		{
			name:      "VirtualMachines.UpdateAndRestart by ID alone reads the machine and its parents with one request",
			call:      vmsUpdateAndRestart(bigv.VirtualMachineID(5012), bigv.VirtualMachineUpdate{Memory: new(4096)}, quickShutdown),
			responses: responses{"GET " + vm5012URL: fakeserver.Sequence(vmOff, vm5012)},
			sent: slices.Concat([]string{"GET /virtual_machines/5012"}, downByID, []string{
				"PUT " + vm5012URL + ` {"memory":4096}`, "PUT " + vm5012URL + ` {"autoreboot_on":true,"power_on":true}`,
				"GET " + vm5012URL + "?include_deleted=true",
			}),
		},
		{
			name: "VirtualMachines.ShutdownAndWait by ID alone looks up the parents if the host name lacks them",
			call: vmsShutdownAndWait(bigv.VirtualMachineID(5012), quickShutdown),
			responses: responses{
				"GET /virtual_machines/5012": `{"id":5012,"group_id":78,"power_on":true}`, "GET /groups/78": `{"id":78,"account_id":41}`,
				"GET /accounts/41/groups/78/virtual_machines/5012": vmOff,
			},
			sent: []string{
				"GET /virtual_machines/5012", lookupVM, "GET /groups/78",
				`PUT /accounts/41/groups/78/virtual_machines/5012 {"autoreboot_on":false}`,
				`POST /accounts/41/groups/78/virtual_machines/5012/signal {"signal":"powerdown"}`,
				"GET /accounts/41/groups/78/virtual_machines/5012?include_deleted=true",
			},
		},
		{
			name: "VirtualMachines.UpdateAndRestart by names, flat, reads the list of the group once", opts: flat,
			call: vmsUpdateAndRestart(www1, bigv.VirtualMachineUpdate{Memory: new(4096)}, quickShutdown),
			responses: responses{
				"GET /virtual_machines": "[" + vm5012 + "]", "GET /virtual_machines/5012": fakeserver.Sequence(vmOff, vm5012),
				"PUT " + www1URL: vm5012,
			},
			sent: []string{
				"GET /virtual_machines?account_name=acme&group_name=web", autorebootOff, powerDown, lookupVM,
				"PUT " + www1URL + ` {"memory":4096}`, powerOn, lookupVM,
			},
		},
		{
			name:      "VirtualMachines.ShutdownAndWait turns the power off if the signal is refused",
			call:      vmsShutdownAndWait(www1, quickForcedShutdown),
			responses: responses{get: fakeserver.Sequence(vm5012, vm5012, vmOff), "POST " + www1URL + "/signal": "400 no"},
			sent:      []string{get, autorebootOff, powerDown, get, powerOff, poll},
		},
		{
			name: "VirtualMachines.RestartAndWait starts a machine that is off", call: vmsRestartAndWait(www1, quickShutdown),
			responses: responses{get: fakeserver.Sequence(vmOff, vm5012)}, sent: []string{get, powerOn, poll},
		},
		{
			name:      "VirtualMachines.RestartAndWait shuts down a machine that is on, and starts it",
			call:      vmsRestartAndWait(www1, quickShutdown),
			responses: responses{get: fakeserver.Sequence(vm5012, vmOff, vm5012)},
			sent:      []string{get, autorebootOff, powerDown, poll, powerOn, poll},
		},
		{
			name:      "VirtualMachines.UpdateAndRestart updates the machine while it is off",
			call:      vmsUpdateAndRestart(www1, bigv.VirtualMachineUpdate{Memory: new(4096)}, quickShutdown),
			responses: responses{get: fakeserver.Sequence(vm5012, vmOff, vm5012)},
			sent:      []string{get, autorebootOff, powerDown, poll, "PUT " + www1URL + ` {"memory":4096}`, powerOn, poll},
		},

		{
			name: "VirtualMachines.FindOrCreate finds", call: vmsFindOrCreate(web, least), responses: responses{get: vmOff},
			sent: []string{poll}, want: foundOrCreated{off, false},
		},
		{
			name: "VirtualMachines.FindOrCreate creates", call: vmsFindOrCreate(web, least), responses: responses{get: "404"},
			sent: []string{poll, create}, want: foundOrCreated{bigv.VirtualMachine{ID: 1}, true},
		},
		{
			name: "VirtualMachines.FindOrCreate finds a machine that was created in between", call: vmsFindOrCreate(web, least),
			responses: responses{get: fakeserver.Sequence("404", vmOff), "POST " + webURL + "/vm_create": "400 taken"},
			sent:      []string{poll, create, poll}, want: foundOrCreated{off, false},
		},
		{
			name: "VirtualMachines.CreateAndWait polls until the machine is provisioned", call: vmsCreateAndWait(web, least, quickWait),
			responses: responses{
				"POST " + webURL + "/vm_create": "202 " + vmOff, "GET " + vm5012URL: fakeserver.Sequence("202 "+vmOff, vmOff),
			},
			sent: []string{create, "GET " + vm5012URL + "?include_deleted=true", "GET " + vm5012URL + "?include_deleted=true"},
		},
		{
			name: "VirtualMachines.CreateAndWait polls until the machine is on, if autoreboot is on",
			call: vmsCreateAndWait(
				web, bigv.VirtualMachineCreate{Name: "www1", AutorebootOn: new(true), Discs: least.Discs}, quickWait,
			),
			responses: responses{"POST " + webURL + "/vm_create": "202 " + vmOff, "GET " + vm5012URL: fakeserver.Sequence(vmOff, vm5012)},
			sent: []string{strings.Replace(create, `"www1"`, `"www1","autoreboot_on":true`, 1),
				"GET " + vm5012URL + "?include_deleted=true", "GET " + vm5012URL + "?include_deleted=true"},
		},
		{
			name: "VirtualMachines.CreateAndWait polls until the machine is on, if there is an image and no power flag",
			call: vmsCreateAndWait(
				web, bigv.VirtualMachineCreate{Name: "www1", Discs: least.Discs, Image: &bigv.Image{Distribution: "jessie"}}, quickWait,
			),
			responses: responses{"POST " + webURL + "/vm_create": "202 " + vmOff, "GET " + vm5012URL: fakeserver.Sequence(vmOff, vm5012)},
			sent: []string{strings.TrimSuffix(create, "}") + `,"reimage":{"distribution":"jessie"}}`,
				"GET " + vm5012URL + "?include_deleted=true", "GET " + vm5012URL + "?include_deleted=true"},
		},
		{
			name: "VirtualMachines.Create returns a machine that is being provisioned", call: vmsCreate(web, least), responses: made,
			sent: []string{create},
			want: bigv.VirtualMachine{
				ID: 5012, GroupID: 78, Name: "www1", Hostname: "www1.web.acme.uk0.bigv.io", PowerOn: true, Provisioning: true,
			},
		},

		{
			name: "VirtualMachines.Wait polls at once, and sees deleted machines",
			call: vmsWait(bigv.VirtualMachineID(5012), bigv.PoweredOn, bigv.WaitOptions{}), sent: []string{lookupVM},
		},
		{
			name: "VirtualMachines.Wait polls until the condition holds", opts: []bigv.Option{tryOnce},
			call:      vmsWait(www1, bigv.PoweredOff, quickWait),
			responses: responses{get: fakeserver.Sequence(vm5012, "503", vmOff)}, sent: []string{poll, poll, poll},
		},
		{
			name: "VirtualMachines.WaitAll reads a machine when the list shows that the condition holds",
			call: vmsWaitAll([]bigv.VirtualMachinePath{www1, web.VirtualMachine("www2")}, bigv.PoweredOff, quickWait),
			responses: responses{
				machines: fakeserver.Sequence("["+vm5012+","+www2On+"]", "["+vmOff+","+www2On+"]"), get: vmOff, machines + "/www2": www2Off,
			},
			sent: []string{
				machines + "?include_deleted=true", machines + "?include_deleted=true", poll, machines + "/www2?include_deleted=true",
			},
			want: []bigv.VirtualMachineResult{
				{Path: www1, VirtualMachine: off},
				{Path: web.VirtualMachine("www2"), VirtualMachine: bigv.VirtualMachine{ID: 5013, Name: "www2"}},
			},
		},
	}
}

// vmRefusedRows returns rows of calls that are refused before anything is sent.
func vmRefusedRows() []wireRow {
	vmWith := func(change func(*bigv.VirtualMachineCreate)) bigv.VirtualMachineCreate {
		vm := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}, {Size: 25600}}}
		change(&vm)
		return vm
	}
	return []wireRow{
		{
			name: "VirtualMachines.Create without a disc",
			call: vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Discs = nil })), wantErr: []any{"discs is empty"},
		},
		{
			name:    "VirtualMachines.Create with an empty list of discs",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Discs = []bigv.DiscCreate{} })),
			wantErr: []any{"discs is empty"},
		},
		{
			name:    "VirtualMachines.Create with a disc without a size",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Discs[1].Size = 0 })),
			wantErr: []any{"discs[1]: size must be positive, got 0 MiB"},
		},
		{
			name:    "VirtualMachines.Create with a disc of a negative size",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Size = -1 })),
			wantErr: []any{"discs[0]: size must be positive, got -1 MiB"},
		},
		{
			name:    "VirtualMachines.Create with a disc with a label of digits",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Label = "7" })),
			wantErr: []any{"discs[0]: label \"7\" is all digits"},
		},
		{
			name:    "VirtualMachines.Create with a disc with a label of dots",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Label = ".." })),
			wantErr: []any{"discs[0]: label"},
		},
		{
			name: "VirtualMachines.Create without a name",
			call: vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Name = "" })), wantErr: []any{"name is empty"},
		},
		{
			name: "VirtualMachines.Create with a name of digits",
			call: vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Name = "123" })), wantErr: []any{"all digits"},
		},
		{
			name: "VirtualMachines.Create with a control character in the name",
			call: vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Name = "a\nb" })), wantErr: []any{"control character"},
		},
		{
			name:    "VirtualMachines.Create with negative memory",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Memory = -1 })),
			wantErr: []any{"must not be negative"},
		},
		{
			name:    "VirtualMachines.Create with negative cores",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Cores = -1 })),
			wantErr: []any{"must not be negative"},
		},
		{
			name: "VirtualMachines.Create with an image without a distribution",
			call: vmsCreate(
				web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.Image = &bigv.Image{RootPassword: bigv.NewSecret("sesame")} }),
			),
			wantErr: []any{"image has no distribution"},
		},
		{
			name: "VirtualMachines.Create with a private key",
			call: vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) {
				vm.Image = &bigv.Image{Distribution: "stretch", SSHPublicKey: "-----BEGIN OPENSSH PRIVATE KEY-----"}
			})),
			wantErr: []any{"ssh_public_key: line 1: key must be one line of an SSH public key"},
		},
		{
			name:    "VirtualMachines.Create with empty IPs",
			call:    vmsCreate(web, vmWith(func(vm *bigv.VirtualMachineCreate) { vm.IPs = &bigv.VirtualMachineIPs{} })),
			wantErr: []any{"ips contains no address"},
		},
		{
			name: "VirtualMachines.CreateAndWait without a disc",
			call: vmsCreateAndWait(web, bigv.VirtualMachineCreate{Name: "www1"}, quickWait), wantErr: []any{"discs is empty"},
		},
		{
			name: "VirtualMachines.FindOrCreate without a disc", call: vmsFindOrCreate(web, bigv.VirtualMachineCreate{Name: "www1"}),
			wantErr: []any{"discs is empty"},
		},
		{
			name: "VirtualMachines.CreateBare with discs", call: vmsCreateBare(web, vmWith(func(*bigv.VirtualMachineCreate) {})),
			wantErr: []any{"use Create"},
		},
		{
			name: "VirtualMachines.CreateBare with an image",
			call: vmsCreateBare(web, bigv.VirtualMachineCreate{Name: "www1", Image: everything.Image}), wantErr: []any{"use Create"},
		},
		{
			name: "VirtualMachines.CreateBare with IPs",
			call: vmsCreateBare(web, bigv.VirtualMachineCreate{Name: "www1", IPs: everything.IPs}), wantErr: []any{"use Create"},
		},
		{
			name: "VirtualMachines.CreateBare with a name of digits", call: vmsCreateBare(web, bigv.VirtualMachineCreate{Name: "7"}),
			wantErr: []any{"all digits"},
		},
		{
			name: "VirtualMachines.Update to 0 cores", call: vmsUpdate(www1, bigv.VirtualMachineUpdate{Cores: new(0)}),
			wantErr: []any{"must be positive"},
		},
		{
			name: "VirtualMachines.Update to negative cores", call: vmsUpdate(www1, bigv.VirtualMachineUpdate{Cores: new(-1)}),
			wantErr: []any{"must be positive"},
		},
		{
			name: "VirtualMachines.Update to 0 memory", call: vmsUpdate(www1, bigv.VirtualMachineUpdate{Memory: new(0)}),
			wantErr: []any{"must be positive"},
		},
		{
			name: "VirtualMachines.Update to negative memory", call: vmsUpdate(www1, bigv.VirtualMachineUpdate{Memory: new(-1)}),
			wantErr: []any{"must be positive"},
		},
		{
			name: "VirtualMachines.Update to boot from an appliance without a name",
			call: vmsUpdate(www1, bigv.VirtualMachineUpdate{Appliance: &bigv.Appliance{}}), wantErr: []any{"appliance has no name"},
		},
		{
			name: "VirtualMachines.UpdateAndRestart to 0 memory",
			call: vmsUpdateAndRestart(www1, bigv.VirtualMachineUpdate{Memory: new(0)}, quickShutdown), wantErr: []any{"must be positive"},
		},
		{
			name:    "VirtualMachines.UpdateAndRestart that sets the power",
			call:    vmsUpdateAndRestart(www1, bigv.VirtualMachineUpdate{PowerOn: new(true)}, quickShutdown),
			wantErr: []any{"PowerOn and AutorebootOn must not be set"},
		},
		{
			name:    "VirtualMachines.UpdateAndRestart that sets autoreboot",
			call:    vmsUpdateAndRestart(www1, bigv.VirtualMachineUpdate{AutorebootOn: new(true)}, quickShutdown),
			wantErr: []any{"PowerOn and AutorebootOn must not be set"},
		},
		{
			name: "VirtualMachines.Relocate to nowhere", call: vmsRelocate(www1, bigv.VirtualMachineRelocate{}),
			wantErr: []any{"set at least one"},
		},
		{
			name:    "VirtualMachines.Relocate to digits",
			call:    vmsRelocate(www1, bigv.VirtualMachineRelocate{Name: "7", Group: bigv.GroupID(79)}),
			wantErr: []any{"all digits"},
		},
		{name: "VirtualMachines.Rename to digits", call: vmsRename(www1, "77"), wantErr: []any{"all digits"}},
		{name: "VirtualMachines.Rename to an empty string", call: vmsRename(www1, ""), wantErr: []any{"is empty"}},
		{name: "VirtualMachines.Rename to dots", call: vmsRename(www1, ".."), wantErr: []any{"is not allowed"}},
		{name: "VirtualMachines.Boot from an appliance without a name", call: vmsBoot(www1, ""), wantErr: []any{"no name"}},
		{name: "VirtualMachines.SendKeys without keys", call: vmsSendKeys(www1, []string{}), wantErr: []any{"keys must not be empty"}},
		{name: "VirtualMachines.SendKeys with an empty key", call: vmsSendKeys(www1, []string{"ctrl", ""}), wantErr: []any{"key"}},
		{
			name:    "VirtualMachines.Reimage with a key that is none",
			call:    vmsReimage(www1, bigv.Image{Distribution: "stretch", SSHPublicKey: "# mine\nssh-rsa AAAA one\n\nnot a key\n"}),
			wantErr: []any{"ssh_public_key: line 4: key must be one line of an SSH public key"},
		},
		{
			name: "VirtualMachines.Reimage without a distribution", call: vmsReimage(www1, bigv.Image{}),
			wantErr: []any{"image has no distribution"},
		},
		{name: "VirtualMachines.Wait without a condition", call: vmsWait(www1, nil, quickWait), wantErr: []any{"nil"}},
		{
			name:    "VirtualMachines.List of an account and a group that disagree",
			call:    vmsList(bigv.VirtualMachineListOptions{Account: "other", Group: web}),
			all:     vmsAll(bigv.VirtualMachineListOptions{Account: "other", Group: web}),
			wantErr: []any{"Account and the account of Group differ"},
		},
		{
			name: "VirtualMachines.List of the default account, if none is set",
			call: vmsList(bigv.VirtualMachineListOptions{Account: bigv.DefaultAccount}),
			all:  vmsAll(bigv.VirtualMachineListOptions{Account: bigv.DefaultAccount}), wantErr: []any{"no default account is set"},
		},
		{
			name: "VirtualMachines.Start in the default account, if none is set",
			call: vmsStart(bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1")), wantErr: []any{"no default account is set"},
		},
	}
}

// The functions below return a call of the VirtualMachinesService method in their name, for rows.

func vmsList(options bigv.VirtualMachineListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.List(ctx, options) }
}

func vmsAll(options bigv.VirtualMachineListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return collect(c.VirtualMachines.All(ctx, options))
	}
}

func vmsGet(vm bigv.VirtualMachinePath, opts ...bigv.CallOption) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Get(ctx, vm, opts...) }
}

func vmsCreate(group bigv.GroupPath, vm bigv.VirtualMachineCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.Create(ctx, group, vm)
	}
}

func vmsCreateBare(group bigv.GroupPath, vm bigv.VirtualMachineCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.CreateBare(ctx, group, vm)
	}
}

func vmsUpdate(vm bigv.VirtualMachinePath, update bigv.VirtualMachineUpdate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.Update(ctx, vm, update)
	}
}

func vmsRename(vm bigv.VirtualMachinePath, name string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Rename(ctx, vm, name) }
}

func vmsMove(vm bigv.VirtualMachinePath, to bigv.GroupPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Move(ctx, vm, to) }
}

func vmsRelocate(vm bigv.VirtualMachinePath, to bigv.VirtualMachineRelocate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Relocate(ctx, vm, to) }
}

func vmsStart(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Start(ctx, vm) }
}

func vmsStop(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Stop(ctx, vm) }
}

func vmsRestart(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Restart(ctx, vm) }
}

func vmsBoot(vm bigv.VirtualMachinePath, applianceName string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.Boot(ctx, vm, applianceName)
	}
}

func vmsRescue(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Rescue(ctx, vm) }
}

func vmsReset(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.VirtualMachines.Reset(ctx, vm) }
}

func vmsPowerDown(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return nil, c.VirtualMachines.PowerDown(ctx, vm)
	}
}

func vmsSendKeys(vm bigv.VirtualMachinePath, keys []string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return nil, c.VirtualMachines.SendKeys(ctx, vm, keys)
	}
}

func vmsShutdown(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return nil, c.VirtualMachines.Shutdown(ctx, vm)
	}
}

func vmsReimage(vm bigv.VirtualMachinePath, image bigv.Image) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return nil, c.VirtualMachines.Reimage(ctx, vm, image)
	}
}

func vmsDelete(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.VirtualMachines.Delete(ctx, vm) }
}

func vmsUndelete(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Undelete(ctx, vm) }
}

func vmsPurge(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.VirtualMachines.Purge(ctx, vm) }
}

func vmsResolve(vm bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.VirtualMachines.Resolve(ctx, vm) }
}

func vmsWait(vm bigv.VirtualMachinePath, until bigv.VirtualMachineCondition, options bigv.WaitOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.Wait(ctx, vm, until, options)
	}
}

func vmsWaitAll(vms []bigv.VirtualMachinePath, until bigv.VirtualMachineCondition, options bigv.WaitOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return collect(c.VirtualMachines.WaitAll(ctx, vms, until, options))
	}
}

func vmsFindOrCreate(group bigv.GroupPath, vm bigv.VirtualMachineCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		m, created, err := c.VirtualMachines.FindOrCreate(ctx, group, vm, quickWait)
		return foundOrCreated{m, created}, err
	}
}

func vmsCreateAndWait(group bigv.GroupPath, vm bigv.VirtualMachineCreate, options bigv.WaitOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.CreateAndWait(ctx, group, vm, options)
	}
}

func vmsShutdownAndWait(vm bigv.VirtualMachinePath, options bigv.ShutdownOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.ShutdownAndWait(ctx, vm, options)
	}
}

func vmsRestartAndWait(vm bigv.VirtualMachinePath, options bigv.ShutdownOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.RestartAndWait(ctx, vm, options)
	}
}

func vmsUpdateAndRestart(vm bigv.VirtualMachinePath, update bigv.VirtualMachineUpdate, options bigv.ShutdownOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.VirtualMachines.UpdateAndRestart(ctx, vm, update, options)
	}
}
