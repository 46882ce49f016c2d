package bigv

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// VirtualMachineResult is the result of waiting for one of the virtual machines of WaitAll.
type VirtualMachineResult struct {
	Path VirtualMachinePath // as it was given to WaitAll
	// VirtualMachine is the machine as last seen, also with an error. If a list has shown that the
	// condition holds, Provisioning is false.
	VirtualMachine VirtualMachine
}

// WaitAll waits for many virtual machines as Wait does, with fewer requests. It returns an iterator
// that yields the result of each machine when its wait ends, in any order. With the result of a wait
// that has failed it yields a *WaitError, and continues with the other machines:
//
//	for result, err := range client.VirtualMachines.WaitAll(ctx, paths, bigv.PoweredOn, bigv.WaitOptions{}) {
//		if err != nil {
//			log.Print(result.Path, err)
//		}
//	}
//
// Machines of the same group or account are polled with one list: GET {group}/virtual_machines, or
// GET /virtual_machines?account_name=acme for several groups. The machine itself is read only where
// the list does not suffice: when the list shows that the condition holds, unless that does not
// depend on Provisioning; if the list does not contain the machine; if the caller may not read the
// list; and if reading the list fails repeatedly. A condition is called more than once with the same
// machine, also with another value of Provisioning, so it must not have side effects.
//
// WaitAll sends one request at a time, so a request that is retried delays the other machines, and the
// time that the body of the loop takes counts towards Timeout. A Retry-After delays the next poll of
// the machine or list that it is for. If ctx, until, an option or a path is invalid, the iterator
// yields that error.
func (s *VirtualMachinesService) WaitAll(ctx context.Context, vms []VirtualMachinePath, until VirtualMachineCondition,
	options WaitOptions, opts ...CallOption) iter.Seq2[VirtualMachineResult, error] {
	withDeleted := slices.Concat(opts, []CallOption{WithDeleted()})
	source := waitSource[VirtualMachinePath, VirtualMachine, VirtualMachineListOptions]{
		what: "virtual machine",
		get: func(ctx context.Context, vm VirtualMachinePath, last VirtualMachine) (VirtualMachine, error) {
			if clientOf(s).style == NestedURLs || vm.isID() {
				return s.Get(ctx, vm, withDeleted...)
			}
			if last.ID == 0 {
				var err error
				if last, err = s.Get(ctx, vm, withDeleted...); err != nil {
					return last, err
				}
			}
			return s.Get(ctx, VirtualMachineID(last.ID), withDeleted...) // lists do not show Provisioning
		},
		list: func(ctx context.Context, list VirtualMachineListOptions) ([]VirtualMachine, error) {
			list.IncludeDeleted = true
			return s.List(ctx, list, opts...)
		},
		plan: planMachineLists,
		matches: func(vm VirtualMachinePath, list VirtualMachineListOptions, last, m VirtualMachine) bool {
			switch {
			case last.ID != 0:
				return m.ID == last.ID
			case vm.isID():
				return strconv.Itoa(m.ID) == vm.machine
			case !strings.EqualFold(m.Name, vm.machine):
				return false
			}
			group, _, _ := m.parents()
			return list.Group == vm.group || strconv.Itoa(m.GroupID) == vm.group.group || strings.EqualFold(group, vm.group.group)
		},
		// A list does not show whether a machine is being provisioned.
		suffices: func(m VirtualMachine) bool {
			m.Provisioning = false
			done, err := until(m)
			m.Provisioning = true
			doneIfProvisioning, errIfProvisioning := until(m)
			return err == nil && errIfProvisioning == nil && done == doneIfProvisioning
		},
		note: noteMachine,
	}
	return func(yield func(VirtualMachineResult, error) bool) {
		waitAll(ctx, source, vms, until, options, func(vm VirtualMachinePath, seen VirtualMachine, err error) bool {
			return yield(VirtualMachineResult{vm, seen}, err)
		})
	}
}

// planMachineLists returns the list for each machine: that of its group, or that of its account if
// machines of several groups of the account are waited for.
func planMachineLists(vms []*waitItem[VirtualMachinePath, VirtualMachine]) []VirtualMachineListOptions {
	groups, several := map[AccountPath]GroupPath{}, map[AccountPath]bool{}
	lists := make([]VirtualMachineListOptions, len(vms))
	for i, vm := range vms {
		group := vm.path.group
		if vm.path.idOnly && vm.last.ID != 0 {
			if group = vm.last.Path().group; group.IsZero() && vm.last.GroupID > 0 {
				group = GroupID(vm.last.GroupID)
			}
		}
		lists[i].Group = group
		if first, ok := groups[group.account]; !ok {
			groups[group.account] = group
		} else if group.account != "" && first != group {
			several[group.account] = true
		}
	}
	for i := range lists {
		if account := lists[i].Group.account; several[account] {
			lists[i] = VirtualMachineListOptions{Account: account}
		}
	}
	return lists
}

// DiscResult is the result of waiting for one of the discs of WaitAll.
type DiscResult struct {
	Path DiscPath // as it was given to WaitAll
	Disc Disc     // as last seen, also with an error
}

// WaitAll waits for many discs as Wait does, with fewer requests: discs of the same virtual machine
// are polled with one list, GET {virtual machine}/discs. It returns an iterator like that of
// VirtualMachines.WaitAll.
func (s *DiscsService) WaitAll(ctx context.Context, discs []DiscPath, until DiscCondition, options WaitOptions,
	opts ...CallOption) iter.Seq2[DiscResult, error] {
	source := waitSource[DiscPath, Disc, DiscListOptions]{
		what: "disc",
		get:  func(ctx context.Context, disc DiscPath, _ Disc) (Disc, error) { return s.Get(ctx, disc, opts...) },
		list: func(ctx context.Context, list DiscListOptions) ([]Disc, error) { return s.List(ctx, list, opts...) },
		plan: func(discs []*waitItem[DiscPath, Disc]) []DiscListOptions {
			return planDiscLists(discs, clientOf(s).style)
		},
		matches: func(disc DiscPath, _ DiscListOptions, _, d Disc) bool {
			if disc.isID() {
				return strconv.Itoa(d.ID) == disc.disc
			}
			return d.Label == disc.disc
		},
		suffices: func(Disc) bool { return true },
		note:     noteDisc,
	}
	return func(yield func(DiscResult, error) bool) {
		waitAll(ctx, source, discs, until, options, func(disc DiscPath, seen Disc, err error) bool {
			return yield(DiscResult{disc, seen}, err)
		})
	}
}

// planDiscLists returns the list for each disc: that of its machine.
func planDiscLists(discs []*waitItem[DiscPath, Disc], style URLStyle) []DiscListOptions {
	machines := map[int]VirtualMachinePath{} // the same path for all discs of a machine
	for _, disc := range discs {
		// In the flat style, a list by the machine's name needs a lookup to verify it.
		if style == NestedURLs && !disc.path.idOnly {
			machines[disc.last.VirtualMachineID] = disc.path.machine
		}
	}
	lists := make([]DiscListOptions, len(discs))
	for i, disc := range discs {
		if id := disc.last.VirtualMachineID; id > 0 {
			lists[i].VirtualMachine = cmp.Or(machines[id], VirtualMachineID(id))
		} else {
			lists[i].VirtualMachine = disc.path.machine
		}
	}
	return lists
}
