package gate

import (
	"fmt"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Evidence is what the platform says about a payment: in a callback, or asked
// for its status. Its signature was verified.
type Evidence struct {
	By          string // ByCallback or ByPoll
	At          time.Time
	State       string // the platform's word for the payment's state
	OperationID string
	RequestID   string
	AmountMinor int64  // of the operation, as the platform took it; 0: not said
	Currency    string // of it; empty: not said
	Sum         int64  // of the payment, as it stands in its words; 0: not said
	SumIn       string // its currency
	Code        Code
	CodeWanted  bool // the payer's approval code is waited for
}

// By what evidence came.
const (
	ByCallback = "callback"
	ByPoll     = "poll"
)

// absentEnough agreeing answers that a payment does not exist, absentApart from
// each other, are evidence that it was never taken.
const (
	absentEnough = 2
	absentApart  = time.Minute
	// codeSettles is how long the platform may still say that it waits for a code
	// after it has taken one; codeUnclear, after one of which it is not known.
	codeSettles = 5 * time.Second
	codeUnclear = time.Minute
)

// verdict is what a state of the platform means for an intent.
func verdict(state string) (s Status, known bool) {
	switch state {
	case "success":
		return Success, true
	case "decline", "error", "cancelled", "canceled", "expired":
		return Decline, true
	case "reversed", "partially reversed", "refunded", "partially refunded":
		return Success, true // it had moved
	}
	return Accepted, !schemas.OperationFinal(state)
}

// Observe takes evidence in: the one transition function of callbacks and
// status answers alike. Repeated, late and reordered evidence changes nothing,
// and what is final stays as it is; a contradiction is a finding.
func (it Intent) Observe(e Evidence, now time.Time) (Intent, Transition, bool) {
	if e.CodeWanted || it.hasCode() {
		e = e.discreet()
	}
	was := it
	to, known := verdict(e.State)
	to = it.doubt(e, to)
	if !it.weigh(e, to) {
		return it.changed(was, "observed", e.By, now)
	}
	if !paid(it.Told) || paid(e.State) { // that it was paid is not forgotten over a word that came late
		it.Told = e.State
	}
	it.Absent, it.AbsentAt, it.Again = 0, time.Time{}, false
	it.Operation, it.Request = or(e.OperationID, it.Operation), or(e.RequestID, it.Request)
	if e.Code != (Code{}) {
		it.Code = e.Code
	}
	if was.Status == Unknown && it.Finding == notFound(was.Absent) {
		it.Finding = ""
	}
	switch {
	case !known:
		it.Finding = fmt.Sprintf("the platform says %q, which decides nothing that we know", e.State)
	case schemas.OperationRank(e.State) > schemas.OperationRank("success"):
		it.Finding = fmt.Sprintf("%s after it had succeeded; %s knows no such thing", e.State, it.Order.Method)
	case e.State == "success" && e.AmountMinor == unreadable && to == Manual:
		it.Finding = fmt.Sprintf("the platform says that it is paid and its amount cannot be read; the order is %s", it.Order.Amount())
	}
	it.heard(e)
	it.become(to, now)
	it, line, changed := it.changed(was, "observed", e.By, now)
	if changed && it.asksAtOnce(was) {
		it.NextAt = now
	}
	return it, line, changed
}

// weigh says whether evidence is about what may still change, and notes what
// contradicts.
func (it *Intent) weigh(e Evidence, to Status) bool {
	switch it.Status {
	case Draft, Approved, Withdrawn:
		// Sent by nobody we know: never send it now.
		it.Finding = fmt.Sprintf("the platform knows it as %q and it was never sent from here", e.State)
		if it.Status != Withdrawn {
			it.become(Manual, e.At)
		}
		return false
	case Success, Decline:
		undone := it.Status == Success && schemas.OperationRank(e.State) > schemas.OperationRank("success")
		if undone && it.Told != e.State {
			return true
		}
		if to != it.Status && to != Accepted && !undone {
			it.Finding = fmt.Sprintf("it is settled as %s, and the platform says %q now", it.Status, e.State)
		}
		return false
	case Manual:
		return to != Accepted || it.Told == ""
	}
	return true
}

// heard notes whether the payer's code is waited for.
func (it *Intent) heard(e Evidence) {
	settles := codeSettles
	if it.CodeState == CodeSending || it.CodeState == CodeUnknown {
		settles = codeUnclear
	}
	switch {
	case e.CodeWanted && it.CodeAsked.IsZero():
		it.CodeAsked = e.At
	case e.CodeWanted && it.CodeState != "" && e.At.After(it.CodeGiven.Add(settles)):
		it.CodeState, it.CodeAsked = "", e.At // another one is wanted
	}
}

func notFound(n int) string {
	return fmt.Sprintf("%d times the platform did not find it; after a look at the platform's dashboard: paylake pay send --live --again", n)
}

// NotFound takes in an answer that the platform has no such payment. Only
// answers after the sender must have ended count, and only such that are apart.
func (it Intent) NotFound(at time.Time) (Intent, Transition, bool) {
	was := it
	if (it.Status != Unknown && it.Status != Accepted) || at.Before(it.Lease) || (!it.AbsentAt.IsZero() && at.Sub(it.AbsentAt) < absentApart) {
		return it, Transition{}, false
	}
	it.Absent, it.AbsentAt = it.Absent+1, at
	switch {
	case it.Absent < absentEnough:
	case it.Status == Accepted:
		it.Finding = "the platform had accepted it and does not find it any more"
		it.become(Manual, at)
	default:
		it.Again, it.Finding = true, notFound(it.Absent)
	}
	return it.changed(was, "not found", ByPoll, at)
}

// Overdue notes that the platform should have decided long ago.
func (it Intent) Overdue(now time.Time) (Intent, Transition, bool) {
	m := methods[it.Order.Method]
	if (it.Status != Accepted && it.Status != Unknown) || it.Finding != "" || now.Sub(it.SentAt) < m.Threshold+overdueAfter {
		return it, Transition{}, false
	}
	was := it
	it.Finding = fmt.Sprintf("undecided %s after it was sent, although %s decides within %s", now.Sub(it.SentAt).Truncate(time.Minute), it.Order.Method, m.Threshold)
	return it.changed(was, "overdue", ByPoll, now)
}

const overdueAfter = 15 * time.Minute

// become moves an intent and notes the hour.
func (it *Intent) become(to Status, now time.Time) {
	if it.Status == to {
		return
	}
	it.Status = to
	if it.Accepted.IsZero() && (to == Accepted || to == Success) {
		it.Accepted = now
	}
	if to.Final() {
		it.Settled = now
	}
}

// changed returns the intent and its line of history; false where nothing of
// weight is new.
func (it Intent) changed(was Intent, event, by string, now time.Time) (Intent, Transition, bool) {
	if it == was {
		return it, Transition{}, false
	}
	it.Changed = now
	it.NextAt = it.next(now)
	return it, Transition{PaymentID: it.PaymentID, At: now, From: was.Status, To: it.Status, Event: event, By: by, Reason: or(it.Reason, it.Finding)}, true
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}
