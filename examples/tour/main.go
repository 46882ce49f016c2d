// Tour shows the main features of the package: it lists accounts, creates a group, creates, changes and purges a
// virtual machine, grants a privilege and prints errors.
//
//	go run ./examples/tour
//
// The program uses Bytemark's service if BIGV_API_KEY, BIGV_TOKEN, or BIGV_USERNAME and BIGV_PASSWORD are set, and
// otherwise an in-memory server, which costs nothing. On Bytemark's service it only reads unless -write is given.
// With -write, the machine that it creates is billed until it is purged a few minutes later.
//
// Whatever ends the program, it removes what it created: after an error, a signal, or when nothing reads its output. A
// second Ctrl-C ends it at once. It then prints how to remove the machine.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := context.WithCancelCause(context.Background())
	cleanUpCtx, abandon := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals()...)
	go func() {
		stop(fmt.Errorf("%v signal received", <-signals))
		// A terminal that is closed may send several signals. Only Ctrl-C means that the user does not want to wait.
		for s := range signals {
			if s == os.Interrupt {
				abandon(fmt.Errorf("second %v signal received", s))
			}
		}
	}()
	if err := run(ctx, cleanUpCtx, os.Args[1:], os.Stdout, os.Stderr, isTerminal(os.Stdout)); err != nil {
		printError(os.Stderr, "tour", err)
		os.Exit(1)
	}
}

// tour holds the state that the steps share.
type tour struct {
	client   *bigv.Client
	bob      *bigv.Client // a user with fewer privileges, nil on the real service
	out      io.Writer
	terminal bool
	wait     bigv.WaitOptions
	account  bigv.AccountPath
}

// run runs the tour until ctx ends. What it created is then removed until cleanUpCtx ends.
func run(ctx, cleanUpCtx context.Context, args []string, out, stderr io.Writer, terminal bool) error {
	flags := flag.NewFlagSet("tour", flag.ContinueOnError)
	write := flags.Bool("write", false, "with the real service, create a machine, which is billed, and purge it")
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
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t := &tour{out: &stopWriter{out, stop}, terminal: terminal}
	local := !configured()
	if local {
		fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
		srv, err := bigvtest.Start(bigvtest.WithSpeed(60))
		if err != nil {
			return err
		}
		defer srv.Close()
		if err := t.useServer(srv); err != nil {
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
	t.logf("Client: %s", t.client)

	if err := t.read(ctx); err != nil {
		return err
	}
	if !local && !*write {
		t.logf("\nNothing was changed. Use -write to create a machine.")
		return nil
	}
	return t.change(ctx, cleanUpCtx)
}

// configured reports whether any variable that NewClientFromEnv reads is set. An incomplete
// configuration must lead to an error and not to the in-memory server.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

// useServer sets the clients to those of an in-memory server.
func (t *tour) useServer(srv *bigvtest.Server) error {
	var err error
	if t.client, err = bigv.NewClient(srv.ClientOptions()...); err != nil {
		return err
	}
	t.bob, err = t.client.With(bigv.WithCredentials("bob", "bob-password"))
	t.wait = bigv.WaitOptions{MinInterval: 100 * time.Millisecond, MaxInterval: 250 * time.Millisecond}
	return err
}

// read prints the accounts and everything in them, and chooses the account to use.
func (t *tour) read(ctx context.Context) error {
	t.heading("Accounts, groups and virtual machines")
	accounts, err := t.client.Accounts.List(ctx, bigv.AccountListOptions{View: bigv.Overview})
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		return errors.New("no accounts are visible: check that the credentials have a privilege on one")
	}
	t.account = bigv.AccountPath(accounts[0].Name)
	for _, account := range accounts {
		t.logf("account %s", account.Name)
		for _, group := range account.Groups {
			t.logf("  group %s", group.Name)
			for _, vm := range group.VirtualMachines {
				t.logf("    %-12s %s, %d MiB, %s, %s",
					vm.Name, plural(vm.Cores, "core"), vm.Memory, plural(len(vm.Discs), "disc"), onOff(vm.PowerOn))
			}
		}
	}
	return nil
}

// change creates a group and a virtual machine, changes the machine, and removes both again, also after an error.
func (t *tour) change(ctx, cleanUpCtx context.Context) (err error) {
	t.heading("Creating a group and a virtual machine")
	// The random name belongs to nobody else, so that the group can be removed whatever happens. Errors contain the
	// path, so use one with names and not group.Path, which has IDs.
	name := "tour-" + strings.ToLower(rand.Text()[:10])
	path := t.account.Group(name).VirtualMachine("www1")
	t.logf("The machine is billed until it is purged at the end. If this program is killed, remove the machine with")
	t.logf("  %s", howToRemove(path))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	group, err := t.client.Groups.Create(ctx, t.account, bigv.GroupCreate{Name: name})
	if err != nil && !errors.Is(err, bigv.ErrOutcomeUnknown) {
		return err
	}
	defer func() { err = errors.Join(err, t.cleanUp(cleanUpCtx, path)) }()
	if err != nil {
		return err
	}
	t.logf("created group %s", group.Name)

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
		Image: &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret(rand.Text())},
	}, t.wait)
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	t.endProgress("%s is %s; its console is at %s", vm.Hostname, onOff(vm.PowerOn), vm.ManagementAddress)

	t.heading("Adding memory and a disc")
	vm, err = t.client.VirtualMachines.UpdateAndRestart(ctx, path, bigv.VirtualMachineUpdate{Memory: new(4096)},
		bigv.ShutdownOptions{ForceAfter: 2 * time.Minute, Wait: t.wait})
	if err != nil {
		return err
	}
	t.endProgress("%s now has %d MiB of memory", vm.Name, vm.Memory)
	archive := bigv.DiscCreate{Label: "archive", Size: 100 * 1024, StorageGrade: bigv.Archive}
	if _, err := t.client.Discs.Create(ctx, path, archive); err != nil {
		return err
	}
	discs, err := t.client.Discs.List(ctx, bigv.DiscListOptions{VirtualMachine: path})
	if err != nil {
		return err
	}
	for _, disc := range discs {
		t.logf("disc %-8s %6d MiB, %s", disc.Label, disc.Size, disc.StorageGrade)
	}

	if err := t.showErrors(ctx, path); err != nil {
		return err
	}

	t.heading("Shutting down and purging")
	vm, err = t.client.VirtualMachines.ShutdownAndWait(ctx, path, bigv.ShutdownOptions{ForceAfter: 2 * time.Minute, Wait: t.wait})
	if err != nil {
		return err
	}
	t.endProgress("%s is %s", vm.Name, onOff(vm.PowerOn))
	return nil
}

