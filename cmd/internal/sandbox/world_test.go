package sandbox

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// noon is a fixed afternoon in Baku.
var noon = time.Date(2026, 11, 22, 15, 10, 0, 0, time.FixedZone("+04", 4*3600))

func newWorld(t testing.TB, o Options) *World {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	w, err := NewWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func drawWorld(t *rapid.T, chaos ...string) *World {
	w, err := NewWorld(Options{
		Seed: rapid.Uint64().Draw(t, "seed"), Rows: rapid.SampledFrom([]int{1, 40, 600, 5000}).Draw(t, "rows"), Chaos: chaos,
		Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// drawSpan draws evenly over the world's time, which rapid's own ranges, fond of
// small numbers, do not; the span often ends after now.
func drawSpan(t *rapid.T, w *World) (from, to, now time.Time) {
	d := dice(rapid.Uint64().Draw(t, "dice"))
	at := func(days int64) time.Duration { return time.Duration(d.below(days*86400)) * time.Second }
	from = w.Start().Add(at(134) - 24*time.Hour)
	to = from.Add(at(d.between(1, 60)))
	now = w.Start().Add(at(140))
	if d.below(2) == 0 {
		now = to.Add(at(5) - 72*time.Hour)
	}
	return from, to, now
}

// all reads a wallet's whole ledger at an instant.
func all(w *World, wallet string, now time.Time) []mpaytest.Entry {
	return w.Entries(wallet, w.Start().AddDate(0, 0, -10), now.AddDate(1, 0, 0), now, 0, math.MaxInt32)
}

// checkChain fails unless every row's balance follows from the one before and
// none is negative.
func checkChain(t fataler, wallet string, entries []mpaytest.Entry) {
	t.Helper()
	balance := int64(0)
	for i, e := range entries {
		if i > 0 && e.PostedAt.Before(entries[i-1].PostedAt) {
			t.Fatalf("%s: row %d is posted before row %d", wallet, i, i-1)
		}
		if e.Status == "pending" {
			if e.BalanceAfterMinor != nil {
				t.Fatalf("%s: pending row %s has a balance", wallet, e.ID)
			}
			continue
		}
		balance += e.AmountMinor
		if e.BalanceAfterMinor == nil || *e.BalanceAfterMinor != balance || balance < 0 {
			t.Fatalf("%s: row %d %s: balance %v, want %d and not negative", wallet, i, e.ID, e.BalanceAfterMinor, balance)
		}
	}
}

func TestChainsCloseForAnySeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		_, _, now := drawSpan(t, w)
		for _, wallet := range w.Wallets() {
			checkChain(t, wallet.ID, all(w, wallet.ID, now))
		}
	})
}

func TestRowsUpToTheEndOfTodayAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		midnight, n := w.cal.start(w.cal.today+1), 0
		ids := map[string]bool{}
		for _, wallet := range w.Wallets() {
			rows := w.Entries(wallet.ID, w.Start(), midnight, midnight, 0, math.MaxInt32)
			n += len(rows)
			for _, e := range rows {
				if ids[e.ID] {
					t.Fatalf("id %s twice", e.ID)
				}
				ids[e.ID] = true
			}
		}
		if n != w.rows {
			t.Fatalf("%d rows, want %d", n, w.rows)
		}
	})
}

func TestTheSameSeedAndDayGiveTheSameWorld(t *testing.T) {
	morning := time.Date(2026, 11, 22, 0, 0, 1, 0, noon.Location())
	a := newWorld(t, Options{Seed: 7})
	b := newWorld(t, Options{Seed: 7, Now: func() time.Time { return morning }})
	other := newWorld(t, Options{Seed: 8})
	if !reflect.DeepEqual(a.Truth(noon), b.Truth(noon)) {
		t.Error("the time of day changed the world")
	}
	if reflect.DeepEqual(a.Truth(noon), other.Truth(noon)) {
		t.Error("two seeds give one world")
	}
	for _, wallet := range a.Wallets() {
		if !reflect.DeepEqual(all(a, wallet.ID, noon), all(b, wallet.ID, noon)) {
			t.Errorf("%s differs", wallet.ID)
		}
	}
	from, to := a.Start(), noon
	if !reflect.DeepEqual(a.Operations(ProjectID, from, to, noon, 0, 9999), b.Operations(ProjectID, from, to, noon, 0, 9999)) {
		t.Error("operations differ")
	}
}

