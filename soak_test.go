package bigv_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	soakCalls = flag.Int("soak", 3000, "how many calls the soak tests make")
	soakSeed  = flag.Uint64("soakseed", 7, "the seed of the soak tests")
)

// mishaps is all that goes wrong between a client and a service, before the work
// and after it.
func mishaps() []bigvtest.Fault {
	soon := http.Header{"Retry-After": {"0"}}
	page := "<html><body>Bad gateway</body></html>"
	return []bigvtest.Fault{
		{Status: 429}, {Status: 429, Header: soon}, {Status: 503}, {Status: 503, Header: soon},
		{Status: 500}, {Status: 500, AfterWork: true}, {Status: 502, Body: page, ContentType: "text/html"},
		{Status: 502, Body: page, ContentType: "text/html", AfterWork: true}, {Status: 504, AfterWork: true},
		{Status: 200, Body: page, ContentType: "text/html", AfterWork: true},
		{DropBefore: true}, {DropAfter: true}, {CutBodyAt: -1}, {CutBodyAt: 1}, {CutBodyAt: 20},
		{Delay: time.Millisecond, DropAfter: true},
	}
}

// told is what a caller was told of a write that must not be done twice.
type told int

const (
	done told = iota + 1
	perhaps
	notDone
)

// ledger is what the callers were told, by the word that only one write's body
// holds.
type ledger struct {
	mu    sync.Mutex
	lines map[string]told
	calls atomic.Int64
	words atomic.Int64
}

func (l *ledger) word() string { return fmt.Sprintf("w%dx", l.words.Add(1)) }

func (l *ledger) write(word string, err error) told {
	outcome := done
	switch {
	case errors.Is(err, bigv.ErrOutcomeUnknown):
		outcome = perhaps
	case err != nil:
		outcome = notDone
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[word] = outcome
	return outcome
}

// worker is one goroutine's work: what it knows of its own group and machines.
type worker struct {
	t      *testing.T
	client *bigv.Client
	ledger *ledger
	rng    *rand.Rand
	// stop gives a call's context, which may end at any moment.
	stop  func() (context.Context, context.CancelFunc)
	group bigv.GroupPath

	machines []*soaked
	purged   []bigv.VirtualMachinePath
}

// soaked is a machine of a worker's, and what it was told of its memory.
type soaked struct {
	path   bigv.VirtualMachinePath
	memory int // 0 is not known
	// Two calls to restart a machine look alike in the journal, so each is made
	// once.
	restarted, reset bool
}

// act makes one call.
func (w *worker) act() {
	ctx, cancel := w.stop()
	defer cancel()
	w.ledger.calls.Add(1)
	if len(w.machines) == 0 {
		w.create(ctx)
		return
	}
	i := w.rng.IntN(len(w.machines))
	vm := w.machines[i]
	switch n := w.rng.IntN(20); {
	case n < 2 && len(w.machines) < 4:
		w.create(ctx)
	case n < 5:
		_, err := w.client.VirtualMachines.Get(ctx, vm.path)
		w.stillThere(err)
	case n < 7:
		for _, err := range w.client.VirtualMachines.All(ctx, bigv.VirtualMachineListOptions{Group: w.group}) {
			if err != nil {
				w.stillThere(err)
				break
			}
		}
	case n < 10:
		memory := 1024 * (1 + w.rng.IntN(8))
		_, err := w.client.VirtualMachines.Update(ctx, vm.path, bigv.VirtualMachineUpdate{Memory: &memory})
		w.stillThere(err)
		if vm.memory = memory; err != nil {
			vm.memory = 0
		}
	case n < 12:
		word := w.ledger.word()
		_, err := w.client.VirtualMachines.Rename(ctx, vm.path, word)
		w.ledger.write(word, err)
		w.stillThere(err)
	case n < 14:
		word := w.ledger.word()
		_, err := w.client.Discs.Create(ctx, vm.path, bigv.DiscCreate{Label: word, Size: 50})
		w.ledger.write(word, err)
		w.stillThere(err)
	case n < 15 && !vm.restarted:
		vm.restarted = true
		_, err := w.client.VirtualMachines.Restart(ctx, vm.path)
		w.stillThere(err)
	case n < 16 && !vm.reset:
		vm.reset = true
		w.stillThere(w.client.VirtualMachines.Reset(ctx, vm.path))
	case n < 17 && n != 15:
		word := w.ledger.word()
		_, err := w.client.Groups.Create(ctx, acme, bigv.GroupCreate{Name: word})
		if w.ledger.write(word, err) == done {
			w.stillThere(w.client.Groups.Delete(context.WithoutCancel(ctx), acme.Group(word)))
		}
	case n < 17:
		_, err := w.client.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: vm.path})
		w.stillThere(err)
	default:
		err := w.client.VirtualMachines.Purge(ctx, vm.path)
		w.stillThere(err)
		if err == nil {
			w.purged = append(w.purged, vm.path)
		}
		// A purge that failed may have been done, as after a 500, and may be done
		// again: whether the machine is there is not known.
		w.machines = append(w.machines[:i], w.machines[i+1:]...)
	}
}

