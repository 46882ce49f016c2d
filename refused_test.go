package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// good are arguments that every method takes, by their type; zero options and
// updates are good too.
var good = byType()

func byType() map[reflect.Type]any {
	values := map[reflect.Type]any{}
	for _, value := range []any{
		acme, bigv.UserPath("alice"), web, www1, root, 31, "ssh-rsa AAAA name", []string{"ctrl"}, least, *everything.Image,
		bigv.DiscCreate{Label: "data", Size: 50}, bigv.GroupCreate{Name: "web"}, bigv.AccountCreate{Name: "acme"}, bigv.UserCreate{Username: "carol"},
		bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}, bigv.VirtualMachineCondition(bigv.Provisioned), bigv.DiscCondition(bigv.Restored),
		www1.NIC(6100), root.Backup("nightly"), ip20, bigv.NewSecret("t0ken"),
		bigv.IPCreate{Addresses: 1, Reason: "tls"}, bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: web.VirtualMachine("www2")},
		bigv.BackupSchedule{IntervalSeconds: 1}, bigv.BackupCondition(bigv.InColdStorage), bigv.APIKeyCreate{Label: "ci"},
		bigv.VMDefaultCreate{Account: acme, Name: "small"}, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")},
	} {
		values[reflect.TypeOf(value)] = value
	}
	return values
}

// goodArgs are arguments that a method takes, behind its receiver and context.
func goodArgs(name string, method reflect.Type) (args args) {
	if name == "VirtualMachines.CreateBare" {
		return append(args, web, bigv.VirtualMachineCreate{Name: "www1"})
	}
	for i := 2; i < method.NumIn()-1; i++ {
		args = append(args, good[method.In(i)])
	}
	return args
}

// Without this the tests below would be content with any refusal.
func TestGoodArgsAreGood(t *testing.T) {
	eachMethod(func(name string, kind reflect.Type) {
		_, client := newRecorder(t, answers{"GET " + www1URL: vmOff + then + vm5012})
		_, err := invoke(t.Context(), client, name, goodArgs(name, kind)...)
		assert.False(t, err != nil && strings.Contains(err.Error(), "nothing was sent") && !strings.HasSuffix(name, "RemoveKey"), "%s: %v", name, err)
	})
}

// with is args with another one in the place of one.
func (a args) with(i int, arg any) args {
	changed := append(args{}, a...)
	changed[i] = arg
	return changed
}

