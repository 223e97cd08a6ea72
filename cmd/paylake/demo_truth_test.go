package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/cmd/internal/sandbox"
)

// What `make demo` does: exports with rows that have to be refused, a run, and
// callbacks while everything is up. Then every table has rows, each of them is
// the truth, and all of it once more changes nothing.
func TestDemonstrationFillsEveryTable(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 2500)
	g.withFlaws(t, 2500)
	g.paylake(t, "run").want(t, 3).says(t, "2 quarantined (-750000.00 AZN)", "")
	g.paylake(t, "quarantine", "list").want(t, 0).says(t, "quarantined: 2 rows, -750000.00 AZN, 1 without a readable amount", "")
	up := g.up(t)
	g.tell(t, up.origin)
	tables := g.truth(t).Tables
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		different := g.different(t, tables)
		if len(different) == 0 {
			break
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("the warehouse does not arrive at the truth:\n%s", strings.Join(different, "\n"))
		}
	}
	head := func() string { return g.rows(t, "SELECT max(sequence) FROM snapshots")[0] }
	before := head()
	g.tell(t, up.origin) // once more
	g.eventually(t, "SELECT count() FROM settlements", "25")
	up.stop()

	filled := map[string]bool{}
	for _, table := range tables {
		// Nobody pays here: make demo does, and asks for rows of every table.
		if filled[table.Table] = true; table.Rows == 0 && table.Table != "payment_intents" {
			t.Errorf("%s is empty", table.Table)
		}
	}
	everyTableIsCompared(t, filled)
	// The alarm that a callback raised was told while everything was up, or else
	// it is by the next run, which moves nothing.
	const told = "check amount_scale does not hold for 1 new rows of psp/operations"
	waits := true
	switch strings.Count(up.errs.String(), told) {
	case 0:
	case 1:
		waits = false
	default:
		t.Errorf("told more than once:\n%s", up.errs.String())
	}
	again := g.paylake(t, "run").want(t, 3).says(t, "", "the balance chain is broken in 1 places")
	if strings.Contains(again.stderr, told) != waits {
		t.Errorf("not told once:\n%s", again.stderr)
	}
	for line := range strings.Lines(again.stdout) {
		if strings.Contains(line, ", manifest ") {
			t.Errorf("moved again: %s", line)
		}
	}
	if after := head(); after != before {
		t.Errorf("manifest %s, and after the same once more %s", before, after)
	}
	for _, d := range g.different(t, tables) {
		t.Error(d)
	}
	g.paylake(t, "verify").want(t, 0).says(t, "quarantined  2 rows", "")
	g.findsWhatIsPlanted(t)
}

// findsWhatIsPlanted: of the last whole month a reconciliation finds the three
// discrepancies that are there, with their rows, and no other.
func (g *playground) findsWhatIsPlanted(t *testing.T) {
	t.Helper()
	p, ok := g.world.Planted()
	if !ok {
		t.Fatal("nothing is planted")
	}
	expected := filepath.Join(filepath.Dir(g.config), sandboxExpected)
	said := g.paylake(t, "reconcile", "--period", p.Period, "--expect", expected, "--rows", "1").want(t, 3).stdout
	if n := strings.Count(said, "│ open "); n != 1 || !strings.Contains(said, fmt.Sprintf("spend for %s: %s AZN", p.Missing.ProviderCode, inUnits(p.Missing.AmountMinor, "AZN"))) {
		t.Errorf("%d differences, want one, of %+v:\n%s", n, p.Missing, said)
	}
	found := g.rows(t, fmt.Sprintf("SELECT kind, source, arrayStringConcat(row_ids, ' ') FROM findings WHERE formatDateTime(business_date, '%%Y-%%m') = '%s' ORDER BY kind", p.Period))
	var want []string
	for _, f := range p.Findings {
		want = append(want, f.Kind+"|"+f.Source+"|"+strings.Join(f.Rows, " "))
	}
	if !slices.Equal(found, want) {
		t.Errorf("findings %q, planted %q", found, want)
	}
	g.judges(t, p)
	double := g.rows(t, "SELECT counted_wallet_id, counted_id, excluded_id, amount_minor FROM double_counts WHERE reason != 'card statement'")
	if one := fmt.Sprintf("%s|%s|%s|%d", p.Double.WalletID, p.Double.EntryID, p.Double.OperationID, p.Double.AmountMinor); len(double) != 1 || double[0] != one {
		t.Errorf("reported twice: %q, planted %q", double, one)
	}
}

// judges: a person says of the findings of the view what they are. The last word
// counts, and is kept with who and why.
func (g *playground) judges(t *testing.T, p sandbox.Planted) {
	t.Helper()
	ids := map[string]string{}
	for _, line := range g.rows(t, "SELECT kind, finding_id FROM findings WHERE formatDateTime(business_date, '%Y-%m') = '"+p.Period+"'") {
		kind, id, _ := strings.Cut(line, "|")
		ids[kind] = id
	}
	chain, scale := ids["chain_break"], ids["scale"]
	by := []string{"--by", "Aysel M.", "--reason", "case 7"}
	g.paylake(t, append([]string{"reconcile", "--explain", chain}, by...)...).want(t, 0).says(t, chain+" (chain_break of "+p.Period+") is explained (Aysel M.", "")
	// The break that is explained is no reason any more that the month does not hold.
	g.paylake(t, append([]string{"reconcile", "--accept", scale, "--period", p.Period}, by...)...).want(t, 0)
	states := func() string {
		return strings.Join(g.rows(t, "SELECT kind, state, decided_by, reason FROM findings WHERE finding_id IN ('"+chain+"', '"+scale+"') ORDER BY kind"), "; ")
	}
	if got := states(); got != "chain_break|explained|Aysel M.|case 7; scale|explained|Aysel M.|case 7" {
		t.Errorf("explained: %s", got)
	}
	before := g.commits(t)
	g.paylake(t, append([]string{"reconcile", "--explain", chain}, by...)...).want(t, 0)
	if now := g.commits(t); now != before {
		t.Errorf("saying the same again made %d manifests", now-before)
	}
	g.paylake(t, "reconcile", "--confirm", chain, "--by", "Rauf K.", "--reason", "the bank agrees").want(t, 0).says(t, "is confirmed (Rauf K.", "")
	if got := states(); got != "chain_break|confirmed|Rauf K.|the bank agrees; scale|explained|Aysel M.|case 7" {
		t.Errorf("confirmed: %s", got)
	}
	g.paylake(t, append([]string{"reconcile", "--explain", "fnd_0123456789abcdef"}, by...)...).want(t, 2).says(t, "", "no finding of that id")
	g.paylake(t, append([]string{"reconcile", "--explain", chain, "--confirm", chain}, by...)...).want(t, 2).says(t, "", "give one of them")
	g.paylake(t, "reconcile", "--explain", chain).want(t, 2)
	g.paylake(t, "verify").want(t, 0)
}

// different are the tables that are not the truth.
func (g *playground) different(t *testing.T, tables []sandbox.TableTruth) (out []string) {
	t.Helper()
	verdicts, _ := g.compared(t, tables)
	for _, v := range verdicts {
		if !v.Holds() {
			out = append(out, v.String())
		}
	}
	return out
}

// tell lets the sandbox deliver its callbacks.
func (g *playground) tell(t *testing.T, origin string) {
	t.Helper()
	told, err := g.world.Tell(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range told {
		if k.Taken != k.Sent {
			t.Fatalf("%+v", k)
		}
	}
}
