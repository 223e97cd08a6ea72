package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// methodIn is a method in a currency.
type methodIn struct{ method, currency string }

// methodSum is the operations of one method, as sent.
type methodSum struct{ rows, amount int64 }

// knownOperations are those of the platform's list and those that callbacks
// alone have told.
func (w *World) knownOperations(until time.Time) []flashpaytest.Operation {
	out := w.beyondList(until)
	for i := range w.ops.ops {
		if w.ops.ops[i].created() > until.Unix() {
			break
		}
		out = append(out, w.ops.show(int32(i), until.Unix()))
	}
	return out
}

func (w *World) pspTables(t *Truth, until time.Time) []TableTruth {
	operations := table("operations", "source; project_id; business_date; type; status; method; currency", "count(); sum(amount_minor); uniqExact(payment_id)")
	sums, payments := operations.summed(), map[string]bool{}
	t.PSP.methods = map[methodIn]methodSum{}
	for _, o := range w.knownOperations(until) {
		by := []any{SourceFlashpay, ProjectID, o.CreatedAt.In(w.ops.cal.zone).Format(time.DateOnly), o.Type, o.Status, o.PaymentMethod, o.Currency}
		fresh, key := int64(0), fmt.Sprint(append(slices.Clone(by), o.PaymentID)...)
		if !payments[key] {
			payments[key], fresh = true, 1
		}
		sums.add(by, 1, o.AmountMinor, fresh)
		in := methodIn{o.PaymentMethod, o.Currency}
		m := t.PSP.methods[in]
		t.PSP.methods[in] = methodSum{m.rows + 1, m.amount + o.AmountMinor}
	}
	sums.done(6, 1)

	fees := table("operation_fees", "method; type; fee_currency", "count(); sum(fee_minor)")
	for _, f := range t.PSP.Fees {
		fees.add(f.Rows, f.Currency, f.FeeMinor, f.Method, f.Type, f.Currency, f.Rows, f.FeeMinor)
	}
	rolled := table("payments", "method; status; currency", "count(); sum(sale_minor); sum(refunds_minor); sum(net_minor)")
	for _, p := range t.PSP.Payments {
		rolled.add(p.Payments, p.Currency, p.NetMinor, p.Method, p.Status, p.Currency, p.Payments, p.SaleMinor, p.RefundsMinor, p.NetMinor)
	}
	disputes := table("chargebacks", "method; status; currency", "count(); sum(amount_minor)")
	for _, c := range t.PSP.Chargebacks {
		disputes.add(c.Rows, c.Currency, c.AmountMinor, c.Method, c.Status, c.Currency, c.Rows, c.AmountMinor)
	}
	balances := table("psp_balances", "name; currency; amount_minor", "count()")
	for _, b := range t.PSP.Balances {
		balances.add(1, b.Currency, b.AmountMinor, b.Name, b.Currency, b.AmountMinor, 1)
	}
	rates := table("currency_rates", "base; quote; rate; rate_scaled; rate_scale; toUnixTimestamp(assumeNotNull(valid_at))", "count()")
	for _, r := range t.PSP.Rates {
		scaled := strings.TrimLeft(strings.Replace(r.Rate, ".", "", 1), "0")
		rates.add(1, "", 0, r.Base, r.Quote, r.Rate, scaled, 4, r.ValidAt.Unix(), 1)
	}
	return []TableTruth{operations, fees, rolled, disputes, balances, rates}
}
