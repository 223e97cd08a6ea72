package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// objectReader reads single columns of an object, and only their bytes.
type objectReader struct {
	path    string
	file    *parquet.File
	columns map[string]int
}

// rangeReader lets the Parquet reader fetch ranges of a key.
type rangeReader struct {
	ctx context.Context // of one read; io.ReaderAt has no place for it
	b   bucket
	key string
}

func (r rangeReader) ReadAt(p []byte, off int64) (int, error) {
	data, err := r.b.Read(r.ctx, r.key, off, int64(len(p)))
	n := copy(p, data)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func openObject(ctx context.Context, b bucket, path string, size int64) (*objectReader, error) {
	return newObjectReader(path, rangeReader{ctx, b, path}, size)
}

func newObjectReader(path string, r io.ReaderAt, size int64) (*objectReader, error) {
	whole, inMemory := r.(*bytes.Reader)
	if inMemory { // somebody else may have written it
		if err := checkFooter(whole, size); err != nil {
			return nil, fmt.Errorf("object %s: %w", path, err)
		}
	}
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true),
		parquet.ReadBufferSize(256<<10))
	if err != nil {
		if errors.Is(err, errAbsent) {
			err = sinks.ErrCorrupt
		}
		return nil, fmt.Errorf("object %s: %w", path, err)
	}
	if err := checkMeta(f.Metadata(), size); err != nil {
		return nil, fmt.Errorf("object %s: %w", path, err)
	}
	for i := 0; inMemory && i < len(f.Metadata().RowGroups[0].Columns); i++ {
		if err := checkPages(whole, &f.Metadata().RowGroups[0].Columns[i].MetaData); err != nil {
			return nil, fmt.Errorf("object %s, column %d: %w", path, i+1, err)
		}
	}
	o := &objectReader{path: path, file: f, columns: map[string]int{}}
	for i, p := range f.Schema().Columns() {
		o.columns[p[0]] = i
	}
	return o, nil
}

func (o *objectReader) rows() int { return int(o.file.NumRows()) }

// read returns a column as an Arrow array of the field's type. A kept column,
// or one of a later version, that the object does not have reads as empty text
// or NULL.
func (o *objectReader) read(f schemas.Field) (arrow.Array, error) {
	i, ok := o.columns[f.Name]
	if !ok && (f.Kept || f.Since > 1) {
		return emptyColumn(f, o.rows()), nil
	}
	if !ok {
		return nil, fmt.Errorf("object %s has no column %s: %w", o.path, f.Name, sinks.ErrCorrupt)
	}
	var a arrow.Array
	var err error
	switch f.Kind {
	case schemas.String, schemas.Code:
		a, err = o.texts(i)
	case schemas.Int32, schemas.Date:
		a, err = readInts(o, i, f, func(p parquet.Page) []int32 { d := p.Data(); return d.Int32() })
	default:
		a, err = readInts(o, i, f, func(p parquet.Page) []int64 { d := p.Data(); return d.Int64() })
	}
	if err != nil {
		return nil, fmt.Errorf("object %s, column %s: %w", o.path, f.Name, err)
	}
	if a.Len() != o.rows() {
		return nil, fmt.Errorf("object %s, column %s has %d values of %d: %w", o.path, f.Name, a.Len(), o.rows(), sinks.ErrCorrupt)
	}
	return a, nil
}

