package csv

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// Decoding a block: what its records say, each by itself. It may be done twice,
// beside other blocks and in any order.

// terms are what decoding needs to know beside the records. Nobody changes them
// while blocks are decoded.
type terms struct {
	name   string // of the file
	within sources.Window
	stated *tally // rows of the corrected file, which overrules this one; nil: this is it
	ignore [][]byte
	mem    memory.Allocator
}

// decode finds rows and rejects. Records in without are neither.
func (r *rowReader) decode(b *block, t *terms, without map[int]bool) {
	b.findings, b.rejects = b.findings[:0], nil
	r.rows.reset()
	for i := range b.records {
		f := finding{fate: overruled}
		if !without[i] {
			f = r.find(b, t, i)
		}
		if f.fate == good {
			r.rows.add(r)
		}
		b.findings = append(b.findings, f)
	}
	b.rows = r.rows.record(t.mem)
}

// find decodes one record.
func (r *rowReader) find(b *block, t *terms, i int) (f finding) {
	b.fields(&r.split, i)
	bad := r.split.bad
	if bad == nil && r.blank() {
		return f
	}
	if bad == nil && r.ignored(t) {
		f.fate = passedOver
		return f
	}
	var amount *int64
	var money string
	if bad == nil {
		amount, money, bad = r.read(r.split.fields)
	}
	if bad != nil {
		f.fate = refused
		b.rejects = append(b.rejects, b.reject(i, t, bad, amount, money))
		return f
	}
	f.fate, f.content = good, r.contentHash()
	if len(r.ids) > 0 {
		f.key = r.keyHash()
		if t.stated != nil {
			stated, err := t.stated.has(f.key)
			if err != nil {
				b.err = err
			}
			if stated {
				f.fate = overruled
				return f
			}
		}
	}
	if r.fTime >= 0 {
		f.micros = r.numbers[r.fTime]
		if !t.within.IsZero() && !t.within.Contains(time.UnixMicro(f.micros).UTC()) {
			f.fate = outside
		}
	}
	return f
}

// blank: a line without any text, or of delimiters alone, is no row.
func (r *rowReader) blank() bool {
	for _, f := range r.split.fields {
		if len(trim(f)) > 0 {
			return false
		}
	}
	return true
}

// ignored: a total at the end, as the mapping says.
func (r *rowReader) ignored(t *terms) bool {
	if len(t.ignore) == 0 {
		return false
	}
	for _, f := range r.split.fields {
		if f = trim(f); len(f) == 0 {
			continue
		}
		text, ok := r.decoder.text(f)
		for _, word := range t.ignore {
			if ok && bytes.HasPrefix(text, word) {
				return true
			}
		}
		return false
	}
	return false
}

// reject names a bad row by file, line and column.
func (b *block) reject(i int, t *terms, bad *fault, amount *int64, currency string) schemas.Reject {
	field := bad.field
	if bad.column > 0 {
		field = strings.TrimSpace(field + " (column " + strconv.Itoa(bad.column) + ")")
	}
	return schemas.Reject{RowID: t.name + ":" + strconv.FormatInt(b.records[i].line, 10), Reason: bad.reason, Field: field,
		Amount: amount, Currency: currency, Raw: bytes.Clone(b.raw(i))}
}
