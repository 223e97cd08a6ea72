package csv

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
)

// pageRows is the number of records in one page, and pageBytes the size of their
// text beyond which a page ends early, so that long records do not add up.
const (
	pageRows  = 8192
	pageBytes = 8 << 20
)

// span is where a record stands in a block's text.
type span struct {
	from, to int32
	quoted   bool
	broken   int32 // column of a broken quote, from 1
	long     bool  // text holds its beginning only
	line     int64 // in the file, from 1
}

// fate is what became of a record that nothing before it decides about.
type fate uint8

const (
	blank      fate = iota // no text
	passedOver             // ignored, as the mapping says
	refused                // the next of the block's rejects
	outside                // its time is not wanted
	overruled              // the corrected file says it anew
	good                   // the next of the block's rows
)

// finding is what decoding finds in one record. Of rows that could be read it
// says by what other rows of the file they are recognised.
type finding struct {
	fate    fate
	content xxh3.Uint128
	key     uint64
	micros  int64 // event time
}

// block is the records of one page, in the order of the file. One goroutine has
// it at a time: who reads, then who decodes, then who reads.
type block struct {
	text    []byte
	records []span
	offset  int64 // of the byte after it, from the beginning of the file
	eof     bool  // the file ends with it
	err     error // the stream's; the block is worth nothing

	decoded  chan struct{} // closed when the rest is there
	findings []finding
	rows     arrow.Record // the good ones
	rejects  []schemas.Reject
	panicked any
}

// fill reads up to most records.
func (b *block) fill(s *scanner, most int) {
	b.text, b.records, b.eof, b.err = b.text[:0], b.records[:0], false, nil
	for len(b.records) < most && len(b.text) < pageBytes {
		if err := s.cut(); err != nil {
			b.eof = errors.Is(err, io.EOF)
			if !b.eof {
				b.err = err
			}
			break
		}
		b.take(s)
	}
	b.offset = s.offset
}

// take copies the scanner's record.
func (b *block) take(s *scanner) {
	p := span{from: int32(len(b.text)), line: s.line, quoted: s.quoted}
	raw := s.raw
	if s.bad != nil {
		switch s.bad.reason {
		case schemas.ReasonTooLong:
			if !s.quoted {
				p.long = true
				raw = raw[:min(len(raw), rawKept)]
			}
		case schemas.ReasonQuote:
			p.broken = int32(s.bad.column)
		}
	}
	b.text = append(b.text, raw...)
	p.to = int32(len(b.text))
	b.records = append(b.records, p)
}

// raw is a record's text, or of a long one what is kept of it.
func (b *block) raw(i int) []byte {
	p := &b.records[i]
	return b.text[p.from:min(p.to, p.from+rawKept)]
}

// fields splits a record, or says in the splitter's bad why it is none.
func (b *block) fields(s *splitter, i int) {
	p := &b.records[i]
	text := b.text[p.from:p.to]
	switch {
	case p.long:
		s.bad, s.fields = &fault{reason: schemas.ReasonTooLong}, s.fields[:0]
	case p.broken > 0:
		s.bad, s.fields = &fault{reason: schemas.ReasonQuote, column: int(p.broken)}, s.fields[:0]
	case p.quoted:
		// Where it ends is known, so that what follows cannot change it.
		_, _ = s.split(text, len(text), nothing)
	default:
		s.plain(text)
	}
}
