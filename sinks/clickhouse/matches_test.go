package clickhouse

import (
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/lake"
)

func matchRow(id string, at time.Time, amount int64, more row) row {
	r := row{"source": "paylake", "link_id": id, "match_id": id, "left_at": at, "right_at": at, "business_date": at, "rule": "manual", "state": "matched", "shape": "1:1", "score": 100,
		"counted": "left", "adds": "double_count", "currency": "AZN", "amount_minor": amount, "left_minor": amount, "right_minor": amount,
		"left_table": "ledger", "left_source": "mpay", "left_account": "wlt_1", "right_table": "bank_entries", "right_source": "bank", "right_account": "AZ•1"}
	for k, v := range more {
		r[k] = v
	}
	return r
}

// stateMatches commits the matches as they are: what is not among them is withdrawn.
func stateMatches(t *testing.T, l *lake.Lake, version string, rows ...row) {
	t.Helper()
	p := part(schemas.Matches, "paylake", "", schemas.Window{}, rows...)
	p.File = &schemas.File{Name: "2026-03", Version: version, Last: true, Replaces: days(-29, 31), Span: days(-29, 31)}
	commit(t, l, p)
}

// What counts twice follows the matches: a pair that a person takes apart counts
// again, a pair that a person makes does not, and a match of rows that are no
// longer there takes nothing off. Every snapshot keeps what counted in it.
func TestDoubleCountsFollowMatches(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	crossLake(t, l)
	at := day0.Add(10 * time.Hour)
	w := open(t, l, c, false)
	follow(t, w)
	if err := w.SetAliases(t.Context(), []Alias{{Source: "bank", ForeignCode: "AZERSU ASC BAKI", ProviderCode: "AZERSU_RES"}}); err != nil {
		t.Fatal(err)
	}
	const pairs = "SELECT reason, score, counted_id, excluded_id, amount_minor FROM double_counts ORDER BY ALL"
	const sums = "SELECT source, sum(entries), sum(spend_minor), sum(refunds_minor) FROM spend_by_provider GROUP BY ALL ORDER BY ALL"
	check := func(what, wantPairs, wantSums string) {
		t.Helper()
		follow(t, w)
		if got := lines(ask(t, w, pairs)); got != wantPairs {
			t.Errorf("%s: pairs\n%s\nwant\n%s", what, got, wantPairs)
		}
		if got := lines(ask(t, w, sums)); got != wantSums {
			t.Errorf("%s: spend\n%s\nwant\n%s", what, got, wantSums)
		}
	}
	const rule = "card statement | 0.8 | l1 | b1 | 3740\nsame reference | 1 | l3 | o2 | 500\n"
	const counted = "bank | 2 | 1200 | 200\nmpay | 4 | 8880 | 0\npsp | 2 | 1800 | 0\n"
	check("nobody decided", rule, counted)
	before := follow(t, w).Applied

	apart := matchRow("u1", at, 3740, row{"state": "unmatched", "left_id": "l1", "right_id": "b1"})
	stateMatches(t, l, "1", apart)
	check("taken apart", "same reference | 1 | l3 | o2 | 500\n", "bank | 3 | 4940 | 200\nmpay | 4 | 8880 | 0\npsp | 2 | 1800 | 0\n")

	// Another payment gets the bank's entry; the operation goes to another payment.
	stateMatches(t, l, "2", matchRow("m1", at, 3740, row{"left_id": "l2", "right_id": "b1"}),
		matchRow("m2", at, 700, row{"left_id": "l4", "right_table": "operations", "right_source": "psp", "right_account": "210", "right_id": "o3"}))
	check("made by hand", "match: manual | 1 | l2 | b1 | 3740\nmatch: manual | 1 | l4 | o3 | 700\nsame reference | 1 | l3 | o2 | 500\n", "bank | 2 | 1200 | 200\nmpay | 4 | 8880 | 0\npsp | 1 | 1100 | 0\n")

	// The payment l1 gets another entry of the bank than the rule's.
	stateMatches(t, l, "3", matchRow("m3", at, 1200, row{"left_id": "l1", "right_id": "b2"}))
	check("a rule's row given away", "match: manual | 1 | l1 | b2 | 1200\nsame reference | 1 | l3 | o2 | 500\n", "bank | 2 | 3740 | 200\nmpay | 4 | 8880 | 0\npsp | 2 | 1800 | 0\n")

	// A rule of the configuration adds what no rule of the view finds, and never a second time.
	stateMatches(t, l, "4", matchRow("r1", at, 1200, row{"rule": "own", "score": 70, "left_id": "l2", "right_id": "b2"}), matchRow("r2", at, 3740, row{"rule": "own", "score": 70, "left_id": "l2", "right_id": "b1"}))
	check("added by a rule", "card statement | 0.8 | l1 | b1 | 3740\nmatch: own | 0.7 | l2 | b2 | 1200\nsame reference | 1 | l3 | o2 | 500\n", "bank | 1 | 0 | 200\nmpay | 4 | 8880 | 0\npsp | 2 | 1800 | 0\n")

	// Neither side may be gone, and evidence alone takes nothing off.
	stateMatches(t, l, "5", matchRow("r3", at, 1200, row{"left_id": "gone", "right_id": "b2"}), matchRow("r4", at, 1200, row{"left_id": "l2", "right_id": "gone"}),
		matchRow("r5", at, 1200, row{"left_id": "l2", "right_id": "b2", "counted": "both", "adds": "", "rule": "own"}), matchRow("r6", at, 1200, row{"left_id": "l4", "right_id": "b2", "state": "ambiguous", "rule": "own"}))
	check("rows that are gone", rule, counted)

	stateMatches(t, l, "6")
	check("all withdrawn", rule, counted)
	for snapshot, want := range map[int64]string{before: "1200", before + 1: "4940", before + 2: "1200", before + 3: "3740", before + 4: "0"} {
		if got := lines(askAt(t, w, "SELECT sum(spend_minor) FROM spend_by_provider WHERE source = 'bank'", snapshot)); got != want+"\n" {
			t.Errorf("as of %d: %swant %s", snapshot, got, want)
		}
	}
}
