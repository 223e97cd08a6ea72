// What the payment platform serves beside operations: fees that follow from
// them, a balance that adds up, chargebacks and daily rates.

package sandbox

import (
	"fmt"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

const (
	// opening is the platform's balance before the first day: 1,000,000.00 KGS.
	opening = 100_000_000
	// reserve is a second balance, whose name speaks of another currency.
	reserve = 1_250_000
)

// feeOf is what an operation costs: Mbank 1.8 %, cards 2.5 % and 3.00 KGS, a
// refund 5.00 KGS; only when it succeeds.
func feeOf(o *flashpaytest.Operation) int64 {
	switch {
	case o.Status != "success":
		return 0
	case o.Type == "refund":
		return 500
	case o.PaymentMethod == "card":
		return o.AmountMinor*25/1000 + 300
	}
	return o.AmountMinor * 18 / 1000
}

// Fees implements flashpaytest.Finance.
func (w *World) Fees(project int64, from, to, now time.Time, skip, limit int) []flashpaytest.Fee {
	ops := w.Operations(project, from, to, now, skip, limit)
	out := make([]flashpaytest.Fee, len(ops))
	for i := range ops {
		out[i] = flashpaytest.Fee{Operation: ops[i], FeeMinor: feeOf(&ops[i]), FeeCurrency: ops[i].Currency}
	}
	return out
}

// Chargebacks implements flashpaytest.Finance.
func (w *World) Chargebacks(project int64, from, to, now time.Time, skip, limit int) []flashpaytest.Chargeback {
	if project != ProjectID {
		return nil
	}
	all := w.ops.disputes(from, to, w.seen(now))
	all = all[min(skip, len(all)):]
	return all[:min(limit, len(all))]
}

// Balances implements flashpaytest.Finance.
func (w *World) Balances(now time.Time) []flashpaytest.Balance {
	return []flashpaytest.Balance{
		{Name: "Sandbox_210_balance_KGS", Currency: "KGS", Minor: w.statement(w.seen(now)).Closing},
		{Name: "Sandbox_210_reserve_USD", Currency: "EUR", Minor: reserve},
	}
}

// statement adds up the platform's account: opening + pay-in − refunds −
// chargebacks − fees = closing.
func (w *World) statement(now time.Time) Statement {
	s := Statement{Source: SourceFlashpay, Currency: "KGS", Opening: opening}
	for i := range w.ops.ops {
		if w.ops.ops[i].created() > now.Unix() {
			break
		}
		o := w.ops.show(int32(i), now.Unix())
		if o.Currency != s.Currency {
			continue // another account
		}
		s.Fees += feeOf(&o)
		switch {
		case o.Status != "success":
		case o.Type == "refund":
			s.Refunds += o.AmountMinor
		default:
			s.PayIn += o.AmountMinor
		}
		if c, ok := w.ops.dispute(int32(i), now.Unix()); ok && c.Status != "won" {
			s.Chargebacks += c.AmountMinor
		}
	}
	s.Closing = s.Opening + s.PayIn - s.Refunds - s.Chargebacks - s.Fees
	return s
}

// pairs are the rates on the first day, in units of 10^-4.
var pairs = []struct {
	base, quote string
	rate        int64
}{{"USD", "KGS", 874_500}, {"EUR", "KGS", 949_800}, {"RUB", "KGS", 10_900}, {"AZN", "KGS", 514_400}, {"KZT", "KGS", 1_790}, {"USD", "EUR", 9_207}}

// Rates implements flashpaytest.Finance: they change at midnight, by up to 2 %.
func (w *World) Rates(now time.Time) (out []flashpaytest.Rate) {
	now = w.seen(now)
	d := max(w.ops.cal.dayOf(now.Unix()), 0)
	dc := diceAt(w.seed, purposeDay, place(205, d, 0))
	for _, p := range pairs {
		rate := p.rate * dc.between(9_800, 10_200) / 10_000
		out = append(out, flashpaytest.Rate{Base: p.base, Quote: p.quote, Rate: fmt.Sprintf("%d.%04d", rate/10_000, rate%10_000),
			ValidAt: w.ops.cal.start(min(d, w.ops.cal.days()-1))})
	}
	return out
}
