package lake

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paylake/paylake/schemas"
)

// modelRow is a row of the model.
type modelRow struct {
	provider string
	amount   int64
}

// modelDiff is the oracle: two whole states compared, key by key.
func modelDiff(before, after map[string]modelRow) (inserted, retracted, revised int64, money map[string][4]int64) {
	money = map[string][4]int64{}
	add := func(provider string, column int, amount int64) {
		m := money[provider]
		m[column] += amount
		m[3] += amount
		money[provider] = m
	}
	for id, b := range before {
		a, stays := after[id]
		switch {
		case !stays:
			retracted++
			add(b.provider, 1, -b.amount)
		case a != b:
			revised++
			add(b.provider, 2, -b.amount)
			add(a.provider, 2, a.amount)
		}
	}
	for id, a := range after {
		if _, was := before[id]; !was {
			inserted++
			add(a.provider, 0, a.amount)
		}
	}
	return inserted, retracted, revised, money
}

// storyLake commits rows that come, change, change back and go, and returns what
// is shown after each manifest; states[0] is the empty lake.
func storyLake(t *testing.T, l *Lake, seed uint64, commits int) (states []map[string]modelRow) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	now := map[string]modelRow{}
	states = append(states, maps.Clone(now))
	window := schemas.Window{From: day0, To: day0.AddDate(0, 2, 0)}
	for n := 0; len(states) <= commits; n++ {
		var rows []ledgerRow
		ids := map[string]bool{}
		for range rng.IntN(6) + 1 {
			id := fmt.Sprintf("e%02d", rng.IntN(25))
			if ids[id] {
				continue
			}
			ids[id] = true
			var place int
			_, _ = fmt.Sscanf(id, "e%d", &place)
			rows = append(rows, ledgerRow{wallet: "wlt_1", id: id, at: day0.Add(time.Duration(place) * 36 * time.Hour), status: "posted",
				amount: -int64(rng.IntN(3)+1) * 100, provider: fmt.Sprintf("p%d", rng.IntN(3))})
		}
		part := partOf(t, "wlt_1", window, rows, 3)
		part.Final = false
		if n%5 == 4 { // a file that states everything anew
			part.File = &schemas.File{Name: "all.csv", Version: fmt.Sprint(n), Last: true, Replaces: window}
			clear(now)
		}
		r, err := l.Commit(t.Context(), batchOf(part))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			now[row.id] = modelRow{row.provider, row.amount}
		}
		if r.Sequence > 0 {
			states = append(states, maps.Clone(now))
		}
	}
	return states
}

