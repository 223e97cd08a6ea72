package publish

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/sinktest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "clickhouse-child" {
		fmt.Fprintln(os.Stderr, embedded.Child(os.Args[2:]))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

var (
	day0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
)

// day is the window of one day, counted from 2026-01-01.
func day(n int) schemas.Window {
	return schemas.Window{From: day0.AddDate(0, 0, n), To: day0.AddDate(0, 0, n+1)}
}

// row is a statement row on a day.
func row(wallet string, n, i int, amount int64) sinktest.Row {
	return sinktest.Row{Wallet: wallet, ID: fmt.Sprintf("%s-%d-%d", wallet, n, i), At: day0.AddDate(0, 0, n).Add(time.Duration(i) * time.Minute),
		Amount: amount, Provider: fmt.Sprintf("prov_%d", i%7), Status: "posted"}
}

// statement is n rows on a day with amounts that differ by seed.
func statement(wallet string, on, n int, seed int64) []sinktest.Row {
	rows := make([]sinktest.Row, n)
	for i := range rows {
		rows[i] = row(wallet, on, i, -(seed*1000 + int64(i)))
	}
	return rows
}

// provider is a row of the catalogue.
type provider struct{ code, name, status string }

// catalogue is a part of the table providers, read whole.
func catalogue(t testing.TB, rows ...provider) sinks.Part {
	t.Helper()
	return catalogueOf(t, schemas.Providers, rows...)
}

// catalogueOf is the same with a kept column logo.
func catalogueOf(t testing.TB, table *schemas.Table, rows ...provider) sinks.Part {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowSchema())
	defer b.Release()
	for _, r := range rows {
		for c, f := range table.Fields {
			switch col := b.Field(c).(type) {
			case *array.StringBuilder:
				col.Append(map[string]string{"source": "mpay", "provider_code": r.code, "name_en": r.name, "status": r.status, "logo": r.code + ".svg"}[f.Name])
			case *array.TimestampBuilder:
				col.Append(arrow.Timestamp(day0.UnixMicro()))
			}
		}
	}
	s := sinks.NewSpool(table.ArrowSchema(), "", 0)
	if err := s.Append(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	return sinks.Part{Stream: schemas.Stream{Source: "mpay", Table: table}, Final: true, Rows: s}
}

// writer is the real lake, written as a run writes it.
type writer struct {
	*lake.Lake
	t testing.TB
}

func newWriter(t testing.TB, url string) writer {
	t.Helper()
	now := noon
	clock := func() time.Time { now = now.Add(time.Second); return now }
	l, err := lake.Open(t.Context(), lake.Options{URL: url, TempDir: t.TempDir(), Now: clock, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return writer{l, t}
}

func (w writer) commit(parts ...sinks.Part) {
	w.t.Helper()
	if _, err := w.Commit(context.Background(), sinks.Batch{Parts: parts}); err != nil {
		w.t.Fatal(err)
	}
}

// history commits five manifests: two wallets over a month's end, the catalogue,
// a revision of the former, a window without rows, a retired provider.
func (w writer) history() {
	w.t.Helper()
	w.commit(sinktest.Ledger("wlt_a", day(30), statement("wlt_a", 30, 40, 1)...),
		sinktest.Ledger("wlt_a", day(31), statement("wlt_a", 31, 30, 2)...), sinktest.Ledger("wlt_b", day(30), statement("wlt_b", 30, 20, 3)...))
	w.commit(catalogue(w.t, provider{"azersu", "Azersu", "active"}, provider{"azerishiq", "Azerishiq", "active"}))
	again := statement("wlt_a", 30, 40, 1)
	again[7].Amount, again[9].Status = -999_999_99, "reversed"
	w.commit(sinktest.Ledger("wlt_a", day(30), again...), sinktest.Ledger("wlt_b", day(31), statement("wlt_b", 31, 10, 4)...))
	w.commit(sinktest.Ledger("wlt_b", day(32)))
	w.commit(catalogue(w.t, provider{"azersu", "Azersu", "retired"}, provider{"azerishiq", "Azerishiq", "active"}, provider{"azercell", "Azercell", "active"}))
}

func openTail(t testing.TB, url string) *lake.Tail {
	t.Helper()
	tail, err := lake.OpenTail(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tail.Close() })
	return tail
}
