package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// writeExpectations are about creations and changes that succeed.
var writeExpectations = []expectation{
	{"POST of a group gets 200 or 201", "api/openapi.yaml: The documentation says 200 here and 201", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.checkCreated(p.makeGroup(ctx))
		}},
	{"vm_create gets 202", "virtual_machine_create.go Create", true, func(ctx context.Context, p *probe) (string, error) {
		x, err := p.makeMachine(ctx)
		if err != nil {
			return "", err
		}
		return expectStatus(x, 202)
	}},
	{"The Location of vm_create, if there is one, is the machine", "virtual_machine_create.go Create", true, checkLocation},
	{"The response to vm_create has the machine in virtual_machine", "virtual_machine_create.go createResponse", true, checkWrapped},
	{"A machine that is being provisioned gets 202", "virtual_machines.go setStatus", true, checkProvisioning},
	{"PUT returns the machine without its discs", "virtual_machines.go Update", true, checkPutResponse},
	{"An unknown attribute is discarded", "bigvtest/attributes.go attributes", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.checkUnchanged(ctx, object{"probe_unknown": 1})
		}},
	{"A read-only attribute is discarded", "virtual_machines.go VirtualMachineUpdate", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.checkUnchanged(ctx, object{"hostname": "probe.example.org", "management_address": "192.0.2.1"})
		}},
	{"PUT changes only the attributes that it has", "virtual_machines.go VirtualMachineUpdate", true, checkPartial},
	{"false is stored", "virtual_machines.go VirtualMachineUpdate", true, func(ctx context.Context, p *probe) (string, error) {
		return p.checkStored(ctx, "hardware_profile_locked", true, false)
	}},
	{"null clears an attribute", "nullable.go Null", true, func(ctx context.Context, p *probe) (string, error) {
		return p.checkStored(ctx, "keymap", "en-gb", nil)
	}},
	{"POST of a disc gets 200 or 201", "api/openapi.yaml: Sources differ between 200 and 201", true,
		func(ctx context.Context, p *probe) (string, error) {
			x, _, err := p.makeDisc(ctx, "probe-disc")
			return p.checkCreated(x, err)
		}},
	{"A disc without a label gets disc and a number", "api/openapi.yaml: Which labels are refused", true, checkDefaultLabel},
	{"A renamed machine has another host name, and its path gets 404", "virtual_machine_relocate.go Rename", true, checkRename},
	{"POST of a backup schedule gets 200 or 201", "api/openapi.yaml: The status of the success is not stated", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.checkCreated(p.makeSchedule(ctx))
		}},
	{"POST of a privilege gets 200 or 201", "api/openapi.yaml: Sources differ between 200 and 201", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.checkCreated(p.makePrivilege(ctx))
		}},
	{"POST of an API key gets 200 or 201", "api/openapi.yaml: The status of the success is not stated", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.checkCreated(p.makeKey(ctx))
		}},
	{"A new API key is in the response, without its prefix", "auth.go withoutAPIKeyPrefix", true, checkNewKey},
	{"The expiry of an API key is returned as it was sent", "timestamp.go NewTimestamp", true, checkExpiry},
}

// checkCreated checks the response to a POST: its status, and that it has an ID.
func (p *probe) checkCreated(x *roundTrip, err error) (string, error) {
	if err == nil && x.status == http.StatusForbidden {
		err = isMade(x, nil)
	}
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, 200, 201)
	if err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	if !hasType(o["id"], "int") {
		return "", differs("%s, without an ID", seen)
	}
	return seen, nil
}

func checkLocation(ctx context.Context, p *probe) (string, error) {
	x, err := p.makeMachine(ctx)
	if err := isMade(x, err); err != nil {
		return "", err
	}
	location := x.received.Get("Location")
	if location == "" {
		return "no Location", nil
	}
	u, err := url.Parse(location)
	if err != nil {
		return "", differs("Location is not a URL")
	}
	vm, err := p.ready(ctx)
	if err != nil {
		return "", err
	}
	_, last, _ := strings.Cut(u.Path, "/virtual_machines/")
	if last != machineName && last != text(vm, "id") {
		return "", differs("Location is something else")
	}
	return "the machine", nil
}

