package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// What changed between two manifests, from the objects in between alone: every
// change is there as a row with a sign, so history before them is not read.

// Diff is what manifests From+1 to To changed.
type Diff struct {
	From   int64       `json:"from"`
	To     int64       `json:"to"`
	Tables []TableDiff `json:"tables"` // by source and table; those that did not change are left out
}

// TableDiff counts rows by what became of them between the two manifests. A row
// that came and went in between is none of the three.
type TableDiff struct {
	Source    string      `json:"source"`
	Table     string      `json:"table"`
	Inserted  int64       `json:"inserted"`  // shown at To, its key not at From
	Retracted int64       `json:"retracted"` // its key shown at From, not at To
	Revised   int64       `json:"revised"`   // shown at both, with other content
	Passing   int64       `json:"passing"`   // keys shown at neither
	Money     []MoneyDiff `json:"money"`     // by provider and currency; empty for tables without amounts
	Rows      []RowDiff   `json:"rows"`      // the first revised and retracted rows, then the first inserted ones
	Unlisted  int64       `json:"unlisted"`  // of all three, those beyond Rows
}

// MoneyDiff is the effect on the money of one provider and currency, in minor
// units. A row that moved from one provider to another is revised in both.
type MoneyDiff struct {
	Provider  string `json:"provider_code"`
	Currency  string `json:"currency"`
	Inserted  Amount `json:"inserted_minor"`
	Retracted Amount `json:"retracted_minor"` // what went, with the opposite sign
	Revised   Amount `json:"revised_minor"`   // new content minus old
	Net       Amount `json:"net_minor"`       // all three: what sum(amount_minor) changed by
}

// RowDiff is one row before and after; nil stands for not shown.
type RowDiff struct {
	ID       string    `json:"id"` // the last column of the table's key
	WalletID string    `json:"wallet_id,omitempty"`
	Before   *RowState `json:"before"`
	After    *RowState `json:"after"`
}

// RowState is a row as far as money goes.
type RowState struct {
	Revision int32  `json:"revision"`
	Provider string `json:"provider_code"`
	Currency string `json:"currency"`
	Amount   int64  `json:"amount_minor,string"`
}

// ErrRange is wrapped by the error for manifests that are not there.
var ErrRange = errors.New("no such manifest")

// Diff compares the lake as of two manifests; 0 is the empty lake. At most rows
// revised and retracted rows of each table are listed, and as many inserted ones;
// all are counted.
// ErrRange: from is after to, or one of them is not in the lake.
func (l *Lake) Diff(ctx context.Context, from, to int64, rows int) (Diff, error) {
	d := Diff{From: from, To: to, Tables: []TableDiff{}}
	head, err := l.Head(ctx)
	if err != nil {
		return d, err
	}
	if from < 0 || from > to || to > head {
		return d, fmt.Errorf("there is nothing to compare from manifest %d to %d, the lake has 0 to %d: %w", from, to, head, ErrRange)
	}
	changed := map[tableID][]Entry{}
	for e, err := range l.Manifests(ctx, from+1) {
		if err != nil {
			return d, err
		}
		if e.Sequence > to {
			break
		}
		if e.Kind != KindCompact && len(e.Objects) > 0 {
			id := tableID{e.Source, e.Table}
			changed[id] = append(changed[id], e)
		}
	}
	for id, entries := range changed {
		one, err := l.diffTable(ctx, id, entries, rows)
		if err != nil {
			return d, fmt.Errorf("compare %s %s: %w", id.source, id.table, err)
		}
		d.Tables = append(d.Tables, one)
	}
	slices.SortFunc(d.Tables, func(a, b TableDiff) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Table, b.Table))
	})
	return d, nil
}

