// Fakeserver is Bytemark's Cloud Servers API in memory, on a port of this machine,
// for any program in any language that speaks it: the API at / and the auth
// service at /session.
//
//	go run ./examples/fakeserver -listen 127.0.0.1:8471
//
// Once it listens it prints one line of JSON on stdout, with the keys api, auth,
// token and api_key, and from then on a line for each request on stderr. SIGINT
// and SIGTERM stop it.
//
// It holds the account acme with the groups default and web, a few machines, and
// the users alice (password alice-password), who administers acme, and bob
// (password bob-password), who may do nothing. All of it is forgotten at the end.
//
// Its clock runs 30 times as fast as ours, unless -speed says otherwise: a new
// machine is up after three seconds. A session ends sooner too, after ten seconds
// without a request; the token that is printed never does.
package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bigv-go/bigv/bigvtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fakeserver:", err)
		stop()
		os.Exit(1)
	}
}

// maxSpeed keeps the clock, which cannot go on for more than 292 years, right for
// a day.
const maxSpeed = 100_000

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	speed := flags.Float64("speed", 30, "how many times as fast as ours the clock runs")
	machines := flags.Int("machines", 0, "how many more machines to make, with two discs and a NIC each")
	posted := flags.Int("post-status", 201, "`status` of a POST that made an account, user, disc, privilege, backup, schedule or API key; some old clients insist on 200")
	secure := flags.Bool("tls", false, "serve HTTPS with a certificate made for the occasion")
	certificate := flags.String("tls-cert", "", "`file` to write that certificate to")
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
	case !(*speed > 0 && *speed <= maxSpeed): // NaN is neither
		return fmt.Errorf("-speed %v: it must be above 0, and at most %v", *speed, maxSpeed)
	case *machines < 0:
		return errors.New("-machines cannot be negative")
	case *posted < 200 || *posted > 299:
		return errors.New("-post-status must be from 200 to 299")
	case *certificate != "" && !*secure:
		return errors.New("-tls-cert needs -tls")
	}

	opts := []bigvtest.Option{
		bigvtest.WithListenAddress(*listen), bigvtest.WithSpeed(*speed), bigvtest.WithClock(time.Now()),
		bigvtest.WithPostStatus(*posted), bigvtest.WithJournalLimit(0), bigvtest.WithLogger(logger(stderr)),
	}
	if *secure {
		opts = append(opts, bigvtest.WithTLS())
	}
	srv, err := bigvtest.Start(opts...)
	if err != nil {
		return err
	}
	defer srv.Close()
	seed(srv, *machines)
	if *certificate != "" {
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
		if err := os.WriteFile(*certificate, block, 0o644); err != nil {
			return fmt.Errorf("writing the certificate: %w", err)
		}
	}

	ready := struct {
		API    string `json:"api"`
		Auth   string `json:"auth"`
		Token  string `json:"token"`
		APIKey string `json:"api_key"`
	}{srv.URL(), srv.AuthURL(), srv.Token(), srv.APIKey()}
	if err := json.NewEncoder(stdout).Encode(ready); err != nil {
		return fmt.Errorf("saying where it listens: %w", err)
	}
	<-ctx.Done()
	return nil
}

// seed makes the machines that are there from the start.
func seed(srv *bigvtest.Server, more int) {
	acme := srv.Account("acme")
	web := acme.Group("web")
	web.VirtualMachine("www1").SetCores(2).SetMemory(4096).Disc("data", 51200)
	web.VirtualMachine("www2").SetCores(2).SetMemory(4096)
	acme.Group("default").VirtualMachine("build").SetPower(false)
	web.AddVirtualMachines("vm", more)
}

// logger writes a line for each request, for eyes: without what says nothing.
func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		switch {
		case attr.Key == slog.LevelKey, attr.Value.Kind() == slog.KindString && attr.Value.String() == "":
			return slog.Attr{}
		case attr.Key == slog.TimeKey:
			return slog.String(attr.Key, attr.Value.Time().Format(time.TimeOnly))
		case attr.Key == "duration":
			return slog.Duration(attr.Key, attr.Value.Duration().Round(10*time.Microsecond))
		}
		return attr
	}}))
}