func checkWrapped(ctx context.Context, p *probe) (string, error) {
	x, err := p.makeMachine(ctx)
	if err := isMade(x, err); err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	vm, ok := o["virtual_machine"].(map[string]any)
	if !ok {
		return "", differs("virtual_machine is %s", typeOf(o["virtual_machine"]))
	}
	if !hasType(vm["id"], "int") || text(vm, "name") != machineName {
		return "", differs("virtual_machine has another ID or name")
	}
	var names []string
	for name := range o {
		names = append(names, memberName(name))
	}
	return joined(names), nil
}

func checkProvisioning(ctx context.Context, p *probe) (string, error) {
	if err := isMade(p.makeMachine(ctx)); err != nil {
		return "", err
	}
	x := p.results["first read"]
	if x == nil {
		return "", skip("no response")
	}
	seen, err := expectStatus(x, 202)
	if err != nil {
		return "", err
	}
	if _, err := p.ready(ctx); err != nil {
		return "", err
	}
	return seen + ", and 200 later", nil
}

func checkPutResponse(ctx context.Context, p *probe) (string, error) {
	if _, err := p.ready(ctx); err != nil {
		return "", err
	}
	x, err := p.put(ctx, object{"hardware_profile_locked": false})
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, 200)
	if err != nil {
		return "", err
	}
	vm, err := x.object()
	if err != nil {
		return "", err
	}
	if text(vm, "name") != machineName {
		return "", differs("%s, but not the machine", seen)
	}
	if vm["discs"] != nil || vm["network_interfaces"] != nil {
		return "", differs("%s, with discs or network_interfaces", seen)
	}
	return seen, nil
}

// checkUnchanged checks that a PUT is accepted and changes nothing.
func (p *probe) checkUnchanged(ctx context.Context, body object) (string, error) {
	before, err := p.ready(ctx)
	if err != nil {
		return "", err
	}
	x, err := p.put(ctx, body)
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, 200)
	if err != nil {
		return "", err
	}
	after, err := p.ready(ctx)
	if err != nil {
		return "", err
	}
	for name := range body {
		if fmt.Sprint(before[name]) != fmt.Sprint(after[name]) {
			return "", differs("%s, and %s is changed", seen, name)
		}
	}
	return seen, nil
}

func checkPartial(ctx context.Context, p *probe) (string, error) {
	before, err := p.ready(ctx)
	if err != nil {
		return "", err
	}
	cores := 2
	if text(before, "cores") == "2" {
		cores = 1
	}
	x, err := p.put(ctx, object{"cores": cores})
	if err != nil {
		return "", err
	}
	if _, err := expectStatus(x, 200); err != nil {
		return "", err
	}
	after, err := p.ready(ctx)
	if err != nil {
		return "", err
	}
	if text(after, "cores") != fmt.Sprint(cores) {
		return "", differs("cores is not changed")
	}
	for _, name := range []string{"name", "memory", "power_on", "autoreboot_on", "hardware_profile", "zone_name"} {
		if fmt.Sprint(before[name]) != fmt.Sprint(after[name]) {
			return "", differs("%s is changed too", name)
		}
	}
	return "only cores is changed", nil
}

// checkStored sets an attribute of the machine to one value and then to another, and reads both.
func (p *probe) checkStored(ctx context.Context, name string, values ...any) (string, error) {
	if _, err := p.ready(ctx); err != nil {
		return "", err
	}
	for _, value := range values {
		x, err := p.put(ctx, object{name: value})
		if err != nil {
			return "", err
		}
		if _, err := expectStatus(x, 200); err != nil {
			return "", err
		}
		vm, err := p.ready(ctx)
		if err != nil {
			return "", err
		}
		if vm[name] != value {
			return "", differs("%s is %s, and not the value that was sent: %s", name, typeOf(vm[name]), typeOf(value))
		}
	}
	return fmt.Sprintf("%s is %s, then %s", name, typeOf(values[0]), typeOf(values[1])), nil
}

var discLabels = regexp.MustCompile(`^disc-[0-9]+$`)

func checkDefaultLabel(ctx context.Context, p *probe) (string, error) {
	if _, err := p.ready(ctx); err != nil {
		return "", err
	}
	x, err := p.once(ctx, "disc", call{method: http.MethodPost, route: discsRoute, args: p.machinePath(), body: object{"size": 25600}})
	seen, err := p.checkCreated(x, err)
	if err != nil {
		return "", err
	}
	disc, err := x.object()
	if err == nil && !discLabels.MatchString(text(disc, "label")) {
		err = differs("%s, label is %s of another form", seen, typeOf(disc["label"]))
	}
	return seen, err
}

