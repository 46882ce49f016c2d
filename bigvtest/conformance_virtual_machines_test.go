package bigvtest_test

import "testing"

func TestConformanceVirtualMachines(t *testing.T) {
	runScenarios(t, []scenario{
		{"reading", func(f *fixture) {
			www1(f)
			f.machine("web", "www2").SetDeleted(true)
			f.machine("web", "www3").SetPower(false)
		}, []step{
			{"a machine has its attributes", "alice", "GET " + vm1, "", 200, `{"id":<www1>,"group_id":<web>,"name":"www1","hostname":"www1.web.acme.uk0.bigv.io","cores":1,"memory":1024,
				"power_on":true,"autoreboot_on":true,"cdrom_url":null,"keymap":null,"hardware_profile":"virtio2013","hardware_profile_locked":false,"zone_name":"york","deleted":false,
				"management_address":"$match ^[0-9a-f.:]+$","head":"$string","last_imaged_with":"$string"}`},
			{"it has no children", "alice", "GET " + vm1, "", 200, `{"type":"$absent","discs":"$absent","network_interfaces":"$absent"}`},
			{"an appliance is never read", "alice", "GET " + vm1, "", 200, `{"appliance":"$absent"}`},
			{"a machine is the same flat", "alice", "GET /virtual_machines/<www1>", "", 200, `{"id":<www1>,"hostname":"www1.web.acme.uk0.bigv.io","discs":"$absent"}`},
			{"a machine that is off has no head", "alice", "GET /virtual_machines/www3", "", 200, `{"power_on":false,"head":null}`},
			{"overview embeds discs", "alice", "GET " + vm1 + "?view=overview", "", 200, `{"type":"application/vnd.bigv.virtual-machine","discs":[{"type":"application/vnd.bigv.disc","id":<www1disc>,"label":"disc-1","size":25600,
				"storage_grade":"sata","storage_pool":"$string","virtual_machine_id":<www1>,"backup_count":0,"backups_enabled":"$any","backup_schedules":[]}]}`},
			{"overview embeds network interfaces", "alice", "GET " + vm1 + "?view=overview", "", 200, `{"network_interfaces":[{"type":"application/vnd.bigv.network-interface","id":"$int","label":null,
				"mac":"$match ^[0-9a-f]{2}(:[0-9a-f]{2}){5}$","ips":["$string","$string"],"extra_ips":{},"vlan_num":"$int","virtual_machine_id":<www1>}],"nics":"$absent"}`},
			{"overview works flat", "alice", "GET /virtual_machines/<www1>?view=overview", "", 200, `{"discs":[{"id":<www1disc>}],"network_interfaces":[{}]}`},
			{"overview works for lists", "alice", "GET " + web + "/virtual_machines?view=overview", "", 200, `[{"type":"application/vnd.bigv.virtual-machine","discs":[{}],"network_interfaces":[{}]},{"discs":[{}]}]`},
			{"a list leaves deleted machines out", "alice", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www1>},{"id":<www3>}]`},
			{"a list with include_deleted has them", "alice", "GET " + web + "/virtual_machines?include_deleted=true", "", 200, `[{"id":<www1>},{"id":<www2>,"deleted":true},{"id":<www3>}]`},
			{"a flat list leaves deleted machines out", "alice", "GET /virtual_machines?group_id=<web>", "", 200, `[{"id":<www1>},{"id":<www3>}]`},
			{"a flat list with include_deleted has them", "alice", "GET /virtual_machines?include_deleted=true", "", 200, `[{"id":<www1>},{"id":<www2>},{"id":<www3>}]`},
			{"a deleted machine is not found", "alice", "GET " + vm2, "", 404, ""},
			{"a deleted machine is found with include_deleted", "alice", "GET " + vm2 + "?include_deleted=true", "", 200, `{"id":<www2>,"deleted":true,"power_on":false}`},
			{"a deleted machine is found flat with include_deleted", "alice", "GET /virtual_machines/<www2>?include_deleted=true", "", 200, `{"deleted":true}`},
			{"a deleted machine is not found flat without", "alice", "GET /virtual_machines/<www2>", "", 404, ""},
			{"a machine not to be seen is not found", "bob", "GET " + vm1, "", 404, ""},
			{"a machine not to be seen is not found flat", "bob", "GET /virtual_machines/<www1>", "", 404, ""},
			{"nobody's machines are an empty list", "bob", "GET /virtual_machines", "", 200, `[]`},
		}},
		{"names", func(f *fixture) {
			www1(f)
			f.machine("web", "www2")
			f.machine("default", "db1")
			f.machine("default", "www2")
		}, []step{
			{"a machine is renamed", "alice", "PUT " + vm1, `{"name":"www9"}`, 200, `{"id":<www1>,"name":"www9","hostname":"www9.web.acme.uk0.bigv.io"}`},
			{"the old name is not found", "alice", "GET " + vm1, "", 404, ""},
			{"the new one is", "alice", "GET " + web + "/virtual_machines/www9", "", 200, `{"id":<www1>}`},
			{"", "alice", "PUT " + web + "/virtual_machines/www9", `{"name":"www1"}`, 200, ""},
			{"a name has three characters or more", "alice", "PUT " + vm1, `{"name":"ab"}`, 400, `{"name":["is too short (minimum is 3 characters)"]}`},
			{"a name is a label without dots", "alice", "PUT " + vm1, `{"name":"www.example"}`, 400, `{"name":["is invalid"]}`},
			{"a name may have two things wrong with it", "alice", "PUT " + vm1, `{"name":"a."}`, 400, `{"name":{"$has":["is invalid","is too short (minimum is 3 characters)"]}}`},
			{"a name has no underscores", "alice", "PUT " + vm1, `{"name":"www_1"}`, 400, `{"name":["is invalid"]}`},
			{"a name is not blank", "alice", "PUT " + vm1, `{"name":""}`, 400, `{"name":"$messages"}`},
			{"a name is not null", "alice", "PUT " + vm1, `{"name":null}`, 400, `{"name":"$messages"}`},
			{"a name may have hyphens and digits", "alice", "PUT " + vm1, `{"name":"www-1-b"}`, 200, `{"name":"www-1-b"}`},
			{"", "alice", "PUT " + web + "/virtual_machines/www-1-b", `{"name":"www1"}`, 200, ""},
			{"a name is its own in the group", "alice", "PUT " + vm1, `{"name":"www2"}`, 400, `{"name":["has already been taken"]}`},
			{"another group may have the same name", "alice", "PUT " + vm1, `{"name":"db1"}`, 200, `{"name":"db1"}`},
			{"a name that is taken where a machine moves is refused", "alice", "PUT " + vm2, `{"group_id":<default>}`, 400, `{"name":["has already been taken"]}`},
		}},
		{"moving", func(f *fixture) {
			www1(f)
			f.srv.User("alice").Grant("account_admin", f.srv.Account("other"))
			f.saved["app"] = f.srv.Account("other").Group("app").ID()
			f.saved["hidden"] = f.srv.Account("secret").Group("default").ID()
		}, []step{
			{"a machine moves to another group", "alice", "PUT " + vm1, `{"group_id":<default>}`, 200, `{"id":<www1>,"group_id":<default>,"hostname":"www1.default.acme.uk0.bigv.io"}`},
			{"it is not found where it was", "alice", "GET " + vm1, "", 404, ""},
			{"it is found where it is", "alice", "GET /accounts/acme/groups/default/virtual_machines/www1", "", 200, `{"id":<www1>}`},
			{"a machine moves to another account and is renamed in one", "alice", "PUT /accounts/acme/groups/default/virtual_machines/www1", `{"group_id":<app>,"name":"app1"}`, 200, `{"group_id":<app>,"name":"app1","hostname":"app1.app.other.uk0.bigv.io"}`},
			{"it is found there", "alice", "GET /accounts/other/groups/app/virtual_machines/app1", "", 200, `{"id":<www1>}`},
			{"a group not to be seen is no place to move", "alice", "PUT /accounts/other/groups/app/virtual_machines/app1", `{"group_id":<hidden>}`, anyError, anyBody},
			{"a group that is not is no place to move", "alice", "PUT /accounts/other/groups/app/virtual_machines/app1", `{"group_id":999999}`, anyError, anyBody},
			{"no group is no place to move", "alice", "PUT /accounts/other/groups/app/virtual_machines/app1", `{"group_id":null}`, 400, `{"group_id":"$messages"}`},
			{"a refused move changes nothing", "alice", "GET /virtual_machines/<www1>", "", 200, `{"group_id":<app>}`},
		}},
		{"limits", www1Off, []step{
			{"cores are at least 1", "alice", "PUT " + vm1, `{"cores":0}`, 400, `{"cores":"$messages"}`},
			{"cores are a number", "alice", "PUT " + vm1, `{"cores":"many"}`, 400, `{"cores":{"$has":["is not a number"]}}`},
			{"cores are not null", "alice", "PUT " + vm1, `{"cores":null}`, 400, `{"cores":"$messages"}`},
			{"cores may be many", "alice", "PUT " + vm1, `{"cores":16}`, 200, `{"cores":16}`},
			{"memory that is no number has two things wrong with it", "alice", "PUT " + vm1, `{"memory":"lots"}`, 400, `{"memory":{"$has":["is not included in the list","is not a number"]}}`},
			{"memory of 256 is too little", "alice", "PUT " + vm1, `{"memory":256}`, 400, `{"memory":["is not included in the list"]}`},
			{"memory of 512 is the least", "alice", "PUT " + vm1, `{"memory":512}`, 200, `{"memory":512}`},
			{"memory of 768 is in the list", "alice", "PUT " + vm1, `{"memory":768}`, 200, `{"memory":768}`},
			{"memory between two steps is not", "alice", "PUT " + vm1, `{"memory":1000}`, 400, `{"memory":["is not included in the list"]}`},
			{"memory of 64 GiB is in the list", "alice", "PUT " + vm1, `{"memory":65536}`, 200, `{"memory":65536}`},
			{"memory of no positive size is not", "alice", "PUT " + vm1, `{"memory":-1024}`, 400, `{"memory":"$messages"}`},
			{"a hardware profile is set", "alice", "PUT " + vm1, `{"hardware_profile":"compatibility2013"}`, 200, `{"hardware_profile":"compatibility2013"}`},
			{"an unknown hardware profile is not included", "alice", "PUT " + vm1, `{"hardware_profile":"virtio1066"}`, 400, `{"hardware_profile":["is not included in the list"]}`},
			{"a hardware profile is locked", "alice", "PUT " + vm1, `{"hardware_profile_locked":true}`, 200, `{"hardware_profile_locked":true}`},
			{"and unlocked", "alice", "PUT " + vm1, `{"hardware_profile_locked":false}`, 200, `{"hardware_profile_locked":false}`},
			{"a keymap is set", "alice", "PUT " + vm1, `{"keymap":"en-gb"}`, 200, `{"keymap":"en-gb"}`},
			{"an unknown keymap is not included", "alice", "PUT " + vm1, `{"keymap":"tlh"}`, 400, `{"keymap":["is not included in the list"]}`},
			{"a keymap is cleared with null", "alice", "PUT " + vm1, `{"keymap":null}`, 200, `{"keymap":null}`},
			{"a flag is true or false", "alice", "PUT " + vm1, `{"autoreboot_on":"sometimes"}`, 400, `{"autoreboot_on":"$messages"}`},
			{"a CD is inserted", "alice", "PUT " + vm1, `{"cdrom_url":"http://www.example.org/a.iso"}`, 200, `{"cdrom_url":"http://www.example.org/a.iso"}`},
			{"an update of something else leaves it in", "alice", "PUT " + vm1, `{"cores":1}`, 200, `{"cdrom_url":"http://www.example.org/a.iso"}`},
			{"a CD is ejected with null", "alice", "PUT " + vm1, `{"cdrom_url":null}`, 200, `{"cdrom_url":null}`},
			{"", "alice", "PUT " + vm1, `{"cdrom_url":"https://www.example.org/b.iso"}`, 200, ""},
			{"a CD is ejected with an empty string", "alice", "PUT " + vm1, `{"cdrom_url":""}`, 200, `{"cdrom_url":"$empty"}`},
			{"a CD that cannot be used is an internal error", "alice", "PUT " + vm1, `{"cdrom_url":"not a URL"}`, 500, anyBody},
			{"and is not inserted", "alice", "GET " + vm1, "", 200, `{"cdrom_url":"$empty"}`},
			{"several things may be wrong at once", "alice", "PUT " + vm1, `{"name":"a","memory":1,"hardware_profile":"x"}`, 400, `{"name":"$messages","memory":"$messages","hardware_profile":"$messages"}`},
		}},
	})
}

func TestConformanceVirtualMachineCreate(t *testing.T) {
	const create = "POST " + web + "/vm_create"
	runScenarios(t, []scenario{
		{"create", nil, []step{
			{"an API key creates", "key", "POST /accounts/acme/groups/default/vm_create", `{"virtual_machine":{"name":"key1"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"name":"key1"}}`},
			{"create is accepted and wrapped", "alice", create, `{"virtual_machine":{"name":"www1","cores":2,"memory":2048,"power_on":true,"autoreboot_on":true,"zone_name":"manchester","hardware_profile":null,"keymap":"de","cdrom_url":"http://www.example.org/a.iso","hardware_profile_locked":true},
				"discs":[{"label":"root","size":30000,"storage_grade":"ssd","backup_schedules":[{"start_at":"2019-03-04 18:00:00 GMT","interval_seconds":604800,"capacity":1}]},{"size":50}],
				"reimage":{"distribution":"jessie","root_password":"s3cretpass","ssh_public_key":"","firstboot_script":""}}`, 202,
				`{"virtual_machine":{"id":"$keep www1","name":"www1","group_id":<web>,"hostname":"www1.web.acme.uk0.bigv.io","cores":2,"memory":2048,"zone_name":"manchester","hardware_profile":"virtio2013","hardware_profile_locked":true,"keymap":"de",
				"power_on":false,"head":null,"last_imaged_with":"$empty","deleted":false,"discs":"$absent","network_interfaces":"$absent"},
				"discs":[{"label":"root","size":30000,"storage_grade":"ssd"},{"label":"disc-2","size":50,"storage_grade":"sata"}],"reimage":{"distribution":"jessie","root_password":"s3cretpass"}}`},
			{"a machine that is being provisioned answers 202", "alice", "GET " + vm1, "", 202, `{"id":<www1>,"power_on":false,"head":null}`},
			{"also flat", "alice", "GET /virtual_machines/<www1>", "", 202, `{"id":<www1>}`},
			{"also with overview", "alice", "GET " + vm1 + "?view=overview", "", 202, `{"type":"application/vnd.bigv.virtual-machine"}`},
			{"lists answer 200", "alice", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www1>,"power_on":false}]`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"after a while it is up", "alice", "GET " + vm1, "", 200, `{"id":<www1>,"power_on":true,"autoreboot_on":true,"head":"$string","last_imaged_with":"jessie","cdrom_url":"http://www.example.org/a.iso"}`},
			{"it has its discs", "alice", "GET " + vm1 + "/discs", "", 200, `[{"label":"root","size":30000,"storage_grade":"ssd","virtual_machine_id":<www1>},{"label":"disc-2","size":50}]`},
			{"a disc has its schedule", "alice", "GET " + vm1 + "/discs/root", "", 200, `{"backup_schedules":[{"id":"$int","interval_seconds":604800,"capacity":1,"start_at":"$time 2019-03-04T18:00:00Z"}]}`},
			{"it has a network interface with an IPv4 and an IPv6 address", "alice", "GET " + vm1 + "/nics", "", 200, `[{"ips":["$match ^[0-9.]+$","$match :"],"extra_ips":{}}]`},
		}},
		{"defaults", nil, []step{
			{"a name and a disc are enough", "alice", create, `{"virtual_machine":{"name":"www1"},"discs":[{"size":25600}]}`, 202,
				`{"virtual_machine":{"cores":1,"memory":"$int","zone_name":"york","hardware_profile":"virtio2013","hardware_profile_locked":false,"cdrom_url":null,"keymap":null}}`},
			{"a disc is called by its place and is sata", "alice", "GET " + vm1 + "/discs", "", 200, `[{"label":"disc-1","storage_grade":"sata"}]`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"without power_on and autoreboot_on it stays off", "alice", "GET " + vm1, "", 200, `{"power_on":false,"autoreboot_on":false,"last_imaged_with":"$empty"}`},
			{"autoreboot_on alone brings it up", "alice", create, `{"virtual_machine":{"name":"www2","autoreboot_on":true},"discs":[{"size":25600}],"reimage":{"distribution":"symbiosis"}}`, 202, ""},
			{"power_on alone brings it up", "alice", create, `{"virtual_machine":{"name":"www3","power_on":true},"discs":[{"size":25600}],"reimage":{"distribution":"symbiosis"}}`, 202, ""},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"up by autoreboot_on", "alice", "GET " + vm2, "", 200, `{"power_on":true,"last_imaged_with":"symbiosis"}`},
			{"up by power_on", "alice", "GET " + web + "/virtual_machines/www3", "", 200, `{"power_on":true}`},
			{"a group in the body is dropped", "alice", create, `{"virtual_machine":{"name":"www4","group":"default","group_id":<default>,"deleted":true,"id":1,"colour":"red"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"group_id":<web>,"deleted":false,"colour":"$absent"}}`},
			{"numbers may be strings", "alice", create, `{"virtual_machine":{"name":"www5","cores":"1","memory":"1024"},"discs":[{"size":"100"}]}`, 202, `{"virtual_machine":{"cores":1,"memory":1024},"discs":[{"size":100}]}`},
			{"another group may have the name", "alice", "POST /accounts/acme/groups/default/vm_create", `{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"hostname":"www1.default.acme.uk0.bigv.io"}}`},
			{"the default group may be called by ID", "alice", "POST /accounts/<acme>/groups/<default>/vm_create", `{"virtual_machine":{"name":"www6"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"group_id":<default>}}`},
		}},
		{"refusals", www1, []step{
			{"a machine needs a disc", "alice", create, `{"virtual_machine":{"name":"new1"}}`, 400, anyBody},
			{"an empty list of discs is none", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[]}`, 400, anyBody},
			{"a machine needs a name", "alice", create, `{"virtual_machine":{},"discs":[{"size":100}]}`, 400, `{"name":["can't be blank"],"virtual_machine":"$absent"}`},
			{"a machine's errors are at top level", "alice", create, `{"virtual_machine":{"name":"a.","memory":1,"hardware_profile":"x","zone_name":"mars","cores":0},"discs":[{"size":100}]}`, 400,
				`{"name":["is invalid","is too short (minimum is 3 characters)"],"memory":["is not included in the list"],"hardware_profile":["is not included in the list"],"zone_name":["is not included in the list"],"cores":"$messages","virtual_machine":"$absent"}`},
			{"discs' errors are by position", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":100},{"size":49}]}`, 400, `{"discs":[{},{"size":["must be greater than or equal to 50"]}]}`},
			{"a good disc after a bad one has no error", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":100,"storage_grade":"tape"},{"size":100}]}`, 400, `{"discs":[{"storage_grade":["is not included in the list"],"size":"$absent"},{"size":"$absent"}]}`},
			{"both kinds come together", "alice", create, `{"virtual_machine":{"name":"new1","memory":1},"discs":[{"size":1}]}`, 400, `{"memory":"$messages","discs":[{"size":"$messages"}]}`},
			{"nine discs are too many", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":50},{"size":50},{"size":50},{"size":50},{"size":50},{"size":50},{"size":50},{"size":50},{"size":50}]}`, 400, anyBody},
			{"an unknown distribution is a bad request", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}],"reimage":{"distribution":"beos"}}`, 400, `{}`},
			{"an unknown keymap is not included", "alice", create, `{"virtual_machine":{"name":"new1","keymap":"tlh"},"discs":[{"size":100}]}`, 400, `{"keymap":["is not included in the list"]}`},
			{"a CD that cannot be used is an internal error", "alice", create, `{"virtual_machine":{"name":"new1","cdrom_url":"not a URL"},"discs":[{"size":100}]}`, 500, anyBody},
			{"a name is its own in the group", "alice", create, `{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 400, `{"name":["has already been taken"]}`},
			{"addresses can be chosen only in a private VLAN", "alice", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}],"ips":{"ipv4":"198.51.100.4"}}`, 400, anyBody},
			{"a refused create makes nothing", "alice", "GET " + web + "/virtual_machines?include_deleted=true", "", 200, `[{"id":<www1>}]`},
			{"nor any disc", "alice", "GET /discs", "", 200, `[{"id":<www1disc>}]`},
			{"malformed JSON is a bad request", "alice", create, `{"virtual_machine":`, 400, "text"},
			{"a group not to be seen is not found", "bob", create, `{"virtual_machine":{"name":"new1"},"discs":[{"size":100}]}`, 404, ""},
		}},
		{"private VLAN", func(f *fixture) { f.srv.Account("acme").Group("web").SetPrivateVLAN(123) }, []step{
			{"in a private VLAN addresses can be chosen", "alice", create, `{"virtual_machine":{"name":"www1","autoreboot_on":true},"discs":[{"size":100}],"ips":{"ipv4":"198.51.100.4","ipv6":"2001:db8:2::4"}}`, 202, ""},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"the machine has them", "alice", "GET " + vm1 + "/nics", "", 200, `[{"ips":["198.51.100.4","2001:db8:2::4"],"vlan_num":123}]`},
			{"an address that is none is refused", "alice", create, `{"virtual_machine":{"name":"www2"},"discs":[{"size":100}],"ips":{"ipv4":"198.51.100.444"}}`, 400, anyBody},
		}},
		{"bare machines", nil, []step{
			{"a bare machine is accepted", "alice", "POST " + web + "/virtual_machines", `{"name":"www1","cores":2,"memory":2048}`, 202, `{"cores":2,"memory":2048}`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"it has no discs", "alice", "GET " + vm1 + "?view=overview", "", 200, `{"name":"www1","discs":[],"last_imaged_with":"$empty"}`},
			{"it needs a name", "alice", "POST " + web + "/virtual_machines", `{"cores":2}`, 400, `{"name":["can't be blank"]}`},
			{"its limits are the same", "alice", "POST " + web + "/virtual_machines", `{"name":"a","memory":3}`, 400, `{"name":["is too short (minimum is 3 characters)"],"memory":["is not included in the list"]}`},
			{"its name is its own", "alice", "POST " + web + "/virtual_machines", `{"name":"www1"}`, 400, `{"name":["has already been taken"]}`},
		}},
	})
}

func TestConformancePower(t *testing.T) {
	signal := "POST " + vm1 + "/signal"
	runScenarios(t, []scenario{
		{"stop and start", www1, []step{
			{"both flags off stop a machine", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, `{"power_on":false,"autoreboot_on":false,"head":null}`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"it stays off", "alice", "GET " + vm1, "", 200, `{"power_on":false}`},
			{"both flags on start it", "alice", "PUT " + vm1, `{"autoreboot_on":true,"power_on":true}`, 200, `{"power_on":true,"autoreboot_on":true,"head":"$string"}`},
			{"a machine that is on may be switched on", "alice", "PUT " + vm1, `{"power_on":true}`, 200, `{"power_on":true}`},
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, ""},
			{"power_on alone starts it", "alice", "PUT " + vm1, `{"power_on":true}`, 200, `{"power_on":true,"autoreboot_on":false}`},
			{"power_on alone stops it", "alice", "PUT " + vm1, `{"power_on":false}`, 200, `{"power_on":false}`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"it stays off without autoreboot_on", "alice", "GET " + vm1, "", 200, `{"power_on":false}`},
		}},
		{"restart", www1, []step{
			{"power_on off with autoreboot_on takes it down", "alice", "PUT " + vm1, `{"autoreboot_on":true,"power_on":false}`, 200, `{"autoreboot_on":true}`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"it comes back by itself", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
			{"an update keeps its flags", "alice", "PUT " + vm1, `{"cores":2}`, 200, `{"power_on":true,"autoreboot_on":true,"cores":2}`},
		}},
		{"off with autoreboot_on is no resting state", www1Off, []step{
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":true,"power_on":false}`, 200, ""},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"it comes up", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
		}},
		{"powerdown", www1, []step{
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false}`, 200, `{"power_on":true,"autoreboot_on":false}`},
			{"powerdown is echoed", "alice", signal, `{"signal":"powerdown"}`, 200, `{"signal":"powerdown"}`},
			{"it takes time", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
			{"", "", "ADVANCE 5m", "", 0, ""},
			{"then the machine is off", "alice", "GET " + vm1, "", 200, `{"power_on":false,"autoreboot_on":false}`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"and stays off", "alice", "GET " + vm1, "", 200, `{"power_on":false}`},
		}},
		{"powerdown with autoreboot_on is a reboot", www1, []step{
			{"", "alice", signal, `{"signal":"powerdown"}`, 200, ""},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"the machine is back", "alice", "GET " + vm1, "", 200, `{"power_on":true,"autoreboot_on":true}`},
		}},
		{"signals", www1, []step{
			{"reset is echoed", "alice", signal, `{"signal":"reset"}`, 200, `{"signal":"reset"}`},
			{"reset leaves it on", "alice", "GET " + vm1, "", 200, `{"power_on":true}`},
			{"keys are sent", "alice", signal, `{"signal":"sendkey","data":"ctrl-alt-delete"}`, 200, `{"signal":"sendkey"}`},
			{"one key is sent", "alice", signal, `{"signal":"sendkey","data":"f1"}`, 200, `{"signal":"sendkey"}`},
			{"an unknown key is a bad request", "alice", signal, `{"signal":"sendkey","data":"ctrl-any"}`, 400, `{"data":"$messages"}`},
			{"sendkey needs keys", "alice", signal, `{"signal":"sendkey"}`, 400, `{"data":"$messages"}`},
			{"an unknown signal is a bad request", "alice", signal, `{"signal":"explode"}`, 400, `{"signal":["is not included in the list"]}`},
			{"a signal is needed", "alice", signal, `{}`, 400, `{"signal":["can't be blank"]}`},
			{"a signal in the query is not enough", "alice", signal + "?signal=reset", `{}`, 400, `{"signal":"$messages"}`},
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, ""},
			{"a machine that is off takes no powerdown", "alice", signal, `{"signal":"powerdown"}`, 400, "text"},
			{"a machine that is off takes no reset", "alice", signal, `{"signal":"reset"}`, 400, "text"},
			{"a machine that is off takes no keys", "alice", signal, `{"signal":"sendkey","data":"f1"}`, 400, "text"},
		}},
		{"rescue", www1Off, []step{
			{"a machine is booted from an appliance", "alice", "PUT " + vm1, `{"autoreboot_on":true,"power_on":true,"appliance":{"name":"rescue","permanent":false}}`, 200, `{"power_on":true,"appliance":"$absent"}`},
		}},
		{"reimage", www1Off, []step{
			{"an image is made", "alice", "POST " + vm1 + "/reimage", `{"distribution":"wheezy","root_password":"s3cretpass","ssh_public_key":"ssh-ed25519 AAAA a\nssh-rsa BBBB b","firstboot_script":"#!/bin/sh\n"}`, 200, `{"distribution":"wheezy","root_password":"s3cretpass"}`},
			{"", "", "ADVANCE 10m", "", 0, ""},
			{"afterwards the machine is on, without autoreboot_on", "alice", "GET " + vm1, "", 200, `{"power_on":true,"autoreboot_on":false,"last_imaged_with":"wheezy"}`},
			{"a machine that is on takes no image", "alice", "POST " + vm1 + "/reimage", `{"distribution":"jessie","root_password":"x"}`, 400, "text"},
			{"and is left", "alice", "GET " + vm1, "", 200, `{"last_imaged_with":"wheezy"}`},
			{"", "alice", "PUT " + vm1, `{"autoreboot_on":false,"power_on":false}`, 200, ""},
			{"an unknown distribution is not included", "alice", "POST " + vm1 + "/reimage", `{"distribution":"beos"}`, 400, `{"distribution":["is not included in the list"]}`},
			{"a distribution is needed", "alice", "POST " + vm1 + "/reimage", `{}`, 400, `{"distribution":["can't be blank"]}`},
			{"a refused image changes nothing", "alice", "GET " + vm1, "", 200, `{"power_on":false,"last_imaged_with":"wheezy"}`},
		}},
	})
}

func TestConformanceDelete(t *testing.T) {
	runScenarios(t, []scenario{
		{"delete and undelete", func(f *fixture) { www1(f); f.machine("web", "www2") }, []step{
			{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":"$keep nic","ips":["$keep ip","$keep ip6"]}]`},
			{"delete answers nothing", "alice", "DELETE " + vm1, "", 204, ""},
			{"the machine is down and deleted", "alice", "GET " + vm1 + "?include_deleted=true", "", 200, `{"id":<www1>,"deleted":true,"power_on":false,"name":"www1"}`},
			{"", "", "ADVANCE 1h", "", 0, ""},
			{"it does not come back by itself", "alice", "GET " + vm1 + "?include_deleted=true", "", 200, `{"deleted":true,"power_on":false}`},
			{"it is hidden", "alice", "GET " + web + "/virtual_machines", "", 200, `[{"id":<www2>}]`},
			{"its name is not free for a new machine", "alice", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 400, `{"name":["has already been taken"]}`},
			{"its name is not free for another", "alice", "PUT " + vm2, `{"name":"www1"}`, 400, `{"name":["has already been taken"]}`},
			{"its discs cannot be changed", "alice", "PUT " + vm1 + "/discs/disc-1", `{"size":51200}`, anyError, anyBody},
			{"it cannot be given a disc", "alice", "POST " + vm1 + "/discs", `{"size":51200}`, anyError, anyBody},
			{"its discs cannot be deleted", "alice", "DELETE " + vm1 + "/discs/disc-1?purge=true", "", anyError, anyBody},
			{"it cannot be given an address", "alice", "POST " + vm1 + "/nics/<nic>/ip_create", `{"addresses":1,"family":"ipv4","reason":"tls"}`, anyError, anyBody},
			{"it cannot be signalled", "alice", "POST " + vm1 + "/signal", `{"signal":"reset"}`, anyError, anyBody},
			{"a second delete works like the first", "alice", "DELETE " + vm1, "", 204, ""},
			{"it is undeleted without include_deleted, and is off", "alice", "PUT " + vm1, `{"deleted":false}`, 200, `{"id":<www1>,"deleted":false,"power_on":false}`},
			{"it is found again", "alice", "GET " + vm1, "", 200, `{"id":<www1>,"deleted":false}`},
			{"it has its addresses still", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":<nic>,"ips":["<ip>","<ip6>"]}]`},
			{"it has its disc still, of the old size", "alice", "GET " + vm1 + "/discs", "", 200, `[{"id":<www1disc>,"size":25600}]`},
			{"deleted:false is nothing to a machine that is not deleted", "alice", "PUT " + vm2, `{"deleted":false}`, 200, `{"deleted":false,"power_on":true}`},
		}},
		{"purge", func(f *fixture) { www1(f); f.machine("web", "www2").SetDeleted(true) }, []step{
			{"", "alice", "GET " + vm1, "", 200, `{"id":"$keep old"}`},
			{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"ips":["$keep ip","$keep ip6"]}]`},
			{"a live machine is purged", "alice", "DELETE " + vm1 + "?purge=true", "", 204, ""},
			{"it is gone for good", "alice", "GET " + vm1 + "?include_deleted=true", "", 404, ""},
			{"it cannot be undeleted", "alice", "PUT " + vm1, `{"deleted":false}`, 404, ""},
			{"its discs are gone", "alice", "GET /discs/<www1disc>", "", 404, ""},
			{"its addresses are back in the pool", "alice", "GET /ips/<ip>", "", 404, ""},
			{"it cannot be purged twice", "alice", "DELETE " + vm1 + "?purge=true", "", 404, ""},
			{"its name is free", "alice", "POST " + web + "/vm_create", `{"virtual_machine":{"name":"www1"},"discs":[{"size":100}]}`, 202, `{"virtual_machine":{"id":"$keep fresh"}}`},
			{"its ID is not used again", "alice", "GET /virtual_machines/<fresh>", "", 202, `{"id":"$above old","name":"www1"}`},
			{"a deleted machine is purged", "alice", "DELETE " + vm2 + "?purge=true", "", 204, ""},
			{"it is gone too", "alice", "GET /virtual_machines/<www2>?include_deleted=true", "", 404, ""},
			{"purge works with exactly true", "alice", "DELETE " + vm1 + "?purge=false", "", 204, ""},
			{"otherwise it is a delete", "alice", "GET " + vm1 + "?include_deleted=true", "", oneOf(200, 202), `{"deleted":true}`},
		}},
	})
}
