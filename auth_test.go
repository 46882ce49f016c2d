package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asAlice are the credentials of most tests.
var asAlice = bigv.WithCredentials("alice", "sesame")

// startAuth starts a server that demands a session and returns a client of it that has no token but these options.
func startAuth(t *testing.T, opts ...bigv.Option) (*fakeserver.Auth, *bigv.Client) {
	t.Helper()
	auth := fakeserver.NewAuth(nil)
	client, err := start(t, auth.ServeHTTP).With(opts...)
	require.NoError(t, err)
	return auth, client
}

func TestLogin(t *testing.T) {
	code := func(context.Context) (bigv.Secret, error) { return bigv.NewSecret("cccccc"), nil }
	auth, client := startAuth(t, asAlice, bigv.WithUserAgent("deploy/1.4"), bigv.WithSecondFactor(bigv.Yubikey, code),
		bigv.WithSessionValidity(90*time.Minute+300*time.Millisecond))
	assert.Empty(t, auth.Logins(), "a new client sends nothing")
	require.NoError(t, get(t.Context(), client))
	require.NoError(t, create(t.Context(), client))
	want := map[string]string{"username": "alice", "password": "sesame", "yubikey": "cccccc", "validity": "5400"}
	assert.Equal(t, []map[string]string{want}, auth.LoginFields())
	assert.Equal(t, []string{"Bearer session-1", "Bearer session-1"}, auth.Authorizations())
	header := auth.Logins()[0].Header
	assert.Equal(t, "text/plain", header.Get("Accept"))
	assert.Equal(t, "application/json", header.Get("Content-Type"))
	assert.Equal(t, "bigv-go/"+bigv.Version+" deploy/1.4", header.Get("User-Agent"))
	assert.Empty(t, header.Values("Authorization"))
}

func TestExpiredSessionIsRenewedOnce(t *testing.T) {
	const callers = 64
	auth, client := startAuth(t, asAlice)
	require.NoError(t, get(t.Context(), client))
	// No response is sent before all callers have used the expired session.
	var used sync.WaitGroup
	used.Add(callers)
	auth.Expire(func() {
		used.Done()
		used.Wait()
	})
	derived, err := client.With(bigv.WithConcurrentCreates(callers), bigv.WithUserAgent("derived"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range callers / 2 {
		wg.Go(func() { assert.NoError(t, get(t.Context(), client)) })
		// A create is sent again as well, since a request with an expired session is not processed.
		wg.Go(func() { assert.NoError(t, create(t.Context(), derived)) })
	}
	wg.Wait()
	assert.Len(t, auth.Logins(), 2)
	count := map[string]int{}
	for _, authorization := range auth.Authorizations() {
		count[authorization]++
	}
	assert.Equal(t, map[string]int{"Bearer session-1": callers, "Bearer session-2": callers}, count)
}

func TestWrongPasswordIsSentOnce(t *testing.T) {
	const checkCredentials = "check the user name, the password"
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		is      []error
		isNot   []error
		message string
	}{
		{"400 Missing 2FA", 400, "Missing 2FA", []error{bigv.ErrBadRequest}, []error{bigv.ErrUnauthorized}, "Missing 2FA"},
		{"401", 401, "Authentication failed", []error{bigv.ErrUnauthorized}, []error{bigv.ErrForbidden}, checkCredentials},
		{"403 with an empty body", 403, "", []error{bigv.ErrForbidden, bigv.ErrUnauthorized}, nil, checkCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			auth, client := startAuth(t, asAlice)
			auth.RefuseLogins(fakeserver.Respond(tt.status, tt.body))
			derived, err := client.With(bigv.WithUserAgent("derived"))
			require.NoError(t, err)
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() { assert.Error(t, get(t.Context(), client)) })
				wg.Go(func() { assert.Error(t, get(t.Context(), derived)) })
			}
			wg.Wait()
			auth.RefuseLogins(nil)
			err = create(t.Context(), client)
			for _, kind := range tt.is {
				assert.ErrorIs(t, err, kind)
			}
			for _, kind := range append(tt.isNot, bigv.ErrOutcomeUnknown) {
				assert.NotErrorIs(t, err, kind)
			}
			assert.ErrorContains(t, err, "create virtual machine www1.web.acme")
			assert.ErrorContains(t, err, "log in alice")
			assert.ErrorContains(t, err, "not sent")
			assert.ErrorContains(t, err, tt.message)
			assert.NotContains(t, err.Error(), "sesame")
			assert.False(t, is[*bigv.NotFoundError](err))
			assert.Len(t, auth.Logins(), 1)
			assert.Empty(t, auth.Authorizations(), "requests other than the login")

			// A client with other credentials logs in; the first one still does not.
			other, err := client.With(bigv.WithCredentials("bob", "mellon"))
			require.NoError(t, err)
			assert.NoError(t, get(t.Context(), other))
			assert.Error(t, get(t.Context(), client))
		})
	}
}