// checkRename renames the machine, reads it by its old name, and gives it back its name.
func checkRename(ctx context.Context, p *probe) (string, error) {
	if _, err := p.ready(ctx); err != nil {
		return "", err
	}
	x, err := p.put(ctx, object{"name": machineName + "b"})
	if err != nil {
		return "", err
	}
	if _, err := expectStatus(x, 200); err != nil {
		return "", err
	}
	old, err := p.do(ctx, call{method: http.MethodGet, route: machineRoute, args: p.machinePath()})
	if err != nil {
		return "", err
	}
	_, err = p.do(ctx, call{method: http.MethodPut, route: machineRoute, args: []string{p.account, p.name, machineName + "b"},
		body: object{"name": machineName}})
	if err != nil {
		return "", err
	}
	if old.status != http.StatusNotFound {
		return "", differs("status %d of the old path", old.status)
	}
	vm, err := x.object()
	if err != nil {
		return "", err
	}
	if machine, _, _ := hostParts(vm); machine != machineName+"b" {
		return "", differs("hostname does not begin with the new name")
	}
	return "another host name, and 404", nil
}

// makeSchedule adds a backup schedule to the first disc of the machine. It starts far in the future.
func (p *probe) makeSchedule(ctx context.Context) (*roundTrip, error) {
	if _, err := p.ready(ctx); err != nil {
		return nil, err
	}
	return p.once(ctx, "schedule", call{method: http.MethodPost, route: discRoute + "/backup_schedules", args: p.machinePath("root"),
		body: object{"start_at": time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339), "interval_seconds": 604800, "capacity": 1}})
}

// makePrivilege grants the client's own user a privilege on the machine, which allows nothing that the user may not do.
func (p *probe) makePrivilege(ctx context.Context) (*roundTrip, error) {
	vm, err := p.ready(ctx)
	if err != nil {
		return nil, err
	}
	user, err := p.ownName(ctx)
	if err != nil {
		return nil, err
	}
	return p.once(ctx, "privilege", call{method: http.MethodPost, route: "/users/{user}/privileges", args: []string{user},
		body: object{"level": "vm_console", "virtual_machine_id": vm["id"], "password_required": true, "yubikey_required": false}})
}

// makeKey creates an API key, which has no privileges.
func (p *probe) makeKey(ctx context.Context) (*roundTrip, error) {
	name, err := p.ownName(ctx)
	if err != nil {
		return nil, err
	}
	user, err := p.object(ctx, "/users/{user}", name)
	if err != nil {
		return nil, err
	}
	p.keyed = true
	return p.once(ctx, "key", call{method: http.MethodPost, route: "/api_keys",
		body: object{"user_id": user["id"], "label": p.name, "expires_at": keyExpiry}})
}

// keyExpiry is when the API key expires that is created. Its form is that of the package.
var keyExpiry = string(bigv.NewTimestamp(time.Now().Add(time.Hour)))

func checkNewKey(ctx context.Context, p *probe) (string, error) {
	x, err := p.makeKey(ctx)
	if err := isMade(x, err); err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	switch key := text(o, "api_key"); {
	case key == "":
		return "", differs("api_key is %s", typeOf(o["api_key"]))
	case strings.HasPrefix(key, "apikey."):
		return "", differs("api_key has the prefix")
	}
	return "in api_key", nil
}

func checkExpiry(ctx context.Context, p *probe) (string, error) {
	x, err := p.makeKey(ctx)
	if err := isMade(x, err); err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	want, _ := bigv.Timestamp(keyExpiry).Time()
	got, err := bigv.Timestamp(text(o, "expires_at")).Time()
	if err != nil || got.Sub(want).Abs() >= time.Second {
		return "", differs("expires_at is %s, and not that time", typeOf(o["expires_at"]))
	}
	return "the same time", nil
}

// isAll reports whether all elements have a type.
func isAll(values []any, want string) bool {
	return !slices.ContainsFunc(values, func(value any) bool { return !hasType(value, want) })
}
