package bigvtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

const justBefore = -time.Nanosecond

func TestProvisioningTakesTime(t *testing.T) {
	for name, row := range map[string]struct {
		machine string
		on      bool
	}{
		"autoreboot_on powers the machine on": {`"autoreboot_on":true`, true},
		"power_on powers the machine on":      {`"power_on":true`, true},
		"the machine is off without either":   {`"power_on":false,"autoreboot_on":false`, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			createResponse := send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create",
				`{"virtual_machine":{"name":"www1",`+row.machine+`},"discs":[{"size":50}],
					"reimage":{"distribution":"jessie","root_password":"s3cretpass"}}`)
			require.Equal(t, http.StatusAccepted, createResponse.status, createResponse.body)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")

			srv.Advance(bigvtest.ProvisioningTime + justBefore)
			early := send(t, srv, srv.Token(), "GET "+onWWW1+"?view=overview", "")
			assert.Equal(t, http.StatusAccepted, early.status)
			assert.Equal(t, false, early.object(t)["power_on"])
			assert.Nil(t, early.object(t)["last_imaged_with"])
			assert.Nil(t, early.object(t)["head"])
			assert.Empty(t, early.object(t)["network_interfaces"])
			assert.True(t, vm.State().Provisioning)

			srv.Advance(-justBefore)
			late := send(t, srv, srv.Token(), "GET "+onWWW1+"?view=overview", "")
			assert.Equal(t, http.StatusOK, late.status)
			assert.Equal(t, row.on, late.object(t)["power_on"])
			assert.Equal(t, row.on, late.object(t)["head"] != nil)
			assert.Equal(t, "jessie", late.object(t)["last_imaged_with"])
			assert.Len(t, late.object(t)["network_interfaces"], 1)
			state := vm.State()
			assert.False(t, state.Provisioning)
			assert.Equal(t, row.on, state.PoweredOn)
			assert.Equal(t, "s3cretpass", state.RootPassword)
			assert.Len(t, state.IPs, 2)
		})
	}
}

// TestPowerOverTime checks at several times whether a machine is powered on after some requests.
func TestPowerOverTime(t *testing.T) {
	const (
		put     = "PUT " + onWWW1
		signal  = "POST " + onWWW1 + "/signal"
		start   = put + ` {"autoreboot_on":true,"power_on":true}`
		stop    = put + ` {"autoreboot_on":false,"power_on":false}`
		restart = put + ` {"autoreboot_on":true,"power_on":false}`
		clean   = put + ` {"autoreboot_on":false}`
		down    = signal + ` {"signal":"powerdown"}`
	)
	type moment struct {
		after time.Duration
		on    bool
	}
	for name, row := range map[string]struct {
		off     bool
		do      []string
		moments []moment
		starts  int
	}{
		"start":                              {true, []string{start}, []moment{{0, true}, {time.Hour, true}}, 2},
		"start while powered on":             {false, []string{start}, []moment{{0, true}}, 1},
		"start by power_on alone":            {true, []string{put + ` {"power_on":true}`}, []moment{{0, true}, {time.Hour, true}}, 2},
		"autoreboot_on alone does not start": {true, []string{put + ` {"autoreboot_on":true}`}, []moment{{time.Hour, false}}, 1},
		"stop":                               {false, []string{stop}, []moment{{0, false}, {time.Hour, false}}, 1},
		"power_on false with autoreboot_on restarts": {
			false, []string{restart}, []moment{{0, false}, {bigvtest.RestartTime + justBefore, false}, {-justBefore, true}}, 2,
		},
		"restart, then stop":                {false, []string{restart, stop}, []moment{{time.Hour, false}}, 1},
		"restart, then start":               {false, []string{restart, start}, []moment{{0, true}, {time.Hour, true}}, 2},
		"restart, then autoreboot_on false": {false, []string{restart, clean}, []moment{{time.Hour, false}}, 1},
		"powerdown with autoreboot_on restarts": {false, []string{down}, []moment{
			{
				bigvtest.PowerdownTime + justBefore, true}, {-justBefore, false}, {bigvtest.RestartTime + justBefore, false}, {-justBefore,
				true,
			},
		}, 2},
		"powerdown without autoreboot_on": {
			false, []string{clean, down}, []moment{{bigvtest.PowerdownTime + justBefore, true}, {-justBefore, false}, {time.Hour, false}},
			1,
		},
		"start does not stop a powerdown": {
			false, []string{down, start}, []moment{{bigvtest.PowerdownTime, false}, {bigvtest.RestartTime, true}}, 2,
		},
		"stop replaces a powerdown":  {false, []string{down, stop, start}, []moment{{0, true}, {bigvtest.PowerdownTime, true}}, 2},
		"reset keeps the machine on": {false, []string{signal + ` {"signal":"reset"}`}, []moment{{0, true}, {time.Hour, true}}, 1},
		"reimage powers the machine on": {true, []string{"POST " + onWWW1 + `/reimage {"distribution":"stretch"}`}, []moment{
			{0, true}, {time.Hour, true},
		}, 2},
		"reimage sets autoreboot_on false": {
			true, []string{"POST " + onWWW1 + `/reimage {"distribution":"stretch"}`, down}, []moment{{time.Hour, false}}, 2,
		},
		"delete powers the machine off": {false, []string{"DELETE " + onWWW1 + " "}, []moment{{0, false}, {time.Hour, false}}, 1},
		"undelete keeps the machine off": {
			false, []string{"DELETE " + onWWW1 + " ", put + ` {"deleted":false}`}, []moment{{0, false}, {time.Hour, false}}, 1,
		},
		"undelete and start": {false, []string{"DELETE " + onWWW1 + " ", put + ` {"deleted":false,"power_on":true}`}, []moment{
			{0, true}, {time.Hour, true},
		}, 2},
		"delete during a restart": {false, []string{restart, "DELETE " + onWWW1 + " "}, []moment{{time.Hour, false}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1")
			if row.off {
				vm.SetPower(false)
			}
			for _, request := range row.do {
				words := strings.SplitN(request, " ", 3)
				got := send(t, srv, srv.Token(), words[0]+" "+words[1], words[2])
				require.Less(t, got.status, 300, "%s: %s", request, got.body)
			}
			for _, moment := range row.moments {
				srv.Advance(moment.after)
				got := send(t, srv, srv.Token(), "GET "+onWWW1+"?include_deleted=true", "").object(t)
				assert.Equal(t, moment.on, got["power_on"], "after another %s", moment.after)
				assert.Equal(t, moment.on, vm.State().PoweredOn)
			}
			assert.Equal(t, row.starts, vm.State().Starts)
		})
	}
}

func TestAppliances(t *testing.T) {
	for name, row := range map[string]struct {
		permanent string
		then      string
	}{"permanent false": {"false", ""}, "permanent true": {"true", "rescue"}} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(false)
			send(
				t, srv, srv.Token(), "PUT "+onWWW1,
				`{"power_on":true,"autoreboot_on":true,"appliance":{"name":"rescue","permanent":`+row.permanent+`}}`,
			)
			assert.Equal(t, "rescue", vm.State().Appliance)
			send(t, srv, srv.Token(), "PUT "+onWWW1, `{"power_on":false,"autoreboot_on":true}`)
			assert.Empty(t, vm.State().Appliance)
			srv.Advance(bigvtest.RestartTime)
			assert.True(t, vm.State().PoweredOn)
			assert.Equal(t, row.then, vm.State().Appliance)
		})
	}
}
