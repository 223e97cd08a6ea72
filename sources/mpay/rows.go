package mpay

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
)

// value is one field of a row: the text of a string, the literal of anything
// else.
type value struct {
	kind jsontext.Kind // '"', '0', 't', 'f', 'n', '{', '['
	text []byte
}

// rows reads the array of rows that comes next, and goes on behind it. A row
// that cannot be read is refused alone.
func (d *decoder) rows() error {
	if d.json.PeekKind() != '[' {
		if _, err := d.json.ReadValue(); err != nil {
			return err
		}
		return pageError("its rows are not an array")
	}
	end, err := d.array(skip(d.body, d.pos(), ": \t\r\n")) // what lies between, PeekKind has checked
	if err != nil {
		return err
	}
	return d.resume(end)
}

// array reads the rows of the array whose bracket stands at i and returns the
// offset behind it.
func (d *decoder) array(i int) (end int, err error) {
	d.inRows, d.after = true, i+1
	if i = blank(d.body, i+1); i < len(d.body) && d.body[i] == ']' {
		d.inRows = false
		return i + 1, nil
	}
	for {
		if end, err = d.readRow(i); err != nil {
			return 0, err
		}
		d.finish(end)
		d.out.any, d.after = true, end
		if i = blank(d.body, end); i >= len(d.body) {
			return 0, io.ErrUnexpectedEOF
		}
		switch d.body[i] {
		case ',':
			i = blank(d.body, i+1)
		case ']':
			d.inRows = false
			return i + 1, nil
		default:
			return 0, pageError("it is not JSON at byte %d", i)
		}
	}
}

