package lake

import (
	"bytes"
	"encoding/binary"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// How verify reads an object: all columns side by side, a page of each at a
// time, into buffers that are used again for the next page and the next object.
// So it takes the memory of some ten thousand rows, whatever an object holds,
// and what an object states of itself is believed only as far as the bytes
// that are there bear it out.

// scanner reads objects, one after the other. Not for concurrent use.
type scanner struct {
	zstd    *zstd.Decoder
	columns []scanColumn
	plain   []byte // the page that is being decoded
	rows    int    // of the object
	left    int    // of them, not handed out yet
	step    int    // handed out last
}

func newScanner() (*scanner, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxObject))
	if err != nil {
		return nil, err
	}
	return &scanner{zstd: z}, nil
}

// close gives the decompressor back.
func (s *scanner) close() { s.zstd.Close() }

// open begins with an object of these columns.
func (s *scanner) open(data []byte, want []Column) error {
	r, size := bytes.NewReader(data), int64(len(data))
	if err := checkFooter(r, size); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(data[size-8:]))
	var meta format.FileMetaData
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), data[size-8-n:size-8], &meta); err != nil {
		return notParquet("its footer: %v", err)
	}
	if err := checkMeta(&meta, size); err != nil {
		return err
	}
	if err := checkSchema(&meta, want); err != nil {
		return err
	}
	if cap(s.columns) < len(want) {
		s.columns = append(s.columns[:cap(s.columns)], make([]scanColumn, len(want)-cap(s.columns))...)
	}
	s.columns = s.columns[:len(want)]
	for i := range want {
		m := &meta.RowGroups[0].Columns[i].MetaData
		begin := m.DataPageOffset
		if m.DictionaryPageOffset > 0 {
			begin = min(begin, m.DictionaryPageOffset)
		}
		s.columns[i].open(want[i], data[begin:begin+m.TotalCompressedSize])
	}
	s.rows, s.left, s.step = int(meta.NumRows), int(meta.NumRows), 0
	return nil
}

// checkSchema: the columns of the table, in order, each as this format has it.
func checkSchema(m *format.FileMetaData, want []Column) error {
	if got := len(m.RowGroups[0].Columns); got != len(want) || len(m.Schema) != len(want)+1 {
		return notParquet("it has %d columns, the table %d", got, len(want))
	}
	for i, c := range want {
		e := m.Schema[i+1]
		if e.Name != c.Name {
			return notParquet("column %d is %s, not %s", i+1, e.Name, c.Name)
		}
		optional := e.RepetitionType.Valid && e.RepetitionType.V == format.Optional
		required := e.RepetitionType.Valid && e.RepetitionType.V == format.Required
		physical := m.RowGroups[0].Columns[i].MetaData.Type
		if !e.Type.Valid || e.Type.V != physical || physical.String() != c.Physical || optional != c.Nullable || required == c.Nullable {
			return notParquet("column %s is not of the type %s", c.Name, c.Physical)
		}
	}
	return nil
}

// next goes to the next rows: as many as the current pages of all columns have.
// 0 rows: the end.
func (s *scanner) next() (int, error) {
	for i := range s.columns {
		s.columns[i].at += s.step
	}
	s.left -= s.step
	n := s.left
	for i := range s.columns {
		c := &s.columns[i]
		for c.at == c.n && (s.left > 0 || len(c.pages) > 0) {
			if len(c.pages) == 0 {
				return 0, notParquet("column %s ends %d rows early", c.name, s.left)
			}
			if err := s.page(c); err != nil {
				return 0, err
			}
		}
		if s.left == 0 && c.at < c.n {
			return 0, notParquet("column %s has more than %d rows", c.name, s.rows)
		}
		n = min(n, c.n-c.at)
	}
	s.step = n
	return n, nil
}

// scanColumn is one column and its current page. Slices are valid until next.
type scanColumn struct {
	name     string
	text     bool
	small    bool // INT32
	nullable bool
	pages    []byte // that are still to be read
	plain    int64  // bytes of the pages so far, decompressed

	n, at int // rows of the page, and the first one that next handed out

	// Texts: dictionary entries, or the page's own.
	dictionary bool // the page's values are indexes into entries
	index      []int32
	entries    textSlab // of the dictionary
	own        textSlab // of the page
	one        bool     // every row of the page has the value of the first

	ints   []int64
	ints32 []int32
	levels []byte // 0 where there is no value; empty when there are values everywhere
	held   []byte // memory of levels
}

// textSlab is some texts in a row: text i is values[offsets[i]:offsets[i+1]].
type textSlab struct {
	values  []byte
	offsets []uint32
}

func (t *textSlab) len() int        { return len(t.offsets) - 1 }
func (t *textSlab) at(i int) []byte { return t.values[t.offsets[i]:t.offsets[i+1]] }
func (t *textSlab) reset()          { t.values, t.offsets = t.values[:0], append(t.offsets[:0], 0) }
func (t *textSlab) add(value []byte) {
	t.values, t.offsets = append(t.values, value...), append(t.offsets, uint32(len(t.values)+len(value)))
}

func (c *scanColumn) open(want Column, pages []byte) {
	c.name, c.nullable = want.Name, want.Nullable
	c.text, c.small = want.Physical == "BYTE_ARRAY", want.Physical == "INT32"
	c.pages, c.plain, c.n, c.at = pages, 0, 0, 0
	c.dictionary, c.one, c.levels = false, false, nil
	c.entries.reset()
}

// textAt is the text of a row of the current step.
func (c *scanColumn) textAt(row int) []byte {
	if c.dictionary {
		return c.entries.at(int(c.index[c.at+row]))
	}
	return c.own.at(c.at + row)
}

// intAt is the number of a row of the current step; 0 where there is none.
func (c *scanColumn) intAt(row int) int64 {
	if c.small {
		return int64(c.ints32[c.at+row])
	}
	return c.ints[c.at+row]
}

// nullAt reports whether a row of the current step has no value.
func (c *scanColumn) nullAt(row int) bool { return len(c.levels) > 0 && c.levels[c.at+row] == 0 }
