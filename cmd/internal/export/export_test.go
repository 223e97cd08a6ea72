package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var columns = []Column{
	{Name: "name", Kind: Text}, {Name: "amount_minor", Kind: Int}, {Name: "currency", Kind: Text},
	{Name: "amount", Kind: Decimal, Currency: "currency"}, {Name: "rate", Kind: Decimal}, {Name: "day", Kind: Day},
	{Name: "at", Kind: Instant}, {Name: "late", Kind: Bool}, {Name: "score", Kind: Float}, {Name: "tags", Kind: JSON},
}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "name", Type: arrow.BinaryTypes.String}, {Name: "amount_minor", Type: arrow.PrimitiveTypes.Int64}, {Name: "currency", Type: arrow.BinaryTypes.String},
	{Name: "amount", Type: &arrow.Decimal128Type{Precision: 38, Scale: 4}}, {Name: "rate", Type: &arrow.Decimal128Type{Precision: 38, Scale: 18}, Nullable: true},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32}, {Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
	{Name: "late", Type: arrow.FixedWidthTypes.Boolean}, {Name: "score", Type: arrow.PrimitiveTypes.Float64}, {Name: "tags", Type: arrow.BinaryTypes.String},
}, nil)

type row struct {
	name, currency string
	minor          int64
	amount         string // times 10^4
	null           bool
}

func record(rows ...row) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, r := range rows {
		n, _ := new(big.Int).SetString(r.amount, 10)
		b.Field(0).(*array.StringBuilder).Append(r.name)
		b.Field(1).(*array.Int64Builder).Append(r.minor)
		b.Field(2).(*array.StringBuilder).Append(r.currency)
		b.Field(3).(*array.Decimal128Builder).Append(decimal128.FromBigInt(n))
		b.Field(5).(*array.Date32Builder).Append(20543)
		b.Field(7).(*array.BooleanBuilder).Append(r.null)
		b.Field(8).(*array.Float64Builder).Append(0.1)
		b.Field(9).(*array.StringBuilder).Append(`["a","b\"c"]`)
		if r.null {
			b.Field(4).(*array.Decimal128Builder).AppendNull()
			b.Field(6).(*array.TimestampBuilder).AppendNull()
			continue
		}
		b.Field(4).(*array.Decimal128Builder).Append(decimal128.FromI64(1_700000000000000000))
		b.Field(6).(*array.TimestampBuilder).Append(1_774_900_000_000_001)
	}
	return b.NewRecord()
}

