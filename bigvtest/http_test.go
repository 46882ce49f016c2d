package bigvtest_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestRequestContentType(t *testing.T) {
	srv := bigvtest.NewServer(t)
	client := srv.HTTPClient()
	defer client.CloseIdleConnections()
	for contentType, want := range map[string]int{
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json": 200,
		"application/json; charset=utf-8": 200, "Application/JSON": 200,
	} {
		r, err := http.NewRequest(http.MethodPut, srv.URL()+inWeb, strings.NewReader(`{}`))
		require.NoError(t, err)
		r.Header = http.Header{"Authorization": {"Bearer " + srv.Token()}}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		resp, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, resp.StatusCode, "%q", contentType)
	}
}

// A truncated or malformed request body must not be processed.
func TestUnreadableRequestBody(t *testing.T) {
	srv := bigvtest.NewServer(t)
	for _, body := range []string{"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Content-Length: 500\r\n\r\n{\"name\":\"zzz\"}"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL(), "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, "POST /accounts/acme/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+srv.Token()+"\r\n"+body)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		body, _ := io.ReadAll(conn)
		assert.Contains(t, string(body), " 400 ", "%q", body)
	}
	assert.NotContains(t, srv.Account("acme").GroupNames(), "zzz")
	journal := srv.Journal()
	require.Len(t, journal, 2, "the requests are recorded")
	for _, exchange := range journal {
		assert.Equal(t, "POST /accounts/acme/groups", exchange.Method+" "+exchange.Path)
		assert.Equal(t, 400, exchange.Status)
		assert.False(t, exchange.Done)
	}
}

// A boolean in a query may have any letter case.
func TestBooleansInQueries(t *testing.T) {
	for value, isTrue := range map[string]bool{
		"true": true, "True": true, "TRUE": true, "tRuE": true, "false": false, "False": false, "": false, "1": false, "yes": false,
	} {
		t.Run(value, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			web := srv.Account("acme").Group("web")
			web.VirtualMachine("www1").SetDeleted(true)
			data := web.VirtualMachine("www2").SetPower(false).Disc("data", 100)
			backup := send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines/www2/discs/disc-1/backups", "").object(t)["id"]
			lists := []string{
				inWeb + "/virtual_machines?", "/virtual_machines?", "/accounts/acme?view=overview&", inWeb + "?view=overview&",
			}
			for _, path := range lists {
				got := send(t, srv, srv.Token(), "GET "+path+"include_deleted="+value, "")
				assert.Equal(t, isTrue, strings.Contains(got.body, `"name":"www1"`), path)
			}
			one := send(t, srv, srv.Token(), "GET "+onWWW1+"?include_deleted="+value, "").status
			assert.Equal(t, isTrue, one == http.StatusOK)
			for _, path := range []string{
				fmt.Sprint(inWeb, "/virtual_machines/www2/discs/disc-1/backups/", backup), inWeb + "/virtual_machines/www2/discs/data",
			} {
				want := map[bool]int{true: http.StatusNoContent, false: http.StatusInternalServerError}[isTrue]
				assert.Equal(t, want, send(t, srv, srv.Token(), "DELETE "+path+"?purge="+value, "").status, path)
			}
			assert.Equal(t, !isTrue, data.State().Exists)
			require.Equal(t, http.StatusNoContent, send(t, srv, srv.Token(), "DELETE "+onWWW1+"?purge="+value, "").status)
			assert.Equal(t, !isTrue, slices.Contains(web.VirtualMachineNames(), "www1"))
		})
	}
}

func TestPostStatus(t *testing.T) {
	srv := bigvtest.NewServer(t, bigvtest.WithPostStatus(http.StatusOK))
	srv.Account("acme").Group("web").VirtualMachine("www1")
	for request, body := range map[string]string{
		"POST /accounts":                          `{"name":"new"}`,
		"POST /users":                             `{"username":"new","password":"x"}`,
		"POST " + onWWW1 + "/discs":               `{"size":50}`,
		"POST " + onDisc + "/backups":             "",
		"POST " + onDisc + "/backup_schedules":    `{"interval_seconds":60}`,
		"POST /api_keys":                          `{"user_id":11,"label":"a"}`,
		"POST /users/bob/privileges":              `{"level":"group_admin","group_id":72}`,
		"POST /vm_defaults":                       `{"account_id":41,"name":"x","server_settings":{}}`,
		"POST " + onWWW1 + "/signal":              `{"signal":"reset"}`,
		"POST /accounts/acme/groups":              `{"name":"new"}`,
		"POST " + onWWW1 + "/nics/6001/ip_create": `{"addresses":1,"reason":"x"}`,
	} {
		assert.Equal(t, http.StatusOK, send(t, srv, srv.Token(), request, body).status, request)
	}
	assert.Equal(t, http.StatusAccepted, send(t, srv, srv.Token(), "POST "+inWeb+"/virtual_machines", `{"name":"new1"}`).status)
}
