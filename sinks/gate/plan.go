package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Planning is everything that a job wants to pay at one moment.
type Planning struct {
	Tenant, Job string
	By          string  // the maker
	Day         string  // planned for, YYYY-MM-DD in the source's zone
	Ahead       bool    // that day is still to come
	Orders      []Order // of this tenant and job, each with a key of its own
	Fingerprint func(Order) string
}

// Planned is what planning means for one payment.
type Planned struct {
	Intent Intent // as it stands from then on
	What   Outcome
	Why    string // of a conflict
}

// Outcome is what planning does to one payment.
type Outcome string

// Outcomes. The register hears of the new, the edited and the withdrawn.
const (
	New      Outcome = "new"
	Same     Outcome = "same"      // planned before, to the letter
	Edited   Outcome = "edited"    // another order under the key; an approval of the former one is void
	Conflict Outcome = "conflict"  // another order than the one that is under way, or of another job: nothing changes
	Dropped  Outcome = "withdrawn" // the job wants it no more
)

// Against says what a plan does to the payments of a view, in the order of
// their ids. It plans again what it has planned before: what is not approved, or
// not sent yet, follows the plan; what was sent never changes. The view must
// hold every planned id that the register has; drafts of the job that it holds
// and that are not planned are withdrawn, unless a plan for a later day made them
// or this day is still to come. The error is a mistake of the caller: an order
// that cannot be paid, or a key that stands twice.
func (p Planning) Against(v View, now time.Time) ([]Planned, []Change, error) {
	wanted := make(map[string]bool, len(p.Orders))
	var list []Planned
	var changes []Change
	put := func(it Intent, was Status, what Outcome, event, why string) {
		list = append(list, Planned{it, what, why})
		if event != "" {
			changes = append(changes, Change{Intent: it, Line: Transition{PaymentID: it.PaymentID, At: now, From: was, To: it.Status, Event: event, By: p.By, Reason: it.Reason}})
		}
	}
	for _, o := range p.Orders {
		id := o.PaymentID()
		if err := p.check(o); err != nil {
			return nil, nil, err
		}
		if wanted[id] {
			return nil, nil, fmt.Errorf("%s: %w: the key stands twice in the plan", o.Key, ErrOrder)
		}
		wanted[id] = true
		was, there := v.Intents[id]
		it, what, event, why := p.plan(o, was, there, now)
		put(it, was.Status, what, event, why)
	}
	for _, id := range slices.Sorted(maps.Keys(v.Intents)) {
		if was := v.Intents[id]; !wanted[id] && p.owns(was) && was.editable() && !p.Ahead && was.PlannedFor <= p.Day {
			put(was.withdrawn(now), was.Status, Dropped, "withdrawn", "")
		}
	}
	slices.SortFunc(list, func(a, b Planned) int { return cmp.Compare(a.Intent.PaymentID, b.Intent.PaymentID) })
	return list, changes, nil
}

// plan decides about one order.
func (p Planning) plan(o Order, was Intent, there bool, now time.Time) (it Intent, what Outcome, event, why string) {
	fingerprint := p.Fingerprint(o)
	switch {
	case !there:
		return Intent{PaymentID: o.PaymentID(), Order: o, Fingerprint: fingerprint, Status: Draft, Maker: p.By, PlannedFor: p.Day, Changed: now}, New, "planned", ""
	case !p.owns(was):
		return was, Conflict, "", fmt.Sprintf("the job %s has planned this key already; give it another one", was.Order.Job)
	case was.Status == Withdrawn && was.SentAt.IsZero():
		return p.redrafted(was, o, fingerprint, now), New, "planned", ""
	case was.Fingerprint == fingerprint:
		return was, Same, "", ""
	case !was.editable():
		return was, Conflict, "", fmt.Sprintf("it is %s with %s to %s, and the plan says something else; what was sent never changes", was.Status, was.Order.Amount(), was.Order.ProviderCode)
	}
	return p.redrafted(was, o, fingerprint, now), Edited, "edited", ""
}

func (p Planning) check(o Order) error {
	if o.Tenant != p.Tenant || o.Job != p.Job {
		return fmt.Errorf("%s: %w: it is of the job %s of %s", o.Key, ErrOrder, o.Job, o.Tenant)
	}
	return o.Check()
}

func (p Planning) owns(it Intent) bool { return it.Order.Tenant == p.Tenant && it.Order.Job == p.Job }

// editable reports whether nothing was sent for an intent, so that its order
// may still change.
func (it Intent) editable() bool {
	return (it.Status == Draft || it.Status == Approved) && it.SentAt.IsZero()
}

// redrafted is an intent with another order: a draft of somebody else, which
// nobody has approved. How often it was about to be sent is not forgotten.
func (p Planning) redrafted(was Intent, o Order, fingerprint string, now time.Time) Intent {
	return Intent{PaymentID: was.PaymentID, Order: o, Fingerprint: fingerprint, Status: Draft, Maker: p.By, PlannedFor: p.Day, Fence: was.Fence, Version: was.Version, Changed: now}
}

func (it Intent) withdrawn(now time.Time) Intent {
	it.Approval, it.Finding, it.Reason = Approval{}, "", "the job plans it no more"
	it.become(Withdrawn, now)
	it.Changed, it.NextAt = now, time.Time{}
	return it
}

// Drafts are those of a plan's payments that wait for an approval.
func Drafts(list []Planned) (drafts []Intent) {
	for _, p := range list {
		if p.Intent.Status == Draft && p.What != Conflict {
			drafts = append(drafts, p.Intent)
		}
	}
	return drafts
}
