// Fakeserver serves an in-memory implementation of Bytemark's Cloud Servers API on a local port, for clients in
// any language. The API is at / and the authentication service at /session.
//
//	go run ./examples/fakeserver -listen 127.0.0.1:8471
//
// When the server is ready, it prints one line of JSON with the keys api, auth, token and api_key to standard
// output. It logs each request to standard error. SIGINT and SIGTERM stop it.
//
// The server has the account acme with the groups default and web, a few virtual machines, and two users: alice
// (password alice-password), who administers acme, and bob (password bob-password), who has no privileges. All
// state is lost when the program ends.
//
// The description of the API is at /openapi.yaml, and as a page at /openapi.html.
//
// The clock of the server runs 30 times as fast as real time; see -speed. A new machine is provisioned after
// three seconds, and a session expires after ten seconds without a request. The printed token never expires.
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
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bigv-go/bigv/api"
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

// maxSpeed is low enough for the server to run for a day: its clock cannot advance more than 292 years.
const maxSpeed = 100_000

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	speed := flags.Float64("speed", 30, "speed of the clock, as a multiple of real time")
	machines := flags.Int("machines", 0, "`number` of virtual machines to add, each with two discs and a network interface")
	postStatus := flags.Int("post-status", 201, "`status` of the response to a POST that created an account, user, disc, privilege,\n"+
		"backup, schedule or API key; some old clients require 200")
	useTLS := flags.Bool("tls", false, "serve HTTPS with a new self-signed certificate")
	certificate := flags.String("tls-cert", "", "`file` to write the certificate to")
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
	case !(*speed > 0 && *speed <= maxSpeed): // also rejects NaN
		return fmt.Errorf("-speed must be above 0 and at most %v, got %v", maxSpeed, *speed)
	case *machines < 0:
		return fmt.Errorf("-machines must not be negative, got %d", *machines)
	case *postStatus < 200 || *postStatus > 299:
		return fmt.Errorf("-post-status must be from 200 to 299, got %d", *postStatus)
	case *certificate != "" && !*useTLS:
		return errors.New("-tls-cert requires -tls")
	}

	opts := []bigvtest.Option{
		bigvtest.WithListenAddress(*listen), bigvtest.WithSpeed(*speed), bigvtest.WithClock(time.Now()),
		bigvtest.WithPostStatus(*postStatus), bigvtest.WithJournalLimit(0), bigvtest.WithLogger(logger(stderr)),
	}
	if *useTLS {
		opts = append(opts, bigvtest.WithTLS())
	}
	srv, err := bigvtest.Start(opts...)
	if err != nil {
		return err
	}
	defer srv.Close()
	seed(srv, *machines)
	serve(srv, "/openapi.yaml", "application/yaml", api.Description)
	serve(srv, "/openapi.html", "text/html; charset=utf-8", api.Page)
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
		return fmt.Errorf("printing the addresses: %w", err)
	}
	<-ctx.Done()
	return nil
}

// seed creates the initial virtual machines.
func seed(srv *bigvtest.Server, more int) {
	acme := srv.Account("acme")
	web := acme.Group("web")
	web.VirtualMachine("www1").SetCores(2).SetMemory(4096).Disc("data", 51200)
	web.VirtualMachine("www2").SetCores(2).SetMemory(4096)
	acme.Group("default").VirtualMachine("build").SetPower(false)
	web.AddVirtualMachines("vm", more)
}

// serve makes the server respond with a file to each GET of a path, without a token.
func serve(srv *bigvtest.Server, path, contentType, content string) {
	srv.Inject(bigvtest.Fault{Method: http.MethodGet, Path: path, Times: -1, ContentType: contentType, Body: content})
}

// logger returns a logger that writes short lines: it omits levels and empty values, and shortens times.
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
