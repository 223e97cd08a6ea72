package mpay

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// pageWalk reads the fields of a page around its rows, strictly: a field that
// comes twice would make it unclear which one counts.
type pageWalk struct {
	d     *decoder
	names [][]byte
	rows  bool   // there were rows
	later [2]int // where rows lie that wait for the currency
	ended bool
}

func (w *pageWalk) field() error {
	d := w.d
	if d.json.PeekKind() == '}' {
		w.ended = true
		_, err := d.json.ReadToken()
		return err
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return err
	}
	name, err := unquote(nil, raw)
	if err != nil || !utf8.Valid(name) {
		return pageError("a field's name is not UTF-8")
	}
	if w.known(name) {
		return pageError("field %q comes twice", label(name))
	}
	if len(w.names) > maxFields {
		return pageError("it has more than %d fields", maxFields)
	}
	w.names = append(w.names, bytes.Clone(name))
	return w.value(string(name))
}

func (w *pageWalk) known(name []byte) bool {
	return slices.ContainsFunc(w.names, func(n []byte) bool { return bytes.Equal(n, name) })
}

func (w *pageWalk) value(name string) (err error) {
	d := w.d
	switch name {
	case "rows":
		return w.rowsField()
	case "currency":
		code, err := w.text(name)
		d.currency = []byte(code)
		return err
	case "next_cursor":
		d.out.next, err = w.text(name)
		return err
	case "error":
		return w.errorField()
	}
	v, err := d.json.ReadValue()
	if err == nil && depth(v) > maxDepth {
		return pageError("field %q is nested more than %d deep", label([]byte(name)), maxDepth)
	}
	return err
}

// text reads an optional string; null counts as absent.
func (w *pageWalk) text(name string) (string, error) {
	v, err := w.d.json.ReadValue()
	switch {
	case err != nil:
		return "", err
	case v.Kind() == 'n':
		return "", nil
	case v.Kind() != '"':
		return "", pageError("field %q is not text", name)
	case len(v) > maxText:
		return "", pageError("field %q is longer than %d bytes", name, maxText)
	}
	s, err := unquote(nil, v)
	if err != nil || !utf8.Valid(s) {
		return "", pageError("field %q is not UTF-8", name)
	}
	return string(s), nil
}

// errorField remembers the code of an error; any other value than null counts.
func (w *pageWalk) errorField() error {
	v, err := w.d.json.ReadValue()
	if err != nil || v.Kind() == 'n' {
		return err
	}
	w.d.out.upstream = "error"
	if s, err := unquote(nil, v); v.Kind() == '"' && err == nil {
		w.d.out.upstream = label(s)
	}
	return nil
}

func (w *pageWalk) rowsField() error {
	d := w.d
	if d.money && !w.known([]byte("currency")) {
		return w.deferRows()
	}
	if d.json.PeekKind() == 'n' {
		_, err := d.json.ReadToken()
		return err
	}
	w.rows = true
	return d.rows()
}

// deferRows notes where the rows lie and goes on behind them.
func (w *pageWalk) deferRows() error {
	d := w.d
	switch d.json.PeekKind() { // checks the colon
	case '[':
	case 'n':
		_, err := d.json.ReadToken()
		return err
	default:
		if _, err := d.json.ReadValue(); err != nil {
			return err
		}
		return pageError("its rows are not an array")
	}
	start := skip(d.body, d.pos(), ": \t\r\n")
	end, ok := match(d.body, start)
	if !ok {
		_, err := d.json.ReadValue() // says where it stops being JSON
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	w.later = [2]int{start, end}
	return d.resume(end)
}

// skip returns the first offset from i on whose byte is none of set.
func skip(b []byte, i int, set string) int {
	for i < len(b) && bytes.IndexByte([]byte(set), b[i]) >= 0 {
		i++
	}
	return i
}

// match returns the offset behind the value that begins at i, found by its
// brackets and quotes alone: the value need not be JSON.
func match(b []byte, i int) (end int, ok bool) {
	open, text := 0, false
	for start := i; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
			if !text && open == 0 {
				return i + 1, true
			}
		case text:
		case c == '{' || c == '[':
			open++
		case c == '}' || c == ']':
			if open--; open == 0 {
				return i + 1, true
			}
			if open < 0 {
				return i, i > start
			}
		case open == 0 && (c == ',' || c <= ' '):
			return i, i > start
		}
	}
	return len(b), false
}

// depth is the nesting of a JSON value.
func depth(v jsontext.Value) int {
	deepest, open, text := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}
