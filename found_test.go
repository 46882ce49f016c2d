package bigv_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What an attack on this package found, each held down by a test.

// longToken is long enough to be cut somewhere.
const longToken = "T0kenThatIsVeryLongIndeedAndSecret"

// parroting answers with what it was sent.
func parroting(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// allShown is all that an error shows: its chain, and the body that it keeps.
func allShown(err error) string {
	text := printedError(err)
	if e, ok := errors.AsType[*bigv.Error](err); ok {
		text += e.Body
	}
	return text
}

// startWith is start with a token that is not the usual one, or none.
func startWith(t *testing.T, handler http.HandlerFunc, opts ...bigv.Option) *bigv.Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return clientFor(t, srv.URL, opts...)
}

func TestSecretsThatAreHardToRemove(t *testing.T) {
	const hard = `S3cr&t"ValueLongEnough`
	script := "#!/bin/sh\necho root:hunter2 | chpasswd\ncurl -H 'X-Vault: VAULTKEY99' https://x"
	update := func(ctx context.Context, c *bigv.Client) error {
		_, err := c.Users.Update(ctx, "alice", bigv.UserUpdate{Password: bigv.NewSecret(hard)})
		return err
	}
	get := func(ctx context.Context, c *bigv.Client) error {
		_, err := c.Groups.Get(ctx, web)
		return err
	}
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		opts   []bigv.Option
		call   func(context.Context, *bigv.Client) error
		secret string // or the part of one that showed
	}{
		{"one within another", parroting(400), nil, func(ctx context.Context, c *bigv.Client) error {
			vm := least
			vm.Image = &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("hunter2"), FirstbootScript: bigv.NewSecret(script)}
			_, err := c.VirtualMachines.Create(ctx, web, vm)
			return err
		}, "VAULTKEY99"},
		{"a page that is cut within it", replying(200, "<html>"+strings.Repeat("x", 4096-6-12)+hard), nil, update, `S3cr&t"Value`},
		{"a page that is cut at twice the size", replying(200, "<html>"+strings.Repeat("x", 8192-6-12)+hard), nil, update, `S3cr&t"Value`},
		{"a page in which it is escaped", replying(200, `<html><input value="S3cr&amp;t&#34;ValueLongEnough">`), nil, update, "ValueLong"},
		{"a page in whose script it is escaped", replying(200, `<html><script>x={"p":"S3cr\u0026t\"ValueLongEnough"}</script>`), nil, update, "ValueLong"},
		{"a page at the beginning of a list", replying(200, "<html>"+strings.Repeat("x", 64-6-20)+longToken), []bigv.Option{bigv.WithToken(longToken)}, func(ctx context.Context, c *bigv.Client) error {
			for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{}) {
				return err
			}
			return nil
		}, longToken[:8]},
		{"an answer that was cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			replying(403, "bad token "+longToken[:20])(w, r)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, []bigv.Option{bigv.WithToken(longToken)}, get, longToken[:8]},
		{"an answer that was too long", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(403)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "bad token "+longToken)
		}, []bigv.Option{bigv.WithToken(longToken), bigv.WithMaxResponseSize(30)}, get, longToken[:8]},
		{"a Location that cannot be read", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://[p%40ss%20w%2Frd%261")
			w.WriteHeader(303)
		}, nil, func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Sessions.Create(ctx, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("p@ss w/rd&1")})
			return err
		}, "p%40ss"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.opts == nil {
				row.opts = []bigv.Option{bigv.WithToken("t0ken")}
			}
			err := row.call(t.Context(), startWith(t, row.answer, append(row.opts, tryOnce)...))
			require.Error(t, err)
			assert.NotContains(t, allShown(err), row.secret)
		})
	}
}

