package clickhouse

import (
	"context"
	"fmt"

	"github.com/paylake/paylake/sinks/lake"
)

// ResolvedSum is rejected rows of one source, table and currency that came in
// after all. The currency is empty where no amount could be read.
type ResolvedSum struct {
	Source, Table, Currency string
	Rows                    int64
	AmountMinor             lake.Amount
}

// Resolved adds up the rejected rows that are resolved.
func (w *Warehouse) Resolved(ctx context.Context) (list []ResolvedSum, err error) {
	err = w.surviving(ctx, func() error {
		list = nil
		if err := w.ensure(ctx); err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT source, `table`, if(amount_minor IS NULL, '', toString(currency)) AS money, toInt64(count()), toString(sum(toInt128(ifNull(amount_minor, 0)))) "+
			"FROM %s.quarantine WHERE resolved_at IS NOT NULL GROUP BY source, `table`, money ORDER BY source, `table`, money", w.db)
		return w.each(ctx, "count resolved rows", sql, func(scan func(...any) error) error {
			var r ResolvedSum
			var sum string
			if err := scan(&r.Source, &r.Table, &r.Currency, &r.Rows, &sum); err != nil {
				return err
			}
			if err := r.AmountMinor.UnmarshalText([]byte(sum)); err != nil {
				return err
			}
			list = append(list, r)
			return nil
		})
	})
	return list, err
}

// Settled reports which rejected rows are resolved.
func (w *Warehouse) Settled(ctx context.Context) (ids map[string]bool, err error) {
	err = w.surviving(ctx, func() error {
		ids = map[string]bool{}
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.each(ctx, "look for resolved rows", fmt.Sprintf("SELECT id FROM %s.quarantine WHERE resolved_at IS NOT NULL", w.db), func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids[id] = true
			return err
		})
	})
	return ids, err
}
