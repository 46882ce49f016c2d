package bigv_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guard is an API with an authentication service: it knows one session at a
// time, the last that it opened.
type guard struct {
	mu      sync.Mutex
	logins  []map[string]string
	headers []http.Header // of the logins
	session string
	calls   []string // the Authorization headers of the API's requests
	refuse  http.HandlerFunc
	stale   func() // called with each request that has another session
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/session" {
		g.login(w, r)
		return
	}
	g.mu.Lock()
	auth := r.Header.Get("Authorization")
	g.calls = append(g.calls, auth)
	welcome, stale := auth == "Bearer "+g.session && g.session != "", g.stale
	g.mu.Unlock()
	switch {
	case welcome:
		answerWell(w, r)
	case stale != nil:
		stale()
		fallthrough
	default:
		replying(http.StatusUnauthorized, "who are you?")(w, r)
	}
}

func (g *guard) login(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fields := map[string]string{}
	_ = json.Unmarshal(body, &fields) // values that are not strings stay out
	g.mu.Lock()
	g.logins = append(g.logins, fields)
	g.headers = append(g.headers, r.Header.Clone())
	refuse := g.refuse
	if refuse == nil {
		g.session = "session-" + string(rune('0'+len(g.logins)))
	}
	session := g.session
	g.mu.Unlock()
	if refuse != nil {
		refuse(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, " "+session+"\r\n")
}

// refuseWith makes every login end in this; nil lets it succeed.
func (g *guard) refuseWith(h http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = h
}

// expire ends the session. stale is called with each request that still has it.
func (g *guard) expire(stale func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.session, g.calls, g.stale = "", nil, stale
}

func (g *guard) seen() (logins []map[string]string, calls []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]map[string]string{}, g.logins...), append([]string{}, g.calls...)
}

var alice = bigv.WithCredentials("alice", "sesame")

// guarded starts a guard and a client of it, with these credentials.
func guarded(t *testing.T, opts ...bigv.Option) (*guard, *bigv.Client) {
	t.Helper()
	g := &guard{}
	base := start(t, g.ServeHTTP)
	client, err := base.With(opts...)
	require.NoError(t, err)
	return g, client
}

func get(ctx context.Context, c *bigv.Client) error {
	_, err := c.VirtualMachines.Get(ctx, www1)
	return err
}

func create(ctx context.Context, c *bigv.Client) error {
	_, err := c.VirtualMachines.Create(ctx, web, bigv.VirtualMachineCreate{Name: "www1", Discs: []bigv.DiscCreate{{Size: 25600}}})
	return err
}

func TestLogin(t *testing.T) {
	g, client := guarded(t, alice, bigv.WithUserAgent("deploy/1.4"), bigv.WithSessionValidity(90*time.Minute+300*time.Millisecond),
		bigv.WithSecondFactor(bigv.Yubikey, func(context.Context) (bigv.Secret, error) { return bigv.NewSecret("cccccc"), nil }))
	logins, _ := g.seen()
	assert.Empty(t, logins, "a client sends nothing by itself")
	require.NoError(t, get(t.Context(), client))
	require.NoError(t, create(t.Context(), client))
	logins, calls := g.seen()
	assert.Equal(t, []map[string]string{{"username": "alice", "password": "sesame", "yubikey": "cccccc", "validity": "5400"}}, logins)
	assert.Equal(t, []string{"Bearer session-1", "Bearer session-1"}, calls)
	header := g.headers[0]
	assert.Equal(t, "text/plain", header.Get("Accept"))
	assert.Equal(t, "application/json", header.Get("Content-Type"))
	assert.Equal(t, "bigv-go/"+bigv.Version+" deploy/1.4", header.Get("User-Agent"))
	assert.Empty(t, header.Values("Authorization"))
}

