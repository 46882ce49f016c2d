package bigvtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

// FuzzServer checks that the server responds to every request with a valid HTTP status and still works afterwards.
func FuzzServer(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/accounts?view=overview&include_deleted=true", ""},
		{"POST", inWeb + "/vm_create", createWWW1},
		{"POST", inWeb + "/virtual_machines", `{"name":"new1","cores":"2","memory":null}`},
		{
			"PUT", onWWW1,
			`{"group_id":71,"name":"moved","power_on":false,"autoreboot_on":true,"deleted":false,"appliance":{"name":"rescue"}}`,
		},
		{"DELETE", onWWW1 + "?purge=true", ""},
		{"POST", onWWW1 + "/signal", `{"signal":"sendkey","data":"ctrl-alt-delete"}`},
		{"POST", onWWW1 + "/reimage", `{"distribution":"none"}`},
		{"POST", onWWW1 + "/discs", `{"label":"a b","size":1e3}`},
		{"PUT", onDisc, `{"virtual_machine_id":5002,"size":99999,"label":"root"}`},
		{"POST", onDisc + "/backups", ""},
		{"PUT", onDisc + "/backups/9003", `{"restore":true}`},
		{"POST", onDisc + "/backup_schedules", `{"interval_seconds":9223372036854775807,"start_at":"0001-01-01","capacity":99}`},
		{"POST", onWWW1 + "/nics/6001/ip_create", `{"addresses":1,"family":"ipv4","reason":"x"}`},
		{"PUT", "/ips/198.18.0.1", `{"rdns":""}`},
		{"POST", "/ips/swap_virtual_machine_ips", `{"virtual_machine_1_id":5001,"virtual_machine_2_id":5002,"move_additional_ips":true}`},
		{"POST", "/users/bob/privileges", `{"level":"vm_admin","virtual_machine_id":5001,"ip_restrictions":[1],"api_key_id":9}`},
		{"PUT", "/privileges/31", `{"yubikey_otp_max_age":1e400}`},
		{"POST", "/api_keys", `{"user_id":11,"label":"x","expires_at":"25:61"}`},
		{"POST", "/users", `{"username":"x","password":"y","account_name":"z"}`},
		{"POST", "/vm_defaults", `{"account_id":41,"name":"x","public":true,"server_settings":{"discs":1}}`},
		{"GET", "/virtual_machines?account_id=41&group_name=web&vm_name=www1", ""},
		{"POST", "/session", `{"username":"alice","password":"alice-password","validity":1e300}`},
		{"GET", "/session/%2e%2e/accounts", ""},
		{"GET", "/ips/fe80::1%25eth0", ""},
		{"GET", "//accounts/%zz/%00", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		address, err := url.ParseRequestURI("/" + strings.TrimPrefix(target, "/"))
		if err != nil {
			return // not a valid request target
		}
		srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(1))
		web := srv.Account("acme").Group("web")
		web.VirtualMachine("www1")
		web.VirtualMachine("off1").SetPower(false)
		srv.User("root").Grant(bigv.ClusterSU, nil)
		for _, token := range []string{srv.User("root").Token(), srv.User("bob").Token()} {
			r := (&http.Request{
				Method: method, URL: address, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "localhost",
				Body:   io.NopCloser(strings.NewReader(body)),
				Header: http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}},
			}).WithContext(t.Context())
			recorder := httptest.NewRecorder()
			srv.ServeHTTP(recorder, r)
			if got := recorder.Code; got < 200 || got > 599 || http.StatusText(got) == "" {
				t.Errorf("invalid status %d", got)
			}
			srv.Advance(bigvtest.ProvisioningTime)
		}
		assert.Equal(
			t, http.StatusOK, send(t, srv, srv.User("root").Token(), "GET /accounts?view=overview&include_deleted=true", "").status,
		)
		require.Len(t, srv.Journal(), 1)
	})
}
