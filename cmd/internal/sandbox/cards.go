// Card payments: some are refunded, and some are disputed. Mbank knows neither.

package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// Kinds of operations.
const (
	mbankSale = iota
	cardSale
	cardRefund
)

const (
	cardPercent    = 14
	refundPercent  = 9 // of successful card sales
	disputePercent = 6
	aDay           = 86400

	purposeRefund uint64 = 1000 + iota
	purposeDispute
	purposeCallback
)

// addRefunds gives some card sales a refund, days later, and orders all
// operations by their creation.
func (b *operationBook) addRefunds() {
	sales := len(b.ops)
	for i := range sales {
		o := b.ops[i]
		d := diceAt(b.seed, purposeRefund, place(202, 0, i))
		if o.kind != cardSale || o.turns[o.n-1].fate != fateSuccess || d.below(100) >= refundPercent {
			continue
		}
		at := o.last() + d.between(3600, 6*aDay)
		r := operation{n: 2, kind: cardRefund, sale: int32(i)}
		r.turns[0], r.turns[1] = turn{at, fateProcessing}, turn{at + d.between(30, 7200), fateSuccess}
		b.ops = append(b.ops, r)
	}
	order := make([]int32, len(b.ops))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(b.ops[x].created(), b.ops[y].created()) })
	moved, ops := make([]int32, len(order)), make([]operation, len(order))
	for to, from := range order {
		moved[from], ops[to] = int32(to), b.ops[from]
	}
	for i := range ops {
		if ops[i].kind == cardRefund {
			ops[i].sale = moved[ops[i].sale]
		}
	}
	b.ops = ops
}

// refund shows a refund: the payment, customer and card are those of its sale,
// the amount is all of it or a part.
func (b *operationBook) refund(i int32, t turn) flashpaytest.Operation {
	o := &b.ops[i]
	op := b.show(o.sale, t.at)
	f := fates[t.fate]
	d := diceAt(b.seed, purposeRefund, place(203, 0, int(o.sale)))
	op.PaymentSumMinor = op.AmountMinor
	if d.below(3) > 0 {
		op.AmountMinor = max(op.AmountMinor*d.between(10, 90)/100, 1)
	}
	op.ConvertedMinor = op.AmountMinor
	op.ID = operationID(i)
	op.Type, op.Status, op.Code, op.Message = "refund", f.status, f.code, f.message
	op.PaymentStatus = "partially refunded"
	if op.AmountMinor == op.PaymentSumMinor {
		op.PaymentStatus = "refunded"
	}
	op.CreatedAt, op.UpdatedAt, op.CompletedAt = b.instant(o.created()), b.instant(t.at), time.Time{}
	op.ProviderPaymentID = uuid(&d)
	if f.status != "processing" {
		op.CompletedAt = op.UpdatedAt
	}
	return op
}

func operationID(i int32) string { return strconv.FormatUint(6_200_000_000_000+uint64(i)*1009, 10) }

// reasons are those of card schemes.
var reasons = [][2]string{{"10.4", "Other fraud: card absent"}, {"13.1", "Merchandise or services not received"}, {"13.6", "Credit not processed"}, {"12.6", "Duplicate processing"}}

// dispute is the chargeback of a card sale as it stands at an instant, if it has
// one by then. The platform takes the money at once and gives it back when the
// merchant wins.
func (b *operationBook) dispute(i int32, now int64) (flashpaytest.Chargeback, bool) {
	o := &b.ops[i]
	d := diceAt(b.seed, purposeDispute, place(204, 0, int(i)))
	if o.kind != cardSale || o.turns[o.n-1].fate != fateSuccess || d.below(100) >= disputePercent {
		return flashpaytest.Chargeback{}, false
	}
	at := o.last() + d.between(5*aDay, 25*aDay)
	decided := at + d.between(4*aDay, 20*aDay)
	if at > now {
		return flashpaytest.Chargeback{}, false
	}
	sale := b.show(i, at)
	reason := reasons[d.below(int64(len(reasons)))]
	c := flashpaytest.Chargeback{
		ID: "cb-" + strconv.Itoa(500_000+int(i)), PaymentID: sale.PaymentID, OperationID: sale.ID, ProjectID: ProjectID,
		Type: "chargeback", Status: "new", CreatedAt: b.instant(at), UpdatedAt: b.instant(at), DueAt: b.instant(at + 14*aDay),
		AmountMinor: sale.AmountMinor, Currency: sale.Currency, PaymentMethod: sale.PaymentMethod, ReasonCode: reason[0], Reason: reason[1],
		CustomerID: sale.CustomerID, AccountNumber: sale.AccountNumber, ARN: strconv.FormatUint(74_000_000_000_000_000+d.next()%1_000_000_000_000, 10),
	}
	won := d.below(3) == 0
	if decided <= now {
		c.Status, c.UpdatedAt = "lost", b.instant(decided)
		if won {
			c.Status = "won"
		}
	}
	return c, true
}

// disputes lists the chargebacks that last changed in [from, to], by that change.
func (b *operationBook) disputes(from, to, now time.Time) (out []flashpaytest.Chargeback) {
	for i := range b.ops {
		c, ok := b.dispute(int32(i), now.Unix())
		if ok && !c.UpdatedAt.Before(from) && !c.UpdatedAt.After(to) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(x, y flashpaytest.Chargeback) int { return x.UpdatedAt.Compare(y.UpdatedAt) })
	return out
}
