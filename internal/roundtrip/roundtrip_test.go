package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestJitterGrowsWithinItsLimits(t *testing.T) {
	for _, row := range []struct {
		name     string
		policy   Policy
		attempts int
		ceiling  time.Duration
	}{
		{"the first wait", Policy{MinWait: time.Second, MaxWait: time.Minute}, 1, time.Second},
		{"the second doubles", Policy{MinWait: time.Second, MaxWait: time.Minute}, 2, 2 * time.Second},
		{"the fourth", Policy{MinWait: time.Second, MaxWait: time.Minute}, 4, 8 * time.Second},
		{"the largest", Policy{MinWait: time.Second, MaxWait: time.Minute}, 7, time.Minute},
		{"after very many attempts", Policy{MinWait: time.Second, MaxWait: time.Minute}, math.MaxInt, time.Minute},
		{"of times that would overflow", Policy{MinWait: 100 * time.Hour, MaxWait: math.MaxInt64}, 40, math.MaxInt64},
		{"no first wait is none ever", Policy{MaxWait: time.Minute}, 5, 1},
		{"none at all", Policy{}, 3, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var longest time.Duration
			for range 2000 {
				wait := row.policy.jittered(row.attempts)
				assert.GreaterOrEqual(t, wait, time.Duration(0))
				assert.Less(t, wait, row.ceiling)
				longest = max(longest, wait)
			}
			// All of 2000 draws in the lower nine tenths: once in 10 to the 91.
			assert.GreaterOrEqual(t, longest, row.ceiling/10*9, "the whole range is used")
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for _, row := range []struct {
		name, value string
		want        time.Duration
		ok          bool
	}{
		{"nothing asked", "", 0, false},
		{"seconds", "120", 2 * time.Minute, true},
		{"at once", "0", 0, true},
		{"below zero is at once", "-5", 0, true},
		{"more than a number holds is long", "99999999999999999999", math.MaxInt32 * time.Second, true},
		{"less than a number holds is at once", "-99999999999999999999", 0, true},
		{"a date that is over is at once", "Fri, 31 Dec 1999 23:59:59 GMT", 0, true},
		{"words ask for nothing", "soon", 0, false},
		{"a fraction asks for nothing", "1.5", 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			wait, ok := RetryAfter(http.Header{"Retry-After": {row.value}})
			assert.Equal(t, row.ok, ok)
			assert.Equal(t, row.want, wait)
		})
	}
	wait, ok := RetryAfter(http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}})
	assert.True(t, ok, "a date to come")
	assert.InDelta(t, time.Hour, wait, float64(time.Minute))
}

func TestInterrupted(t *testing.T) {
	cause, before := errors.New("the user pressed a key"), errors.New("no route")
	own := fmt.Errorf("shutting down: %w", context.Canceled)
	for _, row := range []struct {
		name  string
		cause error
		last  error
		text  string
		are   []error
	}{
		{"nothing before", nil, nil, "context canceled", []error{context.Canceled}},
		{"the end itself", nil, context.Canceled, "context canceled", []error{context.Canceled}},
		{"something before", nil, before, "context canceled (before that: no route)", []error{context.Canceled, before}},
		{"a cause", cause, nil, "context canceled: the user pressed a key", []error{context.Canceled, cause}},
		{"a cause that was met", cause, cause, "context canceled: the user pressed a key", []error{context.Canceled, cause}},
		{"a cause and something before", cause, before, "context canceled: the user pressed a key (before that: no route)", []error{context.Canceled, cause, before}},
		{"a cause that says so itself", own, nil, "shutting down: context canceled", []error{context.Canceled, own}},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(row.cause)
			err := Interrupted(ctx, row.last)
			assert.EqualError(t, err, row.text)
			for _, is := range row.are {
				assert.ErrorIs(t, err, is)
			}
		})
	}
}

