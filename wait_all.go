package bigv

import (
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
// depend on Provisioning; if the list does not contain the machine; and if the caller may not read
// the list. A condition is called more than once with the same machine, also with another value of
// Provisioning, so it must not have side effects.
//
// WaitAll sends one request at a time. If ctx, until, an option or a path is invalid, the iterator
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
			if vm.isID() || last.ID != 0 {
				return strconv.Itoa(m.ID) == vm.machine || m.ID == last.ID
			}
			group, _, _ := m.parents()
			inGroup := list.Group == vm.group || strconv.Itoa(m.GroupID) == vm.group.group || strings.EqualFold(group, vm.group.group)
			return inGroup && strings.EqualFold(m.Name, vm.machine)
		},
		// A list does not show whether a machine is being provisioned.
		suffices: func(m VirtualMachine) bool {
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
			lists := make([]DiscListOptions, len(discs))
			for i, disc := range discs {
				lists[i].VirtualMachine = disc.path.machine
				if id := disc.last.VirtualMachineID; disc.path.idOnly && id > 0 {
					lists[i].VirtualMachine = VirtualMachineID(id)
				}
			}
			return lists
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

// waitSource reads the resources that waitAll waits for, of type T with paths of type P. A list is
// selected by options of type L.
type waitSource[P resourcePath, T any, L comparable] struct {
	what     string // the kind of resource
	get      func(_ context.Context, _ P, last T) (T, error)
	list     func(context.Context, L) ([]T, error)
	plan     func([]*waitItem[P, T]) []L          // the list that contains each resource, or zero if it is not known
	matches  func(_ P, _ L, last, element T) bool // whether an element of a list is the resource
	suffices func(T) bool                         // whether an element of a list shows if the condition holds
	note     func(T, *Poll)
}

// waitItem is a resource that waitAll waits for.
type waitItem[P resourcePath, T any] struct {
	waiting[T]
	path P
}

// waitList is a list that was read in one round of polls.
type waitList[T any] struct {
	elements []T
	err      error
}

// waitAll waits for resources, and calls yield with each whose wait has ended until yield returns
// false.
func waitAll[P resourcePath, T any, L comparable](ctx context.Context, source waitSource[P, T, L], paths []P,
	until func(T) (bool, error), options WaitOptions, yield func(P, T, error) bool) {
	if ctx == nil || until == nil {
		var path P
		var none T
		yield(path, none, notSent("wait for", source.what+"s", nilArgument(ctx, false)))
		return
	}
	if err := options.validate(); err != nil {
		var path P
		var none T
		yield(path, none, notSent("wait for", source.what+"s", err))
		return
	}
	options = options.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	var items []*waitItem[P, T]
	for _, path := range paths {
		items = append(items, &waitItem[P, T]{*newWaiting(describe(source.what, path.display()), until, options, source.note), path})
	}
	refused := map[L]bool{} // lists that the caller may not read
	for interval := options.MinInterval; len(items) > 0; interval = min(interval*3/2, options.MaxInterval) {
		pause := jitter(interval)
		pending := items[:0]
		next := source.poller(ctx, items, refused)
		for i, item := range items {
			seen, err := next(i)
			ended, err := item.observe(ctx, seen, err)
			if !ended {
				item.report(ctx, pause)
				pending = append(pending, item)
			} else if !yield(item.path, item.last, err) {
				return
			}
		}
		if items = pending; len(items) == 0 || sleep(ctx, pause) {
			continue
		}
		for _, item := range items {
			if !yield(item.path, item.last, item.interrupted(ctx)) {
				return
			}
		}
		return
	}
}

// maxMisses is how many lists are read in vain in a round of polls to find resources of which only
// the ID is known.
const maxMisses = 3

// poller returns a function that polls the item with an index, in one round of polls. Items that
// share a list with another are read from that list, if it suffices.
func (s *waitSource[P, T, L]) poller(ctx context.Context, items []*waitItem[P, T], refused map[L]bool) func(int) (T, error) {
	items = slices.Clone(items) // the caller removes those whose wait has ended
	keys := s.plan(items)
	users := map[L]int{}
	for _, key := range keys {
		users[key]++
	}
	lists := map[L]*waitList[T]{}
	read := func(key L) *waitList[T] {
		if lists[key] == nil {
			elements, err := s.list(ctx, key)
			lists[key] = &waitList[T]{elements, err}
			refused[key] = err != nil && ctx.Err() == nil && !isTransient(err)
		}
		return lists[key]
	}
	// last returns what was last seen of an item, and whether that is from a list of this round.
	last := func(i int, key L) (T, bool) {
		item, elements := items[i], lists[key].elements
		at := slices.IndexFunc(elements, func(element T) bool { return s.matches(item.path, key, item.last, element) })
		if at < 0 {
			return item.last, false
		}
		return elements[at], true
	}
	var unknown L
	learned, misses := -1, 0 // learned is the last item whose list was not known before this round
	return func(i int) (T, error) {
		key := keys[i]
		seen, listed := items[i].last, false
		switch {
		case key == unknown: // only the ID is known: the resource may be in the list of another one
			if learned >= 0 && misses < maxMisses {
				if key := s.plan(items)[learned]; key != unknown && !refused[key] {
					misses++
					read(key)
				}
			}
			for key := range lists {
				if seen, listed = last(i, key); listed {
					misses = 0
					break
				}
			}
			if !listed {
				learned = i
			}
		case users[key] > 1 && !refused[key]:
			l := read(key)
			if seen, listed = last(i, key); l.err != nil && !refused[key] {
				return seen, l.err
			}
		}
		if listed && s.suffices(seen) {
			return seen, nil
		}
		return s.get(ctx, items[i].path, seen)
	}
}
