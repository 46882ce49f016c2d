package bigvtest

import (
	"encoding/json"
	"strings"

	"github.com/bigv-go/bigv"
)

// vmDefaultRoutes lists the endpoints of VM defaults.
var vmDefaultRoutes = map[string]handler{
	"POST /vm_defaults": createVMDefault,
}

type vmDefault struct {
	id       int
	account  *account
	name     string
	public   bool
	settings map[string]json.RawMessage
}

type vmDefaultView struct {
	ID        int                        `json:"id"`
	AccountID int                        `json:"account_id"`
	Name      string                     `json:"name"`
	Public    bool                       `json:"public"`
	Settings  map[string]json.RawMessage `json:"server_settings"`
}

// createVMDefault stores a template. Only staff may create a public one.
func createVMDefault(q *request) (response, error) {
	f, d := q.newForm(), &vmDefault{settings: map[string]json.RawMessage{}}
	f.require("account_id", "name", "server_settings")
	if id := 0; f.integer("account_id", &id) {
		if d.account = q.accounts.get(id); d.account == nil || !q.caller.canSeeAccount(d.account) {
			f.addError("account_id", "is invalid")
		}
	}
	if f.text("name", &d.name) && strings.TrimSpace(d.name) == "" {
		f.addError("name", "can't be blank")
	}
	f.boolean("public", &d.public)
	if in, present := f.object("server_settings", "server_settings."); present {
		in.object("virtual_machine", "")
		in.object("reimage", "")
		for _, disc := range in.objects("discs") {
			disc.objects("backup_schedules")
		}
		for _, key := range []string{"virtual_machine", "discs", "reimage"} {
			if raw, present := in.attributes[key]; present {
				d.settings[key] = raw
			}
		}
	}
	if err := f.errors.err(); err != nil {
		return response{}, err
	}
	if err := q.authorize(q.caller.accountRank(d.account), bigv.AccountAdmin, d.account); err != nil {
		return response{}, err
	}
	if d.public && !q.caller.isStaff() {
		return response{}, errForbidden
	}
	q.defaults.add(func(id int) *vmDefault {
		d.id = id
		return d
	})
	return q.createdResponse(vmDefaultView{d.id, d.account.id, d.name, d.public, d.settings})
}