func (l *Lake) diffTable(ctx context.Context, id tableID, entries []Entry, list int) (TableDiff, error) {
	t, ok := schemas.ByName(id.table)
	if !ok {
		return TableDiff{}, fmt.Errorf("table %s: %w", id.table, sinks.ErrNewer)
	}
	c := &comparison{lay: layoutOf(t), list: list, tracked: map[schemas.Key]*changes{}, money: map[[2]string]*MoneyDiff{}}
	c.out = TableDiff{Source: id.source, Table: id.table, Money: []MoneyDiff{}, Rows: []RowDiff{}}
	// Twice: nearly every row is the first of its key and stays; only the others
	// need to be remembered, and which these are is known at the end.
	for _, do := range []func(arrow.Record, []schemas.Key){c.track, c.take} {
		for _, e := range entries {
			for _, o := range e.Objects {
				r, err := openObject(ctx, l.bucket, o.Path, o.Bytes)
				if err == nil {
					err = c.read(r, do)
				}
				if err != nil {
					return c.out, err
				}
			}
		}
	}
	c.judge()
	return c.out, nil
}

// comparison collects the rows of one table.
type comparison struct {
	lay     layout
	list    int // rows to list
	tracked map[schemas.Key]*changes
	money   map[[2]string]*MoneyDiff
	fresh   []RowDiff // inserted rows, of which the first are listed
	bar     *RowDiff  // enough come before this one
	out     TableDiff
}

// changes are what happened to one key.
type changes struct {
	id, wallet string
	came, went []RowState
}

// Columns of the records that read hands out: the lake's own three, then these.
const (
	diffID = 3 + iota
	diffWallet
	diffProvider
	diffCurrency
	diffAmount
)

// read hands an object out in pieces, with the keys of their rows.
func (c *comparison) read(r *objectReader, do func(arrow.Record, []schemas.Key)) error {
	kt := keyTable(c.lay.table)
	fields := lakeFields()
	for _, i := range []int{c.lay.id, c.lay.wallet, c.lay.provider, c.lay.currency, c.lay.amount} {
		if i < 0 {
			i = c.lay.source // a column that every table has stands where this one has none
		}
		fields = append(fields, c.lay.field(i))
	}
	own := len(fields)
	fields = append(fields, kt.Fields...)
	h := schemas.NewHasher(kt)
	return r.chunks(fields, func(rec arrow.Record) error {
		keyed := array.NewRecord(kt.ArrowSchema(), rec.Columns()[own:], rec.NumRows())
		keys, _ := h.Rows(keyed, nil, nil)
		do(rec, keys)
		return nil
	})
}

// track finds the keys that have more than a first row.
func (c *comparison) track(rec arrow.Record, keys []schemas.Key) {
	revision, sign := int32s(rec.Column(0)), int32s(rec.Column(1))
	for i, k := range keys {
		if (sign[i] < 0 || revision[i] > 1) && c.tracked[k] == nil {
			c.tracked[k] = &changes{}
		}
	}
}

// take counts first rows that stay, and remembers the others.
func (c *comparison) take(rec arrow.Record, keys []schemas.Key) {
	revision, sign := int32s(rec.Column(0)), int32s(rec.Column(1))
	cols := columns{[]arrow.Record{rec}}
	text := func(column, place int) func(uint32) string {
		if place < 0 {
			return func(uint32) string { return "" }
		}
		at := cols.text(column)
		return func(row uint32) string { return at(0, row) }
	}
	id, wallet := text(diffID, c.lay.id), text(diffWallet, c.lay.wallet)
	if c.lay.table.Fields[c.lay.id].Kind > schemas.Code { // balances are called by their time
		number := cols.number(diffID)
		id = func(row uint32) string { return fmt.Sprint(number(0, row)) }
	}
	provider, currency := text(diffProvider, c.lay.provider), text(diffCurrency, c.lay.currency)
	amount := func(uint32) int64 { return 0 }
	if c.lay.amount >= 0 {
		number := cols.number(diffAmount)
		amount = func(row uint32) int64 { return number(0, row) }
	}
	for i, k := range keys {
		row := uint32(i)
		h := c.tracked[k]
		if h == nil {
			c.out.Inserted++
			c.count(provider(row), currency(row), func(m *MoneyDiff) { m.Inserted = m.Inserted.Add(amount(row)) })
			c.insert(wallet(row), id(row), func() RowState {
				return RowState{Revision: revision[i], Provider: strings.Clone(provider(row)), Currency: strings.Clone(currency(row)), Amount: amount(row)}
			})
			continue
		}
		state := RowState{Revision: revision[i], Provider: strings.Clone(provider(row)), Currency: strings.Clone(currency(row)), Amount: amount(row)}
		h.id, h.wallet = strings.Clone(id(row)), strings.Clone(wallet(row))
		if sign[i] < 0 {
			h.went = append(h.went, state)
		} else {
			h.came = append(h.came, state)
		}
	}
}

