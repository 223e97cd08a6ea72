package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// The platform's balance: opening + signed positions = closing. Pure.

// edge is how many seconds around a reading a position may be on either side of
// it: completion is told in whole seconds, and by another clock.
const edge = 5

// positions are what moves the platform's balance: what operations take and
// give, their fees, and chargebacks, which come back when they are won.
func (v viewer) positions(at string) string {
	fees, disputes := schemas.OperationFees, schemas.Chargebacks
	return fmt.Sprintf(`(SELECT source, toString(currency) AS money, assumeNotNull(completed_at) AS moment, if(type IN %s OR type = %s, 1, -1) * toInt128(amount_minor) AS moves FROM %s
    UNION ALL SELECT source, toString(fee_currency), assumeNotNull(completed_at), -toInt128(fee_minor) FROM %s
    UNION ALL SELECT source, toString(currency), turn.1, turn.2 * toInt128(amount_minor)
      FROM (SELECT *, arrayJoin(if(status = 'won' AND updated_at IS NOT NULL, [(created_at, -1), (assumeNotNull(updated_at), 1)], [(created_at, -1)])) AS turn FROM %s))`,
		takes, retake, v.rowsOf(schemas.Operations, "*", "status = 'success' AND completed_at IS NOT NULL AND (type IN "+takes+" OR type IN "+gives+" OR type IN ("+retake+", 'payout'))", at),
		v.rowsOf(fees, "*", "status = 'success' AND completed_at IS NOT NULL AND fee_minor != 0", at), v.rowsOf(disputes, "*", "1", at))
}

// pspReadings compare every reading of a platform's balance in one currency with
// the one before: the names under which the platform keeps it are added up. Only
// readings count between which operations and fees are completely read.
func (v viewer) pspReadings(at string) string {
	t := schemas.PSPBalances
	readings := fmt.Sprintf("(SELECT source, toString(currency) AS money, observed_at AS moment, sum(toInt128(amount_minor)) AS balance, arraySort(groupArray(toString(name))) AS names, any(business_date) AS day FROM %s GROUP BY source, money, moment)",
		v.rowsOf(t, "*", "1", at))
	read := fmt.Sprintf("(SELECT source, max(since) AS since, min(through) AS through FROM (SELECT source, `table`, min(assumeNotNull(window_from)) AS since FROM %[1]s WHERE window_from IS NOT NULL AND `table` IN (%[3]s) GROUP BY source, `table`) AS a INNER JOIN (SELECT source, `table`, complete_through AS through FROM (%[2]s)) AS b USING (source, `table`) GROUP BY source HAVING count() >= 2 AND countIf(`table` = 'chargebacks') = 0 OR count() = 3)",
		v.partsAt(at), v.completenessAt(at), "'operations', 'operation_fees', 'chargebacks'")
	events := fmt.Sprintf(`(SELECT source, money, moment, toInt8(1) AS step, moves, 0 AS reading, toInt128(0) AS balance, CAST([], 'Array(String)') AS names, toDate32(0) AS day FROM %s
      UNION ALL SELECT source, money, addSeconds(moment, mark), if(mark = %[3]d, 2, if(mark = 0, 3, 0)), toInt128(0), 1, balance, names, day FROM %[2]s ARRAY JOIN [-%[3]d, 0, %[3]d] AS mark)`, v.positions(at), readings, edge)
	// total is the running position; options are the positions that may have held
	// when the platform answered: those of the seconds around the reading.
	sums := fmt.Sprintf(`(SELECT *, groupArray(total) OVER (PARTITION BY source, money ORDER BY toUnixTimestamp64Micro(moment) RANGE BETWEEN %d PRECEDING AND CURRENT ROW) AS options
      FROM (SELECT *, sum(moves) OVER (PARTITION BY source, money ORDER BY moment, step ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS total FROM %s))`, 2*edge*1_000_000, events)
	marks := fmt.Sprintf(`(SELECT source, money, if(step = 0, addSeconds(moment, %[1]d), if(step = 2, addSeconds(moment, -%[1]d), moment)) AS instant, any(balance) AS closing, any(names) AS named, any(day) AS business_date,
      maxIf(total, step = 3) AS position, groupArrayArrayIf(options, step = 2) AS options
      FROM %[2]s WHERE reading = 1 GROUP BY source, money, instant)`, edge, sums)
	return fmt.Sprintf(`(SELECT *, closing - opening - (position - positions_before) AS difference,
      NOT hasAny(arrayMap(x -> closing - x, options), arrayMap(x -> opening - x, options_before)) AS differs
    FROM (SELECT *, lagInFrame(instant) OVER w AS before, lagInFrame(closing) OVER w AS opening, lagInFrame(named) OVER w AS named_before, lagInFrame(position) OVER w AS positions_before,
        lagInFrame(options) OVER w AS options_before, row_number() OVER w AS nth
      FROM %s WINDOW w AS (PARTITION BY source, money ORDER BY instant ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS r
    INNER JOIN %s AS c USING (source)
    WHERE nth > 1 AND named = named_before AND before >= since AND addSeconds(instant, %d) <= through)`, marks, read, edge)
}

func (v viewer) pspFindings(at string) []string {
	return []string{v.detect(detected{
		kind: schemas.PSPBalance, parts: []string{"source", "money", "before", "instant", "difference"}, severity: "'medium'", date: "business_date", opened: "instant",
		source: "source", account: "arrayStringConcat(named, ', ')", rows: "[toString(before), toString(instant)]", currency: "money", amount: "difference",
		evidence: [][2]string{{"read_before_at", "before"}, {"read_at", "instant"}, {"opening_minor", "opening"}, {"positions_minor", "position - positions_before"}, {"closing_minor", "closing"}, {"expected_minor", "opening + position - positions_before"}, {"difference_minor", "difference"}},
		from:     fmt.Sprintf("%s WHERE differs AND difference != 0", v.pspReadings(at))})}
}