func TestExpiredSessionIsRenewedOnceForAll(t *testing.T) {
	const callers = 64
	g, client := guarded(t, alice)
	require.NoError(t, get(t.Context(), client))
	// Nobody is told that the session has expired before all have met it.
	var met sync.WaitGroup
	met.Add(callers)
	g.expire(func() {
		met.Done()
		met.Wait()
	})
	derived, err := client.With(bigv.WithConcurrentCreates(callers), bigv.WithUserAgent("derived"))
	require.NoError(t, err)
	var done sync.WaitGroup
	for range callers / 2 {
		done.Go(func() { assert.NoError(t, get(t.Context(), client)) })
		// A create is sent again too: the service did nothing.
		done.Go(func() { assert.NoError(t, create(t.Context(), derived)) })
	}
	done.Wait()
	logins, calls := g.seen()
	assert.Len(t, logins, 2)
	count := map[string]int{}
	for _, call := range calls {
		count[call]++
	}
	assert.Equal(t, map[string]int{"Bearer session-1": callers, "Bearer session-2": callers}, count)
}

func TestWrongPasswordIsSentOnce(t *testing.T) {
	for _, row := range []struct {
		name    string
		status  int
		body    string
		kinds   []error
		kindNot []error
		says    string
	}{
		{"400 Missing 2FA", 400, "Missing 2FA", []error{bigv.ErrBadRequest}, []error{bigv.ErrUnauthorized}, "Missing 2FA"},
		{"401", 401, "Authentication failed", []error{bigv.ErrUnauthorized}, []error{bigv.ErrForbidden}, "check the user name, the password"},
		{"403 without a word", 403, "", []error{bigv.ErrForbidden, bigv.ErrUnauthorized}, nil, "check the user name, the password"},
		{"404: the wrong place, and no word on what was asked for", 404, "", nil, []error{bigv.ErrNotFound}, "check the authentication URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, client := guarded(t, alice)
			g.refuseWith(replying(row.status, row.body))
			derived, err := client.With(bigv.WithUserAgent("derived"))
			require.NoError(t, err)
			var done sync.WaitGroup
			for range 16 {
				done.Go(func() { assert.Error(t, get(t.Context(), client)) })
				done.Go(func() { assert.Error(t, get(t.Context(), derived)) })
			}
			done.Wait()
			g.refuseWith(nil)
			err = create(t.Context(), client)
			for _, kind := range row.kinds {
				assert.ErrorIs(t, err, kind)
			}
			for _, kind := range append(row.kindNot, bigv.ErrOutcomeUnknown) {
				assert.NotErrorIs(t, err, kind)
			}
			assert.ErrorContains(t, err, "create virtual machine www1.web.acme")
			assert.ErrorContains(t, err, "log in alice")
			assert.ErrorContains(t, err, "the call itself was not sent")
			assert.ErrorContains(t, err, row.says)
			assert.NotContains(t, err.Error(), "sesame")
			_, missing := errors.AsType[*bigv.NotFoundError](err)
			assert.False(t, missing)
			logins, calls := g.seen()
			assert.Len(t, logins, 1, "logins")
			assert.Empty(t, calls, "calls")

			// Other credentials are another matter, and so is the same client of before.
			other, err := client.With(bigv.WithCredentials("bob", "mellon"))
			require.NoError(t, err)
			assert.NoError(t, get(t.Context(), other))
			assert.Error(t, get(t.Context(), client))
		})
	}
}

func TestWaitForDeletedIsNotFooledByAWrongAuthURL(t *testing.T) {
	g, client := guarded(t, alice)
	g.refuseWith(replying(http.StatusNotFound, ""))
	_, err := client.VirtualMachines.Wait(t.Context(), www1, bigv.Deleted, bigv.WaitOptions{})
	assert.Error(t, err)
}

