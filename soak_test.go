package bigv_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
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
	soakCalls = flag.Int("soak", 0, "number of calls of each soak test; 0 is 3000, or 640 with -short")
	soakSeed  = flag.Uint64("soakseed", 7, "random seed of the soak tests")
)

// TestSoak makes many concurrent calls to a service that fails at random.
func TestSoak(t *testing.T) {
	soak(t, func(*rand.Rand) (context.Context, context.CancelFunc) { return t.Context(), func() {} })
}

// TestSoakCancelled does the same with contexts that end at any moment.
func TestSoakCancelled(t *testing.T) {
	soak(t, func(rng *rand.Rand) (context.Context, context.CancelFunc) {
		limit := 20 * time.Millisecond
		if rng.IntN(8) == 0 {
			limit = time.Second // so that some calls succeed on a busy machine
		}
		return context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(limit))))
	})
}

// faults returns everything that can go wrong with a request, before and after the work is done.
func faults() []bigvtest.Fault {
	retryNow := http.Header{"Retry-After": {"0"}}
	page := "<html><body>Bad gateway</body></html>"
	return []bigvtest.Fault{
		{Status: 429}, {Status: 429, Header: retryNow}, {Status: 503}, {Status: 503, Header: retryNow},
		{Status: 500}, {Status: 500, AfterWork: true}, {Status: 502, Body: page, ContentType: "text/html"},
		{Status: 502, Body: page, ContentType: "text/html", AfterWork: true}, {Status: 504, AfterWork: true},
		{Status: 200, Body: page, ContentType: "text/html", AfterWork: true},
		{DropBefore: true}, {DropAfter: true}, {CutBodyAt: -1}, {CutBodyAt: 1}, {CutBodyAt: 20},
		{Delay: time.Millisecond, DropAfter: true},
	}
}

// writeOutcome is what a call reports about its write.
type writeOutcome string

const (
	writeDone    writeOutcome = "done"
	writeUnknown writeOutcome = "outcome unknown"
	writeNotDone writeOutcome = "not done"
)

// writeOutcomeOf returns the outcome that err reports of a write.
func writeOutcomeOf(err error) writeOutcome {
	switch {
	case err == nil:
		return writeDone
	case errors.Is(err, bigv.ErrOutcomeUnknown):
		return writeUnknown
	}
	return writeNotDone
}

// soakRun is the state that the workers of one soak test share.
type soakRun struct {
	calls atomic.Int64
	names atomic.Int64

	mu sync.Mutex
	// outcomes holds what was reported of each non-idempotent write, by a name that only the body of that write holds.
	outcomes map[string]writeOutcome
}

// newName returns a name that has not been used yet.
func (r *soakRun) newName() string { return fmt.Sprintf("w%dx", r.names.Add(1)) }

// record remembers what err reports of the write that holds name.
func (r *soakRun) record(name string, err error) writeOutcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[name] = writeOutcomeOf(err)
	return r.outcomes[name]
}

// soakWorker makes the calls of one goroutine. It has a group of its own, whose machines nobody else changes.
type soakWorker struct {
	t          *testing.T
	client     *bigv.Client
	run        *soakRun
	rng        *rand.Rand
	newContext func(*rand.Rand) (context.Context, context.CancelFunc)
	group      bigv.GroupPath

	machines []*soakMachine
	purged   []bigv.VirtualMachinePath
}

// soakMachine is a machine of a worker.
type soakMachine struct {
	path bigv.VirtualMachinePath
	// memory is what the last update set that was reported as done.
	memory int
	// possible are the values of updates that may or may not have been applied. A request whose context has ended can still reach the
	// service, even after later requests that use another connection, so each of them may be the last to be applied.
	possible map[int]bool
	updates  int
	// Two restarts of a machine look the same in the journal, so each machine is restarted and reset at most once.
	restarted, reset bool
}

// call makes one call.
func (w *soakWorker) call() {
	ctx, cancel := w.newContext(w.rng)
	defer cancel()
	w.run.calls.Add(1)
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
		w.assertFound(err)
	case n < 7:
		for _, err := range w.client.VirtualMachines.All(ctx, bigv.VirtualMachineListOptions{Group: w.group}) {
			if err != nil {
				w.assertFound(err)
				break
			}
		}
	case n < 10:
		w.update(ctx, vm)
	case n < 12:
		name := w.run.newName()
		_, err := w.client.VirtualMachines.Rename(ctx, vm.path, name)
		w.run.record(name, err)
		w.assertFound(err)
	case n < 14:
		name := w.run.newName()
		_, err := w.client.Discs.Create(ctx, vm.path, bigv.DiscCreate{Label: name, Size: 50})
		w.run.record(name, err)
		w.assertFound(err)
	case n < 15 && !vm.restarted:
		vm.restarted = true
		_, err := w.client.VirtualMachines.Restart(ctx, vm.path)
		w.assertFound(err)
	case n == 15 && !vm.reset:
		vm.reset = true
		w.assertFound(w.client.VirtualMachines.Reset(ctx, vm.path))
	case n == 16:
		name := w.run.newName()
		_, err := w.client.Groups.Create(ctx, acme, bigv.GroupCreate{Name: name})
		if w.run.record(name, err) == writeDone {
			w.assertFound(w.client.Groups.Delete(context.WithoutCancel(ctx), acme.Group(name)))
		}
	case n < 17:
		_, err := w.client.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: vm.path})
		w.assertFound(err)
	default:
		err := w.client.VirtualMachines.Purge(ctx, vm.path)
		w.assertFound(err)
		if err == nil {
			w.purged = append(w.purged, vm.path)
		}
		// A purge that failed may or may not have been applied or may be done later, so the machine is not used again.
		w.machines = append(w.machines[:i], w.machines[i+1:]...)
	}
}