// insert remembers an inserted row if it can be among the first. A year of rows
// is inserted as well as ten: no more than twice what is listed is in memory.
func (c *comparison) insert(wallet, id string, state func() RowState) {
	if c.list == 0 {
		return
	}
	if len(c.fresh) >= 2*c.list+64 {
		c.fresh = firstRows(c.fresh, c.list)
		c.bar = &RowDiff{ID: c.fresh[c.list-1].ID, WalletID: c.fresh[c.list-1].WalletID}
	}
	if c.bar != nil && cmp.Or(cmp.Compare(wallet, c.bar.WalletID), cmp.Compare(id, c.bar.ID)) > 0 {
		return
	}
	s := state()
	c.fresh = append(c.fresh, RowDiff{ID: strings.Clone(id), WalletID: strings.Clone(wallet), After: &s})
}

// firstRows are the first rows by wallet and id.
func firstRows(rows []RowDiff, n int) []RowDiff {
	slices.SortFunc(rows, func(a, b RowDiff) int {
		return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.ID, b.ID))
	})
	return rows[:min(n, len(rows))]
}

func (c *comparison) count(provider, currency string, add func(*MoneyDiff)) {
	if c.lay.amount < 0 {
		return
	}
	m := c.money[[2]string{provider, currency}]
	if m == nil {
		m = &MoneyDiff{Provider: strings.Clone(provider), Currency: strings.Clone(currency)}
		c.money[[2]string{m.Provider, m.Currency}] = m
	}
	add(m)
}

// ends says what is shown of a key before and after.
func (h *changes) ends() (before, after *RowState) {
	has := func(list []RowState, revision int32) bool {
		return slices.ContainsFunc(list, func(s RowState) bool { return s.Revision == revision })
	}
	for i := range h.went {
		if !has(h.came, h.went[i].Revision) {
			before = &h.went[i]
		}
	}
	for i := range h.came {
		if !has(h.went, h.came[i].Revision) {
			after = &h.came[i]
		}
	}
	return before, after
}

// judge turns changes into counts, money and rows.
func (c *comparison) judge() {
	for _, h := range c.tracked {
		before, after := h.ends()
		switch {
		case before != nil && after != nil:
			c.out.Revised++
			c.count(before.Provider, before.Currency, func(m *MoneyDiff) { m.Revised = m.Revised.Minus(Amount{}.Add(before.Amount)) })
			c.count(after.Provider, after.Currency, func(m *MoneyDiff) { m.Revised = m.Revised.Add(after.Amount) })
		case before != nil:
			c.out.Retracted++
			c.count(before.Provider, before.Currency, func(m *MoneyDiff) { m.Retracted = m.Retracted.Minus(Amount{}.Add(before.Amount)) })
		case after != nil:
			c.out.Inserted++
			c.count(after.Provider, after.Currency, func(m *MoneyDiff) { m.Inserted = m.Inserted.Add(after.Amount) })
			c.insert(h.wallet, h.id, func() RowState { return *after })
		default:
			c.out.Passing++
		}
		if before != nil {
			c.out.Rows = append(c.out.Rows, RowDiff{ID: h.id, WalletID: h.wallet, Before: before, After: after})
		}
	}
	c.out.Rows = append(firstRows(c.out.Rows, c.list), firstRows(c.fresh, c.list)...)
	c.out.Unlisted = c.out.Inserted + c.out.Retracted + c.out.Revised - int64(len(c.out.Rows))
	for _, m := range c.money {
		m.Net = m.Inserted.Plus(m.Retracted).Plus(m.Revised)
		c.out.Money = append(c.out.Money, *m)
	}
	slices.SortFunc(c.out.Money, func(a, b MoneyDiff) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Currency, b.Currency))
	})
}
