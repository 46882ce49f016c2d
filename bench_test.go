package bigv

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/route"
)

// These benchmarks measure the parts of a call. The module in benchmarks measures whole calls
// against net/http.

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

// BenchmarkBuildRequest measures all of a request that can be made without sending it: path, query,
// headers with the token, and body.
func BenchmarkBuildRequest(b *testing.B) {
	query := virtualMachineListQuery{
		groupQuery: groupQuery{accountQuery: newAccountQuery("acme"), GroupName: "web"}, View: Overview, IncludeDeleted: true,
	}
	update := VirtualMachineUpdate{Memory: new(4096), AutorebootOn: new(false)}
	for _, row := range []struct {
		name string
		op   operation
	}{
		{"read", reading("get virtual machine", resource(benchMachine))},
		{"query", reading("list virtual machines", fixed(virtualMachinesRoute).withQuery(query))},
		{"write", putting("update virtual machine", resource(benchMachine), update)},
	} {
		b.Run(row.name, func(b *testing.B) {
			client := benchClient(b)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				req, err := client.newRequest(ctx, &row.op, nil)
				if err != nil {
					b.Fatal(err)
				}
				token, err := client.fetchToken(ctx, Secret{})
				if err != nil {
					b.Fatal(err)
				}
				_ = client.newHeader(&response{request: req, bearer: client.bearer(token)})
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
		if _, err := encodeBody(body, nil); err != nil {
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
			if err := jsonwire.Unmarshal(one, &vm); err != nil {
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
			if err := jsonwire.Unmarshal(text, &vms); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		b.SetBytes(int64(len(list)))
		b.ReportAllocs()
		for b.Loop() {
			if err := jsonwire.StreamArray(strings.NewReader(list), maxElement, func(VirtualMachine) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStatusError measures the errors of responses that are not 2xx, each as its caller sees it.
func BenchmarkStatusError(b *testing.B) {
	req := &request{
		operation: putting("update virtual machine", resource(benchMachine), nil), route: benchMachine.kind().template,
		url: url.URL{Scheme: "https", Host: "uk0.bigv.io", Path: "/virtual_machines/5012"}, inherited: []string{"0123456789abcdef"},
	}
	for _, row := range []struct {
		name   string
		status int
		body   string
		kind   error
	}{
		{"notFound", http.StatusNotFound, "not found", ErrNotFound},
		{"badRequest", http.StatusBadRequest,
			`{"memory":["is not included in the list"],"discs":[{},{"size":["must be greater than or equal to 50"]}]}`, ErrBadRequest},
		{"webPage", http.StatusBadGateway, "<html>" + strings.Repeat("<p>Bad gateway</p>", 200), ErrServer},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp := retry.Response{StatusCode: row.status, Body: []byte(row.body), Attempts: 1}
				err := newStatusError(&response{request: req, Response: resp}, nil)
				if !errors.Is(err, row.kind) {
					b.Fatal(err)
				}
			}
		})
	}
}
