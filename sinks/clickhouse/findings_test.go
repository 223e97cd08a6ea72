package clickhouse

import "testing"

// found lists findings of one kind as lines.
func found(t testing.TB, w *Warehouse, kind string) string {
	t.Helper()
	return lines(ask(t, w, "SELECT severity, business_date, wallet_id, account, row_ids, provider_code, currency, amount_minor, evidence FROM "+w.db+".findings WHERE kind = '"+kind+"' ORDER BY ALL"))
}