func TestNext(t *testing.T) {
	policy := Policy{MaxAttempts: 3, MinWait: time.Hour, MaxWait: 2 * time.Hour}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	over, end := context.WithCancel(t.Context())
	end()
	asked := func(value string) http.Header { return http.Header{"Retry-After": {value}} }
	for _, row := range []struct {
		name     string
		ctx      context.Context
		attempts int
		header   http.Header
		wait     time.Duration // if it is certain
		ok       bool
	}{
		{"one more", t.Context(), 1, nil, -1, true},
		{"the last", t.Context(), 2, nil, -1, true},
		{"none left", t.Context(), 3, asked("0"), 0, false},
		{"what is asked", t.Context(), 1, asked("60"), time.Minute, true},
		{"what is asked, capped", t.Context(), 1, asked("86400"), 2 * time.Hour, true},
		{"at once before the deadline", soon, 1, asked("0"), 0, true},
		{"longer than the deadline", soon, 1, asked("61"), 0, false},
		{"after the end", over, 1, asked("0"), 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			wait, ok := policy.Next(row.ctx, row.attempts, row.header)
			assert.Equal(t, row.ok, ok)
			if row.wait >= 0 {
				assert.Equal(t, row.wait, wait)
			}
		})
	}
	assert.True(t, Sleep(t.Context(), 0))
	assert.False(t, Sleep(over, 24*time.Hour))
	assert.False(t, Sleep(over, 0))
}

func TestReadAll(t *testing.T) {
	gone := errors.New("gone")
	for _, row := range []struct {
		name   string
		body   io.Reader
		length int64
		limit  int64
		want   string
		is     error
	}{
		{"a known length", strings.NewReader("abc"), 3, 3, "abc", nil},
		{"nothing", strings.NewReader(""), 0, 3, "", nil},
		{"an unknown length", strings.NewReader("abc"), -1, 3, "abc", nil},
		{"no limit to speak of", strings.NewReader("abc"), -1, math.MaxInt64, "abc", nil},
		{"a length above the limit", strings.NewReader("abcd"), 4, 3, "", ErrTooLarge},
		{"more than the limit", strings.NewReader("abcd"), -1, 3, "abc", ErrTooLarge},
		{"more than the limit, its end along with it", iotest.DataErrReader(strings.NewReader("abcd")), -1, 3, "abc", ErrTooLarge},
		{"the limit, byte by byte", iotest.OneByteReader(strings.NewReader("abc")), -1, 3, "abc", nil},
		{"much of an unknown length", iotest.HalfReader(strings.NewReader(strings.Repeat("abc", 10_000))), -1, 30_000, strings.Repeat("abc", 10_000), nil},
		{"less than its length", strings.NewReader("ab"), 3, 3, "ab", io.ErrUnexpectedEOF},
		{"nothing of its length", strings.NewReader(""), 3, 3, "", io.ErrUnexpectedEOF},
		{"an error on the way", io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(gone)), -1, 3, "ab", gone},
		{"an error on the way to its length", io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(gone)), 3, 3, "ab", gone},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := readAll(&http.Response{Body: io.NopCloser(row.body), ContentLength: row.length}, row.limit)
			assert.Equal(t, row.want, string(got))
			if row.is == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, row.is)
			}
		})
	}
}

// A request whose context has ended is not handed on, and nothing was written.
func TestWithheld(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:1", nil)
	require.NoError(t, err)
	_, err = limit(nil, Limits{}).RoundTrip(req) // there is nobody to hand it to
	assert.ErrorIs(t, err, context.Canceled)
	assert.EqualError(t, err, "context canceled")
	assert.True(t, unsent(err))
	retry, lost := (&call{req: &Request{Class: Once}}).verdict(nil, err, nil, true)
	assert.False(t, lost)
	assert.True(t, retry, "but for the context, which check looks at")
}

// carrier is a function that serves as a transport.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// A transport that panics leaves nothing to be watched over.
func TestPanicsAreNotWatched(t *testing.T) {
	l := limit(carrier(func(*http.Request) (*http.Response, error) { panic("boom") }), Limits{Header: time.Hour, Idle: time.Hour})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1", nil)
	require.NoError(t, err)
	for range 3 {
		assert.PanicsWithValue(t, "boom", func() { _, _ = l.RoundTrip(req) })
	}
	assert.Empty(t, l.watches)
}

