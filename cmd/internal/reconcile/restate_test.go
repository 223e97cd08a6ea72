package reconcile

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// world is a lake as a person would keep it: what is visible, by key.
type world map[RowID]Row

// sums are counted by hand: by wallet, provider, currency and kind.
func (w world) sums() map[string]int64 {
	out := map[string]int64{}
	reversed := map[RowID]bool{}
	for id, r := range w {
		if r.ReversalOf != "" {
			reversed[RowID{id.Source, id.Wallet, r.ReversalOf}] = true
		}
	}
	from, to := march.Days()
	for id, r := range w {
		if r.Date < from || r.Date >= to {
			continue
		}
		add := func(what string, minor int64) { out[fmt.Sprint(r.Wallet, r.Provider, r.Currency, what)] += minor }
		spends := r.Type == "bill_pay" && r.Amount < 0 && (r.Status == "posted" || r.Status == "reversed")
		if spends {
			add("spend", -r.Amount)
			add("net", -r.Amount)
		}
		if r.Type == "reversal" && r.Amount > 0 {
			add("refunds", r.Amount)
			add("net", -r.Amount)
		}
		if spends && r.Status == "reversed" && !reversed[id] {
			add("refunds", -r.Amount)
			add("net", r.Amount)
		}
		if r.Status != "pending" && r.Amount < 0 {
			add("debit", -r.Amount)
		}
		if r.Status != "pending" && r.Amount > 0 {
			add("credit", r.Amount)
		}
	}
	return out
}

// side is the period of a history of signed rows, and what any row reverses.
func side(history []signed) *memory {
	m := &memory{}
	from, to := march.Days()
	for _, s := range history {
		if s.Date >= from && s.Date < to {
			m.rows = append(m.rows, s)
		} else if s.ReversalOf != "" {
			for range s.sign { // histories of the test take no such row back
				m.later = append(m.later, RowID{s.Source, s.Wallet, s.ReversalOf})
			}
		}
	}
	return m
}

// Whatever happens after a moment, the restatement is the difference of the two
// states: in money, group by group, and in rows, key by key.
func TestRestatementIsTheDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := world{}
		var history []signed
		step := func(i int) {
			id := RowID{"mpay", rapid.SampledFrom([]string{"wlt_1", "wlt_2"}).Draw(t, "wallet"), fmt.Sprintf("r%d", rapid.IntRange(0, 12).Draw(t, "id"))}
			old, there := now[id]
			if there && rapid.IntRange(0, 3).Draw(t, "withdrawn") == 0 && old.ReversalOf == "" {
				history = append(history, signed{old, -1})
				delete(now, id)
				return
			}
			r := paid(id.ID, id.Wallet, rapid.SampledFrom([]string{"AZERSU_RES", "MOB_AZERCELL"}).Draw(t, "provider"), rapid.Int64Range(1, 1e9).Draw(t, "minor"))
			r.Status = rapid.SampledFrom([]string{"posted", "reversed", "pending"}).Draw(t, "status")
			if rapid.IntRange(0, 2).Draw(t, "reverses") == 0 && !there {
				r.Type, r.Amount, r.Status, r.ReversalOf = "reversal", -r.Amount, "posted", fmt.Sprintf("r%d", rapid.IntRange(0, 12).Draw(t, "of"))
				if rapid.Bool().Draw(t, "next month") {
					_, r.Date = march.Days()
				}
			}
			if there {
				if old.ReversalOf != "" {
					return
				}
				r.Date = old.Date
				history = append(history, signed{old, -1})
			}
			history, now[id] = append(history, signed{r, 1}), r
		}
		for i := range rapid.IntRange(0, 25).Draw(t, "before") {
			step(i)
		}
		then, closed := maps.Clone(now), len(history)
		for i := range rapid.IntRange(0, 25).Draw(t, "after") {
			step(i)
		}
		r, err := Restate(t.Context(), side(history[:closed]), side(history), 1000)
		if err != nil {
			t.Fatal(err)
		}
		want := now.sums()
		for k, minor := range then.sums() {
			want[k] -= minor
		}
		got := map[string]int64{}
		for _, e := range r.Effects {
			got[fmt.Sprint(e.Wallet, e.Provider, e.Currency, e.What)] = e.Effect
		}
		for _, m := range []map[string]int64{want, got} {
			maps.DeleteFunc(m, func(_ string, minor int64) bool { return minor == 0 })
		}
		if !maps.Equal(got, want) {
			t.Fatalf("effects %v, want %v", got, want)
		}
		counts := [3]int64{}
		from, to := march.Days()
		in := func(w world, id RowID) (Row, bool) { r, ok := w[id]; return r, ok && r.Date >= from && r.Date < to }
		all := maps.Clone(then)
		maps.Copy(all, now)
		for id := range all {
			a, was := in(then, id)
			b, is := in(now, id)
			switch {
			case !was && is:
				counts[0]++
			case was && !is:
				counts[1]++
			case was && a != b:
				counts[2]++
			}
		}
		if counts != [3]int64{r.Inserted, r.Retracted, r.Revised} || int64(len(r.Rows)) != counts[0]+counts[1]+counts[2] {
			t.Fatalf("%d inserted, %d retracted, %d revised, %d listed; want %v", r.Inserted, r.Retracted, r.Revised, len(r.Rows), counts)
		}
	})
}
