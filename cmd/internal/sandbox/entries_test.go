package sandbox

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// Paging, at any instant and over any span, gives what filtering the whole
// ledger gives.
func TestEntriesEqualsOneBigRead(t *testing.T) {
	for _, chaos := range []string{"", "late"} {
		t.Run("chaos="+chaos, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := drawWorld(t, chaos)
				wallet := rapid.SampledFrom(w.Wallets()).Draw(t, "wallet").ID
				from, to, now := drawSpan(t, w)
				var want []mpaytest.Entry
				for _, e := range all(w, wallet, now) {
					if !e.PostedAt.Before(from) && e.PostedAt.Before(to) {
						want = append(want, e)
					}
				}
				skip, limit := rapid.IntRange(0, 50).Draw(t, "skip"), rapid.IntRange(1, 300).Draw(t, "limit")
				var got []mpaytest.Entry
				got = append(got, w.Entries(wallet, from, to, now, 0, skip)...)
				for {
					page := w.Entries(wallet, from, to, now, len(got), limit)
					got = append(got, page...)
					if len(page) < limit {
						break
					}
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%d rows by pages, %d at once", len(got), len(want))
				}
			})
		})
	}
}

func TestTodayGrowsAndNothingComesFromTheFuture(t *testing.T) {
	w := newWorld(t, Options{Seed: 5, Rows: 50_000})
	last := -1
	for now := noon.Add(-15 * time.Hour); now.Before(noon.Add(40 * time.Hour)); now = now.Add(5 * time.Hour) {
		rows := all(w, "wlt_7c02", now)
		if len(rows) < last {
			t.Errorf("fewer rows at %s", now)
		}
		last = len(rows)
		if e := rows[len(rows)-1]; e.PostedAt.After(now) || now.Sub(e.PostedAt) > 10*time.Hour {
			t.Errorf("at %s the last row is of %s", now, e.PostedAt)
		}
	}
}

func TestLateRowsAppearWithinTheLookback(t *testing.T) {
	w := newWorld(t, Options{Seed: 5, Rows: 50_000, Chaos: []string{"late"}})
	late, quiet := 0, newWorld(t, Options{Seed: 5, Rows: 50_000})
	for _, wallet := range w.Wallets() {
		then, later := all(w, wallet.ID, noon), all(w, wallet.ID, noon.Add(72*time.Hour))
		seen := map[string]bool{}
		for _, e := range then {
			seen[e.ID] = true
		}
		for _, e := range later {
			if !e.PostedAt.After(noon) && !seen[e.ID] {
				late++
			}
		}
		checkChain(t, wallet.ID, w.Entries(wallet.ID, w.Start(), noon, noon.Add(72*time.Hour), 0, 1<<30))
		if len(all(quiet, wallet.ID, noon)) < len(then) {
			t.Errorf("%s: without chaos rows are missing", wallet.ID)
		}
	}
	if late == 0 {
		t.Error("no row was late")
	}
}

func TestUnknownWalletAndNoLimit(t *testing.T) {
	w := newWorld(t, Options{})
	if rows := w.Entries("wlt_none", w.Start(), noon, noon, 0, 10); rows != nil {
		t.Error(rows)
	}
	if rows := w.Entries("wlt_441b", w.Start(), noon, noon, 0, 0); rows != nil {
		t.Error(rows)
	}
}

// A ledger of a million rows is there at once and quick to page through. The
// bounds are a tenth of what a slow machine does, so that only a change of the
// order of growth breaks them.
func TestAMillionRows(t *testing.T) {
	began := time.Now()
	w := newWorld(t, Options{Seed: 1, Rows: 1_000_000})
	built := time.Since(began)
	began, rows := time.Now(), 0
	for _, wallet := range w.Wallets() {
		for skip, n := 0, 1000; n == 1000; skip += n {
			n = len(w.Entries(wallet.ID, w.Start(), noon, noon, skip, 1000))
			rows += n
		}
	}
	took := time.Since(began)
	t.Logf("built in %s; %d rows in %s: %.0f rows/s", built, rows, took, float64(rows)/took.Seconds())
	if rows < 990_000 || built > 10*time.Second || took > 30*time.Second {
		t.Errorf("%d rows, built in %s, paged in %s", rows, built, took)
	}
}
