package gate

import (
	"fmt"
	"strings"
)

// paid reports whether a word of the platform says that the money has moved.
func paid(state string) bool {
	s, _ := verdict(state)
	return s == Success
}

// doubt has evidence decide less than its word says where it does not fit the
// order. A success of no sum settles nothing: a callback's has the status asked
// for, a status answer's is for a person. Where the operation's sum is left out
// (projects may), the payment's is as good if it is the order's.
func (it *Intent) doubt(e Evidence, to Status) Status {
	o, said := it.Order, e.AmountMinor != 0 && e.Currency != ""
	if e.AmountMinor == 0 && e.Currency == "" {
		said = e.Sum == o.AmountMinor && e.SumIn == o.Currency
	}
	other := e.AmountMinor != 0 && e.AmountMinor != o.AmountMinor || e.Currency != "" && e.Currency != o.Currency
	switch {
	case it.Status.Final():
	case to == Decline && paid(it.Told):
		if says := fmt.Sprintf("the platform said %q, and says %q now", it.Told, e.State); !strings.Contains(it.Finding, says) {
			it.Finding = strings.TrimPrefix(it.Finding+"; "+says, "; ")
		}
		return Manual
	case to != Success:
	case other:
		it.Finding = fmt.Sprintf("the platform took %s, the order is %s", FormatAmount(e.AmountMinor, or(e.Currency, "a currency that is not told")), o.Amount())
		return Manual
	case !said && it.Status == Manual && paid(it.Told):
		return Accepted // nothing new to whoever looks at it
	case !said && (it.Status == Manual || e.By == ByPoll):
		it.Finding = noSum(o)
		return Manual
	case !said:
		return Accepted
	case it.Finding == noSum(o):
		it.Finding = ""
	}
	return to
}

func noSum(o Order) string {
	return fmt.Sprintf("the platform says that it is paid and not how much; the order is %s", o.Amount())
}

// asksAtOnce reports whether a callback has just said that it is paid, and not
// enough to settle it.
func (it Intent) asksAtOnce(was Intent) bool {
	return it.Status == Accepted && paid(it.Told) && !paid(was.Told)
}
