package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/paylake/paylake/sources/mpay/mpaytest"
)

// generated is a ledger made from a seed, as the upstream shows it before and
// after: rows came late, rows changed, and balances with them.
type generated struct {
	before, after *mpaytest.Sheet
	shown         atomic.Pointer[mpaytest.Sheet]
}

func (g *generated) Wallets() []mpaytest.Wallet { return g.shown.Load().Wallets() }

func (g *generated) Entries(wallet string, from, to, now time.Time, skip, limit int) []mpaytest.Entry {
	return g.shown.Load().Entries(wallet, from, to, now, skip, limit)
}

func (g *generated) Providers(now time.Time) (string, []mpaytest.Provider) {
	return g.shown.Load().Providers(now)
}

const (
	generatedWallets = 2
	generatedDays    = 4
)

var generatedCodes = []string{"AZERSU_RES", "MOB_AZERCELL", "NET_OLD"}

// generate makes the ledger of a seed, on the days from start on. Nothing of it
// lies in the future of anybody who asks later than start's fourth day.
func generate(seed uint64, start time.Time) *generated {
	dice := rand.New(rand.NewPCG(seed, 0x6c6564676572))
	g := &generated{before: mpaytest.Generate(generatedWallets, 0, start, start), after: mpaytest.Generate(generatedWallets, 0, start, start)}
	for _, w := range g.before.Cards {
		at := map[time.Time]bool{}
		moment := func() time.Time {
			for {
				m := start.Add(time.Duration(dice.IntN(generatedDays*86400)) * time.Second)
				if !at[m] {
					at[m] = true
					return m
				}
			}
		}
		var before []mpaytest.Entry
		for i := range 8 + dice.IntN(30) {
			before = append(before, drawnEntry(dice, w.ID, i, moment()))
		}
		after := slices.Clone(before)
		for range 1 + dice.IntN(5) { // rows that change
			e := &after[dice.IntN(len(after))]
			switch dice.IntN(3) {
			case 0:
				e.Status = "reversed"
			case 1:
				e.AmountMinor--
			default:
				e.ProviderCode = generatedCodes[dice.IntN(len(generatedCodes))]
			}
		}
		for i := range 1 + dice.IntN(8) { // rows that come late
			after = append(after, drawnEntry(dice, w.ID, 1000+i, moment()))
		}
		if dice.IntN(2) == 0 { // one that cannot be read; it stands outside the chain
			after = append(after, mpaytest.Entry{PostedAt: moment(), Type: "fee", AmountMinor: -int64(dice.IntN(1000)), Status: "pending"})
		}
		g.before.Lines[w.ID], g.after.Lines[w.ID] = balanced(before), balanced(after)
	}
	g.after.Catalogue[0].NameEN = fmt.Sprint("Water ", seed)
	g.shown.Store(g.before)
	return g
}

func drawnEntry(dice *rand.Rand, wallet string, i int, at time.Time) mpaytest.Entry {
	e := mpaytest.Entry{ID: fmt.Sprintf("txn_%s_%04d", wallet[4:], i), PostedAt: at, Type: "bill_pay", AmountMinor: -int64(1 + dice.IntN(900_000)),
		ProviderCode: generatedCodes[dice.IntN(len(generatedCodes))], Category: "utilities", Channel: "balance", Status: "posted"}
	switch dice.IntN(4) {
	case 0:
		e.Type, e.ProviderCode, e.Category, e.AmountMinor, e.Counterparty = "topup", "", "", -e.AmountMinor, fmt.Sprintf("+99455%07d", 2000000+dice.IntN(50))
	case 1:
		e.Type, e.ProviderCode, e.Category, e.AmountMinor = "refund", "", "", -e.AmountMinor
	}
	return e
}

// balanced orders rows by time and gives every row its balance.
func balanced(rows []mpaytest.Entry) []mpaytest.Entry {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b mpaytest.Entry) int { return a.PostedAt.Compare(b.PostedAt) })
	balance := int64(5_000_000_00)
	for i := range rows {
		if rows[i].ID == "" {
			continue
		}
		balance += rows[i].AmountMinor
		rows[i].BalanceAfterMinor = new(balance)
	}
	return rows
}

// oracle is what must be seen of the ledger in the end, in the order and words
// of oracleSQL.
func (g *generated) oracle() string {
	var rows []string
	var entries, spend, refunds, bad int64
	for wallet, lines := range g.after.Lines {
		for _, e := range lines {
			if e.ID == "" {
				bad++
				continue
			}
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%d\t%d\t%s\t%s", wallet, e.ID, e.Type, e.AmountMinor, *e.BalanceAfterMinor, e.Status, e.ProviderCode))
			switch {
			case e.Type == "bill_pay" && e.AmountMinor < 0:
				entries, spend = entries+1, spend-e.AmountMinor
				if e.Status == "reversed" {
					refunds -= e.AmountMinor
				}
			case e.Type == "refund":
				entries, refunds = entries+1, refunds+e.AmountMinor
			}
		}
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n") + fmt.Sprintf("\nspend %d %d %d\nbad %d\nwater %s\n", entries, spend, refunds, bad, g.after.Catalogue[0].NameEN)
}

var oracleSQL = []string{
	"SELECT wallet_id, entry_id, type, amount_minor, balance_after_minor, status, provider_code FROM ledger ORDER BY ALL",
	"SELECT concat('spend ', toString(sum(entries)), ' ', toString(sum(spend_minor)), ' ', toString(sum(refunds_minor))) FROM spend_by_provider",
	"SELECT concat('bad ', toString(count())) FROM quarantine",
	"SELECT concat('water ', name_en) FROM providers WHERE provider_code = 'AZERSU_RES'",
}
