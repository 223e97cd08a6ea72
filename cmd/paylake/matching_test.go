package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paylake/paylake/cmd/internal/matching"
)

// The systems of the sandbox report the same money, and a run finds it: the
// terminals' own list has every top-up by cash, and the bank the cards behind
// payments and top-ups. A second run commits nothing. A person takes a pair
// apart and makes it again, by the commands; what cannot be is refused.
func TestMatchesOfTheSandbox(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 1200)
	g.withFiles(t, 1200)
	waiting := ""
	ran := g.paylake(t, "run").want(t, 0)
	pairs := g.rows(t, "SELECT uniqExactIf(match_id, state = 'matched'), uniqExactIf(match_id, state = 'ambiguous'), count(), max(snapshot) FROM matches")
	counts := strings.Split(pairs[0], "|")
	if line := regexp.MustCompile(`matches: ([0-9,]+) matched, ([0-9,]+) ambiguous, ([0-9,]+) rows wait for a partner; ([0-9,]+) new, 0 withdrawn, manifest`).FindStringSubmatch(ran.stdout); line == nil ||
		strings.ReplaceAll(line[1], ",", "") != counts[0] || strings.ReplaceAll(line[2], ",", "") != counts[1] || strings.ReplaceAll(line[4], ",", "") != counts[2] {
		t.Errorf("a run says %q, and matches are %v:\n%s", line, counts, ran.stdout)
	} else {
		waiting = strings.ReplaceAll(line[3], ",", "")
	}
	cash := g.rows(t, "SELECT count() FROM funding_events WHERE source = 'terminals' AND status = 'completed'")
	if got := g.rows(t, "SELECT count() FROM matches WHERE rule = 'topup_terminal' AND state = 'matched' AND score >= 90"); got[0] != cash[0] || cash[0] == "0" {
		t.Errorf("%s of %s top-ups by cash are matched", got[0], cash[0])
	}
	head := g.commits(t)
	if again := g.paylake(t, "run").want(t, 0); strings.Contains(again.stdout, "matches:") {
		t.Errorf("nothing was matched, and it is told:\n%s", again.stdout)
	}
	if now := g.commits(t); now != head {
		t.Errorf("a second run committed %d manifests", now-head)
	}

	var list matching.List
	g.paylake(t, "match", "list", "--rows", "5", "--json").want(t, 0).json(t, &list)
	if len(list.Pairs) != 5 || list.Unlisted == 0 || len(list.Open) != 0 {
		t.Errorf("%d pairs, %d unlisted, %d open", len(list.Pairs), list.Unlisted, len(list.Open))
	}
	list = matching.List{}
	g.paylake(t, "match", "list", "--open", "--rows", "5", "--json").want(t, 0).json(t, &list)
	open := int64(0)
	for _, n := range list.OpenRows {
		open += n
	}
	newest := slices.IsSortedFunc(list.Open, func(a, b matching.Open) int { return strings.Compare(b.At, a.At) })
	if fmt.Sprint(len(list.Pairs)) != counts[1] || len(list.Open) != 5 || list.OpenRows["topup_terminal right"] != 0 || list.Open[0].Row == "" || list.Open[0].Why == "" || !newest || open == 0 || fmt.Sprint(open) != waiting {
		t.Errorf("%d pairs, %+v, %v; a run has left %s waiting", len(list.Pairs), list.Open, list.OpenRows, waiting)
	}
	g.paylake(t, "match", "list", "--open", "--rows", "1").want(t, 0).says(t, "rows without a partner in all; ", "")
	g.paylake(t, "match", "list", "--period", "2019-01").want(t, 0).says(t, "0 pairs", "")

	// A pair of the view double_counts, of which nobody decided yet.
	doubles := func() []string {
		return g.rows(t, "SELECT concat('ledger:', counted_source, ':', counted_wallet_id, ':', counted_id), concat(excluded_table, ':', excluded_source, ':', excluded_account, ':', excluded_id), amount_minor, reason FROM double_counts WHERE excluded_table = 'bank_entries' ORDER BY ALL")
	}
	spend := func() string {
		return strings.Join(g.rows(t, "SELECT source, sum(net_minor) FROM spend_by_provider WHERE currency = 'AZN' GROUP BY source ORDER BY source"), ", ")
	}
	before, sums := doubles(), spend()
	if len(before) < 3 {
		t.Fatalf("%d pairs", len(before))
	}
	first, other := strings.Split(before[0], "|"), strings.Split(before[1], "|")
	by := []string{"--by", "Aysel M.", "--reason", "receipt 2026-118"}
	decide := func(code int, says string, args ...string) {
		t.Helper()
		g.paylake(t, append(args, by...)...).want(t, code).says(t, map[bool]string{true: says}[code == 0], map[bool]string{true: says}[code != 0])
	}
	decide(0, "unmatch "+first[0]+" and "+first[1], "unmatch", first[0], first[1])
	if now := doubles(); len(now) != len(before)-1 || spend() == sums {
		t.Errorf("taken apart: %d pairs of %d; %s", len(now), len(before), spend())
	}
	g.paylake(t, "run").want(t, 0) // no rule makes it again
	if now := doubles(); len(now) != len(before)-1 {
		t.Errorf("a run made the pair again")
	}
	decide(0, "says so already", "unmatch", first[0], first[1])
	decide(0, "match "+first[0]+" and "+first[1], "match", first[1], first[0])
	if now := doubles(); len(now) != len(before) || spend() != sums {
		t.Errorf("made again: %d pairs of %d; %s, %s before", len(now), len(before), spend(), sums)
	}
	decide(2, "take them apart first", "match", first[0], other[1])
	decide(2, "names no row", "match", "txn_1", other[1])
	decide(2, "cannot be matched", "match", "spend_by_provider:a:b:c", other[1])
	decide(2, "there is no row", "match", "ledger:mpay:w:none", other[1])
	g.paylake(t, "unmatch", first[0], first[1]).want(t, 2).says(t, "", "--by NAME is missing")
	if first[2] != other[2] {
		decide(2, "cannot be the same money", "match", other[0], strings.Split(before[len(before)-1], "|")[1])
	}
	var again matching.List
	g.paylake(t, "match", "list", "--rows", "1000000", "--json").want(t, 0).json(t, &again)
	manual := 0
	for _, p := range again.Pairs {
		if p.Rule == matching.Manual {
			manual++
			if p.Reasons != "Aysel M.: receipt 2026-118" || p.State != "matched" || fmt.Sprint(p.Left, p.Right) != fmt.Sprint(first[0], first[1]) {
				t.Errorf("%+v", p)
			}
		}
	}
	if manual != 1 {
		t.Errorf("%d pairs by hand", manual)
	}
	g.paylake(t, "verify").want(t, 0)
	g.paylake(t, "rebuild").want(t, 0)
	if now := doubles(); strings.Join(now, "\n") == "" || spend() != sums {
		t.Errorf("rebuilt: %s, %s before", spend(), sums)
	}
}

