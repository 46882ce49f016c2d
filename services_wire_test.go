package bigv_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
)

func TestAccountsOnTheWire(t *testing.T) {
	rows := []wireRow{
		{name: "Accounts.List", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.List(ctx, bigv.AccountListOptions{}))
		}, want: []string{"GET /accounts"}},
		{name: "Accounts.List with all below, deleted machines too", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.List(ctx, bigv.AccountListOptions{View: bigv.Overview, IncludeDeleted: true}))
		}, want: []string{"GET /accounts?include_deleted=true&view=overview"}},
		{name: "Accounts.All", call: func(ctx context.Context, c *bigv.Client) error {
			return each(c.Accounts.All(ctx, bigv.AccountListOptions{View: bigv.Overview}))
		}, want: []string{"GET /accounts?view=overview"}},
		{name: "Accounts.Get by name", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.Get(ctx, acme))
		}, want: []string{"GET /accounts/acme"}},
		{name: "Accounts.Get by ID with all below", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.Get(ctx, bigv.AccountID(41), bigv.WithView(bigv.Overview), bigv.WithDeleted()))
		}, want: []string{"GET /accounts/41?include_deleted=true&view=overview"}},
		{name: "Accounts.Get of the default account", opts: acmeDefault, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.Get(ctx, bigv.DefaultAccount))
		}, want: []string{"GET /accounts/acme"}},
		{name: "Accounts.Get has one style", opts: flat, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.Get(ctx, acme))
		}, want: []string{"GET /accounts/acme"}},
		{name: "Accounts.Create and read back", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Accounts.Create(ctx, bigv.AccountCreate{Name: "acme"}))
		}, want: []string{`POST /accounts {"name":"acme"}`, "GET /accounts/acme"}},
		{name: "Accounts.Delete", call: func(ctx context.Context, c *bigv.Client) error {
			return c.Accounts.Delete(ctx, acme)
		}, want: []string{"DELETE /accounts/acme"}},
	}
	requireRows(t, "Accounts", &bigv.AccountsService{}, rows)
	runWire(t, rows)
}

