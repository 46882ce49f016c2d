package bigv_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exchange is a request as it was on the wire.
type exchange struct {
	method, path, query, body string
	header                    http.Header
}

// recorder answers every request alike, or as answers say by "METHOD path", and
// remembers what it was sent.
type recorder struct {
	mu       sync.Mutex
	requests []exchange
	answers  map[string]string
	status   int
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, exchange{req.Method, req.URL.EscapedPath(), req.URL.RawQuery, string(body), req.Header.Clone()})
	answer, ok := r.answers[req.Method+" "+req.URL.EscapedPath()]
	if !ok {
		answer = "{}"
		if req.Method == http.MethodGet {
			answer = `{"id":1}`
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = io.WriteString(w, answer)
}

// newRecorder starts a recorder and makes a client of it.
func newRecorder(t *testing.T, answers map[string]string, opts ...bigv.Option) (*recorder, *bigv.Client) {
	t.Helper()
	rec := &recorder{answers: answers}
	srv := httptest.NewServer(rec)
	t.Cleanup(srv.Close)
	client, err := bigv.NewClient(append([]bigv.Option{bigv.WithBaseURL(srv.URL), bigv.WithAuthURL(srv.URL), bigv.WithToken("t0ken")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return rec, client
}

var (
	acme = bigv.AccountPath("acme")
	web  = acme.Group("web")
	www1 = web.VirtualMachine("www1")
	root = www1.Disc("root")
)

const (
	webURL  = "/accounts/acme/groups/web"
	www1URL = webURL + "/virtual_machines/www1"
)

func TestWrites(t *testing.T) {
	for _, row := range []struct {
		name         string
		call         func(context.Context, *bigv.Client) error
		method, path string
		query, body  string
	}{
		{"create group", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Groups.Create(ctx, acme, bigv.GroupCreate{Name: "web"})
			return err
		}, "POST", "/accounts/acme/groups", "", `{"name":"web"}`},
		{"rename group", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Groups.Rename(ctx, web, "web2")
			return err
		}, "PUT", webURL, "", `{"name":"web2"}`},
		{"delete group", func(ctx context.Context, c *bigv.Client) error {
			return c.Groups.Delete(ctx, web)
		}, "DELETE", webURL, "", ""},
		{"update sends what is set, false and null included", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{
				Memory: new(4096), AutorebootOn: new(false), CDROMURL: bigv.Null[string](), Keymap: bigv.Set("en-gb"),
			})
			return err
		}, "PUT", www1URL, "", `{"memory":4096,"autoreboot_on":false,"cdrom_url":null,"keymap":"en-gb"}`},
		{"start", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Start(ctx, www1)
			return err
		}, "PUT", www1URL, "", `{"autoreboot_on":true,"power_on":true}`},
		{"stop", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Stop(ctx, www1)
			return err
		}, "PUT", www1URL, "", `{"autoreboot_on":false,"power_on":false}`},
		{"restart", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Restart(ctx, www1)
			return err
		}, "PUT", www1URL, "", `{"autoreboot_on":true,"power_on":false}`},
		{"rescue", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Rescue(ctx, www1)
			return err
		}, "PUT", www1URL, "", `{"autoreboot_on":true,"power_on":true,"appliance":{"name":"rescue","permanent":false}}`},
		{"reset", func(ctx context.Context, c *bigv.Client) error {
			return c.VirtualMachines.Reset(ctx, www1)
		}, "POST", www1URL + "/signal", "", `{"signal":"reset"}`},
		{"send keys", func(ctx context.Context, c *bigv.Client) error {
			return c.VirtualMachines.SendKeys(ctx, www1, []string{"ctrl", "alt", "delete"})
		}, "POST", www1URL + "/signal", "", `{"signal":"sendkey","data":"ctrl-alt-delete"}`},
		{"reimage", func(ctx context.Context, c *bigv.Client) error {
			return c.VirtualMachines.Reimage(ctx, www1, bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("sesame")})
		}, "POST", www1URL + "/reimage", "", `{"distribution":"stretch","root_password":"sesame"}`},
		{"delete machine", func(ctx context.Context, c *bigv.Client) error {
			return c.VirtualMachines.Delete(ctx, www1)
		}, "DELETE", www1URL, "", ""},
		{"purge machine", func(ctx context.Context, c *bigv.Client) error {
			return c.VirtualMachines.Purge(ctx, www1)
		}, "DELETE", www1URL, "purge=true", ""},
		{"undelete machine", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Undelete(ctx, www1)
			return err
		}, "PUT", www1URL, "", `{"deleted":false}`},
		{"create disc", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Discs.Create(ctx, www1, bigv.DiscCreate{Label: "data", Size: 51200, StorageGrade: bigv.Archive})
			return err
		}, "POST", www1URL + "/discs", "", `{"label":"data","size":51200,"storage_grade":"archive"}`},
		{"resize disc", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Discs.Resize(ctx, root, 102400)
			return err
		}, "PUT", www1URL + "/discs/root", "", `{"size":102400}`},
		{"purge disc by ID is flat", func(ctx context.Context, c *bigv.Client) error {
			return c.Discs.Purge(ctx, bigv.DiscID(9001))
		}, "DELETE", "/discs/9001", "purge=true", ""},
		{"purge disc by path is nested", func(ctx context.Context, c *bigv.Client) error {
			return c.Discs.Purge(ctx, root)
		}, "DELETE", www1URL + "/discs/root", "purge=true", ""},
		{"remove all keys", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Users.Update(ctx, "alice", bigv.UserUpdate{AuthorizedKeys: new("")})
			return err
		}, "PUT", "/users/alice", "", `{"authorized_keys":""}`},
		{"grant by ID", func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Privileges.Grant(ctx, "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78), YubikeyRequired: new(false)})
			return err
		}, "POST", "/users/bob/privileges", "", `{"level":"group_admin","group_id":78,"password_required":true,"yubikey_required":false}`},
		{"revoke", func(ctx context.Context, c *bigv.Client) error {
			return c.Privileges.Revoke(ctx, 31)
		}, "DELETE", "/privileges/31", "", ""},
		{"a hostile name is one segment", func(ctx context.Context, c *bigv.Client) error {
			return c.Groups.Delete(ctx, acme.Group("a/../b?c=%2F d"))
		}, "DELETE", "/accounts/acme/groups/a%2F..%2Fb%3Fc=%252F%20d", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			rec, client := newRecorder(t, nil)
			require.NoError(t, row.call(t.Context(), client))
			require.NotEmpty(t, rec.requests)
			sent := rec.requests[0]
			assert.Equal(t, row.method, sent.method)
			assert.Equal(t, row.path, sent.path)
			assert.Equal(t, row.query, sent.query)
			assert.Equal(t, row.body, sent.body)
			assert.Equal(t, "application/json", sent.header.Get("Accept"))
			assert.Equal(t, "application/json", sent.header.Get("Content-Type"))
			assert.Equal(t, "Bearer t0ken", sent.header.Get("Authorization"))
			assert.Equal(t, "bigv-go/"+bigv.Version, sent.header.Get("User-Agent"))
		})
	}
}
