package bigvtest

import (
	"net/http"
	"slices"
	"strings"
)

// setPower powers a virtual machine on or off. While it is being provisioned, the change takes effect
// at the end.
func (st *state) setPower(m *machine, on bool) {
	switch {
	case m.provisioning:
		m.powerOnAfterProvisioning = on
	case on:
		st.powerOn(m)
	default:
		st.powerOff(m)
	}
}

func (st *state) powerOn(m *machine) {
	if m.powerOn || m.deleted {
		return // a powerdown in progress continues, and a deleted machine stays off
	}
	m.pendingEvent.cancel()
	m.pendingEvent, m.powerOn = nil, true
	m.starts++
	m.runningAppliance = ""
	if m.appliance != nil {
		m.runningAppliance = m.appliance.Name
		if !m.appliance.Permanent {
			m.appliance = nil
		}
	}
}

// powerOff powers a virtual machine off. With autoreboot_on it is started again after RestartTime.
func (st *state) powerOff(m *machine) {
	m.pendingEvent.cancel()
	m.pendingEvent, m.powerOn, m.runningAppliance = nil, false, ""
	if !m.autoreboot || m.deleted {
		return
	}
	m.pendingEvent = st.clock.after(RestartTime, func() {
		m.pendingEvent = nil
		if m.autoreboot {
			st.powerOn(m)
		}
	})
}

type signalView struct {
	Signal string `json:"signal"`
	Data   string `json:"data,omitempty"`
}

func signalMachine(q *request) (response, error) {
	m, err := q.machineForUpdate(true)
	if err != nil {
		return response{}, err
	}
	f, v := q.newForm(), signalView{}
	f.require("signal")
	if f.text("signal", &v.Signal) {
		f.checkOneOf("signal", v.Signal, []string{"powerdown", "reset", "sendkey"})
	}
	if v.Signal == "sendkey" {
		f.require("data")
		if f.text("data", &v.Data) && !areKeyNames(v.Data) {
			f.addError("data", "is invalid")
		}
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if !m.powerOn {
		return response{}, newAPIError(http.StatusBadRequest, "Virtual machine is not powered on")
	}
	switch v.Signal {
	case "reset":
		m.resets++
	case "sendkey":
		m.sentKeys = append(m.sentKeys, v.Data)
	case "powerdown":
		m.pendingEvent.cancel()
		m.pendingEvent = q.clock.after(PowerdownTime, func() {
			m.pendingEvent = nil
			q.state.powerOff(m)
		})
	}
	return okResponse(v)
}

// areKeyNames reports whether text consists of key names joined by dashes. Older clients write del for
// delete.
func areKeyNames(text string) bool {
	for name := range strings.SplitSeq(text, "-") {
		if name != "del" && !slices.Contains(sendKeys, name) {
			return false
		}
	}
	return true
}

func reimageMachine(q *request) (response, error) {
	m, err := q.machineForUpdate(true)
	if err != nil {
		return response{}, err
	}
	f := q.newForm()
	i := readImage(f)
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	switch {
	case m.powerOn || m.provisioning:
		return response{}, newAPIError(http.StatusBadRequest, "Virtual machine must be powered off")
	case len(m.discs) == 0:
		return response{}, newAPIError(http.StatusBadRequest, "Virtual machine has no disc")
	}
	m.image, m.lastImaged, m.autoreboot = i, &i.Distribution, false
	m.discs[0].restoredFrom = 0
	q.powerOn(m)
	return okResponse(image{Distribution: i.Distribution, RootPassword: i.RootPassword})
}