func TestGroupsOnTheWire(t *testing.T) {
	rows := []wireRow{
		{name: "Groups.List of an account is nested", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{Account: acme}))
		}, want: []string{"GET /accounts/acme/groups"}},
		{name: "Groups.List of all is flat", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{}))
		}, want: []string{"GET /groups"}},
		{name: "Groups.List of an account by name, flat", opts: flat, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{Account: acme}))
		}, want: []string{"GET /groups?account_name=acme"}},
		{name: "Groups.List of an account by ID, flat", opts: flat, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{Account: bigv.AccountID(41)}))
		}, want: []string{"GET /groups?account_id=41"}},
		{name: "Groups.List of the default account", opts: acmeDefault, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.List(ctx, bigv.GroupListOptions{Account: bigv.DefaultAccount}))
		}, want: []string{"GET /accounts/acme/groups"}},
		{name: "Groups.All", call: func(ctx context.Context, c *bigv.Client) error {
			return each(c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}))
		}, want: []string{"GET /accounts/acme/groups"}},
		{name: "Groups.Get by name", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Get(ctx, web, bigv.WithView(bigv.Overview)))
		}, want: []string{"GET /accounts/acme/groups/web?view=overview"}},
		{name: "Groups.Get of the default group of the default account", opts: acmeDefault, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Get(ctx, bigv.DefaultAccount.DefaultGroup()))
		}, want: []string{"GET /accounts/acme/groups/default"}},
		{name: "Groups.Get of an ID alone is flat", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Get(ctx, bigv.GroupID(78)))
		}, want: []string{"GET /groups/78"}},
		{name: "Groups.Get by name, flat, asks the list", opts: flat,
			answers: map[string]string{"GET /groups": `[{"id":77,"account_id":41,"name":"default"},{"id":78,"account_id":41,"name":"web"}]`, "GET /accounts/acme": `{"id":41,"name":"acme"}`},
			call:    func(ctx context.Context, c *bigv.Client) error { return just(c.Groups.Get(ctx, web)) },
			want:    []string{"GET /groups?account_name=acme", "GET /accounts/acme"}},
		{name: "Groups.Get by IDs, flat, is held against the account", opts: flat, answers: parents,
			call: func(ctx context.Context, c *bigv.Client) error {
				return just(c.Groups.Get(ctx, bigv.AccountID(41).Group("78")))
			}, want: []string{"GET /groups/78"}},
		{name: "Groups.Create and read back", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "web"}))
		}, want: []string{`POST /accounts/acme/groups {"name":"web"}`, "GET /accounts/acme/groups/web"}},
		{name: "Groups.Create is nested in either style", opts: flat, answers: map[string]string{"POST /accounts/acme/groups": `{"id":78}`},
			call: func(ctx context.Context, c *bigv.Client) error {
				return just(c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "web"}))
			}, want: []string{`POST /accounts/acme/groups {"name":"web"}`}},
		{name: "Groups.Rename and read back by the new name", call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Rename(ctx, web, "web2"))
		}, want: []string{`PUT /accounts/acme/groups/web {"name":"web2"}`, "GET /accounts/acme/groups/web2"}},
		{name: "Groups.Rename of an ID alone finds the account first", answers: parents, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Rename(ctx, bigv.GroupID(78), "web2"))
		}, want: []string{"GET /groups/78", `PUT /accounts/41/groups/78 {"name":"web2"}`, "GET /groups/78"}},
		{name: "Groups.Delete", call: func(ctx context.Context, c *bigv.Client) error {
			return c.Groups.Delete(ctx, web)
		}, want: []string{"DELETE /accounts/acme/groups/web"}},
		{name: "Groups.Delete of a hostile name is one segment", call: func(ctx context.Context, c *bigv.Client) error {
			return c.Groups.Delete(ctx, acme.Group("a/../b?c=%2F d#"))
		}, want: []string{"DELETE /accounts/acme/groups/a%2F..%2Fb%3Fc=%252F%20d%23"}},
		{name: "Groups.Resolve of an ID alone", answers: parents, call: func(ctx context.Context, c *bigv.Client) error {
			return just(c.Groups.Resolve(ctx, bigv.GroupID(78)))
		}, want: []string{"GET /groups/78"}},
		{name: "Groups.FindOrCreate finds", call: func(ctx context.Context, c *bigv.Client) error {
			_, _, err := c.Groups.FindOrCreate(ctx, acme, bigv.GroupCreate{Name: "web"})
			return err
		}, want: []string{"GET /accounts/acme/groups/web"}},
	}
	requireRows(t, "Groups", &bigv.GroupsService{}, rows)
	runWire(t, rows)
}

