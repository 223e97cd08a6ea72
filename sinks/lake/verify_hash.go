package lake

import (
	"encoding/binary"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
)

// Keys and content hashes straight from pages. It is the canonical form of the
// README a second time, on purpose: what writes rows hashes them with
// schemas.Hasher, what verifies them does not trust it. A test holds the two
// together.

// piece is what one column, or several that are the same in all rows, adds to a
// row's canonical form.
type piece struct {
	kind   pieceKind
	text   []byte // constant: these bytes; else what stands before a value that is there
	none   []byte // what stands for an absent number
	index  []int32
	slab   textSlab
	ints   []int64
	ints32 []int32
	levels []byte
}

type pieceKind uint8

const (
	constant pieceKind = iota
	number             // in all rows
	number32
	optional // in some rows
	optional32
	coded    // a dictionary's entry, in canonical form already
	text     // length and bytes
	keptText // the same after the column's name, and nothing where it is empty
)

// canon makes the canonical forms of the rows of one step.
type canon struct {
	pieces []piece
	coded  []codedEntries // of every column
	most   int            // bytes of a row at most
}

// codedEntries is a dictionary in canonical form.
type codedEntries struct {
	slab textSlab
	of   int // entries of the column's dictionary that are in it
	most int
}

// begin forgets the object before.
func (c *canon) begin(columns int) {
	if len(c.coded) < columns {
		c.coded = append(c.coded, make([]codedEntries, columns-len(c.coded))...)
	}
	for i := range c.coded {
		c.coded[i].of = -1
	}
}

// set describes the rows of a step: of these columns, in this order.
func (c *canon) set(s *scanner, fields []schemas.Field, columns []int, rows int) {
	c.pieces, c.most = c.pieces[:0], 0
	for _, i := range columns {
		col := &s.columns[i]
		switch {
		case col.text:
			c.addText(i, col, fields[i], rows)
		default:
			c.addNumber(col, fields[i], rows)
		}
	}
}

func later(f schemas.Field) bool { return f.Kept || f.Since > 1 }

// name is how a column that came later begins.
func name(f schemas.Field) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(f.Name))), f.Name...)
}

func (c *canon) addText(i int, col *scanColumn, f schemas.Field, rows int) {
	if !col.dictionary {
		p := piece{kind: text, slab: textSlab{values: col.own.values, offsets: col.own.offsets[col.at : col.at+rows+1]}}
		if later(f) {
			p.kind, p.text = keptText, name(f)
		}
		longest := uint32(0)
		for r := range rows {
			longest = max(longest, p.slab.offsets[r+1]-p.slab.offsets[r])
		}
		c.most += len(p.text) + binary.MaxVarintLen32 + int(longest)
		c.pieces = append(c.pieces, p)
		return
	}
	d := c.dictionary(i, col, f)
	if col.one && rows > 0 {
		c.constant(d.slab.at(int(col.index[col.at])))
		return
	}
	c.pieces = append(c.pieces, piece{kind: coded, slab: d.slab, index: col.index[col.at : col.at+rows]})
	c.most += d.most
}

// dictionary brings the entries of a column into canonical form, once an object.
func (c *canon) dictionary(i int, col *scanColumn, f schemas.Field) *codedEntries {
	d := &c.coded[i]
	if d.of == col.entries.len() {
		return d
	}
	d.slab.reset()
	d.of, d.most = col.entries.len(), 0
	for n := range d.of {
		v := col.entries.at(n)
		begin := len(d.slab.values)
		if !later(f) || len(v) > 0 {
			if later(f) {
				d.slab.values = append(d.slab.values, name(f)...)
			}
			d.slab.values = append(binary.AppendUvarint(d.slab.values, uint64(len(v))), v...)
		}
		d.slab.offsets = append(d.slab.offsets, uint32(len(d.slab.values)))
		d.most = max(d.most, len(d.slab.values)-begin)
	}
	return d
}

func (c *canon) addNumber(col *scanColumn, f schemas.Field, rows int) {
	p := piece{kind: number}
	if col.small {
		p.kind, p.ints32 = number32, col.ints32[col.at:col.at+rows]
	} else {
		p.ints = col.ints[col.at : col.at+rows]
	}
	before, none := []byte(nil), []byte(nil)
	switch {
	case later(f):
		before = name(f)
	case f.Nullable:
		before, none = []byte{1}, []byte{0}
	}
	if len(col.levels) > 0 {
		p.kind, p.text, p.none, p.levels = p.kind+(optional-number), before, none, col.levels[col.at:col.at+rows]
		c.most += len(before) + 8
		c.pieces = append(c.pieces, p)
		return
	}
	if len(before) > 0 {
		c.constant(before)
	}
	if same, v := p.same(); same {
		c.constant(binary.LittleEndian.AppendUint64(nil, uint64(v)))
		return
	}
	c.most += 8
	c.pieces = append(c.pieces, p)
}

