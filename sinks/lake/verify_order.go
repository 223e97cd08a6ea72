package lake

import (
	"bytes"
	"cmp"
	"fmt"
)

// rowOrder checks that rows ascend by wallet, event time, key columns, revision
// and sign; that all are of one month is checked elsewhere.
type rowOrder struct {
	columns      []int // that rows are sorted by
	wallet, time int   // columns; -1: none
	last, a, b   []sortValue
	first        string // wallet of the first row
	begun        bool
}

// sortValue is a text or a number to sort by.
type sortValue struct {
	text   []byte
	number int64
}

func (o *rowOrder) begin(lay layout) {
	*o = rowOrder{columns: o.columns[:0], wallet: lay.wallet, time: lay.time, last: o.last, a: o.a, b: o.b}
	for _, i := range []int{lay.wallet, lay.time} {
		if i >= 0 {
			o.columns = append(o.columns, i)
		}
	}
	o.columns = append(o.columns, lay.key...)
	own := len(lay.table.Fields)
	o.columns = append(o.columns, own, own+1)
}

// check compares each row of a step with the one before it; before counts the
// rows of earlier steps.
func (o *rowOrder) check(s *scanner, before, n int) error {
	o.a = o.values(o.a, s, 0)
	if o.begun && compareValuesOf(o.last, o.a) >= 0 {
		return outOfOrder(before)
	}
	if !o.begun && o.wallet >= 0 {
		o.first = string(s.columns[o.wallet].textAt(0))
	}
	for r := 1; r < n; r++ {
		if o.later(s, r) {
			continue
		}
		o.a, o.b = o.values(o.a, s, r-1), o.values(o.b, s, r)
		if compareValuesOf(o.a, o.b) >= 0 {
			return outOfOrder(before + r)
		}
	}
	o.keep(s, n-1)
	return nil
}

func outOfOrder(row int) error { return fmt.Errorf("rows %d and %d are not in order", row, row+1) }

// later tells most rows: of the same wallet, and later than the row before.
func (o *rowOrder) later(s *scanner, r int) bool {
	if o.time < 0 {
		return false
	}
	if o.wallet >= 0 {
		w := &s.columns[o.wallet]
		if !w.dictionary || !w.one && w.index[w.at+r] != w.index[w.at+r-1] {
			return false
		}
	}
	t := &s.columns[o.time]
	return t.intAt(r-1) < t.intAt(r)
}

// values are what a row is sorted by.
func (o *rowOrder) values(dst []sortValue, s *scanner, r int) []sortValue {
	dst = dst[:0]
	for _, i := range o.columns {
		c := &s.columns[i]
		if c.text {
			dst = append(dst, sortValue{text: c.textAt(r)})
		} else {
			dst = append(dst, sortValue{number: c.intAt(r)})
		}
	}
	return dst
}

func compareValuesOf(a, b []sortValue) int {
	for i := range a {
		if c := cmp.Or(bytes.Compare(a[i].text, b[i].text), cmp.Compare(a[i].number, b[i].number)); c != 0 {
			return c
		}
	}
	return 0
}

// keep copies the last row of a step: its page goes away.
func (o *rowOrder) keep(s *scanner, r int) {
	o.last = o.values(o.last, s, r)
	for i := range o.last {
		o.last[i].text = bytes.Clone(o.last[i].text)
	}
	o.begun = true
}

// wallets are the smallest and the largest, of rows that are in order.
func (o *rowOrder) wallets() (smallest, largest string) {
	if o.wallet < 0 {
		return "", ""
	}
	return o.first, string(o.last[0].text)
}
