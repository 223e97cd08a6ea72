package csv

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// columns collects rows column by column. Its buffers stay with it, so that a
// page takes exactly the memory that it needs, once.
type columns struct {
	schema *arrow.Schema
	rows   int
	cols   []columnBuffer
}

type columnBuffer struct {
	text    bool
	narrow  bool // 32 bits
	nulls   int
	valid   []byte // a bit a row
	ends    []int32
	bytes   []byte
	numbers []int64
}

func newColumns(schema *arrow.Schema) *columns {
	c := &columns{schema: schema, cols: make([]columnBuffer, schema.NumFields())}
	for i, f := range schema.Fields() {
		b := &c.cols[i]
		switch f.Type.ID() {
		case arrow.STRING:
			b.text = true
		case arrow.INT32, arrow.DATE32:
			b.narrow = true
		}
	}
	return c
}

// reset forgets the rows.
func (c *columns) reset() {
	c.rows = 0
	for i := range c.cols {
		c.cols[i].reset()
	}
}

func (b *columnBuffer) reset() {
	b.nulls, b.valid, b.ends, b.bytes, b.numbers = 0, b.valid[:0], b.ends[:0], b.bytes[:0], b.numbers[:0]
}

// add appends a reader's row.
func (c *columns) add(r *rowReader) {
	for i := range c.cols {
		b := &c.cols[i]
		b.mark(c.rows, !r.nulls[i])
		if b.text {
			if !r.nulls[i] {
				b.bytes = append(b.bytes, r.texts[i]...)
			}
			b.ends = append(b.ends, int32(len(b.bytes)))
			continue
		}
		b.numbers = append(b.numbers, r.numbers[i])
	}
	c.rows++
}

func (b *columnBuffer) mark(row int, valid bool) {
	if row&7 == 0 {
		b.valid = append(b.valid, 0)
	}
	if valid {
		b.valid[row>>3] |= 1 << (row & 7)
	} else {
		b.nulls++
	}
}

// record copies the rows into a record of its own.
func (c *columns) record(mem memory.Allocator) arrow.Record {
	arrays := make([]arrow.Array, len(c.cols))
	for i := range c.cols {
		data := c.cols[i].data(mem, c.schema.Field(i).Type, c.rows)
		arrays[i] = array.MakeFromData(data)
		data.Release()
	}
	rec := array.NewRecord(c.schema, arrays, int64(c.rows))
	for _, a := range arrays {
		a.Release()
	}
	return rec
}

func (b *columnBuffer) data(mem memory.Allocator, kind arrow.DataType, rows int) arrow.ArrayData {
	buffers := []*memory.Buffer{bufferOf(mem, int(bitutil.BytesForBits(int64(rows))))}
	copy(buffers[0].Bytes(), b.valid)
	switch {
	case b.text:
		ends := bufferOf(mem, 4*(rows+1))
		copy(arrow.Int32Traits.CastFromBytes(ends.Bytes())[1:], b.ends)
		text := bufferOf(mem, len(b.bytes))
		copy(text.Bytes(), b.bytes)
		buffers = append(buffers, ends, text)
	case b.narrow:
		values := bufferOf(mem, 4*rows)
		narrow := arrow.Int32Traits.CastFromBytes(values.Bytes())
		for i, v := range b.numbers {
			narrow[i] = int32(v)
		}
		buffers = append(buffers, values)
	default:
		values := bufferOf(mem, 8*rows)
		copy(arrow.Int64Traits.CastFromBytes(values.Bytes()), b.numbers)
		buffers = append(buffers, values)
	}
	data := array.NewData(kind, rows, buffers, nil, b.nulls, 0)
	for _, buffer := range buffers {
		buffer.Release()
	}
	return data
}

// bufferOf is a zeroed buffer of n bytes.
func bufferOf(mem memory.Allocator, n int) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
	b.Resize(n)
	return b
}
