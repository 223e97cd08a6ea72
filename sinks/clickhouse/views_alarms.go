package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
)

// Checks as SQL: the view alarms and the flags of rows. Pure. Nothing is stored:
// an alarm is a visible row for which a check does not hold, so it follows
// corrections, retractions and time travel by itself. A check that rejects is
// here, too: its alarms are rows that were there before the check was.

// alarms: one line per row and check, and one without a row_id per check of a
// whole table. id stays the same as long as the row, its content and the check do.
func (v viewer) alarms(at string) string {
	var parts []string
	for _, c := range v.allChecks() {
		switch r := c.Rule.(type) {
		case schemas.Chain:
			parts = append(parts, v.brokenChains(c, at))
		case schemas.Freshness:
			parts = append(parts, v.stale(c, r, at))
		case schemas.Volume:
			parts = append(parts, v.unusual(c, r, at))
		default:
			parts = append(parts, v.alarm(c, at))
		}
	}
	return "SELECT lower(hex(sipHash128(check_name, source, `table`, wallet_id, row_id, row_hash))) AS id, * EXCEPT (row_hash) FROM (\n" +
		strings.Join(parts, "\nUNION ALL\n") + ")"
}

// allChecks: those of every user where nobody has said which. A field that a
// pipeline keeps is a column with the first row that came with it.
func (v viewer) allChecks() []schemas.Check {
	all := v.checks
	if all == nil {
		all = schemas.Checks()
	}
	return slices.DeleteFunc(slices.Clone(all), func(c schemas.Check) bool {
		t, ok := schemas.ByName(c.Table)
		there := func(column string) bool {
			return column == "" || t.Has(column) || slices.Contains(v.kept[t.Name], column)
		}
		return !ok || !there(c.Field) || slices.ContainsFunc(c.When, func(w schemas.Condition) bool { return !there(w.Column) })
	})
}

// line is one SELECT of alarms.
type line struct {
	check                      schemas.Check
	source, wallet, row, field string
	observed, expected         string
	amount, currency           string
	date, snapshot, hash, from string
}

func (l line) sql() string {
	return fmt.Sprintf("SELECT %s AS check_name, %s AS severity, %s AS source, %s AS `table`, %s AS wallet_id, %s AS row_id, %s AS field, "+
		"%s AS observed, %s AS expected, %s AS amount_minor, %s AS currency, %s AS business_date, %s AS snapshot, %s AS detail, %s AS row_hash FROM %s",
		literal(l.check.Name), literal(string(l.check.Severity)), l.source, literal(l.check.Table), l.wallet, l.row, literal(l.field),
		l.observed, l.expected, l.amount, l.currency, l.date, l.snapshot, literal(l.check.Doc), l.hash, l.from)
}

const noAmount = "CAST(NULL, 'Nullable(Int64)')"

func (v viewer) alarm(c schemas.Check, at string) string {
	t, _ := schemas.ByName(c.Table)
	l := line{check: c, source: "toString(source)", wallet: "''", row: rowName(t), field: c.Field, amount: noAmount, currency: "''",
		date: dateOf(t), snapshot: "snapshot", hash: "row_hash"}
	if t.Has("wallet_id") {
		l.wallet = "toString(wallet_id)"
	}
	if t.Amount != "" {
		l.amount, l.currency = "toNullable("+quote(t.Amount)+")", "toString("+quote(t.Currency)+")"
	}
	l.observed, l.expected = v.saw(c)
	if slices.Contains(embedded.Hidden[c.Table], c.Field) {
		l.observed = v.forSome(l.observed)
	}
	l.from = fmt.Sprintf("%s.%s WHERE %s AND %s", v.db, rowsTable(t), v.current(t, at), v.broken(c, at))
	return l.sql()
}

// dateOf is the day that a row belongs to; that of catalogues is the first of all.
func dateOf(t *schemas.Table) string {
	if t.Has("business_date") {
		return "business_date"
	}
	return "toDate32('1970-01-01')"
}

// rowName is what a person calls a row: the last column of its key.
func rowName(t *schemas.Table) string { return "toString(" + quote(t.Key[len(t.Key)-1]) + ")" }

// broken is the condition under which a check of single rows does not hold.
func (v viewer) broken(c schemas.Check, at string) string {
	parts := v.about(c)
	for _, w := range c.When {
		parts = append(parts, fmt.Sprintf("%s IN (%s)", quote(w.Column), texts(w.Among)))
	}
	return "(" + strings.Join(append(parts, v.breaks(c, at)), " AND ") + ")"
}

// about picks the sources that a check is about.
func (v viewer) about(c schemas.Check) (parts []string) {
	if c.Source != "" {
		parts = append(parts, "source = "+literal(c.Source))
	}
	if len(c.Except) > 0 {
		parts = append(parts, "source NOT IN ("+texts(c.Except)+")")
	}
	return parts
}

// flags lists the names of a table's checks that do not hold for a row. It
// belongs where the columns are the row's own, before aliases and catalogues.
func (v viewer) flags(t *schemas.Table, at string) string {
	var list []string
	for _, c := range schemas.ChecksOf(t.Name, v.allChecks()) {
		list = append(list, fmt.Sprintf("if(%s, %s, '')", v.broken(c, at), literal(c.Name)))
	}
	if len(list) == 0 {
		return "CAST([], 'Array(String)') AS flags"
	}
	return "arrayFilter(name -> name != '', [" + strings.Join(list, ", ") + "]) AS flags"
}

func texts(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = literal(s)
	}
	return strings.Join(quoted, ", ")
}
