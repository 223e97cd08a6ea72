package sandbox

import (
	"reflect"
	"testing"
	"time"

	"github.com/paylake/paylake/sources/flashpay/flashpaytest"
)

// paged reads a list by pages of 50, as a client does.
func paged[T any](page func(skip, limit int) []T) (all []T) {
	for {
		p := page(len(all), 50)
		all = append(all, p...)
		if len(p) < 50 {
			return all
		}
	}
}

func financeOf(w *World, until time.Time) (fees []flashpaytest.Fee, disputes []flashpaytest.Chargeback) {
	fees = paged(func(skip, limit int) []flashpaytest.Fee {
		return w.Fees(ProjectID, w.Start().AddDate(0, 0, -1), until, until, skip, limit)
	})
	disputes = paged(func(skip, limit int) []flashpaytest.Chargeback {
		return w.Chargebacks(ProjectID, w.Start(), until, until, skip, limit)
	})
	return fees, disputes
}

// The platform's balance is what its lists add up to, at any moment: opening +
// pay-in − refunds − chargebacks − fees.
func TestTheBalanceAddsUp(t *testing.T) {
	w := newWorld(t, Options{Seed: 5, Rows: 20_000})
	for _, until := range []time.Time{w.Start().Add(time.Hour), noon.AddDate(0, 0, -60), noon, noon.AddDate(0, 0, 9)} {
		want := int64(opening)
		fees, disputes := financeOf(w, until)
		for _, f := range fees {
			want -= f.FeeMinor
			switch {
			case f.Status != "success":
			case f.Type == "refund":
				want -= f.AmountMinor
			default:
				want += f.AmountMinor
			}
		}
		for _, c := range disputes {
			if c.Status != "won" {
				want -= c.AmountMinor
			}
		}
		if got := w.Balances(until)[0]; got.Minor != want || got.Currency != "KGS" {
			t.Errorf("%s: balance %+v, its lists add up to %d", until, got, want)
		}
	}
}

// Refunds and disputes belong to card payments: Mbank has neither.
func TestRefundsAndDisputesFollowSales(t *testing.T) {
	w := newWorld(t, Options{Seed: 5, Rows: 40_000})
	end := noon.AddDate(0, 0, 20)
	fees, disputes := financeOf(w, end)
	sales, status, refunds := map[string]flashpaytest.Fee{}, map[string]int{}, 0
	for _, f := range fees {
		if f.Type == "sale" {
			sales[f.PaymentID] = f
		}
	}
	for _, f := range fees {
		if f.Type == "sale" {
			continue
		}
		s := sales[f.PaymentID]
		if refunds++; f.Type != "refund" || f.PaymentMethod != "card" || s.PaymentMethod != "card" || s.Status != "success" || f.AmountMinor > s.AmountMinor || f.AmountMinor < 1 ||
			!f.CreatedAt.After(s.CompletedAt) || f.ID == s.ID || f.CustomerID != s.CustomerID || f.PaymentSumMinor != s.AmountMinor {
			t.Fatalf("refund %+v of %+v", f, s)
		}
	}
	for _, c := range disputes {
		s := sales[c.PaymentID]
		if status[c.Status]++; c.PaymentMethod != "card" || s.ID != c.OperationID || s.Status != "success" || c.AmountMinor != s.AmountMinor || !c.CreatedAt.After(s.CompletedAt) {
			t.Fatalf("chargeback %+v of %+v", c, s)
		}
	}
	if refunds < 20 || status["new"] == 0 || status["won"] == 0 || status["lost"] == 0 {
		t.Errorf("%d refunds, chargebacks %v", refunds, status)
	}
	if a, b := w.Rates(noon), w.Rates(noon.AddDate(0, 0, 1)); reflect.DeepEqual(a, b) || !reflect.DeepEqual(a, w.Rates(noon.Add(time.Minute))) || len(a) < 4 {
		t.Errorf("rates %v and a day later %v", a, b)
	}
}
