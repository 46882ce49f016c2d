package bigv

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A field of an options struct that is 0 has its default, whatever the other fields are.
func TestZeroOptionsHaveDefaults(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for name, tt := range map[string]struct{ set, want RetryPolicy }{
		"all zero":                  {RetryPolicy{}, RetryPolicy{4, 500 * ms, 30 * s}},
		"attempts":                  {RetryPolicy{MaxAttempts: 6}, RetryPolicy{6, 500 * ms, 30 * s}},
		"minimum":                   {RetryPolicy{MinWait: s}, RetryPolicy{4, s, 30 * s}},
		"minimum above the maximum": {RetryPolicy{MinWait: 60 * s}, RetryPolicy{4, 60 * s, 60 * s}},
		"maximum":                   {RetryPolicy{MaxWait: 60 * s}, RetryPolicy{4, 500 * ms, 60 * s}},
		"maximum below the minimum": {RetryPolicy{MaxWait: 1}, RetryPolicy{4, 1, 1}},
	} {
		client, err := NewClient(WithToken("t0ken"), WithRetryPolicy(tt.set))
		if assert.NoError(t, err, name) {
			assert.Equal(t, tt.want, client.retry, name)
		}
	}
	for name, tt := range map[string]struct{ set, want Timeouts }{
		"all zero": {Timeouts{}, Timeouts{120 * s, 30 * s}},
		"header":   {Timeouts{Header: s}, Timeouts{s, 30 * s}},
		"idle":     {Timeouts{Idle: s}, Timeouts{120 * s, s}},
	} {
		client, err := NewClient(WithToken("t0ken"), WithTimeouts(tt.set))
		if assert.NoError(t, err, name) {
			assert.Equal(t, tt.want, client.timeouts, name)
		}
	}
	for name, tt := range map[string]struct{ set, want WaitOptions }{
		"all zero":                  {WaitOptions{}, WaitOptions{nil, s, 10 * s, 30 * time.Minute, 30 * s}},
		"minimum above the maximum": {WaitOptions{MinInterval: 20 * s}, WaitOptions{nil, 20 * s, 20 * s, 30 * time.Minute, 30 * s}},
		"maximum below the minimum": {WaitOptions{MaxInterval: ms}, WaitOptions{nil, ms, ms, 30 * time.Minute, 30 * s}},
		"timeout and grace":         {WaitOptions{Timeout: s, NotFoundGrace: 1}, WaitOptions{nil, s, 10 * s, s, 1}},
	} {
		assert.Equal(t, tt.want, tt.set.withDefaults(), name)
	}
}
