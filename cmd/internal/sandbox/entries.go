// Reading the ledger: any span, any skip, as it stands at any instant.

package sandbox

import (
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// latest is how long after its posting a late row may become visible: inside
// the look-back that contracts name.
const latest = 60 * 3600

// visibleAt says when the upstream begins to show a row.
func (w *World) visibleAt(wallet, day, slot int, at int64) int64 {
	if !w.chaos["late"] {
		return at
	}
	d := diceAt(w.seed, purposeLate, place(wallet, day, slot))
	if d.below(20) != 0 {
		return at
	}
	return at + d.between(3600, latest)
}

// span is a question to the ledger, in unix seconds: from <= posted < to.
type span struct{ from, to, now int64 }

func (q span) shows(s *slot) bool { return s.at >= q.from && s.at < q.to && s.visible <= q.now }

// whole tells whether the span shows every row of the day [start, end).
func (q span) whole(start, end int64) bool {
	return q.from <= start && q.to >= end && q.now >= end+latest
}

// hides tells whether a late row is kept back that was posted already.
func (q span) hides(s *slot) bool {
	return s.at >= q.from && s.at < q.to && s.at <= q.now && s.visible > q.now
}

// Entries implements mpaytest.Book.
func (w *World) Entries(wallet string, from, to, now time.Time, skip, limit int) []mpaytest.Entry {
	rows, late := w.read(wallet, from, to, w.seen(now), skip, limit)
	if late {
		w.late.Add(1)
	}
	return rows
}

// read answers Entries. Days that are shown whole are skipped by their count;
// only the days of the answer are planned. late tells whether a row was kept
// back on the way.
func (w *World) read(wallet string, from, to, now time.Time, skip, limit int) (out []mpaytest.Entry, late bool) {
	b, ok := w.byID[wallet]
	if !ok || limit <= 0 {
		return nil, false
	}
	q := span{ceilUnix(from), ceilUnix(to), now.Unix()}
	for d := max(w.cal.dayOf(q.from), 0); d < w.cal.days() && len(out) < limit; d++ {
		start, end := w.cal.starts[d], w.cal.starts[d+1]
		if start >= q.to || start > q.now {
			break
		}
		n := b.counts[d+1] - b.counts[d]
		whole := q.whole(start, end) && !w.planted.hidesOn(b, d)
		if whole && skip >= n {
			skip -= n
			continue
		}
		first := 0
		if whole {
			first, skip = skip, 0
		}
		slots := b.slots(w, d)
		for i := first; i < n && len(out) < limit; i++ {
			s := &slots[i]
			if w.planted.hides(b, d, i) {
				continue
			}
			if !whole && !q.shows(s) {
				late = late || q.hides(s)
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if out == nil {
				out = make([]mpaytest.Entry, 0, min(limit, b.counts[w.cal.days()]))
			}
			out = append(out, w.entry(b, d, i, s, q.now))
		}
	}
	return out, late
}

// ceilUnix is the first whole second that is not before t; rows are posted at
// whole seconds.
func ceilUnix(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
