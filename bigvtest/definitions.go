package bigvtest

import (
	"fmt"
	"strings"
)

// definitionsRoutes lists the endpoints of the definitions.
var definitionsRoutes = map[string]handler{
	"GET /definitions": getDefinitions,
}

// Values that the service accepts. The first of each list is the default.
var (
	distributions = strings.Fields(`jessie stretch centos5 centos6 centos7 precise symbiosis trusty utopic vivid wheezy winstd2012
		winweb2k8r2`)
	storageGrades    = strings.Fields("sata ssd archive")
	zoneNames        = strings.Fields("york manchester")
	hardwareProfiles = strings.Fields("virtio2013 compatibility2013 virtio2018")
	keymaps          = strings.Fields(`ar da de de-ch en-gb en-us es et fi fo fr fr-be fr-ca fr-ch hr hu is it ja lt lv mk nl nl-be no pl pt
		pt-br ru sl sv th tr`)
	sendKeys = allKeyNames()
)

func allKeyNames() []string {
	keys := strings.Fields(`shift shift_r alt alt_r altgr altgr_r ctrl ctrl_r menu esc minus equal backspace tab ret comma dot slash
		asterisk spc caps_lock num_lock scroll_lock kp_divide kp_multiply kp_subtract kp_add kp_enter kp_decimal sysrq < print
		home pgup pgdn end left up down right insert delete`)
	for c := 'a'; c <= 'z'; c++ {
		keys = append(keys, string(c))
	}
	for n := range 10 {
		keys = append(keys, fmt.Sprint(n), fmt.Sprintf("kp_%d", n))
	}
	for n := 1; n <= 12; n++ {
		keys = append(keys, fmt.Sprintf("f%d", n))
	}
	return keys
}

type definitionView struct {
	ID   string `json:"id"`
	Data any    `json:"data"`
}

func getDefinitions(*request) (response, error) {
	return okResponse([]definitionView{
		{"distributions", distributions},
		{"storage_grades", storageGrades},
		{"zone_names", zoneNames},
		{"hardware_profiles", hardwareProfiles},
		{"keymaps", keymaps},
		{"sendkeys", sendKeys},
		{"distribution_descriptions", map[string]string{
			"centos5": "CentOS 5", "centos6": "CentOS 6", "centos7": "CentOS 7", "jessie": "Debian 8", "precise": "Ubuntu 12.04",
			"stretch": "Debian 9", "symbiosis": "Debian with Symbiosis", "trusty": "Ubuntu 14.04", "utopic": "Ubuntu 14.10",
			"vivid": "Ubuntu 15.04", "wheezy": "Debian 7", "winstd2012": "Windows Server 2012 Standard",
			"winweb2k8r2": "Windows Web Server 2008 R2",
		}},
		{"storage_grade_descriptions", map[string]string{"sata": "Standard SSD", "ssd": "Fast SSD", "archive": "Archive"}},
	})
}
