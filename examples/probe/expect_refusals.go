package main

import (
	"context"
	"net/http"

	"github.com/bigv-go/bigv"
)

// refusalExpectations are about writes that are refused.
var refusalExpectations = []expectation{
	{"A name that is taken gets 400 of the attribute", "find_or_create.go findOrCreate", true,
		func(ctx context.Context, p *probe) (string, error) {
			if err := isMade(p.makeGroup(ctx)); err != nil {
				return "", err
			}
			x, err := p.do(ctx, call{method: http.MethodPost, route: groupsRoute, args: []string{p.account}, body: object{"name": p.name}})
			return checkFields(x, err, "name")
		}},
	{"The name of a machine that is taken gets 400 of the attribute", "find_or_create.go findOrCreate", true,
		func(ctx context.Context, p *probe) (string, error) {
			if err := isMade(p.makeMachine(ctx)); err != nil {
				return "", err
			}
			x, err := p.do(ctx, p.createCall(object{
				"virtual_machine": object{"name": machineName}, "discs": []object{{"size": 25600}},
			}))
			return checkFields(x, err, "name")
		}},
	{"A 400 names each wrong attribute of a machine", "error_fields.go parseFields", true,
		func(ctx context.Context, p *probe) (string, error) {
			x, err := p.wrongMachine(ctx)
			return checkFields(x, err, "name", "memory", "hardware_profile")
		}},
	{"A 400 of wrong discs is a list by position", "error_fields.go addValue", true, checkPositions},
	{"A 400 of a PUT names each wrong attribute", "error_fields.go parseFields", true,
		func(ctx context.Context, p *probe) (string, error) {
			if _, err := p.ready(ctx); err != nil {
				return "", err
			}
			x, err := p.put(ctx, object{"memory": 1, "keymap": "probe"})
			return checkFields(x, err, "memory", "keymap")
		}},
	{"A backup schedule without interval_seconds gets 400 with a text", "error_fields.go addValue", true, checkMissingInterval},
	{"A disc with the label vda gets 400 of the attribute", "api/openapi.yaml: Which labels are refused", true,
		func(ctx context.Context, p *probe) (string, error) {
			if _, err := p.ready(ctx); err != nil {
				return "", err
			}
			x, err := p.do(ctx, call{
				method: http.MethodPost, route: discsRoute, args: p.machinePath(), body: object{"label": "vda", "size": 25600},
			})
			return checkFields(x, err, "label")
		}},
	{"A smaller size of a disc gets 400 of the attribute", "api/openapi.yaml: Here a smaller size gets 400", true,
		func(ctx context.Context, p *probe) (string, error) {
			x, path, err := p.makeDisc(ctx, "probe-disc")
			if err := isMade(x, err); err != nil {
				return "", err
			}
			x, err = p.do(ctx, call{method: http.MethodPut, route: discRoute, args: path, body: object{"size": 20480}})
			return checkFields(x, err, "size")
		}},
	{"A PUT of another Content-Type gets 415", "api/openapi.yaml: The documentation says that other types do not work", true,
		func(ctx context.Context, p *probe) (string, error) {
			if _, err := p.ready(ctx); err != nil {
				return "", err
			}
			return p.expectStatus(ctx, call{method: http.MethodPut, route: machineRoute, args: p.machinePath(),
				raw: `{"hardware_profile_locked":false}`, body: object{}}.with(http.Header{"Content-Type": {"text/plain"}}), 415)
		}},
	{"Malformed JSON gets 400", "errors.go statusKinds", true, func(ctx context.Context, p *probe) (string, error) {
		if _, err := p.ready(ctx); err != nil {
			return "", err
		}
		return p.expectStatus(ctx, call{
			method: http.MethodPut, route: machineRoute, args: p.machinePath(), raw: `{"cores":`, body: object{},
		}, 400)
	}},
	{"A signal to a machine that is off gets 400", "api/openapi.yaml: The status of a refusal is not documented", true,
		func(ctx context.Context, p *probe) (string, error) {
			if _, err := p.ready(ctx); err != nil {
				return "", err
			}
			return p.expectStatus(ctx, call{
				method: http.MethodPost, route: machineRoute + "/signal", args: p.machinePath(), body: object{"signal": "powerdown"},
			}, 400)
		}},
	{"A change of a privilege of one's own level gets 403", "api/openapi.yaml: The status for a privilege that the caller", true,
		func(ctx context.Context, p *probe) (string, error) {
			x, err := p.ownLevel(ctx)
			if err != nil {
				return "", err
			}
			return expectStatus(x, 403)
		}},
	{"The body of a 403 is a short text", "api/openapi.yaml: No source states the body", true,
		func(ctx context.Context, p *probe) (string, error) {
			x, err := p.ownLevel(ctx)
			if err != nil {
				return "", err
			}
			return checkErrorBody(x, 403)
		}},
	{"A login with a wrong name gets 400, 401 or 403 with a text", "auth.go refusesCredentials", true, checkLogin},
}

