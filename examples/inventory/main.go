// Inventory prints accounts, groups, virtual machines, discs and IP addresses as a tree, or virtual machines as CSV
// or JSON lines.
//
//	go run ./examples/inventory
//	go run ./examples/inventory -format csv
//	go run ./examples/inventory -format json | head -n 1
//
// The program only reads. It uses Bytemark's service if BIGV_API_KEY, BIGV_TOKEN, or BIGV_USERNAME and
// BIGV_PASSWORD are set, and otherwise an in-memory server.
package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ignoreSIGPIPE()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		printError(os.Stderr, "inventory", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, stderr io.Writer) error {
	flags := flag.NewFlagSet("inventory", flag.ContinueOnError)
	format := flags.String("format", "tree", "output `format`: tree, csv or json; csv and json list virtual machines, one per line")
	account := flags.String("account", "", "show only this `account`")
	deleted := flags.Bool("deleted", false, "include deleted virtual machines")
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
	var printInventory func(context.Context, *bigv.Client, bigv.VirtualMachineListOptions, io.Writer) error
	switch *format {
	case "tree":
		printInventory = printTree
	case "csv":
		printInventory = printCSV
	case "json":
		printInventory = printJSON
	default:
		return fmt.Errorf("invalid format %q: want tree, csv or json", *format)
	}
	client, closeService, err := connect(stderr)
	if err != nil {
		return err
	}
	defer closeService()
	err = printInventory(ctx, client, bigv.VirtualMachineListOptions{
		Account: bigv.AccountPath(*account), View: bigv.Overview, IncludeDeleted: *deleted,
	}, out)
	if isBrokenPipe(err) {
		return nil
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
		client, err = bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-inventory"))
		return client, func() {}, err
	}
	fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
	srv, err := bigvtest.Start()
	if err != nil {
		return nil, nil, err
	}
	web := srv.Account("acme").Group("web")
	web.VirtualMachine("www1").SetCores(2).SetMemory(4096).Disc("data", 51200)
	web.VirtualMachine("www2").SetPower(false)
	srv.Account("acme").Group("db").VirtualMachine("db-primary").SetMemory(16384).Disc("archive", 512000)
	srv.Account("acme").Group("default").VirtualMachine("old").SetDeleted(true)
	client, err = bigv.NewClient(srv.ClientOptions()...)
	return client, srv.Close, err
}

// row describes a virtual machine in CSV and JSON. The JSON names are also those of the CSV columns.
type row struct {
	Machine      string   `json:"machine"` // the path, such as www1.web.acme
	ID           int      `json:"id"`
	State        string   `json:"state"`
	Cores        int      `json:"cores"`
	Memory       int      `json:"memory_mib"`
	Discs        int      `json:"discs"`
	Storage      int      `json:"storage_mib"`
	Zone         string   `json:"zone"`
	Distribution string   `json:"distribution"`
	Addresses    []string `json:"addresses"`
}

var columns = []string{"machine", "id", "state", "cores", "memory_mib", "discs", "storage_mib", "zone", "distribution", "addresses"}

func newRow(vm bigv.VirtualMachine) row {
	r := row{
		Machine: clean(vm.Hostname), ID: vm.ID, State: state(vm), Cores: vm.Cores, Memory: vm.Memory, Discs: len(vm.Discs),
		Zone: clean(vm.ZoneName), Distribution: clean(vm.LastImagedWith), Addresses: []string{},
	}
	if path, err := bigv.ParseVirtualMachinePath(vm.Hostname); err == nil {
		r.Machine = path.String()
	}
	for _, disc := range vm.Discs {
		r.Storage += disc.Size
	}
	for _, nic := range vm.NetworkInterfaces {
		for _, ip := range nic.IPs {
			r.Addresses = append(r.Addresses, ip.String())
		}
		for _, ip := range extraIPs(nic) {
			r.Addresses = append(r.Addresses, ip.String())
		}
	}
	return r
}

// rows returns an iterator over the rows of the virtual machines, which are decoded as they arrive.
func rows(ctx context.Context, client *bigv.Client, options bigv.VirtualMachineListOptions) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for vm, err := range client.VirtualMachines.All(ctx, options) {
			if !yield(newRow(vm), err) {
				return
			}
		}
	}
}

