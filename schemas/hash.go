package schemas

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/zeebo/xxh3"
)

// Key identifies a row across the lake: a 128-bit hash of its source and key
// columns.
type Key = xxh3.Uint128

// Hasher computes keys and content hashes of one table's records.
//
// Both are hashes of a canonical form that depends on values alone, never on
// how they were spelled: text is its length (uvarint) and bytes, numbers are 8
// bytes little-endian, a nullable field has a byte 0 or 1 before its value.
// The key covers source and the key columns (XXH3-128); the content hash
// covers every column of the table's version in order (XXH3-64), then name and
// value of each kept column that is not empty, so that beginning to keep a
// field revises only rows that have it. Columns that a later version added are
// hashed like kept ones, in their place: NULL and "" add nothing.
type Hasher struct {
	table *Table
	key   []int
	buf   []byte
	cols  []func(buf []byte, row int) []byte
}

// NewHasher returns a Hasher for t. Not for concurrent use.
func NewHasher(t *Table) *Hasher {
	h := &Hasher{table: t, key: []int{t.Index("source")}}
	for _, k := range t.Key {
		h.key = append(h.key, t.Index(k))
	}
	return h
}

// Rows appends the key and the content hash of every row of a record in the
// table's schema.
func (h *Hasher) Rows(rec arrow.Record, keys []Key, hashes []uint64) ([]Key, []uint64) {
	h.cols = h.cols[:0]
	for i, f := range h.table.Fields {
		h.cols = append(h.cols, appender(f, rec.Column(i)))
	}
	for row := range int(rec.NumRows()) {
		b := h.buf[:0]
		for _, c := range h.key {
			b = h.cols[c](b, row)
		}
		keys = append(keys, xxh3.Hash128(b))
		b = b[:0]
		for _, col := range h.cols {
			b = col(b, row)
		}
		hashes = append(hashes, xxh3.Hash(b))
		h.buf = b
	}
	return keys, hashes
}

// textAppender reads the array's buffers itself: this is the hottest loop of a
// commit, and most columns of most pages are empty.
func textAppender(c *array.String) func([]byte, int) []byte {
	offsets := c.ValueOffsets()
	if n := len(offsets); n == 0 || offsets[0] == offsets[n-1] {
		return func(b []byte, _ int) []byte { return append(b, 0) }
	}
	text := c.Data().Buffers()[2].Bytes() // offsets of a slice count from its array's first byte
	return func(b []byte, i int) []byte {
		s := text[offsets[i]:offsets[i+1]]
		if len(s) < 0x80 {
			b = append(b, byte(len(s)))
		} else {
			b = binary.AppendUvarint(b, uint64(len(s)))
		}
		return append(b, s...)
	}
}

func appender(f Field, col arrow.Array) func([]byte, int) []byte {
	var value func([]byte, int) []byte
	switch c := col.(type) {
	case *array.String:
		value = textAppender(c)
	case *array.Int64:
		v := c.Int64Values()
		value = func(b []byte, i int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v[i])) }
	case *array.Int32:
		v := c.Int32Values()
		value = func(b []byte, i int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(int64(v[i]))) }
	case *array.Timestamp:
		v := c.TimestampValues()
		value = func(b []byte, i int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v[i])) }
	case *array.Date32:
		v := c.Date32Values()
		value = func(b []byte, i int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(int64(v[i]))) }
	default:
		panic(fmt.Sprintf("schemas: no hash for column %s of type %s", f.Name, col.DataType()))
	}
	switch {
	case f.Kept, f.Since > 1:
		s, text := col.(*array.String)
		return func(b []byte, i int) []byte {
			if text && s.Value(i) == "" || !text && col.IsNull(i) {
				return b
			}
			b = append(binary.AppendUvarint(b, uint64(len(f.Name))), f.Name...)
			return value(b, i)
		}
	case f.Nullable:
		return func(b []byte, i int) []byte {
			if col.IsNull(i) {
				return append(b, 0)
			}
			return value(append(b, 1), i)
		}
	}
	return value
}

// Pseudonyms is the newest version of a pseudonym among the texts of a row; 0
// when it has none.
func (h *Hasher) Pseudonyms(rec arrow.Record, row int) (newest int) {
	for i := range h.table.Fields {
		if c, ok := rec.Column(i).(*array.String); ok {
			if version, ok := IsPseudonym(c.Value(row)); ok {
				newest = max(newest, version)
			}
		}
	}
	return newest
}

// Renamed is the content hash that a row would have with other names for
// persons: rename says which. ok is false when it knows none of them.
func (h *Hasher) Renamed(rec arrow.Record, row int, rename func(text string) (string, bool)) (hash uint64, ok bool) {
	b := h.buf[:0]
	for i, f := range h.table.Fields {
		col := rec.Column(i)
		texts, isText := col.(*array.String)
		if !isText {
			b = appender(f, col)(b, row)
			continue
		}
		other, known := rename(texts.Value(row))
		if !known {
			b = appender(f, col)(b, row)
			continue
		}
		ok = true
		if f.Kept {
			b = append(binary.AppendUvarint(b, uint64(len(f.Name))), f.Name...)
		}
		b = append(binary.AppendUvarint(b, uint64(len(other))), other...)
	}
	h.buf = b
	return xxh3.Hash(b), ok
}
