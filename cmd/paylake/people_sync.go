package main

// What the warehouse must know of persons: wallets whose consent was withdrawn,
// and which pseudonyms are one person.

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/pipeline/state"
	"github.com/paylake/paylake/sinks/clickhouse"
)

// tellPeople brings the warehouse up to date with the state database; it is
// cheap while nothing has changed. Called with w.mu free.
func (w *warehouse) tellPeople(ctx context.Context, ch *clickhouse.Warehouse, db *state.DB) error {
	if db == nil {
		return nil
	}
	changes, err := db.Consents().Changes(ctx)
	if err != nil {
		return err
	}
	w.people.Lock()
	defer w.people.Unlock()
	if w.told && w.toldChanges == changes {
		return nil
	}
	hidden, err := w.h.hiddenWallets(ctx, db)
	if err != nil {
		return err
	}
	if err := ch.Hide(ctx, changes, hidden); err != nil {
		return fmt.Errorf("hide wallets whose consent was withdrawn: %w", err)
	}
	w.told, w.toldChanges = true, changes
	return nil
}

// hiddenWallets are those whose consent was withdrawn: in the source that reads
// them, and in files, which name other systems' wallets (a terminal network's
// report, exported templates) and have no consents of their own.
func (h *house) hiddenWallets(ctx context.Context, db *state.DB) ([]clickhouse.HiddenWallet, error) {
	gone, err := db.Consents().Withdrawn(ctx)
	if err != nil || len(gone) == 0 {
		return nil, err
	}
	live := map[string]bool{} // the same name may be another wallet of another source
	all, err := db.Consents().List(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		live[c.Wallet] = live[c.Wallet] || c.Live(h.p.now())
	}
	var hidden []clickhouse.HiddenWallet
	for _, c := range gone {
		hidden = append(hidden, clickhouse.HiddenWallet{Source: c.Source, Wallet: c.Wallet})
		for _, s := range h.cfg.Sources {
			if s.Type == config.CSV && !live[c.Wallet] {
				hidden = append(hidden, clickhouse.HiddenWallet{Source: s.Name, Wallet: c.Wallet})
			}
		}
	}
	return hidden, nil
}

// hideNow tells the warehouse at once of a consent that was withdrawn or given
// again. Where nothing was committed yet there is nothing to hide.
func (h *house) hideNow(ctx context.Context) error {
	if err := h.readLake(ctx); err != nil {
		return err
	}
	if h.lake == nil {
		return nil
	}
	if head, err := h.lake.Head(ctx); err != nil || head == 0 {
		return err
	}
	h.store = h.newWarehouse()
	ch, err := h.store.get(ctx)
	if err == nil {
		err = h.store.tellPeople(ctx, ch, h.state)
	}
	if err != nil {
		return fmt.Errorf("the change stands, and nothing is asked against it, but the warehouse does not know it yet; the next run, query or up tells it: %w", err)
	}
	return nil
}

// tellBeforeQuery makes sure that no reader sees a wallet whose consent was
// withdrawn. It makes no state database and changes none.
func (h *house) tellBeforeQuery(ctx context.Context, ch *clickhouse.Warehouse) (err error) {
	place, err := h.cfg.StateURL(ctx)
	if err != nil {
		return err
	}
	db, err := state.Open(ctx, state.Options{URL: place, Now: h.p.now, ReadOnly: true})
	if errors.Is(err, state.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return h.store.tellPeople(ctx, ch, db)
}

// tellPersons tells the warehouse which pseudonyms are one person, after a
// rotation of the key: those that were added since the last time. Numbers do
// not leave this function.
func (w *warehouse) tellPersons(ctx context.Context, ch *clickhouse.Warehouse) error {
	pseudo, db := w.h.pseudo, w.h.state
	if pseudo == nil || db == nil || pseudo.Version() == 1 {
		return nil
	}
	w.people.Lock()
	defer w.people.Unlock()
	var people []clickhouse.Person
	last, err := db.Subjects().Each(ctx, w.toldPersons, func(_, number string) error {
		names := pseudo.Names(number)
		newest := names[len(names)-1]
		for _, older := range names[:len(names)-1] {
			people = append(people, clickhouse.Person{Pseudonym: older, Canonical: newest})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := ch.Join(ctx, int64(pseudo.Version()), people); err != nil {
		return fmt.Errorf("join pseudonyms of the same persons: %w", err)
	}
	w.toldPersons = last
	return nil
}