// Every pair of manifests, compared with two whole states.
func TestDiffIsTheDifference(t *testing.T) {
	l := openTest(t, fileBucketOf(t), true)
	states := storyLake(t, l, 5, 16)
	passing := int64(0)
	for from := range states {
		for to := from; to < len(states); to++ {
			d, err := l.Diff(t.Context(), int64(from), int64(to), 1000)
			if err != nil {
				t.Fatal(err)
			}
			inserted, retracted, revised, money := modelDiff(states[from], states[to])
			var got TableDiff
			if len(d.Tables) > 0 {
				got = d.Tables[0]
			}
			passing += got.Passing
			// A row that changed and changed back has a new revision: it is revised.
			same := int64(0)
			for _, r := range got.Rows {
				if r.Before != nil && r.After != nil && r.Before.Amount == r.After.Amount && r.Before.Provider == r.After.Provider {
					same++
				}
			}
			if got.Inserted != inserted || got.Retracted != retracted || got.Revised-same != revised {
				t.Errorf("%d to %d: %+v, want %d inserted, %d retracted, %d revised", from, to, got, inserted, retracted, revised)
			}
			if int64(len(got.Rows)) != got.Inserted+got.Retracted+got.Revised || got.Unlisted != 0 {
				t.Errorf("%d to %d: %d rows listed of %+v", from, to, len(got.Rows), got)
			}
			for _, r := range got.Rows {
				is, was := states[to][r.ID], states[from][r.ID]
				if (r.Before != nil && (was != modelRow{r.Before.Provider, r.Before.Amount})) || (r.Before == nil && was != modelRow{}) ||
					(r.After != nil && (is != modelRow{r.After.Provider, r.After.Amount})) || (r.After == nil && is != modelRow{}) {
					t.Errorf("%d to %d: %s is listed as %+v and %+v, want %+v and %+v", from, to, r.ID, r.Before, r.After, was, is)
				}
			}
			for _, m := range got.Money {
				want := money[m.Provider]
				if have := [4]string{m.Inserted.String(), m.Retracted.String(), m.Revised.String(), m.Net.String()}; have != [4]string{fmt.Sprint(want[0]), fmt.Sprint(want[1]), fmt.Sprint(want[2]), fmt.Sprint(want[3])} {
					t.Errorf("%d to %d: %s is %v, want %v", from, to, m.Provider, have, want)
				}
				delete(money, m.Provider)
			}
			for provider, m := range money {
				if m != [4]int64{} {
					t.Errorf("%d to %d: nothing of %s, want %v", from, to, provider, m)
				}
			}
		}
	}
	if passing == 0 {
		t.Error("no row came and went between two manifests: the test is too easy")
	}
	head := int64(len(states) - 1)
	for _, bad := range [][2]int64{{head, head + 1}, {2, 1}, {-1, 1}} {
		if _, err := l.Diff(t.Context(), bad[0], bad[1], 1); !errors.Is(err, ErrRange) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	d, err := l.Diff(t.Context(), 0, head, 0)
	if err != nil || len(d.Tables[0].Rows) != 0 {
		t.Errorf("%+v %v", d, err)
	}
	d, err = l.Diff(t.Context(), 0, head, 2)
	all, aerr := l.Diff(t.Context(), 0, head, 1000)
	if err != nil || aerr != nil || !reflect.DeepEqual(d.Tables[0].Rows, all.Tables[0].Rows[:2]) || d.Tables[0].Unlisted != d.Tables[0].Inserted-2 {
		t.Errorf("the first inserted rows: %+v %v", d, err)
	}
	d, err = l.Diff(t.Context(), 3, head, 2)
	d.Tables[0].Rows = slices.DeleteFunc(d.Tables[0].Rows, func(r RowDiff) bool { return r.Before == nil })
	if err != nil || len(d.Tables[0].Rows) != 2 || d.Tables[0].Unlisted == 0 || !slices.IsSortedFunc(d.Tables[0].Rows, func(a, b RowDiff) int { return slices.Compare([]string{a.ID}, []string{b.ID}) }) {
		t.Errorf("%+v %v", d, err)
	}
}

// Of many inserted rows the first by id are listed, in whatever order they come.
func TestDiffListsTheFirst(t *testing.T) {
	l := openTest(t, fileBucketOf(t), false)
	var rows []ledgerRow
	for i := range 300 {
		rows = append(rows, ledgerRow{wallet: "wlt_1", id: fmt.Sprintf("e%03d", (i*37+150)%300), at: day0.Add(time.Duration(i) * time.Hour), status: "posted", amount: -1, provider: "p"})
	}
	commit(t, l, partOf(t, "wlt_1", days(0, 13), rows, 400))
	for _, n := range []int{1, 3, 20, 299, 1000} {
		d, err := l.Diff(t.Context(), 0, 1, n)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Tables[0]; len(got.Rows) != min(n, 300) || got.Unlisted != int64(300-min(n, 300)) {
			t.Fatalf("%d rows listed, %d not", len(got.Rows), got.Unlisted)
		}
		for i, r := range d.Tables[0].Rows {
			if r.ID != fmt.Sprintf("e%03d", i) {
				t.Fatalf("of %d, row %d is %s", n, i, r.ID)
			}
		}
	}
}
