package main

import (
	"bytes"
	"fmt"
	"strings"
)

// The responses have the size and shape of those of the service: a virtual machine, and a virtual machine in an
// overview, with its disc and its network interface. Machines differ in what differs in life: names, addresses and MACs
// in all of them, groups, sizes, pools and hosts in some. Equal texts would flatter decoders that keep them.

const machineJSON = `{"id":%[1]d,"group_id":%[3]d,"name":"web%[1]d","hostname":"web%[1]d.%[4]s.acme.uk0.bigv.io",` +
	`"cores":%[5]d,"memory":%[6]d,"power_on":%[7]t,"autoreboot_on":%[7]t,"cdrom_url":null,"keymap":null,` +
	`"hardware_profile":"virtio2013","hardware_profile_locked":false,"zone_name":"%[8]s","deleted":false,` +
	`"management_address":"10.%[9]s","head":"head%[10]d","last_imaged_with":"%[11]s"%[2]s}`

const childrenJSON = `,"type":"application/vnd.bigv.virtual-machine",` +
	`"discs":[{"type":"application/vnd.bigv.disc","id":%[1]d,"label":"disc-1","size":%[2]d,"storage_grade":"sata",` +
	`"storage_pool":"tail%[3]d-sata1","virtual_machine_id":%[1]d,"backup_count":0,"backups_enabled":true,"backup_schedules":[]}],` +
	`"network_interfaces":[{"type":"application/vnd.bigv.network-interface","id":%[1]d,"label":null,"mac":"fe:ff:00:%[4]s",` +
	`"ips":["11.%[5]s","2001:db8:%[6]s"],"extra_ips":{"12.%[5]s":"11.%[5]s"},"vlan_num":%[3]d,"virtual_machine_id":%[1]d}]`

func machineResponse(id int) []byte { return appendMachine(nil, id, "") }

func overviewResponse(id int) []byte {
	a, b, c := byte(id>>16), byte(id>>8), byte(id)
	return appendMachine(nil, id, fmt.Sprintf(childrenJSON, id, 25600*(1+id%4), 1+id%9, fmt.Sprintf("%02x:%02x:%02x", a, b, c),
		fmt.Sprintf("%d.%d.%d", a, b, c), fmt.Sprintf("%x:%x::%x", a, b, c)))
}

// appendMachine appends the JSON of a machine with more members.
func appendMachine(to []byte, id int, more string) []byte {
	n := id % 7
	return fmt.Appendf(to, machineJSON, id, more, 77+n, []string{"default", "web", "mail", "db", "test", "ci", "www"}[n], 1+n%4, 1024*(1+n),
		n > 0, []string{"york", "manchester"}[n%2], fmt.Sprintf("%d.%d.%d", byte(id>>16), byte(id>>8), byte(id)), id%97,
		[]string{"stretch", "buster", "bionic"}[n%3])
}

// notFoundResponse returns the body of a 404, which is as long as that of a machine.
func notFoundResponse() []byte {
	body := []byte("Virtual machine not found, or you may not see it.")
	return append(body, strings.Repeat(" ", len(machineResponse(5012))-len(body))...)
}

// elements returns n overviews of machines, separated by commas.
func elements(n int) []byte {
	var list bytes.Buffer
	for i := range n {
		if i > 0 {
			list.WriteByte(',')
		}
		list.Write(overviewResponse(10_000 + i))
	}
	return list.Bytes()
}

