package reconcile

import (
	"context"
	"slices"
	"time"
)

// signed is a row, or one that is taken back.
type signed struct {
	Row
	sign int
}

// memory is a side that is a list.
type memory struct {
	rows  []signed
	later []RowID // what rows of other days reverse
}

func (m *memory) Rows(_ context.Context, each func(*Row, int) error) error {
	for i := range m.rows {
		if err := each(&m.rows[i].Row, m.rows[i].sign); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Reversals(_ context.Context, each func(RowID, int) error) error {
	for _, r := range m.rows {
		if r.ReversalOf != "" {
			if err := each(RowID{r.Source, r.Wallet, r.ReversalOf}, r.sign); err != nil {
				return err
			}
		}
	}
	for _, id := range m.later {
		if err := each(id, 1); err != nil {
			return err
		}
	}
	return nil
}

func sideOf(rows ...Row) *memory {
	m := &memory{}
	for _, r := range rows {
		m.rows = append(m.rows, signed{r, 1})
	}
	return m
}

func (m *memory) clone() *memory { return &memory{slices.Clone(m.rows), slices.Clone(m.later)} }

var march, _ = ParsePeriod("2026-03")

func paid(id, wallet, provider string, minor int64) Row {
	from, _ := march.Days()
	category := "utilities"
	if provider == "MOB_AZERCELL" {
		category = "mobile"
	}
	return Row{RowID: RowID{"mpay", wallet, id}, Date: from + 3, Type: "bill_pay", Status: "posted", Currency: "AZN", Provider: provider, Category: category, Amount: -minor}
}

func of(r Row, change func(*Row)) Row {
	change(&r)
	return r
}

func known() Known {
	k := NewKnown()
	for _, p := range []string{"AZERSU_RES", "MOB_AZERCELL", "AZERIQAZ_RES"} {
		k.Providers[p] = true
	}
	k.Categories["utilities"], k.Categories["mobile"] = true, true
	k.Wallets["wlt_1"], k.Wallets["wlt_2"] = true, true
	return k
}

func at(day string, zone *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateTime, day, zone)
	if err != nil {
		panic(err)
	}
	return t
}
