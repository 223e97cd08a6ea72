package main

// Quarantined money, which every total shows as a line of its own.

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/paylake/paylake/sinks/lake"
)

// rowsAndMoney writes totals of rejected rows: "3 rows, -50.09 AZN, 1 without a
// readable amount".
func rowsAndMoney(totals []lake.Total) string {
	rows, unread := int64(0), int64(0)
	var money []string
	for _, t := range totals {
		rows += t.Count
		if t.Currency == "" {
			unread += t.Count
			continue
		}
		money = append(money, bigDecimal(t.Credit.Minus(t.Debit).Big(), t.Currency))
	}
	text := thousands(rows) + " rows"
	if len(money) > 0 {
		text += ", " + strings.Join(money, ", ")
	}
	if unread > 0 {
		text += fmt.Sprintf(", %s without a readable amount", thousands(unread))
	}
	return text
}

// moneyOf is rowsAndMoney of rows.
func moneyOf(rows []badRow) string {
	list := make([]lake.QuarantineRow, len(rows))
	for i, r := range rows {
		list[i] = r.QuarantineRow
	}
	return rowsAndMoney(lake.QuarantineTotals(list))
}

// totalsOfParts adds up what the parts of a manifest put into quarantine.
func totalsOfParts(parts []lake.Part) []lake.Total {
	var all []lake.Total
	for _, p := range parts {
		for _, t := range p.Quarantined.Totals {
			i := slices.IndexFunc(all, func(o lake.Total) bool { return o.Currency == t.Currency })
			if i < 0 {
				all = append(all, t)
				continue
			}
			all[i].Count += t.Count
			all[i].Debit, all[i].Credit = all[i].Debit.Plus(t.Debit), all[i].Credit.Plus(t.Credit)
		}
	}
	slices.SortFunc(all, func(a, b lake.Total) int { return strings.Compare(a.Currency, b.Currency) })
	return all
}

// settle takes rows that came in after all out of the sums: by the warehouse's
// word, which knows them by their keys, else by the manifests' own.
func (h *house) settle(ctx context.Context, bad map[[2]string]sums) (settled map[[2]string]int64) {
	settled = map[[2]string]int64{}
	take := func(source, table, currency string, rows int64, amount lake.Amount) {
		key := [2]string{source, table}
		if bad[key] == nil {
			return
		}
		t := bad[key][currency]
		t.Currency, t.Rows, t.AmountMinor = currency, t.Rows-rows, t.AmountMinor.Minus(amount)
		bad[key][currency] = t
		if t.Rows == 0 {
			delete(bad[key], currency)
		}
		settled[key] += rows
	}
	if h.store != nil {
		if open, err := h.store.get(ctx); err == nil {
			list, err := open.Resolved(ctx)
			if err == nil {
				for _, r := range list {
					take(r.Source, r.Table, r.Currency, r.Rows, r.AmountMinor)
				}
				return settled
			}
			h.p.log.Warn("resolved rows not counted", "err", err)
		}
	}
	rows, err := h.badRows(ctx, quarantineFilter{})
	if err != nil {
		h.p.log.Warn("resolved rows not counted", "err", err)
		return settled
	}
	for _, r := range rows {
		if r.Resolved == 0 {
			continue
		}
		amount, currency := lake.Amount{}, ""
		if r.Amount != nil {
			amount, currency = amount.Add(*r.Amount), r.Currency
		}
		take(r.Source, r.Table, currency, 1, amount)
	}
	return settled
}