// Whoever did not hear what became of a login may try again: the service has not
// judged the credentials.
func TestFailedLoginIsNotRemembered(t *testing.T) {
	for _, row := range []struct {
		name   string
		refuse http.HandlerFunc
		logins int // that one call sends
		says   string
	}{
		{"connection lost", hangUp, 1, ""},
		{"429", replying(429, ""), 1, "429"},
		{"429 Retry-After", replying(429, "", "Retry-After", "0"), quick.MaxAttempts, "429"},
		{"500", replying(500, ""), 1, "500"},
		{"502", replying(502, ""), 1, "502"},
		{"503", replying(503, ""), 1, "503"},
		{"503 Retry-After", replying(503, "", "Retry-After", "0"), quick.MaxAttempts, "503"},
		{"nothing", replying(200, " \n"), 1, "it is not a session ID"},
		{"a web page", replying(200, "<html>Wi-Fi</html>"), 1, "web page"},
		{"several lines", replying(200, "one\ntwo"), 1, "it is not a session ID"},
		{"several words", replying(200, "Bad login credentials"), 1, "it is not a session ID"},
		{"JSON", replying(200, `{"session":"x"}`), 1, "it is not a session ID"},
		{"what no header holds", replying(200, "sess\x00ion"), 1, "it is not a session ID"},
		{"an answer cut short", cutShort("Content-Length", "1000"), 1, "it is not a session ID"},
		{"a redirect", replying(307, "", "Location", "/elsewhere"), 1, "redirect refused"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, client := guarded(t, alice)
			g.refuseWith(row.refuse)
			err := create(t.Context(), client)
			require.Error(t, err)
			assert.ErrorContains(t, err, row.says)
			assert.ErrorContains(t, err, "the call itself was not sent")
			assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown, "nothing was sent of what was asked for")
			assert.NotContains(t, err.Error(), "sesame")
			logins, calls := g.seen()
			assert.Len(t, logins, row.logins)
			assert.Empty(t, calls)
			g.refuseWith(nil)
			assert.NoError(t, create(t.Context(), client))
		})
	}
}

func TestOneTimeCodeIsNeverReplayed(t *testing.T) {
	for _, variable := range []string{"BIGV_2FA", "BIGV_YUBIKEY"} {
		field := map[string]string{"BIGV_2FA": "2fa", "BIGV_YUBIKEY": "yubikey"}[variable]
		fromEnv := func(t *testing.T) (*guard, *bigv.Client) {
			g := &guard{}
			base := start(t, g.ServeHTTP)
			clearEnv(t)
			t.Setenv("BIGV_USERNAME", "alice")
			t.Setenv("BIGV_PASSWORD", "sesame")
			t.Setenv(variable, "123456")
			url := strings.TrimSuffix(strings.TrimPrefix(base.String(), "bigv.Client("), ")")
			client, err := bigv.NewClientFromEnv(bigv.WithBaseURL(url), bigv.WithAuthURL(url))
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			return g, client
		}
		t.Run(variable+"/a session that has expired", func(t *testing.T) {
			g, client := fromEnv(t)
			require.NoError(t, get(t.Context(), client))
			g.expire(nil)
			for range 3 {
				err := get(t.Context(), client)
				assert.ErrorIs(t, err, bigv.ErrSessionExpired)
				assert.ErrorContains(t, err, "the one-time code has been used")
			}
			logins, _ := g.seen()
			assert.Equal(t, []map[string]string{{"username": "alice", "password": "sesame", field: "123456"}}, logins)
		})
		for name, call := range map[string]func(context.Context, *bigv.Client) error{"a read": get, "a write": create} {
			t.Run(variable+"/"+name+" that is refused", func(t *testing.T) {
				g, client := fromEnv(t)
				require.NoError(t, get(t.Context(), client))
				g.expire(nil)
				err := call(t.Context(), client)
				assert.ErrorIs(t, err, bigv.ErrUnauthorized)
				assert.ErrorContains(t, err, "the one-time code has been used")
				assert.NotContains(t, err.Error(), "check the token", "there is none to check")
			})
		}
		t.Run(variable+"/a login whose answer was lost", func(t *testing.T) {
			g, client := fromEnv(t)
			g.refuseWith(hangUp)
			require.Error(t, get(t.Context(), client))
			g.refuseWith(nil)
			assert.ErrorIs(t, get(t.Context(), client), bigv.ErrSessionExpired)
			logins, _ := g.seen()
			assert.Len(t, logins, 1)
		})
	}
}

