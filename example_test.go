package bigv_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// service starts a service in memory for an example, with the virtual machine www1 in the group web of the account acme. A program
// calls NewClient with WithAPIKey, or NewClientFromEnv, instead.
func service(opts ...bigv.Option) (*bigvtest.Server, *bigv.Client) {
	srv, err := bigvtest.Start(bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime))
	if err != nil {
		log.Fatal(err)
	}
	srv.Account("acme").Group("web").VirtualMachine("www1")
	client, err := bigv.NewClient(append(srv.ClientOptions(), opts...)...)
	if err != nil {
		log.Fatal(err)
	}
	return srv, client
}

// requests prints the requests that the service received.
func requests(srv *bigvtest.Server) {
	for _, e := range srv.Journal() {
		line := e.Method + " " + e.Path
		if e.RawQuery != "" {
			line += "?" + e.RawQuery
		}
		fmt.Println(line)
	}
}

func Example() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	vm, err := client.VirtualMachines.Get(ctx, bigv.AccountPath("acme").Group("web").VirtualMachine("www1"))
	switch {
	case errors.Is(err, bigv.ErrNotFound):
		fmt.Println("it does not exist, or you lack permission to see it")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(vm.Hostname, vm.Memory, "MiB")
	// Output: www1.web.acme.uk0.bigv.io 1024 MiB
}

func ExampleNewClient() {
	client, err := bigv.NewClient(
		bigv.WithAPIKey("0123456789abcdef"),
		bigv.WithUserAgent("deploy/1.4"),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 6}),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v\n", client) // prints no credentials

	_, err = bigv.NewClient(bigv.WithAPIKey("0123456789abcdef"), bigv.WithToken("fedcba9876543210"))
	fmt.Println(err)
	// Output:
	// bigv.Client(https://uk0.bigv.io)
	// bigv: new client: an API key and a token are both set: use only one
}

func ExampleClient_With() {
	srv, client := service()
	defer srv.Close()

	bob, err := client.With(bigv.WithCredentials("bob", "bob-password"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = bob.VirtualMachines.Get(context.Background(), www1)
	fmt.Println(errors.Is(err, bigv.ErrNotFound))
	// Output: true
}

func ExampleClient_Do() {
	srv, client := service()
	defer srv.Close()

	var groups []struct {
		Name string `json:"name"`
	}
	err := client.Do(context.Background(), http.MethodGet, "/accounts/acme/groups", nil, &groups)
	fmt.Println(groups, err)
	// Output: [{default} {web}] <nil>
}

func ExampleWithURLStyle() {
	srv, nested := service()
	defer srv.Close()
	ctx := context.Background()
	flat, err := nested.With(bigv.WithURLStyle(bigv.FlatURLs))
	if err != nil {
		log.Fatal(err)
	}
	for _, client := range []*bigv.Client{nested, flat} {
		vm, err := client.VirtualMachines.Get(ctx, www1)
		fmt.Println(vm.Name, err)
	}
	requests(srv)
	// Output:
	// www1 <nil>
	// www1 <nil>
	// GET /accounts/acme/groups/web/virtual_machines/www1
	// GET /virtual_machines?account_name=acme&group_name=web
}

func ExampleWithSecondFactor() {
	srv, _ := service()
	defer srv.Close()
	srv.User("carol").SetPassword("carol-password").SetSecondFactor(bigv.TwoFactor, "123456")

	client, err := bigv.NewClient(
		bigv.WithBaseURL(srv.URL()), bigv.WithAuthURL(srv.AuthURL()),
		bigv.WithCredentials("carol", "carol-password"),
		bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) {
			return bigv.NewSecret("123456"), nil // ask the user, or an authenticator
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	user, err := client.Users.Get(context.Background(), "carol")
	fmt.Println(user.Username, err)
	// Output: carol <nil>
}

func ExampleWithTokenSource() {
	srv, _ := service()
	defer srv.Close()
	vault := bigv.TokenSourceFunc(func(ctx context.Context, rejected bigv.Secret) (bigv.Secret, error) {
		// rejected is the token that the service has just rejected with 401, and zero otherwise. In that case, fetch a new one.
		return bigv.NewSecret(srv.Token()), nil
	})
	client, err := bigv.NewClient(bigv.WithBaseURL(srv.URL()), bigv.WithTokenSource(vault))
	if err != nil {
		log.Fatal(err)
	}
	accounts, err := client.Accounts.List(context.Background(), bigv.AccountListOptions{})
	fmt.Println(len(accounts), err)
	// Output: 1 <nil>
}

func ExampleWithAttemptHook() {
	srv, client := service(bigv.WithAttemptHook(func(_ context.Context, a bigv.Attempt) {
		fmt.Println(a.Number, a.Operation, a.Route, a.StatusCode, a.Retry)
	}))
	defer srv.Close()
	srv.Inject(bigvtest.Unavailable()) // for the next request only

	_, err := client.VirtualMachines.Get(context.Background(), www1)
	fmt.Println(err)
	// Output:
	// 1 get virtual machine /accounts/{account}/groups/{group}/virtual_machines/{virtual machine} 503 true
	// 2 get virtual machine /accounts/{account}/groups/{group}/virtual_machines/{virtual machine} 200 false
	// <nil>
}

func ExampleWithLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelWarn, // retries; LevelDebug has each request
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key { // omit the attributes that differ from run to run
			case "level", "msg", "operation", "status":
				return a
			}
			return slog.Attr{}
		},
	}))
	srv, client := service(bigv.WithLogger(logger))
	defer srv.Close()
	srv.Inject(bigvtest.Unavailable())

	_, err := client.VirtualMachines.Get(context.Background(), www1)
	fmt.Println(err)
	// Output:
	// level=WARN msg="bigv: retrying request" operation="get virtual machine" status=503
	// <nil>
}

