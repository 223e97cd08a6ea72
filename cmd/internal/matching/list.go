package matching

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/sinks/clickhouse"
)

// Listed is a pair as it is listed.
type Listed struct {
	Match    string `json:"match_id"`
	Rule     string `json:"rule"`
	State    string `json:"state"`
	Shape    string `json:"shape"`
	Score    string `json:"score"` // points
	Reasons  string `json:"reasons"`
	Left     string `json:"left"`
	Right    string `json:"right"`
	Date     string `json:"business_date"`
	Currency string `json:"currency"`
	Minor    string `json:"amount_minor"`
	Fee      string `json:"difference_minor"`
	Decision string `json:"decision_id"`
}

// Open is a row that a rule looked at and that has no partner.
type Open struct {
	Rule     string `json:"rule"`
	Side     string `json:"side"`
	Row      string `json:"row"`
	At       string `json:"at"`
	AgeDays  int64  `json:"age_days"`
	Currency string `json:"currency"`
	Minor    string `json:"amount_minor"`
	Doubtful bool   `json:"ambiguous"` // it has partners that are equally good
	Why      string `json:"why"`       // in words: what is looked for, or why nothing was chosen
}

// List is what `paylake match list` shows.
type List struct {
	Snapshot int64            `json:"snapshot"`
	Pairs    []Listed         `json:"pairs"`
	Unlisted int64            `json:"unlisted"` // pairs beyond
	Open     []Open           `json:"open,omitempty"`
	OpenRows map[string]int64 `json:"open_rows,omitempty"` // by rule and side
}

// Days bounds business dates, the second one excluded; empty: no bound.
type Days struct{ From, To string }

func (d Days) where(column string) string {
	if d.From == "" {
		return "1"
	}
	return fmt.Sprintf("%[1]s >= toDate32('%[2]s') AND %[1]s < toDate32('%[3]s')", column, d.From, d.To)
}

const nameOfLeft, nameOfRight = "concat(toString(left_table), ':', toString(left_source), ':', left_account, ':', left_id)", "concat(toString(right_table), ':', toString(right_source), ':', right_account, ':', right_id)"

// ListPairs lists at most so many pairs, or ambiguous ones, and counts the others.
func ListPairs(ctx context.Context, w Warehouse, q clickhouse.Query, days Days, ambiguous bool, most int) (out List, err error) {
	which := days.where("business_date")
	if ambiguous {
		which += " AND state = 'ambiguous'"
	}
	out = List{Snapshot: q.Snapshot, Pairs: []Listed{}}
	sql := fmt.Sprintf("SELECT match_id, toString(rule), toString(state), toString(shape), toString(score), reasons, %s, %s, toString(business_date), toString(currency), toString(amount_minor), toString(difference_minor), decision_id, toString(count() OVER ()) FROM matches WHERE %s ORDER BY business_date, match_id, left_id, right_id LIMIT %d",
		nameOfLeft, nameOfRight, which, max(most, 1))
	err = texts(ctx, w, sql, q, func(v []string) {
		all := int64(0)
		_, _ = fmt.Sscan(v[13], &all)
		if out.Unlisted = all - int64(most); len(out.Pairs) < most {
			out.Pairs = append(out.Pairs, Listed{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12]})
		}
	})
	out.Unlisted = max(out.Unlisted, 0)
	return out, err
}

// Ambiguous counts the matches of some days of which several are equally good.
func Ambiguous(ctx context.Context, w Warehouse, q clickhouse.Query, days Days) (n int64, err error) {
	sql := "SELECT toString(uniqExact(match_id)) FROM matches WHERE state = 'ambiguous' AND " + days.where("business_date")
	err = texts(ctx, w, sql, q, func(v []string) { _, _ = fmt.Sscan(v[0], &n) })
	return n, err
}

// ListOpen adds rows without a partner, the newest first and at most so many in
// all; every rule and side is counted.
func (l *List) ListOpen(ctx context.Context, w Warehouse, q clickhouse.Query, rules []Rule, days Days, most int, now time.Time) error {
	l.OpenRows, l.Open = map[string]int64{}, []Open{}
	for i := range rules {
		r := &rules[i]
		if r.Left == r.Right {
			continue // each source has what the other has not
		}
		for side, kind := range []string{r.Left, r.Right} {
			sources := [][]string{r.LeftSources, r.RightSources}[side]
			if err := l.openOf(ctx, w, q, r, []string{"left", "right"}[side], kinds[kind].query(sources, r.Merchants), days, most, now); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(l.Open, func(a, b Open) int { return cmp.Or(strings.Compare(b.At, a.At), strings.Compare(a.Row, b.Row)) })
	l.Open = l.Open[:min(most, len(l.Open))]
	return nil
}

func (l *List) openOf(ctx context.Context, w Warehouse, q clickhouse.Query, r *Rule, side, rows string, days Days, most int, now time.Time) error {
	key := "(tab, src, account, id)"
	in := func(states string) string {
		sides := func(s string) string {
			return fmt.Sprintf("SELECT (toString(%[1]s_table), toString(%[1]s_source), %[1]s_account, %[1]s_id) FROM matches WHERE state = %[2]s AND rule IN (%[3]s)", s, states, literals([]string{r.Name, Manual}))
		}
		return key + " IN (" + sides("left") + " UNION ALL " + sides("right") + ")"
	}
	sql := fmt.Sprintf("SELECT concat(tab, ':', src, ':', account, ':', id), toString(at), cur, toString(amount), toString(toInt32(%s)), toString(count() OVER ()) FROM (%s) WHERE NOT (%s) AND %s ORDER BY at DESC, id LIMIT %d",
		in("'ambiguous'"), rows, in("'matched'"), days.where("toDate32(day)"), max(most, 1))
	listed := 0
	return texts(ctx, w, sql, q, func(v []string) {
		var at, all int64
		_, _ = fmt.Sscan(v[1], &at)
		_, _ = fmt.Sscan(v[5], &all)
		l.OpenRows[r.Name+" "+side] = all
		if listed++; listed <= most {
			when := time.UnixMicro(at).UTC()
			one := Open{Rule: r.Name, Side: side, Row: v[0], At: when.Format(time.RFC3339), AgeDays: int64(now.Sub(when) / day), Currency: v[2], Minor: v[3], Doubtful: v[4] == "1"}
			one.Why = r.waits(side, one.Doubtful, now.Sub(when))
			l.Open = append(l.Open, one)
		}
	})
}

// waits says why a row of a rule has no partner.
func (r *Rule) waits(side string, several bool, age time.Duration) string {
	other, reach := r.Right, r.After
	if side == "right" {
		other, reach = r.Left, r.Before
	}
	if r.NeedReference {
		reach = r.Related
	}
	switch {
	case several:
		return "several " + other + " are equally good: paylake match"
	case age <= reach:
		return "no " + other + " yet; it may still come"
	}
	return "no " + other + " within the window"
}

// texts hands out rows of a query whose columns are all texts.
func texts(ctx context.Context, w Warehouse, sql string, q clickhouse.Query, each func([]string)) error {
	return w.Records(ctx, sql, q, func(rec arrow.Record) error {
		values := make([]string, rec.NumCols())
		for i := range int(rec.NumRows()) {
			for n := range values {
				column, ok := rec.Column(n).(*array.String)
				if !ok {
					return fmt.Errorf("column %d is %s and no text", n+1, rec.Column(n).DataType())
				}
				values[n] = strings.Clone(column.Value(i))
			}
			each(values)
		}
		return nil
	})
}
