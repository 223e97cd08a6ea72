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
	for _, c := range []string{"", "end", "2.0.0.", "1.x.0.", "1.0.-1.", "1.0.0.zz", "1.0.0.00", "1.0"} {
		if _, _, ok := resumeWalk(sources.Cursor(c), 10); ok {
			t.Errorf("cursor %q was understood", c)
		}
	}
}
