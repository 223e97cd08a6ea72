package clickhouse

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
)

// WalletSpend is spend and refunds by wallet, as of a manifest, from the lines
// themselves: spend_by_provider sums over wallets. The words are the same, but for
// what belongs to no wallet: operations of payment platforms, and lines that
// another system reports as well.
func WalletSpend(snapshot int64) string {
	spend, refund := spendOf(schemas.Ledger), refundOf(schemas.Ledger)
	quiet := fmt.Sprintf("status = 'reversed' AND %s AND (source, wallet_id, entry_id) NOT IN (SELECT source, wallet_id, reversal_of FROM ledger_at(snapshot = %d) WHERE reversal_of != '')", spend, snapshot)
	names := fmt.Sprintf("(SELECT (groupArray(c), groupArray(n), groupArray(k)) FROM (SELECT toString(provider_code) AS c, any(provider_name) AS n, any(toString(category)) AS k FROM providers_at(snapshot = %d) GROUP BY c)) AS vocabulary", snapshot)
	return fmt.Sprintf(`(WITH %[1]s SELECT business_date, source, wallet_id, provider_code, currency,
  transform(toString(provider_code), vocabulary.1, vocabulary.2, toString(provider_code)) AS provider_name,
  if(own != '', own, transform(toString(provider_code), vocabulary.1, vocabulary.3, '')) AS category,
  toInt64(1) AS entries, spent AS spend_minor, returned AS refunds_minor, spent - returned AS net_minor,
  %[2]s AS spend, %[3]s AS refunds, %[4]s AS net
FROM (SELECT business_date, source, wallet_id, provider_code, currency, toString(category) AS own,
    if(%[5]s, abs(toInt128(amount_minor)), 0::Int128) AS spent,
    if(%[6]s, toInt128(amount_minor), 0::Int128) + if(%[7]s, abs(toInt128(amount_minor)), 0::Int128) AS returned
  FROM ledger_at(snapshot = %[8]d) WHERE (%[5]s) OR (%[6]s)))`,
		names, decimal("spend_minor", "currency"), decimal("refunds_minor", "currency"), decimal("net_minor", "currency"), spend, refund, quiet, snapshot)
}