// pages calls fn with every page of a column. The page is valid during the
// call.
func (o *objectReader) pages(i int, fn func(parquet.Page) error) error {
	for _, group := range o.file.RowGroups() {
		pages := group.ColumnChunks()[i].Pages()
		err := eachPage(pages, fn)
		if cerr := pages.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func eachPage(pages parquet.Pages, fn func(parquet.Page) error) error {
	for {
		p, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = fn(p)
		parquet.Release(p)
		if err != nil {
			return err
		}
	}
}

func (o *objectReader) texts(i int) (arrow.Array, error) {
	t := newTextPages(o.rows())
	if err := o.pages(i, t.add); err != nil {
		return nil, err
	}
	return t.array(), nil
}

// textPages collects texts from pages.
type textPages struct {
	values  []byte
	offsets []int32
	rows    int // that will come, all pages together
}

func newTextPages(rows int) *textPages {
	return &textPages{offsets: make([]int32, 1, rows+1), rows: rows}
}

func (t *textPages) add(p parquet.Page) error {
	data := p.Data()
	dict := p.Dictionary()
	if dict == nil {
		v, off := data.ByteArray()
		if len(off) < 2 {
			return nil
		}
		first, last := off[0], off[len(off)-1]
		t.grow(int(last-first), len(off)-1)
		at := int32(len(t.values)) - int32(first)
		t.values = append(t.values, v[first:last]...)
		for _, o := range off[1:] {
			t.offsets = append(t.offsets, at+int32(o))
		}
		return nil
	}
	dd := dict.Page().Data()
	dv, do := dd.ByteArray()
	indexes := data.Int32()
	bytes := 0
	for _, n := range indexes {
		if n < 0 || int(n)+1 >= len(do) {
			return fmt.Errorf("dictionary has no entry %d: %w", n, sinks.ErrCorrupt)
		}
		bytes += int(do[n+1] - do[n])
	}
	t.grow(bytes, len(indexes))
	for _, n := range indexes {
		t.values = append(t.values, dv[do[n]:do[n+1]]...)
		t.offsets = append(t.offsets, int32(len(t.values)))
	}
	return nil
}

// maxGuess bounds what the first page may make us expect of the others.
const maxGuess = 32 << 20

// grow makes room for a page. The first one tells how much all will take, so
// that a column is seldom moved.
func (t *textPages) grow(bytes, rows int) {
	if len(t.values) == 0 && rows > 0 && bytes < maxGuess {
		bytes = max(bytes, min(bytes*(t.rows/rows+1), maxGuess))
	}
	t.values = slices.Grow(t.values, bytes)
}

func (t *textPages) array() arrow.Array { return textArray(t.values, t.offsets) }

func textArray(values []byte, offsets []int32) arrow.Array {
	data := array.NewData(arrow.BinaryTypes.String, len(offsets)-1, []*memory.Buffer{nil,
		memory.NewBufferBytes(castBytes(offsets)), memory.NewBufferBytes(values)}, nil, 0, 0)
	defer data.Release()
	return array.NewStringData(data)
}

func emptyColumn(f schemas.Field, n int) arrow.Array {
	if f.Kind == schemas.String || f.Kind == schemas.Code {
		return emptyTexts(n)
	}
	return array.MakeArrayOfNull(memory.NewGoAllocator(), f.Kind.Arrow(), n)
}

func emptyTexts(n int) arrow.Array { return textArray(nil, make([]int32, n+1)) }

func readInts[T int32 | int64](o *objectReader, i int, f schemas.Field, values func(parquet.Page) []T) (arrow.Array, error) {
	c := newIntPages[T](f, o.rows())
	err := o.pages(i, func(p parquet.Page) error {
		c.add(p, values(p))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.array(), nil
}

// intPages collects numbers from pages.
type intPages[T int32 | int64] struct {
	field schemas.Field
	out   []T
	valid []byte
	nulls int
}

func newIntPages[T int32 | int64](f schemas.Field, rows int) *intPages[T] {
	c := &intPages[T]{field: f, out: make([]T, 0, rows)}
	if f.Nullable {
		c.valid = make([]byte, bitutil.BytesForBits(int64(rows)))
	}
	return c
}

func (c *intPages[T]) add(p parquet.Page, v []T) {
	levels := p.DefinitionLevels()
	if len(levels) == 0 {
		for k := range v {
			c.set(len(c.out) + k)
		}
		c.out = append(c.out, v...)
		return
	}
	for _, level := range levels {
		if level == 0 {
			c.nulls++
			c.out = append(c.out, 0)
			continue
		}
		c.set(len(c.out))
		c.out, v = append(c.out, v[0]), v[1:]
	}
}

func (c *intPages[T]) set(i int) {
	if c.valid != nil {
		bitutil.SetBit(c.valid, i)
	}
}

func (c *intPages[T]) array() arrow.Array {
	var bitmap *memory.Buffer
	if c.nulls > 0 {
		bitmap = memory.NewBufferBytes(c.valid)
	}
	data := array.NewData(c.field.Kind.Arrow(), len(c.out), []*memory.Buffer{bitmap, memory.NewBufferBytes(castBytes(c.out))}, nil, c.nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// record reads columns of the object as a record in the order of fields.
func (o *objectReader) record(fields []schemas.Field) (arrow.Record, error) {
	arrays := make([]arrow.Array, len(fields))
	meta := make([]arrow.Field, len(fields))
	for i, f := range fields {
		a, err := o.read(f)
		if err != nil {
			return nil, err
		}
		arrays[i], meta[i] = a, arrow.Field{Name: f.Name, Type: f.Kind.Arrow(), Nullable: f.Nullable}
	}
	return array.NewRecord(arrow.NewSchema(meta, nil), arrays, int64(o.rows())), nil
}

// lakeFields are the fields of the lake's own columns.
func lakeFields() []schemas.Field {
	return []schemas.Field{{Name: ColumnRevision, Kind: schemas.Int32}, {Name: ColumnSign, Kind: schemas.Int32},
		{Name: ColumnRowHash, Kind: schemas.Int64}}
}

// take copies some rows of an array.
func take(a arrow.Array, rows []int32) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, a.DataType())
	defer b.Release()
	for _, r := range rows {
		appendValue(b, a, int(r))
	}
	return b.NewArray()
}

// appendValue appends value i of a to a builder of the same type.
func appendValue(b array.Builder, a arrow.Array, i int) {
	if a.IsNull(i) {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(a.(*array.String).Value(i))
	case *array.Int64Builder:
		b.Append(a.(*array.Int64).Value(i))
	case *array.Int32Builder:
		b.Append(a.(*array.Int32).Value(i))
	case *array.TimestampBuilder:
		b.Append(a.(*array.Timestamp).Value(i))
	case *array.Date32Builder:
		b.Append(a.(*array.Date32).Value(i))
	}
}
