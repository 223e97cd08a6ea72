package lake

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/paylake/paylake/sinks"
)

func walkAll(boundary *point, rows []chainRow) BalanceChain {
	w := newWalker(boundary)
	for _, r := range rows {
		w.add(r)
	}
	return w.finish(false)
}

// drawChain draws a true statement: coarse times, so that several rows share
// one, small amounts, so that balances repeat and form circles.
func drawChain(rt *rapid.T, n int) []chainRow {
	rows := make([]chainRow, n)
	balance, at := int64(rapid.IntRange(0, 5).Draw(rt, "opening")), int64(0)
	for i := range rows {
		at += int64(rapid.SampledFrom([]int{0, 0, 1}).Draw(rt, "step"))
		amount := int64(rapid.IntRange(-3, 3).Draw(rt, "amount"))
		balance += amount
		rows[i] = chainRow{time: at, id: fmt.Sprintf("%02d", rapid.IntRange(0, 99).Draw(rt, "id")) + fmt.Sprint(i), currency: "AZN",
			amount: amount, balance: balance, balanced: true}
	}
	return rows
}

// byTime brings rows into the order in which a walker gets them; rows of equal
// time come in any order.
func byTime(rt *rapid.T, rows []chainRow) []chainRow {
	out := rapid.Permutation(rows).Draw(rt, "order")
	slices.SortStableFunc(out, func(a, b chainRow) int { return int(a.time - b.time) })
	return out
}

// TestTrueChainsClose: whatever the order of rows of equal time, a complete
// statement closes, with a boundary and, but for a first circle, without.
func TestTrueChainsClose(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawChain(rt, rapid.IntRange(1, 40).Draw(rt, "n"))
		opening := rows[0].balance - rows[0].amount
		c := walkAll(&point{balance: opening}, byTime(rt, rows))
		if c.State != sinks.ChainClosed || *c.Closing != rows[len(rows)-1].balance || *c.Opening != opening {
			rt.Fatalf("with a boundary: %+v", c)
		}
		extra := chainRow{time: 0, id: "pending", amount: 77, pending: true}
		if got := walkAll(&point{balance: opening}, byTime(rt, append(slices.Clone(rows), extra))); got.State != sinks.ChainClosed {
			rt.Fatalf("a pending row: %+v", got)
		}
	})
}

// TestMissingRowOpensTheChain: one row less is a break that says what is
// missing and where.
func TestMissingRowOpensTheChain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawChain(rt, rapid.IntRange(3, 40).Draw(rt, "n"))
		for i := range rows {
			rows[i].time = int64(i) // of rows of equal time any might be the missing one
		}
		lost := rapid.IntRange(1, len(rows)-2).Draw(rt, "lost")
		c := walkAll(nil, slices.Delete(slices.Clone(rows), lost, lost+1))
		if rows[lost].amount == 0 {
			return
		}
		if c.State != sinks.ChainOpen || len(c.Breaks) != 1 || c.Breaks[0].Missing != rows[lost].amount ||
			c.Breaks[0].After != rows[lost-1].id || c.Breaks[0].Before != rows[lost+1].id {
			rt.Fatalf("lost %d: %+v", lost, c)
		}
	})
}

// TestFewestBreaks compares groups of equal time with trying every order.
func TestFewestBreaks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "n")
		rows := make([]chainRow, n)
		for i := range rows {
			rows[i] = chainRow{id: fmt.Sprint(i), amount: int64(rapid.IntRange(-2, 2).Draw(rt, "amount")),
				balance: int64(rapid.IntRange(0, 4).Draw(rt, "balance")), balanced: true}
		}
		trails := trailsOf(rows, func(int64) bool { return false })
		used := 0
		for _, tr := range trails {
			used += len(tr.rows)
			for i := 1; i < len(tr.rows); i++ {
				if tr.rows[i].balance-tr.rows[i].amount != tr.rows[i-1].balance {
					rt.Fatalf("a trail has a gap: %+v", tr)
				}
			}
		}
		if best := fewestTrails(rows); used != n || len(trails) != best {
			rt.Fatalf("%d trails over %d of %d rows, %d are enough: %+v", len(trails), used, n, best, rows)
		}
	})
}

