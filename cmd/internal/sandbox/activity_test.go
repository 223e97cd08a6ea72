package sandbox

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// Every top-up has exactly one event with its amount and instant, every
// step-up names a payment of a high amount, and a balance is the chain's.
func TestEventsAgreeWithTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.SampledFrom([]string{"", "late"}).Draw(t, "chaos"))
		_, _, until := drawSpan(t, w)
		truth := w.Truth(until)
		for i, wallet := range w.Wallets() {
			rows := map[string]mpaytest.Entry{}
			topups := map[string]bool{}
			for _, e := range all(w, wallet.ID, until) {
				rows[e.ID] = e
				if e.Type == "topup" {
					topups[e.ID] = true
				}
			}
			ids := map[string]bool{}
			for _, f := range w.FundingEvents(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
				if ids[f.ID] {
					t.Fatalf("event %s comes twice", f.ID)
				}
				ids[f.ID] = true
				if (f.Status == "failed") != (f.LedgerID == "") {
					t.Fatalf("%+v", f)
				}
				e := rows[f.LedgerID]
				if f.LedgerID != "" && (!topups[f.LedgerID] || e.AmountMinor != f.AmountMinor || !e.PostedAt.Equal(f.OccurredAt) || e.Channel != f.Method) {
					t.Fatalf("%+v is no event of %+v", f, e)
				}
				delete(topups, f.LedgerID)
			}
			if len(topups) > 0 {
				t.Fatalf("%d top-ups have no event", len(topups))
			}
			checkStepUps(t, w, wallet.ID, until, rows)
			o := truth.Observed[i]
			if o.AvailableMinor+o.ReservedMinor != truth.Balances[i].BalanceMinor || o.ReservedMinor < 0 || o.AvailableMinor < 0 {
				t.Fatalf("observed %+v, the chain says %+v", o, truth.Balances[i])
			}
		}
	})
}

func checkStepUps(t *rapid.T, w *World, wallet string, until time.Time, rows map[string]mpaytest.Entry) {
	signed := map[string]string{}
	for _, a := range w.AssuranceEvents(wallet, w.Start(), until.Add(time.Second), until, 0, 1<<30) {
		e, visible := rows[a.LedgerID]
		if visible && (e.AmountMinor != -a.AmountMinor || a.OccurredAt.After(e.PostedAt) || e.SessionID != "" && e.SessionID != a.SessionID) {
			t.Fatalf("%+v is no event of %+v", a, e)
		}
		signed[a.LedgerID] = a.AssuranceLevel
	}
	for id, e := range rows {
		high := (e.Type == "bill_pay" || e.Type == "transfer_out") && e.AmountMinor <= -stepUpFrom
		if level, ok := signed[id]; ok != high || high && level != "A3" {
			t.Fatalf("%+v: signed %t with %q", e, ok, level)
		}
	}
}

// The same counted once more from the lists that readers get.
func TestWalletTruthEqualsCountingByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.SampledFrom([]string{"", "late"}).Draw(t, "chaos"))
		_, _, until := drawSpan(t, w)
		truth := w.Truth(until)
		funding, proved, edges := map[string][3]int64{}, map[string]int64{}, map[string][2]int64{}
		for _, wallet := range w.Wallets() {
			for _, f := range w.FundingEvents(wallet.ID, w.Start().AddDate(0, 0, -1), until.Add(time.Second), until, 0, 1<<30) {
				key := strings.Join([]string{wallet.ID, f.OccurredAt.UTC().Add(4 * time.Hour).Format(time.DateOnly), f.Method, f.TerminalNetwork, f.Status}, " ")
				n := funding[key]
				funding[key] = [3]int64{n[0] + 1, n[1] + f.AmountMinor, n[2] + f.FeeMinor}
			}
			events := w.AssuranceEvents(wallet.ID, w.Start(), until.Add(time.Second), until, 0, 1<<30)
			for _, e := range all(w, wallet.ID, until) {
				proved[wallet.ID+" "+provedBy(events, e)]++
				if e.Counterparty != "" {
					key := wallet.ID + " " + e.Counterparty + " " + strings.TrimPrefix(e.Type, "transfer_")
					edges[key] = [2]int64{edges[key][0] + 1, edges[key][1] + max(e.AmountMinor, -e.AmountMinor)}
				}
			}
		}
		for _, f := range truth.Funding {
			key := strings.Join([]string{f.WalletID, f.BusinessDate, f.Method, f.TerminalNetwork, f.Status}, " ")
			if funding[key] != [3]int64{f.Events, f.AmountMinor, f.FeeMinor} {
				t.Fatalf("%+v, want %v", f, funding[key])
			}
			delete(funding, key)
		}
		for _, p := range truth.LedgerAssurance {
			key := p.WalletID + " " + map[bool]string{true: "signed ", false: "plain "}[p.StepUpRequired] + p.AssuranceLevel
			proved[key] -= p.Rows
		}
		maps.DeleteFunc(proved, func(_ string, n int64) bool { return n == 0 })
		for _, e := range truth.TransferEdges {
			key := e.WalletID + " " + e.MSISDN + " " + e.Direction
			if edges[key] != [2]int64{e.Entries, e.AmountMinor} {
				t.Fatalf("%+v, want %v", e, edges[key])
			}
			delete(edges, key)
		}
		if len(funding)+len(proved)+len(edges) > 0 {
			t.Fatalf("not in the truth: %v %v %v", funding, proved, edges)
		}
	})
}

