package jsonwire_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/go-json-experiment/json/jsontext"
)

// shapes has the shapes of values that no type of the API has.
type shapes struct {
	ID      int                       `json:"id"`
	Pointer *int                      `json:"pointer"`
	Nested  *shapes                   `json:"nested,omitzero"`
	Lists   [][]string                `json:"lists,omitempty"`
	Many    []*shapes                 `json:"many"`
	By      map[string]int            `json:"by"`
	Any     any                       `json:"any"`
	Bytes   []byte                    `json:"bytes"`
	Float   float64                   `json:"float"`
	Small   int8                      `json:"small"`
	Addr    *netip.Addr               `json:"addr"`
	Addrs   map[netip.Addr]netip.Addr `json:"addrs"`
	Flag    bool
	inner
}

type inner struct {
	Inner string `json:"inner"`
}

// kinds are the types that the fuzz test decodes. Those with a Secret are missing, since secrets cannot be compared.
var kinds = []func(t *testing.T, data []byte){
	compare[shapes], compare[bigv.VirtualMachine], compare[bigv.Account], compare[bigv.Disc], compare[bigv.NIC], compare[bigv.Privilege],
	compare[bigv.User], compare[bigv.Backup], compare[bigv.BackupSchedule], compare[bigv.IP],
	compare[bigv.Group], compare[bigv.Session], compare[bigv.Definitions], compare[[]string], compare[*[]int],
}

// compare decodes data into a T and into a []T, each by cursor and by the library. The results must be the same: equal values, or
// errors with the same text.
func compare[T any](t *testing.T, data []byte) {
	t.Helper()
	var got, want T
	err, wantErr := jsonwire.Unmarshal(data, &got), jsonwire.UnmarshalByLibrary(data, &want)
	if errText(err) != errText(wantErr) || err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("Unmarshal %T from %q: %#v, %v\nlibrary: %#v, %v", got, data, got, err, want, wantErr)
	}
	var wantList []T
	wantErr = jsonwire.UnmarshalByLibrary(data, &wantList)
	if wantErr == nil && wantList == nil {
		wantList = []T{}
	}
	for _, size := range []int64{-1, int64(len(data))} {
		list, err := jsonwire.ReadArray[T](bytes.NewReader(data), size, 1<<30)
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(list, wantList) {
			t.Fatalf("ReadArray of %T from %q: %#v, %v\nlibrary: %#v, %v", got, data, list, err, wantList, wantErr)
		}
	}
	streamed := []T{}
	err = jsonwire.StreamArray(iotest.OneByteReader(bytes.NewReader(data)), 1<<30, func(element T) bool {
		streamed = append(streamed, element)
		return true
	})
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(streamed, wantList) {
		t.Fatalf("StreamArray of %T from %q: %#v, %v\nlibrary: %#v, %v", got, data, streamed, err, wantList, wantErr)
	}
	valid := jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) // of several errors, that of the syntax is reported
	if text := errText(wantErr); valid && strings.HasPrefix(text, "/") && errText(err) != text {
		t.Fatalf("StreamArray of %T from %q: %v\nlibrary: %v", got, data, err, wantErr)
	}
}

