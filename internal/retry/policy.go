package retry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Policy limits how often a request is sent, and how long to wait in between.
type Policy struct {
	MaxAttempts int           // 1 means no retries
	MinWait     time.Duration // upper limit of the first wait, which is random
	MaxWait     time.Duration // upper limit of every wait, without the jitter of Retry-After; a longer Retry-After is not waited for
}

// wait returns how long to wait after this many attempts, the last of which had a
// response with header. It reports false if the wait would outlast the context, or if
// Retry-After is above MaxWait: an earlier attempt would be refused again. A Retry-After
// of 0 leaves the wait to the policy.
func (p Policy) wait(ctx context.Context, attempts int, header http.Header) (time.Duration, bool) {
	wait := p.backoff(attempts)
	deadline, limited := ctx.Deadline()
	if requested, ok := RetryAfter(header); ok && requested > 0 {
		if requested > p.MaxWait {
			return 0, false
		}
		wait = WithJitter(requested, deadline)
	}
	if limited && wait >= time.Until(deadline) {
		return 0, false
	}
	return wait, ctx.Err() == nil
}

// WithJitter returns a requested wait and up to a tenth more, so that clients that were
// refused at the same time do not return at the same time. It adds at most half of what
// is left before the deadline, unless that is zero.
func WithJitter(requested time.Duration, deadline time.Time) time.Duration {
	jitter := requested / 10
	if !deadline.IsZero() {
		jitter = min(jitter, (time.Until(deadline)-requested)/2)
	}
	return requested + rand.N(max(jitter, 0)+1)
}

// backoff returns a random wait below a limit that doubles with each attempt.
func (p Policy) backoff(attempts int) time.Duration {
	limit := p.MaxWait
	if doublings := min(attempts-1, 62); p.MinWait <= p.MaxWait>>doublings {
		limit = p.MinWait << doublings
	}
	return time.Duration(rand.Int64N(int64(max(limit, 1))))
}

// RetryAfter returns how long a Retry-After header says to wait. It reports false
// if there is none that can be read.
func RetryAfter(header http.Header) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	// A number out of range is parsed as the end of the range, which is long enough.
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(max(seconds, 0)) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(date), 0), math.MaxInt32*time.Second), true
	}
	return 0, false
}

// ContextError returns the error of a call that its context ended: the context's
// error, its cause, and the last error before it, which may be nil.
func ContextError(ctx context.Context, last error) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	why := cause
	if !errors.Is(cause, err) {
		why = fmt.Errorf("%w: %w", err, cause)
	}
	if last != nil && !errors.Is(last, err) && !errors.Is(last, cause) {
		return fmt.Errorf("%w (before that: %w)", why, last)
	}
	return why
}