func fewestTrails(rows []chainRow) int {
	best := len(rows)
	var try func(k, trails int)
	rows = slices.Clone(rows)
	try = func(k, trails int) {
		if k == len(rows) {
			best = min(best, trails)
			return
		}
		for i := k; i < len(rows); i++ {
			rows[k], rows[i] = rows[i], rows[k]
			more := 0
			if k == 0 || rows[k].balance-rows[k].amount != rows[k-1].balance {
				more = 1
			}
			try(k+1, trails+more)
			rows[k], rows[i] = rows[i], rows[k]
		}
	}
	try(0, 0)
	return best
}

func TestChainCases(t *testing.T) {
	row := func(at int64, id string, amount, balance int64) chainRow {
		return chainRow{time: at, id: id, amount: amount, balance: balance, balanced: true, currency: "AZN"}
	}
	loose := func(at int64, id string, amount int64) chainRow {
		return chainRow{time: at, id: id, amount: amount, currency: "AZN"}
	}
	for name, c := range map[string]struct {
		rows  []chainRow
		state sinks.ChainState
	}{
		"empty":                         {nil, sinks.ChainNone},
		"no balances":                   {[]chainRow{loose(1, "a", 5), loose(2, "b", 6)}, sinks.ChainNone},
		"a row without balance counts":  {[]chainRow{row(1, "a", 5, 105), loose(2, "b", -7), row(3, "c", 1, 99)}, sinks.ChainClosed},
		"without balance at equal time": {[]chainRow{row(1, "a", 5, 105), loose(2, "b", -7), row(2, "c", 1, 99)}, sinks.ChainClosed},
		"without balance, after":        {[]chainRow{row(1, "a", 5, 105), row(2, "b", 1, 106), loose(2, "c", -7), row(3, "d", 0, 99)}, sinks.ChainClosed},
		"without balance before first":  {[]chainRow{loose(1, "a", 5), row(2, "b", 1, 106)}, sinks.ChainClosed},
		"circle that begins in between": {[]chainRow{row(1, "a", 10, 110), row(1, "b", -10, 100), row(2, "c", 5, 115)}, sinks.ChainClosed},
		"the same circle, other side":   {[]chainRow{row(1, "a", 10, 110), row(1, "b", -10, 100), row(2, "c", 5, 105)}, sinks.ChainClosed},
		"break":                         {[]chainRow{row(1, "a", 10, 110), row(2, "b", -10, 101)}, sinks.ChainOpen},
		"break at equal time":           {[]chainRow{row(1, "a", 10, 110), row(1, "b", -10, 50)}, sinks.ChainOpen},
		"two currencies are two chains": {[]chainRow{row(1, "a", 10, 110), {time: 2, id: "b", amount: 1, balance: 1, balanced: true, currency: "USD"}, row(3, "c", 1, 111)}, sinks.ChainClosed},
	} {
		if got := walkAll(nil, c.rows); got.State != c.state {
			t.Errorf("%s: %+v", name, got)
		}
	}
	empty := walkAll(&point{balance: 9, time: 5}, nil)
	if empty.State != sinks.ChainNone || *empty.Opening != 9 || *empty.Closing != 9 || *empty.Boundary != 9 {
		t.Errorf("an empty window hands the balance on: %+v", empty)
	}
}

// TestWideGroupIsLinear: 200,000 rows of one instant.
func TestWideGroupIsLinear(t *testing.T) {
	rows := make([]chainRow, 200_000)
	balance := int64(0)
	for i := range rows {
		amount := int64(i%5 - 2)
		balance += amount
		rows[len(rows)-1-i] = chainRow{id: fmt.Sprintf("%06d", (i*7919)%len(rows)), amount: amount, balance: balance, balanced: true}
	}
	if c := walkAll(&point{}, rows); c.State != sinks.ChainClosed || *c.Closing != balance {
		t.Fatalf("%+v", c.State)
	}
}
