package clickhouse

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/schemas"
)

// Views that are more than a filter over one table. Pure.

// spend sums rollups. One thing no object can know alone: whether a row of
// status reversed has a row that reverses it, which may lie in another month
// and may come later. So that piece is added on reading: such a row without
// any visible row pointing at it is money that came back on the quiet, and
// counts as a refund too.
func (v viewer) spend(at string) string {
	t := schemas.Ledger
	quiet := fmt.Sprintf(`SELECT business_date, provider_code, category, source, currency, 0::Int64, 0::Int128, -toInt128(amount_minor)
    FROM %[1]s.ledger_rows WHERE status = 'reversed' AND %[2]s
    AND %[3]s
    AND (source, wallet_id, entry_id) NOT IN (SELECT source, wallet_id, reversal_of FROM %[1]s.ledger_rows WHERE reversal_of != '' AND %[3]s)`,
		v.db, spendOf(t), v.current(t, at))
	pieces := []string{
		fmt.Sprintf("SELECT business_date, provider_code, category AS own_category, source, currency, entries AS entries_, spend_minor AS spend_, refunds_minor AS refunds_\n    FROM %s.spend_rollup WHERE %s",
			v.db, v.loaded(at)),
		quiet, v.withdrawnSpend(at), v.bankTurnover(at), v.countedTwice(at),
	}
	return fmt.Sprintf(`WITH %[1]s
SELECT business_date, provider_code, %[2]s AS provider_name, category, source, currency, entries, spend_minor, refunds_minor, spend_minor - refunds_minor AS net_minor,
  %[3]s AS spend, %[4]s AS refunds, %[5]s AS net
FROM (SELECT business_date, provider_code, toLowCardinality(%[6]s) AS category, source, currency,
    sum(entries_) AS entries, sum(spend_) AS spend_minor, sum(refunds_) AS refunds_minor
  FROM %[7]s
  GROUP BY business_date, provider_code, category, source, currency
  HAVING entries != 0 OR spend_minor != 0 OR refunds_minor != 0)`,
		v.vocabulary(at), nameOf,
		decimal("spend_minor", "currency"), decimal("refunds_minor", "currency"), decimal("spend_minor - refunds_minor", "currency"),
		categoryOf, v.aliased("("+strings.Join(pieces, "\n    UNION ALL\n    ")+")"))
}

// parts are the follower's parts, each once.
func (v viewer) parts() string { return v.partsAt(atComment) }

func (v viewer) partsAt(at string) string {
	return fmt.Sprintf("(SELECT * FROM %s.snapshot_parts WHERE sequence <= %s AND %s ORDER BY sequence, part, published_at LIMIT 1 BY sequence, part)",
		v.db, v.upTo(at), v.consented())
}

func (v viewer) snapshots() string {
	return "SELECT sequence, created_at, source, `table`, wallet_id, window_from, window_to, rows, inserted, retracted, duplicates, quarantined, balance_chain, sha256, published_at, final FROM " + v.parts()
}

func (v viewer) runs() string {
	return fmt.Sprintf("SELECT * FROM %s.pipeline_runs_rows", v.db)
}

// deliveries are one row for each event and endpoint, as it stands.
func (v viewer) deliveries() string {
	return fmt.Sprintf("SELECT * FROM (SELECT * FROM %s.webhook_deliveries_rows ORDER BY endpoint, event_id, changed_at DESC LIMIT 1 BY endpoint, event_id)", v.db)
}
