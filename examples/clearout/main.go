// Clearout purges a group with everything in it: virtual machines, deleted ones
// included, with their discs, and then the group.
//
//	go run ./examples/clearout                  clears a group of a service in memory
//	go run ./examples/clearout old-web.acme     asks for the group's name first
//	go run ./examples/clearout -yes old-web.acme
//
// Several machines are purged at a time. Ctrl-C begins no more of them, sees
// those through that have begun, and tells what was done; run it again for the
// rest. What is purged is gone for good.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the program
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "clearout:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("clearout", flag.ContinueOnError)
	yes := flags.Bool("yes", false, "do not ask")
	atOnce := flags.Int("at-once", 4, "how many machines to purge at a time")
	flags.SetOutput(io.Discard) // Parse would print its error, and so does main.
	err := flags.Parse(args)
	flags.SetOutput(stderr)
	if err != nil {
		flags.Usage()
	}
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if *atOnce < 1 {
		return fmt.Errorf("-at-once %d: at least 1 is needed", *atOnce)
	}
	local := !configured()
	name := flags.Arg(0)
	if local && name == "" {
		name = "old-web.acme"
	}
	if name == "" || flags.NArg() > 1 {
		return errors.New("which group? Give one, as group.account")
	}
	group, err := bigv.ParseGroupPath(name)
	if err != nil {
		return err
	}
	client, closeService, err := connect(local, stderr)
	if err != nil {
		return err
	}
	defer closeService()

	// Deleted machines keep a group from being deleted, too.
	machines, err := client.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: group, View: bigv.Overview, IncludeDeleted: true})
	if err != nil {
		return err
	}
	show(out, group, machines)
	if !*yes {
		err := ask(ctx, in, out, group.String())
		switch {
		case local && errors.Is(err, io.EOF):
			fmt.Fprintln(out, "Nobody answers, and it is all in memory: going ahead.")
		case err != nil:
			return fmt.Errorf("nothing was purged: %w", err)
		}
	}
	if err := purge(ctx, client, machines, *atOnce, out); err != nil {
		return fmt.Errorf("%w; group %s is still there", err, group)
	}
	if err := client.Groups.Delete(ctx, group); err != nil {
		return err
	}
	fmt.Fprintf(out, "Deleted group %s.\n", group)
	return nil
}

// configured reports whether any variable that NewClientFromEnv reads is set. An incomplete
// configuration must lead to an error and not to the in-memory server.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

// connect makes a client of the service that is configured, or else of one in
// memory with something to clear out.
func connect(local bool, stderr io.Writer) (client *bigv.Client, closeService func(), err error) {
	if !local {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-clearout"))
		return client, func() {}, err
	}
	fmt.Fprintln(stderr, "No BIGV_ variable is set: using an in-memory server.")
	srv, err := bigvtest.Start()
	if err != nil {
		return nil, nil, err
	}
	group := srv.Account("acme").Group("old-web")
	group.AddVirtualMachines("www", 6)
	group.VirtualMachine("staging").SetDeleted(true)
	client, err = bigv.NewClient(srv.ClientOptions()...)
	return client, srv.Close, err
}

// show tells what there is to lose.
func show(out io.Writer, group bigv.GroupPath, machines []bigv.VirtualMachine) {
	fmt.Fprintf(out, "Group %s holds %s:\n", group, count(len(machines), "machine"))
	for _, vm := range machines {
		state, storage := "off", 0
		switch {
		case vm.Deleted:
			state = "deleted"
		case vm.PowerOn:
			state = "on"
		}
		for _, disc := range vm.Discs {
			storage += disc.Size
		}
		fmt.Fprintf(out, "  %-16s %-8s %s, %d GiB\n", vm.Name, state, count(len(vm.Discs), "disc"), storage/1024)
	}
}

// ask has a person type the name of what is to be lost. With nobody there, it
// is io.EOF.
func ask(ctx context.Context, in io.Reader, out io.Writer, name string) error {
	fmt.Fprintf(out, "All of it will be gone for good. Type %s to go ahead: ", name)
	typed, failed := "", error(nil)
	answered := make(chan struct{})
	go func() { // reading cannot be interrupted, and Ctrl-C must not wait for it
		defer close(answered)
		typed, failed = bufio.NewReader(in).ReadString('\n')
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return context.Cause(ctx)
	case <-answered:
	}
	switch typed = strings.TrimSpace(typed); {
	case typed == name:
		return nil
	case typed == "" && failed != nil:
		fmt.Fprintln(out)
		return fmt.Errorf("no answer: %w (-yes goes ahead without)", failed)
	}
	return fmt.Errorf("%q is not its name", typed)
}

// purge purges machines, a few at a time, and tells of each. Its error says how
// many are left.
func purge(ctx context.Context, client *bigv.Client, machines []bigv.VirtualMachine, atOnce int, out io.Writer) error {
	var (
		queue          = make(chan bigv.VirtualMachine)
		wg             sync.WaitGroup
		mu             sync.Mutex // of the numbers, and of lines
		purged, failed int
	)
	for range min(atOnce, len(machines)) {
		wg.Go(func() {
			for vm := range queue {
				err := purgeOne(ctx, client, vm)
				mu.Lock()
				switch {
				case errors.Is(err, bigv.ErrNotFound):
					fmt.Fprintf(out, "  %-16s is here no more: purged or moved by somebody else\n", vm.Name)
				case err != nil:
					failed++
					fmt.Fprintf(out, "  %-16s NOT purged: %v\n", vm.Name, err)
				default:
					purged++
					fmt.Fprintf(out, "  %-16s purged\n", vm.Name)
				}
				mu.Unlock()
			}
		})
	}
	begun := 0
	for _, vm := range machines {
		if ctx.Err() != nil {
			break
		}
		select {
		case queue <- vm:
			begun++
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	fmt.Fprintf(out, "Purged %d of %s.\n", purged, count(len(machines), "machine"))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %d of %s failed, %d not begun", context.Cause(ctx), failed, count(len(machines), "machine"), len(machines)-begun)
	case failed > 0:
		return fmt.Errorf("%d of %s failed", failed, count(len(machines), "machine"))
	}
	return nil
}

// purgeOne sees a purge through also after Ctrl-C, so that it can be told what
// became of the machine.
func purgeOne(ctx context.Context, client *bigv.Client, vm bigv.VirtualMachine) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	return client.VirtualMachines.Purge(ctx, vm.Path())
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
