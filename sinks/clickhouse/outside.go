package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/paylake/paylake/schemas"
)

// Outside is what views show rows by and the lake does not hold: it comes from
// the configuration and the state database. Rows of a snapshot are a function of
// the lake and of this.
type Outside struct {
	Aliases []Alias        `json:"aliases"`
	Hidden  []HiddenWallet `json:"hidden_wallets"`
	Persons []Person       `json:"persons"` // pseudonyms that are shown under a newer one
	// Decided is the manifest up to which decisions were known: periods that were
	// held back by then are left out for analysts. 0: none was.
	Decided int64 `json:"decided,omitempty"`
	// Streams are what the view completeness has a line of; no other view goes by
	// them, and only its exports name them.
	Streams []Expected `json:"streams,omitempty"`
}

// Outside reads what the views go by now.
func (w *Warehouse) Outside(ctx context.Context) (o Outside, err error) {
	err = w.surviving(ctx, func() error {
		o = Outside{Aliases: []Alias{}, Hidden: []HiddenWallet{}, Persons: []Person{}}
		if err := w.ensure(ctx); err != nil {
			return err
		}
		err := w.each(ctx, "read its aliases", fmt.Sprintf(`SELECT DISTINCT source, foreign_code, provider_code, valid_from FROM %[1]s.provider_aliases_rows
WHERE digest = (SELECT argMax(digest, made_at) FROM %[1]s.alias_sets) ORDER BY source, foreign_code, valid_from, provider_code`, w.db),
			func(scan func(...any) error) error {
				var a Alias
				var from time.Time
				err := scan(&a.Source, &a.ForeignCode, &a.ProviderCode, &from)
				a.ValidFrom = from.UTC()
				o.Aliases = append(o.Aliases, a)
				return err
			})
		if err != nil {
			return err
		}
		err = w.each(ctx, "read hidden wallets", "SELECT source, wallet_id FROM "+(viewer{db: w.db}).hidden()+" ORDER BY source, wallet_id",
			func(scan func(...any) error) error {
				var h HiddenWallet
				err := scan(&h.Source, &h.Wallet)
				o.Hidden = append(o.Hidden, h)
				return err
			})
		if err != nil {
			return err
		}
		if err := w.one(ctx, "read what is held back", fmt.Sprintf("SELECT max(snapshot) FROM %s.%s WHERE sign = 1 AND %s", w.db, rowsTable(schemas.Decisions), viewer{db: w.db}.loaded(newest)), &o.Decided); err != nil {
			return err
		}
		return w.each(ctx, "read persons", fmt.Sprintf("SELECT pseudonym, argMax(canonical, version) AS c FROM %s.persons GROUP BY pseudonym ORDER BY pseudonym", w.db),
			func(scan func(...any) error) error {
				var p Person
				err := scan(&p.Pseudonym, &p.Canonical)
				o.Persons = append(o.Persons, p)
				return err
			})
	})
	return o, err
}

// SetOutside makes a new warehouse go by what another one went by.
func (w *Warehouse) SetOutside(ctx context.Context, o Outside) error {
	if err := w.SetAliases(ctx, o.Aliases); err != nil {
		return err
	}
	if err := w.Expect(ctx, o.Streams); err != nil {
		return err
	}
	if err := w.Hide(ctx, 1, o.Hidden); err != nil {
		return err
	}
	if err := w.surviving(ctx, func() error {
		if err := w.ensure(ctx); err != nil {
			return err
		}
		return w.insert(ctx, "holds_as_of", [][]any{{o.Decided, w.now().UTC()}})
	}); err != nil {
		return err
	}
	return w.Join(ctx, 1, o.Persons)
}
