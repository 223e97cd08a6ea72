package gate

import (
	"fmt"
	"time"
)

// Erase takes the payer's telephone number out of an intent that is over, and
// withdraws one that was not sent. What is under way keeps it: the platform
// still has to be asked.
func (it Intent) Erase(by string, now time.Time) (Intent, Transition, error) {
	was := it
	switch {
	case it.Status == Draft || it.Status == Approved:
		it = it.withdrawn(now)
	case !it.Status.Final():
		return it, Transition{}, fmt.Errorf("%s is %s: it must come to its end first (%w)", it.PaymentID, it.Status, ErrState)
	}
	it.Order.Account, it.Reason = "", "the payer was erased"
	it, line, _ := it.changed(was, "erased", by, now)
	return it, line, nil
}
