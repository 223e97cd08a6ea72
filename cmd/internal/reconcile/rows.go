package reconcile

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// RowState is a row as far as it is shown.
type RowState struct {
	Date        string `json:"business_date"`
	Type        string `json:"type"`
	Status      string `json:"status"`
	Provider    string `json:"provider_code"`
	Category    string `json:"category"`
	Currency    string `json:"currency"`
	AmountMinor int64  `json:"amount_minor,string"`
	Times       int64  `json:"times,omitempty"` // shown more than once: that often
}

func stateOf(r *Row, times int64) *RowState {
	s := &RowState{Date: day(r.Date), Type: r.Type, Status: r.Status, Provider: r.Provider, Category: r.Category, Currency: r.Currency, AmountMinor: r.Amount}
	if times != 1 {
		s.Times = times
	}
	return s
}

func day(n int32) string { return time.Unix(int64(n)*24*60*60, 0).UTC().Format(time.DateOnly) }

// RowDiff is a key whose rows are not the same on both sides; nil for a side
// that has none.
type RowDiff struct {
	Source    string    `json:"source"`
	Wallet    string    `json:"wallet_id"`
	ID        string    `json:"entry_id"`
	Lake      *RowState `json:"lake"`
	Warehouse *RowState `json:"warehouse"`
	Finding   string    `json:"finding_id"`
}

// RowDiffs are all of them, the first ones listed.
type RowDiffs struct {
	OnlyLake      int64     `json:"only_lake"`
	OnlyWarehouse int64     `json:"only_warehouse"`
	Changed       int64     `json:"changed"`
	Rows          []RowDiff `json:"rows"` // by source, wallet and id
	Unlisted      int64     `json:"unlisted"`
}

// Count is how many rows differ.
func (d RowDiffs) Count() int64 { return d.OnlyLake + d.OnlyWarehouse + d.Changed }

// held is one content of a key, and how often each side shows it.
type held struct {
	row             Row
	whole           uint64
	lake, warehouse int64
}

// atOnce is how many rows are held while two sides are compared.
const atOnce = 200_000

// rowDiffs finds the rows in which two sides differ: those of the parts whose
// digests are not the same, some parts at a time, so that a warehouse that has
// nothing of a month takes more time and not more memory.
func rowDiffs(ctx context.Context, lake, warehouse Side, a, b *book, h *hasher, list int) (RowDiffs, error) {
	d := RowDiffs{Rows: []RowDiff{}}
	for next := 0; next < buckets; {
		var parts [buckets]bool
		some, rows := false, int64(0)
		for ; next < buckets && (rows < atOnce || !some); next++ {
			if a.buckets[next] != b.buckets[next] {
				parts[next], some = true, true
				rows += a.buckets[next].rows + b.buckets[next].rows
			}
		}
		if !some {
			break
		}
		found := map[RowID][]held{}
		for _, side := range []struct {
			from  Side
			count func(*held) *int64
		}{{lake, func(x *held) *int64 { return &x.lake }}, {warehouse, func(x *held) *int64 { return &x.warehouse }}} {
			err := side.from.Rows(ctx, func(r *Row, sign int) error {
				if key, whole := h.row(r); parts[key%buckets] {
					hold(found, r, whole, sign, side.count)
				}
				return nil
			})
			if err != nil {
				return d, err
			}
		}
		d.take(found, list)
	}
	d.Unlisted = d.Count() - int64(len(d.Rows))
	return d, nil
}

func hold(found map[RowID][]held, r *Row, whole uint64, sign int, count func(*held) *int64) {
	list := found[r.RowID]
	for i := range list {
		if list[i].whole == whole {
			*count(&list[i]) += int64(sign)
			return
		}
	}
	one := held{row: r.Clone(), whole: whole}
	*count(&one) = int64(sign)
	found[one.row.RowID] = append(list, one)
}

// take counts what differs, and keeps the first rows.
func (d *RowDiffs) take(found map[RowID][]held, list int) {
	for id, contents := range found {
		one, same := RowDiff{Source: id.Source, Wallet: id.Wallet, ID: id.ID}, true
		for i := range contents {
			c := &contents[i]
			same = same && c.lake == c.warehouse
			if c.lake > 0 {
				one.Lake = stateOf(&c.row, c.lake)
			}
			if c.warehouse > 0 {
				one.Warehouse = stateOf(&c.row, c.warehouse)
			}
		}
		switch {
		case same:
			continue
		case one.Warehouse == nil:
			d.OnlyLake++
		case one.Lake == nil:
			d.OnlyWarehouse++
		default:
			d.Changed++
		}
		d.Rows = append(d.Rows, one)
		if len(d.Rows) >= 2*list+64 {
			d.Rows = firstDiffs(d.Rows, list)
		}
	}
	d.Rows = firstDiffs(d.Rows, list)
}

func firstDiffs(rows []RowDiff, n int) []RowDiff {
	slices.SortFunc(rows, func(a, b RowDiff) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Wallet, b.Wallet), cmp.Compare(a.ID, b.ID))
	})
	return rows[:min(n, len(rows))]
}
