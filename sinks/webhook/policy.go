package webhook

// When a message is sent, and what an answer means: pure, so that days pass in
// a test at once.

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"time"
)

const (
	// Lifetime is how long a message is tried, from the first time that it was
	// its turn. Then it is dead, and a person may have it replayed.
	Lifetime = 72 * time.Hour
	// breakAfter is how many attempts in a row fail before an endpoint is left
	// alone for a while; breakFirst doubles up to breakMost.
	breakAfter = 5
	breakFirst = 30 * time.Second
	breakMost  = 15 * time.Minute
	// probing is how long the one attempt through an open circuit has.
	probing  = time.Minute
	heldMost = time.Hour // between two looks at a message that an open circuit holds
)

// waits are between the attempts at one message; the last one repeats. Each is
// stretched or shortened by up to a fifth.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// Status is how a delivery stands.
type Status string

// Statuses. Nothing leaves delivered or dead but by a replay.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Dead      Status = "dead"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID       int64
	Endpoint Endpoint
	Event    Event
	Status   Status
	Tries    int       // attempts so far
	First    time.Time // when it was its turn first; zero: not yet
	Next     time.Time // not before
	Blocked  bool      // an earlier message of an ordered endpoint is on its way
}

// Answer is what came of one attempt.
type Answer struct {
	Code  int           // HTTP status; 0: there was none
	Err   string        // why there was none, or why it does not count
	After time.Duration // what Retry-After asks for; 0: nothing
}

// ok reports whether the receiver has taken the message.
func (a Answer) ok() bool { return a.Err == "" && a.Code >= 200 && a.Code < 300 }

// why says in a few words what was wrong.
func (a Answer) why() string {
	if a.Err != "" {
		return a.Err
	}
	return fmt.Sprintf("answered %d %s", a.Code, http.StatusText(a.Code))
}

// Outcome is what is stored after an attempt.
type Outcome struct {
	Status   Status
	At       time.Time
	First    time.Time
	Next     time.Time // of a message that is still pending
	Answer   Answer
	Disabled string    // the endpoint is not used any more, and why
	Failures int       // of the endpoint
	Open     time.Time // of its circuit
}

// Why says in a few words what was wrong; empty for a message that was taken.
func (o Outcome) Why() string {
	if o.Status == Delivered {
		return ""
	}
	return o.Answer.why()
}

// turn says whether a message is to be sent now, and else after how long it is
// worth looking again; 0: somebody else will see to it. probe means that it goes
// through a circuit that is open, and that one message alone may do so.
func turn(d Delivery, now time.Time) (send, probe bool, again time.Duration) {
	switch {
	case d.Status != Pending, d.Endpoint.Disabled != "", d.Blocked:
		return false, false, 0
	case now.Before(d.Next):
		return false, false, d.Next.Sub(now)
	case d.Endpoint.Open.IsZero(), expired(d, now): // its last chance does not depend on others
		return true, false, 0
	case !now.Before(d.Endpoint.Open):
		return true, true, 0
	}
	return false, false, held(d, now)
}

func expired(d Delivery, now time.Time) bool {
	return !d.First.IsZero() && !now.Before(d.First.Add(Lifetime))
}

// held is how long an open circuit holds a message: until it closes, and longer
// the longer it has been holding it already, or thousands would wake together
// for every probe.
func held(d Delivery, now time.Time) time.Duration {
	wait := max(d.Endpoint.Open.Sub(now), time.Second)
	if !d.First.IsZero() {
		wait = max(wait, min(now.Sub(d.First)/4, heldMost))
		wait = min(wait, max(d.First.Add(Lifetime).Sub(now), time.Second)) // not past its last chance
	}
	return wait + scatter(d, wait/4)
}

// judge says what becomes of a message after an attempt. now is when the answer
// was there.
func judge(d Delivery, a Answer, now time.Time) Outcome {
	o := Outcome{Status: Delivered, At: now, First: d.First, Answer: a}
	if o.First.IsZero() {
		o.First = now
	}
	if a.ok() {
		return o
	}
	o.Status, o.Failures, o.Open = Pending, d.Endpoint.Failures+1, d.Endpoint.Open
	if o.Failures >= breakAfter {
		o.Open = now.Add(min(breakFirst<<min(o.Failures-breakAfter, 10), breakMost))
	}
	last := o.First.Add(Lifetime)
	switch {
	case a.Code == http.StatusGone:
		o.Status, o.Disabled = Dead, "the receiver answered 410 Gone"
	case !now.Before(last):
		o.Status = Dead
	default:
		wait := waits[min(d.Tries, len(waits)-1)]
		wait += scatter(d, 2*wait/5) - wait/5
		wait = max(wait, min(a.After, waits[len(waits)-1]))
		o.Next = now.Add(wait)
		if o.Next.After(last) {
			o.Next = last
		}
	}
	return o
}

// scatter is a share of most that depends on message and attempt: messages that
// failed together do not come back together. The same attempt has the same
// share at any time, which a test can rely on.
func scatter(d Delivery, most time.Duration) time.Duration {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", d.ID, d.Event.ID, d.Tries)
	return time.Duration(float64(most) * float64(h.Sum64()%1000) / 1000)
}