// The text of an attempt that went wrong is not in what a context's end wraps.
func TestChainsOfErrorsAreQuiet(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the user went home")
	client := startWith(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+"\r\n\r\n")
		_ = conn.Close()
		time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	}, bigv.WithToken(longToken), bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 4, MinWait: time.Hour, MaxWait: time.Hour}))
	_, err := client.Groups.Get(ctx, web)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, gone)
	assert.NotContains(t, allShown(err), longToken[:8])
}

// An answer of many strings costs its length, and not that of the secrets too.
func TestRemovingSecretsIsQuick(t *testing.T) {
	vm := least
	vm.Image = &bigv.Image{Distribution: "stretch", RootPassword: bigv.NewSecret("hunter2"), FirstbootScript: bigv.NewSecret("#!/bin/sh\n" + strings.Repeat("echo \"hello\"\n", 5000))}
	client := start(t, replying(400, `["\u0041"`+strings.Repeat(`,""`, 20_000)+"]"), tryOnce)
	began := time.Now()
	_, err := client.VirtualMachines.Create(t.Context(), web, vm)
	require.ErrorIs(t, err, bigv.ErrBadRequest)
	assert.Less(t, time.Since(began), 5*time.Second, "it was 21 s")
}

// What is said of another machine is not believed, and least of all acted on.
func TestAnswersAboutAnotherID(t *testing.T) {
	for name, style := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		t.Run(name, func(t *testing.T) {
			rec, client := newRecorder(t, answers{
				"GET /virtual_machines/5012": `{"id":6000,"name":"db1","hostname":"db1.prod.acme.uk0.bigv.io","group_id":99}`,
				"GET /groups/78":             `{"id":79,"account_id":41,"name":"db"}`,
				"GET /discs/900":             `{"id":901,"label":"root","virtual_machine_id":5012}`,
			}, bigv.WithURLStyle(style))
			for _, err := range []error{
				client.VirtualMachines.Purge(t.Context(), bigv.VirtualMachineID(5012)),
				client.Groups.Delete(t.Context(), bigv.GroupID(78)),
				just(client.Discs.Resize(t.Context(), bigv.DiscID(900), 50_000)),
				just(client.VirtualMachines.Get(t.Context(), bigv.VirtualMachineID(5012))),
			} {
				assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
				assert.ErrorContains(t, err, "was asked for")
			}
			for _, request := range rec.sent() {
				assert.True(t, strings.HasPrefix(request, "GET "), request)
			}
		})
	}
}

// A second factor that waits for a person does not hold the call up, nor is
// another asked for meanwhile.
func TestSecondFactorThatDoesNotListen(t *testing.T) {
	asked, answer := make(chan struct{}, 9), make(chan struct{})
	client := startWith(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/session" {
			replying(200, "s3ssion")(w, r)
			return
		}
		answerWell(w, r)
	}, bigv.WithCredentials("alice", "0pensesame"), bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) {
		asked <- struct{}{}
		<-answer
		return bigv.NewSecret(fmt.Sprint("12345", len(asked))), nil
	}))
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := client.VirtualMachines.Get(ctx, www1)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	assert.Len(t, asked, 1)
	close(answer)
	_, err := client.VirtualMachines.Get(t.Context(), www1)
	assert.NoError(t, err)
}