func TestVirtualMachinesOnTheWire(t *testing.T) {
	const answer = `{"id":5012,"group_id":78,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io"}`
	put := map[string]string{"PUT " + www1URL: answer, "PUT /accounts/acme/groups/78/virtual_machines/5012": answer,
		"GET /virtual_machines/5012": vm5012, "POST " + webURL + "/vm_create": `{"virtual_machine":` + answer + `}`}
	by := func(call func(context.Context, *bigv.VirtualMachinesService, bigv.VirtualMachinePath) error) func(bigv.VirtualMachinePath) func(context.Context, *bigv.Client) error {
		return func(vm bigv.VirtualMachinePath) func(context.Context, *bigv.Client) error {
			return func(ctx context.Context, c *bigv.Client) error { return call(ctx, c.VirtualMachines, vm) }
		}
	}
	var rows []wireRow
	// The writes on one machine: by its full path, in either style, and by its ID
	// alone, for which the parents are looked up.
	for _, write := range []struct {
		name, request string
		call          func(bigv.VirtualMachinePath) func(context.Context, *bigv.Client) error
	}{
		{"Update sends what is set, false and null included", `PUT {} {"memory":4096,"autoreboot_on":false,"cdrom_url":null,"keymap":"en-gb"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Update(ctx, vm, bigv.VirtualMachineUpdate{Memory: new(4096), AutorebootOn: new(false), CDROMURL: bigv.Null[string](), Keymap: bigv.Set("en-gb")}))
			})},
		{"Update of everything", `PUT {} {"cores":2,"memory":4096,"power_on":true,"autoreboot_on":true,"cdrom_url":"http://iso.example/x.iso","keymap":null,"hardware_profile":"virtio2018","hardware_profile_locked":false}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Update(ctx, vm, bigv.VirtualMachineUpdate{
					Cores: new(2), Memory: new(4096), PowerOn: new(true), AutorebootOn: new(true), CDROMURL: bigv.Set("http://iso.example/x.iso"),
					Keymap: bigv.Null[string](), HardwareProfile: new(bigv.Virtio2018), HardwareProfileLocked: new(false),
				}))
			})},
		{"Update of an empty text is sent", `PUT {} {"cdrom_url":""}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Update(ctx, vm, bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("")}))
			})},
		{"Rename", `PUT {} {"name":"www2"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Rename(ctx, vm, "www2"))
			})},
		{"Move to a group by ID", `PUT {} {"group_id":79}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Move(ctx, vm, bigv.GroupID(79)))
			})},
		{"Start", `PUT {} {"autoreboot_on":true,"power_on":true}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Start(ctx, vm))
			})},
		{"Stop", `PUT {} {"autoreboot_on":false,"power_on":false}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Stop(ctx, vm))
			})},
		{"Restart", `PUT {} {"autoreboot_on":true,"power_on":false}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Restart(ctx, vm))
			})},
		{"Boot from an appliance", `PUT {} {"autoreboot_on":true,"power_on":true,"appliance":{"name":"memtest","permanent":false}}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Boot(ctx, vm, "memtest"))
			})},
		{"Rescue", `PUT {} {"autoreboot_on":true,"power_on":true,"appliance":{"name":"rescue","permanent":false}}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Rescue(ctx, vm))
			})},
		{"Undelete", `PUT {} {"deleted":false}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return just(s.Undelete(ctx, vm))
			})},
		{"Reset", `POST {}/signal {"signal":"reset"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.Reset(ctx, vm)
			})},
		{"PowerDown", `POST {}/signal {"signal":"powerdown"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.PowerDown(ctx, vm)
			})},
		{"SendKeys", `POST {}/signal {"signal":"sendkey","data":"ctrl-alt-delete"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.SendKeys(ctx, vm, []string{"ctrl", "alt", "delete"})
			})},
		{"Reimage with a password alone", `POST {}/reimage {"distribution":"stretch","root_password":"sesame"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.Reimage(ctx, vm, bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("sesame")})
			})},
		{"Reimage with everything", `POST {}/reimage {"distribution":"stretch","root_password":"sesame","ssh_public_key":"ssh-ed25519 AAAA a\nssh-rsa BBBB b","firstboot_script":"#!/bin/sh\necho \"hi\" <&>"}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.Reimage(ctx, vm, bigv.Image{
					Distribution: "stretch", RootPassword: bigv.NewSecret("sesame"), SSHPublicKey: "ssh-ed25519 AAAA a\nssh-rsa BBBB b",
					FirstbootScript: bigv.NewSecret("#!/bin/sh\necho \"hi\" <&>"),
				})
			})},
		{"Delete", `DELETE {}`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.Delete(ctx, vm)
			})},
		{"Purge", `DELETE {}?purge=true`,
			by(func(ctx context.Context, s *bigv.VirtualMachinesService, vm bigv.VirtualMachinePath) error {
				return s.Purge(ctx, vm)
			})},
	} {
		const byID = "/accounts/acme/groups/78/virtual_machines/5012"
		rows = append(rows,
			wireRow{"VirtualMachines." + write.name, nil, put, write.call(www1), []string{fill(write.request, www1URL)}},
			wireRow{"VirtualMachines." + write.name + " in the flat style", flat, put, write.call(www1), []string{fill(write.request, www1URL)}},
			wireRow{"VirtualMachines." + write.name + " by ID alone", nil, put, write.call(bigv.VirtualMachineID(5012)),
				[]string{"GET /virtual_machines/5012?include_deleted=true", fill(write.request, byID)}})
	}
	everything := bigv.VirtualMachineCreate{
		Name: "www1", Cores: 2, Memory: 4096, PowerOn: new(true), AutorebootOn: new(false), CDROMURL: "http://iso.example/x.iso", Keymap: "en-gb",
		HardwareProfile: bigv.Virtio2018, HardwareProfileLocked: new(true), ZoneName: "york",
		Discs: []bigv.DiscCreate{
			{Label: "root", Size: 25600, StorageGrade: bigv.SSD, BackupSchedules: []bigv.BackupSchedule{{StartAt: "00:00", IntervalSeconds: 86400, Capacity: 3}}},
			{Size: 51200},
		},
		Image: &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("sesame")},
		IPs:   &bigv.VirtualMachineIPs{IPv4: netip.MustParseAddr("198.51.100.4"), IPv6: netip.MustParseAddr("2001:db8::4")},
	}
	least := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}
	wrapped := map[string]string{"POST " + webURL + "/vm_create": `{"virtual_machine":` + answer + `,"discs":[],"reimage":{"root_password":"x"}}`}
	plain := map[string]string{"POST " + webURL + "/vm_create": answer}
	rows = append(rows,
		wireRow{"VirtualMachines.Create with everything", nil, wrapped, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Create(ctx, web, everything))
		}, []string{"POST " + webURL + `/vm_create {"virtual_machine":{"name":"www1","cores":2,"memory":4096,"power_on":true,"autoreboot_on":false,"cdrom_url":"http://iso.example/x.iso","keymap":"en-gb","hardware_profile":"virtio2018","hardware_profile_locked":true,"zone_name":"york"},` +
			`"discs":[{"label":"root","size":25600,"storage_grade":"ssd","backup_schedules":[{"start_at":"00:00","interval_seconds":86400,"capacity":3}]},{"size":51200}],` +
			`"reimage":{"distribution":"stretch","root_password":"sesame"},"ips":{"ipv4":"198.51.100.4","ipv6":"2001:db8::4"}}`}},
		wireRow{"VirtualMachines.Create with the least, answered by the machine alone", nil, plain, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Create(ctx, web, least))
		}, []string{"POST " + webURL + `/vm_create {"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`}},
		wireRow{"VirtualMachines.Create answered by nothing is read back", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Create(ctx, web, least))
		}, []string{"POST " + webURL + `/vm_create {"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`, "GET " + www1URL}},
		wireRow{"VirtualMachines.Create in a group by ID alone", nil, map[string]string{"GET /groups/78": parents["GET /groups/78"], "POST /accounts/41/groups/78/vm_create": answer}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Create(ctx, bigv.GroupID(78), least))
		}, []string{"GET /groups/78", `POST /accounts/41/groups/78/vm_create {"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`}},
		wireRow{"VirtualMachines.CreateBare", nil, map[string]string{"POST " + webURL + "/virtual_machines": answer}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.CreateBare(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Cores: 1}))
		}, []string{"POST " + webURL + `/virtual_machines {"name":"www1","cores":1}`}},
		wireRow{"VirtualMachines.CreateAndWait", nil, wrapped, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.CreateAndWait(ctx, web, least, bigv.WaitOptions{}))
		}, []string{"POST " + webURL + `/vm_create {"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`,
			"GET /accounts/acme/groups/78/virtual_machines/5012?include_deleted=true"}},
		wireRow{"VirtualMachines.FindOrCreate finds", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			_, _, err := c.VirtualMachines.FindOrCreate(ctx, web, least)
			return err
		}, []string{"GET " + www1URL + "?include_deleted=true"}},

		wireRow{"VirtualMachines.Move to a group by name looks its ID up", nil, map[string]string{"GET /accounts/acme/groups/db": `{"id":79}`, "PUT " + www1URL: answer}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Move(ctx, www1, acme.Group("db")))
		}, []string{"GET /accounts/acme/groups/db", "PUT " + www1URL + ` {"group_id":79}`}},
		wireRow{"VirtualMachines.Rename answered by nothing is read back by the new name", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Rename(ctx, www1, "www2"))
		}, []string{"PUT " + www1URL + ` {"name":"www2"}`, "GET " + webURL + "/virtual_machines/www2"}},

		wireRow{"VirtualMachines.List of a group is nested", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview, IncludeDeleted: true}))
		}, []string{"GET " + webURL + "/virtual_machines?include_deleted=true&view=overview"}},
		wireRow{"VirtualMachines.List of a group by ID alone is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: bigv.GroupID(78)}))
		}, []string{"GET /virtual_machines?group_id=78"}},
		wireRow{"VirtualMachines.List of a group by ID in an account is nested", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Account: acme, Group: bigv.GroupID(78)}))
		}, []string{"GET /accounts/acme/groups/78/virtual_machines"}},
		wireRow{"VirtualMachines.List of an account by name is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Account: acme}))
		}, []string{"GET /virtual_machines?account_name=acme"}},
		wireRow{"VirtualMachines.List of an account by ID is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Account: bigv.AccountID(41)}))
		}, []string{"GET /virtual_machines?account_id=41"}},
		wireRow{"VirtualMachines.List of all is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{}))
		}, []string{"GET /virtual_machines"}},
		wireRow{"VirtualMachines.List of a group by names, flat", flat, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web}))
		}, []string{"GET /virtual_machines?account_name=acme&group_name=web"}},
		wireRow{"VirtualMachines.All", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return each(c.VirtualMachines.All(ctx, bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview}))
		}, []string{"GET " + webURL + "/virtual_machines?view=overview"}},
		wireRow{"VirtualMachines.Get by path", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Get(ctx, www1))
		}, []string{"GET " + www1URL}},
		wireRow{"VirtualMachines.Get by IDs in a path", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Get(ctx, bigv.AccountID(41).Group("78").VirtualMachine("5012"), bigv.WithView(bigv.Overview), bigv.WithDeleted()))
		}, []string{"GET /accounts/41/groups/78/virtual_machines/5012?include_deleted=true&view=overview"}},
		wireRow{"VirtualMachines.Get of an ID alone is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Get(ctx, bigv.VirtualMachineID(5012)))
		}, []string{"GET /virtual_machines/5012"}},
		wireRow{"VirtualMachines.Get by names, flat, asks the list", flat, map[string]string{"GET /virtual_machines": "[" + vm5012 + "]"}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Get(ctx, www1))
		}, []string{"GET /virtual_machines?account_name=acme&group_name=web"}},
		wireRow{"VirtualMachines.Get by name in a group by ID alone asks the list", nil, map[string]string{"GET /virtual_machines": "[" + vm5012 + "]"}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Get(ctx, bigv.GroupID(78).VirtualMachine("www1")))
		}, []string{"GET /virtual_machines?group_id=78"}},
		wireRow{"VirtualMachines.Get by ID in a path, flat, is held against the path", flat, parents, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Get(ctx, web.VirtualMachine("5012")))
		}, []string{"GET /virtual_machines/5012"}},
		wireRow{"VirtualMachines.Resolve of an ID alone", nil, parents, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Resolve(ctx, bigv.VirtualMachineID(5012)))
		}, []string{"GET /virtual_machines/5012?include_deleted=true"}},
		wireRow{"VirtualMachines.Wait looks at once, deleted or not", nil, parents, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.Wait(ctx, bigv.VirtualMachineID(5012), bigv.PoweredOn, bigv.WaitOptions{}))
		}, []string{"GET /virtual_machines/5012?include_deleted=true"}},
		wireRow{"VirtualMachines.Shutdown keeps it off, then presses the button", nil, put, func(ctx context.Context, c *bigv.Client) error {
			return c.VirtualMachines.Shutdown(ctx, www1)
		}, []string{"PUT " + www1URL + ` {"autoreboot_on":false}`, "POST " + www1URL + `/signal {"signal":"powerdown"}`}},
		wireRow{"VirtualMachines.ShutdownAndWait leaves alone what is off", nil, map[string]string{"GET " + www1URL: answer}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.VirtualMachines.ShutdownAndWait(ctx, www1, bigv.ShutdownOptions{}))
		}, []string{"GET " + www1URL}},
	)
	// What takes several machines' worth of state is seen on the in-memory service.
	requireRows(t, "VirtualMachines", &bigv.VirtualMachinesService{}, rows, "RestartAndWait", "UpdateAndRestart")
	runWire(t, rows)
}

