//lint:file-ignore SA1019 Every method that writes is simulated, also a deprecated one.

package sim

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// operation is a call of a method that writes.
type operation struct {
	name       string
	idempotent bool
	// prepare creates what the call needs, before there are faults, and returns the call.
	prepare func(w *world) func(context.Context) error
	// counts reports whether an exchange is the write in question. Nil means that there is only one.
	counts func(bigvtest.Exchange) bool
}

const acme = bigv.AccountPath("acme")

var web = acme.Group("web")

// machine returns the path of a machine in the group web that is on.
func (w *world) machine(name string) bigv.VirtualMachinePath {
	return w.service.Account("acme").Group("web").VirtualMachine(name).Path()
}

// machineOff returns the path of a machine in the group web that is off.
func (w *world) machineOff(name string) bigv.VirtualMachinePath {
	return w.service.Account("acme").Group("web").VirtualMachine(name).SetPower(false).Path()
}

// disc returns the path of a second disc of a machine in the group web, which is off.
func (w *world) disc(machine string) bigv.DiscPath {
	w.machineOff(machine)
	return w.service.Account("acme").Group("web").VirtualMachine(machine).Disc("data", 25600).Path()
}

// must returns the value of a call that prepares another. Nothing goes wrong yet, so it cannot fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// errorOf drops the value of a call.
func errorOf[T any](_ T, err error) error { return err }

// onMachine returns the operation of a call on a machine that is on.
func onMachine(name string, idempotent bool, call func(context.Context, *bigv.Client, bigv.VirtualMachinePath) error) operation {
	return operation{name: name, idempotent: idempotent, prepare: func(w *world) func(context.Context) error {
		vm := w.machine("www1")
		return func(ctx context.Context) error { return call(ctx, w.client, vm) }
	}}
}

// onDisc returns the operation of a call on a disc.
func onDisc(name string, idempotent bool, call func(context.Context, *bigv.Client, bigv.DiscPath) error) operation {
	return operation{name: name, idempotent: idempotent, prepare: func(w *world) func(context.Context) error {
		disc := w.disc("www1")
		return func(ctx context.Context) error { return call(ctx, w.client, disc) }
	}}
}

// onBackup returns the operation of a call on a backup.
func onBackup(name string, idempotent bool, call func(context.Context, *bigv.Client, bigv.BackupPath) error) operation {
	return operation{name: name, idempotent: idempotent, prepare: func(w *world) func(context.Context) error {
		disc := w.machine("www1").Disc("disc-1")
		backup := must(w.client.Backups.Create(w.ctx, disc))
		w.service.Advance(bigvtest.BackupTime)
		path := disc.Backup(backup.Label)
		return func(ctx context.Context) error { return call(ctx, w.client, path) }
	}}
}

// plain returns the operation of a call that needs nothing.
func plain(name string, idempotent bool, call func(context.Context, *bigv.Client) error) operation {
	return operation{name: name, idempotent: idempotent, prepare: func(w *world) func(context.Context) error {
		return func(ctx context.Context) error { return call(ctx, w.client) }
	}}
}

const once, repeatable = false, true

// operations returns a call of each method that writes.
func operations() []operation {
	return slices.Concat(accountOperations, machineOperations, powerOperations, discOperations, addressOperations, userOperations)
}

var accountOperations = []operation{
	plain("Accounts.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Accounts.Create(ctx, bigv.AccountCreate{Name: "beta"}))
	}),
	{name: "Accounts.Delete", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		must(w.client.Accounts.Create(w.ctx, bigv.AccountCreate{Name: "beta"}))
		return func(ctx context.Context) error { return w.client.Accounts.Delete(ctx, "beta") }
	}},
	plain("Groups.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "db"}))
	}),
	plain("Groups.Rename", once, func(ctx context.Context, c *bigv.Client) error { return errorOf(c.Groups.Rename(ctx, web, "www")) }),
	plain("Groups.Delete", repeatable, func(ctx context.Context, c *bigv.Client) error { return c.Groups.Delete(ctx, web) }),
	plain("VMDefaults.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.VMDefaults.Create(ctx, bigv.VMDefaultCreate{Account: acme, Name: "small"}))
	}),
}

var newMachine = bigv.VirtualMachineCreate{Name: "www2", Discs: []bigv.DiscCreate{{Size: 25600}}}