// wrongMachine tries to create a machine with wrong attributes and, as its second disc, a wrong disc.
func (p *probe) wrongMachine(ctx context.Context) (*roundTrip, error) {
	if err := isMade(p.makeGroup(ctx)); err != nil {
		return nil, err
	}
	return p.once(ctx, "wrong machine", p.createCall(object{
		"virtual_machine": object{"name": "a", "memory": 1, "hardware_profile": "probe"},
		"discs":           []object{{"label": "root", "size": 25600}, {"label": "data", "size": 1}},
	}))
}

// checkFields checks that a 400 is an object that has messages, as a list of texts, for each attribute.
func checkFields(x *roundTrip, err error, names ...string) (string, error) {
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, 400)
	if err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	for _, name := range names {
		list, ok := o[name].([]any)
		if !ok || len(list) == 0 || !isAll(list, "string") {
			return "", differs("%s, %s is %s instead of a list of texts", seen, name, typeOf(o[name]))
		}
	}
	return seen + ", lists of texts", nil
}

func checkPositions(ctx context.Context, p *probe) (string, error) {
	x, err := p.wrongMachine(ctx)
	if err != nil {
		return "", err
	}
	if _, err := expectStatus(x, 400); err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	discs, err := asList(o["discs"])
	if err != nil {
		return "", differs("discs: %v", err)
	}
	if len(discs) != 2 || len(discs[0]) != 0 {
		return "", differs("discs has %s, and the first of two is not empty", counted(len(discs)))
	}
	if list, ok := discs[1]["size"].([]any); !ok || !isAll(list, "string") {
		return "", differs("size of the second disc is %s", typeOf(discs[1]["size"]))
	}
	return "an empty object, then an object with size", nil
}

func checkMissingInterval(ctx context.Context, p *probe) (string, error) {
	if _, err := p.ready(ctx); err != nil {
		return "", err
	}
	x, err := p.do(ctx, call{
		method: http.MethodPost, route: discRoute + "/backup_schedules", args: p.machinePath("root"), body: object{"capacity": 1},
	})
	if err != nil {
		return "", err
	}
	seen, err := expectStatus(x, 400)
	if err != nil {
		return "", err
	}
	o, err := x.object()
	if err != nil {
		return "", err
	}
	if _, ok := o["interval_seconds"].(string); !ok {
		return "", differs("%s, interval_seconds is %s", seen, typeOf(o["interval_seconds"]))
	}
	return seen + ", a text", nil
}

// ownLevel tries to change a privilege of the client's own user on an account. The change is empty.
func (p *probe) ownLevel(ctx context.Context) (*roundTrip, error) {
	privileges, err := p.list(ctx, "/privileges")
	if err != nil {
		return nil, err
	}
	for _, privilege := range privileges {
		if text(privilege, "level") == string(bigv.AccountAdmin) {
			return p.once(ctx, "own level", call{
				method: http.MethodPut, route: "/privileges/{privilege}", args: []string{text(privilege, "id")}, body: object{},
			})
		}
	}
	return nil, skip("no privilege account_admin")
}

// checkLogin logs in with the random name, and a password that is random too.
func checkLogin(ctx context.Context, p *probe) (string, error) {
	x := &roundTrip{call: call{method: http.MethodPost, route: "/session"}, through: true}
	p.roundTrips = append(p.roundTrips, x)
	_, err := p.client.Sessions.Create(context.WithValue(ctx, roundTripKey{}, x), bigv.SessionCreate{
		Username: p.name, Password: bigv.NewSecret(randomName()),
	})
	if x.status == 0 {
		return "", &notTested{"no response", err}
	}
	seen, err := expectStatus(x, 400, 401, 403)
	if err != nil {
		return "", err
	}
	return checkErrorBodySeen(x, seen)
}

func checkErrorBodySeen(x *roundTrip, seen string) (string, error) {
	if _, err := checkErrorBody(x, x.status); err != nil {
		return "", err
	}
	return seen, nil
}
