// Truth of the bank's statement: whose bills it paid, and which of them a wallet
// reports as well.

package sandbox

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// bankSums is what the exports add to the truth; empty when they are not read.
type bankSums struct {
	rows    []bankRow
	doubles []int // indices of rows that a wallet's payment is, too
}

// paid is a wallet's bill payment by card.
type paid struct {
	wallet string
	entry  mpaytest.Entry
}

func (w *World) dateOf(t time.Time) string { return t.In(w.cal.zone).Format(time.DateOnly) }

// bankTruth counts the bank's entries at known providers, but for those that a
// wallet's payment is already.
func (w *World) bankTruth(until time.Time, sums ledgerSums) (t bankSums) {
	if !w.files {
		return t
	}
	t.rows = w.bankRows(until)
	for _, b := range t.rows {
		if key, ok := w.bankKey(&b); ok {
			sums.add(key, 1, max(-b.amount, 0), max(b.amount, 0))
		}
	}
	t.doubles = w.doubles(t.rows, until)
	for _, i := range t.doubles {
		key, _ := w.bankKey(&t.rows[i])
		sums.add(key, -1, t.rows[i].amount, 0)
	}
	return t
}

func (w *World) bankKey(b *bankRow) (Spend, bool) {
	date := w.dateOf(b.at)
	code := w.resolve(b.merchant, date)
	return Spend{Source: SourceBank, BusinessDate: date, ProviderCode: code, Currency: "AZN"}, code != ""
}

// doubles finds the entries that are a wallet's payment by card to the same
// provider, of the same amount, at most three calendar days apart, each being
// the other's nearest.
func (w *World) doubles(rows []bankRow, until time.Time) (out []int) {
	var all []paid
	for _, wallet := range w.Wallets() {
		for _, e := range w.Entries(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
			if e.Type == "bill_pay" && e.Channel == "card" && e.Status == "posted" {
				all = append(all, paid{wallet.ID, e})
			}
		}
	}
	type bill struct {
		code   string
		amount int64
	}
	wallets, bank := map[bill][]int{}, map[bill][]int{}
	for i := range all {
		k := bill{all[i].entry.ProviderCode, all[i].entry.AmountMinor}
		wallets[k] = append(wallets[k], i)
	}
	for j := range rows {
		k := bill{w.resolve(rows[j].merchant, w.dateOf(rows[j].at)), rows[j].amount}
		bank[k] = append(bank[k], j)
	}
	for k, mine := range wallets {
		for _, i := range mine {
			j := w.nearest(bank[k], func(j int) time.Time { return rows[j].at }, func(j int) string { return rows[j].id }, all[i].entry.PostedAt)
			if j < 0 {
				continue
			}
			back := w.nearest(mine, func(i int) time.Time { return all[i].entry.PostedAt },
				func(i int) string { return all[i].wallet + " " + all[i].entry.ID }, rows[j].at)
			if back == i {
				out = append(out, j)
			}
		}
	}
	slices.Sort(out)
	return out
}

// nearest is the candidate that is least apart from an instant, at most three
// calendar days, the first by name among equals; -1 for none.
func (w *World) nearest(candidates []int, at func(int) time.Time, name func(int) string, to time.Time) int {
	best := -1
	apart := func(i int) time.Duration { return at(i).Sub(to).Abs() }
	for _, i := range candidates {
		if days := w.cal.dayOf(at(i).Unix()) - w.cal.dayOf(to.Unix()); max(days, -days) > 3 {
			continue
		}
		if best < 0 || cmp.Or(cmp.Compare(apart(i), apart(best)), strings.Compare(name(i), name(best))) < 0 {
			best = i
		}
	}
	return best
}
