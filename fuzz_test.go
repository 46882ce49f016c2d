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
	"unicode"

	"github.com/bigv-go/bigv"
)

// fuzzed is a server that answers with what it is told to, and a client of it.
type fuzzed struct {
	status atomic.Int64
	body   atomic.Pointer[[]byte]
	client *bigv.Client
}

func newFuzzed(f *testing.F) *fuzzed {
	e := &fuzzed{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(e.status.Load()))
		_, _ = w.Write(*e.body.Load())
	}))
	f.Cleanup(srv.Close)
	client, err := bigv.NewClient(bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken"), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(client.CloseIdleConnections)
	e.client = client
	return e
}

func (e *fuzzed) answer(status int, body []byte) {
	e.status.Store(int64(status))
	e.body.Store(&body)
}

// FuzzParsePath: what parses prints and parses again as the same.
func FuzzParsePath(f *testing.F) {
	for _, text := range []string{
		"acme", "web.acme", "www1.web.acme", "root.www1.web.acme", "nightly.root.www1.web.acme", "#5012", "www1..acme", ".acme", "www1.web.acme.uk0.bigv.io",
		"a%2Eb.web.acme", "%23.web.acme", "www1.#78.acme", "..", "%", "#", "%00.web.acme", "6100.www1.web.acme", "www1.#78",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		printsBack(t, text, bigv.ParseAccountPath, bigv.AccountPath.String)
		printsBack(t, text, bigv.ParseGroupPath, bigv.GroupPath.String)
		printsBack(t, text, bigv.ParseVirtualMachinePath, bigv.VirtualMachinePath.String)
		printsBack(t, text, bigv.ParseDiscPath, bigv.DiscPath.String)
		printsBack(t, text, bigv.ParseNICPath, bigv.NICPath.String)
		printsBack(t, text, bigv.ParseBackupPath, bigv.BackupPath.String)
	})
}

func printsBack[P comparable](t *testing.T, text string, parse func(string) (P, error), print func(P) string) {
	path, err := parse(text)
	if err != nil {
		return
	}
	printed := print(path)
	if same, err := parse(printed); err != nil || same != path {
		t.Fatalf("%q parses as %#v, which prints as %q, which parses as %#v (%v)", text, path, printed, same, err)
	}
}

// FuzzErrorBody: whatever a service says of a bad request, the error is one, of
// bounded length, and shows on one line.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"name":["is invalid"]}`, `{"interval_seconds":"Missing"}`, `{"discs":[{},{"size":["bad"]}]}`, "Group is not empty", "", "null", "<html>",
		`{"a":{"b":[[{"c":1}]]}}`, `"text"`, "\x1b[2J", `{"name":["t0ken"]}`, `{"a":"\u0074\u0030ken"`,
	} {
		f.Add([]byte(body))
	}
	e := newFuzzed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		e.answer(400, body)
		err := e.client.Groups.Delete(context.Background(), web)
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

// FuzzAnswer: an answer is read, or is an error; List and All read the same.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`[]`, `[{"id":1}]`, `[{"id":"1"},{"id":2}]`, `[{"id":1},7]`, `[{"id":1,"id":2}]`, "null", "", "<html>", `[{"name":"\ud800"}]`, `{"id":1}`,
		`[{"id":5012,"ips":["192.0.2.1"],"extra_ips":{"192.0.2.2":"192.0.2.1"},"discs":[{"size":50}]}]`, `[{"id":1}`, `[{"id":1}] x`,
	} {
		f.Add([]byte(body))
	}
	e := newFuzzed(f)
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, body []byte) {
		e.answer(200, body)
		c := e.client
		agree(t, body, func() ([]bigv.Account, error) { return c.Accounts.List(ctx, bigv.AccountListOptions{}) }, c.Accounts.All(ctx, bigv.AccountListOptions{}))
		agree(t, body, func() ([]bigv.Group, error) { return c.Groups.List(ctx, bigv.GroupListOptions{}) }, c.Groups.All(ctx, bigv.GroupListOptions{}))
		agree(t, body, func() ([]bigv.VirtualMachine, error) {
			return c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{})
		}, c.VirtualMachines.All(ctx, bigv.VirtualMachineListOptions{}))
		agree(t, body, func() ([]bigv.Disc, error) { return c.Discs.List(ctx, bigv.DiscListOptions{}) }, c.Discs.All(ctx, bigv.DiscListOptions{}))
		agree(t, body, func() ([]bigv.Privilege, error) { return c.Privileges.List(ctx, bigv.PrivilegeListOptions{}) }, c.Privileges.All(ctx, bigv.PrivilegeListOptions{}))
		agree(t, body, func() ([]bigv.NIC, error) { return c.NICs.List(ctx, bigv.NICListOptions{}) }, c.NICs.All(ctx, bigv.NICListOptions{}))
		for _, err := range []error{
			just(c.Accounts.Get(ctx, acme)), just(c.Groups.Get(ctx, web)), just(c.VirtualMachines.Get(ctx, www1)), just(c.Discs.Get(ctx, root)),
			just(c.Users.Get(ctx, "alice")), just(c.Privileges.Get(ctx, 31)), just(c.Definitions.Get(ctx)),
			just(c.NICs.Get(ctx, www1.NIC(6100))), just(c.IPs.Get(ctx, ip20)), just(c.IPs.SetRDNS(ctx, ip20, "www1.example.com")),
			just(c.NICs.CreateIPs(ctx, www1.NIC(6100), bigv.IPCreate{Addresses: 1, Reason: "tls"})),
			just(c.Backups.List(ctx, root)), just(c.Backups.Create(ctx, root)), just(c.Backups.Get(ctx, root.Backup("nightly"))),
			just(c.BackupSchedules.List(ctx, root)), just(c.BackupSchedules.Create(ctx, root, bigv.BackupSchedule{IntervalSeconds: 1})),
			just(c.APIKeys.List(ctx, bigv.APIKeyListOptions{})), just(c.APIKeys.Create(ctx, "bob", bigv.APIKeyCreate{Label: "ci"})),
			just(c.VMDefaults.Create(ctx, bigv.VMDefaultCreate{Account: acme, Name: "small"})),
			just(c.Sessions.Get(ctx, bigv.NewSecret("t0ken"))),
			just(c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 1024}}})),
			just(c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "web"})), just(c.Accounts.Create(ctx, bigv.AccountCreate{Name: "acme"})),
			just(c.Discs.Create(ctx, www1, bigv.DiscCreate{Size: 1024})),
		} {
			if err != nil && !errors.Is(err, bigv.ErrInvalidResponse) && !errors.Is(err, bigv.ErrNotFound) { // not found is a name that a list is searched for
				t.Fatalf("%q: %v", body, err)
			}
		}
	})
}

// agree fails unless a list read whole is the list read one at a time.
func agree[T any](t *testing.T, body []byte, list func() ([]T, error), all iter.Seq2[T, error]) {
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
