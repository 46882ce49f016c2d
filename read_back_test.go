package bigv_test

import (
	"io"
	"maps"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A write whose response is empty succeeded: the object is read back. A write whose response cannot be decoded is read back if it is
// idempotent, and its outcome is unknown otherwise.
func TestWritesAreReadBack(t *testing.T) {
	t.Parallel()
	const (
		getVM       = "GET " + www1URL + "?include_deleted=true"
		idempotent  = true
		once        = false
		noReadBack  = ""
		groupList   = "GET /virtual_machines?group_id=79&include_deleted=true"
		machineList = "GET /discs?vm_id=5013"
	)
	shared := fakeserver.NewShared(t, false)
	for _, row := range []struct {
		name       string
		call       callFunc
		readBack   string // the request
		idempotent bool
		responses  responses // to the read back, if it is a list
	}{
		{"Accounts.Create", accountsCreate(bigv.AccountCreate{Name: "heron"}), "GET /accounts/heron", once, nil},
		{"Groups.Create", groupsCreate(acme, bigv.GroupCreate{Name: "db"}), "GET /accounts/acme/groups/db", once, nil},
		{"Groups.Rename", groupsRename(web, "db"), "GET /accounts/acme/groups/db", once, nil},
		{"Groups.Rename by ID", groupsRename(acme.Group("78"), "db"), "GET /accounts/acme/groups/78", once, nil},
		{"VirtualMachines.Create", vmsCreate(web, least), "GET " + www1URL, once, nil},
		{"VirtualMachines.CreateBare", vmsCreateBare(web, bigv.VirtualMachineCreate{Name: "www1"}), "GET " + www1URL, once, nil},
		{"VirtualMachines.Update", vmsUpdate(www1, bigv.VirtualMachineUpdate{Memory: new(1024)}), getVM, idempotent, nil},
		{"VirtualMachines.Update to on", vmsUpdate(www1, bigv.VirtualMachineUpdate{PowerOn: new(true)}), getVM, idempotent, nil},
		{
			"VirtualMachines.Update to off for good",
			vmsUpdate(www1, bigv.VirtualMachineUpdate{PowerOn: new(false), AutorebootOn: new(false)}), getVM, idempotent, nil,
		},
		{
			"VirtualMachines.Update to off, which may be a restart", vmsUpdate(www1, bigv.VirtualMachineUpdate{PowerOn: new(false)}),
			getVM, once, nil,
		},
		{
			"VirtualMachines.Update to off and on, a restart",
			vmsUpdate(www1, bigv.VirtualMachineUpdate{PowerOn: new(false), AutorebootOn: new(true)}), getVM, once, nil,
		},
		{
			"VirtualMachines.Update to boot from an appliance",
			vmsUpdate(www1, bigv.VirtualMachineUpdate{Appliance: &bigv.Appliance{Name: "rescue"}}), getVM, once, nil,
		},
		{"VirtualMachines.Rename", vmsRename(www1, "www2"), "GET " + webURL + "/virtual_machines/www2?include_deleted=true", once, nil},
		{
			"VirtualMachines.Rename by ID", vmsRename(web.VirtualMachine("5012"), "www2"),
			"GET " + webURL + "/virtual_machines/5012?include_deleted=true", once, nil,
		},
		{
			"VirtualMachines.Move", vmsMove(www1, acme.Group("79")),
			"GET /accounts/acme/groups/79/virtual_machines/www1?include_deleted=true", once, nil,
		},
		{
			"VirtualMachines.Move to a group by ID alone", vmsMove(www1, bigv.GroupID(79)), groupList, once,
			responses{"GET /virtual_machines": `[{"id":1,"name":"www1","group_id":79}]`},
		},
		{"VirtualMachines.Start", vmsStart(www1), getVM, idempotent, nil},
		{"VirtualMachines.Stop", vmsStop(www1), getVM, idempotent, nil},
		{"VirtualMachines.Restart", vmsRestart(www1), getVM, once, nil},
		{"VirtualMachines.Boot", vmsBoot(www1, "netinst"), getVM, once, nil},
		{"VirtualMachines.Rescue", vmsRescue(www1), getVM, once, nil},
		{"VirtualMachines.Undelete", vmsUndelete(www1), getVM, idempotent, nil},
		{"Discs.Create", discsCreate(www1, bigv.DiscCreate{Label: "data", Size: 50}), "GET " + www1URL + "/discs/data", once, nil},
		{"Discs.Create without a label", discsCreate(www1, bigv.DiscCreate{Size: 50}), noReadBack, once, nil},
		{"Discs.Update", discsUpdate(root, bigv.DiscUpdate{Size: new(100)}), "GET " + rootURL, idempotent, nil},
		{"Discs.Resize", discsResize(root, 100), "GET " + rootURL, idempotent, nil},
		{"Discs.Relabel", discsRelabel(root, "system"), "GET " + www1URL + "/discs/system", once, nil},
		{"Discs.Relabel by ID", discsRelabel(www1.Disc("900"), "system"), "GET " + www1URL + "/discs/900", once, nil},
		{"Discs.Move", discsMove(root, web.VirtualMachine("5013")), "GET " + webURL + "/virtual_machines/5013/discs/root", once, nil},
		{
			"Discs.Move to a machine by ID alone", discsMove(root, bigv.VirtualMachineID(5013)), machineList, once,
			responses{"GET /discs": `[{"id":1,"label":"root","virtual_machine_id":5013}]`},
		},
		{"Users.Update", usersUpdate("alice", bigv.UserUpdate{AuthorizedKeys: new("")}), "GET /users/alice", idempotent, nil},
		{"Users.Create", usersCreate(bigv.UserCreate{Username: "carol"}), "GET /users/carol", once, nil},
		{
			"Privileges.Grant", privilegesGrant("bob", bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)}), noReadBack,
			once, nil,
		},
		{"Privileges.Update", privilegesUpdate(31, bigv.PrivilegeUpdate{YubikeyRequired: new(true)}),
			"GET /privileges/31", idempotent, nil},
	} {
		for _, response := range []struct {
			text  string
			empty bool
		}{
			{"200 ", true}, {"201 \r\n", true}, {"200 {}", true}, {"201  { } ", true}, {"202 null", true}, {"204 ", true},
			{"200 [1", false}, {`201 {"id":1,"id":2}`, false}, {"202 OK", false}, {"200 <html>", false},
		} {
			t.Run(row.name+" "+response.text, func(t *testing.T) {
				t.Parallel()
				table := responses{"POST": response.text, "PUT": response.text}
				maps.Copy(table, row.responses)
				srv := shared.New(fakeserver.Table(t, table))
				got, err := row.call(t.Context(), newClient(t, srv))
				if !response.empty && (!row.idempotent || response.text == "200 <html>" || response.text == "202 OK") {
					require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
					require.ErrorIs(t, err, bigv.ErrInvalidResponse)
					assert.Len(t, srv.Sent(), 1)
					return
				}
				require.NoError(t, err)
				if row.readBack == noReadBack {
					assert.Len(t, srv.Sent(), 1)
					assert.Zero(t, got)
					return
				}
				require.Len(t, srv.Sent(), 2)
				assert.Equal(t, row.readBack, srv.Sent()[1])
				want := 1
				if last, err := strconv.Atoi(path.Base(strings.TrimSuffix(row.readBack, "?include_deleted=true"))); err == nil {
					want = last
				}
				assert.EqualValues(t, want, reflect.ValueOf(got).FieldByName("ID").Int(), "the object that was read back")
			})
		}
	}
}

