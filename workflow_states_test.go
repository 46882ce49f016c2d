package bigv_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// power is whether a machine and its autoreboot are on.
type power struct{ on, autoreboot bool }

// leftStates maps each state that the error of a workflow names to a function that reports whether a machine was left in it. The function
// gets the state before the workflow, after it, and when a shutdown that was requested has happened.
var leftStates = map[string]func(before, after, later power) bool{
	"unchanged":          func(before, after, later power) bool { return after == before && later == before },
	"without autoreboot": func(_, after, later power) bool { return after == power{on: true} && later == after },
	"without autoreboot and with a shutdown requested, which may still happen": func(_, after, later power) bool {
		return !after.autoreboot && later == power{}
	},
	"off, without autoreboot":  func(_, after, later power) bool { return after == power{} && later == after },
	"started, with autoreboot": func(_, after, later power) bool { return after == power{true, true} && later == after },
}

// A workflow may fail at any of its requests, in any way. The state that its error names is that of the machine.
func TestWorkflowErrorsSayTheTruth(t *testing.T) {
	update := bigv.VirtualMachineUpdate{Memory: new(4096)}
	workflows := map[string]func(*testing.T, *bigv.Client, bigv.ShutdownOptions) error{
		"ShutdownAndWait": func(t *testing.T, c *bigv.Client, o bigv.ShutdownOptions) error {
			return errorOf(c.VirtualMachines.ShutdownAndWait(t.Context(), www1, o))
		},
		"RestartAndWait": func(t *testing.T, c *bigv.Client, o bigv.ShutdownOptions) error {
			return errorOf(c.VirtualMachines.RestartAndWait(t.Context(), www1, o))
		},
		"UpdateAndRestart": func(t *testing.T, c *bigv.Client, o bigv.ShutdownOptions) error {
			return errorOf(c.VirtualMachines.UpdateAndRestart(t.Context(), www1, update, o))
		},
	}
	faults := map[string]bigvtest.Fault{
		"forbidden":         {Status: http.StatusForbidden},
		"bad request":       {Status: http.StatusBadRequest},
		"not processed":     {DropBefore: true},
		"response lost":     {DropAfter: true},
		"response replaced": {Status: http.StatusBadGateway, AfterWork: true},
		"response empty":    {Status: http.StatusNoContent, AfterWork: true},
	}
	named := map[string]bool{}
	for name, run := range workflows {
		for _, forceAfter := range []time.Duration{0, time.Second} {
			for what, fault := range faults {
				for _, off := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/force after %s/%s/off %t", name, forceAfter, what, off), func(t *testing.T) {
						for skip, failed := 0, true; failed; skip++ {
							synctest.Test(t, func(t *testing.T) {
								srv := bigvtest.NewServer(t)
								vm := srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(!off)
								current := func() power { return power{vm.State().PoweredOn, vm.State().AutorebootOn} }
								before := current()
								fault := fault
								fault.Skip, fault.Times = skip, -1
								srv.Inject(fault)
								options := bigv.ShutdownOptions{ForceAfter: forceAfter, Wait: bigv.WaitOptions{Timeout: time.Minute}}
								err := run(t, srv.Client(), options)
								if failed = len(srv.Journal()) > skip; !failed { // the workflow has fewer requests
									require.NoError(t, err)
									return
								}
								require.Error(t, err)
								after := current()
								time.Sleep(bigvtest.PowerdownTime)
								_, states, found := strings.Cut(err.Error(), "; the machine was left ")
								if !found {
									states = "unchanged"
								}
								states = strings.TrimSuffix(states, ": wait longer, or use Stop") // the advice after a timeout
								isTrue := false
								for state := range strings.SplitSeq(states, ", or possibly ") {
									named[state] = true
									require.Contains(t, leftStates, state, err)
									isTrue = isTrue || leftStates[state](before, after, current())
								}
								assert.True(t, isTrue, "request %d: %v, but it is %+v, later %+v", skip, err, after, current())
							})
						}
					})
				}
			}
		}
	}
	assert.Len(t, named, len(leftStates), "the workflows are left in each of the states")
}
