package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
					blocks, rest := int64(i/9000), int64(i%9000+1) // what amounts up to this one add up to
					b.Append(1e13 - blocks*9000*9001/2 - rest*(rest+1)/2)
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

// residentKiB is the most that a process has held so far. What wait tells
// begins with the memory of the process that started it.
func residentKiB(pid int) (n int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, text, _ = bytes.Cut(text, []byte("VmHWM:"))
	_, _ = fmt.Sscan(string(text), &n)
	return n
}

// BenchmarkExport is a month of 1,000,000 ledger lines from the warehouse into a
// file, by processes of their own, beside a warehouse that is held.
func BenchmarkExport(b *testing.B) {
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_ROWS")); err == nil {
		benchRows = n
	}
	g := newPlayground(b, 10)
	g.fillMonth(b, benchRows)
	g.paylake(b, "rebuild").want(b, 0)
	defer g.holding(b)()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range [][2]string{{"ledger", "csv"}, {"statement", "csv"}, {"statement", camtFormat}, {"ledger", "jsonl"}, {"ledger", "parquet"}} {
		b.Run(c[0]+"."+c[1], func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "out")
			peak, cpu := int64(0), time.Duration(0)
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), exe, "-c", g.config, "export", c[0], "--as", "auditor", "--period", "2026-03", "--format", c[1], "-o", file)
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- cmd.Wait() }()
				for running := true; running; {
					select {
					case err := <-done:
						if err != nil {
							b.Fatal(err)
						}
						running = false
					case <-time.After(10 * time.Millisecond):
						peak = max(peak, residentKiB(cmd.Process.Pid))
					}
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			info, err := os.Stat(file)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			b.ReportMetric(float64(peak)/1024, "peak-MiB")
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
