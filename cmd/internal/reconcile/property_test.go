package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// plan is a random month, right on both sides, with a line for every group.
type plan struct {
	lake, warehouse *memory
	lines           []Line
}

func drawMonth(t *rapid.T) plan {
	p := plan{lake: &memory{}, warehouse: &memory{}}
	sums := map[Key]int64{}
	counts := map[Key]int64{}
	for i := range rapid.IntRange(1, 60).Draw(t, "rows") {
		r := paid(fmt.Sprintf("r%03d", i), rapid.SampledFrom([]string{"wlt_1", "wlt_2"}).Draw(t, "wallet"),
			rapid.SampledFrom([]string{"AZERSU_RES", "MOB_AZERCELL", "AZERIQAZ_RES"}).Draw(t, "provider"), rapid.Int64Range(1, 1e12).Draw(t, "minor"))
		if rapid.Bool().Draw(t, "revised") { // what the lake had before
			old := of(r, func(r *Row) { r.Amount -= 7; r.Status = "reversed" })
			p.lake.rows = append(p.lake.rows, signed{old, 1}, signed{old, -1})
		}
		p.lake.rows, p.warehouse.rows = append(p.lake.rows, signed{r, 1}), append(p.warehouse.rows, signed{r, 1})
		k := r.key()
		sums[k] -= r.Amount
		counts[k]++
	}
	p.lake.rows = rapid.Permutation(p.lake.rows).Draw(t, "order")
	for i, k := range slices.SortedFunc(maps.Keys(sums), func(a, b Key) int { return compareText(fmt.Sprint(a), fmt.Sprint(b)) }) {
		p.lines = append(p.lines, Line{At: i + 2, Wallet: k.Wallet, Provider: k.Provider, Category: k.Category, Currency: k.Currency, What: Spend,
			AmountMinor: fmt.Sprint(sums[k]), Count: n(counts[k])})
	}
	// Revisions that were taken back are silent in none of the sums.
	p.lines = append(p.lines, Line{At: refundsLine, What: Refunds, AmountMinor: "0", Count: n(0)})
	return p
}

const refundsLine = 1000

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Of a month that is right nothing is found, and of one with planted faults every
// one is, with its row, and nothing else.
func TestEveryPlantedFaultIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawMonth(t)
		run := func() Report {
			r, err := Compare(t.Context(), Input{Lake: p.lake, Warehouse: p.warehouse, File: "f", Lines: p.lines, Known: known(), List: 1000})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := run(); !r.Agrees || r.Differences.Count() != 0 || len(r.Unexpected) != 0 {
			t.Fatalf("a false alarm: %+v", r)
		}
		wantRows := map[string]bool{}
		wrongGroups, wrongLines := map[Key]bool{}, map[int]bool{}
		var kept []signed
		for _, one := range p.warehouse.rows {
			switch rapid.SampledFrom([]string{"right", "right", "right", "lost", "doubled", "amount", "provider", "date"}).Draw(t, one.ID) {
			case "lost":
				wantRows[one.ID], wrongGroups[one.key()] = true, true
				continue
			case "doubled":
				wantRows[one.ID], wrongGroups[one.key()] = true, true
				kept = append(kept, one)
			case "amount":
				wantRows[one.ID], wrongGroups[one.key()] = true, true
				one.Amount--
			case "provider":
				wantRows[one.ID], wrongGroups[one.key()] = true, true
				one.Provider = "NET_CITYNET"
			case "date":
				wantRows[one.ID] = true
				one.Date++
			}
			kept = append(kept, one)
		}
		p.warehouse.rows = kept
		left := p.lines[:0:0]
		dropped := map[Key]bool{}
		for _, l := range p.lines {
			k := Key{l.Wallet, l.Provider, l.Category, l.Currency}
			if l.At == refundsLine {
				left = append(left, l)
				continue
			}
			switch rapid.SampledFrom([]string{"right", "right", "right", "amount", "count", "dropped"}).Draw(t, fmt.Sprint("line ", l.At)) {
			case "amount":
				l.AmountMinor, wrongGroups[k], wrongLines[l.At] = l.AmountMinor+"1", true, true
			case "count":
				l.Count, wrongGroups[k], wrongLines[l.At] = n(*l.Count+1), true, true
			case "dropped":
				dropped[k] = true
				continue
			}
			left = append(left, l)
		}
		p.lines = left
		r := run()
		for _, v := range r.Expectations {
			if v.Agrees && wrongLines[v.Line] { // the lake is right, and the line is not
				t.Fatalf("%+v agrees, and a wrong line was planted", v)
			}
		}
		check(t, r, wantRows, wrongGroups, dropped, len(p.lines) == 1)
	})
}

func check(t *rapid.T, r Report, rows map[string]bool, wrong, dropped map[Key]bool, silent bool) {
	got := map[string]bool{}
	for _, d := range r.Differences.Rows {
		got[d.ID] = true
	}
	if !maps.Equal(got, rows) || r.Differences.Count() != int64(len(rows)) {
		t.Fatalf("rows %v, want %v", got, rows)
	}
	for _, v := range r.Expectations {
		k := Key{v.Wallet, v.Provider, v.Category, v.Currency}
		// Faults in a group may cancel each other out in its sums; the rows above are
		// found all the same.
		if !v.Agrees && !wrong[k] {
			t.Fatalf("%+v is wrong, and nothing was planted there", v)
		}
		if v.Agrees != (v.LakeMinor == v.ExpectedMinor && v.WarehouseMinor == v.ExpectedMinor && v.LakeRows == *v.ExpectedRows && v.WarehouseRows == *v.ExpectedRows) {
			t.Fatalf("%+v", v)
		}
	}
	beyond := map[Key]bool{}
	for _, u := range r.Unexpected {
		if u.Provider != "NET_CITYNET" {
			beyond[Key{u.Wallet, u.Provider, u.Category, u.Currency}] = true
		}
	}
	if !silent && !maps.Equal(beyond, dropped) {
		t.Fatalf("unexpected %v, want %v", beyond, dropped)
	}
	if want := len(rows)+len(wrong) == 0 && (silent || len(dropped) == 0); r.Agrees != want {
		t.Fatalf("agrees: %v, want %v", r.Agrees, want)
	}
}
