package bigvtest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Sessions that have ended are removed, also if nobody uses them again.
func TestEndedSessionsAreFreed(t *testing.T) {
	srv := NewServer(t, WithEmpty())
	bob := srv.User("bob")
	kept := bob.Token() // does not expire
	var used string
	srv.withLock(func() {
		for range 1000 {
			srv.state.openSession(bob.u, nil, SessionTime)
		}
		used = srv.state.openSession(bob.u, nil, SessionTime)
	})
	srv.Advance(SessionTime - time.Second)
	srv.withLock(func() {
		assert.Len(t, srv.state.sessions, 1002)
		srv.state.extendSession(srv.state.sessions[used])
	})
	srv.Advance(time.Second)
	srv.withLock(func() {
		assert.Len(t, srv.state.sessions, 2)
		assert.Contains(t, srv.state.sessions, used)
	})
	srv.Advance(SessionTime - time.Second)
	srv.withLock(func() {
		assert.Len(t, srv.state.sessions, 1)
		assert.Contains(t, srv.state.sessions, kept)
		assert.Empty(t, srv.state.clock.due)
	})
}

// Events that are due at the same instant are carried out in the order in which they were scheduled.
func TestEventsAtTheSameInstant(t *testing.T) {
	c := clock{base: time.Date(2019, 3, 4, 12, 0, 0, 0, time.UTC)}
	c.runDue()
	var got, want []int
	for n := range 20 {
		c.after(time.Minute, func() { got = append(got, n) })
		want = append(want, n)
	}
	c.after(time.Second, func() {
		c.after(59*time.Second, func() { got = append(got, 20) })
	})
	c.base = c.base.Add(time.Minute)
	c.runDue()
	assert.Equal(t, append(want, 20), got)
}

func TestSecondsDoNotOverflow(t *testing.T) {
	for _, n := range []int{0, 1, 120, math.MaxInt32, math.MaxInt - 1, math.MaxInt} {
		got := seconds(n)
		assert.GreaterOrEqual(t, got, time.Duration(0), n)
		assert.Equal(t, min(int64(n), 9223372036), int64(got/time.Second), n)
	}
}

// The clock can advance beyond the 292 years that a Duration holds, and at any speed.
func TestSpeedDoesNotOverflow(t *testing.T) {
	start := time.Date(2019, 3, 4, 12, 0, 0, 0, time.UTC)
	c := clock{base: start, speed: 1e12, startedAt: time.Now().Add(-24 * time.Hour)}
	assert.Equal(t, start.Add(math.MaxInt64), c.read())
	c.speed = 1e-3
	assert.WithinDuration(t, start.Add(86400*time.Millisecond), c.read(), time.Minute)
}
