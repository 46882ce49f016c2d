package bigv_test

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leafServices are the services of what is below machines and beside the tree.
var leafServices = []string{"NICs", "IPs", "Backups", "BackupSchedules", "APIKeys", "Definitions", "VMDefaults", "Sessions"}

// eachLeafMethod calls f with every method of those services, and arguments that
// it takes.
func eachLeafMethod(f func(name string, good args)) {
	client := reflect.TypeFor[bigv.Client]()
	for _, service := range leafServices {
		field, _ := client.FieldByName(service)
		for i := range field.Type.NumMethod() {
			method := field.Type.Method(i)
			name := service + "." + method.Name
			f(name, goodArgs(name, method.Type))
		}
	}
}

func TestEveryLeafMethodRefusesABadContext(t *testing.T) {
	t.Parallel()
	d, client := newDesk(t, nil)
	var noContext context.Context
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user went home"))
	expired, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	eachLeafMethod(func(name string, good args) {
		_, err := invoke(noContext, client, name, good...)
		require.ErrorContains(t, err, "nil", name)
		_, err = invoke(cancelled, client, name, good...)
		require.ErrorIs(t, err, context.Canceled, name)
		require.ErrorContains(t, err, "the user went home", name)
		_, err = invoke(expired, client, name, good...)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
	})
	assert.Empty(t, d.requests)
}

// badLeafPaths are badPaths, and those below and beside them.
func badLeafPaths() map[reflect.Type][]any {
	bad := badPaths()
	add := func(paths ...any) {
		for _, path := range paths {
			bad[reflect.TypeOf(path)] = append(bad[reflect.TypeOf(path)], path)
		}
	}
	for _, vm := range bad[reflect.TypeFor[bigv.VirtualMachinePath]()] {
		add(vm.(bigv.VirtualMachinePath).NIC(6100))
	}
	for _, disc := range bad[reflect.TypeFor[bigv.DiscPath]()] {
		add(disc.(bigv.DiscPath).Backup("nightly"), disc.(bigv.DiscPath).Backup("9100"))
	}
	for _, segment := range badSegments {
		add(root.Backup(segment), bigv.DiscID(9001).Backup(segment))
	}
	for _, id := range []int{0, -1} {
		add(id, bigv.NICID(id), www1.NIC(id), bigv.VirtualMachineID(5012).NIC(id), bigv.BackupID(id))
	}
	add(bigv.NICPath{}, bigv.BackupPath{}, bigv.BackupID(9100), netip.Addr{}, netip.MustParseAddr("fe80::1%eth0"))
	return bad
}

func TestEveryLeafMethodRefusesABadPath(t *testing.T) {
	t.Parallel()
	bad := badLeafPaths()
	for style, opts := range styles {
		d, client := newDesk(t, nil, opts...)
		checked := 0
		eachLeafMethod(func(name string, good args) {
			for i, arg := range good {
				for _, path := range bad[reflect.TypeOf(arg)] {
					if name == "APIKeys.Find" && path == bigv.UserPath("") || name == "Backups.Wait" {
						continue // all keys; and a wait that ends in an error of its own
					}
					checked++
					_, err := invoke(t.Context(), client, name, good.with(i, path)...)
					assertRefused(t, err, "%s, %s: %T %q", style, name, path, path)
				}
			}
		})
		assert.Greater(t, checked, 300)
		assert.Empty(t, d.requests)
	}
}

// A machine that is no place to list or swap is refused too where it is part of
// a value.
func TestBadMachinesInValuesAreRefused(t *testing.T) {
	t.Parallel()
	for style, opts := range styles {
		d, client := newDesk(t, nil, opts...)
		for _, path := range badPaths()[reflect.TypeFor[bigv.VirtualMachinePath]()] {
			vm := path.(bigv.VirtualMachinePath)
			assertRefused(t, client.IPs.Swap(t.Context(), bigv.IPSwap{VirtualMachine1: vm, VirtualMachine2: www1}), "%s: swap of %q", style, vm)
			assertRefused(t, client.IPs.Swap(t.Context(), bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: vm}), "%s: swap with %q", style, vm)
			if vm.IsZero() {
				continue // which is no filter
			}
			_, err := client.NICs.List(t.Context(), bigv.NICListOptions{VirtualMachine: vm})
			assertRefused(t, err, "%s: list of %q", style, vm)
			_, err = collect(client.NICs.All(t.Context(), bigv.NICListOptions{VirtualMachine: vm}))
			assertRefused(t, err, "%s: all of %q", style, vm)
		}
		for _, path := range badPaths()[reflect.TypeFor[bigv.AccountPath]()] {
			_, err := client.VMDefaults.Create(t.Context(), bigv.VMDefaultCreate{Account: path.(bigv.AccountPath), Name: "small"})
			assertRefused(t, err, "%s: template in %q", style, path)
		}
		for _, path := range badPaths()[reflect.TypeFor[bigv.UserPath]()] {
			if user := path.(bigv.UserPath); user != "" {
				_, err := client.APIKeys.List(t.Context(), bigv.APIKeyListOptions{User: user})
				assertRefused(t, err, "%s: keys of %q", style, path)
			}
		}
		assert.Empty(t, d.requests)
	}
}