func (w *soakWorker) create(ctx context.Context) {
	name := w.run.newName()
	create := bigv.VirtualMachineCreate{Name: name, Discs: []bigv.DiscCreate{{Size: 50}}}
	vm, err := w.client.VirtualMachines.Create(ctx, w.group, create)
	if w.run.record(name, err) == writeDone {
		w.machines = append(w.machines, &soakMachine{path: vm.Path(), memory: vm.Memory, possible: map[int]bool{}})
	}
}

// update sets the memory of a machine to a value that it has never had.
func (w *soakWorker) update(ctx context.Context, vm *soakMachine) {
	vm.updates++
	memory := 4096 + 256*vm.updates
	_, err := w.client.VirtualMachines.Update(ctx, vm.path, bigv.VirtualMachineUpdate{Memory: &memory})
	w.assertFound(err)
	switch {
	case err == nil, strings.Contains(err.Error(), readBackText): // done, and only reading it back failed
		vm.memory = memory
	case errors.Is(err, bigv.ErrOutcomeUnknown), errors.Is(err, bigv.ErrServer):
		vm.possible[memory] = true // an idempotent write that fails with status 500 may or may not have been applied, too
	}
}

// assertFound fails the test if err reports a machine as not found that exists: neither a write whose response was lost nor
// a retry may be reported like that.
func (w *soakWorker) assertFound(err error) {
	assert.NotErrorIs(w.t, err, bigv.ErrNotFound)
}

// soak lets 64 goroutines call a service that fails one request in five, and compares what the calls reported with the
// journal of the service.
func soak(t *testing.T, newContext func(*rand.Rand) (context.Context, context.CancelFunc)) {
	const workers = 64
	calls := *soakCalls
	switch {
	case calls > 0:
	case testing.Short():
		calls = 640
	default:
		calls = 3000
	}
	t.Logf("repeat with: go test -run %s -soak %d -soakseed %d .", t.Name(), calls, *soakSeed)
	srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(20*calls+10_000))
	client := srv.Client()
	run := &soakRun{outcomes: map[string]writeOutcome{}}
	all := make([]*soakWorker, workers)
	for i := range all {
		group := srv.Account("acme").Group(fmt.Sprintf("soak%d", i))
		all[i] = &soakWorker{
			t: t, client: client, run: run, rng: rand.New(rand.NewPCG(*soakSeed, uint64(i))), newContext: newContext, group: group.Path(),
		}
	}
	began := time.Now()
	stopFaults := srv.InjectRandom(*soakSeed, 0.2, faults()...)
	var wg sync.WaitGroup
	for _, w := range all {
		wg.Go(func() {
			for range calls / workers {
				w.call()
			}
		})
	}
	wg.Wait()
	stopFaults()
	elapsed := time.Since(began)

	for _, w := range all {
		assertMachines(t, w)
	}
	assert.Empty(t, srv.DoneTwice())
	counts := assertOutcomes(t, run, srv.Journal())
	t.Logf("%d calls, %s; %s", run.calls.Load(), counts, elapsed.Round(time.Millisecond))
}

// assertMachines compares the machines of a worker with what its calls reported.
func assertMachines(t *testing.T, w *soakWorker) {
	t.Helper()
	for _, vm := range w.machines {
		seen, err := w.client.VirtualMachines.Get(t.Context(), vm.path)
		require.NoError(t, err)
		assert.True(t, seen.Memory == vm.memory || vm.possible[seen.Memory],
			"%s: memory is %d; the last update reported as done set %d, updates of unknown outcome %v", vm.path, seen.Memory,
			vm.memory, vm.possible)
	}
	for _, path := range w.purged {
		_, err := w.client.VirtualMachines.Get(t.Context(), path, bigv.WithDeleted())
		assert.ErrorIs(t, err, bigv.ErrNotFound, "%s: the purge was reported as done", path)
	}
}

var soakName = regexp.MustCompile(`w\d+x`)

// assertOutcomes compares what was reported of each non-idempotent write with the journal. It returns a summary.
func assertOutcomes(t *testing.T, run *soakRun, journal []bigvtest.Exchange) string {
	t.Helper()
	done, faulty, lost := map[string]int{}, 0, 0
	for _, request := range journal {
		if request.Fault != "" {
			faulty++
		}
		if !request.Done || request.Method == http.MethodGet {
			continue
		}
		if request.Fault != "" {
			lost++
		}
		if request.Method != http.MethodDelete {
			for _, name := range soakName.FindAllString(request.RequestBody, -1) {
				done[name]++
			}
		}
	}
	count := map[writeOutcome]int{}
	for name, outcome := range run.outcomes {
		count[outcome]++
		switch outcome {
		case writeDone:
			assert.Equal(t, 1, done[name], "how often write %s was done that was reported as done", name)
		case writeNotDone:
			assert.Zero(t, done[name], "how often write %s was done that was reported as not done", name)
		case writeUnknown:
			assert.LessOrEqual(t, done[name], 1, "how often write %s was done that was reported as unknown", name)
		}
	}
	for _, outcome := range []writeOutcome{writeDone, writeUnknown, writeNotDone} {
		assert.Positive(t, count[outcome], "the soak must meet every outcome: %s", outcome)
	}
	return fmt.Sprintf("%d requests, %d of them with a fault, %d writes done whose response was lost or damaged; "+
		"of the non-idempotent writes %d were reported as done, %d as unknown, %d as not done",
		len(journal), faulty, lost, count[writeDone], count[writeUnknown], count[writeNotDone])
}
