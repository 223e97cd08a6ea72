package lake

import "encoding/binary"

// thriftText walks a value in Thrift's compact form without believing its
// lengths. Of a page's head it notes the sizes.
type thriftText struct {
	b    []byte
	at   int
	page bool

	plain, compressed, values int64
	kind, encoding, crc       int64 // of a page; 0: a data page, PLAIN, none
	dictionary                bool
	field                     [maxNesting + 2]int64 // ids on the way down
}

// The types of the compact form.
const (
	thriftTrue = 1 + iota
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

func (t *thriftText) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(t.b[t.at:])
	if n <= 0 {
		return 0, false
	}
	t.at += n
	return v, true
}

func (t *thriftText) varint() (int64, bool) {
	v, n := binary.Varint(t.b[t.at:])
	if n <= 0 {
		return 0, false
	}
	t.at += n
	return v, true
}

func (t *thriftText) byte() (byte, bool) {
	if t.at >= len(t.b) {
		return 0, false
	}
	t.at++
	return t.b[t.at-1], true
}

func (t *thriftText) skip(n uint64) bool {
	if n > uint64(len(t.b)-t.at) {
		return false
	}
	t.at += int(n)
	return true
}

// structure walks the fields of a struct to its end.
func (t *thriftText) structure(depth int) bool {
	if depth > maxNesting {
		return false
	}
	for id := int64(0); ; {
		head, ok := t.byte()
		if !ok {
			return false
		}
		if head == 0 {
			return true
		}
		if delta := int64(head >> 4); delta > 0 {
			id += delta
		} else if id, ok = t.varint(); !ok {
			return false
		}
		t.field[depth] = id
		if kind := head & 15; kind != thriftTrue && kind != thriftFalse && !t.value(kind, depth) {
			return false
		}
	}
}

// value walks one value; a boolean is one byte here.
func (t *thriftText) value(kind byte, depth int) bool {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return t.skip(1)
	case thriftI16, thriftI32, thriftI64:
		v, ok := t.varint()
		t.note(v, depth)
		return ok
	case thriftDouble:
		return t.skip(8)
	case thriftBinary:
		n, ok := t.uvarint()
		return ok && t.skip(n)
	case thriftList, thriftSet:
		return t.list(depth)
	case thriftStruct:
		return t.structure(depth + 1)
	}
	return false // Parquet has no maps
}

// list refuses a list with more members than there are bytes left.
func (t *thriftText) list(depth int) bool {
	head, ok := t.byte()
	n := uint64(head >> 4)
	if ok && n == 15 {
		n, ok = t.uvarint()
	}
	if !ok || n > uint64(len(t.b)-t.at) || depth >= maxNesting {
		return false
	}
	t.field[depth+1] = 0
	for range n {
		if !t.value(head&15, depth+1) {
			return false
		}
	}
	return true
}

// note keeps what a page's head states: its kind, sizes and checksum, and number
// and encoding of the values of a data page (5) or a dictionary (7).
func (t *thriftText) note(v int64, depth int) {
	switch {
	case !t.page:
	case depth == 0 && t.field[0] == 1:
		t.kind, t.dictionary = v, v == 2
	case depth == 0 && t.field[0] == 2:
		t.plain = v
	case depth == 0 && t.field[0] == 3:
		t.compressed = v
	case depth == 0 && t.field[0] == 4:
		t.crc = v
	case depth == 1 && t.field[1] == 2 && (t.field[0] == 5 || t.field[0] == 7):
		t.encoding = v
	case depth == 1 && t.field[1] == 1 && (t.field[0] == 5 || t.field[0] == 7):
		t.values = v
	}
}
