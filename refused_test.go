package bigv_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// good are arguments that every method takes, by their type.
func good() map[reflect.Type]reflect.Value {
	values := map[reflect.Type]reflect.Value{}
	for _, value := range []any{
		acme, bigv.UserPath("alice"), web, www1, root, 31, "ssh-rsa AAAA name1", []string{"ctrl"},
		bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 50}}},
		bigv.DiscCreate{Label: "data", Size: 50}, bigv.Image{Distribution: "stretch"},
		bigv.GroupCreate{Name: "web"}, bigv.AccountCreate{Name: "acme"}, bigv.UserCreate{Username: "carol"},
		bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)},
		bigv.Condition(bigv.PoweredOn), bigv.DiscCondition(bigv.Restored),
	} {
		values[reflect.TypeOf(value)] = reflect.ValueOf(value)
	}
	return values
}

// services are the services whose methods are called by what types they take.
func services(c *bigv.Client) map[string]any {
	return map[string]any{
		"Accounts": c.Accounts, "Groups": c.Groups, "VirtualMachines": c.VirtualMachines, "Discs": c.Discs, "Users": c.Users, "Privileges": c.Privileges,
	}
}

// eachMethod calls f with each method of each service and arguments that it
// takes; invoke calls the method with them, or with others, and returns its error.
func eachMethod(t *testing.T, c *bigv.Client, f func(t *testing.T, args []reflect.Value, invoke func([]reflect.Value) error)) {
	t.Helper()
	for name, service := range services(c) {
		value := reflect.ValueOf(service)
		for i := range value.NumMethod() {
			method := value.Method(i)
			t.Run(name+"."+value.Type().Method(i).Name, func(t *testing.T) {
				var args []reflect.Value
				for j := range method.Type().NumIn() {
					kind := method.Type().In(j)
					switch arg, ok := good()[kind]; {
					case j == 0:
						args = append(args, reflect.ValueOf(t.Context()))
					case ok:
						args = append(args, arg)
					case method.Type().IsVariadic() && j == method.Type().NumIn()-1:
					default:
						args = append(args, reflect.Zero(kind)) // options and updates
					}
				}
				if strings.HasSuffix(t.Name(), "CreateBare") {
					args[2] = reflect.ValueOf(bigv.VirtualMachineCreate{Name: "www1"})
				}
				f(t, args, func(args []reflect.Value) error {
					out := method.Call(args)
					if seq := out[0]; seq.Kind() == reflect.Func {
						var err error
						for _, e := range seq.Seq2() {
							err, _ = e.Interface().(error)
						}
						return err
					}
					err, _ := out[len(out)-1].Interface().(error)
					return err
				})
			})
		}
	}
}

func TestEveryMethodRefusesABadContext(t *testing.T) {
	rec, client := newRecorder(t, nil)
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user went home"))
	eachMethod(t, client, func(t *testing.T, args []reflect.Value, invoke func([]reflect.Value) error) {
		if strings.Contains(t.Name(), "Resolve") {
			return // of a full path it needs nothing
		}
		args[0] = reflect.Zero(reflect.TypeFor[context.Context]())
		err := invoke(args)
		require.Error(t, err)
		assert.ErrorContains(t, err, "nil")
		args[0] = reflect.ValueOf(cancelled)
		err = invoke(args)
		require.Error(t, err)
		assert.ErrorContains(t, err, "the user went home")
	})
	assert.Empty(t, rec.requests)
}

// badPaths are paths of each type that must go nowhere.
func badPaths() map[reflect.Type][]any {
	bad := map[reflect.Type][]any{}
	add := func(path any) { bad[reflect.TypeOf(path)] = append(bad[reflect.TypeOf(path)], path) }
	for _, segment := range []string{"", ".", "..", "a\x00b", "a\nb", "\x7f", "0", "00", "-1", "\xff"} {
		if segment != "" {
			add(bigv.AccountPath(segment))
			add(bigv.UserPath(segment))
		}
		account := bigv.AccountPath(segment)
		add(account.Group("web"))
		add(acme.Group(segment))
		add(account.Group("web").VirtualMachine("www1"))
		add(acme.Group(segment).VirtualMachine("www1"))
		add(web.VirtualMachine(segment))
		add(account.Group("web").VirtualMachine("www1").Disc("root"))
		add(acme.Group(segment).VirtualMachine("www1").Disc("root"))
		add(web.VirtualMachine(segment).Disc("root"))
		add(www1.Disc(segment))
	}
	for _, id := range []int{0, -1} {
		add(bigv.GroupID(id))
		add(bigv.VirtualMachineID(id))
		add(bigv.DiscID(id))
		add(bigv.GroupID(id).VirtualMachine("www1"))
		add(bigv.VirtualMachineID(id).Disc("root"))
	}
	add(bigv.GroupID(78).VirtualMachine(".."))
	add(bigv.VirtualMachineID(5012).Disc("\x00"))
	add(bigv.GroupPath{}.VirtualMachine("www1"))
	add(bigv.VirtualMachinePath{}.Disc("root"))
	return bad
}

