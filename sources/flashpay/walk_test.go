package flashpay

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/sources"
)

// list is an upstream's list that may change before every answer.
type list struct {
	rows []mark
	next uint64
}

func (l *list) page(offset, limit int) []mark {
	rows := l.rows[min(offset, len(l.rows)):]
	return slices.Clone(rows[:min(limit, len(rows))])
}

func (l *list) insert(at int) {
	l.next++
	l.rows = slices.Insert(l.rows, at, mark{l.next, l.next})
}

func newList(n int) *list {
	l := &list{}
	for range n {
		l.insert(len(l.rows))
	}
	return l
}

// run walks the list; change happens before each answer.
func run(t *rapid.T, l *list, limit int, change func(request int)) map[uint64]int {
	w, got := newWalk(limit), map[uint64]int{}
	for request := 0; !w.done; request++ {
		if request > 2000 {
			t.Fatal("the walk does not end")
		}
		change(request)
		rows := l.page(w.offset, w.limit)
		fresh, err := w.take(rows)
		if err != nil {
			t.Fatalf("after %d requests: %v", request, err)
		}
		for _, i := range fresh {
			got[rows[i].id]++
		}
		if rapid.Bool().Draw(t, "resume") { // as after a crash
			_, again, ok := resumeWalk(w.cursor(7), limit)
			if !ok {
				t.Fatal("its own cursor was not understood")
			}
			done := w.done
			w = again
			w.done = done
		}
	}
	return got
}

func complete(t *rapid.T, l *list, got map[uint64]int) {
	for _, m := range l.rows {
		if got[m.id] == 0 {
			t.Fatalf("row %d stayed and was never handed over", m.id)
		}
	}
}

func TestWalkLosesNothingWhenRowsLeave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newList(rapid.IntRange(0, 120).Draw(t, "rows"))
		limit := rapid.IntRange(2, 40).Draw(t, "limit")
		got := run(t, l, limit, func(int) {
			for range rapid.SampledFrom([]int{0, 0, 1, 2, 5, 30}).Draw(t, "leave") {
				if len(l.rows) > 0 {
					i := rapid.IntRange(0, len(l.rows)-1).Draw(t, "which")
					l.rows = slices.Delete(l.rows, i, i+1)
				}
			}
		})
		complete(t, l, got)
	})
}

func TestWalkLosesNothingWhenRowsAppear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newList(rapid.IntRange(1, 80).Draw(t, "rows"))
		limit := rapid.IntRange(2, 40).Draw(t, "limit")
		got := run(t, l, limit, func(request int) {
			if request > 0 && request < 12 && rapid.Bool().Draw(t, "appear") {
				l.insert(rapid.IntRange(0, len(l.rows)).Draw(t, "where"))
			}
		})
		complete(t, l, got)
	})
}

// Without a change every row comes once, whatever the sizes.
func TestWalkOfAStillList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newList(rapid.IntRange(0, 120).Draw(t, "rows"))
		got := run(t, l, rapid.IntRange(2, 40).Draw(t, "limit"), func(int) {})
		complete(t, l, got)
		for id, n := range got {
			if n != 1 {
				t.Fatalf("row %d came %d times", id, n)
			}
		}
	})
}

func TestWalkOfAStuckList(t *testing.T) {
	rows := newList(10).rows
	w := newWalk(10)
	for n := 0; ; n++ {
		if _, err := w.take(rows); errors.Is(err, errStuck) {
			return
		}
		if n > 40 {
			t.Fatal("the same full page for ever was not noticed")
		}
	}
}

// The same list, and every answer is followed by a failure after which the walk
// is resumed: it ends all the same.
func TestWalkOfAStuckListResumed(t *testing.T) {
	rows := newList(10).rows
	w, handed := newWalk(10), 0
	for range 1000 {
		fresh, err := w.take(rows)
		if errors.Is(err, errStuck) {
			return
		}
		if handed += len(fresh); len(fresh) > 0 {
			_, w, _ = resumeWalk(w.cursor(7), 10)
		}
	}
	t.Fatalf("%d rows of ten were handed over and no end", handed)
}

// A page that does not fit shows a row that no page that fits shows: it is handed
// over, and the end is not believed at once.
func TestWalkHandsOverWhatDoesNotFit(t *testing.T) {
	rows := newList(6).rows
	without := func(i int) []mark { return slices.Delete(slices.Clone(rows), i, i+1) }
	w := newWalk(10)
	if fresh, _ := w.take(without(3)); len(fresh) != 5 || w.offset == 0 {
		t.Fatal(fresh)
	}
	if fresh, _ := w.take(rows[3:]); !slices.Equal(fresh, []int{0}) || w.offset != 0 || w.done {
		t.Fatal(fresh, w.offset)
	}
	if fresh, _ := w.take(without(3)); len(fresh) > 0 || w.done {
		t.Fatalf("the same short answer once more was taken for the end: %v", fresh)
	}
}

// A list that was longer before is at its end when two answers say so.
func TestWalkBelievesAShorterListTwice(t *testing.T) {
	rows := newList(9).rows
	w := newWalk(4)
	for w.far < 9 {
		if _, err := w.take(rows[w.offset:min(w.offset+4, 9)]); err != nil {
			t.Fatal(err)
		}
	}
	w.back()
	w.back()
	for n, done := range []bool{false, true} {
		if _, err := w.take(rows[w.offset:3]); err != nil || w.done != done {
			t.Fatalf("answer %d: done %t, %v", n, w.done, err)
		}
	}
}

// A row that changes between two pages is handed over both times.
func TestWalkHandsOverRevisions(t *testing.T) {
	w := newWalk(4)
	if fresh, _ := w.take([]mark{{1, 1}, {2, 2}, {3, 3}, {4, 4}}); len(fresh) != 4 {
		t.Fatal(fresh)
	}
	if fresh, _ := w.take([]mark{{4, 40}, {5, 5}}); !slices.Equal(fresh, []int{0, 1}) || w.done {
		t.Fatal(fresh)
	}
}

func TestForeignCursorReadsFromTheStart(t *testing.T) {
	for _, c := range []string{"", "end", "2.0.0.", "1.x.0.", "1.0.-1.", "1.0.0.zz", "1.0.0.00", "1.0",
		"1.0.0.0.0.", "2.x.0.0.0.", "2.0.-1.0.0.", "2.0.0.x.0.", "2.0.0.0.-1.", "2.0.0.0.0.zz", "2.0.0.0.0.00", "2.0.0.0.0"} {
		if _, _, ok := resumeWalk(sources.Cursor(c), 10); ok {
			t.Errorf("cursor %q was understood", c)
		}
	}
}
