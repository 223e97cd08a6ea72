package flashpay

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/paylake/paylake/sources"
)

// The platform lists what was last updated inside an interval by limit and
// offset, while the list changes: an operation that is updated again leaves a
// closed interval, and every row after it moves to a lower offset. A plain walk
// then jumps over as many rows as have left. It also ends too early when an
// answer is short for any other reason than the end of the list.
//
// A walk asks for the last rows of the previous page once more. It knows the
// place of every row that it has read, and takes a page only if the page's
// first row is one of them, at its known place or a higher one: then everything
// before that row has been read. Otherwise it steps back, twice as far each
// time, until a page fits or the beginning is reached, which always fits.
//   - First row unknown: more rows have left than the overlap holds, and rows
//     that nobody has read may lie before this page.
//   - First row known at a lower place: the list has grown before it, or an
//     earlier answer left a row out.
//
// The end is believed only of a short page that brings nothing new, and where the
// list was longer before or an answer that did not fit showed unknown rows, of two of them: an answer that
// leaves a row out is short too.
//
// Rows that only leave can therefore not make it lose any (a closed interval),
// nor can rows that only appear. Two things escape it: a row that appears before
// the page when at least as many have left there, and a row that no answer
// shows. Both are why the pipeline reads a trailing window again.
type walk struct {
	limit  int
	offset int  // of the next request
	step   int  // of the last step back; 0 after a page that fits
	idle   int  // answers since the last new row
	far    int  // how far any answer has come
	lost   int  // rows before this place were read, and the cursor does not say which
	doubt  bool // an answer that did not fit showed unknown rows
	ended  bool // the last answer looked like the end
	done   bool
	seen   map[uint64]place
	tail   []mark // the rows from offset to the end of what was read
}

// mark is a row as the walk sees it: what it is and what it says.
type mark struct{ id, text uint64 }

type place struct {
	at   int
	text uint64
}

// maxOverlap is how many rows of a page are asked for again. It also bounds
// the cursor, which holds their marks.
const maxOverlap = 16

// afterFailures is how many answers more a walk that was resumed may take
// without a new row.
const afterFailures = 200

var errStuck = errors.New("the list does not move on: the offset seems to be ignored, or the list changes all the time")

func newWalk(limit int) *walk { return &walk{limit: limit, seen: map[uint64]place{}} }

// take judges one answer. It returns the indexes of the rows to hand over, none
// when the page brings nothing new. What a page shows that does not fit is handed
// over too: the answers that fit need not show it.
func (w *walk) take(rows []mark) (fresh []int, err error) {
	if !w.fits(rows) {
		for i, m := range rows {
			if _, ok := w.seen[m.id]; !ok {
				fresh = append(fresh, i)
			}
		}
		w.doubt = w.doubt || len(fresh) > 0
		w.back()
		return fresh, w.patience()
	}
	further := false
	for i, m := range rows {
		// A known row that says something else is handed over again; which of
		// the two is newer is for the lake to judge.
		p, ok := w.seen[m.id]
		if !ok || p.text != m.text {
			fresh = append(fresh, i)
		}
		further = further || !ok && w.offset+i >= w.lost
		w.seen[m.id] = place{at: w.offset + i, text: m.text}
	}
	if further {
		w.idle = 0
	}
	end := len(fresh) == 0 && len(rows) < w.limit
	w.done = end && (w.ended || !w.doubt && w.offset+len(rows) >= w.far)
	w.step, w.ended, w.far = 0, end, max(w.far, w.offset+len(rows))
	// Half of a short page at most, so that an upstream that serves less than
	// the limit still makes progress.
	overlap := min(maxOverlap, max(1, w.limit/8), (len(rows)+1)/2)
	w.tail = append(w.tail[:0], rows[len(rows)-overlap:]...)
	w.offset += len(rows) - overlap
	return fresh, w.patience()
}

func (w *walk) fits(rows []mark) bool {
	if w.offset == 0 {
		return true
	}
	if len(rows) == 0 {
		return false
	}
	p, ok := w.seen[rows[0].id]
	return ok && p.at >= w.offset
}

func (w *walk) back() {
	w.ended, w.tail = false, w.tail[:0] // the tail was of another place
	w.step = max(w.limit, 2*w.step)
	w.offset = max(0, w.offset-w.step)
}

// patience bounds answers without a new row by what walking back to the
// beginning and forward again can need. Rows that are handed over once more, as
// they changed or as a cursor has forgotten them, are no news: else a walk that
// is resumed again and again, over a list that does not move on, never ends.
func (w *walk) patience() error {
	limit := 8 + 3*max(len(w.seen), w.lost)/max(1, w.limit/2)
	if w.lost > 0 { // resumed: rows that left meanwhile cost a walk from the beginning each time
		limit += afterFailures
	}
	if w.idle++; w.idle > limit {
		return errStuck
	}
	return nil
}

// A cursor is the start of the span that is being walked, the next offset, how
// far the walk has come, for how many answers in vain, and the marks of the rows
// that lie at the offset, in hexadecimal: enough to go on without a gap. A walk
// that must step back before them reads from the beginning and hands rows over a
// second time, which the lake counts as duplicates.

func (w *walk) cursor(span int64) sources.Cursor {
	b := make([]byte, 0, 16*len(w.tail))
	for _, m := range w.tail {
		b = binary.BigEndian.AppendUint64(b, m.id)
		b = binary.BigEndian.AppendUint64(b, m.text)
	}
	return sources.Cursor(fmt.Sprintf("2.%d.%d.%d.%d.%s", span, w.offset, w.far, w.idle, hex.EncodeToString(b)))
}

// resumeWalk reads a cursor. One that it cannot read (another version wrote it)
// is no error: ok is false and the window is read from its start.
func resumeWalk(c sources.Cursor, limit int) (span int64, w *walk, ok bool) {
	part := strings.Split(string(c), ".")
	if len(part) != 6 || part[0] != "2" {
		return 0, nil, false
	}
	span, err := strconv.ParseInt(part[1], 10, 64)
	var n [3]int // offset, far, idle
	for i := range n {
		var wrong error
		n[i], wrong = strconv.Atoi(part[2+i])
		if err = errors.Join(err, wrong); n[i] < 0 {
			return 0, nil, false
		}
	}
	tail, wrong := hex.DecodeString(part[5])
	if err != nil || wrong != nil || len(tail)%16 != 0 || len(tail) > 16*maxOverlap {
		return 0, nil, false
	}
	offset := n[0]
	w = newWalk(limit)
	w.offset, w.far, w.lost, w.idle = offset, n[1], n[1], n[2]
	for i := 0; i < len(tail); i += 16 {
		m := mark{id: binary.BigEndian.Uint64(tail[i:]), text: binary.BigEndian.Uint64(tail[i+8:])}
		w.tail = append(w.tail, m)
		w.seen[m.id] = place{at: offset + i/16, text: m.text}
	}
	return span, w, true
}
