package csv

import (
	"bytes"
	"errors"

	"github.com/paylake/paylake/schemas"
)

// fault is what is wrong with a record or one of its fields.
type fault struct {
	reason schemas.Reason
	column int // from 1; 0: the record as a whole
	field  string
}

// splitter takes records apart. Its slices are valid until the next record. Not
// for concurrent use.
type splitter struct {
	delim   byte
	eof     bool // the stream ends with what it sees
	fields  [][]byte
	scratch []byte
	bad     *fault
}

// plain splits a record that holds no quote.
func (s *splitter) plain(line []byte) {
	s.bad, s.fields = nil, s.fields[:0]
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, newline), carriage)
	for {
		i := bytes.IndexByte(line, s.delim)
		if i < 0 {
			s.add(line)
			return
		}
		s.add(line[:i])
		line = line[i+1:]
	}
}

var carriage = []byte{'\r'}

func (s *splitter) add(f []byte) {
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
func (s *splitter) fault(reason schemas.Reason) {
	if s.bad == nil {
		s.bad = &fault{reason: reason, column: len(s.fields) + 1}
	}
}

// ahead is what a splitter knows of the bytes behind those that it sees.
type ahead uint8

const (
	unknown ahead = iota // there may be more: errMore asks for it
	nothing              // the stream ends here
	ignored              // there may be more, but no record is that long
)

// split splits the record that data begins with and returns its length. Its
// first line, of n bytes, holds a quote. A quote that is broken costs that line
// alone: the next one begins a new record.
func (s *splitter) split(data []byte, n int, behind ahead) (int, error) {
	s.bad, s.fields, s.scratch, s.eof = nil, s.fields[:0], s.scratch[:0], behind == nothing
	rest := data
	for {
		field, used, end, err := s.field(rest)
		switch {
		case err == nil:
			s.add(field)
		case errors.Is(err, errMore) && behind == unknown:
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
func (s *splitter) broken(n int) (int, error) {
	s.bad = nil
	s.fault(schemas.ReasonQuote)
	return n, nil
}

// field parses one field and what ends it; end says that the record ends, too.
func (s *splitter) field(data []byte) (field []byte, used int, end bool, err error) {
	if len(data) == 0 || data[0] != '"' {
		return s.bare(data)
	}
	from, at, begin := 1, 1, len(s.scratch)
	for {
		i := bytes.IndexByte(data[at:], '"')
		if i > maxField+1 || i < 0 && len(data)-at > maxField+1 {
			return nil, 0, false, errQuote // whatever closes it, the field is too long
		}
		if i < 0 {
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
func (s *splitter) ending(data []byte, at int) (used int, end bool, err error) {
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

// bare parses a field without quotes in a record that has some elsewhere.
func (s *splitter) bare(data []byte) (field []byte, used int, end bool, err error) {
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
