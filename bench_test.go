package bigv

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bigv-go/bigv/internal/roundtrip"
	"github.com/bigv-go/bigv/internal/route"
	"github.com/bigv-go/bigv/internal/wire"
)

// What the pieces of a call cost. The module in benchmarks measures whole calls
// against net/http used by hand.

var benchMachine = AccountPath("acme").Group("web").VirtualMachine("www1")

const benchMachineJSON = `{"id":5012,"group_id":77,"name":"web1","hostname":"web1.default.acme.uk0.bigv.io","cores":2,"memory":4096,` +
	`"power_on":true,"autoreboot_on":true,"cdrom_url":null,"keymap":null,"hardware_profile":"virtio2013","hardware_profile_locked":false,` +
	`"zone_name":"york","deleted":false,"management_address":"192.0.2.9","head":"head14","last_imaged_with":"stretch"}`

func benchClient(b *testing.B) *Client {
	client, err := NewClient(WithAPIKey("0123456789abcdef"), WithURLStyle(NestedURLs))
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func BenchmarkPath(b *testing.B) {
	const nested = "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"
	for _, row := range []struct {
		name string
		f    func() error
	}{
		{"build", func() error {
			_ = AccountPath("acme").Group("web").VirtualMachine("www1").Disc("root")
			return nil
		}},
		{"print", func() error {
			_ = benchMachine.String()
			return nil
		}},
		{"parse", func() error {
			_, err := ParseVirtualMachinePath("www1.web.acme")
			return err
		}},
		{"expand", func() error {
			_, err := route.Expand(nested, "acme", "web", "www1")
			return err
		}},
		{"expandEscaped", func() error {
			_, err := route.Expand(nested, "acme", "a/b c", "www1")
			return err
		}},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := row.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBuildRequest makes all of a request that can be made without sending:
// path, query, headers with the token, and body.
func BenchmarkBuildRequest(b *testing.B) {
	for _, row := range []struct {
		name string
		op   operation
		to   target
		body any
	}{
		{"read", reading("get virtual machine"), at(benchMachine, ""), nil},
		{"query", reading("list virtual machines"), under(machinesRoute).with(machineListQuery{
			machineQuery: machineQuery{accountQuery: AccountPath("acme").query(), GroupName: "web"}, View: Overview, IncludeDeleted: true,
		}), nil},
		{"write", putting("update virtual machine"), at(benchMachine, ""), VirtualMachineUpdate{Memory: new(4096), AutorebootOn: new(false)}},
	} {
		b.Run(row.name, func(b *testing.B) {
			client := benchClient(b)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				x, err := client.prepare(ctx, row.op, row.to, row.body, nil)
				if err != nil {
					b.Fatal(err)
				}
				token, err := client.token(ctx, Secret{})
				if err != nil {
					b.Fatal(err)
				}
				x.request.Header["Authorization"] = []string{"Bearer " + token.Reveal()}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	body := newCreateBody(VirtualMachineCreate{
		Name: "www1", Cores: 2, Memory: 4096, PowerOn: new(true),
		Discs: []DiscCreate{{Label: "root", Size: 25600}, {Label: "data", Size: 51200, StorageGrade: Archive}},
		Image: &Image{Distribution: "stretch", RootPassword: NewSecret("sesame, open")},
	})
	b.ReportAllocs()
	for b.Loop() {
		var seen []string
		if _, err := wire.Marshal(body, revealing(&seen)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	one := []byte(benchMachineJSON)
	list := "[" + strings.Repeat(benchMachineJSON+",", 999) + benchMachineJSON + "]"
	b.Run("one", func(b *testing.B) {
		b.SetBytes(int64(len(one)))
		b.ReportAllocs()
		for b.Loop() {
			var vm VirtualMachine
			if err := wire.Unmarshal(one, &vm); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		text := []byte(list)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var vms []VirtualMachine
			if err := wire.Unmarshal(text, &vms); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		b.SetBytes(int64(len(list)))
		b.ReportAllocs()
		for b.Loop() {
			if err := wire.Elements(strings.NewReader(list), maxElement, func(VirtualMachine) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkErrorAnswer makes errors of answers, each as callers look at it.
func BenchmarkErrorAnswer(b *testing.B) {
	x := exchange{
		operation: "update virtual machine", subject: "www1.web.acme", request: roundtrip.Request{Method: http.MethodPut}, secrets: []string{"0123456789abcdef"},
		route: "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}", url: "https://uk0.bigv.io/virtual_machines/5012",
	}
	for _, row := range []struct {
		name   string
		status int
		body   string
		kind   error
	}{
		{"notFound", http.StatusNotFound, "not found", ErrNotFound},
		{"badRequest", http.StatusBadRequest, `{"memory":["is not included in the list"],"discs":[{},{"size":["must be greater than or equal to 50"]}]}`, ErrBadRequest},
		{"webPage", http.StatusBadGateway, "<html>" + strings.Repeat("<p>Bad gateway</p>", 200), ErrServer},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				err := x.failure(&roundtrip.Response{StatusCode: row.status, Body: []byte(row.body), Attempts: 1}, nil)
				if !errors.Is(err, row.kind) {
					b.Fatal(err)
				}
			}
		})
	}
}
