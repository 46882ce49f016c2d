// Provision makes a virtual machine as a small file in YAML or JSON has it, and
// waits until it is up.
//
//	go -C examples/provision run .                   makes web.yaml on a service in memory
//	go -C examples/provision run . "$PWD/web.yaml"   makes a machine, which is billed
//
// It may be run again, also after it was interrupted: a machine of that name that
// is there is taken for the one, waited for if it is still being made, and given
// the discs and backup schedules that it lacks. Where it contradicts the file, that
// is reported and nothing is changed.
//
// Root's password does not belong in the file. It is read from the file that
// -password-file names; if there is none, it is written with a new one, for its
// owner alone, when a machine is about to be made. Or it is read from
// ROOT_PASSWORD. With SSH keys it may be left out: a random one that nobody knows
// is set then. It is never printed.
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
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

//go:embed web.yaml
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "provision:", err)
		stop()
		os.Exit(1)
	}
}

// run makes one machine. Progress goes to stderr, so that the result can be piped.
func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("provision", flag.ContinueOnError)
	passwordFile := flags.String("password-file", "", "`file` with root's password; written with a new one if there is none and a machine is made")
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
		return errors.New("which machine? Give one file")
	}
	file, text, err := "web.yaml", sample, error(nil)
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
	password, err := readPassword(*passwordFile, len(wanted.SSHKeys) > 0)
	if err != nil {
		return err
	}
	p := provisioner{client: client, wait: wait, out: out, progress: stderr}
	vm, err := p.provision(ctx, wanted, password)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is on. Once its system is up, in a minute or two:\n\n  ssh root@%s\n", vm.Name, vm.Hostname)
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
// memory, where time passes a hundred times as fast.
func connect(local bool, stderr io.Writer) (client *bigv.Client, wait bigv.WaitOptions, closeService func(), err error) {
	if !local {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-provision"))
		return client, wait, func() {}, err
	}
	fmt.Fprintln(stderr, "No BIGV_ variable is set: using an in-memory server.")
	srv, err := bigvtest.Start(bigvtest.WithSpeed(100))
	if err != nil {
		return nil, wait, nil, err
	}
	wait = bigv.WaitOptions{MinInterval: 50 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
	client, err = bigv.NewClient(srv.ClientOptions()...)
	return client, wait, srv.Close, err
}

// rootPassword is what root's password shall be if the machine is to be made.
type rootPassword struct {
	bigv.Secret
	file    string // what -password-file names
	missing bool   // the file is yet to be written
}

func readPassword(file string, keys bool) (rootPassword, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		switch {
		case err == nil && strings.TrimSpace(string(text)) == "":
			return rootPassword{}, fmt.Errorf("%s is empty, and should hold a password", file)
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
	if !keys {
		return rootPassword{}, errors.New("nobody could log in: give ssh_keys in the file, -password-file or ROOT_PASSWORD")
	}
	return rootPassword{Secret: bigv.NewSecret(rand.Text())}, nil
}

// save writes the file if it is missing. One that is there by now is not
// overwritten: another run may have made the machine with what it holds.
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

type provisioner struct {
	client        *bigv.Client
	wait          bigv.WaitOptions
	out, progress io.Writer
}

// provision looks what is there at each step, and does what is left to do.
func (p *provisioner) provision(ctx context.Context, wanted spec, password rootPassword) (vm bigv.VirtualMachine, err error) {
	created := false
	vm, err = p.client.VirtualMachines.Get(ctx, wanted.path(), bigv.WithDeleted())
	if errors.Is(err, bigv.ErrNotFound) {
		// Saved before the creation is sent: a password that is set and then lost
		// is worse than one that is kept and not set. And not before that, or the
		// file would hold another password than a machine that is there.
		if err := password.save(); err != nil {
			return vm, err
		}
		// Where its answer is lost, FindOrCreate looks before it fails.
		vm, created, err = p.client.VirtualMachines.FindOrCreate(ctx, wanted.Group, wanted.create(password.Secret))
	}
	switch {
	case err != nil:
		return vm, err
	case vm.Deleted:
		return vm, fmt.Errorf("%s is deleted, and keeps its name: undelete or purge it", wanted.path())
	case created:
		fmt.Fprintf(p.out, "Made %s. It is billed from now on.\n", wanted.path())
	default:
		fmt.Fprintf(p.out, "%s is there already.\n", wanted.path())
		if password.missing {
			fmt.Fprintf(p.out, "%s was not written: the machine has the password that it was made with.\n", password.file)
		} else if password.file != "" {
			fmt.Fprintf(p.out, "%s was not used: it holds root's password only if the machine was made with it.\n", password.file)
		}
	}
	if vm.Provisioning {
		fmt.Fprintln(p.out, "Waiting until it has been made.")
		if vm, err = p.waitFor(ctx, wanted.path(), bigv.Provisioned); err != nil {
			return vm, err
		}
	}
	if vm, err = p.client.VirtualMachines.Get(ctx, wanted.path(), bigv.WithView(bigv.Overview)); err != nil {
		return vm, err
	}
	if list := wanted.contradictions(vm); len(list) > 0 {
		return vm, fmt.Errorf("%s is not as the spec has it, and was left as it is:\n  %s", wanted.path(), strings.Join(list, "\n  "))
	}
	if err := p.complete(ctx, wanted, vm); err != nil {
		return vm, err
	}
	if !vm.PowerOn {
		return p.waitFor(ctx, wanted.path(), bigv.PoweredOn)
	}
	return vm, nil
}

// complete adds the discs and backup schedules that a machine lacks.
func (p *provisioner) complete(ctx context.Context, wanted spec, vm bigv.VirtualMachine) error {
	for _, d := range wanted.Discs {
		there, ok := d.on(vm)
		if !ok {
			var err error
			if there, err = p.client.Discs.Create(ctx, wanted.path(), d.create()); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "Added disc %s of %d MiB: the machine sees it after its next start.\n", d.Label, d.Size)
		}
		for _, b := range d.Backups {
			if _, ok := b.of(there); ok {
				continue
			}
			if _, err := p.client.BackupSchedules.Create(ctx, wanted.path().Disc(d.Label), b.schedule()); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "Disc %s is backed up every %s now.\n", d.Label, b.Every)
		}
	}
	return nil
}

// waitFor waits and shows it. How far the service has come it does not tell, so
// the bar shows that it goes on, for how long, and what was last seen.
func (p *provisioner) waitFor(ctx context.Context, vm bigv.VirtualMachinePath, until bigv.VirtualMachineCondition) (bigv.VirtualMachine, error) {
	bar := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(p.progress), progressbar.OptionSetDescription(vm.String()), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(isTerminal(p.progress)))
	defer bar.Finish()
	wait := p.wait
	wait.OnPoll = func(poll bigv.Poll) {
		bar.Describe(vm.String() + ": " + poll.State)
	}
	return p.client.VirtualMachines.Wait(ctx, vm, until, wait)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