func ExampleWithTransport() {
	srv, client := service(bigv.WithTransport(announcer{http.DefaultTransport}))
	defer srv.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()

	_, err := client.Groups.Get(context.Background(), www1.Group())
	fmt.Println(err)
	// Output:
	// get group GET /accounts/{account}/groups/{group}
	// <nil>
}

// announcer is a transport that prints the calls that go through it.
type announcer struct{ next http.RoundTripper }

func (a announcer) RoundTrip(req *http.Request) (*http.Response, error) {
	if call, ok := bigv.CallFromContext(req.Context()); ok {
		fmt.Println(call.Operation, call.Method, call.Route)
	}
	return a.next.RoundTrip(req)
}

func ExampleWithAccount() {
	srv, client := service(bigv.WithAccount("acme"))
	defer srv.Close()

	vm, err := client.VirtualMachines.Get(context.Background(), bigv.DefaultAccount.Group("web").VirtualMachine("www1"))
	fmt.Println(vm.Hostname, err)
	// Output: www1.web.acme.uk0.bigv.io <nil>
}

func ExampleWithResponse() {
	srv, client := service()
	defer srv.Close()

	var response bigv.Response
	_, err := client.VirtualMachines.Get(context.Background(), www1, bigv.WithResponse(&response))
	fmt.Println(response.StatusCode, response.Header.Get("Content-Type"), response.Attempts, err)
	// Output: 200 application/json 1 <nil>
}

func ExampleWithView() {
	srv, client := service()
	defer srv.Close()

	vm, err := client.VirtualMachines.Get(context.Background(), www1, bigv.WithView(bigv.Overview))
	if err != nil {
		log.Fatal(err)
	}
	for _, disc := range vm.Discs {
		fmt.Println(disc.Label, disc.Size, "MiB")
	}
	// Output: disc-1 25600 MiB
}

func ExampleParseVirtualMachinePath() {
	path, err := bigv.ParseVirtualMachinePath("www1.web.acme")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(path == bigv.AccountPath("acme").Group("web").VirtualMachine("www1"), path.Disc("root"))

	inDefault, _ := bigv.ParseVirtualMachinePath("www1..acme")
	byID, _ := bigv.ParseVirtualMachinePath("#5012")
	fmt.Println(inDefault, byID == bigv.VirtualMachineID(5012))

	_, err = bigv.ParseVirtualMachinePath("www1")
	fmt.Println(err)
	// Output:
	// true root.www1.web.acme
	// www1.default.acme true
	// bigv: parsing virtual machine path "www1": want 3 parts, got 1: write machine.group.account, or # and an ID
}

