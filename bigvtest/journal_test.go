package bigvtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestJournal(t *testing.T) {
	srv := bigvtest.NewServer(t)
	send(t, srv, srv.Token(), "GET /accounts?view=overview", "")
	srv.Advance(time.Minute)
	srv.Inject(bigvtest.Fault{Status: 503, Body: "later", Header: http.Header{"Retry-After": {"7"}}})
	assert.Equal(t, "7", send(t, srv, srv.Token(), "POST /accounts/acme/groups", `{"name":"db"}`).header.Get("Retry-After"))
	send(t, srv, srv.Token(), "DELETE /accounts/acme/groups/we%62", "")
	send(t, srv, "", "GET /accounts", "")

	journal := srv.Journal()
	require.Len(t, journal, 4)
	start := srv.Now().Add(-time.Minute)
	for i, want := range []bigvtest.Exchange{
		{
			Time: start, Method: "GET", Path: "/accounts", RawQuery: "view=overview", Status: 200, Done: true,
			ResponseBody: journal[0].ResponseBody,
		},
		{
			Time: srv.Now(), Method: "POST", Path: "/accounts/acme/groups", RequestBody: `{"name":"db"}`, Status: 503,
			ResponseBody: "later",
			Fault:        "status 503",
		},
		{Time: srv.Now(), Method: "DELETE", Path: "/accounts/acme/groups/we%62", Status: 204, Done: true},
		{Time: srv.Now(), Method: "GET", Path: "/accounts", Status: 401, ResponseBody: "Unauthorized"},
	} {
		got := journal[i]
		assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
		got.Header = nil
		assert.Equal(t, want, got)
	}
	assert.True(t, strings.HasPrefix(journal[0].ResponseBody, `[{"id":41,"name":"acme"`), journal[0].ResponseBody)

	srv.ClearJournal()
	assert.Empty(t, srv.Journal())
}

func TestJournalLimit(t *testing.T) {
	for name, row := range map[string]struct {
		limit int
		want  []string
	}{
		"none":          {0, []string{}},
		"two":           {2, []string{"/d", "/e"}},
		"more than all": {9, []string{"/a", "/b", "/c", "/d", "/e"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(row.limit))
			for _, path := range []string{"/a", "/b", "/c", "/d", "/e"} {
				send(t, srv, "", "GET "+path, "")
			}
			paths := []string{}
			for _, exchange := range srv.Journal() {
				paths = append(paths, exchange.Path)
			}
			assert.Equal(t, row.want, paths)
		})
	}
}

func TestJournalRedactsSecrets(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("alice").SetSecondFactor("yubikey", "otp-secret")
	vm := srv.Account("acme").Group("web").VirtualMachine("www1").SetPower(false)
	session := send(t, srv, "", "POST /session", `{"username":"alice","password":"alice-password","yubikey":"otp-secret"}`).body
	require.NotEmpty(t, session)
	key := send(t, srv, srv.Token(), "POST /api_keys", `{"user_id":11,"label":"ci"}`).object(t)["api_key"].(string)
	require.NotEmpty(t, key)
	client := srv.HTTPClient()
	defer client.CloseIdleConnections()
	for _, request := range []string{
		"GET /session/" + session, "POST /session/" + session, "GET /accounts",
	} {
		send(t, srv, session, request, `{"username":"bob"}`)
	}
	for request, body := range map[string]string{
		"POST " + inWeb + "/vm_create": createWWW1,
		"POST " + onWWW1 + "/reimage":  `{"distribution":"jessie", "root_password" : "s3cret\"pass", "firstboot_script":"#!/bin/s3cret"}`,
		"PUT /users/alice":             `{"password":["s3cret-list"]}`,
		"POST /vm_defaults":            `{"server_settings":{"reimage":{"root_password":"s3cret-deep"}}}`,
		"POST /session":                `{"username":"bob","password":"s3cret-cut`,
	} {
		send(t, srv, srv.Token(), request, body)
	}
	r, err := http.NewRequest(http.MethodGet, srv.URL()+"/accounts", nil)
	require.NoError(t, err)
	r.SetBasicAuth("alice", "alice-password")
	r.Header.Set("X-Yubikey-Otp", "otp-secret")
	r.AddCookie(&http.Cookie{Name: "id", Value: "s3cret-cookie"})
	_, err = client.Do(r)
	require.NoError(t, err)
	form, err := client.PostForm(srv.AuthURL()+"/session", url.Values{"username": {"bob"}, "password": {"bob-password"}})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, form.StatusCode)
	require.Equal(t, `s3cret"pass`, vm.State().RootPassword)

	for _, exchange := range srv.Journal() {
		all := exchange.Path + exchange.RawQuery + exchange.RequestBody + exchange.ResponseBody
		for name, values := range exchange.Header {
			all += name + strings.Join(values, "")
		}
		for _, secret := range []string{
			"alice-password", "bob-password", "otp-secret", "s3cret", session, key, srv.Token(),
			"YWxpY2U6YWxpY2UtcGFzc3dvcmQ", // the user name and password, encoded for HTTP Basic
		} {
			assert.NotContains(t, all, secret, "%s %s", exchange.Method, exchange.Path)
		}
	}
	journal := srv.Journal()
	assert.Equal(t, `{"username":"alice","password":"[redacted]","yubikey":"[redacted]"}`, journal[0].RequestBody)
	assert.Equal(t, "[redacted]", journal[0].ResponseBody)
	assert.Contains(t, journal[1].ResponseBody, `"label":"ci","api_key":"[redacted]"`)
}

