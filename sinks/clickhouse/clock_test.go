package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

const clockStep = 2 * time.Hour

// Processes that follow one lake while the clock is set two hours back and
// ahead: load_ids of later loads are smaller than those of earlier ones, and what readers
// see is what a follower sees whose clock never moved.
func TestClockStepsChangeNothing(t *testing.T) {
	c := newClock()
	l := newLake(t, c)
	w := open(t, l, c, false)
	var ids []string
	for day, step := range []time.Duration{0, -clockStep, clockStep, -clockStep, -clockStep} {
		c.advance(step)
		if day%2 == 1 { // the same process, and one that knows no id of its predecessor
			w = reopen(t, l, c, false, w.db)
		}
		id := string(rune('a' + day))
		commit(t, l, part(schemas.Ledger, "mpay", "wlt_1", days(day, 1), ledgerRow(id, day0.AddDate(0, 0, day), -100, nil)))
		follow(t, w)
		ids = append(ids, cell(t, w, "SELECT load_id FROM ledger_rows WHERE entry_id = '"+id+"'"))
	}
	if len(ids[0]) != len(ids[1]) || ids[1] >= ids[0] || ids[2] >= ids[0] && ids[2] <= ids[1] {
		t.Errorf("the clock went back, and load_ids did not: %v", ids)
	}
	still := open(t, l, newClock(), false)
	follow(t, still)
	want := everything(t, still)
	if got := everything(t, w); got != want {
		t.Errorf("after the steps:\n%s\nwithout:\n%s", got, want)
	}
	// An object that is loaded and published once more, under a smaller id by a clock that
	// was set back, and under a larger one: its rows are seen once.
	for _, shift := range []string{"load_id - 29491200000000", "load_id + 29491200000000"} { // two hours of microseconds, times 4096
		again(t, w, ids[4], shift)
		if got := everything(t, w); got != want {
			t.Errorf("loaded again as %s:\n%s", shift, got)
		}
	}
	next := reopen(t, l, c, false, w.db)
	follow(t, next)
	if got := everything(t, next); got != want {
		t.Errorf("after the next start:\n%s", got)
	}
}

// again loads and publishes the object of a load once more, under another id.
func again(t *testing.T, w *Warehouse, id, as string) {
	t.Helper()
	for _, table := range []string{"loads", "ledger_rows", "spend_rollup", "load_visibility"} {
		sql := fmt.Sprintf("INSERT INTO %[1]s.%[2]s SELECT * REPLACE (toUInt64(%[4]s) AS load_id) FROM (SELECT * FROM %[1]s.%[2]s WHERE load_id = %[3]s)", w.db, table, id, as)
		if err := w.exec(t.Context(), "test", sql); err != nil {
			t.Fatal(err)
		}
	}
}

// A load that was abandoned stays so for a clock on either side of it: its
// object is loaded anew, under a smaller id too, and only the abandoned load's rows are swept,
// not before its INSERT had the time to end.
func TestAbandonmentUnderClockSteps(t *testing.T) {
	for _, step := range []time.Duration{-clockStep, clockStep} {
		t.Run(step.String(), func(t *testing.T) {
			c := newClock()
			l := newLake(t, c)
			fillLake(t, l)
			w := open(t, l, c, false)
			follow(t, w)
			want := everything(t, w)
			old := cell(t, w, "SELECT load_id FROM ledger_rows WHERE entry_id = 'b' LIMIT 1")
			again(t, w, old, "load_id - 4096") // first in order, and given up
			var first uint64
			if _, err := fmt.Sscan(old, &first); err != nil {
				t.Fatal(err)
			}
			if err := w.abandon(t.Context(), "test", first, first-4096); err != nil {
				t.Fatal(err)
			}
			c.advance(step)
			next := reopen(t, l, c, false, w.db)
			follow(t, next)
			if got := everything(t, next); got != want {
				t.Errorf("loaded anew:\n%s", got)
			}
			fresh := cell(t, next, "SELECT min(load_id) FROM ledger_rows WHERE entry_id = 'b' AND load_id NOT IN (SELECT load_id FROM load_abandoned)")
			if (fresh < old) != (step < 0) {
				t.Errorf("a step of %s, and load %s after %s", step, fresh, old)
			}
			left := cell(t, next, "SELECT count() FROM ledger_rows WHERE load_id IN ("+old+", "+old+" - 4096)")
			if step < 0 && left == "0" {
				t.Error("swept before the INSERT had time to end")
			}
			c.advance(2 * clockStep)
			last := reopen(t, l, c, false, w.db)
			follow(t, last)
			if n := cell(t, last, "SELECT count() FROM ledger_rows WHERE load_id IN (SELECT load_id FROM load_abandoned)"); n != "0" {
				t.Errorf("%s rows of abandoned loads are left", n)
			}
			if n := cell(t, last, "SELECT count() FROM load_swept WHERE load_id NOT IN (SELECT load_id FROM load_abandoned)"); n != "0" {
				t.Errorf("%s loads were swept that nobody abandoned", n)
			}
			if got := strings.TrimSpace(everything(t, last)); got != strings.TrimSpace(want) {
				t.Errorf("after sweeping:\n%s", got)
			}
		})
	}
}
