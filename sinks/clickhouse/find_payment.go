package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// Payments made here: the register, the platform's operations and the wallets'
// statements. Pure.
//
// The daily check knows more than the warehouse (which payments came of links,
// and what the platform's own list has confirmed), so it alone speaks of payments
// that nobody ordered. What the warehouse knows is told here, without a clock:
// how late it is is up to when the platform's list is complete.

// Differences that the wallets' statements show, as evidence names them.
const (
	ChargedAnyway = "charged anyway"               // a statement has the payment, which was not made
	LedgerAmount  = "another amount in the ledger" // a statement has it with another amount
	NotInLedger   = "not in the ledger"            // it was made, and no statement has it
)

// overdue is how long a payment may be undecided after the platform should have
// decided, in seconds; settling is how long a statement may take to show it.
const (
	overdue  = 75 * 60
	settling = 72 * 3600
)

// comparedPayments are the payments with their sales and statement rows.
func (v viewer) comparedPayments(at string) string {
	sales := fmt.Sprintf(`(SELECT source AS sold_source, payment_id AS sold_payment, countIf(status = 'success') AS times, minIf((coalesce(completed_at, created_at), amount_minor, toString(currency), operation_id), status = 'success') AS sold,
      arraySort(groupArrayIf(operation_id, status = 'success')) AS operations, countIf(status IN ('reversed', 'partially reversed', 'refunded', 'partially refunded')) AS undone FROM %s GROUP BY source, payment_id)`,
		v.rowsOf(schemas.Operations, "*", "type = 'sale' AND startsWith(payment_id, 'pl_')", at))
	paid := fmt.Sprintf(`(SELECT payment_id AS line_payment, groupArray((toString(l.source), toString(l.wallet_id), l.entry_id, -l.amount_minor, toString(l.currency), l.posted_at, toString(l.status))) AS lines
      FROM (SELECT payment_id, arrayJoin(arrayFilter(x -> x != '', [payment_id, operation_id])) AS named FROM (%s)) AS i
      INNER JOIN %s AS l ON i.named = l.external_reference GROUP BY payment_id)`, v.intentsNow(at),
		v.lineRows("source, wallet_id, entry_id, amount_minor, currency, posted_at, status, external_reference", "external_reference != '' AND type = 'bill_pay' AND amount_minor < 0 AND status IN ('posted', 'reversed')", at))
	listed := fmt.Sprintf("(SELECT source AS listed_source, max(complete_through) AS listed_through FROM (%s) WHERE `table` = 'operations' GROUP BY source)", v.completenessAt(at))
	shown := "0 AS shown_through"
	if source := v.thresholds().Payments; source != "" {
		shown = fmt.Sprintf("(SELECT min(complete_through) FROM (%s) WHERE `table` = 'ledger' AND source = %s) AS shown_through", v.completenessAt(at), literal(source))
	}
	return fmt.Sprintf(`(SELECT i.*, times, sold, operations, undone, lines, arrayFilter(x -> x.7 = 'posted', lines) AS posted, listed_through, %s
    FROM (%s) AS i LEFT JOIN %s AS o ON i.source = o.sold_source AND i.payment_id = o.sold_payment LEFT JOIN %s AS l ON i.payment_id = l.line_payment LEFT JOIN %s AS c ON i.source = c.listed_source SETTINGS join_use_nulls = 0)`,
		shown, v.intentsNow(at), sales, paid, listed)
}

func (v viewer) paymentFindings(at string) []string {
	late := func(instant string, seconds int) string {
		return fmt.Sprintf("listed_through > addSeconds(%s, %d)", instant, seconds)
	}
	unheard := "0"
	if v.thresholds().Payments != "" {
		unheard = fmt.Sprintf("status = 'success' AND empty(lines) AND settled_at IS NOT NULL AND shown_through > addSeconds(assumeNotNull(settled_at), %d)", settling)
	}
	kinds := [][2]string{
		{"paid twice", "times > 1"},
		{"listed anyway", "times > 0 AND status != 'success' AND (status NOT IN ('accepted', 'unknown', 'sending') OR " + late("sold.1", overdue) + ")"},
		{"another amount", "times > 0 AND (sold.2 != amount_minor OR sold.3 != toString(currency))"},
		{"not listed", "times = 0 AND undone = 0 AND status = 'success' AND told IN ('', 'success') AND settled_at IS NOT NULL AND " + late("assumeNotNull(settled_at)", 0)},
		{"undecided", "times = 0 AND status IN ('accepted', 'unknown') AND sent_at IS NOT NULL AND " + late("assumeNotNull(sent_at)", overdue)},
		{ChargedAnyway, "notEmpty(posted) AND times = 0 AND status IN ('decline', 'withdrawn', 'draft', 'approved')"},
		{LedgerAmount, "arrayExists(x -> x.5 = toString(currency) AND x.4 != amount_minor, posted)"},
		{NotInLedger, unheard},
	}
	choice, any := "", ""
	for i, k := range kinds {
		if i > 0 {
			choice, any = choice+", ", any+" OR "
		}
		choice, any = choice+"if("+k[1]+", "+literal(k[0])+", '')", any+"("+k[1]+")"
	}
	return []string{v.detect(detected{
		kind: schemas.PaymentDifference, parts: []string{"difference", "payment_id"}, severity: "'high'", date: "business_date", opened: "coalesce(settled_at, sent_at, changed_at)", source: "source", account: "project_id",
		rows:     "arrayConcat([payment_id], operations, arrayMap(x -> x.3, lines))",
		provider: "provider_code", currency: "currency", amount: "amount_minor",
		evidence: [][2]string{{"difference", "difference"}, {"status", "status"}, {"ordered_minor", "amount_minor"}, {"times_listed", "times"}, {"listed_minor", "if(times > 0, toString(sold.2), '')"}, {"listed_currency", "if(times > 0, sold.3, '')"},
			{"ledger_minor", "if(empty(posted), '', toString(posted[1].4))"}, {"ledger_row", "if(empty(lines), '', lines[1].3)"}, {"listed_through", "listed_through"}},
		from: fmt.Sprintf("(SELECT *, arrayJoin(arrayFilter(x -> x != '', [%s])) AS difference FROM %s WHERE %s)", choice, v.comparedPayments(at), any)})}
}
