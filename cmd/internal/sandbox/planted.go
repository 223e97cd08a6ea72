// Planted: what does not fit in the last whole month of a world with flaws, so
// that a reconciliation has something to find. Everything else there is right.

package sandbox

import (
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// plants are three discrepancies, each about one row: a payment that the
// wallet's statement keeps back, so that its balances do not follow from each
// other; a payment that a wallet and the platform report; and an operation whose
// amount is ten times its payment's sum.
type plants struct {
	first, after time.Time // the month, in the wallets' zone
	hidden       spot
	double       spot
	doubled      int32  // index of ops
	payment      string // of the doubled operation; the wallet's row names it
	amount       int64  // of both, above zero
	scaled       int32  // index of ops
}

// spot is the place of a statement row.
type spot struct {
	b      *walletBook
	day, i int
}

// settledAfter is for how long rows may come late: what is planted is older, so
// that nobody takes it for what is still on its way.
const settledAfter = 5

// plant looks for rows to spoil; a world too small to have them stays as it is.
func (w *World) plant() {
	if !w.flaws {
		return
	}
	y, m, _ := w.eve().Date()
	p := &plants{first: time.Date(y, m-1, 1, 0, 0, 0, 0, w.cal.zone), after: time.Date(y, m, 1, 0, 0, 0, 0, w.cal.zone), doubled: -1, scaled: -1}
	begin := max(w.cal.dayOf(p.first.AddDate(0, 0, 9).Unix()), 3)
	for d := begin; d < w.cal.dayOf(p.after.Unix())-settledAfter && p.scaled < 0; d++ {
		switch {
		case p.hidden.b == nil:
			p.hidden, _ = w.plainBill(d, nil)
		case p.doubled < 0: // an operation and a bill of one day
			if p.double, _ = w.plainBill(d, p.hidden.b); p.double.b != nil {
				p.doubled = w.ops.plainSale(cardSale, w.cal.starts[d], w.cal.starts[d+1])
			}
		default:
			p.scaled = w.ops.plainSale(mbankSale, w.cal.starts[d], w.cal.starts[d+1])
		}
	}
	if p.scaled < 0 {
		return
	}
	p.amount = -p.double.b.slots(w, p.double.day)[p.double.i].amount
	p.payment = w.ops.show(p.doubled, w.cal.starts[w.cal.today]).PaymentID
	w.planted, w.ops.planted = p, p
}

// plainBill is a bill of a day that nothing else depends on: no fee, refund,
// card, reward or signature. No amount is a multiple of nine: a missing row can
// then not be mistaken for an amount in another unit.
func (w *World) plainBill(d int, not *walletBook) (spot, bool) {
	for _, b := range w.wallets {
		if b == not {
			continue
		}
		slots := b.slots(w, d)
		for i := range slots {
			s := &slots[i]
			if s.kind == kindBill && s.reversed == never && s.amount <= -300 && s.amount > -20_000 && s.amount%9 != 0 && i > 0 && i < len(slots)-1 &&
				slots[i-1].kind != kindPending && slots[i+1].kind != kindPending && // both name a balance
				merchants[billers[s.biller].code] == "" && billers[s.biller].code != rewarded && billers[s.biller].code != unlisted && !w.pointedAt(b, d, i) {
				return spot{b, d, i}, true
			}
		}
	}
	return spot{}, false
}

// pointedAt tells whether another row is about a row, which happens within days.
func (w *World) pointedAt(b *walletBook, day, i int) bool {
	self := ref{int32(day) + 1, int32(i)}
	for d := day; d <= day+settledAfter && d < w.cal.days(); d++ {
		for _, s := range b.slots(w, d) {
			if s.ref == self {
				return true
			}
		}
	}
	return false
}

// plainSale is the first purchase in a span that was paid at once, and neither
// came back nor is disputed. Only cards move another currency than Mbank's.
func (b *operationBook) plainSale(kind uint8, from, to int64) int32 {
	refunded := map[int32]bool{}
	for i := range b.ops {
		if b.ops[i].kind == cardRefund {
			refunded[b.ops[i].sale] = true
		}
	}
	for i := range b.ops {
		o, at := &b.ops[i], int32(i)
		if o.created() < from || o.last() >= to || o.kind != kind || o.n != 2 || o.turns[1].fate != fateSuccess || refunded[at] {
			continue
		}
		if _, disputed := b.dispute(at, never); !disputed {
			return at
		}
	}
	return -1
}

func (p *plants) hidesOn(b *walletBook, d int) bool {
	return p != nil && p.hidden.b == b && p.hidden.day == d
}

func (p *plants) hides(b *walletBook, d, i int) bool { return p.hidesOn(b, d) && p.hidden.i == i }

// paid tells whether a row names the operation that is the same payment.
func (p *plants) paid(b *walletBook, d, i int) bool { return p != nil && p.double == spot{b, d, i} }

// spoil makes one purchase the wallet's, and another one ten times as large.
func (p *plants) spoil(i int32, o *flashpaytest.Operation) {
	switch {
	case p == nil:
	case i == p.doubled:
		o.AmountMinor, o.ConvertedMinor, o.PaymentSumMinor = p.amount, p.amount, p.amount
		o.Currency, o.ConvertedCurrency = "AZN", "AZN"
	case i == p.scaled:
		o.PaymentSumMinor = o.AmountMinor
		o.AmountMinor, o.ConvertedMinor = 10*o.AmountMinor, 10*o.AmountMinor
	}
}

// sale is the key under which the operation would be spend once more.
func (p *plants) sale(w *World) Spend {
	created := w.ops.instant(w.ops.ops[p.doubled].created())
	return Spend{Source: SourceFlashpay, BusinessDate: created.Format(time.DateOnly), ProviderCode: "card", Currency: "AZN"}
}

// scaledOperations is the one whose amount is wrong, as it stands at an instant.
func (p *plants) scaledOperations(w *World, until time.Time) []flashpaytest.Operation {
	if p == nil || w.ops.ops[p.scaled].created() > until.Unix() {
		return nil
	}
	return []flashpaytest.Operation{w.ops.show(p.scaled, until.Unix())}
}
