package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// listExpectations are about lists and their views.
var listExpectations = []expectation{
	{"Flat and nested lists of groups agree", "filter.go groupList", false, func(ctx context.Context, p *probe) (string, error) {
		account, _, err := p.firstAccount(ctx)
		if err != nil {
			return "", err
		}
		return p.sameList(ctx, groupsRoute, []string{account}, "/groups?account_name={account}", []string{account})
	}},
	{"Flat and nested lists of virtual machines agree", "filter.go virtualMachineList", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			return p.sameList(ctx, machinesRoute, []string{at.account, at.group},
				"/virtual_machines?account_name={account}&group_name={group}", []string{at.account, at.group})
		})},
	{"Flat and nested lists of discs agree", "filter.go machineList", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			return p.sameList(ctx, discsRoute, at.path(), "/discs?vm_id={id}", []string{at.machineID})
		})},
	{"Flat and nested lists of network interfaces agree", "filter.go machineList", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			return p.sameList(ctx, machineRoute+"/nics", at.path(), "/nics?vm_id={id}", []string{at.machineID})
		})},
	{"Flat and nested lists of privileges agree", "privileges.go privilegeList", false,
		func(ctx context.Context, p *probe) (string, error) {
			user, err := p.ownName(ctx)
			if err != nil {
				return "", err
			}
			return p.sameList(ctx, "/users/{user}/privileges", []string{user}, "/privileges?user_name={user}", []string{user})
		}},
	{"view=overview of an account embeds everything in it", "accounts.go Account", false, checkAccountOverview},
	{"view=overview of a machine embeds its discs and network interfaces", "virtual_machines.go VirtualMachine", false, checkOverview},
	{"Without view=overview nothing is embedded", "virtual_machines.go VirtualMachine", false, checkNoOverview},
	{"Lists are in the order of IDs", "api/openapi.yaml: No source states the order of lists", false, checkOrder},
	{"Deleted machines are not listed without include_deleted", "virtual_machines.go List", false, checkDeletedHidden},
}

// filterExpectations are about filters of flat lists.
var filterExpectations = []expectation{
	{"account_id filters groups", "filter.go newAccountQuery", false, func(ctx context.Context, p *probe) (string, error) {
		_, id, err := p.firstAccount(ctx)
		if err != nil {
			return "", err
		}
		groups, err := p.list(ctx, "/groups?account_id={id}", id)
		return matching(groups, "account_id", id, err)
	}},
	{"group_id filters virtual machines", "filter.go newGroupQuery", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			machines, err := p.list(ctx, "/virtual_machines?group_id={id}", at.groupID)
			return matching(machines, "group_id", at.groupID, err)
		})},
	{"account_name filters virtual machines", "filter.go inScope", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			machines, err := p.list(ctx, "/virtual_machines?account_name={account}", at.account)
			if err != nil {
				return "", err
			}
			for _, vm := range machines {
				if _, _, account := hostParts(vm); !strings.EqualFold(account, at.account) {
					return "", differs("the list has a machine of another account, of %s", counted(len(machines)))
				}
			}
			return counted(len(machines)), nil
		})},
	{"vm_name with its parents filters discs", "filter.go virtualMachineQuery", false,
		at(func(ctx context.Context, p *probe, at place) (string, error) {
			discs, err := p.list(ctx, "/discs?account_name={account}&group_name={group}&vm_name={vm}", at.path()...)
			return matching(discs, "virtual_machine_id", at.machineID, err)
		})},
	{"A filter by an unknown account gets 404", "bigvtest/accounts.go filterAccount", false,
		func(ctx context.Context, p *probe) (string, error) {
			return p.expectStatus(ctx, call{method: "GET", route: "/virtual_machines?account_name={account}", args: []string{p.name}}, 404)
		}},
}

// at returns a check that needs a virtual machine.
func at(check func(context.Context, *probe, place) (string, error)) func(context.Context, *probe) (string, error) {
	return func(ctx context.Context, p *probe) (string, error) {
		found, err := p.place(ctx)
		if err != nil {
			return "", err
		}
		return check(ctx, p, found)
	}
}

// sameList checks that two lists have the same elements. Their order does not matter.
func (p *probe) sameList(ctx context.Context, route string, args []string, other string, otherArgs []string) (string, error) {
	a, err := p.list(ctx, route, args...)
	if err != nil {
		return "", err
	}
	b, err := p.list(ctx, other, otherArgs...)
	if err != nil {
		return "", err
	}
	first, second := strings.Fields(ids(a)), strings.Fields(ids(b))
	slices.Sort(first)
	slices.Sort(second)
	if !slices.Equal(first, second) {
		return "", differs("%s and %s, not the same", counted(len(a)), counted(len(b)))
	}
	return counted(len(a)), nil
}

