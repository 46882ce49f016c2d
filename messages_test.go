package bigv_test

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const cdromHint = "check CDROMURL"

// Advice in an error is about the operation and the attribute that the error is about.
func TestAdviceIsAboutTheOperation(t *testing.T) {
	cdrom := bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("http://images.example/a.iso")}
	withCDROM := newMachine("www2")
	withCDROM.CDROMURL = "http://images.example/a.iso"
	const missing = " does not exist, or you lack permission to see it"
	for _, tt := range []struct {
		name   string
		status int
		body   string
		call   callFunc
		want   string
		not    string
	}{
		{"update of an IP", 500, "", ipsUpdate(ip20, bigv.IPUpdate{RDNS: bigv.Set("a.example")}), "outcome unknown", "CD"},
		{"read", 500, "", vmsGet(www1), "the service failed: try again later", "CD"},
		{"update without a CD", 500, "", vmsUpdate(www1, bigv.VirtualMachineUpdate{Memory: new(2048)}), "outcome unknown", "CD"},
		{"update that ejects", 500, "", vmsUpdate(www1, bigv.VirtualMachineUpdate{CDROMURL: bigv.Null[string]()}), "outcome unknown", "CD"},
		{"update with a CD", 500, "", vmsUpdate(www1, cdrom), "; the service also responds with 500", "try again"},
		{"update with a CD, another status", 403, "", vmsUpdate(www1, cdrom), "lack permission", "CD"},
		{"create with a CD", 500, "", vmsCreate(web, withCDROM), cdromHint, ""},
		{"create in a group that does not exist", 404, "", vmsCreate(web, newMachine("www2")), "; web.acme" + missing, "; it"},
		{"create a disc on a machine that does not exist", 404, "", discsCreate(www1, bigv.DiscCreate{Label: "a", Size: 50}),
			"; www1.web.acme" + missing, "; it"},
		{"get a machine that does not exist", 404, "", vmsGet(www1), "; it" + missing, "www1.web.acme does"},
		{"name is taken", 400, `{"name":["has already been taken"]}`, vmsRename(www1, "www2"), "until it is purged", ""},
		{"label is taken", 400, `{"label":["has already been taken"]}`, discsRelabel(root, "data"), "choose another name", "purged"},
		{"deleted", 400, "Virtual machine is deleted", vmsStart(www1), "undelete the virtual machine first", ""},
		{"signal refused", 400, "Machine is off", vmsReset(www1), "Machine is off [", ""},
		{"signal refused without a reason", 400, "", vmsReset(www1), "only a machine that is on receives a signal", "attribute"},
		{"reimage with an invalid attribute", 400, `{"distribution":["is not included in the list"]}`,
			vmsReimage(www1, *everything.Image), "distribution is not included", "must be off"},
		{"unknown level", 400, `{"level":["is not included in the list"]}`,
			privilegesGrant("bob", bigv.PrivilegeGrant{Level: "admin", Group: bigv.GroupID(78)}), "use account_admin, group_admin", ""},
		{"known level", 400, `{"level":["is not allowed"]}`,
			privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}), "level is not allowed", "use "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.call(t.Context(), start(t, fakeserver.Respond(tt.status, tt.body), once))
			require.Error(t, err)
			assert.ErrorContains(t, err, tt.want)
			if tt.not != "" {
				assert.NotContains(t, err.Error(), tt.not)
			}
		})
	}
	client, err := start(t, fakeserver.Respond(401, "")).With(bigv.WithAPIKey("0123456789abcdef"))
	require.NoError(t, err)
	err = get(t.Context(), client)
	assert.ErrorContains(t, err, "; check the API key: it is wrong, revoked or expired [")
	assert.NotContains(t, err.Error(), "session")
}

// An error of a call that needs a lookup says which request was made and failed, and that its own was not sent.
func TestErrorsOfLookups(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.User("alice").SetAuthorizedKeys("ssh-rsa AAAA desk")
	c, missing := srv.Client(), bigv.VirtualMachineID(99999)
	const notSent = ": this request was not sent, because another one failed: "
	for name, tt := range map[string]struct {
		err   error
		parts []string
	}{
		"start": {errorOf(c.VirtualMachines.Start(t.Context(), missing)), []string{"bigv: start virtual machine #99999" + notSent,
			"get virtual machine #99999: 404 Not Found", "[GET http", "/virtual_machines/99999"}},
		"shut down": {c.VirtualMachines.Shutdown(t.Context(), missing),
			[]string{"bigv: shut down virtual machine #99999" + notSent, "404"}},
		"move": {errorOf(c.VirtualMachines.Move(t.Context(), www1, acme.Group("x1"))), []string{notSent + "get group x1.acme: 404"}},
		"add key": {errorOf(c.Users.AddKey(t.Context(), "nobody", "ssh-rsa AAAA")),
			[]string{"bigv: add key to user nobody" + notSent + "get user nobody: 404"}},
	} {
		assert.ErrorIs(t, tt.err, bigv.ErrNotFound, name)
		assert.NotErrorIs(t, tt.err, bigv.ErrOutcomeUnknown, name)
		for _, part := range tt.parts {
			assert.ErrorContains(t, tt.err, part, name)
		}
	}
	err := errorOf(c.Users.RemoveKey(t.Context(), "alice", "laptop"))
	assert.ErrorIs(t, err, bigv.ErrNotFound)
	assert.EqualError(t, err, "bigv: remove key from user alice: nothing was changed: not found: "+
		`the user has no key with the line or comment "laptop": see User.Keys for those that it has`)
	err = errorOf(c.VirtualMachines.Start(t.Context(), bigv.GroupPath{}.VirtualMachine("x")))
	assert.ErrorContains(t, err, ": not sent: ", "no request was sent")
	for _, request := range srv.Journal() {
		assert.Equal(t, http.MethodGet, request.Method)
	}
}

// A shutdown that times out says that it was requested and may still happen.
func TestShutdownThatTimesOut(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web").VirtualMachine("www1")
	options := bigv.ShutdownOptions{Wait: bigv.WaitOptions{MaxInterval: time.Millisecond, Timeout: 20 * time.Millisecond}}
	_, err := srv.Client().VirtualMachines.ShutdownAndWait(t.Context(), www1, options)
	assert.ErrorContains(t, err, "with a shutdown requested, which may still happen")
}

func ipsUpdate(ip netip.Addr, update bigv.IPUpdate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.Update(ctx, ip, update) }
}
