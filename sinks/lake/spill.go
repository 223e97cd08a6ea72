package lake

import (
	"context"
	"fmt"
	"os"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/paylake/paylake/sinks"
)

// Batches beyond the memory limit. Rows are sorted on disk into the order of
// objects, and go through the same planning in chunks; what a chunk decides to
// store is sorted again (a withdrawn row may belong elsewhere) and encoded
// object by object. The objects are the ones that memory would have given, as
// long as a revision does not move a row's event time (which no table allows).

// planSpilled plans a batch of any size in bounded memory.
func (l *Lake) planSpilled(ctx context.Context, p *planner, out *objectWriter) (err error) {
	dir, err := l.tempDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	read, err := l.sortRead(ctx, dir, p)
	if err != nil {
		return err
	}
	decided := &sorter{dir: dir, name: "decided", lay: p.lay, limit: l.limits.runRows}
	err = read.merge(ctx, func(n int, a, b *cursor) bool {
		return n >= l.limits.runRows && compareCursors(a, b, true) != 0
	}, func(m merged) error {
		done, err := p.chunk(ctx, m.batchRecs(), m.entries, m.last)
		if err != nil {
			return err
		}
		return decided.addEntries(done)
	})
	if err != nil {
		return err
	}
	if read.rows == 0 { // windows without rows have chains and ends, too
		if _, err := p.chunk(ctx, nil, nil, true); err != nil {
			return err
		}
	}
	read.remove()
	if err := decided.flush(); err != nil {
		return err
	}
	return decided.merge(ctx, func(n int, a, b *cursor) bool {
		return n == l.limits.objectRows || a.month != b.month
	}, func(m merged) error { return out.write(ctx, nil, m.recs, m.entries) })
}

func (l *Lake) tempDir() (string, error) {
	base := l.opts.TempDir
	if base == "" {
		base = os.TempDir()
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", sortError("create", base, err)
	}
	dir, err := os.MkdirTemp(base, "commit-*")
	if err != nil {
		return "", sortError("create", base, err)
	}
	return dir, nil
}

// sortError is sinks.DiskError for the folder where large batches are sorted.
func sortError(op, path string, err error) error { return sinks.DiskError(op, path, "data_dir", err) }

// sortRead sorts the rows that were read into runs, with the number of their
// part. Rows of one key and time stay in reading order.
func (l *Lake) sortRead(ctx context.Context, dir string, p *planner) (*sorter, error) {
	s := &sorter{dir: dir, name: "read", lay: p.lay, limit: l.limits.runRows}
	for i := range p.parts {
		for rec, err := range p.rowsOf(i) {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = s.addRecord(rec, int32(i))
			}
			if err != nil {
				return nil, fmt.Errorf("sort rows: %w", err)
			}
		}
	}
	return s, s.flush()
}

// merged is a stretch of the sorted rows. Its records are valid during the call
// that it is handed to.
type merged struct {
	recs    []arrow.Record
	parts   [][]int32
	entries []entry
	last    bool
}

func (m merged) batchRecs() []batchRec {
	out := make([]batchRec, len(m.recs))
	for i, r := range m.recs {
		out[i] = batchRec{rec: r, parts: m.parts[i]}
	}
	return out
}