func written(t *testing.T, format string, recs ...arrow.Record) string {
	t.Helper()
	var out bytes.Buffer
	w, err := New(format, &out, Meta{Dataset: "d", Snapshot: 3, SHA256: "ab", From: "2026-03-01"}, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var rows = []row{
	{"plain", "AZN", -3740, "-374000", false},
	{`q"u,o` + "\nte", "KWD", 1, "10", true},
	{"=1+1", "JPY", 9_223_372_036_854_775_807, "92233720368547758070000", false},
}

func TestCSV(t *testing.T) {
	got := written(t, "csv", record(rows...))
	want := `name,amount_minor,currency,amount,rate,day,at,late,score,tags
plain,-3740,AZN,-37.40,1.7,2026-03-31,2026-03-30T19:46:40.000001Z,false,0.1,"[""a"",""b\""c""]"
"q""u,o
te",1,KWD,0.001,,2026-03-31,,true,0.1,"[""a"",""b\""c""]"
'=1+1,9223372036854775807,JPY,9223372036854775807,1.7,2026-03-31,2026-03-30T19:46:40.000001Z,false,0.1,"[""a"",""b\""c""]"
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if lines, err := csv.NewReader(strings.NewReader(got)).ReadAll(); err != nil || len(lines) != 4 || lines[2][0] != rows[1].name {
		t.Errorf("%v %q", err, lines)
	}
}

// A spreadsheet sees no formula; whoever takes one apostrophe off sees what was
// there.
func TestFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1+cmd|'x'!A1": "'+1+cmd|'x'!A1", "-2+3+cmd": "'-2+3+cmd", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "'=1": "''=1", "'": "''", "-": "-", "+99450•••••67": "+99450•••••67", "-12.50": "-12.50", "": "",
		"＝1+1": "'＝1+1", "＋1": "'＋1", "－1": "'－1", "＠SUM(1)": "'＠SUM(1)", "\ufeff=1": "'\ufeff=1", "ｆull": "ｆull", "\n=1": "'\n=1", "|x": "'|x", "%x": "'%x", "+": "+", "-=1": "'-=1", "+A1": "'+A1", "a=1": "a=1", "Azərsu": "Azərsu",
	} {
		got := string(guarded([]byte(text)))
		if got != want || strings.TrimPrefix(got, "'") != text && got != text {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	var whole struct {
		Dataset  string
		Snapshot int64
		SHA256   string `json:"snapshot_sha256"`
		From, To string
		Rows     []map[string]any
		Count    int
	}
	text := written(t, "json", record(rows[:1]...), record(rows[1:]...))
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&whole); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if whole.Dataset != "d" || whole.Snapshot != 3 || whole.SHA256 != "ab" || whole.From != "2026-03-01" || whole.Count != 3 || len(whole.Rows) != 3 {
		t.Errorf("%+v", whole)
	}
	last := whole.Rows[2]
	if last["amount_minor"] != json.Number("9223372036854775807") || last["amount"] != "9223372036854775807" || last["name"] != "=1+1" || whole.Rows[1]["rate"] != nil || whole.Rows[0]["late"] != false {
		t.Errorf("%+v", whole.Rows)
	}
	if text := written(t, "json", record()); !strings.HasSuffix(text, "\"rows\":[\n],\"count\":0}\n") || !json.Valid([]byte(text)) {
		t.Errorf("of nothing: %q", text)
	}
	lines := strings.Split(strings.TrimSpace(written(t, "jsonl", record(rows...))), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q", line)
		}
	}
	if len(lines) != 3 {
		t.Errorf("%d lines", len(lines))
	}
}

// The same rows in batches of other sizes are the same bytes, in every format.
func TestBatchesDoNotMatter(t *testing.T) {
	many := make([]row, groupRows+5000)
	for i := range many {
		many[i] = rows[i%3]
		many[i].minor = int64(i)
	}
	for _, format := range Formats {
		whole := written(t, format, record(many...))
		for _, size := range []int{1777, 40_000} {
			var recs []arrow.Record
			for at := 0; at < len(many); at += size {
				recs = append(recs, record(many[at:min(at+size, len(many))]...))
			}
			if got := written(t, format, recs...); got != whole {
				t.Errorf("%s in batches of %d: %d bytes, %d at once", format, size, len(got), len(whole))
			}
		}
	}
}

func TestParquet(t *testing.T) {
	text := written(t, "parquet", record(rows...))
	f, err := file.NewParquetReader(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(t.Context())
	if err != nil || table.NumRows() != 3 || table.NumCols() != int64(len(columns)) {
		t.Fatalf("%v", err)
	}
	amount := table.Column(3).Data().Chunk(0).(*array.Decimal128)
	if amount.Value(2).BigInt().String() != rows[2].amount || table.Column(4).Data().Chunk(0).IsValid(1) {
		t.Errorf("%v", amount)
	}
	if empty := written(t, "parquet", record()); len(empty) < 100 {
		t.Errorf("of nothing: %d bytes", len(empty))
	}
}

// What does not fit the columns is an error, never another file.
func TestOtherColumns(t *testing.T) {
	var out bytes.Buffer
	w, err := New("csv", &out, Meta{}, columns[:2])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(record(rows...)); err == nil {
		t.Error("ten columns were written as two")
	}
	if _, err := New("xml", &out, Meta{}, columns); err == nil {
		t.Error("xml")
	}
}

// Instants are spelled as the standard library spells them, before 1970 too.
func TestInstants(t *testing.T) {
	var d dayText
	for _, micros := range []int64{0, 1, -1, 1_774_900_000_000_001, -86_400_000_001, 86_399_999_999, 86_400_000_000, 253_402_300_799_999_999, -2_208_988_800_000_000} {
		want := time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
		if got := string(d.instant(nil, micros)); got != want {
			t.Errorf("%d: %s, want %s", micros, got, want)
		}
	}
}

// Totals are exact, by column, currency and direction; going on from a list is
// as if nothing had come between.
func TestTotals(t *testing.T) {
	summed := slices.Clone(columns)
	summed[1].Sums = "currency"
	big := row{"x", "JPY", 9_223_372_036_854_775_807, "0", false}
	a, b := record(append(rows, big)...), record(row{"y", "AZN", -1, "0", true})
	once := NewTotals(summed)
	if err := errors.Join(once.Add(a), once.Add(b)); err != nil {
		t.Fatal(err)
	}
	want := []Total{{"amount_minor", "AZN", 2, "-3741", "0"}, {"amount_minor", "JPY", 2, "0", "18446744073709551614"}, {"amount_minor", "KWD", 1, "0", "1"}}
	if got := once.List(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	first, second := NewTotals(summed), NewTotals(summed)
	if err := errors.Join(first.Add(a), second.Resume(first.List()), second.Add(b)); err != nil || !slices.Equal(second.List(), want) {
		t.Errorf("%v %+v", err, second.List())
	}
	if second.Resume([]Total{{"amount_minor", "AZN", 1, "x", "0"}}) == nil {
		t.Error("a total that is no number")
	}
	summed[1].Sums = "absent"
	if NewTotals(summed).Add(a) == nil {
		t.Error("a currency that there is not")
	}
}

// Columns with dots are objects in JSON, and one object where they stand together.
func TestNested(t *testing.T) {
	nested := slices.Clone(columns)
	for i, name := range []string{"a.b.c", "a.b.d", "a.e", "f", "g.h"} {
		nested[i].Name = name
	}
	nested[3].Currency = ""
	var out bytes.Buffer
	l := newLines(&out, nested)
	fields := schema.Fields()
	for i := range nested {
		fields[i].Name = nested[i].Name
	}
	rec := record(rows[0])
	if err := errors.Join(l.Write(array.NewRecord(arrow.NewSchema(fields, nil), rec.Columns(), 1)), l.Close()); err != nil {
		t.Fatal(err)
	}
	if want := `{"a":{"b":{"c":"plain","d":-3740},"e":"AZN"},"f":"-37.4","g":{"h":"1.7"},"day":`; !strings.HasPrefix(out.String(), want) || !json.Valid(out.Bytes()) {
		t.Errorf("%s, want %s…", out.String(), want)
	}
}

// BenchmarkCSV: rows as they come from a warehouse, written to nowhere.
func BenchmarkCSV(b *testing.B) {
	many := make([]row, groupRows)
	for i := range many {
		many[i] = rows[i%3]
	}
	rec := record(many...)
	for b.Loop() {
		w, err := New("csv", io.Discard, Meta{}, columns)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(w.Write(rec), w.Close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/groupRows/float64(len(columns)), "ns/cell")
}