func TestEveryMethodRefusesABadPath(t *testing.T) {
	for _, style := range []bigv.URLStyle{bigv.NestedURLs, bigv.FlatURLs} {
		rec, client := newRecorder(t, nil, bigv.WithURLStyle(style))
		eachMethod(t, client, func(t *testing.T, args []reflect.Value, invoke func([]reflect.Value) error) {
			for i, arg := range args {
				for _, path := range badPaths()[arg.Type()] {
					changed := append([]reflect.Value(nil), args...)
					changed[i] = reflect.ValueOf(path)
					assert.ErrorContains(t, invoke(changed), "nothing was sent", "%q", path)
				}
				if arg.Kind() == reflect.Int {
					changed := append([]reflect.Value(nil), args...)
					changed[i] = reflect.ValueOf(-1)
					assert.Error(t, invoke(changed))
				}
				if !arg.IsValid() || badPaths()[arg.Type()] == nil {
					continue
				}
				changed := append([]reflect.Value(nil), args...)
				changed[i] = reflect.Zero(arg.Type())
				assert.Error(t, invoke(changed), "a path that names nothing")
			}
		})
		assert.Empty(t, rec.requests)
	}
}

func TestEveryListRefusesABadFilter(t *testing.T) {
	bad := badPaths()
	for _, style := range []bigv.URLStyle{bigv.NestedURLs, bigv.FlatURLs} {
		rec, client := newRecorder(t, nil, bigv.WithURLStyle(style))
		refused := func(path any, err error) { assert.ErrorContains(t, err, "nothing was sent", "%T %q", path, path) }
		for _, p := range bad[reflect.TypeFor[bigv.AccountPath]()] {
			account := p.(bigv.AccountPath)
			refused(p, just(client.Groups.List(t.Context(), bigv.GroupListOptions{Account: account})))
			refused(p, just(client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Account: account})))
			refused(p, just(client.Privileges.List(t.Context(), bigv.PrivilegeListOptions{Account: account})))
		}
		for _, p := range bad[reflect.TypeFor[bigv.GroupPath]()] {
			group := p.(bigv.GroupPath)
			refused(p, just(client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: group})))
			refused(p, just(client.Privileges.List(t.Context(), bigv.PrivilegeListOptions{Group: group})))
		}
		for _, p := range bad[reflect.TypeFor[bigv.VirtualMachinePath]()] {
			vm := p.(bigv.VirtualMachinePath)
			refused(p, just(client.Discs.List(t.Context(), bigv.DiscListOptions{VirtualMachine: vm})))
			refused(p, just(client.Privileges.List(t.Context(), bigv.PrivilegeListOptions{VirtualMachine: vm})))
		}
		for _, p := range bad[reflect.TypeFor[bigv.UserPath]()] {
			refused(p, just(client.Privileges.List(t.Context(), bigv.PrivilegeListOptions{User: p.(bigv.UserPath)})))
		}
		assert.Empty(t, rec.requests)
	}
}

