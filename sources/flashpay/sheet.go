package flashpay

import (
	"bytes"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// reasonNoObject: a row that is not a JSON object.
const reasonNoObject = schemas.ReasonType

// listing says how the rows of an endpoint become rows of a table.
type listing struct {
	of    *endpoint
	table *schemas.Table
	// words are the platform's spellings of each column, best first. Where a
	// publication nests, the path has a point.
	words map[string][]string
	spare []string // known and not needed
	// read fills the sheet's cells from a row that was cut, and calls emit once
	// or more.
	read func(*sheet) *problem
}

// cell is a value on its way into a column: text, or a number.
type cell struct {
	text []byte
	n    int64
	null bool
}

// sheet turns rows of a listing into records of its table. Not for concurrent
// use.
type sheet struct {
	list    *listing
	table   *schemas.Table
	cfg     *Config
	zone    *schemas.Zone
	rb      *array.RecordBuilder
	cut     cutter
	at      map[string]int // column → place
	cells   []cell
	emitted [][]cell
	known   map[string]bool // paths and objects that have a meaning here
	now     int64           // instant of an observation
	taken   map[string]bool // keys of an observation, each once
	aliases map[string]string
	rejects []schemas.Reject
	unknown map[string]int64
}

func newSheet(l *listing, table *schemas.Table, cfg *Config, mem memory.Allocator) *sheet {
	s := &sheet{list: l, table: table, cfg: cfg, zone: schemas.NewZone(cfg.Zone),
		rb: array.NewRecordBuilder(mem, table.ArrowSchema()), at: map[string]int{}, known: map[string]bool{}}
	for i, f := range table.Fields {
		s.at[f.Name] = i
		if f.Kept {
			s.know(f.Name)
		}
	}
	for _, words := range l.words {
		s.know(words...)
	}
	s.know(l.spare...)
	s.cells = make([]cell, len(table.Fields))
	return s
}

func (s *sheet) know(paths ...string) {
	for _, p := range paths {
		s.known[p] = true
	}
}

func (s *sheet) release() { s.rb.Release() }

// decode implements rowDecoder.
func (s *sheet) decode(rows [][]byte, chosen []int, doubtful map[int]bool) sources.Page {
	s.rejects, s.unknown, s.aliases, s.taken = nil, nil, map[string]string{}, map[string]bool{}
	for _, i := range chosen {
		if p := s.row(rows[i], doubtful[i]); p != nil {
			s.reject(rows[i], p)
		}
	}
	return sources.Page{Rows: s.rb.NewRecord(), Rejects: s.rejects, Unknown: s.unknown}
}

// row appends what a row says, or nothing and says why.
func (s *sheet) row(raw []byte, doubtful bool) *problem {
	if p := s.cut.cut(raw, false); p != nil {
		return p
	}
	if doubtful {
		return &problem{reason: schemas.ReasonText}
	}
	clear(s.cells)
	s.emitted = s.emitted[:0]
	if p := s.list.read(s); p != nil {
		return p
	}
	for _, p := range s.cut.paths {
		if !s.known[p] {
			s.count("field:" + plain(p))
		}
	}
	for _, cells := range s.emitted {
		s.append(cells)
	}
	return nil
}

// emit takes the cells as one row.
func (s *sheet) emit() { s.emitted = append(s.emitted, slices.Clone(s.cells)) }

func (s *sheet) cell(column string) *cell { return &s.cells[s.at[column]] }

func (s *sheet) append(cells []cell) {
	for i, c := range cells {
		switch b := s.rb.Field(i).(type) {
		case *array.StringBuilder:
			b.BinaryBuilder.Append(c.text)
		case *array.Int64Builder:
			if c.null {
				b.AppendNull()
			} else {
				b.Append(c.n)
			}
		case *array.Int32Builder:
			b.Append(int32(c.n))
		case *array.TimestampBuilder:
			if c.null {
				b.AppendNull()
			} else {
				b.Append(arrow.Timestamp(c.n))
			}
		case *array.Date32Builder:
			b.Append(arrow.Date32(c.n))
		}
	}
}

func (s *sheet) count(what string) {
	if s.unknown == nil {
		s.unknown = map[string]int64{}
	}
	s.unknown[what]++
}

// reject keeps a row that was refused, with what can be read of it.
func (s *sheet) reject(raw []byte, p *problem) {
	r := schemas.Reject{Reason: p.reason, Field: p.field, Raw: bytes.Clone(raw)}
	if s.cut.cut(raw, true) == nil {
		twoIDs := r.Reason == schemas.ReasonDuplicate && slices.Contains(s.list.of.ids, r.Field)
		key := s.table.Key[len(s.table.Key)-1]
		if id, _, p := s.word(key, true); p == nil && !twoIDs {
			r.RowID = rowID(id)
		}
		if s.table.Amount != "" {
			s.rejectedMoney(&r)
		}
	}
	s.rejects = append(s.rejects, r)
}

// rejectedMoney adds the amount of a refused row, as far as it can be read.
func (s *sheet) rejectedMoney(r *schemas.Reject) {
	if n, present, p := s.integer(s.table.Amount, true); p == nil && present {
		r.Amount = &n
	}
	if code, _, p := s.word(s.table.Currency, false); p == nil {
		if _, err := schemas.Exponent(string(code)); err == nil {
			r.Currency = string(code)
		}
	}
}
