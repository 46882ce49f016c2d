package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// job is a task of one or several calls, with objects of its own, so that several jobs can run at once.
type job struct {
	name string
	// prepare creates what the job needs, and returns the job. Each exchange of the job contains the word.
	prepare func(w *world, word string) task
}

// task makes the calls of a job and returns a function that compares their errors with what was applied. That function returns which
// promise was broken, or "".
type task func(ctx context.Context) (judge func(done []bigvtest.Exchange) string)

var jobs = []job{
	{"VirtualMachines.CreateAndWait", createAndWait},
	{"VirtualMachines.FindOrCreate", findOrCreateMachine},
	{"Groups.FindOrCreate", findOrCreateGroup},
	{"Discs.FindOrCreate", findOrCreateDisc},
	{"Privileges.FindOrGrant", findOrGrant},
	{"VirtualMachines.UpdateAndRestart", updateAndRestart},
	{"VirtualMachines.RestartAndWait", restartAndWait},
	{"VirtualMachines.ShutdownAndWait", shutdownAndWait},
	{"grant", grantAndRevoke},
	{"grant beside a read that gives up", grantBesideRead},
	{"move", moveAndRename},
	{"list", list},
}

// findJob returns the job with this name, or the job of one call of the operation with this name.
func findJob(name string) job {
	for _, j := range jobs {
		if j.name == name {
			return j
		}
	}
	op := findOperation(name)
	return job{name, func(w *world, _ string) task {
		call := op.prepare(w)
		return func(ctx context.Context) func([]bigvtest.Exchange) string {
			err := call(ctx)
			return func(done []bigvtest.Exchange) string {
				if op.counts != nil {
					done = slices.DeleteFunc(done, func(e bigvtest.Exchange) bool { return !op.counts(e) })
				}
				return result{err: err, applied: len(done), exposed: w.exposure()}.violation(op)
			}
		}
	}}
}

// count returns how many exchanges have this method and contain this text in their path or body.
func count(done []bigvtest.Exchange, method, text string) (n int) {
	for _, exchange := range done {
		if exchange.Method == method && strings.Contains(exchange.Path+exchange.RequestBody, text) {
			n++
		}
	}
	return n
}

// applied compares the error of a call with how often its write was applied.
func applied(what string, idempotent bool, err error, n int) string {
	problem := result{err: err, applied: n, exposed: 1}.violation(operation{idempotent: idempotent})
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s", what, problem)
}

// created compares the error of a job that creates an object with how often it was created. The error of a wait says that the object
// exists.
func created(what string, err error, n int) string {
	if _, ok := errors.AsType[*bigv.WaitError](err); ok && !errors.Is(err, bigv.ErrOutcomeUnknown) {
		err = nil
	}
	return applied(what, once, err, n)
}

func machineToCreate(word string) bigv.VirtualMachineCreate {
	return bigv.VirtualMachineCreate{Name: word, PowerOn: new(true), Discs: []bigv.DiscCreate{{Size: 25600}}}
}

func createAndWait(w *world, word string) task {
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		_, err := w.client.VirtualMachines.CreateAndWait(ctx, web, machineToCreate(word), bigv.WaitOptions{})
		return func(done []bigvtest.Exchange) string {
			return created("create and wait", err, count(done, http.MethodPost, `"name":"`+word))
		}
	}
}

// found compares the result of a FindOrCreate with how often the object was created.
func found(name string, isNew bool, err error, n int) string {
	switch {
	case err == nil && name == "":
		return "find or create: no error, but an object without a name"
	case err == nil && isNew != (n == 1):
		return fmt.Sprintf("find or create: created is %t, but it was created %d times", isNew, n)
	case err == nil:
		return ""
	}
	return created("find or create", err, n)
}

func findOrCreateMachine(w *world, word string) task {
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		vm, isNew, err := w.client.VirtualMachines.FindOrCreate(ctx, web, machineToCreate(word), bigv.WaitOptions{})
		return func(done []bigvtest.Exchange) string {
			return found(vm.Name, isNew, err, count(done, http.MethodPost, `"name":"`+word))
		}
	}
}

func findOrCreateGroup(w *world, word string) task {
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		group, isNew, err := w.client.Groups.FindOrCreate(ctx, acme, bigv.GroupCreate{Name: word}, bigv.WaitOptions{})
		return func(done []bigvtest.Exchange) string {
			return found(group.Name, isNew, err, count(done, http.MethodPost, `"name":"`+word))
		}
	}
}

func findOrCreateDisc(w *world, word string) task {
	vm := w.machine(word)
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		disc := bigv.DiscCreate{Label: "data", Size: 25600}
		d, isNew, err := w.client.Discs.FindOrCreate(ctx, vm, disc, bigv.WaitOptions{})
		return func(done []bigvtest.Exchange) string {
			return found(d.Label, isNew, err, count(done, http.MethodPost, word+"/discs"))
		}
	}
}

func findOrGrant(w *world, word string) task {
	user := w.service.User(word).Path()
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}
		p, isNew, err := w.client.Privileges.FindOrGrant(ctx, user, grant, bigv.WaitOptions{})
		return func(done []bigvtest.Exchange) string {
			return found(p.Username, isNew, err, count(done, http.MethodPost, "/users/"+word))
		}
	}
}