func TestCreationsThatTellNothing(t *testing.T) {
	t.Parallel()
	for _, said := range []string{`{}`, `{"virtual_machine":null}`, `{"virtual_machine":{}}`} {
		for name, create := range map[string]func(context.Context, *bigv.Client) (bigv.VirtualMachine, error){
			"CreateAndWait": func(ctx context.Context, c *bigv.Client) (bigv.VirtualMachine, error) {
				return c.VirtualMachines.CreateAndWait(ctx, web, least, bigv.WaitOptions{MinInterval: time.Millisecond})
			},
			"FindOrCreate": func(ctx context.Context, c *bigv.Client) (bigv.VirtualMachine, error) {
				vm, created, err := c.VirtualMachines.FindOrCreate(ctx, web, least)
				assert.True(t, created)
				return vm, err
			},
		} {
			t.Run(name+" "+said, func(t *testing.T) {
				t.Parallel()
				rec, client := newRecorder(t, answers{"POST " + webURL + "/vm_create": "201 " + said, "GET " + www1URL: "404" + then + "404" + then + vm5012})
				vm, err := create(t.Context(), client)
				require.NoError(t, err)
				assert.Equal(t, 5012, vm.ID)
				posts := 0
				for _, request := range rec.sent() {
					if strings.HasPrefix(request, "POST ") {
						posts++
					}
				}
				assert.Equal(t, 1, posts)
			})
		}
		t.Run("Create "+said, func(t *testing.T) {
			t.Parallel()
			_, client := newRecorder(t, answers{"POST " + webURL + "/vm_create": "201 " + said, "GET " + www1URL: "404"})
			_, err := client.VirtualMachines.Create(t.Context(), web, least)
			assert.ErrorContains(t, err, "it was done, but reading it back failed")
			assert.NotErrorIs(t, err, bigv.ErrNotFound, "which is said of what a write is for")
		})
	}
}

// In the flat style a machine is found on a list, which does not tell that it is
// still being made.
func TestProvisioningInTheFlatStyle(t *testing.T) {
	srv := bigvtest.NewServer(t)
	path := srv.Account("acme").Group("web").Path()
	client := srv.Client(bigv.WithURLStyle(bigv.FlatURLs))
	vm, err := client.VirtualMachines.Create(t.Context(), path, bigv.VirtualMachineCreate{Name: "new1", Discs: []bigv.DiscCreate{{Size: 25600}}})
	require.NoError(t, err)
	require.True(t, vm.Provisioning)
	looks := 0
	_, err = client.VirtualMachines.Wait(t.Context(), path.VirtualMachine("new1"), bigv.Provisioned, bigv.WaitOptions{MinInterval: time.Millisecond, OnPoll: func(bigv.Poll) {
		if looks++; looks == 2 {
			srv.Advance(bigvtest.ProvisioningTime)
		}
	}})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, looks, 2)
}

// What is being made is shut down when it has been made, and stays off.
func TestShutdownOfWhatIsBeingMade(t *testing.T) {
	for name, style := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime/4))
			group := srv.Account("acme").Group("web")
			client := srv.Client(bigv.WithURLStyle(style))
			_, err := client.VirtualMachines.Create(t.Context(), group.Path(), bigv.VirtualMachineCreate{Name: "new1", PowerOn: new(true), AutorebootOn: new(true), Discs: []bigv.DiscCreate{{Size: 25600}}})
			require.NoError(t, err)
			brief := bigv.WaitOptions{MinInterval: time.Millisecond, MaxInterval: 2 * time.Millisecond}
			vm, err := client.VirtualMachines.ShutdownAndWait(t.Context(), group.Path().VirtualMachine("new1"), bigv.ShutdownOptions{Wait: brief})
			require.NoError(t, err)
			assert.False(t, vm.PowerOn || vm.AutorebootOn || vm.Provisioning)
			srv.Advance(time.Hour)
			assert.False(t, group.VirtualMachine("new1").State().PoweredOn)
		})
	}
}

// A machine that was seen is returned, and what became of the button is told.
func TestShutdownThatIsCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	requests := 0
	client := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests++; requests == 3 { // the button: it is pressed, and the answer never seen
			cancel()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, vm5012)
	})
	vm, err := client.VirtualMachines.ShutdownAndWait(ctx, www1, bigv.ShutdownOptions{})
	assert.Equal(t, 5012, vm.ID)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
}

