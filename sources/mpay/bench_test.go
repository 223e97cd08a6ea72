package mpay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// benchPage is a page of 1,000 rows of about 278 bytes, of ten fields.
func benchPage() []byte {
	var b strings.Builder
	b.WriteString(`{"currency":"AZN","rows":[`)
	at := day("2026-03-02")
	for i := range 1000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"txn_%012d","posted_at":"%s","type":"bill_pay","amount":-%d.%02d,"provider_code":"AZERSU_RES","category":"utilities","subscriber_ref":"****%03d","channel":"balance","balance_after":%d.%02d,"external_reference":"ext_%016d","status":"posted"}`,
			i, at.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), i%900, i%100, i%1000, 1000+i, i%100, i)
	}
	b.WriteString(`],"next_cursor":"eyJpIjoyNTZ9"}`)
	return []byte(b.String())
}

func BenchmarkDecode(b *testing.B) {
	body := benchPage()
	d := ledgerDecoder(march, memory.DefaultAllocator)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	rows := int64(0)
	// A window of 100 pages is held, as a run does: what the garbage collector
	// costs depends on the size of the heap.
	var held [100]arrow.Record
	for i := 0; b.Loop(); i++ {
		a, err := d.page(body)
		if err != nil || len(a.rejects) > 0 {
			b.Fatal(err, a.rejects)
		}
		rows += a.rows.NumRows()
		if old := held[i%len(held)]; old != nil {
			old.Release()
		}
		held[i%len(held)] = a.rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(len(body))/1000, "bytes/row")
}

// TestNoAllocationPerRow holds the decoder to its word: what it allocates
// belongs to the page.
func TestNoAllocationPerRow(t *testing.T) {
	body := benchPage()
	d := ledgerDecoder(march, memory.DefaultAllocator)
	n := testing.AllocsPerRun(20, func() {
		a, err := d.page(body)
		if err != nil {
			t.Fatal(err)
		}
		a.rows.Release()
	})
	if n > 400 {
		t.Errorf("%.0f allocations for 1,000 rows", n)
	}
}