func TestSecondFactor(t *testing.T) {
	var code bigv.Secret
	var broken error
	g, client := guarded(t, alice, bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) { return code, broken }))

	assert.ErrorContains(t, get(t.Context(), client), "getting the second factor: it gave no code")
	broken = errors.New("the phone is off")
	assert.ErrorIs(t, get(t.Context(), client), broken)
	code, broken = bigv.NewSecret("111111"), nil
	require.NoError(t, get(t.Context(), client), "what failed before is not remembered")
	g.expire(nil)
	err := get(t.Context(), client)
	assert.ErrorIs(t, err, bigv.ErrSessionExpired)
	assert.ErrorIs(t, err, bigv.ErrUnauthorized)
	assert.ErrorContains(t, err, "the code of the last login again")
	code = bigv.NewSecret("222222")
	require.NoError(t, get(t.Context(), client))

	logins, _ := g.seen()
	require.Len(t, logins, 2)
	assert.Equal(t, "111111", logins[0]["2fa"])
	assert.Equal(t, "222222", logins[1]["2fa"])
	assert.NotContains(t, logins[0], "validity")
}

func TestLoginOfAnother(t *testing.T) {
	g := &guard{}
	arrived, over := make(chan struct{}, 2), make(chan struct{})
	g.refuseWith(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-over:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
	base := start(t, g.ServeHTTP)
	t.Cleanup(func() { close(over) })
	client, err := base.With(alice)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	leader := make(chan error, 1)
	go func() { leader <- get(ctx, client) }()
	<-arrived

	// Who waits for the leader's login has a context too.
	waiting, giveUp := context.WithCancelCause(t.Context())
	impatient := make(chan error, 1)
	go func() { impatient <- get(waiting, client) }()
	giveUp(causeOfEnd{})
	err = <-impatient
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, causeOfEnd{})

	// The end of the leader is not the end of those who wait.
	var followers sync.WaitGroup
	for range 8 {
		followers.Go(func() { assert.NoError(t, get(t.Context(), client)) })
	}
	g.refuseWith(nil)
	cancel()
	assert.ErrorIs(t, <-leader, context.Canceled)
	followers.Wait()
	logins, _ := g.seen()
	assert.Len(t, logins, 2)
}

func TestTokenSource(t *testing.T) {
	failure := errors.New("the vault is sealed")
	over := make(chan struct{})
	for _, row := range []struct {
		name   string
		source bigv.TokenSourceFunc
		says   string
		is     error
	}{
		{"fails", func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.Secret{}, failure }, "the token source: the vault is sealed", failure},
		{"gives nothing", func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.Secret{}, nil }, "the token source's token is empty", nil},
		{"gives two lines", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			return bigv.NewSecret("t0ken\r\nHost: evil"), nil
		}, "the token source's token holds a space or a character that no token has", nil},
		{"blocks and does not listen", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			<-over
			return bigv.Secret{}, nil
		}, "the token source gave no token within 20ms", nil},
		{"blocks and listens", func(ctx context.Context, _ bigv.Secret) (bigv.Secret, error) {
			<-ctx.Done()
			return bigv.Secret{}, ctx.Err()
		}, "the token source gave no token within 20ms", nil},
		{"ends its goroutine", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			runtime.Goexit()
			return bigv.Secret{}, nil
		}, "the token source's token is empty", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, client := guarded(t, bigv.WithTokenSource(row.source), bigv.WithTimeouts(bigv.Timeouts{Header: 20 * time.Millisecond, Idle: time.Minute}))
			var meta bigv.Response
			meta.StatusCode, meta.Attempts = 200, 7 // of an earlier call
			_, err := client.VirtualMachines.Get(t.Context(), www1, bigv.WithResponse(&meta))
			assert.ErrorContains(t, err, row.says)
			assert.ErrorContains(t, err, "nothing was sent")
			if row.is != nil {
				assert.ErrorIs(t, err, row.is)
			}
			assert.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's context that ended")
			assert.Zero(t, meta, "an earlier call's response")
			_, calls := g.seen()
			assert.Empty(t, calls)
		})
	}
	close(over)

	t.Run("panics where the caller can recover", func(t *testing.T) {
		_, client := guarded(t, bigv.WithTokenSource(bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { panic("oh") })))
		assert.PanicsWithValue(t, "oh", func() { _ = get(t.Context(), client) })
	})
}

