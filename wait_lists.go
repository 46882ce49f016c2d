package bigv

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

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
	path  P
	next  time.Time // when it may be polled again
	ended bool
}

// waitAll waits for resources, and calls yield with each whose wait has ended until yield returns
// false.
func waitAll[P resourcePath, T any, L comparable](ctx context.Context, source waitSource[P, T, L], paths []P,
	until func(T) (bool, error), options WaitOptions, yield func(P, T, error) bool) {
	invalid := options.validate()
	if ctx == nil || until == nil {
		invalid = nilArgument(ctx, false)
	}
	if invalid != nil {
		var path P
		var none T
		yield(path, none, notSent("wait for", source.what+"s", invalid))
		return
	}
	options = options.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	var items []*waitItem[P, T]
	for _, path := range paths {
		state := newWaiting(describe(source.what, path.display()), until, options, source.note)
		items = append(items, &waitItem[P, T]{waiting: *state, path: path})
	}
	lists := waitLists[P, T, L]{source: source, maxAge: options.MaxInterval, deadline: deadline, states: map[L]*waitList[T]{}}
	for interval := options.MinInterval; len(items) > 0; interval = min(interval*3/2, options.MaxInterval) {
		now := time.Now()
		due := slices.DeleteFunc(slices.Clone(items), func(item *waitItem[P, T]) bool { return item.next.After(now) })
		lists.beginRound(due)
		for i, item := range due {
			seen, err := lists.poll(ctx, i)
			item.ended, err = item.observe(ctx, seen, err)
			if item.ended && !yield(item.path, item.last, err) {
				return
			}
		}
		items = slices.DeleteFunc(items, func(item *waitItem[P, T]) bool { return item.ended })
		if len(items) == 0 {
			return
		}
		now = time.Now()
		first := slices.MinFunc(items, func(a, b *waitItem[P, T]) int { return a.next.Compare(b.next) })
		pause := max(jitter(interval), first.next.Sub(now))
		for _, item := range due {
			if !item.ended {
				item.report(ctx, max(pause, item.next.Sub(now)))
			}
		}
		if sleep(ctx, pause) {
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

// waitLists reads lists of the resources that waitAll waits for, and polls those by themselves for
// which the lists do not suffice.
type waitLists[P resourcePath, T any, L comparable] struct {
	source   waitSource[P, T, L]
	maxAge   time.Duration // a list that is older is read again
	deadline time.Time
	states   map[L]*waitList[T]

	// The following are of the current round of polls.
	round  int
	items  []*waitItem[P, T]
	keys   []L       // the list that contains each item, or zero if it is not known
	users  map[L]int // items for which a list is likely to suffice
	misses int       // lists that were read in vain to find an item

	learned    int // the last item whose list was not known before this round, or -1
	learnedKey *L  // its list; nil if it has not been looked up
}

// waitList is a list that is read in the rounds of polls.
type waitList[T any] struct {
	failed     int  // rounds in a row in which it could not be read
	alone      bool // its resources could be polled by themselves nevertheless
	usableFrom int  // the round from which it is read again

	// The following are of the last time it was read.
	read      time.Time // zero if it was not read in this round
	elements  []T
	err       error
	next      time.Time // when it may be read again
	getErrors int       // transient errors of polling its resources by themselves
}

const (
	listFailures = 3  // rounds in a row in which a list fails before its resources are polled by themselves
	getFailures  = 3  // resources that fail by themselves before the others are not polled either in this round
	listPause    = 10 // rounds until a list is read again whose resources can be polled by themselves
	maxMisses    = 3  // lists that are read in vain in a round to find resources of which only the ID is known
)

// beginRound begins a round of polls of items.
func (w *waitLists[P, T, L]) beginRound(items []*waitItem[P, T]) {
	w.round++
	w.items, w.keys, w.users = items, w.source.plan(items), map[L]int{}
	w.learned, w.learnedKey, w.misses = -1, nil, 0
	for i, key := range w.keys {
		if !items[i].seenOnce || w.source.suffices(items[i].last) {
			w.users[key]++
		}
	}
	for _, list := range w.states {
		list.read = time.Time{}
	}
}

// poll polls the item with an index. Items that share a list with another are read from that list,
// if it suffices.
func (w *waitLists[P, T, L]) poll(ctx context.Context, i int) (T, error) {
	item, key := w.items[i], w.keys[i]
	list, seen, listed := w.state(key), item.last, false
	var unknown L
	switch {
	case key == unknown: // only the ID is known: the resource may be in the list of another one
		seen, listed = w.findByID(ctx, i)
	case w.users[key] > 1 && w.round >= list.usableFrom:
		w.read(ctx, key)
		if list.blocks() {
			item.next = list.next
			return seen, list.err
		}
		seen, listed = w.find(i, key)
	}
	if listed {
		item.see(seen)
		if w.source.suffices(seen) {
			return seen, nil
		}
	}
	got, err := w.source.get(ctx, item.path, seen)
	now := time.Now()
	item.next = now.Add(requestedWait(err, w.deadline))
	switch {
	case list.failed < listFailures:
	case err == nil && !list.read.IsZero():
		list.alone, list.usableFrom = true, w.round+listPause
	case isTransient(err):
		list.getErrors++
		if list.next.After(now) {
			item.next = list.next // so that all items of the list are polled in the same round
		}
	}
	return got, err
}

// state returns the state of a list.
func (w *waitLists[P, T, L]) state(key L) *waitList[T] {
	if w.states[key] == nil {
		w.states[key] = &waitList[T]{}
	}
	return w.states[key]
}

// read reads a list, unless it has been read a short time ago in this round, or failed in it, or the
// service has requested to wait.
func (w *waitLists[P, T, L]) read(ctx context.Context, key L) {
	list := w.state(key)
	fresh := !list.read.IsZero() && (list.err != nil || time.Since(list.read) <= w.maxAge)
	if fresh || time.Now().Before(list.next) {
		return
	}
	list.elements, list.err = w.source.list(ctx, key)
	list.read, list.getErrors = time.Now(), 0
	list.next = list.read.Add(requestedWait(list.err, w.deadline))
	switch {
	case list.err == nil:
		list.failed, list.alone = 0, false
	case !isTransient(list.err) && !errors.Is(list.err, ErrNotFound):
		list.usableFrom = math.MaxInt
	default:
		list.failed++
	}
}

// blocks reports whether the resources of a list that could not be read are not polled by themselves
// either, since the service seems to be down. A list that is not found is no such sign: a group that was
// just created may not be visible yet.
func (l *waitList[T]) blocks() bool {
	return isTransient(l.err) && !l.alone && (l.failed%listFailures != 0 || l.getErrors >= getFailures)
}

// find returns what was last seen of an item, and reports whether that is from a list.
func (w *waitLists[P, T, L]) find(i int, key L) (seen T, listed bool) {
	item, elements := w.items[i], w.states[key].elements
	at := slices.IndexFunc(elements, func(element T) bool { return w.source.matches(item.path, key, item.last, element) })
	if at < 0 {
		return item.last, false
	}
	return elements[at], true
}

// findByID returns the same as find for an item whose list is not known. It looks into the lists of
// this round. First it reads the list of the last item that was not found in them: that list is known
// once the item itself has been read.
func (w *waitLists[P, T, L]) findByID(ctx context.Context, i int) (seen T, listed bool) {
	var unknown L
	if w.learned >= 0 && w.misses < maxMisses {
		if w.learnedKey == nil {
			w.learnedKey = &w.source.plan(w.items)[w.learned]
		}
		if key := *w.learnedKey; key != unknown && w.round >= w.state(key).usableFrom {
			w.misses++
			w.read(ctx, key)
		}
	}
	for key, list := range w.states {
		if list.read.IsZero() {
			continue
		}
		if seen, listed = w.find(i, key); listed {
			w.misses = 0
			return seen, true
		}
	}
	w.learned, w.learnedKey = i, nil
	return w.items[i].last, false
}