// showErrors makes requests that fail and prints their errors.
func (t *tour) showErrors(ctx context.Context, vm bigv.VirtualMachinePath) error {
	t.heading("Errors")
	if t.bob != nil {
		grant := bigv.PrivilegeGrant{Level: bigv.VirtualMachineConsole, VirtualMachine: vm}
		privilege, err := t.client.Privileges.Grant(ctx, "bob", grant)
		if err != nil {
			return err
		}
		t.logf("bob, who has only %s on %s, stops it:", privilege.Level, vm)
		_, err = t.bob.VirtualMachines.Stop(ctx, vm)
		if err := t.expect(err, bigv.ErrForbidden); err != nil {
			return err
		}
		if err := t.client.Privileges.Revoke(ctx, privilege.ID); err != nil {
			return err
		}
	}
	t.logf("Getting a machine that does not exist:")
	_, err := t.client.VirtualMachines.Get(ctx, t.account.DefaultGroup().VirtualMachine("nowhere"))
	if err := t.expect(err, bigv.ErrNotFound); err != nil {
		return err
	}
	t.logf("Setting the memory to 1 MiB:")
	_, err = t.client.VirtualMachines.Update(ctx, vm, bigv.VirtualMachineUpdate{Memory: new(1)})
	if err := t.expect(err, bigv.ErrBadRequest); err != nil {
		return err
	}
	if bad, ok := errors.AsType[*bigv.BadRequestError](err); ok {
		t.logf("  Field(\"memory\") returns %s", bad.Field("memory"))
	}
	return nil
}

// expect prints err if it matches target, and otherwise returns an error.
func (t *tour) expect(err, target error) error {
	if err == nil {
		return fmt.Errorf("expected %q, got no error", target)
	}
	if !errors.Is(err, target) {
		return fmt.Errorf("expected %q, got: %w", target, err)
	}
	t.logf("  %v", err)
	return nil
}

// cleanUp purges the virtual machine and deletes the group. If the response to the creation was lost, the machine may
// appear between the two, and the group cannot be deleted then; once the group is deleted, the machine cannot appear.
func (t *tour) cleanUp(ctx context.Context, vm bigv.VirtualMachinePath) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		err := t.client.VirtualMachines.Purge(ctx, vm)
		if err == nil || errors.Is(err, bigv.ErrNotFound) {
			err = t.client.Groups.Delete(ctx, vm.Group())
		}
		if err == nil || errors.Is(err, bigv.ErrNotFound) {
			t.logf("purged the machine and deleted group %s", vm.Group())
			return nil
		}
		if !errors.Is(err, bigv.ErrBadRequest) || ctx.Err() != nil {
			return fmt.Errorf("%w\nmachine %s may still exist and be billed; remove it with\n  %s", err, vm, howToRemove(vm))
		}
		select {
		case <-ctx.Done():
		case <-time.After(cmp.Or(t.wait.MinInterval, time.Second)):
		}
	}
}

// howToRemove returns the command that removes what the tour created.
func howToRemove(vm bigv.VirtualMachinePath) string {
	return "go run ./examples/clearout -yes " + vm.Group().String()
}

// progress prints the state of a wait on one line of a terminal.
func (t *tour) progress(p bigv.Poll) {
	if t.terminal {
		printf(t.out, "\r\033[K  waiting %5s: %s", p.Elapsed.Round(100*time.Millisecond), p.State)
	}
}

// endProgress replaces the line of progress with a message.
func (t *tour) endProgress(format string, args ...any) {
	if t.terminal {
		fmt.Fprint(t.out, "\r\033[K")
	}
	t.logf(format, args...)
}

func (t *tour) heading(text string) { t.logf("\n%s\n%s", text, strings.Repeat("-", len(text))) }

// logf prints a formatted line.
func (t *tour) logf(format string, args ...any) { printf(t.out, format+"\n", args...) }

// stopWriter is a writer that stops the tour when nothing reads its output any more.
type stopWriter struct {
	io.Writer
	stop context.CancelCauseFunc
}

func (w *stopWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.stop(fmt.Errorf("printing: %w", err))
	}
	return n, err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// plural returns n and a noun, which gets an s unless n is 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
