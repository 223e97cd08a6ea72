package sandbox

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// line is what a reader sums by.
type line struct{ source, wallet, day, provider, currency string }

type sums struct{ entries, spend, refunds int64 }

// count sums every row of the books once more, in the plainest way: one slice
// of everything, one loop per rule.
func count(w *World, until time.Time) map[line]sums {
	out := map[line]sums{}
	add := func(k line, n, spend, refunds int64) {
		s := out[k]
		out[k] = sums{s.entries + n, s.spend + spend, s.refunds + refunds}
	}
	for _, wallet := range w.Wallets() {
		rows := all(w, wallet.ID, until)
		for _, e := range rows {
			k := line{"mpay", wallet.ID, e.PostedAt.UTC().Add(4 * time.Hour).Format("2006-01-02"), e.ProviderCode, "AZN"}
			isSpend := (e.Type == "bill_pay" || e.Type == "fee") && e.AmountMinor < 0 && e.Status != "pending"
			if isSpend {
				add(k, 1, -e.AmountMinor, 0)
			}
			if (e.Type == "refund" || e.Type == "reversal") && e.AmountMinor > 0 {
				add(k, 1, 0, e.AmountMinor)
			}
			if !isSpend || e.Status != "reversed" {
				continue
			}
			hasRow := false
			for _, r := range rows {
				hasRow = hasRow || r.ReversalOf == e.ID
			}
			if !hasRow {
				add(k, 0, 0, -e.AmountMinor)
			}
		}
	}
	for _, o := range naive(w, w.Start().AddDate(0, 0, -2), until, until) {
		if o.Status != "success" {
			continue
		}
		k := line{"psp", "", o.CreatedAt.UTC().Add(6 * time.Hour).Format("2006-01-02"), o.PaymentMethod, "KGS"}
		if o.Type == "sale" {
			add(k, 1, o.AmountMinor, 0)
		} else {
			add(k, 1, 0, o.AmountMinor)
		}
	}
	return out
}

func TestTruthEqualsCountingByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.SampledFrom([]string{"", "late"}).Draw(t, "chaos"))
		_, _, until := drawSpan(t, w)
		truth, want := w.Truth(until), count(w, until)
		got := map[line]sums{}
		for _, s := range truth.SpendByWallet {
			if s.NetMinor != s.SpendMinor-s.RefundsMinor {
				t.Fatalf("%+v: net", s)
			}
			got[line{s.Source, s.WalletID, s.BusinessDate, s.ProviderCode, s.Currency}] = sums{s.Entries, s.SpendMinor, s.RefundsMinor}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		checkCoarser(t, truth)
		for i, wallet := range w.Wallets() {
			rows, n, balance := all(w, wallet.ID, until), 0, int64(0)
			for _, e := range rows {
				n++
				if e.BalanceAfterMinor != nil { // the last one counts, late rows or not
					balance = *e.BalanceAfterMinor
				}
			}
			if truth.Rows[i].Rows != int64(n) || truth.Balances[i].BalanceMinor != balance {
				t.Fatalf("%+v %+v, want %d rows and %d", truth.Rows[i], truth.Balances[i], n, balance)
			}
		}
	})
}

// checkCoarser checks that the three sums of spend are sums of each other.
func checkCoarser(t fataler, truth Truth) {
	t.Helper()
	var want sums
	for i, list := range [][]Spend{truth.SpendByWallet, truth.SpendByProvider, truth.SpendTotals} {
		var got sums
		for _, s := range list {
			got = sums{got.entries + s.Entries, got.spend + s.SpendMinor, got.refunds + s.RefundsMinor}
		}
		if i == 0 {
			want = got
		} else if got != want {
			t.Fatalf("sum %d is %+v, want %+v", i, got, want)
		}
	}
}

func TestTruthIsStableText(t *testing.T) {
	w := newWorld(t, Options{Seed: 6})
	first, err := json.Marshal(w.Truth(noon))
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(w.Truth(noon))
	if err != nil || string(first) != string(second) {
		t.Error("the same truth in other words", err)
	}
}