func printJSON(ctx context.Context, client *bigv.Client, options bigv.VirtualMachineListOptions, out io.Writer) error {
	encoder := json.NewEncoder(out)
	for r, err := range rows(ctx, client, options) {
		if err != nil {
			return err
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func printCSV(ctx context.Context, client *bigv.Client, options bigv.VirtualMachineListOptions, out io.Writer) error {
	writer := csv.NewWriter(out)
	write := func(fields ...string) error {
		if err := writer.Write(fields); err != nil {
			return err
		}
		writer.Flush() // each row at once, for a reader that follows the output
		return writer.Error()
	}
	if err := write(columns...); err != nil {
		return err
	}
	for r, err := range rows(ctx, client, options) {
		if err != nil {
			return err
		}
		err := write(r.Machine, strconv.Itoa(r.ID), r.State, strconv.Itoa(r.Cores), strconv.Itoa(r.Memory),
			strconv.Itoa(r.Discs), strconv.Itoa(r.Storage), r.Zone, r.Distribution, strings.Join(r.Addresses, " "))
		if err != nil {
			return err
		}
	}
	return nil
}

// node is a line of the tree.
type node struct {
	name, details string
	children      []node
}

// printTree prints the tree. It needs one request, because the overview of an account contains everything in it.
func printTree(ctx context.Context, client *bigv.Client, options bigv.VirtualMachineListOptions, out io.Writer) error {
	var accounts []bigv.Account
	var err error
	if options.Account == "" {
		accounts, err = client.Accounts.List(ctx, bigv.AccountListOptions{View: options.View, IncludeDeleted: options.IncludeDeleted})
	} else {
		callOptions := []bigv.CallOption{bigv.WithView(options.View)}
		if options.IncludeDeleted {
			callOptions = append(callOptions, bigv.WithDeleted())
		}
		var account bigv.Account
		account, err = client.Accounts.Get(ctx, options.Account, callOptions...)
		accounts = append(accounts, account)
	}
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, account := range accounts {
		printNode(table, accountNode(account), "", "")
	}
	if len(accounts) == 0 {
		fmt.Fprintln(table, "No accounts are visible with these credentials.")
	}
	return table.Flush()
}

func accountNode(account bigv.Account) node {
	n := node{name: account.Name, details: plural(len(account.Groups), "group")}
	if account.Suspended {
		n.details += ", suspended"
	}
	for _, group := range account.Groups {
		g := node{name: group.Name, details: plural(len(group.VirtualMachines), "machine")}
		for _, vm := range group.VirtualMachines {
			g.children = append(g.children, machineNode(vm))
		}
		n.children = append(n.children, g)
	}
	return n
}

func machineNode(vm bigv.VirtualMachine) node {
	details := fmt.Sprintf("%-7s %7s %8s   %s", state(vm), plural(vm.Cores, "core"), size(vm.Memory), vm.LastImagedWith)
	n := node{name: vm.Name, details: details}
	for _, disc := range vm.Discs {
		n.children = append(n.children, node{name: disc.Label, details: fmt.Sprintf("%-7s %16s", disc.StorageGrade, size(disc.Size))})
	}
	for _, nic := range vm.NetworkInterfaces {
		for _, ip := range nic.IPs {
			n.children = append(n.children, node{name: ip.String(), details: nic.MAC})
		}
		for _, ip := range extraIPs(nic) {
			n.children = append(n.children, node{name: ip.String(), details: "routed to " + nic.ExtraIPs[ip].String()})
		}
	}
	return n
}

// printNode prints a node and its children. The first line starts with branch, those of the children with indent.
func printNode(out io.Writer, n node, branch, indent string) {
	printf(out, "%s%s\t%s\n", branch, n.name, strings.TrimRight(n.details, " "))
	for i, child := range n.children {
		if i < len(n.children)-1 {
			printNode(out, child, indent+"├─ ", indent+"│  ")
		} else {
			printNode(out, child, indent+"└─ ", indent+"   ")
		}
	}
}

// extraIPs returns the additional addresses that are routed to a network interface, in order.
func extraIPs(nic bigv.NIC) []netip.Addr {
	return slices.SortedFunc(maps.Keys(nic.ExtraIPs), netip.Addr.Compare)
}

func state(vm bigv.VirtualMachine) string {
	switch {
	case vm.Deleted:
		return "deleted"
	case vm.PowerOn:
		return "on"
	}
	return "off"
}

// size formats a size in MiB, in GiB if it is a whole number of them.
func size(mib int) string {
	if mib%1024 == 0 {
		return fmt.Sprintf("%d GiB", mib/1024)
	}
	return fmt.Sprintf("%d MiB", mib)
}

// plural returns n and a noun, which gets an s unless n is 1.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
