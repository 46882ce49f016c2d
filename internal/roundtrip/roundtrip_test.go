package roundtrip

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
