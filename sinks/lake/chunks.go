package lake

import (
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// Reading an object page by page: what is kept of it is much smaller than its
// texts, and a run that reads known rows again looks at every object.

// pageArrays yields a column in pieces, each an Arrow array of the field's type.
func (o *objectReader) pageArrays(f schemas.Field) iter.Seq2[arrow.Array, error] {
	return func(yield func(arrow.Array, error) bool) {
		i, ok := o.columns[f.Name]
		if !ok {
			yield(o.read(f)) // empty, or an error
			return
		}
		stopped := false
		err := o.pages(i, func(p parquet.Page) error {
			a, err := pageArray(p, f)
			if err != nil {
				return err
			}
			if !yield(a, nil) {
				stopped = true
				return errStopped
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, fmt.Errorf("object %s, column %s: %w", o.path, f.Name, err))
		}
	}
}

// errStopped ends the reading of pages that nobody wants any more.
var errStopped = fmt.Errorf("stopped")

func pageArray(p parquet.Page, f schemas.Field) (arrow.Array, error) {
	n := int(p.NumValues())
	switch f.Kind {
	case schemas.String, schemas.Code:
		t := newTextPages(n)
		err := t.add(p)
		return t.array(), err
	case schemas.Int32, schemas.Date:
		c := newIntPages[int32](f, n)
		d := p.Data()
		c.add(p, d.Int32())
		return c.array(), nil
	}
	c := newIntPages[int64](f, n)
	d := p.Data()
	c.add(p, d.Int64())
	return c.array(), nil
}

// chunks hands out columns of the object as records of some thousand rows each,
// in order. A record is valid during the call.
func (o *objectReader) chunks(fields []schemas.Field, fn func(arrow.Record) error) error {
	meta := make([]arrow.Field, len(fields))
	next := make([]func() (arrow.Array, error, bool), len(fields))
	for i, f := range fields {
		meta[i] = arrow.Field{Name: f.Name, Type: f.Kind.Arrow(), Nullable: f.Nullable}
		pull, stop := iter.Pull2(o.pageArrays(f))
		defer stop()
		next[i] = pull
	}
	schema, heads := arrow.NewSchema(meta, nil), make([]arrow.Array, len(fields))
	for rows := o.rows(); rows > 0; {
		n := rows
		for i := range heads {
			for heads[i] == nil || heads[i].Len() == 0 {
				a, err, ok := next[i]()
				if !ok {
					return fmt.Errorf("object %s, column %s ends %d rows early: %w", o.path, fields[i].Name, rows, sinks.ErrCorrupt)
				}
				if err != nil {
					return err
				}
				heads[i] = a
			}
			n = min(n, heads[i].Len())
		}
		if err := fn(array.NewRecord(schema, split(heads, n), int64(n))); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// split takes the first n values of each array off.
func split(heads []arrow.Array, n int) []arrow.Array {
	out := make([]arrow.Array, len(heads))
	for i, h := range heads {
		if h.Len() == n {
			out[i], heads[i] = h, nil
			continue
		}
		out[i] = array.NewSlice(h, 0, int64(n))
		heads[i] = array.NewSlice(h, int64(n), int64(h.Len()))
	}
	return out
}
