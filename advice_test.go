package bigv_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
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
		{"get a machine that does not exist", 404, "", vmsGet(www1),
			"; it does not exist or is deleted, or you lack permission to see it", "www1.web.acme does"},
		{"get a machine, deleted ones too", 404, "", vmsGet(www1, bigv.WithDeleted()), "; it" + missing, "is deleted"},
		{"get a group that does not exist", 404, "", groupsGet(web), "; it" + missing, "is deleted"},
		{"read that is refused for now", 503, "", vmsGet(www1), "503 Service Unavailable; try again in a few seconds", "applied"},
		{"read that is rate limited", 429, "", vmsGet(www1), "429 Too Many Requests; try again later", "applied"},
		{"write that is refused for now", 503, "", vmsReset(www1), "; the request was not applied: try again in", ""},
		{"create without permission", 403, "", vmsCreate(web, newMachine("www2")), "; you lack permission to do this", "see"},
		{"proxy", 407, "", vmsGet(www1), "; a proxy requires credentials", "base URL"},
		{"conflict of a rename", 409, "", vmsRename(www1, "www2"), "; choose another name, or use the resource", "base URL"},
		{"conflict of a move", 409, "", vmsMove(www1, bigv.GroupID(78)), "; choose another name, or use the resource", "base URL"},
		{"conflict of a reset", 409, "", vmsReset(www1), "the API does not document this status", "name"},
		{"session that has ended", 404, "", sessionsGet("abcdefgh12345678"), "; the session has ended, or the token is wrong", "base URL"},
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

// The error of a login, also of one for another call, says what to do about the login.
func TestAdviceOnLogins(t *testing.T) {
	const credentials = "; check the user name, the password and the second factor ["
	for _, tt := range []struct {
		status         int
		body           string
		implicit, want string // want is what Sessions.Create says, if that differs
	}{
		{400, "", credentials, ""},
		{401, "", credentials, ""},
		{403, "", credentials, ""},
		{404, "", "; check the authentication URL [", ""},
		{418, "", "; the API does not document this status; check the authentication URL [", ""},
		{429, "", "429 Too Many Requests; try again later, and less often [", "; the request was not applied: try again later"},
		{500, "", "; the service failed: try again later [", "; outcome unknown"},
		{502, "", "; the service cannot be reached at present: try again later [", "; outcome unknown"},
		{503, "", "503 Service Unavailable; try again in a few seconds [", "; the request was not applied: try again in"},
		{200, "<html></html>", "; check the authentication URL, and whether a proxy is in the way [", "; outcome unknown"},
		{200, "", "; check the authentication URL, and whether a proxy is in the way [", "; outcome unknown"},
	} {
		server := httptest.NewServer(fakeserver.Respond(tt.status, tt.body))
		t.Cleanup(server.Close)
		client, err := bigv.NewClient(bigv.WithBaseURL(server.URL), bigv.WithAuthURL(server.URL), bigv.WithInsecureHTTP(), once,
			bigv.WithCredentials("alice", "secret word"))
		require.NoError(t, err)
		err = client.VirtualMachines.Reset(t.Context(), www1)
		assert.ErrorContains(t, err, "this request was not sent, because another one failed: getting a token: log in alice: ")
		assert.ErrorContains(t, err, tt.implicit)
		assert.NotContains(t, err.Error(), "base URL")
		assert.NotContains(t, err.Error(), "applied")
		err = errorOf(client.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("secret word")}))
		assert.ErrorContains(t, err, cmp.Or(tt.want, tt.implicit))
		assert.NotContains(t, err.Error(), "base URL")
	}
}

