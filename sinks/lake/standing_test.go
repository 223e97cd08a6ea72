package lake

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
)

// Who reads the standing objects and adds signs up has the visible rows, before
// objects were merged and after; and the times of an object hold all of its rows.
func TestStanding(t *testing.T) {
	l, states := compactable(t)
	last := states[len(states)-1]
	read := func() (objects int) {
		t.Helper()
		head, standing, err := l.Standing(t.Context(), "ledger")
		if want, _ := l.Head(t.Context()); err != nil || head != want {
			t.Fatalf("manifest %d, want %d: %v", head, want, err)
		}
		visible := 0
		for _, o := range standing {
			rows := int64(0)
			err := l.EachRow(t.Context(), schemas.Ledger, o.Object, []string{"posted_at"}, func(rec arrow.Record) error {
				sign, at := rec.Column(1).(*array.Int32), rec.Column(2).(*array.Timestamp)
				for i := range int(rec.NumRows()) {
					visible += int(sign.Value(i))
					if posted := at.Value(i).ToTime(arrow.Microsecond); posted.Before(o.Object.MinTime) || posted.After(o.Object.MaxTime) {
						t.Errorf("a row of %s in an object from %s to %s", posted, o.Object.MinTime, o.Object.MaxTime)
					}
				}
				rows += rec.NumRows()
				return nil
			})
			if err != nil || o.Source != "mpay" || rows != o.Object.Rows {
				t.Errorf("%+v: %d rows, %v", o, rows, err)
			}
		}
		if visible != len(last) {
			t.Errorf("%d rows, want %d", visible, len(last))
		}
		return len(standing)
	}
	before := read()
	if _, err := l.Compact(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	if after := read(); after != 2 || before < 5 {
		t.Errorf("%d objects, and %d after they were merged", before, after)
	}
	if _, none, err := l.Standing(t.Context(), "providers"); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}
