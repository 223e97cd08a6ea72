package clickhouse

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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
)

// One real ClickHouse for the package: the test binary is its own child.
var shared *embedded.Server

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "clickhouse-child" {
		fmt.Fprintln(os.Stderr, embedded.Child(os.Args[2:]))
		os.Exit(1)
	}
	// Every example makes a database of its own; ten are enough for each run.
	_ = flag.Set("rapid.checks", "10")
	flag.Parse()
	os.Exit(withServer(m))
}

func withServer(m *testing.M) int {
	dir, err := os.MkdirTemp("", "paylake-warehouse-*")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared, err = embedded.Acquire(context.Background(), serverOptions(dir))
	if err != nil {
		fmt.Println("these tests need the embedded ClickHouse:", err)
		return 1
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return code
}

func serverOptions(dir string) embedded.Options {
	return embedded.Options{DataDir: dir, Command: []string{os.Args[0], "clickhouse-child"}}
}

// clock is a time that tests move.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Add(1000)).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

func newLake(t testing.TB, c *clock) *lake.Lake {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lake it's") // a name that needs quoting
	l, err := lake.Open(t.Context(), lake.Options{URL: "file://" + strings.ReplaceAll(dir, " ", "%20"), TempDir: t.TempDir(), Now: c.now, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

var databases atomic.Int64

// open makes a warehouse in a database of its own on the shared server: pulled
// (embedded), or pushed through a DSN like any other server.
func open(t testing.TB, l *lake.Lake, c *clock, push bool) *Warehouse {
	t.Helper()
	return reopen(t, l, c, push, fmt.Sprintf("t%d", databases.Add(1)))
}

func reopen(t testing.TB, l *lake.Lake, c *clock, push bool, db string) *Warehouse {
	t.Helper()
	o := Options{Lake: l, Now: c.now, Embedded: shared}
	if push {
		ep := shared.Current()
		_, port, _ := strings.Cut(ep.HTTPAddr, ":")
		o = Options{Lake: l, Now: c.now, DSN: "clickhouse://loader@" + ep.Addr + "/x?http_port=" + port, Password: ep.Password, Database: db}
	}
	w, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w.db = db
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// row is one row of a test; columns that it does not name have the default.
type row map[string]any

var day0 = time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)

func ledgerRow(id string, at time.Time, amount int64, more row) row {
	r := row{"source": "mpay", "wallet_id": "wlt_1", "entry_id": id, "posted_at": at, "posted_offset_s": 14400, "business_date": at,
		"type": "bill_pay", "amount_minor": amount, "currency": "AZN", "provider_code": "azersu", "status": "posted"}
	for k, v := range more {
		r[k] = v
	}
	return r
}

func record(t *schemas.Table, rows []row) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for _, r := range rows {
		for i, f := range t.Fields {
			appendField(b.Field(i), f, r[f.Name])
		}
	}
	return b.NewRecord()
}

func appendField(b array.Builder, f schemas.Field, v any) {
	if v == nil && f.Nullable {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		s, _ := v.(string)
		b.Append(s)
	case *array.Int32Builder:
		n, _ := v.(int)
		b.Append(int32(n))
	case *array.Int64Builder:
		n, _ := v.(int64)
		b.Append(n)
	case *array.TimestampBuilder:
		at, _ := v.(time.Time)
		if at.IsZero() {
			at = time.UnixMicro(0)
		}
		b.Append(arrow.Timestamp(at.UnixMicro()))
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(v.(time.Time)))
	}
}

// part makes a part of one wallet's window.
func part(t *schemas.Table, source, wallet string, w schemas.Window, rows ...row) sinks.Part {
	s := sinks.NewSpool(t.ArrowSchema(), "", 0)
	if len(rows) > 0 {
		if err := s.Append(record(t, rows)); err != nil {
			panic(err)
		}
	}
	return sinks.Part{Stream: schemas.Stream{Source: source, Wallet: wallet, Table: t}, Window: w, Final: !w.IsZero(), Rows: s}
}

func days(from, n int) schemas.Window {
	return schemas.Window{From: day0.AddDate(0, 0, from), To: day0.AddDate(0, 0, from+n)}
}

func commit(t testing.TB, l *lake.Lake, parts ...sinks.Part) sinks.Receipt {
	t.Helper()
	r, err := l.Commit(t.Context(), sinks.Batch{Parts: parts})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func follow(t testing.TB, w *Warehouse) sinks.Position {
	t.Helper()
	p, err := w.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask returns a query's rows as the loader sees them, without the header.
func ask(t testing.TB, w *Warehouse, sql string) [][]string {
	t.Helper()
	return askAt(t, w, sql, 0)
}

func askAt(t testing.TB, w *Warehouse, sql string, snapshot int64) [][]string {
	t.Helper()
	if err := w.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := w.where()
	s.readers = map[string]string{s.owner: s.password} // views of a test's own database are granted to nobody else
	w.mu.Lock()
	w.at.readers = s.readers
	w.mu.Unlock()
	var out bytes.Buffer
	if err := w.ask(t.Context(), sql, Query{Format: FormatCSV, Snapshot: snapshot, User: s.owner}, &out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// cell is a query's only value.
func cell(t testing.TB, w *Warehouse, sql string) string {
	t.Helper()
	rows := ask(t, w, sql)
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s: %v", sql, rows)
	}
	return rows[0][0]
}

func lines(rows [][]string) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintln(&b, strings.Join(r, " | "))
	}
	return b.String()
}