// same reports whether all rows have one number.
func (p *piece) same() (bool, int64) {
	if p.kind == number32 {
		return allSame(p.ints32)
	}
	return allSame(p.ints)
}

func allSame[T int32 | int64](v []T) (bool, int64) {
	if len(v) == 0 {
		return false, 0
	}
	for _, x := range v {
		if x != v[0] {
			return false, 0
		}
	}
	return true, int64(v[0])
}

// constant adds bytes that all rows have.
func (c *canon) constant(b []byte) {
	c.most += len(b)
	if n := len(c.pieces); n > 0 && c.pieces[n-1].kind == constant {
		c.pieces[n-1].text = append(slices.Clip(c.pieces[n-1].text), b...)
		return
	}
	c.pieces = append(c.pieces, piece{kind: constant, text: b})
}

// room makes a buffer that holds any row.
func (c *canon) room(buf []byte) []byte { return slices.Grow(buf[:0], c.most+8)[:c.most+8] }

// row writes the canonical form of a row into buf and returns its length. It is
// the innermost loop of verify.
func (c *canon) row(buf []byte, r int) int {
	n := 0
	for i := range c.pieces {
		p := &c.pieces[i]
		switch p.kind {
		case constant:
			n += copy(buf[n:], p.text)
		case number:
			binary.LittleEndian.PutUint64(buf[n:], uint64(p.ints[r]))
			n += 8
		case number32:
			binary.LittleEndian.PutUint64(buf[n:], uint64(int64(p.ints32[r])))
			n += 8
		case coded:
			at := p.index[r]
			n += copy(buf[n:], p.slab.values[p.slab.offsets[at]:p.slab.offsets[at+1]])
		case text:
			v := p.slab.values[p.slab.offsets[r]:p.slab.offsets[r+1]]
			if len(v) < 0x80 {
				buf[n] = byte(len(v))
				n++
			} else {
				n += binary.PutUvarint(buf[n:], uint64(len(v)))
			}
			n += copy(buf[n:], v)
		default:
			n += p.rare(buf[n:], r)
		}
	}
	return n
}

func (p *piece) rare(buf []byte, r int) int {
	if p.kind == keptText {
		v := p.slab.at(r)
		if len(v) == 0 {
			return 0
		}
		n := copy(buf, p.text)
		n += binary.PutUvarint(buf[n:], uint64(len(v)))
		return n + copy(buf[n:], v)
	}
	if p.levels[r] == 0 {
		return copy(buf, p.none)
	}
	n := copy(buf, p.text)
	v := int64(0)
	if p.kind == optional32 {
		v = int64(p.ints32[r])
	} else {
		v = p.ints[r]
	}
	binary.LittleEndian.PutUint64(buf[n:], uint64(v))
	return n + 8
}

// rowHasher computes keys and content hashes of a scanner's rows.
type rowHasher struct {
	key, all    canon
	keyColumns  []int
	allColumns  []int
	fields      []schemas.Field
	buf, keyBuf []byte
}

// begin says whose objects come. Dictionaries differ from object to object.
func (h *rowHasher) begin(t *schemas.Table) {
	h.fields, h.keyColumns, h.allColumns = t.Fields, append(h.keyColumns[:0], t.Index("source")), h.allColumns[:0]
	for _, k := range t.Key {
		h.keyColumns = append(h.keyColumns, t.Index(k))
	}
	for i := range t.Fields {
		h.allColumns = append(h.allColumns, i)
	}
	h.key.begin(len(t.Fields))
	h.all.begin(len(t.Fields))
}

// step prepares the rows that the scanner stands at.
func (h *rowHasher) step(s *scanner, rows int) {
	h.key.set(s, h.fields, h.keyColumns, rows)
	h.all.set(s, h.fields, h.allColumns, rows)
	h.buf, h.keyBuf = h.all.room(h.buf), h.key.room(h.keyBuf)
}

func (h *rowHasher) row(r int) (schemas.Key, uint64) {
	key := xxh3.Hash128(h.keyBuf[:h.key.row(h.keyBuf, r)])
	return key, xxh3.Hash(h.buf[:h.all.row(h.buf, r)])
}