var machineOperations = []operation{
	plain("VirtualMachines.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.VirtualMachines.Create(ctx, web, newMachine))
	}),
	plain("VirtualMachines.CreateBare", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.VirtualMachines.CreateBare(ctx, web, bigv.VirtualMachineCreate{Name: "www2"}))
	}),
	onMachine("VirtualMachines.Update", repeatable, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Update(ctx, vm, bigv.VirtualMachineUpdate{Memory: new(4096)}))
	}),
	onMachine("VirtualMachines.Rename", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Rename(ctx, vm, "www9"))
	}),
	onMachine("VirtualMachines.Move", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Move(ctx, vm, acme.Group("default")))
	}),
	onMachine("VirtualMachines.Relocate", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		to := bigv.VirtualMachineRelocate{Name: "www9", Group: acme.Group("default")}
		return errorOf(c.VirtualMachines.Relocate(ctx, vm, to))
	}),
	onMachine("VirtualMachines.Delete", repeatable, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return c.VirtualMachines.Delete(ctx, vm)
	}),
	onMachine("VirtualMachines.Purge", repeatable, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return c.VirtualMachines.Purge(ctx, vm)
	}),
	{name: "VirtualMachines.Undelete", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		vm := w.machine("www1")
		w.service.Account("acme").Group("web").VirtualMachine("www1").SetDeleted(true)
		return func(ctx context.Context) error { return errorOf(w.client.VirtualMachines.Undelete(ctx, vm)) }
	}},
	{name: "VirtualMachines.Reimage", idempotent: once, prepare: func(w *world) func(context.Context) error {
		vm := w.machineOff("www1")
		return func(ctx context.Context) error {
			return w.client.VirtualMachines.Reimage(ctx, vm, bigv.Image{Distribution: "stretch"})
		}
	}},
}

var powerOperations = []operation{
	onMachine("VirtualMachines.Start", repeatable, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Start(ctx, vm))
	}),
	onMachine("VirtualMachines.Stop", repeatable, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Stop(ctx, vm))
	}),
	onMachine("VirtualMachines.Restart", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Restart(ctx, vm))
	}),
	onMachine("VirtualMachines.Boot", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Boot(ctx, vm, "rescue"))
	}),
	onMachine("VirtualMachines.Rescue", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.VirtualMachines.Rescue(ctx, vm))
	}),
	onMachine("VirtualMachines.Reset", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return c.VirtualMachines.Reset(ctx, vm)
	}),
	onMachine("VirtualMachines.PowerDown", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return c.VirtualMachines.PowerDown(ctx, vm)
	}),
	onMachine("VirtualMachines.SendKeys", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return c.VirtualMachines.SendKeys(ctx, vm, []string{"ctrl", "alt", "delete"})
	}),
	{name: "VirtualMachines.Shutdown", idempotent: once, counts: isPost, prepare: func(w *world) func(context.Context) error {
		vm := w.machine("www1")
		return func(ctx context.Context) error { return w.client.VirtualMachines.Shutdown(ctx, vm) }
	}},
}

// isPost reports whether an exchange is a POST.
func isPost(exchange bigvtest.Exchange) bool { return exchange.Method == http.MethodPost }

var discOperations = []operation{
	onMachine("Discs.Create", once, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return errorOf(c.Discs.Create(ctx, vm, bigv.DiscCreate{Label: "data", Size: 25600}))
	}),
	onDisc("Discs.Update", repeatable, func(ctx context.Context, c *bigv.Client, disc bigv.DiscPath) error {
		return errorOf(c.Discs.Update(ctx, disc, bigv.DiscUpdate{Size: new(51200)}))
	}),
	onDisc("Discs.Resize", repeatable, func(ctx context.Context, c *bigv.Client, disc bigv.DiscPath) error {
		return errorOf(c.Discs.Resize(ctx, disc, 51200))
	}),
	onDisc("Discs.Relabel", once, func(ctx context.Context, c *bigv.Client, disc bigv.DiscPath) error {
		return errorOf(c.Discs.Relabel(ctx, disc, "logs"))
	}),
	{name: "Discs.Move", idempotent: once, prepare: func(w *world) func(context.Context) error {
		disc, to := w.disc("www1"), w.machineOff("www2")
		return func(ctx context.Context) error { return errorOf(w.client.Discs.Move(ctx, disc, to)) }
	}},
	onDisc("Discs.Purge", repeatable, func(ctx context.Context, c *bigv.Client, disc bigv.DiscPath) error {
		return c.Discs.Purge(ctx, disc)
	}),
	onDisc("Backups.Create", once, func(ctx context.Context, c *bigv.Client, disc bigv.DiscPath) error {
		return errorOf(c.Backups.Create(ctx, disc))
	}),
	onBackup("Backups.Restore", once, func(ctx context.Context, c *bigv.Client, backup bigv.BackupPath) error {
		return c.Backups.Restore(ctx, backup)
	}),
	onBackup("Backups.Purge", repeatable, func(ctx context.Context, c *bigv.Client, backup bigv.BackupPath) error {
		return c.Backups.Purge(ctx, backup)
	}),
	onDisc("BackupSchedules.Create", once, func(ctx context.Context, c *bigv.Client, disc bigv.DiscPath) error {
		return errorOf(c.BackupSchedules.Create(ctx, disc, bigv.BackupSchedule{Interval: 24 * time.Hour}))
	}),
	{name: "BackupSchedules.Delete", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		disc := w.machine("www1").Disc("disc-1")
		schedule := must(w.client.BackupSchedules.Create(w.ctx, disc, bigv.BackupSchedule{Interval: 24 * time.Hour}))
		return func(ctx context.Context) error { return w.client.BackupSchedules.Delete(ctx, disc, schedule.ID) }
	}},
}