func TestEveryMethodRefusesABadContext(t *testing.T) {
	rec, client := newRecorder(t, nil)
	var noContext context.Context
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user went home"))
	expired, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	eachMethod(func(name string, kind reflect.Type) {
		t.Run(name, func(t *testing.T) {
			_, err := invoke(noContext, client, name, goodArgs(name, kind)...)
			require.Error(t, err)
			assertSays(t, err, "context")
			assertSays(t, err, "nil")
			_, err = invoke(cancelled, client, name, goodArgs(name, kind)...)
			require.ErrorIs(t, err, context.Canceled)
			assertSays(t, err, "the user went home")
			_, err = invoke(expired, client, name, goodArgs(name, kind)...)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	assert.Empty(t, rec.sent())
}

// badSegments are what no part of a path may be.
var badSegments = []string{"", ".", "..", "a\x00b", "a\nb", "\t", "\x7f", "\u0085", "0", "00", "-1", "-0", "\xff"}

// badPaths are paths of each type that must go nowhere, with one bad segment at
// one level.
func badPaths() map[reflect.Type][]any {
	bad := map[reflect.Type][]any{}
	add := func(paths ...any) {
		for _, path := range paths {
			bad[reflect.TypeOf(path)] = append(bad[reflect.TypeOf(path)], path)
		}
	}
	for _, segment := range badSegments {
		groups := []bigv.GroupPath{bigv.AccountPath(segment).Group("web"), acme.Group(segment), bigv.AccountPath(segment).Group("78")}
		machines := []bigv.VirtualMachinePath{web.VirtualMachine(segment), bigv.GroupID(78).VirtualMachine(segment)}
		for _, group := range groups {
			machines = append(machines, group.VirtualMachine("www1"), group.VirtualMachine("5012"))
		}
		discs := []bigv.DiscPath{www1.Disc(segment), bigv.VirtualMachineID(5012).Disc(segment), bigv.GroupID(78).VirtualMachine("www1").Disc(segment)}
		for _, vm := range machines {
			discs = append(discs, vm.Disc("root"), vm.Disc("900"))
		}
		add(bigv.AccountPath(segment), bigv.UserPath(segment))
		for _, path := range groups {
			add(path)
		}
		for _, path := range machines {
			add(path)
		}
		for _, path := range discs {
			add(path)
		}
	}
	for _, id := range []int{0, -1, -5012} {
		add(bigv.AccountID(id), bigv.UserID(id), bigv.GroupID(id), bigv.VirtualMachineID(id), bigv.DiscID(id))
		add(bigv.AccountID(id).Group("web"), bigv.GroupID(id).VirtualMachine("www1"), bigv.VirtualMachineID(id).Disc("root"), bigv.GroupID(id).VirtualMachine("www1").Disc("root"))
	}
	add(bigv.GroupPath{}, bigv.VirtualMachinePath{}, bigv.DiscPath{}) // which name nothing
	add(bigv.GroupPath{}.VirtualMachine("www1"), bigv.VirtualMachinePath{}.Disc("root"), bigv.GroupPath{}.VirtualMachine("").Disc("root"), bigv.AccountPath("").Group("").VirtualMachine("").Disc(""))
	return bad
}

// styles are both, each with a default account that must not fill a gap.
var styles = map[string][]bigv.Option{"nested": acmeDefault, "flat": append(flat, acmeDefault...)}

func TestEveryMethodRefusesABadPath(t *testing.T) {
	bad := badPaths()
	for style, opts := range styles {
		rec, client := newRecorder(t, nil, opts...)
		eachMethod(func(name string, kind reflect.Type) {
			t.Run(style+" "+name, func(t *testing.T) {
				before := len(rec.sent())
				args := goodArgs(name, kind)
				for i, arg := range args {
					for _, path := range bad[reflect.TypeOf(arg)] {
						_, err := invoke(t.Context(), client, name, args.with(i, path)...)
						assertRefused(t, err, "%T %q", path, path)
					}
				}
				assert.Empty(t, rec.sent()[before:])
			})
		})
	}
}

// assertRefused asserts that a call ended before anything was sent.
func assertRefused(t *testing.T, err error, format string, about ...any) {
	t.Helper()
	if assert.Error(t, err, fmt.Sprintf(format, about...)) {
		assert.Contains(t, err.Error(), "nothing was sent", fmt.Sprintf(format, about...))
		assert.True(t, strings.HasPrefix(err.Error(), "bigv: "), err)
		assert.False(t, is[*bigv.Error](err), "there is no exchange to tell of")
	}
}

func TestEveryListRefusesABadFilter(t *testing.T) {
	bad := badPaths()
	for style, opts := range styles {
		rec, client := newRecorder(t, nil, opts...)
		for _, row := range []struct{ name, field string }{
			{"Groups.List", "Account"},
			{"VirtualMachines.List", "Account"}, {"VirtualMachines.List", "Group"},
			{"Discs.List", "VirtualMachine"},
			{"Privileges.List", "User"}, {"Privileges.List", "Account"}, {"Privileges.List", "Group"}, {"Privileges.List", "VirtualMachine"},
		} {
			for _, name := range []string{row.name, strings.Replace(row.name, "List", "All", 1)} {
				t.Run(style+" "+name+" of "+row.field, func(t *testing.T) {
					before := len(rec.sent())
					options := reflect.New(method(client, name).Type().In(1)).Elem()
					field := options.FieldByName(row.field)
					for _, path := range bad[field.Type()] {
						if field.Set(reflect.ValueOf(path)); field.IsZero() {
							continue // which is no filter
						}
						_, err := invoke(t.Context(), client, name, options.Interface())
						assertRefused(t, err, "%T %q", path, path)
					}
					assert.Empty(t, rec.sent()[before:])
				})
			}
		}
		for _, id := range []int{-1, -31} {
			assertRefused(t, just(client.Privileges.List(t.Context(), bigv.PrivilegeListOptions{PrivilegeID: id})), "%d", id)
		}
	}
}

func TestBadIDsAreRefused(t *testing.T) {
	rec, client := newRecorder(t, nil)
	for _, id := range []int{0, -1} {
		assertRefused(t, just(client.Privileges.Get(t.Context(), id)), "get %d", id)
		assertRefused(t, just(client.Privileges.Update(t.Context(), id, bigv.PrivilegeUpdate{})), "update %d", id)
		assertRefused(t, client.Privileges.Revoke(t.Context(), id), "revoke %d", id)
	}
	assert.Empty(t, rec.sent())
}

func TestBadTargetsAreRefused(t *testing.T) {
	bad := badPaths()
	for style, opts := range styles {
		rec, client := newRecorder(t, nil, opts...)
		t.Run(style, func(t *testing.T) {
			for _, path := range bad[reflect.TypeFor[bigv.AccountPath]()] {
				assertRefused(t, just(client.Privileges.Grant(t.Context(), "bob", bigv.PrivilegeGrant{Level: bigv.AccountAdmin, Account: path.(bigv.AccountPath)})), "grant on %q", path)
			}
			for _, path := range bad[reflect.TypeFor[bigv.GroupPath]()] {
				group := path.(bigv.GroupPath)
				assertRefused(t, just(client.Privileges.Grant(t.Context(), "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group})), "grant on %q", path)
				assertRefused(t, just(client.VirtualMachines.Move(t.Context(), www1, group)), "move to %q", path)
			}
			for _, path := range bad[reflect.TypeFor[bigv.VirtualMachinePath]()] {
				vm := path.(bigv.VirtualMachinePath)
				assertRefused(t, just(client.Privileges.Grant(t.Context(), "bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: vm})), "grant on %q", path)
				assertRefused(t, just(client.Discs.Move(t.Context(), root, vm)), "move to %q", path)
			}
			assert.Empty(t, rec.sent())
		})
	}
}

// What would be made is looked at before anything is sent.
func TestBadValuesAreRefused(t *testing.T) {
	machine := func(change func(*bigv.VirtualMachineCreate)) args {
		vm := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}, {Size: 25600}}}
		change(&vm)
		return args{web, vm}
	}
	grant := func(g bigv.PrivilegeGrant) args { return args{"bob", g} }
	group78 := bigv.GroupID(78)
	for _, row := range []struct {
		name string // the method and the fact
		args args
		says string
	}{
		{"VirtualMachines.Create without a disc", machine(func(vm *bigv.VirtualMachineCreate) { vm.Discs = nil }), "at least one disc"},
		{"VirtualMachines.Create with an empty list of discs", machine(func(vm *bigv.VirtualMachineCreate) { vm.Discs = []bigv.DiscCreate{} }), "at least one disc"},
		{"VirtualMachines.Create with a disc of no size", machine(func(vm *bigv.VirtualMachineCreate) { vm.Discs[1].Size = 0 }), "discs[1]: a disc of 0 MiB"},
		{"VirtualMachines.Create with a disc below zero", machine(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Size = -1 }), "discs[0]: a disc of -1 MiB"},
		{"VirtualMachines.Create with a disc labelled by digits", machine(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Label = "7" }), "discs[0]: the disc's label \"7\" is all digits"},
		{"VirtualMachines.Create with a disc labelled by dots", machine(func(vm *bigv.VirtualMachineCreate) { vm.Discs[0].Label = ".." }), "discs[0]: the disc's label"},
		{"VirtualMachines.Create without a name", machine(func(vm *bigv.VirtualMachineCreate) { vm.Name = "" }), "name is empty"},
		{"VirtualMachines.Create called by digits", machine(func(vm *bigv.VirtualMachineCreate) { vm.Name = "123" }), "all digits"},
		{"VirtualMachines.Create called by a control character", machine(func(vm *bigv.VirtualMachineCreate) { vm.Name = "a\nb" }), "control character"},
		{"VirtualMachines.Create with memory below zero", machine(func(vm *bigv.VirtualMachineCreate) { vm.Memory = -1 }), "neither may be below zero"},
		{"VirtualMachines.Create with cores below zero", machine(func(vm *bigv.VirtualMachineCreate) { vm.Cores = -1 }), "neither may be below zero"},
		{"VirtualMachines.Create with an image of nothing", machine(func(vm *bigv.VirtualMachineCreate) { vm.Image = &bigv.Image{RootPassword: bigv.NewSecret("sesame")} }), "the image has no distribution"},
		{"VirtualMachines.Create with no IPs among its IPs", machine(func(vm *bigv.VirtualMachineCreate) { vm.IPs = &bigv.VirtualMachineIPs{} }), "IPs"},
		{"VirtualMachines.CreateAndWait without a disc", args{web, bigv.VirtualMachineCreate{Name: "www1"}, atOnce}, "at least one disc"},
		{"VirtualMachines.FindOrCreate without a disc", args{web, bigv.VirtualMachineCreate{Name: "www1"}}, "at least one disc"},
		{"VirtualMachines.CreateBare with discs", machine(func(*bigv.VirtualMachineCreate) {}), "use Create"},
		{"VirtualMachines.CreateBare with an image", args{web, bigv.VirtualMachineCreate{Name: "www1", Image: everything.Image}}, "use Create"},
		{"VirtualMachines.CreateBare with IPs", args{web, bigv.VirtualMachineCreate{Name: "www1", IPs: everything.IPs}}, "use Create"},
		{"VirtualMachines.CreateBare called by digits", args{web, bigv.VirtualMachineCreate{Name: "7"}}, "all digits"},
		{"VirtualMachines.Update to no cores", args{www1, bigv.VirtualMachineUpdate{Cores: new(0)}}, "above zero"},
		{"VirtualMachines.Update to cores below zero", args{www1, bigv.VirtualMachineUpdate{Cores: new(-1)}}, "above zero"},
		{"VirtualMachines.Update to no memory", args{www1, bigv.VirtualMachineUpdate{Memory: new(0)}}, "above zero"},
		{"VirtualMachines.Update to memory below zero", args{www1, bigv.VirtualMachineUpdate{Memory: new(-1)}}, "above zero"},
		{"VirtualMachines.Update to boot from nothing", args{www1, bigv.VirtualMachineUpdate{Appliance: &bigv.Appliance{}}}, "the appliance has no name"},
		{"VirtualMachines.UpdateAndRestart to no memory", args{www1, bigv.VirtualMachineUpdate{Memory: new(0)}, gracious}, "above zero"},
		{"VirtualMachines.UpdateAndRestart that sets its power", args{www1, bigv.VirtualMachineUpdate{PowerOn: new(true)}, gracious}, "sets its power"},
		{"VirtualMachines.UpdateAndRestart that sets its autoreboot", args{www1, bigv.VirtualMachineUpdate{AutorebootOn: new(true)}, gracious}, "sets its power"},
		{"VirtualMachines.Rename to digits", args{www1, "77"}, "all digits"},
		{"VirtualMachines.Rename to nothing", args{www1, ""}, "is empty"},
		{"VirtualMachines.Rename to dots", args{www1, ".."}, "another endpoint"},
		{"VirtualMachines.Boot from nothing", args{www1, ""}, "no name"},
		{"VirtualMachines.SendKeys of none", args{www1, []string{}}, "no keys"},
		{"VirtualMachines.SendKeys of an empty one", args{www1, []string{"ctrl", ""}}, "key"},
		{"VirtualMachines.Reimage with nothing", args{www1, bigv.Image{}}, "the image has no distribution"},
		{"VirtualMachines.Wait for nothing", args{www1, nil, atOnce}, "nil"},
		{"VirtualMachines.List of an account and a group that disagree", args{bigv.VirtualMachineListOptions{Account: "other", Group: web}}, "not the same"},
		{"VirtualMachines.All of an account and a group that disagree", args{bigv.VirtualMachineListOptions{Account: "other", Group: web}}, "not the same"},
		{"Groups.Create called by digits", args{acme, bigv.GroupCreate{Name: "77"}}, "all digits"},
		{"Groups.Create called by nothing", args{acme, bigv.GroupCreate{}}, "is empty"},
		{"Groups.FindOrCreate called by digits", args{acme, bigv.GroupCreate{Name: "77"}}, "all digits"},
		{"Groups.Rename to digits", args{web, "77"}, "all digits"},
		{"Groups.Rename to a control character", args{web, "a\x00"}, "control character"},
		{"Accounts.Create called by digits", args{bigv.AccountCreate{Name: "77"}}, "all digits"},
		{"Discs.Create of no size", args{www1, bigv.DiscCreate{}}, "a disc of 0 MiB: its size must be above zero"},
		{"Discs.Create below zero", args{www1, bigv.DiscCreate{Size: -50}}, "a disc of -50 MiB"},
		{"Discs.Create labelled by digits", args{www1, bigv.DiscCreate{Label: "77", Size: 50}}, "all digits"},
		{"Discs.Create with a backup schedule, which is for new machines only", args{www1, bigv.DiscCreate{Size: 50, BackupSchedules: everything.Discs[0].BackupSchedules}}, "schedule"},
		{"Discs.Update to no size", args{root, bigv.DiscUpdate{Size: new(0)}}, "above zero"},
		{"Discs.Resize to 0", args{root, 0}, "above zero"},
		{"Discs.Resize below zero", args{root, -1}, "above zero"},
		{"Discs.Relabel to digits", args{root, "77"}, "all digits"},
		{"Discs.Relabel to nothing", args{root, ""}, "is empty"},
		{"Discs.Wait for nothing", args{root, nil, atOnce}, "nil"},
		{"Users.Create called by digits", args{bigv.UserCreate{Username: "12"}}, "all digits"},
		{"Users.AddKey of two lines", args{"alice", "ssh-rsa AAAA a\nssh-rsa BBBB b"}, "one line"},
		{"Users.AddKey of a line that is hidden", args{"alice", "ssh-rsa AAAA a\rssh-rsa BBBB b"}, "one line"},
		{"Users.AddKey of nothing", args{"alice", " "}, "one line"},
		{"Users.AddKey of a word", args{"alice", "AAAA"}, "one line"},
		{"Privileges.Grant of no level", grant(bigv.PrivilegeGrant{Account: bigv.AccountID(41)}), "level is empty"},
		{"Privileges.Grant on nothing", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin}), "what it is on"},
		{"Privileges.Grant on an account of a group's level", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Account: bigv.AccountID(41)}), "what it is on"},
		{"Privileges.Grant on a group of a machine's level", grant(bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, Group: group78}), "what it is on"},
		{"Privileges.Grant on a machine of an account's level", grant(bigv.PrivilegeGrant{Level: bigv.AccountAdmin, VirtualMachine: bigv.VirtualMachineID(5012)}), "what it is on"},
		{"Privileges.Grant on a group of the cluster's level", grant(bigv.PrivilegeGrant{Level: bigv.ClusterSU, Group: group78}), "what it is on"},
		{"Privileges.Grant on a group and an account", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, Account: bigv.AccountID(41)}), "one thing"},
		{"Privileges.Grant on a group and a machine", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, VirtualMachine: www1}), "one thing"},
		{"Privileges.Grant to an API key with a YubiKey", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, APIKeyID: 9, YubikeyRequired: new(true)}), "YubiKey"},
		{"Privileges.Grant to an API key below zero", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, APIKeyID: -9}), "not the ID"},
		{"Privileges.Grant with an age below zero", grant(bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: group78, YubikeyOTPMaxAge: bigv.Set(-1)}), "below zero"},
		{"Privileges.Update to an age below zero", args{31, bigv.PrivilegeUpdate{YubikeyOTPMaxAge: bigv.Set(-1)}}, "below zero"},
		{"Privileges.List on two things", args{bigv.PrivilegeListOptions{Account: acme, Group: web}}, "more than one"},
		{"Privileges.List of a user on a thing", args{bigv.PrivilegeListOptions{User: "bob", VirtualMachine: www1}}, "more than one"},
		{"Privileges.List of a user by ID of a privilege", args{bigv.PrivilegeListOptions{User: "bob", PrivilegeID: 31}}, "more than one"},
		{"Accounts.Get of the default one, where none is set", args{bigv.DefaultAccount}, "no default account is set: use WithAccount or BIGV_ACCOUNT"},
		{"Groups.List of the default account, where none is set", args{bigv.GroupListOptions{Account: bigv.DefaultAccount}}, "no default account is set"},
		{"VirtualMachines.List of the default account, where none is set", args{bigv.VirtualMachineListOptions{Account: bigv.DefaultAccount}}, "no default account is set"},
		{"VirtualMachines.Start in the default account, where none is set", args{bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1")}, "no default account is set"},
		{"Discs.Purge in the default account, where none is set", args{bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1").Disc("root")}, "no default account is set"},
		{"Users.List with a header that is the client's", args{bigv.WithHeader("authorization", "x")}, "belongs to the client"},
		{"Users.List with a header of two lines", args{bigv.WithHeader("X-A", "x\r\nX-B: y")}, "what a header cannot"},
		{"Users.List with a response to fill in that is nil", args{bigv.WithResponse(nil)}, "is nil"},
	} {
		for style, opts := range map[string][]bigv.Option{"nested": nil, "flat": flat} {
			t.Run(row.name+", "+style, func(t *testing.T) {
				t.Parallel()
				rec, client := newRecorder(t, nil, opts...)
				_, err := invoke(t.Context(), client, row.name, row.args...)
				assertRefused(t, err, "")
				assertSays(t, err, row.says)
				assert.Empty(t, rec.sent())
			})
		}
	}
}

// A removed key, or none, is an error for errors.Is.
func TestKeyThatIsNotThereIsNotFound(t *testing.T) {
	_, client := newRecorder(t, nil)
	_, err := client.Users.RemoveKey(t.Context(), "alice", "laptop")
	require.ErrorIs(t, err, bigv.ErrNotFound)
}