// peerResponses maps the path of a server in the API of another provider to the response.
var peerResponses = map[string]string{
	"/v1/servers/42": `{"server":{"id":42,"name":"web1","status":"running","created":"2025-01-30T23:50:00+00:00",` +
		`"public_net":{"ipv4":{"id":1,"ip":"192.0.2.20","blocked":false,"dns_ptr":"web1.example.com"},` +
		`"ipv6":{"id":2,"ip":"2001:db8:1::/64","blocked":false,"dns_ptr":[]},"floating_ips":[],"firewalls":[]},"private_net":[],` +
		`"server_type":{"id":22,"name":"cpx11","description":"CPX 11","cores":2,"memory":2,"disk":40,"deprecated":false,"prices":[],` +
		`"storage_type":"local","cpu_type":"shared","architecture":"x86","included_traffic":21990232555520},` +
		`"image":{"id":114,"type":"system","status":"available","name":"debian-12","description":"Debian 12","image_size":null,` +
		`"disk_size":5,"created":"2023-06-13T06:00:00+00:00","created_from":null,"bound_to":null,"os_flavor":"debian","os_version":"12",` +
		`"rapid_deploy":true,"protection":{"delete":false},"deprecated":null,"labels":{},"deleted":null,"architecture":"x86"},` +
		`"iso":null,"rescue_enabled":false,"locked":false,"backup_window":null,"outgoing_traffic":123456,"ingoing_traffic":654321,` +
		`"included_traffic":21990232555520,"protection":{"delete":false,"rebuild":false},"labels":{"env":"test"},"volumes":[],` +
		`"load_balancers":[],"primary_disk_size":40}}`,
	"/v2/droplets/42": `{"droplet":{"id":42,"name":"web1","memory":1024,"vcpus":1,"disk":25,"locked":false,` +
		`"status":"active","kernel":null,` +
		`"created_at":"2025-07-21T18:37:44Z","features":["backups","private_networking","ipv6"],"backup_ids":[53893572],` +
		`"next_backup_window":{"start":"2025-07-30T00:00:00Z","end":"2025-07-30T23:00:00Z"},"snapshot_ids":[67512819],` +
		`"image":{"id":63663980,"name":"20.04 (LTS) x64","distribution":"Ubuntu","slug":"ubuntu-20-04-x64","public":true,` +
		`"regions":["ams2","ams3","fra1","lon1","nyc1"],"created_at":"2025-05-15T05:47:50Z","type":"snapshot","min_disk_size":20,` +
		`"size_gigabytes":2.36,"description":"","tags":[],"status":"available","error_message":""},"volume_ids":[],` +
		`"size":{"slug":"s-1vcpu-1gb","memory":1024,"vcpus":1,"disk":25,"transfer":1,"price_monthly":5,` +
		`"price_hourly":0.00743999984115362,` +
		`"regions":["ams2","ams3","fra1","lon1","nyc1"],"available":true,"description":"Basic"},"size_slug":"s-1vcpu-1gb",` +
		`"networks":{"v4":[{"ip_address":"10.128.192.124","netmask":"255.255.0.0","gateway":"nil","type":"private"},` +
		`{"ip_address":"192.241.165.154","netmask":"255.255.255.0","gateway":"192.241.165.1","type":"public"}],` +
		`"v6":[{"ip_address":"2604:a880:0:1010::18a:a001","netmask":64,"gateway":"2604:a880:0:1010::1","type":"public"}]},` +
		`"region":{"name":"New York 3","slug":"nyc3","features":["private_networking","backups","ipv6","metadata"],"available":true,` +
		`"sizes":["s-1vcpu-1gb","s-1vcpu-2gb","s-1vcpu-3gb"]},"tags":["web"],"vpc_uuid":"760e09ef-dc84-11e8-981e-3cfdfeaae000"}}`,
	"/v4/linode/instances/42": `{"id":42,"label":"web1","group":"","status":"running",` +
		`"created":"2025-01-01T00:01:01","updated":"2025-01-01T00:01:01",` +
		`"type":"g6-standard-1","ipv4":["192.0.2.20"],"ipv6":"2001:db8:1::20/128","image":"linode/debian12","region":"eu-west",` +
		`"specs":{"disk":51200,"memory":2048,"vcpus":1,"gpus":0,"transfer":2000,"accelerated_devices":0},` +
		`"alerts":{"cpu":90,"network_in":10,"network_out":10,"transfer_quota":80,"io":10000},` +
		`"backups":{"enabled":true,"available":true,"schedule":{"day":"Saturday","window":"W22"},` +
		`"last_successful":"2025-01-01T00:01:01"},` +
		`"hypervisor":"kvm","watchdog_enabled":true,"tags":["web"],` +
		`"host_uuid":"3a3ddd59d9a78bb8de041391075df44de62bfec8","has_user_data":false,` +
		`"placement_group":null,"disk_encryption":"enabled","lke_cluster_id":null,"capabilities":["Block Storage Encryption"]}`,
	"/v2/instances/42": `{"instance":{"id":"42","os":"Debian 12 x64 (bookworm)","ram":2048,"disk":55,` +
		`"main_ip":"192.0.2.20","vcpu_count":1,` +
		`"region":"lhr","plan":"vc2-1c-2gb","date_created":"2025-10-10T01:56:20+00:00","status":"active","allowed_bandwidth":2000,` +
		`"netmask_v4":"255.255.252.0","gateway_v4":"192.0.2.1","power_status":"running","server_status":"ok","v6_network":"2001:db8:1::",` +
		`"v6_main_ip":"2001:db8:1::20","v6_network_size":64,"label":"web1","internal_ip":"",` +
		`"kvm":"https://my.example.com/subs/vps/novnc/",` +
		`"hostname":"web1","os_id":2136,"app_id":0,"image_id":"","snapshot_id":"","firewall_group_id":"",` +
		`"features":["ipv6"],"tags":["web"],` +
		`"user_scheme":"root","vpcs":[]}}`,
}
