// Tour walks the main job of the SDK: accounts, a group, a machine from creation
// to purge, a privilege, and what errors say.
//
//	go run ./examples/tour
//
// With nothing configured it works on a service in memory and costs nothing.
// With BIGV_API_KEY, BIGV_TOKEN or BIGV_USERNAME and BIGV_PASSWORD set it works on
// Bytemark's: it only reads there, unless -write is given, and then the machine it
// makes is billed until it is purged a few minutes later.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, isTerminal(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		stop()
		os.Exit(1)
	}
}

// tour is what the steps share.
type tour struct {
	client *bigv.Client
	// guest is a user with fewer rights, nil on the real service.
	guest    *bigv.Client
	out      io.Writer
	terminal bool
	wait     bigv.WaitOptions
	account  bigv.AccountPath
}

func run(ctx context.Context, args []string, out, stderr io.Writer, terminal bool) error {
	flags := flag.NewFlagSet("tour", flag.ContinueOnError)
	write := flags.Bool("write", false, "on the real service: make a machine (it is billed) and purge it again")
	flags.SetOutput(io.Discard) // Parse would print its error, and so does main.
	err := flags.Parse(args)
	flags.SetOutput(stderr)
	if err != nil {
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	t := &tour{out: out, terminal: terminal}
	local := !configured()
	if local {
		fmt.Fprintln(stderr, "No BIGV_ variable is set: using an in-memory server.")
		srv, err := bigvtest.Start(bigvtest.WithSpeed(60))
		if err != nil {
			return err
		}
		defer srv.Close()
		if err := t.useMemory(srv); err != nil {
			return err
		}
	} else {
		client, err := bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-tour"))
		if err != nil {
			return err
		}
		t.client = client
	}
	t.wait.OnPoll = t.progress
	t.say("The service is %s.", t.client)

	if err := t.look(ctx); err != nil {
		return err
	}
	if !local && !*write {
		t.say("\nThat was all that can be seen without changing anything. Run it with -write to make a machine.")
		return nil
	}
	return t.change(ctx)
}

// configured reports whether any variable that NewClientFromEnv reads is set. An incomplete
// configuration must lead to an error and not to the in-memory server.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

func (t *tour) useMemory(srv *bigvtest.Server) error {
	var err error
	if t.client, err = bigv.NewClient(srv.ClientOptions()...); err != nil {
		return err
	}
	t.guest, err = t.client.With(bigv.WithCredentials("bob", "bob-password"))
	t.wait = bigv.WaitOptions{MinInterval: 100 * time.Millisecond, MaxInterval: 250 * time.Millisecond}
	return err
}

// look only reads.
func (t *tour) look(ctx context.Context) error {
	t.heading("What is there")
	accounts, err := t.client.Accounts.List(ctx, bigv.AccountListOptions{View: bigv.Overview})
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		return errors.New("these credentials see no account: check whose they are, and that the key has a privilege")
	}
	t.account = bigv.AccountPath(accounts[0].Name)
	for _, account := range accounts {
		t.say("account %s", account.Name)
		for _, group := range account.Groups {
			t.say("  group %s", group.Name)
			for _, vm := range group.VirtualMachines {
				t.say("    %-12s %s, %d MiB, %s, %s", vm.Name, count(vm.Cores, "core"), vm.Memory, count(len(vm.Discs), "disc"), onOff(vm.PowerOn))
			}
		}
	}
	return nil
}

