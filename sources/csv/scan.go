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
	maxRecord = 1 << 20 // of a line, without its break
	maxField  = 64 << 10
	maxFields = 1024
	rawKept   = 4 << 10 // of a rejected record, for the vault
)

// scanner cuts a stream into records. Its slices are valid until the next
// call. Not for concurrent use.
type scanner struct {
	splitter
	r      io.Reader
	buf    []byte
	pos    int // first byte not handed out
	end    int
	eof    bool
	offset int64 // of pos, from the beginning of the stream
	lines  int64 // line breaks before pos

	raw    []byte // the record, or of a rejected one the beginning
	line   int64  // of the record's first byte, from 1
	quoted bool   // the record has a quote: fields are split already
}

func newScanner(r io.Reader, delim byte) *scanner {
	return &scanner{r: r, splitter: splitter{delim: delim}, buf: make([]byte, 256<<10)}
}

var errMore = errors.New("the record goes on beyond the buffer")

// next reads one record into fields, or says in bad why it is none. At the end
// of the stream it returns io.EOF; other errors are the stream's.
func (s *scanner) next() error {
	if err := s.cut(); err != nil {
		return err
	}
	if s.bad == nil && !s.quoted {
		s.plain(s.raw)
	}
	s.raw = s.raw[:min(len(s.raw), rawKept)]
	return nil
}

// cut finds the next record without splitting it, unless only its fields tell
// where it ends. Errors are those of next.
func (s *scanner) cut() error {
	s.bad, s.quoted, s.fields = nil, false, s.fields[:0]
	for {
		n, err := s.extent()
		if err == nil {
			s.take(n)
			return nil
		}
		if !errors.Is(err, errMore) {
			return err
		}
		if s.end-s.pos > maxRecord {
			return s.skipLong()
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// take hands out the first n bytes of the buffer as a record.
func (s *scanner) take(n int) {
	s.raw = s.buf[s.pos : s.pos+n]
	s.line = s.lines + 1
	switch {
	case s.quoted:
		s.lines += int64(bytes.Count(s.raw, newline))
	case n > 0 && s.raw[n-1] == '\n':
		s.lines++
	}
	s.pos += n
	s.offset += int64(n)
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

// extent is the length of the record at pos with its line end. How much of the
// stream is in the buffer makes no difference to it.
func (s *scanner) extent() (int, error) {
	data := s.buf[s.pos:s.end]
	n, width := len(data), 0
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		n, width = i, 1
	} else if !s.eof {
		return 0, errMore
	} else if n == 0 {
		return 0, io.EOF
	}
	if n > maxRecord {
		s.bad = &fault{reason: schemas.ReasonTooLong}
		return n + width, nil
	}
	if bytes.IndexByte(data[:n], '"') < 0 {
		return n + width, nil
	}
	s.quoted = true
	behind := unknown
	switch {
	case len(data) > maxRecord+1:
		data, behind = data[:maxRecord+1], ignored
	case s.eof:
		behind = nothing
	case len(data) == maxRecord+1:
		behind = ignored
	}
	return s.split(data, n+width, behind)
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