// fill puts a path into a request as it is written in a table.
func fill(request, path string) string { return strings.Replace(request, "{}", path, 1) }

func TestDiscsOnTheWire(t *testing.T) {
	const (
		rootURL = www1URL + "/discs/root"
		byID    = "/accounts/acme/groups/78/virtual_machines/5012/discs/900"
		answer  = `{"id":900,"label":"root"}`
	)
	lookup := []string{"GET /discs/900", "GET /virtual_machines/5012?include_deleted=true"}
	answers := map[string]string{"PUT " + rootURL: answer, "PUT " + byID: answer, "POST " + www1URL + "/discs": answer,
		"GET /discs/900": disc900, "GET /virtual_machines/5012": vm5012}
	rows := []wireRow{
		{"Discs.List of a machine is nested", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: www1}))
		}, []string{"GET " + www1URL + "/discs"}},
		{"Discs.List of a machine by ID alone is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}))
		}, []string{"GET /discs?vm_id=5012"}},
		{"Discs.List of all is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.List(ctx, bigv.DiscListOptions{}))
		}, []string{"GET /discs"}},
		{"Discs.List of a machine by names, flat", flat, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: www1}))
		}, []string{"GET /discs?account_name=acme&group_name=web&vm_name=www1"}},
		{"Discs.All", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return each(c.Discs.All(ctx, bigv.DiscListOptions{VirtualMachine: www1}))
		}, []string{"GET " + www1URL + "/discs"}},
		{"Discs.Get by label", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Get(ctx, root))
		}, []string{"GET " + rootURL}},
		{"Discs.Get of an ID alone is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Get(ctx, bigv.DiscID(900)))
		}, []string{"GET /discs/900"}},
		{"Discs.Get by label, flat, asks the list", flat, map[string]string{"GET /discs": "[" + disc900 + "]", "GET /virtual_machines": "[" + vm5012 + "]"}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Get(ctx, root))
		}, []string{"GET /discs?account_name=acme&group_name=web&vm_name=www1", "GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true"}},
		{"Discs.Wait looks at once", nil, map[string]string{"GET /discs/900": disc900}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Wait(ctx, bigv.DiscID(900), bigv.Restored, bigv.WaitOptions{}))
		}, []string{"GET /discs/900"}},
		{"Discs.Create with everything", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Create(ctx, www1, bigv.DiscCreate{Label: "data", Size: 51200, StorageGrade: bigv.Archive}))
		}, []string{"POST " + www1URL + `/discs {"label":"data","size":51200,"storage_grade":"archive"}`}},
		{"Discs.Create answered by nothing is read back by label", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Create(ctx, www1, bigv.DiscCreate{Label: "data", Size: 51200}))
		}, []string{"POST " + www1URL + `/discs {"label":"data","size":51200}`, "GET " + www1URL + "/discs/data"}},
		{"Discs.Create on a machine by ID alone", nil, map[string]string{"GET /virtual_machines/5012": vm5012, "POST /accounts/acme/groups/78/virtual_machines/5012/discs": answer}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Create(ctx, bigv.VirtualMachineID(5012), bigv.DiscCreate{Size: 51200}))
		}, []string{lookup[1], `POST /accounts/acme/groups/78/virtual_machines/5012/discs {"size":51200}`}},
		{"Discs.Update", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Update(ctx, root, bigv.DiscUpdate{Size: new(102400), StorageGrade: new(bigv.SSD), IOPSLimit: new(500)}))
		}, []string{"PUT " + rootURL + ` {"size":102400,"storage_grade":"ssd","iops_limit":500}`}},
		{"Discs.Resize", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Resize(ctx, root, 102400))
		}, []string{"PUT " + rootURL + ` {"size":102400}`}},
		{"Discs.Resize by ID alone", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Resize(ctx, bigv.DiscID(900), 102400))
		}, append(lookup[:2:2], "PUT "+byID+` {"size":102400}`)},
		{"Discs.Relabel", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Relabel(ctx, root, "system"))
		}, []string{"PUT " + rootURL + ` {"label":"system"}`}},
		{"Discs.Move to a machine by ID", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Move(ctx, root, bigv.VirtualMachineID(5013)))
		}, []string{"PUT " + rootURL + ` {"virtual_machine_id":5013}`}},
		{"Discs.Move to a machine by name looks its ID up", nil, map[string]string{"PUT " + rootURL: answer, "GET " + webURL + "/virtual_machines/www2": `{"id":5013}`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Move(ctx, root, web.VirtualMachine("www2")))
		}, []string{"GET " + webURL + "/virtual_machines/www2", "PUT " + rootURL + ` {"virtual_machine_id":5013}`}},
		{"Discs.Purge by path is nested", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return c.Discs.Purge(ctx, root)
		}, []string{"DELETE " + rootURL + "?purge=true"}},
		{"Discs.Purge of an ID alone is flat", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return c.Discs.Purge(ctx, bigv.DiscID(900))
		}, []string{"DELETE /discs/900?purge=true"}},
		{"Discs.Resolve of an ID alone", nil, answers, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Discs.Resolve(ctx, bigv.DiscID(900)))
		}, lookup},
	}
	requireRows(t, "Discs", &bigv.DiscsService{}, rows)
	runWire(t, rows)
}

