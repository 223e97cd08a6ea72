package csv

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/zeebo/xxh3"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// Merging: what the records before it decide about a record. One block after
// the other, in the order of the file.

// merge turns a decoded block into a page.
func (r *reading) merge(b *block) (page sources.Page, err error) {
	again := map[int]bool{}
	rejects := b.rejects
	r.names.reset()
	for i := range b.findings {
		switch f := &b.findings[i]; f.fate {
		case blank:
		case passedOver:
			page.Outside++
		case refused:
			page.Rejects = append(page.Rejects, r.numbered(rejects[0]))
			rejects = rejects[1:]
		default:
			known, err := r.identify(f)
			if err != nil {
				return page, sources.Errorf(sources.ErrTransient, "read %s: %w", r.name(), err)
			}
			if !known {
				page.Rejects = append(page.Rejects, r.numbered(r.twice(b, i)))
				again[i] = true
			} else if f.fate == outside {
				page.Outside++
			} else if f.fate == good {
				r.extend(f.micros)
			}
		}
	}
	if len(again) > 0 {
		b.rows.Release()
		r.own.decode(b, r.terms, again)
	}
	page.Rows, b.rows = b.rows, nil
	if len(r.own.ids) == 0 {
		page.Rows = r.named(page.Rows)
	}
	return page, nil
}

// identify gives the row its id, or finds that the file gave it to another one:
// then it is false.
func (r *reading) identify(f *finding) (bool, error) {
	if len(r.own.ids) == 0 {
		r.last = f.content.Lo
		n, err := r.counts.at(f.content.Lo)
		if err != nil {
			return false, err
		}
		*n++
		if f.fate == good {
			r.nameRow(f.content, *n)
		}
		return true, nil
	}
	known, err := r.counts.at(f.key)
	if err != nil {
		return false, err
	}
	if *known == 0 {
		*known = f.content.Lo | 1
	}
	return *known == f.content.Lo|1, nil
}

// nameRow gives a row without an id of its own one: its content and its place
// among equal rows of this file.
func (r *reading) nameRow(hash xxh3.Uint128, ordinal uint64) {
	raw, n := hash.Bytes(), &r.names
	n.bytes = hex.AppendEncode(n.bytes, raw[:12])
	n.bytes = strconv.AppendUint(append(n.bytes, '.'), ordinal, 10)
	n.mark(len(n.ends), true)
	n.ends = append(n.ends, int32(len(n.bytes)))
}

// named puts the names in the place of the empty ids. It takes rows over.
func (r *reading) named(rows arrow.Record) arrow.Record {
	defer rows.Release()
	at := r.own.fID
	data := r.names.data(r.terms.mem, rows.Schema().Field(at).Type, len(r.names.ends))
	defer data.Release()
	ids := array.MakeFromData(data)
	defer ids.Release()
	columns := append([]arrow.Array(nil), rows.Columns()...)
	columns[at] = ids
	return array.NewRecord(rows.Schema(), columns, rows.NumRows())
}

// twice refuses a row whose id the file has given to another one.
func (r *reading) twice(b *block, i int) schemas.Reject {
	own := r.own
	b.fields(&own.split, i)
	amount, currency, _ := own.read(own.split.fields) // which could be read before
	return b.reject(i, r.terms, own.fault(schemas.ReasonTwice, own.ids[0], own.table.Fields[own.fID].Name), amount, currency)
}

// numbered tells equal bad rows of a file apart by their number, so that the
// money of each is counted.
func (r *reading) numbered(x schemas.Reject) schemas.Reject {
	if len(r.odd) >= maxPeople {
		return x
	}
	text := xxh3.Hash128(x.Raw)
	n := r.odd[text]
	r.odd[text] = n + 1
	if n > 0 {
		x.Raw = append(x.Raw, "\n#"+strconv.Itoa(n+1)...)
	}
	return x
}

// extend widens the span of the file's event times.
func (r *reading) extend(micros int64) {
	if r.at > 0 || r.own.fTime < 0 {
		return
	}
	if r.widest = r.widest && micros >= r.first && micros <= r.latest; r.widest {
		return
	}
	t := time.UnixMicro(micros).UTC()
	r.info.Span = r.info.Span.Join(schemas.Window{From: t, To: t.Add(time.Microsecond)})
	r.first, r.latest, r.widest = r.info.Span.From.UnixMicro(), r.info.Span.To.UnixMicro()-1, true
}
