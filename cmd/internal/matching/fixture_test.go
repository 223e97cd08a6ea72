package matching

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/clickhouse"
	"github.com/paylake/paylake/sinks/clickhouse/embedded"
	"github.com/paylake/paylake/sinks/lake"
)

// house is a real lake and a real warehouse behind it.
type house struct {
	lake *lake.Lake
	ch   *clickhouse.Warehouse
	now  time.Time
	url  string // of the lake
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { h.now = h.now.Add(time.Millisecond); return h.now }
	dir := t.TempDir()
	var err error
	h.url = "file://" + filepath.Join(dir, "lake")
	if h.lake, err = lake.Open(t.Context(), lake.Options{URL: h.url, TempDir: filepath.Join(dir, "temp"), Now: clock, Create: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.lake.Close() })
	server, err := embedded.Acquire(t.Context(), embedded.Options{DataDir: filepath.Join(dir, "data"), Command: []string{os.Args[0], "clickhouse-child"}})
	if err != nil {
		t.Fatal("this test needs the embedded ClickHouse: ", err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if h.ch, err = clickhouse.Open(t.Context(), clickhouse.Options{Lake: h.lake, Now: clock, Embedded: server}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.ch.Close() })
	return h
}

// row is one row of a test; columns that it does not name have the default.
type row map[string]any

// atOnceInTests bounds the rows of a commit.
const atOnceInTests = 200_000

// commit puts rows into the lake and the warehouse, as one source's.
func (h *house) commit(t testing.TB, table *schemas.Table, source string, n int, rowOf func(i int) row) {
	t.Helper()
	for from := 0; from < n; from += atOnceInTests {
		b := array.NewRecordBuilder(memory.NewGoAllocator(), table.ArrowSchema())
		for i := from; i < min(from+atOnceInTests, n); i++ {
			r := rowOf(i)
			for c, f := range table.Fields {
				put(b.Field(c), f, r[f.Name], source)
			}
		}
		s := sinks.NewSpool(table.ArrowSchema(), t.TempDir(), 0)
		if err := s.Append(b.NewRecord()); err != nil {
			t.Fatal(err)
		}
		b.Release()
		part := sinks.Part{Stream: schemas.Stream{Source: source, Table: table}, Rows: s}
		if !table.Whole() {
			start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
			part.Window = schemas.Window{From: start, To: start.AddDate(10, 0, 0)}
		}
		if _, err := h.lake.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{part}}); err != nil {
			t.Fatal(err)
		}
	}
	h.follow(t)
}

func (h *house) follow(t testing.TB) int64 {
	t.Helper()
	at, err := h.ch.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at.Applied
}

func put(b array.Builder, f schemas.Field, v any, source string) {
	switch b := b.(type) {
	case *array.StringBuilder:
		s, _ := v.(string)
		if f.Name == "source" {
			s = source
		}
		b.Append(s)
	case *array.Int32Builder:
		b.Append(0)
	case *array.Int64Builder:
		n, ok := v.(int64)
		if !ok && f.Nullable {
			b.AppendNull()
			return
		}
		b.Append(n)
	case *array.TimestampBuilder:
		n, ok := v.(int64)
		if !ok && f.Nullable {
			b.AppendNull()
			return
		}
		b.Append(arrow.Timestamp(n))
	case *array.Date32Builder:
		n, ok := v.(int32)
		if !ok && f.Nullable {
			b.AppendNull()
			return
		}
		b.Append(arrow.Date32(n))
	}
}

// texts runs a query and returns its rows, columns joined by spaces.
func (h *house) texts(t testing.TB, sql string, snapshot int64) (out []string) {
	t.Helper()
	err := h.ch.Records(t.Context(), sql, clickhouse.Query{User: "auditor", Snapshot: snapshot}, func(rec arrow.Record) error {
		for i := range int(rec.NumRows()) {
			line := ""
			for c := range int(rec.NumCols()) {
				if c > 0 {
					line += " "
				}
				line += rec.Column(c).ValueStr(i)
			}
			out = append(out, line)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// restate says which entries the bank's statement has.
func (h *house) restate(t testing.TB, version string, rows ...row) {
	t.Helper()
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schemas.BankEntries.ArrowSchema())
	defer b.Release()
	for _, r := range rows {
		for c, f := range schemas.BankEntries.Fields {
			put(b.Field(c), f, r[f.Name], "bank")
		}
	}
	s := sinks.NewSpool(schemas.BankEntries.ArrowSchema(), "", 0)
	if err := s.Append(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	year := schemas.Window{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	part := sinks.Part{Stream: schemas.Stream{Source: "bank", Table: schemas.BankEntries}, Rows: s,
		File: &schemas.File{Name: "2026.csv", Version: version, Last: true, Replaces: year, Span: year}}
	if _, err := h.lake.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{part}}); err != nil {
		t.Fatal(err)
	}
	h.follow(t)
}
