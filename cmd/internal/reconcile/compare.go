package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/cmd/internal/decisions"
)

// Input is what is compared.
type Input struct {
	Lake, Warehouse Side
	File            string // name of the expectation file, for errors
	Lines           []Line // none: lake and warehouse alone
	Known           Known  // the catalogue and the wallets; what rows have is added
	List            int    // how many rows of each difference are listed
	Period          string // its name, which is in the ids of findings

	// Published is what the warehouse shows as spend by provider; nil: not compared.
	Published func(ctx context.Context) (map[Key]Sums, error) // by provider, category and currency
}

// Report is what was found. Its JSON form is documented and stable.
type Report struct {
	Period string `json:"period"`
	From   string `json:"from"`
	To     string `json:"to"`     // the first day after
	Agrees bool   `json:"agrees"` // nothing below is wrong, or all of it is accepted

	Accepted int    `json:"accepted"`         // differences that somebody accepted
	Held     string `json:"held,omitempty"`   // who holds the period back from publication; empty: nobody
	Closed   string `json:"closed,omitempty"` // who closed it; empty: nobody

	ReadFrom string `json:"read_from,omitempty"` // the first day that is read, where days of the period come before it

	Snapshot          int64 `json:"snapshot"`           // the manifest as of which the lake was read
	WarehouseSnapshot int64 `json:"warehouse_snapshot"` // and the warehouse: an older one where it is behind
	LakeRows          int64 `json:"lake_rows"`
	WarehouseRows     int64 `json:"warehouse_rows"`

	Expectations []Verdict    `json:"expectations"` // in the order of the file
	Unexpected   []Unexpected `json:"unexpected"`   // money that no line is about
	Differences  RowDiffs     `json:"differences"`  // between lake and warehouse
	Published    []Total      `json:"published"`    // where spend_by_provider is not the sum of the ledger's rows
	Unread       []Unread     `json:"unread"`       // no difference: where rows may be missing on both sides

	AmbiguousMatches int64 `json:"ambiguous_matches"` // of rows of two systems, in the period; no difference either
}

// Amounts are a sum in the lake and in the warehouse, and how many rows make it.
type Amounts struct {
	LakeMinor      int64 `json:"lake_minor,string"`
	WarehouseMinor int64 `json:"warehouse_minor,string"`
	LakeRows       int64 `json:"lake_rows"`
	WarehouseRows  int64 `json:"warehouse_rows"`
}

// Verdict is one expectation and what there is.
type Verdict struct {
	Line          int    `json:"line"`
	Wallet        string `json:"wallet_id"` // empty: all; so the next two
	Provider      string `json:"provider_code"`
	Category      string `json:"category"`
	Currency      string `json:"currency"`
	What          What   `json:"what"`
	ExpectedMinor int64  `json:"expected_minor,string"`
	ExpectedRows  *int64 `json:"expected_rows"` // null: any number
	Amounts
	Agrees   bool      `json:"agrees"`
	Finding  string    `json:"finding_id"`
	Accepted *Accepted `json:"accepted"` // of one that does not agree: by whom it was
	Rows     []Part    `json:"rows"`     // of one that does not agree: the rows behind the warehouse's sum
	Unlisted int64     `json:"unlisted"` // of them, those beyond Rows
}

// Difference is what the side has beyond what is expected; the lake's, or the
// warehouse's where the lake has what is expected.
func (v Verdict) Difference() int64 {
	if v.LakeMinor != v.ExpectedMinor {
		return v.LakeMinor - v.ExpectedMinor
	}
	return v.WarehouseMinor - v.ExpectedMinor
}

// Part is a row behind a sum.
type Part struct {
	Source string `json:"source"`
	Wallet string `json:"wallet_id"`
	ID     string `json:"entry_id"`
	RowState
	CountsMinor int64 `json:"counts_minor,string"` // for so much of the sum
	Exact       bool  `json:"exact"`               // it is the difference, to the minor unit
}

