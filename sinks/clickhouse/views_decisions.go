package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// What persons decided. Pure.

// decided are the views of decisions: as they were taken, and how periods stand.
func (v viewer) decided() []string {
	decisions := func(at string) string {
		return v.rows(schemas.Decisions, at, map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"})
	}
	return append(v.pair("decisions", decisions), v.pair("reconciliation", v.reconciliation)...)
}

// reconciliation: one line for each period that somebody decided about, for each
// total that its newest sign-off compared, and for each difference that was
// accepted and is of no such total.
//
//	level period: closed, held, or matched: signed off, and published
//	level total:  matched, accepted (as it is, to the minor unit) or open
//	level finding: accepted
func (v viewer) reconciliation(at string) string {
	t := schemas.Decisions
	who := func(column string) string { return v.forSome("toString("+column+")") + " AS " + quote(column) }
	last := func(column string) string { return "argMax(" + column + ", number) AS " + column }
	const none = "NULL::Nullable(Int64)"
	periods := fmt.Sprintf(`SELECT period, 'period' AS level, '' AS subject, '' AS wallet_id, '' AS provider_code, '' AS category, '' AS currency, '' AS measure,
    %[1]s AS expected_minor, %[1]s AS lake_minor, %[1]s AS warehouse_minor, %[1]s AS difference_minor,
    multiIf(countIf(kind = 'close') > 0, 'closed', hasAny((SELECT groupArray(month) FROM %[2]s), range(any(%[3]s), any(%[4]s))), 'held', 'matched') AS state,
    %[5]s, %[6]s, %[7]s, %[8]s
  FROM d WHERE kind IN ('hold', 'release', 'close') GROUP BY period`,
		none, v.heldMonths(at, newest), firstMonth, afterMonth, last("decided_by"), last("decided_at"), last("reason"), last("snapshot"))
	totals := `SELECT c.period AS period, 'total' AS level, c.subject AS subject, toString(c.about_wallet) AS wallet_id, toString(c.about_provider) AS provider_code, toString(c.about_category) AS category,
    toString(c.currency) AS currency, toString(c.measure) AS measure, c.expected_minor AS expected_minor, c.lake_minor AS lake_minor, c.warehouse_minor AS warehouse_minor, c.amount_minor AS difference_minor,
    multiIf(c.amount_minor = 0 AND c.lake_minor = c.warehouse_minor AND ifNull(c.amount_rows, 0) = 0, 'matched', a.number > 0, 'accepted', 'open') AS state,
    if(a.number > 0, a.decided_by, c.decided_by) AS decided_by, if(a.number > 0, a.decided_at, c.decided_at) AS decided_at, if(a.number > 0, a.reason, c.reason) AS reason, greatest(c.snapshot, a.snapshot) AS snapshot
  FROM compared AS c LEFT JOIN accepted AS a ON a.subject = c.subject AND a.amount_minor = c.amount_minor AND a.amount_rows IS NOT DISTINCT FROM c.amount_rows`
	findings := `SELECT period, 'finding' AS level, subject, toString(about_wallet) AS wallet_id, toString(about_provider) AS provider_code, toString(about_category) AS category, toString(currency) AS currency, toString(measure) AS measure,
    expected_minor, lake_minor, warehouse_minor, amount_minor AS difference_minor, 'accepted' AS state, decided_by, decided_at, reason, snapshot
  FROM accepted WHERE subject NOT IN (SELECT subject FROM compared)`
	return fmt.Sprintf(`WITH
  d AS (SELECT * FROM %[1]s.%[2]s WHERE %[3]s),
  compared AS (SELECT * FROM d WHERE kind = 'compare' ORDER BY number DESC LIMIT 1 BY period, subject),
  accepted AS (SELECT * FROM (SELECT * FROM d WHERE kind IN ('accept', 'explain', 'confirm') ORDER BY number DESC LIMIT 1 BY subject) WHERE kind = 'accept')
SELECT period, level, subject, wallet_id, provider_code, category, currency, measure, expected_minor, lake_minor, warehouse_minor, difference_minor, state,
  %[4]s, decided_at, %[5]s, snapshot
FROM (%[6]s
  UNION ALL
  %[7]s
  UNION ALL
  %[8]s) SETTINGS join_use_nulls = 0`, v.db, rowsTable(t), v.current(t, at), who("decided_by"), who("reason"), periods, totals, findings)
}