// A 404 of the authentication service must not be taken for the machine being gone.
func TestWaitForDeletedWithWrongAuthURL(t *testing.T) {
	auth, client := startAuth(t, asAlice)
	auth.RefuseLogins(fakeserver.Respond(http.StatusNotFound, ""))
	_, err := client.VirtualMachines.Wait(t.Context(), www1, bigv.Deleted, bigv.WaitOptions{})
	assert.Error(t, err)
}

// A login that failed for another reason than the credentials is tried again by the next call.
func TestFailedLoginIsNotRemembered(t *testing.T) {
	const notASession = "the body is not a session ID"
	for _, tt := range []struct {
		name    string
		refuse  http.HandlerFunc
		logins  int // that one call sends
		message string
	}{
		{"connection lost", closeConnection, 1, ""},
		{"404, which is not about the object of the call", fakeserver.Respond(404, ""), 1, "check the authentication URL"},
		{"407 of a proxy", fakeserver.Respond(407, ""), 1, "407"},
		{"408", fakeserver.Respond(408, ""), 1, "408"},
		{"421", fakeserver.Respond(421, ""), 1, "421"},
		{"425", fakeserver.Respond(425, ""), 1, "425"},
		{"451", fakeserver.Respond(451, ""), 1, "451"},
		{"499", fakeserver.Respond(499, ""), 1, "499"},
		{"403 with the HTML page of a proxy", fakeserver.Respond(403, "<html>no</html>"), 1, "an HTML page"},
		{"429", fakeserver.Respond(429, ""), 1, "429"},
		{"429 Retry-After", fakeserver.Respond(429, "", "Retry-After", "0"), quick.MaxAttempts, "429"},
		{"500", fakeserver.Respond(500, ""), 1, "500"},
		{"502", fakeserver.Respond(502, ""), 1, "502"},
		{"503", fakeserver.Respond(503, ""), 1, "503"},
		{"503 Retry-After", fakeserver.Respond(503, "", "Retry-After", "0"), quick.MaxAttempts, "503"},
		{"blank body", fakeserver.Respond(200, " \n"), 1, notASession},
		{"an HTML page", fakeserver.Respond(200, "<html>Wi-Fi</html>"), 1, "an HTML page"},
		{"several lines", fakeserver.Respond(200, "one\ntwo"), 1, notASession},
		{"several words", fakeserver.Respond(200, "Bad login credentials"), 1, notASession},
		{"JSON", fakeserver.Respond(200, `{"session":"x"}`), 1, notASession},
		{"not valid in a header", fakeserver.Respond(200, "sess\x00ion"), 1, notASession},
		{"truncated", truncate("Content-Length", "1000"), 1, notASession},
		{"a redirect", fakeserver.Respond(307, "", "Location", "/elsewhere"), 1, "redirect refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			auth, client := startAuth(t, asAlice)
			auth.RefuseLogins(tt.refuse)
			err := create(t.Context(), client)
			require.Error(t, err)
			assert.ErrorContains(t, err, tt.message)
			assert.ErrorContains(t, err, "not sent")
			assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown, "the create was not sent")
			assert.NotContains(t, err.Error(), "sesame")
			assert.Len(t, auth.Logins(), tt.logins)
			assert.Empty(t, auth.Authorizations(), "requests other than the login")
			auth.RefuseLogins(nil)
			assert.NoError(t, create(t.Context(), client))
		})
	}
}