// Of the response to a deletion or a signal, only the status matters.
func TestResponsesThatAreNotDecoded(t *testing.T) {
	t.Parallel()
	shared := fakeserver.NewShared(t, false)
	for _, row := range []struct {
		name string
		call callFunc
	}{
		{"Accounts.Delete", accountsDelete(acme)},
		{"Groups.Delete", groupsDelete(web)},
		{"VirtualMachines.Delete", vmsDelete(www1)},
		{"VirtualMachines.Purge", vmsPurge(www1)},
		{"VirtualMachines.Reset", vmsReset(www1)},
		{"VirtualMachines.PowerDown", vmsPowerDown(www1)},
		{"VirtualMachines.SendKeys", vmsSendKeys(www1, []string{"esc"})},
		{"VirtualMachines.Reimage", vmsReimage(www1, bigv.Image{Distribution: "stretch"})},
		{"Discs.Purge", discsPurge(root)},
		{"Users.Delete", usersDelete("alice")},
		{"Privileges.Revoke", privilegesRevoke(31)},
	} {
		for _, text := range []string{"200 ", "200 {}", "200 null", `200 {"signal":"reset"}`, `201 {"id":1}`, "202 ", "204"} {
			t.Run(row.name+" "+text, func(t *testing.T) {
				t.Parallel()
				srv := shared.New(fakeserver.Table(t, responses{"POST": text, "DELETE": text}))
				_, err := row.call(t.Context(), newClient(t, srv))
				require.NoError(t, err)
				assert.Len(t, srv.Sent(), 1)
			})
		}
		// Something between the client and the service responded in its place.
		for _, text := range []string{"200 OK", "200 \xef\xbb\xbf<html>", "200 <html>", "200 {", "202 \x1f\x8b"} {
			t.Run(row.name+" "+text, func(t *testing.T) {
				t.Parallel()
				srv := shared.New(fakeserver.Table(t, responses{"POST": text, "DELETE": text}))
				_, err := row.call(t.Context(), newClient(t, srv))
				require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
				require.ErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.Len(t, srv.Sent(), 1)
			})
		}
		t.Run(row.name+" with an HTML page", func(t *testing.T) {
			t.Parallel()
			srv := shared.New(fakeserver.Respond(http.StatusOK, "<html>Log in to the network</html>"))
			_, err := row.call(t.Context(), newClient(t, srv))
			require.ErrorIs(t, err, bigv.ErrInvalidResponse)
			require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
		})
	}
}

