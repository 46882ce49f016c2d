package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

const (
	anyVM   = `/virtual_machines/[^/?]+`
	anyDisc = anyVM + `/discs/[^/?]+`
)

// quirks has a quirk for each expectation, with which the service does not meet it.
var quirks = map[string]quirk{
	"A success is JSON, also by its Content-Type":                        on("GET /nics", header("Content-Type", "text/html")),
	"Definitions need no token":                                          on("GET /definitions", status(401)),
	"A read is not redirected":                                           on("GET /virtual_machines", status(301)),
	"A list is a bare array, without pages":                              on("GET /discs", header("Link", `</discs?page=2>; rel="next"`)),
	"An empty list is []":                                                on("/backups", plain(200, "{}")),
	"Unknown query parameters are ignored":                               on("probe_unknown", lastRemoved),
	"A response has no encoding but gzip":                                on("GET /virtual_machines", header("Content-Encoding", "br")),
	"The largest list is within the client's limit":                      {probe: func(p *probe) { p.limit = 1000 }},
	"A wrong token gets 401":                                             on("GET /accounts", only(hasStatus(401), status(403))),
	"A missing token gets 401":                                           on("GET /accounts", only(hasStatus(401), status(400))),
	"The body of a 401 is a short text":                                  on("GET /accounts", only(hasStatus(401), page)),
	"An unknown object gets 404":                                         on("GET /accounts/", status(403)),
	"An unknown path gets 404":                                           on("GET /probe/", status(200)),
	"The body of a 404 is a short text":                                  on("GET /accounts/", page),
	"An unknown session gets 404":                                        on("GET /session/", status(401)),
	"Flat and nested lists of groups agree":                              on(`GET /groups\?`, lastRemoved),
	"Flat and nested lists of virtual machines agree":                    on(`GET /virtual_machines\?`, lastRemoved),
	"Flat and nested lists of discs agree":                               query("GET /discs", without("vm_id")),
	"Flat and nested lists of network interfaces agree":                  query("GET /nics", without("vm_id")),
	"Flat and nested lists of privileges agree":                          on("GET /users/alice/privileges", lastRemoved),
	"view=overview of an account embeds everything in it":                on("GET /accounts/acme", noLists),
	"view=overview of a machine embeds its discs and network interfaces": query("GET /accounts/.*view", without("view")),
	"Without view=overview nothing is embedded":                          query("GET /accounts/", withOverview),
	"Lists are in the order of IDs":                                      on("GET /groups", reversed),
	"Deleted machines are not listed without include_deleted":            query("GET /virtual_machines", withDeleted),
	"account_id filters groups":                                          on(`GET /groups\?`, add("account_id", 99)),
	"group_id filters virtual machines":                                  on(`GET /virtual_machines\?`, add("group_id", 99)),
	"account_name filters virtual machines":                              on(`GET /virtual_machines\?`, add("hostname", "a.b.c.d")),
	"vm_name with its parents filters discs":                             query("GET /discs", without("vm_name", "group_name")),
	"A filter by an unknown account gets 404":                            on(`GET /virtual_machines\?`, plain(200, "[]")),
	"Digits in a nested URL are an ID":                                   on("GET /accounts/[0-9]+/", status(404)),
	"A flat URL finds a machine by its ID":                               on("GET /virtual_machines/[0-9]+", add("id", 99)),
	"A flat URL finds a machine by its name":                             on("GET /virtual_machines/www", add("name", "other")),
	"A flat and a nested URL return the same disc":                       on("GET /discs/", add("size", 1)),
	"A disc is found by its label":                                       on("GET .*/discs/[^0-9/]", status(404)),
	"Names of another letter case are the same object or none":           on("GET /accounts/ACME", add("id", 99)),
	"default is the name of the default group":                           on("GET .*/groups/default$", status(404)),
	"A host name begins with machine, group and account":                 on("GET /accounts/.*"+anyVM, add("hostname", "www1.acme.example.org")),
	"An encoded colon in the path of an IPv6 address is accepted":        on("GET /ips/.*(:|%3A)", status(404)),
	"A deleted machine gets 404 without include_deleted":                 query("GET /virtual_machines/", withDeleted),
	"A deleted machine can be read with include_deleted":                 query("GET /virtual_machines/", without("include_deleted")),

	"Timestamps can be parsed":                               on("GET /api_keys", set("expires_at", "next year")),
	"Definitions have the expected types":                    on("GET /definitions", set("data", "york")),
	"Constants of the package are in the definitions":        on("GET /definitions", set("data", []string{"sata"})),
	"Primary addresses are an IPv4 and then an IPv6 address": on("GET /nics", set("ips", []string{"2001:db8::1", "192.0.2.1"})),
	"Memory and sizes of discs are in MiB":                   on("GET /virtual_machines", set("memory", 1<<30)),
	"A key is not readable after its creation":               on("GET /api_keys", add("api_key", "s3cret")),

	"The service speaks HTTP/2":                      {server: func(ts *httptest.Server) { ts.EnableHTTP2 = false }},
	"A connection is used again":                     on("", header("Connection", "close")),
	"An idle connection outlives the client's limit": closesIdle,
	"Retry-After is a number of seconds or a date":   on("GET /accounts", only(hasStatus(503), header("Retry-After", "soon"))),

	"POST of a group gets 200 or 201":                               on("POST .*/groups$", status(202)),
	"vm_create gets 202":                                            on("vm_create", status(200)),
	"The Location of vm_create, if there is one, is the machine":    on("vm_create", header("Location", "/jobs/1")),
	"The response to vm_create has the machine in virtual_machine":  on("vm_create", plain(202, `{"id":1,"name":"probe1"}`)),
	"A machine that is being provisioned gets 202":                  on("GET .*"+anyVM, status(200)),
	"PUT returns the machine without its discs":                     on("PUT .*"+anyVM, add("discs", []int{})),
	"An unknown attribute is discarded":                             onSent("PUT", "probe_unknown", status(400)),
	"A read-only attribute is discarded":                            afterPut(add("hostname", "probe.example.org")),
	"PUT changes only the attributes that it has":                   sent("PUT", func(_ *http.Request, body object) { body["memory"] = 2048 }),
	"false is stored":                                               sent("PUT", func(_ *http.Request, body object) { dropZero(body) }),
	"null clears an attribute":                                      sent("PUT", func(_ *http.Request, body object) { dropZero(body) }),
	"POST of a disc gets 200 or 201":                                on("POST .*/discs", plain(201, "{}")),
	"POST of a backup schedule gets 200 or 201":                     on("POST .*/backup_schedules", status(204)),
	"POST of a privilege gets 200 or 201":                           on("POST .*/privileges", status(202)),
	"POST of an API key gets 200 or 201":                            on("POST .*/api_keys", status(202)),
	"A new API key is in the response, without its prefix":          on("POST .*/api_keys", add("api_key", "apikey.1234")),
	"The expiry of an API key is returned as it was sent":           on("POST .*/api_keys", add("expires_at", "2001-01-01T00:00:00Z")),
	"A name that is taken gets 400 of the attribute":                on("POST .*/groups$", only(hasStatus(400), status(409))),
	"The name of a machine that is taken gets 400 of the attribute": on("vm_create", only(hasStatus(400), plain(400, `{"base":["taken"]}`))),
	"A 400 names each wrong attribute of a machine": on("vm_create", only(hasStatus(400),
		edit(func(v any) any { return object{"virtual_machine": v} }))),
	"A 400 of wrong discs is a list by position":                      on("vm_create", set("discs", []string{"size is wrong"})),
	"A 400 of a PUT names each wrong attribute":                       on("PUT .*"+anyVM, add("memory", "is not included in the list")),
	"A backup schedule without interval_seconds gets 400 with a text": on("/backup_schedules", plain(400, `{"interval_seconds":[""]}`)),
	"A disc with the label vda gets 400 of the attribute":             on("POST .*/discs", only(hasStatus(400), status(201))),
	"A smaller size of a disc gets 400 of the attribute":              on("PUT .*/discs", status(200)),
	"A PUT of another Content-Type gets 415":                          on("PUT", only(hasStatus(415), status(200))),
	"Malformed JSON gets 400":                                         on("PUT", only(hasText("JSON"), status(500))),
	"A signal to a machine that is off gets 400":                      on("POST .*/signal", status(409)),
	"A change of a privilege of one's own level gets 403":             on("PUT /privileges", status(404)),
	"The body of a 403 is a short text":                               on("PUT /privileges", page),
	"A login with a wrong name gets 400, 401 or 403 with a text":      on("POST /session", status(422)),

	"DELETE of a disc without purge gets 500":                          on("DELETE .*"+anyDisc+"$", status(204)),
	"DELETE of a disc with purge gets 204":                             on("DELETE .*purge=true", status(202)),
	"A repeated DELETE gets 404":                                       on("DELETE .*purge=true", only(hasStatus(404), status(204))),
	"DELETE of a backup schedule gets 204":                             on("DELETE .*/backup_schedules", status(202)),
	"DELETE of a privilege gets 200 or 204":                            on("DELETE /privileges", status(202)),
	"DELETE of an API key gets 200 or 204":                             on("DELETE /api_keys", status(202)),
	"DELETE of a group with a machine gets 400 with a text":            on("DELETE .*/groups/[^/]+$", only(hasStatus(400), page)),
	"DELETE of a machine gets 204":                                     on("DELETE .*"+anyVM+"$", status(202)),
	"A machine that was just deleted gets 404":                         query("GET .*"+anyVM, withDeleted),
	"A machine that was just deleted can be read with include_deleted": on("GET .*include_deleted", add("deleted", false)),
	"A group with a deleted machine cannot be deleted":                 on("DELETE .*/groups/[^/]+$", only(hasStatus(400), status(204))),
	"A deleted machine can be restored, and is off":                    on("GET .*"+anyVM, add("power_on", true)),
	"DELETE of a machine with purge gets 204":                          on("DELETE .*purge=true", status(202)),
	"A repeated purge of a machine gets 404":                           on("DELETE .*purge=true", only(hasStatus(404), status(204))),
	"DELETE of an empty group gets 204":                                on("DELETE .*/groups/[^/]+$", status(200)),
}