func TestTheDefaultWorldIsBelievable(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	if days := noon.Sub(w.Start()).Hours() / 24; days < 120 || len(w.Wallets()) < 5 {
		t.Fatalf("%d wallets, %.1f days", len(w.Wallets()), days)
	}
	count := map[string]int{}
	for _, wallet := range w.Wallets() {
		if e164, ok := schemas.E164(wallet.MSISDN, "AZ"); !ok || e164 != wallet.MSISDN {
			t.Errorf("%s is no number", wallet.MSISDN)
		}
		rows := all(w, wallet.ID, noon)
		dated := map[string]bool{}
		for _, e := range rows {
			count["type "+e.Type]++
			count["status "+e.Status]++
			count["channel "+e.Channel]++
			count[e.ProviderCode]++
			dated[e.PostedAt.Format(time.DateOnly)] = true
			if e.VATReceipt != "" {
				count["receipt"]++
			}
			if strings.HasPrefix(e.SubscriberRef, "****") {
				count["masked"]++
			}
			if e.Counterparty != "" {
				if _, ok := schemas.E164(e.Counterparty, "AZ"); !ok {
					t.Errorf("%s is no number", e.Counterparty)
				}
			}
			if e.FeeMinor > 0 {
				count["fee named"]++
			}
		}
		if len(dated) < 100 {
			t.Errorf("%s is used on %d days only", wallet.ID, len(dated))
		}
	}
	want := []string{"type bill_pay", "type transfer_out", "type transfer_in", "type topup", "type refund", "type reversal", "type fee",
		"status posted", "status pending", "status reversed", "channel card", "channel balance", "channel terminal",
		"receipt", "masked", "fee named", "AZERSU_RES", "MOB_AZERCELL", unlisted, heating, adsl}
	for _, name := range want {
		if count[name] == 0 {
			t.Errorf("no row with %s", name)
		}
	}
}

func TestReversalsPointAtReversedRows(t *testing.T) {
	w := newWorld(t, Options{Seed: 3})
	alone, pairs, settled := 0, 0, 0
	for _, wallet := range w.Wallets() {
		byID, pointed, pending := map[string]mpaytest.Entry{}, map[string]bool{}, map[string]bool{}
		for _, e := range all(w, wallet.ID, noon) {
			if e.Status == "pending" {
				pending[e.ExternalReference] = true
			} else if e.Type == "topup" && pending[e.ExternalReference] {
				settled++
			}
			byID[e.ID] = e
			if e.Type != "reversal" {
				continue
			}
			of := byID[e.ReversalOf]
			if of.Status != "reversed" || of.AmountMinor != -e.AmountMinor || of.ReversalCode != e.ReversalCode || e.ReversalCode == "" {
				t.Errorf("%s: %+v reverses %+v", wallet.ID, e, of)
			}
			pointed[e.ReversalOf] = true
			pairs++
		}
		for id, e := range byID {
			if e.Status == "reversed" && !pointed[id] {
				alone++
			}
		}
	}
	if alone == 0 || pairs == 0 || settled == 0 {
		t.Errorf("%d reversed with a row, %d without, %d pending settled", pairs, alone, settled)
	}
}

func TestBadOptions(t *testing.T) {
	now := func() time.Time { return noon }
	for want, o := range map[string]Options{
		"no clock":                               {},
		"rows: give 1 to":                        {Now: now, Rows: -1},
		"days: give 1 to":                        {Now: now, Days: 99999},
		`unknown chaos "fire"; known are expiry`: {Now: now, Chaos: []string{"late,fire"}},
	} {
		if _, err := NewWorld(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

// A still world shows the same whenever it is asked, and nothing of its day.
func TestAStillWorldStandsStill(t *testing.T) {
	clock := noon
	o := Options{Seed: 3, Rows: 2000, Day: noon, Still: true, Now: func() time.Time { return clock }}
	w := newWorld(t, o)
	before := w.Truth(clock)
	clock = noon.AddDate(0, 0, 9)
	after := w.Truth(clock)
	before.Until, after.Until = time.Time{}, time.Time{}
	if !reflect.DeepEqual(before, after) {
		t.Error("a still world changed in nine days")
	}
	end := w.cal.start(DefaultDays)
	for _, wallet := range w.Wallets() {
		if rows := w.Entries(wallet.ID, end, clock, clock, 0, 1); len(rows) > 0 {
			t.Errorf("%s has a row of the day itself: %s", wallet.ID, rows[0].PostedAt)
		}
	}
	o.Still = false
	if live := newWorld(t, o).Truth(clock); reflect.DeepEqual(live.Rows, after.Rows) {
		t.Error("a living world should have gone on")
	}
}
