package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bigv-go/bigv"
)

// idExpectations are about names and IDs in paths.
var idExpectations = []expectation{
	{"Digits in a nested URL are an ID", "path.go AccountPath", false, at(func(ctx context.Context, p *probe, at place) (string, error) {
		return p.sameObject(ctx, machineRoute, []string{at.accountID, at.groupID, at.machineID}, at.machineID)
	})},
	{"A flat URL finds a machine by its ID", "endpoint.go resolveEndpoint", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			return p.sameObject(ctx, "/virtual_machines/{id}", []string{at.machineID}, at.machineID)
		})},
	{"A flat URL finds a machine by its name", "api/openapi.yaml: A name may be ambiguous across groups", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			vm, err := p.object(ctx, "/virtual_machines/{name}", at.machine)
			if err != nil {
				return "", err
			}
			if text(vm, "name") != at.machine {
				return "", differs("a machine with another name")
			}
			return "found", nil
		})},
	{"A flat and a nested URL return the same disc", "endpoint.go resolveEndpoint", false, checkSameDisc},
	{"A disc is found by its label", "path.go Disc", false, at(func(ctx context.Context, p *probe, at place) (string, error) {
		discs, err := p.list(ctx, discsRoute, at.path()...)
		if err != nil || len(discs) == 0 {
			return "", err
		}
		return p.sameObject(ctx, discRoute, append(at.path(), text(discs[0], "label")), text(discs[0], "id"))
	})},
	{"Names of another letter case are the same object or none", "filter.go inAccount", false, checkLetterCase},
	{"default is the name of the default group", "path.go DefaultGroupName", false,
		func(ctx context.Context, p *probe) (string, error) {
			account, id, err := p.firstAccount(ctx)
			if err != nil {
				return "", err
			}
			x, err := p.do(ctx, call{method: http.MethodGet, route: groupsRoute + "/default", args: []string{account}})
			if err != nil {
				return "", err
			}
			if seen, err := expectStatus(x, 200); err != nil {
				return seen, err
			}
			g, err := x.object()
			if err == nil && text(g, "account_id") != id {
				err = differs("a group of another account")
			}
			return "found", err
		}},
	{"A host name begins with machine, group and account", "virtual_machines.go parents", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			vm, err := p.object(ctx, machineRoute, at.path()...)
			if err != nil {
				return "", err
			}
			machine, group, account := hostParts(vm)
			if !strings.EqualFold(machine, at.machine) || !strings.EqualFold(group, at.group) || !strings.EqualFold(account, at.account) {
				return "", differs("hostname has another form")
			}
			return "machine.group.account and a domain", nil
		})},
	{"An encoded colon in the path of an IPv6 address is accepted", "ips.go Get", false, checkIPv6},
	{"A deleted machine gets 404 without include_deleted", "api/openapi.yaml: The status of a deleted machine without include_deleted", false,
		func(ctx context.Context, p *probe) (string, error) {
			vm, err := p.deletedMachine(ctx)
			if err != nil {
				return "", err
			}
			return p.expectStatus(ctx, call{method: http.MethodGet, route: "/virtual_machines/{id}", args: []string{text(vm, "id")}}, 404)
		}},
	{"A deleted machine can be read with include_deleted", "call_options.go WithDeleted", false,
		func(ctx context.Context, p *probe) (string, error) {
			vm, err := p.deletedMachine(ctx)
			if err != nil {
				return "", err
			}
			return p.expectStatus(ctx, call{
				method: http.MethodGet, route: "/virtual_machines/{id}?include_deleted=true", args: []string{text(vm, "id")},
			}, 200)
		}},
}

// valueExpectations are about values of members.
var valueExpectations = []expectation{
	{"Timestamps can be parsed", "timestamp.go Time", false, checkTimestamps},
	{"Definitions have the expected types", "definitions.go UnmarshalJSON", false, checkDefinitions},
	{"Constants of the package are in the definitions", "discs.go StorageGrade", false, checkConstants},
	{"Primary addresses are an IPv4 and then an IPv6 address", "nics.go NIC", false, checkPrimary},
	{"Memory and sizes of discs are in MiB", "discs.go Disc", false, checkUnits},
	{"A key is not readable after its creation", "api_keys.go APIKey", false, checkKeysHidden},
}

