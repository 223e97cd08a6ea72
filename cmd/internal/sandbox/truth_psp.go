// Truth of what the payment platform serves beside operations.

package sandbox

import (
	"cmp"
	"slices"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// PSPTruth is what a right reader of the platform's other lists must arrive at.
type PSPTruth struct {
	Statement   Statement       `json:"statement"`
	Balances    []PSPBalance    `json:"balances"`
	Fees        []FeeSum        `json:"fees"`        // by method and type
	Chargebacks []ChargebackSum `json:"chargebacks"` // by status
	Payments    []PaymentSum    `json:"payments"`    // by method and final status
	Rates       []RateOfDay     `json:"rates"`

	methods map[methodIn]methodSum
}

// Statement is the platform's account: opening + pay_in − refunds −
// chargebacks − fees = closing, minor units.
type Statement struct {
	Source      string `json:"source"`
	Currency    string `json:"currency"`
	Opening     int64  `json:"opening"`
	PayIn       int64  `json:"pay_in"`
	Refunds     int64  `json:"refunds"`
	Chargebacks int64  `json:"chargebacks"`
	Fees        int64  `json:"fees"`
	Closing     int64  `json:"closing"`
}

// PSPBalance is one balance as the platform shows it.
type PSPBalance struct {
	Name        string `json:"name"`
	Currency    string `json:"currency"`
	AmountMinor int64  `json:"amount_minor"`
}

// FeeSum is a line of the financial report.
type FeeSum struct {
	Method   string `json:"method"`
	Type     string `json:"type"`
	Currency string `json:"currency"`
	Rows     int64  `json:"rows"`
	FeeMinor int64  `json:"fee_minor"`
}

// ChargebackSum is the chargebacks of one status.
type ChargebackSum struct {
	Method      string `json:"method"`
	Status      string `json:"status"`
	Currency    string `json:"currency"`
	Rows        int64  `json:"rows"`
	AmountMinor int64  `json:"amount_minor"`
}

// PaymentSum is the payments of one final status: what the customer paid, what
// came back, and what is left.
type PaymentSum struct {
	Method       string `json:"method"`
	Status       string `json:"status"`
	Currency     string `json:"currency"`
	Payments     int64  `json:"payments"`
	SaleMinor    int64  `json:"sale_minor"`
	RefundsMinor int64  `json:"refunds_minor"`
	NetMinor     int64  `json:"net_minor"`
}

// RateOfDay is a rate as an exact decimal.
type RateOfDay struct {
	Base    string    `json:"base"`
	Quote   string    `json:"quote"`
	Rate    string    `json:"rate"`
	ValidAt time.Time `json:"valid_at"`
}

// payment is a payment on its way to a sum.
type payment struct {
	method, status, currency string
	sale, refunds            int64
}

func (w *World) pspTruth(until time.Time) *PSPTruth {
	t := &PSPTruth{Statement: w.statement(until)}
	for _, b := range w.Balances(until) {
		t.Balances = append(t.Balances, PSPBalance{b.Name, b.Currency, b.Minor})
	}
	for _, r := range w.Rates(until) {
		t.Rates = append(t.Rates, RateOfDay{r.Base, r.Quote, r.Rate, r.ValidAt.UTC()})
	}
	payments, fees, disputes := map[string]*payment{}, map[FeeSum]FeeSum{}, map[ChargebackSum]ChargebackSum{}
	for i := range w.ops.ops {
		if w.ops.ops[i].created() > until.Unix() {
			break
		}
		o := w.ops.show(int32(i), until.Unix())
		key := FeeSum{Method: o.PaymentMethod, Type: o.Type, Currency: o.Currency}
		sum := fees[key]
		fees[key] = FeeSum{key.Method, key.Type, key.Currency, sum.Rows + 1, sum.FeeMinor + feeOf(&o)}
		rollUp(payments, &o)
		if c, ok := w.ops.dispute(int32(i), until.Unix()); ok {
			key := ChargebackSum{Method: c.PaymentMethod, Status: c.Status, Currency: c.Currency}
			sum := disputes[key]
			disputes[key] = ChargebackSum{key.Method, key.Status, key.Currency, sum.Rows + 1, sum.AmountMinor + c.AmountMinor}
		}
	}
	for _, o := range w.beyondList(until) {
		rollUp(payments, &o)
	}
	t.Fees, t.Chargebacks, t.Payments = listOf(fees), listOf(disputes), sumPayments(payments)
	slices.SortFunc(t.Fees, func(a, b FeeSum) int {
		return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Currency, b.Currency))
	})
	slices.SortFunc(t.Chargebacks, func(a, b ChargebackSum) int { return cmp.Compare(a.Status, b.Status) })
	return t
}

// rollUp adds an operation to its payment.
func rollUp(payments map[string]*payment, o *flashpaytest.Operation) {
	p := payments[o.PaymentID]
	if p == nil {
		p = &payment{method: o.PaymentMethod, status: o.Status, currency: o.Currency}
		payments[o.PaymentID] = p
	}
	switch {
	case o.Status != "success":
	case o.Type == "refund":
		p.refunds += o.AmountMinor
		if p.status = "partially refunded"; p.refunds == p.sale {
			p.status = "refunded"
		}
	default:
		p.sale += o.AmountMinor
	}
}

func listOf[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func sumPayments(all map[string]*payment) []PaymentSum {
	sums := map[[3]string]PaymentSum{}
	for _, p := range all {
		key := [3]string{p.method, p.status, p.currency}
		s := sums[key]
		s.Method, s.Status, s.Currency = p.method, p.status, p.currency
		s.Payments++
		s.SaleMinor += p.sale
		s.RefundsMinor += p.refunds
		s.NetMinor += p.sale - p.refunds
		sums[key] = s
	}
	out := listOf(sums)
	slices.SortFunc(out, func(a, b PaymentSum) int {
		return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}
