package bigv_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/bigv-go/bigv"
)

// fuzzServer responds with the input of a fuzz test.
type fuzzServer struct {
	status atomic.Int64
	body   atomic.Pointer[[]byte]
	client *bigv.Client
}

func newFuzzServer(f *testing.F) *fuzzServer {
	f.Helper()
	s := &fuzzServer{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(s.status.Load()))
		_, _ = w.Write(*s.body.Load())
	}))
	f.Cleanup(srv.Close)
	client, err := bigv.NewClient(bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken"), once)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(client.CloseIdleConnections)
	s.client = client
	return s
}

// respond sets the response to all requests.
func (s *fuzzServer) respond(status int, body []byte) {
	s.status.Store(int64(status))
	s.body.Store(&body)
}

// FuzzParsePath tests that the text of every path that was parsed can be parsed again and is the same path.
func FuzzParsePath(f *testing.F) {
	for _, text := range []string{
		"acme", "web.acme", "www1.web.acme", "root.www1.web.acme", "nightly.root.www1.web.acme", "#5012", "www1..acme", ".acme",
		"www1.web.acme.uk0.bigv.io",
		"a%2Eb.web.acme", "%23.web.acme", "www1.#78.acme", "..", "%", "#", "%00.web.acme", "6100.www1.web.acme", "www1.#78",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roundTrips(t, text, bigv.ParseAccountPath, bigv.AccountPath.String)
		roundTrips(t, text, bigv.ParseGroupPath, bigv.GroupPath.String)
		roundTrips(t, text, bigv.ParseVirtualMachinePath, bigv.VirtualMachinePath.String)
		roundTrips(t, text, bigv.ParseDiscPath, bigv.DiscPath.String)
		roundTrips(t, text, bigv.ParseNICPath, bigv.NICPath.String)
		roundTrips(t, text, bigv.ParseBackupPath, bigv.BackupPath.String)
	})
}

// roundTrips fails unless a path that was parsed survives printing and parsing.
func roundTrips[P comparable](t *testing.T, text string, parse func(string) (P, error), print func(P) string) {
	t.Helper()
	path, err := parse(text)
	if err != nil {
		return
	}
	printed := print(path)
	if same, err := parse(printed); err != nil || same != path {
		t.Fatalf("%q parses as %#v, which prints as %q, which parses as %#v (%v)", text, path, printed, same, err)
	}
}

// FuzzErrorBody tests that whatever the body of a 400 holds, it becomes a BadRequestError of bounded length that prints on one line.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"name":["is invalid"]}`, `{"interval_seconds":"Missing"}`, `{"discs":[{},{"size":["bad"]}]}`, "Group is not empty", "", "null",
		"<html>",
		`{"a":{"b":[[{"c":1}]]}}`, `"text"`, "\x1b[2J", `{"name":["t0ken"]}`, `{"a":"\u0074\u0030ken"`,
	} {
		f.Add([]byte(body))
	}
	srv := newFuzzServer(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		srv.respond(400, body)
		err := srv.client.Groups.Delete(context.Background(), web)
		bad, ok := errors.AsType[*bigv.BadRequestError](err)
		if !ok {
			t.Fatalf("%q: %v", body, err)
		}
		text := err.Error()
		if len(text) > 8<<10 || len(bad.Body) > 4<<10 {
			t.Fatalf("%q: a message of %d bytes, a body of %d", body, len(text), len(bad.Body))
		}
		for _, r := range text {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q: the message %q would not show on one line", body, text)
			}
		}
		for field, messages := range bad.Fields() {
			if !reflect.DeepEqual(bad.Field(field), messages) {
				t.Fatalf("%q: the field %q is %q and %q", body, field, messages, bad.Field(field))
			}
		}
	})
}

