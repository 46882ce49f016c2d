// Access shows who may do what in an account, and brings the privileges and SSH
// keys of its users to a declared list.
//
//	go -C examples/access run . -yes                    on a service in memory, with access.yaml
//	go -C examples/access run . "$PWD/people.yaml"      shows what would change
//	go -C examples/access run . -yes "$PWD/people.yaml" changes it
//
// What is there is read, and the difference to the list is shown, before anything
// is sent. Run again, it finds nothing to change. A user's SSH keys can be changed
// by that user only, and by Bytemark's staff.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

//go:embed access.yaml
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "access:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("access", flag.ContinueOnError)
	yes := flags.Bool("yes", false, "make the changes")
	flags.SetOutput(io.Discard) // Parse says what is wrong, and main would say it again
	err := flags.Parse(args)
	if flags.SetOutput(stderr); err != nil {
		flags.Usage()
	}
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	local := !configured()
	if flags.NArg() > 1 || flags.NArg() == 0 && !local {
		return errors.New("which list? Give one file")
	}
	wanted, err := readList(flags.Arg(0))
	if err != nil {
		return err
	}
	client, closeService, err := connect(local, stderr)
	if err != nil {
		return err
	}
	defer closeService()

	now, err := look(ctx, client, wanted.Account)
	if err != nil {
		return err
	}
	if err := now.table(out); err != nil {
		return err
	}
	changes, err := plan(ctx, client, now, wanted)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		fmt.Fprintln(out, "\nAll is as the list has it.")
		return nil
	}
	fmt.Fprintln(out, "\nTo be as the list has it:")
	for _, c := range changes {
		fmt.Fprintln(out, " ", c.text)
	}
	if !*yes {
		fmt.Fprintln(out, "\nNothing was changed: -yes does it.")
		return nil
	}
	return apply(ctx, changes, out)
}

// configured reports whether anything is set that NewClientFromEnv reads. If that
// is not enough, it says so: what is in memory must not pass for what is real.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

