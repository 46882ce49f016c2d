package requests

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// job is something that programs commonly do with a machine. Its disc is called disc-1, and the group "db" exists.
type job struct {
	name     string
	requests [4]int // in the nested style by names and by ID alone, and in the flat style
	run      func(context.Context, *bigv.Client, bigv.VirtualMachinePath) error
	why      string // why it takes more requests than one, where it does
}

const parents = "by ID alone: the parents, for the nested URL"

// quick polls quickly. The service does everything before the next request.
var quick = bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: time.Millisecond}

var jobs = []job{
	{"get a machine", [4]int{1, 1, 1, 1}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.VirtualMachines.Get(ctx, vm))
	}, ""},
	{"update a machine", [4]int{1, 2, 1, 2}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.VirtualMachines.Update(ctx, vm, bigv.VirtualMachineUpdate{Memory: new(2048)}))
	}, parents},
	{"shut down and wait", [4]int{4, 4, 4, 4}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.VirtualMachines.ShutdownAndWait(ctx, vm, bigv.ShutdownOptions{Wait: quick}))
	}, "its state, autoreboot off, the signal, one poll"},
	{"update and restart", [4]int{7, 7, 7, 7}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		update := bigv.VirtualMachineUpdate{Memory: new(2048)}
		return last(c.VirtualMachines.UpdateAndRestart(ctx, vm, update, bigv.ShutdownOptions{Wait: quick}))
	}, "as above; the update, which must be done before the start; the start, one poll"},
	{"move to a group by name", [4]int{2, 3, 2, 3}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.VirtualMachines.Move(ctx, vm, acme.Group("db")))
	}, "the ID of the group; " + parents},
	{"grant on a group by name", [4]int{2, 2, 2, 2}, func(ctx context.Context, c *bigv.Client, _ bigv.VirtualMachinePath) error {
		return last(c.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: web}))
	}, "the ID of the group"},
	{"grant on a machine", [4]int{2, 1, 2, 1}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineAdmin, VirtualMachine: vm}))
	}, "by name: the ID of the machine"},
	{"list discs", [4]int{1, 1, 2, 1}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: vm}))
	}, "flat, by name: the ID of the machine, to verify the filter"},
	{"resize a disc by label", [4]int{1, 2, 1, 2}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return last(c.Discs.Resize(ctx, vm.Disc("disc-1"), 51200))
	}, parents},
	{"list discs, resize one by its Path", [4]int{3, 3, 4, 3}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		discs, err := c.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: vm})
		if err != nil {
			return err
		}
		return last(c.Discs.Resize(ctx, discs[0].Path(), 51200))
	}, "the list as above, the parents of the machine, the resize"},
	{"list interfaces, add an IP to one by its Path", [4]int{3, 3, 4, 3},
		func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
			nics, err := c.NICs.List(ctx, bigv.NICListOptions{VirtualMachine: vm})
			if err != nil {
				return err
			}
			return last(c.NICs.CreateIPs(ctx, nics[0].Path(), bigv.IPCreate{Addresses: 1, Reason: "tls"}))
		}, "the list as above, the parents of the machine, the IP"},
	{"find or create a machine that exists", [4]int{1, 1, 1, 1},
		func(ctx context.Context, c *bigv.Client, _ bigv.VirtualMachinePath) error {
			create := bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}}
			_, _, err := c.VirtualMachines.FindOrCreate(ctx, web, create, bigv.WaitOptions{})
			return err
		}, ""},
	{"create a machine and wait", [4]int{2, 2, 2, 2}, func(ctx context.Context, c *bigv.Client, _ bigv.VirtualMachinePath) error {
		create := bigv.VirtualMachineCreate{Name: "www2", Discs: []bigv.DiscCreate{{Size: 25600}}}
		return last(c.VirtualMachines.CreateAndWait(ctx, web, create, quick))
	}, "the creation, one poll"},
	{"delete a machine", [4]int{1, 2, 1, 2}, func(ctx context.Context, c *bigv.Client, vm bigv.VirtualMachinePath) error {
		return c.VirtualMachines.Delete(ctx, vm)
	}, parents},
	{"list the machines of a group by name", [4]int{1, 1, 1, 1},
		func(ctx context.Context, c *bigv.Client, _ bigv.VirtualMachinePath) error {
			return last(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web}))
		}, ""},
	{"get a group by name", [4]int{1, 1, 2, 2}, func(ctx context.Context, c *bigv.Client, _ bigv.VirtualMachinePath) error {
		return last(c.Groups.Get(ctx, web))
	}, "flat: the ID of the account, to verify the filter"},
	{"find or create a group that exists", [4]int{1, 1, 2, 2}, func(ctx context.Context, c *bigv.Client, _ bigv.VirtualMachinePath) error {
		_, _, err := c.Groups.FindOrCreate(ctx, acme, bigv.GroupCreate{Name: "web"}, bigv.WaitOptions{})
		return err
	}, "flat: the ID of the account, to verify the filter"},
}

// last returns the last of two results.
func last[T any](_ T, err error) error { return err }

// TestCommonJobs counts the requests of each job in both URL styles, with the path of the machine by names and by its ID alone.
func TestCommonJobs(t *testing.T) {
	for _, job := range jobs {
		var counts [4]int
		for i, style := range []bigv.URLStyle{bigv.NestedURLs, bigv.FlatURLs} {
			for j, byID := range []bool{false, true} {
				server := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(10*time.Minute))
				server.User("bob")
				server.Account("acme").Group("db")
				vm := server.Account("acme").Group("web").VirtualMachine("www1")
				path := web.VirtualMachine("www1")
				if byID {
					path = bigv.VirtualMachineID(vm.ID())
				}
				client := server.Client(bigv.WithURLStyle(style))
				if _, err := client.Discs.List(t.Context(), bigv.DiscListOptions{VirtualMachine: path}); err != nil {
					t.Fatal(err)
				}
				server.ClearJournal()
				if err := job.run(t.Context(), client, path); err != nil {
					t.Errorf("%s: %v", job.name, err)
				}
				counts[2*i+j] = len(server.Journal())
			}
		}
		if counts != job.requests {
			t.Errorf("%s: got %v requests, want %v", job.name, counts, job.requests)
		}
		fmt.Printf("job\t%s\t%d\t%d\t%d\t%d\t%s\n", job.name, counts[0], counts[1], counts[2], counts[3], job.why)
	}
}
