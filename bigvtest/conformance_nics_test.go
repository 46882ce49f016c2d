package bigvtest_test

import "testing"

func TestConformanceNICs(t *testing.T) {
	create := "POST " + vm1 + "/nics/<nic>/ip_create"
	readNICs := step{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":"$save nic","ips":["$save ip","$save ip6"]}]`}
	runScenarios(t, []scenario{
		{"reading", www1, []step{
			readNICs,
			{
				"a machine's network interfaces are a list", "alice", "GET " + vm1 + "/nics", "", 200,
				`[{"id":<nic>,"label":null,"mac":"$match ^[0-9a-f]{2}(:[0-9a-f]{2}){5}$","extra_ips":{},"vlan_num":"$int",
					"virtual_machine_id":<www1>,"type":"$absent"}]`,
			},
			{"the IPv4 address comes first", "alice", "GET " + vm1 + "/nics", "", 200, `[{"ips":["$match ^[0-9.]+$","$match :"]}]`},
			{"a network interface is an object", "alice", "GET " + vm1 + "/nics/<nic>", "", 200, `{"id":<nic>,"ips":["<ip>","<ip6>"]}`},
			{"it is found by flat path", "alice", "GET /nics/<nic>", "", 200, `{"id":<nic>,"virtual_machine_id":<www1>}`},
			{"network interfaces are a flat list", "alice", "GET /nics?vm_id=<www1>", "", 200, `[{"id":<nic>}]`},
			{"an invisible network interface is not found", "bob", "GET /nics/<nic>", "", 404, ""},
			{"an unknown network interface is not found", "alice", "GET " + vm1 + "/nics/999999", "", 404, ""},
			{"the list of network interfaces is empty without privileges", "bob", "GET /nics", "", 200, `[]`},
		}},
		{"further addresses", www1, []step{
			readNICs,
			{
				"an address is added", "alice", create, `{"addresses":1,"family":"ipv4","reason":"tls site","contiguous":false}`, 200,
				`{"addresses":1,"family":"ipv4","reason":"tls site","contiguous":false,"ips":["$save extra"]}`,
			},
			{
				"the new address is additional and routed to the primary one", "alice", "GET /nics/<nic>", "", 200,
				`{"ips":["<ip>","<ip6>"],"extra_ips":{"<extra>":"<ip>"}}`,
			},
			{"the new address can be read", "alice", "GET /ips/<extra>", "", 200, `{"address":"<extra>","rdns":null}`},
			{
				"reason is required", "alice", create, `{"addresses":1,"family":"ipv4","contiguous":false}`, 400,
				`{"reason":["can't be blank"]}`,
			},
			{
				"addresses must be at least 1", "alice", create, `{"addresses":0,"family":"ipv4","reason":"x"}`, 400,
				`{"addresses":"$messages"}`,
			},
			{
				"addresses must be at most 4", "alice", create, `{"addresses":5,"family":"ipv4","reason":"x"}`, 400,
				`{"addresses":"$messages"}`,
			},
			{"the family ipv6 is rejected", "alice", create, `{"addresses":1,"family":"ipv6","reason":"x"}`, 400, `{"family":"$messages"}`},
			{
				"an unknown family is rejected", "alice", create, `{"addresses":1,"family":"appletalk","reason":"x"}`, 400,
				`{"family":["is not included in the list"]}`,
			},
			{"more than four in total are rejected", "alice", create, `{"addresses":4,"family":"ipv4","reason":"x"}`, 400, anyBody},
			{"a rejected request adds no address", "alice", "GET /nics/<nic>", "", 200, `{"extra_ips":{"<extra>":"<ip>"}}`},
			{
				"several addresses are added at once", "alice", create, `{"addresses":3,"family":"ipv4","reason":"x"}`, 200,
				`{"ips":["$string","$string","$string"]}`,
			},
			{"a fifth address is rejected", "alice", create, `{"addresses":1,"family":"ipv4","reason":"x"}`, 400, anyBody},
			{"", "alice", "DELETE /ips/<extra>", "", 204, ""},
			{
				"after a DELETE another address can be added", "alice", create,
				`{"addresses":1,"family":"ipv4","reason":"x","colour":"red"}`, 200, `{"ips":["$string"],"colour":"$absent"}`,
			},
			{"an address cannot be added to an invisible machine", "bob", create, `{"addresses":1,"family":"ipv4","reason":"x"}`, 404, ""},
		}},
	})
}

func TestConformanceIPs(t *testing.T) {
	first := step{"", "alice", "GET " + vm1 + "/nics", "", 200, `[{"id":"$save nic1","ips":["$save a4","$save a6"]}]`}
	second := step{"", "alice", "GET " + vm2 + "/nics", "", 200, `[{"id":"$save nic2","ips":["$save b4","$save b6"]}]`}
	extra := step{
		"", "alice", "POST " + vm1 + "/nics/<nic1>/ip_create", `{"addresses":1,"family":"ipv4","reason":"x"}`, 200,
		`{"ips":["$save extra"]}`,
	}
	const swap = "POST /ips/swap_virtual_machine_ips"
	runScenarios(t, []scenario{
		{"reading and writing", www1, []step{
			first, extra,
			{"a new address has no reverse DNS", "alice", "GET /ips/<a4>", "", 200, `{"address":"<a4>","rdns":null}`},
			{
				"reverse DNS is set", "alice", "PUT /ips/<a4>", `{"rdns":"mx.example.org"}`, 200,
				`{"address":"<a4>","rdns":"mx.example.org"}`,
			},
			{"the change is kept", "alice", "GET /ips/<a4>", "", 200, `{"rdns":"mx.example.org"}`},
			{"other addresses are not affected", "alice", "GET /ips/<a6>", "", 200, `{"rdns":null}`},
			{"an empty PUT changes nothing", "alice", "PUT /ips/<a4>", `{}`, 200, `{"rdns":"mx.example.org"}`},
			{"an address cannot be changed", "alice", "PUT /ips/<a4>", `{"address":"192.0.2.250"}`, 200, `{"address":"<a4>"}`},
			{"reverse DNS is cleared with null", "alice", "PUT /ips/<a4>", `{"rdns":null}`, 200, `{"rdns":null}`},
			{
				"reverse DNS of IPv6 is set", "alice", "PUT /ips/<a6>", `{"rdns":"six.example.org"}`, 200,
				`{"address":"<a6>","rdns":"six.example.org"}`,
			},
			{
				"reverse DNS of an extra address is set", "alice", "PUT /ips/<extra>", `{"rdns":"tls.example.org"}`, 200,
				`{"address":"<extra>","rdns":"tls.example.org"}`,
			},
			{"an unknown address is not found", "alice", "GET /ips/203.0.113.77", "", 404, ""},
			{"an invalid address is not found", "alice", "GET /ips/localhost", "", 404, ""},
			{"an invisible address is not found", "bob", "GET /ips/<a4>", "", 404, ""},
			{"an invisible address is not found by PUT", "bob", "PUT /ips/<a4>", `{"rdns":"x.example.org"}`, 404, ""},
			{"an invisible address is not found by DELETE", "bob", "DELETE /ips/<extra>", "", 404, ""},
			{"a primary address cannot be deleted", "alice", "DELETE /ips/<a4>", "", 400, anyBody},
			{"a primary IPv6 address cannot be deleted", "alice", "DELETE /ips/<a6>", "", 400, anyBody},
			{"an extra address is deleted", "alice", "DELETE /ips/<extra>", "", 204, ""},
			{"afterwards it is not found", "alice", "GET /ips/<extra>", "", 404, ""},
			{
				"it is removed from its network interface", "alice", "GET /nics/<nic1>", "", 200,
				`{"ips":["<a4>","<a6>"],"extra_ips":{"<extra>":"$absent"}}`,
			},
			{"there is no list of addresses", "alice", "GET /ips", "", oneOf(404, 405), ""},
		}},
		{"swap", func(f *fixture) { www1(f); f.machine("web", "www2").SetPower(false) }, []step{
			first, second, extra,
			{
				"the first machine must be powered off", "alice", swap,
				`{"virtual_machine_1_id":<www1>,"virtual_machine_2_id":<www2>,"move_additional_ips":false}`, 400, anyBody,
			},
			{
				"the second machine must be powered off", "alice", swap,
				`{"virtual_machine_1_id":<www2>,"virtual_machine_2_id":<www1>,"move_additional_ips":false}`, 400, anyBody,
			},
			{"a rejected swap changes nothing", "alice", "GET /nics/<nic1>", "", 200, `{"ips":["<a4>","<a6>"]}`},
			{"", "alice", "PUT " + vm1, `{"power_on":false,"autoreboot_on":false}`, 200, ""},
			{
				"an unknown machine is rejected", "alice", swap,
				`{"virtual_machine_1_id":<www1>,"virtual_machine_2_id":999999,"move_additional_ips":false}`, oneOf(400, 404), anyBody,
			},
			{
				"two machines are required", "alice", swap, `{"virtual_machine_1_id":<www1>}`, 400,
				`{"virtual_machine_2_id":["can't be blank"]}`,
			},
			{
				"a swap succeeds with status 200", "alice", swap,
				`{"virtual_machine_1_id":<www1>,"virtual_machine_2_id":<www2>,"move_additional_ips":false}`, 200, anyBody,
			},
			{
				"the first machine has the primary addresses of the second", "alice", "GET /nics/<nic1>", "", 200,
				`{"ips":["<b4>","<b6>"],"virtual_machine_id":<www1>}`,
			},
			{
				"the second machine has the primary addresses of the first", "alice", "GET /nics/<nic2>", "", 200,
				`{"ips":["<a4>","<a6>"],"virtual_machine_id":<www2>}`,
			},
			{"additional addresses are not swapped", "alice", "GET /nics/<nic1>", "", 200, `{"extra_ips":{"<extra>":"$string"}}`},
			{
				"a second swap with move_additional_ips succeeds", "alice", swap,
				`{"virtual_machine_1_id":<www1>,"virtual_machine_2_id":<www2>,"move_additional_ips":true}`, 200, anyBody,
			},
			{
				"the primary addresses are swapped back", "alice", "GET /nics/<nic1>", "", 200,
				`{"ips":["<a4>","<a6>"],"extra_ips":{"<extra>":"$absent"}}`,
			},
			{
				"the additional addresses are swapped", "alice", "GET /nics/<nic2>", "", 200,
				`{"ips":["<b4>","<b6>"],"extra_ips":{"<extra>":"$string"}}`,
			},
			{
				"invisible machines cannot be swapped", "bob", swap,
				`{"virtual_machine_1_id":<www1>,"virtual_machine_2_id":<www2>,"move_additional_ips":false}`, oneOf(400, 404), anyBody,
			},
		}},
	})
}
