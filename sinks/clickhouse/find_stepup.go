package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Payments that should have been signed for. Pure.

// late is how far the clocks of statement and events may disagree, in seconds.
const late = 300

// stepUpFindings: nothing is missing that has not been read, so only rows count
// whose wallet's events are complete from before the row to after it.
func (v viewer) stepUpFindings(at string) []string {
	limits := v.thresholds().StepUp
	if len(limits) == 0 {
		return nil
	}
	var high []string
	for _, currency := range slices.Sorted(maps.Keys(limits)) {
		high = append(high, fmt.Sprintf("currency = %s AND amount_minor <= %d", literal(currency), -limits[currency]))
	}
	signed := v.assuranceRows(at, "source, wallet_id, ledger_id", "event = 'step_up_completed' AND ledger_id != ''")
	rows := v.lineRows("source, wallet_id, entry_id, posted_at, business_date, session_id, provider_code, currency, type, amount_minor",
		fmt.Sprintf("type IN ('bill_pay', 'transfer_out') AND status != 'pending' AND (%s) AND (source, wallet_id, entry_id) NOT IN %s", strings.Join(high, " OR "), signed), at)
	sessions := strings.TrimSuffix(v.assuranceRows(at, "source, wallet_id, session_id, min(occurred_at) AS signed_at, toUInt8(1) AS signed", "event = 'step_up_completed' AND ledger_id = '' AND session_id != ''"), ")") + " GROUP BY source, wallet_id, session_id)"
	read := fmt.Sprintf("(SELECT source, wallet_id, min(assumeNotNull(window_from)) AS since FROM %s WHERE `table` = '%s' AND window_from IS NOT NULL GROUP BY source, wallet_id)", v.partsAt(at), schemas.AssuranceEvents.Name)
	complete := fmt.Sprintf("(SELECT source, wallet_id, complete_through FROM (%s) WHERE `table` = '%s')", v.completenessAt(at), schemas.AssuranceEvents.Name)
	return []string{v.detect(detected{
		kind: schemas.StepUpMissing, parts: []string{"source", "wallet_id", "entry_id"},
		severity: fmt.Sprintf("if(-toInt128(amount_minor) >= 10 * toInt128OrZero(%s), 'high', 'medium')", limitOf(limits, "currency")),
		date:     "business_date", opened: "posted_at", source: "source", wallet: "wallet_id", rows: "[entry_id]", provider: "provider_code", currency: "currency", amount: "-amount_minor",
		evidence: [][2]string{{"type", "type"}, {"amount_minor", "-amount_minor"}, {"limit_minor", limitOf(limits, "currency")}, {"session_id", "session_id"}, {"signed_in_session_at", "if(signed = 1, toString(signed_at), '')"}, {"events_complete_through", "complete_through"}},
		from: fmt.Sprintf("(SELECT * FROM %s AS r INNER JOIN %s AS f USING (source, wallet_id) INNER JOIN %s AS c USING (source, wallet_id) LEFT JOIN %s AS s USING (source, wallet_id, session_id)\n  WHERE posted_at >= since AND posted_at <= complete_through - toIntervalSecond(%d) AND NOT (signed = 1 AND signed_at <= posted_at + toIntervalSecond(%d)) SETTINGS join_use_nulls = 0)",
			rows, read, complete, sessions, late, late)})}
}
