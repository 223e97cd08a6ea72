package reconcile

import (
	"fmt"
	"testing"
)

// BenchmarkCompare is a month of a million rows with one fault on each side.
func BenchmarkCompare(b *testing.B) {
	side := &memory{}
	for i := range 1_000_000 {
		side.rows = append(side.rows, signed{paid(fmt.Sprintf("txn_%08d", i), fmt.Sprintf("wlt_%d", i%2), "AZERSU_RES", int64(i+1)), 1})
	}
	other := side.clone()
	other.rows[77].Amount--
	b.ReportAllocs()
	for b.Loop() {
		r, err := Compare(b.Context(), Input{Lake: side, Warehouse: other, Known: known(), List: 20})
		if err != nil || r.Differences.Changed != 1 || r.Differences.Count() != 1 {
			b.Fatal(r, err)
		}
	}
}
