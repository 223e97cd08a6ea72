package lake

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/schemas"
)

func BenchmarkEncode(b *testing.B) {
	recs := ledgerRecords(b, ledgerSpec{rows: 250_000, pageRows: 1000})
	lay := layoutOf(schemas.Ledger)
	entries := entriesOf(recs)
	h := schemas.NewHasher(schemas.Ledger)
	for i, r := range recs {
		_, hs := h.Rows(r, nil, nil)
		for j := range hs {
			entries[i*1000+j].hash = hs[j]
		}
	}
	z, _ := newCompressor(1)
	b.ReportAllocs()
	b.ResetTimer()
	var size int
	for b.Loop() {
		o := orderOf(lay, recs, entries)
		o.sort(entries)
		enc, err := encodeObject(z, 1, o, recs, entries)
		if err != nil {
			b.Fatal(err)
		}
		size = len(enc.data)
	}
	b.ReportMetric(float64(b.N)*float64(len(entries))/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/float64(len(entries)), "B/row")
}

func entriesOf(recs []arrow.Record) []entry {
	var out []entry
	for i, r := range recs {
		for row := range r.NumRows() {
			out = append(out, entry{rec: uint32(i), row: uint32(row), revision: 1, sign: 1})
		}
	}
	return out
}
