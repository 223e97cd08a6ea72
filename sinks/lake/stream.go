package lake

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
)

// each hands the key columns of an object, and with chain those of its balance
// chain, to fn: all at once when they are small enough to be kept for the next
// time, else page by page, so that a run that reads a long history again holds
// one page of it. from is the row that cols begins with; cols are valid during
// the call.
func (f *finder) each(ctx context.Context, o object, chain bool, fn func(from int, cols *keyColumns) error) error {
	if cols := f.kept[o.path]; cols != nil && (!chain || cols.chain != nil) {
		return fn(0, cols)
	}
	if o.rows*rowBytes <= f.cache.limit/cacheShare {
		cols, err := f.columns(ctx, o, chain)
		if err != nil {
			return err
		}
		return fn(0, cols)
	}
	r, err := openObject(ctx, f.bucket, o.path, o.bytes)
	if err != nil {
		return err
	}
	from := 0
	s := newStretch(f.lay, chain)
	return r.chunks(s.fields, func(rec arrow.Record) error {
		cols := s.columns(rec)
		err := fn(from, cols)
		from += len(cols.keys)
		return err
	})
}

// cacheShare is the part of the cache that one object may take: one that takes
// more would only drive out the others, which a look-back needs again.
const cacheShare = 8

// rowBytes is what a row takes in the columns of keys and chain, as a rule.
const rowBytes = 29 + 38 + usualID

// stretch reads the key columns, and those of the chain, of some rows in a row.
type stretch struct {
	lay    layout
	fields []schemas.Field
	keys   *schemas.Table
	hasher *schemas.Hasher
	schema *arrow.Schema // of the keys
	chain  bool
}

func newStretch(lay layout, chain bool) *stretch {
	kt := keyTable(lay.table)
	s := &stretch{lay: lay, fields: append(lakeFields(), kt.Fields...), keys: kt, hasher: schemas.NewHasher(kt), schema: kt.ArrowSchema(), chain: chain}
	if chain {
		fields, _, _ := lay.chainFields()
		s.fields = append(s.fields, fields...)
	}
	return s
}

func (s *stretch) columns(rec arrow.Record) *keyColumns {
	n, own := int(rec.NumRows()), len(lakeFields())
	k := newKeyColumns(n)
	k.addOwn(rec)
	keys := array.NewRecord(s.schema, rec.Columns()[own:own+len(s.keys.Fields)], rec.NumRows())
	k.keys, _ = s.hasher.Rows(keys, k.keys, make([]uint64, 0, n))
	if s.chain {
		b := newChainBuilder(s.lay, n)
		b.add(rec.Columns()[own+len(s.keys.Fields):], n)
		k.chain = b.done()
	}
	return k
}
