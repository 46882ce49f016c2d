// Probe checks whether the service behaves as the package expects, and prints the result as a table that can be pasted
// into an issue.
//
//	go run ./examples/probe
//	go run ./examples/probe -json
//	go run ./examples/probe -run compress -verbose
//
// The program uses Bytemark's service if BIGV_API_KEY, BIGV_TOKEN, or BIGV_USERNAME and BIGV_PASSWORD are set, and
// otherwise an in-memory server. On Bytemark's service it only reads unless -write is given.
//
// With -write it creates a group with a machine, which is billed until it is purged a few minutes later, and an API key
// without privileges. It asks before that. Whatever ends the program, it removes them again. A second Ctrl-C ends it at
// once.
//
// The table contains no names, addresses, IDs or secrets. With -verbose, the paths of requests and the texts of errors
// are printed too, which contain names, addresses and IDs. The exit status is 0 if nothing differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"regexp"
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
	if err := run(ctx, cleanUpCtx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		printError(os.Stderr, "probe", err)
		os.Exit(1)
	}
}

// options holds the flags.
type options struct {
	write, yes, json, verbose bool
	idle                      time.Duration
	pattern                   *regexp.Regexp
}

func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("probe", flag.ContinueOnError)
	flags.BoolVar(&o.write, "write", false, "with the real service, create a machine, which is billed, and purge it")
	flags.BoolVar(&o.yes, "yes", false, "with -write, do not ask")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.BoolVar(&o.verbose, "verbose", false, "print paths and errors too, which contain names, addresses and IDs")
	flags.DurationVar(&o.idle, "idle", 16*time.Second, "how long to leave a connection idle; the in-memory server gets 100ms")
	pattern := flags.String("run", "", "test only expectations that match this regular `expression`")
	flags.SetOutput(io.Discard) // Parse would print its error, and so does main.
	err = flags.Parse(args)
	flags.SetOutput(stderr)
	if err != nil {
		flags.Usage()
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.pattern, err = regexp.Compile("(?i)" + *pattern)
	return o, err
}

// run tests the expectations until ctx ends. What it created is then removed until cleanUpCtx ends.
func run(ctx, cleanUpCtx context.Context, args []string, in io.Reader, out, stderr io.Writer) (err error) {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out = &stopWriter{out, stop}

	selected := slices.DeleteFunc(expectations(), func(e expectation) bool { return !o.pattern.MatchString(e.name) })
	if len(selected) == 0 {
		return fmt.Errorf("no expectation matches %s: use -run with a part of the name of one", o.pattern)
	}
	p, service, closeService, err := connect(o, stderr)
	if err != nil {
		return err
	}
	defer closeService()
	p.notify = func(format string, args ...any) { printf(stderr, format+"\n", args...) }
	// Without this, wrong credentials would be a difference of everything.
	accounts, err := p.client.Accounts.List(ctx, bigv.AccountListOptions{})
	if err != nil {
		return err
	}
	needsWrite := slices.ContainsFunc(selected, func(e expectation) bool { return e.write })
	if p.write && needsWrite && len(accounts) == 0 {
		return errors.New("no account is visible, so nothing can be created: use the program without -write")
	}
	if p.write && needsWrite && configured() {
		if err := confirm(ctx, o.yes, in, stderr, accounts[0].Name); err != nil {
			return fmt.Errorf("nothing was created: %w", err)
		}
	}
	defer func() { err = errors.Join(err, p.cleanUp(cleanUpCtx)) }()
	return printFindings(ctx, p, selected, o, service, out)
}

// printFindings tests the selected expectations and prints the findings. It returns an error if any differs.
func printFindings(ctx context.Context, p *probe, selected []expectation, o options, service string, out io.Writer) error {
	r := newReport(service)
	if !o.json {
		printHeader(out)
	}
	err := p.run(ctx, selected, o.verbose, func(f finding) {
		r.add(f)
		if !o.json {
			printRow(out, f)
		}
	})
	if err != nil {
		return err
	}
	if o.json {
		if err := r.printJSON(out); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out, "\n%s\n", r.summary())
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.Differs > 0 {
		return fmt.Errorf("%d of %d expectations differ", r.Differs, len(selected))
	}
	return nil
}

