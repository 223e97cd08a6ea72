package gate

import (
	"fmt"
	"strings"
	"time"
)

// Resolve ends by a person's word what evidence does not end: an intent that
// waits for a decision, or of which the platform says that it does not know it.
// Later evidence to the contrary is a finding.
func (it Intent) Resolve(to Status, by, reason string, now time.Time) (Intent, Transition, error) {
	was := it
	switch {
	case to != Success && to != Decline:
		return it, Transition{}, fmt.Errorf("a payment ends as %s or %s, not as %s (%w)", Success, Decline, to, ErrState)
	case it.Status != Manual && (it.Status != Unknown || !it.Again):
		return it, Transition{}, fmt.Errorf("%s is %s: the platform's word ends it, nobody else's (%w)", it.PaymentID, it.Status, ErrState)
	case by == it.Maker:
		return it, Transition{}, fmt.Errorf("%s: %s has planned it; somebody else decides (%w)", it.PaymentID, by, ErrApproval)
	case strings.TrimSpace(reason) == "":
		return it, Transition{}, fmt.Errorf("%s: a decision needs its reason (%w)", it.PaymentID, ErrState)
	}
	it.Again, it.Finding, it.Reason = false, "", reason
	it.become(to, now)
	it, line, _ := it.changed(was, "resolved", by, now)
	return it, line, nil
}
