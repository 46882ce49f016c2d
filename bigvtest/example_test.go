package bigvtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// A test uses bigvtest.NewServer(t), which closes the server when the test ends. A program uses Start. For tests that wait,
// see the example with synctest.
func Example() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	www1 := srv.Account("acme").Group("web").VirtualMachine("www1").SetMemory(2048)

	// The code under test; here it is a single call.
	update := bigv.VirtualMachineUpdate{Memory: new(4096)}
	if _, err := srv.Client().VirtualMachines.Update(context.Background(), www1.Path(), update); err != nil {
		log.Fatal(err)
	}

	fmt.Println(www1.State().Memory, www1.State().PoweredOn)
	// Output: 4096 true
}

// A program that does not use this SDK, or is not written in Go, needs the URL and a token.
func ExampleServer_URL() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	request, err := http.NewRequest(http.MethodGet, srv.URL()+"/accounts/acme", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+srv.Token())
	resp, err := srv.HTTPClient().Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// The clock stands still until the test advances it, so a test does not wait for provisioning.
func ExampleServer_Advance() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	client, ctx, web := srv.Client(), context.Background(), srv.Account("acme").Group("web")

	vm, err := client.VirtualMachines.Create(ctx, web.Path(), bigv.VirtualMachineCreate{
		Name: "www1", AutorebootOn: new(true), Discs: []bigv.DiscCreate{{Size: 25 * 1024}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(vm.Provisioning, vm.PowerOn)
	srv.Advance(bigvtest.ProvisioningTime)
	vm, err = client.VirtualMachines.Get(ctx, vm.Path())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(vm.Provisioning, vm.PowerOn)
	// Output:
	// true false
	// false true
}

// The service resets the machine, but the response is lost. The client reports that the outcome is unknown and does not
// retry.
func ExampleServer_Inject() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	www1 := srv.Account("acme").Group("web").VirtualMachine("www1")
	srv.Inject(bigvtest.Fault{Method: "POST", Path: "/accounts/*/groups/*/virtual_machines/*/signal", DropAfter: true})

	err = srv.Client().VirtualMachines.Reset(context.Background(), www1.Path())
	fmt.Println(errors.Is(err, bigv.ErrOutcomeUnknown))
	fmt.Println(www1.State().Resets, srv.DoneTwice())
	// Output:
	// true
	// 1 []
}

// Requests fail at random. A client that retries correctly succeeds and never repeats a request that was processed.
func ExampleServer_InjectRandom() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	srv.InjectRandom(1, 0.2)
	client := srv.Client(bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 20, MinWait: time.Microsecond, MaxWait: time.Millisecond}))
	for range 100 {
		if _, err := client.Accounts.Get(context.Background(), "acme"); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(len(srv.Journal()) > 100, srv.DoneTwice())
	// Output: true []
}

// A test in a synctest bubble needs no port and no real time: here the machine is provisioned after 90 seconds of the
// bubble's clock. The code of the example is the body of a test function.
func Example_synctest() {
	var t *testing.T // the parameter of the test function
	synctest.Test(t, func(t *testing.T) {
		srv := bigvtest.NewServer(t)
		client, web := srv.Client(), srv.Account("acme").Group("web")

		// The code under test; here it is a single call.
		vm, err := client.VirtualMachines.CreateAndWait(t.Context(), web.Path(), bigv.VirtualMachineCreate{
			Name: "www1", PowerOn: new(true), Discs: []bigv.DiscCreate{{Size: 25 * 1024}},
		}, bigv.WaitOptions{})
		if err != nil {
			t.Fatal(err)
		}

		if !web.VirtualMachine(vm.Name).State().PoweredOn {
			t.Error("the machine is off")
		}
	})
}

// The journal shows the requests of the code under test, without secrets.
func ExampleServer_Journal() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	www1 := srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(false)

	err = srv.Client().VirtualMachines.Reimage(context.Background(), www1.Path(), bigv.Image{
		Distribution: "stretch", RootPassword: bigv.NewSecret("s3cretpass"),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, exchange := range srv.Journal() {
		fmt.Println(exchange.Method, exchange.Path, exchange.Status)
		fmt.Println(exchange.RequestBody)
	}
	// Output:
	// POST /accounts/acme/groups/web/virtual_machines/www1/reimage 200
	// {"distribution":"stretch","root_password":"[redacted]"}
}

// A privilege on one virtual machine makes that machine visible, and no other.
func ExampleUser_Grant() {
	srv, err := bigvtest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	web := srv.Account("acme").Group("web")
	www1, www2 := web.VirtualMachine("www1"), web.VirtualMachine("www2")
	carol := srv.User("carol")
	carol.Grant(bigv.VirtualMachineConsole, www1)

	ctx, vms := context.Background(), carol.Client().VirtualMachines
	_, err = vms.Get(ctx, www1.Path())
	fmt.Println(err)
	_, err = vms.Get(ctx, www2.Path())
	fmt.Println(errors.Is(err, bigv.ErrNotFound))
	err = vms.Reset(ctx, www1.Path())
	fmt.Println(errors.Is(err, bigv.ErrForbidden))
	// Output:
	// <nil>
	// true
	// true
}