// off compares the result of a job that turns a machine off with what was applied. forced says that the job may turn it off without a
// signal.
func off(err error, forced bool, done []bigvtest.Exchange, word string) string {
	if n := count(done, http.MethodPost, word+"/signal"); n > 1 || err == nil && n == 0 && !forced {
		return fmt.Sprintf("shut down: the signal was applied %d times: %v", n, err)
	}
	return ""
}

func shutdownAndWait(w *world, word string) task {
	vm := w.machine(word)
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		_, err := w.client.VirtualMachines.ShutdownAndWait(ctx, vm, bigv.ShutdownOptions{})
		return func(done []bigvtest.Exchange) string {
			state := w.service.Account("acme").Group("web").VirtualMachine(word).State()
			if err == nil && state.PoweredOn {
				return "shut down: no error, but the machine is on"
			}
			return off(err, false, done, word)
		}
	}
}

func restartAndWait(w *world, word string) task {
	vm := w.machine(word)
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		_, err := w.client.VirtualMachines.RestartAndWait(ctx, vm, bigv.ShutdownOptions{})
		return func(done []bigvtest.Exchange) string {
			if n := count(done, http.MethodPut, `"power_on":true`); err == nil && n == 0 {
				return "restart: no error, but the machine was not started"
			}
			return off(err, false, done, word)
		}
	}
}

func updateAndRestart(w *world, word string) task {
	vm := w.machine(word)
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		update := bigv.VirtualMachineUpdate{Memory: new(4096)}
		_, err := w.client.VirtualMachines.UpdateAndRestart(ctx, vm, update, bigv.ShutdownOptions{ForceAfter: time.Minute})
		return func(done []bigvtest.Exchange) string {
			memory := w.service.Account("acme").Group("web").VirtualMachine(word).State().Memory
			if err == nil && memory != 4096 {
				return fmt.Sprintf("update and restart: no error, but the memory is %d", memory)
			}
			return off(err, true, done, word)
		}
	}
}

func grantAndRevoke(w *world, word string) task {
	user := w.service.User(word).Path()
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		grant := bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}
		privilege, granted := w.client.Privileges.Grant(ctx, user, grant)
		var revoked error
		if granted == nil && privilege.ID != 0 {
			revoked = w.client.Privileges.Revoke(ctx, privilege.ID)
		}
		return func(done []bigvtest.Exchange) string {
			if problem := applied("grant", once, granted, count(done, http.MethodPost, "/users/"+word)); problem != "" {
				return problem
			}
			if granted != nil || privilege.ID == 0 {
				return ""
			}
			return applied("revoke", repeatable, revoked, count(done, http.MethodDelete, fmt.Sprintf("/privileges/%d", privilege.ID)))
		}
	}
}

// grantBesideRead grants a privilege while a read gives up early. If the read needs a connection of its own, net/http completes it
// later, for other requests.
func grantBesideRead(w *world, word string) task {
	user, group := w.service.User(word).Path(), w.service.Account("acme").Group("web").ID()
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		var read sync.WaitGroup
		read.Go(func() {
			time.Sleep(10 * time.Millisecond)
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			_, _ = w.client.Accounts.Get(short, acme)
		})
		_, err := w.client.Privileges.Grant(ctx, user, bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(group)})
		read.Wait()
		return func(done []bigvtest.Exchange) string {
			return applied("grant", once, err, count(done, http.MethodPost, "/users/"+word))
		}
	}
}

func moveAndRename(w *world, word string) task {
	vm, to := w.machine(word), acme.Group("default")
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		_, moved := w.client.VirtualMachines.Move(ctx, vm, to)
		var renamed error
		if moved == nil {
			_, renamed = w.client.VirtualMachines.Rename(ctx, to.VirtualMachine(word), word+"x")
		}
		return func(done []bigvtest.Exchange) string {
			moves := slices.DeleteFunc(slices.Clone(done), func(e bigvtest.Exchange) bool {
				return !strings.Contains(e.RequestBody, "group_id")
			})
			if problem := applied("move", once, moved, count(moves, http.MethodPut, word)); problem != "" || moved != nil {
				return problem
			}
			return applied("rename", once, renamed, count(done, http.MethodPut, `"name":"`+word))
		}
	}
}

// list reads a list of three machines, whole and element by element.
func list(w *world, word string) task {
	for _, suffix := range []string{"a", "b", "c"} {
		w.machine(word + suffix)
	}
	options := bigv.VirtualMachineListOptions{Group: web}
	return func(ctx context.Context) func([]bigvtest.Exchange) string {
		whole, wholeErr := w.client.VirtualMachines.List(ctx, options)
		var one []bigv.VirtualMachine
		var oneErr error
		for vm, err := range w.client.VirtualMachines.All(ctx, options) {
			if oneErr = err; err == nil {
				one = append(one, vm)
			}
		}
		return func([]bigvtest.Exchange) string {
			return cmp.Or(listed(whole, wholeErr, word), listed(one, oneErr, word))
		}
	}
}

// listed checks that a list without an error is complete.
func listed(machines []bigv.VirtualMachine, err error, word string) string {
	n := 0
	for _, vm := range machines {
		if strings.HasPrefix(vm.Name, word) {
			n++
		}
	}
	if err == nil && n != 3 {
		return fmt.Sprintf("the list is incomplete: %d of 3 machines", n)
	}
	return ""
}
