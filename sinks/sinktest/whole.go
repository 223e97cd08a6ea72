package sinktest

import (
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// fileOf is a part that was read from a file to its end.
func fileOf(name, version string, rows ...Row) sinks.Part {
	p := Ledger("", schemas.Window{}, rows...)
	p.File = &schemas.File{Name: name, Version: version, Span: window(0, 1), Last: true}
	return p
}

// corrected is another wording of a file that is known.
func corrected(name, version string, rows ...Row) sinks.Part {
	p := fileOf(name, version, rows...)
	p.File.Replaces = window(0, 1)
	return p
}

func numbered(from, to int, amount int64) (rows []Row) {
	for i := from; i < to; i++ {
		rows = append(rows, Row{ID: fmt.Sprint(i), At: day(0).Add(time.Duration(i) * time.Minute), Amount: amount})
	}
	return rows
}

// changes is what a commit is expected to say.
type changes struct{ inserted, retracted, duplicates, visible int64 }

// step commits parts and compares what the sink says and shows of a stream.
func step(t *testing.T, s sinks.Sink, what string, news bool, want changes, parts ...sinks.Part) sinks.Done {
	t.Helper()
	stream := parts[0].Stream
	r, err := s.Commit(t.Context(), sinks.Batch{Parts: parts})
	must(t, err)
	d, err := s.Done(t.Context(), stream)
	must(t, err)
	if got := (changes{r.Inserted, r.Retracted, r.Duplicates, d.Rows}); got != want || r.Sequence > 0 != news {
		t.Fatalf("%s: %+v in manifest %d, want %+v", what, got, r.Sequence, want)
	}
	return d
}

// files: a file is known by name and wording; a correction withdraws, in one
// step with what it enters, the rows of its days that nobody states any more.
func files(t *testing.T, factory Factory) {
	open := factory(t)
	sink := open()
	later := Row{ID: "later", At: day(3), Amount: 1}
	step(t, sink, "a new file", true, changes{201, 0, 0, 201}, fileOf("a.csv", "v1", append(numbered(0, 200, 1), later)...))
	step(t, sink, "the same wording", false, changes{0, 0, 201, 201}, fileOf("a.csv", "v1", append(numbered(0, 200, 1), later)...))
	d := step(t, open(), "a file without rows", true, changes{0, 0, 0, 201}, fileOf("b.csv", "v1"))
	if len(d.Files) != 2 || d.Files["a.csv"].Version != "v1" || !d.Files["b.csv"].Last || d.Files["a.csv"].Span != window(0, 1) {
		t.Fatalf("files: %+v", d.Files)
	}
	// Of 200 rows one is left, another changed and 198 are gone; the day after next is not the file's.
	fixed := append(numbered(0, 1, 1), numbered(1, 2, 5)...)
	d = step(t, sink, "a correction", true, changes{1, 199, 1, 3}, corrected("a.csv", "v2", fixed...))
	if d.Files["a.csv"].Version != "v2" {
		t.Fatalf("after the correction: %+v", d.Files["a.csv"])
	}
	step(t, sink, "the same correction", false, changes{0, 0, 2, 3}, corrected("a.csv", "v2", fixed...))
	step(t, open(), "a withdrawn row in another file", true, changes{1, 0, 0, 4}, fileOf("c.csv", "v1", numbered(7, 8, 1)...))
	step(t, sink, "what another file of the batch states stays", true, changes{0, 2, 1, 2},
		corrected("a.csv", "v3"), fileOf("c.csv", "v1", numbered(7, 8, 1)...))

	begun := fileOf("long.csv", "", numbered(300, 302, 1)...)
	begun.File.Last = false
	if d = step(t, sink, "the beginning of a long file", true, changes{2, 0, 0, 4}, begun); d.Files["long.csv"].Last {
		t.Fatal("a file that has only begun is complete")
	}
	if d = step(t, sink, "its end", true, changes{0, 0, 0, 4}, fileOf("long.csv", "v1")); !d.Files["long.csv"].Last {
		t.Fatal("a file that was read to its end is not complete")
	}
}

// listing is a catalogue as it was read.
func listing(table *schemas.Table, wallet string, ids ...string) sinks.Part {
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowSchema())
	defer b.Release()
	for _, id := range ids {
		for c, f := range table.Fields {
			switch b := b.Field(c).(type) {
			case *array.StringBuilder:
				b.Append(map[string]string{"source": "mpay", "wallet_id": wallet, table.Key[len(table.Key)-1]: id, "status": "active"}[f.Name])
			case *array.TimestampBuilder:
				b.Append(arrow.Timestamp(day(0).UnixMicro()))
			}
		}
	}
	p := sinks.Part{Stream: schemas.Stream{Source: "mpay", Wallet: wallet, Table: table}, Final: true, Rows: sinks.NewSpool(table.ArrowSchema(), "", 0)}
	_ = p.Rows.Append(b.NewRecord()) // never spills, so never fails
	return p
}

// catalogues: what a whole listing no longer has is kept and retired, once, and
// may come back; a listing that proves nothing retires nothing.
func catalogues(t *testing.T, factory Factory) {
	open := factory(t)
	sink := open()
	favourites := func(wallet string, ids ...string) sinks.Part { return listing(schemas.Templates, wallet, ids...) }
	step(t, sink, "a listing", true, changes{2, 0, 0, 2}, favourites("w1", "1", "2"))
	step(t, sink, "of another wallet", true, changes{1, 0, 0, 1}, favourites("w2", "1"))
	step(t, sink, "one is gone", true, changes{1, 1, 1, 2}, favourites("w1", "1"))
	step(t, open(), "the same again", false, changes{0, 0, 1, 2}, favourites("w1", "1"))
	step(t, sink, "it is back", true, changes{1, 1, 1, 2}, favourites("w1", "1", "2"))
	doubtful := favourites("w1", "1")
	doubtful.Rejects = []schemas.Reject{{RowID: "2", Reason: schemas.ReasonMissing, Raw: []byte("2")}}
	step(t, sink, "a rejected row may be the one that lacks", true, changes{0, 0, 1, 2}, doubtful)
	step(t, sink, "both wallets at once, everything deleted by one", true, changes{2, 2, 1, 2}, favourites("w1"), favourites("w2", "1"))
	step(t, sink, "and again", false, changes{0, 0, 1, 2}, favourites("w1"), favourites("w2", "1"))

	flows := func(ids ...string) sinks.Part { return listing(schemas.NFCWorkflows, "", ids...) }
	step(t, sink, "a catalogue of everybody", true, changes{2, 0, 0, 2}, flows("a", "b"))
	step(t, sink, "an empty one is an outage", false, changes{0, 0, 0, 2}, flows())
	step(t, sink, "one is gone", true, changes{1, 1, 1, 2}, flows("a"))
	file := flows("b")
	file.File = &schemas.File{Name: "f.csv", Version: "1", Last: true}
	step(t, sink, "a file lists itself alone", true, changes{1, 1, 0, 2}, file)
}
