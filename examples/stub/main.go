// Stub starts the virtual machines of a group that are off. It shows how to keep unit tests small: the program
// declares an interface with only the methods that it needs, and its test implements the interface with a stub.
//
//	go run ./examples/stub
//	go test ./examples/stub
//
// The program uses an in-memory server unless a BIGV_ variable is set.
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
	"syscall"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// virtualMachines has the methods of bigv.VirtualMachinesService that startAll calls.
type virtualMachines interface {
	List(context.Context, bigv.VirtualMachineListOptions, ...bigv.CallOption) ([]bigv.VirtualMachine, error)
	Get(context.Context, bigv.VirtualMachinePath, ...bigv.CallOption) (bigv.VirtualMachine, error)
	Start(context.Context, bigv.VirtualMachinePath, ...bigv.CallOption) (bigv.VirtualMachine, error)
}

// startAll starts the virtual machines of a group that are off and returns the names of those that it started. It
// skips machines that are being provisioned, and continues after a machine that cannot be started.
func startAll(ctx context.Context, service virtualMachines, group bigv.GroupPath) (started []string, err error) {
	list, err := service.List(ctx, bigv.VirtualMachineListOptions{Group: group})
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, vm := range list {
		if vm.PowerOn {
			continue
		}
		// A list does not show which machines are being provisioned.
		vm, err := service.Get(ctx, vm.Path())
		if err == nil && (vm.PowerOn || vm.Provisioning) {
			continue
		}
		if err == nil {
			_, err = service.Start(ctx, vm.Path())
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		started = append(started, vm.Name)
	}
	return started, errors.Join(errs...)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		printError(os.Stderr, "stub", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("stub", flag.ContinueOnError)
	var group bigv.GroupPath
	flags.TextVar(&group, "group", bigv.AccountPath("acme").Group("web"), "`group` whose machines to start, as group.account")
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
	client, closeService, err := connect(stderr)
	if err != nil {
		return err
	}
	defer closeService()
	started, err := startAll(ctx, client.VirtualMachines, group)
	for _, name := range started {
		printf(out, "started %s\n", name)
	}
	return err
}

// configured reports whether any variable that NewClientFromEnv reads is set. An incomplete
// configuration must lead to an error and not to the in-memory server.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

// connect returns a client for the configured service, or for a new in-memory server. The caller must call
// closeService.
func connect(stderr io.Writer) (client *bigv.Client, closeService func(), err error) {
	if configured() {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-stub"))
		return client, func() {}, err
	}
	fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
	srv, err := bigvtest.Start()
	if err != nil {
		return nil, nil, err
	}
	web := srv.Account("acme").Group("web")
	web.VirtualMachine("www1")
	web.VirtualMachine("www2").SetPower(false)
	client, err = bigv.NewClient(srv.ClientOptions()...)
	return client, srv.Close, err
}