// errText returns the text of an error, or "" without one.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// seeds are what TestDecode decodes, and what the fuzz test begins with: what is usual, and one of each kind of what is not.
var seeds = []string{
	`{"id":01}`, `{"id":-}`, `{"id":1x}`, `{"id" 1}`, `{"id";1}`, `{"id":1;"x":2}`, `{"id":1,}`, `{,}`,
	"{\"name\":\"a\x01b\"}", `{"name":"a`,
	`{"power_on":trux,"deleted":fals}`, `{"power_on":truefalse}`, `{"name":nulx}`, `{"name":nul`,
	"{\"name\":\"\xff\"\"x\"}", "\x00[1]", "[\x00]",
	`{"id":5012,"group_id":77,"name":"web1","hostname":"web1.default.acme.uk0.bigv.io","cores":2,"memory":4096,"power_on":true,` +
		`"cdrom_url":null,"zone_name":"york","management_address":"192.0.2.9","discs":[{"id":1,"label":"disc-1","backup_schedules":[]},` +
		`{"id":2,"backup_schedules":[{"id":3,"start_date":"x","interval_seconds":"4"}]}],"network_interfaces":[{"id":1,"mac":` +
		`"fe:ff:00:00:12:ab","ips":["192.0.2.20","2001:db8:1::20"],"extra_ips":{"192.0.2.31":"192.0.2.20","::1":null}}]}`,
	`[{"id":1,"groups":[{"id":2,"virtual_machines":[{"id":3},{"id":"4"}]}]},null, {"id" : -5 } ]`,
	`{"id":1,"more":{"a":[1,{"b":"]}\"","c":null}],"d":{}},"other":[],"third":"x","fourth":1e5}`,
	`{"id":1,"more":{"a":1,"a":2}}`, `{"id":1,"more":1,"more":2}`, `{"id":1,"id":2}`, `{"\u0069d":1,"id":2}`,
	`{"name":"a\u0062\n\ud83d\ude00"}`, `{"name":"\ud800"}`, "{\"name\":\"\xff\"}", `{"name":["a"]}`, `{"id":[1]}`,
	`{"id":1.0}`, `{"id":1e2}`, `{"id":-0}`, `{"id":"-7"}`,
	`{"id":"+7"}`, `{"id":"1_0"}`, `{"id":""}`, `{"id":true}`, `{"id":9223372036854775807}`, `{"id":9223372036854775808}`,
	`{"id":-9223372036854775808}`, `{"power_on":"true"}`, `{"power_on":null}`, `{"discs":{}}`, `{"discs":""}`, `{"discs":[[]]}`,
	`{"ips":["::ffff:192.0.2.1","fe80::1%eth0","1.2.3","1.2.3.4.5","256.1.1.1","01.2.3.4","","1::2::3","12345::",":1"]}`,
	`{"ips":["::"]}`,
	`{"ips":["1:2:3:4:5:6:7:8","1:2:3:4:5:6:7::","::2:3:4:5:6:7:8","A::f"]}`, `{"ips":["1:2:3:4:5:6:7:8::"]}`, `{"ips":["\u003a:"]}`,
	`{"extra_ips":{"::1":"::1","0::1":"::1"}}`, `{"extra_ips":{"::1":"::1","::1":"::1"}}`,
	`{"extra_ips":{"x":"::1"}}`, `{"extra_ips":[]}`,
	`{"pointer":1,"nested":{"pointer":"2","nested":null},"lists":[["a"],[],null],"many":[null,{}],"by":{"a":"1"},"any":{"a":[1]},` +
		`"bytes":"AAE=","float":1.5,"small":7,"addr":"::1","addrs":{},"Flag":true,"inner":"x","hidden":1,"flag":false}`,
	`{"small":300}`, `{"small":"3"}`, `{"bytes":"?"}`, `{"by":{"a":1,"a":2}}`, `{"addr":""}`, `{"yubikey_otp_max_age":null}`,
	`{"yubikey_otp_max_age":"900","ip_restrictions":{"a":1,"a":2}}`, `["a","b\u0063",null]`, `[1,"2",null]`, `[1,2,3`,
	`[1,,2]`, `[1 2]`, `[1,]`, `{}`, ` {} `, `{}x`, `null`, ` null `, ``, `nul`, `"x"`, `[[[[[[`, `{"a":{"a":{"a":`, `[{"id":1}{"id":2}]`,
	`[{"id":1},]`, `[{"id":1}]]`, `[{}e5]`, `[{}.5]`, `[nullE-3,1]`, `[{"id":1,"name":"a"}e3,{"id":2}]`, `[{}""]`,
	`{"api_key":"secret","expires_at":"2020-01-01","privileges":[{"id":1,"level":"group_admin"}]}`, `{"id" :1 , "name" : "x" }`,
	`{"username":"a","factors":["x","y"],"group_memberships":null}`, `{"server_settings":{"virtual_machine":{"cores":1},"discs":[{}]}}`,
}

// Nesting that is deeper than the library allows is an error, whatever decodes it. The depth is that in the whole response, although the
// value of an unknown member, and an element of a list, are decoded by themselves.
func TestDeepNesting(t *testing.T) {
	for _, row := range []struct{ start, open, inner, close, end string }{
		{``, `{"nested":`, `{}`, `}`, ``},
		{`{"x":`, `[`, ``, `]`, `}`},
		{`{"x":`, `{"y":`, `1`, `}`, `}`},
		{`{"any":`, `[`, ``, `]`, `}`},
		{`{"nested":{"x":`, `[`, ``, `]`, `}}`},
		{`{"nested":{"any":`, `[`, ``, `]`, `}}`},
		{`{"many":[null,{"nested":{"x":`, `[`, ``, `]`, `}}]}`},
		{`[{"x":`, `[`, ``, `]`, `}]`},
		{`[{"any":`, `[`, ``, `]`, `}]`},
		{`[{"id":1},{"x":`, `[`, ``, `]`, `},{}]`},
		{`[{"id":1},{"nested":{"any":`, `[`, ``, `]`, `}}]`},
	} {
		for _, depth := range []int{5_000, 9_996, 9_997, 9_998, 9_999, 10_000, 10_001} {
			body := row.start + strings.Repeat(row.open, depth) + row.inner + strings.Repeat(row.close, depth) + row.end
			t.Run(fmt.Sprintf("%s %s %d", row.start, row.open, depth), func(t *testing.T) { compare[shapes](t, []byte(body)) })
		}
	}
}

// TestDecode tests that a cursor decodes each seed into each type as the library does.
func TestDecode(t *testing.T) {
	for _, seed := range seeds {
		for _, compare := range kinds {
			compare(t, []byte(seed))
		}
	}
}

// FuzzDecode tests that a cursor decodes as the library does. Each seed has one kind, since running them precedes fuzzing: those of all
// kinds would take the few seconds that CI has. The fuzzer changes the kinds, too.
func FuzzDecode(f *testing.F) {
	for i, seed := range seeds {
		f.Add(uint8(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		kinds[int(kind)%len(kinds)](t, data)
	})
}

// FuzzParseAddr tests that an address is parsed as netip does.
func FuzzParseAddr(f *testing.F) {
	for _, text := range []string{
		"192.0.2.1", "0.0.0.0", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.", "01.2.3.4", "::", "::1", "1::", "1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3", "12345::", "g::", ":1", "1:", "fe80::1%eth0",
		"::ffff:1.2.3.4", "", "ABCD:ef01::", ":::", "1:::2",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := jsonwire.ParseAddr([]byte(text))
		want, err := netip.ParseAddr(text)
		unusual := strings.ContainsAny(text, "%") || strings.Contains(text, ":") && strings.Contains(text, ".")
		if ok != (err == nil && !unusual) || ok && got != want {
			t.Fatalf("%q: %v, %v; netip: %v, %v", text, got, ok, want, err)
		}
	})
}