// A 2xx to a request that may be repeated shows that the operation succeeded even if its body is cut short, unless what has arrived shows
// that it comes from something between the client and the service.
func TestCutResponsesOfWrites(t *testing.T) {
	for _, row := range []struct {
		name, contentType, body string
		succeeds                bool
	}{
		{"JSON", "application/json", `{"id":5`, true},
		{"JSON with a charset", "application/json; charset=utf-8", `{"id":5`, true},
		{"JSON as text", "text/plain", `{"id":5`, true},
		{"white space before JSON", "application/json", " \n", true},
		{"nothing of JSON", "Application/JSON", "", true},
		{"nothing of a type of JSON", "application/problem+json", "", true},
		{"nothing of no type", "", "", true},
		{"nothing of a page", "text/html; charset=utf-8", "", false},
		{"nothing of a text", "text/plain", "", false},
		{"a page", "text/html", "<html>", false},
		{"a page as JSON", "application/json", "<html>", false},
		{"a page after a byte order mark", "", "\xef\xbb\xbf<html>", false},
		{"a page in UTF-16", "", "\xff\xfe<\x00h\x00", false},
		{"a text", "text/plain", "Please log", false},
		{"a text as JSON", "application/json", "Please log", false},
	} {
		for _, op := range operations {
			if op.class != idempotent {
				continue
			}
			t.Run(row.name+"/"+op.name, func(t *testing.T) {
				client := start(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method != op.method {
						fakeserver.Service(w, r)
						return
					}
					w.Header()["Content-Type"] = nil // not derived from the body
					if row.contentType != "" {
						w.Header().Set("Content-Type", row.contentType)
					}
					w.Header().Set("Content-Length", "100")
					_, _ = io.WriteString(w, row.body)
				})
				err := op.call(t.Context(), client)
				if row.succeeds {
					require.NoError(t, err)
					return
				}
				assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
			})
		}
	}
}

func TestFailedReadBackSaysThatTheWriteSucceeded(t *testing.T) {
	t.Parallel()
	client := start(t, fakeserver.Table(t, responses{"PUT " + www1URL: "200 ", "GET " + www1URL: "403 no"}))
	_, err := client.VirtualMachines.Start(t.Context(), www1)
	require.ErrorIs(t, err, bigv.ErrForbidden)
	assert.ErrorContains(t, err, "bigv: start virtual machine www1.web.acme: the request succeeded, but reading the result failed: "+
		"get virtual machine www1.web.acme: 403 Forbidden")
}

// The statuses 429 and 503 mean for a write that it was not applied. A caller who retries on them must not repeat one that was.
func TestFailedReadBackDoesNotSayThatTheWriteWasNotApplied(t *testing.T) {
	t.Parallel()
	for status, kind := range map[string]error{"404": bigv.ErrNotFound, "429": bigv.ErrRateLimited, "503": bigv.ErrUnavailable} {
		client := start(t, fakeserver.Table(t, responses{"POST " + www1URL + "/discs": "200 {}", "GET " + rootURL: status + " no"}))
		_, err := client.Discs.Create(t.Context(), www1, bigv.DiscCreate{Label: "root", Size: 100})
		assert.ErrorContains(t, err, "the request succeeded, but reading the result failed", status)
		assert.NotErrorIs(t, err, kind)
	}
}
