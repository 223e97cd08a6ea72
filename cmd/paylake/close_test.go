package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/reconcile"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

// ledgerMonth is a playground whose ledger is read, the month before this one,
// and what was spent in it.
func ledgerMonth(t *testing.T) (g *playground, month string, spend int64) {
	t.Helper()
	g = newPlayground(t, 1500)
	zone, err := time.LoadLocation("Asia/Baku")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(zone)
	month = now.AddDate(0, 0, -now.Day()).Format("2006-01")
	g.paylake(t, "run", "ledger", "providers").want(t, 0)
	for _, s := range truthOf(t, g.truth(t), month) {
		spend += s.SpendMinor
	}
	return g, month, spend
}

// committed counts manifests, of which there may be none.
func (g *playground) committed(t *testing.T) int {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(g.lake(), "manifests", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return len(paths)
}

// seen are the lines of an answer to the auditor.
func (g *playground) seen(t *testing.T, sql string) []string {
	t.Helper()
	r := g.paylake(t, "query", "--as", "auditor", "--format", "csv", sql).want(t, 0)
	return strings.Split(strings.ReplaceAll(strings.TrimSpace(r.stdout), `"`, ""), "\n")[1:]
}

// oneSentence wants a refusal: the exit code, one line, and nothing committed.
func (g *playground) oneSentence(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	before := g.committed(t)
	r := g.paylake(t, args...).want(t, code).says(t, "", says)
	if r.stdout != "" || strings.Count(strings.TrimSpace(r.stderr), "\n") != 0 {
		t.Errorf("%v: more than one sentence:\n%s%s", args, r.stdout, r.stderr)
	}
	if after := g.committed(t); after != before {
		t.Errorf("%v: %d manifests were committed", args, after-before)
	}
}

var findingID = regexp.MustCompile(`fnd_[0-9a-f]{16}`)

// A month-close from beginning to end, as docs/reconciliation.md tells it: held
// back, compared, accepted, released, closed, restated; each step a commit that
// verifies, a decision that a rebuild keeps, and an act in the audit log.
func TestMonthClose(t *testing.T) {
	t.Parallel()
	g, month, spend := ledgerMonth(t)
	release := sync.OnceFunc(g.holding(t))
	defer release()
	day, _ := time.Parse(time.DateOnly, month+"-28")
	file := filepath.Join(t.TempDir(), "totals.csv")
	expect := func(minor int64) {
		t.Helper()
		if err := os.WriteFile(file, []byte(fmt.Sprintf("currency,amount\nAZN,%s\n", inUnits(minor, "AZN"))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reconcileMonth := func(code int, more ...string) result {
		t.Helper()
		return g.paylake(t, append([]string{"reconcile", "--period", month, "--expect", file}, more...)...).want(t, code)
	}
	count := "SELECT count() > 0 FROM ledger WHERE business_date >= '" + month + "-01' AND business_date < addMonths(toDate('" + month + "-01'), 1)"
	words := []string{"--by", "Aysel", "--reason", "case 7"}
	expect(spend - 740)
	heldBack := filepath.Join(t.TempDir(), "held.csv")

	t.Run("bad input", func(t *testing.T) { badDecisions(t, g, month, file) })
	t.Run("hold", func(t *testing.T) {
		g.paylake(t, append([]string{"reconcile", "--period", month, "--hold"}, words...)...).want(t, 0).says(t, month+" is held back from publication (Aysel, ", "")
		before := g.committed(t)
		g.paylake(t, append([]string{"reconcile", "--period", month, "--hold"}, words...)...).want(t, 0)
		if after := g.committed(t); after != before {
			t.Errorf("the same decision twice: %d manifests more", after-before)
		}
		for reader, want := range map[string]string{"analyst": "0", "auditor": "1", "accountant": "1"} {
			if got := g.ask(t, reader, count); got != want {
				t.Errorf("the %s sees rows of a held month: %s, want %s", reader, got, want)
			}
		}
		if r := g.paylake(t, "export", "ledger", "--as", "analyst", "--period", month, "--format", "csv").want(t, 0).says(t, "", month+" is held back from publication: rows"); strings.Contains(r.stdout, month) {
			t.Error("rows of a held month are exported for an analyst")
		}
		g.paylake(t, "export", "ledger", "--as", "accountant", "--period", month, "--format", "csv").want(t, 0).says(t, month, "the accountant sees it all the same")
		g.oneSentence(t, 2, "is held back (Aysel", "close", month, "--by", "Aysel")
		g.paylake(t, "export", "ledger", "--as", "analyst", "--format", "csv", "-o", heldBack).want(t, 0)
	})
	var finding string
	t.Run("accept", func(t *testing.T) {
		r := reconcileMonth(3).says(t, "spend: +7.40 AZN", "").says(t, month+" is held back from publication", "")
		finding = findingID.FindString(r.stdout)
		expect(spend - 741)
		reconcileMonth(3).says(t, finding, "")
		g.oneSentence(t, 2, "neither this reconciliation nor the warehouse", append([]string{"reconcile", "--period", month, "--expect", file, "--accept", "fnd_0000000000000000"}, words...)...)
		reconcileMonth(0, append([]string{"--accept", finding}, words...)...).says(t, "everything agrees or is accepted: 1 expectations, 1 differences accepted", "").says(t, "case 7", "")
		if got := g.ask(t, "analyst", count); got != "1" {
			t.Error("the accepted month is not published")
		}
		var report reconcile.Report
		reconcileMonth(0, "--json").json(t, &report)
		if a := report.Expectations[0].Accepted; !report.Agrees || report.Held != "" || a == nil || a.By != "Aysel" || a.Reason != "case 7" || report.Expectations[0].Agrees {
			t.Errorf("%+v", report)
		}
		expect(spend - 742)
		reconcileMonth(3).says(t, "open", "") // another amount
		expect(spend - 741)
		reconcileMonth(0)
	})
	t.Run("release by itself", func(t *testing.T) {
		g.paylake(t, append([]string{"reconcile", "--period", month, "--hold"}, words...)...).want(t, 0)
		expect(spend)
		if got := g.ask(t, "analyst", count); got != "0" {
			t.Error("held again, and published")
		}
		reconcileMonth(0).says(t, "everything agrees", "")
		if got := g.ask(t, "analyst", count); got != "1" {
			t.Error("the month agrees and is not published")
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if got := g.ask(t, "auditor", "SELECT decided_by, evidence FROM decisions WHERE kind = 'release' ORDER BY number DESC LIMIT 1"); got != "paylake reconcile,"+hex.EncodeToString(sum[:]) {
			t.Errorf("released by %s", got)
		}
	})
	t.Run("close", func(t *testing.T) {
		g.paylake(t, "restatements", month).want(t, 2).says(t, "", "is not closed")
		g.paylake(t, "close", month, "--by", "Aysel").want(t, 0).says(t, month+" is closed by Aysel as of manifest ", "")
		g.oneSentence(t, 2, "was closed by Aysel", "close", month, "--by", "Rashad")
		g.oneSentence(t, 2, "was closed by Aysel", append([]string{"reconcile", "--period", month, "--hold"}, words...)...)
		g.oneSentence(t, 2, "was closed by Aysel", append([]string{"reconcile", "--period", month, "--expect", file, "--accept", finding}, words...)...)
		g.paylake(t, "restatements", month).want(t, 0).says(t, "nothing changed since", "")
		g.paylake(t, "restatements").want(t, 0)
		if kinds := g.paylake(t, "snapshots", "--json").want(t, 0).stdout; !strings.Contains(kinds, `"kind": "close"`) {
			t.Errorf("no manifest closes:\n%s", kinds)
		}
	})
	t.Run("restated", func(t *testing.T) { restated(t, g, month, day, spend) })
	release()
	t.Run("proof", func(t *testing.T) {
		decisionsAreProven(t, g, month)
		// The month is published by now; what was exported while it was not is what it says.
		g.paylake(t, "verify", g.lake(), "--export", heldBack).want(t, 0).says(t, "the same bytes", "")
	})
}

// badDecisions: each is refused with one sentence, and nothing is committed.
func badDecisions(t *testing.T, g *playground, month, file string) {
	next := time.Now().AddDate(0, 2, 0).Format("2006-01")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"--by NAME is missing", []string{"reconcile", "--period", month, "--hold", "--by", " ", "--reason", "x"}},
		{"--reason TEXT is missing", []string{"reconcile", "--period", month, "--hold", "--by", "Aysel"}},
		{"--reason TEXT is missing", []string{"reconcile", "--period", month, "--accept", "fnd_0123456789abcdef", "--by", "Aysel"}},
		{"takes the id of a finding", []string{"reconcile", "--period", month, "--accept", "everything", "--by", "Aysel", "--reason", "x"}},
		{"--reason goes with --by", []string{"reconcile", "--period", month, "--reason", "x"}},
		{"needs --expect", []string{"reconcile", "--period", month, "--by", "Aysel"}},
		{"goes with --period, --by", []string{"reconcile", "--period", month, "--hold", "--expect", file, "--by", "Aysel", "--reason", "x"}},
		{"telephone or card number", []string{"reconcile", "--period", month, "--hold", "--by", "Aysel", "--reason", "asked +994501234567"}},
		{"is not a month", []string{"reconcile", "--period", "2026", "--hold", "--by", "Aysel", "--reason", "x"}},
		{"is not over yet", []string{"reconcile", "--period", next, "--accept", "fnd_0123456789abcdef", "--by", "Aysel", "--reason", "x"}},
		{"is not over yet", []string{"close", next, "--by", "Aysel"}},
		{"--by NAME is missing", []string{"close", month}},
		{"--reason TEXT is missing", []string{"close", month, "--by", "Aysel", "--anyway"}},
		{"is not a period", []string{"close", "March", "--by", "Aysel"}},
		{"is not a period", []string{"restatements", "March"}},
		{"is not closed", []string{"restatements", month}},
	} {
		g.oneSentence(t, 2, c.says, c.args...)
	}
}

// restated: a row that comes late, one that is revised; the restatement is these
// two, and the money.
func restated(t *testing.T, g *playground, month string, day time.Time, spend int64) {
	picked := g.rows(t, fmt.Sprintf("SELECT entry_id, wallet_id, toUnixTimestamp64Micro(posted_at), amount_minor, business_date FROM ledger WHERE type = 'bill_pay' AND status = 'posted' AND provider_code = 'AZERSU_RES' AND formatDateTime(business_date, '%%Y-%%m') = '%s' AND wallet_id = 'wlt_441b' ORDER BY entry_id LIMIT 1", month))
	cells := strings.Split(picked[0], "|")
	var micros, amount int64
	if _, err := fmt.Sscan(cells[2]+" "+cells[3], &micros, &amount); err != nil {
		t.Fatal(err)
	}
	date, _ := time.Parse(time.DateOnly, cells[4])
	g.commit(t, schemas.Ledger, statement("late", day, -5000, fields{"provider_code": "AZERSU_RES"}),
		statement(cells[0], time.UnixMicro(micros).UTC(), amount-100, fields{"provider_code": "AZERSU_RES", "business_date": date}),
		statement("next", day.AddDate(0, 1, 0), -77, nil))
	var list []restatement
	g.paylake(t, "restatements", month, "--json").want(t, 3).json(t, &list)
	r := list[0]
	if len(list) != 1 || r.Inserted != 1 || r.Revised != 1 || r.Retracted != 0 || len(r.Rows) != 2 || r.NowRows != r.ThenRows+1 || !r.Restated {
		t.Fatalf("%+v", list)
	}
	for _, row := range r.Rows {
		if row.ID == "late" && (row.Then != nil || row.Now.AmountMinor != -5000) || row.ID == cells[0] && row.Now.AmountMinor != row.Then.AmountMinor-100 {
			t.Errorf("%+v", row)
		}
	}
	for _, e := range r.Effects {
		if e.What == reconcile.Spend && (e.Wallet != "wlt_441b" || e.Provider != "AZERSU_RES" || e.Effect != 5100 || e.NowRows != e.ThenRows+1) {
			t.Errorf("%+v", e)
		}
	}
	g.paylake(t, "restatements").want(t, 3).says(t, "1 rows came, 0 went, 1 have other content", "").says(t, "+51.00", "")
	g.paylake(t, "run", "ledger").want(t, 0) // nothing is refused: the late row loads
	if got := g.ask(t, "analyst", "SELECT count() FROM ledger WHERE entry_id = 'late'"); got != "1" {
		t.Errorf("the late row is there %s times", got)
	}
}

// decisionsAreProven: what was decided is verified, survives a rebuild, is in the
// audit log once, and a change of it is found.
func decisionsAreProven(t *testing.T, g *playground, month string) {
	const sql = "SELECT number, kind, period, decided_by, reason, decision_id FROM decisions ORDER BY number"
	before := g.seen(t, sql)
	kinds := map[string]int{}
	for _, d := range before {
		kinds[strings.Split(d, ",")[1]]++
	}
	if kinds["hold"] != 2 || kinds["release"] != 2 || kinds["accept"] != 1 || kinds["close"] != 1 || kinds["compare"] < 2 {
		t.Errorf("%v", kinds)
	}
	acts := map[string]int{}
	for _, a := range g.acts(t) {
		acts[a.Action]++
	}
	for _, kind := range []string{"hold", "release", "accept", "close"} {
		if acts[kind] != kinds[kind] {
			t.Errorf("the audit log has %d acts of kind %s, the lake %d decisions", acts[kind], kind, kinds[kind])
		}
	}
	if got := g.seen(t, "SELECT level, state, decided_by FROM reconciliation WHERE period = '"+month+"' ORDER BY level, subject"); strings.Join(got, " ") != "period,closed,Aysel total,matched,paylake reconcile" {
		t.Errorf("the reconciliation stands at %q", got)
	}
	g.paylake(t, "rebuild").want(t, 0)
	if after := g.seen(t, sql); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("after a rebuild:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	g.paylake(t, "verify").want(t, 0)
	objects, err := filepath.Glob(filepath.Join(g.lake(), "objects", "decisions", "*.parquet"))
	if err != nil || len(objects) != 5 {
		t.Fatalf("%d objects of decisions, %v", len(objects), err)
	}
	tamper := func(path string, change func([]byte) []byte) {
		t.Helper()
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(path, 0o600)
		if err := os.WriteFile(path, change(append([]byte{}, raw...)), 0o600); err != nil {
			t.Fatal(err)
		}
		g.paylake(t, "verify", g.lake()).want(t, 6).says(t, "", filepath.Base(path))
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tamper(objects[0], func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	for n, path := range g.manifests(t) {
		if raw, _ := os.ReadFile(path); strings.Contains(string(raw), `"kind": "close"`) {
			tamper(g.manifests(t)[n], func(b []byte) []byte { return []byte(strings.Replace(string(b), `"close"`, `"decision"`, 1)) })
		}
	}
	g.paylake(t, "verify").want(t, 0)
	if _, err := lake.Verify(t.Context(), "file://"+g.lake(), lake.VerifyOptions{}); err != nil {
		t.Error(err)
	}
}
