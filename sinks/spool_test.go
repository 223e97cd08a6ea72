package sinks_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page is a record of n ledger rows, of which every other has no balance.
func page(from, n int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schemas.Ledger.ArrowSchema())
	defer b.Release()
	for i := from; i < from+n; i++ {
		for c, f := range schemas.Ledger.Fields {
			switch b := b.Field(c).(type) {
			case *array.StringBuilder:
				b.Append(fmt.Sprintf("%s-%d", f.Name[:3], i))
			case *array.Int64Builder:
				if f.Nullable && i%2 == 0 {
					b.AppendNull()
				} else {
					b.Append(int64(i))
				}
			case *array.Int32Builder:
				b.Append(int32(i))
			case *array.TimestampBuilder:
				b.Append(arrow.Timestamp(i))
			case *array.Date32Builder:
				b.Append(arrow.Date32(i))
			}
		}
	}
	return b.NewRecord()
}

// Very many pages of one row take the memory of their rows, not of their pages,
// and come out as they went in. PAYLAKE_TEST_PAGES=1000000 for the large size.
func TestTinyPages(t *testing.T) {
	pages := 30_000
	if n, err := strconv.Atoi(os.Getenv("PAYLAKE_TEST_PAGES")); err == nil {
		pages = n
	}
	s := sinks.NewSpool(schemas.Ledger.ArrowSchema(), t.TempDir(), 250_000)
	defer s.Release()
	before := heap()
	for i := range pages {
		if err := s.Append(page(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	held := heap() - before
	if perRow := held / uint64(min(pages, 250_000)); perRow > 1500 {
		t.Errorf("%d bytes a row are held in memory", perRow)
	}
	t.Logf("%d pages of one row: %d MiB held, %d rows on disk", pages, held>>20, s.Len()-s.Held())
	at := 0
	for rec, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		want := page(at, int(rec.NumRows()))
		if !array.RecordEqual(rec, want) {
			t.Fatalf("rows %d to %d differ", at, at+int(rec.NumRows()))
		}
		want.Release()
		at += int(rec.NumRows())
	}
	if at != pages || s.Len() != int64(pages) {
		t.Errorf("%d rows of %d", at, pages)
	}
}

// Pages of every size, in any order, keep their order.
func TestSpoolPacks(t *testing.T) {
	s := sinks.NewSpool(schemas.Ledger.ArrowSchema(), t.TempDir(), 0)
	at := 0
	for i := range 400 {
		n := []int{1, 3, 0, 31, 1, 33, 1, 1, 1030}[(i/50)%9]
		if err := s.Append(page(at, n)); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	seen := 0
	for rec, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		want := page(seen, int(rec.NumRows()))
		if !array.RecordEqual(rec, want) {
			t.Fatalf("rows from %d differ", seen)
		}
		seen += int(rec.NumRows())
	}
	if seen != at || s.Held() != int64(at) {
		t.Errorf("%d rows of %d, %d held", seen, at, s.Held())
	}
	s.Release()
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