func TestOneTimeCodeIsNeverReused(t *testing.T) {
	for variable, field := range map[string]string{"BIGV_2FA": "2fa", "BIGV_YUBIKEY": "yubikey"} {
		fromEnv := func(t *testing.T) (*fakeserver.Auth, *bigv.Client) {
			auth := fakeserver.NewAuth(nil)
			srv := fakeserver.New(t, auth.ServeHTTP)
			clearEnv(t)
			t.Setenv("BIGV_USERNAME", "alice")
			t.Setenv("BIGV_PASSWORD", "sesame")
			t.Setenv(variable, "123456")
			client, err := bigv.NewClientFromEnv(bigv.WithBaseURL(srv.URL()), bigv.WithAuthURL(srv.URL()))
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			return auth, client
		}
		t.Run(variable+"/expired session", func(t *testing.T) {
			auth, client := fromEnv(t)
			require.NoError(t, get(t.Context(), client))
			auth.Expire(nil)
			for range 3 {
				err := get(t.Context(), client)
				assert.ErrorIs(t, err, bigv.ErrSessionExpired)
				assert.ErrorContains(t, err, "the one-time code has been used")
			}
			assert.Equal(t, []map[string]string{{"username": "alice", "password": "sesame", field: "123456"}}, auth.LoginFields())
		})
		for name, call := range map[string]func(context.Context, *bigv.Client) error{"read": get, "write": create} {
			t.Run(variable+"/unauthorized "+name, func(t *testing.T) {
				auth, client := fromEnv(t)
				require.NoError(t, get(t.Context(), client))
				auth.Expire(nil)
				err := call(t.Context(), client)
				assert.ErrorIs(t, err, bigv.ErrUnauthorized)
				assert.ErrorContains(t, err, "the one-time code has been used")
				assert.NotContains(t, err.Error(), "check the token", "the caller has no token to check")
			})
		}
		t.Run(variable+"/lost response to the login", func(t *testing.T) {
			auth, client := fromEnv(t)
			auth.RefuseLogins(closeConnection)
			require.Error(t, get(t.Context(), client))
			auth.RefuseLogins(nil)
			assert.ErrorIs(t, get(t.Context(), client), bigv.ErrSessionExpired)
			assert.Len(t, auth.Logins(), 1)
		})
	}
}

func TestSecondFactor(t *testing.T) {
	var code bigv.Secret
	var failure error
	secondFactor := func(context.Context) (bigv.Secret, error) { return code, failure }
	auth, client := startAuth(t, asAlice, bigv.WithSecondFactor(bigv.TwoFactor, secondFactor))

	assert.ErrorContains(t, get(t.Context(), client), "getting the second factor: the second factor returned no code")
	failure = errors.New("the phone is off")
	assert.ErrorIs(t, get(t.Context(), client), failure)
	code, failure = bigv.NewSecret("111111"), nil
	require.NoError(t, get(t.Context(), client), "earlier failures are not remembered")
	auth.Expire(nil)
	err := get(t.Context(), client)
	assert.ErrorIs(t, err, bigv.ErrSessionExpired)
	assert.ErrorIs(t, err, bigv.ErrUnauthorized)
	assert.ErrorContains(t, err, "the code of the last login")
	code = bigv.NewSecret("222222")
	require.NoError(t, get(t.Context(), client))

	logins := auth.LoginFields()
	require.Len(t, logins, 2)
	assert.Equal(t, "111111", logins[0]["2fa"])
	assert.Equal(t, "222222", logins[1]["2fa"])
	assert.NotContains(t, logins[0], "validity")
}

// A second factor that ignores its context does not keep the call from ending, and is not requested a second time meanwhile.
func TestSecondFactorIgnoresContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var requests atomic.Int64
	entered := make(chan struct{})
	auth, client := startAuth(t, asAlice, bigv.WithSecondFactor(bigv.TwoFactor, func(context.Context) (bigv.Secret, error) {
		number := requests.Add(1)
		cancel()
		<-entered
		return bigv.NewSecret(fmt.Sprint("12345", number)), nil
	}))
	require.ErrorIs(t, get(ctx, client), context.Canceled)
	second, cancelSecond := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancelSecond()
	require.ErrorIs(t, get(second, client), context.DeadlineExceeded)
	assert.EqualValues(t, 1, requests.Load(), "requests for a code")
	close(entered)
	assert.NoError(t, get(t.Context(), client))
	assert.Len(t, auth.Logins(), 1)
}

