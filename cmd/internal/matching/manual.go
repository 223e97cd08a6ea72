package matching

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/cmd/internal/decisions"
	"github.com/paylake/paylake/cmd/internal/match"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// found is a row that a decision names, as the warehouse shows it: its amount
// without a sign, and whether its money moved.
type found struct {
	match.Fact
	moved bool
}

// looked are the tables whose rows people can match, and how a row of theirs is
// looked up. Tables are queried by id and sorted out here: an id alone is not a
// key.
var looked = map[string]string{
	"ledger":         "SELECT toString(source) AS src, toString(wallet_id) AS account, entry_id AS id, toString(currency) AS cur, amount_minor AS amount, toUnixTimestamp64Micro(posted_at) AS at, toInt32(business_date) AS day, status != 'pending' AS moved FROM ledger WHERE entry_id IN (%s)",
	"operations":     "SELECT toString(source) AS src, toString(project_id) AS account, operation_id AS id, toString(currency) AS cur, amount_minor AS amount, toUnixTimestamp64Micro(created_at) AS at, toInt32(business_date) AS day, status = 'success' AS moved FROM operations WHERE operation_id IN (%s)",
	"funding_events": "SELECT toString(source) AS src, toString(wallet_id) AS account, event_id AS id, toString(currency) AS cur, amount_minor AS amount, toUnixTimestamp64Micro(occurred_at) AS at, toInt32(business_date) AS day, status = 'completed' AS moved FROM funding_events WHERE event_id IN (%s)",
	"bank_entries":   "SELECT toString(source) AS src, toString(account_id) AS account, entry_id AS id, toString(currency) AS cur, amount_minor AS amount, toUnixTimestamp64Micro(booked_at) AS at, toInt32(business_date) AS day, status = 'booked' AS moved FROM bank_entries WHERE entry_id IN (%s)",
}

// atOnce is how many ids one query names.
const atOnce = 2000

// lookUp finds rows by their keys; one that is not shown is not among them.
func lookUp(ctx context.Context, w Warehouse, q clickhouse.Query, keys []match.Key) (map[match.Key]*found, error) {
	ids := map[string][]string{}
	for _, k := range keys {
		ids[k.Table] = append(ids[k.Table], k.ID)
	}
	out := map[match.Key]*found{}
	for table, list := range ids {
		sql, ok := looked[table]
		if !ok {
			continue
		}
		slices.Sort(list)
		for some := range slices.Chunk(slices.Compact(list), atOnce) {
			text := "SELECT toInt32(0) AS side, '' AS class, toInt64(moved) AS total, " + literals([]string{table}) + " AS tab, src, account, id, cur, toInt64(amount) AS amount, 0::Int64 AS fee, toInt64(at) AS at, toInt32(0) AS dated, day, '' AS person, '' AS provider, '' AS grp FROM (" + fmt.Sprintf(sql, literals(some)) + ")"
			d := decoder{words: map[string]string{}}
			err := w.Records(ctx, text, q, func(rec arrow.Record) error {
				return d.each(rec, func(e match.Entry) error {
					f := &found{*e.Fact, e.Sum != 0}
					f.Amount = max(f.Amount, -f.Amount)
					out[f.Key] = f
					return nil
				})
			})
			if err != nil {
				return nil, fmt.Errorf("look up rows of %s: %w", table, err)
			}
		}
	}
	return out, nil
}

func keyOf(r decisions.Row) match.Key { return match.Key(r) }

// Pair is a pair of rows in the order in which decisions name them: the table
// whose rows count first goes first.
func Pair(a, b match.Key) (left, right match.Key) {
	if c := cmp.Or(cmp.Compare(rank[a.Table], rank[b.Table]), cmp.Compare(a.String(), b.String())); c > 0 {
		return b, a
	}
	return a, b
}

