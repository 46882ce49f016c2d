package bigvtest

import (
	"container/heap"
	"time"
)

// clock is the service's idea of time. It stands still except for what is
// added to offset, or, with a speed, follows real time at that multiple.
// Nothing runs in the background: what falls due is carried out the next time
// somebody looks, in the order in which it fell due.
type clock struct {
	base      time.Time
	offset    time.Duration
	speed     float64
	startedAt time.Time // real time at which base was valid, for speed

	now    time.Time // the moment being lived through
	target time.Time // where the running settle is heading
	seq    int
	due    eventQueue
}

// read is the time the clock shows.
func (c *clock) read() time.Time {
	now := c.base.Add(c.offset)
	if c.speed > 0 {
		now = now.Add(time.Duration(float64(time.Since(c.startedAt)) * c.speed))
	}
	return now
}

// settle carries out everything that has fallen due.
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

// after has run called once d has passed.
func (c *clock) after(d time.Duration, run func()) *event { return c.at(c.now.Add(d), run) }

func (c *clock) at(t time.Time, run func()) *event {
	c.seq++
	e := &event{at: t, seq: c.seq, run: run}
	heap.Push(&c.due, e)
	return e
}

// event is something that will happen, unless it is cancelled.
type event struct {
	at  time.Time
	seq int
	run func() // nil: cancelled or over
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