// change makes a group and a machine, and leaves nothing behind, however it ends.
func (t *tour) change(ctx context.Context) (err error) {
	t.heading("A group and a machine")
	group, err := t.client.Groups.Create(ctx, t.account, bigv.GroupCreate{Name: fmt.Sprintf("tour-%d", time.Now().Unix())})
	if err != nil {
		return err
	}
	t.say("made group %s", group.Name)
	// By its names, and not by IDs as group.Path has it, since errors repeat it.
	path := t.account.Group(group.Name).VirtualMachine("www1")
	defer func() { err = errors.Join(err, t.cleanUp(ctx, path)) }()

	vm, err := t.client.VirtualMachines.CreateAndWait(ctx, path.Group(), bigv.VirtualMachineCreate{
		Name:         "www1",
		Cores:        1,
		Memory:       2048, // MiB
		PowerOn:      new(true),
		AutorebootOn: new(true),
		Discs: []bigv.DiscCreate{
			{Label: "root", Size: 25 * 1024, StorageGrade: bigv.SSD},
			{Label: "data", Size: 50 * 1024},
		},
		Image: &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("only-for-the-tour")},
	}, t.wait)
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	t.done("%s is %s, its console is at %s", vm.Hostname, onOff(vm.PowerOn), vm.ManagementAddress)

	t.heading("More memory, and another disc")
	vm, err = t.client.VirtualMachines.UpdateAndRestart(ctx, path, bigv.VirtualMachineUpdate{Memory: new(4096)},
		bigv.ShutdownOptions{ForceAfter: 2 * time.Minute, Wait: t.wait})
	if err != nil {
		return err
	}
	t.done("%s has %d MiB now", vm.Name, vm.Memory)
	if _, err := t.client.Discs.Create(ctx, path, bigv.DiscCreate{Label: "archive", Size: 100 * 1024, StorageGrade: bigv.Archive}); err != nil {
		return err
	}
	discs, err := t.client.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: path})
	if err != nil {
		return err
	}
	for _, disc := range discs {
		t.say("disc %-8s %6d MiB of %s", disc.Label, disc.Size, disc.StorageGrade)
	}

	if err := t.mistakes(ctx, path); err != nil {
		return err
	}

	t.heading("Off and away")
	if vm, err = t.client.VirtualMachines.ShutdownAndWait(ctx, path, bigv.ShutdownOptions{ForceAfter: 2 * time.Minute, Wait: t.wait}); err != nil {
		return err
	}
	t.done("%s is %s", vm.Name, onOff(vm.PowerOn))
	return nil
}

// mistakes makes one of each kind, and shows what is said of it.
func (t *tour) mistakes(ctx context.Context, vm bigv.VirtualMachinePath) error {
	t.heading("What errors say")
	if t.guest != nil {
		privilege, err := t.client.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, VirtualMachine: vm})
		if err != nil {
			return err
		}
		t.say("bob has %s on %s now, and tries to pull its plug:", privilege.Level, vm)
		_, err = t.guest.VirtualMachines.Stop(ctx, vm)
		if err := t.expect(err, bigv.ErrForbidden); err != nil {
			return err
		}
		if err := t.client.Privileges.Revoke(ctx, privilege.ID); err != nil {
			return err
		}
	}
	t.say("A machine that does not exist:")
	_, err := t.client.VirtualMachines.Get(ctx, t.account.DefaultGroup().VirtualMachine("nowhere"))
	if err := t.expect(err, bigv.ErrNotFound); err != nil {
		return err
	}
	t.say("A machine with too little memory:")
	_, err = t.client.VirtualMachines.Update(ctx, vm, bigv.VirtualMachineUpdate{Memory: new(1)})
	if err := t.expect(err, bigv.ErrBadRequest); err != nil {
		return err
	}
	if bad, ok := errors.AsType[*bigv.BadRequestError](err); ok {
		t.say("  Field(\"memory\") of it: %s", bad.Field("memory"))
	}
	return nil
}

// expect shows an error that was wanted.
func (t *tour) expect(err, kind error) error {
	if !errors.Is(err, kind) {
		return fmt.Errorf("expected %q, got: %w", kind, err)
	}
	t.say("  %v", err)
	return nil
}

// cleanUp purges the machine and the group, also after Ctrl-C.
func (t *tour) cleanUp(ctx context.Context, vm bigv.VirtualMachinePath) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if err := t.client.VirtualMachines.Purge(ctx, vm); err != nil && !errors.Is(err, bigv.ErrNotFound) {
		return fmt.Errorf("the machine may still be there and be billed: %w", err)
	}
	if err := t.client.Groups.Delete(ctx, vm.Group()); err != nil {
		return err
	}
	t.say("purged the machine and deleted group %s: nothing is left behind", vm.Group())
	return nil
}

// progress shows a wait on one line of a terminal.
func (t *tour) progress(p bigv.Poll) {
	if t.terminal {
		fmt.Fprintf(t.out, "\r\033[K  waiting %4.1fs: %s", p.Elapsed.Seconds(), p.State)
	}
}

// done ends the line of a wait.
func (t *tour) done(format string, args ...any) {
	if t.terminal {
		fmt.Fprint(t.out, "\r\033[K")
	}
	t.say(format, args...)
}

func (t *tour) heading(text string) { t.say("\n%s\n%s", text, strings.Repeat("-", len(text))) }

func (t *tour) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
