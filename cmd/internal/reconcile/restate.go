package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/paylake/paylake/schemas"
)

// Restatement is what changed of a period between two moments of the lake.
type Restatement struct {
	ThenRows int64 // rows of the period at the first moment
	NowRows  int64

	Inserted, Retracted, Revised int64
	Rows                         []RowChange // by source, wallet and id
	Unlisted                     int64
	Effects                      []Effect
}

// RowChange is a row that is not what it was; nil where there is, or was, none.
type RowChange struct {
	Source string    `json:"source"`
	Wallet string    `json:"wallet_id"`
	ID     string    `json:"entry_id"`
	Then   *RowState `json:"then"`
	Now    *RowState `json:"now"`
}

// Effect is what the changes come to in one group of rows.
type Effect struct {
	Wallet   string `json:"wallet_id"`
	Provider string `json:"provider_code"`
	Currency string `json:"currency"`
	What     What   `json:"what"`
	Then     int64  `json:"then_minor,string"`
	Now      int64  `json:"now_minor,string"`
	Effect   int64  `json:"effect_minor,string"` // now − then
	ThenRows int64  `json:"then_rows"`
	NowRows  int64  `json:"now_rows"`
}

// Changed reports whether anything did.
func (r *Restatement) Changed() bool {
	return r.Inserted+r.Retracted+r.Revised > 0 || len(r.Effects) > 0
}

// Restate compares a period as it was with how it is. Both sides are of the lake;
// list bounds the rows that are listed. A row of another period may have an
// effect, too: a reversal that came later makes a payment of status reversed no
// refund of itself any more.
func Restate(ctx context.Context, then, now Side, list int) (Restatement, error) {
	r := Restatement{Rows: []RowChange{}, Effects: []Effect{}}
	h := newHasher()
	var a, b *book
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) { a, err = read(both, then, h); return err })
	g.Go(func() (err error) { b, err = read(both, now, &hasher{seed: h.seed}); return err })
	if err := g.Wait(); err != nil {
		return r, err
	}
	r.ThenRows, r.NowRows = a.rows, b.rows
	diffs, err := rowDiffs(ctx, then, now, a, b, h, list)
	if err != nil {
		return r, err
	}
	r.Retracted, r.Inserted, r.Revised, r.Unlisted = diffs.OnlyLake, diffs.OnlyWarehouse, diffs.Changed, diffs.Unlisted
	for _, d := range diffs.Rows {
		r.Rows = append(r.Rows, RowChange{d.Source, d.Wallet, d.ID, d.Lake, d.Warehouse})
	}
	return r, r.effects(a, b)
}

// effects are the groups, by wallet, provider and currency, whose sums changed.
func (r *Restatement) effects(then, now *book) error {
	const parts = byWallet | byProvider | byCurrency
	sums := map[Key]*[2]Sums{}
	for i, b := range []*book{then, now} {
		for k, s := range b.sums {
			k = parts.of(k)
			if sums[k] == nil {
				sums[k] = &[2]Sums{}
			}
			if err := sums[k][i].add(*s, 1); err != nil {
				return err
			}
		}
	}
	for k, s := range sums {
		for _, what := range []What{Spend, Refunds, Net, Debit, Credit} {
			e := Effect{Wallet: k.Wallet, Provider: k.Provider, Currency: k.Currency, What: what}
			e.Then, e.ThenRows = s[0].Of(what)
			e.Now, e.NowRows = s[1].Of(what)
			if e.Then == e.Now && e.ThenRows == e.NowRows {
				continue
			}
			var err error
			if e.Effect, err = schemas.AddMinor(e.Now, -e.Then); err != nil {
				return fmt.Errorf("the effect on %s of wallet %s does not fit: %w", what, k.Wallet, err)
			}
			r.Effects = append(r.Effects, e)
		}
	}
	slices.SortFunc(r.Effects, func(a, b Effect) int {
		return cmp.Or(cmp.Compare(a.Wallet, b.Wallet), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.What, b.What))
	})
	return nil
}
