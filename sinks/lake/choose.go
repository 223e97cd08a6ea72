package lake

import "fmt"

// choose leaves the rows of the lost objects, sorted, or says why they cannot be
// told. Rows that lie outside their bounds fall away; should the source have
// learnt of rows since that no commit has seen, their hashes give them away:
// the manifest has the sum over the right ones.
func (c *candidates) choose() ([]entry, *order, string) {
	want, sum := int64(0), uint64(0)
	for _, d := range c.group {
		want, sum = want+d.at.Rows, sum+d.at.HashSum
	}
	if len(c.rows) == 0 {
		return nil, nil, fmt.Sprintf("none of its %d rows came back from the source", want)
	}
	o := orderOf(c.lay, recordsOf(c.recs), c.rows)
	type unit struct {
		rows int64
		hash uint64
	}
	units := make([]unit, c.count)
	kept, of := c.rows[:0], c.units[:0]
	have, total := int64(0), uint64(0)
	for i, e := range c.rows {
		if !c.inside(o, &e) {
			continue
		}
		kept, of = append(kept, e), append(of, c.units[i])
		u := &units[c.units[i]]
		u.rows, u.hash = u.rows+1, u.hash+e.hash
		have, total = have+1, total+e.hash
	}
	if have < want {
		return nil, nil, fmt.Sprintf("only %d of its %d rows came back from the source", have, want)
	}
	spare := map[int32]bool{}
	if have > want || total != sum {
		byHash := map[unit]int32{}
		for i, u := range units {
			if u.rows > 0 {
				byHash[u] = int32(i)
			}
		}
		over := unit{have - want, total - sum}
		if i, ok := byHash[over]; ok {
			spare[i] = true
		} else {
			for i, u := range units {
				j, ok := byHash[unit{over.rows - u.rows, over.hash - u.hash}]
				if ok && u.rows > 0 && j != int32(i) {
					spare[int32(i)], spare[j] = true, true
					break
				}
			}
		}
		if len(spare) == 0 {
			return nil, nil, "the rows that the source gives now are not the ones that were committed"
		}
	}
	entries := make([]entry, 0, want)
	for i, e := range kept {
		if !spare[of[i]] {
			entries = append(entries, e)
		}
	}
	o.sort(entries)
	return entries, o, ""
}

// inside reports whether a row can be one of the group's: its month, between the
// bounds of one of its objects, in a window that the manifest committed.
func (c *candidates) inside(o *order, e *entry) bool {
	for i := range c.group {
		d := &c.group[i]
		month := ""
		if c.lay.date >= 0 {
			month = fmt.Sprintf("%04d-%02d", e.month/12, e.month%12+1)
		}
		if month != d.at.Month || !d.holds(o, e) {
			continue
		}
		for _, w := range d.Windows {
			if w.WalletID != "" && w.WalletID != o.wallets[e.wallet] {
				continue
			}
			if s := windowSpan(w.Window); w.Window.IsZero() || e.time >= s.from && e.time < s.to {
				return true
			}
		}
	}
	return false
}
