package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// One million rows from committed to published and verified, and a year of
// spend by provider over them.
func BenchmarkFollow(b *testing.B) {
	c := newClock()
	l := newLake(b, c)
	const commits, rowsEach = 10, 100_000
	for i := range commits {
		rows := make([]row, rowsEach)
		for j := range rows {
			rows[j] = ledgerRow(fmt.Sprintf("led_%d_%06d", i, j), day0.AddDate(0, 0, i*3).Add(time.Duration(j)*time.Second), -int64(j%9000+1),
				row{"provider_code": fmt.Sprint("prov_", j%40), "external_reference": fmt.Sprint("REF", j*7919%1_000_000)})
		}
		commit(b, l, part(schemas.Ledger, "mpay", "wlt_1", days(i*3, 3), rows...))
	}
	for _, push := range []bool{false, true} {
		b.Run(map[bool]string{false: "pull", true: "push"}[push], func(b *testing.B) {
			for b.Loop() {
				w := open(b, l, c, push)
				follow(b, w)
				b.StopTimer()
				began := time.Now()
				ask(b, w, "SELECT provider_code, sum(spend_minor) FROM spend_by_provider GROUP BY 1")
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/spend")
				began = time.Now()
				ask(b, w, "SELECT provider_code, sum(amount_minor) FROM ledger GROUP BY 1")
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/ledger")
				began = time.Now()
				follow(b, reopen(b, l, c, push, w.db))
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/first-start")
				began = time.Now()
				follow(b, reopen(b, l, c, push, w.db))
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/next-start")
				if err := w.exec(b.Context(), "drop", "DROP DATABASE "+w.db); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(commits*rowsEach)/b.Elapsed().Seconds()*float64(b.N), "rows/s")
		})
	}
}