// One of several callers logs in for all. When its context ends, the others are not affected.
func TestLoginOfCancelledCaller(t *testing.T) {
	auth := fakeserver.NewAuth(nil)
	arrived, finished := make(chan struct{}, 2), make(chan struct{})
	auth.RefuseLogins(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-finished:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
	client, err := start(t, auth.ServeHTTP).With(asAlice)
	require.NoError(t, err)
	t.Cleanup(func() { close(finished) })

	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- get(ctx, client) }()
	<-arrived

	// The context of a caller that waits for the login of the first ends.
	waitingCtx, cancelWaiting := context.WithCancelCause(t.Context())
	waiting := make(chan error, 1)
	go func() { waiting <- get(waitingCtx, client) }()
	cancelWaiting(errKeyPressed)
	err = <-waiting
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, errKeyPressed)

	// The context of the first caller ends.
	var others sync.WaitGroup
	for range 8 {
		others.Go(func() { assert.NoError(t, get(t.Context(), client)) })
	}
	auth.RefuseLogins(nil)
	cancel()
	assert.ErrorIs(t, <-first, context.Canceled)
	others.Wait()
	assert.Len(t, auth.Logins(), 2)
}

func TestTokenSource(t *testing.T) {
	failure := errors.New("the vault is sealed")
	finished := make(chan struct{})
	for _, tt := range []struct {
		name    string
		source  bigv.TokenSourceFunc
		message string
		is      error
	}{
		{"fails", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			return bigv.Secret{}, failure
		}, "the token source: the vault is sealed", failure},
		{"returns an empty token", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			return bigv.Secret{}, nil
		}, "the token of the token source is empty", nil},
		{"returns two lines", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			return bigv.NewSecret("t0ken\r\nHost: evil"), nil
		}, "the token of the token source contains a space or another invalid character", nil},
		{"blocks and ignores its context", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			<-finished
			return bigv.Secret{}, nil
		}, "the token source returned no token within 20ms", nil},
		{"blocks until its context ends", func(ctx context.Context, _ bigv.Secret) (bigv.Secret, error) {
			<-ctx.Done()
			return bigv.Secret{}, ctx.Err()
		}, "the token source returned no token within 20ms", nil},
		{"ends its goroutine", func(context.Context, bigv.Secret) (bigv.Secret, error) {
			runtime.Goexit()
			return bigv.Secret{}, nil
		}, "the token of the token source is empty", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timeouts := bigv.Timeouts{Header: time.Minute, Idle: time.Minute}
			if tt.is == nil && tt.message == "the token source returned no token within 20ms" {
				timeouts.Header = 20 * time.Millisecond
			}
			auth, client := startAuth(t, bigv.WithTokenSource(tt.source), bigv.WithTimeouts(timeouts))
			response := bigv.Response{StatusCode: 200, Attempts: 7} // left by an earlier call
			_, err := client.VirtualMachines.Get(t.Context(), www1, bigv.WithResponse(&response))
			assert.ErrorContains(t, err, tt.message)
			assert.ErrorContains(t, err, notSentText)
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
			assert.NotErrorIs(t, err, context.DeadlineExceeded, "the context of the caller has not ended")
			assert.Zero(t, response, "the response of an earlier call")
			assert.Empty(t, auth.Authorizations(), "requests")
		})
	}
	close(finished)

	t.Run("panics in the goroutine of the caller", func(t *testing.T) {
		source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { panic("oh") })
		_, client := startAuth(t, bigv.WithTokenSource(source))
		assert.PanicsWithValue(t, "oh", func() { _ = get(t.Context(), client) })
	})
}