// The default group goes by the name default, whatever it is called.
func TestDefaultGroupOfAnotherName(t *testing.T) {
	list := `[{"id":5012,"group_id":77,"name":"www1","hostname":"www1.main.acme.uk0.bigv.io"}]`
	_, client := newRecorder(t, answers{
		"GET /virtual_machines":              list,
		"GET /groups":                        `[{"id":77,"account_id":41,"name":"main"}]`,
		"GET /accounts/acme/groups/default":  `{"id":77,"account_id":41,"name":"main"}`,
		"GET /accounts/other/groups/default": `{"id":90,"account_id":42,"name":"main"}`,
	}, flat...)
	group, err := client.Groups.Get(t.Context(), acme.DefaultGroup())
	require.NoError(t, err)
	assert.Equal(t, 77, group.ID)
	vm, err := client.VirtualMachines.Get(t.Context(), acme.DefaultGroup().VirtualMachine("www1"))
	require.NoError(t, err)
	assert.Equal(t, 5012, vm.ID)
	_, err = client.VirtualMachines.List(t.Context(), bigv.VirtualMachineListOptions{Group: bigv.AccountPath("other").DefaultGroup()})
	assert.ErrorIs(t, err, bigv.ErrFilterIgnored, "of another account")
}

// Of an error that is too long the beginning is told, whether its length is known
// or not.
func TestLongErrors(t *testing.T) {
	body := `{"name":["has already been taken"],"x":"` + strings.Repeat("x", 2<<20) + `"}`
	for name, headers := range map[string][]string{"known": {"Content-Length", fmt.Sprint(len(body))}, "unknown": nil} {
		_, err := start(t, replying(400, body, headers...), tryOnce).Groups.Get(t.Context(), web)
		e, ok := errors.AsType[*bigv.Error](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.True(t, strings.HasPrefix(e.Body, `{"name":["has already been taken"]`), name)
	}
}

// hanging is a transport that answers, or does not.
type hanging struct{ hangs bool }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"id":41,"name":"acme"}`)), ContentLength: -1, Request: r}, nil
}

// A client may be used in and out of bubbles, each with a time of its own.
func TestTimeLimitsAndBubbles(t *testing.T) {
	carrier := &hanging{}
	client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(carrier), tryOnce, bigv.WithTimeouts(bigv.Timeouts{Header: 200 * time.Millisecond, Idle: time.Second}))
	get := func() error {
		_, err := client.Accounts.Get(context.Background(), acme)
		return err
	}
	bubble := func(f func()) { synctest.Test(t, func(*testing.T) { f() }) }
	limited := func() { assert.ErrorContains(t, get(), "did not begin to answer within 200ms") }

	require.NoError(t, get())
	carrier.hangs = true
	bubble(limited)
	limited()
	carrier.hangs = false
	bubble(func() { require.NoError(t, get()) })
	carrier.hangs = true
	limited()
	bubble(limited)
}

// What is wrong with the base URL, most of the time, is said.
func TestErrorsOfAWrongBaseURL(t *testing.T) {
	plain := httptest.NewServer(replying(200, "{}"))
	t.Cleanup(plain.Close)
	gone := httptest.NewServer(replying(200, "{}"))
	gone.Close()
	for name, row := range map[string]struct {
		url    string
		answer http.HandlerFunc // in place of url
		says   string
	}{
		"nobody there":                {gone.URL, nil, "is the base URL right?"},
		"https to a plain port":       {strings.Replace(plain.URL, "http:", "https:", 1), nil, "is the base URL right?"},
		"http to a TLS port":          {"", replying(400, "Client sent an HTTP request to an HTTPS server."), "use https in the base URL"},
		"a page that forbids":         {"", replying(403, "<html>no</html>"), "is the base URL right, or is a proxy in the way?"},
		"a page that finds nothing":   {"", replying(404, "<html>no</html>"), "is the base URL right, or is a proxy in the way?"},
		"nothing, and no page either": {"", replying(404, "no"), "and the base URL"},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientFor(t, cmp.Or(row.url, plain.URL), bigv.WithToken("t0ken"), tryOnce)
			if row.answer != nil {
				client = start(t, row.answer, tryOnce)
			}
			_, err := client.Groups.Get(t.Context(), web)
			assert.ErrorContains(t, err, row.says)
		})
	}
}