// addresses creates an additional address of a machine and returns it.
func (w *world) newAddress() netip.Addr {
	return must(w.client.NICs.CreateIPs(w.ctx, w.nic(), bigv.IPCreate{Addresses: 1, Reason: "TLS"}))[0]
}

// nic returns the path of a machine's network interface.
func (w *world) nic() bigv.NICPath {
	vm := w.machine("www1")
	return vm.NIC(must(w.client.NICs.List(w.ctx, bigv.NICListOptions{VirtualMachine: vm}))[0].ID)
}

var addressOperations = []operation{
	{name: "NICs.CreateIPs", idempotent: once, prepare: func(w *world) func(context.Context) error {
		nic := w.nic()
		return func(ctx context.Context) error {
			return errorOf(w.client.NICs.CreateIPs(ctx, nic, bigv.IPCreate{Addresses: 1, Reason: "TLS"}))
		}
	}},
	{name: "IPs.Update", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		ip := w.newAddress()
		return func(ctx context.Context) error {
			return errorOf(w.client.IPs.Update(ctx, ip, bigv.IPUpdate{RDNS: bigv.Set("www.example.org")}))
		}
	}},
	{name: "IPs.SetRDNS", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		ip := w.newAddress()
		return func(ctx context.Context) error { return errorOf(w.client.IPs.SetRDNS(ctx, ip, "www.example.org")) }
	}},
	{name: "IPs.Release", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		ip := w.newAddress()
		return func(ctx context.Context) error { return w.client.IPs.Release(ctx, ip) }
	}},
	{name: "IPs.Swap", idempotent: once, prepare: func(w *world) func(context.Context) error {
		swap := bigv.IPSwap{VirtualMachine1: w.machineOff("www1"), VirtualMachine2: w.machineOff("www2")}
		return func(ctx context.Context) error { return w.client.IPs.Swap(ctx, swap) }
	}},
}

const (
	firstKey  = "ssh-ed25519 AAAA first"
	secondKey = "ssh-ed25519 BBBB second"
)

var userOperations = []operation{
	plain("Users.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Users.Create(ctx, bigv.UserCreate{Username: "dave", Password: bigv.NewSecret("0pensesame")}))
	}),
	plain("Users.Update", repeatable, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Users.Update(ctx, "bob", bigv.UserUpdate{AuthorizedKeys: new(firstKey)}))
	}),
	plain("Users.AddKey", repeatable, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Users.AddKey(ctx, "bob", secondKey))
	}),
	{name: "Users.RemoveKey", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		w.service.User("bob").SetAuthorizedKeys(firstKey + "\n" + secondKey)
		return func(ctx context.Context) error { return errorOf(w.client.Users.RemoveKey(ctx, "bob", secondKey)) }
	}},
	plain("Users.Delete", repeatable, func(ctx context.Context, c *bigv.Client) error { return c.Users.Delete(ctx, "bob") }),
	plain("Privileges.Grant", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}))
	}),
	{name: "Privileges.Update", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		id := w.service.User("bob").Grant(bigv.AccountAdmin, w.service.Account("acme"))
		return func(ctx context.Context) error {
			return errorOf(w.client.Privileges.Update(ctx, id, bigv.PrivilegeUpdate{YubikeyRequired: new(true)}))
		}
	}},
	{name: "Privileges.Revoke", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		id := w.service.User("bob").Grant(bigv.AccountAdmin, w.service.Account("acme"))
		return func(ctx context.Context) error { return w.client.Privileges.Revoke(ctx, id) }
	}},
	plain("APIKeys.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.APIKeys.Create(ctx, "bob", bigv.APIKeyCreate{Label: "ci"}))
	}),
	{name: "APIKeys.Delete", idempotent: repeatable, prepare: func(w *world) func(context.Context) error {
		key := must(w.client.APIKeys.Create(w.ctx, "bob", bigv.APIKeyCreate{Label: "ci"}))
		return func(ctx context.Context) error { return w.client.APIKeys.Delete(ctx, key.ID) }
	}},
	plain("Sessions.Create", once, func(ctx context.Context, c *bigv.Client) error {
		return errorOf(c.Sessions.Create(ctx, bigv.SessionCreate{Username: "bob", Password: bigv.NewSecret("bob-password")}))
	}),
	{name: "Sessions.Impersonate", idempotent: once, prepare: func(w *world) func(context.Context) error {
		return func(ctx context.Context) error {
			return errorOf(w.client.Sessions.Impersonate(ctx, bigv.NewSecret(w.token), "bob"))
		}
	}},
	plain("Do POST", once, func(ctx context.Context, c *bigv.Client) error {
		return c.Do(ctx, http.MethodPost, "/accounts/acme/groups", bigv.GroupCreate{Name: "db"}, nil)
	}),
	plain("Do PUT", once, func(ctx context.Context, c *bigv.Client) error {
		return c.Do(ctx, http.MethodPut, "/users/bob", map[string]string{"authorized_keys": firstKey}, nil)
	}),
	plain("Do DELETE", repeatable, func(ctx context.Context, c *bigv.Client) error {
		return c.Do(ctx, http.MethodDelete, "/accounts/acme/groups/web", nil, nil)
	}),
}