// Calls share the calls of a token source. One that ignores its context occupies one goroutine, whatever the number of calls.
func TestTokenSourceIsShared(t *testing.T) {
	var running, most, calls atomic.Int64
	source := func(f bigv.TokenSourceFunc) bigv.Option {
		running.Store(0)
		most.Store(0)
		calls.Store(0)
		return bigv.WithTokenSource(bigv.TokenSourceFunc(func(ctx context.Context, rejected bigv.Secret) (bigv.Secret, error) {
			calls.Add(1)
			n := running.Add(1)
			defer running.Add(-1)
			most.Store(max(most.Load(), n))
			return f(ctx, rejected)
		}))
	}
	t.Run("ignores its context", func(t *testing.T) {
		finish := make(chan struct{})
		client := start(t, nil)
		client, err := client.With(source(func(context.Context, bigv.Secret) (bigv.Secret, error) {
			<-finish
			return bigv.NewSecret("t0ken"), nil
		}))
		require.NoError(t, err)
		before := runtime.NumGoroutine()
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			assert.ErrorIs(t, get(ctx, client), context.DeadlineExceeded)
			cancel()
		}
		assert.Less(t, runtime.NumGoroutine(), before+10)
		assert.EqualValues(t, 1, calls.Load())
		close(finish)
		assert.NoError(t, get(t.Context(), client), "the source is called again when it has returned")
		assert.EqualValues(t, 2, calls.Load())
	})
	t.Run("concurrent calls", func(t *testing.T) {
		joined := make(chan struct{})
		client, err := start(t, nil).With(source(func(context.Context, bigv.Secret) (bigv.Secret, error) {
			<-joined
			return bigv.NewSecret("t0ken"), nil
		}))
		require.NoError(t, err)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { assert.NoError(t, get(t.Context(), client)) })
		}
		// The first caller gives up; the others still get their token.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, get(ctx, client), context.DeadlineExceeded)
		close(joined)
		group.Wait()
		assert.EqualValues(t, 1, most.Load())
	})
	t.Run("ends when nobody waits", func(t *testing.T) {
		client, err := start(t, nil).With(source(func(ctx context.Context, _ bigv.Secret) (bigv.Secret, error) {
			<-ctx.Done()
			return bigv.Secret{}, ctx.Err()
		}))
		require.NoError(t, err)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			assert.ErrorIs(t, get(ctx, client), context.DeadlineExceeded)
			cancel()
		}
		assert.EqualValues(t, 1, most.Load())
	})
}

// numberedTokens is a token source that returns token-1, token-2 and so on.
type numberedTokens struct {
	count    int
	rejected []string // the tokens passed as rejected
}

func (s *numberedTokens) Token(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
	s.count++
	s.rejected = append(s.rejected, rejected.Reveal())
	return bigv.NewSecret(fmt.Sprint("token-", s.count)), nil
}