// hostParts returns the first three labels of the host name of a machine.
func hostParts(vm object) (machine, group, account string) {
	labels := strings.Split(text(vm, "hostname"), ".")
	if len(labels) < 4 {
		return "", "", ""
	}
	return labels[0], labels[1], labels[2]
}

// sameObject checks that a path leads to the object with an ID.
func (p *probe) sameObject(ctx context.Context, route string, args []string, id string) (string, error) {
	x, err := p.do(ctx, call{method: http.MethodGet, route: route, args: args})
	if err != nil {
		return "", err
	}
	if x.status != http.StatusAccepted {
		if _, err := expectStatus(x, 200); err != nil {
			return "", err
		}
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	if text(o, "id") != id {
		return "", differs("an object with another ID")
	}
	return "the same object", nil
}

func checkSameDisc(ctx context.Context, p *probe) (string, error) {
	at, err := p.place(ctx)
	if err != nil {
		return "", err
	}
	discs, err := p.list(ctx, discsRoute, at.path()...)
	if err != nil {
		return "", err
	}
	id := text(discs[0], "id")
	flat, err := p.object(ctx, "/discs/{id}", id)
	if err != nil {
		return "", err
	}
	nested, err := p.object(ctx, discRoute, append(at.path(), id)...)
	if err != nil {
		return "", err
	}
	var other []string
	for name := range discMembers {
		if fmt.Sprint(flat[name]) != fmt.Sprint(nested[name]) {
			other = append(other, name)
		}
	}
	if len(other) > 0 {
		return "", differs("other values: %s", joined(other))
	}
	return "the same", nil
}

func checkLetterCase(ctx context.Context, p *probe) (string, error) {
	name, id, err := p.firstAccount(ctx)
	if err != nil {
		return "", err
	}
	if strings.ToUpper(name) == name {
		return "", skip("the name of the account has no small letters")
	}
	x, err := p.do(ctx, call{method: http.MethodGet, route: "/accounts/{account}", args: []string{strings.ToUpper(name)}})
	if err != nil {
		return "", err
	}
	if x.status == http.StatusNotFound {
		return "none", nil
	}
	if _, err := expectStatus(x, 200, 404); err != nil {
		return "", err
	}
	o, err := x.object()
	if err == nil && text(o, "id") != id {
		err = differs("another object")
	}
	return "the same object", err
}

func checkIPv6(ctx context.Context, p *probe) (string, error) {
	addresses, err := p.addresses(ctx)
	if err != nil {
		return "", err
	}
	for _, address := range slices.Concat(addresses...) {
		if addr, err := netip.ParseAddr(address); err == nil && addr.Is6() {
			return p.expectStatus(ctx, call{method: http.MethodGet, route: "/ips/{address}", args: []string{address}}, 200)
		}
	}
	return "", skip("no IPv6 address")
}

func checkTimestamps(ctx context.Context, p *probe) (string, error) {
	n := 0
	for _, source := range []struct {
		read    func(context.Context, *probe) ([]object, error)
		members []string
	}{
		{func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/api_keys?view=overview") }, []string{"expires_at"}},
		{readSchedules, []string{"start_at", "start_date"}},
	} {
		objects, err := source.read(ctx, p)
		if err != nil {
			return "", err
		}
		for _, o := range objects {
			for _, name := range source.members {
				value := text(o, name)
				if value == "" {
					continue
				}
				n++
				if _, err := bigv.Timestamp(value).Time(); err != nil {
					return "", differs("%s has another form", name)
				}
			}
		}
	}
	if n == 0 {
		return "", skip("no timestamp")
	}
	return fmt.Sprintf("%d parsed", n), nil
}

// definitionTypes maps the IDs of the known definitions to the types of their data.
var definitionTypes = map[string]string{
	"distributions": "strings", "storage_grades": "strings", "zone_names": "strings", "hardware_profiles": "strings",
	"keymaps": "strings", "sendkeys": "strings", "distribution_descriptions": "object", "storage_grade_descriptions": "object",
}

func checkDefinitions(ctx context.Context, p *probe) (string, error) {
	list, err := p.list(ctx, "/definitions")
	if err != nil {
		return "", err
	}
	var unknown, wrong []string
	seen := map[string]bool{}
	for _, d := range list {
		id := memberName(text(d, "id"))
		seen[id] = true
		if want, known := definitionTypes[id]; !known {
			unknown = append(unknown, id)
		} else if !hasType(d["data"], want) {
			wrong = append(wrong, fmt.Sprintf("%s is %s, expected %s", id, typeOf(d["data"]), want))
		}
	}
	for id := range definitionTypes {
		if !seen[id] {
			wrong = append(wrong, id+" is missing")
		}
	}
	if len(wrong) > 0 {
		return "", differs("%s", joined(wrong))
	}
	if len(unknown) > 0 {
		return fmt.Sprintf("%s; unknown: %s", counted(len(list)), joined(unknown)), nil
	}
	return counted(len(list)), nil
}

func checkConstants(ctx context.Context, p *probe) (string, error) {
	list, err := p.list(ctx, "/definitions")
	if err != nil {
		return "", err
	}
	want := map[string][]string{
		"storage_grades":    {string(bigv.SATA), string(bigv.SSD), string(bigv.Archive)},
		"hardware_profiles": {string(bigv.Virtio2013), string(bigv.Virtio2018), string(bigv.Compatibility2013)},
	}
	var missing []string
	for _, d := range list {
		data, _ := d["data"].([]any)
		for _, value := range want[text(d, "id")] {
			if !slices.Contains(data, any(value)) {
				missing = append(missing, value)
			}
		}
	}
	if len(missing) > 0 {
		return "", differs("missing: %s", joined(missing))
	}
	return "storage grades and hardware profiles", nil
}

func checkPrimary(ctx context.Context, p *probe) (string, error) {
	addresses, err := p.addresses(ctx)
	if err != nil {
		return "", err
	}
	for _, own := range addresses {
		wasIPv6 := false
		for _, address := range own {
			is6 := netip.MustParseAddr(address).Is6()
			if wasIPv6 && !is6 {
				return "", differs("an IPv6 address comes first")
			}
			wasIPv6 = is6
		}
	}
	return counted(len(addresses)), nil
}

func checkUnits(ctx context.Context, p *probe) (string, error) {
	machines, err := readMachines(ctx, p)
	if err != nil {
		return "", err
	}
	discs, err := p.list(ctx, "/discs")
	if err != nil {
		return "", err
	}
	// From a quarter of a GiB to 1 TiB, and from 50 MiB to 16 TiB.
	for _, vm := range machines {
		if n, err := strconv.Atoi(text(vm, "memory")); err != nil || n < 256 || n > 1<<20 || n%256 != 0 {
			return "", differs("memory is not a plausible number of MiB")
		}
	}
	for _, disc := range discs {
		if n, err := strconv.Atoi(text(disc, "size")); err != nil || n < 50 || n > 16<<20 {
			return "", differs("size is not a plausible number of MiB")
		}
	}
	if len(machines)+len(discs) == 0 {
		return "", skip("no machine and no disc")
	}
	return counted(len(machines) + len(discs)), nil
}

func checkKeysHidden(ctx context.Context, p *probe) (string, error) {
	keys, err := p.list(ctx, "/api_keys?view=overview")
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", skip("no API key")
	}
	for _, key := range keys {
		if text(key, "api_key") != "" {
			return "", differs("api_key is in the list")
		}
	}
	return counted(len(keys)), nil
}