func TestUsersOnTheWire(t *testing.T) {
	keys := map[string]string{"GET /users/alice": `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\n\nssh-rsa BBBB desk \n"}`, "PUT /users/alice": `{"id":12}`}
	one := map[string]string{"GET /users/alice": `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop"}`, "PUT /users/alice": `{"id":12}`}
	rows := []wireRow{
		{"Users.List", nil, nil, func(ctx context.Context, c *bigv.Client) error { return just(c.Users.List(ctx)) }, []string{"GET /users"}},
		{"Users.Get by name", nil, nil, func(ctx context.Context, c *bigv.Client) error { return just(c.Users.Get(ctx, "alice")) }, []string{"GET /users/alice"}},
		{"Users.Get by ID", nil, nil, func(ctx context.Context, c *bigv.Client) error { return just(c.Users.Get(ctx, bigv.UserID(12))) }, []string{"GET /users/12"}},
		{"Users.Update of nothing", nil, keys, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.Update(ctx, "alice", bigv.UserUpdate{}))
		}, []string{"PUT /users/alice {}"}},
		{"Users.Update removes all keys with an empty text", nil, keys, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.Update(ctx, "alice", bigv.UserUpdate{AuthorizedKeys: new(""), Password: bigv.NewSecret("sesame")}))
		}, []string{`PUT /users/alice {"authorized_keys":"","password":"sesame"}`}},
		{"Users.AddKey keeps the others", nil, keys, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.AddKey(ctx, "alice", " ssh-ed25519 CCCC new\n"))
		}, []string{"GET /users/alice", `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa BBBB desk\nssh-ed25519 CCCC new"}`}},
		{"Users.AddKey of one that is there sends nothing", nil, keys, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.AddKey(ctx, "alice", "ssh-rsa BBBB desk"))
		}, []string{"GET /users/alice"}},
		{"Users.RemoveKey by comment", nil, keys, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.RemoveKey(ctx, "alice", "laptop"))
		}, []string{"GET /users/alice", `PUT /users/alice {"authorized_keys":"ssh-rsa BBBB desk"}`}},
		{"Users.RemoveKey by line", nil, keys, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.RemoveKey(ctx, "alice", "ssh-rsa BBBB desk"))
		}, []string{"GET /users/alice", `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop"}`}},
		{"Users.RemoveKey of the last sends an empty text", nil, one, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.RemoveKey(ctx, "alice", "laptop"))
		}, []string{"GET /users/alice", `PUT /users/alice {"authorized_keys":""}`}},
		{"Users.Create and read back", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Users.Create(ctx, bigv.UserCreate{Username: "carol", Email: "c@example.org", Password: bigv.NewSecret("sesame"), AccountName: "new"}))
		}, []string{`POST /users {"username":"carol","email":"c@example.org","password":"sesame","account_name":"new"}`, "GET /users/carol"}},
		{"Users.Delete", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return c.Users.Delete(ctx, "carol")
		}, []string{"DELETE /users/carol"}},
	}
	requireRows(t, "Users", &bigv.UsersService{}, rows)
	runWire(t, rows)
}

