package main

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paylake/paylake/sinks/lake"
)

// Without a live consent nothing is asked of a wallet: no OTP, no page. The run
// says what to type and goes on with the others. What is read names its
// consent.
func TestRunNeedsConsent(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.holding(t)
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_441b", "--reason", "test").want(t, 0)
	var plan []plannedWindow
	g.paylake(t, "plan", "ledger", "--json").want(t, 0).json(t, &plan)
	waiting := 0
	for _, w := range plan {
		if (w.Waits == "consent") != (w.WalletID == "wlt_441b") || (w.ConsentID == "") != (w.WalletID == "wlt_441b") {
			t.Fatalf("%+v", w)
		}
		if w.Waits != "" {
			waiting++
		}
	}
	if waiting != 41 {
		t.Errorf("%d windows wait", waiting)
	}
	r := g.paylake(t, "run").want(t, 4).says(t, "operations: ", "paylake consent grant --wallet wlt_441b")
	if strings.Count(r.stderr, "is skipped") != 1 || strings.Contains(r.stderr, "wlt_7c02") {
		t.Errorf("stderr:\n%s", r.stderr)
	}
	if got := g.ask(t, "auditor", "SELECT countIf(wallet_id = 'wlt_441b') = 0 AND count() > 0 FROM ledger"); got != "1" {
		t.Errorf("rows of the wallet: %s", got)
	}
	ids := map[string]string{}
	for _, c := range g.consents(t) {
		ids[c.WalletID] = c.ID
	}
	var one struct{ Parts []lake.Part }
	g.paylake(t, "snapshots", "1", "--json").want(t, 0).json(t, &one)
	for _, p := range one.Parts {
		if p.ConsentID == "" || p.ConsentID != ids[p.WalletID] {
			t.Fatalf("part of %s names consent %q", p.WalletID, p.ConsentID)
		}
	}
	var s statusReport
	g.paylake(t, "status", "--json").want(t, 0).json(t, &s)
	if c := s.Pipelines[0].Consent; c == nil || c.Wallets != 6 || c.Live != 5 || c.NextEnd == nil || s.Pipelines[2].Consent != nil {
		t.Errorf("%+v", s.Pipelines)
	}
	g.grantAll(t)
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// Not a single request leaves for the sake of wallets without a consent, not
// even for a catalogue.
func TestNoConsentNothingIsSent(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	for _, c := range g.consents(t) {
		g.paylake(t, "consent", "revoke", "--wallet", c.WalletID, "--reason", "test").want(t, 0)
	}
	var sent atomic.Int64
	g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/integrations/mpay/") {
			sent.Add(1)
		}
		return false
	})
	g.paylake(t, "run", "ledger", "providers").want(t, 4)
	if sent.Load() != 0 {
		t.Errorf("%d requests were sent", sent.Load())
	}
	g.paylake(t, "consent", "grant", "--all").want(t, 0)
	g.paylake(t, "run", "providers").want(t, 0)
	if sent.Load() == 0 {
		t.Error("the test sees no request at all")
	}
}

// A consent that goes while its wallet is read: no request follows, the
// window under way is dropped, the other wallets are complete.
func TestRevokedInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	var mu sync.Mutex
	before, after := 0, map[string]int{} // requests; those after the revocation by access token
	revoked := false
	g.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wallet/statement") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if revoked {
			after[r.Header.Get("Authorization")]++
		} else if before++; before == 30 {
			g.paylake(t, "consent", "revoke", "--wallet", "wlt_441b", "--reason", "in the middle").want(t, 0)
			revoked = true
		}
		return false
	})
	r := g.paylake(t, "run", "ledger").want(t, 4).says(t, "ledger: ", "paylake consent grant --wallet wlt_441b")
	if !strings.Contains(r.stderr, "dropped") || strings.Contains(r.stderr, "wlt_7c02") {
		t.Errorf("stderr:\n%s", r.stderr)
	}
	going := 0 // wallets that were read on; of the other one a request may have been under way
	for _, n := range after {
		if n > 1 {
			going++
		}
	}
	if going != 5 {
		t.Errorf("%d wallets were read on: %v", going, after)
	}
	if got := g.ask(t, "auditor", "SELECT uniqExact(wallet_id) >= 5 FROM ledger"); got != "1" {
		t.Error("the other wallets were not read")
	}
	g.before.Store(nil)
	g.grantAll(t)
	g.paylake(t, "run").want(t, 0)
	same(t, g.spend(t), truthLines(g.truth(t)))
}

