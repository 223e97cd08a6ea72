package lake

import (
	"cmp"
	"container/heap"
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// cursor is a place in a sorted run.
type cursor struct {
	lay  layout
	run  int // ties go to the earlier run, which was read earlier
	file *os.File
	in   *ipc.Reader
	rec  arrow.Record // valid until the next one is read
	row  int
	slot int // of rec among the records of the stretch being collected; -1: not there

	parts, revisions, signs []int32
	hashes                  []int64
	times                   []int64
	dates                   []int32
	wallets                 *array.String

	month  int32
	wallet string
	time   int64
}

// runs is a heap of cursors.
type runs struct {
	all  []*cursor
	heap []*cursor
}

func (s *sorter) open() (*runs, error) {
	h := &runs{}
	for i, path := range s.runs {
		f, err := os.Open(path)
		if err != nil {
			return h, fmt.Errorf("sorted run: %w", err)
		}
		c := &cursor{lay: s.lay, run: i, file: f}
		h.all = append(h.all, c)
		if c.in, err = ipc.NewReader(f, ipc.WithAllocator(memory.DefaultAllocator)); err != nil {
			return h, fmt.Errorf("sorted run %d: %w", i, err)
		}
		more, err := c.load()
		if err != nil {
			return h, err
		}
		if more {
			h.heap = append(h.heap, c)
		}
	}
	heap.Init(h)
	return h, nil
}

// load goes to the next record of the run.
func (c *cursor) load() (bool, error) {
	if !c.in.Next() {
		if err := c.in.Err(); err != nil {
			return false, fmt.Errorf("sorted run %d: %w", c.run, err)
		}
		return false, nil
	}
	c.rec, c.row, c.slot = c.in.Record(), 0, -1
	n := len(c.lay.table.Fields)
	c.parts, c.revisions = int32s(c.rec.Column(n+runPart)), int32s(c.rec.Column(n+runRevision))
	c.signs, c.hashes = int32s(c.rec.Column(n+runSign)), int64s(c.rec.Column(n+runHash))
	if c.lay.time >= 0 {
		c.times = int64s(c.rec.Column(c.lay.time))
	}
	if c.lay.date >= 0 {
		c.dates = int32s(c.rec.Column(c.lay.date))
	}
	if c.lay.wallet >= 0 {
		c.wallets = c.rec.Column(c.lay.wallet).(*array.String)
	}
	c.read()
	return true, nil
}

func (c *cursor) read() {
	if c.times != nil {
		c.time = c.times[c.row]
	}
	if c.dates != nil {
		c.month = monthOf(c.dates[c.row])
	}
	if c.wallets != nil {
		c.wallet = c.wallets.Value(c.row)
	}
}

func (c *cursor) close() {
	if c.in != nil {
		c.in.Release()
	}
	_ = c.file.Close() // only read
}

func (h *runs) top() *cursor {
	if len(h.heap) == 0 {
		return nil
	}
	return h.heap[0]
}

// advance moves the top cursor to its next row.
func (h *runs) advance() error {
	c := h.heap[0]
	c.row++
	if c.row >= int(c.rec.NumRows()) {
		more, err := c.load()
		if err != nil {
			return err
		}
		if !more {
			heap.Pop(h)
			return nil
		}
	} else {
		c.read()
	}
	heap.Fix(h, 0)
	return nil
}

// compareCursors compares rows as order.compare does; with group it stops after
// the event time, where a chunk may end.
func compareCursors(a, b *cursor, group bool) int {
	if c := cmp.Or(cmp.Compare(a.month, b.month), strings.Compare(a.wallet, b.wallet), cmp.Compare(a.time, b.time)); c != 0 || group {
		return c
	}
	for _, k := range a.lay.key {
		if c := compareValues(a.rec.Column(k), a.row, b.rec.Column(k), b.row); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(a.revisions[a.row], b.revisions[b.row]), cmp.Compare(a.signs[a.row], b.signs[b.row]))
}

func compareValues(a arrow.Array, i int, b arrow.Array, j int) int {
	if s, ok := a.(*array.String); ok {
		return strings.Compare(s.Value(i), b.(*array.String).Value(j))
	}
	if v := int64s(a); v != nil {
		return cmp.Compare(v[i], int64s(b)[j])
	}
	return cmp.Compare(int32s(a)[i], int32s(b)[j])
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (h *runs) Len() int { return len(h.heap) }

// Less puts the smaller row first, and of equal ones that of the earlier run.
func (h *runs) Less(i, j int) bool {
	a, b := h.heap[i], h.heap[j]
	if c := compareCursors(a, b, false); c != 0 {
		return c < 0
	}
	return a.run < b.run
}

// Swap implements heap.Interface.
func (h *runs) Swap(i, j int) { h.heap[i], h.heap[j] = h.heap[j], h.heap[i] }

// Push implements heap.Interface; runs never grows.
func (h *runs) Push(any) {}

// Pop implements heap.Interface.
func (h *runs) Pop() any {
	c := h.heap[len(h.heap)-1]
	h.heap = h.heap[:len(h.heap)-1]
	return c
}