// configured reports whether any variable that NewClientFromEnv reads is set. An incomplete configuration must lead to
// an error and not to the in-memory server.
func configured() bool {
	return slices.ContainsFunc([]string{
		"BIGV_TOKEN", "BIGV_API_KEY", "BIGV_USERNAME", "BIGV_PASSWORD", "BIGV_YUBIKEY", "BIGV_2FA",
		"BIGV_ENDPOINT", "BIGV_AUTH_ENDPOINT", "BIGV_ACCOUNT",
	}, func(name string) bool { return os.Getenv(name) != "" })
}

// connect returns a probe of the configured service, or of a new in-memory server, and what the service is. The caller
// must call closeService.
func connect(o options, stderr io.Writer) (p *probe, service string, closeService func(), err error) {
	if configured() {
		client, err := bigv.NewClientFromEnv(bigv.WithUserAgent("bigv-probe"))
		if err == nil {
			p, err = newProbe(client, bigv.NewTransport())
		}
		if err != nil {
			return nil, "", nil, err
		}
		p.write, p.idle = o.write, o.idle
		return p, "the configured service", func() {}, nil
	}
	fmt.Fprintln(stderr, "No variable of NewClientFromEnv, such as BIGV_TOKEN, is set: using an in-memory server.")
	srv, err := bigvtest.Start(bigvtest.WithSpeed(60), bigvtest.WithTLS())
	if err != nil {
		return nil, "", nil, err
	}
	if p, err = newLocalProbe(srv); err != nil {
		srv.Close()
		return nil, "", nil, err
	}
	p.idle = min(o.idle, 100*time.Millisecond)
	return p, "in-memory server", srv.Close, nil
}

// newLocalProbe returns a probe of an in-memory server to which it has added something of everything.
func newLocalProbe(srv *bigvtest.Server) (*probe, error) {
	client, err := bigv.NewClient(srv.ClientOptions()...)
	if err != nil {
		return nil, err
	}
	if err := seed(context.Background(), srv, client); err != nil {
		return nil, err
	}
	p, err := newProbe(client, srv.HTTPClient().Transport.(*http.Transport))
	if err != nil {
		return nil, err
	}
	p.write = true
	p.wait = bigv.WaitOptions{MinInterval: 50 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
	return p, nil
}

// seed adds something of everything that can be read.
func seed(ctx context.Context, srv *bigvtest.Server, client *bigv.Client) error {
	web := srv.Account("acme").Group("web")
	www1 := web.VirtualMachine("www1")
	data := www1.Disc("data", 51200)
	data.AddBackup(srv.Now())
	web.VirtualMachine("www2")
	web.VirtualMachine("old").SetDeleted(true)
	_, err := client.BackupSchedules.Create(ctx, data.Path(), bigv.BackupSchedule{
		StartAt: bigv.NewTimestamp(srv.Now()), Interval: 7 * 24 * time.Hour, Capacity: 1,
	})
	if err != nil {
		return err
	}
	_, err = client.APIKeys.Create(ctx, "alice", bigv.APIKeyCreate{Label: "ci", ExpiresAt: srv.Now().AddDate(1, 0, 0)})
	return err
}

// confirm says what will be created, and asks the user to continue unless yes is set.
func confirm(ctx context.Context, yes bool, in io.Reader, out io.Writer, account string) error {
	printf(out, "In account %s this program creates a group, a machine (1 core, 1 GiB, 25 GiB sata, no image, off), three more discs of\n"+
		"25 GiB, a backup schedule, a privilege on the machine, and an API key without privileges. All are removed again after a\n"+
		"few minutes. The machine and its discs are billed until then. What the service should refuse, but accepts, is removed too,\n"+
		"such as a second machine. The program also tries to log in with a random name.\n", account)
	if yes {
		return nil
	}
	fmt.Fprint(out, "Type yes to continue: ")
	var line string
	var readErr error
	done := make(chan struct{})
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
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	if line == "" && readErr != nil {
		fmt.Fprintln(out)
		return fmt.Errorf("no confirmation: %w (use -yes to skip it)", readErr)
	}
	return fmt.Errorf("got %q, want %q", line, "yes")
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

// stopWriter is a writer that stops the program when nothing reads its output any more.
type stopWriter struct {
	io.Writer
	stop context.CancelCauseFunc
}

// Write writes to the writer below.
func (w *stopWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.stop(fmt.Errorf("printing: %w", err))
	}
	return n, err
}
