package sandbox

import (
	"bytes"
	"encoding/csv"
	"testing"
	"time"
)

// On whatever day the demonstration is shown: each discrepancy is there once, in
// a month that is over, and no other row moves.
func TestPlantedOnEveryDay(t *testing.T) {
	for n := range 40 {
		day := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC).AddDate(0, 0, n*9)
		now := func() time.Time { return day }
		spoiled, err := NewWorld(Options{Seed: 1, Now: now, Still: true, Files: true, Flaws: true})
		if err != nil {
			t.Fatal(err)
		}
		p, ok := spoiled.Planted()
		if !ok {
			t.Fatalf("%s: nothing is planted", day.Format(time.DateOnly))
		}
		if want := day.In(spoiled.cal.zone).AddDate(0, 0, -day.In(spoiled.cal.zone).Day()).Format("2006-01"); p.Period != want {
			t.Errorf("%s: planted in %s, the last whole month is %s", day.Format(time.DateOnly), p.Period, want)
		}
		clean, err := NewWorld(Options{Seed: 1, Now: now, Still: true, Files: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := clean.Planted(); ok {
			t.Error("something is planted in a world without flaws")
		}
		onlyPlanted(t, p, spoiled, clean)
	}
}

func onlyPlanted(t *testing.T, p Planted, spoiled, clean *World) {
	t.Helper()
	until, changed := clean.Now(), 0
	for _, b := range clean.wallets {
		all := clean.Entries(b.who.id, clean.Start(), until, until, 0, 1<<30)
		shown := spoiled.Entries(b.who.id, clean.Start(), until, until, 0, 1<<30)
		// In pages of any size it is the same statement.
		if paged := append(spoiled.Entries(b.who.id, clean.Start(), until, until, 0, 777), spoiled.Entries(b.who.id, clean.Start(), until, until, 777, 1<<30)...); len(paged) != len(shown) {
			t.Errorf("%s: %d rows in pages, %d in one", b.who.id, len(paged), len(shown))
		}
		for i, e := range all {
			if e.ID == p.Missing.EntryID {
				changed++
				before, after := p.Findings[0].Rows[0], p.Findings[0].Rows[1]
				if shown[i-1].ID != before || shown[i].ID != after || *shown[i-1].BalanceAfterMinor+shown[i].AmountMinor+p.Missing.AmountMinor != *shown[i].BalanceAfterMinor {
					t.Errorf("the gap is between %s and %s, and said to be between %s and %s", shown[i-1].ID, shown[i].ID, before, after)
				}
				continue
			}
			got := shown[i-changed*btoi(b.who.id == p.Missing.WalletID)]
			if got.ExternalReference != e.ExternalReference && got.ID == p.Double.EntryID {
				got.ExternalReference = e.ExternalReference
			}
			got.BalanceAfterMinor, e.BalanceAfterMinor = nil, nil
			got.PostedAt, e.PostedAt = got.PostedAt.UTC(), e.PostedAt.UTC()
			if got != e {
				t.Fatalf("%+v became %+v", e, got)
			}
		}
	}
	different := 0
	for i := range clean.ops.ops {
		a, b := clean.ops.show(int32(i), until.Unix()), spoiled.ops.show(int32(i), until.Unix())
		for _, at := range []*time.Time{&a.CreatedAt, &a.UpdatedAt, &a.CompletedAt, &b.CreatedAt, &b.UpdatedAt, &b.CompletedAt} {
			*at = at.UTC()
		}
		if a != b {
			different++
			if b.ID != p.Double.OperationID && (b.ID != p.Findings[1].Rows[0] || b.AmountMinor != 10*a.AmountMinor || b.PaymentSumMinor != a.AmountMinor) {
				t.Errorf("%+v became %+v", a, b)
			}
		}
	}
	if changed != 1 || different != 2 {
		t.Errorf("%d rows are kept back and %d operations are others", changed, different)
	}
}

func btoi(b bool) int { return int(boolNumber(b)) }

// The file expects the payment that no statement shows, and is otherwise what
// the truth says.
func TestPlantedExpectations(t *testing.T) {
	day := time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)
	w, err := NewWorld(Options{Seed: 1, Now: func() time.Time { return day }, Still: true, Files: true, Flaws: true})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := w.Planted()
	sums := map[[2]string]int64{}
	for _, s := range w.Truth(day).SpendByProvider {
		if s.Source == SourceMPAY && s.BusinessDate[:7] == "2026-03" {
			sums[[2]string{s.ProviderCode, "spend"}] += s.SpendMinor
			sums[[2]string{s.ProviderCode, "refunds"}] += s.RefundsMinor
		}
	}
	sums[[2]string{p.Missing.ProviderCode, "spend"}] -= p.Missing.AmountMinor
	for _, e := range p.Expected {
		if got := sums[[2]string{e.ProviderCode, e.What}]; got != e.AmountMinor {
			t.Errorf("%+v, and the truth says %d", e, got)
		}
		delete(sums, [2]string{e.ProviderCode, e.What})
	}
	for key, left := range sums {
		if left != 0 {
			t.Errorf("%v: %d are expected by nobody", key, left)
		}
	}
	lines, err := csv.NewReader(bytes.NewReader(w.ExpectedFile())).ReadAll()
	if err != nil || len(lines) != len(p.Expected)+1 {
		t.Errorf("%d lines for %d totals: %v", len(lines), len(p.Expected), err)
	}
}