// A 401 is answered by one more attempt, and no more, if there is another token.
func TestReplay(t *testing.T) {
	numbered := func(rejected *[]string) bigv.TokenSourceFunc {
		var n atomic.Int64
		return func(_ context.Context, was bigv.Secret) (bigv.Secret, error) {
			*rejected = append(*rejected, was.Reveal())
			return bigv.NewSecret("token-" + string(rune('0'+n.Add(1)))), nil
		}
	}
	t.Run("another token", func(t *testing.T) {
		for _, d := range deeds {
			t.Run(d.name, func(t *testing.T) {
				var sent []string
				var rejected []string
				var seen watch
				base := start(t, func(w http.ResponseWriter, r *http.Request) {
					sent = append(sent, r.Header.Get("Authorization"))
					if len(sent) == 1 {
						replying(401, "")(w, r)
						return
					}
					answerWell(w, r)
				})
				client, err := base.With(bigv.WithTokenSource(numbered(&rejected)), seen.option())
				require.NoError(t, err)
				var meta bigv.Response
				require.NoError(t, d.call(t.Context(), client, bigv.WithResponse(&meta)))
				assert.Equal(t, []string{"Bearer token-1", "Bearer token-2"}, sent)
				assert.Equal(t, []string{"", "token-1"}, rejected)
				assert.Equal(t, 2, meta.Attempts)
				require.Len(t, seen.attempts, 2)
				assert.Equal(t, []int{1, 2}, []int{seen.attempts[0].Number, seen.attempts[1].Number})
				assert.Equal(t, []int{401, 2}, []int{seen.attempts[0].StatusCode, seen.attempts[1].StatusCode / 100})
			})
		}
	})
	t.Run("a token that is rejected as well", func(t *testing.T) {
		for _, d := range deeds {
			t.Run(d.name, func(t *testing.T) {
				var sent atomic.Int64
				var rejected []string
				base := start(t, func(w http.ResponseWriter, r *http.Request) {
					sent.Add(1)
					replying(401, "")(w, r)
				})
				client, err := base.With(bigv.WithTokenSource(numbered(&rejected)))
				require.NoError(t, err)
				err = d.call(t.Context(), client)
				assert.ErrorIs(t, err, bigv.ErrUnauthorized)
				e, ok := errors.AsType[*bigv.UnauthorizedError](err)
				require.True(t, ok)
				assert.Equal(t, 2, e.Attempts)
				assert.EqualValues(t, 2, sent.Load())
			})
		}
	})
	t.Run("the same token", func(t *testing.T) {
		var sent atomic.Int64
		base := start(t, func(w http.ResponseWriter, r *http.Request) {
			sent.Add(1)
			replying(401, "")(w, r)
		})
		for name, option := range map[string]bigv.Option{
			"token": bigv.WithToken("x"), "API key": bigv.WithAPIKey("x"),
			"source": bigv.WithTokenSource(bigv.TokenSourceFunc(func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
				if rejected.IsZero() {
					return bigv.NewSecret("x"), nil
				}
				return rejected, nil
			})),
		} {
			sent.Store(0)
			client, err := base.With(option)
			require.NoError(t, err)
			assert.ErrorIs(t, get(t.Context(), client), bigv.ErrUnauthorized, name)
			assert.EqualValues(t, 1, sent.Load(), name)
		}
	})
	t.Run("no other token", func(t *testing.T) {
		failure := errors.New("the vault is sealed")
		base := start(t, replying(401, ""))
		client, err := base.With(bigv.WithTokenSource(bigv.TokenSourceFunc(func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
			if rejected.IsZero() {
				return bigv.NewSecret("x"), nil
			}
			return bigv.Secret{}, failure
		})))
		require.NoError(t, err)
		err = create(t.Context(), client)
		assert.ErrorIs(t, err, failure)
		assert.ErrorIs(t, err, bigv.ErrUnauthorized)
		assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
	})
	t.Run("a session's attempts are told in order", func(t *testing.T) {
		var seen watch
		g, client := guarded(t, alice, seen.option())
		require.NoError(t, get(t.Context(), client))
		g.expire(nil)
		seen.attempts = nil
		require.NoError(t, get(t.Context(), client))
		type told struct {
			operation, method, route string
			number, status           int
		}
		var all []told
		for _, a := range seen.attempts {
			all = append(all, told{a.Operation, a.Method, a.Route, a.Number, a.StatusCode})
		}
		const route = "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"
		assert.Equal(t, []told{
			{"get virtual machine", "GET", route, 1, 401},
			{"log in", "POST", "/session", 1, 200},
			{"get virtual machine", "GET", route, 2, 200},
		}, all)
	})
	t.Run("what was lost before is remembered", func(t *testing.T) {
		var sent atomic.Int64
		var rejected []string
		base := start(t, func(w http.ResponseWriter, r *http.Request) {
			replying([...]int{502, 401, 404}[sent.Add(1)-1], "")(w, r)
		})
		client, err := base.With(bigv.WithTokenSource(numbered(&rejected)))
		require.NoError(t, err)
		assert.NoError(t, client.VirtualMachines.Delete(t.Context(), www1), "the first attempt may have deleted it")
	})
}