// memberQuirks has, for each kind of object, a member and a value of another type for it.
var memberQuirks = map[string]struct {
	member string
	value  any
}{
	"account": {"suspended", "no"}, "group": {"account_id", "acme"}, "virtual machine": {"memory", "2 GiB"}, "disc": {"size", 1.5},
	"network interface": {"mac", 1}, "IP address": {"address", "localhost"}, "user": {"id", "alice"}, "privilege": {"level", 3},
	"API key": {"label", []string{}}, "backup": {"manual", "yes"}, "backup schedule": {"interval_seconds", "weekly"},
	"session": {"factors", "password"},
}

func init() {
	for kind, m := range memberQuirks {
		quirks["Members of "+article(kind)+" have the expected types"] = on("GET", set(m.member, m.value))
		quirks["Members of "+article(kind)+" are null only where expected"] = on("GET", set(m.member, nil))
	}
}

func withOverview(v url.Values) { v.Set("view", "overview") }

func withDeleted(v url.Values) { v.Set("include_deleted", "true") }

// closesIdle makes the server close connections as soon as they are idle.
var closesIdle = quirk{
	server: func(ts *httptest.Server) { ts.EnableHTTP2, ts.Config.IdleTimeout = false, time.Millisecond },
	probe:  func(p *probe) { p.idle = 200 * time.Millisecond },
}

