package pipeline

// The line: every owed window of a run in the order of the plan, handed out to
// readers and collected by the committer.

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sources"
)

// lane is one stream of a run.
type lane struct {
	source  sources.Source
	index   int     // place in the configuration
	permit  *permit // nil: no consent is needed
	walk    walk    // what is still to be planned
	next    Owed    // first of it
	busy    int     // windows being read; guarded by line.mu
	stopped bool    // no further window is wanted; guarded by line.mu
	report  StreamReport
}

// task is one owed window of one lane. Its lower half belongs to the reader
// until done is closed, and to the committer after that.
type task struct {
	seq  int64
	lane *lane
	owed Owed

	done  chan struct{}
	part  sinks.Part
	tally Tally
	held  int64 // rows taken from the budget
	took  time.Duration
	err   error
	void  bool // never read: its lane or the run had stopped

	from sources.Cursor // where the reading begins
	rest sources.Cursor // where it goes on, when the file is longer than one part
}

// line merges the lanes: by the windows' beginning, then in the order of the
// configuration. So wallets advance side by side, a commit touches few months,
// and within a stream windows are always in order.
type line struct {
	mu        sync.Mutex
	changed   *sync.Cond
	lanes     laneHeap
	planned   []*task // in order, not collected
	waiting   []*task // in order, not handed out
	seq       int64
	ahead     int // longest waiting list
	perStream int
	closed    bool
}

func newLine(lanes []*lane, perStream, ahead int) *line {
	l := &line{perStream: perStream, ahead: ahead}
	l.changed = sync.NewCond(&l.mu)
	for _, ln := range lanes {
		if l.advance(ln) {
			l.lanes = append(l.lanes, ln)
		}
	}
	heap.Init(&l.lanes)
	return l
}

func (l *line) advance(ln *lane) (ok bool) {
	ln.next, ok = ln.walk.next()
	return ok
}

// plan appends the next window of all lanes; false when there is none.
func (l *line) plan() bool {
	if len(l.lanes) == 0 {
		return false
	}
	ln := l.lanes[0]
	t := &task{seq: l.seq, lane: ln, owed: ln.next, done: make(chan struct{})}
	l.seq++
	l.planned = append(l.planned, t)
	l.waiting = append(l.waiting, t)
	if l.advance(ln) {
		heap.Fix(&l.lanes, 0)
	} else {
		heap.Pop(&l.lanes)
	}
	return true
}

// first returns the next window to collect, without taking it; nil at the end.
func (l *line) first() *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.planned) == 0 && l.plan() {
		l.changed.Broadcast()
	}
	if len(l.planned) == 0 {
		return nil
	}
	if l.closed {
		l.dropWaiting()
	}
	return l.planned[0]
}

// pop takes the window that first returned out of the line.
func (l *line) pop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.planned[0] = nil
	l.planned = l.planned[1:]
}

// hand gives a reader the first window whose stream has a free slot, and waits
// for one if need be. Nil: there is nothing left to read.
//
// Always the first: so the window whose turn is next never waits for a reader
// that waits for the budget.
func (l *line) hand() *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch t := l.pick(); {
		case l.closed:
			return nil
		case t != nil:
			t.lane.busy++
			return t
		case len(l.waiting) < l.ahead && l.plan():
		case len(l.waiting) == 0:
			return nil
		default:
			l.changed.Wait()
		}
	}
}

func (l *line) pick() *task {
	if l.closed {
		return nil
	}
	for i := 0; i < len(l.waiting); {
		t := l.waiting[i]
		switch {
		case t.lane.stopped:
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			t.void = true
			close(t.done)
		case t.lane.busy < l.perStream:
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return t
		default:
			i++
		}
	}
	return nil
}

// finish gives a window back, read or failed.
func (l *line) finish(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.lane.busy--
	switch {
	case t.err != nil:
		t.lane.stopped = true
	case t.rest != "" && !l.closed:
		l.follow(t)
	}
	close(t.done)
	l.changed.Broadcast()
}

// follow puts what is left of a long file next in the line, under the same
// number: it is the same window.
func (l *line) follow(t *task) {
	more := &task{seq: t.seq, lane: t.lane, owed: t.owed, from: t.rest, done: make(chan struct{})}
	l.planned = slices.Insert(l.planned, slices.Index(l.planned, t)+1, more)
	l.waiting = slices.Insert(l.waiting, 0, more)
}

// close hands out nothing more. What was never read is void.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.lanes = nil
	l.dropWaiting()
	l.changed.Broadcast()
}

func (l *line) dropWaiting() {
	for _, t := range l.waiting {
		t.void = true
		close(t.done)
	}
	l.waiting = nil
}

type laneHeap []*lane

func (h laneHeap) Len() int { return len(h) }
func (h laneHeap) Less(i, j int) bool {
	return cmp.Or(h[i].next.Window.From.Compare(h[j].next.Window.From), h[i].index-h[j].index) < 0
}
func (h laneHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *laneHeap) Push(x any)   { *h = append(*h, x.(*lane)) }
func (h *laneHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