// resume points the JSON decoder behind a value of the page's object.
func (d *decoder) resume(end int) error {
	const head = `{"":0`
	d.reset(append([]byte(head), d.body[end:]...), end-len(head))
	for range 3 { // {, "" and 0
		if _, err := d.json.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) begin() {
	d.row.fields, d.row.reason, d.row.field, d.row.last = 0, "", "", nil
	d.row.names, d.row.scratch = d.row.names[:0], d.row.scratch[:0]
	d.table.begin()
}

// readRow reads the fields of the row at i and returns the offset behind it.
func (d *decoder) readRow(i int) (end int, err error) {
	if i >= len(d.body) {
		return 0, io.ErrUnexpectedEOF
	}
	if d.body[i] == '{' && !d.long {
		if end = d.shortRow(i); end > 0 {
			return end, nil
		}
	}
	d.reset(d.body[i:], i)
	d.begin()
	d.row.start = i
	if d.body[i] == '{' {
		return d.longRow()
	}
	_, err = d.json.ReadValue()
	d.bad(schemas.ReasonType, "")
	return d.pos(), err
}

// longRow has the JSON library read a row, whatever is in it.
func (d *decoder) longRow() (end int, err error) {
	if _, err := d.json.ReadToken(); err != nil {
		return 0, err
	}
	d.at = d.pos()
	for !d.closing() {
		raw, err := d.token()
		if err != nil {
			return 0, err
		}
		name := d.name(raw)
		d.row.last = name
		if raw, err = d.token(); err != nil {
			return 0, err
		}
		if d.row.fields++; d.row.fields > maxFields {
			d.bad(schemas.ReasonTooLong, "")
			continue
		}
		d.field(name, value{kind: jsontext.Value(raw).Kind(), text: raw})
	}
	_, err = d.json.ReadToken()
	return d.pos(), err
}

// closing reports whether the row's bracket comes next. It looks at the body
// itself, which is cheaper than PeekKind; the JSON decoder has the last word.
func (d *decoder) closing() bool {
	i := d.gap()
	return i < len(d.body) && d.body[i] == '}'
}

// token reads one name or value and returns its bytes in the body itself: they
// stay as they are while the page is read. Reading token by token is what
// makes jsontext fast; only objects and arrays are read as a whole.
func (d *decoder) token() (raw []byte, err error) {
	start := d.gap()
	if start < len(d.body) && (d.body[start] == '{' || d.body[start] == '[') {
		_, err = d.json.ReadValue()
	} else {
		_, err = d.json.ReadToken()
	}
	if err != nil {
		return nil, err
	}
	d.at = d.pos()
	return d.body[start:d.at], nil
}

// gap is the offset of what comes after the last token: behind its separator,
// which the JSON decoder checks, and white space.
func (d *decoder) gap() int {
	i := d.at
	for i < len(d.body) {
		switch d.body[i] {
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

func (d *decoder) name(raw []byte) []byte {
	if d.plain || bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	text, ok := d.unescape(raw)
	if !ok {
		d.bad(schemas.ReasonText, "")
	}
	return text
}

func (d *decoder) unescape(raw []byte) (text []byte, ok bool) {
	n := len(d.row.scratch)
	s, err := jsontext.AppendUnquote(d.row.scratch, raw)
	d.row.scratch = s
	return s[n:], err == nil
}

func (d *decoder) field(name []byte, v value) {
	if v.kind == '"' {
		v.text = d.text(name, v.text)
	}
	if !d.table.set(d, name, v) {
		d.stranger(name, v)
	}
}

// text decodes a string; one without escapes, the usual case, is left where it
// lies.
func (d *decoder) text(name, raw []byte) []byte {
	if d.plain || bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	s, ok := d.unescape(raw)
	if !ok || bytes.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		d.bad(schemas.ReasonText, label(name))
	}
	return s
}

// stranger notes a field that the table does not know. It is no fault, unless
// it comes twice.
func (d *decoder) stranger(name []byte, v value) {
	for _, n := range d.row.names {
		if bytes.Equal(n, name) {
			d.bad(schemas.ReasonDuplicate, label(name))
			return
		}
	}
	d.row.names = append(d.row.names, name)
	if v.kind != '{' && v.kind != '[' {
		return
	}
	if depth(v.text) > maxDepth {
		d.bad(schemas.ReasonTooLong, label(name))
	} else if !d.dirty && !jsontext.Value(v.text).IsValid() {
		d.bad(schemas.ReasonDuplicate, label(name)) // its syntax has been read: only a name twice is left
	}
}

// bad notes the first thing that is wrong with the row.
func (d *decoder) bad(reason schemas.Reason, field string) {
	if d.row.reason == "" {
		d.row.reason, d.row.field = reason, field
	}
}

// finish appends the row, counts it as outside, or refuses it.
func (d *decoder) finish(end int) {
	if r, ok := d.broken[d.row.start]; ok {
		d.out.rejects = append(d.out.rejects, r)
		d.note(r.Raw)
		return
	}
	raw := d.body[d.row.start:end]
	if d.dirty && d.row.reason == "" && !utf8.Valid(raw) {
		d.bad(schemas.ReasonText, "")
	}
	if outside := d.table.end(d); outside {
		d.out.outside++
		d.note(raw)
		return
	}
	if d.row.reason == "" {
		d.cols.rows++
		for _, n := range d.row.names {
			d.counts.add("field:", n)
		}
		d.note(raw)
		return
	}
	r := schemas.Reject{Reason: d.row.reason, Field: d.row.field, Raw: bytes.Clone(raw)}
	d.table.about(d, &r)
	d.out.rejects = append(d.out.rejects, r)
	d.note(raw)
}

func (d *decoder) note(raw []byte) {
	d.noted = append(d.noted, uint32(xxh3.Hash(raw)))
}

// salvage cuts a row that is not JSON (a bare NaN, say) out of the page: it is
// refused with its own bytes, and an empty object stands in its place. false
// when the row's end cannot be found, or when that did not help.
func (d *decoder) salvage(error) bool {
	start := skip(d.body, d.after, ", \t\r\n")
	end, ok := match(d.body, start)
	if _, again := d.broken[start]; again || !ok || end-start < 2 || len(d.broken) >= maxBroken {
		return false
	}
	r := schemas.Reject{Reason: schemas.ReasonType, Raw: bytes.Clone(d.body[start:end])}
	if d.row.start == start {
		r.Field = label(d.row.last)
		d.table.about(d, &r)
		switch r.Field {
		case "amount", "amount_azn", "fee", "balance_after":
			r.Reason = schemas.ReasonAmount
		}
	}
	if d.broken == nil {
		d.broken = map[int]schemas.Reject{}
	}
	d.broken[start] = r
	for i := start; i < end; i++ {
		d.body[i] = ' '
	}
	d.body[start], d.body[end-1] = '{', '}'
	return true
}
