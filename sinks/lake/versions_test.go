package lake

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// pspRow builds one row of a table; columns that are not named are empty, zero
// or NULL.
func pspRow(t *schemas.Table, values map[string]any) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, t.ArrowSchema())
	defer b.Release()
	for i, f := range t.Fields {
		v, named := values[f.Name]
		switch b := b.Field(i).(type) {
		case *array.StringBuilder:
			text, _ := v.(string)
			b.Append(text)
		case *array.Date32Builder:
			b.Append(arrow.Date32(schemas.NewZone(time.UTC).BusinessDate(values[t.Time].(int64))))
		case *array.TimestampBuilder:
			if !named {
				b.AppendNull()
				continue
			}
			b.Append(arrow.Timestamp(v.(int64)))
		case *array.Int32Builder:
			b.Append(0)
		case *array.Int64Builder:
			if n, ok := v.(int64); ok || !f.Nullable {
				b.Append(n)
			} else {
				b.AppendNull()
			}
		}
	}
	return b.NewRecord()
}

func commitRow(t *testing.T, l *Lake, table *schemas.Table, w schemas.Window, rec arrow.Record) sinks.Receipt {
	t.Helper()
	spool := sinks.NewSpool(table.ArrowSchema(), t.TempDir(), 1000)
	if err := spool.Append(rec); err != nil {
		t.Fatal(err)
	}
	got, err := l.Commit(t.Context(), sinks.Batch{Parts: []sinks.Part{
		{Stream: schemas.Stream{Source: "psp", Table: table}, Window: w, Final: true, Rows: spool}}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func verified(t *testing.T, l *Lake) Report {
	t.Helper()
	report, err := Verify(t.Context(), l.URL(), VerifyOptions{})
	if err != nil {
		t.Fatal(err, report.Findings)
	}
	return report
}

// A later version of a table adds columns. What was written before it stays as
// it is: the same row is a duplicate, one with a value in the new column is a
// revision, and both verify.
func TestLaterColumnsReviseNothing(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	old, now := schemas.Operations.AsOf(1), schemas.Operations
	w := schemas.Window{From: day0, To: day0.AddDate(0, 0, 1)}
	values := map[string]any{"source": "psp", "project_id": int64(210), "operation_id": "1", "created_at": day0.UnixMicro(),
		"amount_minor": int64(5000), "currency": "KGS", "provider_code": "mbank"}
	if got := commitRow(t, l, old, w, pspRow(old, values)); got.Inserted != 1 {
		t.Fatalf("%+v", got)
	}
	if got := commitRow(t, l, now, w, pspRow(now, values)); got.Inserted != 0 || got.Duplicates != 1 {
		t.Errorf("the new version revises a row that has not changed: %+v", got)
	}
	verified(t, l)
	values["payment_minor"], values["payment_currency"] = int64(50000), "KGS"
	if got := commitRow(t, l, now, w, pspRow(now, values)); got.Inserted != 1 || got.Retracted != 1 {
		t.Errorf("%+v", got)
	}
	verified(t, l)
}

// Every observation is kept, the same balance at another instant too, and lies
// in the month in which it was made.
func TestObservationsAreKept(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	table := schemas.PSPBalances
	at := func(d time.Duration) map[string]any {
		return map[string]any{"source": "psp", "observed_at": day0.Add(d).UnixMicro(), "name": "main", "currency": "KGS", "amount_minor": int64(-700)}
	}
	for i, d := range []time.Duration{0, time.Minute, 40 * 24 * time.Hour} {
		if got := commitRow(t, l, table, schemas.Window{}, pspRow(table, at(d))); got.Inserted != 1 || got.Sequence != int64(i+1) {
			t.Fatalf("observation %d: %+v", i, got)
		}
	}
	if got := commitRow(t, l, table, schemas.Window{}, pspRow(table, at(time.Minute))); got.Duplicates != 1 || got.Sequence != 0 {
		t.Errorf("the same observation again: %+v", got)
	}
	months := map[string]int{}
	for e, err := range l.Manifests(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range e.Objects {
			months[o.Month]++
		}
	}
	if months["2026-01"] != 2 || months["2026-02"] != 1 {
		t.Errorf("%v", months)
	}
	if got := verified(t, l); got.Rows != 3 {
		t.Errorf("%+v", got)
	}
}