func TestBadBodiesAreRefused(t *testing.T) {
	rec, client := newRecorder(t, nil)
	ctx := t.Context()
	create := func(change func(*bigv.VirtualMachineCreate)) error {
		vm := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}
		change(&vm)
		return just(client.VirtualMachines.Create(ctx, web, vm))
	}
	grant := func(g bigv.PrivilegeGrant) error { return just(client.Privileges.Grant(ctx, "bob", g)) }
	for _, row := range []struct {
		name string
		err  error
		says string
	}{
		{"a machine without a disc", create(func(vm *bigv.VirtualMachineCreate) { vm.Discs = nil }), "at least one disc"},
		{"a machine with a disc of size 0", create(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Size = 0 }), "discs[0]"},
		{"a machine with a disc below zero", create(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Size = -1 }), "discs[0]"},
		{"a machine without a name", create(func(vm *bigv.VirtualMachineCreate) { vm.Name = "" }), "name is empty"},
		{"a machine called by digits", create(func(vm *bigv.VirtualMachineCreate) { vm.Name = "123" }), "all digits"},
		{"a machine with memory below zero", create(func(vm *bigv.VirtualMachineCreate) { vm.Memory = -1 }), "below zero"},
		{"a machine with an image of nothing", create(func(vm *bigv.VirtualMachineCreate) { vm.Image = &bigv.Image{} }), "no distribution"},
		{"a bare machine with discs", just(client.VirtualMachines.CreateBare(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 1}}})), "use Create"},
		{"an update to no cores", just(client.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Cores: new(0)})), "above zero"},
		{"an update to memory below zero", just(client.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(-1)})), "above zero"},
		{"a rename to digits", just(client.VirtualMachines.Rename(ctx, www1, "77")), "all digits"},
		{"a rename to nothing", just(client.VirtualMachines.Rename(ctx, www1, "")), "is empty"},
		{"a group called by digits", just(client.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "77"})), "all digits"},
		{"a group renamed to digits", just(client.Groups.Rename(ctx, web, "77")), "all digits"},
		{"a disc of size 0", just(client.Discs.Create(ctx, www1, bigv.DiscCreate{})), "above zero"},
		{"a disc labelled by digits", just(client.Discs.Create(ctx, www1, bigv.DiscCreate{Label: "77", Size: 50})), "all digits"},
		{"a disc relabelled by digits", just(client.Discs.Relabel(ctx, root, "77")), "all digits"},
		{"a disc resized to 0", just(client.Discs.Resize(ctx, root, 0)), "above zero"},
		{"no keys to send", client.VirtualMachines.SendKeys(ctx, www1, nil), "no keys"},
		{"an appliance without a name", just(client.VirtualMachines.Boot(ctx, www1, "")), "no name"},
		{"an image of nothing", client.VirtualMachines.Reimage(ctx, www1, bigv.Image{}), "no distribution"},
		{"a key of two lines", just(client.Users.AddKey(ctx, "alice", "ssh-rsa AAAA a\nssh-rsa BBBB b")), "one line"},
		{"a key of nothing", just(client.Users.AddKey(ctx, "alice", " ")), "one line"},
		{"a user called by digits", just(client.Users.Create(ctx, bigv.UserCreate{Username: "12"})), "all digits"},
		{"a privilege of no level", grant(bigv.PrivilegeGrant{Account: bigv.AccountID(41)}), "level is empty"},
		{"a privilege on nothing", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin}), "what it is on"},
		{"a privilege on the wrong thing", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Account: bigv.AccountID(41)}), "what it is on"},
		{"a privilege on two things", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78), Account: bigv.AccountID(41)}), "one thing"},
		{"a privilege of an API key with a YubiKey", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78), APIKeyID: 9, YubikeyRequired: new(true)}), "YubiKey"},
		{"account and group that disagree", just(client.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Account: "other", Group: web})), "not the same"},
		{"privileges of two things", just(client.Privileges.List(ctx, bigv.PrivilegeListOptions{Account: acme, Group: web})), "more than one"},
		{"a privilege of a negative ID", just(client.Privileges.List(ctx, bigv.PrivilegeListOptions{PrivilegeID: -1})), "not the ID"},
		{"no default account", just(client.Accounts.Get(ctx, bigv.DefaultAccount)), "no default account is set"},
		{"no default account in a list", just(client.Groups.List(ctx, bigv.GroupListOptions{Account: bigv.DefaultAccount})), "no default account is set"},
		{"an update that sets power, with a restart", just(client.VirtualMachines.UpdateAndRestart(ctx, www1, bigv.VirtualMachineUpdate{PowerOn: new(true)}, bigv.ShutdownOptions{})), "sets its power"},
		{"a wait for nothing", just(client.VirtualMachines.Wait(ctx, www1, nil, bigv.WaitOptions{})), "nil"},
		{"a call option that is a mistake", just(client.Users.List(ctx, bigv.WithHeader("Authorization", "x"))), "belongs to the client"},
		{"a response to fill in that is nil", just(client.Users.List(ctx, bigv.WithResponse(nil))), "is nil"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.ErrorContains(t, row.err, row.says)
			assert.ErrorContains(t, row.err, "nothing was sent")
			assert.False(t, is[*bigv.Error](row.err), "nothing was sent, so there is no exchange to tell of")
		})
	}
	assert.Empty(t, rec.requests)
}
