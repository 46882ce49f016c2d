package bigvtest_test

import (
	"fmt"
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
		"autoreboot_on alone ends in on": {`"autoreboot_on":true`, true},
		"power_on alone ends in on":      {`"power_on":true`, true},
		"neither ends in off":            {`"power_on":false,"autoreboot_on":false`, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			createResponse := send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create",
				`{"virtual_machine":{"name":"www1",`+row.machine+`},"discs":[{"size":50}],"reimage":{"distribution":"jessie","root_password":"s3cretpass"}}`)
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

// What is done to a machine, and whether it is on afterwards, at each of a few
// moments.
func TestPowerInTime(t *testing.T) {
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
		"start":                            {true, []string{start}, []moment{{0, true}, {time.Hour, true}}, 2},
		"start what is on":                 {false, []string{start}, []moment{{0, true}}, 1},
		"start by power_on alone":          {true, []string{put + ` {"power_on":true}`}, []moment{{0, true}, {time.Hour, true}}, 2},
		"autoreboot alone starts nothing":  {true, []string{put + ` {"autoreboot_on":true}`}, []moment{{time.Hour, false}}, 1},
		"stop":                             {false, []string{stop}, []moment{{0, false}, {time.Hour, false}}, 1},
		"off with autoreboot is a restart": {false, []string{restart}, []moment{{0, false}, {bigvtest.RestartTime + justBefore, false}, {-justBefore, true}}, 2},
		"a restart and then a stop":        {false, []string{restart, stop}, []moment{{time.Hour, false}}, 1},
		"a restart and then a start":       {false, []string{restart, start}, []moment{{0, true}, {time.Hour, true}}, 2},
		"a restart without autoreboot":     {false, []string{restart, clean}, []moment{{time.Hour, false}}, 1},
		"powerdown with autoreboot is a reboot": {false, []string{down}, []moment{
			{bigvtest.PowerdownTime + justBefore, true}, {-justBefore, false}, {bigvtest.RestartTime + justBefore, false}, {-justBefore, true},
		}, 2},
		"powerdown without":               {false, []string{clean, down}, []moment{{bigvtest.PowerdownTime + justBefore, true}, {-justBefore, false}, {time.Hour, false}}, 1},
		"a powerdown goes on after start": {false, []string{down, start}, []moment{{bigvtest.PowerdownTime, false}, {bigvtest.RestartTime, true}}, 2},
		"a stop overtakes a powerdown":    {false, []string{down, stop, start}, []moment{{0, true}, {bigvtest.PowerdownTime, true}}, 2},
		"reset leaves it on":              {false, []string{signal + ` {"signal":"reset"}`}, []moment{{0, true}, {time.Hour, true}}, 1},
		"reimage leaves it on": {true, []string{"POST " + onWWW1 + `/reimage {"distribution":"stretch"}`}, []moment{
			{0, true}, {time.Hour, true},
		}, 2},
		"and without autoreboot": {true, []string{"POST " + onWWW1 + `/reimage {"distribution":"stretch"}`, down}, []moment{{time.Hour, false}}, 2},
		"delete takes it down":   {false, []string{"DELETE " + onWWW1 + " "}, []moment{{0, false}, {time.Hour, false}}, 1},
		"undelete leaves it off": {false, []string{"DELETE " + onWWW1 + " ", put + ` {"deleted":false}`}, []moment{{0, false}, {time.Hour, false}}, 1},
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

func TestAppliancesLastForAStart(t *testing.T) {
	for name, row := range map[string]struct {
		permanent string
		then      string
	}{"one start": {"false", ""}, "all starts": {"true", "rescue"}} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			vm := srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(false)
			send(t, srv, srv.Token(), "PUT "+onWWW1, `{"power_on":true,"autoreboot_on":true,"appliance":{"name":"rescue","permanent":`+row.permanent+`}}`)
			assert.Equal(t, "rescue", vm.State().Appliance)
			send(t, srv, srv.Token(), "PUT "+onWWW1, `{"power_on":false,"autoreboot_on":true}`)
			assert.Empty(t, vm.State().Appliance)
			srv.Advance(bigvtest.RestartTime)
			assert.True(t, vm.State().PoweredOn)
			assert.Equal(t, row.then, vm.State().Appliance)
		})
	}
}

const onDisc = onWWW1 + "/discs/disc-1"

