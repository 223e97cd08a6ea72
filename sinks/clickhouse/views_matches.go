package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// Matches of rows of two systems, and what they change in double_counts. Pure.

// matches are the views of that name: pairs as the rules and people left them.
func (v viewer) matches() []string {
	return v.pair("matches", v.matchesAt)
}

// matchesAt shows a pair to those who may see both of its rows.
func (v viewer) matchesAt(at string) string {
	t := schemas.Matches
	return fmt.Sprintf("SELECT %s, flags\nFROM %s WHERE %s AND %s", v.fields(t, nil, map[string]string{"currency": decimal("amount_minor", "currency") + " AS amount"}),
		v.currentRows(t, at), v.consentedAs("left_source", "left_account"), v.consentedAs("right_source", "right_account"))
}

// someMatch is constant within a query: without a match that changes what counts,
// nothing is looked at for their sake.
func (v viewer) someMatch() string {
	return fmt.Sprintf("(SELECT count() FROM %s.%s WHERE adds = 'double_count' OR state = 'unmatched' OR rule = 'manual') > 0", v.db, rowsTable(schemas.Matches))
}

// pairsThat are current pairs as tuples (left row, right row).
func (v viewer) pairsThat(where, at string) string {
	t := schemas.Matches
	return fmt.Sprintf("(SELECT (toString(left_table), toString(left_source), toString(left_account), left_id) AS a, (toString(right_table), toString(right_source), toString(right_account), right_id) AS b, * FROM %s.%s WHERE %s AND %s AND %s)",
		v.db, rowsTable(t), v.someMatch(), where, v.current(t, at))
}

// undisputed leaves out of the pairs that the view finds itself those that a
// person took apart, and those of which a person gave a row to another: the
// excluded row, or the counted one where its new partner is of the same table.
func (v viewer) undisputed(at string) string {
	const (
		counted  = "(counted_table, counted_source, if(counted_table = 'operations', excluded_account, counted_wallet_id), counted_id)"
		excluded = "(excluded_table, excluded_source, excluded_account, excluded_id)"
	)
	apart, manual := v.pairsThat("state = 'unmatched'", at), v.pairsThat("state = 'matched' AND rule = 'manual'", at)
	return fmt.Sprintf(`((SELECT NOT %[1]s) OR (%[2]s, %[3]s) NOT IN (SELECT a, b FROM %[4]s UNION ALL SELECT b, a FROM %[4]s)
    AND %[3]s NOT IN (SELECT a FROM %[5]s UNION ALL SELECT b FROM %[5]s)
    AND (%[2]s, excluded_table) NOT IN (SELECT a, b.1 FROM %[5]s UNION ALL SELECT b, a.1 FROM %[5]s))`, v.someMatch(), counted, excluded, apart, manual)
}

// matchedTwice are the pairs that matches add: both rows must be what they were,
// spend of today, or nothing is taken off.
func (v viewer) matchedTwice(at string) string {
	return fmt.Sprintf(`SELECT if(rule = 'manual', 0, 2) AS rank, concat('match: ', toString(rule)) AS reason, score / 100 AS score, c.1 AS counted_table, c.2 AS counted_source, if(c.1 = 'ledger', c.3, '') AS counted_wallet_id, c.4 AS counted_id,
    e.1 AS excluded_table, e.2 AS excluded_source, e.3 AS excluded_account, e.4 AS excluded_id, s.day AS business_date, s.own AS provider_code, s.money AS currency, s.amount AS amount_minor
  FROM (SELECT rule, score, currency, if(counted = 'right', b, a) AS c, if(counted = 'right', a, b) AS e FROM %[1]s) AS m
  INNER JOIN %[2]s AS s ON m.e = s.key AND toString(m.currency) = s.money
  WHERE c IN (SELECT key FROM %[2]s UNION ALL SELECT ('ledger', toString(source), toString(wallet_id), entry_id) FROM %[3]s.%[4]s WHERE %[5]s AND %[6]s AND %[7]s)`,
		v.pairsThat("state = 'matched' AND adds = 'double_count' AND counted IN ('left', 'right')", at), v.excludable(at), v.db, rowsTable(schemas.Ledger), v.someMatch(), spendOf(schemas.Ledger), v.current(schemas.Ledger, at))
}

// excludable are rows beside the ledger that add to spend_by_provider, with what
// they add.
func (v viewer) excludable(at string) string {
	t := schemas.Operations
	return fmt.Sprintf(`(SELECT ('operations', toString(source), toString(project_id), operation_id) AS key, business_date AS day, toString(provider_code) AS own, toString(currency) AS money, if(type = 'sale', amount_minor, -amount_minor) AS amount
    FROM %[1]s.%[2]s WHERE %[3]s AND (%[4]s OR %[5]s) AND %[6]s
    UNION ALL SELECT ('bank_entries', toString(source), toString(account_id), entry_id), business_date, own_code, toString(currency), -amount_minor FROM %[7]s WHERE %[3]s)`,
		v.db, rowsTable(t), v.someMatch(), spendOf(t), refundOf(t), v.current(t, at), v.bankSpend(at))
}
