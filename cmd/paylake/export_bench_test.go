package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/lake"
)

// benchRows is a month of ledger lines of one wallet whose balances close.
var benchRows = 1_000_000

// monthOf builds n lines from number first on, evenly over March.
func monthOf(first, n int) arrow.Record {
	t := schemas.Ledger
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	types := []string{"bill_pay", "bill_pay", "bill_pay", "topup", "fee", "refund"}
	text := map[string]func(i int) string{
		"source": func(int) string { return "mpay" }, "wallet_id": func(int) string { return "wlt_441b" }, "entry_id": func(i int) string { return fmt.Sprintf("txn_%010d", i) },
		"type": func(i int) string { return types[i%6] }, "currency": func(int) string { return "AZN" }, "provider_code": func(i int) string { return fmt.Sprintf("PROVIDER_%d", i%40) },
		"channel": func(int) string { return "balance" }, "subscriber_ref": func(i int) string { return fmt.Sprintf("12•••%04d", i%10000) }, "status": func(int) string { return "posted" },
		"external_reference": func(i int) string { return fmt.Sprintf("inv-%09d", i) }, "vat_receipt": func(i int) string { return fmt.Sprintf("8sFqW2xYb%04d", i%10000) }, "session_id": func(i int) string { return fmt.Sprintf("ses_%06d", i/50) },
	}
	for k, f := range t.Fields {
		for i := first; i < first+n; i++ {
			at := begin.Add(time.Duration(i) * 2600 * time.Millisecond)
			amount := int64(-(i%9000 + 1))
			switch b := b.Field(k).(type) {
			case *array.StringBuilder:
				value := ""
				if of := text[f.Name]; of != nil {
					value = of(i)
				}
				b.Append(value)
			case *array.Int32Builder:
				b.Append(14400)
			case *array.TimestampBuilder:
				b.Append(arrow.Timestamp(at.UnixMicro()))
			case *array.Date32Builder:
				b.Append(arrow.Date32FromTime(at.Add(4 * time.Hour)))
			case *array.Int64Builder:
				switch f.Name {
				case "amount_minor":
					b.Append(amount)
				case "balance_after_minor":
					b.Append(int64(1e12) - int64(i))
				default:
					b.Append(0)
				}
			}
		}
	}
	return b.NewRecord()
}

// fillMonth commits rows without an upstream.
func (g *playground) fillMonth(tb testing.TB, rows int) {
	tb.Helper()
	cfg, err := config.Load(g.config, os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := lake.Open(tb.Context(), lake.Options{URL: cfg.Lake, TempDir: tb.TempDir(), Now: time.Now, Create: true})
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	const step = 200_000
	for at := 0; at < rows; at += step {
		n := min(step, rows-at)
		spool := sinks.NewSpool(schemas.Ledger.ArrowSchema(), tb.TempDir(), 50_000)
		rec := monthOf(at, n)
		if err := spool.Append(rec); err != nil {
			tb.Fatal(err)
		}
		rec.Release()
		from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, at/step)
		part := sinks.Part{Stream: schemas.Stream{Source: "mpay", Wallet: "wlt_441b", Table: schemas.Ledger}, Window: schemas.Window{From: from, To: from.AddDate(0, 2, 0)}, Rows: spool}
		if r, err := l.Commit(tb.Context(), sinks.Batch{Parts: []sinks.Part{part}}); err != nil || r.Inserted != int64(n) {
			tb.Fatalf("%+v %v", r, err)
		}
	}
}

// BenchmarkExport is a month of 1,000,000 ledger lines from the warehouse into a
// file, as `paylake export` writes it.
func BenchmarkExport(b *testing.B) {
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_ROWS")); err == nil {
		benchRows = n
	}
	g := newPlayground(b, 10)
	g.fillMonth(b, benchRows)
	g.paylake(b, "rebuild").want(b, 0)
	for _, c := range [][2]string{{"ledger", "csv"}, {"statement", "csv"}, {"statement", camtFormat}, {"ledger", "jsonl"}, {"ledger", "parquet"}} {
		b.Run(c[0]+"."+c[1], func(b *testing.B) {
			f := exportFlags{reader: "auditor", format: c[1], period: "2026-03"}
			d, err := f.dataset(c[0], false)
			if err != nil {
				b.Fatal(err)
			}
			s := g.open(b, f)
			out, err := os.Create(filepath.Join(b.TempDir(), "out"))
			if err != nil {
				b.Fatal(err)
			}
			defer out.Close()
			for b.Loop() {
				s.rows = 0
				if err := s.write(b.Context(), d, c[1], out); err != nil || s.rows != int64(benchRows) {
					b.Fatal(s.rows, err)
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapSys)/(1<<20), "heap-MiB")
			b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			size, _ := out.Seek(0, io.SeekCurrent)
			b.SetBytes(size / int64(b.N))
		})
	}
}
