package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// sniffed is how much of a file is looked at to find its heading, and how many
// records may stand above it: exports begin with the account and the period.
const (
	sniffed  = 64 << 10
	preamble = 40
)

// head is what the beginning of a file says.
type head struct {
	encoding string
	bom      int
	delim    byte
	end      int64 // offset of the first row
	lines    int64 // line breaks before it
	line     int64 // of the heading, from 1
	headings []string
	columns  map[string]int // mapping's column → index
	missing  []string       // required columns without a heading
	doubled  []string       // headings that stand for one column twice
}

// unmapped lists headings that the mapping does not name.
func (h *head) unmapped() []string {
	used := map[int]bool{}
	for _, i := range h.columns {
		used[i] = true
	}
	var out []string
	for i, name := range h.headings {
		if !used[i] && name != "" {
			out = append(out, name)
		}
	}
	return out
}

// readHead finds the heading in the first bytes of a file. Its errors are
// sources.ErrShape and say what to change.
func readHead(m Mapping, t *schemas.Table, sample []byte) (*head, error) {
	if err := packed(sample); err != nil {
		return nil, err
	}
	encoding, bom, err := encodingOf(m, sample)
	if err != nil {
		return nil, err
	}
	if len(trim(sample[bom:])) == 0 {
		return nil, sources.Errorf(sources.ErrShape, "the file is empty")
	}
	if bytes.IndexByte(sample, '\n') < 0 && bytes.IndexByte(sample, '\r') >= 0 {
		return nil, sources.Errorf(sources.ErrShape, "the lines of the file end in CR alone; save it with LF or CR LF")
	}
	var best *head
	for _, delim := range delimiters(m) {
		h := matchHead(m, t, sample[bom:], delim, encoding)
		if h != nil && (best == nil || h.better(best)) {
			best = h
		}
	}
	if best == nil {
		return nil, sources.Errorf(sources.ErrShape, "no heading among the first %d lines has a column of the mapping; write the file's own headings under mapping: {columns: …}", preamble)
	}
	best.encoding, best.bom = encoding, bom
	best.end += int64(bom)
	return best, best.problem()
}

func (h *head) better(o *head) bool {
	bad, worse := len(h.missing)+len(h.doubled), len(o.missing)+len(o.doubled)
	return bad < worse || bad == worse && len(h.columns) > len(o.columns)
}

func (h *head) problem() error {
	switch {
	case len(h.missing) > 0:
		return sources.Errorf(sources.ErrShape, "line %d: no column for %s; its headings are %s; name the right one under mapping: {columns: …}",
			h.line, strings.Join(h.missing, ", "), strings.Join(h.headings, " | "))
	case len(h.doubled) > 0:
		return sources.Errorf(sources.ErrShape, "line %d: %s; keep one of the two", h.line, strings.Join(h.doubled, ", "))
	}
	return nil
}

func delimiters(m Mapping) []byte {
	switch m.Delimiter {
	case "":
		return []byte{';', ',', '\t', '|'}
	case "tab":
		return []byte{'\t'}
	}
	return []byte{m.Delimiter[0]}
}

// encodingOf trusts a byte order mark more than the mapping, and refuses an
// encoding that the bytes contradict: Azerbaijani letters read in the wrong one
// look like text to every program.
func encodingOf(m Mapping, sample []byte) (encoding string, bom int, err error) {
	switch {
	case bytes.HasPrefix(sample, []byte{0xef, 0xbb, 0xbf}):
		return "utf-8", 3, nil
	case bytes.HasPrefix(sample, []byte{0xff, 0xfe}), bytes.HasPrefix(sample, []byte{0xfe, 0xff}):
		return "", 0, sources.Errorf(sources.ErrShape, "the file is UTF-16; export it as UTF-8")
	}
	valid, high := utf8Sample(sample)
	if m.Encoding != "" && m.Encoding != "utf-8" {
		if valid && high > 1 {
			return "", 0, sources.Errorf(sources.ErrShape, "the file is UTF-8 and the mapping says %s; write encoding: utf-8", m.Encoding)
		}
		return m.Encoding, 0, nil
	}
	return "utf-8", 0, nil
}

// utf8Sample reports whether a sample, which may end within a letter, is UTF-8,
// and how many letters beyond ASCII it has.
func utf8Sample(b []byte) (valid bool, high int) {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b), high
		}
		if n > 1 {
			high++
		}
		b = b[n:]
	}
	return true, high
}

// matchHead looks for the record whose fields name most columns.
func matchHead(m Mapping, t *schemas.Table, sample []byte, delim byte, encoding string) *head {
	s, d := newScanner(bytes.NewReader(sample), delim), newDecoder(encoding)
	var best *head
	for range preamble {
		if err := s.next(); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil
			}
			break
		}
		if s.bad != nil {
			continue
		}
		h := match(m, t, s.fields, d)
		if len(h.columns) == 0 {
			continue
		}
		h.delim, h.line, h.end, h.lines = delim, s.line, s.offset, s.lines
		if best == nil || h.better(best) {
			best = h
		}
		if len(best.missing)+len(best.doubled) == 0 {
			break
		}
	}
	return best
}

// match maps one record's fields as headings.
func match(m Mapping, t *schemas.Table, fields [][]byte, d *decoder) *head {
	h := &head{columns: map[string]int{}}
	places := map[string][]int{}
	for i, f := range fields {
		text, ok := d.text(f)
		if !ok {
			text = []byte("?")
		}
		name := string(trim(text))
		h.headings = append(h.headings, name)
		if name != "" {
			places[plainHeading(name)] = append(places[plainHeading(name)], i)
		}
	}
	for _, c := range sortedKeys(m.Columns) {
		var at []int
		for _, heading := range m.Columns[c] {
			for _, i := range places[plainHeading(heading)] {
				if !slices.Contains(at, i) {
					at = append(at, i)
				}
			}
		}
		switch {
		case len(at) > 1:
			h.doubled = append(h.doubled, fmt.Sprintf("columns %d and %d (%s, %s) are both %s", at[0]+1, at[1]+1, h.headings[at[0]], h.headings[at[1]], c))
			h.columns[c] = at[0]
		case len(at) == 1:
			h.columns[c] = at[0]
		case m.required(t, c):
			h.missing = append(h.missing, fmt.Sprintf("%s (%s)", c, strings.Join(m.Columns[c], ", ")))
		}
	}
	return h
}

// required reports whether a file must have a column.
func (m Mapping) required(t *schemas.Table, c string) bool {
	if slices.Contains(m.Required, c) || slices.Contains(m.ID, c) || c == t.Time {
		return true
	}
	switch c {
	case colAmount, colDebit, colCredit, colDirection:
		return t.Name != "loyalty_entries"
	case t.Currency:
		_, constant := m.Constants[c]
		return t.Currency != "" && !constant && t.Name != "loyalty_entries"
	}
	return false
}

// plainHeading makes headings comparable: case, the dotted and dotless i, spaces
// and a mark at the end do not count.
func plainHeading(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case 'İ', 'I', 'ı':
			return 'i'
		case '\u00a0', '\t', '\n', '\r':
			return ' '
		}
		return r
	}, s)
	return strings.TrimRight(strings.Join(strings.Fields(strings.ToLower(s)), " "), ":.")
}