// However many attempts there are, one timer is set in each of the shortest waits.
func TestOneTimerServesAll(t *testing.T) {
	l := limit(carrier(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
	}), Limits{Header: time.Hour, Idle: time.Hour})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 200 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1", nil)
				if !assert.NoError(t, err) {
					return
				}
				resp, err := l.RoundTrip(req)
				if assert.NoError(t, err) {
					assert.NoError(t, resp.Body.Close())
				}
			}
		})
	}
	wg.Wait()
	assert.Empty(t, l.watches)
	assert.Equal(t, 1, l.timer, "timers that were set")
}

// foreign is a context that is none of package context's: it costs a goroutine
// for each context made of it that nobody has ended.
type foreign struct {
	context.Context
	done chan struct{}
}

func (f foreign) Done() <-chan struct{} { return f.done }

// The context of an attempt lasts as long as its answer is read, and no longer,
// whoever made it: Send, or http.Client on its way.
func TestContextsOfAttempts(t *testing.T) {
	answer := func(status int, header ...string) carrier {
		return func(r *http.Request) (*http.Response, error) {
			h := http.Header{}
			for i := 0; i+1 < len(header); i += 2 {
				h.Set(header[i], header[i+1])
			}
			return &http.Response{StatusCode: status, Header: h, ContentLength: -1, Body: io.NopCloser(strings.NewReader("[]")), Request: r}, nil
		}
	}
	found, moved, lost := answer(200), answer(302, "Location", "/elsewhere"), carrier(func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") })
	silent := carrier(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for _, row := range []struct {
		name    string
		answers []carrier
		stays   bool // where it is, if it is led elsewhere
		says    string
	}{
		{name: "answered", answers: []carrier{found}},
		{name: "lost, and sent again", answers: []carrier{lost, answer(503), found}},
		{name: "lost again and again", answers: []carrier{lost, lost, lost}, says: "lost"},
		{name: "not answered in time, and sent again", answers: []carrier{silent, found}},
		{name: "led elsewhere", answers: []carrier{moved, found}},
		{name: "led elsewhere twice, lost, and led elsewhere", answers: []carrier{moved, moved, lost, moved, found}},
		{name: "led elsewhere, not answered in time, and sent again", answers: []carrier{moved, silent, found}},
		{name: "led elsewhere, which was refused", answers: []carrier{moved}, stays: true, says: "redirect refused"},
	} {
		for _, timeout := range []time.Duration{0, time.Hour} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/timeout %s, stream %t", row.name, timeout, stream), func(t *testing.T) {
					before := goleak.IgnoreCurrent()
					sent := 0
					client := &http.Client{Timeout: timeout, Transport: carrier(func(r *http.Request) (*http.Response, error) {
						assert.NoError(t, r.Context().Err(), "request %d", sent)
						sent++
						return row.answers[sent-1](r)
					})}
					if row.stays {
						client.CheckRedirect = func(*http.Request, []*http.Request) error { return ErrRedirect }
					}
					address, err := url.Parse("http://127.0.0.1:1/")
					require.NoError(t, err)
					sender := NewSender(client, Limits{Header: 50 * time.Millisecond, Idle: time.Hour})
					resp, err := Send(foreign{t.Context(), make(chan struct{})}, sender, Policy{MaxAttempts: 3, MaxBody: 1000},
						&Request{Method: http.MethodGet, URL: address, Header: http.Header{}, Stream: stream})
					if row.says != "" {
						assert.ErrorContains(t, err, row.says)
					} else if assert.NoError(t, err) && stream {
						resp.Body, err = io.ReadAll(resp.Stream)
						assert.NoError(t, err, "the attempt's context lasts as long as its stream")
						assert.NoError(t, resp.Stream.Close())
					}
					if row.says == "" {
						assert.Equal(t, "[]", string(resp.Body))
					}
					assert.Equal(t, len(row.answers), sent)
					assert.Empty(t, client.Transport.(*limited).watches)
					goleak.VerifyNone(t, before)
				})
			}
		}
	}
}
