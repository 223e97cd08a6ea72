// Slots: what happens in a wallet, in numbers only. A day has a known number
// of slots; what a slot becomes depends on the balance before it, so a day is
// planned from its opening balance on.

package sandbox

import (
	"math"
	"slices"
)

// kind is what a slot became.
type kind uint8

const (
	kindBill kind = iota
	kindOut
	kindIn
	kindTopup
	kindFee
	kindPending  // a top-up that is not there yet; outside the chain
	kindReversal // of a bill or fee (amount > 0) or of a top-up (amount < 0)
	kindRefund   // of a part of a bill
)

// Purposes keep the dice of different questions apart.
const (
	purposeSlot uint64 = iota + 1
	purposeText
	purposePeer
	purposeDay
	purposeLate
	purposeOperation
	purposeID
)

// never is later than every instant of a world.
const never = math.MaxInt64

// slot is one statement row without its words. Times are unix seconds.
type slot struct {
	at       int64
	visible  int64 // later than at for a late row
	reversed int64 // from then on its status is reversed; never for most
	amount   int64
	balance  int64 // after the row; unused for kindPending
	fee      int64 // named by the row, not part of its amount
	ref      ref   // the slot that it reverses, refunds, settles or is the fee of
	kind     kind
	biller   uint8 // index of billers; noBiller for none
}

const noBiller = math.MaxUint8

// ref is the place of another slot of the same wallet; zero for none, days
// count from 1.
type ref struct{ day, slot int32 }

func (r ref) some() bool { return r.day > 0 }

// due is a row that an earlier one will cause.
type due struct {
	at     int64
	kind   kind
	amount int64
	biller uint8
	ref    ref
}

// dues are ordered by time.
type dues []due

func (q *dues) add(d due) {
	i, _ := slices.BinarySearchFunc(*q, d, func(a, b due) int {
		if a.at <= b.at { // equal times stay in order of arrival
			return -1
		}
		return 1
	})
	*q = slices.Insert(*q, i, d)
}

// take removes the first due of time t or before.
func (q *dues) take(t int64) (due, bool) {
	if len(*q) == 0 || (*q)[0].at > t {
		return due{}, false
	}
	d := (*q)[0]
	*q = (*q)[1:]
	return d, true
}

// flip is a row of an earlier day that became reversed.
type flip struct {
	slot int32
	at   int64
}
