package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// What the assurance columns cost: a year of one million ledger rows by
// provider, without any assurance event and with 45,000 of them, and the same
// year by what was proved.
func BenchmarkLedgerAssurance(b *testing.B) {
	c := newClock()
	l := newLake(b, c)
	w := open(b, l, c, false)
	const commits, each = 12, 83_334
	step := 365 * 24 * time.Hour / (commits * each)
	span := func(i int) schemas.Window {
		return schemas.Window{From: day0.Add(time.Duration(i*each) * step), To: day0.Add(time.Duration((i+1)*each) * step)}
	}
	session := func(n int) string {
		return fmt.Sprintf("ses_%d_%d", day0.Add(time.Duration(n)*step).Unix()/86400, n%6)
	}
	for i := range commits {
		rows := make([]row, each)
		for j := range rows {
			n := i*each + j
			rows[j] = ledgerRow(fmt.Sprintf("led_%07d", n), day0.Add(time.Duration(n)*step), -int64(n%9000+1),
				row{"provider_code": fmt.Sprint("prov_", n%40), "session_id": session(n), "external_reference": fmt.Sprint("REF", n*7919%1_000_000)})
		}
		commit(b, l, part(schemas.Ledger, "mpay", "wlt_1", span(i), rows...))
	}
	follow(b, w)
	const byProvider = "SELECT provider_code, sum(amount_minor) FROM ledger GROUP BY 1"
	without := fastest(b, w, byProvider)
	for i := range commits {
		var events []row
		for n := i * each; n < (i+1)*each; n++ {
			at := day0.Add(time.Duration(n) * step)
			if n%50 == 7 {
				id := fmt.Sprintf("led_%07d", n)
				events = append(events, assuranceRow(fmt.Sprint("a", n), at, "step_up_required", "", id, ""), assuranceRow(fmt.Sprint("b", n), at, "step_up_completed", "", id, "A3"))
			}
			if n%1200 < 6 {
				events = append(events, assuranceRow(fmt.Sprint("c", n), at, "otp_verified", session(n), "", "A2"))
			}
		}
		commit(b, l, part(schemas.AssuranceEvents, "mpay", "wlt_1", span(i), events...))
	}
	follow(b, w)
	with := fastest(b, w, byProvider)
	byLevel := fastest(b, w, "SELECT step_up_required, assurance_level, count() FROM ledger GROUP BY ALL")
	for b.Loop() {
		ask(b, w, byProvider)
	}
	b.ReportMetric(without, "ms/year-without-events")
	b.ReportMetric(with, "ms/year-with-events")
	b.ReportMetric(byLevel, "ms/year-by-level")
}

// fastest of several times, in milliseconds.
func fastest(b *testing.B, w *Warehouse, sql string) float64 {
	best := time.Hour
	for range 7 {
		began := time.Now()
		ask(b, w, sql)
		best = min(best, time.Since(began))
	}
	return float64(best.Microseconds()) / 1000
}