// matchPoint reports whether a point lies on the way of a matching, which wallets
// alone do not take: TestMatchingKilledAtEveryPoint dies there.
func matchPoint(name string) bool { return strings.HasPrefix(name, "match.") }

// A matching that is killed leaves the matches of before or of now, and the next
// run has those of now.
func TestMatchingKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	g := newPlayground(t, 300)
	g.withFiles(t, 300)
	died := 0
	for _, name := range points(t) {
		if !matchPoint(name) {
			continue
		}
		if g.killed(t, name+"#1", "", "run") {
			died++
		}
		g.paylake(t, "verify").want(t, 0)
		g.paylake(t, "run").want(t, 0)
		cash := g.rows(t, "SELECT count() FROM funding_events WHERE source = 'terminals' AND status = 'completed'")
		if got := g.rows(t, "SELECT count(), uniqExact(link_id) FROM matches WHERE rule = 'topup_terminal'"); got[0] != cash[0]+"|"+cash[0] || cash[0] == "0" {
			t.Errorf("%s: %s of %s top-ups by cash are matched", name, got[0], cash[0])
		}
		g = newPlayground(t, 300) // each begins with nothing matched
		g.withFiles(t, 300)
	}
	if died != 2 {
		t.Errorf("%d of 2 points killed a run", died)
	}
}