func (w *worker) create(ctx context.Context) {
	word := w.ledger.word()
	vm, err := w.client.VirtualMachines.Create(ctx, w.group, bigv.VirtualMachineCreate{Name: word, Discs: []bigv.DiscCreate{{Size: 50}}})
	if w.ledger.write(word, err) == done {
		w.machines = append(w.machines, &soaked{path: vm.Path()})
	}
}

// stillThere fails for what is said to be gone and is not: a write whose answer
// was lost is never told as not found.
func (w *worker) stillThere(err error) {
	assert.NotErrorIs(w.t, err, bigv.ErrNotFound)
}

// soak lets 64 goroutines make calls on a service where one in five goes wrong,
// and holds what they were told against what was done.
func soak(t *testing.T, stop func(*rand.Rand) func() (context.Context, context.CancelFunc)) {
	const workers = 64
	calls := *soakCalls
	srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(20*calls+10_000))
	client := srv.Client()
	books := &ledger{lines: map[string]told{}}
	team := make([]*worker, workers)
	for i := range team {
		rng := rand.New(rand.NewPCG(*soakSeed, uint64(i)))
		group := srv.Account("acme").Group(fmt.Sprintf("soak%d", i))
		team[i] = &worker{t: t, client: client, ledger: books, rng: rng, stop: stop(rng), group: group.Path()}
	}
	began := time.Now()
	calm := srv.InjectRandom(*soakSeed, 0.2, mishaps()...)
	var wg sync.WaitGroup
	for _, w := range team {
		wg.Go(func() {
			for range calls / workers {
				w.act()
			}
		})
	}
	wg.Wait()
	calm()
	elapsed := time.Since(began)

	assert.Empty(t, srv.DoneTwice())
	counts, faults, lost := map[string]int{}, 0, 0
	word := regexp.MustCompile(`w\d+x`)
	journal := srv.Journal()
	for _, exchange := range journal {
		if exchange.Fault != "" {
			faults++
		}
		if exchange.Done && exchange.Fault != "" && exchange.Method != http.MethodGet {
			lost++
		}
		if exchange.Done && exchange.Method != http.MethodGet && exchange.Method != http.MethodDelete {
			for _, w := range word.FindAllString(exchange.RequestBody, -1) {
				counts[w]++
			}
		}
	}
	outcomes := map[told]int{}
	for w, outcome := range books.lines {
		outcomes[outcome]++
		switch outcome {
		case done:
			assert.Equal(t, 1, counts[w], "%s was told as done", w)
		case notDone:
			assert.Equal(t, 0, counts[w], "%s was told as not done", w)
		default:
			assert.LessOrEqual(t, counts[w], 1, "%s was told as unknown", w)
		}
	}
	for _, w := range team {
		for _, vm := range w.machines {
			if seen, err := client.VirtualMachines.Get(t.Context(), vm.path); vm.memory != 0 && assert.NoError(t, err) {
				assert.Equal(t, vm.memory, seen.Memory, "%s: the last update that was told as done", vm.path)
			}
		}
		for _, path := range w.purged {
			_, err := client.VirtualMachines.Get(t.Context(), path, bigv.WithDeleted())
			assert.ErrorIs(t, err, bigv.ErrNotFound, "%s was told as purged", path)
		}
	}
	for _, outcome := range []told{done, perhaps, notDone} {
		require.Positive(t, outcomes[outcome], "a soak that meets no such outcome shows nothing")
	}
	t.Logf("%d calls, %d requests, %d of them with a fault, %d writes done whose answer was lost or spoiled; of the writes that must not be done twice %d were told as done, %d as unknown, %d as not done; %s",
		books.calls.Load(), len(journal), faults, lost, outcomes[done], outcomes[perhaps], outcomes[notDone], elapsed.Round(time.Millisecond))
}

func TestSoak(t *testing.T) {
	soak(t, func(*rand.Rand) func() (context.Context, context.CancelFunc) {
		return func() (context.Context, context.CancelFunc) { return t.Context(), func() {} }
	})
}

// The same with contexts that end at every moment.
func TestSoakCancelled(t *testing.T) {
	soak(t, func(rng *rand.Rand) func() (context.Context, context.CancelFunc) {
		return func() (context.Context, context.CancelFunc) {
			within := 20 * time.Millisecond
			if rng.IntN(8) == 0 {
				within = time.Second // so that some end well on a machine that is busy
			}
			return context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(within))))
		}
	})
}
