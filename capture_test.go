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
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// captureTimes are what differs in a capture from run to run.
var captureTimes = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, after [0-9.µmns]+|Date: .*`)

// sequence answers in turn, the last way again and again.
func sequence(ways ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	next := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		way := ways[min(next, len(ways)-1)]
		next++
		mu.Unlock()
		way(w, r)
	}
}

func TestCapture(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		call   func(*testing.T, *bigv.Client) error
		opts   []bigv.Option
		want   string
	}{
		{"a read", replying(200, `{"id":78,"name":"web"}`), func(t *testing.T, c *bigv.Client) error {
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
		{"a write whose secrets are echoed, sent again", sequence(replying(503, "busy\n\x1b[2J"), replying(400, `{"password":["p4ssw0rd is too short"]}`)), func(t *testing.T, c *bigv.Client) error {
			_, err := c.Users.Update(t.Context(), "alice", bigv.UserUpdate{AuthorizedKeys: new("ssh-rsa AAAA a@example.com"), Password: bigv.NewSecret("p4ssw0rd")})
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
		{"a secret that the service made", replying(200, `{"id":3,"label":"ci","api_key" : "n3w\"key"}`), func(t *testing.T, c *bigv.Client) error {
			_, err := c.APIKeys.Create(t.Context(), bigv.UserID(7), bigv.APIKeyCreate{Label: "ci"})
			return err
		}, nil, `< {"id":3,"label":"ci","api_key" : "[redacted]"}
`},
		{"a secret that the service made, cut", func(w http.ResponseWriter, r *http.Request) {
			replying(200, `{"id":3,"api_key":"n3wkey`)(w, r)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, func(t *testing.T, c *bigv.Client) error {
			_, err := c.APIKeys.Create(t.Context(), bigv.UserID(7), bigv.APIKeyCreate{Label: "ci"})
			return err
		}, nil, `< {"id":3,"api_key":"[redacted]"
! the answer was cut short: unexpected EOF
`},
		{"a session", replying(200, "s3ssion"), func(t *testing.T, c *bigv.Client) error {
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
		{"a streamed list", replying(200, `[{"id":78}]`), func(t *testing.T, c *bigv.Client) error {
			for _, err := range c.Groups.All(t.Context(), bigv.GroupListOptions{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}, nil, `< TIME

`},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(t *testing.T, c *bigv.Client) error {
			return c.VirtualMachines.Reset(t.Context(), www1)
		}, nil, `> {"signal":"reset"}
! EOF

`},
		{"an error that a terminal would heed", nil, func(t *testing.T, c *bigv.Client) error {
			return c.VirtualMachines.Reset(t.Context(), www1)
		}, []bigv.Option{bigv.WithTransport(carrier(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("lost\x1b[2J")
		}))}, "! lost\ufffd[2J\n"},
		{"much", replying(200, `{"name":"`+strings.Repeat("é", 50_000)+`"}`), func(t *testing.T, c *bigv.Client) error {
			_, err := c.Groups.Get(t.Context(), web)
			return err
		}, nil, "é… (100011 bytes in all)\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			client := start(t, row.answer, append(row.opts, bigv.WithCapture(&out))...)
			_ = row.call(t, client)
			text := captureTimes.ReplaceAllString(out.String(), "TIME")
			text = regexp.MustCompile(`http://[^/]+`).ReplaceAllString(text, "BASE")
			assert.Contains(t, text, row.want)
		})
	}
}

// broken is a writer that fails.
type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("the disc is full")
}

// What is captured for one client and those derived of it comes one attempt after
// the other, and a writer that fails spoils no call.
func TestCaptureIsShared(t *testing.T) {
	var out broken
	client := start(t, replying(200, `{"id":78}`), bigv.WithCapture(&out))
	derived, err := client.With(bigv.WithUserAgent("deploy/1"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		for _, c := range []*bigv.Client{client, derived} {
			wg.Go(func() {
				_, err := c.Groups.Get(t.Context(), web)
				assert.NoError(t, err)
			})
		}
	}
	wg.Wait()
	assert.Equal(t, 16, out.writes)

	_, err = bigv.NewClient(bigv.WithCapture(nil))
	assert.ErrorContains(t, err, "nil")
}