func TestWithoutCredentials(t *testing.T) {
	var auth []string
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		auth = append(auth, r.Header.Values("Authorization")...)
		answerWell(w, r)
	})
	url := strings.TrimSuffix(strings.TrimPrefix(base.String(), "bigv.Client("), ")")
	anonymous := clientFor(t, url)
	for name, client := range map[string]*bigv.Client{"without": anonymous, "with": base} {
		_, err := client.Definitions.Get(t.Context())
		assert.NoError(t, err, name)
		assert.NoError(t, client.Do(t.Context(), "GET", "/definitions", nil, nil), name)
	}
	assert.Empty(t, auth, "definitions need no credentials and are sent none")
	err := get(t.Context(), anonymous)
	assert.ErrorIs(t, err, bigv.ErrNoCredential)
	assert.ErrorContains(t, err, "use WithAPIKey, WithToken or WithCredentials")
}

func TestAPIKeyPrefix(t *testing.T) {
	var auth string
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Authorization")
		answerWell(w, r)
	})
	for _, key := range []string{"b7f3", "apikey.b7f3"} {
		client, err := base.With(bigv.WithAPIKey(key))
		require.NoError(t, err)
		require.NoError(t, get(t.Context(), client))
		assert.Equal(t, "Bearer apikey.b7f3", auth)
	}
}

func TestAuthURLMayHaveAPath(t *testing.T) {
	var path string
	base := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			path = r.URL.Path
			replying(200, "session-1")(w, r)
			return
		}
		answerWell(w, r)
	})
	url := strings.TrimSuffix(strings.TrimPrefix(base.String(), "bigv.Client("), ")")
	client, err := base.With(alice, bigv.WithAuthURL(url+"/auth/"))
	require.NoError(t, err)
	require.NoError(t, get(t.Context(), client))
	assert.Equal(t, "/auth/session", path)
}
