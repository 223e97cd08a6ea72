package sinks

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Spool collects the records of one window. Beyond a number of rows in memory
// it writes them to Arrow IPC files, so that a window of any size needs bounded
// memory. Not for concurrent use.
type Spool struct {
	dir     string
	limit   int64
	schema  *arrow.Schema
	mem     []arrow.Record
	memRows int64
	rows    int64
	runs    []string
}

// NewSpool returns an empty spool that keeps at most limit rows in memory and
// the others under dir (in files that Release removes). A limit of 0 never
// spills.
func NewSpool(schema *arrow.Schema, dir string, limit int64) *Spool {
	return &Spool{dir: dir, limit: limit, schema: schema}
}

// Append takes over rec.
func (s *Spool) Append(rec arrow.Record) error {
	s.mem = append(s.mem, rec)
	s.memRows += rec.NumRows()
	s.rows += rec.NumRows()
	if s.limit > 0 && s.memRows > s.limit {
		return s.spill()
	}
	for rows := int64(1); rows < fewRows; rows *= few {
		if err := s.pack(rows * few); err != nil {
			return err
		}
	}
	return nil
}

// The buffers of a record take kilobytes, however few rows it has: an upstream
// with very many pages of one row would fill the memory with them. So the last
// few records become one whenever all of them are small; a row is copied twice
// at most on its way to fewRows.
const (
	few     = 32
	fewRows = few * few
)

// pack makes one record of the last few when all of them have fewer rows than
// below.
func (s *Spool) pack(below int64) error {
	first := len(s.mem) - few
	if first < 0 {
		return nil
	}
	last := s.mem[first:]
	if slices.ContainsFunc(last, func(r arrow.Record) bool { return r.NumRows() >= below }) {
		return nil
	}
	columns := make([]arrow.Array, s.schema.NumFields())
	rows := int64(0)
	for i := range columns {
		parts := make([]arrow.Array, few)
		for n, r := range last {
			parts[n] = r.Column(i)
		}
		c, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		defer c.Release()
		columns[i], rows = c, int64(c.Len())
	}
	whole := array.NewRecord(s.schema, columns, rows)
	for _, r := range last {
		r.Release()
	}
	s.mem = append(s.mem[:first], whole)
	return nil
}

// Len is the number of rows appended.
func (s *Spool) Len() int64 {
	if s == nil {
		return 0
	}
	return s.rows
}

// Held is the number of rows in memory; the others lie on disk.
func (s *Spool) Held() int64 {
	if s == nil {
		return 0
	}
	return s.memRows
}

// Spilled reports whether some rows lie on disk: then a reader must not hold
// all of them at once.
func (s *Spool) Spilled() bool { return s != nil && len(s.runs) > 0 }

func (s *Spool) spill() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return DiskError("create", s.dir, "data_dir", err)
	}
	f, err := os.CreateTemp(s.dir, "window-*.arrow")
	if err != nil {
		return DiskError("write", s.dir, "data_dir", err)
	}
	s.runs = append(s.runs, f.Name())
	err = s.write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return DiskError("write", f.Name(), "data_dir", err)
}

func (s *Spool) write(f *os.File) error {
	w := ipc.NewWriter(f, ipc.WithSchema(s.schema))
	for _, rec := range s.mem {
		if err := w.Write(rec); err != nil {
			return err
		}
	}
	s.dropMemory()
	return w.Close()
}

// All yields every record in the order of arrival. A record is valid until the
// next one is asked for; who wants to keep it longer must Retain it. The
// sequence ends after the first error.
func (s *Spool) All() iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		if s == nil {
			return
		}
		for _, run := range s.runs {
			if !readRun(run, yield) {
				return
			}
		}
		for _, rec := range s.mem {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func readRun(path string, yield func(arrow.Record, error) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		yield(nil, fmt.Errorf("spool: %w", err))
		return false
	}
	defer f.Close()
	r, err := ipc.NewReader(f, ipc.WithAllocator(memory.DefaultAllocator))
	if err != nil {
		yield(nil, fmt.Errorf("spool %s: %w", filepath.Base(path), err))
		return false
	}
	defer r.Release()
	for r.Next() {
		if !yield(r.Record(), nil) {
			return false
		}
	}
	if err := r.Err(); err != nil {
		yield(nil, fmt.Errorf("spool %s: %w", filepath.Base(path), err))
		return false
	}
	return true
}

// Release gives back memory and removes the files. It may be called twice.
func (s *Spool) Release() {
	if s == nil {
		return
	}
	s.dropMemory()
	for _, run := range s.runs {
		_ = os.Remove(run) // a file left behind goes with the process's folder
	}
	s.runs = nil
}

func (s *Spool) dropMemory() {
	for _, rec := range s.mem {
		rec.Release()
	}
	s.mem, s.memRows = nil, 0
}
