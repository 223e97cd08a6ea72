package gate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Listed is a sale as the platform shows it, in a callback or in its own list.
type Listed struct {
	Source, PaymentID, Status, Currency string
	Minor                               int64 // minor units
	At                                  time.Time
	ByList                              bool // its own list shows it, whatever callbacks say
}

// Difference is something that register, callbacks and list do not agree on.
type Difference struct {
	Kind      string    `json:"kind"`
	Source    string    `json:"source"`
	PaymentID string    `json:"payment_id"`
	Detail    string    `json:"detail"`
	Since     time.Time `json:"since"`      // when it came about, as far as that is known
	FirstSeen time.Time `json:"first_seen"` // when it was first found
}

// Kinds of differences.
const (
	NotListed     = "not listed"      // the register says success, the list has none
	ListedAnyway  = "listed anyway"   // the list says success, the register does not
	PaidTwice     = "paid twice"      // the list has more than one success
	OtherAmount   = "another amount"  // both say success, and of different money
	NobodysIntent = "nobody's intent" // the list has a payment of ours that the register does not know
	Undecided     = "undecided"       // long after the platform should have decided
)

// Differences compares the register with what the platform shows, of whose own
// list each source's is known completely up to an instant: what is younger may
// still come. The order is a function of what differs.
func Differences(intents []Intent, listed []Listed, complete map[string]time.Time, now time.Time) []Difference {
	var out []Difference
	said, times, byList := map[[2]string]Listed{}, map[[2]string]int{}, map[[2]string]bool{}
	for _, l := range listed {
		key := [2]string{l.Source, l.PaymentID}
		if l.Status == "success" {
			byList[key] = byList[key] || l.ByList
			if times[key]++; times[key] > 1 && !l.At.Before(said[key].At) {
				continue // the first one is compared
			}
			said[key] = l
		}
	}
	for key, n := range times {
		if l := said[key]; n > 1 && Ours(l.PaymentID) {
			out = append(out, Difference{Kind: PaidTwice, Source: key[0], PaymentID: key[1], Since: l.At,
				Detail: fmt.Sprintf("the platform lists it as paid %d times, first with %s", n, FormatAmount(l.Minor, l.Currency))})
		}
	}
	for _, it := range intents {
		key := [2]string{it.Order.Source, it.PaymentID}
		l, paid := said[key]
		delete(said, key)
		l.ByList = byList[key]
		kind, detail, since := it.differs(l, paid, complete[it.Order.Source], now)
		if kind != "" {
			out = append(out, Difference{Kind: kind, Source: it.Order.Source, PaymentID: it.PaymentID, Detail: detail, Since: since})
		}
	}
	for key, l := range said {
		if Ours(l.PaymentID) {
			out = append(out, Difference{Kind: NobodysIntent, Source: key[0], PaymentID: key[1], Since: l.At,
				Detail: fmt.Sprintf("the platform lists %s as paid, and the register has no such payment: another register, or one that was lost", FormatAmount(l.Minor, l.Currency))})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.PaymentID, b.PaymentID), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// differs compares one intent with a listed success, if there is one.
func (it Intent) differs(l Listed, paid bool, complete, now time.Time) (kind, detail string, since time.Time) {
	switch {
	case paid && it.Status != Success && (it.Status != Accepted && it.Status != Unknown && it.Status != Sending || now.Sub(l.At) >= overdueAfter):
		return ListedAnyway, fmt.Sprintf("the platform lists %s as paid, here it is %s", FormatAmount(l.Minor, l.Currency), it.Status), l.At
	case paid && (l.Minor != it.Order.AmountMinor || l.Currency != it.Order.Currency):
		return OtherAmount, fmt.Sprintf("the platform lists %s, the order is %s", FormatAmount(l.Minor, l.Currency), it.Order.Amount()), l.At
	case !l.ByList && it.Status == Success && it.Settled.Before(complete) && schemas.OperationRank(it.Told) <= schemas.OperationRank("success"):
		return NotListed, fmt.Sprintf("%s are settled here, and the platform's list, complete up to %s, does not have them as paid", it.Order.Amount(), complete.UTC().Format(time.RFC3339)), it.Settled
	case !paid && (it.Status == Accepted || it.Status == Unknown) && now.Sub(it.SentAt) >= methods[it.Order.Method].Threshold+overdueAfter:
		return Undecided, fmt.Sprintf("%s are %s since they were sent", it.Order.Amount(), it.Status), it.SentAt
	}
	return "", "", time.Time{}
}
