package lake

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// After a change of keys the same rows are duplicates, really changed ones are
// revisions, new ones are new; and the lake verifies.
func TestRotationRevisesNothing(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	keys := make([]*schemas.Pseudonymizer, 4) // by version in use
	for v := 1; v <= 3; v++ {
		p, err := schemas.NewPseudonymizer(1, bytes.Repeat([]byte{1}, 32))
		for newer := 2; newer <= v && err == nil; newer++ {
			err = p.Rotate(newer, bytes.Repeat([]byte{byte(newer)}, 32))
		}
		if err != nil {
			t.Fatal(err)
		}
		keys[v] = p
	}
	rows := ledgerRows(ledgerSpec{rows: 200, step: time.Hour})
	under := func(v int) []ledgerRow {
		for i := range rows {
			if i%3 > 0 { // some rows have no person
				rows[i].reference = keys[v].Of(fmt.Sprint("+99450", 1000000+i%40))
			}
		}
		return rows
	}
	window := days(0, 9)
	read := func(v int) (inserted, retracted, duplicates int64) {
		t.Helper()
		l.opts.Former = keys[v].Former
		r := commit(t, l, partOf(t, "wlt_1", window, under(v), 50))
		return r.Inserted, r.Retracted, r.Duplicates
	}
	if in, gone, same := read(1); in != 200 || gone != 0 || same != 0 {
		t.Fatal(in, gone, same)
	}
	for _, v := range []int{2, 3, 1} { // 1: a process that has not heard of the rotation yet
		if in, gone, same := read(v); in != 0 || gone != 0 || same != 200 {
			t.Errorf("under key %d: %d inserted, %d retracted, %d duplicates", v, in, gone, same)
		}
	}
	rows[4].status, rows[5].reference = "reversed", "somebody else"
	l.opts.Former = keys[3].Former
	under(3)
	rows[5].reference = keys[3].Of("+994559999999") // another person in the same row
	r := commit(t, l, partOf(t, "wlt_1", window, append(rows, ledgerRow{wallet: "wlt_1", id: "new", at: rows[199].at.Add(time.Minute),
		amount: -1, status: "posted", reference: keys[3].Of("+994501000007")}), 50))
	if r.Inserted != 3 || r.Retracted != 2 || r.Duplicates != 198 {
		t.Errorf("%+v", r)
	}
	if _, err := Verify(t.Context(), l.URL(), VerifyOptions{}); err != nil {
		t.Error(err)
	}
	l.opts.Former = nil // the guard away
	under(2)
	if r := commit(t, l, partOf(t, "wlt_1", window, rows, 50)); r.Retracted == 0 {
		t.Error("without it a rotation revises nothing either: the test proves nothing")
	}
}