// Paths are text in JSON, YAML and flags.
func ExampleVirtualMachinePath() {
	var config struct {
		Machine bigv.VirtualMachinePath `json:"machine"`
	}
	if err := json.Unmarshal([]byte(`{"machine":"www1.web.acme"}`), &config); err != nil {
		log.Fatal(err)
	}
	fmt.Println(config.Machine.Group())
	// Output: web.acme
}

func ExampleVirtualMachine_Path() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	vm, err := client.VirtualMachines.Get(ctx, www1)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.VirtualMachines.Rename(ctx, vm.Path(), "www2"); err != nil {
		log.Fatal(err)
	}
	_, err = client.VirtualMachines.Get(ctx, www1)
	fmt.Println(errors.Is(err, bigv.ErrNotFound))
	vm, err = client.VirtualMachines.Get(ctx, vm.Path()) // by ID, which does not change
	fmt.Println(vm.Name, err)
	// Output:
	// true
	// www2 <nil>
}

func ExampleNullable() {
	update := bigv.VirtualMachineUpdate{
		AutorebootOn: new(false),          // false is sent
		CDROMURL:     bigv.Null[string](), // null is sent: the CD is ejected
		Keymap:       bigv.Set("en-gb"),   // a value is sent
		// unset attributes are not sent
	}
	text, err := json.Marshal(update)
	fmt.Println(string(text), err)
	// Output: {"autoreboot_on":false,"cdrom_url":null,"keymap":"en-gb"} <nil>
}

func ExampleSecret() {
	password := bigv.NewSecret("correct-horse")
	text, _ := json.Marshal(password)
	fmt.Printf("%v %+v %#v %s\n", password, password, password, text)
	fmt.Println(password.Reveal())
	// Output:
	// [redacted] [redacted] [redacted] "[redacted]"
	// correct-horse
}

func ExampleError() {
	srv, client := service()
	defer srv.Close()

	err := client.VirtualMachines.Reset(context.Background(), bigv.AccountPath("acme").Group("web").VirtualMachine("nowhere"))
	if e, ok := errors.AsType[*bigv.Error](err); ok {
		fmt.Println(e.Operation, e.Subject, e.Method, e.StatusCode, e.Attempts)
	}
	fmt.Println(errors.Is(err, bigv.ErrNotFound), errors.Is(err, bigv.ErrOutcomeUnknown))
	// Output:
	// reset virtual machine nowhere.web.acme POST 404 1
	// true false
}

func ExampleBadRequestError() {
	srv, client := service()
	defer srv.Close()

	_, err := client.VirtualMachines.Create(context.Background(), www1.Group(), bigv.VirtualMachineCreate{
		Name: "db1", Memory: 1000,
		Discs: []bigv.DiscCreate{{Size: 25 * 1024}, {Size: 100, StorageGrade: "tape"}},
	})
	if bad, ok := errors.AsType[*bigv.BadRequestError](err); ok {
		fmt.Println(bad.Field("memory"))
		fmt.Println(bad.Field("discs[1].storage_grade"))
	}
	// Output:
	// [is not included in the list]
	// [is not included in the list]
}

func ExampleAccountsService_List() {
	srv, client := service()
	defer srv.Close()

	accounts, err := client.Accounts.List(context.Background(), bigv.AccountListOptions{View: bigv.Overview})
	if err != nil {
		log.Fatal(err)
	}
	for _, account := range accounts {
		for _, group := range account.Groups {
			fmt.Println(account.Name, group.Name, len(group.VirtualMachines))
		}
	}
	// Output:
	// acme default 0
	// acme web 1
}

func ExampleGroupsService_FindOrCreate() {
	srv, client := service()
	defer srv.Close()

	for range 2 {
		group, created, err := client.Groups.FindOrCreate(context.Background(), "acme", bigv.GroupCreate{Name: "shop"}, bigv.WaitOptions{})
		fmt.Println(group.Name, created, err)
	}
	// Output:
	// shop true <nil>
	// shop false <nil>
}

func ExampleVirtualMachinesService_CreateAndWait() {
	srv, client := service()
	defer srv.Close()

	vm, err := client.VirtualMachines.CreateAndWait(context.Background(), bigv.AccountPath("acme").Group("web"), bigv.VirtualMachineCreate{
		Name:         "db1",
		Memory:       2048, // MiB
		AutorebootOn: new(true),
		Discs:        []bigv.DiscCreate{{Label: "root", Size: 25 * 1024, StorageGrade: bigv.SSD}},
		Image:        &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("correct-horse")},
	}, bigv.WaitOptions{})
	fmt.Println(vm.Hostname, vm.PowerOn, err)
	// Output: db1.web.acme.uk0.bigv.io true <nil>
}

