package main

import (
	"context"
	"fmt"
	"net/http"
)

// removalExpectations are about removing what was created. They are tested in this order.
var removalExpectations = []expectation{
	{"DELETE of a disc without purge gets 500", "discs.go Purge", true, func(ctx context.Context, p *probe) (string, error) {
		_, path, err := p.makeDisc(ctx, "probe-purge")
		if err != nil {
			return "", err
		}
		return p.expectStatus(ctx, call{method: http.MethodDelete, route: discRoute, args: path}, 500)
	}},
	{"DELETE of a disc with purge gets 204", "discs.go Purge", true, func(ctx context.Context, p *probe) (string, error) {
		return expected(204)(p.purgeDisc(ctx))
	}},
	{"A repeated DELETE gets 404", "internal/retry/outcome.go classify", true, func(ctx context.Context, p *probe) (string, error) {
		x, err := p.purgeDisc(ctx)
		if err != nil {
			return "", err
		}
		return p.expectStatus(ctx, x.call, 404)
	}},
	{"DELETE of a backup schedule gets 204", "backup_schedules.go Delete", true, func(ctx context.Context, p *probe) (string, error) {
		id, err := madeID(p.makeSchedule(ctx))
		if err != nil {
			return "", err
		}
		return p.expectStatus(ctx, call{
			method: http.MethodDelete, route: discRoute + "/backup_schedules/{schedule}", args: p.machinePath("root", id),
		}, 204)
	}},
	{"DELETE of a privilege gets 200 or 204", "privileges.go Revoke", true, func(ctx context.Context, p *probe) (string, error) {
		id, err := madeID(p.makePrivilege(ctx))
		if err != nil {
			return "", err
		}
		return p.expectStatus(ctx, call{method: http.MethodDelete, route: "/privileges/{privilege}", args: []string{id}}, 200, 204)
	}},
	{"DELETE of an API key gets 200 or 204", "api_keys.go Delete", true, func(ctx context.Context, p *probe) (string, error) {
		id, err := madeID(p.makeKey(ctx))
		if err != nil {
			return "", err
		}
		return p.expectStatus(ctx, call{method: http.MethodDelete, route: "/api_keys/{key}", args: []string{id}}, 200, 204)
	}},
	{"DELETE of a group with a machine gets 400 with a text", "groups.go Delete", true,
		func(ctx context.Context, p *probe) (string, error) {
			if _, err := p.ready(ctx); err != nil {
				return "", err
			}
			x, err := p.deleteGroup(ctx)
			if err != nil {
				return "", err
			}
			return checkErrorBody(x, 400)
		}},
	{"DELETE of a machine gets 204", "virtual_machines.go Delete", true, func(ctx context.Context, p *probe) (string, error) {
		return expected(204)(p.deleteMachine(ctx))
	}},
	{"A machine that was just deleted gets 404", "api/openapi.yaml: The status of a deleted machine without include_deleted", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.readDeleted(ctx, "", 404)
		}},
	{"A machine that was just deleted can be read with include_deleted", "wait.go Deleted", true,
		func(ctx context.Context, p *probe) (string, error) {
			return p.readDeleted(ctx, "?include_deleted=true", 200)
		}},
	{"A group with a deleted machine cannot be deleted", "api/openapi.yaml: Deleted machines that are not purged apparently count", true,
		func(ctx context.Context, p *probe) (string, error) {
			if _, err := p.deleteMachine(ctx); err != nil {
				return "", err
			}
			return expected(400)(p.deleteGroup(ctx))
		}},
	{"A deleted machine can be restored, and is off", "api/openapi.yaml: How long a machine can be restored", true, checkUndelete},
	{"DELETE of a machine with purge gets 204", "virtual_machines.go Purge", true, func(ctx context.Context, p *probe) (string, error) {
		return expected(204)(p.purgeMachine(ctx))
	}},
	{"A repeated purge of a machine gets 404", "virtual_machines.go Purge", true, func(ctx context.Context, p *probe) (string, error) {
		x, err := p.purgeMachine(ctx)
		if err != nil {
			return "", err
		}
		return p.expectStatus(ctx, x.call, 404)
	}},
	{"DELETE of an empty group gets 204", "groups.go Delete", true, func(ctx context.Context, p *probe) (string, error) {
		if _, err := p.purgeMachine(ctx); err != nil {
			return "", err
		}
		return expected(204)(p.deleteGroup(ctx))
	}},
}

// expected returns a function that checks the status of an exchange.
func expected(status int) func(*exchange, error) (string, error) {
	return func(x *exchange, err error) (string, error) {
		if err != nil {
			return "", err
		}
		return expectStatus(x, status)
	}
}

// madeID returns the ID of what was created.
func madeID(x *exchange, err error) (string, error) {
	if err := isMade(x, err); err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	if !hasType(o["id"], "int") {
		return "", differs("the response to its creation has no ID")
	}
	return text(o, "id"), nil
}

// purgeDisc purges a disc that it has added to the machine.
func (p *probe) purgeDisc(ctx context.Context) (*exchange, error) {
	x, path, err := p.makeDisc(ctx, "probe-purge")
	if err := isMade(x, err); err != nil {
		return nil, err
	}
	return p.once(ctx, "purge disc", call{method: http.MethodDelete, route: discRoute + "?purge=true", args: path})
}

func (p *probe) deleteGroup(ctx context.Context) (*exchange, error) {
	return p.do(ctx, call{method: http.MethodDelete, route: groupRoute, args: []string{p.account, p.name}})
}

// deleteMachine deletes the machine without purging it.
func (p *probe) deleteMachine(ctx context.Context) (*exchange, error) {
	if p.results["delete"] == nil {
		if _, err := p.ready(ctx); err != nil {
			return nil, err
		}
	}
	return p.once(ctx, "delete", call{method: http.MethodDelete, route: machineRoute, args: p.machinePath()})
}

func (p *probe) readDeleted(ctx context.Context, query string, status int) (string, error) {
	if _, err := p.deleteMachine(ctx); err != nil {
		return "", err
	}
	x, err := p.do(ctx, call{method: http.MethodGet, route: machineRoute + query, args: p.machinePath()})
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, status)
	if err != nil || status != http.StatusOK {
		return seen, err
	}
	vm, err := x.object()
	if err == nil && vm["deleted"] != true {
		err = differs("%s, deleted is not true", seen)
	}
	return seen, err
}

func checkUndelete(ctx context.Context, p *probe) (string, error) {
	if _, err := p.deleteMachine(ctx); err != nil {
		return "", err
	}
	x, err := p.once(ctx, "undelete", call{
		method: http.MethodPut, route: machineRoute, args: p.machinePath(), body: object{"deleted": false},
	})
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, 200)
	if err != nil {
		return "", err
	}
	vm, err := p.object(ctx, machineRoute, p.machinePath()...)
	if err != nil {
		return "", err
	}
	if vm["deleted"] != false || vm["power_on"] != false {
		return "", differs("%s, deleted is %v and power_on is %v", seen, vm["deleted"] == true, vm["power_on"] == true)
	}
	return fmt.Sprintf("%s, off", seen), nil
}

// purgeMachine purges the machine, whether it was deleted or not.
func (p *probe) purgeMachine(ctx context.Context) (*exchange, error) {
	if err := isMade(p.makeMachine(ctx)); err != nil {
		return nil, err
	}
	return p.once(ctx, "purge", call{method: http.MethodDelete, route: machineRoute + "?purge=true", args: p.machinePath()})
}
