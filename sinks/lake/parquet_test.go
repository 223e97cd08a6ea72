package lake

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// allKinds is a table with every kind of column, nullable ones too.
var allKinds = &schemas.Table{
	Name: "ledger", Version: 1, Key: []string{"n", "id"}, Time: "at", Amount: "amount", Currency: "currency",
	Fields: []schemas.Field{
		{Name: "source", Kind: schemas.Code}, {Name: "n", Kind: schemas.Int64}, {Name: "id", Kind: schemas.String},
		{Name: "at", Kind: schemas.Instant}, {Name: "business_date", Kind: schemas.Date}, {Name: "amount", Kind: schemas.Minor},
		{Name: "currency", Kind: schemas.Code}, {Name: "maybe", Kind: schemas.Minor, Nullable: true},
		{Name: "never", Kind: schemas.Instant, Nullable: true}, {Name: "perhaps", Kind: schemas.Int32, Nullable: true},
		{Name: "many", Kind: schemas.Code}, {Name: "text", Kind: schemas.String}, {Name: "empty", Kind: schemas.String},
	},
}

func allKindsRecord(rng *rand.Rand, from, n int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, allKinds.ArrowSchema())
	defer b.Release()
	edges := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1e16, -1e16}
	text := func(c int, s string) { b.Field(c).(*array.StringBuilder).Append(s) }
	for i := range n {
		at := day0.Add(time.Duration(from+i) * time.Second)
		text(0, "mpay")
		b.Field(1).(*array.Int64Builder).Append(int64(rng.Uint64()))
		text(2, fmt.Sprint("id", from+i))
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMicro()))
		b.Field(4).(*array.Date32Builder).Append(arrow.Date32(at.Unix() / 86400))
		b.Field(5).(*array.Int64Builder).Append(edges[rng.IntN(len(edges))])
		text(6, []string{"AZN", "KGS", ""}[rng.IntN(3)])
		if m := b.Field(7).(*array.Int64Builder); rng.IntN(3) == 0 {
			m.AppendNull()
		} else {
			m.Append(edges[rng.IntN(len(edges))])
		}
		b.Field(8).AppendNull()
		if m := b.Field(9).(*array.Int32Builder); (from+i)/pageRows%2 == 0 {
			m.Append(rng.Int32())
		} else {
			m.AppendNull()
		}
		text(10, fmt.Sprint("code ", rng.IntN(60_000)))
		text(11, []string{"", "Bakı şəhəri", "x", string(bytes.Repeat([]byte("long "), 40))}[rng.IntN(4)])
		text(12, "")
	}
	return b.NewRecord()
}

// TestOtherReaders reads an object of several pages with Arrow's own Parquet
// reader and with ours: equal values, right types.
func TestOtherReaders(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const n = 3*pageRows + 17
	rec := allKindsRecord(rng, 0, n)
	recs := []arrow.Record{rec}
	entries := entriesOf(recs)
	_, hashes := schemas.NewHasher(allKinds).Rows(rec, nil, nil)
	for i := range entries {
		entries[i].hash = hashes[i]
	}
	z, err := newCompressor(2)
	if err != nil {
		t.Fatal(err)
	}
	o := orderOf(layoutOf(allKinds), recs, entries)
	o.sort(entries)
	enc, err := encodeObject(z, 2, o, recs, entries[:monthEnd(entries)])
	if err != nil {
		t.Fatal(err)
	}
	entries = entries[:enc.meta.Rows]

	table := readWithArrow(t, enc.data)
	defer table.Release()
	for c, f := range allKinds.Fields {
		compareColumn(t, f, rec.Column(c), table.Column(c).Data(), entries)
		if got := table.Schema().Field(c); !arrow.TypeEqual(got.Type, f.Kind.Arrow()) || got.Nullable != f.Nullable {
			t.Errorf("column %s has type %s, nullable %t", f.Name, got.Type, got.Nullable)
		}
	}
	if ty := table.Schema().Field(len(allKinds.Fields) + 2).Type; ty.ID() != arrow.UINT64 {
		t.Errorf("row_hash has type %s", ty)
	}
	own, err := newObjectReader("x", bytes.NewReader(enc.data), int64(len(enc.data)))
	if err != nil {
		t.Fatal(err)
	}
	for c, f := range allKinds.Fields {
		a, err := own.read(f)
		if err != nil {
			t.Fatal(err)
		}
		compareColumn(t, f, rec.Column(c), arrow.NewChunked(a.DataType(), []arrow.Array{a}), entries)
	}
	statistics(t, enc.data, n)
}

