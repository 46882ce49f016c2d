// Provision creates the virtual machine that a YAML or JSON file describes and waits until it is on.
//
//	go -C examples/provision run .                 # create web.yaml on an in-memory server
//	go -C examples/provision run . "$PWD/web.yaml" # create a machine, which is billed
//
// The program is idempotent and can be run again after an interruption. If a machine with the same name exists, the
// program waits until it is provisioned and adds the discs and backup schedules that are missing. If the machine
// differs from the file in any other way, the program reports the differences and changes nothing.
//
// The root password is not part of the file. It is read from the file named by -password-file. If that file does not
// exist, the program creates it with a random password, readable only by its owner, just before it creates the
// machine. Without the flag, the password is read from ROOT_PASSWORD. If neither is given but the file has SSH keys,
// a random password is set and discarded. The password is never printed. A machine that nobody could enter, such as
// one with distribution none, is only created with -no-login.
package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

//go:embed web.yaml
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		printError(os.Stderr, "provision", err)
		stop()
		os.Exit(1)
	}
}

// run creates one machine. It shows progress on stderr, so that out contains only the result.
func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("provision [flags] file", flag.ContinueOnError)
	passwordFile := flags.String("password-file", "",
		"`file` with the root password; if it does not exist, it is created with a random one before a machine is created")
	noLogin := flags.Bool("no-login", false, "create a machine without SSH keys and without a known password")
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
	file, text := "web.yaml", sample
	if flags.NArg() == 1 {
		file = flags.Arg(0)
		if text, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	wanted, err := parseSpec(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	client, wait, closeService, err := connect(local, stderr)
	if err != nil {
		return err
	}
	defer closeService()
	if wanted.Distribution == "none" && !*noLogin {
		return errors.New("no way to log in: distribution none installs no operating system; if that is what you want, use -no-login")
	}
	password, err := readPassword(*passwordFile, *noLogin || wanted.acceptsKeys())
	if err != nil {
		return err
	}
	if strings.ContainsAny(password.Reveal(), "\r\n") {
		return errors.New("the root password must be one line: do not use a file with a private key")
	}
	p := provisioner{client: client, wait: wait, out: out, progress: stderr}
	vm, err := p.provision(ctx, wanted, password)
	if err != nil {
		return err
	}
	printf(out, "%s is on. After its operating system has started, in a minute or two, log in with:\n\n", vm.Name)
	printf(out, "  ssh root@%s\n", vm.Hostname)
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

// connect returns a client and wait options for the configured service. If local is set, it starts an in-memory
// server with a clock that runs 100 times as fast as real time. The caller must call closeService.
func connect(local bool, stderr io.Writer) (client *bigv.Client, wait bigv.WaitOptions, closeService func(), err error) {
	if !local {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-provision"))
		return client, wait, func() {}, err
	}
	fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
	srv, err := bigvtest.Start(bigvtest.WithSpeed(100))
	if err != nil {
		return nil, wait, nil, err
	}
	wait = bigv.WaitOptions{MinInterval: 50 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
	client, err = bigv.NewClient(srv.ClientOptions()...)
	return client, wait, srv.Close, err
}

// rootPassword is the root password to create the machine with.
type rootPassword struct {
	bigv.Secret
	file    string // the value of -password-file
	missing bool   // whether the file does not exist yet
}

// readPassword returns the password from the file, from ROOT_PASSWORD, or, if the file does not exist or no password is
// needed, a random one.
func readPassword(file string, optional bool) (rootPassword, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		switch {
		case err == nil && strings.TrimSpace(string(text)) == "":
			return rootPassword{}, fmt.Errorf("password file %s is empty", file)
		case err == nil:
			return rootPassword{Secret: bigv.NewSecret(strings.TrimSpace(string(text))), file: file}, nil
		case errors.Is(err, fs.ErrNotExist):
			return rootPassword{Secret: bigv.NewSecret(rand.Text()), file: file, missing: true}, nil
		}
		return rootPassword{}, err
	}
	if password := os.Getenv("ROOT_PASSWORD"); password != "" {
		return rootPassword{Secret: bigv.NewSecret(password)}, nil
	}
	if !optional {
		return rootPassword{}, errors.New("no way to log in: set ssh_keys in the file (not for Windows), -password-file or " +
			"ROOT_PASSWORD; or use -no-login")
	}
	return rootPassword{Secret: bigv.NewSecret(rand.Text())}, nil
}

// save writes the password to the file if the file was missing. It returns an error if the file exists by now,
// because another run may have created the machine with the password in it.
func (p *rootPassword) save() error {
	if !p.missing {
		return nil
	}
	f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(p.Reveal() + "\n")
	p.missing = false
	return errors.Join(err, f.Sync(), f.Close())
}

// provisioner creates and completes machines.
type provisioner struct {
	client        *bigv.Client
	wait          bigv.WaitOptions
	out, progress io.Writer
}

// provision creates the machine, or completes an existing one, and waits until it is on.
func (p *provisioner) provision(ctx context.Context, wanted spec, password rootPassword) (vm bigv.VirtualMachine, err error) {
	created := false
	defer func() {
		switch {
		case err != nil && created:
			err = fmt.Errorf("%w\n%s was created and is billed: run the program again to complete it", err, wanted.path())
		case errors.Is(err, bigv.ErrOutcomeUnknown):
			err = fmt.Errorf("%w\n%s may have been created, and is billed then: run the program again", err, wanted.path())
		}
	}()
	vm, err = p.client.VirtualMachines.Get(ctx, wanted.path(), bigv.WithDeleted())
	if errors.Is(err, bigv.ErrNotFound) {
		// Save the password before the machine is created, so that it cannot be lost. Do not save it any earlier:
		// if the machine exists, it has a different password.
		if err := password.save(); err != nil {
			return vm, err
		}
		printf(p.out, "Creating %s\n", wanted)
		// If the response is lost, FindOrCreate checks whether the machine was created.
		vm, created, err = p.client.VirtualMachines.FindOrCreate(ctx, wanted.Group, wanted.create(password.Secret), bigv.WaitOptions{})
	}
	switch {
	case err != nil:
		return vm, err
	case vm.Deleted:
		return vm, fmt.Errorf("%s exists but is deleted: undelete or purge it", wanted.path())
	case created:
		printf(p.out, "Created %s. It is billed from now on.\n", wanted.path())
	default:
		printf(p.out, "%s already exists.\n", wanted.path())
		if password.missing {
			printf(p.out, "%s was not created: the machine keeps its root password.\n", password.file)
		} else if password.file != "" {
			printf(p.out, "%s was not used: the machine may have been created with a different root password.\n", password.file)
		}
	}
	if vm.Provisioning {
		fmt.Fprintln(p.out, "Waiting until it is provisioned.")
		if vm, err = p.waitFor(ctx, wanted.path(), bigv.Provisioned); err != nil {
			return vm, err
		}
	}
	if vm, err = p.client.VirtualMachines.Get(ctx, wanted.path(), bigv.WithView(bigv.Overview)); err != nil {
		return vm, err
	}
	if list := wanted.differences(vm); len(list) > 0 {
		return vm, fmt.Errorf("%s differs from the file and was not changed:\n  %s", wanted.path(), strings.Join(list, "\n  "))
	}
	if err := p.complete(ctx, wanted, vm); err != nil {
		return vm, err
	}
	if !vm.PowerOn {
		return p.waitFor(ctx, wanted.path(), bigv.PoweredOn)
	}
	return vm, nil
}

// complete adds the discs and backup schedules that are missing.
func (p *provisioner) complete(ctx context.Context, wanted spec, vm bigv.VirtualMachine) error {
	for _, d := range wanted.Discs {
		existing, ok := d.find(vm)
		if !ok {
			printf(p.out, "Adding disc %s with %d MiB.\n", d.Label, d.Size)
			var err error
			if existing, err = p.client.Discs.Create(ctx, wanted.path(), d.create()); err != nil {
				return err
			}
			printf(p.out, "Added disc %s. It is available after the next start of the machine.\n", d.Label)
		}
		for _, b := range d.Backups {
			if _, ok := b.find(existing); ok {
				continue
			}
			if _, err := p.client.BackupSchedules.Create(ctx, wanted.path().Disc(d.Label), b.schedule()); err != nil {
				return err
			}
			printf(p.out, "Disc %s is now backed up every %s.\n", d.Label, b.Every)
		}
	}
	return nil
}

// waitFor waits until the condition holds. The service reports no progress, so the spinner shows the elapsed time
// and the last known state.
func (p *provisioner) waitFor(
	ctx context.Context, vm bigv.VirtualMachinePath, condition bigv.VirtualMachineCondition,
) (bigv.VirtualMachine, error) {
	spinner := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(p.progress), progressbar.OptionSetDescription(vm.String()), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(isTerminal(p.progress)))
	defer spinner.Finish()
	wait := p.wait
	wait.OnPoll = func(poll bigv.Poll) {
		spinner.Describe(vm.String() + ": " + poll.State)
	}
	return p.client.VirtualMachines.Wait(ctx, vm, condition, wait)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
