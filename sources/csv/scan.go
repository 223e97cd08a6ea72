package csv

import (
	"bytes"
	"errors"
	"io"

	"github.com/paylake/paylake/schemas"
)

// Caps of one record. What is longer is rejected and skipped; no more of it is
// ever in memory.
const (
	maxRecord = 1 << 20
	maxField  = 64 << 10
	maxFields = 1024
	rawKept   = 4 << 10 // of a rejected record, for the vault
)

// fault is what is wrong with a record or one of its fields.
type fault struct {
	reason schemas.Reason
	column int // from 1; 0: the record as a whole
	field  string
}

// scanner splits a stream into records. Its slices are valid until the next
// call. Not for concurrent use.
type scanner struct {
	r       io.Reader
	buf     []byte
	pos     int // first byte not handed out
	end     int
	eof     bool
	offset  int64 // of pos, from the beginning of the stream
	lines   int64 // line breaks before pos
	delim   byte
	scratch []byte

	fields [][]byte
	raw    []byte
	line   int64 // of the record's first byte, from 1
	bad    *fault
}

func newScanner(r io.Reader, delim byte) *scanner {
	return &scanner{r: r, delim: delim, buf: make([]byte, 256<<10)}
}

var errMore = errors.New("the record goes on beyond the buffer")

// next reads one record into fields, or says in bad why it is none. At the end
// of the stream it returns io.EOF; other errors are the stream's.
func (s *scanner) next() error {
	s.bad = nil
	for {
		n, err := s.parse()
		if err == nil {
			return s.take(n)
		}
		if !errors.Is(err, errMore) {
			return err
		}
		if s.end-s.pos >= maxRecord {
			return s.skipLong()
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// take hands out the first n bytes of the buffer as a record.
func (s *scanner) take(n int) error {
	s.raw = s.buf[s.pos : s.pos+n]
	s.line = s.lines + 1
	s.lines += int64(bytes.Count(s.raw, newline))
	s.pos += n
	s.offset += int64(n)
	if len(s.raw) > rawKept {
		s.raw = s.raw[:rawKept]
	}
	return nil
}

var newline = []byte{'\n'}

// fill reads on, moving or enlarging the buffer when it is full.
func (s *scanner) fill() error {
	if s.pos > 0 && s.end == len(s.buf) {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	if s.end == len(s.buf) {
		grown := make([]byte, min(2*len(s.buf), maxRecord+4096))
		s.end = copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.eof = true
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// parse finds the record at pos and returns its length with its line end.
func (s *scanner) parse() (int, error) {
	data := s.buf[s.pos:s.end]
	n, width := len(data), 0
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		n, width = i, 1
	} else if !s.eof {
		return 0, errMore
	} else if n == 0 {
		return 0, io.EOF
	}
	line := data[:n]
	s.fields = s.fields[:0]
	if bytes.IndexByte(line, '"') >= 0 {
		return s.quoted(data, n+width)
	}
	if n > maxRecord {
		s.bad = &fault{reason: schemas.ReasonTooLong}
		return n + width, nil
	}
	if n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	for {
		i := bytes.IndexByte(line, s.delim)
		if i < 0 {
			s.add(line)
			return n + width, nil
		}
		s.add(line[:i])
		line = line[i+1:]
	}
}

func (s *scanner) add(f []byte) {
	switch {
	case len(f) > maxField:
		s.fault(schemas.ReasonTooLong)
	case len(s.fields) >= maxFields:
		s.fault(schemas.ReasonColumns)
		return
	}
	s.fields = append(s.fields, f)
}

// fault marks the record by its first fault.
func (s *scanner) fault(reason schemas.Reason) {
	if s.bad == nil {
		s.bad = &fault{reason: reason, column: len(s.fields) + 1}
	}
}

// quoted parses a record whose first line, of n bytes, holds a quote. A quote
// that is broken costs that line alone: the next one begins a new record.
func (s *scanner) quoted(data []byte, n int) (int, error) {
	s.scratch = s.scratch[:0]
	rest := data
	for {
		field, used, end, err := s.field(rest)
		switch {
		case err == nil:
			s.add(field)
		case errors.Is(err, errMore) && !s.eof && len(data) < maxRecord:
			return 0, errMore
		default:
			return s.broken(n)
		}
		rest = rest[used:]
		if end {
			return len(data) - len(rest), nil
		}
	}
}

// broken rejects the first n bytes for a broken quote.
func (s *scanner) broken(n int) (int, error) {
	s.bad = nil
	s.fault(schemas.ReasonQuote)
	return n, nil
}

// field parses one field and what ends it; end says that the record ends, too.
func (s *scanner) field(data []byte) (field []byte, used int, end bool, err error) {
	if len(data) == 0 || data[0] != '"' {
		return s.plain(data)
	}
	from, at, begin := 1, 1, len(s.scratch)
	for {
		i := bytes.IndexByte(data[at:], '"')
		if i < 0 || i > maxField+1 {
			return nil, 0, false, errMore // at the end of the file: never closed
		}
		at += i
		if at+1 < len(data) && data[at+1] == '"' {
			s.scratch = append(s.scratch, data[from:at+1]...)
			at += 2
			from = at
			continue
		}
		break
	}
	if len(s.scratch) > begin {
		s.scratch = append(s.scratch, data[from:at]...)
		field = s.scratch[begin:len(s.scratch):len(s.scratch)]
	} else {
		field = data[1:at]
	}
	used, end, err = s.ending(data, at+1)
	return field, used, end, err
}

// ending reads what must follow a closing quote: the delimiter, a line end or
// the end of the file.
func (s *scanner) ending(data []byte, at int) (used int, end bool, err error) {
	if at == len(data) && !s.eof {
		return 0, false, errMore
	}
	rest := data[at:]
	switch {
	case len(rest) == 0:
		return at, true, nil
	case rest[0] == s.delim:
		return at + 1, false, nil
	case rest[0] == '\n':
		return at + 1, true, nil
	case rest[0] == '\r' && len(rest) == 1 && !s.eof:
		return 0, false, errMore
	case rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
		return min(at+2, len(data)), true, nil
	}
	return 0, false, errQuote
}

var errQuote = errors.New("a quote in the middle of a field")

// plain parses a field without quotes in a record that has some elsewhere.
func (s *scanner) plain(data []byte) (field []byte, used int, end bool, err error) {
	for i, c := range data {
		switch c {
		case s.delim:
			return data[:i], i + 1, false, nil
		case '\n':
			return bytes.TrimSuffix(data[:i], []byte{'\r'}), i + 1, true, nil
		case '"':
			return nil, 0, false, errQuote
		}
	}
	if !s.eof {
		return nil, 0, false, errMore
	}
	return bytes.TrimSuffix(data, []byte{'\r'}), len(data), true, nil
}

// skipLong rejects a line beyond the cap and reads to its end, keeping only its
// beginning.
func (s *scanner) skipLong() error {
	raw := bytes.Clone(s.buf[s.pos : s.pos+rawKept])
	first := s.lines + 1
	for {
		data := s.buf[s.pos:s.end]
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			i = len(data) - 1
		} else {
			s.lines++
		}
		s.pos += i + 1
		s.offset += int64(i + 1)
		if i >= 0 && data[i] == '\n' || s.eof {
			break
		}
		s.pos, s.end = 0, 0
		if err := s.fill(); err != nil {
			return err
		}
	}
	s.fields, s.raw, s.line = s.fields[:0], raw, first
	s.bad = &fault{reason: schemas.ReasonTooLong}
	return nil
}