func ExampleVirtualMachinesService_All() {
	srv, client := service()
	defer srv.Close()
	srv.Account("acme").Group("web").AddVirtualMachines("node", 1000)

	machines, memory := 0, 0
	for vm, err := range client.VirtualMachines.All(context.Background(), bigv.VirtualMachineListOptions{Account: "acme"}) {
		if err != nil {
			log.Fatal(err) // the last element
		}
		machines, memory = machines+1, memory+vm.Memory
	}
	fmt.Println(machines, memory/1024, "GiB")
	// Output: 1001 1001 GiB
}

func ExampleVirtualMachinesService_Update() {
	srv, client := service()
	defer srv.Close()

	vm, err := client.VirtualMachines.Update(context.Background(), www1, bigv.VirtualMachineUpdate{Memory: new(4096)})
	fmt.Println(vm.Memory, vm.Cores, err) // in effect from the next power cycle: see UpdateAndRestart
	// Output: 4096 1 <nil>
}

func ExampleWaitOptions() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	if err := client.VirtualMachines.Shutdown(ctx, www1); err != nil {
		log.Fatal(err)
	}
	vm, err := client.VirtualMachines.Wait(ctx, www1, bigv.PoweredOff, bigv.WaitOptions{
		MinInterval: 10 * time.Millisecond,
		Timeout:     time.Minute,
		OnPoll:      func(p bigv.Poll) { log.Print(p.State) }, // for a progress display
	})
	fmt.Println(vm.PowerOn, err)
	// Output: false <nil>
}

func ExampleWaitFor() {
	polls := 0
	count := func(context.Context) (int, error) { polls++; return polls, nil }
	enough := func(n int) (bool, error) { return n >= 3, nil }

	n, err := bigv.WaitFor(context.Background(), "three of them", count, enough,
		bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: time.Millisecond})
	fmt.Println(n, err)
	// Output: 3 <nil>
}

func ExampleDiscsService_Create() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	disc, err := client.Discs.Create(ctx, www1, bigv.DiscCreate{Label: "data", Size: 50 * 1024, StorageGrade: bigv.Archive})
	if err != nil {
		log.Fatal(err)
	}
	disc, err = client.Discs.Resize(ctx, disc.Path(), 100*1024)
	fmt.Println(disc.Label, disc.Size, "MiB", err)
	// Output: data 102400 MiB <nil>
}

func ExampleUsersService_AddKey() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	user, err := client.Users.AddKey(ctx, "alice", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA laptop")
	fmt.Println(user.Keys(), err)
	user, err = client.Users.RemoveKey(ctx, "alice", "laptop")
	fmt.Println(user.Keys(), err)
	// Output:
	// [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA laptop] <nil>
	// [] <nil>
}

func ExamplePrivilegesService_Grant() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()

	privilege, err := client.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: www1.Group()})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(privilege.Username, privilege.Level)
	fmt.Println(client.Privileges.Revoke(ctx, privilege.ID))
	// Output:
	// bob group_admin
	// <nil>
}

func ExampleDefinitionsService_Get() {
	srv, client := service()
	defer srv.Close()

	known, err := client.Definitions.Get(context.Background())
	fmt.Println(strings.Join(known.ZoneNames, " "), err)
	// Output: york manchester <nil>
}

// A write is not retried if its response was lost. Check whether it was applied before retrying it.
func Example_outcomeUnknown() {
	srv, client := service()
	defer srv.Close()
	ctx := context.Background()
	srv.Inject(bigvtest.Fault{Method: "POST", Path: "/accounts/acme/groups", DropAfter: true})

	_, err := client.Groups.Create(ctx, "acme", bigv.GroupCreate{Name: "shop"})
	fmt.Println(errors.Is(err, bigv.ErrOutcomeUnknown))
	group, err := client.Groups.Get(ctx, bigv.AccountPath("acme").Group("shop"))
	fmt.Println(group.Name, err)
	// Output:
	// true
	// shop <nil>
}