func TestBackupsTravelToColdStorageAndBack(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
	taken := send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "")
	require.Equal(t, http.StatusCreated, taken.status, taken.body)
	b := taken.object(t)
	assert.Equal(t, "disc-1-backup-20190304120000", b["label"])
	assert.Equal(t, "sata", b["storage_grade"])
	assert.Equal(t, true, b["manual"])
	one := fmt.Sprint(onDisc, "/backups/", b["id"])

	srv.Advance(bigvtest.BackupTime + justBefore)
	assert.Equal(t, "sata", send(t, srv, srv.Token(), "GET "+one, "").object(t)["storage_grade"])
	assert.Equal(t, http.StatusBadRequest, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status, "it is still being taken")
	srv.Advance(-justBefore)
	assert.Equal(t, "iceberg", send(t, srv, srv.Token(), "GET "+one, "").object(t)["storage_grade"])

	require.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status)
	got := send(t, srv, srv.Token(), "GET "+onDisc, "").object(t)
	assert.Equal(t, "iceberg", got["storage_grade"])
	assert.Equal(t, "sata", got["new_storage_grade"])
	assert.EqualValues(t, 2, got["backup_count"], "what was there is backed up first")
	assert.Equal(t, http.StatusBadRequest, send(t, srv, srv.Token(), "PUT "+one, `{"restore":true}`).status, "it is being restored")
	srv.Advance(bigvtest.RestoreTime + justBefore)
	assert.Contains(t, send(t, srv, srv.Token(), "GET "+onDisc, "").object(t), "new_storage_grade")
	srv.Advance(-justBefore)
	got = send(t, srv, srv.Token(), "GET "+onDisc, "").object(t)
	assert.Equal(t, "sata", got["storage_grade"])
	assert.NotContains(t, got, "new_storage_grade")
	assert.EqualValues(t, b["id"], disc.State().RestoredFrom)
}

func TestSchedulesTakeBackups(t *testing.T) {
	for name, row := range map[string]struct {
		schedule string
		advance  []time.Duration
		want     []string // when the backups that are kept were taken
	}{
		"not before the start": {`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":3`, []time.Duration{12*time.Hour + justBefore}, nil},
		"at the start":         {`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":3`, []time.Duration{12 * time.Hour}, []string{"20190305000000"}},
		"at every interval, as many as are kept": {
			`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":3`, []time.Duration{5 * 24 * time.Hour},
			[]string{"20190307000000", "20190308000000", "20190309000000"},
		},
		"in small steps as in a large one": {
			`"start_at":"2019-03-05 00:00:00 GMT","interval_seconds":86400,"capacity":2`, []time.Duration{13 * time.Hour, 24 * time.Hour, time.Hour, 24 * time.Hour},
			[]string{"20190306000000", "20190307000000"},
		},
		"a start in the past": {
			`"start_at":"2019-03-01T06:00:00Z","interval_seconds":86400`, []time.Duration{18 * time.Hour}, []string{"20190305060000"},
		},
		"a start long past":    {`"start_at":"0001-01-01","interval_seconds":86400`, []time.Duration{12 * time.Hour}, []string{"20190305000000"}},
		"no capacity is one":   {`"start_at":"00:00","interval_seconds":86400,"capacity":0`, []time.Duration{72 * time.Hour}, []string{"20190307000000"}},
		"now, if not told":     {`"interval_seconds":604800`, []time.Duration{time.Second}, []string{"20190304120000"}},
		"a century in a blink": {`"start_at":"00:00","interval_seconds":1`, []time.Duration{100 * 365 * 24 * time.Hour}, []string{"21190208120000"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
			made := send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", "{"+row.schedule+"}")
			require.Equal(t, http.StatusCreated, made.status, made.body)
			for _, d := range row.advance {
				srv.Advance(d)
			}
			taken := []any{}
			for _, at := range row.want {
				taken = append(taken, "disc-1-backup-"+at)
			}
			list := send(t, srv, srv.Token(), "GET "+onDisc+"/backups", "")
			assert.Equal(t, taken, list.values(t, "label"))
			for _, manual := range list.values(t, "manual") {
				assert.Equal(t, false, manual)
			}
			assert.Equal(t, 1, disc.State().Schedules)

			one := fmt.Sprint("DELETE ", onDisc, "/backup_schedules/", made.object(t)["id"])
			require.Equal(t, http.StatusNoContent, send(t, srv, srv.Token(), one, "").status)
			srv.Advance(30 * 24 * time.Hour)
			assert.Equal(t, len(row.want), disc.State().Backups, "a schedule that is gone takes none")
			assert.Zero(t, disc.State().Schedules)
		})
	}
}