// Windows are cut to the consent; a narrower purpose leaves fields empty.
func TestRunKeepsToTheConsent(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1500)
	g.holding(t)
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_441b").want(t, 0)
	day := g.ask(t, "auditor", "SELECT toString(today() - 10)")
	g.paylake(t, "consent", "grant", "--wallet", "wlt_441b", "--purpose", "spend", "--from", day).want(t, 0)
	g.paylake(t, "run", "ledger").want(t, 0)
	const sql = `SELECT countIf(business_date < '` + "DAY" + `'), count() > 0, countIf(counterparty != '' OR counterparty_masked != '' OR subscriber_ref != '' OR balance_after_minor IS NOT NULL),
		countIf(provider_code != '') > 0 FROM ledger WHERE wallet_id = 'wlt_441b'`
	if got := g.ask(t, "auditor", strings.ReplaceAll(sql, "DAY", day)); got != "0,1,0,1" {
		t.Errorf("earlier, some, beyond the purpose, providers: %s", got)
	}
	if got := g.ask(t, "auditor", "SELECT countIf(counterparty != '') > 0 FROM ledger WHERE wallet_id != 'wlt_441b'"); got != "1" {
		t.Error("the other wallets have no counterparties either")
	}
	g.paylake(t, "verify").want(t, 0)
	g.paylake(t, "run", "ledger").want(t, 0).says(t, "0 rows moved", "")
}

// A withdrawn consent hides what is committed from everybody but auditors, at
// once; a new one shows it again.
func TestWithdrawnConsentHides(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.holding(t)
	g.paylake(t, "run").want(t, 0)
	const count, spend = "SELECT count() > 0 FROM ledger WHERE wallet_id = 'wlt_441b'", "SELECT toString(sum(spend_minor)) FROM spend_by_provider WHERE source = 'mpay'"
	all, left := g.ask(t, "analyst", spend), g.ask(t, "auditor",
		"SELECT toString(sum(abs(amount_minor))) FROM ledger WHERE type IN ('bill_pay', 'fee') AND amount_minor < 0 AND status IN ('posted', 'reversed') AND wallet_id != 'wlt_441b'")
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_441b", "--reason", "asked by its owner").want(t, 0)
	if got := g.ask(t, "analyst", count) + g.ask(t, "accountant", count) + g.ask(t, "auditor", count); got != "001" {
		t.Errorf("analyst, accountant, auditor see the wallet: %s", got)
	}
	if got := g.ask(t, "analyst", spend); got != left || got == all {
		t.Errorf("spend without the wallet is %s, want %s of %s", got, left, all)
	}
	g.paylake(t, "verify").want(t, 0) // the lake is what it was
	g.paylake(t, "consent", "grant", "--wallet", "wlt_441b").want(t, 0)
	if got := g.ask(t, "analyst", count); got != "1" || g.ask(t, "analyst", spend) != all {
		t.Errorf("after a new consent: %s", got)
	}
}

// ask returns the first line of an answer, as CSV without quotes.
func (g *playground) ask(t *testing.T, reader, sql string) string {
	t.Helper()
	r := g.paylake(t, "query", "--as", reader, "--format", "csv", sql).want(t, 0)
	_, line, _ := strings.Cut(strings.TrimSpace(r.stdout), "\n")
	return strings.ReplaceAll(line, `"`, "")
}

// A withdrawn consent also hides what files of other systems say of the wallet;
// the other wallets of those files stay.
func TestWithdrawnConsentHidesInFiles(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 600)
	g.holding(t)
	g.withFiles(t, 600)
	g.paylake(t, "run", "terminals").want(t, 0)
	const count = "SELECT countIf(wallet_id = 'wlt_441b'), countIf(wallet_id != 'wlt_441b') FROM funding_events WHERE source = 'terminals'"
	all := g.ask(t, "analyst", count)
	mine, others, _ := strings.Cut(all, ",")
	if mine == "0" || others == "0" {
		t.Fatalf("the report is empty: %s", all)
	}
	g.paylake(t, "consent", "revoke", "--wallet", "wlt_441b").want(t, 0)
	if got := g.ask(t, "analyst", count); got != "0,"+others {
		t.Errorf("an analyst sees %s of %s", got, all)
	}
	if got := g.ask(t, "auditor", count); got != all {
		t.Errorf("an auditor sees %s of %s", got, all)
	}
	if r := g.paylake(t, "export", "funding_events", "--from", "2020-01-01", "--to", "2040-01-01", "--format", "csv").want(t, 0); strings.Contains(r.stdout, "wlt_441b") {
		t.Error("the export has the wallet")
	}
	g.paylake(t, "consent", "grant", "--wallet", "wlt_441b").want(t, 0)
	if got := g.ask(t, "analyst", count); got != all {
		t.Errorf("after a new consent: %s of %s", got, all)
	}
}