// Errors say what is wrong with an argument, and name the kind of a path that is empty.
func TestMessagesAboutArguments(t *testing.T) {
	c := start(t, fakeserver.Respond(200, "{}"))
	none := bigv.VirtualMachinePath{}
	vms := c.VirtualMachines
	update := func(u bigv.VirtualMachineUpdate) error { return errorOf(vms.Update(t.Context(), www1, u)) }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errorOf(c.Discs.Move(t.Context(), root, none)), "move disc root.www1.web.acme: not sent: virtual machine path is empty: "},
		{errorOf(vms.Create(t.Context(), bigv.GroupPath{}, newMachine("www2"))), "not sent: group path is empty: "},
		{errorOf(c.Users.Get(t.Context(), "")), "not sent: user path is empty: "},
		{c.Backups.Purge(t.Context(), bigv.BackupPath{}), "not sent: backup path is empty: "},
		{errorOf(vms.Wait(t.Context(), none, bigv.PoweredOn, bigv.WaitOptions{})),
			"bigv: wait for virtual machine: get virtual machine: not sent: virtual machine path is empty: "},
		{update(bigv.VirtualMachineUpdate{Cores: new(0)}), "cores must be positive, got 0"},
		{update(bigv.VirtualMachineUpdate{Memory: new(-1)}), "memory must be positive, got -1 MiB"},
		{errorOf(c.Privileges.Grant(t.Context(), "bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin})),
			"grant privilege group_admin to bob: not sent: level group_admin needs Group, but none is set"},
		{json.Unmarshal([]byte(`{"interval_seconds":"x"}`), new(bigv.BackupSchedule)), "/interval_seconds is a string, want an integer"},
	} {
		assert.ErrorContains(t, tt.err, tt.want)
	}
}

// An error that contains another one of this package names the package once.
func TestMessagesNameThePackageOnce(t *testing.T) {
	srv := bigvtest.NewServer(t)
	srv.Account("acme").Group("web")
	remove := srv.Inject(bigvtest.Fault{Method: http.MethodPost, DropBefore: true, Times: -1})
	options := bigv.WaitOptions{MaxInterval: time.Millisecond, NotFoundGrace: time.Millisecond}
	_, _, err := srv.Client().VirtualMachines.FindOrCreate(t.Context(), web, newMachine("www2"), options)
	for _, part := range []string{
		"create virtual machine www2.web.acme: the server closed the connection without a response: EOF; outcome unknown",
		"; looking for it failed: wait for virtual machine www2.web.acme: get virtual machine www2.web.acme: 404 Not Found",
		"; repeat the call later: it looks first",
	} {
		assert.ErrorContains(t, err, part)
	}
	assert.Equal(t, 1, strings.Count(err.Error(), "bigv: "), err.Error())
	assert.ErrorIs(t, err, io.EOF)
	remove()

	srv.User("alice").SetPassword("secret word").SetSecondFactor(bigv.TwoFactor, "123456", "654321")
	sameCode := func(context.Context) (bigv.Secret, error) { return bigv.NewSecret("123456"), nil }
	client, err := bigv.NewClient(bigv.WithBaseURL(srv.URL()), bigv.WithAuthURL(srv.AuthURL()), bigv.WithInsecureHTTP(),
		bigv.WithCredentials("alice", "secret word"), bigv.WithSecondFactor(bigv.TwoFactor, sameCode))
	require.NoError(t, err)
	require.NoError(t, errorOf(client.Accounts.List(t.Context(), bigv.AccountListOptions{})))
	srv.ExpireSessions()
	err = errorOf(client.Accounts.List(t.Context(), bigv.AccountListOptions{}))
	assert.ErrorContains(t, err, ": getting another token: log in: getting the second factor: session expired: ")
	assert.ErrorContains(t, err, "; try again when it shows the next [")
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
		"shut down and wait": {errorOf(c.VirtualMachines.ShutdownAndWait(t.Context(), missing, bigv.ShutdownOptions{})),
			[]string{"bigv: shut down virtual machine #99999" + notSent + "get virtual machine #99999: 404 Not Found"}},
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
	assert.ErrorContains(t, err, "with a shutdown requested, which may still happen: wait longer, or use Stop")
}

func ipsUpdate(ip netip.Addr, update bigv.IPUpdate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.IPs.Update(ctx, ip, update) }
}

func sessionsGet(token string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.Sessions.Get(ctx, bigv.NewSecret(token))
	}
}