// TestRejectedToken tests that a request that gets 401 is sent once more, if there is another token.
func TestRejectedToken(t *testing.T) {
	unauthorized := fakeserver.Respond(401, "")
	t.Run("another token", func(t *testing.T) {
		for _, op := range operations {
			t.Run(op.name, func(t *testing.T) {
				var tokens numberedTokens
				var log attemptLog
				srv := fakeserver.New(t, sequence(unauthorized, fakeserver.Service))
				client, err := newClient(t, srv).With(bigv.WithTokenSource(&tokens), log.option())
				require.NoError(t, err)
				var response bigv.Response
				require.NoError(t, op.call(t.Context(), client, bigv.WithResponse(&response)))
				requests := srv.Requests()
				require.Len(t, requests, 2)
				assert.Equal(t, "Bearer token-1", requests[0].Header.Get("Authorization"))
				assert.Equal(t, "Bearer token-2", requests[1].Header.Get("Authorization"))
				assert.Equal(t, []string{"", "token-1"}, tokens.rejected)
				assert.Equal(t, 2, response.Attempts)
				attempts := log.all()
				require.Len(t, attempts, 2)
				assert.Equal(t, []int{1, 2}, []int{attempts[0].Number, attempts[1].Number})
				assert.Equal(t, []int{401, 2}, []int{attempts[0].StatusCode, attempts[1].StatusCode / 100})
			})
		}
	})
	t.Run("another token that is rejected as well", func(t *testing.T) {
		for _, op := range operations {
			t.Run(op.name, func(t *testing.T) {
				srv := fakeserver.New(t, unauthorized)
				client, err := newClient(t, srv).With(bigv.WithTokenSource(&numberedTokens{}))
				require.NoError(t, err)
				err = op.call(t.Context(), client)
				assert.ErrorIs(t, err, bigv.ErrUnauthorized)
				e, ok := errors.AsType[*bigv.UnauthorizedError](err)
				require.True(t, ok)
				assert.Equal(t, 2, e.Attempts)
				assert.Len(t, srv.Requests(), 2)
			})
		}
	})
	t.Run("the same token", func(t *testing.T) {
		sameToken := bigv.TokenSourceFunc(func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
			return bigv.NewSecret("x"), nil
		})
		for name, option := range map[string]bigv.Option{
			"token": bigv.WithToken("x"), "API key": bigv.WithAPIKey("x"), "source": bigv.WithTokenSource(sameToken),
		} {
			srv := fakeserver.New(t, unauthorized)
			client, err := newClient(t, srv).With(option)
			require.NoError(t, err)
			assert.ErrorIs(t, get(t.Context(), client), bigv.ErrUnauthorized, name)
			assert.Len(t, srv.Requests(), 1, name)
		}
	})
	t.Run("no other token", func(t *testing.T) {
		failure := errors.New("the vault is sealed")
		source := bigv.TokenSourceFunc(func(_ context.Context, rejected bigv.Secret) (bigv.Secret, error) {
			if rejected.IsZero() {
				return bigv.NewSecret("x"), nil
			}
			return bigv.Secret{}, failure
		})
		client, err := start(t, unauthorized).With(bigv.WithTokenSource(source))
		require.NoError(t, err)
		err = create(t.Context(), client)
		assert.ErrorIs(t, err, failure)
		assert.ErrorIs(t, err, bigv.ErrUnauthorized)
		assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown)
	})
	t.Run("attempts of a renewed session are numbered in order", func(t *testing.T) {
		var log attemptLog
		auth, client := startAuth(t, asAlice, log.option())
		require.NoError(t, get(t.Context(), client))
		before := len(log.all())
		auth.Expire(nil)
		require.NoError(t, get(t.Context(), client))
		type attempt struct {
			operation, method, route string
			number, status           int
		}
		var attempts []attempt
		for _, a := range log.all()[before:] {
			attempts = append(attempts, attempt{a.Operation, a.Method, a.Route, a.Number, a.StatusCode})
		}
		const route = "/accounts/{account}/groups/{group}/virtual_machines/{virtual machine}"
		assert.Equal(t, []attempt{
			{"get virtual machine", "GET", route, 1, 401},
			{"log in", "POST", "/session", 1, 200},
			{"get virtual machine", "GET", route, 2, 200},
		}, attempts)
	})
	t.Run("a delete that may or may not have been applied before the 401", func(t *testing.T) {
		handler := sequence(fakeserver.Respond(502, ""), unauthorized, fakeserver.Respond(404, ""))
		client, err := start(t, handler).With(bigv.WithTokenSource(&numberedTokens{}))
		require.NoError(t, err)
		assert.NoError(t, client.VirtualMachines.Delete(t.Context(), www1), "the attempt that got 502 may have deleted it")
	})
}

func TestWithoutCredentials(t *testing.T) {
	srv := fakeserver.New(t, nil)
	anonymous := clientFor(t, srv.URL())
	for name, client := range map[string]*bigv.Client{"without a token": anonymous, "with a token": newClient(t, srv)} {
		_, err := client.Definitions.Get(t.Context())
		assert.NoError(t, err, name)
		assert.NoError(t, client.Do(t.Context(), "GET", "/definitions", nil, nil), name)
	}
	for _, request := range srv.Requests() {
		assert.Empty(t, request.Header.Values("Authorization"), "definitions need no credentials, so none are sent")
	}
	err := get(t.Context(), anonymous)
	assert.ErrorIs(t, err, bigv.ErrNoCredential)
	assert.ErrorContains(t, err, "use WithAPIKey, WithToken or WithCredentials")
}

func TestAPIKeyPrefix(t *testing.T) {
	srv := fakeserver.New(t, nil)
	base := newClient(t, srv)
	for _, key := range []string{"b7f3", "apikey.b7f3"} {
		client, err := base.With(bigv.WithAPIKey(key))
		require.NoError(t, err)
		require.NoError(t, get(t.Context(), client))
		assert.Equal(t, "Bearer apikey.b7f3", srv.Reset()[0].Header.Get("Authorization"))
	}
}

func TestAuthURLWithPath(t *testing.T) {
	srv := fakeserver.New(t, nil)
	client, err := newClient(t, srv).With(asAlice, bigv.WithAuthURL(srv.URL()+"/auth/"))
	require.NoError(t, err)
	require.NoError(t, get(t.Context(), client))
	requests := srv.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, "POST /auth/session", requests[0].Method+" "+requests[0].Path)
}
