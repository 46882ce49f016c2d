// Access lists the privileges of an account and updates its users' privileges and SSH keys to match a file.
//
//	go -C examples/access run . -yes                    # apply access.yaml to an in-memory server
//	go -C examples/access run . "$PWD/people.yaml"      # show the changes
//	go -C examples/access run . -yes "$PWD/people.yaml" # show and apply the changes
//
// The program reads the current state and prints all changes before it applies the first one. It adds before it
// removes, and removes nothing of a user for whom an addition failed. A list that is empty or missing in the file
// changes nothing unless -allow-empty is given. The caller's own privileges are only changed with -own, and the caller's
// own SSH keys are only removed with it. A second run finds nothing to change.
//
// Privileges at or above the caller's own level cannot be seen or changed. Only the user and Bytemark's staff can
// change the SSH keys of a user.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

//go:embed access.yaml
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		printError(os.Stderr, "access", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("access [flags] file", flag.ContinueOnError)
	yes := flags.Bool("yes", false, "apply the changes; without this flag they are only shown")
	var options planOptions
	flags.BoolVar(&options.allowEmpty, "allow-empty", false, "let empty lists in the file remove all privileges, or all keys of a user")
	flags.BoolVar(&options.own, "own", false, "change the caller's own privileges, and remove the caller's own SSH keys, too")
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
	local := !configured()
	if flags.NArg() > 1 || flags.NArg() == 0 && !local {
		return errors.New("give exactly one file")
	}
	wanted, err := readFile(flags.Arg(0))
	if err != nil {
		return err
	}
	client, closeService, err := connect(local, stderr)
	if err != nil {
		return err
	}
	defer closeService()

	current, err := readState(ctx, client, wanted.Account)
	if err != nil {
		return err
	}
	if err := current.print(out); err != nil {
		return err
	}
	changes, notes, err := plan(ctx, client, current, wanted, options)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, note := range notes {
		printf(out, "Note: %s.\n", note)
	}
	if len(changes) == 0 {
		fmt.Fprintln(out, "Nothing to change.")
		return nil
	}
	fmt.Fprintln(out, "Changes:")
	for _, c := range changes {
		printf(out, "  %s\n", c.text)
	}
	if !*yes {
		fmt.Fprintln(out, "\nNothing was changed. Use -yes to apply the changes.")
		return nil
	}
	return apply(ctx, changes, out)
}

// configured reports whether any variable that NewClientFromEnv reads is set. An incomplete
// configuration must lead to an error and not to the in-memory server.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

// connect returns a client for the configured service. If local is set, it starts an in-memory server whose
// privileges and keys differ from access.yaml. The caller must call closeService.
func connect(local bool, stderr io.Writer) (client *bigv.Client, closeService func(), err error) {
	if !local {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-access"))
		return client, func() {}, err
	}
	fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
	srv, err := bigvtest.Start()
	if err != nil {
		return nil, nil, err
	}
	web := srv.Account("acme").Group("web")
	www1 := web.VirtualMachine("www1")
	srv.Account("acme").Group("default").VirtualMachine("db-primary")
	srv.User("alice").SetAuthorizedKeys("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFaYX0tOy5g2tJ8f3cPdmq1c9S4BqHvE7uNwZr0kLxTd alice@old-desk")
	srv.User("bob").Grant(bigv.VirtualMachineAdmin, www1)
	srv.User("carol").Grant(bigv.VirtualMachineConsole, www1)
	srv.User("mallory").Grant(bigv.GroupAdmin, web)
	client, err = bigv.NewClient(srv.ClientOptions()...)
	return client, srv.Close, err
}

// plural returns n and a noun, which gets an s unless n is 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