func TestPrivilegesOnTheWire(t *testing.T) {
	granted := map[string]string{"POST /users/bob/privileges": `{"id":31}`, "GET /accounts/acme": `{"id":41}`, "GET " + webURL: `{"id":78}`, "GET " + www1URL: `{"id":5012}`}
	grant := func(g bigv.PrivilegeGrant) func(context.Context, *bigv.Client) error {
		return func(ctx context.Context, c *bigv.Client) error { return just(c.Privileges.Grant(ctx, "bob", g)) }
	}
	list := func(o bigv.PrivilegeListOptions) func(context.Context, *bigv.Client) error {
		return func(ctx context.Context, c *bigv.Client) error { return just(c.Privileges.List(ctx, o)) }
	}
	rows := []wireRow{
		{"Privileges.List of one's own", nil, nil, list(bigv.PrivilegeListOptions{}), []string{"GET /privileges"}},
		{"Privileges.List of a user is nested", nil, nil, list(bigv.PrivilegeListOptions{User: "bob"}), []string{"GET /users/bob/privileges"}},
		{"Privileges.List of a user by name, flat", flat, nil, list(bigv.PrivilegeListOptions{User: "bob"}), []string{"GET /privileges?user_name=bob"}},
		{"Privileges.List of a user by ID, flat", flat, nil, list(bigv.PrivilegeListOptions{User: bigv.UserID(13)}), []string{"GET /privileges?user_id=13"}},
		{"Privileges.List of an account", nil, nil, list(bigv.PrivilegeListOptions{Account: acme}), []string{"GET /accounts/acme/privileges"}},
		{"Privileges.List of a group", nil, nil, list(bigv.PrivilegeListOptions{Group: web}), []string{"GET " + webURL + "/privileges"}},
		{"Privileges.List of a group by ID alone finds the account first", nil, parents, list(bigv.PrivilegeListOptions{Group: bigv.GroupID(78)}), []string{"GET /groups/78", "GET /accounts/41/groups/78/privileges"}},
		{"Privileges.List of a machine", nil, nil, list(bigv.PrivilegeListOptions{VirtualMachine: www1}), []string{"GET " + www1URL + "/privileges"}},
		{"Privileges.List of one by ID", nil, nil, list(bigv.PrivilegeListOptions{PrivilegeID: 31}), []string{"GET /privileges?privilege_id=31"}},
		{"Privileges.All", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return each(c.Privileges.All(ctx, bigv.PrivilegeListOptions{Group: web}))
		}, []string{"GET " + webURL + "/privileges"}},
		{"Privileges.Get", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Privileges.Get(ctx, 31))
		}, []string{"GET /privileges/31"}},
		{"Privileges.Grant on a group by ID", nil, granted, grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78), YubikeyRequired: new(false)}),
			[]string{`POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":true,"yubikey_required":false}`}},
		{"Privileges.Grant on an account by name looks its ID up", nil, granted, grant(bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: acme}),
			[]string{"GET /accounts/acme", `POST /users/bob/privileges {"level":"account_admin","account_id":41,"password_required":true}`}},
		{"Privileges.Grant on a group by name looks its ID up", nil, granted, grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}),
			[]string{"GET " + webURL, `POST /users/bob/privileges {"level":"group_admin","group_id":78,"password_required":true}`}},
		{"Privileges.Grant on a machine by name looks its ID up", nil, granted, grant(bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, VirtualMachine: www1}),
			[]string{"GET " + www1URL, `POST /users/bob/privileges {"level":"vm_console","virtual_machine_id":5012,"password_required":true}`}},
		{"Privileges.Grant to an API key, with everything", nil, granted, grant(bigv.PrivilegeGrant{
			Level: bigv.VirtualMachineAdmin, VirtualMachine: bigv.VirtualMachineID(5012), APIKeyID: 9, YubikeyOTPMaxAge: bigv.Null[int](),
			IPRestrictions: bigv.Set(json.RawMessage(`["192.0.2.0/24"]`)),
		}), []string{`POST /users/bob/privileges {"level":"vm_admin","virtual_machine_id":5012,"password_required":false,"yubikey_otp_max_age":null,"ip_restrictions":["192.0.2.0/24"],"api_key_id":9}`}},
		{"Privileges.Update", nil, map[string]string{"PUT /privileges/31": `{"id":31}`}, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Privileges.Update(ctx, 31, bigv.PrivilegeUpdate{YubikeyRequired: new(true), YubikeyOTPMaxAge: bigv.Set(0), IPRestrictions: bigv.Null[json.RawMessage]()}))
		}, []string{`PUT /privileges/31 {"yubikey_required":true,"yubikey_otp_max_age":0,"ip_restrictions":null}`}},
		{"Privileges.Update answered by nothing is read back", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return just(c.Privileges.Update(ctx, 31, bigv.PrivilegeUpdate{YubikeyRequired: new(false)}))
		}, []string{`PUT /privileges/31 {"yubikey_required":false}`, "GET /privileges/31"}},
		{"Privileges.Revoke", nil, nil, func(ctx context.Context, c *bigv.Client) error {
			return c.Privileges.Revoke(ctx, 31)
		}, []string{"DELETE /privileges/31"}},
	}
	requireRows(t, "Privileges", &bigv.PrivilegesService{}, rows)
	runWire(t, rows)
}
