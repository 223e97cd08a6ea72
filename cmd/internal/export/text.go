package export

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
)

const bufferBytes = 256 << 10

// csvWriter writes RFC 4180 with LF line ends: a header, then the rows. Absent
// values are empty.
type csvWriter struct {
	out     *bufio.Writer
	columns []Column
	line    []byte
	text    []byte
}

func newCSV(w io.Writer, columns []Column) (Writer, error) {
	c := &csvWriter{out: bufio.NewWriterSize(w, bufferBytes), columns: columns}
	for i, col := range columns {
		if i > 0 {
			c.line = append(c.line, ',')
		}
		c.line = quoted(c.line, []byte(col.Name))
	}
	_, err := c.out.Write(append(c.line, '\n'))
	return c, err
}

func (c *csvWriter) Write(rec arrow.Record) error {
	fields, err := c.bind(rec)
	if err != nil {
		return err
	}
	for row := range int(rec.NumRows()) {
		c.line = c.line[:0]
		for i, field := range fields {
			if i > 0 {
				c.line = append(c.line, ',')
			}
			c.line = field(c.line, row)
		}
		if _, err := c.out.Write(append(c.line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// bind says how each column's value is appended to a line. Numbers, days and
// instants have nothing to quote, and text is not copied on its way.
func (c *csvWriter) bind(rec arrow.Record) ([]func(line []byte, row int) []byte, error) {
	cells, err := bind(c.columns, rec)
	if err != nil {
		return nil, err
	}
	fields := make([]func(line []byte, row int) []byte, len(cells))
	for i, cell := range cells {
		text, isText := rec.Column(i).(*array.String)
		switch kind := c.columns[i].Kind; {
		case isText && (kind == Text || kind == JSON):
			fields[i] = func(line []byte, row int) []byte {
				if text.IsNull(row) {
					return line
				}
				return field(line, text.Value(row))
			}
		case kind == Text || kind == JSON:
			fields[i] = func(line []byte, row int) []byte {
				c.text, _ = cell(c.text[:0], row)
				return field(line, string(c.text))
			}
		default:
			fields[i] = func(line []byte, row int) []byte {
				line, _ = cell(line, row)
				return line
			}
		}
	}
	return fields, nil
}

// field appends text as a field.
func field(line []byte, text string) []byte {
	if text == "" {
		return line
	}
	if !suspicious[text[0]] {
		plain := text[0] != ' ' && text[len(text)-1] != ' '
		for i := 0; plain && i < len(text); i++ {
			plain = !special[text[i]]
		}
		if plain {
			return append(line, text...)
		}
	}
	return quoted(line, guarded([]byte(text)))
}

// special are bytes for which a field is quoted.
var special = [256]bool{'"': true, ',': true, '\r': true, '\n': true}

func (c *csvWriter) Flush() error { return c.out.Flush() }

func (c *csvWriter) Close() error { return c.out.Flush() }

func quoted(dst, text []byte) []byte {
	if len(text) == 0 || !bytes.ContainsAny(text, "\",\r\n") && text[0] != ' ' && text[len(text)-1] != ' ' {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, b := range text {
		if b == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}

// guarded puts an apostrophe before text that a spreadsheet would run as a
// formula: text of others, such as a payee's name, gets here. Numbers and masked
// telephone numbers begin with a sign and are left alone. Text that begins with
// an apostrophe gets a second one, so that whoever takes one off has what was
// there.
func guarded(text []byte) []byte {
	if len(text) == 0 || !suspicious[text[0]] {
		return text
	}
	switch text[0] {
	case '+', '-':
		if len(bytes.Trim(text[1:], "0123456789.,*• ")) == 0 {
			return text
		}
	case 0xEF: // the full-width forms ＝ ＋ － ＠, which some programs take for the plain ones, and a mark that programs skip
		r, _ := utf8.DecodeRune(text)
		if !strings.ContainsRune("＝＋－＠\ufeff", r) {
			return text
		}
	}
	return append([]byte("'"), text...)
}

// suspicious are first bytes that guarded looks at.
var suspicious = [256]bool{'=': true, '+': true, '-': true, '@': true, '\t': true, '\r': true, '\n': true, '\'': true, '|': true, '%': true, 0xEF: true}

// lineWriter writes one JSON object a line.
type lineWriter struct {
	out     *bufio.Writer
	columns []Column
	names   [][]byte // quoted, with the colon, and what opens before
	after   []string // what closes behind
	line    []byte
	text    []byte
}

// newLines: columns whose names have a dot are members of an object, which
// neighbours of the same object share.
func newLines(w io.Writer, columns []Column) *lineWriter {
	l := &lineWriter{out: bufio.NewWriterSize(w, bufferBytes), columns: columns}
	path := func(i int) []string {
		if i < 0 || i >= len(columns) {
			return nil
		}
		parts := strings.Split(columns[i].Name, ".")
		return parts[:len(parts)-1]
	}
	for i, c := range columns {
		var name []byte
		own := path(i)
		for _, object := range own[shared(path(i-1), own):] {
			name, _ = jsontext.AppendQuote(name, object) // names of columns are plain
			name = append(name, ":{"...)
		}
		name, _ = jsontext.AppendQuote(name, c.Name[strings.LastIndexByte(c.Name, '.')+1:])
		l.names = append(l.names, append(name, ':'))
		l.after = append(l.after, strings.Repeat("}", len(own)-shared(own, path(i+1))))
	}
	return l
}

// shared is how many names two paths begin with together.
func shared(a, b []string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (l *lineWriter) Write(rec arrow.Record) error {
	return l.each(rec, func() error {
		_, err := l.out.Write(append(l.line, '\n'))
		return err
	})
}

// each makes the object of every row in l.line.
func (l *lineWriter) each(rec arrow.Record, do func() error) error {
	cells, err := bind(l.columns, rec)
	if err != nil {
		return err
	}
	for row := range int(rec.NumRows()) {
		l.line = append(l.line[:0], '{')
		for i, cell := range cells {
			if i > 0 {
				l.line = append(l.line, ',')
			}
			l.line = append(l.line, l.names[i]...)
			var null bool
			if l.text, null = cell(l.text[:0], row); null {
				l.line = append(l.line, "null"...)
			} else if l.line, err = l.value(l.line, l.columns[i].Kind); err != nil {
				return fmt.Errorf("column %s: %w", l.columns[i].Name, err)
			}
			l.line = append(l.line, l.after[i]...)
		}
		l.line = append(l.line, '}')
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// value: integers, booleans and lists are JSON as they are; decimals are
// strings, because readers make floating-point numbers of them otherwise.
func (l *lineWriter) value(dst []byte, kind Kind) ([]byte, error) {
	switch kind {
	case Int, Bool, Float, JSON:
		return append(dst, l.text...), nil
	}
	return jsontext.AppendQuote(dst, l.text)
}

func (l *lineWriter) Flush() error { return l.out.Flush() }

func (l *lineWriter) Close() error { return l.out.Flush() }

// jsonWriter writes one object: what was exported, its rows, and how many.
type jsonWriter struct {
	*lineWriter
	rows int64
	head int
}

// Head is how many bytes at the beginning name the snapshot rather than rows.
func (j *jsonWriter) Head() int { return j.head }

func newJSON(w io.Writer, m Meta, columns []Column) (Writer, error) {
	j := &jsonWriter{lineWriter: newLines(w, columns)}
	_, err := fmt.Fprintf(j.out, "{\"dataset\":%q,\"snapshot\":%d,\"snapshot_sha256\":%q,\"from\":%q,\"to\":%q,\"rows\":[", m.Dataset, m.Snapshot, m.SHA256, m.From, m.To)
	j.head = j.out.Buffered()
	return j, err
}

func (j *jsonWriter) Write(rec arrow.Record) error {
	return j.each(rec, func() error {
		separator := ",\n"
		if j.rows == 0 {
			separator = "\n"
		}
		j.rows++
		_, err := j.out.WriteString(separator)
		if err == nil {
			_, err = j.out.Write(j.line)
		}
		return err
	})
}

func (j *jsonWriter) Close() error {
	if _, err := fmt.Fprintf(j.out, "\n],\"count\":%d}\n", j.rows); err != nil {
		return err
	}
	return j.out.Flush()
}