// Unexpected is money that no line is about, in the columns that the file uses.
type Unexpected struct {
	Wallet   string `json:"wallet_id"` // empty: all; the file names no wallet
	Provider string `json:"provider_code"`
	Category string `json:"category"`
	Currency string `json:"currency"`
	What     What   `json:"what"`
	Amounts
	Finding  string    `json:"finding_id"`
	Accepted *Accepted `json:"accepted"`
}

// Total is a figure of spend_by_provider that is not the sum of the rows.
type Total struct {
	Provider       string `json:"provider_code"`
	Category       string `json:"category"`
	Currency       string `json:"currency"`
	What           What   `json:"what"`
	PublishedMinor int64  `json:"published_minor,string"`
	LedgerMinor    int64  `json:"ledger_minor,string"`
	PublishedRows  int64  `json:"published_rows"`
	LedgerRows     int64  `json:"ledger_rows"`
	Finding        string `json:"finding_id"`
}

// Compare reads both sides and compares them with each other and with what is
// expected. What is wrong with the expectations wraps ErrExpectations.
func Compare(ctx context.Context, in Input) (Report, error) {
	r := Report{Expectations: []Verdict{}, Unexpected: []Unexpected{}, Published: []Total{}, Unread: []Unread{}}
	h := newHasher()
	lake, warehouse, err := readBoth(ctx, in, h)
	if err != nil {
		return r, err
	}
	r.LakeRows, r.WarehouseRows = lake.rows, warehouse.rows
	in.Known.rows(lake.sums)
	in.Known.rows(warehouse.sums)
	expected, err := resolve(in.File, in.Lines, in.Known)
	if err != nil {
		return r, err
	}
	if err := r.judge(expected, lake, warehouse); err != nil {
		return r, err
	}
	if err := r.listRows(ctx, in, expected, warehouse); err != nil {
		return r, err
	}
	if r.Differences, err = rowDiffs(ctx, in.Lake, in.Warehouse, lake, warehouse, h, in.List); err != nil {
		return r, err
	}
	if in.Published != nil {
		published, err := in.Published(ctx)
		if err == nil {
			err = r.compareViews(published, warehouse)
		}
		if err != nil {
			return r, err
		}
	}
	r.Period = in.Period
	r.name(in.Period)
	r.Accept(&decisions.Ledger{})
	return r, nil
}

// readBoth sums the two sides up at the same time: they are on different machines,
// or in different processes.
func readBoth(ctx context.Context, in Input, h *hasher) (lake, warehouse *book, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if lake, err = read(ctx, in.Lake, h); err != nil {
			return fmt.Errorf("sum the lake up: %w", err)
		}
		return nil
	})
	g.Go(func() (err error) {
		if warehouse, err = read(ctx, in.Warehouse, &hasher{seed: h.seed}); err != nil {
			return fmt.Errorf("sum the warehouse up: %w", err)
		}
		return nil
	})
	err = g.Wait()
	return lake, warehouse, err
}

// both are the sums of one group.
type both struct{ lake, warehouse Sums }

func (b both) amounts(what What) (a Amounts) {
	a.LakeMinor, a.LakeRows = b.lake.Of(what)
	a.WarehouseMinor, a.WarehouseRows = b.warehouse.Of(what)
	return a
}

