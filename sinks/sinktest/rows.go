package sinktest

import (
	"os"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Row is a ledger row of a test; what it does not name is empty.
type Row struct {
	Wallet, ID string
	At         time.Time
	Amount     int64
	Balance    *int64
	Provider   string
	Status     string
}

// Stream is the ledger of a wallet of the source "mpay".
func Stream(wallet string) schemas.Stream {
	return schemas.Stream{Source: "mpay", Wallet: wallet, Table: schemas.Ledger}
}

// Ledger is a final part with rows of a wallet.
func Ledger(wallet string, w schemas.Window, rows ...Row) sinks.Part {
	return sinks.Part{Stream: Stream(wallet), Window: w, Final: true, Rows: spoolOf(nil, rows, 100)}
}

func spoolOf(mem memory.Allocator, rows []Row, page int) *sinks.Spool {
	s := sinks.NewSpool(schemas.Ledger.ArrowSchema(), "", 0)
	for len(rows) > 0 {
		n := min(page, len(rows))
		_ = s.Append(Record(mem, rows[:n])) // never spills, so never fails
		rows = rows[n:]
	}
	return s
}

// Record makes a ledger record; a nil allocator is Go's.
func Record(mem memory.Allocator, rows []Row) arrow.Record {
	if mem == nil {
		mem = memory.DefaultAllocator
	}
	b := array.NewRecordBuilder(mem, schemas.Ledger.ArrowSchema())
	defer b.Release()
	for i := range rows {
		for c, f := range schemas.Ledger.Fields {
			appendField(b.Field(c), f, &rows[i])
		}
	}
	return b.NewRecord()
}

func appendField(b array.Builder, f schemas.Field, r *Row) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(map[string]string{"source": "mpay", "wallet_id": r.Wallet, "entry_id": r.ID, "currency": "AZN",
			"provider_code": r.Provider, "status": r.Status}[f.Name])
	case *array.Int32Builder:
		b.Append(0)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(r.At.UnixMicro()))
	case *array.Date32Builder:
		b.Append(arrow.Date32(schemas.NewZone(time.UTC).BusinessDate(r.At.UnixMicro())))
	case *array.Int64Builder:
		switch {
		case f.Name == schemas.Ledger.Amount:
			b.Append(r.Amount)
		case f.Name == schemas.Ledger.Balance && r.Balance != nil:
			b.Append(*r.Balance)
		case f.Nullable:
			b.AppendNull()
		default:
			b.Append(0)
		}
	}
}

// brokenSpool has rows that cannot be read any more.
func brokenSpool(t *testing.T) *sinks.Spool {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "spool")
	must(t, err)
	s := sinks.NewSpool(schemas.Ledger.ArrowSchema(), dir, 1)
	must(t, s.Append(Record(nil, []Row{{ID: "1", At: day(0)}, {ID: "2", At: day(0)}})))
	must(t, os.RemoveAll(dir))
	return s
}

func day(n int) time.Time { return time.Date(2026, 3, 30+n, 0, 0, 0, 0, time.UTC) } // over a month's end

func window(from, to int) schemas.Window { return schemas.Window{From: day(from), To: day(to)} }

func ptr[T any](v T) *T { return &v }
