// Every table of the warehouse as lines that a query can be compared with.

package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TableTruth is what a table must hold: by some of its columns, what the
// aggregates of its rows come to. Everything is text, as SQL's toString writes
// it; NULL is empty.
type TableTruth struct {
	Table    string           `json:"table"`    // name of the view
	About    string           `json:"about"`    // what else is looked at, where a table is compared twice
	By       []string         `json:"by"`       // columns, or expressions of them
	Measures []string         `json:"measures"` // aggregates
	Rows     int64            `json:"rows"`
	Money    map[string]int64 `json:"money"` // by currency, minor units
	Lines    [][]string       `json:"lines"` // ordered
}

// ledgerKey is a sum of statement rows.
type ledgerKey struct {
	wallet, date, kind, status, channel, provider string
	rows, amount, fee                             int64
}

// table begins a table: `by | measures`, separated by commas.
func table(name, by, measures string) TableTruth {
	list := func(text string) []string {
		var out []string
		for part := range strings.SplitSeq(text, "; ") {
			out = append(out, strings.TrimSpace(part))
		}
		return out
	}
	return TableTruth{Table: name, By: list(by), Measures: list(measures), Money: map[string]int64{}, Lines: [][]string{}}
}

// add adds a line of so many rows and so much money.
func (t *TableTruth) add(rows int64, currency string, minor int64, values ...any) {
	line := make([]string, len(values))
	for i, v := range values {
		line[i] = fmt.Sprint(v)
	}
	t.Lines = append(t.Lines, line)
	t.Rows += rows
	if currency != "" {
		t.Money[currency] += minor
	}
}

// sums collects rows that lines are made of: by their columns, the measures.
type tableSums struct {
	t      *TableTruth
	by     map[string][]any
	values map[string][]int64
}

func (t *TableTruth) summed() *tableSums {
	return &tableSums{t, map[string][]any{}, map[string][]int64{}}
}

func (s *tableSums) add(by []any, values ...int64) {
	key := fmt.Sprint(by...)
	sums := s.values[key]
	if sums == nil {
		sums = make([]int64, len(values))
		s.by[key], s.values[key] = by, sums
	}
	for i, v := range values {
		sums[i] += v
	}
}

// done writes the lines; the first measure counts rows, the one at money is the
// money of the currency in column currency.
func (s *tableSums) done(currency, money int) {
	for key, by := range s.by {
		line := slices.Clone(by)
		for _, v := range s.values[key] {
			line = append(line, v)
		}
		code := ""
		if currency >= 0 {
			code = fmt.Sprint(by[currency])
		}
		s.t.add(s.values[key][0], code, s.values[key][max(money, 0)], line...)
	}
}

func (w *World) tables(until time.Time, t *Truth, beside *walletSums, bank bankSums) []TableTruth {
	out := slices.Concat(w.spendTables(t, bank), w.walletTables(t, beside), w.catalogueTables(t, until), w.pspTables(t, until), w.callbackTables())
	if w.files {
		out = append(out, w.fileTables(until, bank)...)
	}
	out = append(out, w.unknownTable(t, beside, bank), w.quarantineTable(), w.alarmTable(until), w.gate.Load().paymentTable())
	for i := range out {
		slices.SortFunc(out[i].Lines, slices.Compare)
	}
	slices.SortStableFunc(out, func(a, b TableTruth) int { return cmp.Compare(a.Table, b.Table) })
	return out
}

func (w *World) spendTables(t *Truth, bank bankSums) []TableTruth {
	spend := table("spend_by_provider", "source; provider_code; business_date; currency", "sum(entries); sum(spend_minor); sum(refunds_minor)")
	for _, s := range t.SpendByProvider {
		spend.add(s.Entries, s.Currency, s.NetMinor, s.Source, s.ProviderCode, s.BusinessDate, s.Currency, s.Entries, s.SpendMinor, s.RefundsMinor)
	}
	doubles := table("double_counts", "reason; excluded_table; excluded_source; provider_code; business_date; currency", "count(); sum(amount_minor)")
	sums := doubles.summed()
	for _, i := range bank.doubles {
		key, _ := w.bankKey(&bank.rows[i])
		sums.add([]any{"card statement", "bank_entries", SourceBank, key.ProviderCode, key.BusinessDate, "AZN"}, 1, -bank.rows[i].amount)
	}
	if p := w.planted; p != nil {
		sums.add([]any{"same reference", "operations", SourceFlashpay, "card", p.sale(w).BusinessDate, "AZN"}, 1, p.amount)
	}
	sums.done(5, 1)
	return []TableTruth{spend, doubles}
}

func (w *World) unknownTable(t *Truth, beside *walletSums, bank bankSums) TableTruth {
	out := table("unknown_providers", "table; source; foreign_code; currency", "sum(rows); sum(amount_minor)")
	sums := out.summed()
	if beside.unknown.rows > 0 {
		sums.add([]any{"ledger", SourceMPAY, unlisted, "AZN"}, beside.unknown.rows, beside.unknown.amount)
	}
	for in, o := range t.PSP.methods {
		sums.add([]any{"operations", SourceFlashpay, in.method, in.currency}, o.rows, o.amount)
	}
	for i := range bank.rows {
		if b := &bank.rows[i]; w.resolve(b.merchant, w.dateOf(b.at)) == "" {
			sums.add([]any{"bank_entries", SourceBank, b.merchant, "AZN"}, 1, max(b.amount, -b.amount))
		}
	}
	sums.done(3, 1)
	return out
}