func TestDoneTwice(t *testing.T) {
	const (
		reset   = "POST " + onWWW1 + "/signal"
		restart = "PUT " + onWWW1
	)
	lost := []bigvtest.Fault{{DropAfter: true}}
	for name, row := range map[string]struct {
		faults  []bigvtest.Fault
		request string
		body    string
		twice   bool
	}{
		"POST, response lost":             {lost, reset, `{"signal":"reset"}`, true},
		"POST, response replaced":         {[]bigvtest.Fault{{Status: 502, AfterWork: true}}, reset, `{"signal":"reset"}`, true},
		"POST, response cut short":        {[]bigvtest.Fault{{CutBodyAt: 3}}, reset, `{"signal":"reset"}`, true},
		"POST, response complete":         {[]bigvtest.Fault{{CutBodyAt: 300}}, reset, `{"signal":"reset"}`, false},
		"POST, response delayed":          {[]bigvtest.Fault{{Delay: time.Millisecond}}, reset, `{"signal":"reset"}`, false},
		"POST, not processed":             {[]bigvtest.Fault{{DropBefore: true}}, reset, `{"signal":"reset"}`, false},
		"POST, rejected with 503":         {[]bigvtest.Fault{bigvtest.Unavailable()}, reset, `{"signal":"reset"}`, false},
		"POST sent twice without a fault": {nil, reset, `{"signal":"reset"}`, false},
		"POST that fails the second time": {lost, "POST /accounts/acme/groups", `{"name":"db"}`, false},
		"restart":                         {lost, restart, `{"autoreboot_on":true,"power_on":false}`, true},
		"start from an appliance":         {lost, restart, `{"power_on":true,"appliance":{"name":"rescue"}}`, true},
		"rename, by ID":                   {lost, "PUT " + inWeb + "/virtual_machines/5001", `{"name":"www2"}`, true},
		"swap": {
			lost, "POST /ips/swap_virtual_machine_ips", `{"virtual_machine_1_id":5002,"virtual_machine_2_id":5003}`, true,
		},
		"start":                        {lost, restart, `{"autoreboot_on":true,"power_on":true}`, false},
		"stop":                         {lost, restart, `{"autoreboot_on":false,"power_on":false}`, false},
		"PUT of other attributes":      {lost, restart, `{"cores":2}`, false},
		"GET":                          {lost, "GET " + onWWW1, "", false},
		"DELETE":                       {lost, "DELETE " + onWWW1, "", false},
		"login":                        {lost, "POST /session", `{"username":"bob","password":"bob-password"}`, false},
		"second of two responses lost": {[]bigvtest.Fault{{Skip: 1, DropAfter: true}}, reset, `{"signal":"reset"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(0))
			web := srv.Account("acme").Group("web")
			web.VirtualMachine("www1")
			web.VirtualMachine("off1").SetPower(false)
			web.VirtualMachine("off2").SetPower(false)
			for _, fault := range row.faults {
				srv.Inject(fault)
			}
			client := srv.HTTPClient()
			client.Transport.(*http.Transport).DisableKeepAlives = true // on a reused connection, net/http would repeat a GET
			for range 2 {
				_, _ = sendWith(t, client, srv.URL(), srv.Token(), row.request, row.body)
			}
			if !row.twice {
				assert.Empty(t, srv.DoneTwice())
				return
			}
			method, path, _ := strings.Cut(row.request, " ")
			assert.Equal(t, []string{method + " " + path}, srv.DoneTwice())
			srv.ClearJournal()
			assert.Empty(t, srv.DoneTwice())
			send(t, srv, srv.Token(), row.request, row.body)
			assert.Empty(t, srv.DoneTwice(), "ClearJournal resets DoneTwice")
		})
	}
}
