package clickhouse

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// What findings cost over a million ledger rows of 400 wallets and a year, half
// of them bills, with 45,000 step-ups and 250,000 operations; each kind by
// itself, and beside them a view that everybody asks. The rows are made by the
// server: only reading is measured. PAYLAKE_FINDINGS names one kind.
func BenchmarkFindings(b *testing.B) {
	c := newClock()
	w := open(b, newLake(b, c), c, false)
	ask(b, w, "SELECT 1")
	do := func(sql string) {
		b.Helper()
		if err := w.exec(b.Context(), "fill", sql); err != nil {
			b.Fatal(err)
		}
	}
	const rows = 1_000_000
	at := "toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalSecond(intDiv(number * 31536000, %d))"
	when := fmt.Sprintf(at, rows)
	do(fmt.Sprintf("INSERT INTO %s.ledger_rows (source, wallet_id, entry_id, posted_at, business_date, type, amount_minor, currency, provider_code, subscriber_ref, counterparty, status, external_reference, session_id, balance_after_minor, revision, sign, row_hash, load_id, snapshot) "+
		"SELECT 'mpay', concat('wlt_', toString(number %% 400)), concat('led_', toString(number)), %[2]s, toDate32(%[2]s), ['bill_pay', 'transfer_out', 'bill_pay', 'topup'][number %% 4 + 1] AS t, -toInt64(500 + sipHash64(number) %% 9000 + if(number %% 97 = 0, 30000, 0)), 'AZN', if(t = 'bill_pay', concat('prov_', toString(number %% 41)), ''), "+
		"if(t = 'bill_pay', toString(number %% 400), ''), if(t = 'transfer_out', concat('p1_', toString(sipHash64(number, 2) %% 9000)), ''), 'posted', if(t = 'bill_pay', concat('REF', toString(number)), ''), concat('ses_', toString(number %% 400), '_', toString(intDiv(number, 2740))), 100000, 1, 1, number, 1, 1 FROM numbers(%[3]d)", w.db, when, rows))
	do(fmt.Sprintf("INSERT INTO %s.assurance_events_rows (source, wallet_id, event_id, occurred_at, business_date, event, ledger_id, assurance_level, revision, sign, row_hash, load_id, snapshot) "+
		"SELECT 'mpay', concat('wlt_', toString(number %% 400)), toString(number), %[2]s, toDate32(%[2]s), 'step_up_completed', concat('led_', toString(number)), 'A3', 1, 1, number, 1, 1 FROM numbers(%[3]d) WHERE number %% 97 = 0 OR number %% 31 = 0", w.db, when, rows))
	ops := fmt.Sprintf(at, 250_000)
	do(fmt.Sprintf("INSERT INTO %s.operations_rows (source, project_id, operation_id, payment_id, type, status, created_at, completed_at, business_date, amount_minor, currency, converted_minor, converted_currency, payment_minor, payment_currency, provider_code, method, revision, sign, row_hash, load_id, snapshot) "+
		"SELECT 'psp', 210, toString(number), concat('pay_', toString(number)), 'sale', 'success', %[2]s, %[2]s, toDate32(%[2]s), toInt64(50000 + sipHash64(number) %% 300000) AS a, 'KGS', a, 'KGS', a, 'KGS', 'mbank', 'mbank', 1, 1, number, 1, 1 FROM numbers(250000)", w.db, ops))
	do(fmt.Sprintf("INSERT INTO %s.operation_fees_rows (source, project_id, operation_id, type, status, created_at, completed_at, business_date, fee_minor, fee_currency, amount_minor, currency, provider_code, method, revision, sign, row_hash, load_id, snapshot) "+
		"SELECT source, project_id, operation_id, type, status, created_at, completed_at, business_date, intDiv(amount_minor * 18, 1000), currency, amount_minor, currency, provider_code, method, 1, 1, row_hash, 1, 1 FROM %[1]s.operations_rows", w.db))
	do(fmt.Sprintf("INSERT INTO %s.load_visibility (load_id, object, `table`, snapshot, published_at, since) VALUES (1, 'made', 'ledger', 1, now64(6), 1)", w.db))
	do(fmt.Sprintf("INSERT INTO %s.manifests (sequence, sha256, kind, objects, created_at, applied_at) VALUES (1, '', 'data', 1, now64(6), now64(6))", w.db))
	do(fmt.Sprintf("INSERT INTO %s.snapshot_parts (sequence, part, source, `table`, wallet_id, window_from, window_to, final) SELECT 1, rowNumberInAllBlocks(), 'mpay', arrayJoin(['ledger', 'assurance_events']), concat('wlt_', toString(number)), toDateTime64('2025-12-31 00:00:00', 6, 'UTC'), toDateTime64('2027-01-02 00:00:00', 6, 'UTC'), true FROM numbers(400)", w.db))
	if got := cell(b, w, "SELECT count() FROM ledger"); got != fmt.Sprint(rows) {
		b.Fatal(got)
	}
	quickest := func(sql string) float64 {
		best := time.Hour
		for range 2 {
			began := time.Now()
			ask(b, w, sql)
			best = min(best, time.Since(began))
		}
		return float64(best.Microseconds()) / 1000
	}
	took := map[string]float64{"year-by-provider": quickest("SELECT provider_code, sum(amount_minor) FROM ledger GROUP BY 1")}
	for _, kind := range schemas.FindingKinds() {
		if only := os.Getenv("PAYLAKE_FINDINGS"); only != "" && only != kind.Name {
			continue
		}
		took[kind.Name] = quickest("SELECT count() FROM (" + w.finder([]string{kind.Name}).allFindings(pinned(0)) + ")")
	}
	for b.Loop() {
		ask(b, w, "SELECT kind, state, count() FROM findings GROUP BY ALL")
	}
	for name, ms := range took {
		b.ReportMetric(ms, "ms/"+name)
	}
}