func TestBackupsByHandAreNotPruned(t *testing.T) {
	srv := bigvtest.NewServer(t)
	disc := srv.Account("acme").Group("web").VirtualMachine("www1").Disc("disc-1", 0)
	send(t, srv, srv.Token(), "POST "+onDisc+"/backups", "")
	send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"start_at":"00:00","interval_seconds":3600,"capacity":2}`)
	srv.Advance(48 * time.Hour)
	assert.Equal(t, 3, disc.State().Backups)
	assert.Equal(t, []any{true, false, false}, send(t, srv, srv.Token(), "GET "+onDisc+"/backups", "").values(t, "manual"))
}

func TestTimesAsTheServiceReadsThem(t *testing.T) {
	for text, want := range map[string]string{
		"2019-03-10T01:02:03Z":      "2019-03-10T01:02:03+00:00",
		"2019-03-10T01:02:03.5Z":    "2019-03-10T01:02:03+00:00",
		"2019-03-10T01:02:03+02:00": "2019-03-10T01:02:03+02:00",
		"2019-03-10T01:02:03-0700":  "2019-03-10T01:02:03-07:00",
		"2019-03-10 01:02:03 GMT":   "2019-03-10T01:02:03+00:00",
		"2019-03-10 01:02:03 UTC":   "2019-03-10T01:02:03+00:00",
		"2019-07-10 01:02:03 BST":   "2019-07-10T01:02:03+01:00",
		"2019-03-10 01:02:03 +0200": "2019-03-10T01:02:03+02:00",
		"2019-03-10 01:02:03":       "2019-03-10T01:02:03+00:00",
		"2019-07-10 01:02:03":       "2019-07-10T01:02:03+01:00",
		"2019-07-10T01:02:03":       "2019-07-10T01:02:03+01:00",
		"2019-03-31 00:59:59":       "2019-03-31T00:59:59+00:00", // the last second of winter
		"2019-03-31 02:00:00":       "2019-03-31T02:00:00+01:00",
		"2019-10-27 00:59:59":       "2019-10-27T00:59:59+01:00",
		"2019-10-27 02:00:00":       "2019-10-27T02:00:00+00:00",
		"2019-03-10":                "2019-03-10T00:00:00+00:00",
		"13:00":                     "2019-03-04T13:00:00+00:00", // today
		"12:00":                     "2019-03-04T12:00:00+00:00", // now
		"11:59:59":                  "2019-03-05T11:59:59+00:00", // tomorrow
		"25:00":                     "",
		"2019-02-30":                "",
		"2019-03-10 01:02:03 XYZ":   "",
		"soon":                      "",
	} {
		t.Run(text, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			srv.Account("acme").Group("web").VirtualMachine("www1")
			got := send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"interval_seconds":60,"start_at":"`+text+`"}`)
			if want == "" {
				assert.Equal(t, http.StatusBadRequest, got.status)
				assert.Equal(t, `{"start_at":["is invalid"]}`, got.body)
				return
			}
			assert.Equal(t, want, got.object(t)["start_at"], got.body)
		})
	}
}

func TestATimeOfDayInSummer(t *testing.T) {
	// Half past midnight in Britain, and still yesterday in UTC.
	srv := bigvtest.NewServer(t, bigvtest.WithClock(time.Date(2019, 7, 9, 23, 30, 0, 0, time.UTC)))
	srv.Account("acme").Group("web").VirtualMachine("www1")
	for text, want := range map[string]string{"01:00": "2019-07-10T01:00:00+01:00", "00:00": "2019-07-11T00:00:00+01:00"} {
		got := send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"interval_seconds":60,"start_at":"`+text+`"}`)
		assert.Equal(t, want, got.object(t)["start_at"], got.body)
	}
}

func TestTheClockOfTheServer(t *testing.T) {
	start := time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)
	t.Run("stands still", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithClock(start))
		assert.Equal(t, start, srv.Now())
		srv.Advance(time.Minute)
		srv.Advance(-time.Hour) // it does not go back
		assert.Equal(t, start.Add(time.Minute), srv.Now())
	})
	t.Run("moves with each look at a machine or a disc", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithClock(start), bigvtest.WithAutoAdvance(time.Minute))
		srv.Account("acme").Group("web").VirtualMachine("www1")
		looks := []string{
			onWWW1, "/virtual_machines/www1", "/virtual_machines", inWeb + "/virtual_machines", onDisc, onWWW1 + "/discs", "/discs", "/discs/9001", onDisc + "/backups",
		}
		for _, path := range looks {
			require.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET "+path, "").status, path)
		}
		send(t, srv, srv.Token(), "PUT "+onWWW1, `{}`)
		send(t, srv, srv.Token(), "GET /accounts", "")
		assert.Equal(t, start.Add(time.Duration(len(looks))*time.Minute), srv.Now())
	})
	t.Run("gets a program that polls somewhere", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime/3))
		send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", createWWW1)
		var codes []int
		for range 4 {
			codes = append(codes, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)
		}
		assert.Equal(t, []int{202, 202, 200, 200}, codes)
	})
	t.Run("runs by itself, from the time of day", func(t *testing.T) {
		before := time.Now()
		srv := bigvtest.NewServer(t, bigvtest.WithSpeed(1e7))
		send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", createWWW1) // ten microseconds are more than a minute and a half
		assert.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)
		assert.True(t, srv.Now().After(before))
		slow := bigvtest.NewServer(t, bigvtest.WithSpeed(1))
		assert.WithinDuration(t, time.Now(), slow.Now(), time.Minute)
		slow.Advance(time.Hour)
		assert.WithinDuration(t, time.Now().Add(time.Hour), slow.Now(), time.Minute)
	})
}