// provedBy reads the events in the plainest way: the payment's own ones, else
// those of its session as a whole that came before it.
func provedBy(events []mpaytest.AssuranceEvent, e mpaytest.Entry) string {
	word, level, own := "plain ", "", false
	for _, a := range events {
		if a.LedgerID == e.ID {
			own, word, level = true, "signed ", a.AssuranceLevel
		}
	}
	for _, a := range events {
		if own || e.SessionID == "" || a.SessionID != e.SessionID || a.LedgerID != "" || a.OccurredAt.After(e.PostedAt) {
			continue
		}
		if strings.HasPrefix(a.Event, "step_up") {
			word = "signed "
		}
		if a.AssuranceLevel != "" {
			level = a.AssuranceLevel
		}
	}
	return word + level
}

// Any page of the lists is the same stretch of the whole.
func TestEventPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, "late")
		from, to, until := drawSpan(t, w)
		wallet := w.Wallets()[rapid.IntRange(0, 5).Draw(t, "wallet")].ID
		skip, limit := rapid.IntRange(0, 40).Draw(t, "skip"), rapid.IntRange(1, 40).Draw(t, "limit")
		funding := w.FundingEvents(wallet, from, to, until, 0, 1<<30)
		if got := w.FundingEvents(wallet, from, to, until, skip, limit); !slices.Equal(got, funding[min(skip, len(funding)):min(skip+limit, len(funding))]) {
			t.Fatalf("%d events", len(got))
		}
		events := w.AssuranceEvents(wallet, from, to, until, 0, 1<<30)
		if got := w.AssuranceEvents(wallet, from, to, until, skip, limit); !slices.Equal(got, events[min(skip, len(events)):min(skip+limit, len(events))]) {
			t.Fatalf("%d events", len(got))
		}
		for _, e := range events {
			if e.OccurredAt.Before(from) || !e.OccurredAt.Before(to) || e.OccurredAt.After(until) {
				t.Fatalf("%+v outside %s, %s, %s", e, from, to, until)
			}
		}
	})
}

func TestFavouritesAndWorkflows(t *testing.T) {
	w := newWorld(t, Options{Seed: 3})
	for _, wallet := range w.Wallets() {
		before, after := w.Templates(wallet.ID, w.Start()), w.Templates(wallet.ID, noon)
		if len(before) < 2 || len(after) != len(before)+1 || before[0].Name == after[0].Name {
			t.Errorf("%s: %d favourites, then %d", wallet.ID, len(before), len(after))
		}
	}
	codes := map[string]bool{}
	for _, f := range w.Workflows(noon) {
		codes[strings.SplitN(f.ProviderCode, "_", 2)[0]+" "+f.Platform] = true
		if f.Platform == "android" && len(f.Steps) < 5 {
			t.Errorf("%+v", f)
		}
	}
	for _, c := range []string{"AZERIQAZ android", "AZERSU android", "AZERISHIQ android", "AZERSU ios"} {
		if !codes[c] {
			t.Errorf("no workflow for %s", c)
		}
	}
	if len(w.Workflows(w.Start())[0].Steps)+1 != len(w.Workflows(noon)[0].Steps) {
		t.Error("the season changes no workflow")
	}
	h, err := Handler(w, HandlerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/wallet/balance", "/wallet/templates", "/catalog/nfc-workflows"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", mpaytest.Prefix+path, nil))
		if rec.Code != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d", path, rec.Code)
		}
	}
}