// inForce are the decisions about pairs that no later one replaced, in order.
func inForce(so *decisions.Ledger) (made, apart []decisions.Decision) {
	last := map[[2]decisions.Row]int{}
	for i := range so.List {
		if d := &so.List[i]; d.Kind == decisions.Match || d.Kind == decisions.Unmatch {
			last[[2]decisions.Row{d.Left, d.Right}] = i
		}
	}
	for i := range so.List {
		d := so.List[i]
		if at, ok := last[[2]decisions.Row{d.Left, d.Right}]; !ok || at != i {
			continue
		}
		if d.Kind == decisions.Match {
			made = append(made, d)
		} else {
			apart = append(apart, d)
		}
	}
	return made, apart
}

// manual is what people decided, as far as it holds: rows are there, and their
// amounts are still the same money.
type manual struct {
	links []link
	bound map[[2]string][]match.Key // by the tables of a pair
	never map[[2]match.Key]bool
}

// decidedBy turns decisions into links.
func decidedBy(ctx context.Context, w Warehouse, q clickhouse.Query, so *decisions.Ledger) (manual, error) {
	m := manual{bound: map[[2]string][]match.Key{}, never: map[[2]match.Key]bool{}}
	made, apart := inForce(so)
	var keys []match.Key
	for _, d := range slices.Concat(made, apart) {
		keys = append(keys, keyOf(d.Left), keyOf(d.Right))
	}
	if len(keys) == 0 {
		return m, nil
	}
	rows, err := lookUp(ctx, w, q, keys)
	if err != nil {
		return m, err
	}
	for _, d := range apart {
		l, r := keyOf(d.Left), keyOf(d.Right)
		m.never[[2]match.Key{l, r}] = true
		if rows[l] != nil && rows[r] != nil {
			m.links = append(m.links, linkOf(d, rows[l], rows[r], "unmatched", "1:1", 0, "mat_"+d.ID[4:]))
		}
	}
	for _, group := range together(made) {
		m.add(group, rows)
	}
	return m, nil
}

// together collects pairs that share a row within two tables.
func together(made []decisions.Decision) [][]decisions.Decision {
	type end struct {
		row    decisions.Row
		tables [2]string
	}
	of := map[end]int{}
	var groups [][]decisions.Decision
	for _, d := range made {
		tables := [2]string{d.Left.Table, d.Right.Table}
		l, r := end{d.Left, tables}, end{d.Right, tables}
		n, ok := of[l]
		if !ok {
			n, ok = of[r]
		}
		if !ok {
			n = len(groups)
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], d)
		of[l], of[r] = n, n
	}
	return groups
}

// add states one match of people, if it still is the same money on both sides.
func (m *manual) add(group []decisions.Decision, rows map[match.Key]*found) {
	left, right := map[match.Key]*found{}, map[match.Key]*found{}
	for _, d := range group {
		l, r := rows[keyOf(d.Left)], rows[keyOf(d.Right)]
		if l == nil || r == nil {
			return
		}
		left[l.Key], right[r.Key] = l, r
	}
	if Fits(slices.Collect(maps.Values(left)), slices.Collect(maps.Values(right))) != nil {
		return
	}
	shape := "1:1"
	switch {
	case len(left) > 1:
		shape = "n:1"
	case len(right) > 1:
		shape = "1:n"
	}
	id := "mat_" + group[0].ID[4:]
	for _, d := range group {
		l, r := rows[keyOf(d.Left)], rows[keyOf(d.Right)]
		m.links = append(m.links, linkOf(d, l, r, "matched", shape, 100, id))
		tables := [2]string{d.Left.Table, d.Right.Table}
		m.bound[tables] = append(m.bound[tables], l.Key, r.Key)
	}
}

// decidedFor is what people decided about rows of a rule.
func (m *manual) decidedFor(r *Rule) match.Decided {
	a, b := TableOf(r.Left), TableOf(r.Right)
	return match.Decided{Bound: slices.Concat(m.bound[[2]string{a, b}], m.bound[[2]string{b, a}]), Never: m.never}
}