func monthEnd(entries []entry) int {
	n := 1
	for n < len(entries) && entries[n].month == entries[0].month {
		n++
	}
	return n
}

func readWithArrow(t *testing.T, data []byte) arrow.Table {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := p.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func compareColumn(t *testing.T, f schemas.Field, want arrow.Array, got *arrow.Chunked, entries []entry) {
	t.Helper()
	if got.Len() != len(entries) {
		t.Fatalf("%s has %d values of %d", f.Name, got.Len(), len(entries))
	}
	i := 0
	for _, chunk := range got.Chunks() {
		for k := range chunk.Len() {
			row := int(entries[i].row)
			if chunk.IsNull(k) != want.IsNull(row) || chunk.IsValid(k) && chunk.ValueStr(k) != want.ValueStr(row) {
				t.Fatalf("%s, row %d: %s, want %s", f.Name, i, chunk.ValueStr(k), want.ValueStr(row))
			}
			i++
		}
	}
}

func statistics(t *testing.T, data []byte, n int64) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	g := r.MetaData().RowGroup(0)
	for c, name := range map[int]string{3: "at", 5: "amount", 6: "currency"} {
		meta, err := g.ColumnChunk(c)
		if err != nil {
			t.Fatal(err)
		}
		s, err := meta.Statistics()
		if err != nil || s == nil || name != "currency" && !s.HasMinMax() {
			t.Fatalf("%s has no statistics: %v", name, err)
		}
		if meta.Compression().String() != "ZSTD" || meta.NumValues() != n {
			t.Fatalf("%s: %s, %d values", name, meta.Compression(), meta.NumValues())
		}
		if st, ok := s.(interface {
			Min() int64
			Max() int64
		}); ok && name == "at" && (st.Min() != day0.UnixMicro() || st.Max() != day0.UnixMicro()+(n-1)*1e6) {
			t.Fatalf("at from %d to %d", st.Min(), st.Max())
		}
	}
	if r.MetaData().Version() == parquet.V1_0 {
		t.Fatal("version 1 readers do not know these encodings")
	}
}

// TestFrozenBytes: objects are named by their bytes, so an upgrade of an
// encoder that changes them must be seen. Other bytes are still valid; they only
// make a window that is read again after the upgrade a different object.
func TestFrozenBytes(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	commit(t, l, partOf(t, "wlt_1", days(0, 31), ledgerRows(ledgerSpec{rows: 5000, step: time.Minute}), 100))
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		const want = "a6e2f2a55809117e258a3dd22c49d5244006c4d0ce7c24d68aa1c5191260c028"
		if got := e.Objects[0].SHA256; got != want || len(e.Objects) != 1 {
			t.Fatalf("the object is %s now", got)
		}
	}
}

// TestRowOrder: wallet, event time, key, revision, sign, whatever the ids.
func TestRowOrder(t *testing.T) {
	b := fileBucketOf(t)
	l := openTest(t, b, false)
	one := ledgerRows(ledgerSpec{rows: 60, wallet: "wlt_b", step: time.Hour})
	for i := range one {
		one[i].id = fmt.Sprintf("%04d", 9999-i)
		one[i].at = one[i].at.Truncate(2 * time.Hour)
	}
	two := slices.Clone(one)
	for i := range two {
		two[i].wallet = "wlt_a"
	}
	again := one[7]
	again.reference = "changed"
	commit(t, l, partOf(t, "wlt_b", days(0, 31), append(one, again), 9), partOf(t, "wlt_a", days(0, 31), two, 9))
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		data, err := l.ReadObject(t.Context(), e.Objects[0].Path)
		if err != nil {
			t.Fatal(err)
		}
		table := readWithArrow(t, data)
		defer table.Release()
		var lines []string
		for i := range int(table.NumRows()) {
			line := ""
			for _, name := range []string{"wallet_id", "posted_at", "entry_id", ColumnRevision, ColumnSign} {
				line += table.Column(table.Schema().FieldIndices(name)[0]).Data().Chunk(0).ValueStr(i) + " "
			}
			lines = append(lines, strings.ReplaceAll(line, " -1 ", " 0 "))
		}
		if len(lines) != 122 || !slices.IsSorted(lines) {
			t.Fatalf("not in order:\n%s", strings.Join(lines, "\n"))
		}
	}
}

