package lake

import (
	"testing"
	"time"
)

func BenchmarkVerify(b *testing.B) {
	l := openTest(b, fileBucketOf(b), false)
	const n = 500_000
	rows := ledgerRows(ledgerSpec{rows: n, step: 5 * time.Second})
	for d := 0; d < 31; d++ {
		commit(b, l, partOf(b, "wlt_1", days(d, d+1), within(rows, days(d, d+1)), 1000))
	}
	var bytes int64
	for b.Loop() {
		r, err := Verify(b.Context(), l.URL(), VerifyOptions{})
		if err != nil {
			b.Fatal(err)
		}
		bytes = r.Bytes
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
	b.SetBytes(bytes)
}