// connect makes a client of the service that is configured, or else of one in
// memory that is not quite as the list has it.
func connect(local bool, stderr io.Writer) (client *bigv.Client, closeService func(), err error) {
	if !local {
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-access"))
		return client, func() {}, err
	}
	fmt.Fprintln(stderr, "Nothing is configured: this is a service in memory.")
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

// list is the file.
type list struct {
	Account bigv.AccountPath `yaml:"account"`
	Users   map[bigv.UserPath]struct {
		Privileges []privilege `yaml:"privileges"`
		Keys       *[]string   `yaml:"keys"` // nil leaves them as they are
	} `yaml:"users"`
}

// privilege is a level on something: on the account if neither a group nor a
// machine is given.
type privilege struct {
	Level          bigv.PrivilegeLevel     `yaml:"level"`
	Group          bigv.GroupPath          `yaml:"group"`
	VirtualMachine bigv.VirtualMachinePath `yaml:"virtual_machine"`
}

// on is what the privilege is on, without its level.
func (p privilege) on() privilege {
	p.Level = ""
	return p
}

// fits reports whether a level is one for what the privilege is on.
func (p privilege) fits() bool {
	group, machine := !p.Group.IsZero(), !p.VirtualMachine.IsZero()
	switch p.Level {
	case bigv.AccountAdmin:
		return !group && !machine
	case bigv.GroupAdmin:
		return group && !machine
	case bigv.VirtualMachineAdmin, bigv.VirtualMachineConsole:
		return machine && !group
	}
	return false
}

func (p privilege) place() string {
	switch {
	case !p.VirtualMachine.IsZero():
		return "virtual machine " + p.VirtualMachine.String()
	case !p.Group.IsZero():
		return "group " + p.Group.String()
	}
	return "the account"
}

func readList(file string) (l list, err error) {
	text := sample
	if file == "" {
		file = "access.yaml"
	} else if text, err = os.ReadFile(file); err != nil {
		return l, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true) // a misspelt word must not take somebody's rights away
	if err := decoder.Decode(&l); err != nil {
		return l, fmt.Errorf("reading %s: %w", file, err)
	}
	if l.Account == "" {
		return l, fmt.Errorf("%s does not say which account it is about", file)
	}
	return l, nil
}

// held is a privilege that somebody has.
type held struct {
	user bigv.UserPath
	privilege
	told bigv.Privilege
}

// situation is what an account is like.
type situation struct {
	account bigv.AccountPath
	places  map[privilege]bool // what there is to have privileges on, without levels
	held    []held
}

// look reads who has which privileges on an account and all that is in it. The
// service tells those below one's own level, of each thing by itself.
func look(ctx context.Context, client *bigv.Client, path bigv.AccountPath) (*situation, error) {
	account, err := client.Accounts.Get(ctx, path, bigv.WithView(bigv.Overview))
	if err != nil {
		return nil, err
	}
	s := &situation{account: bigv.AccountPath(account.Name), places: map[privilege]bool{}}
	add := func(on privilege, options bigv.PrivilegeListOptions) error {
		s.places[on] = true
		told, err := client.Privileges.List(ctx, options)
		for _, p := range told {
			on.Level = p.Level
			s.held = append(s.held, held{bigv.UserPath(p.Username), on, p})
		}
		return err
	}
	if err := add(privilege{}, bigv.PrivilegeListOptions{Account: s.account}); err != nil {
		return nil, err
	}
	for _, g := range account.Groups {
		group := s.account.Group(g.Name)
		if err := add(privilege{Group: group}, bigv.PrivilegeListOptions{Group: group}); err != nil {
			return nil, err
		}
		for _, vm := range g.VirtualMachines {
			machine := group.VirtualMachine(vm.Name)
			if err := add(privilege{VirtualMachine: machine}, bigv.PrivilegeListOptions{VirtualMachine: machine}); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(s.held, func(a, b held) int { return cmp.Compare(a.user, b.user) })
	return s, nil
}

func (s *situation) table(out io.Writer) error {
	aligned := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(aligned, "USER\tLEVEL\tON\tBY")
	for _, h := range s.held {
		by := "password"
		switch {
		case h.told.APIKeyID != 0:
			by = fmt.Sprintf("API key %d alone", h.told.APIKeyID)
		case h.told.YubikeyRequired:
			by = "password and YubiKey"
		}
		fmt.Fprintf(aligned, "%s\t%s\t%s\t%s\n", h.user, h.Level, h.place(), by)
	}
	return aligned.Flush()
}

// change is one thing to do.
type change struct {
	text string
	do   func(context.Context) error
}

// plan is what is to be done, in this order: first what gives, then what takes
// away, so that nobody who keeps a right is without it in between.
func plan(ctx context.Context, client *bigv.Client, now *situation, wanted list) (changes []change, err error) {
	var takes []change
	declared, have := map[string]bool{}, map[string]bool{}
	name := func(user bigv.UserPath, p privilege) string {
		return fmt.Sprintf("%s: %s on %s", user, p.Level, p.place())
	}
	for _, h := range now.held {
		if h.told.APIKeyID == 0 {
			have[name(h.user, h.privilege)] = true
		}
	}
	for _, user := range slices.Sorted(maps.Keys(wanted.Users)) {
		for _, p := range wanted.Users[user].Privileges {
			text := name(user, p)
			switch {
			case !p.fits():
				return nil, fmt.Errorf("%s: there is no such privilege", text)
			case !now.places[p.on()]:
				return nil, fmt.Errorf("%s: there is no such thing in the account %s", text, now.account)
			case !have[text] && !declared[text]:
				changes = append(changes, change{"+ " + text, func(ctx context.Context) error {
					grant := bigv.PrivilegeGrant{Level: p.Level, Group: p.Group, VirtualMachine: p.VirtualMachine}
					if p.Level == bigv.AccountAdmin {
						grant.Account = now.account
					}
					_, err := client.Privileges.Grant(ctx, user, grant)
					return err
				}})
			}
			declared[text] = true
		}
		if keys := wanted.Users[user].Keys; keys != nil {
			gives, takesKeys, err := planKeys(ctx, client, user, *keys)
			if err != nil {
				return nil, err
			}
			changes, takes = append(changes, gives...), append(takes, takesKeys...)
		}
	}
	for _, h := range now.held {
		if text := name(h.user, h.privilege); h.told.APIKeyID == 0 && !declared[text] {
			takes = append(takes, change{"- " + text, func(ctx context.Context) error {
				return client.Privileges.Revoke(ctx, h.told.ID)
			}})
		}
	}
	return append(changes, takes...), nil
}

// planKeys is what brings a user's SSH keys to those wanted.
func planKeys(ctx context.Context, client *bigv.Client, user bigv.UserPath, wanted []string) (gives, takes []change, err error) {
	u, err := client.Users.Get(ctx, user)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the keys of %s: %w", user, err)
	}
	have := u.Keys()
	for i, key := range wanted {
		if wanted[i] = strings.TrimSpace(key); !slices.Contains(have, wanted[i]) {
			gives = append(gives, change{fmt.Sprintf("+ %s: key %s", user, keyName(key)), func(ctx context.Context) error {
				_, err := client.Users.AddKey(ctx, user, key)
				return err
			}})
		}
	}
	for _, key := range have {
		if !slices.Contains(wanted, key) {
			takes = append(takes, change{fmt.Sprintf("- %s: key %s", user, keyName(key)), func(ctx context.Context) error {
				_, err := client.Users.RemoveKey(ctx, user, key)
				return err
			}})
		}
	}
	return gives, takes, nil
}

// keyName is a key's kind, fingerprint and comment, as ssh-keygen -l has them.
func keyName(line string) string {
	fields := strings.Fields(line)
	for i, field := range fields {
		// The key itself begins with the length of the name of its kind.
		if raw, err := base64.StdEncoding.DecodeString(field); err == nil && strings.HasPrefix(field, "AAAA") {
			sum := sha256.Sum256(raw)
			fields[i] = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
		}
	}
	return strings.Join(fields, " ")
}

// apply makes the changes and tells of each. One that fails does not keep the
// others from being made.
func apply(ctx context.Context, changes []change, out io.Writer) error {
	fmt.Fprintln(out)
	made, failed := 0, 0
	for _, c := range changes {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %d of %s made, %d failed: run it again for the rest", context.Cause(ctx), made, count(len(changes), "change"), failed)
		}
		if err := c.do(ctx); err != nil {
			failed++
			fmt.Fprintf(out, "  %s: FAILED: %v\n", c.text, err)
			continue
		}
		made++
		fmt.Fprintf(out, "  %s: done\n", c.text)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, count(len(changes), "change"))
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
