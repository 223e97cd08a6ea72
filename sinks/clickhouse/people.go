package clickhouse

import (
	"context"
	"fmt"
)

// HiddenWallet is a wallet whose owner withdrew a consent.
type HiddenWallet struct{ Source, Wallet string }

// Hide shows the given wallets to auditors alone, and every other wallet to
// everybody again. version grows with every change of consents: an older list
// than the one that is there changes nothing.
func (w *Warehouse) Hide(ctx context.Context, version int64, wallets []HiddenWallet) error {
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.hide(ctx, version, wallets)
	})
}

func (w *Warehouse) hide(ctx context.Context, version int64, wallets []HiddenWallet) error {
	now, newest := map[HiddenWallet]bool{}, int64(0)
	err := w.each(ctx, "read hidden wallets", fmt.Sprintf("SELECT source, wallet_id, argMax(hidden, version), max(version) FROM %s.hidden_wallets GROUP BY source, wallet_id", w.db),
		func(scan func(...any) error) error {
			var one HiddenWallet
			var hidden uint8
			var v int64
			if err := scan(&one.Source, &one.Wallet, &hidden, &v); err != nil {
				return err
			}
			now[one], newest = hidden == 1, max(newest, v)
			return nil
		})
	if err != nil || newest > version {
		return err
	}
	var rows [][]any
	change := func(one HiddenWallet, hidden uint8) {
		rows = append(rows, []any{one.Source, one.Wallet, hidden, version, w.now().UTC()})
	}
	wanted := map[HiddenWallet]bool{}
	for _, one := range wallets {
		wanted[one] = true
		if !now[one] {
			change(one, 1)
		}
	}
	for one, hidden := range now {
		if hidden && !wanted[one] {
			change(one, 0)
		}
	}
	return w.insert(ctx, "hidden_wallets", rows)
}

// HiddenWallets counts the wallets that only auditors see.
func (w *Warehouse) HiddenWallets(ctx context.Context) (n int64, err error) {
	err = w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.one(ctx, "count hidden wallets", "SELECT toInt64(count()) FROM "+(viewer{db: w.db}).hidden(), &n)
	})
	return n, err
}

// Person says that a pseudonym and a newer one are the same person.
type Person struct{ Pseudonym, Canonical string }

// Join makes rows under former pseudonym keys join with those under the newest
// one. version is the newest key's; what is there already is not written again.
func (w *Warehouse) Join(ctx context.Context, version int64, people []Person) error {
	if len(people) == 0 {
		return nil
	}
	return w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		known := map[string]bool{}
		err := w.each(ctx, "read persons", fmt.Sprintf("SELECT pseudonym FROM %s.persons WHERE version = %d", w.db, version),
			func(scan func(...any) error) error {
				var pseudonym string
				err := scan(&pseudonym)
				known[pseudonym] = true
				return err
			})
		if err != nil {
			return err
		}
		var rows [][]any
		for _, p := range people {
			if !known[p.Pseudonym] {
				rows = append(rows, []any{p.Pseudonym, p.Canonical, version})
			}
		}
		return w.insert(ctx, "persons", rows)
	})
}
