package lake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// sorter sorts rows of any number with bounded memory: sorted runs in files of
// Arrow's own format, merged when they are read.
type sorter struct {
	dir, name string
	lay       layout
	limit     int // rows of a run
	rows      int64
	recs      []arrow.Record
	parts     []int32 // of recs
	entries   []entry
	runs      []string
}

// runRecordRows is small, because merging holds one record of every run.
const runRecordRows = 1024

// Columns of a run after the table's.
const (
	runPart = iota
	runRevision
	runSign
	runHash
)

func (s *sorter) schema() *arrow.Schema {
	fields := s.lay.table.ArrowSchema().Fields()
	for _, name := range []string{"_part", "_revision", "_sign"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int32})
	}
	return arrow.NewSchema(append(fields, arrow.Field{Name: "_hash", Type: arrow.PrimitiveTypes.Int64}), nil)
}

// addRecord adds all rows of a record as they were read. The record is
// retained until the next run is written.
func (s *sorter) addRecord(rec arrow.Record, part int32) error {
	rec.Retain()
	at := uint32(len(s.recs))
	s.recs, s.parts = append(s.recs, rec), append(s.parts, part)
	for row := range uint32(rec.NumRows()) {
		s.entries = append(s.entries, entry{rec: at, row: row})
	}
	s.rows += rec.NumRows()
	if len(s.entries) >= s.limit {
		return s.flush()
	}
	return nil
}

// addEntries adds what a chunk has decided to store. Its records do not outlive
// the chunk, so it becomes a run at once.
func (s *sorter) addEntries(p planned) error {
	if len(p.entries) == 0 {
		return nil
	}
	s.recs, s.entries = recordsOf(p.recs), p.entries
	s.parts = make([]int32, len(s.recs))
	s.rows += int64(len(p.entries))
	for _, r := range s.recs {
		r.Retain()
	}
	return s.flush()
}

// flush writes a run.
func (s *sorter) flush() error {
	defer func() {
		for _, r := range s.recs {
			r.Release()
		}
		s.recs, s.parts, s.entries = nil, nil, nil
	}()
	if len(s.entries) == 0 {
		return nil
	}
	orderOf(s.lay, s.recs, s.entries).sort(s.entries)
	path := filepath.Join(s.dir, fmt.Sprintf("%s-%06d.arrow", s.name, len(s.runs)))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return sortError("write", path, err)
	}
	s.runs = append(s.runs, path)
	if err := s.writeRun(f); err != nil {
		return sortError("write", path, errJoinClose(err, f))
	}
	return sortError("write", path, f.Close())
}

func errJoinClose(err error, f *os.File) error {
	_ = f.Close() // the first error says what happened
	return err
}

func (s *sorter) writeRun(f *os.File) error {
	schema := s.schema()
	w := ipc.NewWriter(f, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for entries := s.entries; len(entries) > 0; {
		n := min(runRecordRows, len(entries))
		s.gather(b, entries[:n])
		entries = entries[n:]
		rec := b.NewRecord()
		err := w.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return w.Close()
}

// gather copies entries into the builder, column by column.
func (s *sorter) gather(b *array.RecordBuilder, entries []entry) {
	n := len(s.lay.table.Fields)
	for c := range n {
		cols := make([]arrow.Array, len(s.recs))
		for i, r := range s.recs {
			cols[i] = r.Column(c)
		}
		for i := range entries {
			appendValue(b.Field(c), cols[entries[i].rec], int(entries[i].row))
		}
	}
	for i := range entries {
		e := &entries[i]
		b.Field(n + runPart).(*array.Int32Builder).Append(s.parts[e.rec])
		b.Field(n + runRevision).(*array.Int32Builder).Append(e.revision)
		b.Field(n + runSign).(*array.Int32Builder).Append(e.sign)
		b.Field(n + runHash).(*array.Int64Builder).Append(int64(e.hash))
	}
}

// remove deletes the runs.
func (s *sorter) remove() {
	for _, run := range s.runs {
		_ = os.Remove(run) // the folder goes as a whole at the end
	}
}

// merge hands out the sorted rows in stretches. full says, of the rows
// collected so far, the last one and the one that would follow, whether the
// stretch ends between them.
func (s *sorter) merge(ctx context.Context, full func(n int, last, next *cursor) bool, fn func(merged) error) (err error) {
	h, err := s.open()
	defer func() {
		for _, c := range h.all {
			c.close()
		}
	}()
	if err != nil {
		return err
	}
	var m merged
	var previous cursor
	release := func() {
		for _, r := range m.recs {
			r.Release()
		}
		m = merged{}
	}
	defer func() { release() }()
	for c := h.top(); c != nil; c = h.top() {
		if n := len(m.entries); n > 0 && full(n, &previous, c) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(m); err != nil {
				return err
			}
			release()
			for _, o := range h.all {
				o.slot = -1
			}
		}
		m.take(c)
		previous = *c
		if err := h.advance(); err != nil {
			return err
		}
	}
	if len(m.entries) == 0 {
		return nil
	}
	m.last = true
	return fn(m)
}

// take adds the cursor's row.
func (m *merged) take(c *cursor) {
	if c.slot < 0 {
		c.slot = len(m.recs)
		c.rec.Retain()
		m.recs, m.parts = append(m.recs, c.rec), append(m.parts, c.parts)
	}
	m.entries = append(m.entries, entry{rec: uint32(c.slot), row: uint32(c.row), hash: uint64(c.hashes[c.row]),
		revision: c.revisions[c.row], sign: c.signs[c.row]})
}