// TestMonths: the arithmetic of months, from 1900 to 2100.
func TestMonths(t *testing.T) {
	for d := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2100; d = d.AddDate(0, 0, 1) {
		days := int32(d.Unix() / 86400)
		if d.Unix()%86400 < 0 {
			days--
		}
		if got, want := monthOf(days), int32(d.Year()*12+int(d.Month())-1); got != want {
			t.Fatalf("%s: %d, want %d", d.Format(time.DateOnly), got, want)
		}
	}
}

// TestTables: every table (no wallet, numbers in the key; catalogues without
// time, money or wallet; what is observed) and a kept column go in, are found
// again and verify.
func TestTables(t *testing.T) {
	for _, table := range append(schemas.All(), schemas.Ledger.Keep("cashback")) {
		if table == schemas.Decisions {
			continue // is never changed: TestDecide, TestChangedDecisionIsFound
		}
		b := fileBucketOf(t)
		l := openTest(t, b, false)
		for step, want := range []struct{ inserted, retracted int64 }{{50, 0}, {0, 0}, {10, 10}} {
			p := sinks.Part{Stream: schemas.Stream{Source: "psp", Table: table}, Final: true, Rows: sinks.NewSpool(table.ArrowSchema(), "", 0)}
			if !table.Whole() {
				p.Window = days(0, 31)
			}
			if err := p.Rows.Append(anyRecord(table, 50, step/2*10)); err != nil {
				t.Fatal(err)
			}
			got := commit(t, l, p)
			if got.Inserted != want.inserted || got.Retracted != want.retracted {
				t.Fatalf("%s, step %d: %+v", table.Name, step, got)
			}
		}
		r, err := Verify(t.Context(), l.URL(), VerifyOptions{})
		if err != nil || r.Visible != 50 || r.Retractions != 10 || r.Manifests != 2 {
			t.Fatalf("%s: %+v %v", table.Name, r, err)
		}
	}
}

// anyRecord makes rows of any table; the first changed ones differ from what
// they were.
func anyRecord(t *schemas.Table, n, changed int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for i := range n {
		for c, f := range t.Fields {
			switch b := b.Field(c).(type) {
			case *array.StringBuilder:
				switch {
				case f.Name == "source":
					b.Append("psp")
				case f.Name == t.Key[len(t.Key)-1]:
					b.Append(fmt.Sprint("key", i))
				case i < changed && f.Name == t.Fields[len(t.Fields)-1].Name, i < changed && f.Name == "status":
					b.Append("new")
				default:
					b.Append("")
				}
			case *array.TimestampBuilder:
				if f.Nullable {
					b.AppendNull()
				} else {
					b.Append(arrow.Timestamp(day0.Add(time.Duration(i) * time.Hour).UnixMicro()))
				}
			case *array.Date32Builder:
				b.Append(arrow.Date32(day0.Add(time.Duration(i)*time.Hour).Unix() / 86400))
			case *array.Int64Builder:
				switch {
				case f.Nullable:
					b.AppendNull()
				case i < changed && c == len(t.Fields)-1:
					b.Append(8)
				default:
					b.Append(7)
				}
			case *array.Int32Builder:
				b.Append(0)
			}
		}
	}
	return b.NewRecord()
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{250_000, 500_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rows := ledgerRows(ledgerSpec{rows: n, step: time.Second})
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				l := openTest(b, fileBucketOf(b), false)
				p := partOf(b, "wlt_1", days(0, 31), rows, 1000)
				b.StartTimer()
				if r := commit(b, l, p); r.Inserted != int64(n) {
					b.Fatal(r)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
