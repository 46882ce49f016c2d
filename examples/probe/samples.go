package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// place is a virtual machine with its parents.
type place struct{ account, accountID, group, groupID, machine, machineID string }

// Routes of nested URLs.
const (
	groupsRoute   = "/accounts/{account}/groups"
	groupRoute    = groupsRoute + "/{group}"
	machinesRoute = groupRoute + "/virtual_machines"
	machineRoute  = machinesRoute + "/{vm}"
	discsRoute    = machineRoute + "/discs"
	discRoute     = discsRoute + "/{disc}"
)

// maxParents limits in how many accounts, and groups of each, a machine is searched.
const maxParents = 20

// place returns the first virtual machine that has a disc. It reads only nested URLs.
func (p *probe) place(ctx context.Context) (place, error) {
	accounts, err := p.list(ctx, "/accounts")
	if err != nil {
		return place{}, err
	}
	for _, a := range accounts[:min(len(accounts), maxParents)] {
		at := place{account: text(a, "name"), accountID: text(a, "id")}
		groups, err := p.list(ctx, groupsRoute, at.account)
		if err != nil {
			return place{}, err
		}
		for _, g := range groups[:min(len(groups), maxParents)] {
			at.group, at.groupID = text(g, "name"), text(g, "id")
			machines, err := p.list(ctx, machinesRoute, at.account, at.group)
			if err != nil {
				return place{}, err
			}
			for _, vm := range machines[:min(len(machines), maxParents)] {
				at.machine, at.machineID = text(vm, "name"), text(vm, "id")
				if discs, err := p.list(ctx, discsRoute, at.path()...); err == nil && len(discs) > 0 {
					return at, nil
				}
			}
		}
	}
	return place{}, skip("no virtual machine with a disc")
}

// path returns the arguments of machineRoute.
func (at place) path() []string { return []string{at.account, at.group, at.machine} }

// firstAccount returns the name and the ID of the first account.
func (p *probe) firstAccount(ctx context.Context) (name, id string, err error) {
	accounts, err := p.list(ctx, "/accounts")
	if err == nil && len(accounts) == 0 {
		err = skip("no account")
	}
	if err != nil {
		return "", "", err
	}
	return text(accounts[0], "name"), text(accounts[0], "id"), nil
}

// text returns a member as text, "" if it is neither a string nor a number.
func text(o object, name string) string {
	switch value := o[name].(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}

// ids returns the IDs of objects, separated by spaces, in their order.
func ids(objects []object) string {
	var out strings.Builder
	for _, o := range objects {
		fmt.Fprintf(&out, "%s ", text(o, "id"))
	}
	return out.String()
}

const allMachines = "/virtual_machines?view=overview&include_deleted=true"

func readMachines(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, allMachines) }

// addresses returns the addresses of the network interfaces that are in use, without those in extra_ips.
func (p *probe) addresses(ctx context.Context) (list [][]string, err error) {
	nics, err := p.list(ctx, "/nics")
	if err != nil {
		return nil, err
	}
	for _, nic := range nics {
		var own []string
		array, _ := nic["ips"].([]any)
		for _, value := range array {
			if address, ok := value.(string); ok && isIP(address) {
				own = append(own, address)
			}
		}
		if len(own) > 0 {
			list = append(list, own)
		}
	}
	if len(list) == 0 {
		return nil, skip("no network interface with an address")
	}
	return list, nil
}

// readIPs reads the addresses of the first network interface.
func readIPs(ctx context.Context, p *probe) (objects []object, err error) {
	addresses, err := p.addresses(ctx)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses[0] {
		o, err := p.object(ctx, "/ips/{address}", address)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// readBackups reads the backups of the first disc that has one.
func readBackups(ctx context.Context, p *probe) ([]object, error) {
	discs, err := p.list(ctx, "/discs")
	if err != nil {
		return nil, err
	}
	for _, disc := range discs {
		if n := text(disc, "backup_count"); n != "" && n != "0" {
			machine, err := p.parents(ctx, text(disc, "virtual_machine_id"))
			if err != nil {
				return nil, err
			}
			return p.list(ctx, discRoute+"/backups", append(machine, text(disc, "id"))...)
		}
	}
	return nil, skip("no disc with a backup")
}

// parents returns the arguments of machineRoute for a machine, by ID.
func (p *probe) parents(ctx context.Context, machineID string) ([]string, error) {
	vm, err := p.object(ctx, "/virtual_machines/{id}", machineID)
	if err != nil {
		return nil, err
	}
	group, err := p.object(ctx, "/groups/{id}", text(vm, "group_id"))
	if err != nil {
		return nil, err
	}
	return []string{text(group, "account_id"), text(vm, "group_id"), machineID}, nil
}

// readSchedules returns the schedules of all discs.
func readSchedules(ctx context.Context, p *probe) (all []object, err error) {
	discs, err := p.list(ctx, "/discs")
	if err != nil {
		return nil, err
	}
	for _, disc := range discs {
		if disc["backup_schedules"] == nil {
			continue
		}
		schedules, err := asList(disc["backup_schedules"])
		if err != nil {
			return nil, err
		}
		all = append(all, schedules...)
	}
	return all, nil
}

// ownSession reads the session of the client.
func (p *probe) ownSession(ctx context.Context) (*exchange, error) {
	if p.rec.sessionToken() == "" {
		if _, err := p.get(ctx, "/accounts"); err != nil {
			return nil, err
		}
	}
	id := p.rec.sessionToken()
	if id == "" {
		return nil, skip("the client uses an API key, which has no session")
	}
	x, err := p.session(ctx, id)
	if err != nil {
		return nil, err
	}
	if x.status != http.StatusOK {
		return nil, differs("status %d instead of 200", x.status)
	}
	return x, nil
}

// deletedMachine returns the first deleted machine.
func (p *probe) deletedMachine(ctx context.Context) (object, error) {
	machines, err := readMachines(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, vm := range machines {
		if vm["deleted"] == true {
			return vm, nil
		}
	}
	return nil, skip("no deleted machine")
}
