package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// machineName is the name of the machine that is created. The name of its group is random.
const machineName = "probe1"

// randomName returns a name that nothing else has, so that whatever has it can be removed.
func randomName() string { return "probe-" + strings.ToLower(rand.Text()[:12]) }

// group returns the path of the group that is created.
func (p *probe) group() bigv.GroupPath { return bigv.AccountPath(p.account).Group(p.name) }

// howToRemove returns the command that removes what is created.
func (p *probe) howToRemove() string { return "go run ./examples/clearout -yes " + p.group().String() }

// once sends a write unless a check before has sent it, and returns the exchange.
func (p *probe) once(ctx context.Context, what string, c call) (*exchange, error) {
	if x := p.results[what]; x != nil {
		p.exchanges = append(p.exchanges, x)
		return x, nil
	}
	if p.lost[what] {
		return nil, skip("the response to an earlier POST or DELETE was lost")
	}
	x, err := p.do(ctx, c)
	if err == nil {
		p.results[what] = x
	}
	p.lost[what] = err != nil // it may have been applied, so it is not sent again
	return x, err
}

// makeGroup creates the group.
func (p *probe) makeGroup(ctx context.Context) (*exchange, error) {
	if p.account == "" {
		account, _, err := p.firstAccount(ctx)
		if err != nil {
			return nil, err
		}
		p.account = account
	}
	if !p.created {
		p.created = true // also if the response is lost
		p.notify("If this program is killed, remove what it creates with\n  %s", p.howToRemove())
	}
	return p.once(ctx, "group", call{
		method: http.MethodPost, route: groupsRoute, args: []string{p.account}, body: object{"name": p.name},
	})
}

// isMade returns an error unless a creation was a success.
func isMade(x *exchange, err error) error {
	if err != nil || x.status >= 200 && x.status < 300 {
		return err
	}
	return skip("%s %s gets %d", x.method, x.route, x.status)
}

// makeMachine creates the machine, in its group. It has no image, so it stays off and no password is sent.
func (p *probe) makeMachine(ctx context.Context) (*exchange, error) {
	if err := isMade(p.makeGroup(ctx)); err != nil {
		return nil, err
	}
	isNew := p.results["machine"] == nil
	x, err := p.once(ctx, "machine", p.createCall(object{
		"virtual_machine": object{"name": machineName, "cores": 1, "memory": 1024, "power_on": false, "autoreboot_on": false},
		"discs":           []object{{"label": "root", "size": 25600, "storage_grade": "sata"}},
	}))
	if err == nil && isNew && isMade(x, nil) == nil {
		_, err = p.once(ctx, "first read", call{method: http.MethodGet, route: machineRoute, args: p.machinePath()})
	}
	return x, err
}

func (p *probe) createCall(body object) call {
	return call{method: http.MethodPost, route: groupRoute + "/vm_create", args: []string{p.account, p.name}, body: body}
}

// machinePath returns the arguments of machineRoute for the machine that was created.
func (p *probe) machinePath(more ...string) []string {
	return append([]string{p.account, p.name, machineName}, more...)
}

// ready creates the machine and waits until it is provisioned. It returns the machine.
func (p *probe) ready(ctx context.Context) (object, error) {
	if err := isMade(p.makeMachine(ctx)); err != nil {
		return nil, err
	}
	if p.results["purge"] != nil || p.results["delete"] != nil && p.results["undelete"] == nil {
		return nil, skip("the machine has been deleted")
	}
	_, err := p.client.VirtualMachines.Wait(ctx, p.group().VirtualMachine(machineName), bigv.Provisioned, p.wait)
	if err != nil {
		return nil, &notTested{"the machine was not provisioned", err}
	}
	return p.object(ctx, machineRoute, p.machinePath()...)
}

// makeDisc adds a disc to the machine and returns its path, as the arguments of discRoute.
func (p *probe) makeDisc(ctx context.Context, label string) (*exchange, []string, error) {
	if _, err := p.ready(ctx); err != nil {
		return nil, nil, err
	}
	x, err := p.once(ctx, "disc "+label, call{method: http.MethodPost, route: discsRoute, args: p.machinePath(),
		body: object{"label": label, "size": 25600, "storage_grade": "sata"}})
	return x, p.machinePath(label), err
}

// put changes the machine and returns the exchange.
func (p *probe) put(ctx context.Context, body object) (*exchange, error) {
	return p.do(ctx, call{method: http.MethodPut, route: machineRoute, args: p.machinePath(), body: body})
}

// cleanUp removes the API keys, the machines and the group that may have been created. If the response to a creation
// was lost, a machine may appear after the others have been purged, and the group cannot be deleted then; once the group
// is deleted, no machine can appear.
func (p *probe) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return errors.Join(p.removeKeys(ctx), p.removeGroup(ctx))
}

func (p *probe) removeKeys(ctx context.Context) error {
	if !p.keyed {
		return nil
	}
	keys, err := p.client.APIKeys.List(ctx, bigv.APIKeyListOptions{})
	for _, key := range keys {
		if key.Label == p.name {
			err = errors.Join(err, p.client.APIKeys.Delete(ctx, key.ID))
		}
	}
	if err != nil {
		return fmt.Errorf("%w\nan API key with the label %s may still exist; it has no privileges", err, p.name)
	}
	return nil
}

func (p *probe) removeGroup(ctx context.Context) error {
	if !p.created {
		return nil
	}
	for {
		machines, err := p.client.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: p.group(), IncludeDeleted: true})
		for _, vm := range machines {
			if purgeErr := p.client.VirtualMachines.Purge(ctx, p.group().VirtualMachine(vm.Name)); !errors.Is(purgeErr, bigv.ErrNotFound) {
				err = errors.Join(err, purgeErr)
			}
		}
		if err == nil {
			err = p.client.Groups.Delete(ctx, p.group())
		}
		if err == nil || errors.Is(err, bigv.ErrNotFound) {
			p.notify("Removed everything that was created.")
			return nil
		}
		if !errors.Is(err, bigv.ErrBadRequest) || ctx.Err() != nil {
			return fmt.Errorf("%w\ngroup %s may still exist, with a machine that is billed; remove it with\n  %s",
				err, p.group(), p.howToRemove())
		}
		select {
		case <-ctx.Done():
		case <-time.After(cmp.Or(p.wait.MinInterval, time.Second)):
		}
	}
}
