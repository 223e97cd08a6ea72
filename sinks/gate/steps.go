package gate

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrKilled is returned while the kill switch is on, and when it cannot be read.
var ErrKilled = errors.New("payments are stopped; paylake pay resume lets them go on")

// Claiming is what a claim is judged by.
type Claiming struct {
	Approvers   Approvers
	Limits      Limits
	Since       time.Time // when the day began that limits are about
	Fingerprint func(Order) string
	Lease       time.Duration
	Again       string // who wants the same bytes sent once more; empty: the first time
}

// Claim makes an intent `sending`, for one sender, once: approved, within every
// limit, and not stopped. It changes nothing where it fails.
func (it Intent) Claim(c Claiming, v View, now time.Time) (Intent, Transition, error) {
	was, event, by := it, "claimed", "sender"
	if v.Killed {
		return it, Transition{}, ErrKilled
	}
	if c.Fingerprint(it.Order) != it.Fingerprint || it.PaymentID != it.Order.PaymentID() {
		return it, Transition{}, fmt.Errorf("%s: the stored order is not the one that was planned (%w)", it.PaymentID, ErrApproval)
	}
	if err := errors.Join(it.Order.Check(), c.Approvers.Check(it)); err != nil {
		return it, Transition{}, err
	}
	switch {
	case c.Again == "" && it.Status == Approved:
		if err := c.Limits.Allow(it.Order, v.Used); err != nil {
			return it, Transition{}, err
		}
		it.SentAt = now
	case c.Again == "":
		return it, Transition{}, fmt.Errorf("%s is %s; only what is approved is sent (%w)", it.PaymentID, it.Status, ErrState)
	default:
		if err := it.mayGoAgain(c.Again); err != nil {
			return it, Transition{}, err
		}
		used := v.Used
		if it.SentAt.Before(c.Since) {
			it.SentAt = now // it counts today
		} else {
			used = append(slices.Clone(used), it.uncounted())
		}
		if err := c.Limits.Allow(it.Order, used); err != nil {
			return was, Transition{}, err
		}
		event, by, it.Resent = "claimed again", c.Again, true
	}
	it.Fence, it.Lease = it.Fence+1, now.Add(c.Lease)
	it.Absent, it.AbsentAt, it.Again, it.Finding, it.Reason = 0, time.Time{}, false, "", ""
	it.become(Sending, now)
	it, line, _ := it.changed(was, event, by, now)
	return it, line, nil
}

func (it Intent) mayGoAgain(by string) error {
	switch {
	case it.Status != Unknown && it.Status != Manual, !it.Again:
		return fmt.Errorf("%s is %s and there is no evidence that the platform does not have it; it is not sent again (%w)", it.PaymentID, it.Status, ErrState)
	case by == it.Maker:
		return fmt.Errorf("%s: %s has planned it; somebody else says that it is sent again (%w)", it.PaymentID, by, ErrApproval)
	}
	return nil
}

// uncounted takes what an intent has committed itself off a sum.
func (it Intent) uncounted() Used {
	return Used{it.Order.Tenant, it.Order.Job, it.Order.ProviderCode, it.Order.Currency, -it.Order.AmountMinor}
}

// Release takes a claim back whose sender knows that nothing went out.
func (it Intent) Release(fence int64, why string, now time.Time) (Intent, Transition, bool) {
	if it.Status != Sending || it.Fence != fence {
		return it, Transition{}, false
	}
	was := it
	it.Lease, it.Reason = time.Time{}, why
	if !it.Resent {
		it.SentAt = time.Time{} // nothing is committed
		it.become(Approved, now)
	} else { // the earlier sending is as unclear as it was
		it.Again = true
		it.become(Unknown, now)
	}
	return it.changed(was, "not sent", "sender", now)
}

// Lapse gives up on a sender that has not been heard of. Whether it sent
// nobody knows.
func (it Intent) Lapse(now time.Time) (Intent, Transition, bool) {
	if it.Status != Sending || now.Before(it.Lease) {
		return it, Transition{}, false
	}
	was := it
	it.Reason = "its sender has not been heard of"
	it.become(Unknown, now)
	return it.changed(was, "lapsed", "sender", now)
}

// Answered takes in what came of the sending with a fence. An answer to an
// earlier sending proves what it says, and nothing about the later one.
func (it Intent) Answered(fence int64, r Reply, now time.Time) (Intent, Transition, bool) {
	was := it
	if it.Status != Sending && it.Status != Unknown {
		return it, Transition{}, false // a callback or a poll was faster
	}
	if it.hasCode() {
		r = r.discreet()
	}
	switch {
	case r.Kind == Taken:
		it.Request, it.Reason = or(r.RequestID, it.Request), ""
		it.Absent, it.AbsentAt, it.Again, it.Finding = 0, time.Time{}, false, ""
		it.become(Accepted, now)
	case it.Fence != fence:
		return it, Transition{}, false
	case r.Kind == NotSent && it.Status == Sending:
		return it.Release(fence, r.Why, now)
	case r.Kind == Refused && !it.Resent:
		it.Code, it.Reason = r.Code, r.Why
		it.become(Decline, now)
	case r.Kind == Barred && !it.Resent:
		it.Code, it.Reason, it.Again = r.Code, r.Why, true
		it.Finding = "the platform does not let us in; correct the source and send again: paylake pay send --live --again"
		it.become(Manual, now)
	default: // Exists, Unsure, or refused after a sending that may have been taken
		it.Code, it.Reason = r.Code, r.Why
		it.become(Unknown, now)
	}
	return it.changed(was, "answered", "sender", now)
}

// Coding makes durable that the payer's code is about to go out.
func (it Intent) Coding(v View, now time.Time) (Intent, Transition, error) {
	was := it
	switch {
	case v.Killed:
		return it, Transition{}, ErrKilled
	case it.CodeState != "" && it.CodeState != CodeRefused:
		return it, Transition{}, fmt.Errorf("%s: a code was handed over at %s already (%s); see what came of it: paylake pay status %s (%w)", it.PaymentID, it.CodeGiven.UTC().Format(time.RFC3339), it.CodeState, it.PaymentID, ErrState)
	case it.Status != Accepted || it.CodeAsked.IsZero():
		return it, Transition{}, fmt.Errorf("%s is %s and the platform does not ask for a code (%w)", it.PaymentID, it.Status, ErrState)
	case now.Sub(it.CodeAsked) >= methods[it.Order.Method].Code:
		return it, Transition{}, fmt.Errorf("%s: the code has expired; the platform declines the payment by itself (%w)", it.PaymentID, ErrState)
	}
	it.CodeState, it.CodeGiven, it.Reason = CodeSending, now, ""
	it, line, _ := it.changed(was, "code handed over", "sender", now)
	return it, line, nil
}

// Coded takes in what came of handing a code over.
func (it Intent) Coded(given time.Time, r Reply, now time.Time) (Intent, Transition, bool) {
	was := it
	if it.CodeState != CodeSending || !it.CodeGiven.Equal(given) {
		return it, Transition{}, false
	}
	switch r = r.discreet(); r.Kind {
	case Taken:
		it.CodeState = CodeTaken
	case Refused, Barred:
		it.CodeState, it.Code, it.Reason = CodeRefused, r.Code, r.Why
	case NotSent:
		it.CodeState, it.CodeGiven = "", time.Time{}
	default:
		it.CodeState = CodeUnknown
	}
	return it.changed(was, "code answered", "sender", now)
}

// WantsCode reports whether the payer's approval code may be handed over now.
func (it Intent) WantsCode(now time.Time) bool {
	_, _, err := it.Coding(View{}, now)
	return err == nil
}
