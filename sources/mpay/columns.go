package mpay

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
)

// columns collects the values of one page in memory that is used again for the
// next one, and copies them once, in their final size, into an Arrow record.
// A row is complete when every column has had one value.
type columns struct {
	schema *arrow.Schema
	alloc  memory.Allocator
	cols   []column
	rows   int
	zeros  []byte // never anything else
}

// column holds the values of one field: text as offsets and bytes, numbers as
// their slice.
type column struct {
	kind  schemas.Kind
	ends  []int32
	bytes []byte
	i64   []int64
	i32   []int32
	valid []bool // nullable columns only
	nulls int
	null  bool // the field may be NULL
	rows  *int // rows of the page that are complete
}

func newColumns(t *schemas.Table, alloc memory.Allocator) *columns {
	c := &columns{schema: t.ArrowSchema(), alloc: alloc, cols: make([]column, len(t.Fields))}
	for i, f := range t.Fields {
		c.cols[i] = column{kind: f.Kind, null: f.Nullable, rows: &c.rows}
	}
	return c
}

func (c *columns) reset() {
	c.rows = 0
	for i := range c.cols {
		col := &c.cols[i]
		col.ends, col.bytes, col.i64, col.i32 = col.ends[:0], col.bytes[:0], col.i64[:0], col.i32[:0]
		col.valid, col.nulls = col.valid[:0], 0
	}
}

// text appends a value. Most fields are absent from most pages: as long as a
// column has only seen empty text it stores nothing.
func (c *column) text(v []byte) {
	if len(c.bytes) == 0 && !c.begin(len(v)) {
		return
	}
	c.bytes = append(c.bytes, v...)
	c.ends = append(c.ends, int32(len(c.bytes)))
}

func (c *column) string(v string) {
	if len(c.bytes) == 0 && !c.begin(len(v)) {
		return
	}
	c.bytes = append(c.bytes, v...)
	c.ends = append(c.ends, int32(len(c.bytes)))
}

// begin makes up for the empty values before the first one that is not.
func (c *column) begin(n int) bool {
	if n == 0 {
		return false
	}
	for range *c.rows {
		c.ends = append(c.ends, 0)
	}
	return true
}

func (c *column) int64(v int64) { c.i64 = append(c.i64, v) }
func (c *column) int32(v int32) { c.i32 = append(c.i32, v) }

func (c *column) maybe(v int64, valid bool) {
	c.i64, c.valid = append(c.i64, v), append(c.valid, valid)
	if !valid {
		c.nulls++
	}
}

// record copies the page into a record that the caller owns.
func (c *columns) record() arrow.Record {
	arrays := make([]arrow.Array, len(c.cols))
	for i := range c.cols {
		arrays[i] = c.array(&c.cols[i], c.schema.Field(i).Type)
	}
	rec := array.NewRecord(c.schema, arrays, int64(c.rows))
	for _, a := range arrays {
		a.Release()
	}
	return rec
}

func (c *columns) array(col *column, t arrow.DataType) arrow.Array {
	buffers := []*memory.Buffer{c.validity(col)}
	switch col.kind {
	case schemas.String, schemas.Code:
		if len(col.bytes) == 0 {
			buffers = append(buffers, memory.NewBufferBytes(c.nothing()), c.buffer(0))
			break
		}
		offsets := c.buffer(4 * (c.rows + 1))
		ends := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
		ends[0] = 0
		copy(ends[1:], col.ends)
		buffers = append(buffers, offsets, c.copy(col.bytes))
	case schemas.Int32, schemas.Date:
		buffers = append(buffers, c.copy(arrow.Int32Traits.CastToBytes(col.i32)))
	default:
		buffers = append(buffers, c.copy(arrow.Int64Traits.CastToBytes(col.i64)))
	}
	data := array.NewData(t, c.rows, buffers, nil, col.nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	return array.MakeFromData(data)
}

// nothing is the offsets of a column of empty text. Most columns of most pages
// are one, so they share it: nobody writes into a record.
func (c *columns) nothing() []byte {
	if n := 4 * (c.rows + 1); len(c.zeros) < n {
		c.zeros = make([]byte, n)
	}
	return c.zeros[:4*(c.rows+1)]
}

func (c *columns) validity(col *column) *memory.Buffer {
	if !col.null {
		return nil
	}
	b := c.buffer(int(bitutil.BytesForBits(int64(c.rows))))
	clear(b.Bytes())
	for i, ok := range col.valid {
		if ok {
			bitutil.SetBit(b.Bytes(), i)
		}
	}
	return b
}

func (c *columns) copy(v []byte) *memory.Buffer {
	b := c.buffer(len(v))
	copy(b.Bytes(), v)
	return b
}

func (c *columns) buffer(n int) *memory.Buffer {
	b := memory.NewResizableBuffer(c.alloc)
	b.Resize(n)
	return b
}
