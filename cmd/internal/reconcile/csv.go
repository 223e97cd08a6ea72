package reconcile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// csv reads RFC 4180 with a header line, strictly: a column that is misspelt
// would silently mean all rows.
func (f *expectFile) csv(text []byte) {
	if !utf8.Valid(text) {
		f.bad(1, "it is not text in UTF-8; save it as CSV UTF-8")
		return
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return
	}
	if err == nil && !f.header(header) {
		return
	}
	for err == nil {
		var record []string
		if record, err = in.Read(); err != nil {
			break
		}
		at, _ := in.FieldPos(0)
		if len(record) != len(header) {
			f.bad(at, "it has %d columns, and the header has %d", len(record), len(header))
			continue
		}
		values := map[string]string{}
		for i, v := range record {
			values[header[i]] = strings.TrimSpace(v)
		}
		f.add(at, values)
	}
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		f.bad(e.Line, "it is not CSV: %v", e.Err)
	}
}

// header replaces names by the columns that they mean.
func (f *expectFile) header(names []string) bool {
	before := len(f.wrong)
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t") {
		f.bad(1, "its columns are not separated by commas; save it with a comma as the separator")
		return false
	}
	for i, name := range names {
		column, ok := canonical(name)
		switch {
		case !ok:
			f.bad(1, "there is no column %q; the columns are %s", name, strings.Join(Columns, ", "))
		case slices.Contains(names[:i], column):
			f.bad(1, "two columns are called %s; remove one of them", column)
		}
		names[i] = column
	}
	if !slices.Contains(names, "amount") && !slices.Contains(names, "amount_minor") && len(f.wrong) == before {
		f.bad(1, "it has no column amount, and none amount_minor; one of the two says what is expected")
	}
	return len(f.wrong) == before
}