// FuzzResponse tests that every response is either decoded or an error that says that it is invalid, and that List and All agree.
func FuzzResponse(f *testing.F) {
	for _, body := range []string{
		`[]`, `[{"id":1}]`, `[{"id":"1"},{"id":2}]`, `[{"id":1},7]`, `[{"id":1,"id":2}]`, "null", "", "<html>", `[{"name":"\ud800"}]`,
		`{"id":1}`,
		`[{"id":5012,"ips":["192.0.2.1"],"extra_ips":{"192.0.2.2":"192.0.2.1"},"discs":[{"size":50}]}]`, `[{"id":1}`, `[{"id":1}] x`,
	} {
		f.Add([]byte(body))
	}
	srv := newFuzzServer(f)
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, body []byte) {
		srv.respond(200, body)
		c := srv.client
		listAndAllAgree(t, body, func() ([]bigv.Account, error) { return c.Accounts.List(ctx, bigv.AccountListOptions{}) },
			c.Accounts.All(ctx, bigv.AccountListOptions{}))
		listAndAllAgree(t, body, func() ([]bigv.Group, error) { return c.Groups.List(ctx, bigv.GroupListOptions{}) },
			c.Groups.All(ctx, bigv.GroupListOptions{}))
		listAndAllAgree(t, body, func() ([]bigv.VirtualMachine, error) {
			return c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{})
		}, c.VirtualMachines.All(ctx, bigv.VirtualMachineListOptions{}))
		listAndAllAgree(t, body, func() ([]bigv.Disc, error) { return c.Discs.List(ctx, bigv.DiscListOptions{}) },
			c.Discs.All(ctx, bigv.DiscListOptions{}))
		listAndAllAgree(t, body, func() ([]bigv.Privilege, error) { return c.Privileges.List(ctx, bigv.PrivilegeListOptions{}) },
			c.Privileges.All(ctx, bigv.PrivilegeListOptions{}))
		listAndAllAgree(t, body, func() ([]bigv.NIC, error) { return c.NICs.List(ctx, bigv.NICListOptions{}) },
			c.NICs.All(ctx, bigv.NICListOptions{}))
		for _, err := range []error{
			errorOf(c.Accounts.Get(ctx, acme)), errorOf(c.Groups.Get(ctx, web)), errorOf(c.VirtualMachines.Get(ctx, www1)),
			errorOf(c.Discs.Get(ctx, root)),
			errorOf(c.Users.Get(ctx, "alice")), errorOf(c.Privileges.Get(ctx, 31)), errorOf(c.Definitions.Get(ctx)),
			errorOf(c.NICs.Get(ctx, www1.NIC(6100))), errorOf(c.IPs.Get(ctx, ip20)), errorOf(c.IPs.SetRDNS(ctx, ip20, "www1.example.com")),
			errorOf(c.NICs.CreateIPs(ctx, www1.NIC(6100), bigv.IPCreate{Addresses: 1, Reason: "tls"})),
			errorOf(c.Backups.List(ctx, root)), errorOf(c.Backups.Create(ctx, root)), errorOf(c.Backups.Get(ctx, root.Backup("nightly"))),
			errorOf(c.BackupSchedules.List(ctx, root)),
			errorOf(c.BackupSchedules.Create(ctx, root, bigv.BackupSchedule{Interval: time.Second})),
			errorOf(c.APIKeys.List(ctx, bigv.APIKeyListOptions{})), errorOf(c.APIKeys.Create(ctx, "bob", bigv.APIKeyCreate{Label: "ci"})),
			errorOf(c.VMDefaults.Create(ctx, bigv.VMDefaultCreate{Account: acme, Name: "small"})),
			errorOf(c.Sessions.Get(ctx, bigv.NewSecret("t0ken"))),
			errorOf(c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 1024}}})),
			errorOf(c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "web"})),
			errorOf(c.Accounts.Create(ctx, bigv.AccountCreate{Name: "acme"})),
			errorOf(c.Discs.Create(ctx, www1, bigv.DiscCreate{Size: 1024})),
		} {
			if err != nil && !errors.Is(err, bigv.ErrInvalidResponse) && !errors.Is(err, bigv.ErrNotFound) { // a lookup in a list
				t.Fatalf("%q: %v", body, err)
			}
		}
	})
}

// listAndAllAgree fails unless List and All return the same elements, or both an error.
func listAndAllAgree[T any](t *testing.T, body []byte, list func() ([]T, error), all iter.Seq2[T, error]) {
	whole, err := list()
	one := []T{}
	var allErr error
	for element, err := range all {
		if allErr = err; err == nil {
			one = append(one, element)
		}
	}
	if (err == nil) != (allErr == nil) {
		t.Fatalf("%q: List says %v, All says %v", body, err, allErr)
	}
	if err == nil && !reflect.DeepEqual(whole, one) {
		t.Fatalf("%q: List reads %#v, All reads %#v", body, whole, one)
	}
}
