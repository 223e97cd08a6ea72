package csv

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// One record of a file: a row, a reject, or neither.

// record reads one record into the page.
func (r *reading) record(page *sources.Page, within sources.Window) {
	if r.blank() {
		return
	}
	if r.ignored() {
		page.Outside++
		return
	}
	bad := r.scan.bad
	var amount *int64
	var money string
	if bad == nil {
		amount, money, bad = r.rows.read(r.scan.fields)
	}
	if bad == nil {
		bad = r.identify()
	}
	if bad == nil && r.at > 0 && r.stated.has(r.rows.keyHash()) {
		return // the corrected file says it anew
	}
	if bad != nil {
		page.Rejects = append(page.Rejects, r.reject(bad, amount, money))
		return
	}
	if at := r.rows.fTime; at >= 0 {
		t := time.UnixMicro(r.rows.numbers[at]).UTC()
		if !within.IsZero() && !within.Contains(t) {
			page.Outside++
			return
		}
		if r.at == 0 {
			r.extend(t)
		}
	}
	r.batch.add(r.rows)
}

func (r *reading) extend(t time.Time) {
	if s := r.info.Span; s.IsZero() || t.Before(s.From) || !t.Before(s.To) {
		r.info.Span = s.Join(schemas.Window{From: t, To: t.Add(time.Microsecond)})
	}
}

// blank: a line without any text, or of delimiters alone, is no row.
func (r *reading) blank() bool {
	if r.scan.bad != nil {
		return false
	}
	for _, f := range r.scan.fields {
		if len(trim(f)) > 0 {
			return false
		}
	}
	return true
}

// ignored: a total at the end, as the mapping says.
func (r *reading) ignored() bool {
	words := r.f.shelf.config.Mapping.Ignore
	if len(words) == 0 || r.scan.bad != nil {
		return false
	}
	for _, f := range r.scan.fields {
		if f = trim(f); len(f) > 0 {
			text, ok := r.rows.decode.text(f)
			return ok && slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(string(text), w) })
		}
	}
	return false
}

// identify gives the row its id, or finds that the file gave it to another one.
func (r *reading) identify() *fault {
	hash := r.rows.contentHash()
	if len(r.rows.ids) == 0 {
		r.last = hash.Lo
		n := r.counts.at(hash.Lo)
		*n++
		r.rows.name(hash, *n)
		return nil
	}
	known := r.counts.at(r.rows.keyHash())
	if *known == 0 {
		*known = hash.Lo | 1
		return nil
	}
	if *known != hash.Lo|1 {
		return r.rows.fault(schemas.ReasonTwice, r.rows.ids[0], r.rows.table.Fields[r.rows.fID].Name)
	}
	return nil
}

// reject names a bad row by file, line and column. Equal bad rows of a file are
// told apart by their number, so that the money of each is counted.
func (r *reading) reject(bad *fault, amount *int64, currency string) schemas.Reject {
	field := bad.field
	if bad.column > 0 {
		field = strings.TrimSpace(field + " (column " + strconv.Itoa(bad.column) + ")")
	}
	raw := slices.Clone(r.scan.raw)
	if len(r.odd) < maxPeople {
		n := r.odd[string(raw)]
		r.odd[string(raw)] = n + 1
		if n > 0 {
			raw = append(raw, "\n#"+strconv.Itoa(n+1)...)
		}
	}
	return schemas.Reject{RowID: r.name() + ":" + strconv.FormatInt(r.scan.line, 10), Reason: bad.reason, Field: field,
		Amount: amount, Currency: currency, Raw: raw}
}
