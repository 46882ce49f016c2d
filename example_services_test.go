package bigv_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/bigv-go/bigv"
)

func ExampleNICsService_CreateIPs() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	nics, err := client.NICs.List(ctx, bigv.NICListOptions{VirtualMachine: www1})
	if err != nil {
		log.Fatal(err)
	}
	addresses, err := client.NICs.CreateIPs(ctx, nics[0].Path(), bigv.IPCreate{Addresses: 1, Reason: "another site"})
	if err != nil {
		log.Fatal(err)
	}
	nic, err := client.NICs.Get(ctx, nics[0].Path())
	fmt.Println(len(addresses), nic.ExtraIPs[addresses[0]] == nic.IPs[0], err)
	// Output: 1 true <nil>
}

func ExampleIPsService_SetRDNS() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	nics, err := client.NICs.List(ctx, bigv.NICListOptions{VirtualMachine: www1})
	if err != nil {
		log.Fatal(err)
	}
	ip, err := client.IPs.SetRDNS(ctx, nics[0].IPs[0], "www.example.org")
	fmt.Println(ip.RDNS, err)
	// Output: www.example.org <nil>
}

func ExampleBackupsService_Create() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()
	disc := www1.Disc("disc-1")

	backup, err := client.Backups.Create(ctx, disc)
	if err != nil {
		log.Fatal(err)
	}
	path := disc.Backup(backup.Label)
	backup, err = client.Backups.Wait(ctx, path, bigv.InColdStorage, bigv.WaitOptions{MinInterval: 10 * time.Millisecond})
	fmt.Println(backup.StorageGrade, backup.Manual, err)

	if err := client.Backups.Restore(ctx, path); err != nil {
		log.Fatal(err)
	}
	restored, err := client.Discs.Wait(ctx, disc, bigv.Restored, bigv.WaitOptions{MinInterval: 10 * time.Millisecond})
	fmt.Println(restored.Label, restored.StorageGrade, err)
	// Output:
	// iceberg true <nil>
	// disc-1 sata <nil>
}

func ExampleBackupSchedulesService_Create() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	schedule, err := client.BackupSchedules.Create(ctx, www1.Disc("disc-1"), bigv.BackupSchedule{
		StartAt: "00:00", Interval: 24 * time.Hour, Capacity: 7, // each as large as the disc
	})
	fmt.Println(schedule.Interval, schedule.Capacity, err)
	// Output: 24h0m0s 7 <nil>
}

// A new key has no privileges until it is granted one.
func ExampleAPIKeysService_Create() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	key, err := client.APIKeys.Create(ctx, "alice", bigv.APIKeyCreate{Label: "ci", ExpiresAt: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Privileges.Grant(ctx, "alice", bigv.PrivilegeGrant{
		Level: bigv.GroupAdmin, Group: www1.Group(), APIKeyID: key.ID, PasswordRequired: new(false),
	}); err != nil {
		log.Fatal(err)
	}
	ci, err := client.With(bigv.WithAPIKey(key.Key.Reveal())) // returned only by Create
	if err != nil {
		log.Fatal(err)
	}
	vm, err := ci.VirtualMachines.Get(ctx, www1)
	fmt.Println(vm.Name, err)
	// Output: www1 <nil>
}

// A session lets a program make calls without knowing the password.
func ExampleSessionsService_Create() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	token, err := client.Sessions.Create(ctx, bigv.SessionCreate{
		Username: "alice",
		Password: bigv.NewSecret("alice-password"),
	})
	if err != nil {
		log.Fatal(err)
	}
	session, err := client.Sessions.Get(ctx, token)
	fmt.Println(session.Username, session.Factors, err)

	alice, err := client.With(bigv.WithToken(token.Reveal())) // valid for as long as it is used
	if err != nil {
		log.Fatal(err)
	}
	vm, err := alice.VirtualMachines.Get(ctx, www1)
	fmt.Println(vm.Name, err)
	// Output:
	// alice [password] <nil>
	// www1 <nil>
}

func ExampleVMDefaultsService_Create() {
	srv, client := service()
	defer srv.Close()

	template, err := client.VMDefaults.Create(context.Background(), bigv.VMDefaultCreate{
		Account: "acme",
		Name:    "small-blog",
		ServerSettings: bigv.VirtualMachineCreate{
			Cores: 1, Memory: 1024, // MiB
			Discs: []bigv.DiscCreate{{Size: 25 * 1024}},
			Image: &bigv.Image{Distribution: "stretch"},
		},
	})
	fmt.Println(template.Name, template.Public, template.ServerSettings.Memory, err)
	// Output: small-blog false 1024 <nil>
}
