package bigv_test

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// captureTimes matches what differs in a capture from run to run.
var captureTimes = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, after [0-9.µmns]+|Date: .*`)

func TestCapture(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		call    func(*testing.T, *bigv.Client) error
		opts    []bigv.Option
		want    string
	}{
		{"a read", fakeserver.Respond(200, `{"id":78,"name":"web"}`), func(t *testing.T, c *bigv.Client) error {
			_, err := c.Groups.Get(t.Context(), web)
			return err
		}, nil, `--- get group web.acme, attempt 1, TIME
> GET BASE/accounts/acme/groups/web
> Accept: application/json
> Accept-Encoding: identity
> Authorization: [redacted]
> Content-Type: application/json
> User-Agent: bigv-go/0.1.0
< 200 OK
< Content-Length: 22
< Content-Type: text/plain; charset=utf-8
< TIME
<
< {"id":78,"name":"web"}

`},
		{"a write that is retried, and whose secrets are echoed",
			sequence(fakeserver.Respond(503, "busy\n\x1b[2J"), fakeserver.Respond(400, `{"password":["p4ssw0rd is too short"]}`)),
			func(t *testing.T, c *bigv.Client) error {
				_, err := c.Users.Update(t.Context(), "alice",
					bigv.UserUpdate{AuthorizedKeys: new("ssh-rsa AAAA a@example.com"), Password: bigv.NewSecret("p4ssw0rd")})
				return err
			}, nil, `--- update user alice, attempt 1, TIME