// matching checks that a member of all objects has one value.
func matching(objects []object, member, want string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	for _, o := range objects {
		if text(o, member) != want {
			return "", differs("the list has an object with another %s, of %s", member, counted(len(objects)))
		}
	}
	return counted(len(objects)), nil
}

// ownName returns the name of the user whose privileges the client can read.
func (p *probe) ownName(ctx context.Context) (string, error) {
	privileges, err := p.list(ctx, "/privileges")
	if err != nil {
		return "", err
	}
	users, err := p.list(ctx, "/users")
	if err != nil {
		return "", err
	}
	for _, u := range users {
		for _, privilege := range privileges {
			if name := text(u, "username"); name != "" && name == text(privilege, "username") {
				return name, nil
			}
		}
	}
	return "", skip("no user with a privilege")
}

func checkAccountOverview(ctx context.Context, p *probe) (string, error) {
	at, err := p.place(ctx)
	if err != nil {
		return "", err
	}
	account, err := p.object(ctx, "/accounts/{account}?view=overview", at.account)
	if err != nil {
		return "", err
	}
	groups, err := asList(account["groups"])
	if err != nil {
		return "", differs("groups: %v", err)
	}
	for _, g := range groups {
		if text(g, "id") != at.groupID {
			continue
		}
		machines, err := asList(g["virtual_machines"])
		if err != nil {
			return "", differs("groups, virtual_machines: %v", err)
		}
		for _, vm := range machines {
			if text(vm, "id") == at.machineID {
				return "groups and machines; " + embedded(vm), embeddedError(vm)
			}
		}
		return "", differs("a machine is missing from its group")
	}
	return "", differs("a group is missing from its account")
}

// embeddedError returns an error unless a machine has its discs and network interfaces.
func embeddedError(vm object) error {
	for _, name := range []string{"discs", "network_interfaces"} {
		if _, ok := vm[name].([]any); !ok {
			return differs("%s of the machine: %s instead of an array", name, typeOf(vm[name]))
		}
	}
	return nil
}

func embedded(vm object) string {
	discs, _ := vm["discs"].([]any)
	nics, _ := vm["network_interfaces"].([]any)
	return fmt.Sprintf("%d in discs, %d in network_interfaces", len(discs), len(nics))
}

func checkOverview(ctx context.Context, p *probe) (string, error) {
	at, err := p.place(ctx)
	if err != nil {
		return "", err
	}
	vm, err := p.object(ctx, machineRoute+"?view=overview", at.path()...)
	if err != nil {
		return "", err
	}
	return embedded(vm), embeddedError(vm)
}

func checkNoOverview(ctx context.Context, p *probe) (string, error) {
	at, err := p.place(ctx)
	if err != nil {
		return "", err
	}
	account, err := p.object(ctx, "/accounts/{account}", at.account)
	if err != nil {
		return "", err
	}
	vm, err := p.object(ctx, machineRoute, at.path()...)
	if err != nil {
		return "", err
	}
	for _, o := range []object{account, vm} {
		for _, name := range []string{"groups", "discs", "network_interfaces"} {
			if o[name] != nil {
				return "", differs("%s is present", name)
			}
		}
	}
	return "nothing", nil
}

func checkOrder(ctx context.Context, p *probe) (string, error) {
	n := 0
	for _, route := range []string{"/accounts", "/groups", "/virtual_machines", "/nics", "/users", "/privileges"} {
		list, err := p.list(ctx, route)
		if err != nil {
			return "", err
		}
		for i := 1; i < len(list); i++ {
			a, b := text(list[i-1], "id"), text(list[i], "id")
			if len(a) > len(b) || len(a) == len(b) && a > b {
				return "", differs("not the list of %s", route)
			}
		}
		n += len(list)
	}
	return counted(n), nil
}

func checkDeletedHidden(ctx context.Context, p *probe) (string, error) {
	if _, err := p.deletedMachine(ctx); err != nil {
		return "", err
	}
	machines, err := p.list(ctx, "/virtual_machines")
	if err != nil {
		return "", err
	}
	for _, vm := range machines {
		if vm["deleted"] == true {
			return "", differs("a deleted machine is listed")
		}
	}
	return "hidden", nil
}