// judge compares sums with expectations, and finds money that none is about.
func (r *Report) judge(expected []Expectation, lake, warehouse *book) error {
	index, got := newGroups(expected), make([]both, len(expected))
	beyond := newRest(expected)
	for _, side := range []struct {
		book *book
		of   func(*both) *Sums
	}{{lake, func(b *both) *Sums { return &b.lake }}, {warehouse, func(b *both) *Sums { return &b.warehouse }}} {
		for k, sums := range side.book.sums {
			var failed error
			covered := map[What]bool{}
			index.each(k, func(n int) {
				covered[expected[n].Line.What] = true
				if err := side.of(&got[n]).add(*sums, 1); err != nil {
					failed = err
				}
			})
			if failed == nil {
				failed = beyond.add(k, *sums, covered, side.of)
			}
			if failed != nil {
				return failed
			}
		}
	}
	for n, e := range expected {
		v := Verdict{Line: e.Line.At, Wallet: e.Line.Wallet, Provider: e.Line.Provider, Category: e.Line.Category, Currency: e.Line.Currency, What: e.Line.What,
			ExpectedMinor: e.Minor, ExpectedRows: e.Line.Count, Amounts: got[n].amounts(e.Line.What), Rows: []Part{}}
		v.Agrees = v.LakeMinor == e.Minor && v.WarehouseMinor == e.Minor && (e.Line.Count == nil || v.LakeRows == *e.Line.Count && v.WarehouseRows == *e.Line.Count)
		r.Expectations = append(r.Expectations, v)
	}
	r.Unexpected = beyond.list()
	return nil
}

// rest collects money that no expectation is about, of the kinds that the file
// speaks of, under the columns that it uses.
type rest struct {
	mask  mask
	kinds []What
	found map[What]map[Key]*both
}

func newRest(expected []Expectation) *rest {
	r := &rest{mask: byProvider | byCurrency, found: map[What]map[Key]*both{}}
	for _, e := range expected {
		r.mask |= e.about.mask
		if r.found[e.Line.What] == nil {
			r.found[e.Line.What] = map[Key]*both{}
			r.kinds = append(r.kinds, e.Line.What)
		}
	}
	slices.Sort(r.kinds)
	return r
}

// covers says which kinds of expectations speak of money of a kind.
var covers = map[What][]What{Spend: {Spend, Net}, Refunds: {Refunds, Net}, Net: {Net, Spend, Refunds}, Debit: {Debit}, Credit: {Credit}}

func (r *rest) add(k Key, sums Sums, covered map[What]bool, of func(*both) *Sums) error {
	for _, what := range r.kinds {
		minor, rows := sums.Of(what)
		if minor == 0 && rows == 0 || slices.ContainsFunc(covers[what], func(w What) bool { return covered[w] }) {
			continue
		}
		k := r.mask.of(k)
		b := r.found[what][k]
		if b == nil {
			b = &both{}
			r.found[what][k] = b
		}
		if err := of(b).add(sums, 1); err != nil {
			return err
		}
	}
	return nil
}

func (r *rest) list() []Unexpected {
	out := []Unexpected{}
	for what, groups := range r.found {
		for k, b := range groups {
			out = append(out, Unexpected{Wallet: k.Wallet, Provider: k.Provider, Category: k.Category, Currency: k.Currency, What: what, Amounts: b.amounts(what)})
		}
	}
	slices.SortFunc(out, func(a, b Unexpected) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Wallet, b.Wallet), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.What, b.What))
	})
	return out
}

// compareViews compares what the warehouse publishes with its own rows.
func (r *Report) compareViews(published map[Key]Sums, warehouse *book) error {
	const parts = byProvider | byCategory | byCurrency
	rows := map[Key]*Sums{}
	for k, s := range warehouse.sums {
		k = parts.of(k)
		if rows[k] == nil {
			rows[k] = &Sums{}
		}
		if err := rows[k].add(*s, 1); err != nil {
			return err
		}
	}
	for k := range published {
		if rows[k] == nil {
			rows[k] = &Sums{}
		}
	}
	for k, s := range rows {
		for _, what := range []What{Spend, Refunds} {
			t := Total{Provider: k.Provider, Category: k.Category, Currency: k.Currency, What: what}
			t.LedgerMinor, _ = s.Of(what)
			t.PublishedMinor, _ = published[k].Of(what)
			_, t.LedgerRows = s.Of(Net) // the view counts rows of both kinds together
			_, t.PublishedRows = published[k].Of(Net)
			if t.LedgerMinor != t.PublishedMinor || what == Spend && t.LedgerRows != t.PublishedRows {
				r.Published = append(r.Published, t)
			}
		}
	}
	slices.SortFunc(r.Published, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.What, b.What))
	})
	return nil
}