> PUT BASE/users/alice
> Accept: application/json
> Accept-Encoding: identity
> Authorization: [redacted]
> Content-Type: application/json
> User-Agent: bigv-go/0.1.0
>
> {"authorized_keys":"ssh-rsa AAAA a@example.com","password":"[redacted]"}
< 503 Service Unavailable
< Content-Length: 9
< Content-Type: text/plain; charset=utf-8
< TIME
<
< busy
< ` + "\uFFFD" + `[2J

--- update user alice, attempt 2, TIME
> PUT BASE/users/alice
> Accept: application/json
> Accept-Encoding: identity
> Authorization: [redacted]
> Content-Type: application/json
> User-Agent: bigv-go/0.1.0
>
> {"authorized_keys":"ssh-rsa AAAA a@example.com","password":"[redacted]"}
< 400 Bad Request
< Content-Length: 38
< Content-Type: text/plain; charset=utf-8
< TIME
<
< {"password":["[redacted] is too short"]}

`},
		{"a secret that the service generated", fakeserver.Respond(200, `{"id":3,"label":"ci","api_key" : "n3w\"key"}`),
			func(t *testing.T, c *bigv.Client) error {
				_, err := c.APIKeys.Create(t.Context(), bigv.UserID(7), bigv.APIKeyCreate{Label: "ci"})
				return err
			}, nil, `< {"id":3,"label":"ci","api_key" : "[redacted]"}
`},
		{"headers", fakeserver.Respond(200, "{}", "Set-Cookie", "id=s3ssion", "Content-Location", "/session/s3ssion",
			"Location", "/s3ssion", "X-Session-Id", "s3ssion", "X-Runtime", "0.1", "X-Request-Id", "4711", "Server", "nginx"),
			func(t *testing.T, c *bigv.Client) error {
				return c.Do(t.Context(), "DELETE", "/x", nil, nil,
					bigv.WithHeader("X-Token", "s3cret"), bigv.WithHeader("Cookie", "id=s3ssion"))
			}, nil, `
> Accept: application/json
> Accept-Encoding: gzip
> Authorization: [redacted]
> Content-Type: application/json
> Cookie: [redacted]
> User-Agent: bigv-go/0.1.0
> X-Token: [redacted]
< 200 OK
< Content-Length: 2
< Content-Location: [redacted]
< Content-Type: text/plain; charset=utf-8
< TIME
< Location: [redacted]
< Server: nginx
< Set-Cookie: [redacted]
< X-Request-Id: 4711
< X-Runtime: 0.1
< X-Session-Id: [redacted]
<
< {}
`},
		{"a body that is cut within a secret that the client sent", func(w http.ResponseWriter, r *http.Request) {
			fakeserver.Respond(500, "bad p4ssw", "Content-Length", "100")(w, r)
			flush(w)
			panic(http.ErrAbortHandler)
		}, func(t *testing.T, c *bigv.Client) error {
			_, err := c.Users.Update(t.Context(), "alice", bigv.UserUpdate{Password: bigv.NewSecret("p4ssw0rd")})
			return err
		}, nil, "< bad [redacted]\n! response was cut short: unexpected EOF\n"},
		{"a URL with a password", fakeserver.Respond(400, `{"cdrom_url":["p4ssw0rd is wrong"]}`), func(t *testing.T, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Update(t.Context(), www1,
				bigv.VirtualMachineUpdate{CDROMURL: bigv.Set("https://me:p4ssw0rd@host/a.iso")}))
		}, nil, `< {"cdrom_url":["[redacted] is wrong"]}`},
		{"a truncated secret that the service generated", func(w http.ResponseWriter, r *http.Request) {
			fakeserver.Respond(200, `{"id":3,"api_key":"n3wkey`)(w, r)
			flush(w)
			panic(http.ErrAbortHandler)
		}, func(t *testing.T, c *bigv.Client) error {
			_, err := c.APIKeys.Create(t.Context(), bigv.UserID(7), bigv.APIKeyCreate{Label: "ci"})
			return err
		}, nil, `< {"id":3,"api_key":"[redacted]"
! response was cut short: unexpected EOF
`},
		{"a login", fakeserver.Respond(200, "s3ssion"), func(t *testing.T, c *bigv.Client) error {
			_, err := c.Sessions.Create(t.Context(), bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("pw")})
			return err
		}, nil, `> POST /session
> Accept: text/plain
> Accept-Encoding: identity
> Content-Type: application/json
> User-Agent: bigv-go/0.1.0
>
> [redacted]
< 200 OK
< Content-Length: 7
< Content-Type: text/plain; charset=utf-8
< TIME
<
< [redacted]
`},
		{"a streamed list", fakeserver.Respond(200, `[{"id":78}]`), func(t *testing.T, c *bigv.Client) error {
			for _, err := range c.Groups.All(t.Context(), bigv.GroupListOptions{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}, nil, `< TIME

`},
		{"no response", closeConnection, func(t *testing.T, c *bigv.Client) error {
			return c.VirtualMachines.Reset(t.Context(), www1)
		}, nil, `> {"signal":"reset"}
! EOF

`},
		{"an error with terminal control characters", nil, func(t *testing.T, c *bigv.Client) error {
			return c.VirtualMachines.Reset(t.Context(), www1)
		}, []bigv.Option{bigv.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("lost\x1b[2J")
		}))}, "! lost\ufffd[2J\n"},
		{"a long body", fakeserver.Respond(200, `{"name":"`+strings.Repeat("é", 50_000)+`"}`), func(t *testing.T, c *bigv.Client) error {
			_, err := c.Groups.Get(t.Context(), web)
			return err
		}, nil, "é… (100011 bytes in all)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			client := start(t, tt.handler, append(tt.opts, bigv.WithCapture(&out))...)
			_ = tt.call(t, client)
			text := captureTimes.ReplaceAllString(out.String(), "TIME")
			text = regexp.MustCompile(`http://[^/]+`).ReplaceAllString(text, "BASE")
			assert.Contains(t, text, tt.want)
		})
	}
}

// failingWriter counts its writes, which all fail.
type failingWriter struct{ writes int }

func (w *failingWriter) Write([]byte) (int, error) {
	w.writes++
	return 0, errors.New("the disc is full")
}

// A client and those derived from it write each attempt with a single Write, one after the other. If a write fails, the call is not
// affected.
func TestCaptureIsShared(t *testing.T) {
	var out failingWriter
	client := start(t, fakeserver.Respond(200, `{"id":78}`), bigv.WithCapture(&out))
	derived, err := client.With(bigv.WithUserAgent("deploy/1"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		for _, c := range []*bigv.Client{client, derived} {
			wg.Go(func() { assert.NoError(t, errorOf(c.Groups.Get(t.Context(), web))) })
		}
	}
	wg.Wait()
	assert.Equal(t, 16, out.writes)

	_, err = bigv.NewClient(bigv.WithCapture(nil))
	assert.ErrorContains(t, err, "nil")
}
