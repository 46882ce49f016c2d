package retry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	usual := Policy{MinWait: time.Second, MaxWait: time.Minute}
	for _, row := range []struct {
		name     string
		policy   Policy
		attempts int
		limit    time.Duration
	}{
		{"first wait", usual, 1, time.Second},
		{"second wait", usual, 2, 2 * time.Second},
		{"fourth wait", usual, 4, 8 * time.Second},
		{"seventh wait, limited", usual, 7, time.Minute},
		{"after very many attempts", usual, math.MaxInt, time.Minute},
		{"times that would overflow", Policy{MinWait: 100 * time.Hour, MaxWait: math.MaxInt64}, 40, math.MaxInt64},
		{"no MinWait", Policy{MaxWait: time.Minute}, 5, 1},
		{"MinWait above MaxWait", Policy{MinWait: time.Hour, MaxWait: time.Second}, 1, time.Second},
		{"zero", Policy{}, 3, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var longest time.Duration
			for range 2000 {
				wait := row.policy.backoff(row.attempts)
				assert.GreaterOrEqual(t, wait, time.Duration(0))
				assert.Less(t, wait, row.limit)
				longest = max(longest, wait)
			}
			// The chance that all 2000 are in the lower nine tenths is 1 to 10^91.
			assert.GreaterOrEqual(t, longest, row.limit/10*9, "the whole range is used")
		})
	}
}

func TestPolicyWait(t *testing.T) {
	policy := Policy{MaxAttempts: 3, MinWait: time.Hour, MaxWait: 2 * time.Hour}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended, end := context.WithCancel(t.Context())
	end()
	retryAfter := func(value string) http.Header { return http.Header{"Retry-After": {value}} }
	const random = -1
	for _, row := range []struct {
		name   string
		ctx    context.Context
		header http.Header
		wait   time.Duration
		jitter time.Duration
		ok     bool
	}{
		{"backoff", t.Context(), nil, random, 0, true},
		{"Retry-After", t.Context(), retryAfter("60"), time.Minute, 6 * time.Second, true},
		{"Retry-After just below MaxWait", t.Context(), retryAfter("7195"), 7195 * time.Second, 720 * time.Second, true},
		{"Retry-After above MaxWait", t.Context(), retryAfter("7201"), 0, 0, false},
		{"Retry-After of MaxWait", t.Context(), retryAfter("7200"), 2 * time.Hour, 12 * time.Minute, true},
		{"Retry-After that cannot be read", t.Context(), retryAfter("soon"), random, 0, true},
		{"Retry-After of 0", t.Context(), retryAfter("0"), random, 0, true},
		{"negative Retry-After", t.Context(), retryAfter("-5"), random, 0, true},
		{"Retry-After with a past date", t.Context(), retryAfter("Fri, 31 Dec 1999 23:59:59 GMT"), random, 0, true},
		{"a wait that ends before the deadline", soon, retryAfter("10"), 10 * time.Second, time.Second, true},
		{"a wait that ends just before the deadline", soon, retryAfter("59"), 59 * time.Second, time.Second / 2, true},
		{"a wait that outlasts the deadline", soon, retryAfter("61"), 0, 0, false},
		{"the context has ended", ended, retryAfter("1"), time.Second, time.Second / 10, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var longest time.Duration
			for range 500 {
				wait, ok := policy.wait(row.ctx, 1, row.header)
				assert.Equal(t, row.ok, ok)
				longest = max(longest, wait)
				if row.wait != random {
					assert.GreaterOrEqual(t, wait, row.wait)
				}
			}
			if row.wait == random {
				assert.Less(t, longest, time.Hour)
				assert.Greater(t, longest, time.Hour/2)
			} else {
				assert.LessOrEqual(t, longest, row.wait+row.jitter)
				// The chance that all 500 are in the lower half is 1 to 10^150. The time until the deadline passes meanwhile.
				assert.GreaterOrEqual(t, longest, row.wait+row.jitter/2)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for _, row := range []struct {
		name, value string
		want        time.Duration
		ok          bool
	}{
		{"empty", "", 0, false},
		{"seconds", "120", 2 * time.Minute, true},
		{"zero", "0", 0, true},
		{"negative", "-5", 0, true},
		{"above the range", "99999999999999999999", math.MaxInt32 * time.Second, true},
		{"below the range", "-99999999999999999999", 0, true},
		{"past date", "Fri, 31 Dec 1999 23:59:59 GMT", 0, true},
		{"far date", "Fri, 31 Dec 9999 23:59:59 GMT", math.MaxInt32 * time.Second, true},
		{"word", "soon", 0, false},
		{"fraction", "1.5", 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			wait, ok := RetryAfter(http.Header{"Retry-After": {row.value}})
			assert.Equal(t, row.ok, ok)
			assert.Equal(t, row.want, wait)
		})
	}
	_, ok := RetryAfter(nil)
	assert.False(t, ok)
	wait, ok := RetryAfter(http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}})
	assert.True(t, ok, "future date")
	assert.InDelta(t, time.Hour, wait, float64(time.Minute))
}

func TestContextError(t *testing.T) {
	cause, before := errors.New("the user pressed a key"), errors.New("no route")
	wrapping := fmt.Errorf("shutting down: %w", context.Canceled)
	for _, row := range []struct {
		name  string
		cause error
		last  error
		text  string
		match []error
	}{
		{"no error before", nil, nil, "context canceled", []error{context.Canceled}},
		{"the context's own error before", nil, context.Canceled, "context canceled", []error{context.Canceled}},
		{"another error before", nil, before, "context canceled (before that: no route)", []error{context.Canceled, before}},
		{"a cause", cause, nil, "context canceled: the user pressed a key", []error{context.Canceled, cause}},
		{"the cause before", cause, cause, "context canceled: the user pressed a key", []error{context.Canceled, cause}},
		{"a cause, and another error before", cause, before,
			"context canceled: the user pressed a key (before that: no route)", []error{context.Canceled, cause, before}},
		{"a cause that wraps the context's error", wrapping, nil, "shutting down: context canceled", []error{context.Canceled, wrapping}},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(row.cause)
			err := ContextError(ctx, row.last)
			assert.EqualError(t, err, row.text)
			for _, target := range row.match {
				assert.ErrorIs(t, err, target)
			}
		})
	}
}
