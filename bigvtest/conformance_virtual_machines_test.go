package bigvtest_test

import "testing"

func TestConformanceVirtualMachines(t *testing.T) {
	runScenarios(t, []scenario{
		{"reading", func(f *fixture) {
			www1(f)
			f.machine("web", "www2").SetDeleted(true)
			f.machine("web", "www3").SetPower(false)
		}, []step{
			{
				"a machine has all attributes", "alice", "GET " + vm1, "", 200,
				`{"id":<www1>,"group_id":<web>,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","cores":1,"memory":1024,
					"power_on":true,"autoreboot_on":true,"cdrom_url":null,"keymap":null,"hardware_profile":"virtio2013",
					"hardware_profile_locked":false,"zone_name":"york","deleted":false,"management_address":"$match ^[0-9a-f.:]+$",
					"head":"$string","last_imaged_with":"$string"}`,
			},
			{
				"discs and network interfaces are omitted", "alice", "GET " + vm1, "", 200,
				`{"type":"$absent","discs":"$absent","network_interfaces":"$absent"}`,
			},
			{"appliance is omitted", "alice", "GET " + vm1, "", 200, `{"appliance":"$absent"}`},
			{
				"a machine is found by flat path", "alice", "GET /virtual_machines/<www1>", "", 200,
				`{"id":<www1>,"hostname":"www1.web.acme.uk0.bigv.io","discs":"$absent"}`,
			},
			{"a machine that is off has no head", "alice", "GET /virtual_machines/www3", "", 200, `{"power_on":false,"head":null}`},
			{
				"overview embeds discs", "alice", "GET " + vm1 + "?view=overview", "", 200,
				`{"type":"application/vnd.bigv.virtual-machine","discs":[{"type":"application/vnd.bigv.disc","id":<www1disc>,
					"label":"disc-1","size":25600,"storage_grade":"sata","storage_pool":"$string","virtual_machine_id":<www1>,
					"backup_count":0,"backups_enabled":"$any","backup_schedules":[]}]}`,
			},
			{
				"overview embeds network interfaces", "alice", "GET " + vm1 + "?view=overview", "", 200,
				`{"network_interfaces":[{"type":"application/vnd.bigv.network-interface","id":"$int","label":null,
					"mac":"$match ^[0-9a-f]{2}(:[0-9a-f]{2}){5}$","ips":["$string","$string"],"extra_ips":{},"vlan_num":"$int",
					"virtual_machine_id":<www1>}],"nics":"$absent"}`,
			},
			{
				"overview works for a flat path", "alice", "GET /virtual_machines/<www1>?view=overview", "", 200,
				`{"discs":[{"id":<www1disc>}],"network_interfaces":[{}]}`,
			},
			{
				"overview works for lists", "alice", "GET " + web + "/virtual_machines?view=overview", "", 200,
				`[{"type":"application/vnd.bigv.virtual-machine","discs":[{}],"network_interfaces":[{}]},{"discs":[{}]}]`,
			},
			{"a list omits deleted machines", "alice", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www1>},{"id":<www3>}]`},
			{
				"a list with include_deleted contains them", "alice", "GET " + web + "/virtual_machines?include_deleted=true", "", 200,
				`[{"id":<www1>},{"id":<www2>,"deleted":true},{"id":<www3>}]`,
			},
			{
				"a flat list omits deleted machines", "alice", "GET /virtual_machines?group_id=<web>", "", 200,
				`[{"id":<www1>},{"id":<www3>}]`,
			},
			{
				"a flat list with include_deleted contains them", "alice", "GET /virtual_machines?include_deleted=true", "", 200,
				`[{"id":<www1>},{"id":<www2>},{"id":<www3>}]`,
			},
			{"a deleted machine is not found", "alice", "GET " + vm2, "", 404, ""},
			{
				"a deleted machine is found with include_deleted", "alice", "GET " + vm2 + "?include_deleted=true", "", 200,
				`{"id":<www2>,"deleted":true,"power_on":false}`,
			},
			{
				"a deleted machine is found by flat path with include_deleted", "alice",
				"GET /virtual_machines/<www2>?include_deleted=true", "", 200, `{"deleted":true}`,
			},
			{"a deleted machine is not found by flat path without include_deleted", "alice", "GET /virtual_machines/<www2>", "", 404, ""},
			{"an invisible machine is not found", "bob", "GET " + vm1, "", 404, ""},
			{"an invisible machine is not found by flat path", "bob", "GET /virtual_machines/<www1>", "", 404, ""},
			{"the list of machines is empty without privileges", "bob", "GET /virtual_machines", "", 200, `[]`},
		}},
		{"names", func(f *fixture) {
			www1(f)
			f.machine("web", "www2")
			f.machine("default", "db1")
			f.machine("default", "www2")
		}, []step{
			{
				"a machine is renamed", "alice", "PUT " + vm1, `{"name":"www9"}`, 200,
				`{"id":<www1>,"name":"www9","hostname":"www9.web.acme.uk0.bigv.io"}`,
			},
			{"the old name is not found", "alice", "GET " + vm1, "", 404, ""},
			{"the new name is found", "alice", "GET " + web + "/virtual_machines/www9", "", 200, `{"id":<www1>}`},
			{"", "alice", "PUT " + web + "/virtual_machines/www9", `{"name":"www1"}`, 200, ""},
			{
				"a name must have at least three characters", "alice", "PUT " + vm1, `{"name":"ab"}`, 400,
				`{"name":["is too short (minimum is 3 characters)"]}`,
			},
			{"a name cannot contain dots", "alice", "PUT " + vm1, `{"name":"www.example"}`, 400, `{"name":["is invalid"]}`},
			{
				"a name can have two errors", "alice", "PUT " + vm1, `{"name":"a."}`, 400,
				`{"name":{"$has":["is invalid","is too short (minimum is 3 characters)"]}}`,
			},
			{"a name cannot contain underscores", "alice", "PUT " + vm1, `{"name":"www_1"}`, 400, `{"name":["is invalid"]}`},
			{"a name cannot be blank", "alice", "PUT " + vm1, `{"name":""}`, 400, `{"name":"$messages"}`},
			{"a name cannot be null", "alice", "PUT " + vm1, `{"name":null}`, 400, `{"name":"$messages"}`},
			{"a name can contain hyphens and digits", "alice", "PUT " + vm1, `{"name":"www-1-b"}`, 200, `{"name":"www-1-b"}`},
			{"", "alice", "PUT " + web + "/virtual_machines/www-1-b", `{"name":"www1"}`, 200, ""},
			{"a name must be unique in the group", "alice", "PUT " + vm1, `{"name":"www2"}`, 400, `{"name":["has already been taken"]}`},
			{"a name in use in another group is accepted", "alice", "PUT " + vm1, `{"name":"db1"}`, 200, `{"name":"db1"}`},
			{
				"a machine cannot be moved to a group in which its name is in use", "alice", "PUT " + vm2, `{"group_id":<default>}`, 400,
				`{"name":["has already been taken"]}`,
			},
		}},
		{"moving", func(f *fixture) {
			www1(f)
			f.srv.User("alice").Grant("account_admin", f.srv.Account("other"))
			f.saved["app"] = f.srv.Account("other").Group("app").ID()
			f.saved["hidden"] = f.srv.Account("secret").Group("default").ID()
		}, []step{
			{
				"a machine is moved to another group", "alice", "PUT " + vm1, `{"group_id":<default>}`, 200,
				`{"id":<www1>,"group_id":<default>,"hostname":"www1.default.acme.uk0.bigv.io"}`,
			},
			{"it is not found in the old place", "alice", "GET " + vm1, "", 404, ""},
			{"it is found in the new place", "alice", "GET /accounts/acme/groups/default/virtual_machines/www1", "", 200, `{"id":<www1>}`},
			{
				"a machine is moved to another account and renamed at once", "alice",
				"PUT /accounts/acme/groups/default/virtual_machines/www1", `{"group_id":<app>,"name":"app1"}`, 200,
				`{"group_id":<app>,"name":"app1","hostname":"app1.app.other.uk0.bigv.io"}`,
			},
			{"it is found by its new path", "alice", "GET /accounts/other/groups/app/virtual_machines/app1", "", 200, `{"id":<www1>}`},
			{
				"a machine cannot be moved to an invisible group", "alice", "PUT /accounts/other/groups/app/virtual_machines/app1",
				`{"group_id":<hidden>}`, anyError, anyBody,
			},
			{
				"a machine cannot be moved to an unknown group", "alice", "PUT /accounts/other/groups/app/virtual_machines/app1",
				`{"group_id":999999}`, anyError, anyBody,
			},
			{
				"group_id cannot be null", "alice", "PUT /accounts/other/groups/app/virtual_machines/app1", `{"group_id":null}`, 400,
				`{"group_id":"$messages"}`,
			},
			{"a rejected move changes nothing", "alice", "GET /virtual_machines/<www1>", "", 200, `{"group_id":<app>}`},
		}},
		{"limits", www1Off, []step{
			{"cores must be at least 1", "alice", "PUT " + vm1, `{"cores":0}`, 400, `{"cores":"$messages"}`},
			{"cores must be a number", "alice", "PUT " + vm1, `{"cores":"many"}`, 400, `{"cores":{"$has":["is not a number"]}}`},
			{"cores cannot be null", "alice", "PUT " + vm1, `{"cores":null}`, 400, `{"cores":"$messages"}`},
			{"16 cores are accepted", "alice", "PUT " + vm1, `{"cores":16}`, 200, `{"cores":16}`},
			{
				"memory that is not a number has two errors", "alice", "PUT " + vm1, `{"memory":"lots"}`, 400,
				`{"memory":{"$has":["is not included in the list","is not a number"]}}`,
			},
			{"memory of 256 is rejected", "alice", "PUT " + vm1, `{"memory":256}`, 400, `{"memory":["is not included in the list"]}`},
			{"memory of 512 is accepted", "alice", "PUT " + vm1, `{"memory":512}`, 200, `{"memory":512}`},
			{"memory of 768 is accepted", "alice", "PUT " + vm1, `{"memory":768}`, 200, `{"memory":768}`},
			{"memory of 1000 is rejected", "alice", "PUT " + vm1, `{"memory":1000}`, 400, `{"memory":["is not included in the list"]}`},
			{"memory of 64 GiB is accepted", "alice", "PUT " + vm1, `{"memory":65536}`, 200, `{"memory":65536}`},
			{"negative memory is rejected", "alice", "PUT " + vm1, `{"memory":-1024}`, 400, `{"memory":"$messages"}`},
			{
				"a hardware profile is set", "alice", "PUT " + vm1, `{"hardware_profile":"compatibility2013"}`, 200,
				`{"hardware_profile":"compatibility2013"}`,
			},
			{
				"an unknown hardware profile is rejected", "alice", "PUT " + vm1, `{"hardware_profile":"virtio1066"}`, 400,
				`{"hardware_profile":["is not included in the list"]}`,
			},
			{
				"a hardware profile is locked", "alice", "PUT " + vm1, `{"hardware_profile_locked":true}`, 200,
				`{"hardware_profile_locked":true}`,
			},
			{
				"a hardware profile is unlocked", "alice", "PUT " + vm1, `{"hardware_profile_locked":false}`, 200,
				`{"hardware_profile_locked":false}`,
			},
			{"a keymap is set", "alice", "PUT " + vm1, `{"keymap":"en-gb"}`, 200, `{"keymap":"en-gb"}`},
			{"an unknown keymap is rejected", "alice", "PUT " + vm1, `{"keymap":"tlh"}`, 400, `{"keymap":["is not included in the list"]}`},
			{"a keymap is cleared with null", "alice", "PUT " + vm1, `{"keymap":null}`, 200, `{"keymap":null}`},
			{
				"autoreboot_on must be true or false", "alice", "PUT " + vm1, `{"autoreboot_on":"sometimes"}`, 400,
				`{"autoreboot_on":"$messages"}`,
			},
			{
				"a CD is inserted", "alice", "PUT " + vm1, `{"cdrom_url":"http://www.example.org/a.iso"}`, 200,
				`{"cdrom_url":"http://www.example.org/a.iso"}`,
			},
			{
				"an update of another attribute does not eject it", "alice", "PUT " + vm1, `{"cores":1}`, 200,
				`{"cdrom_url":"http://www.example.org/a.iso"}`,
			},
			{"a CD is ejected with null", "alice", "PUT " + vm1, `{"cdrom_url":null}`, 200, `{"cdrom_url":null}`},
			{"", "alice", "PUT " + vm1, `{"cdrom_url":"https://www.example.org/b.iso"}`, 200, ""},
			{"a CD is ejected with an empty string", "alice", "PUT " + vm1, `{"cdrom_url":""}`, 200, `{"cdrom_url":"$empty"}`},
			{"a CD that cannot be used is an internal error", "alice", "PUT " + vm1, `{"cdrom_url":"not a URL"}`, 500, anyBody},
			{"it is not inserted", "alice", "GET " + vm1, "", 200, `{"cdrom_url":"$empty"}`},
			{
				"several attributes can be invalid at once", "alice", "PUT " + vm1, `{"name":"a","memory":1,"hardware_profile":"x"}`, 400,
				`{"name":"$messages","memory":"$messages","hardware_profile":"$messages"}`,
			},
		}},
	})
}

func TestConformanceVirtualMachineCreate(t *testing.T) {
	const create = "POST " + web + "/vm_create"
	runScenarios(t, []scenario{
		{"create", nil, []step{
			{
				"an API key can create a machine", "key", "POST /accounts/acme/groups/default/vm_create",
				`{"virtual_machine":{"name":"key1"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"name":"key1"}}`,
			},
			{
				"a create request is accepted and the machine is in virtual_machine", "alice", create,
				`{"virtual_machine":{"name":"www1","cores":2,"memory":2048,"power_on":true,"autoreboot_on":true,"zone_name":"manchester",
					"hardware_profile":null,"keymap":"de","cdrom_url":"http://www.example.org/a.iso","hardware_profile_locked":true},
					"discs":[{"label":"root","size":30000,"storage_grade":"ssd","backup_schedules":[{"start_at":"2019-03-04 18:00:00 GMT",
					"interval_seconds":604800,"capacity":1}]},{"size":50}],"reimage":{"distribution":"jessie",
					"root_password":"s3cretpass","ssh_public_key":"","firstboot_script":""}}`,
				202,
				`{"virtual_machine":{"id":"$save www1","name":"www1","group_id":<web>,"hostname":"www1.web.acme.uk0.bigv.io","cores":2,
					"memory":2048,"zone_name":"manchester","hardware_profile":"virtio2013","hardware_profile_locked":true,"keymap":"de",
					"power_on":false,"head":null,"last_imaged_with":"$empty","deleted":false,"discs":"$absent",
					"network_interfaces":"$absent"},"discs":[{"label":"root","size":30000,"storage_grade":"ssd"},{"label":"disc-2",
					"size":50,"storage_grade":"sata"}],"reimage":{"distribution":"jessie","root_password":"s3cretpass"}}`,
			},
			{"GET has status 202 during provisioning", "alice", "GET " + vm1, "", 202, `{"id":<www1>,"power_on":false,"head":null}`},
			{"GET by flat path has status 202 during provisioning", "alice", "GET /virtual_machines/<www1>", "", 202, `{"id":<www1>}`},
			{
				"GET with overview has status 202 during provisioning", "alice", "GET " + vm1 + "?view=overview", "", 202,
				`{"type":"application/vnd.bigv.virtual-machine"}`,
			},
			{
				"lists have status 200 during provisioning", "alice", "GET " + web + "/virtual_machines", "", 200,
				`[{"id":<www1>,"power_on":false}]`,
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"after provisioning it is powered on", "alice", "GET " + vm1, "", 200,
				`{"id":<www1>,"power_on":true,"autoreboot_on":true,"head":"$string","last_imaged_with":"jessie",
					"cdrom_url":"http://www.example.org/a.iso"}`,
			},
			{
				"it has its discs", "alice", "GET " + vm1 + "/discs", "", 200,
				`[{"label":"root","size":30000,"storage_grade":"ssd","virtual_machine_id":<www1>},{"label":"disc-2","size":50}]`,
			},
			{
				"a disc has its schedule", "alice", "GET " + vm1 + "/discs/root", "", 200,
				`{"backup_schedules":[{"id":"$int","interval_seconds":604800,"capacity":1,"start_at":"$time 2019-03-04T18:00:00Z"}]}`,
			},
			{
				"it has a network interface with an IPv4 and an IPv6 address", "alice", "GET " + vm1 + "/nics", "", 200,
				`[{"ips":["$match ^[0-9.]+$","$match :"],"extra_ips":{}}]`,
			},
		}},
		{"defaults", nil, []step{
			{"a name and a disc are enough", "alice", create, `{"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`, 202,
				`{"virtual_machine":{"cores":1,"memory":"$int","zone_name":"york","hardware_profile":"virtio2013",
				"hardware_profile_locked":false,"cdrom_url":null,"keymap":null}}`},
			{
				"the default label is the position and the default grade is sata", "alice", "GET " + vm1 + "/discs", "", 200,
				`[{"label":"disc-1","storage_grade":"sata"}]`,
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"without power_on and autoreboot_on the machine is off after provisioning", "alice", "GET " + vm1, "", 200,
				`{"power_on":false,"autoreboot_on":false,"last_imaged_with":"$empty"}`,
			},
			{
				"a machine with autoreboot_on is created", "alice", create,
				`{"virtual_machine":{"name":"www2","autoreboot_on":true},"discs":[{"size":25600}],"reimage":{"distribution":"symbiosis"}}`,
				202, "",
			},
			{
				"a machine with power_on is created", "alice", create,
				`{"virtual_machine":{"name":"www3","power_on":true},"discs":[{"size":25600}],"reimage":{"distribution":"symbiosis"}}`, 202,
				"",
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"with autoreboot_on it is on after provisioning", "alice", "GET " + vm2, "", 200,
				`{"power_on":true,"last_imaged_with":"symbiosis"}`,
			},
			{"with power_on it is on after provisioning", "alice", "GET " + web + "/virtual_machines/www3", "", 200, `{"power_on":true}`},
			{
				"a machine with an image and without power flags is created", "alice", create,
				`{"virtual_machine":{"name":"www7"},"discs":[{"size":25600}],"reimage":{"distribution":"symbiosis"}}`, 202,
				`{"virtual_machine":{"power_on":false,"autoreboot_on":false}}`,
			},
			{
				"a machine with distribution none and without power flags is created", "alice", create,
				`{"virtual_machine":{"name":"www9"},"discs":[{"size":25600}],"reimage":{"distribution":"none"}}`, 202, "",
			},
			{
				"a machine with an image and power_on false is created", "alice", create,
				`{"virtual_machine":{"name":"www8","power_on":false},"discs":[{"size":25600}],"reimage":{"distribution":"symbiosis"}}`,
				202, "",
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"the first is on with autoreboot_on false after provisioning", "alice", "GET " + web + "/virtual_machines/www7", "", 200,
				`{"power_on":true,"autoreboot_on":false,"last_imaged_with":"symbiosis"}`,
			},
			{
				"the second is off, because it has no image", "alice", "GET " + web + "/virtual_machines/www9", "", 200,
				`{"power_on":false,"autoreboot_on":false,"last_imaged_with":"$empty"}`,
			},
			{
				"the third is off", "alice", "GET " + web + "/virtual_machines/www8", "", 200,
				`{"power_on":false,"autoreboot_on":false}`,
			},
			{
				"the group and read-only attributes in the body are ignored", "alice", create,
				`{"virtual_machine":{"name":"www4","group":"default","group_id":<default>,"deleted":true,"id":1,"colour":"red"},
					"discs":[{"size":100}]}`,
				202, `{"virtual_machine":{"group_id":<web>,"deleted":false,"colour":"$absent"}}`,
			},
			{
				"numbers can be strings", "alice", create,
				`{"virtual_machine":{"name":"www5","cores":"1","memory":"1024"},"discs":[{"size":"100"}]}`, 202,
				`{"virtual_machine":{"cores":1,"memory":1024},"discs":[{"size":100}]}`,
			},
			{
				"a name in use in another group is accepted", "alice", "POST /accounts/acme/groups/default/vm_create",
				`{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 202,
				`{"virtual_machine":{"hostname":"www1.default.acme.uk0.bigv.io"}}`,
			},
			{
				"the group can be identified by ID", "alice", "POST /accounts/<acme>/groups/<default>/vm_create",
				`{"virtual_machine":{"name":"www6"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"group_id":<default>}}`,
			},
		}},
		{"validation errors", www1, []step{
			{"a disc is required", "alice", create, `{"virtual_machine":{"name":"new1"}}`, 400, anyBody},
			{"the list of discs cannot be empty", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[]}`, 400, anyBody},
			{
				"a name is required", "alice", create, `{"virtual_machine":{},"discs":[{"size":100}]}`, 400,
				`{"name":["can't be blank"],"virtual_machine":"$absent"}`,
			},
			{
				"the errors of the machine are at the top level", "alice", create,
				`{"virtual_machine":{"name":"a.","memory":1,"hardware_profile":"x","zone_name":"mars","cores":0},"discs":[{"size":100}]}`,
				400,
				`{"name":["is invalid","is too short (minimum is 3 characters)"],"memory":["is not included in the list"],
					"hardware_profile":["is not included in the list"],"zone_name":["is not included in the list"],"cores":"$messages",
					"virtual_machine":"$absent"}`,
			},
			{
				"the errors of the discs are listed by position", "alice", create,
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100},{"size":49}]}`, 400,
				`{"discs":[{},{"size":["must be greater than or equal to 50"]}]}`,
			},
			{
				"a valid disc after an invalid one has no error", "alice", create,
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100,"storage_grade":"tape"},{"size":100}]}`, 400,
				`{"discs":[{"storage_grade":["is not included in the list"],"size":"$absent"},{"size":"$absent"}]}`,
			},
			{
				"errors of the machine and of discs are combined", "alice", create,
				`{"virtual_machine":{"name":"new1","memory":1},"discs":[{"size":1}]}`, 400,
				`{"memory":"$messages","discs":[{"size":"$messages"}]}`,
			},
			{
				"nine discs are rejected", "alice", create,
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":50},{"size":50},{"size":50},{"size":50},{"size":50},{"size":50},
					{"size":50},{"size":50},{"size":50}]}`,
				400, anyBody,
			},
			{
				"an unknown distribution is rejected", "alice", create,
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100}],"reimage":{"distribution":"beos"}}`, 400, `{}`,
			},
			{
				"an unknown keymap is rejected", "alice", create,
				`{"virtual_machine":{"name":"new1","keymap":"tlh"},"discs":[{"size":100}]}`, 400,
				`{"keymap":["is not included in the list"]}`,
			},
			{
				"a CD that cannot be used is an internal error", "alice", create,
				`{"virtual_machine":{"name":"new1","cdrom_url":"not a URL"},"discs":[{"size":100}]}`, 500, anyBody,
			},
			{
				"a name must be unique in the group", "alice", create, `{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 400,
				`{"name":["has already been taken"]}`,
			},
			{
				"addresses can be requested only in a private VLAN", "alice", create,
				`{"virtual_machine":{"name":"new1"},"discs":[{"size":100}],"ips":{"ipv4":"198.51.100.4"}}`, 400, anyBody,
			},
			{
				"a rejected create request creates no machine", "alice", "GET " + web + "/virtual_machines?include_deleted=true", "", 200,
				`[{"id":<www1>}]`,
			},
			{"a rejected create request creates no disc", "alice", "GET /discs", "", 200, `[{"id":<www1disc>}]`},
			{"malformed JSON is a bad request", "alice", create, `{"virtual_machine":`, 400, "text"},
			{"an invisible group is not found", "bob", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, 404, ""},
		}},
		{"private VLAN", func(f *fixture) { f.srv.Account("acme").Group("web").SetPrivateVLAN(123) }, []step{
			{
				"addresses can be requested in a private VLAN", "alice", create,
				`{"virtual_machine":{"name":"www1","autoreboot_on":true},"discs":[{"size":100}],"ips":{"ipv4":"198.51.100.4",
					"ipv6":"2001:db8:2::4"}}`,
				202, "",
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"the machine has the requested addresses", "alice", "GET " + vm1 + "/nics", "", 200,
				`[{"ips":["198.51.100.4","2001:db8:2::4"],"vlan_num":123}]`,
			},
			{
				"an invalid address is rejected", "alice", create,
				`{"virtual_machine":{"name":"www2"},"discs":[{"size":100}],"ips":{"ipv4":"198.51.100.444"}}`, 400, anyBody,
			},
		}},
		{"bare machines", nil, []step{
			{
				"a bare machine is accepted", "alice", "POST " + web + "/virtual_machines", `{"name":"www1","cores":2,"memory":2048}`, 202,
				`{"cores":2,"memory":2048}`,
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"it has no discs", "alice", "GET " + vm1 + "?view=overview", "", 200,
				`{"name":"www1","discs":[],"last_imaged_with":"$empty"}`,
			},
			{"its name is required", "alice", "POST " + web + "/virtual_machines", `{"cores":2}`, 400, `{"name":["can't be blank"]}`},
			{
				"it has the same limits", "alice", "POST " + web + "/virtual_machines", `{"name":"a","memory":3}`, 400,
				`{"name":["is too short (minimum is 3 characters)"],"memory":["is not included in the list"]}`,
			},
			{
				"its name must be unique", "alice", "POST " + web + "/virtual_machines", `{"name":"www1"}`, 400,
				`{"name":["has already been taken"]}`,
			},
		}},
	})
}

func TestConformancePower(t *testing.T) {
	signal := "POST " + vm1 + "/signal"
	runScenarios(t, []scenario{
		{"stop and start", www1, []step{
			{
				"both flags false stop a machine", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200,
				`{"power_on":false,"autoreboot_on":false,"head":null}`,
			},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"it stays off", "alice", "GET " + vm1, "", 200, `{"power_on":false}`},
			{
				"both flags true start it", "alice", "PUT " + vm1, `{"autoreboot_on":true,"power_on":true}`, 200,
				`{"power_on":true,"autoreboot_on":true,"head":"$string"}`,
			},
			{"starting a running machine has no effect", "alice", "PUT " + vm1, `{"power_on":true}`, 200, `{"power_on":true}`},
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, ""},
			{"power_on alone starts it", "alice", "PUT " + vm1, `{"power_on":true}`, 200, `{"power_on":true,"autoreboot_on":false}`},
			{"power_on alone stops it", "alice", "PUT " + vm1, `{"power_on":false}`, 200, `{"power_on":false}`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"it stays off without autoreboot_on", "alice", "GET " + vm1, "", 200, `{"power_on":false}`},
		}},
		{"restart", www1, []step{
			{
				"power_on false with autoreboot_on powers the machine off", "alice", "PUT " + vm1,
				`{"autoreboot_on":true,"power_on":false}`, 200, `{"autoreboot_on":true}`,
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"it is started again", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
			{
				"an update of another attribute keeps the flags", "alice", "PUT " + vm1, `{"cores":2}`, 200,
				`{"power_on":true,"autoreboot_on":true,"cores":2}`,
			},
		}},
		{"a machine that is off is started by autoreboot_on", www1Off, []step{
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":true,"power_on":false}`, 200, ""},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"it is started", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
		}},
		{"powerdown", www1, []step{
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false}`, 200, `{"power_on":true,"autoreboot_on":false}`},
			{"the response contains the signal powerdown", "alice", signal, `{"signal":"powerdown"}`, 200, `{"signal":"powerdown"}`},
			{"the machine is still on", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
			{"", "", "ADVANCE 5m", "", 0, ""},
			{"later the machine is off", "alice", "GET " + vm1, "", 200, `{"power_on":false,"autoreboot_on":false}`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"the machine stays off", "alice", "GET " + vm1, "", 200, `{"power_on":false}`},
		}},
		{"powerdown with autoreboot_on restarts the machine", www1, []step{
			{"", "alice", signal, `{"signal":"powerdown"}`, 200, ""},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"the machine is on again", "alice", "GET " + vm1, "", 200, `{"power_on":true,"autoreboot_on":true}`},
		}},
		{"signals", www1, []step{
			{"the response contains the signal reset", "alice", signal, `{"signal":"reset"}`, 200, `{"signal":"reset"}`},
			{"the machine is on after a reset", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
			{"keys are sent", "alice", signal, `{"signal":"sendkey","data":"ctrl-alt-delete"}`, 200, `{"signal":"sendkey"}`},
			{"one key is sent", "alice", signal, `{"signal":"sendkey","data":"f1"}`, 200, `{"signal":"sendkey"}`},
			{"an unknown key is a bad request", "alice", signal, `{"signal":"sendkey","data":"ctrl-any"}`, 400, `{"data":"$messages"}`},
			{"sendkey requires keys", "alice", signal, `{"signal":"sendkey"}`, 400, `{"data":"$messages"}`},
			{
				"an unknown signal is a bad request", "alice", signal, `{"signal":"explode"}`, 400,
				`{"signal":["is not included in the list"]}`,
			},
			{"signal is required", "alice", signal, `{}`, 400, `{"signal":["can't be blank"]}`},
			{"a signal in the query is ignored", "alice", signal + "?signal=reset", `{}`, 400, `{"signal":"$messages"}`},
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, ""},
			{"powerdown is rejected if the machine is off", "alice", signal, `{"signal":"powerdown"}`, 400, "text"},
			{"reset is rejected if the machine is off", "alice", signal, `{"signal":"reset"}`, 400, "text"},
			{"sendkey is rejected if the machine is off", "alice", signal, `{"signal":"sendkey","data":"f1"}`, 400, "text"},
		}},
		{"rescue", www1Off, []step{
			{
				"a machine is booted from an appliance", "alice", "PUT " + vm1,
				`{"autoreboot_on":true,"power_on":true,"appliance":{"name":"rescue","permanent":false}}`, 200,
				`{"power_on":true,"appliance":"$absent"}`,
			},
		}},
		{"reimage", www1Off, []step{
			{
				"a machine is reimaged", "alice", "POST " + vm1 + "/reimage",
				`{"distribution":"wheezy","root_password":"s3cretpass","ssh_public_key":"ssh-ed25519 AAAA a\nssh-rsa BBBB b",
					"firstboot_script":"#!/bin/sh\n"}`,
				200, `{"distribution":"wheezy","root_password":"s3cretpass"}`,
			},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{
				"afterwards the machine is on with autoreboot_on false", "alice", "GET " + vm1, "", 200,
				`{"power_on":true,"autoreboot_on":false,"last_imaged_with":"wheezy"}`,
			},
			{
				"a running machine cannot be reimaged", "alice", "POST " + vm1 + "/reimage",
				`{"distribution":"jessie","root_password":"x"}`, 400, "text",
			},
			{"a rejected reimage changes nothing", "alice", "GET " + vm1, "", 200, `{"last_imaged_with":"wheezy"}`},
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, ""},
			{
				"an unknown distribution is rejected", "alice", "POST " + vm1 + "/reimage", `{"distribution":"beos"}`, 400,
				`{"distribution":["is not included in the list"]}`,
			},
			{"distribution is required", "alice", "POST " + vm1 + "/reimage", `{}`, 400, `{"distribution":["can't be blank"]}`},
			{"rejected requests change nothing", "alice", "GET " + vm1, "", 200, `{"power_on":false,"last_imaged_with":"wheezy"}`},
		}},
	})
}

func TestConformanceDelete(t *testing.T) {
	runScenarios(t, []scenario{
		{"delete and undelete", func(f *fixture) { www1(f); f.machine("web", "www2") }, []step{
			{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":"$save nic","ips":["$save ip","$save ip6"]}]`},
			{"DELETE has an empty response", "alice", "DELETE " + vm1, "", 204, ""},
			{
				"the machine is deleted and powered off", "alice", "GET " + vm1 + "?include_deleted=true", "", 200,
				`{"id":<www1>,"deleted":true,"power_on":false,"name":"www1"}`,
			},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{
				"autoreboot_on does not start it", "alice", "GET " + vm1 + "?include_deleted=true", "", 200,
				`{"deleted":true,"power_on":false}`,
			},
			{"the list omits it", "alice", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www2>}]`},
			{
				"its name cannot be used for a new machine", "alice", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 400, `{"name":["has already been taken"]}`,
			},
			{
				"another machine cannot be renamed to its name", "alice", "PUT " + vm2, `{"name":"www1"}`, 400,
				`{"name":["has already been taken"]}`,
			},
			{"its discs cannot be changed", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, anyError, anyBody},
			{"a disc cannot be added", "alice", "POST " + vm1 + "/discs", `{"size":51200}`, anyError, anyBody},
			{"its discs cannot be deleted", "alice", "DELETE " + vm1 + "/discs/disc-1?purge=true", "", anyError, anyBody},
			{
				"an address cannot be added", "alice", "POST " + vm1 + "/nics/<nic>/ip_create",
				`{"addresses":1,"family":"ipv4","reason":"tls"}`, anyError, anyBody,
			},
			{"a signal cannot be sent", "alice", "POST " + vm1 + "/signal", `{"signal":"reset"}`, anyError, anyBody},
			{"a second DELETE succeeds", "alice", "DELETE " + vm1, "", 204, ""},
			{
				"it is undeleted without include_deleted, and is off", "alice", "PUT " + vm1, `{"deleted":false}`, 200,
				`{"id":<www1>,"deleted":false,"power_on":false}`,
			},
			{"it is found again", "alice", "GET " + vm1, "", 200, `{"id":<www1>,"deleted":false}`},
			{"it has the same addresses", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":<nic>,"ips":["<ip>","<ip6>"]}]`},
			{"its disc is unchanged", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>,"size":25600}]`},
			{
				"deleted false has no effect on a machine that is not deleted", "alice", "PUT " + vm2, `{"deleted":false}`, 200,
				`{"deleted":false,"power_on":true}`,
			},
		}},
		{"purge", func(f *fixture) { www1(f); f.machine("web", "www2").SetDeleted(true) }, []step{
			{"", "alice", "GET " + vm1, "", 200, `{"id":"$save old"}`},
			{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"ips":["$save ip","$save ip6"]}]`},
			{"a machine that is not deleted is purged", "alice", "DELETE " + vm1 + "?purge=true", "", 204, ""},
			{"it is not found with include_deleted", "alice", "GET " + vm1 + "?include_deleted=true", "", 404, ""},
			{"it cannot be undeleted", "alice", "PUT " + vm1, `{"deleted":false}`, 404, ""},
			{"its discs are not found", "alice", "GET /discs/<www1disc>", "", 404, ""},
			{"its addresses are not found", "alice", "GET /ips/<ip>", "", 404, ""},
			{"it cannot be purged again", "alice", "DELETE " + vm1 + "?purge=true", "", 404, ""},
			{
				"its name can be reused", "alice", "POST " + web + "/vm_create",
				`{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"id":"$save fresh"}}`,
			},
			{"its ID is not reused", "alice", "GET /virtual_machines/<fresh>", "", 202, `{"id":"$above old","name":"www1"}`},
			{"a deleted machine is purged", "alice", "DELETE " + vm2 + "?purge=true", "", 204, ""},
			{"afterwards it is not found with include_deleted", "alice", "GET /virtual_machines/<www2>?include_deleted=true", "", 404, ""},
			{"purge must be exactly true", "alice", "DELETE " + vm1 + "?purge=false", "", 204, ""},
			{
				"without purge the machine is deleted", "alice", "GET " + vm1 + "?include_deleted=true", "", oneOf(200, 202),
				`{"deleted":true}`,
			},
		}},
	})
}
