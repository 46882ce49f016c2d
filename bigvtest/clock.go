package bigvtest

import (
	"container/heap"
	"math"
	"time"
)

// clock is the time of the service and a queue of events. It stands still unless base changes, or
// follows real time at a multiple if speed is set. There is no background goroutine: runDue carries
// out the events that have become due, in order.
type clock struct {
	base      time.Time
	speed     float64
	startedAt time.Time // real time that corresponds to base, used with speed

	now    time.Time // current time while events are carried out
	target time.Time // time up to which runDue carries out events
	seq    int
	due    eventQueue
}

// read returns the current time of the clock.
func (c *clock) read() time.Time {
	if c.speed <= 0 {
		return c.base
	}
	elapsed := float64(time.Since(c.startedAt)) * c.speed
	if elapsed >= math.MaxInt64 {
		return c.base.Add(math.MaxInt64)
	}
	return c.base.Add(time.Duration(elapsed))
}

// runDue carries out all events that are due.
func (c *clock) runDue() {
	c.target = c.read()
	for len(c.due) > 0 && !c.due[0].at.After(c.target) {
		e := heap.Pop(&c.due).(*event)
		if e.run == nil {
			continue
		}
		if e.at.After(c.now) {
			c.now = e.at
		}
		run := e.run
		e.run = nil
		run()
	}
	c.now = c.target
}

// after schedules a call of run after d.
func (c *clock) after(d time.Duration, run func()) *event { return c.at(c.now.Add(d), run) }

func (c *clock) at(t time.Time, run func()) *event {
	c.seq++
	e := &event{at: t, seq: c.seq, run: run}
	heap.Push(&c.due, e)
	return e
}

// event is a scheduled call.
type event struct {
	at  time.Time
	seq int
	run func() // nil if cancelled or done
}

func (e *event) cancel() {
	if e != nil {
		e.run = nil
	}
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}
