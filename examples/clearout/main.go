// Clearout purges all virtual machines of a group, including deleted ones, with their discs, and then deletes
// the group. Purged machines cannot be restored.
//
//	go run ./examples/clearout                   # purge a group of an in-memory server
//	go run ./examples/clearout old-web.acme      # ask for confirmation first
//	go run ./examples/clearout -yes old-web.acme # do not ask
//
// The program purges several machines at a time. After Ctrl-C it starts no further purge, waits for those in
// progress and prints the result and what is left. Run it again to purge the rest.
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
	"sync"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		printError(os.Stderr, "clearout", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("clearout [flags] group.account", flag.ContinueOnError)
	yes := flags.Bool("yes", false, "do not ask for confirmation")
	atOnce := flags.Int("at-once", 4, "`number` of machines to purge at a time")
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
		return fmt.Errorf("-at-once must be at least 1, got %d", *atOnce)
	}
	local := !configured()
	name := flags.Arg(0)
	if local && name == "" {
		name = "old-web.acme"
	}
	if name == "" || flags.NArg() > 1 {
		return errors.New("give exactly one group, as group.account")
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

	// A group that contains only deleted machines cannot be deleted either.
	machines, err := client.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{
		Group: group, View: bigv.Overview, IncludeDeleted: true,
	})
	if err != nil {
		return err
	}
	printMachines(out, group, machines)
	if !*yes {
		err := confirm(ctx, in, out, group.String())
		if local && errors.Is(err, io.EOF) {
			fmt.Fprintln(out, "No input: continuing, because the server is in memory.")
		} else if err != nil {
			return fmt.Errorf("nothing was purged: %w", err)
		}
	}
	if err := purge(ctx, client, machines, *atOnce, out); err != nil {
		return fmt.Errorf("%w; group %s was not deleted", err, group)
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

// connect returns a client for the configured service. If local is set, it starts an in-memory server with a
// group of machines to purge. The caller must call closeService.
func connect(local bool, stderr io.Writer) (client *bigv.Client, closeService func(), err error) {
	if !local {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-clearout"))
		return client, func() {}, err
	}
	fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
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

// printMachines lists the machines that would be purged.
func printMachines(out io.Writer, group bigv.GroupPath, machines []bigv.VirtualMachine) {
	fmt.Fprintf(out, "Group %s contains %s:\n", group, plural(len(machines), "machine"))
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
		printf(out, "  %-16s %-8s %s, %d GiB\n", vm.Name, state, plural(len(vm.Discs), "disc"), storage/1024)
	}
}

// confirm asks the user to type a name. It returns an error that wraps io.EOF if there is no input.
func confirm(ctx context.Context, in io.Reader, out io.Writer, name string) error {
	fmt.Fprintf(out, "This cannot be undone. Type %s to continue: ", name)
	var (
		line    string
		readErr error
		done    = make(chan struct{})
	)
	go func() { // Reads cannot be cancelled, so Ctrl-C must not wait for one.
		defer close(done)
		line, readErr = readLine(in)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return context.Cause(ctx)
	case <-done:
	}
	line = strings.TrimSpace(line)
	if line == name {
		return nil
	}
	if line == "" && readErr != nil {
		fmt.Fprintln(out)
		return fmt.Errorf("no confirmation: %w (use -yes to skip it)", readErr)
	}
	return fmt.Errorf("got %q, want %q", line, name)
}

// readLine reads one line, byte by byte, so that the next program can read what follows it.
func readLine(in io.Reader) (line string, err error) {
	var b [1]byte
	for len(line) < 1024 {
		n, err := in.Read(b[:])
		switch {
		case n == 1 && b[0] == '\n':
			return line, nil
		case n == 1:
			line += string(b[:])
		case err != nil:
			return line, err
		}
	}
	return line, errors.New("the line is too long")
}

// purge purges machines, at most atOnce at a time, and prints the result of each. It returns an error if any of
// them failed or if ctx is cancelled.
func purge(ctx context.Context, client *bigv.Client, machines []bigv.VirtualMachine, atOnce int, out io.Writer) error {
	var (
		queue          = make(chan bigv.VirtualMachine)
		wg             sync.WaitGroup
		mu             sync.Mutex // guards purged, failed and out
		purged, failed int
	)
	for range min(atOnce, len(machines)) {
		wg.Go(func() {
			for vm := range queue {
				err := purgeOne(ctx, client, vm)
				mu.Lock()
				switch {
				case errors.Is(err, bigv.ErrNotFound):
					printf(out, "  %-16s no longer exists in this group\n", vm.Name)
				case err != nil:
					failed++
					printf(out, "  %-16s NOT purged: %v\n", vm.Name, err)
				default:
					purged++
					printf(out, "  %-16s purged\n", vm.Name)
				}
				mu.Unlock()
			}
		})
	}
	started := 0
	for _, vm := range machines {
		if ctx.Err() != nil {
			break
		}
		select {
		case queue <- vm:
			started++
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	for _, vm := range machines[started:] {
		printf(out, "  %-16s not started\n", vm.Name)
	}
	fmt.Fprintf(out, "Purged %d of %s.\n", purged, plural(len(machines), "machine"))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %d of %s failed, %d not started",
			context.Cause(ctx), failed, plural(len(machines), "machine"), len(machines)-started)
	case failed > 0:
		return fmt.Errorf("%d of %s failed", failed, plural(len(machines), "machine"))
	}
	return nil
}

// purgeOne purges a machine. It ignores the cancellation of ctx, so that the result of a purge in progress is
// known after Ctrl-C.
func purgeOne(ctx context.Context, client *bigv.Client, vm bigv.VirtualMachine) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	return client.VirtualMachines.Purge(ctx, vm.Path())
}

// plural returns n and a noun, which gets an s unless n is 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
