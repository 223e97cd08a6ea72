package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// Balance chains that do not close. Pure.

// chainSides are the breaks with the row after, which is next, and the row
// before, which is last: (entry, balance, amount, currency, provider, date).
// The row before may belong to the window before and has no name then; it is the
// one of its instant whose balance is what the chain had reached.
func (v viewer) chainSides(at string) string {
	breaks := fmt.Sprintf("(SELECT * FROM (%s) WHERE `table` = '%s' AND %s)", v.chainBreaksAt(at), schemas.Ledger.Name, v.consented())
	near := v.lineRows("source, wallet_id, posted_at AS instant, entry_id, assumeNotNull(balance_after_minor) AS balance, amount_minor, currency, provider_code, business_date",
		fmt.Sprintf("balance_after_minor IS NOT NULL AND (source, wallet_id, posted_at) IN (SELECT source, wallet_id, arrayJoin([from, to]) FROM %s)", breaks), at)
	return fmt.Sprintf(`(SELECT source, wallet_id, state, after_id, before_id, from, to, missing_minor,
      arrayFirst(x -> x.1 = before_id, groupArrayArrayIf(near, instant = to)) AS next,
      if(next.1 = '', toInt128(0), toInt128(next.2) - next.3 - missing_minor) AS reached,
      arrayFirst(x -> if(after_id = '', x.2 = reached, x.1 = after_id), groupArrayArrayIf(near, instant = from)) AS last
    FROM (SELECT *, arrayJoin(arrayDistinct([from, to])) AS instant FROM %s) AS b
    LEFT JOIN (SELECT source, wallet_id, instant, groupArray((entry_id, balance, amount_minor, toString(currency), toString(provider_code), business_date)) AS near FROM %s GROUP BY source, wallet_id, instant) AS n
    USING (source, wallet_id, instant)
    GROUP BY source, wallet_id, state, after_id, before_id, from, to, missing_minor)`, breaks, near)
}

// chainFindings: where the lake has found that a balance does not follow from
// the one before it, with both rows as they are shown.
func (v viewer) chainFindings(at string) []string {
	return []string{v.detect(detected{
		kind: schemas.ChainBreak, parts: []string{"source", "wallet_id", "if(last.1 = '', after_id, last.1)", "before_id", "if(before_id = '', toString(from), '')", "missing_minor"},
		severity: "if(state = 'broken', 'high', 'low')", date: "if(next.1 = '', toDate32(to), next.6)", opened: "to", source: "source", wallet: "wallet_id",
		rows:     "arrayFilter(x -> x != '', [if(last.1 = '', after_id, last.1), before_id])",
		provider: "next.5", currency: "next.4", amount: "missing_minor",
		evidence: [][2]string{{"chain", "state"}, {"row_before", "if(last.1 = '', after_id, last.1)"}, {"before_at", "from"}, {"balance_before_minor", "reached"},
			{"row_after", "before_id"}, {"after_at", "to"}, {"balance_after_minor", "next.2"}, {"amount_minor", "next.3"}, {"missing_minor", "missing_minor"}},
		from: v.chainSides(at)})}
}