// dropZero removes members that are false or null, as an encoder with omitempty does.
func dropZero(body object) {
	for name, value := range body {
		if value == nil || value == false {
			delete(body, name)
		}
	}
}

// onSent returns a quirk of responses to requests with a text in their bodies.
func onSent(method, text string, change func(*reply)) quirk {
	found := false
	return quirk{
		request: func(r *http.Request, body []byte) []byte {
			found = r.Method == method && strings.Contains(string(body), text)
			return body
		},
		response: func(_ *http.Request, a *reply) {
			if found {
				change(a)
			}
		},
	}
}

// afterPut returns a quirk of reads that follow a PUT.
func afterPut(change func(*reply)) quirk {
	isChanged := false
	return quirk{response: func(r *http.Request, a *reply) {
		isChanged = isChanged || r.Method == http.MethodPut
		if isChanged && r.Method == http.MethodGet {
			change(a)
		}
	}}
}

// untestable lists the expectations that nothing of an in-memory server can show.
var untestable = map[string]bool{"Retry-After is a number of seconds or a date": true}

func TestAllExpectationsHoldInMemory(t *testing.T) {
	srv := bigvtest.NewServer(t)
	p := newQuirkyProbe(t, srv, quirk{})
	require.NoError(t, p.run(t.Context(), expectations(), true, func(f finding) {
		want := holds
		if untestable[f.Expectation] {
			want = isUntested
		}
		assert.Equal(t, want, f.Result, "%+v", f)
	}))
	require.NoError(t, p.cleanUp(t.Context()))
	assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames())
}

func TestEachExpectationDiffersWithItsQuirk(t *testing.T) {
	names := map[string]bool{}
	for _, e := range expectations() {
		assert.False(t, names[e.name], "two expectations are called %q", e.name)
		names[e.name] = true
		t.Run(e.name, func(t *testing.T) {
			q, ok := quirks[e.name]
			require.True(t, ok, "expectations_test.go: add a quirk")
			srv := bigvtest.NewServer(t)
			p := newQuirkyProbe(t, srv, q)
			selected := []expectation{e}
			if untestable[e.name] {
				srv.Inject(bigvtest.Unavailable())
				selected = []expectation{httpExpectations[0], e}
			}
			var f finding
			require.NoError(t, p.run(t.Context(), selected, true, func(found finding) { f = found }))
			assert.Equal(t, isOther, f.Result, "%+v", f)
			assert.NotEmpty(t, f.Seen)

			// Without the quirk, it holds also if it is the only one that is tested.
			srv = bigvtest.NewServer(t)
			p = newQuirkyProbe(t, srv, quirk{})
			if untestable[e.name] {
				srv.Inject(bigvtest.Unavailable())
			}
			require.NoError(t, p.run(t.Context(), selected, true, func(found finding) { f = found }))
			assert.Equal(t, holds, f.Result, "%+v", f)
		})
	}
	for name := range quirks {
		assert.True(t, names[name], "no expectation is called %q", name)
	}
}
