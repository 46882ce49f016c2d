// Access lists the privileges of an account and updates its users' privileges and SSH keys to match a file.
//
//	go -C examples/access run . -yes                    # apply access.yaml to an in-memory server
//	go -C examples/access run . "$PWD/people.yaml"      # show the changes
//	go -C examples/access run . -yes "$PWD/people.yaml" # show and apply the changes
//
// The program reads the current state and prints all changes before it applies the first one. A second run
// finds nothing to change. Only the user and Bytemark's staff can change the SSH keys of a user.
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
	yes := flags.Bool("yes", false, "apply the changes; without this flag they are only shown")
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
	changes, err := plan(ctx, client, current, wanted)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		fmt.Fprintln(out, "\nNothing to change.")
		return nil
	}
	fmt.Fprintln(out, "\nChanges:")
	for _, c := range changes {
		fmt.Fprintln(out, " ", c.text)
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
	fmt.Fprintln(stderr, "No BIGV_ variable is set: using an in-memory server.")
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

// accessList is the content of the file.
type accessList struct {
	Account bigv.AccountPath `yaml:"account"`
	Users   map[bigv.UserPath]struct {
		Privileges []privilege `yaml:"privileges"`
		Keys       *[]string   `yaml:"keys"` // nil leaves the keys unchanged
	} `yaml:"users"`
}

// privilege is a level on a virtual machine or a group, or on the account if both are zero.
type privilege struct {
	Level          bigv.PrivilegeLevel     `yaml:"level"`
	Group          bigv.GroupPath          `yaml:"group"`
	VirtualMachine bigv.VirtualMachinePath `yaml:"virtual_machine"`
}

// withoutLevel returns p with no level, which identifies what the privilege is on.
func (p privilege) withoutLevel() privilege {
	p.Level = ""
	return p
}

// valid reports whether the level can be granted on what the privilege is on.
func (p privilege) valid() bool {
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

// target describes what the privilege is on.
func (p privilege) target() string {
	switch {
	case !p.VirtualMachine.IsZero():
		return "virtual machine " + p.VirtualMachine.String()
	case !p.Group.IsZero():
		return "group " + p.Group.String()
	}
	return "the account"
}

// readFile reads a YAML file, or the embedded access.yaml if file is empty.
func readFile(file string) (l accessList, err error) {
	text := sample
	if file == "" {
		file = "access.yaml"
	} else if text, err = os.ReadFile(file); err != nil {
		return l, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true) // A misspelled key must not remove privileges.
	if err := decoder.Decode(&l); err != nil {
		return l, fmt.Errorf("reading %s: %w", file, err)
	}
	if l.Account == "" {
		return l, fmt.Errorf("reading %s: account is required", file)
	}
	return l, nil
}

// userPrivilege is a privilege of a user.
type userPrivilege struct {
	user bigv.UserPath
	privilege
	response bigv.Privilege // as the service returned it
}

// state holds the privileges in an account.
type state struct {
	account    bigv.AccountPath
	targets    map[privilege]bool // the account, groups and virtual machines, without levels
	privileges []userPrivilege
}

// readState reads the privileges on an account and on everything in it. The service lists privileges for one
// account, group or virtual machine at a time, and only those below the caller's own level.
func readState(ctx context.Context, client *bigv.Client, path bigv.AccountPath) (*state, error) {
	account, err := client.Accounts.Get(ctx, path, bigv.WithView(bigv.Overview))
	if err != nil {
		return nil, err
	}
	s := &state{account: bigv.AccountPath(account.Name), targets: map[privilege]bool{}}
	add := func(target privilege, options bigv.PrivilegeListOptions) error {
		s.targets[target] = true
		list, err := client.Privileges.List(ctx, options)
		for _, response := range list {
			p := target
			p.Level = response.Level
			s.privileges = append(s.privileges, userPrivilege{bigv.UserPath(response.Username), p, response})
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
	slices.SortStableFunc(s.privileges, func(a, b userPrivilege) int { return cmp.Compare(a.user, b.user) })
	return s, nil
}

// print writes the privileges as a table.
func (s *state) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "USER\tLEVEL\tON\tCREDENTIALS")
	for _, p := range s.privileges {
		credentials := "password"
		switch {
		case p.response.APIKeyID != 0:
			credentials = fmt.Sprintf("API key %d only", p.response.APIKeyID)
		case p.response.YubikeyRequired:
			credentials = "password and YubiKey"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.user, p.Level, p.target(), credentials)
	}
	return table.Flush()
}

// change is one request to send.
type change struct {
	text  string
	apply func(context.Context) error
}

// plan returns the changes that make the current state match the wanted list. Additions come before removals,
// so that replacing a privilege or a key never leaves a user without access.
func plan(ctx context.Context, client *bigv.Client, current *state, wanted accessList) (changes []change, err error) {
	var removals []change
	listed, granted := map[string]bool{}, map[string]bool{}
	describe := func(user bigv.UserPath, p privilege) string {
		return fmt.Sprintf("%s: %s on %s", user, p.Level, p.target())
	}
	for _, p := range current.privileges {
		if p.response.APIKeyID == 0 {
			granted[describe(p.user, p.privilege)] = true
		}
	}
	for _, user := range slices.Sorted(maps.Keys(wanted.Users)) {
		for _, p := range wanted.Users[user].Privileges {
			text := describe(user, p)
			switch {
			case !p.valid():
				return nil, fmt.Errorf("%s: invalid privilege", text)
			case !current.targets[p.withoutLevel()]:
				return nil, fmt.Errorf("%s: not found in account %s", text, current.account)
			case !granted[text] && !listed[text]:
				changes = append(changes, change{"+ " + text, func(ctx context.Context) error {
					grant := bigv.PrivilegeGrant{Level: p.Level, Group: p.Group, VirtualMachine: p.VirtualMachine}
					if p.Level == bigv.AccountAdmin {
						grant.Account = current.account
					}
					_, err := client.Privileges.Grant(ctx, user, grant)
					return err
				}})
			}
			listed[text] = true
		}
		if keys := wanted.Users[user].Keys; keys != nil {
			keyAdditions, keyRemovals, err := planKeys(ctx, client, user, *keys)
			if err != nil {
				return nil, err
			}
			changes = append(changes, keyAdditions...)
			removals = append(removals, keyRemovals...)
		}
	}
	for _, p := range current.privileges {
		text := describe(p.user, p.privilege)
		if p.response.APIKeyID == 0 && !listed[text] {
			removals = append(removals, change{"- " + text, func(ctx context.Context) error {
				return client.Privileges.Revoke(ctx, p.response.ID)
			}})
		}
	}
	return append(changes, removals...), nil
}

// planKeys returns the changes that make a user's SSH keys match those wanted.
func planKeys(ctx context.Context, client *bigv.Client, user bigv.UserPath, wanted []string) (additions, removals []change, err error) {
	u, err := client.Users.Get(ctx, user)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the keys of %s: %w", user, err)
	}
	current := u.Keys()
	for i, key := range wanted {
		wanted[i] = strings.TrimSpace(key)
		if !slices.Contains(current, wanted[i]) {
			additions = append(additions, change{fmt.Sprintf("+ %s: key %s", user, describeKey(key)), func(ctx context.Context) error {
				_, err := client.Users.AddKey(ctx, user, key)
				return err
			}})
		}
	}
	for _, key := range current {
		if !slices.Contains(wanted, key) {
			removals = append(removals, change{fmt.Sprintf("- %s: key %s", user, describeKey(key)), func(ctx context.Context) error {
				_, err := client.Users.RemoveKey(ctx, user, key)
				return err
			}})
		}
	}
	return additions, removals, nil
}

// describeKey returns a key's type, SHA-256 fingerprint and comment.
func describeKey(line string) string {
	fields := strings.Fields(line)
	for i, field := range fields {
		// The first three bytes of a key are zero, which is AAAA in Base64.
		if raw, err := base64.StdEncoding.DecodeString(field); err == nil && strings.HasPrefix(field, "AAAA") {
			sum := sha256.Sum256(raw)
			fields[i] = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
		}
	}
	return strings.Join(fields, " ")
}

// apply applies the changes and prints the result of each. It continues after a change that fails.
func apply(ctx context.Context, changes []change, out io.Writer) error {
	fmt.Fprintln(out)
	made, failed := 0, 0
	for _, c := range changes {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %d of %s made, %d failed; run the program again for the rest",
				context.Cause(ctx), made, plural(len(changes), "change"), failed)
		}
		if err := c.apply(ctx); err != nil {
			failed++
			fmt.Fprintf(out, "  %s: FAILED: %v\n", c.text, err)
			continue
		}
		made++
		fmt.Fprintf(out, "  %s: done\n", c.text)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, plural(len(changes), "change"))
	}
	return nil
}

// plural returns n and a noun, which gets an s unless n is 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
