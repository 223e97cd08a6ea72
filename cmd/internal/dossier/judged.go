package dossier

import (
	"fmt"
	"strings"
	"time"
)

// What machine and persons have said of rows: matches with rows of other systems,
// findings, and decisions about either. Pure.

// matched is the condition on matches and decisions for lines that a condition on
// (source, account, id) of either side picks.
func matched(sides string) string {
	return fmt.Sprintf("(left_table = 'ledger' AND (left_source, left_account, left_id) IN %[1]s OR right_table = 'ledger' AND (right_source, right_account, right_id) IN %[1]s)", sides)
}

var (
	matchOrder    = []string{"left_at", "match_id", "left_id", "right_id"}
	findingOrder  = []string{"business_date", "finding_id"}
	decisionOrder = []string{"number"}
)

// EvidenceJudged is what was said of a line.
func EvidenceJudged(e Entry) []Section {
	one := fmt.Sprintf("((%s, %s, %s))", text(e.Source), text(e.Wallet), text(e.ID))
	found := e.wallet() + " AND has(row_ids, " + text(e.ID) + ")"
	return []Section{
		{Path: "matches.jsonl", View: "matches", Where: matched(one), Order: matchOrder},
		{Path: "findings.jsonl", View: "findings", Where: found, Order: findingOrder},
		{Path: "decisions.jsonl", View: "decisions", Where: matched(one) + " OR subject != '' AND subject IN (SELECT finding_id FROM findings WHERE " + found + ")", Order: decisionOrder},
	}
}

// ArchiveJudged is what was said of the transfers of an archive, and of its
// period as a whole: who held it back, signed it off and closed it.
func ArchiveJudged(from, to string, limits map[string]int64) []Section {
	lines := "(SELECT source, wallet_id, entry_id FROM ledger WHERE " + transfers(from, to, limits) + ")"
	// A list of names, because findings are dear and this asks for them once.
	found := "hasAny(arrayMap(x -> concat(toString(source), char(0), toString(wallet_id), char(0), x), row_ids), (SELECT groupArray(concat(toString(source), char(0), toString(wallet_id), char(0), entry_id)) FROM ledger WHERE " + transfers(from, to, limits) + "))"
	return []Section{
		{Path: "matches.csv", View: "matches", Where: matched(lines), Order: matchOrder, Always: true},
		{Path: "findings.csv", View: "findings", Where: found, Order: findingOrder, Always: true},
		{Path: "decisions.csv", View: "decisions", Where: fmt.Sprintf("period IN (%s) OR %s OR subject != '' AND subject IN (SELECT finding_id FROM findings WHERE %s)", periods(from, to), matched(lines), found), Order: decisionOrder, Always: true},
	}
}

// periods are the names of the months and quarters that have days between two.
func periods(from, to string) string {
	names := []string{"'-'"} // of no period; a list cannot be empty, and what has no period is of none
	first, err := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err != nil || err2 != nil {
		return names[0] // no such days: the rows' own condition says so
	}
	quarters := map[string]bool{}
	for m := first.AddDate(0, 0, 1-first.Day()); m.Before(last); m = m.AddDate(0, 1, 0) {
		names = append(names, text(m.Format("2006-01")))
		if q := fmt.Sprintf("%d-Q%d", m.Year(), (int(m.Month())+2)/3); !quarters[q] {
			quarters[q] = true
			names = append(names, text(q))
		}
	}
	return strings.Join(names, ", ")
}
